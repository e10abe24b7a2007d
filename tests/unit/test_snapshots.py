"""Snapshots: the venue's state as bytes and back, and starting an engine from one."""

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import little_machine
from tests.little_machine import order
from tests.random_commands import RULEBOOKS, ready
from tests.trading_samples import toured

from naryq import exchange
from naryq.engine import Engine
from naryq.engine import snapshots as engine_snapshots
from naryq.exchange import snapshots
from naryq.exchange.snapshots import schema_digest
from naryq.journal.contract import Step
from naryq.journal.memory import MemoryJournal
from naryq.journal.snapshots import FolderSnapshots, MemorySnapshots, Snapshot
from naryq.maps import Map
from naryq.messages import Code, Entry, Fill, OrderAccepted, Refusal


class Inner(msgspec.Struct, frozen=True):
    """A struct within a struct."""

    fills: tuple[Fill, ...]
    path: tuple[int, ...]
    seen: Map[int, Fill]
    last: Map[tuple[str, int], tuple[Fill, ...]] | None = None


class Outer(msgspec.Struct, frozen=True):
    """Everything that a state may be made of."""

    number: int
    inner: Inner
    each: tuple[Inner, ...]
    two: tuple[Inner, int]
    by_name: Map[str, Inner]
    order: OrderAccepted | None = None


def everything() -> Outer:
    fills = (Fill("a", 1), Fill("b", 2))
    inner = Inner(fills, (3, 1, 2), Map({7: Fill("d", 4)}), Map({("a", 1): (Fill("c", 3),)}))
    empty = Inner((), (), Map())
    return Outer(7, inner, (empty, inner), (inner, 5), Map({f"n{number}": inner for number in range(2_500)}))


def read_back(value: Any) -> Any:
    kind: Any = type(value)
    codec = snapshots._codec(kind)
    return codec.built(msgspec.msgpack.decode(msgspec.msgpack.encode(codec.plain(value))))


def test_every_kind_of_value_comes_back() -> None:
    """Structs, tuples, maps and what is missing come back equal, in their order, of their type."""
    value = everything()
    back = read_back(value)
    assert back == value
    assert (back.inner.fills, back.inner.path) == ((Fill("a", 1), Fill("b", 2)), (3, 1, 2))
    assert type(back.two) is tuple
    assert type(next(iter(back.by_name.values()))) is Inner


def test_no_state_holds_what_cannot_come_back() -> None:
    """A field of a kind that no state may hold is refused by an assertion when its codec is made."""
    with pytest.raises(AssertionError, match="no state may hold"):
        snapshots._codec(Map[str, int] | Map[str, str])


@pytest.mark.parametrize("text", RULEBOOKS, ids=lambda text: text.name)
def test_a_state_comes_back_whole(text: Any) -> None:
    """The state that a snapshot is restored to is equal and has the same hash."""
    state = ready(text).state
    back = exchange.restored(exchange.snapshot(state))
    assert back == state
    assert exchange.state_hash(back) == exchange.state_hash(state)


def test_an_account_beyond_64_bits_is_kept_as_well() -> None:
    """Orders beyond all sense may sum up to more than 64 bits; the snapshot holds it, exactly, and all the rest."""
    state = toured().state
    for amount in (2**63 - 1, 2**64, -(2**63) - 1, 10**40):
        balances = state.balances.insert(("participant:aktau", "tiyn"), amount)
        large = msgspec.structs.replace(state, balances=balances)
        again = exchange.restored(exchange.snapshot(large))
        assert again == large
        assert exchange.state_hash(again) == exchange.state_hash(large)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda data: data[:0],
    "cut off": lambda data: data[:-1],
    "a turned bit": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "another mark": lambda data: b"x" + data[1:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_snapshot_is_refused(damage: Callable[[bytes], bytes]) -> None:
    """What is not the whole snapshot is unreadable."""
    with pytest.raises(Refusal) as refusal:
        exchange.restored(damage(exchange.snapshot(exchange.initial_state())))
    assert refusal.value.code is Code.UNREADABLE


def test_a_snapshot_of_another_shape_is_refused() -> None:
    """Every name and type of a field counts, at any depth; a snapshot of another schema is not misread."""
    data = exchange.snapshot(exchange.initial_state())
    other = data.replace(snapshots._made_by(), schema_digest(Outer))
    with pytest.raises(Refusal) as refusal:
        exchange.restored(other)
    assert refusal.value.code is Code.NOT_SUPPORTED
    added = msgspec.defstruct("Fill", [("order_id", str), ("quantity_lots", int), ("more", int)])
    digests = {schema_digest(kind) for kind in (Fill, added, Inner, Outer)}
    assert len(digests) == 4


# --- An engine that starts from one ---------------------------------------------------------------------------------


class CountingMachine:
    """The little machine, which counts the rows that it applies and the snapshots that it reads."""

    def __init__(self) -> None:
        self.applied: list[int] = []
        for name in ("initial_state", "decide_and_fold", "seal", "sequence_of", "state_hash", "snapshot", "restored"):
            setattr(self, name, getattr(little_machine, name))

    def apply(self, state: little_machine.State, entry: Entry) -> little_machine.State:
        self.applied.append(entry.sequence)
        return little_machine.apply(state, entry)


def venue(journal: MemoryJournal, store: MemorySnapshots, **options: Any) -> Engine[little_machine.State]:
    return Engine(journal, **{"machine": little_machine, "snapshots": store, "snapshot_every": 10, **options})


@pytest.fixture
def lived() -> tuple[MemoryJournal, MemorySnapshots]:
    """Return a journal of 35 rows in groups of seven, and the snapshots that were taken on the way."""
    journal, store = MemoryJournal(), MemorySnapshots()
    with venue(journal, store, batch_limit=7) as engine:
        engine.submit_many(order(number, quantity_lots=number) for number in range(1, 36))
        assert engine._keeper is not None
        engine._keeper.close()
        store.put(Snapshot(28, journal.rows[27].chain, little_machine.snapshot(replayed(journal, 28))))
    return MemoryJournal(journal.rows), store


def replayed(journal: MemoryJournal, rows: int) -> little_machine.State:
    with Engine(MemoryJournal(journal.rows[:rows]), machine=little_machine) as engine:
        return engine.state


def applied_at_start(journal: MemoryJournal, store: MemorySnapshots, **options: Any) -> list[int]:
    """Start an engine, compare its state with the whole replay, and return the rows that it applied."""
    machine: Any = CountingMachine()
    with venue(journal, store, machine=machine, **options) as engine:
        assert engine.state == replayed(MemoryJournal(journal.rows), len(journal.rows))
        assert engine.submit(order(3, quantity_lots=3)).sequence == 3, "a repeat finds its row behind the snapshot"
    applied: list[int] = machine.applied
    return applied


def test_snapshots_are_taken_on_the_way(lived: tuple[MemoryJournal, MemorySnapshots]) -> None:
    """A snapshot has the number and chain of a row at the end of a group, and at most two are kept beside ours."""
    journal, store = lived
    taken = set(store.kept) - {28}
    assert 1 <= len(taken) <= 2
    assert all(
        sequence % 7 == 0 and store.kept[sequence].chain == journal.rows[sequence - 1].chain for sequence in taken
    )


def test_a_start_applies_only_the_tail(lived: tuple[MemoryJournal, MemorySnapshots]) -> None:
    """With a snapshot after row 28, seven rows are applied, and the state is that of the whole replay."""
    journal, store = lived
    assert applied_at_start(journal, MemorySnapshots()) == list(range(1, 36))
    store.kept = {28: store.kept[28]}
    assert applied_at_start(MemoryJournal(journal.rows), store) == list(range(29, 36))


def test_after_an_older_copy_was_restored_snapshots_are_kept_again(
    lived: tuple[MemoryJournal, MemorySnapshots],
) -> None:
    """Those of the rows that were lost outnumber the ones that are taken now, and must not push them out."""
    journal, store = lived
    for sequence in (33, 35):
        store.kept[sequence] = Snapshot(sequence, journal.rows[sequence - 1].chain, b"of the rows that are lost")
    restored = MemoryJournal(journal.rows[:5])
    with venue(restored, store, batch_limit=7) as engine:
        engine.submit_many(order(number, quantity_lots=1) for number in range(100, 114))
        engine.close()
        (taken,) = re.findall(r"naryq_snapshot_sequence (\d+)\n", engine.metrics())
    assert int(taken) in store.kept, "the metrics tell of a snapshot that is not there"
    assert {33, 35} <= set(store.kept)
    assert applied_at_start(MemoryJournal(restored.rows), store) == list(range(int(taken) + 1, len(restored.rows) + 1))


def test_views_are_told_everything(lived: tuple[MemoryJournal, MemorySnapshots]) -> None:
    """Views have no snapshot, so they see every row, while the state is built from the tail."""
    journal, store = lived
    store.kept, seen = {28: store.kept[28]}, list[Entry]()
    assert applied_at_start(journal, store, on_entry=seen.append) == list(range(29, 36))
    assert [entry.sequence for entry in seen] == list(range(1, 36))


UNFIT: dict[str, Callable[[Snapshot], Snapshot]] = {
    "of another history": lambda found: found._replace(chain=bytes(32)),
    "of rows that were lost": lambda found: found._replace(sequence=36),
    "damaged": lambda found: found._replace(state=b"{"),
}


@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_an_unfit_snapshot_is_passed_over(
    lived: tuple[MemoryJournal, MemorySnapshots], change: Callable[[Snapshot], Snapshot]
) -> None:
    """The next older one is used, or the journal alone."""
    journal, store = lived
    good, bad = store.kept[28], change(store.kept[28]._replace(sequence=29))
    older = Snapshot(14, journal.rows[13].chain, little_machine.snapshot(replayed(journal, 14)))
    store.kept = {bad.sequence: bad}
    assert applied_at_start(journal, store) == list(range(1, 36))
    store.kept = {bad.sequence: bad, 14: older}
    assert applied_at_start(MemoryJournal(journal.rows), store) == list(range(15, 36))
    assert good.sequence == 28


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [OSError, AssertionError], ids=["a full disk", "a bug"])
def test_a_store_that_fails_is_counted_and_harms_nobody(error: type[Exception]) -> None:
    """Whatever keeps a snapshot from being kept costs a snapshot and no command."""

    class Full(MemorySnapshots):
        def put(self, snapshot: Snapshot) -> None:
            raise error(f"no space left for row {snapshot.sequence}")

    with venue(MemoryJournal(), Full(), batch_limit=10) as engine:
        answers = engine.submit_many(order(number) for number in range(1, 31))
        engine.close()
        assert [answer.sequence for answer in answers] == list(range(1, 31))
        assert "naryq_snapshot_failures_total 0" not in engine.metrics()
        assert "naryq_snapshot_sequence 0" in engine.metrics()


def test_a_field_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: a snapshot without the balances gives another state, and the comparison sees it."""
    state = ready(RULEBOOKS[0]).state
    assert len(state.balances)
    left_out = msgspec.structs.replace(state, balances=Map())
    monkeypatch.setattr(exchange, "snapshot", lambda _: snapshots.snapshot(left_out))
    back = exchange.restored(exchange.snapshot(state))
    assert back != state
    assert exchange.state_hash(back) != exchange.state_hash(state)


# --- A process of its own -------------------------------------------------------------------------------------------


def over_folder(folder: Path, **options: Any) -> Engine[little_machine.State]:
    store = FolderSnapshots(folder, **options)
    return Engine(MemoryJournal(), machine=little_machine, snapshots=store, snapshot_every=10, batch_limit=10)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread takes the snapshot")
def test_a_process_takes_the_snapshot(tmp_path: Path) -> None:
    """The snapshot is written by another process, which has no file of the venue's, and it is that of its row."""
    with (tmp_path / "mine").open("wb") as mine:

        def note(step: Step) -> None:
            if step is Step.SNAPSHOT_WRITTEN:
                has_it = Path(f"/proc/self/fd/{mine.fileno()}").exists()
                (tmp_path / "told").write_text(f"{os.getpid()} {has_it}")

        with over_folder(tmp_path / "snapshots", at_step=note) as engine:
            engine.submit_many(order(number) for number in range(1, 11))
            engine.close()
            assert "naryq_snapshot_sequence 10\n" in engine.metrics()
    (kept,) = FolderSnapshots(tmp_path / "snapshots").newest_first()
    assert little_machine.restored(kept.state) == engine.state
    process, has_it = (tmp_path / "told").read_text().split()
    assert int(process) != os.getpid()
    assert has_it == "False"


def killed(_: Step) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def full(_: Step) -> None:
    raise OSError(28, "no space left")


def in_error(_: Step) -> None:
    raise AssertionError("a bug")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread takes the snapshot")
@pytest.mark.parametrize("end", [killed, full, in_error])
def test_a_process_that_fails_is_counted_and_harms_nobody(tmp_path: Path, end: Callable[[Step], None]) -> None:
    """A process that is killed, has no room, or fails otherwise costs a snapshot and no command."""
    with over_folder(tmp_path / "snapshots", at_step=end) as engine:
        answers = engine.submit_many(order(number) for number in range(1, 31))
        engine.close()
        assert [answer.sequence for answer in answers] == list(range(1, 31))
        assert "naryq_snapshot_failures_total 0" not in engine.metrics()
        assert "naryq_snapshot_sequence 0\n" in engine.metrics()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread takes the snapshot")
def test_a_process_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that never ends is ended after the patience, and counted."""
    monkeypatch.setattr(engine_snapshots, "PATIENCE_SECONDS", 0.2)
    with over_folder(tmp_path / "snapshots", at_step=lambda _: time.sleep(60)) as engine:
        engine.submit_many(order(number) for number in range(1, 11))
        engine.close()
        assert "naryq_snapshot_failures_total 1\n" in engine.metrics()


def test_where_no_process_can_be_made_a_thread_takes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no room for a process, or is not Linux, costs no snapshot."""
    monkeypatch.setattr(engine_snapshots, "forked", lambda _: None)
    with over_folder(tmp_path / "snapshots") as engine:
        engine.submit_many(order(number) for number in range(1, 11))
        engine.close()
        assert "naryq_snapshot_sequence 10\n" in engine.metrics()


def test_what_is_passed_over_is_told(
    lived: tuple[MemoryJournal, MemorySnapshots], caplog: pytest.LogCaptureFixture
) -> None:
    """The metrics count the snapshots that a start could not use, and the log says which and why."""
    journal, store = lived
    store.kept = {
        28: store.kept[28],
        30: Snapshot(30, journal.rows[29].chain, b"{"),
        31: Snapshot(31, bytes(32), store.kept[28].state),
    }
    with venue(journal, store) as engine:
        assert "naryq_snapshots_passed_over 2\n" in engine.metrics()
        assert [words.split(" is passed")[0] for words in engine.passed_over] == [
            "the snapshot of row 31",
            "the snapshot of row 30",
        ]
    assert [record.message for record in caplog.records] == list(engine.passed_over)
    assert "the journal has no such row" in caplog.text
