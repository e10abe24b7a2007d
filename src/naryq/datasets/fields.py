"""Tables as text with a header: lines split into fields once, then each column read as what it is, without a float."""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917, PLR2004 - kernels take arguments by position; checks and dates have their numbers

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.datasets.numbers import (
    CARRIAGE_RETURN,
    FEWER,
    FINE,
    LINE_FEED,
    MINUS,
    MORE,
    NO_NUMBER,
    POINT,
    PROBLEM,
    TOO_LARGE,
    ZERO,
    Bytes,
    scaled,
    shown,
)
from naryq.datasets.source import Lines, at_line
from naryq.market.kernels import Integers, compiled
from naryq.messages import Code, Refusal

Unsigned = npt.NDArray[np.uint64]
TENTH_OF_UNSIGNED = 1844674407370955161


@compiled
def split(text: Bytes, separator: int, bounds: Integers, problem: Integers) -> int:
    """Find the fields of each line; `bounds` takes where each begins, and behind the last where the line ends, plus 1.

    Return how many lines have the right number of fields.
    """
    columns = bounds.shape[1] - 1
    row, column, start = 0, 0, 0
    for at in range(text.shape[0]):
        byte = text[at]
        if byte not in (separator, LINE_FEED):
            continue
        if column == columns:
            problem[0] = MORE
            return row
        bounds[row, column] = start
        column += 1
        start = at + 1
        if byte == LINE_FEED:
            if column < columns:
                problem[0] = FEWER
                return row
            has_return = at > bounds[row, column - 1] and text[at - 1] == CARRIAGE_RETURN
            bounds[row, column] = at if has_return else at + 1
            row, column = row + 1, 0
    return row


@compiled
def whole(text: Bytes, bounds: Integers, column: int, decimals: int, values: Integers, problem: Integers) -> int:
    """Read a column of numbers scaled by their decimals; return the first wrong row, else how many there are."""
    for row in range(bounds.shape[0]):
        values[row], problem[0] = scaled(text, bounds[row, column], bounds[row, column + 1] - 1, decimals)
        if problem[0] != FINE:
            return row
    return bounds.shape[0]


@compiled
def digit_at(text: Bytes, at: int) -> int:
    """Return the digit at a place, -1 for none."""
    digit = np.int64(text[at]) - ZERO
    return digit if 0 <= digit <= 9 else -1


@compiled
def unsigned(text: Bytes, bounds: Integers, column: int, values: Unsigned, problem: Integers) -> int:
    """Read a column of whole numbers of at most 64 bits without a sign, as `whole` does."""
    for row in range(bounds.shape[0]):
        number = np.uint64(0)
        start, end = bounds[row, column], bounds[row, column + 1] - 1
        if start == end:
            problem[0] = NO_NUMBER
            return row
        for at in range(start, end):
            digit = digit_at(text, at)
            if digit < 0:
                problem[0] = NO_NUMBER
                return row
            if number > TENTH_OF_UNSIGNED or (number == TENTH_OF_UNSIGNED and digit > 5):
                problem[0] = TOO_LARGE
                return row
            number = number * np.uint64(10) + np.uint64(digit)
        values[row] = number
    return bounds.shape[0]


@compiled
def letters(text: Bytes, bounds: Integers, column: int, values: Bytes, problem: Integers) -> int:
    """Read a column of single letters, as `whole` does."""
    for row in range(bounds.shape[0]):
        start = bounds[row, column]
        if bounds[row, column + 1] - 1 - start != 1:
            problem[0] = NO_NUMBER
            return row
        values[row] = text[start]
    return bounds.shape[0]


@compiled
def digits(text: Bytes, start: int, count: int, end: int) -> int:
    """Read a fixed number of digits, -1 when they are not there."""
    if start + count > end:
        return -1
    number = np.int64(0)
    for at in range(start, start + count):
        number = -1 if number < 0 or digit_at(text, at) < 0 else number * 10 + digit_at(text, at)
    return number


@compiled
def month_length(year: int, month: int) -> int:
    """Count the days of a month."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 + np.int64(leap) if month == 2 else 30 + (month + month // 8) % 2


@compiled
def day_number(year: int, month: int, day: int) -> int:
    """Count the days since 1970 in the Gregorian calendar, by years that begin in March; -1 for no such day."""
    if month < 1 or month > 12 or day < 1 or year < 1970 or day > month_length(year, month):
        return -1
    from_march = (month + 9) % 12
    years = year - np.int64(month <= 2)
    return years * 365 + years // 4 - years // 100 + years // 400 + (153 * from_march + 2) // 5 + day - 719469


@compiled
def instant(text: Bytes, start: int, end: int) -> int:
    """Read an instant of ISO 8601 in UTC as nanoseconds since 1970, -1 when it is none."""
    if end - start < 20 or text[start + 4] != 45 or text[start + 7] != 45 or text[start + 10] not in (84, 32):
        return -1
    days = day_number(digits(text, start, 4, end), digits(text, start + 5, 2, end), digits(text, start + 8, 2, end))
    hour, minute = digits(text, start + 11, 2, end), digits(text, start + 14, 2, end)
    second = digits(text, start + 17, 2, end)
    if days < 0 or min(hour, minute, second) < 0 or hour > 23 or minute > 59 or second > 59:
        return -1
    if text[start + 13] != 58 or text[start + 16] != 58:
        return -1
    at, fraction, places = start + 19, np.int64(0), 0
    if text[at] == POINT:
        at += 1
        while at < end and 48 <= text[at] <= 57:
            fraction = fraction * 10 + np.int64(text[at]) - ZERO
            places += 1
            at += 1
        if places == 0 or places > 9:
            return -1
    for _ in range(9 - places):
        fraction *= 10
    if not in_utc(text, at, end):
        return -1
    return days * 86400000000000 + ((hour * 60 + minute) * 60 + second) * 1000000000 + fraction


@compiled
def in_utc(text: Bytes, at: int, end: int) -> bool:
    """Say whether what is left of an instant says UTC: a Z, or an offset of nothing."""
    if at + 1 == end:
        return text[at] == 90
    offset = at + 6 == end and text[at] == 43 and text[at + 3] == 58
    return offset and digits(text, at + 1, 2, end) + digits(text, at + 4, 2, end) == 0


@compiled
def instants(text: Bytes, bounds: Integers, column: int, values: Unsigned, problem: Integers) -> int:
    """Read a column of instants, as `whole` does."""
    for row in range(bounds.shape[0]):
        found = instant(text, bounds[row, column], bounds[row, column + 1] - 1)
        if found < 0:
            problem[0] = NO_NUMBER
            return row
        values[row] = found
    return bounds.shape[0]


@compiled
def marked(text: Bytes, bounds: Integers, column: int, marks: Bytes) -> None:
    """Say of each field whether it is empty (1), has a decimal point (2), or neither (0)."""
    for row in range(bounds.shape[0]):
        marks[row] = np.uint8(bounds[row, column] == bounds[row, column + 1] - 1)
        for at in range(bounds[row, column], bounds[row, column + 1] - 1):
            marks[row] = np.uint8(2) if text[at] == POINT else marks[row]


class Block(NamedTuple):
    """Some lines of a table, split: their text, the bounds of the fields, the table's columns and where it stands."""

    text: Bytes
    bounds: Integers
    columns: tuple[str, ...]
    name: str
    lines: Lines

    def numbers(self, column: str, decimals: int = 0) -> Integers:
        """Read a column of numbers with up to some decimals, as integers scaled by them."""
        values = np.empty(len(self.bounds), np.int64)
        self._run(whole, column, decimals, values)
        return values

    def unsigned(self, column: str) -> Unsigned:
        """Read a column of whole numbers of up to 64 bits without a sign."""
        values = np.empty(len(self.bounds), np.uint64)
        self._run(unsigned, column, values)
        return values

    def letters(self, column: str) -> Any:
        """Read a column of single letters."""
        values = np.empty(len(self.bounds), np.uint8)
        self._run(letters, column, values)
        return values.view("S1")

    def instants(self, column: str) -> Unsigned:
        """Read a column of instants, whole nanoseconds since 1970 or ISO 8601 in UTC."""
        first = self.text[self.bounds[0, self.columns.index(column)] :][:5]
        values = np.empty(len(self.bounds), np.uint64)
        self._run(instants if len(first) == 5 and first[4] == MINUS else unsigned, column, values)
        return values

    def marks(self, column: str) -> Bytes:
        """Say of each field whether it is empty (1), has a decimal point (2), or neither (0)."""
        values = np.empty(len(self.bounds), np.uint8)
        marked(self.text, self.bounds, self.columns.index(column), values)
        return values

    def rows(self, wanted: Any) -> "Block":
        """Keep some rows."""
        return self._replace(bounds=self.bounds[wanted])

    def _run(self, kernel: Any, column: str, *arguments: Any) -> None:
        problem = np.zeros(1, np.int64)
        at = self.columns.index(column)
        row = kernel(self.text, self.bounds, at, *arguments, problem)
        if problem[0] != FINE:
            code, what = PROBLEM[int(problem[0])]
            if kernel is letters:
                what = "it is no single letter"
            elif kernel is instants:
                what = "it is no instant of ISO 8601 in UTC"
            field = bytes(self.text[self.bounds[row, at] : self.bounds[row, at + 1] - 1])
            line = self.lines.first_line + int(np.count_nonzero(self.text[: self.bounds[row, at]] == LINE_FEED))
            remedy = "Write it as the format has it."
            raise Refusal(code, f"{what}: {shown(field)}", where=at_line(self.name, line, column), remedy=remedy)


def split_lines(lines: Lines, name: str, columns: tuple[str, ...], separator: str = ",") -> Block:
    """Split a block of lines into fields.

    Raises:
        Refusal: `unreadable` for a line with another number of fields, `empty` for a line without any.
    """
    text = np.frombuffer(lines.content, np.uint8)
    bounds = np.empty((lines.content.count(b"\n"), len(columns) + 1), np.int64)
    problem = np.zeros(1, np.int64)
    count = split(text, ord(separator), bounds, problem)
    if problem[0] != FINE:
        wrong = lines.content.split(b"\n")[count]
        code, what = PROBLEM[int(problem[0])] if wrong.strip() else (Code.EMPTY, "the line is empty")
        where = at_line(name, lines.first_line + count)
        raise Refusal(code, f"{what}: {shown(wrong)}", where=where, remedy=f"Each line has {len(columns)} fields.")
    return Block(text, bounds, columns, name, lines)
