"""Random markets, and solvers of them that share no code with the one under test."""

import itertools
import random
from typing import Any

import highspy
import numpy as np

Market = tuple[dict[str, list[Any]], dict[str, list[Any]]]

SHAPES = (
    "mixed",
    "no links",
    "zero capacity",
    "one price",
    "disconnected",
    "one order",
    "only sellers",
    "only buyers",
    "chain",
    "circle",
    "huge prices",
    "free links",
    "sparse",
)


def random_market(seed: int, shape: str = "mixed") -> Market:
    """Draw a small market of a given shape: its orders and its links."""
    draw = random.Random(f"{shape} {seed}")
    places = [f"P{number}" for number in range(draw.randint(1, 6))]
    return _orders(draw, shape, places), _links(draw, shape, places)


def _orders(draw: random.Random, shape: str, places: list[str]) -> dict[str, list[Any]]:
    count = 1 if shape == "one order" else draw.randint(2, 6) if shape == "sparse" else draw.randint(0, 30)
    top = {"one price": 0, "huge prices": 10**12 - 1}.get(shape, draw.choice([3, 20, 200_000]))
    most = 3 if shape == "huge prices" else draw.choice([1, 4, 100])
    sides = {"only sellers": ["sell"], "only buyers": ["buy"]}.get(shape, ["buy", "sell"])
    return {
        "order_id": list(range(count)),
        "place": [draw.choice(places) for _ in range(count)],
        "side": [draw.choice(sides) for _ in range(count)],
        "price": [draw.randint(0, top) + (1 if shape == "huge prices" else 0) for _ in range(count)],
        "quantity": [draw.randint(1, most) for _ in range(count)],
    }


def _links(draw: random.Random, shape: str, places: list[str]) -> dict[str, list[Any]]:
    if shape == "disconnected":
        places = places[: len(places) // 2 + 1]
    pairs = [(one, other) for one in places for other in places if one != other]
    if shape == "chain":
        pairs = list(itertools.pairwise(places))
    elif shape == "circle":
        pairs = list(zip(places, places[1:] + places[:1], strict=True)) if len(places) > 1 else []
    else:
        pairs = draw.choices(pairs, k=draw.randint(0, 2 * len(places))) if pairs and shape != "no links" else []
    most = {"zero capacity": 0}.get(shape, draw.choice([2, 50]))
    dear = {"free links": 0, "huge prices": 10**11}.get(shape, draw.choice([0, 2, 30_000]))
    return {
        "source": [pair[0] for pair in pairs],
        "target": [pair[1] for pair in pairs],
        "capacity": [draw.randint(0, most) for _ in pairs],
        "tariff": [draw.randint(0, dear) for _ in pairs],
    }


def places_of(market: Market) -> list[str]:
    """Name every place of a market, sorted."""
    orders, links = market
    return sorted({*orders["place"], *links["source"], *links["target"]})


def highs_welfare(market: Market) -> int:
    """Solve the welfare problem as a linear programme with HiGHS; the network makes its optimum a whole number."""
    orders, links = market
    places = {name: row for row, name in enumerate(places_of(market))}
    signs = [1 if side == "buy" else -1 for side in orders["side"]]
    cost = [sign * price for sign, price in zip(signs, orders["price"], strict=True)]
    cost += [-tariff for tariff in links["tariff"]]
    upper = [*orders["quantity"], *links["capacity"]]
    columns = [[(places[name], -sign)] for name, sign in zip(orders["place"], signs, strict=True)]
    for source, target in zip(links["source"], links["target"], strict=True):
        columns.append([(places[source], -1), (places[target], 1)])
    return round(maximise(cost, upper, columns, len(places))) if columns else 0


def maximise(cost: list[int], upper: list[int], columns: list[list[tuple[int, int]]], rows: int) -> float:
    """Solve a linear programme whose rows must all come to zero; a column is its non-zero entries, (row, value)."""
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - HiGHS takes options so
    solver.setOptionValue("presolve", "off")
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(cost), rows
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.array(cost, float)
    model.col_lower_, model.col_upper_ = np.zeros(len(cost)), np.array(upper, float)
    model.row_lower_ = model.row_upper_ = np.zeros(rows)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.cumsum([0, *(len(column) for column in columns)])
    model.a_matrix_.index_ = np.array([row for column in columns for row, _ in column])
    model.a_matrix_.value_ = np.array([value for column in columns for _, value in column], float)
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(solver.getInfo().objective_function_value)


def dual_function(market: Market, prices: dict[str, int]) -> int:
    """Evaluate the dual function at any prices, straight from its definition."""
    orders, links = market
    rows = zip(orders["place"], orders["side"], orders["price"], orders["quantity"], strict=True)
    value: int = sum(
        quantity * max(0, price - prices[place] if side == "buy" else prices[place] - price)
        for place, side, price, quantity in rows
    )
    for source, target, capacity, tariff in zip(*links.values(), strict=True):
        value += capacity * max(0, prices[target] - prices[source] - tariff)
    return value


def optimal_vectors(market: Market, lowest: int, highest: int) -> list[tuple[int, ...]]:
    """List every optimal price vector in a box, by trying all of them."""
    names = places_of(market)
    values = {
        vector: dual_function(market, dict(zip(names, vector, strict=True)))
        for vector in itertools.product(range(lowest, highest + 1), repeat=len(names))
    }
    best = min(values.values())
    return [vector for vector, value in values.items() if value == best]
