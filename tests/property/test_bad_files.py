"""Whatever a file holds, it is read exactly or refused in one line; no row is ever dropped, changed or made up."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from naryq.cli import main, tables
from naryq.cli.tables import Form, Table, cell_problem, read_table
from naryq.messages import Refusal

FORM = Form("orders", {"order_id": "text", "side": "text", "price": "number"})
HEADER = list(FORM.columns)

Row = tuple[str, str, str]
Reader = Callable[[str], Table]

words = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
whole = st.integers(-(2**63) + 1, 2**63 - 1).map(str)
rows = st.tuples(words, st.sampled_from(["buy", "sell"]), whole)
cells = st.one_of(
    words,
    whole,
    st.text(max_size=4),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["", " ", "NaN", "1,000", "1 000", "007", "-0", "--1", "-", "+1", "1_0", "٣", "x" * 201, "a\nb"]),
)
files = st.one_of(
    st.binary(max_size=200),
    st.lists(st.lists(cells, max_size=4), max_size=8).map(lambda table: text_of([HEADER, *table]).encode()),
)


def text_of(table: list[list[str]], **how: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, **how).writerows(table)  # type: ignore[arg-type]
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _small_blocks_and_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows cross many blocks and chunks, where a row could be lost."""
    monkeypatch.setattr(tables, "BLOCK_BYTES", 700)
    monkeypatch.setattr(tables, "CHUNK_ROWS", 3)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    file = tmp_path / "orders.csv"

    def read(text: str) -> Table:
        file.write_bytes(text.encode())
        return read_table(str(file), FORM, name="orders.csv")

    return read


same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


def check_exact(read: Reader, good: list[Row], how: dict[str, str]) -> None:
    """The oracle of good files: what was written comes back, row by row, to the last character and unit."""
    table = read(text_of([HEADER, *map(list, good)], **how))
    assert table.rows == len(good)
    found = zip(*(list(table.columns[column]) for column in HEADER), strict=True)
    assert [(order_id, side, int(price)) for order_id, side, price in found] == [
        (order_id, side, int(price)) for order_id, side, price in good
    ]


def check_refused(read: Reader, good: list[Row], at: int, bad: list[str]) -> None:
    """The oracle of bad files: one wrong row among good ones is refused, at its own line."""
    table = [list(row) for row in good]
    with pytest.raises(Refusal) as caught:
        read(text_of([HEADER, *table[:at], bad, *table[at:]]))
    assert caught.value.where.startswith(f"orders.csv, line {at + 2}")


BAD_ROWS = [
    ["q", "buy", "x"],
    ["q", "buy", "1.0"],
    ["q", "buy", ""],
    ["q", "buy", str(2**63)],
    ["", "buy", "1"],
    ["q", " buy", "1"],
    ["q", "buy"],
    ["q", "buy", "1", "2"],
    ["q\x00", "buy", "1"],
    ["q\nr", "buy", "1"],
]
ways_to_write = st.fixed_dictionaries(
    {"delimiter": st.sampled_from([",", ";", "\t"]), "lineterminator": st.sampled_from(["\n", "\r\n"])}
)


@same_folder
@given(good=st.lists(rows, min_size=1, max_size=40), how=ways_to_write)
def test_a_good_file_is_read_exactly(reader: Reader, good: list[Row], how: dict[str, str]) -> None:
    """Every row comes back in its order, whatever the separator and the line ends."""
    check_exact(reader, good, how)


@same_folder
@given(good=st.lists(rows, max_size=20), bad=st.sampled_from(BAD_ROWS), data=st.data())
def test_a_bad_row_is_never_dropped(reader: Reader, good: list[Row], bad: list[str], data: st.DataObject) -> None:
    """One wrong row anywhere refuses the file, and the refusal names its line."""
    check_refused(reader, good, data.draw(st.integers(0, len(good))), bad)


@same_folder
@given(content=files)
def test_any_file_is_read_or_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """No content whatever raises anything but a refusal, and its text is one printable line."""
    file = tmp_path / "orders.csv"
    file.write_bytes(content)
    outcome = outcome_of(file)
    if isinstance(outcome, Table):
        assert {len(column) for column in outcome.columns.values()} == {outcome.rows}
    else:
        assert str(outcome).isprintable()
        assert outcome.where.startswith("orders.csv")
        assert outcome.remedy


def outcome_of(file: Path) -> Table | Refusal:
    try:
        return read_table(str(file), FORM, name="orders.csv")
    except Refusal as refusal:
        return refusal


market_rows = st.tuples(
    st.sampled_from(["a", "b", "c", ""]),
    st.sampled_from(["p", "q", "r"]),
    st.sampled_from(["buy", "sell", "sel"]),
    st.one_of(st.integers(-1, 9), st.integers(0, 2**64)).map(str),
    st.one_of(st.integers(-1, 9), st.sampled_from([10**12, 2**63, 1.5])).map(str),
)
market_links = st.tuples(
    st.sampled_from(["p", "q"]),
    st.sampled_from(["q", "r", "x"]),
    st.integers(-1, 9).map(str),
    st.integers(-1, 9).map(str),
)


@same_folder
@given(orders=st.lists(market_rows, max_size=4).map(list), links=st.lists(market_links, max_size=3))
def test_the_command_clears_or_refuses(tmp_path: Path, orders: list[Row], links: list[Row]) -> None:
    """Whatever two well-formed tables say, the command ends with 0, or with 2 and one line that names one of them."""
    (tmp_path / "orders.csv").write_text(
        text_of([["order_id", "place", "side", "price", "quantity"], *map(list, orders)])
    )
    (tmp_path / "links.csv").write_text(text_of([["source", "target", "capacity", "tariff"], *map(list, links)]))
    result = CliRunner().invoke(main, ["clear", str(tmp_path / "orders.csv"), "--links", str(tmp_path / "links.csv")])
    assert isinstance(result.exception, SystemExit | None)
    assert (result.exit_code, result.stderr.count("\n"), bool(result.stdout)) in ((0, 0, True), (2, 1, False))
    assert result.exit_code == 0 or str(tmp_path) in result.stderr


@given(column=st.lists(cells, min_size=1, max_size=6).map(tuple))
def test_judging_in_bulk_agrees_with_judging_one_by_one(column: tuple[str, ...]) -> None:
    """The fast judgement of a column is the plain judgement of its cells."""
    assert tables.text_is_right(column) == (not any(cell_problem("text", cell) for cell in column))
    right = not any(cell_problem("number", cell) for cell in column)
    values = tables.numbers(column)
    assert (values is not None) == right
    assert values is None or list(values) == [int(cell) for cell in column]


def dropping(text: str) -> Table:
    """Read with a planted bug: a row that is wrong is left out."""
    found = list(csv.reader(io.StringIO(text, newline="")))[1:]
    kept = [row for row in found if len(row) == 3 and not any(map(cell_problem, FORM.columns.values(), row))]
    columns: list[list[str | None]] = [[row[index] for row in kept] for index in range(3)]
    return Table("orders.csv", dict(zip(HEADER, columns, strict=True)), len(kept))


def losing_the_last(text: str) -> Table:
    """Read with a planted bug: a last line without a line end is left out."""
    return dropping(text[: text.rstrip("\n").rfind("\n") + 1])


def rounding(text: str) -> Table:
    """Read with a planted bug: numbers go through a float."""
    table = dropping(text)
    prices: list[str | None] = [str(int(float(str(price)))) for price in table.columns["price"]]
    return Table(table.name, {**table.columns, "price": prices}, table.rows)


GOOD = [("s1", "sell", "9007199254740993"), ("b1", "buy", "2")]


def test_the_oracles_pass_a_right_reader(reader: Reader) -> None:
    """The real reader satisfies both oracles on the market used for the planted bugs."""
    check_exact(reader, GOOD, {"lineterminator": "\n"})
    check_refused(reader, GOOD, 1, BAD_ROWS[0])


@pytest.mark.parametrize("wrong", [losing_the_last, rounding])
def test_the_oracle_of_good_files_catches_a_wrong_reader(wrong: Reader) -> None:
    """A reader that loses a row or rounds a number is caught."""
    with pytest.raises(AssertionError):
        check_exact(wrong, GOOD, {"lineterminator": "\n"})


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_the_oracle_of_bad_files_catches_a_reader_that_drops(bad: list[str]) -> None:
    """A reader that leaves a wrong row out in silence is caught."""
    with pytest.raises(pytest.fail.Exception):
        check_refused(dropping, GOOD, 1, bad)
