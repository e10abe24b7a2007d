"""Numbers as text: the kernel reads what Python's own decimals read, and refuses the rest in the same places."""

import io
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naryq.datasets.numbers import FINE, Layout, numbers, scaled
from naryq.datasets.source import File, Lines, at_line, line_blocks, opened
from naryq.messages import Code, Refusal


def twin(text: str, decimals: int) -> int | None:
    """Read a number with Python's decimals; None for what the format does not have."""
    digits = text.removeprefix("-")
    whole, point, fraction = digits.partition(".")
    plain = all(part.isascii() and part.isdigit() for part in ([whole, fraction] if point else [whole]))
    if not plain or len(fraction) > decimals:
        return None
    number = int(Decimal(text).scaleb(decimals)) if len(digits) < 25 else 2**64
    return number if abs(number) < 2**63 else None


plain_numbers = st.tuples(st.integers(-(2**64), 2**64), st.integers(0, 10)).map(
    lambda pair: f"{pair[0]}" if not pair[1] else f"{pair[0]}.{abs(pair[0]) % 10 ** pair[1]:0{pair[1]}d}"
)


@settings(max_examples=500)
@given(st.one_of(plain_numbers, st.text("0123456789.-+e ", max_size=22)), st.integers(0, 9))
def test_numbers_are_read_as_decimals(text: str, decimals: int) -> None:
    """Every number comes out as its decimal times the scale, and what is none, too fine or too large is refused."""
    content = np.frombuffer(text.encode(), np.uint8)
    number, wrong = scaled(content, 0, len(content), decimals)
    expected = twin(text, decimals)
    assert (int(number) if wrong == FINE else None) == expected


@pytest.mark.parametrize(
    ("text", "number"), [("9223372036854775807", 2**63 - 1), ("-9223372036854775807", -(2**63) + 1)]
)
def test_the_last_number_of_64_bits_is_read(text: str, number: int) -> None:
    """The largest integer is read, and the next one refused."""
    content = np.frombuffer(text.encode(), np.uint8)
    assert scaled(content, 0, len(content), 0) == (number, FINE)
    assert scaled(np.frombuffer(b"9223372036854775808", np.uint8), 0, 19, 0)[1] != FINE


@settings(max_examples=100)
@given(st.lists(st.lists(st.integers(-999, 999), min_size=3, max_size=3), min_size=1, max_size=20), st.integers(1, 64))
def test_blocks_part_lines_and_nothing_else(rows: list[list[int]], block_bytes: int) -> None:
    """Whatever the size of a block, the lines and their numbers are those of the file, or a line is longer than it."""
    content = "\n".join(",".join(map(str, row)) for row in rows).encode()
    longest = max(map(len, content.split(b"\n"))) + 1
    file = File("f", io.BytesIO(content))
    found, line = [], 1
    for lines in line_blocks(file, max(block_bytes, longest)):
        assert lines.first_line == line
        block = numbers(lines, "f", Layout(("a", "b", "c"), (0, 0, 0)))
        found += block.tolist()
        line += len(block)
    assert found == rows


def test_a_line_that_never_ends_is_refused() -> None:
    """A file without line ends is the wrong file, and is not gathered in memory."""
    with pytest.raises(Refusal) as refused:
        list(line_blocks(File("f", io.BytesIO(b"1,2\n" + b"3" * 100)), 40))
    assert (refused.value.code, refused.value.where) == (Code.UNREADABLE, at_line("f", 2))


def test_a_refusal_shows_no_more_than_a_line_can_hold() -> None:
    """What a refusal repeats of a file is short, and in letters that steer no terminal."""
    with pytest.raises(Refusal) as refused:
        numbers(Lines(1, b"\x1b[2J" + b"x" * 200 + b"\n"), "f", Layout(("a",), (0,)))
    assert "\x1b" not in str(refused.value)
    assert len(refused.value.what) < 120


def test_sources_of_another_kind_are_refused() -> None:
    """A file of text, a number, and a folder are no sources of bytes."""
    for source in (io.StringIO("1"), 5):
        with pytest.raises(Refusal) as refused, opened(source):  # type: ignore[arg-type]
            pass
        assert refused.value.code is Code.WRONG_TYPE
    with pytest.raises(Refusal) as refused, opened("."):
        pass
    assert refused.value.code is Code.UNREADABLE


def test_an_open_file_stays_open() -> None:
    """A file that the caller opened is the caller's to close."""
    content = io.BytesIO(b"1\n")
    with opened(content) as file:
        assert file.read(10) == b"1\n"
    assert not content.closed
