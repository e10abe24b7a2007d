"""The replay of a whole array of messages: columns in, columns out, one run of the kernel between."""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, Final, cast

import narwhals as nw
import numpy as np

from naryq.market import book_kernels as kernels
from naryq.market.book_kernels import BUY, NO_PRICE, SELL, Bytes, Messages, Scale, Tables
from naryq.market.book_layout import Outcome, empty_tables, laid_out, statistics_of, unpacked
from naryq.market.book_phases import Terms, any_phase, phased
from naryq.market.book_rules import (
    ACTIONS,
    MARKET_PRICE,
    NONE_GIVEN,
    SELF_TRADES,
    SIDES,
    STATUSES,
    Depth,
    SelfTrade,
    Summary,
    check_price_rule,
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
MESSAGES_MAX: Final = 2**29
"""Levels and orders together are numbered by integers of 32 bits."""


class Replay:
    """What a replay leaves: trades, one status a message, and the final book.

    `statuses` indexes `Replay.STATUSES`: `done`, `lapsed` (part of the order was given up), else why it was refused.
    The orders left are listed when somebody asks for depth or hash; until then, do not write over the messages.
    """

    STATUSES = STATUSES

    def __init__(self, table: Table, messages: Messages, outcome: Outcome, summary: Summary) -> None:
        """Keep what the run has left."""
        self.trades = outcome.trades
        self.statuses = outcome.statuses
        self.statistics = summary.statistics
        self.last_price = summary.last_price
        self._summary = summary
        self._left = outcome.left
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

    @cached_property
    def _orders(self) -> tuple[Integers, Integers]:
        """The orders left as rows of seven, best and oldest first, for each side."""
        return self._left(BUY), self._left(SELL)

    def depth(self, levels: int) -> Depth:
        """Return the best prices of the final book with the quantity shown at each, best first."""
        limits = (rows[np.abs(rows[:, 2]) != MARKET_PRICE] for rows in self._orders)
        bids, asks = (_shown_by_price(rows, levels) for rows in limits)
        return Depth(bids, asks)

    def state_hash(self) -> str:
        """Hash the final state; `Book.state_hash` after the same messages is the same."""
        entered = (self._messages.kind <= kernels.POST_ONLY) & (self.statuses <= kernels.LAPSED)
        return digest(self._summary, np.sort(self._messages.name[entered]), self._orders)


def replay(messages: Any, self_trade: SelfTrade, tick: int, price_rule: str = "xetra") -> Replay:
    """Run messages through an empty book; `naryq.Book.replay` says what they are."""
    check_rules(self_trade, tick)
    check_price_rule(price_rule)
    table = Table("messages", _fields(messages))
    columns = _columns(table)
    terms = Terms(tick, SELF_TRADES.index(self_trade), price_rule)
    has_phases = any_phase(columns)
    outcome = phased(columns, terms) if has_phases else _continuous(columns, terms)
    statistics = statistics_of(outcome.sums)
    last = int(outcome.trades.price[-1]) if statistics.trades else None
    return Replay(table, columns, outcome, Summary(tick, self_trade, outcome.arrivals, last, statistics))


def _continuous(columns: Messages, terms: Terms) -> Outcome:
    """Run the kernel over an empty book.

    Each trade ends the taker, or what the maker shows. So two for each message that enters are enough where nothing
    hides; icebergs may need more, and then the run begins anew with as much room as it has counted.
    """
    rows, scale, sizes = laid_out(columns, terms.tick, terms.rule)
    statuses = np.empty(columns.kind.shape[0], np.uint8)
    room = 2 * sizes.entries
    while True:
        tables = empty_tables(sizes)
        written = np.empty((room, kernels.TRADE_FIELDS), np.int32)
        kernels.run(rows, tables, scale, (0, statuses.shape[0]), written, statuses)
        count = int(tables.state[kernels.TRADES])
        if count <= room:
            break
        room = count
    trades, sums = unpacked(columns, scale, written[:count])
    left = partial(_orders, rows, tables._replace(slots=np.empty(0, np.int32)), scale)
    return Outcome(trades, sums, statuses, left, None)


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
