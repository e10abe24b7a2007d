"""Sessions, books, orders and history as a viewer may see them: the wall holds, and own things are whole."""

from tests.trading_samples import bid, closed, offer, over, phase, toured, trading, venue
from tests.venue_samples import PEOPLE, PLACES, Desk, opened, order, rulebook

from naryq import exchange
from naryq.messages import (
    ClearSession,
    CloseSession,
    OpenSession,
    PublishSession,
    StandardTerms,
    StopTrading,
    SubmitOrder,
)
from naryq.showing import Viewer, books, history, orders, prices, sessions, stops

SELLER, BUYER, OTHER = Viewer("zhanaozen", "seller"), Viewer("aktau", "buyer"), Viewer("dossor", "buyer")
PRESS = Viewer("press", "observer")


def remembered(desk: Desk) -> history.History:
    """Return the history of a desk's rows."""
    kept = history.History()
    for entry in desk.rows:
        kept.see(entry)
    return kept


def quoted() -> Desk:
    """Return a continuous session with two offers and one bid that traded one lot."""
    desk = trading()
    desk.must(SubmitOrder, "zhanaozen", **offer("ask-1", 90_000, 5))
    desk.must(SubmitOrder, "atyrau", **offer("ask-2", 90_000, 3))
    desk.must(SubmitOrder, "zhanaozen", **offer("ask-3", 95_000, 1))
    desk.must(SubmitOrder, "aktau", **bid("bid-1", 90_000, 1))
    desk.must(SubmitOrder, "aktau", **bid("bid-2", 80_000, 2))
    return desk


def test_the_book_adds_up_levels_and_names_nobody() -> None:
    """A level has everybody's lots, its number of orders, and of the viewer's lots alone how many are his."""
    shown = books.depth(quoted().state, SELLER, "day")
    assert shown is not None
    assert [(level.price_tenge_per_tonne, level.lots, level.orders, level.own_lots) for level in shown.asks] == [
        (90_000, 7, 2, 4),
        (95_000, 1, 1, 1),
    ]
    assert [(level.price_tenge_per_tonne, level.lots, level.own_lots) for level in shown.bids] == [(80_000, 2, 0)]


def test_the_book_is_shown_while_it_trades_only() -> None:
    """In a call, a halt and a session that collects orders there is no book for anybody, the operator included."""
    desk = quoted()
    assert phase(desk, "halted").code is None
    assert books.depth(desk.state, Viewer("operator", "operator"), "day") is None
    assert phase(desk, "call").code is None
    assert books.depth(desk.state, SELLER, "day") is None
    assert books.depth(trading("call").state, SELLER, "day") is None
    assert books.depth(opened().state, SELLER, "call") is None


def test_own_orders_are_ones_own() -> None:
    """Each sees his open orders and nobody else's, also by their names."""
    desk = quoted()
    state, kept = desk.state, remembered(desk)
    shown = {viewer: orders.own_orders(state, viewer, kept.open_orders(viewer)) for viewer in (SELLER, BUYER, OTHER)}
    assert [each.order.order_id for each in shown[SELLER]] == ["ask-1", "ask-3"]
    assert [each.order.order_id for each in shown[BUYER]] == ["bid-2"]
    assert shown[OTHER] == orders.own_orders(state, OTHER, ("ask-1", "nothing")) == ()
    assert orders.own_order(state, OTHER, "ask-1") is None
    found = orders.own_order(state, SELLER, "ask-1")
    assert found is not None
    assert (found.order.quantity_lots, found.may_change) == (4, True)


def test_fills_and_trades_are_remembered_without_the_other_side() -> None:
    """Both sides of a trade find their fill, and the public trade names nobody."""
    desk = quoted()
    kept = remembered(desk)
    (sold,), (bought,) = (kept.fills(who, "day") for who in (SELLER, BUYER))
    assert (sold.side, sold.order_id, sold.quantity_lots) == ("sell", "ask-1", 1)
    assert (bought.side, bought.order_id, bought.price_tenge_per_tonne) == ("buy", "bid-1", 90_000)
    assert kept.fills(OTHER) == ()
    (trade,) = kept.trades("day")
    assert (trade.trade_id, trade.aggressor, "aktau" in str(trade)) == ("T1", "buy", False)


def test_network_fills_are_remembered() -> None:
    """Who was served in a network auction finds his lots at the price of his place, and who was not finds none."""
    desk = opened()
    desk.must(SubmitOrder, "zhanaozen", **order("o1", "ZH", "sell", price=80_000, lots=4))
    desk.must(SubmitOrder, "aktau", **order("b1", "KZ-47", "buy", price=99_000, lots=3))
    desk.must(SubmitOrder, "dossor", **order("b2", "KZ-23", "buy", price=10, lots=3))
    desk.at_ns = desk.state.sessions["call"].opened.closes_at_ns
    desk.must(CloseSession, "operator", session_id="call")
    desk.must(ClearSession, "operator", session_id="call")
    kept = remembered(desk)
    assert [(fill.side, fill.place, fill.quantity_lots) for fill in kept.fills(BUYER)] == [("buy", "KZ-47", 3)]
    assert kept.fills(OTHER) == ()
    shown = sessions.session(desk.state, "call", desk.at_ns)
    assert shown is not None
    assert {price.place for price in shown.prices} == {place.place for place in PLACES}
    assert all(price.marginal_orders == () for price in shown.prices)
    (atyrau, mangystau) = prices.provinces(desk.state)
    assert (mangystau.province, mangystau.session_id, mangystau.pump) == ("KZ-47", "call", None)
    assert mangystau.wholesale is not None
    assert mangystau.wholesale.traded_lots == 3
    assert atyrau.last_trade_tenge_per_tonne is None


def test_a_session_says_what_it_is_and_came_to() -> None:
    """A session shows its phase, its average and its end, newest first, and what is unknown is None."""
    desk = quoted()
    assert closed(desk).code is None
    desk.must(PublishSession, "operator", session_id="day")
    (shown,) = sessions.sessions(desk.state, desk.at_ns)
    assert (shown.phase, shown.average_tenge_per_tonne, shown.takes_orders) == ("published", 90_000, False)
    assert sessions.session(desk.state, "other", desk.at_ns) is None


def test_a_session_is_over_when_nothing_trades_in_it_any_more() -> None:
    """A book is over as soon as it has closed, published or not; a network session waits for its clearing."""
    found = []
    for desk, session_id, kinds in (
        (quoted(), "day", (CloseSession, PublishSession)),
        (opened(), "call", (CloseSession, ClearSession)),
    ):
        desk.at_ns = desk.state.sessions[session_id].opened.closes_at_ns
        for kind in kinds:
            desk.must(kind, "operator", session_id=session_id)
            shown = sessions.session(desk.state, session_id, desk.at_ns)
            assert shown is not None
            found.append(shown.is_over)
    assert found == [True, True, False, True]


def test_a_network_session_shows_no_bounds_of_trades() -> None:
    """Its limits act on its clearing: a hold and a halt bound the orders of a session over an instrument alone."""
    desk = opened(rulebook(hold_rise=700, session_price_limit=500))
    shown = sessions.session(desk.state, "call", desk.at_ns)
    assert shown is not None
    assert (shown.bounds.lowest_tenge_per_tonne, shown.bounds.highest_tenge_per_tonne) == (None, None)


def auction(*, reserve_published: bool, start: int = 80_000) -> Desk:
    """Return a desk with an open standard auction of zhanaozen, upwards with a reserve."""
    desk = venue(rulebook(auction_minimum_participants=2))
    terms = StandardTerms(
        initiator_id="zhanaozen",
        initiator="seller",
        direction="up",
        format="open",
        payment="uniform",
        lots=5,
        start_price_tenge_per_tonne=start,
        step_tenge_per_tonne=1_000,
        reserve_price_tenge_per_tonne=85_000,
        reserve_published=reserve_published,
    )
    event = desk.must(OpenSession, "operator", **over("standard", standard=terms))
    desk.at_ns = event.opens_at_ns
    return desk


def test_a_reserve_is_shown_where_it_is_published_only() -> None:
    """An unpublished reserve stands in nothing that anybody is shown, and a published one does."""
    for published, start, seen in ((False, 80_000, None), (True, 85_000, 85_000)):
        desk = auction(reserve_published=published, start=start)
        shown = sessions.session(desk.state, "day", desk.at_ns)
        assert shown is not None
        assert shown.opened.standard is not None
        assert shown.opened.standard.reserve_price_tenge_per_tonne == seen


def test_the_rounds_of_an_auction_name_nobody() -> None:
    """An open auction shows the price that is called and how much was bid for, without names."""
    desk = auction(reserve_published=False)
    desk.must(SubmitOrder, "aktau", **bid("b1", 80_000, 4))
    (shown,) = sessions.rounds(desk.state, "day")
    assert (shown.lots, shown.bids, "aktau" in repr(shown)) == (4, 1, False)
    assert sessions.called_price(desk.state, "day") == 80_000
    assert sessions.called_price(trading().state, "day") is None
    assert sessions.rounds(trading().state, "day") == ()


def test_a_stop_of_a_participant_is_seen_by_whom_it_concerns() -> None:
    """A stop of a region is public; one of a participant is shown to itself and to those who watch."""
    desk = trading(text=rulebook(who_may_stop=("operator", "regulator")))
    desk.must(StopTrading, "operator", scope="region", target="KZ-47", reason="a leak")
    desk.must(StopTrading, "regulator", scope="participant", target="aktau", reason="a doubt")
    seen = {viewer: [stop.scope for stop in stops.stops(desk.state, viewer)] for viewer in (BUYER, OTHER, PRESS)}
    assert seen == {BUYER: ["participant", "region"], OTHER: ["region"], PRESS: ["region"]}
    assert len(stops.stops(desk.state, Viewer("regulator", "regulator"))) == 2


def test_the_open_orders_that_are_remembered_are_those_of_the_state() -> None:
    """After every row of a day in which orders trade, change, leave and end, both know the same open orders."""
    desk = toured()
    kept, state = history.History(), exchange.initial_state()
    for entry in desk.rows:
        kept.see(entry)
        state = exchange.apply(state, entry)
        for person, role in PEOPLE.items():
            standing = {
                order.order_id
                for _, session in state.sessions.items()
                if session.cleared is None
                for _, order in session.orders.items()
                if order.participant_id == person
            }
            assert set(kept.open_orders(Viewer(person, role))) == standing  # type: ignore[arg-type]  # of the closed list
