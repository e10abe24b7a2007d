"""The passes over the orders of a market of one place: without the place, a row is little more than its numbers.

They need at most two codes of sides, so that what a side means is a line through two points and no table. What is left
reads whole runs of rows at once: half the time of the passes for many places, which do the same (naryq.market.kernels).
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Codes, Integers, compiled


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


@compiled
def fill_of_one(
    side: Codes, price: Integers, quantity: Integers, sign_of: Integers, at: int, fills: Integers
) -> tuple[np.int64, np.int64]:
    """Fill the orders that are better than the price and mark those at it as undecided (-1).

    `sign_of` is 1 for the code that buys and -1 for the one that sells. Returns the surplus of the orders inside, and
    how many orders are at the margin.
    """
    surplus = np.int64(0)
    undecided = np.int64(0)
    first, step = sign_of[0], sign_of[-1] - sign_of[0]
    for row in range(price.shape[0]):
        gain = (price[row] - at) * (first + np.int64(side[row]) * step)
        margin = np.int64(gain == 0)
        surplus += max(gain, 0) * quantity[row]
        undecided += margin
        fills[row] = quantity[row] * np.int64(gain > 0) - margin
    return surplus, undecided
