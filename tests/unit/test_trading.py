"""Sessions over one instrument: what they take, how they trade, through which phases they go, and how they end."""

import csv
from typing import Any

import pytest
from tests.trading_samples import (
    REGIONAL,
    REPUBLICAN,
    bid,
    closed,
    instrument,
    offer,
    over,
    phase,
    toured,
    trading,
    venue,
)
from tests.venue_samples import Answer, Desk, instant, opened, order, rulebook

from naryq import exchange
from naryq.cli.files import shipped
from naryq.exchange.instruments import composed, parsed
from naryq.exchange.trading import POSTED
from naryq.messages import (
    AdoptRulebook,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    DeclareAffiliation,
    DelistInstrument,
    HolidaysDeclared,
    InstrumentDelisted,
    InstrumentListed,
    LedgerPosted,
    ListInstrument,
    OpenSession,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PhaseChanged,
    PublishSession,
    SessionEnded,
    SessionPublished,
    SessionsScheduled,
    StopTrading,
    SubmitOrder,
    Traded,
)


def trades(answer: Answer) -> list[tuple[str, str, int, int]]:
    """Return who traded with whom, at which price and how much."""
    return [
        (event.buy_order_id, event.sell_order_id, event.price_tenge_per_tonne, event.quantity_lots)
        for event in answer.events
        if isinstance(event, Traded)
    ]


def gone(answer: Answer) -> list[tuple[str, str]]:
    """Return which orders were taken out, and why."""
    return [(event.order_id, event.reason) for event in answer.events if isinstance(event, OrderCancelled)]


def open_lots(desk: Desk, session_id: str = "day") -> dict[str, int]:
    return {order.order_id: order.quantity_lots for order in exchange.ordered(desk.state.sessions[session_id].orders)}


def buy(desk: Desk, order_id: str, price: int, lots: int, who: str = "aktau", **changes: Any) -> Answer:
    return desk.give(SubmitOrder, who, **bid(order_id, price, lots, **changes))


def sell(desk: Desk, order_id: str, price: int, lots: int, who: str = "zhanaozen", **changes: Any) -> Answer:
    return desk.give(SubmitOrder, who, **offer(order_id, price, lots, **changes))


# --- Instruments ------------------------------------------------------------------------------------------------


def test_codes_are_read_as_far_as_sources_go() -> None:
    """The letters that announcements explain are read, all others are left open."""
    assert parsed("HBDERFP") == ("LPG butane technical", "ER", "Eastern region", "PNHZ")
    assert parsed("HBDEXEA") == ("LPG butane technical", "EX", None, "ANPZ")
    assert parsed("A92FCQTS") is None
    assert composed("LPG butane technical", "EX", "KZ", "ANPZ") == "HBDEXQA"
    assert composed("LPG butane technical", "EX", "KZ-47", "ANPZ") is None


def test_codes_are_read_as_the_facts_have_them() -> None:
    """Every code of the platform ETS among the facts is read to the plant and the region that stand beside it."""
    with (shipped("data") / "kazakhstan" / "instrument_codes.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["platform"] == "ETS"]
    assert len(rows) == 5
    for row in rows:
        parts = parsed(row["code"])
        assert parts is not None
        assert row["plant"] in {"", parts.plant}
        assert row["province"] in {"", parts.region}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": REGIONAL}, Code.ALREADY_EXISTS),
        ({"delivery_region": "KZ-99"}, Code.UNKNOWN_PLACE),
        ({"delivery_region": "West", "provinces": ("KZ-47", "KZ-99")}, Code.UNKNOWN_PLACE),
        ({"code": "HBDEXLA", "product": "LPG butane technical"}, Code.OUT_OF_RANGE),
        ({"carriage": "truck"}, Code.RULE_MISSING),
    ],
)
def test_an_instrument_is_listed_as_its_code_and_the_rules_say(changes: dict[str, Any], code: Code) -> None:
    """What exists, what names no province, what its code contradicts and what has no lot is refused."""
    answer = venue().give(ListInstrument, "operator", **{**instrument("NEW"), **changes})
    assert answer.code == code


def test_a_delisted_instrument_has_no_more_sessions() -> None:
    """An instrument with an open session stays listed; once delisted it has no session and no second life."""
    desk = trading()
    assert desk.give(DelistInstrument, "operator", code=REGIONAL, reason="a test").code == Code.WRONG_PHASE
    assert phase(desk, "cancelled").code is None
    desk.must(DelistInstrument, "operator", code=REGIONAL, reason="a test")
    assert desk.give(OpenSession, "operator", **over("call", "again")).code == Code.UNKNOWN_INSTRUMENT
    assert desk.give(ListInstrument, "operator", **instrument()).code == Code.ALREADY_EXISTS


def test_a_region_of_several_provinces_takes_each_of_them() -> None:
    """An instrument for a region that is made of provinces is delivered to any of them, and nowhere else."""
    desk = venue()
    desk.must(ListInstrument, "operator", **instrument("ZH-W", "West", provinces=("KZ-23",)))
    opened = desk.must(OpenSession, "operator", **over("continuous", instrument="ZH-W"))
    desk.at_ns = opened.opens_at_ns
    assert buy(desk, "far", 90_000, 1, place="ZH-W").code == Code.OUTSIDE_REGION
    assert buy(desk, "near", 90_000, 1, place="ZH-W", delivery="KZ-23").code is None


# --- What a session takes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delivery": "KZ-23"}, Code.OUTSIDE_REGION),
        ({"delivery": None}, Code.OUTSIDE_REGION),
        ({"place": "ZH"}, Code.UNKNOWN_PLACE),
        ({"order_type": "market"}, Code.NOT_SUPPORTED),
        ({"post_only": True, "time_in_force": "fill_or_kill"}, Code.NOT_SUPPORTED),
        ({"price_tenge_per_tonne": 90_005}, Code.OUT_OF_RANGE),
    ],
)
def test_what_a_session_does_not_take_is_refused(changes: dict[str, Any], code: Code) -> None:
    """Delivery elsewhere, another place, orders without a limit, both to wait and not, and prices off the tick."""
    desk = trading(text=rulebook(price_tick=10))
    assert buy(desk, "wrong", 90_000, 1, **changes).code == code


def test_a_session_for_a_region_takes_buyers_of_it_alone() -> None:
    """A session over an instrument for the whole Republic may still be restricted to the buyers of one province."""
    desk = trading(instrument=REPUBLICAN, region="KZ-23")
    assert buy(desk, "there", 90_000, 1, place=REPUBLICAN).code == Code.OUTSIDE_REGION
    assert buy(desk, "here", 90_000, 1, place=REPUBLICAN, delivery="KZ-23").code is None


def test_gas_goes_to_provinces_of_the_rulebook_alone() -> None:
    """Where an instrument is for the whole Republic, an unknown province is refused and one of the rulebook taken."""
    desk = trading(instrument=REPUBLICAN)
    for nowhere in ("KZ-99", None):
        assert buy(desk, "bid", 90_000, 1, place=REPUBLICAN, delivery=nowhere).code == Code.UNKNOWN_PLACE
    assert open_lots(desk) == {}
    assert buy(desk, "bid", 90_000, 1, place=REPUBLICAN, delivery="KZ-23").code is None


def test_only_a_continuous_phase_trades_at_once() -> None:
    """An order that must trade at once is refused in a call, where nothing does."""
    desk = trading(opening_call=True)
    assert buy(desk, "now", 90_000, 1, time_in_force="immediate_or_cancel").code == Code.WRONG_PHASE
    assert phase(desk, "continuous").code is None
    assert buy(desk, "now", 90_000, 1, time_in_force="immediate_or_cancel").code is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "network"}, Code.NOT_SUPPORTED),
        ({"kind": "call", "opening_call": True}, Code.NOT_SUPPORTED),
        ({"kind": "call", "instrument": "none"}, Code.UNKNOWN_INSTRUMENT),
        ({"kind": "call", "instrument": None}, Code.UNKNOWN_INSTRUMENT),
        ({"region": "KZ-99"}, Code.UNKNOWN_PLACE),
        ({"delivery_month": "2022-05"}, Code.OUT_OF_RANGE),
        ({"delivery_month": "2021-11"}, Code.OUT_OF_RANGE),
        ({"standard": None, "kind": "standard"}, Code.NOT_SUPPORTED),
    ],
)
def test_a_session_opens_with_terms_of_its_kind(changes: dict[str, Any], code: Code) -> None:
    """Terms of another kind, instruments and regions that are not there, and months too far off are refused."""
    desk = venue(rulebook(delivery_months_ahead=3))
    assert desk.give(OpenSession, "operator", **over("continuous", **changes)).code == code


# --- The continuous phase ---------------------------------------------------------------------------------------


def test_price_comes_before_time_and_the_book_sets_the_price() -> None:
    """The best offer trades first and the older of two equals, each at its own price; what is left rests."""
    desk = trading()
    sell(desk, "late", 90_000, 5)
    sell(desk, "cheap", 89_000, 2)
    sell(desk, "later", 90_000, 5, "atyrau")
    answer = buy(desk, "taker", 90_000, 8)
    assert trades(answer) == [
        ("taker", "cheap", 89_000, 2),
        ("taker", "late", 90_000, 5),
        ("taker", "later", 90_000, 1),
    ]
    assert [event.aggressor for event in answer.events if isinstance(event, Traded)] == ["buy"] * 3
    assert open_lots(desk) == {"later": 4}


@pytest.mark.parametrize(
    ("changes", "traded", "left"),
    [
        ({}, 2, {"taker": 3}),
        ({"time_in_force": "immediate_or_cancel"}, 2, {}),
        ({"time_in_force": "fill_or_kill"}, 0, {"ask": 2}),
        ({"post_only": True}, 0, {"ask": 2}),
    ],
)
def test_how_long_an_order_waits(changes: dict[str, Any], traded: int, left: dict[str, int]) -> None:
    """What does not trade at once rests, lapses, takes the whole order with it, or is not allowed to trade at all."""
    desk = trading()
    sell(desk, "ask", 90_000, 2)
    answer = buy(desk, "taker", 90_000, 5, **changes)
    assert sum(lots for *_, lots in trades(answer)) == traded
    assert open_lots(desk) == left


@pytest.mark.parametrize(
    ("rule", "traded", "left"),
    [
        ("allow", [("own", 90_000), ("other", 91_000)], {}),
        ("cancel_newest", [], {"own": 1, "other": 1}),
        ("cancel_resting", [("other", 91_000)], {"taker": 1}),
    ],
)
def test_nobody_trades_with_itself(rule: str, traded: list[tuple[str, int]], left: dict[str, int]) -> None:
    """Where one participant would meet itself, the newer or older order is taken back, unless the rules allow it."""
    desk = trading(text=rulebook(self_trade=rule, who_may_sell=("seller", "buyer")))
    sell(desk, "own", 90_000, 1, "aktau")
    sell(desk, "other", 91_000, 1)
    answer = buy(desk, "taker", 91_000, 2)
    assert [(ask, price) for _, ask, price, _ in trades(answer)] == traded
    assert open_lots(desk) == left


def test_affiliates_do_not_trade_with_each_other() -> None:
    """Two participants that belong together are one before the ban on cross-trades, in the book and in a call."""
    desk = trading(text=rulebook(self_trade="cancel_newest"))
    pair = {"participant_id": "aktau", "affiliate_id": "zhanaozen", "evidence": "one owner"}
    desk.must(DeclareAffiliation, "operator", **pair)
    sell(desk, "ask", 90_000, 2)
    assert gone(buy(desk, "bid", 90_000, 2)) == [("bid", "self_trade")]
    phase(desk, "call")
    buy(desk, "bid2", 90_000, 1)
    answer = phase(desk, "continuous")
    assert (trades(answer), gone(answer)) == ([], [("bid2", "self_trade")])


def test_a_market_order_trades_up_to_the_collar() -> None:
    """It takes any price that the session allows, its limit is the collar's, and what is left of it does not wait."""
    desk = collared(market_orders="taken")
    sell(desk, "ask", 99_000, 2, session_id="second")
    answer = buy(desk, "any", 0, 5, order_type="market", session_id="second")
    assert trades(answer) == [("any", "ask", 99_000, 2)]
    assert answer.events[0].price_tenge_per_tonne == 99_000  # type: ignore[union-attr]  # it is an OrderAccepted
    assert open_lots(desk, "second") == {}


def test_a_market_order_is_secured_at_the_worst_price() -> None:
    """What must be held for a market order goes by the price that it may come to, not by its own of zero."""
    desk = collared(market_orders="taken")
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("secured", guarantee_share=10_000))
    answer = buy(desk, "any", 0, 5, order_type="market", session_id="second")
    assert answer.code == Code.INSUFFICIENT_GUARANTEE


def collared(**rules: Any) -> Desk:
    """Return a desk with a second session whose reference is the first one's average of 90,000."""
    desk = trading(text=rulebook(collar_rise=1_000, collar_fall=1_000, **rules))
    sell(desk, "a1", 90_000, 3)
    buy(desk, "b1", 90_000, 3)
    assert closed(desk).code is None
    opened = desk.must(OpenSession, "operator", **over("continuous", "second", window="other"))
    desk.at_ns = opened.opens_at_ns
    return desk


def test_the_collar_stands_around_the_instruments_own_average() -> None:
    """The last average of an instrument is the reference of its next session, and orders beyond are refused."""
    desk = collared()
    assert desk.state.sessions["second"].opened.reference_tenge_per_tonne == 90_000
    assert buy(desk, "high", 99_001, 1, session_id="second").code == Code.PRICE_ABOVE_COLLAR
    assert sell(desk, "low", 80_999, 1, session_id="second").code == Code.PRICE_BELOW_COLLAR


def test_too_little_volume_moves_no_reference() -> None:
    """One sale at price 0 between two friends leaves the reference where it was, and the next collar free."""
    desk = collared(reference_minimum_lots=4)
    assert desk.state.market.references.get(REGIONAL) is None
    assert desk.state.sessions["second"].opened.collar_highest_tenge_per_tonne is None


@pytest.mark.parametrize(("lots", "moved"), [(71, False), (72, True)])
def test_what_goes_by_truck_moves_the_reference_by_its_mass(lots: int, moved: bool) -> None:  # noqa: FBT001 - a case
    """Where two lots by rail are asked for, 72 lots of a tonne by truck are as much, and 71 are not."""
    desk = venue(rulebook(reference_minimum_lots=2, truck_lot=1_000))
    desk.must(ListInstrument, "operator", **instrument("TRUCK", "KZ-47", carriage="truck"))
    desk.at_ns = desk.must(OpenSession, "operator", **over("continuous", instrument="TRUCK")).opens_at_ns
    sell(desk, "ask", 90_000, lots, place="TRUCK")
    buy(desk, "bid", 90_000, lots, place="TRUCK")
    assert closed(desk).code is None
    assert ("TRUCK" in desk.state.market.references) == moved
    assert desk.findings == []


# --- Amending and taking back -----------------------------------------------------------------------------------


def test_less_keeps_its_place_and_anything_else_goes_behind() -> None:
    """An order that shrinks trades before a younger one at its price; one that grew, or moved and came back, after."""
    desk = trading()
    for name in ("first", "second"):
        sell(desk, name, 90_000, 5)
    desk.must(AmendOrder, "zhanaozen", session_id="day", order_id="first", quantity_lots=2)
    assert trades(buy(desk, "b1", 90_000, 1)) == [("b1", "first", 90_000, 1)]
    desk.must(AmendOrder, "zhanaozen", session_id="day", order_id="first", quantity_lots=4)
    assert trades(buy(desk, "b2", 90_000, 1)) == [("b2", "second", 90_000, 1)]


def test_a_change_meant_for_another_quantity_is_refused() -> None:
    """A change that names what it takes to be open is made only while so much is open."""
    desk = trading()
    sell(desk, "ask", 90_000, 5)
    buy(desk, "bid", 90_000, 2)
    fields = {"session_id": "day", "order_id": "ask", "quantity_lots": 8}
    assert desk.give(AmendOrder, "zhanaozen", **fields, open_lots=5).code == Code.OUT_OF_RANGE
    assert desk.give(AmendOrder, "zhanaozen", **fields, open_lots=3).code is None


def test_an_amended_order_trades_as_a_new_one_would() -> None:
    """An order amended across the spread trades at once, under the checks of a new one."""
    desk = trading(text=rulebook(price_tick=10))
    sell(desk, "ask", 90_000, 2)
    buy(desk, "low", 80_000, 5)
    fields = {"session_id": "day", "order_id": "low"}
    assert desk.give(AmendOrder, "aktau", **fields, price_tenge_per_tonne=90_001).code == Code.OUT_OF_RANGE
    assert desk.give(AmendOrder, "aktau", **fields).code == Code.OUT_OF_RANGE
    assert desk.give(AmendOrder, "dossor", **fields, quantity_lots=1).code == Code.NOT_PERMITTED
    answer = desk.give(AmendOrder, "aktau", **fields, price_tenge_per_tonne=90_000)
    assert isinstance(answer.events[0], OrderAmended)
    assert trades(answer) == [("low", "ask", 90_000, 2)]
    assert open_lots(desk) == {"low": 3}


def test_an_order_that_only_posts_posts_only_when_amended_too() -> None:
    """An amendment that would trade takes such an order out, and in a call, which takes none, it is not amended."""
    desk = trading()
    sell(desk, "ask", 90_000, 2)
    buy(desk, "quiet", 80_000, 5, post_only=True)
    fields = {"session_id": "day", "order_id": "quiet"}
    phase(desk, "halted")
    phase(desk, "call")
    assert desk.give(AmendOrder, "aktau", **fields, price_tenge_per_tonne=85_000).code == Code.WRONG_PHASE
    assert desk.give(AmendOrder, "aktau", **fields, quantity_lots=4).code is None
    phase(desk, "continuous")
    answer = desk.give(AmendOrder, "aktau", **fields, price_tenge_per_tonne=90_000)
    assert trades(answer) == []
    assert gone(answer) == [("quiet", POSTED)]
    assert open_lots(desk) == {"ask": 2}


def test_all_orders_of_one_are_taken_back_at_once() -> None:
    """A participant takes back its own, the operator anybody's, and nobody else another's."""
    desk = trading()
    for number, who in enumerate(("aktau", "aktau", "dossor")):
        buy(desk, f"b{number}", 80_000, 1, who)
    assert desk.give(CancelAll, "dossor", participant_id="aktau").code == Code.NOT_PERMITTED
    assert gone(desk.give(CancelAll, "aktau", session_id="day")) == [("b0", ""), ("b1", "")]
    assert gone(desk.give(CancelAll, "operator", participant_id="dossor")) == [("b2", "cancelled by the operator")]
    assert desk.give(CancelAll, "dossor").code == Code.UNKNOWN_ORDER
    assert desk.give(CancelAll, "operator", participant_id="nobody").code == Code.UNKNOWN_PARTICIPANT


def test_a_stopped_order_is_traded_past() -> None:
    """An order that a stop reaches keeps its place and does not trade, while others trade past it."""
    desk = trading(instrument=REPUBLICAN, text=rulebook(who_may_stop=("regulator",), who_may_sell=("seller", "buyer")))
    place = {"place": REPUBLICAN}
    buy(desk, "held", 91_000, 1, **place)
    buy(desk, "free", 90_000, 1, "dossor", **place, delivery="KZ-23")
    desk.must(StopTrading, "regulator", scope="region", target="KZ-47", reason="a fire at the depot")
    assert trades(sell(desk, "ask", 90_000, 2, **place)) == [("free", "ask", 90_000, 1)]
    assert open_lots(desk) == {"held": 1, "ask": 1}


# --- Phases -----------------------------------------------------------------------------------------------------

WAYS = {
    "continuous": {"call", "halted", "cancelled"},
    "call": {"continuous", "halted", "cancelled"},
    "halted": {"call", "cancelled"},
}


@pytest.mark.parametrize("start", WAYS)
def test_a_phase_follows_only_where_it_may(start: str) -> None:
    """Each phase leads to those named and to no other, and every change says why and when."""
    for to in (
        "announced",
        "collecting",
        "call",
        "continuous",
        "halted",
        "closed",
        "cleared",
        "published",
        "cancelled",
    ):
        desk = trading()
        if start != "continuous":
            phase(desk, start)
        answer = phase(desk, to)
        assert (answer.code is None) == (to in WAYS[start]), (start, to)
        if answer.code is None:
            assert answer.events[-1] == PhaseChanged("day", to, "as the test says", desk.at_ns)
        else:
            assert answer.code == Code.WRONG_PHASE


def test_a_halted_session_takes_nothing_and_gives_back() -> None:
    """While a session is halted no order comes in or is amended, and every order can be taken back."""
    desk = trading()
    buy(desk, "bid", 80_000, 1)
    phase(desk, "halted")
    assert sell(desk, "ask", 80_000, 1).code == Code.WRONG_PHASE
    assert desk.give(AmendOrder, "aktau", session_id="day", order_id="bid", quantity_lots=1).code == Code.WRONG_PHASE
    assert desk.give(CancelOrder, "aktau", session_id="day", order_id="bid").code is None


def test_a_session_reopens_in_a_call_at_one_price() -> None:
    """Orders of a call wait though they cross, and trade at its end at one price, the rest going on in the book."""
    desk = trading()
    sell(desk, "old", 90_000, 2)
    phase(desk, "halted")
    phase(desk, "call")
    assert trades(buy(desk, "b1", 95_000, 3)) == []
    assert trades(sell(desk, "a1", 92_000, 2)) == []
    assert trades(phase(desk, "continuous")) == [("b1", "old", 92_000, 2), ("b1", "a1", 92_000, 1)]
    assert open_lots(desk) == {"a1": 1}


def test_a_cancelled_session_gives_every_order_back() -> None:
    """Whoever cancels a session takes all its orders out, with the reason."""
    desk = trading()
    buy(desk, "bid", 80_000, 1)
    assert gone(phase(desk, "cancelled")) == [("bid", "session cancelled: as the test says")]
    assert closed(desk).code == Code.WRONG_PHASE


def test_a_session_broken_off_keeps_its_trades_and_moves_no_reference() -> None:
    """What has traded before a session is cancelled is summed up, and its price is nobody's reference."""
    desk = trading()
    sell(desk, "a1", 90_000, 2)
    buy(desk, "b1", 90_000, 2)
    answer = phase(desk, "cancelled")
    last = answer.events[-1]
    assert isinstance(last, SessionEnded)
    assert last.statistics is not None
    assert (last.statistics.volume_lots, last.reference_moved) == (2, False)
    assert desk.state.market.references.get(REGIONAL) is None


# --- The end ----------------------------------------------------------------------------------------------------


def test_a_continuous_session_ends_with_its_statistics() -> None:
    """At the end of the window orders expire, and what has traded is summed up and published."""
    desk = trading()
    sell(desk, "a1", 90_000, 2)
    sell(desk, "a2", 93_000, 9)
    buy(desk, "b1", 93_000, 3)
    answer = closed(desk)
    assert [type(event) for event in answer.events] == [OrderExpired, PhaseChanged, SessionEnded]
    assert desk.give(ClearSession, "operator", session_id="day").code == Code.NOT_SUPPORTED
    published = desk.must(PublishSession, "operator", session_id="day")
    assert isinstance(published, SessionPublished)
    found = published.statistics
    assert (found.trades, found.volume_lots, found.turnover) == (2, 3, 273_000)
    assert (found.first_tenge_per_tonne, found.last_tenge_per_tonne) == (90_000, 93_000)
    assert (found.lowest_tenge_per_tonne, found.highest_tenge_per_tonne) == (90_000, 93_000)
    assert published.weighted_average_tenge_per_tonne == 91_000
    assert desk.state.market.references[REGIONAL] == 91_000


def test_a_call_finds_its_price_when_it_is_cleared() -> None:
    """A call collects, closes with its window, and is cleared at one price; then it can be published."""
    desk = trading("call")
    sell(desk, "a1", 90_000, 4)
    buy(desk, "b1", 95_000, 3)
    assert closed(desk).code is None
    assert desk.give(PublishSession, "operator", session_id="day").code == Code.WRONG_PHASE
    answer = desk.give(ClearSession, "operator", session_id="day")
    assert trades(answer) == [("b1", "a1", 90_000, 3)]
    assert [type(event) for event in answer.events] == [Traded, LedgerPosted, OrderExpired, PhaseChanged, SessionEnded]
    assert desk.must(PublishSession, "operator", session_id="day").statistics.volume_lots == 3


def test_no_session_ends_before_its_window() -> None:
    """Neither a call nor a continuous session is closed while its window is open."""
    for kind in ("call", "continuous"):
        desk = trading(kind)
        assert desk.give(CloseSession, "operator", session_id="day").code == Code.OUTSIDE_WINDOW


@pytest.mark.parametrize(("rule", "price"), [("lowest", 90_000), ("highest", 98_000)])
def test_prices_go_by_the_rules_at_the_opening(rule: str, price: int) -> None:
    """A rulebook adopted once the orders are known bends neither the price nor the ties of a session that is open."""
    desk = opened(rulebook(price_rule=rule))
    desk.must(SubmitOrder, "zhanaozen", **order("ask", "ZH", "sell", price=90_000, lots=5))
    desk.must(SubmitOrder, "aktau", **order("bid", "KZ-47", "buy", price=100_000, lots=5))
    other = {"lowest": "highest", "highest": "lowest"}[rule]
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("bent", price_rule=other, tie_rule="pro_rata"))
    desk.at_ns = instant("13:00")
    desk.must(CloseSession, "operator", session_id="call")
    cleared = desk.must(ClearSession, "operator", session_id="call")
    assert next(each.price_tenge_per_tonne for each in cleared.prices if each.place == "ZH") == price
    assert desk.findings == []


# --- The whole --------------------------------------------------------------------------------------------------


def test_each_event_of_trading_shows_in_the_hash() -> None:
    """Every event about instruments, sessions over them and their orders changes the state, as its hash can tell."""
    state, kinds = exchange.initial_state(), set()
    desk = toured()
    for row in desk.rows:
        after = state
        for event in row.events:
            before, after = after, exchange.evolve(after, event)
            kinds.add(type(event))
            assert exchange.state_hash(after) != exchange.state_hash(before), event
        state = exchange.apply(state, row)
    assert kinds >= {
        InstrumentListed,
        InstrumentDelisted,
        HolidaysDeclared,
        SessionsScheduled,
        PhaseChanged,
        Traded,
        SessionEnded,
        SessionPublished,
        OrderAmended,
        OrderExpired,
    }
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)
    assert desk.findings == []
