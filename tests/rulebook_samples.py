"""A small valid rulebook as files, from which the tests make wrong ones, and rules made from bare numbers."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from naryq.messages import DatedValue, LegalSource, Rule, RulebookText, RuleValue
from naryq.rulebook import CATALOGUE, Rulebook, digest_of, load

ACT = "An act"
URL = "https://law.example/act"

VALUES = {
    "provinces": "[KZ-47, KZ-23]",
    "platform_share": "{default: 10000, KZ-47: 0}",
    "vat": "1200",
    "density": "540",
    "lot": "36000",
    "session_window_plan": "11:00-13:00",
    "session_window_other": "14:00-16:00",
    "utc_offset": "360",
    "who_may_sell": "[seller]",
    "who_may_buy": "[buyer]",
    "tie_rule": "time",
    "price_rule": "middle",
}
"""One value of each rule that a venue cannot do without, as YAML."""

ABOUT = "name: sample\ntitle: A sample\ndescription: For tests.\n"


def rule_file(rule: str, value: str) -> str:
    """Return a rule's file; its lines are numbered in the tests: value stands in line 7, url in line 10."""
    unit = CATALOGUE[rule].unit if rule in CATALOGUE else "word"
    return (
        f"rule: {rule}\n"  # line 1
        "title: A rule\n"
        f"unit: {unit}\n"
        "values:\n"
        "  - effective: 2022-01-01\n"  # line 5
        "    known: 2021-12-01\n"
        f"    value: {value}\n"
        "    source:\n"
        f"      act: {ACT}\n"
        f"      url: {URL}\n"  # line 10
    )


def sample_files() -> dict[str, str]:
    """Return the files of a valid rulebook, path -> text."""
    rules = {f"sample/{rule}.yaml": rule_file(rule, value) for rule, value in VALUES.items()}
    return {"sample/rulebook.yaml": ABOUT, **rules}


def write_sample(below: Path) -> Path:
    """Write the sample rulebook below a folder and return its own folder."""
    for path, text in sample_files().items():
        file = below / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return below / "sample"


@cache
def sample_text() -> RulebookText:
    """Return that rulebook as it is read."""
    return load(sample_files())


def dated(effective: str, known: str, value: RuleValue, until: str | None = None) -> DatedValue:
    """Return a dated value with a source."""
    return DatedValue(effective=effective, known=known, value=value, source=LegalSource(ACT, URL), until=until)


def with_rules(rules: Iterable[Rule]) -> RulebookText:
    """Return the sample with further rules, or others in place of its own."""
    merged = {rule.rule: rule for rule in (*sample_text().rules, *rules)}
    ordered = tuple(merged[name] for name in sorted(merged))
    return RulebookText(name="sample", digest=digest_of(ordered), rules=ordered)


def with_values(rule: str, *values: DatedValue) -> Rulebook:
    """Return the sample rulebook with one rule of the values given."""
    in_order = tuple(sorted(values, key=lambda value: (value.effective, value.known)))
    return Rulebook(with_rules([Rule(rule, "A rule", CATALOGUE[rule].unit, in_order)]))
