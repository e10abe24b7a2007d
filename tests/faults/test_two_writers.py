"""Two programs and one journal: the second is refused, until the first has ended in whatever way."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from tests.faults import worker
from tests.faults.processes import started

from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.messages import Code, Refusal


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "venue.journal")
    SqliteJournal.create(path).close()
    return path


def test_a_second_program_is_refused_while_the_first_lives(path: str) -> None:
    """Opening to write is refused as locked, even while the first is paused; reading is not; a killed one lets go."""
    with started(worker.hold, path) as (process, pipe):
        assert pipe.recv() == "open"
        refused_as_locked(path)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        refused_as_locked(path)
        with closing(SqliteReader.open(path)) as reader:
            assert reader.head() is None
        process.kill()
        process.join()
        with closing(SqliteJournal.open(path)) as journal:
            assert journal.append([b"row"]).sequence == 1


def test_a_program_that_ends_lets_go(path: str) -> None:
    """After a clean end the next program has the journal at once."""
    with started(worker.hold, path) as (process, pipe):
        assert pipe.recv() == "open"
        pipe.send("enough")
        process.join()
        assert process.exitcode == 0
        SqliteJournal.open(path).close()


def test_one_program_cannot_open_it_twice(path: str) -> None:
    """The lock holds within a process as well, and a refused opening does not lift it."""
    with closing(SqliteJournal.open(path)) as journal:
        refused_as_locked(path)
        refused_as_locked(path)
        assert journal.append([b"row"]).sequence == 1
    SqliteJournal.open(path).close()


def refused_as_locked(path: str) -> None:
    with pytest.raises(Refusal) as refusal:
        SqliteJournal.open(path)
    assert refusal.value.code is Code.JOURNAL_LOCKED
