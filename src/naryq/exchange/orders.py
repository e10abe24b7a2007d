"""The way of an order: every check in a fixed order, then what follows."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq import limits
from naryq.exchange import control, people
from naryq.exchange.state import State, with_session
from naryq.exchange.topic import Asked, Check, Decision, Topic, rules_in_force, session_in
from naryq.messages import CancelOrder, Code, OrderAccepted, OrderCancelled, Refusal, SessionOpened, SubmitOrder
from naryq.units import utc_minute

SESSION_LOTS_MAX: Final = 9_000_000_000
"""What a session may hold in all: at the highest limit price, 10**9 tenge a tonne, its welfare still fits 64 bits."""


def _submit_order(state: State, command: SubmitOrder) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    asked = Asked(state, command, session_in(state, command.session_id, "collecting"), rules)
    for check in _CHECKS:
        check(asked)
    accepted = OrderAccepted(
        session_id=command.session_id,
        order_id=command.order_id,
        participant_id=command.actor,
        place=command.place,
        side=command.side,
        price_tenge_per_tonne=command.price_tenge_per_tonne,
        quantity_lots=command.quantity_lots,
        submitted_at_ns=command.at_ns,
        rulebook_version=rules.version,
    )
    return (accepted,)


def _check_may_trade(asked: Asked) -> None:
    side, rules = asked.command.side, asked.rules
    role = asked.state.participants[asked.command.actor].role
    rule = "who_may_buy" if side == "buy" else "who_may_sell"
    if role not in rules.words(rule):
        raise Refusal(
            Code.NOT_PERMITTED,
            f"a {role} may not {side}",
            where="side",
            remedy=f"The rule {rule} admits {', '.join(rules.words(rule))}.",
        )
    people.check_class(asked.state, asked.command.actor, side, rules)


def _check_identifier(asked: Asked) -> None:
    if asked.command.order_id in asked.state.order_ids:
        raise Refusal(
            Code.DUPLICATE_ID,
            f"order {asked.command.order_id!r} exists already",
            where="order_id",
            remedy="Choose another identifier.",
        )


def _check_window(asked: Asked) -> None:
    check_window(asked.session.opened, asked.command.at_ns)


def check_window(opened: SessionOpened, at_ns: int) -> None:
    """Refuse what comes outside the window: a late cancellation would be a last look at a market others have left."""
    if not opened.opens_at_ns <= at_ns < opened.closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the {opened.window!r} window of {opened.day} is not open at this time",
            where="at_ns",
            remedy=f"Send it from {utc_minute(opened.opens_at_ns)} and before {utc_minute(opened.closes_at_ns)}.",
        )


def _check_place(asked: Asked) -> None:
    if asked.command.place not in asked.session.carriage:
        raise Refusal(
            Code.UNKNOWN_PLACE,
            f"session {asked.command.session_id!r} has no place {asked.command.place!r}",
            where="place",
            remedy="Name a place of the session.",
        )


def _check_collar(asked: Asked) -> None:
    opened, command = asked.session.opened, asked.command
    bounds = limits.Collar(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    refused = limits.judge_price(command.price_tenge_per_tonne, asked.session.carriage[command.place], bounds)
    if refused is not None:
        raise refused


def _check_room(asked: Asked) -> None:
    """Refuse what would make the session too large to be cleared: that refusal would come too late for everybody."""
    lots = asked.session.lots
    if lots + asked.command.quantity_lots > SESSION_LOTS_MAX:
        raise Refusal(
            Code.OVERFLOW,
            f"session {asked.command.session_id!r} holds {lots} lots and takes at most {SESSION_LOTS_MAX}",
            where="quantity_lots",
            remedy="Send a smaller order, or wait for the next session.",
        )


_CHECKS: Final[tuple[Check, ...]] = (
    _check_may_trade,
    control.check_not_stopped,
    _check_identifier,
    _check_window,
    _check_place,
    _check_collar,
    _check_room,
)
"""The order of the checks: who may, what is stopped, what is named, when, where, at which price, how much."""

JUDGED_BY_RULES: Final[tuple[Check, ...]] = (_check_may_trade, _check_collar)
"""The checks that ask nothing but the order, its session's terms and the rules: they can be asked again later."""


def _cancel_order(state: State, command: CancelOrder) -> Decision:
    session = session_in(state, command.session_id, "collecting")
    number = session.numbers.get(command.order_id)
    if number is None:
        raise Refusal(
            Code.UNKNOWN_ORDER,
            f"session {command.session_id!r} holds no order {command.order_id!r}",
            where="order_id",
            remedy="Name an open order of your own.",
        )
    if session.orders[number].participant_id != command.actor:
        raise Refusal(
            Code.NOT_PERMITTED,
            f"order {command.order_id!r} belongs to another participant",
            where="order_id",
            remedy="Cancel your own orders.",
        )
    check_window(session.opened, command.at_ns)
    return (OrderCancelled(command.session_id, command.order_id),)


def _order_accepted(state: State, event: OrderAccepted) -> State:
    session = state.sessions[event.session_id]
    number = state.sequence + 1
    session = msgspec.structs.replace(
        session,
        orders=session.orders.insert(number, event),
        numbers=session.numbers.insert(event.order_id, number),
        lots=session.lots + event.quantity_lots,
    )
    state = with_session(state, session)
    return msgspec.structs.replace(state, order_ids=state.order_ids.insert(event.order_id, event.session_id))


def _order_cancelled(state: State, event: OrderCancelled) -> State:
    session = state.sessions[event.session_id]
    number = session.numbers[event.order_id]
    session = msgspec.structs.replace(
        session,
        orders=session.orders.remove(number),
        numbers=session.numbers.remove(event.order_id),
        lots=session.lots - session.orders[number].quantity_lots,
    )
    return with_session(state, session)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            SubmitOrder: ("seller", "buyer"),
            CancelOrder: ("seller", "buyer"),
        }
    ),
    deciders=MappingProxyType(
        {
            SubmitOrder: _submit_order,
            CancelOrder: _cancel_order,
        }
    ),
    evolvers=MappingProxyType(
        {
            OrderAccepted: _order_accepted,
            OrderCancelled: _order_cancelled,
        }
    ),
    while_suspended=(CancelOrder,),
)
