"""The doorkeeper: everything about who may enter, over one file."""

import argon2

from naryq.access.audit import Audit
from naryq.access.hashing import HASHER, Hashing
from naryq.access.keys import Keys
from naryq.access.limits import Rates
from naryq.access.people import People
from naryq.access.principals import Chance, Clock, Key, Principal, unknown
from naryq.access.seconds import Seconds
from naryq.access.sessions import PREFIX, PageSessions, Tokens
from naryq.access.store import Store
from naryq.access.switches import Switches

BEARER = "Bearer "
REQUESTS_PER_SECOND = 100
"""Of one participant, where the configuration says nothing else."""
ATTEMPTS_PER_SECOND = 10
"""How many secrets that are not known yet are looked at from one address: each costs a hash."""


class Access:
    """Who may enter. It belongs to the loop; only the hashing is done in threads."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        chance: Chance,
        *,
        hasher: argon2.PasswordHasher = HASHER,
        requests_per_second: int = REQUESTS_PER_SECOND,
    ) -> None:
        """Know whom the file knows."""
        self._store, self._clock = store, clock
        self._hashing = Hashing(hasher)
        self.keys = Keys(store, clock, chance, self._hashing)
        self.people = People(store, clock, chance, self._hashing)
        self.tokens = Tokens(clock, chance)
        self.sessions = PageSessions(clock, chance)
        self.rates = Rates(clock, requests_per_second)
        self.attempts = Rates(clock, ATTEMPTS_PER_SECOND)
        self.audit = Audit(store, clock)
        self.seconds = Seconds(store, clock, chance)
        self.switches = Switches(store, clock)

    def close(self) -> None:
        """Keep the log and let go of the file."""
        self.audit.keep()
        self._store.close()

    @property
    def is_empty(self) -> bool:
        """Whether nobody was ever given a key."""
        return not self.keys.shown()

    def issue(self, participant_id: str, person: str, label: str = "") -> Key:
        """Make a key in the caller's thread, for a tenth of a second: before the doors open, and in tests."""
        key = self.keys.make()
        principal = Principal(participant_id, person, key.key_id)
        self.keys.add(key, self._hashing.hash_now(key.secret), principal, label, person)
        return key

    async def new_key(self, principal: Principal, label: str, created_by: Principal) -> Key:
        """Make a key for a principal; nobody sees its secret again."""
        key = self.keys.make()
        hashed = await self._hashing.hashed(key.secret)
        self.keys.add(key, hashed, principal, label, created_by.person)
        return key

    async def principal(self, authorization: str, address: str = "") -> Principal:
        """Return who sends a header `Authorization: Bearer KEY`, or one with a token, from an address.

        Raises:
            Refusal: NOT_AUTHENTICATED when we know nobody by it, LOCKED_OUT after too many wrong secrets,
                TOO_MANY_REQUESTS when too many unknown ones come from the address.
        """
        scheme, text = authorization[: len(BEARER)], authorization[len(BEARER) :]
        if scheme.lower() != BEARER.lower():
            raise unknown()
        if text.startswith(PREFIX):
            return self.tokens.principal(text)
        known = self.keys.known(text)
        if known is not None:
            return known
        key = self.keys.wanting_a_hash(text)
        self.attempts.check(address)
        return await self.keys.verified(key)

    def forget(self, credential: str) -> None:
        """End all that was made of a credential: tokens and sessions."""
        self.tokens.end(credential)
        self.sessions.end_all(credential)
