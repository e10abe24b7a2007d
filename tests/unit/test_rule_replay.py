"""One known case of each kind of session over an instrument, run again under other rules and reckoned by hand."""

from typing import Any

from tests.replay_samples import case_of
from tests.trading_samples import bid, closed, offer, over, phase, trading, venue
from tests.venue_samples import Desk, instant, rulebook

from naryq.exchange.rule_replay import OrderEffect, RulesReplayed, SessionEffect, replayed
from naryq.messages import (
    Amounts,
    CancelOrder,
    ClearSession,
    Code,
    NextRound,
    OpenSession,
    StandardTerms,
    Statistics,
    SubmitOrder,
)

NEXT = "2022-01-03"
LOT_KG = 36_000
NOTHING = Amounts(0, 0, 0, 0)


def tiyn(price_tenge_per_tonne: int, lots: int) -> int:
    """Return what some lots of 36 tonnes cost."""
    return price_tenge_per_tonne * 36 * lots * 100


def referenced(rules: dict[str, Any], kind: str = "continuous", **changes: Any) -> Desk:
    """Return a desk with an open session whose instrument has traded at 90 000 the day before."""
    desk = trading(text=rulebook(**rules))
    desk.must(SubmitOrder, "zhanaozen", **offer("r-1", 90_000, 5))
    desk.must(SubmitOrder, "aktau", **bid("r-2", 90_000, 5))
    assert closed(desk).code is None
    desk.at_ns = instant("10:00", NEXT)
    fields = over(kind, "next", day=NEXT, **changes)
    desk.at_ns = desk.must(OpenSession, "operator", **fields).opens_at_ns
    return desk


def sent(desk: Desk, who: str, order_id: str, price: int, lots: int, **changes: Any) -> Code | None:
    """Send an order of who sells or buys in the next session, and return the code of its refusal."""
    make = offer if who in {"zhanaozen", "atyrau"} else bid
    return desk.give(SubmitOrder, who, **make(order_id, price, lots, session_id="next", **changes)).code


def ended(desk: Desk) -> None:
    """Close the next session, and clear it where it is no book."""
    assert closed(desk, "next").code is None
    if desk.state.sessions["next"].opened.kind != "continuous":
        desk.must(ClearSession, "operator", session_id="next")


def run(desk: Desk, today: dict[str, Any], proposed: dict[str, Any]) -> tuple[RulesReplayed, SessionEffect]:
    """Run the last session again, and return the whole effect and the session's."""
    found = replayed(desk.rows, case_of(desk, rulebook(**today), rulebook(**proposed), 1))
    (session,) = found.sessions
    assert desk.findings == []
    assert session.today.statistics == desk.state.sessions["next"].statistics
    return found, session


def sums(found: RulesReplayed) -> dict[str, tuple[Amounts, Amounts]]:
    """Return the amounts of each participant on both sides."""
    return {each.participant_id: (each.today, each.proposed) for each in found.participants}


def traded(*prices_and_lots: tuple[int, int]) -> Statistics:
    """Return what trades come to."""
    prices = [price for price, _ in prices_and_lots]
    lots, turnover = sum(lots for _, lots in prices_and_lots), sum(price * lots for price, lots in prices_and_lots)
    return Statistics(len(prices), lots, turnover, prices[0], max(prices), min(prices), prices[-1])


# --- Continuous -----------------------------------------------------------------------------------------------------

HALT = {"session_price_limit": 300, "session_halt": 10}


def test_a_halt_that_would_not_have_come() -> None:
    """Without the limit the order trades through, who was refused in the halt is taken, and no call is held."""
    desk = referenced(HALT)
    sent(desk, "zhanaozen", "a-1", 90_000, 2)
    sent(desk, "zhanaozen", "a-2", 95_000, 4)
    sent(desk, "aktau", "b-1", 95_000, 6)
    desk.at_ns += 60 * 10**9
    assert sent(desk, "atyrau", "a-3", 94_000, 3) == Code.WRONG_PHASE
    desk.at_ns += 540 * 10**9
    phase(desk, "call", "next")
    sent(desk, "dossor", "b-2", 94_000, 3)
    desk.at_ns += 300 * 10**9
    phase(desk, "continuous", "next")
    ended(desk)
    found, session = run(desk, HALT, {})
    assert session.today.statistics == traded((90_000, 2), (95_000, 4))
    assert [(event.value, event.threshold) for event in session.today.halts] == [(95_000, 92_700)]
    assert session.proposed.statistics == traded((90_000, 2), (95_000, 4), (94_000, 3))
    assert (session.proposed.halts, session.proposed.phase, session.kind) == ((), "closed", "continuous")
    assert found.orders == (
        OrderEffect(
            session_id="next",
            order_id="a-3",
            participant_id="atyrau",
            asked="submit",
            side="sell",
            price_tenge_per_tonne=94_000,
            quantity_lots=3,
            today=Code.WRONG_PHASE,
            proposed=None,
        ),
    )
    paid = tiyn(94_000, 3)
    assert sums(found)["dossor"] == (NOTHING, Amounts(3 * LOT_KG, 0, paid, 0))
    assert sums(found)["atyrau"] == (NOTHING, Amounts(0, 3 * LOT_KG, 0, paid))
    bought = Amounts(6 * LOT_KG, 0, tiyn(90_000, 2) + tiyn(95_000, 4), 0)
    assert sums(found)["aktau"] == (bought, bought)
    assert session.proposed.paid_tiyn == session.today.paid_tiyn + paid


def test_a_halt_that_would_have_come_ends_by_the_clock() -> None:
    """The session halts at the bound, reopens in a call ten minutes later, and trades on after five."""
    desk = referenced({})
    sent(desk, "zhanaozen", "a-1", 90_000, 2)
    sent(desk, "zhanaozen", "a-2", 95_000, 4)
    begun = desk.at_ns
    sent(desk, "aktau", "b-1", 95_000, 6)
    for seconds, who, order_id, price, lots in (
        (599, "dossor", "b-2", 95_000, 1),
        (600, "dossor", "b-3", 96_000, 3),
        (899, "atyrau", "a-3", 96_000, 1),
        (901, "atyrau", "a-4", 96_000, 2),
    ):
        desk.at_ns = begun + seconds * 10**9
        assert sent(desk, who, order_id, price, lots) is None
    ended(desk)
    found, session = run(desk, {}, HALT)
    assert session.today.statistics == traded((90_000, 2), (95_000, 4), (96_000, 1), (96_000, 2))
    assert [event.at_ns for event in session.proposed.halts] == [begun]
    # The call, 3 at 96 000 and 4 at 95 000 against 4 at 95 000 and 1 at 96 000, trades most at 95 000: 3, and then 1.
    assert session.proposed.statistics == traded((90_000, 2), (95_000, 3), (95_000, 1))
    assert [(each.order_id, each.proposed) for each in found.orders] == [("b-2", Code.WRONG_PHASE)]
    assert sums(found)["dossor"] == (
        Amounts(3 * LOT_KG, 0, tiyn(96_000, 3), 0),
        Amounts(3 * LOT_KG, 0, tiyn(95_000, 3), 0),
    )
    assert sums(found)["aktau"][1] == Amounts(3 * LOT_KG, 0, tiyn(90_000, 2) + tiyn(95_000, 1), 0)
    assert sums(found)["atyrau"] == (Amounts(0, 3 * LOT_KG, 0, tiyn(96_000, 3)), NOTHING)


def test_a_hold_is_counted_where_it_kept_something_from_trading() -> None:
    """A market order would have paid more than the hold: it stops there, and what it did not buy is told."""
    rules = {"market_orders": "taken", "collar_rise": 1_000, "collar_fall": 1_000}
    desk = referenced(rules)
    sent(desk, "zhanaozen", "a-1", 91_000, 2)
    sent(desk, "zhanaozen", "a-2", 94_000, 2)
    sent(desk, "aktau", "b-1", 0, 4, order_type="market", time_in_force="immediate_or_cancel")
    ended(desk)
    found, session = run(desk, rules, {**rules, "hold_rise": 200})
    assert session.today.statistics == traded((91_000, 2), (94_000, 2))
    assert session.proposed.statistics == traded((91_000, 2))
    assert (session.today.held, session.proposed.held, session.proposed.halts) == (0, 1, ())
    assert sums(found)["aktau"][1].paid_tiyn == tiyn(91_000, 2)


# --- Call -----------------------------------------------------------------------------------------------------------


def test_a_call_without_an_order_that_is_too_large() -> None:
    """Without the large bid more is offered than wanted: fewer trade, at the lowest price instead of the highest."""
    desk = referenced({}, "call")
    sent(desk, "zhanaozen", "a-1", 88_000, 4)
    sent(desk, "aktau", "b-1", 92_000, 9)
    sent(desk, "dossor", "b-2", 89_000, 3)
    ended(desk)
    found, session = run(desk, {}, {"order_lots_highest": 8})
    assert (session.today.statistics, session.today.phase) == (traded((92_000, 4)), "cleared")
    assert (session.proposed.statistics, session.proposed.phase) == (traded((88_000, 3)), "cleared")
    assert sums(found)["dossor"] == (NOTHING, Amounts(3 * LOT_KG, 0, tiyn(88_000, 3), 0))
    assert sums(found)["zhanaozen"][1] == Amounts(0, 3 * LOT_KG, 0, tiyn(88_000, 3))
    assert [(each.order_id, each.today, each.proposed) for each in found.orders] == [("b-1", None, Code.TOO_MANY_LOTS)]


# --- Standard auctions ----------------------------------------------------------------------------------------------


def terms(form: Any) -> StandardTerms:
    return StandardTerms("zhanaozen", "seller", "up", form, "uniform", 5, 80_000, 1_000, None)


def test_a_sealed_auction_that_would_have_been_void() -> None:
    """Three are enough, who all pay what the last winner bid; where four are needed nobody pays."""
    rules = {"auction_minimum_participants": 3}
    desk = referenced(rules, "standard", standard=terms("sealed"))
    sent(desk, "aktau", "b-1", 85_000, 3)
    sent(desk, "dossor", "b-2", 82_000, 4)
    ended(desk)
    found, session = run(desk, rules, {"auction_minimum_participants": 4})
    assert session.today.statistics == traded((82_000, 3), (82_000, 2))
    assert (session.proposed.statistics, session.proposed.phase, session.proposed.paid_tiyn) == (
        Statistics(),
        "cancelled",
        0,
    )
    assert sums(found)["dossor"] == (Amounts(2 * LOT_KG, 0, tiyn(82_000, 2), 0), NOTHING)


def test_an_open_auction_that_shares_by_the_other_rule() -> None:
    """In its one round both want four of five lots: who came first has four, or both a half."""
    desk = referenced({}, "standard", standard=terms("open"))
    sent(desk, "aktau", "b-1", 80_000, 4)
    sent(desk, "dossor", "b-2", 80_000, 4)
    desk.must(NextRound, "operator", session_id="next")
    ended(desk)
    found, session = run(desk, {}, {"tie_rule": "pro_rata"})
    assert session.today.statistics == traded((80_000, 4), (80_000, 1))
    assert session.proposed.statistics == traded((80_000, 3), (80_000, 2))
    assert sums(found)["dossor"] == (
        Amounts(LOT_KG, 0, tiyn(80_000, 1), 0),
        Amounts(2 * LOT_KG, 0, tiyn(80_000, 2), 0),
    )


# --- All kinds ------------------------------------------------------------------------------------------------------


def test_a_session_that_would_not_have_been_opened() -> None:
    """Where the window had passed by then, it has no phase and no trade, and its orders know no session."""
    desk = referenced({}, "call")
    sent(desk, "zhanaozen", "a-1", 90_000, 1)
    sent(desk, "aktau", "b-1", 90_000, 1)
    ended(desk)
    found, session = run(desk, {}, {"session_window_plan": "07:00-09:00"})
    assert (session.proposed.phase, session.proposed.statistics) == (None, Statistics())
    assert session.today.statistics.volume_lots == 1
    assert [each.proposed for each in found.orders] == [Code.UNKNOWN_SESSION, Code.UNKNOWN_SESSION]


def test_what_was_taken_back_stays_taken_back() -> None:
    """Who cancelled in time buys nothing under either rules, and nobody differs."""
    desk = referenced({}, "call")
    sent(desk, "zhanaozen", "a-1", 90_000, 1)
    sent(desk, "aktau", "b-1", 90_000, 1)
    desk.must(CancelOrder, "aktau", session_id="next", order_id="b-1")
    ended(desk)
    found, session = run(desk, {}, {"order_lots_highest": 5})
    assert found.participants == ()
    assert session.today == session.proposed


def test_no_session_is_nothing_to_run_again() -> None:
    """Where no session over an instrument has ended, the effect is empty and no row is decided."""
    desk = venue()
    found = replayed(desk.rows, case_of(desk, rulebook(), rulebook(collar_rise=1)))
    assert (found.sessions, found.participants, found.orders) == ((), (), ())
