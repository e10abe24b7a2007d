"""Supply at its edges: who may apply for whom, corrections, offers against duties, reports and what is overdue."""

from typing import Any

import pytest
from tests.money_samples import MONEY_RULES
from tests.supply_script import RULES, SupplyScript
from tests.trading_samples import REGIONAL, REPUBLICAN, SERIES, instrument, offer, over
from tests.unit.test_people import kinds_that_show
from tests.venue_samples import (
    LINKS,
    MONTH,
    Desk,
    founded,
    instant,
    opened,
    opening,
    order,
    report_terms,
    rulebook,
    terms,
)

from naryq import exchange
from naryq.exchange import plans, supply
from naryq.exchange.supply import duties, late_reports, overdue, reoffers
from naryq.messages import (
    AdmitParticipant,
    ApprovePlan,
    CancelOrder,
    ChangePhase,
    ClearSession,
    CloseSession,
    Code,
    CorrectApplication,
    Deposit,
    Link,
    ListInstrument,
    OpenPlan,
    OpenSession,
    PlanSupply,
    PublishPrices,
    RefuseAllotment,
    Refused,
    ReportOutput,
    ReportRetailTerms,
    ReportSales,
    ReportShipment,
    ReviewApplications,
    ScheduleSessions,
    ShipAllotment,
    StateCapacity,
    SubmitApplication,
    SubmitOrder,
)

APPROVED = """
    ZH -> KZ-47 100 lots 2000 tenge
    AT -> KZ-23 100 lots 1000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 40
    2021-10-26 atyrau can AT 5
    2021-11-01 aktau applies a1 outside KZ-47 20
    2021-11-02 dossor applies d1 outside KZ-23 20
    2021-11-25 approve
"""
HALF: dict[str, Any] = {"platform_share": {"default": 5_000}}
OUTPUT = {"own_output_kg": 10, "tolled_output_kg": 2, "shipped_in_plan_kg": 7, "shipped_outside_plan_kg": 1}
SALES = {"sold_kg": 9, "used_kg": 9, "wholesale_tenge_per_tonne": 90_000, "retail_tiyn_per_litre": 8_900}


def approved(**rules: Any) -> Desk:
    """Return a desk with an approved plan: half of each application is met outside the platform, if gas is there."""
    return SupplyScript(APPROVED, **{**HALF, **rules}).desk


def life_of_a_plan() -> Desk:
    """Take a plan through all that can happen to it."""
    desk = approved()
    desk.at_ns = instant("10:00", "2022-01-05")
    desk.must(RefuseAllotment, "aktau", allotment_id="2022-01/2", lots=1, reason="a full depot")
    shipped = {"document": "bill-1", "mass_kg": 36_000, "loaded_on": "2022-01-05"}
    desk.must(ShipAllotment, "zhanaozen", allotment_id="2022-01/2", **shipped)
    desk.at_ns = instant("10:00", "2022-02-03")
    desk.must(ReportOutput, "zhanaozen", month=MONTH, plant="ZH", **OUTPUT)
    desk.must(ReportSales, "regulator", month=MONTH, province="KZ-47", **SALES)
    return desk


def test_each_event_of_a_plan_shows_in_the_hash() -> None:
    """Every event of supply changes the state, as far as its hash can tell, and reads back from bytes."""
    script = SupplyScript(
        """
        ZH -> KZ-47 100 lots 2000 tenge
        open 2022-01 on 2021-10-20
        2021-11-01 aktau applies a1 outside KZ-47 20
        2021-11-02 aktau corrects a1 18
        2021-11-10 accept KZ-47 9
        """
    )
    kinds = kinds_that_show(script.desk) | kinds_that_show(life_of_a_plan())
    offers = {kind for kind in supply.TOPIC.evolvers if kind.__name__.startswith("Order")}
    assert set(plans.TOPIC.evolvers) | set(supply.TOPIC.evolvers) <= kinds | offers


# --- Who may apply for whom -------------------------------------------------------------------------------------


def with_akimat(**rules: Any) -> Desk:
    """Return a desk with an open plan, an akimat of Mangystau, and a station owner who takes delivery there."""
    changes: dict[str, Any] = {**RULES, **rules}
    desk = founded(rulebook(**changes), "2021-10-01")
    for name, role, own in (("akimat", "observer", "akimat"), ("station", "buyer", "station_owner")):
        fields = {"participant_id": name, "name": "", "role": role, "participant_class": own, "provinces": ("KZ-47",)}
        desk.must(AdmitParticipant, "operator", **fields)
    desk.must(OpenPlan, "regulator", period=MONTH, links=(*LINKS[:1], Link("ZH", "KZ-23", 5, 1)))
    return desk


def applied(desk: Desk, actor: str, **changes: Any) -> Code | None:
    """Apply for ten lots, and return the code of the refusal, or None."""
    fields = {"application_id": f"n{len(desk.rows)}", "period": MONTH, "part": "outside", "province": "KZ-47"}
    answer = desk.give(SubmitApplication, actor, **{**fields, "applicant_id": actor, "lots": 10, **changes})
    assert answer.findings == []
    return answer.code


def test_an_akimat_applies_for_its_province() -> None:
    """An akimat applies for the buyers of its own province, and other observers and buyers for nobody else."""
    desk = with_akimat()
    assert applied(desk, "akimat", applicant_id="station") is None
    assert applied(desk, "akimat", applicant_id="aktau", province="KZ-23") == Code.NOT_PERMITTED
    assert applied(desk, "akimat", applicant_id="akimat") == Code.NOT_PERMITTED
    assert applied(desk, "akimat", applicant_id="zhanaozen") == Code.NOT_PERMITTED
    assert applied(desk, "akimat", applicant_id="ghost") == Code.UNKNOWN_PARTICIPANT
    assert applied(desk, "press", applicant_id="aktau") == Code.NOT_PERMITTED
    assert applied(desk, "dossor", applicant_id="aktau") == Code.NOT_PERMITTED


def test_a_buyer_applies_once_where_it_takes_delivery() -> None:
    """Twice for the same part and province, elsewhere, where no plant serves, and in no plan are refused."""
    desk = with_akimat()
    assert applied(desk, "station", application_id="mine") is None
    assert applied(desk, "station") == Code.ALREADY_EXISTS
    assert applied(desk, "station", part="platform") is None
    assert applied(desk, "station", province="KZ-23") == Code.NOT_PERMITTED
    assert applied(desk, "aktau", province="KZ-99") == Code.UNKNOWN_PLACE
    assert applied(desk, "aktau", period="2022-02") == Code.NOT_FOUND
    assert applied(desk, "aktau", application_id="mine") == Code.DUPLICATE_ID
    other = {"application_id": "mine", "lots": 1, "reason": "less"}
    assert desk.give(CorrectApplication, "aktau", **other).code == Code.NOT_PERMITTED
    assert desk.give(CorrectApplication, "station", **{**other, "application_id": "none"}).code == Code.NOT_FOUND


def test_only_recipients_of_the_rule_apply_outside_the_platform() -> None:
    """Where the rules list the classes of the plan's part outside, others may only apply for the platform's."""
    desk = with_akimat(plan_recipients=("station_owner",))
    assert applied(desk, "station") is None
    assert applied(desk, "aktau") == Code.NOT_PERMITTED
    assert applied(desk, "aktau", part="platform") is None


@pytest.mark.parametrize(
    ("links", "code"),
    [
        ((), Code.EMPTY),
        ((Link("ZH", "KZ-99", 1, 1),), Code.UNKNOWN_PLACE),
        ((LINKS[0], LINKS[0]), Code.DUPLICATE_ID),
    ],
)
def test_a_plan_needs_links_that_lead_somewhere(links: tuple[Link, ...], code: Code) -> None:
    """No link, a link to no province of the rulebook, and the same link twice are refused."""
    desk = founded(rulebook("planned", **RULES), "2021-10-01")
    assert desk.give(OpenPlan, "regulator", period=MONTH, links=links).code == code


def test_what_no_plan_knows_is_refused() -> None:
    """A plant without links, a capacity or a review of no plan, and an approval of nothing are refused."""
    desk = with_akimat()
    stated = {"period": MONTH, "plant": "AT", "lots": 4}
    assert desk.give(StateCapacity, "atyrau", **stated).code == Code.UNKNOWN_PLACE
    assert desk.give(StateCapacity, "atyrau", **{**stated, "period": "2022-03"}).code == Code.NOT_FOUND
    again = {**stated, "plant": "ZH", "correction": "we were wrong"}
    assert desk.give(StateCapacity, "atyrau", **again).code == Code.NOT_FOUND
    review = {"period": "2022-03", "province": "KZ-47", "lots": 1, "reason": "less"}
    assert desk.give(ReviewApplications, "regulator", **review).code == Code.NOT_FOUND
    assert desk.give(ApprovePlan, "regulator", period="2022-03").code == Code.NOT_FOUND


def test_a_plan_of_gas_outside_the_platform_needs_a_price() -> None:
    """Nothing is allotted at a regulated price that is not in force."""
    with pytest.raises(AssertionError, match="wholesale_cap"):
        approved(wholesale_cap=None)


# --- The months of a plan ---------------------------------------------------------------------------------------


def test_an_approved_plan_is_the_plan_of_its_months() -> None:
    """The months follow from the approval, and neither side can plan over the other."""
    desk = approved()
    planned = desk.state.supplies[MONTH, "KZ-47"]
    assert (planned.outside_lots, planned.platform_lots) == (10, 10)
    assert (planned.transport_tenge_per_tonne, planned.outside_price_tenge_per_tonne) == (2_000, 38_000)
    fields = {"delivery_month": MONTH, "province": "KZ-47", "total_lots": 9, "transport_tenge_per_tonne": 1}
    again = desk.give(PlanSupply, "regulator", **fields, correction="we think otherwise")
    assert (again.code, desk.findings) == (Code.ALREADY_EXISTS, [])


def test_a_month_planned_by_hand_is_not_planned_again() -> None:
    """A plan of a month that was planned by hand is not approved."""
    desk = with_akimat()
    fields = {"delivery_month": MONTH, "province": "KZ-47", "total_lots": 9, "transport_tenge_per_tonne": 1}
    desk.must(PlanSupply, "regulator", **fields)
    desk.at_ns = instant("10:00", "2021-11-20")
    assert desk.give(ApprovePlan, "regulator", period=MONTH).code == Code.ALREADY_EXISTS


# --- Duties -----------------------------------------------------------------------------------------------------


def test_offers_count_against_the_duty_until_they_are_withdrawn() -> None:
    """What a seller offers for the month counts, sold or not; what it takes back and other months do not."""
    desk = approved()
    for name, month in (("jan", MONTH), ("feb", "2022-02")):
        desk.must(OpenSession, "operator", **opening(name, delivery_month=month))
    desk.at_ns = instant("11:30")
    for name, session, lots in (("one", "jan", 6), ("two", "jan", 3), ("three", "feb", 5)):
        offer = order(name, "ZH", "sell", price=90_000, lots=lots, session_id=session)
        desk.must(SubmitOrder, "zhanaozen", **offer)
    desk.must(SubmitOrder, "aktau", **order("bid", "KZ-47", "buy", price=95_000, lots=4, session_id="jan"))
    desk.must(CancelOrder, "zhanaozen", session_id="jan", order_id="two")
    desk.at_ns = instant("13:00")
    for kind in (CloseSession, ClearSession):
        desk.must(kind, "operator", session_id="jan")
    duty = next(each for each in duties(desk.state, MONTH) if each.plant == "ZH")
    assert (duty.platform_lots, duty.offered_lots, duty.withheld_lots) == (10, 6, 4)
    assert duties(desk.state, "2022-02") == ()


def test_what_is_offered_by_truck_counts_by_its_mass() -> None:
    """Seventy-one lots of a tonne are one tank car of the plan and most of another."""
    desk = approved(truck_lot=1_000)
    desk.must(ListInstrument, "operator", **instrument("TRUCK", "KZ-47", carriage="truck"))
    desk.must(OpenSession, "operator", **over("continuous", instrument="TRUCK"))
    desk.at_ns = instant("11:30")
    desk.must(SubmitOrder, "zhanaozen", **offer("lorries", 90_000, 71, place="TRUCK"))
    duty = next(each for each in duties(desk.state, MONTH) if each.plant == "ZH")
    assert (duty.platform_lots, duty.offered_lots, duty.withheld_lots) == (10, 1, 9)


def test_what_is_refused_is_to_be_offered() -> None:
    """Refused lots are listed by seller, plant and province until sessions are announced for them."""
    desk = approved()
    assert reoffers(desk.state) == ()
    desk.at_ns = instant("10:00", "2022-01-05")
    desk.must(RefuseAllotment, "aktau", allotment_id="2022-01/2", lots=3, reason="a full depot")
    (reoffer,) = reoffers(desk.state)
    assert reoffer == (MONTH, "zhanaozen", "ZH", "KZ-47", 3, 0)


def test_refused_gas_is_sold_in_additional_sessions() -> None:
    """Two sessions for the province and three for the Republic are announced for it; what is offered there counts."""
    desk = approved()
    for code, region in ((REGIONAL, "KZ-47"), (REPUBLICAN, "KZ")):
        desk.must(ListInstrument, "operator", **instrument(code, region))
    desk.at_ns = instant("10:00", "2022-01-05")
    desk.must(RefuseAllotment, "aktau", allotment_id="2022-01/2", lots=3, reason="a full depot")
    series = {**SERIES, "first_day": "2022-01-06", "window": "other", "quantity_lots": 3}
    scheduled = desk.must(ScheduleSessions, "operator", **series)
    assert len(scheduled.session_ids) == 5
    others = {"series_id": "others", "requested_by": "atyrau", "base_price_tenge_per_tonne": 70_000}
    desk.must(ScheduleSessions, "operator", **{**series, **others})
    assert [(each.refused_lots, each.scheduled_lots) for each in reoffers(desk.state)] == [(3, 3)]
    desk.at_ns = desk.state.sessions["extra-1"].opened.opens_at_ns
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="continuous", reason="its hour has come")
    desk.must(SubmitOrder, "zhanaozen", **offer("again", 80_000, 3, session_id="extra-1"))
    duty = next(each for each in duties(desk.state, MONTH) if each.plant == "ZH")
    assert (duty.platform_lots, duty.offered_lots) == (13, 3)


def test_what_is_loaded_for_deals_of_the_platform_is_seen() -> None:
    """Shipments of deals that are settled against delivery show beside the duty to offer, and count no second time."""
    desk = approved(**{name: value for name, value in MONEY_RULES.items() if name != "prepayment_days"})
    for name, tenge in (("zhanaozen", 10**8), ("aktau", 10**8)):
        desk.must(Deposit, "operator", participant_id=name, amount_tiyn=tenge, bank_reference=f"bank-{name}")
    event = desk.must(OpenSession, "operator", **opening("call"))
    desk.at_ns = event.opens_at_ns
    desk.must(SubmitOrder, "zhanaozen", **order("ask", "ZH", "sell", price=10_000, lots=2))
    desk.must(SubmitOrder, "aktau", **order("bid", "KZ-47", "buy", price=15_000, lots=2))
    desk.at_ns = event.closes_at_ns
    for kind in (CloseSession, ClearSession):
        desk.must(kind, "operator", session_id="call")
    (obligation,) = [name for name, _ in desk.state.money.obligations.items()]
    loaded = {"document": "waybill-1", "mass_kg": 36_000, "loaded_on": "2021-12-31"}
    desk.must(ReportShipment, "operator", obligation_id=obligation, **loaded)
    duty = next(each for each in duties(desk.state, MONTH) if each.plant == "ZH")
    assert (duty.platform_loaded_kg, duty.offered_lots) == (36_000, 2)
    desk.at_ns = instant("10:00", "2022-01-05")
    other = {"mass_kg": 36_000, "loaded_on": "2022-01-05"}
    twice = {"allotment_id": "2022-01/2", "document": "waybill-1", **other}
    assert desk.give(ShipAllotment, "zhanaozen", **twice).code == Code.DUPLICATE_ID, "it counts for the plan as well"
    desk.must(ShipAllotment, "zhanaozen", **{**twice, "document": "waybill-2"})
    again = {"obligation_id": obligation, "document": "waybill-2", **other}
    assert desk.give(ReportShipment, "zhanaozen", **again).code == Code.ALREADY_EXISTS, "it counts for the deal as well"
    assert desk.findings == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"document": "bill-1"}, Code.DUPLICATE_ID),
        ({"loaded_on": "2022-01-06"}, Code.OUT_OF_RANGE),
        ({"loaded_on": "2021-12-31"}, Code.OUT_OF_RANGE),
        ({"loaded_on": "2022-01-00"}, Code.OUT_OF_RANGE),
        ({"mass_kg": 360_001}, Code.OUT_OF_RANGE),
        ({"allotment_id": "2022-01/9"}, Code.NOT_FOUND),
    ],
)
def test_a_shipment_counts_once_and_when_it_has_come(changes: dict[str, Any], code: Code) -> None:
    """A document twice, a day to come or before the period, more than is owed, and an unknown allotment are refused."""
    desk = approved()
    desk.at_ns = instant("10:00", "2022-01-05")
    fields = {"allotment_id": "2022-01/2", "document": "bill-1", "mass_kg": 1, "loaded_on": "2022-01-05"}
    desk.must(ShipAllotment, "zhanaozen", **fields)
    assert desk.give(ShipAllotment, "zhanaozen", **{**fields, "document": "bill-2", **changes}).code == code


# --- Reports ----------------------------------------------------------------------------------------------------


def test_what_is_missing_is_listed_by_its_day() -> None:
    """After the last day of January gas is overdue, after 5 February the outputs, after the 15th the sales."""
    desk = approved()
    assert overdue(exchange.initial_state(), "2022-03-01") == ()
    whats = {
        day: [each.what for each in overdue(desk.state, day)] for day in ("2022-01-31", "2022-02-01", "2022-02-06")
    }
    gas = ["108000 kg of the plan", "360000 kg of the plan"]
    assert whats == {"2022-01-31": [], "2022-02-01": gas, "2022-02-06": [*gas, *["output of 2022-01"] * 2]}
    late = overdue(desk.state, "2022-02-16")
    assert [(each.due, each.who) for each in late[-2:]] == [("2022-02-15", "KZ-23"), ("2022-02-15", "KZ-47")]
    desk.at_ns = instant("10:00", "2022-02-06")
    desk.must(ReportOutput, "zhanaozen", month=MONTH, plant="ZH", **OUTPUT)
    assert [each.who for each in overdue(desk.state, "2022-02-07") if "output" in each.what] == ["atyrau"]
    assert [each.seller_id for each in late_reports(desk.state) if hasattr(each, "seller_id")] == ["zhanaozen"]


def test_gas_that_is_loaded_is_not_overdue() -> None:
    """Of two sellers the one that has loaded all of the plan is not missed after the last day, the other is."""
    desk = approved()
    desk.at_ns = instant("10:00", "2022-01-05")
    before = {each.who for each in overdue(desk.state, "2022-02-01")}
    for number, each in desk.state.supply.allotments.items():
        if each.allotment.seller_id == "zhanaozen":
            loaded = {
                "document": f"bill-{number}",
                "mass_kg": each.allotment.lots * each.lot_kg,
                "loaded_on": "2022-01-05",
            }
            desk.must(ShipAllotment, "zhanaozen", allotment_id=number, **loaded)
    assert (before, {each.who for each in overdue(desk.state, "2022-02-01")}) == ({"atyrau", "zhanaozen"}, {"atyrau"})


def test_a_plan_without_a_last_day_is_never_overdue() -> None:
    """Where no rule says how long before its month a plan is approved, an open one is not missed; it may still come."""
    desk = with_akimat(plan_notice_days=None)
    assert overdue(desk.state, "2022-03-01") == ()
    assert applied(desk, "akimat", applicant_id="station") is None


def test_a_plan_that_is_not_approved_is_overdue() -> None:
    """After 26 November 2021 the plan of January 2022 is missing."""
    desk = with_akimat()
    assert overdue(desk.state, "2021-11-26") == ()
    (late,) = overdue(desk.state, "2021-11-27")
    assert (late.due, late.what, late.of) == ("2021-11-26", "plan", MONTH)


def test_reports_are_corrected_with_a_reason() -> None:
    """A second report without a reason, a correction of nothing, and a month that is not over are refused."""
    desk = life_of_a_plan()
    for kind, actor, fields in (
        (ReportOutput, "zhanaozen", {"month": MONTH, "plant": "ZH", **OUTPUT}),
        (ReportSales, "regulator", {"month": MONTH, "province": "KZ-47", **SALES}),
    ):
        assert desk.give(kind, actor, **fields).code == Code.ALREADY_EXISTS
        assert desk.give(kind, actor, **{**fields, "month": "2022-02"}).code == Code.OUT_OF_RANGE
        early = {**fields, "month": "2021-12", "correction": "a scale was wrong"}
        assert desk.give(kind, actor, **early).code == Code.NOT_FOUND
        again = desk.must(kind, actor, **fields, correction="a scale was wrong")
        assert again.previous == tuple(fields[name] for name in list(fields)[2:])


def test_an_output_is_that_of_a_plant_that_there_is() -> None:
    """A plant is known from a plan, an instrument or a session; a province, and a name of nothing, are none."""
    desk = life_of_a_plan()
    for plant in ("Atlantis", "KZ-47"):
        (refused,) = desk.give(ReportOutput, "atyrau", month=MONTH, plant=plant, **OUTPUT).events
        assert isinstance(refused, Refused)
        assert (refused.code, refused.where) == (Code.UNKNOWN_PLACE, "plant")
    assert desk.give(ReportOutput, "atyrau", month=MONTH, plant="AT", **OUTPUT).code is None
    bare = founded(rulebook())
    bare.at_ns = instant("10:00", "2022-01-03")
    report = {"month": "2021-12", "plant": "ZH", **OUTPUT}
    assert bare.give(ReportOutput, "zhanaozen", **report).code == Code.UNKNOWN_PLACE
    bare.must(ListInstrument, "operator", **instrument())
    assert bare.give(ReportOutput, "zhanaozen", **report).code is None
    bare.must(OpenSession, "operator", **opening(day="2022-01-03"))
    assert bare.give(ReportOutput, "zhanaozen", **{**report, "plant": "AT"}).code is None


def test_only_its_akimat_reports_a_province() -> None:
    """An akimat reports its own province, the regulator any that there is, and no other observer anything."""
    desk = with_akimat()
    desk.at_ns = instant("10:00", "2021-12-03")
    report = {"month": "2021-11", **SALES}
    assert desk.give(ReportSales, "akimat", province="KZ-23", **report).code == Code.NOT_PERMITTED
    assert desk.give(ReportSales, "press", province="KZ-47", **report).code == Code.NOT_PERMITTED
    assert desk.give(ReportSales, "regulator", province="KZ-99", **report).code == Code.UNKNOWN_PLACE
    assert desk.must(ReportSales, "akimat", province="KZ-47", **report).due == "2021-12-15"


# --- What was reported before -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "actor", "fields"),
    [
        (PlanSupply, "regulator", {"total_lots": 9, "transport_tenge_per_tonne": 1}),
        (ReportRetailTerms, "operator", {name: value for name, value in terms("").items() if name != "province"}),
    ],
)
def test_what_prices_come_from_is_corrected_aloud_or_not_at_all(kind: Any, actor: str, fields: dict[str, Any]) -> None:
    """A plan or terms are reported once, corrected with a reason and what stood before, and never once priced."""
    desk = opened()
    report = {"delivery_month": MONTH, "province": "KZ-47", **fields}
    assert desk.give(kind, actor, **{**report, "province": "KZ-99"}).code == Code.UNKNOWN_PLACE
    assert desk.give(kind, actor, **report, correction="a slip").code == Code.NOT_FOUND
    assert desk.must(kind, actor, **report).previous is None
    assert desk.give(kind, actor, **report).code == Code.ALREADY_EXISTS
    corrected = desk.must(kind, actor, **report, correction="a slip")
    assert corrected.previous is not None
    assert corrected.correction == "a slip"
    if kind is PlanSupply:
        report_terms(desk)
    else:
        desk.must(kind, actor, **{**report, "province": "KZ-23"})
    for name, side in (("zhanaozen", "sell"), ("aktau", "buy")):
        desk.must(SubmitOrder, name, **order(name, "KZ-47", side, price=90_000, lots=2))
    desk.at_ns = instant("13:00")
    for step in (CloseSession, ClearSession, PublishPrices):
        desk.must(step, "operator", session_id="call")
    assert desk.give(kind, actor, **report, correction="a slip").code == Code.ALREADY_EXISTS
    assert desk.findings == []
