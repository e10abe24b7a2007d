"""The bulletin as files: JSON that is read back, CSV that a spreadsheet reads."""

import csv
import json
from io import StringIO

import msgspec
import pytest
from tests import portal_samples

from naryq.record.bulletin import CSV_COLUMNS, from_json, to_csv, to_json
from naryq.views import Bulletin


@pytest.fixture
def sample() -> Bulletin:
    return portal_samples.bulletin()


def rows(bulletin: Bulletin) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(to_csv(bulletin))))


def test_json_is_read_back(sample: Bulletin) -> None:
    """What is written decodes to an equal bulletin, in the same bytes each time, and ends with a line end."""
    text = to_json(sample)
    assert from_json(text) == sample
    assert to_json(from_json(text)) == text
    assert text.endswith(b"}\n")


def test_json_holds_no_fraction(sample: Bulletin) -> None:
    """Every number of the bulletin is an integer."""

    def no_fraction(text: str) -> float:
        raise AssertionError(text)

    json.loads(to_json(sample), parse_float=no_fraction)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b'{"title": 1}', b"\xff"])
def test_what_is_no_bulletin_is_refused(text: bytes) -> None:
    """Other JSON, and what is none, is refused by msgspec's own errors."""
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError)):
        from_json(text)


def test_csv_has_a_row_for_each_rulebook_and_province(sample: Bulletin) -> None:
    """The rows follow the results, in their order, with the months and the figures of each line."""
    assert to_csv(sample).split("\n")[0].split(",") == list(CSV_COLUMNS)
    read = rows(sample)
    lines = [(result, line) for result in sample.results for line in result.provinces]
    assert len(read) == len(lines)
    for row, (result, line) in zip(read, lines, strict=True):
        assert (row["rulebook"], row["rulebook_version"]) == (result.rulebook, result.version)
        assert (row["province_code"], row["province"]) == (line.code, line.name)
        assert (row["before_month"], row["after_month"]) == (sample.before_month, sample.after_month)
        for column in CSV_COLUMNS:
            if column.endswith(("tonne", "litre", "kg", "tiyn", "percent")):
                value = getattr(line, column)
                assert row[column] == ("" if value is None else str(value))
        assert row["limits"].split() == list(line.limits)
        assert row["reason"] == line.reason


def test_an_empty_cell_says_that_there_is_none(sample: Bulletin) -> None:
    """A province without a cap has an empty cell, and a name with a comma or a quote stays one cell."""
    odd = portal_samples.with_line(
        sample, "KZ-47", cap_tiyn_per_litre=None, next_cap_tiyn_per_litre=None, name='A "b", c', next_cap_day=None
    )
    (row,) = (row for row in rows(odd)[:17] if row["province_code"] == "KZ-47")
    assert row["cap_tiyn_per_litre"] == row["next_cap_tiyn_per_litre"] == row["next_cap_day"] == ""
    assert row["province"] == 'A "b", c'


def test_a_bulletin_without_results_is_a_heading(sample: Bulletin) -> None:
    """Without any result the table is its heading alone."""
    empty = msgspec.structs.replace(sample, results=())
    assert to_csv(empty) == ",".join(CSV_COLUMNS) + "\n"
