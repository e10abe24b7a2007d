"""The independent check of a choice among conditional orders: plain loops over the caller's own columns.

Nothing here comes from the solver, nor from the reading of the conditions for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.intake import Table, plain_list

Numbers = npt.NDArray[np.int64]
CONDITIONS = ("min_quantity", "group", "parent")


class _Order(NamedTuple):
    """One order as it was given, with what executes of it; None where it has no group, no parent or no price."""

    order_id: Any
    place: str
    buys: bool
    price: int
    quantity: int
    least: int
    group: Any
    parent: Any
    fill: int


def least_of(table: Table) -> Numbers:
    """Return what each order executes at least if it executes at all; 0 for an order without a condition."""
    least = np.zeros(table.rows, np.int64)
    if not any(name in table.columns for name in CONDITIONS):
        return least
    row_of = {identifier: row for row, identifier in enumerate(plain_list(table.columns["order_id"]))}
    for row, lots in table.present("min_quantity"):
        least[row] = lots if lots > 1 else 0
    for row, name in table.present("group"):
        least[row] = max(1, least[row]) if name != "" else least[row]
    for row, name in table.present("parent"):
        for each in (row, row_of.get(name, row)) if name != "" else ():
            least[each] = max(1, least[each])
    return least


def check_choice(
    orders: Any,
    prices: Mapping[str, int | None],
    fills: Any,
    paradoxical: tuple[tuple[Any, int, str], ...],
    claim: tuple[int, int],
) -> None:
    """Check the conditions, the list of the paradoxically rejected orders, and the bound.

    The dual function of all orders at the published prices is at least what any choice is worth, and it is the
    welfare and what the paradoxically rejected orders lose: a bound above that would be no bound but a mistake.

    Args:
        orders: As given to `naryq.clear`.
        prices: The price of each place, or None.
        fills: One row an order, in the same order.
        paradoxical: The order, the loss and the reason of each rejected order that the price would have paid.
        claim: The welfare, and the bound on the welfare of any choice.

    Raises:
        AssertionError: The first rule that does not hold, in one sentence.
    """
    rows = list(_orders(orders, fills))
    named = {order.order_id: order for order in rows}
    executing: dict[Any, Any] = {}
    for order in rows:
        if order.fill:
            other = executing.setdefault(order.group, order.order_id) if order.group is not None else order.order_id
            assert other == order.order_id, f"orders {other} and {order.order_id} of one group execute"
            parent = order.parent is None or (order.parent in named and named[order.parent].fill > 0)
            assert parent, f"order {order.order_id} executes and its parent {order.parent} does not"
    losses = {order.order_id: _loss(order, prices) for order in rows if order.least and not order.fill}
    expected = [(name, loss, _reason(named[name], named, executing)) for name, loss in losses.items() if loss > 0]
    assert [tuple(each) for each in paradoxical] == expected, f"the paradoxically rejected are others: {expected}"
    welfare, bound = claim
    assert welfare <= bound, f"the bound {bound} is below the welfare {welfare}"
    if all(prices[named[name].place] is not None for name in losses):
        most = welfare + sum(losses.values())
        assert bound <= most, f"the bound is {bound}, and at these prices no choice is worth more than {most}"


def _reason(order: _Order, named: Mapping[Any, _Order], executing: Mapping[Any, Any]) -> str:
    """Return why an order is rejected: another of its group executes, its parent does not, or else prices."""
    if order.group in executing:
        return "group"
    orphan = order.parent is not None and not (order.parent in named and named[order.parent].fill)
    return "parent" if orphan else "prices"


def _orders(orders: Any, fills: Any) -> Iterator[_Order]:
    table = Table("orders", orders)
    least = least_of(table).tolist()
    group, parent = (dict(table.present(name)) for name in ("group", "parent"))
    names = ("order_id", "place", "side", "price", "quantity")
    columns = [plain_list(table.columns[name]) for name in names]
    lots = plain_list(Table("fills", fills).columns["quantity"])
    for row, (name, place, side, price, quantity) in enumerate(zip(*columns, strict=True)):
        yield _Order(
            name,
            place,
            side == "buy",
            int(price),
            int(quantity),
            least[row],
            None if group.get(row, "") == "" else group[row],
            None if parent.get(row, "") == "" else parent[row],
            int(lots[row]),
        )


def _loss(order: _Order, prices: Mapping[str, int | None]) -> int:
    """Return what a rejected order would have gained at the price of its place."""
    price = prices[order.place]
    if price is None:
        return 0
    return max(0, order.price - price if order.buys else price - order.price) * order.quantity
