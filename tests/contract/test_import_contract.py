"""The direction of imports: the contract holds, and it sees what would break it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the package and its contract, to be broken."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    shutil.copytree(PROJECT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint(folder: Path) -> tuple[bool, str]:
    """Judge the imports of a copy; return whether the contract holds, and the report."""
    done = subprocess.run(
        [str(LINTER), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def test_imports_run_one_way(copy: Path) -> None:
    """No room imports a room further down the corridor."""
    kept, report = lint(copy)
    assert kept, report


@pytest.mark.parametrize(
    ("room", "line", "seen"),
    [
        ("units.py", "import naryq.engine", "naryq.units is not allowed to import naryq.engine"),
        ("ledger.py", "import naryq.market", "naryq.ledger is not allowed to import naryq.market"),
        ("somewhere.py", "", "naryq.somewhere"),
    ],
)
def test_a_wrong_import_is_seen(copy: Path, room: str, line: str, seen: str) -> None:
    """An import against the corridor, one between siblings, and a room that the contract does not name are seen."""
    with (copy / "src" / "naryq" / room).open("a", encoding="utf-8") as module:
        module.write(f"\n{line}\n")
    kept, report = lint(copy)
    assert not kept
    assert seen in " ".join(report.split())
