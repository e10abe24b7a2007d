"""How often somebody may try: lockout after wrong secrets, and the rate of requests. All in memory, and bounded."""

from collections import OrderedDict
from typing import Final

from naryq.access.principals import NS_PER_MINUTE, NS_PER_SECOND, Clock
from naryq.messages import Code, Refusal

TRIES: Final = 5
LOCKED_NS: Final = 15 * NS_PER_MINUTE
SUBJECTS_MAX: Final = 100_000
"""How many names are remembered; then the oldest is forgotten, so that a flood of names does not take the memory."""


class Lockout:
    """Counts wrong secrets by subject: after five within a quarter of an hour there is a quarter of an hour's rest."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nobody locked out."""
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def check(self, subject: str) -> None:
        """Refuse (LOCKED_OUT) a subject that has failed too often lately."""
        count, last_ns = self._failures.get(subject, (0, 0))
        if count >= TRIES and self._clock() - last_ns < LOCKED_NS:
            what = f"there were {TRIES} wrong attempts"
            remedy = "Wait a quarter of an hour; if it was not you, tell the operator."
            raise Refusal(Code.LOCKED_OUT, what, where="credential", remedy=remedy)

    def failed(self, subject: str) -> None:
        """Count a wrong secret."""
        now_ns = self._clock()
        count, last_ns = self._failures.pop(subject, (0, 0))
        self._failures[subject] = (count + 1 if now_ns - last_ns < LOCKED_NS else 1, now_ns)
        if len(self._failures) > SUBJECTS_MAX:
            self._failures.popitem(last=False)

    def passed(self, subject: str) -> None:
        """Forget the wrong secrets of a subject that has shown the right one."""
        self._failures.pop(subject, None)


class Rates:
    """So many requests a second for each subject, and a burst of as many as two seconds bring, by a bucket of tokens.

    Integers alone: a token is a nanosecond's worth of time.
    """

    def __init__(self, clock: Clock, per_second: int) -> None:
        """Allow so many a second."""
        self._clock, self._cost_ns = clock, NS_PER_SECOND // per_second
        self._burst_ns = 2 * NS_PER_SECOND
        self._due_ns: OrderedDict[str, int] = OrderedDict()
        """When the bucket of each subject is full again."""

    def check(self, subject: str) -> None:
        """Count a request; refuse (TOO_MANY_REQUESTS) one that comes too soon."""
        now_ns = self._clock()
        full_ns = max(self._due_ns.pop(subject, now_ns), now_ns) + self._cost_ns
        if full_ns - now_ns > self._burst_ns:
            self._due_ns[subject] = full_ns - self._cost_ns
            remedy = "Wait a second and send it again; send many orders as a batch."
            raise Refusal(Code.TOO_MANY_REQUESTS, "more requests than the venue takes of one sender", remedy=remedy)
        self._due_ns[subject] = full_ns
        if len(self._due_ns) > SUBJECTS_MAX:
            self._due_ns.popitem(last=False)
