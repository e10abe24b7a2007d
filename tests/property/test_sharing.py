"""Margins of joined places share by the tie rule: checked by exchanging single lots, as an envious buyer would."""

from collections import defaultdict
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import pytest

import naryq
from naryq.market import auction, network

Market = tuple[dict[str, list[Any]], dict[str, list[Any]]]


def market(seed: int) -> Market:
    """Make a small market whose prices and tariffs are so few that margins of many places meet."""
    random = Random(seed)
    places = [f"place-{number}" for number in range(random.randint(2, 6))]
    rows = random.randint(2, 24)
    orders: dict[str, list[Any]] = {
        "order_id": list(range(rows)),
        "place": [random.choice(places) for _ in range(rows)],
        "side": [random.choice(["buy", "sell"]) for _ in range(rows)],
        "price": [random.choice([10, 11, 12]) for _ in range(rows)],
        "quantity": [random.randint(1, 9) for _ in range(rows)],
        "submitted_at": [random.randint(0, 30) for _ in range(rows)],
    }
    pairs = [pair for pair in product(places, places) if pair[0] != pair[1] and random.random() < 0.6]
    links: dict[str, list[Any]] = {
        "source": [source for source, _ in pairs],
        "target": [target for _, target in pairs],
        "capacity": [random.choice([0, 2, 5, 50]) for _ in pairs],
        "tariff": [random.choice([0, 1]) for _ in pairs],
    }
    return orders, links


def moves(links: dict[str, list[Any]], result: Any) -> dict[str, set[str]]:
    """Return from each place where one lot could be sent instead, by using an open link more or a used one less."""
    ways: dict[str, set[str]] = defaultdict(set)
    rows = zip(
        *(links[name] for name in ("source", "target", "capacity", "tariff")), result.flows["quantity"], strict=True
    )
    for source, target, capacity, tariff, flow in rows:
        if result.prices[target] is None or result.prices[source] is None:
            continue
        if result.prices[target] - result.prices[source] != tariff:
            continue
        if flow < capacity:
            ways[source].add(target)
        if flow > 0:
            ways[target].add(source)
    return ways


def reachable(ways: dict[str, set[str]], start: str) -> set[str]:
    """Return all places that a lot can be sent to from one place, without the place itself."""
    found, waiting = {start}, [start]
    while waiting:
        for place in ways[waiting.pop()] - found:
            found.add(place)
            waiting.append(place)
    return found - {start}


def margins(orders: dict[str, list[Any]], result: Any, side: str) -> dict[str, list[tuple[tuple[int, int], int, int]]]:
    """Return the orders at the price of their place on one side: their turn, their quantity, and what they got."""
    found: dict[str, list[tuple[tuple[int, int], int, int]]] = defaultdict(list)
    for row, place in enumerate(orders["place"]):
        if orders["side"][row] == side and orders["price"][row] == result.prices[place]:
            turn = (orders["submitted_at"][row], row)
            found[place].append((turn, orders["quantity"][row], int(result.fills["quantity"][row])))
    return found


def envies(
    tie: str, short: list[tuple[tuple[int, int], int, int]], served: list[tuple[tuple[int, int], int, int]]
) -> bool:
    """Tell whether one lot moved from a served margin to a short one would be fairer by the tie rule."""
    if sum(got for _, _, got in served) == 0 or all(got == wanted for _, wanted, got in short):
        return False
    if tie == "time":
        waiting = min(turn for turn, wanted, got in short if got < wanted)
        return waiting < max(turn for turn, _, got in served if got > 0)
    part, other = (
        Fraction(sum(got for _, _, got in rows), sum(wanted for _, wanted, _ in rows)) for rows in (short, served)
    )
    lot, other_lot = (Fraction(1, sum(wanted for _, wanted, _ in rows)) for rows in (short, served))
    return part + lot < other - other_lot


def unfair(seed: int, tie: str, *, checked: bool = True) -> list[str]:
    """Clear a market and return every pair of places between which one lot should have moved."""
    orders, links = market(seed)
    result = naryq.clear(orders, links, tie=tie)
    if checked:
        result.check()
    ways = moves(links, result)
    found = []
    for side in ("buy", "sell"):
        at = margins(orders, result, side)
        for one, other in product(at, at):
            # A buyer's lot travels from the served place to the short one; a seller's the other way round.
            start, end = (other, one) if side == "buy" else (one, other)
            if one != other and end in reachable(ways, start) and envies(tie, at[one], at[other]):
                found.append(f"seed {seed}, {side}: {one} envies {other}")
    return found


@pytest.mark.parametrize("tie", ["time", "pro_rata"])
def test_no_place_envies_another(tie: str) -> None:
    """No lot at the margin can be moved between joined places so that the tie rule is kept better."""
    assert [line for seed in range(1_500) for line in unfair(seed, tie)] == []


@pytest.mark.parametrize("tie", ["time", "pro_rata"])
def test_flow_alone_is_caught(tie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clearing that leaves the margins to the flow is found unfair, by this oracle and by the result's own check."""
    monkeypatch.setattr(auction, "shared_trade", lambda market, standing, *_: network.trade_at(market, standing))
    assert any(unfair(seed, tie, checked=False) for seed in range(200))
    with pytest.raises(AssertionError, match="served before"):
        [unfair(seed, tie) for seed in range(200)]


def test_shortage_is_shared_pro_rata() -> None:
    """Three towns bid the same for 60 lots of one plant: each gets the same part of what it bids for."""
    orders = {
        "order_id": ["plant", "north", "south", "west"],
        "place": ["plant", "north", "south", "west"],
        "side": ["sell", "buy", "buy", "buy"],
        "price": [40_000, 100_000, 100_000, 100_000],
        "quantity": [60, 60, 40, 20],
    }
    links = {"source": ["plant"] * 3, "target": ["north", "south", "west"], "capacity": [99] * 3, "tariff": [0] * 3}
    result = naryq.clear(orders, links, tie="pro_rata")
    assert result.fills["quantity"].tolist() == [60, 30, 20, 10]


def test_full_link_leaves_more_to_the_others() -> None:
    """A town behind a narrow link takes what it can carry; the rest is shared among the others in proportion."""
    orders = {
        "order_id": ["plant", "north", "south", "west"],
        "place": ["plant", "north", "south", "west"],
        "side": ["sell", "buy", "buy", "buy"],
        "price": [40_000, 100_000, 100_000, 100_000],
        "quantity": [60, 60, 40, 20],
    }
    links = {"source": ["plant"] * 3, "target": ["north", "south", "west"], "capacity": [12, 99, 99], "tariff": [0] * 3}
    result = naryq.clear(orders, links, tie="pro_rata")
    assert result.fills["quantity"].tolist() == [60, 12, 32, 16]


def test_earlier_order_comes_first_wherever_it_stands() -> None:
    """By time, the earlier of two equal bids at two places is served first, as if they stood in one."""
    orders = {
        "order_id": ["plant", "late", "early"],
        "place": ["plant", "north", "south"],
        "side": ["sell", "buy", "buy"],
        "price": [40_000, 100_000, 100_000],
        "quantity": [5, 4, 4],
        "submitted_at": [1, 3, 2],
    }
    links = {"source": ["plant"] * 2, "target": ["north", "south"], "capacity": [9] * 2, "tariff": [0] * 2}
    assert naryq.clear(orders, links, tie="time").fills["quantity"].tolist() == [5, 1, 4]
