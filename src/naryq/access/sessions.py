"""What stands for a credential for a while: bearer tokens of programs, and the sessions of pages. In memory alone.

A restart ends them all: whoever was in shows his key or signs in again.
"""

from collections.abc import MutableMapping
from hmac import compare_digest
from typing import Any, Final, NamedTuple

from naryq.access.principals import NS_PER_MINUTE, Chance, Clock, Principal, digest, unknown
from naryq.messages import Code, Refusal

PREFIX: Final = "naryqt_"
"""How the spelling of a token begins."""
TOKEN_NS: Final = 15 * NS_PER_MINUTE
IDLE_NS: Final = 30 * NS_PER_MINUTE
SESSION_NS: Final = 12 * 60 * NS_PER_MINUTE
SECRET_BYTES: Final = 32
OF_ONE_MAX: Final = 100
"""How many tokens, and how many sessions, one credential may have; then the oldest ends."""


class Token(NamedTuple):
    """A bearer token as its holder has it, and when it ends."""

    text: str
    expires_at_ns: int

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"Token(until {self.expires_at_ns})"


class PageSession(NamedTuple):
    """The session of somebody who has signed in to the pages; `csrf` stands in each form, and must come back."""

    principal: Principal
    csrf: str
    begun_at_ns: int
    seen_at_ns: int

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"PageSession({self.principal})"


class Tokens:
    """The short-lived tokens."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        """Begin with none."""
        self._clock, self._chance = clock, chance
        self._held: dict[bytes, tuple[Principal, int]] = {}

    def issue(self, principal: Principal) -> Token:
        """Make a token that stands for a principal for a quarter of an hour."""
        now_ns = self._clock()
        self._held = {key: held for key, held in self._held.items() if held[1] > now_ns}
        _end_oldest(self._held, [key for key, held in self._held.items() if held[0] == principal])
        token = Token(PREFIX + self._chance(SECRET_BYTES).hex(), now_ns + TOKEN_NS)
        self._held[digest(token.text)] = (principal, token.expires_at_ns)
        return token

    def principal(self, text: str) -> Principal:
        """Return for whom a token stands; refuses (NOT_AUTHENTICATED) one that is over or never was."""
        held = self._held.get(digest(text))
        if held is None or held[1] <= self._clock():
            raise unknown()
        return held[0]

    def end(self, credential: str) -> None:
        """End all tokens that were made of a credential."""
        self._held = {key: held for key, held in self._held.items() if held[0].credential != credential}


class PageSessions:
    """The sessions of the pages: each ends after half an hour without a request, and after twelve hours in any case."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        """Begin with none."""
        self._clock, self._chance = clock, chance
        self._held: dict[bytes, PageSession] = {}

    def begin(self, principal: Principal) -> str:
        """Begin a session, and return what its cookie says."""
        now_ns = self._clock()
        self._held = {key: held for key, held in self._held.items() if _goes_on(held, now_ns)}
        _end_oldest(self._held, [key for key, held in self._held.items() if held.principal == principal])
        cookie = self._chance(SECRET_BYTES).hex()
        self._held[digest(cookie)] = PageSession(principal, self._chance(SECRET_BYTES).hex(), now_ns, now_ns)
        return cookie

    def of(self, cookie: str) -> PageSession | None:
        """Return the session of a cookie, which was seen now; None when it is over or never was."""
        key, now_ns = digest(cookie), self._clock()
        held = self._held.get(key)
        if held is None or not _goes_on(held, now_ns):
            return None
        self._held[key] = held._replace(seen_at_ns=now_ns)
        return self._held[key]

    def end(self, cookie: str) -> None:
        """End the session of a cookie."""
        self._held.pop(digest(cookie), None)

    def end_all(self, credential: str) -> None:
        """End all sessions of a credential."""
        self._held = {key: held for key, held in self._held.items() if held.principal.credential != credential}


def check_csrf(session: PageSession, given: str) -> None:
    """Refuse (NOT_PERMITTED) a form that was not made by our own pages for this session."""
    if not compare_digest(session.csrf.encode(), given.encode("utf-8", "surrogatepass")):
        remedy = "Open the page again and send it from there."
        raise Refusal(Code.NOT_PERMITTED, "this form is not of your session", where="csrf", remedy=remedy)


def _goes_on(held: PageSession, now_ns: int) -> bool:
    return now_ns - held.seen_at_ns < IDLE_NS and now_ns - held.begun_at_ns < SESSION_NS


def _end_oldest(held: MutableMapping[bytes, Any], own: list[bytes]) -> None:
    for key in own[: max(0, len(own) - OF_ONE_MAX + 1)]:
        del held[key]
