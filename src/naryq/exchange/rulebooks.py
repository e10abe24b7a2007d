"""How rules come into force and change: a founding rulebook, proposals under four eyes, and emergencies that end.

An order is judged by the rule in force when it is taken. A change takes effect on a later day only, and a session
that is open keeps the terms of its opening; an emergency takes effect at once, and its collar reaches open sessions.
"""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.limits import tightened
from naryq.exchange.rule_effect import effect
from naryq.exchange.state import Emergency, Proposal, RuleChanges, State
from naryq.exchange.topic import Decision, Topic, rules_in_force
from naryq.messages import (
    AdoptRulebook,
    ApproveProposal,
    AssessProposal,
    Code,
    ConfirmEmergency,
    Day,
    DeclareEmergency,
    EmergencyConfirmed,
    EmergencyDeclared,
    ProposalApproved,
    ProposalAssessed,
    ProposalRejected,
    ProposalWithdrawn,
    Proposed,
    ProposeRuleChange,
    Refusal,
    RejectProposal,
    Role,
    RulebookAdopted,
    RuleChangeProposed,
    WithdrawProposal,
)
from naryq.rulebook import Rulebook, emergency, first_day, proposed_text
from naryq.units import day_after, day_of

# --- Founding ---------------------------------------------------------------------------------------------------


def _adopt_rulebook(state: State, command: AdoptRulebook) -> Decision:
    if state.rulebook is not None and _changes_by_proposal(state.rulebook, command.at_ns):
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"{state.rulebook.version} is in force and has the rule rule_change_notice_days: it changes by proposal",
            where="rulebook",
            remedy="Propose the change with ProposeRuleChange.",
        )
    return (_adopted(Rulebook(command.rulebook)),)


def _changes_by_proposal(rulebook: Rulebook, at_ns: int) -> bool:
    """Say whether adopting is over; the day is that of UTC, so that a rulebook without a clock can still be left."""
    day = day_of(at_ns, 0)
    return rulebook.in_force(day, day).integer("rule_change_notice_days") is not None


def _adopted(rulebook: Rulebook) -> RulebookAdopted:
    return RulebookAdopted(rulebook.text, rulebook.version)


# --- Proposals --------------------------------------------------------------------------------------------------


def _propose(state: State, command: ProposeRuleChange) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    if command.proposal_id in state.rule_changes.proposals:
        raise _exists(command.proposal_id, "proposal_id")
    _proposed_rulebook(state, command.proposed, command.at_ns)
    return (
        RuleChangeProposed(
            proposal_id=command.proposal_id,
            proposed=command.proposed,
            reason=command.reason,
            proposed_by=command.actor,
            role=_role(state, command.actor),
            rulebook_version=rules.version,
        ),
    )


def _proposed_rulebook(state: State, proposed: Proposed, at_ns: int) -> Rulebook:
    """Return the rulebook that a proposal makes if approved now; refuses one that comes too soon or is not sound."""
    rules = rules_in_force(state, at_ns)
    assert state.rulebook is not None, "rules are in force"
    notice_days = rules.integer("rule_change_notice_days") or 1
    earliest, effective = day_after(rules.known, notice_days), first_day(proposed)
    if effective < earliest:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"the change would take effect on {effective}, and decided on {rules.known} it may from {earliest} on",
            where="effective",
            remedy=f"Let it take effect {notice_days} days or more after the decision.",
        )
    return Rulebook(proposed_text(state.rulebook.text, proposed, rules.known))


def _withdraw(state: State, command: WithdrawProposal) -> Decision:
    proposal = _open_proposal(state, command.proposal_id)
    if proposal.proposed.proposed_by != command.actor:
        raise Refusal(
            Code.NOT_PERMITTED,
            f"proposal {command.proposal_id!r} is {proposal.proposed.proposed_by}'s",
            where="proposal_id",
            remedy="Withdraw your own, or reject this one.",
        )
    return (ProposalWithdrawn(command.proposal_id),)


def _assess(state: State, command: AssessProposal) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    proposal = _open_proposal(state, command.proposal_id)
    rulebook = _proposed_rulebook(state, proposal.proposed.proposed, command.at_ns)
    effective = command.effective or first_day(proposal.proposed.proposed)
    assessed = effect(
        state,
        rulebook,
        proposal_id=command.proposal_id,
        effective=effective,
        known=rules.known,
        count=command.sessions,
    )
    return (assessed,)


def _approve(state: State, command: ApproveProposal) -> Decision:
    proposal = _open_proposal(state, command.proposal_id)
    _check_second_person(state, command.actor, proposal.proposed.proposed_by, proposal.proposed.role)
    _check_assessed(state, proposal, command.assessment_sequence)
    rulebook = _proposed_rulebook(state, proposal.proposed.proposed, command.at_ns)
    approved = ProposalApproved(
        command.proposal_id, command.actor, _role(state, command.actor), command.assessment_sequence
    )
    return (approved, _adopted(rulebook))


def _check_second_person(state: State, actor: str, first: str, first_role: Role) -> None:
    """Refuse whoever is the first person, or acts in the first person's role: then or now."""
    holder = state.participants.get(first)
    roles = (first_role,) if holder is None else (first_role, holder.role)
    if actor == first or _role(state, actor) in roles:
        raise Refusal(
            Code.FOUR_EYES,
            f"{first!r} acted as {first_role}, and {actor!r} is not another person in another role",
            where="actor",
            remedy="Let somebody in another role decide.",
        )


def _check_assessed(state: State, proposal: Proposal, sequence: int) -> None:
    assert state.rulebook is not None, "a proposal is made to a rulebook in force"
    if proposal.assessed_sequence != sequence or proposal.assessed_version != state.rulebook.version:
        last = "never" if proposal.assessed_sequence is None else f"last in row {proposal.assessed_sequence}"
        raise Refusal(
            Code.NOT_ASSESSED,
            f"the proposal was assessed {last}, against {proposal.assessed_version or 'nothing'}; "
            f"in force is {state.rulebook.version}",
            where="assessment_sequence",
            remedy="Assess it against the rules in force, look at the effect, and name the row that holds it.",
        )


def _reject(state: State, command: RejectProposal) -> Decision:
    proposal = _open_proposal(state, command.proposal_id)
    if proposal.proposed.proposed_by == command.actor:
        raise Refusal(
            Code.NOT_PERMITTED,
            f"proposal {command.proposal_id!r} is your own",
            where="proposal_id",
            remedy="Withdraw it with WithdrawProposal.",
        )
    return (ProposalRejected(command.proposal_id, command.actor, command.reason),)


def _open_proposal(state: State, proposal_id: str) -> Proposal:
    proposal = state.rule_changes.proposals.get(proposal_id)
    if proposal is None:
        raise _unknown(proposal_id, "proposal_id")
    if proposal.phase != "open":
        raise Refusal(
            Code.WRONG_PHASE,
            f"proposal {proposal_id!r} is {proposal.phase}",
            where="proposal_id",
            remedy="Make a new proposal.",
        )
    return proposal


def _role(state: State, actor: str) -> Role:
    return state.participants[actor].role


def _exists(name: str, where: str) -> Refusal:
    return Refusal(Code.ALREADY_EXISTS, f"{name!r} exists already", where=where, remedy="Choose another identifier.")


def _unknown(name: str, where: str) -> Refusal:
    return Refusal(Code.UNKNOWN_PROPOSAL, f"there is no {name!r}", where=where, remedy="Name one that was made.")


# --- Emergencies ------------------------------------------------------------------------------------------------


def _declare(state: State, command: DeclareEmergency) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    assert state.rulebook is not None, "rules are in force"
    if command.emergency_id in state.rule_changes.emergencies:
        raise _exists(command.emergency_id, "emergency_id")
    days_max = rules.required_integer("emergency_days_max")
    if command.days > days_max:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"an emergency of {command.days} days is longer than {days_max}, which emergency_days_max allows",
            where="days",
            remedy=f"Give at most {days_max}, and propose the change for what comes after.",
        )
    names = tuple(dict.fromkeys(value.rule for value in command.values))
    today, until = rules.known, day_after(rules.known, command.days - 1)
    for name in names:
        _check_rested(state, name, today, days_max)
    rulebook = Rulebook(emergency(state.rulebook.text, command.values, today, until, command.source))
    declared = EmergencyDeclared(
        emergency_id=command.emergency_id,
        rules=names,
        effective=today,
        until=until,
        reason=command.reason,
        declared_by=command.actor,
        role=_role(state, command.actor),
    )
    return (declared, _adopted(rulebook), *tightened(state, rulebook, declared))


def _check_rested(state: State, rule: str, today: Day, days_max: int) -> None:
    """Refuse an emergency that would prolong one which nobody else stands behind: it would be one person's for ever."""
    for each in state.rule_changes.emergencies.values():
        free_from = day_after(each.declared.until, days_max + 1)
        if rule in each.declared.rules and each.confirmed_by is None and today < free_from:
            raise Refusal(
                Code.FOUR_EYES,
                f"{rule} had an emergency until {each.declared.until} that nobody else confirmed",
                where="values",
                remedy=f"Propose the change, let the emergency be confirmed while it lasts, or wait until {free_from}.",
            )


def _confirm(state: State, command: ConfirmEmergency) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    found = state.rule_changes.emergencies.get(command.emergency_id)
    if found is None:
        raise _unknown(command.emergency_id, "emergency_id")
    _check_second_person(state, command.actor, found.declared.declared_by, found.declared.role)
    if found.confirmed_by is not None or rules.known > found.declared.until:
        over = f"ended on {found.declared.until}" if found.confirmed_by is None else "is confirmed"
        raise Refusal(
            Code.WRONG_PHASE,
            f"emergency {command.emergency_id!r} {over}",
            where="emergency_id",
            remedy="Propose the change if it is still wanted.",
        )
    return (EmergencyConfirmed(command.emergency_id, command.actor, _role(state, command.actor)),)


def emergencies_listed(state: State, day: Day) -> tuple[EmergencyDeclared, ...]:
    """Return the emergencies that last on a day and that no second person has confirmed, the earliest first."""
    waiting = (each.declared for each in state.rule_changes.emergencies.values() if each.confirmed_by is None)
    lasting = (declared for declared in waiting if declared.effective <= day <= declared.until)
    return tuple(sorted(lasting, key=lambda declared: (declared.effective, declared.emergency_id)))


# --- What the events change -------------------------------------------------------------------------------------


def _rulebook_adopted(state: State, event: RulebookAdopted) -> State:
    return msgspec.structs.replace(state, rulebook=Rulebook(event.rulebook))


def _with_changes(state: State, changes: RuleChanges) -> State:
    return msgspec.structs.replace(state, rule_changes=changes)


def _with_proposal(state: State, proposal: Proposal) -> State:
    proposals = state.rule_changes.proposals.insert(proposal.proposed.proposal_id, proposal)
    return _with_changes(state, msgspec.structs.replace(state.rule_changes, proposals=proposals))


def _with_emergency(state: State, emergency_: Emergency) -> State:
    emergencies = state.rule_changes.emergencies.insert(emergency_.declared.emergency_id, emergency_)
    return _with_changes(state, msgspec.structs.replace(state.rule_changes, emergencies=emergencies))


def _proposed(state: State, event: RuleChangeProposed) -> State:
    return _with_proposal(state, Proposal(event))


def _assessed(state: State, event: ProposalAssessed) -> State:
    proposal = state.rule_changes.proposals[event.proposal_id]
    row = state.sequence + 1
    return _with_proposal(
        state,
        msgspec.structs.replace(proposal, assessed_sequence=row, assessed_version=event.rulebook_version),
    )


def _in_phase(state: State, proposal_id: str, phase: str) -> State:
    proposal = state.rule_changes.proposals[proposal_id]
    return _with_proposal(state, msgspec.structs.replace(proposal, phase=phase))


def _declared(state: State, event: EmergencyDeclared) -> State:
    return _with_emergency(state, Emergency(event))


def _confirmed(state: State, event: EmergencyConfirmed) -> State:
    found = state.rule_changes.emergencies[event.emergency_id]
    return _with_emergency(state, msgspec.structs.replace(found, confirmed_by=event.confirmed_by))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            AdoptRulebook: ("regulator",),
            ProposeRuleChange: ("operator", "regulator"),
            WithdrawProposal: ("operator", "regulator"),
            AssessProposal: ("operator", "regulator"),
            ApproveProposal: ("operator", "regulator"),
            RejectProposal: ("operator", "regulator"),
            DeclareEmergency: ("regulator",),
            ConfirmEmergency: ("operator", "regulator"),
        }
    ),
    deciders=MappingProxyType(
        {
            AdoptRulebook: _adopt_rulebook,
            ProposeRuleChange: _propose,
            WithdrawProposal: _withdraw,
            AssessProposal: _assess,
            ApproveProposal: _approve,
            RejectProposal: _reject,
            DeclareEmergency: _declare,
            ConfirmEmergency: _confirm,
        }
    ),
    evolvers=MappingProxyType(
        {
            RulebookAdopted: _rulebook_adopted,
            RuleChangeProposed: _proposed,
            ProposalAssessed: _assessed,
            ProposalWithdrawn: lambda state, event: _in_phase(state, event.proposal_id, "withdrawn"),
            ProposalApproved: lambda state, event: _in_phase(state, event.proposal_id, "approved"),
            ProposalRejected: lambda state, event: _in_phase(state, event.proposal_id, "rejected"),
            EmergencyDeclared: _declared,
            EmergencyConfirmed: _confirmed,
        }
    ),
)
