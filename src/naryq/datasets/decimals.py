"""Decimals as people and offices write them, read exactly: a mark for the decimals, another between thousands."""

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final, Literal

from naryq.units import INT64_MAX

Notation = Literal[",", "."]
"""The mark before the decimals; the other one may part the thousands."""
NUMBER: Final = MappingProxyType(
    {
        ",": re.compile(r"-?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+)(,[0-9]+)?"),
        ".": re.compile(r"-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?"),
    }
)
OTHER: Final = MappingProxyType({",": ".", ".": ","})
DIGITS_MAX: Final = 40
"""No number of a market is longer; what is longer is no number."""


def exact(text: str, units: int, mark: Notation) -> int:
    """Return a decimal times `units`, a power of ten; all its digits count.

    Raises:
        ValueError: It is no decimal in this notation, has more decimals than units, or leaves 64 bits.

    >>> exact("3.922,0", 10, ","), exact("-18.030", 1_000, "."), exact("5", 100, ".")
    (39220, -18030, 500)
    """
    if len(text) > DIGITS_MAX or NUMBER[mark].fullmatch(text) is None:
        raise ValueError(text)
    whole, _, decimals = text.replace(OTHER[mark], "").partition(mark)
    places = len(str(units)) - 1
    kept = decimals.rstrip("0").ljust(places, "0")
    number = int(whole + kept)
    if len(kept) > places or abs(number) > INT64_MAX:
        raise ValueError(text)
    return number


def notation_of(cells: Iterable[str]) -> Notation | None:
    """Return the mark in whose notation every cell is a decimal; None when none fits, or both do and differ.

    >>> notation_of(["18,030", "25,0"]), notation_of(["1", "20"]), notation_of(["18,030"])
    (',', '.', None)
    """
    marked = [cell for cell in cells if "," in cell or "." in cell]
    marks: tuple[Notation, Notation] = (".", ",")
    fitting = [mark for mark in marks if all(NUMBER[mark].fullmatch(cell) for cell in marked)]
    return fitting[0] if len(fitting) == 1 or (fitting and not marked) else None
