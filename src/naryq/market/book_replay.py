"""The replay of a whole array of messages: columns in, columns out, one run of the kernel between."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import narwhals as nw
import numpy as np

from naryq.market import book_kernels as kernels
from naryq.market.book_kernels import BUY, INT64_MAX, NO_PRICE, SELL, Bytes, Messages, Narrow, Scale, Tables
from naryq.market.book_passes import intern, span_of_names, span_of_prices, unpack
from naryq.market.book_rules import (
    ACTIONS,
    NONE_GIVEN,
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
from naryq.market.intake import Table, frozen
from naryq.market.kernels import Integers
from naryq.market.sheets import as_html, as_text, price_cell
from naryq.messages import Code
from naryq.units import grouped

REQUIRED: Final = ("kind", "order_id", "side", "price", "quantity")
OPTIONAL: Final = ("owner", "display")
SPREAD: Final = 4
"""Names and prices index arrays directly while their range is at most this many times the number of messages."""
SMALLEST_SPAN: Final = 2**16
LARGEST_SPAN: Final = 2**30
WORD: Final = 32
UNPRICED: Final = (kernels.MARKET, kernels.CANCEL)
MESSAGES_MAX: Final = 2**29
"""Levels and orders together are numbered by integers of 32 bits."""


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

    def __init__(self, table: Table, messages: Messages, outcome: "_Outcome", summary: Summary) -> None:
        """Keep what the run has left."""
        self.trades = outcome.trades
        self.statuses = outcome.statuses
        self.statistics = summary.statistics
        self.last_price = summary.last_price
        self._summary = summary
        self._orders = outcome.orders
        self._messages = messages
        self._kind_of_frame = None if isinstance(table.frame, Mapping) else nw.get_native_namespace(table.frame)

    def __repr__(self) -> str:
        """Write what became of the messages, what has traded, and the best prices left."""
        heads, rows, notes = self._sheet()
        return as_text(heads, rows, notes)

    def _repr_html_(self) -> str:
        """Write the same for a notebook."""
        heads, rows, notes = self._sheet()
        return as_html(heads, rows, notes)

    def _sheet(self) -> tuple[tuple[str, str], list[tuple[str, str]], list[str]]:
        counts = np.bincount(self.statuses, minlength=len(STATUSES)).tolist()
        rows = [(word, grouped(count)) for word, count in zip(STATUSES, counts, strict=True) if count]
        trades, volume, _, high, low = self.statistics
        traded = f"{grouped(trades)} trades of {grouped(volume)} lots"
        if trades:
            traded += f" at {price_cell(low)} to {price_cell(high)}, the last at {price_cell(self.last_price)}"
        bids, asks = ([price for price, _ in side] for side in self.depth(1))
        left = f"best to buy {price_cell(next(iter(bids), None))}, to sell {price_cell(next(iter(asks), None))}"
        return ("messages", grouped(len(self.statuses))), rows, [f"{traded}.", f"Left in the book: {left}."]

    def trades_frame(self) -> Any:
        """Return the trades in the caller's kind of table: a data frame for one, else a mapping of arrays."""
        columns: dict[str, Any] = self.trades._asdict()
        if self._kind_of_frame is None:
            return columns
        return nw.from_dict(columns, backend=self._kind_of_frame).to_native()

    def depth(self, levels: int) -> Depth:
        """Return the best prices of the final book with the quantity shown at each, best first."""
        bids, asks = (_shown_by_price(rows, levels) for rows in self._orders)
        return Depth(bids, asks)

    def state_hash(self) -> str:
        """Hash the final state; `Book.state_hash` after the same messages is the same."""
        entered = (self._messages.kind <= kernels.POST_ONLY) & (self.statuses <= kernels.LAPSED)
        return digest(self._summary, np.sort(self._messages.name[entered]), self._orders)


class _Outcome(NamedTuple):
    """The results of a run as arrays: the orders left are rows of seven, best and oldest first, for each side."""

    trades: Trades
    statuses: Bytes
    orders: tuple[Integers, Integers]


def replay(messages: Any, self_trade: SelfTrade, tick: int) -> Replay:
    """Run messages through an empty book; `naryq.Book.replay` says what they are."""
    check_rules(self_trade, tick)
    table = Table("messages", _fields(messages))
    columns = _columns(table)
    columns, scale, tables, written, statuses = _run(columns, tick, SELF_TRADES.index(self_trade))
    trades, statistics = _trades(columns, scale, written)
    summary = Summary(tick, self_trade, None, int(trades.price[-1]) if statistics.trades else None, statistics)
    orders = (_orders(columns, tables, scale, BUY), _orders(columns, tables, scale, SELL))
    return Replay(table, columns, _Outcome(trades, statuses, orders), summary)


def _run(columns: Messages, tick: int, rule: int) -> tuple[Messages, Scale, Tables, Narrow, Bytes]:
    """Run the kernel over an empty book; what comes back last are the trades as it writes them, and the statuses.

    Each trade ends the taker, or what the maker shows. So two for each message that enters are enough where nothing
    hides; icebergs may need more, and then the run begins anew with as much room as it has counted.
    """
    laid_out, scale, sizes = _laid_out(columns, tick, rule)
    statuses = np.empty(columns.kind.shape[0], np.uint8)
    room = 2 * sizes.entries
    while True:
        tables = _empty_tables(sizes)
        written = np.empty((room, kernels.TRADE_FIELDS), np.int32)
        kernels.run(laid_out, tables, scale, written, statuses)
        count = int(tables.state[kernels.TRADES])
        if count <= room:
            return laid_out, scale, tables, written[:count], statuses
        room = count


def _trades(columns: Messages, scale: Scale, written: Narrow) -> tuple[Trades, Statistics]:
    """Turn what the run has written into columns, and sum them up."""
    count = written.shape[0]
    table, sides = np.empty((5, count), np.int64), np.empty(count, np.uint8)
    sums = np.array([0, 0, 0, INT64_MAX, -INT64_MAX])
    unpack(columns.name, (scale.first_rung, scale.step, scale.ladder), written, table, sides, sums)
    volume, high_part, low_part, low, high = (int(number) for number in sums)
    extremes = (high, low) if count else (None, None)
    statistics = Statistics(count, volume, (high_part << 31) + low_part, *extremes)
    makers, takers, prices, lots, rows = table
    return Trades(makers, takers, prices, lots, sides, rows), statistics


# --- The door -------------------------------------------------------------------------------------------------------


def _columns(table: Table) -> Messages:
    """Read the columns of a table as arrays of the one kind that the kernel is compiled for, read-only."""
    table.require(REQUIRED, OPTIONAL)
    if table.rows > MESSAGES_MAX:
        remedy = f"Give at most {grouped(MESSAGES_MAX)} messages."
        raise table.refusal(Code.TOO_LARGE, None, f"{grouped(table.rows)} messages", remedy)
    kind, side = _small(table, "kind", ACTIONS), _small(table, "side", SIDES)
    names = table.integers("order_id")
    price, quantity, owner, display = (
        _integers(table, name, missing)
        for name, missing in (("price", NO_PRICE), ("quantity", 0), ("owner", NONE_GIVEN), ("display", 0))
    )
    return Messages(kind, names, side, price, quantity, owner, display, names, price)


def _fields(messages: Any) -> Any:
    """Return a structured array as a mapping of its fields, and any other table as it is."""
    if isinstance(messages, np.ndarray) and messages.dtype.names:
        return {name: messages[name] for name in messages.dtype.names}
    return messages


def _integers(table: Table, name: str, missing: int) -> Integers:
    """Read a column of whole numbers with a number for what is missing; a column that is not there is empty."""
    if name not in table.columns:
        return cast("Integers", frozen(np.empty(0, np.int64)))
    values = table.integers(name, optional=True)
    gone = table.missing.get(name)
    return values if gone is None else cast("Integers", frozen(np.where(gone, missing, values)))


def _small(table: Table, name: str, words: tuple[str, ...]) -> Bytes:
    """Read a column of words, or of their numbers, as small numbers; what is neither becomes 255."""
    column = table.columns[name]
    if _holds_numbers(column):
        if isinstance(column, np.ndarray) and column.dtype == np.uint8:
            return cast("Bytes", frozen(np.ascontiguousarray(column)))
        numbers = table.integers(name)
        return cast("Bytes", frozen(np.where((numbers >= 0) & (numbers < len(words)), numbers, 255).astype(np.uint8)))
    coded = table.words(name)
    known = [words.index(word) if word in words else 255 for word in coded.names]
    return cast("Bytes", frozen(np.array([*known, 255], np.uint8)[coded.codes]))


def _holds_numbers(column: Any) -> bool:
    """Say whether a column is one of numbers, by its type or by its first value."""
    if isinstance(column, nw.Series):
        return bool(column.dtype.is_numeric())
    if isinstance(column, np.ndarray) and column.dtype.kind != "O":
        return bool(column.dtype.kind != "U")
    return len(column) == 0 or not isinstance(column[0], str)


# --- The lay-out of the book ----------------------------------------------------------------------------------------


class _Sizes(NamedTuple):
    """How many rows the tables need."""

    slots: int
    levels: int
    entries: int


def _laid_out(columns: Messages, tick: int, rule: int) -> tuple[Messages, Scale, _Sizes]:
    """Choose how names and prices index the tables."""
    low_name, high_name = span_of_names(columns.name)
    low_price, high_price = span_of_prices(columns.kind, columns.price, UNPRICED, kernels.PRICE_MAX)
    entries = columns.kind.shape[0] - int(np.count_nonzero(columns.kind == kernels.CANCEL))
    span = min(max(SPREAD * columns.kind.shape[0], SMALLEST_SPAN), LARGEST_SPAN)
    slots = max(high_name - low_name + 1, 1)
    if slots > span:
        tags, distinct = _interned(columns.name, low_name, high_name)
        columns, low_name, slots = columns._replace(tag=frozen(tags)), 0, max(distinct.shape[0], 1)
    products_fit = max(abs(low_price), abs(high_price)) < kernels.SAFE_PRICE
    ladder, step = np.empty(0, np.int64), tick
    low_price, high_price = (-(-low_price // tick) * tick, high_price) if low_price <= high_price else (0, 0)
    levels = max((high_price - low_price) // tick + 1, 1)
    if levels > span:
        rungs, ladder = _ladder(columns.price, low_price, high_price, tick)
        columns, low_price, step, levels = columns._replace(rung=frozen(rungs)), 0, 1, max(ladder.shape[0], 1)
    scale = Scale(low_name, low_price, step, ladder, products_fit, rule)
    return columns, scale, _Sizes(slots, levels, entries)


def _interned(values: Integers, lowest: int, highest: int) -> tuple[Integers, Integers]:
    """Number the values within bounds in the order of their first appearance; return numbers and different values."""
    bits = (2 * values.shape[0]).bit_length()
    distinct, numbers = np.empty_like(values), np.empty_like(values)
    count = intern(values, (lowest, highest), np.zeros(2**bits, np.int32), bits, distinct, numbers)
    return numbers, distinct[:count]


def _ladder(prices: Integers, lowest: int, highest: int, tick: int) -> tuple[Integers, Integers]:
    """Number the prices from the lowest up, -1 for what is no price; return the numbers and the price of each."""
    numbers, distinct = _interned(prices, lowest, highest)
    ladder = np.sort(distinct[distinct % tick == 0])
    ranks = np.searchsorted(ladder, distinct)
    ranks[distinct % tick != 0] = -1
    return np.where(numbers < 0, -1, np.append(ranks, -1)[numbers]), ladder


def _empty_tables(sizes: _Sizes) -> Tables:
    """Make the tables of an empty book; what is never written takes no memory."""
    starts, words = [0], sizes.levels
    while words > 1 or len(starts) == 1:
        words = -(-words // WORD)
        starts.append(starts[-1] + words)
    state = np.zeros(kernels.STATE_FIELDS, np.int64)
    state[BUY], state[SELL], state[kernels.UNTOUCHED] = -1, sizes.levels, sizes.levels
    return Tables(
        nodes=np.zeros((sizes.levels + sizes.entries, kernels.NODE_FIELDS), np.int32),
        waiting=np.zeros(sizes.levels, np.int64),
        bits=np.zeros(starts[-1], np.int64),
        tiers=np.array(starts),
        slots=np.zeros(sizes.slots, np.int32),
        state=state,
    )


# --- The book that is left ------------------------------------------------------------------------------------------


def _orders(columns: Messages, tables: Tables, scale: Scale, side: int) -> Integers:
    """Return the orders left on a side as rows of name, owner, price, shown, hidden, display and post-only."""
    nodes = np.empty(tables.nodes.shape[0] - tables.waiting.shape[0], np.int32)
    left = tables.nodes[nodes[: kernels.collect(tables, side, nodes)]]
    origins, rungs = left[:, kernels.ORIGIN], scale.first_rung + left[:, kernels.LEVEL].astype(np.int64) * scale.step
    table = np.empty((left.shape[0], 7), np.int64)
    table[:, 0] = columns.name[origins]
    table[:, 1] = columns.owner[origins] if columns.owner.shape[0] else NONE_GIVEN
    table[:, 2] = scale.ladder[rungs] if scale.ladder.shape[0] else rungs
    table[:, 3:5] = left[:, kernels.SHOWN : kernels.HIDDEN + 1]
    table[:, 5] = columns.display[origins] if columns.display.shape[0] else 0
    table[:, 6] = left[:, kernels.TERMS] >> 1
    return table


def _shown_by_price(rows: Integers, levels: int) -> list[tuple[int, int]]:
    """Sum what rows of orders, best price first, show at each of the best prices."""
    if rows.shape[0] == 0 or levels < 1:
        return []
    starts = np.flatnonzero(np.r_[True, rows[1:, 2] != rows[:-1, 2]])
    sums = np.add.reduceat(rows[:, 3], starts)
    return list(zip(rows[starts, 2][:levels].tolist(), sums[:levels].tolist(), strict=True))
