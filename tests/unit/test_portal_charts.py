"""The drawings' geometry: bars that join without a gap, stairs that stand where the prices are, legible axes."""

import re
from itertools import pairwise

import msgspec
import pytest
from tests.portal_samples import bulletin, with_line, with_step

from naryq.messages import PriceStep
from naryq.portal.charts import (
    BAR,
    COURSE_FLOOR,
    COURSE_LEFT,
    COURSE_TOP,
    WIDTH,
    Axis,
    Bar,
    BuildUp,
    Course,
    build_up,
    courses,
    headline,
    highest_total,
    reaches,
)
from naryq.views import Bulletin, Path, PathPoint, ProvinceLine, RulebookResult, Swing


def guarded(sample: Bulletin) -> RulebookResult:
    return sample.results[1]


def mangystau(result: RulebookResult) -> ProvinceLine:
    return next(line for line in result.provinces if line.code == "KZ-47")


def drawn(line: ProvinceLine) -> BuildUp:
    return build_up(line, highest_total(line))


def end(bar: Bar, *, of: str) -> int:
    """Return where a bar ends, which for one that falls is its left."""
    left, right = bar.start, bar.start + bar.length
    return (left if bar.falls else right) if of == "end" else (right if bar.falls else left)


def gaps(made: BuildUp) -> list[str]:
    """List the steps after that do not begin where the one above ends, and a last one that misses the price."""
    bars = [(rise.step, rise.after) for rise in made.rises if rise.after is not None]
    found = [step for (_, above), (step, bar) in pairwise(bars) if end(above, of="end") != end(bar, of="start")]
    if end(bars[-1][1], of="end") != made.after.length:
        found.append("at the pump")
    return found


@pytest.mark.parametrize("result", bulletin().results, ids=lambda result: result.rulebook)
def test_each_bar_begins_where_the_one_above_ends(result: RulebookResult) -> None:
    """In every province's build-up the bars join exactly and the last one ends at the pump price."""
    for line in result.provinces:
        assert gaps(drawn(line)) == []
        assert max(bar.start + bar.length for rise in drawn(line).rises if (bar := rise.after)) <= BAR


def test_a_bar_out_of_place_is_seen() -> None:
    """The check of the bars catches one that was moved, and a price that is not the sum."""
    made = drawn(mangystau(guarded(bulletin())))
    moved = made.rises[1]._replace(after=Bar(0, 10, falls=False))
    assert gaps(made._replace(rises=(made.rises[0], moved, *made.rises[2:]))) == ["VAT", "transport"]
    assert gaps(made._replace(after=Bar(0, 1, falls=False))) == ["at the pump"]


def test_the_funds_part_closes_the_build_up() -> None:
    """The step that the fund pays is negative, falls back, and brings the sum to the pump price to the tiyn."""
    line = mangystau(guarded(bulletin()))
    made = drawn(line)
    assert made.rises[-1].step == "paid by the fund"
    assert sum(rise.after_tiyn_per_litre or 0 for rise in made.rises) == line.pump_after_tiyn_per_litre
    assert made.rises[-1].after is not None
    assert made.rises[-1].after.falls


def test_a_step_that_was_not_there_before_has_no_bar_before() -> None:
    """A new step stands in the build-up with nothing in its column before."""
    sample = with_step(bulletin(), PriceStep("excise", 200))
    excise = next(rise for rise in drawn(mangystau(sample.results[0])).rises if rise.step == "excise")
    assert excise.before is None
    assert excise.before_tiyn_per_litre is None
    assert excise.after_tiyn_per_litre == 200


def stairs(path: str) -> list[int]:
    """Return the heights of a stair's levels."""
    return [int(height) for height in re.findall(r"(?: |V)(\d+)H", path)]


def test_the_stairs_stand_where_the_prices_are() -> None:
    """Every level of the drawn path is its month's price on the axis, and the gap fills what lies between the two."""
    for course in courses(guarded(bulletin()), "2021-12"):
        prices = [point.pump_tiyn_per_litre for point in course.points]
        assert stairs(course.pump) == [course.axis.at(price) for price in prices]
        assert len(course.gaps) == course.held_months
        for gap, point in zip(course.gaps, course.points[1:], strict=False):
            assert gap.y == course.axis.at(point.formula_tiyn_per_litre)
            assert gap.y + gap.height == course.axis.at(point.pump_tiyn_per_litre)
        assert all(COURSE_TOP <= level <= COURSE_FLOOR for level in stairs(course.pump) + stairs(course.formula))


def test_a_path_sets_out_from_the_month_before() -> None:
    """The first level of a path is what was paid before the step, at no cost of the fund."""
    result = guarded(bulletin())
    course = next(course for course in courses(result, "2021-12") if course.code == "KZ-47")
    paid = mangystau(result).pump_before_tiyn_per_litre
    assert course.points[0] == PathPoint("2021-12", paid, paid, 0)
    assert course.fund_tiyn == sum(point.fund_tiyn for point in course.points)
    assert course.arrives == course.points[-1].month


def only_path(*points: PathPoint) -> tuple[Course, ...]:
    result = msgspec.structs.replace(guarded(bulletin()), paths=(Path("KZ-47", "Mangystau", points),))
    return courses(result, "2021-12")


def test_a_path_without_a_gap_is_not_drawn() -> None:
    """Where the pump price is the formula price in every month there is no path to show."""
    assert only_path(PathPoint("2022-01", 6_000, 6_000, 0)) == ()


def test_a_path_that_has_not_arrived_says_so() -> None:
    """A path whose last month is still below its formula has no month of arrival."""
    (course,) = only_path(PathPoint("2022-01", 6_000, 9_000, 5))
    assert course.arrives is None
    assert course.held_months == 1


def test_a_path_that_begins_before_the_step_keeps_its_own_first_month() -> None:
    """A path that holds the month before is not given it twice."""
    (course,) = only_path(PathPoint("2021-12", 6_000, 6_000, 0), PathPoint("2022-01", 6_300, 9_000, 5))
    assert [point.month for point in course.points] == ["2021-12", "2022-01"]


def test_a_path_of_twenty_years_stays_in_its_drawing() -> None:
    """The longest path that the reform can make has few month labels, and all of it lies inside the drawing."""
    points = tuple(
        PathPoint(f"{2022 + index // 12}-{index % 12 + 1:02d}", 6_000 + index, 9_000, 1) for index in range(240)
    )
    (course,) = only_path(*points)
    assert 1 <= len(course.months) <= 4
    assert course.gaps[-1].x + course.gaps[-1].width <= WIDTH
    assert course.gaps[0].x >= COURSE_LEFT


@pytest.mark.parametrize(("lowest", "highest"), [(0, 1), (0, 4_999), (0, 12_531), (6_000, 9_100), (0, 900_000)])
def test_an_axis_has_few_round_marks(lowest: int, highest: int) -> None:
    """An axis of any length has one mark to seven, each at its value and within the axis."""
    axis = Axis(lowest, highest, 10, 310)
    marks = axis.ticks()
    assert 1 <= len(marks) <= 7
    assert all(10 <= place <= 310 and place == axis.at(value) for value, place in marks)


def test_the_headline_holds_what_was_seen() -> None:
    """The scale of the headline reaches beyond the highest price seen at the pumps, and its rows stand apart."""
    sample = bulletin()
    lines = tuple(mangystau(result) for result in sample.results)
    made = headline(sample.results, lines)
    assert made.seen is not None
    assert made.seen == (made.axis.at(9_500), made.axis.at(12_000))
    assert made.seen[1] < WIDTH - 10
    assert made.rows[1].y - made.rows[0].y > 40
    assert [row.after_x > row.before_x for row in made.rows] == [True, True]


def test_the_headline_needs_no_observation() -> None:
    """Without observed prices the headline is drawn without their band."""
    sample = with_line(bulletin(), "KZ-47", observed=None)
    assert headline(sample.results, tuple(mangystau(result) for result in sample.results)).seen is None


def test_the_assumption_that_moves_most_comes_first() -> None:
    """Swings are ordered by their width whatever their sign, share one scale, and nothing is a bar of nothing."""
    swings = (
        Swing("none", "", "", "", "", 7_000, 7_000),
        Swing("falling", "", "", "", "", 9_000, 6_000),
        Swing("rising", "", "", "", "", 7_000, 8_000),
    )
    made = reaches(swings, 7_500)
    assert [reach.swing.assumption for reach in made] == ["falling", "rising", "none"]
    assert [(reach.bar.start, reach.bar.length) for reach in made] == [(0, BAR), (333, 334), (333, 0)]
    assert [reach.mark for reach in made] == [500, 500, 500]
    assert reaches((), 7_500) == ()


def test_the_price_found_lies_on_the_scale() -> None:
    """A price that no assumption reaches still has its mark inside the drawing."""
    (reach,) = reaches((Swing("a", "", "", "", "", 7_000, 8_000),), 9_000)
    assert reach.mark == BAR
    assert reach.bar == Bar(0, 500, falls=False)
