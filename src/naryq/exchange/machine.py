"""The machine: the topics put together. How a command is judged, and how an event changes the state."""

from collections.abc import Mapping
from functools import reduce
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange import (
    auctions,
    bounding,
    calendar,
    control,
    instruments,
    limits,
    money,
    orders,
    parity,
    people,
    plans,
    pump,
    rulebooks,
    series,
    sessions,
    supply,
    surveillance,
)
from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Evolver, Folded, Topic
from naryq.messages import AdmitParticipant, AnyCommand, AnyEvent, Code, Entry, Refusal, Refused
from naryq.messages.basics import check_said

TOPICS: Final[tuple[Topic, ...]] = (
    people.TOPIC,
    rulebooks.TOPIC,
    plans.TOPIC,
    supply.TOPIC,
    instruments.TOPIC,
    calendar.TOPIC,
    limits.TOPIC,
    parity.TOPIC,
    bounding.TOPIC,
    sessions.TOPIC,
    auctions.TOPIC,
    series.TOPIC,
    orders.TOPIC,
    control.TOPIC,
    money.TOPIC,
    pump.TOPIC,
    surveillance.TOPIC,
)
"""Where several topics fold or follow one event, they do so in this order: limits see a session as it was before."""

_PERMITTED: Final = MappingProxyType({kind: roles for topic in TOPICS for kind, roles in topic.permitted.items()})
_DECIDERS: Final = MappingProxyType({kind: decider for topic in TOPICS for kind, decider in topic.deciders.items()})


def _in_turn(evolvers: tuple[Evolver, ...]) -> Evolver:
    """Return one evolver that lets each of these fold the event into its own part of the state."""
    if len(evolvers) == 1:
        return evolvers[0]

    def folded(state: State, event: AnyEvent) -> State:
        for evolver in evolvers:
            state = evolver(state, event)
        return state

    return folded


_EVOLVERS: Final[Mapping[type, Evolver]] = MappingProxyType({
    Refused: lambda state, _: state,
    **{
        kind: _in_turn(tuple(topic.evolvers[kind] for topic in TOPICS if kind in topic.evolvers))
        for kind in (kind for topic in TOPICS for kind in topic.evolvers)
    },
})  # fmt: skip
_WITNESSES: Final = MappingProxyType({code: witness for topic in TOPICS for code, witness in topic.witnesses.items()})
_FOLLOWERS: Final = MappingProxyType({
    kind: tuple(follower for topic in TOPICS for follower in topic.followers.get(kind, ()))
    for topic in TOPICS
    for kind in topic.followers
})  # fmt: skip
assert all(kind not in _FOLLOWERS and _EVOLVERS[kind] is evolver for kind, evolver in money.TOPIC.evolvers.items()), (
    "nobody follows the events of money or folds them, since `Steps` has folded them"
)
_WHILE_SUSPENDED: Final = frozenset(kind for topic in TOPICS for kind in topic.while_suspended)


def decide(state: State, command: AnyCommand) -> Decision:
    """Judge a command: the events that follow from it, or the event `Refused` alone, with its witness if it has one.

    The checks run in this order: time, permission, words to be read, rulebook, what is named exists, phase, values.
    """
    return decide_and_fold(state, command)[0]


def decide_and_fold(state: State, command: AnyCommand) -> tuple[Decision, State]:
    """Judge a command as `decide` does, and return also the state into which its events are folded.

    What follows from an event is judged on the state after it, so the fold is at hand. What follows stands right behind
    the event, before the next: so whoever follows sees all that has happened.
    """
    try:
        _check_time(state, command)
        _check_permission(state, command)
        check_said(command)
        events: list[AnyEvent] = []
        folded = _taken(state, _DECIDERS[type(command)](state, command), events)
    except Refusal as refusal:
        refused = Refused(code=refusal.code, what=refusal.what, where=refusal.where, remedy=refusal.remedy)
        witness = _WITNESSES.get(refusal.code)
        beside = () if witness is None else witness(state, command)
        return (refused, *beside), reduce(evolve, beside, state)
    return tuple(events), folded


def _followed(state: State, event: AnyEvent, events: list[AnyEvent]) -> State:
    """Write down an event and what follows from it, and return the state after all of it."""
    state = evolve(state, event)
    events.append(event)
    for follow in _FOLLOWERS.get(type(event), ()):
        state = _taken(state, follow(state, event), events)
    return state


def _taken(state: State, decision: Decision, events: list[AnyEvent]) -> State:
    """Write down a decision and what follows from it, and return the state after all of it."""
    if isinstance(decision, Folded):
        events.extend(decision)
        return decision.state
    for event in decision:
        state = _followed(state, event, events)
    return state


def evolve(state: State, event: AnyEvent) -> State:
    """Fold one event into the state; every event that `decide` made can be folded."""
    return _EVOLVERS[type(event)](state, event)


def apply(state: State, entry: Entry) -> State:
    """Fold one journal row: its events, and then `seal` it."""
    for event in entry.events:
        state = evolve(state, event)
    return seal(state, entry)


def seal(state: State, entry: Entry) -> State:
    """Finish a row whose events are folded: its time, and its command's identity, so that a retry finds its answer.

    A refused command leaves the venue's clock alone: else one with a time far ahead would stop everybody else.
    """
    assert entry.sequence == state.sequence + 1, "rows follow each other without a gap"
    return msgspec.structs.replace(
        state,
        sequence=entry.sequence,
        at_ns=state.at_ns if isinstance(entry.events[0], Refused) else entry.command.at_ns,
        commands=state.commands.insert(identity(entry.command.actor, entry.command.command_id), entry.sequence),
    )


def identity(actor: str, command_id: str) -> str:
    """Return what a command is known by: an identifier is its sender's own, so nobody can take another's first.

    No name has a line's end in it.
    """
    return f"{actor}\n{command_id}"


def sequence_of(state: State, actor: str, command_id: str) -> int | None:
    """Return the journal row that answered a sender's command, or None when it is new."""
    return state.commands.get(identity(actor, command_id))


def _check_time(state: State, command: AnyCommand) -> None:
    if command.at_ns < state.at_ns:
        raise Refusal(
            Code.TIME_BACKWARD,
            f"the command's time {command.at_ns} lies before the last one taken, {state.at_ns}",
            where="at_ns",
            remedy="Correct the sender's clock and send the command again.",
        )


def _check_permission(state: State, command: AnyCommand) -> None:
    actor = state.participants.get(command.actor)
    if actor is None:
        if isinstance(command, AdmitParticipant) and not len(state.participants):
            return people.check_founder(command)
        raise Refusal(
            Code.UNKNOWN_PARTICIPANT,
            f"nobody is admitted as {command.actor!r}",
            where="actor",
            remedy="Ask the operator for admission.",
        )
    if actor.role not in _PERMITTED[type(command)]:
        permitted = " or ".join(_PERMITTED[type(command)])
        raise Refusal(
            Code.NOT_PERMITTED,
            f"{actor.participant_id!r} acts as {actor.role} and may not {type(command).__name__}",
            where="actor",
            remedy=f"Only {permitted} may.",
        )
    if type(command) not in _WHILE_SUSPENDED:
        people.check_standing(state, command.actor, command.at_ns)
    return None
