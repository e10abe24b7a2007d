"""The calendar of the step and the floor of the fund at the venue."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue_samples import Desk, founded, instant, opening, order, report_terms, rulebook

from naryq import limits
from naryq.messages import (
    ClearSession,
    CloseSession,
    Code,
    OpenSession,
    PublishPrices,
    SubmitOrder,
)
from naryq.units import apportion, month_after

FIXED = settings(derandomize=True, max_examples=300, database=None)
CALENDAR: dict[str, Any] = {"pump_step_rise": 500, "publication_lead": 10, "publication_gap": 20}


def cleared(desk: Desk, month: str, day: str, price: int, window: str = "plan") -> None:
    """Clear a session for a month on a day, at one price in both provinces, and stay on that day."""
    desk.at_ns = max(desk.at_ns, instant("09:30", day))
    report_terms(desk, month)
    opened = desk.must(OpenSession, "operator", **opening(month, day=day, delivery_month=month, window=window))
    desk.at_ns = opened.opens_at_ns
    for number, (person, place, side, carriage) in enumerate(
        (
            ("zhanaozen", "ZH", "sell", 0),
            ("aktau", "KZ-47", "buy", 2_000),
            ("atyrau", "AT", "sell", 0),
            ("dossor", "KZ-23", "buy", 1_000),
        )
    ):
        asked = order(f"{month}-{number}", place, side, price=price + carriage, lots=5, session_id=month)
        desk.must(SubmitOrder, person, **asked)
    desk.at_ns = opened.closes_at_ns
    desk.must(CloseSession, "operator", session_id=month)
    desk.must(ClearSession, "operator", session_id=month)


def publish(desk: Desk, month: str, day: str | None = None) -> Any:
    if day is not None:
        desk.at_ns = max(desk.at_ns, instant("18:00", day))
    return desk.give(PublishPrices, "operator", session_id=month)


def test_a_month_of_the_year_0_is_refused_like_any_other_that_is_past() -> None:
    """No calendar of Python has the year 0; a session of it is refused, and ends no writer by an exception."""
    desk = founded(rulebook(**CALENDAR))
    answer = desk.give(OpenSession, "operator", **opening("old", delivery_month="0000-01"))
    assert (answer.code, answer.events[0].where) == (Code.OUT_OF_RANGE, "delivery_month")  # type: ignore[union-attr]  # a refusal
    assert desk.findings == []


# --- The calendar -----------------------------------------------------------------------------------------------


def test_two_months_cannot_be_published_on_one_day() -> None:
    """Without a calendar two steps are taken on one day; with it the second is refused, and comes in its own time."""
    for rules, code in (({"pump_step_rise": 500}, None), (CALENDAR, Code.OUTSIDE_CALENDAR)):
        desk = founded(rulebook(**rules), "2021-12-31")
        cleared(desk, "2022-01", "2021-12-31", 60_000)
        cleared(desk, "2022-02", "2021-12-31", 120_000, "other")
        assert [publish(desk, month).code for month in ("2022-01", "2022-02")] == [None, code]
        assert desk.findings == []


def test_a_month_is_published_shortly_before_it_begins() -> None:
    """Ten days before its first day it may be published, eleven days before it may not."""
    desk = founded(rulebook(**CALENDAR), "2021-12-01")
    cleared(desk, "2022-01", "2021-12-20", 60_000)
    assert publish(desk, "2022-01", "2021-12-21").code is Code.OUTSIDE_CALENDAR
    assert publish(desk, "2022-01", "2021-12-22").code is None
    assert desk.findings == []


def test_a_late_month_is_not_followed_at_once_by_the_next() -> None:
    """January published late in the month keeps February's price back until the gap is over."""
    desk = founded(rulebook(**CALENDAR), "2021-12-31")
    cleared(desk, "2022-01", "2021-12-31", 60_000)
    cleared(desk, "2022-02", "2022-01-25", 90_000)
    assert publish(desk, "2022-01").code is None
    assert publish(desk, "2022-02").code is Code.OUTSIDE_CALENDAR
    assert publish(desk, "2022-02", "2022-02-13").code is Code.OUTSIDE_CALENDAR
    assert publish(desk, "2022-02", "2022-02-14").code is None
    assert desk.findings == []


@FIXED
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 15)), max_size=25), st.integers(0, 31))
def test_there_are_never_more_steps_than_months(tries: list[tuple[int, int]], lead: int) -> None:
    """Whoever publishes what and when, by a day there are no more prices than months begun by that day and the lead."""
    day_one = 738_156  # 2022-01-01
    last, done = None, set[str]()
    for offset, ahead in sorted(tries):
        today, month = _day(day_one + offset), month_after("2022-01", ahead)
        if any(month <= other for other in done):
            continue
        if limits.judge_publication(today, month, last, lead, 0) is None:
            last = today
            done.add(month)
        begun = {
            month_after("2022-01", n)
            for n in range(24)
            if f"{month_after('2022-01', n)}-01" <= _day(day_one + offset + lead)
        }
        assert done <= begun


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


# --- The floor --------------------------------------------------------------------------------------------------


def stepped(**rules: Any) -> Any:
    """Publish a month at 60,000 and the next at 110,000 under a step of five per cent, and return both answers."""
    desk = founded(rulebook(pump_step_rise=500, **rules), "2021-12-31")
    cleared(desk, "2022-01", "2021-12-31", 60_000)
    first = publish(desk, "2022-01").events[0]
    cleared(desk, "2022-02", "2022-01-31", 110_000)
    second = publish(desk, "2022-02").events[0]
    assert desk.findings == []
    return first.pump_prices, second.pump_prices, desk.state.balances.get(("fund", "tiyn"), 0)


def test_a_fund_with_room_pays_all_of_the_step() -> None:
    """Without a floor, or with one that is far, the pump rises by five per cent and the fund pays the rest."""
    before, after, fund = stepped()
    for old, new in zip(before, after, strict=True):
        assert new.pump_tiyn_per_litre == old.pump_tiyn_per_litre * 105 // 100
        assert "fund_floor" not in new.limits
    assert fund == -sum(price.fund_tiyn for price in after) < 0
    assert stepped(fund_floor=fund, fund_exhausted="pump") == (before, after, fund)


@pytest.mark.parametrize("who", ["pump", "stations"])
def test_a_fund_at_its_floor_pays_no_more(who: str) -> None:
    """Half the money pays half of what is owed everywhere; the rule says who takes the other half."""
    _, whole, fund = stepped()
    before, after, spent = stepped(fund_floor=fund // 2, fund_exhausted=who)
    assert fund // 2 <= spent < fund // 2 + 2 * 400_000
    for old, full, new in zip(before, whole, after, strict=True):
        assert new.limits[-1] == "fund_floor"
        assert sum(step.tiyn_per_litre for step in new.steps) == new.pump_tiyn_per_litre
        if who == "stations":
            assert new.pump_tiyn_per_litre == full.pump_tiyn_per_litre
        else:
            assert old.pump_tiyn_per_litre * 105 // 100 < new.pump_tiyn_per_litre < new.formula_tiyn_per_litre


def test_an_empty_fund_lets_the_formula_through() -> None:
    """With nothing left the step holds nothing: the pump price is what it would have been without a step."""
    _, after, fund = stepped(fund_floor=0, fund_exhausted="pump")
    assert fund == 0
    assert all(price.pump_tiyn_per_litre == price.formula_tiyn_per_litre for price in after)


@FIXED
@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=20),
    st.integers(-(10**13), 10**13),
    st.integers(-(10**13), 10**13),
)
def test_the_fund_never_falls_below_its_floor(owed: list[int], balance: int, floor: int) -> None:
    """Whatever is owed, the fund pays no more than that, never below its floor, and all that its floor leaves."""
    paid = limits.rationed(tuple(owed), balance, floor)
    assert all(0 <= part <= whole for part, whole in zip(paid, owed, strict=True))
    assert not sum(paid) or balance - sum(paid) >= floor
    assert sum(paid) == min(sum(owed), max(0, balance - floor))
    assert sum(apportion(sum(paid), tuple(owed)) if sum(owed) else ()) == sum(paid)
