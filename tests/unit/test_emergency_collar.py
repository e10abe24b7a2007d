"""The collar of an emergency: it reaches sessions that are open or announced, closer only, and new orders only."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.planting import catalogue, fold_with
from tests.rule_change_samples import RULES
from tests.trading_samples import SERIES, asked, closed, over, venue
from tests.venue_samples import DAY, SOURCE, Desk, instant, opening, order, rulebook

from naryq import exchange, limits
from naryq.exchange import limits as limit_topic
from naryq.exchange import rulebooks, snapshots, trading
from naryq.messages import (
    AmendOrder,
    ChangePhase,
    ClearSession,
    CloseSession,
    Code,
    CollarTightened,
    ConfirmEmergency,
    DeclareEmergency,
    EmergencyValue,
    OpenSession,
    ScheduleSessions,
    SubmitOrder,
    Traded,
)
from naryq.showing.board import Board

COLLAR: dict[str, Any] = {**RULES, "collar_rise": 2_000, "collar_fall": 2_000, "market_orders": "taken"}
"""Around the reference of 80,000 an ordinary collar goes from 64,000 to 96,000."""


def based(**rules: Any) -> Desk:
    """Return a venue in which a series of sessions over the instrument is announced from New Year's Eve on."""
    desk = venue(rulebook(**{**COLLAR, **rules}), "2021-12-30")
    desk.must(ScheduleSessions, "operator", **SERIES)
    return desk


def declare(desk: Desk, days: int = 1, **values: Any) -> Any:
    """Declare an emergency of so many days, and return what it draws closer, session by session."""
    said = tuple(EmergencyValue(rule, value) for rule, value in values.items())
    fields = {"emergency_id": f"e{len(desk.rows)}", "values": said, "days": days, "reason": "A run.", "source": SOURCE}
    events = desk.give(DeclareEmergency, "regulator", **fields).events
    return {
        event.session_id: (event.collar_lowest_tenge_per_tonne, event.collar_highest_tenge_per_tonne)
        for event in events
        if isinstance(event, CollarTightened)
    }


def begun() -> Desk:
    """Return it with the first session of the series in its continuous phase, and a bid and an offer far apart."""
    desk = based()
    desk.at_ns = instant("11:00")
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="continuous", reason="its window")
    for who, words in (("atyrau", "dear sell 95000 5"), ("dossor", "cheap buy 65000 5")):
        assert sent(desk, who, words).code is None
    return desk


def sent(desk: Desk, who: str, words: str) -> Any:
    """Send an order to the first session: identifier, side, price or `any`, lots."""
    order_id, side, price, lots = words.split()
    kind, limit = ("market", 0) if price == "any" else ("limit", int(price))
    fields: dict[str, Any] = {"session_id": "extra-1", "delivery": "KZ-47" if side == "buy" else None}
    return desk.give(SubmitOrder, who, **asked(order_id, side, limit, int(lots), order_type=kind, **fields))


def collar_of(desk: Desk, session_id: str) -> tuple[int | None, int | None]:
    opened = desk.state.sessions[session_id].opened
    return opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne


def test_announced_sessions_on_its_days_have_the_closer_collar() -> None:
    """Five per cent for two days reach the first session of the series, and not those of later days."""
    desk = based()
    assert declare(desk, days=2, collar_rise=500, collar_fall=500) == {"extra-1": (76_000, 84_000)}
    assert [collar_of(desk, f"extra-{number}") for number in (1, 2)] == [(76_000, 84_000), (64_000, 96_000)]
    assert desk.findings == []


def test_an_open_session_meets_it_with_new_orders() -> None:
    """What stands keeps standing; what comes, a market bid and a dearer amendment among it, keeps within."""
    desk = begun()
    assert declare(desk, collar_rise=500) == {"extra-1": (64_000, 84_000)}
    assert sent(desk, "zhanaozen", "late sell 84001 1").code == Code.PRICE_ABOVE_COLLAR
    assert sent(desk, "aktau", "any buy any 1").code is None
    dearer = {"session_id": "extra-1", "order_id": "dear", "price_tenge_per_tonne": 96_000}
    assert desk.give(AmendOrder, "atyrau", **dearer).code == Code.PRICE_ABOVE_COLLAR
    assert desk.give(AmendOrder, "atyrau", **{**dearer, "price_tenge_per_tonne": None, "quantity_lots": 4}).code is None
    assert sent(desk, "zhanaozen", "met sell 84000 1").code is None
    (trade,) = (each for each in sent(desk, "aktau", "more buy any 2").events if isinstance(each, Traded))
    assert (trade.price_tenge_per_tonne, trade.sell_order_id) == (84_000, "met")
    assert "dear" in desk.state.sessions["extra-1"].numbers
    assert closed(desk, "extra-1").code is None
    assert desk.findings == []


def test_it_widens_no_collar_and_reaches_no_session_that_is_over() -> None:
    """A wider rule, a rule that is taken away, and a session that has closed change nothing."""
    desk = begun()
    assert declare(desk, collar_rise=5_000, collar_fall=None) == {}
    assert closed(desk, "extra-1").code is None
    assert declare(desk, session_price_limit=100) == {}
    later = based()
    later.at_ns = instant("13:30")
    later.must(ChangePhase, "operator", session_id="extra-1", phase="cancelled", reason="nobody came")
    assert declare(later, collar_rise=100) == {}
    assert desk.findings == later.findings == []


def test_a_session_without_a_reference_has_no_collar_to_draw_closer() -> None:
    """Neither before nor in an emergency: there is nothing to draw it around."""
    desk = venue(rulebook(**COLLAR))
    desk.must(OpenSession, "operator", **over("continuous"))
    assert declare(desk, collar_rise=100) == {}
    assert desk.findings == []


def test_a_network_session_is_held_to_it_and_says_so() -> None:
    """A session that collects its orders takes none above the closer collar, and a price that stands there names it."""
    desk = venue(rulebook(**{**COLLAR, "price_rule": "highest"}), "2021-12-30")
    for name, day, price in (("first", "2021-12-30", 80_000), ("call", DAY, 84_000)):
        desk.at_ns = max(desk.at_ns, instant("10:00", day))
        desk.must(OpenSession, "operator", **opening(name, day=day))
        desk.at_ns = instant("11:00", day)
        if name == "call":
            assert declare(desk, collar_rise=500) == {"call": (64_000, 84_000)}
            over_it = order("over", "ZH", "sell", price=84_001, lots=1)
            assert desk.give(SubmitOrder, "zhanaozen", **over_it).code == Code.PRICE_ABOVE_COLLAR
        sale = order(f"{name}-ask", "ZH", "sell", price=price, lots=2, session_id=name)
        desk.must(SubmitOrder, "zhanaozen", **sale)
        bid = order(f"{name}-bid", "KZ-47", "buy", price=price + 2_000, lots=2, session_id=name)
        desk.must(SubmitOrder, "aktau", **bid)
        desk.at_ns = instant("13:00", day)
        desk.must(CloseSession, "operator", session_id=name)
        cleared = desk.must(ClearSession, "operator", session_id=name)
    assert {price.place: "collar" in price.limits for price in cleared.prices if price.traded_lots} == {
        "ZH": True,
        "KZ-47": True,
    }
    assert desk.findings == []


def called(*standing: str, **rules: Any) -> Desk:
    """Return it with the first session of the series in a call, orders in it, and an emergency of five per cent."""
    desk = based(**rules)
    desk.at_ns = instant("11:00")
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="call", reason="its window")
    for who, words in zip(("atyrau", "dossor"), standing, strict=False):
        assert sent(desk, who, words).code is None
    assert declare(desk, collar_rise=500, collar_fall=500) == {"extra-1": (76_000, 84_000)}
    return desk


def ends(desk: Desk) -> list[tuple[int, str]]:
    """End the call, and return the price and the bid of each trade."""
    events = desk.give(ChangePhase, "operator", session_id="extra-1", phase="continuous", reason="it ends").events
    return [(each.price_tenge_per_tonne, each.buy_order_id) for each in events if isinstance(each, Traded)]


@pytest.mark.parametrize(
    ("standing", "comes", "trades"),
    [
        (("dear sell 95000 5",), (("aktau", "any buy any 5"),), []),
        (("dear sell 95000 5",), (("aktau", "any buy any 5"), ("zhanaozen", "met sell 83000 5")), [(83_000, "any")]),
        (("dear sell 95000 5", "top buy 96000 5"), (("aktau", "any buy any 5"),), [(95_000, "top")]),
        (("far sell 96000 1", "cheap buy 65000 5"), (("zhanaozen", "any sell any 5"),), []),
    ],
)
def test_a_market_order_of_a_call_keeps_to_it(standing: Any, comes: Any, trades: Any) -> None:
    """It meets no order from before the emergency beyond the closer collar, for which nothing is held of it."""
    desk = called(*standing, call_price_rule="euronext")
    for who, words in comes:
        assert sent(desk, who, words).code is None
    found = ends(desk)
    assert found == trades
    assert "any" not in desk.state.sessions["extra-1"].numbers, "what is left of a market order ends with its call"
    assert desk.findings == []


def test_a_market_order_from_before_grows_within_it_alone() -> None:
    """It may stand on as it was, and with more lots it is judged as a new one: its worst price is the closer collar."""
    desk = based(call_price_rule="euronext")
    desk.at_ns = instant("11:00")
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="call", reason="its window")
    for who, words in (("atyrau", "dear sell 95000 9"), ("aktau", "any buy any 2")):
        assert sent(desk, who, words).code is None
    assert declare(desk, collar_rise=500) == {"extra-1": (64_000, 84_000)}
    less, more = desk.branch(), desk.branch()
    fields = {"session_id": "extra-1", "order_id": "any"}
    assert less.must(AmendOrder, "aktau", quantity_lots=1, **fields).price_tenge_per_tonne == 96_000
    assert more.must(AmendOrder, "aktau", quantity_lots=9, **fields).price_tenge_per_tonne == 84_000
    assert (ends(less), ends(more)) == ([(95_000, "any")], [])
    assert less.findings == more.findings == []


@pytest.mark.parametrize(("side", "price"), [("buy", 83_500), ("sell", 76_500)])
def test_a_market_order_of_a_call_waits_on_the_tick(side: str, price: int) -> None:
    """Where the closer collar of 76,008 to 83,992 lies between two ticks, it waits at the last one inside."""
    desk = based(price_tick=500)
    desk.at_ns = instant("11:00")
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="call", reason="its window")
    far, near = ("far sell 95000 1", "near sell 80000 5") if side == "buy" else ("far buy 65000 1", "near buy 80000 5")
    other, own = ("atyrau", "aktau") if side == "buy" else ("dossor", "zhanaozen")
    assert sent(desk, other, far).code is None
    assert declare(desk, collar_rise=499, collar_fall=499) == {"extra-1": (76_008, 83_992)}
    assert sent(desk, other, near).code is None
    assert sent(desk, own, f"any {side} any 9").code is None
    assert [found for found, _ in ends(desk)] == [price]
    assert desk.findings == []


def test_a_market_order_beyond_it_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a market order took any price of the call, the auditor would say that it trades outside its limit."""
    monkeypatch.setattr(trading, "_kept_to_worst", lambda *_: False)
    desk = called("dear sell 95000 5")
    sent(desk, "aktau", "any buy any 5")
    assert ends(desk) == [(95_000, "any")]
    assert any("outside the limit" in finding for finding in desk.findings)


def test_a_series_announced_in_an_emergency_leaves_it_behind() -> None:
    """Each session of it has the collar of its own day, closer or wider: the emergency's on its days alone."""
    for rate, collar in ((500, (76_000, 84_000)), (5_000, (40_000, 120_000))):
        desk = venue(rulebook(**COLLAR), "2021-12-30")
        declare(desk, days=2, collar_rise=rate, collar_fall=rate)
        desk.must(ScheduleSessions, "operator", **SERIES)
        assert [collar_of(desk, f"extra-{number}") for number in (1, 2)] == [collar, (64_000, 96_000)]
        assert desk.findings == []


def test_a_snapshot_the_rows_and_the_doors_know_it() -> None:
    """The state of the rows read back and that of a snapshot have it, and so has what is shown."""
    desk, board = begun(), Board()
    declare(desk, collar_rise=500)
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)
    again = snapshots.restored(snapshots.snapshot(desk.state))
    assert again.sessions["extra-1"] == desk.state.sessions["extra-1"]
    for row in desk.rows:
        for event in row.events:
            board.fold(event)
    assert board.sessions["extra-1"].opened == desk.state.sessions["extra-1"].opened


# --- Planted bugs -------------------------------------------------------------------------------------------------

BUGS, bug = catalogue()


@bug
def _reaches_nobody(patch: pytest.MonkeyPatch) -> None:
    """An emergency reaches no session that is there."""
    patch.setattr(rulebooks, "tightened", lambda *_: ())


@bug
def _widens(patch: pytest.MonkeyPatch) -> None:
    """An emergency widens collars as well."""
    patch.setattr(limits, "narrower", lambda _, other: other)


@bug
def _told_only(patch: pytest.MonkeyPatch) -> None:
    """A closer collar is told and not kept."""
    fold_with(patch, CollarTightened, lambda state, _: state)


@bug
def _of_the_dead(patch: pytest.MonkeyPatch) -> None:
    """An emergency reaches a session that is over."""
    patch.setattr(limit_topic, "LIVE", (*limit_topic.LIVE, "closed", "cancelled"))


def tour() -> list[str]:
    """Declare emergencies beside sessions of every phase, send an order, and return what the auditor first says."""
    desk = based()
    steps: tuple[Callable[[], Any], ...] = (
        lambda: declare(desk, days=2, collar_rise=1_500, collar_fall=9_000),
        lambda: sent_late(desk),
        lambda: desk.give(ChangePhase, "operator", session_id="extra-1", phase="cancelled", reason="nobody came"),
        lambda: desk.give(ConfirmEmergency, "operator", emergency_id=next(iter(desk.state.rule_changes.emergencies))),
        lambda: declare(desk, days=2, collar_rise=100),
    )
    for step in steps:
        step()
        if desk.findings:
            return desk.findings
    return []


def sent_late(desk: Desk) -> None:
    desk.at_ns = instant("11:00")
    desk.must(ChangePhase, "operator", session_id="extra-1", phase="continuous", reason="its window")
    sent(desk, "zhanaozen", "late sell 92001 1")


def test_the_tour_is_clean() -> None:
    """Without a planted bug the auditor has nothing to say."""
    assert tour() == []


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With this bug planted the auditor notices."""
    BUGS[name](monkeypatch)
    assert tour(), f"nobody noticed: {name}"
