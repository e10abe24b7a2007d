"""Orders without a limit of their own, and places whose prices have a floor or a cap, become a market like any other.

The rules, as mathematics, stand in docs/reference/network-auction.md:

- no order counts for more than the cap of its place or for less than its floor; a bid below the floor and an offer
  above the cap stand outside;
- an order without a limit counts at the cap (bids) or the floor (offers, else 0) of its place, and in turns by time
  before all orders with a limit;
- at a place that no link joins, and where there is no such bound, it counts one tenge beyond all other limits there.
"""

from typing import Final, NamedTuple

import numpy as np

from naryq.market.intake import HIGHEST_PRICE, Table, frozen
from naryq.market.kernels import BUY, SELL, Flags, Integers
from naryq.market.limit_kernels import clip
from naryq.market.passes import Market, Outside, Survey
from naryq.market.places import UNBOUNDED, Places
from naryq.messages import Code
from naryq.units import INT64_MAX

BEYOND: Final = HIGHEST_PRICE + 3
"""The price of an order that stands outside: above every limit and what is sought beyond them."""


class Asked(NamedTuple):
    """What a caller asks beyond the market's own columns.

    Attributes:
        table: The orders, for refusals.
        unlimited: Which orders have no limit of their own; None where all have one.
        submitted_at: When the orders came, if that is known.
        reference: The reference price of each place, or -1.
        capacity: That of each link, however large.
    """

    table: Table
    unlimited: Flags | None
    submitted_at: Integers | None
    reference: Integers
    capacity: Integers


class Limited(NamedTuple):
    """A market whose orders all have limits within those of their places, and what its answer means.

    Attributes:
        market: The market to clear. An order that stands outside has no lots and a price beyond all others.
        survey: What one look at its orders would say.
        places: The terms of all places.
        turn: Which orders come first by time, or None where the rows say it.
        lowest: The least that the price of each place may be as published.
        highest: The most that it may be.
        unlimited: Which orders have no limit of their own.
    """

    market: Market
    survey: Survey
    places: Places
    turn: Integers | None
    lowest: Integers
    highest: Integers
    unlimited: Flags

    def published(self, prices: Integers) -> Integers:
        """Bring optimal prices within the limits of their places."""
        within: Integers = np.clip(prices, self.lowest, self.highest)
        return within

    def crossed(self, brought: Integers | None) -> tuple[dict[str, int], dict[str, int]]:
        """Return the lots imported, by each place with an import price, and those exported, likewise."""
        lots = np.zeros(len(self.places.names), np.int64) if brought is None else brought
        return (
            _by_name(self.places.names, np.maximum(lots, 0), self.places.import_price),
            _by_name(self.places.names, np.maximum(-lots, 0), self.places.export_price),
        )

    def shortage(self, fills: Integers, published: Integers) -> dict[str, int]:
        """Return the lots of bids at or above the cap of each place that has one, unserved while the price is it."""
        return self._unserved(fills, published, BUY, self.places.cap)

    def surplus(self, fills: Integers, published: Integers) -> dict[str, int]:
        """Return the lots of offers at or below the floor of each place that has one, unsold while the price is it."""
        return self._unserved(fills, published, SELL, self.places.floor)

    def _unserved(self, fills: Integers, published: Integers, side: int, limit: Integers) -> dict[str, int]:
        market = self.market
        place = market.place_of[market.place]
        at_limit = (market.price == limit[place]) & (published == limit)[place]
        rows = np.flatnonzero(at_limit & (market.side_of[market.side] == side))
        lots = np.zeros(market.places, np.int64)
        np.add.at(lots, place[rows], market.quantity[rows] - fills[rows])
        return _by_name(self.places.names, lots, limit)


def _by_name(names: list[str], lots: Integers, price: Integers) -> dict[str, int]:
    """Name the places that have a price of some kind."""
    rows = zip(names, lots.tolist(), (np.abs(price) < UNBOUNDED).tolist(), strict=True)
    return {name: count for name, count, has_price in rows if has_price}


class _Orders(NamedTuple):
    """For what the orders count, and how many lots of each: none of one that stands outside."""

    price: Integers
    lots: Integers


def limited(market: Market, survey: Survey, places: Places, asked: Asked) -> Limited:
    """Give every order a limit within those of its place, or none at all where it stands outside.

    Raises:
        Refusal: WRONG_TYPE for a bid without a limit at a place that links join and that has no cap; OVERFLOW where
            what can be traded does not fit 64 bits.
    """
    outside = _outside(places)
    bounds = places.floor.copy(), places.cap.copy()
    orders, low, top = _clipped(market, places, asked.unlimited)
    if asked.unlimited is not None:
        _bound_the_rest(market, places, orders, asked, outside, bounds)
        prices = orders.price[orders.lots > 0]
        low, top = int(prices.min(initial=UNBOUNDED)), int(prices.max(initial=0))
    ends = [int(price) for price in np.concatenate(outside) if abs(int(price)) < UNBOUNDED]
    top = max([0, top, *ends])
    return Limited(
        market._replace(
            price=frozen(orders.price),
            quantity=frozen(orders.lots),
            capacity=np.minimum(asked.capacity, _volume(market, outside, asked, survey.lots, top)),
            outside=outside if ends else None,
        ),
        survey._replace(lowest_price=min([low, top, *ends]), highest_price=top),
        places,
        asked.submitted_at if asked.unlimited is None else _turns(asked.unlimited, asked.submitted_at),
        *bounds,
        np.zeros(market.price.size, np.bool_) if asked.unlimited is None else asked.unlimited,
    )


def _volume(market: Market, outside: Outside, asked: Asked, lots: int, top: int) -> int:
    """Return one more than the lots that can move: those of all orders, and what can pass from border to border.

    No link cut to that many is ever full by it.
    """
    gives, takes = outside.import_price < UNBOUNDED, outside.export_price > -UNBOUNDED
    passing = [int(asked.capacity[ends].sum()) for ends in (gives[market.link_source], takes[market.link_target])]
    volume = lots + min(passing) + 1
    if volume * (top + 2) > INT64_MAX or volume * (market.link_source.size + 2) > 2**62:
        what = f"{volume} lots in all at prices up to {top} do not fit 64 bits"
        raise asked.table.refusal(
            Code.OVERFLOW, None, what, "Use a larger unit of quantity, or less capacity between import and export."
        )
    return volume


def _turns(unlimited: Flags, submitted_at: Integers | None) -> Integers:
    """Number the orders by time, those without a limit first."""
    rows = np.arange(unlimited.size)
    turns = np.empty_like(rows)
    turns[np.lexsort((rows, rows if submitted_at is None else submitted_at, ~unlimited))] = rows
    return turns


def _outside(places: Places) -> Outside:
    """Bound what gas costs and fetches outside as an order at the place would be; beyond a limit there is no trade."""
    imports, exports = places.import_price, places.export_price
    return Outside(
        np.where(imports > places.cap, UNBOUNDED, np.maximum(imports, places.floor)),
        np.where(exports < places.floor, -UNBOUNDED, np.minimum(exports, places.cap)),
    )


def _clipped(market: Market, places: Places, unlimited: Flags | None) -> tuple[_Orders, int, int]:
    """Bring the orders within the limits of their places; one without a limit keeps the one that its place has.

    Also the lowest and the highest limit of those that stand.
    """
    price = market.price
    if unlimited is not None:
        any_price = np.where(market.side_of[market.side] == BUY, UNBOUNDED, -UNBOUNDED)
        price = frozen(np.where(unlimited, any_price, price))
    orders = _Orders(np.empty(price.size, np.int64), np.empty(price.size, np.int64))
    low, top = clip(
        market.place,
        market.side,
        price,
        market.quantity,
        market.place_of,
        market.side_of,
        places.floor,
        places.cap,
        BEYOND,
        orders.price,
        orders.lots,
    )
    return orders, int(low), int(top)


def _bound_the_rest(  # noqa: PLR0917 - what a limit depends on
    market: Market,
    places: Places,
    orders: _Orders,
    asked: Asked,
    outside: Outside,
    bounds: tuple[Integers, Integers],
) -> None:
    """Give the orders a limit that have none of their own, and whose place has none for them.

    One that stands alone gets it one tenge beyond all others at its place, if there are any. Where there are none, they
    meet at the reference price, or stand outside without one. The published price stays within the limits of the
    others: `bounds` is narrowed to them.
    """
    place, buys = market.place_of[market.place], market.side_of[market.side] == BUY
    free, joined = np.abs(orders.price) == UNBOUNDED, _joined(market)[place]
    _refuse_unbounded(np.flatnonzero(free & buys & joined), places, place, asked.table)
    orders.price[free & joined] = 0
    least, most = _others(orders, place, ~free, outside)
    free &= ~joined
    alone = most == -UNBOUNDED
    meeting = np.clip(asked.reference, *bounds)
    at = np.where(alone, meeting, np.maximum(least - 1, 0)), np.where(alone, meeting, most + 1)
    orders.price[free] = np.where(buys, at[1][place], at[0][place])[free]
    orders.lots[free & (alone & (asked.reference < 0))[place]] = 0
    orders.price[free & (orders.lots == 0)] = BEYOND
    for side, bound, others, narrower in ((~buys, bounds[0], least, np.maximum), (buys, bounds[1], most, np.minimum)):
        here = np.unique(place[free & side])
        here = here[~alone[here]]
        bound[here] = narrower(bound[here], others[here])


def _others(orders: _Orders, place: Integers, known: Flags, outside: Outside) -> tuple[Integers, Integers]:
    """Return the lowest and the highest limit at each place, imports and exports included."""
    least = np.where(outside.export_price > -UNBOUNDED, outside.export_price, outside.import_price)
    most = np.where(outside.import_price < UNBOUNDED, outside.import_price, outside.export_price)
    rows = np.flatnonzero(known & (orders.lots > 0))
    np.minimum.at(least, place[rows], orders.price[rows])
    np.maximum.at(most, place[rows], orders.price[rows])
    return least, most


def _joined(market: Market) -> Flags:
    """Tell which places some link names."""
    joined = np.zeros(market.places, np.bool_)
    joined[market.link_source] = joined[market.link_target] = True
    return joined


def _refuse_unbounded(rows: Integers, places: Places, place: Integers, table: Table) -> None:
    if rows.size:
        row = int(rows[0])
        raise table.refusal(
            Code.WRONG_TYPE,
            row,
            f"price is missing, and {places.names[place[row]]} is joined by links and has no cap",
            "Give the order a limit, or the place a cap.",
        )
