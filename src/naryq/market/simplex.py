"""Optimal prices of large networks: curves from the orders, the network simplex over them, and where orders stand."""

from typing import NamedTuple

import numpy as np

from naryq.market import simplex_kernels
from naryq.market.kernels import BUY, Integers
from naryq.market.network import Standing
from naryq.market.outside import WITHOUT_END
from naryq.market.passes import Market
from naryq.market.simplex_kernels import Network


class _End(NamedTuple):
    """What stands at each place below or above all its orders: a limit, and lots."""

    limit: Integers
    lots: Integers


def standing_by_simplex(market: Market, lowest: int, highest: int) -> Standing:
    """Find one optimal price vector by the network simplex, and where the orders stand at it."""
    network, taken = curves(market, lowest, highest)
    prices = np.empty(market.places, np.int64)
    simplex_kernels.best_prices(network, taken, prices)
    # No price beyond all limits is better than the limit itself (see the explanation).
    prices = np.clip(prices, lowest, highest)
    lots = np.zeros((market.places, 2, 3), np.int64)
    below, above = np.full_like(prices, -1), np.full_like(prices, highest + 1)
    simplex_kernels.stand_by_row(
        market.place,
        market.side,
        market.price,
        market.quantity,
        market.place_of,
        market.side_of,
        prices,
        lots,
        below,
        above,
    )
    return Standing(prices, lots, below, above)


def curves(market: Market, lowest: int, highest: int) -> tuple[Network, Integers]:
    """Sort the orders of each place into one curve; also the lots that its bids take in any case.

    A bid is added at each place: at the price of the outside and without end, or for one lot just below all limits; and
    an offer likewise. Those for one lot can never trade for a gain: they join every place with the hub and bound its
    price.
    """
    rows = np.flatnonzero(market.quantity > 0)
    here = market.place_of[market.place[rows]]
    bottom, top = _ends(market, lowest, highest)
    every = np.arange(market.places)
    place = np.concatenate([every, here, every])
    price = np.concatenate([bottom.limit, market.price[rows], top.limit])
    quantity = np.concatenate([bottom.lots, market.quantity[rows], top.lots])
    key = place * (highest - lowest + 3) + (price - lowest + 1)
    order = np.argsort(key)
    key, place, price = key[order], place[order], price[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])[: key.size])
    taken = bottom.lots.copy()
    bids = market.side_of[market.side[rows]] == BUY
    np.add.at(taken, here[bids], market.quantity[rows][bids])
    network = Network(
        market.link_source,
        market.link_target,
        market.capacity,
        market.tariff,
        np.searchsorted(place[first], np.arange(market.places + 1)),
        price[first],
        np.add.reduceat(quantity[order], first),
    )
    return network, taken


def _ends(market: Market, lowest: int, highest: int) -> tuple[_End, _End]:
    low, high = np.full(market.places, lowest - 1), np.full(market.places, highest + 1)
    if market.outside is not None:
        low = np.maximum(low, market.outside.export_price)
        high = np.minimum(high, market.outside.import_price)
    return _End(low, np.where(low < lowest, 1, WITHOUT_END)), _End(high, np.where(high > highest, 1, WITHOUT_END))
