"""The independent check of a clearing: plain rules over orders, links, prices, fills and flows.

Nothing here comes from the solver. Whoever holds the orders and the published result can run it.
"""

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.call import VENUE_RULES, Ladder, uncrossing
from naryq.market.checked_places import (
    Margin,
    Order,
    Terms,
    bounded,
    check_crossing,
    check_nobody_loses,
    check_nothing_more,
    check_own_first,
    check_unserved,
    count_orders,
    lots_of,
    orders_by_place,
    read_terms,
)
from naryq.market.checking_conditions import least_of
from naryq.market.envy import Margins, Ways, envious
from naryq.market.intake import LINK_COLUMNS, Table
from naryq.units import INT64_MAX, apportion

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Certificate(NamedTuple):
    """The proof of an optimum: no trade can be worth more than the dual value, and this one is worth as much."""

    welfare: int
    dual_value: int

    @property
    def is_optimal(self) -> bool:
        """Whether the two are equal."""
        return self.welfare == self.dual_value


class _Book(NamedTuple):
    """The orders and their fills, with the price of each order's own place.

    An order with a condition that executes nothing is rejected and not among them; one that does executes `least`.
    """

    place: Numbers
    buys: Flags
    price: Numbers
    quantity: Numbers
    fill: Numbers
    at: Numbers
    turn: Numbers
    least: Numbers

    def beyond_least(self) -> "_Book":
        """Return what is left for the margins to share: the orders without what they execute at least."""
        return self._replace(quantity=self.quantity - self.least, fill=self.fill - self.least)


class _Map(NamedTuple):
    """The links and their flows between numbered places, each one way; one that runs both ways stands here twice."""

    source: Numbers
    target: Numbers
    capacity: Numbers
    tariff: Numbers
    flow: Numbers
    row: Numbers


class Told(NamedTuple):
    """What a result tells beyond prices, fills and flows, of places that have limits or deal with the outside."""

    shadow_prices: Mapping[str, int | None]
    imports: Mapping[str, int] | None
    exports: Mapping[str, int] | None
    shortage: Mapping[str, int] | None
    surplus: Mapping[str, int] | None


def check_clearing(
    orders: Any,
    links: Any,
    prices: Mapping[str, int | None],
    fills: Any,
    flows: Any,
    *,
    tie: str = "time",
    price_rule: str = "middle",
    reference: Mapping[str, int] | None = None,
    places: Any = None,
    shadow_prices: Mapping[str, int | None] | None = None,
    imports: Mapping[str, int] | None = None,
    exports: Mapping[str, int] | None = None,
    shortage: Mapping[str, int] | None = None,
    surplus: Mapping[str, int] | None = None,
    traded: Mapping[str, tuple[int, int]] | None = None,
) -> Certificate:
    """Check a result against its orders, links and places, and return welfare and dual value, recomputed.

    Args:
        orders: As given to `naryq.clear`.
        links: As given to `naryq.clear`; None for none.
        prices: The price of each place, or None.
        fills: One row an order, in the same order: `order_id`, `quantity`.
        flows: One row a link, in the same order: `source`, `target`, `quantity`.
        tie: The tie rule, `time` or `pro_rata`.
        price_rule: As given to `naryq.clear`; a venue's rule is followed anew, of the others any optimal price will do.
        reference: The reference price of each place that has one (below zero for none); only a venue's rule reads it.
        places: As given to `naryq.clear`; None for none.
        shadow_prices: What one lot more is worth at each place; None where no floor or cap cuts a price.
        imports: Lots from outside by place.
        exports: Lots to the outside by place.
        shortage: Lots that caps leave unserved by place; None to leave this unchecked, as with the next.
        surplus: Lots that floors leave unsold by place.
        traded: Lots bought and lots sold by place.

    Raises:
        AssertionError: The first rule that does not hold, in one sentence.
    """
    names = list(prices)
    shadow_prices = prices if shadow_prices is None else shadow_prices
    _check_names(_named(orders, links, places), prices, shadow_prices)
    if price_rule in VENUE_RULES:
        proving, worth = _check_call(orders, prices, price_rule, reference or {})
        prices, shadow_prices = dict(prices) | proving, dict(shadow_prices) | worth
    told = Told(shadow_prices, imports, exports, shortage, surplus)
    terms = read_terms(places, names)
    book = _read_book(orders, fills, terms, prices, told, joined=_named_by_links(links))
    network = _read_map(links, flows, names)
    crossing = lots_of(imports, "import", places, names), lots_of(exports, "export", places, names)
    _check_fills(book)
    lots = _lots_traded(book, len(names))
    _check_balance(lots, network, names, crossing)
    _check_traded(lots, names, traded)
    at = _check_links(network, told.shadow_prices, names)
    _check_ties(book.beyond_least(), names, tie)
    _check_sharing(book.beyond_least(), network, at, tie, names)
    _check_outside(book, network, terms, told.shadow_prices, crossing)
    certificate = Certificate(_welfare(book, network, terms, crossing), _dual_value(book, network, at))
    assert certificate.is_optimal, f"welfare is {certificate.welfare} and the dual value {certificate.dual_value}"
    return certificate


def _check_names(named: set[str], prices: Mapping[str, int | None], shadow_prices: Mapping[str, int | None]) -> None:
    """Check that every place is there, and that one that nobody names has no price."""
    missing = sorted(named - prices.keys())
    assert not missing, f"{missing[0]} is in no result"
    ghosts = sorted(name for name, price in prices.items() if price is not None and name not in named)
    assert not ghosts, f"{ghosts[0]} has a price, and no order, link or place names it"
    assert prices.keys() == shadow_prices.keys(), "prices and shadow prices name different places"


def _named(orders: Any, links: Any, places: Any) -> set[str]:
    words = Table("orders", orders).words("place")
    named = {words.names[code] for code in np.unique(words.codes).tolist()} | _named_by_links(links)
    return named if places is None else named | set(map(str, Table("places", places).columns["place"]))


def _check_call(
    orders: Any, prices: Mapping[str, int | None], price_rule: str, reference: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, int]]:
    """Check prices against a venue's rule; return prices, and what a lot is worth, where nothing is executable."""
    table = Table("orders", orders)
    place, side = (np.array(table.columns[name], object) for name in ("place", "side"))
    price, quantity = table.integers("price", optional=True), table.integers("quantity")
    free = table.missing.get("price", np.zeros(table.rows, np.bool_))
    proving, worth = {}, {}
    for name in dict.fromkeys(place.tolist()):
        bids, asks = ((place == name) & (side == word) for word in ("buy", "sell"))
        demand, supply = (
            Ladder(price[rows & ~free], quantity[rows & ~free], int(quantity[rows & free].sum()))
            for rows in (bids, asks)
        )
        at = reference.get(name, -1)
        found = uncrossing(demand, supply, price_rule, None if at < 0 else at).price
        assert prices.get(name) == found, (
            f"the price at {name} is {prices.get(name)}, and by {price_rule} it is {found}"
        )
        if found is None and (len(demand.price) or len(supply.price)):
            # Orders without a limit are here on one side alone, and nobody on the other.
            best = int(max(demand.price) if len(demand.price) else min(supply.price))
            proving[name], worth[name] = best, max(0, best + (demand.market > 0) - (supply.market > 0))
    return proving, worth


def _read_book(
    orders: Any,
    fills: Any,
    terms: Mapping[str, Terms],
    prices: Mapping[str, int | None],
    told: Told,
    *,
    joined: frozenset[str],
) -> _Book:
    """Read the orders as they count, each with what one lot more is worth at its place."""
    table, answers = Table("orders", orders), Table("fills", fills)
    assert list(table.columns["order_id"]) == list(answers.columns["order_id"]), "the fills name other orders"
    words, sides = table.words("place"), table.words("side")
    quantity, fill = table.integers("quantity"), answers.integers("quantity")
    least = least_of(table)
    taken = np.flatnonzero((fill != 0) | (least == 0))
    used = np.unique(words.codes[taken]).tolist()
    number = {name: index for index, name in enumerate(prices)}
    at, place_of = np.zeros(len(words.names) + 1, np.int64), np.zeros(len(words.names) + 1, np.int64)
    for code in used:
        name = words.names[code]
        at[code], place_of[code] = told.shadow_prices.get(name) or 0, number[name]
    rows = np.arange(table.rows)
    price = table.integers("price", optional=True)
    missing = table.missing.get("price", np.zeros(table.rows, np.bool_))
    submitted = table.integers("submitted_at") if "submitted_at" in table.columns else rows
    turn = np.empty(table.rows, np.int64)
    turn[np.lexsort((rows, submitted, ~missing))] = rows
    buys = np.array([name == "buy" for name in sides.names] or [False])[sides.codes]
    place = words.codes
    book = _Book(place_of[place], buys, price, quantity, fill, at[place], turn, least)
    if taken.size < table.rows:
        book = _Book(*(column[taken] for column in book))  # type: ignore[arg-type]
        missing = missing[taken]
    if missing.any() or any(term != Terms() for term in terms.values()):
        return _as_they_count(book, missing, terms, prices, told, joined)
    for code in used:
        assert prices.get(words.names[code]) is not None, f"orders stand at {words.names[code]} and it has no price"
    assert dict(prices) == dict(told.shadow_prices), "a price is cut and no limit cuts it"
    assert not told.shortage, "a shortage is told and there is no cap"
    assert not told.surplus, "a surplus is told and there is no floor"
    return book


def _as_they_count(  # noqa: PLR0917 - all that a result tells
    book: _Book,
    missing: Flags,
    terms: Mapping[str, Terms],
    prices: Mapping[str, int | None],
    told: Told,
    joined: frozenset[str],
) -> _Book:
    """Count each order for what the limits of its place leave of it, and check what follows from them."""
    names, limit, quantity = list(prices), book.price.copy(), book.quantity.copy()
    columns = zip(*(column.tolist() for column in (book.place, missing, *book[1:5])), strict=True)
    sheet = (
        (names[place], Order(row, buys, None if no_limit else price, lots, fill))
        for row, (place, no_limit, buys, price, lots, fill) in enumerate(columns)
    )
    orders = orders_by_place(sheet, names)
    for name, group in orders.items():
        counted = count_orders(group, terms[name], prices[name], joined=name in joined)
        shadow, price = told.shadow_prices[name], prices[name]
        expected = None if shadow is None else bounded(shadow, counted)
        assert price == expected, f"the price at {name} is {price}, and its limits make it {expected}"
        check_nobody_loses(group, name, price)
        for row, counts in counted.limits.items():
            assert counts is not None or not book.fill[row], f"order in row {row + 1} is beyond a limit and is filled"
            assert counts is None or shadow is not None, f"orders stand at {name} and it has no price"
            limit[row], quantity[row] = (shadow or 0, 0) if counts is None else (counts, quantity[row])
    check_unserved(orders, terms, prices, (told.shortage, told.surplus))
    return book._replace(price=limit, quantity=quantity)


def _named_by_links(links: Any) -> frozenset[str]:
    table = Table("links", {name: [] for name in LINK_COLUMNS} if links is None else links)
    return frozenset(str(name) for column in ("source", "target") for name in table.columns[column])


def _read_map(links: Any, flows: Any, names: list[str]) -> _Map:
    table = Table("links", {name: [] for name in LINK_COLUMNS} if links is None else links)
    answers = Table("flows", flows)
    number = {name: index for index, name in enumerate(names)}
    ends = []
    for column in ("source", "target"):
        words = [list(each.columns[column]) for each in (table, answers)]
        assert [str(word) for word in words[0]] == [str(word) for word in words[1]], "the flows name other links"
        ends.append(np.array([number[str(word)] for word in words[0]], np.int64))
    capacity, tariff, net = table.integers("capacity"), table.integers("tariff"), answers.integers("quantity")
    back = table.integers("capacity_back", optional=True) if "capacity_back" in table.columns else 0 * capacity
    rows = np.arange(table.rows)
    columns = ((ends[0], ends[1]), (ends[1], ends[0]), (capacity, back), (tariff, tariff), (net, -net), (rows, rows))
    both = _Map(*(np.concatenate(column) for column in columns))
    return both._replace(flow=np.maximum(both.flow, 0))


def _check_fills(book: _Book) -> None:
    assert (book.fill >= 0).all(), "a fill is negative"
    assert (book.fill <= book.quantity).all(), "a fill is more than the order asks for"
    assert (book.fill >= book.least).all(), "an order with a condition executes less than its least"
    gain = np.where(book.buys, book.price - book.at, book.at - book.price)
    losing = (book.fill > 0) & (gain < 0)
    assert not losing.any(), f"order in row {np.argmax(losing) + 1} trades at a loss"
    left = (book.fill < book.quantity) & (gain > 0)
    assert not left.any(), f"order in row {np.argmax(left) + 1} is better than the price and is not filled"


def _lots_traded(book: _Book, places: int) -> list[list[int]]:
    """Sum the lots sold and the lots bought at each place."""
    sums = np.zeros((places, 2), np.int64)
    np.add.at(sums, (book.place, book.buys.astype(np.int64)), book.fill)
    return list(sums.tolist())


def _check_balance(
    lots: list[list[int]], network: _Map, names: list[str], crossing: tuple[list[int], list[int]]
) -> None:
    balance = [brought - sent for brought, sent in zip(*crossing, strict=True)]
    for place, (sold, bought) in enumerate(lots):
        balance[place] += sold - bought
    for source, target, flow in zip(
        network.source.tolist(), network.target.tolist(), network.flow.tolist(), strict=True
    ):
        balance[source] -= flow
        balance[target] += flow
    for name, left in zip(names, balance, strict=True):
        assert left == 0, f"{left} lots are left over at {name}"


def _check_traded(lots: list[list[int]], names: list[str], traded: Mapping[str, tuple[int, int]] | None) -> None:
    for name, (sold, bought) in zip(names, lots, strict=True):
        told = (bought, sold) if traded is None else traded.get(name)
        assert told == (bought, sold), f"{name} buys and sells {bought} and {sold} lots, not {told}"
    assert traded is None or len(traded) == len(names), "a trade is told of a place that is in no result"


def _check_links(network: _Map, prices: Mapping[str, int | None], names: list[str]) -> list[int]:
    """Check what each link carries against the prices at its ends; return the prices, the open ones filled in.

    A place without a price takes no part in trade: gas could be brought there at some price, and from there it must
    not pay to bring it on.
    """
    assert (network.flow <= network.capacity).all(), "a flow is negative or beyond capacity"
    rows = list(zip(*(column.tolist() for column in network), strict=True))
    at = _with_open_places(rows, [prices[name] for name in names])
    for source, target, capacity, tariff, flow, row in rows:
        gap = at[target] - at[source] - tariff
        assert gap <= 0 or flow == capacity, f"the link in row {row + 1} would gain and is not full"
        assert gap >= 0 or flow == 0, f"the link in row {row + 1} loses and is used"
    return at


def _with_open_places(rows: list[tuple[int, ...]], prices: list[int | None]) -> list[int]:
    dear = 1 + max((price for price in prices if price is not None), default=0) + sum(row[3] for row in rows)
    at = [dear if price is None else price for price in prices]
    for _ in prices:
        for source, target, capacity, tariff, _flow, _row in rows:
            if prices[target] is None and capacity:
                at[target] = min(at[target], at[source] + tariff)
    return at


def _check_ties(book: _Book, names: list[str], tie: str) -> None:
    """Check that orders at the price of their place share what trades there by the rule."""
    margin = np.flatnonzero(book.price == book.at)
    group = 2 * book.place[margin] + book.buys[margin]
    order = np.lexsort((book.turn[margin], group))
    margin, group = margin[order], group[order]
    starts = np.flatnonzero(np.diff(group, prepend=-1)).tolist()
    for start, end in itertools.pairwise([*starts, margin.size]):
        rows = margin[start:end]
        fill, quantity = book.fill[rows], book.quantity[rows]
        where = names[int(group[start]) // 2]
        if tie == "time":
            waiting: Numbers = np.cumsum(fill < quantity) - (fill < quantity)
            assert not ((waiting > 0) & (fill > 0)).any(), f"a later order at {where} trades before an earlier one"
        else:
            total = sum(fill.tolist())
            fair = apportion(total, tuple(quantity.tolist()))
            assert tuple(fill.tolist()) == fair, f"the margin at {where} is not shared in proportion"


def _ways(network: _Map, at: list[int]) -> Ways:
    """Return from where to where one lot can still move at no gain or loss."""
    prices = np.array([*at, 0], np.int64)[:-1]  # The one more keeps an empty list whole numbers.
    is_open = prices[network.target] - prices[network.source] == network.tariff
    room, used = is_open & (network.flow < network.capacity), is_open & (network.flow > 0)
    start = np.concatenate([network.source[room], network.target[used]])
    return Ways(start, np.concatenate([network.target[room], network.source[used]]))


def _check_outside(
    book: _Book, network: _Map, terms: Mapping[str, Terms], at: Mapping[str, int | None], crossing: Any
) -> None:
    """Check what crosses the border: at its prices, and only what the market itself does not serve."""
    if not any(term.imports is not None or term.exports is not None for term in terms.values()):
        assert not any(map(any, crossing)), "gas crosses a border that is shut"
        return
    every, prices = list(terms.values()), [at[name] for name in terms]
    check_crossing(every, prices, *crossing)
    ways = _ways(network, [-1 if price is None else price for price in prices])
    check_own_first(every, prices, crossing, _margin_left(book), ways)


def _margin_left(book: _Book) -> Margin:
    left = (book.price == book.at) & (book.fill < book.quantity)
    return Margin(*(frozenset(book.place[left & (book.buys == buys)].tolist()) for buys in (True, False)))


def _check_sharing(book: _Book, network: _Map, at: list[int], tie: str, names: list[str]) -> None:
    """Check that margins of joined places trade all they can, and share it by the rule.

    Nobody is served there before somebody short elsewhere.
    """
    start, end = _ways(network, at)
    check_nothing_more(_margin_left(book), _ways(network, at))
    for buys, ways in ((True, Ways(start, end)), (False, Ways(end, start))):
        rows = np.flatnonzero((book.price == book.at) & (book.buys == buys))
        margins = Margins(book.place[rows], book.quantity[rows], book.fill[rows], book.turn[rows])
        place = envious(margins, ways, len(names), tie)
        assert place is None, f"the margin at {names[place or 0]} is served before that of a joined place that is short"


def _dot(one: Numbers, other: Numbers) -> int:
    """Sum the products of two columns exactly."""
    if not one.size:
        return 0
    if int(np.abs(one).max()) * int(np.abs(other).max()) * one.size <= INT64_MAX:
        return int((one * other).sum())
    products: list[int] = [a * b for a, b in zip(one.tolist(), other.tolist(), strict=True)]
    return sum(products)


def _welfare(book: _Book, network: _Map, terms: Mapping[str, Terms], crossing: tuple[list[int], list[int]]) -> int:
    value = _dot(np.where(book.buys, book.fill, -book.fill), book.price) - _dot(network.flow, network.tariff)
    for term, brought, sent in zip(terms.values(), *crossing, strict=True):
        value += sent * (term.exports or 0) - brought * (term.imports or 0)
    return value


def _dual_value(book: _Book, network: _Map, at: list[int]) -> int:
    gain = np.where(book.buys, book.price - book.at, book.at - book.price)
    surplus = _dot(np.maximum(gain, 0), book.quantity)
    links = zip(*(column.tolist() for column in network), strict=True)
    rents: list[int] = [capacity * max(0, at[v] - at[u] - tariff) for u, v, capacity, tariff, _, _ in links]
    return surplus + sum(rents)
