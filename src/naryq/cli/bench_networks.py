"""The work of `naryq bench networks`: many places, and minimum-cost flow instances with linear costs.

Two questions. What do ten times the places and thirty times the links cost a market of many orders? And how does a
clearing stand against OR-Tools' own solver on its own ground, instances of the kinds that flow codes are measured with?
"""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final, NamedTuple

import numpy as np

from naryq.cli.bench_clearing import Best, Figure, Say, best, timed
from naryq.cli.bench_peers import LINKS, PLACES, Arrays, Integers, draw, or_tools_flow
from naryq.datasets.dimacs import FlowMarket, Instance

RUNS: Final = 5
MANY_PLACES, MANY_LINKS = 200, 2_000
ARCS_A_NODE: Final = 6
HIGHEST_COST: Final = 10_000
HIGHEST_CAPACITY: Final = 1_000
SUPPLY_A_NODE: Final = 100
SEED: Final = 1974


class Kind(NamedTuple):
    """A kind of instance: its name, and how one of so many nodes is drawn."""

    name: str
    drawn: Callable[[int], Instance]


def random_network(nodes: int, share: int) -> Instance:
    """Draw a random connected network, of which one node in `share` is a source and as many are sinks.

    After NETGEN (D. Klingman, A. Napier, J. Stutz, Management Science 20, 1974): a dear skeleton through all nodes that
    can carry everything makes it feasible; the other arcs join random nodes, with random costs and capacities.
    """
    chance = np.random.default_rng(SEED + share)
    turn, ends = chance.permutation(nodes), nodes // share
    total = SUPPLY_A_NODE * nodes
    supply = np.zeros(nodes, np.int64)
    supply[turn[:ends]], supply[turn[ends : 2 * ends]] = _parts(chance, total, ends), -_parts(chance, total, ends)
    others = (ARCS_A_NODE - 1) * nodes
    begin = chance.integers(0, nodes, others)
    end = (begin + chance.integers(1, nodes, others)) % nodes
    return _instance(
        "random network",
        supply,
        np.concatenate([turn, begin]),
        np.concatenate([np.roll(turn, -1), end]),
        np.concatenate([np.full(nodes, total), chance.integers(1, HIGHEST_CAPACITY + 1, others)]),
        np.concatenate([np.full(nodes, HIGHEST_COST), chance.integers(0, HIGHEST_COST + 1, others)]),
    )


def grid_network(nodes: int) -> Instance:
    """Draw a grid, twice as wide as high, with arcs to each of four neighbours that carry any supply, and more beside.

    After the grids of the first DIMACS challenge (1991): one node in ten is a source and as many are sinks.
    """
    chance = np.random.default_rng(SEED)
    high = max(2, round((nodes / 2) ** 0.5))
    number = np.arange(high * (nodes // high)).reshape(high, -1)
    pairs = ((number[:, :-1], number[:, 1:]), (number[:-1], number[1:]))
    ways = [way for one, other in pairs for way in ((one.ravel(), other.ravel()), (other.ravel(), one.ravel()))]
    begin, end = (np.concatenate([way[side] for way in ways]) for side in (0, 1))
    more = chance.integers(0, begin.size, ARCS_A_NODE * number.size - begin.size)
    sources, sinks = np.split(chance.permutation(number.size)[: number.size // 10 * 2], 2)
    lots = chance.integers(1, 10 * SUPPLY_A_NODE, sources.size)
    supply = np.zeros(number.size, np.int64)
    supply[sources], supply[sinks] = lots, -chance.permutation(lots)
    return _instance(
        "grid",
        supply,
        np.concatenate([begin, begin[more]]),
        np.concatenate([end, end[more]]),
        np.concatenate([np.full(begin.size, lots.sum()), chance.integers(1, HIGHEST_CAPACITY + 1, more.size)]),
        chance.integers(0, HIGHEST_COST + 1, begin.size + more.size),
    )


def _parts(chance: np.random.Generator, total: int, count: int) -> Integers:
    cuts = np.sort(chance.choice(np.arange(1, total), count - 1, replace=False))
    return np.diff(np.concatenate([[0], cuts, [total]]))


def _instance(  # noqa: PLR0917 - the columns of an instance, in its order
    name: str, supply: Integers, begin: Integers, end: Integers, capacity: Integers, cost: Integers
) -> Instance:
    return Instance(name, supply, begin + 1, end + 1, np.zeros_like(cost), capacity, cost)


KINDS: Final = (
    Kind("random network, many sources", lambda nodes: random_network(nodes, 3)),
    Kind("random network", lambda nodes: random_network(nodes, 10)),
    Kind("random network, few sources", lambda nodes: random_network(nodes, 100)),
    Kind("grid", grid_network),
)


def run(orders: int, nodes: int, say: Say) -> list[Figure]:
    """Measure everything, and say what is being measured."""
    return [
        *_many_places(orders, say),
        *(figure for number in range(len(KINDS)) for figure in _flows(number, nodes, say)),
    ]


def _many_places(orders: int, say: Say) -> list[Figure]:
    figures: list[Figure] = []
    few: tuple[Best, Best] | None = None
    for places, links in ((PLACES, LINKS), (MANY_PLACES, MANY_LINKS)):
        say(f"{orders} orders at {places} places, {links} links")
        whole, core = timed(draw(orders, places, links))
        few = few or (whole, core)
        figures += [
            Figure(orders, f"naryq.clear, {places} places", whole.seconds, welfare=whole.answer.welfare),
            Figure(orders, f"naryq, kernel, {places} places", core.seconds, welfare=core.answer),
        ]
    assert few is not None
    figures[2] = figures[2]._replace(ratio=f"{whole.seconds / few[0].seconds:.2f}x", target="at most 5x")
    figures[3] = figures[3]._replace(ratio=f"{core.seconds / few[1].seconds:.2f}x")
    return figures


def _flows(number: int, nodes: int, say: Say) -> list[Figure]:
    name, drawn = KINDS[number]
    say(f"{name}: {nodes} nodes, {ARCS_A_NODE * nodes} arcs")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        peer, least_cost = apart.submit(_peer, number, nodes).result()
    market = drawn(nodes).as_market()
    whole, core = timed(_arrays(market))
    solution = market.solution(whole.answer)
    assert solution.cost == least_cost, f"OR-Tools finds {least_cost}, naryq {solution.cost}"
    orders, welfare = len(market.orders["order_id"]), whole.answer.welfare
    return [
        Figure(orders, f"OR-Tools, {name}", peer),
        Figure(orders, "naryq.clear, whole call", whole.seconds, f"{whole.seconds / peer:.2f}x", "at most 3x", welfare),
        Figure(orders, "naryq, kernel", core.seconds, f"{core.seconds / peer:.2f}x", welfare=core.answer),
    ]


def _peer(number: int, nodes: int) -> tuple[float, int]:
    """Solve an instance several times with OR-Tools; only its number travels to the process where that happens."""
    instance = KINDS[number].drawn(nodes)
    found = best(lambda: or_tools_flow(instance), RUNS)
    return found.seconds, found.answer


def _arrays(market: FlowMarket) -> Arrays:
    orders, links = market.orders, market.links
    return Arrays(
        places=market.instance.supply.size,
        place=(orders["order_id"] - 1).astype(np.int16),
        side=np.array([side == "sell" for side in orders["side"]], np.int8),
        price=orders["price"],
        quantity=orders["quantity"],
        source=np.array(links["source"], np.int64) - 1,
        target=np.array(links["target"], np.int64) - 1,
        capacity=links["capacity"],
        tariff=links["tariff"],
    )
