"""The command line's own manners: what it loads, and how it ends."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from naryq import Code, Refusal, __version__, cli

HEAVY = {"apsw", "jinja2", "llvmlite", "msgspec", "narwhals", "numba", "numpy", "rich", "ruamel"}
"""What a command may need and help must not pay for."""

ACT = """
import sys, types, click, naryq.cli
module = types.ModuleType("naryq.cli.acted")
@click.command()
def act():
    {act}
module.act = act
sys.modules["naryq.cli.acted"] = module
naryq.cli.COMMANDS["act"] = naryq.cli._Door("naryq.cli.acted", "act", "")
naryq.cli.main(["act"], prog_name="naryq")
"""


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def act(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Result]:
    """Run a command that ends in an exception, in this process."""

    def run(failure: BaseException) -> Result:
        @click.command()
        def command() -> None:
            raise failure

        module = ModuleType("naryq.cli.acted")
        vars(module)["act"] = command
        monkeypatch.setitem(sys.modules, "naryq.cli.acted", module)
        monkeypatch.setitem(cli.COMMANDS, "act", cli._Door("naryq.cli.acted", "act", ""))
        return CliRunner().invoke(cli.main, ["act"], prog_name="naryq")

    return run


def test_help_loads_no_command_and_nothing_heavy() -> None:
    """`naryq --help` lists every command and loads neither a command nor a heavy library: that keeps it quick."""
    program = (
        "import sys\nfrom naryq.cli import main\n"
        "try: main(['--help'], prog_name='naryq')\n"
        "finally: print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}), '/', *"
        "[name for name in sys.modules if name.startswith('naryq.')])"
    )
    shown, _, loaded = python("-c", program).stdout.partition("LOADED ")
    libraries, _, own = loaded.partition(" / ")
    assert set(libraries.split()) & HEAVY == set()
    assert own.split() == ["naryq.cli"]
    for name, door in cli.COMMANDS.items():
        assert f"  {name} " in shown
        assert door.help in shown


def test_the_list_of_heavy_libraries_bites() -> None:
    """The check above would see a heavy library: loading the messages loads one."""
    loaded = python("-c", "import sys, naryq.messages; print(*sys.modules)").stdout.split()
    assert "msgspec" in set(loaded) & HEAVY


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_every_door_leads_to_a_command(name: str) -> None:
    """Each command of the table loads, and its own help answers."""
    result = CliRunner().invoke(cli.main, [name, "--help"], prog_name="naryq")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: naryq {name} ")


def test_version_and_module() -> None:
    """`python -m naryq --version` names the program and its version."""
    done = python("-m", "naryq", "--version")
    assert (done.returncode, done.stdout) == (0, f"naryq {__version__}\n")


def test_a_refusal_is_one_line(act: Callable[[BaseException], Result]) -> None:
    """A refusal from anywhere is one line on standard error with its code, place and remedy, and exit code 2."""
    result = act(Refusal(Code.WRONG_TYPE, "price is 'x'", where="row 3", remedy="Give a whole number."))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "naryq: wrong_type: row 3: price is 'x'. Give a whole number.\n"


def test_a_refusal_cannot_steer_the_terminal(act: Callable[[BaseException], Result]) -> None:
    """Line ends, escapes and stray bytes of a bad file are shown as text, on the one line; letters stay letters."""
    result = act(Refusal(Code.UNREADABLE, "қала\n\x1b[2J\x00\u202e\udce9"))
    assert result.stderr == "naryq: unreadable: қала\\n\\x1b[2J\\x00\\u202e\\udce9.\n"


def test_the_system_s_refusal_is_one_line(act: Callable[[BaseException], Result]) -> None:
    """What the system refuses, such as a full disk, is one line too, with exit code 1."""
    result = act(OSError(28, "No space left on device", "out/bulletin.json"))
    assert result.exit_code == 1
    assert result.stderr == "naryq: the system refused: [Errno 28] No space left on device: 'out/bulletin.json'\n"


def test_a_bug_is_not_hidden(act: Callable[[BaseException], Result]) -> None:
    """An error that is no refusal keeps its traceback: it is a bug, and somebody must see where."""
    bug = ValueError("a bug")
    assert act(bug).exception is bug


def test_interrupted() -> None:
    """Ctrl-C ends a command with the code that shells give it, and without a traceback."""
    done = python("-c", ACT.format(act="raise KeyboardInterrupt"))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("act", ["print('x' * 10)", "print('x' * 1_000_000)"])
def test_a_reader_that_went_away(act: str) -> None:
    """When the reader of a pipe has gone, a command ends in silence, whether its buffer was full or not."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()\n" + ACT.format(act=act)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, complained = process.communicate("", timeout=60)
    assert (process.returncode, complained) == (141, "")


def test_unknown_command() -> None:
    """A command that is not there is a usage error, and help is named."""
    result = CliRunner().invoke(cli.main, ["nonsense"], prog_name="naryq")
    assert result.exit_code == 2
    assert "No such command 'nonsense'" in result.stderr
    assert "naryq --help" in result.stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--bad"], "naryq: No such option '--bad'."),
        (["nonsense"], "naryq: No such command 'nonsense'."),
        (["journal", "verify", "--bad", "x"], "naryq journal verify: No such option '--bad'."),
        (["journal", "migrate", "one"], "naryq journal migrate: Missing argument 'TO'."),
        (["journal", "verify", "x", "--head", "1\n2"], "naryq journal verify: Invalid value for '--head':"),
        (["rules", "show", "--on", "2022-13-13"], "naryq rules show: Invalid value for '--on':"),
    ],
)
def test_what_no_command_reads_is_one_line_with_a_code(words: list[str], what: str) -> None:
    """An unknown option or command, a missing argument and a wrong value end with 2 and one line that has a code."""
    result = CliRunner().invoke(cli.main, words, prog_name="naryq")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"naryq: unknown_option: {what}")
    assert result.stderr.count("\n") == 1


def test_who_asks_for_nothing_is_shown_what_there_is() -> None:
    """A group without a command shows its help, as ever."""
    assert "Commands:" in CliRunner().invoke(cli.main, ["journal"], prog_name="naryq").output


def test_a_letter_that_the_reader_lacks_is_written_by_its_number(tmp_path: Path) -> None:
    """Where standard output is not UTF-8, a Kazakh place still gets its price: no traceback, and exit code 0."""
    orders = tmp_path / "orders.csv"
    orders.write_text("order_id,place,side,price,quantity\n1,Қостанай,sell,7,2\n2,Қостанай,buy,7,2\n", "utf-8")
    command = [sys.executable, "-m", "naryq", "clear", str(orders)]
    told = os.environ | {"PYTHONIOENCODING": "ascii"}
    result = subprocess.run(command, capture_output=True, check=False, timeout=60, env=told)
    assert (result.returncode, result.stderr) == (0, b"")
    assert rb"\u049a" in result.stdout
