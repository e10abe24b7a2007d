"""What the bid files of power exchanges share: prices below zero, and rows that become orders for `naryq.clear`."""

from typing import Any

import numpy as np

from naryq.messages import Code, Refusal

MISSING = -(2**63)
"""In a column of numbers: the row has no such field."""


def origin(prices: Any) -> int:
    """Return the price that an order's price of 0 stands for: the lowest of the file, where that is below zero."""
    named = prices[prices != MISSING]
    return min(0, int(named.min())) if len(named) else 0


def priced(prices: Any, start: int) -> Any:
    """Return prices counted from an origin; where one is missing, a list with None in its place."""
    if (prices == MISSING).any():
        return [None if price == MISSING else price - start for price in prices.tolist()]
    return prices - start


def rows_of(wanted: Any, what: str) -> Any:
    """Return the rows wanted; refuse when there is none."""
    rows = np.flatnonzero(wanted)
    if not len(rows):
        raise Refusal(Code.EMPTY, f"there is nothing of {what}", where="the file", remedy="Look at its columns.")
    return rows
