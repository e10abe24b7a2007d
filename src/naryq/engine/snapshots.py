"""Taking snapshots beside the writer, and starting from the newest one that holds."""

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Generic, NamedTuple

from naryq.engine.forking import can_fork, forked
from naryq.journal.contract import GENESIS, Reader, Record
from naryq.journal.snapshots import Snapshot, SnapshotStore
from naryq.journal.verify import Machine, S
from naryq.messages import Code, Refusal

SNAPSHOTS_KEPT: Final = 2
"""The newest, and one more should it be damaged."""
PATIENCE_SECONDS: Final = 600
"""How long a process may take over a snapshot before it is ended."""
LOOK_SECONDS: Final = 0.05
NICENESS: Final = 10
"""How much a process that writes a snapshot stands back behind the venue."""

_log: Final = logging.getLogger(__name__)


class Start(NamedTuple, Generic[S]):
    """The state from which a replay goes on, and the number and chain of the row that it stands after."""

    state: S
    sequence: int
    chain: bytes
    passed_over: tuple[str, ...] = ()
    """Which newer snapshots do not hold, and why."""
    begun_with: Snapshot | None = None
    """The snapshot that it is; None at the very beginning."""


def start(journal: Reader, machine: Machine[S], store: SnapshotStore | None) -> Start[S]:
    """Return the newest snapshot that the journal bears out and the machine can read, or the very beginning.

    What is passed over stands in the log as well: a damaged snapshot is a sign of a damaged disk.
    """
    passed_over: list[str] = []
    for found in store.newest_first() if store else ():
        try:
            _check_borne_out(journal, found)
            return Start(machine.restored(found.state), found.sequence, found.chain, tuple(passed_over), found)
        except Refusal as refusal:  # The next older one may do, and the journal does.
            passed_over.append(f"the snapshot of row {found.sequence} is passed over: {refusal}")
            _log.warning(passed_over[-1])
    return Start(machine.initial_state(), 0, GENESIS, tuple(passed_over))


def _check_borne_out(journal: Reader, found: Snapshot) -> None:
    row = next(journal.read(after=found.sequence - 1), None)
    if row is None or (row.sequence, row.chain) != (found.sequence, found.chain):
        what, remedy = "the journal has no such row", "If no older copy was restored, check the disk."
        raise Refusal(Code.NOT_FOUND, what, where="snapshot", remedy=remedy)


class SnapshotKeeper(Generic[S]):
    """Takes a snapshot every so many rows, beside the venue: a state is a value, and waits for nobody.

    It is taken in a process of its own that is forked from the venue, since threads of Python would take turns with the
    writer; where the system does not fork well, or the store is in memory, in a thread. A snapshot that cannot be kept
    is counted and otherwise forgotten: nothing depends on it.
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
        """Take a snapshot of a durable state, if one is due and the one before it is finished.

        Only the writer may call, between two groups: a forked process has the state as it is at that instant, and amid
        a change no thread has it whole.
        """
        if head.sequence >= self._due and (self._work is None or not self._work.is_alive()):
            self._due = head.sequence + self._every
            keep = partial(self._keep, state, head)
            child = forked(partial(_standing_back, keep)) if self._store.is_shared and can_fork() else None
            work = keep if child is None else partial(_ended_well, child)
            self._work = threading.Thread(
                target=self._counted, args=(work, head.sequence), name="naryq-snapshot", daemon=True
            )
            self._work.start()

    def close(self) -> None:
        """Wait for a snapshot that is being taken."""
        if self._work is not None:
            self._work.join()

    def _keep(self, state: S, head: Record) -> bool:
        with suppress(OSError):
            self._store.put(Snapshot(head.sequence, head.chain, self._machine.snapshot(state)))
            self._store.prune(SNAPSHOTS_KEPT, head.sequence)
            return True
        return False

    def _counted(self, work: Callable[[], bool], sequence: int) -> None:
        kept = False
        try:
            kept = work()
        finally:  # A bug ends this thread with its trace, and the venue, which does not need it, sees it counted.
            self.sequence, self.failures = (sequence, self.failures) if kept else (self.sequence, self.failures + 1)


def _standing_back(work: Callable[[], bool]) -> bool:
    """Do a work in a process that comes to an end: nothing is collected, and the venue goes first."""
    gc.disable()
    os.nice(NICENESS)
    return work()


def _ended_well(child: int) -> bool:
    """Wait for a process, and say whether it has done its work; one that takes too long is ended."""
    given_up = time.monotonic() + PATIENCE_SECONDS
    with suppress(ChildProcessError):
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status) == 0
            if time.monotonic() > given_up:
                os.kill(child, signal.SIGKILL)
            time.sleep(LOOK_SECONDS)
    return False
