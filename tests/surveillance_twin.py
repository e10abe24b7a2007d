"""The measures of the watch once more, by fractions and plain loops, from the formulas of the reference page alone."""

from collections import Counter
from fractions import Fraction
from itertools import combinations, pairwise, permutations
from math import ceil, floor, isqrt
from typing import Any

from naryq.surveillance import Sheet

Found = set[tuple[tuple[str, ...], int]]
"""Whom a measure concerns, and its value."""


def _down(ratio: Fraction) -> int:
    return floor(ratio)


def _root_up(square: Fraction) -> int:
    root = isqrt(ceil(square))
    return root if Fraction(root * root) >= square else root + 1


def _lots(sheet: Sheet, side: str, of: str = "fills") -> Counter[str]:
    found: Counter[str] = Counter()
    for each in getattr(sheet, of):
        if each.side == side and not getattr(each, "withdrawn", False):
            found[each.group] += each.quantity_lots
    return found


def _largest(lots: Counter[str]) -> str:
    return max(sorted(lots), key=lambda group: (lots[group], group))


def _prices(sheet: Sheet, side: str) -> dict[str, int]:
    sums: dict[str, list[int]] = {}
    for each in sheet.offers:
        if each.side == side and not each.withdrawn:
            row = sums.setdefault(each.group, [0, 0])
            row[0] += each.quantity_lots * each.price_tenge_per_tonne
            row[1] += each.quantity_lots
    return {group: floor(Fraction(total, lots) + Fraction(1, 2)) for group, (total, lots) in sums.items()}


def _order(prices: dict[str, int]) -> tuple[str, ...]:
    return tuple(name for _, name in sorted((price, name) for name, price in prices.items()))


def _variation(values: list[int]) -> int:
    mean = Fraction(sum(values), len(values))
    square = sum(((value - mean) ** 2 for value in values), Fraction(0)) / len(values) / mean**2
    return _root_up(square * 10**8)


def concentration(sheet: Sheet) -> Found:
    found: Found = set()
    for side in ("sell", "buy"):
        lots = _lots(sheet, side)
        total = sum(lots.values())
        if total:
            points = _down(Fraction(10_000 * sum(each * each for each in lots.values()), total * total))
            found.add(((_largest(lots),), points))
    return found


def pivotal_supplier(sheet: Sheet) -> Found:
    offered, bought = _lots(sheet, "sell", "offers"), sum(_lots(sheet, "buy").values())
    if not offered or not bought:
        return set()
    largest = _largest(offered)
    others = sum(lots for group, lots in offered.items() if group != largest)
    return {((largest,), _down(Fraction(10_000 * others, bought)))}


def withheld_capacity(sheet: Sheet) -> Found:
    offered = _lots(sheet, "sell", "offers")
    able: dict[str, int] = dict(sheet.planned)
    for digest in sheet.history:
        for group, lots in digest.offered:
            able[group] = max(able.get(group, 0), lots)
    total = max(sum(offered.values()), 1)
    return {
        ((group,), _down(Fraction(10_000 * (lots - offered[group]), total)))
        for group, lots in able.items()
        if lots > offered[group]
    }


def cornering(sheet: Sheet) -> Found:
    bought, now = _lots(sheet, "buy"), _lots(sheet, "buy")
    for digest in sheet.history:
        for each in digest.positions:
            bought[each.group] += each.bought_lots
    if len(sheet.history) < 3 or not now:
        return set()
    largest = _largest(bought)
    return {((largest,), _down(Fraction(10_000 * bought[largest], sum(bought.values()))))}


def clustered_bids(sheet: Sheet) -> Found:
    found: Found = set()
    for side in ("sell", "buy"):
        prices = _prices(sheet, side)
        if len(prices) >= 4:
            found.add((_order(prices), _variation(list(prices.values()))))
    return found


def losing_bids(sheet: Sheet) -> Found:
    prices, sold = _prices(sheet, "sell"), _lots(sheet, "sell")
    losers = {group: price for group, price in prices.items() if group not in sold}
    winners = [price for group, price in prices.items() if group in sold]
    if len(losers) < 3 or not winners or min(losers.values()) <= max(winners):
        return set()
    gap, mean = min(losers.values()) - max(winners), Fraction(sum(losers.values()), len(losers))
    square = sum((price - mean) ** 2 for price in losers.values()) / len(losers)
    ratio = Fraction(gap * gap * 10**8) / max(square, Fraction(1, len(losers) ** 2))
    return {(_order(losers), isqrt(floor(ratio)))}


def identical_prices(sheet: Sheet) -> Found:
    found: Found = set()
    for side in ("sell", "buy"):
        offers = [each for each in sheet.offers if each.side == side]
        groups = {each.group for each in offers}
        counted = [
            (len(who), price, tuple(sorted(who)))
            for price in {each.price_tenge_per_tonne for each in offers} - set(sheet.bounds_tenge_per_tonne)
            for who in [{each.group for each in offers if each.price_tenge_per_tonne == price}]
        ]
        if counted and max(counted)[0] >= 3:
            count, _, who = max(counted)
            found.add((who, _down(Fraction(10_000 * count, len(groups)))))
    return found


def same_order(sheet: Sheet) -> Found:
    order, count = _order(_prices(sheet, "sell")), 1
    if len(order) < 4:
        return set()
    while count <= len(sheet.history) and sheet.history[-count].ranking == order:
        count += 1
    return {(order, count)}


def _times(sheet: Sheet) -> dict[str, list[int]]:
    times: dict[str, list[int]] = {}
    for each in sheet.offers:
        times.setdefault(each.participant_id, []).extend((each.at_ns, *each.amended_at_ns))
    return {name: sorted(row) for name, row in times.items()}


def order_to_trade(sheet: Sheet) -> Found:
    found: Found = set()
    for name, times in _times(sheet).items():
        messages = len(times) + sum(each.withdrawn for each in sheet.offers if each.participant_id == name)
        traded = len({fill.order_id for fill in sheet.fills if fill.participant_id == name})
        if messages >= 10:
            found.add(((name,), messages // max(traded, 1)))
    return found


def message_rate(sheet: Sheet) -> Found:
    return {
        ((name,), max(sum(begin <= at < begin + 10**9 for at in times) for begin in times))
        for name, times in _times(sheet).items()
    }


def regular_intervals(sheet: Sheet) -> Found:
    found: Found = set()
    for name, times in _times(sheet).items():
        instants = sorted(set(times))
        gaps = [after - before for before, after in pairwise(instants)]
        if len(gaps) >= 10:
            found.add(((name,), _variation(gaps)))
    return found


def self_match(sheet: Sheet) -> Found:
    bought, sold = _lots(sheet, "buy"), _lots(sheet, "sell")
    within: Counter[str] = Counter()
    for group in bought:
        within[group] = min(bought[group], sold[group])
    if sheet.trades:
        within = Counter()
        for each in sheet.trades:
            within[each.seller] += each.quantity_lots if each.seller == each.buyer else 0
    total = sum(bought.values())
    return {((group,), _down(Fraction(10_000 * lots, total))) for group, lots in within.items() if lots}


def marking_the_close(sheet: Sheet) -> Found:
    tenth = floor(Fraction(sheet.closes_at_ns - sheet.opens_at_ns, 10) + Fraction(1, 2))
    late = [each for each in sheet.trades if each.at_ns >= sheet.closes_at_ns - tenth]
    before = [each for each in sheet.trades if each not in late]
    if not late or not before:
        return set()
    came: Counter[str] = Counter()
    for each in late:
        came[each.buyer if each.aggressor == "buy" else each.seller] += each.quantity_lots
    group = _largest(came)
    all_lots = sum(each.quantity_lots for each in sheet.trades)
    if 2 * came[group] < sum(came.values()) or 20 * came[group] < all_lots:
        return set()
    then, now = (_average_of(row) for row in (before, late))
    return {((group,), _down(Fraction(10_000 * abs(now - then), then)))}


def _average_of(trades: list[Any]) -> int:
    turnover = sum(each.price_tenge_per_tonne * each.quantity_lots for each in trades)
    return floor(Fraction(turnover, sum(each.quantity_lots for each in trades)) + Fraction(1, 2))


def circular_trades(sheet: Sheet) -> Found:
    carried: Counter[tuple[str, str]] = Counter()
    for digest in sheet.elsewhere:
        for pair in digest.trades:
            carried[pair.seller, pair.buyer] += pair.quantity_lots
    for each in sheet.trades:
        carried[each.seller, each.buyer] += each.quantity_lots
    active = sorted({name for each in sheet.trades for name in (each.seller, each.buyer)})
    found: Found = set()
    for size in (2, 3):
        for names in combinations(active, size):
            for rest in permutations(names[1:]):
                circle = (names[0], *rest)
                lots = min(carried[step] for step in zip(circle, (*circle[1:], circle[0]), strict=True))
                if lots:
                    found.add((circle, lots))
    return found


def momentum(sheet: Sheet) -> Found:
    rows = [
        (digest.average_tenge_per_tonne, {each.group: each.bought_lots for each in digest.positions})
        for digest in sheet.history[-3:]
    ]
    sold = [(each.price_tenge_per_tonne, each.quantity_lots) for each in sheet.fills if each.side == "sell"]
    lots = sum(quantity for _, quantity in sold)
    now = floor(Fraction(sum(price * quantity for price, quantity in sold), lots) + Fraction(1, 2)) if lots else None
    rows.append((now, dict(_lots(sheet, "buy"))))
    prices = [price for price, _ in rows if price is not None]
    if len(prices) < 4 or prices != sorted(prices):
        return set()
    drivers = [{g for g, q in bought.items() if 10 * q >= 3 * sum(bought.values()) > 0} for _, bought in rows]
    value = _down(Fraction(10_000 * (prices[-1] - prices[0]), prices[0]))
    return {((group,), value) for group in set.intersection(*drivers)}


TWINS = (
    concentration,
    pivotal_supplier,
    withheld_capacity,
    clustered_bids,
    losing_bids,
    identical_prices,
    same_order,
    order_to_trade,
    self_match,
    circular_trades,
    message_rate,
    regular_intervals,
    marking_the_close,
    momentum,
    cornering,
)
"""Every measure but resale, which is followed lot by lot in tests of its own."""
