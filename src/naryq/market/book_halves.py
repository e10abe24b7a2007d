"""One side of the continuous book: the queues of its prices, and the prices in order."""

from bisect import bisect_left, insort
from collections import deque
from typing import Final

import numpy as np

from naryq.market.book_rules import MARKET_PRICE, NONE_GIVEN, Order
from naryq.market.call import Ladder
from naryq.market.kernels import Integers

QUEUED_PER_ORDER: Final = 2
"""A queue is made anew when it is so many times as long as the orders that stand in it."""


class Level:
    """The orders at one price, oldest first, how many they are, and the quantity that they show.

    An order that is taken out shows nothing, and stays in the queue until it comes to the front or most of the queue
    is like it: so neither the oldest nor one in the middle costs more for all that wait beside it.
    """

    __slots__ = ("count", "price", "queue", "shown")

    def __init__(self, price: int) -> None:
        """Open an empty queue."""
        self.price = price
        self.queue: deque[Order] = deque()
        self.count = 0
        self.shown = 0

    def orders(self) -> list[Order]:
        """The orders that stand here, oldest first."""
        return [order for order in self.queue if order.shown]

    def front(self) -> Order:
        """The oldest order that stands here."""
        queue = self.queue
        while not queue[0].shown:
            queue.popleft()
        return queue[0]


class Half:
    """One side: its levels by key, and the keys in rising order; the key is the price, negated for sellers."""

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, sign: int) -> None:
        """Open an empty side: 1 to buy, -1 to sell."""
        self.sign = sign
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def opened(self, key: int) -> Level:
        """Return the level of a price at which nobody stood."""
        level = self.levels[key] = Level(self.sign * key)
        insort(self.keys, key)
        return level

    def remove(self, order: Order) -> None:
        """Take an order out of the queue of its price."""
        key = self.sign * order.price
        level = self.levels[key]
        level.shown -= order.shown
        order.shown = order.hidden = 0
        level.count -= 1
        if not level.count:
            del self.levels[key]
            if self.keys[-1] == key:
                self.keys.pop()
            else:
                del self.keys[bisect_left(self.keys, key)]
        elif len(level.queue) > QUEUED_PER_ORDER * level.count:
            level.queue = deque(level.orders())

    def limits(self) -> list[int]:
        """The keys of limit orders in rising order: all but that of market orders, which wait in a call alone."""
        return self.keys[:-1] if self.keys and self.keys[-1] == MARKET_PRICE else self.keys

    def depth(self, levels: int) -> list[tuple[int, int]]:
        """The best prices with the quantity shown at each, best first."""
        best = (self.levels[key] for key in self.limits()[: -levels - 1 : -1])
        return [(level.price, level.shown) for level in best]

    def ladder(self) -> Ladder:
        """What stands at each limit and as market orders, with what icebergs hide."""
        whole = {key: sum(order.shown + order.hidden for order in level.orders()) for key, level in self.levels.items()}
        market = whole.pop(MARKET_PRICE, 0)
        return Ladder([self.sign * key for key in whole], list(whole.values()), market)

    def willing(self, price: int) -> list[Order]:
        """The orders that trade at a price, best and oldest first."""
        keys = self.keys[bisect_left(self.keys, self.sign * price) :]
        return [order for key in reversed(keys) for order in self.levels[key].orders()]

    def rows(self) -> Integers:
        """The orders as rows of seven for the hash of a state, best and oldest first."""
        orders = (order for key in reversed(self.keys) for order in self.levels[key].orders())
        return np.array([row_of(order) for order in orders], np.int64).reshape(-1, 7)


def row_of(order: Order) -> tuple[int, ...]:
    """Return an order as a row: name, owner, price, shown, hidden, display and post-only."""
    owner = NONE_GIVEN if order.owner is None else order.owner
    terms = (order.price, order.shown, order.hidden, order.display or 0, int(order.post_only))
    return (order.order_id, owner, *terms)
