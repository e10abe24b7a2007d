"""The replay of messages with call phases: runs of the kernel between them, and each uncrossing on whole columns.

While a call lasts both sides may want the same price, and the kernel tells sides apart by the order of levels alone.
So the levels of a book with calls stand twice in its tables: first those to buy, and above them the market orders to
buy; then the market orders to sell, and above them the levels to sell. In the continuous phase all orders stand in the
first part. When a call starts, the orders to sell move up by the gap between the parts; when it ends, they move down.
"""

from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market import book_kernels as kernels
from naryq.market.book_kernels import BUY, DONE, NO_PRICE, OUT_OF_RANGE, SELL, Bytes, Messages, Narrow, Scale, Tables
from naryq.market.book_layout import Outcome, Sums, Trades, empty_tables, laid_out, unpacked
from naryq.market.book_meeting import meet
from naryq.market.book_rules import ACTIONS, MARKET_PRICE, NONE_GIVEN, STATUSES
from naryq.market.call import Ladder, uncrossing
from naryq.market.intake import frozen
from naryq.market.kernels import Integers

FIRST_PHASE: Final = ACTIONS.index("start_call")
"""The lowest number of a message that begins or ends a call."""
UNCROSS: Final = ACTIONS.index("uncross")
WRONG_PHASE: Final = STATUSES.index("wrong_phase")
MARKET_LEVELS: Final = 2


class Terms(NamedTuple):
    """By which rules to replay: the tick, the number of the self-trade rule, and the rule of the price of a call."""

    tick: int
    rule: int
    price_rule: str


class Queue(NamedTuple):
    """The orders of a side as columns, the best and oldest first; `origin` is the row that brought each."""

    node: Integers
    origin: Integers
    level: Integers
    shown: Integers
    hidden: Integers

    @property
    def lots(self) -> Integers:
        """The whole quantity of each order."""
        lots: Integers = self.shown + self.hidden
        return lots

    def taken(self, rows: Integers) -> "Queue":
        """Return some of the orders, by their rows."""
        return Queue(*(column[rows] for column in self))

    def with_less(self, less: Integers) -> "Queue":
        """Take quantity away, first what is hidden, and leave out what has nothing left."""
        from_hidden = np.minimum(less, self.hidden)
        reduced = self._replace(hidden=self.hidden - from_hidden, shown=self.shown - less + from_hidden)
        return reduced.taken(np.flatnonzero(reduced.lots))

    def after_trading(self, lots: Integers, display: Integers) -> "Queue":
        """Take traded lots away, first what is shown; what then shows anew goes to the back of its price."""
        left = self.lots - lots
        refilled = (lots >= self.shown) & (left > 0)
        shown = np.where(refilled, np.minimum(display, left), np.maximum(self.shown - lots, 0))
        queue = self._replace(shown=shown, hidden=left - shown)
        run = np.cumsum(np.r_[False, self.level[1:] != self.level[:-1]][: self.level.size])
        order = np.lexsort((refilled, run))
        return queue.taken(order[left[order] > 0])


class Uncrossed(NamedTuple):
    """The trades of an uncrossing as rows of the columns of `Trades`, and how many trades came before it."""

    before: int
    table: Integers


@dataclass
class _Book:
    """A book on its way through the messages."""

    columns: Messages
    scale: Scale
    tables: Tables
    terms: Terms
    prices: Integers
    written: Narrow
    statuses: Bytes
    arrived: Narrow
    in_call: bool = False
    last_price: int | None = None
    uncrossed: list[Uncrossed] = field(default_factory=list)

    @property
    def gap(self) -> int:
        """By how many levels orders to sell move up in a call."""
        return len(self.prices) // 2 + 1

    def advance(self, first: int, last: int) -> None:
        """Put the messages from one row up to another through the book."""
        if self.in_call:
            scale = self.scale._replace(gap=self.gap)
            kernels.wait(self.columns, self.tables, scale, (first, last), self.arrived, self.statuses)
            return
        before = int(self.tables.state[kernels.TRADES])
        kernels.run(self.columns, self.tables, self.scale, (first, last), self.written, self.statuses)
        count = int(self.tables.state[kernels.TRADES])
        if before < count <= self.written.shape[0]:
            self.last_price = int(self.prices[self.written[count - 1, kernels.RUNG]])

    def queue(self, side: int) -> Queue:
        """Read the orders of a side."""
        nodes = np.empty(self.tables.nodes.shape[0] - self.tables.waiting.shape[0], np.int32)
        nodes = nodes[: kernels.collect(self.tables, side, nodes)]
        fields = (kernels.ORIGIN, kernels.LEVEL, kernels.SHOWN, kernels.HIDDEN)
        return Queue(*(column.astype(np.int64) for column in (nodes, *self.tables.nodes[nodes][:, fields].T)))

    def owners(self, queue: Queue) -> Integers:
        """Whose the orders are; below 0 for nobody's."""
        owner = self.columns.owner
        return owner[queue.origin] if owner.shape[0] else np.full(queue.node.shape, NONE_GIVEN, np.int64)

    def ages(self, queue: Queue) -> Integers:
        """In which row each order came in the call; below 0 for those that were there before."""
        ages: Integers = self.arrived[queue.origin].astype(np.int64)
        return ages

    def displays(self, queue: Queue) -> Integers:
        """What icebergs show at a time; 0 for other orders."""
        display = self.columns.display
        return display[queue.origin] if display.shape[0] else np.zeros(queue.node.shape, np.int64)

    def ladder(self, queue: Queue) -> Ladder:
        """Return what stands at each limit and as market orders."""
        if not queue.node.size:
            return Ladder()
        starts = np.flatnonzero(np.r_[True, queue.level[1:] != queue.level[:-1]])
        price, lots = self.prices[queue.level[starts]], np.add.reduceat(queue.lots, starts)
        market = np.abs(price) == MARKET_PRICE
        return Ladder(price[~market], lots[~market], int(lots[market].sum()))

    def rows(self, side: int) -> Integers:
        """Return the orders of a side as rows of name, owner, price, shown, hidden, display and post-only."""
        queue = self.queue(side)
        terms = self.tables.nodes[queue.node, kernels.TERMS] >> 1
        names, prices = self.columns.name[queue.origin], self.prices[queue.level]
        owners, displays = self.owners(queue), self.displays(queue)
        return np.stack([names, owners, prices, queue.shown, queue.hidden, displays, terms], axis=1)

    def arrivals(self) -> list[int] | None:
        """Name the orders that came in a call that lasts, oldest first."""
        if not self.in_call:
            return None
        origins = np.concatenate([self.queue(side).origin for side in (BUY, SELL)])
        origins = origins[self.arrived[origins] >= 0]
        names: list[int] = self.columns.name[origins[np.argsort(self.arrived[origins])]].tolist()
        return names

    # --- Phases -------------------------------------------------------------------------------------------------------

    def start_call(self) -> int:
        """Begin a call: orders to sell move up, so that both sides may want the same price; return the status."""
        if self.in_call:
            return WRONG_PHASE
        bids, asks = self.queue(BUY), self.queue(SELL)
        self.arrived[bids.origin] = self.arrived[asks.origin] = -1
        self._rebuild(bids, asks._replace(level=asks.level + self.gap))
        self.in_call = True
        return DONE

    def uncross(self, row: int) -> int:
        """End a call with trades at one price, and return the status; the price of the message is the reference."""
        reference = int(self.columns.price[row])
        if not self.in_call:
            return WRONG_PHASE
        if reference != NO_PRICE and (abs(reference) > kernels.PRICE_MAX or reference % self.terms.tick):
            return OUT_OF_RANGE
        bids, asks = self.queue(BUY), self.queue(SELL)
        gone = np.zeros(self.tables.nodes.shape[0], np.bool_)
        gone[bids.node] = gone[asks.node] = True
        bids, asks = self._traded(row, bids, asks, self.last_price if reference == NO_PRICE else reference)
        limits = [
            queue.taken(np.flatnonzero(np.abs(self.prices[queue.level]) < MARKET_PRICE)) for queue in (bids, asks)
        ]
        gone[limits[0].node] = gone[limits[1].node] = False
        self._free(np.flatnonzero(gone))
        self._rebuild(limits[0], limits[1]._replace(level=limits[1].level - self.gap))
        self.in_call = False
        return DONE

    def _traded(self, row: int, bids: Queue, asks: Queue, reference: int | None) -> tuple[Queue, Queue]:
        """Cancel by the self-trade rule, trade, and return what is left of the orders."""
        while True:
            ladders = self.ladder(bids), self.ladder(asks)
            price = uncrossing(*ladders, self.terms.price_rule, reference, tick=self.terms.tick).price
            if price is None:
                return bids, asks
            buying = bids.taken(np.flatnonzero(self.prices[bids.level] >= price))
            selling = asks.taken(np.flatnonzero(self.prices[asks.level] <= price))
            both = (buying, selling)
            ages = self.ages(buying), self.ages(selling)
            pairs = np.empty((buying.node.size + selling.node.size, 3), np.int64)
            cancelled = np.zeros(buying.node.size, np.int64), np.zeros(selling.node.size, np.int64)
            owners = (self.owners(buying), self.owners(selling))
            count = meet((buying.lots, selling.lots), owners, ages, self.terms.rule, pairs, cancelled)
            if not (cancelled[0].any() or cancelled[1].any()):
                break
            bids, asks = (
                queue.with_less(np.pad(less, (0, queue.node.size - less.size)))
                for queue, less in zip((bids, asks), cancelled, strict=True)
            )
        self._note(row, price, both, pairs[:count], ages)
        self.last_price = price
        return self._after(bids, pairs[:count, [0, 2]]), self._after(asks, pairs[:count, [1, 2]])

    def _after(self, queue: Queue, traded: Integers) -> Queue:
        lots = np.zeros(queue.node.size, np.int64)
        np.add.at(lots, traded[:, 0], traded[:, 1])
        return queue.after_trading(lots, self.displays(queue))

    def _note(
        self, row: int, price: int, both: tuple[Queue, Queue], pairs: Integers, ages: tuple[Integers, ...]
    ) -> None:
        """Note the trades; the maker of each is the order that came earlier."""
        buyer, seller, lots = pairs.T
        names = [self.columns.name[queue.origin[rows]] for queue, rows in zip(both, (buyer, seller), strict=True)]
        bid_is_older = ages[0][buyer] < ages[1][seller]
        makers, takers = np.where(bid_is_older, names, names[::-1])
        one = np.ones_like(lots)
        table = np.stack([makers, takers, price * one, lots, bid_is_older.astype(np.int64), row * one])
        self.uncrossed.append(Uncrossed(int(self.tables.state[kernels.TRADES]), table))

    def _free(self, nodes: Integers) -> None:
        """Give back the nodes of orders that are gone."""
        table, state = self.tables.nodes, self.tables.state
        if nodes.size:
            table[nodes, kernels.HANDLE] = -1
            table[nodes, kernels.NEXT] = np.r_[state[kernels.FREE], nodes[:-1]]
            state[kernels.FREE] = nodes[-1]

    def _rebuild(self, bids: Queue, asks: Queue) -> None:
        """Tie the orders of both sides to their levels anew."""
        nodes, waiting, bits, tiers, _, state = self.tables
        queue = Queue(*(np.concatenate(columns) for columns in zip(bids, asks, strict=True)))
        node, _, level, shown, hidden = queue
        waiting[:], bits[:] = 0, 0
        state[BUY] = bids.level[0] if bids.level.size else -1
        state[SELL] = asks.level[0] if asks.level.size else waiting.shape[0]
        if not node.size:
            return
        starts = np.r_[True, level[1:] != level[:-1]]
        ends = np.r_[starts[1:], True]
        nodes[node, kernels.NEXT] = np.where(ends, level, np.roll(node, -1))
        nodes[node, kernels.PREVIOUS] = np.where(starts, level, np.roll(node, 1))
        nodes[level[starts], kernels.NEXT], nodes[level[ends], kernels.PREVIOUS] = node[starts], node[ends]
        nodes[node, kernels.LEVEL], nodes[node, kernels.SHOWN], nodes[node, kernels.HIDDEN] = level, shown, hidden
        np.add.at(waiting, level, queue.lots)
        index = level[starts]
        for tier in tiers[:-1]:
            np.bitwise_or.at(bits, tier + (index >> kernels.WORD_BITS), 1 << (index & 31))
            index = np.unique(index >> kernels.WORD_BITS)


def any_phase(columns: Messages) -> bool:
    """Say whether any message begins or ends a call."""
    return bool((columns.kind - FIRST_PHASE <= UNCROSS - FIRST_PHASE).any())


def phased(columns: Messages, terms: Terms) -> Outcome:
    """Run messages with call phases through an empty book."""
    rows = np.flatnonzero(columns.kind - FIRST_PHASE <= UNCROSS - FIRST_PHASE)
    room = None
    while True:
        book = _empty_book(columns, terms, room)
        first = 0
        for row in rows.tolist():
            book.advance(first, row)
            book.statuses[row] = book.uncross(row) if columns.kind[row] == UNCROSS else book.start_call()
            first = row + 1
        book.advance(first, columns.kind.shape[0])
        room = int(book.tables.state[kernels.TRADES])
        if room <= book.written.shape[0]:
            break
    trades, sums = _joined(book, room)
    return Outcome(trades, sums, book.statuses, book.rows, book.arrivals())


def _empty_book(columns: Messages, terms: Terms, room: int | None) -> _Book:
    """Lay out the tables of a book with calls: every level twice, and two between for market orders."""
    rows, scale, sizes = laid_out(columns, terms.tick, terms.rule)
    ladder = scale.ladder
    if not ladder.size:
        offset = rows.price - scale.first_rung
        on_it = (rows.price >= scale.first_rung) & (offset < sizes.levels * scale.step) & (offset % scale.step == 0)
        rows = rows._replace(rung=frozen(np.where(on_it, offset // scale.step, -1)))
        ladder = scale.first_rung + scale.step * np.arange(sizes.levels)
    prices = np.concatenate([ladder, [MARKET_PRICE, -MARKET_PRICE], ladder])
    scale = scale._replace(first_rung=0, step=1, ladder=np.concatenate([ladder, [0, 0], ladder]))
    sizes = sizes._replace(levels=2 * sizes.levels + MARKET_LEVELS)
    written = np.empty((2 * sizes.entries if room is None else room, kernels.TRADE_FIELDS), np.int32)
    messages = columns.kind.shape[0]
    statuses, arrived = np.empty(messages, np.uint8), np.empty(messages, np.int32)
    return _Book(rows, scale, empty_tables(sizes), terms, prices, written, statuses, arrived)


def _joined(book: _Book, count: int) -> tuple[Trades, Sums]:
    """Join the trades of the continuous phases with those of the uncrossings, in their order, and sum them up."""
    trades, sums = unpacked(book.columns, book.scale, book.written[:count])
    for _, table in book.uncrossed:
        price, volume = int(table[2, 0]), int(table[3].sum())
        highest, lowest = max(sums.high, price), min(sums.low, price)
        sums = Sums(sums.trades + table.shape[1], sums.volume + volume, sums.turnover + price * volume, highest, lowest)
    marks = [before for before, _ in book.uncrossed]
    every: Any = trades
    columns = []
    for number, column in enumerate(every):
        written = np.split(column, marks)
        own = [table[number].astype(written[0].dtype) for _, table in book.uncrossed]
        pieces = [piece for pair in zip_longest(written, own) for piece in pair if piece is not None]
        columns.append(np.concatenate(pieces))
    return Trades(*columns), sums
