"""Sessions over one instrument in the small country: butane of the plant ZH for the province KZ-47, and for all."""

from typing import Any

from tests.venue_samples import DAY, MONTH, Answer, Desk, founded, instant, rulebook

from naryq.messages import (
    AmendOrder,
    CancelAll,
    ChangePhase,
    CloseSession,
    DeclareHolidays,
    DelistInstrument,
    ListInstrument,
    OpenSession,
    PublishSession,
    RulebookText,
    ScheduleSessions,
    SubmitOrder,
)

REGIONAL, REPUBLICAN = "ZH-47", "ZH-KZ"
SERIES = {
    "series_id": "extra",
    "requested_by": "zhanaozen",
    "instrument": REGIONAL,
    "fallback_instrument": REPUBLICAN,
    "first_day": "2021-12-31",
    "window": "plan",
    "delivery_month": MONTH,
    "quantity_lots": 10,
    "base_price_tenge_per_tonne": 80_000,
    "base_source": "the average of another platform",
}


def instrument(code: str = REGIONAL, region: str = "KZ-47", **changes: Any) -> dict[str, Any]:
    """Return the fields of a `ListInstrument`."""
    fields = {"code": code, "product": "LPG", "plant": "ZH", "delivery_basis": "EXW", "delivery_region": region}
    return {**fields, **changes}


def venue(text: RulebookText | None = None, day: str = DAY) -> Desk:
    """Return a desk on which both instruments are listed."""
    desk = founded(text, day)
    for code, region in ((REGIONAL, "KZ-47"), (REPUBLICAN, "KZ")):
        desk.must(ListInstrument, "operator", **instrument(code, region))
    return desk


def over(kind: str, session_id: str = "day", /, **changes: Any) -> dict[str, Any]:
    """Return the fields of an `OpenSession` over an instrument."""
    fields = {"session_id": session_id, "day": DAY, "window": "plan", "delivery_month": MONTH, "instrument": REGIONAL}
    return {**fields, "kind": kind, **changes}


def trading(kind: str = "continuous", text: RulebookText | None = None, **changes: Any) -> Desk:
    """Return a desk with an open session over the regional instrument, at the first instant of its window."""
    desk = venue(text)
    opened = desk.must(OpenSession, "operator", **over(kind, **changes))
    desk.at_ns = opened.opens_at_ns
    return desk


def bid(order_id: str, price: int, lots: int, **changes: Any) -> dict[str, Any]:
    """Return the fields of an order to buy in a session over the regional instrument."""
    return asked(order_id, "buy", price, lots, **{"delivery": "KZ-47", **changes})


def offer(order_id: str, price: int, lots: int, **changes: Any) -> dict[str, Any]:
    """Return the fields of an order to sell in it."""
    return asked(order_id, "sell", price, lots, **changes)


def asked(order_id: str, side: str, price: int, lots: int, **changes: Any) -> dict[str, Any]:
    """Return the fields of an order in it."""
    fields = {"session_id": "day", "order_id": order_id, "place": REGIONAL, "side": side}
    return {**fields, "price_tenge_per_tonne": price, "quantity_lots": lots, **changes}


def phase(desk: Desk, to: str, session_id: str = "day") -> Answer:
    """Take a session into another phase."""
    return desk.give(ChangePhase, "operator", session_id=session_id, phase=to, reason="as the test says")


def closed(desk: Desk, session_id: str = "day") -> Answer:
    """Close a session at the end of its window."""
    desk.at_ns = max(desk.at_ns, desk.state.sessions[session_id].opened.closes_at_ns)
    return desk.give(CloseSession, "operator", session_id=session_id)


def toured() -> Desk:
    """Return a desk on which everything has happened that can happen to instruments, orders and sessions over them."""
    desk = trading(text=rulebook(self_trade="cancel_newest"))
    desk.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 5))
    desk.must(SubmitOrder, "aktau", **bid("bid", 90_000, 2))
    desk.must(AmendOrder, "zhanaozen", session_id="day", order_id="ask", price_tenge_per_tonne=91_000)
    desk.must(SubmitOrder, "atyrau", **offer("other", 95_000, 1))
    desk.must(CancelAll, "atyrau")
    assert closed(desk).code is None
    desk.must(PublishSession, "operator", session_id="day")
    desk.at_ns = instant("14:00")
    desk.must(DeclareHolidays, "operator", year=2022, days=("2022-01-03",), source="a decree")
    desk.must(ScheduleSessions, "operator", **{**SERIES, "first_day": "2022-01-04"})
    assert phase(desk, "cancelled", "extra-1").code is None
    desk.must(ListInstrument, "operator", **instrument("AT", "KZ"))
    desk.must(DelistInstrument, "operator", code="AT", reason="nobody trades it")
    return desk
