"""Do the offers look as if rivals had made them: their spread, their losers, equal prices, the same order again."""

from collections.abc import Iterator
from typing import Final

from naryq.messages import Measure, Side
from naryq.surveillance.sheet import (
    ORDERS_SHOWN,
    Evidence,
    Finding,
    Sheet,
    average_prices,
    basis_points,
    ranked,
    root_down,
    sent,
    variation_basis_points,
)
from naryq.units import BASIS_POINTS

SIDES: Final[tuple[tuple[Side, Measure, Measure], ...]] = (
    ("sell", "variation_of_the_prices_to_sell", "of_the_groups_with_one_price_to_sell"),
    ("buy", "variation_of_the_prices_to_buy", "of_the_groups_with_one_price_to_buy"),
)
"""A side, and what the spread of its prices and the part that has one price are called."""
FEWEST_GROUPS: Final = 4
"""Of fewer rivals no spread says anything."""
FEWEST_LOSERS: Final = 3
FEWEST_RANKED: Final = 4
FEWEST_WITH_ONE_PRICE: Final = 3


def clustered_bids(sheet: Sheet) -> Iterator[Finding]:
    """Measure how close the groups' average prices lie together: their coefficient of variation, in basis points.

    CV = 10,000 * standard deviation / mean; a cartel that agrees on a price varies less. Source: Abrantes-Metz, Froeb,
    Geweke and Taylor (2006), A variance screen for collusion, International Journal of Industrial Organization 24(3).
    """
    for side, variation, _ in SIDES:
        prices = average_prices(sheet.offers, side)
        if len(prices) >= FEWEST_GROUPS:
            value = variation_basis_points(tuple(prices.values()))
            evidence: Evidence = (
                (variation, value, "basis points"),
                ("lowest", min(prices.values()), "tenge per tonne"),
                ("highest", max(prices.values()), "tenge per tonne"),
                ("groups", len(prices), "groups"),
            )
            yield Finding(ranked(prices), value, evidence, sent(sheet, ranked(prices), side))


def losing_bids(sheet: Sheet) -> Iterator[Finding]:
    """Measure how far sellers who sold nothing stand above those who sold, in spreads of their own, in basis points.

    RD = 10,000 * (lowest loser - highest winner) / standard deviation of the losers: cover bids stand together behind a
    gap. Source: Imhof, Karagök and Rutz (2018), Screening for Bid Rigging: Does It Work?, Journal of Competition Law
    and Economics 14(2).
    """
    sold = frozenset(fill.group for fill in sheet.fills if fill.side == "sell")
    prices = average_prices(sheet.offers, "sell")
    losers = {group: price for group, price in prices.items() if group not in sold}
    winners = [price for group, price in prices.items() if group in sold]
    if len(losers) < FEWEST_LOSERS or not winners:
        return
    gap = min(losers.values()) - max(winners)
    count, total = len(losers), sum(losers.values())
    spread = count * sum(price * price for price in losers.values()) - total * total
    if gap > 0:
        value = root_down((gap * count * BASIS_POINTS) ** 2, max(spread, 1))
        evidence: Evidence = (
            ("gap_in_spreads_of_the_losers", value, "basis points"),
            ("gap", gap, "tenge per tonne"),
            ("losers", count, "groups"),
        )
        yield Finding(ranked(losers), value, evidence, sent(sheet, ranked(losers), "sell"))


def identical_prices(sheet: Sheet) -> Iterator[Finding]:
    """Measure what part of the groups on one side sent the very same price, three or more of them, in basis points.

    Prices at the bounds of the collar do not count. Source: OECD (2009), Guidelines for Fighting Bid Rigging in Public
    Procurement, checklist: identical prices.
    """
    for side, _, with_one_price in SIDES:
        groups_on_side = len({each.group: None for each in sheet.offers if each.side == side})
        at_price: dict[int, dict[str, str]] = {}
        for each in sheet.offers:
            if each.side == side and each.price_tenge_per_tonne not in sheet.bounds_tenge_per_tonne:
                at_price.setdefault(each.price_tenge_per_tonne, {}).setdefault(each.group, each.order_id)
        price = max(at_price, key=lambda price: (len(at_price[price]), price), default=0)
        groups = at_price.get(price, {})
        if len(groups) >= FEWEST_WITH_ONE_PRICE:
            value = basis_points(len(groups), groups_on_side)
            evidence: Evidence = (
                (with_one_price, value, "basis points"),
                ("with_that_price", len(groups), "groups"),
                ("price", price, "tenge per tonne"),
            )
            yield Finding(tuple(sorted(groups)), value, evidence, tuple(groups.values())[:ORDERS_SHOWN])


def same_order(sheet: Sheet) -> Iterator[Finding]:
    """Count the sessions in a row, this one the last, in which the sellers stood in the same order of price.

    Sessions with another set of sellers end the row. Source: OECD (2009), as for identical prices: patterns that recur.
    """
    ranking = ranked(average_prices(sheet.offers, "sell"))
    if len(ranking) < FEWEST_RANKED:
        return
    count = 1
    for digest in reversed(sheet.history):
        if digest.ranking != ranking:
            break
        count += 1
    evidence: Evidence = (
        ("sessions_with_the_same_order_of_sellers", count, "sessions"),
        ("groups", len(ranking), "groups"),
    )
    yield Finding(ranking, count, evidence, sent(sheet, ranking, "sell"))
