"""How the auditor judges changes of rules: who may decide, when a value may begin, and what a changed rulebook answers.

Written from the messages and the page on rule changes alone: it asks old and new rulebooks day by day.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any

from naryq import messages as m
from naryq.messages import Code
from naryq.rulebook import CATALOGUE

UNTOUCHABLE = {"provinces", "utc_offset", "rule_change_notice_days", "emergency_days_max"}


def after(day: str, days: int) -> str:
    return str(date.fromisoformat(day) + timedelta(days))


@dataclass
class Changes:
    """What was proposed and declared, as the events tell it."""

    proposals: dict[str, m.RuleChangeProposed] = field(default_factory=dict)
    decided: set[str] = field(default_factory=set)
    assessed: dict[str, tuple[int, str]] = field(default_factory=dict)
    """The row of the last assessment and the version that it was held against."""
    emergencies: dict[str, m.EmergencyDeclared] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    flags: dict[str, bool] = field(default_factory=dict)
    """Flag -> whether it is closed."""

    def copy(self) -> "Changes":
        return Changes(
            dict(self.proposals),
            set(self.decided),
            dict(self.assessed),
            dict(self.emergencies),
            set(self.confirmed),
            dict(self.flags),
        )

    def fold(self, event: Any, row: int) -> None:
        """Write down what an event of row `row` says."""
        match event:
            case m.RuleChangeProposed():
                self.proposals[event.proposal_id] = event
            case m.ProposalAssessed():
                self.assessed[event.proposal_id] = (row, event.rulebook_version)
            case m.ProposalWithdrawn() | m.ProposalApproved() | m.ProposalRejected():
                self.decided.add(event.proposal_id)
            case m.EmergencyDeclared():
                self.emergencies[event.emergency_id] = event
            case m.EmergencyConfirmed():
                self.confirmed.add(event.emergency_id)
            case m.FlagRaised():
                self.flags[event.flag_id] = False
            case m.FlagClosed():
                self.flags[event.flag_id] = True


# --- Which refusals are justified -------------------------------------------------------------------------------


def wrong(books: Any, command: Any) -> Iterator[Code]:
    """Yield every code for which a command about rules must be refused now."""
    judge: dict[type, Any] = {
        m.AdoptRulebook: _wrong_adoption,
        m.ProposeRuleChange: _wrong_proposal,
        m.DeclareEmergency: _wrong_declaration,
        m.ConfirmEmergency: _wrong_confirmation,
        m.CloseFlag: _wrong_closing,
    }
    yield from judge.get(type(command), _wrong_for_proposal)(books, command)


def _wrong_adoption(books: Any, command: m.AdoptRulebook) -> Iterator[Code]:
    utc = datetime.fromtimestamp(command.at_ns // 10**9, UTC).date().isoformat()
    if books.rulebook and books.rule("rule_change_notice_days", utc, utc) is not None:
        yield Code.ALREADY_EXISTS


def _wrong_proposal(books: Any, command: m.ProposeRuleChange) -> Iterator[Code]:
    if command.proposal_id in books.changes.proposals:
        yield Code.ALREADY_EXISTS
    if not isinstance(command.proposed, m.WholeRulebook) and {c.rule for c in command.proposed} - set(CATALOGUE):
        yield Code.RULE_UNKNOWN
    yield from _too_soon(books, command.proposed, command.at_ns)
    yield from _twice_a_day(books, command.proposed, command.at_ns)


def _twice_a_day(books: Any, proposed: Any, at_ns: int) -> Iterator[Code]:
    """Two values of one rule may not begin on one day and be known since one day: nobody could say which counts."""
    today = books.day(at_ns)
    if not isinstance(proposed, m.WholeRulebook):
        for change in proposed:
            begun = [(value.effective, value.known) for value in _values(books.rulebook, change.rule)]
            if (change.effective, today) in begun:
                yield Code.RULE_INVALID


def _wrong_closing(books: Any, command: m.CloseFlag) -> Iterator[Code]:
    if command.flag_id not in books.changes.flags:
        yield Code.UNKNOWN_FLAG
    elif books.changes.flags[command.flag_id]:
        yield Code.WRONG_PHASE


def _first(proposed: Any) -> str:
    return proposed.effective if isinstance(proposed, m.WholeRulebook) else min(c.effective for c in proposed)


def _too_soon(books: Any, proposed: Any, at_ns: int) -> Iterator[Code]:
    today = books.day(at_ns)
    notice = books.rule("rule_change_notice_days", today, today) or 1
    if _first(proposed) < after(today, notice):
        yield Code.OUT_OF_RANGE


def _wrong_for_proposal(books: Any, command: Any) -> Iterator[Code]:
    changes: Changes = books.changes
    proposal = changes.proposals.get(command.proposal_id)
    if proposal is None:
        yield Code.UNKNOWN_PROPOSAL
        return
    if command.proposal_id in changes.decided:
        yield Code.WRONG_PHASE
        return
    own = command.actor == proposal.proposed_by
    if isinstance(command, m.WithdrawProposal) != own and isinstance(command, m.WithdrawProposal | m.RejectProposal):
        yield Code.NOT_PERMITTED
    if isinstance(command, m.AssessProposal | m.ApproveProposal):
        yield from _too_soon(books, proposal.proposed, command.at_ns)
        yield from _twice_a_day(books, proposal.proposed, command.at_ns)
    if isinstance(command, m.ApproveProposal):
        if own or books.people[command.actor] in (proposal.role, books.people[proposal.proposed_by]):
            yield Code.FOUR_EYES
        if changes.assessed.get(command.proposal_id) != (command.assessment_sequence, books.version):
            yield Code.NOT_ASSESSED


def _wrong_declaration(books: Any, command: m.DeclareEmergency) -> Iterator[Code]:
    today = books.day(command.at_ns)
    longest = books.rule("emergency_days_max", today, today)
    if command.emergency_id in books.changes.emergencies:
        yield Code.ALREADY_EXISTS
    if longest is None:
        yield Code.RULE_MISSING
        return
    if command.days > longest:
        yield Code.OUT_OF_RANGE
    names = {value.rule for value in command.values}
    if names & UNTOUCHABLE:
        yield Code.NOT_PERMITTED
    until = after(today, command.days - 1)
    begun = [value for name in sorted(names) for value in _values(books.rulebook, name) if value.known == today]
    if any(today <= value.effective <= until for value in begun):
        yield Code.RULE_INVALID
    for name, old in books.changes.emergencies.items():
        alone = name not in books.changes.confirmed
        if alone and names & set(old.rules) and today <= after(old.until, longest):
            yield Code.FOUR_EYES


def _wrong_confirmation(books: Any, command: m.ConfirmEmergency) -> Iterator[Code]:
    declared = books.changes.emergencies.get(command.emergency_id)
    if declared is None:
        yield Code.UNKNOWN_PROPOSAL
        return
    if command.actor == declared.declared_by or books.people[command.actor] == declared.role:
        yield Code.FOUR_EYES
    if command.emergency_id in books.changes.confirmed or books.day(command.at_ns) > declared.until:
        yield Code.WRONG_PHASE


# --- What the events must say -----------------------------------------------------------------------------------


def told(books: Any, command: Any, events: Any) -> Iterator[str]:
    """Yield what a decision about rules says wrongly."""
    head, today = events[0], books.day(command.at_ns)
    if isinstance(command, m.AssessProposal):
        yield from _assessed(books, command, head)
        return
    expected = _expected(books, command, today)
    if head != expected:
        yield f"says {head}, where the command and the rules say {expected}"
    if isinstance(command, m.ApproveProposal):
        proposed = books.changes.proposals[command.proposal_id].proposed
        yield from _changed(books.rulebook, events[1].rulebook, proposed, today)
    if isinstance(command, m.DeclareEmergency):
        yield from _in_emergency(books.rulebook, events[1].rulebook, command, today)
        yield from _tightened(books, command, events)


def _tightened(books: Any, command: m.DeclareEmergency, events: Any) -> Iterator[str]:
    """An emergency draws closer, and never wider, the collars of sessions on its days that may still take orders."""
    told = [event for event in events if isinstance(event, m.CollarTightened)]
    rates: dict[str, Any] = {value.rule: value.value for value in command.values}
    declared = events[0]
    wanted = []
    for name, call in sorted(books.calls.items()):
        opened, reference = call.opened, call.opened.reference_tenge_per_tonne
        is_live = call.phase in ("announced", "collecting", "call", "continuous", "halted")
        if not is_live or reference is None or not declared.effective <= opened.day <= declared.until:
            continue
        lows, highs = [opened.collar_lowest_tenge_per_tonne], [opened.collar_highest_tenge_per_tonne]
        if rates.get("collar_fall") is not None:
            lows.append(ceil(Fraction(reference * (10_000 - rates["collar_fall"]), 10_000)))
        if rates.get("collar_rise") is not None:
            highs.append(floor(Fraction(reference * (10_000 + rates["collar_rise"]), 10_000)))
        bounds = (_of_two(max, lows), _of_two(min, highs))
        if bounds != (lows[0], highs[0]):
            wanted.append(m.CollarTightened(name, declared.emergency_id, *bounds, events[1].version))
    if told != wanted:
        yield f"the emergency draws {told} closer, by hand {wanted}"


def _of_two(pick: Any, bounds: list[int | None]) -> int | None:
    known = [bound for bound in bounds if bound is not None]
    return pick(known) if known else None


def flagged(books: Any, events: Any) -> Iterator[str]:
    """Yield what is wrong with flags: raised of a session that has not just ended, or by no rule of its day."""
    ended = {event.session_id for event in events if isinstance(event, m.SessionEnded)}
    for flag in (event for event in events if isinstance(event, m.FlagRaised)):
        if flag.session_id not in ended or flag.flag_id in books.changes.flags:
            yield f"{flag.flag_id} is raised of {flag.session_id}, which has not ended here, or a second time"
            continue
        day = books.calls[flag.session_id].opened.day
        if flag.rule != f"watch_{flag.screen}" or flag.threshold != books.rule(flag.rule, day, day):
            yield f"{flag.flag_id} names the threshold {flag.threshold} of {flag.rule}, which is not the rule in force"
        above = flag.screen not in {"pivotal_supplier", "clustered_bids", "regular_intervals"}
        value = flag.evidence[0].value
        if not (value >= flag.threshold if above else value <= flag.threshold):
            yield f"{flag.flag_id} rests on {value}, which does not pass {flag.threshold}"


def _assessed(books: Any, command: m.AssessProposal, event: m.ProposalAssessed) -> Iterator[str]:
    first = _first(books.changes.proposals[command.proposal_id].proposed)
    if (event.proposal_id, event.effective) != (command.proposal_id, command.effective or first):
        yield "assesses another proposal or another day"
    if event.rulebook_version != books.version or event.proposed_version == books.version:
        yield "compares other rulebooks than the one in force and the one proposed"
    ended = [call for call in books.calls.values() if call.cleared is not None or call.has_ended]
    ended.sort(key=lambda call: (call.opened.closes_at_ns, call.opened.session_id))
    last = [call.opened.session_id for call in ended[-command.sessions :]]
    if sorted((*event.session_ids, *event.left_out)) != sorted(last):
        yield f"looks at {event.session_ids} and leaves out {event.left_out}, where the last are {last}"


def _expected(books: Any, command: Any, today: str) -> Any:
    who = (command.actor, books.people.get(command.actor))
    make: dict[type, Any] = {
        m.ProposeRuleChange: lambda c: m.RuleChangeProposed(
            c.proposal_id, c.proposed, c.reason, *who, rulebook_version=books.version
        ),
        m.WithdrawProposal: lambda c: m.ProposalWithdrawn(c.proposal_id),
        m.ApproveProposal: lambda c: m.ProposalApproved(
            c.proposal_id, *who, assessment_sequence=books.changes.assessed[c.proposal_id][0]
        ),
        m.RejectProposal: lambda c: m.ProposalRejected(c.proposal_id, c.actor, c.reason),
        m.DeclareEmergency: lambda c: m.EmergencyDeclared(
            c.emergency_id,
            tuple(dict.fromkeys(value.rule for value in c.values)),
            today,
            after(today, c.days - 1),
            c.reason,
            declared_by=who[0],
            role=who[1],
        ),
        m.ConfirmEmergency: lambda c: m.EmergencyConfirmed(c.emergency_id, *who),
        m.CloseFlag: lambda c: m.FlagClosed(c.flag_id, c.finding, c.reason, c.actor),
    }
    return make[type(command)](command)


def _values(text: m.RulebookText, rule: str) -> list[m.DatedValue]:
    return [value for each in text.rules if each.rule == rule for value in each.values]


def _answer(values: list[m.DatedValue], effective: str, known: str) -> Any:
    apply = [v for v in values if v.known <= known and v.effective <= effective <= (v.until or "9999-12-31")]
    return max(apply, key=lambda value: (value.effective, value.known)).value if apply else None


def _days(*values: list[m.DatedValue], others: tuple[str, ...]) -> list[str]:
    """Return every day on which an answer may change, and its neighbours."""
    found = {*others}
    for dated in (one for row in values for one in row):
        found |= {dated.effective, dated.known, *([] if dated.until is None else [dated.until])}
    return sorted({after(day, shift) for day in found for shift in (-1, 0, 1)})


def _rules(*texts: m.RulebookText) -> list[str]:
    return sorted({rule.rule for text in texts for rule in text.rules})


def _changed(old: m.RulebookText, new: m.RulebookText, proposed: Any, today: str) -> Iterator[str]:
    """Compare old and new day by day: before the change, and for whoever did not know of it, nothing is different."""
    whole = isinstance(proposed, m.WholeRulebook)
    for rule in _rules(old, new):
        before, now = _values(old, rule), _values(new, rule)
        mine = [] if whole else [change for change in proposed if change.rule == rule]
        first = proposed.effective if whole else min((change.effective for change in mine), default="9999-12-30")
        wanted = _values(proposed.rulebook, rule) if whole else before + [_as_dated(change, today) for change in mine]
        for day in _days(before, now, wanted, others=(first, today)):
            for known in _days(before, now, others=(today,)):
                source = wanted if known >= today and day >= first else before
                if _answer(now, day, known) != _answer(source, day, known):
                    yield f"{rule} on {day} as known on {known} is {_answer(now, day, known)!r} after the change"
                    return


def _as_dated(change: m.RuleChange, known: str) -> m.DatedValue:
    return m.DatedValue(change.effective, known, change.value, change.source, change.until, change.note)


def _in_emergency(old: m.RulebookText, new: m.RulebookText, command: m.DeclareEmergency, today: str) -> Iterator[str]:
    """Compare old and new day by day: only while the emergency lasts, and for who knows of it, they differ."""
    until = after(today, command.days - 1)
    wanted = {value.rule: value.value for value in command.values}
    for rule in _rules(old, new):
        before, now = _values(old, rule), _values(new, rule)
        for day in _days(before, now, others=(today, until)):
            for known in (after(today, -1), today):
                lasts = rule in wanted and known >= today and today <= day <= until
                answer = wanted[rule] if lasts else _answer(before, day, known)
                if _answer(now, day, known) != answer:
                    yield f"{rule} on {day} as known on {known} is {_answer(now, day, known)!r} by the emergency"
                    return
