"""The watch in the venue: what it hears, what it raises when a session ends, and how the regulator closes it."""

from typing import Any

import pytest
from tests.supply_script import SupplyScript
from tests.trading_samples import bid, closed, offer, trading
from tests.venue_samples import DAY, Desk, founded, instant, opened, opening, order, rulebook

from naryq import exchange
from naryq.exchange.surveillance import REMEMBERED_SESSIONS
from naryq.messages import (
    AdmitParticipant,
    AmendOrder,
    CancelOrder,
    ClearSession,
    CloseFlag,
    CloseSession,
    Code,
    DeclareAffiliation,
    Evidence,
    FlagRaised,
    OpenSession,
    RefuseAllotment,
    SessionWatched,
    SubmitOrder,
)

NS_PER_SECOND = 10**9


def flags(desk: Desk) -> list[FlagRaised]:
    """Return what has been raised so far."""
    return [event for row in desk.rows for event in row.events if isinstance(event, FlagRaised)]


def cleared(desk: Desk, session_id: str = "call") -> Desk:
    """End a network session."""
    desk.at_ns = max(desk.at_ns, desk.state.sessions[session_id].opened.closes_at_ns)
    for kind in (CloseSession, ClearSession):
        desk.must(kind, "operator", session_id=session_id)
    return desk


def sold(desk: Desk, name: str = "", session_id: str = "call") -> None:
    """Let one seller sell five lots to one buyer, ten seconds apart."""
    for number, (person, place, side) in enumerate((("zhanaozen", "ZH", "sell"), ("aktau", "KZ-47", "buy"))):
        fields = order(f"{name}{number}", place, side, price=95_000 + 5_000 * number, lots=5, session_id=session_id)
        desk.must(SubmitOrder, person, **fields)
        desk.at_ns += 10 * NS_PER_SECOND


def test_a_flag_is_raised_when_a_session_ends() -> None:
    """One seller is all of the market: the flag names it, the numbers, the rule and its threshold, after the end."""
    desk = opened(rulebook(watch_concentration=9_000, watch_message_rate=2))
    sold(desk)
    cleared(desk)
    found = flags(desk)
    assert [(flag.screen, flag.subjects, flag.threshold, flag.rule) for flag in found] == [
        ("concentration", ("zhanaozen",), 9_000, "watch_concentration"),
        ("concentration", ("aktau",), 9_000, "watch_concentration"),
    ]
    assert [each.value for each in found[0].evidence] == [10_000, 10_000, 1]
    assert len({flag.flag_id for flag in found}) == 2
    assert desk.findings == []


def test_without_a_rule_nothing_is_looked_at() -> None:
    """Where the rulebook sets no threshold the same session raises nothing."""
    desk = opened()
    sold(desk)
    assert flags(cleared(desk)) == []
    assert desk.findings == []


def test_the_regulator_closes_a_flag_once() -> None:
    """Nobody else may; there must be such a flag; what was found stands."""
    desk = opened(rulebook(watch_concentration=9_000))
    sold(desk)
    (first, _) = flags(cleared(desk))
    fields: dict[str, Any] = {"flag_id": first.flag_id, "finding": "explained", "reason": "The others repair."}
    for actor in ("operator", "zhanaozen", "aktau", "press"):
        assert desk.give(CloseFlag, actor, **fields).code == Code.NOT_PERMITTED
    assert desk.give(CloseFlag, "regulator", **{**fields, "flag_id": "flag-0"}).code == Code.UNKNOWN_FLAG
    closing = desk.must(CloseFlag, "regulator", **fields)
    assert (closing.finding, closing.closed_by) == ("explained", "regulator")
    assert desk.give(CloseFlag, "regulator", **fields).code == Code.WRONG_PHASE
    assert desk.state.watch.flags[first.flag_id].closed == closing
    assert desk.findings == []


def test_affiliates_are_one() -> None:
    """Two sellers who declare that they belong together are one group from then on, by the smaller name."""
    desk = opened(rulebook(watch_concentration=9_000))
    desk.must(DeclareAffiliation, "zhanaozen", participant_id="zhanaozen", affiliate_id="atyrau", evidence="One owner.")
    for person, place, side, lots in (
        ("zhanaozen", "ZH", "sell", 5),
        ("atyrau", "AT", "sell", 5),
        ("aktau", "KZ-47", "buy", 10),
    ):
        desk.must(
            SubmitOrder, person, **order(person, place, side, price=110_000 - 20_000 * (side == "sell"), lots=lots)
        )
    (seller, _) = flags(cleared(desk))
    assert seller.subjects == ("atyrau",)
    assert desk.findings == []


def test_a_robot_is_heard_though_it_takes_everything_back() -> None:
    """Orders that were taken back leave the session, and the watch has heard them."""
    desk = opened(rulebook(watch_message_rate=2, watch_order_to_trade=10, watch_regular_intervals=100))
    for number in range(12):
        desk.must(SubmitOrder, "dossor", **order(f"r{number}", "KZ-23", "buy", price=1_000 + number, lots=1))
        desk.at_ns += NS_PER_SECOND // 4
        desk.must(CancelOrder, "dossor", session_id="call", order_id=f"r{number}")
    found = flags(cleared(desk))
    assert {flag.screen: flag.evidence[0].value for flag in found} == {
        "message_rate": 4,
        "order_to_trade": 24,
        "regular_intervals": 0,
    }
    assert {flag.subjects for flag in found} == {("dossor",)}
    assert len(desk.state.watch.tapes) == 0
    assert desk.findings == []


def test_an_amendment_is_heard_with_its_price() -> None:
    """Whoever moves one order again and again sends as many messages, and is seen at the price that it came to."""
    desk = trading("continuous", rulebook(watch_message_rate=3, watch_concentration=9_000))
    desk.must(SubmitOrder, "zhanaozen", **offer("ask", 99_000, 4))
    for price in (98_000, 97_000, 96_000):
        desk.at_ns += NS_PER_SECOND // 10
        desk.must(AmendOrder, "zhanaozen", session_id="day", order_id="ask", price_tenge_per_tonne=price)
    desk.must(SubmitOrder, "aktau", **bid("bid", 96_000, 4))
    desk.must(SubmitOrder, "dossor", **bid("late", 90_000, 1))
    closed(desk)
    seen = {(flag.screen, flag.subjects): flag.evidence[0].value for flag in flags(desk)}
    assert seen["message_rate", ("zhanaozen",)] == 4
    (market,) = dict(desk.state.watch.history.items()).values()
    assert [(each.group, each.bought_turnover, each.sold_turnover) for each in market[0].positions] == [
        ("aktau", 4 * 96_000, 0),
        ("zhanaozen", 0, 4 * 96_000),
    ]
    assert desk.findings == []


def test_an_order_without_a_fill_has_no_position() -> None:
    """In a network session who came and got nothing was there, and neither bought nor sold."""
    desk = opened(rulebook(watch_concentration=9_000))
    sold(desk)
    desk.must(SubmitOrder, "dossor", **order("low", "KZ-23", "buy", price=1_000, lots=9))
    cleared(desk)
    (market,) = dict(desk.state.watch.history.items()).values()
    assert [(each.group, each.bought_lots, each.sold_lots) for each in market[0].positions] == [
        ("aktau", 5, 0),
        ("zhanaozen", 0, 5),
    ]
    assert desk.findings == []


def test_trades_of_a_book_are_known_by_both_sides() -> None:
    """In a continuous session gas that goes round three traders, and is sold on dearer, is seen with its lots."""
    text = rulebook(
        who_may_sell=("seller", "buyer"), watch_circular_trades=2, watch_resale_chain=3, watch_resale_markup=500
    )
    desk = trading("continuous", text)
    desk.must(AdmitParticipant, "operator", participant_id="beket", name="Beket", role="buyer")
    steps = (
        ("zhanaozen", "aktau", 80_000),
        ("aktau", "dossor", 90_000),
        ("dossor", "beket", 99_000),
        ("beket", "aktau", 99_000),
    )
    for number, (seller, buyer, price) in enumerate(steps):
        desk.must(SubmitOrder, seller, **offer(f"s{number}", price, 4))
        desk.must(SubmitOrder, buyer, **bid(f"b{number}", price, 4))
        desk.at_ns += 60 * NS_PER_SECOND
    closed(desk)
    seen = {(flag.screen, flag.subjects): flag.evidence[0].value for flag in flags(desk)}
    assert seen["circular_trades", ("aktau", "dossor", "beket")] == 4
    assert seen["resale_markup", ("aktau",)] == 1_250
    assert seen["resale_chain", ("beket",)] == 4
    assert len(desk.state.watch.tapes) == 0


def test_only_so_many_sessions_are_remembered() -> None:
    """After many sessions the watch holds a few numbers of the last ones, and no tape."""
    desk = founded(rulebook(watch_cornering=5_000))
    for number in range(REMEMBERED_SESSIONS + 3):
        name = f"s{number:02d}"
        desk.must(OpenSession, "operator", **opening(name, day=f"2022-01-{number + 1:02d}"))
        desk.at_ns = instant("11:00", f"2022-01-{number + 1:02d}")
        sold(desk, name, name)
        cleared(desk, name)
    (market,) = dict(desk.state.watch.history.items()).values()
    assert [digest.session_id for digest in market] == [f"s{number:02d}" for number in range(3, 11)]
    assert len(desk.state.watch.tapes) == 0
    assert [flag.session_id for flag in flags(desk)] == [f"s{number:02d}" for number in range(3, 11)]
    assert desk.findings == []


def test_flags_are_decided_again_as_they_were() -> None:
    """Every row decided again raises the same flags, and the state comes back from its bytes."""
    desk = opened(rulebook(watch_concentration=9_000, watch_message_rate=2))
    sold(desk)
    desk.must(CancelOrder, "aktau", session_id="call", order_id="1")
    desk.must(SubmitOrder, "dossor", **order("again", "KZ-47", "buy", price=100_000, lots=3))
    (first, *_) = flags(cleared(desk))
    desk.must(CloseFlag, "regulator", flag_id=first.flag_id, finding="unfounded", reason="A small day.")
    state = exchange.initial_state()
    for row in desk.rows:
        assert exchange.decide(state, row.command) == row.events
        state = exchange.apply(state, row)
    assert exchange.state_hash(state) == exchange.state_hash(desk.state) == exchange.state_hash(desk.read_back())
    assert exchange.state_hash(exchange.restored(exchange.snapshot(state))) == exchange.state_hash(state)


@pytest.mark.parametrize("threshold", [9_999, 10_000])
def test_a_threshold_is_held_on_the_day_of_the_session(threshold: int) -> None:
    """The rule in force on the session's day decides, on the very number."""
    desk = opened(rulebook(watch_concentration=threshold))
    sold(desk)
    assert len(flags(cleared(desk))) == 2
    assert desk.state.sessions["call"].opened.day == DAY


def test_what_is_taken_back_by_a_change_is_not_offered() -> None:
    """An offer of twenty lots of which four trade and one is left by a change counts as five, to whoever holds back."""
    desk = trading(text=rulebook(watch_concentration=1))
    desk.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 20))
    desk.must(SubmitOrder, "aktau", **bid("bid", 90_000, 4))
    desk.must(AmendOrder, "zhanaozen", session_id="day", order_id="ask", quantity_lots=1)
    (watched,) = [event for event in closed(desk).events if isinstance(event, SessionWatched)]
    assert watched.offered == (("zhanaozen", 5),)


def test_what_has_traded_was_offered_though_the_rest_is_withdrawn() -> None:
    """Who sells four of five lots and takes back the last has offered four; who takes back all has offered nothing."""
    desk = trading(text=rulebook(watch_concentration=1))
    desk.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 5))
    desk.must(SubmitOrder, "atyrau", **offer("none", 95_000, 5))
    desk.must(SubmitOrder, "aktau", **bid("bid", 90_000, 4))
    for person, order_id in (("zhanaozen", "ask"), ("atyrau", "none")):
        desk.must(CancelOrder, person, session_id="day", order_id=order_id)
    (watched,) = [event for event in closed(desk).events if isinstance(event, SessionWatched)]
    assert watched.offered == (("zhanaozen", 4),)


PLAN = """
    ZH -> KZ-47 100 lots 2000 tenge
    AT -> KZ-47 100 lots 6000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 17
    2021-10-25 atyrau can AT 6
    2021-10-26 aktau applies a1 platform KZ-47 23
    2021-11-25 approve
"""


@pytest.mark.parametrize(("day", "raised"), [("2022-01-03", False), ("2022-01-28", True), ("2022-01-31", True)])
def test_what_the_plan_asks_and_is_not_offered_is_flagged(day: str, raised: bool) -> None:  # noqa: FBT001 - a parameter
    """Offers are held against the plan: early in its month a small one will do, near its end the rest is missed."""
    desk = SupplyScript(PLAN, watch_withheld_capacity=5_000).desk
    desk.at_ns = instant("10:00", day)
    desk.must(OpenSession, "operator", **opening(day=day))
    desk.at_ns = instant("11:00", day)
    for name, person, place, lots in (("a", "zhanaozen", "ZH", 2), ("b", "atyrau", "AT", 6)):
        desk.must(SubmitOrder, person, **order(name, place, "sell", price=95_000, lots=lots))
    told = [(flag.subjects, flag.evidence[2]) for flag in flags(cleared(desk))]
    asked = {"2022-01-28": 9, "2022-01-31": 17}.get(day, 0)
    assert told == ([(("zhanaozen",), Evidence("asked_for_by_the_plan", asked, "lots"))] if raised else [])


WITH_REFUSAL = """
    ZH -> KZ-47 100 lots 2000 tenge
    AT -> KZ-47 100 lots 6000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 17
    2021-10-25 atyrau can AT 6
    2021-10-26 aktau applies a1 outside KZ-47 23
    2021-11-25 approve
"""


@pytest.mark.parametrize("refuses", [False, True])
def test_what_a_buyer_refused_is_asked_for_in_the_sessions_of_its_plant(*, refuses: bool) -> None:
    """Refused lots are owed to the platform by the seller of their plant; no session of other plants asks for them."""
    desk = SupplyScript(WITH_REFUSAL, watch_withheld_capacity=5_000, platform_share={"default": 0}).desk
    desk.at_ns = instant("09:00", "2022-01-31")
    if refuses:
        for allotment_id, lots in (("2022-01/1", 6), ("2022-01/2", 17)):
            desk.must(RefuseAllotment, "aktau", allotment_id=allotment_id, lots=lots, reason="a full depot")
    desk.at_ns = instant("10:00", "2022-01-31")
    only = tuple(place for place in opening()["places"] if place.place != "AT")
    links = tuple(link for link in opening()["links"] if link.source != "AT")
    desk.must(OpenSession, "operator", **{**opening(day="2022-01-31"), "places": only, "links": links})
    desk.at_ns = instant("11:00", "2022-01-31")
    desk.must(SubmitOrder, "zhanaozen", **order("a", "ZH", "sell", price=95_000, lots=2))
    told = [(flag.subjects, flag.evidence[2].value) for flag in flags(cleared(desk))]
    assert told == ([(("zhanaozen",), 17)] if refuses else [])


@pytest.mark.parametrize(("before", "asked"), [(10, None), (0, 17)])
def test_what_was_offered_before_is_not_asked_for_again(before: int, asked: int | None) -> None:
    """Seven lots on the last day are the rest of the plan where ten came before, too few where none did."""
    desk = SupplyScript(PLAN, watch_withheld_capacity=5_000).desk
    for day, lots in (("2022-01-05", before), ("2022-01-31", 7)):
        desk.at_ns = instant("10:00", day)
        desk.must(OpenSession, "operator", **opening(day, day=day))
        desk.at_ns = instant("11:00", day)
        for person, place, count in (("zhanaozen", "ZH", lots), ("atyrau", "AT", 6)):
            fields: dict[str, Any] = {"price": 95_000, "lots": count, "session_id": day}
            if count:
                desk.must(SubmitOrder, person, **order(f"{person}-{day}", place, "sell", **fields))
        cleared(desk, day)
    assert [flag.evidence[2].value for flag in flags(desk)] == ([] if asked is None else [asked])
