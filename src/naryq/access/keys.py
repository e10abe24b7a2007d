"""API keys: made, shown once, verified by their hash once, and then known by a digest until they are revoked."""

from typing import Final, NamedTuple

import msgspec

from naryq.access.hashing import Hashing
from naryq.access.limits import Lockout
from naryq.access.principals import Chance, Clock, Key, Principal, digest, new_key, read_key, unknown
from naryq.access.store import Store

KNOWN_MAX: Final = 10_000


class ShownKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as a list shows it: never its secret."""

    key_id: str
    participant_id: str
    person: str
    label: str
    reads_only: bool
    created_by: str
    created_at_ns: int
    revoked_at_ns: int | None


class _Kept(NamedTuple):
    principal: Principal
    hash: str


class Keys:
    """The API keys of all participants."""

    def __init__(self, store: Store, clock: Clock, chance: Chance, hashing: Hashing) -> None:
        """Know the keys of a file."""
        self._store, self._clock, self._chance, self._hashing = store, clock, chance, hashing
        self._lockout = Lockout(clock)
        self._known: dict[bytes, Principal] = {}
        """By digest, the keys that were verified since the start: the hash is asked once."""

    def add(self, key: Key, hashed: str, principal: Principal, label: str, created_by: str) -> None:
        """Keep a key by its hash."""
        values = (key.key_id, principal.participant_id, principal.person, label, principal.reads_only, hashed)
        self._store.rows("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)", *values, created_by, self._clock())
        self._store.settle()

    def make(self) -> Key:
        """Make a key that nobody has yet."""
        return new_key(self._chance)

    def known(self, text: str) -> Principal | None:
        """Return whose key this is if that was found out before; the hash is not asked."""
        return self._known.get(digest(text))

    def wanting_a_hash(self, text: str) -> Key:
        """Return a key that was made here once, by its public identifier; refuses (NOT_AUTHENTICATED) all else.

        Nothing but that costs a hash. Whether there is such an identifier is no secret.
        """
        key = read_key(text)
        if key is None or self._kept(key.key_id) is None:
            raise unknown()
        return key

    async def verified(self, key: Key) -> Principal:
        """Return whose key this is.

        Raises:
            Refusal: NOT_AUTHENTICATED when its secret is wrong, LOCKED_OUT after too many wrong ones.
        """
        self._lockout.check(key.key_id)
        kept = self._kept(key.key_id)
        if not await self._hashing.fits(kept and kept.hash, key.secret) or kept is None:
            self._lockout.failed(key.key_id)
            raise unknown()
        self._lockout.passed(key.key_id)
        if self._kept(key.key_id) is None:  # It was revoked while we were hashing.
            raise unknown()
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[digest(key.text)] = kept.principal
        return kept.principal

    def stands(self, key_id: str) -> bool:
        """Say whether a key opens something still."""
        return self._kept(key_id) is not None

    def _kept(self, key_id: str) -> _Kept | None:
        columns = "participant_id, person, key_id, reads_only, hash"
        found = self._store.rows(f"SELECT {columns} FROM keys WHERE key_id = ? AND revoked_at_ns IS NULL", key_id)  # noqa: S608 - fixed words
        if not found:
            return None
        ((participant_id, person, credential, reads_only, hashed),) = found
        return _Kept(Principal(participant_id, person, credential, bool(reads_only)), hashed)

    def shown(self, participant_id: str | None = None) -> tuple[ShownKey, ...]:
        """Return the keys of a participant or of all, without their secrets."""
        columns = ShownKey.__struct_fields__
        found = self._store.rows(f"SELECT {', '.join(columns)} FROM keys ORDER BY key_id")  # noqa: S608 - fixed words
        shown = (ShownKey(**{**dict(zip(columns, row, strict=True)), "reads_only": bool(row[4])}) for row in found)
        return tuple(key for key in shown if participant_id in {None, key.participant_id})

    def revoke(self, key_id: str) -> bool:
        """Let a key open nothing any more, from now on; return whether it did before."""
        now_ns = self._clock()
        statement = "UPDATE keys SET revoked_at_ns = ? WHERE key_id = ? AND revoked_at_ns IS NULL RETURNING key_id"
        was_valid = bool(self._store.rows(statement, now_ns, key_id))
        self._store.settle()
        self._known = {known: who for known, who in self._known.items() if who.credential != key_id}
        return was_valid
