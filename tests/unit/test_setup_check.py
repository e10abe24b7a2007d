"""The runner of all checks, played against a stand-in for the tools, a browser and apt."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TOOLS = ("cat", "dirname", "env", "sh")
TESTS = "ran python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile"


class Checkout:
    """A copy of the runner with stand-ins for the checks: each records its call, and those named in `broken` fail."""

    def __init__(self, root: Path) -> None:
        self.project, self.bin = root / "a project", root / "bin"
        (self.project / ".venv" / "bin").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copytree(PROJECT / "tools", self.project / "tools")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        recorder = '#!/bin/sh\necho "ran ${0##*/} $*"\n'
        verdict = 'case " $BROKEN " in *" ${2:-$0} "*) exit 1 ;; esac\n'
        self.program(self.project / ".venv" / "bin" / "python", recorder + verdict)
        self.program(self.project / ".venv" / "bin" / "lint-imports", recorder)
        self.program(self.bin / "id", "#!/bin/sh\necho 1000\n")

    def program(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def has_browser(self) -> None:
        self.program(self.bin / "chromium", "#!/bin/sh\necho Chromium 1\n")

    def has_postgres(self) -> None:
        self.program(self.bin / "initdb", "#!/bin/sh\necho initdb 1\n")

    def check(self, what: str, *, broken: str = "", ci: str = "") -> tuple[int, list[str]]:
        """Run the checks; return the exit code and the lines that were printed, the empty ones left out."""
        done = subprocess.run(
            ["sh", str(self.project / "tools" / "check"), what],
            env={"PATH": str(self.bin), "BROKEN": broken, "CI": ci, "NARYQ_POSTGRES": str(self.bin)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, [line for line in done.stdout.splitlines() if line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_all_in_order(checkout: Checkout) -> None:
    """Every check runs under its heading, in order; the last line sums up."""
    checkout.has_browser()
    checkout.has_postgres()
    code, lines = checkout.check("all")
    assert code == 0
    headings = [line for line in lines if line.startswith("===")]
    assert headings == [
        "=== browser",
        "=== PostgreSQL",
        "=== style",
        "=== format",
        "=== types",
        "=== imports",
        "=== tests",
    ]
    assert TESTS in lines
    assert lines[-1] == "All in order: style, format, types, imports, tests."


def test_quick_leaves_the_tests_out(checkout: Checkout) -> None:
    """The quick round needs no browser and runs no test."""
    code, lines = checkout.check("quick")
    assert (code, lines[-1]) == (0, "All in order: style, format, types, imports.")
    assert not any("pytest" in line for line in lines)


@pytest.mark.parametrize(("broken", "name"), [("ruff", "style, format"), ("mypy", "types"), ("pytest", "tests")])
def test_a_failure_is_named_and_counts(checkout: Checkout, broken: str, name: str) -> None:
    """A check that fails does not hide the others, is named at the end, and makes the exit code 1."""
    checkout.has_browser()
    checkout.has_postgres()
    code, lines = checkout.check("all", broken=broken)
    assert code == 1
    assert lines[-1].startswith(f"FAILED: {name}. In order: ")
    assert any("pytest" in line for line in lines)


def test_no_browser_is_said(checkout: Checkout) -> None:
    """Without a browser and without root, the other tests run and the last line says what was left out."""
    checkout.has_postgres()
    code, lines = checkout.check("all")
    assert code == 0
    assert f"{TESTS} --ignore=tests/browser" in lines
    assert "WITHOUT tests/browser" in lines[-1]
    assert "apt-get install chromium libatomic1 fonts-liberation" in lines[-1]


def test_a_browser_without_its_driver_is_said(checkout: Checkout) -> None:
    """A browser is no use without the program that drives it."""
    checkout.has_browser()
    checkout.has_postgres()
    assert "WITHOUT tests/browser" in checkout.check("all", broken="playwright")[1][-1]


def test_no_postgres_is_said(checkout: Checkout) -> None:
    """Without PostgreSQL and without root, its tests are left out by their mark, beside whatever else is missing."""
    checkout.has_browser()
    code, lines = checkout.check("all")
    assert code == 0
    assert f"{TESTS} -m not postgres" in lines
    assert "WITHOUT the PostgreSQL journal" in lines[-1]
    (checkout.bin / "chromium").unlink()
    code, lines = checkout.check("all")
    assert f"{TESTS} --ignore=tests/browser -m not postgres" in lines
    assert lines[-1].count("apt-get install") == 2


def test_ci_leaves_nothing_out(checkout: Checkout) -> None:
    """Under CI all tests run, and so fail, where there is no browser and no PostgreSQL."""
    lines = checkout.check("all", ci="true", broken="pytest")[1]
    assert TESTS in lines
    assert lines[-1].startswith("FAILED: tests.")


def test_root_installs_what_is_missing(checkout: Checkout) -> None:
    """As root on Debian, the browser, what its driver lacks and PostgreSQL are installed, and all tests run."""
    checkout.program(checkout.bin / "id", "#!/bin/sh\necho 0\n")
    checkout.program(checkout.bin / "waiting", "#!/bin/sh\necho Chromium 2\n")
    checkout.program(checkout.bin / "waiting-too", "#!/bin/sh\necho initdb 2\n")
    move = shutil.which("mv")
    checkout.program(
        checkout.bin / "apt-get",
        '#!/bin/sh\ncase "$*" in\n'
        f'*" install "*" chromium libatomic1 fonts-liberation") {move} "{checkout.bin}/waiting" '
        f'"{checkout.bin}/chromium" ;;\n'
        f'*" install "*" postgresql") {move} "{checkout.bin}/waiting-too" "{checkout.bin}/initdb" ;;\nesac\n',
    )
    code, lines = checkout.check("all")
    assert code == 0
    assert {"Chromium 2", "initdb 2", TESTS} <= set(lines)
