"""How the margins of several places share what reaches them, where the same gas could go to any of them.

At optimal prices the orders at the margin of places joined by open links (neither full nor losing) compete with each
other, and welfare does not say who is served. Left to the flow, one place could go empty so that another is served in
full. The tie rule decides for all of them together:

- `time`: the earlier order, wherever it stands, comes first, as far as the links can carry;
- `pro_rata`: every margin is served to the same part, as far as the links can carry; what one cannot be given is
  shared among the others in the same way (max-min fairness; Bertsekas and Gallager, Data Networks, 1992, section 6.5).

Both climb a ladder: each rung says how much every margin should have at least, and the highest rung that a flow can
serve is found by bisection. A margin that cannot be raised further stays where it is, and the others climb on. What
can be served at once is a polymatroid, so climbing greedily never costs trade.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import BUY, MARGINAL, SELL, Integers
from naryq.market.network import Standing, Trade, margins_at, trade_at
from naryq.market.outside import borders
from naryq.market.passes import Market

Flags: TypeAlias = npt.NDArray[np.bool_]
Floors: TypeAlias = Callable[[int], Sequence[int]]
"""From the number of a rung to the lots that each place's margin should have at least; rung zero gives none."""


class Ladder(NamedTuple):
    """The rungs of one side: how many there are above zero, and what each of them asks for."""

    rungs: int
    floors: Floors


def shared_trade(market: Market, standing: Standing, tie: str, submitted_at: Integers | None) -> Trade:
    """Return the trade at optimal prices, the margins that compete with each other sharing by the tie rule."""
    trade = trade_at(market, standing)
    offered = standing.lots[:, :, MARGINAL]
    traded = np.stack([trade.margin_bought, trade.margin_sold], axis=1)
    if (traded == offered).all():
        return trade
    group = _joined(market, standing)
    least = np.zeros((market.places, 2), np.int64)
    for side in (BUY, SELL):
        competing = _competing(offered[:, side], traded[:, side], group)
        if competing.any():
            by_time = tie == "time"
            ladder = _by_time(market, standing, side, submitted_at) if by_time else _in_proportion(offered[:, side])
            least[:, side] = _Climb(market, standing, least, side).up(ladder, competing)
    return trade_at(market, standing, least) if least.any() else trade


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


# --- Ladders ------------------------------------------------------------------------------------------------------


def _in_proportion(offered: Integers) -> Ladder:
    """Rung k asks for the part k / rungs of every margin, rounded down."""
    lots = offered.tolist()
    rungs = max(lots)
    return Ladder(rungs, lambda rung: [each * rung // rungs for each in lots])


def _by_time(market: Market, standing: Standing, side: int, submitted_at: Integers | None) -> Ladder:
    """Rung k asks for the k earliest orders of all margins, in full."""
    place = market.place_of[market.place]
    rows = np.flatnonzero((market.side_of[market.side] == side) & (market.price == standing.at[place]))
    if submitted_at is not None:
        rows = rows[np.argsort(submitted_at[rows], kind="stable")]
    places, quantity = place[rows], market.quantity[rows].astype(np.int64)

    def floors(rung: int) -> Sequence[int]:
        asked = np.zeros(market.places, np.int64)
        np.add.at(asked, places[:rung], quantity[:rung])
        asked_lots: list[int] = asked.tolist()
        return asked_lots

    return Ladder(rows.size, floors)


# --- Climbing -----------------------------------------------------------------------------------------------------


class _Climb(NamedTuple):
    """Margins of one side on their way up a ladder; `least` holds what each margin gets at least, by side."""

    market: Market
    standing: Standing
    least: Integers
    side: int

    def up(self, ladder: Ladder, competing: Flags) -> Integers:
        """Return the lots that each margin gets at least: the same rung for all that can climb on."""
        climbing = competing.copy()
        rung = 0
        while climbing.any() and rung < ladder.rungs:
            rung = _highest(rung, ladder.rungs, lambda number: self._fits(self._asked(ladder, number, climbing)))
            self.least[:, self.side] = self._asked(ladder, rung, climbing)
            if rung < ladder.rungs:
                rung += 1
                self._raise_each(self._asked(ladder, rung, climbing), climbing)
        return self.least[:, self.side]

    def _asked(self, ladder: Ladder, rung: int, climbing: Flags) -> Integers:
        return np.where(climbing, np.asarray(ladder.floors(rung), np.int64), self.least[:, self.side])

    def _trade(self, asked: Integers, places: Integers | slice) -> Trade | None:
        """Return a trade in which some places get what is asked, and all others what they hold; None if none can be."""
        least = self.least.copy()
        least[places, self.side] = asked[places]
        return margins_at(self.market, self.standing, least)

    def _fits(self, asked: Integers, places: Integers | slice = slice(None)) -> bool:
        return self._trade(asked, places) is not None

    def _raise_each(self, asked: Integers, climbing: Flags) -> None:
        """Raise margins to a rung that not all can reach, one after another; who cannot stays where he comes to."""
        pending = np.flatnonzero(climbing & (asked > self.least[:, self.side]))
        while pending.size:
            count = _highest(0, pending.size, partial(self._first_fit, asked, pending))
            self.least[pending[:count], self.side] = asked[pending[:count]]
            if count == pending.size:
                return
            self._raise_as_far_as_it_goes(int(pending[count]), asked)
            climbing &= self._can_rise()
            pending = pending[count + 1 :]
            pending = pending[climbing[pending]]

    def _first_fit(self, asked: Integers, pending: Integers, count: int) -> bool:
        return self._fits(asked, pending[:count])

    def _raise_as_far_as_it_goes(self, place: int, asked: Integers) -> None:
        def holds(lots: int) -> bool:
            return self._fits(np.full_like(asked, lots), np.array([place]))

        held = int(self.least[place, self.side])
        self.least[place, self.side] = _highest(held, int(asked[place]), holds)

    def _can_rise(self) -> Flags:
        """Tell which margins could have one lot more than they must, all others keeping what they hold.

        A lot for a buyer must come from a seller with something left, or from a buyer with more than he must have,
        over links with room or back over links in use; a lot of a seller takes the opposite way. Or it crosses the
        border, or one that crosses it the other way stays.
        """
        trade = margins_at(self.market, self.standing, self.least)
        assert trade is not None, "what is held can be served"
        traded, offered = np.stack([trade.margin_bought, trade.margin_sold]), self.standing.lots[:, :, MARGINAL].T
        own, other = self.side, 1 - self.side
        reached = (traded[other] < offered[other]) | (traded[own] > self.least[:, own]) | self._over_the_border(trade)
        start, end = self._ways(trade.flow) if own == BUY else self._ways(trade.flow)[::-1]
        while True:
            found = end[reached[start]]
            if reached[found].all():
                free: Flags = reached & (self.least[:, own] < offered[own])
                return free
            reached[found] = True

    def _over_the_border(self, trade: Trade) -> Flags:
        """Tell at which places a lot for this side could come from outside, or go there."""
        if self.market.outside is None or trade.brought is None:
            return np.zeros(self.market.places, np.bool_)
        inwards, outwards = borders(self.market.outside, self.standing.at)
        return inwards | (trade.brought < 0) if self.side == BUY else outwards | (trade.brought > 0)

    def _ways(self, flow: Integers) -> tuple[Integers, Integers]:
        """Return from where to where one lot can still move over open links."""
        source, target, at = self.market.link_source, self.market.link_target, self.standing.at
        is_open = at[target] - at[source] == self.market.tariff
        room, used = is_open & (flow < self.market.capacity), is_open & (flow > 0)
        return np.concatenate([source[room], target[used]]), np.concatenate([target[room], source[used]])


def _highest(known: int, most: int, holds: Callable[[int], bool]) -> int:
    """Return the highest number up to `most` for which something holds, given that it holds for `known`."""
    if holds(most):
        return most
    low, high = known, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
