"""The engine in a process of its own: the same answers as in a thread, and the truth when the process ends."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests import little_machine
from tests.little_machine import BUG_PRICE, State, order

from naryq.engine import NOT_KEPT, Answer, Engine, EngineApart, apart
from naryq.engine.answers import keep
from naryq.journal.contract import Step
from naryq.journal.snapshots import FolderSnapshots
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.messages import AnyCommand, Code, Entry, Refusal, Refused, decode_entry

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the engine stays in a thread")


def opened(path: str, **options: Any) -> Engine[State]:
    return Engine(SqliteJournal.open(path), machine=little_machine, **options)


@contextmanager
def apart_over(path: Path, *, snapshots: FolderSnapshots | None = None, **options: Any) -> Iterator[EngineApart[State]]:
    """Open an engine apart over a file, which is made where there is none; `on_entry` and `clock` stay with us."""
    if not path.exists():
        SqliteJournal.create(str(path)).close()
    ours = {name: options.pop(name) for name in ("on_entry", "clock") if name in options}
    engine = EngineApart(
        partial(SqliteJournal.open, str(path)),
        partial(Engine, machine=little_machine, snapshots=snapshots, **options),
        partial(SqliteReader.open, str(path)),
        machine=little_machine,
        snapshots=snapshots,
        **ours,
    )
    try:
        yield engine
    finally:
        engine.close()


def answers(engine: Engine[State] | EngineApart[State], *commands: Any, whole: bool = False) -> list[Answer]:
    return [promise.result(30) for promise in engine.offer_many(list(commands), whole=whole)]


def code_of(answer: Answer) -> Code | None:
    (event,) = answer.events
    return event.code if isinstance(event, Refused) else None


SCRIPT: list[tuple[list[AnyCommand], bool]] = [
    ([order(1)], False),
    ([order(1)], False),
    ([order(1, quantity_lots=3)], False),
    ([order(2), order(2), order(3, quantity_lots=5_000), order(1)], False),
    ([order(4), order(5, quantity_lots=5_000)], True),
    ([order(4), order(6)], True),
    ([order(7, price_tenge_per_tonne=-1), order(8)], False),
    ([order(9), msgspec.structs.replace(order(10), command_id="\ud800")], True),
    ([order(number) for number in range(20, 60)], False),
    ([order(number) for number in range(50, 70)], False),
]
"""Batches and whether each is taken whole: repeats, another's identifier, refusals, what is malformed, and many."""


@pytest.mark.parametrize("batch_limit", [64, 7])
def test_it_answers_as_an_engine_in_a_thread(tmp_path: Path, batch_limit: int) -> None:
    """Every batch has the same answers, rows and state, also where it is spread over several commits."""
    seen: list[Entry] = []
    with apart_over(tmp_path / "a", batch_limit=batch_limit, on_entry=seen.append) as there:
        SqliteJournal.create(str(tmp_path / "b")).close()
        with opened(str(tmp_path / "b")) as here:
            for commands, whole in SCRIPT:
                if not whole or len(commands) <= batch_limit:
                    assert answers(there, *commands, whole=whole) == answers(here, *commands, whole=whole)
            assert there.state[:-1] == here.state[:-1]
            assert dict(there.state.commands.items()) == dict(here.state.commands.items())
    rows = [[*SqliteReader.open(str(tmp_path / name)).read()] for name in ("a", "b")]
    assert rows[0] == rows[1]
    assert [entry.sequence for entry in seen] == [row.sequence for row in rows[0]]


def test_many_batches_on_the_way(tmp_path: Path) -> None:
    """Batches that are sent without waiting are answered each with its own, in order."""
    with apart_over(tmp_path / "j", batch_limit=16) as engine:
        asked = [engine.offer_many([order(3 * number + k) for k in range(3)]) for number in range(300)]
        sequences = [promise.result(30).sequence for promises in asked for promise in promises]
    assert sequences == list(range(1, 901))


def test_a_start_folds_what_is_there(tmp_path: Path) -> None:
    """A second start has the state of the first, and the views are told each row once."""
    with apart_over(tmp_path / "j") as engine:
        answers(engine, *(order(number) for number in range(1, 31)))
        before = engine.state
    seen: list[int] = []
    with apart_over(tmp_path / "j", on_entry=lambda entry: seen.append(entry.sequence)) as engine:
        assert little_machine.state_hash(engine.state) == little_machine.state_hash(before)
        assert answers(engine, order(30))[0].repeated
        assert answers(engine, order(31))[0].sequence == 31
    assert seen == list(range(1, 32))


def test_both_start_from_a_snapshot(tmp_path: Path) -> None:
    """Snapshots are written from the writer's process, and the doors' side starts from them as well."""
    store = FolderSnapshots(tmp_path / "snapshots")
    with apart_over(tmp_path / "j", snapshots=store, snapshot_every=10, batch_limit=5) as engine:
        answers(engine, *(order(number) for number in range(1, 31)))
    newest = next(store.newest_first())
    assert newest.sequence >= 10
    with apart_over(tmp_path / "j", snapshots=store) as engine:
        assert (engine.state.sequence, engine.passed_over) == (30, ())


def test_in_a_loop_all_is_taken_there(tmp_path: Path) -> None:
    """With `deliver`, rows and answers come in the loop's own thread, rows first."""
    told: list[tuple[str, int]] = []

    async def scenario(engine: EngineApart[State]) -> None:
        loop = asyncio.get_running_loop()
        engine.deliver(loop.call_soon_threadsafe)
        future: asyncio.Future[Answer] = loop.create_future()
        (promise,) = engine.offer_many([order(1)])
        promise.add_done_callback(lambda done: future.set_result(done.result()))
        answer = await asyncio.wait_for(future, 30)
        told.append(("answer", threading.get_ident()))
        assert answer.sequence == engine.state.sequence == 1
        await asyncio.to_thread(engine.close)

    with apart_over(tmp_path / "j", on_entry=lambda _: told.append(("row", threading.get_ident()))) as engine:
        asyncio.run(scenario(engine))
    assert told == [("row", threading.get_ident()), ("answer", threading.get_ident())]


def test_the_metrics_are_the_writers(tmp_path: Path) -> None:
    """Taken, refused by the machine, and turned away at the door are counted in one place."""
    with apart_over(tmp_path / "j", clock=lambda: 0) as engine:
        late = msgspec.structs.replace(order(3), at_ns=2**62)
        answers(engine, order(1), order(2, quantity_lots=5_000), late, order(4, price_tenge_per_tonne=-1))
        text = engine.metrics()
        with ThreadPoolExecutor(4) as several:
            assert all("naryq_running 1" in told for told in several.map(lambda _: engine.metrics(), range(20)))
    for line in (
        "naryq_commands_accepted_total 1",
        'naryq_commands_refused_total{code="out_of_range"} 1',
        'naryq_commands_refused_total{code="time_ahead"} 1',
        'naryq_commands_refused_total{code="wrong_type"} 1',
    ):
        assert line in text
    assert "naryq_running 0" in engine.metrics()


def slow(step: Step) -> None:
    if step is Step.RECEIVED:
        time.sleep(0.2)


def test_a_full_queue_says_so(tmp_path: Path) -> None:
    """The queue's limit holds over the line: what is beyond is refused as busy, and what was taken is answered."""
    with apart_over(tmp_path / "j", queue_limit=3, batch_limit=1, at_step=slow) as engine:
        asked = [engine.offer_many([order(number)])[0] for number in range(1, 11)]
        codes = [code_of(promise.result(30)) for promise in asked]
        assert codes.count(Code.BUSY) + codes.count(None) == 10
        assert codes.count(None) >= 3
        assert Code.BUSY in codes
        assert 'naryq_commands_refused_total{code="busy"}' in engine.metrics()


def test_closing_answers_what_is_under_way(tmp_path: Path) -> None:
    """`close` waits for all that was asked; what is asked afterwards is told that the engine has stopped."""
    with apart_over(tmp_path / "j", batch_limit=1, at_step=slow) as engine:
        asked = [engine.offer_many([order(number)])[0] for number in (1, 2, 3)]
        engine.close()
        assert [promise.result(0).sequence for promise in asked] == [1, 2, 3]
        assert not engine.running
        assert code_of(answers(engine, order(4))[0]) is Code.STOPPED


def killed(step: Step) -> None:
    if step is Step.SYNCED:
        os.kill(os.getpid(), signal.SIGKILL)


def frozen(step: Step) -> None:
    if step is Step.RECEIVED:
        time.sleep(3_600)


def test_a_writer_that_is_killed_leaves_an_unknown_outcome(tmp_path: Path) -> None:
    """Whoever waits is told that nobody knows; here the row is there, and a retry finds it."""
    with apart_over(tmp_path / "j", at_step=killed) as engine:
        assert code_of(answers(engine, order(1))[0]) is Code.OUTCOME_UNKNOWN
        assert not engine.running
        assert code_of(answers(engine, order(2))[0]) is Code.STOPPED
    with apart_over(tmp_path / "j") as engine:
        assert answers(engine, order(1))[0].repeated


def test_nobody_waits_for_the_metrics_of_a_writer_that_is_gone(tmp_path: Path) -> None:
    """All who had asked when the process ended are told that it is gone, not only the first."""
    with apart_over(tmp_path / "j", at_step=killed) as engine:
        answers(engine, order(1))
        engine._listener.join(30)
        engine._running = True  # As they had found it when they asked.
        with ThreadPoolExecutor(3) as several:
            asked = [several.submit(engine.metrics) for _ in range(3)]
            assert ["naryq_running 0" in each.result(10) for each in asked] == [True] * 3


def test_a_bug_in_the_writer_ends_it(tmp_path: Path) -> None:
    """A command that breaks the machine is unknown, and the engine says that it has stopped."""
    with apart_over(tmp_path / "j") as engine:
        assert code_of(answers(engine, order(1, price_tenge_per_tonne=BUG_PRICE))[0]) is Code.OUTCOME_UNKNOWN
        assert not engine.running


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_view_that_breaks_ends_it(tmp_path: Path) -> None:
    """Where the doors cannot follow the writer, nobody is told anything but that, and nothing more is taken."""
    with apart_over(tmp_path / "j", on_entry=lambda entry: 1 // (2 - entry.sequence)) as engine:
        assert answers(engine, order(1))[0].sequence == 1
        assert code_of(answers(engine, order(2))[0]) is Code.OUTCOME_UNKNOWN
        assert not engine.running
    with apart_over(tmp_path / "j") as engine:
        assert answers(engine, order(2))[0].repeated


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_a_break_nothing_more_is_followed(tmp_path: Path) -> None:
    """Rows that were under way when a view broke reach no view: the one that broke would be missing before them."""
    seen: list[int] = []

    def see(entry: Entry) -> None:
        seen.append(entry.sequence)
        assert entry.sequence != 2

    with apart_over(tmp_path / "j", on_entry=see, batch_limit=1, at_step=slow) as engine:
        asked = [engine.offer_many([order(number)])[0] for number in (1, 2, 3, 4)]
        assert [code_of(promise.result(30)) for promise in asked] == [None, *[Code.OUTCOME_UNKNOWN] * 3]
    assert seen == [1, 2]
    with apart_over(tmp_path / "j") as engine:
        assert [answer.repeated for answer in answers(engine, *map(order, (1, 2, 3, 4)))] == [True] * 4


def test_where_no_process_can_be_made_there_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without room for the writer's process refuses the start, and the journal stays free."""
    monkeypatch.setattr(apart, "forked", lambda *_, **__: None)
    with pytest.raises(Refusal, match="no process could be made") as refused, apart_over(tmp_path / "j"):
        raise AssertionError
    assert refused.value.code is Code.STOPPED
    monkeypatch.undo()
    with apart_over(tmp_path / "j") as engine:
        assert answers(engine, order(1))[0].sequence == 1


def test_a_journal_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """The refusal of the other process is ours, and no process is left."""
    with apart_over(tmp_path / "j"), pytest.raises(Refusal) as refused, apart_over(tmp_path / "j"):
        raise AssertionError
    assert refused.value.code is Code.JOURNAL_LOCKED


def test_a_writer_that_dies_while_it_opens_is_refused(tmp_path: Path) -> None:
    """A process that ends without a word is no engine."""
    SqliteJournal.create(str(tmp_path / "j")).close()

    def dies(_: object = None) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    path = str(tmp_path / "j")
    reader, journal = partial(SqliteReader.open, path), partial(SqliteJournal.open, path)
    for open_journal, open_engine in ((dies, Engine), (journal, dies)):
        with pytest.raises(Refusal) as refused:
            EngineApart(open_journal, open_engine, reader, machine=little_machine)
        assert refused.value.code is Code.STOPPED


def test_signals_to_all_leave_the_writer_at_work(tmp_path: Path) -> None:
    """Ctrl-C reaches every process of a terminal; the writer ends when the doors do."""
    with apart_over(tmp_path / "j") as engine:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(engine._process, number)
        assert answers(engine, order(1))[0].sequence == 1


# --- Planted bugs -----------------------------------------------------------------------------------------------------


def _answers_without_rows(_: type) -> Callable[..., None]:
    def take(self: Any, told: Any) -> None:
        for answered in told.answered:
            keep(self._lock, self._asked.pop(answered.number), [Answer(NOT_KEPT, ())] * len(answered.answers))
        for entry in map(decode_entry, told.rows):
            self._fold(entry)

    return take


def _nobody_is_told(_: type) -> Callable[..., None]:
    def end(self: Any) -> None:
        self._running = False

    return end


def _row_forgotten(engine: type) -> Callable[..., None]:
    original = engine._fold  # type: ignore[attr-defined]

    def fold(self: Any, entry: Entry) -> None:
        if entry.sequence != 3:
            original(self, entry)

    return fold


PLANTED = {
    "an answer without its row": (
        "_fold_and_answer",
        _answers_without_rows,
        test_it_answers_as_an_engine_in_a_thread,
        64,
    ),
    "nobody is told of the end": (
        "_end",
        _nobody_is_told,
        test_a_writer_that_is_killed_leaves_an_unknown_outcome,
        None,
    ),
    "a row is not folded": ("_fold", _row_forgotten, test_it_answers_as_an_engine_in_a_thread, 64),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("name", PLANTED)
def test_planted_bugs_are_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these bugs makes the test fail that is there for it."""
    method, plant, test, argument = PLANTED[name]
    monkeypatch.setattr(EngineApart, method, plant(EngineApart))
    monkeypatch.setattr(sys.modules[__name__], "answers", _impatient)
    with pytest.raises((AssertionError, TimeoutError, KeyError)):
        test(tmp_path, *(() if argument is None else (argument,)))  # type: ignore[operator]


def _impatient(engine: EngineApart[State], *commands: Any, whole: bool = False) -> list[Answer]:
    return [promise.result(1) for promise in engine.offer_many(list(commands), whole=whole)]
