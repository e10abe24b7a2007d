"""The way of an order: every check in a fixed order, then what follows."""

from collections.abc import Iterable, Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange import auctions, bounding, control, guarantees, limits, parity, people, trading
from naryq.exchange.book import entered, left
from naryq.exchange.state import Session, State, with_session
from naryq.exchange.topic import Asked, Check, Decision, Topic, rules_in_force, session_in
from naryq.messages import (
    REPUBLIC,
    AmendOrder,
    AnyEvent,
    CancelAll,
    CancelOrder,
    Code,
    OpenSession,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    Phase,
    Refusal,
    SessionOpened,
    Side,
    Statistics,
    SubmitOrder,
    Traded,
)
from naryq.units import utc_minute

TAKING: Final[tuple[Phase, ...]] = ("collecting", "call", "continuous")
"""The phases in which orders are taken."""

SESSION_LOTS_MAX: Final = 9_000_000_000
"""What a session may hold in all: at the highest limit price, 10**9 tenge a tonne, its welfare still fits 64 bits."""


def _submit_order(state: State, command: SubmitOrder) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    control.check_order(state, command)
    session = session_in(state, command.session_id, *TAKING)
    asked = Asked(state, _priced(session.opened, command), session, rules)
    for check in _CHECKS:
        check(asked)
    return _entered(state, session, _accepted(asked))


def _accepted(asked: Asked) -> OrderAccepted:
    command = asked.command
    return OrderAccepted(
        session_id=command.session_id,
        order_id=command.order_id,
        participant_id=command.actor,
        place=command.place,
        side=command.side,
        price_tenge_per_tonne=command.price_tenge_per_tonne,
        quantity_lots=command.quantity_lots,
        submitted_at_ns=command.at_ns,
        rulebook_version=asked.rules.version,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        post_only=command.post_only,
        delivery=command.delivery,
    )


def _priced(opened: SessionOpened, command: SubmitOrder) -> SubmitOrder:
    """Give a market order the worst price at which the session lets it trade: by that its value is limited and held."""
    if command.order_type == "limit":
        return command
    return msgspec.structs.replace(command, price_tenge_per_tonne=_worst_price(opened, command.side))


def _worst_price(opened: SessionOpened, side: Side) -> int:
    """Return the worst price at which a session lets a market order trade, in tenge a tonne."""
    highest, lowest = opened.collar_highest_tenge_per_tonne, opened.collar_lowest_tenge_per_tonne
    return (highest if side == "buy" else lowest) or 0


def _entered(state: State, session: Session, order: OrderAccepted) -> Decision:
    if session.opened.kind == "standard":
        return (order, *auctions.replaced(session, order))
    if not trading.trades_in_book(session):
        return (order,)
    outcome, then = _met(state, session, order)
    return (order, *outcome.events, *then)


def _met(state: State, session: Session, order: OrderAccepted) -> tuple[trading.Outcome, Decision]:
    """Let an order meet the book within the session's bounds; say what follows where one of them stops it."""
    if trading.only_waits(session, order):
        return trading.NOTHING, ()
    at_ns = order.submitted_at_ns
    bounds = bounding.as_bounds(bounding.bounds(state, session, at_ns))
    outcome = trading.entering(state, session, order, bounds)
    return outcome, bounding.stopped(state, session, order, outcome, at_ns)


def _check_may_trade(asked: Asked) -> None:
    people.check_may_trade(asked.state.participants[asked.command.actor], asked.command.side, asked.rules)


def _check_identifier(asked: Asked) -> None:
    if asked.replaces is None and asked.command.order_id in asked.state.order_ids:
        what = f"order {asked.command.order_id!r} exists already"
        raise Refusal(Code.DUPLICATE_ID, what, where="order_id", remedy="Choose another identifier.")


def _check_window(asked: Asked) -> None:
    check_window(asked.session.opened, asked.command.at_ns)


def check_window(opened: SessionOpened, at_ns: int) -> None:
    """Refuse what comes outside the window: a late cancellation would be a last look at a market others have left."""
    if not opened.opens_at_ns <= at_ns < opened.closes_at_ns:
        what = f"the {opened.window!r} window of {opened.day} is not open at this time"
        remedy = f"Send it from {utc_minute(opened.opens_at_ns)} and before {utc_minute(opened.closes_at_ns)}."
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="at_ns", remedy=remedy)


def _check_place(asked: Asked) -> None:
    if asked.command.place not in asked.session.carriage:
        what = f"session {asked.command.session_id!r} has no place {asked.command.place!r}"
        raise Refusal(Code.UNKNOWN_PLACE, what, where="place", remedy="Name a place of the session.")


def _check_kind(asked: Asked) -> None:
    """Refuse a kind of order that the session does not take, or not in this phase."""
    command, session = asked.command, asked.session
    at_once = command.time_in_force != "session" or command.post_only
    if at_once and session.opened.kind != "continuous":
        raise _unsupported(f"a {session.opened.kind} session trades at its end only", "time_in_force")
    if at_once and session.phase != "continuous":
        what = f"session {command.session_id!r} is in a call: nothing trades at once"
        remedy = "Send an order for the session, or wait for the continuous phase."
        raise Refusal(Code.WRONG_PHASE, what, where="time_in_force", remedy=remedy)
    if command.post_only and command.time_in_force != "session":
        raise _unsupported("an order cannot both wait and not wait", "post_only")
    if command.order_type == "market":
        _check_market_order(session.opened, command)


def _check_market_order(opened: SessionOpened, command: SubmitOrder) -> None:
    if not opened.market_orders:
        raise _unsupported(f"session {command.session_id!r} takes no market orders", "order_type")
    if command.post_only:
        raise _unsupported("a market order does not wait", "post_only")
    if command.side == "buy" and opened.collar_highest_tenge_per_tonne is None:
        raise _unsupported("no limit bounds what a market order might pay in this session", "order_type")


def _unsupported(what: str, where: str) -> Refusal:
    return Refusal(Code.NOT_SUPPORTED, what, where=where, remedy="Send a limit order for the session.")


def _check_delivery(asked: Asked) -> None:
    """Refuse a buyer whose gas would go where the instrument or the session does not deliver."""
    opened, command = asked.session.opened, asked.command
    if command.side == "sell":
        return
    if opened.instrument is None:
        own = asked.state.participants[command.actor].provinces
        if own and any(each.place == command.place and each.kind == "province" for each in opened.places):
            people.check_takes_delivery(asked.state, command.actor, command.place, "place")
        return
    instrument = asked.state.market.instruments[opened.instrument]
    for region, provinces in ((instrument.delivery_region, instrument.provinces), (opened.region or REPUBLIC, ())):
        if region != REPUBLIC and command.delivery not in (region, *provinces):
            what = f"delivery to {command.delivery or 'no province'} is outside {region}"
            remedy = f"Name a province of {region}, or trade what is delivered to yours."
            raise Refusal(Code.OUTSIDE_REGION, what, where="delivery", remedy=remedy)
    people.check_takes_delivery(asked.state, command.actor, command.delivery or "", "delivery")
    if command.delivery not in asked.rules.words("provinces"):
        what = f"the rulebook has no province {command.delivery!r}"
        remedy = "Name the province of delivery by its ISO 3166-2 code."
        raise Refusal(Code.UNKNOWN_PLACE, what, where="delivery", remedy=remedy)


def _check_tick(asked: Asked) -> None:
    tick, price = asked.session.opened.tick_tenge_per_tonne, asked.command.price_tenge_per_tonne
    if price % tick and asked.command.order_type == "limit":
        what = f"price {price} is not on the tick of {tick}"
        remedy = f"Give a multiple of {tick}, such as {price - price % tick}."
        raise Refusal(Code.OUT_OF_RANGE, what, where="price_tenge_per_tonne", remedy=remedy)


def _check_room(asked: Asked) -> None:
    """Refuse what would make the session too large to be cleared: that refusal would come too late for everybody."""
    lots = asked.session.lots - (0 if asked.replaces is None else asked.replaces.quantity_lots)
    if lots + asked.command.quantity_lots > SESSION_LOTS_MAX:
        what = f"session {asked.command.session_id!r} holds {lots} lots and takes at most {SESSION_LOTS_MAX}"
        remedy = "Send a smaller order, or wait for the next session."
        raise Refusal(Code.OVERFLOW, what, where="quantity_lots", remedy=remedy)


_CHECKS: Final[tuple[Check, ...]] = (
    _check_may_trade,
    control.check_not_stopped,
    _check_identifier,
    _check_window,
    _check_place,
    _check_kind,
    _check_delivery,
    auctions.check_bid,
    _check_tick,
    limits.check_collar,
    bounding.check_hold,
    parity.check_parity,
    limits.check_size,
    _check_room,
    limits.check_rate,
    limits.check_batch,
    guarantees.check_guarantee,
)
"""The order of the checks: who may, what is stopped, what is named, when, where, which price, how much, what money."""

JUDGED_BY_RULES: Final[tuple[Check, ...]] = (_check_may_trade, limits.check_collar, limits.check_size)
"""The checks that ask nothing but the order, its session's terms and the rules: they can be asked again later."""


_OF_INITIATORS: Final[tuple[Check, ...]] = (control.check_not_stopped, limits.check_size, limits.check_batch)
"""The checks of an order that the operator enters for an initiator; its price is bounded by that of each bid."""


def check_initiators_order(state: State, command: OpenSession, order: OrderAccepted) -> None:
    """Refuse an initiator's order where its own would be: it may not act, it is stopped, or the order is too large.

    Args:
        state: The state with the auction's session opened.
        command: What opens it.
        order: The initiator's order.
    """
    people.check_standing(state, order.participant_id, command.at_ns, where="standard")
    submitted = msgspec.structs.replace(_as_submitted(order, command), actor=order.participant_id)
    rules = rules_in_force(state, command.at_ns)
    asked = Asked(state, submitted, state.sessions[order.session_id], rules)
    for check in _OF_INITIATORS:
        check(asked)


# --- Amending and taking back -----------------------------------------------------------------------------------


def _amend_order(state: State, command: AmendOrder) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    session = session_in(state, command.session_id, *TAKING)
    order = _own_order(session, command.order_id, command.actor)
    if session.opened.kind == "standard":
        raise _unsupported("a bid of a standard auction cannot be amended", "order_id")
    check_window(session.opened, command.at_ns)
    _check_open_lots(order, command)
    amended = _amended(session.opened, order, command)
    price, lots = amended.price_tenge_per_tonne, amended.quantity_lots
    keeps_place = price == order.price_tenge_per_tonne and lots <= order.quantity_lots
    event = OrderAmended(command.session_id, command.order_id, price, lots, keeps_place, rules.version, command.at_ns)
    asked = Asked(state, _as_submitted(amended, command), session, rules, order)
    if keeps_place:
        limits.check_reduced(asked)
        return (event,)
    for check in _CHECKS:
        check(asked)
    if not trading.trades_in_book(session):
        return (event,)
    outcome, then = _met(state, session, amended)
    return (event, *outcome.events, *then)


def _check_open_lots(order: OrderAccepted, command: AmendOrder) -> None:
    """Refuse a change that was meant for another quantity: what traded on its way would come on top of what it asks."""
    if command.open_lots not in {None, order.quantity_lots}:
        what = f"{order.quantity_lots} lots of order {command.order_id!r} are open, not {command.open_lots}"
        remedy = "Look at what has traded, and send the change anew."
        raise Refusal(Code.OUT_OF_RANGE, what, where="open_lots", remedy=remedy)


def _amended(opened: SessionOpened, order: OrderAccepted, command: AmendOrder) -> OrderAccepted:
    """Return an order as it would become; a market order that grows has the worst price of a new one."""
    price, lots = command.price_tenge_per_tonne, command.quantity_lots
    if price is None and lots is None:
        raise Refusal(
            Code.OUT_OF_RANGE, "nothing to amend", where="quantity_lots", remedy="Give a price, a quantity or both."
        )
    if price is not None and order.order_type == "market":
        raise _unsupported("a market order has no price of its own", "price_tenge_per_tonne")
    if order.order_type == "market" and lots is not None and lots > order.quantity_lots:
        price = _worst_price(opened, order.side)
    return msgspec.structs.replace(
        order,
        price_tenge_per_tonne=order.price_tenge_per_tonne if price is None else price,
        quantity_lots=order.quantity_lots if lots is None else lots,
        submitted_at_ns=command.at_ns,
    )


def _as_submitted(order: OrderAccepted, command: AmendOrder | OpenSession) -> SubmitOrder:
    """Return an amended order, or an initiator's, as if it were sent anew, so that it passes the same checks."""
    return SubmitOrder(
        command_id=command.command_id,
        actor=command.actor,
        at_ns=command.at_ns,
        session_id=order.session_id,
        order_id=order.order_id,
        place=order.place,
        side=order.side,
        price_tenge_per_tonne=order.price_tenge_per_tonne,
        quantity_lots=order.quantity_lots,
        order_type=order.order_type,
        post_only=order.post_only,
        delivery=order.delivery,
    )


def _own_order(session: Session, order_id: str, actor: str) -> OrderAccepted:
    number = session.numbers.get(order_id)
    if number is None:
        what = f"session {session.opened.session_id!r} holds no order {order_id!r}"
        raise Refusal(Code.UNKNOWN_ORDER, what, where="order_id", remedy="Name an open order of your own.")
    order = session.orders[number]
    if order.participant_id != actor:
        what = f"order {order_id!r} belongs to another participant"
        raise Refusal(Code.NOT_PERMITTED, what, where="order_id", remedy="Name an open order of your own.")
    return order


def _cancel_order(state: State, command: CancelOrder) -> Decision:
    session = session_in(state, command.session_id, *control.STANDING)
    _own_order(session, command.order_id, command.actor)
    auctions.check_may_leave(session, command.order_id)
    check_window(session.opened, command.at_ns)
    return (OrderCancelled(command.session_id, command.order_id),)


def _cancel_all(state: State, command: CancelAll) -> Decision:
    """Cancel whatever stands of one participant, oldest first; where the window has ended, it is too late."""
    whose = command.participant_id or command.actor
    role = state.participants[command.actor].role
    if whose != command.actor and role != "operator":
        what = f"a {role} cancels orders of its own only"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant_id", remedy="Leave the participant out.")
    if whose not in state.participants:
        what = f"nobody is admitted as {whose!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="participant_id", remedy="Name a participant.")
    sessions = _sessions_of(state, command)
    reason = "" if whose == command.actor else "cancelled by the operator"
    standing = (event for session in sessions for event in cancelled_of(session, whose, reason))
    cancelled = tuple(event for event in standing if event.order_id != event.session_id)
    if not cancelled:
        raise Refusal(
            Code.UNKNOWN_ORDER, f"{whose!r} has no open order", where="session_id", remedy="There is nothing to cancel."
        )
    return cancelled


def _sessions_of(state: State, command: CancelAll) -> tuple[Session, ...]:
    if command.session_id is not None:
        session = session_in(state, command.session_id, *control.STANDING)
        check_window(session.opened, command.at_ns)
        return (session,) if _may_leave(session.opened, command.at_ns) else ()
    open_now = (session for _, session in sorted(state.sessions.items()) if session.phase in control.STANDING)
    return tuple(s for s in open_now if _may_leave(s.opened, command.at_ns))


def _may_leave(opened: SessionOpened, at_ns: int) -> bool:
    is_open = opened.standard is not None and opened.standard.format == "open"
    return opened.opens_at_ns <= at_ns < opened.closes_at_ns and not is_open


def cancelled_of(session: Session, participant_id: str | None, reason: str) -> Iterator[OrderCancelled]:
    """Say what is cancelled where all orders of a participant, or of everybody, are taken out of a session."""
    for _, order in sorted(session.orders.items()):
        if participant_id in {None, order.participant_id}:
            yield OrderCancelled(order.session_id, order.order_id, reason)


# --- What becomes of a session's orders -------------------------------------------------------------------------


def _order_accepted(state: State, event: OrderAccepted) -> State:
    session = with_order(state.sessions[event.session_id], event, state.sequence + 1)
    if session.rounds and event.order_id != event.session_id:
        rounds = (*session.rounds[:-1], (*session.rounds[-1], event))
        session = msgspec.structs.replace(session, rounds=rounds)
    return msgspec.structs.replace(
        state,
        sessions=state.sessions.insert(event.session_id, session),
        order_ids=state.order_ids.insert(event.order_id, event.session_id),
    )


def with_order(session: Session, order: OrderAccepted, number: int) -> Session:
    """Return a session with an order behind all others at its price."""
    book = session.book
    return msgspec.structs.replace(
        session,
        orders=session.orders.insert(number, order),
        numbers=session.numbers.insert(order.order_id, number),
        lots=session.lots + order.quantity_lots,
        book=book and entered(book, order.side, trading.limit_of(order), number),
    )


def without_order(session: Session, order_id: str) -> Session:
    """Return a session without an order that stands in it."""
    number = session.numbers[order_id]
    return _without(session, number, session.orders[number])


def _without(session: Session, number: int, order: OrderAccepted) -> Session:
    book = session.book
    return msgspec.structs.replace(
        session,
        orders=session.orders.remove(number),
        numbers=session.numbers.remove(order.order_id),
        lots=session.lots - order.quantity_lots,
        book=book and left(book, order.side, trading.limit_of(order), number),
    )


def with_lots(session: Session, order_id: str, lots: int) -> Session:
    """Return a session in which so many lots of an order are open, in its old place; without it where none are."""
    number = session.numbers[order_id]
    return _with_open(session, number, session.orders[number], lots)


def _with_open(session: Session, number: int, order: OrderAccepted, lots: int) -> Session:
    if not lots:
        return _without(session, number, order)
    return msgspec.structs.replace(
        session,
        orders=session.orders.insert(number, msgspec.structs.replace(order, quantity_lots=lots)),
        lots=session.lots - order.quantity_lots + lots,
    )


def traded(session: Session, event: Traded) -> Session:
    """Return a session after a trade: with fewer open lots of both orders, and the trade in its statistics."""
    for order_id in (event.buy_order_id, event.sell_order_id):
        number = session.numbers[order_id]
        order = session.orders[number]
        session = _with_open(session, number, order, order.quantity_lots - event.quantity_lots)
    return msgspec.structs.replace(session, statistics=counted(session.statistics, event))


def counted(so_far: Statistics, event: Traded) -> Statistics:
    """Return what a session came to after one more trade."""
    price, lots = event.price_tenge_per_tonne, event.quantity_lots
    first, highest, lowest = (
        so_far.first_tenge_per_tonne,
        so_far.highest_tenge_per_tonne,
        so_far.lowest_tenge_per_tonne,
    )
    return Statistics(
        trades=so_far.trades + 1,
        volume_lots=so_far.volume_lots + lots,
        turnover=so_far.turnover + price * lots,
        first_tenge_per_tonne=price if first is None else first,
        highest_tenge_per_tonne=price if highest is None else max(price, highest),
        lowest_tenge_per_tonne=price if lowest is None else min(price, lowest),
        last_tenge_per_tonne=price,
    )


def after(session: Session, events: Iterable[AnyEvent]) -> Session:
    """Return a session after events about its orders that stand in it, so that a decision can go on from there."""
    for event in events:
        if isinstance(event, Traded):
            session = traded(session, event)
        elif isinstance(event, OrderCancelled):
            session = without_order(session, event.order_id)
        elif isinstance(event, OrderAmended):
            session = with_lots(session, event.order_id, event.quantity_lots)
    return session


def _order_amended(state: State, event: OrderAmended) -> State:
    session = state.sessions[event.session_id]
    if event.keeps_place:
        return with_session(state, with_lots(session, event.order_id, event.quantity_lots))
    order = msgspec.structs.replace(
        session.orders[session.numbers[event.order_id]],
        price_tenge_per_tonne=event.price_tenge_per_tonne,
        quantity_lots=event.quantity_lots,
        submitted_at_ns=event.at_ns,
    )
    return with_session(state, with_order(without_order(session, event.order_id), order, state.sequence + 1))


def _order_gone(state: State, event: OrderCancelled | OrderExpired) -> State:
    return with_session(state, without_order(state.sessions[event.session_id], event.order_id))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            SubmitOrder: ("seller", "buyer"),
            AmendOrder: ("seller", "buyer"),
            CancelOrder: ("seller", "buyer"),
            CancelAll: ("operator", "seller", "buyer"),
        }
    ),
    deciders=MappingProxyType(
        {
            SubmitOrder: _submit_order,
            AmendOrder: _amend_order,
            CancelOrder: _cancel_order,
            CancelAll: _cancel_all,
        }
    ),
    evolvers=MappingProxyType(
        {
            OrderAccepted: _order_accepted,
            OrderAmended: _order_amended,
            OrderCancelled: _order_gone,
            OrderExpired: _order_gone,
        }
    ),
    while_suspended=(CancelOrder, CancelAll),
)
