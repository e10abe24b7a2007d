"""What the tests of rule changes share: a venue whose rules change by proposal, its proposals, two months of trade."""

from collections.abc import Iterator
from typing import Any

from tests.venue_samples import (
    DAY,
    SOURCE,
    Desk,
    founded,
    instant,
    opening,
    order,
    report_terms,
    rulebook,
)

from naryq.messages import (
    AdmitParticipant,
    ApproveProposal,
    AssessProposal,
    ClearSession,
    CloseSession,
    Code,
    DeclareEmergency,
    EmergencyValue,
    OpenSession,
    ProposalAssessed,
    ProposeRuleChange,
    PublishPrices,
    Refused,
    RulebookText,
    RuleChange,
    RuleValue,
    SubmitOrder,
)

LATER = "2022-01-15"
TOO_SOON = Code.OUT_OF_RANGE
RULES: dict[str, Any] = {"rule_change_notice_days": 10, "emergency_days_max": 30}


def change(rule: str, value: RuleValue, effective: str = LATER, until: str | None = None) -> RuleChange:
    """Return a change of one rule."""
    return RuleChange(rule, effective, value, SOURCE, until)


def propose(desk: Desk, *changes: RuleChange, actor: str = "operator", proposal_id: str = "p") -> Any:
    """Send a proposal."""
    return desk.give(
        ProposeRuleChange, actor, proposal_id=proposal_id, proposed=changes, reason="Prices must not jump."
    )


def assess(desk: Desk, sessions: int = 5, actor: str = "operator", **fields: Any) -> Any:
    """Assess the proposal and return the event."""
    return desk.must(AssessProposal, actor, proposal_id="p", sessions=sessions, **fields)


def approve(desk: Desk, actor: str = "regulator", row: int | None = None, proposal_id: str = "p") -> Any:
    """Approve the proposal by its last assessment, or by the row given."""
    found = desk.state.rule_changes.proposals[proposal_id].assessed_sequence or 1
    return desk.give(ApproveProposal, actor, proposal_id=proposal_id, assessment_sequence=row or found)


def ruled(**changes: Any) -> Desk:
    """Return a venue whose rules change by proposal only, with two people more of the roles that decide."""
    desk = founded(rulebook(**{**RULES, **changes}))
    for person, role in (("ministry", "regulator"), ("desk-2", "operator")):
        actor = "regulator" if role == "regulator" else "operator"
        desk.must(AdmitParticipant, actor, participant_id=person, name=person, role=role)
    return desk


def value(desk: Desk, rule: str, effective: str, known: str) -> RuleValue:
    """Return a rule's value in force in the venue."""
    assert desk.state.rulebook is not None
    found = desk.state.rulebook.in_force(effective, known).value(rule)
    return None if found is None else found.value


def declare(desk: Desk, days: int, *values: EmergencyValue, emergency_id: str = "e", actor: str = "regulator") -> Any:
    """Declare an emergency."""
    fields = {"values": values or (EmergencyValue("collar_rise", 0),), "days": days, "source": SOURCE}
    return desk.give(DeclareEmergency, actor, emergency_id=emergency_id, reason="A run.", **fields)


ORDERS = (
    ("zhanaozen", "ZH", "sell", 90_000, 6),
    ("atyrau", "AT", "sell", 100_000, 7),
    ("aktau", "KZ-47", "buy", 125_000, 8),
    ("dossor", "KZ-23", "buy", 118_000, 5),
    ("aktau", "KZ-23", "buy", 101_000, 4),
)


def hold_session(desk: Desk, name: str, day: str, lift: int = 0, month: str | None = None) -> None:
    """Hold one session of five orders, and publish it where a delivery month is given."""
    desk.at_ns = max(desk.at_ns, instant("09:00", day))
    desk.must(OpenSession, "operator", **opening(name, day=day, delivery_month=month or "2022-01"))
    desk.at_ns = instant("11:00", day)
    for number, (person, place, side, price, lots) in enumerate(ORDERS):
        fields = order(f"{name}-{number}", place, side, price=price + lift, lots=lots, session_id=name)
        desk.give(SubmitOrder, person, **fields)
    desk.at_ns = instant("13:00", day)
    for kind in (CloseSession, ClearSession):
        desk.must(kind, "operator", session_id=name)
    if month is not None:
        report_terms(desk, month)
        desk.must(PublishPrices, "operator", session_id=name)


def two_months(text: RulebookText) -> Desk:
    """Return a venue that has held and published two months."""
    desk = founded(text, "2021-11-30")
    hold_session(desk, "first", "2021-11-30", month="2021-12")
    hold_session(desk, "second", DAY, lift=8_000, month="2022-01")
    return desk


def effect_faults(found: ProposalAssessed, side: str, twin: Desk) -> Iterator[str]:
    """Compare one side of an effect with what a venue under those rules has booked, published and refused."""
    for each in found.participants:
        amounts, account = getattr(each, side), f"participant:{each.participant_id}"
        if amounts.received_tiyn - amounts.paid_tiyn != twin.state.balances.get((account, "tiyn"), 0):
            yield f"{side}: {each.participant_id} has other money"
        if amounts.bought_kg - amounts.sold_kg != twin.state.balances.get((account, "kg"), 0):
            yield f"{side}: {each.participant_id} has other gas"
    for effect in found.provinces:
        published = twin.state.sessions[effect.session_id].published
        pumps = () if published is None else published.pump_prices
        wanted = [(p.pump_tiyn_per_litre, p.fund_tiyn) for p in pumps if p.province == effect.province]
        outcome = getattr(effect, side)
        if (outcome.pump_tiyn_per_litre, outcome.fund_tiyn) != (wanted[0] if wanted else (None, 0)):
            yield f"{side}: {effect.province} in {effect.session_id} has another pump price"
    refused = {order.order_id for order in getattr(found, f"refused_{side}")}
    if refused != {row.command.order_id for row in twin.rows if isinstance(row.events[0], Refused)}:  # type: ignore[union-attr]  # only orders are refused there
        yield f"{side}: other orders are refused"
