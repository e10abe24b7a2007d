"""Pricing: the cheapest way, a session's outcome, its settlement, and each way in which gas reaches a province."""

from typing import Any

import pytest
from tests.venue_samples import PLACES, opened, order, rulebook

from naryq import ledger, pricing
from naryq.messages import (
    Fill,
    Flow,
    Link,
    OrderAccepted,
    Place,
    PlacePrice,
    PumpPrice,
    RetailTermsReported,
    SessionCleared,
    SessionOpened,
    SupplyPlanned,
)
from naryq.rulebook import InForce, Rulebook

LINKS = (Link("ZH", "KZ-47", 10, 2_000), Link("AT", "KZ-47", 10, 6_000), Link("AT", "KZ-23", 10, 1_000))


def rules(**changes: Any) -> InForce:
    return Rulebook(rulebook(**changes)).in_force("2022-01-01", "2021-12-31")


def session(**changes: Any) -> SessionOpened:
    (opened_,) = (call.opened for call in opened(**changes).auditor.books.calls.values())
    return opened_


def orders(*lines: str) -> tuple[OrderAccepted, ...]:
    """Read orders as `id place side price lots`, each sent a nanosecond after the one before."""
    made = []
    for at_ns, line in enumerate(lines):
        name, place, side, price, lots = line.split()
        fields = order(name, place, side, price=int(price), lots=int(lots))
        made.append(OrderAccepted(**fields, participant_id=f"of-{name}", submitted_at_ns=at_ns, rulebook_version="v"))
    return tuple(made)


def test_the_cheapest_carriage_is_the_lowest_tariff_in() -> None:
    """A place's carriage is the lowest tariff of the links that reach it, and zero where none does."""
    assert pricing.cheapest_carriage(PLACES, LINKS) == {"ZH": 0, "AT": 0, "KZ-47": 2_000, "KZ-23": 1_000}
    assert pricing.cheapest_carriage(PLACES, ()) == dict.fromkeys(("ZH", "AT", "KZ-47", "KZ-23"), 0)
    assert pricing.cheapest_carriage((), LINKS) == {}


def test_a_session_without_orders_has_no_price() -> None:
    """Nobody came: no price, no fill, no flow, no average, and nothing to settle."""
    cleared = pricing.clear_session(session(), (), rules())
    assert cleared == SessionCleared("call", (), (), (), 0, 0, None, rules().version, reference_moved=False)
    assert pricing.settle(session(), (), cleared) == ()


def test_a_session_says_what_it_found() -> None:
    """Prices stand in the order of the places, fills in that of the orders, flows without the empty links."""
    asked = orders("a ZH sell 90000 5", "b KZ-47 buy 100000 3", "c KZ-23 buy 1 2")
    cleared = pricing.clear_session(session(), asked, rules())
    by_place = {price.place: price for price in cleared.prices}
    assert [price.place for price in cleared.prices] == [p.place for p in PLACES if p.place in by_place]
    assert (by_place["ZH"].price_tenge_per_tonne, by_place["ZH"].traded_lots) == (90_000, 3)
    assert (by_place["KZ-47"].price_tenge_per_tonne, by_place["KZ-47"].traded_lots) == (92_000, 3)
    assert by_place["KZ-47"].marginal_orders == ("a",)
    assert by_place["KZ-47"].set_at == "ZH"
    assert cleared.fills == (Fill("a", 3), Fill("b", 3), Fill("c", 0))
    assert cleared.flows == (Flow("ZH", "KZ-47", 3),)
    assert cleared.welfare == cleared.dual_value == 3 * (100_000 - 90_000 - 2_000)
    assert cleared.average_ex_works_tenge_per_tonne == 90_000


def test_an_administered_price_where_nobody_stands_keeps_nothing_from_clearing() -> None:
    """No order and no way leads to the region: its cap bounds nothing, and must not be taken for a misspelt place."""
    asked = orders("a ZH sell 90000 5", "b ZH buy 95000 3")
    free = pricing.clear_session(session(links=()), asked, rules())
    capped = pricing.clear_session(session(links=()), asked, rules(), caps={"KZ-47": 50_000})
    assert capped == free
    assert [fill.quantity_lots for fill in free.fills] == [3, 3]


def test_only_what_plants_sell_makes_the_ex_works_average() -> None:
    """A lot traded between friends in a far province holds its carriage, and must not lift the next collar by it."""
    asked = orders("a ZH sell 90000 5", "b ZH buy 90000 5", "c KZ-23 sell 900000 1", "d KZ-23 buy 900000 1")
    cleared = pricing.clear_session(session(links=()), asked, rules())
    assert [fill.quantity_lots for fill in cleared.fills] == [5, 5, 1, 1]
    assert cleared.average_ex_works_tenge_per_tonne == 90_000
    assert pricing.clear_session(session(links=()), asked[2:], rules()).average_ex_works_tenge_per_tonne is None


@pytest.mark.parametrize(("rule", "price"), [("lowest", 92_000), ("middle", 96_000), ("highest", 100_000)])
def test_the_price_rule_chooses_among_prices_that_clear(rule: str, price: int) -> None:
    """Five lots offered at 90,000 and wanted at 100,000 clear anywhere between, less the carriage."""
    asked = orders("a ZH sell 90000 5", "b KZ-47 buy 100000 5")
    cleared = pricing.clear_session(session(text=rulebook(price_rule=rule)), asked, rules())
    assert {p.place: p.price_tenge_per_tonne for p in cleared.prices}["KZ-47"] == price


@pytest.mark.parametrize(("rule", "fills"), [("time", [5, 1, 0]), ("pro_rata", [3, 2, 1])])
def test_the_tie_rule_shares_the_margin(rule: str, fills: list[int]) -> None:
    """Six lots for bids of 5, 3 and 2 at one price: the earliest first, or by the largest remainder."""
    asked = orders("z KZ-47 buy 100000 5", "y KZ-47 buy 100000 3", "x KZ-47 buy 100000 2", "s ZH sell 90000 6")
    cleared = pricing.clear_session(session(text=rulebook(tie_rule=rule)), asked, rules())
    assert [fill.quantity_lots for fill in cleared.fills[:3]] == fills


def test_settlement_pays_each_at_its_own_place() -> None:
    """The buyer pays the province's price, the seller gets the plant's, the carrier the tariff."""
    asked = orders("a ZH sell 90000 5", "b KZ-47 buy 100000 3")
    cleared = pricing.clear_session(session(), asked, rules())
    booked = {(leg.account, leg.unit): leg.amount for leg in pricing.settle(session(), asked, cleared)}
    assert booked == {
        ("participant:of-a", "tiyn"): 3 * 36 * 90_000 * 100,
        ("participant:of-a", "kg"): -3 * 36_000,
        ("participant:of-b", "tiyn"): -3 * 36 * 92_000 * 100,
        ("participant:of-b", "kg"): 3 * 36_000,
        (ledger.CARRIER, "tiyn"): 3 * 36 * 2_000 * 100,
    }


# --- The pump ---------------------------------------------------------------------------------------------------


def cleared(price: int | None, lots: int, *flows: Flow, limits: tuple[str, ...] = ()) -> SessionCleared:
    prices = () if price is None else (PlacePrice("KZ-47", price, lots, "KZ-47", (), (), limits),)
    return SessionCleared("call", prices, (), flows, 0, 0, None, "v")


def plan(lots: int, price: int | None = 38_000) -> SupplyPlanned:
    return SupplyPlanned("2022-01", "KZ-47", lots, 0, price, 4_000, 0, "v")


def terms(pass_on: int = 0) -> RetailTermsReported:
    return RetailTermsReported("2022-01", "KZ-47", 6_000, 3_100, pass_on)


def pumped(
    found: SessionCleared,
    planned: SupplyPlanned | None = None,
    *,
    pass_on: int = 0,
    previous: PumpPrice | None = None,
    **changes: Any,
) -> PumpPrice | None:
    return pricing.pump_price(
        "KZ-47",
        opened=session(links=LINKS),
        cleared=found,
        rules=rules(**changes),
        planned=planned,
        terms=terms(pass_on),
        previous=previous,
    )


def test_a_province_without_gas_has_no_pump_price() -> None:
    """No plan and no trade, or a price at which nothing was traded, make no pump price."""
    assert pumped(cleared(None, 0)) is None
    assert pumped(cleared(100_000, 0)) is None
    assert pumped(cleared(None, 0), plan(0, None)) is None


def test_platform_gas_comes_at_its_mean_carriage() -> None:
    """Three lots over 2,000 and two over 6,000 make 3,600 on the way; the rest of the price is the plant's."""
    price = pumped(cleared(100_000, 5, Flow("ZH", "KZ-47", 3), Flow("AT", "KZ-47", 2), Flow("AT", "KZ-23", 9)))
    assert price is not None
    assert (price.transport_tenge_per_tonne, price.ex_works_tenge_per_tonne) == (3_600, 96_400)
    assert (price.volume_kg, price.reason) == (5 * 36_000, "platform gas")


def test_plan_gas_alone_sets_the_price() -> None:
    """Where nothing is traded, the regulated price reaches the pump whatever the pass-on."""
    price = pumped(cleared(None, 0), plan(417), pass_on=0)
    assert price is not None
    assert (price.ex_works_tenge_per_tonne, price.transport_tenge_per_tonne) == (38_000, 4_000)
    assert price.reason == "regulated plan gas"


@pytest.mark.parametrize(("pass_on", "ex_works"), [(0, 98_000), (10_000, 68_000), (5_000, 83_000)])
def test_where_both_flow_a_part_of_the_plan_is_passed_on(pass_on: int, ex_works: int) -> None:
    """Half plan and half platform: all, half or nothing of the plan gas reaches the pump at its own price."""
    price = pumped(cleared(100_000, 10, Flow("ZH", "KZ-47", 10)), plan(10), pass_on=pass_on)
    assert price is not None
    assert price.ex_works_tenge_per_tonne == ex_works
    assert price.volume_kg == 20 * 36_000
    assert price.reason == "platform and plan gas"


def test_the_cap_is_in_tenge_and_the_price_in_tiyn() -> None:
    """A cap of 80 tenge holds a price of 94.72 at 8,000 tiyn; the last step says so and the steps still sum."""
    price = pumped(cleared(100_000, 5), retail_cap={"KZ-47": 80})
    assert price is not None
    assert (price.cap_tiyn_per_litre, price.pump_tiyn_per_litre, price.fund_tiyn) == (8_000, 8_000, 0)
    assert price.formula_tiyn_per_litre == 9_472
    assert (price.steps[-1].step, price.steps[-1].tiyn_per_litre) == ("held by the cap", -1_472)
    assert sum(step.tiyn_per_litre for step in price.steps) == 8_000
    assert price.limits == ("retail_cap",)
    assert "cap" in price.reason


def test_a_cap_of_another_province_holds_nothing() -> None:
    """Where the rule names no cap for the province, there is none."""
    price = pumped(cleared(100_000, 5), retail_cap={"KZ-23": 50})
    assert price is not None
    assert (price.cap_tiyn_per_litre, price.limits) == (None, ())


def test_the_step_and_the_cap_each_hold_their_part() -> None:
    """From 94.72 the cap takes 24.72, the fund pays from 70 to 63, and both steps are shown."""
    last = pumped(cleared(None, 0), plan(1))
    assert last is not None
    price = pumped(
        cleared(100_000, 5, limits=("collar",)), previous=last, pump_step_rise=500, retail_cap={"default": 70}
    )
    assert price is not None
    highest = last.pump_tiyn_per_litre * 105 // 100
    assert price.pump_tiyn_per_litre == highest
    assert [(step.step, step.tiyn_per_litre) for step in price.steps[5:]] == [
        ("held by the cap", 7_000 - 9_472),
        ("paid by the fund", highest - 7_000),
    ]
    assert price.fund_tiyn == (7_000 - highest) * 333_333
    assert price.previous_tiyn_per_litre == last.pump_tiyn_per_litre
    assert price.limits == ("retail_cap", "pump_step_rise", "collar")


def test_an_outside_place_may_buy() -> None:
    """An export is a bid at an outside place: it trades, and no pump price comes of it."""
    places = (Place("ZH", "plant"), Place("BORDER", "outside"))
    at_border = session(places=places, links=(Link("ZH", "BORDER", 9, 5_000),))
    asked = orders("a ZH sell 90000 5", "b BORDER buy 165000 3")
    found = pricing.clear_session(at_border, asked, rules())
    assert {p.place: (p.price_tenge_per_tonne, p.traded_lots) for p in found.prices} == {
        "ZH": (90_000, 3),
        "BORDER": (95_000, 3),
    }
