"""The network simplex on supply curves: prices of large networks, int64 in and out, exact.

Each place has one curve that joins it with a common hub: all its orders by limit price, bids and offers together. An
offer brings lots from the hub when the price is above its limit; a bid takes its lots in any case and hands them back
to the hub when the price is below its limit. So the flow from the hub to a place is a rising step function of the
price, and a market is a minimum-cost flow with one convex arc a place and one linear arc a link.

A basis is a tree that hangs from the hub: every place is joined with it by links and one curve, and prices along the
tree follow from tariffs and the limit of that curve's step. The tree is kept strongly feasible (W. Cunningham, A
network simplex method, Mathematical Programming 11, 1976): from every place at least one lot could be sent on to the
hub. This rules out an endless round of pivots that move nothing. Links to try are taken in blocks (M. Grigoriadis, An
efficient implementation of the network simplex method, Mathematical Programming Study 26, 1986).

A kernel and all that it calls stand in this file; see naryq.market.kernels for why.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import Codes, Integers, bare, compiled

Nodes: TypeAlias = npt.NDArray[np.int32]
Whole: TypeAlias = int | np.int64 | np.int32


class Network(NamedTuple):
    """Links between places, and the curve of each place.

    The steps of a place are `start[place]` to `start[place + 1]`, rising in `limit`, each of some `lots`, at least one.
    """

    source: Integers
    target: Integers
    capacity: Integers
    tariff: Integers
    start: Integers
    limit: Integers
    lots: Integers


class Basis(NamedTuple):
    """A tree of links and curves, and where the arcs outside it stand.

    Arcs are numbered: a link by its row, the curve of a place by the number of links plus the place. The hub is the
    node after the last place and the root. `arc` joins a node with its `parent`, and takes `up` lots more towards the
    parent and `down` lots more from it; `child` is the first of a node's children, and `after` and `before` are its
    brothers there (-1 for none). `way` says of each link outside the tree whether it could carry more (1: it is empty)
    or less (-1: it is full), and is 0 for links in the tree and for those without capacity. A curve outside the tree
    has used up all steps before `step`; one in the tree is within that step, and has used at least one lot of it.
    """

    way: Integers
    step: Integers
    price: Integers
    up: Integers
    down: Integers
    parent: Nodes
    arc: Nodes
    depth: Nodes
    child: Nodes
    after: Nodes
    before: Nodes


@bare
def hang(basis: Basis, node: Whole, parent: Whole, arc: Whole, up: Whole, down: Whole) -> None:  # noqa: PLR0917
    """Hang a node that hangs nowhere under a parent, by an arc that takes so many lots up and down."""
    first = basis.child[parent]
    basis.parent[node], basis.arc[node] = parent, arc
    basis.up[node], basis.down[node] = up, down
    basis.after[node], basis.before[node] = first, -1
    if first >= 0:
        basis.before[first] = node
    basis.child[parent] = node


@bare
def take_off(basis: Basis, node: Whole) -> None:
    """Take a node, with all that hangs under it, off its parent."""
    before, after = basis.before[node], basis.after[node]
    if before >= 0:
        basis.after[before] = after
    else:
        basis.child[basis.parent[node]] = after
    if after >= 0:
        basis.before[after] = before


@compiled
def lone_places(network: Network, taken: Integers) -> Basis:
    """Make the basis in which every place clears alone: its curve brings the lots that its bids have `taken`."""
    places, links = taken.shape[0], network.source.shape[0]
    numbers = np.zeros((3, places + 1), np.int64)
    nodes = np.full((6, places + 1), -1, np.int32)
    way = np.empty(links, np.int64)
    basis = Basis(
        way,
        network.start[:-1].copy(),
        numbers[0],
        numbers[1],
        numbers[2],
        nodes[0],
        nodes[1],
        nodes[2],
        nodes[3],
        nodes[4],
        nodes[5],
    )
    basis.depth[:] = 1
    basis.depth[places] = 0
    for link in range(links):
        way[link] = np.int64(network.capacity[link] > 0)
    for place in range(places):
        used, step = taken[place], network.start[place]
        while used > network.lots[step]:
            used -= network.lots[step]
            step += 1
        basis.step[place] = step
        basis.price[place] = network.limit[step]
        hang(basis, place, places, links + place, used, network.lots[step] - used)
    return basis


@bare
def best_link(network: Network, basis: Basis, first: Whole, last: Whole) -> tuple[Whole, Whole]:
    """Return the link that gains most from first to before last, by a lot more (above zero) or less (below)."""
    source, target, tariff = network.source, network.target, network.tariff
    price, way = basis.price, basis.way
    best, most = np.int64(-1), np.int64(0)
    for link in range(first, last):
        gain = (price[target[link]] - price[source[link]] - tariff[link]) * way[link]
        if gain > most:
            best, most = np.int64(link), gain
    return best, most if best < 0 or way[best] > 0 else -most


@bare
def best_curve(network: Network, basis: Basis, first: Whole, last: Whole) -> tuple[Whole, Whole]:
    """Return the place whose curve gains most from first to before last, by a lot more (above zero) or less (below)."""
    start, limit = network.start, network.limit
    price, step = basis.price, basis.step
    best, most, found = np.int64(-1), np.int64(0), np.int64(0)
    for place in range(first, last):
        here = step[place]
        more = price[place] - limit[here] if here < start[place + 1] else np.int64(0)
        less = limit[here - 1] - price[place] if here > start[place] else np.int64(0)
        if more > most:
            best, most, found = np.int64(place), more, more
        elif less > most:
            best, most, found = np.int64(place), less, -less
    return best, found


@bare
def best_of_block(network: Network, basis: Basis, first: Whole, block: Whole) -> tuple[Whole, Whole, Whole]:
    """Look for the arc that gains most, block by block from the first arc until a block has one that gains.

    Returns the arc (-1 for none), its gain, and the first arc of the next block.
    """
    links = network.source.shape[0]
    arcs = links + basis.step.shape[0]
    looked = 0
    while looked < arcs:
        last = min(first + block, links if first < links else arcs)
        looked += last - first
        if first < links:
            arc, gain = best_link(network, basis, first, last)
        else:
            place, gain = best_curve(network, basis, first - links, last - links)
            arc = place + links if place >= 0 else place
        first = last if last < arcs else 0
        if arc >= 0:
            return arc, gain, np.int64(first)
    return np.int64(-1), np.int64(0), np.int64(first)


@bare
def room_of(network: Network, basis: Basis, arc: Whole, gain: Whole) -> Whole:
    """Return how many lots an arc outside the tree can take, or give up, for as long as that gains."""
    links = network.source.shape[0]
    if arc < links:
        return np.int64(network.capacity[arc])
    place, room = arc - links, np.int64(0)
    step, price = basis.step[place], basis.price[place]
    if gain > 0:
        while step < network.start[place + 1] and price > network.limit[step]:
            room += network.lots[step]
            step += 1
    else:
        while step > network.start[place] and price < network.limit[step - 1]:
            room += network.lots[step - 1]
            step -= 1
    return room


@bare
def use(network: Network, basis: Basis, place: Whole, lots: Whole) -> Whole:
    """Use lots (below zero: give lots back) of a curve outside the tree, and return what is used of its step then.

    That is at least one lot, unless nothing of the whole curve is used.
    """
    step, used = basis.step[place], np.int64(lots)
    while step < network.start[place + 1] and used > network.lots[step]:
        used -= network.lots[step]
        step += 1
    while used <= 0 and step > network.start[place]:
        step -= 1
        used += network.lots[step]
    basis.step[place] = step
    return used


@bare
def turn_over(basis: Basis, node: Whole, top: Whole, parent: Whole, arc: Whole, up: Whole, down: Whole) -> None:  # noqa: PLR0917
    """Cut the tree above `top` and hang that part by `node`, which is in it, under a parent outside it."""
    while True:
        above, above_arc, above_up, above_down = basis.parent[node], basis.arc[node], basis.up[node], basis.down[node]
        take_off(basis, node)
        hang(basis, node, parent, arc, up, down)
        if node == top:
            return
        node, parent, arc, up, down = above, node, above_arc, above_down, above_up


@bare
def reprice(basis: Basis, top: Whole, change: Whole) -> None:
    """Change the price of a node and of all that hangs under it, and count their depths anew."""
    price, depth, parent, child, after = basis.price, basis.depth, basis.parent, basis.child, basis.after
    node = top
    while True:
        price[node] += change
        depth[node] = depth[parent[node]] + 1
        if child[node] >= 0:
            node = child[node]
            continue
        while node != top and after[node] < 0:
            node = parent[node]
        if node == top:
            return
        node = after[node]


@bare
def blocking(basis: Basis, begin: Whole, end: Whole, room: Whole) -> tuple[Whole, Whole, Whole, bool]:
    """Find how much can go around the circle that an arc closes with the tree, and the last node whose arc blocks it.

    The circle starts at the join of its two halves, goes down to the arc's begin, through the arc (which takes `room`
    lots) and up from its end. Returns the lots, the node (-1 where the arc itself blocks last), the join, and whether
    the node is on the way down.
    """
    parent, depth, up, down = basis.parent, basis.depth, basis.up, basis.down
    one, other = begin, end
    lots, node, going_down = np.int64(room), np.int64(-1), False
    later, last = np.int64(room), np.int64(-1)
    while one != other:
        if depth[one] >= depth[other]:
            if down[one] < lots:
                lots, node, going_down = down[one], np.int64(one), True
            one = np.int64(parent[one])
        else:
            if up[other] <= later:  # Of equals the last, and so rather than the arc itself.
                later, last = up[other], np.int64(other)
            other = np.int64(parent[other])
    if last >= 0 and later <= lots:
        return later, last, one, False
    return lots, node, one, going_down


@bare
def send(basis: Basis, begin: Whole, end: Whole, join: Whole, lots: Whole) -> None:
    """Send lots down the tree from the join to the begin of an arc, and up from its end to the join."""
    parent, up, down = basis.parent, basis.up, basis.down
    while begin != join:
        down[begin] -= lots
        up[begin] += lots
        begin = np.int64(parent[begin])
    while end != join:
        up[end] -= lots
        down[end] += lots
        end = np.int64(parent[end])


@bare
def enter(network: Network, basis: Basis, arc: Whole, lots: Whole) -> tuple[Whole, Whole, Whole]:
    """Give an arc outside the tree some lots more (below zero: less).

    Returns how many more it takes then at the same cost, how many less, and that cost.
    """
    links = network.source.shape[0]
    if arc < links:
        used = lots if basis.way[arc] > 0 else network.capacity[arc] + lots
        basis.way[arc] = 0
        return network.capacity[arc] - used, used, network.tariff[arc]
    used = use(network, basis, arc - links, lots)
    step = basis.step[arc - links]
    return network.lots[step] - used, used, network.limit[step]


@bare
def leave(network: Network, basis: Basis, arc: Whole, more: Whole) -> None:
    """Note of an arc that it is outside the tree and takes so many lots more: a link none or all, a curve of a step."""
    links = network.source.shape[0]
    if arc >= links:
        basis.step[arc - links] += np.int64(more == 0)
    elif network.capacity[arc] > 0:
        basis.way[arc] = -1 if more == 0 else 1


@bare
def pivot(network: Network, basis: Basis, entering: Whole, gain: Whole) -> None:
    """Send as much as goes around the circle that an arc closes with the tree; what blocks it last leaves the tree."""
    links, hub = network.source.shape[0], basis.step.shape[0]
    begin, end = np.int64(hub), np.int64(entering - links)
    if entering < links:
        begin, end = network.source[entering], network.target[entering]
    room = room_of(network, basis, entering, gain)
    lots, top, join, going_down = blocking(basis, begin, end, room) if gain > 0 else blocking(basis, end, begin, room)
    if gain < 0:
        lots, going_down = -lots, not going_down
    send(basis, begin, end, join, lots)
    more, less, cost = enter(network, basis, entering, lots)
    if top < 0:
        leave(network, basis, entering, more)
        return
    leaving = basis.arc[top]
    brings = leaving >= links or network.target[leaving] == top
    leave(network, basis, leaving, basis.down[top] if brings else basis.up[top])
    if going_down:
        turn_over(basis, begin, top, end, entering, more, less)
        reprice(basis, begin, basis.price[end] - cost - basis.price[begin])
    else:
        turn_over(basis, end, top, begin, entering, less, more)
        reprice(basis, end, basis.price[begin] + cost - basis.price[end])


@compiled
def best_basis(network: Network, taken: Integers) -> tuple[Basis, int]:
    """Return an optimal basis and the number of pivots: from places that clear alone, until no arc gains."""
    basis = lone_places(network, taken)
    arcs = network.source.shape[0] + taken.shape[0]
    block = 20
    while block * block < 4 * arcs:
        block += 1
    pivots = 0
    arc, gain, first = best_of_block(network, basis, np.int64(0), block)
    while arc >= 0:
        pivot(network, basis, arc, gain)
        pivots += 1
        arc, gain, first = best_of_block(network, basis, first, block)
    return basis, pivots


@compiled
def best_prices(network: Network, taken: Integers, prices: Integers) -> int:
    """Write optimal prices and return the number of pivots."""
    basis, pivots = best_basis(network, taken)
    for place in range(prices.shape[0]):
        prices[place] = basis.price[place]
    return pivots


@bare
def stand_by_row(  # noqa: PLR0917 - kernels take their arguments by position
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    at: Integers,
    lots: Integers,
    below: Integers,
    above: Integers,
) -> None:
    """Sum the lots outside, at and inside the price of each place by side, and find the order prices next to it.

    Orders without lots do not count.
    """
    for row in range(price.shape[0]):
        if quantity[row] == 0:
            continue
        here, way = place_of[place[row]], side_of[side[row]]
        gap = price[row] - at[here]
        if gap == 0:
            lots[here, way, 1] += quantity[row]
        elif gap < 0:
            lots[here, way, 2 * way] += quantity[row]
            below[here] = max(below[here], price[row])
        else:
            lots[here, way, 2 - 2 * way] += quantity[row]
            above[here] = min(above[here], price[row])


@bare
def trade_of(network: Network, basis: Basis, used: Integers, flow: Integers) -> None:
    """Read from an optimal basis how many lots of the curve of each place are used, and what each link carries."""
    links, places = network.source.shape[0], used.shape[0]
    for place in range(places):
        used[place] = 0
        for step in range(network.start[place], basis.step[place]):
            used[place] += network.lots[step]
    for link in range(links):
        flow[link] = network.capacity[link] if basis.way[link] < 0 else 0
    for place in range(places):
        arc = basis.arc[place]
        if arc >= links:
            used[place] += basis.up[place]
        else:
            flow[arc] = basis.up[place] if network.target[arc] == place else basis.down[place]


@compiled
def best_trades(  # noqa: PLR0917 - kernels take their arguments by position
    place: Integers,
    link: Integers,
    step: Integers,
    networks: Network,
    taken: Integers,
    prices: Integers,
    used: Integers,
    flow: Integers,
) -> None:
    """Find optimal prices and an optimal trade for networks that stand one after another.

    The places, links and steps of a network start where the array of that name says, and are numbered from there.
    """
    for index in range(place.shape[0] - 1):
        first, last = place[index], place[index + 1]
        own = slice(link[index], link[index + 1])
        steps = slice(step[index], step[index + 1])
        network = Network(
            networks.source[own],
            networks.target[own],
            networks.capacity[own],
            networks.tariff[own],
            networks.start[first + index : last + index + 1],
            networks.limit[steps],
            networks.lots[steps],
        )
        basis, _ = best_basis(network, taken[first:last])
        for here in range(first, last):  # A loop compiles in a tenth of the time of an assignment to a slice.
            prices[here] = basis.price[here - first]
        trade_of(network, basis, used[first:last], flow[own])
