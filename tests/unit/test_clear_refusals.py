"""Everything that `clear` refuses: the code, the row and what to do."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq import Code, Refusal

ORDERS: dict[str, list[Any]] = {
    "order_id": [1, 2, 3],
    "place": ["A", "A", "B"],
    "side": ["sell", "sell", "buy"],
    "price": [80, 90, 120],
    "quantity": [10, 10, 15],
}
LINKS: dict[str, list[Any]] = {"source": ["A", "A"], "target": ["B", "B"], "capacity": [4, 5], "tariff": [1, 2]}


def refused(orders: Any = None, links: Any = None, **options: Any) -> Refusal:
    """Clear something that must be refused, and return the refusal."""
    with pytest.raises(Refusal) as caught:
        naryq.clear(ORDERS if orders is None else orders, links, **options)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    return caught.value


def changed(column: str, row: int, value: Any, table: dict[str, list[Any]] | None = None) -> dict[str, list[Any]]:
    """Return the orders (or another table) with one value changed."""
    table = ORDERS if table is None else table
    return table | {column: [value if at == row else each for at, each in enumerate(table[column])]}


BAD_VALUES = [
    ("order_id", 2, 1, Code.DUPLICATE_ID, "order_id 1 stands twice"),
    ("order_id", 1, None, Code.WRONG_TYPE, "order_id is missing"),
    ("order_id", 1, 1.5, Code.WRONG_TYPE, "order_id is 1.5, not a whole number"),
    ("place", 1, None, Code.WRONG_TYPE, "place is missing"),
    ("place", 2, "", Code.WRONG_TYPE, "place is ''"),
    ("place", 1, 7, Code.WRONG_TYPE, "place is 7, not text"),
    ("side", 2, "Buy", Code.UNKNOWN_SIDE, "side is 'Buy'"),
    ("side", 2, None, Code.WRONG_TYPE, "side is missing"),
    ("price", 0, 118.0, Code.WRONG_TYPE, "price is 118.0, not a whole number"),
    ("price", 1, float("nan"), Code.WRONG_TYPE, "price is missing"),
    ("price", 1, float("nan"), Code.WRONG_TYPE, "price is missing"),
    ("price", 2, "cheap", Code.WRONG_TYPE, "price is 'cheap'"),
    ("price", 2, True, Code.WRONG_TYPE, "price is True"),
    ("price", 1, -1, Code.OUT_OF_RANGE, "price is -1"),
    ("price", 1, 10**12 + 1, Code.OUT_OF_RANGE, "price is 1000000000001"),
    ("price", 1, 2**63, Code.OUT_OF_RANGE, "beyond 64 bits"),
    ("price", 1, -(2**63) - 1, Code.OUT_OF_RANGE, "beyond 64 bits"),
    ("quantity", 0, 0, Code.OUT_OF_RANGE, "quantity is 0"),
    ("quantity", 0, -5, Code.OUT_OF_RANGE, "quantity is -5"),
    ("quantity", 2, 10**12 + 1, Code.OUT_OF_RANGE, "quantity is 1000000000001"),
]


@pytest.mark.parametrize(("column", "row", "value", "code", "what"), BAD_VALUES)
def test_a_bad_value_is_refused_with_its_row(column: str, row: int, value: Any, code: Code, what: str) -> None:
    """Each wrong value is refused with its code, the row counted from one, and what is wrong."""
    refusal = refused(changed(column, row, value))
    assert refusal.code is code
    assert refusal.where == f"orders, row {row + 1}"
    assert what in refusal.what


@pytest.mark.parametrize("column", ["price", "quantity", "order_id"])
def test_floats_are_refused_from_every_frame(column: str) -> None:
    """A column of floats is refused from every kind of frame, even where each value is whole."""
    table = ORDERS | {column: [118.0, 1.0, 2.0]}
    arrays = {name: np.array(values) for name, values in table.items()}
    for orders in (table, arrays, pd.DataFrame(table), pl.DataFrame(table), pa.table(table)):
        refusal = refused(orders)
        assert refusal.code is Code.WRONG_TYPE
        assert refusal.where == "orders, row 1"


@pytest.mark.parametrize("column", ["place", "side", "order_id", "quantity"])
def test_nulls_are_refused_from_every_frame(column: str) -> None:
    """A missing value is named with its row whatever frame it came in, coded columns included."""
    table = changed(column, 1, None)
    coded = pd.DataFrame(table).astype({"place": "category", "side": "category"})
    polars = pl.DataFrame(table).with_columns(pl.col("place", "side").cast(pl.Categorical))
    for orders in (table, pd.DataFrame(table), coded, pl.DataFrame(table), polars, pa.table(table)):
        refusal = refused(orders)
        assert (refusal.code, refusal.where) == (Code.WRONG_TYPE, "orders, row 2")


def test_booleans_and_wide_numbers_in_arrays() -> None:
    """Arrays of booleans, of objects and of unsigned numbers beyond 63 bits are looked into."""
    assert refused(ORDERS | {"price": np.array([True, False, True])}).code is Code.WRONG_TYPE
    wide = refused(ORDERS | {"price": np.array([1, 2, 2**63], np.uint64)})
    assert (wide.code, wide.where) == (Code.OUT_OF_RANGE, "orders, row 3")
    objects = np.array([1, 2, None], object)
    assert refused(ORDERS | {"quantity": objects}).where == "orders, row 3"
    assert refused(ORDERS | {"place": np.array(["A", None, "B"], object)}).where == "orders, row 2"


def test_a_masked_value_is_missing() -> None:
    """What a masked array hides is refused as missing, not read as what lies under the mask."""
    lots: Any = np.ma.array([80, 90, 120], mask=[False, True, False])
    found = refused({**ORDERS, "quantity": lots})
    assert (found.code, found.where) == (Code.WRONG_TYPE, "orders, row 2")


def test_numbers_of_128_bits_are_read_where_they_fit() -> None:
    """A Polars column of 128 bits is read when its numbers fit 64, and refused by row when one does not."""
    frame = pl.DataFrame(ORDERS)
    fitting = frame.with_columns(pl.col("price").cast(pl.Int128))
    assert naryq.clear(fitting).prices == naryq.clear(frame).prices
    wide = fitting.with_columns(pl.Series("price", [2**70] * frame.height, dtype=pl.Int128))
    assert refused(wide).code == Code.OUT_OF_RANGE


def test_repeated_identifiers_are_found_however_they_are_spread() -> None:
    """Rising, dense, scattered and written identifiers are each searched in their own way, and all are found."""
    for identifiers in ([5, 6, 5], [10**18, -(10**18), 10**18], ["a", "b", "a"]):
        for orders in (ORDERS | {"order_id": identifiers}, pl.DataFrame(ORDERS | {"order_id": identifiers})):
            refusal = refused(orders)
            assert (refusal.code, refusal.where) == (Code.DUPLICATE_ID, "orders, row 3")
            assert repr(identifiers[0]) in refusal.what
    naryq.clear(ORDERS | {"order_id": [10**18, -(10**18), 0]})
    naryq.clear(ORDERS | {"order_id": np.array(["a", "b", "c"])})
    assert refused(ORDERS | {"order_id": ["a", 2, "c"]}).where == "orders, row 2"


def test_a_categorical_of_numbers_is_no_name() -> None:
    """A category that is no text is refused where a row uses it, and only there."""
    frame = pd.DataFrame(ORDERS)
    numbered = frame.assign(place=pd.Categorical([1, 1, 2]))
    assert refused(numbered).where == "orders, row 1"
    unused = frame.assign(place=pd.Categorical(["A", "A", "B"], categories=["B", "A", "", "C"]))
    assert naryq.clear(unused).prices.keys() == {"A", "B"}


def test_columns_missing_unknown_and_uneven() -> None:
    """Columns that are missing, unknown, uneven or no columns are refused by name."""
    refusal = refused({name: column for name, column in ORDERS.items() if name != "price"})
    assert (refusal.code, refusal.what) == (Code.COLUMN_MISSING, "column price is missing")
    refusal = refused(ORDERS | {"Price": [1, 2, 3]})
    assert (refusal.code, refusal.what) == (Code.COLUMN_UNKNOWN, "column 'Price' is not known")
    assert refused(ORDERS | {"price": [1, 2]}).code is Code.WRONG_TYPE
    assert refused(ORDERS | {"price": "abc"}).code is Code.WRONG_TYPE
    assert refused(ORDERS | {"price": np.ones((3, 1), np.int64)}).code is Code.WRONG_TYPE


@pytest.mark.parametrize("table", ["orders.csv", [1, 2, 3], 7, pl.LazyFrame(ORDERS)])
def test_what_is_no_table(table: Any) -> None:
    """A path, a list, a number or a lazy frame is refused as no table."""
    refusal = refused(table)
    assert refusal.code is Code.WRONG_TYPE
    assert "is not a table" in refusal.what


def test_a_column_that_stands_twice() -> None:
    """A frame that names two columns alike is refused."""
    frame = pd.DataFrame(ORDERS)
    frame.columns = ["order_id", "place", "side", "price", "price"]
    assert refused(frame).code is Code.COLUMN_UNKNOWN


BAD_LINKS = [
    ("source", "B", Code.SELF_LOOP, "from B to itself"),
    ("target", None, Code.WRONG_TYPE, "target is missing"),
    ("target", "", Code.WRONG_TYPE, "target is ''"),
    ("capacity", -1, Code.OUT_OF_RANGE, "capacity is -1"),
    ("capacity", 1.5, Code.WRONG_TYPE, "capacity is 1.5"),
    ("tariff", -1, Code.OUT_OF_RANGE, "tariff is -1"),
    ("tariff", 2**63, Code.OUT_OF_RANGE, "beyond 64 bits"),
    ("tariff", 10**12 + 1, Code.OUT_OF_RANGE, "tariff is 1000000000001"),
]


@pytest.mark.parametrize(("column", "value", "code", "what"), BAD_LINKS)
def test_a_bad_link_is_refused_with_its_row(column: str, value: Any, code: Code, what: str) -> None:
    """Each wrong value of a link is refused with its code and its row."""
    refusal = refused(links=changed(column, 1, value, LINKS))
    assert (refusal.code, refusal.where) == (code, "links, row 2")
    assert what in refusal.what


@pytest.mark.parametrize(
    "options",
    [
        {"tie": "random"},
        {"tie": None},
        {"price_rule": "average"},
        {"price_rule": "reference"},
        {"reference": 100},
    ],
)
def test_unknown_options(options: dict[str, Any]) -> None:
    """An option that is not known, or that lacks or contradicts its partner, is refused."""
    assert refused(**options).code is Code.UNKNOWN_OPTION


@pytest.mark.parametrize("reference", [-1, 10**13, 1.5, True, {"A": 1.5}])
def test_bad_references(reference: Any) -> None:
    """A reference price is a whole number within the bounds of prices."""
    assert refused(price_rule="reference", reference=reference).code is Code.OUT_OF_RANGE


def test_a_reference_for_an_unknown_place() -> None:
    """A reference for a place that nothing names is a mistake, not a wish."""
    refusal = refused(price_rule="reference", reference={"Aktau": 5})
    assert refusal.code is Code.UNKNOWN_PLACE


@pytest.mark.parametrize(
    ("column", "values", "code", "row"),
    [
        ("min_quantity", [0, 11, 0], Code.OUT_OF_RANGE, 2),
        ("min_quantity", [-1, 0, 0], Code.OUT_OF_RANGE, 1),
        ("min_quantity", np.array([0, 0, 99]), Code.OUT_OF_RANGE, 3),
        ("min_quantity", [0, 2**70, 0], Code.OUT_OF_RANGE, 2),
        ("min_quantity", [None, 1.0, None], Code.WRONG_TYPE, 2),
        ("min_quantity", np.array([np.nan, np.nan, 2.0]), Code.WRONG_TYPE, 3),
        ("min_quantity", ["5", 0, 0], Code.WRONG_TYPE, 1),
        ("min_quantity", [True, 0, 0], Code.WRONG_TYPE, 1),
        ("group", ["g", 1.5, None], Code.WRONG_TYPE, 2),
        ("group", [True, None, None], Code.WRONG_TYPE, 1),
        ("parent", [None, 9, None], Code.UNKNOWN_ORDER, 2),
        ("parent", [None, "1", None], Code.UNKNOWN_ORDER, 2),
        ("parent", [None, None, 3], Code.SELF_LOOP, 3),
        ("parent", [2, 1, None], Code.SELF_LOOP, 1),
        ("parent", [None, [], None], Code.WRONG_TYPE, 2),
    ],
)
def test_conditions_that_cannot_be(column: str, values: Any, code: Code, row: int) -> None:
    """A condition of the wrong type or beyond its order, an unknown parent and a circle of parents are refused."""
    refusal = refused(ORDERS | {column: values})
    assert (refusal.code, refusal.where) == (code, f"orders, row {row}")


@pytest.mark.parametrize("column", ["min_quantity", "group", "parent"])
def test_columns_without_conditions(column: str) -> None:
    """A column that states no condition changes nothing."""
    plain = naryq.clear(ORDERS)
    for values in ([None, float("nan"), None], pd.Series([None, pd.NA, np.nan]), np.array([np.nan] * 3)):
        result = naryq.clear(ORDERS | {column: values})
        assert (result.prices, result._outcome.chosen) == (plain.prices, None)
    free: list[Any] = [0, 1, np.int64(1)] if column == "min_quantity" else ["", None, ""]
    assert naryq.clear(ORDERS | {column: free})._outcome.chosen is None


@pytest.mark.parametrize("seconds", [-1, 1.5, True, "5"])
def test_bad_time_limits(seconds: Any) -> None:
    """A time limit is a whole number of seconds."""
    assert refused(time_limit_seconds=seconds).code is Code.OUT_OF_RANGE


@pytest.mark.parametrize("rule", ["xetra", "euronext", "last_accepted_sell"])
def test_a_venue_rule_with_conditions(rule: str) -> None:
    """A venue's price rule knows no orders with conditions, and says so."""
    refusal = refused(ORDERS | {"min_quantity": [2, 0, 0]}, price_rule=rule)
    assert (refusal.code, refusal.where) == (Code.NOT_SUPPORTED, "orders")


def test_overflow_is_found_before_any_sum() -> None:
    """One order, all orders together, or sums over many links that might pass 64 bits are refused."""
    most = 10**12
    one = refused(ORDERS | {"price": [1, most, 1], "quantity": [1, most, 1]})
    assert (one.code, one.where) == (Code.OVERFLOW, "orders, row 2")
    all_together = refused(ORDERS | {"price": [most, most, most], "quantity": [9 * 10**6] * 3})
    assert (all_together.code, all_together.where) == (Code.OVERFLOW, "orders")
    apart = refused(ORDERS | {"price": [most, 1, 1], "quantity": [1, most, most]})
    assert (apart.code, apart.where) == (Code.OVERFLOW, "orders")
    count = 10**7
    many = {
        "order_id": np.arange(count),
        "place": pd.Series(pd.Categorical.from_codes(np.zeros(count, np.int8), ["A"])),
        "side": pd.Series(pd.Categorical.from_codes(np.zeros(count, np.int8), ["buy"])),
        "price": np.zeros(count, np.int64),
        "quantity": np.full(count, most),
    }
    assert refused(many).code is Code.OVERFLOW


def test_times_are_whole_numbers() -> None:
    """The time of an order is a whole number of nanoseconds."""
    assert refused(ORDERS | {"submitted_at": [1, 2, "noon"]}).where == "orders, row 3"


@pytest.mark.parametrize("column", ["min_quantity", "group", "parent"])
def test_whole_numbers_that_pandas_made_floats(column: str) -> None:
    """Where gaps have made a column of whole numbers floats, the refusal says how pandas keeps them whole."""
    frame = pd.DataFrame(
        {"order_id": [1, 2], "place": ["A"] * 2, "side": ["buy", "sell"], "price": [9, 1], "quantity": [4, 3]}
    )
    frame[column] = [None, 1]
    with pytest.raises(naryq.Refusal, match=r"astype\('Int64'\)"):
        naryq.clear(frame)
    naryq.clear(frame.astype({column: "Int64"})).check()
