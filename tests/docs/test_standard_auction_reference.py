"""The reference page of the standard auction runs as it is printed and names what there is."""

import dataclasses
import doctest
import inspect
from pathlib import Path
from typing import get_args

import pytest

from naryq import StandardAuction, StandardResult
from naryq.market.standard import BID_COLUMNS
from naryq.market.standard_awards import AuctionWhy, Reason, Status
from naryq.market.standard_terms import CHOICES, Options, Terms

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "standard-auction.md"
TERMS = [field.name for field in dataclasses.fields(Terms)]
WORDS = [word for words in CHOICES.values() for word in words if isinstance(word, str)]


def public(kind: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(kind) if not name.startswith("_")]


def test_the_page_runs() -> None:
    """The examples on the page give what the page shows."""
    found = doctest.testfile(str(PAGE), module_relative=False)
    assert found.attempted > 20
    assert not found.failed


def test_the_examples_of_the_page_can_fail(tmp_path: Path) -> None:
    """A page that shows a wrong award would be found out."""
    wrong = tmp_path / "standard-auction.md"
    wrong.write_text(PAGE.read_text(encoding="utf-8").replace("[5, 6, 0, 1]", "[5, 6, 1, 0]"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout.write", lambda _text: 0, raising=False)
        assert doctest.testfile(str(wrong), module_relative=False, report=False, verbose=False).failed == 1


@pytest.mark.parametrize(
    "name",
    [*TERMS, *WORDS, *BID_COLUMNS, *get_args(Status), *get_args(Reason)[1:], *public(StandardAuction)]
    + [name for name in public(StandardResult) if name != "terms"],
)
def test_every_name_stands_on_the_page(name: str) -> None:
    """Each term, word, call and part of the result is on the page."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"`{name}" in text or f"{name}=" in text or name == "terms"


def test_the_keywords_are_the_terms() -> None:
    """The keywords that the auction takes are the terms that are explained, each where it is defined."""
    assert sorted(Options.__annotations__) == sorted(TERMS)
    assert all(f"{name}:" in (Terms.__doc__ or "") for name in TERMS)
    assert all(f"{name}:" in (AuctionWhy.__doc__ or "") for name in AuctionWhy._fields)
