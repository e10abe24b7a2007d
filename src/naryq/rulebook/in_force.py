"""Which value of a rule is in force on a day, as known on a day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar

import msgspec

from naryq.messages import Code, DatedValue, Day, LegalSource, Refusal, Rule, RulebookText, RuleValue
from naryq.rulebook.catalogue import (
    CATALOGUE,
    DEFAULT_PLACE,
    Kind,
    digest_of,
    faults_of,
    missing,
    place_faults,
    provinces,
)
from naryq.units import NS_PER_MINUTE, day_after, day_of

DAWN_OF_TIME: Final = "0001-01-01"
END_OF_TIME: Final = "9999-12-31"
"""As a known-day: everything that the rulebook holds, whenever it became known."""
REMEMBERED_MAX: Final = 1_000
"""How many answers of one kind a rulebook remembers."""

# Every order asks a dozen rules, and a tuple is searched without a hash.
_NUMBERS: Final = (Kind.INTEGER, Kind.BY_PLACE)
_TEXTS: Final = (Kind.WORD, Kind.WINDOW)
_LISTS: Final = (Kind.WORDS, Kind.PLACES)

K = TypeVar("K")
V = TypeVar("V")


def _check_text(text: RulebookText) -> None:
    """Refuse a rulebook that no file check has seen: it may come from a journal or from another machine."""
    where = f"rulebook {text.name}"
    names = [rule.rule for rule in text.rules]
    if names != sorted(dict.fromkeys(names)):
        remedy = "Load the rulebook from its files."
        raise Refusal(Code.RULE_INVALID, "its rules are not in order of their ids", where=where, remedy=remedy)
    if text.digest != digest_of(text.rules):
        remedy = "Load the rulebook again from its files: its rules were changed after they were read."
        raise Refusal(Code.RULE_INVALID, "its digest is not that of its rules", where=where, remedy=remedy)
    for name in missing(text.rules):
        raise Refusal(Code.RULE_MISSING, f"the rule {name!r} is missing", where=where, remedy=f"Add {name}.yaml.")
    places = provinces(text.rules)
    for rule in text.rules:
        for fault in (*faults_of(rule), *place_faults(rule, places)):
            raise Refusal(fault.code, fault.what, where=f"{where}, rule {rule.rule}", remedy=fault.remedy)


@dataclass(frozen=True)
class Rulebook:
    """A checked rulebook that answers which values are in force.

    Two rulebooks are equal when their texts are; raises `Refusal` when the text is not a valid rulebook.
    """

    text: RulebookText
    _memory: dict[tuple[Day, Day], "InForce"] = field(default_factory=dict, init=False, repr=False, compare=False)
    _todays: dict[int, "InForce"] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `rules_of_day` answers in a minute, by the minute's number since 1970 UTC: no day begins within one."""

    def __post_init__(self) -> None:
        """Check the text once, so that every later answer can rely on it."""
        _check_text(self.text)

    @property
    def name(self) -> str:
        """The rulebook's name, `guarded`."""
        return self.text.name

    @property
    def version(self) -> str:
        """The name and the first twelve digits of the digest: what every decision records."""
        return f"{self.text.name}@{self.text.digest[:12]}"

    def rule(self, name: str) -> Rule | None:
        """Return one rule with all its dated values, or None where the rulebook is silent on it."""
        assert name in CATALOGUE, f"{name} is no rule of the catalogue"
        return next((rule for rule in self.text.rules if rule.rule == name), None)

    def day(self, at_ns: int) -> Day:
        """Return the calendar day of an instant (nanoseconds since 1970 UTC) by the rulebook's own clock."""
        return self.rules_of_day(at_ns).effective

    def rules_of_day(self, at_ns: int) -> "InForce":
        """Return the rules in force on the calendar day of an instant, as known on that day.

        Every order asks, so the calendar is asked once a minute only.
        """
        minute = at_ns // NS_PER_MINUTE
        today = self._todays.get(minute)
        if today is None:
            in_utc = day_of(at_ns, 0)
            day = day_of(at_ns, self.in_force(in_utc, in_utc).required_integer("utc_offset"))
            today = self.in_force(day, day)
            _remember(self._todays, minute, today)
        return today

    def in_force(self, effective: Day, known: Day) -> "InForce":
        """Return the rules in force on the day `effective`, as they were known on the day `known`.

        Of the values with `known <= known day` and `effective <= effective day <= until`, the one with the latest
        effective day wins, then the one known latest.
        """
        answer = self._memory.get((effective, known))
        if answer is None:
            values = {rule.rule: winner(rule.values, effective, known) for rule in self.text.rules}
            answer = InForce(
                rulebook=self,
                effective=effective,
                known=known,
                values=MappingProxyType(values),
                optional_numbers=_optional_numbers(values),
                required_numbers=_required_numbers(values),
                lists=_lists(values),
                version=self.version,
            )
            _remember(self._memory, (effective, known), answer)
        return answer


def _remember(memory: dict[K, V], key: K, value: V) -> None:
    """Keep an answer; begin anew where many are kept, since senders choose their times and may name any day."""
    if len(memory) >= REMEMBERED_MAX:
        memory.clear()
    memory[key] = value


def _optional_numbers(values: Mapping[str, DatedValue | None]) -> Mapping[str, int | None]:
    numbers: dict[str, int | None] = {}
    for name, specification in CATALOGUE.items():
        if specification.kind is Kind.INTEGER and not specification.required:
            dated = values.get(name)
            number = None if dated is None else dated.value
            assert number is None or isinstance(number, int), "the catalogue has checked the value"
            numbers[name] = number
    return numbers


def _required_numbers(values: Mapping[str, DatedValue | None]) -> Mapping[str, int]:
    dated = ((name, values.get(name)) for name, specification in CATALOGUE.items() if specification.required)
    return {name: found.value for name, found in dated if found is not None and isinstance(found.value, int)}


def _lists(values: Mapping[str, DatedValue | None]) -> Mapping[str, tuple[str, ...]]:
    lists = {
        name: dated.value for name, dated in values.items() if dated is not None and isinstance(dated.value, tuple)
    }
    assert all(CATALOGUE[name].kind in _LISTS for name in lists), "the catalogue has checked the value"
    return lists


def winner(values: tuple[DatedValue, ...], effective: Day, known: Day) -> DatedValue | None:
    """Return the value in force; values stand in order of (effective, known), so the last that applies wins."""
    for dated in reversed(values):
        if dated.known <= known and dated.effective <= effective <= (dated.until or END_OF_TIME):
            return dated
    return None


def begins_and_ends(values: tuple[DatedValue, ...]) -> tuple[Day, ...]:
    """Return the days on which a value begins, or on which one has ended and an older one may return, in order."""
    begins = [dated.effective for dated in values]
    ends = [day_after(dated.until) for dated in values if dated.until is not None and dated.until < END_OF_TIME]
    return tuple(sorted(dict.fromkeys(begins + ends)))


class InForce(msgspec.Struct, frozen=True):
    """The rules in force on a day, as known on a day."""

    rulebook: Rulebook
    effective: Day
    known: Day
    values: Mapping[str, DatedValue | None]
    optional_numbers: Mapping[str, int | None]
    """Of each rule that is one number and that a venue can do without: every order asks for a dozen of them."""
    required_numbers: Mapping[str, int]
    """Of each rule that is one number and that no venue can do without, where it has one: orders ask for the lot."""
    lists: Mapping[str, tuple[str, ...]]
    """Of each rule that is a list of words."""
    version: str
    """The version of the rulebook that answers."""

    def for_ever(self) -> Rulebook:
        """Return a rulebook that answers on every day, whenever it is asked, as these rules do.

        Raises:
            Refusal: RULE_MISSING where they lack a rule that no rulebook may lack.
        """
        dated = ((name, value) for name, value in self.values.items() if value is not None)
        values = {
            name: DatedValue(DAWN_OF_TIME, DAWN_OF_TIME, value.value, value.source, None, value.note)
            for name, value in dated
        }
        kept = (rule for rule in self.rulebook.text.rules if rule.rule in values)
        rules = tuple(Rule(rule.rule, rule.title, rule.unit, (values[rule.rule],)) for rule in kept)
        return Rulebook(RulebookText(self.rulebook.name, digest_of(rules), rules))

    def value(self, rule: str) -> DatedValue | None:
        """Return the dated value in force, or None when the rulebook has none for this day."""
        assert rule in CATALOGUE, f"{rule} is no rule of the catalogue"
        return self.values.get(rule)

    def integer(self, rule: str, place: str | None = None) -> int | None:
        """Return a number in the rule's unit, for a place where the rule goes by place.

        None means that the rulebook says there is no such limit, or has no value for this day or place; of a rule
        that a venue cannot do without, the lack of a value is a `Refusal` (RULE_MISSING).
        """
        if rule in self.optional_numbers:
            return self.optional_numbers[rule]
        number = self._integer(rule, place)
        if number is None and CATALOGUE[rule].required:
            raise self._refusal(rule, place)
        return number

    def required_integer(self, rule: str, place: str | None = None) -> int:
        """Return a number that the caller cannot do without; raises `Refusal` (RULE_MISSING) when there is none."""
        number = self.required_numbers.get(rule)
        if number is None:
            number = self._integer(rule, place)
        if number is None:
            raise self._refusal(rule, place)
        return number

    def text(self, rule: str) -> str:
        """Return a word or a window, `11:00-13:00`; raises `Refusal` (RULE_MISSING) when there is none."""
        assert CATALOGUE[rule].kind in _TEXTS, f"{rule} is no single text"
        value = self._required_value(rule)
        assert isinstance(value, str), "the catalogue has checked the value"
        return value

    def words(self, rule: str) -> tuple[str, ...]:
        """Return a list of words; raises `Refusal` (RULE_MISSING) when there is none."""
        found = self.lists.get(rule)
        if found is None:
            assert CATALOGUE[rule].kind in _LISTS, f"{rule} is no list"
            raise self._refusal(rule, None)
        return found

    def listed(self, rule: str) -> tuple[str, ...] | None:
        """Return a list of words that a venue can do without, or None where there is no such rule."""
        found = self.lists.get(rule)
        assert found is not None or CATALOGUE[rule].kind in _LISTS, f"{rule} is no list"
        return found

    def word(self, rule: str) -> str | None:
        """Return a word that a venue can do without, or None where there is no such rule."""
        assert CATALOGUE[rule].kind is Kind.WORD, f"{rule} is no single word"
        dated = self.value(rule)
        return dated.value if dated is not None and isinstance(dated.value, str) else None

    def numbers(self, rule: str) -> Mapping[str, int]:
        """Return a number for each word that a rule names; empty where there is no such rule."""
        assert CATALOGUE[rule].kind is Kind.BY_WORD, f"{rule} has no words with numbers"
        dated = self.value(rule)
        return dated.value if dated is not None and isinstance(dated.value, dict) else MappingProxyType({})

    def source(self, rule: str) -> LegalSource | None:
        """Return where the value in force comes from."""
        dated = self.value(rule)
        return None if dated is None else dated.source

    def next_change(self, rule: str, place: str | None = None, known: Day = END_OF_TIME) -> tuple[Day, int] | None:
        """Return the first later day on which another number takes effect, and that number; None when there is none.

        It looks at what was known on the day `known`, by default at all that the rulebook knows.
        """
        now = self._integer(rule, place)
        for day in self._days_after(rule):
            number = self.rulebook.in_force(day, known)._integer(rule, place)  # noqa: SLF001 - its own kind
            if number is not None and number != now:
                return day, number
        return None

    def _days_after(self, rule: str) -> tuple[Day, ...]:
        whole = self.rulebook.rule(rule)
        values = whole.values if whole is not None else ()
        return tuple(day for day in begins_and_ends(values) if day > self.effective)

    def _required_value(self, rule: str) -> RuleValue:
        dated = self.value(rule)
        if dated is None:
            raise self._refusal(rule, None)
        return dated.value

    def _integer(self, rule: str, place: str | None) -> int | None:
        assert CATALOGUE[rule].kind in _NUMBERS, f"{rule} is no number"
        dated = self.values.get(rule)
        if dated is None or dated.value is None:
            return None
        if isinstance(dated.value, dict):
            assert place is not None, f"{rule} goes by place"
            return dated.value.get(place, dated.value.get(DEFAULT_PLACE))
        assert isinstance(dated.value, int), "the catalogue has checked the value"
        return dated.value

    def _refusal(self, rule: str, place: str | None) -> Refusal:
        dated = self.value(rule)
        of_place = f" for {place}" if place is not None and dated is not None else ""
        says = "says that there is no" if dated is not None and dated.value is None else "has no value of"
        what = f"rulebook {self.rulebook.name} {says} {rule}{of_place} on {self.effective}, as known on {self.known}"
        remedy = f"Add a value effective by that day to {rule}.yaml, or choose a day for which it has one."
        return Refusal(Code.RULE_MISSING, what, remedy=remedy)
