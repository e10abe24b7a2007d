"""The passes over the orders of a market of one place: without the place, a row is little more than its numbers.

They need at most two codes of sides, so that what a side means is a line through two points and no table. What is left
reads whole runs of rows at once.
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Codes, Integers, bare, compiled, part

BLOCK = 1_024
"""So many rows at once: what was written of them is still in the nearest cache when it is read again."""
RUN = 8
"""So many rows are looked at together; where few are sought, most runs have none."""


@compiled
def histogram_of_one(
    side: Codes, price: Integers, quantity: Integers, side_of: Integers, low: int, shift: int, table: Integers
) -> None:
    """Add each quantity to the bucket of its price in the window; `table` has a row of buckets for each side."""
    buckets = table.shape[1]
    width = np.uint64(buckets << shift)  # Unsigned: what is below the window wraps to far above it, one test for both.
    digits = np.uint64(shift)
    first, step = side_of[0] * buckets, (side_of[-1] - side_of[0]) * buckets
    cells = table.reshape(-1)
    for row in range(price.shape[0]):
        offset = np.uint64(price[row] - low)
        if offset < width:
            cells[np.uint64(first + np.int64(side[row]) * step) + (offset >> digits)] += quantity[row]


@bare
def sift(
    side: Codes,
    price: Integers,
    quantity: Integers,
    first: int,
    low: int,
    high: int,
    fills: Integers,
    sums: Integers,
    near: Integers,
    marks: Codes,
    words: Integers,
) -> np.int64:
    """Fill what executes for certain if the orders cross from `low` to just below `high`, and list what is in between.

    `first` is the side that the code 0 means; code 1 means the other. Orders in between are filled as if the price were
    half way; `near` takes their row, code of side, price, quantity and this fill. `sums` takes the lowest and highest
    price and quantity and the lots of all orders; of those filled the lots of the bids, of the offers, and what they
    gain against `high` and `low - 1`; of those in between the lots of the bids and of the offers. `marks` is room for a
    byte for each row of a block, and `words` is the same bytes, a run at a time. Returns how many are in between, or -1
    as soon as `near` has no room to spare.
    """
    found = np.int64(0)
    for start in range(0, price.shape[0], BLOCK):
        end = min(start + BLOCK, price.shape[0])
        block = side[start:end], price[start:end], quantity[start:end]
        undecided = fill_beyond(*block, first, low, high, fills[start:end], sums, marks)
        if found + undecided >= near.shape[1]:
            return np.int64(-1)
        list_between(*block, first, (low + high) >> 1, fills[start:end], sums, start, near[:, found:], marks, words)
        found += undecided
    return found


@part
def fill_beyond(
    side: Codes,
    price: Integers,
    quantity: Integers,
    first: int,
    low: int,
    high: int,
    fills: Integers,
    sums: Integers,
    marks: Codes,
) -> np.int64:
    """Fill a block without a branch, mark those in between, and return how many these are."""
    width = np.uint64(high - low)
    lowest, highest, least, most = sums[0], sums[1], sums[2], sums[3]
    lots, filled, sold, surplus, undecided = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for row in range(price.shape[0]):
        limit, count = price[row], quantity[row]
        lowest, highest = min(lowest, limit), max(highest, limit)
        least, most = min(least, count), max(most, count)
        lots += count
        sells = -(np.int64(side[row]) ^ first)  # All bits of an offer; they turn its price p to -1 - p.
        gain = (limit ^ sells) - (-low if sells else high)
        fill = count if gain >= 0 else 0
        between = np.uint64(limit - low) < width
        fills[row] = fill
        marks[row] = between
        undecided += np.int64(between)
        filled += fill
        sold += fill & sells
        surplus += max(gain, 0) * count
    sums[0], sums[1], sums[2], sums[3] = lowest, highest, least, most
    sums[4] += lots
    sums[5] += filled - sold
    sums[6] += sold
    sums[7] += surplus
    return undecided


@part
def list_between(
    side: Codes,
    price: Integers,
    quantity: Integers,
    first: int,
    middle: int,
    fills: Integers,
    sums: Integers,
    start: int,
    near: Integers,
    marks: Codes,
    words: Integers,
) -> None:
    """List the marked orders of a block: first the runs of rows with one, then the rows, then what stands there.

    Numbers are written again until one of them is right, so that no branch can be guessed wrong.
    """
    runs, rows = near[0], near[1]
    found, last = np.uint64(0), np.uint64(0)
    for run in range(fills.shape[0] // RUN):
        runs[found] = RUN * run
        found += np.uint64(words[run] != 0)
    for listed in range(found):
        for marked in range(runs[listed], runs[listed] + RUN):
            rows[last] = marked
            last += np.uint64(marks[marked])
    for rest in range(fills.shape[0] // RUN * RUN, fills.shape[0]):
        rows[last] = rest
        last += np.uint64(marks[rest])
    lots, sold = np.int64(0), np.int64(0)
    for listed in range(last):
        row = np.uint64(rows[listed])  # Unsigned: no row is counted from the end.
        sells, limit, count = -(np.int64(side[row]) ^ first), price[row], quantity[row]
        fill = count & (((middle ^ sells) - (limit ^ sells)) >> 63)
        lots += count
        sold += count & sells
        fills[row] = fill
        near[0, listed], near[1, listed], near[2, listed] = start + np.int64(row), side[row], limit
        near[3, listed], near[4, listed] = count, fill
    sums[8] += lots - sold
    sums[9] += sold


@bare
def correct(rows: Integers, likely: Integers, found: Integers, changed: Integers, fills: Integers) -> None:
    """Put right in `fills` what was not found as it was likely for each row; `changed` has room for all their numbers.

    What was right is not fetched again.
    """
    last = np.uint64(0)
    for number in range(likely.shape[0]):
        changed[last] = number
        last += np.uint64(likely[number] != found[number])
    for number in changed[:last]:
        fills[rows[number]] = found[number]
