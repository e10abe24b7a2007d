"""Small markets, one or thousands of them, each cleared whole by compiled code: what a market costs is its own size.

The ordinary way (naryq.market.auction) goes through tables of prices and a dozen arrays, which pays for many orders.
For few, handing arrays about takes longer than the work. Here three kernels do all of it, market after market: curves,
prices and trade by the network simplex, and what follows from them. Prices, fills and values are those of the ordinary
way; a market whose tied orders at several places compete with each other is left to it.
"""

from typing import Final

import numpy as np

from naryq.market import simplex_kernels, small_kernels
from naryq.market.kernels import Integers
from naryq.market.passes import Market
from naryq.market.simplex_kernels import Network
from naryq.market.small_kernels import BY_TIME, HIGHEST, LOWEST, MIDDLE, PRO_RATA, REFERENCE, Markets, Settled, Trades
from naryq.units import INT64_MAX

SMALL: Final = 4_096
"""A small market has at most so many orders, places and links together."""
TIES: Final = ("time", "pro_rata")
PRICE_RULES: Final = ("lowest", "middle", "highest", "reference")
"""By the numbers that `small_kernels` has for them."""
assert (BY_TIME, PRO_RATA) == (0, 1)
assert (LOWEST, MIDDLE, HIGHEST, REFERENCE) == (0, 1, 2, 3)


def is_small(market: Market, price_rule: str) -> bool:
    """Tell whether a market is one of these: small, by no venue's rule, no place outside and no order of no lots."""
    size = market.price.shape[0] + market.places + market.link_source.shape[0]
    plain = price_rule in PRICE_RULES and market.outside is None
    return size <= SMALL and plain and bool(market.quantity.all()) and fits(market.tariff, market.places)


def fits(tariff: Integers, places: int) -> bool:
    """Tell whether doubled prices fit 64 bits on the way, where they may be as far apart as all tariffs of a path."""
    return places * (int(tariff.max(initial=0)) + 10**12 + 3) < INT64_MAX // 8


def alone(market: Market, submitted_at: Integers | None) -> Markets:
    """Make a row of one market."""
    rows, links = market.price.shape[0], market.link_source.shape[0]
    return Markets(
        np.array([0, rows]),
        np.array([0, market.places]),
        np.array([0, links]),
        market.place_of[market.place],
        market.side_of[market.side],
        market.price.astype(np.int64),
        market.quantity.astype(np.int64),
        np.arange(rows) if submitted_at is None else submitted_at.astype(np.int64),
        market.link_source,
        market.link_target,
        market.capacity,
        market.tariff,
    )


def settled(markets: Markets, tie: str, price_rule: str, reference: Integers) -> tuple[Settled, Integers]:
    """Clear markets that stand one after another; also the flow on each link."""
    rows, places, links = markets.here.size, int(markets.place[-1]), markets.source.size
    count = markets.row.size - 1
    curves = Network(
        markets.source,
        markets.target,
        markets.capacity,
        2 * markets.tariff,
        *(np.empty(size, np.int64) for size in (places + count, rows + 2 * places, rows + 2 * places)),
    )
    taken = np.empty(places, np.int64)
    small_kernels.draw_each(markets, curves.start, curves.limit, curves.lots, taken)
    trades = Trades(*(np.empty(size, np.int64) for size in (places, places, links)))
    simplex_kernels.best_trades(markets.place, markets.link, markets.row + 2 * markets.place, curves, taken, *trades)
    found = empty(rows, places, count)
    small_kernels.settle_each(markets, trades, (TIES.index(tie), PRICE_RULES.index(price_rule)), reference, found)
    assert not (found.state == small_kernels.BROKEN).any(), "every market has a trade and prices that prove it"
    return found, trades.flow


def empty(rows: int, places: int, count: int) -> Settled:
    """Make room for what is found for some markets."""
    prices, lowest, highest, bought, sold = np.empty((5, places), np.int64)
    welfare, dual_value, state = np.empty((3, count), np.int64)
    determined, fills = np.empty(places, np.bool_), np.empty(rows, np.int64)
    return Settled(prices, lowest, highest, determined, bought, sold, fills, welfare, dual_value, state)
