"""Rules as data, how a rulebook comes into force, and how its rules are changed: proposed, assessed, approved."""

from typing import Annotated

import msgspec

from naryq.messages.basics import Command, Day, Event, Known, Message, Month, Name, Reason, Side, Words
from naryq.messages.people import Role


class LegalSource(Message, frozen=True):
    """Where a value comes from: the act or report, and an address where it can be read."""

    act: Words
    url: str


RuleValue = int | str | tuple[str, ...] | dict[str, int] | None
"""A rule's value: a number, a word, a list of words, a number for each place, or None for `no such rule`."""


class DatedValue(Message, frozen=True):
    """One value of a rule: effective on its first day, known since another, until an open or given last day."""

    effective: Day
    known: Day
    value: RuleValue
    source: LegalSource
    until: Day | None = None
    note: str = ""


class Rule(Message, frozen=True):
    """One rule: one fact, its unit and its dated values, oldest first."""

    rule: str
    title: str
    unit: str
    values: tuple[DatedValue, ...]


class RulebookText(Message, frozen=True):
    """A whole rulebook as it enters the journal: its name, the digest of its rules, and the rules."""

    name: Name
    digest: str
    rules: tuple[Rule, ...]


class AdoptRulebook(Command, frozen=True, tag=True):
    """Bring a rulebook into force for all that follows: how a venue is founded.

    Refused once a rulebook is in force that sets `rule_change_notice_days`: its rules change by proposal.
    """

    rulebook: RulebookText


class RulebookAdopted(Event, frozen=True, tag=True):
    """A rulebook is in force; `version` is its name and the start of its digest."""

    rulebook: RulebookText
    version: str


# --- Changes ----------------------------------------------------------------------------------------------------


class RuleChange(Message, frozen=True):
    """A value that a rule is to have: from a day on, until an open or given last day, and why.

    It has no known-day of its own: it is known from the day on which it is approved.
    """

    rule: str
    effective: Day
    value: RuleValue
    source: LegalSource
    until: Day | None = None
    note: str = ""


class WholeRulebook(Message, frozen=True):
    """A rulebook whose rules are to hold from a day on; what it is silent on is no rule any more."""

    effective: Day
    rulebook: RulebookText
    source: LegalSource
    """The act that ends the rules on which it is silent."""


Changes = Annotated[tuple[RuleChange, ...], msgspec.Meta(min_length=1, max_length=200)]
Proposed = Changes | WholeRulebook


class ProposeRuleChange(Command, frozen=True, tag=True):
    """Propose values for rules, or a whole rulebook, from a later day on."""

    proposal_id: Name
    proposed: Proposed
    reason: Reason


class WithdrawProposal(Command, frozen=True, tag=True):
    """Take one's own proposal back before it is decided."""

    proposal_id: Name


class AssessProposal(Command, frozen=True, tag=True):
    """Work out who would have paid and received what in the last sessions under the proposal.

    `effective` is the day whose rules are compared; without it, the first day on which the proposal takes effect.
    """

    proposal_id: Name
    sessions: Annotated[int, msgspec.Meta(ge=1, le=100)]
    effective: Day | None = None


class ApproveProposal(Command, frozen=True, tag=True):
    """Approve a proposal, as a second person in another role, having seen the assessment in the row named."""

    proposal_id: Name
    assessment_sequence: Annotated[int, msgspec.Meta(ge=1)]


class RejectProposal(Command, frozen=True, tag=True):
    """Turn a proposal of somebody else down."""

    proposal_id: Name
    reason: Reason


class EmergencyValue(Message, frozen=True):
    """A value that a rule has during an emergency."""

    rule: str
    value: RuleValue


class DeclareEmergency(Command, frozen=True, tag=True):
    """Set values for rules at once, by one person, for so many days, after which they end by themselves.

    The values' days are not the sender's to choose: all are effective today, and end together.
    """

    emergency_id: Name
    values: Annotated[tuple[EmergencyValue, ...], msgspec.Meta(min_length=1, max_length=20)]
    days: Annotated[int, msgspec.Meta(ge=1, le=366)]
    reason: Reason
    source: LegalSource


class ConfirmEmergency(Command, frozen=True, tag=True):
    """Stand behind an emergency as a second person in another role; it still ends on its day."""

    emergency_id: Name


class RuleChangeProposed(Event, frozen=True, tag=True):
    """A proposal stands, and waits for its assessment and for a decision."""

    proposal_id: Known
    proposed: Proposed
    reason: str
    proposed_by: Known
    role: Role
    rulebook_version: str
    """The rulebook that was in force when it was proposed."""


class ProposalWithdrawn(Event, frozen=True, tag=True):
    """A proposal was taken back by who made it."""

    proposal_id: Known


class Amounts(Message, frozen=True):
    """What somebody bought and sold, in kilograms, and what he paid and received for it, in tiyn."""

    bought_kg: int
    sold_kg: int
    paid_tiyn: int
    received_tiyn: int


class ParticipantEffect(Message, frozen=True):
    """One participant over all sessions assessed: under the rules as they stand, and as proposed."""

    participant_id: Name
    today: Amounts
    proposed: Amounts


class ProvinceOutcome(Message, frozen=True):
    """What a province would have had from one session: prices, lots, money; None where there is no price."""

    price_tenge_per_tonne: int | None
    traded_lots: int
    paid_tiyn: int
    pump_tiyn_per_litre: int | None
    fund_tiyn: int


class ProvinceEffect(Message, frozen=True):
    """One province in one session: under the rules as they stand, and as proposed."""

    session_id: Name
    delivery_month: Month
    province: Name
    today: ProvinceOutcome
    proposed: ProvinceOutcome


class RefusedOrder(Message, frozen=True):
    """An order that the session took and that one of the two sets of rules would have refused, and with which code."""

    session_id: Name
    order_id: Name
    participant_id: Name
    place: Name
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    code: str


class ProposalAssessed(Event, frozen=True, tag=True):
    """Who would have paid and received what in the sessions named, had the orders stayed as they were.

    Each session is cleared twice from the orders that stood when it was cleared: by the rules of the day `effective`
    as they stand now (`rulebook_version`), and by those of the same day with the proposal (`proposed_version`).
    """

    proposal_id: Known
    effective: Day
    session_ids: tuple[Known, ...]
    left_out: tuple[Known, ...]
    """Sessions among the last that are over an instrument: they are run again from the journal, beside the writer."""
    participants: tuple[ParticipantEffect, ...]
    provinces: tuple[ProvinceEffect, ...]
    refused_today: tuple[RefusedOrder, ...]
    refused_proposed: tuple[RefusedOrder, ...]
    rulebook_version: str
    proposed_version: str


class ProposalApproved(Event, frozen=True, tag=True):
    """A second person has approved a proposal; the rulebook that follows holds it."""

    proposal_id: Known
    approved_by: Known
    role: Role
    assessment_sequence: int


class ProposalRejected(Event, frozen=True, tag=True):
    """A proposal was turned down."""

    proposal_id: Known
    rejected_by: Known
    reason: str


class EmergencyDeclared(Event, frozen=True, tag=True):
    """Rules have other values from today until the end of a day; it is listed until confirmed or ended."""

    emergency_id: Known
    rules: tuple[str, ...]
    effective: Day
    until: Day
    reason: str
    declared_by: Known
    role: Role


class EmergencyConfirmed(Event, frozen=True, tag=True):
    """A second person in another role stands behind an emergency."""

    emergency_id: Known
    confirmed_by: Known
    role: Role


RulebookCommand = (
    AdoptRulebook
    | ProposeRuleChange
    | WithdrawProposal
    | AssessProposal
    | ApproveProposal
    | RejectProposal
    | DeclareEmergency
    | ConfirmEmergency
)
RulebookEvent = (
    RulebookAdopted
    | RuleChangeProposed
    | ProposalWithdrawn
    | ProposalAssessed
    | ProposalApproved
    | ProposalRejected
    | EmergencyDeclared
    | EmergencyConfirmed
)
