"""The collector of reference cycles, of which a venue needs little: a state has none, and a great many parts.

How often it looks is a setting of the whole process, so only a program that is a venue makes it, and no engine does.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SELDOM: Final = (50_000, 10, 10)
"""How many more containers there must be than before, and of how many looks one goes deeper: a group makes 30,000."""


def collect_seldom() -> None:
    """Let the collector look seldom from now on, and never again at what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


@contextmanager
def at_rest() -> Iterator[None]:
    """Keep the collector from walking a state that only grows."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
