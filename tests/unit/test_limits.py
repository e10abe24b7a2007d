"""Limits: the collar rounded inwards, orders judged at the gate, and the pump price bounded by cap and step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import pricing_twins as twins

from naryq import limits
from naryq.limits import Collar
from naryq.messages import Code

FIXED = settings(derandomize=True, database=None, max_examples=300)
price = st.integers(0, 10**6)
basis = st.none() | st.integers(0, 20_000)


@pytest.mark.parametrize(
    ("reference", "rise", "fall", "bounds"),
    [
        (100_000, 1_000, 6_000, (40_000, 110_000)),
        (100_001, 1_000, 6_000, (40_001, 110_001)),
        (100_000, None, 6_000, (40_000, None)),
        (100_000, 1_000, None, (None, 110_000)),
        (100_000, None, None, (None, None)),
        (None, 1_000, 6_000, (None, None)),
        (100_000, 0, 0, (100_000, 100_000)),
        (7, 1, 1, (7, 7)),
        (100_000, 1_000, 10_000, (0, 110_000)),
        (0, 1_000, 6_000, (0, 0)),
    ],
)
def test_the_collar_is_rounded_inwards(
    reference: int | None, rise: int | None, fall: int | None, bounds: tuple[int | None, int | None]
) -> None:
    """No bound lies further from the reference than the rule allows; what is not set bounds nothing."""
    assert limits.collar(reference, rise, fall) == Collar(*bounds)


@FIXED
@given(st.none() | price, basis, st.none() | st.integers(0, 10_000))
def test_the_collar_is_that_of_its_twin(reference: int | None, rise: int | None, fall: int | None) -> None:
    """The collar agrees with exact fractions."""
    assert limits.collar(reference, rise, fall) == Collar(*twins.collar(reference, rise, fall))


@pytest.mark.parametrize(
    ("asked", "carriage", "code"),
    [
        (110_000, 0, None),
        (110_001, 0, Code.PRICE_ABOVE_COLLAR),
        (112_000, 2_000, None),
        (112_001, 2_000, Code.PRICE_ABOVE_COLLAR),
        (40_000, 0, None),
        (39_999, 0, Code.PRICE_BELOW_COLLAR),
        (42_000, 2_000, None),
        (41_999, 2_000, Code.PRICE_BELOW_COLLAR),
        (0, 2_000, Code.PRICE_BELOW_COLLAR),
    ],
)
def test_an_order_is_judged_at_the_gate(asked: int, carriage: int, code: Code | None) -> None:
    """A bid is judged less the cheapest carriage to its place, on both sides and to the tenge."""
    refusal = limits.judge_price(asked, carriage, Collar(40_000, 110_000))
    assert (refusal and refusal.code) == code


def test_a_refusal_says_which_price_would_do() -> None:
    """The remedy names the bound at the trader's own place."""
    too_high = limits.judge_price(150_000, 2_000, Collar(40_000, 110_000))
    too_low = limits.judge_price(1, 2_000, Collar(40_000, 110_000))
    assert too_high is not None
    assert too_low is not None
    assert "at most 112000" in too_high.remedy
    assert "at least 42000" in too_low.remedy


@pytest.mark.parametrize("asked", [0, 1, 10**9])
def test_no_collar_refuses_nothing(asked: int) -> None:
    """Where the rulebook sets no collar, any price stands."""
    assert limits.judge_price(asked, 5_000, Collar(None, None)) is None


@pytest.mark.parametrize(
    ("formula", "previous", "step", "cap", "bounded"),
    [
        (11_000, 6_000, 500, None, (6_300, 4_700, ("pump_step_rise",))),
        (6_300, 6_000, 500, None, (6_300, 0, ())),
        (6_301, 6_000, 500, None, (6_300, 1, ("pump_step_rise",))),
        (11_000, 6_000, None, None, (11_000, 0, ())),
        (11_000, None, 500, None, (11_000, 0, ())),
        (11_000, 6_000, None, 5_000, (5_000, 0, ("retail_cap",))),
        (11_000, 6_000, 500, 5_000, (5_000, 0, ("retail_cap",))),
        (11_000, 6_000, 500, 7_000, (6_300, 700, ("retail_cap", "pump_step_rise"))),
        (5_000, 6_000, 500, 5_000, (5_000, 0, ())),
        (3_000, 6_000, 500, None, (3_000, 0, ())),
        (6_000, 5_967, 500, None, (6_000, 0, ())),
        (7_000, 5_967, 500, None, (6_265, 735, ("pump_step_rise",))),
        (7_000, 5_967, 0, None, (5_967, 1_033, ("pump_step_rise",))),
        (0, 0, 500, None, (0, 0, ())),
    ],
)
def test_the_pump_is_bounded(
    formula: int, previous: int | None, step: int | None, cap: int | None, bounded: tuple[int, int, tuple[str, ...]]
) -> None:
    """The cap is the seller's loss, the step is the fund's, falls are free, and rises are rounded down."""
    assert tuple(limits.bound_pump(formula, previous, step, cap)) == bounded


@FIXED
@given(price, st.none() | price, basis, st.none() | price)
def test_the_bound_keeps_its_promises(formula: int, previous: int | None, step: int | None, cap: int | None) -> None:
    """The pump price agrees with its twin, never passes formula, cap or step, and the fund pays only for the step."""
    found = limits.bound_pump(formula, previous, step, cap)
    assert tuple(found) == tuple(twins.bound_pump(formula, previous, step, cap))
    pump, fund, bound = found
    assert 0 <= pump <= formula
    assert fund >= 0
    assert cap is None or pump <= cap
    assert previous is None or step is None or pump * 10_000 <= previous * (10_000 + step)
    assert (fund > 0) == ("pump_step_rise" in bound)
    assert cap is None or pump + fund <= cap
