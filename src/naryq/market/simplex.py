"""Optimal prices of large networks: curves from the orders, the network simplex over them, and where orders stand."""

import numpy as np

from naryq.market import simplex_kernels
from naryq.market.kernels import BUY, Integers
from naryq.market.network import Standing
from naryq.market.passes import Market
from naryq.market.simplex_kernels import Network


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

    A bid for one lot just below all limits and an offer of one just above are added at each place. Neither can trade
    for a gain, and they join every place with the hub and bound its price.
    """
    everywhere = np.arange(market.places)
    here = market.place_of[market.place]
    place = np.concatenate([everywhere, here, everywhere])
    price = np.concatenate([np.full(market.places, lowest - 1), market.price, np.full(market.places, highest + 1)])
    one = np.ones(market.places, np.int64)
    quantity = np.concatenate([one, market.quantity, one])
    key = place * (highest - lowest + 3) + (price - lowest + 1)
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    lots = np.add.reduceat(quantity[order], first)
    start = np.searchsorted(place[order][first], np.arange(market.places + 1))
    taken = one.copy()
    bids = market.side_of[market.side] == BUY
    np.add.at(taken, here[bids], market.quantity[bids])
    network = Network(
        market.link_source, market.link_target, market.capacity, market.tariff, start, price[order][first], lots
    )
    return network, taken
