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
>>> print(result.why("Pavlodar"))
The price in Pavlodar is 90 000 tenge a tonne: order 2 sets it.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market import intake, labels, sheets
from naryq.market.auction import Rules, solve, solve_near
from naryq.market.checking import Certificate, check_clearing
from naryq.market.checking_conditions import check_choice
from naryq.market.conditional import Clock, Paradox, Patience, clear_conditional, refuse_overflow, stop_after
from naryq.market.conditions import Conditions, conditions_of_rows, read_conditions
from naryq.market.curves import Arc, Curves, Node, curves_of, network_of
from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY, Links, Orders, Table
from naryq.market.kernels import BUY, SELL, Flags, Integers
from naryq.market.labels import Labels
from naryq.market.narrowing import Near, survey_near
from naryq.market.network import net_flow
from naryq.market.options import check_alone, check_choosing, check_limit, check_options
from naryq.market.passes import Market, Survey, passes_over
from naryq.market.pivotal import Pivot, Pivotal, pivots
from naryq.market.places import NO_PLACES, Places, all_names, bounds_prices, read_places, without_bounds
from naryq.market.price_limits import Asked, limited
from naryq.market.why import Outcome, Why, explain
from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX, grouped

SIDE_NUMBERS: Final = MappingProxyType({"buy": BUY, "sell": SELL})
SHOWN_PLACES: Final = 60
NAMED_PLACES: Final = 10


class Request(NamedTuple):
    """A market as it was read, and the options to clear it by: what it takes to clear it again with fewer orders.

    `places` are there even where no order and no link names them.
    """

    table: Table
    orders: Orders
    links: Links
    participants: Labels | None
    conditions: Conditions | None
    tie: str
    price_rule: str
    reference: int | Mapping[str, int] | None
    patience: Patience
    terms: Places | None = None
    places: tuple[str, ...] = ()


class Clearing:
    """The result of `clear`: prices, fills and flows, and the proof that no better ones exist.

    The result reads the caller's columns again when it is asked for fills, reasons or a check: it keeps a reference
    to them, not a copy.

    Attributes:
        prices: The uniform price of each place, tenge a tonne; None where neither an order nor a link says anything
            and, by a venue's price rule, where nothing trades.
        shadow_prices: What one lot more is worth at each place: its price, unless a floor or cap of the place cuts it.
        traded: Lots bought and lots sold at each place.
        welfare: What the filled bids are worth, less what the filled offers ask, less transport (lots x tenge/t).
        dual_value: The dual function at the prices; it is never below any welfare, so equality proves the optimum.
        imports: Lots that come from outside, for each place with an import price.
        exports: Lots that go there, for each place with an export price.
        bound: No choice of conditional orders is worth more; above `welfare` only where a time limit ended the search.
        paradoxical: The conditional orders that are rejected although the prices would have paid them.
    """

    def __init__(self, outcome: Outcome, request: Request) -> None:
        """Keep what was found for the caller's own orders and links; `clear` is the way to make one."""
        self._outcome = outcome
        self._request = request
        self._orders = request.orders.frame
        self._links = request.links.frame
        self.tie = request.tie
        names, answer, limits = outcome.names, outcome.answer, outcome.limits
        self.prices = _prices(outcome)
        self.shadow_prices = _known(names, answer.prices, answer.determined)
        self.imports, self.exports = ({}, {}) if limits is None else limits.crossed(answer.brought)
        lots = zip(answer.bought.tolist(), answer.sold.tolist(), strict=True)
        self.traded: dict[str, tuple[int, int]] = dict(zip(names, lots, strict=True))
        self.welfare = answer.welfare
        self.dual_value = answer.dual_value
        self.bound = answer.welfare if outcome.chosen is None else outcome.chosen.bound

    @cached_property
    def fills(self) -> Any:
        """One row an order, in the order given and in the caller's own kind: `order_id` and `quantity` (lots)."""
        return intake.answer(self._orders, ("order_id",), self._outcome.fills)

    @cached_property
    def flows(self) -> Any:
        """One row a link, in the order given and in the caller's own kind: `source`, `target`, `quantity` (lots).

        What runs from target to source counts below zero.
        """
        outcome = self._outcome
        return intake.answer(self._links, ("source", "target"), net_flow(outcome.market, outcome.answer.flow))

    @cached_property
    def shortage(self) -> dict[str, int]:
        """For each place with a cap, the lots of bids at or above it that are not served while it binds."""
        outcome, limits = self._outcome, self._outcome.limits
        return {} if limits is None else limits.shortage(outcome.fills, outcome.published)

    @cached_property
    def surplus(self) -> dict[str, int]:
        """For each place with a floor, the lots of offers at or below it that are not sold while it binds."""
        outcome, limits = self._outcome, self._outcome.limits
        return {} if limits is None else limits.surplus(outcome.fills, outcome.published)

    def without_limits(self) -> "Clearing":
        """Clear the same market without its floors and caps: what it would have been. It is done once and kept.

        Raises:
            Refusal: WRONG_TYPE when only a cap bounds an order without a limit.
        """
        return self._free

    @cached_property
    def _free(self) -> "Clearing":
        terms = self._request.terms
        if terms is None:
            return self
        request = self._request._replace(terms=without_bounds(terms), places=tuple(self.prices))
        return Clearing(found(request), request)

    @property
    def certificate(self) -> Certificate:
        """Welfare and dual value side by side: equal means optimal (for the conditional orders that are accepted)."""
        return Certificate(self.welfare, self.dual_value)

    @property
    def gap(self) -> int:
        """How much more than `welfare` another choice of conditional orders could be worth at most; 0 when proven."""
        return self.bound - self.welfare

    @property
    def proven(self) -> bool:
        """Whether no choice of conditional orders with supporting prices is worth more."""
        return self.welfare == self.dual_value == self.bound

    @cached_property
    def paradoxical(self) -> tuple[Paradox, ...]:
        """The conditional orders that are rejected although the prices would have paid them, in the order given."""
        chosen = self._outcome.chosen
        return () if chosen is None else chosen.paradoxes(self._request.orders.order_id)

    def check(self) -> Certificate:
        """Recompute everything from the orders, links, prices, fills and flows, by code that the solver does not use.

        Raises:
            AssertionError: What was found wrong, in one sentence.
        """
        rules, terms = self._outcome.rules, self._request.terms
        certificate = check_clearing(
            self._orders,
            self._links,
            self.prices,
            self.fills,
            self.flows,
            tie=rules.tie,
            price_rule=rules.price_rule,
            reference=dict(zip(self._outcome.names, rules.reference.tolist(), strict=True)),
            places=None if terms is None else terms.frame,
            shadow_prices=self.shadow_prices,
            imports=self.imports,
            exports=self.exports,
            shortage=self.shortage,
            surplus=self.surplus,
            traded=self.traded,
        )
        assert certificate == self.certificate, f"welfare and dual value are {certificate}, not {self.certificate}"
        if self._outcome.chosen is not None:
            check_choice(self._orders, self.prices, self.fills, self.paradoxical, (self.welfare, self.bound))
        else:
            assert self.bound == self.welfare, f"the bound is {self.bound}, and without conditions it is {self.welfare}"
        return certificate

    def why(self, place: str, *, pivotal: bool = False) -> Why:
        """Explain the price of a place: the marginal orders, the full links, and the range of optimal prices.

        Args:
            place: The place.
            pivotal: Whether to say also what the price would be without each participant, as `pivotal` does.

        Raises:
            Refusal: UNKNOWN_PLACE when no order and no link names the place; as `pivotal` does when that is asked.
        """
        why = explain(self._outcome, self._number(place))
        if bounds_prices(self._request.terms):
            why = why._replace(price_without_limits=self._price_without_limits(place))
        if self.paradoxical:
            why = why._replace(paradoxical=self._paradoxical_at(why.place))
        return why._replace(pivotal=self.pivotal(place)) if pivotal else why

    def _paradoxical_at(self, place: str) -> tuple[Paradox, ...]:
        chosen, number = self._outcome.chosen, self._number(place)
        assert chosen is not None, "only orders with conditions are rejected though the price would pay them"
        places = chosen.whole.place_of[chosen.whole.place[[row for row, _, _ in chosen.passed_over]]]
        return tuple(one for one, at in zip(self.paradoxical, places.tolist(), strict=True) if at == number)

    def curves(self, place: str) -> Curves:
        """Give the supply and the demand of a place as steps; what links bring and take counts with them.

        Raises:
            Refusal: UNKNOWN_PLACE as for `why`.
        """
        return curves_of(self._outcome, self._number(place))

    def network(self) -> tuple[list[Node], list[Arc]]:
        """Give every place with its price and trade, and every way between two with its flow and congestion rent."""
        return network_of(self._outcome)

    def picture(self, place: str | None = None, *, kind: str = "svg", language: str = "en") -> bytes:
        """Draw a picture: of a place, its supply and demand with the cross; without one, the network with its flows.

        The same clearing gives the same bytes on each run. Needs matplotlib: `python -m pip install matplotlib`.

        Args:
            place: The place; None for the network.
            kind: `svg` or `png`.
            language: Of the labels: `en`, `kk` or `ru`.

        Raises:
            Refusal: UNKNOWN_PLACE as for `why`; UNKNOWN_OPTION for another kind or language; NOT_SUPPORTED where
                matplotlib is missing.
        """
        # The drawing stands above the market and knows it, not the other way round (docs/decisions).
        drawn: bytes = import_module("naryq.pictures").picture(self, place, kind=kind, language=language)
        return drawn

    def _price_without_limits(self, place: str) -> int | None:
        try:
            return self.without_limits().prices[place]
        except Refusal:
            return None  # Only a cap bounds an order without a limit: without it there is no such market.

    def without(self, participant: int | str) -> "Clearing":
        """Clear the same market again without one participant's orders, at all places.

        Every place stays, with no price where nothing is left to say one; fills have the rows that are left.

        Raises:
            Refusal: COLUMN_MISSING when the orders name no participants; UNKNOWN_PARTICIPANT when no order is his.
        """
        known = self._participants()
        if participant not in known.names:
            raise Refusal(
                Code.UNKNOWN_PARTICIPANT,
                f"no order is of participant {participant!r}",
                remedy=f"The participants are {_some(known.names)}.",
            )
        request = self._left(np.flatnonzero(known.codes != known.names.index(participant)))
        return Clearing(found(request), request)

    def pivotal(self, place: str | None = None) -> Pivotal:
        """Say for each participant what he traded, the prices without him, and whether the market can do without him.

        Each participant costs one clearing, the first time that this is asked.

        Args:
            place: The place whose prices are wanted; all places when it is None.

        Returns:
            One `Pivot` a participant, sorted; `table()` makes a table of the caller's own kind of them.

        Raises:
            Refusal: COLUMN_MISSING when the orders name no participants; UNKNOWN_PLACE as for `why`.
        """
        if place is not None:
            self._number(place)
        every = Pivotal(self._pivots, self._orders)
        return every if place is None else every.at(place)

    @cached_property
    def _pivots(self) -> tuple[Pivot, ...]:
        outcome = self._outcome
        return tuple(pivots(outcome.whole, outcome.fills, self.prices, self._participants(), self._prices_of))

    def _participants(self) -> Labels:
        participants = self._request.participants
        if participants is None:
            raise Refusal(
                Code.COLUMN_MISSING,
                "column participant is missing",
                where="orders",
                remedy="Add it: text or whole numbers that say whose each order is.",
            )
        return participants

    def _left(self, rows: Integers) -> Request:
        """Keep some rows of the orders, all places, and everything else."""
        request = self._request
        return request._replace(
            orders=Orders(*(intake.rows_of(column, rows) for column in request.orders)),
            participants=labels.of_rows(self._participants(), rows),
            conditions=conditions_of_rows(request.conditions, rows),
            places=tuple(self.prices),
        )

    def _prices_of(self, rows: Integers) -> dict[str, int | None]:
        # Rows serve as identifiers: only prices are wanted, and the caller's own columns need not be cut.
        bare = self._request.orders._replace(frame=None, order_id=np.arange(self._request.orders.price.size))
        orders = Orders(*(intake.rows_of(column, rows) for column in bare))
        conditions = conditions_of_rows(self._request.conditions, rows)
        left = self._request._replace(orders=orders, conditions=conditions, places=tuple(self.prices))
        return _prices(found(left))

    def _number(self, place: str) -> int:
        names = self._outcome.names
        if place not in names:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"no order and no link names {place!r}",
                remedy=f"The places are {_some(names)}.",
            )
        return names.index(place)

    def __repr__(self) -> str:
        return sheets.as_text(("place", "price", "bought", "sold"), self._rows(), self._notes())

    def _repr_html_(self) -> str:
        heads = ("place", "price, tenge/t", "bought, lots", "sold, lots")
        return sheets.as_html(heads, self._rows(), self._notes())

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (name, sheets.price_cell(self.prices[name]), grouped(bought), grouped(sold))
            for name, (bought, sold) in list(self.traded.items())[:SHOWN_PLACES]
        ]

    def _notes(self) -> list[str]:
        more = len(self._outcome.names) - SHOWN_PLACES
        notes = [f"... and {more} more places."] if more > 0 else []
        if self.welfare != self.dual_value:
            return [*notes, f"welfare {grouped(self.welfare)}, NOT PROVEN: dual value {self.dual_value}"]
        proof = "proven optimal" if self.proven else f"NOT PROVEN: the time was up; gap {grouped(self.gap)}"
        notes.append(f"welfare {grouped(self.welfare)}, {proof}")
        if self.paradoxical:
            total = grouped(sum(paradox.loss for paradox in self.paradoxical))
            count = len(self.paradoxical)
            orders = "1 order, which loses" if count == 1 else f"{count} orders, which lose"
            notes.append(f"rejected though the price would pay: {orders} {total}")
        return notes


def _prices(outcome: Outcome) -> dict[str, int | None]:
    return _known(outcome.names, outcome.published, outcome.answer.determined)


def _known(names: list[str], prices: Integers, determined: Flags) -> dict[str, int | None]:
    known = zip(names, prices.tolist(), determined.tolist(), strict=True)
    return {name: price if told else None for name, price, told in known}


def _some(names: Sequence[int | str]) -> str:
    more = len(names) - NAMED_PLACES
    return f"{', '.join(map(str, names[:NAMED_PLACES]))}{f' and {more} more' if more > 0 else ''}"


def clear(
    orders: Any,
    links: Any = None,
    *,
    places: Any = None,
    tie: str = "time",
    price_rule: str = "middle",
    reference: int | Mapping[str, int] | None = None,
    time_limit_seconds: int | None = None,
    clock: Clock | None = None,
) -> Clearing:
    """Clear a market: find the uniform price of every place, the fill of every order and the flow on every link.

    Args:
        orders: A pandas, Polars or PyArrow table, or a mapping of columns: `order_id` (integers or text, all
            different), `place` (text), `side` (`buy` or `sell`), `price` (tenge a tonne, 0 to 10**12; missing for an
            order without a limit), `quantity` (lots, 1 to 10**12) and, optional, `submitted_at` (integer, nanoseconds),
            `participant` (text or integers, may be missing: whose the order is, for `Clearing.pivotal` and
            `Clearing.without`) and conditions (docs/reference/conditional-orders.md): `min_quantity` (lots, up to the
            quantity: at least so much executes, or nothing), `group` (text or integer: at most one order of a group
            executes), `parent` (the `order_id` of another order, without which this one does not execute).
        links: Likewise: `source`, `target` (text), `capacity` (lots, 0 to 10**12), `tariff` (tenge a tonne, 0 to
            10**12) and, optional, `capacity_back` (lots, likewise, may be missing): what the link may carry from
            target to source instead, at the same tariff. A place may stand in no link, or in links alone.
        places: Likewise: `place` (text) and any of `floor`, `cap`, `import_price`, `export_price` (tenge a tonne, 0 to
            10**12, may be missing): within what bounds the price of a place is published, and at what prices gas
            is had from outside there, or sold, without limit.
        tie: How orders at the price of their place share what is left: `time` (earlier `submitted_at` first, then
            the earlier row) or `pro_rata` (in proportion, largest remainder, then as under `time`).
        price_rule: Which of the optimal price vectors is published: the `lowest`, the `middle` (half the sum of the
            lowest and the highest, rounded down), the `highest`, or `reference` (the highest that nowhere exceeds
            the reference, or the lowest where that is higher). Where every place stands alone, also the rules of
            venues: `xetra`, `euronext` and `last_accepted_sell` (docs/reference/call-auction.md).
        reference: One price for all places, or a price for each: for `price_rule="reference"`, where a place without
            one counts with its middle price, and, not needed, for `xetra` and `euronext`.
        time_limit_seconds: How long to search for the best choice of orders with conditions; when the time is up, the
            best found is returned with a bound on what a better one could be worth. Without conditions it is unused.
        clock: What counts nanoseconds for the time limit; `naryq.clear` brings the machine's own.

    Returns:
        A `Clearing`, whose `welfare` equals its `dual_value`: the proof that it is optimal.

    Raises:
        Refusal: Whatever is wrong with the orders, the links, the places or an option: its code, the row (the first
            is row 1) and what to do.
    """
    check_options(tie, price_rule, reference)
    check_limit(time_limit_seconds)
    table, order_columns = intake.read_orders(orders)
    participants = labels.read_labels(table, "participant")
    link_columns = intake.read_links(links)
    check_alone(price_rule, link_columns, places)
    terms = None if places is None else read_places(places)
    conditions = read_conditions(table, order_columns)
    if conditions is not None:
        check_choosing(price_rule, order_columns, terms)
    patience = Patience(time_limit_seconds, clock)
    request = Request(
        table, order_columns, link_columns, participants, conditions, tie, price_rule, reference, patience, terms
    )
    return Clearing(found(request), request)


def found(request: Request) -> Outcome:
    """Survey, number and solve a market that was read."""
    orders, terms = request.orders, request.terms
    plain = terms is None and orders.unlimited is None and request.conditions is None
    survey, near = survey_of(request.table, orders, may_narrow=plain)
    check_total(request.table, orders.quantity, survey, len(request.links.source))
    names, market = _numbered(orders, request.links, survey, request.places, terms)
    rules = Rules(request.tie, orders.submitted_at, request.price_rule, references(names, request.reference))
    limits = None
    if terms is not None or orders.unlimited is not None:
        asked = Asked(request.table, orders.unlimited, orders.submitted_at, rules.reference, request.links.capacity)
        limits = limited(market, survey, (terms or NO_PLACES).numbered(names), asked)
        market, survey, rules = limits.market, limits.survey, rules._replace(submitted_at=limits.turn)
    if request.conditions is not None:
        refuse_overflow(request.table, market, survey)
        chosen = clear_conditional(market, request.conditions, rules, stop_after(request.patience))
        return Outcome(names, chosen.kept, chosen.answer, chosen.identifiers(orders.order_id), rules, limits, chosen)
    if near is not None and market.places == 1:
        return Outcome(names, market, solve_near(near, rules), orders.order_id, rules, limits)
    with passes_over(market) as passes:
        answer = solve(passes, survey, rules)
    return Outcome(names, market, answer, orders.order_id, rules, limits)


def survey_of(table: Table, orders: Orders, *, may_narrow: bool = False) -> tuple[Survey, Near | None]:
    """Look at every order once, and refuse what is out of bounds by itself; the look may narrow one place."""
    none = np.empty(0, np.int64)
    columns = orders.place.codes, orders.side.codes
    place_of = np.zeros(max(1, len(orders.place.names)), np.int64)
    market = Market(
        place_of.size, *columns, place_of, _sides(orders), orders.price, orders.quantity, none, none, none, none
    )
    with passes_over(market) as passes:
        survey, near = survey_near(passes) if may_narrow else (passes.survey(), None)
    if orders.price.size:
        _check_sides(table, orders, survey)
        table.within("price", orders.price, (survey.lowest_price, survey.highest_price), (0, HIGHEST_PRICE))
        table.within(
            "quantity", orders.quantity, (survey.lowest_quantity, survey.highest_quantity), (1, HIGHEST_QUANTITY)
        )
        _check_products(table, orders, survey)
    intake.check_names(table, "place", orders.place, np.flatnonzero(survey.places).tolist())
    return survey, near


def _sides(orders: Orders) -> Integers:
    return np.array([SIDE_NUMBERS.get(name, BUY) for name in orders.side.names] or [BUY], np.int64)


def _check_sides(table: Table, orders: Orders, survey: Survey) -> None:
    for code in np.flatnonzero(survey.sides).tolist():
        word = orders.side.names[code]
        if word not in SIDE_NUMBERS:
            row = int(np.argmax(orders.side.codes == code))
            raise table.refusal(Code.UNKNOWN_SIDE, row, f"side is {word!r}", "Write buy or sell.")


def _check_products(table: Table, orders: Orders, survey: Survey) -> None:
    if survey.highest_price * survey.highest_quantity > INT64_MAX:
        beyond = orders.quantity > INT64_MAX // np.maximum(orders.price, 1)
        if beyond.any():
            row = int(np.argmax(beyond))
            what = f"quantity times price is {int(orders.quantity[row]) * int(orders.price[row])}, beyond 64 bits"
            raise table.refusal(Code.OVERFLOW, row, what, "Use a larger unit of quantity.")


def check_total(table: Table, quantity: Integers, survey: Survey, links: int) -> None:
    """Refuse a market whose welfare, or a sum on the way to it, might not fit 64 bits.

    The bounds are the total quantity times the highest price (plus two: prices are sought from one below all limits
    to one above), and the total quantity times the number of links in a cut problem.
    """
    total = exact_sum(quantity, survey.highest_quantity, survey.lots)
    if not fits(total, survey.highest_price, links):
        what = f"{total} lots in all at prices up to {survey.highest_price} do not fit 64 bits"
        raise table.refusal(Code.OVERFLOW, None, what, "Use a larger unit of quantity, or clear fewer orders at once.")


def fits(lots: int, highest_price: int, links: int) -> bool:
    """Tell whether a market of so many lots in all fits 64 bits."""
    return lots * (highest_price + 2) <= INT64_MAX and lots * (links + 2) <= 2**62


def exact_sum(values: Integers, highest: int, wrapped: int) -> int:
    """Sum non-negative integers without overflow; `wrapped` is their sum in 64 bits, right where it cannot overflow.

    >>> exact_sum(np.array([2**62, 2**62, 2**62]), 2**62, -(2**62)) == 3 * 2**62
    True
    """
    if values.size * highest <= INT64_MAX:
        return wrapped
    return (int((values >> 32).sum()) << 32) + int((values & (2**32 - 1)).sum())


def _numbered(
    orders: Orders, links: Links, survey: Survey, places: Sequence[str], terms: Places | None
) -> tuple[list[str], Market]:
    """Number the places by their sorted names, so that the order of the rows cannot matter."""
    used = np.flatnonzero(survey.places).tolist()
    words = orders.place.names
    named = {words[code] for code in used} | set(links.source) | set(links.target) | set(places)
    names = sorted(named if terms is None else all_names(terms, named))
    number = {name: index for index, name in enumerate(names)}
    place_of = np.zeros(max(1, len(words)), np.int64)
    place_of[used] = [number[words[code]] for code in used]
    ends = [np.array([number[name] for name in column], np.int64) for column in (links.source, links.target)]
    # No link ever carries more than all orders together (and what passes from border to border, see `limited`): that
    # much capacity is as good as any more.
    capacity = np.minimum(links.capacity, survey.lots)
    market = Market(
        places=len(names),
        place=orders.place.codes,
        side=orders.side.codes,
        place_of=place_of,
        side_of=_sides(orders),
        price=orders.price,
        quantity=orders.quantity,
        link_source=ends[0],
        link_target=ends[1],
        capacity=capacity,
        tariff=np.array(links.tariff),
        back=links.back,
    )
    return names, market


def references(names: list[str], reference: int | Mapping[str, int] | None) -> Integers:
    """Give each numbered place its reference price, or -1."""
    if not isinstance(reference, Mapping):
        return np.full(len(names), -1 if reference is None else int(reference), np.int64)
    for name in reference:
        if name not in names:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"the reference names {name!r}, and no order and no link does",
                remedy="Correct the name, or leave it out.",
            )
    return np.array([int(reference.get(name, -1)) for name in names], np.int64)
