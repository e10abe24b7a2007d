"""The reference page of explanations runs as it is printed, and names every field of the reasons."""

import doctest
import inspect
from pathlib import Path

import pytest

from naryq.market.clearing import Clearing
from naryq.market.pivotal import Pivot
from naryq.market.why import Why

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "why.md"


def test_the_page_runs() -> None:
    """The example on the page gives what the page shows."""
    found = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert found.attempted > 8
    assert not found.failed


@pytest.mark.parametrize(
    "name",
    [
        *(name for name in Why._fields if name not in {"place", "price", "bought", "sold"}),
        *("shortage", "surplus"),
        *inspect.signature(Clearing.picture).parameters,
    ],
)
def test_every_name_stands_on_the_page(name: str) -> None:
    """The page tells of every reason, and of every option of a picture."""
    text = PAGE.read_text(encoding="utf-8")
    assert name == "self" or name in text.lower()
    assert name not in {"shortage", "surplus"} or name in Pivot._fields
