"""Damage to snapshots at rest: whatever becomes of one, a start comes to the state that the journal has."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests import little_machine
from tests.faults.disk import seeded
from tests.little_machine import order
from tests.random_commands import RULEBOOKS, ready

from naryq import exchange
from naryq.engine import Engine
from naryq.engine.snapshots import start
from naryq.exchange import snapshots
from naryq.journal.contract import rows_after
from naryq.journal.memory import MemoryJournal
from naryq.journal.postgres import PostgresJournal
from naryq.journal.postgres_snapshots import PostgresSnapshots
from naryq.journal.snapshots import FolderSnapshots, Snapshot
from naryq.messages import encode

FLIPS = 2_000
FLIPS_IN_POSTGRES = 200


class Venue(NamedTuple):
    """A journal, and the state of its venue after each row that has a snapshot."""

    journal: MemoryJournal
    snapshots: list[Snapshot]
    hashes: dict[int, str]


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Return a venue with three snapshots: after its tenth row, its twentieth, and its last."""
    entries = ready(RULEBOOKS[0]).rows
    rows = rows_after(None, [encode(entry) for entry in entries])
    state, taken, hashes = exchange.initial_state(), [], {0: exchange.state_hash(exchange.initial_state())}
    for entry, row in zip(entries, rows, strict=True):
        state = exchange.apply(state, entry)
        if row.sequence in {10, 20, len(rows)}:
            taken.append(Snapshot(row.sequence, row.chain, exchange.snapshot(state)))
            hashes[row.sequence] = exchange.state_hash(state)
    return Venue(MemoryJournal(rows), taken, hashes)


def started_from(venue: Venue, store: Any, machine: Any = exchange) -> int:
    """Start from a store, check that the state is the one of the row it is said to be of, and return that row."""
    begun = start(venue.journal, machine, store)
    assert exchange.state_hash(begun.state) == venue.hashes[begun.sequence], "a damaged snapshot was believed"
    return begun.sequence


def flipped(data: bytes, place: int) -> bytes:
    """Return the bytes with the bit at a place turned over."""
    content = bytearray(data)
    content[place // 8] ^= 1 << place % 8
    return bytes(content)


@pytest.fixture
def folder(venue: Venue, tmp_path: Path) -> Path:
    for snapshot in venue.snapshots:
        FolderSnapshots(tmp_path).put(snapshot)
    return tmp_path


def newest(folder: Path) -> Path:
    return max(folder.iterdir())


def test_a_turned_bit_anywhere_costs_the_snapshot_and_nothing_else(venue: Venue, folder: Path) -> None:
    """Each of 2,000 turned bits in the newest file makes a start go from the next older one."""
    path, random = newest(folder), seeded(1)
    whole = path.read_bytes()
    assert started_from(venue, FolderSnapshots(folder)) == venue.snapshots[-1].sequence
    for _ in range(FLIPS):
        path.write_bytes(flipped(whole, random.randrange(8 * len(whole))))
        assert started_from(venue, FolderSnapshots(folder)) == 20


def test_a_torn_file_costs_the_snapshot_and_nothing_else(venue: Venue, folder: Path) -> None:
    """A file of any shorter length, or with sectors that were never written, is passed over as well."""
    path, random = newest(folder), seeded(2)
    whole = path.read_bytes()
    for _ in range(200):
        end = random.randrange(len(whole))
        path.write_bytes(random.choice((whole[:end], whole[:end] + bytes(len(whole) - end))))
        assert started_from(venue, FolderSnapshots(folder)) == 20 or path.read_bytes() == whole


def test_without_any_sound_snapshot_a_start_goes_from_the_beginning(venue: Venue, folder: Path) -> None:
    """Where every snapshot is damaged or of another history, the journal alone is enough."""
    for path in folder.iterdir():
        path.write_bytes(flipped(path.read_bytes(), 100))
    assert started_from(venue, FolderSnapshots(folder)) == 0


def test_a_snapshot_of_a_row_that_was_lost_is_not_believed(venue: Venue, folder: Path) -> None:
    """A journal that was restored from an older copy is shorter than its newest snapshot, which is then passed over."""
    shorter = venue._replace(journal=MemoryJournal(venue.journal.rows[:15]))
    assert started_from(shorter, FolderSnapshots(folder)) == 10


NEWER: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "folds otherwise": lambda planted: planted.setattr(snapshots, "FOLD_VERSION", snapshots.FOLD_VERSION + 1),
    "has another shape": lambda planted: planted.setattr(snapshots, "schema_digest", lambda _: bytes(32)),
    "writes another form": lambda planted: planted.setattr(snapshots, "MAGIC", b"naryq snapshot 3"),
}


@pytest.mark.parametrize("newer", NEWER.values(), ids=NEWER)
def test_a_snapshot_of_a_newer_program_is_passed_over(
    venue: Venue, folder: Path, monkeypatch: pytest.MonkeyPatch, newer: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Whoever goes back to the program of before starts from its own last snapshot; the newer one stays as it is."""
    path, last = newest(folder), venue.snapshots[-1]
    with monkeypatch.context() as planted:
        newer(planted)
        FolderSnapshots(folder).put(last._replace(state=exchange.snapshot(exchange.initial_state())))
    before = path.read_bytes()
    assert started_from(venue, FolderSnapshots(folder)) == 20
    assert path.read_bytes() == before


class _Trusting:
    """A planted bug: the venue's machine, whose snapshots are read without a look at their digest."""

    initial_state = staticmethod(exchange.initial_state)

    @staticmethod
    def restored(data: bytes) -> exchange.State:
        exact = data[:48] + sha256(data[80:]).digest() + data[80:]
        return exchange.restored(exact)


def test_the_suite_finds_a_snapshot_that_is_trusted(venue: Venue, folder: Path) -> None:
    """The canary: without the digest, some turned bit passes for a state."""
    path, random = newest(folder), seeded(1)
    whole = path.read_bytes()
    found = set()
    for _ in range(200):
        path.write_bytes(flipped(whole, random.randrange(8 * 200, 8 * len(whole))))
        try:
            started_from(venue, FolderSnapshots(folder), _Trusting)
        except Exception as error:  # noqa: BLE001 - what is not a state may fail in any way
            found.add(type(error))
    assert AssertionError in found


@pytest.mark.postgres
def test_a_turned_bit_in_the_database_costs_the_snapshot_and_nothing_else(
    venue: Venue, new_schema: Callable[[], str]
) -> None:
    """The table's newest row is passed over with any bit of its chain or its state turned."""
    address, random = new_schema(), seeded(3)
    store = PostgresSnapshots(address)
    for snapshot in venue.snapshots:
        store.put(snapshot)
    assert started_from(venue, store) == venue.snapshots[-1].sequence
    last = venue.snapshots[-1]
    for _ in range(FLIPS_IN_POSTGRES):
        if random.random() < 0.5:
            store.put(last._replace(chain=flipped(last.chain, random.randrange(8 * len(last.chain)))))
        else:
            store.put(last._replace(state=flipped(last.state, random.randrange(8 * len(last.state)))))
        assert started_from(venue, store) == 20


@pytest.mark.postgres
def test_an_engine_over_postgres_starts_from_its_snapshot(new_schema: Callable[[], str]) -> None:
    """The snapshots of a journal stand beside it in its schema, and the journal opens as before."""
    address = new_schema()
    for journal in (PostgresJournal.create(address), None, None):
        store = PostgresSnapshots(address)
        with Engine(
            journal or PostgresJournal.open(address), machine=little_machine, snapshots=store, snapshot_every=5
        ) as engine:
            rows = engine.state.sequence
            engine.submit_many(order(number) for number in range(rows + 1, rows + 11))
    assert next(store.newest_first()).sequence == 30
