"""Who could move the price: concentration, pivotal suppliers, capacity held back, a cornered market."""

from collections.abc import Iterator
from typing import Final

from naryq.messages import Measure, Side
from naryq.surveillance.sheet import Evidence, Finding, Sheet, asked_lots, basis_points, filled, sent, summed
from naryq.units import BASIS_POINTS, Rounding, divide

SIDES: Final[tuple[tuple[Side, Measure, Measure], ...]] = (
    ("sell", "hhi_of_sales", "largest_share_of_sales"),
    ("buy", "hhi_of_purchases", "largest_share_of_purchases"),
)
"""A side, and what its index and the share of its largest are called."""


def concentration(sheet: Sheet) -> Iterator[Finding]:
    """Measure HHI, the sum of the squared shares, of a session's sales and of its purchases, 1 to 10,000 points.

    HHI = 10,000 * sum(q_g ** 2) / sum(q_g) ** 2 over groups g of affiliates. Source: Herfindahl and Hirschman; US
    Merger Guidelines (2023), guideline 1, which call more than 1,800 points highly concentrated.
    """
    for side, index, share in SIDES:
        lots = summed((fill.group, fill.quantity_lots) for fill in sheet.fills if fill.side == side)
        if lots:
            total = sum(lots.values())
            largest = max(lots, key=lambda group: (lots[group], group))
            points = divide(BASIS_POINTS * sum(each * each for each in lots.values()), total * total, Rounding.DOWN)
            evidence: Evidence = (
                (index, points, "points"),
                (share, basis_points(lots[largest], total), "basis points"),
                ("groups", len(lots), "groups"),
            )
            yield Finding((largest,), points, evidence, filled(sheet, (largest,), side))


def pivotal_supplier(sheet: Sheet) -> Iterator[Finding]:
    """Measure the residual supply index of the largest supplier, in basis points: could the others serve the demand?

    RSI = 10,000 * (S - s) / D with S all that was offered, s the largest offer of a group, D what was bought. Below
    10,000 the supplier is pivotal. Source: Sheffrin (2002), Predicting Market Power Using the Residual Supply Index.
    """
    offered = asked_lots(sheet.offers)
    bought = sum(fill.quantity_lots for fill in sheet.fills if fill.side == "buy")
    if offered and bought:
        largest = max(offered, key=lambda group: (offered[group], group))
        index = basis_points(sum(offered.values()) - offered[largest], bought)
        evidence: Evidence = (
            ("residual_supply_index", index, "basis points"),
            ("offered_by_all", sum(offered.values()), "lots"),
            ("offered_by_the_largest", offered[largest], "lots"),
            ("bought", bought, "lots"),
        )
        yield Finding((largest,), index, evidence, sent(sheet, (largest,), "sell"))


def withheld_capacity(sheet: Sheet) -> Iterator[Finding]:
    """Measure what a group could have offered and did not, as a part of all that was offered, in basis points.

    W = 10,000 * (c - s) / S with c the larger of two: what the supply plan asks it to offer in this session (`evenly`),
    and the most that it offered in the last sessions of this market. Source: physical withholding in Joskow and Kahn
    (2002), The Energy Journal 23(4); producers fulfil the plan, Gas Law, article 27-1(14).
    """
    offered = asked_lots(sheet.offers)
    total = sum(offered.values())
    for group, capacity in sorted(_capacities(sheet).items()):
        held = capacity - offered.get(group, 0)
        if held > 0:
            value = basis_points(held, max(total, 1))
            evidence: Evidence = (
                ("held_back_of_all_that_was_offered", value, "basis points"),
                ("could_offer", capacity, "lots"),
                ("asked_for_by_the_plan", sheet.planned.get(group, 0), "lots"),
                ("offered", offered.get(group, 0), "lots"),
                ("offered_by_all", total, "lots"),
            )
            yield Finding((group,), value, evidence, sent(sheet, (group,), "sell"))


def _capacities(sheet: Sheet) -> dict[str, int]:
    shown = dict(sheet.planned)
    for digest in sheet.history:
        for group, lots in digest.offered:
            shown[group] = max(lots, shown.get(group, 0))
    return shown


def evenly(owed_lots: int, days: int) -> int:
    """Return what a plan asks for today: what it is still owed, spread evenly over the trading days left, rounded up.

    Who offers as much each day is never asked for more; whoever waits is asked for more every day, and on the last one
    for all of it.

    >>> [evenly(20, 20), evenly(20, 3), evenly(20, 1), evenly(0, 5)]
    [1, 7, 20, 0]
    """
    return divide(owed_lots, max(days, 1), Rounding.UP)


def cornering(sheet: Sheet) -> Iterator[Finding]:
    """Measure what part of all that was sold lately one group of buyers took, this session included, in basis points.

    C = 10,000 * sum over sessions(bought by g) / sum over sessions(bought by all), over the last sessions of this
    market. Source: Pirrong (1993), Manipulation of the Commodity Futures Market Delivery Process, Journal of Business
    66(3).
    """
    before = [(each.group, each.bought_lots) for digest in sheet.history for each in digest.positions]
    now = [(fill.group, fill.quantity_lots) for fill in sheet.fills if fill.side == "buy"]
    bought = summed((*before, *now))
    total = sum(bought.values())
    if total and now and len(sheet.history) >= FEWEST_SESSIONS:
        largest = max(bought, key=lambda group: (bought[group], group))
        value = basis_points(bought[largest], total)
        evidence: Evidence = (
            ("bought_of_all", value, "basis points"),
            ("bought", bought[largest], "lots"),
            ("sessions", len(sheet.history) + 1, "sessions"),
        )
        yield Finding((largest,), value, evidence, filled(sheet, (largest,), "buy"))


FEWEST_SESSIONS = 3
"""How many sessions before this one make a habit."""
