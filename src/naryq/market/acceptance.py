"""Which conditional orders to accept: the greatest welfare at which uniform prices exist, proven by branch and bound.

A choice has supporting prices when and only when the network auction of the ordinary and the accepted orders, all
taken as ordinary, is worth as much as the choice itself; its optimal prices are then the supporting prices. The
search parts the choices in two again and again, by one order accepted or rejected, and drops every part whose
relaxation is worth less than the best choice found. docs/reference/conditional-orders.md has the rule and the proofs.
"""

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from naryq.market.conditions import GONE, NONE, Conditions
from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.passes import Market
from naryq.market.relaxation import Choice, Flags, Relaxation, Relaxed

Stop = Callable[[], bool]


class Acceptance(NamedTuple):
    """What was chosen: the accepted conditional orders, their welfare, and a bound that no choice exceeds."""

    accepted: Flags
    welfare: int
    bound: int


class _Part(NamedTuple):
    """A part of all choices that is still to be searched, in the order of search: the highest bound, then the last."""

    order: tuple[int, int]
    choice: Choice


def choose(market: Market, conditions: Conditions, stop: Stop) -> Acceptance:
    """Find the choice of greatest welfare with supporting prices; of several, the one that comes first.

    Of two choices of equal welfare, that one comes first which has the earliest order that only one of them has.

    Args:
        market: All orders, the conditional ones among them.
        conditions: The conditions, the earliest order first.
        stop: Asked before each step; when it says so, the best choice so far is returned with its bound.
    """
    return _Search(market, conditions).run(stop)


class _Search:
    """The parts still to be searched, and the best choice found."""

    def __init__(self, market: Market, conditions: Conditions) -> None:
        orphans = conditions.parent == GONE
        conditions = conditions._replace(parent=np.where(orphans, NONE, conditions.parent))
        self._conditions = conditions
        self._relaxation = Relaxation(market, conditions)
        self._count = conditions.rows.size
        nothing = np.zeros(self._count, np.bool_)
        everything = self._consistent(Choice(nothing, ~orphans, *self._relaxation.whole_range()))
        assert everything is not None, "nothing is accepted yet, so nothing contradicts"
        self._everything = everything
        self._welfare = 0
        self._best = nothing
        self._waiting: list[_Part] = []
        self._pushed = 0

    def run(self, stop: Stop) -> Acceptance:
        """Search until nothing is left that could be better, or until told to stop."""
        bound = self._relaxation.solve(self._everything).value
        self._welfare = self._relaxation.solve(self._shrunk(self._everything)).value
        low = self._relaxation.lowest_prices(self._everything)
        high = self._relaxation.highest_prices(self._everything)
        self._relaxation.narrow(low, high)
        self._everything = self._everything._replace(low=low, high=high)
        self._push(bound, self._everything)
        while self._waiting and -self._waiting[0].order[0] >= self._welfare:
            if stop():
                return Acceptance(self._best, self._welfare, -self._waiting[0].order[0])
            choice: Choice | None = heapq.heappop(self._waiting).choice
            while choice is not None:
                choice = self._search(choice)
        return Acceptance(self._best, self._welfare, self._welfare)

    def _push(self, bound: int, choice: Choice) -> None:
        self._pushed += 1
        heapq.heappush(self._waiting, _Part((-bound, -self._pushed), choice))

    def _shrunk(self, choice: Choice) -> Choice:
        """Reject what does not gain at the optimal prices until all that is left does: a choice with supporting prices.

        Of a group, the order that gains most stays. The choice is kept as the best if it is.
        """
        while True:
            gains = self._relaxation.gains(self._relaxation.solve(choice).at)
            kept = self._compatible(choice.open & (gains > 0), gains)
            if (kept == (choice.open & (gains >= 0))).all():
                self._best = kept
                return choice._replace(open=kept)
            choice = choice._replace(open=kept)

    def _compatible(self, chosen: Flags, gains: Integers) -> Flags:
        """Leave out what the conditions between orders do not allow: all but the best of a group, and orphans."""
        least, group, parent = self._conditions.least, self._conditions.group, self._conditions.parent
        kept = chosen.copy()
        worth = gains * least
        first: dict[int, int] = {}
        for number in np.flatnonzero(chosen & (group != NONE)).tolist():
            rival = first.setdefault(int(group[number]), number)
            if rival != number:
                loser = number if worth[rival] >= worth[number] else rival
                kept[loser] = False
                first[int(group[number])] = rival + number - loser
        while True:
            orphans = kept & (parent != NONE) & ~kept[parent]
            if not orphans.any():
                return kept
            kept &= ~orphans

    # --- One part ---------------------------------------------------------------------------------------------------

    def _search(self, choice: Choice) -> Choice | None:
        """Settle what can be settled in a part; keep its best choice if that is plain, else part it in two.

        Returns the half to go on with: downhill to some choice with supporting prices, and a better one to beat.
        """
        settled: Choice | None = choice
        while settled is not None:
            choice = settled
            relaxed = self._relaxation.solve(choice)
            gains = self._relaxation.gains(relaxed.at)
            bound = relaxed.value - self._excess(choice, gains)
            if not self._may_better(bound, choice.accepted | choice.open):
                return None
            settled = self._settled(choice, gains, relaxed.value, bound)
            if settled is not None and (settled.open == choice.open).all():
                return self._part(settled, relaxed, gains, bound)
        return None

    def _may_better(self, welfare: int, accepted: Flags) -> bool:
        """Tell whether a choice of that welfare would come before the best."""
        if welfare != self._welfare:
            return welfare > self._welfare
        differing = np.flatnonzero(accepted != self._best)
        return bool(differing.size) and bool(accepted[differing[0]])

    def _excess(self, choice: Choice, gains: Integers) -> int:
        """Return by how much the value counts what the conditions between orders exclude at these prices.

        Of a group only one order gains. Children gain only with their parent: either they do not, or it loses what
        its least lots lose.
        """
        conditions, blocks = self._conditions, self._relaxation.blocks
        worth = np.where(choice.open, np.maximum(gains, 0) * blocks.quantity, 0)
        grouped, waits = conditions.group != NONE, (conditions.parent != NONE) & (conditions.group == NONE)
        total, most, children = (np.zeros(self._count, np.int64) for _ in range(3))
        np.add.at(total, conditions.group[grouped], worth[grouped])
        np.maximum.at(most, conditions.group[grouped], worth[grouped])
        np.add.at(children, conditions.parent[waits], worth[waits])
        loss = np.where(choice.open, np.maximum(-gains, 0) * blocks.least, 0)
        return int((total - most).sum()) + int(np.minimum(children, loss).sum())

    def _settled(self, choice: Choice, gains: Integers, value: int, bound: int) -> Choice | None:
        """Accept and reject what every better choice of this part does; None when there is none.

        Rejecting an order that gains costs its gain, and accepting one that loses costs its loss, at any prices at
        all: where that is more than the part is ahead of the best, the matter is settled. So it is where an order
        would lose at all prices within reach.
        """
        conditions, blocks = self._conditions, self._relaxation.blocks
        alone = (conditions.group == NONE) & (conditions.parent == NONE)
        alone[conditions.parent[conditions.parent != NONE]] = False
        slack = np.where(alone, bound, value) - self._welfare
        accepted = choice.accepted | choice.open & (gains * blocks.quantity > slack)
        still_open = choice.open & ~accepted & (-gains * blocks.least <= slack)
        settled = self._consistent(choice._replace(accepted=accepted, open=still_open))
        if settled is None or not settled.accepted.any():
            return settled
        low = np.maximum(settled.low, self._relaxation.lowest_prices(settled))
        high = np.minimum(settled.high, self._relaxation.highest_prices(settled))
        return self._consistent(settled._replace(low=low, high=high))

    def _consistent(self, choice: Choice) -> Choice | None:
        """Follow the conditions to their end: prices, parents, children, rivals; None for a contradiction."""
        blocks, group, parent = self._relaxation.blocks, self._conditions.group, self._conditions.parent
        accepted, is_open = choice.accepted.copy(), choice.open.copy()
        low, high = choice.low.copy(), choice.high.copy()
        while True:
            before = int(accepted.sum()) - int(is_open.sum())
            needed = parent[accepted & (parent != NONE)]
            if not (accepted | is_open)[needed].all():
                return None
            accepted[needed], is_open[needed] = True, False
            taken = group[accepted & (group != NONE)]
            if np.unique(taken).size < taken.size:
                return None
            is_open &= ~np.isin(group, taken) & ((parent == NONE) | (accepted | is_open)[parent])
            offers, bids = accepted & (blocks.side == SELL), accepted & (blocks.side == BUY)
            np.maximum.at(low, blocks.place[offers], blocks.price[offers])
            np.minimum.at(high, blocks.place[bids], blocks.price[bids])
            if (low > high).any():
                return None
            loses = np.where(blocks.sign > 0, blocks.price < low[blocks.place], blocks.price > high[blocks.place])
            is_open &= ~loses
            if int(accepted.sum()) - int(is_open.sum()) == before:
                return Choice(accepted, is_open, low, high)

    def _part(self, choice: Choice, relaxed: Relaxed, gains: Integers, bound: int) -> Choice | None:
        """Keep the best choice of a part if the relaxed market shows it; else part it by one open order."""
        number = self._undecided(choice, gains)
        if number is None:
            accepted = choice.accepted | choice.open & (gains > 0)
            if self._is_supported(choice, gains, accepted, relaxed):
                if self._may_better(relaxed.value, accepted):
                    self._best, self._welfare = accepted, relaxed.value
                return None
            number = self._likely_cause(choice, gains, relaxed.at)
        if number is None:
            return None
        one = np.arange(self._count) == number
        with_it = self._consistent(choice._replace(accepted=choice.accepted | one, open=choice.open & ~one))
        if with_it is not None:
            self._push(bound, with_it)
        return self._consistent(choice._replace(open=choice.open & ~one))

    def _undecided(self, choice: Choice, gains: Integers) -> int | None:
        """Return an open order that the relaxed market might fill in part, or against the conditions between orders."""
        marginal = np.flatnonzero(choice.open & (gains == 0))
        if marginal.size:
            return int(marginal[0])
        wanted = choice.accepted | choice.open & (gains > 0)
        kept = self._compatible(wanted, np.where(choice.accepted, np.iinfo(np.int64).max, gains))
        excluded = wanted & ~kept
        if not excluded.any():
            return None
        group, parent = self._conditions.group, self._conditions.parent
        orphans = excluded & (parent != NONE) & ~kept[parent]
        if orphans.any():  # They come first: the best of a group may be one, and then none of its group is kept.
            return int(parent[np.argmax(orphans)])
        return int(np.argmax(kept & (group == group[np.argmax(excluded)])))

    def _is_supported(self, choice: Choice, gains: Integers, accepted: Flags, relaxed: Relaxed) -> bool:
        """Tell whether a choice worth as much as its part has supporting prices: at these prices, or at any."""
        within = (choice.low <= relaxed.at) & (relaxed.at <= choice.high)
        if within.all() and not (choice.accepted & (gains < 0)).any():
            return True
        nothing = np.zeros_like(accepted)
        return self._relaxation.solve(self._everything._replace(accepted=nothing, open=accepted)).value == relaxed.value

    def _likely_cause(self, choice: Choice, gains: Integers, at: Integers) -> int | None:
        """Return the largest open order whose rejection brings prices nearer to where they should be.

        Where prices are below their bounds, or an accepted offer loses, an offer should go; else a bid. Any open order
        would do for the search to be complete, and the largest moves prices most; None when none is left.
        """
        blocks = self._relaxation.blocks
        short = np.maximum(choice.low - at, 0) + np.maximum(at - choice.high, 0)
        np.maximum.at(short, blocks.place, np.where(choice.accepted, np.maximum(-gains, 0), 0))
        worst = int(np.argmax(short))
        rivals = choice.open & (gains > 0) & (blocks.side == (SELL if at[worst] < choice.low[worst] else BUY))
        near = rivals & (blocks.place == worst)
        candidates = next((flags for flags in (near, rivals, choice.open) if flags.any()), None)
        if candidates is None:
            return None
        return int(np.argmax(np.where(candidates, blocks.quantity, 0)))
