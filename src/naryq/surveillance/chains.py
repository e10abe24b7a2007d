"""What runs through several sessions: trades in a circle, resale and its mark-up, a price that is carried upwards."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from naryq.messages import SessionWatched
from naryq.surveillance.sheet import Evidence, Finding, Sheet, basis_points, dealt, digested, filled
from naryq.units import divide

MOMENTUM_SESSIONS: Final = 4
"""Over how many sessions a rise is measured, this one the last."""
DRIVER_SHARE_BASIS_POINTS: Final = 3_000
"""Who bought less than this in any of them did not carry the price."""
FEWEST_RESOLD_LOTS: Final = 1


def circular_trades(sheet: Sheet) -> Iterator[Finding]:
    """Measure what went round: the lots that two or three groups sold to each other in a circle, lately.

    For a circle a -> b -> a or a -> b -> c -> a it is the least that any of its steps carried. Source: MAR (EU)
    596/2014, annex I, indicator A(c); Cao and others (2016), Detecting Wash Trade in Financial Market Using Digraphs
    and Dynamic Programming, IEEE Transactions on Neural Networks and Learning Systems 27(11).
    """
    carried: dict[tuple[str, str], int] = {}
    for digest in (*sheet.elsewhere, digested(sheet)):
        for pair in digest.trades:
            if pair.seller != pair.buyer:
                names = (pair.seller, pair.buyer)
                carried[names] = carried.get(names, 0) + pair.quantity_lots
    buyers_of: dict[str, list[str]] = {}
    for seller, buyer in sorted(carried):
        buyers_of.setdefault(seller, []).append(buyer)
    active = frozenset(name for trade in sheet.trades for name in (trade.seller, trade.buyer))
    for circle in _circles(carried, buyers_of):
        if active.issuperset(circle):
            steps = zip(circle, (*circle[1:], circle[0]), strict=True)
            value = min(carried[step] for step in steps)
            evidence: Evidence = (("carried_round", value, "lots"), ("groups", len(circle), "groups"))
            yield Finding(circle, value, evidence, dealt(sheet, circle))


def _circles(carried: dict[tuple[str, str], int], buyers_of: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield each circle of two or three groups once, from its first group by name."""
    for first, second in sorted(carried):
        if first < second and (second, first) in carried:
            yield first, second
        for third in buyers_of.get(second, ()) if first < second else ():
            if third > first and third != second and (third, first) in carried:
                yield first, second, third


class _Lot(NamedTuple):
    """Gas in somebody's hands: how much, at which price it was bought, at which it first was sold, how often it was."""

    lots: int
    bought_at: int
    first_at: int
    depth: int


class Resold(NamedTuple):
    """What a group sold that it had bought: lots, what it paid and got for them, how often the gas had been sold."""

    lots: int = 0
    cost: int = 0
    proceeds: int = 0
    first: int = 0
    depth: int = 0


def resold(digests: Iterable[SessionWatched]) -> dict[str, Resold]:
    """Follow gas from hand to hand, first bought first sold, and return for each group what it sold on in the last.

    Where the two sides of a trade are known, gas keeps its history; in an auction with one price it begins anew. What
    was bought earlier than the sessions given is not seen, and what was burned is taken for kept: a bound from above.
    """
    hands: dict[str, deque[_Lot]] = {}
    found: dict[str, Resold] = {}
    for digest in digests:
        found = {}
        for seller, buyer, lots, price in _moves(digest):
            for part in _handed_over(hands, seller, lots, price, found):
                if buyer:
                    hands.setdefault(buyer, deque()).append(part)
    return found


def _moves(digest: SessionWatched) -> Iterator[tuple[str, str, int, int]]:
    """Yield seller, buyer, lots and average price; an auction without pairs sells all first and then lets all buy."""
    for pair in digest.trades:
        yield pair.seller, pair.buyer, pair.quantity_lots, divide(pair.turnover, pair.quantity_lots)
    if not digest.trades:
        for each in digest.positions:
            if each.sold_lots:
                yield each.group, "", each.sold_lots, divide(each.sold_turnover, each.sold_lots)
        for each in digest.positions:
            if each.bought_lots:
                yield "", each.group, each.bought_lots, divide(each.bought_turnover, each.bought_lots)


def _handed_over(
    hands: dict[str, deque[_Lot]], seller: str, lots: int, price: int, found: dict[str, Resold]
) -> Iterator[_Lot]:
    """Take lots out of a seller's hands, the oldest first; what it never bought is its own and begins here."""
    held = hands.get(seller, deque()) if seller else deque()
    while lots and held:
        oldest = held.popleft()
        part = min(lots, oldest.lots)
        if part < oldest.lots:
            held.appendleft(oldest._replace(lots=oldest.lots - part))
        lots -= part
        found[seller] = _with_sale(found.get(seller, Resold()), oldest, part, price)
        yield _Lot(part, price, oldest.first_at, oldest.depth + 1)
    if lots:
        yield _Lot(lots, price, price, 1)


def _with_sale(sum_: Resold, lot: _Lot, lots: int, price: int) -> Resold:
    return Resold(
        sum_.lots + lots,
        sum_.cost + lots * lot.bought_at,
        sum_.proceeds + lots * price,
        sum_.first + lots * lot.first_at,
        max(sum_.depth, lot.depth + 1),
    )


def _resold_here(sheet: Sheet) -> Iterator[tuple[str, Resold]]:
    found = resold((*sheet.elsewhere, digested(sheet)))
    yield from ((group, sums) for group, sums in sorted(found.items()) if sums.lots >= FEWEST_RESOLD_LOTS)


def resale_markup(sheet: Sheet) -> Iterator[Finding]:
    """Measure what a group earned on gas that it sold on, over what it had paid, in basis points.

    U = 10,000 * (proceeds - cost) / cost, over the lots sold in this session that were bought in the sessions before,
    first bought first sold. Source: the Gas Law of Kazakhstan, article 20(10), which caps the first sale and no resale.
    """
    for group, sums in _resold_here(sheet):
        if sums.proceeds > sums.cost > 0:
            value = basis_points(sums.proceeds - sums.cost, sums.cost)
            evidence: Evidence = (
                ("markup_on_resale", value, "basis points"),
                ("sold_on", sums.lots, "lots"),
                ("bought_at", divide(sums.cost, sums.lots), "tenge per tonne"),
                ("sold_at", divide(sums.proceeds, sums.lots), "tenge per tonne"),
            )
            yield Finding((group,), value, evidence, filled(sheet, (group,), "sell"))


def resale_chain(sheet: Sheet) -> Iterator[Finding]:
    """Count how often the same gas has been sold, this time included, as far as the sides of its trades are known."""
    for group, sums in _resold_here(sheet):
        evidence: Evidence = (
            ("times_sold", sums.depth, "trades"),
            ("sold_on", sums.lots, "lots"),
            ("first_sold_at", divide(sums.first, sums.lots), "tenge per tonne"),
            ("now_sold_at", divide(sums.proceeds, sums.lots), "tenge per tonne"),
        )
        yield Finding((group,), sums.depth, evidence, filled(sheet, (group,), "sell"))


def momentum(sheet: Sheet) -> Iterator[Finding]:
    """Measure how far the average price has risen over the last sessions while one group bought much in each.

    R = 10,000 * (average now - average then) / average then, where no session in between fell below the one before it,
    and one group bought at least three tenths in each. Source: the ramp of 2021 in Kazakhstan, from 67,000 to above
    100,000 tenge, which no rule measured; MAR annex I, indicator A(b).
    """
    digests = (*sheet.history[1 - MOMENTUM_SESSIONS :], digested(sheet))
    averages = [digest.average_tenge_per_tonne for digest in digests]
    prices = [price for price in averages if price is not None]
    if len(prices) < MOMENTUM_SESSIONS or sorted(prices) != prices or not prices[0]:
        return
    drivers = [_drivers(digest) for digest in digests]
    for group in sorted(frozenset.intersection(*drivers)):
        value = basis_points(prices[-1] - prices[0], prices[0])
        evidence: Evidence = (
            ("risen", value, "basis points"),
            ("average_then", prices[0], "tenge per tonne"),
            ("average_now", prices[-1], "tenge per tonne"),
            ("sessions", len(prices), "sessions"),
        )
        yield Finding((group,), value, evidence, filled(sheet, (group,), "buy"))


def _drivers(digest: SessionWatched) -> frozenset[str]:
    total = sum(each.bought_lots for each in digest.positions)
    return frozenset(
        each.group
        for each in digest.positions
        if total and basis_points(each.bought_lots, total) >= DRIVER_SHARE_BASIS_POINTS
    )
