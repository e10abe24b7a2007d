"""Days of NASDAQ's binary feed, written byte by byte from the specification's table, beside a naive book of lists."""

import random
import struct

LENGTHS = {
    "S": 12,
    "R": 39,
    "H": 25,
    "Y": 20,
    "L": 26,
    "V": 35,
    "W": 12,
    "K": 28,
    "J": 35,
    "h": 21,
    "A": 36,
    "F": 40,
    "E": 31,
    "C": 36,
    "X": 23,
    "D": 19,
    "U": 35,
    "P": 44,
    "Q": 40,
    "B": 19,
    "I": 50,
    "N": 20,
    "O": 48,
}
"""The length of each message in the specification's tables, its type included."""


def message(letter: str, locate: int, time_ns: int, body: bytes) -> bytes:
    """Write a message behind its length."""
    header = letter.encode() + struct.pack(">HH", locate, 0) + time_ns.to_bytes(6, "big")
    return struct.pack(">H", len(header) + len(body)) + header + body


def symbol(name: str) -> bytes:
    return name.ljust(8).encode()


class Feed:
    """The feed of some stocks, and the displayed book of each: orders in a list, oldest first."""

    def __init__(self, stocks: tuple[str, ...]) -> None:
        self.content = bytearray()
        self.time_ns = 14_400 * 10**9
        self.books: dict[str, list[list[int]]] = {stock: [] for stock in stocks}
        self.locates = {stock: 7 * number for number, stock in enumerate(stocks, 1)}
        self.names = 0
        self.matches = 0
        self.write("S", 0, b"O")
        for stock, locate in self.locates.items():
            body = symbol(stock) + b"Q " + struct.pack(">I", 100) + b"NCZ PNN1N" + struct.pack(">I", 0) + b"N"
            self.write("R", locate, body)

    def write(self, letter: str, locate: int, body: bytes) -> None:
        self.time_ns += 1_234_567
        self.content += message(letter, locate, self.time_ns, body)

    def add(self, stock: str, side: str, shares: int, price: int, attribution: bytes = b"") -> int:
        self.names += 1
        body = struct.pack(">Q", self.names) + side.encode() + struct.pack(">I", shares) + symbol(stock)
        self.write("F" if attribution else "A", self.locates[stock], body + struct.pack(">I", price) + attribution)
        self.books[stock].append([self.names, "BS".index(side), price, shares])
        return self.names

    def _order(self, stock: str, name: int) -> list[int]:
        return next(order for order in self.books[stock] if order[0] == name)

    def _less(self, stock: str, name: int, shares: int) -> None:
        order = self._order(stock, name)
        order[3] -= shares
        if order[3] == 0:
            self.books[stock].remove(order)

    def execute(self, stock: str, name: int, shares: int, price: int | None = None) -> None:
        self.matches += 1
        body = struct.pack(">QIQ", name, shares, self.matches)
        tail = b"" if price is None else b"Y" + struct.pack(">I", price)
        self.write("E" if price is None else "C", self.locates[stock], body + tail)
        self._less(stock, name, shares)

    def cancel(self, stock: str, name: int, shares: int) -> None:
        self.write("X", self.locates[stock], struct.pack(">QI", name, shares))
        self._less(stock, name, shares)

    def delete(self, stock: str, name: int) -> None:
        self.write("D", self.locates[stock], struct.pack(">Q", name))
        self.books[stock].remove(self._order(stock, name))

    def replace(self, stock: str, name: int, shares: int, price: int) -> None:
        self.names += 1
        side = self._order(stock, name)[1]
        self.write("U", self.locates[stock], struct.pack(">QQII", name, self.names, shares, price))
        self.books[stock].remove(self._order(stock, name))
        self.books[stock].append([self.names, side, price, shares])

    def first(self, stock: str, side: int) -> list[int] | None:
        """Return the order that trades next: the best price, then the oldest."""
        waiting = [order for order in self.books[stock] if order[1] == side]
        return min(waiting, key=lambda order: order[2] if side else -order[2], default=None)

    def depth(self, stock: str, side: int) -> list[tuple[int, int]]:
        shown: dict[int, int] = {}
        for _, own, price, shares in self.books[stock]:
            if own == side:
                shown[price] = shown.get(price, 0) + shares
        return sorted(shown.items(), reverse=side == 0)


def random_feed(seed: int, events: int, stocks: tuple[str, ...] = ("AAPL", "ZZ")) -> Feed:
    """Let chance trade in several stocks by price and time."""
    chance = random.Random(seed)
    feed = Feed(stocks)
    for _ in range(events):
        _step(feed, chance, chance.choice(stocks), chance.randrange(2))
    return feed


def _step(feed: Feed, chance: random.Random, stock: str, side: int) -> None:
    offset, draw = 100 * chance.randint(1, 8), chance.random()
    prices = (1_000_000 - offset, 1_000_000 + offset)
    first = feed.first(stock, side)
    if draw < 0.5 or not feed.books[stock]:
        feed.add(stock, "BS"[side], 100 * chance.randint(1, 4), prices[side], chance.choice((b"", b"MAKR")))
    elif draw < 0.7 and first:
        feed.execute(stock, first[0], chance.randint(1, first[3]), chance.choice((None, None, prices[0])))
    else:
        name, own, _, shares = chance.choice(feed.books[stock])
        step = chance.randrange(3)
        if step == 0:
            feed.delete(stock, name)
        elif step == 1:
            feed.cancel(stock, name, chance.randint(1, shares))
        else:
            feed.replace(stock, name, 100, prices[own])
