"""`naryq bench venue` and `naryq bench recovery`, for a second: what they promise, and that they would notice."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from naryq.cli import bench as bench_module
from naryq.cli.bench import bench
from naryq.cli.bench_traffic import Country, Crowd, founding, openings
from naryq.cli.bench_venue import Told, _of_journal, rising, steady
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import Entry, encode


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> dict[str, tuple[str, bool | None]]:
    result = CliRunner().invoke(bench, [*arguments, "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    bench_module._show_venue(report)
    return {figure["what"]: (figure["value"], figure["met"]) for figure in report["figures"]}


def test_a_load_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command is answered and stands in its row, on the ramp as well; what is refused has a code."""
    monkeypatch.setattr("naryq.cli.bench_venue.RAMP_SECONDS", 0.2)
    found = run("venue", "--rate", "200", "--minutes", "0.005", "--ramp")
    assert found["answered"] == ("60", True)
    assert found["acknowledged and lost"][1] is True
    assert found["ramp: answered"][1] is True


def test_both_starts_lead_to_one_state() -> None:
    """A journal of a few rows is filled and replayed with and without snapshots."""
    found = run("recovery", "--rows", "1000")
    assert found["both states"] == ("equal", True)
    assert found["rows"][0].startswith("1,000 ")


def test_a_month_leads_to_statements() -> None:
    """Forty sessions are held without a refusal, some orders trade, and everybody gets a statement."""
    found = run("month", "--orders", "1000")
    assert found["sessions, participants"][0] == "40, 402"
    assert found["orders, trades"][0].startswith("1,000, ")
    assert found["refused otherwise"] == ("0", True)
    assert found["from journal to statements"][0].endswith("402 statements")
    assert int(found["lines in the statements"][0].replace(",", "")) > 402


def test_a_lost_row_is_noticed(tmp_path: Path) -> None:
    """The planted bug: an answer that names a row in which another command stands counts as lost."""
    country = Country(1, 1, 1)
    commands = [*founding(country), *openings(country), Crowd(country).order(0)]
    journal = SqliteJournal.create(str(tmp_path / "venue.journal"))
    journal.append([encode(Entry(sequence, command, ())) for sequence, command in enumerate(commands, 1)])
    journal.close()
    told = Told()
    told.numbers.append(0)
    told.sequences.append(len(commands))
    assert _of_journal(tmp_path / "venue.journal", [(told, -1)]).met
    told.sequences[0] = 1
    assert not _of_journal(tmp_path / "venue.journal", [(told, -1)]).met


def test_timetables() -> None:
    """A steady one has equal gaps; a rising one ends at the rate it was to rise to."""
    assert list(steady(4, 1.0)) == [0, 250_000_000, 500_000_000, 750_000_000]
    times = list(rising(100, 10, 1.0))
    assert (times[1] - times[0], times[-1] - times[-2]) == pytest.approx((10**7, 10**6), rel=0.05)
    assert len(times) == pytest.approx(550, rel=0.05)


def test_equal_seeds_send_equal_commands() -> None:
    """The crowd is made from its seed alone."""
    one, same, other = (Crowd(Country(), seed) for seed in (1, 1, 2))
    sent = [[crowd.next(number) for number in range(500)] for crowd in (one, same, other)]
    assert sent[0] == sent[1] != sent[2]
