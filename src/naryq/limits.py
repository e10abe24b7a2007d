"""What may stop or bound a price: the collar of orders and the path of the pump price.

A limit that the rulebook does not set is None and bounds nothing.
"""

from typing import NamedTuple

from naryq.messages import Code, Refusal
from naryq.units import BASIS_POINTS, Rounding, divide

STEP = "pump_step_rise"
CAP = "retail_cap"
COLLAR = "collar"


class Collar(NamedTuple):
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
    lowest = None if fall is None else _moved(reference_tenge_per_tonne, -fall, Rounding.UP)
    highest = None if rise is None else _moved(reference_tenge_per_tonne, rise, Rounding.DOWN)
    return Collar(lowest, highest)


def _moved(price: int, basis_points: int, rounding: Rounding) -> int:
    return divide(price * (BASIS_POINTS + basis_points), BASIS_POINTS, rounding)


def judge_price(price_tenge_per_tonne: int, carriage_tenge_per_tonne: int, bounds: Collar) -> Refusal | None:
    """Judge an order's limit price at the plant gate: its price less the cheapest carriage to its place.

    Judging at the gate keeps every ex-works price inside the collar wherever the buyer stands.
    """
    gate = price_tenge_per_tonne - carriage_tenge_per_tonne
    lowest, highest = bounds
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


class Bounded(NamedTuple):
    """A pump price after its limits, in tiyn a litre, and what the fund owes for each litre."""

    pump_tiyn_per_litre: int
    fund_tiyn_per_litre: int
    limits: tuple[str, ...]


def bound_pump(
    formula_tiyn_per_litre: int,
    previous_tiyn_per_litre: int | None,
    step_rise: int | None,
    cap_tiyn_per_litre: int | None,
) -> Bounded:
    """Bound a pump price by the cap and by the largest rise in a month (basis points of the last price).

    The cap is the seller's loss, as in law; the step is the fund's: it pays what the step alone holds back. Falls are
    free. The rise is rounded down. Source of the band: IMF TNM 12/03, `clip(P*, P(1-x), P(1+x))`, upper side.

    >>> bound_pump(11_000, 6_000, 500, None)
    Bounded(pump_tiyn_per_litre=6300, fund_tiyn_per_litre=4700, limits=('pump_step_rise',))
    """
    lawful = formula_tiyn_per_litre if cap_tiyn_per_litre is None else min(formula_tiyn_per_litre, cap_tiyn_per_litre)
    limits = (CAP,) if lawful < formula_tiyn_per_litre else ()
    if previous_tiyn_per_litre is None or step_rise is None:
        return Bounded(lawful, 0, limits)
    highest = _moved(previous_tiyn_per_litre, step_rise, Rounding.DOWN)
    if lawful <= highest:
        return Bounded(lawful, 0, limits)
    return Bounded(highest, lawful - highest, (STEP,))
