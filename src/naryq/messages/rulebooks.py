"""Rules as data, and how a rulebook comes into force."""

from naryq.messages.basics import Command, Day, Event, Message, Name


class LegalSource(Message, frozen=True):
    """Where a value comes from: the act or report, and an address where it can be read."""

    act: str
    url: str


RuleValue = int | str | tuple[str, ...] | dict[str, int] | None
"""A rule's value: a number, a word, a list of words, a number for each place, or None for `no such rule`."""


class DatedValue(Message, frozen=True):
    """One value of a rule: effective on its first day, known since another, until an open or given last day."""

    effective: Day
    known: Day
    value: RuleValue
    source: LegalSource
    until: Day | None = None
    note: str = ""


class Rule(Message, frozen=True):
    """One rule: one fact, its unit and its dated values, oldest first."""

    rule: str
    title: str
    unit: str
    values: tuple[DatedValue, ...]


class RulebookText(Message, frozen=True):
    """A whole rulebook as it enters the journal: its name, the digest of its rules, and the rules."""

    name: Name
    digest: str
    rules: tuple[Rule, ...]


class AdoptRulebook(Command, frozen=True, tag=True):
    """Bring a rulebook into force for all that follows."""

    rulebook: RulebookText


class RulebookAdopted(Event, frozen=True, tag=True):
    """A rulebook is in force; `version` is its name and the start of its digest."""

    rulebook: RulebookText
    version: str


RulebookCommand = AdoptRulebook
RulebookEvent = RulebookAdopted
