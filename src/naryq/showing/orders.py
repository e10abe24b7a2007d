"""One's own orders: where they stand, and what is held for each. Nobody sees anybody else's."""

import msgspec

from naryq.exchange import State, guarantees
from naryq.exchange.state import Session, ordered
from naryq.messages import OrderAccepted
from naryq.showing.sessions import STANDING
from naryq.showing.viewer import Viewer


class ShownOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An open order with its open lots, its session's phase, and the money held for it (guarantee and fee)."""

    order: OrderAccepted
    phase: str
    instrument: str | None
    held_tiyn: int
    may_change: bool
    """Whether the phase lets it be taken back; the window may still have ended."""


def own_orders(state: State, viewer: Viewer, session_id: str | None = None) -> tuple[ShownOrder, ...]:
    """Return the open orders of a viewer in one session or in all, the newest first."""
    found = [
        _shown(state, session, order)
        for name, session in sorted(state.sessions.items())
        if session_id in {None, name} and session.phase in (*STANDING, "closed")
        for order in ordered(session.orders)
        if order.participant_id == viewer.participant_id
    ]
    return tuple(sorted(found, key=lambda each: each.order.submitted_at_ns, reverse=True))


def own_order(state: State, viewer: Viewer, order_id: str) -> ShownOrder | None:
    """Return one open order of a viewer; None where it has none of that name."""
    session = state.sessions.get(state.order_ids.get(order_id, ""))
    number = None if session is None else session.numbers.get(order_id)
    if session is None or number is None or session.orders[number].participant_id != viewer.participant_id:
        return None
    return _shown(state, session, session.orders[number])


def _shown(state: State, session: Session, order: OrderAccepted) -> ShownOrder:
    return ShownOrder(
        order=order,
        phase=session.phase,
        instrument=session.opened.instrument,
        held_tiyn=guarantees.held_tiyn(state.money.holds.get(order.order_id)),
        may_change=session.phase in STANDING,
    )
