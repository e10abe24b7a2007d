"""Small markets are cleared at once by compiled code: every number is that of the ordinary way, step by step."""

from typing import Any

import numpy as np
import pytest
from tests.market_oracles import SHAPES, Market, random_market

import naryq
from naryq.market import auction, simplex_kernels, small, small_kernels
from naryq.market.small_kernels import PROVEN

RULES: tuple[dict[str, Any], ...] = (
    {"price_rule": "lowest"},
    {"price_rule": "middle"},
    {"price_rule": "highest"},
    {"price_rule": "reference", "reference": 2},
    {"price_rule": "reference", "reference": 100_000},
)
TIES = ("time", "pro_rata")


def timed(seed: int, shape: str) -> Market:
    """Draw a market, half of them with times of submission that come twice."""
    orders, links = random_market(seed, shape)
    if seed % 2:
        chance = np.random.default_rng(seed)
        orders["submitted_at"] = chance.integers(-3, 3, len(orders["order_id"])).tolist()
    return orders, links


def step_by_step(market: Market, monkeypatch: pytest.MonkeyPatch, **options: Any) -> naryq.Clearing:
    """Clear a market as if it were large."""
    with monkeypatch.context() as patch:
        patch.setattr(auction, "is_small", lambda *_: False)
        return naryq.clear(*market, **options)


def numbers(result: naryq.Clearing) -> tuple[Any, ...]:
    """Return all that does not depend on the way: flows may, where several routes cost the same."""
    answer = result._outcome.answer
    lattice = answer.lowest.tolist(), answer.highest.tolist()
    return result.prices, result.traded, result.welfare, result.dual_value, lattice, result.fills["quantity"].tolist()


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_number_is_that_of_the_ordinary_way(shape: str, tie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prices, the bounds of the lattice, trade, fills and values are the same, and the check of both holds."""
    for seed in range(30):
        market, options = timed(seed, shape), {"tie": tie, **RULES[seed % len(RULES)]}
        at_once = naryq.clear(*market, **options)
        assert numbers(at_once) == numbers(step_by_step(market, monkeypatch, **options)), seed
        assert at_once.check().is_optimal


def test_most_markets_are_settled_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison means something: the ordinary way is left for what it alone can do, and is needed for some."""
    ordinary = 0
    way = auction._step_by_step

    def counted(*given: Any) -> Any:
        nonlocal ordinary
        ordinary += 1
        return way(*given)

    monkeypatch.setattr(auction, "_step_by_step", counted)
    for seed in range(200):
        naryq.clear(*random_market(seed))
    assert 5 < ordinary < 60


@pytest.mark.parametrize("bug", ["a price", "a lot", "a flow"])
def test_a_wrong_trade_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simplex whose price, lots or flow are off by one brings no answer: the proof fails."""
    find = simplex_kernels.best_trades

    def wrong(*given: Any) -> None:
        find(*given)
        price, used, flow = given[-3:]
        changed = {"a price": price, "a lot": used, "a flow": flow}[bug]
        if changed.size:
            changed[0] += 2 if bug == "a price" else 1

    caught = 0
    for seed in range(60):
        market = random_market(seed)
        right = naryq.clear(*market)
        with monkeypatch.context() as patch:
            patch.setattr(simplex_kernels, "best_trades", wrong)
            try:
                found = naryq.clear(*market)
            except AssertionError:
                caught += 1
            else:
                assert found.welfare == right.welfare
    assert caught > 15


def test_what_is_small() -> None:
    """Many orders, places that trade outside, venue rules and tariffs beyond all reason go the ordinary way."""
    result = naryq.clear(*random_market(1))
    market = result._outcome.market
    assert small.is_small(market, "middle")
    assert not small.is_small(market, "xetra")
    assert not small.is_small(market._replace(places=small.SMALL), "middle")
    assert not small.is_small(market._replace(tariff=np.array([2**60])), "middle")
    outside = naryq.clear(*random_market(1), places={"place": ["P0"], "import_price": [5]})
    assert not small.is_small(outside._outcome.market, "middle")
    orders = {"order_id": [1], "place": ["P0"], "side": ["sell"], "price": [5], "quantity": [1]}
    aside = naryq.clear(orders, places={"place": ["P0"], "cap": [3]})
    assert not small.is_small(aside._outcome.market, "middle")


def test_pro_rata_beyond_64_bits_goes_the_ordinary_way() -> None:
    """Lots times lots may pass 64 bits: then Python's own numbers share them out."""
    found = small_kernels.fill_pro_rata(np.array([2**40, 2**40]), np.array([0, 1]), 2**30, np.zeros(2, np.int64))
    assert not found
    orders = {
        "order_id": [1, 2, 3],
        "place": ["A"] * 3,
        "side": ["sell", "buy", "buy"],
        "price": [1, 1, 1],
        "quantity": [10**12 - 1, 10**12, 10**12 - 2],
    }
    result = naryq.clear(orders, tie="pro_rata")
    assert result.check().is_optimal
    assert sum(result.fills["quantity"].tolist()[1:]) == 10**12 - 1


def test_proven_is_what_the_door_asks_for() -> None:
    """A market that stands among others is settled as it is alone."""
    markets = [naryq.clear(*random_market(seed))._outcome.market for seed in range(1, 30)]
    rows = [small.alone(market, None) for market in markets]
    starts = [np.concatenate([[0], np.cumsum([row[field][1] for row in rows])]) for field in range(3)]
    columns = [np.concatenate([row[field] for row in rows]) for field in range(3, 12)]
    joined = small_kernels.Markets(*starts, *columns)
    together, flow = small.settled(joined, "time", "middle", np.full(starts[1][-1], -1))
    for index, row in enumerate(rows):
        apart, its_flow = small.settled(row, "time", "middle", np.full(row.place[1], -1))
        assert apart.state[0] == together.state[index]
        if apart.state[0] == PROVEN:
            own = slice(starts[1][index], starts[1][index + 1])
            assert apart.prices.tolist() == together.prices[own].tolist()
            assert apart.fills.tolist() == together.fills[starts[0][index] : starts[0][index + 1]].tolist()
            assert its_flow.tolist() == flow[starts[2][index] : starts[2][index + 1]].tolist()
            assert apart.welfare[0] == together.welfare[index]
