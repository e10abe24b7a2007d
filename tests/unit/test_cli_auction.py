"""`naryq auction`: the sealed standard auction for people and for programs, and one clear line for what is wrong."""

import inspect
from pathlib import Path

import pytest
from tests.commands import Command

from naryq.cli.auction import SHOWN_TERMS, auction_command
from naryq.market.standard_terms import CHOICES, Options

BIDS = Path(__file__).parents[2] / "examples" / "standard-auction" / "bids.csv"
TERMS = ("--initiator", "seller", "--direction", "up", "--payment", "uniform", "--lots", "40", "--start-price", "80000")
HEADER = "participant,price,quantity\n"
COMMAND = Command("auction")
run, data, refusal = COMMAND.run, COMMAND.data, COMMAND.refusal


def test_the_command_has_a_door_for_every_term() -> None:
    """Each term of an auction has an option, save the format: rounds cannot come from a file."""
    ours = {parameter.name: parameter for parameter in auction_command.params}
    assert set(Options.__annotations__) - {"format"} <= set(ours)
    assert set(SHOWN_TERMS) <= set(Options.__annotations__)
    for name in ("initiator", "direction", "payment", "tie", "uniform_rule"):
        assert tuple(inspect.getattr_static(ours[name].type, "choices")) == CHOICES[name]


def test_the_example_as_data() -> None:
    """A program gets the awards, what each bid won, the prices at the margin and the reason in its language."""
    found = data(str(BIDS), *TERMS, "--language", "ru")
    assert found["clearing_price_tenge_per_tonne"] == 90_000
    assert [(award["participant"], award["quantity_lots"]) for award in found["awards"]] == [
        ("Kostanay-Gas", 8),
        ("Aktobe-Gas", 12),
        ("Turkistan-Gas", 15),
        ("Mangystau-Gas", 5),
    ]
    assert [bid["won_lots"] for bid in found["bids"]] == [12, 8, 15, 0, 5, 0]
    assert found["amount_tiyn"] == 40 * 36 * 90_000 * 100
    assert (found["sold_lots"], found["status"], found["participants"]) == (40, "sold", 5)
    assert "единая цена — 90 000" in found["reason"]


def test_ties_payments_and_a_buyer_are_the_callers() -> None:
    """Pro rata shares 20 lots 12 to 8, bids can be paid as made, and a buyer takes the cheapest."""
    won = [bid["won_lots"] for bid in data(str(BIDS), *TERMS, "--tie", "pro_rata")["bids"]]
    assert won == [12, 8, 12, 0, 8, 0]
    prices = [award["price_tenge_per_tonne"] for award in data(str(BIDS), *TERMS, "--payment", "pay_as_bid")["awards"]]
    assert prices == [95_000, 92_000, 90_000, 90_000]
    market = HEADER + "A,71000,5\nB,69000,5\nC,80000,5\n"
    buyer = data("-", *TERMS, "--initiator", "buyer", "--direction", "down", "--lots", "10", stdin=market)
    assert (buyer["bought_lots"], buyer["clearing_price_tenge_per_tonne"]) == (10, 71_000)


def test_those_who_belong_together_count_once() -> None:
    """Affiliates are one participant: with them the auction lacks one, and says so."""
    market = HEADER + "A,90000,5\nB,91000,5\n"
    assert data("-", *TERMS, stdin=market)["status"] == "partly_sold"
    alone = run("-", *TERMS, "--affiliate", "B=A", stdin=market)
    assert "The auction is void: 2 took part, and 3 must." in alone.stdout
    assert "Awards" not in alone.stdout
    assert data("-", *TERMS, "--initiator-apart", stdin=market)["void_because"] == "too_few_participants"


WRONG = {
    "a price below the start": ("A,70000,5", (), "out_of_range: standard input, line 2: price is 70000"),
    "off the grid": (
        "A,80100,5",
        ("--step", "500"),
        "out_of_range: standard input, line 2: price 80100 is not a whole",
    ),
    "too many lots": ("A,90000,41", (), "out_of_range: standard input, line 2: quantity is 41"),
    "no number": ("A,dear,1", (), "wrong_type: standard input, line 2, column price: 'dear' is not a number"),
    "the initiator": (
        "A,90000,1",
        ("--initiator-id", "A"),
        "not_permitted: standard input, line 2: A is the initiator",
    ),
    "a reserve that is known": (
        "A,90000,1",
        ("--reserve", "95000", "--reserve-published", "--start-price", "95000"),
        "out_of_range: standard input, line 2: price is 90000",
    ),
    "no lots": ("A,90000,1", ("--lots", "0"), "out_of_range: lots is 0"),
    "no affiliate": ("A,90000,1", ("--affiliate", "B"), "unknown_option: --affiliate is 'B'. Write NAME=OTHER"),
    "two affiliates": (
        "A,90000,1",
        ("--affiliate", "B=A", "--affiliate", "B=C"),
        "unknown_option: --affiliate is 'B=C', and 'B' belongs with 'A'",
    ),
    "another picture": ("A,90000,1", ("--picture", "x.pdf"), "unknown_option: --picture is 'x.pdf'"),
}


@pytest.mark.parametrize(("line", "more", "text"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_in_one_line(line: str, more: tuple[str, ...], text: str) -> None:
    """A wrong bid is told by its line in the file, a wrong term by its name."""
    assert refusal("-", *TERMS, *more, stdin=f"{HEADER}{line}\n").startswith(f"naryq: {text}")


def test_a_picture_of_the_bids(tmp_path: Path) -> None:
    """The bids are drawn to the file that is named."""
    file = tmp_path / "bids.png"
    assert run(str(BIDS), *TERMS, "--picture", str(file)).exit_code == 0
    assert file.read_bytes().startswith(b"\x89PNG")
