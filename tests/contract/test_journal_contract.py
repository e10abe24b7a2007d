"""One suite for every journal: what `naryq.journal.contract.Journal` promises, whoever keeps the rows."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from naryq.journal import named
from naryq.journal.contract import GENESIS, Journal, Step, link
from naryq.journal.memory import MemoryJournal
from naryq.journal.postgres import PostgresJournal
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import Code, Refusal


class Keeper(NamedTuple):
    """How to open one and the same journal again, and how to make a second writer of it."""

    open: Callable[[], Journal]
    rival: Callable[[], Journal]
    """A second writer that has got round the lock, as on a network drive that ignores locks, or behind a pooler."""


def _memory(_: pytest.FixtureRequest) -> Keeper:
    rows = MemoryJournal().rows
    return Keeper(lambda: MemoryJournal(rows), lambda: MemoryJournal(rows))


def _sqlite(request: pytest.FixtureRequest) -> Keeper:
    path = str(request.getfixturevalue("tmp_path") / "venue.journal")
    SqliteJournal.create(path).close()

    def rival() -> Journal:
        Path(f"{path}-lock").unlink()
        return SqliteJournal.open(path)

    return Keeper(lambda: SqliteJournal.open(path), rival)


def _postgres(request: pytest.FixtureRequest) -> Keeper:
    address = request.getfixturevalue("new_schema")()
    PostgresJournal.create(address).close()
    opened: list[PostgresJournal] = []

    def open_it() -> Journal:
        opened.append(PostgresJournal.open(address))
        return opened[-1]

    def rival() -> Journal:
        opened[-1]._connection.execute("SELECT pg_advisory_unlock_all()")
        return PostgresJournal.open(address)

    return Keeper(open_it, rival)


KEEPERS = {"memory": _memory, "sqlite": _sqlite, "postgres": _postgres}


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def keeper(request: pytest.FixtureRequest) -> Keeper:
    return KEEPERS[request.param](request)


@pytest.fixture
def journal(keeper: Keeper) -> Iterator[Journal]:
    journal = keeper.open()
    yield journal
    journal.close()


def test_a_new_journal_is_empty(journal: Journal) -> None:
    """Nothing has been written, so there is no head and nothing to read."""
    assert journal.head() is None
    assert list(journal.read()) == []


def test_rows_are_numbered_from_one_and_chained(journal: Journal) -> None:
    """The chain of each row is the hash of the chain before, its number and its payload."""
    head = journal.append([b"one", b"two"])
    journal.append([b"three"])
    first, second, third = journal.read()
    assert [first.sequence, second.sequence, third.sequence] == [1, 2, 3]
    assert first.chain == link(GENESIS, 1, b"one")
    assert second.chain == link(first.chain, 2, b"two")
    assert head == second
    assert journal.head() == third == (3, b"three", link(second.chain, 3, b"three"))


def test_reading_may_start_after_any_row(journal: Journal) -> None:
    """`after` leaves out the rows up to it, and a number beyond the head leaves nothing."""
    journal.append([bytes([number]) for number in range(1, 8)])
    assert [row.sequence for row in journal.read(after=4)] == [5, 6, 7]
    assert list(journal.read(after=7)) == list(journal.read(after=99)) == []


def test_a_reopened_journal_holds_the_same_rows(keeper: Keeper) -> None:
    """Closing and opening changes nothing, and the next row follows on."""
    journal = keeper.open()
    journal.append([b"one", b"\x00" * 100_000, b""])
    before = list(journal.read())
    journal.close()
    again = keeper.open()
    assert list(again.read()) == before
    assert again.append([b"four"]).sequence == 4
    again.close()


def test_a_reader_sees_the_rows_of_its_call_only(journal: Journal) -> None:
    """Rows that are appended during a reading do not appear in it."""
    journal.append([b"one", b"two"])
    reading = journal.read()
    next(reading)
    journal.append([b"three"])
    assert [row.sequence for row in reading] == [2]


def test_many_rows_come_back_in_order(journal: Journal) -> None:
    """A journal longer than one page of reading has no seam."""
    journal.append([f"row {number}".encode() for number in range(1, 1_001)])
    assert [row.payload for row in journal.read()] == [f"row {number}".encode() for number in range(1, 1_001)]


def test_two_writers_never_both_succeed(keeper: Keeper) -> None:
    """Of two writers that know the same head, one appends; the other is refused and writes nothing."""
    first = keeper.open()
    first.append([b"common"])
    second = keeper.rival()
    second.append([b"of the second"])
    with pytest.raises(Refusal) as refusal:
        first.append([b"of the first"])
    assert refusal.value.code is Code.JOURNAL_LOCKED
    assert [row.payload for row in second.read()] == [b"common", b"of the second"]
    with pytest.raises(Refusal, match="stopped"):
        first.append([b"once more"])
    first.close()
    second.close()


@pytest.mark.parametrize("use", [lambda j: j.append([b"row"]), lambda j: j.read(), lambda j: j.head()])
def test_a_closed_journal_refuses_all_use(journal: Journal, use: Callable[[Journal], object]) -> None:
    """After `close` only another `close` is allowed."""
    journal.close()
    journal.close()
    with pytest.raises(Refusal) as refusal:
        use(journal)
    assert refusal.value.code is Code.STOPPED


def test_an_append_without_rows_is_a_bug(journal: Journal) -> None:
    """An empty group never reaches the journal: that is the caller's duty."""
    with pytest.raises(AssertionError):
        journal.append([])


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nobody_sees_a_row_before_its_commit(request: pytest.FixtureRequest, tmp_path: Path, store: str) -> None:
    """Just before the commit a reader beside the writer finds the head of before, and afterwards the new one."""
    name = str(tmp_path / "venue.journal") if store == "sqlite" else request.getfixturevalue("new_schema")()
    named.create(name).close()
    seen: list[tuple[Step, int]] = []

    def look(step: Step) -> None:
        with closing(named.reader(name)) as reader:
            head = reader.head()
            seen.append((step, head.sequence if head else 0))

    with closing(named.writer(name, at_step=look)) as journal:
        journal.append([b"one", b"two"])
        journal.append([b"three"])
        look(Step.SYNCED)
    assert seen == [(Step.APPENDED, 0), (Step.APPENDED, 2), (Step.SYNCED, 3)]
