"""The plan's parts, the fund's cost, and the path of a pump price to its formula."""

import pytest

from naryq import reform
from naryq.reform import Parts


@pytest.mark.parametrize(
    ("total", "share", "parts"),
    [
        (310, 6_500, (109, 201)),
        (417, 0, (417, 0)),
        (417, 10_000, (0, 417)),
        (0, 6_500, (0, 0)),
        (1, 5_000, (1, 0)),
        (3, 6_500, (1, 2)),
    ],
)
def test_the_plan_is_parted_by_its_share(total: int, share: int, parts: tuple[int, int]) -> None:
    """What the platform does not get stays outside, rounded half up, and nothing is lost."""
    assert reform.part_plan(total, share) == Parts(*parts)


def test_the_fund_pays_litres() -> None:
    """Ten tenge a litre on a rail car of 36 tonnes cost the fund 666,670 tenge."""
    assert reform.fund_cost(1_000, 36_000, 540) == 66_667_000
    assert reform.fund_cost(0, 36_000, 540) == 0
    assert reform.fund_cost(1_000, 0, 540) == 0


def test_a_path_rises_by_its_step_until_it_arrives() -> None:
    """From 60 to 70 tenge at 5 per cent a month takes four months, and the fund pays less in each."""
    path = reform.path(6_000, 7_000, 500, 36_000, 540)
    assert [step.pump_tiyn_per_litre for step in path] == [6_300, 6_615, 6_945, 7_000]
    assert [step.fund_tiyn for step in path] == [gap * 66_667 for gap in (700, 385, 55, 0)]
    assert {step.formula_tiyn_per_litre for step in path} == {7_000}


def test_doubling_takes_fifteen_months() -> None:
    """From 60 to 120 tenge at 5 per cent a month: ln 2 / ln 1.05 is 14.2, so the fifteenth month arrives."""
    assert len(reform.path(6_000, 12_000, 500, 36_000, 540)) == 15


@pytest.mark.parametrize(("previous", "formula"), [(6_000, 6_000), (6_000, 5_000), (6_000, 6_300)])
def test_a_path_without_a_climb_is_one_month(previous: int, formula: int) -> None:
    """Where the step does not bind, the first month pays the formula and the fund nothing."""
    (only,) = reform.path(previous, formula, 500, 36_000, 540)
    assert (only.pump_tiyn_per_litre, only.fund_tiyn) == (formula, 0)


@pytest.mark.parametrize(("previous", "step"), [(6_000, 0), (0, 500), (1, 500)])
def test_a_path_that_never_arrives_ends(previous: int, step: int) -> None:
    """A step of nothing, or of less than a tiyn, ends after twenty years instead of never."""
    path = reform.path(previous, 7_000, step, 36_000, 540)
    assert len(path) == reform.PATH_MONTHS_MAX
    assert path[-1].pump_tiyn_per_litre == previous
