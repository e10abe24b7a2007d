"""The price of a call auction by the rules of Xetra, Euronext and OMIE, on the examples of their rulebooks.

The examples of Xetra are those of chapter 12 of its Market Model Equities (editions of releases 7.1 to 16); examples 1
to 4 of the maximum-volume rule are those that BNB Chain published for the same steps. docs/reference/call-auction.md
says how each came to us.
"""

from collections.abc import Sequence
from typing import Any

import pytest

import naryq
from naryq.market.call import VENUE_RULES, Decision, Ladder, Uncrossing, uncrossing
from naryq.market.checking import check_clearing
from naryq.messages import Code

Side = list[tuple[int, int]]


def ladder(side: Side, market: int = 0) -> Ladder:
    """Make a ladder of limits and quantities."""
    return Ladder([price for price, _ in side], [quantity for _, quantity in side], market)


def orders_of(bids: Sequence[Any], asks: Sequence[Any], place: str = "A") -> dict[str, list[Any]]:
    """Make a table of orders, bids first."""
    every = [("buy", *order) for order in bids] + [("sell", *order) for order in asks]
    return {
        "order_id": [f"{place}{row}" for row in range(len(every))],
        "place": [place] * len(every),
        "side": [side for side, _, _ in every],
        "price": [price for _, price, _ in every],
        "quantity": [quantity for _, _, quantity in every],
    }


BIDS_LEFT: tuple[Side, Side] = ([(202, 400), (201, 200)], [(199, 300), (198, 200)])
OFFERS_LEFT: tuple[Side, Side] = ([(202, 300), (201, 200)], [(199, 400), (198, 200)])
BALANCED: tuple[Side, Side] = ([(202, 300), (201, 200)], [(198, 200), (199, 300)])

XETRA: dict[str, tuple[tuple[Side, Side], tuple[int, int], int | None, Uncrossing]] = {
    "example 1, one limit with the most volume and the least surplus": (
        ([(202, 200), (201, 200), (200, 300)], [(200, 100), (198, 200), (197, 400)]),
        (0, 0),
        None,
        Uncrossing(200, 700, 0, Decision.VOLUME),
    ),
    "example 2, a surplus of bids at every limit": (
        BIDS_LEFT,
        (0, 0),
        None,
        Uncrossing(201, 500, 100, Decision.PRESSURE),
    ),
    "example 3, a surplus of offers at every limit": (
        OFFERS_LEFT,
        (0, 0),
        None,
        Uncrossing(199, 500, -100, Decision.PRESSURE),
    ),
    "example 4, surpluses on both sides, reference 199": (
        ([(199, 100)], [(202, 100)]),
        (100, 100),
        199,
        Uncrossing(199, 100, 100, Decision.REFERENCE),
    ),
    "example 4, surpluses on both sides, reference 200": (
        ([(199, 100)], [(202, 100)]),
        (100, 100),
        200,
        Uncrossing(199, 100, 100, Decision.REFERENCE),
    ),
    "example 5, no surplus, reference 200": (BALANCED, (0, 0), 200, Uncrossing(201, 500, 0, Decision.REFERENCE)),
    "example 5, no surplus, reference 202": (BALANCED, (0, 0), 202, Uncrossing(201, 500, 0, Decision.REFERENCE)),
    "example 5, no surplus, reference 198": (BALANCED, (0, 0), 198, Uncrossing(199, 500, 0, Decision.REFERENCE)),
    "example 6, only market orders": (([], []), (900, 800), 200, Uncrossing(200, 800, 100, Decision.MARKET_ORDERS)),
    "example 7, nothing executable": (
        ([(200, 80), (199, 80)], [(201, 80)]),
        (0, 0),
        None,
        Uncrossing(None, 0, 0, Decision.NOTHING),
    ),
    "example 8, a bid filled in part": (
        ([(200, 300), (200, 300)], [(200, 400)]),
        (0, 0),
        None,
        Uncrossing(200, 400, 200, Decision.VOLUME),
    ),
    "no reference price": (BALANCED, (0, 0), None, Uncrossing(201, 500, 0, Decision.NO_REFERENCE)),
    "only market orders, no reference price": (
        ([], []),
        (5, 5),
        None,
        Uncrossing(None, 5, 0, Decision.MARKET_ORDERS),
    ),
    "market orders of both sides with limits": (
        ([(199, 150)], [(198, 200)]),
        (300, 300),
        None,
        Uncrossing(198, 450, -50, Decision.PRESSURE),
    ),
}


@pytest.mark.parametrize("name", XETRA)
def test_examples_of_xetra(name: str) -> None:
    """The price, the volume, the surplus and the step that decided are those of the example."""
    (bids, asks), (market_bid, market_ask), reference, expected = XETRA[name]
    assert uncrossing(ladder(bids, market_bid), ladder(asks, market_ask), "xetra", reference) == expected


@pytest.mark.parametrize("name", XETRA)
def test_examples_of_xetra_cleared(name: str) -> None:
    """`clear` publishes the same price for the same orders, market orders with them, and its check holds."""
    (bids, asks), (market_bid, market_ask), reference, expected = XETRA[name]
    buyers, sellers = ([(None, lots)] if lots else [] for lots in (market_bid, market_ask))
    result = naryq.clear(orders_of([*bids, *buyers], [*asks, *sellers]), price_rule="xetra", reference=reference)
    traded = 0 if expected.price is None else expected.volume
    assert result.prices == {"A": expected.price}
    assert result.traded == {"A": (traded, traded)}
    assert expected.price is None or result.why("A").uncrossing == expected
    assert result.check().is_optimal


MAXIMUM_VOLUME: dict[str, tuple[Side, Side, int]] = {
    "1": ([(100, 150), (98, 150)], [(98, 250), (97, 50)], 98),
    "2": ([(100, 150), (99, 50), (97, 300)], [(97, 200), (96, 100)], 97),
    "3": ([(102, 300), (100, 100), (99, 200), (98, 300)], [(98, 250), (97, 250), (96, 1000)], 96),
    "4": ([(102, 30), (101, 10), (99, 50), (96, 15)], [(98, 10), (97, 50), (95, 50)], 97),
    "5.1": ([(102, 10), (97, 10)], [(95, 50)], 95),
}


@pytest.mark.parametrize("name", MAXIMUM_VOLUME)
@pytest.mark.parametrize("rule", ["xetra", "euronext"])
def test_examples_of_the_common_steps(name: str, rule: str) -> None:
    """The most volume, the least surplus and the pressure of offers decide as in the published examples."""
    bids, asks, price = MAXIMUM_VOLUME[name]
    assert uncrossing(ladder(bids), ladder(asks), rule).price == price
    assert naryq.clear(orders_of(bids, asks), price_rule=rule).prices == {"A": price}


@pytest.mark.parametrize(("reference", "price"), [(None, 200), (150, 199), (200, 200), (300, 201)])
def test_euronext_may_take_the_reference_price_itself(reference: int | None, price: int) -> None:
    """Between the limits left the reference price holds, beyond them the nearer limit, without it the middle."""
    result = naryq.clear(orders_of(*BALANCED), price_rule="euronext", reference=reference)
    assert result.prices == {"A": price}
    assert result.check().is_optimal


def test_euronext_follows_the_pressure_before_the_reference_price() -> None:
    """A surplus on one side alone decides, whatever the reference price."""
    for (bids, asks), reference, price in ((BIDS_LEFT, 199, 201), (OFFERS_LEFT, 201, 199)):
        assert uncrossing(ladder(bids), ladder(asks), "euronext", reference).price == price


def test_the_middle_without_a_reference_price_lies_on_the_tick() -> None:
    """The middle of two limits is rounded down to a price that an order may have."""
    found = uncrossing(Ladder([120], [1]), Ladder([80], [1]), "euronext", tick=40)
    assert found == Uncrossing(80, 1, 0, Decision.NO_REFERENCE)


LAST_SELL: dict[str, tuple[Side, Side, int, Decision]] = {
    "the last sell order sets the price": ([(90, 5), (80, 5)], [(40, 4), (60, 8)], 60, Decision.LAST_ACCEPTED_SELL),
    "between a sell and a bid, the sell": ([(90, 5)], [(40, 5)], 40, Decision.LAST_ACCEPTED_SELL),
    "demand short of nothing": ([(90, 10)], [(40, 5), (95, 5)], 90, Decision.BID_LEFT_SHORT),
    "a bid beyond the last sell": ([(90, 5), (70, 5)], [(40, 5)], 70, Decision.BID_LEFT_SHORT),
}


@pytest.mark.parametrize("name", LAST_SELL)
def test_last_accepted_sell(name: str) -> None:
    """The price is the limit of the last sell order accepted, unless a bid is left short above it."""
    bids, asks, price, decided = LAST_SELL[name]
    result = naryq.clear(orders_of(bids, asks), price_rule="last_accepted_sell")
    assert result.prices == {"A": price} == naryq.clear(orders_of(bids, asks), price_rule="lowest").prices
    found = result.why("A").uncrossing
    assert found is not None
    assert found.decided_by is decided
    assert result.check().is_optimal


def test_sellers_who_take_any_price() -> None:
    """Where only market orders sell and no bid is left short, the lowest limit in the book is the price."""
    found = uncrossing(Ladder([100], [5]), Ladder([50], [3], 5), "last_accepted_sell")
    assert found == Uncrossing(50, 5, -3, Decision.LOWEST_LIMIT)


def test_places_are_cleared_each_alone() -> None:
    """Several places in one call have a book, a reference price and a price each; one without trade has none."""
    tables = [orders_of(*BALANCED, "A"), orders_of(*BALANCED, "B"), orders_of([(5, 1)], [(6, 1)], "C")]
    orders = {name: [value for table in tables for value in table[name]] for name in tables[0]}
    result = naryq.clear(orders, price_rule="xetra", reference={"A": 150})
    assert result.prices == {"A": 199, "B": 201, "C": None}
    assert result.check().is_optimal
    assert str(result.why("C")) == "C has no price: no bid meets an offer."


def test_the_reasons_are_data_and_text() -> None:
    """What trades, what is left over and the step that decided stand in the data and in every language."""
    why = naryq.clear(orders_of(*BIDS_LEFT), price_rule="xetra").why("A")
    data = why.as_data()
    assert data["uncrossing"] == {"price": 201, "volume": 500, "surplus": 100, "decided_by": "pressure"}
    assert "bids are left over" in data["text"]["en"]
    assert "сұраныс артық" in data["text"]["kk"]
    plain = naryq.clear(orders_of(*BIDS_LEFT)).why("A")
    assert plain.as_data()["uncrossing"] is None


@pytest.mark.parametrize("rule", VENUE_RULES)
def test_joined_places_are_refused(rule: str) -> None:
    """A venue's rule is made for one book, so links are refused, and the refusal says what to do instead."""
    links = {"source": ["A"], "target": ["B"], "capacity": [1], "tariff": [1]}
    with pytest.raises(naryq.Refusal, match="each place alone") as caught:
        naryq.clear(orders_of(*BALANCED), links, price_rule=rule)
    assert caught.value.code is Code.NOT_SUPPORTED
    empty: dict[str, list[Any]] = {name: [] for name in links}
    assert naryq.clear(orders_of(*BIDS_LEFT), empty, price_rule=rule).prices == {"A": 201}


def test_a_reference_price_that_nothing_reads_is_refused() -> None:
    """The last accepted sell order needs no reference price."""
    with pytest.raises(naryq.Refusal, match="reference is given") as caught:
        naryq.clear(orders_of(*BALANCED), price_rule="last_accepted_sell", reference=200)
    assert caught.value.code is Code.UNKNOWN_OPTION


@pytest.mark.parametrize(("price", "found"), [(200, "is 200, and by xetra it is 201"), (None, "is None")])
def test_the_check_sees_a_planted_price(price: int | None, found: str) -> None:
    """A price that clears the market and is not the venue's is found out, and so is a price left out."""
    orders = orders_of(*BALANCED)
    result = naryq.clear(orders, price_rule="xetra")
    with pytest.raises(AssertionError, match=found):
        check_clearing(orders, None, {"A": price}, result.fills, result.flows, price_rule="xetra")
    if price is not None:
        assert check_clearing(orders, None, {"A": price}, result.fills, result.flows).is_optimal
