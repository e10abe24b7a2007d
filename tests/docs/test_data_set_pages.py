"""The pages about data sets: their examples run, and say what the code says."""

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["reference/datasets.md", "how-to/check-against-published-books.md"])
def test_the_examples_run(page: str) -> None:
    """Every example on a page gives what the page says."""
    found = doctest.testfile(str(DOCS / page), module_relative=False)
    assert found.attempted > 0
    assert found.failed == 0
