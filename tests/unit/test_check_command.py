"""`naryq check lobster`: what it prints, and how it ends."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.lobster_days import BUY, EXECUTION, SELL, Exchange, random_day, visible, write_day

from naryq.cli import main


@pytest.fixture
def day(tmp_path: Path) -> tuple[Path, Path]:
    return write_day(tmp_path, random_day(5, 400, 3, first=20))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["check", "lobster", *map(str, arguments)])


def test_a_day_of_one_level_is_told_in_the_singular(tmp_path: Path) -> None:
    """A book file of one level a side is no "1 levels"."""
    messages, books = tmp_path / "messages.csv", tmp_path / "books.csv"
    messages.write_bytes(b"34200.1,1,7,100,999900,1\n")
    books.write_bytes(b"1000100,50,999900,100\n")
    assert run(messages, books).stdout.endswith("Equal: 1 level a side, no difference from the published book.\n")


def test_an_equal_day_ends_with_0(day: tuple[Path, Path]) -> None:
    """Equal books are said to be equal, with how much was compared, on standard output alone."""
    result = run(*day)
    assert result.exit_code == 0
    assert result.stdout.endswith("Equal: 3 levels a side, no difference from the published book.\n")
    assert "executions that our book matched alike:" in result.stdout
    assert result.stderr == ""


def test_gzip_is_read(day: tuple[Path, Path]) -> None:
    """Packed files give the same words."""
    packed = []
    for path in day:
        packed.append(path.with_suffix(".csv.gz"))
        packed[-1].write_bytes(gzip.compress(path.read_bytes()))
    assert run(*packed).stdout == run(*day).stdout


def test_a_difference_ends_with_1(day: tuple[Path, Path]) -> None:
    """The first difference is told with its line, the event and both books."""
    messages, book = day
    lines = book.read_text(encoding="ascii").splitlines()
    cells = lines[100].split(",")
    cells[1] = str(int(cells[1]) + 100)
    lines[100] = ",".join(cells)
    book.write_text("\n".join(lines) + "\n", encoding="ascii")
    result = run(messages, book)
    assert result.exit_code == 1
    assert "Different at line 101: the visible levels differ.\nthe event: " in result.stdout
    assert "asks, published: " in result.stdout
    assert "asks, ours:      " in result.stdout


def test_a_refused_file_ends_with_2(day: tuple[Path, Path]) -> None:
    """A file in another layout is refused in one line that names it and the line in it."""
    messages, _ = day
    result = run(messages, messages)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"naryq: unreadable: {messages}, line 1: it has 6 fields")
    assert run("nowhere.csv", messages).stderr.startswith("naryq: unreadable: nowhere.csv: ")


def test_json_says_the_same(day: tuple[Path, Path]) -> None:
    """Programs get every count and the difference, or null."""
    outcome = json.loads(run(*day, "--json").stdout)
    assert outcome["levels"] == 3
    assert outcome["difference"] is None
    assert outcome["counts"]["lines"] == outcome["counts"]["lines_compared"] + 1


def test_priority_may_be_strict(tmp_path: Path) -> None:
    """An execution out of turn is counted with its first line, or taken as the difference."""
    exchange = Exchange(2)
    exchange.rest(BUY, 999_900, 100)
    exchange.rest(SELL, 1_000_100, 100)
    exchange.take(exchange.rest(BUY, 999_900, 100), 50, EXECUTION)
    files = write_day(tmp_path, visible(exchange.record))
    counted, strict = run(*files), run(*files, "--strict-priority")
    assert counted.exit_code == 0
    assert "not matched: executed out of turn:" in counted.stdout
    assert "1, first at line 4" in counted.stdout
    assert strict.exit_code == 1
    assert "Different at line 4: an order is executed out of its turn in price and time." in strict.stdout
