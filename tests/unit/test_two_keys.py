"""The two keys of each instrument: what turns them, whom they bind, and what no order gets round."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trading_samples import REGIONAL, REPUBLICAN, asked, closed, over, phase, venue
from tests.unit.test_cumulative import KEYS, SOURCE, of, parity, session
from tests.unit.test_venue_auctions import terms
from tests.venue_samples import Desk, instant, opening, order, rulebook

from naryq.messages import (
    AmendOrder,
    ClearSession,
    Code,
    KeysCounted,
    LimitLifted,
    LimitReached,
    OpenSession,
    Refused,
    ReportParity,
    SubmitOrder,
    Traded,
)
from naryq.showing import Viewer, distances
from naryq.showing.sessions import session as shown
from naryq.units import month_after

REGULATOR = Viewer("regulator", "regulator")
KINDS = ("continuous", "call", "standard")
TAKEN: dict[str, Any] = {"market_orders": "taken", "collar_rise": 1_000, "collar_fall": 1_000}


def keyed(**rules: Any) -> Desk:
    """Return a venue with the two keys at 90,000 and 10,000 above a parity of 70,000, reported at its first day."""
    desk = venue(rulebook(**{**KEYS, "parity_age": 365, **rules}), "2021-01-01")
    parity(desk, "2021-01-01", 70_000)
    return desk


def day_of(number: int) -> str:
    return f"{month_after('2021-01', number)}-27"


def opened(desk: Desk, kind: str, number: int, code: str = REGIONAL, **changes: Any) -> str:
    """Open the session of one month over an instrument, at the first instant of its window, and return its name."""
    name, day = str(changes.pop("session_id", f"{kind}-{code}-{number}")), day_of(number)
    desk.at_ns = max(desk.at_ns, instant("10:00", day))
    auction = {"standard": terms(start_price_tenge_per_tonne=1_000)} if kind == "standard" else {}
    month = month_after("2021-01", number + 1)
    fields = {"day": day, "instrument": code, "delivery_month": month, **auction, **changes}
    desk.at_ns = max(desk.at_ns, desk.must(OpenSession, "operator", **over(kind, name, **fields)).opens_at_ns)
    return name


def sent(desk: Desk, name: str, who: str, words: str, **changes: Any) -> Any:
    """Send an order to a session: side, price or `any`, lots."""
    side, price, lots = words.split()
    code = desk.state.sessions[name].opened.instrument
    kind, limit = ("market", 0) if price == "any" else ("limit", int(price))
    fields = {"session_id": name, "place": code, "order_type": kind, "delivery": "KZ-47" if side == "buy" else None}
    return desk.give(SubmitOrder, who, **asked(f"o{len(desk.rows)}", side, limit, int(lots), **{**fields, **changes}))


def ended(desk: Desk, name: str) -> Any:
    """End a session, and return the events of what found its price."""
    found = closed(desk, name).events
    kind = desk.state.sessions[name].opened.kind
    return found if kind == "continuous" else desk.give(ClearSession, "operator", session_id=name).events


def traded(desk: Desk, kind: str, number: int, price: int, *, code: str = REGIONAL, lots: int = 10) -> Any:
    """Hold a session over an instrument in which some lots trade at one price, and return what its end brings."""
    name = opened(desk, kind, number, code)
    if kind != "standard":
        sent(desk, name, "zhanaozen", f"sell {price} {lots}")
        sent(desk, name, "aktau", f"buy {price} {lots}")
        return ended(desk, name)
    for who in ("aktau", "dossor"):
        sent(desk, name, who, f"buy {price} {lots}")
    return ended(desk, name)


# --- What turns them ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_sessions_of_every_kind_turn_the_keys_of_their_instrument(kind: str) -> None:
    """Two dear sessions open the limit for orders over the instrument, and for no others."""
    desk = keyed(auction_minimum_participants=2)
    assert of(traded(desk, kind, 0, 100_000), LimitReached) == []
    events = traded(desk, kind, 1, 100_000)
    (counted,), (reached,) = of(events, KeysCounted), of(events, LimitReached)
    assert (counted.instrument, counted.average_tenge_per_tonne, counted.turned) == (REGIONAL, 100_000, 2)
    assert (reached.limit, reached.subject, reached.value) == ("two_key_level", REGIONAL, 100_000)
    for code, refused in ((REGIONAL, Code.PRICE_ABOVE_PARITY), (REPUBLICAN, None)):
        name = opened(desk, "continuous", 2, code)
        assert sent(desk, name, "zhanaozen", "sell 90001 1").code == refused
        assert sent(desk, name, "zhanaozen", "sell 90000 1").code is None
    desk.must(OpenSession, "operator", **opening("now", day=day_of(2), delivery_month="2021-04"))
    at_network = order("x", "ZH", "sell", price=100_000, lots=1, session_id="now")
    assert desk.give(SubmitOrder, "zhanaozen", **at_network).code is None
    assert desk.findings == []


def test_kinds_count_together() -> None:
    """A call, a book and an auction over one instrument are three sessions in a row, and cheap ones end the limit."""
    desk = keyed(two_key_sessions=3, auction_minimum_participants=2)
    for number, kind in enumerate(KINDS):
        reached = of(traded(desk, kind, number, 100_000), LimitReached)
    assert len(reached) == 1
    lifted = [len(of(traded(desk, kind, 3 + number, 60_000), LimitLifted)) for number, kind in enumerate(KINDS)]
    assert lifted == [0, 0, 1]
    assert desk.findings == []


def test_the_networks_keys_bind_every_instrument() -> None:
    """Its average is one over the whole Republic, so its limit stands before orders in any book."""
    desk = keyed()
    for number in (0, 1):
        session(desk, number, 100_000)
    for code in (REGIONAL, REPUBLICAN):
        assert sent(desk, opened(desk, "continuous", 2, code), "zhanaozen", "sell 90001 1").code
    assert desk.findings == []


def test_the_average_of_a_book_is_weighted_over_all_its_trades() -> None:
    """Nine lots at 100,000 and a last one at 60,000 come to 96,000: the last trade alone turns nothing back."""
    desk = keyed()
    name = opened(desk, "continuous", 0)
    for price, lots in ((100_000, 9), (60_000, 1)):
        sent(desk, name, "zhanaozen", f"sell {price} {lots}")
        sent(desk, name, "aktau", f"buy {price} {lots}")
    (counted,) = of(ended(desk, name), KeysCounted)
    assert (counted.average_tenge_per_tonne, counted.turned) == (96_000, 1)
    assert desk.findings == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_without_trades_turns_nothing(kind: str) -> None:
    """Neither does it count among those in a row, nor does it end the row."""
    desk = keyed(auction_minimum_participants=2)
    traded(desk, "continuous", 0, 100_000)
    events = ended(desk, opened(desk, kind, 1))
    assert of(events, KeysCounted) == []
    assert len(of(traded(desk, "continuous", 2, 100_000), LimitReached)) == 1
    assert desk.findings == []


def test_what_moves_no_reference_turns_no_key() -> None:
    """One cheap lot between friends, or a session that is broken off, does not end the limit, in no kind of session."""
    desk = keyed(reference_minimum_lots=5)
    for number in (0, 1):
        traded(desk, "continuous", number, 100_000)
        session(desk, number, 100_000)
    small = [traded(desk, "continuous", 2, 60_000, lots=4), session(desk, 2, 60_000)[:0]]
    name = opened(desk, "continuous", 3)
    sent(desk, name, "zhanaozen", "sell 60000 9")
    sent(desk, name, "aktau", "buy 60000 9")
    small.append(phase(desk, "cancelled", name).events)
    assert [of(events, KeysCounted) for events in small] == [[], [], []]
    assert len(of(traded(desk, "continuous", 4, 60_000, lots=5), KeysCounted)) == 1
    assert desk.findings == []


def test_a_small_network_session_turns_no_key() -> None:
    """Five lots where ten are asked for leave the network's keys as they were."""
    desk = keyed(reference_minimum_lots=6)
    assert of(session(desk, 0, 100_000), KeysCounted) == []
    assert desk.findings == []


COMES = st.lists(st.tuples(st.sampled_from((None, REGIONAL, REPUBLICAN)), st.booleans()), max_size=9)


@settings(derandomize=True, max_examples=15, database=None)
@given(COMES)
def test_every_lock_goes_its_own_way(sessions: list[tuple[str | None, bool]]) -> None:
    """Whatever comes in which order, each lock is what a plain list of its own sessions makes of it."""
    desk = keyed()
    plain: dict[str | None, list[bool]] = {None: [], REGIONAL: [], REPUBLICAN: []}
    for number, (code, dear) in enumerate(sessions):
        able = dear and not any(_acts(plain[whose]) for whose in (None, code))  # Else the limit refuses the orders.
        price = 100_000 if able else 60_000
        if code is None:
            session(desk, number, price)
        else:
            traded(desk, "continuous", number, price, code=code)
        plain[code].append(able)
        for whose, history in plain.items():
            lock = desk.state.limits.locks.get(whose or "")
            assert (lock is not None and lock.acting is not None) == _acts(history)
    assert desk.findings == []


def _acts(history: list[bool]) -> bool:
    """Say whether the limit acts after a history: open after two in a row, closed after two that failed."""
    acting, since = False, 0
    for number in range(1, len(history) + 1):
        last = history[max(0, number - 2) : number]
        if not acting:
            acting, since = last == [True, True], 0
        else:
            since += 1
            acting = not (since >= 2 and last == [False, False])
    return acting


# --- What no order gets round -------------------------------------------------------------------------------------


def turned(kind: str) -> tuple[Desk, str]:
    """Return a venue a quarter of an hour before its keys act, and a session that stays open beyond, with its name.

    In it an offer of 99,000 stands, which the limit of 90,000 would not let come any more.
    """
    desk = keyed(**TAKEN, session_window_other="11:30-16:00")
    traded(desk, "continuous", 0, 100_000)
    first = opened(desk, "continuous", 1)
    sent(desk, first, "zhanaozen", "sell 100000 5")
    sent(desk, first, "aktau", "buy 100000 5")
    name = opened(desk, kind, 1, window="other", session_id="late")
    assert sent(desk, name, "atyrau", "sell 99000 5").code is None
    return desk, first


@pytest.mark.parametrize("kind", ["continuous", "call"])
def test_a_market_bid_pays_no_more_than_the_keys_allow(kind: str) -> None:
    """Before they act it meets an offer of 99,000; from then on it is refused, and a bid with a limit waits."""
    desk, first = turned(kind)
    before = desk.branch()
    assert sent(before, "late", "aktau", "buy any 5").code is None
    assert [trade.price_tenge_per_tonne for trade in _trades(before)] == [99_000]
    assert len(of(ended(desk, first), LimitReached)) == 1
    (refused,) = sent(desk, "late", "aktau", "buy any 5").events
    assert isinstance(refused, Refused), "an older offer of 99,000 is met by a bid at any price"
    assert (refused.code, refused.remedy) == (Code.PRICE_ABOVE_PARITY, "Give a limit of at most 90000.")
    assert sent(desk, "late", "aktau", "buy 90000 5").code is None
    assert sent(desk, "late", "zhanaozen", "sell any 1").code is None
    assert [trade.price_tenge_per_tonne for trade in _trades(desk)] == [90_000]
    assert desk.findings == before.findings == []


def _trades(desk: Desk) -> list[Traded]:
    """End the late session, and return all that traded in it."""
    ended(desk, "late")
    return [each for row in desk.rows for each in of(row.events, Traded) if each.session_id == "late"]


def test_a_market_bid_whose_worst_price_the_keys_allow_is_taken() -> None:
    """Where the collar ends below the limit of the keys, a market bid cannot pay too much."""
    desk = keyed(**TAKEN, two_key_stay=9)
    for number, price in enumerate((100_000, 100_000, 90_000, 81_000)):
        traded(desk, "continuous", number, price)
    name = opened(desk, "continuous", 4)
    assert desk.state.sessions[name].opened.collar_highest_tenge_per_tonne == 89_100
    sent(desk, name, "zhanaozen", "sell 89000 1")
    assert sent(desk, name, "aktau", "buy any 1").code is None
    assert desk.findings == []


def test_an_amendment_gets_round_no_key() -> None:
    """An order that stood before may stand on, and is not made dearer, nor larger, above the limit."""
    desk, first = turned("continuous")
    (standing,) = (order_.order_id for _, order_ in desk.state.sessions["late"].orders.items())
    ended(desk, first)
    for change, code in (
        ({"price_tenge_per_tonne": 99_500}, Code.PRICE_ABOVE_PARITY),
        ({"quantity_lots": 6}, Code.PRICE_ABOVE_PARITY),
        ({"quantity_lots": 4}, None),
        ({"price_tenge_per_tonne": 90_000}, None),
    ):
        assert desk.give(AmendOrder, "atyrau", session_id="late", order_id=standing, **change).code == code
    assert desk.findings == []


def test_the_operator_reports_no_parity_over_a_regulators() -> None:
    """A parity beyond any price would open the keys: a regulator's stands until it is too old."""
    desk = keyed(parity_age=30)
    far = {"day": "2021-01-01", "parity_tenge_per_tonne": 10**8, "source": SOURCE}
    desk.must(ReportParity, "operator", **{**far, "parity_tenge_per_tonne": 70_000})
    desk.must(ReportParity, "regulator", **{**far, "parity_tenge_per_tonne": 71_000})
    for day, code in (("2021-01-01", Code.NOT_PERMITTED), ("2021-01-31", Code.NOT_PERMITTED), ("2021-02-01", None)):
        desk.at_ns = instant("10:00", day)
        assert desk.branch().give(ReportParity, "operator", **{**far, "day": day}).code == code
        assert desk.branch().give(ReportParity, "regulator", **{**far, "day": day}).code is None
    assert desk.findings == []


# --- Who says that they bound -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parity_now", "price", "named"),
    [(70_000, 90_000, True), (70_000, 89_999, False), (85_000, 95_000, True), (85_000, 90_000, False)],
)
def test_a_price_at_their_limit_names_the_keys(parity_now: int, price: int, *, named: bool) -> None:
    """While they act, the price at the plant and the one a carriage away both say what bound them; no other does."""
    desk = keyed()
    for number in (0, 1):
        assert not any("two_key_level" in each.limits for each in session(desk, number, 100_000)[0].prices)
    parity(desk, "2021-02-28", parity_now)
    cleared = session(desk, 2, price, bid=price + 2_000)[0]
    told = {each.place: "two_key_level" in each.limits for each in cleared.prices if each.place in {"ZH", "KZ-47"}}
    assert told == {"ZH": named, "KZ-47": named}
    assert desk.findings == []


def test_a_session_says_up_to_where_orders_are_taken() -> None:
    """The page of a session shows the limit while it acts, and nothing before."""
    desk = keyed()
    traded(desk, "continuous", 0, 100_000)
    for acts in (None, 90_000):
        name = opened(desk, "continuous", 1 if acts is None else 2, window="plan")
        found = shown(desk.state, name, desk.at_ns)
        assert found is not None
        assert found.bounds.order_highest_tenge_per_tonne == acts
        sent(desk, name, "zhanaozen", "sell 90000 5" if acts else "sell 100000 5")
        sent(desk, name, "aktau", "buy 90000 5" if acts else "buy 100000 5")
        own = [each for each in distances.distances(desk.state, REGULATOR, desk.at_ns) if each.subject == name]
        assert [each.threshold for each in own if each.limit == "two_key_level"] == [acts] * (acts is not None)
        ended(desk, name)
    assert desk.findings == []


# --- What those who watch see -------------------------------------------------------------------------------------


def test_the_keys_of_each_instrument_are_shown() -> None:
    """The network's stand first, then each instrument's, with the most that they leave to an order while they act."""
    desk = keyed()
    for number in (0, 1):
        traded(desk, "continuous", number, 100_000)
    told = [
        (keys.subject, keys.turned, keys.acting, keys.highest_tenge_per_tonne)
        for keys in distances.keys(desk.state, REGULATOR, desk.at_ns)
    ]
    assert told == [("venue", 0, None, None), (REGIONAL, 2, 0, 90_000), (REPUBLICAN, 0, None, None)]
    assert distances.keys(desk.state, Viewer("aktau", "buyer"), desk.at_ns) == ()
    found = {
        (each.limit, each.subject): (each.value, each.acts)
        for each in distances.distances(desk.state, REGULATOR, desk.at_ns)
    }
    assert found["two_key_level", REGIONAL] == (100_000, True)
    assert found["two_key_spread", REGIONAL] == (30_000, True)
    assert found["two_key_level", "venue"] == found["two_key_spread", REPUBLICAN] == (None, False)
