"""Snapshots beside a journal: what a state was after a row, so that a start need not replay everything.

A snapshot is a help and no evidence: the journal stays whole, and `naryq journal verify` holds the newest one against
it. It counts only while the journal's row of its number has its chain, so a snapshot of another history, or of rows
that were lost, is passed over.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from naryq.journal.contract import GENESIS, AtStep, Step, pass_by

CHAIN_BYTES: Final = len(GENESIS)
SUFFIX: Final = ".snapshot"
PIECE_BYTES: Final = 1 << 20
"""How much of a snapshot is written and synced at once: a commit of the journal waits behind no more than this."""


class Snapshot(NamedTuple):
    """The state after a row, as the machine wrote it, and the number and chain of that row."""

    sequence: int
    chain: bytes
    state: bytes


class SnapshotStore(Protocol):
    """Where snapshots are kept. What it holds may be damaged or old: the reader checks, and does without."""

    is_shared: bool
    """Whether what another process puts is there for this one."""

    def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, whole or not at all; raises `OSError` when it cannot."""

    def newest_first(self) -> Iterator[Snapshot]:
        """Yield what is kept, the highest sequence first."""

    def prune(self, keep: int, up_to: int) -> None:
        """Drop all but the newest of those up to a row.

        One of a later row is of rows that are lost, as after an older copy of the journal was restored. It is the only
        sign of them, and must not take the place of one that can be used.
        """


class MemorySnapshots:
    """A store in memory, for tests and rehearsals."""

    is_shared = False

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.kept: dict[int, Snapshot] = {}

    def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot: see `SnapshotStore.put`."""
        self.kept[snapshot.sequence] = snapshot

    def newest_first(self) -> Iterator[Snapshot]:
        """Yield what is kept, the highest sequence first."""
        return iter([self.kept[sequence] for sequence in sorted(self.kept, reverse=True)])

    def prune(self, keep: int, up_to: int) -> None:
        """Drop all but the newest of those up to a row: see `SnapshotStore.prune`."""
        for sequence in sorted((kept for kept in self.kept if kept <= up_to), reverse=True)[keep:]:
            del self.kept[sequence]


class FolderSnapshots:
    """A store in a folder: one file a snapshot, named by its sequence, which appears only when it is whole and durable.

    The folder of the journal `venue.journal` is `venue.journal-snapshots`, by custom.
    """

    is_shared = True

    def __init__(self, folder: Path, *, at_step: AtStep = pass_by) -> None:
        """Use a folder, which is made when the first snapshot comes."""
        self._folder = folder
        self._at_step = at_step

    def put(self, snapshot: Snapshot) -> None:
        """Keep a snapshot: see `SnapshotStore.put`."""
        self._folder.mkdir(exist_ok=True)
        path = self._path(snapshot.sequence)
        unfinished = Path(f"{path}-new")
        try:
            self._write(unfinished, snapshot)
        except OSError:
            unfinished.unlink(missing_ok=True)  # On a full disk it would take the room that the journal needs.
            raise
        self._at_step(Step.SNAPSHOT_WRITTEN)
        unfinished.replace(path)

    def _write(self, path: Path, snapshot: Snapshot) -> None:
        state = memoryview(snapshot.state)
        pieces: list[bytes | memoryview] = [
            snapshot.chain,
            *(state[at : at + PIECE_BYTES] for at in range(0, len(state), PIECE_BYTES)),
        ]
        with path.open("wb", buffering=0) as file:
            for number, piece in enumerate(pieces):
                if number == len(pieces) // 2:
                    self._at_step(Step.SNAPSHOT_HALF_WRITTEN)
                _write_all(file, piece)
                os.fsync(file.fileno())

    def newest_first(self) -> Iterator[Snapshot]:
        """Yield what is kept and can be read, the highest sequence first."""
        for sequence in self._sequences():
            with suppress(OSError):
                data = self._path(sequence).read_bytes()
                yield Snapshot(sequence, data[:CHAIN_BYTES], data[CHAIN_BYTES:])

    def prune(self, keep: int, up_to: int) -> None:
        """Drop all but the newest of those up to a row, and what writings that were cut off have left."""
        for sequence in [kept for kept in self._sequences() if kept <= up_to][keep:]:
            self._path(sequence).unlink(missing_ok=True)
        for left in self._folder.glob(f"*{SUFFIX}-new"):
            left.unlink(missing_ok=True)

    def _path(self, sequence: int) -> Path:
        return self._folder / f"{sequence:020}{SUFFIX}"

    def _sequences(self) -> list[int]:
        names = [path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}")]
        return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def _write_all(file: RawIOBase, piece: bytes | memoryview) -> None:
    """Write a piece to a file without a buffer, which may take a part of it at a time."""
    left = memoryview(piece)
    while left:
        left = left[file.write(left) or 0 :]
