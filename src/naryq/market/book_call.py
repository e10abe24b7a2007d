"""How orders that waited in a call phase meet at one price, and what the self-trade rule cancels before they do."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from naryq.market.book_rules import Order, SelfTrade, check_price, check_price_rule, whole


class Meeting(NamedTuple):
    """What comes of two queues at one price: who trades how much with whom, and what is cancelled of whom instead.

    Of each pair, the older order comes first. Where anything is cancelled the price is to be found anew.
    """

    pairs: list[tuple[Order, Order, int]]
    cancelled: list[tuple[Order, int]]


def meet(bids: Sequence[Order], asks: Sequence[Order], ages: Mapping[int, int], self_trade: SelfTrade) -> Meeting:
    """Let the orders that are willing at a price meet, best and oldest first, an iceberg with its whole quantity.

    Args:
        bids: The orders to buy.
        asks: The orders to sell.
        ages: The arrival in the call of each order that came in it; all others came before.
        self_trade: The rule for two orders of one owner; in a call the newer of them is the one that arrived later.
    """
    pairs, cancelled = [], []
    left = {order.order_id: order.shown + order.hidden for side in (bids, asks) for order in side}
    buyer, seller = 0, 0
    while buyer < len(bids) and seller < len(asks):
        bid, ask = bids[buyer], asks[seller]
        older, newer = (bid, ask) if ages.get(bid.order_id, -1) < ages.get(ask.order_id, -1) else (ask, bid)
        if self_trade != "allow" and bid.owner is not None and bid.owner == ask.owner:
            for order, stays in ((older, "cancel_newest"), (newer, "cancel_resting")):
                if self_trade != stays:
                    cancelled.append((order, left[order.order_id]))
                    left[order.order_id] = 0
        else:
            lots = min(left[bid.order_id], left[ask.order_id])
            pairs.append((older, newer, lots))
            left[bid.order_id] -= lots
            left[ask.order_id] -= lots
        buyer += not left[bid.order_id]
        seller += not left[ask.order_id]
    return Meeting(pairs, cancelled)


def traded(pairs: list[tuple[Order, Order, int]]) -> list[tuple[Order, int]]:
    """Sum up what each order trades, in the order in which they come to trade."""
    orders, lots_of = {}, dict[int, int]()
    for older, newer, lots in pairs:
        for order in (older, newer):
            orders[order.order_id] = order
            lots_of[order.order_id] = lots_of.get(order.order_id, 0) + lots
    return [(order, lots_of[order_id]) for order_id, order in orders.items()]


def checked_reference(price_rule: str, reference: int | None, last_price: int | None, tick: int) -> int | None:
    """Judge the rule and the reference price of an uncrossing; without one the last price is the reference.

    Raises:
        Refusal: `unknown_option`, `wrong_type` or `out_of_range`.
    """
    check_price_rule(price_rule)
    if reference is None:
        return last_price
    reference = whole(reference, "reference")
    check_price(reference, 1, tick, "reference")
    return reference
