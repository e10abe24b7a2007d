"""What the watch over the market has raised: flags with their evidence, for the regulator alone."""

import msgspec

from naryq.exchange import State
from naryq.messages import FlagClosed, FlagRaised
from naryq.showing.viewer import Viewer


class ShownFlag(msgspec.Struct, frozen=True, kw_only=True):
    """A flag as it was raised, and what was found of it; `day` is that of its session."""

    raised: FlagRaised
    day: str
    closed: FlagClosed | None


def flags(state: State, viewer: Viewer) -> tuple[ShownFlag, ...]:
    """Return all flags, the open ones first, of each the newest session first; none to anybody but the regulator."""
    if viewer.role != "regulator":
        return ()
    shown = [
        ShownFlag(raised=flag.raised, day=_day_of(state, flag.raised), closed=flag.closed)
        for _, flag in sorted(state.watch.flags.items())
    ]
    newest = sorted(shown, key=lambda flag: flag.day, reverse=True)
    return tuple(sorted(newest, key=lambda flag: flag.closed is not None))


def _day_of(state: State, raised: FlagRaised) -> str:
    session = state.sessions.get(raised.session_id)
    return "" if session is None else session.opened.day
