"""`naryq bench venue` and `recovery`: what a venue bears on this machine, and how soon it stands again.

The load is an open loop. Each command has its instant in a timetable, is offered when that has come whatever became of
the ones before it, and its answer is timed from that instant: a venue that stalls is charged with all who waited.
"""

import gc
import resource
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.cli.bench_traffic import OPENS_NS, Country, Crowd, founding, openings
from naryq.engine import BATCH_LIMIT, Engine, Promise, SnapshotCheck, collect_lightly
from naryq.engine.snapshot_check import Finding
from naryq.exchange import State, state_hash
from naryq.journal.snapshots import FolderSnapshots
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import checked
from naryq.messages import AnyCommand, Refused

Say = Callable[[str], None]

NS_PER_SECOND: Final = 10**9
WINDOW_NS: Final = 7_000 * NS_PER_SECOND
"""Of the two hours of a session, what a flood of commands spreads over."""
RAMP_SECONDS: Final = 30
RAMP_TIMES: Final = 10
PATIENCE_SECONDS: Final = 60
BREATH_SECONDS: Final = 0.001
"""How long the client sleeps between looking at its timetable."""


class Figure(NamedTuple):
    """One figure, its target where there is one, and whether it is met."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


class Told:
    """What the clients were told: how long each answer took, in which row it stands, or why there is none."""

    def __init__(self) -> None:
        """Nobody was told anything yet."""
        self.offered = 0
        self.late_ns = 0
        """How far the client itself fell behind its timetable, at worst."""
        self.numbers, self.sequences, self.waited_ns = array("q"), array("q"), array("q")
        self.refused: Counter[str] = Counter()
        self.refused_after_ns = array("q")

    def answered(self, number: int, due_ns: int, offered_ns: int, promise: Promise) -> None:
        """Note the answer to the command of a number that was due at an instant, and offered at one."""
        now_ns, answer = time.perf_counter_ns(), promise.result()
        if answer.sequence:
            self.numbers.append(number)
            self.sequences.append(answer.sequence)
            self.waited_ns.append(now_ns - due_ns)
        else:
            (event,) = answer.events
            assert isinstance(event, Refused), "what stands in no row is refused"
            self.refused[event.code] += 1
            self.refused_after_ns.append(now_ns - offered_ns)

    @property
    def count(self) -> int:
        """How many were answered."""
        return len(self.sequences) + len(self.refused_after_ns)


def steady(rate: int, seconds: float) -> Iterator[int]:
    """Yield the instants, in ns from the start, of so many commands a second."""
    return (number * NS_PER_SECOND // rate for number in range(int(rate * seconds)))


def rising(rate: int, times: int, seconds: float) -> Iterator[int]:
    """Yield the instants of commands whose rate rises evenly to so many times itself."""
    at_ns = 0.0
    while at_ns < seconds * NS_PER_SECOND:
        yield int(at_ns)
        at_ns += NS_PER_SECOND / (rate * (1 + (times - 1) * at_ns / (seconds * NS_PER_SECOND)))


def drive(engine: Engine[State], crowd: Crowd, timetable: Iterator[int], venue_ns: int) -> Told:
    """Offer the crowd's commands by a timetable, each once its instant has come, and wait until all are answered.

    `venue_ns` is the instant of the venue's clock at which the timetable begins.
    """
    told, begun_ns = Told(), time.perf_counter_ns()
    for offset_ns in timetable:
        while time.perf_counter_ns() - begun_ns < offset_ns:
            time.sleep(BREATH_SECONDS)
        command, offered_ns = crowd.next(venue_ns + offset_ns), time.perf_counter_ns()
        promise = engine.offer(command)
        promise.add_done_callback(partial(told.answered, told.offered, begun_ns + offset_ns, offered_ns))
        told.offered += 1
        told.late_ns = max(told.late_ns, offered_ns - begun_ns - offset_ns)
    given_up_ns = time.perf_counter_ns() + PATIENCE_SECONDS * NS_PER_SECOND
    while told.count < told.offered and time.perf_counter_ns() < given_up_ns:
        time.sleep(BREATH_SECONDS)
    return told


def venue(folder: Path, rate: int, minutes: float, *, ramp: bool, say: Say) -> tuple[list[Figure], str]:
    """Bear a load, and a ramp to ten times it; return the figures and the engine's own metrics."""
    path, country = folder / "venue.journal", Country()
    engine = _opened(path, create=True)
    engine.submit_many(chain(founding(country), openings(country)))
    gc.collect()
    crowd, before, seconds = Crowd(country), resident_bytes(), minutes * 60
    say(f"{rate:,} commands a second for {seconds:,.0f} seconds")
    told = drive(engine, crowd, steady(rate, seconds), OPENS_NS)
    figures = [*_of_load(told, rate), *_of_memory(before, resident_bytes(), len(told.sequences))]
    parts = [(told, 0)]
    if ramp:
        say(f"a ramp to {RAMP_TIMES * rate:,} in {RAMP_SECONDS} seconds")
        before, at_ns = resident_bytes(), OPENS_NS + int((seconds + 1) * NS_PER_SECOND)
        rose = drive(engine, crowd, rising(rate, RAMP_TIMES, RAMP_SECONDS), at_ns)
        figures += [*_of_ramp(rose), *_of_memory(before, resident_bytes(), len(rose.sequences))]
        parts.append((rose, told.offered))
    metrics = engine.metrics()
    engine.close()
    say("reading the journal again")
    figures.append(_of_journal(path, parts))
    return [*figures, *_of_restart(path)], metrics


def _opened(
    path: Path, *, create: bool = False, snapshots: bool = True, check: SnapshotCheck | None = None
) -> Engine[State]:
    collect_lightly()
    journal = SqliteJournal.create(str(path)) if create else SqliteJournal.open(str(path))
    store = FolderSnapshots(Path(f"{path}-snapshots")) if snapshots else None
    return Engine(journal, snapshots=store, snapshot_check=check)


def _of_load(told: Told, rate: int) -> list[Figure]:
    p99 = _percentile(told.waited_ns, 99)
    return [
        Figure("commands offered", f"{told.offered:,} at {rate:,} a second"),
        Figure("answered", f"{told.count:,}", "all", told.count == told.offered),
        Figure("acknowledged and durable", f"{len(told.sequences):,}", "all", len(told.sequences) == told.offered),
        Figure("acknowledgement, p50", f"{_percentile(told.waited_ns, 50):.1f} ms"),
        Figure("acknowledgement, p99", f"{p99:.1f} ms", "50 ms at most", p99 <= 50),  # noqa: PLR2004 - the target
        Figure("acknowledgement, p99.9", f"{_percentile(told.waited_ns, 99.9):.1f} ms"),
        Figure("the client late by at most", f"{told.late_ns / 10**6:.1f} ms, which is in the times above"),
        Figure("acknowledgement, longest", f"{_percentile(told.waited_ns, 100):.1f} ms"),
    ]


def _of_ramp(told: Told) -> list[Figure]:
    refused = ", ".join(f"{code} {count:,}" for code, count in sorted(told.refused.items())) or "none"
    return [
        Figure("ramp: offered", f"{told.offered:,} in {RAMP_SECONDS} s"),
        Figure("ramp: answered", f"{told.count:,}", "all", told.count == told.offered),
        Figure("ramp: acknowledged a second", f"{len(told.sequences) / RAMP_SECONDS:,.0f}"),
        Figure("ramp: refused with a code", refused),
        Figure("ramp: refusal after the offer, p99", f"{_percentile(told.refused_after_ns, 99):.1f} ms"),
        Figure("ramp: the client late by at most", f"{told.late_ns / 10**6:.0f} ms"),
        Figure("ramp: acknowledgement, p99", f"{_percentile(told.waited_ns, 99):.1f} ms"),
    ]


def _of_memory(before: int, after: int, kept: int) -> list[Figure]:
    grown = after - before
    return [
        Figure("memory", f"{before >> 20:,} to {after >> 20:,} MiB, {grown / max(kept, 1):,.0f} bytes a kept command")
    ]


def _of_journal(path: Path, parts: list[tuple[Told, int]]) -> Figure:
    """Compare every row with what its sender was told."""
    rows: dict[int, str] = {}
    for told, first in parts:
        rows.update(zip(told.sequences, (f"c{first + number + 1}" for number in told.numbers), strict=True))
    told_rows = len(rows)
    with closing(SqliteReader.open(str(path))) as reader:
        for _, entry in checked(reader.read()):
            if rows.get(entry.sequence) == entry.command.command_id:
                del rows[entry.sequence]
    return Figure("acknowledged and lost", f"{len(rows):,} of {told_rows:,}", "0", not rows)


def _of_restart(path: Path) -> Iterator[Figure]:
    for name, snapshots in (("from the newest snapshot", True), ("from the journal alone", False)):
        seconds, state = restart_seconds(path, snapshots=snapshots)
        yield Figure(f"restart {name}", f"{seconds:.1f} s for {state.sequence:,} rows")


def restart_seconds(path: Path, *, snapshots: bool, check: SnapshotCheck | None = None) -> tuple[float, State]:
    """Start an engine over a journal, and return how long it took and the state it found."""
    begun = time.perf_counter()
    engine = _opened(path, snapshots=snapshots, check=check)
    taken = time.perf_counter() - begun
    with engine:
        return taken, engine.state


def recovery(folder: Path, rows: int, *, say: Say) -> list[Figure]:
    """Fill a journal as fast as the engine takes commands, and start from it with and without its snapshots.

    A start that waits for the check of its snapshot takes as long as the check, which else goes on beside the venue.
    """
    path = folder / "venue.journal"
    country, crowd = Country(), Crowd(Country())
    say(f"filling a journal with {rows:,} commands")
    begun = time.perf_counter()
    with _opened(path, create=True) as engine:
        engine.submit_many(chain(founding(country), openings(country)))
        already = engine.state.sequence
        flood(engine, (crowd.next(OPENS_NS + number * WINDOW_NS // rows) for number in range(rows - already)))
    filled = time.perf_counter() - begun
    newest = next(FolderSnapshots(Path(f"{path}-snapshots")).newest_first(), None)
    say("starting from the snapshot, and from the journal alone")
    quick, with_snapshot = restart_seconds(path, snapshots=True)
    whole, from_journal = restart_seconds(path, snapshots=False)
    check = SnapshotCheck(str(path), first=True)
    checked_first, _ = restart_seconds(path, snapshots=True, check=check)
    same = state_hash(with_snapshot) == state_hash(from_journal)
    target = rows >= 1_000_000  # noqa: PLR2004 - what the targets are for
    return [
        Figure("rows", f"{from_journal.sequence:,} in {path.stat().st_size >> 20:,} MiB"),
        Figure("filled, commands a second", f"{rows / filled:,.0f}"),
        Figure("from the journal alone", f"{whole:.1f} s", "60 s at most", whole <= 60 if target else None),  # noqa: PLR2004
        Figure("newest snapshot", f"row {newest.sequence:,}, {len(newest.state) >> 20:,} MiB" if newest else "none"),
        Figure("from the newest snapshot", f"{quick:.1f} s", "5 s at most", quick <= 5 if target else None),  # noqa: PLR2004
        Figure("from it once it is checked", f"{checked_first:.1f} s", *_of_check(check, taken=newest is not None)),
        Figure("both states", "equal" if same else "DIFFERENT", "equal", same),
    ]


def _of_check(check: SnapshotCheck, *, taken: bool) -> tuple[str, bool]:
    """Return what the check of a snapshot should find, where one was taken, and whether it did."""
    expected = Finding.AGREES if taken else Finding.NOTHING_TO_CHECK
    return expected.name.lower().replace("_", " "), check.finding == expected


def flood(engine: Engine[Any], commands: Iterator[AnyCommand]) -> None:
    """Give commands as fast as they are taken: the next group waits while one is being committed."""
    ahead: list[Promise] = []
    while batch := list(islice(commands, BATCH_LIMIT)):
        promises = engine.offer_many(batch)
        if ahead:
            ahead[-1].result()
        ahead = promises
    if ahead:
        ahead[-1].result()


def resident_bytes() -> int:
    """Return the memory that this process holds now; where the system does not say, the most it has held."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * resource.getpagesize()


def _percentile(waited_ns: "array[int]", percent: float) -> float:
    """Return a percentile in milliseconds."""
    return float(np.percentile(np.frombuffer(waited_ns, np.int64), percent)) / 10**6 if waited_ns else 0.0
