"""The journal in a PostgreSQL database: for a venue that outgrows one machine, with a standby that holds every row.

Two tables in one schema. `naryq_entries` holds the rows; `naryq_head` is a single row that names the format, the epoch
of the present writer, and the head. Whoever opens the journal to write raises the epoch; every append moves the head
from exactly where this writer left it, under its own epoch, in the transaction that writes the rows. A writer whose
lock was lost (its connection cut, a pooler between, a fail-over) finds another epoch there and can never succeed again.

A commit is acknowledged only when the server says so without any warning: a wait for a standby that somebody cancels
ends as a success with a warning (postgresql.org/docs/current/warm-standby.html, "Synchronous Replication").
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any, Final, NamedTuple, Self

import psycopg

from naryq.journal.contract import (
    GENESIS,
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
from naryq.journal.postgres_server import PATIENCE_SECONDS, Connection, connected, refusing, shown, text_of
from naryq.messages import Code, Refusal

FORMAT_VERSION: Final = 1
LOCK_CLASS: Final = 0x4E525951
"""`NRYQ`: the first half of the advisory lock of a writer; the second is the number of its table `naryq_head`."""

ENTRIES: Final = (
    "CREATE TABLE naryq_entries (sequence bigint NOT NULL PRIMARY KEY, payload bytea NOT NULL, chain bytea NOT NULL)"
)
HEAD: Final = (
    "CREATE TABLE naryq_head (only_row boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row), "
    "format integer NOT NULL, epoch bigint NOT NULL, sequence bigint NOT NULL, chain bytea NOT NULL)"
)
SHAPE: Final = (
    "naryq_entries r p: sequence bigint!, payload bytea!, chain bytea!; 1 index",
    "naryq_head r p: only_row boolean!, format integer!, epoch bigint!, sequence bigint!, chain bytea!; 1 index",
)
"""What the two tables are: ordinary, permanent (an unlogged one is empty after a crash), and with nothing added."""
SHAPE_QUERY: Final = """
    SELECT concat(c.relname, ' ', c.relkind, ' ', c.relpersistence, ': ')
        || (SELECT string_agg(
                a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '!' ELSE '' END,
                ', ' ORDER BY a.attnum
            ) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
        || '; ' || (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) || ' index'
        || CASE WHEN c.relhasrules THEN ', rules' ELSE '' END
        || CASE WHEN c.relrowsecurity THEN ', row security' ELSE '' END
        || coalesce((SELECT string_agg(', trigger ' || t.tgname, '') FROM pg_trigger t WHERE t.tgrelid = c.oid), '')
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname IN ('naryq_entries', 'naryq_head')
    ORDER BY 1
"""

Setting = tuple[str, str | None, str]
"""A setting's name, the value that this session gives it (None: it is the server's own), and what must be read back."""

SETTINGS: Final[tuple[Setting, ...]] = (
    ("client_min_messages", "warning", "warning"),  # A commit that was not replicated says so in a warning only.
    ("default_transaction_isolation", "read committed", "read committed"),
    ("lock_timeout", "5s", "5s"),  # Who holds the head for longer is another writer, paused in its commit.
    ("fsync", None, "on"),
    ("full_page_writes", None, "on"),
    ("data_sync_retry", None, "off"),  # A failed sync must stop the server: see `naryq.journal.sqlite`.
)
STANDBY_SETTING: Final[Setting] = ("synchronous_commit", "remote_apply", "remote_apply")
ALONE_SETTING: Final[Setting] = ("synchronous_commit", "on", "on")

MOVE_HEAD: Final = (
    "BEGIN; UPDATE naryq_head SET sequence = %s, chain = %s WHERE epoch = %s AND sequence = %s AND chain = %s "
    "AND (current_setting('synchronous_standby_names') <> '' OR NOT %s) AND (sequence = 0 OR EXISTS (SELECT FROM "
    "naryq_entries last WHERE last.sequence = naryq_head.sequence AND last.chain = naryq_head.chain))"
)
"""Both in one message to the server; a cursor of the client's kind writes the values into it."""
COPY: Final = "COPY naryq_entries (sequence, payload, chain) FROM STDIN (FORMAT BINARY)"
COLUMNS: Final = ("int8", "bytea", "bytea")
READ_ROWS: Final = 256


class PostgresReader:
    """A journal opened to be read: it changes nothing and needs no lock, also on a standby.

    Rows beyond the head at the time of opening are read as well.
    """

    def __init__(self, connection: Connection, where: str) -> None:
        """Use an open connection; call `open` instead."""
        self._connection = connection
        self._where = where
        self._usable = True
        self._guard = threading.Lock()

    @classmethod
    def open(cls, address: str, *, patience_seconds: int = PATIENCE_SECONDS) -> Self:
        """Open an existing journal to read it. `address` is a libpq connection string: `postgresql://host/database`.

        Raises:
            Refusal: UNREADABLE when the server does not answer or the journal is not there, JOURNAL_DAMAGED when the
                tables are not a journal's.
        """
        where = shown(address)
        with ExitStack() as stack, refusing(address):
            connection = stack.enter_context(closing(connected(address, patience_seconds)))
            connection.execute("SET default_transaction_read_only = on")
            _check_format(connection, where)
            stack.pop_all()
            return cls(connection, where)

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the durable rows with a number above `after`, in order, up to the head at the time of the call.

        Raises:
            Refusal: JOURNAL_DAMAGED when the rows cannot be read, UNREADABLE when the server is gone, STOPPED when the
                journal was closed.
        """
        head = self.head()
        return self._pages(after, head.sequence if head else 0)

    def head(self) -> Record | None:
        """Return the last durable row, or None where the journal is empty.

        Raises:
            Refusal: JOURNAL_DAMAGED when the last row is not the one that the journal names as its head.
        """
        with self._guard:
            self._refuse_unless_usable()
            with _reading(self._where):
                return _head(self._connection, self._where).record

    def close(self) -> None:
        """Let go of the connection; a second call does nothing."""
        with self._guard, suppress(psycopg.Error):
            self._usable = False
            self._connection.close()

    def _pages(self, after: int, last: int) -> Iterator[Record]:
        query = (
            "SELECT sequence, payload, chain FROM naryq_entries "
            "WHERE sequence > %b AND sequence <= %b ORDER BY sequence LIMIT %b"
        )
        while rows := self._rows(query, (after, last, READ_ROWS)):
            yield from rows
            after = rows[-1].sequence

    def _rows(self, query: str, values: tuple[int, ...]) -> list[Record]:
        with self._guard:
            self._refuse_unless_usable()
            with _reading(self._where):
                return [Record(*row) for row in self._connection.execute(query, values, binary=True)]

    def _refuse_unless_usable(self) -> None:
        if not self._usable:
            raise stopped(self._where)


class PostgresJournal(PostgresReader):
    """A journal opened to be written, by this object alone.

    The writer's lock is a session's advisory lock, which the server lifts when the connection ends. Should it fail,
    the epoch and the head in `naryq_head` still let one writer succeed at most. There is no reconnecting: a lost
    connection ends the use of the object.
    """

    def __init__(
        self, connection: Connection, where: str, held: "_Held", at_step: AtStep, *, needs_standby: bool
    ) -> None:
        """Use an open connection under a lock; call `create` or `open` instead."""
        super().__init__(connection, where)
        self._needs_standby = needs_standby
        self._epoch = held.epoch
        self._head = held.record
        self._at_step = at_step

    @classmethod
    def create(
        cls,
        address: str,
        rows: Iterable[Record] = (),
        *,
        at_step: AtStep = pass_by,
        patience_seconds: int = PATIENCE_SECONDS,
    ) -> Self:
        """Make a new journal of the rows given, all or none, and open it.

        Raises:
            Refusal: ALREADY_EXISTS when the schema holds a journal, UNREADABLE when the server does not answer or
                none can be made.
        """
        with refusing(address), closing(connected(address, patience_seconds)) as connection:
            try:
                _build(connection, rows, shown(address))
            except (psycopg.errors.DuplicateTable, psycopg.errors.UniqueViolation) as error:
                raise Refusal(
                    Code.ALREADY_EXISTS,
                    "there is a journal in this schema",
                    where=shown(address),
                    remedy="Open it, or choose another database or schema.",
                ) from error
        return cls.open(address, at_step=at_step, patience_seconds=patience_seconds)

    @classmethod
    def open(
        cls,
        address: str,
        *,
        at_step: AtStep = pass_by,
        patience_seconds: int = PATIENCE_SECONDS,
        settings: tuple[Setting, ...] = (),
    ) -> Self:
        """Open an existing journal to write it; after a crash or a fail-over this is also its recovery.

        Where the server names a synchronous standby, an append waits until the standby has applied it, and is
        refused as STOPPED once the server names none any more. An answer that takes longer than `patience_seconds`
        counts as a lost connection. `settings` are for fault tests.

        Raises:
            Refusal: UNREADABLE when the server does not answer, is a standby, or the journal is not there;
                JOURNAL_LOCKED when another writer has it; JOURNAL_DAMAGED when the tables are not a journal's or a
                setting did not take.
        """
        where = shown(address)
        with ExitStack() as stack, refusing(address):
            connection = stack.enter_context(closing(connected(address, patience_seconds)))
            _refuse_a_standby(connection, where)
            _check_format(connection, where)
            _take_lock(connection, where)
            needs_standby = _standby_is_named(connection)
            _set(connection, where, (STANDBY_SETTING if needs_standby else ALONE_SETTING, *settings))
            journal = cls(connection, where, _raised_epoch(connection, where), at_step, needs_standby=needs_standby)
            stack.pop_all()
            return journal

    def append(self, payloads: Sequence[bytes]) -> Record:
        """Write one or more rows in one commit, all or none: see `Journal.append`."""
        assert payloads, "an append without rows is a bug of the caller"
        with self._guard:
            self._refuse_unless_usable()
            rows = rows_after(self._head, payloads)
            self._usable = False
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
        """Give the lock back, so that whoever opens the journal next finds it free, and let go of the connection."""
        with self._guard, suppress(psycopg.Error):
            if self._usable:  # Else nobody knows whether the server would answer.
                self._connection.execute("SELECT pg_advisory_unlock_all()")
        super().close()

    def _commit_or_refuse(self, rows: list[Record]) -> None:
        try:
            self._commit(rows)
        except _OF_A_RIVAL as error:
            self._connection.close()
            raise locked(self._where) from error
        except psycopg.Error as error:
            self._connection.close()
            raise outcome_unknown(self._where, text_of(error)) from error

    def _commit(self, rows: list[Record]) -> None:
        sequence, chain = _place(self._head)
        move = (rows[-1].sequence, rows[-1].chain, self._epoch, sequence, chain, self._needs_standby)
        moved = psycopg.ClientCursor(self._connection).execute(MOVE_HEAD, move)
        moved.nextset()
        if moved.rowcount != 1:
            self._refuse_without_standby()
            self._refuse_without_last_row()
            raise _HeadMoved("the head in the database is not the head that this writer knows, under its epoch")
        _copy(self._connection, rows)
        self._at_step(Step.APPENDED)
        _commit(self._connection)

    def _refuse_without_standby(self) -> None:
        if self._needs_standby and not _standby_is_named(self._connection):
            self._connection.close()
            raise Refusal(
                Code.STOPPED,
                "the server no longer waits for a standby, as it did when the journal was opened; nothing was written",
                where=self._where,
                remedy="Name the standby again, or start the venue anew to go on with one machine.",
            )

    def _refuse_without_last_row(self) -> None:
        try:
            _head(self._connection, self._where)
        except Refusal:
            self._connection.close()
            raise


class _HeadMoved(psycopg.Error):
    """Another writer has raised the epoch or moved the head; nothing was written."""


_OF_A_RIVAL: Final = (
    _HeadMoved,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
    psycopg.errors.UniqueViolation,
)
"""By each of these answers the server says that another writer is there and that it has written nothing of ours."""


class _Held(NamedTuple):
    """What `naryq_head` says: the epoch of the last writer, and the last row or None."""

    epoch: int
    record: Record | None


def _place(head: Record | None) -> tuple[int, bytes]:
    return (head.sequence, head.chain) if head else (0, GENESIS)


@contextmanager
def _reading(where: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        raise Refusal(
            Code.UNREADABLE,
            f"the server can no longer be asked ({text_of(error)})",
            where=where,
            remedy="Look after the server and the network, and open the journal again.",
        ) from error
    except psycopg.Error as error:
        raise damaged(f"the rows cannot be read ({text_of(error)})", where=where) from error


def _refuse_a_standby(connection: Connection, where: str) -> None:
    if _one(connection, "SELECT pg_is_in_recovery()") != (False,):
        raise Refusal(
            Code.UNREADABLE,
            "this server is a standby, which takes no rows",
            where=where,
            remedy="Name its primary, or both with target_session_attrs=read-write; a standby can be read.",
        )


def _check_format(connection: Connection, where: str) -> None:
    shape = tuple(line for (line,) in connection.execute(SHAPE_QUERY))
    if not shape:
        raise Refusal(
            Code.UNREADABLE,
            "there is no journal in this schema",
            where=where,
            remedy="Check the database and the search_path, or make one: naryq journal import.",
        )
    if shape != SHAPE:
        raise damaged(f"the journal's tables are not those of its format: {'; '.join(shape)}", where=where)
    versions = [version for (version,) in connection.execute("SELECT format FROM naryq_head")]
    if versions != [FORMAT_VERSION]:
        raise damaged(f"the journal has format {versions}; this program reads format {FORMAT_VERSION}", where=where)


def _take_lock(connection: Connection, where: str) -> None:
    query = "SELECT pg_try_advisory_lock(%s, 'naryq_head'::regclass::oid::integer)"
    if _one(connection, query, (LOCK_CLASS,)) != (True,):
        raise locked(where)


def _standby_is_named(connection: Connection) -> bool:
    return _one(connection, "SELECT current_setting('synchronous_standby_names')") != ("",)


def _set(connection: Connection, where: str, settings: tuple[Setting, ...]) -> None:
    for name, value, expected in (*SETTINGS, *settings):
        if value is not None:
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        (found,) = _one(connection, "SELECT current_setting(%s)", (name,))
        if found != expected:
            raise damaged(f"the setting {name} reads {found!r}, not {expected!r}", where=where)


def _raised_epoch(connection: Connection, where: str) -> _Held:
    """Shut every earlier writer out, and learn the head.

    This waits for the transaction of an earlier writer that is still under way, and its own commit is durable (on the
    standby too) only after all that came before: what recovery believes is then what nobody can lose.
    """
    connection.execute("BEGIN")
    try:
        connection.execute("UPDATE naryq_head SET epoch = epoch + 1")
    except psycopg.errors.LockNotAvailable as error:
        raise locked(where) from error
    held = _head(connection, where)
    _commit(connection)
    return held


def _head(connection: Connection, where: str) -> _Held:
    query = (
        "SELECT head.epoch, head.sequence, head.chain, last.sequence, last.payload, last.chain FROM naryq_head head "
        "LEFT JOIN (SELECT * FROM naryq_entries ORDER BY sequence DESC LIMIT 1) last ON true"
    )
    epoch, sequence, chain, *last = _one(connection, query)
    record = None if last[0] is None else Record(*last)
    if _place(record) != (sequence, chain):
        found = record.sequence if record else 0
        raise damaged(f"the journal names row {sequence} as its last, and the last one there is {found}", where=where)
    return _Held(epoch, record)


def _one(connection: Connection, query: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(query, values, binary=True).fetchone()
    assert row is not None, "each of these queries gives one row"
    return row


def _build(connection: Connection, rows: Iterable[Record], where: str) -> None:
    _set(connection, where, (STANDBY_SETTING if _standby_is_named(connection) else ALONE_SETTING,))
    connection.execute("BEGIN")
    connection.execute(ENTRIES)
    connection.execute(HEAD)
    last = _copy(connection, rows)
    connection.execute(
        "INSERT INTO naryq_head (format, epoch, sequence, chain) VALUES (%s, 0, %s, %s)",
        (FORMAT_VERSION, *_place(last)),
    )
    _commit(connection)


def _copy(connection: Connection, rows: Iterable[Record]) -> Record | None:
    row = None
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COLUMNS)
        for row in rows:
            copy.write_row(row)
    return row


def _commit(connection: Connection) -> None:
    warnings: list[str] = []

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        warnings.append(f"{diagnostic.message_primary}. {diagnostic.message_detail or ''}".rstrip())

    connection.add_notice_handler(hear)
    try:
        done = connection.execute("COMMIT").statusmessage
    finally:
        connection.remove_notice_handler(hear)
    if done != "COMMIT" or warnings:
        raise psycopg.OperationalError("; ".join(warnings) or f"the server answered {done}")
