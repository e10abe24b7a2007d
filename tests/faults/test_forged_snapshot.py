"""A snapshot that somebody has forged under the right chain: the venue finds out, stops, and says what to do."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.faults.test_serve import serving, stopped
from tests.faults.worker import opened_at_last
from tests.money_samples import agreed

from naryq import exchange
from naryq.engine import Engine, EngineApart, SnapshotCheck, snapshot_check
from naryq.engine.snapshot_check import Finding, leads_to
from naryq.exchange import State
from naryq.journal import named
from naryq.journal.contract import Record, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.journal.snapshots import Snapshot
from naryq.messages import Code, Deposit, Refusal, Refused, encode

POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)
PATIENCE_SECONDS = 120
GAIN = 10**9


def forged(snapshot: Snapshot) -> Snapshot:
    """Give a seller ten million tenge that the bank seems to hold: the chain, the digests and all sums are right."""
    state = exchange.restored(snapshot.state)
    balances = state.balances
    for account, gain in (("cash:zhanaozen", GAIN), ("bank", -GAIN)):
        balances = balances.insert((account, "tiyn"), balances[account, "tiyn"] + gain)
    return snapshot._replace(state=exchange.snapshot(msgspec.structs.replace(state, balances=balances)))


def honest(snapshot: Snapshot) -> Snapshot:
    return snapshot


Change = Callable[[Snapshot], Snapshot]


@pytest.fixture(params=["sqlite", POSTGRES])
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of a journal that is yet to be made."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("tmp_path") / "venue.journal")
    address: str = request.getfixturevalue("new_schema")()
    return address


def made(name: str, change: Change) -> str:
    """Make a journal with a deal, and a snapshot of all but its last rows, which is forged or not."""
    rows = agreed().desk.rows
    records = rows_after(None, [encode(row) for row in rows])
    named.create(name, records).close()
    state = exchange.initial_state()
    for row in rows[:-2]:
        state = exchange.apply(state, row)
    named.snapshots(name).put(change(Snapshot(len(rows) - 2, records[-3].chain, exchange.snapshot(state))))
    return name


def in_a_thread(name: str, check: SnapshotCheck) -> Engine[State]:
    return Engine(opened_at_last(name), snapshots=named.snapshots(name), snapshot_check=check)


def apart(name: str, check: SnapshotCheck) -> EngineApart[State]:
    snapshots = named.snapshots(name)
    return EngineApart(
        partial(opened_at_last, name),
        partial(Engine, snapshots=snapshots, snapshot_check=check),
        partial(named.reader, name),
        snapshots=snapshots,
    )


BOTH = pytest.mark.parametrize("opened", [in_a_thread, apart])


@contextmanager
def started(opened: Any, name: str, check: SnapshotCheck) -> Iterator[Any]:
    engine = opened(name, check)
    try:
        yield engine
    finally:
        engine.close()


def awaited(told: Callable[[], bool]) -> None:
    given_up = time.monotonic() + PATIENCE_SECONDS
    while not told():
        assert time.monotonic() < given_up, "it never came"
        time.sleep(0.02)


def deposit(engine: Any) -> Any:
    at_ns = engine.state.at_ns
    return engine.submit(Deposit("late", "operator", at_ns, "aktau", 1, "late")).events[0]


@BOTH
def test_an_honest_snapshot_is_checked_while_the_venue_works(name: str, opened: Any) -> None:
    """Commands are taken at once, and the metrics say when the check is over."""
    with started(opened, made(name, honest), SnapshotCheck(name)) as engine:
        assert not isinstance(deposit(engine), Refused)
        awaited(lambda: f"naryq_snapshot_check {Finding.AGREES}\n" in engine.metrics())
        assert engine.running
        assert engine.stopped_for is None


@BOTH
def test_a_forged_snapshot_stops_the_venue(name: str, opened: Any) -> None:
    """It begins with the forger's money, finds out, takes nothing more, and says why; without snapshots it is sound."""
    believed = None
    try:
        with started(opened, made(name, forged), SnapshotCheck(name)) as engine:
            awaited(lambda: not engine.running)
            assert deposit(engine).code in {Code.STOPPED, Code.OUTCOME_UNKNOWN}
            believed, reason = engine.state.balances["cash:zhanaozen", "tiyn"], engine.stopped_for
    except Refusal as refusal:  # On a busy machine the check may be over before the doors have recovered.
        assert opened is apart
        reason = refusal
    assert reason.code == Code.SNAPSHOT_DIFFERS
    named.snapshots(name).prune(0, 10**6)
    with started(opened, name, SnapshotCheck(name)) as engine:
        assert believed in {None, engine.state.balances["cash:zhanaozen", "tiyn"] + GAIN}
        assert f"naryq_snapshot_check {Finding.NOTHING_TO_CHECK}\n" in engine.metrics()


@BOTH
def test_a_start_that_waits_takes_nothing_on_a_forged_snapshot(name: str, opened: Any) -> None:
    """With `first` it does not start at all, and lets go of the journal."""
    made(name, forged)
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            opened(name, SnapshotCheck(name, first=True))
        assert refused.value.code == Code.SNAPSHOT_DIFFERS


@BOTH
def test_a_start_that_waits_begins_with_an_honest_one(name: str, opened: Any) -> None:
    """With `first` the check is over when the venue stands."""
    with started(opened, made(name, honest), SnapshotCheck(name, first=True)) as engine:
        assert f"naryq_snapshot_check {Finding.AGREES}\n" in engine.metrics()
        assert not isinstance(deposit(engine), Refused)


# --- A check that gives no answer -----------------------------------------------------------------------------------

FOR_EVER = ("/bin/sh", "-c", "sleep 3600")


def kill(check: SnapshotCheck) -> None:
    """Kill the process that checks, as the system does for want of memory."""
    awaited(lambda: check._process is not None)
    assert check._process is not None
    check._process.kill()


def test_a_check_that_is_killed_is_told_of_and_stops_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The venue goes on, the metrics stay at `not checked`, and the log says as an error why, and what to do."""
    monkeypatch.setattr(snapshot_check, "COMMAND", FOR_EVER)
    check = SnapshotCheck(made(name, forged))
    with started(in_a_thread, name, check) as engine:
        kill(check)
        awaited(lambda: f"naryq_snapshot_check {Finding.NOT_CHECKED}\n" in engine.metrics())
        assert engine.running
        assert not isinstance(deposit(engine), Refused)
    (told,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "could not be checked against the journal (its process was ended by signal 9)" in told.message
    assert "naryq journal verify" in told.message


@BOTH
def test_a_start_that_waits_takes_nothing_unchecked(name: str, monkeypatch: pytest.MonkeyPatch, opened: Any) -> None:
    """With `first` a check that gives no answer refuses the start, and the next start has the journal."""
    made(name, forged)
    with monkeypatch.context() as planted:
        planted.setattr(snapshot_check, "COMMAND", ("/bin/sh", "-c", "kill -9 $$"))
        with pytest.raises(Refusal, match="ended by signal 9") as refused:
            opened(name, SnapshotCheck(name, first=True))
    assert refused.value.code == Code.STOPPED
    with pytest.raises(Refusal) as refused:
        opened(name, SnapshotCheck(name, first=True))
    assert refused.value.code == Code.SNAPSHOT_DIFFERS


def test_where_no_process_can_be_made_the_venue_goes_on(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine without room for a process takes down no venue that does not wait for the answer."""
    monkeypatch.setattr(snapshot_check, "COMMAND", (f"{os.devnull}/no-such-program",))
    made(name, honest)
    with started(in_a_thread, name, SnapshotCheck(name)) as engine:
        awaited(lambda: f"naryq_snapshot_check {Finding.NOT_CHECKED}\n" in engine.metrics())
        assert engine.running
    assert "no process could be made for it" in caplog.text
    with pytest.raises(Refusal, match="no process could be made for it"):
        in_a_thread(name, SnapshotCheck(name, first=True))


@pytest.mark.postgres
def test_a_server_that_the_check_cannot_reach_is_told_of_without_its_secret(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read says nothing of the snapshot; the process says what it is, and the venue goes on."""
    made(name, forged)
    with started(in_a_thread, name, SnapshotCheck("postgresql://naryq:secret@127.0.0.1:1/venue")) as engine:
        awaited(lambda: f"naryq_snapshot_check {Finding.NOT_CHECKED}\n" in engine.metrics())
        assert engine.running
    told = capfd.readouterr().err
    assert "unreadable: postgresql://127.0.0.1:1/venue" in told
    assert "secret" not in told


def test_a_venue_that_closes_ends_the_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing does not wait until a long check is over."""
    monkeypatch.setattr(snapshot_check, "COMMAND", FOR_EVER)
    begun = time.monotonic()
    with started(in_a_thread, made(name, honest), SnapshotCheck(name)) as engine:
        assert f"naryq_snapshot_check {Finding.BEING_CHECKED}\n" in engine.metrics()
    assert time.monotonic() - begun < PATIENCE_SECONDS


def test_a_check_that_was_closed_before_it_began_makes_no_process(name: str) -> None:
    """A venue that is closed at once leaves nothing behind that reads its journal."""
    check = SnapshotCheck(made(name, forged))
    check.close()
    check.begin(next(named.snapshots(name).newest_first()), lambda _: None)
    assert check._thread is not None
    check._thread.join()
    assert check._process is None


# --- The served venue -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "exit_code"), [(honest, 0), (forged, 2)])
def test_the_served_venue_tells_its_operator(tmp_path: Path, name: str, change: Change, exit_code: int) -> None:
    """`naryq serve` says in its log that the check goes on and how it ends, and stops with the code and the remedy."""
    where = f'[venue]\njournal = "{made(name, change)}"\nlog-level = "info"\n'
    settings = f"{where}[web]\nport = 0\n[fix]\nruns = false\n[keeper]\nruns = false\n"
    (tmp_path / "venue.toml").write_text(settings, encoding="utf-8")
    with serving("--config", "venue.toml", cwd=tmp_path) as venue:
        assert venue.process.stdout is not None
        said = venue.printed
        for line in venue.process.stdout:
            said += line
            if "is checked" in line:
                break
        assert "is being checked against the journal" in said
        code, rest = stopped(venue) if change is honest else (venue.process.wait(PATIENCE_SECONDS), "")
    assert code == exit_code, said + rest
    assert ("snapshot_differs: snapshot: the journal alone does not lead" in said) == (change is forged)


# --- The comparison itself ----------------------------------------------------------------------------------------


def rows_and_snapshot() -> tuple[list[Record], Snapshot]:
    rows = agreed().desk.rows
    state = exchange.initial_state()
    for row in rows:
        state = exchange.apply(state, row)
    records = rows_after(None, [encode(row) for row in rows])
    return list(records), Snapshot(len(rows), records[-1].chain, exchange.snapshot(state))


def misjudged(check: Any) -> list[str]:
    """Return which of an honest snapshot, a forged one, and one of a damaged journal a check takes for the other."""
    rows, snapshot = rows_and_snapshot()
    damaged = [rows[0], rows[2], *rows[2:]]
    found = {
        "honest": not check(MemoryJournal(rows), exchange, snapshot),
        "forged": check(MemoryJournal(rows), exchange, forged(snapshot)),
        "of a damaged journal": check(MemoryJournal(damaged), exchange, snapshot),
    }
    return [name for name, wrong in found.items() if wrong]


def by_chain_alone(journal: Any, _: Any, snapshot: Snapshot) -> bool:
    """Planted: look at the chain of the row, as a start does, and not at the state."""
    last = None
    with suppress(Refusal):
        last = [row.chain for row in journal.read()][-1]
    return last == snapshot.chain


def test_the_check_tells_them_apart() -> None:
    """The journal leads to the honest snapshot, not to the forged one; a damaged journal leads to none."""
    assert misjudged(leads_to) == []


def test_a_check_of_the_chain_alone_is_caught() -> None:
    """A check that believes what a start believes lets the forged snapshot pass, and this suite says so."""
    assert "forged" in misjudged(by_chain_alone)


class GoneAfter(MemoryJournal):
    """A journal whose server is gone after some rows."""

    def read(self, after: int = 0) -> Iterator[Record]:
        yield from list(super().read(after))[:5]
        raise Refusal(Code.UNREADABLE, "the server can no longer be asked", where="journal")


def test_a_server_that_goes_amid_a_check_is_no_difference() -> None:
    """A journal that cannot be read to its end says nothing of a snapshot: no venue may be stopped for it."""
    rows, snapshot = rows_and_snapshot()
    with pytest.raises(Refusal) as refused:
        leads_to(GoneAfter(rows), exchange, snapshot)
    assert refused.value.code is Code.UNREADABLE


def test_a_check_ends_with_its_venue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the venue is killed, nobody waits for the answer, and the process goes no further through the journal."""
    rows, snapshot = rows_and_snapshot()
    read: list[int] = []

    class Watched(MemoryJournal):
        def read(self, after: int = 0) -> Iterator[Record]:
            for row in super().read(after):
                read.append(row.sequence)
                yield row

    parents = iter([7, 7, 1])
    monkeypatch.setattr(snapshot_check, "ROWS_A_LOOK", 4)
    monkeypatch.setattr("os.getppid", lambda: next(parents))
    with pytest.raises(SystemExit):
        leads_to(Watched(rows), exchange, snapshot)
    assert read == list(range(1, 9))
