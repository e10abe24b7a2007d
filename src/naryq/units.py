"""Money, price, mass and quantity as integers, and the only place that rounds or divides them.

Units are the last word of a name: `price_tenge_per_tonne`, `amount_tiyn`, `mass_kg`, `pump_tiyn_per_litre`.
One tenge is 100 tiyn. A share or a rate is an integer in basis points: 10,000 basis points are the whole.
"""

from calendar import isleap, monthrange
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

TIYN_PER_TENGE: Final = 100
KG_PER_TONNE: Final = 1_000
GRAMS_PER_TONNE: Final = 1_000_000
BASIS_POINTS: Final = 10_000

NS_PER_SECOND: Final = 10**9
SECONDS_PER_MINUTE: Final = 60
NS_PER_MINUTE: Final = SECONDS_PER_MINUTE * NS_PER_SECOND
NS_PER_DAY: Final = 24 * 60 * NS_PER_MINUTE

GREGORIAN_YEARS: Final = 400
GREGORIAN_DAYS: Final = 146_097
CYCLE_START: Final = 2000

INT64_MAX: Final = 2**63 - 1
"""The largest quantity, price or product of the two that any kernel or journal row can hold."""


class Rounding(StrEnum):
    """The named rules by which a division becomes an integer."""

    HALF_UP = "half_up"
    """To the nearest; a half away from zero, as invoices and tax forms do."""
    DOWN = "down"
    """Towards minus infinity: never more than was there."""
    UP = "up"
    """Towards plus infinity: never less than is owed."""


def divide(numerator: int, denominator: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Divide two integers and round once, by a named rule.

    >>> divide(7, 2), divide(-7, 2), divide(7, 2, Rounding.DOWN), divide(-7, 2, Rounding.UP)
    (4, -4, 3, -3)
    """
    assert denominator > 0, "a denominator is a positive count of parts"
    if rounding is Rounding.DOWN:
        return numerator // denominator
    if rounding is Rounding.UP:
        return -(-numerator // denominator)
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def percent_change_tenths(before: int, after: int) -> int:
    """Return the change from `before` to `after` in tenths of a per cent, rounded half up.

    >>> percent_change_tenths(6_000, 12_000)
    1000
    """
    return divide((after - before) * 1_000, before)


def share(whole: int, basis_points: int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """Return the part of an integer that a rate in basis points makes.

    >>> share(38_000, 1_200)
    4560
    """
    return divide(whole * basis_points, BASIS_POINTS, rounding)


def weighted_average(values: tuple[int, ...], weights: tuple[int, ...]) -> int | None:
    """Return the average of integers under integer weights, rounded half up; None when all weights are zero.

    >>> weighted_average((38_000, 100_000), (35, 65))
    78300
    """
    total = sum(weights)
    if total == 0:
        return None
    return divide(sum(value * weight for value, weight in zip(values, weights, strict=True)), total)


def litres(mass_kg: int, density_gram_per_litre: int) -> int:
    """Return the volume of a mass of liquid gas in whole litres, rounded half up.

    >>> litres(36_000, 540)
    66667
    """
    return divide(mass_kg * 1_000, density_gram_per_litre)


def amount_tiyn(price_tenge_per_tonne: int, mass_kg: int) -> int:
    """Return what a mass costs, in tiyn, rounded half up.

    >>> amount_tiyn(100_000, 36_000)
    360000000
    """
    return divide(price_tenge_per_tonne * TIYN_PER_TENGE * mass_kg, KG_PER_TONNE)


def grouped(number: int) -> str:
    """Write a whole number for people, its thousands parted by spaces, as in Kazakhstan.

    >>> grouped(38_000), grouped(-1_234_567), grouped(999)
    ('38 000', '-1 234 567', '999')
    """
    return f"{number:,}".replace(",", " ")


def tenge(amount: int, decimals: int = 0) -> str:
    """Write an amount in tiyn as tenge, its thousands parted by spaces, for people to read.

    >>> tenge(1_234_567_890), tenge(5_960, 2), tenge(-150, 2)
    ('12 345 679', '59.60', '-1.50')
    """
    assert decimals in (0, 1, 2), "a tenge has two decimals"
    step = 10 ** (2 - decimals)
    units = divide(abs(amount), step)
    whole, fraction = divmod(units, 10**decimals)
    sign = "-" if amount < 0 and units else ""
    tail = f".{fraction:0{decimals}d}" if decimals else ""
    return sign + grouped(whole) + tail


def apportion(total: int, weights: tuple[int, ...]) -> tuple[int, ...]:
    """Share a whole number out pro rata by the largest remainder; equal remainders favour the earlier place.

    The parts are integers, none above its exact share by one or more, and they sum to `total`.

    >>> apportion(10, (1, 1, 1))
    (4, 3, 3)
    """
    weight = sum(weights)
    assert total >= 0, "only a quantity can be shared out"
    assert weight > 0 or total == 0, "a quantity needs somebody to receive it"
    if total == 0:
        return (0,) * len(weights)
    floors = [total * part // weight for part in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(total * weights[index] % weight), index))
    for index in by_remainder[: total - sum(floors)]:
        floors[index] += 1
    return tuple(floors)


def day_of(at_ns: int, utc_offset_minutes: int) -> str:
    """Return the calendar day of an instant (nanoseconds since 1970 UTC) at a place with a fixed UTC offset.

    >>> day_of(1_640_973_600 * 10**9, 360)
    '2022-01-01'
    """
    local = datetime.fromtimestamp(at_ns // NS_PER_SECOND, UTC) + timedelta(minutes=utc_offset_minutes)
    return local.date().isoformat()


def instant_ns(day: str, clock: str, utc_offset_minutes: int) -> int:
    """Return the instant of a clock time on a day at a place with a fixed UTC offset, in nanoseconds since 1970 UTC.

    >>> instant_ns("2022-01-01", "11:00", 360) - instant_ns("2022-01-01", "10:59", 360) == 60 * 10**9
    True
    """
    local = datetime.fromisoformat(f"{day}T{clock}:00+00:00")
    return (int(local.timestamp()) - utc_offset_minutes * SECONDS_PER_MINUTE) * NS_PER_SECOND


def utc_minute(at_ns: int) -> str:
    """Write an instant as its day and minute in UTC, for people to read.

    >>> utc_minute(instant_ns("2022-01-01", "11:00", 360))
    '2022-01-01 05:00 UTC'
    """
    return f"{datetime.fromtimestamp(at_ns // NS_PER_SECOND, UTC):%Y-%m-%d %H:%M} UTC"


def last_day_of(month: str) -> str:
    """Return the last day of a month.

    >>> last_day_of("2022-02"), last_day_of("9999-12")
    ('2022-02-28', '9999-12-31')
    """
    year, number = (int(part) for part in month.split("-"))
    return f"{month}-{monthrange(CYCLE_START + year % GREGORIAN_YEARS, number)[1]}"


def is_day(day: str) -> bool:
    """Say whether an ISO day is in the calendar.

    >>> is_day("2022-02-28"), is_day("2022-02-29")
    (True, False)
    """
    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True


def month_after(month: str, count: int = 1) -> str:
    """Return the month that follows another by a number of months.

    >>> month_after("2021-12"), month_after("2022-01", 14)
    ('2022-01', '2023-03')
    """
    year, number = (int(part) for part in month.split("-"))
    years, index = divmod(number - 1 + count, 12)
    return f"{year + years:04d}-{index + 1:02d}"


def day_after(day: str, days: int = 1) -> str:
    """Return the calendar day that follows another by a number of days; below zero, one that came before.

    No day lies beyond the last of the calendar, 9999-12-31.

    >>> day_after("2021-12-31"), day_after("2022-01-01", -1), day_after("9999-12-31"), day_after("0000-02-28")
    ('2022-01-01', '2021-12-31', '9999-12-31', '0000-02-29')
    """
    year, month, number = (int(part) for part in day.split("-"))
    cycles, within = divmod(year, GREGORIAN_YEARS)  # After 400 years the calendar begins again.
    moved = date(CYCLE_START + within, month, number) + timedelta(days)
    year = moved.year - CYCLE_START + cycles * GREGORIAN_YEARS
    return f"{year:04d}-{moved:%m-%d}" if year <= date.max.year else date.max.isoformat()


def day_years_after(day: str, years: int) -> str:
    """Return the same day of a later year; 28 February where that year has no 29th. Raises ValueError for no day.

    >>> day_years_after("2022-01-10", 2), day_years_after("2020-02-29", 1)
    ('2024-01-10', '2021-02-28')
    """
    start = date.fromisoformat(day)
    last = 28 if (start.month, start.day) == (2, 29) and not isleap(start.year + years) else start.day
    return start.replace(year=start.year + years, day=last).isoformat()


def days_between(first: str, last: str) -> int:
    """Return the number of days from one day to another; negative where the other comes before.

    The year 0 is one like any other, as in `day_after`: a month of it can be named.

    >>> days_between("2021-12-31", "2022-01-02"), days_between("0000-12-31", "0001-01-01")
    (2, 1)
    """
    return _day_number(last) - _day_number(first)


def _day_number(day: str) -> int:
    """Return the number of a day in the calendar that begins with the year 0."""
    year, month, number = (int(part) for part in day.split("-"))
    cycles, within = divmod(year, GREGORIAN_YEARS)
    return cycles * GREGORIAN_DAYS + date(CYCLE_START + within, month, number).toordinal()
