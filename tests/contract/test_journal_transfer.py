"""`naryq journal export | import | migrate`: the same rows in another place, whole or not at all."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import Mock

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.faults.disk import seeded
from tests.money_samples import agreed

from naryq import exchange
from naryq.cli import journal as journal_commands
from naryq.cli import main
from naryq.cli.files import written_whole
from naryq.journal import named
from naryq.journal.contract import Record, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.journal.transfer import exported, imported
from naryq.messages import Code, Deposit, Entry, Refusal, Refused, encode, written_today

SAMPLE = Path(__file__).parents[1] / "samples" / "journal-v1.jsonl"
LINES = SAMPLE.read_bytes().splitlines(keepends=True)
FLIPS = 2_000
HEAD = json.loads(LINES[0])["head"]


def run(*arguments: object, journal: str | None = None) -> Result:
    return CliRunner(env={"NARYQ_JOURNAL": journal}).invoke(main, ["journal", *map(str, arguments)])


def rows_in(name: str) -> list[Record]:
    with closing(named.reader(name)) as reader:
        return list(reader.read())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_name(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Return what gives, at each call, the name of a journal that is not there yet."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return lambda: str(folder / f"{len(list(folder.iterdir()))}.journal")
    new_schema: Callable[[], str] = request.getfixturevalue("new_schema")
    return new_schema


# --- There and back -------------------------------------------------------------------------------------------------


def test_a_wrong_file_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    """A file that is no export is refused by its name and line, and leaves not even a lock behind."""
    (tmp_path / "wrong.csv").write_bytes(b"order_id,place\n")
    result = run("import", str(tmp_path / "wrong.csv"), str(tmp_path / "new.journal"))
    assert result.stderr.startswith(f"naryq: unreadable: {tmp_path / 'wrong.csv'}, line 1: ")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.csv"]


def test_an_import_and_its_export_are_the_same_file(new_name: Callable[[], str], tmp_path: Path) -> None:
    """A journal that is imported verifies, has the head of its file, and exports the same bytes."""
    name, file = new_name(), tmp_path / "again.jsonl"
    result = run("import", SAMPLE, name)
    assert result.exit_code == 0, result.output
    assert HEAD in result.output
    assert run("verify", name, "--head", HEAD).exit_code == 0
    assert run("export", file, name).exit_code == 0
    assert file.read_bytes() == SAMPLE.read_bytes()


def test_a_journal_may_be_named_by_the_environment(new_name: Callable[[], str], tmp_path: Path) -> None:
    """Where no journal is named, NARYQ_JOURNAL names it; without either, the command line is not understood."""
    name = new_name()
    for words in (["import", SAMPLE], ["verify"], ["export", tmp_path / "again.jsonl"]):
        assert run(*words, journal=name).exit_code == 0
        assert run(*words).exit_code == 2


def test_nothing_is_overwritten(new_name: Callable[[], str], tmp_path: Path) -> None:
    """A journal or a file that is there stays as it is, and the refusal says so."""
    name, file = new_name(), tmp_path / "mine"
    file.write_bytes(b"mine")
    assert run("import", SAMPLE, name).exit_code == 0
    before = rows_in(name)
    for words in (["import", SAMPLE, name], ["export", file, name], ["migrate", name, name]):
        result = run(*words)
        assert result.exit_code == 2
        assert result.stderr.startswith("naryq: already_exists: ") or "journal_locked" in result.stderr
    assert rows_in(name) == before
    assert file.read_bytes() == b"mine"


def test_an_empty_journal_can_be_moved_too(new_name: Callable[[], str], tmp_path: Path) -> None:
    """A venue that has not begun has an export of one line."""
    name, file = new_name(), tmp_path / "empty.jsonl"
    named.create(name).close()
    assert run("export", file, name).exit_code == 0
    assert len(file.read_bytes().splitlines()) == 1
    other = new_name()
    assert run("import", file, other).exit_code == 0
    assert rows_in(other) == []


@pytest.mark.postgres
def test_a_journal_moves_between_file_and_database(new_schema: Callable[[], str], tmp_path: Path) -> None:
    """A file becomes a database and a file again, with the same rows; each copy is verified against its source."""
    first, second, third = str(tmp_path / "first"), new_schema(), str(tmp_path / "third")
    run("import", SAMPLE, first)
    for source, target in ((first, second), (second, third)):
        result = run("migrate", source, target)
        assert result.exit_code == 0, result.output
        assert "Put the old one away" in result.output
    assert rows_in(first) == rows_in(second) == rows_in(third)


def test_a_journal_in_use_is_not_migrated(new_name: Callable[[], str], tmp_path: Path) -> None:
    """Rows that are appended during a copy would be lost with it, so the source must be free."""
    name = new_name()
    run("import", SAMPLE, name)
    with closing(named.writer(name)):
        assert "journal_locked" in run("migrate", name, tmp_path / "copy").stderr
        assert run("export", tmp_path / "exported", name).exit_code == 0
    assert not (tmp_path / "copy").exists()


def test_a_copy_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary of the comparison at the end: a copy that lost its last row is told."""
    run("import", SAMPLE, tmp_path / "first")
    create = named.create
    monkeypatch.setattr(named, "create", lambda name, rows: create(name, list(rows)[:-1]))
    result = run("migrate", tmp_path / "first", tmp_path / "second")
    assert result.exit_code == 2
    assert "the copy differs" in result.stderr


# --- What is refused ------------------------------------------------------------------------------------------------


def changed(line: int, before: bytes, after: bytes) -> list[bytes]:
    assert before in LINES[line]
    return [*LINES[:line], LINES[line].replace(before, after, 1), *LINES[line + 1 :]]


DAMAGES: dict[str, tuple[list[bytes], Code, str]] = {
    "nothing": ([], Code.UNREADABLE, "line 1"),
    "another file": ([b"order_id,place\n"], Code.UNREADABLE, "line 1"),
    "another format": (changed(0, b"export 1", b"export 2"), Code.UNREADABLE, "line 1"),
    "no header": (LINES[1:], Code.UNREADABLE, "line 1"),
    "the last row is missing": (LINES[:-1], Code.JOURNAL_DAMAGED, "line 1"),
    "a row is missing": ([*LINES[:9], *LINES[10:]], Code.JOURNAL_DAMAGED, "sequence 9"),
    "a row stands twice": ([*LINES[:9], *LINES[8:]], Code.JOURNAL_DAMAGED, "sequence 9"),
    "two rows have changed places": (
        [*LINES[:9], LINES[10], LINES[9], *LINES[11:]],
        Code.JOURNAL_DAMAGED,
        "sequence 9",
    ),
    "the last row stands twice": ([*LINES, LINES[-1]], Code.JOURNAL_DAMAGED, f"sequence {len(LINES)}"),
    "the whole stands twice": (LINES * 2, Code.JOURNAL_DAMAGED, f"line {len(LINES) + 1}"),
    "half of it": ([*LINES[: len(LINES) // 2]], Code.JOURNAL_DAMAGED, "line 1"),
    "a row was changed": (changed(9, b"observer", b"operator"), Code.JOURNAL_DAMAGED, "sequence 9"),
    "a row has a space more": (changed(9, b'"actor":', b'"actor": '), Code.JOURNAL_DAMAGED, "sequence 9"),
    "a chain was changed": (changed(9, b'"chain":"', b'"chain":"0'), Code.JOURNAL_DAMAGED, "line 10"),
    "the head is another": (changed(0, HEAD.encode(), b"0" * 64), Code.JOURNAL_DAMAGED, "line 1"),
    "a line breaks off": ([*LINES[:-1], LINES[-1][:-9]], Code.JOURNAL_DAMAGED, f"line {len(LINES)}"),
    "the last newline is missing": ([*LINES[:-1], LINES[-1][:-1]], Code.JOURNAL_DAMAGED, f"line {len(LINES)}"),
    "an empty line": ([*LINES[:9], b"\n", *LINES[9:]], Code.JOURNAL_DAMAGED, "line 10"),
    "a line without end": ([*LINES[:9], b"[" * 100_000], Code.JOURNAL_DAMAGED, "line 10"),
    "a row of tomorrow": (changed(1, b"}}\n", b',"version":99}}\n'), Code.JOURNAL_DAMAGED, "sequence 1"),
}


@pytest.mark.parametrize(("lines", "code", "where"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_export_makes_no_journal(
    lines: list[bytes], code: Code, where: str, new_name: Callable[[], str], tmp_path: Path
) -> None:
    """Each kind of damage is named with its place, and what was read before it is not kept."""
    file, name = tmp_path / "damaged", new_name()
    file.write_bytes(b"".join(lines))
    before = sorted(tmp_path.iterdir())
    result = run("import", file, name)
    assert sorted(tmp_path.iterdir()) == before, "something is left half done"
    assert result.exit_code == 2
    place = f"{file}, {where}" if where.startswith("line ") else where
    assert result.stderr.startswith(f"naryq: {code}: {place}: ")
    with pytest.raises(Refusal) as refusal:
        named.reader(name)
    assert refusal.value.code is Code.UNREADABLE
    assert run("import", SAMPLE, name).exit_code == 0


def with_a_forged_row(forge: Callable[[Entry], Entry]) -> tuple[list[bytes], int]:
    """Return an export in which a row in the middle is forged and the chain made anew after it, and its number."""
    rows = [written_today(row.sequence, row.command, row.events) for row in agreed().desk.rows]
    at = next(place for place, row in enumerate(rows) if isinstance(row.command, Deposit))
    rows[at] = forge(rows[at])
    return list(exported(MemoryJournal(rows_after(None, [encode(row) for row in rows])))), at + 1


def of_another_amount(row: Entry) -> Entry:
    """Let the bank have received a thousandfold, and the venue have been told so."""
    assert isinstance(row.command, Deposit)
    command = msgspec.structs.replace(row.command, amount_tiyn=row.command.amount_tiyn * 1_000)
    return msgspec.structs.replace(row, command=command)


def without_its_effect(row: Entry) -> Entry:
    """Let the deposit have been refused."""
    return msgspec.structs.replace(row, events=(Refused(Code.NOT_PERMITTED, "forged", "deposit", "none"),))


@pytest.mark.parametrize("forge", [of_another_amount, without_its_effect])
def test_a_row_forged_under_a_chain_that_fits_makes_no_journal(
    forge: Callable[[Entry], Entry], new_name: Callable[[], str], tmp_path: Path
) -> None:
    """Chain, head and header are right, and what was decided is not: the import names the row and leaves nothing."""
    lines, row = with_a_forged_row(forge)
    (tmp_path / "forged.jsonl").write_bytes(b"".join(lines))
    name, before = new_name(), sorted(tmp_path.iterdir())
    result = run("import", tmp_path / "forged.jsonl", name)
    assert (result.exit_code, sorted(tmp_path.iterdir())) == (2, before)
    assert result.stderr.startswith(f"naryq: journal_damaged: sequence {row}: the command, decided again, gives other")
    with pytest.raises(Refusal):
        named.reader(name)


def test_an_import_by_the_chain_alone_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: an import that looks at the chain and no further takes the forged row."""
    monkeypatch.setattr(journal_commands, "_sound", lambda rows: rows)
    with pytest.raises(AssertionError):
        test_a_row_forged_under_a_chain_that_fits_makes_no_journal(
            of_another_amount, lambda: str(tmp_path / "forged.journal"), tmp_path
        )


def test_replays_that_differ_make_no_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What shows only at the end, when all rows were written, leaves no journal either."""
    monkeypatch.setattr(exchange, "state_hash", Mock(side_effect=["one", "another"]))
    result = run("import", SAMPLE, tmp_path / "new.journal")
    assert (result.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert "the two replays end in different states" in result.stderr


def test_every_turned_bit_of_an_export_is_found() -> None:
    """Not one of 2,000 turned bits passes: each byte of the file is a name, a number, a chain, or of a row."""
    whole, random = b"".join(LINES), seeded(4)
    for _ in range(FLIPS):
        content = bytearray(whole)
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
        with pytest.raises(Refusal):
            list(imported(bytes(content).splitlines(keepends=True)))


def test_a_row_of_a_later_program_is_refused_with_what_to_do() -> None:
    """An export of a later version is not damaged: the refusal says that another program reads it."""
    payload = json.loads(LINES[1])["payload"] | {"version": 99}
    row = rows_after(None, [json.dumps(payload).encode()])[0]
    header = json.dumps({"format": "naryq journal export 1", "head": row.chain.hex(), "rows": 1})
    line = f'{{"sequence":1,"chain":"{row.chain.hex()}","payload":{row.payload.decode()}}}\n'
    with pytest.raises(Refusal) as refusal:
        list(imported([header.encode(), line.encode()]))
    assert refusal.value.code is Code.NOT_SUPPORTED


def test_an_export_ends_where_the_journal_ended_when_it_began() -> None:
    """Rows that are appended meanwhile stand in the next export; the header's head is that of the last line."""
    journal = MemoryJournal(list(imported(LINES))[:3])
    lines = exported(journal)
    header = json.loads(next(lines))
    journal.append([LINES[4]])
    rest = [json.loads(line) for line in lines]
    assert header["rows"] == len(rest) == 3
    assert header["head"] == rest[-1]["chain"]


def test_a_file_that_is_none_and_a_line_without_end_are_refused(tmp_path: Path) -> None:
    """A folder is no export, and neither is a file that has no newline in 64 MiB."""
    (tmp_path / "folder").mkdir()
    with (tmp_path / "zeros").open("wb") as zeros:
        zeros.truncate((1 << 26) + 1)
    for name, code in (("folder", "unreadable"), ("missing", "unreadable"), ("zeros", "too_large")):
        result = run("import", tmp_path / name, tmp_path / "made")
        assert (result.exit_code, result.stderr[: len(code) + 7]) == (2, f"naryq: {code}")


def break_off() -> None:
    raise Refusal(Code.EMPTY, "the rows broke off")


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    """A file appears under its name when it is whole; a writer that fails leaves nothing, and hides no other file."""
    file = tmp_path / "file"

    def write(then: Callable[[], object]) -> None:
        with written_whole(file) as out:
            out.write(b"half")
            then()

    with pytest.raises(Refusal, match="broke off"):
        write(break_off)
    with pytest.raises(Refusal, match="already_exists"):
        write(lambda: file.write_bytes(b"of another"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_bytes() == b"of another"


def test_without_psycopg_a_database_is_refused_and_a_file_is_not(tmp_path: Path) -> None:
    """The driver is an extra: who has only files needs none, and who names a database is told what to install."""
    program = "import sys; sys.modules['psycopg'] = None; from naryq.cli import main; main()"
    for words, code, said in (
        (["import", str(SAMPLE), str(tmp_path / "made")], 0, "In order"),
        (["verify", "postgresql://host/venue"], 2, "pip install -e '.[postgres]'"),
    ):
        command = [sys.executable, "-c", program, "journal", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert said in done.stdout + done.stderr
