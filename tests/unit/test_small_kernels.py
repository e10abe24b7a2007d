"""Each kernel of small markets against its plain twin."""

from typing import Any

import numpy as np
import pytest
from tests import small_twins as twins

from naryq.market import small_kernels
from naryq.market.small_kernels import Book

SEEDS = range(150)
WHOLE = {"draw_each", "stand", "publish", "fill", "settle", "leave_empty", "settle_each"}
"""What is made of the others, and is compared with the ordinary way on whole markets."""


def draw(seed: int) -> Book:
    """Draw a market in which ties abound, and prices and flows that need not be optimal."""
    chance = np.random.default_rng(seed)
    places, rows, links = int(chance.integers(1, 6)), int(chance.integers(1, 25)), int(chance.integers(0, 12))
    links = links if places > 1 else 0
    source = chance.integers(0, places, links)
    offered = chance.integers(0, 3, (places, 2))
    capacity = chance.integers(0, 4, links)
    bounds = chance.integers(0, 6, (2, places))
    return Book(
        chance.integers(0, places, rows),
        chance.integers(0, 2, rows),
        chance.integers(0, 6, rows),
        chance.integers(1, 9, rows),
        chance.integers(-2, 3, rows),
        source,
        (source + chance.integers(1, max(2, places), links)) % places,
        capacity,
        chance.integers(0, 3, links),
        np.minimum(capacity, chance.integers(0, 4, links)),
        chance.integers(0, 6, places),
        chance.integers(0, 9, (places, 2)),
        offered,
        np.minimum(offered, chance.integers(0, 3, (places, 2))),
        bounds[0],
        bounds[1],
    )


def test_every_kernel_has_a_twin() -> None:
    """A kernel without a plain twin would stand unproven."""
    names = [name for name, value in vars(small_kernels).items() if hasattr(value, "py_func")]
    assert [name for name in names if name not in WHOLE and not hasattr(twins, name)] == []
    assert set(names) > WHOLE


@pytest.mark.parametrize("name", ["pays", "contested", "circles"])
def test_what_is_told_of_a_market(name: str) -> None:
    """Both answers come up, and each is that of the twin."""
    told = []
    for seed in SEEDS:
        book = draw(seed)
        told.append(bool(getattr(small_kernels, name)(book)))
        assert told[-1] == getattr(twins, name)(book), seed
    assert set(told) == {True, False}


@pytest.mark.parametrize("seed", range(20))
def test_numbers_are_looked_at_and_copied(seed: int) -> None:
    """The lowest and the highest of some numbers, or of none, are found, and a copy is the same numbers."""
    values = np.random.default_rng(seed).integers(-9, 9, seed)
    copies = np.zeros((2, seed), np.int64)
    lowest, highest = small_kernels.extremes(values)
    assert (int(lowest), int(highest)) == twins.extremes(values)
    small_kernels.copy(values, copies[0])
    twins.copy(values, copies[1])
    np.testing.assert_array_equal(*copies)


def test_curves() -> None:
    """The curve of each place is the sorted one of its orders, with one lot at each end."""
    for seed in SEEDS:
        book = draw(seed)
        places, rows = len(book.at), len(book.here)
        found, expected = (
            [np.empty(places + 1, np.int64), *np.empty((2, rows + 2 * places), np.int64)] for _ in range(2)
        )
        for drawing, curve in ((small_kernels.draw, found), (twins.draw, expected)):
            curve.append(np.empty(places, np.int64))
            drawing(book.here, book.side, book.price, book.quantity, *curve)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other, err_msg=str(seed))


@pytest.mark.parametrize("count", [0, 1, 2, 5, 40, 1_000])
def test_pairs_are_sorted(count: int) -> None:
    """Pairs come in the order that Python gives them."""
    chance = np.random.default_rng(count)
    pairs: Any = chance.integers(-5, 5, (2, count)), chance.integers(0, 9, (2, count))
    first, second = (np.ascontiguousarray(column[0]) for column in pairs)
    other_first, other_second = first.copy(), second.copy()
    small_kernels.sort_pairs(first, second)
    twins.sort_pairs(other_first, other_second)
    assert (first.tolist(), second.tolist()) == (other_first.tolist(), other_second.tolist())


def test_prices_follow_open_and_used_links() -> None:
    """From any prices and for flows that some prices support, bounds move along the links as the twin's do."""
    for seed in SEEDS:
        book = draw(seed)
        gap = book.at[book.target] - book.at[book.source] - book.tariff
        book = book._replace(flow=np.where(gap > 0, book.capacity, np.where(gap < 0, 0, book.flow)))
        for name in ("lower_all", "raise_all"):
            found, expected = book.least.copy(), book.least.copy()
            getattr(small_kernels, name)(book, found)
            getattr(twins, name)(book, expected)
            assert found.tolist() == expected.tolist(), seed


def test_margins_are_shared() -> None:
    """Members come by turn, and both rules share among them as the twins do."""
    for seed in SEEDS:
        book = draw(seed)
        for place in range(len(book.at)):
            for side in (0, 1):
                members = small_kernels.margin_of(book, place, side)
                assert members.tolist() == twins.margin_of(book, place, side)
                lots = int(book.quantity[members].sum())
                for name in ("fill_in_turn", "fill_pro_rata") if lots else ():
                    found, expected = np.zeros((2, len(book.here)), np.int64)
                    total = 1 + seed % lots
                    getattr(small_kernels, name)(book.quantity, members, total, found)
                    getattr(twins, name)(book.quantity, members, total, expected)
                    assert found.tolist() == expected.tolist()


def test_proof() -> None:
    """Values and balances are those of the twins, for fills and flows that need not fit together."""
    for seed in SEEDS:
        book = draw(seed)
        fills = np.minimum(book.quantity, np.random.default_rng(seed).integers(0, 9, len(book.here)))
        assert list(small_kernels.values(book, book.at, fills)) == list(twins.values(book, book.at, fills))
        assert small_kernels.balanced(book, fills) == twins.balanced(book, fills)
        nothing = book._replace(flow=np.zeros_like(book.flow))
        assert small_kernels.balanced(nothing, np.zeros_like(fills))
