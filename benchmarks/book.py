"""The continuous book by the messages a second: `python benchmarks/book.py`.

The messages are adds around a wandering middle, cancels of orders a few thousand messages old, and orders that trade.
Every form runs the same stream, in turn and best of several rounds, so that a neighbour disturbs all alike; the forms
one by one run a part of it, the naive twin a small one.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from naryq.market.book import Book
from naryq.market.book_rules import SIDES

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.naive_book import NaiveBook

MESSAGES = 2_000_000
ONE_BY_ONE = 200_000
NAIVE = 2_000
ROUNDS = 5
LAG = 2_000
"""About so many orders stand in the book at a time."""


def stream(length: int, cancels: int = 42, trades: int = 16, spread: int = 30) -> dict[str, Any]:
    """Make messages: so many in a hundred cancel, so many cross, the others rest up to `spread` ticks from the middle.

    Every order that rests is cancelled in its turn; the cancel of one that has traded before is refused.
    """
    draw = np.random.default_rng(7)
    part = draw.integers(0, 100, length)
    cancel, cross = part < cancels, (part >= cancels) & (part < cancels + trades)
    names = np.arange(length)
    side = draw.integers(0, 2, length, np.uint8)
    middle = 10_000 + np.cumsum(draw.integers(-1, 2, length)) // 50
    away = np.where(cross, -2, draw.integers(1, spread, length))
    price = middle + np.where(side == 0, -away, away)
    adds = names[~cancel & ~cross]
    turns = adds[np.argsort(adds + draw.integers(0, LAG, adds.shape[0]))]
    order_id = names.copy()
    order_id[cancel] = turns[np.clip(np.arange(int(cancel.sum())) - LAG, 0, turns.shape[0] - 1)]
    quantity = np.where(cancel, 0, draw.integers(1, 20, length))
    kind = np.where(cancel, 5, 0).astype(np.uint8)
    return {"kind": kind, "order_id": order_id, "side": side, "price": price, "quantity": quantity}


def calls(book: Any, columns: dict[str, Any], length: int) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Turn messages into calls that a book accepts; those that it would refuse are left out."""
    refused = Book.replay({name: column[:length] for name, column in columns.items()}).statuses > 1
    rows = zip(*(column[:length][~refused].tolist() for column in columns.values()), strict=True)
    return [
        (book.cancel, (name,)) if kind == 5 else (book.submit, (name, SIDES[side], price, quantity))
        for kind, name, side, price, quantity in rows
    ]


def seconds(work: Callable[[], Any]) -> float:
    """Return how long work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def send(book: Any, columns: dict[str, Any], length: int) -> float:
    """Return the messages a second of a book that takes them one by one."""
    ready = calls(book, columns, length)

    def work() -> None:
        for call, arguments in ready:
            call(*arguments)

    return len(ready) / seconds(work)


def best_of_rounds(rates: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Run every form in turn, several rounds, and keep the best rate of each."""
    rounds = [{name: rate() for name, rate in rates.items()} for _ in range(ROUNDS)]
    return {name: max(found[name] for found in rounds) for name in rates}


def main() -> None:
    """Print the rates and the ratios to the naive twin."""
    mixed, deep = stream(MESSAGES), stream(MESSAGES, spread=3)
    wide = {**mixed, "price": mixed["price"] * 10**6, "order_id": mixed["order_id"] * 10**9}
    Book.replay({name: column[:1_000] for name, column in mixed.items()})
    Book.replay({name: column[:1_000] for name, column in wide.items()})
    rates: dict[str, Callable[[], float]] = {
        "naive twin": lambda: send(NaiveBook(), mixed, NAIVE),
        "Book, one by one": lambda: send(Book(), mixed, ONE_BY_ONE),
        "Book.replay": lambda: MESSAGES / seconds(lambda: Book.replay(mixed)),
        "Book.replay, long queues": lambda: MESSAGES / seconds(lambda: Book.replay(deep)),
        "Book.replay, wide names and prices": lambda: MESSAGES / seconds(lambda: Book.replay(wide)),
    }
    print(Book.replay(mixed), Book.replay(deep))
    found = best_of_rounds(rates)
    for name, rate in found.items():
        print(f"{name:36} {rate:14,.0f} messages/s {rate / found['naive twin']:10,.1f} x")


if __name__ == "__main__":
    main()
