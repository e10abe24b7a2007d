"""`naryq.clear`: uniform prices for orders at many places, with the proof that they are optimal.

>>> import naryq
>>> orders = {
...     "order_id": [1, 2, 3],
...     "place": ["Pavlodar", "Pavlodar", "Astana"],
...     "side": ["sell", "sell", "buy"],
...     "price": [80_000, 90_000, 120_000],
...     "quantity": [10, 10, 15],
... }
>>> links = {"source": ["Pavlodar"], "target": ["Astana"], "capacity": [40], "tariff": [12_000]}
>>> result = naryq.clear(orders, links)
>>> result.prices
{'Astana': 102000, 'Pavlodar': 90000}
>>> result.fills["quantity"].tolist(), result.flows["quantity"].tolist(), result.welfare
([10, 5, 15], [15], 370000)
>>> print(result.why("Astana"))
The price in Astana is 102 000 tenge a tonne: the price in Pavlodar, set there by order 2 at 90 000, plus 12 000 for transport.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market import intake, network
from naryq.market.checking import Certificate, check_clearing
from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY, Links, Orders, Table
from naryq.market.kernels import BUY, INSIDE, SELL, Integers
from naryq.market.network import Lattice, Market, Passes, Totals
from naryq.market.why import Why, explain
from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX

TIES: Final = ("time", "pro_rata")
PRICE_RULES: Final = ("lowest", "middle", "highest", "reference")
SIDE_NUMBERS: Final = {"buy": BUY, "sell": SELL}
UNKNOWN_SIDE_NUMBER: Final = 2
SHOWN_PLACES: Final = 60


class Answer(NamedTuple):
    """What was found, as arrays over the numbered places, orders and links."""

    prices: Integers
    lowest: Integers
    highest: Integers
    determined: Integers
    bought: Integers
    sold: Integers
    fills: Integers
    flow: Integers
    welfare: int
    dual_value: int


class Clearing:
    """The result of `clear`: prices, fills and flows, and the proof that no better ones exist.

    The result reads the caller's columns again when it is asked for fills, reasons or a check: it keeps a reference
    to them, not a copy.

    Attributes:
        prices: The uniform price of each place, tenge a tonne; None where neither an order nor a link says anything.
        traded: Lots bought and lots sold at each place.
        welfare: What the filled bids are worth, less what the filled offers ask, less transport (lots x tenge/t).
        dual_value: The dual function at the prices; it is never below any welfare, so equality proves the optimum.
    """

    def __init__(self, names: list[str], market: Market, orders: Orders, links: Links, answer: Answer, tie: str) -> None:
        """Keep what was found; `clear` is the way to make one."""
        self._names = names
        self._market = market
        self._orders = orders
        self._links = links
        self._answer = answer
        self.tie = tie
        determined = answer.determined.tolist()
        self.prices: dict[str, int | None] = {
            name: price if known else None
            for name, price, known in zip(names, answer.prices.tolist(), determined, strict=True)
        }
        self.traded: dict[str, tuple[int, int]] = dict(
            zip(names, zip(answer.bought.tolist(), answer.sold.tolist(), strict=True), strict=True)
        )
        self.welfare = answer.welfare
        self.dual_value = answer.dual_value

    @cached_property
    def fills(self) -> Any:
        """One row an order, in the order given and in the caller's own kind: `order_id` and `quantity` (lots)."""
        return intake.answer(self._orders.frame, ("order_id",), self._answer.fills)

    @cached_property
    def flows(self) -> Any:
        """One row a link, in the order given and in the caller's own kind: `source`, `target`, `quantity` (lots)."""
        return intake.answer(self._links.frame, ("source", "target"), self._answer.flow)

    @property
    def certificate(self) -> Certificate:
        """Welfare and dual value side by side: equal means optimal."""
        return Certificate(self.welfare, self.dual_value)

    def check(self) -> Certificate:
        """Recompute everything from the orders, links, prices, fills and flows, by code that the solver does not use.

        Raises:
            AssertionError: What was found wrong, in one sentence.
        """
        links = self._links.frame
        certificate = check_clearing(self._orders.frame, links, self.prices, self.fills, self.flows, tie=self.tie)
        assert certificate == self.certificate, f"welfare and dual value are {certificate}, not {self.certificate}"
        return certificate

    def why(self, place: str) -> Why:
        """Explain the price of a place: the marginal orders, the full links, and the range of optimal prices.

        Raises:
            Refusal: UNKNOWN_PLACE when no order and no link names the place.
        """
        if place not in self.prices:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"no order and no link names {place!r}",
                remedy=f"The places are {', '.join(self._names[:10])}{' ...' if len(self._names) > 10 else ''}.",  # noqa: PLR2004 - one line
            )
        return explain(self, place)

    def __repr__(self) -> str:
        rows = [("place", "price", "bought", "sold"), *self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join(cell.ljust(width) if number == 0 else cell.rjust(width) for number, (cell, width) in enumerate(
                zip(row, widths, strict=True)))
            for row in rows
        ]
        return "\n".join([*lines, *self._omitted(), self._summary()])

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415 - only a notebook asks

        head = "".join(f"<th>{name}</th>" for name in ("place", "price, tenge/t", "bought, lots", "sold, lots"))
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self._rows())
        foot = escape(" ".join([*self._omitted(), self._summary()]))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{foot}</p>"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (name, "-" if self.prices[name] is None else _grouped(self.prices[name]), _grouped(bought), _grouped(sold))
            for name, (bought, sold) in list(self.traded.items())[:SHOWN_PLACES]
        ]

    def _omitted(self) -> list[str]:
        more = len(self._names) - SHOWN_PLACES
        return [f"... and {more} more places."] if more > 0 else []

    def _summary(self) -> str:
        proof = "proven optimal" if self.welfare == self.dual_value else f"NOT PROVEN: dual value {self.dual_value}"
        return f"welfare {_grouped(self.welfare)}, {proof}"


def _grouped(number: int | None) -> str:
    return f"{number:,}".replace(",", " ")


def clear(
    orders: Any,
    links: Any = None,
    *,
    tie: str = "time",
    price_rule: str = "middle",
    reference: int | Mapping[str, int] | None = None,
) -> Clearing:
    """Clear a market: find the uniform price of every place, the fill of every order and the flow on every link.

    Args:
        orders: A pandas, Polars or PyArrow table, or a mapping of columns: `order_id` (integers or text, all
            different), `place` (text), `side` (`buy` or `sell`), `price` (tenge a tonne, 0 to 10**12), `quantity`
            (lots, 1 to 10**12) and, optional, `submitted_at` (integer, nanoseconds).
        links: Likewise: `source`, `target` (text), `capacity` (lots, 0 to 10**12), `tariff` (tenge a tonne, 0 to
            10**12). A place may stand in no link, or in links alone.
        tie: How orders at the price of their place share what is left: `time` (earlier `submitted_at` first, then
            the earlier row) or `pro_rata` (in proportion, largest remainder, then as under `time`).
        price_rule: Which of the optimal price vectors is published: the `lowest`, the `middle` (half the sum of the
            lowest and the highest, rounded down), the `highest`, or `reference` (the highest that nowhere exceeds
            the reference, or the lowest where that is higher).
        reference: For `price_rule="reference"`: one price for all places, or a price for each; a place without one
            counts with its middle price.

    Returns:
        A `Clearing`, whose `welfare` equals its `dual_value`: the proof that it is optimal.

    Raises:
        Refusal: Whatever is wrong with the orders, the links or an option: its code, the row (the first is row 1)
            and what to do.
    """
    _check_options(tie, price_rule, reference)
    order_table, order_columns = intake.read_orders(orders)
    link_columns = intake.read_links(links)
    names, market, totals = _survey(order_table, order_columns, link_columns)
    with network.passes_over(market) as passes:
        answer = _solve(passes, totals, names, order_columns, tie, price_rule, reference)
    return Clearing(names, market, order_columns, link_columns, answer, tie)


def _check_options(tie: str, price_rule: str, reference: int | Mapping[str, int] | None) -> None:
    for name, value, known in (("tie", tie, TIES), ("price_rule", price_rule, PRICE_RULES)):
        if not isinstance(value, str) or value not in known:
            raise Refusal(Code.UNKNOWN_OPTION, f"{name} is {value!r}", remedy=f"Choose one of {', '.join(known)}.")
    if (reference is not None) != (price_rule == "reference"):
        raise Refusal(
            Code.UNKNOWN_OPTION,
            f"price_rule is {price_rule!r} and reference is {'missing' if reference is None else 'given'}",
            remedy="Give a reference price together with price_rule='reference', and only then.",
        )
    for price in reference.values() if isinstance(reference, Mapping) else () if reference is None else (reference,):
        if isinstance(price, bool) or not isinstance(price, (int, np.integer)) or not 0 <= price <= HIGHEST_PRICE:
            raise Refusal(
                Code.OUT_OF_RANGE, f"the reference price is {price!r}", remedy="Give whole numbers from 0 to 10**12."
            )


def _survey(table: Table, orders: Orders, links: Links) -> tuple[list[str], Market, Totals]:
    """Look at every order once: refuse what is out of bounds, and number the places by their sorted names."""
    no_links = np.empty(0, np.int64)
    sides = np.array([SIDE_NUMBERS.get(name, UNKNOWN_SIDE_NUMBER) for name in orders.side.names] or [0], np.int64)
    codes = np.arange(max(1, len(orders.place.names)), dtype=np.int64)
    columns = (orders.place.codes, orders.side.codes, codes, sides, orders.price, orders.quantity)
    with network.passes_over(Market(len(codes), *columns, no_links, no_links, no_links, no_links)) as passes:
        totals = passes.survey()
    if orders.price.size:
        _check_bounds(table, orders, links, totals, sides)
    return _numbered(table, orders, links, totals, sides)


def _check_bounds(table: Table, orders: Orders, links: Links, totals: Totals, sides: Integers) -> None:
    if (totals.by_side[:, UNKNOWN_SIDE_NUMBER] != 0).any():
        row = int(np.argmax(sides[orders.side.codes] == UNKNOWN_SIDE_NUMBER))
        word = orders.side.names[orders.side.codes[row]]
        raise table.refusal(Code.UNKNOWN_SIDE, row, f"side is {word!r}", "Write buy or sell.")
    table.within("price", orders.price, totals.lowest_price, totals.highest_price, 0, HIGHEST_PRICE)
    table.within("quantity", orders.quantity, totals.lowest_quantity, totals.highest_quantity, 1, HIGHEST_QUANTITY)
    _check_overflow(table, orders, links, totals)


def _check_overflow(table: Table, orders: Orders, links: Links, totals: Totals) -> None:
    """Refuse a market whose welfare, or a sum on the way to it, might not fit 64 bits.

    The bounds are the total quantity times the highest price (plus two: prices are sought from one below all limits
    to one above), and the total quantity times the number of links in a cut problem.
    """
    if totals.highest_price * totals.highest_quantity > INT64_MAX:
        beyond = orders.quantity > INT64_MAX // np.maximum(orders.price, 1)
        if beyond.any():
            row = int(np.argmax(beyond))
            what = f"quantity times price is {int(orders.quantity[row]) * int(orders.price[row])}, beyond 64 bits"
            raise table.refusal(Code.OVERFLOW, row, what, "Use a larger unit of quantity.")
    total = exact_sum(orders.quantity, totals.highest_quantity)
    if total * (totals.highest_price + 2) > INT64_MAX or total * (len(links.source) + 2) > 2**62:
        what = f"{total} lots in all at prices up to {totals.highest_price} do not fit 64 bits"
        raise table.refusal(Code.OVERFLOW, None, what, "Use a larger unit of quantity, or clear fewer orders at once.")


def exact_sum(values: Integers, highest: int) -> int:
    """Sum non-negative integers without overflow.

    >>> exact_sum(np.array([2**62, 2**62, 2**62]), 2**62) == 3 * 2**62
    True
    """
    if values.size * highest <= INT64_MAX:
        return int(values.sum())
    return (int((values >> 32).sum()) << 32) + int((values & (2**32 - 1)).sum())


def _numbered(
    table: Table, orders: Orders, links: Links, totals: Totals, sides: Integers
) -> tuple[list[str], Market, Totals]:
    used = np.flatnonzero(totals.by_side.any(axis=1)).tolist()
    words = orders.place.names
    intake.check_names(table, "place", orders.place, used)
    names = sorted({words[code] for code in used} | set(links.source) | set(links.target))
    number = {name: index for index, name in enumerate(names)}
    place_of = np.zeros(max(1, len(words)), np.int64)
    place_of[used] = [number[words[code]] for code in used]
    by_side = np.zeros((len(names), 3), np.int64)
    np.add.at(by_side, place_of[used], totals.by_side[used])
    ends = [np.array([number[name] for name in column], np.int64) for column in (links.source, links.target)]
    capacity = np.minimum(links.capacity, int(by_side.sum()))  # No link ever carries more than all orders together.
    market = Market(
        len(names),
        orders.place.codes,
        orders.side.codes,
        place_of,
        sides,
        orders.price,
        orders.quantity,
        ends[0],
        ends[1],
        capacity,
        np.ascontiguousarray(links.tariff),
    )
    return names, market, totals._replace(by_side=by_side)


def _solve(
    passes: Passes,
    totals: Totals,
    names: list[str],
    orders: Orders,
    tie: str,
    price_rule: str,
    reference: int | Mapping[str, int] | None,
) -> Answer:
    market = passes.market
    if not market.price.size:
        return _nothing(market)
    at = network.optimal_prices(passes, totals)
    standing = passes.classify(at)
    trade = network.trade_at(market, at, standing)
    lattice = Lattice(market, at, standing, trade, passes, totals.highest_price)
    prices = _chosen(lattice, names, price_rule, reference)
    network.share_margins(standing, trade, market, orders.submitted_at, tie)
    return Answer(
        prices,
        lattice.lowest,
        lattice.highest,
        ~(lattice.open_below & lattice.open_above),
        standing.lots[:, BUY, INSIDE] + trade.margin_bought,
        standing.lots[:, SELL, INSIDE] + trade.margin_sold,
        standing.fills,
        trade.flow,
        network.welfare(market, at, standing, trade),
        network.dual_value(market, at, standing, prices),
    )


def _nothing(market: Market) -> Answer:
    """Return the answer for a market without orders: no price anywhere, and nothing moves."""
    nowhere = np.zeros(market.places, np.int64)
    unused = np.zeros(market.link_source.shape[0], np.int64)
    none = np.zeros(0, np.int64)
    return Answer(nowhere, nowhere - 1, nowhere + 1, nowhere.astype(np.bool_), nowhere, nowhere, none, unused, 0, 0)


def _chosen(
    lattice: Lattice, names: list[str], price_rule: str, reference: int | Mapping[str, int] | None
) -> Integers:
    if price_rule == "lowest":
        return lattice.closed(lattice.lowest)
    if price_rule == "highest":
        return lattice.closed(lattice.highest)
    middle = lattice.middle()
    if price_rule == "middle":
        return lattice.closed(middle)
    assert reference is not None, "the options were checked"
    if not isinstance(reference, Mapping):
        return lattice.closed(lattice.below_reference(np.full_like(middle, reference)))
    for name in reference:
        if name not in names:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"the reference names {name!r}, and no order and no link does",
                remedy="Correct the name, or leave it out.",
            )
    wanted = [int(reference.get(name, price)) for name, price in zip(names, middle.tolist(), strict=True)]
    return lattice.closed(lattice.below_reference(np.array(wanted, np.int64)))
