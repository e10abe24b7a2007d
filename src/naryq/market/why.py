"""Why a price is what it is: the orders at the margin, the links that are full, and the range that was open."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from naryq.market.clearing import Clearing

NAMED_ORDERS = 3
"""How many orders a sentence names before it counts the rest."""


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


def explain(result: "Clearing", place: str) -> Why:
    """Collect the reasons of the price of one place."""
    number = result._names.index(place)
    answer = result._answer
    price = result.prices[place]
    bought, sold = result.traded[place]
    top = int(result._orders.price.max(initial=0))
    lowest, highest = int(answer.lowest[number]), int(answer.highest[number])
    set_at = None if price is None else _origin(result, number)
    orders = () if set_at is None else _orders_at(result, set_at)
    links = _full_links(result, number)
    return Why(
        place,
        price,
        orders,
        None if set_at is None else result._names[set_at],
        links,
        bought,
        sold,
        lowest if lowest >= 0 else None,
        highest if highest <= top else None,
        (),
        _sentence(result, place, orders, set_at, links),
    )


def _rows_at(result: "Clearing", number: int) -> list[int]:
    market = result._market
    codes = [code for code, name in enumerate(result._orders.place.names) if name == result._names[number]]
    at_price = market.price == result._answer.prices[number]
    rows: list[int] = np.flatnonzero(at_price & np.isin(market.place, codes)).tolist()
    return rows


def _orders_at(result: "Clearing", number: int) -> tuple[int | str, ...]:
    identifiers = result._orders.order_id
    found = [identifiers[row] for row in _rows_at(result, number)]
    return tuple(each.item() if isinstance(each, np.generic) else each for each in found)


def _origin(result: "Clearing", start: int) -> int | None:
    """Find the nearest place with an order at its price, over links along which prices differ by just the tariff."""
    market, prices = result._market, result._answer.prices
    source, target = market.link_source, market.link_target
    binds = (market.capacity > 0) & (prices[target] - prices[source] == market.tariff)
    pairs = list(zip(source[binds].tolist(), target[binds].tolist(), strict=True))
    reached = [start]
    for place in reached:
        if _rows_at(result, place):
            return place
        nearby = [v if u == place else u for u, v in pairs if place in (u, v)]
        reached.extend(other for other in dict.fromkeys(nearby) if other not in reached)
    return None


def _full_links(result: "Clearing", number: int) -> tuple[FullLink, ...]:
    links, prices, names = result._links, result._answer.prices, result._names
    found = []
    for row in np.flatnonzero((result._market.link_source == number) | (result._market.link_target == number)).tolist():
        source, target = int(result._market.link_source[row]), int(result._market.link_target[row])
        capacity, tariff = int(links.capacity[row]), int(links.tariff[row])
        gap = int(prices[target] - prices[source]) - tariff
        if gap > 0 and capacity:
            found.append(FullLink(names[source], names[target], capacity, tariff, gap, gap * capacity))
    return tuple(found)


def _sentence(
    result: "Clearing", place: str, orders: tuple[int | str, ...], set_at: int | None, links: tuple[FullLink, ...]
) -> str:
    price = result.prices[place]
    if price is None:
        return f"{place} has no price: no order stands there, and no link ties it to a place that has one."
    start = f"The price in {place} is {_grouped(price)} tenge a tonne: "
    return start + _reason(result, place, price, orders, set_at) + _congestion(links) + "."


def _reason(result: "Clearing", place: str, price: int, orders: tuple[int | str, ...], set_at: int | None) -> str:
    if set_at is None:
        number = result._names.index(place)
        lowest, highest = int(result._answer.lowest[number]), int(result._answer.highest[number])
        return f"no order stands at it, and any price from {_grouped(max(lowest, 0))} to {_grouped(highest)} clears as well"
    origin = result._names[set_at]
    if origin == place:
        return f"{_listed(orders)} set{'s' if len(orders) == 1 else ''} it"
    base = result.prices[origin]
    assert base is not None, "a place with an order has a price"
    difference = price - base
    way = f"plus {_grouped(difference)}" if difference >= 0 else f"less {_grouped(-difference)}"
    return f"the price in {origin}, set there by {_listed(orders)} at {_grouped(base)}, {way} for transport"


def _listed(orders: tuple[int | str, ...]) -> str:
    named = ", ".join(str(order) for order in orders[:NAMED_ORDERS])
    more = len(orders) - NAMED_ORDERS
    return f"order{'s' if len(orders) > 1 else ''} {named}" + (f" and {more} more" if more > 0 else "")


def _congestion(links: tuple[FullLink, ...]) -> str:
    if not links:
        return ""
    named = " and ".join(f"{link.source} to {link.target} ({_grouped(link.capacity)} lots)" for link in links)
    return f"; full: {named}"


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", " ")
