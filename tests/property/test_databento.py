"""Market-by-order rows: read exactly in every notation, and the book of each instrument rebuilt from them."""

import io
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naryq.datasets.databento import (
    SNAPSHOT,
    UNDEFINED_PRICE,
    instruments,
    mbo_columns,
    read_mbo,
    replay_instrument,
)
from naryq.datasets.fields import day_number
from naryq.market.book import Book
from naryq.messages import Code, Refusal

COLUMNS = (
    *("ts_recv", "ts_event", "rtype", "publisher_id", "instrument_id", "action", "side", "price", "size"),
    *("channel_id", "order_id", "flags", "ts_in_delta", "sequence", "symbol"),
)
START_NS = 1_718_539_204_593_519_451

Row = dict[str, Any]


class Venue:
    """Orders of some instruments, oldest first, and the rows that tell of them."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.books: dict[int, list[list[int]]] = {}

    def tell(self, instrument: int, *event: Any) -> None:
        action, side, price, size, order_id, flags = (*event, 0)[:6]
        now = START_NS + 1_000 * len(self.rows)
        values = (now, now - 5, 160, 1, instrument, action, side, price, size, 0, order_id, flags, -3, len(self.rows))
        self.rows.append(dict(zip(COLUMNS, (*values, f"I{instrument}"), strict=True)))

    def add(self, instrument: int, order_id: int, side: int, price: int, size: int) -> None:
        self.books.setdefault(instrument, []).append([order_id, side, price, size])
        self.tell(instrument, "A", "BA"[side], price, size, order_id)

    def fill(self, instrument: int, size: int) -> None:
        order = self.books[instrument][0]
        size = min(size, order[3])
        self.tell(instrument, "T", "AB"[order[1]], order[2], size, 0)
        self.tell(instrument, "F", "BA"[order[1]], order[2], size, order[0])
        self.cancel(instrument, order, size)

    def cancel(self, instrument: int, order: list[int], size: int) -> None:
        order[3] -= size
        if order[3] == 0:
            self.books[instrument].remove(order)
        self.tell(instrument, "C", "BA"[order[1]], order[2], size, order[0], 128)

    def modify(self, instrument: int, order: list[int], price: int, size: int) -> None:
        if price != order[2] or size > order[3]:
            self.books[instrument].remove(order)
            self.books[instrument].append(order)
        order[2:] = price, size
        self.tell(instrument, "M", "BA"[order[1]], price, size, order[0], 128)

    def snapshot(self, instrument: int) -> None:
        self.tell(instrument, "R", "N", UNDEFINED_PRICE, 0, 0, SNAPSHOT | 8)
        for order_id, side, price, size in self.books.get(instrument, []):
            self.tell(instrument, "A", "BA"[side], price, size, order_id, SNAPSHOT | 8)

    def queue(self, instrument: int, side: int) -> list[tuple[int, int, int]]:
        """Return identifier, price and size of every order of a side, best price first, then the oldest."""
        waiting = [order for order in self.books.get(instrument, []) if order[1] == side]
        ranked = sorted(waiting, key=lambda order: order[2] if side else -order[2])
        return [(order[0], order[2], order[3]) for order in ranked]


def random_venue(seed: int, events: int) -> Venue:
    chance = random.Random(seed)
    venue = Venue()
    for order_id in range(2**63 + 1, 2**63 + 1 + events):
        instrument = chance.choice((4_916, 5_002))
        book = venue.books.setdefault(instrument, [])
        side, draw = chance.randrange(2), chance.random()
        price = 10**7 * 25 * (22_240 + (chance.randint(1, 6) if side else -chance.randint(1, 6)))
        if draw < 0.5 or not book:
            venue.add(instrument, order_id, side, price, chance.randint(1, 9))
        elif draw < 0.6:
            venue.fill(instrument, chance.randint(1, 9))
        elif draw < 0.75:
            order = chance.choice(book)
            venue.cancel(instrument, order, chance.randint(1, order[3]))
        elif draw < 0.97:
            order = chance.choice(book)
            shift = chance.choice((0, 0, 1)) * 25 * 10**7
            venue.modify(instrument, order, order[2] + (shift if order[1] else -shift), chance.randint(1, 9))
        else:
            venue.snapshot(instrument)
    return venue


def fixed(price: int) -> str:
    return str(price)


def pretty(price: int) -> str:
    return "" if price == UNDEFINED_PRICE else f"{price // 10**9}.{price % 10**9:09d}"


def iso(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9:09d}Z"


def csv(rows: list[Row], price: Callable[[int], str] = fixed, time: Callable[[int], str] = str) -> bytes:
    lines = [",".join(COLUMNS)]
    for row in rows:
        cells = {**row, "price": price(row["price"]), **{name: time(row[name]) for name in ("ts_recv", "ts_event")}}
        lines.append(",".join(str(cells[name]) for name in COLUMNS))
    return ("\n".join(lines) + "\n").encode()


def table(columns: dict[str, Any]) -> list[Row]:
    names = [name for name in COLUMNS if name != "symbol"]
    values = {name: columns[name].astype(str if name in {"action", "side"} else object).tolist() for name in names}
    return [dict(zip(names, row, strict=True)) for row in zip(*(values[name] for name in names), strict=True)]


def without_symbol(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name != "symbol"} for row in rows]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([fixed, pretty]), st.sampled_from([str, iso]))
def test_every_notation_reads_the_same(seed: int, price: Callable[[int], str], time: Callable[[int], str]) -> None:
    """Prices and times come back as the integers that they are, fixed or pretty."""
    rows = random_venue(seed, 40).rows
    assert table(read_mbo(io.BytesIO(csv(rows, price, time)))) == without_symbol(rows)


def frames(rows: list[Row]) -> list[Any]:
    """Decode the rows as other programs give them: pandas fixed and decimal, Polars, a mapping, DBN's records."""
    pandas = pd.DataFrame(rows).set_index("ts_recv")
    pandas["ts_event"] = pd.to_datetime(pandas["ts_event"], utc=True)
    decimals = pandas.copy()
    exact = [None if price == UNDEFINED_PRICE else Decimal(price).scaleb(-9) for price in decimals["price"]]
    decimals["price"] = pd.Series(exact, dtype=object, index=decimals.index)
    mapping = {name: [row[name] for row in rows] for name in COLUMNS}
    mapping["order_id"] = np.array(mapping["order_id"], np.uint64)  # type: ignore[assignment]
    kinds = {"action": "S1", "side": "S1", "price": "i8", "order_id": "u8", "size": "u4", "instrument_id": "u4"}
    records = np.zeros(len(rows), [("length", "u1"), *kinds.items()])
    for name in kinds:
        records[name] = mapping[name]
    return [pandas, decimals, pl.from_pandas(pandas.drop(columns="ts_event")), mapping, records]


@pytest.mark.parametrize("kind", range(5))
def test_decoded_frames_are_taken(kind: int) -> None:
    """The frames and arrays that a decoder gives lead to the same book as the file."""
    rows = random_venue(8, 60).rows
    expected = replay_instrument(read_mbo(io.BytesIO(csv(rows))), 4_916)
    found = replay_instrument(mbo_columns(frames(rows)[kind]), 4_916)
    assert found.price_step == expected.price_step
    assert all((found.columns[name] == expected.columns[name]).all() for name in expected.columns)


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_the_book_of_each_instrument_is_rebuilt(seed: int) -> None:
    """After the replay, every order stands where the naive book has it, in its place in the queue."""
    venue = random_venue(seed, 150)
    columns = read_mbo(io.BytesIO(csv(venue.rows)))
    assert instruments(columns) == [
        (1, instrument) for instrument in sorted({row["instrument_id"] for row in venue.rows})
    ]
    for publisher, instrument in instruments(columns):
        messages = replay_instrument(columns, instrument, publisher)
        replay = Book.replay(messages.columns)
        assert set(replay.statuses.tolist()) <= {0}
        assert replay.statistics.trades == 0
        for side, orders in enumerate(replay._orders):
            ids = messages.order_id[orders[:, 0]].tolist()
            prices = (orders[:, 2] * messages.price_step).tolist()
            assert list(zip(ids, prices, orders[:, 3].tolist(), strict=True)) == venue.queue(instrument, side)


def test_prices_lose_only_what_they_share() -> None:
    """The step between prices is the largest power of ten in all of them, so that large prices fit the book."""
    venue = Venue()
    venue.add(1, 5, 0, 60_000 * 10**9 + 25 * 10**7, 1)
    venue.add(1, 6, 1, 60_001 * 10**9, 1)
    messages = replay_instrument(read_mbo(io.BytesIO(csv(venue.rows))), 1)
    assert messages.price_step == 10**7
    assert messages.columns["price"].tolist() == [6_000_025, 6_000_100]
    venue.add(1, 7, 1, 60_001 * 10**9 + 1, 1)
    with pytest.raises(Refusal) as refused:
        replay_instrument(read_mbo(io.BytesIO(csv(venue.rows))), 1)
    assert refused.value.code is Code.OVERFLOW


def test_a_modify_of_an_order_that_is_not_there_adds_it() -> None:
    """As the schema's own examples do, a modify of an unknown order brings it."""
    venue = Venue()
    venue.tell(1, "M", "B", 10**9, 4, 77)
    messages = replay_instrument(read_mbo(io.BytesIO(csv(venue.rows))), 1)
    assert Book.replay(messages.columns).depth(1).bids == [(1, 4)]


@pytest.mark.parametrize(
    ("row", "code", "what"),
    [
        ((1, "A", "B", 10**9, 4, 77, 64), Code.NOT_SUPPORTED, "no order"),
        ((1, "A", "B", UNDEFINED_PRICE, 4, 77), Code.OUT_OF_RANGE, "no price"),
        ((1, "A", "N", 10**9, 4, 77), Code.OUT_OF_RANGE, "no side"),
        ((1, "A", "B", 10**9, 0, 77), Code.OUT_OF_RANGE, "size is 0"),
        ((1, "C", "B", 10**9, 4, 77), Code.UNKNOWN_ORDER, "not in the book: 77"),
        ((1, "C", "B", 10**9, 4, 5), Code.OUT_OF_RANGE, "more is taken"),
        ((1, "A", "B", 10**9, 4, 5), Code.DUPLICATE_ID, "that is in the book: 5"),
    ],
)
def test_rows_that_no_book_can_take_are_refused(row: tuple[Any, ...], code: Code, what: str) -> None:
    """An aggregated level, an order without terms, and an order that cannot be are refused with their row."""
    venue = Venue()
    venue.add(1, 5, 0, 10**9, 3)
    venue.tell(*row)
    with pytest.raises(Refusal) as refused:
        replay_instrument(read_mbo(io.BytesIO(csv(venue.rows))), 1)
    assert refused.value.code is code
    assert what in refused.value.what
    assert refused.value.where.endswith("row 2")


HEADER = ",".join(COLUMNS)
GOOD = f"{START_NS},{START_NS},160,1,7,A,B,100,3,0,11,128,0,1,X"


def changed(cell: str, by: str) -> str:
    """Write the good row with one cell changed."""
    return GOOD.replace(f",{cell},", f",{by},")


@pytest.mark.parametrize(
    ("lines", "code", "where"),
    [
        ([], Code.EMPTY, ""),
        ([HEADER], Code.EMPTY, ""),
        ([HEADER.replace(",size", "")], Code.COLUMN_MISSING, ", line 1"),
        ([HEADER.replace("symbol", "level")], Code.COLUMN_UNKNOWN, ", line 1"),
        ([HEADER.replace("symbol", "size")], Code.COLUMN_UNKNOWN, ", line 1"),
        ([HEADER, GOOD, GOOD + ","], Code.UNREADABLE, ", line 3"),
        ([HEADER, GOOD, "", GOOD], Code.EMPTY, ", line 3"),
        ([HEADER, changed("A", "Q")], Code.UNKNOWN_OPTION, ", line 2, column action"),
        ([HEADER, changed("B", "")], Code.WRONG_TYPE, ", line 2, column side"),
        ([HEADER, changed("100", "1e2")], Code.WRONG_TYPE, ", line 2, column price"),
        ([HEADER, changed("100", "1.0000000001")], Code.OUT_OF_RANGE, ", line 2, column price"),
        ([HEADER, GOOD, changed("100", "1.5")], Code.WRONG_TYPE, ", line 3, column price"),
        ([HEADER, changed("11", str(2**64))], Code.OUT_OF_RANGE, ", line 2, column order_id"),
        ([HEADER, changed("128", "256")], Code.OUT_OF_RANGE, ", line 2, column flags"),
        ([HEADER, changed("160", "1")], Code.OUT_OF_RANGE, ", line 2, column rtype"),
    ],
)
def test_a_wrong_file_is_refused(lines: list[str], code: Code, where: str) -> None:
    """What the schema does not have is refused with its line and column."""
    with pytest.raises(Refusal) as refused:
        read_mbo(io.BytesIO("\n".join(lines).encode()))
    assert (refused.value.code, refused.value.where) == (code, "the open file" + where)


def test_floats_are_refused() -> None:
    """A price that is a float has lost its digits already."""
    numbers = {name: [1] for name in ("instrument_id", "size", "order_id")}
    with pytest.raises(Refusal) as refused:
        mbo_columns({**numbers, "action": ["A"], "side": ["B"], "price": [0.1]})
    assert refused.value.code is Code.WRONG_TYPE


@settings(max_examples=200)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2260, 1, 1)), st.integers(0, 9), st.sampled_from(["Z", "+00:00"]))  # noqa: DTZ001 - in UTC
def test_instants_are_read_as_the_calendar_has_them(moment: datetime, places: int, zone: str) -> None:
    """An instant of ISO 8601 with any number of places is the nanosecond that Python's calendar has."""
    whole = int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())
    fraction = f"{moment.microsecond:06d}789"[:places]
    text = f"{moment:%Y-%m-%d %H:%M:%S}" + (f".{fraction}" if places else "") + zone
    line = GOOD.replace(f"{START_NS},{START_NS}", f"{text},{text}")
    found = read_mbo(io.BytesIO(f"{HEADER}\n{line}".encode()))["ts_event"].tolist()
    assert found == [whole * 10**9 + int(fraction.ljust(9, "0"))]


@pytest.mark.parametrize(
    "text",
    [
        *("2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01X00:00:00Z"),
        *("2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00+01:00"),
        *("2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z"),
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A day that is not in the calendar, another zone or an open fraction is refused."""
    with pytest.raises(Refusal) as refused:
        read_mbo(io.BytesIO(f"{HEADER}\n{GOOD.replace(str(START_NS), text)}".encode()))
    assert refused.value.code is Code.WRONG_TYPE


def test_every_day_of_four_centuries_has_its_number() -> None:
    """The count of days agrees with Python's calendar on each first and last day of a month."""
    for year in range(1970, 2371):
        for month in range(1, 13):
            first = datetime(year, month, 1, tzinfo=UTC)
            assert day_number(year, month, 1) == first.toordinal() - 719_163
            last = (first.replace(day=28).toordinal() + 4 - 719_163) - day_number(year, month, 28)
            assert last == 4


@settings(max_examples=150)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.text("0123456789ABCMRTFN.,-:\n", max_size=80), max_size=4).map(
            lambda lines: "\n".join([HEADER, *lines]).encode()
        ),
        st.text("0123456789", max_size=12).map(lambda cell: f"{HEADER}\n{GOOD.replace(',100,', f',{cell},')}".encode()),
    )
)
def test_bytes_of_chance_are_refused(content: bytes) -> None:
    """Whatever a file holds, it is read or refused, and so is the book of each instrument."""
    with suppress(Refusal):
        columns = read_mbo(io.BytesIO(content))
        for publisher, instrument in instruments(columns):
            Book.replay(replay_instrument(columns, instrument, publisher).columns)
