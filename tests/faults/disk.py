"""A disk that can lose power, under SQLite: it knows what has been synced, and what a power cut may leave of the rest.

The model, file by file: a write is visible at once and durable after the next sync of its file. A power cut keeps
what is durable and any part of the rest, in any order, in sectors of 512 bytes. A sync that fails leaves its writes
visible, but no later sync makes them durable; that is how Linux file systems behave.
"""

import ctypes
from collections.abc import Callable
from enum import StrEnum
from pathlib import PurePath
from random import Random
from typing import NamedTuple

import apsw

SECTOR_BYTES = 512


def seeded(seed: int) -> Random:
    """Return the random numbers of a seed: the same at each run of a test."""
    return Random(seed)


class Kind(StrEnum):
    """What is done to a file."""

    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"


class Operation(NamedTuple):
    """One thing done to a file; the disk calls its watcher before and after each."""

    kind: Kind
    file: str


class Cut(StrEnum):
    """What a power cut keeps of the writes that were not synced."""

    ALL = "all"
    NONE = "none"
    HALF = "a random half of the writes"
    SECTORS = "a random half of the sectors, so that writes are torn"


class _Change(NamedTuple):
    """A write, or a change of length where `content` is None."""

    offset: int
    content: bytes | None

    def apply(self, content: bytearray) -> None:
        if self.content is None:
            del content[self.offset :]
            return
        content.extend(bytes(max(0, self.offset - len(content))))
        content[self.offset : self.offset + len(self.content)] = self.content

    def sectors(self) -> list["_Change"]:
        if self.content is None:
            return [self]
        starts = range(0, len(self.content), SECTOR_BYTES)
        return [_Change(self.offset + start, self.content[start : start + SECTOR_BYTES]) for start in starts]


class _File:
    """One file: what programs see, what is durable, and the changes between the two."""

    def __init__(self, content: bytes = b"") -> None:
        self.visible, self.durable = bytearray(content), bytearray(content)
        self.pending: list[_Change] = []

    def change(self, change: _Change) -> None:
        change.apply(self.visible)
        self.pending.append(change)

    def sync(self) -> None:
        for change in self.pending:
            change.apply(self.durable)
        self.pending.clear()

    def after(self, cut: Cut, random: Random) -> bytes:
        content = bytearray(self.durable)
        for change in self._kept(cut, random):
            change.apply(content)
        return bytes(content)

    def _kept(self, cut: Cut, random: Random) -> list[_Change]:
        if cut is Cut.NONE:
            return []
        if cut is Cut.ALL:
            return self.pending
        changes = self.pending if cut is Cut.HALF else [part for change in self.pending for part in change.sectors()]
        return [change for change in changes if random.random() < 0.5]


class Fault(NamedTuple):
    """What goes wrong with an operation: the error SQLite gets, and whether the operation is done all the same."""

    error: type[apsw.Error]
    done: bool


def no_fault(operation: Operation) -> Fault | None:  # noqa: ARG001 - the form of a fault plan
    return None


class Disk:
    """Files by name. `plan` says what fails; `watch` is called after each operation, whether it failed or not."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = {name: _File(content) for name, content in files.items()}
        self.plan: Callable[[Operation], Fault | None] = no_fault
        self.watch: Callable[[Operation], None] = lambda _: None

    def after(self, cut: Cut, random: Random) -> "Disk":
        """Return the disk as it is found after a power cut."""
        return Disk({name: file.after(cut, random) for name, file in self.files.items()})

    def do(self, operation: Operation, action: Callable[[], None]) -> None:
        fault = self.plan(operation)
        if fault is None or fault.done:
            action()
        elif operation.kind is Kind.SYNC:
            self.files[operation.file].pending.clear()  # Seen by programs, never to be durable: see above.
        self.watch(operation)
        if fault is not None:
            raise fault.error(f"planned: {operation.kind} of {operation.file}")


class _OpenFile:
    """An open file, as SQLite's interface wants it."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk, self._name, self._file = disk, name, disk.files[name]

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's names, here and below
        return bytes(self._file.visible[offset : offset + amount])

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802
        change = _Change(offset, bytes(content))
        self._disk.do(Operation(Kind.WRITE, self._name), lambda: self._file.change(change))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.do(Operation(Kind.TRUNCATE, self._name), lambda: self._file.change(_Change(size, None)))

    def xSync(self, _: int) -> None:  # noqa: N802
        self._disk.do(Operation(Kind.SYNC, self._name), self._file.sync)

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.visible)

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE  # As SQLite assumes of disks by default.

    def xFileControl(self, question: int, address: int) -> bool:  # noqa: N802
        if question != apsw.SQLITE_FCNTL_MMAP_SIZE:
            return False
        ctypes.c_int64.from_address(address).value = 0  # There is no memory map here.
        return True

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        """One connection at a time uses a disk."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """See `xLock`."""

    def xClose(self) -> None:  # noqa: N802
        """Nothing is kept open."""


class Drive(apsw.VFS):
    """A place under SQLite into which a disk can be put; a file's name on the disk is the last part of its path."""

    def __init__(self, name: str) -> None:
        self.name, self.disk = name, Disk({})
        super().__init__(name, base="")
        apsw.connection_hooks.append(self._alone)

    def close(self) -> None:
        apsw.connection_hooks.remove(self._alone)
        self.unregister()

    def _alone(self, connection: apsw.Connection) -> None:
        # Python cannot give SQLite shared memory; a connection that is alone keeps the log's index on its heap.
        if connection.open_vfs == self.name:
            connection.pragma("locking_mode", "exclusive")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _OpenFile:  # type: ignore[override]  # noqa: N802
        assert name is not None, "the journal needs no temporary files"
        file = PurePath(name if isinstance(name, str) else name.filename()).name
        if file not in self.disk.files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(file)
            self.disk.files[file] = _File()
        flags[1] = flags[0]
        return _OpenFile(self.disk, file)

    def xDelete(self, path: str, _: bool) -> None:  # noqa: N802, FBT001 - SQLite's form
        file = PurePath(path).name
        assert file in self.disk.files
        self.disk.do(Operation(Kind.DELETE, file), lambda: self.disk.files.__delitem__(file))

    def xAccess(self, path: str, _: int) -> bool:  # noqa: N802
        return PurePath(path).name in self.disk.files

    def xFullPathname(self, path: str) -> str:  # noqa: N802
        return path
