"""A column of optional labels: text or whole numbers that say to whom or what a row belongs, or nothing."""

from typing import Any, Final, NamedTuple

import narwhals as nw
import numpy as np

from naryq.market.intake import Table, Words, is_missing, shown
from naryq.market.kernels import Flags, Integers
from naryq.messages import Code

NOBODY = -1
"""The code of a row without a label."""
DENSE: Final = 4
"""Whole numbers whose range is less than so many times their count are numbered by a table, others by a sort."""


class Labels(NamedTuple):
    """One code a row, or `NOBODY`, and the label for each code; the labels are sorted and each is in use."""

    codes: Integers
    names: tuple[int | str, ...]


def read_labels(table: Table, name: str) -> Labels | None:
    """Read an optional column of labels, all of them text or all whole numbers; None when the column is not there.

    Raises:
        Refusal: WRONG_TYPE for anything else: a float, an empty text, both kinds in one column.
    """
    column = table.columns.get(name)
    if column is None:
        return None
    if isinstance(column, np.ndarray) and column.dtype.kind in "iu" and not isinstance(column, np.ma.MaskedArray):
        return _numbered(column)
    coded = _of_series(name, column) if isinstance(column, nw.Series) else None
    labels = _of_objects(table, name, column) if coded is None else coded
    if labels.names and labels.names[0] == "":
        row = int(np.argmax(labels.codes == 0))
        raise table.refusal(Code.WRONG_TYPE, row, f"{name} is ''", "Give a name, or leave the value out.")
    return labels


def _numbered(values: Any) -> Labels:
    low, high = (int(values.min()), int(values.max())) if values.size else (0, -1)
    if high - low >= DENSE * values.size:
        names, codes = np.unique(values, return_inverse=True)
        return Labels(codes.astype(np.int64), tuple(names.tolist()))
    known = np.zeros(high - low + 1, np.bool_)
    offset = values.astype(np.int64, copy=False) - low
    known[offset] = True
    names = np.flatnonzero(known) + low
    return Labels((np.cumsum(known) - 1)[offset], tuple(names.tolist()))


def _of_series(name: str, column: "nw.Series[Any]") -> Labels | None:
    """Read a column of text or of integers that NumPy has as it is coded; None for any other."""
    whole = column.dtype.is_integer() and column.dtype not in {nw.Int128, nw.UInt128}
    if not whole and column.dtype not in {nw.String, nw.Categorical, nw.Enum}:
        return None
    present = ~column.is_null().to_numpy().astype(np.bool_)
    kept = column if present.all() else column[np.flatnonzero(present)]
    labels = _numbered(kept.to_numpy()) if whole else _of_words(Table("orders", {name: kept}).words(name))
    return None if labels is None else _spread(labels, present)


def _of_words(words: Words) -> Labels | None:
    """Number words anew, in their own order; None when they are no text, as a frame's categories may be."""
    used = np.unique(words.codes).tolist()
    if not all(isinstance(words.names[code], str) for code in used):
        return None
    ordered = sorted(used, key=words.names.__getitem__)
    number = np.full(max(used, default=0) + 1, NOBODY, np.int64)
    number[ordered] = np.arange(len(ordered))
    return Labels(number[words.codes], tuple(words.names[code] for code in ordered))


def _spread(labels: Labels, present: Flags) -> Labels:
    codes = np.full(present.size, NOBODY, np.int64)
    codes[present] = labels.codes
    return labels._replace(codes=codes)


def _of_objects(table: Table, name: str, column: Any) -> Labels:
    values = column.to_list() if isinstance(column, nw.Series) else column
    values = values.tolist() if isinstance(values, np.ndarray) else list(values)
    labels = [None if is_missing(value) else _plain(value) for value in values]
    kind = next((type(label) for label in labels if type(label) in {int, str}), str)
    for row, label in enumerate(labels):
        if label is not None and type(label) is not kind:
            what = f"{name} is {shown(values[row])}"
            raise table.refusal(Code.WRONG_TYPE, row, what, "Give text in every row that has one, or whole numbers.")
    names = sorted({label for label in labels if label is not None})
    numbers = {label: number for number, label in enumerate(names)}
    return Labels(np.array([numbers.get(label, NOBODY) for label in labels], np.int64), tuple(names))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, (np.integer, np.str_)) else value


def of_rows(labels: Labels, rows: Integers) -> Labels:
    """Return the labels of some rows, those that no row is left of taken out."""
    used, codes = np.unique(labels.codes[rows], return_inverse=True)
    nobody = int(used.size > 0 and used[0] == NOBODY)
    return Labels(codes.astype(np.int64) - nobody, tuple(labels.names[code] for code in used[nobody:].tolist()))
