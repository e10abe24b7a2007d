"""The network auction: uniform prices for places joined by links, exact in integers.

Welfare is what buyers bid less what sellers ask less what transport costs. Its dual in the prices is
L-natural-convex, so a price vector from which no set of places gains by one tenge up or down is optimal
(Murota, Discrete Convex Analysis, 2003, theorem 7.14). docs/explanation/network-auction.md gives the argument.
"""

from typing import Final, NamedTuple

import numpy as np

from naryq.market import kernels, outside, turn_kernels
from naryq.market.kernels import BUY, INSIDE, MARGINAL, SELL, Integers
from naryq.market.passes import Market, Passes

FEWEST_BITS: Final = 6
MOST_BITS: Final = 10
"""A window has between 2**6 and 2**10 buckets, so that the tables of all places stay in the processor's cache."""
FEWEST_CELLS: Final = 2**13
MOST_CELLS: Final = 2**17
"""The buckets of all places together: few for few orders, as many as the cache holds for many."""
NEIGHBOURING_BITS: Final = 2
"""A finer window spans 2**2 buckets of the coarser level, around the coarser optimum."""
BEYOND_WINDOW: Final = -2
"""What `kernels.stand` says of a neighbouring price that the window does not show."""


class Window(NamedTuple):
    """The quantities by place, side and price bucket, in a window of prices for each place.

    Bucket k of a place holds the prices from `low + k * 2**shift` to just below the next; `below` has the lots under
    the window by place and side.
    """

    low: Integers
    shift: int
    below: Integers
    table: Integers

    @property
    def buckets(self) -> int:
        """How many buckets each place has."""
        return int(self.table.shape[2])


class Standing(NamedTuple):
    """Where the orders stand at optimal prices: `lots` by place, side and standing, and the prices next to them."""

    at: Integers
    lots: Integers
    below: Integers
    above: Integers


class Trade(NamedTuple):
    """What trades at optimal prices, in lots: the margins of each place, the flow on each link, and the outside.

    `brought` is what comes to each place from outside, below zero what leaves it there; None without an outside.
    """

    margin_sold: Integers
    margin_bought: Integers
    flow: Integers
    brought: Integers | None = None


# --- Prices -------------------------------------------------------------------------------------------------------


def optimal_standing(passes: Passes, lowest: int, highest: int) -> Standing:
    """Find one optimal price vector, and where the orders stand at it, by zooming in.

    Coarse buckets first, then ever finer ones around the optimum. A coarse level only says where to look. The last
    level has one tenge to a bucket and is exact within its windows; an optimum that lies strictly inside them is an
    optimum of the whole (see the explanation). A window whose edge the optimum touches is moved and the level
    repeated, unless the edge is the lowest or the highest limit price in the market, beyond which no price can be
    better, or a price of the outside, beyond which none can be.
    """
    window = _first_window(passes, lowest, highest)
    whole = window.below + window.table.sum(axis=2)
    least, most = _bounds(passes.market, lowest, highest)
    at = (np.clip((lowest + highest) >> 1, least, most) - lowest) >> window.shift
    step = window.buckets // 2
    while True:
        first, last = _edges(window, least, most)
        _descend(passes.market, window, whole, (first, last), step, at)
        price = window.low + (at << window.shift)
        touching = ((at == first) & (price > least)) | ((at == last) & (price + (1 << window.shift) <= most))
        if touching.any():
            window = _moved(passes, window, np.where(touching, at - window.buckets // 2, 0))
        elif window.shift:
            price = np.clip(price + (1 << (window.shift - 1)), least, most)
            window = _closer(passes, window, at)
            step = window.buckets >> (NEIGHBOURING_BITS + 1)
        else:
            return _standing(passes, window, whole, at, highest)
        at = (price - window.low) >> window.shift


def _bounds(market: Market, lowest: int, highest: int) -> tuple[Integers, Integers]:
    """Return the least and the most that the price of each place can be."""
    every = np.zeros(market.places, np.int64)
    least, most = every + lowest, every + highest
    if market.outside is not None:
        least = np.maximum(least, market.outside.export_price)
        most = np.minimum(most, market.outside.import_price)
    return least, most


def _first_window(passes: Passes, lowest: int, highest: int) -> Window:
    places, rows = passes.market.places, passes.market.price.shape[0]
    cells = max(FEWEST_CELLS, min(MOST_CELLS, 4 * rows)) // places
    bits = max(FEWEST_BITS, min(MOST_BITS, cells.bit_length() - 1))
    shift = max(0, (highest - lowest).bit_length() - bits)
    low = np.full(places, lowest, np.int64)
    return Window(low, shift, np.zeros((places, 2), np.int64), passes.histogram(low, shift, 1 << bits))


def _moved(passes: Passes, window: Window, buckets: Integers) -> Window:
    """Move windows by some buckets, each its own."""
    low = window.low + (buckets << window.shift)
    table = passes.histogram(low, window.shift, window.buckets)
    return Window(low, window.shift, passes.lots_below(low), table)


def _closer(passes: Passes, window: Window, at: Integers) -> Window:
    """Open a finer window around the optimum; it starts where a coarse bucket does, so what is below is known."""
    bits = window.buckets.bit_length() - 1
    shift = max(0, window.shift - bits + NEIGHBOURING_BITS)
    spanned = window.buckets >> (window.shift - shift)
    start = np.minimum(np.maximum(at - spanned // 2, 0), window.buckets - spanned)
    sums = np.cumsum(window.table, axis=2)
    before = sums[np.arange(start.size), :, start - 1]
    below = window.below + np.where(start[:, None] > 0, before, 0)
    low = window.low + (start << window.shift)
    return Window(low, shift, below, passes.histogram(low, shift, window.buckets))


def _edges(window: Window, least: Integers, most: Integers) -> tuple[Integers, Integers]:
    """Return the first and last bucket of each place in which a price may lie."""
    first: Integers = np.maximum(0, (least - window.low) >> window.shift)
    last: Integers = np.minimum(window.buckets - 1, (most - window.low) >> window.shift)
    return first, last


def _descend(  # noqa: PLR0917 - what a level is made of
    market: Market, window: Window, whole: Integers, edges: tuple[Integers, Integers], step: int, at: Integers
) -> None:
    source, target = market.link_source, market.link_target
    offset = (market.tariff + window.low[source] - window.low[target]) >> window.shift
    value = np.empty((market.places, window.buckets), np.int64)
    first, last = edges
    kernels.values_of(window.table, window.below, whole[:, BUY].copy(), first, last, value)
    problem = kernels.Problem(value, first, last, source, target, market.capacity, offset)
    # A step so long that a sum in a cut problem could pass 2**62 is not taken.
    moved = max(int(whole.sum()), int(market.capacity.max(initial=1)))
    largest = 2**62 // ((source.shape[0] + 2) * moved)
    while step > largest:
        step //= 2
    kernels.descend(problem, step, window.shift == 0, at)


def _standing(passes: Passes, window: Window, whole: Integers, at: Integers, highest: int) -> Standing:
    places = passes.market.places
    lots = np.empty((places, 2, 3), np.int64)
    near = np.empty((2, places), np.int64)
    near[0], near[1] = -1, highest + 1
    kernels.stand(window.table, window.below, whole, at, window.low, lots, near)
    price = window.low + at
    below, above = near
    if (near == BEYOND_WINDOW).any():
        below, above = passes.neighbours(price, -1, highest + 1)
    return Standing(price, lots, below, above)


# --- Trade at those prices ----------------------------------------------------------------------------------------


def trade_at(market: Market, standing: Standing, least: Integers | None = None) -> Trade:
    """Find the flow and how much of each margin trades at optimal prices: among all that are optimal, the most.

    A link whose target is dearer than its source by more than the tariff is full, one by less is empty, and one
    by just the tariff carries what the margins need. `least` (lots by place and side) sets what each margin trades
    at least.
    """
    margins = margins_at(market, standing, least)
    assert margins is not None, "optimal prices always have a feasible flow"
    return margins._replace(flow=without_circles(market, margins.flow))


def margins_at(market: Market, standing: Standing, least: Integers | None) -> Trade | None:
    """Find what trades at optimal prices if each margin gets `least` at least, by side; None when that is too much."""
    source, target, at = market.link_source, market.link_target, standing.at
    if least is None:
        least = np.zeros((market.places, 2), np.int64)
    gap = at[target] - at[source] - market.tariff
    flow = np.where(gap > 0, market.capacity, 0)
    inside, margin = standing.lots[:, :, INSIDE] + least, standing.lots[:, :, MARGINAL] - least
    excess = inside[:, SELL] - inside[:, BUY]
    np.subtract.at(excess, source, flow)
    np.add.at(excess, target, flow)
    at_par = np.flatnonzero((gap == 0) & (market.capacity > 0))
    may_sell, may_buy = margin[:, SELL].copy(), margin[:, BUY].copy()
    slack = kernels.Slack(excess, may_sell, may_buy, source[at_par], target[at_par], market.capacity[at_par])
    if market.outside is not None:
        balance = outside.balance(slack, outside.borders(market.outside, at))
        if balance is None:
            return None
        flow[at_par] = balance.flow
        return Trade(least[:, SELL] + balance.sold, least[:, BUY] + balance.bought, flow, balance.brought)
    sold, bought, tied = np.empty_like(at), np.empty_like(at), np.empty_like(at_par)
    if not kernels.balance(slack, sold, bought, tied):
        return None
    flow[at_par] = tied
    return Trade(least[:, SELL] + sold, least[:, BUY] + bought, flow)


def without_circles(market: Market, flow: Integers) -> Integers:
    """Take out what free links carry in a circle: nobody gains by it, and it would use up capacity."""
    links = np.flatnonzero((market.tariff == 0) & (flow > 0))
    result = flow.copy()
    turn_kernels.take_out_circles(market.link_source, market.link_target, links, market.places, result)
    return result


def net_flow(market: Market, flow: Integers) -> Integers:
    """Return what each of the caller's links carries from source to target, less what it carries back."""
    links = flow.size - market.back.size
    forth, back = flow[:links].copy(), flow[links:]
    assert not np.minimum(forth[market.back], back).any(), "no link carries gas both ways at once"
    forth[market.back] -= back
    return forth


def dual_value(market: Market, standing: Standing, surplus: int, prices: Integers) -> int:
    """Return the dual function at published prices: the surplus of all orders and the rent of all links.

    `surplus` is that of the orders at `standing.at`; between neighbouring order prices it changes in proportion.
    """
    lots = standing.lots
    right = lots[:, SELL, INSIDE] + lots[:, SELL, MARGINAL] - lots[:, BUY, INSIDE]
    left = lots[:, SELL, INSIDE] - lots[:, BUY, INSIDE] - lots[:, BUY, MARGINAL]
    moved = prices - standing.at
    slope = np.where(moved > 0, right, left)
    gap = prices[market.link_target] - prices[market.link_source] - market.tariff
    return surplus + int((moved * slope).sum()) + int((np.maximum(gap, 0) * market.capacity).sum())


def welfare(market: Market, standing: Standing, trade: Trade, surplus: int) -> int:
    """Return what the filled bids are worth, less what the filled offers ask, less what the transport costs.

    What crosses the border does so at its price there, which is that of its place.
    """
    lots = standing.lots
    bought = lots[:, BUY, INSIDE] + trade.margin_bought
    sold = lots[:, SELL, INSIDE] + trade.margin_sold
    brought = 0 if trade.brought is None else trade.brought
    return surplus + int((standing.at * (bought - sold - brought)).sum()) - int((trade.flow * market.tariff).sum())
