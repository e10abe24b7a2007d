"""The data dictionary: which fields and messages there are, what each may hold, and whether a message keeps to it.

It is read from `naryq-fix44.xml`, the file that a counterparty loads into its own engine: both judge by one text.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from xml.etree import ElementTree as ET

from naryq.gateways.fix import tags
from naryq.gateways.fix.wire import Field, Message

FILE: Final = "naryq-fix44.xml"
INVALID_TAG: Final = 0
TAG_MISSING: Final = 1
TAG_NOT_FOR_MESSAGE: Final = 2
NO_VALUE: Final = 4
VALUE_WRONG: Final = 5
FORMAT_WRONG: Final = 6
COMP_ID_WRONG: Final = 9
TIME_WRONG: Final = 10
INVALID_KIND: Final = 11
TAG_TWICE: Final = 13
TAG_OUT_OF_ORDER: Final = 14
GROUP_OUT_OF_ORDER: Final = 15
GROUP_COUNT_WRONG: Final = 16
REASONS: Final = MappingProxyType(
    {
        INVALID_TAG: "Invalid tag number",
        TAG_MISSING: "Required tag missing",
        TAG_NOT_FOR_MESSAGE: "Tag not defined for this message type",
        NO_VALUE: "Tag specified without a value",
        VALUE_WRONG: "Value is incorrect (out of range) for this tag",
        FORMAT_WRONG: "Incorrect data format for value",
        COMP_ID_WRONG: "CompID problem",
        TIME_WRONG: "SendingTime accuracy problem",
        INVALID_KIND: "Invalid MsgType",
        TAG_TWICE: "Tag appears more than once",
        TAG_OUT_OF_ORDER: "Tag specified out of required order",
        GROUP_OUT_OF_ORDER: "Repeating group fields out of order",
        GROUP_COUNT_WRONG: "Incorrect NumInGroup count for repeating group",
    }
)
"""The reasons of a Reject that are given here, in the words that FIX 4.4 has for them (field 373)."""

_KINDS: Final = re.compile(r"[0-9A-HJ-NP-TV-Za-z]|A[A-Z]|B[A-H]|U[^\x01]*")
"""The kinds of messages that FIX 4.4 has (MsgType, volume 6), and those that two sides agree on, which begin with U."""

_TIME_OF_DAY: Final = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{3}(\d{3}){0,2})?"
_DATE: Final = r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
_FORMATS: Final = MappingProxyType(
    {
        "INT": r"-?\d{1,18}",
        "SEQNUM": r"\d{1,18}",
        "LENGTH": r"\d{1,9}",
        "NUMINGROUP": r"\d{1,9}",
        "FLOAT": r"-?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})",
        "CHAR": r"[^\x01]",
        "BOOLEAN": r"[YN]",
        "CURRENCY": r"[A-Z]{3}",
        "UTCTIMESTAMP": f"{_DATE}-{_TIME_OF_DAY}",
        "UTCDATEONLY": _DATE,
        "UTCTIMEONLY": _TIME_OF_DAY,
    }
    | {"PRICE": r"-?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})", "QTY": r"-?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})"}
)
"""How the values of a type are written; a type that is not here may hold anything."""


def is_of_fix(kind: str) -> bool:
    """Say whether FIX 4.4 has this kind of message, or leaves it to the two sides, whatever the dictionary has."""
    return _KINDS.fullmatch(kind) is not None


class Definition(NamedTuple):
    """One field: its number, name and type, the values it may have where these are listed, and what they mean."""

    tag: int
    name: str
    type: str
    values: Mapping[str, str]
    matches: Callable[[str], object]


class Shape(NamedTuple):
    """What may stand in a message, in its header or in one entry of a group, and whether it must."""

    name: str
    members: Mapping[int, bool]
    groups: Mapping[int, "Shape"]
    required: tuple[int, ...]
    category: str = ""

    @property
    def opening(self) -> int:
        """The field with which each entry of a group begins."""
        return next(iter(self.members))


class Problem(NamedTuple):
    """Why a message is rejected: the reason (field 373), and the field where it is about one."""

    reason: int
    tag: int | None = None

    @property
    def text(self) -> str:
        """The reason in words."""
        return REASONS[self.reason]


class Dictionary(NamedTuple):
    """All fields by number, the messages by kind, and the fields of header and trailer."""

    fields: Mapping[int, Definition]
    messages: Mapping[str, Shape]
    header: Shape
    trailer: Shape
    frame: Mapping[int, int]
    """The fields of the header, before all others (0), and of the trailer, behind them (2)."""

    def problem(self, message: Message) -> Problem | None:
        """Say what is wrong with a message, by the first thing that is; None when it keeps to the dictionary.

        The order: is the kind known, do header, body and trailer follow each other, is all there that must be, and
        then field by field.
        """
        shape = self.messages.get(message.kind)
        if shape is None:
            return Problem(INVALID_KIND)
        return self._out_of_order(message) or self._missing(message, shape) or self._wrong(message, shape)

    def entries(self, message: Message, tag: int) -> list[dict[int, str]]:
        """Return the entries of a message's group; the message has been found to keep to the dictionary."""
        shape = self.messages[message.kind].groups[tag]
        places = [place for place, (each, _) in enumerate(message.fields) if each == tag]
        found: list[dict[int, str]] = []
        for each, value in message.fields[places[0] + 1 :] if places else ():
            if each not in shape.members:
                break
            if each == shape.opening:
                found.append({})
            found[-1][each] = value
        return found

    def _out_of_order(self, message: Message) -> Problem | None:
        rank, frame = 0, self.frame
        for tag, _ in message.fields:
            here = frame.get(tag, 1)
            if here < rank:
                return Problem(TAG_OUT_OF_ORDER, tag)
            rank = here
        return None

    def _missing(self, message: Message, shape: Shape) -> Problem | None:
        for tag in (*self.header.required, *shape.required):
            if tag not in message.first:
                return Problem(TAG_MISSING, tag)
        return None

    def _wrong(self, message: Message, shape: Shape) -> Problem | None:
        seen = set[int]()
        at, fields, known, members, frame = 0, message.fields, self.fields, shape.members, self.frame
        while at < len(fields):
            tag, value = fields[at]
            definition = known.get(tag)
            if (
                definition is None
                or not definition.matches(value)
                or (definition.values and value not in definition.values)
                or (tag not in members and tag not in frame)
                or tag in seen
            ):
                # Rare, and asked again with care: almost every field of almost every message is as it should be.
                problem = self._wrong_value(tag, value) or self._wrong_place(tag, shape, seen)
                if problem is not None:
                    return problem
            seen.add(tag)
            at += 1
            if tag in shape.groups:
                end = self._wrong_group(shape.groups[tag], tag, int(value), fields[at:])
                if isinstance(end, Problem):
                    return end
                at += end
        return None

    def _wrong_value(self, tag: int, value: str) -> Problem | None:
        definition = self.fields.get(tag)
        if definition is None:
            return Problem(INVALID_TAG, tag)
        if not value:
            return Problem(NO_VALUE, tag)
        if not definition.matches(value):
            return Problem(FORMAT_WRONG, tag)
        if definition.values and not _listed(definition, value):
            return Problem(VALUE_WRONG, tag)
        return None

    def _wrong_place(self, tag: int, shape: Shape, seen: set[int]) -> Problem | None:
        if tag not in shape.members and tag not in self.frame:
            return Problem(TAG_NOT_FOR_MESSAGE, tag)
        return Problem(TAG_TWICE, tag) if tag in seen else None

    def _wrong_group(self, shape: Shape, counter: int, count: int, rest: tuple[Field, ...]) -> Problem | int:
        """Return how many fields the entries of a group take up, or what is wrong with them."""
        taken, entries, seen = 0, 0, set[int]()
        for tag, value in rest:
            if tag not in shape.members:
                break
            if tag == shape.opening:
                entries, missing = entries + 1, _missing_in(shape, seen) if entries else None
                seen = set()
            elif not entries:
                return Problem(GROUP_OUT_OF_ORDER, tag)
            else:
                missing = None
            problem = missing or self._wrong_value(tag, value) or (Problem(TAG_TWICE, tag) if tag in seen else None)
            if problem is not None:
                return problem
            seen.add(tag)
            taken += 1
        if entries != count:
            return Problem(GROUP_COUNT_WRONG, counter)
        return (_missing_in(shape, seen) if entries else None) or taken


def _missing_in(shape: Shape, seen: set[int]) -> Problem | None:
    return next((Problem(TAG_MISSING, tag) for tag in shape.required if tag not in seen), None)


def _listed(definition: Definition, value: str) -> bool:
    if definition.type == "MULTIPLEVALUESTRING":
        return all(each in definition.values for each in value.split(" "))
    return value in definition.values


Category = Literal["admin", "app"]


@cache
def load() -> Dictionary:
    """Read the dictionary that comes with the program."""
    return parsed((files("naryq.gateways.fix") / FILE).read_text(encoding="utf-8"))


def parsed(text: str) -> Dictionary:
    """Read a dictionary from its text; it comes with the program and is trusted."""
    root = ET.fromstring(text)  # noqa: S314 - our own file
    fields = {each.tag: each for each in map(_definition, root.iterfind("fields/field"))}
    numbers = {each.name: each.tag for each in fields.values()}
    header, trailer = (_shape(_child(root, part), numbers) for part in ("header", "trailer"))
    messages = {each.attrib["msgtype"]: _shape(each, numbers) for each in root.iterfind("messages/message")}
    # The kind and the three fields of the frame are read before a message is judged.
    required = tuple(tag for tag in header.required if tag not in (tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE))
    frame = dict.fromkeys(header.members, 0) | dict.fromkeys(trailer.members, 2)
    return Dictionary(fields, messages, header._replace(required=required), trailer, frame)


def _child(parent: ET.Element, name: str) -> ET.Element:
    child = parent.find(name)
    assert child is not None, f"the dictionary has a part {name}"
    return child


def _definition(field: ET.Element) -> Definition:
    kind = field.attrib["type"]
    pattern = _FORMATS.get(kind)
    return Definition(
        tag=int(field.attrib["number"]),
        name=field.attrib["name"],
        type=kind,
        values={value.attrib["enum"]: value.attrib["description"] for value in field.iterfind("value")},
        matches=re.compile(pattern, re.ASCII).fullmatch if pattern else bool,
    )


def _shape(parent: ET.Element, numbers: Mapping[str, int]) -> Shape:
    members = {numbers[each.attrib["name"]]: each.attrib["required"] == "Y" for each in parent}
    groups = {numbers[each.attrib["name"]]: _shape(each, numbers) for each in parent.iterfind("group")}
    required = tuple(tag for tag, must in members.items() if must)
    return Shape(parent.attrib.get("name", parent.tag), members, groups, required, parent.attrib.get("msgcat", ""))


def all_shapes(dictionary: Dictionary) -> Iterator[Shape]:
    """Yield every message and, behind it, its groups."""
    for shape in dictionary.messages.values():
        yield shape
        yield from shape.groups.values()
