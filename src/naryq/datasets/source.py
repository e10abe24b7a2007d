"""Where a data set is read from: a path or an open binary file, plain or gzip, in blocks of whole lines.

A reader that takes a path must open it, so this room opens files for reading; it writes none, and reads nothing else of
the machine (docs/decisions/0010). What the system or the archive refuses becomes a coded refusal with the file's name.
"""

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from naryq.messages import Code, Refusal

Source = str | os.PathLike[str] | BinaryIO
"""A path, or a file opened for reading bytes."""

BLOCK_BYTES: Final = 1 << 22
"""How much is read at a time."""
GZIP: Final = b"\x1f\x8b"


class File(NamedTuple):
    """An open source: its name for refusals, and its bytes, unpacked."""

    name: str
    stream: BinaryIO

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, fewer only at the end."""
        with _refusing(self.name):
            content = self.stream.read(size)
            while len(content) < size and (more := self.stream.read(size - len(content))):
                content += more
            return content

    def begins_with(self, head: bytes) -> bool:
        """Say whether the source begins so, without taking it."""
        with _refusing(self.name):
            begun: bytes = cast("Any", self.stream).peek(len(head))
            return begun.startswith(head)


@contextmanager
def opened(source: Source) -> Iterator[File]:
    """Open a source for its bytes; gzip is seen by its first two bytes and unpacked.

    Raises:
        Refusal: `unreadable` when there is no such file, it may not be read, or its archive is damaged; `wrong_type`
            for what is neither a path nor a binary file.
    """
    if isinstance(source, (str, os.PathLike)):
        with _open(Path(source)) as stream:
            yield from _unpacked(str(source), stream)
    elif _is_binary(source):
        name = str(getattr(source, "name", "the open file"))
        if hasattr(source, "peek"):
            yield from _unpacked(name, cast("io.BufferedReader", source))
            return
        buffered = io.BufferedReader(cast("io.RawIOBase", source))
        try:
            yield from _unpacked(name, buffered)
        finally:
            buffered.detach()  # Else it would close the caller's file with itself.
    else:
        remedy = "Give a path, or a file opened in binary mode."
        raise Refusal(Code.WRONG_TYPE, f"a source is {type(source).__name__}", remedy=remedy)


def _open(path: Path) -> io.BufferedReader:
    with _refusing(str(path)):
        return path.open("rb")


def _is_binary(source: object) -> bool:
    return hasattr(source, "readinto") and hasattr(source, "readable")


def _unpacked(name: str, stream: "io.BufferedReader[Any]") -> Iterator[File]:
    with _refusing(name):
        head = stream.peek(2)[:2]
    if head != GZIP:
        yield File(name, stream)
        return
    with gzip.GzipFile(fileobj=stream) as archive:
        yield File(name, cast("BinaryIO", archive))


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn what the system or the archive says into one line."""
    try:
        yield
    except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error):
        what = "the archive is damaged or cut off"
        raise Refusal(Code.UNREADABLE, what, where=name, remedy="Fetch the file again.") from None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise Refusal(Code.UNREADABLE, what, where=name, remedy="Check the path.") from None


class Lines(NamedTuple):
    """A block of whole lines, each ended by a line feed, and the number of the first, counted from 1."""

    first_line: int
    content: bytes


def line_blocks(file: File, block_bytes: int = BLOCK_BYTES) -> Iterator[Lines]:
    """Yield the lines of a file in blocks; a last line without a line feed gets one.

    Raises:
        Refusal: `unreadable` when a line is longer than a block, which no text file of this room has.
    """
    line, rest = 1, b""
    while block := file.read(block_bytes):
        head, feed, tail = block.rpartition(b"\n")
        if not feed and len(rest) + len(tail) > block_bytes:
            what = f"the line is longer than {block_bytes:,} bytes"
            where = at_line(file.name, line)
            raise Refusal(Code.UNREADABLE, what, where=where, remedy="Check that it is the right file.")
        if feed:
            content = rest + head + feed
            yield Lines(line, content)
            line, rest = line + content.count(b"\n"), b""
        rest += tail
    if rest:
        yield Lines(line, rest + b"\n")


def first_wrong(wrong: Any) -> int:
    """Return the first row of a column of truth values that is true, -1 for none."""
    return int(wrong.argmax()) if wrong.any() else -1


def at_line(name: str, line: int, column: str = "") -> str:
    """Name a spot of a text file, its lines counted from 1."""
    return f"{name}, line {line}" + (f", column {column}" if column else "")
