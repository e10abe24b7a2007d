"""The life of a supply plan as scripts that an official can read."""

from typing import Any

import pytest
from tests.supply_script import SupplyScript

PLENTY = """
    # Two plants, two provinces, gas for everybody. January 2022 is planned in October and November 2021.
    ZH -> KZ-47 100 lots 2000 tenge
    AT -> KZ-47 100 lots 6000 tenge
    AT -> KZ-23 100 lots 1000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 40
    2021-10-25 atyrau can AT 30
    2021-10-26 aktau applies a1 outside KZ-47 20
    2021-10-27 aktau applies a2 platform KZ-47 6
    2021-11-06 dossor applies d1 outside KZ-23 10
    2021-11-25 approve
    late 0
    # 35 per cent of 26 are 9 lots, all of them from the cheaper plant; of 10 they are 4.
    part KZ-47 outside 9 platform 17
    part KZ-23 outside 4 platform 6
    allot zhanaozen ZH KZ-47 aktau 9
    allot atyrau AT KZ-23 dossor 4
    spare zhanaozen ZH 14
    spare atyrau AT 20
"""
CUT = """
    # 30 lots where 60 are wanted: everybody receives half, by the largest remainder.
    ZH -> KZ-47 100 lots 2000 tenge
    ZH -> KZ-23 100 lots 6000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 30
    2021-11-01 aktau applies a1 outside KZ-47 27
    2021-11-01 dossor applies d1 outside KZ-47 13
    2021-11-01 dossor applies d2 outside KZ-23 20
    2021-11-25 approve
    part KZ-47 outside 20 platform 0
    part KZ-23 outside 10 platform 0
    allot zhanaozen ZH KZ-47 aktau 14
    allot zhanaozen ZH KZ-47 dossor 6
    allot zhanaozen ZH KZ-23 dossor 10
"""
NARROW = """
    # Only five lots can be carried to Atyrau: it receives a quarter, and Mangystau all it needs.
    ZH -> KZ-47 100 lots 2000 tenge
    ZH -> KZ-23 5 lots 6000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 30
    2021-11-01 aktau applies a1 outside KZ-47 24
    2021-11-01 dossor applies d1 outside KZ-23 20
    2021-11-25 approve
    part KZ-47 outside 24 platform 0
    part KZ-23 outside 5 platform 0
    spare zhanaozen ZH 1
"""
REVIEW = """
    # The commission accepts 20 of 30 lots; one applicant corrects, the other does not, and both are cut.
    ZH -> KZ-47 100 lots 2000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 99
    2021-11-01 aktau applies a1 outside KZ-47 20
    2021-11-01 dossor applies d1 outside KZ-47 10
    2021-11-06 accept KZ-47 20 -> outside_window
    2021-11-10 accept KZ-47 30 -> out_of_range
    2021-11-10 accept KZ-47 20
    2021-11-11 accept KZ-47 19 -> already_exists
    2021-11-15 aktau corrects a1 15
    2021-11-15 approve -> outside_window
    2021-11-16 aktau corrects a1 14 -> outside_window
    2021-11-16 approve
    # 20 lots to 15 and 10.
    allot zhanaozen ZH KZ-47 aktau 12
    allot zhanaozen ZH KZ-47 dossor 8
    spare zhanaozen ZH 79
"""
LATE = """
    # Whoever comes late has to wait for the next plan; a ministry that is late is seen to be.
    ZH -> KZ-47 100 lots 2000 tenge
    open 2022-Q1 on 2021-10-20 -> out_of_range
    open 2022-01 on 2021-10-20
    open 2022-01 on 2021-10-21 -> already_exists
    2021-10-27 aktau applies a1 platform KZ-47 5
    2021-10-28 dossor applies d1 platform KZ-47 5 -> outside_window
    2021-11-06 dossor applies d1 outside KZ-47 5
    2021-11-07 aktau applies a2 outside KZ-47 5 -> outside_window
    2021-11-07 dossor corrects d1 6 -> outside_window
    2021-11-07 dossor corrects d1 4
    2021-11-17 accept KZ-47 1 -> outside_window
    2021-11-20 zhanaozen can ZH 7
    2021-11-21 zhanaozen can ZH 6 -> already_exists
    2021-11-21 zhanaozen can ZH 6 the compressor stands still
    2021-11-29 approve
    late 3
    2021-11-30 approve -> wrong_phase
    2021-11-30 zhanaozen can ZH 9 more -> wrong_phase
    allot zhanaozen ZH KZ-47 dossor 2
    part KZ-47 outside 2 platform 4
"""
TOO_LATE = """
    # A plan that nobody could apply for any more is not opened.
    ZH -> KZ-47 100 lots 2000 tenge
    open 2022-01 on 2021-11-07 -> outside_window
"""
QUARTER = """
    # A plan of a quarter ends its applications before the month that precedes the quarter.
    ZH -> KZ-47 100 lots 2000 tenge
    open 2022-01 on 2021-10-20 -> out_of_range
    open 2022-Q1 on 2021-10-20
    2021-10-25 zhanaozen can ZH 31
    2021-11-06 aktau applies a1 outside KZ-47 40
    2021-11-25 approve
    allot zhanaozen ZH KZ-47 aktau 31
"""
FULFILLED = """
    # What is refused goes to the platform; what is loaded counts once; what is missing is seen.
    ZH -> KZ-47 100 lots 2000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 30
    2021-11-01 aktau applies a1 outside KZ-47 10
    2021-11-25 approve
    owes zhanaozen ZH 360 t 0 lots short 360 t
    2022-01-05 dossor refuses 1 2 -> not_permitted
    2022-01-05 aktau refuses 1 2
    owes zhanaozen ZH 288 t 2 lots short 288 t
    2022-01-10 atyrau loads 1 36 -> not_permitted
    2022-01-10 zhanaozen loads 1 100
    2022-01-10 zhanaozen loads 1 189 -> out_of_range
    2022-01-10 zhanaozen loads 2 1 -> not_found
    owes zhanaozen ZH 288 t 2 lots short 188 t
    2022-01-20 aktau refuses 1 6 -> out_of_range
    2022-01-31 aktau refuses 1 5
    owes zhanaozen ZH 108 t 7 lots short 8 t
    2022-02-01 aktau refuses 1 1 -> outside_window
    2022-02-02 zhanaozen loads 1 8
    owes zhanaozen ZH 108 t 7 lots short 0 t
"""
NEVER: dict[str, Any] = {"platform_share": {"default": 0}}
SCRIPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "plenty": (PLENTY, {"platform_share": {"default": 6_500}}),
    "cut": (CUT, NEVER),
    "narrow": (NARROW, NEVER),
    "review": (REVIEW, NEVER),
    "too late": (TOO_LATE, NEVER),
    "quarter": (QUARTER, {**NEVER, "plan_period": "quarter"}),
    "late": (LATE, {"platform_share": {"default": 6_500}}),
    "fulfilled": (FULFILLED, NEVER),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_plan_lives_as_the_script_says(name: str) -> None:
    """Each line of the script comes true, and the auditor has nothing to say."""
    text, rules = SCRIPTS[name]
    script = SupplyScript(text, **rules)
    assert script.desk.read_back() == script.desk.state


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("KZ-47 aktau 14", "KZ-47 aktau 13"),
        ("outside 10 platform 0", "outside 9 platform 1"),
        ("1 outside KZ-47 13", "1 outside KZ-47 14"),
    ],
)
def test_a_script_that_is_wrong_fails(old: str, new: str) -> None:
    """A script with another number does not come true: the lines are compared and not only played."""
    assert old in CUT
    with pytest.raises(AssertionError, match="found"):
        SupplyScript(CUT.replace(old, new), **NEVER)
