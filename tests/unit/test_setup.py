"""Set-up, played against a stand-in for Python, pip and apt: each machine is a folder with the tools that it has."""

import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TOOLS = ("cat", "cp", "cut", "dirname", "flock", "grep", "mkdir", "mv", "rm", "sh")

PYTHON = textwrap.dedent("""\
    #!/bin/sh
    # Stands in for an interpreter: $MACHINE holds what it can do, and a record of what it was asked for.
    case "$*" in
        "--version") echo "Python 3.$(cat "$0.minor")" ;;
        "-c import sys;"*) cat "$0.minor" ;;
        "-c import ensurepip") [ -e "$MACHINE/ensurepip" ] ;;
        "-c import pip") [ -e "$MACHINE/ensurepip" ] ;;
        "-m pip --version") [ -e "$MACHINE/pip" ] ;;
        "-m venv "*)
            echo "$*" >>"$MACHINE/record"
            mkdir -p .venv/bin && cp "$0" .venv/bin/python && cp "$0.minor" .venv/bin/python.minor ;;
        "-m pip "*)
            echo "$*" >>"$MACHINE/record"
            [ ! -e "$MACHINE/failure" ] || { cat "$MACHINE/failure" >.venv/naryq-setup.log; exit 1; } ;;
        "- requirements/"*) cat "$MACHINE/fingerprint" ;;
        *) echo "an unexpected call: $*" >&2; exit 99 ;;
    esac
    """)


class Machine:
    """A copy of the project's tools in a folder with a space in its name, and a path with stand-ins only."""

    def __init__(self, root: Path) -> None:
        self.project, self.bin, self.home = root / "a project", root / "bin", root / "machine"
        for folder in (self.project, self.bin, self.home):
            folder.mkdir()
        shutil.copytree(PROJECT / "tools", self.project / "tools")
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)
        self.has_python("python3", 12)
        self.user(1000)
        self.says("fingerprint", "one")
        self.says("ensurepip", "")

    def program(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def has_python(self, name: str, minor: int) -> None:
        self.program(name, PYTHON)
        (self.bin / f"{name}.minor").write_text(f"{minor}\n", encoding="utf-8")

    def user(self, number: int) -> None:
        self.program("id", f"#!/bin/sh\necho {number}\n")

    def has_apt(self, brings: str) -> None:
        """Give the machine an apt-get that records its calls and, when it installs, does what `brings` says."""
        self.program(
            "apt-get",
            f'#!/bin/sh\necho "apt $*" >>"$MACHINE/record"\ncase "$*" in *" install "*) {brings} ;; esac\n',
        )
        # A fresh machine's lists are empty until they are fetched.
        self.program("apt-cache", '#!/bin/sh\n[ "$2" = python3.12 ] && grep -q " update$" "$MACHINE/record"\n')

    def says(self, name: str, text: str) -> None:
        (self.home / name).write_text(text, encoding="utf-8")

    def lacks(self, name: str) -> None:
        (self.home / name).unlink()

    def start(self, what: str, **settings: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["sh", str(self.project / "tools" / "setup"), what],
            env={"PATH": str(self.bin), "MACHINE": str(self.home), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, what: str, **settings: str) -> tuple[int, str, str]:
        """Run set-up; return its exit code, what it said, and what it complained of."""
        process = self.start(what, **settings)
        said, complained = process.communicate(timeout=60)
        return process.returncode, said, complained

    def record(self) -> list[str]:
        """What the stand-ins were asked for since the last look, one word a call."""
        path = self.home / "record"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.write_text("", encoding="utf-8")
        return [_word_for(line) for line in lines]


def _word_for(call: str) -> str:
    """Name a recorded call by what matters in it: apt's packages, venv, a lock, or the project itself."""
    if call.startswith("apt "):
        return " ".join(["apt", *call.split(" install --no-install-recommends ")[1:]])
    if call.startswith("-m venv"):
        return call.removeprefix("-m ")
    assert "--no-deps" in call, "nothing outside the lock is ever installed"
    if call.endswith("--editable ."):
        return "naryq"
    assert "--require-hashes" in call, "every package is checked against its hash"
    return call.split("requirements/")[1]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_from_nothing(machine: Machine) -> None:
    """A first set-up makes .venv, fills it from the lock, installs the project, and says so."""
    code, said, complained = machine.set_up("run")
    assert (code, complained) == (0, "")
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]
    assert said.splitlines()[0] == "set-up: Making .venv with Python 3.12"
    assert said.splitlines()[-1] == "set-up: Done"


def test_second_time_does_nothing(machine: Machine) -> None:
    """A second set-up calls nothing and says nothing."""
    machine.set_up("run")
    machine.record()
    assert machine.set_up("run") == (0, "", "")
    assert machine.record() == []


def test_tests_add_to_the_program(machine: Machine) -> None:
    """The tests' packages are added to the same .venv, and the program then finds all it needs in it."""
    machine.set_up("run")
    machine.record()
    assert machine.set_up("dev")[0] == 0
    assert machine.record() == ["dev.txt", "naryq"]
    machine.set_up("run")
    assert machine.record() == []


def test_interrupted_set_up_starts_anew(machine: Machine) -> None:
    """After a set-up that ended half way, first or second, the next one builds .venv from nothing."""
    machine.says("failure", "killed")
    assert machine.set_up("run")[0] == 1
    machine.lacks("failure")
    machine.record()
    machine.set_up("run")
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]
    machine.says("failure", "killed")
    machine.set_up("dev")
    machine.lacks("failure")
    machine.record()
    machine.set_up("run")
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]


def test_changed_lock_or_python_builds_anew(machine: Machine) -> None:
    """A .venv from another lock, interpreter, folder or machine is replaced."""
    machine.set_up("run")
    machine.says("fingerprint", "two")
    machine.record()
    machine.set_up("run")
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]


def test_foreign_venv_is_replaced(machine: Machine) -> None:
    """A .venv whose interpreter does not start here is replaced, even when its stamp looks right."""
    machine.set_up("run")
    python = machine.project / ".venv" / "bin" / "python"
    python.write_text("#!/nowhere/python\n", encoding="utf-8")
    machine.record()
    assert machine.set_up("run")[0] == 0
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]


def test_old_python_is_named(machine: Machine) -> None:
    """Where python3 is too old and no other is there, one sentence names the version and what to do."""
    machine.has_python("python3", 9)
    code, said, complained = machine.set_up("run")
    assert (code, said) == (1, "")
    assert "needs Python 3.11 or newer, and python3 here is Python 3.9" in complained
    assert "make run PYTHON=" in complained


def test_newer_python_beside_is_used(machine: Machine) -> None:
    """Where python3 is too old, a newer one beside it is used."""
    machine.has_python("python3", 9)
    machine.has_python("python3.11", 11)
    assert "with Python 3.11" in machine.set_up("run")[1]


def test_python_seen_by_the_tests_is_preferred(machine: Machine) -> None:
    """A python3 newer than what the tests have seen serves only where there is no other."""
    machine.has_python("python3", 27)
    assert "with Python 3.27" in machine.set_up("run")[1]
    shutil.rmtree(machine.project / ".venv")
    machine.has_python("python3.13", 13)
    assert "with Python 3.13" in machine.set_up("run")[1]


def test_root_installs_a_newer_python(machine: Machine) -> None:
    """As root, a distribution's own newer Python is installed where python3 is too old."""
    machine.has_python("python3", 10)
    machine.user(0)
    machine.has_apt('cp "$0.new" "${0%apt-get}python3.12"; echo 12 >"${0%apt-get}python3.12.minor"')
    machine.program("apt-get.new", PYTHON)
    assert machine.set_up("run")[0] == 0
    assert machine.record() == ["apt", "apt python3.12", "venv .venv", "run.txt", "naryq"]


def test_python_of_ones_own(machine: Machine) -> None:
    """PYTHON names the interpreter, at a path with a space too; one that is none is refused."""
    machine.has_python("my python", 14)
    assert "with Python 3.14" in machine.set_up("run", PYTHON=str(machine.bin / "my python"))[1]
    shutil.rmtree(machine.project / ".venv")
    code, _, complained = machine.set_up("run", PYTHON="nonsense")
    assert code == 1
    assert "PYTHON=nonsense is not a Python 3.11 or newer" in complained


def test_root_installs_what_venv_lacks(machine: Machine) -> None:
    """As root on Debian, the missing half of venv is installed and set-up goes on."""
    machine.lacks("ensurepip")
    machine.user(0)
    machine.has_apt('echo >"$MACHINE/ensurepip"')
    code, said, _ = machine.set_up("run")
    assert code == 0
    assert "Installing Debian packages: python3.12-venv" in said
    assert machine.record() == ["apt", "apt python3.12-venv", "venv .venv", "run.txt", "naryq"]


def test_others_are_told_what_venv_lacks(machine: Machine) -> None:
    """Without root, one sentence says what to ask for, and apt is not touched."""
    machine.lacks("ensurepip")
    machine.has_apt("exit 1")
    code, said, complained = machine.set_up("run")
    assert (code, said) == (1, "set-up: Making .venv with Python 3.12\n")
    assert "Ask an administrator to run 'apt-get install python3.12-venv'" in complained
    assert machine.record() == []


def test_pip_from_outside_fills_the_venv(machine: Machine) -> None:
    """Without root and without ensurepip, a pip that Python has anyway fills .venv from outside."""
    machine.lacks("ensurepip")
    machine.says("pip", "")
    assert machine.set_up("run")[0] == 0
    assert machine.record() == ["venv --without-pip .venv", "run.txt", "naryq"]
    assert machine.set_up("dev")[0] == 0
    assert machine.record() == ["dev.txt", "naryq"]


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        ("NewConnectionError: [Errno -3] NameResolutionError", "The package index cannot be reached."),
        ("ReadTimeoutError", "The package index cannot be reached."),
        ("SSLError(SSLCertVerificationError)", "a certificate that pip does not trust"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "A package is not the one the lock names"),
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        ("something else", "its reason stands above and in .venv/naryq-setup.log"),
    ],
)
def test_failures_are_explained(machine: Machine, failure: str, sentence: str) -> None:
    """What pip logs at length ends in one sentence that says what to do."""
    machine.says("failure", failure)
    code, _, complained = machine.set_up("run")
    assert code == 1
    assert sentence in complained
    assert complained.count("\n") == 1


def test_two_at_once(machine: Machine) -> None:
    """Two set-ups of one folder at the same time build it once."""
    both = [machine.start("run"), machine.start("run")]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]
    assert machine.record() == ["venv .venv", "run.txt", "naryq"]


def test_unknown_purpose(machine: Machine) -> None:
    """Set-up for anything but the program or the tests is refused before anything is touched."""
    code, said, complained = machine.set_up("everything")
    assert (code, said) == (1, "")
    assert "tools/setup run, or tools/setup dev" in complained
