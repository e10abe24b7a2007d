"""Serving margins in turn: each kernel against its twin, and the shares of large margins against a ladder climbed."""

from typing import Any

import numpy as np
import pytest
from tests import turn_twins as twins

from naryq.market import turn_kernels
from naryq.market.kernels import BUY, SELL, Graph, graph_of

SEEDS = range(60)


def draw(seed: int) -> tuple[Graph, tuple[int, int], int]:
    """Draw places, links, and margins of buyers and sellers, on which something trades already."""
    chance = np.random.default_rng(seed)
    places, links = int(chance.integers(2, 6)), int(chance.integers(0, 10))
    source = chance.integers(0, places, links)
    target = (source + chance.integers(1, places, links)) % places
    every, hub = np.arange(places), np.full(places, places)
    graph = graph_of(np.concatenate([source, every, hub]), np.concatenate([target, hub, every]), places + 1)
    graph.residual[::2] = chance.integers(0, 6, links + 2 * places)
    traded, wanted = np.zeros(places, np.int64), np.minimum(4, graph.residual[2 * links : 2 * (links + places) : 2])
    twins.serve(graph, links, BUY, every, wanted, traded)
    graph.residual[2 * links + 1 : 2 * (links + places) : 2] += traded
    return graph, (links, links + places), places


def copied(graph: Graph) -> Graph:
    return Graph(*(column.copy() for column in graph))


def is_sound(graph: Graph, offered: Any, firsts: tuple[int, int], held: Any) -> bool:
    """Tell whether a flow balances every place and keeps every capacity and whatever is held."""
    flow = graph.residual[1::2].copy()
    for side, first in enumerate(firsts):
        flow[first : first + held.shape[1]] += held[side]
    balance = np.zeros(held.shape[1] + 1, np.int64)
    np.subtract.at(balance, graph.tail, flow)
    np.add.at(balance, graph.head, flow)
    return bool(not balance.any() and (graph.residual >= 0).all() and (graph.residual[::2] + flow == offered).all())


def test_every_kernel_has_a_twin() -> None:
    """A kernel without a plain twin would stand unproven."""
    names = [name for name, value in vars(turn_kernels).items() if hasattr(value, "py_func")]
    assert names
    assert all(hasattr(twins, name) for name in names)


@pytest.mark.parametrize("seed", SEEDS)
def test_ways(seed: int) -> None:
    """A way is found where there is one, as short as the twin's, and carries as much; or it is told what is reached."""
    graph, _, hub = draw(seed)
    for to_hub in (0, 1):
        for place in range(hub):
            length = twins.way_to_hub(graph, place, hub, to_hub)
            found = turn_kernels.way_to_hub(graph, place, hub, to_hub)
            assert found == (length > 0)
            if not found:
                reached = [node for node in range(hub + 1) if graph.level[node] >= 0]
                assert reached == sorted(twins.ways_from(graph, place, to_hub))
                continue
            assert graph.level[hub] == length
            plain = copied(graph)
            before = graph.residual.copy()
            sent = turn_kernels.send_along(graph, place, hub, to_hub, 3)
            assert sent == twins.send_along(plain, taken(before, graph.residual), 3)
            np.testing.assert_array_equal(graph.residual, plain.residual)
            graph.residual[:] = before


def taken(before: Any, after: Any) -> list[int]:
    """List the arcs that took something."""
    arcs: list[int] = np.flatnonzero(after < before).tolist()
    return arcs


@pytest.mark.parametrize("seed", SEEDS)
def test_serving_in_turn(seed: int) -> None:
    """Every margin gets what it gets lot by lot, on both sides in turn, and nobody is stopped who could rise."""
    graph, firsts, hub = draw(seed)
    chance, plain = np.random.default_rng(seed + 1_000), copied(graph)
    offered = graph.residual[::2] + graph.residual[1::2]
    held, same = np.zeros((2, hub), np.int64), np.zeros((2, hub), np.int64)
    for side in (BUY, SELL):
        places = chance.integers(0, hub, 12)
        room = offered[firsts[side] : firsts[side] + hub].copy()
        lots = np.zeros_like(places)
        for turn, place in enumerate(places.tolist()):
            lots[turn] = chance.integers(0, room[place] + 1)
            room[place] -= lots[turn]
        stopped = np.zeros(hub, np.int64)
        turn_kernels.serve(graph, firsts[side], side, places, lots, held[side], stopped)
        twins.serve(plain, firsts[side], side, places, lots, same[side])
        np.testing.assert_array_equal(held, same)
        assert is_sound(graph, offered, firsts, held)
        for place in np.flatnonzero(stopped).tolist():
            assert twins.way_to_hub(graph, place, hub, side) == 0
            assert graph.residual[2 * (firsts[side] + place) + 1] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_circles(seed: int) -> None:
    """The same circles are taken out as by the twin, of the links that are named, and of no others."""
    chance = np.random.default_rng(seed)
    places, count = int(chance.integers(2, 7)), int(chance.integers(0, 25))
    source = chance.integers(0, places, count)
    target = (source + chance.integers(1, places, count)) % places
    flow, links = chance.integers(0, 5, count), np.flatnonzero(chance.integers(0, 4, count))
    mine, theirs = flow.copy(), flow.copy()
    turn_kernels.take_out_circles(source, target, links, places, mine)
    twins.take_out_circles(source, target, links, places, theirs)
    np.testing.assert_array_equal(mine, theirs)
    others = np.setdiff1d(np.arange(count), links)
    np.testing.assert_array_equal(mine[others], flow[others])


def test_a_flow_that_is_not_sound_is_seen() -> None:
    """A lot that comes from nowhere, or that is taken from somebody who holds it, does not pass."""
    graph, firsts, hub = draw(3)
    offered, held = graph.residual[::2] + graph.residual[1::2], np.zeros((2, hub), np.int64)
    assert is_sound(graph, offered, firsts, held)
    held[BUY, 0] += 1
    assert not is_sound(graph, offered, firsts, held)
