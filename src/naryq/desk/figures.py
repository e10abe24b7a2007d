"""How integers, instants and days are written on the pages: groups of three digits, tabular, and never rounded twice.

Everything here takes the language first where the form hangs on it: Kazakh and Russian write a decimal comma.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from naryq.units import BASIS_POINTS, KG_PER_TONNE, NS_PER_SECOND, divide, tenge

THIN: Final = "\u202f"
"""A narrow space that never breaks a line: between groups of digits, and before the sign for per cent."""
MINUS: Final = "\u2212"
NOTHING: Final = "\u2013"
"""What stands in a cell that has no value."""
FULL: Final = 1_000
"""The length of a bar's ground, in its own units."""


def whole(number: int | None) -> str:
    """Write a whole number in groups of three digits; a dash where there is none.

    >>> whole(116_400).replace(THIN, "_"), whole(-5).replace(MINUS, "-"), whole(None) == NOTHING
    ('116_400', '-5', True)
    """
    if number is None:
        return NOTHING
    return f"{number:,}".replace(",", THIN).replace("-", MINUS)


def money(language: str, amount_tiyn: int | None) -> str:
    """Write an amount in tiyn as tenge with its two decimals.

    >>> money("en", 123_450).replace(THIN, "_"), money("kk", -5).replace(MINUS, "-")
    ('1_234.50', '-0,05')
    """
    if amount_tiyn is None:
        return NOTHING
    return _in_language(language, tenge(amount_tiyn, 2))


def per_litre(language: str, tiyn: int | None) -> str:
    """Write a pump price in tiyn a litre as tenge; alias of `money` by name, since the unit differs.

    >>> per_litre("en", 5_960)
    '59.60'
    """
    return money(language, tiyn)


def percent(language: str, basis_points: int | None) -> str:
    """Write basis points as per cent with one decimal.

    >>> percent("en", 1_250).replace(THIN, " "), percent("kk", 5).replace(THIN, " ")
    ('12.5 %', '0,1 %')
    """
    if basis_points is None:
        return NOTHING
    return _in_language(language, tenge(divide(basis_points, 10) * 10, 1)) + THIN + "%"


def tonnes(language: str, mass_kg: int | None) -> str:
    """Write a mass in kilograms as tonnes with three decimals where it is not whole.

    >>> tonnes("en", 36_000), tonnes("ru", 36_500), tonnes("en", -1_250).replace(MINUS, "-")
    ('36', '36,500', '-1.250')
    """
    if mass_kg is None:
        return NOTHING
    magnitude, rest = divmod(abs(mass_kg), KG_PER_TONNE)
    text = f"{magnitude:,}" + (f".{rest:03d}" if rest else "")
    return _in_language(language, ("-" if mass_kg < 0 else "") + text.replace(",", " "))


def _in_language(language: str, text: str) -> str:
    """Write a number that has a decimal point and spaces as the language does."""
    return text.replace(" ", THIN).replace("-", MINUS).replace(".", "." if language == "en" else ",")


def instant(at_ns: int | None, offset_minutes: int) -> str:
    """Write an instant as day and time by the venue's clock.

    >>> instant(1_640_973_600 * 10**9, 300)
    '2021-12-31 23:00:00'
    """
    return NOTHING if at_ns is None else f"{_local(at_ns, offset_minutes):%Y-%m-%d %H:%M:%S}"


def minute(at_ns: int | None, offset_minutes: int) -> str:
    """Write the hour and the minute of an instant by the venue's clock.

    >>> minute(1_640_973_600 * 10**9, 300)
    '23:00'
    """
    return NOTHING if at_ns is None else f"{_local(at_ns, offset_minutes):%H:%M}"


def second(at_ns: int | None, offset_minutes: int) -> str:
    """Write the time of day of an instant by the venue's clock, to the second.

    >>> second(1_640_973_600 * 10**9, 300)
    '23:00:00'
    """
    return NOTHING if at_ns is None else f"{_local(at_ns, offset_minutes):%H:%M:%S}"


def machine_time(at_ns: int) -> str:
    """Write an instant for machines, as the `datetime` of a `time` element wants it.

    >>> machine_time(1_640_973_600 * 10**9)
    '2021-12-31T18:00:00Z'
    """
    return f"{_local(at_ns, 0):%Y-%m-%dT%H:%M:%SZ}"


def zone(offset_minutes: int) -> str:
    """Write the offset of the venue's clock.

    >>> zone(300), zone(-210).replace(MINUS, "-")
    ('UTC+5', 'UTC-3:30')
    """
    hours, minutes = divmod(abs(offset_minutes), 60)
    sign = "+" if offset_minutes >= 0 else MINUS
    return f"UTC{sign}{hours}" + (f":{minutes:02d}" if minutes else "")


def _local(at_ns: int, offset_minutes: int) -> datetime:
    return datetime.fromtimestamp(at_ns // NS_PER_SECOND, UTC) + timedelta(minutes=offset_minutes)


def part_of(value: int, whole_value: int, full: int = FULL) -> int:
    """Return how much of a bar's ground a value fills: 0 to `full`, where the whole is more than nothing.

    >>> part_of(50, 200), part_of(300, 200), part_of(-5, 200), part_of(1, 0)
    (250, 1000, 0, 0)
    """
    if whole_value <= 0:
        return 0
    return min(full, max(0, divide(value * full, whole_value)))


def share_basis_points(value: int, whole_value: int) -> int | None:
    """Return how much of a whole a value is, in basis points; None of nothing.

    >>> share_basis_points(50, 200), share_basis_points(1, 0)
    (2500, None)
    """
    return divide(value * BASIS_POINTS, whole_value) if whole_value > 0 else None


def plain_money(amount_tiyn: int) -> str:
    """Write an amount in tiyn as somebody would type it into a form.

    >>> plain_money(123_450), plain_money(100), plain_money(5)
    ('1234.50', '1', '0.05')
    """
    whole_part, rest = divmod(amount_tiyn, 100)
    return f"{whole_part}.{rest:02d}" if rest else str(whole_part)
