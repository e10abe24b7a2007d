"""Standard auctions as sessions: the venue awards what the library's auction awards, and keeps what is sealed."""

import random
from typing import Any

import pytest
from tests.trading_samples import REGIONAL, asked, closed, over, phase, venue
from tests.venue_samples import Answer, Desk, instant, rulebook

from naryq import StandardAuction, exchange, views
from naryq.messages import (
    AdmitParticipant,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    DeclareAffiliation,
    ExcludeParticipant,
    NextRound,
    OpenSession,
    OrderCancelled,
    OrderExpired,
    PhaseChanged,
    PublishSession,
    Refusal,
    Refused,
    SessionEnded,
    StandardTerms,
    StopTrading,
    SubmitOrder,
    SuspendParticipant,
    Traded,
    encode,
)

BUYERS = ("aktau", "dossor", "beineu", "kulsary")
STARTS = {"up": 80_000, "down": 99_000}


def terms(**changes: Any) -> StandardTerms:
    """Return the terms of a seller's sealed auction upwards of ten lots."""
    fields = {
        "initiator_id": "zhanaozen",
        "initiator": "seller",
        "direction": "up",
        "format": "sealed",
        "payment": "uniform",
        "lots": 10,
        "start_price_tenge_per_tonne": 80_000,
        "step_tenge_per_tonne": 1_000,
    }
    return StandardTerms(**{**fields, **changes})


def auctioning(text: Any = None, **changes: Any) -> Desk:
    """Return a desk with an open standard auction, at the first instant of its window."""
    desk = venue(text)
    for name in BUYERS[2:]:
        desk.must(AdmitParticipant, "operator", participant_id=name, name=name, role="buyer")
    opened = desk.must(OpenSession, "operator", **over("standard", standard=terms(**changes)))
    desk.at_ns = opened.opens_at_ns
    return desk


def bids(desk: Desk, who: str, order_id: str, price: int, lots: int, **changes: Any) -> Answer:
    side = "buy" if desk.state.sessions["day"].opened.standard.initiator == "seller" else "sell"  # type: ignore[union-attr]
    fields = asked(order_id, side, price, lots, delivery="KZ-47" if side == "buy" else None)
    return desk.give(SubmitOrder, who, **{**fields, **changes})


def won(answer: Answer) -> list[tuple[str, int, int]]:
    """Return what each participant won: lots, and at which price."""
    sums: dict[tuple[str, int], int] = {}
    for event in answer.events:
        if isinstance(event, Traded):
            who = event.buyer_id if event.seller_id == "zhanaozen" else event.seller_id
            sums[who, event.price_tenge_per_tonne] = (
                sums.get((who, event.price_tenge_per_tonne), 0) + event.quantity_lots
            )
    return sorted((who, lots, price) for (who, price), lots in sums.items())


def cleared(desk: Desk) -> Answer:
    """Clear the auction, closing it first where its last round has not done so."""
    if desk.state.sessions["day"].phase != "closed":
        assert closed(desk).code is None
    return desk.give(ClearSession, "operator", session_id="day")


# --- The venue and the library --------------------------------------------------------------------------------------


def twin(desk: Desk) -> StandardAuction:
    """Return the library's auction with the same terms."""
    opened = desk.state.sessions["day"].opened
    agreed = opened.standard
    assert agreed is not None
    return StandardAuction(
        initiator=agreed.initiator,
        direction=agreed.direction,
        format=agreed.format,
        payment=agreed.payment,
        lots=agreed.lots,
        start_price=agreed.start_price_tenge_per_tonne,
        step=agreed.step_tenge_per_tonne,
        reserve_price=agreed.reserve_price_tenge_per_tonne,
        reserve_published=agreed.reserve_published,
        initiator_id=agreed.initiator_id,
        tie="pro_rata" if opened.tie_rule == "pro_rata" else "time",
        lot_kg=opened.lot_kg,
    )


def awards(auction: StandardAuction) -> list[tuple[str, int, int]]:
    return sorted((award.participant, award.quantity, award.price) for award in auction.close().awards)


@pytest.mark.parametrize("seed", range(12))
def test_a_sealed_auction_awards_what_the_library_awards(seed: int) -> None:
    """Random sealed bids, some refused by both, end in the same awards at the same prices."""
    draw = random.Random(seed)
    changes = {
        "payment": draw.choice(("uniform", "pay_as_bid")),
        "reserve_price_tenge_per_tonne": draw.choice((None, 82_000)),
        "lots": draw.randint(5, 25),
    }
    desk = auctioning(rulebook(tie_rule=draw.choice(("time", "pro_rata"))), **changes)
    other = twin(desk)
    for number in range(draw.randint(0, 12)):
        who, price, lots = draw.choice(BUYERS), 79_500 + 500 * draw.randint(0, 14), draw.randint(1, 9)
        desk.at_ns += draw.choice((0, 1))
        taken = bids(desk, who, f"b{number}", price, lots).code is None
        assert taken == _told(other, who, lots, price, desk.at_ns)
    assert won(cleared(desk)) == awards(other)
    assert desk.findings == []


def _told(auction: StandardAuction, who: str, lots: int, price: int | None, at_ns: int) -> bool:
    try:
        auction.bid(who, lots, price, at_ns=at_ns)
    except Refusal:
        return False
    return True


@pytest.mark.parametrize("seed", range(24))
def test_an_open_auction_awards_what_the_library_awards(seed: int) -> None:
    """Random rounds in all four directions, with bids replaced and refused, end in the same awards."""
    draw = random.Random(seed)
    initiator, direction = draw.choice((("seller", "up"), ("seller", "down"), ("buyer", "down"), ("buyer", "up")))
    reserve = {("seller", "down"): 95_000, ("buyer", "up"): 84_000}.get((initiator, direction))
    changes = {
        "initiator": initiator,
        "direction": direction,
        "initiator_id": "zhanaozen",
        "format": "open",
        "payment": draw.choice(("uniform", "pay_as_bid")),
        "start_price_tenge_per_tonne": STARTS[direction],
        "reserve_price_tenge_per_tonne": reserve,
        "lots": draw.randint(4, 16),
    }
    everybody: dict[str, Any] = {"who_may_sell": ("seller", "buyer"), "who_may_buy": ("seller", "buyer")}
    desk = auctioning(rulebook(**everybody), **changes)
    other = twin(desk)
    number = 0
    while desk.state.sessions["day"].phase == "collecting":
        for who in BUYERS:
            for _ in range(draw.choice((0, 1, 1, 2))):
                number, lots = number + 1, draw.randint(1, 7)
                desk.at_ns += draw.choice((0, 1))
                price = other.price if draw.random() < 0.9 else 50_000
                assert price is not None
                taken = bids(desk, who, f"b{number}", price, lots).code is None
                assert taken == _told(other, who, lots, price, desk.at_ns), (who, lots, price)
        desk.must(NextRound, "operator", session_id="day")
        other.next_round()
    assert won(cleared(desk)) == awards(other)
    assert desk.findings == []


def test_the_ends_of_all_auctions_are_told() -> None:
    """An auction that sold is cleared with its reason in words, summed up and published, the rest expiring."""
    desk = auctioning()
    for number, (who, price) in enumerate((("aktau", 90_000), ("dossor", 95_000), ("beineu", 91_000))):
        assert bids(desk, who, f"b{number}", price, 6).code is None
    answer = cleared(desk)
    assert won(answer) == [("beineu", 4, 91_000), ("dossor", 6, 91_000)]
    told = [event for event in answer.events if isinstance(event, Traded | OrderExpired | PhaseChanged | SessionEnded)]
    kinds = [type(event) for event in told]
    assert kinds == [Traded, Traded, OrderExpired, OrderExpired, PhaseChanged, SessionEnded]
    assert "10 of 10 lots sold" in told[-2].reason  # type: ignore[union-attr]  # it is a PhaseChanged
    published = desk.must(PublishSession, "operator", session_id="day")
    assert (published.statistics.volume_lots, published.weighted_average_tenge_per_tonne) == (10, 91_000)
    assert desk.state.market.references[REGIONAL] == 91_000


# --- What the law asks ----------------------------------------------------------------------------------------------


def test_fewer_than_three_participants_make_it_void() -> None:
    """With one bidder and the initiator the auction is void, everything expires and nothing is sold."""
    desk = auctioning()
    bids(desk, "aktau", "b1", 90_000, 10)
    answer = cleared(desk)
    assert won(answer) == []
    changed = next(event for event in answer.events if isinstance(event, PhaseChanged))
    assert changed.phase == "cancelled"
    assert "2" in changed.reason
    assert "3" in changed.reason
    assert not desk.state.sessions["day"].orders


def test_affiliates_count_once_and_the_initiators_may_not_bid() -> None:
    """Two that belong together are one participant, and who belongs with the initiator is no participant."""
    desk = auctioning(rulebook(auction_minimum_participants=3))
    desk.must(DeclareAffiliation, "operator", **affiliation("aktau", "dossor"))
    desk.must(DeclareAffiliation, "operator", **affiliation("beineu", "zhanaozen"))
    assert bids(desk, "beineu", "b0", 90_000, 1).code == Code.NOT_PERMITTED
    for number, who in enumerate(("aktau", "dossor"), 1):
        assert bids(desk, who, f"b{number}", 90_000, 5).code is None
    assert won(cleared(desk)) == []


@pytest.mark.parametrize("form", ["sealed", "open"])
def test_who_turns_out_to_be_the_initiators_own_wins_nothing(form: str) -> None:
    """A bid of one who is declared an affiliate of the initiator afterwards wins nothing, and stops nobody else."""
    desk = auctioning(rulebook(auction_minimum_participants=2), format=form)
    for who in ("aktau", "dossor", "beineu"):
        assert bids(desk, who, f"{who}-1", 80_000, 5).code is None
    desk.must(DeclareAffiliation, "operator", **affiliation("aktau", "zhanaozen"))
    assert bids(desk, "aktau", "again", 80_000, 5).code == Code.NOT_PERMITTED
    price = 80_000
    if form == "open":
        price = desk.must(NextRound, "operator", session_id="day").price_tenge_per_tonne
        for who in ("dossor", "beineu"):
            assert bids(desk, who, f"{who}-2", price, 5).code is None
    assert won(cleared(desk)) == [("beineu", 5, price), ("dossor", 5, price)]
    assert desk.findings == []


def test_bidders_that_turn_out_to_be_one_are_counted_as_one() -> None:
    """Rounds that were called stay called; the auction goes on, and with too few participants it is void in the end."""
    desk = auctioning(rulebook(auction_minimum_participants=4), format="open")
    for who in ("aktau", "dossor", "beineu"):
        assert bids(desk, who, f"{who}-1", 80_000, 5).code is None
    desk.must(NextRound, "operator", session_id="day")
    desk.must(DeclareAffiliation, "aktau", **affiliation("aktau", "dossor"))
    for who in ("aktau", "dossor"):
        assert bids(desk, who, f"{who}-2", 81_000, 5).code is None
    assert won(cleared(desk)) == []
    assert desk.findings == []


def test_the_initiators_own_does_not_make_an_auction() -> None:
    """The initiator's own is no participant: two others and the initiator are too few."""
    desk = auctioning(rulebook(auction_minimum_participants=4), format="open")
    for who in ("aktau", "dossor", "beineu"):
        assert bids(desk, who, f"{who}-1", 80_000, 3).code is None
    desk.must(DeclareAffiliation, "operator", **affiliation("aktau", "zhanaozen"))
    assert won(cleared(desk)) == []


def affiliation(one: str, other: str) -> dict[str, str]:
    """Return the fields of a declared pair."""
    return {"participant_id": one, "affiliate_id": other, "evidence": "one owner"}


def test_the_rule_says_how_many_it_takes() -> None:
    """The least number of participants is the rulebook's, whatever the command says."""
    desk = auctioning(rulebook(auction_minimum_participants=2), minimum_participants=9)
    bids(desk, "aktau", "b1", 90_000, 10)
    assert won(cleared(desk)) == [("aktau", 10, 90_000)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"initiator_id": "nobody"}, Code.UNKNOWN_PARTICIPANT),
        ({"initiator_id": "aktau"}, Code.NOT_PERMITTED),
        ({"initiator": "buyer", "direction": "up"}, Code.OUT_OF_RANGE),
        ({"direction": "down", "reserve_price_tenge_per_tonne": 90_000}, Code.OUT_OF_RANGE),
    ],
)
def test_terms_that_make_no_auction_are_refused(changes: dict[str, Any], code: Code) -> None:
    """Nobody's auction, one by who may not trade on its side, and one that could never end is refused."""
    answer = venue().give(OpenSession, "operator", **over("standard", standard=terms(**changes)))
    assert answer.code == code


def test_an_auction_is_not_called_as_an_order_is() -> None:
    """The initiator's order has the auction's name: where another has it nothing opens, under a new name it does."""
    desk = auctioning()
    bids(desk, "aktau", "late", 90_000, 1)
    opening = over("standard", "late", window="other", standard=terms())
    (refused,) = desk.give(OpenSession, "operator", **opening).events
    assert isinstance(refused, Refused)
    assert (refused.code, refused.where) == (Code.DUPLICATE_ID, "session_id")
    assert "late" not in desk.state.sessions
    desk.must(OpenSession, "operator", **{**opening, "session_id": "later"})
    assert [order.order_id for order in exchange.ordered(desk.state.sessions["later"].orders)] == ["later"]
    assert won(cleared(desk)) == []
    assert desk.findings == []


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [
        (SuspendParticipant, {"participant_id": "zhanaozen"}, Code.SUSPENDED),
        (ExcludeParticipant, {"participant_id": "zhanaozen"}, Code.EXCLUDED),
        (StopTrading, {"scope": "participant", "target": "zhanaozen"}, Code.TRADING_STOPPED),
        (StopTrading, {"scope": "instrument", "target": REGIONAL}, Code.TRADING_STOPPED),
    ],
)
def test_no_auction_opens_for_whoever_may_not_trade(kind: Any, fields: dict[str, str], code: Code) -> None:
    """The operator opens no auction in the name of one who is suspended, excluded or stopped: it would trade."""
    desk = venue(rulebook(who_may_stop=("regulator",)))
    opening = over("standard", standard=terms())
    assert desk.branch().give(OpenSession, "operator", **opening).code is None
    desk.must(kind, "regulator", **fields, reason="late")
    assert desk.give(OpenSession, "operator", **opening).code == code


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("order_lots_highest", Code.TOO_MANY_LOTS),
        ("order_value_highest", Code.TOO_MUCH_VALUE),
        ("batch_highest", Code.BATCH_TOO_LARGE),
    ],
)
def test_the_limits_of_an_order_hold_for_the_initiators(rule: str, code: Code) -> None:
    """A buyer's auction is for no more lots or money than one order of the buyer's, and no more than its batch."""
    agreed = terms(initiator="buyer", initiator_id="aktau", direction="down")
    tonnes = agreed.lots * 36
    at_most = agreed.lots if rule != "order_value_highest" else tonnes * agreed.start_price_tenge_per_tonne
    for value, expected in ((at_most, None), (at_most - 1, code)):
        limit: dict[str, Any] = {rule: value}
        desk = venue(rulebook(**limit))
        assert desk.give(OpenSession, "operator", **over("standard", standard=agreed)).code == expected


# --- Bids -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": "sell"}, Code.NOT_SUPPORTED),
        ({"price_tenge_per_tonne": 79_000}, Code.OUT_OF_RANGE),
        ({"price_tenge_per_tonne": 90_500}, Code.OUT_OF_RANGE),
        ({"quantity_lots": 11}, Code.OUT_OF_RANGE),
        ({"order_type": "market"}, Code.NOT_SUPPORTED),
        ({"time_in_force": "fill_or_kill"}, Code.NOT_SUPPORTED),
        ({"delivery": "KZ-23"}, Code.OUTSIDE_REGION),
    ],
)
def test_a_bid_that_the_auction_does_not_take_is_refused(changes: dict[str, Any], code: Code) -> None:
    """The wrong side, a price off the grid or before the start, more than there is, and kinds of orders it lacks."""
    desk = auctioning(rulebook(who_may_sell=("seller", "buyer")))
    assert bids(desk, "aktau", "b1", 90_000, 1, **changes).code == code


def test_sealed_bids_can_be_taken_back_and_open_ones_stand() -> None:
    """Under seal a bidder takes a bid back; in an open auction nobody does, and nobody moves the initiator's order."""
    desk = auctioning()
    bids(desk, "aktau", "b1", 90_000, 1)
    bids(desk, "aktau", "b2", 91_000, 1)
    fields = {"session_id": "day", "order_id": "b1"}
    assert desk.give(AmendOrder, "aktau", **fields, quantity_lots=2).code == Code.NOT_SUPPORTED
    assert desk.give(CancelOrder, "aktau", **fields).code is None
    assert [event.order_id for event in desk.give(CancelAll, "aktau").events if isinstance(event, OrderCancelled)] == [
        "b2"
    ]
    assert desk.give(CancelOrder, "zhanaozen", session_id="day", order_id="day").code == Code.NOT_SUPPORTED
    assert desk.give(CancelAll, "zhanaozen").code == Code.UNKNOWN_ORDER
    desk = auctioning(format="open")
    bids(desk, "aktau", "b1", 80_000, 1)
    assert desk.give(CancelOrder, "aktau", **fields).code == Code.NOT_SUPPORTED
    assert desk.give(CancelAll, "aktau", session_id="day").code == Code.UNKNOWN_ORDER


def test_nobody_learns_of_a_sealed_bid() -> None:
    """No answer to anybody else says the price, the lots or the name of a sealed bid before the auction is cleared."""
    desk = auctioning()
    bids(desk, "aktau", "secret-order", 87_000, 7)
    spoken = [
        bids(desk, "dossor", "secret-order", 90_000, 1),
        bids(desk, "dossor", "b2", 79_000, 1),
        bids(desk, "dossor", "b3", 90_000, 99),
        bids(desk, "dossor", "b4", 90_000, 3),
        desk.give(CancelOrder, "dossor", session_id="day", order_id="b9"),
        desk.give(ClearSession, "operator", session_id="day"),
        desk.give(PublishSession, "operator", session_id="day"),
        desk.give(CloseSession, "operator", session_id="day"),
        desk.give(NextRound, "operator", session_id="day"),
        closed(desk),
    ]
    seen = views.look(desk.rows).sheets["day"]
    heard = b"".join(encode(event) for answer in spoken for event in answer.events) + repr(seen).encode()
    assert b"87000" not in heard
    assert b"87 000" not in heard
    assert b"aktau" not in heard


# --- Rounds ---------------------------------------------------------------------------------------------------------


def test_rounds_are_called_until_enough_have_dropped_out() -> None:
    """The price moves while more is wanted than there is; whoever dropped out last shares what is left over."""
    desk = auctioning(format="open", step_tenge_per_tonne=5_000)
    for who, lots in (("aktau", 6), ("dossor", 5), ("beineu", 4)):
        bids(desk, who, f"{who}-1", 80_000, lots)
    assert desk.must(NextRound, "operator", session_id="day").price_tenge_per_tonne == 85_000
    assert bids(desk, "aktau", "old", 80_000, 1).code == Code.OUT_OF_RANGE
    assert bids(desk, "aktau", "more", 85_000, 7).code == Code.OUT_OF_RANGE
    bids(desk, "aktau", "aktau-2", 85_000, 6)
    bids(desk, "dossor", "dossor-2", 85_000, 3)
    answer = desk.give(NextRound, "operator", session_id="day")
    assert [type(event) for event in answer.events][1:] == [PhaseChanged]
    assert won(cleared(desk)) == [("aktau", 6, 80_000), ("dossor", 4, 80_000)]


def test_an_auction_in_which_more_is_wanted_cannot_be_closed() -> None:
    """While another round is due the auction goes on, even when its window has ended."""
    desk = auctioning(format="open")
    for who in BUYERS[:3]:
        bids(desk, who, who, 80_000, 9)
    assert closed(desk).code == Code.WRONG_PHASE
    while desk.state.sessions["day"].phase == "collecting":
        desk.must(NextRound, "operator", session_id="day")
    assert sum(lots for _, lots, _ in won(cleared(desk))) == 10


def test_a_round_begins_with_the_window_and_only_where_there_are_rounds() -> None:
    """No round is called before the window opens, nor in a sealed auction, a call or a continuous session."""
    desk = auctioning(format="open")
    desk.must(OpenSession, "operator", **over("call", "call", window="other"))
    desk.must(OpenSession, "operator", **over("standard", "later", window="other", standard=terms(format="open")))
    assert desk.give(NextRound, "operator", session_id="later").code == Code.OUTSIDE_WINDOW
    desk.at_ns = instant("14:00")
    assert desk.give(NextRound, "operator", session_id="call").code == Code.NOT_SUPPORTED
    assert auctioning().give(NextRound, "operator", session_id="day").code == Code.WRONG_PHASE


def test_who_is_stopped_wins_nothing() -> None:
    """A participant whose trading is stopped after his bid gets no lots, under seal and in the open."""
    for form, price in (("sealed", 90_000), ("open", 80_000)):
        desk = auctioning(rulebook(who_may_stop=("regulator",)), format=form)
        for who in BUYERS[:3]:
            bids(desk, who, who, price, 3)
        desk.must(StopTrading, "regulator", scope="participant", target="aktau", reason="an inquiry")
        if form == "open":
            desk.must(NextRound, "operator", session_id="day")
        assert {who for who, *_ in won(cleared(desk))} == {"dossor", "beineu"}


def test_an_auction_whose_initiator_is_stopped_is_cancelled() -> None:
    """Where the initiator's own order was taken out nothing is sold, every bid expires and the reason is told."""
    desk = auctioning(rulebook(who_may_stop=("regulator",)))
    for who in BUYERS[:3]:
        bids(desk, who, who, 90_000, 3)
    desk.must(StopTrading, "regulator", scope="participant", target="zhanaozen", reason="an inquiry")
    answer = cleared(desk)
    assert won(answer) == []
    told = next(event for event in answer.events if isinstance(event, PhaseChanged))
    assert (told.phase, told.reason) == ("cancelled", "the initiator's order was taken out")
    assert not desk.state.sessions["day"].orders
    assert desk.findings == []


def test_a_cancelled_auction_gives_every_bid_back() -> None:
    """An auction that the operator cancels takes out the bids and the initiator's order."""
    desk = auctioning()
    bids(desk, "aktau", "b1", 90_000, 1)
    gone = [event.order_id for event in phase(desk, "cancelled").events if isinstance(event, OrderCancelled)]
    assert gone == ["day", "b1"]
