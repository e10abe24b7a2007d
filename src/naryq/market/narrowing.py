"""One large place: a sample of the orders says where they cross, and one look at all of them proves it.

Only the orders near the crossing decide the price and who trades at the margin. Above a window around it every bid
executes and no offer does, below it every offer and no bid: the orders in the window, one bid for all bids above and
one offer for all offers below have the same optimal prices and the same trade as the whole. A sample may miss the
crossing, which the sums over all orders show; then they are cleared as they are. The look also parts the window into
buckets of prices, and those in which all orders cross are a smaller window, which is no guess any more.
"""

from math import isqrt
from typing import Final, NamedTuple

import numpy as np

from naryq.market import one_place_kernels
from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY, frozen
from naryq.market.kernels import Integers
from naryq.market.passes import BUCKETS, LISTED, Market, Passes, Survey, Window, offer_code

FEWEST_ROWS: Final = 2**13
"""Fewer orders are cleared as they are."""
READ_WHOLE: Final = 2**17
"""Up to so many orders the sample is all of them, and the window has one bucket of prices."""
STRETCH: Final = 4_096
SAMPLED: Final = 128
"""Of more orders, 128 rows in the middle of every 4,096 are the sample.

Neighbours cost much less than rows apart. Where orders are sorted by price, they are as good as one row of them: the
error is at most half of them, which is less than the window allows for.
"""
VARIANCES: Final = 6
"""How wide the window is, in squares of a deviation: one sample in seventy may miss the crossing, at a second look."""


class Near(NamedTuple):
    """The market near the crossing: the orders in `rows` of the whole, then one bid and one offer for what executes.

    `fills` are right for all other orders; `surplus` is what these gain beyond what the one bid and the one offer do.
    """

    market: Market
    survey: Survey
    rows: Integers
    fills: Integers
    surplus: int


def survey_near(passes: Passes) -> tuple[Survey, Near | None]:
    """Survey a market; of one large place, find with the same look at its orders what is near the crossing."""
    if passes.alone and passes.market.price.size >= FEWEST_ROWS:
        window = _window(passes.market)
        found = None if window is None else _narrowed(passes, window)
        if found is not None:
            return found
    return passes.survey(), None


def _window(market: Market) -> Window | None:
    """Guess by a sample in which prices the orders cross.

    None where it has numbers that the door refuses, with which nothing can be guessed.
    """
    stretch, sampled = (1, 1) if market.price.size <= READ_WHOLE else (STRETCH, SAMPLED)
    seen, table = np.empty(9, np.int64), np.zeros((2, BUCKETS), np.int64)
    one_place_kernels.sample(
        market.side, market.price, market.quantity, offer_code(market), stretch, sampled, seen, table
    )
    lowest, highest, least, most, digits, traded, lots, cut, squares = seen.tolist()
    if lowest < 0 or highest > HIGHEST_PRICE or least < 1 or most > HIGHEST_QUANTITY:
        return None
    # The variance of the excess is the sum of the squared quantities of the offers below the price and the bids above
    # it, presumably as large a share of all squares as they are of all lots. A sample of all orders has none.
    variance = (squares << 2 * cut) * 2 * traded // lots * (stretch - sampled) // stretch
    slack = isqrt(VARIANCES * variance)
    first, last = table[0].searchsorted((-slack, slack + 1)).tolist()
    return window_of(lowest + (first << digits), lowest + ((last + 1) << digits))


def window_of(low: int, high: int) -> Window:
    """Part the prices from `low` to just below `high` into buckets, as small as they may be."""
    return Window(low, high, max(0, (high - low - 1).bit_length() - (BUCKETS - 1).bit_length()))


def _narrowed(passes: Passes, window: Window) -> tuple[Survey, Near] | None:
    """Take the orders that stand where all cross; None where the window does not hold that, or too many orders."""
    sifted = passes.sift(window)
    if sifted is None:
        return None
    market, room = passes.market, int(sifted.sums[:, LISTED].sum()) + 2
    orders, codes = np.empty((4, room), np.int64), np.zeros((2, room), np.uint8)
    left = one_place_kernels.narrow(*sifted, window, offer_code(market), orders, codes)
    if left < 0:
        return None
    rows, price, quantity, _ = frozen(orders[:, : left + 2])
    place, side = frozen(codes[:, : left + 2])
    near = market._replace(place=place, side=side, price=price, quantity=quantity)
    used = np.ones(2, np.int64)
    lowest, highest, least, most, lots, _, _, surplus = sifted.sums[0, :LISTED].tolist()
    # Both sides trade, so every code is in use.
    surveys = [
        Survey(used[:1], used, low, high, least, most, lots)
        for low, high in ((lowest, highest), (int(price[-1]), int(price[-2])))
    ]
    return surveys[0], Near(near, surveys[1], rows[:-2], sifted.fills, surplus)
