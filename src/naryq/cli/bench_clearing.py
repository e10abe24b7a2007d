"""The work of `naryq bench clearing`: one market, every solver, the best of several runs of each.

The market is 20 places joined by 60 links, with limit prices up to 200,000 tenge a tonne, half bids and half offers.
Whatever a solver needs in the form it likes best is made ready before its clock starts.
"""

import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from naryq.cli.bench_peers import Arrays, draw, highs, highs_window, or_tools_best
from naryq.market.auction import Rules, solve, solve_near
from naryq.market.clearing import clear
from naryq.market.intake import SMALL_CODES
from naryq.market.narrowing import survey_near
from naryq.market.passes import Market, passes_over

RUNS: Final = 3
HIGHS_ORDERS: Final = 100_000
HIGHS_SECONDS: Final = 600
SORT_TIMES: Final = 10
"""How many times as many orders are compared with np.sort."""

Say = Callable[[str], None]


class Figure(NamedTuple):
    """One line of the report; a solver that was stopped has no welfare."""

    orders: int
    work: str
    seconds: float | None
    ratio: str = ""
    target: str = ""
    welfare: int | None = None


class Best(NamedTuple):
    """The shortest of several runs, and what the last one returned."""

    seconds: float
    answer: Any


def best(work: Callable[[], Any], runs: int) -> Best:
    """Run some work several times and keep the shortest time."""
    seconds = []
    gc.collect()
    for _ in range(runs):
        start = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - start)
    return Best(min(seconds), answer)


def frames(arrays: Arrays) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the data frames of a market, with categories for places and sides."""
    names = np.array([f"place {number:02d}" for number in range(arrays.places)])
    orders = pd.DataFrame(
        {
            "order_id": np.arange(arrays.price.size),
            "place": pd.Categorical.from_codes(arrays.place, names),
            "side": pd.Categorical.from_codes(arrays.side, ["buy", "sell"]),
            "price": arrays.price,
            "quantity": arrays.quantity,
        }
    )
    ends = {"source": names[arrays.source], "target": names[arrays.target]}
    return orders, pd.DataFrame({**ends, "capacity": arrays.capacity, "tariff": arrays.tariff})


def kernel(arrays: Arrays) -> Callable[[], int]:
    """Make the clearing of bare arrays ready to run: prices, fills, flows and proof, without the frames' door."""
    own = Market(
        places=arrays.places,
        place=_read_only(arrays.place.astype(np.uint8 if arrays.places <= SMALL_CODES else np.int32)),
        side=_read_only(arrays.side.view(np.uint8)),
        place_of=np.arange(arrays.places),
        side_of=np.arange(2),
        price=_read_only(arrays.price),
        quantity=_read_only(arrays.quantity),
        link_source=arrays.source,
        link_target=arrays.target,
        capacity=np.minimum(arrays.capacity, int(arrays.quantity.sum())),
        tariff=arrays.tariff,
    )
    rules = Rules("time", None, "middle", np.full(arrays.places, -1))

    def work() -> int:
        with passes_over(own) as passes:
            survey, near = survey_near(passes)
            answer = solve(passes, survey, rules) if near is None else solve_near(near, rules)
        assert answer.welfare == answer.dual_value, "the clearing proves itself"
        return answer.welfare

    return work


def _read_only(values: Any) -> Any:
    view = values.view()
    view.flags.writeable = False
    return view


def run(orders: int, *, full: bool, say: Say) -> list[Figure]:
    """Measure everything, and say what is being measured."""
    return [
        *_against_solvers(orders, say),
        *_against_highs(orders, full=full, say=say),
        *_against_sort(orders, say),
    ]


def _against_solvers(orders: int, say: Say) -> list[Figure]:
    say(f"{orders} orders: naryq, OR-Tools, HiGHS with a price window")
    arrays = draw(orders)
    whole, core = timed(arrays)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        built, alone, welfare = apart.submit(or_tools_best, orders, RUNS).result()
    window = best(lambda: highs_window(arrays), RUNS)
    return [
        Figure(orders, "naryq.clear, whole call", whole.seconds, welfare=whole.answer.welfare),
        Figure(orders, "naryq, kernel", core.seconds, welfare=core.answer),
        _times(Figure(orders, "OR-Tools, built and solved", built, target="10x", welfare=welfare), whole),
        _times(Figure(orders, "OR-Tools, solve alone / kernel", alone, target="50x", welfare=welfare), core),
        _times(Figure(orders, "HiGHS with a price window", window.seconds, welfare=window.answer), whole),
    ]


def _times(figure: Figure, own: Best) -> Figure:
    """Add how many times our own time a solver took; one that was stopped took at least that long."""
    least = "over " if figure.welfare is None else ""
    return figure._replace(ratio=f"{least}{(figure.seconds or 0) / own.seconds:.0f}x")


def timed(arrays: Arrays) -> tuple[Best, Best]:
    """Clear a market again and again, by the whole call and from arrays to arrays."""
    orders, links = frames(arrays)
    work = kernel(arrays)
    clear(orders, links)
    work()
    return best(lambda: _with_answers(orders, links), 7), best(work, 7)


def _with_answers(orders: pd.DataFrame, links: pd.DataFrame) -> Any:
    result = clear(orders, links)
    assert len(result.fills) == len(orders), "one fill an order"
    assert len(result.flows) == len(links), "one flow a link"
    return result


def _against_highs(orders: int, *, full: bool, say: Say) -> list[Figure]:
    size = orders if full else min(orders, HIGHS_ORDERS)
    arrays = draw(size)
    whole, _ = timed(arrays)
    figures = [Figure(size, "naryq.clear, whole call", whole.seconds, welfare=whole.answer.welfare)]
    target = "200x" if size > HIGHS_ORDERS else ""
    for method in ("simplex", "ipm"):
        say(f"{size} orders: HiGHS, {method}, presolve off, at most {HIGHS_SECONDS} s")
        found = best(partial(highs, arrays, method, HIGHS_SECONDS), 1)
        figure = Figure(size, f"HiGHS, {method}, presolve off", found.seconds, target=target, welfare=found.answer)
        figures.append(_times(figure, whole))
    return figures


def _against_sort(orders: int, say: Say) -> list[Figure]:
    size = SORT_TIMES * orders
    say(f"{size} orders: naryq and np.sort of their prices")
    arrays = draw(size)
    sort = best(lambda: np.sort(arrays.price), RUNS)
    table, links = frames(arrays)
    clear(table, links)
    whole = best(lambda: _with_answers(table, links), 5)
    share = f"{whole.seconds / sort.seconds:.2f} of np.sort"
    return [
        Figure(size, "np.sort of the prices", sort.seconds),
        Figure(size, "naryq.clear, whole call", whole.seconds, share, "at most 0.5", whole.answer.welfare),
        Figure(
            size, "memory, with the answer", None, memory_ratio(table, lambda: _with_answers(table, links)), "under 1.5"
        ),
    ]


def memory_ratio(orders: pd.DataFrame, work: Callable[[], Any]) -> str:
    """Return the columns and the growth of this process while working, as a multiple of the columns; Linux only."""
    statistics = Path("/proc/self/statm")
    if not statistics.exists():
        return "not measured here"
    gc.collect()
    peaks = [_resident(statistics)]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.0005):
            peaks.append(_resident(statistics))

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    peaks.append(_resident(statistics))
    done.set()
    watcher.join()
    columns = int(orders.memory_usage(index=False).sum())
    del result
    return f"{1 + (max(peaks) - peaks[0]) / columns:.2f} of the columns"


def _resident(statistics: Path) -> int:
    pages = int(statistics.read_text(encoding="ascii").split()[1])
    return pages * 4096
