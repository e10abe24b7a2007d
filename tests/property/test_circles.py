"""Flows in a circle are taken out, and nothing else: balances stay, and what is left leads nowhere back."""

from random import Random

import numpy as np
import pytest

from naryq.market.network import without_circles
from naryq.market.passes import Market


def market(source: list[int], target: list[int], tariff: list[int], places: int) -> Market:
    """Make a market of links alone."""
    none = np.zeros(0, np.int64)
    links = (np.array(each, np.int64) for each in (source, target, [10**6] * len(source), tariff))
    named = dict(zip(("link_source", "link_target", "capacity", "tariff"), links, strict=True))
    others = {field: none for field in Market._fields if field not in {*named, "places"}}
    return Market(**named, **others, places=places)  # type: ignore[arg-type]  # the rest is not read


def balance(links: Market, flow: list[int]) -> list[int]:
    """Return what each place sends on less what it receives."""
    found = [0] * links.places
    for source, target, lots in zip(links.link_source.tolist(), links.link_target.tolist(), flow, strict=True):
        found[source] += lots
        found[target] -= lots
    return found


def has_circle(links: Market, flow: list[int]) -> bool:
    """Tell whether free links carry something in a circle, by taking away places that nothing leaves."""
    rows = zip(links.link_source.tolist(), links.link_target.tolist(), links.tariff.tolist(), flow, strict=True)
    ways = {(source, target) for source, target, tariff, lots in rows if lots and not tariff}
    while True:
        left = {(source, target) for source, target in ways if any(target == other for other, _ in ways)}
        if left == ways:
            return bool(ways)
        ways = left


def random_market(seed: int) -> tuple[Market, list[int]]:
    """Make a few places with many links, parallel ones among them, and flows on most."""
    random = Random(seed)
    places, rows = random.randint(2, 8), random.randint(1, 30)
    source = [random.randrange(places) for _ in range(rows)]
    target = [(one + random.randrange(1, places)) % places for one in source]
    tariff = [random.choice([0, 0, 0, 1]) for _ in range(rows)]
    return market(source, target, tariff, places), [random.choice([0, 1, 2, 7]) for _ in range(rows)]


def test_circles_go_and_balances_stay() -> None:
    """In 2,000 random networks no circle is left, no link carries more, and every place keeps its balance."""
    met = 0
    for seed in range(2_000):
        links, flow = random_market(seed)
        met += has_circle(links, flow)
        after = without_circles(links, np.array(flow, np.int64)).tolist()
        assert not has_circle(links, after), seed
        assert all(0 <= left <= lots for left, lots in zip(after, flow, strict=True)), seed
        assert balance(links, after) == balance(links, flow), seed
    assert met > 1_000, "most of these networks must have circles for the test to say anything"


@pytest.mark.parametrize("places", [3, 3_000])
def test_a_great_ring_is_taken_out_at_once(places: int) -> None:
    """A ring of thousands of places that carries seven lots for nothing is empty afterwards, whatever its size."""
    ring = market(list(range(places)), [*range(1, places), 0], [0] * places, places)
    assert without_circles(ring, np.full(places, 7, np.int64)).tolist() == [0] * places


def test_a_circle_left_in_is_seen() -> None:
    """The check of circles fails on a flow that has one."""
    assert has_circle(market([0, 1], [1, 0], [0, 0], 2), [1, 1])
