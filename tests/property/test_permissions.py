"""Whatever is not permitted is refused: every command under every role, by the page that says who may."""

from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.message_samples import sample
from tests.venue_samples import (
    PEOPLE,
    Answer,
    Desk,
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
from naryq.exchange.machine import TOPICS
from naryq.messages import (
    AnyCommand,
    ClearSession,
    CloseSession,
    Code,
    ExcludeParticipant,
    Refused,
    Role,
    SubmitOrder,
    SuspendParticipant,
)

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "permissions.md"
ROLES: tuple[str, ...] = get_args(Role)
COMMANDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(AnyCommand)}
SOMEONE = {role: person for person, role in reversed(PEOPLE.items())}


def cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.split("|")[1:-1]]


def table(text: str) -> tuple[list[str], dict[str, list[str]]]:
    """Read the page's table: what stands at its head, and for each command what stands under it."""
    head, *rows = [line for line in text.splitlines() if line.startswith("| ")]
    found = [cells(row) for row in rows]
    assert len({row[0] for row in found}) == len(found), "a command stands in the table twice"
    return cells(head)[1:], {row[0]: row[1:] for row in found}


WHILE_SUSPENDED = "while suspended"
HEAD, TABLE = table(PAGE.read_text(encoding="utf-8"))
MARKED = {(kind, at) for kind, row in TABLE.items() for at, mark in zip(HEAD, row, strict=True) if mark == "x"}
PERMITTED = {(kind, at) for kind, at in MARKED if at != WHILE_SUSPENDED}
EVEN_SUSPENDED = {kind for kind, at in MARKED if at == WHILE_SUSPENDED}
REMOVABLE = ("seller", "buyer", "observer")


def test_the_page_has_every_command_and_every_role() -> None:
    """The page has a row for each command and a column for each role, no other, and only crosses and blanks."""
    assert sorted(TABLE) == sorted(COMMANDS)
    assert [*ROLES, WHILE_SUSPENDED] == HEAD
    assert {mark for row in TABLE.values() for mark in row} == {"x", ""}


def test_the_page_says_what_the_topics_say() -> None:
    """What the topics of the venue permit is what the page marks, and each command belongs to one topic."""
    told = [(kind.__name__, role) for topic in TOPICS for kind, roles in topic.permitted.items() for role in roles]
    assert sorted(told) == sorted(PERMITTED)
    assert all(topic.permitted.keys() == topic.deciders.keys() for topic in TOPICS)
    assert sorted(kind.__name__ for topic in TOPICS for kind in topic.while_suspended) == sorted(EVEN_SUSPENDED)


@cache
def founded_once() -> exchange.State:
    return founded().state


def refusal(state: exchange.State, kind: str, actor: str) -> Refused | None:
    """Return how a venue refuses the simplest command of a kind, sent after all that it has taken."""
    first, *_ = exchange.decide(state, sample(COMMANDS[kind], actor=actor, at_ns=state.at_ns))
    return first if isinstance(first, Refused) else None


@pytest.mark.parametrize(("kind", "role"), list(product(COMMANDS, (*ROLES, "nobody"))))
def test_only_the_permitted_get_past_the_door(kind: str, role: str) -> None:
    """Each command gets past the door from the roles that the page marks, and is refused there to everybody else."""
    refused = refusal(founded_once(), kind, SOMEONE.get(role, "nobody"))
    if (kind, role) in PERMITTED:
        assert refused is None or refused.where != "actor"
        return
    assert refused is not None
    assert refused.code == (Code.UNKNOWN_PARTICIPANT if role == "nobody" else Code.NOT_PERMITTED)
    assert refused.where == "actor"


@cache
def without(role: str, kind: Any) -> exchange.State:
    """Return a venue whose participant of a role is suspended or excluded."""
    desk = founded()
    desk.must(kind, "operator", participant_id=SOMEONE[role], reason="a test")
    return desk.state


@pytest.mark.parametrize(("kind", "role"), sorted(pair for pair in PERMITTED if pair[1] in REMOVABLE))
def test_the_absent_only_wind_down(kind: str, role: str) -> None:
    """Whoever is suspended or excluded gets past the door with what the page marks for them, and with nothing else."""
    for absence, code in ((SuspendParticipant, Code.SUSPENDED), (ExcludeParticipant, Code.EXCLUDED)):
        refused = refusal(without(role, absence), kind, SOMEONE[role])
        if kind in EVEN_SUSPENDED:
            assert refused is None or refused.where != "actor"
        else:
            assert refused is not None
            assert (refused.code, refused.where) == (code, "actor")


@pytest.mark.parametrize(("kind", "role"), sorted(set(product(COMMANDS, REMOVABLE)) - PERMITTED))
def test_the_absent_gain_nothing(kind: str, role: str) -> None:
    """What a role may not do it may not do while suspended either."""
    refused = refusal(without(role, SuspendParticipant), kind, SOMEONE[role])
    assert refused is not None
    assert refused.code == Code.NOT_PERMITTED


# --- What is due is taken ---------------------------------------------------------------------------------------


def ready_for(kind: str) -> tuple[Desk, dict[str, Any]]:
    """Return a venue in which a command of a kind is due, and the fields of that command."""
    desk = opened()
    call = {"session_id": "call"}
    for person, side in (("zhanaozen", "sell"), ("aktau", "buy")):
        desk.must(SubmitOrder, person, **order(f"of-{person}", "KZ-47", side, price=90_000, lots=2))
    steps = {"ClearSession": (CloseSession,), "PublishPrices": (CloseSession, ClearSession)}
    if kind in ("CloseSession", *steps):
        desk.at_ns = instant("13:00")
    for step in steps.get(kind, ()):
        desk.must(step, "operator", **call)
    if kind != "ReportRetailTerms":
        report_terms(desk)
    return desk, FIELDS.get(kind, call)


FIELDS: dict[str, dict[str, Any]] = {
    "AdmitParticipant": {"participant_id": "guest", "name": "Guest", "role": "observer"},
    "AdoptRulebook": {"rulebook": rulebook("another")},
    "OpenSession": opening("another"),
    "PlanSupply": {
        "delivery_month": "2022-01",
        "province": "KZ-47",
        "total_lots": 5,
        "transport_tenge_per_tonne": 1,
    },
    "ReportRetailTerms": terms("KZ-47"),
}
"""What a command says when it is due on a venue with an open session; where nothing stands here, the session."""


def attempt(kind: str, role: str) -> Answer:
    desk, fields = ready_for(kind)
    actor = SOMEONE[role]
    if kind == "AdmitParticipant" and role == "regulator":
        fields = {**fields, "role": "regulator"}
    if kind == "SubmitOrder":
        fields = order("new", "KZ-47", "sell" if role == "seller" else "buy", price=90_000, lots=1)
    if kind == "CancelOrder":
        fields = {"session_id": "call", "order_id": f"of-{actor}"}
    answer = desk.give(COMMANDS[kind], actor, **fields)
    assert desk.findings == []
    return answer


MAIN_LINE = (*FIELDS, "SubmitOrder", "CancelOrder", "CloseSession", "ClearSession", "PublishPrices")
"""The commands of the main line: those of other topics are taken in the tests of their topics."""


@pytest.mark.parametrize(("kind", "role"), sorted(pair for pair in PERMITTED if pair[0] in MAIN_LINE))
def test_the_permitted_are_heard(kind: str, role: str) -> None:
    """Each command of the main line is taken from each role that the page marks."""
    assert attempt(kind, role).code is None


# --- The table is read as it stands -----------------------------------------------------------------------------


def test_a_missing_row_or_cross_would_be_seen() -> None:
    """The reading of the page sees a row or a cross that is taken away or set elsewhere."""
    page = "| command | seller | buyer |\n|---|---|---|\n| `Sing` | x |  |\n| `Dance` |  | x |\n"
    assert table(page) == (["seller", "buyer"], {"Sing": ["x", ""], "Dance": ["", "x"]})
    assert table(page.replace("| `Dance` |  | x |\n", "")) == (["seller", "buyer"], {"Sing": ["x", ""]})
    with pytest.raises(AssertionError, match="twice"):
        table(page + "| `Sing` |  |  |\n")
