"""The reference of the desk says whose each page and action is, as the desk has it."""

from pathlib import Path

from naryq.desk.actions import ACTIONS
from naryq.desk.pages import EVERYBODY, PAGES
from naryq.desk.words import say

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "desk.md"


def rows(heading: str, key: int) -> dict[str, list[str]]:
    """Return the rows of the table under a heading by the code in one of its columns."""
    part = REFERENCE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[key].strip("`"): row for row in cells}


def test_the_table_of_pages_is_that_of_the_desk() -> None:
    """Every page stands there with its address and exactly the roles whose it is."""
    found = rows("Pages", 1)
    assert list(found) == [page.address for page in PAGES]
    for page in PAGES:
        assert [cell == "x" for cell in found[page.address][2:7]] == [role in page.roles for role in EVERYBODY]
        assert found[page.address][7]


def test_the_table_of_actions_is_that_of_the_desk() -> None:
    """Every action stands there with its command, the roles that the venue permits, and whether it is asked back."""
    found = rows("Actions", 0)
    assert list(found) == [say("en", f"do.{name}") for name in ACTIONS]
    for action in ACTIONS.values():
        row = found[say("en", f"do.{action.name}")]
        assert row[1] == f"`{action.command.__name__}`"
        assert [cell == "x" for cell in row[2:7]] == [role in action.roles for role in EVERYBODY]
        assert (row[7] == "yes") == action.confirm
