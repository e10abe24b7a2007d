"""`verify` and `naryq journal verify`: what they accept, what they find, and that they only read."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest
from click.testing import CliRunner, Result
from tests import little_machine
from tests.little_machine import order

from naryq import exchange
from naryq.cli import main
from naryq.engine import Engine
from naryq.journal.contract import GENESIS, Record, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.journal.snapshots import FolderSnapshots, Snapshot
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import KnownHead, verify
from naryq.messages import AdmitParticipant, AnyCommand, Code, Entry, Refusal, decode_entry, encode


def rows_of(commands: list[AnyCommand]) -> list[Record]:
    rows: list[Record] = []
    with Engine(MemoryJournal(rows), machine=little_machine) as engine:
        engine.submit_many(commands)
    return rows


def forged(entries: list[Entry]) -> list[Record]:
    """Return rows that say anything, under a chain that fits: what an insider could write."""
    return rows_after(None, [encode(entry) for entry in entries])


ROWS = rows_of([order(number) for number in range(1, 6)])
ENTRIES = [decode_entry(row.payload) for row in ROWS]
LATER = decode_entry(rows_of([order(9)])[0].payload)
BOUGHT_TWICE = msgspec.structs.replace(ENTRIES[0], events=ENTRIES[0].events * 2)


def with_third(row: Record) -> list[Record]:
    return [*ROWS[:2], row, *ROWS[3:]]


def test_a_sound_journal_gives_the_same_state_twice() -> None:
    """Both replays end in the state that the engine had, and the head is the last row's chain."""
    rows: list[Record] = []
    with Engine(MemoryJournal(rows), machine=little_machine) as engine:
        engine.submit_many([order(1), order(2, quantity_lots=5_000), order(3), order(1)])
        state_hash = little_machine.state_hash(engine.state)
    assert verify(rows, little_machine) == (3, rows[-1].chain.hex(), state_hash, state_hash, 0)


def test_an_empty_journal_is_sound() -> None:
    """Without rows the head is the genesis and both states are the initial one."""
    found = verify([], little_machine)
    assert (found.rows, found.head_chain) == (0, GENESIS.hex())
    assert found.hash_by_events == found.hash_by_decisions


DAMAGES: dict[str, tuple[list[Record], str, str]] = {
    "a row is missing": ([*ROWS[:1], *ROWS[2:]], "sequence 2", "missing"),
    "the first row is missing": (ROWS[1:], "sequence 1", "missing"),
    "a row stands twice": ([*ROWS[:2], *ROWS[1:]], "sequence 3", "missing"),
    "two rows changed places": ([ROWS[1], ROWS[0], *ROWS[2:]], "sequence 1", "missing"),
    "a payload was changed": (with_third(ROWS[2]._replace(payload=ROWS[2].payload + b" ")), "sequence 3", "changed"),
    "a chain was changed": (with_third(ROWS[2]._replace(chain=bytes(32))), "sequence 3", "changed"),
    "a row is no text": (rows_after(None, [b"\xff"]), "sequence 1", "not an entry"),
    "a row is another message": (rows_after(None, [encode(order(1))]), "sequence 1", "not an entry"),
    "a row is nested without end": (rows_after(None, [b"[" * 100_000]), "sequence 1", "not an entry"),
    "an entry bears another number": (forged([ENTRIES[1]]), "sequence 1", "number 2"),
    "time goes backward": (
        forged([LATER, *(msgspec.structs.replace(entry, sequence=entry.sequence + 1) for entry in ENTRIES)]),
        "sequence 2",
        "backward",
    ),
    "a command was answered twice": (
        forged([ENTRIES[0], msgspec.structs.replace(ENTRIES[0], sequence=2)]),
        "sequence 2",
        "earlier row",
    ),
    "events were forged": (forged([BOUGHT_TWICE]), "sequence 1", "other events"),
    "a row is spelled otherwise": (
        rows_after(None, [ROWS[0].payload.replace(b":", b": ", 1)]),
        "sequence 1",
        "other events",
    ),
}


@pytest.mark.parametrize(("rows", "where", "what"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named_with_its_first_row(rows: list[Record], where: str, what: str) -> None:
    """Each kind of damage ends in one refusal that names the first bad row, even under a chain that fits."""
    with pytest.raises(Refusal) as refusal:
        verify(rows, little_machine)
    assert (refusal.value.code, refusal.value.where) == (Code.JOURNAL_DAMAGED, where)
    assert what in refusal.value.what


def test_a_refused_command_may_bear_any_time() -> None:
    """A command with a wrong clock was refused and changed nothing; its row does not make the journal unsound."""
    late = order(9, quantity_lots=5_000)
    assert verify(rows_of([late, order(1), order(2)]), little_machine).rows == 3


def test_a_lost_end_is_found_by_whoever_knows_a_head() -> None:
    """A cut-off journal is sound in itself; a known later head shows that rows are missing."""
    assert verify(ROWS[:3], little_machine).rows == 3
    inside, last = KnownHead(ROWS[2].chain.hex()), KnownHead(ROWS[4].chain.hex(), 5)
    assert verify(ROWS, little_machine, known=[inside, last]).rows == 5
    for rows, known in ((ROWS[:3], [inside, last]), (ROWS, [last._replace(sequence=4)])):
        with pytest.raises(Refusal) as refusal:
            verify(rows, little_machine, known=known)
        assert (refusal.value.code, refusal.value.where) == (Code.JOURNAL_DAMAGED, "head")


# --- The command ----------------------------------------------------------------------------------------------------

OPERATOR = AdmitParticipant(
    command_id="c1", actor="kmx", at_ns=1, participant_id="kmx", name="Exchange", role="operator"
)
SELLER = AdmitParticipant(command_id="c2", actor="kmx", at_ns=2, participant_id="plant", name="Plant", role="seller")
STRANGER = AdmitParticipant(command_id="c3", actor="nobody", at_ns=3, participant_id="x", name="X", role="buyer")


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the journal of a venue that the real exchange has decided."""
    path = str(tmp_path / "venue.journal")
    with Engine(SqliteJournal.create(path)) as engine:
        engine.submit_many([OPERATOR, SELLER, STRANGER])
    return path


PROGRAM = "from naryq.cli import main; main()"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["journal", "verify", *arguments])


def test_the_command_prints_both_hashes(path: str) -> None:
    """A sound journal ends with 0 and shows its rows, its head and the state hash of each replay."""
    with Engine(SqliteJournal.open(path)) as engine:
        state_hash = exchange.state_hash(engine.state)
    result = run(path)
    assert result.exit_code == 0, result.output
    assert [line.split()[-1] for line in result.output.splitlines()][2:4] == [state_hash, state_hash]
    assert result.output.splitlines()[-1].startswith("In order: ")
    assert result.output.startswith("rows:                    3\nhead: ")


def test_the_command_names_the_first_bad_row(path: str) -> None:
    """An altered row gives one line on the error stream, exit code 2, and no traceback."""
    with closing(apsw.Connection(path)) as connection:
        change = "UPDATE entries SET payload = CAST(replace(payload, 'Plant', 'Plunt') AS BLOB) WHERE sequence = 2"
        connection.execute(change)
    result = run(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("naryq: journal_damaged: sequence 2: ")
    assert result.stderr.count("\n") == 1


def test_the_command_refuses_a_missing_file_and_a_missing_head(path: str) -> None:
    """What cannot be read, and a journal without the head that is known, end with 2 as well."""
    assert run(f"{path}x").stderr.startswith("naryq: unreadable: ")
    assert run(path, "--head", "00" * 32).stderr.startswith("naryq: journal_damaged: head: ")


@pytest.mark.parametrize("head", ["", "00", "0x" + "00" * 31, "g" * 64, "00" * 33])
def test_the_command_refuses_a_head_that_is_none(path: str, head: str) -> None:
    """A variable that is not set, or a digit lost in copying, is told as such and never passes as a check."""
    result = run(path, "--head", head)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no head: give its 64 hexadecimal digits" in result.stderr


def test_the_command_reads_a_head_in_capital_letters(path: str) -> None:
    """Hexadecimal digits are the same in either case."""
    head = run(path).stdout.split("head:")[1].split()[0]
    assert head.startswith("3:")
    assert run(path, "--head", head.upper()).exit_code == 0
    assert run(path, "--head", head.removeprefix("3:")).exit_code == 0
    assert run(path, "--head", f"2:{head.removeprefix('3:')}").exit_code == 2


def test_the_command_says_that_a_cut_end_does_not_show(path: str) -> None:
    """Without a known head nobody can tell whether the end is there, and the command says so; with one it need not."""
    result = run(path)
    assert "shows only against a head that you know" in result.stdout
    assert "shows only" not in run(path, "--head", result.stdout.split("head:")[1].split()[0]).stdout


def test_a_snapshot_shows_that_the_end_was_cut(path: str) -> None:
    """A journal that ends before the row of its newest snapshot, or has another row there, is not in order."""
    with closing(SqliteReader.open(path)) as reader:
        rows = list(reader.read())
    folder = FolderSnapshots(Path(f"{path}-snapshots"))
    folder.put(Snapshot(2, rows[1].chain, b"a state"))
    assert run(path).exit_code == 0
    folder.put(Snapshot(4, rows[2].chain, b"a state"))
    result = run(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the newest snapshot, of row 4, is not in the journal, which ends at row 3" in result.stderr
    folder.prune(0, 10**6)
    folder.put(Snapshot(2, rows[2].chain, b"a state"))
    assert run(path).exit_code == 2


def test_a_forged_snapshot_is_found(path: str) -> None:
    """A snapshot is believed at a start by its own digest; verify finds that its state is not that of its row."""
    with closing(SqliteReader.open(path)) as reader:
        rows = list(reader.read())
    with Engine(SqliteJournal.open(path)) as engine:
        state = engine.state
    folder = FolderSnapshots(Path(f"{path}-snapshots"))
    folder.put(Snapshot(3, rows[2].chain, exchange.snapshot(state)))
    assert run(path).exit_code == 0
    forged = msgspec.structs.replace(state, balances=state.balances.insert(("cash:plant", "tiyn"), 10**9))
    folder.put(Snapshot(3, rows[2].chain, exchange.snapshot(forged)))
    result = run(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the newest snapshot, of row 3, tells of another state than the rows lead to" in result.stderr


def test_what_is_no_file_and_a_name_that_is_no_text_are_refused(tmp_path: Path) -> None:
    """A pipe would keep the program waiting for ever, and a name that is not UTF-8 is nothing that SQLite can open."""
    os.mkfifo(tmp_path / "pipe")
    for name in (b"pipe", b"\xff.journal"):
        command: list[str | bytes] = [sys.executable, "-c", PROGRAM, "journal", "verify"]
        command.append(os.fsencode(tmp_path) + b"/" + name)
        result = subprocess.run(command, capture_output=True, check=False, timeout=60)
        assert (result.returncode, result.stdout) == (2, b"")
        assert result.stderr.startswith(b"naryq: unreadable: ")
        assert result.stderr.count(b"\n") == 1


def test_replays_that_differ_end_with_two(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the two state hashes ever differ, both are shown and the exit code is 2."""
    hashes = iter(["a" * 64, "b" * 64])
    monkeypatch.setattr(exchange, "state_hash", lambda _: next(hashes))
    result = run(path)
    assert result.exit_code == 2
    assert "a" * 64 in result.stdout
    assert "b" * 64 in result.stdout


def test_another_program_may_verify_a_living_journal(path: str) -> None:
    """While the venue works, the command reads all that is durable and leaves every file as it is."""
    with Engine(SqliteJournal.open(path)) as engine:
        assert engine.submit(msgspec.structs.replace(STRANGER, command_id="c4")).sequence == 4
        before = [file.read_bytes() for file in sorted(Path(path).parent.iterdir())]
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM, "journal", "verify", path], capture_output=True, check=True
        )
        assert [file.read_bytes() for file in sorted(Path(path).parent.iterdir())] == before
    assert result.stdout.startswith(b"rows:                    4\n")
