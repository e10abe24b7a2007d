"""Databento's market-by-order rows: every order of every instrument, one row an event.

The columns and their meaning are those of the MBO schema (databento.com/docs/schemas/mbo) and of the common fields
(databento.com/docs/conventions/common-fields-enums-types), as of 2025: prices as integers of 10**-9, or as decimals
where the file was written with `pretty_px`; times as nanoseconds since 1970, or as ISO 8601; actions Add, Cancel,
Modify, cleaR, Trade, Fill, None; sides Ask, Bid, None. A trade and a fill do not change the book: the cancel or modify
that follows does. A snapshot is a clear and the orders as adds, in their priority. Flags: 128 last record of an event,
64 top of book, 32 snapshot, 16 aggregated by price, 8 bad receive time, 4 perhaps a bad book.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from naryq.datasets.fields import Block, split_lines
from naryq.datasets.order_events import (
    ADD,
    CLEAR,
    EVENT_FIELDS,
    HANDLE,
    MODIFY,
    PRICE,
    QUANTITY,
    REDUCE,
    SIDE,
    WHAT,
    ReplayMessages,
    handles_of,
    replay_messages,
)
from naryq.datasets.source import File, Lines, Source, at_line, first_wrong, line_blocks, opened
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal

PRICE_UNITS: Final = 10**9
UNDEFINED_PRICE: Final = 2**63 - 1
"""The price where there is none; an empty cell where prices are decimals."""
BOOK_PRICE_MAX: Final = 10**12
RTYPE_MBO: Final = 160
LAST, TOP_OF_BOOK, SNAPSHOT, BY_PRICE, BAD_TIME, MAYBE_BAD_BOOK = 128, 64, 32, 16, 8, 4
"""The bits of `flags`."""
ACTIONS: Final = (b"A", b"C", b"M", b"R", b"T", b"F", b"N")
SIDES: Final = (b"B", b"A", b"N")
_WHAT: Final = MappingProxyType({b"A": ADD, b"C": REDUCE, b"M": MODIFY, b"R": CLEAR})
REQUIRED: Final = ("instrument_id", "action", "side", "price", "size", "order_id")
OPTIONAL: Final = (
    "ts_recv",
    "ts_event",
    "rtype",
    "publisher_id",
    "channel_id",
    "flags",
    "ts_in_delta",
    "sequence",
    "symbol",
)
TIMES: Final = ("ts_recv", "ts_event")
WIDE: Final = (*TIMES, "order_id")
NUMBERS: Final = ("rtype", "publisher_id", "instrument_id", "size", "channel_id", "flags", "ts_in_delta", "sequence")


def read_mbo(source: Source) -> dict[str, Any]:
    r"""Read a CSV file of the MBO schema, as `to_csv` writes it, with or without pretty prices and times.

    Returns:
        The columns that the file has, but for the symbol: `action` and `side` as S1, `order_id`, `ts_recv` and
        `ts_event` as uint64, all others as int64; `price` in units of 10**-9, 2**63 - 1 where it is undefined.

    Raises:
        Refusal: `column_missing` or `column_unknown` for the header; `unreadable`, `wrong_type` or `out_of_range` with
            the line and column; `empty` for no row.

    >>> import io
    >>> text = b"instrument_id,action,side,price,size,order_id,flags\n7,A,B,100.250000000,3,11,128\n"
    >>> read_mbo(io.BytesIO(text))["price"].tolist()
    [100250000000]
    """
    with opened(source) as file:
        columns: tuple[str, ...] = ()
        parts: list[dict[str, Any]] = []
        notations: dict[int, int] = {}
        for lines in line_blocks(file):
            body = lines
            if not columns:
                head, _, rest = lines.content.partition(b"\n")
                columns = _header(head, file)
                body = Lines(2, rest)
            if body.content:
                parts.append(_block(split_lines(body, file.name, columns), notations))
    if not parts:
        raise Refusal(Code.EMPTY, "there is no row", where=file.name, remedy="Give a file with a header and rows.")
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return checked(table, file.name, 2)


def _header(head: bytes, file: File) -> tuple[str, ...]:
    columns = tuple(head.decode("latin-1").strip("\r").split(","))
    _check_names(columns, at_line(file.name, 1))
    return columns


def _check_names(columns: tuple[str, ...], where: str) -> None:
    known = REQUIRED + OPTIONAL
    for name in REQUIRED:
        if name not in columns:
            remedy = f"The schema has {', '.join(known)}."
            raise Refusal(Code.COLUMN_MISSING, f"no column {name}", where=where, remedy=remedy)
    for at, name in enumerate(columns):
        if name not in known or name in columns[:at]:
            remedy = f"The schema has {', '.join(known)}."
            raise Refusal(Code.COLUMN_UNKNOWN, f"column {name!a} is unknown or twice", where=where, remedy=remedy)


def _block(block: Block, notations: dict[int, int]) -> dict[str, Any]:
    """Read the columns of some lines; `notations` notes how prices are written, and on which line first."""
    columns: dict[str, Any] = {"action": block.letters("action"), "side": block.letters("side")}
    for name in block.columns:
        if name in TIMES:
            columns[name] = block.instants(name)
        elif name in WIDE:
            columns[name] = block.unsigned(name)
        elif name in NUMBERS:
            columns[name] = block.numbers(name)
    columns["price"] = _prices(block, notations)
    return columns


def _prices(block: Block, notations: dict[int, int]) -> Integers:
    """Read prices in the notation of the block: decimals where one has a point, else integers of 10**-9."""
    marks = block.marks("price")
    prices = np.full(len(marks), UNDEFINED_PRICE, np.int64)
    for mark, decimals in ((0, 0), (2, 9)):
        rows = np.flatnonzero(marks == mark)
        if len(rows):
            prices[rows] = block.rows(rows).numbers("price", decimals)
            notations.setdefault(mark, block.lines.first_line + int(rows[0]))
    if len(notations) > 1:
        what = "the price is in another notation than those before"
        where = at_line(block.name, max(notations.values()), "price")
        raise Refusal(Code.WRONG_TYPE, what, where=where, remedy="Write all prices as decimals, or all as integers.")
    return prices


def mbo_columns(frame: Any) -> dict[str, Any]:
    """Take the rows of a decoded DBN file: a data frame, a structured array, or a mapping of columns.

    Prices must be exact: integers of 10**-9 (`to_df(price_type="fixed")`, `to_ndarray()`) or decimals
    (`price_type="decimal"`); an undefined price is 2**63 - 1 or None. Floats are refused.

    Raises:
        Refusal: as `read_mbo`, with the row counted from 1.
    """
    names = _names(frame)
    names = tuple(name for name in names if name in REQUIRED + OPTIONAL) if _is_records(frame) else names
    _check_names(names, "mbo")
    columns = {name: _column(frame[name], name) for name in names if name != "symbol"}
    return checked(columns, "mbo", 1)


def _is_records(frame: Any) -> bool:
    """Say whether it is a structured array: DBN's records have a length and reserved fields that are no columns."""
    return isinstance(frame, np.ndarray) and frame.dtype.names is not None


def _names(frame: Any) -> tuple[str, ...]:
    if _is_records(frame):
        return tuple(frame.dtype.names)
    if isinstance(frame, Mapping) or hasattr(frame, "columns"):
        return tuple(map(str, frame.keys() if isinstance(frame, Mapping) else frame.columns))
    remedy = "Give a data frame, a structured array or a mapping of columns."
    raise Refusal(Code.WRONG_TYPE, f"the rows are {type(frame).__name__}", remedy=remedy)


def _column(values: Any, name: str) -> Any:
    array = np.asarray(values)
    if name in ("action", "side"):
        return _as_letters(array, name)
    if name in TIMES and array.dtype.kind in "MO":
        return _instants(values, name)
    if name == "price" and array.dtype.kind == "O":
        return np.array([_fixed(value, row) for row, value in enumerate(array.tolist())], np.int64)
    if array.dtype.kind not in "iu":
        what = f"{name} is of type {array.dtype}"
        remedy = 'Give whole numbers; prices with price_type="fixed".'
        raise Refusal(Code.WRONG_TYPE, what, where="mbo", remedy=remedy)
    return array.astype(np.uint64 if name in WIDE else np.int64)


def _instants(values: Any, name: str) -> Any:
    """Take a column of instants, with a zone or in UTC, as nanoseconds since 1970."""
    try:
        return np.asarray(values, "datetime64[ns]").astype(np.uint64)
    except (TypeError, ValueError):
        what = f"{name} holds what is no instant"
        raise Refusal(Code.WRONG_TYPE, what, where="mbo", remedy="Give times, or whole nanoseconds.") from None


def _as_letters(array: Any, name: str) -> Any:
    try:
        letters = array.astype("S")
    except (UnicodeEncodeError, ValueError, TypeError):
        letters = np.zeros(len(array), "S2")
    if letters.dtype.itemsize != 1:
        what = f"{name} is not one letter a row"
        raise Refusal(Code.WRONG_TYPE, what, where="mbo", remedy="Give letters, as the schema has them.")
    return letters


def _fixed(value: Any, row: int) -> int:
    """Return a decimal price in units of 10**-9."""
    if value is None or (isinstance(value, Decimal) and value.is_nan()):
        return UNDEFINED_PRICE
    scaled = value.scaleb(9) if isinstance(value, Decimal) and value.is_finite() else None
    if scaled is None or scaled != scaled.to_integral_value() or abs(scaled) >= UNDEFINED_PRICE:
        what = f"the price is {ascii(str(value))[:40]}"
        remedy = "Give decimals with at most nine places."
        raise Refusal(Code.WRONG_TYPE, what, where=f"mbo, row {row + 1}", remedy=remedy)
    return int(scaled)


def checked(columns: dict[str, Any], name: str, first_line: int) -> dict[str, Any]:
    """Refuse values that the schema does not have; `first_line` is where row 0 stands."""
    for column, allowed in (("action", ACTIONS), ("side", SIDES)):
        row = first_wrong(~np.isin(columns[column], allowed))
        if row >= 0:
            what = f"{column} is {columns[column][row]!r}"
            remedy = f"The schema has {', '.join(letter.decode() for letter in allowed)}."
            where = at_line(name, first_line + row, column)
            raise Refusal(Code.UNKNOWN_OPTION, what, where=where, remedy=remedy)
    for column, lowest, highest in (("size", 0, 2**32 - 1), ("flags", 0, 255), ("rtype", RTYPE_MBO, RTYPE_MBO)):
        if column in columns:
            row = first_wrong((columns[column] < lowest) | (columns[column] > highest))
            if row >= 0:
                what = f"it is {columns[column][row]}"
                where = at_line(name, first_line + row, column)
                raise Refusal(Code.OUT_OF_RANGE, what, where=where, remedy=f"The schema has {lowest} to {highest}.")
    return columns


def instruments(columns: dict[str, Any]) -> list[tuple[int, int]]:
    """List the instruments in the rows as (publisher_id, instrument_id); a publisher that is not given is 0."""
    publishers = columns.get("publisher_id", np.zeros(len(columns["action"]), np.int64))
    pairs = np.unique(np.stack([publishers, columns["instrument_id"]]), axis=1)
    return [(int(publisher), int(instrument)) for publisher, instrument in pairs.T]


def replay_instrument(columns: dict[str, Any], instrument_id: int, publisher_id: int | None = None) -> ReplayMessages:
    """Turn the rows of one instrument into messages for `Book.replay`, which then holds its book.

    An add becomes a limit order, a cancel takes its size away, a modify amends (an order that is not there is added), a
    clear cancels all; trades, fills and rows without an action change nothing. Prices lose the zeros that they have in
    common: `price_step` says how many units of 10**-9 one unit of the book's price is.

    A trade that the replay reports shows that the published book was crossed there, as in an auction.

    Raises:
        Refusal: `not_supported` for rows that are no orders (top of book, aggregated by price); `out_of_range` for an
            order without a price, side or size; `overflow` for prices beyond the book's range; `unknown_order` or
            `duplicate_id` when the rows do not begin at a start or a snapshot.
    """
    mine = columns["instrument_id"] == instrument_id
    if publisher_id is not None and "publisher_id" in columns:
        mine &= columns["publisher_id"] == publisher_id
    changing = mine & np.isin(columns["action"], list(_WHAT))
    rows = np.flatnonzero(changing)
    cut = {name: column[rows] for name, column in columns.items()}
    _check_orders(cut, rows)
    step = _step(cut["price"][np.isin(cut["action"], (b"A", b"M"))])
    order_ids, (handles,) = handles_of(cut["order_id"])
    events = np.zeros((len(rows), EVENT_FIELDS), np.int64)
    for letter, what in _WHAT.items():
        events[cut["action"] == letter, WHAT] = what
    events[:, HANDLE] = handles
    events[:, SIDE] = cut["side"] == b"A"
    events[:, PRICE] = cut["price"] // step
    events[:, QUANTITY] = cut["size"]
    return replay_messages(events, order_ids, rows, f"instrument {instrument_id}", step)


def _check_orders(cut: dict[str, Any], rows: Integers) -> None:
    """Refuse rows that no book of orders can take."""
    flags = cut.get("flags", np.zeros(len(rows), np.int64))
    ordering = np.isin(cut["action"], (b"A", b"M"))
    checks = (
        (flags & (TOP_OF_BOOK | BY_PRICE) != 0, Code.NOT_SUPPORTED, "it is no order, but a level of the book"),
        (ordering & (cut["price"] == UNDEFINED_PRICE), Code.OUT_OF_RANGE, "the order has no price"),
        (ordering & (cut["side"] == b"N"), Code.OUT_OF_RANGE, "the order has no side"),
        ((cut["size"] == 0) & (cut["action"] != b"R"), Code.OUT_OF_RANGE, "the size is 0"),
    )
    wrong = [(int(np.argmax(found)), code, what) for found, code, what in checks if found.any()]
    if wrong:
        row, code, what = min(wrong)
        remedy = "Give the rows of a venue that publishes single orders."
        raise Refusal(code, what, where=f"row {int(rows[row]) + 1}", remedy=remedy)


def _step(prices: Integers) -> int:
    """Return the largest power of ten, at most 10**9, that divides every price, once they fit the book."""
    step = 1
    while step < PRICE_UNITS and len(prices) and not (prices % (10 * step)).any():
        step *= 10
    if len(prices) and int(np.abs(prices).max()) // step > BOOK_PRICE_MAX:
        what = f"prices need more than {BOOK_PRICE_MAX} units of {step} * 10**-9"
        raise Refusal(Code.OVERFLOW, what, where="price", remedy="Give the rows of one instrument and its tick.")
    return step
