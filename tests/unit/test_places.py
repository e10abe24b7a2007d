"""Terms of places: what is refused, what floors, caps and borders do in small markets, and wrong answers found out."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq.market import outside
from naryq.market.checking import check_clearing
from naryq.messages import Code, Refusal

Columns = dict[str, list[Any]]

ORDERS: Columns = {
    "order_id": ["plant", "gate", "north", "south", "late"],
    "place": ["Atyrau", "Atyrau", "Astana", "Aktau", "Aktau"],
    "side": ["sell", "sell", "buy", "buy", "buy"],
    "price": [38, 60, 150, 140, 95],
    "quantity": [60, 40, 80, 50, 20],
}
LINKS: Columns = {
    "source": ["Atyrau", "Atyrau"],
    "target": ["Astana", "Aktau"],
    "capacity": [70, 99],
    "tariff": [12, 8],
}
PLACES: Columns = {
    "place": ["Aktau", "Astana", "Atyrau"],
    "cap": [90, None, None],
    "floor": [None, None, 40],
    "import_price": [None, 130, None],
    "export_price": [None, None, 70],
}
RESULT = naryq.clear(ORDERS, LINKS, places=PLACES, tie="pro_rata")


def alone(*orders: tuple[str, int | None, int], **options: Any) -> naryq.Clearing:
    """Clear one place, A, in which (side, price, quantity) stand."""
    columns = {
        "order_id": list(range(len(orders))),
        "place": ["A"] * len(orders),
        "side": [order[0] for order in orders],
        "price": [order[1] for order in orders],
        "quantity": [order[2] for order in orders],
    }
    result = naryq.clear(columns, **options)
    result.check()
    return result


def terms(**values: int) -> Columns:
    return {"place": ["A"], **{name: [value] for name, value in values.items()}}


# --- What they do -------------------------------------------------------------------------------------------------


def test_a_small_market_by_hand() -> None:
    """The cap holds Aktau at 90 and shares the shortage; Astana imports what the full link cannot bring."""
    assert RESULT.prices == {"Aktau": 90, "Astana": 130, "Atyrau": 82}
    assert RESULT.fills["quantity"].tolist() == [60, 40, 80, 21, 9]
    assert (RESULT.imports, RESULT.exports) == ({"Astana": 10}, {"Atyrau": 0})
    assert (RESULT.shortage, RESULT.surplus) == ({"Aktau": 40}, {"Atyrau": 0})
    assert RESULT.welfare == 80 * 150 + 30 * 90 - 60 * 40 - 40 * 60 - 70 * 12 - 30 * 8 - 10 * 130
    assert RESULT.check().is_optimal


def test_what_the_price_would_be_without_limits() -> None:
    """The same market without floors and caps, once, with its borders."""
    free = RESULT.without_limits()
    assert free is RESULT.without_limits()
    assert free.check().is_optimal
    assert free.prices == naryq.clear(ORDERS, LINKS, places={n: PLACES[n] for n in PLACES if n not in TERMS}).prices
    why = RESULT.why("Aktau")
    assert (why.limits, why.shortage, why.price_without_limits) == (("cap",), 40, free.prices["Aktau"])
    assert "the price cap binds; bids at or above it for 40 lots go unserved; without floors and caps" in why.text
    assert RESULT.why("Astana").text.startswith(
        "The price in Astana is 130 tenge a tonne: the price outside sets it; 10"
    )
    assert naryq.clear(ORDERS, LINKS).why("Aktau").price_without_limits is None


TERMS = ("cap", "floor")


def test_a_price_beyond_the_cap_is_cut() -> None:
    """Gas that others draw away over a link is worth more than the cap: the sellers get the cap, the link the rest."""
    orders: Columns = {
        "order_id": [1, 2, 3],
        "place": ["A", "A", "B"],
        "side": ["sell", "buy", "buy"],
        "price": [10, 50, 100],
        "quantity": [5, 5, 9],
    }
    links: Columns = {"source": ["A"], "target": ["B"], "capacity": [9], "tariff": [7]}
    result = naryq.clear(orders, links, places=terms(cap=40))
    assert (result.prices["A"], result.shadow_prices["A"], result.prices["B"]) == (40, 93, 100)
    assert result.fills["quantity"].tolist() == [5, 0, 5]
    assert result.shortage == {"A": 5}
    assert "one lot more would be worth 93" in result.why("A").text
    assert result.check().is_optimal


def test_a_floor_leaves_a_surplus() -> None:
    """No offer counts for less than the floor; what cannot be sold at it is told, and a bid below stands outside."""
    result = alone(("sell", 10, 6), ("sell", 20, 6), ("buy", 60, 4), ("buy", 30, 9), places=terms(floor=50))
    assert result.prices == {"A": 50}
    assert result.fills["quantity"].tolist() == [4, 0, 4, 0]
    assert result.surplus == {"A": 8}
    assert alone(("sell", 10, 6), ("sell", 20, 6), ("buy", 60, 4), places=terms(floor=50), tie="pro_rata").fills[
        "quantity"
    ].tolist() == [2, 2, 4]


def test_own_orders_come_before_the_outside() -> None:
    """At equal prices own offers sell before gas is imported, and own bids buy before it is exported."""
    offers = alone(("sell", 50, 4), ("buy", 90, 6), places=terms(import_price=50))
    assert (offers.fills["quantity"].tolist(), offers.imports) == ([4, 6], {"A": 2})
    bids = alone(("buy", 50, 4), ("sell", 10, 6), places=terms(export_price=50))
    assert (bids.fills["quantity"].tolist(), bids.exports) == ([4, 6], {"A": 2})
    margin = alone(("buy", 50, 4), places=terms(import_price=50))
    assert margin.imports == {"A": 4}


def test_nothing_passes_the_border_for_nothing() -> None:
    """What could be imported at one place to be exported at the same price stays away."""
    links: Columns = {"source": ["A"], "target": ["B"], "capacity": [9], "tariff": [5]}
    places: Columns = {"place": ["A", "B"], "import_price": [50, None], "export_price": [None, 55]}
    nothing: Columns = {name: [] for name in ORDERS}
    result = naryq.clear(nothing, links, places=places)
    assert (result.imports, result.exports, result.flows["quantity"].tolist()) == ({"A": 0}, {"B": 0}, [0])
    places["export_price"] = [None, 56]
    gain = naryq.clear(nothing, links, places=places)
    assert (gain.imports, gain.exports, gain.welfare) == ({"A": 9}, {"B": 9}, 9)
    assert gain.check().is_optimal


def test_outside_prices_are_within_the_limits() -> None:
    """Imports above the cap and exports below the floor do not happen; exports above the cap wait behind own bids."""
    assert alone(("buy", 90, 4), places=terms(cap=50, import_price=60)).imports == {"A": 0}
    kept = alone(("buy", 90, 4), ("sell", 10, 6), places=terms(cap=50, export_price=80))
    assert (kept.fills["quantity"].tolist(), kept.exports, kept.prices) == ([4, 6], {"A": 2}, {"A": 50})


def test_orders_without_a_limit_at_a_cap() -> None:
    """At a cap they count as every bid does, and by time they come first."""
    orders = (("buy", 70, 5), ("buy", None, 5), ("sell", 10, 6))
    assert alone(*orders, places=terms(cap=50)).fills["quantity"].tolist() == [1, 5, 6]
    assert alone(*orders, places=terms(cap=50), tie="pro_rata").fills["quantity"].tolist() == [3, 3, 6]


def test_orders_without_a_limit_alone() -> None:
    """If nobody names a price, the reference does, or nothing trades."""
    meeting = (("buy", None, 5), ("sell", None, 3))
    assert alone(*meeting).prices == {"A": None}
    assert alone(*meeting).traded == {"A": (0, 0)}
    told = alone(*meeting, price_rule="reference", reference=70)
    assert (told.prices, told.traded) == ({"A": 70}, {"A": (3, 3)})
    short = alone(("buy", None, 9), ("sell", 40, 5), ("sell", 60, 2))
    why = short.why("A")
    assert (short.prices, why.marginal_orders, why.lowest, why.highest) == ({"A": 60}, (2,), 60, 60)


def test_the_outside_stands_in_for_a_participant() -> None:
    """No seller is pivotal for a place that can import without end, and no buyer where gas can be exported."""
    orders: Columns = {
        "order_id": [1, 2],
        "place": ["A", "A"],
        "side": ["sell", "buy"],
        "price": [10, 50],
        "quantity": [5, 5],
        "participant": ["seller", "buyer"],
    }
    shut = naryq.clear(orders).pivotal()
    assert [(one.participant, one.shortage, one.surplus) for one in shut] == [("buyer", 0, 5), ("seller", 5, 0)]
    open_market = naryq.clear(orders, places=terms(import_price=60, export_price=5)).pivotal()
    assert [(one.shortage, one.surplus) for one in open_market] == [(0, 0), (0, 0)]
    assert [one.prices_without["A"] for one in open_market] == [7, 55]


@pytest.mark.parametrize("kind", [dict, pd.DataFrame, pl.DataFrame, pa.table])
def test_every_kind_of_table(kind: Any) -> None:
    """Missing terms and limits are read from every kind of table that has missing whole numbers."""
    orders, places = {**ORDERS, "price": [*ORDERS["price"][:4], None]}, dict(PLACES)
    frames = [kind(table) for table in (orders, places)]
    if kind is pd.DataFrame:
        frames = [frames[0].astype({"price": "Int64"}), frames[1].astype(dict.fromkeys([*PLACES][1:], "Int64"))]
    result = naryq.clear(frames[0], LINKS, places=frames[1], tie="pro_rata")
    assert result.prices == RESULT.prices
    assert result.check().is_optimal


# --- What is refused ----------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Any, Code, str]] = {
    "no table": (5, Code.WRONG_TYPE, "places"),
    "no place": ({"cap": [5]}, Code.COLUMN_MISSING, "places"),
    "unknown column": ({"place": ["Aktau"], "ceiling": [5]}, Code.COLUMN_UNKNOWN, "places"),
    "missing name": ({"place": [None]}, Code.WRONG_TYPE, "places, row 1"),
    "twice": ({"place": ["Aktau", "Astana", "Aktau"]}, Code.DUPLICATE_ID, "places, row 3"),
    "float": ({"place": ["Aktau"], "cap": [5.0]}, Code.WRONG_TYPE, "places, row 1"),
    "NaN": ({"place": ["Aktau"], "cap": [float("nan")]}, Code.WRONG_TYPE, "places, row 1"),
    "below zero": ({"place": ["Aktau"], "floor": [-1]}, Code.OUT_OF_RANGE, "places, row 1"),
    "too high": ({"place": ["Aktau"], "import_price": [10**12 + 1]}, Code.OUT_OF_RANGE, "places, row 1"),
    "floor above cap": (
        {"place": ["Astana", "Aktau"], "floor": [1, 9], "cap": [1, 8]},
        Code.OUT_OF_RANGE,
        "places, row 2",
    ),
    "free money": (
        {"place": ["Aktau"], "import_price": [5], "export_price": [6]},
        Code.OUT_OF_RANGE,
        "places, row 1",
    ),
    "stranger": ({"place": ["Aktau", "Aktav"], "cap": [5, 5]}, Code.UNKNOWN_PLACE, "places, row 2"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_places_are_refused(name: str) -> None:
    """Each wrong table of places gets one refusal with its code, its row and a remedy."""
    places, code, where = REFUSED[name]
    with pytest.raises(Refusal) as refused:
        naryq.clear(ORDERS, LINKS, places=places)
    assert (refused.value.code, refused.value.where) == (code, where)
    assert refused.value.remedy


@pytest.mark.parametrize("missing", [float("nan"), np.array([np.nan, 90.0, 1.0])], ids=["list", "array"])
def test_a_gap_that_pandas_has_made_a_float_says_what_to_do(missing: Any) -> None:
    """A value may be missing here, so the refusal asks for whole numbers and not for a value."""
    caps = missing if isinstance(missing, np.ndarray) else [missing, 90, 1]
    for places in ({**PLACES, "cap": caps}, pd.DataFrame({**PLACES, "cap": caps}, dtype=object).astype({"cap": float})):
        with pytest.raises(Refusal, match=r"row 1: cap is missing as NaN, a float\..* column Int64") as refused:
            naryq.clear(ORDERS, LINKS, places=places)
        assert refused.value.code is Code.WRONG_TYPE


def test_a_refusal_of_an_odd_reference_is_one_line() -> None:
    """Whatever is given, its picture is put on one line."""
    with pytest.raises(Refusal) as refused:
        naryq.clear(ORDERS, LINKS, price_rule="reference", reference=pd.Series({"Aktau": 1}))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("tie", "filled"), [("time", [0, 5, 5]), ("pro_rata", [2, 3, 5])])
def test_nothing_is_less_than_a_limit_of_zero(tie: str, filled: list[int]) -> None:
    """Beside an offer at 0 an offer without a limit comes first by time, and shares with it in proportion."""
    orders = {"order_id": [1, 2, 3], "place": ["A"] * 3, "side": ["sell", "sell", "buy"], "price": [0, None, 1]}
    result = naryq.clear(orders | {"quantity": [5, 5, 5]}, tie=tie)
    assert result.fills["quantity"].tolist() == filled
    result.check()


def test_a_stranger_may_have_a_border() -> None:
    """A place that nobody names is welcome if gas is had there: its price is the import price."""
    places: Columns = {"place": ["Port"], "import_price": [77]}
    result = naryq.clear(ORDERS, LINKS, places=places)
    assert result.prices["Port"] == 77
    assert result.check().is_optimal


def test_a_bid_without_a_limit_needs_a_cap_where_links_are() -> None:
    """Where gas can come from anywhere, the caller must say what the most is; an offer needs nothing."""
    orders = {**ORDERS, "price": [None, 60, 150, 140, None]}
    with pytest.raises(Refusal) as refused:
        naryq.clear(orders, LINKS)
    assert (refused.value.code, refused.value.where) == (Code.WRONG_TYPE, "orders, row 5")
    assert "Aktau is joined by links and has no cap" in refused.value.what
    capped = naryq.clear(orders, LINKS, places=PLACES)
    assert capped.check().is_optimal
    with pytest.raises(Refusal):
        capped.without_limits()
    assert capped.why("Aktau").price_without_limits is None


def test_venue_rules_know_no_places() -> None:
    """A venue's price rule is made for one book without terms."""
    with pytest.raises(Refusal, match="not_supported: places: price_rule is 'xetra'"):
        naryq.clear(ORDERS, places=PLACES, price_rule="xetra")


def test_what_can_pass_the_borders_must_fit() -> None:
    """Capacity from an import to an export counts as quantity in the bound of 64 bits, and alone it does not."""
    links: Columns = {"source": ["A"], "target": ["B"], "capacity": [10**12], "tariff": [0]}
    nothing: Columns = {name: [] for name in ORDERS}
    places: Columns = {"place": ["A", "B"], "import_price": [1, None], "export_price": [None, 10**12]}
    with pytest.raises(Refusal, match="overflow"):
        naryq.clear(nothing, links, places=places)
    places["export_price"] = [None, None]
    assert naryq.clear(nothing, links, places=places).prices == {"A": 1, "B": 1}


# --- Wrong answers are found out ----------------------------------------------------------------------------------


def told(**changes: Any) -> dict[str, Any]:
    """Return what RESULT tells, with changes."""
    parts = {name: getattr(RESULT, name) for name in ("shadow_prices", "imports", "exports", "shortage", "surplus")}
    parts |= {"prices": RESULT.prices, "fills": RESULT.fills["quantity"], "flows": RESULT.flows["quantity"]}
    return parts | {"places": PLACES, "tie": "pro_rata"} | changes


def check(**changes: Any) -> None:
    parts = told(**changes)
    fills = {"order_id": ORDERS["order_id"], "quantity": np.asarray(parts.pop("fills"))}
    flows = {"source": LINKS["source"], "target": LINKS["target"], "quantity": np.asarray(parts.pop("flows"))}
    check_clearing(ORDERS, LINKS, parts.pop("prices"), fills, flows, **parts)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "shortage": ({"shortage": {"Aktau": 39}}, "the shortage is"),
    "shortage elsewhere": ({"shortage": {"Aktau": 40, "Astana": 0}}, "the shortage is"),
    "surplus": ({"surplus": {"Atyrau": 1}}, "the surplus is"),
    "price above its cap": ({"prices": {**RESULT.prices, "Aktau": 91}}, "its limits make it 90"),
    "shadow price": ({"shadow_prices": {**RESULT.shadow_prices, "Aktau": 91}}, "trades at a loss"),
    "import that never came": ({"imports": {"Astana": 11}}, "lots are left over at Astana"),
    "import elsewhere": ({"imports": {"Astana": 10, "Nowhere": 0}}, "imports are told of other places"),
    "import left out": ({"imports": {}}, "imports are told of other places"),
    "export of nothing left out": ({"exports": {}}, "exports are told of other places"),
    "place left out": ({"prices": {"Astana": 130, "Atyrau": 82}}, "Aktau is in no result"),
    "shadow price left out": ({"shadow_prices": {"Astana": 130, "Atyrau": 82}}, "name different places"),
    "place that is nowhere": (
        {"prices": {**RESULT.prices, "Nowhere": 1}, "shadow_prices": {**RESULT.shadow_prices, "Nowhere": 1}},
        "Nowhere has a price, and no order, link or place names it",
    ),
    "trade": ({"traded": {**RESULT.traded, "Aktau": (31, 0)}}, "Aktau buys and sells 30 and 0 lots"),
    "trade of nobody": ({"traded": {**RESULT.traded, "Nowhere": (0, 0)}}, "a trade is told of a place"),
    "negative import": (
        {"imports": {"Astana": -1}, "fills": [60, 40, 69, 21, 9], "shortage": None},
        "not filled|negative",
    ),
    "import above its price": (
        {"places": {**PLACES, "import_price": [None, 129, None]}},
        "gas is imported at 130 and not at 129|dearer",
    ),
    "import where there is none": (
        {"places": {**PLACES, "import_price": [None] * 3}},
        "imports are told of other places",
    ),
    "clipped orders not rationed by the rule": ({"fills": [60, 40, 80, 30, 0]}, "not shared in proportion"),
    "clipped orders in turn": ({"fills": [60, 40, 80, 30, 0], "tie": "time"}, ""),
    "cap forgotten": ({"places": {**PLACES, "cap": [None] * 3}, "shortage": {}}, "not filled"),
    "floor forgotten": ({"places": {**PLACES, "floor": [None] * 3}, "surplus": {}}, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_are_found_out(name: str) -> None:
    """Each planted fault is named; two changes that are no faults pass."""
    changes, match = WRONG[name]
    check()
    if match:
        with pytest.raises(AssertionError, match=match):
            check(**changes)
    else:
        check(**changes)


def test_a_solver_that_serves_the_outside_first_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were own orders at the margin left to the outside, or gas passed for nothing, the result's check would say so."""
    links: Columns = {"source": ["A"], "target": ["B"], "capacity": [9], "tariff": [5]}
    places: Columns = {"place": ["A", "B"], "import_price": [50, None], "export_price": [None, 55]}
    nothing: Columns = {name: [] for name in ORDERS}
    balance = outside.balance

    def passing(slack: Any, borders: Any) -> Any:
        found = balance(slack, borders)
        assert found is not None
        return found._replace(flow=found.flow + 1, brought=found.brought + np.array([1, -1]))

    monkeypatch.setattr(outside, "balance", passing)
    with pytest.raises(AssertionError, match="imported and exported for nothing"):
        naryq.clear(nothing, links, places=places).check()

    def importing(slack: Any, borders: Any) -> Any:
        found = balance(slack, borders)
        assert found is not None
        return found._replace(sold=0 * found.sold, brought=found.brought + found.sold)

    monkeypatch.setattr(outside, "balance", importing)
    with pytest.raises(AssertionError, match="imported before an offer"):
        alone(("sell", 50, 4), ("buy", 90, 6), places=terms(import_price=50))

    def refusing(slack: Any, borders: Any) -> Any:
        found = balance(slack, borders)
        assert found is not None
        return found._replace(bought=0 * found.bought, brought=found.brought - found.bought)

    monkeypatch.setattr(outside, "balance", refusing)
    with pytest.raises(AssertionError, match="left and gas could be imported"):
        alone(("buy", 50, 4), places=terms(import_price=50))
    with pytest.raises(AssertionError, match=r"exported before a bid|could be imported"):
        naryq.clear(
            {name: column[:1] for name, column in ORDERS.items()} | {"side": ["buy"], "price": [50], "place": ["A"]},
            places=terms(export_price=50, import_price=50),
        ).check()
