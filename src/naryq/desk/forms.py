"""Forms: what a page lets somebody ask of the venue, and how what was typed becomes a command.

A form has the fields of its command (`naryq.messages`), so that a refusal's `where` names the field to mark. What a
command needs besides, its stamp, comes from the session and the venue's clock.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec

from naryq.desk.figures import MINUS, THIN
from naryq.exchange.machine import TOPICS
from naryq.gateways.switching import SWITCHING, SwitchCommand
from naryq.messages import AnyCommand, Code, Refusal, Role
from naryq.messages.basics import check_said

FieldKind: TypeAlias = Literal["text", "number", "money", "choice", "day", "month", "long", "check", "hidden", "lines"]
Values: TypeAlias = Mapping[str, str]
"""What was typed, by the fields' names."""
Built: TypeAlias = dict[str, Any]
"""The fields of a command but its stamp, as its type converts them."""

STAMP: Final = ("command_id", "actor", "at_ns")
TEXT_MAX: Final = 8_000
"""How many characters of a field are read; the messages ask for less."""
_SPACES: Final = str.maketrans({THIN: "", "\u00a0": "", " ": "", MINUS: "-"})
SWITCHERS: Final[tuple[Role, ...]] = ("operator", "seller", "buyer")
"""Whose the kill switch is at the desk: those who have orders, and the operator."""
PERMITTED: Final[Mapping[type, tuple[Role, ...]]] = MappingProxyType(
    {kind: roles for topic in TOPICS for kind, roles in topic.permitted.items()} | dict.fromkeys(SWITCHING, SWITCHERS)
)
"""Command -> the roles whose it is, as the venue has it."""


class Field(NamedTuple):
    """One field: its name in the command, how it is typed, and the words of a choice.

    `label` and `hint` are keys of words; without a label the key is `field.` and the name.
    """

    name: str
    kind: FieldKind = "text"
    choices: tuple[str, ...] = ()
    names: str = ""
    """The closed list whose words name the choices."""
    label: str = ""
    hint: str = ""
    required: bool = True

    @property
    def label_key(self) -> str:
        """The key of the label's words."""
        return self.label or f"field.{self.name}"


def _as_typed(values: Values) -> Built:
    return dict(values)


class Action(NamedTuple):
    """Something that may be asked: its command, its fields, and whether it is asked back before it is done."""

    name: str
    command: type[AnyCommand | SwitchCommand]
    fields: tuple[Field, ...]
    confirm: bool = False
    danger: bool = False
    build: Callable[[Values], Built] = _as_typed

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who may ask for it."""
        return PERMITTED[self.command]

    def values_of(self, form: Mapping[str, object]) -> dict[str, str]:
        """Return what was typed into the form's fields, cut to what is read at all; files are nothing."""
        found = {field.name: form.get(field.name, "") for field in self.fields}
        return {name: text.strip()[:TEXT_MAX] if isinstance(text, str) else "" for name, text in found.items()}


def choices_of(kind: object) -> tuple[str, ...]:
    """Return the words of a closed list."""
    return tuple(str(word) for word in get_args(kind))


def read(action: Action, values: Values) -> Built:
    """Return the fields of an action's command from what was typed.

    Raises:
        Refusal: COLUMN_MISSING for an empty field that is needed, WRONG_TYPE or OUT_OF_RANGE for one that is no such
            value, WORDS_MISSING for a text of blanks; `where` is the field.
    """
    for field in action.fields:
        if field.required and not values[field.name] and field.kind != "check":
            raise Refusal(Code.COLUMN_MISSING, "nothing is given here", where=field.name, remedy="Fill this field in.")
    typed = {field.name: _typed(field, values[field.name]) for field in action.fields}
    built = action.build({name: value for name, value in typed.items() if value != ""})
    return _converted(action, built)


def _typed(field: Field, text: str) -> str:
    """Return a field's text as the command's type reads it; a number may be typed with spaces between its groups."""
    if field.kind == "check":
        return "true" if text else ""
    if field.kind == "money" and text:
        return _tiyn(field, text.translate(_SPACES).replace(",", "."))
    if field.kind != "number" or not text:
        return text
    plain = text.translate(_SPACES)
    if not plain.removeprefix("-").isascii() or not plain.removeprefix("-").isdigit():
        raise Refusal(
            Code.WRONG_TYPE, f"{text!r} is no whole number", where=field.name, remedy="Give a whole number, in digits."
        )
    return plain


def _tiyn(field: Field, text: str) -> str:
    """Read an amount of tenge with at most two decimals as tiyn."""
    whole, point, part = text.partition(".")
    sound = (whole + part).isascii() and whole.isdigit() and (part.isdigit() or not point) and len(part) <= 2  # noqa: PLR2004 - a tenge has two decimals
    if not sound:
        what, remedy = f"{text!r} is no amount of tenge", "Give tenge, with at most two decimals: 1500000.50."
        raise Refusal(Code.WRONG_TYPE, what, where=field.name, remedy=remedy)
    return whole + part.ljust(2, "0")


def _converted(action: Action, built: Built) -> Built:
    """Return the fields in the types of the command."""
    kind = action.command
    stamp = {"type": kind.__name__, "command_id": "form", "actor": "form", "at_ns": 0}
    try:
        command: Any = msgspec.convert({**built, **stamp}, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _malformed(action, str(error)) from None
    check_said(command)
    return {name: getattr(command, name) for name in kind.__struct_fields__ if name not in STAMP}


def _malformed(action: Action, text: str) -> Refusal:
    """Return the refusal of a value that its type does not take; msgspec names the field behind `$.`.

    Of a value within another, such as a term of an auction, the form has one of the two as its field.
    """
    what, _, path = text.partition(" - at `$.")
    parts = [part.partition("[")[0] for part in path.rstrip("`").split(".")]
    field = next((part for part in parts if part in {each.name for each in action.fields}), parts[0])
    missing = "required field" in what
    if missing:
        field = what.rpartition("`")[0].rpartition("`")[2]
    code = Code.COLUMN_MISSING if missing else Code.OUT_OF_RANGE
    return Refusal(code, what[:1].lower() + what[1:], where=field, remedy="Correct this field and send the form again.")
