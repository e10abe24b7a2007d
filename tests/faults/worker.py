"""A venue in a process of its own, to be killed at any moment; it tells through a pipe what it has acknowledged."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

from tests import little_machine
from tests.faults.disk import seeded
from tests.little_machine import order

from naryq.engine import Engine
from naryq.journal.contract import Step
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import SubmitOrder


class Death(NamedTuple):
    """The step, and how often it is passed before the process kills itself there."""

    step: Step
    passes: int


class _Killer:
    """Kills this process at the step of its death, as `kill -9` would: nothing is flushed, closed or caught."""

    def __init__(self, death: Death | None) -> None:
        self._death, self._passed = death, Counter[Step]()

    def __call__(self, step: Step) -> None:
        self._passed[step] += 1
        if self._death == (step, self._passed[step]):
            os.kill(os.getpid(), signal.SIGKILL)


def work(path: str, first: int, death: Death | None, seed: int, pipe: Connection) -> None:
    """Submit the orders from a number on, in groups of a random size, for ever, and tell each that is acknowledged."""
    killer = _Killer(death)
    journal = SqliteJournal.open(path, at_step=killer)
    with Engine(journal, machine=little_machine, at_step=killer) as engine:
        for group in groups(first, seed):
            for command, answer in zip(group, engine.submit_many(group), strict=True):
                pipe.send((command.command_id, answer.sequence))


def hold(path: str, pipe: Connection) -> None:
    """Open the journal to write it, say so, and do nothing until the pipe is closed."""
    journal = SqliteJournal.open(path)
    pipe.send("open")
    pipe.poll(None)
    journal.close()


def groups(first: int, seed: int) -> Iterator[list[SubmitOrder]]:
    """Yield the groups of a seed without end: the parent knows them as well."""
    random = seeded(seed)
    while True:
        size = random.randint(1, 20)
        yield [order(number) for number in range(first, first + size)]
        first += size
