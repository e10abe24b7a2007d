"""NASDAQ's binary feed: read as the specification has it, and the book of each stock rebuilt from it."""

import gzip
import io
import struct
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.itch_days import LENGTHS, Feed, message, random_feed

from naryq.datasets.itch import LAYOUTS, ORDER_TYPES, read_messages, read_orders, replay_orders
from naryq.market.book import Book
from naryq.messages import Code, Refusal


def blocks(content: bytes, types: str = "", block_bytes: int = 1 << 16) -> list[Any]:
    return list(read_messages(io.BytesIO(content), types, block_bytes=block_bytes))


def refusal(content: bytes) -> Refusal:
    with pytest.raises(Refusal) as refused:
        blocks(content)
    return refused.value


def test_every_type_has_the_length_of_the_specification() -> None:
    """The layouts are as long as the specification's tables, and there is one for each type."""
    assert {letter: layout.itemsize for letter, layout in LAYOUTS.items()} == LENGTHS


@pytest.mark.parametrize("letter", LENGTHS)
def test_every_type_is_read(letter: str) -> None:
    """A message of each type is read with its header, wherever it stands."""
    body = bytes(range(1, LENGTHS[letter] - 10))
    content = message(letter, 513, 2**40 + 5, body) * 3
    (block,) = blocks(content)
    columns = block.by_type[letter]
    assert columns["message"].tolist() == [1, 2, 3]
    assert columns["stock_locate"].tolist() == [513] * 3
    assert columns["time_ns"].tolist() == [2**40 + 5] * 3
    widths = [LAYOUTS[letter][name].itemsize for name in LAYOUTS[letter].names or () if name in columns]
    assert sum(widths) + 7 == LENGTHS[letter]


def test_fields_are_where_the_specification_has_them() -> None:
    """An added order with attribution comes back field by field."""
    body = struct.pack(">Q", 2**40 + 1) + b"S" + struct.pack(">I", 300) + b"AAPL    " + struct.pack(">I", 5_853_300)
    columns = blocks(message("F", 1, 34_200 * 10**9, body + b"MAKR"))[0].by_type["F"]
    values = {name: column[0].item() for name, column in columns.items()}
    assert values == {
        "message": 1,
        "stock_locate": 1,
        "tracking_number": 0,
        "time_ns": 34_200 * 10**9,
        "order_id": 2**40 + 1,
        "side": b"S",
        "shares": 300,
        "stock": b"AAPL    ",
        "price": 5_853_300,
        "attribution": b"MAKR",
    }


def test_unknown_types_are_skipped_and_counted() -> None:
    """A type that the specification does not have is passed over by its length; an empty message ends a session."""
    content = message("z", 1, 0, b"abc") + message("S", 0, 0, b"O") + message("z", 1, 0, b"") + b"\x00\x00"
    (block,) = blocks(content)
    assert block.unknown == {"z": 2}
    assert block.by_type["S"]["message"].tolist() == [2]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.booleans())
def test_the_book_of_each_stock_is_rebuilt(seed: int, match: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
    """The replay of the feed shows the naive book of every stock, order by order where they are matched too."""
    feed = random_feed(seed, 120)
    for stock, locate in feed.locates.items():
        orders = read_orders(io.BytesIO(bytes(feed.content)), stock, block_bytes=1)
        assert orders["message"].tolist() == read_orders(io.BytesIO(bytes(feed.content)), locate)["message"].tolist()
        messages = replay_orders(orders, match_executions=match)
        replay = Book.replay(messages.columns)
        assert set(replay.statuses.tolist()) <= {0}
        assert (list(replay.depth(50).bids), list(replay.depth(50).asks)) == (
            feed.depth(stock, 0),
            feed.depth(stock, 1),
        )
        executed = orders["order_id"][orders["type"] == b"E"].tolist()
        makers = messages.order_id[replay.trades.maker_order_id].tolist()
        assert makers == (executed if match else [])


def test_wrong_priority_of_the_feed_is_seen() -> None:
    """If the exchange executed the younger order first, the trades of the replay name the other one."""
    feed = Feed(("AAPL",))
    older, younger = (feed.add("AAPL", "B", 100, 1_000_000) for _ in range(2))
    feed.execute("AAPL", younger, 100)
    messages = replay_orders(read_orders(io.BytesIO(bytes(feed.content)), "AAPL"), match_executions=True)
    trades = Book.replay(messages.columns).trades
    assert messages.order_id[trades.maker_order_id].tolist() == [older]


def test_gzip_and_small_blocks_change_nothing() -> None:
    """Packed or not, in one block or in many, the orders are the same."""
    content = bytes(random_feed(4, 3_000).content)
    plain = read_orders(io.BytesIO(content), "ZZ")
    assert len(content) > 1 << 16
    assert len(blocks(content)) > 1
    packed = read_orders(io.BytesIO(gzip.compress(content)), "ZZ", block_bytes=1)
    assert all((plain[name] == packed[name]).all() for name in plain)


def test_only_wanted_types_are_read() -> None:
    """Types that were not asked for are not decoded, and a letter that is no type is refused."""
    (block,) = blocks(bytes(random_feed(1, 50).content), "R")
    assert set(block.by_type) == {"R"}
    with pytest.raises(Refusal) as refused:
        blocks(b"", "Rz")
    assert refused.value.code is Code.UNKNOWN_OPTION


def test_a_damaged_file_is_refused_where_it_is_damaged() -> None:
    """A wrong length, an end within a message, an empty file and a damaged archive are refused, with the message."""
    good = message("S", 0, 0, b"O")
    wrong = refusal(good + message("D", 0, 0, b"1234567"))
    assert (wrong.code, wrong.where) == (Code.UNREADABLE, "the open file, message 2, byte 14")
    assert wrong.what == "a message 'D' has 18 bytes, not 19"
    cut = refusal(good + good[:-1])
    assert (cut.code, cut.where, cut.what) == (
        Code.UNREADABLE,
        "the open file, message 2, byte 14",
        "the file ends within a message",
    )
    assert refusal(b"").code is Code.EMPTY
    assert refusal(gzip.compress(good)[:-5]).code is Code.UNREADABLE


def test_orders_that_cannot_be_are_refused() -> None:
    """A stock that is not there, a side that is none, and a lost message are refused with their place."""
    feed = Feed(("AAPL",))
    feed.add("AAPL", "B", 100, 1_000_000)
    content = bytes(feed.content)
    with pytest.raises(Refusal) as refused:
        read_orders(io.BytesIO(content), "MSFT")
    assert refused.value.code is Code.UNKNOWN_PLACE
    with pytest.raises(Refusal) as refused:
        read_orders(io.BytesIO(content.replace(b"\x01B\x00", b"\x01b\x00")), "AAPL")
    assert (refused.value.code, refused.value.where) == (Code.UNKNOWN_SIDE, "message 3")
    for body, code in (
        (struct.pack(">Q", 9), Code.UNKNOWN_ORDER),
        (struct.pack(">QI", 1, 101), Code.OUT_OF_RANGE),
        (struct.pack(">Q", 1) + b"B" + struct.pack(">I", 1) + b"AAPL    " + struct.pack(">I", 1), Code.DUPLICATE_ID),
    ):
        letter = {8: "D", 12: "X", 25: "A"}[len(body)]
        orders = read_orders(io.BytesIO(content + message(letter, 7, 0, body)), "AAPL")
        with pytest.raises(Refusal) as refused:
            replay_orders(orders)
        assert (refused.value.code, refused.value.where) == (code, "the orders, row 2")


def test_an_identifier_beyond_63_bits_is_refused() -> None:
    """A number that our integers do not hold is refused, not wrapped."""
    wrong = refusal(message("D", 0, 0, struct.pack(">Q", 2**63)))
    assert (wrong.code, wrong.where) == (Code.OUT_OF_RANGE, "the open file, message 1")


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.tuples(st.sampled_from(list(LENGTHS)), st.binary(max_size=60)), max_size=6).map(
            lambda parts: b"".join(
                message(letter, 7, 0, body.ljust(LENGTHS[letter] - 11, b"\0")[: LENGTHS[letter] - 11])
                for letter, body in parts
            )
        ),
    )
)
def test_bytes_of_chance_are_refused(content: bytes) -> None:
    """Whatever a file holds, it is read or refused, and so is the book of its orders."""
    with suppress(Refusal):
        blocks(content)
        Book.replay(replay_orders(read_orders(io.BytesIO(content), 7)).columns)


def test_the_types_of_orders_are_those_that_change_the_book() -> None:
    """No other type names an order that stands in the displayed book, but for trades of hidden ones."""
    assert {letter for letter, layout in LAYOUTS.items() if "order_id" in (layout.names or ())} == {*ORDER_TYPES, "P"}
    assert np.dtype("S1").itemsize == 1
