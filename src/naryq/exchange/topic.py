"""What a topic of the venue is: who may ask for what, how it is judged, how its events change the state.

The venue is the sum of its topics. A topic knows the state and the rooms below; of other topics it uses only what
they offer by name. What must follow from an event wherever it comes from is a follower: the machine runs it on the
state after the event, and its own events follow in turn, in one decision.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec

from naryq.exchange.state import Session, State
from naryq.messages import REPUBLIC, AnyEvent, Code, Day, Month, OrderAccepted, Phase, Refusal, Role, SubmitOrder
from naryq.rulebook import InForce

Decision: TypeAlias = tuple[AnyEvent, ...]


class Folded(tuple[AnyEvent, ...]):  # noqa: SLOT001 - a tuple has no room for slots
    """A decision of events that nobody else folds or follows, with the state into which they are folded already."""

    state: State

    @classmethod
    def into(cls, state: State, events: Iterable[AnyEvent]) -> "Folded":
        """Return events with the state that they lead to from the one that was judged."""
        folded = cls(events)
        folded.state = state
        return folded


Decider: TypeAlias = Callable[[State, Any], Decision]
Evolver: TypeAlias = Callable[[State, Any], State]
Follower: TypeAlias = Callable[[State, Any], Decision]
"""What follows from an event, given the state after it. It never refuses: what it does is due, not asked for."""


class Asked(msgspec.Struct, frozen=True, gc=False):
    """An order as it is judged: the state before it, the command, its session, and the rules in force at its time.

    An order that is amended is judged as the order that it would become; `replaces` is what it is now.
    """

    state: State
    command: SubmitOrder
    session: Session
    rules: InForce
    replaces: OrderAccepted | None = None


Check: TypeAlias = Callable[[Asked], None]
"""One reason for which an order may be refused: it raises the `Refusal`, or does nothing."""

Witness: TypeAlias = Callable[[State, Any], Decision]
"""What is written down beside a refusal with a certain code, given the state and the command that was refused."""

NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Topic(NamedTuple):
    """One part of the venue, by the types of its commands and events.

    A command has one decider. An event may be folded by several topics, each into its own part of the state.
    """

    permitted: Mapping[type, tuple[Role, ...]]
    deciders: Mapping[type, Decider]
    evolvers: Mapping[type, Evolver]
    followers: Mapping[type, tuple[Follower, ...]] = NOTHING
    while_suspended: tuple[type, ...] = ()
    """The commands that a suspended or excluded participant may still send: what winds down and performs."""
    witnesses: Mapping[Code, Witness] = NOTHING


def rules_in_force(state: State, at_ns: int, effective: Day | None = None) -> InForce:
    """Return the rules in force on the day of an instant, or on another day, as known on the day of the instant."""
    if state.rulebook is None:
        raise Refusal(Code.NO_RULEBOOK, "no rulebook is in force", remedy="Adopt a rulebook first.")
    today = state.rulebook.rules_of_day(at_ns)
    return today if effective is None else state.rulebook.in_force(effective, today.effective)


def rules_for_month(state: State, at_ns: int, month: Month) -> InForce:
    """Return the rules that a delivery month will begin under, as they are known today."""
    return rules_in_force(state, at_ns, f"{month}-01")


def session_in(state: State, session_id: str, *phases: Phase) -> Session:
    """Return a session that is in one of the phases; refuses (UNKNOWN_SESSION, WRONG_PHASE) otherwise."""
    session = state.sessions.get(session_id)
    if session is None:
        raise Refusal(
            Code.UNKNOWN_SESSION,
            f"there is no session {session_id!r}",
            where="session_id",
            remedy="Name an open session.",
        )
    if session.phase not in phases:
        raise Refusal(
            Code.WRONG_PHASE,
            f"session {session_id!r} is {session.phase}",
            where="session_id",
            remedy=f"This needs a session that is {' or '.join(phases)}.",
        )
    return session


def is_regulator(state: State, actor: str) -> bool:
    """Say whether somebody is admitted as a regulator; an empty name is nobody's."""
    found = state.participants.get(actor)
    return found is not None and found.role == "regulator"


def may_undo(state: State, actor: str, first: str) -> bool:
    """Say whether somebody may end or replace what another has ordered: a regulator's word only a regulator's may."""
    return is_regulator(state, actor) or not is_regulator(state, first)


def mass_kg(session: Session, lots: int) -> int:
    """Return the mass of lots of a session: months and plans count mass, since a lot by truck is no tank car."""
    return lots * session.opened.lot_kg


def check_correction(stands: bool, correction: str, of_what: str) -> None:  # noqa: FBT001 - what stands is the question
    """Refuse what is reported again without a reason (ALREADY_EXISTS), and a correction of nothing (NOT_FOUND)."""
    if stands and not correction:
        remedy = "Say in `correction` why it is reported anew."
        raise Refusal(Code.ALREADY_EXISTS, f"{of_what} is reported already", where="correction", remedy=remedy)
    if correction and not stands:
        remedy = "Leave `correction` out: this is the first report."
        raise Refusal(Code.NOT_FOUND, f"{of_what} is not reported yet", where="correction", remedy=remedy)


def region_of(state: State, session: Session) -> str | None:
    """Return the one region that a session over an instrument delivers to, or None."""
    region = counting_region_of(state, session)
    return None if region == REPUBLIC else region


def counting_region_of(state: State, session: Session) -> str | None:
    """Return where the price of a session over an instrument counts: in its region, or in the whole Republic."""
    opened = session.opened
    if opened.instrument is None:
        return None
    return opened.region or state.market.instruments[opened.instrument].delivery_region
