"""Sessions: how they open, close and find their prices."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from naryq import limits, pricing
from naryq.exchange import (
    auctions,
    bounding,
    calendar,
    control,
    guarantees,
    instruments,
    orders,
    parity,
    people,
    trading,
)
from naryq.exchange.book import EMPTY
from naryq.exchange.limits import caps
from naryq.exchange.limits_state import uncapped_average
from naryq.exchange.state import Session, State, in_phase, ordered, with_session
from naryq.exchange.topic import Decision, Topic, rules_in_force, session_in
from naryq.maps import Map
from naryq.messages import (
    ChangePhase,
    ClearSession,
    CloseSession,
    Code,
    Day,
    Instrument,
    Link,
    OpenSession,
    OrderExpired,
    Phase,
    PhaseChanged,
    Place,
    PublishSession,
    Refusal,
    SessionCleared,
    SessionClosed,
    SessionEnded,
    SessionOpened,
    SessionPublished,
    Statistics,
    Traded,
)
from naryq.rulebook import InForce
from naryq.units import INT64_MAX, divide, instant_ns, month_after

CALL_SECONDS: Final = 300
"""How long a call of a continuous session lasts. An assumption: no rule of the rulebook says it."""
WINDOW_ENDED: Final = "its window has ended"
INITIATOR_GONE: Final = "the initiator's order was taken out"
PARTICIPANTS_MIN: Final = 3
"""The law's number for a standard auction, where no rule says another: Law No 155-IV, article 15-1."""


# --- Opening --------------------------------------------------------------------------------------------------------


def _open_session(state: State, command: OpenSession) -> Decision:
    rules = rules_in_force(state, command.at_ns, command.day)
    opened = opening(state, command, rules)
    if opened.standard is None:
        return (opened,)
    order = auctions.initiators_order(opened, command.at_ns)
    people.check_may_trade(state.participants[order.participant_id], order.side, rules, where="standard")
    orders.check_initiators_order(_session_opened(state, opened), command, order)
    guarantees.check_initiator(state, opened, order)
    return (opened, order)


def opening(state: State, command: OpenSession, rules: InForce) -> SessionOpened:
    """Judge what a session is to be, and return it as opened under the rules given."""
    if command.session_id in state.sessions:
        what = f"session {command.session_id!r} exists already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="session_id", remedy="Choose another identifier.")
    _check_terms(state, command, rules)
    opens_at_ns, closes_at_ns = _window(rules, command)
    if command.at_ns >= closes_at_ns:
        what = f"the window of {command.day} has passed"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="day", remedy="Open the session before its window ends.")
    calendar.check_trading_day(state, command.day)
    _check_month(command, rules)
    opened = SessionOpened(
        session_id=command.session_id,
        day=command.day,
        window=command.window,
        delivery_month=command.delivery_month,
        places=command.places,
        links=command.links,
        opens_at_ns=opens_at_ns,
        closes_at_ns=closes_at_ns,
        lot_kg=rules.required_integer("lot"),
        reference_tenge_per_tonne=None,
        collar_lowest_tenge_per_tonne=None,
        collar_highest_tenge_per_tonne=None,
        rulebook_version=rules.version,
        kind=command.kind,
        region=command.region,
        opening_call=command.opening_call,
        closing_call=command.closing_call,
        tie_rule=rules.text("tie_rule"),
        price_rule=rules.text("price_rule"),
    )
    if command.instrument is None:
        return around(opened, state.reference_tenge_per_tonne, rules)
    opened = _over_instrument(opened, instruments.listed(state, command.instrument), command, rules)
    if command.standard is not None:
        minimum = rules.integer("auction_minimum_participants") or PARTICIPANTS_MIN
        terms = auctions.checked_terms(state, opened, command.standard, minimum)
        opened = msgspec.structs.replace(opened, standard=terms)
    return around(opened, state.market.references.get(command.instrument), rules)


def around(opened: SessionOpened, reference_tenge_per_tonne: int | None, rules: InForce) -> SessionOpened:
    """Return a session with its reference price, and the collar that the rules draw around it."""
    bounds = limits.collar(reference_tenge_per_tonne, rules.integer("collar_rise"), rules.integer("collar_fall"))
    return msgspec.structs.replace(
        opened,
        reference_tenge_per_tonne=reference_tenge_per_tonne,
        collar_lowest_tenge_per_tonne=bounds.lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=bounds.highest_tenge_per_tonne,
    )


def _over_instrument(
    opened: SessionOpened, instrument: Instrument, command: OpenSession, rules: InForce
) -> SessionOpened:
    begins: Phase = "collecting" if command.kind != "continuous" else "call" if command.opening_call else "continuous"
    return msgspec.structs.replace(
        opened,
        places=(Place(instrument.code, "plant"),),
        lot_kg=instrument.lot_kg,
        instrument=instrument.code,
        phase=begins,
        tick_tenge_per_tonne=instrument.tick_tenge_per_tonne,
        price_rule=rules.word("call_price_rule") or "xetra",
        self_trade=rules.word("self_trade") or "allow",
        market_orders=rules.word("market_orders") == "taken" and command.kind != "standard",
    )


def _check_terms(state: State, command: OpenSession, rules: InForce) -> None:
    """Refuse terms that do not belong to the kind of the session, and those that name what is not there."""
    if command.kind == "network":
        _check_network(command.places, command.links)
    mixed = {
        "places": command.kind != "network" and command.places + command.links,
        "instrument": command.kind == "network" and command.instrument,
        "opening_call": command.kind != "continuous" and (command.opening_call or command.closing_call),
        "standard": (command.kind == "standard") != (command.standard is not None),
        "region": command.kind == "network" and command.region,
    }
    for where, wrong in mixed.items():
        if wrong:
            what = f"this does not belong to a {command.kind} session, or is missing"
            remedy = "See docs/reference/sessions.md for what each kind of session needs."
            raise Refusal(Code.NOT_SUPPORTED, what, where=where, remedy=remedy)
    if command.kind != "network":
        instruments.listed(state, command.instrument)
    if command.region is not None and command.region not in rules.words("provinces"):
        what = f"the rulebook has no province {command.region!r}"
        remedy = "Name a province by its ISO 3166-2 code, or leave the region out."
        raise Refusal(Code.UNKNOWN_PLACE, what, where="region", remedy=remedy)


def _check_month(command: OpenSession, rules: InForce) -> None:
    """Refuse to trade months that are past, where nobody loads, and those too far ahead, which lead collars astray."""
    ahead = rules.integer("delivery_months_ahead")
    today = command.day[:7]
    if command.delivery_month < today:
        what = f"the delivery month {command.delivery_month} is past on {command.day}"
        raise Refusal(Code.OUT_OF_RANGE, what, where="delivery_month", remedy=f"Name {today} or a later month.")
    if ahead is not None and command.delivery_month > month_after(today, ahead):
        what = f"the delivery month {command.delivery_month} is more than {ahead} months after {today}"
        remedy = f"Name a month from {today} to {month_after(today, ahead)}."
        raise Refusal(Code.OUT_OF_RANGE, what, where="delivery_month", remedy=remedy)


def _window(rules: InForce, command: OpenSession) -> tuple[int, int]:
    rule = f"session_window_{command.window}"
    clock = rules.text(rule) if command.window in {"plan", "other"} else None
    if clock is None:
        what = f"the rulebook has no window {command.window!r}"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="window", remedy="Use `plan` or `other`.")
    opens, closes = clock.split("-")
    offset = rules.required_integer("utc_offset")
    try:
        opens_at_ns, closes_at_ns = (instant_ns(command.day, time, offset) for time in (opens, closes))
    except ValueError:
        raise _no_such_day(command.day) from None
    if closes_at_ns > INT64_MAX:
        raise _no_such_day(command.day)
    return opens_at_ns, closes_at_ns


def _no_such_day(day: Day) -> Refusal:
    what = f"{day} is no day of the calendar before April 2262, where the venue's clock ends"
    return Refusal(Code.OUT_OF_RANGE, what, where="day", remedy="Give the day of the session, such as 2022-01-31.")


def _check_network(places: tuple[Place, ...], links: tuple[Link, ...]) -> None:
    names = [place.place for place in places]
    known = frozenset(names)
    if len(known) != len(names):
        raise Refusal(Code.DUPLICATE_ID, "a place is named twice", where="places", remedy="Name each place once.")
    pairs = frozenset((link.source, link.target) for link in links)
    if len(pairs) != len(links):
        what = "two links join the same places in the same direction"
        raise Refusal(Code.DUPLICATE_ID, what, where="links", remedy="Join them into one.")
    for link in links:
        if link.source not in known or link.target not in known:
            what = f"the link {link.source} to {link.target} leads to no place of the session"
            raise Refusal(Code.UNKNOWN_PLACE, what, where="links", remedy="Name both ends among the places.")
        if link.source == link.target:
            raise Refusal(
                Code.SELF_LOOP, f"the link at {link.source} leads nowhere", where="links", remedy="Leave it out."
            )


# --- Phases ---------------------------------------------------------------------------------------------------------

CHANGING: Final[tuple[Phase, ...]] = ("announced", *control.STANDING)
"""The phases that a command may lead out of."""
_COLLECTING: Final = MappingProxyType(
    {
        "announced": ("collecting", "cancelled"),
        "collecting": ("halted", "cancelled"),
        "halted": ("collecting", "cancelled"),
    }
)
_CONTINUOUS: Final = MappingProxyType(
    {
        "announced": ("call", "continuous", "cancelled"),
        "call": ("continuous", "halted", "cancelled"),
        "continuous": ("call", "halted", "cancelled"),
        "halted": ("call", "cancelled"),
    }
)
"""From which phase a command may lead to which; closing, clearing and publishing have commands of their own."""


def ways_of(session: Session) -> tuple[Phase, ...]:
    """Return the phases into which a command may lead a session from where it is."""
    ways = _CONTINUOUS if session.opened.kind == "continuous" else _COLLECTING
    found: tuple[Phase, ...] = ways.get(session.phase, ())  # type: ignore[assignment]  # the words are phases
    return found


def _change_phase(state: State, command: ChangePhase) -> Decision:
    session = session_in(state, command.session_id, *CHANGING)
    if command.phase not in ways_of(session):
        what = f"a {session.opened.kind} session that is {session.phase} does not become {command.phase}"
        remedy = f"It may become {' or '.join(ways_of(session))}, or end with its window."
        raise Refusal(Code.WRONG_PHASE, what, where="phase", remedy=remedy)
    if command.phase != "cancelled":
        orders.check_window(session.opened, command.at_ns)
        bounding.check_may_reopen(state, session, command.at_ns)
        control.check_may_clear(state, session)
    return changed(state, session, command.phase, command.reason, command.at_ns)


def changed(state: State, session: Session, phase: Phase, reason: str, at_ns: int) -> Decision:
    """Say what follows when a session goes into another phase: what trades, what is taken back, and the phase."""
    event = PhaseChanged(session.opened.session_id, phase, reason, at_ns)
    if phase == "cancelled":
        gone = orders.cancelled_of(session, None, f"session cancelled: {reason}")
        # What has traded stays traded and is summed up; the price of a session that was broken off moves nothing.
        summed = msgspec.structs.replace(ended(state, session, at_ns), reference_moved=False)
        return (*gone, event, summed) if session.statistics.trades else (*gone, event)
    if session.phase == "call" and phase == "continuous":
        return (*_uncrossed(state, session, at_ns), event)
    return (event,)


def _uncrossed(state: State, session: Session, at_ns: int) -> Decision:
    """End a call within the session's bounds; say what follows where one of them stops it."""
    bounds = bounding.as_bounds(bounding.bounds(state, session, at_ns))
    outcome = trading.uncrossed(state, session, at_ns, bounds)
    return (*outcome.events, *bounding.call_stopped(state, session, outcome, at_ns))


def _close_session(state: State, command: CloseSession) -> Decision:
    session = session_in(state, command.session_id, *control.STANDING)
    if command.at_ns < session.opened.closes_at_ns:
        what = "the session's window is still open"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="at_ns", remedy="Close it when its window has ended.")
    if session.opened.kind == "network":
        return (SessionClosed(command.session_id, WINDOW_ENDED),)
    closed = PhaseChanged(command.session_id, "closed", WINDOW_ENDED, command.at_ns)
    if session.opened.kind != "continuous":
        auctions.check_may_close(state, session)
        return (closed,)
    traded = _uncrossed(state, session, command.at_ns) if session.phase == "call" else ()
    return (*traded, *_ending(state, session, traded, closed, command.at_ns))


def _ending(
    state: State, session: Session, traded: Decision, last: PhaseChanged, at_ns: int
) -> Iterator[PhaseChanged | OrderExpired | SessionEnded]:
    """Let what is left of the orders expire, change the phase, and sum the session up."""
    session = orders.after(session, traded)
    for _, order in sorted(session.orders.items()):
        yield OrderExpired(order.session_id, order.order_id)
    yield last
    yield ended(state, session, at_ns)


def ended(state: State, session: Session, at_ns: int) -> SessionEnded:
    """Return the end of a session over one instrument, with its statistics and whether they move the reference."""
    found = session.statistics
    return SessionEnded(
        session_id=session.opened.session_id,
        at_ns=at_ns,
        statistics=found,
        weighted_average_tenge_per_tonne=weighted_average_of(found),
        reference_moved=pricing.moves_reference(session.opened, found.volume_lots, rules_in_force(state, at_ns)),
    )


def weighted_average_of(statistics: Statistics) -> int | None:
    """Return the average price of all trades weighted by lots, rounded half up; None where nothing traded."""
    return divide(statistics.turnover, statistics.volume_lots) if statistics.volume_lots else None


def _clear_session(state: State, command: ClearSession) -> Decision:
    session = session_in(state, command.session_id, "closed")
    control.check_may_clear(state, session)
    if session.opened.kind == "network":
        return _clear_network(state, command, session)
    if session.opened.kind == "continuous":
        what = "a continuous session has traded already"
        raise Refusal(Code.NOT_SUPPORTED, what, where="session_id", remedy="Publish it with PublishSession.")
    if session.opened.kind == "standard":
        return _clear_auction(state, command, session)
    cleared = PhaseChanged(command.session_id, "cleared", "the price is found", command.at_ns)
    traded = _uncrossed(state, session, command.at_ns)
    return (*traded, *_ending(state, session, traded, cleared, command.at_ns))


def _clear_auction(state: State, command: ClearSession, session: Session) -> Decision:
    if command.session_id not in session.numbers:
        last = PhaseChanged(command.session_id, "cancelled", INITIATOR_GONE, command.at_ns)
        return tuple(_ending(state, session, (), last, command.at_ns))
    result = auctions.result_of(state, session)
    traded = tuple(auctions.awarded(state, session, result, command.at_ns))
    phase: Phase = "cleared" if result.status != "void" else "cancelled"
    last = PhaseChanged(command.session_id, phase, result.why().text, command.at_ns)
    return (*traded, *_ending(state, session, traded, last, command.at_ns))


def _clear_network(state: State, command: ClearSession, session: Session) -> Decision:
    rules, standing = rules_in_force(state, command.at_ns), ordered(session.orders)
    cleared = pricing.clear_session(
        session.opened,
        standing,
        rules,
        left_out=control.left_out(state, session),
        caps=caps(state, session, rules),
        highest_bid=parity.highest_bid(state, None, rules),
    )
    return (cleared, SessionEnded(command.session_id, command.at_ns, reference_moved=cleared.reference_moved))


def _publish_session(state: State, command: PublishSession) -> Decision:
    session = session_in(state, command.session_id, "closed", "cleared")
    opened, found = session.opened, session.statistics
    if opened.instrument is None or (opened.kind == "continuous") != (session.phase == "closed"):
        what = f"a {opened.kind} session that is {session.phase} has no statistics to publish"
        remedy = "Clear it first; the prices of a network session are published with PublishPrices."
        raise Refusal(Code.WRONG_PHASE, what, where="session_id", remedy=remedy)
    version = rules_in_force(state, command.at_ns).version
    band = bounding.band_of(state, session)
    published = SessionPublished(
        session_id=command.session_id,
        day=opened.day,
        instrument=opened.instrument,
        statistics=found,
        weighted_average_tenge_per_tonne=weighted_average_of(found),
        rulebook_version=version,
        limits=band.acted,
        uncapped_average_tenge_per_tonne=uncapped_average(band, found) if band.kept_lots else None,
    )
    return (published,)


# --- Folding --------------------------------------------------------------------------------------------------------


def _session_opened(state: State, event: SessionOpened) -> State:
    carriage = Map(pricing.cheapest_carriage(event.places, event.links))
    session = Session(event, event.phase, Map(), Map(), carriage)
    if event.kind in {"call", "continuous"}:
        session = msgspec.structs.replace(session, book=EMPTY)
    if event.standard is not None and event.standard.format == "open":
        session = msgspec.structs.replace(session, rounds=((),))
    return with_session(state, session)


def _phase_changed(state: State, event: PhaseChanged) -> State:
    return in_phase(state, event.session_id, event.phase)


def _session_closed(state: State, event: SessionClosed) -> State:
    return in_phase(state, event.session_id, "closed")


def _session_cleared(state: State, event: SessionCleared) -> State:
    session = state.sessions[event.session_id]
    state = with_session(state, msgspec.structs.replace(session, phase="cleared", cleared=event))
    if event.average_ex_works_tenge_per_tonne is None or not event.reference_moved:
        return state
    return msgspec.structs.replace(state, reference_tenge_per_tonne=event.average_ex_works_tenge_per_tonne)


def _session_ended(state: State, event: SessionEnded) -> State:
    session = state.sessions[event.session_id]
    state = with_session(state, msgspec.structs.replace(session, ended_at_ns=event.at_ns))
    code, average = session.opened.instrument, event.weighted_average_tenge_per_tonne
    if code is None or average is None or not event.reference_moved:
        return state
    references = state.market.references.insert(code, average)
    return msgspec.structs.replace(state, market=msgspec.structs.replace(state.market, references=references))


def _session_published(state: State, event: SessionPublished) -> State:
    return in_phase(state, event.session_id, "published")


def _traded(state: State, event: Traded) -> State:
    session = orders.traded(state.sessions[event.session_id], event)
    return msgspec.structs.replace(
        state,
        sessions=state.sessions.insert(event.session_id, session),
        market=msgspec.structs.replace(state.market, trades=state.market.trades + 1),
    )


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            OpenSession: ("operator",),
            ChangePhase: ("operator",),
            CloseSession: ("operator",),
            ClearSession: ("operator",),
            PublishSession: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            OpenSession: _open_session,
            ChangePhase: _change_phase,
            CloseSession: _close_session,
            ClearSession: _clear_session,
            PublishSession: _publish_session,
        }
    ),
    evolvers=MappingProxyType(
        {
            SessionOpened: _session_opened,
            PhaseChanged: _phase_changed,
            Traded: _traded,
            SessionClosed: _session_closed,
            SessionCleared: _session_cleared,
            SessionEnded: _session_ended,
            SessionPublished: _session_published,
        }
    ),
)
