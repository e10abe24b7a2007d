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

SIDES: Final = ((0,), (1,), (0, 1), (1, 0))
"""The passes for one place are for one or two codes of sides: a table may know more words, or two words for one."""
BUCKETS: Final = 1_024
"""So many buckets of prices say where the orders of one place cross, and so many again near it."""
SHARE: Final = 8
"""Of the orders of one place, so many times fewer at most may stand near the crossing: to narrow must be worth it."""
NOTHING_SEEN: Final = (INT64_MAX, -INT64_MAX, INT64_MAX, -INT64_MAX)
"""The lowest and the highest price, then quantity, before an order was seen."""
SIFTED_NONE: Final = (*NOTHING_SEEN, 0, 0, 0, 0, 0)
"""The sums of `one_place_kernels.sift` before an order was seen."""
LISTED: Final = 8
"""The one of these sums that says how many orders are listed."""
APART: Final = 32
"""So many numbers from each other, no two threads write to the same or to neighbouring lines of a cache."""
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


class Window(NamedTuple):
    """Prices from `low` to just below `high`; bucket k of them starts `k << digits` above `low`."""

    low: int
    high: int
    digits: int


class Sifted(NamedTuple):
    """What one look at the orders of one place left behind (`one_place_kernels.sift`): `sums` and a table for each run.

    The orders in the window are `listed`, those of a run from its row of `starts` on. All others have their `fills`.
    """

    fills: Integers
    sums: Integers
    tables: Integers
    listed: Integers
    starts: Integers


class Passes:
    """The passes over the orders, parted among threads; each thread has tables of its own, which are then added."""

    def __init__(self, market: Market, pool: ThreadPoolExecutor | None, parts: int) -> None:
        """Part the rows into as many runs of neighbours as there are threads."""
        self.market = market
        self._pool = pool
        rows = market.price.shape[0]
        self.alone = market.place_of.shape[0] == market.places == 1 and tuple(market.side_of.tolist()) in SIDES
        self._runs = [slice(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]

    def _over_runs(self, work: Callable[[slice], Any]) -> list[Any]:
        """Do the work on every run of rows: on the last one here, on each other one in a thread of its own."""
        if self._pool is None:
            return [work(run) for run in self._runs]
        others = [self._pool.submit(work, run) for run in self._runs[:-1]]
        last = work(self._runs[-1])
        return [*(other.result() for other in others), last]

    def survey(self) -> Survey:
        """Find the codes in use, the extremes and the lots in all (which may have wrapped where they pass 2**63)."""
        market = self.market
        places, sides = np.zeros_like(market.place_of), np.zeros_like(market.side_of)

        def work(run: slice) -> tuple[Integers, int]:
            extremes = np.array(NOTHING_SEEN)
            columns = (market.place[run], market.side[run], market.price[run], market.quantity[run])
            return extremes, kernels.survey(*columns, places, sides, extremes)

        parts = self._over_runs(work)
        extremes = np.array([part[0] for part in parts])
        least, most = extremes.min(axis=0).tolist(), extremes.max(axis=0).tolist()
        return Survey(places, sides, least[0], most[1], least[2], most[3], sum(part[1] for part in parts))

    def sift(self, window: Window) -> Sifted | None:
        """Survey one place, fill what executes for certain if its orders cross in the window, and list those in it.

        None where these are too many for that to be worth it.
        """
        rows, parts = self.market.price.shape[0], len(self._runs)
        starts = [run.start // SHARE + one_place_kernels.BLOCK * part for part, run in enumerate(self._runs)]
        starts.append(rows // SHARE + one_place_kernels.BLOCK * parts)
        fills, listed = np.empty(rows, np.int64), np.empty((starts[-1], 3), np.int64)
        sums, tables = np.empty((parts, APART), np.int64), np.zeros((parts, 2, BUCKETS), np.int64)
        sums[:, : len(SIFTED_NONE)] = SIFTED_NONE
        room, offer = np.empty((parts, one_place_kernels.ROOM + APART), np.int64), offer_code(self.market)

        def work(run: slice) -> None:
            part = self._runs.index(run)
            here = sums[part], listed[starts[part] : starts[part + 1]], tables[part], room[part]
            one_place_kernels.sift(*self._columns(run)[1:], offer, run.start, window, fills[run], *here)

        self._over_runs(work)
        return None if sums[:, LISTED].min() < 0 else Sifted(fills, sums, tables, listed, np.array(starts[:-1]))

    def histogram(self, low: Integers, shift: int, buckets: int) -> Integers:
        """Sum the quantities by place, side and price bucket within the windows."""
        market = self.market
        low_of = low[market.place_of]

        def work(run: slice) -> Integers:
            table = np.zeros((market.places, 2, buckets), np.int64)
            if self.alone:
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

        parts = self._over_runs(lambda run: kernels.fill_inside(*self._columns(run), sign_of, at_of, fills[run]))
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


def offer_code(market: Market) -> Any:
    """Return the code of the offers of one place, in the type of its codes; one that nobody has where nobody sells."""
    return market.side.dtype.type(market.side_of[0] ^ kernels.SELL)


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
    with ThreadPoolExecutor(parts - 1) as pool:
        yield Passes(market, pool, parts)
