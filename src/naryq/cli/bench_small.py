"""The work of `naryq bench small`: many small markets, and large ones of a shape of their own.

Small markets have 20 places, 60 links and 200 orders. One place is compared with a loop that reads each of the same
columns once and adds it up, and with one that also writes a column as long as the fills are, on as many threads: over
one market again and again, whose columns stay in a large cache, and over many in turn, whose columns do not. Wide
prices are compared with the sort that they would need otherwise.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle, pairwise
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from naryq.cli.bench_clearing import Figure, Say, best, frames, kernel, memory_ratio
from naryq.cli.bench_peers import HIGHEST_LOTS, HIGHEST_PRICE, PLACES, SEED, Arrays, draw
from naryq.market.batch import Clearings, clear_batch
from naryq.market.clearing import clear
from naryq.market.kernels import Integers, compiled
from naryq.units import INT64_MAX

SMALL_ORDERS: Final = 200
MARKETS: Final = 10_000
WIDE: Final = 10**12
RUNS: Final = 5
CALLS: Final = 300
ROUNDS: Final = 200
READ: Final = ("place", "side", "price", "quantity")
UNCACHED_BYTES: Final = 2**29
"""Columns of so many bytes in all fit no cache of the machines we know."""


@compiled
def added(values: Integers | npt.NDArray[np.int8 | np.int16]) -> int:
    """Add up a column: the least that a look at every row can cost."""
    total = 0
    for row in range(values.shape[0]):
        total += values[row]
    return total


@compiled
def copied(values: Integers, target: Integers) -> int:
    """Add up a column and write it down: the least that an answer for every row can cost."""
    total = 0
    for row in range(values.shape[0]):
        total += values[row]
        target[row] = values[row]
    return total


def run(orders: int, markets: int, say: Say) -> list[Figure]:
    """Measure everything, and say what is being measured."""
    return [*_one_by_one(say), *_batch(markets, say), *_one_place(orders, say), *_wide(orders, say)]


def _one_by_one(say: Say) -> list[Figure]:
    say(f"{SMALL_ORDERS} orders, again and again")
    lists = [{name: table[name].tolist() for name in table} for table in frames(draw(SMALL_ORDERS))]
    clear(*lists)
    found = best(lambda: clear(*lists), CALLS)
    return [Figure(SMALL_ORDERS, "naryq.clear on lists", found.seconds, _rate(1, found.seconds), "1000 a second")]


def _rate(count: int, seconds: float) -> str:
    return f"{count / seconds:.0f} a second"


def _batch(markets: int, say: Say) -> list[Figure]:
    say(f"{markets} markets of {SMALL_ORDERS} orders in one call")
    orders, links = batch_frames(markets)

    def work() -> Clearings:
        result = clear_batch(orders, links)
        assert len(result.fills) == len(orders), "one fill an order"
        assert len(result.prices) == markets * PLACES, "one price a place"
        return result

    work()
    found = best(work, 3)
    rows = markets * SMALL_ORDERS
    work_done = f"naryq.clear_batch, {markets} markets"
    return [
        Figure(rows, work_done, found.seconds, _rate(markets, found.seconds), "10000 a second"),
        Figure(
            rows,
            "memory, with the answer",
            None,
            memory_ratio(orders, lambda: clear_batch(orders, links).fills),
            "under 1.5",
        ),
    ]


def batch_frames(markets: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw markets of some orders each, over the same links, in one table."""
    chance, rows = np.random.default_rng(SEED), markets * SMALL_ORDERS
    names = [f"place {number:02d}" for number in range(PLACES)]
    orders = pd.DataFrame(
        {
            "market": np.repeat(np.arange(markets), SMALL_ORDERS),
            "order_id": np.arange(rows),
            "place": pd.Categorical.from_codes(chance.integers(0, PLACES, rows).astype(np.int8), names),
            "side": pd.Categorical.from_codes(chance.integers(0, 2, rows).astype(np.int8), ["buy", "sell"]),
            "price": chance.integers(0, HIGHEST_PRICE + 1, rows),
            "quantity": chance.integers(1, HIGHEST_LOTS + 1, rows),
        }
    )
    return orders, frames(draw(SMALL_ORDERS))[1]


def one_place(orders: int, highest_price: int) -> Arrays:
    """Draw a market of one place, its quantities such that all of them at the highest price fit 64 bits."""
    chance, none = np.random.default_rng(SEED), np.empty(0, np.int64)
    return Arrays(
        1,
        np.zeros(orders, np.int8),
        chance.integers(0, 2, orders).astype(np.int8),
        chance.integers(0, highest_price + 1, orders),
        chance.integers(1, min(HIGHEST_LOTS, INT64_MAX // (orders * (highest_price + 2))) + 1, orders),
        none,
        none,
        none,
        none,
    )


def reading(arrays: Arrays, threads: int, *, writing: bool = False) -> Callable[[], int]:
    """Make the loop ready that adds up every column once, a run of rows on each thread; it may write a new column, too.

    The calling thread works as well, as it does in the clearing.
    """
    size = arrays.price.size
    runs = [slice(*ends) for ends in pairwise(size * part // threads for part in range(threads + 1))]

    def read(rows: slice, target: Integers | None) -> int:
        total = added(arrays.price[rows]) if target is None else copied(arrays.price[rows], target[rows])
        return total + sum(added(column[rows]) for column in (arrays.place, arrays.side, arrays.quantity))

    def work() -> int:
        target = np.empty(size, np.int64) if writing else None
        with ThreadPoolExecutor(max(1, threads - 1)) as pool:
            others = [pool.submit(read, rows, target) for rows in runs[:-1]]
            return read(runs[-1], target) + sum(other.result() for other in others)

    return work


def _one_place(orders: int, say: Say) -> list[Figure]:
    arrays = one_place(orders, HIGHEST_PRICE)
    tables = frames(arrays)
    say(f"{orders} orders in one place, and loops that read their columns")
    *again, whole = in_turn([*_loops(arrays), lambda: clear(*tables).fills], ROUNDS)
    copies = min(ROUNDS, UNCACHED_BYTES // sum(getattr(arrays, name).nbytes for name in READ) + 1)
    say(f"{copies} such markets in turn, so that each run finds its columns in memory")
    markets = [arrays._replace(**{name: getattr(arrays, name).copy() for name in READ}) for _ in range(copies)]
    apart = in_turn(_each_elsewhere([_loops(market) for market in markets]), ROUNDS)
    clearing = Figure(orders, "naryq.clear, one place", whole, f"{whole / again[0]:.1f} of reading")
    return [*_compared(orders, "in the cache", again), clearing, *_compared(orders, "in memory", apart)]


def _loops(arrays: Arrays) -> list[Callable[[], int]]:
    """Make ready what is compared: reading, by one thread, and writing a column too; then the clearing."""
    threads = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined] # Numba makes it at run time
    return [
        reading(arrays, threads),
        reading(arrays, 1),
        reading(arrays, threads, writing=True),
        kernel(arrays),
    ]


def _each_elsewhere(loops: list[list[Callable[[], int]]]) -> list[Callable[[], int]]:
    """Let each kind of loop go round the markets, none of them where another one has just been."""
    kinds = list(zip(*loops, strict=True))
    shifts = [len(loops) * number // len(kinds) for number in range(len(kinds))]
    turns = [cycle(kind[shift:] + kind[:shift]) for kind, shift in zip(kinds, shifts, strict=True)]
    return [partial(_next, turn) for turn in turns]


def _next(turn: Iterator[Callable[[], int]]) -> int:
    return next(turn)()


def _compared(orders: int, where: str, seconds: list[float]) -> list[Figure]:
    reads, alone, writes, own = seconds
    return [
        Figure(orders, f"reading the columns once, {where}", reads),
        Figure(orders, "the same by one thread", alone, f"{alone / reads:.1f} of reading"),
        Figure(orders, "the same, and writing one column", writes, f"{writes / reads:.1f} of reading"),
        Figure(
            orders,
            f"naryq, kernel, {where}",
            own,
            f"{own / reads:.1f} of reading, {own / writes:.1f} of both",
            "at most 2",
        ),
    ]


def in_turn(work: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Run several works in turn, round by round, so that what disturbs one disturbs all; the shortest time of each."""
    shortest = [float("inf")] * len(work)
    for _ in range(rounds):
        for number, each in enumerate(work):
            start = time.perf_counter()
            each()
            shortest[number] = min(shortest[number], time.perf_counter() - start)
    return shortest


def _wide(orders: int, say: Say) -> list[Figure]:
    say(f"{orders} orders at prices up to 10**12, and np.argsort of the prices")
    arrays = one_place(orders, WIDE)
    tables = frames(arrays)
    sort = best(lambda: np.argsort(arrays.price), RUNS)
    clear(*tables)
    whole = best(lambda: clear(*tables).fills, RUNS)
    share = f"{whole.seconds / sort.seconds:.2f} of np.argsort"
    return [
        Figure(orders, "np.argsort of the prices", sort.seconds),
        Figure(orders, "naryq.clear, prices up to 10**12", whole.seconds, share, "at most 1"),
    ]
