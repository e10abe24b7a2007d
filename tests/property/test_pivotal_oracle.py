"""The market without a participant, against clearing what is left from nothing, and against a linear programme."""

import random
from typing import Any

import pytest
from tests.market_oracles import SHAPES, Market, random_market
from tests.supply_oracle import unserved

import naryq


def with_participants(market: Market, seed: int) -> dict[str, list[Any]]:
    draw = random.Random(seed)
    return market[0] | {"participant": [draw.choice(["a", "b", "c", None]) for _ in market[0]["order_id"]]}


def left_of(orders: dict[str, list[Any]], participant: str) -> dict[str, list[Any]]:
    keep = [row for row, name in enumerate(orders["participant"]) if name != participant]
    return {name: [column[row] for row in keep] for name, column in orders.items()}


def unequal(
    result: naryq.Clearing, orders: dict[str, list[Any]], links: dict[str, list[Any]], rule: str = "middle"
) -> list[str]:
    """Name what is not as a clearing of the filtered orders has it, for each participant."""
    found = []
    for pivot in result.pivotal():
        naive = naryq.clear(left_of(orders, str(pivot.participant)), links, price_rule=rule)
        left = result.without(pivot.participant)
        same_prices = pivot.prices_without == left.prices == dict.fromkeys(pivot.prices) | naive.prices
        if not same_prices or list(left.fills["quantity"]) != list(naive.fills["quantity"]):
            found.append(f"without {pivot.participant}")
        if (pivot.shortage, pivot.surplus) != unserved(result, orders, links, str(pivot.participant)):
            found.append(f"pivotal {pivot.participant}")
        left.check()
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_without_equals_clearing_what_is_left(shape: str) -> None:
    """On random markets the prices, fills, shortage and surplus without each participant are those of the oracles."""
    for seed in range(6):
        market = random_market(seed, shape)
        orders = with_participants(market, seed)
        for rule in ("lowest", "middle"):
            result = naryq.clear(orders, market[1], price_rule=rule)
            assert unequal(result, orders, market[1], rule) == []


@pytest.mark.parametrize("seed", range(20))
def test_without_equals_clearing_what_is_left_where_orders_have_conditions(seed: int) -> None:
    """With all-or-none orders and exclusive groups the market without a participant is that of the filtered orders."""
    draw = random.Random(seed)
    orders, links = random_market(seed, "sparse")
    count = len(orders["order_id"])
    orders = with_participants((orders, links), seed) | {
        "min_quantity": [quantity if draw.random() < 0.5 else None for quantity in orders["quantity"]],
        "group": [draw.choice([None, None, 1, row]) for row in range(count)],
    }
    assert unequal(naryq.clear(orders, links), orders, links) == []


def test_the_comparison_sees_a_wrong_price_and_a_wrong_shortage() -> None:
    """A price or a shortage that is off by one is seen."""
    market = random_market(3)
    orders = with_participants(market, 3)
    result = naryq.clear(orders, market[1])
    pivot, *others = result.pivotal()
    place = next(name for name, price in pivot.prices_without.items() if price is not None)
    wrong = pivot.prices_without[place]
    assert wrong is not None
    result.__dict__["_pivots"] = (pivot._replace(prices_without={**pivot.prices_without, place: wrong + 1}), *others)
    assert unequal(result, orders, market[1]) == [f"without {pivot.participant}"]
    result.__dict__["_pivots"] = (pivot._replace(shortage=pivot.shortage + 1), *others)
    assert unequal(result, orders, market[1]) == [f"pivotal {pivot.participant}"]
