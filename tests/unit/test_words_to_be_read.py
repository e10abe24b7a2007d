"""Words that a person must read: blanks are refused wherever a command has them, and read where a kept row has them."""

import re
import unicodedata
from functools import cache
from operator import attrgetter
from typing import Any, get_args

import msgspec
import pytest
from msgspec import structs
from tests.message_samples import sample
from tests.venue_samples import PEOPLE, Desk, founded

from naryq.desk.actions import ACTIONS
from naryq.desk.forms import read
from naryq.exchange import machine
from naryq.exchange.machine import TOPICS
from naryq.gateways.rest_routes import ROUTES, body_type
from naryq.messages import AnyCommand, Code, LegalSource, Refusal, StopTrading, decode_entry, encode, written_today
from naryq.messages.upcasting import LIFTS
from naryq.messages.words import is_legible, unsaid, worded

COMMANDS: dict[str, Any] = {kind.__name__: kind for kind in get_args(AnyCommand)}
WORDED = sorted((name, path) for name, kind in COMMANDS.items() for path, _ in worded(kind))
SEEN_FORMATS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters that show a sign around the next ones."""
FILLERS = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0}
"""Letters, marks and a symbol that show nothing."""
BLANK = " \u200b\u00a0\n\u2060"
NO_WORDS = {"digest", "window", "url", "obligation_id"}
"""Texts of commands that name something, as an identifier does."""


def shows_nothing(point: int) -> bool:
    """Say by Unicode's own table what shows nothing."""
    kind = unicodedata.category(chr(point))
    if kind in {"Zs", "Zl", "Zp", "Cc"} or point in FILLERS:
        return True
    is_selector = unicodedata.name(chr(point), "").startswith("VARIATION SELECTOR")
    return is_selector or (kind == "Cf" and point not in SEEN_FORMATS)


def test_blanks_are_what_shows_nothing() -> None:
    """Of all assigned characters exactly those that show nothing are no words by themselves."""
    assigned = [point for point in range(0x110000) if unicodedata.category(chr(point)) not in {"Cn", "Cs", "Co"}]
    assert [hex(point) for point in assigned if is_legible(chr(point)) == shows_nothing(point)] == []
    assert is_legible(f"{BLANK}x{BLANK}")
    assert not is_legible(BLANK)


@cache
def desk() -> Desk:
    return founded()


def asked(name: str, path: str, text: str) -> tuple[Desk, Any]:
    """Return a venue, and a command by somebody who may send it, with a text in one of its fields."""
    branch, kind = desk().branch(), COMMANDS[name]
    roles = next(topic.permitted[kind] for topic in TOPICS if kind in topic.permitted)
    actor = next(person for person, role in PEOPLE.items() if role in roles)
    command = sample(kind, actor=actor, at_ns=branch.at_ns)
    owner, _, field = path.rpartition(".")
    if owner:
        inner = structs.replace(attrgetter(owner)(command), **{field: text})
        return branch, structs.replace(command, **{owner: inner})
    return branch, structs.replace(command, **{field: text})


@pytest.mark.parametrize(("name", "path"), WORDED)
def test_blanks_are_no_reason(name: str, path: str) -> None:
    """Every command is refused under its field where a person would read nothing, and the auditor agrees."""
    branch, command = asked(name, path, BLANK)
    answer = branch.send(command)
    refused: Any = answer.events[0]
    assert (refused.code, refused.where) == (Code.WORDS_MISSING, path.rpartition(".")[2])
    assert answer.findings == []
    branch, command = asked(name, path, "a run on gas")
    assert branch.send(command).code is not Code.WORDS_MISSING


def test_the_auditor_sees_a_reason_of_blanks_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A venue that takes a stop without a word is found out."""
    monkeypatch.setattr(machine, "check_said", lambda _: None)
    branch, command = asked("ExcludeParticipant", "reason", BLANK)
    command = structs.replace(command, participant_id="aktau")
    assert any("words_missing" in finding for finding in branch.send(command).findings)


def texts(kind: Any, path: str) -> list[str]:
    """List the fields of a command that are text of any form, by their types alone."""
    found = []
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]  # a command is a struct
        where, described = f"{path}.{field.name}", field.type
        if isinstance(described, msgspec.inspect.Metadata):
            described = described.type
        if isinstance(described, msgspec.inspect.StructType):
            found += texts(described.cls, where)
        elif isinstance(described, msgspec.inspect.StrType) and described.pattern is None:
            found.append(where)
    return found


def test_no_text_is_forgotten() -> None:
    """Every text of a command that is no identifier is words to be read, so that one added tomorrow is."""
    every = {where for name, kind in COMMANDS.items() for where in texts(kind, name)}
    words = {where for where in every if where.rpartition(".")[2] not in NO_WORDS}
    assert words == {f"{name}.{path}" for name, path in WORDED}


def test_what_may_be_left_out_may_be_empty() -> None:
    """A correction that is none is empty, and one of blanks is refused."""
    plan = sample(COMMANDS["PlanSupply"])
    assert unsaid(plan) is None
    assert unsaid(structs.replace(plan, correction=BLANK)) == "correction"


@pytest.mark.parametrize("version", range(1, len(LIFTS) + 2))
def test_a_kept_reason_of_blanks_is_read(version: int) -> None:
    """A row that was kept with such a reason is read in every version, so that no journal is lost over it."""
    command = sample(StopTrading, scope="venue", reason=" ")
    row = msgspec.json.decode(encode(written_today(1, command, ())))
    assert decode_entry(msgspec.json.encode({**row, "version": version})).command == command
    assert LegalSource("", "") == msgspec.convert({"act": "", "url": ""}, LegalSource)


def test_the_desk_asks_back_at_once() -> None:
    """A form with a reason of blanks is refused under its field, before anybody is asked to confirm it."""
    typed = {"scope": "venue", "target": "venue", "reason": "\u200b\u2060"}
    with pytest.raises(Refusal) as refused:
        read(ACTIONS["stop"], typed)
    assert (refused.value.code, refused.value.where) == (Code.WORDS_MISSING, "reason")
    assert read(ACTIONS["stop"], {**typed, "reason": "a run"})["reason"] == "a run"


def test_the_description_says_so() -> None:
    """The description of REST has a pattern for a reason, which blanks do not match and words do."""
    route = next(route for route in ROUTES if route.kind is StopTrading)
    pattern = msgspec.json.schema(body_type(route))["$defs"]["StopTrading"]["properties"]["reason"]["pattern"]

    assert re.search(pattern, "нарық")
    assert not re.search(pattern, BLANK)
