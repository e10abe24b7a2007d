"""`naryq rules` as people use it: what it prints, and with which code it ends."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.rulebook_samples import rule_file, write_sample

from naryq.cli import main
from naryq.cli.files import read_rulebook


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["rules", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def line_of(output: str, *words: str) -> str:
    """Return the one line that holds all the words."""
    (line,) = [line for line in output.splitlines() if all(word in line for word in words)]
    return line


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a valid rulebook on the disk."""
    return write_sample(tmp_path)


def test_show_prints_what_is_in_force_on_a_day() -> None:
    """One line a rule: value, unit, days and the number of its source, which stands below with its address."""
    result = run("show", "--on", "2022-01-06")
    assert result.exit_code == 0
    assert "known" in line_of(result.output, "rule", "value", "unit", "effective", "source")
    assert "5" in line_of(result.output, "retail_remote_surcharge", "tenge per litre", "2022-01-06", "2022-01-05")
    assert "none" in line_of(result.output, "collar_rise", "basis points", "2019-01-01")
    assert "KZ-47 50" in result.output
    assert "    https://en.trend.az/casia/kazakhstan/3537233.html" in result.output.splitlines()


def test_show_keeps_silence_apart_from_none() -> None:
    """A rule without a value on a day is shown as such, with the day on which the last one ended."""
    output = run("show", "--on", "2018-06-01", "--rule", "wholesale_cap").output
    assert "no value, the last ended 2017-12-31" in output
    assert "no value" in line_of(run("show", "--on", "2014-01-01").output, "wholesale_cap")


def test_show_answers_as_of_a_day() -> None:
    """What was known on 4 January is shown as it was known on 4 January."""
    arguments = ("show", "--rule", "platform_share", "--on", "2022-01-06", "--known")
    assert "default 10 000" in run(*arguments, "2022-01-04").output
    assert "default 0" in run(*arguments, "2022-01-05").output


def test_show_one_rule_with_its_history_and_notes() -> None:
    """--rule without --on lists every dated value, its end, and what the notes say of it."""
    output = run("show", "guarded", "--rule", "wholesale_cap").output
    assert [value for value in ("11 033", "23 106", "38 701", "59 722") if value not in output] == []
    assert "to 2019-06-30" in output
    assert "11,033.91" in output
    assert "59 722" not in run("show", "guarded", "--rule", "wholesale_cap", "--known", "2024-12-31").output


def test_diff_shows_what_guarded_adds() -> None:
    """The two shipped rulebooks differ in limits, from none or no value to a number, each with its sources."""
    output = run("diff", "kazakhstan", "guarded").output
    for limit, value in (("collar_rise", "1 000"), ("collar_fall", "6 000"), ("pump_step_rise", "500")):
        line = line_of(output, limit, "->", f"{value} [")
        assert re.search(r"none \[\d+\] +-> +[\d ]+ \[\d+\]", line)
        number = line.rpartition("[")[2].rstrip("] \n")
        assert f"[{number}] Proposal of this project" in output
    assert "none [" in line_of(output, "emergency_days_max", "->", "30 [")
    assert "platform_share" not in output


def test_diff_of_two_days_shows_what_a_night_changed() -> None:
    """A day after a name compares one rulebook with itself; only places that differ are shown."""
    output = run("diff", "kazakhstan@2021-12-31", "kazakhstan@2022-01-01").output
    assert "default 10 000" in line_of(output, "platform_share", "KZ-47 0, default 6 500")
    assert "no value" in line_of(output, "wholesale_cap", "38 000", "->")
    assert [line for line in output.splitlines() if line.startswith(("vat", "lot", "density"))] == []


def test_diff_on_a_day_and_as_known_on_a_day() -> None:
    """--on compares the values in force; --known leaves out what was not known yet."""
    assert "pump_step_rise" in run("diff", "kazakhstan", "guarded", "--on", "2022-01-01").output
    same = run("diff", "kazakhstan", "guarded", "--on", "2018-01-01")
    assert same.output == "kazakhstan@2018-01-01 and guarded@2018-01-01: no difference.\n"
    assert "no difference" in run("diff", "kazakhstan", "guarded", "--known", "2018-01-01").output
    assert same.exit_code == 0


def test_diff_of_a_changed_copy_shows_the_places_that_differ(folder: Path) -> None:
    """Of a rule by place only the changed place is shown, from the old number to the new one."""
    copy = folder.parent / "copy"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "platform_share.yaml").write_text(rule_file("platform_share", "{default: 10000, KZ-47: 5000}"))
    output = run("diff", str(folder), str(copy)).output
    changed = next(line for line in output.splitlines() if line.startswith("platform_share"))
    assert "default" not in changed
    assert "KZ-47 0" in output
    assert "KZ-47 5 000" in output


def test_diff_with_one_day_too_few_is_refused() -> None:
    """A day on one side only would compare a day with a whole history: it is refused."""
    refused = run("diff", "kazakhstan@2022-13-13", "guarded")
    assert refused.stderr.startswith("naryq: out_of_range: kazakhstan@2022-13-13: '2022-13-13' is no calendar day.")
    result = run("diff", "kazakhstan@2022-01-01", "guarded")
    assert result.exit_code == 2
    assert "Give both a day, or none." in result.output


def test_check_counts_the_shipped_rulebooks() -> None:
    """Without a path the shipped rulebooks are checked, one line each."""
    result = run("check")
    assert result.exit_code == 0
    found = [re.fullmatch(r"(\w+): (\d+) rules, (\d+) values: in order", line) for line in result.output.splitlines()]
    assert [match and match[1] for match in found] == ["guarded", "kazakhstan"]
    for match in found:
        assert match is not None
        rules = read_rulebook(match[1]).rules
        assert (int(match[2]), int(match[3])) == (len(rules), sum(len(rule.values) for rule in rules))


def test_check_prints_every_fault_and_ends_with_two(folder: Path) -> None:
    """Each fault is one line with file, line and remedy; the other rulebooks are still checked; the code is 2."""
    (folder / "vat.yaml").write_text(rule_file("vat", "12000"))
    (folder / "lot.yaml").write_text(rule_file("lot", "none"))
    result = run("check", str(folder), "kazakhstan")
    lines = result.output.splitlines()
    assert result.exit_code == 2
    assert f"{folder.as_posix()}/lot.yaml:7: value is none" in lines[0]
    assert f"{folder.as_posix()}/vat.yaml:7: value is 12000, outside 0 to 5000 basis_points. Give" in lines[1]
    assert lines[2].startswith("kazakhstan: ")
    assert lines[2].endswith(": in order")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("show", "nope"), "Give the path of a rulebook's folder, or one of: guarded, kazakhstan."),
        (("show", "--on", "2022-02-30"), "write it as 2022-01-31"),
        (("show", "--known", "yesterday"), "write it as 2022-01-31"),
        (("show", "--rule", "vatt"), "The rules are: provinces,"),
        (("diff", "kazakhstan"), "Missing argument 'B'"),
        (("check", "nope"), "there is no rulebook 'nope'"),
    ],
)
def test_wrong_questions_end_with_two_and_an_answer(arguments: tuple[str, ...], what: str) -> None:
    """A wrong name, day or rule gets one clear answer, exit code 2 and no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert what in result.output
    assert "Traceback" not in result.output


def test_silent_rulebook_is_refused_for_the_rule_it_lacks(folder: Path) -> None:
    """Asked for a rule that it does not have, a rulebook says so instead of showing an empty table."""
    result = run("show", str(folder), "--rule", "retail_cap")
    assert result.exit_code == 2
    assert "silent on retail_cap" in result.output


def test_text_of_a_rulebook_cannot_dress_itself_up(folder: Path) -> None:
    """Brackets in a title or act are printed as they stand, and not taken for colours or links."""
    (folder / "vat.yaml").write_text(rule_file("vat", "1200").replace("An act", '"[red]An[/red] [link=x]act"'))
    assert "[red]An[/red] [link=x]act" in run("show", str(folder), "--rule", "vat").output
