"""Days of an exchange in LOBSTER's published layout, made by a naive book of lists that shares no code with ours.

The exchange knows every order. What it publishes is cut as LOBSTER cuts it: only events that touch the visible levels,
only the levels asked for, and only from some event on, so that the reader meets orders that it never saw arrive.
"""

import random
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

BUY, SELL = 1, -1
SUBMISSION, CANCELLATION, DELETION, EXECUTION, HIDDEN_EXECUTION, CROSS, HALT = range(1, 8)
UNOCCUPIED = 9_999_999_999

Event = tuple[int, int, int, int, int]
"""Type, order identifier, size, price, direction: a message without its time."""


class Line(NamedTuple):
    """An event and the visible book after it."""

    event: Event
    book: tuple[int, ...]


class Exchange:
    """Every order of one stock, by side and price, oldest first, and the record of what has happened."""

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.orders: dict[int, list[int]] = {}
        self.queues: dict[tuple[int, int], list[int]] = {}
        self.names = 0
        self.record = [Line((0, 0, 0, 0, 0), self.book())]

    def prices(self, side: int) -> list[int]:
        return sorted((price for own, price in self.queues if own == side), reverse=side == BUY)

    def book(self) -> tuple[int, ...]:
        cells: list[int] = []
        sides = ((SELL, self.prices(SELL)), (BUY, self.prices(BUY)))
        for level in range(self.levels):
            for side, prices in sides:
                cells += self._cell(side, prices[level]) if level < len(prices) else [-side * UNOCCUPIED, 0]
        return tuple(cells)

    def _cell(self, side: int, price: int) -> list[int]:
        return [price, sum(self.orders[name][2] for name in self.queues[side, price])]

    def happen(self, *event: int) -> None:
        kind, name, size, price, side = event
        self.record.append(Line((kind, name, size, price, side), self.book()))

    def rest(self, side: int, price: int, size: int) -> int:
        self.names += 1
        self.orders[self.names] = [side, price, size]
        self.queues.setdefault((side, price), []).append(self.names)
        self.happen(SUBMISSION, self.names, size, price, side)
        return self.names

    def take(self, name: int, size: int, kind: int, at: int | None = None) -> None:
        side, price, left = self.orders[name]
        self.orders[name][2] -= size
        if size == left:
            del self.orders[name]
            self.queues[side, price].remove(name)
            if not self.queues[side, price]:
                del self.queues[side, price]
        self.happen(kind, name, size, price if at is None else at, side)

    def arrive(self, side: int, price: int, size: int) -> None:
        """Match an order by price and time; the remainder rests."""
        while size and (prices := self.prices(-side)) and side * prices[0] <= side * price:
            name = self.queues[-side, prices[0]][0]
            lots = min(size, self.orders[name][2])
            self.take(name, lots, EXECUTION)
            size -= lots
        if size:
            self.rest(side, price, size)

    def cancel(self, name: int, size: int) -> None:
        self.take(name, size, CANCELLATION if size < self.orders[name][2] else DELETION)


def random_day(
    seed: int, events: int, levels: int, *, first: int = 0, ticks: int = 12, unruly: float = 0
) -> list[Line]:
    """Let chance trade, and return what LOBSTER would publish from the event `first` on.

    With a share of `unruly` events, orders execute out of turn, some at a price that is not their own.
    """
    chance = random.Random(seed)
    exchange = Exchange(levels)
    for _ in range(events):
        draw = chance.random()
        side = chance.choice((BUY, SELL))
        if unruly and exchange.orders and chance.random() < unruly:
            name = chance.choice(list(exchange.orders))
            price, size = exchange.orders[name][1:]
            exchange.take(name, chance.randint(1, size), EXECUTION, at=price + 50 * chance.randint(0, 1))
        elif draw < 0.55 or not exchange.orders:
            offset = chance.randint(-ticks, 2)
            exchange.arrive(side, 100 * (1_000 + side * offset), 100 * chance.randint(1, 5))
        elif draw < 0.85:
            name = chance.choice(list(exchange.orders))
            exchange.cancel(name, min(exchange.orders[name][2], 100 * chance.randint(1, 5)))
        elif draw < 0.92 and exchange.prices(side):
            exchange.happen(HIDDEN_EXECUTION, 0, chance.randint(1, 300), exchange.prices(side)[0], side)
        else:
            exchange.arrive(side, 100 * (1_000 + side * ticks), 100 * chance.randint(1, 12))
    return visible(exchange.record)[first:]


def visible(record: list[Line]) -> list[Line]:
    """Keep the events that touch the visible book, and those that never do but are published all the same."""
    return [line for before, line in pairwise(record) if line.book != before.book or line.event[0] >= HIDDEN_EXECUTION]


def message_text(lines: list[Line]) -> str:
    return "".join(
        f"{34_200 + row // 100}.{row % 100:02d}0000001,{','.join(map(str, line.event))}\n"
        for row, line in enumerate(lines)
    )


def book_text(lines: list[Line]) -> str:
    return "".join(",".join(map(str, line.book)) + "\n" for line in lines)


def write_day(folder: Path, lines: list[Line]) -> tuple[Path, Path]:
    """Write the two files of a day."""
    messages, book = folder / "message.csv", folder / "orderbook.csv"
    messages.write_text(message_text(lines), encoding="ascii")
    book.write_text(book_text(lines), encoding="ascii")
    return messages, book
