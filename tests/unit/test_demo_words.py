"""What `naryq demo` prints on a terminal: numbers stay whole, and what it tells people to type can be typed."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from naryq.cli import demo, pages


@pytest.mark.parametrize("width", range(20, 60))
def test_a_terminal_s_edge_parts_no_number(width: int) -> None:
    """At every width a number of several groups stands on one line, and nothing of the text is lost."""
    text = "The plan delivers at 38 000 tenge a tonne, the fund pays 1 270 million of 12 345 678 in January 2022."
    shown = io.StringIO()
    pages.print_paragraph(Console(file=shown, force_terminal=True, width=width, color_system=None), text)
    for number in ("38 000", "1 270", "12 345 678"):
        assert number in shown.getvalue()
    assert shown.getvalue().split() == text.split()


def test_the_program_is_called_by_a_path_unless_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Beside the interpreter and off the path it is called from where one stands; on the path, by its name."""
    program = tmp_path / ".venv" / "bin" / "naryq"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(program.with_name("python")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo._program() == ".venv/bin/naryq"
    monkeypatch.setenv("PATH", str(program.parent))
    assert demo._program() == "naryq"
