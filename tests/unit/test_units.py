"""Units: rounding in every direction, sharing out, calendars and clocks, with the facts of the pass-through as gold."""

from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests import pricing_twins as twins

from naryq import units
from naryq.units import Rounding

FIXED = settings(derandomize=True, database=None, max_examples=300)
wide = st.integers(-(10**24), 10**24)


@pytest.mark.parametrize(
    ("numerator", "denominator", "half_up", "down", "up"),
    [
        (7, 2, 4, 3, 4),
        (-7, 2, -4, -4, -3),
        (5, 10, 1, 0, 1),
        (-5, 10, -1, -1, 0),
        (4, 10, 0, 0, 1),
        (-4, 10, 0, -1, 0),
        (6, 10, 1, 0, 1),
        (-6, 10, -1, -1, 0),
        (0, 9, 0, 0, 0),
        (9, 9, 1, 1, 1),
        (-9, 9, -1, -1, -1),
        (10**30 + 1, 2, 5 * 10**29 + 1, 5 * 10**29, 5 * 10**29 + 1),
    ],
)
def test_division_rounds_by_its_name(numerator: int, denominator: int, half_up: int, down: int, up: int) -> None:
    """Each named rule rounds as its name says, on both sides of zero."""
    found = [units.divide(numerator, denominator, rule) for rule in (Rounding.HALF_UP, Rounding.DOWN, Rounding.UP)]
    assert found == [half_up, down, up]
    assert units.divide(numerator, denominator) == half_up


@FIXED
@given(wide, st.integers(1, 10**12))
def test_division_is_that_of_fractions(numerator: int, denominator: int) -> None:
    """All three rules agree with exact fractions."""
    exact = Fraction(numerator, denominator)
    assert units.divide(numerator, denominator, Rounding.DOWN) == floor(exact)
    assert units.divide(numerator, denominator, Rounding.UP) == ceil(exact)
    assert units.divide(numerator, denominator) == twins.half_up(exact)


@pytest.mark.parametrize("denominator", [0, -1])
def test_nothing_is_divided_by_nothing(denominator: int) -> None:
    """A denominator that is no count of parts is a bug of the caller."""
    with pytest.raises(AssertionError):
        units.divide(1, denominator)


@pytest.mark.parametrize(
    ("before", "after", "tenths"),
    [
        (6_000, 12_000, 1_000),
        (6_000, 6_300, 50),
        (12_000, 6_000, -500),
        (3, 4, 333),
        (3, 2, -333),
        (8, 8, 0),
        (7, 0, -1_000),
    ],
)
def test_a_change_is_told_in_tenths_of_a_per_cent(before: int, after: int, tenths: int) -> None:
    """Rises and falls are rounded alike, to a tenth of a per cent."""
    assert units.percent_change_tenths(before, after) == tenths


def test_a_share_is_rounded_by_its_rule() -> None:
    """A tenth of 5 is a half: up by default, and down or up where asked."""
    assert units.share(5, 1_000) == 1
    assert units.share(5, 1_000, Rounding.DOWN) == 0
    assert units.share(-5, 1_000, Rounding.UP) == 0
    assert units.share(38_000, 1_200) == 4_560
    assert units.share(123, units.BASIS_POINTS) == 123


def test_a_weighted_average() -> None:
    """35 lots at 38,000 and 65 at 100,000 cost 78,300 a tonne; without any weight there is no average."""
    assert units.weighted_average((38_000, 100_000), (35, 65)) == 78_300
    assert units.weighted_average((1, 2), (1, 1)) == 2
    assert units.weighted_average((5, 9), (0, 0)) is None
    assert units.weighted_average((), ()) is None
    with pytest.raises(ValueError, match="zip"):
        units.weighted_average((1, 2), (1,))


def test_a_rail_car_in_litres_and_in_money() -> None:
    """A lot of 36 tonnes is 66,667 litres at 0.54 kg a litre, and costs 3.6 million tenge at 100,000 a tonne."""
    assert units.litres(36_000, 540) == 66_667
    assert units.litres(27, 540) == 50
    assert units.litres(0, 540) == 0
    assert units.amount_tiyn(100_000, 36_000) == 3_600_000 * 100
    assert units.amount_tiyn(1, 5) == 1
    assert units.amount_tiyn(1, 4) == 0
    assert units.amount_tiyn(-1, 5) == -1


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (1_234_567_890, 0, "12 345 679"),
        (5_960, 2, "59.60"),
        (-150, 2, "-1.50"),
        (-1, 0, "0"),
        (-49, 0, "0"),
        (-50, 0, "-1"),
        (5, 1, "0.1"),
        (4, 1, "0.0"),
        (-4, 1, "0.0"),
        (0, 2, "0.00"),
        (99_995, 1, "1 000.0"),
        (100_000_00, 2, "100 000.00"),
    ],
)
def test_money_is_written_for_people(amount: int, decimals: int, text: str) -> None:
    """Tenge are grouped by threes, rounded half up, and never a minus zero."""
    assert units.tenge(amount, decimals).replace(" ", " ").replace(" ", " ") == text


def test_a_tenge_has_no_third_decimal() -> None:
    """More decimals than tiyn can fill are a bug of the caller."""
    with pytest.raises(AssertionError):
        units.tenge(1, 3)


weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


@FIXED
@given(st.integers(0, 10**12), weights)
@example(10, [1, 1, 1])
@example(2, [0, 5, 5, 0])
@example(1, [0, 1])
def test_sharing_out_loses_nothing(total: int, parts: list[int]) -> None:
    """The parts sum to the whole, none is a unit or more off its exact share, and the largest remainders come first."""
    found = units.apportion(total, tuple(parts))
    assert sum(found) == total
    for got, weight in zip(found, parts, strict=True):
        assert abs(got - Fraction(total * weight, sum(parts))) < 1
        assert got == 0 or weight > 0
    assert list(found) == twins.largest_remainder(total, parts)


@FIXED
@given(st.integers(0, 10**6), weights)
def test_who_weighs_more_gets_no_less(total: int, parts: list[int]) -> None:
    """Of two receivers the heavier gets at least as much; of two equal ones the earlier gets at most one more."""
    found = units.apportion(total, tuple(parts))
    for first, one in enumerate(parts):
        for second in range(first + 1, len(parts)):
            if one > parts[second]:
                assert found[first] >= found[second]
            elif one < parts[second]:
                assert found[first] <= found[second]
            else:
                assert 0 <= found[first] - found[second] <= 1


def test_nothing_may_be_shared_among_nobody() -> None:
    """Zero is shared among anybody or nobody; a quantity needs a receiver, and a debt is no quantity."""
    assert units.apportion(0, ()) == ()
    assert units.apportion(0, (0, 0)) == (0, 0)
    for total, nobody in ((1, ()), (1, (0, 0)), (-1, (1,))):
        with pytest.raises(AssertionError):
            units.apportion(total, nobody)


NS = 10**9
MIDNIGHT_UTC = 1_640_995_200 * NS  # 2022-01-01T00:00:00Z


@pytest.mark.parametrize(
    ("at_ns", "offset", "day"),
    [
        (MIDNIGHT_UTC, 0, "2022-01-01"),
        (MIDNIGHT_UTC - 1, 0, "2021-12-31"),
        (MIDNIGHT_UTC - 6 * 3600 * NS, 360, "2022-01-01"),
        (MIDNIGHT_UTC - 6 * 3600 * NS - 1, 360, "2021-12-31"),
        (MIDNIGHT_UTC - 5 * 3600 * NS - 1, 300, "2021-12-31"),
        (MIDNIGHT_UTC + 3600 * NS - 1, -60, "2021-12-31"),
        (0, 0, "1970-01-01"),
        (0, -1, "1969-12-31"),
        (units.INT64_MAX, 840, "2262-04-12"),
    ],
)
def test_the_day_turns_at_local_midnight(at_ns: int, offset: int, day: str) -> None:
    """The day turns at the place's own midnight, to the nanosecond."""
    assert units.day_of(at_ns, offset) == day


@FIXED
@given(st.integers(0, units.INT64_MAX), st.integers(-720, 840))
def test_a_clock_and_a_day_make_the_instant(at_ns: int, offset: int) -> None:
    """The instant of midnight on an instant's day lies at most a day before it."""
    midnight = units.instant_ns(units.day_of(at_ns, offset), "00:00", offset)
    assert 0 <= at_ns - midnight < 86_400 * NS


def test_a_day_that_is_none_has_no_instant() -> None:
    """A day or a time that no calendar or clock has is refused by ValueError."""
    for day, clock in (("2022-02-30", "11:00"), ("0000-01-01", "11:00"), ("2022-01-01", "24:30")):
        with pytest.raises(ValueError, match=r"\w"):
            units.instant_ns(day, clock, 360)


def test_an_instant_is_written_in_utc() -> None:
    """Eleven in Astana is five in UTC; a late evening there may be another day."""
    assert units.utc_minute(units.instant_ns("2022-01-01", "11:00", 360)) == "2022-01-01 05:00 UTC"
    assert units.utc_minute(units.instant_ns("2022-01-01", "03:59", 360)) == "2021-12-31 21:59 UTC"


@pytest.mark.parametrize(
    ("month", "count", "later"),
    [
        ("2021-12", 1, "2022-01"),
        ("2022-01", 0, "2022-01"),
        ("2022-01", 11, "2022-12"),
        ("2022-01", 12, "2023-01"),
        ("2022-01", 14, "2023-03"),
        ("2022-01", -1, "2021-12"),
        ("2022-12", 240, "2042-12"),
        ("0999-12", 1, "1000-01"),
    ],
)
def test_months_follow_each_other(month: str, count: int, later: str) -> None:
    """Months are counted over the ends of years, forward and back."""
    assert units.month_after(month, count) == later
