"""The file of secrets: one SQLite file that only the venue reads, beside the journal and never in it."""

import os
from pathlib import Path
from typing import Final, Self

import apsw

from naryq.messages import Code, Refusal

APPLICATION_ID: Final = 0x4E525941
"""`NRYA` in the file's header: tells it from a journal and from any other SQLite file."""
SCHEMA: Final = """
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY, participant_id TEXT NOT NULL, person TEXT NOT NULL, label TEXT NOT NULL,
    hash TEXT NOT NULL, created_at_ns INTEGER NOT NULL, revoked_at_ns INTEGER
) STRICT;
"""
OWNER_ONLY: Final = 0o600


class Store:
    """The open file. It belongs to the loop's thread alone."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Own an open connection."""
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it, readable to its owner alone.

        Raises:
            Refusal: UNREADABLE when it is no file of secrets.
        """
        is_new = not path.exists()
        if is_new:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, OWNER_ONLY))
        connection = apsw.Connection(str(path))
        try:
            _prepare(connection, path, is_new=is_new)
        except apsw.Error as error:
            connection.close()
            raise _unreadable(path, str(error)) from None
        except Refusal:
            connection.close()
            raise
        return cls(connection)

    def rows(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement in a transaction of its own and return its rows."""
        return self._connection.execute(statement, values).fetchall()

    def settle(self) -> None:
        """Bring what was written to the disk: it must outlive a power cut."""
        self.rows("PRAGMA wal_checkpoint(FULL)")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def _prepare(connection: apsw.Connection, path: Path, *, is_new: bool) -> None:
    for name, value in (("journal_mode", "wal"), ("synchronous", "NORMAL"), ("busy_timeout", "1000")):
        connection.execute(f"PRAGMA {name}={value}").fetchall()
    if is_new:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        with connection:
            connection.execute(SCHEMA)
    ((found,),) = connection.execute("PRAGMA application_id").fetchall()
    if found != APPLICATION_ID:
        raise _unreadable(path, "it is no file of secrets of a venue")


def _unreadable(path: Path, what: str) -> Refusal:
    return Refusal(Code.UNREADABLE, what, where=str(path), remedy="Name the venue's own file, or a new one.")
