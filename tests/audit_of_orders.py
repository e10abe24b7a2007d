"""How the auditor judges orders over one instrument, and amendments of all: why each must, or may, be refused.

What an auction makes of a bid, and what a hold or an administered price bounds, is worked out by twins of their own:
here such a refusal is only held to be one that those rules know.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import msgspec
from tests import audit_of_limits
from tests.verdicts import misjudged

from naryq import messages as m
from naryq.messages import Code

COMMANDS = (m.SubmitOrder, m.AmendOrder, m.CancelOrder, m.CancelAll)
TAKING = ("collecting", "call", "continuous")
ROOM_LOTS = 9_000_000_000
OF_AUCTIONS = {
    Code.NOT_PERMITTED,
    Code.UNKNOWN_PARTICIPANT,
    Code.OUT_OF_RANGE,
    Code.WRONG_PHASE,
    Code.OVERFLOW,
    Code.TIME_BACKWARD,
}


def judged(books: Any, money: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """Say where the answer to an order, an amendment or a cancellation is not what the rules allow."""
    must, may = set(wrong(books, money, command)), set(_left_open(books, command))
    yield from misjudged(must, may, events[0])
    if not must and not isinstance(events[0], m.Refused):
        yield from _told(books, command, events)


def wrong(books: Any, money: Any, command: Any) -> Iterator[Code]:
    """Yield every code for which a command about orders must be refused."""
    if isinstance(command, m.CancelAll):
        yield from _wrong_sweep(books, command)
        return
    if books.rulebook is None and not isinstance(command, m.CancelOrder):
        yield Code.NO_RULEBOOK
    call = books.calls.get(command.session_id)
    if call is None:
        yield Code.UNKNOWN_SESSION
    elif isinstance(command, m.SubmitOrder):
        yield from _wrong_order(books, money, priced(call, command), call, None)
    else:
        yield from _wrong_change(books, money, command, call)


def _wrong_change(books: Any, money: Any, command: Any, call: Any) -> Iterator[Code]:
    if call.phase not in (TAKING if isinstance(command, m.AmendOrder) else audit_of_limits.STANDING):
        yield Code.WRONG_PHASE
    if not call.opened.opens_at_ns <= command.at_ns < call.opened.closes_at_ns:
        yield Code.OUTSIDE_WINDOW
    order = call.orders.get(command.order_id)
    if order is None:
        yield Code.UNKNOWN_ORDER
    elif order.participant_id != command.actor:
        yield Code.NOT_PERMITTED
    elif isinstance(command, m.AmendOrder):
        yield from _wrong_amendment(books, money, command, call, order)
    elif _may_not_leave(call, command.order_id):
        yield Code.NOT_SUPPORTED


def _left_open(books: Any, command: Any) -> Iterator[Code]:
    """Yield the codes for which an order may be refused by rules that are not worked out here."""
    call = books.calls.get(getattr(command, "session_id", None) or "")
    if call is None or isinstance(command, m.CancelOrder | m.CancelAll) or books.rulebook is None:
        return
    if call.opened.kind == "standard":
        yield from OF_AUCTIONS
    today = books.day(command.at_ns)
    if books.rule("hold_rise", today, today) is not None or books.limits.administered:
        yield Code.PRICE_ABOVE_HOLD


def priced(call: Any, command: m.SubmitOrder) -> m.SubmitOrder:
    """Return a market order with the worst price that its session lets it trade at."""
    if command.order_type == "limit":
        return command
    opened = call.opened
    highest, lowest = opened.collar_highest_tenge_per_tonne, opened.collar_lowest_tenge_per_tonne
    return msgspec.structs.replace(command, price_tenge_per_tonne=(highest if command.side == "buy" else lowest) or 0)


# --- A new order ------------------------------------------------------------------------------------------------


def _wrong_order(
    books: Any, money: Any, command: m.SubmitOrder, call: Any, replaces: m.OrderAccepted | None
) -> Iterator[Code]:
    opened = call.opened
    if call.phase not in TAKING:
        yield Code.WRONG_PHASE
    if not opened.opens_at_ns <= command.at_ns < opened.closes_at_ns:
        yield Code.OUTSIDE_WINDOW
    if any(_reaches(books, stop, call, command) for stop in books.stops.values()):
        yield Code.TRADING_STOPPED
    if replaces is None and command.order_id in books.order_ids:
        yield Code.DUPLICATE_ID
    if command.place not in call.carriage:
        yield Code.UNKNOWN_PLACE
        return
    yield from _may_not_trade(books, command)
    yield from _wrong_kind(call, command)
    yield from _wrong_delivery(books, call, command)
    yield from _wrong_price(call, command)
    yield from _too_much(books, money, call, command, replaces)


def _reaches(books: Any, stop: m.TradingStopped, call: Any, command: m.SubmitOrder) -> bool:
    by_scope = {"participant": (command.actor,), "region": (command.place, command.delivery, call.opened.region)}
    return audit_of_limits.reached(books, stop, call) or stop.target in by_scope.get(stop.scope, ())


def _may_not_trade(books: Any, command: m.SubmitOrder) -> Iterator[Code]:
    today, side = books.day(command.at_ns), command.side
    classes = books.rule(f"platform_{side}ers" if side == "buy" else "platform_sellers", today, today)
    if books.people[command.actor] not in (books.rule(f"who_may_{side}", today, today) or ()):
        yield Code.NOT_PERMITTED
    if classes and books.register.classes[command.actor] not in classes:
        yield Code.NOT_PERMITTED


def _wrong_kind(call: Any, command: m.SubmitOrder) -> Iterator[Code]:
    opened, waits_not = call.opened, command.time_in_force != "session"
    if (waits_not or command.post_only) and opened.kind != "continuous":
        yield Code.NOT_SUPPORTED
    elif (waits_not or command.post_only) and call.phase != "continuous":
        yield Code.WRONG_PHASE
    if waits_not and command.post_only:
        yield Code.NOT_SUPPORTED
    unbounded = command.side == "buy" and opened.collar_highest_tenge_per_tonne is None
    if command.order_type == "market" and (not opened.market_orders or command.post_only or unbounded):
        yield Code.NOT_SUPPORTED
    if opened.standard is not None and command.side == ("sell" if opened.standard.initiator == "seller" else "buy"):
        yield Code.NOT_SUPPORTED


def _wrong_delivery(books: Any, call: Any, command: m.SubmitOrder) -> Iterator[Code]:
    if command.side == "sell":
        return
    today, own = books.day(command.at_ns), books.register.provinces[command.actor]
    if call.opened.instrument is None:
        provinces = {place.place for place in call.opened.places if place.kind == "province"}
        if own and command.place in provinces - set(own):
            yield Code.OUTSIDE_REGION
        return
    region = books.limits.regions[call.opened.instrument]
    near = (region, *books.limits.provinces[call.opened.instrument])
    if region is not None and command.delivery not in near:
        yield Code.OUTSIDE_REGION
    if call.opened.region not in (None, m.REPUBLIC, command.delivery):
        yield Code.OUTSIDE_REGION
    if own and command.delivery not in own:
        yield Code.OUTSIDE_REGION
    if command.delivery not in books.rule("provinces", today, today):
        yield Code.UNKNOWN_PLACE


def _wrong_price(call: Any, command: m.SubmitOrder) -> Iterator[Code]:
    if command.order_type == "market":
        return
    opened, price = call.opened, command.price_tenge_per_tonne
    gate = price - call.carriage[command.place]
    highest, lowest = opened.collar_highest_tenge_per_tonne, opened.collar_lowest_tenge_per_tonne
    if price % opened.tick_tenge_per_tonne:
        yield Code.OUT_OF_RANGE
    if highest is not None and gate > highest:
        yield Code.PRICE_ABOVE_COLLAR
    if lowest is not None and gate < lowest:
        yield Code.PRICE_BELOW_COLLAR


def _too_much(
    books: Any, money: Any, call: Any, command: m.SubmitOrder, replaces: m.OrderAccepted | None
) -> Iterator[Code]:
    before = 0 if replaces is None else replaces.quantity_lots
    if sum(order.quantity_lots for order in call.orders.values()) - before + command.quantity_lots > ROOM_LOTS:
        yield Code.OVERFLOW
    yield from audit_of_limits.of_order(books, command, before if command.side == "buy" else 0)
    asked, held = money.asked(books, command), 0
    if replaces is not None:
        held = money.orders[replaces.order_id].held()
        now, asked = asked, deepcopy(money.orders[replaces.order_id])
        asked.has_terms = now.has_terms
        asked.amend(now, keeps_place=False)
    if asked.held() > money.free(command.actor) + held:
        yield Code.INSUFFICIENT_GUARANTEE


# --- Amending and leaving ---------------------------------------------------------------------------------------


def _wrong_amendment(
    books: Any, money: Any, command: m.AmendOrder, call: Any, order: m.OrderAccepted
) -> Iterator[Code]:
    price, lots = command.price_tenge_per_tonne, command.quantity_lots
    if call.opened.kind == "standard":
        yield Code.NOT_SUPPORTED
    if price is None and lots is None:
        yield Code.OUT_OF_RANGE
    if price is not None and order.order_type == "market":
        yield Code.NOT_SUPPORTED
    if command.open_lots is not None and command.open_lots != order.quantity_lots:
        yield Code.OUT_OF_RANGE
    if call.opened.kind == "standard" or books.rulebook is None:
        return
    made = as_submitted(call, command, order)
    if reduces(made, order):
        today = books.day(command.at_ns)
        least = books.rule("batch_lowest", today, today)
        month_kg = audit_of_limits.taken(books, command.actor, call.opened.delivery_month)
        month_kg += (made.quantity_lots - order.quantity_lots) * call.opened.lot_kg
        if order.side == "buy" and least and month_kg < least * books.rule("lot", today, today):
            yield Code.BATCH_TOO_SMALL
    else:
        yield from _wrong_order(books, money, made, call, order)


def as_submitted(call: Any, command: m.AmendOrder, order: m.OrderAccepted) -> m.SubmitOrder:
    """Return the order that an amendment makes, as if it were sent anew; a market order that grows is priced anew."""
    shared = {name: getattr(order, name) for name in m.SubmitOrder.__struct_fields__ if hasattr(order, name)}
    stamp = {"command_id": command.command_id, "actor": command.actor, "at_ns": command.at_ns}
    made = m.SubmitOrder(**{**shared, **stamp})
    changes = {"price_tenge_per_tonne": command.price_tenge_per_tonne, "quantity_lots": command.quantity_lots}
    made = msgspec.structs.replace(made, **{name: value for name, value in changes.items() if value is not None})
    return priced(call, made) if made.quantity_lots > order.quantity_lots else made


def reduces(made: m.SubmitOrder, order: m.OrderAccepted) -> bool:
    """Say whether an amendment only takes lots away, so that the order keeps its place."""
    return made.price_tenge_per_tonne == order.price_tenge_per_tonne and made.quantity_lots <= order.quantity_lots


def _may_not_leave(call: Any, order_id: str) -> bool:
    terms = call.opened.standard
    return terms is not None and (terms.format == "open" or order_id == call.opened.session_id)


def _wrong_sweep(books: Any, command: m.CancelAll) -> Iterator[Code]:
    whose = command.participant_id or command.actor
    if whose != command.actor and books.people[command.actor] != "operator":
        yield Code.NOT_PERMITTED
    if whose not in books.people:
        yield Code.UNKNOWN_PARTICIPANT
    if command.session_id is not None:
        call = books.calls.get(command.session_id)
        if call is None:
            yield Code.UNKNOWN_SESSION
            return
        if call.phase not in audit_of_limits.STANDING:
            yield Code.WRONG_PHASE
        if not call.opened.opens_at_ns <= command.at_ns < call.opened.closes_at_ns:
            yield Code.OUTSIDE_WINDOW
    if not list(_swept(books, command)):
        yield Code.UNKNOWN_ORDER


def _swept(books: Any, command: m.CancelAll) -> Iterator[m.OrderCancelled]:
    """Yield the cancellations that a sweep must cause, session by session and oldest first."""
    whose = command.participant_id or command.actor
    reason = "" if whose == command.actor else "cancelled by the operator"
    for name, call in sorted(books.calls.items()):
        opened = call.opened
        within = opened.opens_at_ns <= command.at_ns < opened.closes_at_ns and call.phase in audit_of_limits.STANDING
        if within and command.session_id in (None, name):
            for order in call.orders.values():
                if order.participant_id == whose and not _may_not_leave(call, order.order_id):
                    yield m.OrderCancelled(name, order.order_id, reason)


# --- What the events must say -----------------------------------------------------------------------------------


def _told(books: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    match command:
        case m.SubmitOrder():
            wanted: tuple[Any, ...] = (_accepted(books, command),)
        case m.AmendOrder():
            wanted = (_amended(books, command),)
        case m.CancelOrder():
            wanted = (m.OrderCancelled(command.session_id, command.order_id),)
        case _:
            wanted = tuple(_swept(books, command))
    own = events[:1]
    if isinstance(command, m.CancelAll):
        own = tuple(event for event in events if isinstance(event, m.OrderCancelled))
    if own != wanted:
        yield f"says {own}, where the command and the rules say {wanted}"


def _accepted(books: Any, command: m.SubmitOrder) -> m.OrderAccepted:
    made = priced(books.calls[command.session_id], command)
    shared = {name: getattr(made, name) for name in m.OrderAccepted.__struct_fields__ if hasattr(made, name)}
    stamp = {"participant_id": command.actor, "submitted_at_ns": command.at_ns, "rulebook_version": books.version}
    return m.OrderAccepted(**{**shared, **stamp})


def _amended(books: Any, command: m.AmendOrder) -> m.OrderAmended:
    order = books.calls[command.session_id].orders[command.order_id]
    made = as_submitted(books.calls[command.session_id], command, order)
    return m.OrderAmended(
        session_id=command.session_id,
        order_id=command.order_id,
        price_tenge_per_tonne=made.price_tenge_per_tonne,
        quantity_lots=made.quantity_lots,
        keeps_place=reduces(made, order),
        rulebook_version=books.version,
        at_ns=command.at_ns,
    )
