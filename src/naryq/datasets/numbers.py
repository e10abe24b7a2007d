"""Rows of numbers as text, read exactly: decimals become integers by their digits, and no float is ever made."""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917, PLR2004 - kernels take arguments by position; a digit is a byte from 48 to 57

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.datasets.source import Lines, at_line
from naryq.market.kernels import Integers, compiled
from naryq.messages import Code, Refusal

Bytes = npt.NDArray[np.uint8]

FINE, FEWER, MORE, NO_NUMBER, TOO_FINE, TOO_LARGE = 0, 1, 2, 3, 4, 5
"""What may be wrong with a field or a row."""
PROBLEM: Final = {
    FEWER: (Code.UNREADABLE, "it has too few fields"),
    MORE: (Code.UNREADABLE, "it has too many fields"),
    NO_NUMBER: (Code.WRONG_TYPE, "it is no number in plain digits"),
    TOO_FINE: (Code.OUT_OF_RANGE, "it has more decimals than the format allows"),
    TOO_LARGE: (Code.OUT_OF_RANGE, "it is beyond 64 bits"),
}
LINE_FEED, CARRIAGE_RETURN, MINUS, POINT, ZERO = 10, 13, 45, 46, 48
TENTH_OF_MAX = 922337203685477580
"""One more digit than it has, and not above 7, still fits 64 bits."""
SHOWN_CHARACTERS: Final = 60
"""How much of a wrong line a refusal repeats."""


class Layout(NamedTuple):
    """The columns of a file of numbers, how many decimals each may have, and how many more fields may follow unread."""

    columns: tuple[str, ...]
    decimals: tuple[int, ...]
    unread: int = 0


@compiled
def scaled(text: Bytes, start: int, end: int, decimals: int) -> tuple[int, int]:
    """Read a number of at most 64 bits, times ten to the number of its decimals; return it and what is wrong."""
    negative = start < end and text[start] == MINUS
    at = start + 1 if negative else start
    number = np.int64(0)
    digits = 0
    after_point = -1
    while at < end:
        byte = np.int64(text[at])
        if byte == POINT and after_point < 0 and digits > 0:
            after_point = 0
        elif 48 <= byte <= 57:
            if after_point >= decimals:
                return 0, TOO_FINE
            if number > TENTH_OF_MAX or (number == TENTH_OF_MAX and byte > 55):
                return 0, TOO_LARGE
            number = number * 10 + (byte - ZERO)
            digits += 1
            if after_point >= 0:
                after_point += 1
        else:
            return 0, NO_NUMBER
        at += 1
    if digits == 0 or after_point == 0:
        return 0, NO_NUMBER
    for _ in range(decimals - max(after_point, 0)):
        if number > TENTH_OF_MAX:
            return 0, TOO_LARGE
        number *= 10  # Above 2**63 // 10 it was refused, and a product that ends in 0 fits when its tenth does.
    return (-number if negative else number), FINE


@compiled
def fill(text: Bytes, separator: int, decimals: Integers, unread: int, rows: Integers, problem: Integers) -> int:
    """Read lines of separated numbers into rows; return how many are right.

    At the first wrong line, `problem` takes what is wrong and in which column.
    """
    columns = decimals.shape[0]
    row, column, start = 0, 0, 0
    for at in range(text.shape[0]):
        byte = text[at]
        if byte not in (separator, LINE_FEED):
            continue
        if column < columns:
            end = at - 1 if byte == LINE_FEED and at > start and text[at - 1] == CARRIAGE_RETURN else at
            number, wrong = scaled(text, start, end, decimals[column])
            if wrong != FINE:
                problem[0], problem[1] = wrong, column
                return row
            rows[row, column] = number
        elif column >= columns + unread:
            problem[0], problem[1] = MORE, column
            return row
        column += 1
        start = at + 1
        if byte == LINE_FEED:
            if column < columns:
                problem[0], problem[1] = FEWER, column
                return row
            row, column = row + 1, 0
    return row


def numbers(lines: Lines, name: str, layout: Layout, separator: str = ",") -> Integers:
    """Read a block of lines as rows of integers, each column scaled by its decimals.

    Raises:
        Refusal: `unreadable` for a wrong number of fields, `wrong_type` or `out_of_range` for a field, with the line.
    """
    text = np.frombuffer(lines.content, np.uint8)
    # A row takes two bytes a number at least, so a file of empty lines cannot ask for more memory than its length.
    most = len(lines.content) // (2 * len(layout.columns)) + 1
    rows = np.empty((min(lines.content.count(b"\n"), most), len(layout.columns)), np.int64)
    problem = np.zeros(2, np.int64)
    count = fill(text, ord(separator), np.array(layout.decimals), layout.unread, rows, problem)
    if problem[0] != FINE:
        code, what = PROBLEM[int(problem[0])]
        column = int(problem[1])
        named = layout.columns[column] if column < len(layout.columns) and code is not Code.UNREADABLE else ""
        wrong = lines.content.split(b"\n")[count]
        if not wrong.strip():
            code, what, named = Code.EMPTY, "the line is empty", ""
        raise Refusal(
            code,
            f"{what}: {shown(wrong)}",
            where=at_line(name, lines.first_line + count, named),
            remedy=f"Each line has {len(layout.columns)} numbers: {', '.join(layout.columns[:6])}.",
        )
    return rows


def shown(text: bytes) -> str:
    """Repeat a line in a refusal, shortened, with nothing in it that could steer a terminal."""
    line = text.decode("latin-1").strip("\r\n")
    cut = line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3] + "..."
    return ascii(cut)
