"""The venue's two functions at their edges: time, permissions, rules, sessions, and what is folded from events."""

from typing import Any

import msgspec
import pytest
from tests.trading_samples import bid, closed, offer, trading
from tests.venue_samples import (
    LINKS,
    PLACES,
    Desk,
    dated,
    founded,
    instant,
    opened,
    opening,
    order,
    report_terms,
    rulebook,
    terms,
)

from naryq import exchange
from naryq.exchange import orders as order_topic
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    Entry,
    LedgerPosted,
    Link,
    OpenSession,
    OrderAccepted,
    OrderCancelled,
    ParticipantAdmitted,
    Place,
    PlanSupply,
    PricesPublished,
    PublishPrices,
    PublishSession,
    Refused,
    ReportRetailTerms,
    RetailTermsReported,
    RulebookAdopted,
    SessionCleared,
    SessionClosed,
    SessionEnded,
    SessionOpened,
    SubmitOrder,
    SupplyPlanned,
    encode,
)

FAR = 2**63 - 1
GOLDEN = "1c8e9f0f5f56bd7a55b9c9e129db8140fe3131a280c30f6a0e97e873075ff19b"


def ended(desk: Desk, session_id: str = "call", *kinds: type) -> Desk:
    """Take a session through its end."""
    desk.at_ns = desk.auditor.books.calls[session_id].opened.closes_at_ns
    for kind in kinds:
        desk.must(kind, "operator", session_id=session_id)
    return desk


def traded(**changes: Any) -> Desk:
    """Return a desk on which five lots are offered and wanted."""
    desk = opened(rulebook(**changes))
    desk.must(SubmitOrder, "zhanaozen", **order("ask", "ZH", "sell", price=90_000, lots=5))
    desk.must(SubmitOrder, "aktau", **order("bid", "KZ-47", "buy", price=100_000, lots=5))
    return desk


# --- State ------------------------------------------------------------------------------------------------------


def test_the_first_state_has_a_known_hash() -> None:
    """A venue on which nothing has happened has the same hash everywhere: a change of the hashed form shows here."""
    assert exchange.state_hash(exchange.initial_state()) == GOLDEN


MAIN_LINE = {
    ParticipantAdmitted,
    RulebookAdopted,
    SessionOpened,
    OrderAccepted,
    OrderCancelled,
    SessionClosed,
    SessionCleared,
    LedgerPosted,
    SessionEnded,
    SupplyPlanned,
    RetailTermsReported,
    PricesPublished,
}
"""The events of the main line: those of other topics are seen in the tests of their topics."""


def test_each_kind_of_event_shows_in_the_hash() -> None:
    """Every event of the main line changes the state, as far as its hash can tell."""
    desk = traded(platform_share={"default": 5_000}, wholesale_cap=38_000)
    report_terms(desk)
    fields = {"delivery_month": "2022-01", "province": "KZ-47", "total_lots": 9}
    desk.must(PlanSupply, "regulator", **fields, transport_tenge_per_tonne=1)
    desk.must(SubmitOrder, "aktau", **order("gone", "KZ-47", "buy", price=100_000, lots=5))
    desk.must(CancelOrder, "aktau", session_id="call", order_id="gone")
    ended(desk, "call", CloseSession, ClearSession, PublishPrices)
    state, kinds = exchange.initial_state(), set()
    for row in desk.rows:
        after = state
        for event in row.events:
            before, after = after, exchange.evolve(after, event)
            kinds.add(type(event))
            assert exchange.state_hash(after) != exchange.state_hash(before)
        state = exchange.apply(state, row)
    assert kinds == MAIN_LINE


def test_a_row_out_of_order_is_a_bug() -> None:
    """Rows are folded without a gap, or not at all."""
    desk = founded()
    for wrong in (desk.rows[-1], msgspec.structs.replace(desk.rows[-1], sequence=len(desk.rows) + 2)):
        with pytest.raises(AssertionError, match="without a gap"):
            exchange.apply(desk.state, wrong)


def test_a_command_is_found_by_its_identifier() -> None:
    """Every row, a refusal too, is found by its sender and identifier; not so a new one, or one of somebody else."""
    desk = founded()
    desk.give(ClearSession, "press", session_id="none")
    for row in desk.rows:
        assert exchange.sequence_of(desk.state, row.command.actor, row.command.command_id) == row.sequence
        assert exchange.sequence_of(desk.state, "dossor", row.command.command_id) is None
    assert exchange.sequence_of(desk.state, "operator", "new") is None


def test_orders_come_back_in_order_of_arrival() -> None:
    """However many orders there are, they are listed as they came, without those taken back."""
    desk = opened()
    names = [f"order-{number * 7919 % 100}" for number in range(100)]
    for name in names:
        desk.must(SubmitOrder, "aktau", **order(name, "KZ-47", "buy", price=1, lots=1))
    desk.must(CancelOrder, "aktau", session_id="call", order_id=names[50])
    standing = exchange.ordered(desk.state.sessions["call"].orders)
    assert [each.order_id for each in standing] == names[:50] + names[51:]


def test_an_old_state_stays_as_it_was() -> None:
    """A batch that is decided ahead and dropped leaves the state from which it started."""
    desk = opened()
    state, before = desk.state, exchange.state_hash(desk.state)
    desk.must(SubmitOrder, "aktau", **order("a", "KZ-47", "buy", price=1, lots=1))
    ended(desk, "call", CloseSession, ClearSession)
    assert exchange.state_hash(state) == before
    assert len(state.sessions["call"].orders) == 0


# --- Time -------------------------------------------------------------------------------------------------------


def test_time_may_stand_still_and_not_run_back() -> None:
    """A command of the same instant is taken; one of a nanosecond earlier is not."""
    desk = founded()
    desk.must(AdmitParticipant, "operator", participant_id="a", name="A", role="buyer")
    desk.at_ns -= 1
    back = desk.give(AdmitParticipant, "operator", participant_id="b", name="B", role="buyer")
    assert back.code == Code.TIME_BACKWARD


@pytest.mark.parametrize("actor", ["nobody", "press", "aktau"])
def test_a_refused_command_cannot_move_the_clock(actor: str) -> None:
    """Whoever sends a command from the far future and is refused has not stopped the venue for everybody else."""
    desk = traded()
    refused = desk.give(SubmitOrder, actor, at_ns=FAR, **order("x", "KZ-47", "buy", price=1, lots=1))
    assert refused.code is not None
    desk.must(SubmitOrder, "aktau", **order("y", "KZ-47", "buy", price=1, lots=1))


def test_a_cancellation_cannot_move_the_clock_past_the_window() -> None:
    """A trader's own order is no lever on the venue's clock."""
    desk = traded()
    late = desk.give(CancelOrder, "aktau", at_ns=FAR, session_id="call", order_id="bid")
    assert late.code == Code.OUTSIDE_WINDOW
    desk.must(CancelOrder, "aktau", session_id="call", order_id="bid")


def test_a_session_keeps_the_clock_of_its_own_day() -> None:
    """A clock that changes on the session's day opens it by the new clock, even if it was opened the day before."""
    clocks = (dated("2021-01-01", "2020-12-01", 360), dated("2021-12-31", "2021-12-01", 300))
    desk = founded(rulebook(utc_offset=clocks), "2021-12-30")
    session = desk.must(OpenSession, "operator", **opening())
    assert session.opens_at_ns == instant("12:00")
    assert session.closes_at_ns == instant("14:00")
    assert desk.findings == []


def test_a_session_keeps_the_rules_of_its_own_day() -> None:
    """Lot, window and collar are those in force on the day of the session, as known when it is opened."""
    changes: dict[str, Any] = {
        "lot": (dated("2021-01-01", "2020-12-01", 36_000), dated("2021-12-31", "2021-12-01", 20_000)),
        "session_window_plan": (
            dated("2021-01-01", "2020-12-01", "11:00-13:00"),
            dated("2021-12-31", "2021-12-31", "09:00-10:00"),
        ),
    }
    session = founded(rulebook(**changes), "2021-12-30").must(OpenSession, "operator", **opening())
    assert session.lot_kg == 20_000
    assert session.opens_at_ns == instant("11:00")


@pytest.mark.parametrize("day", ["2022-02-30", "2021-04-31", "9999-12-31", "2262-12-31"])
def test_a_day_that_no_clock_has_is_refused(day: str) -> None:
    """Days outside the calendar, or after the last nanosecond of 64 bits, are refused and never a crash."""
    late: dict[str, Any] = {"utc_offset": -720, "session_window_plan": "22:00-23:59"}
    desk = founded(rulebook(**late))
    (refused,) = exchange.decide(desk.state, OpenSession("new", "operator", desk.at_ns, **opening(day=day)))
    assert isinstance(refused, Refused)
    assert refused.code == Code.OUT_OF_RANGE


def test_a_day_before_all_rules_is_refused() -> None:
    """A session of a year without rules is refused for the rule that is missing."""
    assert founded().give(OpenSession, "operator", **opening(day="0000-01-01")).code == Code.RULE_MISSING


# --- People and rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "participant", "role"),
    [("operator", "operator", "regulator"), ("operator", "friend", "operator"), ("friend", "operator", "operator")],
)
def test_a_venue_is_founded_by_its_operator(actor: str, participant: str, role: str) -> None:
    """The first participant admits itself as operator, and nobody else founds a venue."""
    desk = Desk()
    assert desk.give(AdmitParticipant, actor, participant_id=participant, name="", role=role).code == Code.NOT_PERMITTED
    desk.must(AdmitParticipant, "operator", participant_id="operator", name="", role="operator")
    again = desk.give(AdmitParticipant, "operator", participant_id="operator", name="", role="operator")
    assert again.code == Code.ALREADY_EXISTS


def test_nothing_is_traded_without_a_rulebook() -> None:
    """Before a rulebook is adopted no session opens and no supply is planned."""
    desk = Desk()
    desk.must(AdmitParticipant, "operator", participant_id="operator", name="", role="operator")
    desk.must(AdmitParticipant, "operator", participant_id="regulator", name="", role="regulator")
    assert desk.give(OpenSession, "operator", **opening()).code == Code.NO_RULEBOOK
    fields = {"delivery_month": "2022-01", "province": "KZ-47", "total_lots": 1, "transport_tenge_per_tonne": 1}
    assert desk.give(PlanSupply, "regulator", **fields).code == Code.NO_RULEBOOK
    desk.must(AdoptRulebook, "regulator", rulebook=rulebook())
    assert desk.give(OpenSession, "operator", **opening()).code == Code.RULE_MISSING
    assert desk.findings == []


def test_a_forged_rulebook_is_refused() -> None:
    """A rulebook whose rules are not those of its digest changes nothing."""
    desk = founded()
    forged = msgspec.structs.replace(rulebook(vat=0), digest=rulebook().digest)
    answer = exchange.decide(desk.state, AdoptRulebook("new", "regulator", desk.at_ns, forged))
    assert isinstance(answer[0], Refused)
    assert answer[0].code == Code.RULE_INVALID


def test_the_plan_needs_a_regulated_price_for_what_stays_outside() -> None:
    """A plan that keeps a part outside is refused without a wholesale cap, and taken where nothing stays outside."""
    fields = {"delivery_month": "2022-01", "province": "KZ-47", "total_lots": 10, "transport_tenge_per_tonne": 1}
    lacking = founded(rulebook(platform_share={"default": 5_000}))
    assert lacking.give(PlanSupply, "regulator", **fields).code == Code.RULE_MISSING
    all_sold = founded(rulebook()).must(PlanSupply, "regulator", **fields)
    assert (all_sold.outside_lots, all_sold.platform_lots, all_sold.outside_price_tenge_per_tonne) == (0, 10, None)


def test_a_month_is_judged_by_what_is_known_today() -> None:
    """The share that was announced in October parts January's plan in December; one announced later does not."""
    shares = (
        dated("2021-10-01", "2021-10-01", {"default": 6_500}),
        dated("2022-01-01", "2021-10-22", {"default": 10_000}),
        dated("2022-01-01", "2022-01-05", {"default": 0}),
    )
    text = rulebook(platform_share=shares, wholesale_cap=38_000)
    fields = {"province": "KZ-23", "total_lots": 100, "transport_tenge_per_tonne": 1}
    early, late = founded(text), founded(text, "2022-01-05")
    assert early.must(PlanSupply, "regulator", delivery_month="2021-12", **fields).platform_lots == 65
    assert early.must(PlanSupply, "regulator", delivery_month="2022-01", **fields).platform_lots == 100
    assert late.must(PlanSupply, "regulator", delivery_month="2022-01", **fields).platform_lots == 0


# --- Sessions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"places": (*PLACES, PLACES[0])}, Code.DUPLICATE_ID),
        ({"places": (*PLACES, Place("ZH", "province"))}, Code.DUPLICATE_ID),
        ({"links": (*LINKS, Link("ZH", "KZ-47", 5, 0))}, Code.DUPLICATE_ID),
        ({"links": (Link("ZH", "KZ-99", 5, 0),)}, Code.UNKNOWN_PLACE),
        ({"links": (Link("KZ-99", "KZ-47", 5, 0),)}, Code.UNKNOWN_PLACE),
        ({"links": (Link("ZH", "ZH", 5, 0),)}, Code.SELF_LOOP),
        ({"places": ()}, Code.UNKNOWN_PLACE),
        ({"window": "night"}, Code.OUTSIDE_WINDOW),
        ({"window": ""}, Code.OUTSIDE_WINDOW),
        ({"day": "2021-12-30"}, Code.OUTSIDE_WINDOW),
        ({"places": (), "links": ()}, None),
        ({"links": ()}, None),
        ({"links": (Link("ZH", "KZ-47", 5, 0), Link("KZ-47", "ZH", 5, 0))}, None),
        ({"day": "2099-12-31", "delivery_month": "2100-01"}, None),
        ({"delivery_month": "2021-11"}, Code.OUT_OF_RANGE),
    ],
)
def test_a_session_opens_over_a_sound_network(changes: dict[str, Any], code: Code | None) -> None:
    """Names, links, windows and days are checked; a session without links or places is allowed."""
    desk = founded()
    assert desk.give(OpenSession, "operator", **opening(**changes)).code == code
    assert desk.findings == []


@pytest.mark.parametrize(
    ("done", "kind", "code"),
    [
        ((), ClearSession, Code.WRONG_PHASE),
        ((), PublishPrices, Code.WRONG_PHASE),
        ((CloseSession,), CloseSession, Code.WRONG_PHASE),
        ((CloseSession,), PublishPrices, Code.WRONG_PHASE),
        ((CloseSession, ClearSession), ClearSession, Code.WRONG_PHASE),
        ((CloseSession, ClearSession, PublishPrices), PublishPrices, Code.WRONG_PHASE),
        ((CloseSession, ClearSession, PublishPrices), ClearSession, Code.WRONG_PHASE),
    ],
)
def test_a_session_goes_one_way(done: tuple[type, ...], kind: type, code: Code) -> None:
    """Each phase follows the one before, once: no clearing before the close, no second clearing or publication."""
    desk = traded()
    report_terms(desk)
    ended(desk, "call", *done)
    assert desk.give(kind, "operator", session_id="call").code == code
    assert desk.findings == []


def test_a_closed_session_takes_no_order_and_gives_none_back() -> None:
    """After the close neither an order nor a cancellation is taken."""
    desk = ended(traded(), "call", CloseSession)
    assert desk.give(SubmitOrder, "aktau", **order("x", "KZ-47", "buy", price=1, lots=1)).code == Code.WRONG_PHASE
    assert desk.give(CancelOrder, "aktau", session_id="call", order_id="bid").code == Code.WRONG_PHASE


def test_an_order_name_serves_one_session() -> None:
    """An identifier that was used in one session, even for an order taken back, is not taken in another."""
    desk = traded()
    desk.must(OpenSession, "operator", **opening("other", window="other"))
    desk.must(CancelOrder, "aktau", session_id="call", order_id="bid")
    desk.at_ns = instant("14:00")
    again = desk.give(SubmitOrder, "aktau", **order("bid", "KZ-47", "buy", price=1, lots=1, session_id="other"))
    assert again.code == Code.DUPLICATE_ID


def test_a_month_is_published_once_and_in_order() -> None:
    """A province's second pump price for a month, or one for an earlier month, would take the step twice."""
    desk = traded(pump_step_rise=500, provinces=("KZ-47", "KZ-23", "KZ-99"))
    for month in ("2021-12", "2022-01"):
        report_terms(desk, month)
    for name, month in (("same", "2022-01"), ("earlier", "2021-12")):
        desk.must(OpenSession, "operator", **opening(name, window="other", delivery_month=month))
    elsewhere = opening("elsewhere", window="other", places=(Place("KZ-99", "province"),), links=())
    desk.must(OpenSession, "operator", **elsewhere)
    desk.must(ReportRetailTerms, "operator", **terms("KZ-99"))
    ended(desk, "call", CloseSession, ClearSession, PublishPrices)
    for name, code in (("same", Code.ALREADY_EXISTS), ("earlier", Code.ALREADY_EXISTS), ("elsewhere", None)):
        ended(desk, name, CloseSession, ClearSession)
        assert desk.give(PublishPrices, "operator", session_id=name).code == code
    assert desk.findings == []


def test_prices_wait_for_all_retail_terms() -> None:
    """Nothing is published while a province's terms are missing, and the missing ones may still come."""
    desk = traded()
    desk.must(ReportRetailTerms, "operator", **terms("KZ-47"))
    ended(desk, "call", CloseSession, ClearSession)
    assert desk.give(PublishPrices, "operator", session_id="call").code == Code.NO_PRICE
    desk.must(ReportRetailTerms, "regulator", **terms("KZ-23"))
    published = desk.must(PublishPrices, "operator", session_id="call")
    assert [pump.province for pump in published.pump_prices] == ["KZ-47"]


def test_only_a_network_session_has_pump_prices() -> None:
    """A session over an instrument finds one price at its plant: it is published as such, and no pump price follows."""
    desk = trading("call")
    desk.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 2))
    desk.must(SubmitOrder, "aktau", **bid("bid", 90_000, 2))
    report_terms(desk)
    assert closed(desk).code is None
    desk.must(ClearSession, "operator", session_id="day")
    assert desk.give(PublishPrices, "operator", session_id="day").code == Code.NOT_SUPPORTED
    assert desk.state.sessions["day"].phase == "cleared"
    assert desk.must(PublishSession, "operator", session_id="day").weighted_average_tenge_per_tonne == 90_000
    assert desk.findings == []


def test_a_session_without_trade_leaves_the_reference_alone() -> None:
    """The collar stands around the last price at which something was sold, not around nothing."""
    desk = ended(traded(collar_rise=1_000), "call", CloseSession, ClearSession)
    reference = desk.state.reference_tenge_per_tonne
    assert reference == 94_000
    desk.must(OpenSession, "operator", **opening("empty", window="other"))
    ended(desk, "empty", CloseSession, ClearSession)
    assert desk.state.reference_tenge_per_tonne == reference
    third = desk.must(OpenSession, "operator", **opening("third", day="2022-01-01"))
    assert third.collar_highest_tenge_per_tonne == 103_400


@pytest.mark.parametrize("name", ["a", "A b", "x" * 64, "0._:/@+-", "a  b"])
def test_odd_names_pass_through_unchanged(name: str) -> None:
    """Any name that the messages admit serves as participant, session, order and place."""
    desk = founded()
    desk.must(AdmitParticipant, "operator", participant_id=name, name="Қазақ газы \u2028 <b>", role="buyer")
    desk.must(AdmitParticipant, "operator", participant_id="z", name="", role="seller")
    places = (Place(name, "plant"), Place("KZ-47", "province"))
    desk.must(OpenSession, "operator", **opening(name, places=places, links=(Link(name, "KZ-47", 1, 0),)))
    desk.at_ns = instant("11:00")
    desk.must(SubmitOrder, name, **order(name, "KZ-47", "buy", price=5, lots=1, session_id=name))
    desk.must(SubmitOrder, "z", **order("z", name, "sell", price=5, lots=1, session_id=name))
    ended(desk, name, CloseSession, ClearSession)
    assert desk.findings == []
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)


BILLION = 10**9
LARGE = 10**12


@pytest.mark.parametrize("links", [(), LINKS, (Link("ZH", "KZ-47", LARGE, LARGE), Link("AT", "KZ-47", LARGE, 0))])
@pytest.mark.parametrize("ask", [0, 1, BILLION])
@pytest.mark.parametrize("bid", [0, 1, BILLION])
@pytest.mark.parametrize("lots", [1, 10**6])
def test_the_bounds_clear_exactly(links: tuple[Link, ...], ask: int, bid: int, lots: int) -> None:
    """The smallest and largest prices, quantities, capacities and tariffs clear and settle without a finding."""
    desk = opened(rulebook(lot=1_000_000), links=links)
    for number, (person, place, side, price) in enumerate(
        [
            ("zhanaozen", "ZH", "sell", ask),
            ("atyrau", "AT", "sell", ask),
            ("aktau", "KZ-47", "buy", bid),
            ("dossor", "KZ-47", "buy", bid),
        ]
    ):
        desk.must(SubmitOrder, person, **order(f"o{number}", place, side, price=price, lots=lots))
    for province in ("KZ-47", "KZ-23"):
        most = {"depot_tenge_per_tonne": LARGE, "station_margin_tiyn_per_litre": LARGE}
        desk.must(ReportRetailTerms, "operator", **terms(province, **most))
    ended(desk, "call", CloseSession, ClearSession, PublishPrices)
    assert desk.findings == []
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)


def test_a_market_beyond_64_bits_is_refused_order_by_order() -> None:
    """A session takes no more lots than it can clear at any price: nobody can spoil it for all who are in it."""
    desk = opened()
    entries = []
    for number in range(order_topic.SESSION_LOTS_MAX // 10**6 + 1):
        entries.append(_huge(desk, number))
        desk.state = exchange.apply(desk.state, entries[-1])
    assert [getattr(entry.events[0], "code", None) for entry in entries] == [None] * 9_000 + [Code.OVERFLOW]
    desk.at_ns = instant("13:00")
    for kind in (CloseSession, ClearSession):
        command: AnyCommand = kind(f"end-{kind.__name__}", "operator", desk.at_ns, "call")
        events = exchange.decide(desk.state, command)
        desk.state = exchange.apply(desk.state, Entry(desk.state.sequence + 1, command, events))
    assert desk.state.sessions["call"].phase == "cleared"


def _huge(desk: Desk, number: int) -> Entry:
    fields = order(f"o{number}", "KZ-47", "buy", price=BILLION, lots=10**6)
    command = SubmitOrder(f"huge-{number}", "aktau", desk.at_ns, **fields)
    return Entry(desk.state.sequence + 1, command, exchange.decide(desk.state, command))


def test_a_sealed_bid_shows_in_no_answer_before_the_clearing() -> None:
    """Until the session is cleared, no answer to anybody else holds a trader's limit, volume or identity."""
    desk = opened()
    secret = order("mine", "KZ-47", "buy", price=123_457, lots=98_765)
    desk.must(SubmitOrder, "aktau", **secret)
    others = [
        desk.give(SubmitOrder, "dossor", **order("mine", "KZ-47", "buy", price=1, lots=1)),
        desk.give(CancelOrder, "dossor", session_id="call", order_id="mine"),
        desk.give(SubmitOrder, "zhanaozen", **order("ask", "KZ-47", "sell", price=1, lots=1)),
        desk.give(ClearSession, "operator", session_id="call"),
    ]
    ended(desk, "call", CloseSession)
    told = b"".join(encode(event) for answer in others for event in answer.events)
    for canary in (b"123457", b"98765", b"aktau"):
        assert canary not in told


def test_a_cancelled_order_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a session takes is counted in lots that stand: who steps back leaves his room to others."""
    monkeypatch.setattr(order_topic, "SESSION_LOTS_MAX", 10)
    desk = opened()
    desk.must(SubmitOrder, "zhanaozen", **order("a", "ZH", "sell", price=1, lots=6))
    desk.must(SubmitOrder, "aktau", **order("b", "ZH", "buy", price=1, lots=4))
    refused = desk.give(SubmitOrder, "aktau", **order("c", "ZH", "buy", price=1, lots=1))
    assert refused.code == Code.OVERFLOW
    desk.must(CancelOrder, "aktau", session_id="call", order_id="b")
    desk.must(SubmitOrder, "aktau", **order("d", "ZH", "buy", price=1, lots=4))
