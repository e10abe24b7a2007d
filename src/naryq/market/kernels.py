"""The compiled kernels of price formation: int64 in, int64 out, no clock, no randomness, no floating point.

A kernel and everything it calls stand in this one file, and constants come in as arguments: Numba's cache does not
notice a change in another file. Each kernel releases the interpreter's lock, so plain threads may run one over
separate rows with separate tables; integer sums make the result independent of how the rows were parted.
A twin of each kernel in plain Python stands in the tests and is compared with it.
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Function = TypeVar("Function", bound=Callable[..., Any])
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8] | npt.NDArray[np.int32]

BUY = 0
SELL = 1
OUTSIDE, MARGINAL, INSIDE = 0, 1, 2
"""Where an order stands against the price of its place: worse, exactly at it, or better."""
UNDECIDED = -1
"""The provisional fill of an order at the margin, until the flow says how much of the margin trades."""


def compiled(function: Function) -> Function:
    """Compile to machine code and keep it on disk; without a writable folder, compile for this process only."""
    return _compiled(function)


def bare(function: Function) -> Function:
    """Compile a kernel that makes and returns no array, without the counts that Numba keeps of who holds an array.

    Numba's kernels count with locked instructions each time they hand an array on: a kernel of many small functions
    spends most of its time on that. (The option is Numba's own, for its sorts and strings; it has no public name.)
    """
    return _compiled(function, _nrt=False, error_model="numpy")


def part(function: Function) -> Function:
    """Compile a part of a bare kernel to stand where it is called: a call would copy each array's description."""
    return _compiled(function, _nrt=False, error_model="numpy", forceinline=True)


def _compiled(function: Function, **options: Any) -> Function:
    try:
        return cast("Function", numba.njit(cache=True, nogil=True, **options)(function))
    except RuntimeError as problem:  # Numba found neither a writable source folder nor a home for its cache.
        if "no locator available" not in str(problem):
            raise
        return cast("Function", numba.njit(nogil=True, **options)(function))


# --- Passes over the orders ---------------------------------------------------------------------------------------


@compiled
def mark(codes: Codes, used: Integers) -> None:
    """Mark the codes in use: of one or two, the lowest and the highest tell without a mark for each row."""
    if codes.shape[0] == 0:
        return
    lowest, highest = codes[0], codes[0]
    for row in range(codes.shape[0]):
        lowest, highest = min(lowest, codes[row]), max(highest, codes[row])
    used[lowest] = used[highest] = 1
    for row in range(codes.shape[0] if highest - lowest > 1 else 0):
        used[codes[row]] = 1


@compiled
def survey(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    places: Integers,
    sides: Integers,
    extremes: Integers,
) -> int:
    """Mark the codes in use, widen `extremes` (lowest and highest price, then quantity) and return the lots in all."""
    lowest, highest = extremes[0], extremes[1]
    for row in range(price.shape[0]):
        lowest = min(lowest, price[row])
        highest = max(highest, price[row])
    extremes[0], extremes[1] = lowest, highest
    lowest, highest, lots = extremes[2], extremes[3], 0
    for row in range(price.shape[0]):
        lowest = min(lowest, quantity[row])
        highest = max(highest, quantity[row])
        lots += quantity[row]
    extremes[2], extremes[3] = lowest, highest
    mark(place, places)
    mark(side, sides)
    return lots


@compiled
def histogram(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    low: Integers,
    shift: int,
    table: Integers,
) -> None:
    """Add each quantity to the bucket of its price in the window of its place; what lies outside is left out.

    `low` holds the start of the window for each place code; bucket k starts `k * 2**shift` above it. The table has
    a row of buckets for each place and side.
    """
    buckets = table.shape[2]
    width = np.uint64(buckets << shift)  # Unsigned: what is below the window wraps to far above it, one test for both.
    digits = np.uint64(shift)
    cells = table.reshape(-1)
    for row in range(price.shape[0]):
        code = place[row]
        offset = np.uint64(price[row] - low[code])
        if offset < width:
            first = np.uint64((2 * place_of[code] + side_of[side[row]]) * buckets)
            cells[first + (offset >> digits)] += quantity[row]


@compiled
def lots_below(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    low: Integers,
    below: Integers,
) -> None:
    """Sum the quantities with a price below the window of their place, by place and side."""
    for row in range(price.shape[0]):
        code = place[row]
        if price[row] < low[code]:
            below[place_of[code], side_of[side[row]]] += quantity[row]


@compiled
def fill_inside(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    sign_of: Integers,
    at: Integers,
    fills: Integers,
) -> tuple[np.int64, np.int64]:
    """Fill the orders that are better than the price of their place and mark those at it as undecided (-1).

    `at` holds the price for each place code, `sign_of` 1 for the code that buys and -1 for the one that sells.
    Returns the surplus of the orders inside, and how many orders are at the margin.
    """
    surplus = np.int64(0)
    undecided = np.int64(0)
    for row in range(price.shape[0]):
        gain = (price[row] - at[place[row]]) * sign_of[side[row]]
        lots = quantity[row]
        surplus += max(gain, 0) * lots
        margin = np.int64(gain == 0)
        undecided += margin
        fills[row] = (lots & (-gain >> 63)) - margin  # All bits of a gain above zero: no branch to guess wrong.
    return surplus, undecided


@compiled
def neighbours(
    place: Codes, price: Integers, place_of: Integers, at: Integers, below: Integers, above: Integers
) -> None:
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


class Graph(NamedTuple):
    """A flow network: arc 2i runs from tail[i] to head[i], arc 2i+1 runs back, `residual` is what each still takes.

    `arcs[start[node]:start[node + 1]]` are the arcs that leave a node. `level`, `queue` and `path` are work space;
    after a maximum flow, `level >= 0` marks the source's side of the smallest minimum cut.
    """

    tail: Integers
    head: Integers
    start: Integers
    arcs: Integers
    residual: Integers
    level: Integers
    queue: Integers
    path: Integers


@compiled
def graph_of(tail: Integers, head: Integers, count: int) -> Graph:
    """Make a network without any capacity yet from the ends of its edges."""
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
    residual = np.zeros(2 * tail.shape[0], np.int64)
    work = np.zeros((3, count), np.int64)
    return Graph(tail, head, start, arcs, residual, work[0], work[1], work[2])


@compiled
def end_of(graph: Graph, arc: int) -> np.int64:
    """Return the node at which an arc ends."""
    node: np.int64 = graph.tail[arc >> 1] if arc & 1 else graph.head[arc >> 1]
    return node


@compiled
def number_levels(graph: Graph, source: int) -> None:
    """Number the nodes by their distance from the source over arcs with residual capacity; -1 is out of reach."""
    graph.level[:] = -1
    graph.level[source] = 0
    graph.queue[0] = source
    first, last = 0, 1
    while first < last:
        node = graph.queue[first]
        first += 1
        for index in range(graph.start[node], graph.start[node + 1]):
            arc = graph.arcs[index]
            other = end_of(graph, arc)
            if graph.residual[arc] > 0 and graph.level[other] < 0:
                graph.level[other] = graph.level[node] + 1
                graph.queue[last] = other
                last += 1


@compiled
def shortest_path(graph: Graph, source: int, sink: int) -> int:
    """Find a path that gains a level with each arc, write it to `graph.path` and return its length; 0 for none.

    `graph.queue` holds the next arc to try at each node: what once led nowhere is not tried again.
    """
    depth = 0
    node = np.int64(source)
    while node != sink:
        advanced = False
        while graph.queue[node] < graph.start[node + 1]:
            arc = graph.arcs[graph.queue[node]]
            other = end_of(graph, arc)
            if graph.residual[arc] > 0 and graph.level[other] == graph.level[node] + 1:
                graph.path[depth] = arc
                depth += 1
                node = other
                advanced = True
                break
            graph.queue[node] += 1
        if not advanced:
            if depth == 0:
                return 0
            depth -= 1
            node = end_of(graph, graph.path[depth] ^ 1)
            graph.queue[node] += 1
    return depth


@compiled
def maximum_flow(graph: Graph, source: int, sink: int) -> np.int64:
    """Raise the flow from source to sink to its maximum (Dinitz 1970) and return what was added."""
    flow = np.int64(0)
    while True:
        number_levels(graph, source)
        if graph.level[sink] < 0:
            return flow
        graph.queue[:] = graph.start[:-1]
        depth = shortest_path(graph, source, sink)
        while depth:
            amount = graph.residual[graph.path[0]]
            for index in range(1, depth):
                amount = min(amount, graph.residual[graph.path[index]])
            for index in range(depth):
                graph.residual[graph.path[index]] -= amount
                graph.residual[graph.path[index] ^ 1] += amount
            flow += amount
            depth = shortest_path(graph, source, sink)


# --- Steepest descent on the dual ---------------------------------------------------------------------------------


@compiled
def values_of(
    table: Integers, below: Integers, bought: Integers, lowest: Integers, highest: Integers, value: Integers
) -> None:
    """Turn bucket sums into the dual function of each place at each bucket, up to a constant.

    The slope to the right of bucket k is the quantity with a price up to k, less all that is bid for: sellers
    gain by a higher price, buyers lose, and a bid below the price is a bid that no longer counts.
    """
    for place in range(table.shape[0]):
        slope = below[place, 0] + below[place, 1] - bought[place]
        for bucket in range(lowest[place]):
            slope += table[place, 0, bucket] + table[place, 1, bucket]
        value[place, lowest[place]] = 0
        for bucket in range(lowest[place], highest[place]):
            slope += table[place, 0, bucket] + table[place, 1, bucket]
            value[place, bucket + 1] = value[place, bucket] + slope


class Problem(NamedTuple):
    """The dual problem of one level: the value of each place at each bucket, the buckets it may take, and the links.

    `offset` is how many buckets a link's target may lie above its source before the link pays.
    """

    value: Integers
    lowest: Integers
    highest: Integers
    source: Integers
    target: Integers
    capacity: Integers
    offset: Integers


@compiled
def weigh(problem: Problem, at: Integers, move: int, weight: Integers, residual: Integers) -> bool:
    """Write the cut problem of moving places by `move` buckets: what each costs, and each pair of places apart.

    Returns whether any set of places can gain at all.
    """
    step = abs(move)
    weight[:] = 0
    for link in range(problem.source.shape[0]):
        source, target = problem.source[link], problem.target[link]
        gap = at[target] - at[source] - problem.offset[link]
        apart = problem.capacity[link] * (max(0, gap + step) - max(0, gap))
        closer = problem.capacity[link] * (max(0, gap) - max(0, gap - step))
        if move < 0:
            closer = -closer
        weight[source] -= closer
        weight[target] += closer
        residual[2 * link] = apart + closer if move < 0 else 0
        residual[2 * link + 1] = apart - closer if move > 0 else 0
    gainful = False
    for place in range(at.shape[0]):
        moved = at[place] + move
        if problem.lowest[place] <= moved <= problem.highest[place]:
            weight[place] += problem.value[place, moved] - problem.value[place, at[place]]
            gainful = gainful or weight[place] < 0
        else:
            weight[place] = 2**62  # Beyond the window: this place stays.
    return gainful


@compiled
def move_best(graph: Graph, weight: Integers, move: int, at: Integers) -> bool:
    """Move the set of places that gains most, found as a minimum cut; False when no set gains."""
    places = at.shape[0]
    first = graph.residual.shape[0] - 4 * places
    possible = 0
    for place in range(places):
        arc = first + 4 * place
        graph.residual[arc] = max(0, -weight[place])
        graph.residual[arc + 1] = 0
        graph.residual[arc + 2] = max(0, weight[place])
        graph.residual[arc + 3] = 0
        possible += max(0, -weight[place])
    if maximum_flow(graph, places, places + 1) >= possible:
        return False
    for place in range(places):
        if graph.level[place] >= 0:
            at[place] += move
    return True


@compiled
def cut_graph(source: Integers, target: Integers, places: int) -> Graph:
    """Make the network of the cut problems: links, then an edge from the source and to the sink for each place."""
    links = source.shape[0]
    tail = np.empty(links + 2 * places, np.int64)
    head = np.empty(links + 2 * places, np.int64)
    tail[:links], head[:links] = source, target
    for place in range(places):
        edge = links + 2 * place
        tail[edge], head[edge] = places, place
        tail[edge + 1], head[edge + 1] = place, places + 1
    return graph_of(tail, head, places + 2)


@compiled
def descend(problem: Problem, first_step: int, exact: bool, at: Integers) -> int:  # noqa: FBT001 - see the file's head
    """Move `at` to a minimum of the dual function within the window, and return the number of cuts it took.

    Steepest descent with scaling for L-natural-convex functions (Murota, Discrete Convex Analysis, 2003, section
    10.3): at each step length, move the best set of places up while that gains, then down; halve the step. Where
    `exact`, the last steps go on until no set of places gains by one unit, neither up nor down: a minimum.
    """
    graph = cut_graph(problem.source, problem.target, at.shape[0])
    weight = np.empty(at.shape[0], np.int64)
    cuts = 0
    step = first_step
    way = 1
    while step > 0:
        failures = 0
        while failures < 2:  # noqa: PLR2004 - once up, once down
            moved = False
            if weigh(problem, at, way * step, weight, graph.residual):
                cuts += 1
                moved = move_best(graph, weight, way * step, at)
            if not moved:
                failures += 1
                way = -way
            elif exact and step == 1:
                failures = 0
        step //= 2
    return cuts


# --- What stands where, at given prices ---------------------------------------------------------------------------


@compiled
def stand(
    table: Integers, below: Integers, whole: Integers, at: Integers, low: Integers, lots: Integers, near: Integers
) -> None:
    """Read from exact buckets how many lots are outside, at and inside the price of each place, and what is near.

    `near` takes the next order price below and above; it keeps what it holds where no order is on that side, and
    takes -2 where the next one lies beyond the window.
    """
    buckets = table.shape[2]
    for place in range(table.shape[0]):
        here = at[place]
        for side in range(2):
            under = below[place, side]
            for bucket in range(here):
                under += table[place, side, bucket]
            margin = table[place, side, here]
            over = whole[place, side] - under - margin
            lots[place, side, 0] = under if side == 0 else over
            lots[place, side, 1] = margin
            lots[place, side, 2] = over if side == 0 else under
        bucket = here - 1
        while bucket >= 0 and table[place, 0, bucket] + table[place, 1, bucket] == 0:
            bucket -= 1
        if bucket >= 0:
            near[0, place] = low[place] + bucket
        elif below[place, 0] + below[place, 1] > 0:
            near[0, place] = -2
        bucket = here + 1
        while bucket < buckets and table[place, 0, bucket] + table[place, 1, bucket] == 0:
            bucket += 1
        if bucket < buckets:
            near[1, place] = low[place] + bucket
        elif lots[place, 0, 2] + lots[place, 1, 0] > 0:
            near[1, place] = -2


# --- Flows at given prices ----------------------------------------------------------------------------------------


class Slack(NamedTuple):
    """What is open at given prices, in lots.

    `excess` is what each place must send on (or, below zero, receive) once everything inside the margin and on the
    full links has moved; `may_sell`, `may_buy` and `room` bound what the margins and the links at par may do.
    """

    excess: Integers
    may_sell: Integers
    may_buy: Integers
    source: Integers
    target: Integers
    room: Integers


@compiled
def balance_graph(slack: Slack) -> Graph:
    """Make the network of a balance: the links, four edges for each place, and two for what is over in all.

    After the places come four nodes: the margins' sellers, the margins' buyers, who must send on, who must receive.
    """
    places, links = slack.excess.shape[0], slack.source.shape[0]
    seller, buyer, giver, taker = places, places + 1, places + 2, places + 3
    edges = links + 4 * places + 2
    tail, head, capacity = np.empty(edges, np.int64), np.empty(edges, np.int64), np.empty(edges, np.int64)
    tail[:links], head[:links], capacity[:links] = slack.source, slack.target, slack.room
    for place in range(places):
        edge = links + 4 * place
        tail[edge], head[edge], capacity[edge] = seller, place, slack.may_sell[place]
        tail[edge + 1], head[edge + 1], capacity[edge + 1] = place, buyer, slack.may_buy[place]
        tail[edge + 2], head[edge + 2], capacity[edge + 2] = giver, place, max(0, slack.excess[place])
        tail[edge + 3], head[edge + 3], capacity[edge + 3] = place, taker, max(0, -slack.excess[place])
    # What is over in all must go to buyers at the margin; what is short must come from sellers there.
    over = slack.excess.sum()
    tail[edges - 2], head[edges - 2] = (giver, seller) if over < 0 else (buyer, taker)
    capacity[edges - 2] = abs(over)
    tail[edges - 1], head[edges - 1], capacity[edges - 1] = buyer, seller, 2**62
    graph = graph_of(tail, head, places + 4)
    graph.residual[::2] = capacity
    return graph


@compiled
def balance(slack: Slack, sold: Integers, bought: Integers, flow: Integers) -> bool:
    """Find how much of each margin trades: a feasible flow first, then the one that trades most.

    Returns False when there is no feasible flow, which proves that the prices were not optimal.
    """
    places, links = slack.excess.shape[0], slack.source.shape[0]
    graph = balance_graph(slack)
    needed = max(0, -slack.excess.sum()) + np.maximum(slack.excess, 0).sum()
    if maximum_flow(graph, places + 2, places + 3) < needed:
        return False
    graph.residual[-2:] = 0  # From here on the margins trade with each other alone.
    maximum_flow(graph, places, places + 1)
    back = graph.residual[1::2]
    flow[:] = back[:links]
    sold[:] = back[links : links + 4 * places : 4]
    bought[:] = back[links + 1 : links + 4 * places : 4]
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
