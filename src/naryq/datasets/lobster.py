"""LOBSTER: a day's messages of one stock, and the book after each, as reconstructed from NASDAQ's TotalView-ITCH.

The layout is that of the page *Data structure* (lobsterdata.com/info/DataStructure.php, event types 1 to 7) and of the
read-me of the sample files of 1 September 2013, which agree. Both files are comma separated, without a header, and have
one line for each event; the book file shows the state after the event of the same line.

- Message file: time (seconds after midnight, with up to nine decimals), event type, order identifier, size (shares),
  price (dollars times 10,000), direction (1 buy, -1 sell: the side of the resting order, so that an execution with
  direction -1 was initiated by a buyer).
- Event types: 1 submission, 2 partial cancellation, 3 deletion, 4 execution of a visible order, 5 execution of a hidden
  order (identifier 0 in files after 2010), 6 cross trade, 7 trading halt (price -1 halt, 0 quoting resumes, 1 trading
  resumes). Events of types 5 to 7 leave the visible book as it was: the book's line repeats the one before.
- Book file: ask price 1, ask size 1, bid price 1, bid size 1, ask price 2 and so on. A level that nobody occupies has
  size 0 and the price 9999999999 (ask) or -9999999999 (bid).

Some newer files carry a seventh field in each message; it is not described there and is left unread.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.datasets.numbers import Layout, numbers
from naryq.datasets.source import BLOCK_BYTES, File, Source, at_line, first_wrong, line_blocks, opened
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal
from naryq.units import NS_PER_SECOND

TIME, TYPE, ORDER, SIZE, PRICE, DIRECTION = range(6)
"""The fields of a message."""
SUBMISSION, CANCELLATION, DELETION, EXECUTION, HIDDEN_EXECUTION, CROSS, HALT = range(1, 8)
EVENT_TYPES: Final = ("submission", "cancellation", "deletion", "execution", "hidden execution", "cross", "halt")
PRICE_UNITS_PER_DOLLAR: Final = 10_000
MESSAGE: Final = Layout(("time", "type", "order_id", "size", "price", "direction"), (9, 0, 0, 0, 0, 0), unread=1)
DAY_NS: Final = 24 * 3_600 * NS_PER_SECOND
SIDES: Final = ("ask_price", "ask_size", "bid_price", "bid_size")
LEVELS_MAX: Final = 10_000
PRICE_MAX: Final = 10**12
SIZE_MAX: Final = 10**9


class BookRows(NamedTuple):
    """Some lines of a book file: the number of the first, and a row of 4 x levels integers for each."""

    first_line: int
    rows: Integers


def read_messages(source: Source) -> dict[str, Any]:
    r"""Read a message file into columns of one length.

    Returns:
        `time_ns` (nanoseconds after midnight), `event_type` (1 to 7), `order_id`, `size` (shares), `price` (dollars
        times 10,000) and `direction` (1 buy, -1 sell), all int64.

    Raises:
        Refusal: with the line, for anything that the published layout does not allow; `empty` for no line at all.

    >>> import io
    >>> messages = read_messages(io.BytesIO(b"34713.685155243,1,206833312,100,118600,-1\n"))
    >>> messages["time_ns"].tolist(), messages["price"].tolist()
    ([34713685155243], [118600])
    """
    with opened(source) as file:
        table = message_table(file)
    names = ("time_ns", "event_type", *MESSAGE.columns[2:])
    return {name: np.ascontiguousarray(table[:, column]) for column, name in enumerate(names)}


def message_table(file: File) -> Integers:
    """Read a message file as one row of six integers a message."""
    blocks = []
    for lines in line_blocks(file):
        rows = numbers(lines, file.name, MESSAGE)
        _check_messages(rows, file.name, lines.first_line)
        blocks.append(rows)
    if not blocks:
        raise Refusal(Code.EMPTY, "there is no message", where=file.name, remedy="Give a message file.")
    return np.concatenate(blocks)


def _check_messages(rows: Integers, name: str, first_line: int) -> None:
    kind = rows[:, TYPE]
    visible = (kind >= SUBMISSION) & (kind <= EXECUTION)
    sides = np.abs(rows[:, DIRECTION])
    checks = (
        ("time", TIME, (rows[:, TIME] < 0) | (rows[:, TIME] > DAY_NS), "seconds from 0 to 86400"),
        ("type", TYPE, (kind < SUBMISSION) | (kind > HALT), "a type from 1 to 7"),
        ("direction", DIRECTION, (sides > 1) | ((sides == 0) & (kind < CROSS)), "1 or -1"),
        ("order_id", ORDER, visible & (rows[:, ORDER] < 0), "an identifier from 0"),
        ("size", SIZE, (rows[:, SIZE] < np.where(visible, 1, 0)) | (rows[:, SIZE] > SIZE_MAX), "1 to 10**9 shares"),
        ("price", PRICE, visible & ((rows[:, PRICE] < 1) | (rows[:, PRICE] > PRICE_MAX)), "1 to 10**12"),
        ("price", PRICE, (kind == HALT) & (np.abs(rows[:, PRICE]) > 1), "-1, 0 or 1 for a halt"),
    )
    wrong = [(int(np.argmax(found)), column, field, allowed) for column, field, found, allowed in checks if found.any()]
    if wrong:
        row, column, field, allowed = min(wrong)
        what, where = f"it is {rows[row, field]}", at_line(name, first_line + row, column)
        raise Refusal(Code.OUT_OF_RANGE, what, where=where, remedy=f"The format has {allowed}.")


def read_book(source: Source) -> dict[str, Any]:
    r"""Read a book file into four tables of one shape, lines by levels.

    Returns:
        `ask_price`, `ask_size`, `bid_price` and `bid_size`, int64; the unoccupied levels as they are published.

    Raises:
        Refusal: with the line, for anything that the published layout does not allow; `empty` for no line at all.

    >>> import io
    >>> book = read_book(io.BytesIO(b"1186600,9484,118500,8800,9999999999,0,118400,14930\n"))
    >>> book["ask_price"].tolist(), book["bid_size"].tolist()
    ([[1186600, 9999999999]], [[8800, 14930]])
    """
    with opened(source) as file:
        table = np.concatenate([block.rows for block in book_rows(file)])
    return {name: np.ascontiguousarray(table[:, column::4]) for column, name in enumerate(SIDES)}


def book_rows(file: File, block_bytes: int = BLOCK_BYTES) -> Iterator[BookRows]:
    """Yield a book file block by block; the first line says how many levels it has."""
    layout: Layout | None = None
    for lines in line_blocks(file, block_bytes):
        layout = layout or _book_layout(lines.content[: lines.content.index(b"\n")], file.name)
        rows = numbers(lines, file.name, layout)
        _check_sizes(rows, file.name, lines.first_line)
        yield BookRows(lines.first_line, rows)
    if layout is None:
        raise Refusal(Code.EMPTY, "there is no line", where=file.name, remedy="Give an order book file.")


def _book_layout(first: bytes, name: str) -> Layout:
    fields = first.count(b",") + 1
    if fields % 4 or fields > 4 * LEVELS_MAX:
        what = f"it has {fields} fields"
        remedy = "A book file has four for each level: ask price, ask size, bid price, bid size."
        raise Refusal(Code.UNREADABLE, what, where=at_line(name, 1), remedy=remedy)
    columns = tuple(f"{side}_{level}" for level in range(1, fields // 4 + 1) for side in SIDES)
    return Layout(columns, (0,) * fields)


def _check_sizes(rows: Integers, name: str, first_line: int) -> None:
    sizes = rows[:, 1::2]
    wrong = ((sizes < 0) | (sizes > SIZE_MAX)).any(axis=1)
    prices = rows[:, 0::2]
    row = first_wrong(wrong | ((sizes > 0) & ((prices < 1) | (prices > PRICE_MAX))).any(axis=1))
    if row >= 0:
        what = "a size or a price of the book is out of its range"
        remedy = "Sizes run from 0 to 10**9, prices of occupied levels from 1 to 10**12."
        raise Refusal(Code.OUT_OF_RANGE, what, where=at_line(name, first_line + row), remedy=remedy)
