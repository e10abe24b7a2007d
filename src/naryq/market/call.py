"""The price of a call auction by the venues' own rules, from two ladders of limits and quantities.

Of all limits in the book a venue takes the one at which the most trades; of these, the one that leaves the least
over; of these, the highest where bids are left over at all of them and the lowest where offers are; and then the
reference price decides. docs/reference/call-auction.md gives the rules as mathematics, with their sources.

>>> bids, asks = Ladder([202, 201], [300, 200]), Ladder([198, 199], [200, 300])
>>> uncrossing(bids, asks, "xetra", 200)
Uncrossing(price=201, volume=500, surplus=0, decided_by=<Decision.REFERENCE: 'reference'>)
>>> uncrossing(bids, asks, "euronext", 200).price
200
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from naryq.market.kernels import Integers

VENUE_RULES: Final = ("xetra", "euronext", "last_accepted_sell")
REFERRING_RULES: Final = ("xetra", "euronext")
"""The rules of venues in which a reference price may decide."""


class Decision(StrEnum):
    """Which step of a rule left one price."""

    NOTHING = "nothing"
    """Nothing is executable, and there is no price."""
    VOLUME = "volume"
    SURPLUS = "surplus"
    PRESSURE = "pressure"
    REFERENCE = "reference"
    NO_REFERENCE = "no_reference"
    """The reference price should decide, and there is none: the higher limit, or the middle if the rule may take it."""
    MARKET_ORDERS = "market_orders"
    """Only market orders meet: the reference price, if there is one."""
    LAST_ACCEPTED_SELL = "last_accepted_sell"
    BID_LEFT_SHORT = "bid_left_short"
    """The last accepted sell order asks less than a bid that is left short, whose limit is the price."""
    LOWEST_LIMIT = "lowest_limit"
    """Whoever sells takes any price and no bid is left short: nothing but the lowest limit in the book bounds it."""


class Ladder(NamedTuple):
    """One side of the book: limits and the quantity at each (in any order), and the quantity of market orders."""

    price: Sequence[int] | Integers = ()
    quantity: Sequence[int] | Integers = ()
    market: int = 0


class Uncrossing(NamedTuple):
    """The price of a call auction, what trades at it, and why.

    Attributes:
        price: None when nothing is executable, or only market orders are and there is no reference price.
        volume: What is executable at the price.
        surplus: What is left over at the price: positive for bids, negative for offers.
        decided_by: The step of the rule that left one price.
    """

    price: int | None
    volume: int
    surplus: int
    decided_by: Decision


def uncrossing(bids: Ladder, asks: Ladder, rule: str, reference: int | None = None, *, tick: int = 1) -> Uncrossing:
    """Find the price of a call auction by a venue's rule.

    Args:
        bids: What buyers want.
        asks: What sellers offer.
        rule: `xetra`, `euronext` or `last_accepted_sell`.
        reference: The reference price, a multiple of the tick; None where there is none.
        tick: Every limit is a multiple of it; it rounds the middle that `euronext` takes without a reference.

    >>> uncrossing(Ladder(market=900), Ladder(market=800), "xetra", 250)
    Uncrossing(price=250, volume=800, surplus=100, decided_by=<Decision.MARKET_ORDERS: 'market_orders'>)
    """
    curves = _Curves.of(bids, asks)
    volume = int(curves.volume.max()) if curves.limits.size else min(bids.market, asks.market)
    if not volume:
        return Uncrossing(None, 0, 0, Decision.NOTHING)
    if not curves.limits.size:
        return Uncrossing(reference, volume, bids.market - asks.market, Decision.MARKET_ORDERS)
    if rule == "last_accepted_sell":
        price, decided = _last_accepted_sell(curves, volume, bids, asks)
    else:
        price, decided = _by_steps(curves, rule, reference, tick)
    return Uncrossing(price, volume, curves.surplus_at(price), decided)


class _Curves(NamedTuple):
    """Demand and supply at every limit in the book, rising."""

    bids: Ladder
    asks: Ladder
    limits: Integers
    demand: Integers
    supply: Integers

    @staticmethod
    def of(bids: Ladder, asks: Ladder) -> "_Curves":
        limits = np.union1d(np.asarray(bids.price, np.int64), np.asarray(asks.price, np.int64))
        return _Curves(bids, asks, limits, _demand(bids, limits), _supply(asks, limits))

    @property
    def volume(self) -> Integers:
        least: Integers = np.minimum(self.demand, self.supply)
        return least

    def surplus_at(self, price: int) -> int:
        at = np.array([price], np.int64)
        return int(_demand(self.bids, at)[0] - _supply(self.asks, at)[0])


def _demand(bids: Ladder, at: Integers) -> Integers:
    """What buyers take at each price: market orders, and all whose limit is not below it."""
    price, before = _cumulated(bids)
    demand: Integers = bids.market + before[-1] - before[np.searchsorted(price, at, "left")]
    return demand


def _supply(asks: Ladder, at: Integers) -> Integers:
    """What sellers give at each price: market orders, and all whose limit is not above it."""
    price, before = _cumulated(asks)
    supply: Integers = asks.market + before[np.searchsorted(price, at, "right")]
    return supply


def _cumulated(ladder: Ladder) -> tuple[Integers, Integers]:
    """Sort a side by its limits; the sums start with zero, so that sum k is what stands before limit k."""
    price, quantity = np.asarray(ladder.price, np.int64), np.asarray(ladder.quantity, np.int64)
    order = np.argsort(price, kind="stable")
    return price[order], np.concatenate([[0], np.cumsum(quantity[order])])


def _by_steps(curves: _Curves, rule: str, reference: int | None, tick: int) -> tuple[int, Decision]:
    """Leave out limits step by step: the most volume, the least surplus, market pressure, the reference price."""
    surplus = curves.demand - curves.supply
    kept = np.flatnonzero(curves.volume == curves.volume.max())
    if kept.size == 1:
        return int(curves.limits[kept[0]]), Decision.VOLUME
    left = np.abs(surplus[kept])
    kept = kept[left == left.min()]
    if kept.size == 1:
        return int(curves.limits[kept[0]]), Decision.SURPLUS
    limits, surplus = curves.limits[kept], surplus[kept]
    if (surplus > 0).all():
        return int(limits[-1]), Decision.PRESSURE
    if (surplus < 0).all():
        return int(limits[0]), Decision.PRESSURE
    # Surplus falls as the price rises: first limits with a bid surplus (or none), then limits with an ask surplus.
    low = int(limits[surplus > 0][-1] if surplus[0] else limits[0])
    high = int(limits[surplus < 0][0] if surplus[0] else limits[-1])
    decided = Decision.NO_REFERENCE if reference is None else Decision.REFERENCE
    return between(low, high, rule, reference, tick), decided


def between(low: int, high: int, rule: str, reference: int | None, tick: int = 1) -> int:
    """Let the reference price decide between two limits that all other steps leave equal.

    >>> between(199, 201, "xetra", 200), between(199, 201, "euronext", 200), between(199, 201, "euronext", 150)
    (201, 200, 199)
    """
    if rule == "xetra":
        return low if reference is not None and reference - low < high - reference else high
    if reference is None:
        middle = (low + high) // 2
        return middle - middle % tick
    return min(max(reference, low), high)


def _last_accepted_sell(curves: _Curves, volume: int, bids: Ladder, asks: Ladder) -> tuple[int, Decision]:
    """Take the limit of the last sell order accepted, or that of a bid left short where it is higher.

    Sell orders are accepted from the cheapest, bids from the dearest, market orders before all others.
    """
    price, before = _cumulated(asks)
    accepted = price[asks.market + before[:-1] < volume]
    limits = np.unique(np.asarray(bids.price, np.int64))
    short = limits[_demand(bids, limits) > volume]
    if short.size and (not accepted.size or short[-1] > accepted[-1]):
        return int(short[-1]), Decision.BID_LEFT_SHORT
    if accepted.size:
        return int(accepted[-1]), Decision.LAST_ACCEPTED_SELL
    return int(curves.limits[0]), Decision.LOWEST_LIMIT
