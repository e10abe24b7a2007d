"""The file of secrets: one SQLite file that only the venue reads, beside the journal and never in it."""

import os
from pathlib import Path
from typing import Any, Final, Self

import apsw

from naryq.messages import Code, Refusal

APPLICATION_ID: Final = 0x4E525941
"""`NRYA` in the file's header: tells it from a journal and from any other SQLite file."""
SCHEMA: Final = """
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY, participant_id TEXT NOT NULL, person TEXT NOT NULL, label TEXT NOT NULL,
    reads_only INTEGER NOT NULL, hash TEXT NOT NULL, created_by TEXT NOT NULL, created_at_ns INTEGER NOT NULL,
    revoked_at_ns INTEGER
) STRICT;
CREATE TABLE people (
    login TEXT PRIMARY KEY, participant_id TEXT NOT NULL, hash TEXT NOT NULL, one_time_secret TEXT NOT NULL,
    last_step INTEGER NOT NULL, created_by TEXT NOT NULL, created_at_ns INTEGER NOT NULL, removed_at_ns INTEGER
) STRICT;
CREATE TABLE pending (
    pending_id TEXT PRIMARY KEY, participant_id TEXT NOT NULL, person TEXT NOT NULL, command BLOB NOT NULL,
    asked_at_ns INTEGER NOT NULL, decision TEXT, decided_by TEXT, decided_at_ns INTEGER
) STRICT;
CREATE TABLE switches (
    participant_id TEXT PRIMARY KEY, engaged_by TEXT NOT NULL, reason TEXT NOT NULL, engaged_at_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, act TEXT NOT NULL, participant_id TEXT NOT NULL,
    person TEXT NOT NULL, address TEXT NOT NULL, what TEXT NOT NULL
) STRICT;
"""
OWNER_ONLY: Final = 0o600
Row = tuple[Any, ...]


class Store:
    """The open file. It belongs to one thread, the loop's."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Own an open connection."""
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it, readable to its owner alone.

        Raises:
            Refusal: UNREADABLE when it is no file of secrets, or others may read it.
        """
        is_new = not path.exists()
        if is_new:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
        elif path.stat().st_mode & ~OWNER_ONLY & 0o777:
            raise _unreadable(path, "others than its owner may read it", f"Run chmod 600 {path.name}.")
        connection = apsw.Connection(str(path))
        try:
            _prepare(connection, path)
        except apsw.Error as error:
            connection.close()
            raise _unreadable(path, str(error)) from None
        except Refusal:
            connection.close()
            raise
        return cls(connection)

    def rows(self, statement: str, *values: object) -> list[Row]:
        """Run a statement in a transaction of its own and return its rows."""
        found: list[Row] = self._connection.execute(statement, values).fetchall()
        return found

    def write_all(self, statement: str, rows: list[Row]) -> None:
        """Run a statement once a row, all in one transaction."""
        with self._connection:
            self._connection.executemany(statement, rows)

    def settle(self) -> None:
        """Bring what was written to the disk: it must outlive a power cut."""
        self.rows("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _prepare(connection: apsw.Connection, path: Path) -> None:
    # A key that was taken back must not come back with the power: each commit is synced (2 is FULL), and SQLite does
    # not say when it keeps to something else.
    for name, value in (("busy_timeout", "1000"), ("journal_mode", "wal"), ("synchronous", "2")):
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        ((kept,),) = connection.execute(f"PRAGMA {name}").fetchall()
        assert str(kept) == value, f"SQLite keeps to {name}={kept}"
    ((found,),) = connection.execute("PRAGMA application_id").fetchall()
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    if not (found or tables):  # New, or left by a program that ended before it had made anything.
        with connection:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}; {SCHEMA}")
    elif found != APPLICATION_ID:
        raise _unreadable(path, "it is no file of secrets of a venue")


def _unreadable(path: Path, what: str, remedy: str = "Name the venue's own file, or a new one.") -> Refusal:
    return Refusal(Code.UNREADABLE, what, where=str(path), remedy=remedy)
