"""Whether the margins of joined places are shared by the tie rule: no lot could be moved so that it is kept better."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
NOBODY = np.iinfo(np.int64).max
"""In place of a turn or a rank where nobody waits."""


class Ways(NamedTuple):
    """From where to where one lot can still move over open links: on where there is room, back where one is in use."""

    start: Numbers
    end: Numbers


class Margins(NamedTuple):
    """The orders of one side at the price of their place: where each stands, what it asks for and got, its turn."""

    place: Numbers
    quantity: Numbers
    fill: Numbers
    turn: Numbers


def envious(margins: Margins, ways: Ways, places: int, tie: str) -> int | None:
    """Return a place from which a lot should have gone to a joined place that is short; None when all is fair.

    `ways` leads from a place that gives a lot up to one that would have it: for a buyer's lot as the gas may move,
    for a seller's against it.
    """
    if not margins.place.size:
        return None
    if tie == "time":
        waiting = _best(margins.place, np.where(margins.fill < margins.quantity, margins.turn, NOBODY), places)
        served = -_best(margins.place, np.where(margins.fill > 0, -margins.turn, NOBODY), places)
        unfair = _reached(waiting, ways) < served
    else:
        unfair = _out_of_proportion(margins, ways, places)
    found = np.flatnonzero(unfair)
    return int(found[0]) if found.size else None


def _best(place: Numbers, value: Numbers, places: int) -> Numbers:
    """Return the least value at each place."""
    least = np.full(places, NOBODY, np.int64)
    np.minimum.at(least, place, value)
    return least


def _reached(value: Numbers, ways: Ways) -> Numbers:
    """Return for each place the least value among the places that ways lead to from it, itself included."""
    while True:
        after = value.copy()
        np.minimum.at(after, ways.start, value[ways.end])
        if (after == value).all():
            return value
        value = after


def _out_of_proportion(margins: Margins, ways: Ways, places: int) -> npt.NDArray[np.bool_]:
    """Tell where one lot less would still leave a larger part than one lot more would make of a joined margin."""
    offered, got = np.zeros(places, np.int64), np.zeros(places, np.int64)
    np.add.at(offered, margins.place, margins.quantity)
    np.add.at(got, margins.place, margins.fill)
    with_one_more = {
        place: Fraction(int(got[place]) + 1, int(offered[place])) for place in np.flatnonzero(got < offered).tolist()
    }
    parts = sorted(set(with_one_more.values()))
    rank_of = {part: rank for rank, part in enumerate(parts)}
    rank = np.full(places, NOBODY, np.int64)
    rank[list(with_one_more)] = [rank_of[part] for part in with_one_more.values()]
    least = _reached(rank, ways)
    unfair = np.zeros(places, np.bool_)
    for place in np.flatnonzero((got > 0) & (least < NOBODY)).tolist():
        unfair[place] = parts[least[place]] < Fraction(int(got[place]) - 1, int(offered[place]))
    return unfair
