"""Random markets with floors, caps, an outside, ways back and orders without a limit; and what they come to.

The rules are written out here a second time, as a linear programme and as a table of all prices.
"""

import itertools
import random
from typing import Any, NamedTuple

from tests.market_oracles import maximise, random_market

Columns = dict[str, list[Any]]


class Case(NamedTuple):
    """What a caller gives: orders, links and places."""

    orders: Columns
    links: Columns
    places: Columns

    @property
    def names(self) -> list[str]:
        """Every place, sorted."""
        columns = (self.orders["place"], self.links["source"], self.links["target"], self.places["place"])
        return sorted({name for column in columns for name in column})


def random_case(seed: int, shape: str, *, top: int | None = None) -> Case:
    """Draw a market of a shape, and terms for some of its places; prices up to `top` where it is given."""
    draw = random.Random(f"places {shape} {seed}")
    orders, links = random_market(seed, shape)
    if top is not None:
        orders["price"] = [price % (top + 1) for price in orders["price"]]
        links["tariff"] = [tariff % 4 for tariff in links["tariff"]]
    links["capacity_back"] = [draw.choice([None, 0, 2, 40]) for _ in links["source"]]
    named = sorted({*orders["place"], *links["source"], *links["target"]})
    places = draw.sample(named, draw.randint(0, len(named)))
    highest = max([5, *orders["price"]])
    terms = [_terms(draw, highest) for _ in places]
    case = Case(orders, links, {"place": places, **{name: [row[name] for row in terms] for name in TERMS}})
    if draw.random() < 0.5:
        _drop_some_limits(draw, case)
    return case


TERMS = ("floor", "cap", "import_price", "export_price")


def _terms(draw: random.Random, highest: int) -> dict[str, int | None]:
    floor, cap = sorted(
        draw.choices(range(highest + 1), k=2) if highest < 100 else [draw.randint(0, highest) for _ in "ab"]
    )
    exports, imports = sorted(draw.randint(0, highest) for _ in "ab")
    drawn = {"floor": floor, "cap": cap, "import_price": imports, "export_price": exports}
    return {name: price if draw.random() < 0.5 else None for name, price in drawn.items()}


def _drop_some_limits(draw: random.Random, case: Case) -> None:
    joined = {*case.links["source"], *case.links["target"]}
    capped = {name for name, cap in zip(case.places["place"], case.places["cap"], strict=True) if cap is not None}
    for row, (place, side) in enumerate(zip(case.orders["place"], case.orders["side"], strict=True)):
        if draw.random() < 0.3 and (place not in joined or place in capped or side == "sell"):
            case.orders["price"][row] = None


class Clipped(NamedTuple):
    """A market as its limits leave it: each order's place, side, limit, quantity and row; and the outside by place."""

    orders: list[tuple[str, str, int, int, int]]
    imports: dict[str, int]
    exports: dict[str, int]
    bounds: dict[str, tuple[int, int]]


def clipped(case: Case) -> Clipped:
    """Apply the limits of the places, in so many words."""
    terms = {row[0]: dict(zip(TERMS, row[1:], strict=True)) for row in zip(*case.places.values(), strict=True)}
    joined = {*case.links["source"], *case.links["target"]}
    result = Clipped([], {}, {}, {})
    for name in case.names:
        floor, cap, imports, exports = (terms.get(name, {}).get(term) for term in TERMS)
        low, high = (0 if floor is None else floor), (10**15 if cap is None else cap)
        if imports is not None and imports <= high:
            result.imports[name] = max(imports, low)
        if exports is not None and exports >= low:
            result.exports[name] = min(exports, high)
        stands, free = _stands_and_free(case, name, (floor, cap), alone=name not in joined)
        others = [order[2] for order in stands]
        others += [prices[name] for prices in (result.imports, result.exports) if name in prices]
        for place, side, quantity, row in free if others else []:
            limit = max(others) + 1 if side == "buy" else max(0, min(others) - 1)
            stands.append((place, side, limit, quantity, row))
            low, high = (low, min(high, max(others))) if side == "buy" else (max(low, min(others)), high)
        result.orders.extend(stands)
        result.bounds[name] = (low, high)
    return result


def _stands_and_free(
    case: Case, name: str, bounds: tuple[int | None, int | None], *, alone: bool
) -> tuple[list[tuple[str, str, int, int, int]], list[tuple[str, str, int, int]]]:
    """Return the orders of a place with the limit that each counts for, and those that nothing bounds."""
    floor, cap = bounds
    stands: list[tuple[str, str, int, int, int]] = []
    free = []
    columns = (case.orders[column] for column in ("place", "side", "price", "quantity"))
    for row, (place, side, price, quantity) in enumerate(zip(*columns, strict=True)):
        buys = side == "buy"
        bound = cap if buys else floor
        worse = floor if buys else cap
        if place != name:
            continue
        if price is None and bound is None and alone:
            free.append((place, side, quantity, row))
        elif price is None:
            stands.append((place, side, 0 if bound is None else bound, quantity, row))
        elif worse is None or (price >= worse if buys else price <= worse):
            limit = price if bound is None else min(price, bound) if buys else max(price, bound)
            stands.append((place, side, limit, quantity, row))
    return stands, free


def ways(case: Case) -> list[tuple[str, str, int, int]]:
    """Return every way that gas can go: from where, to where, how much, at what tariff."""
    rows = list(
        zip(*(case.links[name] for name in ("source", "target", "capacity", "tariff", "capacity_back")), strict=True)
    )
    forth = [(source, target, capacity, tariff) for source, target, capacity, tariff, _ in rows]
    return forth + [(target, source, back or 0, tariff) for source, target, _, tariff, back in rows]


def highest_welfare(case: Case) -> int:
    """Solve the clipped market as a linear programme with HiGHS."""
    market, number = clipped(case), {name: row for row, name in enumerate(case.names)}
    cost, upper, columns = [], [], []
    for place, side, limit, quantity, _ in market.orders:
        cost.append(limit if side == "buy" else -limit)
        upper.append(quantity)
        columns.append([(number[place], -1 if side == "buy" else 1)])
    for source, target, capacity, tariff in ways(case):
        cost.append(-tariff)
        upper.append(capacity)
        columns.append([(number[source], -1), (number[target], 1)])
    for prices, sign in ((market.imports, 1), (market.exports, -1)):
        for place, price in prices.items():
            cost.append(-sign * price)
            upper.append(10**9)
            columns.append([(number[place], sign)])
    return round(maximise(cost, upper, columns, len(number))) if columns else 0


def optimal_shadow_prices(case: Case, top: int) -> list[tuple[int, ...]]:
    """List every optimal vector of prices from -1 to `top` that the outside allows, by trying all of them."""
    market, names = clipped(case), case.names
    number = {name: row for row, name in enumerate(names)}
    ranges = [
        range(max(-1, market.exports.get(name, -1)), min(top, market.imports.get(name, top)) + 1) for name in names
    ]
    values = {}
    for vector in itertools.product(*ranges):
        value = sum(
            quantity * max(0, limit - vector[number[place]] if side == "buy" else vector[number[place]] - limit)
            for place, side, limit, quantity, _ in market.orders
        )
        for source, target, capacity, tariff in ways(case):
            value += capacity * max(0, vector[number[target]] - vector[number[source]] - tariff)
        values[vector] = value
    best = min(values.values())
    return [vector for vector, value in values.items() if value == best]


def tiny_case(seed: int, shape: str) -> Case:
    """Cut a random case down until every price vector can be tried."""
    case = random_case(seed, shape, top=5)
    few = {"P0", "P1", "P2"}
    rows = [row for row, place in enumerate(case.orders["place"]) if place in few][:8]
    ends = zip(case.links["source"], case.links["target"], strict=True)
    links = [row for row, pair in enumerate(ends) if few >= set(pair)]
    places = [row for row, place in enumerate(case.places["place"]) if place in few]
    cut = Case(_rows(case.orders, rows), _rows(case.links, links), _rows(case.places, places))
    named = {*cut.orders["place"], *cut.links["source"], *cut.links["target"]}
    known = [row for row, place in enumerate(cut.places["place"]) if place in named or _trades(cut.places, row)]
    return cut._replace(places=_rows(cut.places, known))


def _rows(columns: Columns, rows: list[int]) -> Columns:
    return {name: [column[row] for row in rows] for name, column in columns.items()}


def _trades(places: Columns, row: int) -> bool:
    return places["import_price"][row] is not None or places["export_price"][row] is not None
