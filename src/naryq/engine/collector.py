"""The collector of reference cycles, of which a venue needs little: a state has none, and a great many parts.

How often it looks is a setting of the whole process, so only a program that is a venue makes it, and no engine does.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LIGHTLY: Final = (5_000, 1, 10_000)
"""How many more containers there must be for a look at the new ones; that every other look goes over those that had
stayed once as well; and after how many of these one goes over all.

Everybody waits for a look. One at 5,000 is over in 2 to 6 ms, while they are in the processor's cache. One at 50,000
took 10 to 47 ms, and one at what had stayed of ten such looks 55 to 70.
"""


def collect_lightly() -> None:
    """Let the collector look at little at a time from now on, and never again at what is there now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*LIGHTLY)


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
