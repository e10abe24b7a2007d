"""What an engine says of itself, in the text format of Prometheus (prometheus.io, "Exposition formats").

A module of our own: the official client is a registry for a whole process with locks on each count, where the one
writer counts a group in one go, and two engines in one process must not share their counts.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from naryq.engine.answers import Answer
from naryq.messages import Code, Refused

NS_PER_SECOND: Final = 10**9
LATENCY_BOUNDS_NS: Final = tuple(
    1_000_000 * milliseconds for milliseconds in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
)
GROUP_BOUNDS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Gauges(NamedTuple):
    """What stands at an instant: lengths in commands, sequences of rows, times in nanoseconds."""

    running: bool
    queue_length: int
    queue_limit: int
    journal_sequence: int
    snapshot_sequence: int
    snapshot_failures: int
    snapshots_passed_over: int
    snapshot_check: int
    recovery_ns: int


class Histogram:
    """How many values lie up to each bound, and their sum."""

    def __init__(self, bounds: Sequence[int]) -> None:
        """Count nothing yet; the bounds are in rising order, and one more bucket takes what lies beyond."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0

    def add(self, value: int, times: int = 1) -> None:
        """Count a value, once or more often."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class Metrics:
    """The counts of one engine since it was started. Only the writer counts groups; the door has its own lock."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self.accepted = 0
        self.repeated = 0
        self.refused: Counter[Code] = Counter()
        self.turned_away: Counter[Code] = Counter()
        """What was refused at the door, before the writer saw it."""
        self.latency = Histogram(LATENCY_BOUNDS_NS)
        self.groups = Histogram(GROUP_BOUNDS)
        self.busy_ns = 0

    def group(self, received_ns: Iterable[int], answers: Sequence[Answer], begun_ns: int, now_ns: int) -> None:
        """Count a group that is acknowledged now, and which the writer began at an instant."""
        for received, together in groupby(received_ns):  # What came in one batch came at one instant.
            self.latency.add(now_ns - received, len(list(together)))
        heads = [answer.events[0] for answer in answers]
        refused = [head.code for head in heads if isinstance(head, Refused)]
        if refused:
            self.refused.update(refused)
        self.accepted += len(heads) - len(refused)
        self.repeated += sum([answer.repeated for answer in answers])
        self.groups.add(len(answers))
        self.busy_ns += now_ns - begun_ns

    def text(self, gauges: Gauges) -> str:
        """Write everything as Prometheus reads it."""
        return "".join(f"{line}\n" for line in self._lines(gauges))

    def _lines(self, gauges: Gauges) -> Iterator[str]:
        yield from counter("commands_accepted", "Commands that were taken.", self.accepted)
        yield from counter("commands_repeated", "Commands that got the answer of an earlier row.", self.repeated)
        refused = self.refused + self.turned_away
        yield from _head("commands_refused_total", "counter", "Commands that were refused, by code.")
        for code, count in sorted(refused.items()):
            yield f'naryq_commands_refused_total{{code="{code}"}} {count}'
        yield from counter("writer_busy_seconds", "How long the writer has worked; its rate is the load.", self.busy_ns)
        yield from gauge("running", "Whether commands are taken.", int(gauges.running))
        yield from gauge("queue_length", "Commands that wait.", gauges.queue_length)
        yield from gauge("queue_limit", "Commands that may wait before the answer is `busy`.", gauges.queue_limit)
        yield from gauge("journal_sequence", "The last durable row.", gauges.journal_sequence)
        yield from gauge("snapshot_sequence", "The row of the newest snapshot.", gauges.snapshot_sequence)
        yield from counter("snapshot_failures", "Snapshots that could not be kept.", gauges.snapshot_failures)
        says = "Snapshots that the last start could not use."
        yield from gauge("snapshots_passed_over", says, gauges.snapshots_passed_over)
        says = "The snapshot of the last start: 0 none, 1 being checked, 2 agrees, 3 differs, 4 not checked."
        yield from gauge("snapshot_check", says, gauges.snapshot_check)
        yield from gauge("recovery_seconds", "How long the recovery took.", gauges.recovery_ns)
        yield from _histogram("acknowledgement_seconds", "From receipt to the answer.", self.latency)
        yield from _histogram("group_rows", "Commands a commit.", self.groups)


def _head(name: str, kind: str, says: str) -> Iterator[str]:
    yield f"# HELP naryq_{name} {says}"
    yield f"# TYPE naryq_{name} {kind}"


def counter(name: str, says: str, value: int) -> Iterator[str]:
    """Yield the lines of what only grows; a name that ends in `seconds` is given nanoseconds."""
    yield from _head(f"{name}_total", "counter", says)
    yield f"naryq_{name}_total {_number(name, value)}"


def gauge(name: str, says: str, value: int) -> Iterator[str]:
    """Yield the lines of what stands now; a name that ends in `seconds` is given nanoseconds."""
    yield from _head(name, "gauge", says)
    yield f"naryq_{name} {_number(name, value)}"


def _histogram(name: str, says: str, histogram: Histogram) -> Iterator[str]:
    yield from _head(name, "histogram", says)
    counts = list(histogram.counts)
    for index, bound in enumerate(histogram.bounds):
        yield f'naryq_{name}_bucket{{le="{_number(name, bound)}"}} {sum(counts[: index + 1])}'
    yield f'naryq_{name}_bucket{{le="+Inf"}} {sum(counts)}'
    yield f"naryq_{name}_sum {_number(name, histogram.total)}"
    yield f"naryq_{name}_count {sum(counts)}"


def _number(name: str, value: int) -> str:
    """Write nanoseconds as the seconds that the name promises, and everything else as it is."""
    return f"{value / NS_PER_SECOND:.9f}".rstrip("0").rstrip(".") if name.endswith("seconds") else str(value)
