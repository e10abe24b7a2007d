"""Words that a person must read: a reason made of blanks is none, whoever gives it and by whichever door.

Their types say so in the description of REST. They are judged where a command is decided, not where it is read, since a
row that was kept before 28 November 2026 may hold such a reason, and is read for ever.
"""

import re
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from typing import Final, get_type_hints

import msgspec

BLANKS: Final = (
    r"\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
)
"""White space, control and format characters that show nothing, fillers and selectors, as a class of an expression."""
_HIGH_BLANKS: Final = r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
"""Those beyond the first plane. They are in no description, where not every reader knows them."""
_illegible: Final = re.compile(f"[{BLANKS}{_HIGH_BLANKS}]*")


def said(*, may_be_empty: bool = False, min_length: int | None = None, max_length: int | None = None) -> msgspec.Meta:
    """Return what marks a field as words to be read. Its pattern describes it, and is not held against a row."""
    pattern = f"[^{BLANKS}]"
    return msgspec.Meta(
        min_length=min_length,
        max_length=max_length,
        extra_json_schema={"pattern": rf"^$(?!\n)|{pattern}" if may_be_empty else pattern},
        extra={"may_be_empty": may_be_empty},
    )


def is_legible(text: str) -> bool:
    """Say whether there is anything to be read.

    >>> is_legible("a run on gas"), is_legible(" " + chr(0x200B)), is_legible("")
    (True, False, False)
    """
    return _illegible.fullmatch(text) is None


@cache
def worded(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool], ...]:
    """Return the paths of a command's fields that are words, each with whether it may be empty.

    Lists are not entered: what stands in a rule is judged with the rule.
    """
    return tuple(_worded(kind, ""))


def _worded(kind: type[msgspec.Struct], path: str) -> Iterator[tuple[str, bool]]:
    for name, hint in get_type_hints(kind, include_extras=True).items():
        for mark in getattr(hint, "__metadata__", ()):
            if isinstance(mark, msgspec.Meta) and mark.extra is not None:
                yield path + name, mark.extra["may_be_empty"]
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            yield from _worded(hint, f"{path}{name}.")


def unsaid(command: msgspec.Struct) -> str | None:
    """Return the first field of a command that was to be read by a person and shows nothing, or None."""
    for path, may_be_empty in worded(type(command)):
        text: str = attrgetter(path)(command)
        if not is_legible(text) and not (may_be_empty and not text):
            return path.rpartition(".")[2]
    return None
