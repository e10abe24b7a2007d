"""Feeds that name every order, as messages for `Book.replay`: one translation for all of them.

A feed says what happened to an order; our book is told to do the same. Every order gets a name of its own in the book,
the number of the message that brings it, because feeds use an identifier again after a clear. What a feed cannot mean
is refused with the number of its event: an order that is not there, more than is left of it, an identifier in use.
"""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917 - kernels take arguments by position

from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.kernels import Integers, compiled
from naryq.messages import Code, Refusal

ADD, REDUCE, DELETE, REPLACE, MODIFY, CLEAR, MATCH = range(7)
"""What may happen: REDUCE takes quantity away and keeps the place; REPLACE ends an order and brings another of its
side; MODIFY gives a new price and quantity; CLEAR ends all; MATCH lets an incoming order trade with the first there."""
WHAT, HANDLE, SIDE, PRICE, QUANTITY, NEW_HANDLE = range(6)
"""The fields of an event."""
EVENT_FIELDS = 6
BUY, SELL = 0, 1
LIMIT, IMMEDIATE_OR_CANCEL, CANCEL, AMEND = 0, 2, 5, 6
"""The kinds of messages as numbers, as `Book.replay` has them."""
KIND, ID, TO_SIDE, AT_PRICE, OF_QUANTITY, ROW = range(6)
SENT_FIELDS = 6
NAME, ORDER_SIDE, ORDER_PRICE, LEFT = range(4)
"""The fields of an order; one of which nothing is left is not there."""
ORDER_FIELDS = 4
FINE, NOT_THERE, TOO_MUCH, IN_USE = range(4)
AS_IT_IS = -(2**63)

REASONS: Final = {
    NOT_THERE: (Code.UNKNOWN_ORDER, "an order is named that is not in the book"),
    TOO_MUCH: (Code.OUT_OF_RANGE, "more is taken than is left of the order"),
    IN_USE: (Code.DUPLICATE_ID, "an order is added under an identifier that is in the book"),
}


class ReplayMessages(NamedTuple):
    """Messages of one instrument for `Book.replay`, and what they came from.

    `columns` goes to `Book.replay`; `order_id[name]` is the feed's identifier of the order that our book knows as
    `name` (0 where a name is only a number), `row[message]` the row of the feed's table, counted from 0. A price of the
    columns is the feed's price divided by `price_step`, exactly.
    """

    columns: dict[str, Any]
    order_id: Any
    row: Integers
    price_step: int


@compiled
def send(sent: Integers, count: int, kind: int, name: int, side: int, price: int, quantity: int, row: int) -> Integers:
    """Write a message, in a wider table when this one is full."""
    if count == sent.shape[1]:
        wider = np.empty((sent.shape[0], 2 * count), np.int64)
        wider[:, :count] = sent
        sent = wider
    sent[KIND, count] = kind
    sent[ID, count] = name
    sent[TO_SIDE, count] = side
    sent[AT_PRICE, count] = price
    sent[OF_QUANTITY, count] = quantity
    sent[ROW, count] = row
    return sent


@compiled
def arrive(orders: Integers, sent: Integers, count: int, handle: int, event: Integers, side: int, row: int) -> Integers:
    """Let an order arrive under the number of its message."""
    orders[handle, NAME] = count
    orders[handle, ORDER_SIDE] = side
    orders[handle, ORDER_PRICE] = event[PRICE]
    orders[handle, LEFT] = event[QUANTITY]
    return send(sent, count, LIMIT, count, side, event[PRICE], event[QUANTITY], row)


@compiled
def clear(orders: Integers, sent: Integers, count: int, row: int) -> tuple[Integers, int]:
    """Cancel every order that is there."""
    for handle in range(orders.shape[0]):
        if orders[handle, LEFT] > 0:
            sent = send(sent, count, CANCEL, orders[handle, NAME], 0, 0, 0, row)
            orders[handle, LEFT] = 0
            count += 1
    return sent, count


@compiled
def change(orders: Integers, sent: Integers, count: int, event: Integers, row: int) -> tuple[Integers, int, int]:
    """Do what happened to an order that is there; return the table, its count and what is wrong."""
    what, handle = event[WHAT], event[HANDLE]
    name, left, side = orders[handle, NAME], orders[handle, LEFT], orders[handle, ORDER_SIDE]
    if what in (REDUCE, MATCH) and event[QUANTITY] > left:
        return sent, count, TOO_MUCH
    if what == MODIFY:
        orders[handle, ORDER_PRICE] = event[PRICE]
        orders[handle, LEFT] = event[QUANTITY]
        return send(sent, count, AMEND, name, side, event[PRICE], event[QUANTITY], row), count + 1, FINE
    if what == MATCH:
        orders[handle, LEFT] = left - event[QUANTITY]
        price = orders[handle, ORDER_PRICE]
        sent = send(sent, count, IMMEDIATE_OR_CANCEL, count, 1 - side, price, event[QUANTITY], row)
        return sent, count + 1, FINE
    less = event[QUANTITY] if what == REDUCE else left
    orders[handle, LEFT] = left - less
    sent = send(sent, count, CANCEL, name, side, 0, less, row)
    count += 1
    if what == REPLACE:
        if orders[event[NEW_HANDLE], LEFT] > 0:
            return sent, count, IN_USE
        sent = arrive(orders, sent, count, event[NEW_HANDLE], event, side, row)
        count += 1
    return sent, count, FINE


@compiled
def translate(events: Integers, orders: Integers, sent: Integers, state: Integers) -> Integers:
    """Turn events into messages; `state` takes how many, and what is wrong at which row."""
    count = 0
    for row in range(events.shape[0]):
        what, handle = events[row, WHAT], events[row, HANDLE]
        wrong = FINE
        if what == CLEAR:
            sent, count = clear(orders, sent, count, row)
        elif what == ADD and orders[handle, LEFT] > 0:
            wrong = IN_USE
        elif what == ADD or (what == MODIFY and orders[handle, LEFT] == 0):
            sent = arrive(orders, sent, count, handle, events[row], events[row, SIDE], row)
            count += 1
        elif orders[handle, LEFT] == 0:
            wrong = NOT_THERE
        else:
            sent, count, wrong = change(orders, sent, count, events[row], row)
        if wrong != FINE:
            state[1], state[2] = wrong, row
            break
    state[0] = count
    return sent


def replay_messages(events: Integers, order_ids: Any, rows: Integers, name: str, price_step: int) -> ReplayMessages:
    """Turn a table of events of one instrument into messages for `Book.replay`.

    Args:
        events: A row of six an event; `HANDLE` and `NEW_HANDLE` index `order_ids`, prices are divided by `price_step`.
        order_ids: The feed's identifiers.
        rows: The row of the feed's table for each event.
        name: What a refusal calls the feed.
        price_step: What was divided out of the prices.

    Raises:
        Refusal: `unknown_order`, `out_of_range` or `duplicate_id`, with the event's row counted from 1.
    """
    orders = np.zeros((max(len(order_ids), 1), ORDER_FIELDS), np.int64)
    state = np.zeros(3, np.int64)
    sent = translate(events, orders, np.empty((SENT_FIELDS, max(len(events), 1)), np.int64), state)[:, : state[0]]
    if state[1] != FINE:
        code, what = REASONS[int(state[1])]
        row = int(state[2])
        identifier = int(order_ids[events[row, HANDLE]])
        remedy = "Give the feed from its start, or from a snapshot."
        raise Refusal(code, f"{what}: {identifier}", where=f"{name}, row {int(rows[row]) + 1}", remedy=remedy)
    columns = {
        "kind": sent[KIND].astype(np.uint8),
        "order_id": sent[ID],
        "side": sent[TO_SIDE].astype(np.uint8),
        "price": sent[AT_PRICE],
        "quantity": sent[OF_QUANTITY],
    }
    return ReplayMessages(columns, _published_names(sent, events, order_ids), rows[sent[ROW]], price_step)


def _published_names(sent: Integers, events: Integers, order_ids: Any) -> Any:
    """Say for each name in our book which order of the feed it is."""
    names = np.zeros(sent.shape[1], order_ids.dtype)
    arrived = np.flatnonzero(sent[KIND] == LIMIT)
    source = events[sent[ROW, arrived]]
    handles = np.where(source[:, WHAT] == REPLACE, source[:, NEW_HANDLE], source[:, HANDLE])
    names[arrived] = order_ids[handles] if len(order_ids) else 0
    return names


def handles_of(*identifiers: Any) -> tuple[Any, tuple[Integers, ...]]:
    """Number identifiers over several columns; return them in rising order, and each column's numbers."""
    order_ids, numbers = np.unique(np.concatenate(identifiers), return_inverse=True)
    return order_ids, tuple(np.split(numbers, np.cumsum([len(column) for column in identifiers])[:-1]))
