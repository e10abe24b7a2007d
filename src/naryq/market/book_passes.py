"""The compiled passes over the messages before the continuous book runs, and over its trades after.

They know nothing of the book: what a number means comes in as an argument, so that Numba's cache misses no change.
"""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import Integers, bare

INT64_MAX = 2**63 - 1


@bare
def span_of_names(names: Integers) -> tuple[int, int]:
    """Return the lowest and the highest name from 0 up; the highest integer and -1 when there is none.

    No branches, in this loop and the next: the processor takes several rows at a time.
    """
    low, high = INT64_MAX, -1
    for row in range(names.shape[0]):
        name = names[row]
        low = min(low, name if name >= 0 else INT64_MAX)
        high = max(high, name)
    return low, high


@bare
def span_of_prices(
    kinds: npt.NDArray[np.uint8], prices: Integers, unpriced: tuple[int, int], furthest: int
) -> tuple[int, int]:
    """Return the lowest and the highest price at most so far from 0, but for the kinds that have none.

    The highest integer comes first and the lowest last when there is none.
    """
    low, high = INT64_MAX, -INT64_MAX
    for row in range(kinds.shape[0]):
        kind, price = kinds[row], prices[row]
        read = (kind != unpriced[0]) & (kind != unpriced[1]) & (price >= -furthest) & (price <= furthest)
        low = min(low, price if read else INT64_MAX)
        high = max(high, price if read else -INT64_MAX)
    return low, high


@bare
def intern(
    values: Integers,
    bounds: tuple[int, int],
    table: npt.NDArray[np.int32],
    bits: int,
    distinct: Integers,
    numbers: Integers,
) -> int:
    """Give each different value within the bounds the next number, and return how many there are; others get -1.

    `table` has 2**bits rows of 0, at least twice as many as values; it holds numbers + 1. `distinct` takes the values.
    """
    count = 0
    mask = table.shape[0] - 1
    shift = np.uint64(64 - bits)
    for row in range(values.shape[0]):
        value = values[row]
        numbers[row] = -1
        if bounds[0] <= value <= bounds[1]:
            # Multiplicative hashing by the golden ratio: neighbours in number are strangers in the table.
            place = np.int64((np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)) >> shift)
            while table[place] != 0 and distinct[table[place] - 1] != value:
                place = (place + 1) & mask
            if table[place] == 0:
                distinct[count] = value
                count += 1
                table[place] = count
            numbers[row] = table[place] - 1
    return count


@bare
def unpack(
    names: Integers,
    prices: tuple[int, int, Integers],
    written: npt.NDArray[np.int32],
    columns: Integers,
    sides: npt.NDArray[np.uint8],
    sums: Integers,
) -> None:
    """Write the trades as columns: maker, taker, price, quantity and message; add up what the statistics need.

    A trade is written as the maker's row, 2 x the taker's row + its side, level and quantity. `prices` holds the price
    of level 0, the step, and the ladder, which is empty or holds the price of each level. `sums` takes the quantity,
    the products of price and quantity in two parts, by 2**31, for the whole may need more than 64 bits, and the lowest
    and highest price; these two come in as the highest and lowest integer.
    """
    first, step, ladder = prices
    for count in range(written.shape[0]):
        row = written[count, 1] >> 1
        rung = first + written[count, 2] * step
        price = ladder[rung] if ladder.shape[0] > 0 else rung
        lots = np.int64(written[count, 3])
        columns[0, count] = names[written[count, 0]]
        columns[1, count] = names[row]
        columns[2, count] = price
        columns[3, count] = lots
        columns[4, count] = row
        sides[count] = written[count, 1] & 1
        product = price * lots
        sums[0] += lots
        sums[1] += product >> 31
        sums[2] += product & (2**31 - 1)
        sums[3] = min(sums[3], price)
        sums[4] = max(sums[4], price)
