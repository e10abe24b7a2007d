"""`naryq.clear` on markets small enough to check by hand, and in every kind of frame."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq.market.checking import check_clearing

ORDERS: dict[str, list[Any]] = {
    "order_id": ["s1", "s2", "b1", "b2", "b3"],
    "place": ["Pavlodar", "Pavlodar", "Astana", "Astana", "Pavlodar"],
    "side": ["sell", "sell", "buy", "buy", "buy"],
    "price": [80_000, 90_000, 120_000, 110_000, 70_000],
    "quantity": [10, 10, 8, 9, 5],
}
LINKS: dict[str, list[Any]] = {"source": ["Pavlodar"], "target": ["Astana"], "capacity": [12], "tariff": [12_000]}
MARGIN: dict[str, list[Any]] = {
    "order_id": [1, 2, 3, 4],
    "place": ["A"] * 4,
    "side": ["buy", "buy", "buy", "sell"],
    "price": [50, 50, 50, 40],
    "quantity": [3, 3, 3, 5],
}


def columns(kind: str, table: dict[str, list[Any]], words: tuple[str, ...]) -> Any:
    """Make a table of a kind; `words` are the columns that a categorical kind codes."""
    makers: dict[str, Any] = {"lists": dict, "arrays": _arrays, "series": _series}
    if kind in makers:
        return makers[kind](table)
    maker: Any = {"pandas": _pandas, "polars": _polars, "arrow": _arrow}[kind.split(maxsplit=1)[0]]
    return maker(kind, table, words)


def _arrays(table: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: np.array(column) for name, column in table.items()}


def _series(table: dict[str, list[Any]]) -> dict[str, Any]:
    return {name: pd.Series(column) for name, column in table.items()}


def _pandas(kind: str, table: dict[str, list[Any]], words: tuple[str, ...]) -> Any:
    frame = pd.DataFrame(table, index=[f"row {number}" for number in range(len(table[words[0]]))])
    return frame.astype(dict.fromkeys(words, "category")) if "coded" in kind else frame


def _polars(kind: str, table: dict[str, list[Any]], words: tuple[str, ...]) -> Any:
    frame = pl.DataFrame(table)
    if "enum" in kind:
        return frame.with_columns(*(pl.col(word).cast(pl.Enum(sorted(set(table[word])))) for word in words))
    return frame.with_columns(pl.col(*words).cast(pl.Categorical)) if "coded" in kind else frame


def _arrow(kind: str, table: dict[str, list[Any]], words: tuple[str, ...]) -> Any:
    arrow = pa.table(table)
    for word in words if "coded" in kind else ():
        number = arrow.column_names.index(word)
        arrow = arrow.set_column(number, word, arrow.column(word).dictionary_encode())
    return pa.concat_tables([arrow.slice(0, 1), arrow.slice(1)]) if "chunks" in kind else arrow


KINDS = (
    "lists",
    "arrays",
    "series",
    "pandas",
    "pandas coded",
    "polars",
    "polars coded",
    "polars enum",
    "arrow",
    "arrow coded",
    "arrow coded chunks",
)


def as_lists(table: Any) -> dict[str, list[Any]]:
    if isinstance(table, dict):
        return {name: list(column) for name, column in table.items()}
    if isinstance(table, pa.Table):
        return dict(table.to_pydict())
    return {name: table[name].to_list() for name in table.columns}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same_answer_in_its_own_kind(kind: str) -> None:
    """Lists, arrays, series and three libraries' frames, coded or not, give equal answers of their own kind."""
    orders, links = columns(kind, ORDERS, ("place", "side")), columns(kind, LINKS, ("source", "target"))
    result = naryq.clear(orders, links)
    assert result.prices == {"Astana": 110_000, "Pavlodar": 90_000}
    assert as_lists(result.fills) == {"order_id": ORDERS["order_id"], "quantity": [10, 2, 8, 4, 0]}
    assert as_lists(result.flows) == {"source": ["Pavlodar"], "target": ["Astana"], "quantity": [12]}
    assert type(result.fills) is type(orders)
    assert type(result.flows) is type(links)
    assert result.check().is_optimal


def test_a_pandas_index_is_kept() -> None:
    """The fills of a pandas frame carry the frame's own index."""
    orders = columns("pandas", ORDERS, ("place", "side"))
    assert naryq.clear(orders).fills.index.equals(orders.index)


def test_numbers_may_be_narrow() -> None:
    """Small integer types are read as they are, and bytes are enough for a small market."""
    frame = pl.DataFrame(MARGIN).with_columns(pl.col("price", "quantity", "order_id").cast(pl.UInt8))
    assert naryq.clear(frame).prices == {"A": 50}
    nullable = pd.DataFrame(MARGIN).astype({"price": "Int64", "quantity": "Int32"})
    assert naryq.clear(nullable).prices == {"A": 50}


def test_more_places_than_a_byte_can_count() -> None:
    """With hundreds of places the codes take four bytes and the answer stays proven."""
    count = 700
    places = [f"P{number:03d}" for number in range(count)]
    orders = {
        "order_id": list(range(2 * count)),
        "place": places * 2,
        "side": ["sell"] * count + ["buy"] * count,
        "price": [100 + number for number in range(count)] + [300] * count,
        "quantity": [2] * (2 * count),
    }
    links = {"source": places[:-1], "target": places[1:], "capacity": [1] * (count - 1), "tariff": [3] * (count - 1)}
    assert naryq.clear(orders, links).check().is_optimal


def test_enough_orders_for_two_threads() -> None:
    """A market large enough for threads gives the answer of the same market cleared by one."""
    draw = np.random.default_rng(7)
    size = 210_000
    orders = {
        "order_id": np.arange(size),
        "place": pd.Series(pd.Categorical.from_codes(draw.integers(0, 3, size), ["A", "B", "C"])),
        "side": pd.Series(pd.Categorical.from_codes(draw.integers(0, 2, size), ["buy", "sell"])),
        "price": draw.integers(0, 5_000, size),
        "quantity": draw.integers(1, 50, size),
    }
    result = naryq.clear(orders, LINKS | {"source": ["A"], "target": ["B"]})
    assert result.check().is_optimal
    part = {name: column[:100_000] for name, column in orders.items()}
    assert naryq.clear(part).check().is_optimal


def test_time_fills_the_earlier_order_first() -> None:
    """At the margin the earlier order is filled first: by its time where times are given, else by its row."""
    assert naryq.clear(MARGIN).fills["quantity"].tolist() == [3, 2, 0, 5]
    timed = MARGIN | {"submitted_at": [30, 20, 10, 40]}
    assert naryq.clear(timed).fills["quantity"].tolist() == [0, 2, 3, 5]


def test_pro_rata_shares_by_the_largest_remainder() -> None:
    """Pro rata shares five lots among three equal orders as two, two and one, the earlier ones first."""
    assert naryq.clear(MARGIN, tie="pro_rata").fills["quantity"].tolist() == [2, 2, 1, 5]
    timed = MARGIN | {"submitted_at": [30, 20, 10, 40]}
    assert naryq.clear(timed, tie="pro_rata").fills["quantity"].tolist() == [1, 2, 2, 5]


def test_pro_rata_with_quantities_that_would_overflow() -> None:
    """Shares of quantities near the limit are exact where their product passes 64 bits."""
    huge = 10**12
    orders = MARGIN | {"price": [1, 1, 1, 0], "quantity": [huge, huge, huge - 1, huge + 7 - huge % 7 - 7]}
    result = naryq.clear(orders, tie="pro_rata")
    assert sum(result.fills["quantity"].tolist()[:3]) == orders["quantity"][3]
    assert result.check().is_optimal


def test_price_rules() -> None:
    """A bid of 100 and an offer of 80 leave every price between them open, and the rules choose."""
    orders = {"order_id": [1, 2], "place": ["A", "A"], "side": ["buy", "sell"], "price": [101, 80], "quantity": [1, 1]}
    prices = [naryq.clear(orders, price_rule=rule).prices["A"] for rule in ("lowest", "middle", "highest")]
    assert prices == [80, 90, 101]
    for reference, price in ((10, 80), (95, 95), (500, 101)):
        assert naryq.clear(orders, price_rule="reference", reference=reference).prices == {"A": price}
        assert naryq.clear(orders, price_rule="reference", reference={"A": reference}).prices == {"A": price}
    assert naryq.clear(orders, price_rule="reference", reference={}).prices == {"A": 90}


def test_places_where_nothing_trades() -> None:
    """One side alone sets its best price, a place that can be served the price delivered, and an unserved one none."""
    orders = {
        "order_id": [1, 2, 3, 4, 5],
        "place": ["sellers", "sellers", "buyers", "market", "market"],
        "side": ["sell", "sell", "buy", "buy", "sell"],
        "price": [100, 120, 30, 70, 50],
        "quantity": [1, 1, 1, 2, 2],
    }
    links = {
        "source": ["market", "buyers", "nowhere", "market"],
        "target": ["village", "market", "village", "closed"],
        "capacity": [5, 5, 5, 0],
        "tariff": [10, 10, 10, 0],
    }
    expected = {"buyers": 50, "closed": None, "market": 60, "nowhere": None, "sellers": 100, "village": 70}
    result = naryq.clear(orders, links)
    assert result.prices == expected
    assert result.check().is_optimal
    assert str(result.why("closed")).startswith("closed has no price")


def test_a_market_without_orders() -> None:
    """No orders make an empty answer of the right shape, not an error."""
    empty: dict[str, list[Any]] = {name: [] for name in ORDERS}
    for orders in (empty, pd.DataFrame(empty), pl.DataFrame(empty)):
        result = naryq.clear(orders, LINKS)
        assert result.prices == {"Astana": None, "Pavlodar": None}
        assert (result.welfare, result.dual_value, len(result.fills["quantity"])) == (0, 0, 0)
        assert result.check().is_optimal
    assert repr(naryq.clear(empty)) == "place  price  bought  sold\nwelfare 0, proven optimal"


def test_the_largest_market_that_fits() -> None:
    """Just below 2**63 the sums are exact."""
    lots = 9_000_000
    orders = {
        "order_id": [1, 2],
        "place": ["A", "B"],
        "side": ["sell", "buy"],
        "price": [1, 10**12 - 2],
        "quantity": [lots // 2, lots // 2],
    }
    links = {"source": ["A"], "target": ["B"], "capacity": [10**12], "tariff": [7]}
    result = naryq.clear(orders, links)
    assert result.welfare == lots // 2 * (10**12 - 2 - 1 - 7)
    assert result.check().is_optimal


def test_why_names_orders_links_and_range() -> None:
    """The reasons name the marginal orders, the full link with its rent, what traded, and the open range."""
    result = naryq.clear(ORDERS, LINKS)
    why = result.why("Astana")
    assert (why.marginal_orders, why.set_at, why.bought, why.sold) == (("b2",), "Astana", 12, 0)
    assert (why.lowest, why.highest, why.limits) == (110_000, 110_000, ())
    assert why.full_links[0]._asdict() == {
        "source": "Pavlodar",
        "target": "Astana",
        "capacity": 12,
        "tariff": 12_000,
        "gap": 8_000,
        "congestion_rent": 96_000,
    }
    assert str(why) == (
        "The price in Astana is 110 000 tenge a tonne: order b2 sets it; "
        "full: Pavlodar to Astana (12 lots, congestion rent 8 000 a tonne)."
    )


def test_why_follows_the_links_to_the_order_that_sets_the_price() -> None:
    """A price that comes from elsewhere names the place and the order there, and the transport between."""
    result = naryq.clear(ORDERS, LINKS | {"capacity": [40]})
    assert result.why("Astana").text == (
        "The price in Astana is 102 000 tenge a tonne: "
        "the price in Pavlodar, set there by order s2 at 90 000, plus 12 000 for transport."
    )
    reverse = {"order_id": [1, 2, 3], "place": ["A", "A", "B"], "side": ["buy", "buy", "sell"]}
    orders = reverse | {"price": [50, 50, 1], "quantity": [2, 2, 3]}
    why = naryq.clear(orders, {"source": ["B"], "target": ["A"], "capacity": [9], "tariff": [4]}).why("B")
    assert "the price in A, set there by orders 1, 2 at 50, less 4 for transport" in why.text


def test_why_counts_many_orders_and_states_an_open_range() -> None:
    """A sentence names three orders and counts the rest; a price that no order sets states its range."""
    many = MARGIN | {"order_id": [1, 2, 3, 4], "side": ["buy"] * 4, "price": [50] * 4}
    assert "orders 1, 2, 3 and 1 more set it" in naryq.clear(many).why("A").text
    orders = {"order_id": [1, 2], "place": ["A", "A"], "side": ["buy", "sell"], "price": [101, 80], "quantity": [1, 1]}
    why = naryq.clear(pa.table(orders)).why("A")
    assert why.set_at is None
    assert why.text.endswith("no order stands at it; any price from 80 up to 101 clears the market as well.")


@pytest.mark.parametrize("kind", KINDS)
def test_identifiers_in_reasons_are_plain(kind: str) -> None:
    """Whatever frame the orders came in, the reasons name them in Python's own kind."""
    result = naryq.clear(columns(kind, ORDERS, ("place", "side")), LINKS)
    assert [type(each) for each in result.why("Astana").marginal_orders] == [str]


def test_why_of_an_unknown_place() -> None:
    """Asking for a place that nothing names is refused with the places there are."""
    with pytest.raises(naryq.Refusal, match=r"unknown_place: .*'Aktau'.*Astana, Pavlodar") as caught:
        naryq.clear(ORDERS, LINKS).why("Aktau")
    assert caught.value.code is naryq.Code.UNKNOWN_PLACE


def test_tables_for_people() -> None:
    """The plain and the notebook form show every place, what traded, and that the answer is proven."""
    result = naryq.clear(ORDERS | {"place": ["<b>", "<b>", "Astana", "Astana", "<b>"]})
    assert repr(result).splitlines()[0] == "place     price  bought  sold"
    assert repr(result).endswith("welfare 0, proven optimal")
    assert "<td>&lt;b&gt;</td>" in result._repr_html_()
    many = {"order_id": list(range(99)), "place": [f"P{number:02d}" for number in range(99)]}
    crowd = naryq.clear(many | {"side": ["buy"] * 99, "price": [1] * 99, "quantity": [1] * 99})
    assert "... and 39 more places." in repr(crowd)
    with pytest.raises(naryq.Refusal, match=r" and 89 more\.$"):
        crowd.why("nowhere")
    result.dual_value += 1
    assert "NOT PROVEN" in repr(result)
    assert not result.certificate.is_optimal


def tampered(**changes: Any) -> None:
    """Check the answer of the example with something in it changed."""
    result = naryq.clear(ORDERS, LINKS)
    parts = {"prices": result.prices, "fills": result.fills, "flows": result.flows, "tie": "time"} | changes
    check_clearing(ORDERS, LINKS, parts["prices"], parts["fills"], parts["flows"], tie=parts["tie"])


def fills(quantities: list[int], ids: list[str] | None = None) -> dict[str, Any]:
    return {"order_id": ids or ORDERS["order_id"], "quantity": quantities}


def flows(quantity: int, source: str = "Pavlodar") -> dict[str, Any]:
    return {"source": [source], "target": ["Astana"], "quantity": [quantity]}


BUGS = {
    "fills name other orders": ({"fills": fills([10, 2, 8, 4, 0], ["x", "s2", "b1", "b2", "b3"])}, "other orders"),
    "flows name other links": ({"flows": flows(12, "Astana")}, "other links"),
    "a price too high": ({"prices": {"Astana": 115_000, "Pavlodar": 90_000}}, "row 4 trades at a loss"),
    "a price too low": ({"prices": {"Astana": 105_000, "Pavlodar": 90_000}}, "row 4 is better than the price"),
    "a price missing": ({"prices": {"Astana": None, "Pavlodar": 90_000}}, "Astana and it has no price"),
    "a negative fill": ({"fills": fills([10, 2, 8, -4, 0])}, "a fill is negative"),
    "a fill beyond its order": ({"fills": fills([11, 1, 8, 4, 0])}, "more than the order asks"),
    "a lot from nowhere": ({"fills": fills([10, 2, 8, 5, 0])}, "1 lots are left over at Astana"),
    "a flow beyond capacity": ({"fills": fills([10, 3, 8, 5, 0]), "flows": flows(13)}, "beyond capacity"),
    "a full link left open": ({"fills": fills([10, 1, 8, 3, 0]), "flows": flows(11)}, "would gain and is not full"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_the_check_sees_a_planted_bug(bug: str) -> None:
    """Every kind of tampering is named by the first rule that it breaks."""
    tampered()
    changes, message = BUGS[bug]
    with pytest.raises(AssertionError, match=message):
        tampered(**changes)


def test_the_check_sees_a_losing_link() -> None:
    """A link that runs from a dear place to a cheap one is found."""
    orders = {"order_id": [1, 2], "place": ["A", "B"], "side": ["sell", "buy"], "price": [10, 20], "quantity": [1, 1]}
    links = {"source": ["A"], "target": ["B"], "capacity": [1], "tariff": [15]}
    answer = {"order_id": [1, 2], "quantity": [1, 1]}, {"source": ["A"], "target": ["B"], "quantity": [1]}
    with pytest.raises(AssertionError, match="the link in row 1 loses and is used"):
        check_clearing(orders, links, {"A": 10, "B": 20}, *answer)


@pytest.mark.parametrize(("tie", "wrong"), [("time", [2, 3, 0, 5]), ("pro_rata", [3, 2, 0, 5])])
def test_the_check_sees_a_broken_tie_rule(tie: str, wrong: list[int]) -> None:
    """A margin shared against the rule is found."""
    result = naryq.clear(MARGIN, tie=tie)
    result.check()
    result.fills["quantity"][:] = wrong
    with pytest.raises(AssertionError, match="at A"):
        result.check()


@pytest.mark.parametrize("links", [None, {"source": ["A"], "target": ["B"], "capacity": [9], "tariff": [2]}])
def test_the_check_sees_a_trade_left_out_at_the_margin(links: dict[str, Any] | None) -> None:
    """Trades at the very price gain nothing, and a result that leaves one out is found all the same."""
    place = ["A", "A"] if links is None else ["A", "B"]
    price = [10, 10] if links is None else [10, 12]
    orders = {"order_id": [1, 2], "place": place, "side": ["sell", "buy"], "price": price, "quantity": [5, 5]}
    result = naryq.clear(orders, links)
    result.check()
    result.fills["quantity"][:] -= 1
    if links is not None:
        result.flows["quantity"][:] -= 1
    with pytest.raises(AssertionError, match="could trade with each other"):
        check_clearing(orders, links, result.prices, result.fills, result.flows)


def test_the_check_sees_a_wrong_welfare() -> None:
    """A result whose welfare was changed fails its own check."""
    result = naryq.clear(ORDERS, LINKS)
    result.welfare += 1
    with pytest.raises(AssertionError, match="welfare and dual value"):
        result.check()


def test_the_check_sees_a_bound_where_nothing_is_to_be_chosen() -> None:
    """Without conditions the welfare itself is the bound, and another number is found."""
    result = naryq.clear(ORDERS, LINKS)
    result.bound += 1
    with pytest.raises(AssertionError, match="without conditions it is"):
        result.check()


def test_the_check_sees_gas_that_could_pass_an_open_place() -> None:
    """A place without a price must not hide that gas would gain by passing through it."""
    orders = {"order_id": [1, 2], "place": ["A", "C"], "side": ["sell", "buy"], "price": [10, 90], "quantity": [1, 1]}
    links = {"source": ["A", "B"], "target": ["B", "C"], "capacity": [1, 1], "tariff": [1, 1]}
    nothing = {"order_id": [1, 2], "quantity": [0, 0]}, links | {"quantity": [0, 0]}
    with pytest.raises(AssertionError, match="would gain and is not full"):
        check_clearing(orders, links, {"A": 10, "B": None, "C": 90}, *nothing)
