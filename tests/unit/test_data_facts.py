"""The fact tables of Kazakhstan: every row has a source, known identifiers, and numbers that are numbers."""

import csv
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "data" / "kazakhstan"

ROWS_AT_LEAST = {
    "provinces.csv": 17,
    "provinces_later.csv": 3,
    "plants.csv": 10,
    "demand.csv": 48,
    "production.csv": 20,
    "flows.csv": 22,
    "links.csv": 20,
    "caps.csv": 77,
    "prices_retail.csv": 52,
    "prices_wholesale.csv": 29,
    "vehicles.csv": 14,
    "stations.csv": 7,
    "phase_in.csv": 12,
    "events.csv": 40,
    "auctions.csv": 5,
    "instrument_codes.csv": 7,
    "participants.csv": 7,
}
"""How many facts the project's research gave for each table; splitting a fact only makes more."""

INPUTS_OF_THE_MODEL = {"assumptions.csv", "model_facts.csv"}
"""What the model reads; the tests of its loader check them."""

PROVINCES_OF_JANUARY_2022 = [
    f"KZ-{number}" for number in (11, 15, 19, 23, 27, 31, 35, 39, 43, 47, 55, 59, 61, 63, 71, 75, 79)
]
CREATED_IN_JUNE_2022 = ["KZ-10", "KZ-33", "KZ-62"]
COUNTRIES = ["KZ", "RU", "KG", "AZ", "TJ"]
PROVINCES = PROVINCES_OF_JANUARY_2022 + CREATED_IN_JUNE_2022
PLANTS = ["ANPZ", "PNHZ", "PKOP", "KAZGPZ", "CNPC-AMG", "TCO", "ZHAIKMUNAI", "KAZGERMUNAI", "KAZAKHOIL-AKTOBE", "GPC"]
SOURCES_WITHOUT_ADDRESS = ("(undated Shymkent TV page, no URL", "the project's report on Kazakhstan, section")

NUMBER = re.compile(r"-?\d+(\.\d+)?")
NUMBER_COLUMN = re.compile(
    r".*(tonnes?|litre|percent|_year)|tank_cars|stations|lpg_vehicles|participants|highest.*|lowest.*"
)
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
DATE_COLUMNS = ("date", "date_from", "date_to", "announce_date", "period", "session_dates", "fallback_dates")

Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, restkey="too many cells", restval="too few cells"))


def problems(row: Row) -> Iterator[str]:
    """Say everything that is wrong with one row of a fact table."""
    yield from (f"ragged: {cell}" for cell in ("too many cells", "too few cells") if cell in (*row, *row.values()))
    yield from (f"spaces around {cell!r}" for cell in row.values() if isinstance(cell, str) and cell != cell.strip())
    if not row["source"].startswith(("http://", "https://", *SOURCES_WITHOUT_ADDRESS)):
        yield f"no source: {row['source']!r}"
    if row.get("province") and row["province"] not in PROVINCES + COUNTRIES:
        yield f"unknown province {row['province']!r}"
    yield from (f"unknown plant {plant!r}" for plant in unknown_plants(row))
    yield from number_problems(row)
    yield from date_problems(row)


def unknown_plants(row: Row) -> list[str]:
    plants = [plant for plant in row.get("plant", "").split(";") if plant]
    return [plant for plant in plants if plant not in [*PLANTS, "KZ"]]


def number_problems(row: Row) -> Iterator[str]:
    numbers = {column: cell for column, cell in row.items() if cell and NUMBER_COLUMN.fullmatch(column)}
    wrong = [column for column, cell in numbers.items() if not NUMBER.fullmatch(cell)]
    yield from (f"{column} is {numbers[column]!r}, not a number" for column in wrong)
    for column, cell in numbers.items():
        highest = numbers.get(column.replace("lowest", "highest"), cell)
        if not wrong and column.startswith("lowest") and Decimal(cell) > Decimal(highest):
            yield f"{column} is above its highest"


def date_problems(row: Row) -> Iterator[str]:
    for column in DATE_COLUMNS:
        for part in re.split("[;/]", row.get(column, "")):
            if part and not DATE.fullmatch(part):
                yield f"{column} is {part!r}, not a date"
    if row.get("date_to") and row["date_to"][:4] < row["date_from"][:4]:
        yield "ends before it begins"


@pytest.mark.parametrize("name", ROWS_AT_LEAST)
def test_every_row_of_every_table_is_sound(name: str) -> None:
    """Each row has a source, known provinces and plants, numbers that parse and dates that are dates."""
    found = [f"{name} line {line}: {what}" for line, row in enumerate(read(name), 2) for what in problems(row)]
    assert found == []


@pytest.mark.parametrize("name", ROWS_AT_LEAST)
def test_no_fact_was_lost_and_none_stands_twice(name: str) -> None:
    """Each table has at least as many rows as there were facts, and no row is a copy of another."""
    rows = read(name)
    assert len(rows) >= ROWS_AT_LEAST[name]
    assert len({tuple(row.items()) for row in rows}) == len(rows)


def test_every_table_is_checked_and_described() -> None:
    """No table of the folder escapes these tests, and the README names every table and every column."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    described = {line.split("`")[1]: line for line in readme.splitlines() if line.startswith("| `")}
    tables = {path.name for path in FOLDER.glob("*.csv")} - INPUTS_OF_THE_MODEL
    assert tables == set(ROWS_AT_LEAST) == set(described)
    for name, line in described.items():
        columns = [column for column in read(name)[0] if column not in ("source", "note")]
        assert [column for column in columns if f"`{column}`" not in line] == []


def test_the_provinces_are_those_of_january_2022() -> None:
    """There are 14 oblasts and 3 cities, and the three later oblasts stand apart."""
    provinces = read("provinces.csv")
    assert [row["code"] for row in provinces] == PROVINCES_OF_JANUARY_2022
    assert [row["code"] for row in provinces if row["kind"] == "city"] == ["KZ-71", "KZ-75", "KZ-79"]
    assert [row["code"] for row in read("provinces_later.csv")] == CREATED_IN_JUNE_2022


@pytest.mark.parametrize("name", ["caps.csv", "prices_retail.csv", "demand.csv", "flows.csv", "links.csv"])
def test_later_oblasts_appear_only_in_later_rows(name: str) -> None:
    """An oblast created in June 2022 has no fact from before."""
    days = [
        row.get("date_from") or row.get("date") or row.get("period", "")
        for row in read(name)
        if row["province"] in CREATED_IN_JUNE_2022
    ]
    assert [day for day in days if day < "2022-07" and day != "2023"] == []


def test_the_plants_are_the_ten_known_ones() -> None:
    """The plant identifiers are exactly those that every other file uses."""
    assert [row["plant"] for row in read("plants.csv")] == PLANTS


def test_every_flow_has_its_link() -> None:
    """A pair of plant and province that a flow shows is a link, once."""
    links = [(row["plant"], row["province"]) for row in read("links.csv")]
    assert len(set(links)) == len(links)
    assert {(row["plant"], row["province"]) for row in read("flows.csv")} <= set(links)


def test_the_caps_of_january_2022_cover_every_province() -> None:
    """Order No 1 of 5 January 2022 set one cap for each of the 17 provinces, remote ones 5 tenge above."""
    first = [row for row in read("caps.csv") if row["date_from"] == "2022-01-06"]
    assert sorted(row["province"] for row in first) == PROVINCES_OF_JANUARY_2022
    for row in first:
        assert row["remote_tenge_per_litre"] in ("", str(int(row["highest_tenge_per_litre"]) + 5))


def test_a_guessed_date_says_how_it_was_told() -> None:
    """The date of the 65 % share is uncertain, and its row says so."""
    (row,) = [row for row in read("phase_in.csv") if row["share_percent"] == "65"]
    assert (row["date_from"], row["note"]) == ("2021-10", 'date told as "2021-10?"')


SOUND = {
    "date_from": "2021-10",
    "date_to": "2022",
    "province": "KZ-47",
    "plant": "ANPZ;PNHZ",
    "lowest_tonnes": "10",
    "highest_tonnes": "12.5",
    "source": "https://example.org/page",
}


def test_a_sound_row_has_no_problem() -> None:
    """The checker passes what is right: the planted faults below are found for their own sake."""
    assert list(problems(SOUND)) == []


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        ("source", "", "no source: ''"),
        ("source", "somebody said", "no source: 'somebody said'"),
        ("province", "KZ-99", "unknown province 'KZ-99'"),
        ("plant", "ANPZ;NOWHERE", "unknown plant 'NOWHERE'"),
        ("lowest_tonnes", "10-12", "lowest_tonnes is '10-12', not a number"),
        ("lowest_tonnes", "13", "lowest_tonnes is above its highest"),
        ("highest_tonnes", "12 500", "highest_tonnes is '12 500', not a number"),
        ("date_from", "2021-10?", "date_from is '2021-10?', not a date"),
        ("date_to", "2019", "ends before it begins"),
        ("province", "KZ-47 ", "spaces around 'KZ-47 '"),
        ("note", "too few cells", "ragged: too few cells"),
    ],
)
def test_the_checker_finds_planted_faults(column: str, cell: str, problem: str) -> None:
    """Each kind of fault, planted in a sound row, is named."""
    assert problem in list(problems(SOUND | {column: cell}))


def test_what_the_model_takes_for_a_fact_is_one_here() -> None:
    """Each source that the model's facts name is the source of a row in these tables: add the row when this fails."""
    sources = {row["source"] for name in ROWS_AT_LEAST for row in read(name)}
    assert [row for row in read("model_facts.csv") if row["source"] not in sources] == []
