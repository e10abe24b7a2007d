"""The engine over a journal in memory: answers, repeats, limits, failures and recovery."""

import gc
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import msgspec
import pytest
from tests import little_machine
from tests.little_machine import State, order

from naryq.engine import NOT_KEPT, Answer, Engine, Promise
from naryq.engine.intake import AHEAD_NS
from naryq.journal.contract import Record, Step, outcome_unknown, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.messages import Code, Entry, OrderAccepted, Refusal, Refused, decode_entry, encode


def engine_over(rows: list[Record] | None = None, **options: Any) -> Engine[State]:
    return Engine(MemoryJournal(rows), machine=little_machine, **options)


def code_of(answer: Answer) -> Code | None:
    (event,) = answer.events
    return event.code if isinstance(event, Refused) else None


def test_an_answer_names_its_row_and_its_events() -> None:
    """The first command stands in row 1, and its events are what the machine decided."""
    with engine_over() as engine:
        answer = engine.submit(order(1, quantity_lots=5))
    assert (answer.sequence, answer.repeated) == (1, False)
    (event,) = answer.events
    assert isinstance(event, OrderAccepted)
    assert event.quantity_lots == 5


def test_a_refused_command_is_a_row_too() -> None:
    """A refusal by the machine is kept, so that its repeat gets the same answer."""
    with engine_over() as engine:
        refused = engine.submit(order(1, quantity_lots=5_000))
        again = engine.submit(order(1, quantity_lots=5_000))
    assert refused.sequence == 1
    assert code_of(refused) is Code.OUT_OF_RANGE
    assert again == msgspec.structs.replace(refused, repeated=True)


def test_a_command_from_the_future_is_refused_at_the_door() -> None:
    """Taken, it would make everybody else's time run backward; what lies within a minute of the clock is taken."""
    now_ns = 10**18
    with engine_over(clock=lambda: now_ns) as engine:
        ahead = msgspec.structs.replace(order(1), at_ns=now_ns + AHEAD_NS + 1)
        assert (code_of(engine.submit(ahead)), engine.state.lots) == (Code.TIME_AHEAD, 0)
        assert engine.submit(msgspec.structs.replace(order(1), at_ns=now_ns + AHEAD_NS)).sequence == 1
        assert 'naryq_commands_refused_total{code="time_ahead"} 1' in engine.metrics()


def test_without_a_clock_any_time_is_taken() -> None:
    """A rehearsal plays days that are past or to come."""
    with engine_over() as engine:
        assert engine.submit(msgspec.structs.replace(order(1), at_ns=2**62)).sequence == 1


def test_the_state_is_readable_once_a_command_is_answered() -> None:
    """Whoever has an answer finds its effect in the state, and an old state stays as it was."""
    with engine_over() as engine:
        before = engine.state
        engine.submit(order(1, quantity_lots=7))
        assert (before.lots, engine.state.lots) == (0, 7)


def test_commands_of_one_group_see_each_other() -> None:
    """Within a group each command is decided on the state that the ones before it leave."""
    with engine_over() as engine:
        answers = engine.submit_many(order(number, quantity_lots=number) for number in (1, 2, 3))
    seen = [
        event.rulebook_version for (event,) in (answer.events for answer in answers) if isinstance(event, OrderAccepted)
    ]
    assert seen == ["lots so far 0", "lots so far 1", "lots so far 3"]


def test_many_commands_keep_their_order() -> None:
    """More commands than one group holds are answered in order, in rows without a gap."""
    with engine_over(batch_limit=16, queue_limit=16) as engine:
        answers = engine.submit_many(order(number) for number in range(1, 101))
    assert [answer.sequence for answer in answers] == list(range(1, 101))


# --- One command_id, one effect -------------------------------------------------------------------------------------


def test_a_repeat_gets_the_first_answer_without_a_row() -> None:
    """The same command again changes nothing and is answered as the first time."""
    journal = MemoryJournal()
    with Engine(journal, machine=little_machine) as engine:
        first = engine.submit(order(1))
        again = engine.submit(order(1))
    assert again == msgspec.structs.replace(first, repeated=True)
    assert len(journal.rows) == 1


def test_a_repeat_within_one_group_has_one_effect() -> None:
    """The repeat may stand in the very group of the first."""
    with engine_over() as engine:
        answers = engine.submit_many([order(1), order(1), order(2), order(1)])
        assert engine.state.lots == 2
    assert [(answer.sequence, answer.repeated) for answer in answers] == [(1, False), (1, True), (2, False), (1, True)]


def test_a_repeat_after_a_restart_gets_the_first_answer() -> None:
    """What was answered before the restart is answered the same after it."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        first = engine.submit(order(1))
    with engine_over(rows) as engine:
        assert engine.submit(order(1)) == msgspec.structs.replace(first, repeated=True)


def test_a_reused_command_id_is_refused_and_not_kept() -> None:
    """A known command_id with another content is nobody's retry."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        engine.submit(order(1, quantity_lots=1))
        answer = engine.submit(order(1, quantity_lots=2))
    assert (answer.sequence, code_of(answer)) == (NOT_KEPT, Code.COMMAND_ID_REUSED)
    assert len(rows) == 1


def test_an_identifier_is_its_senders_own() -> None:
    """Whoever takes another's identifier first takes nothing from him, in one group, in two, and after a restart."""
    rows: list[Record] = []
    squatter = msgspec.structs.replace(order(1), actor="squatter")
    with engine_over(rows) as engine:
        answers = engine.submit_many([squatter, order(1), order(1), squatter])
        assert [answer.sequence for answer in answers] == [1, 2, 2, 1]
        assert [answer.repeated for answer in answers] == [False, False, True, True]
        assert engine.state.lots == 2
    with engine_over(rows) as engine:
        assert engine.submit(order(1)) == msgspec.structs.replace(answers[1], repeated=True)
        assert engine.submit(squatter) == msgspec.structs.replace(answers[0], repeated=True)
    assert len(rows) == 2


def test_the_time_makes_no_other_command() -> None:
    """A repeat is sent later than the first, and says so; it is the same command."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        first = engine.submit(order(1))
        later = msgspec.structs.replace(order(1), at_ns=order(1).at_ns + 5)
        assert engine.submit(later) == msgspec.structs.replace(first, repeated=True)
    assert len(rows) == 1


# --- All or none ----------------------------------------------------------------------------------------------------


def whole(engine: Engine[State], *orders: Any) -> list[Answer]:
    return [promise.result(10) for promise in engine.offer_many(list(orders), whole=True)]


def test_a_whole_is_taken_whole() -> None:
    """Where nothing is refused, a batch that is taken whole is like any other, and its repeat has its answers."""
    with engine_over() as engine:
        answers = whole(engine, order(1), order(2))
        assert [answer.sequence for answer in answers] == [1, 2]
        assert whole(engine, order(1), order(2)) == [
            msgspec.structs.replace(answer, repeated=True) for answer in answers
        ]
        assert engine.state.lots == 2


@pytest.mark.parametrize("wrong", [order(2, quantity_lots=5_000), order(2, price_tenge_per_tonne=-1)])
def test_a_whole_is_refused_whole(wrong: Any) -> None:
    """Where one is refused, by the machine or at the door, no row is written, and the others say whose fault it is."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        answers = whole(engine, order(1), wrong, order(3))
        assert [answer.sequence for answer in answers] == [NOT_KEPT] * 3
        codes = [code_of(answer) for answer in answers]
        assert codes[0] == codes[2] == Code.BATCH_REFUSED != codes[1]
        assert (engine.state.lots, rows) == (0, [])
        assert [answer.sequence for answer in whole(engine, order(1), order(2))] == [1, 2]


def test_a_whole_stands_among_others() -> None:
    """What is refused whole leaves what was decided before it in its commit, and what comes after it, alone."""
    with engine_over(batch_limit=4, queue_limit=100) as engine:
        first = engine.offer_many([order(1), order(2), order(3)])
        second = engine.offer_many([order(4), order(5, quantity_lots=5_000), order(6)], whole=True)
        third = engine.offer_many([order(7), order(8)], whole=True)
        sequences = [promise.result(10).sequence for promise in (*first, *second, *third)]
    assert sequences == [1, 2, 3, NOT_KEPT, NOT_KEPT, NOT_KEPT, 4, 5]


# --- What never enters ----------------------------------------------------------------------------------------------

MALFORMED = {
    "a price below zero": order(1, price_tenge_per_tonne=-1),
    "a number as text": msgspec.structs.replace(order(1), quantity_lots="1"),
    "half a surrogate pair": msgspec.structs.replace(order(1), command_id="\ud800"),
    "an event": Refused(code=Code.BUSY, what=""),
    "no command at all": object(),
}


@pytest.mark.parametrize("command", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_command_is_refused_before_the_queue(command: Any) -> None:
    """What could not be read back from the journal is never decided nor written, and the engine goes on."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        answer = engine.submit(command)
        assert (answer.sequence, code_of(answer)) == (NOT_KEPT, Code.WRONG_TYPE)
        assert engine.submit(order(2)).sequence == 1


def test_a_row_is_the_canonical_form_of_its_entry() -> None:
    """Decoding a row and encoding it again gives the same bytes: the chain covers the meaning, not a spelling."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        engine.submit(order(1))
    assert encode(decode_entry(rows[0].payload)) == rows[0].payload


def test_a_promise_can_be_waited_for_in_three_ways() -> None:
    """By its result within a time, by asking, and by a call back, which comes at once where the answer is there."""
    gate = Gate(Step.RECEIVED)
    told: list[Promise] = []
    with engine_over(at_step=gate) as engine:
        promise = engine.offer(order(1))
        promise.add_done_callback(told.append)
        with pytest.raises(TimeoutError):
            promise.result(0.001)
        assert not promise.done()
        gate.opened.set()
        answer = promise.result(30)
        promise.add_done_callback(told.append)
    assert (told, promise.done(), answer.sequence) == ([promise, promise], True, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_back_that_fails_keeps_nobody_else_waiting() -> None:
    """All of a group are called back, whatever one of the calls does; then the engine stops, as for any bug."""
    gate = Gate(Step.RECEIVED)
    told: list[Promise] = []
    with engine_over(at_step=gate) as engine:
        engine.offer(order(1)).add_done_callback(lambda _: 1 // 0)
        others = [engine.offer(order(number)) for number in (2, 3)]
        for other in others:
            other.add_done_callback(told.append)
        gate.opened.set()
        assert [other.result(30).sequence for other in others] in ([2, 3], [0, 0])
    assert sorted(map(id, told)) == sorted(map(id, others))
    assert not engine.running


# --- The queue's limit ----------------------------------------------------------------------------------------------


class Gate:
    """Holds the writer at a step until the test lets it pass."""

    def __init__(self, step: Step) -> None:
        self.step, self.reached, self.opened = step, threading.Event(), threading.Event()

    def __call__(self, step: Step) -> None:
        if step is self.step:
            self.reached.set()
            assert self.opened.wait(30)


def test_a_full_queue_refuses_at_once_and_forgets_nothing() -> None:
    """Beyond the limit the answer is `busy`, without waiting; all that was taken is answered, and a retry succeeds."""
    gate = Gate(Step.RECEIVED)
    with engine_over(queue_limit=3, batch_limit=1, at_step=gate) as engine:
        working = engine.offer(order(1))
        assert gate.reached.wait(30)
        queued = [engine.offer(order(number)) for number in (2, 3, 4)]
        busy = engine.offer(order(5))
        assert busy.done()
        assert code_of(busy.result()) is Code.BUSY
        gate.opened.set()
        assert [promise.result().sequence for promise in [working, *queued]] == [1, 2, 3, 4]
        assert engine.submit(order(5)).sequence == 5


def test_a_group_that_does_not_fit_is_refused_whole() -> None:
    """A later command of a group never gets in where an earlier one was refused."""
    gate = Gate(Step.RECEIVED)
    with engine_over(queue_limit=3, batch_limit=3, at_step=gate) as engine:
        engine.offer(order(1))
        assert gate.reached.wait(30)
        engine.offer(order(2))
        answers = engine.submit_many([order(3), order(4), order(5)])
        gate.opened.set()
        assert [code_of(answer) for answer in answers] == [Code.BUSY] * 3
        assert engine.submit(order(3)).sequence == 3


def test_a_cancelled_command_is_taken_back() -> None:
    """A future that is cancelled while its command waits leaves no row; one that has been taken cannot be cancelled."""
    gate = Gate(Step.DECIDED)
    rows: list[Record] = []
    with engine_over(rows, batch_limit=1, at_step=gate) as engine:
        taken = engine.offer(order(1))
        assert gate.reached.wait(30)
        waiting = engine.offer(order(2))
        assert waiting.cancel()
        with pytest.raises(CancelledError):
            waiting.result()
        assert not taken.cancel()
        gate.opened.set()
        assert engine.submit(order(3)).sequence == 2
    assert len(rows) == 2


# --- The end --------------------------------------------------------------------------------------------------------


def test_closing_answers_what_is_queued_and_refuses_the_rest() -> None:
    """`close` drains the queue; a command given afterwards is told that the engine has stopped."""
    gate = Gate(Step.RECEIVED)
    engine = engine_over(batch_limit=1, at_step=gate)
    promises = [engine.offer(order(number)) for number in (1, 2, 3)]
    closing = threading.Thread(target=engine.close)
    closing.start()
    gate.opened.set()
    closing.join()
    engine.close()
    assert [promise.result().sequence for promise in promises] == [1, 2, 3]
    assert code_of(engine.submit(order(4))) is Code.STOPPED
    assert not engine.running


class FailingJournal(MemoryJournal):
    """A journal whose second append is reported as failed, kept or not."""

    def __init__(self, rows: list[Record], *, keeps: bool) -> None:
        super().__init__(rows)
        self.appends, self.keeps = 0, keeps

    def append(self, payloads: Sequence[bytes]) -> Record:
        self.appends += 1
        if self.appends < 2:
            return super().append(payloads)
        if self.keeps:
            super().append(payloads)
        raise outcome_unknown("test", "the disk said no")


@pytest.mark.parametrize("keeps", [False, True])
def test_a_failed_append_is_answered_as_unknown_and_ends_the_engine(*, keeps: bool) -> None:
    """Nobody in the group is told `done` or `not done`, the state stays, and recovery and a retry tell the truth."""
    rows: list[Record] = []
    gate = Gate(Step.PUBLISHED)
    engine = Engine(FailingJournal(rows, keeps=keeps), machine=little_machine, batch_limit=2, at_step=gate)
    first = engine.offer(order(1))
    assert gate.reached.wait(30)
    in_group, queued = [engine.offer(order(number)) for number in (2, 3)], engine.offer(order(4))
    gate.opened.set()
    assert first.result().sequence == 1
    assert [code_of(promise.result()) for promise in in_group] == [Code.OUTCOME_UNKNOWN] * 2
    assert code_of(queued.result()) is Code.STOPPED
    assert engine.state.sequence == 1
    engine.close()
    with engine_over(rows) as engine:
        retried = engine.submit_many([order(number) for number in (2, 3, 4)])
        assert [(answer.sequence, answer.repeated) for answer in retried] == [(2, keeps), (3, keeps), (4, False)]
        assert engine.state.lots == 4


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_stops_the_engine_and_leaves_nobody_waiting() -> None:
    """A failed assertion in the machine ends the writer; its group is answered `unknown`, and nothing is written."""
    rows: list[Record] = []
    engine = engine_over(rows)
    answers = engine.submit_many([order(1), order(2, price_tenge_per_tonne=little_machine.BUG_PRICE)])
    assert [code_of(answer) for answer in answers] == [Code.OUTCOME_UNKNOWN] * 2
    assert code_of(engine.submit(order(3))) is Code.STOPPED
    engine.close()
    assert rows == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("slip", [{"quantity_lots": 2.5}, {"order_id": b"abc"}], ids=["unreadable", "read otherwise"])
def test_what_cannot_be_read_back_is_not_written(monkeypatch: pytest.MonkeyPatch, slip: dict[str, Any]) -> None:
    """The planted bug: an event that is no row, or would be read as another, stops the engine before it is kept."""
    rows: list[Record] = []
    decide = little_machine.decide
    with engine_over(rows) as engine:
        monkeypatch.setattr(
            little_machine, "decide", lambda *asked: (msgspec.structs.replace(decide(*asked)[0], **slip),)
        )
        assert code_of(engine.submit(order(1))) is Code.OUTCOME_UNKNOWN
    assert rows == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_view_takes_back_no_answer() -> None:
    """A view that fails ends the writer, but what was acknowledged before stays acknowledged and kept."""
    rows: list[Record] = []

    def fail(entry: Entry) -> None:
        raise ZeroDivisionError(entry)

    engine = engine_over(rows, on_entry=fail)
    assert engine.submit(order(1)).sequence == 1
    assert code_of(engine.submit(order(2))) is Code.STOPPED
    engine.close()
    assert len(rows) == 1


def test_who_comes_late_is_told_why_it_stopped() -> None:
    """A writer's process asks to be told only once the engine stands, and it may have stopped by then."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        rows.extend(rows_after(None, [b"of a rival"]))
        assert code_of(engine.submit(order(1))) is Code.JOURNAL_LOCKED
        told: list[Code] = []
        engine.tell(lambda _: None, lambda: None, lambda refusal: told.append(refusal.code))
        assert told == [Code.JOURNAL_LOCKED]
        assert engine.stopped_for is not None


def test_what_another_process_has_read_is_taken_or_turned_away_as_here() -> None:
    """Spelled commands have the answers of commands, whole or not at all where so asked; a full queue refuses all."""
    commands = [order(1), order(2), order(1), order(3, quantity_lots=5_000)]
    with engine_over() as here, engine_over() as there:
        for whole, asked in ((False, commands), (True, [order(4), order(3, quantity_lots=6_000)]), (True, [order(5)])):
            promises = there.offer_spelled([encode(command) for command in asked], 0, [Code.WRONG_TYPE], whole=whole)
            expected = here.offer_many([*asked], whole=whole)
            assert [each.result(30) for each in promises] == [each.result(30) for each in expected]
        assert 'naryq_commands_refused_total{code="wrong_type"} 3' in there.metrics()
    with engine_over(queue_limit=3, batch_limit=3) as full:
        promises = full.offer_spelled([encode(order(number)) for number in range(1, 5)], 0, (), whole=False)
        assert [code_of(each.result(30)) for each in promises] == [Code.BUSY] * 4
        assert full.state.sequence == 0
        assert 'naryq_commands_refused_total{code="busy"} 4' in full.metrics()


def test_a_rival_writer_stops_the_engine_with_a_known_outcome() -> None:
    """When somebody else has appended, the group is refused as locked: it was certainly not kept."""
    rows: list[Record] = []
    engine = engine_over(rows)
    MemoryJournal(rows).append([encode(Entry(1, order(9), ()))])
    assert code_of(engine.submit(order(1))) is Code.JOURNAL_LOCKED
    assert not engine.running
    engine.close()


# --- Recovery and views ---------------------------------------------------------------------------------------------


def test_a_reopened_engine_equals_the_running_one() -> None:
    """The state after a restart has the hash of the state before it, and its views have seen the same entries."""
    rows: list[Record] = []
    seen: list[Entry] = []
    with engine_over(rows, on_entry=seen.append) as engine:
        engine.submit_many(order(number, quantity_lots=number) for number in range(1, 1_200))
        running = little_machine.state_hash(engine.state)
    seen_again: list[Entry] = []
    with engine_over(rows, on_entry=seen_again.append) as engine:
        assert little_machine.state_hash(engine.state) == running
    assert seen_again == seen
    assert len(seen) == 1_199


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_left_as_it_was(*, was_on: bool) -> None:
    """A recovery lets the collector of cycles rest, and leaves it on or off as it found it, whatever happens."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        engine.submit(order(1))
    seen: list[bool] = []
    try:
        (gc.enable if was_on else gc.disable)()
        engine_over(rows, on_entry=lambda _: seen.append(gc.isenabled())).close()
        with pytest.raises(Refusal):
            engine_over([rows[0]._replace(payload=b"{}")])
        assert (seen, gc.isenabled()) == ([False], was_on)
    finally:
        gc.enable()


def test_a_damaged_journal_is_not_served() -> None:
    """Recovery checks the chain, so no engine starts from an altered history, and the journal is let go of."""
    rows: list[Record] = []
    with engine_over(rows) as engine:
        engine.submit_many([order(1), order(2)])
    rows[0] = rows[0]._replace(payload=rows[0].payload.replace(b"50000", b"40000"))
    journal = MemoryJournal(rows)
    with pytest.raises(Refusal) as refusal:
        Engine(journal, machine=little_machine)
    assert (refusal.value.code, refusal.value.where) == (Code.JOURNAL_DAMAGED, "sequence 1")
    with pytest.raises(Refusal, match="stopped"):
        journal.head()


def test_the_steps_come_in_order() -> None:
    """A command passes every named step once, and is acknowledged only after it was synced."""
    steps: list[Step] = []
    with Engine(MemoryJournal(at_step=steps.append), machine=little_machine, at_step=steps.append) as engine:
        engine.submit(order(1))
    assert steps == [step for step in Step if not step.startswith("snapshot")]


def test_an_answer_never_comes_before_its_row_is_durable() -> None:
    """At the step `evolved` the row is in the journal and the future still waits."""
    rows: list[Record] = []
    gate = Gate(Step.EVOLVED)
    with engine_over(rows, at_step=gate) as engine:
        promise = engine.offer(order(1))
        assert gate.reached.wait(30)
        assert (len(rows), promise.done()) == (1, False)
        gate.opened.set()
        assert promise.result().sequence == 1
