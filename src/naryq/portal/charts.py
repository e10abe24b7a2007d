"""The geometry of the page's drawings, in whole units of a drawing 320 wide: readable on a telephone as it stands.

Every drawing is made of integers, so the same bulletin gives the same bytes; the templates only write them down.
"""

from itertools import accumulate
from typing import Final, NamedTuple

from naryq.messages import PriceStep
from naryq.units import Rounding, divide
from naryq.views import Path, PathPoint, ProvinceLine, RulebookResult, Swing

WIDTH: Final = 320
TICK_STEPS: Final = (100, 200, 500, 1_000, 2_000, 2_500, 5_000, 10_000, 20_000, 50_000, 100_000)
"""The steps between the lines of an axis that people read easily, in tiyn."""
TICKS_MOST: Final = 6
LABELS_MOST: Final = 4
PERCENT_HEADROOM: Final = 118
"""An axis of a dumbbell ends this many hundredths of its largest value: the last label needs room."""


class Axis(NamedTuple):
    """A straight scale from a price in tiyn to a place in the drawing."""

    lowest: int
    highest: int
    start: int
    end: int

    def at(self, value: int) -> int:
        """Return the place of a value."""
        return self.start + divide((value - self.lowest) * (self.end - self.start), self.highest - self.lowest)

    def ticks(self) -> tuple[tuple[int, int], ...]:
        """Return the values to mark, each with its place: round numbers, at most seven of them."""
        span = self.highest - self.lowest
        step = next((step for step in TICK_STEPS if span <= step * TICKS_MOST), span)
        first = divide(self.lowest, step, Rounding.UP) * step
        return tuple((value, self.at(value)) for value in range(first, self.highest + 1, step))


class Dumbbell(NamedTuple):
    """One rulebook's change of a price: a line from before to after."""

    result: RulebookResult
    line: ProvinceLine
    before_x: int
    after_x: int
    y: int


class Headline(NamedTuple):
    """The change of one province's price under every rulebook, on one scale, beside what was seen."""

    height: int
    axis: Axis
    rows: tuple[Dumbbell, ...]
    seen: tuple[int, int] | None
    seen_label_x: int


HEADLINE_TOP: Final = 46
HEADLINE_ROW: Final = 58


def headline(results: tuple[RulebookResult, ...], lines: tuple[ProvinceLine, ...]) -> Headline:
    """Draw one province's change under every rulebook: `lines` holds its line under each."""
    highest = max(max(line.pump_before_tiyn_per_litre, line.pump_after_tiyn_per_litre) for line in lines)
    observed = lines[0].observed
    if observed is not None:
        highest = max(highest, observed.highest_tiyn_per_litre)
    axis = Axis(0, max(1, divide(highest * PERCENT_HEADROOM, 100)), 10, WIDTH - 10)
    rows = tuple(
        Dumbbell(
            result,
            line,
            axis.at(line.pump_before_tiyn_per_litre),
            axis.at(line.pump_after_tiyn_per_litre),
            HEADLINE_TOP + HEADLINE_ROW * index + 38,
        )
        for index, (result, line) in enumerate(zip(results, lines, strict=True))
    )
    seen = None
    if observed is not None:
        seen = axis.at(observed.lowest_tiyn_per_litre), axis.at(observed.highest_tiyn_per_litre)
    middle = min(WIDTH - 76, max(76, sum(seen) // 2)) if seen else 0
    return Headline(HEADLINE_TOP + HEADLINE_ROW * len(rows) + 34, axis, rows, seen, middle)


class Gap(NamedTuple):
    """The part of one month's price that the fund pays, as a box."""

    x: int
    y: int
    width: int
    height: int


class Label(NamedTuple):
    """Where a word stands in a drawing."""

    x: int
    y: int


class MonthLabel(NamedTuple):
    """A month under the axis."""

    month: str
    x: int
    y: int


class Course(NamedTuple):
    """The price path of one province: what is paid and what the formula asks, month by month."""

    code: str
    name: str
    points: tuple[PathPoint, ...]
    height: int
    axis: Axis
    floor: int
    pump: str
    formula: str
    gaps: tuple[Gap, ...]
    months: tuple[MonthLabel, ...]
    pump_label: Label
    formula_label: Label
    gap_label: Label | None
    fund_tiyn: int
    held_months: int
    arrives: str | None


COURSE_LEFT: Final = 32
COURSE_TOP: Final = 14
COURSE_FLOOR: Final = 184
COURSE_HEIGHT: Final = 210
MONTH_WIDTH: Final = 54
"""The room that the name of a month takes."""
GAP_LABEL_HEIGHT: Final = 27
GAP_LABEL_WIDTH: Final = 116
"""A gap lower or narrower than this has no room for a word."""


def course(path: Path, before: PathPoint | None) -> Course:
    """Draw a province's path; `before` is the month before its first, from which it sets out."""
    points = path.points if before is None else (before, *path.points)
    axis = _course_axis(points)
    room = WIDTH - COURSE_LEFT - 2
    edges = tuple(COURSE_LEFT + divide(room * index, len(points)) for index in range(len(points) + 1))
    gaps = _gaps(points, edges, axis)
    last, middle = path.points[-1], len(points) // 2
    return Course(
        code=path.code,
        name=path.name,
        points=points,
        height=COURSE_HEIGHT,
        axis=axis,
        floor=COURSE_FLOOR,
        pump=_stairs(tuple(axis.at(point.pump_tiyn_per_litre) for point in points), edges),
        formula=_stairs(tuple(axis.at(point.formula_tiyn_per_litre) for point in points), edges),
        gaps=gaps,
        months=_months(points, edges),
        pump_label=Label(edges[middle] + 6, axis.at(points[middle].pump_tiyn_per_litre) + 17),
        formula_label=Label(edges[-1] - 2, axis.at(last.formula_tiyn_per_litre) - 7),
        gap_label=_gap_label(gaps),
        fund_tiyn=sum(point.fund_tiyn for point in path.points),
        held_months=sum(point.pump_tiyn_per_litre < point.formula_tiyn_per_litre for point in path.points),
        arrives=last.month if last.pump_tiyn_per_litre >= last.formula_tiyn_per_litre else None,
    )


def _course_axis(points: tuple[PathPoint, ...]) -> Axis:
    """Begin at zero where the path is long; where it is short, begin below it, or nobody would see it."""
    lowest = min(min(point.pump_tiyn_per_litre, point.formula_tiyn_per_litre) for point in points)
    highest = max(max(point.pump_tiyn_per_litre, point.formula_tiyn_per_litre) for point in points)
    spread = highest - lowest
    start = 0 if spread * 3 > highest else max(0, divide(lowest - spread, 1_000, Rounding.DOWN) * 1_000)
    return Axis(start, highest + max(1, divide(highest - start, 6)), COURSE_FLOOR, COURSE_TOP)


def _gap_label(gaps: tuple[Gap, ...]) -> Label | None:
    """Place a word in the gap, where it has room above the stairs."""
    room = sum(gap.width for gap in gaps if gap.height >= GAP_LABEL_HEIGHT)
    return Label(gaps[0].x + 8, gaps[0].y + 18) if room >= GAP_LABEL_WIDTH else None


def _stairs(heights: tuple[int, ...], edges: tuple[int, ...]) -> str:
    """A price holds for its whole month: a level line in each, an upright one between."""
    return f"M{edges[0]} " + "".join(f"{'V' if index else ''}{y}H{edges[index + 1]}" for index, y in enumerate(heights))


def _gaps(points: tuple[PathPoint, ...], edges: tuple[int, ...], axis: Axis) -> tuple[Gap, ...]:
    gaps = []
    for index, point in enumerate(points):
        top, bottom = axis.at(point.formula_tiyn_per_litre), axis.at(point.pump_tiyn_per_litre)
        if bottom > top:
            gaps.append(Gap(edges[index], top, edges[index + 1] - edges[index], bottom - top))
    return tuple(gaps)


def _months(points: tuple[PathPoint, ...], edges: tuple[int, ...]) -> tuple[MonthLabel, ...]:
    every = divide(len(points), LABELS_MOST, Rounding.UP)
    return tuple(
        MonthLabel(point.month, edges[index] + 1, COURSE_FLOOR + 18)
        for index, point in enumerate(points)
        if index % every == 0 and edges[index] + MONTH_WIDTH <= WIDTH
    )


def courses(result: RulebookResult, before_month: str) -> tuple[Course, ...]:
    """Draw every path of a result along which a limit holds the price below its formula."""
    lines = {line.code: line for line in result.provinces}
    return tuple(
        course(path, _origin(path, lines.get(path.code), before_month))
        for path in result.paths
        if any(point.pump_tiyn_per_litre < point.formula_tiyn_per_litre for point in path.points)
    )


def _origin(path: Path, line: ProvinceLine | None, before_month: str) -> PathPoint | None:
    if line is None or path.points[0].month <= before_month:
        return None
    return PathPoint(before_month, line.pump_before_tiyn_per_litre, line.pump_before_tiyn_per_litre, 0)


BAR: Final = 1_000
"""The length of a bar's ground, in its own units; the page stretches it to the room there is."""


class Bar(NamedTuple):
    """A bar that floats between two running totals."""

    start: int
    length: int
    falls: bool


class Rise(NamedTuple):
    """One step of a price's build-up, before and after; None where the step did not exist."""

    step: str
    before_tiyn_per_litre: int | None
    after_tiyn_per_litre: int | None
    before: Bar | None
    after: Bar | None


class BuildUp(NamedTuple):
    """The build-up of a province's pump price; the fund's part closes the gap between the formula and the pump."""

    line: ProvinceLine
    rises: tuple[Rise, ...]
    before: Bar
    after: Bar


HELD_BACK: Final = "held back by a limit"
PAID: Final = "paid by the fund"


def steps_to_pump(steps: tuple[PriceStep, ...], pump_tiyn_per_litre: int, closing: str) -> tuple[PriceStep, ...]:
    """Return the steps and, where the pump price is not their sum, one more that closes the gap and says why."""
    gap = pump_tiyn_per_litre - sum(step.tiyn_per_litre for step in steps)
    return (*steps, PriceStep(closing, gap)) if gap else steps


def build_up(line: ProvinceLine, highest: int) -> BuildUp:
    """Draw the steps of a province's pump price before and after, on a ground that ends at `highest` tiyn a litre."""
    before = steps_to_pump(line.steps_before, line.pump_before_tiyn_per_litre, HELD_BACK)
    after = steps_to_pump(line.steps_after, line.pump_after_tiyn_per_litre, PAID if line.fund_tiyn else HELD_BACK)
    bars_before, bars_after = _bars(before, highest), _bars(after, highest)
    prices_before = {step.step: step.tiyn_per_litre for step in before}
    prices_after = {step.step: step.tiyn_per_litre for step in after}
    names = tuple(dict.fromkeys((*prices_before, *prices_after)))
    rises = tuple(
        Rise(name, prices_before.get(name), prices_after.get(name), bars_before.get(name), bars_after.get(name))
        for name in names
    )
    return BuildUp(
        line,
        rises,
        _bar(0, line.pump_before_tiyn_per_litre, highest),
        _bar(0, line.pump_after_tiyn_per_litre, highest),
    )


def highest_total(line: ProvinceLine) -> int:
    """Return the highest running total of a province's two build-ups, at least one."""
    totals = (
        *accumulate(step.tiyn_per_litre for step in line.steps_before),
        *accumulate(step.tiyn_per_litre for step in line.steps_after),
    )
    return max(1, line.pump_before_tiyn_per_litre, line.pump_after_tiyn_per_litre, *totals)


def _bars(steps: tuple[PriceStep, ...], highest: int) -> dict[str, Bar]:
    ends = tuple(accumulate(step.tiyn_per_litre for step in steps))
    return {step.step: _bar(end - step.tiyn_per_litre, end, highest) for step, end in zip(steps, ends, strict=True)}


def _bar(start: int, end: int, highest: int) -> Bar:
    left, right = divide(min(start, end) * BAR, highest), divide(max(start, end) * BAR, highest)
    return Bar(left, right - left, end < start)


class Reach(NamedTuple):
    """How far one assumption moves the price: a bar on the scale that all share, and a mark at the price found."""

    swing: Swing
    lowest_tiyn_per_litre: int
    highest_tiyn_per_litre: int
    bar: Bar
    mark: int


def reaches(swings: tuple[Swing, ...], found_tiyn_per_litre: int) -> tuple[Reach, ...]:
    """Draw the assumptions around the price that was found, the one that moves it most first."""
    ends = [sorted((swing.pump_at_lowest_tiyn_per_litre, swing.pump_at_highest_tiyn_per_litre)) for swing in swings]
    lowest = min([found_tiyn_per_litre, *(low for low, _ in ends)])
    span = max(1, max([found_tiyn_per_litre, *(high for _, high in ends)]) - lowest)
    mark = _bar(0, found_tiyn_per_litre - lowest, span).length
    drawn = [
        Reach(swing, low, high, _bar(low - lowest, high - lowest, span), mark)
        for swing, (low, high) in zip(swings, ends, strict=True)
    ]
    return tuple(sorted(drawn, key=lambda reach: reach.lowest_tiyn_per_litre - reach.highest_tiyn_per_litre))
