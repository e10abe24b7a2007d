"""What stands stopped. A stop is public, but one of a participant is seen by itself and by those who watch."""

from naryq.exchange import State
from naryq.messages import TradingStopped
from naryq.showing.viewer import Viewer


def stops(state: State, viewer: Viewer) -> tuple[TradingStopped, ...]:
    """Return the stops that a viewer may see, the widest scope first."""
    seen = (stop for _, stop in sorted(state.stops.items()) if _may_see(viewer, stop))
    return tuple(sorted(seen, key=lambda stop: stop.scope != "venue"))


def _may_see(viewer: Viewer, stop: TradingStopped) -> bool:
    return stop.scope != "participant" or viewer.watches or stop.target == viewer.participant_id
