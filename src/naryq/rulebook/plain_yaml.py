"""YAML as text only: plain words, lists and keys with their lines, and nothing guessed.

We read the parser's events and not its objects. So NO is a word and not false, 011 is no number, anchors and tags
have no place in a rule, and every scalar knows its line.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from naryq.messages import Code, Refusal, RuleValue

CHARACTERS_MAX: Final = 1_000_000
DEPTH_MAX: Final = 8


class Scalar(NamedTuple):
    """A word or number as written; `plain` when it stood without quotes."""

    line: int
    text: str
    plain: bool


class Items(NamedTuple):
    """A list."""

    line: int
    items: tuple["Node", ...]


class Pairs(NamedTuple):
    """Keys with their values, in the order written; no key twice."""

    line: int
    pairs: Mapping[str, "Node"]


Node = Scalar | Items | Pairs
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")


class Reader:
    """A file being read: it refuses with the file's own path and line."""

    def __init__(self, path: str) -> None:
        self.path = path

    def refuse(self, line: int, what: str, remedy: str, code: Code = Code.RULE_INVALID) -> Refusal:
        """Return a refusal that names this file and a line."""
        return Refusal(code, what, where=f"{self.path}:{line}", remedy=remedy)

    def document(self, text: str) -> Node:
        """Read the one document of a file; refuses what is no YAML, is empty, or holds more than plain data."""
        if len(text) > CHARACTERS_MAX:
            what = f"the file has more than {CHARACTERS_MAX:,} characters"
            raise self.refuse(1, what, "A rule file holds one fact: give the right file.", Code.TOO_LARGE)
        events = YAML(typ="safe", pure=True).parse(text)
        try:
            return self._document(events)
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
            raise self.refuse(line, f"not YAML: {error.problem}", _MEND_YAML, Code.UNREADABLE) from None
        except Refusal:
            raise
        except (YAMLError, ValueError):  # The parser gives whatever number follows \U to chr(), which may refuse it.
            what = "not YAML: the text holds a control character, or the number of none"
            raise self.refuse(1, what, _MEND_YAML, Code.UNREADABLE) from None

    def _document(self, events: Iterator[Any]) -> Node:
        next(events)
        if isinstance(next(events), StreamEndEvent):
            raise self.refuse(1, "the file is empty", "Write the rule, or remove the file.", Code.EMPTY)
        node = self._node(events, next(events), 0)
        assert isinstance(next(events), DocumentEndEvent), "a document has one node"
        after = next(events)
        if not isinstance(after, StreamEndEvent):
            raise self.refuse(_line(after), "a second document begins", "Keep one document a file.")
        return node

    def _node(self, events: Iterator[Any], event: Any, depth: int) -> Node:
        line = _line(event)
        if getattr(event, "anchor", None) is not None:
            raise self.refuse(line, "anchors (&) and aliases (*) are not used here", "Write the value out.")
        if getattr(event, "tag", None) is not None:
            raise self.refuse(line, f"the tag {event.tag} is not used here", "Remove the word that begins with !.")
        if depth > DEPTH_MAX:
            raise self.refuse(line, "too many levels", "A rule has at most four levels: compare a shipped rulebook.")
        if isinstance(event, ScalarEvent):
            return Scalar(line, event.value, event.style is None)
        if isinstance(event, SequenceStartEvent):
            return Items(line, tuple(self._children(events, depth)))
        assert isinstance(event, MappingStartEvent), "a node is a scalar, a list or keys with values"
        return self._pairs(line, self._children(events, depth))

    def _children(self, events: Iterator[Any], depth: int) -> Iterator[Node]:
        for event in events:
            if isinstance(event, SequenceEndEvent | MappingEndEvent):
                return
            yield self._node(events, event, depth + 1)

    def _pairs(self, line: int, children: Iterator[Node]) -> Pairs:
        pairs: dict[str, Node] = {}
        for key in children:
            if not isinstance(key, Scalar):
                raise self.refuse(key.line, "a key must be one word", "Compare a shipped rulebook.")
            if key.text in pairs:
                raise self.refuse(key.line, f"the key {key.text!r} stands twice", "Keep one of them.")
            # A value is found by its key: it may stand below it, or have been left out.
            pairs[key.text] = next(children)._replace(line=key.line)
        return Pairs(line, pairs)

    def keys(self, node: Node, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, Node]:
        """Return the values of a mapping that has all required keys and none but the optional ones besides."""
        known = required + optional
        if not isinstance(node, Pairs):
            raise self.refuse(node.line, "keys with values are expected here", f"Give {', '.join(required)}.")
        for key, value in node.pairs.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"The keys here are: {', '.join(known)}."
                raise self.refuse(value.line, f"unknown key {key!r}", hint)
        for key in required:
            if key not in node.pairs:
                raise self.refuse(node.line, f"the key {key!r} is missing", f"Add {key}: to what begins here.")
        return node.pairs

    def text(self, node: Node, name: str) -> str:
        """Return a text with its white space joined: folded lines read as one."""
        if not isinstance(node, Scalar) or not node.text.strip():
            raise self.refuse(node.line, f"{name} is no text", f"Write {name}: and one text after it.")
        text = " ".join(node.text.split())
        if not text.isprintable():
            raise self.refuse(node.line, f"{name} holds a character that cannot be seen", "Remove it.")
        return text

    def items(self, node: Node, name: str) -> tuple[Node, ...]:
        """Return the members of a list."""
        if not isinstance(node, Items):
            raise self.refuse(node.line, f"{name} is no list", "Begin each member with a dash.")
        return node.items

    def value(self, node: Node) -> RuleValue:
        """Return a rule's value in the form in which it is written; the catalogue judges it afterwards."""
        if isinstance(node, Items):
            return tuple(self.text(item, "value") for item in node.items)
        if isinstance(node, Pairs):
            return {place: self._number(place, item) for place, item in node.pairs.items()}
        text = self.text(node, "value")
        if node.plain and text == "none":
            return None
        return int(text) if node.plain and _INTEGER.fullmatch(text) else text

    def _number(self, place: str, node: Node) -> int:
        if not isinstance(node, Scalar) or not node.plain or _INTEGER.fullmatch(node.text) is None:
            raise self.refuse(node.line, f"{place} has no whole number", "Write it as KZ-47: 50, without quotes.")
        return int(node.text)


_MEND_YAML: Final = "Mend the line: indent with spaces, a space after each colon, quotes in pairs."


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
