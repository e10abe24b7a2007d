"""From the ex-works price to the pump price of a province, in exact integers, each step shown.

The chain, in tiyn a litre (1 tenge a tonne is `density / 10,000` tiyn a litre, density in grams a litre):

    ex-works x density                       the plant's price
    + VAT on it
    + transport x (1 + VAT) x density        the carrier's tariff
    + depot x density                        VAT included, as the depot charges it
    + station margin                         VAT included, in tiyn a litre

Source: the pass-through of July 2023, when the cap rose by 6,720 tenge a tonne and the pump price by 4 tenge a litre:
6,720 x 1.12 x 0.54 / 1,000 = 4.06.
"""

from itertools import accumulate, pairwise
from typing import NamedTuple

from naryq.messages import PriceStep
from naryq.units import BASIS_POINTS, divide, weighted_average

STEPS = ("ex-works", "VAT", "transport", "depot", "station margin")

_SCALE = BASIS_POINTS * BASIS_POINTS
"""All terms share this denominator: one factor for the tax rate, one for tenge a tonne to tiyn a litre."""


class Terms(NamedTuple):
    """What stands between a plant's price and a province's pump."""

    vat_basis_points: int
    density_gram_per_litre: int
    depot_tenge_per_tonne: int
    station_margin_tiyn_per_litre: int


def build_up(ex_works_tenge_per_tonne: int, transport_tenge_per_tonne: int, terms: Terms) -> tuple[PriceStep, ...]:
    """Return the steps of a pump price; they sum to it exactly.

    Each running total is rounded once, half up; a step is the difference of two neighbours, so no rounding piles up.

    >>> terms = Terms(1_200, 540, 5_000, 3_000)
    >>> [(step.step, step.tiyn_per_litre) for step in build_up(38_000, 6_000, terms)]
    [('ex-works', 2052), ('VAT', 246), ('transport', 363), ('depot', 270), ('station margin', 3000)]
    """
    vat, density = terms.vat_basis_points, terms.density_gram_per_litre
    scaled = (
        ex_works_tenge_per_tonne * density * BASIS_POINTS,
        ex_works_tenge_per_tonne * density * vat,
        transport_tenge_per_tonne * density * (BASIS_POINTS + vat),
        terms.depot_tenge_per_tonne * density * BASIS_POINTS,
        terms.station_margin_tiyn_per_litre * _SCALE,
    )
    totals = [0, *(divide(running, _SCALE) for running in accumulate(scaled))]
    return tuple(PriceStep(name, after - before) for name, (before, after) in zip(STEPS, pairwise(totals), strict=True))


def pump_price(steps: tuple[PriceStep, ...]) -> int:
    """Return the sum of the steps, in tiyn a litre."""
    return sum(step.tiyn_per_litre for step in steps)


class Supply(NamedTuple):
    """One stream of gas into a province: how much, at which ex-works price, carried at which tariff."""

    quantity_lots: int
    ex_works_tenge_per_tonne: int
    transport_tenge_per_tonne: int


def blended(streams: tuple[Supply, ...]) -> Supply | None:
    """Return the streams as one, prices weighted by quantity; None when nothing flows.

    >>> blended((Supply(35, 38_000, 6_000), Supply(65, 100_000, 10_000)))
    Supply(quantity_lots=100, ex_works_tenge_per_tonne=78300, transport_tenge_per_tonne=8600)
    """
    weights = tuple(stream.quantity_lots for stream in streams)
    ex_works = weighted_average(tuple(stream.ex_works_tenge_per_tonne for stream in streams), weights)
    transport = weighted_average(tuple(stream.transport_tenge_per_tonne for stream in streams), weights)
    if ex_works is None or transport is None:
        return None
    return Supply(sum(weights), ex_works, transport)
