"""Plain twins of the kernels of small markets: each is written from its meaning, with lists and searches."""

from typing import Any

import numpy as np

from naryq.market.small_kernels import Book
from naryq.units import apportion

Array = Any


def links_of(book: Book) -> list[tuple[int, ...]]:
    """List the links: source, target, capacity, tariff, flow."""
    columns = (book.source, book.target, book.capacity, book.tariff, book.flow)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def sort_pairs(first: Array, second: Array) -> None:
    pairs = sorted(zip(first.tolist(), second.tolist(), strict=True))
    first[:], second[:] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def extremes(values: Array) -> tuple[int, int]:
    return min(values.tolist(), default=0), max(values.tolist(), default=0)


def copy(values: Array, target: Array) -> None:
    target[:] = values


def draw(  # noqa: PLR0917 - as the kernel
    here: Array, side: Array, price: Array, quantity: Array, start: Array, limit: Array, lots: Array, taken: Array
) -> None:
    rows = list(zip(*(column.tolist() for column in (here, side, price, quantity)), strict=True))
    low, high = min((row[2] for row in rows), default=0), max((row[2] for row in rows), default=0)
    steps: list[tuple[int, int]] = []
    for place in range(len(taken)):
        own = [row[1:] for row in rows if row[0] == place]
        ends = [(1, 1), (2 * (high - low + 2), 1)]
        start[place] = len(steps)
        steps += sorted([*ends, *((2 * (price - low + 1) + (side == 0), lots) for side, price, lots in own)])
        taken[place] = 1 + sum(lots for side, _, lots in own if side == 0)
    start[-1] = len(steps)
    limit[:], lots[:] = [step[0] for step in steps], [step[1] for step in steps]


def pays(book: Book) -> bool:
    gaps = [(book.at[t] - book.at[s] - tariff, capacity, flow) for s, t, capacity, tariff, flow in links_of(book)]
    return all(flow == capacity if gap > 0 else gap == 0 or flow == 0 for gap, capacity, flow in gaps)


def contested(book: Book) -> bool:
    places = range(len(book.at))
    ways = [(s, t) for s, t, capacity, tariff, _ in links_of(book) if capacity and book.at[t] - book.at[s] == tariff]
    group = {place: {place} for place in places}
    for _ in places:
        for one, other in ways:
            both = group[one] | group[other]
            for place in sorted(both):
                group[place] = both
    for side in (0, 1):
        offered, traded = book.offered[:, side], book.traded[:, side]
        for place in places:
            own = sorted(group[place])
            several = sum(offered[each] > 0 for each in own) > 1
            if several and any(traded[each] < offered[each] for each in own) and any(traded[each] > 0 for each in own):
                return True
    return False


def circles(book: Book) -> bool:
    ways = {(s, t) for s, t, _, tariff, flow in links_of(book) if flow and not tariff}
    for _ in range(len(book.at)):
        ways |= {(one, end) for one, other in sorted(ways) for start, end in sorted(ways) if other == start}
    return any(one == other for one, other in ways)


def moved(book: Book, prices: Array, *, up: bool) -> None:
    """Move prices, one bound after another, until every open link and every used one agrees with them."""
    for _ in range(len(prices)):
        for s, t, capacity, tariff, flow in links_of(book):
            if flow < capacity:
                s_new, t_new = max(prices[s], prices[t] - tariff), min(prices[t], prices[s] + tariff)
                prices[s if up else t] = s_new if up else t_new
            if flow > 0:
                s_new, t_new = min(prices[s], prices[t] - tariff), max(prices[t], prices[s] + tariff)
                prices[t if up else s] = t_new if up else s_new


def lower_all(book: Book, prices: Array) -> None:
    moved(book, prices, up=False)


def raise_all(book: Book, prices: Array) -> None:
    moved(book, prices, up=True)


def fill_in_turn(quantity: Array, members: Array, total: int, fills: Array) -> None:
    for row in members.tolist():
        fills[row] = min(int(quantity[row]), total)
        total -= int(fills[row])


def fill_pro_rata(quantity: Array, members: Array, total: int, fills: Array) -> bool:
    fills[members] = apportion(total, tuple(quantity[members].tolist()))
    return True


def margin_of(book: Book, here: int, side: int) -> list[int]:
    own = [row for row in range(len(book.here)) if book.here[row] == here and book.side[row] == side]
    return sorted((row for row in own if book.price[row] == book.at[here]), key=lambda row: (book.turn[row], row))


def values(book: Book, prices: Array, fills: Array) -> tuple[int, int]:
    sign = np.where(book.side == 0, 1, -1)
    gains = sign * (book.price - prices[book.here])
    rents = [capacity * max(0, prices[t] - prices[s] - tariff) for s, t, capacity, tariff, _ in links_of(book)]
    cost = sum(tariff * flow for *_, tariff, flow in links_of(book))
    return int((sign * fills * book.price).sum() - cost), int(
        (gains[gains > 0] * book.quantity[gains > 0]).sum()
    ) + sum(rents)


def balanced(book: Book, fills: Array) -> bool:
    left = [0] * len(book.at)
    for here, side, fill in zip(book.here.tolist(), book.side.tolist(), fills.tolist(), strict=True):
        left[here] += fill if side else -fill
    for s, t, _, _, flow in links_of(book):
        left[s] -= flow
        left[t] += flow
    return not any(left) and all(0 <= flow <= capacity for _, _, capacity, _, flow in links_of(book))
