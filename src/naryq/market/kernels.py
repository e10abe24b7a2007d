"""The compiled kernels of price formation: int64 in, int64 out, no clock, no randomness, no floating point.

A kernel and everything it calls stand in this one file, and constants come in as arguments: Numba's cache does not
notice a change in another file. Each kernel releases the interpreter's lock, so plain threads may run one over
separate rows with separate tables; integer sums make the result independent of how the rows were parted.
A twin of each kernel in plain Python stands in the tests and is compared with it.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

Function = TypeVar("Function", bound=Callable[..., Any])
Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8] | npt.NDArray[np.int32]

BUY = 0
SELL = 1
OUTSIDE, MARGINAL, INSIDE = 0, 1, 2
"""Where an order stands against the price of its place: worse, exactly at it, or better."""
UNDECIDED = -1
"""The provisional fill of an order at the margin, until the flow says how much of the margin trades."""


def compiled(function: Function) -> Function:
    """Compile to machine code and keep it on disk; without a writable folder, compile for this process only."""
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError as problem:  # Numba found neither a writable source folder nor a home for its cache.
        if "no locator available" not in str(problem):
            raise
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]


# --- Passes over the orders ---------------------------------------------------------------------------------------


@compiled
def survey(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    totals: Integers,
    extremes: Integers,
) -> None:
    """Sum the quantities by place and side, and widen `extremes`: lowest and highest price, then quantity."""
    lowest_price, highest_price, lowest_quantity, highest_quantity = extremes
    for row in range(price.shape[0]):
        totals[place_of[place[row]], side_of[side[row]]] += quantity[row]
        lowest_price = min(lowest_price, price[row])
        highest_price = max(highest_price, price[row])
        lowest_quantity = min(lowest_quantity, quantity[row])
        highest_quantity = max(highest_quantity, quantity[row])
    extremes[:] = (lowest_price, highest_price, lowest_quantity, highest_quantity)


@compiled
def histogram(
    place: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    low: Integers,
    shift: int,
    table: Integers,
) -> None:
    """Add each quantity to the bucket of its price in the window of its place.

    Bucket 1 starts at `low[place]`, each is `2**shift` wide; bucket 0 and the last one take what lies outside.
    """
    last = table.shape[1] - 1
    for row in range(price.shape[0]):
        here = place_of[place[row]]
        bucket = ((price[row] - low[here]) >> shift) + 1
        table[here, min(max(bucket, 0), last)] += quantity[row]


@compiled
def classify(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    at: Integers,
    totals: Integers,
    fills: Integers,
) -> tuple[int, int]:
    """Fill the orders inside the price of their place, mark those at it, and sum quantities by standing.

    Returns the surplus of the orders inside, and how many orders are at the margin.
    """
    surplus = 0
    undecided = 0
    for row in range(price.shape[0]):
        here = place_of[place[row]]
        way = side_of[side[row]]
        gain = price[row] - at[here]
        if way == 1:
            gain = -gain
        lots = quantity[row]
        standing = np.int64(gain > 0) + np.int64(gain >= 0)
        totals[2 * here + way, standing] += lots
        inside = np.int64(gain > 0)
        margin = np.int64(gain == 0)
        surplus += inside * gain * lots
        undecided += margin
        fills[row] = inside * lots - margin
    return surplus, undecided


@compiled
def neighbours(place: Codes, price: Integers, place_of: Integers, at: Integers, below: Integers, above: Integers) -> None:
    """Find the nearest order price strictly below and strictly above the price of each place."""
    for row in range(price.shape[0]):
        here = place_of[place[row]]
        if price[row] < at[here]:
            below[here] = max(below[here], price[row])
        elif price[row] > at[here]:
            above[here] = min(above[here], price[row])


@compiled
def undecided_rows(fills: Integers, rows: Integers) -> None:
    """Write the numbers of the rows that are still undecided, in order."""
    found = 0
    for row in range(fills.shape[0]):
        if fills[row] < 0:
            rows[found] = row
            found += 1


@compiled
def first_not_increasing(values: Integers) -> int:
    """Return the first row that is not above the one before it, or -1 when all are."""
    for row in range(1, values.shape[0]):
        if values[row] <= values[row - 1]:
            return row
    return -1


@compiled
def first_repeat(values: Integers, lowest: int, seen: npt.NDArray[np.uint8]) -> int:
    """Return the first row whose value stood in a row before it, or -1; `seen` is a zeroed map of bits."""
    for row in range(values.shape[0]):
        offset = values[row] - lowest
        bit = np.uint8(1 << (offset & 7))
        if seen[offset >> 3] & bit:
            return row
        seen[offset >> 3] |= bit
    return -1


# --- Maximum flow on a small graph --------------------------------------------------------------------------------


@compiled
def adjacency(tail: Integers, head: Integers, count: int) -> tuple[Integers, Integers]:
    """List the arcs that leave each node; arc 2i runs from tail[i] to head[i] and arc 2i+1 runs back.

    Returns where each node's list starts (one entry more than nodes) and the lists themselves.
    """
    start = np.zeros(count + 1, np.int64)
    for edge in range(tail.shape[0]):
        start[tail[edge] + 1] += 1
        start[head[edge] + 1] += 1
    for node in range(count):
        start[node + 1] += start[node]
    position = start[:-1].copy()
    arcs = np.empty(2 * tail.shape[0], np.int64)
    for edge in range(tail.shape[0]):
        arcs[position[tail[edge]]] = 2 * edge
        position[tail[edge]] += 1
        arcs[position[head[edge]]] = 2 * edge + 1
        position[head[edge]] += 1
    return start, arcs


@compiled
def end_of(arc: int, tail: Integers, head: Integers) -> int:
    """Return the node at which an arc ends."""
    return tail[arc >> 1] if arc & 1 else head[arc >> 1]


@compiled
def layers(
    source: int,
    tail: Integers,
    head: Integers,
    start: Integers,
    arcs: Integers,
    residual: Integers,
    level: Integers,
    queue: Integers,
) -> None:
    """Number the nodes by their distance from the source over arcs with residual capacity; -1 is out of reach."""
    level[:] = -1
    level[source] = 0
    queue[0] = source
    first, last = 0, 1
    while first < last:
        node = queue[first]
        first += 1
        for index in range(start[node], start[node + 1]):
            other = end_of(arcs[index], tail, head)
            if residual[arcs[index]] > 0 and level[other] < 0:
                level[other] = level[node] + 1
                queue[last] = other
                last += 1


@compiled
def augment(
    source: int,
    sink: int,
    tail: Integers,
    head: Integers,
    start: Integers,
    arcs: Integers,
    residual: Integers,
    level: Integers,
    current: Integers,
    path: Integers,
) -> int:
    """Send flow along one shortest path and return how much, or 0 when the layers are blocked."""
    depth = 0
    node = source
    while node != sink:
        advanced = False
        while current[node] < start[node + 1]:
            arc = arcs[current[node]]
            other = end_of(arc, tail, head)
            if residual[arc] > 0 and level[other] == level[node] + 1:
                path[depth] = arc
                depth += 1
                node = other
                advanced = True
                break
            current[node] += 1
        if not advanced:
            if depth == 0:
                return 0
            depth -= 1
            node = end_of(path[depth] ^ 1, tail, head)
            current[node] += 1
    amount = residual[path[0]]
    for index in range(1, depth):
        amount = min(amount, residual[path[index]])
    for index in range(depth):
        residual[path[index]] -= amount
        residual[path[index] ^ 1] += amount
    return amount


@compiled
def maximum_flow(
    source: int,
    sink: int,
    tail: Integers,
    head: Integers,
    start: Integers,
    arcs: Integers,
    residual: Integers,
    level: Integers,
    work: Integers,
) -> int:
    """Raise the flow from source to sink to its maximum (Dinitz 1970) and return what was added.

    `residual` changes in place. Afterwards `level >= 0` marks the source's side of the smallest minimum cut.
    `work` holds two rows of at least as many entries as nodes.
    """
    flow = 0
    while True:
        layers(source, tail, head, start, arcs, residual, level, work[0])
        if level[sink] < 0:
            return flow
        work[0, : level.shape[0]] = start[: level.shape[0]]
        while True:
            amount = augment(source, sink, tail, head, start, arcs, residual, level, work[0], work[1])
            if amount == 0:
                break
            flow += amount


# --- Steepest descent on the dual ---------------------------------------------------------------------------------


@compiled
def values_of(table: Integers, bought: Integers, lowest: Integers, highest: Integers, value: Integers) -> None:
    """Turn bucket sums into the dual function of each place at each bucket, up to a constant.

    The slope to the right of bucket k is the quantity with a price up to k, less all that is bid for: sellers
    gain by a higher price, buyers lose, and a bid below the price is a bid that no longer counts.
    """
    for place in range(table.shape[0]):
        slope = -bought[place]
        for bucket in range(lowest[place] + 1):
            slope += table[place, bucket]
        value[place, lowest[place]] = 0
        for bucket in range(lowest[place], highest[place]):
            slope += table[place, bucket + 1]
            value[place, bucket + 1] = value[place, bucket] + slope


@compiled
def weigh(
    way: int,
    step: int,
    at: Integers,
    lowest: Integers,
    highest: Integers,
    value: Integers,
    link_source: Integers,
    link_target: Integers,
    capacity: Integers,
    offset: Integers,
    weight: Integers,
    residual: Integers,
) -> bool:
    """Write the cut problem of one step: what moving each place costs, and each pair of places apart.

    Returns whether any move can gain at all.
    """
    for place in range(at.shape[0]):
        moved = at[place] + way * step
        inside = lowest[place] <= moved <= highest[place]
        weight[place] = value[place, moved] - value[place, at[place]] if inside else 0
    for link in range(link_source.shape[0]):
        source, target = link_source[link], link_target[link]
        gap = at[target] - at[source] - offset[link]
        apart = capacity[link] * (max(0, gap + step) - max(0, gap))
        closer = capacity[link] * (max(0, gap) - max(0, gap - step))
        weight[source] -= way * closer
        weight[target] += way * closer
        residual[2 * link] = apart - closer if way < 0 else 0
        residual[2 * link + 1] = apart - closer if way > 0 else 0
    gainful = False
    for place in range(at.shape[0]):
        moved = at[place] + way * step
        if moved < lowest[place] or moved > highest[place]:
            weight[place] = 2**62  # Beyond the window: this place stays.
        gainful = gainful or weight[place] < 0
    return gainful


@compiled
def cut(
    way: int,
    step: int,
    at: Integers,
    weight: Integers,
    links: int,
    tail: Integers,
    head: Integers,
    start: Integers,
    arcs: Integers,
    residual: Integers,
    level: Integers,
    work: Integers,
) -> bool:
    """Move the set of places that gains most by one step, found as a minimum cut; False when no set gains."""
    places = at.shape[0]
    possible = 0
    for place in range(places):
        edge = links + 2 * place
        residual[2 * edge] = max(0, -weight[place])
        residual[2 * edge + 1] = 0
        residual[2 * edge + 2] = max(0, weight[place])
        residual[2 * edge + 3] = 0
        possible += max(0, -weight[place])
    if maximum_flow(places, places + 1, tail, head, start, arcs, residual, level, work) >= possible:
        return False
    for place in range(places):
        if level[place] >= 0:
            at[place] += way * step
    return True


@compiled
def descend(
    table: Integers,
    bought: Integers,
    lowest: Integers,
    highest: Integers,
    link_source: Integers,
    link_target: Integers,
    capacity: Integers,
    offset: Integers,
    first_step: int,
    at: Integers,
) -> int:
    """Move `at` to a minimum of the dual function within the window, and return the number of cuts it took.

    Steepest descent with scaling for L-natural-convex functions (Murota, Discrete Convex Analysis, 2003, section
    10.3): at each step length, move the best set of places up while that gains, then down; halve the step. A
    point from which no set of places gains by one unit up or down is a minimum.
    """
    places = at.shape[0]
    links = link_source.shape[0]
    tail = np.empty(links + 2 * places, np.int64)
    head = np.empty(links + 2 * places, np.int64)
    tail[:links], head[:links] = link_source, link_target
    for place in range(places):
        tail[links + 2 * place], head[links + 2 * place] = places, place
        tail[links + 2 * place + 1], head[links + 2 * place + 1] = place, places + 1
    start, arcs = adjacency(tail, head, places + 2)
    residual = np.zeros(2 * tail.shape[0], np.int64)
    level = np.empty(places + 2, np.int64)
    work = np.empty((2, places + 2), np.int64)
    weight = np.empty(places, np.int64)
    value = np.empty((places, table.shape[1]), np.int64)
    values_of(table, bought, lowest, highest, value)
    cuts = 0
    step = first_step
    while step > 0:
        failures = 0
        way = 1
        while failures < 2:
            if weigh(
                way, step, at, lowest, highest, value, link_source, link_target, capacity, offset, weight, residual
            ):
                cuts += 1
                if cut(way, step, at, weight, links, tail, head, start, arcs, residual, level, work):
                    failures = 0
                    continue
            failures += 1
            way = -way
        step //= 2
    return cuts


# --- Flows at given prices ----------------------------------------------------------------------------------------


@compiled
def balance(
    excess: Integers,
    may_sell: Integers,
    may_buy: Integers,
    link_source: Integers,
    link_target: Integers,
    room: Integers,
    sold: Integers,
    bought: Integers,
    flow: Integers,
) -> bool:
    """Find how much of each margin trades: a feasible flow first, then the one that trades most.

    `excess` is what each place must send on (or, below zero, receive) once everything inside the margin and on
    the full links has moved; `may_sell`, `may_buy` and `room` bound what the margins and the other links may do.
    Returns False when there is no feasible flow, which proves that the prices were not optimal.
    """
    places, links = excess.shape[0], link_source.shape[0]
    seller, buyer, giver, taker = places, places + 1, places + 2, places + 3
    edges = links + 4 * places + 2
    tail = np.empty(edges, np.int64)
    head = np.empty(edges, np.int64)
    residual = np.zeros(2 * edges, np.int64)
    tail[:links], head[:links] = link_source, link_target
    residual[0 : 2 * links : 2] = room
    needed = 0
    over = 0
    for place in range(places):
        edge = links + 4 * place
        tail[edge], head[edge], residual[2 * edge] = seller, place, may_sell[place]
        tail[edge + 1], head[edge + 1], residual[2 * edge + 2] = place, buyer, may_buy[place]
        tail[edge + 2], head[edge + 2], residual[2 * edge + 4] = giver, place, max(0, excess[place])
        tail[edge + 3], head[edge + 3], residual[2 * edge + 6] = place, taker, max(0, -excess[place])
        needed += max(0, excess[place])
        over += excess[place]
    # What is over in all must go to buyers at the margin; what is short must come from sellers there.
    tail[edges - 2], head[edges - 2], residual[2 * edges - 4] = buyer, taker, max(0, over)
    if over < 0:
        tail[edges - 2], head[edges - 2], residual[2 * edges - 4] = giver, seller, -over
        needed -= over
    tail[edges - 1], head[edges - 1], residual[2 * edges - 2] = buyer, seller, 2**62
    start, arcs = adjacency(tail, head, places + 4)
    level = np.empty(places + 4, np.int64)
    work = np.empty((2, places + 4), np.int64)
    if maximum_flow(giver, taker, tail, head, start, arcs, residual, level, work) < needed:
        return False
    residual[2 * edges - 2] = residual[2 * edges - 1] = 0
    maximum_flow(seller, buyer, tail, head, start, arcs, residual, level, work)
    for place in range(places):
        edge = links + 4 * place
        sold[place] = residual[2 * edge + 1]
        bought[place] = residual[2 * edge + 3]
    flow[:] = residual[1 : 2 * links : 2]
    return True


@compiled
def lower_to(bound: Integers, before: Integers, after: Integers, distance: Integers) -> None:
    """Lower `bound` in place to the highest prices with price[after] <= price[before] + distance for each pair."""
    changed = True
    while changed:
        changed = False
        for pair in range(before.shape[0]):
            reach = bound[before[pair]] + distance[pair]
            if reach < bound[after[pair]]:
                bound[after[pair]] = reach
                changed = True


@compiled
def raise_to(bound: Integers, before: Integers, after: Integers, distance: Integers) -> None:
    """Raise `bound` in place to the lowest prices with price[after] <= price[before] + distance for each pair."""
    changed = True
    while changed:
        changed = False
        for pair in range(before.shape[0]):
            reach = bound[after[pair]] - distance[pair]
            if reach > bound[before[pair]]:
                bound[before[pair]] = reach
                changed = True
