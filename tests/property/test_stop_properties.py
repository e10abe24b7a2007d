"""A stop is effective before the next order, whatever comes before, between and behind it."""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue_samples import Desk, opened, opening, order, rulebook

from naryq.messages import (
    OpenSession,
    OrderAccepted,
    ResumeTrading,
    StopTrading,
    SubmitOrder,
    TradingResumed,
    TradingStopped,
)

FIXED = settings(derandomize=True, max_examples=120, database=None)
SCOPES = (
    ("venue", "venue"),
    ("session", "call"),
    ("session", "second"),
    ("region", "KZ-47"),
    ("region", "KZ-23"),
    ("participant", "aktau"),
    ("participant", "zhanaozen"),
)
ORDERS = (("zhanaozen", "ZH", "sell"), ("aktau", "KZ-47", "buy"), ("aktau", "KZ-23", "buy"), ("dossor", "KZ-23", "buy"))
moves = st.tuples(st.sampled_from(("stop", "resume", "order", "order", "order")), st.integers(0, 27), st.integers(0, 2))


def reached(stop: tuple[str, str], accepted: OrderAccepted) -> bool:
    """Say by hand whether a stop reaches an order."""
    scope, target = stop
    names = {"session": accepted.session_id, "region": accepted.place, "participant": accepted.participant_id}
    return scope == "venue" or names[scope] == target


def play(desk: Desk, script: list[tuple[str, int, int]]) -> Iterator[Any]:
    """Send what the script says, some of it in one nanosecond, and yield every event in order."""
    for number, (what, at, gap) in enumerate(script):
        desk.at_ns += gap
        scope, target = SCOPES[at % len(SCOPES)]
        if what == "order":
            person, place, side = ORDERS[at % len(ORDERS)]
            name = ("call", "second")[at // len(ORDERS) % 2]
            fields = order(f"o{number}", place, side, price=90_000, lots=1, session_id=name)
            yield from desk.give(SubmitOrder, person, **fields).events
        else:
            kind = StopTrading if what == "stop" else ResumeTrading
            yield from desk.give(kind, "regulator", scope=scope, target=target, reason="a test").events


@FIXED
@given(st.lists(moves, max_size=40), st.sampled_from(("keep", "cancel")))
def test_no_order_comes_in_behind_a_stop(script: list[tuple[str, int, int]], rule: str) -> None:
    """Under any interleaving, no order is taken in a later row than a stop that reaches it and still stands."""
    desk = opened(rulebook(who_may_stop=("regulator",), stop_orders=rule))
    desk.must(OpenSession, "operator", **opening("second"))
    standing: set[tuple[str, str]] = set()
    for event in play(desk, script):
        match event:
            case TradingStopped():
                standing.add((event.scope, event.target))
            case TradingResumed():
                standing.remove((event.scope, event.target))
            case OrderAccepted():
                assert not any(reached(stop, event) for stop in standing)
    assert desk.findings == []
