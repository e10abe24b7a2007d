"""What traders ask for."""

from typing import Annotated, Literal

import msgspec

from naryq.messages.basics import Command, Event, Known, Name, Side

OrderType = Literal["limit", "market"]
TimeInForce = Literal["session", "immediate_or_cancel", "fill_or_kill"]
"""How long an order waits: till the session ends; what does not trade at once lapses; all at once or nothing."""


class SubmitOrder(Command, frozen=True, tag=True):
    """Offer or ask for gas at a place, up to a limit price (tenge a tonne, VAT excluded), in whole lots.

    In a session over one instrument the place is the instrument's code, and who buys names the province of delivery. A
    market order trades at any price the session allows; its own price is 0 and is not read.
    """

    session_id: Name
    order_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=0, le=10**9)]
    quantity_lots: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    order_type: OrderType = "limit"
    time_in_force: TimeInForce = "session"
    post_only: bool = False
    """Whether it is to wait in the book or not to stand at all: it never trades on its way in."""
    delivery: Name | None = None


class AmendOrder(Command, frozen=True, tag=True):
    """Give an open order another price, another open quantity, or both; less of it at its price keeps its place."""

    session_id: Name
    order_id: Name
    price_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=0, le=10**9)] | None = None
    quantity_lots: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    open_lots: Annotated[int, msgspec.Meta(ge=1, le=10**6)] | None = None
    """How much of it its sender takes to be open: where another quantity is, since it has traded, it stays as it is."""


class CancelOrder(Command, frozen=True, tag=True):
    """Take an open order back while the session's window is open."""

    session_id: Name
    order_id: Name


class CancelAll(Command, frozen=True, tag=True):
    """Take back all one's own open orders, of one session or of all; the operator may for any participant."""

    session_id: Name | None = None
    participant_id: Name | None = None


class OrderAccepted(Event, frozen=True, tag=True):
    """An order stands in the session.

    The price of a market order is the worst at which the session lets it trade.
    """

    session_id: Known
    order_id: Known
    participant_id: Known
    place: Known
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    submitted_at_ns: int
    rulebook_version: str
    order_type: OrderType = "limit"
    time_in_force: TimeInForce = "session"
    post_only: bool = False
    delivery: Known | None = None


class OrderAmended(Event, frozen=True, tag=True):
    """An open order has another price or open quantity, and has kept its place in the queue or gone to its end."""

    session_id: Known
    order_id: Known
    price_tenge_per_tonne: int
    quantity_lots: int
    keeps_place: bool
    rulebook_version: str
    at_ns: int
    reason: str = ""


class OrderCancelled(Event, frozen=True, tag=True):
    """What was left of an order is taken out: by its owner where no reason is given, else for the reason."""

    session_id: Known
    order_id: Known
    reason: str = ""


class OrderExpired(Event, frozen=True, tag=True):
    """What was left of an order ended with its session."""

    session_id: Known
    order_id: Known


OrderCommand = SubmitOrder | AmendOrder | CancelOrder | CancelAll
OrderEvent = OrderAccepted | OrderAmended | OrderCancelled | OrderExpired
