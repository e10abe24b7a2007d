"""Taking snapshots beside the writer, and starting from the newest one that holds."""

import threading
from contextlib import suppress
from typing import Final, Generic, NamedTuple

from naryq.journal.contract import GENESIS, Journal, Record
from naryq.journal.snapshots import Snapshot, SnapshotStore
from naryq.journal.verify import Machine, S
from naryq.messages import Refusal

SNAPSHOTS_KEPT: Final = 2
"""The newest, and one more should it be damaged."""


class Start(NamedTuple, Generic[S]):
    """The state from which a replay goes on, and the number and chain of the row that it stands after."""

    state: S
    sequence: int
    chain: bytes


def start(journal: Journal, machine: Machine[S], store: SnapshotStore | None) -> Start[S]:
    """Return the newest snapshot that the journal bears out and the machine can read, or the very beginning."""
    for found in store.newest_first() if store else ():
        row = next(journal.read(after=found.sequence - 1), None)
        if row is not None and (row.sequence, row.chain) == (found.sequence, found.chain):
            with suppress(Refusal):  # Of another version or damaged: the next older one may do, and the journal does.
                return Start(machine.restored(found.state), found.sequence, found.chain)
    return Start(machine.initial_state(), 0, GENESIS)


class SnapshotKeeper(Generic[S]):
    """Takes a snapshot every so many rows, in a thread of its own: a state is a value, and waits for nobody.

    A snapshot that cannot be kept is counted and otherwise forgotten: nothing depends on it.
    """

    def __init__(self, machine: Machine[S], store: SnapshotStore, every_rows: int, sequence: int) -> None:
        """Take the next snapshot `every_rows` after a sequence."""
        assert every_rows >= 1, "a snapshot comes after at least one row"
        self.sequence = sequence
        """The row of the newest snapshot."""
        self.failures = 0
        self._machine, self._store, self._every = machine, store, every_rows
        self._due = sequence + every_rows
        self._work: threading.Thread | None = None

    def offer(self, state: S, head: Record) -> None:
        """Take a snapshot of a durable state, if one is due and the one before it is finished."""
        if head.sequence >= self._due and (self._work is None or not self._work.is_alive()):
            self._due = head.sequence + self._every
            self._work = threading.Thread(target=self._take, args=(state, head), name="naryq-snapshot", daemon=True)
            self._work.start()

    def close(self) -> None:
        """Wait for a snapshot that is being taken."""
        if self._work is not None:
            self._work.join()

    def _take(self, state: S, head: Record) -> None:
        kept = False
        try:
            with suppress(OSError):
                self._store.put(Snapshot(head.sequence, head.chain, self._machine.snapshot(state)))
                self._store.prune(SNAPSHOTS_KEPT)
                kept = True
        finally:  # A bug ends this thread with its trace, and the venue, which does not need it, sees it counted.
            self.sequence, self.failures = (
                (head.sequence, self.failures) if kept else (self.sequence, self.failures + 1)
            )
