"""`kill -9` amid export, import and migrate: what has its final name is whole, and a second try succeeds."""

import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from tests.faults import worker
from tests.faults.processes import started

from naryq.cli import main
from naryq.journal import named
from naryq.journal.transfer import imported
from naryq.messages import Code, Refusal

SAMPLE = Path(__file__).parents[1] / "samples" / "journal-v1.jsonl"
ROWS = list(imported(SAMPLE.read_bytes().splitlines(keepends=True)))


class Death(NamedTuple):
    """The function at whose call the process kills itself, before it does anything, and which call of it."""

    function: str
    call: int


AT_A_ROW = [Death("naryq.journal.verify:link", call) for call in (1, 20, len(ROWS))]
"""A row is checked just before it is written."""
BEFORE_THE_NAME = Death("pathlib:Path.replace", 1)
AFTER_THE_NAME = {
    "file": Death("naryq.cli.files:sync_directory", 1),
    "sqlite": Death("naryq.journal.sqlite:sync_directory", 1),
}
IN_THE_DATABASE = [Death("naryq.journal.postgres:_commit", 1), Death("naryq.journal.postgres:PostgresJournal.open", 1)]
"""Before the commit of all rows, and after it."""
AFTER_THE_FIRST_VERIFICATION = [Death("naryq.journal.verify:link", len(ROWS) + call) for call in (1, len(ROWS))]


class Move(NamedTuple):
    """A command that makes something, the name of what it makes, and how to look at that."""

    words: list[str]
    made: str
    rows: Callable[[str], int | None]


def rows_in_journal(name: str) -> int | None:
    """Return how many rows a journal has, all of them sound; None when there is no journal."""
    try:
        with closing(named.reader(name)) as reader:
            rows = list(reader.read())
    except Refusal as refusal:
        if refusal.code is not Code.UNREADABLE:
            raise
        return None
    assert rows == ROWS[: len(rows)]
    return len(rows)


def rows_in_file(name: str) -> int | None:
    return len(list(imported(Path(name).read_bytes().splitlines(keepends=True)))) if Path(name).exists() else None


def die(move: Move, death: Death) -> int | None:
    """Run the command in a process that kills itself; return how many rows it left under the final name, or None."""
    with started(worker.run_and_die, move.words, *death) as (process, _):
        process.join()
        assert process.exitcode == -signal.SIGKILL, "the process did not come to its death"
    return move.rows(move.made)


def judge(move: Move, death: Death) -> None:
    """Die, and say what is wrong: half a journal, or a second try that does not go on from there."""
    left = die(move, death)
    assert left in {None, len(ROWS)}, f"{left} rows of {len(ROWS)} stand under the final name"
    again = CliRunner().invoke(main, move.words)
    expected = (0, "") if left is None else (2, "naryq: already_exists")
    assert (again.exit_code, again.stderr[:21]) == expected
    assert move.rows(move.made) == len(ROWS)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    name = str(tmp_path / "venue.journal")
    named.create(name, ROWS).close()
    return name


@pytest.mark.parametrize("death", [*AT_A_ROW, BEFORE_THE_NAME, AFTER_THE_NAME["file"]], ids=str)
def test_an_export_that_is_killed_leaves_no_half_file(journal: str, tmp_path: Path, death: Death) -> None:
    """The file has its name when all of it is durable, and not before."""
    file = str(tmp_path / "venue.jsonl")
    judge(Move(["journal", "export", file, journal], file, rows_in_file), death)


@pytest.mark.parametrize("death", [*AT_A_ROW, BEFORE_THE_NAME, AFTER_THE_NAME["sqlite"]], ids=str)
def test_an_import_that_is_killed_leaves_no_half_journal(tmp_path: Path, death: Death) -> None:
    """The journal has its name when all of it is durable, and not before."""
    name = str(tmp_path / "venue.journal")
    judge(Move(["journal", "import", str(SAMPLE), name], name, rows_in_journal), death)


@pytest.mark.postgres
@pytest.mark.parametrize("death", [*AT_A_ROW, *IN_THE_DATABASE], ids=str)
def test_an_import_that_is_killed_leaves_no_half_database(new_schema: Callable[[], str], death: Death) -> None:
    """The tables are there with all rows, or not at all."""
    name = new_schema()
    judge(Move(["journal", "import", str(SAMPLE), name], name, rows_in_journal), death)


@pytest.mark.parametrize("death", [*AT_A_ROW, BEFORE_THE_NAME, *AFTER_THE_FIRST_VERIFICATION], ids=str)
def test_a_migration_that_is_killed_leaves_no_half_journal(journal: str, tmp_path: Path, death: Death) -> None:
    """Neither while the source is verified, nor before the copy has its name, nor while the copy is verified."""
    name = str(tmp_path / "copy.journal")
    judge(Move(["journal", "migrate", journal, name], name, rows_in_journal), death)


@pytest.mark.postgres
@pytest.mark.parametrize("death", [*AT_A_ROW, *IN_THE_DATABASE], ids=str)
def test_a_migration_that_is_killed_leaves_no_half_database(
    journal: str, new_schema: Callable[[], str], death: Death
) -> None:
    """The same into a database, whose server undoes what was not committed."""
    name = new_schema()
    judge(Move(["journal", "migrate", journal, name], name, rows_in_journal), death)


def test_the_judge_finds_half_a_journal(tmp_path: Path) -> None:
    """The canary: an import that appends to a journal which has its name already leaves half of it."""
    name = str(tmp_path / "venue.journal")
    careless = Move([worker.CARELESSLY, str(SAMPLE), name], name, rows_in_journal)
    with pytest.raises(AssertionError, match="19 rows of 45"):
        judge(careless, AT_A_ROW[1])
