"""The standard auction keeps its promises in any market, agrees with its twin, and its check finds planted faults."""

import dataclasses
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from tests.standard_twin import find

from naryq import StandardAuction, StandardResult, standard_auction
from naryq.market.standard_awards import Award
from naryq.market.standard_checking import Published, check_standard
from naryq.market.standard_terms import (
    Bid,
    Direction,
    Format,
    Initiator,
    Options,
    Payment,
    Round,
    Terms,
    Tie,
    UniformRule,
)

NAMES = ("A", "B", "C", "D", "E")


@st.composite
def options(draw: st.DrawFn, form: Format) -> Options:
    """Draw terms of an auction with few lots and few prices, so that ties and reserves matter."""
    initiator: Initiator = draw(st.sampled_from(get_args(Initiator)))
    direction: Direction = draw(st.sampled_from(get_args(Direction)))
    towards = (initiator == "seller") == (direction == "up")
    sign = 1 if initiator == "seller" else -1
    start = draw(st.integers(3, 12))
    step = draw(st.integers(1, 3))
    published = draw(st.booleans())
    # How many tenge the reserve is better (towards the initiator's gain) or worse than the start price.
    worst = 0 if towards and not published else None
    shift = draw(st.integers(-6, 6 if worst == 0 else 0))
    reserve = max(0, start + sign * shift) if draw(st.booleans()) else None
    rules = get_args(UniformRule) if towards or form == "sealed" else ("last_accepted",)
    rule: UniformRule = draw(st.sampled_from(rules))
    return {
        "initiator": initiator,
        "direction": direction,
        "format": form,
        "payment": draw(st.sampled_from(get_args(Payment))),
        "lots": draw(st.integers(1, 8)),
        "start_price": start,
        "step": step,
        "reserve_price": reserve,
        "reserve_published": published,
        "minimum_participants": draw(st.integers(1, 4)),
        "initiator_counts": draw(st.booleans()),
        "affiliates": draw(st.dictionaries(st.sampled_from(NAMES), st.sampled_from((*NAMES, "X")), max_size=2)),
        "tie": draw(st.sampled_from(get_args(Tie))),
        "uniform_rule": rule,
        "lot_kg": 10,
    }


def allowed_prices(terms: Terms) -> list[int]:
    prices = [terms.price_of(number) for number in range(1, 8)]
    return [p for p in prices if p >= 0 and (terms.meets_reserve(p) or not terms.reserve_published)]


@st.composite
def sealed(draw: st.DrawFn) -> tuple[Options, list[tuple[str, int, int, int]]]:
    """Draw a sealed auction: its terms, and bids as participant, price, quantity and time."""
    given_options = draw(options("sealed"))
    terms = Terms(**given_options)
    bid = st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(allowed_prices(terms)),
        st.integers(1, terms.lots),
        st.integers(0, 3),
    )
    return given_options, draw(st.lists(bid, max_size=8))


def held(given_options: Options, bids: list[tuple[str, int, int, int]]) -> StandardResult:
    columns = zip(*bids, strict=True) if bids else [[]] * 4
    names = ("participant", "price", "quantity", "submitted_at")
    return standard_auction(dict(zip(names, map(list, columns), strict=True)), **given_options)


def play(data: DataObject, given_options: Options) -> StandardResult:
    """Play an open auction with drawn statements until it has ended."""
    auction = StandardAuction(**given_options)
    terms = auction.terms
    now = 0
    for name in data.draw(st.lists(st.sampled_from(NAMES), unique=True)):
        auction.admit(name, at_ns=now)
    held_lots = dict.fromkeys(NAMES, terms.lots)
    while auction.phase == "bidding" and auction.round_number < 7:
        for name in data.draw(st.permutations(NAMES)):
            now += data.draw(st.integers(0, 1))
            most = held_lots[name] if terms.is_towards else auction.left
            quantity = data.draw(st.integers(0, most))
            known = auction.round_number == 1 or name in auction._admitted
            if quantity and known:
                auction.bid(name, quantity, at_ns=now)
            held_lots[name] = quantity if known else 0
        auction.next_round()
    while terms.is_towards and auction.phase == "bidding":
        auction.next_round()
    return auction.close()


def published(result: StandardResult) -> Published:
    values = (result.status, result.reason, result.participants, result.clearing_price, result.awards)
    return Published(*values, result.amount_tiyn)


def agrees_with_twin(result: StandardResult) -> None:
    found = find(result.terms, result._admitted, result.rounds)
    assert {(award.participant, award.price): award.quantity for award in result.awards} == found.won
    assert (result.clearing_price, result.status) == (found.price, found.status)


def keeps_promises(result: StandardResult) -> None:
    """Check what everybody may count on, whatever the format."""
    terms, sign = result.terms, result.terms.sign
    assert result.quantity == sum(result.filled) == sum(award.quantity for award in result.awards) <= terms.lots
    assert result.amount_tiyn == sum(award.price * award.quantity * terms.lot_kg // 10 for award in result.awards)
    for step, lots in zip(result.steps, result.filled, strict=True):
        assert 0 <= lots <= step.quantity
        if lots and terms.payment == "uniform":
            assert result.clearing_price is not None
            # Nobody pays more than he bid, and no supplier gets less than he asked.
            assert sign * (step.price - result.clearing_price) >= 0
        if lots:
            assert terms.meets_reserve(step.price)
    if terms.payment == "uniform":
        assert len({award.price for award in result.awards}) <= 1
    worst_won = [sign * step.price for step, lots in zip(result.steps, result.filled, strict=True) if lots]
    for step, lots in zip(result.steps, result.filled, strict=True):
        if worst_won and sign * step.price > min(worst_won):
            assert lots == step.quantity, "a better price goes without while a worse one is served"
    assert (result.status == "void") == bool(result.reason) == (not result.awards)
    assert (result.reason == "too_few_participants") == (result.participants < terms.minimum_participants)


@settings(max_examples=400)
@given(sealed())
def test_a_sealed_auction_keeps_its_promises(drawn: tuple[Options, list[tuple[str, int, int, int]]]) -> None:
    """Any sealed auction serves the best prices first, agrees with the twin and passes its own check."""
    result = held(*drawn)
    keeps_promises(result)
    agrees_with_twin(result)
    result.check()
    assert result.why().text


@settings(max_examples=400)
@given(st.data(), options("open"))
def test_an_open_auction_keeps_its_promises(data: DataObject, given_options: Options) -> None:
    """Any open auction serves the best prices first, agrees with the twin and passes its own check."""
    result = play(data, given_options)
    keeps_promises(result)
    agrees_with_twin(result)
    result.check()
    assert result.why().text


@settings(max_examples=200)
@given(sealed())
def test_bids_one_by_one_are_bids_at_once(drawn: tuple[Options, list[tuple[str, int, int, int]]]) -> None:
    """The machine of calls and the whole auction at once award the same."""
    given_options, bids = drawn
    bids = sorted(bids, key=lambda bid: bid[3])
    auction = StandardAuction(**given_options)
    for name, price, quantity, at_ns in bids:
        auction.bid(name, quantity, price, at_ns=at_ns)
    assert published(auction.close()) == published(held(given_options, bids))


@settings(max_examples=300)
@given(sealed(), st.integers(0, 7), st.integers(1, 3))
def test_a_better_bid_never_loses_lots(
    drawn: tuple[Options, list[tuple[str, int, int, int]]], which: int, steps: int
) -> None:
    """Bettering the price of one bid leaves it with at least as many lots."""
    given_options, bids = drawn
    terms = Terms(**given_options)
    if not bids:
        return
    which %= len(bids)
    name, price, quantity, at_ns = bids[which]
    better = price + steps * terms.sign * terms.step
    if (better - terms.start_price) * terms.motion < 0 or better < 0:
        return
    before = held(given_options, bids).filled[which]
    after = held(given_options, [*bids[:which], (name, better, quantity, at_ns), *bids[which + 1 :]]).filled[which]
    assert after >= before


@settings(max_examples=200)
@given(st.data(), options("open"))
def test_dropping_out_is_a_sealed_bid_at_the_last_price(data: DataObject, given_options: Options) -> None:
    """Rounds with drop-outs award what a sealed auction would, of bids at each lot's last price."""
    result = play(data, given_options)
    if not result.terms.is_towards or result.reason == "too_few_participants":
        return
    bids = [(step.participant, step.price, step.quantity, step.at_ns) for step in result.steps]
    alone: Options = {**given_options, "format": "sealed", "minimum_participants": 1, "reserve_published": False}
    assert published(held(alone, bids)).awards == result.awards


# --- The check finds what is wrong --------------------------------------------------------------------------------

GIVEN: Options = {
    "initiator": "seller",
    "direction": "up",
    "format": "open",
    "payment": "pay_as_bid",
    "lots": 10,
    "start_price": 100,
    "step": 10,
    "initiator_id": "Plant",
    "affiliates": {"B": "Holding"},
    "lot_kg": 1_000,
}


def sound() -> StandardResult:
    """A keeps 5 lots in the second round, B keeps 2; B, then C, share what is left at the price before."""
    auction = StandardAuction(**GIVEN)
    for now, (name, lots) in enumerate((("A", 5), ("B", 4), ("C", 4))):
        auction.bid(name, lots, at_ns=now)
    auction.next_round()
    auction.bid("A", 5, at_ns=10)
    auction.bid("B", 2, at_ns=11)
    auction.next_round()
    return auction.close()


def with_awards(result: StandardResult, *awards: tuple[str, int, int]) -> Published:
    made = tuple(Award(name, lots, price, price * lots * 100) for name, lots, price in awards)
    return published(result)._replace(awards=made, amount_tiyn=sum(award.amount_tiyn for award in made))


SOUND = (("A", 5, 110), ("B", 2, 110), ("B", 2, 100), ("C", 1, 100))


def test_the_sound_result_is_what_the_planted_faults_spoil() -> None:
    """The result that the planted faults start from is right, and stands as it is expected."""
    result = sound()
    result.check()
    assert published(result) == with_awards(result, *SOUND)


FAULTS: dict[str, tuple[str, Callable[[StandardResult], Published]]] = {
    "a lot too many": ("C wins 1", lambda r: with_awards(r, *SOUND[:3], ("C", 2, 100))),
    "the later before the earlier": ("B wins 2", lambda r: with_awards(r, *SOUND[:2], ("B", 1, 100), ("C", 2, 100))),
    "a winner left out": ("C wins 1", lambda r: with_awards(r, *SOUND[:3])),
    "a stranger wins": ("D wins 0", lambda r: with_awards(r, *SOUND, ("D", 1, 100))),
    "another price": ("B wins 2", lambda r: with_awards(r, SOUND[0], ("B", 4, 110), SOUND[3])),
    "worst first": ("best price", lambda r: with_awards(r, *reversed(SOUND))),
    "twice": ("twice", lambda r: with_awards(r, ("A", 5, 110), ("A", 5, 110), *SOUND[1:])),
    "another clearing price": ("the price is 100", lambda r: published(r)._replace(clearing_price=110)),
    "another status": ("status is sold", lambda r: published(r)._replace(status="partly_sold")),
    "another reason": ("the reason is none", lambda r: published(r)._replace(reason="no_bids")),
    "another number": ("4 took part", lambda r: published(r)._replace(participants=3)),
    "a wrong sum": ("all together", lambda r: published(r)._replace(amount_tiyn=1)),
    "a wrong amount": (
        "A pays",
        lambda r: published(r)._replace(awards=(r.awards[0]._replace(amount_tiyn=1), *r.awards[1:])),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_of_the_result_is_found(name: str) -> None:
    """The check names what is wrong with a published result."""
    result = sound()
    words, spoil = FAULTS[name]
    with pytest.raises(AssertionError, match=words):
        check_standard(result.terms, result._admitted, result.rounds, spoil(result))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("quantity", 9, "10 lots are awarded, not 9"),
        ("filled", (5, 3, 1, 1), "the fills are not what is awarded|gets"),
        ("filled", (0, 0, 0, 0), "the fills are not what is awarded"),
        ("filled", (9, 9, 9, 9), "gets 9 lots of"),
    ],
)
def test_a_planted_fault_of_the_fills_is_found(name: str, value: Any, words: str) -> None:
    """The lots of each step, and their sum, are held against the awards."""
    result = sound()
    setattr(result, name, value)
    with pytest.raises(AssertionError, match=words):
        result.check()


def spoiled(rounds: tuple[Round, ...], index: int, *bids: Bid, **change: Any) -> tuple[Round, ...]:
    each = rounds[index]
    if bids:
        each = each._replace(bids=bids, wanted=sum(bid.quantity for bid in bids))
    return (*rounds[:index], each._replace(**change), *rounds[index + 1 :])


ROUNDS: dict[str, tuple[str, Callable[[tuple[Round, ...]], tuple[Round, ...]]]] = {
    "another price called": ("not called at 110", lambda r: spoiled(r, 1, price=120)),
    "a bid at another price": ("bids 105", lambda r: spoiled(r, 1, Bid("A", 105, 5, 10, 2))),
    "wrong sum": ("another number of lots", lambda r: spoiled(r, 1, wanted=9)),
    "more than before": ("C wants more", lambda r: spoiled(r, 1, *r[1].bids, Bid("C", 110, 5, 12, 2))),
    "ended early": ("ended early", lambda r: r[:1]),
    "went on": ("round 1 was the last", lambda r: spoiled(r, 0, r[0].bids[0], r[0].bids[1])),
    "a stranger": ("D bids", lambda r: spoiled(r, 0, *r[0].bids, Bid("D", 100, 1, 3, 1))),
    "twice in a round": ("bids twice", lambda r: spoiled(r, 0, *r[0].bids, r[0].bids[0])),
    "too much": ("bids for 11", lambda r: spoiled(r, 0, r[0].bids[0]._replace(quantity=11), *r[0].bids[1:])),
}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_planted_fault_of_the_rounds_is_found(name: str) -> None:
    """The check names what is wrong with how the auction was held."""
    result = sound()
    words, spoil = ROUNDS[name]
    with pytest.raises(AssertionError, match=words):
        check_standard(result.terms, result._admitted, spoil(result.rounds), published(result))


def test_the_initiator_among_the_bidders_is_found() -> None:
    """The check finds the initiator himself, or one who belongs with him, among the participants."""
    result = sound()
    for initiator in ("A", "Holding"):
        terms = dataclasses.replace(result.terms, initiator_id=initiator)
        with pytest.raises(AssertionError, match="the initiator bids"):
            check_standard(terms, result._admitted, result.rounds, published(result))


def test_a_void_auction_that_awards_is_found() -> None:
    """The check finds awards where too few took part."""
    result = sound()
    terms = dataclasses.replace(result.terms, minimum_participants=9)
    with pytest.raises(AssertionError, match="too few took part"):
        check_standard(terms, result._admitted, result.rounds, published(result))


@pytest.mark.parametrize(
    ("tie", "lots"), [("time", (3, 2, 0)), ("time", (2, 2, 1)), ("pro_rata", (3, 1, 1)), ("pro_rata", (1, 2, 2))]
)
def test_a_wrong_share_is_found(tie: Any, lots: tuple[int, ...]) -> None:
    """The check finds a share of equal bids that is not the tie rule's, and passes the one that is."""
    given_options: Options = {**GIVEN, "format": "sealed", "lots": 5, "tie": tie}
    result = held(given_options, [("A", 100, 3, 0), ("B", 100, 3, 0), ("C", 100, 2, 0)])
    made = [(name, won, 100) for name, won in zip("ABC", lots, strict=True) if won]
    right = {"time": (3, 2, 0), "pro_rata": (2, 2, 1)}[tie]
    assert result.filled == right
    if lots != right:
        with pytest.raises(AssertionError, match="wins"):
            check_standard(result.terms, result._admitted, result.rounds, with_awards(result, *made))
