"""A journal by its name: the path of an SQLite file, or `postgresql://host/database`."""

import re
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from naryq.journal.contract import AtStep, Journal, Reader, Record, pass_by
from naryq.journal.snapshots import FolderSnapshots, Snapshot, SnapshotStore
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.messages import Code, Refusal

CONNECTION_STRING: Final = re.compile(r"postgres(ql)?:|.*\bpassword=", re.IGNORECASE)
"""Either form that libpq knows, misspelt or not: what may hold a password must not be taken for a path and repeated."""


def reader(name: str) -> Reader:
    """Open a journal to read it: see `SqliteReader.open` and `PostgresReader.open`."""
    if in_postgres(name):
        opened: Reader = _postgres().PostgresReader.open(name)
        return opened
    return SqliteReader.open(name)


def writer(name: str, *, at_step: AtStep = pass_by) -> Journal:
    """Open a journal to write it: see `SqliteJournal.open` and `PostgresJournal.open`."""
    if in_postgres(name):
        opened: Journal = _postgres().PostgresJournal.open(name, at_step=at_step)
        return opened
    return SqliteJournal.open(name, at_step=at_step)


def create(name: str, rows: Iterable[Record] = ()) -> Journal:
    """Make a new journal of the rows given, all or none: see `SqliteJournal.create` and `PostgresJournal.create`."""
    if in_postgres(name):
        made: Journal = _postgres().PostgresJournal.create(name, rows)
        return made
    return SqliteJournal.create(name, rows)


def snapshots(name: str) -> SnapshotStore:
    """Return where the snapshots of a journal are kept: the folder `PATH-snapshots`, or a table in its schema."""
    if in_postgres(name):
        store: SnapshotStore = _postgres("postgres_snapshots").PostgresSnapshots(name)
        return store
    return FolderSnapshots(Path(f"{name}-snapshots"))


def newest_snapshot(name: str) -> Snapshot | None:
    """Return the newest snapshot beside a file, or None; one in PostgreSQL stands and falls with its rows."""
    return None if in_postgres(name) else next(snapshots(name).newest_first(), None)


def shown(name: str) -> str:
    """Return the name as it may be shown: of a connection string, the host and the database, and no secret."""
    if in_postgres(name):
        where: str = _postgres().shown(name)
        return where
    return name


def in_postgres(name: str) -> bool:
    """Say whether a name is a connection string."""
    return CONNECTION_STRING.match(name) is not None


def _postgres(module: str = "postgres") -> ModuleType:
    """Load what needs PostgreSQL late: psycopg is an extra."""
    try:
        return import_module(f"naryq.journal.{module}")
    except ImportError as missing:
        raise Refusal(
            Code.NOT_SUPPORTED,
            f"a journal in PostgreSQL needs psycopg ({missing})",
            where="postgresql://...",
            remedy="Install it: in Naryq's folder, .venv/bin/python -m pip install -e '.[postgres]'.",
        ) from None
