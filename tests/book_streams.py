"""Streams of messages for the continuous book, and the comparison of its three forms on them."""

import random
from typing import Any, NamedTuple

import numpy as np
from tests.naive_book import NaiveBook

from naryq.market import book_replay
from naryq.market.book import Book
from naryq.market.book_rules import ACTIONS, KINDS, SIDES, Trade
from naryq.messages import Refusal

NO_PRICE = -(2**63)


class Row(NamedTuple):
    """One message; a quantity of 0 cancels all, or leaves the quantity as it is in an amendment.

    The price of an uncrossing is its reference price.
    """

    kind: str
    order_id: int
    side: str
    price: int | None
    quantity: int
    owner: int | None = None
    display: int | None = None


PHASES = ("start_call", "uncross")
ORDERLY = tuple(kind for kind in ACTIONS if kind not in PHASES)


def random_stream(seed: int, length: int, tick: int = 1, *, calls: bool = False) -> list[Row]:
    """Make messages of every kind around one price, some of them wrong; with calls, about half of them in one."""
    draw = random.Random(seed)
    kinds: tuple[str, ...] = ("limit", "limit", "limit", "limit", *ORDERLY)
    if calls:
        kinds = (*kinds, *kinds, "market", "market", "limit", "limit", *PHASES)
    return [_random_row(draw, number, tick, draw.choice(kinds)) for number in range(length)]


def _random_row(draw: random.Random, number: int, tick: int, kind: str) -> Row:
    side, price = draw.choice(SIDES), draw.randint(-4, 5) * tick + (draw.random() < 0.02)
    quantity = draw.choice((0, 1, 2, 3, 5, 8, 13))
    if kind in PHASES:
        return Row(kind, number, side, price if kind == "uncross" and draw.random() < 0.7 else None, quantity)
    if kind in {"cancel", "amend"}:
        name = draw.randint(max(number - 12, 0), number)
        free = kind == "amend" and draw.random() < 0.5
        return Row(kind, name, side, None if free or kind == "cancel" else price, quantity)
    name = number if draw.random() < 0.97 else draw.randint(0, number)
    display = draw.choice((None, None, 1, 2, 4)) if kind in {"limit", "post_only"} else None
    return Row(kind, name, side, None if kind == "market" else price, quantity, draw.choice((None, 0, 1, 2)), display)


class Answer(NamedTuple):
    """What a form of the book says: the trades, a word for each message, and the end."""

    trades: list[Trade]
    words: list[str]
    end: tuple[Any, ...]


def one_by_one(book: Any, stream: list[Row], price_rule: str = "xetra") -> Answer:
    """Send messages to a book one at a time."""
    trades: list[Trade] = []
    words = [_send(book, row, trades, price_rule) for row in stream]
    return Answer(trades, words, (book.depth(99), book.last_price, book.statistics, book.state_hash()))


def _send(book: Any, row: Row, trades: list[Trade], price_rule: str) -> str:
    try:
        if row.kind == "start_call":
            book.start_call()
        elif row.kind == "uncross":
            trades += book.uncross(price_rule, row.price)
        elif row.kind == "cancel":
            book.cancel(row.order_id, row.quantity or None)
        elif row.kind == "amend":
            trades += book.amend(row.order_id, row.price, row.quantity or None)
        else:
            terms = {"kind": row.kind, "owner": row.owner, "display": row.display}
            trades += book.submit(row.order_id, row.side, row.price, row.quantity, **terms)
    except Refusal as refusal:
        return str(refusal.code.value)
    return "taken"


def columns(stream: list[Row]) -> dict[str, Any]:
    """Lay messages out as columns."""
    return {
        "kind": np.array([ACTIONS.index(row.kind) for row in stream], np.uint8),
        "order_id": np.array([row.order_id for row in stream], np.int64),
        "side": np.array([SIDES.index(row.side) for row in stream], np.uint8),
        "price": np.array([NO_PRICE if row.price is None else row.price for row in stream], np.int64),
        "quantity": np.array([row.quantity for row in stream], np.int64),
        "owner": np.array([-1 if row.owner is None else row.owner for row in stream], np.int64),
        "display": np.array([row.display or 0 for row in stream], np.int64),
    }


def replayed(stream: list[Row], self_trade: Any = "allow", tick: int = 1, price_rule: str = "xetra") -> Answer:
    """Send messages through the replay."""
    result = book_replay.replay(columns(stream), self_trade, tick, price_rule)
    table = zip(*(column.tolist() for column in result.trades[:5]), strict=True)
    trades = [Trade(maker, taker, price, lots, "sell" if side else "buy") for maker, taker, price, lots, side in table]
    words = ["taken" if code < 2 else result.STATUSES[code] for code in result.statuses.tolist()]
    return Answer(trades, words, (result.depth(99), result.last_price, result.statistics, result.state_hash()))


def difference(mine: Answer, twins: Answer) -> str:
    """Say where an answer leaves the twin's; nothing when it does not."""
    for part, left, right in zip(Answer._fields, mine, twins, strict=True):
        if left != right:
            return f"{part}: {left} is not {right}"
    return ""


def differences(stream: list[Row], self_trade: Any = "allow", tick: int = 1, price_rule: str = "xetra") -> str:
    """Compare the fast book and the replay with the naive twin, which also keeps its own house in order."""
    twins = one_by_one(NaiveBook(self_trade=self_trade, tick=tick), stream, price_rule)
    found = difference(one_by_one(Book(self_trade=self_trade, tick=tick), stream, price_rule), twins)
    return found or difference(replayed(stream, self_trade, tick, price_rule), twins)


def exhaustive(length: int) -> list[list[Row]]:
    """List every stream of so many messages from a small alphabet, each name in its turn."""
    streams: list[list[Row]] = [[]]
    for number in range(length):
        streams = [[*stream, row] for stream in streams for row in _alphabet(number)]
    return streams


def _alphabet(number: int) -> list[Row]:
    prices = (1, 2)
    rows = [Row("limit", number, side, price, 2, 0) for side in SIDES for price in prices]
    rows += [Row(kind, number, side, 1, 3, 1) for kind in KINDS[2:] for side in SIDES]
    rows += [Row("market", number, side, None, 1, 0) for side in SIDES]
    rows += [Row("limit", number, "sell", 1, 3, None, 1), Row("limit", number, "buy", 1, 3, 0, 1)]
    rows += [Row("cancel", 0, "buy", None, 1), Row("amend", 0, "buy", 2, 0), Row("amend", 0, "buy", None, 3)]
    return rows
