"""The best public solvers on a network auction, each in the form that suits it best.

OR-Tools and HiGHS cannot be loaded into one process (each brings HiGHS symbols of its own), so each is imported only
where it is called, and the benchmark calls OR-Tools in a process apart.
"""

import time
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.datasets.dimacs import Instance

Integers = npt.NDArray[np.int64]
PLACES: Final = 20
LINKS: Final = 60
HIGHEST_PRICE: Final = 200_000
HIGHEST_TARIFF: Final = 20_000
HIGHEST_LOTS: Final = 1_000
MOST_SHORT: Final = 128
"""As many places can be told apart by one byte, below zero left out."""
SEED: Final = 2022
COARSE: Final = 1_000
"""The width of a price bucket of the coarse market by which the price window is found, tenge a tonne."""
WIDEST: Final = 2**40


class Arrays(NamedTuple):
    """A market as arrays: side 0 buys, side 1 sells; places are numbered."""

    places: int
    place: npt.NDArray[np.int8 | np.int16]
    side: npt.NDArray[np.int8]
    price: Integers
    quantity: Integers
    source: Integers
    target: Integers
    capacity: Integers
    tariff: Integers


def draw(orders: int, places: int = PLACES, links: int = LINKS) -> Arrays:
    """Draw the market of a given size; equal sizes give equal markets."""
    chance = np.random.default_rng(SEED)
    source = chance.integers(0, places, links)
    return Arrays(
        places=places,
        place=chance.integers(0, places, orders).astype(np.int8 if places <= MOST_SHORT else np.int16),
        side=chance.integers(0, 2, orders).astype(np.int8),
        price=chance.integers(0, HIGHEST_PRICE + 1, orders),
        quantity=chance.integers(1, HIGHEST_LOTS + 1, orders),
        source=source,
        target=(source + chance.integers(1, places, links)) % places,
        capacity=chance.integers(0, orders * HIGHEST_LOTS // (4 * places), links),
        tariff=chance.integers(0, HIGHEST_TARIFF + 1, links),
    )


def or_tools_best(orders: int, runs: int) -> tuple[float, float, int]:
    """Draw a market and solve it several times with OR-Tools; the shortest times, and the welfare."""
    market = draw(orders)
    found = [or_tools(market) for _ in range(runs)]
    return min(each[0] for each in found), min(each[1] for each in found), found[0][2]


def or_tools(market: Arrays) -> tuple[float, float, int]:
    """Solve with SimpleMinCostFlow, orders as arcs to and from one node; seconds in all, seconds to solve, welfare."""
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - see above

    start = time.perf_counter()
    solver = min_cost_flow.SimpleMinCostFlow()
    sells = market.side == 1
    hub = market.places
    tail = np.concatenate([np.where(sells, hub, market.place), market.source]).astype(np.int32)
    head = np.concatenate([np.where(sells, market.place, hub), market.target]).astype(np.int32)
    capacity = np.concatenate([market.quantity, market.capacity])
    cost = np.concatenate([np.where(sells, market.price, -market.price), market.tariff])
    solver.add_arcs_with_capacity_and_unit_cost(tail, head, capacity, cost)
    built = time.perf_counter()
    assert solver.solve() == solver.OPTIMAL, "every such market has an optimum"
    end = time.perf_counter()
    return end - start, end - built, -int(solver.optimal_cost())


def or_tools_flow(instance: Instance) -> int:
    """Build an instance without lower bounds in SimpleMinCostFlow, solve it and return the least cost."""
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - see above

    assert not instance.low.any(), "SimpleMinCostFlow knows no lower bounds"
    solver = min_cost_flow.SimpleMinCostFlow()
    begin, end = ((ends - 1).astype(np.int32) for ends in (instance.source, instance.target))
    solver.add_arcs_with_capacity_and_unit_cost(begin, end, instance.capacity, instance.cost)
    solver.set_nodes_supplies(np.arange(instance.supply.size, dtype=np.int32), instance.supply)
    assert solver.solve() == solver.OPTIMAL, "every such instance is feasible"
    return int(solver.optimal_cost())


def highs(market: Arrays, method: str, seconds: int) -> int | None:
    """Solve the whole linear programme with HiGHS, presolve off; welfare, or None when the time is up."""
    solver = _solved(market, method, seconds)
    if not _is_optimal(solver):
        return None
    return _objective(solver)


def highs_window(market: Arrays) -> int:
    """Solve with HiGHS as well as we know: prices from a coarse market, then only the orders near them.

    The coarse market has one order for all of a place and side whose prices fall into the same thousand. Orders
    beyond the window are filled or left out; prices found strictly inside the window certify the answer, else it is
    widened.
    """
    guess = _prices(_solved(_coarse(market), "simplex", 600))
    width = COARSE
    while width < WIDEST:
        found = _within(market, guess, width)
        if found is not None:
            return found
        width *= 2
    raise AssertionError("a window over all prices holds every optimum")


def _coarse(market: Arrays) -> Arrays:
    bins = HIGHEST_PRICE // COARSE + 1
    cell = (market.place.astype(np.int64) * 2 + market.side) * bins + market.price // COARSE
    lots = np.bincount(cell, market.quantity.astype(np.float64), market.places * 2 * bins).astype(np.int64)
    place, rest = np.divmod(np.arange(lots.size), 2 * bins)
    side, bucket = np.divmod(rest, bins)
    price = bucket * COARSE + COARSE // 2
    return market._replace(place=place.astype(np.int8), side=side.astype(np.int8), price=price, quantity=lots)


def _within(market: Arrays, guess: npt.NDArray[np.float64], width: int) -> int | None:
    at = np.rint(guess).astype(np.int64)[market.place]
    near = np.abs(market.price - at) <= width
    buys = market.side == 0
    full = ~near & (buys == (market.price > at))
    sign = np.where(buys, 1, -1)
    fixed = np.zeros(market.places, np.int64)
    np.add.at(fixed, market.place[full], (sign * market.quantity)[full])
    rows = np.flatnonzero(near)
    part = market._replace(
        place=market.place[rows], side=market.side[rows], price=market.price[rows], quantity=market.quantity[rows]
    )
    solver = _solved(part, "simplex", 600, fixed)
    if not _is_optimal(solver):
        return None
    if (np.abs(_prices(solver) - guess) >= width - 1).any():
        return None
    value = int((sign * market.quantity * market.price)[full].sum())
    return value + _objective(solver)


def _is_optimal(solver: Any) -> bool:
    return bool(solver.modelStatusToString(solver.getModelStatus()) == "Optimal")


def _objective(solver: Any) -> int:
    value: float = solver.getInfo().objective_function_value
    return round(value)


def _prices(solver: Any) -> npt.NDArray[np.float64]:
    return np.abs(np.array(solver.getSolution().row_dual, np.float64))


def _solved(market: Arrays, method: str, seconds: int, fixed: Integers | None = None) -> Any:
    """Solve max value of bids less offers less transport; each place takes in what it hands out, and `fixed`."""
    import highspy  # noqa: PLC0415 - see above

    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("presolve", "off"),
        ("solver", method),
        ("time_limit", float(seconds)),
    ):
        solver.setOptionValue(option, value)
    orders, links = market.price.size, market.tariff.size
    sign = np.where(market.side == 0, 1, -1)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = orders + links, market.places
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.concatenate([sign * market.price, -market.tariff]).astype(np.float64)
    model.col_lower_ = np.zeros(orders + links)
    model.col_upper_ = np.concatenate([market.quantity, market.capacity]).astype(np.float64)
    balance = np.zeros(market.places) if fixed is None else -fixed.astype(np.float64)
    model.row_lower_ = model.row_upper_ = balance
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = np.concatenate([np.arange(orders), orders + 2 * np.arange(links + 1)])
    ends = np.stack([market.source, market.target], axis=1).ravel()
    matrix.index_ = np.concatenate([market.place, ends]).astype(np.int32)
    matrix.value_ = np.concatenate([sign, np.tile([1, -1], links)]).astype(np.float64)
    solver.passModel(model)
    solver.run()
    return solver
