"""The file of secrets: one SQLite file that only the venue reads, beside the journal and never in it."""

from pathlib import Path
from typing import Any, Final, Self

import apsw

from naryq.access.files import Kind, opened

APPLICATION_ID: Final = 0x4E525941
"""`NRYA` in the file's header."""
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
KIND: Final = Kind("a venue's secrets", APPLICATION_ID, SCHEMA)
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
        return cls(opened(path, KIND))

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
