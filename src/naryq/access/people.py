"""People: a login, a password as its hash, and a one-time code of RFC 6238, of which each counts once."""

from base64 import b32encode
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Final, NamedTuple

import msgspec
import pyotp

from naryq.access.hashing import Hashing
from naryq.access.limits import Lockout
from naryq.access.principals import NS_PER_SECOND, Chance, Clock, Principal
from naryq.access.store import Store
from naryq.messages import Code, Refusal

STEP_SECONDS: Final = 30
PASSWORD_LENGTH_MIN: Final = 12
PASSWORD_LENGTH_MAX: Final = 200
ONE_TIME_BYTES: Final = 20
COLUMNS: Final = "login, participant_id, hash, one_time_secret, last_step"


class ShownPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person as a list shows it."""

    login: str
    participant_id: str
    created_by: str
    created_at_ns: int
    removed_at_ns: int | None


class NewPerson(msgspec.Struct, frozen=True, kw_only=True):
    """What a new person is given, shown once: the secret of the one-time codes, and its address for a scanner."""

    login: str
    one_time_secret: str
    one_time_address: str


class _Kept(NamedTuple):
    login: str
    participant_id: str
    hash: str
    one_time_secret: str
    last_step: int


class People:
    """Those who sign in by hand."""

    def __init__(self, store: Store, clock: Clock, chance: Chance, hashing: Hashing) -> None:
        """Know the people of a file."""
        self._store, self._clock, self._chance, self._hashing = store, clock, chance, hashing
        self._lockout = Lockout(clock)

    async def add(self, login: str, participant_id: str, password: str, created_by: str) -> NewPerson:
        """Let a person sign in for a participant.

        Raises:
            Refusal: ALREADY_EXISTS for a login that is or was somebody's, OUT_OF_RANGE for too short a password.
        """
        check_password(password)
        hashed = await self._hashing.hashed(password)
        if self._store.rows("SELECT 1 FROM people WHERE login = ?", login):
            what = f"there is or was a person {login!r}"
            raise Refusal(Code.ALREADY_EXISTS, what, where="login", remedy="Choose another login.")
        secret = _base32(self._chance(ONE_TIME_BYTES))
        values = (login, participant_id, hashed, secret, 0, created_by, self._clock())
        self._store.rows("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?, NULL)", *values)
        self._store.settle()
        address = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name="Naryq")
        return NewPerson(login=login, one_time_secret=secret, one_time_address=address)

    async def signed_in(self, login: str, password: str, code: str, address: str) -> Principal:
        """Return who has signed in with a password and a one-time code.

        Raises:
            Refusal: NOT_AUTHENTICATED where anything is wrong, without saying what; LOCKED_OUT after too many tries.
        """
        subjects = (f"login {login}", f"address {address}")
        for subject in subjects:
            self._lockout.check(subject)
        kept = self._kept(login)
        fits = await self._hashing.fits(kept and kept.hash, password)
        if kept is None or not fits or not self._take_code(kept, code):
            for subject in subjects:
                self._lockout.failed(subject)
            what = "the login, the password or the one-time code is wrong, or the code was used already"
            raise Refusal(Code.NOT_AUTHENTICATED, what, where="login", remedy="Try again with the next code.")
        self._lockout.passed(subjects[0])
        return Principal(kept.participant_id, login, f"login {login}")

    async def set_password(self, login: str, password: str) -> None:
        """Give a person another password; refuses (OUT_OF_RANGE) too short a one."""
        check_password(password)
        hashed = await self._hashing.hashed(password)
        self._store.rows("UPDATE people SET hash = ? WHERE login = ?", hashed, login)
        self._store.settle()

    def remove(self, login: str) -> bool:
        """Let a person sign in no more; return whether it could before."""
        statement = "UPDATE people SET removed_at_ns = ? WHERE login = ? AND removed_at_ns IS NULL RETURNING login"
        could = bool(self._store.rows(statement, self._clock(), login))
        self._store.settle()
        return could

    def shown(self, participant_id: str | None = None) -> tuple[ShownPerson, ...]:
        """Return the people of a participant or of all, without their secrets."""
        columns = ShownPerson.__struct_fields__
        found = self._store.rows(f"SELECT {', '.join(columns)} FROM people ORDER BY login")  # noqa: S608 - fixed words
        shown = (ShownPerson(**dict(zip(columns, row, strict=True))) for row in found)
        return tuple(person for person in shown if participant_id in {None, person.participant_id})

    def _kept(self, login: str) -> _Kept | None:
        found = self._store.rows(f"SELECT {COLUMNS} FROM people WHERE login = ? AND removed_at_ns IS NULL", login)  # noqa: S608 - fixed words
        return _Kept(*found[0]) if found else None

    def _take_code(self, kept: _Kept, code: str) -> bool:
        """Say whether a code is one of now, or of a step beside it, that was not used; it is used from now on.

        The row is asked again in the very statement: two who come at once with one code are not both taken.
        """
        now = self._clock() // NS_PER_SECOND // STEP_SECONDS
        one_time = pyotp.TOTP(kept.one_time_secret)
        for step in (now - 1, now, now + 1):
            at = datetime.fromtimestamp(step * STEP_SECONDS, UTC)
            if compare_digest(one_time.at(at).encode(), code.encode("utf-8", "surrogatepass")):
                statement = "UPDATE people SET last_step = ?1 WHERE login = ?2 AND last_step < ?1 RETURNING login"
                return bool(self._store.rows(statement, step, kept.login))
        return False


def check_password(password: str) -> None:
    """Refuse (OUT_OF_RANGE) a password that is too short or too long; no other rule is asked of it."""
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        what = f"the password has {len(password)} characters"
        remedy = f"Choose one of {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters."
        raise Refusal(Code.OUT_OF_RANGE, what, where="password", remedy=remedy)


def _base32(secret: bytes) -> str:
    return b32encode(secret).decode()
