"""One clearing from arrays to arrays: prices, then trade, then the vector to publish, then fills, then the proof."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import BUY, INSIDE, MARGINAL, SELL, Integers
from naryq.market.lattice import Lattice
from naryq.market.margins import Margin, fill_margins
from naryq.market.network import dual_value, optimal_standing, welfare
from naryq.market.passes import Market, Passes, Survey
from naryq.market.sharing import shared_trade

PRICE_RULES: Final = ("lowest", "middle", "highest", "reference")


class Answer(NamedTuple):
    """What was found, as arrays over the numbered places, orders and links."""

    prices: Integers
    lowest: Integers
    highest: Integers
    determined: npt.NDArray[np.bool_]
    bought: Integers
    sold: Integers
    fills: Integers
    flow: Integers
    welfare: int
    dual_value: int


class Rules(NamedTuple):
    """By which rules to clear: ties by `time` or `pro_rata`, and which of the optimal prices to publish.

    `submitted_at` orders those at the margin (the row does where it is None); `reference` has a price for each
    place, or -1.
    """

    tie: str
    submitted_at: Integers | None
    price_rule: str
    reference: Integers


def solve(passes: Passes, survey: Survey, rules: Rules) -> Answer:
    """Clear a market of checked arrays."""
    market = passes.market
    if not market.price.size:
        return _nothing(market)
    standing = optimal_standing(passes, survey.lowest_price, survey.highest_price)
    trade = shared_trade(market, standing, rules.tie, rules.submitted_at)
    lattice = Lattice(market, standing, trade, survey.highest_price)
    prices = lattice.closed(_chosen(lattice, rules.price_rule, rules.reference))
    fills, surplus, undecided = passes.fill_inside(standing.at)
    margin = Margin(standing.lots[:, :, MARGINAL], trade, rules.tie, rules.submitted_at)
    fill_margins(market, margin, fills, undecided)
    return Answer(
        prices,
        lattice.lowest,
        lattice.highest,
        ~(lattice.open_below & lattice.open_above),
        standing.lots[:, BUY, INSIDE] + trade.margin_bought,
        standing.lots[:, SELL, INSIDE] + trade.margin_sold,
        fills,
        trade.flow,
        welfare(market, standing, trade, surplus),
        dual_value(market, standing, surplus, prices),
    )


def _nothing(market: Market) -> Answer:
    """Return the answer for a market without orders: no price anywhere, and nothing moves."""
    nowhere = np.zeros(market.places, np.int64)
    unused = np.zeros(market.link_source.shape[0], np.int64)
    none = np.zeros(0, np.int64)
    return Answer(nowhere, nowhere - 1, nowhere + 1, nowhere.astype(np.bool_), nowhere, nowhere, none, unused, 0, 0)


def _chosen(lattice: Lattice, price_rule: str, reference: Integers) -> Integers:
    if price_rule == "lowest":
        return lattice.lowest
    if price_rule == "highest":
        return lattice.highest
    if price_rule == "middle":
        return lattice.middle()
    return lattice.below_reference(np.where(reference < 0, lattice.middle(), reference))
