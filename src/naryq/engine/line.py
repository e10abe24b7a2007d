"""The line between a venue's doors and a writer in a process of its own: what goes over it, and how it is framed.

Both ends are the same program at the same instant, so the messages have no version.
"""

import socket
from collections.abc import Iterator
from typing import BinaryIO, Final, TypeAlias

import msgspec

from naryq.messages import Code, Refused

LENGTH_BYTES: Final = 8


class Offer(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A batch of commands, as the journal will keep them: its number on this line, and when it came.

    `turned_away` are the codes of what was refused before it.
    """

    number: int
    received_ns: int
    spellings: tuple[bytes, ...]
    whole: bool
    turned_away: tuple[Code, ...]


class AskFigures(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The question for the metrics."""


class Opened(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The writer has the journal for itself: no row comes until it is asked."""


class Recovered(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """The writer is at work, behind a row."""

    sequence: int


class NotOpened(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """The journal could not be opened or replayed, or the writer has stopped by itself."""

    refusal: Refused


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """One answer; without events it has those of the row, which stands in the same message."""

    sequence: int
    repeated: bool
    events: bytes


class Answered(msgspec.Struct, frozen=True, array_like=True):
    """The answers to a batch."""

    number: int
    answers: tuple[Kept, ...]


class Told(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """New rows, the answers that are there by now, and whether the writer goes on."""

    rows: tuple[bytes, ...]
    answered: tuple[Answered, ...]
    running: bool


class Figures(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The metrics."""

    text: str


ToWriter: TypeAlias = Offer | AskFigures
ToDoors: TypeAlias = Opened | Recovered | NotOpened | Told | Figures

_encoder = msgspec.msgpack.Encoder()
_of_doors = msgspec.msgpack.Decoder(ToWriter)
_of_writer = msgspec.msgpack.Decoder(ToDoors)


def send(line: socket.socket, message: ToWriter | ToDoors) -> None:
    """Send a message; raises OSError when the other end is gone."""
    content = _encoder.encode(message)
    line.sendall(len(content).to_bytes(LENGTH_BYTES, "big") + content)


def from_doors(said: BinaryIO) -> Iterator[ToWriter]:
    """Yield what the doors say until they are gone."""
    return map(_of_doors.decode, _frames(said))


def from_writer(said: BinaryIO) -> Iterator[ToDoors]:
    """Yield what the writer says until it is gone."""
    return map(_of_writer.decode, _frames(said))


def _frames(said: BinaryIO) -> Iterator[bytes]:
    """Yield whole frames; one that was cut off by the end of the other side is dropped."""
    while len(head := said.read(LENGTH_BYTES)) == LENGTH_BYTES:
        length = int.from_bytes(head, "big")
        content = said.read(length)
        if len(content) == length:
            yield content
