"""The stop: who may suspend trading, how far it reaches, and what becomes of the orders that stand.

In January 2022 the ministry "could not promptly react and suspend the trading" (the President, 05.01.2022). Here one
command does, and no order that comes after it is taken: the check of the stop runs on the state that the command left.
"""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from naryq.exchange.limits_state import NO_BAND
from naryq.exchange.state import Session, State, ordered
from naryq.exchange.topic import Asked, Decision, Topic, is_regulator, may_undo, region_of, rules_in_force
from naryq.messages import (
    Code,
    OrderCancelled,
    Phase,
    PhaseChanged,
    Refusal,
    Resting,
    ResumeTrading,
    StopTrading,
    SubmitOrder,
    TradingResumed,
    TradingStopped,
)
from naryq.rulebook import InForce

WHOLE: Final = "venue"
"""The target of a stop that names none."""
STANDING: Final[tuple[Phase, ...]] = ("collecting", "call", "continuous", "halted")
"""The phases in which orders stand that may still trade."""
Places: TypeAlias = "tuple[str | None, ...]"
"""Where an order stands and where it is to be delivered."""


def _stop_trading(state: State, command: StopTrading) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    _check_may_stop(state, command, rules)
    _check_target(state, command, rules)
    stands = state.stops.get((command.scope, command.target))
    if stands is not None and (is_regulator(state, stands.actor) or not is_regulator(state, command.actor)):
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"trading of {_named(command.scope, command.target)} is stopped already",
            where="target",
            remedy="Resume it first, to stop it for another reason.",
        )
    stopped = TradingStopped(
        scope=command.scope,
        target=command.target,
        reason=command.reason,
        resting=_resting(command, rules),
        actor=command.actor,
        at_ns=command.at_ns,
        rulebook_version=rules.version,
    )
    return (stopped, *_cancelled(state, stopped), *_halted(state, stopped))


def _check_may_stop(state: State, command: StopTrading | ResumeTrading, rules: InForce) -> None:
    may = rules.value("who_may_stop")
    roles = may.value if may is not None and isinstance(may.value, tuple) else ()
    role = state.participants[command.actor].role
    if role not in roles:
        raise Refusal(
            Code.NOT_PERMITTED,
            f"a {role} may not stop trading under the rulebook {rules.rulebook.name}",
            where="who_may_stop",
            remedy=f"It admits {', '.join(roles)}." if roles else "It lets nobody: adopt a rulebook that does.",
        )


def _check_target(state: State, command: StopTrading, rules: InForce) -> None:
    scope, target = command.scope, command.target
    known = {
        "venue": target == WHOLE,
        "session": target in state.sessions,
        "instrument": target in state.market.instruments,
        "region": target in rules.words("provinces"),
        "participant": target in state.participants,
    }
    codes = {
        "session": Code.UNKNOWN_SESSION,
        "instrument": Code.UNKNOWN_INSTRUMENT,
        "region": Code.UNKNOWN_PLACE,
        "participant": Code.UNKNOWN_PARTICIPANT,
    }
    if not known[scope]:
        raise Refusal(
            codes.get(scope, Code.OUT_OF_RANGE),
            f"there is no {scope} {target!r}",
            where="target",
            remedy=f"Name a {scope} of the venue." if scope != "venue" else f"Leave the target out, or say {WHOLE}.",
        )


def _resting(command: StopTrading, rules: InForce) -> Resting:
    """Return what becomes of standing orders: a participant's are always cancelled, others by the rule, else kept."""
    rule = rules.value("stop_orders")
    cancels = command.scope == "participant" or (rule is not None and rule.value == "cancel")
    return "cancel" if cancels else "keep"


def _cancelled(state: State, stopped: TradingStopped) -> Iterator[OrderCancelled]:
    """Cancel what the stop reaches, session by session, each in the order of arrival."""
    if stopped.resting == "keep":
        return
    for _, session in sorted(state.sessions.items()):
        for order in ordered(session.orders) if session.phase in STANDING else ():
            if reaches(state, stopped, session, order.participant_id, (order.place, order.delivery)):
                yield OrderCancelled(order.session_id, order.order_id, f"trading stopped: {stopped.reason}")


def _halted(state: State, stopped: TradingStopped) -> Iterator[PhaseChanged]:
    """Halt every session that trades in a book and that the stop reaches as a whole."""
    for session_id, session in sorted(state.sessions.items()):
        if session.phase in ("call", "continuous") and reaches_all(state, stopped, session):
            yield PhaseChanged(session_id, "halted", f"trading stopped: {stopped.reason}", stopped.at_ns)


def _resume_trading(state: State, command: ResumeTrading) -> Decision:
    _check_may_stop(state, command, rules_in_force(state, command.at_ns))
    stop = state.stops.get((command.scope, command.target))
    if stop is None:
        raise Refusal(
            Code.NOT_STOPPED,
            f"trading of {_named(command.scope, command.target)} is not stopped",
            where="target",
            remedy="Name the scope and the target of a stop as they were given.",
        )
    if not may_undo(state, command.actor, stop.actor):
        raise Refusal(
            Code.NOT_PERMITTED,
            f"the regulator {stop.actor!r} has stopped {_named(command.scope, command.target)}: {stop.reason}",
            where="target",
            remedy="Ask the regulator to resume it.",
        )
    resumed = TradingResumed(command.scope, command.target, command.reason, command.actor, command.at_ns)
    return (resumed, *_reopened(state, command))


def _reopened(state: State, command: ResumeTrading) -> Iterator[PhaseChanged]:
    """Reopen in a call what this stop alone has kept halted; a limit's halt goes on for its own time."""
    lifted = state.stops[command.scope, command.target]
    others = [stop for key, stop in sorted(state.stops.items()) if key != (command.scope, command.target)]
    for session_id, session in sorted(state.sessions.items()):
        until_ns = state.limits.bands.get(session_id, NO_BAND).halted_until_ns
        if (
            session.phase == "halted"
            and session.opened.kind == "continuous"
            and reaches_all(state, lifted, session)
            and not any(reaches_all(state, stop, session) for stop in others)
            and (until_ns is None or command.at_ns >= until_ns)
        ):
            yield PhaseChanged(session_id, "call", f"trading resumed: {command.reason}", command.at_ns)


def _named(scope: str, target: str) -> str:
    return "the venue" if scope == "venue" else f"{scope} {target!r}"


# --- What a stop reaches ----------------------------------------------------------------------------------------


def _reaches(stop: TradingStopped, session: Session, participant_id: str, places: Places) -> bool:
    """Say the same by the session's own terms, without what is known of its instrument."""
    return {
        "venue": True,
        "session": stop.target == session.opened.session_id,
        "instrument": stop.target == session.opened.instrument,
        "region": stop.target in (*places, session.opened.region),
        "participant": stop.target == participant_id,
    }[stop.scope]


def reaches(state: State, stop: TradingStopped, session: Session, participant_id: str, places: Places) -> bool:
    """Say whether a stop reaches an order of a participant at a place of a session, or delivered there."""
    return reaches_all(state, stop, session) or _reaches(stop, session, participant_id, places)


def reaches_all(state: State, stop: TradingStopped, session: Session) -> bool:
    """Say whether a stop reaches every order of a session."""
    if stop.scope == "region":
        return stop.target == region_of(state, session)
    return stop.scope != "participant" and _reaches(stop, session, "", ())


def stop_on(state: State, session: Session, participant_id: str, places: Places) -> TradingStopped | None:
    """Return the first stop that reaches an order of a participant at a place of a session, or None."""
    stops = (stop for _, stop in sorted(state.stops.items()))
    return next((stop for stop in stops if reaches(state, stop, session, participant_id, places)), None)


def check_not_stopped(asked: Asked) -> None:
    """Refuse an order (TRADING_STOPPED) that a stop reaches."""
    check_order(asked.state, asked.command)


def check_order(state: State, command: SubmitOrder) -> None:
    """Refuse an order that a stop reaches before its session is looked at: it may be halted by that very stop."""
    session = state.sessions.get(command.session_id) if len(state.stops) else None
    if session is None:
        return
    stop = stop_on(state, session, command.actor, (command.place, command.delivery))
    if stop is not None:
        raise _stopped(stop, "Wait until it is resumed.")


def check_may_clear(state: State, session: Session) -> None:
    """Refuse to clear or to reopen (TRADING_STOPPED) what is stopped as a whole."""
    for _, stop in sorted(state.stops.items()):
        if reaches_all(state, stop, session):
            raise _stopped(stop, "Resume it first, then clear.")


def _stopped(stop: TradingStopped, remedy: str) -> Refusal:
    what = f"trading of {_named(stop.scope, stop.target)} is stopped: {stop.reason}"
    return Refusal(Code.TRADING_STOPPED, what, where=stop.scope, remedy=remedy)


def left_out(state: State, session: Session) -> frozenset[str]:
    """Return the identifiers of the standing orders that a stop of a region or participant keeps out of a clearing."""
    if not len(state.stops):
        return frozenset()
    return frozenset(
        order.order_id
        for order in ordered(session.orders)
        if stop_on(state, session, order.participant_id, (order.place, order.delivery)) is not None
    )


# --- Folding ----------------------------------------------------------------------------------------------------


def _trading_stopped(state: State, event: TradingStopped) -> State:
    return msgspec.structs.replace(state, stops=state.stops.insert((event.scope, event.target), event))


def _trading_resumed(state: State, event: TradingResumed) -> State:
    return msgspec.structs.replace(state, stops=state.stops.remove((event.scope, event.target)))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            StopTrading: ("operator", "regulator"),
            ResumeTrading: ("operator", "regulator"),
        }
    ),
    deciders=MappingProxyType(
        {
            StopTrading: _stop_trading,
            ResumeTrading: _resume_trading,
        }
    ),
    evolvers=MappingProxyType(
        {
            TradingStopped: _trading_stopped,
            TradingResumed: _trading_resumed,
        }
    ),
)
