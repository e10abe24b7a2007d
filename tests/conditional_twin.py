"""Tiny markets with conditional orders, and their best choice by trying every set of orders at every price vector."""

import itertools
import random
from typing import Any, NamedTuple

from tests.market_oracles import Market, places_of

Row = dict[str, Any]


class Best(NamedTuple):
    """The best choice: its welfare, the accepted orders, and every price vector that supports it."""

    welfare: int
    accepted: tuple[int, ...]
    prices: list[tuple[int, ...]]


def tiny_market(seed: int, most_places: int = 2) -> Market:
    """Draw a market of few orders, some of them with conditions, and few prices."""
    draw = random.Random(seed)
    places = [f"P{number}" for number in range(draw.randint(1, most_places))]
    count = draw.randint(1, 9)
    top = draw.choice([2, 4, 6])
    quantity = [draw.randint(1, draw.choice([2, 6])) for _ in range(count)]
    kind = [draw.choice(["plain", "all or none", "some or none", "plain"]) for _ in range(count)]
    plain = [draw.choice([None, 0, 1]) for _ in range(count)]
    orders: dict[str, list[Any]] = {
        "order_id": [10 * number + 10 for number in range(count)],
        "place": [draw.choice(places) for _ in range(count)],
        "side": [draw.choice(["buy", "sell"]) for _ in range(count)],
        "price": [draw.randint(0, top) for _ in range(count)],
        "quantity": quantity,
        "min_quantity": [
            {"all or none": lots, "some or none": (lots + 1) // 2}.get(name, none)
            for name, lots, none in zip(kind, quantity, plain, strict=True)
        ],
    }
    if draw.random() < 0.4:
        orders["group"] = [draw.choice([None, None, None, "g", 7]) for _ in range(count)]
    if draw.random() < 0.4:
        earlier = [orders["order_id"][: max(row, 1)] for row in range(count)]
        orders["parent"] = [
            draw.choice(ids) if row and draw.random() < 0.3 else None for row, ids in enumerate(earlier)
        ]
    if draw.random() < 0.3:
        orders["submitted_at"] = [draw.randint(0, 3) for _ in range(count)]
    pairs = [pair for pair in itertools.permutations(places, 2) if draw.random() < 0.7]
    links: dict[str, list[Any]] = {
        "source": [pair[0] for pair in pairs],
        "target": [pair[1] for pair in pairs],
        "capacity": [draw.choice([0, 1, 2, 5]) for _ in pairs],
        "tariff": [draw.randint(0, 2) for _ in pairs],
    }
    return orders, links


def rows_of(orders: dict[str, list[Any]]) -> list[Row]:
    """Read the orders as rows; `least` is 0 for an order without any condition."""
    rows = [dict(zip(orders, values, strict=True)) for values in zip(*orders.values(), strict=True)]
    parents = {row.get("parent") for row in rows}
    for number, row in enumerate(rows):
        least = row.get("min_quantity") or 0
        told = row.get("group") is not None or row.get("parent") is not None or row["order_id"] in parents
        row["least"] = max(least, 1) if least > 1 or told else 0
        row["turn"] = (row.get("submitted_at", 0), number)
    return rows


def best_choice(market: Market) -> Best:
    """Try every set of conditional orders at every price vector; the earliest of the best sets."""
    orders, links = market
    rows = rows_of(orders)
    conditional = sorted((row for row in rows if row["least"]), key=lambda row: row["turn"])
    names = places_of(market)
    top = max(row["price"] for row in rows)
    vectors = [
        dict(zip(names, vector, strict=True)) for vector in itertools.product(range(-1, top + 2), repeat=len(names))
    ]
    found: dict[tuple[int, tuple[bool, ...]], list[tuple[int, ...]]] = {}
    for chosen in itertools.product([True, False], repeat=len(conditional)):
        accepted = [row for row, taken in zip(conditional, chosen, strict=True) if taken]
        if not _compatible(accepted):
            continue
        taking_part = [row for row in rows if not row["least"]] + accepted
        for prices in vectors:
            if _supports(taking_part, links, prices):
                worth = _surplus(taking_part, links, prices)
                found.setdefault((worth, chosen), []).append(tuple(prices.values()))
    best = max(found)  # Of equal welfare, the choice with the earliest order that only one has.
    ids = tuple(row["order_id"] for row, taken in zip(conditional, best[1], strict=True) if taken)
    return Best(best[0], ids, found[best])


def _compatible(accepted: list[Row]) -> bool:
    groups = [row["group"] for row in accepted if row.get("group") is not None]
    ids = [row["order_id"] for row in accepted]
    return len(set(groups)) == len(groups) and all(row.get("parent") in {None, *ids} for row in accepted)


def gain(row: Row, prices: dict[str, int]) -> int:
    """Return what one lot of an order gains at given prices."""
    difference: int = row["price"] - prices[row["place"]]
    return difference if row["side"] == "buy" else -difference


def _supports(rows: list[Row], links: dict[str, list[Any]], prices: dict[str, int]) -> bool:
    """Tell whether fills and flows exist at these prices that satisfy every order and link.

    What each place sends out, and what each link carries, lies between bounds; by Hoffman's circulation theorem there
    is such a flow when no set of places must send more, or take in more, than its links can carry.
    """
    least, most = (dict.fromkeys(prices, 0) for _ in range(2))
    for row in rows:
        gained = gain(row, prices)
        if row["least"] and gained < 0:
            return False
        low = row["quantity"] if gained > 0 else row["least"]
        high = row["quantity"] if gained >= 0 else 0
        if row["side"] == "buy":
            low, high = -high, -low
        least[row["place"]] += low
        most[row["place"]] += high
    flows = []
    for source, target, capacity, tariff in zip(*links.values(), strict=True):
        gap = prices[target] - prices[source] - tariff
        flows.append((source, target, capacity if gap > 0 else 0, capacity if gap >= 0 else 0))
    return all(
        _fits(set(some), least, most, flows)
        for size in range(1, len(prices) + 1)
        for some in itertools.combinations(prices, size)
    )


def _fits(some: set[str], least: dict[str, int], most: dict[str, int], flows: list[tuple[str, str, int, int]]) -> bool:
    out = [flow for flow in flows if flow[0] in some and flow[1] not in some]
    into = [flow for flow in flows if flow[1] in some and flow[0] not in some]
    sends = sum(least[place] for place in some), sum(most[place] for place in some)
    return (
        sends[0] + sum(flow[2] for flow in into) <= sum(flow[3] for flow in out)
        and sum(flow[2] for flow in out) <= sends[1] + sum(flow[3] for flow in into)
    )  # fmt: skip


def _surplus(rows: list[Row], links: dict[str, list[Any]], prices: dict[str, int]) -> int:
    total: int = sum(max(0, gain(row, prices)) * row["quantity"] for row in rows)
    for source, target, capacity, tariff in zip(*links.values(), strict=True):
        total += capacity * max(0, prices[target] - prices[source] - tariff)
    return total


def losses(market: Market, prices: dict[str, int | None], accepted: tuple[int, ...]) -> list[tuple[int, int]]:
    """List the rejected orders that the prices would have paid, with what they would have gained."""
    known = {place: price for place, price in prices.items() if price is not None}
    rejected = [row for row in rows_of(market[0]) if row["least"] and row["order_id"] not in accepted]
    gains = [(row, gain(row, known)) for row in rejected if row["place"] in known]
    return [(row["order_id"], gained * row["quantity"]) for row, gained in gains if gained > 0]
