"""Orders without a limit of their own, and places whose prices have a floor or a cap, become a market like any other.

The rules, as mathematics, stand in docs/reference/network-auction.md:

- no order counts for more than the cap of its place or for less than its floor; a bid below the floor and an offer
  above the cap stand outside;
- an order without a limit counts at the cap (bids) or the floor (offers, else 0) of its place, and in turns by time
  before all orders with a limit;
- at a place that no link joins, and where there is no such bound, it counts one tenge beyond all other limits there.
"""

from typing import NamedTuple

import numpy as np

from naryq.market.intake import Table, frozen
from naryq.market.kernels import BUY, SELL, Flags, Integers
from naryq.market.passes import Market, Outside, Survey
from naryq.market.places import UNBOUNDED, Places
from naryq.messages import Code
from naryq.units import INT64_MAX


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
    """The orders while they get their limits: their place and side, the limit, and whether they have one so far."""

    place: Integers
    buys: Flags
    price: Integers
    limited: Flags


def limited(market: Market, survey: Survey, places: Places, asked: Asked) -> Limited:
    """Give every order a limit within those of its place, or none at all where it stands outside.

    Raises:
        Refusal: WRONG_TYPE for a bid without a limit at a place that links join and that has no cap; OVERFLOW where
            what can be traded does not fit 64 bits.
    """
    unlimited = np.zeros(market.price.size, np.bool_) if asked.unlimited is None else asked.unlimited
    outside = _outside(places)
    orders = _clipped(market, places, unlimited)
    _refuse_unbounded(market, places, orders, asked.table)
    stands = unlimited | ~_beyond(market, places, orders)
    lowest, highest = places.floor.copy(), places.cap.copy()
    if not orders.limited.all():
        orders = _alone(orders, stands, outside, asked.reference, (lowest, highest))
        stands &= orders.limited
    prices = orders.price[stands]
    ends = [int(price) for price in np.concatenate(outside) if abs(int(price)) < UNBOUNDED]
    top = max([int(prices.max(initial=0)), *ends])
    low = min([int(prices.min(initial=top)), *ends])
    return Limited(
        market._replace(
            price=frozen(np.where(stands, orders.price, np.where(orders.buys, -1, top + 1))),
            quantity=frozen(np.where(stands, market.quantity, 0)),
            capacity=np.minimum(asked.capacity, _volume(market, outside, asked, survey.lots, top)),
            outside=outside if ends else None,
        ),
        survey._replace(lowest_price=low, highest_price=top),
        places,
        _turns(unlimited, asked.submitted_at) if unlimited.any() else asked.submitted_at,
        lowest,
        highest,
        unlimited,
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


def _clipped(market: Market, places: Places, unlimited: Flags) -> _Orders:
    place = market.place_of[market.place]
    buys = market.side_of[market.side] == BUY
    own = np.where(unlimited, np.where(buys, UNBOUNDED, -UNBOUNDED), market.price)
    price = np.where(buys, np.minimum(own, places.cap[place]), np.maximum(own, places.floor[place]))
    price = np.where((price == -UNBOUNDED) & _joined(market)[place], 0, price)
    return _Orders(place, buys, price, np.abs(price) < UNBOUNDED)


def _joined(market: Market) -> Flags:
    """Tell which places some link names."""
    joined = np.zeros(market.places, np.bool_)
    joined[market.link_source] = joined[market.link_target] = True
    return joined


def _refuse_unbounded(market: Market, places: Places, orders: _Orders, table: Table) -> None:
    unbounded = np.flatnonzero(~orders.limited & _joined(market)[orders.place])
    if unbounded.size:
        row = int(unbounded[0])
        raise table.refusal(
            Code.WRONG_TYPE,
            row,
            f"price is missing, and {places.names[orders.place[row]]} is joined by links and has no cap",
            "Give the order a limit, or the place a cap.",
        )


def _beyond(market: Market, places: Places, orders: _Orders) -> Flags:
    floor, cap = places.floor[orders.place], places.cap[orders.place]
    beyond: Flags = np.where(orders.buys, market.price < floor, market.price > cap)
    return beyond


def _alone(
    orders: _Orders, stands: Flags, outside: Outside, reference: Integers, bounds: tuple[Integers, Integers]
) -> _Orders:
    """Give the orders that nothing bounds so far a limit one tenge beyond all others at their place, if there are any.

    Where there are none, they meet at the reference price, or stand outside without one. The published price stays
    within the limits of the others: `bounds` is narrowed to them.
    """
    lowest, highest = bounds
    least = np.where(outside.export_price > -UNBOUNDED, outside.export_price, outside.import_price)
    most = np.where(outside.import_price < UNBOUNDED, outside.import_price, outside.export_price)
    known = orders.limited & stands
    np.minimum.at(least, orders.place[known], orders.price[known])
    np.maximum.at(most, orders.place[known], orders.price[known])
    alone = most == -UNBOUNDED
    meeting = np.clip(reference, lowest, highest)
    at_bid, at_offer = np.where(alone, meeting, most + 1), np.where(alone, meeting, np.maximum(least - 1, 0))
    unbounded = ~orders.limited
    bids, offers = np.unique(orders.place[unbounded & orders.buys]), np.unique(orders.place[unbounded & ~orders.buys])
    highest[bids] = np.where(alone[bids], highest[bids], np.minimum(highest[bids], most[bids]))
    lowest[offers] = np.where(alone[offers], lowest[offers], np.maximum(lowest[offers], least[offers]))
    price = np.where(unbounded, np.where(orders.buys, at_bid[orders.place], at_offer[orders.place]), orders.price)
    refers = ~alone | (reference >= 0)
    return orders._replace(price=price, limited=orders.limited | refers[orders.place])
