"""`naryq clear`: the same market for people and for programs, and one clear line for a market that is wrong."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from naryq.cli import main

PROJECT = Path(__file__).parents[2]
PAGES = (PROJECT / "examples" / "README.md", PROJECT / "docs" / "how-to" / "clear-your-own-market.md")
TWO = PROJECT / "examples" / "two-provinces"
TEN = PROJECT / "examples" / "ten-places"
CAPS = PROJECT / "examples" / "caps-and-borders"
HEADER = "order_id,place,side,price,quantity\n"
MARKET = HEADER + "s1,Aktobe,sell,38000,10\nb1,Aktobe,buy,90000,8\n"


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["clear", *arguments], input=stdin)


def data(*arguments: str, stdin: str | None = None) -> dict[str, Any]:
    result = run(*arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(*arguments: str, stdin: str | bytes | None = None) -> str:
    """Return the one line of a refusal, after checking all that every refusal must be."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (2, "")
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("naryq: ")
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    return result.stderr.rstrip("\n").removeprefix("naryq: ")


# --- The examples, as they are printed in the pages -------------------------------------------------------------


def transcripts(page: str) -> list[tuple[str, str]]:
    """Return the commands of a page and what it says that each prints."""
    blocks = [block.split("\n```", 1)[0] for block in page.split("```console\n$ ")[1:]]
    return [(block.split("\n", 1)[0], block.split("\n", 1)[1]) for block in blocks]


def stripped(text: str) -> list[str]:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n").split("\n")


def wrong_transcripts(page: str) -> list[str]:
    """Name the commands of a page that print something else than the page says."""
    wrong = []
    for command, promised in transcripts(page):
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        if stripped(result.stdout + result.stderr) != stripped(promised):
            wrong.append(command)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_show_what_the_program_prints(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command in the pages, run from the root of the repository, prints what the page shows."""
    monkeypatch.chdir(PROJECT)
    text = page.read_text(encoding="utf-8")
    assert len(transcripts(text)) >= 2
    assert wrong_transcripts(text) == []


def test_a_page_that_lies_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrong figure in a page is enough."""
    monkeypatch.chdir(PROJECT)
    text = PAGES[0].read_text(encoding="utf-8")
    assert wrong_transcripts(text.replace("45 000              8           14", "45 001              8           14"))


def test_two_provinces_clear_as_computed_by_hand() -> None:
    """The small example has the prices, fills, flow and welfare that its README derives by hand."""
    found = data(str(TWO / "orders.csv"), "--links", str(TWO / "links.csv"))
    assert {entry["place"]: entry["price_tenge_per_tonne"] for entry in found["prices"]} == {
        "Aktobe": 45_000,
        "Kostanay": 95_000,
    }
    filled = {entry["order_id"]: entry["filled_lots"] for entry in found["fills"]}
    assert filled == {"s1": 10, "s2": 4, "s3": 0, "b1": 8, "b2": 6, "b3": 6, "b4": 0, "s4": 6}
    (flow,) = found["flows"]
    assert flow == {
        "source": "Aktobe",
        "target": "Kostanay",
        "tariff_tenge_per_tonne": 12_000,
        "capacity_lots": 6,
        "flow_lots": 6,
    }
    assert found["welfare_tenge_per_tonne_lots"] == found["dual_value_tenge_per_tonne_lots"] == 778_000
    assert found["optimal"] is True


def test_json_says_why() -> None:
    """A program gets the reason of a price as data: the marginal orders, the full link and what it earns."""
    kostanay = data(str(TWO / "orders.csv"), "--links", str(TWO / "links.csv"))["prices"][1]
    assert kostanay["place"] == "Kostanay"
    assert (kostanay["bought_lots"], kostanay["sold_lots"]) == (12, 6)
    assert kostanay["marginal_orders"] == ["s4"]
    assert kostanay["full_links"] == [{"source": "Aktobe", "target": "Kostanay", "gain_tenge_per_tonne": 38_000}]
    assert "order s4 sets it" in kostanay["reason"]


def test_the_tie_rule_is_the_callers() -> None:
    """Two orders at the price of Astana share 70 lots by time, or in proportion."""
    files = (str(TEN / "orders.csv"), "--links", str(TEN / "links.csv"))
    shares = {}
    for tie in ("time", "pro_rata"):
        fills = data(*files, "--tie", tie)["fills"]
        shares[tie] = [entry["filled_lots"] for entry in fills if entry["order_id"] in ("astana-2", "astana-3")]
    assert shares == {"time": [60, 10], "pro_rata": [47, 23]}


def test_the_price_rule_is_the_callers() -> None:
    """Where a range clears the market, its ends and its middle can be asked for."""
    market = HEADER + "s,p,sell,100,1\nb,p,buy,201,1\n"
    found = [
        data("-", "--price-rule", rule, stdin=market)["prices"][0]["price_tenge_per_tonne"]
        for rule in ("lowest", "middle", "highest")
    ]
    assert found == [100, 150, 201]


# --- For people -------------------------------------------------------------------------------------------------


def test_long_names_are_printed_whole_without_colour(tmp_path: Path) -> None:
    """Piped output neither cuts a name nor colours it, and takes brackets in it for brackets."""
    name = "[red]" + "long-" * 38
    file = tmp_path / "orders.csv"
    file.write_text(HEADER + f"{name},Маңғыстау,sell,1,1\n", encoding="utf-8")
    command = [sys.executable, "-c", "from naryq.cli import main; main()", "clear", str(file)]
    forced = os.environ | {"FORCE_COLOR": "1", "COLUMNS": "40"}
    text = subprocess.run(command, check=True, capture_output=True, env=forced, encoding="utf-8").stdout
    assert name in text
    assert "Маңғыстау" in text
    assert "\x1b" not in text


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    """People see the first hundred orders and the number of the others; programs get them all."""
    market = HEADER + "".join(f"b{number},p,buy,{number},1\n" for number in range(1, 1_204))
    text = run("-", stdin=market).stdout
    assert " b100 " in text
    assert " b101 " not in text
    assert "... and 1 103 more; --json prints all of them." in text
    assert len(data("-", stdin=market)["fills"]) == 1_203


def test_a_place_without_a_price_says_so(tmp_path: Path) -> None:
    """A place that only links name, and that no price reaches, shows a dash and a reason."""
    links = tmp_path / "links.csv"
    links.write_text("source,target,capacity,tariff\nX,Y,1,1\nY,X,1,1\n", encoding="utf-8")
    text = run("-", "--links", str(links), stdin=MARKET).stdout
    assert "X has no price" in text


def test_a_market_without_links_needs_no_links_file(tmp_path: Path) -> None:
    """A links file with a header alone is the same as none."""
    links = tmp_path / "links.csv"
    links.write_text("source,target,capacity,tariff\n", encoding="utf-8")
    assert run("-", "--links", str(links), stdin=MARKET).stdout == run("-", stdin=MARKET).stdout


# --- Refusals ---------------------------------------------------------------------------------------------------

WRONG_ORDERS = {
    "unknown side": ("b2,Aktobe,bid,1,1", "unknown_side: standard input, line 4: side is 'bid'"),
    "duplicate": ("b1,Aktobe,buy,1,1", "duplicate_id: standard input, line 4: order_id 'b1' stands twice"),
    "zero quantity": ("b2,Aktobe,buy,1,0", "out_of_range: standard input, line 4: quantity is 0"),
    "negative quantity": ("b2,Aktobe,buy,1,-5", "out_of_range: standard input, line 4: quantity is -5"),
    "negative price": ("b2,Aktobe,buy,-1,5", "out_of_range: standard input, line 4: price is -1"),
    "text": ("b2,Aktobe,buy,dear,5", "wrong_type: standard input, line 4, column price: 'dear' is not a number"),
    "fraction": ("b2,Aktobe,buy,118.0,5", "wrong_type: standard input, line 4, column price: '118.0' is not a whole"),
    "empty": ("b2,Aktobe,buy,5,", "wrong_type: standard input, line 4, column quantity: the cell is empty"),
    "NaN": ("b2,Aktobe,buy,NaN,5", "wrong_type: standard input, line 4, column price: 'NaN' is no value"),
    "2**63": (f"b2,Aktobe,buy,{2**63},5", "overflow: standard input, line 4, column price: '9223372036854775808'"),
    "2**63 - 1": (f"b2,Aktobe,buy,{2**63 - 1},5", "out_of_range: standard input, line 4: price is 9223372036854775807"),
    "value beyond 64 bits": (f"b2,Aktobe,buy,{10**12},{10**12}", "overflow: standard input, line 4: quantity times"),
}


@pytest.mark.parametrize(("line", "text"), WRONG_ORDERS.values(), ids=WRONG_ORDERS.keys())
def test_a_wrong_order_is_told_by_its_line(line: str, text: str) -> None:
    """What the reader refuses and what the library refuses name the same line of the file."""
    assert refusal("-", stdin=f"{MARKET}{line}\nb9,Aktobe,buy,1,1\n").startswith(text)


WRONG_LINKS = {
    "misspelt target": (
        "Aktobe,Kostanya,1,1",
        "line 3, column target: no order names 'Kostanya'",
        "Did you mean 'Kostanay'?",
    ),
    "unknown source": ("Mars,Aktobe,1,1", "line 3, column source: no order names 'Mars'", "Correct its name"),
    "to itself": ("Aktobe,Aktobe,1,1", "line 3: the link runs from Aktobe to itself", "Name two different places"),
    "negative capacity": ("Aktobe,Kostanay,-1,1", "line 3: capacity is -1", "Give a whole number"),
    "negative tariff": ("Aktobe,Kostanay,1,-1", "line 3: tariff is -1", "Give a whole number"),
    "text": ("Aktobe,Kostanay,many,1", "line 3, column capacity: 'many' is not a number", "Write a whole number"),
}


@pytest.mark.parametrize(("line", "text", "remedy"), WRONG_LINKS.values(), ids=WRONG_LINKS.keys())
def test_a_wrong_link_is_told_by_its_line(line: str, text: str, remedy: str) -> None:
    """A link that cannot be is refused with its line in the links' file."""
    links = f"source,target,capacity,tariff\nAktobe,Kostanay,6,12000\n{line}\n"
    found = refusal(str(TWO / "orders.csv"), "--links", "-", stdin=links)
    assert f"standard input, {text}" in found
    assert remedy in found


def test_gas_may_pass_through_a_place_without_orders() -> None:
    """A place that links lead to and from needs no order: it is a way, not a misspelt name."""
    links = "source,target,capacity,tariff\nAktobe,Tobol,6,10000\nTobol,Kostanay,6,2000\n"
    result = run(str(TWO / "orders.csv"), "--links", "-", "--json", stdin=links)
    assert json.loads(result.stdout)["welfare_tenge_per_tonne_lots"] == 778_000


def test_a_refusal_of_the_whole_file_names_the_file(tmp_path: Path) -> None:
    """Missing, empty, compressed, too large: the line begins with the file as the caller named it."""
    file = tmp_path / "orders.csv"
    assert refusal(str(file)).startswith(f"unreadable: {file}: there is no such file")
    file.write_bytes(b"")
    assert refusal(str(file)).startswith(f"empty: {file}: the file is empty")
    file.write_bytes(b"\x1f\x8b\x08")
    assert "it is a gzip archive" in refusal(str(file))
    file.write_bytes(MARKET.encode() + b"x" * 1_000_000)
    assert refusal(str(file), "--largest", "1").startswith(f"too_large: {file}: it has 1,000,")


def test_standard_input_can_be_read_once() -> None:
    """Both files cannot be standard input."""
    assert "more than one file is standard input" in refusal("-", "--links", "-", stdin=MARKET)


def test_a_name_of_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """A file's name with an escape sequence in it is printed without the escape."""
    assert "\x1b" not in refusal(str(tmp_path / "\x1b[31mred.csv"))


# --- Places, ways back, orders without a limit ------------------------------------------------------------------


def test_places_are_told_as_data() -> None:
    """A program gets what a cap leaves unserved, what crosses the borders, and the price without limits."""
    files = [CAPS / name for name in ("orders.csv", "links.csv", "places.csv")]
    found = data(str(files[0]), "--links", str(files[1]), "--places", str(files[2]), "--tie", "pro_rata")
    prices = {entry["place"]: entry for entry in found["prices"]}
    assert prices["Mangystau"]["limits"] == ["cap"]
    assert prices["Mangystau"]["shortage_lots"] == 10
    assert prices["Mangystau"]["price_without_limits_tenge_per_tonne"] == 140_000
    assert (prices["Turkistan"]["imported_lots"], prices["Atyrau"]["exported_lots"]) == (60, 15)
    assert found["flows"][-1]["capacity_back_lots"] == 25
    assert found["flows"][-1]["flow_lots"] == -20
    assert found["flows"][0]["capacity_back_lots"] is None


def test_an_empty_price_is_an_order_without_a_limit() -> None:
    """In a column of prices an empty cell is no fault: the order takes any price, and comes first."""
    found = data("-", stdin=MARKET + "b0,Aktobe,buy,,5\n")
    assert [entry["filled_lots"] for entry in found["fills"]] == [10, 5, 5]
    assert found["fills"][2]["limit_price_tenge_per_tonne"] is None
    assert " -      5" in run("-", stdin=MARKET + "b0,Aktobe,buy,,5\n").stdout


def test_a_wrong_place_is_told_by_its_line(tmp_path: Path) -> None:
    """A refusal of the library about places names the file and the line."""
    places = tmp_path / "places.csv"
    places.write_text("place,floor,cap\nAktobe,,\nAktob,,5\n", encoding="utf-8")
    assert f"unknown_place: {places}, line 3: no order and no link names" in refusal(
        "-", "--places", str(places), stdin=MARKET
    )


def test_a_link_back_to_nowhere_is_refused(tmp_path: Path) -> None:
    """Gas that can only go to a place and come back by the same link has no business there."""
    links = tmp_path / "links.csv"
    links.write_text("source,target,capacity,tariff,capacity_back\nAktobe,Kostanai,5,1,5\n", encoding="utf-8")
    assert "no order names 'Kostanai'" in refusal("-", "--links", str(links), stdin=MARKET)
    with links.open("a", encoding="utf-8") as file:
        file.write("Aktobe,Kostanai,5,1,\n")
    assert run("-", "--links", str(links), stdin=MARKET).exit_code == 0
