"""Plain twins of the kernels of sharing: every lot goes alone, and every way is looked for anew."""

from collections import deque
from typing import Any

from tests.twins import end_of

from naryq.market.kernels import Graph

Array = Any


def ways_from(graph: Graph, place: int, to_hub: int) -> dict[int, list[int]]:
    """Return for each node that a lot can reach from a place (or be brought from) the arcs of a shortest way."""
    found: dict[int, list[int]] = {place: []}
    waiting = deque([place])
    while waiting:
        node = waiting.popleft()
        for arc in range(len(graph.residual)):
            carries = arc if to_hub else arc ^ 1
            begin, end = end_of(graph, arc ^ 1), end_of(graph, arc)
            if begin == node and end not in found and graph.residual[carries] > 0:
                found[end] = [*found[node], carries]
                waiting.append(end)
    return found


def way_to_hub(graph: Graph, place: int, hub: int, to_hub: int) -> int:
    """Return the length of a shortest way, or 0 for none."""
    return len(ways_from(graph, place, to_hub).get(hub, []))


def send_along(graph: Graph, way: list[int], lots: int) -> int:
    """Send lots along a way one by one, and return how many went."""
    sent = 0
    while sent < lots and all(graph.residual[arc] > 0 for arc in way):
        for arc in way:
            graph.residual[arc] -= 1
            graph.residual[arc ^ 1] += 1
        sent += 1
    return sent


def serve(graph: Graph, first: int, to_hub: int, places: Array, lots: Array, least: Array) -> None:  # noqa: PLR0917
    """Serve one lot after another: from what a margin trades beyond its least, else on any way."""
    hub = len(least)
    for place, wanted in zip(places.tolist(), lots.tolist(), strict=True):
        margin = 2 * (first + place)
        for _ in range(wanted):
            if graph.residual[margin + 1] > 0:
                graph.residual[margin + 1] -= 1
            else:
                way = ways_from(graph, place, to_hub).get(hub)
                if way is None:
                    break
                send_along(graph, way, 1)
                graph.residual[margin] -= 1
            least[place] += 1


def take_out_circles(source: Array, target: Array, links: Array, places: int, flow: Array) -> None:
    """Walk on from each place until nothing is left to follow, and take out every circle on the way."""
    onward: list[list[int]] = [[] for _ in range(places)]
    for link in links.tolist():
        onward[source[link]].append(link)
    for first in links.tolist():
        way: list[tuple[int, int]] = [(int(source[first]), -1)]
        while way:
            ways = onward[way[-1][0]]
            while ways and not flow[ways[-1]]:
                ways.pop()
            if not ways:
                way.pop()
                if way:
                    onward[way[-1][0]].pop()
                continue
            passed = [place for place, _ in way]
            link, place = ways[-1], int(target[ways[-1]])
            if place not in passed:
                way.append((place, link))
                continue
            circle = [link, *(by for _, by in way[passed.index(place) + 1 :])]
            flow[circle] -= min(flow[circle])
            del way[passed.index(place) + 1 :]
