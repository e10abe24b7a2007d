"""DIMACS minimum-cost flow instances for tests: drawn, written in the published layout, and solved without naryq."""

import random
from typing import Any

import highspy
import numpy as np

from naryq.datasets.dimacs import Instance


def drawn(seed: int, *, lows: bool = True, negative: bool = True) -> Instance:
    """Draw a small instance: parallel arcs, empty arcs and arcs that must carry something among them."""
    draw = random.Random(f"dimacs {seed}")
    nodes, arcs = draw.randint(2, 8), draw.randint(0, 20)
    supply = [draw.choice([0, 0, draw.randint(1, 9)]) for _ in range(nodes - 1)]
    supply = [lots * draw.choice([1, -1]) for lots in supply]
    rows = []
    for _ in range(arcs):
        begin = draw.randint(1, nodes)
        end = draw.choice([node for node in range(1, nodes + 1) if node != begin])
        capacity = draw.choice([0, draw.randint(1, 12), 30])
        low = draw.randint(0, capacity) if lows and draw.random() < 0.1 else 0
        cost = draw.randint(0, draw.choice([0, 3, 1_000])) * (-1 if negative and draw.random() < 0.2 else 1)
        rows.append((begin, end, low, capacity, cost))
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    return Instance("drawn", np.array([*supply, -sum(supply)], np.int64), *columns)


def written(instance: Instance) -> bytes:
    """Write an instance in the published layout."""
    lines = ["c drawn for a test", f"p min {instance.supply.size} {instance.cost.size}"]
    lines += [f"n {node} {flow}" for node, flow in enumerate(instance.supply.tolist(), 1) if flow]
    rows = zip(*(column.tolist() for column in instance[2:]), strict=True)
    lines += ["a " + " ".join(map(str, row)) for row in rows]
    return "\n".join([*lines, ""]).encode("ascii")


def least_cost(instance: Instance) -> int | None:
    """Solve an instance as a linear programme with HiGHS; None where nothing is feasible."""
    nodes, arcs = instance.supply.size, instance.cost.size
    if not arcs:
        return None if instance.supply.any() else 0
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - HiGHS takes options so
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = arcs, nodes
    model.col_cost_ = instance.cost.astype(float)
    model.col_lower_, model.col_upper_ = instance.low.astype(float), instance.capacity.astype(float)
    model.row_lower_ = model.row_upper_ = instance.supply.astype(float)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = 2 * np.arange(arcs + 1)
    model.a_matrix_.index_ = (np.stack([instance.source, instance.target], axis=1) - 1).ravel().astype(np.int32)
    model.a_matrix_.value_ = np.tile([1.0, -1.0], arcs)
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    value: float = solver.getInfo().objective_function_value
    return round(value)


def is_feasible(instance: Instance, flow: Any) -> bool:
    """Tell whether a flow keeps all bounds and gives each node what it needs."""
    over = instance.supply.copy()
    np.subtract.at(over, instance.source - 1, flow)
    np.add.at(over, instance.target - 1, flow)
    within = ((instance.low <= flow) & (flow <= instance.capacity)).all()
    return bool(within and not over.any())
