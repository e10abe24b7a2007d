"""The map of the provinces: which class of change each province falls into, and where its label stands."""

from bisect import bisect_left
from typing import Final, NamedTuple

from naryq.portal.provinces import CITIES, CITY_LABELS, HEIGHT, LABELS, OBLASTS, WIDTH
from naryq.views import ProvinceLine

EDGES: Final = (-1, 50, 100, 200, 400, 700)
"""The highest change of every class but the last, in tenths of a per cent; fixed, so that bulletins can be compared."""
CLASSES: Final = ("falls", "0 to 5", "5 to 10", "10 to 20", "20 to 40", "40 to 70", "over 70")
"""The classes in words, in per cent."""


class Area(NamedTuple):
    """One oblast on the map."""

    line: ProvinceLine
    band: int
    path: str
    x: int
    y: int


class Dot(NamedTuple):
    """One city on the map: its dot, and where its label begins, off the land; a thin line joins them."""

    line: ProvinceLine
    band: int
    x: int
    y: int
    label_x: int
    label_y: int


class Atlas(NamedTuple):
    """The map of one rulebook's result; provinces that the drawing does not know stand in the table alone."""

    width: int
    height: int
    areas: tuple[Area, ...]
    dots: tuple[Dot, ...]


def band(change_tenths_of_percent: int) -> int:
    """Return the class of a change: its number in `CLASSES`.

    >>> [CLASSES[band(tenths)] for tenths in (-18, 0, 50, 51, 790)]
    ['falls', '0 to 5', '0 to 5', '5 to 10', 'over 70']
    """
    return bisect_left(EDGES, change_tenths_of_percent)


def atlas(lines: tuple[ProvinceLine, ...]) -> Atlas:
    """Place the provinces of a result on the map."""
    areas = [
        Area(line, band(line.change_tenths_of_percent), OBLASTS[line.code], *LABELS[line.code])
        for line in lines
        if line.code in OBLASTS
    ]
    dots = [
        Dot(line, band(line.change_tenths_of_percent), *CITIES[line.code], *CITY_LABELS[line.code])
        for line in lines
        if line.code in CITIES
    ]
    return Atlas(WIDTH, HEIGHT, tuple(areas), tuple(dots))
