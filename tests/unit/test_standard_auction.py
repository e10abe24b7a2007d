"""The standard auction by worked examples: every format, every refusal, every kind of table."""

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import naryq
from naryq import Code, Refusal, StandardAuction, StandardResult, standard_auction
from naryq.market.standard_terms import Options, Terms

SALE: Options = {
    "initiator": "seller",
    "direction": "up",
    "format": "open",
    "payment": "pay_as_bid",
    "lots": 10,
    "start_price": 100,
    "step": 10,
    "minimum_participants": 1,
    "lot_kg": 1_000,
}
PURCHASE: Options = {**SALE, "initiator": "buyer", "direction": "down"}
SEALED: Options = {**SALE, "format": "sealed", "step": 1}

Rounds = list[dict[str, int]]


def but(options: Options, **change: Any) -> Any:
    """Return terms with some of them changed."""
    return {**options, **change}


def played(options: Options, rounds: Rounds) -> StandardResult:
    """Play rounds, each a mapping from participants to lots, in the order of their time."""
    auction = StandardAuction(**options)
    now = 0
    for name in dict.fromkeys(name for each in rounds for name in each):
        auction.admit(name, at_ns=now)
    for each in rounds:
        for name, lots in each.items():
            now += 1
            auction.bid(name, lots, at_ns=now)
        auction.next_round()
    result = auction.close()
    result.check()
    return result


def won(result: StandardResult) -> list[tuple[str, int, int]]:
    return [(award.participant, award.quantity, award.price) for award in result.awards]


def refused(code: Code, call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(Refusal) as found:
        call(*arguments, **named)
    assert found.value.code is code
    assert found.value.remedy
    return f"{found.value.where}|{found.value.what}"


# --- Open, towards the initiator's gain ---------------------------------------------------------------------------


def test_a_sale_upwards_ends_when_no_more_is_wanted_than_there_is() -> None:
    """Who stays wins at the last price, and who dropped out last takes the rest at the price before."""
    rounds: Rounds = [{"A": 6, "B": 5, "C": 4}, {"A": 6, "B": 5, "C": 2}, {"A": 6, "B": 3}]
    result = played(SALE, rounds)
    assert won(result) == [("A", 6, 120), ("B", 3, 120), ("B", 1, 110)]
    assert (result.status, result.clearing_price, result.quantity) == ("sold", 110, 10)
    assert result.amount_tiyn == (6 * 120 + 3 * 120 + 1 * 110) * 100


def test_a_uniform_sale_upwards_has_one_price() -> None:
    """Under the last accepted price all pay the price before when somebody wins there, and the last price otherwise."""
    uniform: Options = but(SALE, payment="uniform")
    first: Rounds = [{"A": 6, "B": 5}, {"A": 6, "B": 3}]
    assert won(played(uniform, first)) == [("A", 6, 100), ("B", 4, 100)]
    exact: Rounds = [{"A": 6, "B": 5}, {"A": 6, "B": 4}]
    assert won(played(uniform, exact)) == [("A", 6, 110), ("B", 4, 110)]
    assert won(played(but(uniform, uniform_rule="first_rejected"), exact)) == [("A", 6, 100), ("B", 4, 100)]


def test_a_sale_that_nobody_contests_ends_at_the_start_price() -> None:
    """When the first round wants no more than there is, all get it at the start price, and some lots stay."""
    result = played(but(SALE, uniform_rule="first_rejected", payment="uniform"), [{"A": 4, "B": 3}])
    assert (result.status, won(result)) == ("partly_sold", [("A", 4, 100), ("B", 3, 100)])


def test_a_hidden_reserve_keeps_the_price_going() -> None:
    """Below a hidden reserve the price goes on although no more is wanted than there is, and nothing sells there."""
    hidden: Options = but(SALE, reserve_price=120)
    result = played(hidden, [{"A": 6, "B": 5}, {"A": 4, "B": 4}, {"A": 3, "B": 2}])
    assert (result.status, won(result)) == ("partly_sold", [("A", 3, 120), ("B", 2, 120)])
    short = played(hidden, [{"A": 6, "B": 5}, {"A": 4}, {}])
    assert (short.status, short.reason, won(short)) == ("void", "reserve_not_met", [])
    assert str(short.why()) == "The auction is void: no bid met the reserve price."


def test_a_purchase_downwards_mirrors_it() -> None:
    """Suppliers compete down: those who stay win at the last price, the others at the price before."""
    result = played(PURCHASE, [{"A": 6, "B": 5, "C": 4}, {"A": 6, "B": 3}])
    assert won(result) == [("A", 6, 90), ("B", 3, 90), ("B", 1, 100)]
    assert result.clearing_price == 100


def test_a_price_that_cannot_fall_further_is_the_last() -> None:
    """At a price of zero the purchase ends, and the tie rule shares what too many offer."""
    rounds: Rounds = [{"A": 8, "B": 8}] * 11
    for tie, lots in (("time", [("A", 8, 0), ("B", 2, 0)]), ("pro_rata", [("A", 5, 0), ("B", 5, 0)])):
        options: Options = but(PURCHASE, tie=tie)
        assert won(played(options, rounds)) == lots


def test_dropped_lots_are_shared_pro_rata() -> None:
    """The rest at the price before goes to those who dropped out, in proportion to the lots that they gave up."""
    result = played(but(SALE, tie="pro_rata"), [{"A": 6, "B": 6, "C": 3}, {"A": 4}])
    assert won(result) == [("A", 4, 110), ("A", 1, 100), ("B", 3, 100), ("C", 2, 100)]


def test_a_statement_replaces_the_one_before_in_a_round() -> None:
    """The last statement of a round holds, with its own time, and none at all is to drop out."""
    auction = StandardAuction(**but(SALE, lots=4))
    auction.bid("A", 4, at_ns=1)
    auction.bid("B", 3, at_ns=2)
    auction.bid("A", 3, at_ns=3)
    auction.bid("C", 2, at_ns=3)
    auction.bid("C", 0, at_ns=4)
    assert auction.next_round() == 110
    assert auction.rounds[0].bids == (("B", 100, 3, 2, 1), ("A", 100, 3, 3, 1))
    assert auction.next_round() is None
    assert won(auction.close()) == [("B", 3, 100), ("A", 1, 100)]


# --- Open, away from it -------------------------------------------------------------------------------------------


def test_a_sale_downwards_sells_to_who_takes_first() -> None:
    """The price falls until the lots are taken; each pays his own price, or all the last one."""
    rounds: Rounds = [{"A": 3}, {}, {"B": 4}, {"C": 3, "A": 3}]
    options: Options = but(SALE, direction="down")
    assert won(played(options, rounds)) == [("A", 3, 100), ("B", 4, 80), ("C", 3, 70)]
    assert won(played(but(options, payment="uniform"), rounds)) == [("A", 3, 70), ("B", 4, 70), ("C", 3, 70)]
    assert won(played(but(options, tie="pro_rata"), rounds))[2:] == [("C", 2, 70), ("A", 1, 70)]


def test_a_purchase_upwards_buys_from_who_gives_first() -> None:
    """The price rises until enough is offered, and never past the reserve."""
    options: Options = but(PURCHASE, direction="up", reserve_price=110)
    result = played(options, [{"A": 3}, {"B": 4}])
    assert (result.status, won(result)) == ("partly_sold", [("A", 3, 100), ("B", 4, 110)])


def test_those_who_wait_count() -> None:
    """Where the price comes to meet them, the admitted take part by waiting."""
    options: Options = but(SALE, direction="down", minimum_participants=3)
    auction = StandardAuction(**options)
    auction.admit("A", at_ns=0)
    auction.admit("B", at_ns=0)
    auction.next_round()
    auction.bid("A", 10, at_ns=1)
    assert auction.next_round() is None
    result = auction.close()
    assert (result.participants, won(result)) == (3, [("A", 10, 90)])


def test_the_initiator_may_stop_while_the_price_comes_to_meet_the_others() -> None:
    """A close in the middle keeps what was taken."""
    auction = StandardAuction(**but(SALE, direction="down"))
    auction.bid("A", 4, at_ns=1)
    result = auction.close()
    assert (result.status, won(result)) == ("partly_sold", [("A", 4, 100)])


def test_more_than_is_left_cannot_be_taken() -> None:
    """A take is bounded by what is left, over all takes of a participant in the round."""
    auction = StandardAuction(**but(SALE, direction="down"))
    auction.bid("A", 4, at_ns=1)
    assert "quantity is 7" in refused(Code.OUT_OF_RANGE, auction.bid, "A", 7, at_ns=2)
    auction.bid("A", 6, at_ns=2)
    assert "taken all 10" in refused(Code.OUT_OF_RANGE, auction.bid, "A", 1, at_ns=3)
    assert auction.left == 10
    assert auction.next_round() is None
    assert auction.left == 0


# --- Sealed -------------------------------------------------------------------------------------------------------

BIDS = {
    "participant": ["A", "B", "A", "C", "D"],
    "price": [130, 120, 110, 110, 105],
    "quantity": [4, 4, 4, 4, 2],
    "submitted_at": [5, 6, 5, 4, 7],
}


def test_sealed_bids_are_served_best_first() -> None:
    """The best prices are served first, the earlier at the price where the lots run out."""
    result = standard_auction(BIDS, **SEALED)
    assert won(result) == [("A", 4, 130), ("B", 4, 120), ("C", 2, 110)]
    assert result.filled == (4, 4, 0, 2, 0)
    assert str(result.why()) == (
        "10 of 10 lots sold: each at its own price, the last at 110 tenge a tonne; C won the last at 110, "
        "and the best price left without was 110."
    )


def test_the_two_uniform_rules_differ_where_nothing_is_divided() -> None:
    """The last accepted price is the worst that won, and the first rejected the best that did not."""
    exact: Options = but(SEALED, lots=8, payment="uniform")
    assert standard_auction(BIDS, **exact).clearing_price == 120
    assert standard_auction(BIDS, **but(exact, uniform_rule="first_rejected")).clearing_price == 110


@pytest.mark.parametrize(
    ("change", "price"),
    [({}, 100), ({"reserve_price": 102}, 102), ({"direction": "down", "start_price": 130}, 105)],
)
def test_without_a_rejected_bid_the_bound_is_the_price(change: Any, price: int) -> None:
    """With no lot rejected, all pay the start price or the reserve; where neither bounds them, the last accepted."""
    options: Options = but(SEALED, lots=50, payment="uniform", uniform_rule="first_rejected")
    options.update(change)
    assert standard_auction(BIDS, **options).clearing_price == price


def test_a_hidden_reserve_takes_bids_in_vain() -> None:
    """Bids beyond a hidden reserve count as taking part and win nothing; a published one refuses them."""
    hidden: Options = but(SEALED, reserve_price=115, minimum_participants=5)
    result = standard_auction(BIDS, **hidden)
    assert (result.participants, won(result)) == (5, [("A", 4, 130), ("B", 4, 120)])
    published: Options = but(hidden, reserve_published=True, start_price=115)
    assert refused(Code.OUT_OF_RANGE, standard_auction, BIDS, **published).startswith("bids, row 3|price is 110")


def test_too_few_make_it_void() -> None:
    """Two bidders and the initiator are three; bidders who belong together are one."""
    bids = {"participant": ["A", "B"], "price": [110, 120], "quantity": [5, 5]}
    law: Options = but(SEALED, minimum_participants=3)
    assert standard_auction(bids, **law).status == "sold"
    alone = standard_auction(bids, **but(law, initiator_counts=False))
    assert (alone.status, alone.reason, alone.participants) == ("void", "too_few_participants", 2)
    assert str(alone.why()) == "The auction is void: 2 took part, and 3 must."
    tied = standard_auction(bids, **but(law, affiliates={"A": "Holding", "B": "Holding"}))
    assert (tied.reason, tied.participants) == ("too_few_participants", 2)
    for result in (alone, tied):
        result.check()


def test_a_circle_of_affiliates_is_one() -> None:
    """Chains and circles of those who belong together have one name."""
    terms = Terms(**but(SEALED, affiliates={"A": "B", "B": "C", "C": "B", "D": "E"}))
    assert [terms.group(name) for name in "ABCDEF"] == ["B", "B", "B", "E", "E", "F"]


def test_no_bid_at_all_is_void() -> None:
    """An empty table is an auction in which nobody bid."""
    result = standard_auction({"participant": [], "price": [], "quantity": []}, **SEALED)
    assert (result.status, result.reason, repr(result)) == (
        "void",
        "no_bids",
        "The auction is void: nobody made a bid.",
    )
    result.check()


def test_a_withdrawn_bid_is_no_bid() -> None:
    """Who withdraws before the close neither wins nor counts."""
    auction = StandardAuction(**SEALED)
    auction.bid("A", 4, 110, at_ns=1)
    auction.bid("B", 4, 120, at_ns=1)
    auction.withdraw("B", at_ns=2)
    result = auction.close()
    assert (result.participants, won(result)) == (2, [("A", 4, 110)])


# --- Tables -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_the_answer_comes_in_the_callers_kind(kind: Any) -> None:
    """A frame of bids gets a frame of fills of its own kind, a row a bid."""
    frame = kind(BIDS)
    fills = standard_auction(frame, **SEALED).fills
    assert type(fills) is type(frame)
    assert {name: list(column) for name, column in nw.from_native(fills).to_dict().items()} == {
        "participant": BIDS["participant"],
        "quantity": [4, 4, 0, 2, 0],
        "price": [130, 120, 110, 110, 105],
        "amount_tiyn": [52_000, 48_000, 0, 22_000, 0],
    }


def test_the_callers_index_is_kept() -> None:
    """A pandas frame keeps its own index."""
    frame = pd.DataFrame(BIDS, index=list("vwxyz"))
    fills = standard_auction(frame, **SEALED).fills
    assert list(fills.index) == list("vwxyz")
    assert fills["amount_tiyn"].tolist() == [52_000, 48_000, 0, 22_000, 0]


def test_an_auction_of_calls_gives_arrays() -> None:
    """Without a table the fills are a mapping of columns, a row a step."""
    fills = played(SALE, [{"A": 6, "B": 5}, {"A": 6, "B": 3}]).fills
    assert {name: np.asarray(column).tolist() for name, column in fills.items()} == {
        "participant": ["B", "A", "B"],
        "quantity": [1, 6, 3],
        "price": [100, 110, 110],
        "amount_tiyn": [10_000, 66_000, 33_000],
    }


# --- Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "what"),
    [
        ({"initiator": "state"}, Code.UNKNOWN_OPTION, "initiator is 'state'"),
        ({"direction": "sideways"}, Code.UNKNOWN_OPTION, "direction is 'sideways'"),
        ({"format": "secret"}, Code.UNKNOWN_OPTION, "format is 'secret'"),
        ({"payment": "vickrey"}, Code.UNKNOWN_OPTION, "payment is 'vickrey'"),
        ({"tie": ["time"]}, Code.UNKNOWN_OPTION, "tie is ['time']"),
        ({"initiator_counts": 1}, Code.UNKNOWN_OPTION, "initiator_counts is 1"),
        ({"lots": 0}, Code.OUT_OF_RANGE, "lots is 0"),
        ({"lots": 2.0}, Code.WRONG_TYPE, "lots is 2.0"),
        ({"lots": None}, Code.WRONG_TYPE, "lots is None"),
        ({"step": 0}, Code.OUT_OF_RANGE, "step is 0"),
        ({"start_price": -1}, Code.OUT_OF_RANGE, "start_price is -1"),
        ({"minimum_participants": True}, Code.WRONG_TYPE, "minimum_participants is True"),
        ({"lot_kg": 36_005}, Code.OUT_OF_RANGE, "lot_kg is 36005"),
        ({"lots": 10**12, "start_price": 10**12}, Code.OVERFLOW, "do not fit 64 bits"),
        ({"initiator_id": ""}, Code.WRONG_TYPE, "initiator_id is ''"),
        ({"affiliates": ["A"]}, Code.WRONG_TYPE, "affiliates is list"),
        ({"affiliates": {"A": 1}}, Code.WRONG_TYPE, "an affiliate is 1"),
        ({"reserve_price": 120, "reserve_published": True}, Code.OUT_OF_RANGE, "below the reserve of 120"),
        ({"direction": "down", "reserve_price": 120}, Code.OUT_OF_RANGE, "below the reserve of 120"),
        ({"direction": "down", "uniform_rule": "first_rejected"}, Code.UNKNOWN_OPTION, "first_rejected"),
    ],
)
def test_terms_that_make_no_auction_are_refused(change: Any, code: Code, what: str) -> None:
    """Each term that no auction can have is refused with its name."""
    options: Any = {**SALE, **change}
    assert what in refused(code, StandardAuction, **options)


@pytest.mark.parametrize(
    ("change", "code", "what"),
    [
        ({"participant": ["A", "Plant", "A", "C", "D"]}, Code.NOT_PERMITTED, "bids, row 2|Plant is the initiator"),
        (
            {"participant": ["A", "B", "A", "Sister", "D"]},
            Code.NOT_PERMITTED,
            "bids, row 4|Sister belongs with the initiator",
        ),
        ({"participant": ["A", "", "A", "C", "D"]}, Code.WRONG_TYPE, "bids, row 2|participant is ''"),
        ({"price": [130, 120, 99, 110, 105]}, Code.OUT_OF_RANGE, "bids, row 3|price is 99"),
        ({"price": [130, 121, 110, 110, 105]}, Code.OUT_OF_RANGE, "bids, row 2|price 121 is not a whole number of"),
        ({"quantity": [4, 4, 4, 11, 2]}, Code.OUT_OF_RANGE, "bids, row 4|quantity is 11"),
        ({"quantity": [4, 4, 4, 0, 2]}, Code.OUT_OF_RANGE, "bids, row 4|quantity is 0"),
        ({"quantity": [4, 4, 4.0, 4, 2]}, Code.WRONG_TYPE, "bids, row 3|quantity is 4.0"),
        ({"submitted_at": [5, -1, 5, 4, 7]}, Code.OUT_OF_RANGE, "bids, row 2|submitted_at is -1"),
        ({"limit": [1, 2, 3, 4, 5]}, Code.COLUMN_UNKNOWN, "bids|column 'limit'"),
    ],
)
def test_a_wrong_bid_is_refused_by_its_row(change: Any, code: Code, what: str) -> None:
    """Each wrong bid of a table is refused with its row."""
    options: Options = but(SEALED, step=5, initiator_id="Plant", affiliates={"Sister": "Plant"})
    assert refused(code, standard_auction, {**BIDS, **change}, **options).startswith(what)


@pytest.mark.parametrize(("price", "near"), [(101, 100), (104, 105), (198, 200)])
def test_a_price_off_the_grid_is_told_the_nearest_on_it(price: int, near: int) -> None:
    """The remedy names the nearest price above or below, whichever is nearer."""
    options: Options = but(SEALED, step=5)
    with pytest.raises(Refusal) as found:
        standard_auction({**BIDS, "price": [130, price, 110, 110, 105]}, **options)
    assert found.value.remedy == f"The nearest such price is {near}."


def test_a_table_needs_a_sealed_auction() -> None:
    """Rounds cannot be held at once; the format may be left out."""
    refused(Code.UNKNOWN_OPTION, standard_auction, BIDS, **SALE)
    options = but(SEALED)
    del options["format"]
    assert standard_auction(BIDS, **options).status == "sold"


def open_in_round_two() -> StandardAuction:
    auction = StandardAuction(**but(SALE, initiator_id="Plant"))
    auction.bid("A", 8, at_ns=10)
    auction.bid("B", 5, at_ns=11)
    auction.next_round()
    return auction


@pytest.mark.parametrize(
    ("call", "code", "what"),
    [
        (lambda a: a.bid("A", 9, at_ns=12), Code.OUT_OF_RANGE, "quantity is 9"),
        (lambda a: a.bid("C", 1, at_ns=12), Code.UNKNOWN_PARTICIPANT, "C was not admitted"),
        (lambda a: a.bid("Plant", 1, at_ns=12), Code.NOT_PERMITTED, "Plant is the initiator"),
        (lambda a: a.bid("A", 1, at_ns=10), Code.TIME_BACKWARD, "at_ns is 10, before 11"),
        (lambda a: a.bid("A", 1, at_ns=1.5), Code.WRONG_TYPE, "at_ns is 1.5"),
        (lambda a: a.bid("A", 1, 115, at_ns=12), Code.OUT_OF_RANGE, "price is 115, and round 2 is called at 110"),
        (lambda a: a.bid("A", "5", at_ns=12), Code.WRONG_TYPE, "quantity is '5'"),
        (lambda a: a.bid(7, 1, at_ns=12), Code.WRONG_TYPE, "participant is 7"),
        (lambda a: a.admit("C", at_ns=12), Code.WRONG_PHASE, "first round only"),
        (lambda a: a.withdraw("A", at_ns=12), Code.WRONG_PHASE, "only sealed bids"),
    ],
)
def test_a_refused_call_changes_nothing(call: Any, code: Code, what: str) -> None:
    """A wrong call in a round is refused by its code, and the auction goes on as if it had not been made."""
    auction, other = open_in_round_two(), open_in_round_two()
    assert what in refused(code, call, auction)
    for each in (auction, other):
        each.bid("A", 8, at_ns=12)
        each.bid("B", 5, 110, at_ns=12)
    assert auction.next_round() == other.next_round() == 120
    assert auction.rounds == other.rounds


def test_calls_out_of_turn_are_refused() -> None:
    """A round that is not the last cannot be closed, and a closed auction takes nothing."""
    auction = open_in_round_two()
    auction.bid("A", 8, at_ns=12)
    auction.bid("B", 5, at_ns=12)
    assert "round 2 is not the last" in refused(Code.WRONG_PHASE, auction.close)
    auction.next_round()
    assert (auction.phase, auction.round_number, auction.price) == ("bidding", 3, 120)
    auction.next_round()
    assert (auction.phase, auction.round_number, auction.price) == ("ended", 3, 120)
    refused(Code.WRONG_PHASE, auction.bid, "A", 1, at_ns=13)
    refused(Code.WRONG_PHASE, auction.next_round)
    auction.close()
    refused(Code.WRONG_PHASE, auction.close)


def test_a_sealed_auction_has_no_rounds() -> None:
    """A sealed auction neither admits nor calls rounds, and needs a price for each bid."""
    auction = StandardAuction(**SEALED)
    assert auction.price is None
    refused(Code.WRONG_PHASE, auction.admit, "A", at_ns=0)
    refused(Code.WRONG_PHASE, auction.next_round)
    refused(Code.UNKNOWN_PARTICIPANT, auction.withdraw, "A", at_ns=0)
    refused(Code.WRONG_TYPE, auction.bid, "A", 1, at_ns=0)
    auction.bid("A", 1, 100, at_ns=0)
    assert auction.close().participants == 2


def test_too_few_end_it_after_the_first_round() -> None:
    """An open auction with too few admitted ends with its first round."""
    auction = StandardAuction(**but(SALE, minimum_participants=3))
    auction.bid("A", 20 // 2, at_ns=0)
    assert auction.next_round() is None
    result = auction.close()
    assert (result.reason, won(result)) == ("too_few_participants", [])
    result.check()


# --- Words --------------------------------------------------------------------------------------------------------


def test_the_reasons_are_data_too() -> None:
    """The reasons say who held the last lot, and what was left without."""
    why = standard_auction(BIDS, **but(SEALED, lots=8, payment="uniform")).why()
    assert (why.marginal_participants, why.last_accepted, why.first_rejected, why.price) == (("B",), 120, 110, 120)
    assert (why.participants, why.minimum_participants, why.lots, why.quantity) == (5, 1, 8, 8)


def test_the_reasons_are_said_in_three_languages() -> None:
    """The same reasons read in Kazakh, Russian and English, and the data hold all three."""
    why = standard_auction(BIDS, **but(SEALED, lots=8, payment="uniform")).why()
    assert why.say("kk") == (
        "Сатылған лоттар: 8 / 8; барлығына бірдей баға — тоннасына 120 теңге; "
        "соңғы лот бағасы — 120 (B), қанағаттандырылмаған ең жақсы баға — 110."
    )
    assert why.say("ru") == (
        "Продано лотов: 8 из 8; единая цена — 120 тенге за тонну; "
        "последний лот — по цене 120 (B), лучшая неудовлетворённая цена — 110."
    )
    assert why.as_data()["text"] == {language: why.say(language) for language in ("en", "kk", "ru")}
    assert "'de'" in refused(Code.UNKNOWN_OPTION, why.say, "de")


def test_many_winners_are_counted() -> None:
    """A sentence names three participants at the margin, then counts; nobody left without is said as well."""
    bids = {"participant": list("ABCDE"), "price": [100] * 5, "quantity": [1] * 5}
    text = standard_auction(bids, **but(PURCHASE, format="sealed")).why().text
    assert text == (
        "5 of 10 lots bought: each at its own price, the last at 100 tenge a tonne; "
        "A, B, C and 2 more won the last at 100, and no acceptable bid was left without."
    )


def test_a_long_list_of_awards_is_cut() -> None:
    """The printed result shows sixty awards and counts the rest."""
    bids = {"participant": [f"P{number}" for number in range(70)], "price": [100] * 70, "quantity": [1] * 70}
    shown = repr(standard_auction(bids, **but(SEALED, lots=70))).split("\n")
    assert (len(shown), shown[61]) == (63, "... and 10 more awards.")


def test_the_names_are_public() -> None:
    """The auction is reached from the package itself."""
    assert {"StandardAuction", "StandardResult", "standard_auction"} <= set(naryq.__all__)


def test_the_package_lists_its_names_before_they_are_loaded() -> None:
    """An editor completes what the library offers, and nothing that it only imports."""
    assert dir(naryq) == sorted([*naryq.__all__, "__version__"])


def test_a_withdrawal_of_what_is_no_name_is_refused() -> None:
    """A list is no participant, for a withdrawal as for a bid."""
    auction = StandardAuction(
        initiator="seller", direction="up", format="sealed", payment="uniform", lots=5, start_price=10
    )
    with pytest.raises(Refusal) as refused:
        auction.withdraw(["A"], at_ns=0)  # type: ignore[arg-type]
    assert refused.value.code is Code.WRONG_TYPE
