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


class SnapshotCheck:
    """The check of one start. With `first` nothing is taken before it is over; else it goes on beside the venue."""

    def __init__(self, journal: str, *, first: bool = False) -> None:
        """Remember the journal by its name, and whether the start waits."""
        self.finding = Finding.NOTHING_TO_CHECK
        self._journal, self._first = journal, first
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, snapshot: Snapshot, on_difference: Callable[[Refusal], None]) -> None:
        """Check a snapshot, and call `on_difference` from a thread when the journal does not lead to it.

        Raises:
            Refusal: SNAPSHOT_DIFFERS instead, where the start waits.
        """
        self.finding = Finding.BEING_CHECKED
        _log.info("the snapshot of row %d is being checked against the journal", snapshot.sequence)
        self._process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own
        if self._first:
            self._find_out(snapshot)
            if self.finding == Finding.DIFFERS:
                raise differs(snapshot.sequence)
            return
        self._thread = threading.Thread(
            target=self._find_out_and_tell, args=(snapshot, on_difference), name="naryq-snapshot-check", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End a check that is still going on."""
        self._closed = True
        if self._process is not None:
            self._process.kill()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _find_out_and_tell(self, snapshot: Snapshot, on_difference: Callable[[Refusal], None]) -> None:
        self._find_out(snapshot)
        if self.finding == Finding.DIFFERS:
            on_difference(differs(snapshot.sequence))

    def _find_out(self, snapshot: Snapshot) -> None:
        assert self._process is not None, "the process was started"
        assert self._process.stdin is not None, "it is told on its input"
        with suppress(BrokenPipeError), self._process.stdin as told:
            told.write(f"{self._journal}\n{snapshot.sequence}\n".encode())
            told.write(snapshot.chain)
            told.write(snapshot.state)
        ended = self._process.wait()
        found = {AGREES_EXIT: Finding.AGREES, DIFFERS_EXIT: Finding.DIFFERS}
        self.finding = found.get(ended, Finding.NOT_CHECKED)
        if not self._closed:
            _say(self.finding, snapshot.sequence)


def _say(finding: Finding, sequence: int) -> None:
    if finding == Finding.AGREES:
        _log.info("the snapshot of row %d is checked: the journal alone leads to it", sequence)
    elif finding == Finding.DIFFERS:
        _log.error("%s", differs(sequence))
    else:
        _log.warning("the snapshot of row %d could not be checked against the journal", sequence)


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
    with at_rest(), closing(named.reader(name)) as journal:
        return AGREES_EXIT if leads_to(journal, exchange, snapshot) else DIFFERS_EXIT
