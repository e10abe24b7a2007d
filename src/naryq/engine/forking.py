"""A process of one's own for a work that must not take turns with the venue, forked from it with all it knows."""

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

FIRST_FILE: Final = 3
"""The first file of a process behind its input, its output and its errors."""


def can_fork() -> bool:
    """Say whether the system forks well: others lose what their libraries know, or have no such call."""
    return sys.platform == "linux"


def forked(work: Callable[[], bool], keeps: Collection[int] = ()) -> int | None:
    """Let a process of its own do a work, and return its number; None where there is no room for one.

    The process has no other thread and lets go at once of all files but those that it `keeps`, so that it holds neither
    the journal nor its lock when the venue has been killed. It ends without a word to anybody else's handlers.
    """
    with warnings.catch_warnings(), suppress(OSError):
        warnings.simplefilter("ignore", DeprecationWarning)  # Other threads may hold locks; the work asks for none.
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            code = 0 if _alone(work, keeps) else 1
        finally:  # Whatever it was, this process ends here.
            os._exit(code)
    return None


def _alone(work: Callable[[], bool], keeps: Collection[int]) -> bool:
    """Do a work in a process that has nothing of the venue's but its memory; a bug is told on the errors' file."""
    _let_go_of_files(keeps)
    try:
        return work()
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc(file=sys.__stderr__)


def _let_go_of_files(keeps: Collection[int]) -> None:
    for file in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if file >= FIRST_FILE and file not in keeps:
            with suppress(OSError):  # The listing itself was one of them.
                os.close(file)
