"""What the catalogues of bugs share that simulated venues must catch: the seeds that look for them, and what counts.

A bug counts as caught when the judge says so, or when the program itself stops at an assertion or an error.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from tests.planting import Plant
from tests.simulation import simulate

from naryq.exchange import orders
from naryq.messages import Refusal

COMMANDS = 400
STOPS = (AssertionError, AttributeError, LookupError, TypeError, ValueError, Refusal, msgspec.MsgspecError)
"""With what a program stops that has noticed by itself."""


def changed(value: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(value, **changes)


def without(name: str) -> Plant:
    """Leave one check out of those that an order passes."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        left = tuple(check for check in orders._CHECKS if check.__name__ != name)
        assert len(left) == len(orders._CHECKS) - 1
        patch.setattr(orders, "_CHECKS", left)

    return plant


def caught(seeds: Iterable[int]) -> list[str]:
    """Run seed after seed until one has something to say."""
    for seed in seeds:
        try:
            findings = simulate(seed, COMMANDS).findings
        except STOPS as failure:
            findings = [f"{type(failure).__name__}: {failure}"]
        if findings:
            return findings
    return []
