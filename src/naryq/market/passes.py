"""A market as arrays, and the passes over its orders: the only work that grows with their number.

Each thread takes a run of neighbouring rows and tables of its own; the tables are then added. Sums of integers do
not depend on how the rows were parted, so neither does any result.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numba
import numpy as np

from naryq.market import kernels, one_place_kernels
from naryq.market.kernels import Codes, Integers
from naryq.units import INT64_MAX

SIDES: Final = 2
"""The passes for one place are for so many codes of sides at most: a table may know more words than two."""
THREADED_ROWS: Final = 200_000
"""Below this many orders a second thread costs more than it saves."""


class Outside(NamedTuple):
    """The price of each place at which gas is had from outside without limit, and the one at which it is sold there.

    Where there is none, the first lies above all prices and the second below.
    """

    import_price: Integers
    export_price: Integers


class Market(NamedTuple):
    """A market as arrays: codes and their meaning, limit prices, quantities, and links between numbered places.

    Every link runs one way; the last ones are the ways back of the caller's links in the rows `back`.
    """

    places: int
    place: Codes
    side: Codes
    place_of: Integers
    side_of: Integers
    price: Integers
    quantity: Integers
    link_source: Integers
    link_target: Integers
    capacity: Integers
    tariff: Integers
    back: Integers = np.empty(0, np.int64)
    outside: Outside | None = None


class Survey(NamedTuple):
    """What one look at the orders says of them all: the codes in use, the extremes, and the lots in all."""

    places: Integers
    sides: Integers
    lowest_price: int
    highest_price: int
    lowest_quantity: int
    highest_quantity: int
    lots: int


class Passes:
    """The passes over the orders, parted among threads; each thread has tables of its own, which are then added."""

    def __init__(self, market: Market, pool: ThreadPoolExecutor | None, parts: int) -> None:
        """Part the rows into as many runs of neighbours as there are threads."""
        self.market = market
        self._pool = pool
        rows = market.price.shape[0]
        self._alone = market.places == 1 and market.side_of.shape[0] <= SIDES
        self._runs = [slice(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]

    def _over_runs(self, work: Callable[[slice], Any]) -> list[Any]:
        if self._pool is None:
            return [work(run) for run in self._runs]
        return list(self._pool.map(work, self._runs))

    def survey(self) -> Survey:
        """Find the codes in use, the extremes and the lots in all (which may have wrapped where they pass 2**63)."""
        market = self.market
        places, sides = np.zeros_like(market.place_of), np.zeros_like(market.side_of)

        def work(run: slice) -> tuple[Integers, int]:
            extremes = np.array([INT64_MAX, -INT64_MAX, INT64_MAX, -INT64_MAX], np.int64)
            columns = (market.place[run], market.side[run], market.price[run], market.quantity[run])
            return extremes, kernels.survey(*columns, places, sides, extremes)

        parts = self._over_runs(work)
        extremes = np.array([part[0] for part in parts])
        least, most = extremes.min(axis=0).tolist(), extremes.max(axis=0).tolist()
        return Survey(places, sides, least[0], most[1], least[2], most[3], sum(part[1] for part in parts))

    def histogram(self, low: Integers, shift: int, buckets: int) -> Integers:
        """Sum the quantities by place, side and price bucket within the windows."""
        market = self.market
        low_of = low[market.place_of]

        def work(run: slice) -> Integers:
            table = np.zeros((market.places, 2, buckets), np.int64)
            if self._alone:
                one_place_kernels.histogram_of_one(*self._columns(run)[1:], market.side_of, low[0], shift, table[0])
                return table
            kernels.histogram(*self._columns(run), market.place_of, market.side_of, low_of, shift, table)
            return table

        return _sum(self._over_runs(work))

    def lots_below(self, low: Integers) -> Integers:
        """Sum the quantities under the windows by place and side."""
        market = self.market
        low_of = low[market.place_of]

        def work(run: slice) -> Integers:
            below = np.zeros((market.places, 2), np.int64)
            kernels.lots_below(*self._columns(run), market.place_of, market.side_of, low_of, below)
            return below

        return _sum(self._over_runs(work))

    def fill_inside(self, at: Integers) -> tuple[Integers, int, int]:
        """Fill what is better than the price of its place and mark what is at it; also the surplus and the marks."""
        market = self.market
        fills = np.empty(market.price.shape[0], np.int64)
        at_of = at[market.place_of]
        sign_of = 1 - 2 * market.side_of

        def work(run: slice) -> tuple[np.int64, np.int64]:
            if self._alone:
                return one_place_kernels.fill_of_one(*self._columns(run)[1:], sign_of, at[0], fills[run])
            return kernels.fill_inside(*self._columns(run), sign_of, at_of, fills[run])

        parts = self._over_runs(work)
        return fills, sum(int(part[0]) for part in parts), sum(int(part[1]) for part in parts)

    def neighbours(self, at: Integers, floor: int, ceiling: int) -> tuple[Integers, Integers]:
        """Find the order prices next below and next above the price of each place, or the floor and ceiling."""
        market = self.market

        def work(run: slice) -> tuple[Integers, Integers]:
            below, above = np.full_like(at, floor), np.full_like(at, ceiling)
            kernels.neighbours(market.place[run], market.price[run], market.place_of, at, below, above)
            return below, above

        parts = self._over_runs(work)
        return np.max([part[0] for part in parts], axis=0), np.min([part[1] for part in parts], axis=0)

    def _columns(self, run: slice) -> tuple[Codes, Codes, Integers, Integers]:
        market = self.market
        return market.place[run], market.side[run], market.price[run], market.quantity[run]


def _sum(tables: list[Integers]) -> Integers:
    total = tables[0]
    for table in tables[1:]:
        total += table
    return total


@contextmanager
def passes_over(market: Market) -> Iterator[Passes]:
    """Give the passes over a market's orders, on as many threads as there are processors where that pays."""
    parts = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined] # Numba makes it at run time
    if market.price.shape[0] < THREADED_ROWS or parts == 1:
        yield Passes(market, None, 1)
        return
    with ThreadPoolExecutor(parts) as pool:
        yield Passes(market, pool, parts)
