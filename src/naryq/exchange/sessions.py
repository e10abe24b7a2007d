"""Sessions: how they open, close and find their prices."""

from types import MappingProxyType
from typing import Final

import msgspec
from rpds import HashTrieMap

from naryq import limits, pricing
from naryq.exchange import control
from naryq.exchange.state import Session, State, in_phase, ordered, with_session
from naryq.exchange.topic import Decision, Topic, rules_in_force, session_in
from naryq.messages import (
    ClearSession,
    CloseSession,
    Code,
    Day,
    LedgerPosted,
    Link,
    OpenSession,
    Place,
    Refusal,
    SessionCleared,
    SessionClosed,
    SessionOpened,
)
from naryq.rulebook import InForce
from naryq.units import INT64_MAX, instant_ns


def _open_session(state: State, command: OpenSession) -> Decision:
    rules = rules_in_force(state, command.at_ns, command.day)
    if command.session_id in state.sessions:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"session {command.session_id!r} exists already",
            where="session_id",
            remedy="Choose another identifier.",
        )
    _check_network(command.places, command.links)
    opens_at_ns, closes_at_ns = _window(rules, command)
    if command.at_ns >= closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the window of {command.day} has passed",
            where="day",
            remedy="Open the session before its window ends.",
        )
    bounds = limits.collar(state.reference_tenge_per_tonne, rules.integer("collar_rise"), rules.integer("collar_fall"))
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
        reference_tenge_per_tonne=state.reference_tenge_per_tonne,
        collar_lowest_tenge_per_tonne=bounds.lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=bounds.highest_tenge_per_tonne,
        rulebook_version=rules.version,
    )
    return (opened,)


def _window(rules: InForce, command: OpenSession) -> tuple[int, int]:
    rule = f"session_window_{command.window}"
    clock = rules.text(rule) if command.window in {"plan", "other"} else None
    if clock is None:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the rulebook has no window {command.window!r}",
            where="window",
            remedy="Use `plan` or `other`.",
        )
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
    return Refusal(
        Code.OUT_OF_RANGE,
        f"{day} is no day of the calendar before April 2262, where the venue's clock ends",
        where="day",
        remedy="Give the day of the session, such as 2022-01-31.",
    )


def _check_network(places: tuple[Place, ...], links: tuple[Link, ...]) -> None:
    names = [place.place for place in places]
    known = frozenset(names)
    if len(known) != len(names):
        raise Refusal(Code.DUPLICATE_ID, "a place is named twice", where="places", remedy="Name each place once.")
    pairs = frozenset((link.source, link.target) for link in links)
    if len(pairs) != len(links):
        raise Refusal(
            Code.DUPLICATE_ID,
            "two links join the same places in the same direction",
            where="links",
            remedy="Join them into one.",
        )
    for link in links:
        if link.source not in known or link.target not in known:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"the link {link.source} to {link.target} leads to no place of the session",
                where="links",
                remedy="Name both ends among the places.",
            )
        if link.source == link.target:
            raise Refusal(
                Code.SELF_LOOP, f"the link at {link.source} leads nowhere", where="links", remedy="Leave it out."
            )


def _close_session(state: State, command: CloseSession) -> Decision:
    session = session_in(state, command.session_id, "collecting")
    if command.at_ns < session.opened.closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            "the session's window is still open",
            where="at_ns",
            remedy="Close it when its window has ended.",
        )
    return (SessionClosed(command.session_id),)


def _clear_session(state: State, command: ClearSession) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    session = session_in(state, command.session_id, "closed")
    control.check_may_clear(state, session)
    left_out = control.left_out(state, session)
    cleared = pricing.clear_session(session.opened, ordered(session.orders), rules, left_out)
    postings = pricing.settle(session.opened, ordered(session.orders), cleared)
    return (cleared, LedgerPosted(f"settlement of {command.session_id}", postings))


def _session_opened(state: State, event: SessionOpened) -> State:
    carriage = HashTrieMap(pricing.cheapest_carriage(event.places, event.links))
    return with_session(state, Session(event, "collecting", HashTrieMap(), HashTrieMap(), carriage))


def _session_closed(state: State, event: SessionClosed) -> State:
    return in_phase(state, event.session_id, "closed")


def _session_cleared(state: State, event: SessionCleared) -> State:
    session = state.sessions[event.session_id]
    state = with_session(state, msgspec.structs.replace(session, phase="cleared", cleared=event))
    if event.average_ex_works_tenge_per_tonne is None:
        return state
    return msgspec.structs.replace(state, reference_tenge_per_tonne=event.average_ex_works_tenge_per_tonne)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            OpenSession: ("operator",),
            CloseSession: ("operator",),
            ClearSession: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            OpenSession: _open_session,
            CloseSession: _close_session,
            ClearSession: _clear_session,
        }
    ),
    evolvers=MappingProxyType(
        {
            SessionOpened: _session_opened,
            SessionClosed: _session_closed,
            SessionCleared: _session_cleared,
        }
    ),
)
