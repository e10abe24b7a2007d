"""The book of a session while it trades: lots and orders at each price, without names.

In a call and while orders are collected nothing is shown: these orders are sealed until the price is found.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from naryq.exchange import State
from naryq.exchange.book import Book, half_of
from naryq.exchange.state import Session
from naryq.messages import Side
from naryq.showing.viewer import Viewer

LEVELS_MAX: Final = 50


class DepthLevel(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at one price: lots and orders of everybody, and how many of the lots are the viewer's own."""

    price_tenge_per_tonne: int
    lots: int
    orders: int
    own_lots: int


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides of a book, the best price first."""

    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]


def shows_book(session: Session) -> bool:
    """Say whether a session's book may be shown now."""
    return session.phase == "continuous" and session.book is not None


def depth(state: State, viewer: Viewer, session_id: str, levels: int = LEVELS_MAX) -> Depth | None:
    """Return the best levels of a session's book; None where there is nothing to be shown."""
    session = state.sessions.get(session_id)
    if session is None or session.book is None or not shows_book(session):
        return None
    return Depth(
        bids=tuple(_levels(session, session.book, "buy", viewer, levels)),
        asks=tuple(_levels(session, session.book, "sell", viewer, levels)),
    )


def _levels(session: Session, book: Book, side: Side, viewer: Viewer, levels: int) -> Iterator[DepthLevel]:
    half = half_of(book, side)
    for key in half.keys[::-1][:levels]:
        lots = orders = own = 0
        for order in (session.orders[number] for number in _queue_at(book, half.levels[key].oldest)):
            lots, orders = lots + order.quantity_lots, orders + 1
            own += order.quantity_lots if order.participant_id == viewer.participant_id else 0
        yield DepthLevel(price_tenge_per_tonne=abs(key), lots=lots, orders=orders, own_lots=own)


def _queue_at(book: Book, oldest: int) -> Iterator[int]:
    """Go through the orders at one price, the oldest first."""
    number = oldest
    while number:
        yield number
        number = book.links[number].after
