"""Power cuts: after every single operation on the disk, everything that a cut may leave is opened and judged.

The oracle is checked as well: with settings of SQLite that do not keep every commit the same campaign must find losses.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from tests.faults.disk import Cut, Disk, Drive, Kind, Operation, seeded

from naryq.journal.contract import Record, rows_after
from naryq.journal.sqlite import PRAGMAS, Pragma, SqliteJournal
from naryq.messages import Refusal

IMAGES = 20_000
PAGES_BEFORE_CHECKPOINT = 8
"""Few, so that a short run meets many checkpoints."""

FULL: tuple[Pragma, ...] = (*PRAGMAS, ("wal_autocheckpoint", PAGES_BEFORE_CHECKPOINT, PAGES_BEFORE_CHECKPOINT))
NORMAL: tuple[Pragma, ...] = (*FULL, ("synchronous", "NORMAL", 1))
OFF: tuple[Pragma, ...] = (*FULL, ("synchronous", "OFF", 0))


@pytest.fixture
def empty_journal(tmp_path: Path) -> Path:
    path = tmp_path / "venue.journal"
    (tmp_path / "found").mkdir()
    SqliteJournal.create(str(path)).close()
    return path


@pytest.fixture
def drives() -> Iterator[tuple[Drive, Drive]]:
    at_work, found = Drive("disk-at-work"), Drive("disk-found")
    yield at_work, found
    at_work.close()
    found.close()


class Campaign:
    """Journals at work on a disk, and the judgement of everything that a power cut may leave of it.

    `rows` are all rows given to the journal so far, the first `safe` of them nobody may lose, and `ends` are the
    lengths that whole groups make.
    """

    def __init__(self, path: Path, drives: tuple[Drive, Drive], pragmas: tuple[Pragma, ...]) -> None:
        self.path, self.pragmas = path, pragmas
        self.at_work, self.found = drives
        self.empty = path.read_bytes()
        self.counts: Counter[str] = Counter()

    def run(self, seed: int, *, lives: int = 3) -> None:
        """Work, lose power, recover, and work on, as often as there are lives."""
        self.random = seeded(seed)
        self.rows: list[Record] = []
        self.safe, self.ends = 0, {0}
        disk = Disk({self.path.name: self.empty})
        for _ in range(lives):
            self.at_work.disk = disk
            disk.watch = self.judge
            disk = self.work()

    def work(self) -> Disk:
        """Open, append groups, and return the disk as a power cut leaves it before or after the closing."""
        cut = self.random.choice(list(Cut))
        with closing(SqliteJournal.open(str(self.path), vfs=self.at_work.name, pragmas=self.pragmas)) as journal:
            self.accept(list(journal.read()))
            for _ in range(12):
                self.append(journal)
            disk = self.at_work.disk.after(cut, self.random)
        return disk if self.random.random() < 0.5 else self.at_work.disk.after(cut, self.random)

    def accept(self, rows: list[Record]) -> None:
        """Take what recovery has shown as history: from now on nobody may lose it."""
        self.rows, self.safe = rows, len(rows)
        self.ends = {end for end in self.ends if end <= len(rows)}

    def append(self, journal: SqliteJournal) -> None:
        payloads = [self.random.randbytes(self.random.randrange(600)) for _ in range(self.random.randint(1, 9))]
        self.rows += rows_after(self.rows[-1] if self.rows else None, payloads)
        self.ends.add(len(self.rows))
        self.safe = journal.append(payloads).sequence

    def judge(self, operation: Operation) -> None:
        self.counts[f"{operation.kind} of the {'log' if operation.file.endswith('-wal') else 'file'}"] += 1
        for cut in Cut:
            self.counts["images"] += 1
            self.counts[self.verdict(self.at_work.disk.after(cut, self.random))] += 1

    def verdict(self, disk: Disk) -> str:
        self.found.disk = disk
        try:
            with closing(
                SqliteJournal.open(str(self.path.parent / "found" / self.path.name), vfs=self.found.name)
            ) as it:
                rows = list(it.read())
        except Refusal as refusal:
            return f"refused: {refusal.code}"
        if rows != self.rows[: len(rows)] or len(rows) not in self.ends:
            return "altered"
        if len(rows) < self.safe:
            return "lost"
        return "kept with the group at hand" if len(rows) > self.safe else "kept"


SOUND = {"kept", "kept with the group at hand"}
SIGHTS = SOUND | {
    "images",
    *(f"{kind} of the {file}" for file in ("log", "file") for kind in (Kind.WRITE, Kind.SYNC)),
    "truncate of the file",
    "delete of the log",
}
"""All that a campaign on a sound journal must have met, and nothing else may it meet."""


def test_a_power_cut_loses_nothing_acknowledged(empty_journal: Path, drives: tuple[Drive, Drive]) -> None:
    """Whatever a cut leaves: every acknowledged row is there, unaltered, and the group at hand is whole or absent."""
    campaign = Campaign(empty_journal, drives, FULL)
    for seed in count():
        campaign.run(seed)
        if campaign.counts["images"] >= IMAGES:
            break
    assert campaign.counts.keys() == SIGHTS, campaign.counts


@pytest.mark.parametrize("pragmas", [NORMAL, OFF], ids=["NORMAL", "OFF"])
def test_the_campaign_finds_what_weaker_settings_lose(
    empty_journal: Path, drives: tuple[Drive, Drive], pragmas: tuple[Pragma, ...]
) -> None:
    """The canary: where SQLite does not sync each commit, acknowledged rows are lost, and the campaign says so."""
    campaign = Campaign(empty_journal, drives, pragmas)
    campaign.run(seed=0, lives=1)
    assert campaign.counts["lost"] > 0, campaign.counts
