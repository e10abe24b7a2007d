"""What every form of the continuous book shares: the words of its messages, its answers, its limits and its hash."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from naryq.market.book_kernels import PRICE_MAX, QUANTITY_MAX, REFILLS_MAX
from naryq.market.call import VENUE_RULES
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal, Side
from naryq.units import INT64_MAX

Kind = Literal["limit", "market", "immediate_or_cancel", "fill_or_kill", "post_only"]
SelfTrade = Literal["allow", "cancel_newest", "cancel_resting", "cancel_both"]

SIDES: Final = ("buy", "sell")
KINDS: Final = ("limit", "market", "immediate_or_cancel", "fill_or_kill", "post_only")
CALL_KINDS: Final = ("limit", "market")
"""The kinds of order that a call phase takes; the others ask to trade at once, or not to."""
ACTIONS: Final = (*KINDS, "cancel", "amend", "start_call", "uncross")
"""The kinds of a message; in an array of messages, a kind may stand as its index here."""
MARKET_PRICE: Final = 10**13
"""What a market order bids while it waits in a call phase, beyond every limit; one to sell asks it below zero."""
SELF_TRADES: Final = ("allow", "cancel_newest", "cancel_resting", "cancel_both")
STATUSES: Final = (
    "done",
    "lapsed",
    "duplicate_id",
    "unknown_order",
    "out_of_range",
    "overflow",
    "unknown_side",
    "unknown_option",
    "wrong_phase",
)
"""What became of a message: `lapsed` when part of the order was given up, and from the third word on a refusal."""
TICK_MAX: Final = 10**6
NONE_GIVEN: Final = -1
"""The owner of an order that has none, in a column of owners; in a column of displays that is 0."""


class Order(msgspec.Struct, gc=False):
    """An order as it stands in the book: what it shows, what it hides, and its terms.

    The price of a market order that waits in a call phase is 10**13 to buy and -10**13 to sell, beyond every limit.
    """

    order_id: int
    side: Side
    price: int
    shown: int
    hidden: int
    display: int | None
    owner: int | None
    post_only: bool


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One trade: at the price of the maker, who stood in the book; `taker_side` says who came to it."""

    maker_order_id: int
    taker_order_id: int
    price: int
    quantity: int
    taker_side: Side


class Statistics(NamedTuple):
    """What has traded so far: how often, how much, for how much money (price times quantity), and how high and low."""

    trades: int
    volume: int
    turnover: int
    high: int | None
    low: int | None


class Depth(NamedTuple):
    """The best prices of both sides with the quantity shown at each, best first."""

    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Summary(NamedTuple):
    """What the hash of a state takes in besides the orders in the book.

    `arrivals` has the orders that came in a call phase, oldest first; it is None in the continuous phase.
    """

    tick: int
    self_trade: SelfTrade
    arrivals: list[int] | None
    last_price: int | None
    statistics: Statistics


def check_rules(self_trade: str, tick: int) -> None:
    """Refuse rules that no book knows."""
    if self_trade not in SELF_TRADES:
        remedy = f"Choose one of {', '.join(SELF_TRADES)}."
        raise Refusal(Code.UNKNOWN_OPTION, f"self_trade is {self_trade!r}", remedy=remedy)
    if type(tick) is not int:
        raise Refusal(Code.WRONG_TYPE, f"tick is {tick!r}", remedy="Give a whole number.")
    if not 1 <= tick <= TICK_MAX:
        raise Refusal(Code.OUT_OF_RANGE, f"tick is {tick}", remedy=f"Give a whole number from 1 to {TICK_MAX}.")


def check_price_rule(price_rule: str) -> None:
    """Refuse a rule for the price of a call that no venue has."""
    if price_rule not in VENUE_RULES:
        remedy = f"Choose one of {', '.join(VENUE_RULES)}."
        raise Refusal(Code.UNKNOWN_OPTION, f"price_rule is {price_rule!r}", remedy=remedy)


def digest(summary: Summary, names: Integers, sides: Iterable[Integers]) -> str:
    """Hash a state: rules, statistics, every name ever taken in rising order, then both sides, best and oldest first.

    An order is a row of seven: name, owner (-1 for none), price, shown, hidden, display (0 for none), post-only (0, 1).
    Two books with the same hash answer every message alike.
    """
    hashed = sha256(msgspec.json.encode((summary, len(names))))
    for table in (names, *sides):
        hashed.update(np.ascontiguousarray(table, "<i8").tobytes())
        hashed.update(b"|")
    return hashed.hexdigest()


def whole(value: object, name: str, remedy: str = "Give a whole number.") -> int:
    """Return a whole number as `int`; a float or a truth value is none."""
    if type(value) is int:
        return value
    if isinstance(value, np.integer):
        return int(value)
    raise Refusal(Code.WRONG_TYPE, f"{name} is {value!r}", remedy=remedy)


def check_quantity(quantity: int, where: str) -> None:
    """Refuse a quantity that no order may have."""
    if not 1 <= quantity <= QUANTITY_MAX:
        remedy = f"Give a whole number from 1 to {QUANTITY_MAX}."
        raise Refusal(Code.OUT_OF_RANGE, f"quantity is {quantity}", where=where, remedy=remedy)


def check_price(price: int, quantity: int, tick: int, where: str) -> None:
    """Refuse a price out of range or off the tick, and a value that 64 bits do not hold."""
    if not -PRICE_MAX <= price <= PRICE_MAX:
        remedy = f"Give a whole number from {-PRICE_MAX} to {PRICE_MAX}."
        raise Refusal(Code.OUT_OF_RANGE, f"price is {price}", where=where, remedy=remedy)
    if price % tick:
        remedy = f"Give a multiple of {tick}, such as {price - price % tick}."
        raise Refusal(Code.OUT_OF_RANGE, f"price {price} is not on the tick of {tick}", where=where, remedy=remedy)
    if abs(price) * quantity >= 2**63:
        remedy = "Part the order into smaller ones."
        raise Refusal(Code.OVERFLOW, f"{price} times {quantity} is beyond 64 bits", where=where, remedy=remedy)


def check_display(display: int, quantity: int, where: str) -> None:
    """Refuse a display that hides nothing sensible."""
    if display < 1 or display * REFILLS_MAX < quantity:
        remedy = f"Show at least 1, and a {REFILLS_MAX}th part of the quantity."
        raise Refusal(Code.OUT_OF_RANGE, f"display is {display} of {quantity}", where=where, remedy=remedy)


def checked_owner(order_id: int, owner: int) -> int:
    """Return an owner that an order may have."""
    owner = whole(owner, "owner")
    if not 0 <= owner <= INT64_MAX:
        remedy = "Give a whole number from 0, or None."
        raise Refusal(Code.OUT_OF_RANGE, f"owner is {owner}", where=f"order {order_id}", remedy=remedy)
    return owner


def checked_display(order_id: int, display: int, quantity: int, kind: Kind) -> int:
    """Return what an iceberg of a kind may show at a time."""
    display, where = whole(display, "display"), f"order {order_id}"
    if kind not in {"limit", "post_only"}:
        raise Refusal(Code.UNKNOWN_OPTION, f"a {kind} order hides nothing", where=where, remedy="Leave display out.")
    if display > quantity:
        remedy = "Show at most the whole quantity."
        raise Refusal(Code.OUT_OF_RANGE, f"display is {display} of {quantity}", where=where, remedy=remedy)
    check_display(display, quantity, where)
    return display
