"""A journal that is moved, replaced or cut off under a working venue, and a disk that is full: all is told at once.

Whoever may write the journal's files can destroy it, and no program keeps what he takes away. What must hold: nothing
is acknowledged from then on, what can be saved is, and the operator hears why.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner
from tests import little_machine
from tests.faults.lives import all_of, judge
from tests.faults.processes import started
from tests.faults.test_serve import key_in, serving, stopped
from tests.little_machine import order

from naryq.cli import main
from naryq.engine import Engine, EngineApart
from naryq.journal import named
from naryq.journal.postgres import PostgresJournal, PostgresReader
from naryq.journal.snapshots import FolderSnapshots, Snapshot
from naryq.journal.sqlite import SqliteJournal
from naryq.journal.transfer import imported
from naryq.messages import Code, Refusal, Refused

ROWS_BEFORE = 20
SAMPLE = Path(__file__).parents[1] / "samples" / "journal-v3.jsonl"


# --- The files of a working venue -----------------------------------------------------------------------------------


def replaced(path: Path) -> None:
    SqliteJournal.create(f"{path}-other").close()
    Path(f"{path}-other").replace(path)


def moved(path: Path) -> None:
    path.rename(f"{path}-moved")


def log_removed(path: Path) -> None:
    Path(f"{path}-wal").unlink()


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def log_emptied(path: Path) -> None:
    os.truncate(f"{path}-wal", 0)


def log_cut_off(path: Path) -> None:
    os.truncate(f"{path}-wal", Path(f"{path}-wal").stat().st_size // 2)


class Attack(NamedTuple):
    """What is done to the files, and how many of the rows before it the next start still finds; None: it is refused."""

    act: Callable[[Path], None]
    saved: int | None


ATTACKS = [
    Attack(replaced, ROWS_BEFORE),
    Attack(moved, None),
    Attack(log_removed, ROWS_BEFORE),
    Attack(emptied, ROWS_BEFORE),
    Attack(log_emptied, 0),
    Attack(log_cut_off, ROWS_BEFORE // 2),
]


def venue_over(path: Path) -> Engine[little_machine.State]:
    return Engine(SqliteJournal.open(str(path)), machine=little_machine)


def codes_after(path: Path, attack: Attack) -> tuple[list[Code | None], Refusal | None]:
    """Attack a working venue, and return what it answers to three more commands, and why it says that it stopped."""
    SqliteJournal.create(str(path)).close()
    with venue_over(path) as engine:
        for number in range(1, ROWS_BEFORE + 1):
            assert engine.submit(order(number)).sequence == number
        attack.act(path)
        heard = [engine.submit(order(number)).events[0] for number in range(ROWS_BEFORE + 1, ROWS_BEFORE + 4)]
    return [event.code if isinstance(event, Refused) else None for event in heard], engine.stopped_for


@pytest.mark.skipif(sys.platform == "win32", reason="Windows moves and cuts no file that is open")
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.act.__name__ for attack in ATTACKS])
def test_nothing_is_acknowledged_on_files_that_are_gone(tmp_path: Path, attack: Attack) -> None:
    """The next command is refused, the venue stops and says why, and what its log still held has been saved."""
    path = tmp_path / "venue.journal"
    codes, reason = codes_after(path, attack)
    assert codes == [Code.JOURNAL_DAMAGED, Code.STOPPED, Code.STOPPED]
    assert reason is not None
    assert reason.code is Code.JOURNAL_DAMAGED
    if attack.saved is None:
        with pytest.raises(Refusal):
            venue_over(path)
    else:
        with venue_over(path) as again:
            assert again.sequence == attack.saved


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.act.__name__ for attack in ATTACKS])
def test_a_journal_that_does_not_look_is_found_out(
    tmp_path: Path, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary: SQLite alone acknowledges command after command on each of these files."""
    monkeypatch.setattr(SqliteJournal, "_refuse_unless_in_place", lambda _: None)
    codes, reason = codes_after(tmp_path / "venue.journal", attack)
    assert (codes, reason) == ([None, None, None], None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the engine stays in a thread")
def test_a_writer_apart_says_why_it_stopped(tmp_path: Path) -> None:
    """The answer comes first and then the reason, which the doors' process tells its operator when it ends."""
    path = tmp_path / "venue.journal"
    SqliteJournal.create(str(path)).close()
    engine = EngineApart(
        partial(SqliteJournal.open, str(path)),
        partial(Engine, machine=little_machine),
        partial(named.reader, str(path)),
        machine=little_machine,
    )
    with closing(engine):
        assert engine.submit(order(1)).sequence == 1
        log_removed(path)
        assert getattr(engine.submit(order(2)).events[0], "code", None) is Code.JOURNAL_DAMAGED
        engine._listener.join(60)
        assert engine.stopped_for is not None
        assert engine.stopped_for.code is Code.JOURNAL_DAMAGED


def test_a_journal_is_found_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a folder means the folder of the opening, wherever the program goes afterwards."""
    monkeypatch.chdir(tmp_path)
    SqliteJournal.create("venue.journal").close()
    with closing(SqliteJournal.open("venue.journal")) as journal:
        monkeypatch.chdir("/")
        assert journal.append([b"row"]).sequence == 1


@pytest.mark.postgres
@pytest.mark.parametrize("lost", ["TRUNCATE {}.naryq_entries", "DELETE FROM {}.naryq_entries WHERE sequence = 3"])
def test_nothing_is_acknowledged_on_a_table_without_its_last_row(
    new_schema: Callable[[], str], postgres: Any, lost: str
) -> None:
    """Where the row that the head names is gone, as after a restore of one table, an append is refused as damaged."""
    address = new_schema()
    journal = PostgresJournal.create(address)
    assert journal.append([b"1", b"2", b"3"]).sequence == 3
    postgres.execute(lost.format(address.rpartition("%3D")[2]))
    with pytest.raises(Refusal, match="names row 3 as its last") as refusal:
        journal.append([b"4"])
    assert refusal.value.code is Code.JOURNAL_DAMAGED
    journal.close()
    with closing(PostgresReader.open(address)) as reader, pytest.raises(Refusal):
        reader.head()


# --- A journal that is gone when the venue starts -------------------------------------------------------------------


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_no_venue_is_founded_in_the_place_of_a_lost_one(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: Any, store: str
) -> None:
    """With the keys of a venue and without its journal, a supervisor's next start is refused, and founds nothing."""
    name = str(tmp_path / "venue.journal") if store == "sqlite" else request.getfixturevalue("new_schema")()
    settings = f'[venue]\njournal = "{name}"\n[web]\nport = 0\n[fix]\nruns = false\n[keeper]\nruns = false\n'
    (tmp_path / "venue.toml").write_text(settings, encoding="utf-8")
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        key_in(venue.printed)
        assert stopped(venue)[0] == 0
    if store == "sqlite":
        moved(Path(name))
    else:
        schema = name.rpartition("%3D")[2]
        postgres.execute(f"DROP TABLE {schema}.naryq_entries, {schema}.naryq_head")
    for _ in range(2):
        command = [sys.executable, "-m", "naryq", "serve", "--config", "venue.toml"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert ended.returncode == 2
        assert "the file of secrets has the keys of a venue" in ended.stderr
        assert "shown this once" not in ended.stdout
    if store == "sqlite":
        assert not Path(name).exists()
        Path(f"{name}-moved").rename(name)
        with serving("--config", "venue.toml", cwd=tmp_path) as venue:
            assert stopped(venue)[0] == 0


# --- A full disk ----------------------------------------------------------------------------------------------------

ROOM_BYTES = 120_000
"""How long a file may become: a few dozen rows' log, and no more."""


def work_on_a_full_disk(name: str, pipe: Connection) -> None:
    """Take orders, and tell which are kept, until the system lets no file become longer; then tell why it ended."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
    with Engine(SqliteJournal.open(name), machine=little_machine) as engine:
        number = 0
        while engine.running:
            number += 1
            answer = engine.submit(order(number))
            pipe.send((f"c{number}", answer.sequence or answer.events[0].code))  # type: ignore[union-attr]
    pipe.send(("end", engine.stopped_for and engine.stopped_for.code))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows bounds no file")
def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """The command that finds no room is unknown, the venue stops and says so, and with room again it goes on."""
    name = str(tmp_path / "venue.journal")
    SqliteJournal.create(name).close()
    with started(work_on_a_full_disk, name) as (process, pipe):
        told: dict[str, int | Code | None] = dict(all_of(pipe))
        process.join()
    assert told.pop("end") is Code.OUTCOME_UNKNOWN
    kept = {command_id: sequence for command_id, sequence in told.items() if isinstance(sequence, int)}
    assert {code for code in told.values() if isinstance(code, Code)} == {Code.OUTCOME_UNKNOWN}
    assert len(kept) >= 10
    assert judge(name, kept) in {len(kept), len(kept) + 1}
    with venue_over(Path(name)) as engine:
        answers = engine.submit_many(order(number) for number in range(1, len(told) + 2))
        assert [answer.sequence for answer in answers] == list(range(1, len(told) + 2))
        assert all(answer.repeated for answer in answers[: len(kept)])


def put_on_a_full_disk(folder: str, pipe: Connection) -> None:
    """Write a snapshot that the disk has no room for, and tell what came of it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
    try:
        FolderSnapshots(Path(folder)).put(Snapshot(2, bytes(32), bytes(2 * ROOM_BYTES)))
    except OSError as error:
        pipe.send(error.errno)


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
def test_a_snapshot_that_finds_no_room_takes_none(tmp_path: Path) -> None:
    """What was written of it goes at once: the journal needs the room; the snapshot before it stays."""
    store = FolderSnapshots(tmp_path / "snapshots")
    store.put(Snapshot(1, bytes(32), b"state"))
    with started(put_on_a_full_disk, str(tmp_path / "snapshots")) as (_, pipe):
        assert pipe.recv()
    assert [path.name for path in (tmp_path / "snapshots").iterdir()] == ["00000000000000000001.snapshot"]
    assert next(store.newest_first()).sequence == 1


def command_on_a_full_disk(words: list[str], pipe: Connection) -> None:
    """Run a command on a disk that has no room for what it makes, and tell how it ended and what it said."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
    done = CliRunner().invoke(main, words)
    pipe.send((done.exit_code, done.stderr))


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
def test_a_journal_that_finds_no_room_to_go_to_leaves_nothing(tmp_path: Path) -> None:
    """An export and an import are refused in one line, leave no part of a file, and are whole once there is room."""
    name, file, copy = str(tmp_path / "venue.journal"), str(tmp_path / "venue.jsonl"), str(tmp_path / "copy.journal")
    sound = list(imported(SAMPLE.read_bytes().splitlines(keepends=True)))
    named.create(name, sound).close()
    for words in (["journal", "export", file, name], ["journal", "import", file, copy]):
        before = {path.name for path in tmp_path.iterdir()}
        with started(command_on_a_full_disk, words) as (_, pipe):
            exit_code, said = pipe.recv()
        assert exit_code in {1, 2}, said
        assert said.startswith("naryq: ")
        assert {path.name for path in tmp_path.iterdir()} == before
        assert CliRunner().invoke(main, words).exit_code == 0
