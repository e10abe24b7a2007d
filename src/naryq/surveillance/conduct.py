"""How somebody trades: orders that never trade, with oneself, faster or steadier than a hand, at the very end."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from naryq.surveillance.sheet import (
    ORDERS_SHOWN,
    Evidence,
    Finding,
    Offer,
    Sheet,
    Trade,
    basis_points,
    positions,
    summed,
    variation_basis_points,
)
from naryq.units import NS_PER_SECOND, Rounding, divide

FEWEST_ORDERS: Final = 10
"""Of fewer orders no habit can be told."""
LATE_PART: Final = 10
"""The last tenth of a session is its close."""
LATE_SHARE_BASIS_POINTS: Final = 5_000
"""Who has less of the late trades did not make the close alone."""
LATE_WEIGHT_BASIS_POINTS: Final = 500
"""Late trades of less than this part of the session's lots cannot move its weighted average."""


def _by_participant(sheet: Sheet) -> dict[str, list[Offer]]:
    found: dict[str, list[Offer]] = {}
    for each in sheet.offers:
        found.setdefault(each.participant_id, []).append(each)
    return found


def _shown(offers: list[Offer]) -> tuple[str, ...]:
    return tuple(each.order_id for each in offers[:ORDERS_SHOWN])


def order_to_trade(sheet: Sheet) -> Iterator[Finding]:
    """Measure how many messages, orders, changes and withdrawals, somebody sent for each of his orders that traded.

    Who traded nothing is measured as if one order had. Source: Commission Delegated Regulation (EU) 2017/566, on the
    ratio of unexecuted orders to transactions.
    """
    traded = summed((participant, 1) for participant, _ in {(f.participant_id, f.order_id): None for f in sheet.fills})
    for participant, offers in sorted(_by_participant(sheet).items()):
        messages = sum(1 + each.withdrawn + len(each.amended_at_ns) for each in offers)
        if messages >= FEWEST_ORDERS:
            value = divide(messages, max(1, traded.get(participant, 0)), Rounding.DOWN)
            evidence: Evidence = (
                ("messages_for_an_order_that_traded", value, "messages"),
                ("messages", messages, "messages"),
                ("withdrawn", sum(each.withdrawn for each in offers), "orders"),
                ("traded", traded.get(participant, 0), "orders"),
            )
            yield Finding((participant,), value, evidence, _shown(offers))


def message_rate(sheet: Sheet) -> Iterator[Finding]:
    """Count the most orders and changes that somebody sent within one second.

    Source: the Law on Commodity Exchanges of Kazakhstan, article 19(1-2), which bans automated entry at two or more
    requests a second.
    """
    for participant, offers in sorted(_by_participant(sheet).items()):
        sent = _sent(offers)
        first, most, ends = 0, 0, 0
        for last, (at_ns, _) in enumerate(sent):
            while at_ns - sent[first][0] >= NS_PER_SECOND:
                first += 1
            if last - first + 1 > most:
                most, ends = last - first + 1, last + 1
        evidence: Evidence = (("messages_within_one_second", most, "messages"), ("messages", len(sent), "messages"))
        ids = dict.fromkeys(order_id for _, order_id in sent[ends - most : ends])
        yield Finding((participant,), most, evidence, tuple(ids)[:ORDERS_SHOWN])


def _sent(offers: list[Offer]) -> list[tuple[int, str]]:
    """Return when somebody sent or changed an order, and which, in order of time."""
    return sorted((at_ns, each.order_id) for each in offers for at_ns in (each.at_ns, *each.amended_at_ns))


def regular_intervals(sheet: Sheet) -> Iterator[Finding]:
    """Measure how even the pauses between somebody's orders are: their coefficient of variation, in basis points.

    A hand's pauses vary about as much as they last; a timer's hardly at all. Orders of the same instant are one.
    Source: the pauses of a Poisson process, which nothing times, have a coefficient of one, 10,000.
    """
    for participant, offers in sorted(_by_participant(sheet).items()):
        gaps = tuple(after - before for (before, _), (after, _) in pairwise(_sent(offers)) if after > before)
        if len(gaps) >= FEWEST_ORDERS:
            value = variation_basis_points(gaps)
            evidence: Evidence = (
                ("variation_of_the_pauses", value, "basis points"),
                ("pauses", len(gaps), "pauses"),
                ("mean_pause", divide(sum(gaps), len(gaps)), "nanoseconds"),
            )
            yield Finding((participant,), value, evidence, _shown(offers))


def self_match(sheet: Sheet) -> Iterator[Finding]:
    """Measure what part of a session's trade a group had on both sides, in basis points.

    In a book the two sides of a trade are known: M = 10,000 * lots traded within the group / lots traded. In an auction
    with one price they are not: M = 10,000 * min(bought, sold) / lots traded. Source: MAR (EU) 596/2014, annex I,
    indicator A(c): transactions without a change of beneficial ownership.
    """
    if sheet.trades:
        yield from _within(sheet.trades)
        return
    traded = sum(fill.quantity_lots for fill in sheet.fills if fill.side == "buy")
    for each in positions(sheet.fills):
        both = min(each.bought_lots, each.sold_lots)
        if both:
            value = basis_points(both, traded)
            evidence: Evidence = (
                ("on_both_sides_of_all_that_traded", value, "basis points"),
                ("bought", each.bought_lots, "lots"),
                ("sold", each.sold_lots, "lots"),
            )
            ids = dict.fromkeys(fill.order_id for fill in sheet.fills if fill.group == each.group)
            yield Finding((each.group,), value, evidence, tuple(ids)[:ORDERS_SHOWN])


def _within(trades: tuple[Trade, ...]) -> Iterator[Finding]:
    traded = sum(each.quantity_lots for each in trades)
    within = summed((each.seller, each.quantity_lots) for each in trades if each.seller == each.buyer)
    for group, lots in sorted(within.items()):
        value = basis_points(lots, traded)
        evidence: Evidence = (
            ("traded_with_itself_of_all_that_traded", value, "basis points"),
            ("lots_with_itself", lots, "lots"),
            ("lots", traded, "lots"),
        )
        own = (each for each in trades if each.seller == group == each.buyer)
        ids = dict.fromkeys(name for each in own for name in (each.sell_order_id, each.buy_order_id))
        yield Finding((group,), value, evidence, tuple(ids)[:ORDERS_SHOWN])


def marking_the_close(sheet: Sheet) -> Iterator[Finding]:
    """Measure how far the last tenth of a book's session moved the price, where one group came to half of its trades.

    K = 10,000 * abs(average late - average before) / average before, averages weighted by lots; the group's late lots
    are a twentieth of the session's or more. Source: MAR annex I, indicator A(f), and Commission Delegated Regulation
    (EU) 2016/522, annex II: marking the close.
    """
    begins = sheet.closes_at_ns - divide(sheet.closes_at_ns - sheet.opens_at_ns, LATE_PART)
    late = [each for each in sheet.trades if each.at_ns >= begins and each.aggressor is not None]
    before = [each for each in sheet.trades if each.at_ns < begins]
    if not late or not before:
        return
    came = summed((_who_came(each), each.quantity_lots) for each in late)
    group = max(came, key=lambda name: (came[name], name))
    share = basis_points(came[group], sum(came.values()))
    weight = basis_points(came[group], sum(each.quantity_lots for each in sheet.trades))
    if share >= LATE_SHARE_BASIS_POINTS and weight >= LATE_WEIGHT_BASIS_POINTS:
        average_before, average_late = _average(before), _average(late)
        value = basis_points(abs(average_late - average_before), average_before)
        evidence: Evidence = (
            ("moved_at_the_close", value, "basis points"),
            ("average_before", average_before, "tenge per tonne"),
            ("average_late", average_late, "tenge per tonne"),
            ("share_of_the_late_trades", share, "basis points"),
        )
        own = (_came(each) for each in late if _who_came(each) == group)
        yield Finding((group,), value, evidence, tuple(dict.fromkeys(own))[:ORDERS_SHOWN])


def _who_came(trade: Trade) -> str:
    return trade.buyer if trade.aggressor == "buy" else trade.seller


def _came(trade: Trade) -> str:
    return trade.buy_order_id if trade.aggressor == "buy" else trade.sell_order_id


def _average(trades: list[Trade]) -> int:
    lots = sum(each.quantity_lots for each in trades)
    return divide(sum(each.price_tenge_per_tonne * each.quantity_lots for each in trades), lots)
