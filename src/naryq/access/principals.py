"""Who acts, and the spellings of the secrets by which we know him."""

import re
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

from naryq.messages import Code, Refusal

Clock: TypeAlias = Callable[[], int]
"""Nanoseconds since 1970 in UTC."""
Chance: TypeAlias = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess: `secrets.token_bytes`, or a fixed row in a test."""
SPELLING: Final = re.compile(r"naryq_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
IDENTIFIER_BYTES: Final = 6
SECRET_BYTES: Final = 32
NS_PER_SECOND: Final = 10**9
NS_PER_MINUTE: Final = 60 * NS_PER_SECOND


class Principal(NamedTuple):
    """Whoever acts: a participant of the venue, the person who acts for it, and the credential by which we know."""

    participant_id: str
    person: str
    credential: str
    reads_only: bool = False


class Key(NamedTuple):
    """An API key as its holder has it: a public identifier and a secret of 256 bits."""

    key_id: str
    secret: str

    @property
    def text(self) -> str:
        """The spelling that its holder sends."""
        return f"naryq_{self.key_id}_{self.secret}"

    def __repr__(self) -> str:
        """Show the identifier alone: a secret must not reach a log by way of a trace."""
        return f"Key({self.key_id})"


def new_key(chance: Chance) -> Key:
    """Make a key of chance."""
    return Key(chance(IDENTIFIER_BYTES).hex(), chance(SECRET_BYTES).hex())


def read_key(text: str) -> Key | None:
    """Read a key as its holder sends it; None when it is none."""
    match = SPELLING.fullmatch(text)
    return None if match is None else Key(match[1], match[2])


def digest(text: str) -> bytes:
    """Return what stands for a secret in memory, so that it need not be kept there itself."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def unknown() -> Refusal:
    """Return the refusal of whoever shows no credential that we know; it does not say what was wrong with it."""
    what = "the request shows no valid credential"
    remedy = "Send the header `Authorization: Bearer KEY` with a key that the operator gave you, or sign in anew."
    return Refusal(Code.NOT_AUTHENTICATED, what, where="Authorization", remedy=remedy)
