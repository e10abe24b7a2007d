"""The independent check of what the places table asks: limits of prices, orders without a limit, and the outside.

Plain rules, an order at a time; nothing here comes from the solver. docs/reference/network-auction.md gives them as
mathematics.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from naryq.market.envy import Ways
from naryq.market.intake import Table

Lots = Mapping[str, int]


class Terms(NamedTuple):
    """The terms of one place, None where there is none; the outside prices as an order at the place counts."""

    floor: int | None = None
    cap: int | None = None
    imports: int | None = None
    exports: int | None = None


class Order(NamedTuple):
    """An order as it came; its price is None where it has no limit."""

    row: int
    buys: bool
    price: int | None
    quantity: int
    fill: int


class Counted(NamedTuple):
    """For what each order counts by its row, None where it stands outside, and what bounds the published price."""

    limits: dict[int, int | None]
    least: int | None
    most: int | None


def read_terms(places: Any, names: Iterable[str]) -> dict[str, Terms]:
    """Return the terms of every place."""
    found = dict.fromkeys(names, Terms())
    if places is None:
        return found
    table = Table("places", places)
    columns = [_with_gaps(table, name) for name in ("floor", "cap", "import_price", "export_price")]
    for name, *terms in zip(table.columns["place"], *columns, strict=True):
        assert str(name) in found, f"{name} has terms and is in no result"
        found[str(name)] = _counted_outside(Terms(*terms))
    return found


def _counted_outside(terms: Terms) -> Terms:
    """Count the outside prices as orders at the place: cut to its limits, and not at all beyond them."""
    floor, cap, imports, exports = terms
    if imports is not None:
        imports = None if cap is not None and imports > cap else max(imports, floor or 0)
    if exports is not None:
        exports = None if floor is not None and exports < floor else min(exports, exports if cap is None else cap)
    return Terms(floor, cap, imports, exports)


def _with_gaps(table: Table, name: str) -> list[int | None]:
    if name not in table.columns:
        return [None] * table.rows
    values = table.integers(name, optional=True).tolist()
    gaps = table.missing.get(name, np.zeros(table.rows, np.bool_)).tolist()
    return [None if gap else value for value, gap in zip(values, gaps, strict=True)]


def count_orders(orders: list[Order], terms: Terms, price: int | None, *, joined: bool) -> Counted:
    """Work out for what each order of a place counts; `price` is the published one, `joined` whether links name it."""
    limits: dict[int, int | None] = {order.row: _own_limit(order, terms) for order in orders}
    free = [order for order in orders if order.price is None]
    for order in free:
        limits[order.row] = terms.cap if order.buys else terms.floor
        if joined and limits[order.row] is None:
            assert not order.buys, f"the bid in row {order.row + 1} has no limit, and its place is joined without a cap"
            limits[order.row] = 0
    free = [order for order in free if limits[order.row] is None]
    others = [limit for limit in (*limits.values(), terms.imports, terms.exports) if limit is not None]
    if not free:
        return Counted(limits, terms.floor, terms.cap)
    if not others:
        return Counted(limits | {order.row: price for order in free}, terms.floor, terms.cap)
    for order in free:
        limits[order.row] = max(others) + 1 if order.buys else max(min(others) - 1, 0)
    least = min(others) if any(not order.buys for order in free) else terms.floor
    most = max(others) if any(order.buys for order in free) else terms.cap
    return Counted(limits, least, most)


def _own_limit(order: Order, terms: Terms) -> int | None:
    """Cut an order's limit to those of its place; None where it lies beyond them."""
    if order.price is None:
        return None
    if order.buys:
        outside = terms.floor is not None and order.price < terms.floor
        return None if outside else order.price if terms.cap is None else min(order.price, terms.cap)
    outside = terms.cap is not None and order.price > terms.cap
    return None if outside else order.price if terms.floor is None else max(order.price, terms.floor)


def bounded(price: int, counted: Counted) -> int:
    """Bring a price within what bounds the published one."""
    least, most = counted.least, counted.most
    price = price if most is None else min(price, most)
    return price if least is None else max(price, least)


def check_nobody_loses(orders: list[Order], place: str, price: int | None) -> None:
    """Check each filled order's own limit against the published price."""
    for order in filter(lambda order: order.fill, orders):
        assert price is not None, f"the order in row {order.row + 1} trades at {place}, which has no price"
        own = price if order.price is None else order.price
        assert (own >= price) if order.buys else (own <= price), f"order in row {order.row + 1} trades at a loss"


def check_unserved(orders: Mapping[str, list[Order]], terms: Mapping[str, Terms], prices: Any, told: Any) -> None:
    """Check what is told of lots that a cap leaves unserved and a floor leaves unsold."""
    for what, claimed, bids in (("shortage", told[0], True), ("surplus", told[1], False)):
        if claimed is None:
            continue
        expected = {}
        for name, term in terms.items():
            limit = term.cap if bids else term.floor
            if limit is not None:
                binds = prices[name] == limit
                expected[name] = sum(_left(order, limit) for order in orders[name] if order.buys == bids and binds)
        assert dict(claimed) == expected, f"the {what} is {expected}, not {dict(claimed)}"


def _left(order: Order, limit: int) -> int:
    """Return what is left of an order that would trade at a limit."""
    price = limit if order.price is None else order.price
    return order.quantity - order.fill if (price >= limit if order.buys else price <= limit) else 0


# --- The outside --------------------------------------------------------------------------------------------------


class Margin(NamedTuple):
    """The places with a bid left at the margin, and those with an offer left there, by number."""

    bids: frozenset[int]
    offers: frozenset[int]


def check_crossing(terms: list[Terms], at: list[int | None], imports: list[int], exports: list[int]) -> None:
    """Check what crosses the border against the prices at which it is had and sold there."""
    for term, price, brought, sent in zip(terms, at, imports, exports, strict=True):
        assert brought >= 0, "an import is negative"
        assert sent >= 0, "an export is negative"
        for lots, outside, what in ((brought, term.imports, "imported"), (sent, term.exports, "exported")):
            assert not lots or price == outside is not None, f"gas is {what} at {price} and not at {outside}"
        assert term.imports is None or (price is not None and price <= term.imports), "gas is dearer than its import"
        assert term.exports is None or (price is not None and price >= term.exports), "gas is cheaper than its export"


def check_own_first(
    terms: list[Terms], at: list[int | None], crossing: tuple[list[int], list[int]], margin: Margin, ways: Ways
) -> None:
    """Check that the outside serves only what orders of the market cannot, and that nothing passes for nothing."""
    imports, exports = crossing
    onward = _onward(ways)
    for place, term in enumerate(terms):
        if exports[place]:
            reached = _reached(place, onward)
            assert not reached & margin.bids, "gas is exported before a bid at the margin is served"
            assert not any(imports[other] for other in reached), "gas is imported and exported for nothing"
        if term.imports is not None and at[place] == term.imports:
            assert not _reached(place, onward) & margin.bids, "a bid at the margin is left and gas could be imported"
    back = _onward(Ways(ways.end, ways.start))
    for place, term in enumerate(terms):
        if imports[place]:
            assert not _reached(place, back) & margin.offers, "gas is imported before an offer at the margin is sold"
        if term.exports is not None and at[place] == term.exports:
            assert not _reached(place, back) & margin.offers, "an offer at the margin is left and could be exported"


def check_nothing_more(margin: Margin, ways: Ways) -> None:
    """Check that no offer left at the margin of one place could still serve a bid left at that of another, or its own.

    Such a trade gains nothing, but of all optimal trades the result has the most lots: where gas can go no further from
    those who offer to those who bid, no flow brings more (Ford and Fulkerson).
    """
    if margin.offers and margin.bids:
        onward = _onward(ways)
        reached: set[int] = set()
        for place in sorted(margin.offers):
            reached |= set() if place in reached else _reached(place, onward)
        assert not reached & margin.bids, "an offer and a bid are left at the margin that could trade with each other"


def _onward(ways: Ways) -> dict[int, list[int]]:
    onward: dict[int, list[int]] = {}
    for start, end in zip(ways.start.tolist(), ways.end.tolist(), strict=True):
        onward.setdefault(start, []).append(end)
    return onward


def _reached(start: int, onward: dict[int, list[int]]) -> set[int]:
    found, waiting = {start}, [start]
    while waiting:
        new = [place for place in onward.get(waiting.pop(), []) if place not in found]
        found.update(new)
        waiting.extend(new)
    return found


def lots_of(told: Lots | None, what: str, places: Any, names: list[str]) -> list[int]:
    """Return the lots told for each place that has a price outside, in the order of the places; None tells of none."""
    if told is None:
        return [0] * len(names)
    table = None if places is None else Table("places", places)
    prices = [] if table is None else _with_gaps(table, f"{what}_price")
    rows = zip([] if table is None else table.columns["place"], prices, strict=True)
    priced = {str(name) for name, price in rows if price is not None}
    assert told.keys() == priced, f"{what}s are told of other places than those with an {what} price"
    return [int(told.get(name, 0)) for name in names]


def orders_by_place(sheet: Iterator[tuple[str, Order]], names: Iterable[str]) -> dict[str, list[Order]]:
    """Sort the orders by their place."""
    found: dict[str, list[Order]] = {name: [] for name in names}
    for name, order in sheet:
        found[name].append(order)
    return found
