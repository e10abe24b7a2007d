"""What a channel holds at one moment, and who may ask for it."""

from typing import Final

from naryq.messages import Code, Refusal
from naryq.messages.stream import MARKET, OWN, Audience, Content, Feed, Market, Own, Venue, own
from naryq.showing.announcements import OPERATOR, REGULATOR, VENUE
from naryq.showing.board import Board
from naryq.showing.viewer import Viewer

OVER: Final = ("published", "cancelled")
"""The phases of a session that stands in no list of the venue any more; its own channel still shows it."""


def audience_of(board: Board, viewer: Viewer, channel: str) -> Audience:
    """Return what a channel is to a viewer.

    Raises:
        Refusal: NOT_PERMITTED where his role may not look; UNKNOWN_SESSION for a session that is not there.
    """
    if channel == "own":
        return own(viewer.participant_id)
    if channel in {OPERATOR, REGULATOR} and viewer.role != channel:
        what, remedy = f"a {viewer.role} does not see the {channel}'s channel", "Ask for venue, market/ or own."
        raise Refusal(Code.NOT_PERMITTED, what, where="channel", remedy=remedy)
    if channel.startswith(MARKET) and channel.removeprefix(MARKET) not in board.sessions:
        what = f"there is no session {channel.removeprefix(MARKET)!r}"
        raise Refusal(Code.UNKNOWN_SESSION, what, where="channel", remedy="Name a session of the channel venue.")
    return channel


def channel_of(audience: Audience) -> str:
    """Return the name of a channel as its reader knows it."""
    return "own" if audience.startswith(OWN) else audience


def content(board: Board, audience: Audience) -> Content:
    """Return all of a channel as it stands."""
    if audience == VENUE:
        return _venue(board)
    if audience.startswith(MARKET):
        line = board.sessions[audience.removeprefix(MARKET)]
        return Market(line.shown, line.side("buy"), line.side("sell"), line.cleared)
    if audience.startswith(OWN):
        mine = board.own.get(audience.removeprefix(OWN), {})
        return Own(tuple(board.orders[order_id] for order_id in mine))
    return Feed(tuple(board.flags.values()) if audience == REGULATOR else ())


def _venue(board: Board) -> Venue:
    return Venue(
        instruments=tuple(board.instruments.values()),
        sessions=tuple(line.shown for line in board.sessions.values() if line.shown.phase not in OVER),
        stops=tuple(stop for stop in board.stops.values() if stop.scope != "participant"),
        pump_prices=tuple(board.pump_prices.values()),
        rulebook_version=board.rulebook_version,
    )
