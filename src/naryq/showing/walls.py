"""The wall: what is taken out of an event before others than those concerned see it."""

import msgspec

from naryq.messages import (
    ObligationOpened,
    OrderAccepted,
    Party,
    PhaseChanged,
    PlanApproved,
    SessionCleared,
    Traded,
)
from naryq.messages.stream import ObligationTaken, OrderFilled, TradeReported

PRICE_FOUND = "the price is found"
"""What everybody reads in the place of the reason that names who won an auction."""


def seen_phase(event: PhaseChanged, *, auction: bool) -> PhaseChanged:
    """Return a phase as everybody sees it: the reason for which an auction is cleared names who won."""
    if auction and event.phase == "cleared":
        return msgspec.structs.replace(event, reason=PRICE_FOUND)
    return event


def seen_results(event: SessionCleared) -> SessionCleared:
    """Return a clearing as everybody sees it: prices, flows and their proof, and nobody's order."""
    prices = tuple(msgspec.structs.replace(price, marginal_orders=()) for price in event.prices)
    return msgspec.structs.replace(event, prices=prices, fills=())


def seen_trade(event: Traded) -> TradeReported:
    """Return a trade without those who made it."""
    return TradeReported(
        trade_id=event.trade_id,
        session_id=event.session_id,
        price_tenge_per_tonne=event.price_tenge_per_tonne,
        quantity_lots=event.quantity_lots,
        aggressor=event.aggressor,
        at_ns=event.at_ns,
    )


def filled(order: OrderAccepted, price: int, lots: int, trade_id: str | None) -> OrderFilled:
    """Return what the owner of an order is told when so many of its open lots trade at a price."""
    return OrderFilled(
        session_id=order.session_id,
        order_id=order.order_id,
        side=order.side,
        price_tenge_per_tonne=price,
        quantity_lots=lots,
        open_lots=order.quantity_lots - lots,
        trade_id=trade_id,
    )


def taken(event: ObligationOpened, party: Party) -> ObligationTaken:
    """Return an obligation as one of its parties sees it: the other side is the clearing house."""
    buys = party == "buyer"
    return ObligationTaken(
        obligation_id=event.obligation_id,
        session_id=event.session_id,
        party=party,
        product=event.product,
        delivery_month=event.delivery_month,
        lots=event.lots,
        mass_kg=event.mass_kg,
        order_id=event.buy_order_id if buys else event.sell_order_id,
        place=event.buy_place if buys else event.sell_place,
        price_tenge_per_tonne=event.buy_price_tenge_per_tonne if buys else event.sell_price_tenge_per_tonne,
        guarantee_tiyn=event.buyer_guarantee_tiyn if buys else event.seller_guarantee_tiyn,
        fee_tiyn=event.buyer_fee_tiyn if buys else event.seller_fee_tiyn,
        due_by=event.pay_by if buys else event.deliver_by,
    )


def seen_plan(event: PlanApproved, participant_id: str | None) -> PlanApproved:
    """Return an approved plan as everybody sees it, by province, or as a participant does: with its own parts."""
    return msgspec.structs.replace(
        event,
        sources=tuple(each for each in event.sources if each.seller_id == participant_id),
        allotments=tuple(each for each in event.allotments if participant_id in {each.seller_id, each.applicant_id}),
        platform=tuple(each for each in event.platform if each.seller_id == participant_id),
    )
