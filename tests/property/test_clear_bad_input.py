"""Whatever is thrown at `clear`, it answers with a proven result or with one refusal."""

from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.market_oracles import SHAPES, random_market
from tests.place_oracles import random_case

import naryq

VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.decimals(allow_nan=True),
)
BAD_NUMBERS: st.SearchStrategy[Any] = VALUES.filter(lambda value: isinstance(value, bool) or not isinstance(value, int))
COLUMNS = ("order_id", "place", "side", "price", "quantity", "submitted_at", "min_quantity", "group")


def answered(orders: Any, links: Any, **options: Any) -> bool:
    """Clear; True for a result that proves itself, False for a refusal, and anything else is a bug."""
    try:
        result = naryq.clear(orders, links, **options)
    except naryq.Refusal as refusal:
        remedy = refusal.remedy
    else:
        assert result.check().is_optimal
        return True
    assert remedy
    return False


def broken(draw: st.DataObject, table: dict[str, list[Any]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Put one drawn value somewhere into a table."""
    name = draw.draw(st.sampled_from(names))
    rows = len(next(iter(table.values())))
    column = list(table.get(name, [None] * rows))
    if rows:
        column[draw.draw(st.integers(0, rows - 1))] = draw.draw(VALUES)
    return table | {name: column}


@settings(max_examples=400)
@given(st.data(), st.integers(0, 99), st.sampled_from(SHAPES))
def test_any_value_anywhere_is_answered(data: st.DataObject, seed: int, shape: str) -> None:
    """One arbitrary value in any column of orders, links or places never does more than get a refusal."""
    orders, links, places = random_case(seed, shape)
    broken_table = data.draw(st.sampled_from(("orders", "links", "places")))
    if broken_table == "orders":
        answered(broken(data, orders, COLUMNS), links, places=places)
    elif broken_table == "links":
        answered(orders, broken(data, links, tuple(links)), places=places)
    else:
        answered(orders, links, places=broken(data, places, tuple(places)))


@settings(max_examples=150)
@given(st.sampled_from(("price", "quantity")), BAD_NUMBERS, st.integers(0, 2))
def test_what_is_no_whole_number_is_always_refused(column: str, value: Any, row: int) -> None:
    """No text, float, boolean or list passes for a price or a quantity, no null for a quantity; the row is named."""
    if column == "price" and value is None:
        return  # An order without a limit.
    orders = {"order_id": [1, 2, 3], "place": ["A"] * 3, "side": ["buy"] * 3, "price": [1] * 3, "quantity": [1] * 3}
    values: list[Any] = [1, 1, 1]
    values[row] = value
    with pytest.raises(naryq.Refusal, match=f"wrong_type: orders, row {row + 1}: {column}"):
        naryq.clear(orders | {column: values})


@settings(max_examples=100)
@given(st.integers(0, 400), st.sampled_from(SHAPES), st.sampled_from(("time", "pro_rata")))
def test_frames_agree(seed: int, shape: str, tie: str) -> None:
    """Lists, pandas and Polars give the same prices, fills and flows."""
    orders, links = random_market(seed, shape)
    if not orders["order_id"] or not links["source"]:
        return
    plain = naryq.clear(orders, links, tie=tie)
    for kind in (pd.DataFrame, pl.DataFrame):
        other = naryq.clear(kind(orders), kind(links), tie=tie)
        assert other.prices == plain.prices
        assert other.fills["quantity"].to_list() == plain.fills["quantity"].tolist()
        assert other.flows["quantity"].to_list() == plain.flows["quantity"].tolist()


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=8), st.lists(VALUES, max_size=3), max_size=4))
def test_any_mapping_is_answered(table: dict[str, list[Any]]) -> None:
    """A mapping of anything is refused and never trips the program."""
    assert not answered(table, None)
