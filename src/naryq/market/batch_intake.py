"""The door of `clear_batch`: two tables become markets that stand one after another, or one clear refusal.

Rows are those of the caller's tables, counted from 1, whatever market they belong to.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market import intake, labels
from naryq.market.clearing import SIDE_NUMBERS, Request, exact_sum, fits, references, survey_of
from naryq.market.conditional import Patience
from naryq.market.intake import LINK_COLUMNS, Links, Orders, Table
from naryq.market.kernels import BUY, Integers
from naryq.market.labels import NOBODY, Labels
from naryq.market.options import check_alone
from naryq.messages import Code, Refusal

ROWS: Final = 2**18
"""So many rows at a time are looked at where a column of numbers would be made of them."""
DENSE: Final = 16
"""Places are numbered by a table of all markets and names while it has at most so many cells for each of these rows."""
CONDITIONS: Final = ("min_quantity", "group", "parent")
NARROW: Final = 2**16
"""NumPy sorts numbers below this by their digits, in one pass over the rows."""
ONE_BY_ONE: Final = "Clear this market by naryq.clear, which can, or leave the column out."

Names = tuple[int | str, ...]


class Groups(NamedTuple):
    """Rows by market: `rows` in the order of the markets (None where they stand so), and where each market starts."""

    rows: Integers | None
    start: Integers

    def of(self, first: int, last: int) -> Any:
        """Return the rows of the markets from the first to before the last."""
        own = slice(int(self.start[first]), int(self.start[last]))
        return own if self.rows is None else self.rows[own]


class Places(NamedTuple):
    """The places of every market, one market after another: where each starts, and the places as sorted keys.

    The key of a place is the number of its market times the number of all names, plus the number of its name. `table`
    has the place for each key, where keys are few.
    """

    start: Integers
    keys: Integers
    table: Integers | None

    def numbers(self, keys: Integers) -> Integers:
        """Return the place of each key."""
        numbers: Integers = np.searchsorted(self.keys, keys) if self.table is None else self.table[keys]
        return numbers


class Batch(NamedTuple):
    """Markets as they were read, sorted by their names, and the options for all of them.

    `words` are the names of all places, sorted; `place` and `side` say what the orders' codes mean, `lots` has those of
    all orders of each market. `source` and `target` number the ends of the links, ways back
    included, by name; without `own_links`, every market has all of them.
    """

    request: Request
    names: Names
    words: list[str]
    place: Integers
    side: Integers
    source: Integers
    target: Integers
    orders: Groups
    lots: Integers
    links: Groups
    own_links: bool
    places: Places
    reference: Integers

    def links_of(self, first: int, last: int) -> Integers:
        """Return the rows of the links of some markets; those for all come again for each market."""
        every = np.arange(self.source.size)
        return every[self.links.of(first, last)] if self.own_links else np.tile(every, last - first)

    def place_slice(self, first: int, last: int) -> slice:
        """Return where the places of some markets stand among those of all."""
        return slice(int(self.places.start[first]), int(self.places.start[last]))

    def link_slice(self, first: int, last: int) -> slice:
        """Return where the links of some markets stand among those of all."""
        return slice(self.links_before(first), self.links_before(last))

    def links_before(self, market: int) -> int:
        """Return how many links the markets before one have together."""
        return int(self.links.start[market]) if self.own_links else market * self.source.size


def read(orders: Any, links: Any, by: Any, options: tuple[str, str, int | Mapping[str, int] | None]) -> Batch:
    """Read both tables, and number markets and places; `options` are the tie rule, the price rule and the reference."""
    table, columns, markets = _read_orders(orders, by)
    own, link_markets = _read_links(links, by)
    check_alone(options[1], own, None)
    names = _union(markets, link_markets)
    market = _numbers(markets, names)
    _check_identifiers(table, columns, market, names)
    survey, _ = survey_of(table, columns)
    codes = np.flatnonzero(survey.places).tolist()
    words = sorted({columns.place.names[code] for code in codes} | set(own.source) | set(own.target))
    number = {word: index for index, word in enumerate(words)}
    place = np.zeros(max(1, len(columns.place.names)), np.int64)
    place[codes] = [number[columns.place.names[code]] for code in codes]
    source, target = (np.array([number[word] for word in ends], np.int64) for ends in (own.source, own.target))
    market_of_link = None if link_markets is None else _numbers(link_markets, names)
    order_groups = _grouped(market, len(names))
    lots = _lots(columns.quantity, order_groups, survey.highest_quantity)
    _check_totals(table, lots, survey.highest_price, len(own.source), names)
    link_keys = _link_keys(market_of_link, source, target, names, words)
    return Batch(
        Request(table, columns, own, labels.read_labels(table, "participant"), None, *options, Patience(None, None)),
        names,
        words,
        place,
        np.array([SIDE_NUMBERS.get(name, BUY) for name in columns.side.names] or [BUY], np.int64),
        source,
        target,
        order_groups,
        np.array(lots, np.int64),
        _grouped(np.zeros(0, np.int64) if market_of_link is None else market_of_link, len(names)),
        market_of_link is not None,
        _places(_keys(market, place, columns.place.codes, len(words)), link_keys, len(names), len(words)),
        references(words, options[2]),
    )


# --- The tables ---------------------------------------------------------------------------------------------------


def _parted(table: Table, by: Any, columns: tuple[str, ...]) -> dict[str, Any]:
    """Return the other columns than the one that names the market."""
    if not isinstance(by, str) or by in columns:
        raise Refusal(Code.UNKNOWN_OPTION, f"by is {by!r}", remedy="Name the column that says each row's market.")
    if by not in table.columns:
        raise table.refusal(Code.COLUMN_MISSING, None, f"column {by} is missing", "Add it: the market of each row.")
    return {name: column for name, column in table.columns.items() if name != by}


def _markets(table: Table, by: str) -> Labels:
    markets = labels.read_labels(table, by)
    assert markets is not None, "the column is there"
    nobody = np.flatnonzero(markets.codes == NOBODY)
    if nobody.size:
        raise table.refusal(Code.WRONG_TYPE, int(nobody[0]), f"{by} is missing", "Give every row its market.")
    return markets


def _read_orders(frame: Any, by: Any) -> tuple[Table, Orders, Labels]:
    table = Table("orders", frame)
    rest = _parted(table, by, (*intake.ORDER_COLUMNS, *intake.OPTIONAL_ORDER_COLUMNS))
    if "order_id" in rest:  # Two markets may use one identifier: they are looked at when the markets are known.
        rest["order_id"] = np.arange(table.rows)
    _, orders = intake.read_orders(rest)
    _no_conditions(table)
    if orders.unlimited is not None:
        row = int(np.argmax(orders.unlimited))
        raise table.refusal(Code.NOT_SUPPORTED, row, "price is missing", "Give a limit, or clear it by naryq.clear.")
    return table, orders._replace(frame=frame, order_id=table.columns["order_id"]), _markets(table, by)


def _no_conditions(table: Table) -> None:
    for name in CONDITIONS:
        for row, value in table.present(name):
            if name != "min_quantity" or value not in {0, 1}:
                raise table.refusal(Code.NOT_SUPPORTED, row, f"{name} is {intake.shown(value)}", ONE_BY_ONE)


def _read_links(frame: Any, by: str) -> tuple[Links, Labels | None]:
    """Read the links, and the market of each of them, ways back included, where they say it."""
    if frame is None:
        return intake.read_links(None), None
    table = Table("links", frame)
    if by not in table.columns:
        return intake.read_links(frame), None
    links = intake.read_links(_parted(table, by, LINK_COLUMNS))._replace(frame=frame)
    markets = _markets(table, by)
    return links, markets._replace(codes=np.concatenate([markets.codes, markets.codes[links.back]]))


def _union(one: Labels, other: Labels | None) -> Names:
    """Return all names of markets, sorted."""
    names = (*one.names, *(() if other is None else other.names))
    if len({type(name) for name in names}) > 1:
        raise Refusal(
            Code.WRONG_TYPE,
            "the orders name markets by text and the links by numbers, or the other way round",
            where="links",
            remedy="Name them alike.",
        )
    return tuple(sorted(dict.fromkeys(names)))


def _numbers(markets: Labels, names: Names) -> Integers:
    """Return the number of each row's market."""
    if markets.names == names:
        return markets.codes
    number = {name: index for index, name in enumerate(names)}
    return np.array([number[name] for name in markets.names] or [0], np.int64)[markets.codes]


def _check_identifiers(table: Table, orders: Orders, market: Integers, names: Names) -> None:
    """Refuse an identifier that stands twice in one market."""
    column = orders.order_id
    text = table.rows > 0 and isinstance(column[0], str)
    values = table.words("order_id").codes.astype(np.int64) if text else table.integers("order_id")
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if intake.first_repeated(values) < 0:
        return
    if (high - low + 1) * max(1, len(names)) >= 2**62:
        _, values = np.unique(values, return_inverse=True)
        low, high = 0, values.size
    keys = market * (high - low + 1)
    keys += values
    row = intake.first_repeated(keys)
    if row >= 0:
        what = f"order_id {intake.shown(column[row])} stands twice in market {names[market[row]]!r}"
        raise table.refusal(Code.DUPLICATE_ID, row, what, "Give each order of a market an identifier of its own.")


# --- Numbers ------------------------------------------------------------------------------------------------------


def _grouped(market: Integers, count: int) -> Groups:
    """Group rows by market, each in the order given."""
    narrow = market.astype(np.uint16) if count < NARROW else market
    rows = None if (market[1:] >= market[:-1]).all() else np.argsort(narrow, kind="stable")
    return Groups(rows, np.concatenate([[0], np.cumsum(np.bincount(market, minlength=count))]))


def _lots(quantity: Integers, orders: Groups, highest: int) -> list[int]:
    """Sum the lots of each market exactly."""
    by_market = quantity if orders.rows is None else quantity[orders.rows]
    ends = zip(orders.start[:-1].tolist(), orders.start[1:].tolist(), _sums(by_market, orders.start), strict=True)
    return [exact_sum(by_market[first:last], highest, lots) for first, last, lots in ends]


def _sums(values: Integers, start: Integers) -> list[int]:
    """Sum each run of values; a sum beyond 64 bits wraps."""
    sums, some = np.zeros(start.size - 1, np.int64), np.diff(start) > 0
    if values.size:
        sums[some] = np.add.reduceat(values, start[:-1][some])
    return [int(each) for each in sums]


def _check_totals(table: Table, lots: Sequence[int], highest: int, links: int, names: Names) -> None:
    """Refuse a market that might not fit 64 bits, at the highest limit and with the most links of all markets."""
    for index, total in enumerate(lots):
        if not fits(total, highest, links):
            what = f"{total} lots in market {names[index]!r} at prices up to {highest} do not fit 64 bits"
            raise table.refusal(Code.OVERFLOW, None, what, "Use a larger unit of quantity, or clear it by naryq.clear.")


def _link_keys(market: Integers | None, source: Integers, target: Integers, names: Names, words: list[str]) -> Integers:
    ends = np.concatenate([source, target])
    if market is not None:
        own: Integers = np.concatenate([market, market]) * len(words) + ends
        return own
    every: Integers = (np.arange(len(names))[:, None] * len(words) + np.unique(ends)).ravel()
    return every


def _keys(market: Integers, place: Integers, codes: Any, words: int) -> Iterator[Integers]:
    """Give the keys of the orders' places, some rows at a time."""
    for first in range(0, market.size, ROWS):
        run = slice(first, first + ROWS)
        yield market[run] * words + place[codes[run]]


def _places(keys: Iterator[Integers], link_keys: Integers, markets: int, words: int) -> Places:
    """Number the places of all markets."""
    if markets * words > DENSE * (ROWS + link_keys.size):
        known_keys = np.unique(np.concatenate([link_keys, *map(np.unique, keys)]))
        return Places(np.searchsorted(known_keys, np.arange(markets + 1) * words), known_keys, None)
    known = np.zeros(markets * words, np.bool_)
    known[link_keys] = True
    for run in keys:
        known[run] = True
    known_keys = np.flatnonzero(known)
    return Places(np.searchsorted(known_keys, np.arange(markets + 1) * words), known_keys, np.cumsum(known) - 1)
