"""The three forms of the continuous book give the same answers: one message at a time, replayed, and the naive twin."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.book_streams import Row, differences, exhaustive, random_stream, replayed

from naryq.market.book_rules import ACTIONS, SELF_TRADES, SIDES
from naryq.market.call import VENUE_RULES

ROWS = st.builds(
    Row,
    kind=st.sampled_from(("limit", *ACTIONS)),
    order_id=st.integers(-1, 14),
    side=st.sampled_from(SIDES),
    price=st.integers(-2, 3),
    quantity=st.integers(0, 6),
    owner=st.sampled_from((None, 0, 1, -1)),
    display=st.sampled_from((None, None, 1, 2, 7)),
)


def tidied(row: Row) -> Row:
    """A market order has no price, and -1 stands for no owner in a column."""
    price = None if row.kind == "market" else row.price
    return row._replace(price=price, owner=None if row.owner == -1 else row.owner)


@settings(max_examples=250)
@given(stream=st.lists(ROWS.map(tidied), max_size=40), rule=st.sampled_from(SELF_TRADES), tick=st.sampled_from((1, 2)))
def test_any_stream_gives_the_same_answers(stream: list[Row], rule: Any, tick: int) -> None:
    """Whatever the messages, trades, refusals, depth, statistics and hash agree after the last."""
    assert differences(stream, rule, tick) == ""


@pytest.mark.parametrize("rule", SELF_TRADES)
@pytest.mark.parametrize("seed", range(3))
def test_long_streams_give_the_same_answers(rule: Any, seed: int) -> None:
    """Long streams with deep queues agree under every self-trade rule."""
    assert differences(random_stream(seed, 600, tick=5), rule, 5) == ""


@pytest.mark.parametrize("rule", SELF_TRADES)
def test_every_short_stream_gives_the_same_answers(rule: Any) -> None:
    """Every stream of two messages from the alphabet, then a third that sweeps, agrees."""
    sweeps = [
        Row("limit", 9, "buy", 2, 7, 1),
        Row("limit", 9, "sell", 1, 7, 1),
        Row("fill_or_kill", 9, "sell", 1, 3, 0),
    ]
    for stream in exhaustive(2):
        for sweep in sweeps:
            assert differences([*stream, sweep], rule) == ""


@pytest.mark.parametrize("spread", [10**11, 1])
def test_wide_names_and_prices_give_the_same_answers(spread: int) -> None:
    """Names and prices too far apart to index a table by are found all the same."""
    stream = [
        row._replace(order_id=row.order_id * spread * 7, price=None if row.price is None else row.price * spread)
        for row in random_stream(11, 500)
    ]
    assert differences(stream, "cancel_resting") == ""


def test_many_levels_give_the_same_answers() -> None:
    """Prices scattered over thousands of levels are found by every tier of the pyramid."""
    stream = [
        row._replace(price=None if row.price is None else row.price * 7_919 + number % 31 * 33)
        for number, row in enumerate(random_stream(5, 700))
    ]
    assert differences(stream) == ""


@pytest.mark.parametrize("price_rule", VENUE_RULES)
@pytest.mark.parametrize("rule", SELF_TRADES)
def test_streams_with_calls_give_the_same_answers(rule: Any, price_rule: str) -> None:
    """With calls between, under every rule for prices and for self-trades, all three forms agree."""
    for seed in range(8):
        tick = 1 + seed % 3
        assert differences(random_stream(seed, 250, tick, calls=True), rule, tick, price_rule) == ""


@pytest.mark.parametrize("spread", [10**11, 10**6])
def test_calls_with_wide_names_and_prices_give_the_same_answers(spread: int) -> None:
    """Levels that are numbered first stand twice all the same while a call lasts."""
    stream = [
        row._replace(order_id=row.order_id * spread * 7, price=None if row.price is None else row.price * spread)
        for row in random_stream(12, 500, calls=True)
    ]
    assert differences(stream, "cancel_newest") == ""


def test_a_flood_of_small_showings_before_and_after_a_call_gives_the_same_answers() -> None:
    """Icebergs that trade more often than there is room for make the run begin anew, calls and all."""
    stream = [Row("start_call", 0, "buy", None, 0), Row("limit", 1, "sell", 5, 900, None, 1)]
    stream += [Row("limit", 2, "buy", 5, 100), Row("uncross", 3, "buy", None, 0), Row("limit", 4, "buy", 6, 700)]
    stream += [Row("start_call", 5, "buy", None, 0), Row("market", 6, "buy", None, 60), Row("uncross", 7, "buy", 4, 0)]
    assert differences(stream) == ""


@pytest.mark.parametrize("rows", [["start_call"], ["uncross"], ["start_call", "start_call"], ["start_call", "uncross"]])
def test_calls_alone_give_the_same_answers(rows: list[str]) -> None:
    """Phases without any order, and messages that their phase does not know, are answered alike."""
    assert differences([Row(kind, 0, "buy", None, 0) for kind in rows]) == ""


def test_the_last_price_is_the_reference_price_in_every_form() -> None:
    """Market orders alone trade at the price given, else at that of the last trade, before a call or in one."""
    stream = [Row("limit", 1, "sell", 5, 1), Row("limit", 2, "buy", 5, 1)]
    for number, reference in ((10, None), (20, 9), (30, None)):
        stream += [Row("start_call", 0, "buy", None, 0), Row("market", number, "buy", None, 4)]
        stream += [Row("market", number + 1, "sell", None, 3), Row("uncross", 0, "buy", reference, 0)]
    assert differences(stream) == ""
    assert [trade.price for trade in replayed(stream).trades] == [5, 5, 9, 9]
