"""The page of what waits for a second person: a command, and whether whoever looks may approve it."""

from typing import Any, NamedTuple

import msgspec

from naryq.access.seconds import Pending
from naryq.desk import figures
from naryq.desk.actions import ACTIONS
from naryq.desk.forms import STAMP
from naryq.desk.look import Look, Shown
from naryq.desk.words import WORDS, Language, say
from naryq.messages import AnyCommand


class Waiting(NamedTuple):
    """A command that waits, in words: what it does, each of its fields, and whether the viewer may approve it."""

    pending_id: str
    does: str
    fields: tuple[tuple[str, str], ...]
    person: str
    asked_at_ns: int
    may_approve: bool


def waiting_for_second(look: Look) -> Shown:
    """Show what waits; who has asked for it may turn it down but not approve it."""
    return {"waiting": tuple(_in_words(look, each) for each in look.pending)}


def _in_words(look: Look, pending: Pending) -> Waiting:
    kind = type(pending.command)
    action = next((action for action in ACTIONS.values() if action.command is kind), None)
    return Waiting(
        pending_id=pending.pending_id,
        does=kind.__name__ if action is None else say(look.language, f"do.{action.name}"),
        fields=tuple(_fields(look.language, pending.command)),
        person=pending.person,
        asked_at_ns=pending.asked_at_ns,
        may_approve=pending.person != look.person,
    )


def _fields(language: Language, command: AnyCommand) -> list[tuple[str, str]]:
    """Return the fields of a command but its stamp, each with its label; money in tenge, all else as it is written."""
    names = [name for name in command.__struct_fields__ if name not in STAMP]
    found: list[tuple[str, Any]] = [(name, getattr(command, name)) for name in names]
    return [(_label(language, name), _value(language, name, value)) for name, value in found if value not in {None, ""}]


def _label(language: Language, name: str) -> str:
    return say(language, f"field.{name}") if f"field.{name}" in WORDS else name


def _value(language: Language, name: str, value: Any) -> str:
    if name.endswith("_tiyn"):
        return figures.money(language, value)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
