"""The collector of reference cycles in a program that is a venue: it leaves the state alone and finds circles."""

import gc
from collections.abc import Iterator

import pytest

from naryq.engine.collector import LIGHTLY, collect_lightly


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_is_never_looked_at_again() -> None:
    """What a venue has recovered is out of the collector's sight, and it looks at little from then on."""
    gc.unfreeze()
    recovered = [[number] for number in range(10_000)]
    collect_lightly()
    assert gc.get_threshold() == LIGHTLY
    assert gc.get_freeze_count() > len(recovered)


class Circle:
    """Something that refers to itself, and which a collector alone can free."""

    freed = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Circle.freed += 1


def test_new_circles_are_still_found() -> None:
    """A venue that makes circles does not grow without end: they are freed while it works."""
    collect_lightly()
    before = Circle.freed
    kept: list[list[Circle]] = []
    for _ in range(10 * LIGHTLY[0]):
        Circle()
        kept.append([])
    assert Circle.freed > before
