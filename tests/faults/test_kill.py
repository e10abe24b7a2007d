"""`kill -9` of a venue in a process of its own, at every named step and at random instants, over one journal.

What the process told its parent must be there afterwards; what it did not may be there, but only as a whole group.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate, takewhile
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests import little_machine
from tests.faults import worker
from tests.faults.disk import seeded
from tests.faults.processes import started
from tests.faults.worker import Death

from naryq.journal.contract import Step
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import checked, verify

KILLS_AT_EACH_STEP = 5
RANDOM_KILLS = 20
LONGEST_LIFE_SECONDS = 0.06


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "venue.journal")
    SqliteJournal.create(path).close()
    return path


def live_and_die(path: str, first: int, death: Death | None, seed: int) -> dict[str, int]:
    """Let a process work until it kills itself or is killed, and return what it acknowledged, by command_id."""
    with started(worker.work, path, first, death, seed) as (process, pipe):
        told = {}
        if death is None:
            told = dict([pipe.recv()])
            time.sleep(seeded(seed).random() * LONGEST_LIFE_SECONDS)
            process.kill()
        told |= dict(_all_of(pipe))
        process.join()
        assert process.exitcode == -signal.SIGKILL
    return told


def _all_of(pipe: Connection) -> Iterator[tuple[str, int]]:
    try:
        while True:
            yield pipe.recv()
    except (EOFError, OSError):
        return  # The end, or half a message: what was not told whole was not acknowledged.


def judge(path: str, told: dict[str, int]) -> int:
    """Check the journal against everything that was ever told, and return how many rows it holds."""
    with closing(SqliteReader.open(path)) as reader:
        kept = {entry.command.command_id: entry.sequence for _, entry in checked(reader.read())}
    lost = {command_id: row for command_id, row in told.items() if kept.get(command_id) != row}
    assert not lost, f"acknowledged and lost: {lost}"
    assert list(kept) == [f"c{number}" for number in range(1, len(kept) + 1)], "a command took effect twice or never"
    return len(kept)


def group_ends(first: int, rows: int, seed: int) -> list[int]:
    """Return the numbers of rows, up to the one given, at which a group of this process may end."""
    sizes = (len(group) for group in worker.groups(first, seed))
    return list(takewhile(lambda end: end <= rows, accumulate(sizes, initial=first - 1)))


def test_a_killed_process_loses_nothing_acknowledged(path: str) -> None:
    """Killed at each step and at random, each process begins where the journal of the one before it ends."""
    deaths = [Death(step, passes) for step in Step for passes in range(1, KILLS_AT_EACH_STEP + 1)]
    told: dict[str, int] = {}
    rows = 0
    for seed, death in enumerate([*deaths, *[None] * RANDOM_KILLS]):
        told |= live_and_die(path, rows + 1, death, seed)
        first, rows = rows + 1, judge(path, told)
        assert rows in group_ends(first, rows, seed), "a group was kept in part"
    assert len(told) <= rows
    with closing(SqliteReader.open(path)) as reader:
        found = verify(reader.read(), little_machine)
    assert found.rows == rows
    assert found.hash_by_events == found.hash_by_decisions


def test_the_judge_finds_a_lost_row(path: str) -> None:
    """The canary: a command that was told as done and is in no row, or in another one, is found."""
    told = live_and_die(path, 1, Death(Step.ACKNOWLEDGED, 2), 0)
    judge(path, told)
    with pytest.raises(AssertionError, match="lost"):
        judge(path, told | {"c999": 999})
    with pytest.raises(AssertionError, match="lost"):
        judge(path, told | {"c1": 2})
