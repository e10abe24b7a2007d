"""The stop: who may, how far it reaches, what becomes of standing orders, and that nothing comes in behind it."""

from typing import Any

import pytest
from tests.venue_samples import DAY, Desk, founded, instant, opened, opening, order, rulebook

from naryq.messages import (
    AdoptRulebook,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    OpenSession,
    OrderCancelled,
    ResumeTrading,
    RulebookText,
    SessionCleared,
    StopTrading,
    SubmitOrder,
)

STOPS: dict[str, Any] = {"who_may_stop": ("regulator", "operator"), "stop_orders": "keep"}
WHY = "prices have doubled"


def stoppable(**rules: Any) -> RulebookText:
    return rulebook(**{**STOPS, **rules})


def standing(**rules: Any) -> Desk:
    """Return a desk with one session in which three orders stand."""
    desk = opened(stoppable(**rules))
    desk.must(SubmitOrder, "zhanaozen", **order("ask", "ZH", "sell", price=90_000, lots=5))
    desk.must(SubmitOrder, "aktau", **order("west", "KZ-47", "buy", price=99_000, lots=3))
    desk.must(SubmitOrder, "dossor", **order("north", "KZ-23", "buy", price=99_000, lots=2))
    return desk


def stop(desk: Desk, scope: str, actor: str = "regulator", **target: str) -> Any:
    return desk.give(StopTrading, actor, scope=scope, reason=WHY, **target)


def codes(desk: Desk) -> list[Code | None]:
    """Return how the venue answers an order of each kind."""
    asked = (
        ("zhanaozen", order("x1", "ZH", "sell", price=90_000, lots=1)),
        ("aktau", order("x2", "KZ-47", "buy", price=90_000, lots=1)),
        ("dossor", order("x3", "KZ-23", "buy", price=90_000, lots=1)),
        ("aktau", order("x4", "KZ-47", "buy", price=90_000, lots=1, session_id="second")),
    )
    return [desk.branch().give(SubmitOrder, person, **fields).code for person, fields in asked]


def two_sessions() -> Desk:
    desk = standing()
    desk.must(OpenSession, "operator", **opening("second"))
    return desk


@pytest.mark.parametrize(
    ("scope", "target", "refused"),
    [
        ("venue", {}, (True, True, True, True)),
        ("session", {"target": "call"}, (True, True, True, False)),
        ("session", {"target": "second"}, (False, False, False, True)),
        ("region", {"target": "KZ-47"}, (False, True, False, True)),
        ("participant", {"target": "aktau"}, (False, True, False, True)),
        ("participant", {"target": "zhanaozen"}, (True, False, False, False)),
    ],
)
def test_a_stop_reaches_what_it_names(scope: str, target: dict[str, str], refused: tuple[bool, ...]) -> None:
    """Behind a stop exactly the orders that it names are refused, and resuming it takes all of them again."""
    desk = two_sessions()
    assert codes(desk) == [None] * 4
    assert stop(desk, scope, "operator", **target).code is None
    assert codes(desk) == [Code.TRADING_STOPPED if one else None for one in refused]
    desk.must(ResumeTrading, "operator", scope=scope, reason="it is over", **target)
    assert codes(desk) == [None] * 4
    assert desk.findings == []


def test_two_stops_are_lifted_one_by_one() -> None:
    """A region that is stopped stays so when the venue's stop above it is lifted."""
    desk = two_sessions()
    stop(desk, "venue")
    stop(desk, "region", target="KZ-47")
    desk.must(ResumeTrading, "regulator", scope="venue", reason="only the west")
    assert codes(desk) == [None, Code.TRADING_STOPPED, None, Code.TRADING_STOPPED]


def test_the_reason_is_told_to_whoever_is_refused() -> None:
    """The refusal says what is stopped, and for which reason."""
    desk = standing()
    stop(desk, "region", target="KZ-47")
    refused: Any = desk.give(SubmitOrder, "aktau", **order("late", "KZ-47", "buy", price=99_000, lots=1)).events[0]
    assert "region 'KZ-47' is stopped: prices have doubled" in refused.what


# --- Who may ----------------------------------------------------------------------------------------------------


def test_as_it_was_nobody_could_stop() -> None:
    """Without the rule the stop is refused to the regulator as well, as in January 2022; with it, it is taken."""
    desk = opened(rulebook())
    answer = stop(desk, "venue")
    assert answer.code is Code.NOT_PERMITTED
    assert answer.events[0].where == "who_may_stop"
    desk.must(AdoptRulebook, "regulator", rulebook=stoppable())
    assert stop(desk, "venue").code is None


def test_the_rule_says_who() -> None:
    """Where the rule names the regulator alone, the operator may neither stop nor resume."""
    desk = opened(stoppable(who_may_stop=("regulator",)))
    assert stop(desk, "venue", "operator").code is Code.NOT_PERMITTED
    assert stop(desk, "venue").code is None
    resumed = desk.give(ResumeTrading, "operator", scope="venue", reason="enough")
    assert resumed.code is Code.NOT_PERMITTED
    assert desk.findings == []


def test_what_a_regulator_has_stopped_only_a_regulator_resumes() -> None:
    """The operator lives on trades: it may lift what it has stopped itself, and no stop of a regulator."""
    desk = standing()
    assert stop(desk, "venue").code is None
    refused: Any = desk.give(ResumeTrading, "operator", scope="venue", reason="it is over").events[0]
    assert (refused.code, refused.where) == (Code.NOT_PERMITTED, "target")
    assert "the regulator 'regulator' has stopped the venue: prices have doubled" in refused.what
    assert codes(desk)[0] is Code.TRADING_STOPPED
    desk.must(ResumeTrading, "regulator", scope="venue", reason="over")
    assert codes(desk)[0] is None
    assert desk.findings == []


def test_a_regulator_makes_an_operators_stop_its_own() -> None:
    """Stopped again by a regulator, without an order in between, it is no longer the operator's to lift."""
    desk = standing()
    assert stop(desk, "venue", "operator").code is None
    assert stop(desk, "venue").code is None
    assert stop(desk, "venue", "operator").code is Code.ALREADY_EXISTS
    assert stop(desk, "venue").code is Code.ALREADY_EXISTS
    assert desk.give(ResumeTrading, "operator", scope="venue", reason="over").code is Code.NOT_PERMITTED
    desk.must(ResumeTrading, "regulator", scope="venue", reason="over")
    assert codes(desk)[0] is None
    assert desk.findings == []


@pytest.mark.parametrize(
    ("scope", "target", "code"),
    [
        ("venue", "elsewhere", Code.OUT_OF_RANGE),
        ("session", "none", Code.UNKNOWN_SESSION),
        ("region", "KZ-99", Code.UNKNOWN_PLACE),
        ("participant", "nobody", Code.UNKNOWN_PARTICIPANT),
    ],
)
def test_what_is_not_there_cannot_be_stopped(scope: str, target: str, code: Code) -> None:
    """A target that the venue does not know is refused, so that a slip of the pen does not pass for a stop."""
    desk = standing()
    assert stop(desk, scope, target=target).code is code
    assert desk.findings == []


def test_a_stop_is_given_once_and_lifted_once() -> None:
    """A second stop of the same is refused, and so is a second resumption."""
    desk = standing()
    assert stop(desk, "venue").code is None
    assert stop(desk, "venue").code is Code.ALREADY_EXISTS
    desk.must(ResumeTrading, "regulator", scope="venue", reason="over")
    assert desk.give(ResumeTrading, "regulator", scope="venue", reason="over").code is Code.NOT_STOPPED


# --- Standing orders --------------------------------------------------------------------------------------------


def cancelled(events: tuple[Any, ...]) -> list[str]:
    return [event.order_id for event in events if isinstance(event, OrderCancelled)]


@pytest.mark.parametrize(
    ("rule", "scope", "target", "gone"),
    [
        ("keep", "venue", {}, []),
        ("cancel", "venue", {}, ["ask", "west", "north"]),
        ("cancel", "region", {"target": "KZ-47"}, ["west"]),
        ("cancel", "session", {"target": "call"}, ["ask", "west", "north"]),
        ("keep", "participant", {"target": "dossor"}, ["north"]),
    ],
)
def test_standing_orders_follow_the_rule(rule: str, scope: str, target: dict[str, str], gone: list[str]) -> None:
    """Standing orders are kept or cancelled by the rule; a participant's are always cancelled."""
    desk = standing(stop_orders=rule)
    assert cancelled(stop(desk, scope, **target).events) == gone
    assert desk.findings == []


def test_what_stands_can_be_taken_back_during_a_stop() -> None:
    """A stop keeps nobody in the market: the owner of a standing order may cancel it."""
    desk = standing()
    stop(desk, "venue")
    desk.must(CancelOrder, "aktau", session_id="call", order_id="west")
    assert desk.findings == []


def cleared(desk: Desk) -> Any:
    desk.at_ns = instant("13:00", DAY)
    desk.must(CloseSession, "operator", session_id="call")
    return desk.give(ClearSession, "operator", session_id="call")


@pytest.mark.parametrize(("scope", "target"), [("venue", {}), ("session", {"target": "call"})])
def test_what_is_stopped_is_not_cleared(scope: str, target: dict[str, str]) -> None:
    """A session that is stopped as a whole is not cleared before it is resumed."""
    desk = standing()
    stop(desk, scope, **target)
    assert cleared(desk).code is Code.TRADING_STOPPED
    desk.must(ResumeTrading, "regulator", scope=scope, reason="over", **target)
    desk.must(ClearSession, "operator", session_id="call")
    assert desk.findings == []


def test_a_stopped_region_trades_nothing_and_the_others_go_on() -> None:
    """In a clearing during a region's stop its standing orders receive nothing, and its gas is nobody's loss."""
    desk = standing()
    desk.must(SubmitOrder, "atyrau", **order("north-ask", "AT", "sell", price=80_000, lots=4))
    stop(desk, "region", target="KZ-47")
    event = cleared(desk).events[0]
    assert isinstance(event, SessionCleared)
    assert {fill.order_id: fill.quantity_lots for fill in event.fills} == {
        "ask": 0,
        "west": 0,
        "north": 2,
        "north-ask": 2,
    }
    assert desk.findings == []


def test_a_session_of_stopped_orders_alone_clears_to_nothing() -> None:
    """Where a stop reaches every standing order, the session ends without a price."""
    desk = opened(stoppable())
    desk.must(SubmitOrder, "aktau", **order("west", "KZ-47", "buy", price=99_000, lots=3))
    stop(desk, "region", target="KZ-47")
    event = cleared(desk).events[0]
    assert (event.prices, [fill.quantity_lots for fill in event.fills]) == ((), [0])
    assert desk.findings == []


def test_stops_are_kept_in_the_journal() -> None:
    """A venue that is read back from its rows knows its stops."""
    desk = founded(stoppable())
    stop(desk, "region", target="KZ-23")
    assert list(desk.read_back().stops) == [("region", "KZ-23")]
