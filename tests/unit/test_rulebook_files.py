"""Wrong rule files: each is refused with its file, its line and what to do."""

from typing import NamedTuple

import msgspec
import pytest
from tests.rulebook_samples import ABOUT, VALUES, dated, rule_file, sample_files, sample_text, with_rules

from naryq.messages import Code, Refusal, Rule, RulebookText
from naryq.rulebook import Rulebook, base_name, digest_of, load, problems

VAT = rule_file("vat", "1200")


class Wrong(NamedTuple):
    """A file put into the sample rulebook, and the refusal that must answer it."""

    path: str
    text: str
    code: Code
    line: int
    what: str
    remedy: str


def vat(old: str, new: str) -> str:
    assert old in VAT, "the sample file holds what the test changes"
    return VAT.replace(old, new)


INVALID = Code.RULE_INVALID
SECOND = VAT[VAT.index("  - effective") :]
WRONG = {
    "missing key of the rule": Wrong("vat", vat("title: A rule\n", ""), INVALID, 1, "'title' is missing", "Add title:"),
    "missing key of a value": Wrong("vat", vat("    known: 2021-12-01\n", ""), INVALID, 5, "'known' is missing", "Add"),
    "no source": Wrong("vat", VAT[: VAT.index("    source")], INVALID, 5, "'source' is missing", "Add source:"),
    "source without an address": Wrong(
        "vat", vat("      url: https://law.example/act\n", ""), INVALID, 8, "'url' is missing", "Add url:"
    ),
    "unknown key": Wrong("vat", vat("known:", "knwon:"), INVALID, 6, "unknown key 'knwon'", "Did you mean known?"),
    "unknown key like no other": Wrong("vat", vat("known:", "zzz:"), INVALID, 6, "unknown key 'zzz'", "The keys here"),
    "unknown rule": Wrong(
        "vatt", rule_file("vatt", "1"), Code.RULE_UNKNOWN, 1, "there is no rule 'vatt'", "Did you mean vat?"
    ),
    "rule like no other": Wrong(
        "zzz", rule_file("zzz", "1"), Code.RULE_UNKNOWN, 1, "there is no rule 'zzz'", "The rules are: provinces,"
    ),
    "wrong unit": Wrong("vat", vat("basis_points", "percent"), INVALID, 3, "unit of vat is 'percent'", "basis_points"),
    "day that does not exist": Wrong("vat", vat("2022-01-01", "2022-02-30"), INVALID, 5, "not a calendar day", "Write"),
    "day in another form": Wrong(
        "vat", vat("2021-12-01", "01.12.2021"), INVALID, 6, "not a calendar day", "2022-01-31"
    ),
    "day without hyphens": Wrong("vat", vat("2021-12-01", "20211201"), INVALID, 6, "not a calendar day", "2022-01-31"),
    "until before effective": Wrong(
        "vat", vat("    known", "    until: 2021-12-31\n    known"), INVALID, 6, "before effective", "Give the last day"
    ),
    "until that is no day": Wrong(
        "vat", vat("    known", "    until: never\n    known"), INVALID, 6, "calendar", "Write"
    ),
    "key twice": Wrong("vat", vat("title", "rule: vat\ntitle"), INVALID, 2, "the key 'rule' stands twice", "Keep one"),
    "value above its bound": Wrong("vat", vat(": 1200", ": 12000"), INVALID, 7, "outside 0 to 5000", "basis_points"),
    "value below its bound": Wrong("vat", vat(": 1200", ": -1"), INVALID, 7, "value is -1, outside", "whole number"),
    "value as a quoted text": Wrong("vat", vat("1200", "'1200'"), INVALID, 7, "not a whole number", "whole number"),
    "value with a fraction": Wrong(
        "vat", vat("1200", "12.5"), INVALID, 7, "'12.5', not a whole number", "basis_points"
    ),
    "value with an exponent": Wrong("vat", vat("1200", "1e3"), INVALID, 7, "not a whole number", "basis_points"),
    "value with a leading zero": Wrong("vat", vat("1200", "01200"), INVALID, 7, "not a whole number", "basis_points"),
    "value of many digits": Wrong("vat", vat("1200", "9" * 5000), INVALID, 7, "not a whole number", "basis_points"),
    "value left empty": Wrong("vat", vat(" 1200", ""), INVALID, 7, "value is no text", "Write value:"),
    "none where a rule is needed": Wrong("vat", vat("1200", "none"), INVALID, 7, "cannot run without", "whole number"),
    "yes is a word": Wrong("vat", vat("1200", "yes"), INVALID, 7, "'yes', not a whole number", "whole number"),
    "place with a text": Wrong(
        "platform_share", rule_file("platform_share", "{default: x}"), INVALID, 7, "default has no whole", "KZ-47: 50"
    ),
    "one place of many": Wrong(
        "platform_share",
        rule_file("platform_share", "\n      default: 10000\n      KZ-23: 10001\n      KZ-47: 0"),
        INVALID,
        9,
        "KZ-23: value is 10001",
        "for each place",
    ),
    "place out of bounds": Wrong(
        "platform_share", rule_file("platform_share", "{KZ-47: 10001}"), INVALID, 7, "KZ-47: value is 10001", "for each"
    ),
    "no place at all": Wrong(
        "platform_share", rule_file("platform_share", "{}"), INVALID, 7, "not a number for each place", "default: 60"
    ),
    "number where places are wanted": Wrong(
        "platform_share", rule_file("platform_share", "6500"), INVALID, 7, "not a number for each place", "default: 60"
    ),
    "word that the rule has not": Wrong(
        "admission",
        rule_file("admission", "{station_owner.experiense: 2}"),
        INVALID,
        7,
        "none of the rule's words; did you mean station_owner.experience",
        "for each of its words",
    ),
    "word out of bounds": Wrong(
        "admission",
        rule_file("admission", "{station_owner.experience: 51}"),
        INVALID,
        7,
        "station_owner.experience: value is 51, outside 0 to 50",
        "for each of its words",
    ),
    "number where words are wanted": Wrong(
        "admission", rule_file("admission", "2"), INVALID, 7, "value is 2, not a number for each word", "for each of"
    ),
    "code that is none": Wrong(
        "platform_share", rule_file("platform_share", "{Mangystau: 0}"), INVALID, 7, "not an ISO 3166-2", "KZ-47: 50"
    ),
    "unknown province": Wrong(
        "platform_share",
        rule_file("platform_share", "{KZ-99: 0}"),
        Code.UNKNOWN_PLACE,
        7,
        "KZ-99 is none of the rulebook's provinces",
        "provinces.yaml",
    ),
    "province twice": Wrong(
        "provinces", rule_file("provinces", "[KZ-47, KZ-47]"), INVALID, 7, "'KZ-47' stands twice", "a list of"
    ),
    "province that is no code": Wrong(
        "provinces", rule_file("provinces", "[kz47]"), INVALID, 7, "not an ISO 3166-2 code", "a list of"
    ),
    "empty list": Wrong("who_may_buy", rule_file("who_may_buy", "[]"), INVALID, 7, "not a list of words", "[seller]"),
    "unknown role": Wrong(
        "who_may_buy", rule_file("who_may_buy", "[king]"), INVALID, 7, "'king' is not one of", "list"
    ),
    "unknown word": Wrong(
        "tie_rule", rule_file("tie_rule", "luck"), INVALID, 7, "not one of time, pro_rata", "one word"
    ),
    "window that closes first": Wrong(
        "session_window_plan", rule_file("session_window_plan", "13:00-11:00"), INVALID, 7, "does not close", "11:00-13"
    ),
    "window that is none": Wrong(
        "session_window_plan", rule_file("session_window_plan", "morning"), INVALID, 7, "not a window", "11:00-13:00"
    ),
    "window past midnight": Wrong(
        "session_window_plan", rule_file("session_window_plan", "11:00-24:00"), INVALID, 7, "not a window", "11:00"
    ),
    "same days twice": Wrong("vat", VAT + SECOND, INVALID, 11, "two values are effective 2022-01-01", "Keep one"),
    "no value": Wrong("vat", VAT[: VAT.index("values:")] + "values: []\n", INVALID, 4, "vat has no value", "Give at"),
    "values that are no list": Wrong(
        "vat", VAT[: VAT.index("values:")] + "values: 5\n", INVALID, 4, "values is no list", "dash"
    ),
    "value without keys": Wrong(
        "vat", VAT[: VAT.index("  - ")] + "  - 5\n", INVALID, 5, "keys with values are expected", "Give effective"
    ),
    "empty act": Wrong("vat", vat("An act", "''"), INVALID, 9, "act is no text", "Write act:"),
    "address that is none": Wrong("vat", vat("https://law.example/act", "the law"), INVALID, 10, "not a web", "https"),
    "character that cannot be seen": Wrong(
        "vat", vat("An act", '"An \\e[31m act"'), INVALID, 9, "cannot be seen", "Remove"
    ),
    "rule that is not its file's": Wrong("lot", VAT, INVALID, 1, "the file lot.yaml holds the rule 'vat'", "vat.yaml"),
    "tabs for spaces": Wrong("vat", vat("    known", "\tknown"), Code.UNREADABLE, 6, "not YAML", "Mend the line"),
    "a character beyond Unicode": Wrong(
        "vat", vat("An act", '"\\U00110000"'), Code.UNREADABLE, 1, "number of none", "Mend the line"
    ),
    "quote left open": Wrong("vat", vat("An act", '"An act'), Code.UNREADABLE, 11, "not YAML", "quotes in pairs"),
    "control character": Wrong("vat", vat("An act", "An\x00act"), Code.UNREADABLE, 1, "control char", "Mend the line"),
    "empty file": Wrong("vat", "", Code.EMPTY, 1, "the file is empty", "remove the file"),
    "only a comment": Wrong("vat", "# nothing\n", Code.EMPTY, 1, "the file is empty", "remove the file"),
    "a bare word": Wrong("vat", "vat", INVALID, 1, "keys with values are expected", "Give rule, title"),
    "two documents": Wrong("vat", VAT + "---\nrule: vat\n", INVALID, 11, "a second document begins", "one document"),
    "anchor": Wrong("vat", vat(": 1200", ": &rate 1200"), INVALID, 7, "anchors (&)", "Write the value out"),
    "tag": Wrong("vat", vat(": 1200", ": !!int 1200"), INVALID, 7, "is not used here", "begins with !"),
    "too many levels": Wrong("vat", vat("1200", "[" * 5000), INVALID, 7, "too many levels", "shipped rulebook"),
    "key that is no word": Wrong("vat", "? [a]\n: 1\n", INVALID, 1, "a key must be one word", "shipped rulebook"),
    "file of another kind": Wrong("vat", "#" * 1_000_001, Code.TOO_LARGE, 1, "more than 1,000,000", "one fact"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_file_is_refused_with_its_line(wrong: Wrong) -> None:
    """A wrong file gets one refusal that names the file, the line, what is wrong and what to do."""
    files = {**sample_files(), f"sample/{wrong.path}.yaml": wrong.text}
    with pytest.raises(Refusal) as caught:
        load(files)
    refusal = caught.value
    assert refusal.where == f"sample/{wrong.path}.yaml:{wrong.line}"
    assert refusal.code is wrong.code
    assert wrong.what in refusal.what
    assert wrong.remedy in refusal.remedy


def test_sample_itself_is_in_order() -> None:
    """The table above fails for the faults it plants and not for the sample they are planted in."""
    assert problems(sample_files()) == ()


@pytest.mark.parametrize("rule", VALUES)
def test_missing_rule_is_named(rule: str) -> None:
    """A rulebook without a rule that a venue needs is refused with that rule's name."""
    files = sample_files()
    del files[f"sample/{rule}.yaml"]
    refusals = problems(files)
    assert [refusal.code for refusal in refusals[:1]] == [Code.RULE_MISSING]
    assert rule in refusals[0].what


def test_every_faulty_value_is_listed_at_once() -> None:
    """Two faulty values of one file and one of another are three refusals, so that one run shows all."""
    double = VAT.replace("1200", "x") + SECOND.replace("2021-12-01", "2021-12-02").replace("1200", "y")
    files = {**sample_files(), "sample/vat.yaml": double, "sample/lot.yaml": rule_file("lot", "0")}
    assert [refusal.where for refusal in problems(files)] == [
        "sample/lot.yaml:7",
        "sample/vat.yaml:7",
        "sample/vat.yaml:13",
    ]


def test_unreadable_value_does_not_hide_the_next() -> None:
    """A value with a missing key is reported, and so is the fault of the value after it."""
    files = {
        **sample_files(),
        "sample/vat.yaml": VAT.replace("    known: 2021-12-01\n", "") + SECOND.replace("12", "x"),
    }
    assert [refusal.where for refusal in problems(files)][:2] == ["sample/vat.yaml:5", "sample/vat.yaml:12"]


def test_values_are_put_in_order_of_time() -> None:
    """A file may list its values in any order; the rule holds the oldest first."""
    earlier = SECOND.replace("2022-01-01", "2020-01-01").replace("1200", "1100")
    text = load({**sample_files(), "sample/vat.yaml": VAT + earlier})
    rule = next(rule for rule in text.rules if rule.rule == "vat")
    assert [value.value for value in rule.values] == [1100, 1200]


def test_one_rule_in_two_folders_is_refused() -> None:
    """The same rule given by two files is refused, and the refusal names the other file."""
    refusals = problems({**sample_files(), "sample/more/vat.yaml": VAT})
    assert [refusal.where for refusal in refusals] == ["sample/vat.yaml:1"]
    assert "sample/more/vat.yaml" in refusals[0].what


def test_yml_is_to_be_renamed() -> None:
    """A file that ends in .yml is not passed over in silence: it is refused with its right name."""
    (refusal,) = problems({**sample_files(), "sample/retail_cap.yml": rule_file("retail_cap", "{KZ-47: 50}")})
    assert refusal.remedy == "Rename it to retail_cap.yaml."


@pytest.mark.parametrize(
    ("about", "what"),
    [
        (ABOUT.replace("name: sample\n", ""), "'name' is missing"),
        (ABOUT.replace("sample", "../etc", 1), "name is '../etc'"),
        (ABOUT.replace("sample", "a@2022-01-01", 1), "name is 'a@2022-01-01'"),
        (ABOUT + "base: Big Name\n", "base is 'Big Name'"),
        (ABOUT + "author: me\n", "unknown key 'author'"),
        ("- a list\n", "keys with values"),
    ],
)
def test_wrong_rulebook_yaml_is_refused(about: str, what: str) -> None:
    """A wrong rulebook.yaml is refused by itself, before any rule is read."""
    (refusal,) = problems({**sample_files(), "sample/rulebook.yaml": about})
    assert what in refusal.what
    assert refusal.where.startswith("sample/rulebook.yaml:")


def test_folder_without_rulebook_yaml_is_refused() -> None:
    """A folder of rules without a name is no rulebook, nor is one with two names."""
    files = sample_files()
    two = {**files, "other/rulebook.yaml": ABOUT}
    del files["sample/rulebook.yaml"]
    assert "here are 0" in problems(files)[0].what
    assert "here are 2" in problems(two)[0].what


def test_base_gives_what_is_not_overridden() -> None:
    """A rulebook with a base takes over its rules and replaces those that it has a file for, as a whole."""
    base = sample_text()
    about = "name: other\ntitle: Another\ndescription: On a base.\nbase: sample\n"
    files = {"other/rulebook.yaml": about, "other/vat.yaml": rule_file("vat", "1600")}
    assert base_name(files) == "sample"
    rules = {rule.rule: rule for rule in load(files, base=base).rules}
    assert rules["vat"].values[0].value == 1600
    assert rules["lot"] in base.rules
    assert len(rules) == len(base.rules)


def test_replaced_provinces_must_cover_what_is_inherited() -> None:
    """A shorter list of provinces is refused for the inherited rule that names a place outside it."""
    about = "name: other\ntitle: Another\ndescription: On a base.\nbase: sample\n"
    files = {"other/rulebook.yaml": about, "other/provinces.yaml": rule_file("provinces", "[KZ-23]")}
    (refusal,) = problems(files, base=sample_text())
    assert refusal.code is Code.UNKNOWN_PLACE
    assert refusal.where == "rulebook other, rule platform_share of its base"


@pytest.mark.parametrize("about", [ABOUT, ABOUT + "base: other\n"])
def test_wrong_base_is_refused(about: str) -> None:
    """A base that the rulebook does not name is refused, and so is a missing one."""
    (given,) = problems({"sample/rulebook.yaml": about}, base=sample_text())
    assert "builds on" in given.what
    if "base" in about:
        (missing,) = problems({"sample/rulebook.yaml": about})
        assert "none was given" in missing.what


# --- A rulebook that comes from a journal -----------------------------------------------------------------------


def changed(text: RulebookText, **values: int) -> tuple[Rule, ...]:
    """Return the rules with other values, digest not renewed."""
    return tuple(
        msgspec.structs.replace(rule, values=(msgspec.structs.replace(rule.values[0], value=values[rule.rule]),))
        if rule.rule in values
        else rule
        for rule in text.rules
    )


def test_changed_rules_do_not_pass_under_the_old_digest() -> None:
    """A value changed after the rulebook was read is refused: the digest is over every value."""
    text = sample_text()
    with pytest.raises(Refusal, match="digest is not that of its rules"):
        Rulebook(msgspec.structs.replace(text, rules=changed(text, vat=0)))


def test_wrong_value_does_not_pass_with_its_own_digest() -> None:
    """A rulebook that no file check has seen is judged by the same catalogue."""
    rules = changed(sample_text(), vat=9_999)
    with pytest.raises(Refusal, match="outside 0 to 5000"):
        Rulebook(RulebookText(name="sample", digest=digest_of(rules), rules=rules))


def test_unordered_and_incomplete_rules_do_not_pass() -> None:
    """Rules out of order, twice, or too few are refused, also with their own digest."""
    rules = sample_text().rules
    for wrong, what in ((rules[::-1], "not in order"), ((rules[0], *rules), "not in order"), (rules[1:], "is missing")):
        with pytest.raises(Refusal, match=what):
            Rulebook(RulebookText(name="sample", digest=digest_of(wrong), rules=wrong))


def test_values_out_of_order_do_not_pass() -> None:
    """Values that are not the oldest first are refused: the answer in force relies on their order."""
    values = (dated("2022-01-01", "2022-01-01", 1200), dated("2021-01-01", "2021-01-01", 1100))
    with pytest.raises(Refusal, match="not in order of time"):
        Rulebook(with_rules([Rule("vat", "A rule", "basis_points", values)]))


def test_wrong_kind_of_value_from_a_journal_is_refused() -> None:
    """A flag is no number and a source without an act is none, even where no file reader has refused them."""
    flag = Rule("vat", "A rule", "basis_points", (dated("2022-01-01", "2022-01-01", value=True),))
    with pytest.raises(Refusal, match="True, not a whole number"):
        Rulebook(with_rules([flag]))
    value = dated("2022-01-01", "2022-01-01", 1200)
    silent = msgspec.structs.replace(value, source=msgspec.structs.replace(value.source, act=" "))
    with pytest.raises(Refusal, match="names no act"):
        Rulebook(with_rules([Rule("vat", "A rule", "basis_points", (silent,))]))
