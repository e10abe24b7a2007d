"""The model's people and inputs: demand, bids, asks, ways, and tables that are refused with their line."""

from fractions import Fraction

import pytest

from naryq import retail
from naryq.cli.demo import read_inputs
from naryq.lab import agents, inputs, report, scenario
from naryq.lab.agents import Demand, Offer
from naryq.lab.inputs import Assumption, Fact, Inputs
from naryq.messages import Refusal

LOT_KG = 36_000
TERMS = retail.Terms(1_200, 540, 6_000, 3_100)
CURVE = Demand("KZ-47", 417, 6_000, 30, 25_000)

FACTS = "input,subject,value,unit,source,note\ncost,KAZGPZ,100000,tenge_per_tonne,https://news.example/1,\n"
ASSUMED = "input,subject,value,lowest,highest,unit,why\nmarkup,KZ,10,0,40,percent,not named anywhere\n"


@pytest.fixture(scope="module")
def model() -> Inputs:
    return read_inputs()


# --- Inputs -----------------------------------------------------------------------------------------------------


def test_facts_and_assumptions_are_read_apart() -> None:
    """A value stands in one of two tables and is found whichever it is."""
    read = inputs.load(FACTS, ASSUMED)
    assert read.facts == {("cost", "KAZGPZ"): Fact(100_000, "tenge_per_tonne", "https://news.example/1", "")}
    assert read.assumptions == {("markup", "KZ"): Assumption(10, 0, 40, "percent", "not named anywhere")}
    assert (read.value("cost", "KAZGPZ"), read.value("markup")) == (100_000, 10)
    assert (read.get("cost", "KAZGPZ"), read.get("cost", "ANPZ")) == (100_000, None)
    assert read.subjects("cost") == ("KAZGPZ",)
    assert read.subjects("nothing") == ()


def test_a_value_that_nobody_gives_is_a_bug() -> None:
    """The model names the input that neither table has."""
    with pytest.raises(AssertionError, match="cost of ANPZ"):
        inputs.load(FACTS, ASSUMED).value("cost", "ANPZ")


def test_a_swing_stays_in_its_range() -> None:
    """An assumption moves between its bounds and not beyond; the inputs it came from stay as they were."""
    read = inputs.load(FACTS, ASSUMED)
    assert read.assuming(("markup", "KZ"), 40).value("markup") == 40
    assert read.value("markup") == 10
    with pytest.raises(AssertionError, match="within its range"):
        read.assuming(("markup", "KZ"), 41)


@pytest.mark.parametrize(
    ("facts", "assumed", "where", "what"),
    [
        (FACTS.replace("100000", "ten"), ASSUMED, "model_facts.csv, line 2", "'ten'"),
        (FACTS.replace("100000", "-1"), ASSUMED, "model_facts.csv, line 2", "'-1'"),
        (FACTS.replace("100000", "1e5"), ASSUMED, "model_facts.csv, line 2", "'1e5'"),
        (FACTS.replace("100000", "1.5"), ASSUMED, "model_facts.csv, line 2", "'1.5'"),
        (FACTS.replace("100000", ""), ASSUMED, "model_facts.csv, line 2", "''"),
        (FACTS.replace("100000", "٣"), ASSUMED, "model_facts.csv, line 2", "whole number"),
        (FACTS.replace("100000", "9" * 5_000), ASSUMED, "model_facts.csv, line 2", "whole number"),
        (FACTS.replace("100000", str(2**63)), ASSUMED, "model_facts.csv, line 2", "whole number"),
        (FACTS.replace("https://news.example/1", ""), ASSUMED, "model_facts.csv, line 2", "no source"),
        (FACTS + "cost,PKOP\n", ASSUMED, "model_facts.csv, line 3", "whole number"),
        (FACTS + FACTS.split("\n")[1], ASSUMED, "model_facts.csv, line 3", "stands twice"),
        (FACTS.replace("subject", "place"), ASSUMED, "model_facts.csv, line 1", "columns"),
        ("", ASSUMED, "model_facts.csv, line 1", "columns"),
        (FACTS, ASSUMED.replace("markup,KZ,10", "markup,KZ,41"), "assumptions.csv, line 2", "outside its own range"),
        (FACTS, ASSUMED.replace("markup,KZ", "cost,KAZGPZ"), "assumptions.csv, line 2", "fact already"),
        (FACTS, ASSUMED.replace("not named anywhere", ""), "assumptions.csv, line 2", "no source or reason"),
    ],
)
def test_a_wrong_row_is_refused_with_its_line(facts: str, assumed: str, where: str, what: str) -> None:
    """What a column does not promise is refused with the file, the line and what is wrong."""
    with pytest.raises(Refusal) as refused:
        inputs.load(facts, assumed)
    assert refused.value.where == where
    assert what in refused.value.what
    assert refused.value.remedy


def test_every_shipped_value_has_its_reason(model: Inputs) -> None:
    """Each fact names an address, each assumption a range and a reason, and none stands in both tables."""
    assert all(fact.source.startswith("http") for fact in model.facts.values())
    assert all(each.why and each.lowest <= each.value <= each.highest for each in model.assumptions.values())
    assert not set(model.facts) & set(model.assumptions)
    assert len(scenario.provinces(model)) == 17
    assert len(scenario.plants(model)) == 10


# --- Agents -----------------------------------------------------------------------------------------------------


def test_demand_falls_with_the_price_and_ends_at_the_choke() -> None:
    """At the reference price all is burned, at twice the price 0.5 ** 0.3 of it, above the choke price nothing."""
    assert CURVE.quantity_lots(6_000) == 417
    assert CURVE.quantity_lots(12_000) == round(417 * 0.5**0.3)
    assert CURVE.quantity_lots(25_000) > 0
    assert CURVE.quantity_lots(25_001) == 0
    quantities = [CURVE.quantity_lots(price) for price in range(1_000, 26_000, 500)]
    assert quantities == sorted(quantities, reverse=True)


def test_bids_add_up_to_the_curve() -> None:
    """At each delivered price the bids at or above it make what would be burned there, less what the plan brings."""
    bids = list(agents.bids(CURVE, TERMS, planned_lots=100, highest_pump_tiyn_per_litre=None, buyers=4))
    assert len({(bid.participant_id, bid.price_tenge_per_tonne) for bid in bids}) == len(bids)
    for price in (30_000, 60_000, 110_000, 150_000):
        pump = retail.pump_price(retail.build_up(price, 0, TERMS))
        wanted = sum(bid.quantity_lots for bid in bids if bid.price_tenge_per_tonne >= price)
        assert wanted == max(0, CURVE.quantity_lots(pump) - 100)
    assert {bid.side for bid in bids} == {"buy"}
    assert all(bid.quantity_lots > 0 and bid.worst_tenge_per_tonne == bid.price_tenge_per_tonne for bid in bids)


def test_a_held_pump_makes_demand_upright() -> None:
    """Where drivers pay no more than a height, what they burn there is wanted at any higher price too."""
    bids = list(agents.bids(CURVE, TERMS, planned_lots=0, highest_pump_tiyn_per_litre=6_300, buyers=2))
    dearest = max(bid.price_tenge_per_tonne for bid in bids)
    assert sum(bid.quantity_lots for bid in bids if bid.price_tenge_per_tonne == dearest) == CURVE.quantity_lots(6_300)


def test_a_province_that_the_plan_satisfies_bids_nothing_dear() -> None:
    """With more plan gas than anybody burns there is no bid at all."""
    assert list(agents.bids(CURVE, TERMS, planned_lots=10**6, highest_pump_tiyn_per_litre=None, buyers=4)) == []


def test_asks_rise_from_the_reservation_by_the_markup(model: Inputs) -> None:
    """A plant offers equal parts from its cost up to its cost and the markup, and never below its cost."""
    asks = list(agents.asks(model, "KAZGPZ", 10))
    assert [ask.quantity_lots for ask in asks] == [3, 3, 2, 2]
    assert [ask.price_tenge_per_tonne for ask in asks] == [100_000, 103_333, 106_667, 110_000]
    assert {ask.worst_tenge_per_tonne for ask in asks} == {100_000}
    assert list(agents.asks(model, "KAZGPZ", 0)) == []
    assert sum(ask.quantity_lots for ask in agents.asks(model, "KAZGPZ", 3)) == 3


def test_a_plant_that_may_export_asks_what_export_leaves(model: Inputs) -> None:
    """Where export is open, the reservation is the border price less carriage, if that is above the cost."""
    assert agents.reservation_tenge_per_tonne(model, "TCO") == (500 - 120) * 435
    closed = model.assuming(("export_open", "TCO"), 0)
    assert agents.reservation_tenge_per_tonne(closed, "TCO") == closed.value("cost", "TCO")


@pytest.mark.parametrize(
    ("side", "price", "worst", "bounds", "moved"),
    [
        ("sell", 110, 100, (40, 105), 105),
        ("sell", 110, 106, (40, 105), None),
        ("sell", 30, 20, (40, 105), 40),
        ("buy", 110, 110, (40, 105), 105),
        ("buy", 30, 30, (40, 105), None),
        ("buy", 30, 50, (40, 105), 40),
        ("buy", 60, 60, (40, 105), 60),
        ("sell", 60, 60, (None, None), 60),
        ("sell", 10**9, 0, (None, 7), 7),
    ],
)
def test_whoever_is_refused_comes_to_the_bound(
    side: str, price: int, worst: int, bounds: tuple[int | None, int | None], moved: int | None
) -> None:
    """An offer moves to the nearest price allowed, or stays away where its owner would lose by it."""
    offer = Offer("who", "where", side, price, worst, 1)  # type: ignore[arg-type]  # one of the two sides
    found = offer.within(*bounds)
    assert (found and found.price_tenge_per_tonne) == moved


def test_lots_and_names() -> None:
    """Tonnes become whole lots, rounded half up; pairs and buyers have one name each."""
    assert [agents.lots(tonnes, LOT_KG) for tonnes in (0, 17, 18, 36, 15_000)] == [0, 0, 1, 1, 417]
    assert agents.pair("KAZGPZ", "KZ-47") == "KAZGPZ>KZ-47"
    assert agents.buyer("KZ-47", 0) == "KZ-47/buyer-1"


def test_ways_are_a_base_and_a_rate(model: Inputs) -> None:
    """Zhanaozen to Mangystau, 150 km, costs 3,000 and 7 a kilometre; each way of the tables is a link once."""
    assert agents.tariff_tenge_per_tonne(model, "KAZGPZ>KZ-47") == 3_000 + 7 * 150
    links = agents.links(model, LOT_KG)
    assert len({(link.source, link.target) for link in links}) == len(links) == len(model.subjects("distance"))
    assert {link.target for link in links} == set(scenario.provinces(model))


# --- The plan and the report ------------------------------------------------------------------------------------


def test_the_plan_is_shared_out_pro_rata(model: Inputs) -> None:
    """Mangystau gets what it burns, the others the rest in proportion to what they burn, and no lot is lost."""
    planned = scenario.planned_lots(model, LOT_KG)
    demands = {province: agents.demand(model, province, LOT_KG).base_lots for province in planned}
    home = [plant for plant in scenario.plants(model) if plant != "TCO"]
    supply = sum(agents.lots(model.value("capacity", plant), LOT_KG) for plant in home)
    assert planned["KZ-47"] == demands["KZ-47"]
    others = [province for province in planned if province != "KZ-47"]
    wanted = sum(demands[province] for province in others)
    left = min(supply - planned["KZ-47"], wanted)
    assert sum(planned[province] for province in others) == left
    for province in others:
        assert abs(planned[province] - Fraction(left * demands[province], wanted)) < 1


def test_what_was_seen_has_its_source(model: Inputs) -> None:
    """Mangystau's observed range is 95 to 120 tenge, in tiyn, with an address."""
    seen = report.observed(model)["KZ-47"]
    assert (seen.lowest_tiyn_per_litre, seen.highest_tiyn_per_litre) == (9_500, 12_000)
    assert "http" in seen.source


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (9_000, "lies 5.00 below that range"),
        (9_500, "lies inside that range, 0.00 above its lower end and 25.00 below its upper end"),
        (12_000, "lies inside that range, 25.00 above its lower end and 0.00 below its upper end"),
        (12_001, "lies 0.01 above that range"),
    ],
)
def test_the_story_says_how_far_off_the_model_is(found: int, said: str) -> None:
    """A price below, inside or above the observed range is told as such, with the distance."""
    assert report._against(found, 9_500, 12_000) == said


def test_a_single_figure_is_no_range() -> None:
    """Where one figure was seen, the story says how far the model is from that, not from a range."""
    assert report._against(9_781, 11_500, 11_500) == "lies 17.19 below that"
