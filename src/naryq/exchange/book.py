"""A book of orders over one instrument as a value: a queue at each price, the prices of a side in order.

The queue is a chain through the numbers of the orders, so that entering, leaving and the next in line cost the same
however many wait, and nothing is left behind by who has gone: equal books are equal values. What an order says and
how much of it is open stands with the session's orders; the book says only who comes before whom.

>>> book = entered(entered(entered(EMPTY, "sell", 105, 1), "sell", 103, 2), "sell", 105, 3)
>>> list(queue(book, "sell")), list(queue(left(book, "sell", 105, 1), "sell"))
([2, 1, 3], [2, 3])
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

import msgspec

from naryq.maps import Map
from naryq.messages import Side

MARKET_PRICE: Final = 10**13
"""At which a market order waits in a call, beyond every limit; one to sell waits at it below zero."""
NOBODY: Final = 0
"""The number of no order: orders are counted from 1."""


class Links(msgspec.Struct, frozen=True, gc=False):
    """The neighbours of an order in the queue of its price, or NOBODY."""

    before: int
    after: int


class Level(msgspec.Struct, frozen=True, gc=False):
    """The ends of the queue at a price."""

    oldest: int
    newest: int


class Half(msgspec.Struct, frozen=True, gc=False):
    """One side: its keys in rising order, the best last, and the queue at each; the key is the price, or minus it."""

    keys: tuple[int, ...]
    levels: Map[int, Level]


class Book(msgspec.Struct, frozen=True, gc=False):
    """Both sides, and the neighbours of every order."""

    bids: Half
    asks: Half
    links: Map[int, Links]


EMPTY: Final = Book(Half((), Map()), Half((), Map()), Map())


def key_of(side: Side, price: int) -> int:
    """Return what orders a side by: the higher, the better."""
    return price if side == "buy" else -price


def half_of(book: Book, side: Side) -> Half:
    """Return one side of a book."""
    return book.bids if side == "buy" else book.asks


def _with_half(side: Side, half: Half, other: Half, links: Map[int, Links]) -> Book:
    return Book(half, other, links) if side == "buy" else Book(other, half, links)


def _other(book: Book, side: Side) -> Half:
    return book.asks if side == "buy" else book.bids


def entered(book: Book, side: Side, price: int, number: int) -> Book:
    """Return the book with an order behind all others at its price."""
    half, key, links = half_of(book, side), key_of(side, price), book.links
    level = half.levels.get(key)
    if level is None:
        at = bisect_left(half.keys, key)
        half = Half((*half.keys[:at], key, *half.keys[at:]), half.levels.insert(key, Level(number, number)))
        return _with_half(side, half, _other(book, side), links.insert(number, Links(NOBODY, NOBODY)))
    last = level.newest
    links = links.insert(last, Links(links[last].before, number)).insert(number, Links(last, NOBODY))
    half = Half(half.keys, half.levels.insert(key, Level(level.oldest, number)))
    return _with_half(side, half, _other(book, side), links)


def left(book: Book, side: Side, price: int, number: int) -> Book:
    """Return the book without an order that stands in it."""
    half, key = half_of(book, side), key_of(side, price)
    before, after = book.links[number].before, book.links[number].after
    links, level = book.links.remove(number), half.levels[key]
    if before == after == NOBODY:
        at = bisect_left(half.keys, key)
        half = Half((*half.keys[:at], *half.keys[at + 1 :]), half.levels.remove(key))
        return _with_half(side, half, _other(book, side), links)
    if before != NOBODY:
        links = links.insert(before, Links(links[before].before, after))
    if after != NOBODY:
        links = links.insert(after, Links(before, links[after].after))
    ends = Level(after if before == NOBODY else level.oldest, before if after == NOBODY else level.newest)
    if ends != level:
        half = Half(half.keys, half.levels.insert(key, ends))
    return _with_half(side, half, _other(book, side), links)


def queue(book: Book, side: Side) -> Iterator[int]:
    """Go through the numbers of a side's orders, the best price first and the oldest first at each."""
    half, links = half_of(book, side), book.links
    for key in reversed(half.keys):
        number = half.levels[key].oldest
        while number != NOBODY:
            yield number
            number = links[number].after


def best(book: Book, side: Side) -> int | None:
    """Return the best limit of a side, or None; market orders that wait in a call stand at none."""
    keys = half_of(book, side).keys
    limits = keys[:-1] if keys and keys[-1] == MARKET_PRICE else keys
    return key_of(side, limits[-1]) if limits else None
