"""One clearing from arrays to arrays: prices, then trade, then the vector to publish, then fills, then the proof."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.call import REFERRING_RULES, VENUE_RULES
from naryq.market.kernels import BUY, INSIDE, MARGINAL, SELL, Integers
from naryq.market.lattice import Lattice
from naryq.market.margins import Margin, fill_margins
from naryq.market.narrowing import Near
from naryq.market.network import Standing, Trade, dual_value, optimal_standing, welfare
from naryq.market.passes import Market, Passes, Survey, passes_over
from naryq.market.sharing import shared_trade
from naryq.market.simplex import standing_by_simplex
from naryq.market.small import PRICE_RULES as LATTICE_RULES
from naryq.market.small import alone, is_small, settled
from naryq.market.small_kernels import PROVEN

PRICE_RULES: Final = (*LATTICE_RULES, *VENUE_RULES)

ORDERS_A_PLACE: Final = 300
EXTRA_PLACES: Final = 5
"""Up to 300 orders a place, and 1,500 more, the network simplex is the faster solver."""


class Answer(NamedTuple):
    """What was found, as arrays over the numbered places, orders and links.

    `prices` are optimal for the places joined by links; limits of single places may cut what is published.
    `brought` is what comes from outside, as in `network.Trade`.
    """

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
    brought: Integers | None = None


class Rules(NamedTuple):
    """By which rules to clear: ties by `time` or `pro_rata`, and which of the optimal prices to publish.

    `submitted_at` orders those at the margin (the row does where it is None); `reference` has a price for each
    place, or -1.
    """

    tie: str
    submitted_at: Integers | None
    price_rule: str
    reference: Integers


def solve(passes: Passes, survey: Survey, rules: Rules, held: Integers | None = None) -> Answer:
    """Clear a market of checked arrays; `held` lots of each order execute before the margins share what is left."""
    market = passes.market
    if not market.price.size and market.outside is None:
        return _nothing(market)
    answer = _at_once(market, rules) if held is None else None
    return answer or _step_by_step(passes, survey, rules, held)


def solve_near(near: Near, rules: Rules) -> Answer:
    """Clear one place by the orders near the crossing: what all others do is certain."""
    if rules.submitted_at is not None:
        rules = rules._replace(submitted_at=np.concatenate([rules.submitted_at[near.rows], [0, 0]]))
    with passes_over(near.market) as passes:
        answer = solve(passes, near.survey, rules)
    near.fills[near.rows] = answer.fills[:-2]
    worth, least = answer.welfare + near.surplus, answer.dual_value + near.surplus
    return answer._replace(fills=near.fills, welfare=worth, dual_value=least)


def _at_once(market: Market, rules: Rules) -> Answer | None:
    """Clear a small market by compiled code; None when it is not small, or joined places must share by the tie rule."""
    if not is_small(market, rules.price_rule):
        return None
    found, flow = settled(alone(market, rules.submitted_at), rules.tie, rules.price_rule, rules.reference)
    if found.state[0] != PROVEN:
        return None
    welfare, dual_value = int(found.welfare[0]), int(found.dual_value[0])
    return Answer(*found[:4], found.bought, found.sold, found.fills, flow, welfare, dual_value)


def _step_by_step(passes: Passes, survey: Survey, rules: Rules, held: Integers | None) -> Answer:
    market = passes.market
    standing = _standing(passes, survey.lowest_price, survey.highest_price)
    sharing = _sharing(market, standing, held)
    shared = shared_trade(sharing.market, sharing.standing, rules.tie, rules.submitted_at)
    trade = _with_held(shared, sharing)
    lattice = Lattice(market, standing, trade, survey.highest_price)
    prices = lattice.closed(_chosen(passes, lattice, rules.price_rule, rules.reference))
    fills, surplus, undecided = passes.fill_inside(standing.at)
    margin = Margin(sharing.standing.lots[:, :, MARGINAL], shared, rules.tie, rules.submitted_at)
    fill_margins(sharing.market, margin, fills, undecided)
    if sharing.rows is not None:
        fills[sharing.rows] += market.quantity[sharing.rows] - sharing.market.quantity[sharing.rows]
    determined = ~(lattice.open_below & lattice.open_above)
    bought = standing.lots[:, BUY, INSIDE] + trade.margin_bought
    if rules.price_rule in VENUE_RULES:
        determined &= bought > 0
    return Answer(
        prices,
        lattice.lowest,
        lattice.highest,
        determined,
        bought,
        standing.lots[:, SELL, INSIDE] + trade.margin_sold,
        fills,
        trade.flow,
        welfare(market, standing, trade, surplus),
        dual_value(market, standing, surplus, prices),
        trade.brought,
    )


def _standing(passes: Passes, lowest: int, highest: int) -> Standing:
    if is_for_simplex(passes.market, lowest, highest):
        return standing_by_simplex(passes.market, lowest, highest)
    return optimal_standing(passes, lowest, highest)


def is_for_simplex(market: Market, lowest: int, highest: int) -> bool:
    """Choose the solver by the sizes.

    The descent looks at the orders a few times, and its cuts grow with the square of the places; the simplex sorts the
    orders once, and then its work grows with places and links. They were equally fast at 1,800 orders at one place,
    8,000 at 20, 15,000 at 50, 60,000 at 200 and 450,000 at 1,000 places.
    """
    # Prices on the way to the optimum can be as far apart as all tariffs of a path through every place.
    widest = highest - lowest + 3 + int(market.tariff.max(initial=0))
    fits = market.places * widest < 2**61
    return fits and market.price.shape[0] <= ORDERS_A_PLACE * (market.places + EXTRA_PLACES)


class _Sharing(NamedTuple):
    """What the margins share: the market and the standing without the lots held, their rows, and what is held."""

    market: Market
    standing: Standing
    rows: Integers | None
    held: Integers


def _sharing(market: Market, standing: Standing, held: Integers | None) -> _Sharing:
    """Set aside what executes of orders at the margin before the others there share the rest."""
    lots = np.zeros((market.places, 2), np.int64)
    if held is None:
        return _Sharing(market, standing, None, lots)
    place, side = market.place_of[market.place], market.side_of[market.side]
    rows = np.flatnonzero((held > 0) & (market.price == standing.at[place]))
    np.add.at(lots, (place[rows], side[rows]), held[rows])
    quantity = market.quantity.copy()
    quantity[rows] -= held[rows]
    moved = standing.lots.copy()
    moved[:, :, MARGINAL] -= lots
    moved[:, :, INSIDE] += lots
    return _Sharing(market._replace(quantity=quantity), standing._replace(lots=moved), rows, lots)


def _with_held(trade: Trade, sharing: _Sharing) -> Trade:
    return trade._replace(
        margin_sold=trade.margin_sold + sharing.held[:, SELL], margin_bought=trade.margin_bought + sharing.held[:, BUY]
    )


def _nothing(market: Market) -> Answer:
    """Return the answer for a market without orders: no price anywhere, and nothing moves."""
    nowhere = np.zeros(market.places, np.int64)
    unused = np.zeros(market.link_source.shape[0], np.int64)
    none = np.zeros(0, np.int64)
    return Answer(nowhere, nowhere - 1, nowhere + 1, nowhere.astype(np.bool_), nowhere, nowhere, none, unused, 0, 0)


def _chosen(passes: Passes, lattice: Lattice, price_rule: str, reference: Integers) -> Integers:
    if price_rule in REFERRING_RULES:
        return _by_surplus(passes, lattice, price_rule, reference)
    if price_rule in {"lowest", "last_accepted_sell"}:
        return lattice.lowest
    if price_rule == "highest":
        return lattice.highest
    if price_rule == "middle":
        return lattice.middle()
    return lattice.below_reference(np.where(reference < 0, lattice.middle(), reference))


def _by_surplus(passes: Passes, lattice: Lattice, price_rule: str, reference: Integers) -> Integers:
    """Choose by the rule of a venue, for places that stand alone.

    Where the optimal prices are more than one, their ends are limits between which no order stands: at the lower end
    the bids there are left over, at the upper end the offers there. docs/reference/call-auction.md proves that a venue
    comes to one of the ends, or by its reference price between them.
    """
    low, high = lattice.lowest, lattice.highest
    bids_left = passes.histogram(low, 0, 1)[:, BUY, 0]
    offers_left = passes.histogram(high, 0, 1)[:, SELL, 0]
    if price_rule == "xetra":
        nearer_low = (reference >= 0) & (reference - low < high - reference)
        between = np.where(nearer_low, low, high)
    else:
        between = np.where(reference < 0, lattice.middle(), np.clip(reference, low, high))
    chosen: Integers = np.where(bids_left < offers_left, low, np.where(bids_left > offers_left, high, between))
    return chosen
