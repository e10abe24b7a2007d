"""A venue's session trades as the books of the library do: message by message, and with bugs planted it does not."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.trading_samples import bid, offer, trading
from tests.trading_twins import BASE, OWNERS, Row, VenueBook, differences

from naryq.exchange import book as book_module
from naryq.exchange import machine, orders, people
from naryq.exchange import trading as matching
from naryq.exchange.state import with_session
from naryq.exchange.trading import Bounds
from naryq.messages import OrderAmended, SubmitOrder, Traded

RULES = ("allow", "cancel_newest", "cancel_resting", "cancel_both")
SEEDS = range(6)
LENGTH = 260


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_session_trades_as_a_book(seed: int, rule: str) -> None:
    """Over orders of every kind, amendments, halts and calls, trades and queues are the books' at each step."""
    assert differences(seed, LENGTH, rule) == ""


@given(
    st.lists(
        st.tuples(st.sampled_from(("buy", "sell")), st.integers(1, 6), st.integers(1, 30), st.integers(0, 40)),
        max_size=40,
    )
)
def test_the_chain_is_the_queue_that_a_list_would_be(moves: list[tuple[Any, int, int, int]]) -> None:
    """Orders that enter and leave in any order stand as in a plain sorted list, and nothing of the gone stays."""
    book, plain = book_module.EMPTY, list[tuple[str, int, int]]()
    for number, (side, price, _, leaves) in enumerate(moves, 1):
        book = book_module.entered(book, side, price, number)
        plain.append((side, price, number))
        if leaves < len(plain):
            gone = plain.pop(leaves)
            book = book_module.left(book, gone[0], gone[1], gone[2])  # type: ignore[arg-type]  # a side
    for side in ("buy", "sell"):
        sign = -1 if side == "buy" else 1
        standing = sorted((sign * price, number) for its, price, number in plain if its == side)
        assert list(book_module.queue(book, side)) == [number for _, number in standing]  # type: ignore[arg-type]
        best = sign * standing[0][0] if standing else None
        assert book_module.best(book, side) == best  # type: ignore[arg-type]
    afresh = book_module.EMPTY
    for side, price, number in plain:
        afresh = book_module.entered(afresh, side, price, number)  # type: ignore[arg-type]
    assert book == afresh


def calls_of(kind: str, depth: int) -> int:
    """Count the calls, in Python and below, that one message costs beside so many orders at one price."""
    desk = VenueBook("cancel_newest")
    for number in range(depth):
        assert desk.answer(Row("limit", number, "sell", BASE, 5, number % OWNERS))
        desk.at_ns += 2 * 10**9  # The limits remember a second: what was sent in it is not the queue's cost.
    row = {
        "trade": Row("limit", depth, "buy", BASE, 5, OWNERS),
        "rest": Row("limit", depth, "sell", BASE, 5, 1),
        "cancel": Row("cancel", depth // 2, "sell", None, None, 0),
        "amend": Row("amend", depth // 2, "sell", BASE + 1, None, 0),
    }[kind]
    calls = Counter[str]()
    sys.setprofile(lambda _, event, __: calls.update([event]))
    try:
        taken = desk.answer(row)
    finally:
        sys.setprofile(None)
    assert taken
    return calls["call"] + calls["c_call"]


@pytest.mark.parametrize("kind", ["trade", "rest", "cancel", "amend"])
def test_a_message_costs_the_same_in_a_long_queue(kind: str) -> None:
    """Trading with the front, joining the end and leaving the middle take as many calls beside 400 as beside 20."""
    calls_of(kind, 20)  # What is remembered at the first time is not the queue's cost.
    assert calls_of(kind, 400) == calls_of(kind, 20)


# --- Bounds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "traded", "stopped_at"),
    [
        (Bounds(), [90_000, 91_000, 92_000], None),
        (Bounds(highest=91_000), [90_000, 91_000], 92_000),
        (Bounds(highest=89_999), [], 90_000),
        (Bounds(lowest=95_000), [], 90_000),
    ],
)
def test_an_order_stops_before_it_would_trade_outside_the_bounds(
    bounds: Bounds, traded: list[int], stopped_at: int | None
) -> None:
    """It trades as far as the bounds allow, one-sided ones too, and says at which price it was stopped."""
    desk = trading()
    for number in range(3):
        desk.must(SubmitOrder, "zhanaozen", **offer(f"a{number}", 90_000 + 1_000 * number, 1))
    desk.must(SubmitOrder, "aktau", **bid("b", 80_000, 5))
    session = desk.state.sessions["day"]
    order = session.orders[session.numbers["b"]]
    outcome = matching.entering(desk.state, session, _at(order, 95_000), bounds)
    assert [event.price_tenge_per_tonne for event in outcome.events if isinstance(event, Traded)] == traded
    assert outcome.stopped_at == stopped_at


def _at(order: Any, price: int) -> Any:
    return type(order)(
        **{**{name: getattr(order, name) for name in order.__struct_fields__}, "price_tenge_per_tonne": price}
    )


def test_a_call_outside_the_bounds_trades_nothing() -> None:
    """Where the price of a call would lie outside the bounds, nothing trades and the price is told."""
    desk = trading(opening_call=True)
    desk.must(SubmitOrder, "zhanaozen", **offer("a", 90_000, 1))
    desk.must(SubmitOrder, "aktau", **bid("b", 90_000, 1))
    session = desk.state.sessions["day"]
    assert matching.uncrossed(desk.state, session, 1, Bounds(highest=89_999)) == ((), 90_000, 0)
    assert len(matching.uncrossed(desk.state, session, 1, Bounds(highest=90_000)).events) == 1


# --- Bugs that must be caught -----------------------------------------------------------------------------------


def _newest_first(_: Callable[..., Any]) -> Callable[..., Any]:
    def queue(book: Any, side: Any) -> Any:
        half = book_module.half_of(book, side)
        for key in reversed(half.keys):
            number = half.levels[key].newest
            while number:
                yield number
                number = book.links[number].before

    return queue


def _worst_first(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda book, side: reversed(list(original(book, side)))


def _at_the_takers_price(original: Callable[..., Any]) -> Callable[..., Any]:
    def trade(number: int, taker: Any, maker: Any, lots: int) -> Any:
        return original(number, taker, _at(maker, taker.price_tenge_per_tonne), lots)

    return trade


def _changed(**changes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make an order other than it is on its way to a function that takes it third."""

    def plant(original: Callable[..., Any]) -> Callable[..., Any]:
        def entering(state: Any, session: Any, order: Any, *rest: Any) -> Any:
            fields = {name: getattr(order, name) for name in order.__struct_fields__}
            return original(state, session, type(order)(**{**fields, **changes}), *rest)

        return entering

    return plant


def _nobody_is_related(_: Callable[..., Any]) -> Callable[..., Any]:
    names = iter(range(10**9))
    return lambda *asked: f"{asked[1]}-{next(names)}"


def _never_ends(_: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: ""


def _always_ends(_: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: "it is over"


def _forgets_its_elders(original: Callable[..., Any]) -> Callable[..., Any]:
    """Leave without telling the neighbour before: whoever enters behind it later is lost."""

    def left(book: Any, side: Any, price: int, number: int) -> Any:
        before = book.links[number].before
        after = original(book, side, price, number)
        if before and book.links[number].after:
            links = after.links.insert(before, book_module.Links(after.links[before].before, 0))
            return type(after)(after.bids, after.asks, links)
        return after

    return left


def _keeps_the_empty_price(original: Callable[..., Any]) -> Callable[..., Any]:
    def without(session: Any, order_id: str) -> Any:
        number = session.numbers[order_id]
        after = original(session, order_id)
        return type(after)(
            **{
                **{name: getattr(after, name) for name in after.__struct_fields__},
                "lots": after.lots + (number % 7 == 0),
            }
        )

    return without


def _more_keeps_its_place(original: Callable[..., Any]) -> Callable[..., Any]:
    def amended(state: Any, event: Any) -> Any:
        session = state.sessions[event.session_id]
        if session.orders[session.numbers[event.order_id]].price_tenge_per_tonne == event.price_tenge_per_tonne:
            return with_session(state, orders.with_lots(session, event.order_id, event.quantity_lots))
        return original(state, event)

    return amended


def _first_willing_alone(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda order, price: original(order, price) and order.price != price


def _loses_market_orders(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda orders_of_side: original(orders_of_side)._replace(market=0)


def _keeps_market_orders(_: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_: iter(())


Plant = Callable[[Callable[..., Any]], Callable[..., Any]]
BUGS: dict[str, tuple[Any, str, Plant]] = {
    "the newest of a price trades first": (matching, "queue", _newest_first),
    "the worst price trades first": (matching, "queue", _worst_first),
    "trades at the price of who comes": (matching, "_trade", _at_the_takers_price),
    "post-only orders trade": (matching, "entering", _changed(post_only=False)),
    "orders in part where all or nothing was asked": (matching, "entering", _changed(time_in_force="session")),
    "affiliates meet": (people, "group_of", _nobody_is_related),
    "what should lapse waits": (matching, "_end_of", _never_ends),
    "what should wait lapses": (matching, "_end_of", _always_ends),
    "the chain breaks where an order leaves": (orders, "left", _forgets_its_elders),
    "lots are lost where an order leaves": (orders, "without_order", _keeps_the_empty_price),
    "more of an order keeps its place": (orders, "_order_amended", _more_keeps_its_place),
    "a call leaves out who bids the price": (matching, "_willing", _first_willing_alone),
    "a call does not see market orders": (matching, "_ladder", _loses_market_orders),
    "market orders outlast their call": (matching, "_waiting_at_market", _keeps_market_orders),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With each bug planted, one of the streams shows a difference, or an assertion of the venue fails."""
    module, name, plant = BUGS[bug]
    planted = plant(getattr(module, name))
    monkeypatch.setattr(module, name, planted)
    if name == "_order_amended":
        evolvers = {**dict(machine._EVOLVERS), OrderAmended: planted}
        monkeypatch.setattr(machine, "_EVOLVERS", evolvers)
    assert any(_found(seed, rule) for seed in SEEDS for rule in RULES)


def _found(seed: int, rule: str) -> bool:
    try:
        return differences(seed, LENGTH, rule) != ""
    except (AssertionError, KeyError):
        return True
