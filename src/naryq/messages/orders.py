"""What traders ask for."""

from typing import Annotated

import msgspec

from naryq.messages.basics import Command, Event, Name, Side


class SubmitOrder(Command, frozen=True, tag=True):
    """Offer or ask for gas at a place, up to a limit price (tenge a tonne, VAT excluded), in whole lots."""

    session_id: Name
    order_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    quantity_lots: Annotated[int, msgspec.Meta(ge=1, le=10**6)]


class CancelOrder(Command, frozen=True, tag=True):
    """Take an open order back while the session's window is open."""

    session_id: Name
    order_id: Name


class OrderAccepted(Event, frozen=True, tag=True):
    """An order stands in the session."""

    session_id: Name
    order_id: Name
    participant_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    submitted_at_ns: int
    rulebook_version: str


class OrderCancelled(Event, frozen=True, tag=True):
    """An order was taken back before the session's window ended."""

    session_id: Name
    order_id: Name


OrderCommand = SubmitOrder | CancelOrder
OrderEvent = OrderAccepted | OrderCancelled
