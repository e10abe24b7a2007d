"""What catalogues of planted bugs share: how a bug is named, and how a part of the venue is replaced by a wrong one."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from naryq.exchange import machine

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def catalogue() -> tuple[dict[str, Plant], Callable[[Plant], Plant]]:
    """Return an empty catalogue, and what takes a planted bug into it; its docstring says what is wrong."""
    bugs: dict[str, Plant] = {}

    def bug(plant: Plant) -> Plant:
        assert plant.__doc__ is not None
        bugs[plant.__doc__.strip(". \n")] = plant
        return plant

    return bugs, bug


def wrap(patch: pytest.MonkeyPatch, home: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace a function by another that gets the original as its first argument."""
    original = getattr(home, name)
    patch.setattr(home, name, lambda *args, **fields: around(original, *args, **fields))


def judge_with(patch: pytest.MonkeyPatch, kind: type, around: Callable[..., Any]) -> None:
    """Replace how one kind of command is decided."""
    original = machine._DECIDERS[kind]
    table = {**machine._DECIDERS, kind: lambda state, command: around(original, state, command)}
    patch.setattr(machine, "_DECIDERS", table)


def fold_with(patch: pytest.MonkeyPatch, kind: type, fold: Callable[..., Any]) -> None:
    """Replace how one kind of event is folded."""
    patch.setattr(machine, "_EVOLVERS", {**machine._EVOLVERS, kind: fold})
