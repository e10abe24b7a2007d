"""Who is told of what: every type of event has its rule, and the page of the stream says the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from msgspec import inspect
from tests.message_samples import MAKERS
from tests.property.test_permissions import table
from tests.stream_samples import trading_stage
from tests.trading_samples import offer

from naryq import limits
from naryq.gateways.stream_hub import Hub
from naryq.messages import (
    AnyEvent,
    LimitReached,
    OrderAccepted,
    PhaseChanged,
    SessionOpened,
    SubmitOrder,
    TradingResumed,
    TradingStopped,
)
from naryq.showing import announcements
from naryq.showing.announcements import RULES
from naryq.showing.board import Board, Line, Parties

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "stream.md"
AUDIENCES = ["venue", "market", "own", "operator", "regulator"]
EVENTS: tuple[Any, ...] = get_args(AnyEvent)


def test_every_event_has_a_rule() -> None:
    """The list of rules and the list of events are the same, so that no event is shown because nobody thought of it."""
    assert set(RULES) == set(EVENTS)


def test_an_event_without_a_rule_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is not listed is silent."""
    monkeypatch.setattr(announcements, "RULES", {})
    hub, told = Hub(), trading_stage
    stage = told(hub)
    stage.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 5))
    audiences = {audience for audience, track in hub._tracks.items() if track.updates}
    assert audiences == {"market/day"}, "the levels of an open book are no event"


# --- The page -------------------------------------------------------------------------------------------------------


class Everything(dict[Any, Any]):
    """A map that has whatever is looked up."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found

    def __missing__(self, key: Any) -> Any:
        return self.found

    def __contains__(self, key: object) -> bool:
        return True


def sample(kind: Any, /, **changes: Any) -> Any:
    """Return an event of a kind, with one element in each of its rows."""
    made = msgspec.convert({**plain(inspect.type_info(kind)), "type": kind.__name__}, kind)
    return msgspec.structs.replace(made, **changes)


def plain(described: Any) -> Any:
    if isinstance(described, inspect.StructType):
        return {field.name: plain(field.type) for field in described.fields if field.required}
    if isinstance(described, inspect.VarTupleType):
        return [plain(described.item_type)]
    if isinstance(described, inspect.TupleType):
        return [plain(item) for item in described.item_types]
    if isinstance(described, inspect.UnionType):
        return plain(described.types[0])
    if isinstance(described, inspect.EnumType):
        return next(iter(described.cls)).value
    return MAKERS[type(described)](described)


VARIANTS: dict[Any, tuple[dict[str, Any], ...]] = {
    TradingStopped: ({"scope": "venue"}, {"scope": "participant"}),
    TradingResumed: ({"scope": "venue"}, {"scope": "participant"}),
    LimitReached: ({"limit": limits.HALT, "session_id": "sample"}, {"limit": limits.RATE}),
    PhaseChanged: ({"phase": "halted"}, {"phase": "cleared"}),
}
"""Where the rule looks at what the event says."""


def audiences(kind: Any) -> Iterator[str]:
    opened = sample(SessionOpened, kind="standard")
    board = Board()
    board.orders = Everything(sample(OrderAccepted, participant_id="somebody"))
    board.sessions = Everything(Line(opened))
    board.parties = Everything(Parties("buyer", "seller"))
    board.applicants = Everything(("applicant", "submitter"))
    for changes in VARIANTS.get(kind, ({},)):
        for audience, _ in RULES[kind](board, sample(kind, **changes)):
            yield audience.partition("/")[0]


def marks() -> dict[str, list[str]]:
    found = {kind.__name__: set(audiences(kind)) for kind in EVENTS}
    return {name: ["x" if each in told else "" for each in AUDIENCES] for name, told in found.items()}


def test_the_page_says_who_is_told() -> None:
    """The page marks, for each event of the journal, the channels on which it is told, and no others."""
    page = PAGE.read_text(encoding="utf-8")
    text = page.partition("Who is told of an event of the journal:")[2].partition("## ")[0]
    head, rows = table(text)
    assert head == AUDIENCES
    assert rows == marks()


def test_the_watch_and_the_books_are_nobodys_business() -> None:
    """Flags are told to the regulator alone, bookings and refusals to nobody, whatever the page says."""
    found = marks()
    for name in ("FlagRaised", "FlagClosed", "SessionWatched"):
        assert found[name] == ["", "", "", "", "x"]
    for name in ("Refused", "LedgerPosted"):
        assert found[name] == [""] * 5
    for name in ("OrderAccepted", "OrderAmended", "OrderCancelled", "OrderExpired", "OrderSecured"):
        assert found[name] == ["", "", "x", "", ""]
