"""Additional sessions on a seller's request, in the pattern of the real platform.

Two sessions restricted to a region; if these bring no deals, three for the whole Republic; the base price is the last
weighted average (ETS announcements of 28 May, 21 July and 24 September 2021). Which of the announced sessions are not
held after all is decided when a session of the series ends, by an event with its reason.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange import calendar, instruments, sessions
from naryq.exchange.state import Session, State, with_session
from naryq.exchange.topic import Decision, Topic, rules_in_force
from naryq.messages import (
    REPUBLIC,
    BasePriceSet,
    Code,
    Day,
    OpenSession,
    PhaseChanged,
    Refusal,
    ScheduleSessions,
    SessionEnded,
    SessionOpened,
    SessionsScheduled,
)
from naryq.rulebook import InForce

REGIONAL, REPUBLICAN = 2, 3
"""How many sessions are restricted to the region, and how many follow for the Republic, where no rule says it."""
LAST_AVERAGE: Final = "last weighted average price"
ID_LENGTH_MAX: Final = 60
"""An identifier of a session is that of its series with a number."""


def _schedule_sessions(state: State, command: ScheduleSessions) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    _check_request(state, command, rules)
    base, source = _base_price(state, command)
    regional = _count(rules, "series_regional_sessions", REGIONAL)
    count = regional + _count(rules, "series_republic_sessions", REPUBLICAN)
    days = calendar.trading_days(state, command.first_day, count)
    codes = [command.instrument] * regional + [command.fallback_instrument] * (count - regional)
    opened = tuple(
        sessions.around(_session(state, command, number, day, code), base, rules_in_force(state, command.at_ns, day))
        for number, (day, code) in enumerate(zip(days, codes, strict=True), 1)
    )
    scheduled = SessionsScheduled(
        series_id=command.series_id,
        requested_by=command.requested_by,
        session_ids=tuple(session.session_id for session in opened),
        fallback_from=regional,
        quantity_lots=command.quantity_lots,
        base_price_tenge_per_tonne=base,
        base_source=source,
        rulebook_version=rules.version,
    )
    return (scheduled, *opened)


def _count(rules: InForce, rule: str, otherwise: int) -> int:
    given = rules.integer(rule)
    return otherwise if given is None else given


def _check_request(state: State, command: ScheduleSessions, rules: InForce) -> None:
    calendar.check_day(command.first_day, "first_day")
    if int(command.first_day[:4]) > calendar.LAST_YEAR:
        what, remedy = f"{command.first_day} is beyond the venue's clock", f"Give a day up to {calendar.LAST_YEAR}."
        raise Refusal(Code.OUT_OF_RANGE, what, where="first_day", remedy=remedy)
    if command.series_id in state.market.series:
        what = f"series {command.series_id!r} exists already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="series_id", remedy="Choose another identifier.")
    if len(command.series_id) > ID_LENGTH_MAX:
        what = "the identifier leaves no room for the numbers of its sessions"
        raise Refusal(Code.OUT_OF_RANGE, what, where="series_id", remedy=f"Give at most {ID_LENGTH_MAX} letters.")
    if command.requested_by not in state.participants:
        what = f"nobody is admitted as {command.requested_by!r}"
        remedy = "Name the seller who asks for the sessions."
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="requested_by", remedy=remedy)
    role, sellers = state.participants[command.requested_by].role, rules.words("who_may_sell")
    if role not in sellers:
        what, remedy = f"a {role} has nothing to sell", f"The rule who_may_sell admits {', '.join(sellers)}."
        raise Refusal(Code.NOT_PERMITTED, what, where="requested_by", remedy=remedy)
    regional = instruments.listed(state, command.instrument)
    fallback = instruments.listed(state, command.fallback_instrument, "fallback_instrument")
    if fallback.delivery_region != REPUBLIC or (regional.plant, regional.product) != (fallback.plant, fallback.product):
        what = f"{fallback.code} is not the same product of the same plant for the whole Republic"
        remedy = f"Name an instrument of {regional.plant} with the delivery region {REPUBLIC}."
        raise Refusal(Code.OUT_OF_RANGE, what, where="fallback_instrument", remedy=remedy)


def _base_price(state: State, command: ScheduleSessions) -> tuple[int, str]:
    """Return the base price and where it comes from: the last weighted average, or what the command states."""
    last = state.market.references.get(command.instrument)
    if last is None:
        last = state.market.references.get(command.fallback_instrument)
    if last is not None:
        return last, LAST_AVERAGE
    if command.base_price_tenge_per_tonne is None or not command.base_source:
        what = f"neither {command.instrument} nor {command.fallback_instrument} has a last weighted average price"
        remedy = "State a base price, and in base_source where it comes from."
        raise Refusal(Code.NO_PRICE, what, where="base_price_tenge_per_tonne", remedy=remedy)
    return command.base_price_tenge_per_tonne, command.base_source


def _session(state: State, command: ScheduleSessions, number: int, day: Day, code: str) -> SessionOpened:
    asked = OpenSession(
        command_id=command.command_id,
        actor=command.actor,
        at_ns=command.at_ns,
        session_id=f"{command.series_id}-{number}",
        day=day,
        window=command.window,
        delivery_month=command.delivery_month,
        kind="continuous",
        instrument=code,
    )
    opened = sessions.opening(state, asked, rules_in_force(state, command.at_ns, day))
    return msgspec.structs.replace(opened, phase="announced", series_id=command.series_id)


# --- What follows from the end of one -------------------------------------------------------------------------------


def _session_ended(state: State, event: SessionEnded) -> Decision:
    """Cancel the sessions of a series that are not needed any more, and give the others their base price."""
    gone = _not_needed(state, event)
    return (*gone, *_based(state, event, frozenset(each.session_id for each in gone)))


def _based(state: State, event: SessionEnded, gone: frozenset[str]) -> Iterator[BasePriceSet]:
    """Let the average of a session be the base price of all that are announced over its instrument, or its series'."""
    average, code = event.weighted_average_tenge_per_tonne, state.sessions[event.session_id].opened.instrument
    if average is None or not event.reference_moved:
        return
    for _, series in sorted(state.market.series.items()):
        held = [state.sessions[name] for name in series.session_ids]
        if any(session.opened.instrument == code for session in held):
            for session in held:
                opened = session.opened
                moves = average != opened.reference_tenge_per_tonne
                if moves and session.phase == "announced" and opened.session_id not in gone:
                    rules = rules_in_force(state, event.at_ns, opened.day)
                    yield _base_price_set(sessions.around(opened, average, rules), average, event.session_id, rules)


def _base_price_set(opened: SessionOpened, average: int, average_of: str, rules: InForce) -> BasePriceSet:
    return BasePriceSet(
        session_id=opened.session_id,
        average_of=average_of,
        reference_tenge_per_tonne=average,
        collar_lowest_tenge_per_tonne=opened.collar_lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=opened.collar_highest_tenge_per_tonne,
        rulebook_version=rules.version,
    )


def _phase_changed(state: State, event: PhaseChanged) -> Decision:
    """Cancel the sessions for the Republic too where the region's last one is called off and brought deals before."""
    series_id = state.sessions[event.session_id].opened.series_id
    if event.phase != "cancelled" or series_id is None:
        return ()
    series = state.market.series[series_id]
    # Whatever a series cancels by itself needs no second look: its lots are sold, or it is one for the Republic.
    sold = sum(state.sessions[name].statistics.volume_lots for name in series.session_ids)
    regional = event.session_id in series.session_ids[: series.fallback_from]
    return _not_needed(state, event) if regional and sold < series.quantity_lots else ()


def _not_needed(state: State, event: SessionEnded | PhaseChanged) -> tuple[PhaseChanged, ...]:
    series_id = state.sessions[event.session_id].opened.series_id
    if series_id is None:
        return ()
    series = state.market.series[series_id]
    held = [state.sessions[name] for name in series.session_ids]
    sold = sum(session.statistics.volume_lots for session in held)
    regional = sum(session.statistics.volume_lots for session in held[: series.fallback_from])
    if sold >= series.quantity_lots:
        return tuple(_cancelled(held, f"the {series.quantity_lots} lots of the series are sold", event.at_ns))
    if regional and not any(_is_ahead(session) for session in held[: series.fallback_from]):
        return tuple(_cancelled(held, "the sessions for the region have brought deals", event.at_ns))
    return ()


def _is_ahead(session: Session) -> bool:
    return session.phase not in {"closed", "cleared", "published", "cancelled"}


def _cancelled(held: list[Session], reason: str, at_ns: int) -> Iterator[PhaseChanged]:
    for session in held:
        if session.phase == "announced":
            yield PhaseChanged(session.opened.session_id, "cancelled", reason, at_ns)


def _sessions_scheduled(state: State, event: SessionsScheduled) -> State:
    series = state.market.series.insert(event.series_id, event)
    return msgspec.structs.replace(state, market=msgspec.structs.replace(state.market, series=series))


def rebased(opened: SessionOpened, event: BasePriceSet) -> SessionOpened:
    """Return the terms of a session with another base price and its collar."""
    return msgspec.structs.replace(
        opened,
        reference_tenge_per_tonne=event.reference_tenge_per_tonne,
        collar_lowest_tenge_per_tonne=event.collar_lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=event.collar_highest_tenge_per_tonne,
    )


def _base_set(state: State, event: BasePriceSet) -> State:
    session = state.sessions[event.session_id]
    return with_session(state, msgspec.structs.replace(session, opened=rebased(session.opened, event)))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            ScheduleSessions: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            ScheduleSessions: _schedule_sessions,
        }
    ),
    evolvers=MappingProxyType(
        {
            SessionsScheduled: _sessions_scheduled,
            BasePriceSet: _base_set,
        }
    ),
    followers=MappingProxyType(
        {
            SessionEnded: (_session_ended,),
            PhaseChanged: (_phase_changed,),
        }
    ),
)
