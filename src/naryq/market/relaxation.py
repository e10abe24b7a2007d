"""What a choice of conditional orders could be worth at most: the network auction without its conditions.

A partial choice accepts some conditional orders, rejects some and leaves the others open. Its relaxation lets open
orders trade any part of themselves, and makes the least lots of the accepted ones trade at any price. Whatever can
still be chosen takes part in the relaxed market, so its optimum is an upper bound, and it is as exact as every
network auction: whole numbers, found by the same descent. docs/reference/conditional-orders.md has the proofs.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.conditions import Conditions
from naryq.market.intake import SMALL_CODES, frozen
from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.lattice import Lattice
from naryq.market.network import dual_value, optimal_standing, trade_at
from naryq.market.passes import Market, Outside, Passes
from naryq.market.places import UNBOUNDED

Flags = npt.NDArray[np.bool_]
SHIFT: Final = 4
"""All prices are lifted by this much in here, so that a price below all limits is still above zero."""
ROOM: Final = 8
"""How far above the highest limit a price in here may lie."""


class Choice(NamedTuple):
    """A partial choice: which conditional orders are accepted, and which are still open; the rest is rejected.

    `low` and `high` bound the prices of the places: beyond them nothing supports any completion.
    """

    accepted: Flags
    open: Flags
    low: Integers
    high: Integers


class Blocks(NamedTuple):
    """The conditional orders as arrays; `sign` is 1 for a bid and -1 for an offer."""

    place: Integers
    side: Integers
    sign: Integers
    price: Integers
    quantity: Integers
    least: Integers


class Ground(NamedTuple):
    """The ordinary orders as arrays, the range of prices in play, and what is gained beside this market."""

    place: Integers
    side: Integers
    price: Integers
    quantity: Integers
    lowest: int
    highest: int
    beside: int


class Relaxed(NamedTuple):
    """The optimum of a relaxed market: prices by place, and the value that no choice can exceed."""

    at: Integers
    value: int


class Relaxation:
    """The relaxed markets of all partial choices among the conditional orders of one market."""

    def __init__(self, market: Market, conditions: Conditions) -> None:
        """Part the orders of a market into the ordinary and the conditional."""
        self._market = market
        place, side = market.place_of[market.place], market.side_of[market.side]
        price = market.price + SHIFT
        rows = conditions.rows
        self.blocks = Blocks(
            place[rows], side[rows], 1 - 2 * side[rows], price[rows], market.quantity[rows], conditions.least
        )
        plain = np.ones(price.size, np.bool_)
        plain[rows] = False
        limits = [int(price.min()), int(price.max())]
        if market.outside is not None:
            self._market = market._replace(outside=Outside(*(prices + SHIFT for prices in market.outside)))
            limits += [int(end) + SHIFT for end in np.concatenate(market.outside) if abs(int(end)) < UNBOUNDED]
        lowest, highest = min(limits) - 1, max(limits) + 1
        self._ground = Ground(place[plain], side[plain], price[plain], market.quantity[plain], lowest, highest, 0)

    def whole_range(self) -> tuple[Integers, Integers]:
        """Return bounds within which all prices in play lie."""
        every = np.zeros(self._market.places, np.int64)
        return every + self._ground.lowest, every + self._ground.highest

    def gains(self, at: Integers) -> Integers:
        """Return what one lot of each conditional order gains at given prices (tenge a tonne)."""
        gains: Integers = self.blocks.sign * (self.blocks.price - at[self.blocks.place])
        return gains

    def solve(self, choice: Choice) -> Relaxed:
        """Find optimal prices of the relaxed market, and its value."""
        market, beside = self._relaxed_market(choice)
        if not market.price.size and market.outside is None:
            return Relaxed(np.full(market.places, self._ground.lowest, np.int64), beside)
        passes = Passes(market, None, 1)
        standing = optimal_standing(passes, self._ground.lowest, self._ground.highest)
        _, surplus, _ = passes.fill_inside(standing.at)
        return Relaxed(standing.at, dual_value(market, standing, surplus, standing.at) + beside)

    def highest_prices(self, choice: Choice) -> Integers:
        """Return prices that no completion of a partial choice can exceed: no open offer accepted, every open bid."""
        return self._lattice(choice._replace(open=choice.open & (self.blocks.side == BUY)))[1]

    def lowest_prices(self, choice: Choice) -> Integers:
        """Return prices that no completion of a partial choice falls below: every open offer accepted, no open bid."""
        return self._lattice(choice._replace(open=choice.open & (self.blocks.side == SELL)))[0]

    def _lattice(self, choice: Choice) -> tuple[Integers, Integers]:
        """Return the lowest and the highest optimal prices, within the range of prices in play."""
        market, _ = self._relaxed_market(choice)
        low, high = self._ground.lowest, self._ground.highest
        if not market.price.size and market.outside is None:
            return np.full(market.places, low, np.int64), np.full(market.places, high, np.int64)
        standing = optimal_standing(Passes(market, None, 1), low, high)
        lattice = Lattice(market, standing, trade_at(market, standing), high)
        return np.maximum(lattice.lowest, low), np.minimum(lattice.highest, high)

    def narrow(self, low: Integers, high: Integers) -> None:
        """Keep only what can matter while the prices stay between bounds for each place.

        Ordinary orders that are outside at all of these prices go; those that are inside at all of them become one
        order just beyond the bound for each place and side, and what they gain more than that is counted beside. So
        the dual function stays what it was within the bounds and one tenge around them, and an optimum within them
        stays one.
        """
        ground, blocks = self._ground, self.blocks
        buys = ground.side == BUY
        floor, ceiling = low[ground.place], high[ground.place]
        inside = np.where(buys, ground.price > ceiling, ground.price < floor)
        between = (ground.price >= floor) & (ground.price <= ceiling)
        bound = np.where(buys, ceiling + 1, floor - 1)
        more = np.where(inside, np.abs(ground.price - bound), 0)
        lots = np.zeros((self._market.places, 2), np.int64)
        np.add.at(lots, (ground.place[inside], ground.side[inside]), ground.quantity[inside])
        place, side = np.nonzero(lots)
        limits = np.concatenate([low - 1, high + 1, blocks.price])
        self._ground = Ground(
            np.concatenate([ground.place[between], place]),
            np.concatenate([ground.side[between], side]),
            np.concatenate([ground.price[between], np.where(side == BUY, high[place] + 1, low[place] - 1)]),
            np.concatenate([ground.quantity[between], lots[place, side]]),
            int(limits.min()) - 1,
            int(limits.max()) + 1,
            ground.beside + int((more * ground.quantity).sum()),
        )

    def _relaxed_market(self, choice: Choice) -> tuple[Market, int]:
        """Return the market of a partial choice, and what is to be added to its value.

        The least lots of an accepted order stand at a price beyond all limits, so that they trade at any price; what
        that price flatters them by is taken off again.
        """
        ground, blocks = self._within(choice), self.blocks
        held = np.flatnonzero(choice.accepted)
        loose = np.flatnonzero(choice.accepted & (blocks.quantity > blocks.least) | choice.open)
        beyond = np.where(blocks.side[held] == BUY, ground.highest, ground.lowest)
        flattered = np.abs(beyond - blocks.price[held]) * blocks.least[held]
        rest = blocks.quantity[loose] - np.where(choice.accepted[loose], blocks.least[loose], 0)
        market = self._market
        codes = np.uint8 if market.places <= SMALL_CODES else np.int32
        columns = (
            np.concatenate([ground.place, blocks.place[held], blocks.place[loose]]).astype(codes),
            np.concatenate([ground.side, blocks.side[held], blocks.side[loose]]).astype(np.uint8),
            np.concatenate([ground.price, beyond, blocks.price[loose]]),
            np.concatenate([ground.quantity, blocks.least[held], rest]),
        )
        place, side, price, quantity = (frozen(column) for column in columns)
        relaxed = market._replace(
            place=place,
            side=side,
            place_of=np.arange(market.places),
            side_of=np.arange(2),
            price=price,
            quantity=quantity,
        )
        return relaxed, ground.beside - int(flattered.sum())

    def _within(self, choice: Choice) -> Ground:
        """Return the ordinary orders as they trade at any prices within the bounds of a partial choice.

        One that is outside at all of them goes. One that is inside at all of them stands at a price beyond all limits,
        so that it trades at any price, and what that price flatters it by is taken off beside.
        """
        ground = self._ground
        buys = ground.side == BUY
        floor, ceiling = choice.low[ground.place], choice.high[ground.place]
        outside = np.where(buys, ground.price < floor, ground.price > ceiling)
        inside = np.where(buys, ground.price > ceiling, ground.price < floor)
        price = np.where(inside, np.where(buys, ground.highest, ground.lowest), ground.price)
        flattered = int((np.abs(price - ground.price) * ground.quantity).sum())
        stays = ~outside
        return Ground(
            ground.place[stays],
            ground.side[stays],
            price[stays],
            ground.quantity[stays],
            ground.lowest,
            ground.highest,
            ground.beside - flattered,
        )
