"""`naryq rules`: show, compare and check rulebooks, and what a change of rules would have done."""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import click
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from naryq.cli.files import read_rulebook, rulebook_problems, shipped
from naryq.cli.options import DayType, is_day
from naryq.messages import Code, DatedValue, LegalSource, Refusal, Rule, RuleValue
from naryq.rulebook import CATALOGUE, END_OF_TIME, Rulebook
from naryq.units import grouped

WIDTH_WITHOUT_TERMINAL: Final = 120
ABSENT: Final = "no value"


class _Sources:
    """The sources of what a table shows: each gets a number in the table and stands once below it."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], list[str]] = {}

    def number(self, source: LegalSource, note: str = "") -> str:
        """Return the mark of a source, and keep its note for the list."""
        notes = self._notes.setdefault((source.act, source.url), [])
        if note and note not in notes:
            notes.append(note)
        return f"[{list(self._notes).index((source.act, source.url)) + 1}]"

    def print_below(self, console: Console, *, notes: bool) -> None:
        """Print the list that stands below the table."""
        for number, ((act, url), said) in enumerate(self._notes.items(), start=1):
            # An address stays in one piece, so that it can be clicked and copied.
            console.print(f"[{number}] {act}\n    {url}", markup=False, soft_wrap=True)
            for note in said if notes else ():
                console.print(Padding(Text(note), (0, 0, 0, 4)))


def _printed(table: Table, sources: _Sources, *, notes: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False)
    console.print(table)
    sources.print_below(console, notes=notes)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), no_wrap=column in {"rule", "effective", "known", "source"}, overflow="fold")
    return table


def _row(table: Table, *cells: str) -> None:
    table.add_row(*(Text(cell) for cell in cells))


def _written(value: RuleValue) -> str:
    """Write a rule's value for people.

    >>> _written(38_000), _written(None), _written({"KZ-47": 0, "default": 6_500})
    ('38 000', 'none', 'KZ-47 0, default 6 500')
    """
    if value is None:
        return "none"
    if isinstance(value, int):
        return grouped(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ", ".join(value)
    return ", ".join(f"{place} {_written(value[place])}" for place in sorted(value))


def _span(dated: DatedValue) -> str:
    return dated.effective if dated.until is None else f"{dated.effective}\nto {dated.until}"


# --- show -------------------------------------------------------------------------------------------------------


@click.group()
def rules() -> None:
    """Show, compare and check rulebooks.

    A rulebook is the name of a shipped one (kazakhstan, guarded) or the path of a folder of YAML files.
    """


@rules.command()
@click.argument("rulebook", default="kazakhstan")
@click.option("--on", type=DayType(), help="Only the values in force on this day; without it, every dated value.")
@click.option("--known", type=DayType(), help="Only what was known on this day; without it, all that is known now.")
@click.option("--rule", metavar="ID", help="Only this rule, with the notes on its values.")
def show(rulebook: str, on: str | None, known: str | None, rule: str | None) -> None:
    """Print a rulebook's values, each with its days and its source."""
    book = Rulebook(read_rulebook(rulebook))
    shown = (_named(book, rule),) if rule is not None else book.text.rules
    known_day = known or END_OF_TIME
    table = _table(_heading(book, on, known), "rule", "value", "unit", "effective", "known", "source")
    sources = _Sources()
    for each in shown:
        for dated in _values(book, each, on, known_day):
            _show_value(table, sources, each, dated, on)
    _printed(table, sources, notes=rule is not None)


def _named(book: Rulebook, name: str) -> Rule:
    if name not in CATALOGUE:
        remedy = f"The rules are: {', '.join(CATALOGUE)}."
        raise Refusal(Code.RULE_UNKNOWN, f"there is no rule {name!r}", where="--rule", remedy=remedy)
    rule = book.rule(name)
    if rule is None:
        remedy = "Leave --rule out to see the rules that it has."
        raise Refusal(Code.RULE_MISSING, f"rulebook {book.name} is silent on {name}", where="--rule", remedy=remedy)
    return rule


def _heading(book: Rulebook, on: str | None, known: str | None) -> str:
    day = f", in force on {on}" if on else ", every dated value"
    return f"{book.version}{day}{f', as known on {known}' if known else ''}"


def _values(book: Rulebook, rule: Rule, on: str | None, known: str) -> tuple[DatedValue | None, ...]:
    if on is not None:
        return (book.in_force(on, known).value(rule.rule),)
    return tuple(dated for dated in rule.values if dated.known <= known)


def _show_value(table: Table, sources: _Sources, rule: Rule, dated: DatedValue | None, on: str | None) -> None:
    unit = rule.unit.replace("_", " ")
    if dated is not None:
        number = sources.number(dated.source, dated.note)
        _row(table, rule.rule, _written(dated.value), unit, _span(dated), dated.known, number)
        return
    ended = [value.until for value in rule.values if value.until is not None and on is not None and value.until < on]
    _row(table, rule.rule, f"{ABSENT}, the last ended {ended[-1]}" if ended else ABSENT, unit, "", "", "")


# --- diff -------------------------------------------------------------------------------------------------------


class _Side(NamedTuple):
    """One side of a comparison: a rulebook, and the day that `NAME@DAY` or --on gives."""

    label: str
    book: Rulebook
    on: str | None

    def values(self, known: str) -> Mapping[tuple[str, str, str], DatedValue]:
        """Return what is compared: by rule alone where a day is given, else by rule and both days of each value."""
        if self.on is None:
            return {
                (rule.rule, dated.effective, dated.known): dated
                for rule in self.book.text.rules
                for dated in rule.values
                if dated.known <= known
            }
        in_force = self.book.in_force(self.on, known).values
        return {(rule, "", ""): dated for rule, dated in in_force.items() if dated is not None}


def _side(named: str, on: str | None) -> _Side:
    name, at, day = named.rpartition("@")
    if at and is_day(day):
        return _Side(named, Rulebook(read_rulebook(name)), day)
    if at and re.fullmatch(r"\d+-\d+-\d+", day, re.ASCII) and not Path(named).exists():
        remedy = f"Write a day as {name}@2022-01-31, or leave it out."
        raise Refusal(Code.OUT_OF_RANGE, f"{day!r} is no calendar day", where=named, remedy=remedy)
    return _Side(f"{named}@{on}" if on else named, Rulebook(read_rulebook(named)), on)


@rules.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--on", type=DayType(), help="Compare the values in force on this day; without it, every dated value.")
@click.option("--known", type=DayType(), help="Only what was known on this day; without it, all that is known now.")
def diff(old: str, new: str, on: str | None, known: str | None) -> None:
    """Print what differs between two rulebooks, from A to B, with the sources.

    A day may follow a name: `kazakhstan@2021-12-31 kazakhstan@2022-01-01` shows what one night changed.
    """
    sides = (_side(old, on), _side(new, on))
    if (sides[0].on is None) != (sides[1].on is None):
        without = next(side.label for side in sides if side.on is None)
        remedy = "Give both a day, or none."
        raise Refusal(Code.UNKNOWN_OPTION, f"{without} is compared with a day and has none", remedy=remedy)
    known_day = known or END_OF_TIME
    before, after = sides[0].values(known_day), sides[1].values(known_day)
    _print_difference(sides, before, after)


_Values = Mapping[tuple[str, str, str], DatedValue]


def _print_difference(sides: tuple[_Side, _Side], before: _Values, after: _Values) -> None:
    changed = [key for key in sorted({**before, **after}) if _differ(before.get(key), after.get(key))]
    if not changed:
        click.echo(f"{sides[0].label} and {sides[1].label}: no difference.")
        return
    table = _table(
        f"{sides[0].label} -> {sides[1].label}", "rule", "unit", "effective", sides[0].label, "", sides[1].label
    )
    sources = _Sources()
    for key in changed:
        old, new = before.get(key), after.get(key)
        effective = key[1] or "\n".join(_effective_days(old, new))
        unit = CATALOGUE[key[0]].unit.replace("_", " ")
        _row(table, key[0], unit, effective, _cell(old, new, sources), "->", _cell(new, old, sources))
    _printed(table, sources, notes=False)


def _differ(old: DatedValue | None, new: DatedValue | None) -> bool:
    if old is None or new is None:
        return True
    return (old.value, old.until, old.source) != (new.value, new.until, new.source)


def _effective_days(*values: DatedValue | None) -> Iterable[str]:
    return dict.fromkeys(dated.effective for dated in values if dated is not None)


def _cell(own: DatedValue | None, other: DatedValue | None, sources: _Sources) -> str:
    """Write one side's value; where both go by place, only the places that differ."""
    if own is None:
        return ABSENT
    value = own.value
    if isinstance(value, dict) and other is not None and isinstance(other.value, dict):
        differing = {place: number for place, number in value.items() if other.value.get(place) != number}
        value = differing or value
    until = f" to {own.until}" if own.until is not None else ""
    return f"{_written(value)}{until} {sources.number(own.source)}"


# --- effect -----------------------------------------------------------------------------------------------------


@rules.command()
@click.argument("journal", type=click.Path())
@click.argument("proposed", metavar="[RULEBOOK]", required=False)
@click.option("--proposal", metavar="NAME", help="Show the last assessment of this proposal in the journal instead.")
@click.option("--sessions", default=6, show_default=True, type=click.IntRange(1, 100), help="How many of the last.")
@click.option("--effective", type=DayType(), help="The day whose rules are compared; without it, the first possible.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, for programs.")
def effect(
    journal: str, proposed: str | None, proposal: str | None, sessions: int, effective: str | None, *, as_json: bool
) -> None:
    """Print who would have paid and received what in JOURNAL's last sessions, had RULEBOOK been in force.

    Network sessions are cleared again, exactly, from the orders that stood in them; those over an instrument are run
    again, command by command. The journal is only read.
    """
    from naryq.cli.rules_effect import from_proposal, from_rulebook, show  # noqa: PLC0415 - the venue loads only here

    if (proposed is None) == (proposal is None):
        what = "the effect is of one thing: a rulebook, or a proposal that was assessed"
        raise Refusal(Code.UNKNOWN_OPTION, what, where="RULEBOOK", remedy="Give RULEBOOK or --proposal, and not both.")
    if proposal is not None:
        show(from_proposal(journal, proposal), as_json=as_json)
    else:
        show(from_rulebook(journal, proposed or "", sessions, effective), as_json=as_json)


# --- check ------------------------------------------------------------------------------------------------------


@rules.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.pass_context
def check(context: click.Context, paths: tuple[str, ...]) -> None:
    """Check rulebooks, by default the shipped ones, and print every fault with its file, line and remedy."""
    faulty = [named for named in paths or _shipped_names() if not _in_order(named)]
    if faulty:
        context.exit(2)


def _shipped_names() -> tuple[str, ...]:
    return tuple(sorted(folder.name for folder in shipped("rulebooks").iterdir() if folder.is_dir()))


def _in_order(named: str) -> bool:
    refusals = rulebook_problems(named)
    for refusal in refusals:
        click.echo("".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(refusal)))
    if not refusals:
        text = read_rulebook(named)
        values = sum(len(rule.values) for rule in text.rules)
        click.echo(f"{text.name}: {len(text.rules)} rules, {values} values: in order")
    return not refusals
