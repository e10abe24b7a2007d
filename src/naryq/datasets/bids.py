"""What the bid files of power exchanges share: scales, prices below zero, and rows that become orders."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from naryq.messages import Code, Refusal

MISSING: Final = -(2**63)
"""In a column of numbers: the row has no such field."""


@dataclass(frozen=True, slots=True)
class Bids:
    """The rows of a file as columns, and the scale of their integers.

    `price_scale` units of a price make one of the file's, `quantity_scale` units of a quantity one MWh or MW.
    """

    columns: dict[str, Any]
    price_scale: int
    quantity_scale: int
    price_column: ClassVar[str] = "price"

    @property
    def price_origin(self) -> int:
        """The file's price that an order's price of 0 stands for: below zero where the file has prices below zero."""
        prices = self._prices()
        named = prices[prices != MISSING]
        return min(0, int(named.min())) if len(named) else 0

    def _prices(self) -> Any:
        rows = len(next(iter(self.columns.values())))
        return self.columns.get(self.price_column, np.full(rows, MISSING))

    def _priced(self, rows: Any) -> Any:
        """Return prices counted from the origin; where one is missing, a list with None in its place."""
        prices, start = self._prices()[rows], self.price_origin
        if (prices == MISSING).any():
            return [None if price == MISSING else price - start for price in prices.tolist()]
        return prices - start


def rows_of(wanted: Any, what: str) -> Any:
    """Return the rows wanted; refuse when there is none."""
    rows = np.flatnonzero(wanted)
    if not len(rows):
        raise Refusal(Code.EMPTY, f"there is nothing of {what}", where="the file", remedy="Look at its columns.")
    return rows
