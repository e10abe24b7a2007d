"""One large place: a sample of the orders says where they cross, and one look at all of them proves it.

Only the orders near the crossing decide the price and who trades at the margin. Above a window around it every bid
executes and no offer does, below it every offer and no bid: the orders in the window, one bid for all bids above and
one offer for all offers below have the same optimal prices and the same trade as the whole. A sample may miss the
crossing, which the sums over all orders show; then they are cleared as they are.
"""

from math import isqrt
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.intake import HIGHEST_PRICE, HIGHEST_QUANTITY, frozen
from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.passes import Market, Passes, Survey

FEWEST_ROWS: Final = 2**13
"""Fewer orders are cleared as they are."""
READ_WHOLE: Final = 2**17
"""Up to so many orders the sample is all of them, and the window has one bucket of prices."""
STRETCH: Final = 1_024
SAMPLED: Final = 32
"""Of more orders, the first 32 rows of every 1,024 are the sample: neighbours cost much less than rows apart."""
BUCKET_BITS: Final = 10
DEVIATIONS: Final = 2
"""How wide the window is: one sample in some dozens may miss the crossing, which costs a second look."""


class _Extremes(NamedTuple):
    """The lowest and the highest price of some orders, and the most lots of one."""

    lowest: int
    highest: int
    most: int


class Near(NamedTuple):
    """The market near the crossing: the orders in `rows` of the whole, then one bid and one offer for what executes.

    `fills` are right for all other orders and `likely` for these; `surplus` is what the others gain beyond what the
    one bid and the one offer do.
    """

    market: Market
    survey: Survey
    rows: Integers
    likely: Integers
    fills: Integers
    surplus: int


def survey_near(passes: Passes) -> tuple[Survey, Near | None]:
    """Survey a market; of one large place, find with the same look at its orders what is near the crossing."""
    rows = passes.market.price.size
    if passes.alone and rows >= FEWEST_ROWS:
        sample = _sample(passes.market)
        seen = _extremes(sample.market)
        found = None if seen is None else _narrowed(passes, _window(sample, seen, rows))
        if found is not None:
            return found
    return passes.survey(), None


def nearer(near: Near) -> Near | None:
    """Find what is nearer still to the crossing; None where the orders are few, or most of them at one price."""
    rows = near.market.price.size
    if rows < FEWEST_ROWS:
        return None
    passes = Passes(near.market, None, 1)
    seen = _Extremes(near.survey.lowest_price, near.survey.highest_price, near.survey.highest_quantity)
    found = _narrowed(passes, _window(passes, seen, rows))
    return None if found is None else found[1]


def _sample(market: Market) -> Passes:
    side, price, quantity = market.side, market.price, market.quantity
    if price.size > READ_WHOLE:
        side, price, quantity = (_every_so_many(column) for column in (side, price, quantity))
    place = market.place[: price.size]
    return Passes(market._replace(place=place, side=side, price=price, quantity=quantity), None, 1)


def _every_so_many(column: npt.NDArray[Any]) -> Any:
    whole = column.size // STRETCH * STRETCH
    return frozen(column[:whole].reshape(-1, STRETCH)[:, :SAMPLED].ravel())


def _extremes(sample: Market) -> _Extremes | None:
    """Look at a sample; None where it has numbers that the door refuses, with which nothing can be guessed."""
    lowest, highest = int(sample.price.min()), int(sample.price.max())
    least, most = int(sample.quantity.min()), int(sample.quantity.max())
    valid = lowest >= 0 and highest <= HIGHEST_PRICE and least > 0 and most <= HIGHEST_QUANTITY
    return _Extremes(lowest, highest, most) if valid else None


def _window(sample: Passes, seen: _Extremes, rows: int) -> tuple[int, int]:
    """Guess from what price to just below what price all the rows cross, by a sample of them or by all."""
    shift = max(0, (seen.highest - seen.lowest).bit_length() - BUCKET_BITS)
    table = sample.histogram(np.array([seen.lowest]), shift, 1 << BUCKET_BITS)[0]
    # The offers below the end of each bucket, less the bids from there on: it rises from bucket to bucket.
    over = np.cumsum(table[BUY] + table[SELL]) - int(table[BUY].sum())
    traded = int(table[SELL, : int(over.searchsorted(0)) + 1].sum())
    # The variance of `over` in a sample is the sum of the squared quantities on both sides; all orders have none.
    variance = 2 * traded * seen.most * (rows - sample.market.price.size) // rows
    slack = DEVIATIONS * isqrt(variance)
    first, last = int(over.searchsorted(-slack)), int(over.searchsorted(slack, side="right")) + 1
    return seen.lowest + (first << shift), seen.lowest + (last << shift)


def _narrowed(passes: Passes, window: tuple[int, int]) -> tuple[Survey, Near] | None:
    """Take the orders in the window; None where they are too many, or where it does not hold the crossing."""
    sifted = passes.sift(*window)
    if sifted is None:
        return None
    (low, high), (bought, sold), (bids, offers) = window, sifted.beyond, sifted.within
    # More is asked than offered at the window's start, and less at its end: no price outside of it is optimal.
    if not (0 < sold < bought + bids and 0 < bought < sold + offers):
        return None
    first = int(passes.market.side_of[0])
    ends = np.array([[-1, -1], [first ^ BUY, first ^ SELL], [high, low - 1], [bought, sold], [0, 0]])
    rows, side, price, quantity, likely = frozen(np.concatenate([*sifted.near, ends], axis=1))
    market = passes.market._replace(
        place=frozen(np.zeros(side.size, np.uint8)), side=frozen(side.astype(np.uint8)), price=price, quantity=quantity
    )
    survey = sifted.survey._replace(lowest_price=low - 1, highest_price=high)
    return sifted.survey, Near(market, survey, rows[:-2], likely[:-2], sifted.fills, sifted.surplus)
