"""Snapshots in the schema of a journal in PostgreSQL, so that a standby that takes over has them too."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

from naryq.journal.postgres_server import PATIENCE_SECONDS, Connection, connected, refusing
from naryq.journal.snapshots import Snapshot
from naryq.messages import Refusal

TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS naryq_snapshots (sequence bigint NOT NULL PRIMARY KEY, chain bytea NOT NULL, "
    "state bytea NOT NULL)"
)
PUT: Final = (
    "INSERT INTO naryq_snapshots VALUES (%b, %b, %b) "
    "ON CONFLICT (sequence) DO UPDATE SET chain = excluded.chain, state = excluded.state"
)
NEXT: Final = "SELECT sequence, chain, state FROM naryq_snapshots WHERE sequence < %b ORDER BY sequence DESC LIMIT 1"
PRUNE: Final = (
    "DELETE FROM naryq_snapshots WHERE sequence IN "
    "(SELECT sequence FROM naryq_snapshots WHERE sequence <= %b ORDER BY sequence DESC OFFSET %b)"
)
BEYOND_ALL: Final = 2**63 - 1


class PostgresSnapshots:
    """A store in a table of its own, `naryq_snapshots`, which is made when the first snapshot comes.

    Each call connects anew: a snapshot is rare, and must not wait for the writer's connection nor hold it up. It does
    not wait for a standby either. A snapshot may have a gigabyte at most, which is PostgreSQL's bound for a value.
    """

    is_shared = True

    def __init__(self, address: str, *, patience_seconds: int = PATIENCE_SECONDS) -> None:
        """Use the schema of an address, as `PostgresJournal.open` does."""
        self._address = address
        self._patience_seconds = patience_seconds

    def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot: see `SnapshotStore.put`."""
        with self._connection() as connection, connection.transaction():
            connection.execute(TABLE)
            connection.execute(PUT, snapshot)

    def newest_first(self) -> Iterator[Snapshot]:
        """Yield what is kept and can be read, the highest sequence first."""
        before = BEYOND_ALL
        while found := self._next(before):
            yield found
            before = found.sequence

    def prune(self, keep: int, up_to: int) -> None:
        """Drop all but the newest of those up to a row: see `SnapshotStore.prune`."""
        with self._connection() as connection:
            connection.execute(PRUNE, (up_to, keep))

    def _next(self, before: int) -> Snapshot | None:
        try:
            with self._connection() as connection:
                row = connection.execute(NEXT, (before,), binary=True).fetchone()
        except OSError:  # There is no table yet, or the server is gone: then there is no snapshot.
            return None
        return Snapshot(*row) if row else None

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with refusing(self._address), closing(connected(self._address, self._patience_seconds)) as connection:
                connection.execute("SET synchronous_commit = local")
                connection.execute("SET client_min_messages = warning")
                yield connection
        except Refusal as refusal:
            raise OSError(str(refusal)) from None
