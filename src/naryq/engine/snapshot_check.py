"""Whether the snapshot that a venue has started from is what the journal alone leads to.

A snapshot counts where its chain is that of the journal's row. Whoever can write it can copy that chain, and give
somebody more money. So a process of its own folds the journal from its first row up to that of the snapshot, behind
the venue and without haste, and compares. It is started anew, not forked: a forked SQLite shares its locks with ours.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from enum import IntEnum
from itertools import islice
from typing import Final

from naryq import exchange
from naryq.engine.collector import at_rest
from naryq.engine.snapshots import NICENESS
from naryq.journal import named
from naryq.journal.contract import Reader
from naryq.journal.snapshots import CHAIN_BYTES, Snapshot
from naryq.journal.verify import Machine, S, checked
from naryq.messages import Code, Refusal

AGREES_EXIT: Final = 0
UNREADABLE_EXIT: Final = 2
DIFFERS_EXIT: Final = 3
ROWS_A_LOOK: Final = 1_000
"""After how many rows the process looks whether the venue is still there."""

COMMAND: Final = (sys.executable, "-P", "-c", f"from {__name__} import main; raise SystemExit(main())")

_log: Final = logging.getLogger(__name__)


class Finding(IntEnum):
    """What is known of the snapshot of the last start; the numbers stand in the metrics."""

    NOTHING_TO_CHECK = 0
    BEING_CHECKED = 1
    AGREES = 2
    DIFFERS = 3
    NOT_CHECKED = 4


def differs(sequence: int) -> Refusal:
    """Return why a venue goes no further, and what its operator does."""
    return Refusal(
        Code.SNAPSHOT_DIFFERS,
        f"the journal alone does not lead to the snapshot of row {sequence}, from which the venue has started",
        where="snapshot",
        remedy="Keep the snapshots as evidence in another place, verify the journal, and start without them: what was "
        "decided since that start was decided on a state that nobody has brought about.",
    )


def not_checked(sequence: int, why: str) -> Refusal:
    """Return why nobody knows, and what an operator does; only a start that waits for the answer is refused so."""
    return Refusal(
        Code.STOPPED,
        f"the snapshot of row {sequence} could not be checked against the journal ({why})",
        where="snapshot",
        remedy="Run `naryq journal verify`; start again, which checks again, or move the snapshots away: then the "
        "journal alone is replayed.",
    )


class SnapshotCheck:
    """The check of one start. With `first` nothing is taken before it is over; else it goes on beside the venue."""

    def __init__(self, journal: str, *, first: bool = False) -> None:
        """Remember the journal by its name, and whether the start waits."""
        self.finding = Finding.NOTHING_TO_CHECK
        self._journal, self._first = journal, first
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._lock = threading.Lock()

    def begin(self, snapshot: Snapshot, on_difference: Callable[[Refusal], None]) -> None:
        """Check a snapshot, and call `on_difference` from a thread when the journal does not lead to it.

        Raises:
            Refusal: SNAPSHOT_DIFFERS instead, where the start waits; STOPPED, where it waits and cannot be told.
        """
        self.finding = Finding.BEING_CHECKED
        _log.info("the snapshot of row %d is being checked against the journal", snapshot.sequence)
        if self._first:
            refusal = self._find_out(snapshot)
            if refusal is not None:
                raise refusal
            return
        self._thread = threading.Thread(
            target=self._find_out_and_tell, args=(snapshot, on_difference), name="naryq-snapshot-check", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End a check that is still going on."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _find_out_and_tell(self, snapshot: Snapshot, on_difference: Callable[[Refusal], None]) -> None:
        refusal = self._find_out(snapshot)
        if refusal is not None and self.finding == Finding.DIFFERS:
            on_difference(refusal)

    def _find_out(self, snapshot: Snapshot) -> Refusal | None:
        """Let a process find out, say in the log how it ended, and return what is to be refused."""
        sequence = snapshot.sequence
        ended = self._ended(snapshot)
        if ended == AGREES_EXIT:
            self.finding = Finding.AGREES
            _log.info("the snapshot of row %d is checked: the journal alone leads to it", sequence)
            return None
        differing = ended == DIFFERS_EXIT
        self.finding = Finding.DIFFERS if differing else Finding.NOT_CHECKED
        refusal = differs(sequence) if differing else not_checked(sequence, _how(ended))
        if not self._closed:
            _log.error("%s", refusal)
        return refusal

    def _ended(self, snapshot: Snapshot) -> int | None:
        """Return how the process that checks has ended, as `Popen.wait` does; None where none could be made."""
        with self._lock, suppress(OSError):
            if not self._closed:
                self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
        if self._process is None:
            return None
        assert self._process.stdin is not None, "it is told on its input"
        with suppress(BrokenPipeError), self._process.stdin as told:
            told.write(f"{self._journal}\n{snapshot.sequence}\n".encode())
            told.write(snapshot.chain)
            told.write(snapshot.state)
        return self._process.wait()


def _how(ended: int | None) -> str:
    """Say how a process has ended that gave no answer."""
    if ended is None:
        return "no process could be made for it"
    return f"its process was ended by signal {-ended}" if ended < 0 else f"its process ended with {ended}"


# --- In the process of its own ------------------------------------------------------------------------------------


def leads_to(journal: Reader, machine: Machine[S], snapshot: Snapshot) -> bool:
    """Fold a journal from its first row, and say whether that comes to a snapshot; of a damaged one nothing comes."""
    parent = os.getppid()
    state = machine.initial_state()
    try:
        for _, entry in checked(islice(journal.read(), snapshot.sequence)):
            state = machine.apply(state, entry)
            if entry.sequence % ROWS_A_LOOK == 0 and os.getppid() != parent:
                raise SystemExit  # The venue is gone, and nobody waits for the answer.
    except Refusal as refusal:
        if refusal.code != Code.JOURNAL_DAMAGED:
            raise
        _log.error("%s", refusal)
        return False
    return machine.state_hash(state) == machine.state_hash(machine.restored(snapshot.state))


def main() -> int:
    """Check what the input names: the journal, the row, its chain and the state; the exit code is the answer."""
    os.nice(NICENESS)
    told = sys.stdin.buffer
    name, sequence = (told.readline().decode().removesuffix("\n") for _ in range(2))
    snapshot = Snapshot(int(sequence), told.read(CHAIN_BYTES), told.read())
    try:
        with at_rest(), closing(named.reader(name)) as journal:
            return AGREES_EXIT if leads_to(journal, exchange, snapshot) else DIFFERS_EXIT
    except Refusal as refusal:  # The journal cannot be read, which says nothing of the snapshot.
        _log.error("%s", refusal)
        return UNREADABLE_EXIT
