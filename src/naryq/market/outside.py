"""What is brought from outside and sold there, where a place has an import or an export price.

Outside, gas is had and sold without limit, so the price of a place is never above its import price and never below
its export price. At optimal prices inside these bounds, only a place whose price is one of them deals with the
outside. Own orders come first: of all optimal trades, those are taken in which the orders at the margin trade most,
then those in which the least gas crosses the border.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.kernels import Flags, Integers, Slack, graph_of, maximum_flow
from naryq.market.passes import Outside

WITHOUT_END: Final = 2**61
"""More than any market moves; two of them still fit 64 bits."""


class Borders(NamedTuple):
    """The places whose price lets gas in from outside, and those whose price lets it out."""

    opens_in: Flags
    opens_out: Flags


class Balance(NamedTuple):
    """What trades at the margins, what the open links carry, and what crosses the border (above zero: inwards)."""

    sold: Integers
    bought: Integers
    flow: Integers
    brought: Integers


def borders(outside: Outside, at: Integers) -> Borders:
    """Tell where gas may cross the border at given prices."""
    return Borders(at == outside.import_price, at == outside.export_price)


def balance(slack: Slack, open_borders: Borders) -> Balance | None:
    """Find what the margins trade, and with it the least that crosses the border; None when nothing balances.

    A feasible flow comes first. Then the margins trade with each other and across the border until no lot more can;
    a path that ends at the border also replaces what crosses it by own trade. With the margins settled, what is over
    goes to places of this market where it can, and only the rest crosses the border.
    """
    first = _Flows(slack, open_borders)
    if not first.meet(first.margin_buyers, first.margin_sellers):
        return None
    first.push(first.margin_sellers, first.margin_buyers)
    first.push(first.margin_sellers, first.abroad)
    first.push(first.abroad, first.margin_buyers)
    sold, bought = first.sold(), first.bought()
    nothing = np.zeros_like(sold)
    settled = slack._replace(excess=slack.excess + sold - bought, may_sell=nothing, may_buy=nothing)
    second = _Flows(settled, open_borders)
    fulfilled = second.meet()
    assert fulfilled, "what the margins trade can be carried"
    return Balance(sold, bought, second.flow(), second.brought())


class _Flows:
    """Flows between places, the orders at their margins, what must be sent on or received, and the outside."""

    def __init__(self, slack: Slack, open_borders: Borders) -> None:
        """Make the network; nothing flows yet, and the outside is shut."""
        places, self._links = slack.excess.size, slack.source.size
        every = np.arange(places)
        self.margin_sellers, self.margin_buyers, self._giver, self._taker, self.abroad = range(places, places + 5)
        ways: tuple[tuple[Any, Any, Any], ...] = (
            (slack.source, slack.target, slack.room),
            (self.margin_sellers, every, slack.may_sell),
            (every, self.margin_buyers, slack.may_buy),
            (self._giver, every, np.maximum(slack.excess, 0)),
            (every, self._taker, np.maximum(-slack.excess, 0)),
            (self.abroad, every, 0),
            (every, self.abroad, 0),
        )
        sizes = [self._links] + [places] * 6
        tail, head, room = (
            np.concatenate([np.broadcast_to(way[part], size) for way, size in zip(ways, sizes, strict=True)])
            for part in range(3)
        )
        self._graph = graph_of(tail, head, places + 5)
        self._graph.residual[::2] = room
        self._columns = [slice(end - size, end) for end, size in zip(np.cumsum(sizes).tolist(), sizes, strict=True)]
        self._slack, self._borders = slack, open_borders

    def push(self, start: int, end: int) -> int:
        """Raise the flow from one node to another as far as it goes, and return what was added."""
        return int(maximum_flow(self._graph, start, end))

    def meet(self, buyers: int | None = None, sellers: int | None = None) -> bool:
        """Send on what is over and bring what is short: to and from places, then margins, then the outside.

        No later step undoes what an earlier one has served, so all is met if it can be. The borders open last: gas that
        passed through the outside to a margin could be the only gas for a place that is short.
        """
        over, short = (int(np.maximum(sign * self._slack.excess, 0).sum()) for sign in (1, -1))
        among = self.push(self._giver, self._taker)
        over -= 0 if buyers is None else self.push(self._giver, buyers)
        short -= 0 if sellers is None else self.push(sellers, self._taker)
        self._open_borders()
        over -= self.push(self._giver, self.abroad)
        short -= self.push(self.abroad, self._taker)
        return over == among == short

    def _open_borders(self) -> None:
        for column, is_open in zip(self._columns[5:], self._borders, strict=True):
            self._graph.residual[::2][column] = np.where(is_open, WITHOUT_END, 0)

    def _along(self, column: int) -> Integers:
        carried: Integers = self._graph.residual[1::2][self._columns[column]].copy()
        return carried

    def flow(self) -> Integers:
        """Return what each link carries."""
        return self._along(0)

    def sold(self) -> Integers:
        """Return what the orders at the margin of each place sell."""
        return self._along(1)

    def bought(self) -> Integers:
        """Return what the orders at the margin of each place buy."""
        return self._along(2)

    def brought(self) -> Integers:
        """Return what comes to each place from outside, less what leaves it there."""
        return self._along(5) - self._along(6)
