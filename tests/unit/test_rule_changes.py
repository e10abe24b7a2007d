"""Changes of rules: who may decide what and when, what an assessment says, and emergencies that end."""

from typing import Any

import pytest
from tests.audit_of_rules import after
from tests.rule_change_samples import (
    LATER,
    ORDERS,
    RULES,
    approve,
    assess,
    change,
    declare,
    effect_faults,
    hold_session,
    propose,
    ruled,
    two_months,
    value,
)
from tests.venue_samples import (
    DAY,
    SOURCE,
    dated,
    founded,
    instant,
    opening,
    order,
    rulebook,
)

from naryq import exchange
from naryq.exchange.rulebooks import emergencies_listed
from naryq.messages import (
    AdoptRulebook,
    AssessProposal,
    Code,
    ConfirmEmergency,
    EmergencyValue,
    OpenSession,
    ProposeRuleChange,
    RejectProposal,
    RuleChange,
    SubmitOrder,
    WholeRulebook,
    WithdrawProposal,
)
from naryq.rulebook import Rulebook

# --- Four eyes --------------------------------------------------------------------------------------------------


def test_a_change_is_proposed_assessed_and_approved_by_another_role() -> None:
    """What one proposes and another approves holds from its day on, known since the approval; before, nothing does."""
    desk = ruled()
    assert propose(desk, change("collar_rise", 500)).code is None
    assess(desk)
    before = desk.state.rulebook
    assert approve(desk).code is None
    assert value(desk, "collar_rise", LATER, DAY) == 500
    assert value(desk, "collar_rise", after(LATER, -1), DAY) is None
    assert value(desk, "collar_rise", LATER, after(DAY, -1)) is None
    assert before is not None
    assert before.rule("collar_rise") is None
    assert desk.findings == []


@pytest.mark.parametrize("actor", ["operator", "desk-2", "press", "aktau", "nobody"])
def test_nobody_but_another_role_approves(actor: str) -> None:
    """The proposer, a colleague of the same role, a trader and a stranger are refused, and the rules stay."""
    desk = ruled()
    propose(desk, change("collar_rise", 500))
    assess(desk)
    wanted = {
        "operator": Code.FOUR_EYES,
        "desk-2": Code.FOUR_EYES,
        "nobody": Code.UNKNOWN_PARTICIPANT,
    }.get(actor, Code.NOT_PERMITTED)
    assert approve(desk, actor).code == wanted
    assert value(desk, "collar_rise", LATER, DAY) is None
    assert desk.findings == []


def test_an_approval_names_the_effect() -> None:
    """Without an assessment, with the row of another, or after the rules have changed, nothing is approved."""
    desk = ruled()
    propose(desk, change("collar_rise", 500))
    assert approve(desk).code == Code.NOT_ASSESSED
    assess(desk)
    assert approve(desk, row=len(desk.rows) - 1).code == Code.NOT_ASSESSED
    propose(desk, change("collar_fall", 5_000), proposal_id="other")
    desk.must(AssessProposal, "regulator", proposal_id="other", sessions=1)
    assert approve(desk, proposal_id="other").code is None
    assert approve(desk).code == Code.NOT_ASSESSED
    assess(desk)
    assert approve(desk).code is None
    assert desk.findings == []


def test_a_decided_proposal_stays_decided() -> None:
    """Only its maker withdraws a proposal, only others reject it, and afterwards nobody does anything with it."""
    desk = ruled()
    for name in ("p", "q"):
        propose(desk, change("collar_rise", 500), proposal_id=name)
    assert desk.give(WithdrawProposal, "regulator", proposal_id="p").code == Code.NOT_PERMITTED
    assert desk.give(RejectProposal, "operator", proposal_id="p", reason="No.").code == Code.NOT_PERMITTED
    desk.must(WithdrawProposal, "operator", proposal_id="p")
    desk.must(RejectProposal, "desk-2", proposal_id="q", reason="No.")
    for name in ("p", "q"):
        assert desk.give(AssessProposal, "operator", proposal_id=name, sessions=1).code == Code.WRONG_PHASE
        assert approve(desk, proposal_id=name).code == Code.WRONG_PHASE
        assert propose(desk, change("collar_rise", 500), proposal_id=name).code == Code.ALREADY_EXISTS
    assert desk.give(WithdrawProposal, "operator", proposal_id="none").code == Code.UNKNOWN_PROPOSAL
    assert desk.findings == []


# --- When -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "code"), [(-400, "out_of_range"), (0, "out_of_range"), (9, "out_of_range"), (10, None)]
)
def test_a_change_keeps_its_notice(days: int, code: str | None) -> None:
    """No change takes effect in the past, today, or before the notice is over, however many values it has."""
    desk = ruled()
    late = change("collar_fall", 5_000, after(DAY, 40))
    assert propose(desk, late, change("collar_rise", 500, after(DAY, days))).code == code
    assert desk.findings == []


def test_the_notice_runs_from_the_approval() -> None:
    """A proposal that waits too long for its approval is refused: it would take effect too soon."""
    desk = ruled()
    propose(desk, change("collar_rise", 500, after(DAY, 12)))
    desk.at_ns = instant("09:00", after(DAY, 3))
    assert desk.give(AssessProposal, "operator", proposal_id="p", sessions=1).code == Code.OUT_OF_RANGE
    assert approve(desk).code is not None
    assert desk.findings == []


def test_without_a_rule_of_notice_a_change_waits_for_the_next_day() -> None:
    """A rulebook without the rule still lets no change take effect on the day of its decision."""
    desk = founded()
    assert propose(desk, change("collar_rise", 500, DAY)).code == Code.OUT_OF_RANGE
    assert propose(desk, change("collar_rise", 500, after(DAY, 1))).code is None
    assert desk.findings == []


def test_adopting_is_over_once_the_rules_say_so() -> None:
    """A rulebook with a notice is changed by proposal only, even by an equal one; another may be replaced."""
    desk = founded()
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("second", **RULES))
    for text in (rulebook(), rulebook("second", **RULES)):
        assert desk.give(AdoptRulebook, "regulator", rulebook=text).code == Code.ALREADY_EXISTS
    assert desk.findings == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        (change("colar_rise", 500), "rule_unknown"),
        (change("collar_rise", "much"), "rule_invalid"),
        (change("collar_rise", 10**9), "rule_invalid"),
        (change("vat", None), "rule_invalid"),
        (change("collar_rise", 5, "2022-02-31"), "rule_invalid"),
        (change("collar_rise", 5, until="2022-01-01"), "rule_invalid"),
        (change("retail_cap", {"KZ-99": 5}), "unknown_place"),
    ],
)
def test_a_value_that_no_rule_may_have_is_not_even_proposed(changed: RuleChange, code: str) -> None:
    """A proposal is judged by the catalogue when it is made, not when it is approved."""
    desk = ruled()
    (refused,) = exchange.decide(
        desk.state, ProposeRuleChange("new", "operator", desk.at_ns, "p", (changed,), "A reason.")
    )
    assert getattr(refused, "code", None) == code


def test_orders_are_judged_by_the_rule_of_their_time() -> None:
    """The day before the change an order above the new collar is taken, on the day itself it is refused."""
    desk = ruled(collar_rise=5_000)
    hold_session(desk, "first", DAY)
    propose(desk, change("collar_rise", 100), actor="regulator")
    assess(desk)
    assert approve(desk, "operator").code is None
    for day, code in ((after(LATER, -1), None), (LATER, Code.PRICE_ABOVE_COLLAR)):
        desk.at_ns = instant("09:00", day)
        desk.must(OpenSession, "operator", **opening(day, day=day))
        desk.at_ns = instant("11:00", day)
        fields = order(f"o-{day}", "ZH", "sell", price=120_000, lots=1, session_id=day)
        assert desk.give(SubmitOrder, "zhanaozen", **fields).code == code
    assert desk.findings == []


def test_a_whole_rulebook_replaces_the_one_in_force_from_its_day() -> None:
    """From its day on a proposed rulebook answers as if it stood alone, what it is silent on is no rule any more."""
    desk = ruled(
        collar_rise=(dated("2021-01-01", "2020-12-01", 1_000), dated("2022-06-01", "2021-06-01", 2_000)),
        pump_step_rise=(dated("2021-01-01", "2020-12-01", 500, until="2022-03-01"),),
    )
    new = rulebook("new", **{**RULES, "collar_rise": 700, "vat": 1_600, "collar_fall": 5_000})
    fields = {"proposed": WholeRulebook(LATER, new, SOURCE), "reason": "A new law.", "proposal_id": "p"}
    desk.must(ProposeRuleChange, "operator", **fields)
    assess(desk)
    assert approve(desk).code is None
    assert [value(desk, "collar_rise", day, DAY) for day in (after(LATER, -1), LATER, "2022-07-01")] == [
        1_000,
        700,
        700,
    ]
    assert [value(desk, "pump_step_rise", day, DAY) for day in (after(LATER, -1), LATER)] == [500, None]
    assert [value(desk, "vat", day, DAY) for day in (after(LATER, -1), LATER)] == [1_200, 1_600]
    assert desk.state.rulebook is not None
    assert desk.state.rulebook.name == "new"
    assert desk.findings == []


def test_what_is_decided_and_not_yet_known_ends_with_the_old_rulebook() -> None:
    """A value that becomes known after the approval holds until the new rulebook's day, and no day of the new one."""
    desk = ruled(
        collar_rise=(
            dated("2021-01-01", "2020-12-01", 1_000),
            dated("2022-01-10", "2022-01-05", 2_000),
            dated("2022-01-12", "2022-01-05", 2_500, until="2022-01-13"),
            dated("2022-02-01", "2022-01-05", 3_000),
        )
    )
    new = rulebook("new", **{**RULES, "collar_rise": 700})
    fields = {"proposed": WholeRulebook(LATER, new, SOURCE), "reason": "A new law.", "proposal_id": "p"}
    desk.must(ProposeRuleChange, "operator", **fields)
    assess(desk)
    assert approve(desk).code is None
    days = ("2022-01-09", "2022-01-10", "2022-01-13", "2022-01-14", LATER, "2022-02-01")
    assert [value(desk, "collar_rise", day, "2022-03-01") for day in days] == [1_000, 2_000, 2_500, 2_000, 700, 700]
    assert desk.findings == []


def test_a_whole_rulebook_from_a_day_that_no_calendar_has_is_refused() -> None:
    """A 30 February is refused by a code, where it would have ended the writer by an exception."""
    desk = ruled()
    proposed = WholeRulebook("2022-02-30", rulebook("new"), SOURCE)
    command = ProposeRuleChange("new", "operator", desk.at_ns, "p", proposed, "A new law.")
    (refused,) = exchange.decide(desk.state, command)
    assert getattr(refused, "code", None) == Code.RULE_INVALID


def test_a_whole_rulebook_must_have_what_a_venue_needs() -> None:
    """A rulebook whose own rules end, or that begins too late, leaves a venue without a rule and is refused."""
    desk = ruled()
    new = rulebook("new", vat=(dated("2021-01-01", "2020-12-01", 1_200, until="2022-02-01"),))
    proposed = WholeRulebook(LATER, new, SOURCE)
    (refused,) = exchange.decide(
        desk.state, ProposeRuleChange("new", "operator", desk.at_ns, "p", proposed, "A new law.")
    )
    assert getattr(refused, "code", None) == Code.RULE_MISSING


# --- Emergencies ------------------------------------------------------------------------------------------------


def test_an_emergency_holds_at_once_and_ends_by_itself() -> None:
    """One person's value holds from that day to its last, over one that would begin meanwhile, and then leaves it."""
    desk = ruled(collar_rise=(dated("2021-01-01", "2020-12-01", 1_000), dated("2022-01-05", "2021-12-01", 2_000)))
    assert declare(desk, 10).code is None
    days = (after(DAY, -1), DAY, "2022-01-04", "2022-01-05", "2022-01-09", "2022-01-10")
    assert [value(desk, "collar_rise", day, DAY) for day in days] == [1_000, 0, 0, 0, 0, 2_000]
    assert [value(desk, "collar_rise", day, after(DAY, -1)) for day in days] == [
        1_000,
        1_000,
        1_000,
        2_000,
        2_000,
        2_000,
    ]
    assert desk.findings == []


def test_an_emergency_is_listed_until_it_is_confirmed_or_ends() -> None:
    """It stands in the list while it lasts, and leaves it by its end or by a second person's word."""
    desk = ruled()
    declare(desk, 10)
    names = [[e.emergency_id for e in emergencies_listed(desk.state, day)] for day in (DAY, "2022-01-09", "2022-01-10")]
    assert names == [["e"], ["e"], []]
    assert desk.give(ConfirmEmergency, "regulator", emergency_id="e").code == Code.FOUR_EYES
    assert desk.give(ConfirmEmergency, "ministry", emergency_id="e").code == Code.FOUR_EYES
    desk.must(ConfirmEmergency, "operator", emergency_id="e")
    assert emergencies_listed(desk.state, DAY) == ()
    assert desk.give(ConfirmEmergency, "operator", emergency_id="e").code == Code.WRONG_PHASE
    assert value(desk, "collar_rise", "2022-01-10", DAY) is None
    assert desk.findings == []


def test_an_emergency_has_its_bounds() -> None:
    """It may not be longer than the rules allow, touch the rules on rules or the clock, or come from elsewhere."""
    desk = ruled()
    assert declare(desk, 31).code == Code.OUT_OF_RANGE
    for rule in ("emergency_days_max", "rule_change_notice_days", "utc_offset"):
        assert declare(desk, 1, EmergencyValue(rule, 300)).code == Code.NOT_PERMITTED
    assert declare(desk, 1, actor="operator").code == Code.NOT_PERMITTED
    assert declare(founded(), 1).code == Code.RULE_MISSING
    assert declare(desk, 30).code is None
    assert declare(desk, 30).code == Code.ALREADY_EXISTS
    assert desk.give(ConfirmEmergency, "operator", emergency_id="none").code == Code.UNKNOWN_PROPOSAL
    assert desk.findings == []


def test_one_person_cannot_prolong_an_emergency_for_ever() -> None:
    """After an emergency that nobody confirmed, the same rule has a rest as long as an emergency may last."""
    desk = ruled()
    declare(desk, 10)
    for day, code in (("2022-01-10", Code.FOUR_EYES), ("2022-02-08", Code.FOUR_EYES), ("2022-02-09", None)):
        desk.at_ns = instant("09:00", day)
        assert declare(desk, 10, emergency_id=f"e-{day}").code == code
    desk.must(ConfirmEmergency, "operator", emergency_id="e-2022-02-09")
    desk.at_ns = instant("09:00", "2022-02-10")
    assert declare(desk, 10, emergency_id="confirmed").code is None
    desk.at_ns = instant("09:00", "2022-03-30")
    assert desk.give(ConfirmEmergency, "operator", emergency_id="confirmed").code == Code.WRONG_PHASE
    assert desk.findings == []


# --- The effect -------------------------------------------------------------------------------------------------


def test_the_effect_under_todays_rules_is_what_happened() -> None:
    """A proposal that changes nothing for a session shows on both sides what the accounts and the pumps show."""
    desk = two_months(rulebook(**RULES, collar_rise=5_000))
    propose(desk, change("retail_remote_surcharge", 1))
    found = assess(desk)
    assert all(each.today == each.proposed for each in (*found.participants, *found.provinces))
    assert list(effect_faults(found, "today", desk)) == []
    assert (found.session_ids, found.left_out) == (("first", "second"), ())
    assert found.refused_today == found.refused_proposed == ()
    assert desk.findings == []


@pytest.mark.parametrize(
    "changed",
    [
        {"price_rule": "highest"},
        {"tie_rule": "pro_rata", "price_rule": "lowest"},
        {"lot": 20_000},
        {"vat": 1_600},
        {"pump_step_rise": 100},
        {"retail_cap": {"default": 60}},
        {"collar_rise": 100, "tie_rule": "pro_rata"},
    ],
)
def test_the_effect_of_a_proposal_is_what_a_venue_under_it_does(changed: dict[str, Any]) -> None:
    """A second venue, founded under the proposed rules and given the same orders, books and publishes what was told."""
    desk = two_months(rulebook(**RULES))
    twin = two_months(rulebook(**{**RULES, **changed}))
    propose(desk, *(change(rule, worth) for rule, worth in changed.items()))
    found = assess(desk)
    assert any(each.today != each.proposed for each in (*found.participants, *found.provinces))
    assert list(effect_faults(found, "today", desk)) == []
    assert list(effect_faults(found, "proposed", twin)) == []
    assert twin.findings == desk.findings == []


def test_orders_that_the_proposal_would_have_refused_are_named() -> None:
    """A narrower collar names the orders beyond it, with the refusal's code, and clears without them."""
    desk = two_months(rulebook(**RULES))
    propose(desk, change("collar_rise", 100))
    found = assess(desk)
    assert {each.code for each in found.refused_proposed} == {Code.PRICE_ABOVE_COLLAR}
    assert found.refused_today == ()
    names = {each.order_id for each in found.refused_proposed}
    (second,) = [effect for effect in found.provinces if effect.session_id == "second" and effect.province == "KZ-47"]
    reference = desk.state.sessions["second"].opened.reference_tenge_per_tonne
    carriage = {"ZH": 0, "AT": 0, "KZ-47": 2_000, "KZ-23": 1_000}
    assert reference is not None
    assert names == {
        f"second-{number}"
        for number, (_, place, _, price, _) in enumerate(ORDERS)
        if 100 * (price + 8_000 - carriage[place]) > 101 * reference
    }
    assert second.proposed.traded_lots < second.today.traded_lots
    assert desk.findings == []


def test_only_the_last_sessions_are_assessed() -> None:
    """One session asked for is the last one; a day may be named whose rules are compared."""
    desk = two_months(rulebook(**RULES))
    propose(desk, change("lot", 20_000), change("lot", 10_000, "2022-03-01"))
    assert assess(desk, 1).session_ids == ("second",)
    (first, later) = (assess(desk, 1, effective=day) for day in (LATER, "2022-03-01"))
    assert [2 * each.proposed.bought_kg for each in later.participants] == [
        each.proposed.bought_kg for each in first.participants
    ]
    assert desk.findings == []


def test_everything_before_a_change_is_decided_again_as_it_was() -> None:
    """After a change and an emergency, every older row decided again gives the same events, and the same state hash."""
    desk = two_months(rulebook(**RULES, collar_rise=5_000))
    propose(desk, change("collar_rise", 100), change("vat", 1_600))
    assess(desk)
    approve(desk)
    declare(desk, 5)
    desk.must(ConfirmEmergency, "operator", emergency_id="e")
    state = exchange.initial_state()
    for row in desk.rows:
        assert exchange.decide(state, row.command) == row.events
        state = exchange.apply(state, row)
    assert exchange.state_hash(state) == exchange.state_hash(desk.state) == exchange.state_hash(desk.read_back())


def test_each_event_shows_in_the_hash() -> None:
    """Every event by which rules change alters the state, as far as its hash can tell."""
    desk = ruled()
    for name in ("p", "q", "r"):
        propose(desk, change("collar_rise", 500), proposal_id=name)
    assess(desk)
    approve(desk)
    desk.must(WithdrawProposal, "operator", proposal_id="q")
    desk.must(RejectProposal, "regulator", proposal_id="r", reason="No.")
    declare(desk, 5, EmergencyValue("collar_fall", 0))
    desk.must(ConfirmEmergency, "operator", emergency_id="e")
    state = exchange.initial_state()
    for row in desk.rows:
        after_row = state
        for event in row.events:
            before, after_row = after_row, exchange.evolve(after_row, event)
            assert exchange.state_hash(before) != exchange.state_hash(after_row)
        state = exchange.apply(state, row)
    assert desk.findings == []


def test_two_rulebooks_of_one_day_are_one_too_many() -> None:
    """A second value of a rule for the same day, approved on the same day, is refused rather than chosen from."""
    desk = ruled()
    for name, rise in (("p", 500), ("q", 600)):
        propose(desk, change("collar_rise", rise), proposal_id=name)
        desk.give(AssessProposal, "operator", proposal_id=name, sessions=1)
    assert approve(desk).code is None
    (refused,) = exchange.decide(desk.state, AssessProposal("new", "operator", desk.at_ns, "q", 1))
    assert getattr(refused, "code", None) == Code.RULE_INVALID
    assert Rulebook(rulebook()).version.startswith("sample@")
