"""The continuous book in plain Python, without any thought of speed: one list of orders, searched for every step.

Its face is that of the fast book, and its state hash is made of the same parts, so the two can be compared whole.
Each rule stands in a small method of its own, so that the tests can plant a bug by overriding one.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from tests.call_twin import CallTwin, Orders

from naryq.market.book_rules import (
    CALL_KINDS,
    KINDS,
    MARKET_PRICE,
    SIDES,
    Depth,
    Statistics,
    Summary,
    Trade,
    digest,
)
from naryq.market.call import VENUE_RULES
from naryq.messages import Code, Refusal


@dataclass
class NaiveOrder:
    order_id: int
    side: Any
    price: int
    shown: int
    hidden: int
    display: int | None
    owner: int | None
    post_only: bool
    arrival: int


class NaiveBook:
    def __init__(self, *, self_trade: Any = "allow", tick: int = 1) -> None:
        self.self_trade = self_trade
        self.tick = tick
        self.orders: list[NaiveOrder] = []
        self.names: list[int] = []
        self.trades: list[Trade] = []
        self.clock = 0
        self.call_since: int | None = None

    # --- The face -------------------------------------------------------------------------------------------------

    def submit(
        self,
        order_id: int,
        side: str,
        price: int | None,
        quantity: int,
        *,
        kind: str = "limit",
        owner: int | None = None,
        display: int | None = None,
    ) -> list[Trade]:
        self.refuse_unless(kind in KINDS, Code.UNKNOWN_OPTION)
        self.refuse_unless(self.takes(kind), Code.WRONG_PHASE)
        self.refuse_unless(0 <= order_id < 2**63, Code.OUT_OF_RANGE)
        self.refuse_unless(order_id not in self.names, Code.DUPLICATE_ID)
        self.refuse_unless(side in SIDES, Code.UNKNOWN_SIDE)
        self.refuse_unless((price is None) == (kind == "market"), Code.OUT_OF_RANGE)
        self.check_terms(price, quantity)
        self.refuse_unless(owner is None or owner >= 0, Code.OUT_OF_RANGE)
        self.refuse_unless(display is None or kind in {"limit", "post_only"}, Code.UNKNOWN_OPTION)
        shown_enough = display is None or (1 <= display <= quantity <= 1_000 * display)
        self.refuse_unless(shown_enough, Code.OUT_OF_RANGE)
        self.names.append(order_id)
        return self.enter(
            NaiveOrder(order_id, side, price or 0, quantity, 0, display, owner, kind == "post_only", 0), kind
        )

    def cancel(self, order_id: int, quantity: int | None = None) -> int:
        order = self.find(order_id)
        left = order.shown + order.hidden
        less = left if quantity is None else quantity
        self.refuse_unless(1 <= less <= left, Code.OUT_OF_RANGE)
        self.reduce(order, less)
        return less

    def amend(self, order_id: int, price: int | None = None, quantity: int | None = None) -> list[Trade]:
        order = self.find(order_id)
        left = order.shown + order.hidden
        self.refuse_unless(price is not None or quantity is not None, Code.OUT_OF_RANGE)
        new_price = order.price if price is None else price
        new_quantity = left if quantity is None else quantity
        self.check_terms(None if abs(new_price) == MARKET_PRICE else new_price, new_quantity)
        self.refuse_unless(order.display is None or new_quantity <= 1_000 * order.display, Code.OUT_OF_RANGE)
        if self.keeps_its_place(order, new_price, new_quantity):
            self.reduce(order, left - new_quantity)
            return []
        self.drop(order)
        order.price, order.shown, order.hidden = new_price, new_quantity, 0
        return self.enter(order, "post_only" if order.post_only else "limit")

    def start_call(self) -> None:
        self.refuse_unless(self.call_since is None, Code.WRONG_PHASE)
        self.call_since = self.clock

    def indicative(self, price_rule: str = "xetra", reference: int | None = None) -> tuple[int | None, int, int]:
        self.check_call(price_rule, reference)
        twin = self.call_twin()
        price = twin.price(price_rule, self.last_price if reference is None else reference)
        return (None, 0, 0) if price is None else (price, *twin.row(price)[1:])

    def uncross(self, price_rule: str = "xetra", reference: int | None = None) -> list[Trade]:
        self.check_call(price_rule, reference)
        reference = self.last_price if reference is None else reference
        while (price := self.call_twin().price(price_rule, reference)) is not None and self.part_owners(price):
            pass
        pairs = [] if price is None else self.pairs(price)
        trades = [self.trade(price or 0, *pair) for pair in pairs]
        for order in list(self.orders):
            self.settle(order, sum(lots for bid, ask, lots in pairs if order in (bid, ask)))
        for order in self.orders:
            if abs(order.price) == MARKET_PRICE:
                self.drop(order)
        self.call_since = None
        self.trades += trades
        return trades

    def depth(self, levels: int) -> Depth:
        bids, asks = (
            [
                (price, sum(order.shown for order in self.queue(side) if order.price == price))
                for price in dict.fromkeys(order.price for order in self.queue(side))
                if abs(price) != MARKET_PRICE
            ][:levels]
            for side in SIDES
        )
        return Depth(bids, asks)

    @property
    def last_price(self) -> int | None:
        return self.trades[-1].price if self.trades else None

    @property
    def statistics(self) -> Statistics:
        prices = [trade.price for trade in self.trades]
        return Statistics(
            len(self.trades),
            sum(trade.quantity for trade in self.trades),
            sum(trade.price * trade.quantity for trade in self.trades),
            max(prices, default=None),
            min(prices, default=None),
        )

    def state_hash(self) -> str:
        rows = ([self.row(order) for order in self.queue(side)] for side in SIDES)
        tables = [np.array(table, np.int64).reshape(-1, 7) for table in rows]
        came = sorted(self.orders, key=lambda order: order.arrival)
        since = self.call_since
        arrivals = None if since is None else [order.order_id for order in came if order.arrival > since]
        summary = Summary(self.tick, self.self_trade, arrivals, self.last_price, self.statistics)
        return digest(summary, np.array(sorted(self.names), np.int64), tables)

    # --- The rules ------------------------------------------------------------------------------------------------

    def queue(self, side: str) -> list[NaiveOrder]:
        sign = -1 if side == "buy" else 1
        return sorted((o for o in self.orders if o.side == side), key=lambda o: (sign * o.price, o.arrival))

    def crosses(self, taker: NaiveOrder, maker: NaiveOrder, kind: str) -> bool:
        if kind == "market":
            return True
        return taker.price >= maker.price if taker.side == "buy" else taker.price <= maker.price

    def keeps_its_place(self, order: NaiveOrder, price: int, quantity: int) -> bool:
        return price == order.price and quantity <= order.shown + order.hidden

    def same_owner(self, taker: NaiveOrder, maker: NaiveOrder) -> bool:
        return self.self_trade != "allow" and taker.owner is not None and taker.owner == maker.owner

    # A call phase: orders wait, then meet at one price.

    def takes(self, kind: str) -> bool:
        return self.call_since is None or kind in CALL_KINDS

    def check_call(self, price_rule: str, reference: int | None) -> None:
        self.refuse_unless(self.call_since is not None, Code.WRONG_PHASE)
        self.refuse_unless(price_rule in VENUE_RULES, Code.UNKNOWN_OPTION)
        self.check_terms(reference, 1)

    def call_twin(self) -> CallTwin:
        return CallTwin(self.limits("buy"), self.limits("sell"), self.tick)

    def limits(self, side: str) -> Orders:
        orders = [order for order in self.orders if order.side == side]
        return [(None if abs(order.price) == MARKET_PRICE else order.price, self.whole(order)) for order in orders]

    def whole(self, order: NaiveOrder) -> int:
        return order.shown + order.hidden

    def willing(self, side: str, price: int) -> list[NaiveOrder]:
        sign = 1 if side == "buy" else -1
        return [order for order in self.queue(side) if sign * order.price >= sign * price]

    def pairs(self, price: int) -> list[tuple[NaiveOrder, NaiveOrder, int]]:
        """Line up every single lot of both sides, and count how many lots each pair of orders shares."""
        lots = [[order for order in self.willing(side, price) for _ in range(self.whole(order))] for side in SIDES]
        shared: dict[tuple[int, int], list[Any]] = {}
        for bid, ask in zip(*lots, strict=False):
            shared.setdefault((bid.order_id, ask.order_id), [bid, ask, 0])[2] += 1
        return [(bid, ask, count) for bid, ask, count in shared.values()]

    def part_owners(self, price: int) -> bool:
        """Walk along both queues as if they traded, and cancel what of an order would meet its own owner."""
        sides = [self.willing(side, price) for side in SIDES]
        left = {order.order_id: self.whole(order) for side in sides for order in side}
        met = False
        while all(sides):
            bid, ask = sides[0][0], sides[1][0]
            if self.same_owner(bid, ask):
                met = True
                older, newer = self.by_age(bid, ask)
                gone = {"cancel_newest": [newer], "cancel_resting": [older], "cancel_both": [older, newer]}
                for order in gone[self.self_trade]:
                    self.reduce(order, left[order.order_id])
                    left[order.order_id] = 0
            else:
                lots = min(left[bid.order_id], left[ask.order_id])
                left[bid.order_id] -= lots
                left[ask.order_id] -= lots
            sides = [[order for order in side if left[order.order_id] > 0] for side in sides]
        return met

    def by_age(self, bid: NaiveOrder, ask: NaiveOrder) -> list[NaiveOrder]:
        return sorted((bid, ask), key=lambda order: order.arrival)

    def trade(self, price: int, bid: NaiveOrder, ask: NaiveOrder, lots: int) -> Trade:
        older, newer = self.by_age(bid, ask)
        return Trade(older.order_id, newer.order_id, price, lots, newer.side)

    def settle(self, order: NaiveOrder, lots: int) -> None:
        if lots < order.shown:
            order.shown -= lots
        else:
            order.hidden -= lots - order.shown
            self.refill(order)

    # The continuous phase.

    def enter(self, taker: NaiveOrder, kind: str) -> list[Trade]:
        if self.call_since is not None:
            if kind == "market":
                taker.price = MARKET_PRICE if taker.side == "buy" else -MARKET_PRICE
            self.let_rest(taker)
            return []
        if self.given_up(taker, kind):
            return []
        trades = self.match(taker, kind)
        if taker.shown > 0 and kind in {"limit", "post_only"}:
            self.let_rest(taker)
        self.trades += trades
        return trades

    def given_up(self, taker: NaiveOrder, kind: str) -> bool:
        facing = self.facing(taker, kind)
        if kind == "post_only":
            return bool(facing)
        return kind == "fill_or_kill" and not self.fills(taker)

    def fills(self, taker: NaiveOrder) -> bool:
        """Try it on a copy of the book."""
        trial = type(self)(self_trade=self.self_trade, tick=self.tick)
        trial.orders = [NaiveOrder(**vars(order)) for order in self.orders]
        trial.clock = self.clock
        return sum(trade.quantity for trade in trial.match(NaiveOrder(**vars(taker)), "limit")) == taker.shown

    def facing(self, taker: NaiveOrder, kind: str) -> list[NaiveOrder]:
        other = "sell" if taker.side == "buy" else "buy"
        return [maker for maker in self.queue(other) if self.crosses(taker, maker, kind)]

    def match(self, taker: NaiveOrder, kind: str) -> list[Trade]:
        trades = []
        while taker.shown > 0 and (facing := self.facing(taker, kind)):
            maker = facing[0]
            if self.same_owner(taker, maker):
                if self.self_trade != "cancel_newest":
                    self.drop(maker)
                if self.self_trade != "cancel_resting":
                    taker.shown = 0
                continue
            lots = min(taker.shown, maker.shown)
            trades.append(Trade(maker.order_id, taker.order_id, maker.price, lots, taker.side))
            taker.shown -= lots
            maker.shown -= lots
            if maker.shown == 0:
                self.refill(maker)
        return trades

    def refill(self, maker: NaiveOrder) -> None:
        if maker.hidden == 0:
            self.drop(maker)
            return
        maker.shown = min(maker.display or 0, maker.hidden)
        maker.hidden -= maker.shown
        self.to_the_back(maker)

    def to_the_back(self, order: NaiveOrder) -> None:
        self.clock += 1
        order.arrival = self.clock

    def let_rest(self, order: NaiveOrder) -> None:
        whole = order.shown
        order.shown = whole if order.display is None else min(order.display, whole)
        order.hidden = whole - order.shown
        self.to_the_back(order)
        self.orders.append(order)

    def reduce(self, order: NaiveOrder, less: int) -> None:
        from_hidden = min(less, order.hidden)
        order.hidden -= from_hidden
        order.shown -= less - from_hidden
        if order.shown == 0:
            self.drop(order)

    def drop(self, order: NaiveOrder) -> None:
        self.orders = [other for other in self.orders if other is not order]

    def find(self, order_id: int) -> NaiveOrder:
        found = [order for order in self.orders if order.order_id == order_id]
        self.refuse_unless(bool(found), Code.UNKNOWN_ORDER)
        return found[0]

    def check_terms(self, price: int | None, quantity: int) -> None:
        self.refuse_unless(1 <= quantity <= 10**9, Code.OUT_OF_RANGE)
        if price is not None:
            self.refuse_unless(abs(price) <= 10**12 and price % self.tick == 0, Code.OUT_OF_RANGE)
            self.refuse_unless(abs(price) * quantity < 2**63, Code.OVERFLOW)

    @staticmethod
    def refuse_unless(allowed: bool, code: Code) -> None:  # noqa: FBT001 - it reads as a sentence
        if not allowed:
            raise Refusal(code, "refused")

    @staticmethod
    def row(order: NaiveOrder) -> tuple[int, ...]:
        owner = -1 if order.owner is None else order.owner
        terms = (order.price, order.shown, order.hidden, order.display or 0, int(order.post_only))
        return (order.order_id, owner, *terms)
