"""All optimal price vectors of a market, and the ones that are published.

The optimal prices of an L-natural-convex function form a lattice: of any two vectors, the lower price of each place
is optimal, and so is the higher (Murota, Discrete Convex Analysis, 2003, chapter 5).
"""

import numpy as np

from naryq.market import kernels
from naryq.market.kernels import BUY, MARGINAL, SELL, Integers
from naryq.market.network import Standing, Trade
from naryq.market.passes import Market


class Lattice:
    """All optimal price vectors: bounds for each place, and bounds between the two ends of a link.

    They follow from any one optimal trade by complementary slackness. A bound of -1 below means that nobody would
    pay anything for one lot more there; a bound above the highest limit price means that no bid could buy one.
    """

    def __init__(self, market: Market, standing: Standing, trade: Trade, top: int) -> None:
        """Derive the bounds from a trade; `top` is the highest limit price of all orders and of the outside."""
        lots = standing.lots
        may_rise = (trade.margin_sold == lots[:, SELL, MARGINAL]) & (trade.margin_bought == 0)
        may_fall = (trade.margin_sold == 0) & (trade.margin_bought == lots[:, BUY, MARGINAL])
        self._least = np.where(may_fall, standing.below, standing.at)
        self._most = np.where(may_rise, standing.above, standing.at)
        if market.outside is not None and trade.brought is not None:
            imports, exports = market.outside
            self._least = np.where(trade.brought > 0, imports, np.maximum(self._least, exports))
            self._most = np.where(trade.brought < 0, exports, np.minimum(self._most, imports))
        source, target = market.link_source, market.link_target
        open_links, used = trade.flow < market.capacity, trade.flow > 0
        self._before = np.concatenate([source[open_links], target[used]])
        self._after = np.concatenate([target[open_links], source[used]])
        self._distance = np.concatenate([market.tariff[open_links], -market.tariff[used]])
        self.lowest = self._lowest_above(self._least)
        self.highest = self._highest_below(self._most)
        self.open_below = self.lowest < 0
        self.open_above = self.highest > top

    def _highest_below(self, bound: Integers) -> Integers:
        prices = bound.copy()
        kernels.lower_to(prices, self._before, self._after, self._distance)
        return prices

    def _lowest_above(self, bound: Integers) -> Integers:
        prices = bound.copy()
        kernels.raise_to(prices, self._before, self._after, self._distance)
        return prices

    def middle(self) -> Integers:
        """Return half the sum of the lowest and the highest vector, rounded down: optimal, by midpoint convexity."""
        return (self.lowest + self.highest) >> 1

    def below_reference(self, reference: Integers) -> Integers:
        """Return the highest optimal vector that nowhere exceeds the reference, or the lowest where that is higher."""
        return self._highest_below(np.minimum(self._most, np.maximum(reference, self.lowest)))

    def closed(self, prices: Integers) -> Integers:
        """Keep a vector where it is bounded on both sides, and take the bounded end of what is open on one.

        Where nobody would pay for one lot more, the price is the most that it could be; where no bid could buy
        one, the least.
        """
        bounded = ~self.open_below & ~self.open_above
        raised = self._highest_below(np.where(bounded, prices, self._most))
        return self._lowest_above(np.where(self.open_above, self._least, raised))
