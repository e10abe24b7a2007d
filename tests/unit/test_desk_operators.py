"""What operator and regulator ask at the desk beside trading: auctions, days, affiliates, emergencies, switches."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from tests.desk_venue import Venue, Visitor, forms_of, opened, order, visited
from tests.venue_samples import DAY, MONTH

from naryq.messages import Code, PayObligation, Refused, ReportShipment, SubmitOrder
from naryq.surveillance import SCREENS

Doors = tuple[Venue, Callable[..., Visitor]]
WHEN = {"day": DAY, "window": "other", "delivery_month": MONTH}
AUCTION = {
    **WHEN,
    "instrument": "ZH-KZ",
    "initiator_id": "zhanaozen",
    "initiator": "seller",
    "direction": "up",
    "format": "sealed",
    "payment": "uniform",
    "lots": "40",
    "start_price_tenge_per_tonne": "80 000",
}
EMERGENCY = {"emergency_id": "e-1", "rule": "collar_rise", "value": "2500", "days": "3", "reason": "a pipe has burst"}
SOURCE = {"act": "Order 7", "url": "https://law.example/7"}
SERIES = {"requested_by": "zhanaozen", "first_day": "2022-01-03", "window": "other", "delivery_month": MONTH}


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with opened(tmp_path_factory.mktemp("desk")) as venue, visited(venue) as visitor:
        yield venue, visitor


def sent(visitor: Visitor, path: str, action: str, **fields: str) -> httpx.Response:
    """Send a form, say yes where it is asked back, and be done."""
    answer = visitor.send(path, action, **fields)
    if "Please confirm" in answer.text:
        (form,) = (form for form in forms_of(answer.text) if form.action == f"/desk/do/{action}")
        answer = visitor.post(form.action, form.values)
    assert answer.status_code == 200, answer.text.partition("data-refused")[2] or answer.text
    return answer


def test_a_standard_auction_is_opened_with_its_terms(doors: Doors) -> None:
    """The terms become those of the session; a reserve that is not published stands on no page."""
    venue, make = doors
    operator = make("operator")
    terms = {**AUCTION, "session_id": "auction", "reserve_price_tenge_per_tonne": "91 357"}
    assert "traded at once" not in sent(operator, "/desk/calendar", "open-auction", **terms).text
    found = venue.house.state.sessions["auction"].opened.standard
    assert found is not None
    assert (found.lots, found.format, found.reserve_price_tenge_per_tonne, found.step_tenge_per_tonne) == (
        40,
        "sealed",
        91_357,
        1,
    )
    for who in ("operator", "aktau"):
        text = make(who).get("/desk/sessions/auction").text
        assert "Standard auction" in text
        assert "91\u202f357" not in text


def test_a_network_session_shows_on_its_page_what_it_traded(doors: Doors) -> None:
    """The volume is the lots that reached the provinces: no book counts them, and 0 stood there."""
    venue, make = doors
    cleared = venue.house.state.sessions["net-1"].cleared
    assert cleared is not None
    lots = sum(price.traded_lots for price in cleared.prices) // 2
    assert lots > 0
    assert f"<dt>Volume, lots</dt><dd>{lots}</dd>" in make("operator").get("/desk/sessions/net-1").text


def test_a_flag_says_on_which_side_of_its_threshold_it_speaks(doors: Doors) -> None:
    """A supply index of 5,714 against 6,900 looked as if nothing was wrong, where at most 6,900 is what is flagged."""
    venue, make = doors
    open_flags = [flag.raised for _, flag in venue.house.state.watch.flags.items() if flag.closed is None]
    directions = {screening.screen: screening.direction for screening in SCREENS}
    text = make("regulator").get("/desk/surveillance").text
    assert open_flags
    for flag in open_flags:
        assert f'Threshold, {directions[flag.screen]} <small class="id">{flag.rule}</small>' in text


def test_only_a_session_that_goes_on_can_be_stopped(doors: Doors) -> None:
    """The way to the stop stands on the page of the session that trades, and not on that of one that is over."""
    _, make = doors
    assert "Stop this session" in make("operator").get("/desk/sessions/day").text
    assert "Stop this session" not in make("operator").get("/desk/sessions/net-1").text


def test_the_first_network_session_needs_no_program(doors: Doors) -> None:
    """Places and links are typed in lines; the last network stands in the form, and the next one is a press away."""
    venue, make = doors
    operator = make("operator")
    form = operator.form("/desk/calendar", "open-network")
    assert form.values["places"].splitlines()[0] == "ZH; plant"
    typed = {"places": "P1; plant\nKZ-47; province", "links": "P1; KZ-47; 20; 1 500"}
    sent(operator, "/desk/calendar", "open-network", session_id="net-9", **WHEN, **typed)
    opened_now = venue.house.state.sessions["net-9"].opened
    assert [each.place for each in opened_now.places] == ["P1", "KZ-47"]
    assert (opened_now.kind, opened_now.links[0].tariff_tenge_per_tonne) == ("network", 1_500)


def test_an_emergency_of_one_person_holds_at_once_and_ends_by_itself(doors: Doors) -> None:
    """The regulator declares it after a confirmation, the operator sees until when, and confirms it."""
    venue, make = doors
    regulator, operator = make("regulator"), make("operator")
    assert "by your word alone" in regulator.send("/desk/rules", "declare-emergency", **EMERGENCY, **SOURCE).text
    sent(regulator, "/desk/rules", "declare-emergency", **EMERGENCY, **SOURCE, more="collar_fall; 2600")
    assert venue.house.state.rulebook is not None
    in_force = venue.house.state.rulebook.rules_of_day(venue.house.now_ns())
    assert (in_force.integer("collar_rise"), in_force.integer("collar_fall")) == (2_500, 2_600)
    page = operator.get("/desk/rules").text
    assert "Until the end of 2022-01-02" in page
    assert "collar_rise, collar_fall" in page
    sent(operator, "/desk/rules", "confirm-emergency")
    assert venue.house.state.rule_changes.emergencies["e-1"].confirmed_by == "operator"


def test_days_without_trading_are_declared_and_seen_by_everybody(doors: Doors) -> None:
    """The operator declares a year; a trader finds it on the calendar, with no form of the operator's."""
    make = doors[1]
    days = {"days": "2022-01-03 2022-01-04\n2022-01-07", "working": "2022-01-08", "source": "Resolution 1041"}
    sent(make("operator"), "/desk/calendar", "holidays", year="2022", **days)
    text = make("aktau").get("/desk/calendar").text
    assert "2022-01-03, 2022-01-04, 2022-01-07" in text
    assert "Resolution 1041" in text
    assert "/desk/do/" not in text


def test_weekends_that_all_have_trading_are_one_line(doors: Doors) -> None:
    """A year whose Saturdays and Sundays all have trading says so in a line; without one of them it lists the days."""
    make = doors[1]
    every = [day for number in range(365) if (day := date(2022, 1, 1) + timedelta(number)).weekday() >= 5]
    for year, count in (("2022", len(every)), ("2023", 0)):
        days = {"working": " ".join(map(str, every[:count])) or "2023-01-01", "source": "Resolution 1041"}
        sent(make("operator"), "/desk/calendar", "holidays", year=year, days=f"{year}-03-08", **days)
    text = make("aktau").get("/desk/calendar").text
    assert f"every Saturday and Sunday ({len(every)} days)" in text
    assert "2022-01-08" not in text
    assert "2022-03-08" in text
    assert "2023-01-01" in text


def test_additional_sessions_are_announced(doors: Doors) -> None:
    """A series over refused lots is announced, and stands on the calendar with its base price and where it is from."""
    venue, make = doors
    instruments = {"instrument": "ZH-47", "fallback_instrument": "ZH-KZ", "quantity_lots": "12"}
    sent(make("operator"), "/desk/calendar", "schedule", series_id="more", **SERIES, **instruments)
    assert len(venue.house.state.market.series["more"].session_ids) == 5
    text = make("press").get("/desk/calendar").text
    assert "81\u202f000" in text
    assert "last weighted average price" in text


def test_an_instrument_is_delisted(doors: Doors) -> None:
    """One without open sessions is delisted after a confirmation, and is no choice any more."""
    venue, make = doors
    operator = make("operator")
    new = {"product": "LPG", "plant": "AT", "delivery_basis": "EXW", "delivery_region": "West", "carriage": "rail"}
    sent(operator, "/desk", "list-instrument", code="AT-W", **new, provinces="KZ-47, KZ-23")
    sent(operator, "/desk", "delist", code="AT-W", reason="nobody trades it")
    assert venue.house.state.market.delisted["AT-W"] == "nobody trades it"
    assert 'value="AT-W"' not in operator.get("/desk").text


def test_a_class_and_affiliates_are_given_and_ended(doors: Doors) -> None:
    """The operator gives a class, a buyer declares its affiliate, both are seen where they concern, and it is ended."""
    venue, make = doors
    operator, buyer = make("operator"), make("aktau")
    chosen = "/desk/participants?one=dossor"
    sent(operator, chosen, "classify", participant_class="depot_owner", provinces="KZ-23, KZ-47")
    assert venue.house.state.participants["dossor"].provinces == ("KZ-23", "KZ-47")
    sent(buyer, "/desk/account", "declare-affiliation", affiliate_id="dossor", evidence="One owner since May")
    assert venue.house.state.people.groups["dossor"] == "aktau"
    assert all("One owner since May" in make(who).get("/desk/account").text for who in ("aktau", "dossor"))
    assert "One owner since May" not in make("zhanaozen").get("/desk/account").text
    sent(operator, "/desk/participants", "end-affiliation", evidence="It was sold")
    assert not len(venue.house.state.people.affiliations)


def test_a_kill_switch_is_ones_own_or_the_operators(doors: Doors) -> None:
    """A trader engages it: orders are gone, none enters, each page says so; the operator may release and engage it."""
    venue, make = doors
    seller, operator = make("atyrau"), make("operator")
    venue.must(SubmitOrder, "atyrau", **order("k-1", "sell", 84_500, 3))
    sent(seller, "/desk/orders", "engage-switch", reason="a lost telephone")
    assert not any(each.participant_id == "atyrau" for each in venue.house.state.sessions["day"].orders.values())
    assert "a lost telephone" in seller.get("/desk").text
    assert "a lost telephone" not in make("aktau").get("/desk/orders").text
    assert "a lost telephone" in make("regulator").get("/desk/stop").text
    refused = seller.send("/desk/sessions/day", "submit-order", quantity_lots="1", price_tenge_per_tonne="84000")
    assert "kill switch is engaged" in refused.text
    sent(operator, "/desk/stop", "release-switch")
    assert "atyrau" not in venue.access.switches.engaged
    sent(operator, "/desk/stop", "engage-switch", participant_id="dossor", reason="its clerk has called")
    assert venue.access.switches.engaged["dossor"].engaged_by == "operator"
    assert {entry.act for entry in venue.access.audit.entries(0, 1_000)} >= {"switch_engaged", "switch_released"}
    other = seller.form("/desk/orders", "engage-switch")
    answer = seller.post(other.action, {**other.values, "participant_id": "aktau", "reason": "x", "confirmed": "yes"})
    assert answer.status_code == 422
    assert "aktau" not in venue.access.switches.engaged
    sent(operator, "/desk/stop", "release-switch")


def test_the_operator_takes_somebodys_orders_back_and_acts_for_a_party(doors: Doors) -> None:
    """From a participant's page its orders are cancelled; from an obligation's it is paid for or undone."""
    venue, make = doors
    operator = make("operator")
    venue.must(SubmitOrder, "aktau", **order("k-2", "buy", 70_500, 3))
    sent(operator, "/desk/participants?one=aktau", "cancel-all")
    gone = venue.give(SubmitOrder, "aktau", **order("k-2", "buy", 70_500, 3))[0]
    assert isinstance(gone, Refused)
    assert gone.code == Code.DUPLICATE_ID
    (name, *_) = (name for name, _ in sorted(venue.house.state.money.obligations.items()) if name.startswith("day-b"))
    page = f"/desk/settlements?one={name}"
    sent(operator, page, "pay", amount_tiyn="1,50")
    assert venue.house.state.money.obligations[name].paid_tiyn == 150
    sent(operator, page, "refund", reason="the deal was a slip")
    assert venue.house.state.money.obligations[name].closing == "refunded"
    sent(operator, "/desk/settlements", "endow", fund="fund", amount_tiyn="1 000", bank_reference="fund-1")


def test_the_operator_writes_down_what_came(tmp_path: Path) -> None:
    """The buyer's form confirms all or nothing and says whom to turn to; the operator's takes a smaller mass."""
    with opened(tmp_path) as venue, visited(venue) as make:
        (name, *_) = (each for each, _ in sorted(venue.house.state.money.obligations.items()) if each[:5] == "day-b")
        deal = venue.house.state.money.obligations[name]
        named = {"obligation_id": name}
        venue.must(PayObligation, "operator", **named, amount_tiyn=deal.unpaid_tiyn)
        venue.clock.set("10:00", "2022-01-03")
        loaded = {"document": "RW-1", "mass_kg": 36_000, "loaded_on": "2022-01-03"}
        venue.must(ReportShipment, "operator", **named, **loaded)
        buyer = make(deal.opened.buyer_id).get(f"/desk/obligations?one={name}").text
        assert "the operator writes down what came" in buyer
        assert '<input type="hidden" name="received_kg" value="">' in buyer
        page, operator = f"/desk/settlements?one={name}", make("operator")
        answer = operator.send(page, "confirm-receipt", received_kg="36 001")
        assert answer.status_code == 422
        assert "f-received_kg wrong" in answer.text
        sent(operator, page, "confirm-receipt", received_kg="12 500")
        assert venue.house.state.money.obligations[name].delivered_kg == 12_500
        assert '<td>Yes, <span class="n">12.500</span></td>' in operator.get(page).text


@pytest.mark.parametrize(
    ("who", "path", "action", "fields", "where", "said"),
    [
        ("operator", "/desk/calendar", "open-auction", {**AUCTION, "session_id": "x", "lots": "none"}, "lots", ""),
        ("operator", "/desk/calendar", "open-auction", {**AUCTION, "session_id": "x", "lots": "0"}, "lots", ""),
        ("operator", "/desk/calendar", "open-network", {**WHEN, "session_id": "x", "places": "ZH",
         "links": "a; b; 1; 1"}, "places", "has 1 parts"),
        ("operator", "/desk/calendar", "open-network", {**WHEN, "session_id": "x", "places": "ZH; plant",
         "links": "ZH; KZ-1; 1; 1"}, "links", "Name both ends"),
        ("operator", "/desk/calendar", "holidays", {"year": "2023", "days": "2022-01-03", "source": "x"}, "days", ""),
        ("regulator", "/desk/rules", "declare-emergency", {**EMERGENCY, **SOURCE, "days": "400"}, "days", ""),
        ("regulator", "/desk/rules", "declare-emergency", {**EMERGENCY, **SOURCE, "value": "much"}, "value",
         "whole number"),
        ("regulator", "/desk/rules", "declare-emergency", {**EMERGENCY, **SOURCE, "more": "collar_fall"}, "more", ""),
        ("operator", "/desk/settlements", "endow", {"fund": "fund", "amount_tiyn": "much", "bank_reference": "b"},
         "amount_tiyn", "no amount of tenge"),
        ("aktau", "/desk/orders", "engage-switch", {"reason": ""}, "reason", "Something is missing"),
    ],
)  # fmt: skip
def test_a_refusal_stands_at_its_field(  # noqa: PLR0917 - a row of the table
    doors: Doors, who: str, path: str, action: str, fields: dict[str, str], where: str, said: str
) -> None:
    """What is refused is said at the field that it names, and what was typed stays."""
    answer = doors[1](who).send(path, action, **fields)
    if "Please confirm" in answer.text:
        (form,) = (form for form in forms_of(answer.text) if form.action == f"/desk/do/{action}")
        answer = doors[1](who).post(form.action, form.values)
    assert answer.status_code == 422
    error = answer.text.index('class="error"')
    assert f'-{where}-error"' in answer.text[error : error + 120]
    assert said in answer.text[error : error + 400]
