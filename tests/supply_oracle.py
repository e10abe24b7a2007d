"""How much the others could supply and take, by a linear programme: it shares no code with what it checks."""

from typing import Any

import highspy
import numpy as np

import naryq


def unserved(
    result: naryq.Clearing, orders: dict[str, list[Any]], links: dict[str, list[Any]], participant: str
) -> tuple[int, int]:
    """Return the shortage and the surplus without a participant, straight from their definitions."""
    offered: dict[str, int] = {}
    bid, sold, bought = dict(offered), dict(offered), dict(offered)
    rows = zip(
        orders["participant"],
        orders["place"],
        orders["side"],
        orders["quantity"],
        result.fills["quantity"],
        strict=True,
    )
    for who, place, side, quantity, fill in rows:
        if who != participant:
            whole, part = (bid, bought) if side == "buy" else (offered, sold)
            whole[place] = whole.get(place, 0) + quantity
            part[place] = part.get(place, 0) + int(fill)
    places = list(result.prices)
    return (
        sum(bought.values()) - _most(places, links, offered, bought),
        sum(sold.values()) - _most(places, links, sold, bid),
    )


def _most(places: list[str], links: dict[str, list[Any]], supply: dict[str, int], demand: dict[str, int]) -> int:
    """Return the most that can be supplied: columns are what each place gives, what it takes, and the flows."""
    number = {name: row for row, name in enumerate(places)}
    balance = [[(number[name], 1)] for name in places] + [[(number[name], -1)] for name in places]
    balance += [[(number[s], -1), (number[t], 1)] for s, t in zip(links["source"], links["target"], strict=True)]
    upper = [*(supply.get(name, 0) for name in places), *(demand.get(name, 0) for name in places), *links["capacity"]]
    if not places:
        return 0
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - HiGHS takes options so
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(upper), len(places)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_ = np.array([0] * len(places) + [1] * len(places) + [0] * len(links["source"]), float)
    model.col_lower_, model.col_upper_ = np.zeros(len(upper)), np.array(upper, float)
    model.row_lower_ = model.row_upper_ = np.zeros(len(places))
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.cumsum([0, *(len(column) for column in balance)])
    model.a_matrix_.index_ = np.array([row for column in balance for row, _ in column])
    model.a_matrix_.value_ = np.array([value for column in balance for _, value in column], float)
    solver.passModel(model)
    solver.run()
    return round(float(solver.getInfo().objective_function_value))
