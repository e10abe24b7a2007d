"""A journal as lines of text: what `naryq journal export` writes and `naryq journal import` reads.

The first line is a header, `{"format":"naryq journal export 1","head":...,"rows":...}`; every other is a row,
`{"sequence":...,"chain":...,"payload":{...}}`, with the payload's own bytes. A line ends with a newline, and the last
line does too, so that a file that was cut off is found.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Final

import msgspec

from naryq.journal.contract import GENESIS, Reader, Record, damaged
from naryq.journal.verify import checked
from naryq.messages import Code, Refusal

FORMAT: Final = "naryq journal export 1"
LINE_BYTES_MAX: Final = 1 << 26
"""A row is some kilobytes, and a rulebook adopted some hundreds; what has no newline within 64 MiB is another file."""

Chain = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: what the file is, the chain of the last row (64 hexadecimal digits), and how many rows follow."""

    format: str
    head: Chain
    rows: Annotated[int, msgspec.Meta(ge=0)]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every other line: a row."""

    sequence: int
    chain: Chain
    payload: msgspec.Raw


def exported(journal: Reader) -> Iterator[bytes]:
    """Yield the lines of a journal up to its head at the time of the call; each row is checked on the way.

    Raises:
        Refusal: JOURNAL_DAMAGED at the first row that is missing, breaks the chain, or is no entry.
    """
    head = journal.head()
    rows, chain = (head.sequence, head.chain) if head else (0, GENESIS)
    yield _line(Header(FORMAT, chain.hex(), rows))
    for record, _ in checked(islice(journal.read(), rows)):
        yield _line(Line(record.sequence, record.chain.hex(), msgspec.Raw(record.payload)))


def imported(lines: Iterable[bytes]) -> Iterator[Record]:
    """Yield the rows of an export, each checked against the chain, and the last against the header.

    Raises:
        Refusal: UNREADABLE when the lines are no export, JOURNAL_DAMAGED at the first row that is missing, altered, or
            no entry, or when the rows are not those that the header names.
    """
    rest = iter(lines)
    header = _header(next(rest, b""))
    sequence, chain = 0, GENESIS
    for record, _ in checked(_rows(rest)):
        sequence, chain = record.sequence, record.chain
        yield record
    if (sequence, chain.hex()) != (header.rows, header.head):
        what = f"the header names {header.rows} rows and another head than that of row {sequence}, the last one here"
        raise damaged(what, where="line 1")


def _line(value: Header | Line) -> bytes:
    return _encoder.encode(value) + b"\n"


def _header(line: bytes) -> Header:
    try:
        header = _header_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        header = None
    if header is None or header.format != FORMAT:
        raise Refusal(
            Code.UNREADABLE,
            "this is no export of a journal that this program reads",
            where="line 1",
            remedy=f"Give a file that `naryq journal export` wrote; its first line names the format {FORMAT!r}.",
        )
    return header


def _rows(lines: Iterable[bytes]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=2):
        try:
            row = _line_decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise damaged(f"the line is no row ({error})", where=f"line {number}") from None
        if not line.endswith(b"\n"):
            raise damaged("the line breaks off", where=f"line {number}")
        yield Record(row.sequence, bytes(row.payload), bytes.fromhex(row.chain))


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)
_line_decoder = msgspec.json.Decoder(Line)
