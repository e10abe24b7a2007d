"""Plain twins of the venue's arithmetic, written from the docstrings by a second author, in fractions and loops."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import NamedTuple

MONTHS_MAX = 240


def half_up(value: Fraction | int) -> int:
    """Round to the nearest integer, a half away from zero."""
    magnitude = floor(abs(Fraction(value)) * 2 + 1) // 2
    return magnitude if value >= 0 else -magnitude


def average(pairs: Sequence[tuple[int, int]]) -> int | None:
    """Return the mean of values under weights, given as (value, weight)."""
    weight = sum(weight for _, weight in pairs)
    return half_up(Fraction(sum(value * part for value, part in pairs), weight)) if weight else None


def amount_tiyn(price_tenge_per_tonne: int, mass_kg: int) -> int:
    return half_up(Fraction(price_tenge_per_tonne * 100) * Fraction(mass_kg, 1000))


def collar(reference: int | None, rise: int | None, fall: int | None) -> tuple[int | None, int | None]:
    """Return the lowest and highest price at the gate, rounded towards the reference."""
    if reference is None:
        return None, None
    lowest = None if fall is None else -floor(-reference * (1 - Fraction(fall, 10_000)))
    highest = None if rise is None else floor(reference * (1 + Fraction(rise, 10_000)))
    return lowest, highest


class Bounded(NamedTuple):
    pump: int
    fund: int
    limits: tuple[str, ...]


def bound_pump(formula: int, previous: int | None, step_rise: int | None, cap: int | None) -> Bounded:
    """Bound a price by the cap, which is the seller's loss, then by the month's rise, which the fund pays."""
    lawful = formula
    if cap is not None and cap < formula:
        lawful = cap
    if previous is not None and step_rise is not None:
        ceiling = floor(previous * (1 + Fraction(step_rise, 10_000)))
        if lawful > ceiling:
            both = ("retail_cap", "pump_step_rise")
            return Bounded(ceiling, lawful - ceiling, both if lawful != formula else both[1:])
    return Bounded(lawful, 0, ("retail_cap",) if lawful != formula else ())


def build_up(ex_works: int, transport: int, terms: Sequence[int]) -> list[int]:
    """Return the five steps in tiyn a litre; `terms` are VAT, density, depot and station margin."""
    vat, density, depot, margin = terms
    tax = Fraction(vat, 10_000)
    tiyn_per_litre = Fraction(density, 1_000_000) * 100
    exact = [
        ex_works * tiyn_per_litre,
        ex_works * tiyn_per_litre * tax,
        transport * tiyn_per_litre * (1 + tax),
        depot * tiyn_per_litre,
        Fraction(margin),
    ]
    totals = [0, *(half_up(sum(exact[: count + 1], Fraction(0))) for count in range(len(exact)))]
    return [totals[index + 1] - totals[index] for index in range(len(exact))]


def path(previous: int, formula: int, step_rise: int, mass_kg: int, density: int) -> list[tuple[int, int, int]]:
    """Return (pump, formula, fund) month by month until the formula is reached, at most twenty years."""
    litres = half_up(Fraction(mass_kg * 1000, density))
    months: list[tuple[int, int, int]] = []
    pump = previous
    for _ in range(MONTHS_MAX):
        ceiling = floor(pump * (1 + Fraction(step_rise, 10_000)))
        pump = min(formula, ceiling)
        months.append((pump, formula, (formula - pump) * litres))
        if pump >= formula:
            break
    return months


def parted(total: int, platform_share: int) -> tuple[int, int]:
    """Part a plan into what stays outside the platform, rounded half up, and the rest."""
    outside = half_up(Fraction(total * (10_000 - platform_share), 10_000))
    return outside, total - outside


class Stream(NamedTuple):
    lots: int
    ex_works: int
    transport: int


class Gas(NamedTuple):
    ex_works: int
    transport: int
    lots: int


def at_the_pump(platform: Stream | None, plan: Stream | None, pass_on: int) -> Gas | None:
    """Join the two streams: where both flow, only a part of the plan gas is passed on at its regulated price."""
    if platform is None or plan is None:
        only = platform or plan
        return None if only is None else Gas(only.ex_works, only.transport, only.lots)
    lots = platform.lots + plan.lots
    passed = Fraction(plan.lots * pass_on, 10_000)
    resold = lots - passed
    return Gas(
        half_up((plan.ex_works * passed + platform.ex_works * resold) / lots),
        half_up((plan.transport * passed + platform.transport * resold) / lots),
        lots,
    )


def largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """Share a number out pro rata: whole parts first, then one each by the size of what was cut off."""
    whole = sum(weights)
    exact = [Fraction(total * weight, whole) if whole else Fraction(0) for weight in weights]
    parts = [floor(part) for part in exact]
    while sum(parts) < total:
        left = [part - given for part, given in zip(exact, parts, strict=True)]
        parts[left.index(max(left))] += 1
    return parts


def cheapest_carriage(places: Sequence[str], links: Sequence[tuple[str, str, int]]) -> Mapping[str, int]:
    """Return the lowest tariff into each place, from links given as (source, target, tariff); zero without any."""
    carriage = dict.fromkeys(places, 0)
    for place in places:
        tariffs = [tariff for _, target, tariff in links if target == place]
        if tariffs:
            carriage[place] = min(tariffs)
    return carriage
