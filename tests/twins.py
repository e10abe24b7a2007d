"""A twin of each kernel in plain Python: the same contract, written without regard to speed."""

# ruff: noqa: PLR0917 - a twin takes what its kernel takes

import itertools
from collections import deque
from typing import Any

import numpy as np

from naryq.market.kernels import Graph, Problem, Slack

Array = Any


def mark(codes: Array, used: Array) -> None:
    used[sorted(set(codes.tolist()))] = 1


def survey(
    place: Array, side: Array, price: Array, quantity: Array, places: Array, sides: Array, extremes: Array
) -> int:
    places[sorted(set(place.tolist()))] = 1
    sides[sorted(set(side.tolist()))] = 1
    for index, values in ((0, price), (2, quantity)):
        extremes[index] = min([int(extremes[index]), *values.tolist()])
        extremes[index + 1] = max([int(extremes[index + 1]), *values.tolist()])
    return sum(quantity.tolist())


def histogram(
    place: Array,
    side: Array,
    price: Array,
    quantity: Array,
    place_of: Array,
    side_of: Array,
    low: Array,
    shift: int,
    table: Array,
) -> None:
    for code, way, at, lots in zip(place, side, price, quantity, strict=True):
        bucket = (int(at) - int(low[code])) // 2**shift
        if 0 <= bucket < table.shape[2]:
            table[place_of[code], side_of[way], bucket] += lots


def histogram_of_one(
    side: Array, price: Array, quantity: Array, side_of: Array, low: int, shift: int, table: Array
) -> None:
    place = np.zeros(len(side), np.int64)
    histogram(place, side, price, quantity, place, side_of, np.array([low]), shift, table[None])


def lots_below(
    place: Array, side: Array, price: Array, quantity: Array, place_of: Array, side_of: Array, low: Array, below: Array
) -> None:
    for code, way, at, lots in zip(place, side, price, quantity, strict=True):
        if at < low[code]:
            below[place_of[code], side_of[way]] += lots


def fill_inside(
    place: Array, side: Array, price: Array, quantity: Array, sign_of: Array, at: Array, fills: Array
) -> tuple[int, int]:
    surplus = 0
    for row, (code, way, limit, lots) in enumerate(zip(place, side, price, quantity, strict=True)):
        gain = (int(limit) - int(at[code])) * int(sign_of[way])
        fills[row] = lots if gain > 0 else -1 if gain == 0 else 0
        surplus += max(0, gain) * int(lots)
    return surplus, int((fills < 0).sum())


def sample(
    side: Array,
    price: Array,
    quantity: Array,
    offer: int,
    stretch: int,
    sampled: int,
    seen: Array,
    table: Array,
) -> None:
    whole, first = len(price) // stretch * stretch, (stretch - sampled) // 2
    rows = [row for row in range(whole) if first <= row % stretch < first + sampled]
    prices, lots = price[rows].tolist(), quantity[rows].tolist()
    digits = 0
    while (max(prices) - min(prices)) >> digits >= table.shape[1]:
        digits += 1
    for code, limit, count in zip(side[rows].tolist(), prices, lots, strict=True):
        table[int(code == offer), (limit - min(prices)) >> digits] += count
    bids, offers = table.tolist()
    excess = [sum(offers[:bucket]) - sum(bids[bucket:]) for bucket in range(len(bids) + 1)]
    traded = sum(offered for offered, before in zip(offers, excess, strict=False) if before < 0)
    cut = max(0, max(lots).bit_length() - 20)
    squares = sum((count >> cut) ** 2 for count in lots)
    seen[:] = min(prices), max(prices), min(lots), max(lots), digits, traded, sum(lots), cut, squares
    table[0] = excess[1:]


def sift(
    side: Array,
    price: Array,
    quantity: Array,
    offer: int,
    first: int,
    window: tuple[int, int, int],
    fills: Array,
    sums: Array,
    listed: Array,
    table: Array,
    _room: Array,
) -> None:
    low, high, digits = window
    rows = list(zip((side == offer).tolist(), price.tolist(), quantity.tolist(), strict=True))
    for column, values in enumerate((price.tolist(), quantity.tolist())):
        sums[2 * column] = min([int(sums[2 * column]), *values])
        sums[2 * column + 1] = max([int(sums[2 * column + 1]), *values])
    sums[4] += sum(quantity.tolist())
    for row, (sells, limit, lots) in enumerate(rows):
        if low <= limit < high:
            fills[row] = lots if sells == (limit < low + (high - low) // 2) else 0
            listed[sums[8]] = 2 * (first + row) + sells, limit - low, lots
            table[int(sells), (limit - low) >> digits] += lots
            sums[8] += 1
        else:
            executes = sells == (limit < low)
            fills[row] = lots if executes else 0
            sums[5 + sells] += fills[row]
            sums[7] += fills[row] * (low - 1 - limit if sells else limit - high)


def narrow(
    fills: Array,
    sums: Array,
    tables: Array,
    listed: Array,
    starts: Array,
    window: tuple[int, int, int],
    offer: int,
    orders: Array,
    codes: Array,
) -> int:
    low, high, digits = window
    runs = [listed[start : start + found] for start, found in zip(starts, sums[:, 8], strict=True)]
    rows = [(code >> 1, code & 1, low + above, lots) for run in runs for code, above, lots in run.tolist()]
    sums[0, :8] = [(min, max)[column % 2](sums[:, column]) for column in range(4)] + sums[:, 4:8].sum(axis=0).tolist()
    bought, sold = sums[0, 5:7].tolist()

    def excess(price: int) -> int:
        offered = sold + sum(lots for _, sells, limit, lots in rows if sells and limit < price)
        return int(offered - bought - sum(lots for _, sells, limit, lots in rows if not sells and limit >= price))

    if min(sold, bought) <= 0 or not excess(low) < 0 < excess(high):
        return -1
    edges = [low + (bucket << digits) for bucket in range(tables.shape[2])] + [high]
    start = max(edge for edge in edges if edge < high and excess(edge) < 0)
    end = min(edge for edge in edges if excess(edge) > 0)
    sums[0, 7] += (start - low) * sold + (high - end) * bought
    left = [row for row in rows if start <= row[2] < end]
    for row, sells, limit, lots in rows:
        if not start <= limit < end:
            fills[row] = lots if sells == (limit < start) else 0
            sums[0, 5 + sells] += fills[row]
            sums[0, 7] += fills[row] * (start - 1 - limit if sells else limit - end)
    left += [(-1, 0, end, sums[0, 5]), (-1, 1, start - 1, sums[0, 6])]
    for place, (row, sells, limit, lots) in enumerate(left):
        orders[:3, place] = row, limit, lots
        codes[1, place] = offer if sells else 1 - offer
    return len(left) - 2


def clip(
    place: Array,
    side: Array,
    price: Array,
    quantity: Array,
    place_of: Array,
    side_of: Array,
    floor: Array,
    cap: Array,
    beyond: int,
    clipped: Array,
    lots: Array,
) -> tuple[int, int]:
    standing = []
    for row, (code, way, limit, count) in enumerate(zip(place, side, price, quantity, strict=True)):
        low, high = floor[place_of[code]], cap[place_of[code]]
        buys = side_of[way] == 0
        if (limit < low) if buys else (limit > high):
            clipped[row], lots[row] = -1 if buys else beyond, 0
        else:
            clipped[row], lots[row] = min(limit, high) if buys else max(limit, low), count
            standing.append(int(clipped[row]))
    return min(standing, default=2**63 - 1), max(standing, default=-(2**63) + 1)


def neighbours(place: Array, price: Array, place_of: Array, at: Array, below: Array, above: Array) -> None:
    for number in range(len(at)):
        here = [int(limit) for code, limit in zip(place, price, strict=True) if place_of[code] == number]
        below[number] = max([int(below[number]), *(limit for limit in here if limit < at[number])])
        above[number] = min([int(above[number]), *(limit for limit in here if limit > at[number])])


def undecided_rows(fills: Array, rows: Array) -> None:
    rows[:] = [row for row, fill in enumerate(fills) if fill == -1]


def first_not_increasing(values: Array) -> int:
    return next((row for row in range(1, len(values)) if values[row] <= values[row - 1]), -1)


def first_repeat(values: Array, lowest: int, seen: Array) -> int:
    assert len(seen) * 8 > max(values) - lowest
    return next((row for row, value in enumerate(values) if value in values[:row]), -1)


def graph_of(tail: Array, head: Array, count: int) -> Graph:
    lists: list[list[int]] = [[] for _ in range(count)]
    for edge, (one, other) in enumerate(zip(tail, head, strict=True)):
        lists[one].append(2 * edge)
        lists[other].append(2 * edge + 1)
    start = np.array([0, *itertools.accumulate(map(len, lists))])
    work = np.zeros((3, count), np.int64)
    return Graph(
        tail, head, start, np.array(list(itertools.chain(*lists)), np.int64), np.zeros(2 * len(tail), np.int64), *work
    )


def end_of(graph: Graph, arc: int) -> int:
    ends = (graph.head, graph.tail)
    return int(ends[arc % 2][arc // 2])


def number_levels(graph: Graph, source: int) -> None:
    graph.level[:] = -1
    graph.level[source] = 0
    waiting = deque([source])
    while waiting:
        node = waiting.popleft()
        for arc in range(len(graph.residual)):
            begin, end = end_of(graph, arc ^ 1), end_of(graph, arc)
            if begin == node and graph.residual[arc] > 0 and graph.level[end] < 0:
                graph.level[end] = graph.level[node] + 1
                waiting.append(end)


def shortest_path(graph: Graph, source: int, sink: int) -> int:
    """Return the length of the path that the levels promise: the kernel's own path must be as long and be open."""
    number_levels(graph, source)
    return max(0, int(graph.level[sink]))


def maximum_flow(graph: Graph, source: int, sink: int) -> int:
    """Send one lot at a time along any shortest way (Edmonds and Karp 1972)."""
    flow = 0
    while True:
        number_levels(graph, source)
        if graph.level[sink] < 0:
            return flow
        node = sink
        while node != source:
            arc = next(
                arc
                for arc in range(len(graph.residual))
                if end_of(graph, arc) == node
                and graph.residual[arc] > 0
                and graph.level[end_of(graph, arc ^ 1)] == graph.level[node] - 1
            )
            graph.residual[arc] -= 1
            graph.residual[arc ^ 1] += 1
            node = end_of(graph, arc ^ 1)
        flow += 1


def values_of(table: Array, below: Array, bought: Array, lowest: Array, highest: Array, value: Array) -> None:
    """Add up what each order loses or gains, order by order, relative to the lowest bucket."""
    for place in range(len(table)):
        both = table[place].sum(axis=0).tolist()
        under = int(below[place].sum())
        for bucket in range(lowest[place], highest[place] + 1):
            steps = range(lowest[place], bucket)
            value[place, bucket] = sum(under + sum(both[: step + 1]) - int(bought[place]) for step in steps)


def energy(problem: Problem, at: Array) -> int:
    """Return the dual function of a level at some buckets."""
    value = sum(int(problem.value[place, bucket]) for place, bucket in enumerate(at))
    links = zip(problem.source, problem.target, problem.capacity, problem.offset, strict=True)
    return value + sum(int(lots) * max(0, int(at[target] - at[source] - gap)) for source, target, lots, gap in links)


def weigh(problem: Problem, at: Array, move: int, weight: Array, residual: Array) -> bool:
    """Find the weights from their meaning: what a set of places costs to move is a sum over places and pairs."""
    before = energy(problem, at)
    for place in range(len(at)):
        moved = at.copy()
        moved[place] += move
        inside = problem.lowest[place] <= moved[place] <= problem.highest[place]
        pairs = sum(
            int(residual[2 * link + (move > 0)])
            for link in range(len(problem.source))
            if (problem.source, problem.target)[move > 0][link] == place
        )
        weight[place] = energy(problem, moved) - before - pairs if inside else 2**62
    return bool((weight < 0).any())


def best_move(problem: Problem, at: Array, move: int) -> int:
    """Return the least that the dual function can become when any set of places moves."""
    sets = itertools.product((0, move), repeat=len(at))
    candidates = [at + np.array(each) for each in sets]
    return min(energy(problem, each) for each in candidates if _allowed(problem, each))


def _allowed(problem: Problem, at: Array) -> bool:
    return bool((problem.lowest <= at).all() and (at <= problem.highest).all())


def descend(problem: Problem) -> int:
    """Return the least value of the dual function in the window, by trying every vector."""
    ranges = [range(low, high + 1) for low, high in zip(problem.lowest, problem.highest, strict=True)]
    return min(energy(problem, np.array(vector)) for vector in itertools.product(*ranges))


def cut_graph(source: Array, target: Array, places: int) -> list[tuple[int, int]]:
    """List the edges: the links, then each place's from the source and to the sink."""
    pairs = [((places, place), (place, places + 1)) for place in range(places)]
    return [*zip(source.tolist(), target.tolist(), strict=True), *itertools.chain(*pairs)]


def stand(table: Array, below: Array, whole: Array, at: Array, low: Array, lots: Array, near: Array) -> None:
    for place, here in enumerate(at):
        buys, sells = table[place].tolist()
        total_buys, total_sells = whole[place].tolist()
        under_buys, under_sells = below[place, 0] + sum(buys[:here]), below[place, 1] + sum(sells[:here])
        over_buys, over_sells = total_buys - under_buys - buys[here], total_sells - under_sells - sells[here]
        lots[place] = [[under_buys, buys[here], over_buys], [over_sells, sells[here], under_sells]]
        taken = [bucket for bucket in range(len(buys)) if buys[bucket] + sells[bucket]]
        left, right = [b for b in taken if b < here], [b for b in taken if b > here]
        if left or below[place].sum():
            near[0, place] = low[place] + left[-1] if left else -2
        if right or over_buys + over_sells:
            near[1, place] = low[place] + right[0] if right else -2


def balance(slack: Slack) -> tuple[bool, int]:
    """Return whether a feasible flow exists and the most lots that the margins can sell, by trying every flow."""
    best = -1
    for flow in itertools.product(*(range(room + 1) for room in slack.room)):
        need = slack.excess.copy()
        np.subtract.at(need, slack.source, np.array(flow, np.int64))
        np.add.at(need, slack.target, np.array(flow, np.int64))
        # Each place must sell and buy at its margin so that nothing is left over: bought less sold is what it needs.
        most = np.minimum(slack.may_sell, slack.may_buy - need)
        if (most >= 0).all() and (most + need >= 0).all():
            best = max(best, int(most.sum()))
    return best >= 0, best


def balance_graph(slack: Slack) -> int:
    """Return how many edges a balance has."""
    return len(slack.room) + 4 * len(slack.excess) + 2


def lower_to(bound: Array, before: Array, after: Array, distance: Array) -> None:
    for _ in bound:
        for one, other, length in zip(before, after, distance, strict=True):
            bound[other] = min(bound[other], bound[one] + length)


def raise_to(bound: Array, before: Array, after: Array, distance: Array) -> None:
    for _ in bound:
        for one, other, length in zip(before, after, distance, strict=True):
            bound[one] = max(bound[one], bound[other] - length)
