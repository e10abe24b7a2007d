"""Orders at any price: what they may not be, what a hold makes of them, and that none outlasts its call."""

from typing import Any

import pytest
from tests.trading_samples import asked, bid, closed, offer, over, phase, trading
from tests.venue_samples import Answer, Desk, rulebook

from naryq import exchange
from naryq.exchange import bounding
from naryq.exchange.trading import CALL_ENDED, SELF_TRADE
from naryq.messages import (
    AmendOrder,
    Code,
    DeclareAffiliation,
    LimitReached,
    OpenSession,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PriceCounted,
    PublishSession,
    Refused,
    SubmitOrder,
    Traded,
)
from naryq.showing import sessions

HELD = {"collar_rise": 1_000, "collar_fall": 1_000, "hold_rise": 700, "market_orders": "taken"}
"""Around a reference of 90,000 the collar goes up to 99,000, and the hold to 96,300."""


def second(*, call: bool = False, **rules: Any) -> Desk:
    """Return a desk with an open second session, whose reference is the first one's price of 90,000."""
    desk = trading(text=rulebook(**{**HELD, **rules}))
    desk.must(SubmitOrder, "zhanaozen", **offer("first-ask", 90_000, 3))
    desk.must(SubmitOrder, "aktau", **bid("first-bid", 90_000, 3))
    assert closed(desk).code is None
    opened = desk.must(OpenSession, "operator", **over("continuous", "second", window="other", opening_call=call))
    desk.at_ns = opened.opens_at_ns
    return desk


def sent(desk: Desk, who: str, words: str, **changes: Any) -> Answer:
    """Send an order to the second session: identifier, side, price or `any`, lots."""
    order_id, side, price, lots = words.split()
    fields: dict[str, Any] = {"session_id": "second", "delivery": "KZ-47" if side == "buy" else None}
    kind, limit = ("market", 0) if price == "any" else ("limit", int(price))
    return desk.give(
        SubmitOrder, who, **asked(order_id, side, limit, int(lots), order_type=kind, **{**fields, **changes})
    )


def standing(desk: Desk) -> dict[str, int]:
    """Return the open lots of each order of the second session."""
    return {each.order_id: each.quantity_lots for each in exchange.ordered(desk.state.sessions["second"].orders)}


def of(answer: Answer, kind: Any) -> list[Any]:
    return [event for event in answer.events if isinstance(event, kind)]


def test_a_market_order_does_not_wait_on_purpose() -> None:
    """Who would only post must name a price: nothing stands after the refusal, and a limit order is taken."""
    desk = second()
    answer = sent(desk, "aktau", "any buy any 1", post_only=True)
    (refused,) = of(answer, Refused)
    assert (refused.code, refused.where) == (Code.NOT_SUPPORTED, "post_only")
    assert standing(desk) == {}
    assert sent(desk, "aktau", "any buy 90000 1", post_only=True).code is None
    assert standing(desk) == {"any": 1}


def test_a_market_order_to_buy_needs_a_bound() -> None:
    """Where no collar says what it may cost it is refused and nothing stands; a sale at any price is worth its lots."""
    desk = trading(text=rulebook(market_orders="taken"))
    anything = {"order_type": "market"}
    (refused,) = desk.give(SubmitOrder, "aktau", **bid("any", 0, 1, **anything)).events
    assert isinstance(refused, Refused)
    assert (refused.code, refused.where) == (Code.NOT_SUPPORTED, "order_type")
    assert not len(desk.state.sessions["day"].orders)
    desk.must(SubmitOrder, "aktau", **bid("any", 90_000, 1))
    (trade,) = of(desk.give(SubmitOrder, "zhanaozen", **offer("sale", 0, 1, **anything)), Traded)
    assert (trade.sell_order_id, trade.price_tenge_per_tonne) == ("sale", 90_000)


def test_a_market_order_has_no_price_to_change() -> None:
    """In a call it waits: another price is refused and leaves it as it is, fewer lots are taken."""
    desk = second(call=True)
    assert sent(desk, "aktau", "any buy any 5").code is None
    fields = {"session_id": "second", "order_id": "any"}
    (refused,) = desk.give(AmendOrder, "aktau", **fields, price_tenge_per_tonne=91_000).events
    assert isinstance(refused, Refused)
    assert (refused.code, refused.where) == (Code.NOT_SUPPORTED, "price_tenge_per_tonne")
    assert standing(desk) == {"any": 5}
    desk.must(AmendOrder, "aktau", **fields, quantity_lots=2)
    assert standing(desk) == {"any": 2}


@pytest.mark.parametrize("by_closing", [False, True])
def test_no_market_order_outlasts_a_call_that_a_hold_stops(by_closing: bool) -> None:  # noqa: FBT001 - a parameter
    """Where the call would trade above the hold nothing trades, the limit says so, and orders at any price end."""
    desk = second(call=True)
    assert sent(desk, "zhanaozen", "dear sell 98000 2").code is None
    assert sent(desk, "aktau", "any buy any 5").code is None
    answer = closed(desk, "second") if by_closing else phase(desk, "continuous", "second")
    (reached,) = of(answer, LimitReached)
    assert (reached.limit, reached.value, reached.threshold, reached.lots) == ("hold_rise", 98_000, 96_300, 0)
    assert of(answer, Traded) == []
    assert [(each.order_id, each.reason) for each in of(answer, OrderCancelled)] == [("any", CALL_ENDED)]
    assert [each.order_id for each in of(answer, OrderExpired)] == (["dear"] if by_closing else [])
    assert desk.findings == []


def test_nobody_unseen_stands_before_the_bids_after_a_call() -> None:
    """Once a hold has stopped the call, an offer below it meets the bid that is seen, and trading goes on."""
    desk = second(call=True)
    sent(desk, "zhanaozen", "dear sell 98000 2")
    sent(desk, "aktau", "any buy any 5")
    sent(desk, "dossor", "seen buy 91000 1")
    assert phase(desk, "continuous", "second").code is None
    assert standing(desk) == {"dear": 2, "seen": 1}
    (trade,) = of(sent(desk, "atyrau", "cheap sell 90000 1"), Traded)
    assert (trade.buy_order_id, trade.price_tenge_per_tonne) == ("seen", 91_000)
    assert desk.findings == []


def test_the_same_offer_beyond_a_hold_is_counted_once() -> None:
    """However large an order, and however often it comes, it counts no more than what others offered there."""
    desk = second(cumulative_sessions=3, cumulative_threshold=900_000)
    sent(desk, "zhanaozen", "fair sell 92000 1")
    sent(desk, "zhanaozen", "dear sell 98000 9")
    sent(desk, "aktau", "fair-bid buy 92000 1")
    kept = [of(sent(desk, "aktau", f"any-{lots}-{number} buy any {lots}"), LimitReached) for number, lots in SENT]
    assert [each.lots for (each,) in kept] == [4, 4, 1, 0]
    assert kept[-1][0].what == "500 lots would have traded at 98000"
    (counted,) = of(closed(desk, "second"), PriceCounted)
    assert counted.uncapped_price_tenge_per_tonne == (92_000 + 9 * 98_000) // 10
    assert desk.findings == []


SENT = ((1, 4), (2, 4), (3, 500), (4, 500))
"""Market orders that come one after the other: number and lots."""


def test_the_offers_of_ones_own_group_beyond_a_hold_count_nothing() -> None:
    """Who belongs with the seller cannot lift the uncapped average with its own offer, whatever self-trades may."""
    desk = second(self_trade="allow")
    desk.must(DeclareAffiliation, "operator", participant_id="aktau", affiliate_id="zhanaozen", evidence="one owner")
    sent(desk, "zhanaozen", "dear sell 98000 9")
    (reached,) = of(sent(desk, "aktau", "any buy any 3"), LimitReached)
    assert (reached.lots, reached.what) == (0, "3 lots would have traded at 98000")
    assert desk.findings == []


def test_what_a_hold_keeps_from_trading_is_counted() -> None:
    """What would have traded above the hold counts in the price of the session's region, beside what has traded."""
    desk = second(cumulative_sessions=3, cumulative_threshold=900_000)
    sent(desk, "zhanaozen", "fair sell 92000 1")
    sent(desk, "zhanaozen", "dear sell 98000 9")
    answer = sent(desk, "aktau", "any buy any 3")
    assert [each.price_tenge_per_tonne for each in of(answer, Traded)] == [92_000]
    (reached,) = of(answer, LimitReached)
    assert (reached.limit, reached.value, reached.threshold, reached.lots) == ("hold_rise", 98_000, 96_300, 2)
    assert (reached.until_ns, desk.state.sessions["second"].phase) == (None, "continuous")
    (counted,) = of(closed(desk, "second"), PriceCounted)
    assert counted.uncapped_price_tenge_per_tonne == (92_000 + 2 * 98_000) // 3
    published = desk.must(PublishSession, "operator", session_id="second")
    assert (published.limits, published.weighted_average_tenge_per_tonne) == (("hold_rise",), 92_000)
    assert published.uncapped_average_tenge_per_tonne == counted.uncapped_price_tenge_per_tonne
    shown = sessions.session(desk.state, "second", desk.at_ns)
    assert shown is not None
    assert shown.limits == ("hold_rise",)
    assert desk.findings == []


def test_a_publication_without_its_limits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the bands forget which limit acted, the auditor misses it in what is published."""
    monkeypatch.setattr(bounding, "BINDING", ())
    desk = second()
    sent(desk, "zhanaozen", "dear sell 98000 9")
    sent(desk, "aktau", "any buy any 3")
    closed(desk, "second")
    desk.give(PublishSession, "operator", session_id="second")
    assert any("hold_rise" in finding for finding in desk.findings)


def test_a_call_at_the_close_takes_back_what_would_meet_itself() -> None:
    """A bid that came to its own group's offer keeps what it had of others before; the rest does not expire again."""
    desk = second(call=True, who_may_sell=("seller", "buyer"), self_trade="cancel_newest")
    sent(desk, "zhanaozen", "ask sell 90000 1")
    sent(desk, "aktau", "own sell 90000 2")
    sent(desk, "aktau", "mine buy 90000 5")
    sent(desk, "aktau", "other buy 90000 1")
    answer = closed(desk, "second")
    cut = [(each.order_id, each.quantity_lots, each.reason) for each in of(answer, OrderAmended)]
    assert cut == [("mine", 1, SELF_TRADE)]
    assert [(each.order_id, each.reason) for each in of(answer, OrderCancelled)] == [("other", SELF_TRADE)]
    assert [(each.buy_order_id, each.sell_order_id, each.quantity_lots) for each in of(answer, Traded)] == [
        ("mine", "ask", 1)
    ]
    assert [each.order_id for each in of(answer, OrderExpired)] == ["own"]
    assert desk.findings == []
