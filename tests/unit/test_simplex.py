"""The network simplex: each kernel against its twin, the tree's invariants, and both solvers on the same markets."""

import copy
from typing import Any

import numpy as np
import pytest
from tests import simplex_twins as twins
from tests.market_oracles import SHAPES, random_market
from tests.place_oracles import random_case

import naryq
from naryq.market import auction, simplex_kernels
from naryq.market.passes import Market
from naryq.market.simplex_kernels import Basis, Network

SEEDS = range(60)
RULES = {"lowest": "pro_rata", "middle": "time", "highest": "time"}


def draw(seed: int) -> tuple[Network, Any]:
    """Draw a small network in which ties, empty links and links without capacity abound."""
    chance = np.random.default_rng(seed)
    places, links = int(chance.integers(1, 8)), int(chance.integers(0, 20))
    top = int(chance.choice([2, 6, 50]))
    curves = [np.unique(chance.integers(1, top, int(chance.integers(0, 6)))) for _ in range(places)]
    curves = [np.array([0, *curve, top]) for curve in curves]
    limit = np.concatenate(curves)
    lots = chance.integers(1, int(chance.choice([2, 9])), limit.size)
    start = np.array([0, *np.cumsum([curve.size for curve in curves])])
    source = chance.integers(0, places, links) if places > 1 else np.zeros(0, np.int64)
    target = (source + chance.integers(1, max(places, 2), source.size)) % places
    capacity, tariff = chance.integers(0, 7, source.size), chance.integers(0, 4, source.size)
    whole = np.add.reduceat(lots, start[:-1])
    taken = 1 + chance.integers(0, whole)
    return Network(source, target, capacity, tariff, start, limit, lots), np.minimum(taken, whole)


def equal(one: Basis, other: Basis) -> None:
    """Compare two bases in all but the order of brothers, which means nothing."""
    kept = ("way", "step", "price", "up", "down", "parent", "arc", "depth")
    hub = len(one.step)
    for name in kept:
        last = None if name in {"way", "step", "depth"} else hub
        np.testing.assert_array_equal(getattr(one, name)[:last], getattr(other, name)[:last], err_msg=name)
    for node in range(hub + 1):
        assert sorted(twins.children(one, node)) == sorted(twins.children(other, node))


def sound(network: Network, basis: Basis, taken: Any) -> None:
    """Check what must hold of a basis at any time."""
    left = np.array(twins.brought(network, basis)) - taken
    flow = twins.flows(network, basis)
    assert (flow >= 0).all()
    assert (flow <= network.capacity).all()
    np.subtract.at(left, network.source, flow)
    np.add.at(left, network.target, flow)
    assert not left.any(), "every place is in balance"
    assert (basis.up[:-1] > 0).all(), "from every place one lot can go on to the hub"
    assert (basis.down[:-1] >= 0).all()
    priced = copy.deepcopy(basis)
    twins.price_the_tree(network, priced)
    np.testing.assert_array_equal(priced.price, basis.price)


def kernel_names() -> list[str]:
    return [name for name, value in vars(simplex_kernels).items() if hasattr(value, "py_func")]


def test_every_kernel_has_a_twin() -> None:
    """A kernel without a plain twin would stand unproven."""
    assert kernel_names()
    whole = {"best_basis", "best_prices", "best_trades"}  # These are compared with other solvers of whole markets.
    assert [name for name in kernel_names() if name not in whole and not hasattr(twins, name)] == []


@pytest.mark.parametrize("seed", SEEDS)
def test_every_pivot_is_that_of_the_twins(seed: int) -> None:
    """From the lone places to the optimum each search and each pivot is that of the twins, and the tree stays sound."""
    network, taken = draw(seed)
    basis = simplex_kernels.lone_places(network, taken)
    equal(basis, twins.lone_places(network, taken))
    block, pivots = 1 + seed % 5, 0
    first: Any = 0
    while True:
        sound(network, basis, taken)
        for arc in range(len(network.source)):
            assert simplex_kernels.best_link(network, basis, arc, len(network.source)) == twins.best_link(
                network, basis, arc, len(network.source)
            )
        places = len(taken)
        assert simplex_kernels.best_curve(network, basis, 0, places) == twins.best_curve(network, basis, 0, places)
        found = simplex_kernels.best_of_block(network, basis, first, block)
        expected = twins.best_of_block(network, basis, first, block)
        assert tuple(found[:2]) == expected[:2]
        arc, gain, first = (int(each) for each in found)
        if arc < 0:
            traded: Any = [(np.empty(len(taken), np.int64), np.empty(len(network.source), np.int64)) for _ in range(2)]
            simplex_kernels.trade_of(network, basis, *traded[0])
            twins.trade_of(network, basis, *traded[1])
            for one, other in zip(*traded, strict=True):
                np.testing.assert_array_equal(one, other)
            return
        assert first == expected[2]
        assert simplex_kernels.room_of(network, basis, arc, gain) == twins.room_of(network, basis, arc, gain)
        plain = copy.deepcopy(basis)
        simplex_kernels.pivot(network, basis, arc, gain)
        twins.pivot(network, plain, arc, gain)
        equal(basis, plain)
        pivots += 1
        assert pivots < 1_000


@pytest.mark.parametrize("seed", SEEDS)
def test_the_parts_of_a_pivot(seed: int) -> None:
    """What a pivot is made of does the same as the twins on a tree that has seen some pivots."""
    network, taken = draw(seed)
    basis = simplex_kernels.lone_places(network, taken)
    first: Any = 0
    for _ in range(seed % 7):
        arc, gain, first = simplex_kernels.best_of_block(network, basis, first, 3)
        if arc >= 0:
            simplex_kernels.pivot(network, basis, arc, gain)
    chance = np.random.default_rng(seed)
    begin, end, node = (int(each) for each in chance.integers(0, len(taken), 3))
    room = int(chance.integers(1, 5))
    found = simplex_kernels.blocking(basis, begin, end, room)
    assert found == twins.blocking(basis, begin, end, room)
    for kernel, twin, given in (
        (simplex_kernels.send, twins.send, (begin, end, found[2], found[0])),
        (simplex_kernels.reprice, twins.reprice, (node, 3)),
        (simplex_kernels.turn_over, twins.turn_over, (node, twins.path(basis, node)[-2], len(taken), 0, 2, 1)),
        (simplex_kernels.take_off, twins.take_off, (node,)),
        (simplex_kernels.hang, twins.hang, (node, len(taken), len(network.source) + node, 2, 1)),
    ):
        plain = copy.deepcopy(basis)
        kernel(basis, *given)
        twin(plain, *given)
        for one, other in zip(basis, plain, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", SEEDS)
def test_arcs_enter_and_leave(seed: int) -> None:
    """Links and curves take lots on, give them back and leave the tree as those of the twins do."""
    network, taken = draw(seed)
    basis = simplex_kernels.lone_places(network, taken)
    links, chance = len(network.source), np.random.default_rng(seed)
    outside = [place for place in range(len(taken)) if taken[place] != network.lots[network.start[place]]]
    for place in outside:
        basis.up[place] = 0
        lots = int(chance.integers(-2, 3))
        if (
            0
            < lots + twins.brought(network, basis)[place]
            <= network.lots[network.start[place] : network.start[place + 1]].sum()
        ):
            both(simplex_kernels.enter, twins.enter, network, basis, (links + place, lots))
        both(simplex_kernels.leave, twins.leave, network, basis, (links + place, int(chance.integers(0, 2))))
    for link in np.flatnonzero(network.capacity).tolist():
        both(
            simplex_kernels.enter, twins.enter, network, basis, (link, int(chance.integers(0, network.capacity[link])))
        )
        both(simplex_kernels.leave, twins.leave, network, basis, (link, int(chance.integers(0, 2))))


def both(kernel: Any, twin: Any, network: Network, basis: Basis, given: tuple[int, ...]) -> None:
    plain = copy.deepcopy(basis)
    assert kernel(network, basis, *given) == twin(network, plain, *given)
    for one, other in zip(basis, plain, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", SEEDS)
def test_standing_by_row(seed: int) -> None:
    """What is outside, at and inside the price of each place is summed as the twin sums it."""
    chance = np.random.default_rng(seed)
    count = int(chance.integers(0, 40))
    columns: Any = (
        chance.integers(0, 5, count).astype((np.uint8, np.int32)[seed % 2]),
        chance.integers(0, 2, count).astype(np.uint8),
        chance.integers(0, 9, count),
        chance.integers(0, 9, count),
    )
    maps: Any = chance.integers(0, 4, 5), np.array([1, 0]), chance.integers(0, 9, 4)
    left: Any = [(np.zeros((4, 2, 3), np.int64), np.full(4, -1), np.full(4, 10)) for _ in range(2)]
    simplex_kernels.stand_by_row(*columns, *maps, *left[0])
    twins.stand_by_row(*columns, *maps, *left[1])
    for one, other in zip(*left, strict=True):
        np.testing.assert_array_equal(one, other)


def cleared_by(solver: str, market: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, naryq.Clearing]:
    """Clear a market by one of the two solvers, under every price rule."""
    orders, links, *rest = market
    monkeypatch.setattr(auction, "is_small", lambda *_: False)
    monkeypatch.setattr(auction, "is_for_simplex", lambda *_: solver == "simplex")
    places = dict(zip(("places",), rest, strict=False))
    return {rule: naryq.clear(orders, links, price_rule=rule, tie=tie, **places) for rule, tie in RULES.items()}


@pytest.mark.parametrize("shape", SHAPES)
def test_both_solvers_find_the_same_prices(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest, the middle and the highest prices are unique, so descent and simplex must publish the same."""
    for seed in range(25):
        for market in (random_market(seed, shape), random_case(seed, shape)):
            one, other = (cleared_by(solver, market, monkeypatch) for solver in ("simplex", "descent"))
            for rule in RULES:
                assert one[rule].check() == other[rule].check()
                assert one[rule].prices == other[rule].prices


@pytest.mark.parametrize(("places", "orders"), [(1, 1_800), (20, 7_500), (200, 61_500)])
def test_the_sizes_choose_the_solver(places: int, orders: int) -> None:
    """Up to 300 orders a place and 1,500 more the simplex is chosen, and the descent from there on."""
    market = drawn_market(places, orders)
    assert auction.is_for_simplex(market, 0, 10**12)
    assert not auction.is_for_simplex(drawn_market(places, orders + 1), 0, 10**12)
    assert not auction.is_for_simplex(market, 0, 2**61 // places)


def drawn_market(places: int, orders: int) -> Market:
    """Make a market of which only the sizes mean anything."""
    zeros, none = np.zeros(orders, np.int64), np.zeros(0, np.int64)
    return Market(places, zeros, zeros, none, none, zeros, zeros, none, none, none, none)  # type: ignore[arg-type]


def test_a_wrong_price_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A simplex that stops a pivot early leaves prices that are not optimal, and no answer comes of them."""

    def stops_early(network: Network, taken: Any, prices: Any) -> None:
        prices[:] = simplex_kernels.lone_places(network, taken).price[:-1]

    monkeypatch.setattr(auction, "is_small", lambda *_: False)
    monkeypatch.setattr(auction, "is_for_simplex", lambda *_: True)
    monkeypatch.setattr(simplex_kernels, "best_prices", stops_early)
    caught = 0
    for seed in range(40):
        try:
            caught += not naryq.clear(*random_market(seed)).certificate.is_optimal
        except AssertionError:
            caught += 1
    assert caught > 10
