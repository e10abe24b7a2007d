"""`kill -9` of a venue in a process of its own, at every named step and at random instants, over one journal.

What the process told its parent must be there afterwards; what it did not may be there, but only as a whole group.
"""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests import little_machine
from tests.faults import worker
from tests.faults.lives import all_of, judge, live_and_die, lose_nothing
from tests.faults.processes import started
from tests.faults.worker import Death, snapshots_of

from naryq.engine import Engine
from naryq.journal.contract import Step
from naryq.journal.postgres import PostgresJournal
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import verify
from naryq.messages import Code, Refusal

OF_A_COMMAND = [step for step in Step if not step.startswith("snapshot")]
KILLS_AT_EACH_STEP = 5
RANDOM_KILLS = 20
RANDOM_KILLS_IN_POSTGRES = 5


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "venue.journal")
    SqliteJournal.create(path).close()
    return path


def test_a_killed_process_loses_nothing_acknowledged(path: str) -> None:
    """Killed at each step and at random, a process has never told anybody what is not in the file."""
    deaths = [Death(step, passes) for step in Step for passes in range(1, KILLS_AT_EACH_STEP + 1)]
    lose_nothing(path, [*deaths, *[None] * RANDOM_KILLS])
    assert_snapshot_and_tail_are_everything(path)


def assert_snapshot_and_tail_are_everything(path: str) -> None:
    """Start from what the deaths have left of snapshots, and compare with the replay of all rows."""
    with Engine(SqliteJournal.open(path), machine=little_machine, snapshots=snapshots_of(path)) as engine:
        assert "naryq_snapshot_sequence 0" not in engine.metrics(), "no snapshot outlived its writer"
        state = engine.state
    with closing(SqliteReader.open(path)) as reader:
        assert little_machine.state_hash(state) == verify(reader.read(), little_machine).hash_by_events


@pytest.mark.postgres
def test_a_process_killed_over_postgres_loses_nothing_acknowledged(new_schema: Callable[[], str]) -> None:
    """The same over a server, which ends the transaction of whoever is gone and lets go of the lock."""
    address = new_schema()
    PostgresJournal.create(address).close()
    lose_nothing(address, [*[Death(step, 2) for step in OF_A_COMMAND], *[None] * RANDOM_KILLS_IN_POSTGRES])


def test_a_paused_venue_keeps_its_journal_and_goes_on(path: str) -> None:
    """A rival that is started while a working venue is paused is refused; the venue then goes on as if nothing was."""
    with started(worker.work, path, 1, None, 0) as (process, pipe):
        told = dict([pipe.recv() for _ in range(30)])
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(Refusal) as refusal:
            Engine(SqliteJournal.open(path), machine=little_machine)
        os.kill(process.pid, signal.SIGCONT)
        told |= dict([pipe.recv() for _ in range(200)])
        process.kill()
        told |= dict(all_of(pipe))
    assert refusal.value.code is Code.JOURNAL_LOCKED
    assert judge(path, told) >= len(told) >= 230


def test_the_judge_finds_a_lost_row(path: str) -> None:
    """The canary: a command that was told as done and is in no row, or in another one, is found."""
    told = live_and_die(path, 1, Death(Step.ACKNOWLEDGED, 2), 0)
    judge(path, told)
    with pytest.raises(AssertionError, match="lost"):
        judge(path, told | {"c999": 999})
    with pytest.raises(AssertionError, match="lost"):
        judge(path, told | {"c1": 2})
