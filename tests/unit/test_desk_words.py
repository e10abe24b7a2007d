"""The words of the pages: every key in three languages, every key used, every placeholder the same."""

# ruff: noqa: RUF001 - Kazakh and Russian letters look like Latin ones, and are none.

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from naryq.desk.actions import ACTIONS
from naryq.desk.words import LANGUAGES, WORDS, name_of, preferred, say
from naryq.messages import Code, Measure, Screen, Side
from naryq.rulebook import CATALOGUE
from naryq.surveillance import SCREENS as ALL_SCREENS

DESK = Path(__file__).parents[2] / "src" / "naryq" / "desk"
TEMPLATES = "".join(path.read_text("utf-8") for path in sorted((DESK / "templates").glob("*.html")))
CODE = "".join(path.read_text("utf-8") for path in sorted(DESK.glob("*.py")) if not path.name.startswith("words"))
CYRILLIC = re.compile("[а-яёәғқңөұүһі]", re.IGNORECASE)
MEASURING = ("structure", "bids", "conduct", "chains")
SCREENS = "".join((DESK.parent / "surveillance" / f"{name}.py").read_text("utf-8") for name in MEASURING)
UNITS = set(re.findall(r', "([a-z ]+)"\)', SCREENS)) - {*get_args(Side)}
"""The units of evidence."""
FORMED = ("nav.", "do.", "field.", "hint.", "confirm.", "theme.", "weekday.", "code.", "live.")
"""How keys begin that the pages put together from a part."""
SAME_EVERYWHERE = {"hint.url"}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", WORDS)
def test_a_word_is_there_in_three_languages(key: str) -> None:
    """Each key has three texts with the same placeholders, and the Kazakh and the Russian one are in Cyrillic."""
    english, kazakh, russian = WORDS[key]
    assert english.strip()
    assert placeholders(english) == placeholders(kazakh) == placeholders(russian)
    assert key in SAME_EVERYWHERE or (CYRILLIC.search(kazakh) and CYRILLIC.search(russian))
    assert not CYRILLIC.search(english)
    assert not any(mark in text for text in WORDS[key] for mark in ("  ", " ,"))


def test_every_key_that_a_page_names_is_there() -> None:
    """What templates and code call by its key stands in the table, what they put together from parts too."""
    named = set(re.findall(r"\bt\(\s*[\"']([\w.-]+)[\"']\s*[,)]", TEMPLATES))
    named |= set(re.findall(r"say\([^,()]*(?:\([^)]*\))?[^,()]*, \"([\w.-]+)\"", CODE))
    assert len(named) > 150
    assert named <= WORDS.keys()
    for action in ACTIONS.values():
        assert f"do.{action.name}" in WORDS
        assert {field.label_key for field in action.fields} <= WORDS.keys()
        assert {field.hint for field in action.fields if field.hint} <= WORDS.keys()
        assert f"confirm.{action.name}" in WORDS or not action.confirm
        for field in action.fields:
            assert all(f"{field.names}.{choice}" in WORDS for choice in field.choices if field.names)


def test_what_the_watch_and_the_rules_measure_is_worded() -> None:
    """Each screen, each measure of evidence and each unit of either has a word in every language."""
    units = UNITS | {each.unit for each in CATALOGUE.values()}
    keys = [f"unit.{unit}".replace(" ", "_") for unit in sorted(units)]
    keys += [f"direction.{each.direction}".replace(" ", "_") for each in ALL_SCREENS]
    keys += [f"measure.{measure}" for measure in get_args(Measure)]
    keys += [f"screen.{screen}" for screen in get_args(Screen)]
    assert [key for key in keys if key not in WORDS] == []
    assert name_of("ru", "direction", "at most") == "не более"
    assert {"basis points", "nanoseconds"} <= UNITS
    assert {*get_args(Measure)} <= set(re.findall(r'"(\w+)"', SCREENS))


def test_no_word_stands_there_for_nothing() -> None:
    """Each key is named by a page or belongs to a closed list that a page names."""
    lists = set(re.findall(r"\bname\([\"'](\w+)[\"']", TEMPLATES)) | set(re.findall(r"name_of\([^,]*, \"(\w+)\"", CODE))
    lists |= {field.names for action in ACTIONS.values() for field in action.fields if field.names}
    quoted = [f"{quote}{{}}{quote}" for quote in "\"'"]
    idle = [
        key
        for key in WORDS
        if not any(form.format(key) in TEMPLATES + CODE for form in quoted)
        and not key.startswith(FORMED)
        and key.partition(".")[0] not in lists
    ]
    assert idle == []


def test_every_refusal_has_its_sentence() -> None:
    """The pages say every code of the closed list in each language."""
    assert {f"code.{code}" for code in Code} == {key for key in WORDS if key.startswith("code.")}


def test_a_key_that_is_not_there_is_a_bug() -> None:
    """A page that names a word that nobody has written fails instead of showing its key."""
    with pytest.raises(KeyError):
        say("en", "no.such.word")
    assert name_of("ru", "phase", "no_such_phase") == "no such phase"


def test_a_browser_is_met_in_its_language() -> None:
    """The language of a first visit is the one that the browser asks for most, of those that there are."""
    asked = ("ru-RU,ru;q=0.9,en;q=0.8", "en", "fr", "kk;q=0.5, en;q=0.4", "en;q=zz, ru;q=0.1")
    assert [preferred(each) for each in asked] == ["ru", "en", "kk", "kk", "ru"]
    assert {"kk", "ru", "en"} == set(LANGUAGES)
