"""What feeds become: the numbers that kernels write for the kinds of a message."""

from types import ModuleType

import pytest

from naryq.datasets import lobster_kernels, order_events
from naryq.market.book_rules import ACTIONS


@pytest.mark.parametrize("module", [order_events, lobster_kernels])
def test_kinds_have_the_numbers_that_the_replay_reads(module: ModuleType) -> None:
    """Kernels have the numbers of kinds written out, because their cache sees no other file: they are the book's."""
    numbers = {action: getattr(module, action.upper()) for action in ACTIONS if hasattr(module, action.upper())}
    assert numbers.keys() >= {"limit", "immediate_or_cancel", "cancel"}
    assert numbers == {action: ACTIONS.index(action) for action in numbers}
