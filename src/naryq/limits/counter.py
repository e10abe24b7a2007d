"""The cumulative counter: a slow ramp that no daily limit sees, the administered price that ends it, and its claims.

After the cumulative price threshold of Australia's electricity market (National Electricity Rules 3.14): a rolling sum
of prices per region, and above a threshold an administered price, with compensation for who then sells below cost.
https://aemc.gov.au/our-work/apc-claims
"""

from typing import Final, NamedTuple

from naryq.units import KG_PER_TONNE, TIYN_PER_TENGE, divide

SUM: Final = "cumulative_threshold"
ADMINISTERED: Final = "administered_price"

Counted = tuple[int, ...]
"""A region's last uncapped prices, oldest first, in tenge a tonne with the cheapest carriage taken off."""


class Reading(NamedTuple):
    """A counter after one more price: what it keeps, its sum, and whether the administered price applies next."""

    prices: Counted
    sum_tenge_per_tonne: int
    administered: bool


def counted(prices: Counted, price_tenge_per_tonne: int, sessions: int, threshold: int) -> Reading:
    """Count one more uncapped price: keep the last `sessions`, and say whether their sum is above the threshold.

    The price is what it would have been without the administered price, so a cap that works does not lower the sum by
    itself: the sum falls when the market's own price does.

    >>> counted((70_000, 90_000), 100_000, 2, 180_000)
    Reading(prices=(90000, 100000), sum_tenge_per_tonne=190000, administered=True)
    """
    kept = (*prices, price_tenge_per_tonne)[-sessions:]
    total = sum(kept)
    return Reading(kept, total, total > threshold)


def below_cost_tiyn(cost_tenge_per_tonne: int, price_tenge_per_tonne: int, sold_kg: int) -> int:
    """Return what a sale leaves below cost, in tiyn, rounded half up; nothing where the price covers it.

    >>> below_cost_tiyn(100_000, 80_000, 36_000)
    72000000
    """
    gap = max(0, cost_tenge_per_tonne - price_tenge_per_tonne)
    return divide(gap * TIYN_PER_TENGE * sold_kg, KG_PER_TONNE)
