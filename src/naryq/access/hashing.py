"""Argon2 hashes of keys and passwords, computed in threads, and few at once."""

import asyncio
from typing import Final

import argon2

HASHER: Final = argon2.PasswordHasher()
"""Argon2id with the library's own parameters: about a tenth of a second and 64 MB a hash."""
HASHES_AT_ONCE: Final = 2
"""A crowd of wrong keys must not take the venue's memory, nor its processors."""


class Hashing:
    """Hashes secrets and judges them. The loop goes on meanwhile."""

    def __init__(self, hasher: argon2.PasswordHasher = HASHER) -> None:
        """Hash with the parameters of a hasher."""
        self._hasher = hasher
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobody = hasher.hash("nobody")

    def hash_now(self, secret: str) -> str:
        """Return the hash of a secret; this takes its time in the caller's thread."""
        return self._hasher.hash(secret)

    async def hashed(self, secret: str) -> str:
        """Return the hash of a secret."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, secret)

    async def fits(self, kept: str | None, secret: str) -> bool:
        """Say whether a secret is the one that was hashed; where nothing is kept, no, in the same time."""
        async with self._turns:
            found = await asyncio.to_thread(self._fits, self._nobody if kept is None else kept, secret)
        return found and kept is not None

    def _fits(self, kept: str, secret: str) -> bool:
        try:
            return self._hasher.verify(kept, secret)
        except argon2.exceptions.VerificationError:
            return False
