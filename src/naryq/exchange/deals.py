"""What has been dealt, as one for every kind of session: what money, limits and surveillance follow."""

from typing import NamedTuple

from naryq.exchange.state import State
from naryq.messages import AnyEvent, SessionCleared, Side, Traded


class Deal(NamedTuple):
    """One side of what has been dealt: who, by which order, where, at which price (tenge a tonne), how much."""

    session_id: str
    participant_id: str
    order_id: str
    side: Side
    place: str
    price_tenge_per_tonne: int
    quantity_lots: int
    lot_kg: int
    delivery_month: str
    instrument: str | None
    trade_id: str | None
    """The trade over an instrument that it belongs to; a network session has fills and no trades."""


def deals_of(state: State, event: AnyEvent) -> tuple[Deal, ...]:
    """Return the deals that an event makes, buyer first; none where it makes none.

    Args:
        state: The state before the event or after it.
        event: A `Traded` has two deals, a `SessionCleared` one for each order that was filled.
    """
    if isinstance(event, Traded):
        return _of_trade(state, event)
    return _of_fills(state, event) if isinstance(event, SessionCleared) else ()


def _of_trade(state: State, event: Traded) -> tuple[Deal, Deal]:
    opened = state.sessions[event.session_id].opened
    assert opened.instrument is not None, "trades are over an instrument"
    bid = Deal(
        session_id=event.session_id,
        participant_id=event.buyer_id,
        order_id=event.buy_order_id,
        side="buy",
        place=opened.instrument,
        price_tenge_per_tonne=event.price_tenge_per_tonne,
        quantity_lots=event.quantity_lots,
        lot_kg=opened.lot_kg,
        delivery_month=opened.delivery_month,
        instrument=opened.instrument,
        trade_id=event.trade_id,
    )
    return bid, bid._replace(participant_id=event.seller_id, order_id=event.sell_order_id, side="sell")


def _of_fills(state: State, event: SessionCleared) -> tuple[Deal, ...]:
    session = state.sessions[event.session_id]
    price_of = {price.place: price.price_tenge_per_tonne for price in event.prices}
    filled = ((fill, session.orders[session.numbers[fill.order_id]]) for fill in event.fills if fill.quantity_lots)
    deals = [
        Deal(
            session_id=event.session_id,
            participant_id=order.participant_id,
            order_id=order.order_id,
            side=order.side,
            place=order.place,
            price_tenge_per_tonne=price_of[order.place],
            quantity_lots=fill.quantity_lots,
            lot_kg=session.opened.lot_kg,
            delivery_month=session.opened.delivery_month,
            instrument=None,
            trade_id=None,
        )
        for fill, order in filled
    ]
    return tuple(sorted(deals, key=lambda deal: deal.side))
