"""Two programs and one journal: the second is refused until the first has ended, and a stale one never writes again.

Locks can fail: a file is deleted, a network drive ignores them, a pooler gives a session to another, a fail-over drops
it. What then still holds is judged here as well, on rivals that have got round the lock, and on planted bugs.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from tests.faults import worker
from tests.faults.processes import started

from naryq.journal import named, postgres, sqlite
from naryq.journal.contract import Journal, Record
from naryq.journal.memory import MemoryJournal
from naryq.journal.postgres import PostgresJournal
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.messages import Code, Refusal

POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


class Place(NamedTuple):
    """A journal's name, and how to get round the lock of whoever holds it."""

    name: str
    get_round: Callable[[], object]


@pytest.fixture(params=["sqlite", POSTGRES])
def place(request: pytest.FixtureRequest) -> Place:
    if request.param == "sqlite":
        path = str(request.getfixturevalue("tmp_path") / "venue.journal")
        SqliteJournal.create(path).close()
        return Place(path, Path(f"{path}-lock").unlink)
    address = request.getfixturevalue("new_schema")()
    PostgresJournal.create(address).close()
    return Place(address, lambda: cut_off(address))


def cut_off(address: str) -> None:
    """End the connection of whoever holds the lock, as a fail-over or a lost network does."""
    with psycopg.connect(address, autocommit=True) as connection:
        holder = "FROM pg_locks WHERE locktype = 'advisory' AND objid = 'naryq_head'::regclass"
        connection.execute(f"SELECT pg_terminate_backend(pid, 10000) {holder}".encode())


def refused_as_locked(name: str) -> None:
    with pytest.raises(Refusal) as refusal:
        named.writer(name)
    assert refusal.value.code is Code.JOURNAL_LOCKED


def payloads(name: str) -> list[bytes]:
    with closing(named.reader(name)) as reader:
        return [row.payload for row in reader.read()]


# --- The lock -------------------------------------------------------------------------------------------------------


def test_a_second_program_is_refused_while_the_first_lives(place: Place) -> None:
    """Opening to write is refused as locked, even while the first is paused; reading is not; a killed one lets go."""
    with started(worker.hold, place.name) as (process, pipe):
        assert pipe.recv() == "open"
        refused_as_locked(place.name)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        refused_as_locked(place.name)
        assert payloads(place.name) == []
        process.kill()
        process.join()
        with closing(worker.opened_at_last(place.name)) as journal:
            assert journal.append([b"row"]).sequence == 1


def test_a_program_that_ends_lets_go(place: Place) -> None:
    """After a clean end the next program has the journal at once."""
    with started(worker.hold, place.name) as (process, pipe):
        assert pipe.recv() == "open"
        pipe.send("enough")
        process.join()
        assert process.exitcode == 0
        worker.opened_at_last(place.name).close()


def test_one_program_cannot_open_it_twice(place: Place) -> None:
    """The lock holds within a process as well, and a refused opening does not lift it."""
    with closing(named.writer(place.name)) as journal:
        refused_as_locked(place.name)
        refused_as_locked(place.name)
        assert journal.append([b"row"]).sequence == 1
    worker.opened_at_last(place.name).close()


# --- Without the lock -----------------------------------------------------------------------------------------------


def test_a_paused_writer_whose_rival_has_written_is_refused(place: Place) -> None:
    """A writer sleeps, its lock is lost, a rival writes, the writer wakes: it is refused and has written nothing."""
    with started(worker.append_twice, place.name, False) as (process, pipe):  # noqa: FBT003 - handed on to the worker
        assert pipe.recv() == "first row"
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        place.get_round()
        with closing(named.writer(place.name)) as rival:
            assert rival.append([b"of the rival"]).sequence == 2
            os.kill(process.pid, signal.SIGCONT)
            pipe.send("go on")
            assert pipe.recv() in {Code.JOURNAL_LOCKED, Code.OUTCOME_UNKNOWN}
            assert rival.append([b"and on"]).sequence == 3
    assert payloads(place.name) == [b"first", b"of the rival", b"and on"]


@pytest.mark.postgres
def test_a_writer_that_lost_its_lock_and_not_its_connection_is_fenced(new_schema: Callable[[], str]) -> None:
    """Behind a pooler the lock may go while the connection stays: once a rival has opened, the epoch shuts it out."""
    name = new_schema()
    PostgresJournal.create(name).close()
    with started(worker.append_twice, name, True) as (_, pipe):  # noqa: FBT003 - handed on to the worker
        assert pipe.recv() == "first row"
        with closing(named.writer(name)) as rival:
            pipe.send("go on")
            assert pipe.recv() is Code.JOURNAL_LOCKED
            assert rival.append([b"of the rival"]).sequence == 2
    assert payloads(name) == [b"first", b"of the rival"]


def test_a_writer_paused_within_its_commit_never_succeeds_beside_a_rival(place: Place) -> None:
    """Stopped between its rows and its commit, a writer wakes to be refused, or it wins and the rival is refused."""
    with started(worker.stop_within_append, place.name) as (process, pipe):
        assert process.pid is not None
        wait_until_stopped(process.pid)
        place.get_round()
        with closing(named.writer(place.name)) as rival:
            answers = [worker.told(rival, b"of the rival")]
            os.kill(process.pid, signal.SIGCONT)
            answers.append(pipe.recv())
    assert answers.count(1) == 1, answers
    assert payloads(place.name) == [b"of the rival" if answers[0] == 1 else b"first"]


def wait_until_stopped(process: int) -> None:
    while ") T " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8"):
        time.sleep(0.01)


# --- The judge, and planted bugs ------------------------------------------------------------------------------------

ORDERS = sorted(set(permutations([0, 0, 1, 1])))
Duel = tuple[Journal, Journal]
"""Two writers of one journal; the second was opened after the first and has got round its lock."""


def duel_over_postgres(name: str, kind: type[PostgresJournal] = PostgresJournal) -> Duel:
    first = kind.create(name)
    first._connection.execute("SELECT pg_advisory_unlock_all()")
    return first, kind.open(name)


def duel_over_sqlite(path: Path, kind: type[SqliteJournal] = SqliteJournal) -> Duel:
    first = kind.create(str(path))
    Path(f"{path}-lock").unlink()
    return first, kind.open(str(path))


def duel_in_memory(kind: type[MemoryJournal] = MemoryJournal) -> Duel:
    rows: list[Record] = []
    return kind(rows), kind(rows)


def winner(duel: Duel, order: Sequence[int]) -> int:
    """Let the writers append in turn, and return who succeeded; that two did, or none, is an error."""
    answers = [(worker.told(duel[number], b"row"), number) for number in order]
    for journal in duel:
        journal.close()
    successful = {number for answer, number in answers if isinstance(answer, int)}
    assert len(successful) == 1, f"{order}: {answers}"
    return successful.pop()


@pytest.mark.parametrize("order", ORDERS)
def test_of_two_writers_who_got_round_the_lock_one_succeeds(order: tuple[int, ...], tmp_path: Path) -> None:
    """In every order of appends it is the one that appended first, in memory and in a file."""
    assert winner(duel_in_memory(), order) == order[0]
    assert winner(duel_over_sqlite(tmp_path / "venue.journal"), order) == order[0]


@pytest.mark.postgres
@pytest.mark.parametrize("order", ORDERS)
def test_in_postgres_the_later_one_succeeds(order: tuple[int, ...], new_schema: Callable[[], str]) -> None:
    """In every order of appends the epoch lets the later writer succeed, whoever comes first."""
    assert winner(duel_over_postgres(new_schema()), order) == 1


class CarelessMemory(MemoryJournal):
    """A planted bug: it takes whatever head is there for its own, and so never sees a rival."""

    def append(self, payloads: Sequence[bytes]) -> Record:
        self._head = self.rows[-1] if self.rows else None
        return super().append(payloads)


class CarelessSqlite(SqliteJournal):
    """The same bug over a file."""

    def append(self, payloads: Sequence[bytes]) -> Record:
        self._head = SqliteReader.head(self)
        return super().append(payloads)


class CarelessPostgres(PostgresJournal):
    """The same bug over a server: it takes the epoch and the head that are there."""

    def append(self, payloads: Sequence[bytes]) -> Record:
        self._epoch, self._head = postgres._head(self._connection, "")
        return super().append(payloads)


def test_the_judge_finds_a_writer_that_does_not_compare_the_head(tmp_path: Path) -> None:
    """The canary: where the head is read anew instead of compared, both writers succeed, and that is seen."""
    with pytest.raises(AssertionError):
        winner(duel_in_memory(CarelessMemory), (0, 1, 0, 1))
    with pytest.raises(AssertionError):
        winner(duel_over_sqlite(tmp_path / "venue.journal", CarelessSqlite), (0, 1, 0, 1))


def test_the_judge_finds_an_append_without_its_fence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canaries: without the comparison the number of a row still fences, and without both both writers succeed."""
    unfenced, orders = sqlite.APPEND.partition(" WHERE")[0], (0, 1, 0, 1)
    monkeypatch.setattr(sqlite, "APPEND", f"{unfenced} WHERE ?2 IS ?2")
    assert winner(duel_over_sqlite(tmp_path / "numbered.journal"), orders) == 0
    monkeypatch.setattr(sqlite, "APPEND", f"{unfenced} WHERE ?2 IS ?2".replace("INSERT", "INSERT OR REPLACE"))
    with pytest.raises(AssertionError):
        winner(duel_over_sqlite(tmp_path / "overwritten.journal"), orders)


@pytest.mark.postgres
def test_the_judge_finds_what_is_amiss_in_postgres(
    new_schema: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canaries: a writer that reads epoch and head anew, and an append that does not ask for the epoch."""
    with pytest.raises(AssertionError):
        winner(duel_over_postgres(new_schema(), CarelessPostgres), (0, 1, 0, 1))
    monkeypatch.setattr(postgres, "MOVE_HEAD", postgres.MOVE_HEAD.replace("epoch =", "0 <"))
    assert winner(duel_over_postgres(new_schema()), (0, 1, 0, 1)) == 0
