"""What every store of snapshots promises: in memory, in a folder, and in PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import pytest

from naryq.journal import named
from naryq.journal.contract import Step
from naryq.journal.snapshots import FolderSnapshots, MemorySnapshots, Snapshot, SnapshotStore

FIRST, SECOND, THIRD = (Snapshot(sequence, bytes([sequence]) * 32, b"state" * sequence) for sequence in (9, 10, 200))


@pytest.fixture(params=["memory", "folder", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    if request.param == "memory":
        return MemorySnapshots()
    return named.snapshots(
        str(tmp_path / "journal") if request.param == "folder" else request.getfixturevalue("new_schema")()
    )


def test_the_newest_comes_first(store: SnapshotStore) -> None:
    """Snapshots come back as they were put, by their number and not by when they came; an empty store yields none."""
    assert list(store.newest_first()) == []
    for snapshot in (SECOND, THIRD, FIRST):
        store.put(snapshot)
    assert list(store.newest_first()) == [THIRD, SECOND, FIRST]


def test_pruning_keeps_the_newest(store: SnapshotStore) -> None:
    """All but so many of the newest are dropped, and pruning again drops nothing."""
    for snapshot in (FIRST, SECOND, THIRD):
        store.put(snapshot)
    for _ in range(2):
        store.prune(2, THIRD.sequence)
        assert list(store.newest_first()) == [THIRD, SECOND]


def test_a_snapshot_of_rows_that_are_lost_takes_no_place(store: SnapshotStore) -> None:
    """One of a later row than the journal has stays as the sign of a lost end, and the newest before it stays too."""
    for snapshot in (FIRST, SECOND, THIRD):
        store.put(snapshot)
    store.prune(1, SECOND.sequence)
    assert list(store.newest_first()) == [THIRD, SECOND]
    store.prune(1, FIRST.sequence)
    assert list(store.newest_first()) == [THIRD, SECOND]
    store.prune(0, SECOND.sequence)
    assert list(store.newest_first()) == [THIRD]


@pytest.mark.parametrize("step", [Step.SNAPSHOT_HALF_WRITTEN, Step.SNAPSHOT_WRITTEN])
def test_a_writing_that_is_cut_off_leaves_no_snapshot(tmp_path: Path, step: Step) -> None:
    """Until it is whole and durable a snapshot has no name; what is left of it goes with the next pruning."""

    def fail(at: Step) -> None:
        if at is step:
            raise OSError(5, "the disk is gone")

    folder = tmp_path / "snapshots"
    with pytest.raises(OSError, match="gone"):
        FolderSnapshots(folder, at_step=fail).put(FIRST)
    store = FolderSnapshots(folder)
    assert list(store.newest_first()) == []
    store.put(SECOND)
    store.prune(1, THIRD.sequence)
    assert [path.name for path in folder.iterdir()] == ["00000000000000000010.snapshot"]


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """A folder in the place of a snapshot, or a file of another name, hides no other."""
    store = FolderSnapshots(tmp_path)
    store.put(FIRST)
    (tmp_path / f"{SECOND.sequence:020}.snapshot").mkdir()
    (tmp_path / "notes.snapshot").write_text("mine")
    assert list(store.newest_first()) == [FIRST]


@pytest.mark.postgres
def test_a_server_that_is_gone_costs_a_snapshot_and_tells_no_secret() -> None:
    """A snapshot that cannot be kept is an `OSError`, as of a disk; to whoever starts, there is none."""
    store = named.snapshots("postgresql://naryq:secret@127.0.0.1:1/venue")
    assert list(store.newest_first()) == []
    with pytest.raises(OSError, match="cannot be opened") as of_put:
        store.put(FIRST)
    with pytest.raises(OSError, match="cannot be opened") as of_prune:
        store.prune(1, THIRD.sequence)
    assert "secret" not in f"{of_put.value} {of_prune.value}"


@pytest.mark.postgres
def test_a_snapshot_put_again_replaces_the_one_before(new_schema: Callable[[], str]) -> None:
    """After an upgrade the same row may be taken anew, in another form."""
    store = named.snapshots(new_schema())
    store.put(FIRST)
    store.put(FIRST._replace(state=b"of another shape"))
    assert [snapshot.state for snapshot in store.newest_first()] == [b"of another shape"]
