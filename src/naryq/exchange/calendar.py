"""On which days the venue trades: every day but weekends and the holidays that the operator has declared.

The government moves working days every year, so the calendar is data: it is declared with its source, year by year.
Until it is declared, every day is a trading day that a session is opened on; only a series of sessions, which picks
its days itself, keeps to the days from Monday to Friday.
"""

from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic
from naryq.messages import Code, Day, DeclareHolidays, HolidaysDeclared, Refusal

SATURDAY: Final = 5
LAST_YEAR: Final = 2261
"""The last whole year of the venue's clock: in April 2262 the nanoseconds since 1970 no longer fit 64 bits."""


def is_trading_day(state: State, day: Day) -> bool:
    """Say whether the venue trades on a day of the calendar."""
    declared = state.market.holidays.get(int(day[:4]))
    weekend = date.fromisoformat(day).weekday() >= SATURDAY
    if declared is None:
        return not weekend
    return day in declared.working or (not weekend and day not in declared.days)


def trading_days(state: State, first: Day, count: int) -> tuple[Day, ...]:
    """Return the first trading days from a day on, that day included."""
    days, day = list[Day](), first
    while len(days) < count:
        if is_trading_day(state, day):
            days.append(day)
        day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return tuple(days)


def trading_days_left(state: State, first: Day, end: Day) -> int:
    """Count the trading days from a day on and before another."""
    days, day = 0, first
    while day < end:
        days += is_trading_day(state, day)
        day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    return days


def check_trading_day(state: State, day: Day) -> None:
    """Refuse (OUTSIDE_WINDOW) a day that the calendar of its year leaves out."""
    if int(day[:4]) in state.market.holidays and not is_trading_day(state, day):
        what = f"{day} is no trading day"
        remedy = "Choose another day; the calendar is what DeclareHolidays has said."
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="day", remedy=remedy)


def check_day(day: Day, where: str) -> None:
    """Refuse (OUT_OF_RANGE) what no calendar has, such as 30 February."""
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Refusal(
            Code.OUT_OF_RANGE, f"{day} is no day of the calendar", where=where, remedy="Give a day such as 2022-01-31."
        ) from None


def _declare_holidays(_: State, command: DeclareHolidays) -> Decision:
    for where, days in (("days", command.days), ("working", command.working)):
        for day in days:
            check_day(day, where)
            if int(day[:4]) != command.year:
                raise Refusal(
                    Code.OUT_OF_RANGE, f"{day} is not in {command.year}", where=where, remedy="Declare each year apart."
                )
    both = sorted(frozenset(command.days) & frozenset(command.working))
    if both:
        raise Refusal(
            Code.DUPLICATE_ID, f"{both[0]} is named both ways", where="working", remedy="Name it in one list."
        )
    days, working = (tuple(sorted(frozenset(each))) for each in (command.days, command.working))
    return (HolidaysDeclared(command.year, days, working, command.source),)


def _holidays_declared(state: State, event: HolidaysDeclared) -> State:
    holidays = state.market.holidays.insert(event.year, event)
    return msgspec.structs.replace(state, market=msgspec.structs.replace(state.market, holidays=holidays))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            DeclareHolidays: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            DeclareHolidays: _declare_holidays,
        }
    ),
    evolvers=MappingProxyType(
        {
            HolidaysDeclared: _holidays_declared,
        }
    ),
)
