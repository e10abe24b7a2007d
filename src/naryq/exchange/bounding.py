"""What bounds the trades of a session over one instrument: the halt, the hold and its breadth, an administered price.

A network session is a call already and has a price for each place; its bounds stand in `naryq.exchange.limits`.
"""

from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq import limits
from naryq.exchange import people
from naryq.exchange.limits_state import NO_BAND, Band
from naryq.exchange.state import Session, State
from naryq.exchange.topic import Asked, Decision, Topic, counting_region_of, rules_in_force
from naryq.exchange.trading import Bounds, Outcome
from naryq.messages import (
    BandWidened,
    Code,
    LimitReached,
    OrderAccepted,
    PhaseChanged,
    Refusal,
    Traded,
)
from naryq.rulebook import InForce
from naryq.units import NS_PER_MINUTE, utc_minute

PER_TONNE: Final = "tenge_per_tonne"
BINDING: Final = (limits.HALT, limits.HOLD, limits.ADMINISTERED)
"""The limits that act on the trades of a session."""


def band_of(state: State, session: Session) -> Band:
    """Return what the limits remember of a session's trades."""
    return state.limits.bands.get(session.opened.session_id, NO_BAND)


# --- The bounds -------------------------------------------------------------------------------------------------


def bounds(state: State, session: Session, at_ns: int) -> limits.TradeBounds:
    """Return where orders may trade now, and which limit draws each bound.

    In the continuous phase the halt bounds either side, around the session's reference or the price at which it
    reopened. The hold, and an administered price, bound rises in every phase.
    """
    if session.opened.instrument is None:
        return limits.TradeBounds()
    rules = rules_in_force(state, at_ns)
    halts = rules.integer(limits.HALT) if session.phase == "continuous" else None
    return _bounds(state, session, rules, at_ns, halts)


def _bounds(state: State, session: Session, rules: InForce, at_ns: int, halts: int | None) -> limits.TradeBounds:
    band = band_of(state, session)
    anchor = session.opened.reference_tenge_per_tonne if band.anchor is None else band.anchor
    found = limits.trade_bounds(limits.halting(anchor, halts), hold(session, band, rules, at_ns), limits.HOLD)
    return limits.trade_bounds(
        found, _administered(state, counting_region_of(state, session), rules), limits.ADMINISTERED
    )


def as_bounds(found: limits.TradeBounds) -> Bounds:
    """Return the bounds as the matching takes them."""
    return Bounds(found.lowest_tenge_per_tonne, found.highest_tenge_per_tonne)


def hold(session: Session, band: Band, rules: InForce, at_ns: int) -> int | None:
    """Return the session's hold: the rule's, or the wider one that enough people have traded for."""
    if band.widens_at_ns is not None and at_ns >= band.widens_at_ns:
        return band.wider
    if band.hold is not None:
        return band.hold
    return limits.held(session.opened.reference_tenge_per_tonne, rules.integer(limits.HOLD))


def _administered(state: State, region: str | None, rules: InForce) -> int | None:
    return rules.integer(limits.ADMINISTERED) if region in state.limits.administered else None


def check_hold(asked: Asked) -> None:
    """Refuse a bid above what anything may trade at (PRICE_ABOVE_HOLD): it would stand where nobody can sell to it."""
    command, session = asked.command, asked.session
    if command.side == "sell" or session.opened.instrument is None:
        return
    found = limits.TradeBounds()
    if command.order_type == "limit":
        found = _bounds(asked.state, session, asked.rules, command.at_ns, None)
    refused = limits.judge_hold(command.price_tenge_per_tonne, _delivered(asked, found))
    if refused is not None:
        raise refused


def _delivered(asked: Asked, found: limits.TradeBounds) -> limits.TradeBounds:
    """Return the bounds of a bid: no wider session gets round the administered price of a province."""
    delivery = asked.command.delivery
    if delivery == counting_region_of(asked.state, asked.session):
        return found
    return limits.trade_bounds(found, _administered(asked.state, delivery, asked.rules), limits.ADMINISTERED)


# --- What follows when a bound stops a trade ---------------------------------------------------------------------


def stopped(state: State, session: Session, order: OrderAccepted, outcome: Outcome, at_ns: int) -> Decision:
    """Say what follows where a bound kept an order from trading: a hold, or a halt and its end."""
    if outcome.stopped_at is None:
        return ()
    left = order.quantity_lots - sum(e.quantity_lots for e in outcome.events if isinstance(e, Traded))
    return _limit_acts(state, session, outcome.stopped_at, at_ns, _Kept(f"{left} lots", left, outcome.offered))


def call_stopped(state: State, session: Session, outcome: Outcome, at_ns: int) -> Decision:
    """Say what follows where a bound kept a call from trading."""
    if outcome.stopped_at is None:
        return ()
    return _limit_acts(state, session, outcome.stopped_at, at_ns, _Kept("a call", 0, 0))


class _Kept(NamedTuple):
    """What a bound kept from trading, in words; the lots of an order, and those that it would have met there."""

    words: str
    lots: int
    offered: int


def _limit_acts(state: State, session: Session, price: int, at_ns: int, kept: _Kept) -> Decision:
    """Say which limit acts, and what it has kept from trading.

    One and the same offer is counted once: else a market order that is sent again and again, and costs nothing because
    it cannot trade, would lift the uncapped average as high as it likes, and bring on an administered price.
    """
    found = bounds(state, session, at_ns)
    highest, lowest = found.highest_tenge_per_tonne, found.lowest_tenge_per_tonne
    above = highest is not None and price > highest
    limit, bound = (found.highest_limit, highest) if above else (limits.HALT, lowest)
    assert bound is not None, "a bound that stopped a trade is there"
    minutes = rules_in_force(state, at_ns).integer("session_halt")
    until_ns = at_ns + (minutes or 0) * NS_PER_MINUTE if limit == limits.HALT else None
    session_id = session.opened.session_id
    uncounted = max(0, kept.offered - band_of(state, session).kept_lots)
    reached = LimitReached(
        limit=limit,
        subject=session_id,
        value=price,
        threshold=bound,
        unit=PER_TONNE,
        what=f"{kept.words} would have traded at {price}",
        at_ns=at_ns,
        session_id=session_id,
        until_ns=until_ns,
        lots=min(kept.lots, uncounted),
    )
    if limit != limits.HALT:
        return (reached,)
    reason = f"{limits.HALT}: a trade at {price} would pass {bound}"
    return (reached, PhaseChanged(session_id, "halted", reason, at_ns))


def check_may_reopen(state: State, session: Session, at_ns: int) -> None:
    """Refuse to reopen a session before its halt is over (STILL_HALTED)."""
    until_ns = band_of(state, session).halted_until_ns
    if session.phase == "halted" and until_ns is not None and at_ns < until_ns:
        raise Refusal(
            Code.STILL_HALTED,
            f"session {session.opened.session_id!r} is halted by a limit until {utc_minute(until_ns)}",
            where="at_ns",
            remedy="Reopen it in a call from then on.",
        )


# --- Breadth ----------------------------------------------------------------------------------------------------


def _widen(state: State, event: Traded) -> Decision:
    """Widen the hold when enough trades, buyers and sellers have met at its edge, after a cooling-off time."""
    rules = rules_in_force(state, event.at_ns)
    wanted, step = _wanted(rules), rules.integer(limits.BAND)
    if wanted is None or step is None:
        return ()
    session = state.sessions[event.session_id]
    band = band_of(state, session)
    before, reference = hold(session, band, rules, event.at_ns), session.opened.reference_tenge_per_tonne
    found = limits.breadth_of(band.met)
    if before is None or reference is None or not limits.is_broad(found, wanted):
        return ()
    return (
        BandWidened(
            session_id=event.session_id,
            highest_before_tenge_per_tonne=before,
            highest_after_tenge_per_tonne=limits.widened(before, reference, step),
            trades=found.trades,
            buyers=found.buyers,
            sellers=found.sellers,
            effective_at_ns=event.at_ns + (rules.integer("band_cooling_off") or 0) * NS_PER_MINUTE,
        ),
    )


def _wanted(rules: InForce) -> limits.Breadth | None:
    trades, buyers, sellers = (rules.integer(f"band_{what}") for what in ("trades", "buyers", "sellers"))
    if trades is None or buyers is None or sellers is None:
        return None
    return limits.Breadth(trades, buyers, sellers)


# --- Folding ----------------------------------------------------------------------------------------------------


def _with_band(state: State, session_id: str, **changes: object) -> State:
    band = msgspec.structs.replace(state.limits.bands.get(session_id, NO_BAND), **changes)
    bands = state.limits.bands.insert(session_id, band)
    return msgspec.structs.replace(state, limits=msgspec.structs.replace(state.limits, bands=bands))


def _traded(state: State, event: Traded) -> State:
    """Remember who met at the edge of the band, unless it is about to widen already."""
    rules = rules_in_force(state, event.at_ns)
    nearness = rules.integer("band_edge")
    if nearness is None:
        return state
    session = state.sessions[event.session_id]
    band, reference = band_of(state, session), session.opened.reference_tenge_per_tonne
    highest = hold(session, band, rules, event.at_ns)
    cooling = band.widens_at_ns is not None and event.at_ns < band.widens_at_ns
    if highest is None or reference is None or cooling:
        return state
    if event.price_tenge_per_tonne < limits.edge(highest, reference, nearness):
        return state
    pair = (people.group_of(state, event.buyer_id), people.group_of(state, event.seller_id))
    return _with_band(state, event.session_id, met=(*band.met, pair))


def _band_widened(state: State, event: BandWidened) -> State:
    return _with_band(
        state,
        event.session_id,
        hold=event.highest_before_tenge_per_tonne,
        wider=event.highest_after_tenge_per_tonne,
        widens_at_ns=event.effective_at_ns,
        met=(),
    )


def _limit_reached(state: State, event: LimitReached) -> State:
    """Remember how long a halt lasts, and what would have traded beyond a bound: it counts as an uncapped price."""
    if event.session_id is None or event.limit not in BINDING:
        return state
    band = state.limits.bands.get(event.session_id, NO_BAND)
    state = _with_band(state, event.session_id, acted=tuple(dict.fromkeys((*band.acted, event.limit))))
    if event.limit == limits.HALT:
        return _with_band(state, event.session_id, halted_until_ns=event.until_ns)
    turnover = band.kept_turnover + event.value * event.lots
    return _with_band(state, event.session_id, kept_turnover=turnover, kept_lots=band.kept_lots + event.lots)


def _phase_changed(state: State, event: PhaseChanged) -> State:
    """After a halt, let the price at which the session reopened be the one around which trading may halt again."""
    session = state.sessions[event.session_id]
    if event.phase != "continuous" or band_of(state, session).halted_until_ns is None:
        return state
    return _with_band(state, event.session_id, anchor=session.statistics.last_tenge_per_tonne, halted_until_ns=None)


TOPIC: Final = Topic(
    permitted=MappingProxyType({}),
    deciders=MappingProxyType({}),
    evolvers=MappingProxyType(
        {
            Traded: _traded,
            BandWidened: _band_widened,
            LimitReached: _limit_reached,
            PhaseChanged: _phase_changed,
        }
    ),
    followers=MappingProxyType(
        {
            Traded: (_widen,),
        }
    ),
)
