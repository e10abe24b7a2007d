"""Orders with conditions: at least so much or nothing, one of a group, only if another order executes.

An order with a condition is accepted or rejected. Accepted, it executes `least` lots at least; what it asks for
beyond that is an ordinary order that only may trade because the order was accepted. An order that another names as
its parent is accepted or rejected too, with one lot as its least. docs/reference/conditional-orders.md has the rule.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.intake import Orders, Table, plain_list
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal
from naryq.units import grouped

NONE: Final = -1
"""In place of a group or a parent where there is none."""
GONE: Final = -2
"""In place of a parent that was taken out of the market."""


class Conditions(NamedTuple):
    """The orders with conditions, the earliest first: by `submitted_at`, then by the row.

    Attributes:
        rows: The row of each among all orders.
        least: How many lots of it execute at least, if any do.
        group: The number of its group, below that of the conditional orders, or -1; at most one order of a group is
            accepted.
        parent: The position of its parent among the conditional orders, -1 for none, or -2 for one that was taken out;
            none is accepted without its parent.
    """

    rows: Integers
    least: Integers
    group: Integers
    parent: Integers


def conditions_of_rows(conditions: Conditions | None, rows: Integers) -> Conditions | None:
    """Return the conditions of some rows, in the order of the rows given; None when none is left.

    An order whose parent is not among the rows can never execute; one that was conditional only as the parent of an
    order that is gone is an ordinary one.
    """
    if conditions is None:
        return None
    _, least, group, parent = conditions
    there = np.isin(conditions.rows, rows)
    needed = np.isin(np.arange(there.size), parent[there])
    kept = np.flatnonzero(there & ((least > 1) | (group != NONE) | (parent != NONE) | needed))
    if not kept.size:
        return None
    row_of = {row: number for number, row in enumerate(rows.tolist())}
    position = {number: place for place, number in enumerate(kept.tolist())} | {NONE: NONE}
    groups = {number: place for place, number in enumerate(dict.fromkeys(group[kept].tolist()))} | {NONE: NONE}
    return Conditions(
        np.array([row_of[row] for row in conditions.rows[kept].tolist()], np.int64),
        least[kept],
        np.array([groups[number] for number in group[kept].tolist()], np.int64),
        np.array([position.get(number, GONE) for number in parent[kept].tolist()], np.int64),
    )


def read_conditions(table: Table, orders: Orders) -> Conditions | None:
    """Read the columns of conditions; None when no order has one.

    Raises:
        Refusal: A value of the wrong type or out of range, a parent that is unknown, the order itself, or one that
            waits for its own child.
    """
    least = _least(table, orders.quantity)
    group = _named(table, "group")
    parent = _parents(table, orders.order_id)
    blocks = [] if least is None else np.flatnonzero(least > 1).tolist()
    rows = sorted(dict.fromkeys([*blocks, *group, *parent, *parent.values()]))
    if not rows:
        return None
    if orders.submitted_at is not None:
        turn = orders.submitted_at
        rows.sort(key=lambda row: int(turn[row]))
    position = {row: number for number, row in enumerate(rows)}
    numbers = {name: number for number, name in enumerate(dict.fromkeys(group.values()))}
    return Conditions(
        np.array(rows, np.int64),
        np.ones(len(rows), np.int64) if least is None else np.maximum(least[rows], 1),
        np.array([numbers[group[row]] if row in group else NONE for row in rows], np.int64),
        np.array([position[parent[row]] if row in parent else NONE for row in rows], np.int64),
    )


def _least(table: Table, quantity: Integers) -> Integers | None:
    column = table.columns.get("min_quantity")
    if column is None:
        return None
    if isinstance(column, (list, tuple)) or not _holds_integers(column):
        least = np.zeros(table.rows, np.int64)
        for row, value in table.present("min_quantity"):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
                raise table.refusal(
                    Code.WRONG_TYPE,
                    row,
                    f"min_quantity is {value!r}, not a whole number",
                    f"Give an integer, 0 or nothing at all: no text, no decimal point, no true or false{_gaps(value)}.",
                )
            least[row] = value if 0 <= value <= quantity[row] else NONE
            if least[row] == NONE:
                raise _beyond(table, row, int(value), quantity)
        return least
    least = table.integers("min_quantity", optional=True)
    wrong = (least < 0) | (least > quantity)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _beyond(table, row, int(least[row]), quantity)
    return least


def _gaps(value: Any) -> str:
    """Say what to do about a number like 1.0: pandas makes whole numbers so where some of a column are missing."""
    whole = isinstance(value, float) and value.is_integer()
    return "; in pandas keep whole numbers with gaps as such: astype('Int64')" if whole else ""


def _holds_integers(column: Any) -> bool:
    if isinstance(column, np.ndarray):
        return column.dtype.kind in "iu" and not np.ma.is_masked(column)
    return bool(column.dtype.is_integer())


def _beyond(table: Table, row: int, value: int, quantity: Integers) -> Refusal:
    return table.refusal(
        Code.OUT_OF_RANGE,
        row,
        f"min_quantity is {value}",
        f"Give a whole number from 0 to the quantity of the order, {grouped(int(quantity[row]))}.",
    )


def _named(table: Table, name: str) -> dict[int, Any]:
    """Return the rows in which a column of names (text or whole numbers) says something, and what it says."""
    said = {}
    for row, value in table.present(name):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer, str)):
            raise table.refusal(
                Code.WRONG_TYPE,
                row,
                f"{name} is {value!r}, neither text nor a whole number",
                f"Give a name as text or as a whole number, or leave it empty{_gaps(value)}.",
            )
        if value != "":
            said[row] = value
    return said


def _parents(table: Table, order_id: Any) -> dict[int, int]:
    """Return the row of the parent of each row that has one."""
    named = _named(table, "parent")
    if not named:
        return {}
    row_of = {identifier: row for row, identifier in enumerate(plain_list(order_id))}
    for row, name in named.items():
        if name not in row_of:
            raise table.refusal(
                Code.UNKNOWN_ORDER, row, f"no order is named {name!r}", "Name the order_id of another order as parent."
            )
    parents = {row: row_of[name] for row, name in named.items()}
    _refuse_circles(table, parents)
    return parents


def _refuse_circles(table: Table, parents: dict[int, int]) -> None:
    """Follow every chain of parents to its end; each row is walked once."""
    ended: dict[int, None] = {}
    for start in parents:
        chain: dict[int, None] = {}
        row = start
        while row in parents and row not in ended:
            if row in chain:
                which = "itself" if parents[row] == row else "one that waits for it"
                remedy = "Let a chain of parents end at an order without a parent."
                raise table.refusal(Code.SELF_LOOP, row, f"the order waits for {which}", remedy)
            chain[row] = None
            row = parents[row]
        ended.update(chain)
