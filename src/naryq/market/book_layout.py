"""How names and prices index the tables of the book's kernel, the tables of an empty book, and trades as columns."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from naryq.market import book_kernels as kernels
from naryq.market.book_kernels import BUY, INT64_MAX, SELL, Bytes, Messages, Narrow, Scale, Tables
from naryq.market.book_passes import intern, span_of_names, span_of_prices, unpack
from naryq.market.book_rules import Statistics
from naryq.market.intake import frozen
from naryq.market.kernels import Integers

SPREAD: Final = 4
"""Names and prices index arrays directly while their range is at most this many times the number of messages."""
SMALLEST_SPAN: Final = 2**16
LARGEST_SPAN: Final = 2**30
WORD: Final = 32
UNPRICED: Final = (kernels.MARKET, kernels.CANCEL)


class Trades(NamedTuple):
    """The trades as columns; `message` is the row, from 0, of the message that brought each about.

    `taker_side` is 0 where the taker bought and 1 where it sold.
    """

    maker_order_id: Integers
    taker_order_id: Integers
    price: Integers
    quantity: Integers
    taker_side: Bytes
    message: Integers


class Sizes(NamedTuple):
    """How many rows the tables need."""

    slots: int
    levels: int
    entries: int


def laid_out(columns: Messages, tick: int, rule: int) -> tuple[Messages, Scale, Sizes]:
    """Choose how names and prices index the tables."""
    low_name, high_name = span_of_names(columns.name)
    low_price, high_price = span_of_prices(columns.kind, columns.price, UNPRICED, kernels.PRICE_MAX)
    entries = columns.kind.shape[0] - int(np.count_nonzero(columns.kind == kernels.CANCEL))
    span = min(max(SPREAD * columns.kind.shape[0], SMALLEST_SPAN), LARGEST_SPAN)
    slots = max(high_name - low_name + 1, 1)
    if slots > span:
        tags, distinct = _interned(columns.name, low_name, high_name)
        columns, low_name, slots = columns._replace(tag=frozen(tags)), 0, max(distinct.shape[0], 1)
    products_fit = max(abs(low_price), abs(high_price)) < kernels.SAFE_PRICE
    ladder, step = np.empty(0, np.int64), tick
    low_price, high_price = (-(-low_price // tick) * tick, high_price) if low_price <= high_price else (0, 0)
    levels = max((high_price - low_price) // tick + 1, 1)
    if levels > span:
        rungs, ladder = _ladder(columns.price, low_price, high_price, tick)
        columns, low_price, step, levels = columns._replace(rung=frozen(rungs)), 0, 1, max(ladder.shape[0], 1)
    scale = Scale(low_name, low_price, step, ladder, products_fit, rule, 0)
    return columns, scale, Sizes(slots, levels, entries)


def _interned(values: Integers, lowest: int, highest: int) -> tuple[Integers, Integers]:
    """Number the values within bounds in the order of their first appearance; return numbers and different values."""
    bits = (2 * values.shape[0]).bit_length()
    distinct, numbers = np.empty_like(values), np.empty_like(values)
    count = intern(values, (lowest, highest), np.zeros(2**bits, np.int32), bits, distinct, numbers)
    return numbers, distinct[:count]


def _ladder(prices: Integers, lowest: int, highest: int, tick: int) -> tuple[Integers, Integers]:
    """Number the prices from the lowest up, -1 for what is no price; return the numbers and the price of each."""
    numbers, distinct = _interned(prices, lowest, highest)
    ladder = np.sort(distinct[distinct % tick == 0])
    ranks = np.searchsorted(ladder, distinct)
    ranks[distinct % tick != 0] = -1
    return np.where(numbers < 0, -1, np.append(ranks, -1)[numbers]), ladder


def empty_tables(sizes: Sizes) -> Tables:
    """Make the tables of an empty book; what is never written takes no memory."""
    starts, words = [0], sizes.levels
    while words > 1 or len(starts) == 1:
        words = -(-words // WORD)
        starts.append(starts[-1] + words)
    state = np.zeros(kernels.STATE_FIELDS, np.int64)
    state[BUY], state[SELL], state[kernels.UNTOUCHED] = -1, sizes.levels, sizes.levels
    return Tables(
        nodes=np.zeros((sizes.levels + sizes.entries, kernels.NODE_FIELDS), np.int32),
        waiting=np.zeros(sizes.levels, np.int64),
        bits=np.zeros(starts[-1], np.int64),
        tiers=np.array(starts),
        slots=np.zeros(sizes.slots, np.int32),
        state=state,
    )


class Sums(NamedTuple):
    """What the statistics need to know of some trades."""

    trades: int
    volume: int
    turnover: int
    high: int
    low: int


def statistics_of(sums: Sums) -> Statistics:
    """Give sums as statistics, without extremes where nothing has traded."""
    return Statistics(*sums) if sums.trades else Statistics(0, 0, 0, None, None)


class Outcome(NamedTuple):
    """The results of a run; `left` lists the orders of a side as rows of seven, best and oldest first, when called.

    `arrivals` has the names that came in a call that still lasts, oldest first.
    """

    trades: Trades
    sums: Sums
    statuses: Bytes
    left: Callable[[int], Integers]
    arrivals: list[int] | None


def unpacked(columns: Messages, scale: Scale, written: Narrow) -> tuple[Trades, Sums]:
    """Turn what the run has written into columns, and sum them up."""
    count = written.shape[0]
    table, sides = np.empty((5, count), np.int64), np.empty(count, np.uint8)
    sums = np.array([0, 0, 0, INT64_MAX, -INT64_MAX])
    unpack(columns.name, (scale.first_rung, scale.step, scale.ladder), written, table, sides, sums)
    volume, high_part, low_part, low, high = (int(number) for number in sums)
    makers, takers, prices, lots, rows = table
    return Trades(makers, takers, prices, lots, sides, rows), Sums(
        count, volume, (high_part << 31) + low_part, high, low
    )
