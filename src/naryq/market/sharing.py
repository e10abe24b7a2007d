"""How the margins of several places share what reaches them, where the same gas could go to any of them.

At optimal prices the orders at the margin of places joined by open links (neither full nor losing) compete with each
other, and welfare does not say who is served. Left to the flow, one place could go empty so that another is served in
full. The tie rule decides for all of them together:

- `time`: the earlier order, wherever it stands, comes first, as far as the links can carry;
- `pro_rata`: every margin is served to the same part, as far as the links can carry; what one cannot be given is
  shared among the others in the same way (max-min fairness; Bertsekas and Gallager, Data Networks, 1992, section 6.5).

What can be served at once is a polymatroid, so serving greedily never costs trade: whoever is served holds what he
got, and the next is served on ways that take nothing from those before. By time the orders come one after another. In
proportion all margins climb a ladder, whose rungs say how much each should have at least; whoever cannot reach the next
stays where he comes to, while the others climb on.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from naryq.market import turn_kernels
from naryq.market.kernels import BUY, MARGINAL, SELL, Graph, Integers, graph_of
from naryq.market.network import Standing, Trade, trade_at
from naryq.market.outside import WITHOUT_END, borders
from naryq.market.passes import Market

Flags: TypeAlias = npt.NDArray[np.bool_]


def shared_trade(market: Market, standing: Standing, tie: str, submitted_at: Integers | None) -> Trade:
    """Return the trade at optimal prices, the margins that compete with each other sharing by the tie rule."""
    trade = trade_at(market, standing)
    offered = standing.lots[:, :, MARGINAL]
    traded = np.stack([trade.margin_bought, trade.margin_sold], axis=1)
    if (traded == offered).all():
        return trade
    group = _joined(market, standing)
    competing = [_competing(offered[:, side], traded[:, side], group) for side in (BUY, SELL)]
    if not any(each.any() for each in competing):
        return trade
    turns = _turns(market, standing, trade)
    for side in (BUY, SELL):
        if tie == "time":
            turns.serve(side, *_by_time(market, standing, side, submitted_at, competing[side]))
        else:
            lots, rungs = offered[:, side].astype(object), int(offered[:, side].max())  # Products may pass 64 bits.
            _Climb(turns, side, lots, rungs).lead(np.flatnonzero(competing[side]), 0, rungs)
    return trade_at(market, standing, turns.least.T.copy())


def _competing(offered: Integers, traded: Integers, group: Integers) -> Flags:
    """Tell which margins belong to a group of joined places where one is short while another is served."""
    short, served = traded < offered, traded > 0
    if not short.any() or not served.any():
        return np.zeros(group.size, np.bool_)
    lacking, given, members = (np.bincount(group[each], minlength=group.size) for each in (short, served, offered > 0))
    return (offered > 0) & ((lacking > 0) & (given > 0) & (members > 1))[group]


def _joined(market: Market, standing: Standing) -> Integers:
    """Number each place by the least place that open links join it with."""
    source, target, at = market.link_source, market.link_target, standing.at
    is_open = (at[target] - at[source] == market.tariff) & (market.capacity > 0)
    group = np.arange(market.places)
    while True:
        least = np.minimum(group[source[is_open]], group[target[is_open]])
        after = group.copy()
        np.minimum.at(after, source[is_open], least)
        np.minimum.at(after, target[is_open], least)
        if (after == group).all():
            return group
        group = after


def _by_time(
    market: Market, standing: Standing, side: int, submitted_at: Integers | None, competing: Flags
) -> tuple[Integers, Integers]:
    """Return place and quantity of the orders at competing margins, the earliest first."""
    place = market.place_of[market.place]
    at_margin = (market.side_of[market.side] == side) & (market.price == standing.at[place])
    rows = np.flatnonzero(at_margin & competing[place])
    if submitted_at is not None:
        rows = rows[np.argsort(submitted_at[rows], kind="stable")]
    return place[rows], market.quantity[rows].astype(np.int64)


class _Turns(NamedTuple):
    """A flow on which margins are served in turn: what each holds by side (`least`), and who cannot rise (`stopped`).

    `firsts` are the edges of the first place's margins, by side.
    """

    graph: Graph
    firsts: tuple[int, int]
    least: Integers
    stopped: Integers

    def serve(self, side: int, places: Integers, lots: Integers) -> None:
        """Serve places one after another, as far as it goes."""
        held, stopped = self.least[side], self.stopped[side]
        turn_kernels.serve(self.graph, self.firsts[side], side, places, lots, held, stopped)


def _turns(market: Market, standing: Standing, trade: Trade) -> _Turns:
    """Put a trade as a flow between places and a hub, over links at par, margins and borders; nobody holds anything."""
    places, at = market.places, standing.at
    every, hub = np.arange(places), np.full(places, market.places)
    gap = at[market.link_target] - at[market.link_source] - market.tariff
    at_par = np.flatnonzero((gap == 0) & (market.capacity > 0))
    offered, nothing = standing.lots[:, :, MARGINAL], np.zeros_like(every)
    edges = [
        (market.link_source[at_par], market.link_target[at_par], market.capacity[at_par], trade.flow[at_par]),
        (every, hub, offered[:, BUY], trade.margin_bought),
        (hub, every, offered[:, SELL], trade.margin_sold),
    ]
    if market.outside is not None and trade.brought is not None:
        opens_in, opens_out = borders(market.outside, at)
        edges.append((hub, every, np.where(opens_in, WITHOUT_END, 0), np.maximum(trade.brought, 0)))
        edges.append((every, hub, np.where(opens_out, WITHOUT_END, 0), np.maximum(-trade.brought, 0)))
    tail, head, room, flow = (np.concatenate(columns) for columns in zip(*edges, strict=True))
    graph = graph_of(tail, head, places + 1)
    graph.residual[::2], graph.residual[1::2] = room - flow, flow
    held = np.stack([nothing, nothing])
    return _Turns(graph, (at_par.size, at_par.size + places), held, held.copy())


class _Climb(NamedTuple):
    """Margins of one side on their way up together: rung k is the part k / rungs of every margin, rounded down.

    Whoever stops on the way to a rung belongs to a group that has all it can get, however it is shared there, so it
    matters to nobody else (S. Fujishige, Lexicographically optimal base of a polymatroid, Mathematics of Operations
    Research 5, 1980). The group and the rest are then led on, each between rungs half as far apart.
    """

    turns: _Turns
    side: int
    offered: npt.NDArray[np.object_]
    rungs: int

    def lead(self, places: Integers, low: int, high: int) -> None:
        """Lead places from a rung that they hold as far up as they come; they come no further than to `high`."""
        if not places.size:
            return
        rung = high if high - low == 1 else (low + high) // 2
        self._serve(places, rung)
        if rung == high:
            return
        stops = self.turns.stopped[self.side, places] > 0
        self.lead(places[~stops], rung, high)
        self._release(places[stops], low)
        self.lead(places[stops], low, rung)

    def _asked(self, places: Integers, rung: int) -> Integers:
        lots: Integers = (self.offered[places] * rung // self.rungs).astype(np.int64)
        return lots

    def _serve(self, places: Integers, rung: int) -> None:
        self.turns.serve(self.side, places, self._asked(places, rung) - self.turns.least[self.side, places])

    def _release(self, places: Integers, rung: int) -> None:
        """Let places hold no more than a rung asks for; what they trade beyond it they may keep or give up again."""
        turns, asked = self.turns, self._asked(places, rung)
        margins = 2 * (turns.firsts[self.side] + places) + 1
        turns.graph.residual[margins] += turns.least[self.side, places] - asked
        turns.least[self.side, places], turns.stopped[self.side, places] = asked, 0
