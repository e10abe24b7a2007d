"""The passes over the orders of a market of one place: without the place, a row is little more than its numbers.

They need at most two codes of sides, so that what a side means is a line through two points and no table. What is left
reads whole runs of rows at once.
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Codes, Integers, bare, compiled, part

Code = np.uint8 | np.int32
BLOCK = 1_024
"""So many rows at once: what was written of them is still in the nearest cache when it is read again."""
RUN = 8
"""So many rows are looked at together; where few are sought, most runs have none."""
LARGEST_SQUARED = 2**20
"""Quantities of less are squared as they are: the squares of eight millions of them fit 64 bits."""
ROOM = BLOCK // RUN + 1 + BLOCK // RUN
BYTE_NUMBERS = np.uint64(0x0001020304050607)
"""A number times the lowest bit of one of its eight bytes has the number of this byte in its highest byte."""


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
def sample(
    side: Codes,
    price: Integers,
    quantity: Integers,
    offer: Code,
    stretch: int,
    sampled: int,
    seen: Integers,
    table: Integers,
) -> None:
    """Look at some rows in the middle of each stretch: by how much more is offered than asked by buckets of prices.

    `offer` is the code that sells. `seen` takes the lowest and the highest price and quantity, how many digits of a
    price above the lowest are cut for its bucket, the lots of the offers up to where the rows cross, all lots, how many
    digits of each quantity are cut before it is squared, and the sum of the squares. The excess at the end of each
    bucket is written over the bids of `table`. Numbers may be out of all bounds: sums may wrap, no bucket does.
    """
    first, rows = (stretch - sampled) // 2, price.shape[0] // stretch * stretch
    lowest, highest, least, most = price[first], price[first], quantity[first], quantity[first]
    total = np.int64(0)
    for start in range(first, rows, stretch):
        limits, lots = price[start : start + sampled], quantity[start : start + sampled]
        for row in range(limits.shape[0]):
            lowest, highest = min(lowest, limits[row]), max(highest, limits[row])
            least, most = min(least, lots[row]), max(most, lots[row])
            total += lots[row]
    digits, buckets, cells = np.uint64(0), np.uint64(table.shape[1]), table.reshape(-1)
    while np.uint64(highest - lowest) >> digits >= buckets:
        digits += np.uint64(1)
    cut, squares = np.int64(0), np.int64(0)
    while most >> cut >= LARGEST_SQUARED:
        cut += 1
    for start in range(first, rows, stretch):
        end = start + sampled
        codes, limits, lots = side[start:end], price[start:end], quantity[start:end]
        for row in range(limits.shape[0]):
            bucket = np.uint64(limits[row] - lowest) >> digits
            cells[buckets * np.uint64(codes[row] == offer) + bucket] += lots[row]
            size = lots[row] >> cut
            squares += size * size
    seen[0], seen[1], seen[2], seen[3], seen[4] = lowest, highest, least, most, digits
    seen[5], seen[6], seen[7], seen[8] = weigh(table, 0), total, cut, squares


@part
def weigh(table: Integers, before: int) -> np.int64:
    """Write the offers below the end of each bucket, less the bids from there on, over the bids: a rising line.

    `before` is how much more is offered below the first bucket than asked above the last one. Returns the lots of the
    offers up to the first bucket at the end of which no more is asked than offered.
    """
    over, sold, traded = np.int64(before), np.int64(0), np.int64(0)
    for bucket in range(table.shape[1]):
        over -= table[0, bucket]
    for bucket in range(table.shape[1]):
        sold += table[1, bucket]
        traded = sold if over < 0 else traded
        over += table[0, bucket] + table[1, bucket]
        table[0, bucket] = over
    return traded


@bare
def sift(
    side: Codes,
    price: Integers,
    quantity: Integers,
    offer: Code,
    first: int,
    window: tuple[int, int, int],
    fills: Integers,
    sums: Integers,
    listed: Integers,
    table: Integers,
    room: Integers,
) -> None:
    """Fill what executes for certain if the orders cross in a window of prices, and list the orders in it.

    `window` is its start, its end and how many digits of a price above its start are cut for its bucket. Orders in it
    are filled as if the price were half way. `listed` takes twice the row of each (the rows count from `first`), and
    one more if it sells, its price above the start, and its quantity; `table` sums them up by side and bucket. `sums`
    takes the lowest and highest price and quantity and the lots of all orders; of those filled the lots of the bids, of
    the offers, and what they gain against the window's end and one below its start; and how many are listed, or -1 if
    there may be too little room for them. `room` is for the runs, and then for a byte a row, of a block.
    """
    low, high, digits = window
    runs, words = room[: BLOCK // RUN + 1], room[BLOCK // RUN + 1 : ROOM]
    for start in range(0, price.shape[0], BLOCK):
        end, found = min(start + BLOCK, price.shape[0]), sums[8]
        if found + BLOCK > listed.shape[0]:
            sums[8] = -1
            return
        block = side[start:end], price[start:end], quantity[start:end]
        fill_beyond(*block, offer, low, high - low, fills[start:end], sums, words.view(np.uint8))
        half, from_here = (high - low) >> 1, listed[found:]
        sums[8] += list_between(
            *block, offer, low, half, fills[start:end], first + start, from_here, table, digits, runs, words
        )


@part
def fill_beyond(
    side: Codes,
    price: Integers,
    quantity: Integers,
    offer: Code,
    low: int,
    width: int,
    fills: Integers,
    sums: Integers,
    marks: Codes,
) -> None:
    """Fill a block without a branch and mark those in between; each step is one of the processor's on many rows."""
    lowest, highest, least, most = sums[0], sums[1], sums[2], sums[3]
    lots, filled, sold, surplus = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    for row in range(price.shape[0]):
        limit, count, sells = price[row], quantity[row], side[row] == offer
        lowest, highest = min(lowest, limit), max(highest, limit)
        least, most = min(least, count), max(most, count)
        lots += count
        above = limit - low
        gain = ~above if sells else above - width  # All bits turned, a number x is -1 - x.
        fill = count if gain >= 0 else 0
        fills[row] = fill
        marks[row] = np.uint64(above) < np.uint64(width)
        filled += fill
        sold += fill if sells else 0
        surplus += gain * fill
    for row in range(price.shape[0], marks.shape[0]):
        marks[row] = 0
    sums[0], sums[1], sums[2], sums[3] = lowest, highest, least, most
    sums[4] += lots
    sums[5] += filled - sold
    sums[6] += sold
    sums[7] += surplus


@part
def list_between(
    side: Codes,
    price: Integers,
    quantity: Integers,
    offer: Code,
    low: int,
    middle: int,
    fills: Integers,
    start: int,
    listed: Integers,
    table: Integers,
    digits: int,
    runs: Integers,
    words: Integers,
) -> int:
    """List the marked orders of a block: first the runs of rows with one, then what stands there.

    A run is written again until it is one with a mark, so that no branch can be guessed wrong.
    """
    found, last = np.uint64(0), 0
    for run in range(words.shape[0]):
        runs[found] = run
        found += np.uint64(words[run] != 0)
    cells = table.reshape(-1)
    for number in range(found):
        word = np.uint64(words[runs[number]])
        while word != 0:
            lowest = word & (~word + np.uint64(1))
            word ^= lowest
            row = np.uint64(RUN * runs[number]) + ((lowest * BYTE_NUMBERS) >> np.uint64(56))
            sells, above, count = np.int64(side[row] == offer), price[row] - low, quantity[row]
            cells[np.uint64(sells * table.shape[1]) + (np.uint64(above) >> np.uint64(digits))] += count
            fills[row] = count if (above < middle) == sells else 0
            listed[last, 0], listed[last, 1], listed[last, 2] = 2 * (start + np.int64(row)) + sells, above, count
            last += 1
    return last


@bare
def narrow(
    fills: Integers,
    sums: Integers,
    tables: Integers,
    listed: Integers,
    starts: Integers,
    window: tuple[int, int, int],
    offer: Code,
    orders: Integers,
    codes: Codes,
) -> int:
    """Join what was sifted, run by run, and narrow the window to the buckets in which all orders cross.

    `sums` and `tables` have a row for each run, the first of which takes those of all; the orders of a run are `listed`
    from its row of `starts` on. Those in the narrow window go to `orders` as row, price and quantity, and their side to
    the second row of `codes`; and then one bid and one offer, of row -1, for all that execute. What these gain against
    the two is the surplus. All others get their `fills`. A fourth row of `orders` is room for a number each.
    Returns how many are in the narrow window, or -1 where the wide one does not hold the crossing.
    """
    low, high, digits = window
    join(sums, tables)
    bought, sold, table = sums[0, 5], sums[0, 6], tables[0]
    bids, offers = bought, sold
    for bucket in range(table.shape[1]):
        bids += table[0, bucket]
        offers += table[1, bucket]
    # More is asked than offered at the window's start, and less at its end: no price outside of it is optimal.
    if not (0 < sold < bids and 0 < bought < offers):
        return -1
    weigh(table, sold - bought)
    first, last = 0, 0
    for bucket in range(table.shape[1]):
        first += table[0, bucket] < 0
        last += table[0, bucket] <= 0
    # The same holds where the first of these buckets starts and where the last one ends.
    start, end, half = first << digits, min((last + 1) << digits, high - low), (high - low) >> 1
    sums[0, 7] += start * sold + (high - low - end) * bought
    left = 0
    for run in range(starts.shape[0]):
        here = listed[starts[run] : starts[run] + sums[run, 8]]
        left += sift_again(here, low, start, end, half, fills, sums[0], orders[:, left:], offer, codes[1, left:])
    write(orders[:, left:], -1, low + end, sums[0, 5])
    write(orders[:, left + 1 :], -1, low + start - 1, sums[0, 6])
    codes[1, left], codes[1, left + 1] = 1 - offer, offer
    return left


@part
def join(sums: Integers, tables: Integers) -> None:
    """Join the extremes and add up the other sums of all runs, but for how many each has listed, in the first row."""
    cells = tables.reshape(tables.shape[0], -1)
    for run in range(1, sums.shape[0]):
        for extreme in (0, 2):
            sums[0, extreme] = min(sums[0, extreme], sums[run, extreme])
            sums[0, extreme + 1] = max(sums[0, extreme + 1], sums[run, extreme + 1])
        for column in range(4, 8):
            sums[0, column] += sums[run, column]
        for cell in range(cells.shape[1]):
            cells[0, cell] += cells[run, cell]


@part
def sift_again(
    listed: Integers,
    low: int,
    start: int,
    end: int,
    middle: int,
    fills: Integers,
    sums: Integers,
    orders: Integers,
    offer: Code,
    codes: Codes,
) -> int:
    """Put right the fills of orders listed, but for those from `start` to just below `end`: these are listed again.

    Prices are counted from `low`, and `middle` is the one at which the orders were filled. All are looked at without a
    branch, and then again those that are between or were filled wrong.
    """
    left, changed, numbers = 0, np.uint64(0), orders[3]
    filled, sold, surplus = np.int64(0), np.int64(0), np.int64(0)
    for number in range(listed.shape[0]):
        code, above, count = listed[number, 0], listed[number, 1], listed[number, 2]
        gain = start - 1 - above if code & 1 else above - end
        fill = count if gain >= 0 else 0
        filled += fill
        sold += fill if code & 1 else 0
        surplus += gain * fill
        numbers[changed] = number
        between = np.uint64(above - start) < np.uint64(end - start)
        changed += np.uint64(between | ((gain >= 0) != ((above < middle) == (code & 1))))
    for number in numbers[:changed]:
        code, above, count = listed[number, 0], listed[number, 1], listed[number, 2]
        if np.uint64(above - start) < np.uint64(end - start):
            write(orders[:, left:], code >> 1, low + above, count)
            codes[left] = offer if code & 1 else 1 - offer
            left += 1
        else:
            fills[code >> 1] = count if (above < start) == (code & 1) else 0
    sums[5] += filled - sold
    sums[6] += sold
    sums[7] += surplus
    return left


@part
def write(orders: Integers, row: int, price: int, quantity: int) -> None:
    """Write down an order in the first column."""
    orders[0, 0], orders[1, 0], orders[2, 0] = row, price, quantity
