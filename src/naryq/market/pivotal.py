"""What a market would be without each of its participants: the price, and whether it would run short.

A participant is *pivotal* when the market cannot do without him at any price: with everything that the others offer,
and over the links as they are, what the other buyers bought at the published prices can no longer be supplied (he is
a pivotal seller), or what the other sellers sold can no longer be placed (a pivotal buyer). The notion is that of the
pivotal supplier and the residual supply index (S. Borenstein, J. Bushnell, C. Knittel, Market Power in Electricity
Markets, The Energy Journal 20(4), 1999; A. Sheffrin, Predicting Market Power Using the Residual Supply Index, 2002),
here over a network: a maximum flow says how much can be supplied (L. Ford, D. Fulkerson, Flows in Networks, 1962).
Where a place trades with the outside, that counts as an offer (or a bid) of another without limit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, overload

import numpy as np

from naryq.market import intake, kernels, sheets
from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.labels import Labels
from naryq.market.passes import Market
from naryq.market.places import UNBOUNDED
from naryq.units import grouped

SHOWN_ROWS: Final = 60


class Pivot(NamedTuple):
    """One participant: what he traded, and the market without his orders.

    Attributes:
        participant: His label.
        sold: Lots that he sold, at all places together.
        bought: Lots that he bought.
        prices: The published price of each place (tenge a tonne), or None.
        prices_without: The price of each place without his orders, or None.
        shortage: Lots that the others bought at the published prices and that the others' offers, all of them and at
            any price, could not supply over the links; above zero he is a pivotal seller.
        surplus: Lots that the others sold and that the others' bids could not take; above zero he is a pivotal buyer.
    """

    participant: int | str
    sold: int
    bought: int
    prices: Mapping[str, int | None]
    prices_without: Mapping[str, int | None]
    shortage: int
    surplus: int

    @property
    def is_pivotal(self) -> bool:
        """Whether the market cannot do without him."""
        return self.shortage > 0 or self.surplus > 0


class Pivotal(Sequence[Pivot]):
    """One `Pivot` a participant, sorted; `table()` gives them as a table of the caller's own kind."""

    def __init__(self, pivots: Sequence[Pivot], frame: Any) -> None:
        """Keep the rows, and the table whose kind they are to be given in."""
        self._pivots = tuple(pivots)
        self._frame = frame

    @overload
    def __getitem__(self, index: int) -> Pivot: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pivot]: ...
    def __getitem__(self, index: int | slice) -> Pivot | Sequence[Pivot]:
        return self._pivots[index]

    def __len__(self) -> int:
        return len(self._pivots)

    def at(self, place: str) -> "Pivotal":
        """Return the same with the prices of one place alone."""
        only = (
            pivot._replace(prices={place: pivot.prices[place]}, prices_without={place: pivot.prices_without.get(place)})
            for pivot in self
        )
        return Pivotal(tuple(only), self._frame)

    def table(self) -> Any:
        """Give one row for each participant and place, in the caller's own kind of table.

        The columns are `participant`, `sold`, `bought`, `shortage`, `surplus` (lots), `place`, `price` and
        `price_without` (tenge a tonne, or missing).
        """
        rows = list(self._rows())
        names = ("participant", "sold", "bought", "shortage", "surplus", "place", "price", "price_without")
        columns = {name: [row[number] for row in rows] for number, name in enumerate(names)}
        missing = ("price", "price_without")
        return intake.like(self._frame, columns, ("sold", "bought", "shortage", "surplus", *missing), missing)

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for one in self:
            for place, price in one.prices.items():
                lots = one.participant, one.sold, one.bought, one.shortage, one.surplus
                yield *lots, place, price, one.prices_without[place]

    def __repr__(self) -> str:
        return sheets.as_text(*self._shown())

    def _repr_html_(self) -> str:
        return sheets.as_html(*self._shown())

    def _shown(self) -> tuple[Sequence[str], Sequence[Sequence[str]], Sequence[str]]:
        heads = ("participant", "sold", "bought", "shortage", "surplus", "place", "price", "without")
        rows = [
            (str(name), *map(grouped, lots), place, sheets.price_cell(price), sheets.price_cell(without))
            for name, *lots, place, price, without in self._rows()
        ]
        more = len(rows) - SHOWN_ROWS
        return heads, rows[:SHOWN_ROWS], [f"... and {grouped(more)} more rows."] if more > 0 else []


# --- One participant after another ---------------------------------------------------------------------------------


def pivots(
    market: Market,
    fills: Integers,
    prices: Mapping[str, int | None],
    participants: Labels,
    prices_of: Callable[[Integers], Mapping[str, int | None]],
) -> Iterator[Pivot]:
    """Look at the market without each participant, one clearing each.

    `prices_of` clears the rows it is given and returns the price of every place.
    """
    place, side = market.place_of[market.place], market.side_of[market.side]
    offered, traded = _by_place(market, place, side, market.quantity), _by_place(market, place, side, fills)
    if market.outside is not None:
        ends = market.outside.import_price < UNBOUNDED, market.outside.export_price > -UNBOUNDED
        offered[SELL] += np.where(ends[0], offered.sum(), 0)
        offered[BUY] += np.where(ends[1], offered.sum(), 0)
    ordered = np.argsort(participants.codes, kind="stable")
    bounds = np.searchsorted(participants.codes[ordered], np.arange(len(participants.names) + 1))
    for number, name in enumerate(participants.names):
        own = ordered[bounds[number] : bounds[number + 1]]
        others = np.delete(np.arange(participants.codes.size), own)
        offered_own = _by_place(market, place[own], side[own], market.quantity[own])
        traded_own = _by_place(market, place[own], side[own], fills[own])
        left, wanted = offered - offered_own, traded - traded_own
        yield Pivot(
            name,
            int(traded_own[SELL].sum()),
            int(traded_own[BUY].sum()),
            prices,
            prices_of(others),
            _unserved(market, left[SELL], wanted[BUY]),
            _unserved(market, wanted[SELL], left[BUY], of_supply=True),
        )


def _by_place(market: Market, place: Integers, side: Integers, lots: Integers) -> Integers:
    """Sum lots by side and place."""
    sums = np.zeros((2, market.places), np.int64)
    np.add.at(sums, (side, place), lots)
    return sums


def _unserved(market: Market, supply: Integers, demand: Integers, *, of_supply: bool = False) -> int:
    """Return how much of the demand (or of the supply) finds no other end over the links: a maximum flow's gap."""
    places = market.places
    every = np.arange(places)
    tail = np.concatenate([market.link_source, np.full(places, places), every])
    head = np.concatenate([market.link_target, every, np.full(places, places + 1)])
    graph = kernels.graph_of(tail, head, places + 2)
    graph.residual[::2] = np.concatenate([market.capacity, supply, demand])
    served = int(kernels.maximum_flow(graph, places, places + 1))
    return int((supply if of_supply else demand).sum()) - served
