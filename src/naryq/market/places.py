"""The places of a market: the limits of their prices, and the prices at which gas is had or sold outside.

docs/reference/network-auction.md states what each of them means.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.intake import HIGHEST_PRICE, Table, check_names
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal
from naryq.units import grouped

TERMS: Final = ("floor", "cap", "import_price", "export_price")
UNBOUNDED: Final = 2**62
"""A cap or an import price that is not there; a floor or an export price that is not there is this below zero."""


class Places(NamedTuple):
    """The terms of some places, or of all numbered places: prices in tenge a tonne, UNBOUNDED where there is none.

    `frame` is the table in the caller's own kind.
    """

    frame: Any
    names: list[str]
    floor: Integers
    cap: Integers
    import_price: Integers
    export_price: Integers

    def numbered(self, names: list[str]) -> "Places":
        """Return the terms of all places by their number, with none for a place that stands in no row."""
        number = {name: index for index, name in enumerate(names)}
        rows = [number[name] for name in self.names]
        columns = []
        for name, values in zip(TERMS, self[2:], strict=True):
            every = np.full(len(names), _no_price(name), np.int64)
            every[rows] = values
            columns.append(every)
        return Places(self.frame, names, *columns)


NO_PLACES: Final = Places(None, [], *[np.empty(0, np.int64)] * len(TERMS))


def _no_price(term: str) -> int:
    return UNBOUNDED if term in {"cap", "import_price"} else -UNBOUNDED


def read_places(frame: Any) -> Places:
    """Read the places.

    Raises:
        Refusal: A column is missing or unknown, a place stands twice or without a name, a price is no whole number
            from 0 to 10**12, a floor lies above its cap, or an import price below the export price.
    """
    table = Table("places", frame)
    table.require(("place",), TERMS)
    words = table.words("place")
    codes = words.codes.tolist()
    check_names(table, "place", words, list(dict.fromkeys(codes)))
    names = [words.names[code] for code in codes]
    _all_different(table, names)
    terms = Places(frame, names, *(_term(table, name) for name in TERMS))
    _in_order(table, ("floor", terms.floor), ("cap", terms.cap), "No price could satisfy both.")
    _in_order(
        table,
        ("export_price", terms.export_price),
        ("import_price", terms.import_price),
        "Gas that costs less than it is sold for at the same place would be traded without end.",
    )
    return terms


def _all_different(table: Table, names: list[str]) -> None:
    seen: dict[str, int] = {}
    for row, name in enumerate(names):
        if seen.setdefault(name, row) != row:
            raise table.refusal(Code.DUPLICATE_ID, row, f"place {name} stands twice", "Give each place one row.")


def _term(table: Table, name: str) -> Integers:
    if name not in table.columns:
        return np.full(table.rows, _no_price(name), np.int64)
    values = table.integers(name, 0, HIGHEST_PRICE, optional=True)
    known: Integers = np.where(table.missing.get(name, False), _no_price(name), values)
    return known


def _in_order(table: Table, low: tuple[str, Integers], high: tuple[str, Integers], reason: str) -> None:
    wrong = np.flatnonzero(low[1] > high[1])
    if wrong.size:
        row = int(wrong[0])
        what = f"{low[0]} {grouped(int(low[1][row]))} is above {high[0]} {grouped(int(high[1][row]))}"
        raise table.refusal(Code.OUT_OF_RANGE, row, what, f"{reason} Correct one of them.")


def all_names(places: Places, named: set[str]) -> set[str]:
    """Add the places to those that orders and links name.

    Raises:
        Refusal: UNKNOWN_PLACE for one that no order and no link names, unless gas is had or sold outside there: the
            name may be misspelt.
    """
    trades = (places.import_price < UNBOUNDED) | (places.export_price > -UNBOUNDED)
    for row, name in enumerate(places.names):
        if name not in named and not trades[row]:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"no order and no link names {name!r}",
                where=f"places, row {row + 1}",
                remedy="Correct the name, or leave the row out: without an import or export price it does nothing.",
            )
    return named | set(places.names)


def bounds_prices(places: Places | None) -> bool:
    """Whether any place has a floor or a cap."""
    return places is not None and bool((places.floor > -UNBOUNDED).any() or (places.cap < UNBOUNDED).any())


def without_bounds(places: Places) -> Places:
    """Return the import and export prices alone."""
    nowhere = len(places.names)
    columns = {
        name: [None if abs(price) == UNBOUNDED else price for price in prices.tolist()]
        for name, prices in (("import_price", places.import_price), ("export_price", places.export_price))
    }
    return places._replace(
        frame={"place": places.names, **columns},
        floor=np.full(nowhere, -UNBOUNDED, np.int64),
        cap=np.full(nowhere, UNBOUNDED, np.int64),
    )
