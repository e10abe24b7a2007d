"""Which orders are sealed: those whose session finds its prices later, or shows no book now.

Of a sealed order nobody but its owner is told anything, the operator and the regulator included: no price, no lots, no
name, and nothing that follows from them, such as the money that is held for it.
"""

from collections import Counter
from collections.abc import Iterator

from naryq.exchange import State
from naryq.exchange.state import Session
from naryq.messages import Code, OrderAccepted, Refusal
from naryq.showing.books import shows_book
from naryq.showing.sessions import STANDING
from naryq.showing.viewer import Viewer


def is_sealed(session: Session) -> bool:
    """Say whether what stands in a session is shown to nobody else now."""
    terms = session.opened.standard
    is_said_aloud = terms is not None and terms.format == "open"
    return session.phase in (*STANDING, "closed") and not shows_book(session) and not is_said_aloud


def sealed_orders(state: State) -> Iterator[OrderAccepted]:
    """Yield all orders that are sealed now."""
    for session in state.sessions.values():
        if is_sealed(session):
            yield from session.orders.values()


def sealed_bids_kg(state: State) -> Counter[tuple[str, str]]:
    """Return the mass of each participant's sealed bids for each month."""
    masses = Counter[tuple[str, str]]()
    for order in sealed_orders(state):
        if order.side == "buy":
            opened = state.sessions[order.session_id].opened
            masses[order.participant_id, opened.delivery_month] += order.quantity_lots * opened.lot_kg
    return masses


def check_statement(state: State, viewer: Viewer, participant_id: str, day: str, at_ns: int) -> None:
    """Refuse (NOT_DUE) to show somebody else's day while money that is held could give a sealed order away.

    That is until the day is over, and as long as an order of his is sealed.
    """
    if participant_id == viewer.participant_id:
        return
    remedy = "Ask once the day is over and the prices of its sessions are found."
    today = "" if state.rulebook is None else state.rulebook.day(at_ns)
    if day >= today or any(order.participant_id == participant_id for order in sealed_orders(state)):
        what = f"the statement of {participant_id!r} for {day} would say what is sealed"
        raise Refusal(Code.NOT_DUE, what, where="day", remedy=remedy)
