"""The shipped rulebooks: sources, honesty about gaps, and the folder they are found in."""

import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from tests.rulebook_samples import sample_files, write_sample

from naryq.cli.files import read_rulebook, rulebook_folder, rulebook_problems, shipped
from naryq.messages import Code, Refusal
from naryq.rulebook import CATALOGUE, Rulebook

NAMES = ("guarded", "kazakhstan")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_rulebook_is_in_order(name: str) -> None:
    """Both rulebooks pass every check and cover the whole catalogue."""
    assert rulebook_problems(name) == ()
    assert [rule.rule for rule in read_rulebook(name).rules] == sorted(CATALOGUE)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_an_act_and_a_secure_address(name: str) -> None:
    """No value stands on nothing: each names an act or report and an https address without a space."""
    for rule in read_rulebook(name).rules:
        for value in rule.values:
            assert len(value.source.act) > 10, rule.rule
            assert re.fullmatch(r"https://[^\s]+\.[^\s]+", value.source.url), rule.rule


def test_no_fact_became_known_after_it_took_effect() -> None:
    """The facts at hand hold no rule that was made backwards; who enters one means it, and changes this test."""
    for rule in read_rulebook("kazakhstan").rules:
        for value in rule.values:
            assert value.known <= value.effective, (rule.rule, value.effective)


def test_no_ended_value_gives_way_to_an_older_one() -> None:
    """Where a value ends, its successor or silence follows: no shipped value returns from before, unseen."""
    for rule in read_rulebook("kazakhstan").rules:
        for older, newer in pairwise(rule.values):
            if newer.until is not None:
                assert older.until is not None, (rule.rule, older.effective)
                assert older.until < newer.effective, (rule.rule, older.effective)


PROPOSED = """
    administered_price admission batch_highest batch_lowest claim_days collar_fall collar_rise cumulative_sessions
    cumulative_threshold fund_exhausted fund_floor order_lots_highest order_value_highest orders_per_second parity_age
    publication_gap publication_lead pump_step_rise stop_orders tie_rule two_key_level two_key_sessions two_key_spread
    two_key_stay who_may_stop
"""


def test_proposals_are_called_proposals() -> None:
    """What guarded adds was never law: each of its own values says so, and says why it has this value."""
    own = {path.stem for path in (shipped("rulebooks") / "guarded").glob("*.yaml")} - {"rulebook"}
    assert own >= set(PROPOSED.split())
    for rule in read_rulebook("guarded").rules:
        for value in rule.values if rule.rule in own else ():
            assert value.source.act.startswith("Proposal of this project")
            assert "Why" in value.note


def test_assumptions_are_called_assumptions() -> None:
    """The two rules that no source gives say so where a reader looks for their act."""
    book = Rulebook(read_rulebook("kazakhstan"))
    for name in ("tie_rule", "price_rule"):
        rule = book.rule(name)
        assert rule is not None
        assert all(value.source.act.startswith("Assumption of this project") for value in rule.values)


# --- Finding and reading files ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a valid rulebook on the disk."""
    return write_sample(tmp_path)


def test_rulebook_is_read_from_any_folder(folder: Path) -> None:
    """A path is as good as a name, and a byte order mark that an editor wrote does no harm."""
    vat = folder / "vat.yaml"
    vat.write_bytes(b"\xef\xbb\xbf" + vat.read_bytes())
    assert read_rulebook(str(folder)).name == "sample"


def test_other_files_of_a_folder_are_left_alone(folder: Path) -> None:
    """Notes, hidden files and folders beside the rules are no rules."""
    (folder / "README.md").write_text("Why these numbers.")
    (folder / ".#vat.yaml").write_text("an editor's lock")
    (folder / "old.yaml").mkdir()
    assert rulebook_problems(str(folder)) == ()


def test_base_is_looked_for_beside_the_rulebook_first(folder: Path) -> None:
    """A base is the folder next door when there is one, else a shipped rulebook."""
    about = "name: mine\ntitle: Mine\ndescription: On a base.\nbase: {}\n"
    mine = folder.parent / "mine"
    mine.mkdir()
    (mine / "rulebook.yaml").write_text(about.format("sample"))
    assert len(read_rulebook(str(mine)).rules) == len(sample_files()) - 1
    (mine / "rulebook.yaml").write_text(about.format("kazakhstan"))
    assert len(read_rulebook(str(mine)).rules) == len(CATALOGUE)


def test_circle_of_bases_is_refused(folder: Path) -> None:
    """Two rulebooks that build on each other are refused instead of being read for ever."""
    (folder / "rulebook.yaml").write_text("name: sample\ntitle: A\ndescription: B.\nbase: other\n")
    other = folder.parent / "other"
    other.mkdir()
    (other / "rulebook.yaml").write_text("name: other\ntitle: A\ndescription: B.\nbase: sample\n")
    with pytest.raises(Refusal, match="builds on itself"):
        read_rulebook(str(folder))


def test_fault_of_the_base_is_reported_with_its_file(folder: Path) -> None:
    """A rulebook on a faulty base is refused for the base's fault, in the base's file."""
    (folder / "vat.yaml").write_text("")
    mine = folder.parent / "mine"
    mine.mkdir()
    (mine / "rulebook.yaml").write_text("name: mine\ntitle: A\ndescription: B.\nbase: sample\n")
    (refusal,) = rulebook_problems(str(mine))
    assert refusal.where == f"{folder.as_posix()}/vat.yaml:1"


def test_file_that_is_not_utf8_is_refused_with_its_line(folder: Path) -> None:
    """A file in an old Cyrillic encoding is refused with the line of the first byte that is no UTF-8."""
    vat = folder / "vat.yaml"
    vat.write_bytes(vat.read_bytes().replace(b"A rule", "Закон".encode("cp1251")))
    (refusal,) = rulebook_problems(str(folder))
    assert refusal.where == f"{vat}:2"
    assert refusal.remedy == "Save the file as UTF-8."


def test_file_of_another_kind_is_not_read_into_memory(folder: Path) -> None:
    """A file far too large for a rule is refused by its size alone."""
    with (folder / "vat.yaml").open("wb") as file:
        file.truncate(10**9)
    (refusal,) = rulebook_problems(str(folder))
    assert refusal.code is Code.TOO_LARGE


@pytest.mark.parametrize("kind", ["link to itself", "link to nothing", "pipe"])
def test_file_that_cannot_be_read_is_refused(folder: Path, kind: str) -> None:
    """A rule that cannot be read is refused by name: passing it over could drop a limit without a word."""
    path = folder / "collar_rise.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "link to itself" else folder / "nothing")
    (refusal,) = rulebook_problems(str(folder))
    assert (refusal.code, refusal.where) == (Code.UNREADABLE, str(path))


@pytest.mark.parametrize("name", ["", "nope", "../nope", "kazakhstan/vat.yaml", "a\x00b", "a" * 300])
def test_unknown_rulebook_is_refused_with_the_known_ones(name: str) -> None:
    """A name that leads nowhere is refused, and the refusal lists what there is."""
    with pytest.raises(Refusal) as caught:
        rulebook_folder(name)
    assert "guarded, kazakhstan" in caught.value.remedy
