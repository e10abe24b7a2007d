"""The two keys: of the network, and of each instrument, turned or turned back by what a session came to.

The network's average is one over the whole Republic, so its limit binds every order of the venue; an instrument's
binds the orders over it. The arithmetic stands in `naryq.limits.parity`, and what a session comes to in
docs/reference/limits.md.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq import limits
from naryq.exchange.state import State
from naryq.exchange.topic import Asked, Decision, Topic, may_undo, rules_in_force
from naryq.messages import (
    Code,
    KeysCounted,
    LimitLifted,
    LimitReached,
    ParityReported,
    Refusal,
    ReportParity,
    SessionCleared,
    SessionEnded,
)
from naryq.rulebook import InForce
from naryq.units import days_between, is_day

NETWORK: Final = ""
"""What the network's keys go by: no instrument has this code."""
VENUE: Final = "venue"
"""Whom the network's limit binds."""
PER_TONNE: Final = "tenge_per_tonne"
NO_LOCK: Final = limits.Lock()


# --- What the keys bind -----------------------------------------------------------------------------------------


def lock_of(state: State, instrument: str | None) -> limits.Lock:
    """Return where an instrument's keys stand, or the network's (None)."""
    return state.limits.locks.get(instrument or NETWORK, NO_LOCK)


def highest_bid(state: State, instrument: str | None, rules: InForce) -> int | None:
    """Return the most, carriage apart, that the keys leave to a session's orders; None while none that reach it act."""
    parity = state.limits.parity
    if parity is None or (lock_of(state, None).acting is None and lock_of(state, instrument).acting is None):
        return None
    keys = _keys(rules)
    return None if keys is None else limits.bid_limit(parity.parity_tenge_per_tonne, keys)


def check_parity(asked: Asked) -> None:
    """Refuse a price above what the two keys allow while they act (PRICE_ABOVE_PARITY).

    A market order counts at the worst price at which its session lets it trade.
    """
    highest = highest_bid(asked.state, asked.session.opened.instrument, asked.rules)
    if highest is None:
        return
    carriage = asked.session.carriage[asked.command.place]
    refused = limits.judge_parity(asked.command.price_tenge_per_tonne - carriage, highest, carriage)
    if refused is not None:
        raise refused


# --- What turns them --------------------------------------------------------------------------------------------


class _Came(NamedTuple):
    """What a session came to: over which instrument, its average ex-works price in tenge a tonne, and when."""

    session_id: str
    instrument: str | None
    average: int
    at_ns: int


def _session_cleared(state: State, event: SessionCleared) -> Decision:
    """Hold the average price of a network session against the network's keys."""
    average = event.average_ex_works_tenge_per_tonne
    if average is None or not event.reference_moved:
        return ()
    at_ns = state.sessions[event.session_id].opened.closes_at_ns
    return tuple(_turned(state, _Came(event.session_id, None, average, at_ns)))


def _session_ended(state: State, event: SessionEnded) -> Decision:
    """Hold the average price of a session over one instrument against that instrument's keys."""
    instrument, average = state.sessions[event.session_id].opened.instrument, event.weighted_average_tenge_per_tonne
    if instrument is None or average is None or not event.reference_moved:
        return ()
    return tuple(_turned(state, _Came(event.session_id, instrument, average, event.at_ns)))


def _turned(state: State, came: _Came) -> Iterator[KeysCounted | LimitReached | LimitLifted]:
    rules = rules_in_force(state, came.at_ns)
    keys = _keys(rules)
    if keys is None:
        return
    session_id, instrument, average, at_ns = came
    before, parity, subject = lock_of(state, instrument), _fresh_parity(state, rules, at_ns), instrument or VENUE
    lock = limits.turned(before, average, parity, keys)
    yield KeysCounted(session_id, average, parity, lock.turned, lock.failed, lock.acting, instrument)
    if before.acting is None and lock.acting is not None:
        assert parity is not None, "without a parity the second key does not turn"
        what = f"both keys have turned: no order above {limits.bid_limit(parity, keys)} tenge a tonne, carriage apart"
        yield LimitReached(limits.TWO_KEY, subject, average, keys.level, PER_TONNE, what, at_ns, session_id)
    if before.acting is not None and lock.acting is None:
        what = "a key no longer turns: orders are free again"
        yield LimitLifted(limits.TWO_KEY, subject, average, keys.level, PER_TONNE, what, at_ns)


def _keys(rules: InForce) -> limits.Keys | None:
    found = tuple(
        rules.integer(rule) for rule in (limits.TWO_KEY, "two_key_spread", "two_key_sessions", "two_key_stay")
    )
    level, spread, sessions, stay = found
    if level is None or spread is None or sessions is None or stay is None:
        return None
    return limits.Keys(level, spread, sessions, stay)


def _fresh_parity(state: State, rules: InForce, at_ns: int) -> int | None:
    """Return the export parity reported last, unless it is older than the rule allows."""
    parity, oldest = state.limits.parity, rules.integer("parity_age")
    if parity is None:
        return None
    age = days_between(parity.day, rules.rulebook.day(at_ns))
    return None if oldest is not None and age > oldest else parity.parity_tenge_per_tonne


def _report_parity(state: State, command: ReportParity) -> Decision:
    last = state.limits.parity
    today = rules_in_force(state, command.at_ns).rulebook.day(command.at_ns)
    if not is_day(command.day) or command.day > today or (last is not None and command.day < last.day):
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"{command.day} is no day between the last report and today",
            where="day",
            remedy="Report the parity of a day that has come, no earlier than the last one reported.",
        )
    _check_overrules(state, command)
    return (ParityReported(command.day, command.parity_tenge_per_tonne, command.source, command.actor),)


def _check_overrules(state: State, command: ReportParity) -> None:
    """Refuse (NOT_PERMITTED) to anybody but a regulator to replace what a regulator has reported and is not too old.

    A parity out of this world would turn the second key back, and lift the limit of both beyond any price.
    """
    last = state.limits.parity
    if last is None or may_undo(state, command.actor, last.actor):
        return
    if _fresh_parity(state, rules_in_force(state, command.at_ns), command.at_ns) is not None:
        what = f"the regulator {last.actor!r} has reported the parity of {last.day}"
        raise Refusal(Code.NOT_PERMITTED, what, where="day", remedy="Let the regulator report the next one too.")


# --- Folding ----------------------------------------------------------------------------------------------------


def _parity_reported(state: State, event: ParityReported) -> State:
    return msgspec.structs.replace(state, limits=msgspec.structs.replace(state.limits, parity=event))


def _keys_counted(state: State, event: KeysCounted) -> State:
    lock = limits.Lock(event.turned, event.failed, event.acting)
    locks = state.limits.locks.insert(event.instrument or NETWORK, lock)
    return msgspec.structs.replace(state, limits=msgspec.structs.replace(state.limits, locks=locks))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            ReportParity: ("operator", "regulator"),
        }
    ),
    deciders=MappingProxyType(
        {
            ReportParity: _report_parity,
        }
    ),
    evolvers=MappingProxyType(
        {
            ParityReported: _parity_reported,
            KeysCounted: _keys_counted,
        }
    ),
    followers=MappingProxyType(
        {
            SessionCleared: (_session_cleared,),
            SessionEnded: (_session_ended,),
        }
    ),
)
