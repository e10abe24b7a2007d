"""The page of security: every chapter of the standard is there, each with tests that exist or with a reason."""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "reference" / "security.md").read_text(encoding="utf-8")
CHAPTERS = 17


def chapters(text: str) -> dict[int, tuple[list[str], str]]:
    """Read the table: the number of a chapter -> the tests that it names, and the words beside them."""
    rows = re.findall(r"^\| V(\d+) [^|]+\| ([^|]*)\| ([^|]*)\|$", text, re.MULTILINE)
    return {int(number): (re.findall(r"`(tests/[^`]+)`", tests), words.strip()) for number, tests, words in rows}


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def missing(named: list[str]) -> list[str]:
    """Return the tests that are named and are not there."""
    found = []
    for name in named:
        file, _, function = name.partition("::")
        path = PROJECT / file
        if not path.is_file() or function not in functions_in(path):
            found.append(name)
    return found


def test_every_chapter_has_a_test_or_a_reason() -> None:
    """All seventeen chapters of ASVS 5.0 stand there; each names tests, or says why there is nothing to test."""
    found = chapters(PAGE)
    assert [*found] == list(range(1, CHAPTERS + 1))
    assert all(tests or words for tests, words in found.values())


def test_every_test_that_is_named_is_there() -> None:
    """A test that was renamed or removed does not go on being named."""
    assert missing([test for tests, _ in chapters(PAGE).values() for test in tests]) == []


def test_a_test_that_is_gone_would_be_seen() -> None:
    """The reading of the table sees a test that is not there, and a chapter without anything."""
    row = (
        "| V1 Encoding | `tests/docs/test_security_page.py::test_gone`, `tests/none.py::test_a` |  |\n| V2 X |  |  |\n"
    )
    found = chapters(row)
    assert missing(found[1][0]) == ["tests/docs/test_security_page.py::test_gone", "tests/none.py::test_a"]
    assert found[2] == ([], "")
