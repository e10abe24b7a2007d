"""How much, how fast and how often: the size of an order, the rate of a sender, the batch of a month."""

from collections.abc import Iterable
from itertools import chain
from typing import Final

from naryq.messages import Code, Refusal
from naryq.units import KG_PER_TONNE, NS_PER_SECOND, Rounding, divide, grouped

LOTS: Final = "order_lots_highest"
VALUE: Final = "order_value_highest"
RATE: Final = "orders_per_second"
LEAST: Final = "batch_lowest"
MOST: Final = "batch_highest"

ORDERS_PER_SECOND_HIGHEST: Final = 100
"""The bound of the rule in the catalogue, and of what is remembered of a sender."""
Times = tuple[int, ...]
"""When a participant, or a group of affiliates, sent its last orders, oldest first, in nanoseconds since 1970 UTC."""


def value_tenge(price_tenge_per_tonne: int, quantity_lots: int, lot_kg: int) -> int:
    """Return what an order is worth at its limit price, in tenge, rounded half up.

    >>> value_tenge(100_000, 2, 36_000)
    7200000
    """
    return divide(price_tenge_per_tonne * quantity_lots * lot_kg, KG_PER_TONNE)


def judge_size(
    price_tenge_per_tonne: int, quantity_lots: int, lot_kg: int, highest_kg: int | None, highest_tenge: int | None
) -> Refusal | None:
    """Return the refusal of an order that is too large in mass or in value, or None.

    The rule counts lots by rail, so that a lot by truck is not as much of an order as a tank car.

    After the order limits of the exchange SPIMEX (September 2025) and the pre-trade controls of exchanges at large: a
    slip of the finger is refused before it meets anybody.
    """
    if highest_kg is not None and quantity_lots * lot_kg > highest_kg:
        what = f"the order has {quantity_lots} lots of {grouped(lot_kg)} kg"
        return Refusal(Code.TOO_MANY_LOTS, what, where="quantity_lots", remedy=f"Give at most {highest_kg // lot_kg}.")
    value = 0 if highest_tenge is None else value_tenge(price_tenge_per_tonne, quantity_lots, lot_kg)
    if highest_tenge is not None and value > highest_tenge:
        return Refusal(
            Code.TOO_MUCH_VALUE,
            f"the order is worth {grouped(value)} tenge",
            where="quantity_lots",
            remedy=f"Give one of at most {grouped(highest_tenge)} tenge.",
        )
    return None


def within_second(times: Times, at_ns: int) -> int:
    """Return how many of the times lie less than a second before an instant.

    >>> within_second((1_000_000_000, 1_500_000_000), 2_000_000_000)
    1
    """
    return sum(1 for time in times if at_ns - time < NS_PER_SECOND)


def remembered(times: Times, at_ns: int) -> Times:
    """Return a sender's times with one more; what is a second old, or more than any rule can ask for, is forgotten.

    >>> remembered((5, 7), 9), remembered((5, 7), 1_000_000_006)
    ((5, 7, 9), (7, 1000000006))
    """
    if times and at_ns - times[0] >= NS_PER_SECOND:
        times = tuple([time for time in times if at_ns - time < NS_PER_SECOND])
    return (*times[1 - ORDERS_PER_SECOND_HIGHEST :], at_ns)


def judge_rate(times: Times, at_ns: int, highest: int | None) -> Refusal | None:
    """Return the refusal of an order that comes too soon after its sender's last ones, or None.

    Of any window of one second, `[t, t + 1 s)`, at most `highest` orders are taken. After the later law on exchanges
    (article 19(1-2)): two or more requests within a second are automated entry, which is banned.
    """
    if highest is None or within_second(times, at_ns) < highest:
        return None
    return Refusal(
        Code.TOO_FAST,
        f"more than {highest} orders of one participant or its affiliates within a second: that is a robot",
        where="at_ns",
        remedy="Send orders by hand, a second apart; the regulator sees this one.",
    )


def together(times: Iterable[Times]) -> Times:
    """Return the times of several senders as those of one, oldest first.

    >>> together([(5, 9), (), (7,)])
    (5, 7, 9)
    """
    return tuple(sorted(chain.from_iterable(times)))


def judge_batch(standing_kg: int, quantity_kg: int, lot_kg: int, least: int | None, most: int | None) -> Refusal | None:
    """Return the refusal of a bid outside a month's smallest or largest batch, or None.

    `standing_kg` is what the buyer and its affiliates have bought or are bidding for in the month already. Batches are
    counted in lots by rail, of `lot_kg` each, whatever the lot of the session is. After the Gas Law, article 27-1(12),
    which has the rules set both batches.
    """
    month_kg = standing_kg + quantity_kg
    lots = divide(month_kg, lot_kg, Rounding.UP)
    if most is not None and month_kg > most * lot_kg:
        left = max(0, divide(most * lot_kg - standing_kg, lot_kg, Rounding.DOWN))
        return Refusal(
            Code.BATCH_TOO_LARGE,
            f"with this order the buyer and its affiliates would take {lots} lots in the month",
            where="quantity_lots",
            remedy=f"They may take {most}, so at most {left} more{_by_rail(quantity_kg, lot_kg)}.",
        )
    if least is not None and month_kg < least * lot_kg:
        wanted = divide(least * lot_kg - standing_kg, lot_kg, Rounding.UP)
        return Refusal(
            Code.BATCH_TOO_SMALL,
            f"the buyer would take {lots} lots in the month",
            where="quantity_lots",
            remedy=f"Bid for at least {wanted} lots{_by_rail(quantity_kg, lot_kg)}.",
        )
    return None


def _by_rail(quantity_kg: int, lot_kg: int) -> str:
    """Say of how many kilograms the lots are, where those of an order are smaller."""
    return "" if quantity_kg % lot_kg == 0 else f", of {grouped(lot_kg)} kg each"
