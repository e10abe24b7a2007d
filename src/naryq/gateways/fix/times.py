"""Instants as FIX writes them (UTCTimestamp: `20220110-09:30:00.000`), from and to nanoseconds since 1970 in UTC."""

import calendar
import time
from functools import lru_cache
from typing import Final

NS_PER_SECOND: Final = 10**9
_NS_PER_MILLISECOND: Final = 10**6


def written(at_ns: int) -> str:
    """Write an instant to the millisecond."""
    seconds, rest = divmod(at_ns, NS_PER_SECOND)
    return f"{_second(seconds)}.{rest // _NS_PER_MILLISECOND:03d}"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds))


def read(text: str) -> int | None:
    """Read an instant with any of the fractions that FIX allows; None where it is no instant of the calendar."""
    whole, _, fraction = text.partition(".")
    seconds = _seconds(whole)
    if seconds is None or not (fraction or "0").isdigit():
        return None
    return seconds * NS_PER_SECOND + int(fraction.ljust(9, "0")[:9] or 0)


@lru_cache(maxsize=256)
def _seconds(text: str) -> int | None:
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%d-%H:%M:%S"))
    except ValueError:
        return None
