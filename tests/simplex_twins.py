"""Plain twins of the simplex kernels: each is written from its meaning, with nothing kept that can be computed anew."""

from typing import Any

import numpy as np

from naryq.market.simplex_kernels import Basis, Network

Array = Any
Whole = Any
"""A whole number, of Python or of NumPy."""


def children(basis: Basis, node: Whole) -> list[int]:
    """List the children of a node in the order of the kernels' lists, and check the lists on the way."""
    found: list[int] = []
    before, here = -1, int(basis.child[node])
    while here >= 0:
        assert basis.before[here] == before, "the list of brothers runs both ways"
        assert basis.parent[here] == node, "a child knows its parent"
        found.append(here)
        before, here = here, int(basis.after[here])
    return found


def path(basis: Basis, node: Whole) -> list[int]:
    """List a node and all above it up to the hub."""
    found = [int(node)]
    while basis.parent[found[-1]] >= 0:
        found.append(int(basis.parent[found[-1]]))
    return found


def hang(basis: Basis, node: Whole, parent: Whole, arc: Whole, up: Whole, down: Whole) -> None:  # noqa: PLR0917
    _list_children(basis, parent, [node, *children(basis, parent)], parent)
    basis.arc[node], basis.up[node], basis.down[node] = arc, up, down


def take_off(basis: Basis, node: Whole) -> None:
    parent = int(basis.parent[node])
    _list_children(basis, parent, [each for each in children(basis, parent) if each != node], parent)


def _list_children(basis: Basis, node: Whole, listed: list[int], parent: Whole) -> None:
    around = [-1, *listed, -1]
    basis.child[node] = around[1]
    for before, here, after in zip(around, listed, around[2:], strict=False):
        basis.before[here], basis.after[here], basis.parent[here] = before, after, parent


def lone_places(network: Network, taken: Array) -> Basis:
    places, links = len(taken), len(network.source)
    numbers, nodes = np.zeros((3, places + 1), np.int64), np.full((6, places + 1), -1, np.int32)
    basis = Basis(np.minimum(network.capacity, 1), np.zeros(places, np.int64), *numbers, *nodes)
    basis.depth[:] = [1] * places + [0]
    for place, lots in enumerate(taken.tolist()):
        sums = np.cumsum(network.lots[network.start[place] : network.start[place + 1]])
        step = int(np.searchsorted(sums, lots))
        basis.step[place] = network.start[place] + step
        basis.price[place] = network.limit[basis.step[place]]
        used = lots - int(sums[step - 1] if step else 0)
        hang(basis, place, places, links + place, used, int(sums[step]) - lots)
    return basis


def gain_of(network: Network, basis: Basis, arc: Whole) -> Whole:
    """Return what one lot more on an arc gains (above zero), or one less (below zero); 0 where neither may be."""
    links = len(network.source)
    if arc < links:
        ends = int(network.source[arc]), int(network.target[arc])
        gain = int(basis.price[ends[1]] - basis.price[ends[0]] - network.tariff[arc])
        return gain if gain * int(basis.way[arc]) > 0 else 0
    place = arc - links
    steps = range(network.start[place], network.start[place + 1])
    gains = [int(basis.price[place] - network.limit[step]) for step in steps]
    here = int(basis.step[place]) - steps.start
    more, less = max([0, *gains[here:][:1]]), min([0, *gains[:here][-1:]])
    return more or less


def best_link(network: Network, basis: Basis, first: Whole, last: Whole) -> tuple[Whole, Whole]:
    gains = [gain_of(network, basis, arc) for arc in range(first, last)]
    most = max(map(abs, gains), default=0)
    best = next((number for number, gain in enumerate(gains) if gain and abs(gain) == most), None)
    return (-1, 0) if best is None else (first + best, gains[best])


def best_curve(network: Network, basis: Basis, first: Whole, last: Whole) -> tuple[Whole, Whole]:
    links = len(network.source)
    best, gain = best_link(network, basis, links + first, links + last)
    return (best - links if best >= 0 else -1), gain


def best_of_block(network: Network, basis: Basis, first: Whole, block: Whole) -> tuple[Whole, Whole, Whole]:
    links, arcs = len(network.source), len(network.source) + len(basis.step)
    turn: list[tuple[int, int]] = []
    here = first
    while not turn or here != first:
        end = links if here < links else arcs
        last = min(here + block, end)
        turn.append((here, last))
        here = last % arcs
        if len(turn) > arcs:
            break
    for begin, last in turn:
        best, gain = best_link(network, basis, begin, last)
        if best >= 0:
            return best, gain, last % arcs
    return -1, 0, -1


def room_of(network: Network, basis: Basis, arc: Whole, gain: Whole) -> Whole:
    links = len(network.source)
    if arc < links:
        return int(network.capacity[arc])
    place, here = arc - links, int(basis.step[arc - links])
    price = int(basis.price[place])
    steps = range(here, network.start[place + 1]) if gain > 0 else range(network.start[place], here)
    gaining = [step for step in steps if (price - int(network.limit[step])) * gain > 0]
    return sum(int(network.lots[step]) for step in gaining)


def use(network: Network, basis: Basis, place: Whole, lots: Whole) -> Whole:
    first, last = int(network.start[place]), int(network.start[place + 1])
    used = lots + sum(network.lots[first : int(basis.step[place])].tolist())
    step = first
    while step < last - 1 and used > network.lots[step]:
        used -= int(network.lots[step])
        step += 1
    basis.step[place] = step
    return used


def turn_over(basis: Basis, node: Whole, top: Whole, parent: Whole, arc: Whole, up: Whole, down: Whole) -> None:  # noqa: PLR0917
    stem = path(basis, node)
    stem = stem[: stem.index(top) + 1]
    held = [(int(basis.arc[each]), int(basis.up[each]), int(basis.down[each])) for each in stem]
    for each in reversed(stem):
        take_off(basis, each)
    for above, each, (own, own_up, own_down) in zip([parent, *stem], stem, [(arc, down, up), *held], strict=False):
        hang(basis, each, above, own, own_down, own_up)


def reprice(basis: Basis, top: Whole, change: Whole) -> None:
    ways = [path(basis, node) for node in range(len(basis.price))]
    for node, way in enumerate(ways):
        basis.depth[node] = len(way) - 1
        basis.price[node] += change if top in way else 0


def blocking(basis: Basis, begin: Whole, end: Whole, room: Whole) -> tuple[Whole, Whole, Whole, bool]:
    one, other = path(basis, begin), path(basis, end)
    join = next(node for node in one if node in other)
    down, up = one[: one.index(join)], other[: other.index(join)]
    circle = [(int(basis.down[node]), node, True) for node in reversed(down)]
    circle += [(room, -1, False)] + [(int(basis.up[node]), node, False) for node in up]
    least = min(lots for lots, _, _ in circle)
    last = [each for each in circle if each[0] == least][-1]
    return last[0], last[1], join, last[2]


def send(basis: Basis, begin: Whole, end: Whole, join: Whole, lots: Whole) -> None:
    for start, way in ((begin, -lots), (end, lots)):
        nodes = path(basis, start)
        for node in nodes[: nodes.index(join)]:
            basis.up[node] -= way
            basis.down[node] += way


def enter(network: Network, basis: Basis, arc: Whole, lots: Whole) -> tuple[Whole, Whole, Whole]:
    links = len(network.source)
    if arc >= links:
        used = use(network, basis, arc - links, lots)
        step = basis.step[arc - links]
        return int(network.lots[step]) - used, used, int(network.limit[step])
    capacity = int(network.capacity[arc])
    used = {1: 0, -1: capacity}[int(basis.way[arc])] + lots
    basis.way[arc] = 0
    return capacity - used, used, int(network.tariff[arc])


def leave(network: Network, basis: Basis, arc: Whole, more: Whole) -> None:
    links = len(network.source)
    if arc >= links:
        basis.step[arc - links] += 0 if more else 1
    else:
        basis.way[arc] = 0 if not network.capacity[arc] else 1 if more else -1


def pivot(network: Network, basis: Basis, entering: Whole, gain: Whole) -> None:
    """Push, then cut and hang, then set every price from the tree as it is then."""
    links, hub = len(network.source), len(basis.step)
    ends = (hub, entering - links) if entering >= links else (network.source[entering], network.target[entering])
    begin, end = (int(node) for node in (ends if gain > 0 else ends[::-1]))
    lots, top, join, going_down = blocking(basis, begin, end, room_of(network, basis, entering, gain))
    send(basis, begin, end, join, lots)
    more, less, _ = enter(network, basis, entering, lots if gain > 0 else -lots)
    if top < 0:
        leave(network, basis, entering, more)
        return
    leaving = int(basis.arc[top])
    brings = leaving >= links or network.target[leaving] == top
    leave(network, basis, leaving, int((basis.down if brings else basis.up)[top]))
    on, back = (more, less) if gain > 0 else (less, more)
    if going_down:
        turn_over(basis, begin, top, end, entering, on, back)
    else:
        turn_over(basis, end, top, begin, entering, back, on)
    reprice(basis, hub, 0)
    price_the_tree(network, basis)


def price_the_tree(network: Network, basis: Basis) -> None:
    """Set every price so that no arc of the tree gains, from the hub's zero down."""
    links = len(network.source)
    for node in sorted(range(len(basis.step)), key=lambda each: int(basis.depth[each])):
        arc, above = int(basis.arc[node]), basis.price[basis.parent[node]]
        if arc >= links:
            basis.price[node] = network.limit[basis.step[node]]
        else:
            tariff = network.tariff[arc]
            basis.price[node] = above + (tariff if network.target[arc] == node else -tariff)


def stand_by_row(  # noqa: PLR0917 - as the kernel
    place: Array,
    side: Array,
    price: Array,
    quantity: Array,
    place_of: Array,
    side_of: Array,
    at: Array,
    lots: Array,
    below: Array,
    above: Array,
) -> None:
    for code, way, limit, amount in zip(place, side, price.tolist(), quantity, strict=True):
        if not amount:
            continue
        here, own = place_of[code], side_of[way]
        better = (limit > at[here]) if own == 0 else (limit < at[here])
        lots[here, own, 1 if limit == at[here] else 2 if better else 0] += amount
        below[here] = max([below[here], *([limit] if limit < at[here] else [])])
        above[here] = min([above[here], *([limit] if limit > at[here] else [])])


def flows(network: Network, basis: Basis) -> Any:
    """Read the flow of every link from the basis."""
    flow = np.where(basis.way < 0, network.capacity, 0)
    for node, arc in enumerate(basis.arc[:-1].tolist()):
        if arc < flow.size:
            flow[arc] = basis.down[node] if network.source[arc] == node else basis.up[node]
    return flow


def brought(network: Network, basis: Basis) -> list[int]:
    """Read from the basis what each curve brings."""
    links, sums = len(network.source), np.array([0, *np.cumsum(network.lots)])
    in_tree = basis.arc[:-1] == links + np.arange(len(basis.step))
    used = np.where(in_tree, basis.up[:-1], 0)
    found: list[int] = (sums[basis.step] - sums[network.start[:-1]] + used).tolist()
    return found


def trade_of(network: Network, basis: Basis, used: Array, flow: Array) -> None:
    used[:], flow[:] = brought(network, basis), flows(network, basis)
