"""Links that carry gas both ways."""

from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq.market import checking
from naryq.messages import Code

ORDERS = {
    "order_id": [1, 2, 3],
    "place": ["A", "B", "B"],
    "side": ["sell", "buy", "buy"],
    "price": [10, 30, 25],
    "quantity": [5, 2, 9],
}
LINKS: dict[str, list[Any]] = {
    "source": ["B", "A"],
    "target": ["A", "B"],
    "capacity": [4, 1],
    "tariff": [5, 7],
    "capacity_back": [3, None],
}


def test_gas_runs_back_at_the_same_tariff() -> None:
    """What runs from target to source counts below zero, and a missing capacity back is none."""
    result = naryq.clear(ORDERS, LINKS)
    assert result.flows["quantity"].tolist() == [-3, 1]
    assert result.prices == {"A": 10, "B": 25}
    assert result.welfare == 2 * 30 + 2 * 25 - 4 * 10 - 3 * 5 - 1 * 7
    assert result.check().is_optimal


def test_why_names_the_way_that_is_full() -> None:
    """A link that is full on its way back is named as the gas runs."""
    link = naryq.clear(ORDERS, LINKS).why("B").full_links[-1]
    assert link == ("A", "B", 3, 5, 10, 30)


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_every_kind_of_table(kind: Any) -> None:
    """A missing capacity back is 0 in every kind of table that has missing whole numbers."""
    links = kind(LINKS)
    if kind is pd.DataFrame:
        links = links.astype({"capacity_back": "Int64"})
    assert [int(str(lots)) for lots in naryq.clear(ORDERS, links).flows["quantity"]] == [-3, 1]


def test_a_free_link_never_carries_both_ways() -> None:
    """At tariff zero, too, only the difference runs."""
    links = {"source": ["A"], "target": ["B"], "capacity": [9], "tariff": [0], "capacity_back": [9]}
    result = naryq.clear(ORDERS, links)
    assert result.flows["quantity"].tolist() == [5]
    assert result.check().is_optimal


@pytest.mark.parametrize(("value", "code"), [(-1, Code.OUT_OF_RANGE), (10**12 + 1, Code.OUT_OF_RANGE), (1.5, "")])
def test_wrong_capacities_back_are_refused(value: Any, code: str) -> None:
    """A capacity back is a whole number of lots, or missing."""
    with pytest.raises(naryq.Refusal) as refused:
        naryq.clear(ORDERS, {**LINKS, "capacity_back": [None, value]})
    assert refused.value.code == (code or Code.WRONG_TYPE)
    assert refused.value.where == "links, row 2"


def test_a_column_of_floats_is_refused() -> None:
    """Where pandas made floats of whole numbers and nothing, the refusal says so."""
    with pytest.raises(naryq.Refusal, match="capacity_back is missing"):
        naryq.clear(ORDERS, pd.DataFrame(LINKS))


def test_the_check_sees_too_much_on_the_way_back() -> None:
    """A flow beyond the capacity back is found, and so is one where there is no way back."""
    result = naryq.clear(ORDERS, LINKS)
    for links in ({**LINKS, "capacity_back": [2, None]}, {**LINKS, "capacity_back": [None, None]}):
        with pytest.raises(AssertionError, match="beyond capacity"):
            checking.check_clearing(ORDERS, links, result.prices, result.fills, result.flows)
