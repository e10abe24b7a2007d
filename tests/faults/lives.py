"""The lives and deaths of a venue over one journal, and the judge of what is left."""

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate, takewhile
from multiprocessing.connection import Connection

from tests import little_machine
from tests.faults import worker
from tests.faults.disk import seeded
from tests.faults.processes import started
from tests.faults.worker import Death

from naryq.journal import named
from naryq.journal.verify import checked, verify

LONGEST_LIFE_SECONDS = 0.06


def live_and_die(name: str, first: int, death: Death | None, seed: int) -> dict[str, int]:
    """Let a process work until it kills itself or is killed, and return what it acknowledged, by command_id."""
    with started(worker.work, name, first, death, seed) as (process, pipe):
        told = {}
        if death is None:
            told = dict([pipe.recv()])
            time.sleep(seeded(seed).random() * LONGEST_LIFE_SECONDS)
            process.kill()
        told |= dict(all_of(pipe))
        process.join()
        assert process.exitcode == -signal.SIGKILL
    return told


def all_of(pipe: Connection) -> Iterator[tuple[str, int]]:
    """Yield what a process tells until its end."""
    try:
        while True:
            yield pipe.recv()
    except (EOFError, OSError):
        return  # The end, or half a message: what was not told whole was not acknowledged.


def judge(name: str, told: dict[str, int]) -> int:
    """Check the journal against everything that was ever told, and return how many rows it holds."""
    with closing(named.reader(name)) as reader:
        kept = {entry.command.command_id: entry.sequence for _, entry in checked(reader.read())}
    lost = {command_id: row for command_id, row in told.items() if kept.get(command_id) != row}
    assert not lost, f"acknowledged and lost: {lost}"
    assert list(kept) == [f"c{number}" for number in range(1, len(kept) + 1)], "a command took effect twice or never"
    return len(kept)


def group_ends(first: int, rows: int, seed: int) -> list[int]:
    """Return the numbers of rows, up to the one given, at which a group of this process may end."""
    sizes = (len(group) for group in worker.groups(first, seed))
    return list(takewhile(lambda end: end <= rows, accumulate(sizes, initial=first - 1)))


def lose_nothing(name: str, deaths: list[Death | None]) -> None:
    """Die each death in turn; each process begins where the journal of the one before it ends."""
    told: dict[str, int] = {}
    rows = 0
    for seed, death in enumerate(deaths):
        told |= live_and_die(name, rows + 1, death, seed)
        first, rows = rows + 1, judge(name, told)
        assert rows in group_ends(first, rows, seed), "a group was kept in part"
    assert len(told) <= rows
    with closing(named.reader(name)) as reader:
        found = verify(reader.read(), little_machine)
    assert found.rows == rows
    assert found.hash_by_events == found.hash_by_decisions
