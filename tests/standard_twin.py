"""The plain twin of the standard auction: one lot after another, and fractions for what is pro rata.

It knows no steps and no rounds of service: it lists every single lot that anybody wants, with the price at which he
last wanted it, and gives the lots out one by one.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from naryq.market.standard_terms import Round, Terms


class WantedLot(NamedTuple):
    """One lot of one statement: whose, at what price, said when, and as which statement of all."""

    participant: str
    price: int
    at_ns: int
    statement: int


class Found(NamedTuple):
    """What the twin finds: lots by participant and price paid, the price, and the status."""

    won: dict[tuple[str, int], int]
    price: int | None
    status: str


def wanted_lots(terms: Terms, rounds: Sequence[Round]) -> list[WantedLot]:
    """List every lot wanted, at the last price at which its participant said so."""
    lots: list[WantedLot] = []
    drop_outs = terms.format == "open" and (terms.initiator, terms.direction) in (("seller", "up"), ("buyer", "down"))
    last: dict[tuple[str, int], WantedLot] = {}
    for number, each in enumerate(rounds):
        for place, bid in enumerate(each.bids):
            for index in range(bid.quantity):
                lot = WantedLot(bid.participant, bid.price, bid.at_ns, number * 1_000 + place)
                if drop_outs:
                    last[bid.participant, index] = lot
                else:
                    lots.append(lot)
    return lots + list(last.values())


def groups(terms: Terms, names: Sequence[str]) -> int:
    """Count the circles of those who belong together, by joining sets until they are apart."""
    circles: list[set[str]] = []
    for found in [{name} for name in names] + [set(pair) for pair in terms.affiliates.items()]:
        touched = [circle for circle in circles if circle & found]
        circles = [circle for circle in circles if not circle & found] + [found.union(*touched)]
    return sum(1 for circle in circles if circle & set(names))


def hand_out(terms: Terms, lots: list[WantedLot]) -> tuple[list[WantedLot], list[WantedLot]]:
    """Part the lots wanted into those won and those not."""
    best = -1 if terms.initiator == "seller" else 1
    lots = sorted(lots, key=lambda lot: (best * lot.price, lot.at_ns, lot.statement))
    if len(lots) <= terms.lots:
        return lots, []
    margin = lots[terms.lots].price
    better = [lot for lot in lots if best * lot.price < best * margin]
    at_margin = [lot for lot in lots if lot.price == margin]
    left = terms.lots - len(better)
    won = pro_rata(at_margin, left) if terms.tie == "pro_rata" else at_margin[:left]
    rest = list(lots)
    for lot in better + won:
        rest.remove(lot)
    return better + won, rest


def pro_rata(at_margin: list[WantedLot], left: int) -> list[WantedLot]:
    """Give each statement the whole part of its quota, and one lot more to the largest fractions."""
    statements = list(dict.fromkeys(at_margin))
    quota = {each: Fraction(at_margin.count(each) * left, len(at_margin)) for each in statements}
    given = {each: int(quota[each]) for each in statements}
    for each in sorted(statements, key=lambda each: quota[each] - given[each], reverse=True):
        if sum(given.values()) < left:
            given[each] += 1
    return [each for each in statements for _ in range(given[each])]


def find(terms: Terms, admitted: Sequence[str], rounds: Sequence[Round]) -> Found:
    """Find the outcome of an auction from what was stated."""
    if groups(terms, admitted) + int(terms.initiator_counts) < terms.minimum_participants:
        return Found({}, None, "void")
    reserve = terms.reserve_price
    up = terms.initiator == "seller"
    lots = [
        lot
        for lot in wanted_lots(terms, rounds)
        if reserve is None or (lot.price >= reserve if up else lot.price <= reserve)
    ]
    if not lots:
        return Found({}, None, "void")
    won, rest = hand_out(terms, lots)
    last = min(lot.price for lot in won) if up else max(lot.price for lot in won)
    price = last
    if terms.payment == "uniform" and terms.uniform_rule == "first_rejected":
        bounds: list[Any] = [lot.price for lot in rest]
        if not bounds:
            bounds = [reserve, terms.start_price if up == (terms.direction == "up") else None]
            bounds = [bound for bound in bounds if bound is not None] or [last]
        price = max(bounds) if up else min(bounds)
    counts: dict[tuple[str, int], int] = {}
    for lot in won:
        key = lot.participant, price if terms.payment == "uniform" else lot.price
        counts[key] = counts.get(key, 0) + 1
    return Found(counts, price, "sold" if len(won) == terms.lots else "partly_sold")
