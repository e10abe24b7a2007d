"""What a change of rules would have done to sessions over an instrument: the venue, run again from its own journal.

Such a session hangs on the course of time: who came before whom, when it halted, when it reopened. So nothing is worked
out here. From the row that opened the first of the sessions the venue goes on twice, from one and the same state, each
time with other rules that hold for ever: it is given every command of the journal again, in its order and at its time,
and decides. What differs between the two is what the change would have done.

It asks for the journal, and for as long as deciding all those commands twice takes: so it is a question beside the
writer, never a command to it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

import msgspec

from naryq import limits
from naryq.exchange import machine, rulebooks
from naryq.exchange.limits_state import NO_BAND
from naryq.exchange.rule_effect import NOTHING, Dealt, added, participants_of
from naryq.exchange.sessions import CALL_SECONDS, weighted_average_of
from naryq.exchange.state import State, initial_state
from naryq.messages import (
    AmendOrder,
    Amounts,
    AnyCommand,
    AnyEvent,
    ChangePhase,
    Code,
    Day,
    Entry,
    LimitReached,
    ParticipantEffect,
    Phase,
    PhaseChanged,
    ProposalAssessed,
    Proposed,
    Refused,
    SessionEnded,
    SessionKind,
    SessionOpened,
    Side,
    Statistics,
    SubmitOrder,
    Traded,
)
from naryq.rulebook import InForce, Rulebook, proposed_text
from naryq.units import NS_PER_SECOND, amount_tiyn

OF_RULES: Final = tuple(rulebooks.TOPIC.permitted)
"""The commands that are not given again: the rules of each run are what they are."""
BOUNDS: Final = (limits.HALT, limits.HOLD, limits.ADMINISTERED)
CALL_NS: Final = CALL_SECONDS * NS_PER_SECOND
replace = msgspec.structs.replace


class Case(NamedTuple):
    """What is to be run again: sessions over an instrument that have ended, under one set of rules and another."""

    session_ids: tuple[str, ...]
    today: InForce
    proposed: InForce


def case_of(assessed: ProposalAssessed, rulebook: Rulebook, proposed: Proposed, known: Day) -> Case:
    """Return the case of the sessions that an assessment leaves out, by the rules that it compares.

    Args:
        assessed: The assessment.
        rulebook: The one that it was made against.
        proposed: What was proposed.
        known: The day on which it is decided.

    Raises:
        Refusal: as `proposed_text`, where the proposal can no longer be made.
    """
    changed = Rulebook(proposed_text(rulebook.text, proposed, known))
    return Case(assessed.left_out, *(rules.in_force(assessed.effective, known) for rules in (rulebook, changed)))


class SessionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one session came to under one set of rules; prices in tenge a tonne."""

    phase: Phase | None
    """Where it stood when the journal's had ended; None where it was not opened at all."""
    statistics: Statistics
    weighted_average_tenge_per_tonne: int | None
    paid_tiyn: int
    halts: tuple[LimitReached, ...]
    held: int
    """How often a hold or an administered price kept orders from trading."""


class SessionEffect(msgspec.Struct, frozen=True, kw_only=True):
    """One session: under the rules as they stand, and as proposed."""

    session_id: str
    kind: SessionKind
    instrument: str
    today: SessionOutcome
    proposed: SessionOutcome


class OrderEffect(msgspec.Struct, frozen=True, kw_only=True):
    """An order or its amendment that one set of rules takes and the other refuses, or both refuse with another code."""

    session_id: str
    order_id: str
    participant_id: str
    asked: Literal["submit", "amend"]
    side: Side | None
    price_tenge_per_tonne: int | None
    quantity_lots: int | None
    today: Code | None
    """The code of the refusal; None where it is taken."""
    proposed: Code | None


class RulesReplayed(msgspec.Struct, frozen=True, kw_only=True):
    """Who would have paid and received what in sessions over instruments, had everybody sent what he sent."""

    effective: Day
    sessions: tuple[SessionEffect, ...]
    participants: tuple[ParticipantEffect, ...]
    """Over all of these sessions together."""
    orders: tuple[OrderEffect, ...]
    rulebook_version: str
    proposed_version: str


def replayed(entries: Iterable[Entry], case: Case) -> RulesReplayed:
    """Run a venue again under two sets of rules, and return what differs.

    Args:
        entries: The journal's rows from the first on. What lies behind the end of the last session is not read.
        case: Sessions that the journal opens, and the rules of both runs.

    Raises:
        Refusal: RULE_MISSING where one set of rules lacks what a venue cannot do without.
    """
    record, orders, state = _Record(case.session_ids), list[OrderEffect](), initial_state()
    runs: tuple[_Run, ...] = ()
    for entry in entries:
        if not runs and not _opens(entry, case.session_ids):
            state = machine.apply(state, entry)
        else:
            runs = runs or tuple(_Run(state, rules, case.session_ids) for rules in (case.today, case.proposed))
            orders.extend(_differing(entry.command, case, *(run.take(entry, record) for run in runs)))
        record.see(entry)
        if record.is_over:
            break
    return _told(case, record, runs, orders)


def _opens(entry: Entry, session_ids: tuple[str, ...]) -> bool:
    return any(isinstance(event, SessionOpened) and event.session_id in session_ids for event in entry.events)


class _Record:
    """What the journal says up to a row: its clock, the phase of each session, and the sessions that are run again."""

    def __init__(self, session_ids: tuple[str, ...]) -> None:
        """Begin before the first row."""
        self.at_ns = 0
        self.phases: dict[str, Phase] = {}
        self.opened: dict[str, SessionOpened] = {}
        self._waits = dict.fromkeys(session_ids)

    def see(self, entry: Entry) -> None:
        """Fold one row; a refused command leaves the clock alone, as in the venue."""
        if not isinstance(entry.events[0], Refused):
            self.at_ns = entry.command.at_ns
        for event in entry.events:
            if isinstance(event, PhaseChanged | SessionOpened):
                self.phases[event.session_id] = event.phase
            if isinstance(event, SessionOpened) and event.session_id in self._waits:
                self.opened[event.session_id] = event
            if isinstance(event, SessionEnded):
                self._waits.pop(event.session_id, None)

    @property
    def is_over(self) -> bool:
        """Whether nothing more trades in any of the sessions."""
        return not self._waits


class _Run:
    """The venue as it goes on from a state under rules that hold for ever, and what its sessions come to."""

    def __init__(self, state: State, rules: InForce, session_ids: tuple[str, ...]) -> None:
        """Begin at the state before the first session was opened."""
        self.state = replace(state, rulebook=rules.for_ever())
        self.amounts: dict[str, Amounts] = {}
        self.paid_tiyn = dict.fromkeys(session_ids, 0)
        self.limits: dict[str, list[LimitReached]] = {session_id: [] for session_id in session_ids}
        self._reopening: dict[str, int | None] = {}
        """The sessions that a limit has halted, and when the clock has led each into a call; None until it has."""

    def take(self, entry: Entry, record: _Record) -> Code | None:
        """Give the venue the command of a row, and before it what was due; return the code where it is refused.

        The clock and the numbers of rows are the journal's, whatever was refused here and taken there.
        """
        self.state = replace(self.state, sequence=entry.sequence - 1, at_ns=record.at_ns)
        while self._goes_on(record, entry.command):
            pass
        if self._is_left_out(entry.command, record):
            return None
        first = self._given(entry.command)[0]
        return first.code if isinstance(first, Refused) else None

    def _is_left_out(self, command: AnyCommand, record: _Record) -> bool:
        """Say whether a command has no place here: it changes rules, or ends a halt or a call that are not these."""
        if not isinstance(command, ChangePhase):
            return isinstance(command, OF_RULES)
        session = self.state.sessions.get(command.session_id)
        is_halted = session is not None and session.phase == "halted"
        ends_a_halt = record.phases.get(command.session_id) == "halted" and command.phase != "cancelled"
        ends_a_call = command.phase == "continuous" and self._reopening.get(command.session_id) is not None
        return (ends_a_halt and not is_halted) or ends_a_call

    def _given(self, command: AnyCommand) -> tuple[AnyEvent, ...]:
        events, self.state = machine.decide_and_fold(self.state, command)
        for event in events:
            self._see(event)
        return events

    # --- What the clock does ----------------------------------------------------------------------------------------

    def _goes_on(self, record: _Record, command: AnyCommand) -> bool:
        """Lead one session on whose halt the journal does not have, where that is due; say whether one was led on."""
        for session_id, called_ns in self._reopening.items():
            phase, due_ns = self._phase_due(session_id, called_ns, record)
            if phase is not None and due_ns <= command.at_ns:
                at_ns = max(due_ns, self.state.at_ns)
                change = ChangePhase(f"due:{at_ns}", _operator(self.state), at_ns, session_id, phase, "the clock")
                is_taken = not isinstance(self._given(change)[0], Refused)
                if is_taken and phase == "call":
                    self._reopening[session_id] = at_ns
                return is_taken
        return False

    def _phase_due(self, session_id: str, called_ns: int | None, record: _Record) -> tuple[Phase | None, int]:
        """Return the phase that is due and when: a call when the halt is over, and what the journal does after it."""
        until_ns = self.state.limits.bands.get(session_id, NO_BAND).halted_until_ns
        in_journal = record.phases[session_id]
        if called_ns is not None:
            return ("continuous" if in_journal == "continuous" else None), called_ns + CALL_NS
        return ("call" if in_journal in {"call", "continuous"} else None), until_ns or 0

    # --- What is told -----------------------------------------------------------------------------------------------

    def _see(self, event: AnyEvent) -> None:
        if isinstance(event, Traded):
            self._traded(event)
        elif isinstance(event, LimitReached) and event.session_id in self.limits and event.limit in BOUNDS:
            self.limits[event.session_id].append(event)
        if isinstance(event, LimitReached) and event.limit == limits.HALT and event.session_id is not None:
            self._reopening[event.session_id] = None
        elif isinstance(event, PhaseChanged) and event.phase != "halted":
            self._reopening.pop(event.session_id, None)

    def _traded(self, event: Traded) -> None:
        if event.session_id not in self.paid_tiyn:
            return
        opened = self.state.sessions[event.session_id].opened
        mass_kg = event.quantity_lots * opened.lot_kg
        value = amount_tiyn(event.price_tenge_per_tonne, mass_kg)
        self.paid_tiyn[event.session_id] += value
        for who, side in ((event.buyer_id, "buy"), (event.seller_id, "sell")):
            deal = Dealt(who, side, opened.places[0].place, mass_kg, value)
            self.amounts[who] = added(self.amounts.get(who, NOTHING), deal)

    def outcome(self, session_id: str) -> SessionOutcome:
        """Return what a session has come to."""
        session, reached = self.state.sessions.get(session_id), self.limits[session_id]
        statistics = Statistics() if session is None else session.statistics
        halts = tuple(event for event in reached if event.limit == limits.HALT)
        return SessionOutcome(
            phase=None if session is None else session.phase,
            statistics=statistics,
            weighted_average_tenge_per_tonne=weighted_average_of(statistics),
            paid_tiyn=self.paid_tiyn[session_id],
            halts=halts,
            held=len(reached) - len(halts),
        )


def _operator(state: State) -> str:
    return next(name for name, one in sorted(state.participants.items()) if one.role == "operator")


# --- Both runs ------------------------------------------------------------------------------------------------------


def _differing(command: AnyCommand, case: Case, today: Code | None, proposed: Code | None) -> Iterator[OrderEffect]:
    """Yield an order that is not judged alike in both runs."""
    if today == proposed or not isinstance(command, SubmitOrder | AmendOrder):
        return
    if command.session_id in case.session_ids:
        yield OrderEffect(
            session_id=command.session_id,
            order_id=command.order_id,
            participant_id=command.actor,
            asked="submit" if isinstance(command, SubmitOrder) else "amend",
            side=command.side if isinstance(command, SubmitOrder) else None,
            price_tenge_per_tonne=command.price_tenge_per_tonne,
            quantity_lots=command.quantity_lots,
            today=today,
            proposed=proposed,
        )


def _told(case: Case, record: _Record, runs: tuple[_Run, ...], orders: list[OrderEffect]) -> RulesReplayed:
    sessions = tuple(_session(record.opened[session_id], *runs) for session_id in case.session_ids)
    before, after = (run.amounts for run in runs) if runs else ({}, {})
    return RulesReplayed(
        effective=case.proposed.effective,
        sessions=sessions,
        participants=tuple(participants_of(before, after)),
        orders=tuple(orders),
        rulebook_version=case.today.version,
        proposed_version=case.proposed.version,
    )


def _session(opened: SessionOpened, today: _Run, proposed: _Run) -> SessionEffect:
    session_id = opened.session_id
    assert opened.instrument is not None, "a session that is run again is over an instrument"
    return SessionEffect(
        session_id=session_id,
        kind=opened.kind,
        instrument=opened.instrument,
        today=today.outcome(session_id),
        proposed=proposed.outcome(session_id),
    )
