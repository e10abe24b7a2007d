"""The small SQLite files of a venue beside its journal: made for their owner alone, and synced at each commit."""

import os
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from naryq.messages import Code, Refusal

OWNER_ONLY: Final = 0o600
PRAGMAS: Final = (("busy_timeout", "1000"), ("journal_mode", "wal"), ("synchronous", "2"))
"""What has been told to somebody must outlive a power cut: each commit is synced (2 is FULL)."""


class Kind(NamedTuple):
    """What a file is for, the number in its header that tells it from any other SQLite file, and its tables."""

    what: str
    application_id: int
    schema: str


def opened(path: Path, kind: Kind) -> apsw.Connection:
    """Open a file of a kind, or make it, readable to its owner alone.

    Raises:
        Refusal: UNREADABLE when it is no such file, or others may read it.
    """
    _check_mode(path, kind)
    connection = None
    try:
        connection = apsw.Connection(str(path))
        _prepare(connection, path, kind)
    except (apsw.Error, Refusal) as error:
        if connection is not None:
            connection.close()
        raise error if isinstance(error, Refusal) else _unreadable(path, str(error)) from None
    return connection


def _check_mode(path: Path, kind: Kind) -> None:
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
        elif path.stat().st_mode & ~OWNER_ONLY & 0o777:
            what = f"others than its owner may read this file of {kind.what}"
            raise _unreadable(path, what, f"Run chmod 600 {path.name}.")
    except OSError as error:
        raise _unreadable(path, f"it cannot be made ({error.strerror})") from None


def _prepare(connection: apsw.Connection, path: Path, kind: Kind) -> None:
    for name, value in PRAGMAS:  # SQLite does not say when it keeps to something else.
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        ((kept,),) = connection.execute(f"PRAGMA {name}").fetchall()
        assert str(kept) == value, f"SQLite keeps to {name}={kept}"
    ((found,),) = connection.execute("PRAGMA application_id").fetchall()
    ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    if not (found or tables):  # New, or left by a program that ended before it had made anything.
        with connection:
            connection.execute(f"PRAGMA application_id={kind.application_id}; {kind.schema}")
    elif found != kind.application_id:
        raise _unreadable(path, f"it is no file of {kind.what}")


def _unreadable(path: Path, what: str, remedy: str = "Name the venue's own file, or a new one.") -> Refusal:
    return Refusal(Code.UNREADABLE, what, where=str(path), remedy=remedy)
