"""The continuous book: its rules by small examples, and a refusal for each kind of bad input."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq.messages import Code, Refusal

GOOD: dict[str, Any] = {"order_id": 9, "side": "buy", "price": 100, "quantity": 5}
COLUMNS: dict[str, Any] = {"kind": [0], "order_id": [1], "side": [0], "price": [5], "quantity": [1]}


def with_categories(columns: dict[str, Any]) -> pd.DataFrame:
    """Make a frame of pandas with numbers that may be missing and words as categories."""
    return pd.DataFrame(
        {
            name: pd.Series(values, dtype="category" if isinstance(values[0], str) else "Int64")
            for name, values in columns.items()
        }
    )


FRAMES: dict[str, Any] = {
    "pandas": lambda columns: pd.DataFrame({name: pd.array(values) for name, values in columns.items()}),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "categories": with_categories,
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "stop"}, Code.UNKNOWN_OPTION),
        ({"order_id": -1}, Code.OUT_OF_RANGE),
        ({"order_id": 1.0}, Code.WRONG_TYPE),
        ({"order_id": 1}, Code.DUPLICATE_ID),
        ({"side": "hold"}, Code.UNKNOWN_SIDE),
        ({"quantity": 0}, Code.OUT_OF_RANGE),
        ({"quantity": True}, Code.WRONG_TYPE),
        ({"quantity": 10**9 + 1}, Code.OUT_OF_RANGE),
        ({"price": 101}, Code.OUT_OF_RANGE),
        ({"price": None}, Code.WRONG_TYPE),
        ({"price": 10**12 + 2}, Code.OUT_OF_RANGE),
        ({"price": 10**12, "quantity": 10**8}, Code.OVERFLOW),
        ({"kind": "market"}, Code.OUT_OF_RANGE),
        ({"owner": -1}, Code.OUT_OF_RANGE),
        ({"display": 6}, Code.OUT_OF_RANGE),
        ({"display": 1, "quantity": 1_001}, Code.OUT_OF_RANGE),
        ({"display": 1, "kind": "fill_or_kill"}, Code.UNKNOWN_OPTION),
    ],
)
def test_a_bad_order_changes_nothing(change: dict[str, Any], code: Code) -> None:
    """Each wrong value gets its code, and the book is as it was."""
    book = naryq.Book(tick=2)
    book.submit(1, "sell", 100, 3)
    before = book.state_hash()
    with pytest.raises(Refusal) as refused:
        book.submit(**{**GOOD, **change})
    assert refused.value.code is code
    assert book.state_hash() == before


def test_a_printed_book_says_where_it_stands() -> None:
    """Phase, number of orders and best prices, also of an empty side."""
    book = naryq.Book()
    book.submit(1, "buy", 95_000, 5)
    assert repr(book) == "<Book, continuous: orders in it 1; best to buy 95 000, to sell ->"
    book.start_call()
    book.submit(2, "sell", 94_000, 5)
    assert repr(book) == "<Book, call: orders in it 2; best to buy 95 000, to sell 94 000>"


def test_a_limit_order_without_a_price_is_told_what_goes_without_one() -> None:
    """Whoever leaves the price out most likely means a market order, and is told how to say so."""
    with pytest.raises(Refusal, match="only kind='market' goes without a price"):
        naryq.Book().submit(1, "buy", None, 5)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"color": [1]}, Code.COLUMN_UNKNOWN),
        ({"price": [1.5]}, Code.WRONG_TYPE),
        ({"quantity": [1, 2]}, Code.WRONG_TYPE),
        ({"order_id": np.array([2**63], np.uint64)}, Code.OUT_OF_RANGE),
        ({"owner": []}, Code.WRONG_TYPE),
    ],
)
def test_bad_columns_are_refused(change: dict[str, Any], code: Code) -> None:
    """A replay refuses columns that it cannot read as messages."""
    with pytest.raises(Refusal) as refused:
        naryq.Book.replay({**COLUMNS, **change})
    assert refused.value.code is code


def test_a_missing_column_is_named() -> None:
    """The refusal names the column that is not there."""
    with pytest.raises(Refusal, match="column price is missing"):
        naryq.Book.replay({name: column for name, column in COLUMNS.items() if name != "price"})


def test_no_messages_leave_an_empty_book() -> None:
    """A replay of nothing is the empty book."""
    replay = naryq.Book.replay({name: [] for name in COLUMNS})
    assert replay.state_hash() == naryq.Book().state_hash()
    assert replay.depth(3) == naryq.Book().depth(3)


def test_the_lowest_of_all_names_is_refused() -> None:
    """A name so low that the distance to the others leaves 64 bits is out of range, and touches no order."""
    replay = naryq.Book.replay({**{name: column * 2 for name, column in COLUMNS.items()}, "order_id": [7, -(2**63)]})
    assert [replay.STATUSES[status] for status in replay.statuses] == ["done", "out_of_range"]


def test_icebergs_may_trade_more_often_than_there_are_messages() -> None:
    """One order that takes a whole iceberg makes a trade for each of its showings, and none is lost."""
    sides, lots = [1, 0], [1_000, 1_000]
    columns = {"kind": [0, 0], "order_id": [1, 2], "side": sides, "price": [5, 5], "quantity": lots, "display": [1, 0]}
    replay = naryq.Book.replay(columns)
    assert replay.trades.quantity.tolist() == [1] * 1_000
    assert replay.statistics.volume == 1_000
    assert replay.depth(1) == ([], [])


def test_words_and_structured_arrays_are_read() -> None:
    """Kinds and sides may be words, and the columns fields of one array; what is no word is refused by row."""
    rows = [("limit", 1, "sell", 5, 2), ("stop", 2, "buy", 5, 1), ("limit", 3, "buy", 5, 1)]
    types = [("kind", "U20"), ("order_id", "i8"), ("side", "U4"), ("price", "i8"), ("quantity", "i8")]
    replay = naryq.Book.replay(np.array(rows, types))
    assert [replay.STATUSES[status] for status in replay.statuses] == ["done", "unknown_option", "done"]
    assert replay.trades.maker_order_id.tolist() == [1]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "categories"])
def test_frames_are_read_and_trades_come_back_alike(kind: str) -> None:
    """A frame of any kind, with words, categories and missing values, gives the trades of columns, in its own kind."""
    columns: dict[str, Any] = {
        "kind": ["limit", "limit", "market", "cancel", "amend"],
        "order_id": [1, 2, 3, 9, 1],
        "side": ["sell", "sell", "buy", "buy", "sell"],
        "price": [105, 103, None, None, None],
        "quantity": [10, 4, 6, None, 3],
        "owner": [7, None, 7, None, None],
    }
    replay = naryq.Book.replay(FRAMES[kind](columns), self_trade="cancel_resting")
    assert [replay.STATUSES[status] for status in replay.statuses] == [
        "done",
        "done",
        "lapsed",
        "unknown_order",
        "unknown_order",
    ]
    trades = replay.trades_frame()
    assert type(trades) is type(FRAMES[kind]({"x": [1]}))
    assert nw.from_native(trades).to_dict(as_series=False) == {
        name: column.tolist() for name, column in replay.trades._asdict().items()
    }
    assert replay.trades.price.tolist() == [103]


def test_a_replay_introduces_itself() -> None:
    """What a reader sees first: the counts by status, what traded, and the best prices left; in a notebook, too."""
    replay = naryq.Book.replay({**COLUMNS, "kind": [9]})
    assert repr(replay).splitlines() == [
        "messages        1",
        "unknown_option  1",
        "0 trades of 0 lots.",
        "Left in the book: best to buy -, to sell -.",
    ]
    assert "<td>unknown_option</td>" in replay._repr_html_()
    assert list(replay.trades_frame()) == list(replay.trades._fields)


def test_a_turnover_beyond_64_bits_is_exact() -> None:
    """The turnover of a session may need more than 64 bits."""
    book = naryq.Book()
    stream: list[tuple[str, int]] = [("sell", -(10**12)), ("buy", 10**12)] * 4
    for number, (side, _) in enumerate(stream):
        book.submit(number, side, 9 * 10**11, 10**7)  # type: ignore[arg-type]
    columns = {
        "kind": [0] * 8,
        "order_id": range(8),
        "side": [1, 0] * 4,
        "price": [9 * 10**11] * 8,
        "quantity": [10**7] * 8,
    }
    assert naryq.Book.replay(columns).statistics.turnover == book.statistics.turnover == 36 * 10**18


def test_what_a_reader_sees() -> None:
    """Best prices, the order, the count and the last price follow the book."""
    book = naryq.Book()
    book.submit(1, "buy", 10, 5)
    book.submit(2, "sell", 12, 5)
    book.submit(3, "sell", 10, 2)
    seen = (book.best_bid, book.best_ask, book.last_price, len(book), book.order(3))
    assert seen == (10, 12, 10, 2, None)
    left = book.order(1)
    assert left is not None
    assert left.shown == 3
