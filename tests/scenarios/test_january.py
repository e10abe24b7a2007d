"""December 2021 and January 2022 through the venue: what must come out of the inputs, and what must not be put in."""

import csv
from io import StringIO
from typing import NamedTuple

import pytest
from tests.auditor import Auditor

from naryq import exchange
from naryq.cli.demo import read_inputs, read_names
from naryq.cli.files import read_rulebook, shipped
from naryq.lab import agents, report, scenario
from naryq.lab.inputs import Inputs, load
from naryq.messages import Entry, PricesPublished, RulebookText, SessionCleared, SubmitOrder, SupplyPlanned
from naryq.units import TIYN_PER_TENGE
from naryq.views import Proof, ProvinceLine, RulebookResult, look, rulebook_result

BOTH = ("kazakhstan", "guarded")


class Played(NamedTuple):
    rows: list[Entry]
    result: RulebookResult


def played(inputs: Inputs, text: RulebookText) -> Played:
    venue, rows = report.in_memory()
    scenario.play(venue, inputs, text)
    proof = Proof(rows[-1].sequence, "", "")
    seen = report.observed(inputs)
    return Played(rows, rulebook_result(look(rows), title="", names=read_names(), observed=seen, proof=proof))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return read_inputs()


@pytest.fixture(scope="module")
def months(inputs: Inputs) -> dict[str, Played]:
    return {name: played(inputs, read_rulebook(name)) for name in BOTH}


def line(result: RulebookResult, code: str = scenario.MANGYSTAU) -> ProvinceLine:
    return next(line for line in result.provinces if line.code == code)


@pytest.mark.parametrize("name", BOTH)
def test_the_auditor_follows_both_months(months: dict[str, Played], name: str) -> None:
    """No answer, price, booking or pump price of the two months escapes the auditor."""
    auditor = Auditor()
    for row in months[name].rows:
        assert auditor.observe(row.command, row.events) == []
    assert auditor.seen["SubmitOrder"] > 1_000


@pytest.mark.parametrize("name", BOTH)
def test_replay_gives_the_same_hash(months: dict[str, Played], name: str, inputs: Inputs) -> None:
    """The rows lead to one state, and playing again gives the same rows."""
    again = played(inputs, read_rulebook(name)).rows
    assert again == months[name].rows
    states = [exchange.initial_state(), exchange.initial_state()]
    for row in again:
        states = [exchange.apply(state, row) for state in states]
    assert len({exchange.state_hash(state) for state in states}) == 1


def test_december_is_as_it_was(months: dict[str, Played]) -> None:
    """Before the step the platform's average is about 100,000 tenge a tonne, and Mangystau pays about 60."""
    result = months["kazakhstan"].result
    average = result.average_ex_works_before_tenge_per_tonne
    assert average is not None
    assert 90_000 <= average <= 110_000
    assert 5_800 <= line(result).pump_before_tiyn_per_litre <= 6_200
    assert line(result).ex_works_before_tenge_per_tonne == 38_000


def test_january_comes_near_what_was_seen(months: dict[str, Played]) -> None:
    """The model's Mangystau lies within 15 per cent of the 95 to 120 tenge observed, and rose by more than half."""
    mangystau = line(months["kazakhstan"].result)
    seen = mangystau.observed
    assert seen is not None
    assert (seen.lowest_tiyn_per_litre, seen.highest_tiyn_per_litre) == (9_500, 12_000)
    assert 0.85 * 9_500 <= mangystau.pump_after_tiyn_per_litre <= 1.15 * 12_000
    assert mangystau.change_tenths_of_percent > 500


def test_the_answer_does_not_know_what_was_observed(inputs: Inputs, months: dict[str, Played]) -> None:
    """Without the observed prices the same orders, prices and pump prices come out."""
    facts = {key: fact for key, fact in inputs.facts.items() if not key[0].startswith("observed")}
    assert len(facts) < len(inputs.facts)
    assert played(inputs._replace(facts=facts), read_rulebook("kazakhstan")).rows == months["kazakhstan"].rows


def test_the_answer_hangs_on_the_plants_cost(inputs: Inputs, months: dict[str, Played]) -> None:
    """A dearer plant at Zhanaozen makes Mangystau's January dearer and leaves its December alone."""
    fact = inputs.facts["cost", "KAZGPZ"]
    dear = inputs._replace(facts={**inputs.facts, ("cost", "KAZGPZ"): fact._replace(value=fact.value + 30_000)})
    found, as_it_was = line(played(dear, read_rulebook("kazakhstan")).result), line(months["kazakhstan"].result)
    assert found.pump_after_tiyn_per_litre > as_it_was.pump_after_tiyn_per_litre + 500
    assert found.pump_before_tiyn_per_litre == as_it_was.pump_before_tiyn_per_litre


def test_the_shock_is_mangystaus(months: dict[str, Played]) -> None:
    """Without limits no other province's pump price rises by more than a third of Mangystau's rise."""
    result = months["kazakhstan"].result
    others = [each.change_tenths_of_percent for each in result.provinces if each.code != scenario.MANGYSTAU]
    assert len(others) == 16
    assert max(others) * 3 < line(result).change_tenths_of_percent


def test_the_guarded_step_is_five_per_cent(months: dict[str, Played]) -> None:
    """Under the guarded rulebook no pump price rises by more than 5 per cent, and Mangystau's by just that."""
    result = months["guarded"].result
    assert all(
        each.pump_after_tiyn_per_litre * 100 <= each.pump_before_tiyn_per_litre * 105 for each in result.provinces
    )
    mangystau = line(result)
    assert mangystau.pump_after_tiyn_per_litre == mangystau.pump_before_tiyn_per_litre * 105 // 100
    assert mangystau.change_tenths_of_percent == 50
    assert "pump_step_rise" in mangystau.limits


@pytest.mark.parametrize("name", BOTH)
def test_the_fund_is_the_sum_of_its_provinces(months: dict[str, Played], name: str) -> None:
    """What the fund pays in all is what it pays each province, is booked, and is nothing where no step is."""
    rows, result = months[name]
    assert result.fund_tiyn == sum(each.fund_tiyn for each in result.provinces)
    postings = [leg for row in rows for event in row.events for leg in getattr(event, "postings", ())]
    assert -sum(leg.amount for leg in postings if leg.account == "fund") == result.fund_tiyn
    assert (result.fund_tiyn > 0) == (name == "guarded")
    for each in result.provinces:
        held = each.formula_after_tiyn_per_litre - each.pump_after_tiyn_per_litre
        assert (each.fund_tiyn > 0) == (held > 0)


def test_each_path_arrives(months: dict[str, Played]) -> None:
    """Each path starts at the published price, rises by at most the step, and ends at the formula without fund."""
    result = months["guarded"].result
    assert scenario.MANGYSTAU in [path.code for path in result.paths]
    for path in result.paths:
        first, last = path.points[0], path.points[-1]
        assert first.pump_tiyn_per_litre == line(result, path.code).pump_after_tiyn_per_litre
        assert first.fund_tiyn == line(result, path.code).fund_tiyn
        assert last.pump_tiyn_per_litre == last.formula_tiyn_per_litre
        assert last.fund_tiyn == 0
        for before, after in zip(path.points, path.points[1:], strict=False):
            assert after.pump_tiyn_per_litre * 100 <= before.pump_tiyn_per_litre * 105
            assert after.month > before.month


def shuffled(text: str) -> str:
    """Return a table with its rows in another order."""
    head, *rows = csv.reader(StringIO(text))
    out = StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *sorted(rows, key=lambda row: row[::-1])])
    return out.getvalue()


def test_the_order_of_the_inputs_does_not_matter(months: dict[str, Played]) -> None:
    """The same inputs in another order give the same rows, to the last byte."""
    folder = shipped("data") / "kazakhstan"
    texts = [(folder / name).read_text("utf-8") for name in ("model_facts.csv", "assumptions.csv")]
    assert shuffled(texts[0]) != texts[0]
    again = played(load(*map(shuffled, texts)), read_rulebook("guarded"))
    assert again == months["guarded"]


@pytest.mark.parametrize("name", BOTH)
def test_no_plant_sells_what_it_owes(months: dict[str, Played], inputs: Inputs, name: str) -> None:
    """What a plant offers on the platform and what it owes the plan are together no more than it makes."""
    for month in scenario.MONTHS:
        rows = months[name].rows
        planned = {
            event.province: event
            for row in rows
            for event in row.events
            if isinstance(event, SupplyPlanned) and event.delivery_month == month.delivery_month
        }
        owed = scenario._owed_lots(inputs, planned, 36_000)
        assert sum(owed.values()) == sum(plan.outside_lots for plan in planned.values())
        fills = _sold(rows, month.session_id)
        for plant in scenario.plants(inputs):
            made = agents.lots(inputs.value("capacity", plant), 36_000)
            assert 0 <= owed.get(plant, 0) + fills.get(plant, 0) <= made


def _sold(rows: list[Entry], session_id: str) -> dict[str, int]:
    """Return the lots that each plant sold in a session."""
    sellers = {
        row.command.order_id: row.command.actor
        for row in rows
        if isinstance(row.command, SubmitOrder) and row.command.side == "sell"
    }
    sold: dict[str, int] = {}
    for row in rows:
        for event in row.events:
            if isinstance(event, SessionCleared) and event.session_id == session_id:
                for fill in event.fills:
                    if fill.order_id in sellers:
                        sold[sellers[fill.order_id]] = sold.get(sellers[fill.order_id], 0) + fill.quantity_lots
    assert sold
    return sold


@pytest.mark.parametrize("name", BOTH)
def test_what_is_burned_is_what_was_bought_and_planned(months: dict[str, Played], inputs: Inputs, name: str) -> None:
    """Each province's volume is its plan and its purchases, and the country's is what all plants give up."""
    rows = months[name].rows
    for month in scenario.MONTHS:
        burned = sum(
            pump.volume_kg
            for row in rows
            for event in row.events
            if isinstance(event, PricesPublished) and event.delivery_month == month.delivery_month
            for pump in event.pump_prices
        )
        outside = sum(
            event.outside_lots
            for row in rows
            for event in row.events
            if isinstance(event, SupplyPlanned) and event.delivery_month == month.delivery_month
        )
        assert burned == (outside + sum(_sold(rows, month.session_id).values())) * 36_000
    demanded = sum(inputs.value("demand", province) for province in scenario.provinces(inputs)) * 1_000
    assert 0.5 * demanded < burned < 1.1 * demanded


def test_no_cap_bound_and_the_next_is_told(months: dict[str, Played]) -> None:
    """On 1 January no retail cap was in force; the bulletin says that 50 tenge came for Mangystau on 6 January."""
    mangystau = line(months["kazakhstan"].result)
    assert mangystau.cap_tiyn_per_litre is None
    assert (mangystau.next_cap_tiyn_per_litre, mangystau.next_cap_day) == (50 * TIYN_PER_TENGE, "2022-01-06")
