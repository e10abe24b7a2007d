"""The reference page of `naryq.clear` runs as it is printed and names what there is."""

import doctest
import inspect
from pathlib import Path

import pytest

import naryq
from naryq.market.auction import PRICE_RULES
from naryq.market.intake import LINK_COLUMNS, OPTIONAL_LINK_COLUMNS, OPTIONAL_ORDER_COLUMNS, ORDER_COLUMNS
from naryq.market.options import TIES
from naryq.market.places import TERMS
from naryq.market.why import Why

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "clear.md"


@pytest.mark.parametrize("page", ["clear.md", "clear-batch.md", "network-auction.md", "../../README.md"])
def test_the_page_runs(page: str) -> None:
    """The example on the page gives what the page shows."""
    found = doctest.testfile(str(PAGE.parent / page), module_relative=False)
    assert found.attempted > 3
    assert not found.failed


def test_the_examples_of_the_page_can_fail(tmp_path: Path) -> None:
    """A page that shows a wrong price would be found out."""
    wrong = tmp_path / "clear.md"
    wrong.write_text(PAGE.read_text(encoding="utf-8").replace("([10, 2, 8, 4], [12])", "([10, 2, 8, 5], [12])"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout.write", lambda _text: 0, raising=False)
        assert doctest.testfile(str(wrong), module_relative=False, report=False, verbose=False).failed == 1


@pytest.mark.parametrize(
    "name",
    [
        *inspect.signature(naryq.clear).parameters,
        *TIES,
        *PRICE_RULES,
        *ORDER_COLUMNS,
        *OPTIONAL_ORDER_COLUMNS,
        *LINK_COLUMNS,
        *OPTIONAL_LINK_COLUMNS,
        *TERMS,
        *("fills", "flows", "traded", "welfare", "dual_value", "certificate", "check()", "why(place)", "prices"),
        *("shadow_prices", "imports", "exports", "shortage", "surplus", "without_limits()"),
    ],
)
def test_every_name_stands_on_the_page(name: str) -> None:
    """Each option, column and part of the result is on the page."""
    assert f"`{name}" in PAGE.read_text(encoding="utf-8") or f"{name}=" in PAGE.read_text(encoding="utf-8")


def test_every_reason_is_explained() -> None:
    """Each field of the reasons is explained where it is defined."""
    assert all(f"{field}:" in (Why.__doc__ or "") for field in Why._fields)
