"""Call auctions against a twin that tries every limit, written from the words of the rulebooks."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.call_twin import CallTwin, Orders, Row

import naryq
from naryq.market.call import VENUE_RULES, Ladder, uncrossing

WITH_MARKET = st.lists(st.tuples(st.none() | st.integers(0, 7), st.integers(1, 4)), max_size=6)
REFERENCES = st.none() | st.integers(0, 9)


def ladder_of(side: Orders) -> Ladder:
    """Part limits from market orders."""
    limits = [(price, quantity) for price, quantity in side if price is not None]
    market = sum(quantity for price, quantity in side if price is None)
    return Ladder([price for price, _ in limits], [quantity for _, quantity in limits], market)


@given(bids=WITH_MARKET, asks=WITH_MARKET, rule=st.sampled_from(VENUE_RULES), reference=REFERENCES)
@settings(max_examples=1_500)
def test_ladders_against_the_twin(bids: Orders, asks: Orders, rule: str, reference: int | None) -> None:
    """Price, volume and surplus are those of the twin that tries every limit, market orders with them."""
    twin = CallTwin(bids, asks)
    found = uncrossing(ladder_of(bids), ladder_of(asks), rule, reference)
    assert found.price == twin.price(rule, reference)
    if found.price is not None:
        assert (found.volume, found.surplus) == twin.row(found.price)[1:]


def cleared(books: list[tuple[Orders, Orders]], rule: str, reference: int | None) -> naryq.Clearing:
    """Clear books, each at a place of its own."""
    rows = [
        (f"P{place}", side, *order)
        for place, book in enumerate(books)
        for side, orders in zip(("buy", "sell"), book, strict=True)
        for order in orders
    ]
    names = ("place", "side", "price", "quantity")
    columns = {name: [row[column] for row in rows] for column, name in enumerate(names)}
    return naryq.clear({"order_id": list(range(len(rows)))} | columns, price_rule=rule, reference=reference)


@pytest.mark.parametrize("rule", VENUE_RULES)
@given(books=st.lists(st.tuples(WITH_MARKET, WITH_MARKET), min_size=1, max_size=3), reference=REFERENCES)
@settings(max_examples=250)
def test_a_venue_chooses_an_optimal_price(rule: str, books: list[tuple[Orders, Orders]], reference: int | None) -> None:
    """The price of the twin, which knows nothing of welfare, lies among the optimal prices, and `clear` finds it."""
    reference = None if rule == "last_accepted_sell" else reference
    result = cleared(books, rule, reference)
    for place, (bids, asks) in enumerate(books):
        name, price = f"P{place}", CallTwin(bids, asks).price(rule, reference)
        assert result.prices.get(name) == price
        if price is not None:
            why = result.why(name)
            assert why.uncrossing is not None
            assert why.uncrossing.volume == why.bought == why.sold
            if all(limit is not None for limit, _ in bids + asks):
                assert (why.lowest or 0) <= price <= (10 if why.highest is None else why.highest)
    assert result.check().is_optimal


class NoSurplus(CallTwin):
    """Forgets the surplus."""

    def least_surplus(self, rows: list[Row]) -> list[Row]:
        return rows


class NoPressure(CallTwin):
    """Goes straight to the reference price."""

    def by_pressure(self, rows: list[Row], rule: str, reference: int | None) -> int:
        return self.by_reference([row.limit for row in rows], rule, reference)


class LowerWhenEqual(CallTwin):
    """Takes the lower of two limits that are equally near, whatever the rule."""

    def by_reference(self, limits: list[int], rule: str, reference: int | None) -> int:  # noqa: ARG002 - the bug
        return min(limits) if reference is None else min(limits, key=lambda limit: (abs(limit - reference), limit))


class LiteralLastSell(CallTwin):
    """Takes the last accepted sell order even where a bid left short is better than it."""

    def best_short(self, bids: Orders, volume: int) -> int | None:  # noqa: ARG002 - the bug
        return None


@pytest.mark.parametrize("bug", [NoSurplus, NoPressure, LowerWhenEqual, LiteralLastSell])
def test_the_twin_sees_planted_bugs(bug: type[CallTwin]) -> None:
    """A rule without one of its steps differs on some of a few hundred books."""
    draw = random.Random(7)
    differing = 0
    for _ in range(400):
        bids: Orders = [(draw.randint(0, 7), draw.randint(1, 3)) for _ in range(draw.randint(1, 5))]
        asks: Orders = [(draw.randint(0, 7), draw.randint(1, 3)) for _ in range(draw.randint(1, 5))]
        for rule in VENUE_RULES:
            expected = uncrossing(ladder_of(bids), ladder_of(asks), rule, 4).price
            differing += bug(bids, asks).price(rule, 4) != expected
    assert differing > 3
