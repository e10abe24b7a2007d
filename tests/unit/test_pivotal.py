"""Participants: the market without each of them, in every kind of table, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq.market import clearing
from naryq.market.auction import Answer, Rules, solve
from naryq.market.intake import Table
from naryq.market.labels import NOBODY, read_labels
from naryq.market.passes import Passes, Survey

ORDERS: dict[str, list[Any]] = {
    "order_id": [1, 2, 3, 4, 5],
    "place": ["Pavlodar", "Pavlodar", "Astana", "Astana", "Pavlodar"],
    "side": ["sell", "sell", "buy", "buy", "sell"],
    "price": [80_000, 90_000, 120_000, 110_000, 100_000],
    "quantity": [10, 10, 8, 9, 4],
    "participant": ["KMG", "Petrosun", "Astana Gas", "Astana Gas", None],
}
LINKS: dict[str, list[Any]] = {"source": ["Pavlodar"], "target": ["Astana"], "capacity": [40], "tariff": [12_000]}
KINDS = ("lists", "arrays", "pandas", "pandas coded", "polars", "polars coded", "arrow", "arrow coded")


def frame_of(kind: str, table: dict[str, list[Any]]) -> Any:
    makers: dict[str, Any] = {
        "lists": dict,
        "arrays": lambda table: {name: np.array(column) for name, column in table.items()},
        "pandas": pd.DataFrame,
        "pandas coded": lambda table: pd.DataFrame(table).astype({"participant": "category"}),
        "polars": pl.DataFrame,
        "polars coded": lambda table: pl.DataFrame(table).with_columns(pl.col("participant").cast(pl.Categorical)),
        "arrow": pa.table,
        "arrow coded": lambda table: pa.table(
            table | {"participant": pa.array(table["participant"]).dictionary_encode()}
        ),
    }
    return makers[kind](table)


def dictionaries(table: Any) -> list[dict[str, Any]]:
    """Give the rows of any kind of table as plain values, what is missing as None."""
    if isinstance(table, pd.DataFrame):
        table = {name: [None if each is pd.NA else each for each in table[name]] for name in table.columns}
    elif not isinstance(table, dict):
        table = table.to_pydict() if isinstance(table, pa.Table) else table.to_dict(as_series=False)
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_pivotal_participants_of_every_kind_of_table(kind: str) -> None:
    """Each kind of table gives the same rows, sorted, in its own kind, prices whole or missing."""
    result = naryq.clear(frame_of(kind, ORDERS), LINKS)
    pivotal = result.pivotal("Astana")
    assert [(one.participant, one.sold, one.bought) for one in pivotal] == [
        ("Astana Gas", 0, 17),
        ("KMG", 10, 0),
        ("Petrosun", 7, 0),
    ]
    assert [one.prices_without for one in pivotal] == [{"Astana": 92_000}, {"Astana": 110_000}, {"Astana": 110_000}]
    assert [(one.shortage, one.surplus, one.is_pivotal) for one in pivotal] == [
        (0, 17, True),
        (3, 0, True),
        (3, 0, True),
    ]
    rows = dictionaries(pivotal.table())
    assert [row["price_without"] for row in rows] == [92_000, 110_000, 110_000]
    assert {type(row["price"]) for row in rows} <= {int, np.int64}
    assert type(pivotal.table()) is type(frame_of(kind, ORDERS))
    assert len(dictionaries(result.pivotal().table())) == 6


def test_without_a_participant_is_a_whole_clearing() -> None:
    """The market without a participant has its own fills, its own proof, and all places of the whole one."""
    frame = pd.DataFrame(ORDERS | {"place": [*ORDERS["place"][:4], "Aktau"]}, index=list("abcde"))
    less = naryq.clear(frame, LINKS).without("Astana Gas")
    assert less.check().is_optimal
    assert list(less.fills.index) == ["a", "b", "e"]
    named = naryq.clear(frame.assign(participant=list("ppqqr")), LINKS)
    assert named.without("r").prices["Aktau"] is None
    assert [one.participant for one in named.without("r").pivotal()] == ["p", "q"]
    assert named.without("r").without("p").prices == {"Aktau": None, "Astana": 120_000, "Pavlodar": 108_000}


@pytest.mark.parametrize("kind", ["lists", "pandas", "polars", "arrow"])
def test_a_place_without_a_price_is_missing_in_the_table(kind: str) -> None:
    """Where no price is left the table has a missing value, and the other prices stay whole numbers."""
    orders: dict[str, list[Any]] = {"order_id": [1, 2], "place": ["A", "B"], "side": ["buy", "buy"]}
    frame = frame_of(kind, orders | {"price": [10**12 - 1, 5], "quantity": [1, 1], "participant": [7, 8]})
    rows = dictionaries(naryq.clear(frame).pivotal().table())
    assert [(row["participant"], row["place"], row["price"], row["price_without"]) for row in rows] == [
        (7, "A", 10**12 - 1, None),
        (7, "B", 5, 5),
        (8, "A", 10**12 - 1, 10**12 - 1),
        (8, "B", 5, None),
    ]


def test_each_participant_costs_one_clearing(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often and for however many places it is asked, each participant is taken out once."""
    result = naryq.clear(ORDERS, LINKS)
    solved: list[int] = []

    def counted(passes: Passes, survey: Survey, rules: Rules) -> Answer:
        solved.append(passes.market.price.size)
        return solve(passes, survey, rules)

    monkeypatch.setattr(clearing, "solve", counted)
    for place in (None, "Astana", "Pavlodar"):
        assert len(result.pivotal(place)) == 3
    assert solved == [3, 4, 4]


def test_a_link_can_make_a_seller_pivotal() -> None:
    """Offers elsewhere do not help where the link that they would need is too small."""
    orders = {
        "order_id": [1, 2, 3],
        "place": ["A", "B", "B"],
        "side": ["sell", "sell", "buy"],
        "price": [10, 20, 90],
        "quantity": [100, 5, 8],
        "participant": ["far", "near", None],
    }
    links = {"source": ["A"], "target": ["B"], "capacity": [6], "tariff": [1]}
    far, near = naryq.clear(orders, links).pivotal("B")
    assert (far.shortage, near.shortage) == (3, 2)
    assert near.prices_without == {"B": 90}


def test_reprs() -> None:
    """A person and a notebook see the rows, and how many are left out."""
    pivotal = naryq.clear(ORDERS, LINKS).pivotal("Astana")
    assert repr(pivotal).splitlines()[:2] == [
        "participant  sold  bought  shortage  surplus   place    price  without",
        "Astana Gas      0      17         0       17  Astana  102 000   92 000",
    ]
    assert "<td>Petrosun</td>" in pivotal._repr_html_()
    count = 61
    crowd = {"order_id": list(range(count)), "place": ["A"] * count, "side": ["sell"] * count, "price": [1] * count}
    many = naryq.clear(crowd | {"quantity": [1] * count, "participant": list(range(count))}).pivotal()
    assert repr(many).endswith("... and 1 more rows.")
    assert many[:2] == (many[0], many[1])


def test_nobody_may_be_named() -> None:
    """Without the column both questions are refused; with it empty nobody is pivotal; a stranger is refused by name."""
    plain = {name: column for name, column in ORDERS.items() if name != "participant"}
    for ask in (lambda: naryq.clear(plain).pivotal(), lambda: naryq.clear(plain).without("KMG")):
        with pytest.raises(naryq.Refusal, match="column_missing: orders: column participant is missing"):
            ask()
    assert list(naryq.clear(plain | {"participant": [None] * 5}).pivotal()) == []
    with pytest.raises(naryq.Refusal, match=r"unknown_participant: .*'KTG'.*Astana Gas, KMG, Petrosun"):
        naryq.clear(ORDERS, LINKS).without("KTG")
    with pytest.raises(naryq.Refusal, match="unknown_place"):
        naryq.clear(ORDERS, LINKS).pivotal("Aktau")


@pytest.mark.parametrize(
    ("column", "row"),
    [
        (["a", 1, "b"], 2),
        ([1, "a", 2], 2),
        (["a", "", "b"], 2),
        ([1, 2.0, 3], 2),
        ([None, True, 1], 2),
        (np.array([1.0, np.nan, 2.0]), 1),
        (pd.Series([1, None, 2]), 1),
        (pd.Series(["a", "", None], dtype="category"), 2),
        (pd.Series([None, "a", 1], dtype="category"), 3),
        (pl.Series([None, None, 2.5]), 3),
        (pa.chunked_array([[True, None, False]]), 1),
    ],
)
def test_a_participant_is_text_or_a_whole_number(column: Any, row: int) -> None:
    """What is neither, or both in one column, is refused with its row."""
    orders = {"order_id": [1, 2, 3], "place": ["A"] * 3, "side": ["sell"] * 3, "price": [1] * 3, "quantity": [1] * 3}
    with pytest.raises(naryq.Refusal, match=rf"wrong_type: orders, row {row}: participant is"):
        naryq.clear(orders | {"participant": column})


@pytest.mark.parametrize(
    "column",
    [
        [7, None, 5, 7],
        np.array([7, None, 5, 7], dtype=object),
        np.ma.MaskedArray([7, 0, 5, 7], [False, True, False, False]),
        pd.Series([7, None, 5, 7], dtype="Int64"),
        pd.Series([7, None, 5, 7], dtype="Int64").astype("category"),
        pl.Series([7, None, 5, 7], dtype=pl.UInt8),
        pl.Series([7, None, 5, 7], dtype=pl.Int128),
        pa.chunked_array([[7, None], [5, 7]]),
    ],
)
def test_numbers_of_every_kind_may_be_missing(column: Any) -> None:
    """Whole numbers with gaps are read alike from every kind of column."""
    found = read_labels(Table("orders", {"participant": column}), "participant")
    assert found is not None
    assert (found.codes.tolist(), found.names) == ([1, NOBODY, 0, 1], (5, 7))
