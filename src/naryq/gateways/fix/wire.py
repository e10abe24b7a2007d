"""FIX messages as bytes: found in a stream, read, and written (FIX 4.4, volume 2, "FIX Message Format and Delivery").

What cannot be read is *garbled*: it is passed over as if it had never come, and its number with it, so that the gap
it leaves is noticed at the next message and asked for again.
"""

import re
from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.gateways.fix import tags

SOH: Final = b"\x01"
VERSION: Final = "FIX.4.4"
BODY_BYTES_MAX: Final = 16_384
"""The longest body that is waited for: a longer one is taken for garbled, or a stranger could fill our memory."""

Field = tuple[int, str]

_LENGTHS: Final = MappingProxyType(
    {90: 91, 93: 89, 95: 96, 212: 213, 348: 349, 350: 351, 352: 353, 354: 355, 356: 357, 358: 359}
    | {360: 361, 362: 363, 364: 365, 445: 446, 618: 619, 621: 622}
)
"""The fields that say how many bytes of data the next field holds; only such a field may hold a SOH."""
_HAS_DATA: Final = re.compile("|".join(f"\x01{tag}=" for tag in _LENGTHS).encode())
_BEGINS: Final = re.compile(rb"8=[^\x01=]{1,16}\x01")
_BEGUN: Final = re.compile(rb"8(=[^\x01=]{0,16})?\Z")
_LENGTH: Final = re.compile(rb"9=(\d{1,9})\x01")
_LENGTH_BEGUN: Final = re.compile(rb"(9(=\d{0,9})?)?")
_ENDS: Final = re.compile(rb"\x0110=[^\x01]*\x01")
_TAG: Final = re.compile(r"-?\d{1,9}", re.ASCII)
TAG_DIGITS_MAX: Final = 9
_CHECK_SUM: Final = re.compile(rb"\d{3}")
_CHARSET: Final = "latin-1"
"""Every byte is a letter of it, so that what is echoed is what came."""


class Garbled(ValueError):  # noqa: N818 - what a stranger sent is no error of the program
    """Bytes that are no message: it says why, for the log."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message without its first two fields and its last: its kind (35), its version (8), and all fields in order.

    Of a field that comes twice, as in a group, `first` holds the first value.
    """

    version: str
    kind: str
    fields: tuple[Field, ...]
    first: dict[int, str]

    def get(self, tag: int, otherwise: str = "") -> str:
        """Return the first value of a field."""
        return self.first.get(tag, otherwise)

    def says(self, tag: int) -> bool:
        """Say whether a field is there and says yes."""
        return self.first.get(tag) == "Y"


def of(kind: str, fields: Iterable[Field], version: str = VERSION) -> Message:
    """Return a message of a kind with these fields."""
    kept = tuple(fields)
    return Message(version, kind, kept, dict(reversed(kept)))


class Framer:
    """Cuts a stream of bytes into messages, whatever the pieces in which it comes.

    The end of a message is the first checksum field at or behind the place that the body length names. So a wrong
    length takes with it what it covers, and never makes a message of what stands inside another.
    """

    def __init__(self) -> None:
        """Begin with an empty buffer."""
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield what may be whole messages; what is cut out is gone, read or not."""
        self._bytes += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> bytes | None:
        while (begins := self._begin()) is not None:
            ends = self._end(begins)
            if ends is None:
                return None
            if ends:
                frame = bytes(self._bytes[:ends])
                del self._bytes[:ends]
                return frame
            del self._bytes[:2]
        return None

    def _end(self, begins: int) -> int | None:
        """Return where the message ends whose length stands at a place; None while it may come, 0 when it cannot."""
        length = _LENGTH.match(self._bytes, begins)
        if length is None:
            return None if _LENGTH_BEGUN.fullmatch(self._bytes, begins) else 0
        if int(length[1]) > BODY_BYTES_MAX:
            return 0
        covered = length.end() + int(length[1])
        ends = _ENDS.search(self._bytes, covered - 1)
        if ends is None:
            return None if len(self._bytes) < covered + BODY_BYTES_MAX else 0
        return ends.end()

    def _begin(self) -> int | None:
        """Throw away what stands before a begin string, and return where the string ends."""
        found = _BEGINS.search(self._bytes)
        if found is None:
            begun = _BEGUN.search(self._bytes)
            del self._bytes[: begun.start() if begun else len(self._bytes)]
            return None
        del self._bytes[: found.start()]
        return found.end() - found.start()


def read(frame: bytes) -> Message:
    """Read one message.

    Raises:
        Garbled: When its first three fields are not 8, 9, 35, its length or checksum is wrong, or a field has no tag.
    """
    parts = _parts(frame)
    if len(parts) < 4 or [part[:3] for part in parts[:3]] != [b"8=" + parts[0][2:3], b"9=" + parts[1][2:3], b"35="]:  # noqa: PLR2004
        raise Garbled("the first three fields are not 8, 9 and 35")
    if not parts[-1].startswith(b"10="):
        raise Garbled("the last field is not 10")
    _check(frame, parts)
    fields = tuple(_field(part.decode(_CHARSET)) for part in parts[2:-1])
    return Message(parts[0][2:].decode(_CHARSET), fields[0][1], fields[1:], dict(reversed(fields[1:])))


def _parts(frame: bytes) -> list[bytes]:
    if not frame.endswith(SOH):
        raise Garbled("the last field does not end")
    if _HAS_DATA.search(frame) is None:
        return frame[:-1].split(SOH)
    return list(_parts_with_data(frame))


def _parts_with_data(frame: bytes) -> Iterator[bytes]:
    """Yield the fields of a message in which some hold as many bytes as the field before them says."""
    at, promised = 0, None
    while at < len(frame):
        tag, _, _ = frame[at : at + 12].partition(b"=")
        if promised is not None and tag == str(promised[0]).encode():
            ends = at + len(tag) + 1 + promised[1]
            if frame[ends : ends + 1] != SOH:
                raise Garbled(f"field {promised[0]} is not as long as promised")
        else:
            ends = frame.index(SOH, at)
        part = frame[at:ends]
        yield part
        promised = _promise(part)
        at = ends + 1


def _promise(part: bytes) -> tuple[int, int] | None:
    tag, _, value = part.partition(b"=")
    if not (tag.isdigit() and value.isdigit()) or int(tag) not in _LENGTHS:
        return None
    return _LENGTHS[int(tag)], int(value)


def _check(frame: bytes, parts: list[bytes]) -> None:
    given = parts[-1][3:]
    covered = len(frame) - len(parts[-1]) - 1
    if _CHECK_SUM.fullmatch(given) is None or int(given) != sum(frame[:covered]) % 256:
        raise Garbled(f"the checksum is not {given.decode(_CHARSET)}")
    length = parts[1][2:]
    if not length.isdigit() or int(length) != covered - len(parts[0]) - len(parts[1]) - 2:
        raise Garbled(f"the body length is not {length.decode(_CHARSET)}")


def _field(part: str) -> Field:
    tag, found, value = part.partition("=")
    if not tag.isdecimal() or not found or len(tag) > TAG_DIGITS_MAX:
        return _odd_field(part)
    return int(tag), value


def _odd_field(part: str) -> Field:
    """Read a field whose number is negative, which is for the dictionary to reject; anything else is none."""
    tag, found, value = part.partition("=")
    if not found or _TAG.fullmatch(tag) is None:
        raise Garbled(f"{part[:20]!r} is no field")
    return int(tag), value


def written(message: Message) -> bytes:
    """Write a message: its version, the length, the kind, its fields as they stand, and the checksum."""
    body = "".join(f"{tag}={value}\x01" for tag, value in ((tags.MSG_TYPE, message.kind), *message.fields))
    covered = body.encode(_CHARSET, "replace")
    head = f"8={message.version}\x019={len(covered)}\x01".encode(_CHARSET) + covered
    return head + f"10={sum(head) % 256:03d}\x01".encode()
