"""How a rulebook is changed: values are added and none is taken away, so that every answer of before stays the same.

Three ways: single values from a day on, a whole rulebook from a day on, and values for an emergency that end by
themselves. Each gives the text of another rulebook, which `Rulebook` checks like any other.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from naryq.messages import (
    Code,
    DatedValue,
    Day,
    EmergencyValue,
    LegalSource,
    Refusal,
    Rule,
    RulebookText,
    RuleChange,
    WholeRulebook,
)
from naryq.rulebook.catalogue import CATALOGUE, digest_of, faults_of
from naryq.rulebook.in_force import Rulebook, begins_and_ends, winner
from naryq.units import day_after, is_day

BEYOND_EMERGENCY: Final = ("provinces", "utc_offset", "rule_change_notice_days", "emergency_days_max")
"""What no emergency may touch: the country, the clock that says when it ends, and the rules on changing rules."""

_Added = dict[str, list[DatedValue]]


def amended(text: RulebookText, changes: Iterable[RuleChange], known: Day) -> RulebookText:
    """Return a rulebook with single values added, all known since the day `known`.

    Raises:
        Refusal: RULE_UNKNOWN or RULE_INVALID when a value is not what its rule may have, or a rule has a value of
            the same two days already.
    """
    added: _Added = {}
    for change in changes:
        dated = DatedValue(change.effective, known, change.value, change.source, change.until, change.note)
        added.setdefault(change.rule, []).append(dated)
    return _with_values(text, added)


def replaced(text: RulebookText, whole: WholeRulebook, known: Day) -> RulebookText:
    """Return a rulebook that answers as the old one for days before `whole.effective`, and else as the new one.

    It asks both on every day on which either changes, and on every later day of knowledge, and writes down what the
    new one says where the old one would say otherwise.

    Raises:
        Refusal: RULE_INVALID when `whole.effective` is no day of the calendar; RULE_MISSING when the new one is silent
            on a rule that a venue cannot do without.
    """
    if not is_day(whole.effective):
        what = f"effective is {whole.effective!r}, not a calendar day"
        raise Refusal(Code.RULE_INVALID, what, where="effective", remedy="Write it as 2022-01-31.")
    new = Rulebook(whole.rulebook).text
    old_rules, new_rules = _by_name(text), _by_name(new)
    added: _Added = {}
    titles = {rule.rule: rule.title for rule in new.rules}
    for name in sorted({**old_rules, **new_rules}):
        old_values = tuple(_ended_before(old_rules.get(name, ()), whole.effective, known))
        written = _as_written(name, old_values, new_rules.get(name, ()), whole, known)
        added[name] = list(written)
    return _rulebook(new.name, added, {**{rule.rule: rule.title for rule in text.rules}, **titles})


def emergency(
    text: RulebookText, values: Iterable[EmergencyValue], today: Day, until: Day, source: LegalSource
) -> RulebookText:
    """Return a rulebook in which rules have other values from today until the end of a day, known since today.

    Where the rulebook has a value that would begin meanwhile, the emergency stands over it and leaves it afterwards.

    Raises:
        Refusal: NOT_PERMITTED when a rule lies beyond an emergency; RULE_UNKNOWN or RULE_INVALID as `amended`.
    """
    rules = _by_name(text)
    added: _Added = {}
    for each in values:
        if each.rule in BEYOND_EMERGENCY:
            what = f"{each.rule} lies beyond an emergency"
            raise Refusal(Code.NOT_PERMITTED, what, where="values", remedy="Propose the change.")
        begins = [day for day in begins_and_ends(rules.get(each.rule, ())) if today < day <= until]
        for day in (today, *begins):
            added.setdefault(each.rule, []).append(DatedValue(day, today, each.value, source, until))
    return _with_values(text, added)


def first_day(proposed: tuple[RuleChange, ...] | WholeRulebook) -> Day:
    """Return the first day on which a proposal takes effect."""
    if isinstance(proposed, WholeRulebook):
        return proposed.effective
    return min(change.effective for change in proposed)


def proposed_text(text: RulebookText, proposed: tuple[RuleChange, ...] | WholeRulebook, known: Day) -> RulebookText:
    """Return the rulebook that a proposal makes of the one in force, known since the day `known`."""
    if isinstance(proposed, WholeRulebook):
        return replaced(text, proposed, known)
    return amended(text, proposed, known)


# --- How it is done ---------------------------------------------------------------------------------------------


def _by_name(text: RulebookText) -> Mapping[str, tuple[DatedValue, ...]]:
    return {rule.rule: rule.values for rule in text.rules}


def _with_values(text: RulebookText, added: _Added) -> RulebookText:
    titles = {rule.rule: rule.title for rule in text.rules}
    values = {rule.rule: list(rule.values) for rule in text.rules}
    for name, dated in added.items():
        values[name] = [*values.get(name, []), *dated]
    return _rulebook(text.name, values, titles)


def _rulebook(name: str, values: _Added, titles: Mapping[str, str]) -> RulebookText:
    """Return the text of a rulebook in its one order; refuses the first fault of a rule."""
    rules = []
    for rule in sorted(values):
        unit = CATALOGUE[rule].unit if rule in CATALOGUE else ""
        title = titles.get(rule, rule.replace("_", " "))
        in_order = tuple(sorted(values[rule], key=lambda dated: (dated.effective, dated.known)))
        rules.append(_sound(Rule(rule, title, unit, in_order)))
    return RulebookText(name, digest_of(tuple(rules)), tuple(rules))


def _sound(rule: Rule) -> Rule:
    for fault in faults_of(rule):
        raise Refusal(fault.code, fault.what, where=f"rule {rule.rule}", remedy=fault.remedy)
    return rule


def _ended_before(values: Iterable[DatedValue], effective: Day, known: Day) -> Iterable[DatedValue]:
    """Yield old values; what would become known after the change keeps to the days before it takes effect."""
    last = day_after(effective, -1)
    for dated in values:
        if dated.known <= known:
            yield dated
        elif dated.effective < effective:
            until = last if dated.until is None else min(dated.until, last)
            yield DatedValue(dated.effective, dated.known, dated.value, dated.source, until, dated.note)


def _as_written(
    name: str, old: tuple[DatedValue, ...], new: tuple[DatedValue, ...], whole: WholeRulebook, known: Day
) -> tuple[DatedValue, ...]:
    """Return the old values with those that make them answer as the new ones from a day on."""
    days = sorted({whole.effective, *(d for d in begins_and_ends((*old, *new)) if d > whole.effective)})
    knowns = sorted({known, *(dated.known for dated in new if dated.known > known)})
    values = old
    for since in knowns:
        for day in days:
            wanted = _wanted(name, winner(new, day, since), whole, day, since)
            found = winner(values, day, since)
            if found is None or (found.value, found.source, found.note) != (wanted.value, wanted.source, wanted.note):
                kept = (dated for dated in values if (dated.effective, dated.known) != (day, since))
                values = tuple(sorted((*kept, wanted), key=lambda dated: (dated.effective, dated.known)))
    return values


def _wanted(name: str, dated: DatedValue | None, whole: WholeRulebook, day: Day, known: Day) -> DatedValue:
    """Return what the new rulebook says on a day, as a value that begins there and stays until the next."""
    if dated is not None:
        return DatedValue(day, known, dated.value, dated.source, None, dated.note)
    if CATALOGUE[name].required:
        what = f"rulebook {whole.rulebook.name} has no value of {name} on {day}"
        raise Refusal(Code.RULE_MISSING, what, where=f"rule {name}", remedy=f"Give {name} a value for that day.")
    return DatedValue(day, known, None, whole.source)
