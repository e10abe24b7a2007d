"""Orders with conditions against every set of orders at every price vector, and the checks against planted bugs."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conditional_twin import best_choice, losses, rows_of, tiny_market
from tests.market_oracles import Market, highs_welfare, places_of, random_market

import naryq

TIES = ("time", "pro_rata")


def accepted_by(result: naryq.Clearing, market: Market) -> tuple[int, ...]:
    """Name the conditional orders that execute, the earliest first."""
    fills = result.fills["quantity"].tolist()
    rows = [row | {"fill": fill} for row, fill in zip(rows_of(market[0]), fills, strict=True)]
    rows.sort(key=lambda row: row["turn"])
    return tuple(row["order_id"] for row in rows if row["least"] and row["fill"])


def agree(seed: int, most_places: int) -> None:
    agree_on(tiny_market(seed, most_places), TIES[seed % 2])


def agree_on(market: Market, tie: str) -> None:
    best = best_choice(market)
    result = naryq.clear(*market, tie=tie)
    assert (result.welfare, accepted_by(result, market)) == (best.welfare, best.accepted)
    assert result.proven
    assert result.bound == best.welfare
    assert result.check().is_optimal
    assert [paradox[:2] for paradox in result.paradoxical] == losses(market, result.prices, best.accepted)
    answer = result._outcome.answer
    lowest, highest = np.min(best.prices, axis=0), np.max(best.prices, axis=0)
    told = answer.determined
    assert (np.maximum(answer.lowest, -1)[told] == lowest[told]).all()
    assert (answer.highest <= highest)[told].all()
    assert tuple(answer.prices[told]) in {tuple(np.array(vector)[told]) for vector in best.prices}


@pytest.mark.parametrize("block", range(10))
def test_the_best_choice_is_found(block: int) -> None:
    """On a thousand tiny markets the choice, its welfare, its prices and the losses are those of trying everything."""
    for seed in range(100 * block, 100 * block + 100):
        agree(seed, 3 if seed % 50 == 0 else 2)


def tangled(seed: int) -> Market:
    """Put most orders of a tiny market into groups and into long chains of parents."""
    orders, links = tiny_market(seed)
    draw, ids = random.Random(seed), orders["order_id"]
    line = draw.sample(ids, len(ids))
    ahead = {child: draw.choice(line[max(0, number - 2) : number]) for number, child in enumerate(line) if number}
    group = [draw.choice([None, "g", "h", 7]) for _ in ids]
    parent = [ahead.get(name) if draw.random() < 0.6 else None for name in ids]
    return orders | {"group": group, "parent": parent}, links


@pytest.mark.parametrize("first", [400, 450, 850, 925])
def test_groups_and_chains_of_parents_together(first: int) -> None:
    """The best of a group may wait for an order that does not execute, and the best choice is found all the same."""
    for seed in range(first, first + 50):
        agree_on(tangled(seed), TIES[seed % 2])


@settings(max_examples=60)
@given(st.integers(min_value=10**6, max_value=10**9))
def test_any_tiny_market(seed: int) -> None:
    """Nor does any other tiny market show a difference."""
    agree(seed, 2)


@pytest.mark.parametrize("rule", ["lowest", "middle", "highest", "reference"])
def test_every_price_rule_publishes_supporting_prices(rule: str) -> None:
    """Whichever rule chooses, no accepted order loses at the prices and the check holds."""
    for seed in range(60):
        market = tiny_market(seed)
        best = best_choice(market)
        result = naryq.clear(*market, price_rule=rule, reference=2 if rule == "reference" else None)
        result.check()
        told = result._outcome.answer.determined
        vectors = {tuple(np.array(vector)[told]) for vector in best.prices}
        assert tuple(result._outcome.answer.prices[told]) in vectors


def with_blocks(seed: int, shape: str) -> Market:
    """Make a third of the orders of a random market all-or-none."""
    orders, links = random_market(seed, shape)
    lots = orders["quantity"]
    return orders | {"min_quantity": [each if row % 3 == 0 else 0 for row, each in enumerate(lots)]}, links


@pytest.mark.parametrize("shape", ["mixed", "chain", "free links", "huge prices", "one price", "disconnected"])
def test_larger_markets_prove_themselves(shape: str) -> None:
    """On larger markets the check holds, and welfare lies between that of nothing accepted and of no conditions."""
    for seed in range(20):
        orders, links = with_blocks(seed, shape)
        if not orders["price"]:
            continue
        result = naryq.clear(orders, links, tie=TIES[seed % 2])
        assert result.proven
        result.check()
        plain = [row for row, least in enumerate(orders["min_quantity"]) if least <= 1]
        ordinary = {name: [column[row] for row in plain] for name, column in orders.items() if name != "min_quantity"}
        all_divisible = {name: column for name, column in orders.items() if name != "min_quantity"}
        assert naryq.clear(ordinary, links).welfare <= result.welfare <= naryq.clear(all_divisible, links).welfare
        if shape != "huge prices":
            assert result.welfare <= highs_welfare((all_divisible, links))


def test_the_order_of_the_rows_does_not_matter() -> None:
    """With times of their own the orders may come in any order: the same are accepted, at the same prices."""
    for seed in range(40):
        orders, links = tiny_market(seed)
        orders["submitted_at"] = list(range(len(orders["order_id"])))
        turned = {name: column[::-1] for name, column in orders.items()}
        one, other = naryq.clear(orders, links), naryq.clear(turned, links)
        assert (one.prices, one.welfare) == (other.prices, other.welfare)
        assert one.fills["quantity"].tolist() == other.fills["quantity"].tolist()[::-1]


def test_the_first_answer_has_a_bound() -> None:
    """With no time at all the first choice is returned, with a bound that holds, and it says that it is not proven."""
    stopped = 0
    for seed in range(300):
        market = tiny_market(seed)
        result = naryq.clear(*market, time_limit_seconds=0)
        result.check()
        best = naryq.clear(*market).welfare
        assert result.welfare <= best <= result.bound
        assert result.gap == result.bound - result.welfare
        if not result.proven:
            stopped += 1
            assert f"NOT PROVEN: the time was up; gap {result.gap}" in repr(result)
    assert stopped > 20


@pytest.mark.parametrize("rule", ["lowest", "middle", "highest"])
def test_the_outside_goes_together_with_conditions(rule: str) -> None:
    """Import and export prices are as orders large enough: the same welfare, choice and prices, and the check holds."""
    for seed in range(60):
        orders, links = tiny_market(seed)
        places = {"place": ["P0"], "import_price": [4], "export_price": [1]}
        border: dict[str, list[Any]] = {
            "order_id": [1, 2],
            "place": ["P0"] * 2,
            "side": ["sell", "buy"],
            "price": [4, 1],
        }
        border |= {"quantity": [1_000] * 2, "min_quantity": [0] * 2, "submitted_at": [9] * 2}
        with_orders = {name: [*column, *border.get(name, [None] * 2)] for name, column in orders.items()}
        one = naryq.clear(orders, links, places=places, price_rule=rule)
        other = naryq.clear(with_orders, links, price_rule=rule)
        one.check()
        assert (one.welfare, one.bound) == (other.welfare, other.bound)
        assert accepted_by(one, (orders, links)) == accepted_by(other, (with_orders, links))
        assert one.prices["P0"] == other.prices["P0"]


def test_gas_passes_through_a_market_without_accepted_orders() -> None:
    """Where every order is rejected the outside still trades over the links."""
    names = ("order_id", "place", "side", "price", "quantity", "min_quantity")
    orders = {name: [value] for name, value in zip(names, (1, "A", "sell", 50, 9, 9), strict=True)}
    links = {"source": ["A"], "target": ["B"], "capacity": [5], "tariff": [2]}
    places = {"place": ["A", "B"], "import_price": [10, None], "export_price": [None, 20]}
    result = naryq.clear(orders, links, places=places)
    assert (result.welfare, result.proven, result.fills["quantity"].tolist()) == (40, True, [0])
    result.check()


def test_prices_beyond_all_limits_must_fit() -> None:
    """A market at the very end of 64 bits, which ordinary orders may fill, is refused with conditions."""
    price = 10**6
    lots = (2**63 - 1) // (price + 2) // 10
    orders: dict[str, list[Any]] = {"order_id": list(range(10)), "place": ["A"] * 10, "side": ["sell", "buy"] * 5}
    orders |= {"price": [price] * 10, "quantity": [lots] * 10}
    naryq.clear(orders).check()
    with pytest.raises(naryq.Refusal) as caught:
        naryq.clear(orders | {"min_quantity": [2] + [0] * 9})
    assert caught.value.code is naryq.Code.OVERFLOW


# --- Planted bugs ---------------------------------------------------------------------------------------------------


def test_a_missed_optimum_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes the first choice for the best, and says so, is found out by the twin."""
    from naryq.market import acceptance, conditional  # noqa: PLC0415 - only here the search is replaced

    def hasty(market: Any, conditions: Any, stop: Any) -> acceptance.Acceptance:  # noqa: ARG001 - it never stops
        found = acceptance.choose(market, conditions, lambda: True)
        return found._replace(bound=found.welfare)

    monkeypatch.setattr(conditional, "choose", hasty)
    missed = 0
    for seed in range(300):
        market = tiny_market(seed)
        missed += naryq.clear(*market).welfare < best_choice(market).welfare
    assert missed > 5


def test_a_wrong_bound_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search whose bounds are a little too low misses optima, and the twin sees it."""
    from naryq.market.acceptance import _Search  # noqa: PLC0415 - only here it is spoilt

    monkeypatch.setattr(_Search, "_excess", lambda *_: 2)
    missed = 0
    for seed in range(300):
        market = tiny_market(seed)
        missed += naryq.clear(*market).welfare < best_choice(market).welfare
    assert missed > 5


ORDERS: dict[str, list[Any]] = {
    "order_id": [1, 2, 3, 4, 5, 6],
    "place": ["A"] * 6,
    "side": ["sell", "sell", "sell", "sell", "buy", "buy"],
    "price": [10, 12, 11, 30, 20, 15],
    "quantity": [10, 5, 8, 4, 8, 4],
    "min_quantity": [10, 0, 8, 0, 0, 0],
    "group": ["coast", None, "coast", None, None, None],
    "parent": [None, None, None, None, None, 1],
}


def spoilt(**changes: Any) -> str:
    """Clear the market above, change what was published, and return what the check says."""
    result = naryq.clear(ORDERS)
    result.check()
    for name, value in changes.items():
        setattr(result, name, value)
    with pytest.raises(AssertionError) as caught:
        result.check()
    return str(caught.value)


def fills(*lots: int) -> dict[str, Any]:
    return {"order_id": ORDERS["order_id"], "quantity": np.array(lots)}


def test_the_market_of_the_planted_bugs() -> None:
    """One of the group is accepted, the child with its parent, and the rival is passed over at the price of 12."""
    result = naryq.clear(ORDERS)
    assert result.fills["quantity"].tolist() == [10, 2, 0, 0, 8, 4]
    assert result.paradoxical == ((3, 8, "group"),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fills": fills(9, 3, 0, 0, 8, 4)}, "executes less than its least"),
        ({"fills": fills(10, 0, 8, 0, 8, 4)}, "left over at A"),
        ({"fills": fills(10, 2, -1, 0, 8, 4)}, "a fill is negative"),
        ({"traded": {"A": (12, 11)}}, "A buys and sells 12 and 12 lots, not (12, 11)"),
        ({"prices": {"A": 9}, "shadow_prices": {"A": 9}}, "trades at a loss"),
        ({"fills": fills(0, 5, 8, 0, 8, 5)}, "more than the order asks for"),
        ({"bound": 1}, "the bound 1 is below the welfare"),
        ({"bound": 10**6}, "no choice is worth more than"),
        ({"paradoxical": ()}, "the paradoxically rejected are others"),
        ({"paradoxical": ((3, 8, "prices"),)}, "the paradoxically rejected are others"),
        ({"paradoxical": ((3, 9, "group"),)}, "the paradoxically rejected are others"),
        ({"paradoxical": ((3, 8, "group"), (1, 5, "prices"))}, "the paradoxically rejected are others"),
    ],
)
def test_the_check_sees_what_is_wrong(changes: dict[str, Any], said: str) -> None:
    """A half-filled block, a loss, a wrong bound or a wrong list of the passed over is named."""
    assert said in spoilt(**changes)


def test_the_check_sees_what_the_conditions_forbid() -> None:
    """Two of a group, and a child without its parent, are named where all else adds up."""
    free = naryq.clear({name: column for name, column in ORDERS.items() if name not in {"group", "parent"}})
    both = naryq.clear(ORDERS | {"quantity": [10, 5, 8, 4, 8, 10], "parent": [None] * 6, "group": [None] * 6})
    for result, column, said in (
        (free, {"parent": [None, None, None, None, None, 3]}, "executes and its parent 3 does not"),
        (both, {"group": ["a", None, "a", None, None, None]}, "of one group execute"),
    ):
        spoilt_orders = dict(result._request.orders.frame) | column
        result._orders = spoilt_orders
        with pytest.raises(AssertionError, match=said):
            result.check()


def test_places_keep_their_names() -> None:
    """Places that only rejected orders name have no price, and the check does not ask for one."""
    names = ("order_id", "place", "side", "price", "quantity", "min_quantity")
    orders = {name: [value] for name, value in zip(names, (1, "A", "sell", 5, 2, 2), strict=True)}
    result = naryq.clear(orders | {"group": ["g"]})
    result.check()
    assert places_of((orders, {"source": [], "target": []})) == list(result.prices)
