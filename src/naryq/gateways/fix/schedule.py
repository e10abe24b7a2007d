"""When a FIX session may stand: a part of each day, after which the numbers begin anew."""

from typing import Final, NamedTuple

from naryq.gateways.fix.times import NS_PER_SECOND

DAY_SECONDS: Final = 86_400


class Schedule(NamedTuple):
    """From when until when a session may stand each day, in seconds from midnight UTC; the end may lie on the next day.

    A period begins at `opens`; numbers that were given before it are forgotten. Equal ends leave no pause between.
    """

    opens: int
    closes: int

    def period(self, at_ns: int) -> int | None:
        """Return when the period began that an instant lies in (ns); None in the pause between two."""
        second = at_ns // NS_PER_SECOND
        begun = second - (second - self.opens) % DAY_SECONDS
        length = (self.closes - self.opens) % DAY_SECONDS or DAY_SECONDS
        return begun * NS_PER_SECOND if second - begun < length else None
