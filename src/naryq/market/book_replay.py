"""The replay of a whole array of messages: columns in, columns out, one run of the kernel between."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market import book_kernels as kernels
from naryq.market.book_kernels import BUY, INT64_MAX, SELL, Bytes, Messages, Scale, Tables
from naryq.market.book_rules import (
    ACTIONS,
    SELF_TRADES,
    SIDES,
    STATUSES,
    Depth,
    SelfTrade,
    Statistics,
    Summary,
    check_rules,
    digest,
)
from naryq.market.kernels import Integers, compiled
from naryq.messages import Code, Refusal

REQUIRED: Final = ("kind", "order_id", "side", "price", "quantity")
OPTIONAL: Final = ("owner", "display")
NONE_GIVEN: Final = -1
"""The owner in a column of owners where an order has none; in a column of displays that is 0."""
SPREAD: Final = 4
"""Names and prices index arrays directly while their range is at most this many times the number of messages."""
SMALLEST_SPAN: Final = 2**16
TRADES_AT_FIRST: Final = 1_024
WORD: Final = 32
MESSAGES_MAX: Final = 2**30


class Trades(NamedTuple):
    """The trades as columns; `message` is the row, from 0, of the message that brought each about.

    `taker_side` is 0 where the taker bought and 1 where it sold.
    """

    maker_order_id: Integers
    taker_order_id: Integers
    price: Integers
    quantity: Integers
    taker_side: Bytes
    message: Integers


class Replay:
    """What a replay leaves: trades, one status a message, and the final book.

    `statuses` indexes `Replay.STATUSES`: `done`, `lapsed` (part of the order was given up), else why it was refused.
    """

    STATUSES = STATUSES

    def __init__(self, messages: Messages, names: Integers, outcome: "_Outcome", summary: Summary) -> None:
        """Keep what the run has left."""
        self.trades = outcome.trades
        self.statuses = outcome.statuses
        self.statistics = summary.statistics
        self.last_price = summary.last_price
        self._summary = summary
        self._orders = outcome.orders
        self._messages = messages
        self._names = names

    def __repr__(self) -> str:
        """Say how much was replayed."""
        refused = int(np.count_nonzero(self.statuses > kernels.LAPSED))
        return f"Replay(messages={len(self.statuses)}, refused={refused}, trades={self.statistics.trades})"

    def depth(self, levels: int) -> Depth:
        """Return the best prices of the final book with the quantity shown at each, best first."""
        bids, asks = (_shown_by_price(rows, levels) for rows in self._orders)
        return Depth(bids, asks)

    def state_hash(self) -> str:
        """Hash the final state; `Book.state_hash` after the same messages is the same."""
        entered = (self._messages.kind <= kernels.POST_ONLY) & (self.statuses <= kernels.LAPSED)
        return digest(self._summary, np.sort(self._names[entered]), self._orders)


class _Outcome(NamedTuple):
    """The results of a run as arrays: the orders left are rows of seven, best and oldest first, for each side."""

    trades: Trades
    statuses: Bytes
    orders: tuple[Integers, Integers]


def replay(messages: Any, self_trade: SelfTrade, tick: int) -> Replay:
    """Run messages through an empty book; `naryq.Book.replay` says what they are."""
    check_rules(self_trade, tick)
    columns = _columns(messages)
    names = columns.name
    columns, scale, names_of, tables = _laid_out(columns, tick, SELF_TRADES.index(self_trade))
    statuses = np.empty(names.shape[0], np.uint8)
    written = kernels.run(columns, tables, scale, np.empty((4, TRADES_AT_FIRST), np.int64), statuses)
    count = int(tables.state[kernels.TRADES])
    trades = _trades(written[:, :count], scale, names, names_of)
    prices, lots = trades.price, trades.quantity
    range_of_prices = (int(prices.max()), int(prices.min())) if count else (None, None)
    statistics = Statistics(count, int(lots.sum()), _turnover(prices, lots), *range_of_prices)
    summary = Summary(tick, self_trade, int(prices[-1]) if count else None, statistics)
    orders = (_orders(tables, scale, names_of, BUY), _orders(tables, scale, names_of, SELL))
    return Replay(columns, names, _Outcome(trades, statuses, orders), summary)


def _trades(written: Integers, scale: Scale, names: Integers, names_of: Integers) -> Trades:
    """Turn what the run has written into names and prices."""
    makers, messages, levels, lots = written
    sides = (messages & 1).astype(np.uint8)
    messages >>= 1
    named = names_of[makers] if names_of.shape[0] else makers + scale.first_name
    return Trades(named, names[messages], _prices(scale, levels), lots, sides, messages)


def _prices(scale: Scale, levels: Integers) -> Integers:
    """Return the price of each level."""
    return scale.ladder[levels] if scale.ladder.shape[0] else scale.first_rung + levels * scale.step


def _turnover(prices: Integers, lots: Integers) -> int:
    """Sum the products in two parts, for the whole may need more than 64 bits."""
    products = prices * lots
    return (int((products >> 31).sum()) << 31) + int((products & (2**31 - 1)).sum())


# --- The door -------------------------------------------------------------------------------------------------------


def _columns(messages: Any) -> Messages:
    """Turn a mapping of columns or a structured array into arrays of the types that the kernel is compiled for."""
    given = _names(messages)
    for name in REQUIRED:
        if name not in given:
            remedy = f"Give the columns {', '.join(REQUIRED)}."
            raise Refusal(Code.COLUMN_MISSING, f"no column {name}", where="messages", remedy=remedy)
    for name in given:
        if name not in REQUIRED + OPTIONAL:
            remedy = f"Leave it out; the columns are {', '.join(REQUIRED + OPTIONAL)}."
            raise Refusal(Code.COLUMN_UNKNOWN, f"unknown column {name}", where="messages", remedy=remedy)
    kind = _small(messages["kind"], "kind", ACTIONS)
    side = _small(messages["side"], "side", SIDES)
    names, price, quantity = (_integers(messages[column], column) for column in ("order_id", "price", "quantity"))
    owner, display = (
        _integers(messages[column], column) if column in given else np.empty(0, np.int64) for column in OPTIONAL
    )
    optional: list[Integers] = [
        column for column, called in ((owner, "owner"), (display, "display")) if called in given
    ]
    lengths = [side.shape[0], *(column.shape[0] for column in (names, price, quantity, *optional))]
    if any(length != kind.shape[0] for length in lengths):
        raise Refusal(Code.OUT_OF_RANGE, "columns of different lengths", where="messages", remedy="Give all alike.")
    if len(kind) > MESSAGES_MAX:
        remedy = f"Give at most {MESSAGES_MAX} messages."
        raise Refusal(Code.TOO_LARGE, f"{len(kind)} messages", where="messages", remedy=remedy)
    return Messages(kind, names, side, price, quantity, owner, display, price)


def _names(messages: Any) -> tuple[str, ...]:
    """Return the names of the columns."""
    if isinstance(messages, np.ndarray) and messages.dtype.names:
        return tuple(messages.dtype.names)
    if isinstance(messages, Mapping):
        return tuple(messages)
    remedy = "Give a mapping of column names to arrays, or a structured array."
    raise Refusal(Code.WRONG_TYPE, f"messages are {type(messages).__name__}", remedy=remedy)


def _array(column: Any, name: str) -> Any:
    """Return a column as an array of one dimension."""
    try:
        array = np.asarray(column)
    except (TypeError, ValueError, OverflowError):  # Rows of different lengths, or what no array can hold.
        array = np.empty((0, 0))
    if array.ndim != 1:
        raise Refusal(Code.WRONG_TYPE, f"{name} is no column", where="messages", remedy="Give one value a message.")
    return array


def _integers(column: Any, name: str) -> Integers:
    """Return a column of whole numbers as 64-bit integers, without a copy where it is one already."""
    array = _array(column, name)
    if array.shape[0] == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        remedy = "Give whole numbers of at most 64 bits."
        raise Refusal(Code.WRONG_TYPE, f"{name} is of type {array.dtype}", where="messages", remedy=remedy)
    if array.dtype == np.uint64 and int(array.max()) > INT64_MAX:
        remedy = "Give whole numbers of at most 64 bits with their sign."
        raise Refusal(Code.OUT_OF_RANGE, f"{name} holds {array.max()}", where="messages", remedy=remedy)
    return np.ascontiguousarray(array, np.int64)


def _small(column: Any, name: str, words: tuple[str, ...]) -> Bytes:
    """Return a column of words, or of their numbers, as small numbers; what is neither becomes 255."""
    array = _array(column, name)
    if array.dtype.kind == "U":
        order = np.argsort(words)
        at = np.minimum(np.searchsorted(words, array, sorter=order), len(words) - 1)
        found = order[at]
        return np.where(np.take(words, found) == array, found, 255).astype(np.uint8)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    numbers = _integers(array, name)
    return np.where((numbers >= 0) & (numbers < len(words)), numbers, 255).astype(np.uint8)


# --- The lay-out of the book ----------------------------------------------------------------------------------------


def _laid_out(messages: Messages, tick: int, rule: int) -> tuple[Messages, Scale, Integers, Tables]:
    """Choose how names and prices index the tables, and make the tables."""
    extremes = np.array([INT64_MAX, -INT64_MAX, INT64_MAX, -INT64_MAX, 0])
    kernels.survey(messages, tick, extremes)
    low_name, high_name, low_price, high_price, rests = (int(number) for number in extremes)
    span = max(SPREAD * messages.kind.shape[0], SMALLEST_SPAN)
    names_of = ladder = np.empty(0, np.int64)
    slots = max(high_name - low_name + 1, 1)
    if slots > span:
        names_of, handles = _interned(messages.name)
        messages, low_name, slots = messages._replace(name=handles), 0, max(names_of.shape[0], 1)
    levels, step = max((high_price - low_price) // tick + 1, 1), tick
    if levels > span:
        priced = (messages.price >= low_price) & (messages.price <= high_price)
        ladder = np.unique(messages.price[priced])
        rungs = np.searchsorted(ladder, messages.price)
        messages, low_price, step, levels = messages._replace(rung=rungs), 0, 1, ladder.shape[0]
    scale = Scale(low_name, low_price, step, ladder, tick, rule)
    return messages, scale, names_of, _empty_tables(slots, levels, rests)


@compiled
def intern(names: Integers, table: npt.NDArray[np.int32], bits: int, names_of: Integers, handles: Integers) -> int:
    """Give each different name from 0 up the next handle, and return how many there are; a name below 0 gets -1.

    `table` has 2**bits rows of 0, at least twice as many as names; it holds handles + 1. `names_of` takes the names.
    """
    count = 0
    mask = table.shape[0] - 1
    shift = np.uint64(64 - bits)
    for row in range(names.shape[0]):
        name = names[row]
        handles[row] = -1
        if name >= 0:
            # Multiplicative hashing by the golden ratio: neighbours in number are strangers in the table.
            place = np.int64((np.uint64(name) * np.uint64(0x9E3779B97F4A7C15)) >> shift)
            while table[place] != 0 and names_of[table[place] - 1] != name:
                place = (place + 1) & mask
            if table[place] == 0:
                names_of[count] = name
                count += 1
                table[place] = count
            handles[row] = table[place] - 1
    return count


def _interned(names: Integers) -> tuple[Integers, Integers]:
    """Number the names in the order of their first appearance."""
    bits = (2 * names.shape[0]).bit_length()
    names_of, handles = np.empty_like(names), np.empty_like(names)
    count = intern(names, np.zeros(2**bits, np.int32), bits, names_of, handles)
    return names_of[:count], handles


def _empty_tables(slots: int, levels: int, rests: int) -> Tables:
    """Make the tables of an empty book; what is never written takes no memory."""
    starts, words = [0], levels
    while words > 1 or len(starts) == 1:
        words = -(-words // WORD)
        starts.append(starts[-1] + words)
    state = np.zeros(kernels.STATE_FIELDS, np.int64)
    state[BUY], state[SELL], state[kernels.UNTOUCHED] = -1, levels, 1
    return Tables(
        nodes=np.empty((rests + 1, 8), np.int64),
        levels=np.zeros((levels, 4), np.int64),
        bits=np.zeros(starts[-1], np.int64),
        tiers=np.array(starts),
        slots=np.zeros(slots, np.int32),
        state=state,
    )


# --- The book that is left ------------------------------------------------------------------------------------------


def _orders(tables: Tables, scale: Scale, names_of: Integers, side: int) -> Integers:
    """Return the orders left on a side as rows of name, owner, price, shown, hidden, display and post-only."""
    rows = np.empty((max(int(tables.state[kernels.UNTOUCHED]) - 1, 0), kernels.NEXT), np.int64)
    rows = rows[: kernels.collect(tables, side, rows)]
    handles, levels = rows[:, kernels.HANDLE], rows[:, kernels.TERMS] >> 2
    table = np.empty((rows.shape[0], 7), np.int64)
    table[:, 0] = names_of[handles] if names_of.shape[0] else handles + scale.first_name
    table[:, 1] = rows[:, kernels.OWNER]
    table[:, 2] = _prices(scale, levels)
    table[:, 3:6] = rows[:, kernels.SHOWN : kernels.DISPLAY + 1]
    table[:, 6] = (rows[:, kernels.TERMS] >> 1) & 1
    return table


def _shown_by_price(rows: Integers, levels: int) -> list[tuple[int, int]]:
    """Sum what rows of orders, best price first, show at each of the best prices."""
    if rows.shape[0] == 0 or levels < 1:
        return []
    starts = np.flatnonzero(np.r_[True, rows[1:, 2] != rows[:-1, 2]])
    sums = np.add.reduceat(rows[:, 3], starts)
    return list(zip(rows[starts, 2][:levels].tolist(), sums[:levels].tolist(), strict=True))
