"""One large place cleared by the orders near its crossing: the same answer as by all of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import naryq
from naryq.market import narrowing, passes
from naryq.market.auction import PRICE_RULES, Answer, Rules, solve, solve_near
from naryq.market.intake import frozen
from naryq.market.kernels import BUY, SELL
from naryq.market.narrowing import Near, survey_near
from naryq.market.passes import Market, Passes, Sifted, Window

NONE = np.empty(0, np.int64)
SEEDS = range(60)


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow markets of a few orders already, by samples of a few rows."""
    monkeypatch.setattr(narrowing, "FEWEST_ROWS", 4)
    monkeypatch.setattr(narrowing, "READ_WHOLE", 150)
    monkeypatch.setattr(narrowing, "STRETCH", 8)
    monkeypatch.setattr(narrowing, "SAMPLED", 5)
    monkeypatch.setattr(passes, "SHARE", 2)


def draw(seed: int, count: int | None = None, top: int | None = None) -> Market:
    """Draw a place of few or many prices, and quantities of which a few are large."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(4, 300)) if count is None else count
    top = (12, 40, 5_000)[seed % 3] if top is None else top
    return Market(
        1,
        frozen(np.zeros(count, np.uint8)),
        frozen(chance.integers(0, 2, count).astype(np.uint8)),
        np.zeros(1, np.int64),
        np.array([[0, 1], [1, 0]][seed // 3 % 2]),
        frozen(chance.integers(0, top + 1, count)),
        frozen(chance.integers(1, 20, count) * (1 + 50 * (chance.integers(0, 20, count) == 0))),
        NONE,
        NONE,
        NONE,
        NONE,
    )


def rules_of(seed: int, count: int) -> Rules:
    chance = np.random.default_rng(seed)
    turn = chance.integers(0, 50, count) if seed % 2 else None
    reference = np.array([int(chance.integers(-1, 60))])
    return Rules(("time", "pro_rata")[seed // 2 % 2], turn, PRICE_RULES[seed % len(PRICE_RULES)], reference)


def same(one: Answer, other: Answer) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a is b is None or np.array_equal(a, b) for a, b in pairs)  # type: ignore[arg-type] # None is none


def narrowed(market: Market, parts: int) -> Near | None:
    return survey_near(Passes(market, None, parts))[1]


def plain(market: Market, rules: Rules) -> Answer:
    whole = Passes(market, None, 1)
    return solve(whole, whole.survey(), rules)


@pytest.mark.usefixtures("early")
def test_the_orders_near_the_crossing_give_the_whole_answer() -> None:
    """Prices, fills, trade and proof are those of all orders, by every price rule and tie rule, wherever it narrows."""
    found = 0
    for seed in range(400):
        market = draw(seed)
        rules, near = rules_of(seed, market.price.size), narrowed(market, 1 + seed % 3)
        if near is not None:
            found += 1
            assert same(solve_near(near, rules), plain(market, rules))
    assert 150 < found < 400, "many samples show the crossing, and some miss it"


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("seed", SEEDS)
def test_the_look_says_what_a_survey_says(seed: int) -> None:
    """The survey that comes with the look at all orders is the survey by itself."""
    market = draw(seed)
    for one, other in zip(survey_near(Passes(market, None, 2))[0], Passes(market, None, 1).survey(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("early")
def test_a_window_is_taken_only_if_it_holds_every_optimal_price() -> None:
    """For any window: it is refused when an optimal price lies outside, and what is taken gives the whole answer."""
    taken = 0
    for seed in range(300):
        market, chance = draw(seed, top=40), np.random.default_rng(seed)
        rules = Rules("time", None, "middle", np.array([-1]))
        whole = plain(market, rules)
        low = int(chance.integers(0, 40))
        window = narrowing.window_of(low, low + int(chance.integers(1, 25)))
        found = narrowing._narrowed(Passes(market, None, 2), window)
        holds = window.low <= whole.lowest[0] and whole.highest[0] < window.high
        if found is not None:
            taken += 1
            assert holds
            assert same(solve_near(found[1], rules), whole)
    assert taken > 30


def test_an_unproven_window_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug: where a window without the crossing is taken, answers differ, so the test above can fail."""
    sift = Passes.sift

    def blind(self: Passes, window: Window) -> Sifted | None:
        sifted = sift(self, window)
        if sifted is not None:
            sifted.tables[0, BUY, -1] = sifted.tables[0, SELL, 0] = 10**9
        return sifted

    monkeypatch.setattr(Passes, "sift", blind)
    rules = Rules("time", None, "middle", np.array([-1]))
    differ = 0
    for seed in range(40):
        market = draw(seed, count=200, top=40)
        found = narrowing._narrowed(Passes(market, None, 1), narrowing.window_of(2, 6))
        differ += found is not None and not same(solve_near(found[1], rules), plain(market, rules))
    assert differ > 20


@pytest.mark.parametrize("highest", [2, 200_000, 10**12])
def test_a_large_place_through_the_door(highest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`naryq.clear` of 250,000 orders of one place gives what it gave without a look at the crossing alone."""
    market = draw(7, 250_000, highest)
    orders = {
        "order_id": np.arange(250_000),
        "place": ["Astana"] * 250_000,
        "side": np.where(market.side, "buy", "sell"),
        "price": market.price,
        "quantity": market.quantity,
    }
    result = naryq.clear(orders)
    result.check()
    monkeypatch.setattr(narrowing, "FEWEST_ROWS", 10**9)
    other = naryq.clear(orders)
    assert (result.prices, result.welfare, result.traded) == (other.prices, other.welfare, other.traded)
    np.testing.assert_array_equal(result.fills["quantity"], other.fills["quantity"])


@pytest.mark.parametrize("arranged", [np.asarray, np.sort])
@pytest.mark.parametrize("largest", [20, 200])
def test_a_sample_serves_sorted_prices_and_a_few_large_orders(arranged: Callable[..., Any], largest: int) -> None:
    """Neighbours of one price, or orders that are ten times as large as the others, do not keep a place from it."""
    market, rules = draw(7, 150_000, 200_000), rules_of(7, 150_000)
    chance = np.random.default_rng(7)
    quantity = chance.integers(1, 20, 150_000)
    quantity[chance.integers(0, 150_000, 150)] = largest
    market = market._replace(price=frozen(arranged(market.price)), quantity=frozen(quantity))
    near = narrowed(market, 2)
    assert near is not None
    assert near.rows.size < 1_000
    assert same(solve_near(near, rules), plain(market, rules))


def test_a_market_on_one_side_is_not_narrowed() -> None:
    """Where nobody sells, or what is offered is dearer than every bid, there is no crossing and nothing trades."""
    for sells in ((), (0, 1)):
        market = draw(1, 20_000, 100)
        market = market._replace(
            side=frozen(np.isin(np.arange(20_000), sells).astype(np.uint8)), side_of=np.arange(2), price=market.price
        )
        price = np.where(market.side, 1_000, market.price)
        market = market._replace(price=frozen(price))
        assert narrowed(market, 1) is None


@pytest.mark.parametrize(
    ("column", "value"), [("price", -5), ("price", 10**13), ("quantity", 0), ("quantity", -(2**62))]
)
def test_bad_rows_of_a_large_place_are_refused(column: str, value: int) -> None:
    """One bad value among many orders is refused by its row, whether the sample holds it or not."""
    for row in (0, 9_999, 199_999):
        market = draw(2, 200_000, 1_000)
        values = {"price": market.price.copy(), "quantity": market.quantity.copy()}
        values[column][row] = value
        orders = {
            "order_id": np.arange(200_000),
            "place": ["Astana"] * 200_000,
            "side": np.where(market.side, "buy", "sell"),
            **values,
        }
        with pytest.raises(naryq.Refusal) as refused:
            naryq.clear(orders)
        assert f"row {row + 1}" in str(refused.value)
