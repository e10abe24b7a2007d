"""The work of `naryq bench conditions`: all-or-none orders, against HiGHS's branch and bound on welfare alone.

The markets are those of `naryq bench clearing`, one order in twenty all-or-none; these are one, five or twenty times as
large as the others: small ones hardly move prices, large ones set them. HiGHS finds the greatest
welfare and no prices; the greatest welfare that uniform prices support is at most that.
"""

from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.cli.bench_clearing import RUNS, Figure, Say, best, frames
from naryq.cli.bench_peers import Arrays, draw
from naryq.market.clearing import clear

ORDERS_PER_CONDITION: Final = 20
SIZES: Final = (1, 5, 20)
SEEDS: Final = (0, 1, 2)
HIGHS_SECONDS: Final = 600

Integers = npt.NDArray[np.int64]


class Instance(NamedTuple):
    """A market and the rows of its all-or-none orders, which are so many times as large as the others."""

    arrays: Arrays
    rows: Integers
    size: int


def instance(size: int, seed: int, orders: int) -> Instance:
    """Draw a market of which one order in twenty is all-or-none; equal numbers give equal markets."""
    arrays = draw(orders)
    rows = np.sort(np.random.default_rng(seed).choice(orders, orders // ORDERS_PER_CONDITION, replace=False))
    quantity = arrays.quantity.copy()
    quantity[rows] *= size
    return Instance(arrays._replace(quantity=quantity), rows, size)


def run(say: Say, orders: int) -> list[Figure]:
    """Measure every instance, and say what is being measured."""
    figures = []
    for size in SIZES:
        for seed in SEEDS:
            say(f"all-or-none orders {size} times as large as others, instance {seed}")
            figures += _compared(instance(size, seed, orders), seed)
    return figures


def _compared(market: Instance, seed: int) -> list[Figure]:
    table, links = frames(market.arrays)
    table["min_quantity"] = np.where(np.isin(table.index, market.rows), market.arrays.quantity, 0)
    work = partial(clear, table, links)
    work()
    own = best(work, RUNS)
    found = own.answer
    assert found.proven, "without a time limit the search ends with a proof"
    peer = best(partial(highs_welfare, market), 1)
    assert peer.answer is None or peer.answer >= found.welfare, "no prices can raise welfare above its maximum"
    name, count = f"{market.size}x, instance {seed}", market.arrays.price.size
    least = "over " if peer.answer is None else ""
    share = f"{least}{peer.seconds / own.seconds:.1f}x"
    return [
        Figure(count, f"naryq.clear, proven, with prices, {name}", own.seconds, welfare=found.welfare),
        Figure(count, f"HiGHS, welfare alone, presolve off, {name}", peer.seconds, share, "1x", peer.answer),
    ]


def highs_welfare(market: Instance) -> int | None:
    """Find the greatest welfare with HiGHS, to the last unit; None when the time is up."""
    import highspy  # noqa: PLC0415 - it cannot be loaded beside OR-Tools

    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (
        ("output_flag", False),
        ("presolve", "off"),
        ("time_limit", float(HIGHS_SECONDS)),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.5),
    ):
        solver.setOptionValue(option, value)
    solver.passModel(_model(highspy, market))
    solver.run()
    if solver.modelStatusToString(solver.getModelStatus()) != "Optimal":
        return None
    welfare: float = solver.getInfo().objective_function_value
    return round(welfare)


def _model(highspy: Any, market: Instance) -> Any:
    """Make one column an order (0 or 1 for all or none) and a link, one row a place."""
    arrays, count = market.arrays, market.arrays.price.size
    links = arrays.tariff.size
    whole = np.isin(np.arange(count), market.rows)
    sign = np.where(arrays.side == 0, 1, -1)
    unit = np.where(whole, arrays.quantity, 1)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count + links, arrays.places
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.concatenate([sign * arrays.price * unit, -arrays.tariff]).astype(np.float64)
    model.col_lower_ = np.zeros(count + links)
    upper = np.concatenate([np.where(whole, 1, arrays.quantity), arrays.capacity])
    model.col_upper_ = upper.astype(np.float64)
    model.row_lower_ = model.row_upper_ = np.zeros(arrays.places)
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = np.concatenate([np.arange(count), count + 2 * np.arange(links + 1)])
    ends = np.stack([arrays.source, arrays.target], axis=1).ravel()
    matrix.index_ = np.concatenate([arrays.place, ends]).astype(np.int32)
    matrix.value_ = np.concatenate([sign * unit, np.tile([1, -1], links)]).astype(np.float64)
    kinds = highspy.HighsVarType
    model.integrality_ = [kinds.kInteger if each else kinds.kContinuous for each in whole] + [kinds.kContinuous] * links
    return model
