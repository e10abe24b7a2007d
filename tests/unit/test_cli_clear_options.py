"""`naryq clear`: every option that `naryq.clear` and its result have is there, and refuses in one line."""

import inspect
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.commands import Command

import naryq
from naryq.cli import options
from naryq.cli.clear import ORDERS, PRICE_RULES, clear_command
from naryq.market import auction, words

PROJECT = Path(__file__).parents[2]
EXAMPLE = PROJECT / "examples" / "whole-trains"
FILES = (str(EXAMPLE / "orders.csv"), "--links", str(EXAMPLE / "links.csv"))
CALL = "order_id,place,side,price,quantity\n1,p,buy,202,300\n2,p,buy,201,200\n3,p,sell,198,200\n4,p,sell,199,300\n"
COMMAND = Command("clear")
run, data, refusal = COMMAND.run, COMMAND.data, COMMAND.refusal


def price(*arguments: str) -> int:
    found: int = data("-", *arguments, stdin=CALL)["prices"][0]["price_tenge_per_tonne"]
    return found


def test_the_command_has_a_door_for_every_argument() -> None:
    """Each argument of `naryq.clear` but the clock has an option, and the words that they take are the same."""
    ours = {parameter.name for parameter in clear_command.params} | {"time_limit_seconds"}
    assert set(inspect.signature(naryq.clear).parameters) - {"clock"} <= ours
    assert PRICE_RULES == auction.PRICE_RULES
    assert options.LANGUAGES == words.LANGUAGES


def test_a_venue_s_rule_and_its_reference_price() -> None:
    """The worked example of the reference page has the price of each venue's rule."""
    assert price("--price-rule", "xetra", "--reference", "200") == 201
    assert price("--price-rule", "euronext", "--reference", "p=200") == 200
    assert price("--price-rule", "last_accepted_sell") == 199


REFERENCES = {
    "none": ([], "unknown_option: price_rule is 'reference' and reference is missing"),
    "no number": (["dear"], "wrong_type: --reference dear: 'dear' is not a number"),
    "a fraction": (["p=1.5"], "wrong_type: --reference p=1.5: '1.5' is not a whole number"),
    "twice": (["p=1", "p=2"], "duplicate_id: --reference p=2 says it once more"),
    "for all and for one": (["1", "p=2"], "duplicate_id: --reference p=2 says it once more"),
    "for one and for all": (["p=1", "2"], "duplicate_id: --reference 2 says it once more"),
    "another place": (["q=1"], "unknown_place: the reference names 'q'"),
    "below zero": (["-1"], "out_of_range: the reference price is -1"),
}


@pytest.mark.parametrize(("given", "text"), REFERENCES.values(), ids=REFERENCES.keys())
def test_a_wrong_reference_price_is_refused(given: list[str], text: str) -> None:
    """A reference price that is none, or stands twice, is told as it was written."""
    written = [word for each in given for word in (f"--reference={each}",)]
    assert f"naryq: {text}" in refusal("-", "--price-rule", "reference", *written, stdin=CALL)


def test_a_missing_parent_is_told_by_its_line() -> None:
    """What the library says of conditions names the line of the file."""
    market = "order_id,place,side,price,quantity,parent\na,p,buy,5,1,\nb,p,buy,5,1,z\n"
    assert "standard input, line 3" in refusal("-", stdin=market)


def test_the_reasons_alone_in_a_language() -> None:
    """`--why` prints the reasons of every place or of one, in the language that is asked for."""
    every = run(*FILES, "--why", "--language", "kk").stdout
    assert every.count("бағасы тоннасына") + every.count("баға тоннасына") == 5
    assert "Fills" not in every
    one = run(*FILES, "--why", "Astana", "--language", "ru").stdout
    assert "Astana: цена 90 000 тенге за тонну" in one
    assert "Pavlodar: цена" not in one
    assert [entry["place"] for entry in data(*FILES, "--why", "Astana")["prices"]] == ["Astana"]
    assert "unknown_place: no order and no link names 'Astan'" in refusal(*FILES, "--why", "Astan")


def test_participants_are_told() -> None:
    """`--pivotal` says who is missed and what the prices would be, in tables and as data."""
    found = {entry["participant"]: entry for entry in data(*FILES, "--pivotal")["participants"]}
    assert (found["Refinery"]["shortage_lots"], found["Refinery"]["is_pivotal"]) == (6, True)
    without = {"place": "Atyrau", "price_tenge_per_tonne": 78_000, "price_without_tenge_per_tonne": 112_000}
    assert without in found["Refinery"]["prices"]
    assert "Refinery   Atyrau             78 000            112 000" in run(*FILES, "--pivotal").stdout
    assert "column_missing: standard input: column participant is missing" in refusal("-", "--pivotal", stdin=CALL)


@pytest.mark.parametrize("name", ["network.svg", "curves.PNG"])
def test_a_picture_is_drawn_to_its_file(tmp_path: Path, name: str) -> None:
    """The name of the file says which kind is drawn, and the tables are printed as ever."""
    file = tmp_path / name
    place = ("--picture-of", "Astana") if "curves" in name else ()
    result = run(*FILES, "--picture", str(file), *place, "--language", "kk")
    assert (result.exit_code, result.stdout.count("Prices")) == (0, 1)
    drawn = file.read_bytes()
    if file.suffix == ".svg":
        assert ET.fromstring(drawn).tag.endswith("}svg")  # noqa: S314 - we have just written it
    else:
        assert drawn.startswith(b"\x89PNG\r\n")


def test_a_picture_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """Another kind, no file, no folder and no such place are refused, and nothing is written."""
    assert "unknown_option: --picture is 'x.gif'" in refusal(*FILES, "--picture", "x.gif")
    assert "--picture-of is given and --picture is not" in refusal(*FILES, "--picture-of", "Astana")
    file = tmp_path / "none" / "x.svg"
    assert f"unreadable: {file}: the picture cannot be written" in refusal(*FILES, "--picture", str(file))
    file = tmp_path / "x.svg"
    assert "unknown_place" in refusal(*FILES, "--picture", str(file), "--picture-of", "Mars")
    assert not file.exists()


def test_text_may_be_missing_where_the_form_says_so() -> None:
    """The form of orders lets whose and which conditions be empty, and nothing that every order must say."""
    assert set(ORDERS.gaps) == {"price", "participant", "min_quantity", "group", "parent"}
    market = "order_id,place,side,price,quantity,group\na,p,buy,5,1, g\n"
    assert "column group: ' g' has spaces around it" in refusal("-", stdin=market)
