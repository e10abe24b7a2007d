"""The path of the pump price: its cap, its monthly step, the calendar of the step, and the floor of its fund."""

from typing import Final, NamedTuple

from naryq.limits.prices import moved
from naryq.messages import Code, Day, Month, Refusal
from naryq.units import Rounding, apportion, days_between

STEP: Final = "pump_step_rise"
CAP: Final = "retail_cap"
FLOOR: Final = "fund_floor"


class Bounded(NamedTuple):
    """A pump price after its limits, in tiyn a litre, and what the fund owes for each litre."""

    pump_tiyn_per_litre: int
    fund_tiyn_per_litre: int
    limits: tuple[str, ...]


def bound_pump(
    formula_tiyn_per_litre: int,
    previous_tiyn_per_litre: int | None,
    step_rise: int | None,
    cap_tiyn_per_litre: int | None,
) -> Bounded:
    """Bound a pump price by the cap and by the largest rise in a month (basis points of the last price).

    The cap is the seller's loss, as in law; the step is the fund's: it pays what the step alone holds back. Falls are
    free. Where both hold the price back, both are named. The rise is rounded down. Source of the band: IMF TNM 12/03,
    `clip(P*, P(1-x), P(1+x))`, upper side.

    >>> bound_pump(11_000, 6_000, 500, None)
    Bounded(pump_tiyn_per_litre=6300, fund_tiyn_per_litre=4700, limits=('pump_step_rise',))
    """
    lawful = formula_tiyn_per_litre if cap_tiyn_per_litre is None else min(formula_tiyn_per_litre, cap_tiyn_per_litre)
    limits = (CAP,) if lawful < formula_tiyn_per_litre else ()
    if previous_tiyn_per_litre is None or step_rise is None:
        return Bounded(lawful, 0, limits)
    highest = moved(previous_tiyn_per_litre, step_rise, Rounding.DOWN)
    if lawful <= highest:
        return Bounded(lawful, 0, limits)
    return Bounded(highest, lawful - highest, (*limits, STEP))


# --- The calendar of the step -----------------------------------------------------------------------------------


def judge_publication(today: Day, month: Month, last: Day | None, lead: int | None, gap: int | None) -> Refusal | None:
    """Say whether a month's pump prices may be published on a day (OUTSIDE_CALENDAR), or None.

    A step is meant for a month. Without a calendar, several months could be published, and several steps taken, on one
    day. So a month is published at most `lead` days before it begins, and at least `gap` days after a province's last
    publication: up to a day D there are never more steps than months that have begun by D + lead.

    >>> judge_publication("2021-12-31", "2022-01", "2021-11-30", 10, 20) is None
    True
    >>> judge_publication("2021-12-31", "2022-02", None, 10, 20).what
    'prices of 2022-02 are published 32 days before it begins'
    """
    early = days_between(today, f"{month}-01")
    if lead is not None and early > lead:
        return _outside_calendar(f"prices of {month} are published {early} days before it begins", "at most", lead)
    since = None if last is None else days_between(last, today)
    if gap is not None and since is not None and since < gap:
        return _outside_calendar(f"these provinces had new pump prices {since} days ago", "after at least", gap)
    return None


def _outside_calendar(what: str, bound: str, days: int) -> Refusal:
    remedy = f"Wait: prices are published {bound} {days} days " + ("ahead." if bound == "at most" else "of the last.")
    return Refusal(Code.OUTSIDE_CALENDAR, what, where="session_id", remedy=remedy)


# --- The floor of the fund --------------------------------------------------------------------------------------


def rationed(owed_tiyn: tuple[int, ...], balance_tiyn: int, floor_tiyn: int | None) -> tuple[int, ...]:
    """Return what the fund pays of what it owes, province by province: all, or pro rata what its floor leaves.

    >>> rationed((300, 100), -500, -700), rationed((300, 100), -500, None), rationed((300, 100), -800, -700)
    ((150, 50), (300, 100), (0, 0))
    """
    owed = sum(owed_tiyn)
    if floor_tiyn is None or balance_tiyn - owed >= floor_tiyn:
        return owed_tiyn
    return apportion(max(0, balance_tiyn - floor_tiyn), owed_tiyn)
