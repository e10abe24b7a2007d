"""`naryq demo` and the folder that it writes to: what it replaces, what it refuses, and what its server gives away."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.venue_samples import founded

from naryq.cli import demo, main
from naryq.engine import Engine
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import Code, Refusal, Refused


def run(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["demo", "--out", str(folder), *options])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-lock")}


def refused(folder: Path, name: str, code: str) -> None:
    """Check that the demo names a file, refuses with one line, and leaves every file as it is."""
    before = contents(folder)
    result = run(folder, "--no-serve")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"naryq: {code}: {folder / name}: ")
    assert contents(folder) == before


def test_a_venues_journal_is_not_replaced(tmp_path: Path) -> None:
    """A journal that a venue, not a demo, has written under the same name stays as it is."""
    with Engine(SqliteJournal.create(str(tmp_path / "guarded.journal"))) as engine:
        engine.submit_many([row.command for row in founded().rows])
    refused(tmp_path, "guarded.journal", "already_exists")


def test_another_kind_of_file_is_not_replaced(tmp_path: Path) -> None:
    """A diary that bears a journal's name, and a page that no demo has written, stay as they are."""
    (tmp_path / "kazakhstan.journal").write_text("1 January. It rains.", "utf-8")
    refused(tmp_path, "kazakhstan.journal", "already_exists")
    (tmp_path / "kazakhstan.journal").unlink()
    (tmp_path / "index.html").write_text("<title>My shop</title>", "utf-8")
    refused(tmp_path, "index.html", "already_exists")


def test_a_journal_at_work_is_not_replaced(tmp_path: Path) -> None:
    """While one demo is at work in a folder, a second one is told so and takes nothing from it."""
    with closing(SqliteJournal.create(str(tmp_path / "kazakhstan.journal"))):
        refused(tmp_path, "kazakhstan.journal", "journal_locked")


def test_an_interrupted_demo_is_begun_again(tmp_path: Path) -> None:
    """What a demo left that was cut off, down to an empty journal, is no hindrance and is cleared away."""
    SqliteJournal.create(str(tmp_path / "kazakhstan.journal")).close()
    with closing(SqliteJournal.create(str(tmp_path / "guarded.journal"))):
        pass
    demo._make_room(tmp_path)
    assert contents(tmp_path) == {}


def test_a_full_disk_is_a_refusal(tmp_path: Path) -> None:
    """What the disk refuses, and not the venue, ends the demo with the journal's own words."""
    command = founded().rows[0].command
    engine = Engine(SqliteJournal.create(str(tmp_path / "venue.journal")))
    engine.close()
    with pytest.raises(Refusal) as refusal:
        demo._send(engine, [command])
    assert refusal.value.code == Code.STOPPED


def test_what_the_venue_refuses_is_an_answer(tmp_path: Path) -> None:
    """The venue's own refusals stand in the journal and are the scenario's business."""
    command = founded().rows[-1].command
    with Engine(SqliteJournal.create(str(tmp_path / "venue.journal"))) as engine:
        ((event,),) = demo._send(engine, [command])
    assert isinstance(event, Refused)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Serve a folder that holds a demo's page, a journal, and what else people leave in folders."""
    for name in ("index.html", "bulletin.json", "bulletin.csv", "guarded.journal", ".secret", "letter.txt"):
        (tmp_path / name).write_text(name, "utf-8")
    (tmp_path / "elsewhere").symlink_to(tmp_path.parent)
    with demo._server(tmp_path, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield str(server.server_address[0]), server.server_port
        server.shutdown()
        thread.join()


def status(address: tuple[str, int], path: str) -> int:
    with closing(HTTPConnection(*address, timeout=10)) as connection:
        connection.request("GET", path)
        return connection.getresponse().status


def test_the_server_gives_away_nothing_but_the_demo(address: tuple[str, int]) -> None:
    """The page and the bulletin are served on this machine's own address; no other file is, by whatever spelling."""
    assert address[0] == "127.0.0.1"
    assert [status(address, path) for path in (*demo.SERVED, "/?again")] == [200] * (len(demo.SERVED) + 1)
    others = ("/.secret", "/letter.txt", "/guarded.journal", "/elsewhere/", "/../letter.txt", "/%2e%2e/", "/x/..")
    assert [status(address, path) for path in others] == [404] * len(others)


def test_a_taken_port_says_what_to_do(address: tuple[str, int], tmp_path: Path) -> None:
    """A port that another program has is one clear line, and the results are there all the same."""
    with pytest.raises(Refusal) as refusal:
        demo._server(tmp_path, address[1])
    assert refusal.value.code == Code.BUSY
    assert "--port" in refusal.value.remedy
