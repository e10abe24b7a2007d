"""How orders over one instrument trade: one at a time against the book, or all at once at the end of a call.

Price first, then time, each trade at the price of the order in the book; a call at one price by the venue's rule
(docs/reference/sessions.md and call-auction.md). No two orders of one group trade with each other, as the
exchange law bans cross-trades. Nothing here changes the state: what happens is a list of events, and the fold of them
is the only way in which a book changes.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from naryq.exchange import control, people
from naryq.exchange.book import MARKET_PRICE, Book, best, queue
from naryq.exchange.state import Session, State
from naryq.market.book_call import meet
from naryq.market.book_rules import Order, SelfTrade
from naryq.market.call import Ladder, Uncrossing, uncrossing
from naryq.messages import AnyEvent, OrderAccepted, OrderAmended, OrderCancelled, Side, Traded

SELF_TRADE: Final = "self_trade"
LAPSED: Final = "immediate_or_cancel: nothing more to trade with"
KILLED: Final = "fill_or_kill: not all of it can trade"
POSTED: Final = "post_only: it would trade"
MARKET_ENDED: Final = "a market order does not wait"
CALL_ENDED: Final = "a market order does not outlast its call"


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """The lowest and the highest price (tenge a tonne) at which orders may trade now; None bounds nothing."""

    lowest: int | None = None
    highest: int | None = None

    def allow(self, price: int) -> bool:
        """Say whether orders may trade at a price."""
        return (self.lowest is None or self.lowest <= price) and (self.highest is None or price <= self.highest)


UNBOUNDED: Final = Bounds()


class Outcome(NamedTuple):
    """What follows, and the first price at which a bound kept orders from trading; None where none did."""

    events: tuple[AnyEvent, ...]
    stopped_at: int | None = None
    offered: int = 0
    """The lots of the other side from that price on that the order would have met."""


NOTHING: Final = Outcome(())


class _Step(msgspec.Struct, frozen=True, gc=False):
    """One meeting on the way of an order: so many lots with an order of the book, or that order's end (no lots)."""

    maker: OrderAccepted
    lots: int


class _Way(msgspec.Struct, frozen=True, gc=False):
    """The way of an order through the book: its meetings, what is left of it, and what stopped it."""

    steps: tuple[_Step, ...]
    left: int
    met_itself: bool = False
    stopped_at: int | None = None
    offered: int = 0


def trades_in_book(session: Session) -> bool:
    """Say whether a session's orders trade as they come."""
    return session.phase == "continuous"


def limit_of(order: OrderAccepted) -> int:
    """Return the price at which an order waits: a market order's lies beyond every limit."""
    if order.order_type == "limit":
        return order.price_tenge_per_tonne
    return MARKET_PRICE if order.side == "buy" else -MARKET_PRICE


def is_held(state: State, session: Session, order: OrderAccepted) -> bool:
    """Say whether a stop keeps a standing order from trading: others trade past it, and it keeps its place."""
    if not len(state.stops):
        return False
    places = (order.place, order.delivery)
    return control.stop_on(state, session, order.participant_id, places) is not None


# --- One order against the book -----------------------------------------------------------------------------------


def only_waits(session: Session, order: OrderAccepted) -> bool:
    """Say whether an order into a continuous book waits there, and nothing else: it may, and its price meets nobody."""
    assert session.book is not None, "a continuous session has a book"
    if order.time_in_force != "session" or order.order_type != "limit":
        return False
    if order.side == "buy":
        ask = best(session.book, "sell")
        return ask is None or order.price_tenge_per_tonne < ask
    bid = best(session.book, "buy")
    return bid is None or order.price_tenge_per_tonne > bid


def entering(state: State, session: Session, order: OrderAccepted, bounds: Bounds = UNBOUNDED) -> Outcome:
    """Say what follows when an order comes into a continuous book: trades, and what ends at once.

    Args:
        state: The state before the order.
        session: Its session, in the continuous phase; where the order is there already, it stands aside.
        order: The order as accepted, with its open lots.
        bounds: Where orders may trade now; the order stops before it would trade outside them.
    """
    assert session.book is not None, "a continuous session has a book"
    way = _way(state, session, session.book, order, bounds)
    if order.post_only and (way.steps or way.met_itself or way.stopped_at is not None):
        return Outcome((_gone(order, POSTED),))
    if order.time_in_force == "fill_or_kill" and way.left:
        return Outcome((_gone(order, KILLED),))
    return Outcome(tuple(_told(state, order, way)), way.stopped_at, way.offered)


def _way(state: State, session: Session, book: Book, order: OrderAccepted, bounds: Bounds) -> _Way:
    """Follow an order along the other side of the book, the best and oldest first, until it is done or held."""
    rule, group = session.opened.self_trade, people.group_of(state, order.participant_id)
    steps = list[_Step]()
    wanted, worst = order.quantity_lots, order.price_tenge_per_tonne
    for number in queue(book, "sell" if order.side == "buy" else "buy"):
        maker = session.orders[number]
        if is_held(state, session, maker):
            continue
        price = maker.price_tenge_per_tonne
        if not wanted or (price > worst if order.side == "buy" else price < worst):
            break
        if not bounds.allow(price):
            return _Way(tuple(steps), wanted, stopped_at=price, offered=_offered(state, session, book, order, price))
        if rule not in {"", "allow"} and people.group_of(state, maker.participant_id) == group:
            if rule != "cancel_newest":
                steps.append(_Step(maker, 0))
            if rule != "cancel_resting":
                return _Way(tuple(steps), wanted, met_itself=True)
            continue
        lots = min(wanted, maker.quantity_lots)
        steps.append(_Step(maker, lots))
        wanted -= lots
    return _Way(tuple(steps), wanted)


def _offered(state: State, session: Session, book: Book, order: OrderAccepted, first: int) -> int:
    """Return the lots that stand for an order from a price on up to its worst, those of its own group apart."""
    lowest, highest = sorted((first, order.price_tenge_per_tonne))
    group = people.group_of(state, order.participant_id)
    makers = (session.orders[number] for number in queue(book, "sell" if order.side == "buy" else "buy"))
    return sum(
        maker.quantity_lots
        for maker in makers
        if lowest <= maker.price_tenge_per_tonne <= highest
        and people.group_of(state, maker.participant_id) != group
        and not is_held(state, session, maker)
    )


def _told(state: State, order: OrderAccepted, way: _Way) -> Iterator[AnyEvent]:
    number = state.market.trades
    for step in way.steps:
        if not step.lots:
            yield _gone(step.maker, SELF_TRADE)
            continue
        number += 1
        yield _trade(number, order, step.maker, step.lots)
    reason = _end_of(order, way)
    if way.left and reason:
        yield _gone(order, reason)


def _end_of(order: OrderAccepted, way: _Way) -> str:
    """Say why what is left of an order may not wait in the book; empty when it may."""
    if way.met_itself:
        return SELF_TRADE
    if order.order_type == "market":
        return MARKET_ENDED
    return LAPSED if order.time_in_force == "immediate_or_cancel" else ""


def _gone(order: OrderAccepted, reason: str) -> OrderCancelled:
    return OrderCancelled(order.session_id, order.order_id, reason)


def _trade(number: int, taker: OrderAccepted, maker: OrderAccepted, lots: int) -> Traded:
    bid, ask = (taker, maker) if taker.side == "buy" else (maker, taker)
    return traded(number, bid, ask, Terms(maker.price_tenge_per_tonne, lots, taker.submitted_at_ns, taker.side))


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What is agreed in a trade: the price (tenge a tonne), the lots, when, and which side came to the other."""

    price: int
    lots: int
    at_ns: int
    aggressor: Side | None


def traded(number: int, bid: OrderAccepted, ask: OrderAccepted, terms: Terms) -> Traded:
    """Return the trade with a number between two orders."""
    return Traded(
        trade_id=f"T{number}",
        session_id=bid.session_id,
        price_tenge_per_tonne=terms.price,
        quantity_lots=terms.lots,
        buy_order_id=bid.order_id,
        buyer_id=bid.participant_id,
        sell_order_id=ask.order_id,
        seller_id=ask.participant_id,
        aggressor=terms.aggressor,
        at_ns=terms.at_ns,
    )


# --- The end of a call --------------------------------------------------------------------------------------------


class _Call(NamedTuple):
    """The orders of a call by number, as the market's own kind, and what of each is still open."""

    bids: tuple[Order, ...]
    asks: tuple[Order, ...]
    ages: Mapping[int, int]


def uncrossed(state: State, session: Session, at_ns: int, bounds: Bounds = UNBOUNDED) -> Outcome:
    """Say what follows when a call ends: trades at one price, and the end of market orders.

    Orders of one group do not meet: the rule of self-trades says whose is taken back instead, and the price is found
    anew. So it is where a market order would trade beyond the worst price that it was judged by: orders may stand from
    before an emergency drew the collar closer. Where the price would lie outside the bounds nothing trades, and market
    orders end all the same: what is left of the call goes on in the book, where nobody sees them.

    Args:
        state: The state as the call ends.
        session: A session whose orders wait in its book.
        at_ns: When.
        bounds: Where orders may trade now.
    """
    call = _call_of(state, session)
    rule: SelfTrade = "allow" if session.opened.self_trade in {"", "allow"} else session.opened.self_trade  # type: ignore[assignment]
    events: list[AnyEvent] = []
    stopped_at = None
    while (price := _uncrossing(session, call).price) is not None:
        if _kept_to_worst(session, call, price):
            continue
        if not bounds.allow(price):
            stopped_at = price
            break
        bids, asks = ([o for o in side if _willing(o, price)] for side in (call.bids, call.asks))
        meeting = meet(bids, asks, call.ages, rule)
        for order, lots in meeting.cancelled:
            events.append(_reduced(session, order, lots, at_ns))
        if not meeting.cancelled:
            events.extend(_trades_at(state, session, price, meeting.pairs, at_ns))
            _take(meeting.pairs)
            break
    events.extend(_gone(session.orders[o.order_id], CALL_ENDED) for o in _waiting_at_market(session, call))
    return Outcome(tuple(events), stopped_at)


def _call_of(state: State, session: Session) -> _Call:
    assert session.book is not None, "a call has a book"
    groups = dict[str, int]()
    sides = []
    for side in ("buy", "sell"):
        orders = ((number, session.orders[number]) for number in queue(session.book, side))
        free = ((number, order) for number, order in orders if not is_held(state, session, order))
        sides.append(tuple(_as_order(state, number, order, groups) for number, order in free))
    ages = {order.order_id: order.order_id for side in sides for order in side}
    return _Call(sides[0], sides[1], ages)


def _as_order(state: State, number: int, order: OrderAccepted, groups: dict[str, int]) -> Order:
    owner = groups.setdefault(people.group_of(state, order.participant_id), len(groups))
    return Order(number, order.side, limit_of(order), order.quantity_lots, 0, None, owner, order.post_only)


def _uncrossing(session: Session, call: _Call) -> Uncrossing:
    opened, last = session.opened, session.statistics.last_tenge_per_tonne
    reference = opened.reference_tenge_per_tonne if last is None else last
    ladders = (_ladder(call.bids), _ladder(call.asks))
    return uncrossing(*ladders, opened.price_rule, reference, tick=opened.tick_tenge_per_tonne)


def _ladder(orders: tuple[Order, ...]) -> Ladder:
    limits = [order for order in orders if abs(order.price) != MARKET_PRICE and order.shown]
    market = sum(order.shown for order in orders if abs(order.price) == MARKET_PRICE)
    return Ladder([order.price for order in limits], [order.shown for order in limits], market)


def _kept_to_worst(session: Session, call: _Call, price: int) -> bool:
    """Let market orders that a price is too bad for wait at their worst price instead; say whether there was one."""
    found = False
    for order in (order for side in (call.bids, call.asks) for order in side if abs(order.price) == MARKET_PRICE):
        worst = session.orders[order.order_id].price_tenge_per_tonne
        if order.shown and (price > worst if order.side == "buy" else price < worst):
            order.price, found = _on_tick(worst, order.side, session.opened.tick_tenge_per_tonne), True
    return found


def _on_tick(worst: int, side: Side, tick: int) -> int:
    """Return the worst price on the tick that is no worse than one that may lie between."""
    return worst - worst % tick if side == "buy" else worst + -worst % tick


def _willing(order: Order, price: int) -> bool:
    return bool(order.shown) and (order.price >= price if order.side == "buy" else order.price <= price)


def _reduced(session: Session, order: Order, lots: int, at_ns: int) -> AnyEvent:
    """Take lots of an order out of the call, and say so."""
    order.shown -= lots
    accepted = session.orders[order.order_id]
    if not order.shown:
        return _gone(accepted, SELF_TRADE)
    return OrderAmended(
        session_id=accepted.session_id,
        order_id=accepted.order_id,
        price_tenge_per_tonne=accepted.price_tenge_per_tonne,
        quantity_lots=order.shown,
        keeps_place=True,
        rulebook_version=session.opened.rulebook_version,
        at_ns=at_ns,
        reason=SELF_TRADE,
    )


def _trades_at(
    state: State, session: Session, price: int, pairs: list[tuple[Order, Order, int]], at_ns: int
) -> Iterator[Traded]:
    for number, (older, newer, lots) in enumerate(pairs, state.market.trades + 1):
        bid, ask = (older, newer) if older.side == "buy" else (newer, older)
        orders = session.orders
        yield traded(number, orders[bid.order_id], orders[ask.order_id], Terms(price, lots, at_ns, None))


def _take(pairs: list[tuple[Order, Order, int]]) -> None:
    for older, newer, lots in pairs:
        older.shown -= lots
        newer.shown -= lots


def _waiting_at_market(session: Session, call: _Call) -> Iterator[Order]:
    both = (order for side in (call.bids, call.asks) for order in side if order.shown)
    return (order for order in both if session.orders[order.order_id].order_type == "market")
