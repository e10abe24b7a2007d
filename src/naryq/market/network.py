"""The network auction: uniform prices for places joined by links, exact in integers.

Welfare is what buyers bid less what sellers ask less what transport costs. Its dual in the prices is
L-natural-convex, so a price vector from which no set of places gains by one tenge up or down is optimal
(Murota, Discrete Convex Analysis, 2003, theorem 7.14). docs/explanation/network-auction.md gives the argument.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from naryq.market import kernels
from naryq.market.kernels import BUY, INSIDE, MARGINAL, SELL, Codes, Integers
from naryq.units import INT64_MAX

THREADED_ROWS: Final = 200_000
"""Below this many orders a second thread costs more than it saves."""
FEWEST_BITS: Final = 6
MOST_BITS: Final = 10
"""A window has between 2**6 and 2**10 buckets, so that the tables of all places stay in the processor's cache."""
TABLE_CELLS: Final = 2**17
NEIGHBOURING_BUCKETS: Final = 2
"""A window reaches this many buckets of the coarser level to either side of the coarser optimum."""


class Market(NamedTuple):
    """A market as arrays: codes and their meaning, limit prices, quantities, and links between numbered places."""

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


class Totals(NamedTuple):
    """What one pass over the orders says of them all: quantities by place and side, and the extremes."""

    by_side: Integers
    lowest_price: int
    highest_price: int
    lowest_quantity: int
    highest_quantity: int


class Standing(NamedTuple):
    """Where the orders stand at given prices: quantities by place, side and standing, and the fills so far."""

    lots: Integers
    surplus: int
    undecided: int
    fills: Integers


class Trade(NamedTuple):
    """What trades at optimal prices: the margins of each place (lots), and the flow on each link (lots)."""

    margin_sold: Integers
    margin_bought: Integers
    flow: Integers


class Passes:
    """The passes over the orders, parted among threads; each thread has tables of its own, which are then added."""

    def __init__(self, market: Market, pool: ThreadPoolExecutor | None, parts: int) -> None:
        """Part the rows into as many runs of neighbours as there are threads."""
        self.market = market
        self._pool = pool
        rows = market.price.shape[0]
        self._runs = [slice(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]

    def _over_runs(self, work: Callable[[slice], Any]) -> list[Any]:
        if self._pool is None:
            return [work(run) for run in self._runs]
        return list(self._pool.map(work, self._runs))

    def survey(self) -> Totals:
        """Sum quantities by place and side (the third side is an unknown word) and find the extremes."""
        market = self.market

        def work(run: slice) -> tuple[Integers, Integers]:
            totals = np.zeros((market.places, 3), np.int64)
            extremes = np.array([INT64_MAX, -INT64_MAX, INT64_MAX, -INT64_MAX], np.int64)
            kernels.survey(
                market.place[run],
                market.side[run],
                market.price[run],
                market.quantity[run],
                market.place_of,
                market.side_of,
                totals,
                extremes,
            )
            return totals, extremes

        parts = self._over_runs(work)
        extremes = np.array([part[1] for part in parts])
        least, most = extremes.min(axis=0).tolist(), extremes.max(axis=0).tolist()
        return Totals(_sum([part[0] for part in parts]), least[0], most[1], least[2], most[3])

    def histogram(self, low: Integers, shift: int, buckets: int) -> Integers:
        """Sum the quantities by place and price bucket; the first and last column take what lies outside."""
        market = self.market

        def work(run: slice) -> Integers:
            table = np.zeros((market.places, buckets + 2), np.int64)
            kernels.histogram(
                market.place[run], market.price[run], market.quantity[run], market.place_of, low, shift, table
            )
            return table

        return _sum(self._over_runs(work))

    def classify(self, at: Integers) -> Standing:
        """Fill what is better than the price of its place, and mark what is at it."""
        market = self.market
        fills = np.empty(market.price.shape[0], np.int64)

        def work(run: slice) -> tuple[Integers, int, int]:
            lots = np.zeros((2 * market.places, 3), np.int64)
            surplus, undecided = kernels.classify(
                market.place[run],
                market.side[run],
                market.price[run],
                market.quantity[run],
                market.place_of,
                market.side_of,
                at,
                lots,
                fills[run],
            )
            return lots, surplus, undecided

        parts = self._over_runs(work)
        lots = _sum([part[0] for part in parts]).reshape(market.places, 2, 3)
        return Standing(lots, sum(part[1] for part in parts), sum(part[2] for part in parts), fills)

    def neighbours(self, at: Integers, floor: int, ceiling: int) -> tuple[Integers, Integers]:
        """Find the order prices next below and next above the price of each place, or the floor and ceiling."""
        market = self.market

        def work(run: slice) -> tuple[Integers, Integers]:
            below, above = np.full_like(at, floor), np.full_like(at, ceiling)
            kernels.neighbours(market.place[run], market.price[run], market.place_of, at, below, above)
            return below, above

        parts = self._over_runs(work)
        return np.max([part[0] for part in parts], axis=0), np.min([part[1] for part in parts], axis=0)


def _sum(tables: list[Integers]) -> Integers:
    total = tables[0]
    for table in tables[1:]:
        total += table
    return total


@contextmanager
def passes_over(market: Market) -> Iterator[Passes]:
    """Give the passes over a market's orders, on as many threads as there are processors where that pays."""
    parts = numba.config.NUMBA_NUM_THREADS
    if market.price.shape[0] < THREADED_ROWS or parts == 1:
        yield Passes(market, None, 1)
        return
    with ThreadPoolExecutor(parts) as pool:
        yield Passes(market, pool, parts)


# --- Prices -------------------------------------------------------------------------------------------------------


def optimal_prices(passes: Passes, totals: Totals) -> Integers:
    """Find one optimal price vector by zooming in: coarse buckets first, then ever finer ones around the optimum.

    A coarse level only says where to look. The last level has one tenge to a bucket and is exact within its
    windows; an optimum that lies strictly inside them is an optimum of the whole (see the explanation). A window
    whose edge the optimum touches is moved and the level repeated, unless the edge is the lowest or the highest
    limit price in the market, beyond which no price can be better.
    """
    market = passes.market
    bits = _bucket_bits(market.places, market.price.shape[0])
    lowest, highest = totals.lowest_price, totals.highest_price
    shift = max(0, (highest - lowest).bit_length() - bits)
    low = np.full(market.places, lowest, np.int64)
    at = np.full(market.places, (highest - lowest) >> (shift + 1), np.int64)
    step = 1 << (bits - 1)
    while True:
        table = passes.histogram(low, shift, 1 << bits)
        first = np.maximum(0, (lowest - low) >> shift)
        last = np.minimum((1 << bits) - 1, (highest - low) >> shift)
        _descend(market, totals, table, first, last, low, shift, step, at)
        price = low + (at << shift)
        touching = ((at == first) & (price > lowest)) | ((at == last) & (price + (1 << shift) <= highest))
        if touching.any():
            low = np.where(touching, price - (1 << (bits - 1 + shift)), low)
        elif shift == 0:
            return price
        else:
            middle = price + (1 << (shift - 1))
            shift = max(0, shift - bits + NEIGHBOURING_BUCKETS)
            low = middle - (1 << (bits - 1 + shift))
            price = np.minimum(middle, highest)
            step = 1 << (bits - NEIGHBOURING_BUCKETS - 1)
        at = (price - low) >> shift


def _bucket_bits(places: int, rows: int) -> int:
    cells = min(TABLE_CELLS, 4 * rows) // places
    return max(FEWEST_BITS, min(MOST_BITS, cells.bit_length() - 1))


def _descend(
    market: Market,
    totals: Totals,
    table: Integers,
    first: Integers,
    last: Integers,
    low: Integers,
    shift: int,
    step: int,
    at: Integers,
) -> None:
    source, target = market.link_source, market.link_target
    offset = (market.tariff + low[source] - low[target]) >> shift
    bought = np.ascontiguousarray(totals.by_side[:, BUY])
    largest = _largest_step(market, totals)
    while step > largest:
        step //= 2
    kernels.descend(table, bought, first, last, source, target, market.capacity, offset, step, at)


def _largest_step(market: Market, totals: Totals) -> int:
    """Bound a step so that no sum in a cut problem can pass 2**62."""
    return 2**62 // ((market.link_source.shape[0] + 2) * int(totals.by_side.sum()))


# --- Trade at those prices ----------------------------------------------------------------------------------------


def trade_at(market: Market, at: Integers, standing: Standing) -> Trade:
    """Find the flow and how much of each margin trades at optimal prices: among all that are optimal, the most.

    A link whose target is dearer than its source by more than the tariff is full, one by less is empty, and one
    by just the tariff carries what the margins need.
    """
    source, target = market.link_source, market.link_target
    gap = at[target] - at[source] - market.tariff
    flow = np.where(gap > 0, market.capacity, 0)
    lots = standing.lots
    excess = lots[:, SELL, INSIDE] - lots[:, BUY, INSIDE]
    np.subtract.at(excess, source, flow)
    np.add.at(excess, target, flow)
    sold, bought, tied = np.empty_like(at), np.empty_like(at), np.empty_like(flow)
    feasible = kernels.balance(
        excess,
        lots[:, SELL, MARGINAL].copy(),
        lots[:, BUY, MARGINAL].copy(),
        source,
        target,
        np.where(gap == 0, market.capacity, 0),
        sold,
        bought,
        tied,
    )
    assert feasible, "optimal prices always have a feasible flow"
    return Trade(sold, bought, without_circles(market, flow + tied))


def without_circles(market: Market, flow: Integers) -> Integers:
    """Take out what free links carry in a circle: nobody gains by it, and it would use up capacity."""
    free = [int(link) for link in np.flatnonzero((market.tariff == 0) & (flow > 0))]
    sources, targets = market.link_source.tolist(), market.link_target.tolist()
    carried = {link: int(flow[link]) for link in free}
    for link in free:
        while carried[link]:
            circle = _way_back(targets[link], sources[link], carried, sources, targets)
            if circle is None:
                break
            amount = min(carried[link], *(carried[other] for other in circle))
            for other in (link, *circle):
                carried[other] -= amount
    result = flow.copy()
    result[free] = [carried[link] for link in free]
    return result


def _way_back(
    start: int, end: int, carried: dict[int, int], sources: list[int], targets: list[int]
) -> list[int] | None:
    """Find links that carry something, one after another, from one place to another."""
    came_by: dict[int, int] = {}
    waiting = [start]
    while waiting:
        place = waiting.pop()
        for link, lots in carried.items():
            following = targets[link]
            if not lots or sources[link] != place or following in came_by or following == start:
                continue
            came_by[following] = link
            waiting.append(following)
    if end not in came_by:
        return None
    links = []
    while end != start:
        links.append(came_by[end])
        end = sources[came_by[end]]
    return links


# --- The lattice of optimal prices --------------------------------------------------------------------------------


class Lattice:
    """All optimal price vectors: bounds for each place, and bounds between the two ends of a link.

    They follow from any one optimal trade by complementary slackness. A bound of -1 below means that nobody would
    pay anything for one lot more there; a bound above the highest limit price means that no bid could buy one.
    """

    def __init__(self, market: Market, at: Integers, standing: Standing, trade: Trade, passes: Passes, top: int) -> None:
        """Derive the bounds from a trade; `top` is the highest limit price of all orders."""
        lots = standing.lots
        may_rise = (trade.margin_sold == lots[:, SELL, MARGINAL]) & (trade.margin_bought == 0)
        may_fall = (trade.margin_sold == 0) & (trade.margin_bought == lots[:, BUY, MARGINAL])
        below, above = passes.neighbours(at, -1, top + 1)
        self._least = np.where(may_fall, below, at)
        self._most = np.where(may_rise, above, at)
        source, target = market.link_source, market.link_target
        open_links, used = trade.flow < market.capacity, trade.flow > 0
        self._before = np.concatenate([source[open_links], target[used]])
        self._after = np.concatenate([target[open_links], source[used]])
        self._distance = np.concatenate([market.tariff[open_links], -market.tariff[used]])
        self.lowest = self._lowest_above(self._least)
        self.highest = self._highest_below(self._most)
        self.open_below = self.lowest < 0
        self.open_above = self.highest > top

    def _highest_below(self, bound: Integers) -> Integers:
        prices = bound.copy()
        kernels.lower_to(prices, self._before, self._after, self._distance)
        return prices

    def _lowest_above(self, bound: Integers) -> Integers:
        prices = bound.copy()
        kernels.raise_to(prices, self._before, self._after, self._distance)
        return prices

    def middle(self) -> Integers:
        """Return half the sum of the lowest and the highest vector, rounded down: optimal, by midpoint convexity."""
        return (self.lowest + self.highest) >> 1

    def below_reference(self, reference: Integers) -> Integers:
        """Return the highest optimal vector that nowhere exceeds the reference, or the lowest where that is higher."""
        return self._highest_below(np.minimum(self._most, np.maximum(reference, self.lowest)))

    def closed(self, prices: Integers) -> Integers:
        """Keep a vector where it is bounded on both sides, and take the bounded end of what is open on one.

        Where nobody would pay for one lot more, the price is the most that it could be; where no bid could buy
        one, the least.
        """
        bounded = ~self.open_below & ~self.open_above
        raised = self._highest_below(np.where(bounded, prices, self._most))
        return self._lowest_above(np.where(self.open_above, self._least, raised))


def dual_value(market: Market, at: Integers, standing: Standing, prices: Integers) -> int:
    """Return the dual function at published prices: the surplus of all orders and the rent of all links."""
    lots = standing.lots
    right = lots[:, SELL, INSIDE] + lots[:, SELL, MARGINAL] - lots[:, BUY, INSIDE]
    left = lots[:, SELL, INSIDE] - lots[:, BUY, INSIDE] - lots[:, BUY, MARGINAL]
    moved = prices - at
    slope = np.where(moved > 0, right, left)
    gap = prices[market.link_target] - prices[market.link_source] - market.tariff
    return standing.surplus + int((moved * slope).sum()) + int((np.maximum(gap, 0) * market.capacity).sum())


def welfare(market: Market, at: Integers, standing: Standing, trade: Trade) -> int:
    """Return what the filled bids are worth, less what the filled offers ask, less what the transport costs."""
    lots = standing.lots
    bought = lots[:, BUY, INSIDE] + trade.margin_bought
    sold = lots[:, SELL, INSIDE] + trade.margin_sold
    return standing.surplus + int((at * (bought - sold)).sum()) - int((trade.flow * market.tariff).sum())


def share_margins(
    standing: Standing, trade: Trade, market: Market, submitted_at: npt.NDArray[np.int64] | None, tie: str
) -> None:
    """Write the fills of the orders at the margin: all, none, or by the tie rule where the margin trades in part."""
    if not standing.undecided:
        return
    fills = standing.fills
    rows = np.empty(standing.undecided, np.int64)
    kernels.undecided_rows(fills, rows)
    group = 2 * market.place_of[market.place[rows]] + market.side_of[market.side[rows]]
    quantity = market.quantity[rows]
    offered = standing.lots[:, :, MARGINAL].ravel()
    traded = np.stack([trade.margin_bought, trade.margin_sold], axis=1).ravel()
    fills[rows] = np.where((traded == offered)[group], quantity, 0)
    for partial in np.flatnonzero((traded > 0) & (traded < offered)):
        members = rows[group == partial]
        if submitted_at is not None:
            members = members[np.argsort(submitted_at[members], kind="stable")]
        share = in_turn if tie == "time" else pro_rata
        fills[members] = share(int(traded[partial]), market.quantity[members])


def in_turn(total: int, quantity: Integers) -> Integers:
    """Give each what it asks for, in the order given, until nothing is left.

    >>> in_turn(5, np.array([3, 3, 3])).tolist()
    [3, 2, 0]
    """
    before = np.cumsum(quantity) - quantity
    return np.clip(total - before, 0, quantity)


def pro_rata(total: int, quantity: Integers) -> Integers:
    """Share out in proportion by the largest remainder; equal remainders favour the earlier.

    >>> pro_rata(5, np.array([3, 3, 3])).tolist()
    [2, 2, 1]
    """
    weight = int(quantity.sum())
    exact = quantity if total * int(quantity.max()) <= INT64_MAX else quantity.astype(object)
    shares, remainders = exact * total // weight, exact * total % weight
    left = total - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:left]] += 1
    return shares.astype(np.int64)
