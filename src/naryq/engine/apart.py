"""A writer in a process of its own, for a venue whose doors need a processor for themselves.

Threads of one Python program take turns; two processes do not. The writer's process has the engine and the journal;
the doors' process sends it commands and is told each durable row, from which it folds the same state for itself. Seen
from the doors it is an engine: the same answers, the same order, and *unknown* when the process ended before it told.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import count
from queue import SimpleQueue
from typing import Final, Generic, TypeVar

from naryq import exchange
from naryq.engine import line
from naryq.engine.answers import STOPPED, UNKNOWN, Answer, Promise, as_event, keep, refused
from naryq.engine.collector import collect_lightly
from naryq.engine.forking import forked
from naryq.engine.intake import Clock, sound
from naryq.engine.recovery import OnEntry, ignore, recovered
from naryq.engine.writer import Engine
from naryq.journal.contract import Journal, Reader
from naryq.journal.snapshots import SnapshotStore
from naryq.journal.verify import Machine, S
from naryq.messages import (
    AnyCommand,
    AnyEvent,
    Code,
    Entry,
    Refusal,
    canonical,
    decode_entry,
    decode_events,
    encode,
)

OpenEngine = Callable[[Journal], Engine[S]]
"""What opens the engine over the journal, in its own process."""
HandOver = Callable[[Callable[[], None]], object]
"""What lets a piece of work be done where the doors' state belongs, such as a loop's `call_soon_threadsafe`."""

M = TypeVar("M", line.Opened, line.Recovered)
NOT_RUNNING: Final = "# TYPE naryq_running gauge\nnaryq_running 0\n"


def at_once(work: Callable[[], None]) -> None:
    """Do a piece of work here and now."""
    work()


class EngineApart(Generic[S]):
    """An engine in a process of its own, as `Engine` is in a thread of its own, and its state as the rows tell it.

    What the writer says is taken in a thread, until `deliver` names a better place.

    Raises:
        Refusal: as the journal and the engine do when they open; STOPPED where no process could be made.
    """

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        open_engine: OpenEngine[S],
        open_reader: Callable[[], Reader],
        *,
        machine: Machine[S] = exchange,  # type: ignore[assignment]  # S then has its default
        on_entry: OnEntry = ignore,
        snapshots: SnapshotStore | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Start the process, recover the state while it does, and wait until both stand behind the same row.

        Call it before there are other threads: a forked process has none of them, but may have their locks.
        """
        self._machine, self._on_entry, self._clock = machine, on_entry, clock
        self._lock, self._saying = threading.Lock(), threading.Lock()
        self._numbers = count(1)
        self._asked: dict[int, list[Promise]] = {}
        self._figures: SimpleQueue[str] = SimpleQueue()
        self._hand_over: HandOver = at_once
        self._running = self._follows = True
        self.stopped_for: Refusal | None = None
        """Why the writer has stopped by itself, where that can be said."""
        self._line, self._process = _started(partial(_work, open_journal, open_engine))
        self._said = self._line.makefile("rb")
        with self._ending_on_error():
            told = line.from_writer(self._said)
            _next(told, line.Opened)
            with closing(open_reader()) as reader:
                self._state, self._sequence, self.passed_over, _ = recovered(reader, machine, snapshots, on_entry)
            assert self._sequence == _next(told, line.Recovered).sequence, (
                "the doors and the writer stand behind one row"
            )
        self._listener = threading.Thread(target=self._listen, name="naryq-line", daemon=True)
        self._listener.start()

    @property
    def state(self) -> S:
        """The state after the last row that was told; a value."""
        return self._state

    @property
    def running(self) -> bool:
        """Whether commands are taken: false after `close`, after a failure, and when the process is gone."""
        return self._running

    def deliver(self, hand_over: HandOver) -> None:
        """Take what the writer says by handing it over from now on; nothing is under way when this is called."""
        assert not self._asked, "whoever waits was promised his answer elsewhere"
        self._hand_over = hand_over

    def submit(self, command: AnyCommand) -> Answer:
        """Give one command and wait for its answer, which is durable; never where the answer is to be taken."""
        return self.offer_many([command])[0].result()

    def offer_many(self, commands: list[AnyCommand], *, whole: bool = False) -> list[Promise]:
        """Give a batch without waiting, as `Engine.offer_many` does; only the doors' own thread may."""
        promises = [Promise(self._lock) for _ in commands]
        turned_away: list[Code] = []
        if not self._running:
            keep(self._lock, promises, [refused(STOPPED)] * len(promises))
            return promises
        waiting = sound(commands, promises, self._clock, turned_away, whole=whole)
        for each in waiting:
            each.promise.take()  # What is sent cannot be taken back.
        number = next(self._numbers)
        self._asked[number] = [each.promise for each in waiting]
        received_ns = waiting[0].received_ns if waiting else 0
        spellings = tuple(each.spelling for each in waiting)
        self._say(line.Offer(number, received_ns, spellings, whole, tuple(turned_away)))
        return promises

    def metrics(self) -> str:
        """Return the engine's metrics, as `Engine.metrics` does; of an engine that is gone, only that it is."""
        if not self._running:
            return NOT_RUNNING
        self._say(line.AskFigures())
        text = self._figures.get()
        if text is NOT_RUNNING:  # Whoever else waits is told as well.
            self._figures.put(text)
        return text

    def close(self) -> None:
        """Let the engine answer all that was asked, and wait until its process has ended; again does nothing."""
        self._running = False
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        self._listener.join()
        self._let_go()

    def _say(self, message: line.ToWriter) -> None:
        with self._saying, suppress(OSError):  # The listener finds out that nobody is there, and says so to all.
            line.send(self._line, message)

    # --- What the writer says ---------------------------------------------------------------------------------------

    @contextmanager
    def _ending_on_error(self) -> Iterator[None]:
        """Let the process end when the doors could not open."""
        opened = False
        try:
            yield
            opened = True
        finally:
            if not opened:
                self._let_go()

    def _let_go(self) -> None:
        """Close the line, upon which the process ends, and wait for that."""
        self._said.close()
        self._line.close()
        with suppress(ChildProcessError):
            os.waitpid(self._process, 0)

    def _listen(self) -> None:
        try:
            for told in line.from_writer(self._said):
                if isinstance(told, line.Told):
                    self._hand_over(partial(self._take, told))
                elif isinstance(told, line.Figures):
                    self._figures.put(told.text)
                elif isinstance(told, line.NotOpened):
                    self.stopped_for = _refusal(told)
                    break
        finally:
            self._hand_over(self._end)
            self._figures.put(NOT_RUNNING)

    def _take(self, told: line.Told) -> None:
        """Fold the rows, and give the answers; whatever breaks that ends us, since our state would not follow."""
        follows = False
        try:
            if self._follows:
                self._fold_and_answer(told)
                follows = True
        finally:
            if not follows:
                self._end()

    def _fold_and_answer(self, told: line.Told) -> None:
        self._running = self._running and told.running
        events: dict[int, tuple[AnyEvent, ...]] = {}
        for entry in map(decode_entry, told.rows):
            self._fold(entry)
            events[entry.sequence] = entry.events
        for answered in told.answered:
            answers = [_told(kept, events) for kept in answered.answers]
            keep(self._lock, self._asked.pop(answered.number), answers)

    def _fold(self, entry: Entry) -> None:
        self._state = self._machine.apply(self._state, entry)
        self._sequence = entry.sequence
        self._on_entry(entry)

    def _end(self) -> None:
        """Say to all who still wait that nobody knows."""
        self._running = self._follows = False
        left = [promise for promises in self._asked.values() for promise in promises]
        self._asked.clear()
        keep(self._lock, left, [refused(UNKNOWN)] * len(left))


def _started(work: Callable[[socket.socket], bool]) -> tuple[socket.socket, int]:
    """Start a process, and return the line to it and its number."""
    ours, theirs = socket.socketpair()
    process = forked(partial(work, theirs), keeps=(theirs.fileno(),))
    theirs.close()
    if process is None:
        ours.close()
        what, remedy = "no process could be made for the writer", "Free memory or processes and start it again."
        raise Refusal(Code.STOPPED, what, where="engine", remedy=remedy)
    return ours, process


def _next(said: Iterator[line.ToDoors], expected: type[M]) -> M:
    """Wait until the writer has opened or recovered; refuses as the writer did."""
    told = next(said, None)
    if isinstance(told, line.NotOpened):
        raise _refusal(told)
    if not isinstance(told, expected):
        what, remedy = "the writer's process ended before it was at work", "See the log, and start it again."
        raise Refusal(Code.STOPPED, what, where="engine", remedy=remedy)
    return told


def _refusal(told: line.NotOpened) -> Refusal:
    refused = told.refusal
    return Refusal(refused.code, refused.what, where=refused.where, remedy=refused.remedy)


def _told(kept: line.Kept, events: Mapping[int, tuple[AnyEvent, ...]]) -> Answer:
    return Answer(kept.sequence, decode_events(kept.events) if kept.events else events[kept.sequence], kept.repeated)


# --- In the writer's process ------------------------------------------------------------------------------------------


def _work(open_journal: Callable[[], Journal], open_engine: OpenEngine[S], own: socket.socket) -> bool:
    """Be the writer until the doors are gone; they, and not a signal to all, say when that is."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # The doors may be gone at any time, and with them whoever would be told.
        try:
            journal = open_journal()
            line.send(own, line.Opened())
            with own.makefile("rb") as said, open_engine(journal) as engine:
                telling = _Telling(own, engine)
                for message in line.from_doors(said):
                    telling.take(message)
        except Refusal as refusal:
            line.send(own, line.NotOpened(as_event(refusal)))
    return True


class _Telling(Generic[S]):
    """What the engine has caused and the doors have not been told yet: one message for each commit."""

    def __init__(self, own: socket.socket, engine: Engine[S]) -> None:
        """Say over a line that an engine is at work, and from then on what it does."""
        self._line, self._engine = own, engine
        self._lock = threading.Lock()
        self._rows: list[Entry] = []
        self._answered: list[tuple[int, list[Promise]]] = []
        engine.tell(self.row, self.flush, self.stopped)
        collect_lightly()
        line.send(own, line.Recovered(engine.sequence))

    def take(self, message: line.ToWriter) -> None:
        """Do what the doors ask."""
        if isinstance(message, line.AskFigures):
            with self._lock:
                line.send(self._line, line.Figures(self._engine.metrics()))
            return
        promises = self._engine.offer_spelled(
            message.spellings, message.received_ns, message.turned_away, whole=message.whole
        )
        answered = partial(self._answer, message.number, promises)
        if promises:  # When the last has its answer, all have theirs.
            promises[-1].add_done_callback(answered)
        else:
            answered(None)

    def row(self, entry: Entry) -> None:
        """Remember a new row."""
        with self._lock:
            self._rows.append(entry)

    def flush(self) -> None:
        """Tell all that is there, in one message for a commit."""
        with self._lock:
            rows, self._rows = self._rows, []
            answered, self._answered = self._answered, []
            if rows or answered:
                self._send(rows, answered)

    def stopped(self, refusal: Refusal) -> None:
        """Tell that the engine has stopped by itself, and why."""
        with self._lock, suppress(OSError):
            line.send(self._line, line.NotOpened(as_event(refusal)))

    def _answer(self, number: int, promises: list[Promise], _: Promise | None) -> None:
        with self._lock:
            self._answered.append((number, promises))
        if threading.current_thread() is threading.main_thread() or not self._engine.running:
            self.flush()  # No commit follows that would tell it.

    def _send(self, rows: list[Entry], answered: list[tuple[int, list[Promise]]]) -> None:
        beside = range(rows[0].sequence, rows[-1].sequence + 1) if rows else range(0)
        told = tuple(
            line.Answered(number, tuple(_kept(promise.result(), beside) for promise in promises))
            for number, promises in answered
        )
        with suppress(OSError):  # The doors are gone, and whoever asked through them with them.
            line.send(self._line, line.Told(tuple(map(encode, rows)), told, self._engine.running))


def _kept(answer: Answer, beside: range) -> line.Kept:
    """Return an answer without its events where a row that goes with it has them."""
    events = b"" if answer.sequence in beside and not answer.repeated else canonical(answer.events)
    return line.Kept(answer.sequence, answer.repeated, events)
