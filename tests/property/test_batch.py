"""`clear_batch` against `clear`: every number of every market is the same, whatever the rows' order and kind."""

import copy
import random
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests.market_oracles import SHAPES, Market, random_market

import naryq
from naryq.market import batch, batch_intake, small

OPTIONS: tuple[dict[str, Any], ...] = (
    {"price_rule": "lowest"},
    {"price_rule": "middle", "tie": "pro_rata"},
    {"price_rule": "highest", "tie": "pro_rata"},
    {"price_rule": "reference", "reference": 3},
    {"price_rule": "reference", "reference": {"P0": 2, "P1": 9}, "tie": "pro_rata"},
)
KINDS: dict[str, Any] = {"lists": dict, "pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}


def drawn(seed: int, *, own_links: bool) -> tuple[dict[str, Market], dict[str, list[Any]], dict[str, list[Any]]]:
    """Draw some markets, and the tables in which their rows stand mixed; the links are one table, or each its own."""
    chance = random.Random(seed)
    markets = {}
    shared = random_market(seed)[1]
    for number in range(chance.randint(1, 9)):
        orders, links = random_market(100 * seed + number, chance.choice(SHAPES))
        orders["submitted_at"] = [chance.randint(-3, 3) for _ in orders["place"]]
        links["capacity_back"] = [chance.choice([0, 0, 5]) for _ in links["source"]]
        markets[f"M{number}"] = orders, links
    if not own_links:
        shared["capacity_back"] = [chance.choice([0, 0, 5]) for _ in shared["source"]]
        markets = {name: (orders, shared) for name, (orders, _) in markets.items()}
    tables = [mixed({name: market[part] for name, market in markets.items()}, chance) for part in (0, 1)]
    used = {*tables[0]["market"], *(tables[1]["market"] if own_links else ())}
    return (
        {name: market for name, market in markets.items() if name in used},
        tables[0],
        tables[1] if own_links else shared,
    )


def mixed(parts: dict[str, dict[str, list[Any]]], chance: random.Random) -> dict[str, list[Any]]:
    """Put the rows of several tables into one, those of each in their order."""
    rows = [name for name, table in parts.items() for _ in next(iter(table.values()))]
    chance.shuffle(rows)
    left = {name: {column: iter(values) for column, values in table.items()} for name, table in parts.items()}
    columns = next(iter(parts.values()))
    table: dict[str, list[Any]] = {"market": rows, **{column: [] for column in columns}}
    for name in rows:
        for column in columns:
            table[column].append(next(left[name][column]))
    return table


def of(table: Any, market: str, column: str) -> list[Any]:
    """Return a column of the rows of one market."""
    return [value for name, value in zip(table["market"], table[column], strict=True) if name == market]


def options_of(options: dict[str, Any], orders: dict[str, list[Any]], links: dict[str, list[Any]]) -> dict[str, Any]:
    """Leave out the reference prices of places that a market does not have: `clear` refuses them."""
    reference = options.get("reference")
    if not isinstance(reference, dict):
        return options
    names = {*orders["place"], *links["source"], *links["target"]}
    return {**options, "reference": {place: price for place, price in reference.items() if place in names}}


def compare(result: naryq.Clearings, markets: dict[str, Market], options: dict[str, Any]) -> None:
    """Compare each market with what it comes to alone."""
    assert list(result) == sorted(markets)
    fills, flows, prices = result.fills, result.flows, result.prices
    for name, (orders, links) in markets.items():
        alone = naryq.clear(orders, links, **options_of(options, orders, links))
        one = result[name]
        assert (
            one.prices == alone.prices == dict(zip(of(prices, name, "place"), of(prices, name, "price"), strict=True))
        )
        assert list(one.fills["quantity"]) == list(alone.fills["quantity"]) == of(fills, name, "quantity")
        assert list(one.flows["quantity"]) == list(alone.flows["quantity"]) == of(flows, name, "quantity")
        assert one.traded == alone.traded
        assert (result.welfare[name], result.dual_value[name]) == (alone.welfare, alone.dual_value)
        assert one.check() == alone.check()
        assert [one.why(place).text for place in one.prices] == [alone.why(place).text for place in alone.prices]


@pytest.mark.parametrize("own_links", [True, False], ids=["links of each", "links for all"])
def test_every_number_is_that_of_clear(own_links: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Prices, fills, flows, trade, values, reasons and the check are those of the market alone, under all rules."""
    for seed in range(60):
        markets, orders, links = drawn(seed, own_links=own_links)
        options = options_of(OPTIONS[seed % len(OPTIONS)], orders, links)
        compare(naryq.clear_batch(orders, links, **options), markets, options)


@pytest.mark.parametrize("rule", ["xetra", "euronext", "last_accepted_sell"])
def test_the_rules_of_venues(rule: str) -> None:
    """Without links a venue's rule clears every market as it does alone."""
    for seed in range(5):
        markets, orders, _ = drawn(seed, own_links=True)
        result = naryq.clear_batch(orders, price_rule=rule)
        for name, (alone, _) in markets.items():
            if alone["place"]:
                assert result[name].prices == naryq.clear(alone, price_rule=rule).prices


def test_large_markets_among_small_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not small is cleared as `clear` does, and runs of small markets stop before it."""
    monkeypatch.setattr(small, "SMALL", 40)
    monkeypatch.setattr(batch, "RUN", 2)
    for seed in range(15):
        markets, orders, links = drawn(seed, own_links=True)
        compare(naryq.clear_batch(orders, links), markets, {})


def test_places_by_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a table of all markets and names would be too large, places are found by search."""
    monkeypatch.setattr(batch_intake, "DENSE", 0)
    for seed in range(15):
        markets, orders, links = drawn(seed, own_links=True)
        compare(naryq.clear_batch(orders, links), markets, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table(kind: str) -> None:
    """Each kind of table gives the same numbers, in tables of its own kind."""
    markets, orders, links = drawn(7, own_links=True)
    tables = [KINDS[kind](table) for table in (orders, links)]
    result = naryq.clear_batch(*tables)
    plain = naryq.clear_batch(orders, links)
    for table, other in ((result.prices, plain.prices), (result.fills, plain.fills), (result.flows, plain.flows)):
        assert isinstance(table, type(tables[0]))
        for column, expected in other.items():
            values = table[column].to_pylist() if kind == "pyarrow" else list(table[column])
            values = [None if value is pd.NA else value for value in values]
            assert values == list(expected), column
    shared = naryq.clear_batch(tables[0], KINDS[kind](markets["M0"][1])).flows
    assert isinstance(shared, type(tables[0]))
    assert len(shared["quantity"]) == len(markets) * len(markets["M0"][1]["source"])


def test_markets_named_by_numbers() -> None:
    """Whole numbers name markets too, and a table without rows has none."""
    orders: dict[str, Any] = {
        "day": np.array([9, 3, 9]),
        "order_id": [1, 1, 2],
        "place": ["A"] * 3,
        "side": ["buy", "buy", "sell"],
        "price": [5, 5, 5],
        "quantity": [1, 2, 3],
    }
    result = naryq.clear_batch(orders, by="day")
    assert list(result) == [3, 9]
    assert result[9].traded == {"A": (1, 1)}
    assert "2 markets, all proven optimal" in repr(result)
    assert "market" in result._repr_html_()
    assert result.check()[9].is_optimal
    with pytest.raises(KeyError):
        result[4]
    nothing = naryq.clear_batch({name: column[:0] for name, column in orders.items()}, by="day")
    assert len(nothing) == 0
    assert nothing.prices["price"] == []


def test_a_planted_bug_is_caught() -> None:
    """A lot that one market loses is seen by the check of that market."""
    _, orders, links = drawn(3, own_links=True)
    result = naryq.clear_batch(orders, links)
    traded = [name for name in result if any(sum(lots) for lots in result[name].traded.values())]
    row = next(row for row, lots in enumerate(result.fills["quantity"]) if lots and orders["market"][row] == traded[0])
    result._settled.fills[row] -= 1
    with pytest.raises(AssertionError):
        result.check()


TABLE: dict[str, list[Any]] = {
    "market": ["a", "a", "b"],
    "order_id": [1, 2, 1],
    "place": ["A"] * 3,
    "side": ["buy", "sell", "sell"],
    "price": [5, 5, 5],
    "quantity": [1, 2, 3],
}
WRONG: dict[str, tuple[str, list[Any], str, str]] = {
    "identifier": ("order_id", [1, 1, 1], "duplicate_id", "orders, row 2"),
    "text identifier": ("order_id", ["x", "x", "x"], "duplicate_id", "orders, row 2"),
    "side": ("side", ["buy", "sell", "hold"], "unknown_side", "orders, row 3"),
    "price": ("price", [5, -1, 5], "out_of_range", "orders, row 2"),
    "no price": ("price", [5, 5, None], "not_supported", "orders, row 3"),
    "no market": ("market", ["a", None, "b"], "wrong_type", "orders, row 2"),
    "condition": ("min_quantity", [0, 1, 2], "not_supported", "orders, row 3"),
    "group": ("group", [None, "g", None], "not_supported", "orders, row 2"),
    "unknown": ("colour", [1, 2, 3], "column_unknown", "orders"),
    "overflow": ("quantity", [10**12, 1, 1], "overflow", "orders"),
}


@pytest.mark.parametrize("what", WRONG)
def test_refusals_name_the_row(what: str) -> None:
    """Whatever is wrong is refused once, with its code and the row of the whole table."""
    column, values, code, where = WRONG[what]
    orders: dict[str, list[Any]] = {**copy.deepcopy(TABLE), column: values}
    if what == "overflow":
        orders["price"] = [10**12, 5, 5]
    with pytest.raises(naryq.Refusal) as refused:
        naryq.clear_batch(orders)
    assert refused.value.code == code
    assert refused.value.where in {where, f"{where}, row 1"}


def test_refusals_of_the_markets() -> None:
    """The column of the markets must be there, be one of its own, and be alike in both tables."""
    links = {"market": [1], "source": ["A"], "target": ["B"], "capacity": [1], "tariff": [1]}
    for given, code in (
        ({"by": "place"}, "unknown_option"),
        ({"by": 3}, "unknown_option"),
        ({"by": "day"}, "column_missing"),
        ({"links": links}, "wrong_type"),
        ({"links": {**links, "market": [None]}}, "wrong_type"),
        ({"links": {**links, "market": ["a"]}, "price_rule": "xetra"}, "not_supported"),
        ({"tie": "size"}, "unknown_option"),
        ({"reference": {"Nowhere": 3}, "price_rule": "reference"}, "unknown_place"),
    ):
        with pytest.raises(naryq.Refusal) as refused:
            naryq.clear_batch(TABLE, **given)
        assert refused.value.code == code, given


def test_a_market_too_large_for_64_bits_is_named() -> None:
    """The sum of a market is judged for itself: two that fit alone do, one that does not is named."""
    orders = {
        "market": ["a", "b"],
        "order_id": [1, 1],
        "place": ["A", "A"],
        "side": ["buy", "sell"],
        "price": [5 * 10**6] * 2,
        "quantity": [10**12] * 2,
    }
    assert naryq.clear_batch(orders).welfare == {"a": 0, "b": 0}
    with pytest.raises(naryq.Refusal, match="market 'a'"):
        naryq.clear_batch({**orders, "market": ["a", "a"], "order_id": [1, 2]})
