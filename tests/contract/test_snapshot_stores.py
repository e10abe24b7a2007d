"""What every store of snapshots promises, in memory and in a folder."""

from pathlib import Path

import pytest

from naryq.journal.contract import Step
from naryq.journal.snapshots import FolderSnapshots, MemorySnapshots, Snapshot, SnapshotStore

FIRST, SECOND, THIRD = (Snapshot(sequence, bytes([sequence]) * 32, b"state" * sequence) for sequence in (9, 10, 200))


@pytest.fixture(params=[lambda _: MemorySnapshots(), FolderSnapshots], ids=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SnapshotStore:
    made: SnapshotStore = request.param(tmp_path / "snapshots")
    return made


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
        store.prune(2)
        assert list(store.newest_first()) == [THIRD, SECOND]


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
    store.prune(1)
    assert [path.name for path in folder.iterdir()] == ["00000000000000000010.snapshot"]


def test_a_file_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    """A folder in the place of a snapshot, or a file of another name, hides no other."""
    store = FolderSnapshots(tmp_path)
    store.put(FIRST)
    (tmp_path / f"{SECOND.sequence:020}.snapshot").mkdir()
    (tmp_path / "notes.snapshot").write_text("mine")
    assert list(store.newest_first()) == [FIRST]
