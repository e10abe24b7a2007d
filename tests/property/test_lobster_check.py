"""The check of a published day: silent on every true day, and each planted fault is found where it was planted."""

import io
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lobster_days import (
    BUY,
    CROSS,
    EXECUTION,
    HALT,
    SELL,
    SUBMISSION,
    Exchange,
    Line,
    book_text,
    message_text,
    random_day,
    visible,
)

from naryq.datasets import lobster_check
from naryq.datasets import lobster_kernels as kernels
from naryq.datasets.lobster import read_book, read_messages
from naryq.datasets.lobster_check import LobsterCheck, check_lobster
from naryq.datasets.source import File
from naryq.market.book import Book
from naryq.messages import Code, Refusal

levels_shown = st.sampled_from([1, 2, 3, 5, 10])


def checked(lines: list[Line], *, strict_priority: bool = True, block_bytes: int = 4_000) -> LobsterCheck:
    files = (io.BytesIO(text.encode()) for text in (message_text(lines), book_text(lines)))
    return check_lobster(*files, strict_priority=strict_priority, block_bytes=block_bytes)


def with_book(lines: list[Line], row: int, cell: int, value: int) -> list[Line]:
    """Change one cell of the published book."""
    book = list(lines[row].book)
    book[cell] = value
    return [*lines[:row], Line(lines[row].event, tuple(book)), *lines[row + 1 :]]


def with_event(lines: list[Line], row: int, **fields: int) -> list[Line]:
    """Change fields of one message."""
    names = ("kind", "name", "size", "price", "side")
    event = tuple(fields.get(name, value) for name, value in zip(names, lines[row].event, strict=True))
    return [*lines[:row], Line(event, lines[row].book), *lines[row + 1 :]]  # type: ignore[arg-type]


# --- True days ------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 10**6), levels_shown, st.sampled_from([0, 1, 40]))
def test_a_true_day_is_equal(seed: int, levels: int, first: int) -> None:
    """A day of a price-time exchange is equal at any depth and from any first line, in small blocks."""
    lines = random_day(seed, 150, levels, first=first)
    outcome = checked(lines)
    assert outcome.difference is None
    assert outcome.counts.lines_compared == len(lines) - 1
    assert outcome.counts.out_of_turn == outcome.counts.off_price == outcome.counts.lines_crossed == 0


def test_much_is_compared_and_little_learned() -> None:
    """A check that learns everything would be no check: of a deep day, most is compared, and executions are matched."""
    outcome = checked(random_day(1, 1_500, 10))
    assert outcome.counts.levels_compared > 50 * outcome.counts.levels_learned
    assert outcome.counts.executions_matched > 200


def test_from_an_empty_book_nothing_is_unnamed() -> None:
    """Where all levels are shown from the first event on, every order has its name and nothing is learned."""
    outcome = checked(random_day(3, 400, 40))
    assert outcome.equal
    assert outcome.counts.from_unnamed_orders == 0
    assert outcome.counts.levels_learned == 1


@pytest.mark.parametrize("seed", range(4))
def test_our_book_shows_each_line(seed: int) -> None:
    """The messages of the check, put one by one into a `Book`, show the published levels after every event."""
    lines = random_day(seed, 250, 4, first=30)
    events = np.array([(0, *line.event) for line in lines])
    file = File("book", io.BytesIO(book_text(lines).encode()))
    walk = lobster_check._walked(events, file, 1, None, 4_000)
    messages = lobster_check._messages(walk.sent)
    book, shown = Book(), {}
    for message, row in enumerate(walk.sent[kernels.ROW].tolist()):
        _put(book, messages, message)
        shown[row] = book.depth(4)
    for row, depth in shown.items():
        cells = lines[row].book
        for side, price in ((depth.asks, 0), (depth.bids, 2)):
            assert side == [(cells[at], cells[at + 1]) for at in range(price, len(cells), 4) if cells[at + 1]]


def _put(book: Book, messages: dict[str, Any], at: int) -> None:
    kind, name, side, price, quantity = (messages[column][at].item() for column in messages)
    if kind == kernels.CANCEL:
        book.cancel(name, quantity or None)
    else:
        kinds = {0: "limit", 2: "immediate_or_cancel"}
        book.submit(name, ("buy", "sell")[side], price, quantity, kind=kinds[kind])  # type: ignore[arg-type]


# --- What the exchange's own rules do -------------------------------------------------------------------------------


def quiet_day(levels: int = 3) -> Exchange:
    exchange = Exchange(levels)
    for step in range(1, 5):
        exchange.rest(BUY, 1_000_000 - 100 * step, 100)
        exchange.rest(SELL, 1_000_000 + 100 * step, 100)
    return exchange


def test_hidden_executions_crosses_and_halts_are_counted() -> None:
    """Events that leave the visible book as it was are counted and change nothing."""
    exchange = quiet_day()
    exchange.happen(5, 0, 40, 1_000_000, SELL)
    exchange.happen(CROSS, -1, 900, 1_000_000, -1)
    for price in (-1, 0, 1):
        exchange.happen(HALT, 0, 0, price, -1)
    exchange.arrive(BUY, 1_000_100, 50)
    outcome = checked(visible(exchange.record))
    assert outcome.equal
    assert (outcome.counts.hidden_executions, outcome.counts.crosses, outcome.counts.halts) == (1, 1, 3)
    assert outcome.counts.executions_matched == 1


def test_a_crossed_book_in_a_halt_is_waited_out() -> None:
    """While the published book is crossed nothing is compared; afterwards all is learned anew and compared again."""
    exchange = quiet_day()
    exchange.happen(HALT, 0, 0, -1, -1)
    high = exchange.rest(BUY, 1_000_300, 70)
    exchange.rest(BUY, 1_000_200, 30)
    exchange.take(high, 70, EXECUTION, at=1_000_250)
    for price in (1_000_100, 1_000_200):
        exchange.take(exchange.queues[SELL, price][0], 100, EXECUTION, at=1_000_250)
    exchange.happen(HALT, 0, 0, 1, -1)
    exchange.arrive(SELL, 999_900, 130)
    outcome = checked(visible(exchange.record))
    assert outcome.equal
    assert outcome.counts.lines_crossed == 5
    assert outcome.counts.first_crossed == 8
    assert outcome.counts.executions_matched == 2


def test_an_auction_in_a_halt_is_not_matched_one_by_one() -> None:
    """An execution during a halt belongs to an auction: it leaves the book, and is counted apart."""
    exchange = quiet_day()
    exchange.happen(HALT, 0, 0, -1, -1)
    exchange.take(exchange.queues[SELL, 1_000_100][0], 100, EXECUTION)
    exchange.take(exchange.queues[SELL, 1_000_300][0], 40, EXECUTION, at=1_000_100)
    exchange.happen(HALT, 0, 0, 1, -1)
    outcome = checked(visible(exchange.record))
    assert outcome.equal
    assert outcome.counts.in_auction == 2


def test_an_execution_at_another_price_leaves_the_order_at_its_own() -> None:
    """An order that executes at another price than it shows is found by its name, or by the level that shrinks."""
    exchange = quiet_day()
    exchange.take(exchange.queues[BUY, 999_800][0], 60, EXECUTION, at=999_950)
    named = checked(visible(exchange.record))
    unnamed = checked(visible(exchange.record)[5:])
    for outcome in (named, unnamed):
        assert outcome.equal
        assert outcome.counts.off_price == 1
    assert (named.counts.first_off_price, unnamed.counts.first_off_price) == (7, 2)
    assert unnamed.counts.from_unnamed_orders == 1


@settings(max_examples=60)
@given(st.integers(0, 10**6), levels_shown, st.sampled_from([0, 25]))
def test_an_unruly_day_is_equal_where_it_can_be(seed: int, levels: int, first: int) -> None:
    """Executions that no continuous book would make are counted, and all else stays equal."""
    lines = random_day(seed, 150, levels, first=first, unruly=0.1)
    outcome = checked(lines, strict_priority=False)
    assert outcome.difference is None
    executions = sum(line.event[0] == EXECUTION for line in lines[1:])
    counted = outcome.counts.executions_matched + outcome.counts.out_of_turn + outcome.counts.off_price
    assert counted + outcome.counts.beyond_view >= executions


# --- Planted faults -------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.data())
def test_a_wrong_size_is_found_at_its_line(seed: int, data: st.DataObject) -> None:
    """One wrong size in a level that was visible before is a difference at that very line, with both sides."""
    lines = random_day(seed, 150, 3)
    row = data.draw(st.integers(1, len(lines) - 1))
    before, cells = lines[row - 1].book, lines[row].book
    prices = [at for at in range(0, len(cells), 2) if cells[at + 1] and cells[at] in before[at % 4 :: 4]]
    if prices:
        at = data.draw(st.sampled_from(prices))
        outcome = checked(with_book(lines, row, at + 1, cells[at + 1] + data.draw(st.sampled_from([-1, 1, 500]))))
        assert outcome.difference is not None
        assert outcome.difference.line == row + 1
        mine, theirs = (
            (outcome.difference.asks, outcome.difference.published_asks)
            if at % 4 == 0
            else (outcome.difference.bids, outcome.difference.published_bids)
        )
        assert mine != theirs


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.data())
def test_a_wrong_message_is_found_at_its_line(seed: int, data: st.DataObject) -> None:
    """A wrong size in a message of a visible order is a difference at its line."""
    lines = random_day(seed, 120, 30)
    row = data.draw(st.integers(1, len(lines) - 1))
    if lines[row].event[0] <= EXECUTION:
        outcome = checked(with_event(lines, row, size=lines[row].event[2] + 1))
        assert outcome.difference is not None
        assert outcome.difference.line == row + 1


def test_a_swapped_priority_is_found() -> None:
    """Where the younger of two orders at a price executes first, the strict check stops there and the other counts."""
    exchange = quiet_day()
    younger = exchange.rest(BUY, 999_900, 100)
    exchange.take(younger, 50, EXECUTION)
    lines = visible(exchange.record)
    strict = checked(lines)
    assert strict.difference is not None
    assert (strict.difference.line, strict.difference.what) == (
        len(lines),
        "an order is executed out of its turn in price and time",
    )
    lenient = checked(lines, strict_priority=False)
    assert lenient.equal
    assert (lenient.counts.out_of_turn, lenient.counts.first_out_of_turn) == (1, len(lines))


def test_an_unnamed_order_goes_before_a_named_one() -> None:
    """The quantity that was there first is older than an order that was seen to arrive."""
    exchange = quiet_day()
    younger = exchange.rest(BUY, 999_900, 100)
    exchange.take(younger, 50, EXECUTION)
    assert checked(visible(exchange.record)[5:]).difference is not None
    fair = quiet_day()
    fair.rest(BUY, 999_900, 100)
    fair.arrive(SELL, 999_900, 150)
    outcome = checked(visible(fair.record)[6:])
    assert outcome.equal
    assert outcome.counts.executions_matched == 2


@pytest.mark.parametrize(
    ("name", "size", "kind", "what"),
    [
        (1, 100, SUBMISSION, "second time"),
        (1, 100, 3, "executed or deleted in full"),
        (2, 101, 2, "not what is left"),
        (2, 99, 3, "not what is left"),
        (99, 101, 2, "more is taken"),
    ],
)
def test_an_impossible_event_is_found(name: int, size: int, kind: int, what: str) -> None:
    """An identifier used twice, an order that is gone, and quantity that is not there are differences of their own."""
    exchange = quiet_day()
    exchange.cancel(1, 100)
    side, price = (BUY, 999_900) if name == 1 else (SELL, 1_000_100)
    exchange.happen(kind, name, size, price, side)
    lines = [line for line in exchange.record[1:] if line.event]
    outcome = checked(lines)
    assert outcome.difference is not None
    assert what in outcome.difference.what
    assert outcome.difference.line == len(lines)


@pytest.mark.parametrize(
    ("size", "price", "what"), [(100, 999_950, "nothing stands"), (10**6, 999_900, "more is taken")]
)
def test_an_execution_that_takes_from_nothing_is_found(size: int, price: int, what: str) -> None:
    """Where the whole side is in view, an unseen order cannot execute and leave the book as it was."""
    exchange = quiet_day(5)
    exchange.happen(EXECUTION, 99, size, price, BUY)
    outcome = checked(exchange.record[1:])
    assert outcome.difference is not None
    assert what in outcome.difference.what
    assert outcome.difference.line == len(exchange.record) - 1


def test_an_execution_that_no_level_in_view_shows_is_counted_with_its_line() -> None:
    """Beyond a full view there may be such an order: it can only have executed at a price that was not its own."""
    exchange = quiet_day()
    exchange.levels = 1
    lines = [*visible(exchange.record), Line((EXECUTION, 99, 10**6, 999_900, BUY), exchange.book())]
    lines = [Line(line.event, line.book[:4]) for line in lines]
    outcome = checked(lines, strict_priority=False)
    assert outcome.equal
    assert (outcome.counts.off_price, outcome.counts.first_off_price) == (1, len(lines))


def test_an_order_of_the_first_line_must_stand_in_it() -> None:
    """A submission within the view of the first line that the line does not show is a difference there."""
    lines = [Line((SUBMISSION, 1, 100, 1_000_000, BUY), (1_000_300, 10, 999_900, 50))]
    outcome = checked(lines)
    assert outcome.difference is not None
    assert outcome.difference.line == 1


def test_times_that_run_backward_are_counted() -> None:
    """Lines whose time lies before that of the line above are counted, with the first."""
    messages = b"34200.2,1,1,100,1000,1\n34200.1,1,2,100,1100,-1\n34200.1,5,0,1,1100,-1\n"
    book = b"9999999999,0,1000,100\n" + b"1100,100,1000,100\n" * 2
    counts = check_lobster(io.BytesIO(messages), io.BytesIO(book)).counts
    assert (counts.time_backward, counts.first_time_backward) == (1, 2)


class _Backwards(Book):
    """A book whose replay trades with the youngest order of a price: what the check is there to find."""

    @staticmethod
    def replay(messages: Any, **rules: Any) -> Any:
        replay = Book.replay(messages, **rules)
        makers = replay.trades.maker_order_id.copy()
        if len(makers) > 1:
            makers[[0, 1]] = makers[[1, 0]]
        replay.trades = replay.trades._replace(maker_order_id=makers)
        return replay


def test_a_wrong_book_of_ours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If our own book broke priority, the check would say at which line, and what either side traded."""
    monkeypatch.setattr(lobster_check, "Book", _Backwards)
    exchange = quiet_day()
    exchange.rest(BUY, 999_900, 100)
    exchange.arrive(SELL, 999_900, 150)
    outcome = checked(visible(exchange.record))
    assert outcome.difference is not None
    assert outcome.difference.line == 8
    assert outcome.difference.what.startswith("our book trades 100 at 999900 with the order of line 7")


def test_a_lost_trade_of_ours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trade that our book leaves out is a difference, and so is one that it makes up."""

    class Deaf(Book):
        @staticmethod
        def replay(messages: Any, **rules: Any) -> Any:
            replay = Book.replay(messages, **rules)
            shorter = {name: column[:-1] for name, column in replay.trades._asdict().items()}
            replay.trades = replay.trades._replace(**shorter)
            return replay

    monkeypatch.setattr(lobster_check, "Book", Deaf)
    exchange = quiet_day()
    exchange.arrive(SELL, 999_900, 50)
    outcome = checked(visible(exchange.record))
    assert outcome.difference is not None
    assert outcome.difference.what.startswith("our book trades nothing, the published day 50 at 999900")


# --- Files ----------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.integers(0, 10**6), levels_shown)
def test_files_are_read_as_they_were_written(seed: int, levels: int) -> None:
    """Messages and book come back as the integers that were written."""
    lines = random_day(seed, 60, levels)
    if lines:
        messages = read_messages(io.BytesIO(message_text(lines).encode()))
        fields = ("event_type", "order_id", "size", "price", "direction")
        assert [tuple(row) for row in zip(*(messages[name].tolist() for name in fields), strict=True)] == [
            line.event for line in lines
        ]
        book = read_book(io.BytesIO(book_text(lines).encode()))
        table = np.stack([book[name] for name in ("ask_price", "ask_size", "bid_price", "bid_size")], axis=2)
        assert table.reshape(len(lines), -1).tolist() == [list(line.book) for line in lines]


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("", Code.EMPTY, "the open file"),
        ("34200.1,1,5,100,1000000\n", Code.UNREADABLE, "the open file, line 1"),
        ("34200.1,1,5,100,1000000,1,x,y\n", Code.UNREADABLE, "the open file, line 1"),
        ("34200.1,1,5,100,1000000,1\n\n", Code.EMPTY, "the open file, line 2"),
        ("34200.1234567891,1,5,100,1000000,1\n", Code.OUT_OF_RANGE, "the open file, line 1, column time"),
        ("34200.1,8,5,100,1000000,1\n", Code.OUT_OF_RANGE, "the open file, line 1, column type"),
        ("34200.1,1,5,100,1000000,0\n", Code.OUT_OF_RANGE, "the open file, line 1, column direction"),
        ("34200.1,1,5,0,1000000,1\n", Code.OUT_OF_RANGE, "the open file, line 1, column size"),
        ("34200.1,1,5,1e2,1000000,1\n", Code.WRONG_TYPE, "the open file, line 1, column size"),
        ("34200.1,1,99999999999999999999,1,1000000,1\n", Code.OUT_OF_RANGE, "the open file, line 1, column order_id"),
        ("34200.1,1,5,100,1000000,1\n34200.,1,5,1,1,1\n", Code.WRONG_TYPE, "the open file, line 2, column time"),
        ("90000,1,5,100,1000000,1\n", Code.OUT_OF_RANGE, "the open file, line 1, column time"),
        ("34200.1,7,0,0,2,-1\n", Code.OUT_OF_RANGE, "the open file, line 1, column price"),
    ],
)
def test_a_wrong_message_file_is_refused(text: str, code: Code, where: str) -> None:
    """What the published layout does not allow is refused with its line and column."""
    with pytest.raises(Refusal) as refused:
        read_messages(io.BytesIO(text.encode()))
    assert (refused.value.code, refused.value.where) == (code, where)


def test_a_seventh_field_and_windows_line_ends_are_read_over() -> None:
    """Newer files have one more field, and some systems end lines with two characters."""
    messages = read_messages(io.BytesIO(b"34200.1,5,0,100,1000000,1,null\r\n34200.2,7,0,0,-1,-1,null"))
    assert messages["price"].tolist() == [1_000_000, -1]


@pytest.mark.parametrize("book", [b"5,5,0,100\n", b"5,5,-1,100\n"])
def test_a_price_below_one_of_an_occupied_level_is_refused(book: bytes) -> None:
    """A share costs something: a level that somebody occupies has a price of 1 or more."""
    with pytest.raises(Refusal) as caught:
        read_book(io.BytesIO(book))
    assert caught.value.code is Code.OUT_OF_RANGE


def test_empty_lines_ask_for_no_memory() -> None:
    """After one line of many levels, a block of empty lines is refused, and no table is made for them first."""
    with pytest.raises(Refusal) as caught:
        read_book(io.BytesIO(b",".join([b"1"] * 40_000) + b"\n" * (1 << 21)))
    assert (caught.value.code, caught.value.where) == (Code.EMPTY, "the open file, line 2")


def test_files_of_different_lengths_are_refused() -> None:
    """Two files that do not belong together are refused, whichever is the longer."""
    lines = random_day(2, 80, 2)
    for messages, book in ((lines, lines[:-1]), (lines[:-1], lines)):
        with pytest.raises(Refusal) as refused:
            check_lobster(io.BytesIO(message_text(messages).encode()), io.BytesIO(book_text(book).encode()))
        assert refused.value.code is Code.UNREADABLE


@settings(max_examples=150)
@given(
    st.one_of(st.binary(max_size=300), st.text("0123456789.,-\n", max_size=200).map(str.encode)),
    st.one_of(st.binary(max_size=300), st.text("0123456789.,-\n", max_size=200).map(str.encode)),
)
def test_bytes_of_chance_are_refused(messages: bytes, book: bytes) -> None:
    """Whatever the two files hold, they are compared or refused in one line."""
    with suppress(Refusal):
        check_lobster(io.BytesIO(messages), io.BytesIO(book))
