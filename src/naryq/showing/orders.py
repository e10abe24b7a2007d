"""One's own orders: where they stand, and what is held for each. Nobody sees anybody else's."""

from collections.abc import Iterable

import msgspec

from naryq.exchange import State, guarantees
from naryq.exchange.state import Session
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


def own_orders(
    state: State, viewer: Viewer, known: Iterable[str], session_id: str | None = None
) -> tuple[ShownOrder, ...]:
    """Return the open orders of a viewer in one session or in all, the newest first.

    `known` are the identifiers that may be his (`History.open_orders`); each is asked of the state, which is newer.
    """
    found = (own_order(state, viewer, order_id) for order_id in known)
    shown = (each for each in found if each is not None and each.phase in (*STANDING, "closed"))
    chosen = (each for each in shown if session_id in {None, each.order.session_id})
    return tuple(sorted(chosen, key=lambda each: each.order.submitted_at_ns, reverse=True))


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
