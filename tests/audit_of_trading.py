"""What the auditor holds every session over one instrument to: its trades, its phases, its orders and statistics.

It does not predict the trades (the naive book does, in tests/property/test_trading_twins.py); it checks that each lies
within the limits and the open lots of both orders, never joins a group with itself, and that the sums are right.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from naryq import messages as m

NEW_COMMANDS = (
    m.ListInstrument,
    m.DelistInstrument,
    m.DeclareHolidays,
    m.ScheduleSessions,
    m.ChangePhase,
    m.NextRound,
    m.PublishSession,
    m.AmendOrder,
    m.CancelAll,
)

BASE = ("reference_tenge_per_tonne", "collar_lowest_tenge_per_tonne", "collar_highest_tenge_per_tonne")
"""What of a session's terms goes with its base price."""


def concerns(books: Any, command: Any) -> bool:
    """Say whether a command is about instruments, or a session over one."""
    if isinstance(command, NEW_COMMANDS):
        return True
    if isinstance(command, m.ClaimCompensation):
        return False
    if isinstance(command, m.OpenSession):
        return command.kind != "network"
    call = books.calls.get(getattr(command, "session_id", ""))
    return call is not None and call.opened.kind != "network"


def judged(books: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """Follow the events of one decision on copies of the sessions, and say what is wrong with a trade or an end."""
    named = {getattr(event, "session_id", None): None for event in events}
    calls = {
        name: replace(books.calls[name], orders=dict(books.calls[name].orders), trades=list(books.calls[name].trades))
        for name in named
        if name in books.calls
    }
    for event in events:
        if isinstance(event, m.Traded):
            yield from _wrong_trade(books, event, calls[event.session_id])
        if isinstance(event, m.SessionEnded) and event.statistics is not None:
            yield from _wrong_sums(event, calls[event.session_id].trades)
        if isinstance(event, m.BasePriceSet):
            yield from _wrong_base(event, calls[event.session_id], events)
        if getattr(event, "session_id", None) in calls:
            fold(calls[event.session_id], event)


def _wrong_trade(books: Any, trade: m.Traded, call: Any) -> Iterator[str]:
    bid, ask = (call.orders.get(order_id) for order_id in (trade.buy_order_id, trade.sell_order_id))
    if bid is None or ask is None:
        yield f"{trade.trade_id} joins orders that do not stand"
        return
    if (bid.side, ask.side) != ("buy", "sell"):
        yield f"{trade.trade_id} joins two orders of one side"
    if not ask.price_tenge_per_tonne <= trade.price_tenge_per_tonne <= bid.price_tenge_per_tonne:
        yield f"{trade.trade_id} is outside the limit of an order"
    if not 1 <= trade.quantity_lots <= min(bid.quantity_lots, ask.quantity_lots):
        yield f"{trade.trade_id} trades more than is open"
    if (bid.participant_id, ask.participant_id) != (trade.buyer_id, trade.seller_id):
        yield f"{trade.trade_id} names others than the owners of its orders"
    if call.opened.self_trade != "allow" and trade.buyer_id in books.register.group(trade.seller_id):
        yield f"{trade.trade_id} joins a participant with itself or an affiliate"


def _wrong_sums(event: m.SessionEnded, trades: list[m.Traded]) -> Iterator[str]:
    prices = [trade.price_tenge_per_tonne for trade in trades]
    lots = [trade.quantity_lots for trade in trades]
    turnover = sum(price * count for price, count in zip(prices, lots, strict=True))
    ends = (prices[0], max(prices), min(prices), prices[-1]) if prices else (None, None, None, None)
    if event.statistics != m.Statistics(len(trades), sum(lots), turnover, *ends):
        yield "the statistics are not those of the trades"
    average = (2 * turnover + sum(lots)) // (2 * sum(lots)) if trades else None
    if event.weighted_average_tenge_per_tonne != average:
        yield f"the weighted average is {event.weighted_average_tenge_per_tonne}, not {average}"


def _wrong_base(base: m.BasePriceSet, call: Any, events: tuple[Any, ...]) -> Iterator[str]:
    averages = [
        event.weighted_average_tenge_per_tonne
        for event in events
        if isinstance(event, m.SessionEnded) and event.session_id == base.average_of and event.reference_moved
    ]
    if averages != [base.reference_tenge_per_tonne]:
        yield f"the base price {base.reference_tenge_per_tonne} is no average of {base.average_of}"
    if call.phase != "announced":
        yield f"{base.session_id} is {call.phase}, and its base price is changed"


def fold(call: Any, event: Any) -> None:
    """Write down what an event says of a session."""
    match event:
        case m.OrderAccepted():
            call.orders[event.order_id] = event
        case m.OrderCancelled() | m.OrderExpired():
            del call.orders[event.order_id]
        case m.OrderAmended():
            order = call.orders[event.order_id]
            terms = {"price_tenge_per_tonne": event.price_tenge_per_tonne, "quantity_lots": event.quantity_lots}
            if not event.keeps_place:
                terms["submitted_at_ns"] = event.at_ns
                del call.orders[event.order_id]
            call.orders[event.order_id] = msgspec.structs.replace(order, **terms)
        case m.Traded():
            call.trades.append(event)
            for order_id in (event.buy_order_id, event.sell_order_id):
                _take(call, order_id, event.quantity_lots)
        case m.BasePriceSet() | m.CollarTightened():
            _draw(call, event)
        case m.PhaseChanged() | m.SessionPublished():
            call.phase = getattr(event, "phase", "published")
        case m.SessionEnded():
            call.has_ended = True


def _draw(call: Any, event: m.BasePriceSet | m.CollarTightened) -> None:
    """Write a collar down, and the wider one, by which the orders that stand were judged."""
    opened, terms = call.opened, {name: getattr(event, name) for name in BASE if hasattr(event, name)}
    if isinstance(event, m.CollarTightened) and call.wider is None:
        call.wider = (opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    call.opened = msgspec.structs.replace(opened, **terms)


def _take(call: Any, order_id: str, lots: int) -> None:
    order = call.orders[order_id]
    if order.quantity_lots <= lots:
        del call.orders[order_id]
    else:
        call.orders[order_id] = msgspec.structs.replace(order, quantity_lots=order.quantity_lots - lots)
