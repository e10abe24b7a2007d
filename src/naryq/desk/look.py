"""What a page is made of, for all pages: the venue as somebody looks at it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from naryq.access.seconds import Pending
from naryq.access.switches import Switch
from naryq.desk.words import Language
from naryq.exchange import State
from naryq.exchange.rule_replay import RulesReplayed
from naryq.showing import Viewer
from naryq.showing.history import History

ASTANA_MINUTES: Final = 300
"""The offset of the clock where no rulebook says another: Astana since March 2024."""

Shown: TypeAlias = dict[str, Any]
"""What a template is given, by name."""
Choices: TypeAlias = list[tuple[str, str]]
"""The options of a field that hang on the venue's state: each a value and its words."""


class Look(NamedTuple):
    """The venue, who looks at it, when, in which language, and what the address asks for."""

    state: State
    history: History
    viewer: Viewer
    at_ns: int
    language: Language
    query: Mapping[str, str]
    named: Mapping[str, str]
    person: str
    pending: tuple[Pending, ...] = ()
    """The commands of the viewer's participant that wait for a second person."""
    switches: tuple[Switch, ...] = ()
    """The engaged kill switches that the viewer may see."""
    replayed: RulesReplayed | None = None
    """What the page of a replay shows, once it has been worked out."""

    @property
    def offset_minutes(self) -> int:
        """The venue's clock, in minutes from UTC."""
        if self.state.rulebook is None:
            return ASTANA_MINUTES
        return self.state.rulebook.rules_of_day(self.at_ns).required_integer("utc_offset")

    @property
    def today(self) -> str:
        """The day by the venue's clock; empty where no rulebook has one."""
        return "" if self.state.rulebook is None else self.state.rulebook.day(self.at_ns)


class NoSuchPage(Exception):  # noqa: N818 - not an error of the program: somebody asked for what is not there
    """The address names nothing that is there."""
