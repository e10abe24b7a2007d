"""The one writer: it takes commands, decides them, makes them durable in groups, and only then answers.

    received -> decided -> appended -> synced -> evolved -> acknowledged -> published

Nothing is acknowledged that is not durable. Recovery is the same path without the deciding: every row is decoded and
applied, whether it was written a moment ago or last year. When it is unknown whether a group was kept, everybody in
it is told so and the engine stops; a new engine over the reopened journal knows, and a retry with the same command_id
takes effect once.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from itertools import islice
from types import TracebackType
from typing import Final, Generic, NamedTuple, Self

import msgspec

from naryq import exchange
from naryq.journal.contract import AtStep, Journal, Step, pass_by
from naryq.journal.verify import Machine, S, checked
from naryq.messages import AnyCommand, AnyEvent, Code, Entry, Refusal, Refused, decode_entry, encode, written_today

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 1_000
NOT_KEPT: Final = 0
"""The sequence of an answer that stands in no row: busy, stopped, unknown, malformed, or a reused command_id."""

OnEntry = Callable[[Entry], None]


class Answer(NamedTuple):
    """What a command caused and the row that says so; `repeated` when an earlier, equal command caused it."""

    sequence: int
    events: tuple[AnyEvent, ...]
    repeated: bool = False


class _Waiting(NamedTuple):
    """A command in the queue and the promise of its answer."""

    command: AnyCommand
    promise: Future[Answer]


def ignore(entry: Entry) -> None:
    """Do nothing with an entry: what an engine without views does."""


class Engine(Generic[S]):
    """A venue at work over one journal, which it owns and closes.

    Any thread may submit. `on_entry` is called for every row in order, on recovery and after each acknowledgement,
    so that a view that is folded from it is the same after a restart. `at_step` is for fault tests.

    Raises:
        Refusal: JOURNAL_DAMAGED when the journal cannot be replayed.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        machine: Machine[S] = exchange,  # type: ignore[assignment]  # S then has its default
        queue_limit: int = QUEUE_LIMIT,
        batch_limit: int = BATCH_LIMIT,
        on_entry: OnEntry = ignore,
        at_step: AtStep = pass_by,
    ) -> None:
        """Recover the state from the journal and start the writer."""
        assert 1 <= batch_limit <= queue_limit, "a batch must fit the queue"
        self._journal, self._machine = journal, machine
        self._queue_limit, self._batch_limit = queue_limit, batch_limit
        self._on_entry, self._at_step = on_entry, at_step
        self._queue: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._running = True
        with ExitStack() as stack:
            stack.callback(journal.close)  # Should the recovery fail, nobody else would let go of the journal.
            self._state = self._recovered()
            stack.pop_all()
        self._writer = threading.Thread(target=self._run, name="naryq-writer", daemon=True)
        self._writer.start()

    @property
    def state(self) -> S:
        """The last durable state; a value that stays as it is while the engine goes on."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether commands are taken: false after `close` and after a failure."""
        return self._running

    def submit(self, command: AnyCommand) -> Answer:
        """Give one command and wait for its answer, which is durable."""
        return self.offer(command).result()

    def submit_many(self, commands: Iterable[AnyCommand]) -> list[Answer]:
        """Give many commands in order, a batch at a time, and wait for all answers.

        A batch is queued whole or, when the queue is full, refused whole: nothing of it overtakes the rest.
        """
        answers: list[Answer] = []
        for batch in _batches(commands, self._batch_limit):
            answers.extend(promise.result() for promise in self._offer_all(batch))
        return answers

    def offer(self, command: AnyCommand) -> Future[Answer]:
        """Give one command without waiting; the future never raises, since a refusal is an answer too.

        A future that is cancelled before the writer takes its command takes the command back.
        """
        return self._offer_all([command])[0]

    def close(self) -> None:
        """Answer everything in the queue, stop, and close the journal; a second call does nothing."""
        with self._changed:
            self._running = False
            self._changed.notify()
        self._writer.join()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- The callers' side --------------------------------------------------------------------------------------

    def _offer_all(self, commands: list[AnyCommand]) -> list[Future[Answer]]:
        promises: list[Future[Answer]] = [Future() for _ in commands]
        sound = list(_sound(commands, promises))
        with self._changed:
            refusal = self._reason_to_refuse(len(sound))
            if refusal is None:
                self._queue.extend(sound)
                self._changed.notify()
        if refusal is not None:
            _refuse(sound, refusal)
        return promises

    def _reason_to_refuse(self, count: int) -> Refused | None:
        if not self._running:
            return _STOPPED
        if len(self._queue) + count > self._queue_limit:
            return _BUSY
        return None

    # --- The writer's side --------------------------------------------------------------------------------------

    def _recovered(self) -> S:
        state = self._machine.initial_state()
        for _, entry in checked(self._journal.read()):
            state = self._machine.apply(state, entry)
            self._on_entry(entry)
        return state

    def _run(self) -> None:
        batch: list[_Waiting] = []
        reason = _UNKNOWN  # Stands for the batch at hand, should a bug end this thread half way.
        try:
            while batch := self._take():
                self._process(batch)
        except Refusal as refusal:
            reason = _as_event(refusal)
        finally:
            self._stop(batch, reason)

    def _take(self) -> list[_Waiting]:
        """Wait for commands; an empty batch says that the engine was closed and nothing is left."""
        with self._changed:
            while self._running and not self._queue:
                self._changed.wait()
            return [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]

    def _process(self, batch: list[_Waiting]) -> None:
        self._at_step(Step.RECEIVED)
        batch = [waiting for waiting in batch if waiting.promise.set_running_or_notify_cancel()]
        group = _Group(self._journal, self._machine, self._state)
        answers = [group.decide(waiting.command) for waiting in batch]
        self._at_step(Step.DECIDED)
        group.append()
        self._at_step(Step.SYNCED)
        # From here on everything is durable, and nothing below may fail.
        self._state = group.state
        self._at_step(Step.EVOLVED)
        for waiting, answer in zip(batch, answers, strict=True):
            waiting.promise.set_result(answer)
        self._at_step(Step.ACKNOWLEDGED)
        for entry in group.entries:
            self._on_entry(entry)
        self._at_step(Step.PUBLISHED)

    def _stop(self, batch: list[_Waiting], reason: Refused) -> None:
        with self._changed:
            self._running = False
            left = list(self._queue)
            self._queue.clear()
        _refuse(batch, reason)
        _refuse(left, _STOPPED)


class _Group(Generic[S]):
    """The commands of one commit, decided one after the other on a state that is not yet durable."""

    def __init__(self, journal: Journal, machine: Machine[S], state: S) -> None:
        self.state = state
        self.entries: list[Entry] = []
        self._journal, self._machine = journal, machine
        head = journal.head()
        self._first = head.sequence + 1 if head else 1
        self._payloads: list[bytes] = []

    def decide(self, command: AnyCommand) -> Answer:
        """Return what will be true once the group is durable; a known command_id comes before any other check."""
        known = self._machine.sequence_of(self.state, command.command_id)
        if known is not None:
            return _answer_again(command, self._entry(known))
        sequence = self._first + len(self.entries)
        payload = encode(written_today(sequence, command, self._machine.decide(self.state, command)))
        # The decoded row is applied, as on recovery: one that could not be read back stops us here, unwritten.
        entry = decode_entry(payload)
        self.state = self._machine.apply(self.state, entry)
        self.entries.append(entry)
        self._payloads.append(payload)
        return Answer(sequence, entry.events)

    def append(self) -> None:
        """Make the new rows durable, all in one commit."""
        if self._payloads:
            head = self._journal.append(self._payloads)
            assert head.sequence == self.entries[-1].sequence, "the journal numbers rows as the engine does"

    def _entry(self, sequence: int) -> Entry:
        if sequence >= self._first:
            return self.entries[sequence - self._first]
        return decode_entry(next(self._journal.read(after=sequence - 1)).payload)


def _answer_again(command: AnyCommand, entry: Entry) -> Answer:
    if command == entry.command:
        return Answer(entry.sequence, entry.events, repeated=True)
    refusal = Refused(
        code=Code.COMMAND_ID_REUSED,
        what=f"the command_id {command.command_id!r} was used for another command",
        where=f"sequence {entry.sequence}",
        remedy="Give each command an identifier of its own; repeat one only with the same content.",
    )
    return Answer(NOT_KEPT, (refusal,))


def _batches(commands: Iterable[AnyCommand], size: int) -> Iterator[list[AnyCommand]]:
    rest = iter(commands)
    while batch := list(islice(rest, size)):
        yield batch


def _sound(commands: list[AnyCommand], promises: list[Future[Answer]]) -> Iterator[_Waiting]:
    """Yield the commands in the form in which the journal keeps them; those that have none are refused at once."""
    for command, promise in zip(commands, promises, strict=True):
        try:
            yield _Waiting(_command_decoder.decode(encode(command)), promise)
        except (msgspec.MsgspecError, TypeError, OverflowError, UnicodeError) as error:
            promise.set_result(Answer(NOT_KEPT, (_malformed(error),)))


_command_decoder = msgspec.json.Decoder(AnyCommand)


def _refuse(waiting: list[_Waiting], reason: Refused) -> None:
    for _, promise in waiting:
        if promise.running() or (not promise.done() and promise.set_running_or_notify_cancel()):
            promise.set_result(Answer(NOT_KEPT, (reason,)))


def _as_event(refusal: Refusal) -> Refused:
    return Refused(code=refusal.code, what=refusal.what, where=refusal.where, remedy=refusal.remedy)


def _malformed(error: Exception) -> Refused:
    return Refused(
        code=Code.WRONG_TYPE,
        what=f"the command is malformed ({error})",
        where="command",
        remedy="Send the fields, types and ranges of naryq.messages.",
    )


_BUSY: Final = Refused(
    code=Code.BUSY,
    what="the queue is full",
    where="engine",
    remedy="Wait a little and send the same command again.",
)
_STOPPED: Final = Refused(
    code=Code.STOPPED,
    what="the engine has stopped; the command was not kept",
    where="engine",
    remedy="Send the same command again once the venue is open.",
)
_UNKNOWN: Final = Refused(
    code=Code.OUTCOME_UNKNOWN,
    what="the engine stopped before it knew whether the command was kept",
    where="engine",
    remedy="Send the same command with the same command_id once the venue is open: it takes effect once.",
)
