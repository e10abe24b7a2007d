"""Proposed changes of rules and declared emergencies, for those who decide on them."""

import msgspec

from naryq.exchange import State
from naryq.exchange.state import Emergency, Proposal
from naryq.messages import RuleChange, RuleChangeProposed, RuleValue, WholeRulebook
from naryq.rulebook import CATALOGUE, InForce
from naryq.showing.viewer import Viewer


class ShownChange(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a rule is to have, beside the one that would hold on that day without the change."""

    rule: str
    unit: str
    before: RuleValue
    after: RuleValue
    effective: str
    until: str | None
    act: str
    url: str


class ShownProposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposal, what it changes, and what a viewer may do with it now."""

    proposed: RuleChangeProposed
    phase: str
    assessed_sequence: int | None
    is_assessed: bool
    """Whether the last assessment is of the rulebook in force: only then may it be approved."""
    is_own: bool
    may_decide: bool
    """Whether the viewer is another person in another role than the proposer."""
    changes: tuple[ShownChange, ...]


def proposals(state: State, viewer: Viewer, at_ns: int) -> tuple[ShownProposal, ...]:
    """Return all proposals, the open ones first; none to those who have no say in them."""
    if not viewer.watches or state.rulebook is None:
        return ()
    found = [_shown(state, viewer, proposal, at_ns) for _, proposal in sorted(state.rule_changes.proposals.items())]
    return tuple(sorted(found, key=lambda each: each.phase != "open"))


def emergencies(state: State, viewer: Viewer) -> tuple[Emergency, ...]:
    """Return all emergencies, the newest first; none to those who have no say in them."""
    if not viewer.watches:
        return ()
    found = (emergency for _, emergency in sorted(state.rule_changes.emergencies.items()))
    return tuple(sorted(found, key=lambda each: each.declared.effective, reverse=True))


def _shown(state: State, viewer: Viewer, proposal: Proposal, at_ns: int) -> ShownProposal:
    proposed = proposal.proposed
    assert state.rulebook is not None, "a proposal is made to a rulebook in force"
    proposer = state.participants.get(proposed.proposed_by)
    roles = (proposed.role, proposed.role if proposer is None else proposer.role)
    return ShownProposal(
        proposed=proposed,
        phase=proposal.phase,
        assessed_sequence=proposal.assessed_sequence,
        is_assessed=proposal.assessed_version == state.rulebook.version,
        is_own=proposed.proposed_by == viewer.participant_id,
        may_decide=proposed.proposed_by != viewer.participant_id and viewer.role not in roles,
        changes=_changes(state, proposed, at_ns),
    )


def _changes(state: State, proposed: RuleChangeProposed, at_ns: int) -> tuple[ShownChange, ...]:
    assert state.rulebook is not None, "a proposal is made to a rulebook in force"
    known = state.rulebook.day(at_ns)
    if isinstance(proposed.proposed, WholeRulebook):
        return _of_whole(state.rulebook.in_force(proposed.proposed.effective, known), proposed.proposed)
    return tuple(_change(state.rulebook.in_force(each.effective, known), each) for each in proposed.proposed)


def _change(today: InForce, change: RuleChange) -> ShownChange:
    return ShownChange(
        rule=change.rule,
        unit=_unit(change.rule),
        before=_value(today, change.rule),
        after=change.value,
        effective=change.effective,
        until=change.until,
        act=change.source.act,
        url=change.source.url,
    )


def _unit(rule: str) -> str:
    return CATALOGUE[rule].unit if rule in CATALOGUE else ""


def _value(rules: InForce, rule: str) -> RuleValue:
    dated = rules.value(rule) if rule in CATALOGUE else None
    return None if dated is None else dated.value


def _of_whole(today: InForce, whole: WholeRulebook) -> tuple[ShownChange, ...]:
    """Return the rules that a whole rulebook would set to another last value, or end."""
    last = {rule.rule: rule.values[-1].value for rule in whole.rulebook.rules}
    names = sorted({*last, *(rule for rule in CATALOGUE if _value(today, rule) is not None)})
    return tuple(
        ShownChange(
            rule=name,
            unit=_unit(name),
            before=_value(today, name),
            after=last.get(name),
            effective=whole.effective,
            until=None,
            act=whole.source.act,
            url=whole.source.url,
        )
        for name in names
        if _value(today, name) != last.get(name)
    )
