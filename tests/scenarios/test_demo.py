"""`naryq demo`, run twice into one folder: what it writes, what it says, and that nothing depends on chance."""

import csv
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from naryq.cli import main
from naryq.cli.demo import RULEBOOKS
from naryq.journal.sqlite import SqliteReader
from naryq.lab import scenario
from naryq.messages import Entry, PricesPublished, PumpPrice, decode_entry
from naryq.record.bulletin import CSV_COLUMNS, from_json, to_csv, to_json
from naryq.units import month_after
from naryq.views import Bulletin

WRITTEN = ("bulletin.json", "bulletin.csv", "index.html")


class Demo(NamedTuple):
    folder: Path
    first: Result
    second: Result
    files: dict[str, bytes]
    """What the first run wrote; the folder holds what the second wrote."""

    @property
    def bulletin(self) -> Bulletin:
        return from_json(self.files["bulletin.json"])


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    arguments = ["demo", "--no-serve", "--out", str(folder)]
    first = CliRunner().invoke(main, arguments)
    files = {name: (folder / name).read_bytes() for name in WRITTEN}
    return Demo(folder, first, CliRunner().invoke(main, arguments), files)


def rows_of(demo: Demo, rulebook: str) -> list[Entry]:
    with closing(SqliteReader.open(str(demo.folder / f"{rulebook}.journal"))) as reader:
        return [decode_entry(record.payload) for record in reader.read()]


def published(demo: Demo, rulebook: str) -> list[dict[str, PumpPrice]]:
    events = [event for row in rows_of(demo, rulebook) for event in row.events]
    return [{p.province: p for p in event.pump_prices} for event in events if isinstance(event, PricesPublished)]


def test_the_demo_ends_well(demo: Demo) -> None:
    """Both runs exit with 0 and say nothing on standard error."""
    for result in (demo.first, demo.second):
        assert result.exception is None
        assert result.exit_code == 0
        assert result.stderr == ""


def test_the_demo_says_what_people_look_for(demo: Demo) -> None:
    """The terminal shows both rulebooks, Mangystau, the counts of facts and assumptions, and how to check."""
    bulletin = demo.bulletin
    for text in (*RULEBOOKS, "Mangystau", "journal verify", f"{bulletin.facts} facts", "naryq journal verify"):
        assert text in demo.first.output
    for paragraph in bulletin.story:
        assert paragraph in demo.first.output


def test_the_files_do_not_depend_on_chance(demo: Demo) -> None:
    """A second run into the same folder writes the same bytes."""
    assert {name: (demo.folder / name).read_bytes() for name in WRITTEN} == demo.files


def test_the_bulletin_is_read_back(demo: Demo) -> None:
    """The JSON decodes to the bulletin from which the same JSON and CSV are made."""
    assert to_json(demo.bulletin) == demo.files["bulletin.json"]
    assert to_csv(demo.bulletin).encode() == demo.files["bulletin.csv"]


def test_the_table_has_every_province_twice(demo: Demo) -> None:
    """The CSV has 34 rows: the 17 provinces of January 2022 under both rulebooks, by ISO 3166-2 code."""
    head, *rows = csv.reader(StringIO(demo.files["bulletin.csv"].decode()))
    assert tuple(head) == CSV_COLUMNS
    assert len(rows) == 34
    codes = [row[2] for row in rows]
    assert sorted(codes[:17]) == sorted(codes[17:]) == sorted(set(codes))
    assert all(code.startswith("KZ-") for code in codes)


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_the_bulletin_says_what_the_journal_says(demo: Demo, rulebook: str) -> None:
    """Every pump price, step, volume and payment of the bulletin is one that stands in the journal."""
    before, after = published(demo, rulebook)
    result = next(result for result in demo.bulletin.results if result.rulebook == rulebook)
    assert [line.code for line in result.provinces] == list(after)
    for line in result.provinces:
        pumps = before[line.code], after[line.code]
        assert (line.pump_before_tiyn_per_litre, line.pump_after_tiyn_per_litre) == tuple(
            pump.pump_tiyn_per_litre for pump in pumps
        )
        assert (line.steps_before, line.steps_after) == tuple(pump.steps for pump in pumps)
        assert (line.volume_before_kg, line.volume_after_kg) == tuple(pump.volume_kg for pump in pumps)
        assert (line.fund_tiyn, line.limits) == (pumps[1].fund_tiyn, pumps[1].limits)
    assert result.journal_sequence == len(rows_of(demo, rulebook))


@pytest.mark.parametrize("rulebook", RULEBOOKS)
def test_the_journal_verifies(demo: Demo, rulebook: str) -> None:
    """`naryq journal verify` replays each journal twice to the hash and the chain that the bulletin names."""
    result = next(result for result in demo.bulletin.results if result.rulebook == rulebook)
    checked = CliRunner().invoke(main, ["journal", "verify", str(demo.folder / f"{rulebook}.journal")])
    assert checked.exit_code == 0
    said = dict(line.split(":", 1) for line in checked.output.strip().split("\n"))
    hashes = [value.strip() for name, value in said.items() if name.startswith("state hash")]
    assert hashes == [result.state_hash] * 2
    assert said["head"].strip().partition(":")[2] == result.journal_chain


def test_the_months_are_those_of_the_step(demo: Demo) -> None:
    """The bulletin compares December 2021 with January 2022."""
    bulletin = demo.bulletin
    assert (bulletin.before_month, bulletin.after_month) == ("2021-12", "2022-01")
    assert month_after(bulletin.before_month) == bulletin.after_month
    assert [month.delivery_month for month in scenario.MONTHS] == [bulletin.before_month, bulletin.after_month]


def test_every_assumption_is_swung(demo: Demo) -> None:
    """Each assumption's swing is there once, the widest first."""
    swings = demo.bulletin.swings
    widths = [abs(s.pump_at_highest_tiyn_per_litre - s.pump_at_lowest_tiyn_per_litre) for s in swings]
    assert widths == sorted(widths, reverse=True)
    assert len({swing.assumption for swing in swings}) == len(swings) > 10


def test_the_page_stands_alone(demo: Demo) -> None:
    """The page holds the provinces and needs no script and nothing from another host."""
    page = demo.files["index.html"].decode()
    assert "<script" not in page
    assert "Mangystau" in page
    for line in demo.bulletin.results[0].provinces:
        assert line.name in page
