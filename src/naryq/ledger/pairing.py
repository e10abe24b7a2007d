"""Whose gas goes to whom: a cleared session's fills and flows, taken apart into pairs of a sale and a purchase."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from naryq.messages import Flow, Side


class Filled(NamedTuple):
    """What one order traded in a session."""

    order_id: str
    side: Side
    place: str
    lots: int


class Pair(NamedTuple):
    """Lots that go from one sale to one purchase, and what the carriage of a tonne costs on their way."""

    sell_order_id: str
    buy_order_id: str
    lots: int
    carriage_tenge_per_tonne: int


class _Network:
    """What is still to be taken apart: lots on each link and of each purchase, by the place where they are next."""

    def __init__(self, bought: Iterable[Filled], flows: Iterable[Flow], tariffs: Mapping[tuple[str, str], int]) -> None:
        self.tariffs = tariffs
        self.links: dict[str, dict[str, int]] = {}
        self.needs: dict[str, list[Filled]] = {}
        for fill in reversed(list(bought)):  # The first to have come is the last of its list, where taking is cheap.
            self.needs.setdefault(fill.place, []).append(fill)
        for flow in flows:
            self.links.setdefault(flow.source, {})[flow.target] = flow.quantity_lots

    def way_from(self, place: str) -> list[str]:
        """Return the places that a lot passes from here to the next purchase; its own place serves itself first."""
        way = [place]
        while not self.needs.get(way[-1]):
            target = next((target for target, lots in self.links.get(way[-1], {}).items() if lots), None)
            assert target is not None, "what is sold arrives somewhere"
            assert target not in way, "no gas goes in a circle"
            way.append(target)
        return way

    def take(self, sell_order_id: str, place: str, lots: int) -> Pair:
        """Take as many lots as one way and one purchase allow out of the network."""
        way = self.way_from(place)
        steps = list(pairwise(way))
        purchase = self.needs[way[-1]].pop()
        lots = min([lots, purchase.lots, *(self.links[source][target] for source, target in steps)])
        for source, target in steps:
            self.links[source][target] -= lots
        if lots < purchase.lots:
            self.needs[way[-1]].append(purchase._replace(lots=purchase.lots - lots))
        return Pair(sell_order_id, purchase.order_id, lots, sum(self.tariffs[step] for step in steps))


def pairs(filled: Iterable[Filled], flows: Iterable[Flow], tariffs: Mapping[tuple[str, str], int]) -> tuple[Pair, ...]:
    """Take a session's fills and flows apart into pairs; each sale, in the order given, serves the nearest purchase.

    The clearing house stands between the two, who do not learn of each other; a pair says where a wagon goes. Every
    lot that was sold is in one pair, and every lot that was bought. Gas at a place serves the place before it moves
    on, so all ways together use the flows exactly (flow decomposition: Ahuja, Magnanti, Orlin, Network Flows, 3.5).
    """
    filled = [fill for fill in filled if fill.lots]
    network = _Network((fill for fill in filled if fill.side == "buy"), flows, tariffs)
    found: list[Pair] = []
    for sale in filled:
        rest = sale.lots if sale.side == "sell" else 0
        while rest:
            found.append(network.take(sale.order_id, sale.place, rest))
            rest -= found[-1].lots
    return tuple(found)
