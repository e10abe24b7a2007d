"""The engine: the thread that writes, and the doors of everybody else."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby, islice
from operator import attrgetter
from types import TracebackType
from typing import Final, Generic, Self

from naryq import exchange
from naryq.engine.answers import (
    BUSY,
    STOPPED,
    UNKNOWN,
    Answer,
    Promise,
    Waiting,
    as_event,
    keep,
    refused,
)
from naryq.engine.group import Group
from naryq.engine.intake import Clock, sound
from naryq.engine.metrics import Gauges, Metrics
from naryq.engine.recovery import OnEntry, ignore, recovered
from naryq.engine.snapshot_check import SnapshotCheck
from naryq.engine.snapshots import SnapshotKeeper
from naryq.journal.contract import AtStep, Journal, Step, pass_by
from naryq.journal.snapshots import SnapshotStore
from naryq.journal.verify import Machine, S
from naryq.messages import AnyCommand, Code, Refusal, Refused, decode_command

QUEUE_LIMIT: Final = 10_000
BATCH_LIMIT: Final = 1_000
SNAPSHOT_EVERY: Final = 50_000


def _nothing(*_: object) -> None:
    """Do nothing."""


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
        snapshot_check: SnapshotCheck | None = None,
        clock: Clock | None = None,
        at_step: AtStep = pass_by,
    ) -> None:
        """Recover the state from the newest snapshot and the journal, and start the writer.

        With `snapshots`, one is taken in the background every `snapshot_every` rows. With `snapshot_check` the one
        that is started from is held against the journal; where they differ the engine stops.
        """
        assert 1 <= batch_limit <= queue_limit, "a batch must fit the queue"
        self._journal, self._machine = journal, machine
        self._queue_limit, self._batch_limit = queue_limit, batch_limit
        self._on_entry, self._at_step, self._clock = on_entry, at_step, clock
        self._on_commit: Callable[[], None] = _nothing
        self._on_stop: Callable[[Refusal], None] = _nothing
        self._queue: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._running = True
        self._metrics = Metrics()
        self._keeper: SnapshotKeeper[S] | None = None
        self._snapshot_check = snapshot_check
        self.stopped_for: Refusal | None = None
        """Why the engine has stopped by itself, where that can be said."""
        with ExitStack() as stack:
            stack.callback(journal.close)  # Should the recovery fail, nobody else would let go of the journal.
            begun_ns = time.perf_counter_ns()
            self._state, self._sequence, self.passed_over, begun_with = recovered(journal, machine, snapshots, on_entry)
            if snapshot_check is not None and begun_with is not None:
                snapshot_check.begin(begun_with, self._stop_for)
            if snapshots is not None:
                self._keeper = SnapshotKeeper(machine, snapshots, snapshot_every, self._sequence)
            self._recovery_ns = time.perf_counter_ns() - begun_ns
            stack.pop_all()
        self._writer = threading.Thread(target=self._run, name="naryq-writer", daemon=True)
        self._writer.start()

    @property
    def state(self) -> S:
        """The last durable state; a value that stays as it is while the engine goes on."""
        return self._state

    @property
    def sequence(self) -> int:
        """The number of the last durable row."""
        return self._sequence

    @property
    def running(self) -> bool:
        """Whether commands are taken: false after `close` and after a failure."""
        return self._running

    def tell(self, on_entry: OnEntry, on_commit: Callable[[], None], on_stop: Callable[[Refusal], None]) -> None:
        """Tell each row from now on, when those of a commit were told, and why the engine has stopped by itself.

        Call it before the first command.
        """
        self._on_entry, self._on_commit, self._on_stop = on_entry, on_commit, on_stop
        if self.stopped_for is not None:
            on_stop(self.stopped_for)

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
        turned_away: list[Code] = []
        refusal = self._reason_to_refuse(len(commands))
        if refusal is None:
            self._take_in(sound(commands, promises, self._clock, turned_away, whole=whole), turned_away)
        else:  # Turned away before it is read: the fuller the queue, the less a refusal may cost.
            self._count_refused(refusal, len(commands))
            keep(self._lock, promises, [refused(refusal)] * len(promises))
        return promises

    def offer_spelled(
        self, spellings: Sequence[bytes], received_ns: int, turned_away: Sequence[Code], *, whole: bool
    ) -> list[Promise]:
        """Give a batch that another process has read, written as the journal will keep it, as `offer_many` does.

        `received_ns` is when it came, by `time.perf_counter_ns`; `turned_away` are the codes of what was refused there.
        """
        promises = [Promise(self._lock) for _ in spellings]
        together = object() if whole else None
        waiting = [
            Waiting(decode_command(spelling), spelling, received_ns, promise, together)
            for spelling, promise in zip(spellings, promises, strict=True)
        ]
        self._take_in(waiting, turned_away)
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
            snapshot_check=self._snapshot_check.finding if self._snapshot_check else 0,
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
        if self._snapshot_check is not None:
            self._snapshot_check.close()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- The callers' side --------------------------------------------------------------------------------------

    def _take_in(self, waiting: list[Waiting], turned_away: Sequence[Code]) -> None:
        """Queue all, or refuse all; and count what was turned away before."""
        with self._changed:
            if turned_away:
                self._metrics.turned_away.update(turned_away)
            refusal = self._reason_to_refuse(len(waiting))
            if refusal is None:
                self._queue.extend(waiting)
                self._changed.notify()
                return
        self._count_refused(refusal, len(waiting))
        self._refuse(waiting, refusal)

    def _count_refused(self, refusal: Refused, count: int) -> None:
        with self._lock:
            self._metrics.turned_away[refusal.code] += count

    def _reason_to_refuse(self, count: int) -> Refused | None:
        if not self._running:
            return STOPPED
        if len(self._queue) + count > self._queue_limit:
            return BUSY
        return None

    def _refuse(self, waiting: list[Waiting], reason: Refused) -> None:
        keep(self._lock, [each.promise for each in waiting], [refused(reason)] * len(waiting))

    # --- The writer's side --------------------------------------------------------------------------------------

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
            reason, self.stopped_for = as_event(refusal), refusal
        finally:
            if not goes_on:
                self._stop(batch, reason)
                if self.stopped_for is not None:
                    self._on_stop(self.stopped_for)
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
        self._on_commit()
        self._at_step(Step.PUBLISHED)
        if self._keeper is not None and group.head is not None:
            self._keeper.offer(group.state, group.head)

    def _stop_for(self, refusal: Refusal) -> None:
        """Take nothing more, whatever waits: the state is not what the journal leads to."""
        self.stopped_for = refusal
        self._stop([], STOPPED)
        self._on_stop(refusal)

    def _stop(self, batch: list[Waiting], reason: Refused) -> None:
        with self._changed:
            self._running = False
            left = list(self._queue)
            self._queue.clear()
            self._changed.notify()
        self._refuse(batch, reason)
        self._refuse(left, STOPPED)


def _decided(group: Group[S], batch: list[Waiting]) -> Iterator[Answer]:
    """Decide a batch in order, and at once what belongs together."""
    for whole, members in groupby(batch, key=attrgetter("whole")):
        if whole is None:
            yield from (group.decide(waiting.command, waiting.spelling) for waiting in members)
        else:
            yield from group.decide_whole([(waiting.command, waiting.spelling) for waiting in members])


def _batches(commands: Iterable[AnyCommand], size: int) -> Iterator[list[AnyCommand]]:
    rest = iter(commands)
    while batch := list(islice(rest, size)):
        yield batch
