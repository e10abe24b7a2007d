"""Floors, caps, the outside, ways back and orders without a limit, against a linear programme and all prices tried."""

import itertools
import random
from typing import Any

import numpy as np
import pytest
from tests.market_oracles import SHAPES
from tests.place_oracles import Case, clipped, highest_welfare, optimal_shadow_prices, random_case, tiny_case

import naryq
from naryq.market import auction, small
from naryq.market.call import Ladder, uncrossing

EXACT_SHAPES = tuple(shape for shape in SHAPES if shape != "huge prices")
RULES: tuple[dict[str, Any], ...] = (
    {"price_rule": "lowest"},
    {"price_rule": "middle"},
    {"price_rule": "highest"},
)


@pytest.fixture(autouse=True)
def _every_way_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the three ways take turns, whatever the sizes."""
    is_small, at_once = small.is_small, itertools.cycle((True, False, False))
    monkeypatch.setattr(auction, "is_small", lambda *given: next(at_once) and is_small(*given))
    turns = itertools.cycle((True, False, False, True))
    monkeypatch.setattr(auction, "is_for_simplex", lambda *_: next(turns))


def clear(case: Case, **options: Any) -> naryq.Clearing:
    return naryq.clear(case.orders, case.links, places=case.places, **options)


@pytest.mark.parametrize("shape", EXACT_SHAPES)
def test_welfare_equals_that_of_highs(shape: str) -> None:
    """The welfare of the market that the limits leave is that of HiGHS, and every check holds."""
    crossed = 0
    for seed in range(30):
        case = random_case(seed, shape)
        result = clear(case, tie=("time", "pro_rata")[seed % 2])
        assert result.check().is_optimal
        assert result.welfare == highest_welfare(case)
        crossed += sum(result.imports.values()) + sum(result.exports.values())
    assert crossed or shape == "zero capacity"


def side_by_side(cases: list[Case]) -> Case:
    """Put markets that know nothing of each other into one."""
    names = {"place", "source", "target"}
    tables = [
        {
            column: [
                f"{number}{value}" if column in names else value
                for number, case in enumerate(cases)
                for value in case[table][column]
            ]
            for column in cases[0][table]
        }
        for table in range(3)
    ]
    orders, links, places = tables
    return Case({**orders, "order_id": list(range(len(orders["place"])))}, links, places)


@pytest.mark.parametrize("shape", ["sparse", "mixed", "free links"])
def test_markets_side_by_side_come_to_what_each_comes_to(shape: str) -> None:
    """Many borders in one market do not get in each other's way: the welfare is the sum, and every check holds."""
    for seed in range(60):
        cases = [random_case(4 * seed + part, shape, top=9) for part in range(4)]
        result = clear(side_by_side(cases), tie=("time", "pro_rata")[seed % 2])
        assert result.check().is_optimal
        assert result.welfare == sum(clear(case).welfare for case in cases)


def test_an_export_that_could_pass_to_an_import_leaves_the_gas_of_others_alone() -> None:
    """South needs the gas of the plant, which a bid at the margin there may only have if South is served."""
    orders = {
        "order_id": [1, 2, 3, 4, 5],
        "place": ["South", "Port", "Plant", "Border", "Plant"],
        "side": ["buy", "buy", "sell", "sell", "buy"],
        "price": [37, 36, 0, 8, 21],
        "quantity": [1] * 5,
    }
    links = {"source": ["Plant"], "target": ["South"], "capacity": [4], "tariff": [0]}
    places = {"place": ["Port", "Border"], "import_price": [13, None], "export_price": [None, 9]}
    result = naryq.clear(orders, links, places=places)
    assert result.check().is_optimal
    assert (result.imports, result.exports, result.fills["quantity"].tolist()) == (
        {"Port": 1},
        {"Border": 1},
        [1, 1, 1, 1, 0],
    )


def test_highs_sees_a_planted_bug() -> None:
    """A market cleared without its places comes to another welfare."""
    cases = [random_case(seed, "mixed") for seed in range(40)]
    cases = [case for case in cases if None not in case.orders["price"]]
    assert any(naryq.clear(case.orders, case.links).welfare != highest_welfare(case) for case in cases)


@pytest.mark.parametrize("shape", EXACT_SHAPES)
def test_prices_are_those_of_all_optimal_vectors(shape: str) -> None:
    """The lowest and highest shadow prices are those of all that are optimal, and each rule chooses one of these."""
    for seed in range(25):
        case = tiny_case(seed, shape)
        results = [clear(case, **rule) for rule in RULES]
        limits, answer = results[0]._outcome.limits, results[0]._outcome.answer
        assert limits is not None
        if not limits.market.quantity.any() and limits.market.outside is None:
            continue
        vectors = optimal_shadow_prices(case, limits.survey.highest_price + 1)
        assert answer.lowest.tolist() == np.min(vectors, axis=0).tolist()
        assert answer.highest.tolist() == np.max(vectors, axis=0).tolist()
        for result in results:
            assert tuple(result._outcome.answer.prices.tolist()) in vectors
            result.check()


def test_published_prices_lie_within_their_limits() -> None:
    """Each price is its shadow price, cut to the floor and cap of its place."""
    for seed in range(60):
        case = random_case(seed, "mixed")
        result, bounds = clear(case), clipped(case).bounds
        for name, price in result.prices.items():
            shadow = result.shadow_prices[name]
            assert (price is None) == (shadow is None)
            if price is not None and shadow is not None:
                low, high = bounds[name]
                assert price == min(max(shadow, low), high)


@pytest.mark.parametrize("kind", ["places", "times"])
def test_what_should_not_matter_does_not(kind: str) -> None:
    """Neither the order of the places nor times that say what the rows say changes an answer."""
    for seed in range(40):
        case = random_case(seed, "mixed")
        other = case
        if kind == "places":
            rows = list(range(len(case.places["place"])))
            random.Random(seed).shuffle(rows)
            other = case._replace(places={name: [column[row] for row in rows] for name, column in case.places.items()})
        else:
            other = case._replace(orders={**case.orders, "submitted_at": list(range(len(case.orders["order_id"])))})
        one, two = clear(case), clear(other)
        assert one.prices == two.prices
        assert one.fills["quantity"].tolist() == two.fills["quantity"].tolist()
        assert (one.imports, one.exports, one.shortage, one.surplus) == (
            two.imports,
            two.exports,
            two.shortage,
            two.surplus,
        )


def call_orders(seed: int) -> dict[str, list[Any]]:
    """Draw the orders of one place, many of them without a limit."""
    draw = random.Random(f"call {seed}")
    rows = draw.randint(1, 9)
    return {
        "order_id": list(range(rows)),
        "place": ["A"] * rows,
        "side": [draw.choice(["buy", "sell"]) for _ in range(rows)],
        "price": [draw.choice([None, draw.randint(1, 6), draw.randint(1, 6)]) for _ in range(rows)],
        "quantity": [draw.randint(1, 5) for _ in range(rows)],
    }


def ladder(orders: dict[str, list[Any]], side: str) -> Ladder:
    rows = [row for row, word in enumerate(orders["side"]) if word == side]
    limited = [row for row in rows if orders["price"][row] is not None]
    free = sum(orders["quantity"][row] for row in rows if orders["price"][row] is None)
    return Ladder([orders["price"][row] for row in limited], [orders["quantity"][row] for row in limited], free)


@pytest.mark.parametrize("rule", ["xetra", "euronext"])
def test_orders_without_a_limit_call_by_call(rule: str) -> None:
    """In one place, price and volume are those of a venue that walks through all limits, market orders first."""
    for seed in range(150):
        orders = call_orders(seed)
        reference = None if seed % 3 == 0 else seed % 7 + 1
        result = naryq.clear(orders, price_rule=rule, reference=reference)
        result.check()
        found = uncrossing(ladder(orders, "buy"), ladder(orders, "sell"), rule, reference)
        assert result.prices["A"] == found.price
        if found.price is not None:
            assert result.traded["A"] == (found.volume, found.volume)
        for tie in ("time", "pro_rata"):
            for options in RULES:
                naryq.clear(orders, tie=tie, **options).check()


def test_market_orders_come_before_limits_in_price() -> None:
    """Alone, an order without a limit is filled before any with one, whatever the tie rule and the times."""
    orders = {
        "order_id": ["limit", "market", "seller"],
        "place": ["A"] * 3,
        "side": ["buy", "buy", "sell"],
        "price": [50, None, 50],
        "quantity": [6, 6, 8],
        "submitted_at": [1, 9, 0],
    }
    for tie in ("time", "pro_rata"):
        result = naryq.clear(orders, tie=tie)
        assert result.prices == {"A": 50}
        assert result.fills["quantity"].tolist() == [2, 6, 8]
        assert result.check().is_optimal
