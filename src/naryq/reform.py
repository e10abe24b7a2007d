"""The way from a regulated price to a market price: the plan's parts, and the path of a pump price with its fund."""

from typing import NamedTuple

from naryq.limits import bound_pump
from naryq.units import BASIS_POINTS, litres, share

PATH_MONTHS_MAX = 240
"""A path that has not arrived after twenty years never will: its step is too small for its distance."""


class Parts(NamedTuple):
    """A province's planned supply: what is shared out at the regulated price, and what is sold on the platform."""

    outside_lots: int
    platform_lots: int


def part_plan(total_lots: int, platform_share_basis_points: int) -> Parts:
    """Part a month's plan by the share sold through the platform (Gas Law, article 27-1(5)).

    >>> part_plan(310, 6_500)
    Parts(outside_lots=109, platform_lots=201)
    """
    outside = share(total_lots, BASIS_POINTS - platform_share_basis_points)
    return Parts(outside, total_lots - outside)


class Step(NamedTuple):
    """One month of a path: what is paid at the pump, what the formula asks, and what the fund pays in that month."""

    pump_tiyn_per_litre: int
    formula_tiyn_per_litre: int
    fund_tiyn: int


def fund_cost(fund_tiyn_per_litre: int, mass_kg: int, density_gram_per_litre: int) -> int:
    """Return what the fund pays in a month for a mass of gas sold below its formula price."""
    return fund_tiyn_per_litre * litres(mass_kg, density_gram_per_litre)


def path(
    previous_tiyn_per_litre: int,
    formula_tiyn_per_litre: int,
    step_rise: int,
    mass_kg: int,
    density_gram_per_litre: int,
) -> tuple[Step, ...]:
    """Return the months until a pump price reaches its formula price, if formula and sales stayed as they are.

    The months number about `ln(formula / previous) / ln(1 + step)`; the fund's cost is the sum of the gaps.

    >>> [step.pump_tiyn_per_litre for step in path(6_000, 7_000, 500, 36_000, 540)]
    [6300, 6615, 6945, 7000]
    """
    steps: list[Step] = []
    pump = previous_tiyn_per_litre
    while len(steps) < PATH_MONTHS_MAX and (not steps or pump < formula_tiyn_per_litre):
        pump, gap, _ = bound_pump(formula_tiyn_per_litre, pump, step_rise, None)
        steps.append(Step(pump, formula_tiyn_per_litre, fund_cost(gap, mass_kg, density_gram_per_litre)))
    return tuple(steps)
