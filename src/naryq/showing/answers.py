"""What whoever sent a command is told of all that it has caused."""

from naryq.messages import (
    AnyEvent,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReleased,
    OrderSecured,
    Refused,
)
from naryq.showing.viewer import Viewer

OWN = (Refused, OrderAmended, OrderCancelled, OrderExpired, OrderReleased, OrderSecured)


def told(viewer: Viewer, events: tuple[AnyEvent, ...]) -> tuple[AnyEvent, ...]:
    """Return the events that are the sender's own: what has happened to others by his command is not his to see."""
    if viewer.watches:
        return events
    first, *following = events
    return (first, *(event for event in following if isinstance(event, OWN) and _is_of(event, first)))


def _is_of(event: AnyEvent, first: AnyEvent) -> bool:
    if isinstance(first, OrderAccepted | OrderAmended):
        return getattr(event, "order_id", None) == first.order_id
    return isinstance(first, OrderCancelled) and isinstance(event, OrderReleased)
