"""What the model of the market is fed: facts, each with its source, and assumptions, each with a range and a reason.

The two never mix: a value stands in one table or in the other, and every report counts them apart.
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import NamedTuple, TypeVar

from naryq.messages import Code, Refusal

Key = tuple[str, str]
"""An input's name and the place, plant or pair it is about; the whole country is `KZ`."""

Entry = TypeVar("Entry")

FACT_COLUMNS = ("input", "subject", "value", "unit", "source", "note")
ASSUMPTION_COLUMNS = ("input", "subject", "value", "lowest", "highest", "unit", "why")

DIGITS_MAX = 18
"""Whole numbers of more digits may not fit 64 bits."""


class Fact(NamedTuple):
    """A value that a source states."""

    value: int
    unit: str
    source: str
    note: str


class Assumption(NamedTuple):
    """A value that no source states: what we take, how far it may be off, and why."""

    value: int
    lowest: int
    highest: int
    unit: str
    why: str


class Inputs(NamedTuple):
    """All values of the model, by name and subject."""

    facts: Mapping[Key, Fact]
    assumptions: Mapping[Key, Assumption]

    def value(self, name: str, subject: str = "KZ") -> int:
        """Return a value, whichever table it stands in."""
        key = (name, subject)
        found = self.facts.get(key) or self.assumptions.get(key)
        assert found is not None, f"the model needs {name} of {subject}, which neither table gives"
        return found.value

    def get(self, name: str, subject: str) -> int | None:
        """Return a value, or None where neither table has it."""
        return (
            self.value(name, subject) if (name, subject) in self.facts or (name, subject) in self.assumptions else None
        )

    def subjects(self, name: str) -> tuple[str, ...]:
        """Return all subjects of an input, sorted."""
        return tuple(sorted(subject for key, subject in (*self.facts, *self.assumptions) if key == name))

    def assuming(self, key: Key, value: int) -> "Inputs":
        """Return the same inputs with one assumption moved to another value of its range."""
        assumption = self.assumptions[key]
        assert assumption.lowest <= value <= assumption.highest, "a swing stays within its range"
        return self._replace(assumptions={**self.assumptions, key: assumption._replace(value=value)})


def load(facts_csv: str, assumptions_csv: str) -> Inputs:
    """Read the two tables; raises `Refusal` for a row that does not hold what its column promises."""
    facts: dict[Key, Fact] = {}
    for where, row in _rows(facts_csv, FACT_COLUMNS, "model_facts.csv"):
        _add(facts, where, row, Fact(_whole(row, "value", where), row["unit"], row["source"], row["note"]))
    assumptions: dict[Key, Assumption] = {}
    for where, row in _rows(assumptions_csv, ASSUMPTION_COLUMNS, "assumptions.csv"):
        _add(assumptions, where, row, _assumption(row, where))
        if _key(row) in facts:
            raise _refuse(
                where, f"{row['input']} of {row['subject']} is a fact already", "Keep it in one of the two tables."
            )
    return Inputs(facts, assumptions)


def _rows(text: str, columns: tuple[str, ...], file: str) -> Iterator[tuple[str, dict[str, str]]]:
    reader = csv.DictReader(StringIO(text))
    if tuple(reader.fieldnames or ()) != columns:
        raise _refuse(f"{file}, line 1", "the columns are not as expected", f"Write: {','.join(columns)}")
    for row in reader:
        yield f"{file}, line {reader.line_num}", row


def _key(row: Mapping[str, str]) -> Key:
    return row["input"], row["subject"]


def _add(table: dict[Key, Entry], where: str, row: Mapping[str, str], entry: Entry) -> None:
    if not row.get("source", row.get("why", "")):
        raise _refuse(where, "the value has no source or reason", "Say where it comes from.")
    if _key(row) in table:
        raise _refuse(where, f"{row['input']} of {row['subject']} stands twice", "Keep one row.")
    table[_key(row)] = entry


def _assumption(row: Mapping[str, str], where: str) -> Assumption:
    value, lowest, highest = (_whole(row, column, where) for column in ("value", "lowest", "highest"))
    if not lowest <= value <= highest:
        raise _refuse(
            where, f"{value} lies outside its own range {lowest} to {highest}", "Correct the range or the value."
        )
    return Assumption(value, lowest, highest, row["unit"], row["why"])


def _whole(row: Mapping[str, str], column: str, where: str) -> int:
    text = row[column] or ""  # A row that ends early has no cell at all.
    if not text.isascii() or not text.isdigit() or len(text) > DIGITS_MAX:
        raise _refuse(where, f"{column} is {text!r}, not a whole number", "Write digits only.")
    return int(text)


def _refuse(where: str, what: str, remedy: str) -> Refusal:
    return Refusal(Code.WRONG_TYPE, what, where=where, remedy=remedy)
