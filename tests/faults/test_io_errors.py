"""The disk reports an error at every single write and sync, done or not, once or from then on; nothing is lost.

Whatever the error, a client hears `unknown` or `stopped` and never a wrong `done`; after reopening it sends the same
commands again, and each has taken effect once.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec
import pytest
from tests import little_machine
from tests.faults.disk import Cut, Disk, Drive, Fault, Kind, Operation, no_fault, seeded
from tests.little_machine import State, order

from naryq.engine import Answer, Engine
from naryq.journal import sqlite
from naryq.journal.contract import Record
from naryq.journal.sqlite import PRAGMAS, SqliteJournal
from naryq.messages import Code, Refusal, Refused, decode_entry

SETTINGS = (*PRAGMAS, ("wal_autocheckpoint", 6, 6))
"""Checkpoints after few pages, so that a short run meets many."""
GROUPS = [[order(2 * number - 1), order(2 * number)] for number in range(1, 25)]
COMMANDS = [command for group in GROUPS for command in group]


class Plan(NamedTuple):
    """Which operation fails and how, and whether the machine loses power before the journal is opened again."""

    kind: Kind
    number: int
    done: bool
    lasting: bool
    cut: Cut | None


class Failing:
    """The plan at work: counts the operations of its kind and fails the one with the plan's number, or all from it."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.seen = plan, 0

    def __call__(self, operation: Operation) -> Fault | None:
        self.seen += operation.kind is self.plan.kind
        hit = self.seen >= self.plan.number if self.plan.lasting else self.seen == self.plan.number
        if operation.kind is not self.plan.kind or not hit:
            return None
        error = apsw.FullError if self.plan.kind is Kind.WRITE and self.plan.number % 2 else apsw.IOError
        return Fault(error, self.plan.done)


class Venue:
    """A venue over a disk that may fail, and everything that its clients were told."""

    def __init__(self, drive: Drive, path: Path) -> None:
        self.drive, self.path = drive, path
        self.empty = path.read_bytes()
        self.counts: Counter[str] = Counter()

    def run(self, plan: Plan) -> None:
        """Work until the plan strikes; reopen; send everything again; lose power; and look."""
        self.drive.disk = disk = Disk({self.path.name: self.empty})
        disk.plan = Failing(plan)
        told = self.work()
        disk.plan = no_fault
        if plan.cut is not None:
            self.drive.disk = disk.after(plan.cut, seeded(plan.number))
        self.judge_recovery(told)
        self.judge_end()

    def open(self) -> Engine[State]:
        journal = SqliteJournal.open(str(self.path), vfs=self.drive.name, pragmas=SETTINGS)
        return Engine(journal, machine=little_machine)

    def work(self) -> dict[str, Answer]:
        """Send group after group until one is not answered with rows, and return what each command was told."""
        told: dict[str, Answer] = {}
        try:
            engine = self.open()
        except Refusal as refusal:
            self.counts[f"opening: {refusal.code}"] += 1
            return told
        with engine:
            for group in GROUPS:
                answers = engine.submit_many(group)
                told |= {command.command_id: answer for command, answer in zip(group, answers, strict=True)}
                if not engine.running:
                    break
        return told

    def judge_recovery(self, told: dict[str, Answer]) -> None:
        """After reopening, what was acknowledged stands in its row; what was unknown may be sent again."""
        with self.open() as engine:
            again = engine.submit_many(COMMANDS)
            for command, now in zip(COMMANDS, again, strict=True):
                self.judge_answer(told.get(command.command_id), now)
            assert engine.state.lots == len(COMMANDS), "a command took effect twice or never"
            # The power goes now, before a clean close: what was answered above must be durable all the same.
            self.left = self.drive.disk.after(Cut.NONE, seeded(0))
        self.drive.disk = self.left

    def judge_answer(self, before: Answer | None, now: Answer) -> None:
        """Compare what a client was told with what it hears when it sends its command again."""
        if before is None:
            return
        if before.sequence:
            assert now == msgspec.structs.replace(before, repeated=True), "an acknowledged command was lost or altered"
            return
        (event,) = before.events
        assert isinstance(event, Refused)
        assert event.code is Code.OUTCOME_UNKNOWN or not now.repeated, "a command was kept that was refused"
        self.counts[f"{event.code}, {'kept' if now.repeated else 'not kept'}"] += 1

    def judge_end(self) -> None:
        with closing(SqliteJournal.open(str(self.path), vfs=self.drive.name)) as journal:
            kept = [decode_entry(row.payload).command for row in journal.read()]
        assert kept == COMMANDS, "an acknowledged command was lost"


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[Venue]:
    path = tmp_path / "venue.journal"
    SqliteJournal.create(str(path)).close()
    drive = Drive("failing-disk")
    yield Venue(drive, path)
    drive.close()


def plans(venue: Venue) -> list[Plan]:
    """Return plans for each operation that a run without faults makes: done or not, lasting or not, cut or not."""
    reach: dict[Kind, int] = {}
    for kind in (Kind.WRITE, Kind.SYNC):
        counting = Failing(Plan(kind, 0, done=True, lasting=False, cut=None))
        venue.drive.disk = Disk({venue.path.name: venue.empty})
        venue.drive.disk.plan = counting
        venue.work()
        reach[kind] = counting.seen
    return [
        Plan(kind, number, done, lasting, cut)
        for done, lasting, kind in product((False, True), (False, True), reach)
        for number in range(1, reach[kind] + 1)
        for cut in (None, tuple(Cut)[number % len(Cut)])
    ]


def run_all_plans(venue: Venue) -> int:
    all_plans = plans(venue)
    for plan in all_plans:
        venue.run(plan)
    return len(all_plans)


def test_no_error_of_the_disk_loses_or_doubles_a_command(venue: Venue) -> None:
    """An error at each write and each sync, in every form: acknowledged commands stay, and retries take effect once."""
    assert run_all_plans(venue) >= 1_000
    assert venue.counts.keys() == {
        "opening: unreadable",
        "outcome_unknown, kept",
        "outcome_unknown, not kept",
    }, venue.counts


def test_the_suite_finds_a_log_that_is_not_written_again(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: recovery that believes what a failed sync left in the page cache loses rows, and is found out."""
    monkeypatch.setattr(sqlite, "_write_log_again", lambda *_: None)
    with pytest.raises((AssertionError, Refusal), match=r"lost|not a sound journal"):
        run_all_plans(venue)


def test_the_suite_finds_a_swallowed_error(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: an append that hides the disk's error and goes on acknowledges rows that are not there."""

    def swallow(journal: SqliteJournal, rows: list[Record]) -> None:
        with suppress(apsw.Error):
            journal._commit(rows)

    monkeypatch.setattr(SqliteJournal, "_commit_or_refuse", swallow)
    with pytest.raises(AssertionError, match="lost"):
        run_all_plans(venue)
