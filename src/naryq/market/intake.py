"""The door of `clear`: any data frame or mapping of columns becomes arrays of integers, or one clear refusal.

Nothing is copied where the caller's memory can be read as it is, and nothing of the caller's is ever written to.
Rows are counted from 1 and the heading is not counted: `orders, row 1` is the first order.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import narwhals as nw
import numpy as np
import numpy.typing as npt

from naryq.market.kernels import Codes, Flags, Integers, first_not_increasing, first_repeat
from naryq.messages import Code, Refusal
from naryq.units import INT64_MAX, grouped

HIGHEST_PRICE: Final = 10**12
"""The highest limit price and tariff, in tenge a tonne; prices start at 0."""
HIGHEST_QUANTITY: Final = 10**12
"""The largest quantity of one order and capacity of one link, in lots."""

MAP_BITS_PER_ROW: Final = 64
"""A map of bits finds repeated identifiers while their range is at most this many times their number."""
SMALL_CODES: Final = 255
NO_VALUE_TYPES: Final = frozenset({"NoneType", "NAType", "NaTType"})
"""What stands for a missing value: Python's None, and what pandas has for it; a float that is no number does not."""

ORDER_COLUMNS: Final = ("order_id", "place", "side", "price", "quantity")
OPTIONAL_ORDER_COLUMNS: Final = ("submitted_at", "min_quantity", "group", "parent", "participant")
LINK_COLUMNS: Final = ("source", "target", "capacity", "tariff")
OPTIONAL_LINK_COLUMNS: Final = ("capacity_back",)


class Words(NamedTuple):
    """A column of words: one small number a row, and the word for each number."""

    codes: Codes
    names: list[str]


class Orders(NamedTuple):
    """The orders as arrays, one value a row; `order_id` stays the caller's own column.

    Nothing here refers to another row by its number: `rows_of` takes rows out. `unlimited` marks the orders without a
    price, which take any; it is None where every order has a limit.
    """

    frame: Any
    order_id: Any
    place: Words
    side: Words
    price: Integers
    quantity: Integers
    submitted_at: Integers | None
    unlimited: Flags | None = None


def rows_of(column: Any, rows: Integers) -> Any:
    """Take some rows of a table, or of a column of any kind that the tables hold, in the order given."""
    if isinstance(column, Mapping):
        return {name: rows_of(values, rows) for name, values in column.items()}
    if isinstance(column, Words):
        return Words(rows_of(column.codes, rows), column.names)
    if isinstance(column, np.ndarray):
        return frozen(column[rows])
    if isinstance(column, Sequence):
        return [column[row] for row in rows.tolist()]
    if column is None or isinstance(column, nw.Series):
        return None if column is None else column[rows]
    return nw.from_native(column, eager_only=True, allow_series=True)[rows].to_native()


class Links(NamedTuple):
    """The links as arrays of place names and integers, each of them running one way.

    `back` has the rows of the links that also run from target to source: after all links, each of these stands
    once more, turned around.
    """

    frame: Any
    source: list[str]
    target: list[str]
    capacity: Integers
    tariff: Integers
    back: Integers


class Table:
    """One of the two tables of a market: its name in refusals, and its columns in the caller's own kind."""

    def __init__(self, name: str, frame: Any) -> None:
        """Take any eager frame that Narwhals knows, or a mapping of column names to sequences."""
        self.name = name
        self.frame = frame
        if isinstance(frame, Mapping):
            self.columns: dict[str, Any] = {name: _column(values) for name, values in frame.items()}
        else:
            self.columns = self._series(frame)
        self.rows = self._rows()
        self.missing: dict[str, Flags] = {}
        self._gaps = set[str]()
        """Which rows of a column have no value, for columns read with `optional` that have such rows."""

    def _series(self, frame: Any) -> dict[str, Any]:
        try:
            wrapped = nw.from_native(frame, eager_only=True, pass_through=True)
        except nw.exceptions.DuplicateError:
            raise self.refusal(
                Code.COLUMN_UNKNOWN, None, "a column stands twice", "Give each column a name of its own."
            ) from None
        if not isinstance(wrapped, nw.DataFrame):
            raise Refusal(
                Code.WRONG_TYPE,
                f"{type(frame).__name__} is not a table",
                where=self.name,
                remedy="Give a pandas, Polars or PyArrow table in memory, or a mapping of column names to columns.",
            )
        return {name: wrapped[name] for name in wrapped.columns}

    def _rows(self) -> int:
        for name, column in self.columns.items():
            sized = isinstance(column, (np.ndarray, nw.Series)) or (
                isinstance(column, Sequence) and not isinstance(column, (str, bytes))
            )
            if not sized or (isinstance(column, np.ndarray) and column.ndim != 1):
                raise Refusal(
                    Code.WRONG_TYPE,
                    f"column {name} is {type(column).__name__}",
                    where=self.name,
                    remedy="Give each column as a list or a one-dimensional array.",
                )
        lengths = [len(column) for column in self.columns.values()]
        if lengths and min(lengths) < max(lengths):
            raise Refusal(
                Code.WRONG_TYPE,
                f"the columns have from {min(lengths)} to {max(lengths)} rows",
                where=self.name,
                remedy="Give every column one value for each row.",
            )
        return lengths[0] if lengths else 0

    def refusal(self, code: Code, row: int | None, what: str, remedy: str) -> Refusal:
        """Make a refusal that names this table and, counted from 1, the row (given from 0)."""
        return Refusal(code, what, where=self.name if row is None else f"{self.name}, row {row + 1}", remedy=remedy)

    def require(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        """Refuse a table that lacks a column or has one that means nothing here."""
        known = required + optional
        for name in required:
            if name not in self.columns:
                raise self.refusal(Code.COLUMN_MISSING, None, f"column {name} is missing", f"Add it; {_listing(known)}")
        for name in self.columns:
            if name not in known:
                raise self.refusal(
                    Code.COLUMN_UNKNOWN,
                    None,
                    f"column {name!r} is not known",
                    f"Remove or rename it; {_listing(known)}",
                )

    def integers(
        self, name: str, lowest: int | None = None, highest: int = INT64_MAX, *, optional: bool = False
    ) -> Integers:
        """Read a column of whole numbers as int64, within bounds; never from floats, booleans or text.

        Where values are `optional`, a missing one counts as 0 and its row is noted in `missing`.
        """
        column = self.columns[name]
        if optional:
            self._gaps.add(name)
        values: Integers = self._integer_array(name, self._without_missing(name, column) if optional else column)
        if lowest is not None and values.size:
            self.within(name, values, (int(values.min()), int(values.max())), (lowest, highest))
        known: Integers = frozen(values)
        return known

    def present(self, name: str) -> Iterator[tuple[int, Any]]:
        """Give the rows of an optional column in which a value stands, with the value."""
        column = self.columns.get(name)
        for row, value in enumerate(() if column is None else plain_list(column)):
            if not is_missing(value):
                yield row, value

    def within(self, name: str, values: Integers, found: tuple[int, int], bounds: tuple[int, int]) -> None:
        """Refuse the first value out of bounds; `found` are the least and the most of all values."""
        lowest, highest = bounds
        if found[0] >= lowest and found[1] <= highest:
            return
        row = int(np.argmax((values < lowest) | (values > highest)))
        raise self.refusal(
            Code.OUT_OF_RANGE,
            row,
            f"{name} is {values[row]}",
            f"Give a whole number from {grouped(lowest)} to {grouped(highest)}.",
        )

    def _integer_array(self, name: str, column: Any) -> npt.NDArray[np.int64]:
        if isinstance(column, nw.Series):
            if column.dtype in {nw.Int128, nw.UInt128}:
                column = column.to_list()  # NumPy has no such numbers; those that fit 64 bits are welcome.
            elif column.dtype.is_integer():
                self._no_nulls(name, column)
                column = column.to_numpy()
            else:
                column = column.to_numpy() if column.dtype.is_float() else column.to_list()
        if isinstance(column, np.ma.MaskedArray):
            column = column.tolist()  # What is masked becomes None, and is refused as missing.
        if isinstance(column, np.ndarray) and column.dtype.kind in "iu":
            return self._narrow(name, column)
        return self._from_objects(name, column)

    def _without_missing(self, name: str, column: Any) -> Any:
        """Put 0 where a value is missing and note where; a column that lacks none comes back as it is."""
        if isinstance(column, np.ndarray) and column.dtype.kind != "O" and not isinstance(column, np.ma.MaskedArray):
            return column  # Numbers of one kind have no room for a missing one; a float is none of ours anyway.
        if isinstance(column, nw.Series) and column.dtype.is_numeric():
            if column.dtype.is_float() or not _has_nulls(column):
                return column
            self.missing[name] = column.is_null().to_numpy().astype(np.bool_)
            return column.fill_null(0)
        values = column.tolist() if isinstance(column, np.ndarray) else list(column)
        if not {type(value).__name__ for value in values} & NO_VALUE_TYPES:
            return column
        gone = [type(value).__name__ in NO_VALUE_TYPES for value in values]
        self.missing[name] = np.array(gone)
        return [0 if no_value else value for value, no_value in zip(values, gone, strict=True)]

    def _no_nulls(self, name: str, column: "nw.Series[Any]") -> None:
        if _has_nulls(column):
            row = int(np.argmax(column.is_null().to_numpy()))
            raise self.refusal(Code.WRONG_TYPE, row, f"{name} is missing", "Give every row a value.")

    def _narrow(self, name: str, column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if column.dtype == np.uint64 and column.size and int(column.max()) > INT64_MAX:
            row = int(np.argmax(column > INT64_MAX))
            raise self._too_large(name, row, int(column[row]))
        narrow: Integers = np.ascontiguousarray(column, dtype=np.int64)
        return narrow

    def _too_large(self, name: str, row: int, value: int) -> Refusal:
        return self.refusal(
            Code.OUT_OF_RANGE, row, f"{name} is {value}, beyond 64 bits", "Give a whole number below 2**63."
        )

    def _from_objects(self, name: str, column: Any) -> npt.NDArray[np.int64]:
        kinds = set(map(type, column))
        if kinds - {int}:
            self._only_integers(name, column)
        try:
            return np.array(column, dtype=np.int64)
        except OverflowError:
            row = next(row for row, value in enumerate(column) if not -INT64_MAX - 1 <= value <= INT64_MAX)
            raise self._too_large(name, row, column[row]) from None

    def _only_integers(self, name: str, column: Any) -> None:
        self._none_missing(name, column)
        for row, value in enumerate(column):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
                raise self.refusal(
                    Code.WRONG_TYPE,
                    row,
                    f"{name} is {shown(value)}, not a whole number",
                    "Give an integer: no text, no decimal point, no true or false.",
                )

    def _none_missing(self, name: str, column: Any) -> None:
        """Refuse a missing value first: it is what turns a frame's column of whole numbers into floats."""
        if isinstance(column, np.ndarray) and column.dtype.kind == "f":
            missing = np.flatnonzero(np.isnan(column))
            row = int(missing[0]) if missing.size else None
        else:
            row = next((row for row, value in enumerate(column) if is_missing(value)), None)
        if row is not None and name in self._gaps:
            what = f"{name} is missing as NaN, a float"
            remedy = "Give whole numbers, and None where one is missing; in pandas, make the column Int64."
            raise self.refusal(Code.WRONG_TYPE, row, what, remedy)
        if row is not None:
            raise self.refusal(Code.WRONG_TYPE, row, f"{name} is missing", "Give every row a value.")

    def words(self, name: str) -> Words:
        """Read a column of words; categories, dictionaries and enumerations are taken as they are coded."""
        column = self.columns[name]
        if isinstance(column, nw.Series):
            coder = _CODERS.get(column.implementation.value)
            if coder is not None and column.dtype in (nw.String, nw.Categorical, nw.Enum):
                self._no_nulls(name, column)
                return _small(*coder(column.to_native()))
            column = column.to_list()
        return self._from_texts(name, column)

    def _from_texts(self, name: str, column: Any) -> Words:
        if isinstance(column, np.ndarray):
            column = column.tolist()
        if set(map(type, column)) - {str}:
            self._only_texts(name, column)
        numbers = {word: number for number, word in enumerate(dict.fromkeys(column))}
        codes = np.fromiter(map(numbers.__getitem__, column), np.int64, len(column))
        return _small(codes, [str(word) for word in numbers])

    def _only_texts(self, name: str, column: Any) -> None:
        self._none_missing(name, column)
        for row, value in enumerate(column):
            if not isinstance(value, str):
                raise self.refusal(Code.WRONG_TYPE, row, f"{name} is {shown(value)}, not text", "Give a name as text.")

    def identifiers(self, name: str) -> Any:
        """Check that a column of integers or of text names every row differently; return it as it came."""
        column = self.columns[name]
        if isinstance(column, nw.Series) and column.dtype in (nw.String, nw.Categorical, nw.Enum):
            self._no_nulls(name, column)
            if column.n_unique() < len(column):
                self._repeated(name, int(np.argmin(column.is_first_distinct().to_numpy())), column)
        elif len(column) and self._holds_text(name, column):
            self._different_texts(name, column.tolist() if isinstance(column, np.ndarray) else column)
        else:
            row = first_repeated(self.integers(name))
            if row >= 0:
                self._repeated(name, row, column)
        return column

    def _holds_text(self, name: str, column: Any) -> bool:
        if isinstance(column, np.ndarray) and column.dtype.kind in "iufb":
            return False
        if isinstance(column, nw.Series) and column.dtype.is_numeric():
            return False
        if not isinstance(column[0], str):
            return False
        self._only_texts(name, column)
        return True

    def _different_texts(self, name: str, column: Any) -> None:
        if len(set(column)) == len(column):
            return
        seen: dict[str, int] = {}
        for row, value in enumerate(column):
            if seen.setdefault(value, row) != row:
                self._repeated(name, row, column)

    def _repeated(self, name: str, row: int, column: Any) -> None:
        raise self.refusal(
            Code.DUPLICATE_ID,
            row,
            f"{name} {shown(column[row])} stands twice",
            "Give each order an identifier of its own.",
        )


def _column(values: Any) -> Any:
    """Take a list, an array or any series that Narwhals knows."""
    if isinstance(values, (list, tuple, np.ndarray)):
        return values
    return nw.from_native(values, series_only=True, pass_through=True)


def plain_list(column: Any) -> Any:
    """Return a column as a list of plain values; what is masked or null becomes None."""
    if isinstance(column, nw.Series):
        return column.to_list()
    return column.tolist() if isinstance(column, np.ndarray) else column


def _listing(columns: tuple[str, ...]) -> str:
    return f"the columns are {', '.join(columns)}."


def shown(value: Any) -> str:
    """Write a value of the caller's for a refusal, on one line."""
    text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a refusal is one line


def is_missing(value: Any) -> bool:
    """Tell whether a value stands for none: None, what pandas has for it, or a float that is no number."""
    return type(value).__name__ in NO_VALUE_TYPES or (isinstance(value, float) and isnan(value))


def _has_nulls(column: "nw.Series[Any]") -> bool:
    if column.implementation.is_pandas():
        native = column.to_native()
        if isinstance(native.dtype, np.dtype) or (hasattr(native, "cat") and native.array.codes.min(initial=0) >= 0):
            return False  # A plain column of whole numbers has no room for a null, and a category's null is below 0.
    return column.null_count() > 0


def frozen(values: npt.NDArray[Any]) -> Any:
    """Return a read-only view: kernels are compiled for one kind of array, and the caller's memory stays safe."""
    view = values.view()
    view.flags.writeable = False
    return view


def _small(codes: npt.NDArray[Any], names: list[str]) -> Words:
    """Store codes in one byte where the words are few: every pass over the orders reads them."""
    kind = np.uint8 if len(names) <= SMALL_CODES else np.int32
    if codes.dtype == np.int8 and kind is np.uint8:
        codes = codes.view(np.uint8)
    return Words(frozen(np.ascontiguousarray(codes, dtype=kind)), names)


def _code_pandas(series: Any) -> tuple[npt.NDArray[Any], list[str]]:
    if hasattr(series, "cat"):
        return series.array.codes, list(series.cat.categories)
    codes, names = series.factorize()
    return codes, list(names)


def _code_polars(series: Any) -> tuple[npt.NDArray[Any], list[str]]:
    kind = str(series.dtype)
    if kind.startswith("Enum"):
        return series.to_physical().to_numpy(), list(series.dtype.categories)
    coded = series if kind.startswith("Categorical") else _as_categorical(series)
    words = coded.unique()
    numbers = words.to_physical().to_list()
    names = [""] * (max(numbers, default=-1) + 1)
    for number, word in zip(numbers, words.to_list(), strict=True):
        names[number] = word
    return coded.to_physical().to_numpy(), names


def _as_categorical(series: Any) -> Any:
    import polars as pl  # noqa: PLC0415 - only who gives a Polars frame has Polars

    return series.cast(pl.Categorical)


def _code_pyarrow(column: Any) -> tuple[npt.NDArray[Any], list[str]]:
    if not str(column.type).startswith("dictionary"):
        column = column.dictionary_encode()
    chunk = column.unify_dictionaries().combine_chunks()
    if hasattr(chunk, "num_chunks"):
        chunk = chunk.chunk(0)
    return chunk.indices.to_numpy(zero_copy_only=False), chunk.dictionary.to_pylist()


_CODERS: Final = MappingProxyType({"pandas": _code_pandas, "polars": _code_polars, "pyarrow": _code_pyarrow})


def first_repeated(values: Integers) -> int:
    """Return the first row whose value stands in a row before it, or -1 when all differ.

    Rising identifiers need one look; identifiers of a narrow range a map of bits; others a sort.
    """
    if first_not_increasing(values) < 0:
        return -1
    lowest, highest = int(values.min()), int(values.max())
    if highest - lowest <= MAP_BITS_PER_ROW * values.size:
        return first_repeat(values, lowest, np.zeros((highest - lowest) // 8 + 1, np.uint8))
    ordered = np.sort(values)
    if (ordered[1:] > ordered[:-1]).all():
        return -1
    rows = np.argsort(values, kind="stable")
    repeats = rows[1:][values[rows[1:]] == values[rows[:-1]]]
    return int(repeats.min())


def read_orders(frame: Any) -> tuple[Table, Orders]:
    """Read the orders' columns; prices and quantities are checked for bounds by whoever surveys them."""
    table = Table("orders", frame)
    table.require(ORDER_COLUMNS, OPTIONAL_ORDER_COLUMNS)
    submitted = table.integers("submitted_at") if "submitted_at" in table.columns else None
    orders = Orders(
        frame,
        table.identifiers("order_id"),
        table.words("place"),
        table.words("side"),
        table.integers("price", optional=True),
        table.integers("quantity"),
        submitted,
        table.missing.get("price"),
    )
    return table, orders


def read_links(frame: Any) -> Links:
    """Read the links; no links at all is a market in which every place stands alone."""
    table = Table("links", {name: [] for name in LINK_COLUMNS} if frame is None else frame)
    table.require(LINK_COLUMNS, OPTIONAL_LINK_COLUMNS)
    source, target = _names(table, "source"), _names(table, "target")
    for row, (one, other) in enumerate(zip(source, target, strict=True)):
        if one == other:
            raise table.refusal(
                Code.SELF_LOOP, row, f"the link runs from {one} to itself", "Name two different places, or remove it."
            )
    capacity = table.integers("capacity", 0, HIGHEST_QUANTITY)
    tariff = table.integers("tariff", 0, HIGHEST_PRICE)
    links = Links(table.columns if frame is None else frame, source, target, capacity, tariff, np.empty(0, np.int64))
    return _with_ways_back(table, links) if "capacity_back" in table.columns else links


def _with_ways_back(table: Table, links: Links) -> Links:
    """Add each link that may carry gas back as a link of its own from its target to its source."""
    capacity_back = table.integers("capacity_back", 0, HIGHEST_QUANTITY, optional=True)
    back = np.flatnonzero(capacity_back)
    return Links(
        links.frame,
        links.source + [links.target[row] for row in back],
        links.target + [links.source[row] for row in back],
        np.concatenate([links.capacity, capacity_back[back]]),
        np.concatenate([links.tariff, links.tariff[back]]),
        back,
    )


def _names(table: Table, column: str) -> list[str]:
    words = table.words(column)
    codes = words.codes.tolist()
    check_names(table, column, words, list(dict.fromkeys(codes)))
    return [words.names[code] for code in codes]


def check_names(table: Table, column: str, words: Words, used: list[int]) -> None:
    """Refuse a word in use that is no text or is empty (a frame's categories may be anything)."""
    for code in used:
        word: Any = words.names[code]
        if not isinstance(word, str) or not word:
            row = int(np.argmax(words.codes == code))
            raise table.refusal(Code.WRONG_TYPE, row, f"{column} is {shown(word)}", "Give a name as text, not empty.")


def answer(frame: Any, keep: tuple[str, ...], quantity: Integers) -> Any:
    """Return the kept columns and the quantities in the caller's own kind of table."""
    if isinstance(frame, Mapping):
        return {**{name: frame[name] for name in keep}, "quantity": quantity}
    kept = nw.from_native(frame, eager_only=True).select(*keep)
    native = kept.to_native()
    if kept.implementation.is_pandas():  # Narwhals would copy the columns, and lose the caller's index.
        columns = {name: native[name] for name in keep}
        columns["quantity"] = native[keep[0]].__class__(quantity, index=native.index, copy=False)
        return native.__class__(columns, copy=False)
    return kept.with_columns(nw.new_series("quantity", quantity, nw.Int64(), backend=kept.implementation)).to_native()


def like(frame: Any, columns: dict[str, Any], numbers: tuple[str, ...], missing: tuple[str, ...] = ()) -> Any:
    """Make a table of the kind of another; those of the `numbers` that may be `missing` stay whole numbers too."""
    if isinstance(frame, Mapping):
        return columns
    wrapped = nw.from_native(frame, eager_only=True)
    if wrapped.implementation.is_pandas():  # Its plain columns would make floats of numbers beside a missing one.
        return frame.__class__(columns, dtype=object).infer_objects().astype(dict.fromkeys(missing, "Int64"))
    whole = {name for name in columns if name in numbers or (len(columns[name]) and isinstance(columns[name][0], int))}
    schema = {name: nw.Int64() if name in whole else nw.String() for name in columns}
    return nw.from_dict(columns, schema, backend=wrapped.implementation).to_native()
