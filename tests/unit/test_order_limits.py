"""How large, how fast and how much in a month: the limits of orders at the venue."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trading_samples import asked, instrument, offer, over, trading, venue
from tests.trading_samples import bid as bid_for
from tests.venue_samples import Desk, instant, opened, opening, order, rulebook

from naryq import limits
from naryq.messages import (
    AdoptRulebook,
    AmendOrder,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    DeclareAffiliation,
    LimitReached,
    ListInstrument,
    OpenSession,
    Refused,
    SubmitOrder,
)

SECOND = 10**9
FIXED = settings(derandomize=True, max_examples=300, database=None)


def bid(desk: Desk, name: str, lots: int, price: int = 90_000, **fields: Any) -> Any:
    asked = order(name, "KZ-47", "buy", price=price, lots=lots, session_id=fields.pop("session_id", "call"))
    return desk.give(SubmitOrder, fields.pop("actor", "aktau"), **{**asked, **fields})


# --- Size -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lots", "price", "code"),
    [
        (10, 90_000, None),
        (11, 90_000, Code.TOO_MANY_LOTS),
        (10, 100_000, None),
        (10, 100_001, Code.TOO_MUCH_VALUE),
        (1, 1_000_000, None),
        (1, 1_000_001, Code.TOO_MUCH_VALUE),
    ],
)
def test_an_order_is_bounded_in_lots_and_in_value(lots: int, price: int, code: Code | None) -> None:
    """Ten lots and 36 million tenge are taken, one lot or one tenge a tonne more is refused."""
    desk = opened(rulebook(order_lots_highest=10, order_value_highest=36_000_000))
    assert bid(desk, "x", lots, price).code == code
    assert bid(opened(rulebook()), "x", lots, price).code is None
    assert desk.findings == []


@pytest.mark.parametrize(("lots", "code"), [(72, None), (73, Code.TOO_MANY_LOTS)])
def test_an_order_by_truck_counts_by_its_mass(lots: int, code: Code | None) -> None:
    """Of two tank cars of 36 tonnes an order may have 72 lots of a tonne by truck, and not 73."""
    desk = venue(rulebook(order_lots_highest=2, truck_lot=1_000))
    desk.must(ListInstrument, "operator", **instrument("TRUCK", "KZ-47", carriage="truck"))
    desk.at_ns = desk.must(OpenSession, "operator", **over("continuous", instrument="TRUCK")).opens_at_ns
    answer = desk.give(SubmitOrder, "zhanaozen", **offer("x", 90_000, lots, place="TRUCK"))
    assert answer.code == code
    assert isinstance(answer.events[0], Refused) == (code is not None)
    if isinstance(answer.events[0], Refused):
        assert answer.events[0].remedy == "Give at most 72."
    assert desk.findings == []


# --- Rate -------------------------------------------------------------------------------------------------------


def test_two_orders_within_a_second_are_a_robot() -> None:
    """The second within a second is refused and written down; another sender's is taken, and one a second later."""
    desk = opened(rulebook(orders_per_second=1))
    assert bid(desk, "a", 1).code is None
    desk.at_ns += SECOND - 1
    answer = bid(desk, "b", 1)
    assert [type(event) for event in answer.events] == [Refused, LimitReached]
    assert answer.code is Code.TOO_FAST
    breach = answer.events[1]
    assert isinstance(breach, LimitReached)
    assert (breach.limit, breach.subject, breach.value, breach.threshold) == ("orders_per_second", "aktau", 2, 1)
    assert bid(desk, "c", 1, actor="dossor").code is None
    desk.at_ns += SECOND
    assert bid(desk, "d", 1).code is None
    assert desk.findings == []


def test_a_robot_that_goes_on_is_not_taken_once_a_second() -> None:
    """Refused orders count too: who never pauses for a second is never taken again, and who pauses is."""
    desk = opened(rulebook(orders_per_second=1))
    assert bid(desk, "first", 1).code is None
    for number in range(25):
        desk.at_ns += SECOND // 10
        assert bid(desk, f"r{number}", 1).code is Code.TOO_FAST
    desk.at_ns += SECOND
    assert bid(desk, "human", 1).code is None
    assert desk.findings == []


def test_affiliates_share_one_second() -> None:
    """A robot that sends under two names of one group is one robot, also when the affiliation is declared too late."""
    desk = opened(rulebook(orders_per_second=1))
    assert bid(desk, "a", 1).code is None
    assert bid(desk, "b", 1, actor="dossor").code is None
    desk.must(DeclareAffiliation, "operator", participant_id="aktau", affiliate_id="dossor", evidence="one owner")
    answer = bid(desk, "c", 1)
    assert answer.code is Code.TOO_FAST
    assert answer.events[1].value == 3
    assert bid(desk, "d", 1, actor="dossor").events[1].value == 4
    desk.at_ns += SECOND
    assert bid(desk, "e", 1, actor="dossor").code is None
    assert bid(desk, "f", 1).code is Code.TOO_FAST
    assert desk.findings == []


def test_a_breach_leaves_the_clock_of_the_venue_alone() -> None:
    """A robot with a clock ahead of everybody does not move the venue's time for the others."""
    desk = opened(rulebook(orders_per_second=1))
    bid(desk, "a", 1)
    before = desk.state.at_ns
    assert bid(desk, "b", 1, at_ns=desk.at_ns + SECOND // 2).code is Code.TOO_FAST
    assert desk.state.at_ns == before
    assert bid(desk, "c", 1, actor="dossor").code is None


@FIXED
@given(st.lists(st.integers(0, 3 * SECOND), max_size=40).map(sorted), st.integers(1, 5))
def test_no_window_of_a_second_has_more_than_the_rule(times: list[int], highest: int) -> None:
    """Of any orders, those taken never number more than the rule within a second, and memory stays bounded."""
    memory: limits.Times = ()
    taken: list[int] = []
    for at_ns in times:
        refused = limits.judge_rate(memory, at_ns, highest)
        memory = limits.remembered(memory, at_ns)
        recent = [time for time in times[: times.index(at_ns)] if time > at_ns - SECOND]
        if refused is None:
            taken.append(at_ns)
            assert len(recent) < highest
        assert len(memory) <= limits.ORDERS_PER_SECOND_HIGHEST
    for start in taken:
        assert sum(1 for time in taken if start <= time < start + SECOND) <= highest


# --- Batch ------------------------------------------------------------------------------------------------------


def test_a_month_has_a_largest_batch() -> None:
    """What a buyer bids for in a month counts until cancelled or left unserved; another month has its own batch."""
    desk = opened(rulebook(batch_highest=10, batch_lowest=2))
    assert bid(desk, "a", 8).code is None
    assert bid(desk, "b", 3).code is Code.BATCH_TOO_LARGE
    assert bid(desk, "c", 2).code is None
    desk.must(CancelOrder, "aktau", session_id="call", order_id="a")
    assert bid(desk, "d", 8).code is None
    desk.must(OpenSession, "operator", **opening("next", delivery_month="2022-02"))
    assert bid(desk, "e", 10, session_id="next").code is None
    assert desk.findings == []


def test_a_bid_is_not_reduced_below_the_smallest_batch() -> None:
    """A bid comes down to the smallest batch of its group, no further; an offer may, and a whole bid may leave."""
    desk = trading(text=rulebook(batch_lowest=4))
    desk.must(SubmitOrder, "aktau", **lots_of("bid", "buy", 6))
    desk.must(SubmitOrder, "zhanaozen", **lots_of("ask", "sell", 6))
    assert (
        desk.give(AmendOrder, "aktau", session_id="day", order_id="bid", quantity_lots=3).code is Code.BATCH_TOO_SMALL
    )
    assert desk.give(AmendOrder, "aktau", session_id="day", order_id="bid", quantity_lots=4).code is None
    assert desk.give(AmendOrder, "zhanaozen", session_id="day", order_id="ask", quantity_lots=1).code is None
    desk.must(SubmitOrder, "dossor", **lots_of("other", "buy", 4))
    desk.must(DeclareAffiliation, "operator", participant_id="aktau", affiliate_id="dossor", evidence="one owner")
    assert desk.give(AmendOrder, "aktau", session_id="day", order_id="bid", quantity_lots=1).code is None
    desk.must(CancelOrder, "dossor", session_id="day", order_id="other")
    assert desk.findings == []


def test_whoever_is_above_a_new_largest_batch_may_come_down() -> None:
    """A reduction is not refused for a largest batch that was lowered since: it is a step towards it."""
    desk = trading()
    desk.must(SubmitOrder, "aktau", **lots_of("bid", "buy", 9))
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook("tighter", batch_highest=5))
    assert desk.give(AmendOrder, "aktau", session_id="day", order_id="bid", quantity_lots=7).code is None
    assert desk.findings == []


def lots_of(name: str, side: str, lots: int) -> dict[str, Any]:
    """Return the fields of an order that meets nobody."""
    return asked(name, side, 80_000 if side == "buy" else 90_000, lots, delivery="KZ-47" if side == "buy" else None)


def test_what_was_not_served_is_given_back() -> None:
    """After a clearing only what was bought counts for the month."""
    desk = opened(rulebook(batch_highest=10))
    desk.must(SubmitOrder, "zhanaozen", **order("ask", "ZH", "sell", price=80_000, lots=4))
    bid(desk, "a", 10)
    desk.at_ns = instant("13:00")
    desk.must(CloseSession, "operator", session_id="call")
    desk.must(ClearSession, "operator", session_id="call")
    desk.must(OpenSession, "operator", **opening("again", window="other"))
    desk.at_ns = instant("14:00")
    assert bid(desk, "b", 7, session_id="again").code is Code.BATCH_TOO_LARGE
    assert bid(desk, "c", 6, session_id="again").code is None
    assert desk.findings == []


def test_a_month_has_a_smallest_batch() -> None:
    """A first bid below the smallest batch is refused; one that reaches it is taken, and smaller ones after it."""
    desk = opened(rulebook(batch_lowest=5))
    assert bid(desk, "a", 4).code is Code.BATCH_TOO_SMALL
    assert bid(desk, "b", 5).code is None
    assert bid(desk, "c", 1).code is None
    assert desk.findings == []


def test_a_batch_counts_what_goes_by_truck_by_its_mass() -> None:
    """Batches are lots by rail: two of them are 72 lots by truck, and a tank car takes the place of 36."""
    desk = trading(text=rulebook(batch_highest=2, batch_lowest=1, truck_lot=1_000))
    desk.must(ListInstrument, "operator", **instrument("TRUCK", "KZ-47", carriage="truck"))
    opened = over("continuous", "trucks", instrument="TRUCK")
    desk.must(OpenSession, "operator", **opened)
    place: dict[str, Any] = {"session_id": "trucks", "place": "TRUCK"}
    sent = [
        desk.give(SubmitOrder, "aktau", **bid_for("few", 80_000, 35, **place)),
        desk.give(SubmitOrder, "aktau", **bid_for("a car", 80_000, 36, **place)),
        desk.give(SubmitOrder, "aktau", **bid_for("by rail", 80_000, 1)),
        desk.give(SubmitOrder, "aktau", **bid_for("a ton", 80_000, 1, **place)),
    ]
    assert [each.code for each in sent] == [Code.BATCH_TOO_SMALL, None, None, Code.BATCH_TOO_LARGE]
    (refused,) = sent[0].events
    assert isinstance(refused, Refused)
    assert refused.remedy == "Bid for at least 1 lots, of 36 000 kg each."
    assert desk.findings == []


def test_sellers_have_no_batch() -> None:
    """The law speaks of what is bought: an offer of any size has no batch."""
    desk = opened(rulebook(batch_lowest=5, batch_highest=6))
    assert desk.give(SubmitOrder, "zhanaozen", **order("x", "ZH", "sell", price=80_000, lots=1)).code is None
    assert desk.give(SubmitOrder, "zhanaozen", **order("y", "ZH", "sell", price=80_000, lots=99)).code is None


def test_affiliates_are_one_before_the_batch() -> None:
    """Two affiliated buyers share one largest batch; two strangers have one each."""
    desk = opened(rulebook(batch_highest=10))
    apart = desk.branch()
    desk.must(DeclareAffiliation, "aktau", participant_id="aktau", affiliate_id="dossor", evidence="one owner")
    for at, code in ((desk, Code.BATCH_TOO_LARGE), (apart, None)):
        assert bid(at, "a", 6).code is None
        assert bid(at, "b", 5, actor="dossor").code == code
        assert at.findings == []
