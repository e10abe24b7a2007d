"""What a picture of a clearing shows, as whole numbers: the curves of a place, and the network.

At a place, what links bring in counts as supply and what they take away as demand, the prices elsewhere being as they
are published: a link from another place offers its capacity at the price there plus the tariff; one to another place
bids for its capacity at the price there less the tariff; and the outside offers and bids without limit at its own
prices. So supply and demand cross at the price of the place.
"""

from typing import NamedTuple

import numpy as np

from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.places import UNBOUNDED
from naryq.market.why import Outcome

OUTSIDE = ""
"""The name of what is no place of the market."""


class Step(NamedTuple):
    """One step of a curve: lots at a price, of orders there, or of another place (or `OUTSIDE`) over a link."""

    price: int
    lots: int
    other: str | None


class Curves(NamedTuple):
    """Supply by rising price and demand by falling price, and where they meet.

    Attributes:
        supply: Steps, the cheapest first.
        demand: Steps, the dearest first.
        price: Where they cross (tenge a tonne), before a limit of the place cuts it; None where there is no price.
        lots: How much changes hands at the place: sold there and brought in, or bought there and taken away.
        imports: Lots that links bring in, and that come from outside.
        exports: Lots that links take away, and that go outside.
        floor: The lowest price that may be published there; None where there is no such limit.
        cap: The highest.
    """

    supply: tuple[Step, ...]
    demand: tuple[Step, ...]
    price: int | None
    lots: int
    imports: int
    exports: int
    floor: int | None = None
    cap: int | None = None


class Node(NamedTuple):
    """A place: its price (tenge a tonne) or None, the lots sold and bought there, and what comes from outside.

    What goes outside counts below zero.
    """

    name: str
    price: int | None
    sold: int
    bought: int
    brought: int = 0


class Arc(NamedTuple):
    """A way between two places: lots it may and does carry, and what one lot more would gain (tenge a tonne)."""

    source: str
    target: str
    capacity: int
    flow: int
    gap: int


def curves_of(outcome: Outcome, number: int) -> Curves:
    """Collect the supply and the demand of one place."""
    market, answer = outcome.market, outcome.answer
    here = np.flatnonzero((market.place_of[market.place] == number) & (market.quantity > 0))
    side = market.side_of[market.side[here]]
    offers, bids = (_of_orders(outcome, here[side == each]) for each in (SELL, BUY))
    brought = _of_links(outcome, market.link_target == number, market.link_source, 1)
    taken = _of_links(outcome, market.link_source == number, market.link_target, -1)
    abroad = _outside(outcome, number)
    come = 0 if answer.brought is None else int(answer.brought[number])
    imports = int(answer.flow[market.link_target == number].sum()) + max(come, 0)
    floor, cap = _limits(outcome, number)
    return Curves(
        tuple(sorted([*offers, *brought, *abroad[0]], key=lambda step: step.price)),
        tuple(sorted([*bids, *taken, *abroad[1]], key=lambda step: -step.price)),
        int(answer.prices[number]) if answer.determined[number] else None,
        int(answer.sold[number]) + imports,
        imports,
        int(answer.flow[market.link_source == number].sum()) + max(-come, 0),
        floor,
        cap,
    )


def _outside(outcome: Outcome, number: int) -> tuple[list[Step], list[Step]]:
    """Return what the outside offers and bids at a place: more lots than could ever move there."""
    market = outcome.market
    if market.outside is None:
        return [], []
    lots = int(market.quantity.sum()) + int(market.capacity.sum()) + 1
    offered, bid = int(market.outside.import_price[number]), int(market.outside.export_price[number])
    return (
        [Step(offered, lots, OUTSIDE)] if offered < UNBOUNDED else [],
        [Step(bid, lots, OUTSIDE)] if bid > -UNBOUNDED else [],
    )


def _limits(outcome: Outcome, number: int) -> tuple[int | None, int | None]:
    if outcome.limits is None:
        return None, None
    places = outcome.limits.places
    floor, cap = int(places.floor[number]), int(places.cap[number])
    return floor if floor > -UNBOUNDED else None, cap if cap < UNBOUNDED else None


def _of_orders(outcome: Outcome, rows: Integers) -> list[Step]:
    prices, index = np.unique(outcome.market.price[rows], return_inverse=True)
    lots = np.zeros(prices.size, np.int64)
    np.add.at(lots, index, outcome.market.quantity[rows])
    return [Step(price, amount, None) for price, amount in zip(prices.tolist(), lots.tolist(), strict=True)]


def _of_links(outcome: Outcome, own: Integers, other: Integers, sign: int) -> list[Step]:
    market, answer = outcome.market, outcome.answer
    usable = np.flatnonzero(own & answer.determined[other] & (market.capacity > 0))
    price = answer.prices[other[usable]] + sign * market.tariff[usable]
    rows = zip(price.tolist(), market.capacity[usable].tolist(), other[usable].tolist(), strict=True)
    return [Step(price, lots, outcome.names[place]) for price, lots, place in rows]


def network_of(outcome: Outcome) -> tuple[list[Node], list[Arc]]:
    """Collect every place with its price, and every way between two with what it carries."""
    market, answer = outcome.market, outcome.answer
    known = zip(outcome.published.tolist(), answer.determined.tolist(), strict=True)
    prices = [price if told else None for price, told in known]
    come = np.zeros(len(prices), np.int64) if answer.brought is None else answer.brought
    lots = zip(answer.sold.tolist(), answer.bought.tolist(), come.tolist(), strict=True)
    nodes = [Node(name, price, *each) for name, price, each in zip(outcome.names, prices, lots, strict=True)]
    gap = answer.prices[market.link_target] - answer.prices[market.link_source] - market.tariff
    columns = (market.link_source, market.link_target, market.capacity, answer.flow, np.maximum(gap, 0))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return nodes, [Arc(nodes[source].name, nodes[target].name, *rest) for source, target, *rest in rows]
