"""The collar: how far an order may lie from the last weighted average price.

The exchange law let an exchange bound a day's prices by the trades before (article 14(2)(3)); the announcements of the
platforms tied a session's base price to the last weighted average.
"""

from typing import Final

import msgspec

from naryq.messages import Code, Refusal
from naryq.units import BASIS_POINTS, Rounding, divide

COLLAR: Final = "collar"


class Collar(msgspec.Struct, frozen=True, gc=False):
    """The lowest and highest price at which an order may stand, in tenge a tonne ex-works; None bounds nothing."""

    lowest_tenge_per_tonne: int | None
    highest_tenge_per_tonne: int | None


def collar(reference_tenge_per_tonne: int | None, rise: int | None, fall: int | None) -> Collar:
    """Return the collar around a reference price; rise and fall are in basis points. No reference, no collar.

    The bounds are rounded inwards, so that no price in the collar lies further off than the rule allows.

    >>> collar(100_001, 1_000, 6_000)
    Collar(lowest_tenge_per_tonne=40001, highest_tenge_per_tonne=110001)
    """
    if reference_tenge_per_tonne is None:
        return Collar(None, None)
    lowest = None if fall is None else moved(reference_tenge_per_tonne, -fall, Rounding.UP)
    highest = None if rise is None else moved(reference_tenge_per_tonne, rise, Rounding.DOWN)
    return Collar(lowest, highest)


def narrower(one: Collar, other: Collar) -> Collar:
    """Return the collar that lies within both.

    >>> narrower(Collar(40_000, None), Collar(60_000, 110_000))
    Collar(lowest_tenge_per_tonne=60000, highest_tenge_per_tonne=110000)
    """
    lows = [each.lowest_tenge_per_tonne for each in (one, other) if each.lowest_tenge_per_tonne is not None]
    highs = [each.highest_tenge_per_tonne for each in (one, other) if each.highest_tenge_per_tonne is not None]
    return Collar(max(lows, default=None), min(highs, default=None))


def moved(price: int, basis_points: int, rounding: Rounding) -> int:
    """Return a price moved by a rate in basis points.

    >>> moved(100_001, 500, Rounding.DOWN)
    105001
    """
    return divide(price * (BASIS_POINTS + basis_points), BASIS_POINTS, rounding)


def judge_price(price_tenge_per_tonne: int, carriage_tenge_per_tonne: int, bounds: Collar) -> Refusal | None:
    """Judge an order's limit price at the plant gate: its price less the cheapest carriage to its place.

    Judging at the gate keeps every ex-works price inside the collar wherever the buyer stands.
    """
    gate = price_tenge_per_tonne - carriage_tenge_per_tonne
    lowest, highest = bounds.lowest_tenge_per_tonne, bounds.highest_tenge_per_tonne
    if highest is not None and gate > highest:
        return _outside(
            Code.PRICE_ABOVE_COLLAR, "above", "at most", price_tenge_per_tonne, highest + carriage_tenge_per_tonne
        )
    if lowest is not None and gate < lowest:
        return _outside(
            Code.PRICE_BELOW_COLLAR, "below", "at least", price_tenge_per_tonne, lowest + carriage_tenge_per_tonne
        )
    return None


def _outside(code: Code, side: str, bound: str, price: int, limit: int) -> Refusal:
    return Refusal(
        code,
        f"the limit price {price} tenge a tonne is {side} the collar",
        where="price_tenge_per_tonne",
        remedy=f"Give {bound} {limit}.",
    )
