"""The engine: the thread that writes, and the doors of everybody else."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby, islice
from types import TracebackType
from typing import Final, Generic, Self

import msgspec

from naryq import exchange
from naryq.engine import collector
from naryq.engine.answers import (
    BUSY,
    NOT_ALONE,
    STOPPED,
    UNKNOWN,
    Answer,
    Promise,
    Waiting,
    ahead,
    as_event,
    keep,
    malformed,
    refused,
)
from naryq.engine.group import Group
from naryq.engine.metrics import Gauges, Metrics
from naryq.engine.snapshots import SnapshotKeeper, start
from naryq.journal.contract import AtStep, Journal, Step, pass_by
from naryq.journal.snapshots import SnapshotStore
from naryq.journal.verify import Machine, S, checked
from naryq.messages import AnyCommand, Code, Entry, Refusal, Refused, decode_command, encode
from naryq.units import INT64_MAX

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 1_000
SNAPSHOT_EVERY: Final = 50_000
AHEAD_NS: Final = 60 * 10**9
"""How far ahead of the venue's clock a command's time may lie: as far as two honest clocks may differ, and more."""

OnEntry = Callable[[Entry], None]
Clock = Callable[[], int]
"""Nanoseconds since 1970 in UTC."""


def ignore(entry: Entry) -> None:
    """Do nothing with an entry: what an engine without views does."""


class Engine(Generic[S]):
    """A venue at work over one journal, which it owns and closes.

    Any thread may submit. `on_entry` is called for every row in order, on recovery and after each acknowledgement,
    so that a view that is folded from it is the same after a restart. `at_step` is for fault tests.

    With a `clock` a command from the future is refused at the door. Without one, as in a rehearsal of past or coming
    days, whoever sends a command sets the venue's time.

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
        snapshots: SnapshotStore | None = None,
        snapshot_every: int = SNAPSHOT_EVERY,
        clock: Clock | None = None,
        at_step: AtStep = pass_by,
    ) -> None:
        """Recover the state from the newest snapshot and the journal, and start the writer.

        With `snapshots`, one is taken in the background every `snapshot_every` rows.
        """
        assert 1 <= batch_limit <= queue_limit, "a batch must fit the queue"
        self._journal, self._machine = journal, machine
        self._queue_limit, self._batch_limit = queue_limit, batch_limit
        self._on_entry, self._at_step, self._clock = on_entry, at_step, clock
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._running = True
        self._metrics = Metrics()
        self._sequence = 0
        self._keeper: SnapshotKeeper[S] | None = None
        self.passed_over: tuple[str, ...] = ()
        """Which snapshots the start could not use, and why."""
        with ExitStack() as stack:
            stack.callback(journal.close)  # Should the recovery fail, nobody else would let go of the journal.
            begun_ns = time.perf_counter_ns()
            self._state = self._recovered(snapshots, snapshot_every)
            self._recovery_ns = time.perf_counter_ns() - begun_ns
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
            answers.extend(promise.result() for promise in self.offer_many(batch))
        return answers

    def offer(self, command: AnyCommand) -> Promise:
        """Give one command without waiting.

        A promise that is cancelled before the writer takes its command takes the command back.
        """
        return self.offer_many([command])[0]

    def offer_many(self, commands: list[AnyCommand], *, whole: bool = False) -> list[Promise]:
        """Give a batch without waiting; it is queued whole or, when the queue is full, refused whole.

        With `whole` it is also taken whole or not at all: where one command is refused, none takes effect, and no row
        says that they were asked.
        """
        assert not whole or len(commands) <= self._batch_limit, "what is taken whole stands in one commit"
        promises = [Promise(self._lock) for _ in commands]
        refusal = self._reason_to_refuse(len(commands))
        # Turned away before it is read: the fuller the queue, the less a refusal may cost.
        turned_away = Counter[Code]()
        latest_ns = INT64_MAX if self._clock is None else self._clock() + AHEAD_NS
        sound = list(_sound(commands, promises, latest_ns, turned_away)) if refusal is None else []
        if whole:
            sound = _joined(sound, len(commands), promises)
        with self._changed:
            refusal = refusal or self._reason_to_refuse(len(sound))
            if refusal is None:
                self._metrics.turned_away.update(turned_away)
                self._queue.extend(sound)
                self._changed.notify()
                return promises
            self._metrics.turned_away[refusal.code] += len(commands)
        keep(self._lock, promises, [refused(refusal)] * len(promises))
        return promises

    def metrics(self) -> str:
        """Return the counts since the start and what stands now, in the text format of Prometheus."""
        gauges = Gauges(
            running=self._running,
            queue_length=len(self._queue),
            queue_limit=self._queue_limit,
            journal_sequence=self._sequence,
            snapshot_sequence=self._keeper.sequence if self._keeper else 0,
            snapshot_failures=self._keeper.failures if self._keeper else 0,
            snapshots_passed_over=len(self.passed_over),
            recovery_ns=self._recovery_ns,
        )
        return self._metrics.text(gauges)

    def close(self) -> None:
        """Answer everything in the queue, stop, and close the journal; a second call does nothing."""
        with self._changed:
            self._running = False
            self._changed.notify()
        self._writer.join()
        if self._keeper is not None:
            self._keeper.close()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- The callers' side --------------------------------------------------------------------------------------

    def _reason_to_refuse(self, count: int) -> Refused | None:
        if not self._running:
            return STOPPED
        if len(self._queue) + count > self._queue_limit:
            return BUSY
        return None

    def _refuse(self, waiting: list[Waiting], reason: Refused) -> None:
        keep(self._lock, [each.promise for each in waiting], [refused(reason)] * len(waiting))

    # --- The writer's side --------------------------------------------------------------------------------------

    def _recovered(self, snapshots: SnapshotStore | None, snapshot_every: int) -> S:
        with collector.at_rest():
            state, self._sequence, chain, self.passed_over = start(self._journal, self._machine, snapshots)
            if snapshots is not None:
                self._keeper = SnapshotKeeper(self._machine, snapshots, snapshot_every, self._sequence)
            # Nobody holds the first state while the replay goes on: it would remember all changes since.
            for entry in self._entries_after(self._sequence, chain):
                state = self._machine.apply(state, entry)
                self._sequence = entry.sequence
                self._on_entry(entry)
        return state

    def _entries_after(self, sequence: int, chain: bytes) -> Iterator[Entry]:
        """Yield the entries after a start; views have no snapshot, so they are told all that came before it as well."""
        if self._on_entry is ignore:
            rows = checked(self._journal.read(sequence), sequence, chain)
        else:
            rows = checked(self._journal.read())
        for _, entry in rows:
            if entry.sequence > sequence:
                yield entry
            else:
                self._on_entry(entry)

    def _run(self) -> None:
        while self._turn():
            pass

    def _turn(self) -> bool:
        """Take one batch from the queue to its answers; return whether another may follow."""
        batch: list[Waiting] = []
        reason = UNKNOWN  # Stands for the batch at hand, should a bug end this thread half way.
        goes_on = False
        try:
            if batch := self._take():
                self._process(batch)
                goes_on = True
        except Refusal as refusal:
            reason = as_event(refusal)
        finally:
            if not goes_on:
                self._stop(batch, reason)
        return goes_on

    def _take(self) -> list[Waiting]:
        """Wait for commands; an empty batch says that the engine was closed and nothing is left."""
        with self._changed:
            while True:
                while self._running and not self._queue:
                    self._changed.wait()
                taken = [self._queue.popleft() for _ in range(min(len(self._queue), self._batch_limit))]
                if taken and taken[-1].whole is not None:
                    while self._queue and self._queue[0].whole is taken[-1].whole:
                        taken.append(self._queue.popleft())
                batch = [waiting for waiting in taken if waiting.promise.take()]
                if batch or not taken:
                    return batch

    def _process(self, batch: list[Waiting]) -> None:
        begun_ns = time.perf_counter_ns()
        self._at_step(Step.RECEIVED)
        group = Group(self._journal, self._machine, self._state)
        answers = list(_decided(group, batch))
        self._at_step(Step.DECIDED)
        group.append()
        self._at_step(Step.SYNCED)
        # From here on everything is durable, and nothing below may fail.
        self._state, self._sequence = group.state, group.head.sequence if group.head else 0
        self._at_step(Step.EVOLVED)
        now_ns = time.perf_counter_ns()
        keep(self._lock, [waiting.promise for waiting in batch], answers)
        self._metrics.group([waiting.received_ns for waiting in batch], answers, begun_ns, now_ns)
        self._at_step(Step.ACKNOWLEDGED)
        for entry in group.entries:
            self._on_entry(entry)
        self._at_step(Step.PUBLISHED)
        if self._keeper is not None and group.head is not None:
            self._keeper.offer(group.state, group.head)

    def _stop(self, batch: list[Waiting], reason: Refused) -> None:
        with self._changed:
            self._running = False
            left = list(self._queue)
            self._queue.clear()
        self._refuse(batch, reason)
        self._refuse(left, STOPPED)


def _decided(group: Group[S], batch: list[Waiting]) -> Iterator[Answer]:
    """Decide a batch in order, and at once what belongs together."""
    for whole, members in groupby(batch, key=lambda waiting: waiting.whole):
        if whole is None:
            yield from (group.decide(waiting.command, waiting.spelling) for waiting in members)
        else:
            yield from group.decide_whole([(waiting.command, waiting.spelling) for waiting in members])


def _joined(sound: list[Waiting], count: int, promises: list[Promise]) -> list[Waiting]:
    """Join commands that are taken all or none; where one of the `count` was turned away already, none is left."""
    if len(sound) == count:
        together = object()
        return [waiting._replace(whole=together) for waiting in sound]
    for promise in promises:
        if not promise.done():
            promise.refuse(NOT_ALONE)
    return []


def _batches(commands: Iterable[AnyCommand], size: int) -> Iterator[list[AnyCommand]]:
    rest = iter(commands)
    while batch := list(islice(rest, size)):
        yield batch


def _sound(
    commands: list[AnyCommand], promises: list[Promise], latest_ns: int, turned_away: Counter[Code]
) -> Iterator[Waiting]:
    """Yield the commands in the form in which the journal keeps them.

    Those that have none, and those from the future, are refused at once and counted by their code.
    """
    received_ns = time.perf_counter_ns()
    for command, promise in zip(commands, promises, strict=True):
        try:
            spelling = encode(command)
            waiting = Waiting(decode_command(spelling), spelling, received_ns, promise)
        except (msgspec.MsgspecError, TypeError, OverflowError, UnicodeError) as error:
            promise.refuse(malformed(error))
            turned_away[Code.WRONG_TYPE] += 1
            continue
        if waiting.command.at_ns > latest_ns:
            promise.refuse(ahead(waiting.command.at_ns, latest_ns))
            turned_away[Code.TIME_AHEAD] += 1
        else:
            yield waiting
