"""The bulletin's read model: folded from a venue's rows, and nothing else."""

import re
from typing import Any

import pytest
from tests.trading_samples import toured
from tests.venue_samples import SOURCE, Desk, founded, opened, opening, order, report_terms, rulebook

from naryq import views
from naryq.messages import (
    AmendOrder,
    CancelOrder,
    ClearSession,
    CloseSession,
    OpenSession,
    PlanSupply,
    PublishPrices,
    ReportParity,
    SubmitOrder,
)
from naryq.units import percent_change_tenths
from naryq.views import Observed, Proof, ProvinceLine, RulebookResult

NAMES = {"ZH": "Zhanaozen", "AT": "Atyrau plant", "KZ-47": "Mangystau", "KZ-23": "Atyrau"}
SEEN = {"KZ-47": Observed(9_500, 12_000, "2022-01-03", "https://news.example/pumps")}
RULES: dict[str, Any] = {
    "platform_share": {"default": 6_500, "KZ-47": 10_000},
    "wholesale_cap": 38_000,
    "pump_step_rise": 500,
    "collar_rise": 1_000,
    "collar_fall": 6_000,
}
PROOF = Proof(7, "chain", "hash")


def month(desk: Desk, name: str, day: str, *lines: str) -> None:
    """Play one month: a plan for KZ-23, then orders as `person place side price lots`."""
    report_terms(desk, name)
    plan = {"delivery_month": name, "province": "KZ-23", "total_lots": 20}
    desk.must(PlanSupply, "regulator", **plan, transport_tenge_per_tonne=1_000)
    session = desk.must(OpenSession, "operator", **opening(name, day=day, delivery_month=name))
    desk.at_ns = session.opens_at_ns
    for number, line in enumerate(lines):
        person, place, side, price, lots = line.split()
        fields = order(f"{name}-{number}", place, side, price=int(price), lots=int(lots), session_id=name)
        desk.give(SubmitOrder, person, **fields)
    if len(lines) > 1:
        desk.must(
            SubmitOrder, "dossor", **order(f"{name}-gone", "KZ-23", "buy", price=42_000, lots=99, session_id=name)
        )
        desk.must(CancelOrder, "dossor", session_id=name, order_id=f"{name}-gone")
    desk.at_ns = session.closes_at_ns
    for kind in (CloseSession, ClearSession, PublishPrices):
        desk.must(kind, "operator", session_id=name)


@pytest.fixture(scope="module")
def desk() -> Desk:
    desk = founded(rulebook(**RULES), "2021-11-30")
    month(
        desk,
        "2021-12",
        "2021-11-30",
        "zhanaozen ZH sell 40000 10",
        "atyrau AT sell 50000 10",
        "aktau KZ-47 buy 42000 10",
        "dossor KZ-23 buy 55000 10",
    )
    desk.at_ns += 10**9
    month(
        desk,
        "2022-01",
        "2021-12-31",
        "zhanaozen ZH sell 50000 3",
        "zhanaozen ZH sell 99000 1",
        "aktau KZ-47 buy 52500 10",
        "aktau KZ-47 buy 99000 10",
    )
    assert desk.findings == []
    return desk


@pytest.fixture(scope="module")
def result(desk: Desk) -> RulebookResult:
    return views.rulebook_result(views.look(desk.rows), title="Title", names=NAMES, observed=SEEN, proof=PROOF)


def line(result: RulebookResult, code: str) -> ProvinceLine:
    return next(line for line in result.provinces if line.code == code)


def test_what_the_rows_say_is_counted(desk: Desk, result: RulebookResult) -> None:
    """Orders taken, those taken back included, and refusals by their code."""
    assert result.orders_accepted == 4 + 1 + 2 + 1
    assert result.orders_refused == 2
    assert result.refusals == {"price_above_collar": 2}
    assert (result.journal_sequence, result.journal_chain, result.state_hash) == PROOF
    assert views.look(desk.rows).sequence == len(desk.rows)


def test_an_order_taken_back_is_not_missed(desk: Desk, result: RulebookResult) -> None:
    """A cancelled bid is no unserved demand, and no order that stands."""
    assert "2022-01-gone" not in views.look(desk.rows).months["2022-01"].orders
    assert line(result, "KZ-23").unserved_lots == 0


def test_what_buyers_lack_is_counted(result: RulebookResult) -> None:
    """Bids at or above the price that got nothing are unserved, province by province."""
    assert line(result, "KZ-47").unserved_lots == 10 - 3
    assert result.unserved_lots == sum(each.unserved_lots for each in result.provinces)


def test_a_province_is_compared_before_and_after(result: RulebookResult) -> None:
    """Both months' prices, the change in tenths of a per cent, and what was seen at the pumps."""
    mangystau = line(result, "KZ-47")
    assert mangystau.name == "Mangystau"
    assert mangystau.ex_works_before_tenge_per_tonne == 40_000
    assert mangystau.change_tenths_of_percent == percent_change_tenths(
        mangystau.pump_before_tiyn_per_litre, mangystau.pump_after_tiyn_per_litre
    )
    assert mangystau.observed == SEEN["KZ-47"]
    assert line(result, "KZ-23").observed is None


def test_a_reason_tells_where_the_gas_came_from(result: RulebookResult) -> None:
    """The reason of the second month names its gas, what is lacking, and whose order sets the price."""
    mangystau = line(result, "KZ-47").reason
    assert mangystau.startswith("platform gas")
    assert "7 lots short" in mangystau
    assert "marginal bid" in mangystau
    assert line(result, "KZ-23").reason == "regulated plan gas"


def test_a_plant_says_why(result: RulebookResult) -> None:
    """Each plant tells whether it sold, at which price, and who set it."""
    plants = {plant.plant: plant for plant in result.plants}
    assert list(plants) == ["ZH", "AT"]
    assert (plants["ZH"].before_tenge_per_tonne, plants["ZH"].sold_before_lots) == (40_000, 10)
    assert plants["ZH"].sold_after_lots == 3
    assert plants["ZH"].reason.startswith("all it offers is sold")
    assert plants["AT"].after_tenge_per_tonne is None
    assert plants["AT"].reason == "offers nothing on the platform"


def test_a_plant_whose_asks_were_refused_is_not_called_idle() -> None:
    """A plant that asks above the collar did offer: its reason gives the lowest ask that was refused."""
    desk = founded(rulebook(**{**RULES, "price_rule": "lowest"}), "2021-11-30")
    month(desk, "2021-12", "2021-11-30", "zhanaozen ZH sell 40000 9", "aktau KZ-47 buy 42000 9")
    desk.at_ns += 10**9
    asks = ("atyrau AT sell 99000 1", "atyrau AT sell 98000 1", "atyrau AT sell 99500 1")
    month(desk, "2022-01", "2021-12-31", *asks, "zhanaozen ZH sell 39000 9", "aktau KZ-47 buy 44000 9")
    found = views.rulebook_result(views.look(desk.rows), title="", names=NAMES, observed={}, proof=PROOF)
    reasons = {plant.plant: plant.reason for plant in found.plants}
    assert reasons["AT"] == "asks 98 000 or more: refused, above the collar"
    assert reasons["ZH"].startswith("all it offers is sold")


def test_a_step_that_binds_has_a_path(result: RulebookResult) -> None:
    """Provinces that the step held have a path from their published price; the others have none."""
    bound = [each.code for each in result.provinces if "pump_step_rise" in each.limits]
    assert [path.code for path in result.paths] == bound
    assert bound == ["KZ-47"]
    (path,) = result.paths
    assert [point.month for point in path.points][:2] == ["2022-01", "2022-02"]
    assert path.points[0].fund_tiyn == line(result, "KZ-47").fund_tiyn == result.fund_tiyn > 0


@pytest.mark.parametrize(
    ("ask", "bid", "reason"),
    [
        ("44000", "60000", "at the collar: without it the price might be higher"),
        ("16000", "18000", "at the collar: without it the price might be lower"),
        ("44000", "45999", "asks 44000 or more and finds no buyer"),
    ],
)
def test_a_plant_at_the_collar_says_on_which_side(ask: str, bid: str, reason: str) -> None:
    """A price held from above and one held from below are told apart, and one that nobody pays is no price."""
    desk = founded(rulebook(**{**RULES, "pump_step_rise": None, "price_rule": "lowest"}), "2021-11-30")
    month(desk, "2021-12", "2021-11-30", "zhanaozen ZH sell 40000 9", "aktau KZ-47 buy 42000 9")
    desk.at_ns += 10**9
    top = str(min(int(bid), 46_000))
    month(desk, "2022-01", "2021-12-31", f"zhanaozen ZH sell {ask} 9", f"aktau KZ-47 buy {top} 5")
    seen = views.look(desk.rows)
    result = views.rulebook_result(seen, title="", names=NAMES, observed={}, proof=PROOF)
    assert re.sub(r"(?<=\d)\s(?=\d)", "", result.plants[0].reason) == reason


def test_what_the_two_keys_bound_says_so() -> None:
    """A plant that sells at their limit, its province, and a plant that asked more: each reason names the keys."""
    keys = {"two_key_level": 45_000, "two_key_spread": 0, "two_key_sessions": 1, "two_key_stay": 9}
    text = rulebook(**{**RULES, **keys, "collar_rise": 9_000, "pump_step_rise": None, "price_rule": "lowest"})
    desk = founded(text, "2021-11-30")
    desk.must(ReportParity, "operator", day="2021-11-30", parity_tenge_per_tonne=30_000, source=SOURCE)
    month(desk, "2021-12", "2021-11-30", "zhanaozen ZH sell 47000 9", "aktau KZ-47 buy 49000 9")
    desk.at_ns += 10**9
    month(
        desk,
        "2022-01",
        "2021-12-31",
        "atyrau AT sell 46000 1",
        "zhanaozen ZH sell 45000 9",
        "aktau KZ-47 buy 47000 5",
    )
    found = views.rulebook_result(views.look(desk.rows), title="", names=NAMES, observed={}, proof=PROOF)
    reasons = {plant.plant: plant.reason for plant in found.plants}
    assert reasons["ZH"] == "at the limit of the two keys: without it the price might be higher"
    told = re.sub(r"(?<=\d)\s(?=\d)", "", reasons["AT"])
    assert told == "asks 46000 or more: refused, above the limit of the two keys"
    assert "at the limit of the two keys" in line(found, "KZ-47").reason
    assert "two_key_level" in line(found, "KZ-47").limits
    assert desk.findings == []


def test_rows_may_end_anywhere(desk: Desk) -> None:
    """Looking at the first rows of a journal never fails: what has not happened is simply not there."""
    for count in range(len(desk.rows) + 1):
        seen = views.look(desk.rows[:count])
        assert seen.sequence == count
        for each in seen.months.values():
            assert each.published is None or each.cleared is not None


def test_a_price_between_all_orders_is_set_by_nobody() -> None:
    """Where any price between ask and bid clears and the rule takes the middle, no order is named as the one."""
    desk = founded(rulebook(**{**RULES, "pump_step_rise": None}), "2021-11-30")
    for name, day in (("2021-12", "2021-11-30"), ("2022-01", "2021-12-31")):
        month(desk, name, day, "zhanaozen ZH sell 40000 9", "aktau KZ-47 buy 44000 9")
        desk.at_ns += 10**9
    result = views.rulebook_result(views.look(desk.rows), title="", names=NAMES, observed={}, proof=PROOF)
    assert "set by" not in line(result, "KZ-47").reason
    assert result.plants[0].reason == "all it offers is sold"
    assert result.paths == ()


def test_a_session_over_an_instrument_shows_trades_and_no_names() -> None:
    """Its sheet has the phase with its reason, every trade without names, and the statistics once published."""
    desk = toured()
    sheet = views.look(desk.rows).sheets["day"]
    assert (sheet.phase, sheet.reason, sheet.instrument) == ("published", "its window has ended", "ZH-47")
    assert [(line.price_tenge_per_tonne, line.quantity_lots) for line in sheet.trades] == [(90_000, 2)]
    assert sheet.statistics is not None
    assert sheet.weighted_average_tenge_per_tonne == 90_000
    assert not any(person in repr(sheet) for person in ("zhanaozen", "aktau", "bid", "ask"))


def test_an_amended_order_shows_as_it_is_now() -> None:
    """A network session's order shows its new price and quantity, behind the others where it lost its place."""
    desk = opened()
    for number in range(2):
        desk.must(SubmitOrder, "zhanaozen", **order(f"o{number}", "ZH", "sell", price=90_000, lots=5))
    fields = {"session_id": "call", "order_id": "o0"}
    desk.must(AmendOrder, "zhanaozen", **fields, quantity_lots=3)
    desk.must(AmendOrder, "zhanaozen", **fields, price_tenge_per_tonne=91_000)
    shown = views.look(desk.rows).months["call"].orders
    assert [(each.order_id, each.price_tenge_per_tonne, each.quantity_lots) for each in shown.values()] == [
        ("o1", 90_000, 5),
        ("o0", 91_000, 3),
    ]
    assert desk.findings == []
