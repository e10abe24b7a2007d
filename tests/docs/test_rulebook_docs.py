"""The pages on rulebooks say what the program does: the catalogue, the example, the refusal and the Python lines."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from naryq.cli import main
from naryq.cli.files import read_rulebook, rulebook_problems
from naryq.rulebook import CATALOGUE, NUMBERS, Kind, Rulebook

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "rulebook.md").read_text(encoding="utf-8")
HOW_TO = (DOCS / "how-to" / "change-a-rule.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_reference_lists_the_catalogue_as_it_is() -> None:
    """Each rule stands in the table with its unit, bounds and need, and no other rule stands there."""
    table = REFERENCE.split("## The catalogue")[1].split("A rate in basis points")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| `")]
    assert [row[0].strip("`") for row in rows] == list(CATALOGUE)
    for row, specification in zip(rows, CATALOGUE.values(), strict=True):
        numbers = specification.kind in NUMBERS
        bounds = f"{specification.lowest} to {specification.highest}" if numbers else ""
        assert row[3:] == [f"`{specification.unit}`", bounds, "yes" if specification.required else ""]
        assert all(f"`{word}`" in row[1] for word in specification.words if specification.kind is Kind.WORD)


def test_reference_names_every_command_and_call() -> None:
    """Each command of the group and each public part of an answer is on the page."""
    assert all(f"naryq rules {name}" in REFERENCE for name in ("show", "diff", "check"))
    answer = Rulebook(read_rulebook("kazakhstan")).in_force("2022-01-01", "2022-01-01")
    calls = [name for name in vars(type(answer)) if not name.startswith("_")]
    public = [name for name in calls if name not in {"rulebook", "effective", "known", "values"}]
    assert [name for name in public if f".{name}" not in REFERENCE] == []


def test_python_lines_of_the_reference_run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The example prints what its comments say."""
    monkeypatch.chdir(DOCS.parent)
    (code,) = blocks(REFERENCE, "python")
    exec(compile(code, "rulebook.md", "exec"), {})  # noqa: S102 - our own page is what is tested
    assert capsys.readouterr().out == "None\n('2022-01-06', 50)\n"


def test_how_to_makes_the_rulebook_it_describes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two files of the page are a rulebook in order, and the comparison shows the smaller step."""
    about, rule = blocks(HOW_TO, "yaml")
    (tmp_path / "stricter").mkdir()
    (tmp_path / "stricter" / "rulebook.yaml").write_text(about)
    (tmp_path / "stricter" / "pump_step_rise.yaml").write_text(rule)
    monkeypatch.chdir(tmp_path)
    assert rulebook_problems("stricter") == ()
    output = CliRunner().invoke(main, ["rules", "diff", "guarded", "stricter"]).output
    assert re.search(r"pump_step_rise .*500 \[1\].*300 \[2\]", output)
    (tmp_path / "stricter" / "pump_step_rise.yaml").write_text(rule.replace("300", "3%"))
    (refusal,) = rulebook_problems("stricter")
    assert blocks(HOW_TO, "text") == [f"{refusal}\n"]


@pytest.mark.parametrize("command", [line for block in blocks(HOW_TO, "sh")[:1] for line in block.splitlines()])
def test_commands_of_the_how_to_run(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of the page end well in a checkout."""
    monkeypatch.chdir(DOCS.parent)
    assert CliRunner().invoke(main, command.split()[1:]).exit_code == 0
