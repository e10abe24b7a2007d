"""The curves of a picture cross at the published price of every place, whatever the market."""

import random
from typing import Any

import pytest
from tests.market_oracles import SHAPES, places_of, random_market

import naryq
from naryq.market.curves import Curves


def missed(curves: Curves, price: int, bought: int) -> list[str]:
    """Say which curve does not pass through the price at the lots that change hands."""
    found = []
    for name, steps, better in (("supply", curves.supply, -1), ("demand", curves.demand, 1)):
        inside = sum(step.lots for step in steps if (step.price - price) * better > 0)
        margin = sum(step.lots for step in steps if step.price == price)
        if not inside <= curves.lots <= inside + margin:
            found.append(name)
    return found if curves.lots == bought + curves.exports else [*found, "balance"]


@pytest.mark.parametrize("shape", SHAPES)
def test_curves_cross_at_the_price(shape: str) -> None:
    """At every place with a price both curves hold the lots that change hands there, links counted in."""
    for seed in range(25):
        orders, links = random_market(seed, shape)
        result = naryq.clear(orders, links)
        for place, price in result.prices.items():
            if price is not None:
                assert missed(result.curves(place), price, result.traded[place][0]) == []


@pytest.mark.parametrize("seed", range(20))
def test_curves_cross_where_the_outside_trades_and_prices_have_limits(seed: int) -> None:
    """With imports, exports, floors and caps the curves still hold what changes hands."""
    draw = random.Random(seed)
    orders, links = random_market(seed)
    names = places_of((orders, links))
    bounds = [sorted(draw.choices(range(0, 40, 4), k=4)) for _ in names]
    terms: dict[str, list[Any]] = {"place": names}
    for column, number in (("floor", 0), ("export_price", 1), ("import_price", 2), ("cap", 3)):
        terms[column] = [each[number] if draw.random() < 0.5 else None for each in bounds]
    result = naryq.clear(orders, links, places=terms)
    for place, price in result.shadow_prices.items():
        curves = result.curves(place)
        assert curves.price == price
        if price is not None:
            assert missed(curves, price, result.traded[place][0]) == []
    assert result.picture(draw.choice([None, *names]), kind="png")


def test_a_curve_that_misses_is_seen() -> None:
    """Lots too many, and a step at another price, are seen."""
    orders = {"order_id": [1, 2], "place": ["A", "A"], "side": ["sell", "buy"], "price": [5, 5], "quantity": [3, 3]}
    curves = naryq.clear(orders).curves("A")
    assert missed(curves, 5, 3) == []
    assert missed(curves._replace(lots=4), 5, 3) == ["supply", "demand", "balance"]
    assert missed(curves, 6, 3) == ["demand"]
