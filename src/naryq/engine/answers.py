"""What a client hears: the answer, the promise of it, and the refusals that stand in no row."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from typing import Final

import msgspec

from naryq.messages import AnyCommand, AnyEvent, Code, Entry, Refusal, Refused

NOT_KEPT: Final = 0
"""The sequence of an answer that stands in no row: busy, stopped, unknown, malformed, or a reused command_id."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a command caused and the row that says so; `repeated` when an earlier, equal command caused it."""

    sequence: int
    events: tuple[AnyEvent, ...]
    repeated: bool = False


_CANCELLED: Final = Answer(NOT_KEPT, ())


class Promise:
    """An answer that will come. It never raises, since a refusal is an answer too.

    It does what the engine needs of `concurrent.futures.Future` at a tenth of the cost: all promises of an engine
    share one lock, and one that nobody waits for has nothing else.
    """

    __slots__ = ("_answer", "_callbacks", "_lock", "_taken")

    def __init__(self, lock: threading.Lock) -> None:
        """Promise an answer, to be given under the lock."""
        self._lock = lock
        self._answer: Answer | None = None
        self._callbacks: tuple[Callable[[Promise], object], ...] = ()
        self._taken = False

    def done(self) -> bool:
        """Return whether the answer is there, or never will be."""
        return self._answer is not None

    def result(self, timeout_seconds: float | None = None) -> Answer:
        """Wait for the answer.

        Raises:
            TimeoutError: When it has not come in time.
            CancelledError: When the command was taken back.
        """
        if self._answer is None:
            bell = threading.Lock()
            bell.acquire()
            self.add_done_callback(lambda _: bell.release())
            if not bell.acquire(timeout=-1 if timeout_seconds is None else timeout_seconds):
                raise TimeoutError
        assert self._answer is not None, "the bell rings after the answer is given"
        if self._answer is _CANCELLED:
            raise CancelledError
        return self._answer

    def add_done_callback(self, callback: Callable[["Promise"], object]) -> None:
        """Call back once the answer is there, in the writer's thread, or at once; it must be quick and not fail."""
        with self._lock:
            if self._answer is None:
                self._callbacks += (callback,)
                return
        callback(self)

    def cancel(self) -> bool:
        """Take the command back; return whether the writer had not taken it yet."""
        with self._lock:
            if self._taken or self._answer is not None:
                return False
            self._answer = _CANCELLED
        _ring([self])
        return True

    def refuse(self, reason: Refused) -> None:
        """Answer a command that never reached the queue, so that nobody else has the promise yet."""
        self._answer = refused(reason)

    def take(self) -> bool:
        """Let the writer take the command, under the lock; return false when it was taken back."""
        self._taken = self._answer is None
        return self._taken


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A command in the queue, its canonical spelling, when it came (ns of a clock of its own), and its promise.

    Neighbours with one and the same `whole` are decided together, all or none.
    """

    command: AnyCommand
    spelling: bytes
    received_ns: int
    promise: Promise
    whole: object = None


def keep(lock: threading.Lock, promises: Iterable[Promise], answers: Iterable[Answer]) -> None:
    """Give all answers at one instant, and then call back whoever waits; what has its answer keeps it."""
    rung = []
    with lock:
        for promise, answer in zip(promises, answers, strict=True):
            if promise._answer is None:  # noqa: SLF001 - the two are one
                promise._answer = answer  # noqa: SLF001
                if promise._callbacks:  # noqa: SLF001
                    rung.append(promise)
    if rung:
        _ring(rung)


def _ring(promises: Iterable[Promise]) -> None:
    _call(iter([(callback, promise) for promise in promises for callback in promise._callbacks]))  # noqa: SLF001


def _call(calls: Iterator[tuple[Callable[[Promise], object], Promise]]) -> None:
    """Call everybody back, even if one of the calls fails."""
    failed = True
    try:
        for callback, promise in calls:
            callback(promise)
        failed = False
    finally:
        if failed:
            _call(calls)


def refused(reason: Refused) -> Answer:
    """Return an answer that stands in no row."""
    return Answer(NOT_KEPT, (reason,))


def again(command: AnyCommand, entry: Entry) -> Answer:
    """Return the answer to a command whose sender has used its identifier: the first one, unless it is another command.

    The time does not make it another: it says when the command was sent, and a repeat is sent later.
    """
    if msgspec.structs.replace(command, at_ns=entry.command.at_ns) == entry.command:
        return Answer(entry.sequence, entry.events, repeated=True)
    return refused(
        Refused(
            code=Code.COMMAND_ID_REUSED,
            what=f"{command.actor!r} has used the command_id {command.command_id!r} for another command",
            where=f"sequence {entry.sequence}",
            remedy="Give each command an identifier of its own; repeat one only with the same content.",
        )
    )


def as_event(refusal: Refusal) -> Refused:
    """Return a refusal in the form of an answer."""
    return Refused(code=refusal.code, what=refusal.what, where=refusal.where, remedy=refusal.remedy)


def malformed(error: Exception) -> Refused:
    """Return the refusal of what could not be read back from the journal."""
    return Refused(
        code=Code.WRONG_TYPE,
        what=f"the command is malformed ({error})",
        where="command",
        remedy="Send the fields, types and ranges of naryq.messages.",
    )


def ahead(at_ns: int, latest_ns: int) -> Refused:
    """Return the refusal of a command from the future: taken, it would make everybody else's time run backward."""
    return Refused(
        code=Code.TIME_AHEAD,
        what=f"the command's time {at_ns} lies ahead of the venue's clock, which takes up to {latest_ns}",
        where="at_ns",
        remedy="Correct the clock, the sender's or the venue's, whichever is wrong, and send the command again.",
    )


NOT_ALONE: Final = Refused(
    code=Code.BATCH_REFUSED,
    what="another command of the batch was refused, and the batch was to be taken whole or not at all",
    where="batch",
    remedy="Mend or leave out what was refused, and send the batch again.",
)
BUSY: Final = Refused(
    code=Code.BUSY,
    what="the queue is full",
    where="engine",
    remedy="Wait a little and send the same command again.",
)
STOPPED: Final = Refused(
    code=Code.STOPPED,
    what="the engine has stopped; the command was not kept",
    where="engine",
    remedy="Send the same command again once the venue is open.",
)
UNKNOWN: Final = Refused(
    code=Code.OUTCOME_UNKNOWN,
    what="the engine stopped before it knew whether the command was kept",
    where="engine",
    remedy="Send the same command with the same command_id once the venue is open: it takes effect once.",
)
