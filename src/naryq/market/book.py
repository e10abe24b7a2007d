"""The continuous double auction: a book of orders that trades by price, then time.

`Book` takes one message at a time, in plain Python: a queue a price, kept in order of arrival, and the prices of a side
as a sorted list with the best last. `Book.replay` takes an array of messages at the speed of machine code. Both, and a
naive twin in the tests, give the same trades and the same state hash.
"""

from importlib import import_module
from typing import Any

import msgspec
import numpy as np

from naryq.market.book_call import checked_reference, meet, traded
from naryq.market.book_halves import Half, Level
from naryq.market.book_kernels import QUANTITY_MAX
from naryq.market.book_replay import Replay, replay
from naryq.market.book_rules import (
    CALL_KINDS,
    KINDS,
    MARKET_PRICE,
    SIDES,
    Depth,
    Kind,
    Order,
    SelfTrade,
    Statistics,
    Summary,
    Trade,
    check_display,
    check_price,
    check_quantity,
    check_rules,
    checked_display,
    checked_owner,
    digest,
    whole,
)
from naryq.market.call import Uncrossing, uncrossing
from naryq.market.sheets import price_cell
from naryq.messages import Code, Refusal, Side
from naryq.units import INT64_MAX, grouped

_ANY_PRICE = -(10**13)
"""As the key of a limit: no price is so bad that a market order would not take it."""


_SAFE_LOW, _SAFE_HIGH = -(2**32), 2**32
"""Between them no product of a price and a quantity leaves 64 bits."""


class Book:
    """A continuous double auction for one instrument: price priority, then time priority.

    Args:
        self_trade: What happens where an order would trade with one of the same owner: `"allow"` lets them trade,
            `"cancel_newest"` cancels what is left of the incoming order, `"cancel_resting"` cancels the order in the
            book and goes on, `"cancel_both"` cancels both. No such pair ever trades except under `"allow"`.
        tick: Every price is a multiple of it.

    Raises:
        Refusal: `unknown_option`, `wrong_type` or `out_of_range` for rules that no book knows.

    >>> book = Book()
    >>> book.submit(1, "sell", 105, 10), book.submit(2, "sell", 103, 4)
    ([], [])
    >>> for trade in book.submit(3, "buy", 105, 6):
    ...     print(trade.maker_order_id, trade.price, trade.quantity)
    2 103 4
    1 105 2
    >>> book.depth(5)
    Depth(bids=[], asks=[(105, 8)])
    """

    def __init__(self, *, self_trade: SelfTrade = "allow", tick: int = 1) -> None:
        check_rules(self_trade, tick)
        self._self_trade: SelfTrade = self_trade
        self._tick = tick
        self._bids = Half(1)
        self._asks = Half(-1)
        self._orders: dict[int, Order | None] = {}
        self._arrivals: dict[int, None] | None = None
        self._kinds: tuple[str, ...] = KINDS
        self._last: int | None = None
        self._high: int | None = None
        self._low: int | None = None
        self._trades = 0
        self._volume = 0
        self._turnover = 0

    def submit(
        self,
        order_id: int,
        side: Side,
        price: int | None,
        quantity: int,
        *,
        kind: Kind = "limit",
        owner: int | None = None,
        display: int | None = None,
    ) -> list[Trade]:
        """Let an order trade with what it crosses, and let what is left of a limit order rest in the book.

        Args:
            order_id: From 0; one for the whole life of the book, even when the order is gone.
            side: `"buy"` or `"sell"`.
            price: The worst price to trade at, a multiple of the tick; None for a market order.
            quantity: In lots, from 1 to 10**9.
            kind: `"limit"`; `"market"` trades at any price and gives up what is left, `"immediate_or_cancel"` at its
                price; `"fill_or_kill"` trades in full at once or not at all; `"post_only"` rests or is given up whole.
            owner: From 0; who the order belongs to, for the self-trade rule. None never trades with itself.
            display: What an iceberg shows at a time; each refill goes to the back of the queue.

        Returns:
            The trades, in the order in which they happen, each at the price of the order in the book.

        Raises:
            Refusal: `duplicate_id`, `unknown_side`, `wrong_type`, `out_of_range`, `overflow` or `unknown_option`; the
                book is as it was.

        >>> book = Book()
        >>> book.submit(1, "sell", 100, 30, display=10), book.submit(2, "sell", 100, 5)
        ([], [])
        >>> [(trade.maker_order_id, trade.quantity) for trade in book.submit(3, "buy", None, 20, kind="market")]
        [(1, 10), (2, 5), (1, 5)]
        """
        order = self._checked(order_id, side, price, quantity, kind, owner, display)
        return self._enter(order, kind) if self._arrivals is None else self._wait(order, kind)

    def cancel(self, order_id: int, quantity: int | None = None) -> int:
        """Cancel an order, or part of its quantity: the rest keeps its place, and an iceberg loses what it hides first.

        Returns:
            The quantity cancelled.

        Raises:
            Refusal: `unknown_order` when it is not in the book, `out_of_range` when less is open; nothing changes.
        """
        order = self._found(order_id)
        left = order.shown + order.hidden
        if quantity is None:
            self._remove(order, self._bids if order.side == "buy" else self._asks)
            return left
        less = whole(quantity, "quantity")
        if not 1 <= less <= left:
            remedy = f"Give at most the {left} that are open, or nothing for all."
            raise Refusal(Code.OUT_OF_RANGE, f"quantity is {less}", where=f"order {order_id}", remedy=remedy)
        if less == left:
            self._remove(order, self._half_of(order))
        else:
            self._reduce(order, less)
        return less

    def amend(self, order_id: int, price: int | None = None, quantity: int | None = None) -> list[Trade]:
        """Give an order a new price, a new open quantity, or both.

        An order keeps its place when its price stays and its quantity does not rise. Else it leaves the book and enters
        as a new order would, and may trade; a post-only order that would trade is given up.

        Returns:
            The trades that it makes on its way back into the book.

        Raises:
            Refusal: `unknown_order`, `wrong_type`, `out_of_range` or `overflow`; nothing changes.
        """
        order = self._found(order_id)
        where, left = f"order {order_id}", order.shown + order.hidden
        if price is None and quantity is None:
            raise Refusal(Code.OUT_OF_RANGE, "nothing to amend", where=where, remedy="Give a price or a quantity.")
        price = order.price if price is None else whole(price, "price")
        quantity = left if quantity is None else whole(quantity, "quantity")
        check_quantity(quantity, where)
        if abs(price) != MARKET_PRICE or price != order.price:
            check_price(price, quantity, self._tick, where)
        if order.display is not None and quantity > left:
            check_display(order.display, quantity, where)
        if price == order.price and quantity <= left:
            self._reduce(order, left - quantity)
            return []
        self._remove(order, self._half_of(order))
        order = msgspec.structs.replace(order, price=price, shown=quantity, hidden=0)
        if self._arrivals is not None:
            return self._wait(order, "limit")
        return self._enter(order, "post_only" if order.post_only else "limit")

    def start_call(self) -> None:
        """Begin a call phase: orders wait without trading, even where they cross, until `uncross`.

        Limit and market orders are taken, cancelled and amended; the other kinds are refused.

        Raises:
            Refusal: `wrong_phase` when the book is in a call already.
        """
        self._expect(in_call=False)
        self._arrivals, self._kinds = {}, CALL_KINDS

    def indicative(self, price_rule: str = "xetra", reference: int | None = None) -> Uncrossing:
        """Say at which price `uncross` would end the call now, what would trade, and what would be left over."""
        self._expect(in_call=True)
        reference = checked_reference(price_rule, reference, self._last, self._tick)
        return uncrossing(self._bids.ladder(), self._asks.ladder(), price_rule, reference, tick=self._tick)

    def uncross(self, price_rule: str = "xetra", reference: int | None = None) -> list[Trade]:
        """End a call phase: trade at one price what can trade at it, and go on to the continuous phase.

        Args:
            price_rule: The rule of a venue: `"xetra"`, `"euronext"` or `"last_accepted_sell"`.
            reference: The reference price, a multiple of the tick; the last price where none is given.

        Returns:
            The trades, best and oldest orders first; the maker of each is the order that came earlier.

        Raises:
            Refusal: `wrong_phase` outside a call; `unknown_option`, `wrong_type` or `out_of_range`; nothing changes.

        >>> book = Book()
        >>> book.start_call()
        >>> book.submit(1, "buy", 202, 5), book.submit(2, "sell", 198, 3)
        ([], [])
        >>> book.submit(3, "sell", None, 1, kind="market"), book.indicative().price
        ([], 202)
        >>> [(trade.maker_order_id, trade.taker_order_id, trade.price, trade.quantity) for trade in book.uncross()]
        [(1, 3, 202, 1), (1, 2, 202, 3)]
        >>> book.depth(1)
        Depth(bids=[(202, 1)], asks=[])
        """
        trades: list[Trade] = []
        while (price := self.indicative(price_rule, reference).price) is not None:
            meeting = meet(self._bids.willing(price), self._asks.willing(price), self._ages(), self._self_trade)
            if not meeting.cancelled:
                trades = self._trade_at(price, meeting.pairs)
                break
            for order, lots in meeting.cancelled:
                self.cancel(order.order_id, lots)
        self._drop_market_orders()
        self._arrivals, self._kinds = None, KINDS
        return trades

    def depth(self, levels: int) -> Depth:
        """Return the best prices of both sides with the quantity shown at each, best first."""
        return Depth(self._bids.depth(max(levels, 0)), self._asks.depth(max(levels, 0)))

    def picture(self, levels: int = 20, *, kind: str = "svg", language: str = "en") -> bytes:
        """Draw how much the book shows up to each price; market orders that wait in a call stand at no price.

        The same book gives the same bytes on each run. Needs matplotlib: `python -m pip install matplotlib`.

        Args:
            levels: How many prices of each side, the best first.
            kind: `svg` or `png`.
            language: Of the labels: `en`, `kk` or `ru`.

        Raises:
            Refusal: UNKNOWN_OPTION for another kind or language; NOT_SUPPORTED where matplotlib is missing.
        """
        # The drawing stands above the market and knows it, not the other way round (docs/decisions).
        drawn: bytes = import_module("naryq.pictures").book_picture(self, levels, kind=kind, language=language)
        return drawn

    def order(self, order_id: int) -> Order | None:
        """Return an order in the book as it stands now; None when it is not there, or not any more."""
        found = self._orders.get(order_id)
        return None if found is None else msgspec.structs.replace(found)

    def __repr__(self) -> str:
        best = f"best to buy {price_cell(self.best_bid)}, to sell {price_cell(self.best_ask)}"
        return f"<Book, {self.phase}: orders in it {grouped(len(self))}; {best}>"

    def __len__(self) -> int:
        """Count the orders in the book."""
        return sum(level.count for half in (self._bids, self._asks) for level in half.levels.values())

    @property
    def phase(self) -> str:
        """The phase: `"continuous"` or `"call"`."""
        return "continuous" if self._arrivals is None else "call"

    @property
    def best_bid(self) -> int | None:
        """The highest limit to buy; None when there is none."""
        limits = self._bids.limits()
        return limits[-1] if limits else None

    @property
    def best_ask(self) -> int | None:
        """The lowest limit to sell; None when there is none. In a call it may lie below the highest to buy."""
        limits = self._asks.limits()
        return -limits[-1] if limits else None

    @property
    def last_price(self) -> int | None:
        """The price of the last trade; None before the first."""
        return self._last

    @property
    def statistics(self) -> Statistics:
        """What has traded so far."""
        return Statistics(self._trades, self._volume, self._turnover, self._high, self._low)

    def state_hash(self) -> str:
        """Hash all that a later message can notice: two books with the same hash answer every message alike."""
        names = np.array(sorted(self._orders), np.int64)
        arrivals = None if self._arrivals is None else list(self._ages())
        summary = Summary(self._tick, self._self_trade, arrivals, self._last, self.statistics)
        return digest(summary, names, (self._bids.rows(), self._asks.rows()))

    @staticmethod
    def replay(messages: Any, *, self_trade: SelfTrade = "allow", tick: int = 1, price_rule: str = "xetra") -> Replay:
        """Run an array of messages through an empty book, at the speed of machine code.

        Args:
            messages: A data frame (pandas, Polars, PyArrow), a mapping of columns, or a structured array. `kind` holds
                the words of `submit`, `"cancel"`, `"amend"`, `"start_call"` or `"uncross"`, or their numbers in that
                order from 0; `order_id`; `side`, `"buy"` or `"sell"`, or 0 or 1 (read for new orders); `price` (not
                read for a market order and a cancel; -2**63 leaves it as it is in an amend; the reference price of an
                uncrossing, -2**63 for none); `quantity` (0 cancels all, or leaves it as it is in an amend); and, not
                needed, `owner` (-1 for none) and `display` (0 for none), read for new orders. A missing number counts
                as -2**63, 0, -1 and 0.
            self_trade: As for a book.
            tick: As for a book.
            price_rule: As for `uncross`.

        Returns:
            The trades as columns (`trades_frame()` gives them in your kind of table), a status for each message, the
            final depth and state hash. A wrong value in a row refuses that message alone.

        Raises:
            Refusal: For wrong columns: `column_missing`, `column_unknown`, `wrong_type`, `out_of_range`, `too_large`.

        >>> replay = Book.replay({
        ...     "kind": ["limit", "limit", "market", "cancel"],
        ...     "order_id": [1, 2, 3, 9],
        ...     "side": ["sell", "sell", "buy", "buy"],
        ...     "price": [105, 103, 0, 0],
        ...     "quantity": [10, 4, 6, 0],
        ... })
        >>> replay.trades.price.tolist(), replay.trades.quantity.tolist(), replay.depth(5).asks
        ([103, 105], [4, 2], [(105, 8)])
        >>> [replay.STATUSES[status] for status in replay.statuses]
        ['done', 'done', 'done', 'unknown_order']
        """
        return replay(messages, self_trade, tick, price_rule)

    # --- Inside -----------------------------------------------------------------------------------------------------

    def _checked(  # noqa: C901, PLR0912, PLR0917 - one check after another, in the documented order, at the least cost
        self,
        order_id: int,
        side: Side,
        price: int | None,
        quantity: int,
        kind: Kind,
        owner: int | None,
        display: int | None,
    ) -> Order:
        """Judge a new order in the documented order; after this it must succeed."""
        if kind not in self._kinds:
            self._refuse_kind(order_id, kind)
        if type(order_id) is not int:
            order_id = whole(order_id, "order_id")
        if not 0 <= order_id <= INT64_MAX:
            remedy = f"Give a whole number from 0 to {INT64_MAX}."
            raise Refusal(Code.OUT_OF_RANGE, f"order_id is {order_id}", remedy=remedy)
        if order_id in self._orders:
            remedy = "If this is a new order, give it a new number; if not, it has already arrived."
            raise Refusal(Code.DUPLICATE_ID, f"order_id {order_id} was there before", remedy=remedy)
        if side not in SIDES:
            raise Refusal(Code.UNKNOWN_SIDE, f"side is {side!r}", where=f"order {order_id}", remedy="Say buy or sell.")
        if type(quantity) is not int:
            quantity = whole(quantity, "quantity")
        if not 1 <= quantity <= QUANTITY_MAX:
            check_quantity(quantity, f"order {order_id}")
        if kind != "market":
            if type(price) is not int:
                price = whole(price, "price", "Give a whole number; only kind='market' goes without a price.")
            if not _SAFE_LOW < price < _SAFE_HIGH or price % self._tick:
                check_price(price, quantity, self._tick, f"order {order_id}")
        elif price is not None:
            remedy = "Give None as its price, or another kind."
            raise Refusal(Code.OUT_OF_RANGE, f"price is {price}", where=f"market order {order_id}", remedy=remedy)
        if owner is not None:
            owner = checked_owner(order_id, owner)
        if display is not None:
            display = checked_display(order_id, display, quantity, kind)
        return Order(order_id, side, price or 0, quantity, 0, display, owner, kind == "post_only")

    def _refuse_kind(self, order_id: int, kind: str) -> None:
        where = f"order {order_id}"
        if kind not in KINDS:
            remedy = f"Choose one of {', '.join(KINDS)}."
            raise Refusal(Code.UNKNOWN_OPTION, f"kind is {kind!r}", where=where, remedy=remedy)
        remedy = "Send it when the call has ended, or send a limit or a market order."
        raise Refusal(Code.WRONG_PHASE, f"{kind} in a call phase", where=where, remedy=remedy)

    def _found(self, order_id: int) -> Order:
        order = self._orders.get(order_id)
        if order is None:
            remedy = "It never arrived, has traded in full, or was cancelled before."
            raise Refusal(Code.UNKNOWN_ORDER, f"no order {order_id!r} in the book", remedy=remedy)
        return order

    def _enter(self, order: Order, kind: Kind) -> list[Trade]:
        """Match an order that has been judged and let rest what may rest of it; all its quantity is in `shown`."""
        if order.side == "buy":
            own, other, limit = self._bids, self._asks, -order.price
        else:
            own, other, limit = self._asks, self._bids, order.price
        if kind == "market":
            limit = _ANY_PRICE
        trades: list[Trade] = []
        if other.keys and other.keys[-1] >= limit:
            if kind == "post_only" or (kind == "fill_or_kill" and not self._fillable(order, other, limit)):
                self._orders[order.order_id] = None
                return trades
            self._match(order, other, limit, trades)
        if order.shown and (kind == "limit" or kind == "post_only"):  # noqa: PLR1714 - a set would be slower here
            self._rest(order, own, -limit)
        else:
            self._orders[order.order_id] = None
        return trades

    def _rest(self, order: Order, own: Half, key: int) -> None:
        """Let an order wait at the back of the queue of its price; all its quantity is in `shown`."""
        shown, display = order.shown, order.display
        if display is not None and shown > display:
            order.hidden = shown - display
            order.shown = shown = display
        level = own.levels.get(key) or own.opened(key)
        self._orders[order.order_id] = order
        level.queue.append(order)
        level.count += 1
        level.shown += shown

    def _match(self, taker: Order, other: Half, limit: int, trades: list[Trade]) -> None:
        """Trade with the other side, best price and oldest order first, while the limit allows."""
        prevents = self._self_trade != "allow" and taker.owner is not None
        keys, levels = other.keys, other.levels
        taker_id, side, left, turnover = taker.order_id, taker.side, taker.shown, 0
        while left and keys and keys[-1] >= limit:
            level = levels[keys[-1]]
            maker = level.queue[0]
            if not maker.shown:
                maker = level.front()
            if prevents and maker.owner == taker.owner:
                if self._self_trade != "cancel_newest":
                    self._remove(maker, other)
                if self._self_trade != "cancel_resting":
                    left = 0
                continue
            lots, price = maker.shown, maker.price
            if lots > left:  # noqa: PLR1730 - a call of min costs more than all the rest of this line
                lots = left
            trades.append(Trade(maker.order_id, taker_id, price, lots, side))
            turnover += price * lots
            left -= lots
            self._take(maker, other, level, lots)
        taker.shown = left
        if trades:
            self._count(trades, turnover)

    def _take(self, maker: Order, half: Half, level: Level, lots: int) -> None:
        """Take traded lots from the order at the front; what it shows next goes to the back of the queue."""
        if lots < maker.shown:
            maker.shown -= lots
            level.shown -= lots
        elif not maker.hidden:
            half.remove(maker)
            self._orders[maker.order_id] = None
        else:
            assert maker.display is not None, "only an iceberg hides anything"
            maker.shown = min(maker.display, maker.hidden)
            maker.hidden -= maker.shown
            level.shown += maker.shown - lots
            assert level.front() is maker, "whoever trades stands at the front"
            level.queue.rotate(-1)

    def _fillable(self, taker: Order, other: Half, limit: int) -> bool:
        """Say whether an order would trade in full, hidden quantity and the self-trade rule included."""
        owner = taker.owner if self._self_trade != "allow" else None
        wanted = taker.shown
        for key in reversed(other.keys):
            if key < limit or wanted <= 0:
                break
            hidden = 0
            for order in other.levels[key].orders():
                if owner is None or order.owner != owner:
                    wanted -= order.shown
                    hidden += order.hidden
                elif self._self_trade != "cancel_resting":
                    # It is met before any refill, which goes behind it: only what is shown ahead counts.
                    return wanted <= 0
                if wanted <= 0:
                    return True
            wanted -= hidden
        return wanted <= 0

    # --- The call phase ---------------------------------------------------------------------------------------------

    def _expect(self, *, in_call: bool) -> None:
        if (self._arrivals is not None) != in_call:
            remedy = "Start a call first." if in_call else "End the call with uncross first."
            raise Refusal(Code.WRONG_PHASE, f"the book is in its {self.phase} phase", remedy=remedy)

    def _ages(self) -> dict[int, int]:
        """The arrival of each order that came in the call and is still there."""
        there = (order_id for order_id in self._arrivals or () if self._orders[order_id] is not None)
        return {order_id: age for age, order_id in enumerate(there)}

    def _wait(self, order: Order, kind: Kind) -> list[Trade]:
        """Let an order that has been judged wait for the end of the call, behind those at its price."""
        assert self._arrivals is not None, "orders wait in a call alone"
        if kind == "market":
            order.price = MARKET_PRICE if order.side == "buy" else -MARKET_PRICE
        own = self._half_of(order)
        self._rest(order, own, own.sign * order.price)
        self._arrivals.pop(order.order_id, None)
        self._arrivals[order.order_id] = None
        return []

    def _trade_at(self, price: int, pairs: list[tuple[Order, Order, int]]) -> list[Trade]:
        """Trade at the price of a call; what an order then has left shows and waits as after any other trade."""
        trades = [Trade(older.order_id, newer.order_id, price, lots, newer.side) for older, newer, lots in pairs]
        for order, lots in traded(pairs):
            half = self._half_of(order)
            from_hidden = max(lots - order.shown, 0)
            order.hidden -= from_hidden
            self._take(order, half, half.levels[half.sign * order.price], lots - from_hidden)
        if trades:
            self._count(trades, price * sum(trade.quantity for trade in trades))
        return trades

    def _drop_market_orders(self) -> None:
        for half in (self._bids, self._asks):
            level = half.levels.get(MARKET_PRICE)
            for order in level.orders() if level else ():
                self._remove(order, half)

    def _half_of(self, order: Order) -> Half:
        return self._bids if order.side == "buy" else self._asks

    def _remove(self, order: Order, half: Half) -> None:
        half.remove(order)
        self._orders[order.order_id] = None

    def _reduce(self, order: Order, less: int) -> None:
        """Take quantity from an order, first from what it hides; it keeps its place in the queue."""
        half = self._half_of(order)
        from_hidden = min(less, order.hidden)
        order.hidden -= from_hidden
        order.shown -= less - from_hidden
        half.levels[half.sign * order.price].shown -= less - from_hidden

    def _count(self, trades: list[Trade], turnover: int) -> None:
        """Note trades in the statistics; within one order their prices only get worse for the taker."""
        first, last = trades[0].price, trades[-1].price
        low, high = (first, last) if first < last else (last, first)
        self._trades += len(trades)
        self._volume += trades[0].quantity if len(trades) == 1 else sum([trade.quantity for trade in trades])
        self._turnover += turnover
        self._last = last
        if self._high is None or high > self._high:
            self._high = high
        if self._low is None or low < self._low:
            self._low = low
