"""What only the SQLite journal promises: its settings, its lock, its refusals of foreign files, and silent readers."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from naryq.journal import sqlite
from naryq.journal.contract import Record, rows_after
from naryq.journal.sqlite import PRAGMAS, SqliteJournal, SqliteReader
from naryq.messages import Code, Refusal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "venue.journal"
    with closing(SqliteJournal.create(str(path))) as journal:
        journal.append([b"one", b"two"])
    return path


def refusal_of(path: Path | str) -> Refusal:
    """Return the one refusal that the writer and the reader both give to a file."""
    with pytest.raises(Refusal) as of_writer:
        SqliteJournal.open(str(path))
    with pytest.raises(Refusal) as of_reader:
        SqliteReader.open(str(path)).head()
    assert of_writer.value.code == of_reader.value.code
    assert str(path) in str(of_writer.value)
    return of_writer.value


def contents(folder: Path) -> dict[str, str]:
    """Return the names and digests of all files but the writer's lock."""
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if "lock" not in file.name}


# --- Settings -------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_force(path: Path) -> None:
    """After opening, each setting reads as it was meant: the log is on and each commit is synced."""
    with closing(SqliteJournal.open(str(path))) as journal:
        found = {name: journal._connection.pragma(name) for name, _, _ in PRAGMAS}
    assert found == {name: expected for name, _, expected in PRAGMAS}
    assert (found["journal_mode"], found["synchronous"]) == ("wal", 2)


def test_a_setting_that_does_not_take_is_refused(path: Path) -> None:
    """A setting that reads back otherwise than it was given ends the opening: nothing is written under wrong ones."""
    with pytest.raises(Refusal, match="synchronous reads 1, not 2"):
        SqliteJournal.open(str(path), pragmas=(("synchronous", "NORMAL", 2),))
    SqliteJournal.open(str(path)).close()


# --- Appending ------------------------------------------------------------------------------------------------------


def test_an_append_is_one_statement(path: Path) -> None:
    """However many rows: SQLite runs the commit without coming back to Python, where other threads would be let in."""
    said: list[str] = []
    with closing(SqliteJournal.open(str(path))) as journal:
        journal._connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: said.append(event["sql"]))
        assert journal.append([b"", b"three", b"x" * 200_000]).sequence == 5
    with closing(SqliteReader.open(str(path))) as reader:
        assert [row.payload for row in reader.read(after=2)] == [b"", b"three", b"x" * 200_000]
    assert [statement for statement in said if not statement.startswith("--")] == [sqlite.APPEND]


# --- Creation -------------------------------------------------------------------------------------------------------


def test_creating_never_replaces_a_file(path: Path) -> None:
    """An existing file, journal or not, is left as it is."""
    before = path.read_bytes()
    with pytest.raises(Refusal) as refusal:
        SqliteJournal.create(str(path))
    assert refusal.value.code is Code.ALREADY_EXISTS
    assert path.read_bytes() == before


def test_creating_never_takes_up_a_foreign_log(path: Path, tmp_path: Path) -> None:
    """Where a journal was deleted but not its log, a new one would inherit its rows: that is refused."""
    left = crashed(path, tmp_path / "crashed", 3)
    left.unlink()
    with pytest.raises(Refusal, match="-wal") as refusal:
        SqliteJournal.create(str(left))
    assert refusal.value.code is Code.ALREADY_EXISTS


def test_a_creation_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    """What a crash left of an earlier creation has another name and is no hindrance."""
    path = tmp_path / "venue.journal"
    for leftover in ("-new", "-new-wal", "-new-shm"):
        Path(f"{path}{leftover}").write_bytes(b"half a journal")
    with closing(SqliteJournal.create(str(path))) as journal:
        assert journal.append([b"one"]).sequence == 1
    assert contents(tmp_path).keys() == {"venue.journal"}


def test_creating_in_no_folder_is_refused(tmp_path: Path) -> None:
    """A missing folder is named in one refusal."""
    with pytest.raises(Refusal) as refusal:
        SqliteJournal.create(str(tmp_path / "missing" / "venue.journal"))
    assert refusal.value.code is Code.UNREADABLE


def test_a_creation_whose_log_stays_behind_is_refused(tmp_path: Path) -> None:
    """Rows that are still in the log beside the new file would be left there when the file gets its name."""
    path = tmp_path / "venue.journal"
    held: list[apsw.Connection] = []

    def rows() -> Iterator[Record]:
        held.append(apsw.Connection(f"{path}-new"))
        held[0].execute("SELECT * FROM sqlite_schema").fetchall()
        yield rows_after(None, [b"one"])[0]

    with pytest.raises(Refusal, match="did not take the whole file") as refusal:
        SqliteJournal.create(str(path), rows())
    held[0].close()
    assert refusal.value.code is Code.UNREADABLE
    assert not path.exists()


# --- Files that are no journal --------------------------------------------------------------------------------------


def test_a_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    """Opening never creates: a mistyped path must not become an empty venue."""
    assert refusal_of(tmp_path / "mistyped").code is Code.UNREADABLE
    assert contents(tmp_path) == {}


def test_a_folder_is_refused(tmp_path: Path) -> None:
    """A folder is no journal."""
    assert refusal_of(tmp_path).code is Code.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"orders, prices\n" * 400, b"SQLite format 3\x00" + b"\xff" * 5_000])
def test_a_file_of_something_else_is_refused_and_untouched(tmp_path: Path, content: bytes) -> None:
    """An empty file, a text and a ruined database are refused as damaged and stay as they are."""
    path = tmp_path / "else"
    path.write_bytes(content)
    assert refusal_of(path).code is Code.JOURNAL_DAMAGED
    assert path.read_bytes() == content


def test_a_foreign_database_is_refused_and_untouched(tmp_path: Path) -> None:
    """A database of another program is never turned into ours."""
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE entries (sequence INTEGER PRIMARY KEY, payload BLOB, chain BLOB)")
    before = path.read_bytes()
    refusal = refusal_of(path)
    assert "not a Naryq journal" in refusal.what
    assert path.read_bytes() == before


def altered(path: Path, statement: str) -> Path:
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(statement)
    return path


def test_another_format_is_refused(path: Path) -> None:
    """A journal of a later program says which format it has."""
    assert "format 2; this program reads format 1" in refusal_of(altered(path, "PRAGMA user_version = 2")).what


def test_another_table_is_refused(path: Path) -> None:
    """An index, trigger or column that somebody added is found at opening."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END"
    assert "table" in refusal_of(altered(path, trigger)).what


def test_a_row_of_another_type_is_refused(path: Path) -> None:
    """Where the schema was bent and bent back, a row that holds text is found at opening, and again at reading."""
    for before, statement in ((" STRICT", "UPDATE entries SET payload = 'text' WHERE sequence = 2"), ("", "")):
        with closing(apsw.Connection(str(path))) as connection:
            connection.pragma("writable_schema", 1)
            connection.execute("UPDATE sqlite_schema SET sql = replace(?, ?, '')", (sqlite.SCHEMA, before))
        altered(path, statement)
    assert "non-BLOB" in refusal_of(path).what
    with pytest.raises(Refusal, match="sequence 2"):
        sqlite._record((2, "text", bytes(32)), str(path))


@pytest.mark.parametrize("kept_bytes", [1, 99, 4_096, 5_000])
def test_a_truncated_file_is_refused(path: Path, kept_bytes: int) -> None:
    """A file whose end is missing is refused at opening or at the first reading."""
    path.write_bytes(path.read_bytes()[:kept_bytes])
    assert refusal_of(path).code is Code.JOURNAL_DAMAGED


def test_a_file_that_breaks_while_it_is_read_is_refused(path: Path) -> None:
    """Damage that comes after the opening ends the reading with a refusal and not with a traceback."""
    with closing(SqliteJournal.open(str(path))) as journal:
        journal.append([b"x" * 1_000_000 for _ in range(8)])
    with closing(SqliteReader.open(str(path))) as reader:
        os.truncate(path, 8_192)
        with pytest.raises(Refusal, match="cannot be read") as refusal:
            list(reader.read())
    assert refusal.value.code is Code.JOURNAL_DAMAGED


# --- Recovery -------------------------------------------------------------------------------------------------------


def crashed(path: Path, folder: Path, rows: int) -> Path:
    """Append rows and copy the files while the journal is open: what a killed process leaves."""
    folder.mkdir()
    with closing(SqliteJournal.open(str(path))) as journal:
        for _ in range(rows):
            journal.append([b"x" * 3_000])
        for file in path.parent.glob("venue.journal*"):
            if not file.name.endswith("-lock"):
                shutil.copy(file, folder)
    return folder / path.name


@pytest.mark.parametrize("rows", [1, 100, 500])
def test_a_log_of_any_length_is_recovered(path: Path, tmp_path: Path, rows: int) -> None:
    """The log of a killed process is read and written again, whether it is shorter or longer than one write."""
    left = crashed(path, tmp_path / "crashed", rows)
    with closing(SqliteJournal.open(str(left))) as journal:
        assert len(list(journal.read())) == rows + 2
        assert journal.append([b"next"]).sequence == rows + 3


def test_a_clean_close_leaves_one_file(path: Path) -> None:
    """After closing, the journal is a single file that can be copied as it is; only the empty lock file stays."""
    assert contents(path.parent).keys() == {"venue.journal"}
    assert Path(f"{path}-lock").stat().st_size == 0


# --- Readers --------------------------------------------------------------------------------------------------------


def test_reading_a_closed_journal_leaves_no_trace(path: Path) -> None:
    """Neither the file nor the folder changes."""
    before = contents(path.parent)
    with closing(SqliteReader.open(str(path))) as reader:
        assert len(list(reader.read())) == 2
    assert contents(path.parent) == before


def test_reading_a_killed_journal_leaves_no_trace(path: Path, tmp_path: Path) -> None:
    """The rows in the log are read; recovery is left to the next writer, and all three files stay as they are."""
    left = crashed(path, tmp_path / "crashed", 3)
    before = contents(left.parent)
    assert before.keys() == {"venue.journal", "venue.journal-wal", "venue.journal-shm"}
    with closing(SqliteReader.open(str(left))) as reader:
        assert len(list(reader.read())) == 5
    assert contents(left.parent) == before


def test_reading_a_copy_without_its_index_leaves_only_the_index(path: Path, tmp_path: Path) -> None:
    """A file and its log are enough; SQLite makes the log's index anew beside them and changes neither."""
    left = crashed(path, tmp_path / "crashed", 3)
    Path(f"{left}-shm").unlink()
    before = contents(left.parent)
    with closing(SqliteReader.open(str(left))) as reader:
        assert len(list(reader.read())) == 5
    after = contents(left.parent)
    after.pop("venue.journal-shm")
    assert after == before


def test_a_reader_follows_a_living_journal(path: Path) -> None:
    """Reading needs no lock, leaves the file and its log as they are, and sees what was appended meanwhile."""
    with closing(SqliteJournal.open(str(path))) as journal:
        journal.append([b"three"])
        before = contents(path.parent)
        with closing(SqliteReader.open(str(path))) as reader:
            assert len(list(reader.read())) == 3
            after = contents(path.parent)
            # In one process both share the log's index; test_journal_verify.py looks on from another one.
            assert {**after, "venue.journal-shm": ""} == {**before, "venue.journal-shm": ""}
            journal.append([b"four"])
            assert reader.head() == journal.head()


def test_a_reader_follows_a_journal_that_has_only_just_been_opened(path: Path) -> None:
    """Before the first append the log is empty but the journal lives; the reader sees all that comes."""
    with closing(SqliteJournal.open(str(path))) as journal, closing(SqliteReader.open(str(path))) as reader:
        journal.append([b"three"] * 2_000)
        journal.append([b"x" * 5_000_000])
        assert list(reader.read()) == list(journal.read())


def test_a_path_with_odd_letters_is_a_path(tmp_path: Path) -> None:
    """Question marks, spaces and Kazakh letters in a name are part of the name for the writer and the reader."""
    path = str(tmp_path / "нарық ? a%20b#.journal")
    with closing(SqliteJournal.create(path)) as journal:
        journal.append([b"one"])
    with closing(SqliteReader.open(path)) as reader:
        assert [row.payload for row in reader.read()] == [b"one"]
    assert contents(tmp_path).keys() == {Path(path).name}


def test_a_lock_that_was_taken_away_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opened a lock that has lost its name meanwhile takes the one that has the name now."""
    path = str(tmp_path / "journal")
    taken_away: list[str] = []
    original = sqlite._connect

    def opened_late(name: str, *arguments: Any) -> Any:
        connection = original(name, *arguments)
        if name.endswith("-lock") and not taken_away:
            taken_away.append(name)
            Path(name).unlink()  # A rival whose journal came to nothing.
        return connection

    SqliteJournal.create(path).close()
    monkeypatch.setattr(sqlite, "_connect", opened_late)
    with closing(SqliteJournal.open(path)):
        assert taken_away == [f"{path}-lock"]
        assert Path(f"{path}-lock").exists()
        with pytest.raises(Refusal) as refusal:
            SqliteJournal.open(path)
        assert refusal.value.code == Code.JOURNAL_LOCKED


def with_something_else_in_it(lock: Path) -> None:
    lock.write_bytes(b"something else" * 1_000)


def with_a_pipe_in_its_place(lock: Path) -> None:
    lock.unlink()
    os.mkfifo(lock)


@pytest.mark.parametrize("spoil", [with_something_else_in_it, with_a_pipe_in_its_place])
def test_a_spoilt_lock_says_nothing_of_the_journal(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """Nobody is told to restore a copy of a sound journal: it stays shut until the lock is gone, and then it opens."""
    path = str(tmp_path / "journal")
    SqliteJournal.create(path).close()
    spoil(Path(f"{path}-lock"))
    for _ in range(2):
        with pytest.raises(Refusal) as refusal:
            SqliteJournal.open(path)
        assert refusal.value.code is Code.UNREADABLE
    Path(f"{path}-lock").unlink()
    with closing(SqliteJournal.open(path)) as journal:
        assert journal.append([b"row"]).sequence == 1


def test_a_lock_that_was_there_stays(tmp_path: Path) -> None:
    """A journal that cannot be made takes away only the lock that it made itself."""
    path = str(tmp_path / "journal")
    for is_there in (False, True):
        if is_there:
            Path(f"{path}-lock").touch()
        with pytest.raises(ZeroDivisionError):
            SqliteJournal.create(path, (1 // 0 for _ in range(1)))  # type: ignore[misc]  # no row ever comes
        assert [file.name for file in tmp_path.iterdir()] == ["journal-lock"] * is_there
