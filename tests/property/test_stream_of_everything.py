"""The hub over venues on which everything happens: no event finds it unprepared, and what it knows is what is so."""

from collections import Counter
from typing import get_args

from tests.simulation import simulate

from naryq import exchange
from naryq.exchange.state import Session, ordered
from naryq.gateways.stream_hub import Hub
from naryq.messages import AnyEvent, Entry, OrderAccepted, decode_entry
from naryq.showing.board import Board

SEEDS = range(3)
COMMANDS = 500
NEVER = 30
"""So many types of event may not come up in these venues; a rule that fails is seen only where its event has come."""
STANDING = ("collecting", "call", "continuous", "halted", "closed")


def rows(seed: int) -> list[Entry]:
    """Return all rows of a simulated venue."""
    return [decode_entry(record.payload) for record in simulate(seed, COMMANDS).rows]


def standing(session: Session) -> list[OrderAccepted]:
    """Return what stands in a session; a network session's orders end with its clearing."""
    return list(ordered(session.orders)) if session.phase in STANDING else []


def differences(board: Board, state: exchange.State) -> list[str]:
    """Say where the board does not know what the state knows."""
    found = []
    for name, session in state.sessions.items():
        line = board.sessions[name]
        if line.shown.phase != session.phase:
            found.append(f"{name} is {session.phase}, not {line.shown.phase}")
        if {board.orders[each] for each in line.numbers} != set(standing(session)):
            found.append(f"other orders stand in {name}")
        if session.opened.instrument is not None and line.shown.statistics != session.statistics:
            found.append(f"{name} has other statistics")
    open_flags = {name for name, flag in state.watch.flags.items() if flag.closed is None}
    if set(board.flags) != open_flags:
        found.append("other flags are open")
    if set(board.stops) != set(state.stops):
        found.append("other things are stopped")
    return found


def test_the_hub_knows_what_the_venue_knows() -> None:
    """After every tenth row the hub knows the orders, phases, statistics, flags and stops of the venue's state."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        hub, state = Hub(), exchange.initial_state()
        for entry in rows(seed):
            state = exchange.apply(state, entry)
            hub.see(entry)
            seen.update(type(event).__name__ for event in entry.events)
            if entry.sequence % 10 == 0:
                assert differences(hub.board, state) == []
        assert differences(hub.board, state) == []
    missing = {kind.__name__ for kind in get_args(AnyEvent)} - set(seen)
    assert len(missing) <= NEVER, sorted(missing)
