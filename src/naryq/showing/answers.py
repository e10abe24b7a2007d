"""What whoever sent a command is told of all that it has caused."""

from naryq.messages import (
    AnyEvent,
    LedgerPosted,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReleased,
    OrderSecured,
    Refused,
)
from naryq.showing.viewer import Viewer

OF_ORDERS = (
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReleased,
    OrderSecured,
    LedgerPosted,
)
OWN = (Refused, OrderAmended, OrderCancelled, OrderExpired, OrderReleased, OrderSecured)


def told(viewer: Viewer, events: tuple[AnyEvent, ...]) -> tuple[AnyEvent, ...]:
    """Return the events that are the sender's own: what has happened to others by his command is not his to see.

    Those who watch are told all but what has become of others' orders and of the money held for them, which may be
    sealed; whether it is, an answer does not ask.
    """
    if viewer.watches:
        return tuple(event for event in events if not isinstance(event, OF_ORDERS))
    first, *following = events
    return (first, *(event for event in following if isinstance(event, OWN) and _is_of(event, first)))


def _is_of(event: AnyEvent, first: AnyEvent) -> bool:
    if isinstance(first, OrderAccepted | OrderAmended):
        return getattr(event, "order_id", None) == first.order_id
    return isinstance(first, OrderCancelled) and isinstance(event, OrderReleased)
