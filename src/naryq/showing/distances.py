"""How close each limit is: what is measured, the threshold that the rules set, and whether the limit acts.

The counters of regions, the two keys and the fund are for those who watch; what bounds a session is public. A limit
that the rulebook does not set has no line here.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from naryq import ledger, limits
from naryq.exchange import State, bounding, parity, people
from naryq.exchange.limits_state import NO_BAND
from naryq.exchange.money_state import balance
from naryq.exchange.state import Session
from naryq.messages import CompensationClaimed
from naryq.rulebook import InForce
from naryq.showing.seals import sealed_bids_kg
from naryq.showing.viewer import Viewer
from naryq.units import Rounding, days_between, divide

PER_TONNE: Final = "tenge_per_tonne"
LIVE: Final = ("collecting", "call", "continuous", "halted")
"""The phases of a session whose bounds still matter."""
SPREAD: Final = "two_key_spread"
THOUSANDTHS: Final = 1_000


class Distance(msgspec.Struct, frozen=True, kw_only=True):
    """One limit on one subject: `value` of `threshold`, both in `unit`; the limit acts beyond its threshold.

    `lowest` says that the threshold bounds from below. A value that is not measured yet is None.
    """

    limit: str
    subject: str
    value: int | None
    threshold: int
    unit: str
    acts: bool
    lowest: bool = False
    origin: int = 0
    """From where the way to the threshold is measured: a session's reference, else nothing."""


def closeness(distance: Distance) -> int:
    """Return how much of the way to its threshold a limit has gone, in thousandths: 0 to 1,000.

    A floor that lies at or above nothing is as close as it is large beside what is there.

    >>> far = Distance(limit="x", subject="y", value=82, threshold=90, unit="lots", acts=False, origin=80)
    >>> closeness(far), closeness(msgspec.structs.replace(far, value=70, threshold=60, lowest=True))
    (200, 500)
    """
    value, way = distance.value, distance.threshold - distance.origin
    if value is None:
        return 0
    gone = value - distance.origin
    if distance.lowest and way >= 0:
        gone, way = distance.threshold, value
    elif way < 0:
        gone, way = -gone, -way
    if way <= 0:
        return THOUSANDTHS
    return min(THOUSANDTHS, max(0, divide(gone * THOUSANDTHS, way)))


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Where two keys stand: sessions in a row that turned them or did not, and for how many the limit acts.

    They are those of an instrument, or of the network (`venue`), which bind the whole venue. `highest_tenge_per_tonne`
    is the most that they leave to an order while they act, carriage apart.
    """

    subject: str
    turned: int
    failed: int
    acting: int | None
    sessions_wanted: int | None
    parity_tenge_per_tonne: int | None
    parity_day: str | None
    parity_is_fresh: bool
    highest_tenge_per_tonne: int | None


def distances(state: State, viewer: Viewer, at_ns: int) -> tuple[Distance, ...]:
    """Return every limit that the rules of an instant set, with what it measures; for those who watch."""
    if not viewer.watches or state.rulebook is None:
        return ()
    rules = state.rulebook.rules_of_day(at_ns)
    return (
        *_counters(state, rules),
        *_two_keys(state, rules),
        *_of_sessions(state, rules, at_ns),
        *_batches(state, rules),
        *_fund(state, rules),
    )


def claims(state: State, viewer: Viewer) -> tuple[CompensationClaimed, ...]:
    """Return the claims for compensation that wait for a decision: all to those who watch, to others their own."""
    found = (claim for _, claim in sorted(state.limits.claims.items()))
    return tuple(claim for claim in found if viewer.watches or claim.participant_id == viewer.participant_id)


def keys(state: State, viewer: Viewer, at_ns: int) -> tuple[Keys, ...]:
    """Return where the keys of the network and of each instrument stand, for those who watch; none without the rule."""
    rules = None if state.rulebook is None else state.rulebook.rules_of_day(at_ns)
    if not viewer.watches or rules is None or rules.integer(limits.TWO_KEY) is None:
        return ()
    return tuple(_keys_of(state, rules, instrument) for instrument in (None, *_instruments(state)))


def _keys_of(state: State, rules: InForce, instrument: str | None) -> Keys:
    lock, reported = parity.lock_of(state, instrument), state.limits.parity
    age, oldest = None if reported is None else days_between(reported.day, rules.effective), rules.integer("parity_age")
    return Keys(
        subject=instrument or parity.VENUE,
        turned=lock.turned,
        failed=lock.failed,
        acting=lock.acting,
        sessions_wanted=rules.integer("two_key_sessions"),
        parity_tenge_per_tonne=None if reported is None else reported.parity_tenge_per_tonne,
        parity_day=None if reported is None else reported.day,
        parity_is_fresh=age is not None and (oldest is None or age <= oldest),
        highest_tenge_per_tonne=None if lock.acting is None else parity.highest_bid(state, instrument, rules),
    )


def _instruments(state: State) -> list[str]:
    """Return the instruments whose keys are of use: those that are listed, and have counted a session or may."""
    return sorted(code for code in state.market.instruments if code not in state.market.delisted)


def _counters(state: State, rules: InForce) -> Iterator[Distance]:
    threshold = rules.integer(limits.SUM)
    if threshold is None:
        return
    wider = sorted(frozenset(state.limits.prices) - frozenset(rules.words("provinces")))
    for region in (*rules.words("provinces"), *wider):
        prices = state.limits.prices.get(region)
        yield Distance(
            limit=limits.SUM,
            subject=region,
            value=None if prices is None else sum(prices),
            threshold=threshold,
            unit=PER_TONNE,
            acts=region in state.limits.administered,
        )


def _two_keys(state: State, rules: InForce) -> Iterator[Distance]:
    """Yield how far the network's average, and each instrument's, lies above the level and above export parity."""
    level, spread, reported = rules.integer(limits.TWO_KEY), rules.integer(SPREAD), state.limits.parity
    if level is None or spread is None:
        return
    for instrument in (None, *_instruments(state)):
        average = state.reference_tenge_per_tonne if instrument is None else state.market.references.get(instrument)
        above = None if average is None or reported is None else average - reported.parity_tenge_per_tonne
        acts = parity.lock_of(state, instrument).acting is not None
        for limit, value, threshold in ((limits.TWO_KEY, average, level), (SPREAD, above, spread)):
            yield Distance(
                limit=limit,
                subject=instrument or parity.VENUE,
                value=value,
                threshold=threshold,
                unit=PER_TONNE,
                acts=acts,
            )


def _of_sessions(state: State, rules: InForce, at_ns: int) -> Iterator[Distance]:
    for session_id, session in sorted(state.sessions.items()):
        if session.phase in LIVE and session.opened.instrument is not None:
            yield from _of_session(state, session_id, session, rules, at_ns)


def _of_session(state: State, session_id: str, session: Session, rules: InForce, at_ns: int) -> Iterator[Distance]:
    last, band = session.statistics.last_tenge_per_tonne, state.limits.bands.get(session_id, NO_BAND)
    found = bounding.bounds(state, session, at_ns)
    hold = bounding.hold(session, band, rules, at_ns)
    anchor = session.opened.reference_tenge_per_tonne if band.anchor is None else band.anchor
    halted = session.phase == "halted" and band.halted_until_ns is not None
    bounds = (
        (limits.HOLD, hold, False, band.kept_lots > 0),
        (limits.HALT, found.highest_tenge_per_tonne if found.highest_limit == limits.HALT else None, False, halted),
        (limits.HALT, found.lowest_tenge_per_tonne, True, halted),
        (limits.COLLAR, session.opened.collar_highest_tenge_per_tonne, False, False),
        (limits.TWO_KEY, parity.highest_bid(state, session.opened.instrument, rules), False, True),
    )
    for limit, threshold, lowest, acts in bounds:
        if threshold is not None:
            yield Distance(
                limit=limit,
                subject=session_id,
                value=last,
                threshold=threshold,
                unit=PER_TONNE,
                acts=acts,
                lowest=lowest,
                origin=(session.opened.reference_tenge_per_tonne if limit != limits.HALT else anchor) or 0,
            )


def _batches(state: State, rules: InForce) -> Iterator[Distance]:
    """Yield what each group of affiliates has taken or bids for openly in each month, of the most that it may."""
    most = rules.integer(limits.MOST)
    if most is None:
        return
    taken: dict[tuple[str, str], int] = {}
    sealed, lot_kg = sealed_bids_kg(state), rules.required_integer("lot")
    for (participant_id, month), kg in sorted(state.limits.batches.items()):
        key = (month, people.group_of(state, participant_id))
        taken[key] = taken.get(key, 0) + kg - sealed[participant_id, month]
    for (month, group), kg in sorted(taken.items()):
        lots = divide(kg, lot_kg, Rounding.UP)
        if lots:
            yield Distance(
                limit=limits.MOST,
                subject=f"{group}, {month}",
                value=lots,
                threshold=most,
                unit="lots",
                acts=lots >= most,
            )


def _fund(state: State, rules: InForce) -> Iterator[Distance]:
    floor = rules.integer(limits.FLOOR)
    if floor is not None:
        holds = balance(state.balances, ledger.FUND)
        yield Distance(
            limit=limits.FLOOR,
            subject="fund",
            value=holds,
            threshold=floor,
            unit="tiyn",
            acts=holds <= floor,
            lowest=True,
        )
