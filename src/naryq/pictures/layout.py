"""Where the places of a network stand on a sheet: sources left, sinks right, few crossings; the same on each run.

Flows never run in a circle, so a place stands one column to the right of the last that it is served from: first the
columns, then the order within each by the mean height of its neighbours, swept to and fro (K. Sugiyama, S. Tagawa,
M. Toda, Methods for Visual Understanding of Hierarchical System Structures, 1981). Places that nothing moves to or from
stand in rows below.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from naryq.market.curves import Arc

SWEEPS: Final = 12
MOST_COLUMNS: Final = 4
"""A sheet for a telephone has room for no more; deeper networks are folded."""

Ways = Sequence[tuple[str, str]]


class Layout(NamedTuple):
    """How many columns and rows there are, and where each place stands: its column, and its row counted from the top.

    A row may be a fraction: a column with few places spreads them over the height of the longest. The rows of the
    `idle` places, `MOST_COLUMNS` a row, stand below all others.
    """

    columns: int
    rows: int
    spots: Mapping[str, tuple[int, float]]
    idle: tuple[str, ...]


def laid_out(names: Sequence[str], arcs: Iterable[Arc]) -> Layout:
    """Lay places out by what flows between them."""
    carrying = [(arc.source, arc.target) for arc in arcs if arc.flow]
    moving = {name for way in carrying for name in way}
    busy = [name for name in names if name in moving]
    column = _columns(busy, carrying)
    depth = max(column.values(), default=-1) + 1
    columns = [[name for name in busy if column[name] == number] for number in range(depth)]
    rows = max(map(len, columns), default=0)
    share = _heights(columns, carrying)
    spots = {name: (column[name], share[name] * rows - 0.5) for name in busy}
    return Layout(depth, rows, spots, tuple(name for name in names if name not in moving))


def _columns(busy: Sequence[str], carrying: Ways) -> dict[str, int]:
    """Give each place the length of the longest way that gas takes to it; a source stands next to whom it serves."""
    column = dict.fromkeys(busy, 0)
    for _ in busy:
        for source, target in carrying:
            column[target] = max(column[target], column[source] + 1)
    served = {target for _, target in carrying}
    for name in busy:
        if name not in served:
            column[name] = min(column[target] for source, target in carrying if source == name) - 1
    deepest = max(column.values(), default=0)
    return {name: _folded(number, deepest) for name, number in column.items()}


def _folded(number: int, deepest: int) -> int:
    if deepest < MOST_COLUMNS:
        return number
    return (number * (MOST_COLUMNS - 1) + deepest // 2) // deepest


def _heights(columns: Sequence[list[str]], carrying: Ways) -> dict[str, float]:
    """Order each column by the mean height of its neighbours; a height goes from 0 at the top to 1."""
    neighbours: dict[str, list[str]] = {name: [] for members in columns for name in members}
    for source, target in carrying:
        neighbours[source].append(target)
        neighbours[target].append(source)
    height = {name: share for members in columns for name, share in _spread(members).items()}
    for sweep in range(SWEEPS):
        for members in columns if sweep % 2 else columns[::-1]:
            mean = {name: sum(height[each] for each in neighbours[name]) / len(neighbours[name]) for name in members}
            height.update(_spread(sorted(members, key=mean.__getitem__)))
    return height


def _spread(members: Sequence[str]) -> dict[str, float]:
    return {name: (number + 0.5) / len(members) for number, name in enumerate(members)}
