"""The file reader behind `naryq clear`: what it accepts, and the one refusal that each bad file gets."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from naryq.cli import tables
from naryq.cli.clear import ORDERS as FORM
from naryq.cli.tables import Form, Table, read_table
from naryq.messages import Code, Refusal

HEADER = b"order_id,place,side,price,quantity\n"
ROW = b"s1,Mangystau,sell,38000,120\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


def read(file: Path, content: bytes, *, form: Form = FORM, largest_megabytes: int = 512) -> Table:
    file.write_bytes(content)
    return read_table(str(file), form, name="orders.csv", largest_megabytes=largest_megabytes)


def refusal(file: Path, content: bytes, *, largest_megabytes: int = 512) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(file, content, largest_megabytes=largest_megabytes)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    return caught.value


GOOD = {
    "plain": HEADER + ROW,
    "no line end at the end": HEADER + ROW.rstrip(),
    "windows line ends": (HEADER + ROW).replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + HEADER + ROW,
    "semicolons": (HEADER + ROW).replace(b",", b";"),
    "tabs": (HEADER + ROW).replace(b",", b"\t"),
    "quotes": HEADER + b'"s1","Mangystau","sell","38000","120"\n',
    "other order of columns": b"quantity,price,side,place,order_id\n120,38000,sell,Mangystau,s1\n",
    "empty lines at the end": HEADER + ROW + b"\n\r\n\n",
    "leading zeros": HEADER + b"s1,Mangystau,sell,00000000000000000000038000,0120\n",
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD.keys())
def test_what_spreadsheets_and_programs_write_is_read(file: Path, content: bytes) -> None:
    """Line ends, byte order mark, separator, quotes and the order of columns do not matter."""
    table = read(file, content)
    assert {column: list(cells) for column, cells in table.columns.items()} == {
        "order_id": ["s1"],
        "place": ["Mangystau"],
        "side": ["sell"],
        "price": [38000],
        "quantity": [120],
    }


def test_numbers_come_as_64_bit_integers_to_their_last_unit(file: Path) -> None:
    """The largest and the least number survive; none goes through a float."""
    rows = b"a,p,buy,9223372036854775807,1\nb,p,buy,-9223372036854775807,2\n"
    price = read(file, HEADER + rows).columns["price"]
    assert isinstance(price, np.ndarray)
    assert price.dtype == np.int64
    assert price.tolist() == [2**63 - 1, -(2**63) + 1]


def test_names_keep_their_letters(file: Path) -> None:
    """Kazakh names, commas in quotes and a name that looks like a formula are names like others."""
    rows = 'q1,Маңғыстау,buy,1,1\n"a,b","Қызылорда, қала",buy,1,1\n=1+1,p,buy,1,1\n'
    table = read(file, HEADER + rows.encode())
    assert table.columns["order_id"] == ["q1", "a,b", "=1+1"]
    assert table.columns["place"] == ["Маңғыстау", "Қызылорда, қала", "p"]


def test_an_optional_column_may_be_there(file: Path) -> None:
    """The time of submission is read when the file has it."""
    content = b"order_id,place,side,price,quantity,submitted_at\na,p,buy,1,1,1640995200000000000\n"
    assert list(read(file, content).columns["submitted_at"]) == [1640995200000000000]


def test_a_row_knows_its_line(file: Path) -> None:
    """Row 0 stands on line 2, as the header is line 1."""
    table = read(file, HEADER + ROW)
    assert table.where(0, "price") == "orders.csv, line 2, column price"
    assert table.where(7) == "orders.csv, line 9"


def test_a_form_may_allow_no_rows(file: Path) -> None:
    """A market without links is a market: a header alone is no fault where the form says so."""
    table = read(file, HEADER, form=Form("links", FORM.columns, FORM.optional, may_be_empty=True))
    assert table.rows == 0
    assert {column: len(cells) for column, cells in table.columns.items()} == dict.fromkeys(table.columns, 0)


BAD_FILES = {
    "empty": (b"", Code.EMPTY, "orders.csv: the file is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", Code.EMPTY, "orders.csv: the file is empty"),
    "empty first line": (b"\n" + HEADER + ROW, Code.EMPTY, "orders.csv: the first line is empty"),
    "header only": (HEADER, Code.EMPTY, "orders.csv: the file has a header and no orders"),
    "missing column": (
        b"order_id,place,side,price\ns1,p,sell,1\n",
        Code.COLUMN_MISSING,
        "orders.csv, line 1: column quantity is missing",
    ),
    "unknown column": (
        HEADER.replace(b"price", b"colour") + ROW,
        Code.COLUMN_UNKNOWN,
        "orders.csv, line 1: column 'colour' is unknown. Remove or rename it",
    ),
    "misspelt column": (
        HEADER.replace(b"quantity", b" Quantity") + ROW,
        Code.COLUMN_UNKNOWN,
        "orders.csv, line 1: column ' Quantity' is unknown. Call it quantity",
    ),
    "a name like one that is there": (
        HEADER.replace(b"order_id", b"id") + ROW,
        Code.COLUMN_UNKNOWN,
        "orders.csv, line 1: column 'id' is unknown. Remove or rename it: orders have order_id",
    ),
    "unnamed column": (b"," + HEADER + b"0," + ROW, Code.COLUMN_UNKNOWN, "column number 1 has no name"),
    "column twice": (HEADER.replace(b"place", b"price"), Code.COLUMN_UNKNOWN, "column price stands twice"),
    "broken header": (b'order_id,"pla"ce\n', Code.UNREADABLE, "orders.csv, line 1: the line is not CSV"),
    "no UTF-8": (
        HEADER + ROW + b"s2,\xff,sell,1,1\n",
        Code.UNREADABLE,
        "orders.csv, line 3: byte 66 (0xff) is not UTF-8",
    ),
    "windows-1251": (
        HEADER + "s1,Актобе,sell,1,1\n".encode("cp1251"),
        Code.UNREADABLE,
        "orders.csv, line 2: byte 38 (0xc0) is not UTF-8",
    ),
    "NUL": (HEADER + b"s1,p\0,sell,1,1\n", Code.UNREADABLE, "orders.csv, line 2: byte 39 is NUL"),
    "gzip": (b"\x1f\x8b\x08\x00", Code.UNREADABLE, "orders.csv: it is a gzip archive, not CSV"),
    "xlsx": (b"PK\x03\x04\x14", Code.UNREADABLE, "orders.csv: it is an Excel workbook or a zip archive, not CSV"),
    "parquet": (b"PAR1\x15\x04", Code.UNREADABLE, "orders.csv: it is a Parquet file, not CSV"),
    "UTF-16": ((HEADER + ROW).decode().encode("utf-16"), Code.UNREADABLE, "orders.csv: it is UTF-16 text, not CSV"),
    "JSON": (b'[{"order_id": "s1"}]', Code.UNREADABLE, "orders.csv: it is JSON, not CSV"),
    "lone carriage returns": ((HEADER + ROW).replace(b"\n", b"\r"), Code.UNREADABLE, "a lone carriage return"),
    "one endless line": (b"x" * 1_500_000, Code.UNREADABLE, "orders.csv, line 1: the line does not end within"),
    "zeros": (bytes(1_500_000), Code.UNREADABLE, "orders.csv, line 1: byte 0 is NUL"),
    "endless line further down": (HEADER + ROW + b"x" * 2_000_000, Code.UNREADABLE, "line 3: the line does not end"),
}


@pytest.mark.parametrize(("content", "code", "text"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_gets_its_refusal(file: Path, content: bytes, code: Code, text: str) -> None:
    """Each way for a file to be wrong as a whole has its own code and says where it is wrong."""
    found = refusal(file, content)
    assert found.code is code
    assert text in str(found)


BAD_LINES = {
    "text for a price": (b"s2,p,sell,dear,1", Code.WRONG_TYPE, "column price: 'dear' is not a number"),
    "decimal": (b"s2,p,sell,118.5,1", Code.WRONG_TYPE, "column price: '118.5' is not a whole number"),
    "decimal zero": (b"s2,p,sell,118.0,1", Code.WRONG_TYPE, "column price: '118.0' is not a whole number"),
    "decimal comma": (b's2,p,sell,"118,5",1', Code.WRONG_TYPE, "column price: '118,5' is not a whole number"),
    "exponent": (b"s2,p,sell,1e5,1", Code.WRONG_TYPE, "column price: '1e5' is not a whole number"),
    "thousands": (b's2,p,sell,"118,500",1', Code.WRONG_TYPE, "'118,500' is not plain digits. If it means 118500"),
    "thousands with a space": (b"s2,p,sell,118 500,1", Code.WRONG_TYPE, "'118 500' is not plain digits"),
    "underscores": (b"s2,p,sell,118_500,1", Code.WRONG_TYPE, "'118_500' is not plain digits"),
    "plus sign": (b"s2,p,sell,+5,1", Code.WRONG_TYPE, "'+5' is not a number"),
    "other digits": ("s2,p,sell,\N{ARABIC-INDIC DIGIT FIVE},1".encode(), Code.WRONG_TYPE, "is not a number"),
    "hexadecimal": (b"s2,p,sell,0x1F,1", Code.WRONG_TYPE, "'0x1F' is not a number"),
    "NaN": (b"s2,p,sell,1,NaN", Code.WRONG_TYPE, "column quantity: 'NaN' is no value"),
    "empty number": (b"s2,p,sell,1,", Code.WRONG_TYPE, "column quantity: the cell is empty"),
    "empty name": (b"s2,,sell,1,1", Code.WRONG_TYPE, "column place: the cell is empty"),
    "blank name": (b"s2,  ,sell,1,1", Code.WRONG_TYPE, "column place: the cell is empty"),
    "spaces before": (b"s2,p, sell,1,1", Code.WRONG_TYPE, "column side: ' sell' has spaces around it. Write 'sell'"),
    "spaces after": (b"s2,p,sell,1 ,1", Code.WRONG_TYPE, "column price: '1 ' has spaces around it"),
    "2**63": (b"s2,p,sell,9223372036854775808,1", Code.OVERFLOW, "column price: '9223372036854775808' is too large"),
    "-2**63": (b"s2,p,sell,-9223372036854775808,1", Code.OVERFLOW, "'-9223372036854775808' is too large"),
    "beyond": (b"s2,p,sell,1,99999999999999999999999", Code.OVERFLOW, "column quantity: '99999999999999999999999'"),
    "100,000 digits": (b"s2,p,sell," + b"9" * 100_000 + b",1", Code.OVERFLOW, "... (100,000 characters) is too large"),
    "huge field": (b"s2," + b"p" * 200_000 + b",sell,1,1", Code.UNREADABLE, "field larger than field limit"),
    "long name": (b"s2," + b"p" * 201 + b",sell,1,1", Code.OUT_OF_RANGE, "is too long. Use at most 200"),
    "escape sequence": (b"s2,\x1b[31mred,sell,1,1", Code.WRONG_TYPE, r"'\x1b[31mred' has characters that do not print"),
    "too few cells": (b"s2,p,sell,1", Code.UNREADABLE, "the line has 4 cells, the header 5"),
    "too many cells": (b"s2,p,sell,118,500,1", Code.UNREADABLE, "the line has 6 cells, the header 5"),
    "empty line": (b"", Code.EMPTY, "the line is empty. Remove it"),
    "line end in a cell": (b's2,"p\nq",sell,1,1', Code.WRONG_TYPE, "column place: 'p\\nq' runs over a line end"),
    "text after a quote": (b's2,"p"q,sell,1,1', Code.UNREADABLE, "the line is not CSV"),
    "carriage return inside": (b"s2,p\rq,sell,1,1", Code.UNREADABLE, "the line is not CSV"),
}


@pytest.mark.parametrize("good_rows", [1, 499, 1_000])
@pytest.mark.parametrize(("line", "code", "text"), BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_named(file: Path, line: bytes, code: Code, text: str, good_rows: int) -> None:
    """The refusal names the very line, between good ones, wherever it falls in the chunks that are read."""
    found = refusal(file, HEADER + ROW * good_rows + line + b"\n" + ROW * 3)
    assert found.code is code
    assert f"orders.csv, line {good_rows + 2}" in found.where
    assert text in str(found)


def test_an_unclosed_quote_is_named_where_it_opens(file: Path) -> None:
    """A quote that swallows the rest of the file is told at its own line, not at the end."""
    found = refusal(file, HEADER + ROW + b's2,"p,sell,1,1\n' + ROW * 5)
    assert found.where == "orders.csv, line 3"


def test_of_two_faults_the_first_line_is_told(file: Path) -> None:
    """A later fault, even one that stops the reading, does not hide an earlier one in another column."""
    found = refusal(file, HEADER + b"s1,p,sell,1,x\n" + b"s2,p,sell,x,1\n" + b's3,"p"q,sell,1,1\n')
    assert found.where == "orders.csv, line 2, column quantity"


def test_many_empty_lines_do_not_end_the_file(file: Path) -> None:
    """A row after a long gap is not dropped: the gap is refused."""
    found = refusal(file, HEADER + ROW + b"\n" * 3_000 + ROW)
    assert (found.code, found.where) == (Code.EMPTY, "orders.csv, line 3002")


def test_a_large_file_is_refused_before_it_is_read(file: Path) -> None:
    """A sparse gigabyte of the wrong thing costs nothing: its size is enough."""
    with file.open("wb") as sparse:
        sparse.truncate(2**30)
    with pytest.raises(Refusal, match=r"it has 1,073,741,824 bytes, more than 512 MB\. .*--largest") as caught:
        read_table(str(file), FORM)
    assert caught.value.code is Code.TOO_LARGE


def test_a_limit_may_be_raised(file: Path) -> None:
    """More is read when the caller says so."""
    content = HEADER + ROW * 40_000
    assert refusal(file, content, largest_megabytes=1).code is Code.TOO_LARGE
    assert read(file, content, largest_megabytes=2).rows == 40_000


def test_a_pipe_is_read_and_counted(tmp_path: Path) -> None:
    """A named pipe works like a file, and one that never ends is stopped at the limit."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for rows, good in ((3, True), (60_000, False)):
        writer = threading.Thread(target=write_rows, args=(pipe, rows))
        writer.start()
        if good:
            assert read_table(str(pipe), FORM).rows == rows
        else:
            with pytest.raises(Refusal, match="larger than 1 MB"):
                read_table(str(pipe), FORM, largest_megabytes=1)
        writer.join()


def write_rows(pipe: Path, rows: int) -> None:
    try:
        with pipe.open("wb") as stream:
            stream.write(HEADER + ROW * rows)
    except BrokenPipeError:
        pass  # The reader has refused and gone: that is what is tested.


def test_an_endless_device_is_refused_at_once() -> None:
    """The device that gives zeros for ever is refused after its first block."""
    with pytest.raises(Refusal, match="NUL"):
        read_table("/dev/zero", FORM)


def test_a_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program started without a standard input says so."""
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(Refusal, match="standard input: it is closed"):
        read_table("-", FORM)


@pytest.mark.parametrize(
    ("path", "text"),
    [("missing.csv", "there is no such file"), (".", "it is a directory"), ("x" * 5_000, "it cannot be opened")],
)
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, path: str, text: str) -> None:
    """What is missing, a directory or not a possible name is told as that."""
    with pytest.raises(Refusal, match=text):
        read_table(str(tmp_path / path), FORM)


@pytest.mark.parametrize(
    ("error", "text"),
    [(PermissionError(13, "Permission denied"), "you may not read it"), (OSError(5, "I/O error"), "I/O error")],
)
def test_a_file_that_may_not_be_opened_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, text: str
) -> None:
    """The system's own reasons become refusals (the tests may run as root, who may read everything)."""

    def fail(*_arguments: object) -> None:
        raise error

    file.write_bytes(HEADER + ROW)
    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(Refusal, match=text):
        read_table(str(file), FORM)


def test_a_disk_that_fails_half_way_is_refused() -> None:
    """A read that fails after the opening is a refusal, not a short table."""

    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError(5, "I/O error")

    with pytest.raises(Refusal, match="it cannot be read to its end: I/O error"):
        next(tables.decoded_lines(Failing(), "orders.csv", 10))
