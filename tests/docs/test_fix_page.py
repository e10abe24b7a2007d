"""The FIX dictionary, the code and the page of the rules of engagement say the same."""

import re
from pathlib import Path

import pytest

from naryq import Code
from naryq.gateways.fix import dictionary, incoming, listings, reports, session, tags

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "fix.md").read_text(encoding="utf-8")
RULES = dictionary.load()
APPLICATION = {kind: shape for kind, shape in RULES.messages.items() if shape.category == "app"}


def table(first_heading: str) -> dict[str, str]:
    """Return a table of the page by its first column, and its second."""
    lines = PAGE.partition(f"| {first_heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {cells[1].strip(): cells[2].strip() for cells in (line.split("|") for line in lines)}


def test_every_message_of_the_dictionary_stands_on_the_page() -> None:
    """The table of messages names all there are, and who sends them as the code has it."""
    found = re.findall(r"^\| (\w+) \(`(\w)`\) \| (\w+) \|", PAGE, re.MULTILINE)
    assert {kind: name for name, kind, _ in found} == {kind: shape.name for kind, shape in APPLICATION.items()}
    assert {kind for _, kind, who in found if who == "counterparty"} == incoming.TAKEN
    for kind in "0123456A":
        assert kind == "6" or f"(`{kind}`)" in PAGE


def test_fields_on_the_page_are_called_as_in_the_dictionary() -> None:
    """Wherever the page gives a field's name and number, they are those of the dictionary."""
    named = re.findall(r"\b([A-Z][A-Za-z]+) \((\d+)\)", PAGE)
    assert len(named) > 30
    for name, number in named:
        assert RULES.fields[int(number)].name == name


def test_the_code_calls_fields_as_the_dictionary_does() -> None:
    """Each number that the code knows is a field of the dictionary, under the same name."""
    numbers = {name: value for name, value in vars(tags).items() if name.isupper()}
    assert len(numbers) > 70
    for name, number in numbers.items():
        assert RULES.fields[number].name.upper() == name.replace("_", "")


def test_every_field_of_the_dictionary_is_used() -> None:
    """No field is defined that stands in no message, and none stands in one that is not defined."""
    used = {tag for shape in dictionary.all_shapes(RULES) for tag in shape.members}
    used |= set(RULES.header.members) | set(RULES.trailer.members)
    assert used == set(RULES.fields)


@pytest.mark.parametrize(
    ("heading", "codes"), [("OrdRejReason", reports._ORDER_REASONS), ("CxlRejReason", reports._CANCEL_REASONS)]
)
def test_reasons_stand_on_the_page(heading: str, codes: dict[Code, str]) -> None:
    """The page groups the refusal codes under FIX's reasons as the code does, and the dictionary knows each reason."""
    shown = {}
    for reason, cell in table(heading).items():
        for code in re.findall(r"`(\w+)`", cell.partition(";")[0]):
            shown[code] = reason.split()[0]
    assert shown == {str(code): reason for code, reason in codes.items()}
    tag = tags.ORD_REJ_REASON if heading == "OrdRejReason" else tags.CXL_REJ_REASON
    assert {*shown.values(), "99"} <= set(RULES.fields[tag].values)


def test_kinds_of_reports_stand_on_the_page() -> None:
    """The page explains every ExecType that the dictionary has."""
    shown = {key.split("`")[1] for key in table("ExecType (150)")}
    assert shown == set(RULES.fields[tags.EXEC_TYPE].values)


def test_phases_stand_on_the_page() -> None:
    """The page says under which TradSesStatus each phase is told."""
    shown = {
        phase: key.split()[0]
        for key, cell in table("TradSesStatus (340)").items()
        for phase in re.findall(r"`(\w+)`", cell)
    }
    assert shown == dict(listings._STATUSES)


def test_reasons_of_rejects_stand_on_the_page() -> None:
    """The page lists the session's reasons that are given."""
    listed = re.search(r"The reasons of a Reject that are given: ([\d, and\n]+)of SessionRejectReason", PAGE)
    assert listed is not None
    numbers = {int(number) for number in re.findall(r"\d+", listed[1])}
    assert numbers == set(dictionary.REASONS)
    assert {str(number) for number in numbers} <= set(RULES.fields[tags.SESSION_REJECT_REASON].values)


def test_figures_of_the_session_stand_on_the_page() -> None:
    """The page's times and limits are those of the code."""
    for text in (
        f"0 to {session.HEARTBEAT_SECONDS_MAX:,}",
        f"{session.ASK_AGAIN_NS // session.NS} seconds",
        "16,384 bytes",
        "within ten seconds",
        "more than 120 seconds",
    ):
        assert text in PAGE
