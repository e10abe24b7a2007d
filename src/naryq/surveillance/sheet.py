"""What one session looked like to the watch, and what is kept of it for the sessions after."""

from collections.abc import Iterable, Mapping
from itertools import islice
from math import isqrt
from typing import Literal, NamedTuple, TypeAlias

from naryq.messages import GroupPosition, GroupTrade, Measure, SessionWatched, Side
from naryq.units import BASIS_POINTS, Rounding, divide, weighted_average


class Offer(NamedTuple):
    """An order as it was sent: whose, by which group, at which price at the plant's gate (tenge a tonne), when."""

    order_id: str
    participant_id: str
    group: str
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    at_ns: int
    withdrawn: bool = False
    """Whether its sender took it back."""
    amended_at_ns: tuple[int, ...] = ()
    """When its sender changed it; the price is the last one."""


class Fill(NamedTuple):
    """What an order bought or sold, at a price at the plant's gate."""

    order_id: str
    participant_id: str
    group: str
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int


class Trade(NamedTuple):
    """A trade between two known sides, as in a book; `aggressor` came to the other, None in an auction."""

    seller: str
    buyer: str
    price_tenge_per_tonne: int
    quantity_lots: int
    aggressor: Side | None
    at_ns: int
    sell_order_id: str
    buy_order_id: str


class Sheet(NamedTuple):
    """One session as the watch sees it, with what it remembers of the same market and of all others."""

    session_id: str
    opens_at_ns: int
    closes_at_ns: int
    ended_at_ns: int
    offers: tuple[Offer, ...]
    fills: tuple[Fill, ...]
    trades: tuple[Trade, ...]
    bounds_tenge_per_tonne: tuple[int | None, int | None] = (None, None)
    """The collar, at which many may stand without any agreement."""
    planned: Mapping[str, int] = {}
    """Group -> lots that the supply plan asks it to offer in this session, where it asks for any (`evenly`)."""
    history: tuple[SessionWatched, ...] = ()
    """The last sessions of the same market, the oldest first."""
    elsewhere: tuple[SessionWatched, ...] = ()
    """The last sessions of every market, this one's too, the oldest first."""


Evidence: TypeAlias = tuple[tuple[Measure, int, str], ...]
"""Measure, value, unit."""


class Finding(NamedTuple):
    """What a measure found: whom it concerns, the number that is held against the threshold, and what it rests on."""

    subjects: tuple[str, ...]
    value: int
    evidence: Evidence
    order_ids: tuple[str, ...]


ORDERS_SHOWN = 20
"""How many orders a finding names."""


# --- Orders to look at ------------------------------------------------------------------------------------------


def sent(sheet: Sheet, groups: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """Return the first orders that groups sent on a side, those that were withdrawn too."""
    ids = (each.order_id for each in sheet.offers if each.side == side and each.group in groups)
    return tuple(islice(ids, ORDERS_SHOWN))


def filled(sheet: Sheet, groups: tuple[str, ...], side: Side) -> tuple[str, ...]:
    """Return the first orders of groups on a side that traded."""
    ids = (each.order_id for each in sheet.fills if each.side == side and each.group in groups)
    return tuple(dict.fromkeys(ids))[:ORDERS_SHOWN]


def dealt(sheet: Sheet, groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first orders by which groups traded with each other."""
    trades = (each for each in sheet.trades if each.seller in groups and each.buyer in groups)
    ids = (order_id for each in trades for order_id in (each.sell_order_id, each.buy_order_id))
    return tuple(dict.fromkeys(ids))[:ORDERS_SHOWN]


# --- Numbers ----------------------------------------------------------------------------------------------------


def basis_points(part: int, whole: int) -> int:
    """Return a part of a whole in basis points, rounded down; zero of nothing.

    >>> basis_points(1, 3), basis_points(5, 0)
    (3333, 0)
    """
    return divide(part * BASIS_POINTS, whole, Rounding.DOWN) if whole else 0


def root_down(numerator: int, denominator: int) -> int:
    """Return the largest integer whose square is not above a ratio: at least `t` exactly when the root is.

    >>> root_down(10, 1), root_down(9, 1), root_down(35, 4)
    (3, 3, 2)
    """
    return isqrt(divide(numerator, denominator, Rounding.DOWN))


def root_up(numerator: int, denominator: int) -> int:
    """Return the smallest integer whose square is not below a ratio: at most `t` exactly when the root is.

    >>> root_up(10, 1), root_up(9, 1), root_up(0, 1)
    (4, 3, 0)
    """
    least = divide(numerator, denominator, Rounding.UP)
    return isqrt(least - 1) + 1 if least else 0


def variation_basis_points(values: tuple[int, ...]) -> int:
    """Return the coefficient of variation, standard deviation over mean, in basis points, rounded up.

    With n values it is the root of (n * sum(v**2) - sum(v)**2) / sum(v)**2: no fraction is formed before it.

    >>> variation_basis_points((100, 100, 100)), variation_basis_points((90, 110))
    (0, 1000)
    """
    total = sum(values)
    spread = len(values) * sum(value * value for value in values) - total * total
    return root_up(spread * BASIS_POINTS * BASIS_POINTS, total * total) if total else 0


def summed(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return the sum for each name, in order of first appearance."""
    sums: dict[str, int] = {}
    for name, amount in pairs:
        sums[name] = sums.get(name, 0) + amount
    return sums


# --- A session in a few numbers ---------------------------------------------------------------------------------


def asked_lots(offers: Iterable[Offer]) -> dict[str, int]:
    """Return what each group offered for sale and let stand, in lots."""
    return summed((each.group, each.quantity_lots) for each in offers if each.side == "sell" and not each.withdrawn)


def average_prices(offers: Iterable[Offer], side: Side) -> dict[str, int]:
    """Return each group's average limit price on one side, weighted by lots, tenge a tonne."""
    lots: dict[str, int] = {}
    turnover: dict[str, int] = {}
    for each in offers:
        if each.side == side and not each.withdrawn:
            lots[each.group] = lots.get(each.group, 0) + each.quantity_lots
            turnover[each.group] = turnover.get(each.group, 0) + each.quantity_lots * each.price_tenge_per_tonne
    return {group: divide(turnover[group], lots[group]) for group in lots}


def ranked(prices: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names from the lowest price to the highest; equal prices in order of the names."""
    return tuple(sorted(prices, key=lambda name: (prices[name], name)))


def positions(fills: Iterable[Fill]) -> tuple[GroupPosition, ...]:
    """Return what each group bought and sold."""
    found: dict[str, list[int]] = {}
    for each in fills:
        sums = found.setdefault(each.group, [0, 0, 0, 0])
        first = 0 if each.side == "buy" else 2
        sums[first] += each.quantity_lots
        sums[first + 1] += each.quantity_lots * each.price_tenge_per_tonne
    return tuple(GroupPosition(group, *found[group]) for group in sorted(found))


def group_trades(trades: Iterable[Trade]) -> tuple[GroupTrade, ...]:
    """Return what each group sold to each other, in the order in which they first traded."""
    found: dict[tuple[str, str], list[int]] = {}
    for each in trades:
        sums = found.setdefault((each.seller, each.buyer), [0, 0])
        sums[0] += each.quantity_lots
        sums[1] += each.quantity_lots * each.price_tenge_per_tonne
    return tuple(GroupTrade(*names, *sums) for names, sums in found.items())


def average_sold(fills: Iterable[Fill]) -> int | None:
    """Return the average price at which gas was sold, weighted by lots; None when none was."""
    sold = [(each.price_tenge_per_tonne, each.quantity_lots) for each in fills if each.side == "sell"]
    return weighted_average(tuple(price for price, _ in sold), tuple(lots for _, lots in sold))


def digested(sheet: Sheet) -> SessionWatched:
    """Return what is kept of a session."""
    return SessionWatched(
        session_id=sheet.session_id,
        ended_at_ns=sheet.ended_at_ns,
        average_tenge_per_tonne=average_sold(sheet.fills),
        offered=tuple(sorted(asked_lots(sheet.offers).items())),
        ranking=ranked(average_prices(sheet.offers, "sell")),
        positions=positions(sheet.fills),
        trades=group_trades(sheet.trades),
    )


Direction = Literal["at least", "at most"]
