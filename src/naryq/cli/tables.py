"""Read a CSV file into columns, exactly or not at all: nothing is guessed, trimmed, rounded or left out.

What is wrong gets one refusal that names the file, the line, the column and the remedy. The file is read in blocks, so
that a wrong one costs little whatever its size. Every line but the header, and empty lines at the end, is one row.
"""

import csv
import difflib
import io
import os
import re
import stat
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, NoReturn, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX

STANDARD_INPUT: Final = "-"
BYTES_PER_MEGABYTE: Final = 1_000_000
LARGEST_MEGABYTES: Final = 512
"""What is read unless the caller asks for more: some ten million orders."""

BLOCK_BYTES: Final = 1_000_000
CHUNK_ROWS: Final = 500
"""Few enough to be gone before the garbage collector looks at them: larger chunks take twice the time."""
DISTINCT_TEXTS: Final = 10_000
LONGEST_TEXT_CHARACTERS: Final = 200
SHOWN_CHARACTERS: Final = 40
"""How much of a wrong cell a refusal repeats."""
FIRST_LINE: Final = 2
"""The header is line 1 of a file, so its row 0 stands on line 2."""
INT64_DIGITS: Final = 19

MAGIC: Final = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"SQLite format 3": "an SQLite database",
    b"%PDF": "a PDF document",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"{": "JSON",
    b"[": "JSON",
}
"""How files that are no CSV begin."""

SEPARATORS: Final = (",", ";", "\t")
"""Spreadsheets write a semicolon where the comma is the decimal mark, as in Kazakhstan; no column name has one."""

WHOLE_NUMBER: Final = re.compile(r"-?[0-9]+")
DECIMAL_NUMBER: Final = re.compile(r"[-+]?[0-9]+[.,][0-9]+|[-+]?[0-9.]+[eE][-+]?[0-9]+")
GROUPED_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,3}([ ,._'\u00a0\u2009\u202f][0-9]{3})+")
MISSING_WORDS: Final = ("", "na", "n/a", "nan", "none", "null", "-")

LIBRARY_ROW: Final = re.compile(r"(\w+)(?:, row (\d+))?")
"""How the library names a place in its tables: it counts rows from 1 and knows no header."""

Kind = Literal["text", "number"]
Answer = TypeVar("Answer")


class Problem(NamedTuple):
    """What is wrong with one cell, and what to do."""

    code: Code
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Form:
    """What a file must look like: its columns and their kinds, which may be absent, and whether it may have no rows.

    In the columns named by `gaps` a cell may be empty.
    """

    what: str
    columns: dict[str, Kind]
    optional: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a file, all of one length: text as lists, numbers as arrays, or as lists if some are missing.

    None stands for an empty cell.
    """

    name: str
    columns: dict[str, list[str | None] | list[int | None] | NDArray[np.int64]]
    rows: int

    def where(self, row: int, column: str = "") -> str:
        """Say where a row (counted from 0) stands in the file, as people count lines."""
        return place(self.name, row + FIRST_LINE, column)


def place(name: str, line: int, column: str = "") -> str:
    """Name a spot of a file: its line, counted from 1 at the header, and its column."""
    return f"{name}, line {line}" + (f", column {column}" if column else "")


def read_table(path: str, form: Form, *, name: str = "", largest_megabytes: int = LARGEST_MEGABYTES) -> Table:
    """Read a CSV file (or standard input, for `-`) whose header names the form's columns, in any order.

    UTF-8 with or without a byte order mark; lines end with LF or CRLF; cells are parted by commas, semicolons or tabs,
    as the header shows.

    Raises:
        Refusal: the file cannot be read, is too large, or a line of it is not what the form asks.
    """
    name = name or ("standard input" if path == STANDARD_INPUT else path)
    largest_bytes = largest_megabytes * BYTES_PER_MEGABYTE
    with open_bytes(path, name) as stream:
        refuse_large(stream, name, largest_bytes)
        return parse(name, form, decoded_lines(stream, name, largest_bytes))


def read_named(path: str, form: Form, largest_megabytes: int) -> Table:
    """Read a file, named in refusals as it was named by the caller."""
    name = "" if path == STANDARD_INPUT else click.format_filename(path)
    return read_table(path, form, name=name, largest_megabytes=largest_megabytes)


def in_lines(tables: dict[str, Table], ask: Callable[[], Answer]) -> Answer:
    """Ask the library; tell its refusal by the file and the line instead of the table and the row."""
    try:
        return ask()
    except Refusal as refusal:
        found = LIBRARY_ROW.fullmatch(refusal.where)
        if found is None or found[1] not in tables:
            raise
        table = tables[found[1]]
        where = table.where(int(found[2]) - 1) if found[2] else table.name
        raise Refusal(refusal.code, refusal.what, where=where, remedy=refusal.remedy) from None


# --- Bytes ------------------------------------------------------------------------------------------------------


def open_bytes(path: str, name: str) -> AbstractContextManager[BinaryIO]:
    """Open a file, a pipe or standard input for bytes; refuses what is missing, a directory or not permitted."""
    if path == STANDARD_INPUT:
        if sys.stdin is None:  # Python says so when whoever started the program closed it.
            raise Refusal(Code.UNREADABLE, "it is closed", where=name, remedy="Name a file, or pipe one in.")
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except FileNotFoundError:
        raise Refusal(Code.UNREADABLE, "there is no such file", where=name, remedy="Check the path.") from None
    except IsADirectoryError:
        raise Refusal(Code.UNREADABLE, "it is a directory", where=name, remedy="Name a file in it.") from None
    except PermissionError:
        raise Refusal(Code.UNREADABLE, "you may not read it", where=name, remedy="Ask for permission.") from None
    except OSError as error:
        what = f"it cannot be opened: {error.strerror}"
        raise Refusal(Code.UNREADABLE, what, where=name, remedy="Check the path.") from None


def too_large(name: str, largest_bytes: int, size_bytes: int | None = None) -> Refusal:
    """Say that a file passes the limit."""
    limit = f"{largest_bytes // BYTES_PER_MEGABYTE} MB"
    what = f"it is larger than {limit}" if size_bytes is None else f"it has {size_bytes:,} bytes, more than {limit}"
    return Refusal(Code.TOO_LARGE, what, where=name, remedy="If it is the right file, allow more with --largest MB.")


def refuse_large(stream: BinaryIO, name: str, largest_bytes: int) -> None:
    """Refuse a file by its size before a byte is read; a pipe has none and is counted while it is read."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:  # A stream in memory has no file behind it.
        return
    if stat.S_ISREG(status.st_mode) and status.st_size > largest_bytes:
        raise too_large(name, largest_bytes, status.st_size)


def blocks(stream: BinaryIO, name: str, largest_bytes: int) -> Iterator[bytes]:
    """Yield the bytes of a stream, at most as many as are allowed."""
    total_bytes = 0
    while block := read_block(stream, name):
        total_bytes += len(block)
        if total_bytes > largest_bytes:
            raise too_large(name, largest_bytes)
        yield block


def read_block(stream: BinaryIO, name: str) -> bytes:
    """Read the next block; a fault of the disk or of a lost connection is a refusal too."""
    try:
        return stream.read(BLOCK_BYTES)
    except OSError as error:
        what = f"it cannot be read to its end: {error.strerror}"
        raise Refusal(Code.UNREADABLE, what, where=name, remedy="Copy the file anew.") from None


# --- Lines ------------------------------------------------------------------------------------------------------


def decoded_lines(stream: BinaryIO, name: str, largest_bytes: int) -> Iterator[str]:
    """Yield the lines of a stream as text, each with its end, and refuse what is not UTF-8 text in lines."""
    rest, offset, line = b"", 0, 1
    for block in blocks(stream, name, largest_bytes):
        if offset == 0 and not rest:
            refuse_foreign(block, name)
        whole, end, rest = (rest + block).rpartition(b"\n")
        yield from io.StringIO(decode(whole + end, name, offset, line), newline="\n")
        offset += len(whole + end)
        line += (whole + end).count(b"\n")
        if len(rest) >= BLOCK_BYTES:
            refuse_unbroken(rest, name, offset, line)
    yield from io.StringIO(decode(rest, name, offset, line), newline="\n")


def refuse_foreign(block: bytes, name: str) -> None:
    """Refuse a file that begins like something else than CSV, by name."""
    for magic, what in MAGIC.items():
        if block.startswith(magic):
            remedy = "Save it as CSV, UTF-8, with a header."
            raise Refusal(Code.UNREADABLE, f"it is {what}, not CSV", where=name, remedy=remedy)
    if b"\r" in block and b"\n" not in block:
        what = "its lines end with a lone carriage return"
        raise Refusal(Code.UNREADABLE, what, where=name, remedy="Save it with Unix or Windows line ends.")


def refuse_unbroken(rest: bytes, name: str, offset: int, line: int) -> NoReturn:
    """Refuse a line without an end; if it is not even text, that is the better thing to say."""
    decode(rest[: BLOCK_BYTES // 2], name, offset, line)
    what = f"the line does not end within {BLOCK_BYTES:,} bytes"
    raise Refusal(Code.UNREADABLE, what, where=place(name, line), remedy="Give a CSV file, one row a line.")


def decode(text: bytes, name: str, offset: int, line: int) -> str:
    """Decode text that begins at a byte offset and a line of the file."""
    nul = text.find(b"\0")
    if nul >= 0:
        where, what = place(name, line + text.count(b"\n", 0, nul)), f"byte {offset + nul:,} is NUL, as in binary files"
        raise Refusal(Code.UNREADABLE, what, where=where, remedy="Save the table as CSV, UTF-8.")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"byte {offset + error.start:,} (0x{text[error.start]:02x}) is not UTF-8"
        where = place(name, line + text.count(b"\n", 0, error.start))
        raise Refusal(Code.UNREADABLE, what, where=where, remedy="Save the file as UTF-8.") from None


# --- Cells ------------------------------------------------------------------------------------------------------


def shown(cell: str) -> str:
    """Write a cell for a refusal: on one line, without control characters, and cut when it is long."""
    cut = len(cell) > SHOWN_CHARACTERS
    return repr(cell[:SHOWN_CHARACTERS]) + (f"... ({len(cell):,} characters)" if cut else "")


def cell_problem(kind: Kind, cell: str) -> Problem | None:
    """Judge one cell: the plain statement of what is right, which `text_is_right` and `numbers` decide in bulk.

    >>> cell_problem("number", "118500"), cell_problem("number", "118.5").remedy
    (None, 'Write whole units, without a fraction.')
    """
    if not cell.strip():
        return Problem(Code.WRONG_TYPE, "the cell is empty", "Fill it, or remove the row.")
    if cell != cell.strip():
        what = f"{shown(cell)} has spaces around it"
        return Problem(Code.WRONG_TYPE, what, f"Write {shown(cell.strip())}, without them.")
    return text_problem(cell) if kind == "text" else number_problem(cell)


def text_problem(cell: str) -> Problem | None:
    """Judge a name: printable, on one line, and of a length that people can read."""
    if "\n" in cell or "\r" in cell:
        return Problem(Code.WRONG_TYPE, f"{shown(cell)} runs over a line end", 'Close its quotation mark (").')
    if not cell.isprintable():
        return Problem(Code.WRONG_TYPE, f"{shown(cell)} has characters that do not print", "Remove them.")
    if len(cell) > LONGEST_TEXT_CHARACTERS:
        return Problem(Code.OUT_OF_RANGE, f"{shown(cell)} is too long", f"Use at most {LONGEST_TEXT_CHARACTERS}.")
    return None


def number_problem(cell: str) -> Problem | None:
    """Judge a whole number: digits, perhaps after a minus sign, that fit into 64 bits."""
    if WHOLE_NUMBER.fullmatch(cell):
        return (
            None if fits_64_bits(cell) else Problem(Code.OVERFLOW, f"{shown(cell)} is too large", "Stay below 2**63.")
        )
    if cell.lower() in MISSING_WORDS:
        return Problem(Code.WRONG_TYPE, f"{shown(cell)} is no value", "Fill it, or remove the row.")
    if GROUPED_NUMBER.fullmatch(cell):
        digits = re.sub(r"[^-0-9]", "", cell)
        return Problem(Code.WRONG_TYPE, f"{shown(cell)} is not plain digits", f"If it means {digits}, write {digits}.")
    if DECIMAL_NUMBER.fullmatch(cell):
        return Problem(
            Code.WRONG_TYPE, f"{shown(cell)} is not a whole number", "Write whole units, without a fraction."
        )
    return Problem(Code.WRONG_TYPE, f"{shown(cell)} is not a number", "Write a whole number in plain digits.")


def fits_64_bits(cell: str) -> bool:
    """Say whether a whole number fits; its digits are counted first, so that a very long one is never computed."""
    digits = cell.lstrip("-0")
    return len(digits) <= INT64_DIGITS and int(digits or "0") <= INT64_MAX


def text_is_right(cells: tuple[str, ...]) -> bool:
    """Say whether every cell of a text column is right."""
    return (
        all(cells)
        and "".join(cells).isprintable()
        and tuple(map(str.strip, cells)) == cells
        and max(map(len, cells), default=0) <= LONGEST_TEXT_CHARACTERS
    )


def numbers(cells: tuple[str, ...]) -> "array[int] | None":
    """Return the numbers of a column, or None when some cell is wrong."""
    digits = "".join(cells)
    plain = digits.isascii() and digits.isdigit() and all(cells) and max(map(len, cells)) <= INT64_DIGITS
    if not plain and any(cell_problem("number", cell) for cell in cells):
        return None
    try:
        return array("q", map(int, cells))
    except OverflowError:
        return None


# --- The header -------------------------------------------------------------------------------------------------


def example(form: Form) -> str:
    """Write the least header that a form asks."""
    return ",".join(column for column in form.columns if column not in form.optional)


def not_csv(name: str, line: int, error: csv.Error) -> Refusal:
    """Say that a line is not CSV."""
    where = place(name, line)
    return Refusal(
        Code.UNREADABLE, f"the line is not CSV: {error}", where=where, remedy='Check its quotation marks (").'
    )


def parse_header(first: str, name: str, form: Form) -> tuple[list[str], str]:
    """Return the columns of a header line and the separator that it shows."""
    if not first.strip():
        what = "the first line is empty" if first else "the file is empty"
        raise Refusal(Code.EMPTY, what, where=name, remedy=f"Begin with the header {example(form)}.")
    separator = max(SEPARATORS, key=first.count)
    try:
        return next(csv.reader([first], delimiter=separator, strict=True)), separator
    except csv.Error as error:
        raise not_csv(name, 1, error) from None


def judge_header(header: list[str], name: str, form: Form) -> None:
    """Refuse a header that has an unknown column, has one twice, or lacks one."""
    where = place(name, 1)
    for position, column in enumerate(header, 1):
        if column not in form.columns:
            raise unknown_column(position, header, name, form)
        if column in header[: position - 1]:
            raise Refusal(Code.COLUMN_UNKNOWN, f"column {column} stands twice", where=where, remedy="Remove one.")
    for column in form.columns:
        if column not in header and column not in form.optional:
            remedy = f"The header of {form.what} is {example(form)}."
            raise Refusal(Code.COLUMN_MISSING, f"column {column} is missing", where=where, remedy=remedy)


def unknown_column(position: int, header: list[str], name: str, form: Form) -> Refusal:
    """Say that a column is unknown, and which of those that the header lacks may have been meant."""
    column = header[position - 1]
    absent = [each for each in form.columns if each not in header]
    likely = difflib.get_close_matches(column.strip().lower()[:SHOWN_CHARACTERS], absent, 1)
    what = f"column {shown(column)} is unknown" if column else f"column number {position} has no name"
    remedy = f"Call it {likely[0]}." if likely else f"Remove or rename it: {form.what} have {', '.join(form.columns)}."
    return Refusal(Code.COLUMN_UNKNOWN, what, where=place(name, 1), remedy=remedy)


# --- The rows ---------------------------------------------------------------------------------------------------


def parse(name: str, form: Form, lines: Iterator[str]) -> Table:
    """Fold the lines of a file into a table."""
    first = next(lines, "").removeprefix("\ufeff")
    header, separator = parse_header(first, name, form)
    judge_header(header, name, form)
    columns = Columns(name, form, header)
    for chunk in chunks(name, csv.reader(lines, delimiter=separator, strict=True)):
        columns.take(chunk)
    return columns.table()


def chunks(name: str, rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the rows in chunks; a line that cannot be read is refused after the rows before it have been judged."""
    chunk: list[list[str]] = []
    line, empty_lines, trouble = 1, 0, None
    try:
        for line, row in enumerate(rows, FIRST_LINE):
            if row and empty_lines:
                trouble = Refusal(Code.EMPTY, "the line is empty", where=place(name, line - 1), remedy="Remove it.")
                break
            if row:
                chunk.append(row)
            else:
                empty_lines += 1
            if len(chunk) == CHUNK_ROWS:
                yield chunk
                chunk = []
    except csv.Error as error:
        trouble = not_csv(name, line + 1, error)
    except Refusal as refusal:
        trouble = refusal
    yield chunk
    if trouble:
        raise trouble


class Columns:
    """The columns of one file while they grow."""

    def __init__(self, name: str, form: Form, header: list[str]) -> None:
        """Begin with no rows."""
        self.name, self.form, self.header, self.rows = name, form, header, 0
        self.texts: dict[str, list[str | None]] = {column: [] for column in header if form.columns[column] == "text"}
        self.numbers = {column: array("q") for column in header if column not in self.texts}
        self.missing: dict[str, list[int]] = {column: [] for column in self.numbers}
        self.distinct: dict[str, dict[str, str]] = {column: {} for column in self.texts}

    def take(self, chunk: list[list[str]]) -> None:
        """Append a chunk of rows, or refuse the first that is wrong."""
        if any(len(row) != len(self.header) for row in chunk):
            self.refuse_first(chunk)
        for column, cells in zip(self.header, zip(*chunk, strict=True), strict=False):
            if not self.take_cells(column, cells):
                self.refuse_first(chunk)
        self.rows += len(chunk)

    def take_cells(self, column: str, cells: tuple[str, ...]) -> bool:
        """Append the cells of one column if all are right."""
        has_gaps = column in self.form.gaps and "" in cells
        if column in self.texts:
            kept = self.kept_once(column, cells)
            self.texts[column].extend((cell or None for cell in kept) if has_gaps else kept)
            return text_is_right(tuple(filter(None, cells)) if has_gaps else cells)
        if has_gaps:
            self.missing[column].extend(row for row, cell in enumerate(cells, self.rows) if not cell)
            cells = tuple(cell or "0" for cell in cells)
        values = numbers(cells)
        self.numbers[column].extend(values or ())
        return values is not None

    def kept_once(self, column: str, cells: tuple[str, ...]) -> Iterable[str]:
        """Share equal texts: a million rows name a few places and two sides, but each its own order."""
        distinct = self.distinct[column]
        return map(distinct.setdefault, cells, cells) if len(distinct) < DISTINCT_TEXTS else cells

    def refuse_first(self, chunk: list[list[str]]) -> NoReturn:
        """Refuse the first wrong row of a chunk that has one."""
        for line, row in enumerate(chunk, self.rows + FIRST_LINE):
            if len(row) != len(self.header):
                what, remedy = (
                    f"the line has {len(row)} cells, the header {len(self.header)}",
                    "Give each column a cell.",
                )
                raise Refusal(Code.UNREADABLE, what, where=place(self.name, line), remedy=remedy)
            for column, cell in zip(self.header, row, strict=True):
                if not cell and column in self.form.gaps:
                    continue
                if problem := cell_problem(self.form.columns[column], cell):
                    where = place(self.name, line, column)
                    raise Refusal(problem.code, problem.what, where=where, remedy=problem.remedy)
        raise AssertionError("a column was judged wrong, and each of its cells right")

    def table(self) -> Table:
        """Return what was read."""
        if not self.rows and not self.form.may_be_empty:
            what = f"the file has a header and no {self.form.what}"
            raise Refusal(Code.EMPTY, what, where=self.name, remedy="Add a line for each.")
        columns = {
            column: self.texts[column] if column in self.texts else self.number_column(column) for column in self.header
        }
        return Table(self.name, columns, self.rows)

    def number_column(self, column: str) -> list[int | None] | NDArray[np.int64]:
        """Return a column of numbers, as a list with None for the missing ones if there are any."""
        values = np.array(self.numbers[column], dtype=np.int64)
        if not self.missing[column]:
            return values
        listed: list[int | None] = values.tolist()
        for row in self.missing[column]:
            listed[row] = None
        return listed
