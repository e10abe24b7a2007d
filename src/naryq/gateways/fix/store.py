"""What a FIX session must know after a restart, in one small SQLite file: its numbers, and what it has sent.

One commit a turn: everything that a turn of the loop has caused is durable before the first byte of it is written.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

import apsw

from naryq.access.files import Kind, opened
from naryq.gateways.fix.session import Sent

APPLICATION_ID: Final = 0x4E525946
"""`NRYF` in the file's header."""
SCHEMA: Final = """
CREATE TABLE sessions (
    name TEXT PRIMARY KEY, incoming INTEGER NOT NULL, outgoing INTEGER NOT NULL, begun_ns INTEGER NOT NULL,
    told INTEGER NOT NULL
) STRICT;
CREATE TABLE sent (name TEXT NOT NULL, number INTEGER NOT NULL, raw BLOB NOT NULL, PRIMARY KEY (name, number))
    STRICT, WITHOUT ROWID;
"""
KIND: Final = Kind("a venue's FIX sessions", APPLICATION_ID, SCHEMA)


class Numbers(NamedTuple):
    """The numbers of a session: expected next, given next, since when (ns), and the last journal row told to it."""

    incoming: int = 1
    outgoing: int = 1
    begun_ns: int = 0
    told: int = 0


class Change(NamedTuple):
    """What is to be kept of one session: its numbers, new messages, and whether older ones are forgotten first."""

    name: str
    numbers: Numbers
    sent: tuple[Sent, ...] = ()
    forgets: bool = False


class Store(Protocol):
    """Keeps the sessions."""

    def names(self) -> list[str]:
        """Return the names of all sessions."""

    def numbers(self, name: str) -> Numbers:
        """Return the numbers of a session; those of a new one when it is not known."""

    def history(self, name: str, first: int, last: int) -> Iterable[Sent]:
        """Return the kept messages from one number to another, in order."""

    def keep(self, changes: Iterable[Change]) -> None:
        """Make changes durable, all or none."""

    def close(self) -> None:
        """Let go of what is open."""


class MemoryStore:
    """A store that forgets with the process: for the conformance run and for tests."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._numbers: dict[str, Numbers] = {}
        self._sent: dict[str, dict[int, Sent]] = {}

    def names(self) -> list[str]:
        """Return the names of all sessions."""
        return list(self._numbers)

    def numbers(self, name: str) -> Numbers:
        """Return the numbers of a session."""
        return self._numbers.get(name, Numbers())

    def history(self, name: str, first: int, last: int) -> Iterable[Sent]:
        """Return the kept messages from one number to another."""
        return [sent for number, sent in sorted(self._sent.get(name, {}).items()) if first <= number <= last]

    def keep(self, changes: Iterable[Change]) -> None:
        """Keep changes."""
        for change in changes:
            self._numbers[change.name] = change.numbers
            kept = {} if change.forgets else self._sent.get(change.name, {})
            self._sent[change.name] = kept | {sent.number: sent for sent in change.sent}

    def close(self) -> None:
        """Do nothing."""


class FileStore:
    """The store in a file of its own. It belongs to one thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Own an open connection."""
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file, or make it, readable to its owner alone.

        Raises:
            Refusal: UNREADABLE when it is no file of FIX sessions, or others may read it.
        """
        return cls(opened(path, KIND))

    def names(self) -> list[str]:
        """Return the names of all sessions."""
        return [str(name) for (name,) in self._connection.execute("SELECT name FROM sessions ORDER BY name")]

    def numbers(self, name: str) -> Numbers:
        """Return the numbers of a session."""
        query = "SELECT incoming, outgoing, begun_ns, told FROM sessions WHERE name = ?"
        for row in self._connection.execute(query, (name,)):
            return Numbers(*(int(str(value)) for value in row))
        return Numbers()

    def history(self, name: str, first: int, last: int) -> Iterator[Sent]:
        """Yield the kept messages from one number to another."""
        query = "SELECT number, raw FROM sent WHERE name = ? AND number BETWEEN ? AND ? ORDER BY number"
        for number, raw in self._connection.execute(query, (name, first, last)).fetchall():
            assert isinstance(number, int), "the schema is strict"
            assert isinstance(raw, bytes), "the schema is strict"
            yield Sent(number, raw)

    def keep(self, changes: Iterable[Change]) -> None:
        """Make changes durable in one transaction."""
        with self._connection:
            for change in changes:
                self._keep(change)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _keep(self, change: Change) -> None:
        run = self._connection
        if change.forgets:
            run.execute("DELETE FROM sent WHERE name = ?", (change.name,))
        run.executemany(
            "INSERT INTO sent VALUES (?, ?, ?)", [(change.name, sent.number, sent.raw) for sent in change.sent]
        )
        run.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)", (change.name, *change.numbers))
