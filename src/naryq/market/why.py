"""Why a price is what it is: the orders at the margin, the links that are full, and the range that was open."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.auction import Answer
from naryq.market.passes import Market
from naryq.units import grouped

NAMED_ORDERS: Final = 3
"""How many orders a sentence names before it counts the rest."""


@dataclass(frozen=True)
class Outcome:
    """What an explanation reads: the places by number, the market, what was found, and the orders' identifiers."""

    names: list[str]
    market: Market
    answer: Answer
    order_id: Any

    @cached_property
    def marginal_rows(self) -> dict[int, list[int]]:
        """The rows of the orders whose limit is the price of their place, by place."""
        market = self.market
        place = market.place_of[market.place]
        rows = np.flatnonzero(market.price == self.answer.prices[place])
        found: dict[int, list[int]] = {}
        for row, number in zip(rows.tolist(), place[rows].tolist(), strict=True):
            found.setdefault(number, []).append(row)
        return found

    @cached_property
    def neighbours(self) -> dict[int, list[int]]:
        """The places whose price differs from that of a place by just the tariff of a link between them."""
        market, prices = self.market, self.answer.prices
        source, target = market.link_source, market.link_target
        binds = (market.capacity > 0) & (prices[target] - prices[source] == market.tariff)
        found: dict[int, list[int]] = {}
        for start, end in zip(source[binds].tolist(), target[binds].tolist(), strict=True):
            found.setdefault(start, []).append(end)
            found.setdefault(end, []).append(start)
        return found


class FullLink(NamedTuple):
    """A link at its capacity (lots), with what one lot more would gain (tenge a tonne) and all its lots together."""

    source: str
    target: str
    capacity: int
    tariff: int
    gap: int
    congestion_rent: int


class Why(NamedTuple):
    """The reasons of one price, as data; `text` and `str` give them as one sentence.

    Attributes:
        place: The place.
        price: Its uniform price (tenge a tonne), or None.
        marginal_orders: Identifiers of the orders whose limit is the price: at this place or, where none stands
            there, at the place named by `set_at`.
        set_at: The place whose marginal orders set this price; None when no order does.
        full_links: Links of this place that carry all they can while the prices at their ends would ask for more.
        bought: Lots bought at this place.
        sold: Lots sold at this place.
        lowest: The lowest optimal price; None when nobody would pay anything for one lot more.
        highest: The highest optimal price; None when no bid could buy one lot more.
        limits: Names of the limits that bound the price; the venue fills them in, a market alone has none.
        text: One plain sentence.
    """

    place: str
    price: int | None
    marginal_orders: tuple[int | str, ...]
    set_at: str | None
    full_links: tuple[FullLink, ...]
    bought: int
    sold: int
    lowest: int | None
    highest: int | None
    limits: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text


def explain(outcome: Outcome, number: int) -> Why:
    """Collect the reasons of the price of one place."""
    names, answer = outcome.names, outcome.answer
    price = int(answer.prices[number]) if answer.determined[number] else None
    top = int(outcome.market.price.max(initial=0))
    lowest, highest = int(answer.lowest[number]), int(answer.highest[number])
    set_at = None if price is None else _origin(outcome, number)
    links = _full_links(outcome, number)
    why = Why(
        place=names[number],
        price=price,
        marginal_orders=() if set_at is None else _orders_at(outcome, set_at),
        set_at=None if set_at is None else names[set_at],
        full_links=links,
        bought=int(answer.bought[number]),
        sold=int(answer.sold[number]),
        lowest=lowest if lowest >= 0 else None,
        highest=highest if highest <= top else None,
        limits=(),
        text="",
    )
    return why._replace(text=_sentence(why, None if set_at is None else int(answer.prices[set_at])))


def _orders_at(outcome: Outcome, number: int) -> tuple[int | str, ...]:
    found = [outcome.order_id[row] for row in outcome.marginal_rows.get(number, [])]
    return tuple(_plain(each) for each in found)


def _plain(identifier: Any) -> int | str:
    """Turn what a NumPy or Arrow column holds into Python's own kind."""
    for name in ("item", "as_py"):
        if hasattr(identifier, name):
            identifier = getattr(identifier, name)()
    assert isinstance(identifier, (int, str)), "an identifier is a whole number or text"
    return identifier


def _origin(outcome: Outcome, start: int) -> int | None:
    """Find the nearest place with an order at its price, over links along which prices differ by just the tariff."""
    reached = {start: None}
    waiting = [start]
    for place in waiting:
        if place in outcome.marginal_rows:
            return place
        for other in outcome.neighbours.get(place, []):
            if other not in reached:
                reached[other] = None
                waiting.append(other)
    return None


def _full_links(outcome: Outcome, number: int) -> tuple[FullLink, ...]:
    market, names = outcome.market, outcome.names
    source, target = market.link_source, market.link_target
    gap = outcome.answer.prices[target] - outcome.answer.prices[source] - market.tariff
    full = ((source == number) | (target == number)) & (gap > 0) & (market.capacity > 0)
    found = []
    for row in np.flatnonzero(full):
        ends = names[source[row]], names[target[row]]
        capacity, tariff, gain = int(market.capacity[row]), int(market.tariff[row]), int(gap[row])
        found.append(FullLink(*ends, capacity, tariff, gain, capacity * gain))
    return tuple(found)


def _sentence(why: Why, base: int | None) -> str:
    if why.price is None:
        return f"{why.place} has no price: no order stands there, and nothing bounds what one lot would cost or fetch."
    return f"The price in {why.place} is {grouped(why.price)} tenge a tonne: {_reason(why, base)}{_congestion(why)}."


def _reason(why: Why, base: int | None) -> str:
    assert why.price is not None, "only a price has a reason"
    if why.set_at is None or base is None:
        return f"no order stands at it; {_range(why)}"
    orders = _listed(why.marginal_orders)
    if why.set_at == why.place:
        return f"{orders} {'sets' if len(why.marginal_orders) == 1 else 'set'} it"
    difference = why.price - base
    way = f"plus {grouped(difference)}" if difference >= 0 else f"less {grouped(-difference)}"
    return f"the price in {why.set_at}, set there by {orders} at {grouped(base)}, {way} for transport"


def _range(why: Why) -> str:
    lowest = "" if why.lowest is None else f" from {grouped(why.lowest)}"
    highest = "" if why.highest is None else f" up to {grouped(why.highest)}"
    return f"any price{lowest}{highest} clears the market as well"


def _listed(orders: tuple[int | str, ...]) -> str:
    named = ", ".join(str(order) for order in orders[:NAMED_ORDERS])
    more = len(orders) - NAMED_ORDERS
    return f"order{'s' if len(orders) > 1 else ''} {named}" + (f" and {more} more" if more > 0 else "")


def _congestion(why: Why) -> str:
    if not why.full_links:
        return ""
    named = (f"{link.source} to {link.target} ({grouped(link.capacity)} lots)" for link in why.full_links)
    return f"; full: {' and '.join(named)}"
