"""The call phase of the book: orders wait, then trade at one price; every rule by an example small enough to read."""

from typing import Any

import pytest

from naryq import Book, Code, Refusal
from naryq.market.book_rules import SELF_TRADES
from naryq.market.call import VENUE_RULES


def in_call(**rules: Any) -> Book:
    """Return an empty book in a call phase."""
    book = Book(**rules)
    book.start_call()
    return book


def brief(book: Book, **options: Any) -> list[tuple[int, int, int, int]]:
    """End the call and return each trade as maker, taker, price and quantity."""
    trades = book.uncross(**options)
    return [(trade.maker_order_id, trade.taker_order_id, trade.price, trade.quantity) for trade in trades]


def refused(code: Code, function: Any, *arguments: Any, **options: Any) -> None:
    """Expect a refusal with a remedy."""
    with pytest.raises(Refusal) as caught:
        function(*arguments, **options)
    assert caught.value.code is code
    assert caught.value.remedy


def test_orders_wait_even_where_they_cross() -> None:
    """In a call nothing trades, the depth of both sides may overlap, and the price that would be is told."""
    book = in_call()
    assert book.submit(1, "buy", 202, 300) == book.submit(2, "sell", 198, 200) == []
    book.submit(3, "buy", 201, 200)
    book.submit(4, "sell", 199, 300)
    assert book.depth(1) == ([(202, 300)], [(198, 200)])
    assert (book.best_bid, book.best_ask, book.phase) == (202, 198, "call")
    assert book.indicative(reference=200)[:3] == (201, 500, 0)
    assert book.indicative("euronext", reference=200).price == 200
    assert book.last_price is None


def test_the_best_and_oldest_trade_first_at_one_price() -> None:
    """Bids from the dearest and offers from the cheapest, then the older; the maker is who came earlier."""
    book = in_call()
    book.submit(1, "buy", 100, 5)
    book.submit(2, "sell", 99, 4)
    book.submit(3, "buy", 101, 5)
    book.submit(4, "buy", 100, 5)
    book.submit(5, "sell", 98, 8)
    assert brief(book) == [(3, 5, 100, 5), (1, 5, 100, 3), (1, 2, 100, 2), (2, 4, 100, 2)]
    assert book.depth(5) == ([(100, 3)], [])
    assert (book.phase, book.last_price, book.statistics.volume) == ("continuous", 100, 12)


def test_market_orders_come_first_and_lapse_after() -> None:
    """Market orders wait in a call, are served before every limit, show in no depth, and what is left is given up."""
    book = in_call()
    book.submit(1, "buy", 105, 5)
    book.submit(2, "buy", None, 5, kind="market")
    book.submit(3, "sell", 100, 6)
    book.submit(4, "buy", None, 5, kind="market")
    assert book.depth(5) == ([(105, 5)], [(100, 6)])
    assert brief(book) == [(2, 3, 105, 5), (3, 4, 105, 1)]
    assert (book.order(4), len(book), book.best_bid, book.best_ask) == (None, 1, 105, None)
    refused(Code.UNKNOWN_ORDER, book.cancel, 4)


def test_market_orders_alone_trade_at_the_reference_price() -> None:
    """Without any limit the reference price is the price: the one given, else the last; else nothing trades."""
    for last, reference, expected in ((None, 90, 90), (80, 90, 90), (80, None, 80), (None, None, None)):
        book = Book()
        if last is not None:
            book.submit(8, "sell", last, 1)
            book.submit(9, "buy", last, 1)
        book.start_call()
        book.submit(1, "buy", None, 9, kind="market")
        book.submit(2, "sell", None, 8, kind="market")
        assert book.indicative(reference=reference)[:3] == (expected, 8, 1)
        assert brief(book, reference=reference) == ([] if expected is None else [(1, 2, expected, 8)])
        assert len(book) == 0


def test_an_iceberg_takes_part_with_its_whole_quantity() -> None:
    """What it hides trades at its own turn; what it then has left shows anew, behind those at its price."""
    book = in_call()
    book.submit(1, "sell", 100, 10, display=2)
    book.submit(2, "sell", 100, 5)
    book.submit(3, "buy", 100, 7)
    assert book.depth(1).asks == [(100, 7)]
    assert brief(book) == [(1, 3, 100, 7)]
    assert [trade.maker_order_id for trade in book.submit(4, "buy", 100, 6)] == [2, 1]


def test_an_iceberg_that_still_shows_keeps_its_place() -> None:
    """As in the continuous phase, only a refill costs its place."""
    book = in_call()
    book.submit(1, "sell", 100, 10, display=4)
    book.submit(2, "sell", 100, 5)
    book.submit(3, "buy", 100, 3)
    assert brief(book) == [(1, 3, 100, 3)]
    assert [trade.maker_order_id for trade in book.submit(4, "buy", 100, 2)] == [1, 2]


@pytest.mark.parametrize(
    ("rule", "traded", "left"),
    [
        ("allow", [(1, 3)], {2, 4}),
        ("cancel_newest", [(1, 2)], {4}),
        ("cancel_resting", [(3, 4)], {2}),
        ("cancel_both", [], {2, 4}),
    ],
)
def test_the_self_trade_rule_holds_in_a_call(rule: Any, traded: list[tuple[int, int]], left: set[int]) -> None:
    """Before the price is found, what would meet its own owner is cancelled: the later, the earlier, or both."""
    book = in_call(self_trade=rule)
    book.submit(1, "buy", 105, 10, owner=7)
    book.submit(2, "sell", 103, 10, owner=8)
    book.submit(3, "sell", 100, 10, owner=7)
    book.submit(4, "buy", 101, 10, owner=9)
    assert [trade[:2] for trade in brief(book)] == traded
    assert {name for name in range(1, 5) if book.order(name) is not None} == left


def test_the_price_is_found_after_the_cancellations() -> None:
    """An offer that only its own owner would have met sets no price, and the book does not stay crossed."""
    book = in_call(self_trade="cancel_newest")
    book.submit(1, "buy", 105, 10, owner=7)
    book.submit(2, "sell", 103, 10, owner=8)
    book.submit(3, "sell", 100, 10, owner=7)
    assert brief(book, reference=0) == [(1, 2, 103, 10)]
    assert len(book) == 0


def test_only_what_is_left_is_cancelled() -> None:
    """An order that trades with others first is cancelled for the rest alone."""
    book = in_call(self_trade="cancel_resting")
    book.submit(1, "buy", 100, 10, owner=7)
    book.submit(2, "sell", 99, 4, owner=8)
    book.submit(3, "sell", 100, 10, owner=7)
    assert brief(book) == [(1, 2, 99, 4)]
    assert book.depth(5) == ([], [(100, 10)])


@pytest.mark.parametrize("kind", ["immediate_or_cancel", "fill_or_kill", "post_only"])
def test_kinds_that_a_call_refuses(kind: Any) -> None:
    """Orders that ask to trade at once, or not to, are refused in a call, and the name stays free."""
    book = in_call()
    refused(Code.WRONG_PHASE, book.submit, 1, "buy", 100, 1, kind=kind)
    book.uncross()
    book.submit(1, "buy", 100, 1, kind=kind)


def test_orders_are_cancelled_and_amended_in_a_call() -> None:
    """Less keeps the place, more or another price goes to the back; a market order may be given a price."""
    book = in_call()
    book.submit(1, "sell", 100, 5)
    book.submit(2, "sell", 100, 5)
    book.submit(3, "sell", None, 5, kind="market")
    assert book.amend(1, quantity=4) == book.amend(2, quantity=6) == book.amend(3, price=101) == []
    assert book.cancel(2, 1) == 1
    assert book.depth(5).asks == [(100, 9), (101, 5)]
    book.submit(4, "buy", None, 2, kind="market")
    assert book.amend(4, quantity=3) == []
    assert brief(book) == [(1, 4, 100, 3)]


def test_a_post_only_order_from_before_takes_part() -> None:
    """Nobody makes or takes in a call, so its promise is not at stake; afterwards it holds again."""
    book = Book()
    book.submit(1, "buy", 100, 2, kind="post_only")
    book.start_call()
    book.submit(2, "sell", 90, 1)
    assert brief(book) == [(1, 2, 100, 1)]
    assert book.submit(3, "sell", 101, 1) == book.amend(1, price=101) == []
    assert book.order(1) is None


def test_what_belongs_to_the_other_phase_is_refused() -> None:
    """A call starts once, and ends and is foreseen only while it lasts."""
    book = Book()
    refused(Code.WRONG_PHASE, book.uncross)
    refused(Code.WRONG_PHASE, book.indicative)
    book.start_call()
    refused(Code.WRONG_PHASE, book.start_call)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"price_rule": "middle"}, Code.UNKNOWN_OPTION),
        ({"reference": 101}, Code.OUT_OF_RANGE),
        ({"reference": 10**13}, Code.OUT_OF_RANGE),
        ({"reference": 1.5}, Code.WRONG_TYPE),
    ],
)
def test_a_wrong_uncrossing_leaves_the_call_as_it_was(options: dict[str, Any], code: Code) -> None:
    """An unknown rule or a reference price off the tick is refused, and the call goes on."""
    book = in_call(tick=10)
    book.submit(1, "buy", 100, 1)
    before = book.state_hash()
    refused(code, book.uncross, **options)
    refused(code, book.indicative, **options)
    assert (book.state_hash(), book.phase) == (before, "call")


def test_the_hash_knows_the_phase_and_who_came_first() -> None:
    """Books that differ only in the phase, or in who of two sides came first in the call, have different hashes."""
    books = [in_call(), in_call(), Book(), Book()]
    books[1].submit(1, "buy", 10, 1)
    for book in (books[0], books[2], books[3]):
        book.submit(2, "sell", 20, 1)
    books[1].submit(2, "sell", 20, 1)
    for book in (books[0], books[2], books[3]):
        book.submit(1, "buy", 10, 1)
    hashes = [book.state_hash() for book in books]
    assert hashes[2] == hashes[3]
    assert len(set(hashes)) == 3
    books[0].uncross()
    assert books[0].state_hash() == hashes[2]


@pytest.mark.parametrize("rule", VENUE_RULES)
@pytest.mark.parametrize("self_trade", SELF_TRADES)
def test_no_call_leaves_a_crossed_book(rule: str, self_trade: Any) -> None:
    """Whatever the rules, what waits after a call does not cross."""
    book = in_call(self_trade=self_trade)
    for number in range(60):
        side: Any = ("buy", "sell")[number % 2]
        book.submit(number, side, 100 + number * 7 % 13, 1 + number % 5, owner=number % 3)
    book.uncross(rule)
    bid, ask = book.best_bid, book.best_ask
    assert bid is None or ask is None or bid < ask
