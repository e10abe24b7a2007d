"""The page of REST says what REST is: every operation, and the status of every code; and the examples are settings."""

import re
from pathlib import Path

from naryq.cli.settings import SECOND_PERSON, Settings, read_settings
from naryq.gateways import rest
from naryq.gateways.problems import STATUS

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "reference" / "rest.md").read_text(encoding="utf-8")


def operations(text: str) -> list[tuple[str, str, str]]:
    """Read the table of operations: method, path, name."""
    return re.findall(r"^\| `([A-Z]+) (/v1/\S+)` \| `(\w+)` \|", text, re.MULTILINE)


def statuses(text: str) -> dict[str, int]:
    """Read the table of statuses: code -> status."""
    rows = re.findall(r"^\| (\d{3}) \| (.+) \|$", text, re.MULTILINE)
    return {code: int(status) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}


def test_the_page_has_every_operation() -> None:
    """The page lists each operation with its method, path and name, in the order of the program, and no other."""
    assert operations(PAGE) == [(each.method, each.path, each.name) for each in rest.OPERATIONS]


def test_the_page_has_every_status() -> None:
    """The page says of each code which status it has."""
    assert statuses(PAGE) == {code.value: int(status) for code, status in STATUS.items()}


def test_a_row_that_is_gone_would_be_seen() -> None:
    """The reading of the tables sees a row that is missing or says otherwise."""
    rows = "| `GET /v1/a` | `A` | x |\n| `PUT /v1/b/{c}` | `B` | y |\n| 404 | `a`, `b` |\n"
    assert operations(rows) == [("GET", "/v1/a", "A"), ("PUT", "/v1/b/{c}", "B")]
    assert statuses(rows) == {"a": 404, "b": 404}


def test_the_example_has_every_setting() -> None:
    """The example of the settings is read, names every table and key, and its defaults are those of the program."""
    path = PROJECT / "examples" / "serve" / "venue.toml"
    text = path.read_text(encoding="utf-8")
    found, plain = read_settings(path), Settings()
    tables = re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)
    assert tables == [*Settings.__struct_fields__]
    for table in tables:
        body = text.partition(f"[{table}]")[2].partition("\n[")[0]
        keys = re.findall(r"^([a-z-]+) =", body, re.MULTILINE)
        assert keys == [field.replace("_", "-") for field in getattr(plain, table).__struct_fields__]
    assert (found.access, found.keeper) == (plain.access, plain.keeper)
    assert found.access.second_person == SECOND_PERSON
    assert (found.web.address, found.web.port) == (plain.web.address, plain.web.port)
