"""A venue in a process of its own, to be killed at any moment; it tells through a pipe what it has acknowledged."""

import os
import signal
import time
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from itertools import count
from mmap import mmap
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from tests import little_machine
from tests.faults.disk import seeded
from tests.little_machine import order

from naryq.cli import main
from naryq.engine import Engine
from naryq.journal import named
from naryq.journal.contract import AtStep, Journal, Step, pass_by
from naryq.journal.snapshots import FolderSnapshots
from naryq.journal.transfer import imported
from naryq.messages import Code, Refusal, SubmitOrder

SNAPSHOT_EVERY = 15
"""Rows: seldom enough that a process makes progress between two, often enough that one is being written at any time."""


class Death(NamedTuple):
    """The step, and how often it is passed before the process kills itself there."""

    step: Step
    passes: int


class _Killer:
    """Kills the venue at the step of its death, as `kill -9` would: nothing is flushed, closed or caught.

    A snapshot is written by a process of its own. It counts in memory that is shared with the venue, and dies with it
    at odd counts; at even ones it lives on, an orphan, beside whoever opens the journal next.
    """

    def __init__(self, death: Death | None) -> None:
        self._death, self._venue, self._passed = death, os.getpid(), mmap(-1, len(Step))

    def __call__(self, step: Step) -> None:
        place = list(Step).index(step)
        self._passed[place] = passed = min(self._passed[place] + 1, 255)
        if self._death == (step, passed):
            os.kill(self._venue, signal.SIGKILL)
            if passed % 2:
                os.kill(os.getpid(), signal.SIGKILL)


def work(name: str, first: int, death: Death | None, seed: int, pipe: Connection) -> None:
    """Submit the orders from a number on, in groups of a random size, until refused, and tell each that is kept."""
    killer = _Killer(death)
    options: dict[str, Any] = {"snapshots": snapshots_of(name, killer), "snapshot_every": SNAPSHOT_EVERY}
    with Engine(opened_at_last(name, killer), machine=little_machine, at_step=killer, **options) as engine:
        for group in groups(first, seed):
            for command, answer in zip(group, engine.submit_many(group), strict=True):
                if not answer.sequence:
                    return  # The server is gone, and with it this engine.
                pipe.send((command.command_id, answer.sequence))


def snapshots_of(name: str, at_step: AtStep = pass_by) -> FolderSnapshots | None:
    """Return where a journal file's snapshots are kept; a journal on a server has none here."""
    return None if ":" in name else FolderSnapshots(Path(f"{name}-snapshots"), at_step=at_step)


def opened_at_last(name: str, at_step: AtStep = pass_by) -> Journal:
    """Open a journal whose holder was killed: a server needs a moment to see that its client is gone."""
    for _ in range(1_000):
        try:
            return named.writer(name, at_step=at_step)
        except Refusal as refusal:
            if refusal.code is not Code.JOURNAL_LOCKED:
                raise
            time.sleep(0.01)
    raise AssertionError("the lock of a killed program is still held")


def hold(name: str, pipe: Connection) -> None:
    """Open the journal to write it, say so, and do nothing until the pipe is closed."""
    journal = named.writer(name)
    pipe.send("open")
    pipe.poll(None)
    journal.close()


def append_twice(name: str, lose_lock: bool, pipe: Connection) -> None:  # noqa: FBT001 - as the parent says it
    """Append a row, lose the lock and keep the connection if so told, and append another when the parent says so."""
    journal = named.writer(name)
    journal.append([b"first"])
    if lose_lock:
        journal._connection.execute("SELECT pg_advisory_unlock_all()")  # type: ignore[attr-defined]
    pipe.send("first row")
    pipe.recv()
    pipe.send(told(journal, b"second"))


def stop_within_append(name: str, pipe: Connection) -> None:
    """Append a row, and stop between the writing of it and its commit until somebody lets this process go on."""
    journal = named.writer(name, at_step=_stop_when_appended)
    pipe.send(told(journal, b"first"))


def _stop_when_appended(step: Step) -> None:
    if step is Step.APPENDED:
        os.kill(os.getpid(), signal.SIGSTOP)


def told(journal: Journal, payload: bytes) -> int | Code:
    """Append a row, and return its number or the code of the refusal."""
    try:
        return journal.append([payload]).sequence
    except Refusal as refusal:
        return refusal.code


CARELESSLY = "import carelessly"
"""Stands for a command that this program does not have: see `_import_carelessly`."""


def run_and_die(words: list[str], function: str, call: int, pipe: Connection) -> None:
    """Run a command, and die like `kill -9` at a call of a function that is named as `module:name` or `module:A.b`."""
    module, _, path = function.partition(":")
    *owners, name = path.split(".")
    owner = reduce(getattr, owners, import_module(module))
    calls = count(1)
    original = getattr(owner, name)

    def die_at_last(*given: Any, **options: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*given, **options)

    setattr(owner, name, die_at_last)
    if words[0] == CARELESSLY:
        _import_carelessly(*words[1:])
    else:
        main(words, standalone_mode=False)
    pipe.close()


def _import_carelessly(file: str, name: str) -> None:
    """A planted bug: the journal has its name from the first row on."""
    journal = named.create(name)
    for row in imported(Path(file).read_bytes().splitlines(keepends=True)):
        journal.append([row.payload])


def groups(first: int, seed: int) -> Iterator[list[SubmitOrder]]:
    """Yield the groups of a seed without end: the parent knows them as well."""
    random = seeded(seed)
    while True:
        size = random.randint(1, 20)
        yield [order(number) for number in range(first, first + size)]
        first += size
