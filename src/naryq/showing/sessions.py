"""Sessions as anybody may see them: terms, phase, bounds and statistics; a reserve price only where it is published.

Orders are sealed while a session collects them or is in a call: neither they nor their number is shown to anybody but
their owners. The book is shown while it trades.
"""

from typing import Final

import msgspec

from naryq.exchange import State, auctions, bounding, parity
from naryq.exchange.state import Session
from naryq.messages import PlacePrice, SessionOpened, StandardTerms, Statistics
from naryq.units import divide

ENDED: Final = ("cleared", "published", "cancelled")
TAKING: Final = ("collecting", "call", "continuous")
"""The phases in which orders are taken."""
STANDING: Final = (*TAKING, "halted")
"""The phases in which orders stand and can be taken back."""


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Between which prices (tenge a tonne) orders may trade now, and which limit draws the upper bound.

    `order_highest_tenge_per_tonne` is the most that the two keys leave to an order while they act, carriage apart.
    """

    lowest_tenge_per_tonne: int | None
    highest_tenge_per_tonne: int | None
    highest_limit: str
    halted_until_ns: int | None
    order_highest_tenge_per_tonne: int | None


class ShownSession(msgspec.Struct, frozen=True, kw_only=True):
    """One session: what it was opened with, where it stands, and what has traded, over one instrument.

    `takes_orders` says whether the phase does; the window says when.
    """

    opened: SessionOpened
    phase: str
    takes_orders: bool
    bounds: Bounds
    statistics: Statistics
    average_tenge_per_tonne: int | None
    limits: tuple[str, ...]
    """The limits that have acted on its trades so far, each once; those of a network session stand at its prices."""
    ended_at_ns: int | None
    round_number: int | None
    """The round of an open standard auction."""
    prices: tuple[PlacePrice, ...]
    """The prices of a network session that is cleared, place by place."""

    @property
    def is_over(self) -> bool:
        """Whether nothing trades in it any more."""
        return self.ended_at_ns is not None or self.phase == "cancelled"


def sessions(state: State, at_ns: int) -> tuple[ShownSession, ...]:
    """Return all sessions, the one that opens last first."""
    found = sorted(state.sessions.items(), key=lambda item: (-item[1].opened.opens_at_ns, item[0]))
    return tuple(shown(state, session, at_ns) for _, session in found)


def current(state: State, at_ns: int, ended: int) -> tuple[ShownSession, ...]:
    """Return the sessions that have not ended and so many of the last ones that have, the one that opens last first."""
    found = sorted(state.sessions.items(), key=lambda item: (-item[1].opened.opens_at_ns, item[0]))
    done = [name for name, each in found if each.phase in ENDED][:ended]
    kept = frozenset(done)
    return tuple(shown(state, each, at_ns) for name, each in found if each.phase not in ENDED or name in kept)


def session(state: State, session_id: str, at_ns: int) -> ShownSession | None:
    """Return one session; None where there is none."""
    found = state.sessions.get(session_id)
    return None if found is None else shown(state, found, at_ns)


def shown(state: State, session: Session, at_ns: int) -> ShownSession:
    """Return a session as anybody may see it."""
    found = session.statistics
    return ShownSession(
        opened=public_terms(session.opened),
        phase=session.phase,
        takes_orders=session.phase in TAKING,
        bounds=_bounds(state, session, at_ns),
        statistics=found,
        average_tenge_per_tonne=_average(session),
        limits=bounding.band_of(state, session).acted,
        ended_at_ns=session.ended_at_ns,
        round_number=len(session.rounds) or None,
        prices=() if session.cleared is None else tuple(map(_nameless, session.cleared.prices)),
    )


def _average(session: Session) -> int | None:
    """Return the average price of what has traded so far, weighted by lots; of a network session that ex-works."""
    if session.cleared is not None:
        return session.cleared.average_ex_works_tenge_per_tonne
    found = session.statistics
    return divide(found.turnover, found.volume_lots) if found.volume_lots else None


def _nameless(price: PlacePrice) -> PlacePrice:
    """Return a price without the orders that set it: whose they are is nobody else's business."""
    return msgspec.structs.replace(price, marginal_orders=())


def public_terms(opened: SessionOpened) -> SessionOpened:
    """Return a session's terms without a reserve price that is not published.

    The reserve stays hidden after the end too: the initiator may need it for another auction.
    """
    terms = opened.standard
    if terms is None or terms.reserve_published or terms.reserve_price_tenge_per_tonne is None:
        return opened
    hidden: StandardTerms = msgspec.structs.replace(terms, reserve_price_tenge_per_tonne=None)
    return msgspec.structs.replace(opened, standard=hidden)


def _bounds(state: State, session: Session, at_ns: int) -> Bounds:
    rules = state.rulebook.rules_of_day(at_ns) if session.phase in STANDING and state.rulebook else None
    found = None if rules is None else bounding.bounds(state, session, at_ns)
    return Bounds(
        lowest_tenge_per_tonne=None if found is None else found.lowest_tenge_per_tonne,
        highest_tenge_per_tonne=None if found is None else found.highest_tenge_per_tonne,
        highest_limit="" if found is None else found.highest_limit,
        halted_until_ns=bounding.band_of(state, session).halted_until_ns if session.phase == "halted" else None,
        order_highest_tenge_per_tonne=(
            None if rules is None else parity.highest_bid(state, session.opened.instrument, rules)
        ),
    )


class ShownRound(msgspec.Struct, frozen=True, kw_only=True):
    """One round of an open standard auction: what was called, and how much was bid for in it, nobody named."""

    round_number: int
    price_tenge_per_tonne: int | None
    lots: int
    bids: int


def rounds(state: State, session_id: str) -> tuple[ShownRound, ...]:
    """Return the rounds of an open standard auction so far; none of any other session."""
    found = state.sessions.get(session_id)
    if found is None or found.opened.standard is None:
        return ()
    return tuple(
        ShownRound(
            round_number=number,
            price_tenge_per_tonne=bids[0].price_tenge_per_tonne if bids else None,
            lots=sum(bid.quantity_lots for bid in bids),
            bids=len(bids),
        )
        for number, bids in enumerate(found.rounds, 1)
    )


def called_price(state: State, session_id: str) -> int | None:
    """Return the price that is called in an open standard auction; None where there is none."""
    found = state.sessions.get(session_id)
    if found is None or found.opened.standard is None or not found.rounds or found.phase in ENDED:
        return None
    return auctions.price_called(state, found)
