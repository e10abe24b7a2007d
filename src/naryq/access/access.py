"""The doorkeeper: it knows who is at the door by a credential, and asks the hash only once for each."""

import asyncio
from collections.abc import Callable
from typing import Final

import argon2

from naryq.access.keys import Chance, Key, Principal, digest, new_key, read_key
from naryq.access.store import Store
from naryq.messages import Code, Refusal

BEARER: Final = "Bearer "
HASHER: Final = argon2.PasswordHasher()
"""Argon2id with the library's own parameters: a tenth of a second and 64 MB a hash."""
HASHES_AT_ONCE: Final = 2
"""Each takes 64 MB for a tenth of a second: a crowd of wrong keys must not take the venue's memory."""


class Access:
    """Who may enter. It belongs to the loop; only the hashing is done in threads."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        chance: Chance,
        hasher: argon2.PasswordHasher = HASHER,
    ) -> None:
        """Know whom the file knows; the clock gives ns since 1970 in UTC."""
        self._store, self._clock, self._chance, self._hasher = store, clock, chance, hasher
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._known: dict[bytes, Principal] = {}
        """The digests of the keys that were verified since the start."""

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()

    @property
    def is_empty(self) -> bool:
        """Whether nobody was ever given a key."""
        return not self._store.rows("SELECT 1 FROM keys LIMIT 1")

    def issue(self, participant_id: str, person: str, label: str = "") -> Key:
        """Make a key for a person of a participant; nobody sees its secret again. It takes a tenth of a second."""
        key = new_key(self._chance)
        values = (key.key_id, participant_id, person, label, self._hasher.hash(key.secret), self._clock())
        self._store.rows("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)", *values)
        self._store.settle()
        return key

    async def principal(self, authorization: str) -> Principal:
        """Return who sends a header `Authorization: Bearer KEY`.

        Raises:
            Refusal: NOT_AUTHENTICATED when we know nobody by it.
        """
        text = authorization.removeprefix(BEARER)
        known = self._known.get(digest(text))
        return known if known is not None else await self._verified(text)

    async def _verified(self, text: str) -> Principal:
        key = read_key(text)
        row = key and self._store.rows(
            "SELECT participant_id, person, hash FROM keys WHERE key_id = ? AND revoked_at_ns IS NULL", key.key_id
        )
        if not key or not row:
            raise unknown()
        ((participant_id, person, kept),) = row
        async with self._hashing:
            fits = await asyncio.to_thread(self._fits, str(kept), key.secret)
        if not fits:
            raise unknown()
        principal = Principal(str(participant_id), str(person), key.key_id)
        self._known[digest(text)] = principal
        return principal

    def _fits(self, kept: str, secret: str) -> bool:
        try:
            return self._hasher.verify(kept, secret)
        except argon2.exceptions.VerificationError:
            return False


def unknown() -> Refusal:
    """Return the refusal of whoever shows no credential that we know; it does not say what was wrong with it."""
    what = "the request shows no valid credential"
    remedy = "Send the header `Authorization: Bearer KEY` with a key that the operator gave you."
    return Refusal(Code.NOT_AUTHENTICATED, what, where="Authorization", remedy=remedy)
