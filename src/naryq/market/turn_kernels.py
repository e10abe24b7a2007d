"""The compiled kernels of sharing between joined places: margins are served in turn, and nothing runs in circles.

The flow runs on a graph of `kernels.Graph` with a node for each place and one more, the hub, which all trade goes
through: a lot sold at a margin comes from the hub, a lot bought goes to it. A kernel and all that it calls stand in
this file; see naryq.market.kernels for why.
"""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Graph, Integers, compiled


@compiled
def way_to_hub(graph: Graph, place: int, hub: int, to_hub: int) -> bool:
    """Search for a shortest way on which a lot more can go from a place to the hub, or (`to_hub` 0) from there to it.

    `graph.path` takes for each node of the way, but the place, the arc that joins it with the one before; where there
    is no way, `graph.level` is 0 or more for just the places that were reached.
    """
    tail, head, start, arcs, residual = graph.tail, graph.head, graph.start, graph.arcs, graph.residual
    level, queue, path = graph.level, graph.queue, graph.path
    level[:] = -1
    level[place] = 0
    queue[0] = place
    first, last = 0, 1
    while first < last:
        node = queue[first]
        first += 1
        for index in range(start[node], start[node + 1]):
            arc = arcs[index]
            other = tail[arc >> 1] if arc & 1 else head[arc >> 1]
            if level[other] < 0 and residual[arc if to_hub else arc ^ 1] > 0:
                level[other], path[other] = level[node] + 1, arc
                if other == hub:
                    return True
                queue[last] = other
                last += 1
    return False


@compiled
def send_along(graph: Graph, place: int, hub: int, to_hub: int, lots: int) -> np.int64:
    """Send up to so many lots along the way that was found, and return how many went."""
    tail, head, residual, path = graph.tail, graph.head, graph.residual, graph.path
    turned = 0 if to_hub else 1
    most, node = np.int64(lots), np.int64(hub)
    while node != place:
        arc = path[node]
        most = min(most, residual[arc ^ turned])
        node = head[arc >> 1] if arc & 1 else tail[arc >> 1]
    node = np.int64(hub)
    while node != place:
        arc = path[node] ^ turned
        residual[arc] -= most
        residual[arc ^ 1] += most
        node = head[path[node] >> 1] if path[node] & 1 else tail[path[node] >> 1]
    return most


@compiled
def serve(
    graph: Graph, first: int, to_hub: int, places: Integers, lots: Integers, least: Integers, stopped: Integers
) -> None:
    """Raise what margins get at least, by some lots at a place after another, as far as it goes.

    Edge `first + place` is the margin of a place: what it could trade beyond its trade, and back what it trades beyond
    its `least`. A place that can get no lot more is `stopped`, with all from which none could come to it (or to which
    none could go from it): what is once held is never given back, so this stays so.
    """
    hub = least.shape[0]
    residual = graph.residual
    for row in range(places.shape[0]):
        place, wanted = places[row], lots[row]
        margin = 2 * (first + place)
        while wanted > 0 and not stopped[place]:
            amount = min(wanted, residual[margin + 1])
            if amount > 0:
                residual[margin + 1] -= amount
            elif way_to_hub(graph, place, hub, to_hub):
                amount = send_along(graph, place, hub, to_hub, wanted)
                residual[margin] -= amount
            else:
                for reached in range(hub):
                    if graph.level[reached] >= 0:
                        stopped[reached] = 1
            wanted -= amount
            least[place] += amount


@compiled
def take_out_circles(source: Integers, target: Integers, links: Integers, places: int, flow: Integers) -> None:
    """Take out of a flow whatever some links carry in a circle.

    A walk follows what is carried until it comes back to a place on its own way, and takes that circle out; a place
    from which nothing leads on is done with. Every step uses up a link or a place.
    """
    start = np.zeros(places + 1, np.int64)
    for link in links:
        start[source[link] + 1] += 1
    start = np.cumsum(start)
    left = start[:-1].copy()
    onward = np.empty(links.shape[0], np.int64)
    for link in links:
        onward[left[source[link]]] = link
        left[source[link]] += 1
    step_of, passed, taken = np.full(places, -1), np.empty(places, np.int64), np.empty(places, np.int64)
    for first in links:
        depth, passed[0], step_of[source[first]] = 1, source[first], 0
        while depth > 0:
            place = passed[depth - 1]
            while left[place] > start[place] and flow[onward[left[place] - 1]] == 0:
                left[place] -= 1
            if left[place] == start[place]:
                step_of[place] = -1
                depth -= 1
                if depth > 0:
                    left[passed[depth - 1]] -= 1  # What led here leads nowhere, so it is in no circle.
                continue
            link = onward[left[place] - 1]
            step = step_of[target[link]]
            taken[depth - 1] = link
            if step < 0:
                step_of[target[link]], passed[depth] = depth, target[link]
                depth += 1
                continue
            amount = flow[taken[step:depth]].min()
            flow[taken[step:depth]] -= amount
            step_of[passed[step + 1 : depth]] = -1
            depth = step + 1
