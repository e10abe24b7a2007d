"""On which days the venue trades, and the series of sessions that are announced: both are public."""

from naryq.exchange import State
from naryq.messages import HolidaysDeclared, SessionsScheduled


def holidays(state: State) -> tuple[HolidaysDeclared, ...]:
    """Return the declared years, the latest first."""
    return tuple(each for _, each in sorted(state.market.holidays.items(), reverse=True))


def series(state: State) -> tuple[SessionsScheduled, ...]:
    """Return the announced series of sessions, by identifier."""
    return tuple(each for _, each in sorted(state.market.series.items()))
