"""How a plan is shared out: conservation, fairness and rounding, against definitions, a twin and planted bugs."""

from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import naryq
from naryq import reform, supply
from naryq.messages import PlannedProvince, PlannedSource
from naryq.supply import Need, Route, SharedOut, Source, exact_shares, fair_shares, few_parts, share_out

PLANTS, PROVINCES = ("P", "Q", "R"), ("A", "B", "C", "D")
FIXED = settings(
    derandomize=True,
    max_examples=150,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
LOTS = st.integers(0, 30)


@st.composite
def networks(draw: Any) -> tuple[dict[str, int], dict[str, int], list[Route]]:
    """Draw what three plants can deliver, what four provinces need, and which routes join them."""
    stock = {plant: draw(LOTS) for plant in PLANTS}
    needs = {province: draw(LOTS) for province in PROVINCES}
    pairs = [(plant, province) for plant in PLANTS for province in PROVINCES if draw(st.booleans())]
    return stock, needs, [Route(*pair, draw(LOTS), draw(st.integers(0, 5))) for pair in pairs]


def most(stock: dict[str, int], needs: dict[str, int], routes: list[Route]) -> int:
    """Return the most that can reach provinces, as the least cut: try every set of provinces that is cut off whole."""
    best = sum(needs.values())
    for size in range(len(needs) + 1):
        for kept in combinations(needs, size):
            into = [route for route in routes if route.province in kept]
            through = sum(min(stock[p], sum(r.lots for r in into if r.plant == p)) for p in stock)
            best = min(best, through + sum(lots for name, lots in needs.items() if name not in kept))
    return best


def possible(stock: dict[str, int], shares: dict[str, Any], routes: list[Route]) -> bool:
    """Tell whether all shares can be carried at once."""
    total: int = sum(shares.values())
    return most(stock, shares, routes) == total


def unfair(stock: dict[str, int], needs: dict[str, int], routes: list[Route], shares: dict[str, Any]) -> list[str]:
    """List the provinces that could have a larger part of their need at the cost of none with as small a part."""
    step, found = Fraction(1, 10**9), []
    for poor, need in needs.items():
        if shares[poor] < need:
            part = Fraction(shares[poor]) / need
            held = {n: shares[n] for n in needs if n != poor and needs[n] and Fraction(shares[n]) / needs[n] <= part}
            if possible(stock, {**held, poor: shares[poor] + step}, routes):
                found.append(poor)
    return found


@FIXED
@given(networks())
def test_exact_shares_are_possible_and_fair(network: Any) -> None:
    """The exact shares can be carried, none is beyond its need, and none could grow at larger ones' cost alone."""
    stock, needs, routes = network
    shares = exact_shares(stock, needs, routes)
    assert all(0 <= shares[name] <= needs[name] for name in needs)
    assert possible(stock, shares, routes)
    assert unfair(stock, needs, routes, shares) == []
    assert sum(shares.values()) == most(stock, needs, routes)


@FIXED
@given(networks())
def test_whole_lots_lie_beside_the_exact_shares(network: Any) -> None:
    """In whole lots all that can be carried is carried, and each province has its exact share rounded down or up."""
    stock, needs, routes = network
    exact, lots = exact_shares(stock, needs, routes), fair_shares(stock, needs, routes)
    assert sum(lots.values()) == most(stock, needs, routes)
    assert possible(stock, lots, routes)
    assert all(exact[name] - 1 < lots[name] < exact[name] + 1 for name in needs)
    assert all(lots[name] <= needs[name] for name in needs)


@FIXED
@given(networks())
def test_the_clearing_shares_alike(network: Any) -> None:
    """`naryq.clear` with ties pro rata and free links, by another algorithm, gives the same within two lots."""
    stock, needs, routes = network
    rows = [("sell", p, 0, lots) for p, lots in stock.items() if lots]
    rows += [("buy", z, 100, lots) for z, lots in needs.items() if lots]
    ways = [route for route in routes if route.lots]
    if not rows or not ways:
        return
    orders = {
        "order_id": [str(number) for number in range(len(rows))],
        "side": [row[0] for row in rows],
        "place": [row[1] for row in rows],
        "price": [row[2] for row in rows],
        "quantity": [row[3] for row in rows],
    }
    links = {
        "source": [route.plant for route in ways],
        "target": [route.province for route in ways],
        "capacity": [route.lots for route in ways],
        "tariff": [0] * len(ways),
    }
    fills = naryq.clear(orders, links, tie="pro_rata").fills["quantity"]
    got = {row[1]: int(fill) for row, fill in zip(rows, fills, strict=True) if row[0] == "buy"}
    exact = exact_shares(stock, needs, routes)
    assert all(abs(got.get(name, 0) - exact[name]) < 2 for name in needs)


@FIXED
@given(networks())
def test_shares_are_carried_as_cheaply_as_can_be(network: Any) -> None:
    """Each gets its share within routes and stocks, and no lot would be cheaper from a plant with gas left."""
    stock, needs, routes = network
    shares = fair_shares(stock, needs, routes)
    flow = supply.carried(stock, shares, routes)
    of = {(route.plant, route.province): route for route in routes}
    assert all(0 < lots <= of[way].lots for way, lots in flow.items())
    assert all(sum(lots for way, lots in flow.items() if way[1] == name) == shares[name] for name in needs)
    assert all(sum(lots for way, lots in flow.items() if way[0] == name) <= stock[name] for name in stock)
    used = {name: sum(lots for way, lots in flow.items() if way[0] == name) for name in stock}
    for plant, province in flow:
        for other in PLANTS:
            way = of.get((other, province))
            if way and way.lots > flow.get((other, province), 0) and used[other] < stock[other]:
                assert way.tariff_tenge_per_tonne >= of[plant, province].tariff_tenge_per_tonne


# --- The whole plan ---------------------------------------------------------------------------------------------


@st.composite
def plans(draw: Any) -> tuple[list[Source], list[Need], list[Route]]:
    """Draw sellers at plants, applications of provinces with reviews and shares, and routes."""
    _, _, routes = draw(networks())
    sources = [Source(plant, seller, draw(LOTS)) for plant in PLANTS for seller in "st" if draw(st.booleans())]
    needs = []
    for province in PROVINCES:
        outside = tuple((name, draw(st.integers(1, 20))) for name in "wxyz" if draw(st.booleans()))
        review = draw(st.none() | st.integers(0, 20))
        needs.append(Need(province, outside, draw(LOTS), draw(st.sampled_from((0, 3_333, 6_500, 10_000))), review))
    return sources, needs, routes


def broken(sources: list[Source], needs: list[Need], routes: list[Route]) -> list[str]:
    """Say what a plan does not keep: conservation by source, province and part, cuts, reviews, routes."""
    plan = share_out(sources, needs, routes, "x")
    way: Counter[tuple[str, str]] = Counter()
    cells = [(each.plant, each.province, each.lots) for each in plan.allotments]
    cells += [(each.plant, each.province, each.lots) for each in plan.platform]
    for plant, province, lots in cells:
        way[plant, province] += lots
    limit = {(route.plant, route.province): route.lots for route in routes}
    wrong = [f"{pair} carries too much" for pair, lots in way.items() if lots > limit.get(pair, 0)]
    wrong += ["an empty cell"] if any(lots <= 0 for _, _, lots in cells) else []
    wrong += [f"{source} makes or loses gas" for source in plan.sources if not _conserves(plan, source)]
    for need, planned in zip(sorted(needs), plan.provinces, strict=True):
        wrong += _wrong_in(plan, need, planned)
    return wrong


def _conserves(plan: SharedOut, source: PlannedSource) -> bool:
    mine, told = (source.seller_id, source.plant), (source.outside_lots, source.platform_lots)
    parts = (plan.allotments, plan.platform)
    sums = tuple(sum(each.lots for each in part if (each.seller_id, each.plant) == mine) for part in parts)
    return told == sums and sum(told) + source.unplanned_lots == source.capacity_lots and source.unplanned_lots >= 0


def _wrong_in(plan: SharedOut, need: Need, province: PlannedProvince) -> Iterator[str]:
    total, applied = province.outside_lots, sum(lots for _, lots in need.outside)
    given = [each for each in plan.allotments if each.province == need.province]
    if sum(each.lots for each in given) != total or total > need.outside_lots:
        yield f"{need.province} is allotted other lots than its part, or more than was accepted"
    for name, lots in need.outside:
        got, exact = sum(each.lots for each in given if each.applicant_id == name), Fraction(total * lots, applied)
        if not exact - 1 < got < exact + 1 or got > lots:
            yield f"{name} in {need.province} is not cut pro rata"
    whole = total + province.platform_lots
    part = Fraction(whole * (10_000 - need.platform_share_basis_points), 10_000)
    if whole > need.lots or total > part + Fraction(1, 2) or part - 1 > total < need.outside_lots:
        yield f"{need.province} receives more than it needs, or is parted otherwise than its share says"


@FIXED
@given(plans(), st.randoms(use_true_random=False))
def test_a_plan_keeps_its_promises(plan: Any, chance: Any) -> None:
    """Allotted and platform lots are the planned lots everywhere, cuts are pro rata, and no order matters."""
    assert broken(*plan) == []
    sources, needs, routes = (chance.sample(each, len(each)) for each in plan)
    needs = [need._replace(outside=tuple(reversed(need.outside))) for need in needs]
    assert share_out(sources, needs, routes, "x") == share_out(plan[0], plan[1], plan[2], "x")


def test_few_parts_are_few() -> None:
    """A matrix with given sums is filled in fewer cells than its rows and columns together."""
    assert few_parts([4, 0, 6], [5, 5]) == [(0, 0, 4), (2, 0, 1), (2, 1, 5)]
    assert few_parts([], []) == []


# --- Planted bugs -----------------------------------------------------------------------------------------------

SCARCE = (
    [Source("P", "s", 17), Source("P", "t", 6), Source("Q", "s", 9)],
    [
        Need("A", (("x", 7), ("y", 5)), 4, 3_333),
        Need("B", (("w", 20), ("z", 1)), 3, 6_500, 15),
        Need("C", (), 12, 5_000),
    ],
    [
        Route("P", "A", 99, 2),
        Route("P", "B", 9, 5),
        Route("Q", "B", 9, 1),
        Route("Q", "C", 9, 1),
        Route("P", "C", 5, 3),
    ],
)


def first_come(stock: Any, needs: Any, routes: Any) -> dict[str, Fraction]:
    """Serve one province after another, as far as it goes."""
    shares: dict[str, int] = {}
    for name in sorted(needs):
        shares[name] = most(stock, {**shares, name: needs[name]}, routes) - sum(shares.values())
    return {name: Fraction(lots) for name, lots in shares.items()}


def by_heads(total: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """Share out by heads instead of by what was applied for."""
    each, more = divmod(total, len(weights)) if weights else (0, 0)
    return tuple(each + (place < more) for place in range(len(weights)))


def swapped(lots: int, share: int) -> Any:
    """Sell the regulated part on the platform, and the platform's part outside it."""
    parts = reform.part_plan(lots, share)
    return parts._replace(outside_lots=parts.platform_lots, platform_lots=parts.outside_lots)


def doubled(*network: Any) -> Any:
    """Carry everything twice."""
    return {way: 2 * lots for way, lots in CARRIED(*network).items()}


CARRIED, FAIR = supply.carried, supply.fair_shares
BUGS: dict[str, tuple[str, Any]] = {
    "first come, first served": ("exact_shares", first_come),
    "a cut by heads": ("apportion", by_heads),
    "the two parts swapped": ("part_plan", swapped),
    "a lot lost in the matrix": ("few_parts", lambda rows, columns: few_parts(rows, columns)[1:]),
    "all from the first source": ("few_parts", lambda rows, _: [(0, 0, sum(rows))] if sum(rows) else []),
    "everything carried twice": ("carried", doubled),
    "more than was asked for": ("fair_shares", lambda *net: {name: lots + 1 for name, lots in FAIR(*net).items()}),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_seen(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that is made wrongly is unfair, breaks one of its promises, or runs into an assertion."""
    assert wrong_with_scarce() == []
    monkeypatch.setattr(supply, *BUGS[bug])
    assert seen(wrong_with_scarce)


def wrong_with_scarce() -> list[str]:
    sources, needs, routes = SCARCE
    stock, wants = {"P": 23, "Q": 9}, {need.province: need.lots for need in needs}
    return [*unfair(stock, wants, routes, supply.exact_shares(stock, wants, routes)), *broken(sources, needs, routes)]


def seen(check: Callable[[], list[str]]) -> bool:
    """Tell whether a check finds something, or the program stops by itself."""
    try:
        return check() != []
    except AssertionError:
        return True
