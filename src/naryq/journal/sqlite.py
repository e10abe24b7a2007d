"""The journal in one SQLite file: write-ahead log, one sync for each group of rows, one writer.

The settings follow SQLite's own account of durability (sqlite.org/pragma.html#pragma_synchronous): in write-ahead
mode only synchronous=FULL keeps a commit that has been acknowledged through a power cut. Every setting is made alone
and read back, because a setting that was silently ignored has once made a whole crash test worthless.
"""

import ctypes
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

import apsw

from naryq.journal.contract import (
    AtStep,
    Record,
    Step,
    damaged,
    locked,
    outcome_unknown,
    pass_by,
    rows_after,
    stopped,
)
from naryq.messages import Code, Refusal

APPLICATION_ID: Final = 0x4E525951
"""`NRYQ` in the file's header: tells a journal from any other SQLite file."""
FORMAT_VERSION: Final = 1
SCHEMA: Final = "CREATE TABLE entries (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL, chain BLOB NOT NULL) STRICT"
INSERT: Final = "INSERT INTO entries VALUES (?, ?, ?)"

APPEND: Final = (
    "INSERT INTO entries SELECT ?1 + rowid, substr(value, 33), substr(value, 1, 32) FROM carray(?3)"
    " WHERE (SELECT chain FROM entries ORDER BY sequence DESC LIMIT 1) IS ?2"
)
"""All rows of a commit, each as its chain and payload in one piece; none where the head on disk is another.

One statement is one transaction, so SQLite does the whole commit without Python in between. That matters where other
threads compute: each return to Python may wait 5 ms for the interpreter's lock, and a statement a row made a commit
of 1,000 rows beside one busy thread take 2.8 s, where this takes 0.015 s.
"""

Pragma = tuple[str, str | int, str | int]
"""A setting's name, the value given, and the value that must be read back."""

PRAGMAS: Final[tuple[Pragma, ...]] = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("fullfsync", 1, 1),  # On macOS a plain fsync does not reach the platters; elsewhere this changes nothing.
    ("checkpoint_fullfsync", 1, 1),
    ("wal_autocheckpoint", 1_000, 1_000),
    ("mmap_size", 0, 0),  # A memory map would turn a read error of the disk into a signal that kills the process.
    ("cell_size_check", 1, 1),
    ("trusted_schema", 0, 0),
)

_File = tuple[int, int, int]
"""A file as it is found under its name: its device and its number there, and its length in bytes."""
NO_FILE: Final[_File] = (0, 0, 0)

READ_ROWS: Final = 256
COPY_BYTES: Final = 1 << 16
"""A single write of SQLite's own file layer must stay below 128 KiB: beyond, it reports a full disk."""


class SqliteReader:
    """A journal file opened to be read: it writes neither the file nor its log, and needs no lock.

    Where the log's index (`PATH-shm`) is missing, as in a copy of the two other files, SQLite builds it anew beside
    them; that is the only trace a reader can leave. Rows beyond the head at the time of opening are read as well.
    """

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        """Use an open connection; call `open` instead."""
        self._connection = connection
        self._path = path
        self._usable = True
        # SQLite would serialise the threads, but apsw refuses a connection that is busy in another one.
        self._guard = threading.Lock()

    @classmethod
    def open(cls, path: str) -> Self:
        """Open an existing journal to read it.

        Raises:
            Refusal: UNREADABLE when there is no such file, JOURNAL_DAMAGED when it is not a sound journal.
        """
        with ExitStack() as stack, _refusing(path):
            _check_file(path)
            connection = stack.enter_context(closing(_connect_to_read(path)))
            _check_format(connection, path)
            stack.pop_all()
            return cls(connection, path)

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the durable rows with a number above `after`, in order, up to the head at the time of the call.

        Raises:
            Refusal: JOURNAL_DAMAGED when the file cannot be read, STOPPED when the journal was closed.
        """
        head = self.head()
        return self._pages(after, head.sequence if head else 0)

    def head(self) -> Record | None:
        """Return the last durable row, or None where the journal is empty."""
        rows = self._rows("SELECT sequence, payload, chain FROM entries ORDER BY sequence DESC LIMIT 1", ())
        return rows[0] if rows else None

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        with self._guard, suppress(apsw.Error):
            self._usable = False
            # An error here can only come from copying the log into the file, which the next opening does again.
            self._connection.close()

    def _pages(self, after: int, last: int) -> Iterator[Record]:
        # A page at a time, so that no statement stays open and holds back the checkpoint of the log.
        query = "SELECT sequence, payload, chain FROM entries WHERE sequence > ? AND sequence <= ? ORDER BY 1 LIMIT ?"
        while rows := self._rows(query, (after, last, READ_ROWS)):
            yield from rows
            after = rows[-1].sequence

    def _rows(self, query: str, bindings: tuple[int, ...]) -> list[Record]:
        with self._guard:
            self._refuse_unless_usable()
            try:
                return [_record(row, self._path) for row in self._connection.execute(query, bindings)]
            except apsw.Error as error:
                raise damaged(f"the file cannot be read ({error})", where=self._path) from error

    def _refuse_unless_usable(self) -> None:
        if not self._usable:
            raise stopped(self._path)


class SqliteJournal(SqliteReader):
    """A journal file opened to be written, by this object alone.

    The writer's lock is an exclusive lock of SQLite on `PATH-lock`, which the operating system lifts when the
    process ends in whatever way. Should the lock fail (the file deleted, a network drive that ignores locks), each
    append still compares the head on disk with its own, in the same transaction: two writers never both succeed.

    SQLite goes on in a file that was deleted or replaced, and in a log that was cut off, and what it says is durable
    would be gone with the process. So each append looks first whether both are still what they were.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        path: str,
        lock: apsw.Connection,
        at_step: AtStep,
        look: Callable[[], tuple[_File, ...]],
    ) -> None:
        """Use an open connection under a lock; call `create` or `open` instead. `look` finds the files that it has."""
        super().__init__(connection, path)
        self._lock = lock
        self._head = super().head()
        self._look, self._files = look, look()
        if at_step is not pass_by:
            connection.set_commit_hook(_appended(at_step))

    @classmethod
    def create(cls, path: str, rows: Iterable[Record] = (), *, at_step: AtStep = pass_by) -> Self:
        """Make a new journal of the rows given and open it. It appears under its name only when whole and durable.

        Raises:
            Refusal: ALREADY_EXISTS when there is a file, UNREADABLE when none can be made, JOURNAL_LOCKED when
                another program is making it.
        """
        with _refusing(path), _locked_while_made(path):
            for taken in (path, f"{path}-wal"):  # A log that outlived its journal would be replayed into the new one.
                if Path(taken).exists():
                    raise Refusal(
                        Code.ALREADY_EXISTS,
                        "there is a file of this name",
                        where=taken,
                        remedy="Open the journal it belongs to, or choose another name.",
                    )
            try:
                _build(f"{path}-new", rows)
                Path(f"{path}-new").replace(path)
                sync_directory(path)
            finally:
                _remove(f"{path}-new")
        return cls.open(path, at_step=at_step)

    @classmethod
    def open(
        cls, path: str, *, at_step: AtStep = pass_by, vfs: str | None = None, pragmas: tuple[Pragma, ...] = PRAGMAS
    ) -> Self:
        """Open an existing journal to write it; after a crash this is also its recovery.

        `vfs` and `pragmas` are for fault tests, which put a disk of their own under SQLite.

        Raises:
            Refusal: UNREADABLE when there is no such file, JOURNAL_LOCKED when another writer has it,
                JOURNAL_DAMAGED when it is not a sound journal or a setting did not take.
        """
        with ExitStack() as stack, _refusing(path):
            if vfs is None:
                _check_file(path)
            connection = stack.enter_context(closing(_connect(path, apsw.SQLITE_OPEN_READWRITE, vfs)))
            lock = stack.enter_context(closing(_take_lock(path)))
            _check_format(connection, path)  # Before any setting, so that a foreign file stays as it is.
            _set(connection, path, pragmas)
            _write_log_again(path, vfs)
            look = partial(_files, str(whole := Path(path).absolute()), f"{whole}-wal") if vfs is None else tuple
            journal = cls(connection, path, lock, at_step, look)
            stack.pop_all()
            return journal

    def append(self, payloads: Sequence[bytes]) -> Record:
        """Write one or more rows in one commit, all or none: see `Journal.append`."""
        assert payloads, "an append without rows is a bug of the caller"
        with self._guard:
            self._refuse_unless_usable()
            rows = rows_after(self._head, payloads)
            # Whatever interrupts the commit, even a signal, leaves the journal unusable: only success restores it.
            self._usable = False
            self._refuse_unless_in_place()
            self._commit_or_refuse(rows)
            self._usable = True
            self._head = rows[-1]
            return self._head

    def head(self) -> Record | None:
        """Return the last durable row, or None where the journal is empty."""
        with self._guard:
            self._refuse_unless_usable()
            return self._head

    def close(self) -> None:
        """Let go of the file and then of the lock; after a clean close one file holds the whole journal."""
        super().close()
        self._lock.close()

    def _refuse_unless_in_place(self) -> None:
        found = self._look()
        if found == self._files:
            return
        if not all(map(_goes_on, self._files, found)):
            before, log = self._files[-1], found[-1]
            if _is_one(before, log) and not _goes_on(before, log):
                self._leave_the_log()  # A log that was only taken away is whole, and closing saves what it holds.
            what = "its file or its log was moved, replaced or cut off while in use; nothing more was written to it"
            raise damaged(what, where=self._path)
        self._files = found

    def _leave_the_log(self) -> None:
        """Let closing not copy the log into the file: nobody knows what the log holds."""
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)

    def _commit_or_refuse(self, rows: list[Record]) -> None:
        try:
            self._commit(rows)
        except apsw.Error as error:
            self._leave_the_log()
            if isinstance(error, apsw.BusyError):
                raise locked(self._path) from error
            raise outcome_unknown(self._path, str(error)) from error

    def _commit(self, rows: list[Record]) -> None:
        """Append in one statement that is its own transaction: see `APPEND`."""
        joined = apsw.carray(tuple([row.chain + row.payload for row in rows]), flags=apsw.SQLITE_CARRAY_BLOB)
        known = (self._head.sequence, self._head.chain) if self._head else (0, None)
        self._connection.execute(APPEND, (*known, joined))
        if self._connection.changes() != len(rows):
            raise apsw.BusyError("the head on disk is not the head that this writer knows")


def _goes_on(before: _File, now: _File) -> bool:
    """Say whether a file is the same as before and as long at least: a journal and its log never become shorter."""
    return _is_one(before, now) and now[2] >= before[2]


def _is_one(before: _File, now: _File) -> bool:
    return before[:2] == now[:2]


def _files(path: str, log: str) -> tuple[_File, ...]:
    """Return the journal's file and its log."""
    return _file(path), _file(log)


def _file(name: str) -> _File:
    try:
        found = os.stat(name)  # noqa: PTH116 - before each commit, and at a third of the time
    except OSError:
        return NO_FILE
    return found.st_dev, found.st_ino, found.st_size


def _appended(at_step: AtStep) -> Callable[[], bool]:
    def go_on() -> bool:
        at_step(Step.APPENDED)
        return False  # True would roll the commit back.

    return go_on


def _connect(path: str, flags: int, vfs: str | None = None) -> apsw.Connection:
    connection = apsw.Connection(path, flags=flags, vfs=vfs)
    connection.set_busy_timeout(0)
    return connection


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    """Turn SQLite's errors during an opening into refusals: either what the file holds is wrong, or the disk is."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise damaged(f"this is not a sound journal ({error})", where=path) from error
    except (apsw.Error, OSError, UnicodeEncodeError) as error:  # SQLite takes no name that is not UTF-8.
        raise Refusal(
            Code.UNREADABLE,
            f"the journal cannot be opened ({error})",
            where=path,
            remedy="Check the path, the permissions and the disk.",
        ) from error


def _check_file(path: str) -> None:
    """Refuse what is no file before SQLite opens it: a pipe would keep it waiting for ever."""
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def _connect_to_read(path: str) -> apsw.Connection:
    """Choose the way of opening that writes least: see the class `SqliteReader`."""
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    if not log.exists():
        options = "mode=ro&immutable=1"
    elif index.exists():
        options = "mode=ro&readonly_shm=1"
    else:
        options = "mode=ro"
    uri = f"file:{quote(os.fspath(Path(path).absolute()))}?{options}"
    return _connect(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def _take_lock(path: str) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    while True:
        lock = _connect(f"{path}-lock", flags)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            if not _is_gone(lock):
                return lock
        except apsw.BusyError as error:
            lock.close()
            raise locked(path) from error
        except (apsw.NotADBError, apsw.CorruptError) as error:  # Of the lock, which says nothing of the journal.
            lock.close()
            what, remedy = "the lock is not one of ours", "Remove it while no writer is at work: it is made anew."
            raise Refusal(Code.UNREADABLE, what, where=f"{path}-lock", remedy=remedy) from error
        except apsw.IOError:
            if not _is_gone(lock):
                lock.close()
                raise
        lock.close()


def _is_gone(lock: apsw.Connection) -> bool:
    """Say whether a lock was taken away between its opening and now: another may hold the one that has its name."""
    has_moved = ctypes.c_int(0)
    lock.file_control("main", apsw.SQLITE_FCNTL_HAS_MOVED, ctypes.addressof(has_moved))
    return bool(has_moved.value)


@contextmanager
def _locked_while_made(path: str) -> Iterator[None]:
    """Hold the lock of a journal that is being made; where none came of it, a lock that was not there is not left."""
    lock = Path(f"{path}-lock")
    was_there = lock.exists()
    with closing(_take_lock(path)):
        try:
            yield
        finally:
            if not was_there and not Path(path).exists():
                with suppress(PermissionError):  # Windows removes no file that is open.
                    lock.unlink(missing_ok=True)


def _set(connection: apsw.Connection, path: str, pragmas: tuple[Pragma, ...]) -> None:
    for name, value, expected in pragmas:
        connection.pragma(name, value)
        found = connection.pragma(name)
        if found != expected:
            raise damaged(f"the setting {name} reads {found!r}, not {expected!r}", where=path)


def _check_format(connection: apsw.Connection, path: str) -> None:
    application, version = connection.pragma("application_id"), connection.pragma("user_version")
    schema = connection.execute("SELECT sql FROM sqlite_schema").fetchall()
    if application != APPLICATION_ID:
        raise damaged("this file is not a Naryq journal", where=path)
    if version != FORMAT_VERSION:
        raise damaged(f"the journal has format {version}; this program reads format {FORMAT_VERSION}", where=path)
    if schema != [(SCHEMA,)]:
        raise damaged("the journal's table is not the one of its format", where=path)
    # The chain cannot miss rows that a turned bit has cut off its end; the account of every byte of a page can.
    fault = connection.execute("PRAGMA quick_check(1)").get
    if fault != "ok":
        raise damaged(f"the file's structure is broken ({fault})", where=path)


def _record(row: tuple[object, ...], path: str) -> Record:
    sequence, payload, chain = row
    if isinstance(sequence, int) and isinstance(payload, bytes) and isinstance(chain, bytes):
        return Record(sequence, payload, chain)
    raise damaged("a row holds something other than bytes", where=f"{path}, sequence {sequence}")


def _remove(path: str) -> None:
    for name in (path, f"{path}-wal", f"{path}-shm"):
        Path(name).unlink(missing_ok=True)


def _build(path: str, rows: Iterable[Record]) -> None:
    _remove(path)  # What a creation left behind that was cut off by a crash.
    with closing(_connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)) as connection:
        identity = (
            ("application_id", APPLICATION_ID, APPLICATION_ID),
            ("user_version", FORMAT_VERSION, FORMAT_VERSION),
        )
        _set(connection, path, PRAGMAS + identity)
        with connection:
            connection.execute(SCHEMA)
            connection.executemany(INSERT, rows)
    if Path(
        f"{path}-wal"
    ).exists():  # Closing copies the log into the file, or leaves it where the disk did not let it.
        raise OSError(errno.EIO, "the disk did not take the whole file")


def sync_directory(path: str) -> None:
    """Make the new name durable; where a directory cannot be opened (Windows) the system does so by itself."""
    with suppress(PermissionError):
        directory = os.open(Path(path).absolute().parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _write_log_again(path: str, vfs: str | None) -> None:
    """Write the log over itself and sync it, so that what recovery believes is also what the disk holds.

    After a failed sync the operating system may show bytes that never reached the disk and call them clean (Rebello
    and others, "Can Applications Recover from fsync Failures?", USENIX ATC 2020); a later sync would then be a lie.
    """
    log = apsw.VFSFile(vfs or "", f"{path}-wal", [apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_WAL, 0])
    size = log.xFileSize()
    for offset in range(0, size, COPY_BYTES):
        log.xWrite(log.xRead(min(COPY_BYTES, size - offset), offset), offset)
    log.xSync(apsw.SQLITE_SYNC_FULL)
    log.xClose()
