"""The compiled pass of the LOBSTER check: it turns a day's events into messages for the book, and follows the view.

For each event it writes the messages that our own book must answer, and what it must answer. Beside them it keeps, for
each visible price, the orders that it has seen arrive (a chain in time order) and the *pool*: the quantity that was
there before, whose orders have no names. After each event these levels must equal the published line.
"""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917, PLR0911 - kernels take arguments by position; checks stand in one row

from typing import NamedTuple

import numpy as np

from naryq.market.kernels import Integers, compiled

BUY, SELL = 0, 1
LIMIT, IMMEDIATE_OR_CANCEL, CANCEL = 0, 2, 5
"""The kinds of messages as numbers, as `Book.replay` has them."""
SUBMISSION, CANCELLATION, DELETION, EXECUTION, HIDDEN_EXECUTION, CROSS, HALT = 1, 2, 3, 4, 5, 6, 7

RANK, TOTAL, POOL, POOL_NAME, HEAD, TAIL = 0, 1, 2, 3, 4, 5
"""The fields of a level; its rank is the price, negated for buyers: the lower, the better."""
LEVEL_FIELDS = 6
STATUS, LEFT, AT, NAME, NEXT = 0, 1, 2, 3, 4
"""The fields of an order; AT is its rank, NEXT the order behind it at its price (-1 for none)."""
ORDER_FIELDS = 5
UNSEEN, SEEN, GONE, FORGOTTEN = 0, 1, 2, 3
"""An order of UNSEEN was there before; one of FORGOTTEN stood at a price that has left the view since."""

KIND, ID, SIDE, PRICE, QUANTITY, ROW, MAKER = 0, 1, 2, 3, 4, 5, 6
"""The rows of the messages for the book; MAKER is the order that an execution must meet, -1 for no trade at all."""
SENT_FIELDS = 7

COUNT, STOP_ROW, STOP, HALTED, SUSPENDED, BOUND_BUY, BOUND_SELL = 0, 1, 2, 3, 4, 5, 6
COMPARED_ROWS, COMPARED_LEVELS, LEARNED, LEFT_VIEW = 7, 8, 9, 10
MATCHED, FROM_POOL, HIDDEN, CROSSES, HALTS, OUTSIDE = 11, 12, 13, 14, 15, 16
OUT_OF_TURN, FIRST_OUT_OF_TURN, OFF_PRICE, FIRST_OFF_PRICE, IN_AUCTION = 17, 18, 19, 20, 21
UNCOMPARED, FIRST_UNCOMPARED = 22, 23
TALLY_FIELDS = 24
"""The fields of the tally: where the pass stands, and what it has counted."""

FINE, LEVELS_DIFFER, TWICE, ENDED, TOO_MUCH, WRONG_PRICE, NOTHING_THERE, DISORDER, NOT_NEXT, WRONG_SIZE = range(10)
"""Why the pass has stopped."""
FAR = 2**62
"""A bound beyond every price: the whole side is visible."""


class Day(NamedTuple):
    """What the pass carries from line to line: levels by side and how many, orders by handle, tally, strictness."""

    levels: Integers
    counts: Integers
    orders: Integers
    tally: Integers
    strict: int


# --- Messages for the book ------------------------------------------------------------------------------------------


@compiled
def send(day: Day, sent: Integers, kind: int, name: int, side: int, price: int, quantity: int, row: int) -> Integers:
    """Write a message for the book, in a wider table when this one is full; a name below 0 becomes its own number."""
    tally = day.tally
    count = tally[COUNT]
    if count == sent.shape[1]:
        wider = np.empty((sent.shape[0], 2 * count), np.int64)
        wider[:, :count] = sent
        sent = wider
    sent[KIND, count] = kind
    sent[ID, count] = count if name < 0 else name
    sent[SIDE, count] = side
    sent[PRICE, count] = price
    sent[QUANTITY, count] = quantity
    sent[ROW, count] = row
    sent[MAKER, count] = -1
    tally[COUNT] = count + 1
    return sent


@compiled
def price_of(side: int, rank: int) -> int:
    """Return the price of a rank."""
    return rank if side == SELL else -rank


# --- Levels ---------------------------------------------------------------------------------------------------------


@compiled
def rank_at(day: Day, side: int, at: int) -> int:
    """Return the rank of a level."""
    return day.levels[side, at, RANK]


@compiled
def total_at(day: Day, side: int, at: int) -> int:
    """Return the quantity of a level."""
    return day.levels[side, at, TOTAL]


@compiled
def pool_at(day: Day, side: int, at: int) -> int:
    """Return the quantity of a level whose orders have no names."""
    return day.levels[side, at, POOL]


@compiled
def find(day: Day, side: int, rank: int) -> int:
    """Return where a rank stands among the levels of a side, or where it would."""
    at = 0
    while at < day.counts[side] and rank_at(day, side, at) < rank:
        at += 1
    return at


@compiled
def stands(day: Day, side: int, at: int, rank: int) -> bool:
    """Say whether a level stands where `find` has pointed."""
    return at < day.counts[side] and rank_at(day, side, at) == rank


@compiled
def insert(day: Day, side: int, at: int, rank: int) -> None:
    """Make room for an empty level."""
    levels, counts = day.levels, day.counts
    for index in range(counts[side], at, -1):
        levels[side, index, :] = levels[side, index - 1, :]
    levels[side, at, :] = -1
    levels[side, at, RANK : POOL + 1] = 0
    levels[side, at, RANK] = rank
    counts[side] += 1


@compiled
def drop(day: Day, side: int, at: int) -> None:
    """Take a level away."""
    for index in range(at, day.counts[side] - 1):
        day.levels[side, index, :] = day.levels[side, index + 1, :]
    day.counts[side] -= 1


@compiled
def less(day: Day, side: int, at: int, quantity: int) -> None:
    """Take quantity from the total of a level, and the level when nothing is left of it."""
    day.levels[side, at, TOTAL] -= quantity
    if total_at(day, side, at) == 0:
        drop(day, side, at)


@compiled
def front(day: Day, side: int, at: int) -> int:
    """Return the oldest order seen to arrive at a level that is still there, -1 for none."""
    orders = day.orders
    head = day.levels[side, at, HEAD]
    while head >= 0 and orders[head, STATUS] != SEEN:
        head = orders[head, NEXT]
    day.levels[side, at, HEAD] = head
    if head < 0:
        day.levels[side, at, TAIL] = -1
    return head


@compiled
def learn(day: Day, sent: Integers, side: int, at: int, rank: int, quantity: int, row: int) -> Integers:
    """Take a level that has come into view: all that stands there is a pool."""
    insert(day, side, at, rank)
    return fill_pool(day, sent, side, at, quantity, row)


@compiled
def fill_pool(day: Day, sent: Integers, side: int, at: int, quantity: int, row: int) -> Integers:
    """Enter a pool into the book as one order."""
    day.levels[side, at, TOTAL] += quantity
    day.levels[side, at, POOL] = quantity
    day.levels[side, at, POOL_NAME] = day.tally[COUNT]
    return send(day, sent, LIMIT, -1, side, price_of(side, rank_at(day, side, at)), quantity, row)


@compiled
def forget(day: Day, sent: Integers, side: int, row: int) -> Integers:
    """Let the last level of a side go: out of view, its orders change unseen, so they leave our book too."""
    at = day.counts[side] - 1
    if pool_at(day, side, at) > 0:
        sent = send(day, sent, CANCEL, day.levels[side, at, POOL_NAME], side, 0, 0, row)
    handle = day.levels[side, at, HEAD]
    while handle >= 0:
        if day.orders[handle, STATUS] == SEEN:
            sent = send(day, sent, CANCEL, day.orders[handle, NAME], side, 0, 0, row)
            day.orders[handle, STATUS] = FORGOTTEN
        handle = day.orders[handle, NEXT]
    drop(day, side, at)
    return sent


# --- The published line ---------------------------------------------------------------------------------------------


@compiled
def published_rank(line: Integers, side: int, level: int) -> int:
    """Return the rank of a published level."""
    return line[4 * level] if side == SELL else -line[4 * level + 2]


@compiled
def published_size(line: Integers, side: int, level: int) -> int:
    """Return the size of a published level, 0 when nobody occupies it."""
    return line[4 * level + 1] if side == SELL else line[4 * level + 3]


@compiled
def occupied(line: Integers, side: int) -> int:
    """Count the occupied levels of a side; -1 when they are not the first, or not from the best to the worst."""
    count = 0
    for level in range(line.shape[0] // 4):
        if published_size(line, side, level) > 0:
            if level > count:
                return -1
            if level > 0 and published_rank(line, side, level) <= published_rank(line, side, level - 1):
                return -1
            count += 1
    return count


@compiled
def crossed(line: Integers) -> bool:
    """Say whether buyers and sellers of a published line meet: a book that trades at once cannot stand so."""
    return line[1] > 0 and line[3] > 0 and line[0] <= line[2]


@compiled
def size_at(line: Integers, side: int, rank: int) -> int:
    """Return the size that a line publishes at a rank, 0 for none."""
    for level in range(line.shape[0] // 4):
        if published_size(line, side, level) > 0 and published_rank(line, side, level) == rank:
            return published_size(line, side, level)
    return 0


@compiled
def shrinks(day: Day, line: Integers, side: int, at: int, size: int) -> bool:
    """Say whether a line shows a level less by a size."""
    return size_at(line, side, rank_at(day, side, at)) == total_at(day, side, at) - size


@compiled
def bound_of(line: Integers, side: int, count: int) -> int:
    """Return the worst rank that a line shows for certain: without a full side, every rank."""
    return published_rank(line, side, count - 1) if 4 * count == line.shape[0] else FAR


@compiled
def look(day: Day, sent: Integers, line: Integers, side: int, row: int) -> tuple[Integers, int]:
    """Compare a side with the published line; forget what has left the view and learn what has come into it."""
    tally = day.tally
    count = occupied(line, side)
    if count < 0:
        return sent, DISORDER
    bound = bound_of(line, side, count)
    while day.counts[side] > 0 and rank_at(day, side, day.counts[side] - 1) > bound:
        sent = forget(day, sent, side, row)
        tally[LEFT_VIEW] += 1
    known = 0
    for level in range(count):
        rank = published_rank(line, side, level)
        if rank <= tally[BOUND_BUY + side]:
            if not stands(day, side, level, rank) or total_at(day, side, level) != published_size(line, side, level):
                return sent, LEVELS_DIFFER
            known += 1
    if known != day.counts[side]:
        return sent, LEVELS_DIFFER
    for level in range(known, count):
        rank = published_rank(line, side, level)
        sent = learn(day, sent, side, level, rank, published_size(line, side, level), row)
        tally[LEARNED] += 1
    tally[COMPARED_LEVELS] += known
    tally[BOUND_BUY + side] = bound
    return sent, FINE


@compiled
def look_anew(day: Day, sent: Integers, line: Integers, row: int) -> tuple[Integers, int]:
    """Take everything that a line shows as pools."""
    for side in range(2):
        count = occupied(line, side)
        if count < 0:
            return sent, DISORDER
        for level in range(count):
            sent = learn(
                day, sent, side, level, published_rank(line, side, level), published_size(line, side, level), row
            )
        day.tally[LEARNED] += count
        day.tally[BOUND_BUY + side] = bound_of(line, side, count)
    return sent, FINE


# --- Events ---------------------------------------------------------------------------------------------------------


@compiled
def side_of(event: Integers) -> int:
    """Return the side of the order that an event names."""
    return BUY if event[5] == 1 else SELL


@compiled
def rank_of(event: Integers) -> int:
    """Return the rank of an event's price."""
    return -event[4] if event[5] == 1 else event[4]


@compiled
def note(day: Day, field: int, row: int) -> None:
    """Count something, and where it was first."""
    if day.tally[field] == 0:
        day.tally[field + 1] = row
    day.tally[field] += 1


@compiled
def submit(day: Day, sent: Integers, handle: int, side: int, rank: int, size: int, row: int) -> tuple[Integers, int]:
    """Let an order arrive, behind all that stands at its price."""
    order = day.orders[handle]
    if order[STATUS] != UNSEEN:
        return sent, TWICE
    if rank > day.tally[BOUND_BUY + side]:
        order[STATUS] = FORGOTTEN
        day.tally[OUTSIDE] += 1
        return sent, FINE
    at = find(day, side, rank)
    if not stands(day, side, at, rank):
        insert(day, side, at, rank)
    order[STATUS] = SEEN
    order[LEFT] = size
    order[AT] = rank
    order[NAME] = day.tally[COUNT]
    order[NEXT] = -1
    front(day, side, at)
    last = day.levels[side, at, TAIL]
    if last >= 0:
        day.orders[last, NEXT] = handle
    else:
        day.levels[side, at, HEAD] = handle
    day.levels[side, at, TAIL] = handle
    day.levels[side, at, TOTAL] += size
    return send(day, sent, LIMIT, -1, side, price_of(side, rank), size, row), FINE


@compiled
def take_seen(day: Day, side: int, at: int, handle: int, size: int) -> None:
    """Take quantity from an order that was seen to arrive."""
    day.orders[handle, LEFT] -= size
    if day.orders[handle, LEFT] == 0:
        day.orders[handle, STATUS] = GONE
    less(day, side, at, size)


@compiled
def reduce(
    day: Day, sent: Integers, kind: int, handle: int, side: int, rank: int, size: int, row: int
) -> tuple[Integers, int]:
    """Cancel part of an order, or all of it."""
    order = day.orders[handle]
    if order[STATUS] == GONE:
        return sent, ENDED
    at = find(day, side, rank)
    if order[STATUS] == SEEN:
        if order[AT] != rank or not stands(day, side, at, rank):
            return sent, WRONG_PRICE
        if size > order[LEFT] or (kind == DELETION and size != order[LEFT]):
            return sent, WRONG_SIZE
        sent = send(day, sent, CANCEL, order[NAME], side, 0, size, row)
        take_seen(day, side, at, handle, size)
        return sent, FINE
    if rank > day.tally[BOUND_BUY + side]:
        day.tally[OUTSIDE] += 1
        return sent, FINE
    if not stands(day, side, at, rank):
        return sent, NOTHING_THERE
    if size > pool_at(day, side, at):
        return sent, TOO_MUCH
    day.tally[FROM_POOL] += 1
    if kind == DELETION:
        order[STATUS] = GONE
    return take_pool(day, sent, side, at, size, row), FINE


@compiled
def take_pool(day: Day, sent: Integers, side: int, at: int, size: int, row: int) -> Integers:
    """Cancel quantity of a pool."""
    sent = send(day, sent, CANCEL, day.levels[side, at, POOL_NAME], side, 0, size, row)
    day.levels[side, at, POOL] -= size
    less(day, side, at, size)
    return sent


@compiled
def execute(
    day: Day, sent: Integers, handle: int, side: int, rank: int, size: int, row: int, line: Integers
) -> tuple[Integers, int]:
    """Execute an order: where it is next in price and time, by an order that comes to our book and must meet it."""
    order = day.orders[handle]
    if order[STATUS] == GONE:
        return sent, ENDED
    if order[STATUS] != SEEN:
        return execute_unseen(day, sent, side, rank, size, row, line)
    if size > order[LEFT]:
        return sent, WRONG_SIZE
    own = find(day, side, order[AT])
    if not stands(day, side, own, order[AT]):
        return sent, WRONG_PRICE
    next_in_turn = own == 0 and pool_at(day, side, own) == 0 and front(day, side, own) == handle
    sent, stop = trade(day, sent, order[NAME], side, order[AT], rank, size, row, int(next_in_turn))
    take_seen(day, side, own, handle, size)
    return sent, stop


@compiled
def execute_unseen(
    day: Day, sent: Integers, side: int, rank: int, size: int, row: int, line: Integers
) -> tuple[Integers, int]:
    """Execute an order that was there before: of the pool at its price, or of the one pool that the line shows less."""
    at = find(day, side, rank)
    here = stands(day, side, at, rank) and pool_at(day, side, at) >= size
    if not here or not shrinks(day, line, side, at, size):
        for other in range(day.counts[side]):
            if pool_at(day, side, other) >= size and shrinks(day, line, side, other, size):
                at, here = other, True
                break
    if not here:
        return sent, unplaced(day, side, rank, row)
    day.tally[FROM_POOL] += 1
    level = day.levels[side, at]
    sent, stop = trade(day, sent, level[POOL_NAME], side, level[RANK], rank, size, row, int(at == 0))
    day.levels[side, at, POOL] -= size
    less(day, side, at, size)
    return sent, stop


@compiled
def unplaced(day: Day, side: int, rank: int, row: int) -> int:
    """Judge an execution that takes from no level in view: its order can only have stood beyond the last one."""
    bound = day.tally[BOUND_BUY + side]
    if bound == FAR:
        return TOO_MUCH if stands(day, side, find(day, side, rank), rank) else NOTHING_THERE
    if rank > bound:
        day.tally[OUTSIDE] += 1
    else:
        note(day, OFF_PRICE, row)
    return FINE


@compiled
def trade(
    day: Day, sent: Integers, name: int, side: int, own: int, rank: int, size: int, row: int, next_in_turn: int
) -> tuple[Integers, int]:
    """Write an execution: as an order that comes to the book where it is next, else as quantity that leaves it.

    In an auction, at a price that is not the order's own, or out of turn, no continuous book would match it.
    """
    if day.tally[HALTED] != 0:
        day.tally[IN_AUCTION] += 1
    elif own != rank:
        note(day, OFF_PRICE, row)
    elif next_in_turn == 0:
        note(day, OUT_OF_TURN, row)
        if day.strict != 0:
            return sent, NOT_NEXT
    else:
        sent = send(day, sent, IMMEDIATE_OR_CANCEL, -1, 1 - side, price_of(side, own), size, row)
        sent[MAKER, day.tally[COUNT] - 1] = name
        day.tally[MATCHED] += 1
        return sent, FINE
    return send(day, sent, CANCEL, name, side, 0, size, row), FINE


@compiled
def apply(day: Day, sent: Integers, event: Integers, handle: int, row: int, line: Integers) -> tuple[Integers, int]:
    """Apply an event to levels and orders, and write what the book is to do."""
    kind, size = event[1], event[3]
    side, rank = side_of(event), rank_of(event)
    if kind == SUBMISSION:
        return submit(day, sent, handle, side, rank, size, row)
    if kind in (CANCELLATION, DELETION):
        return reduce(day, sent, kind, handle, side, rank, size, row)
    if kind == EXECUTION:
        return execute(day, sent, handle, side, rank, size, row, line)
    count_quiet(day, event)
    return sent, FINE


@compiled
def count_quiet(day: Day, event: Integers) -> None:
    """Count an event that leaves the visible book as it was."""
    if event[1] == HIDDEN_EXECUTION:
        day.tally[HIDDEN] += 1
    elif event[1] == CROSS:
        day.tally[CROSSES] += 1
    else:
        day.tally[HALTS] += 1
        day.tally[HALTED] = np.int64(event[4] != 1)


# --- Lines ----------------------------------------------------------------------------------------------------------


@compiled
def begin(day: Day, sent: Integers, event: Integers, handle: int, line: Integers) -> tuple[Integers, int]:
    """Take the first line as it is: its levels are pools, but for the order that its own event has brought."""
    if event[1] > EXECUTION:
        count_quiet(day, event)
    sent, stop = look_anew(day, sent, line, 0)
    if stop != FINE or event[1] != SUBMISSION:
        return sent, stop
    side, rank = side_of(event), rank_of(event)
    at = find(day, side, rank)
    if rank > day.tally[BOUND_BUY + side]:
        day.orders[handle, STATUS] = FORGOTTEN
        day.tally[OUTSIDE] += 1
        return sent, FINE
    if not stands(day, side, at, rank) or event[3] > total_at(day, side, at):
        return sent, LEVELS_DIFFER
    sent = take_pool(day, sent, side, at, event[3], 0)
    return submit(day, sent, handle, side, rank, event[3], 0)


@compiled
def suspend(day: Day, sent: Integers, row: int) -> Integers:
    """Empty our book while the published one is crossed, as it may be in a halt."""
    for side in range(2):
        while day.counts[side] > 0:
            sent = forget(day, sent, side, row)
    day.tally[SUSPENDED] = 1
    return sent


@compiled
def wait(day: Day, sent: Integers, event: Integers, handle: int, line: Integers, row: int) -> tuple[Integers, int]:
    """Let an event pass while the book is crossed, and begin anew at the first line that is not."""
    note(day, UNCOMPARED, row)
    if event[1] == SUBMISSION:
        day.orders[handle, STATUS] = FORGOTTEN
    elif event[1] > EXECUTION:
        count_quiet(day, event)
    if crossed(line):
        return sent, FINE
    day.tally[SUSPENDED] = 0
    return look_anew(day, sent, line, row)


@compiled
def crosses(day: Day, event: Integers) -> bool:
    """Say whether a submission would meet the other side of our book."""
    other = 1 - side_of(event)
    return event[1] == SUBMISSION and day.counts[other] > 0 and -rank_at(day, other, 0) >= rank_of(event)


@compiled
def follow_line(
    day: Day, sent: Integers, event: Integers, handle: int, line: Integers, row: int
) -> tuple[Integers, int]:
    """Follow one event and compare the levels with the line that was published after it."""
    if row == 0 and not crossed(line):
        return begin(day, sent, event, handle, line)
    if row == 0 or day.tally[SUSPENDED] != 0 or (crossed(line) and crosses(day, event)):
        if day.tally[SUSPENDED] == 0:
            sent = suspend(day, sent, row)
        return wait(day, sent, event, handle, line, row)
    sent, stop = apply(day, sent, event, handle, row, line)
    for side in range(2):
        if stop == FINE:
            sent, stop = look(day, sent, line, side, row)
    if stop == FINE:
        day.tally[COMPARED_ROWS] += 1
    return sent, stop


@compiled
def follow(day: Day, sent: Integers, events: Integers, handles: Integers, lines: Integers, first_row: int) -> Integers:
    """Follow the events of a block of lines until one differs; return the messages for the book so far."""
    for index in range(lines.shape[0]):
        row = first_row + index
        sent, stop = follow_line(day, sent, events[row], handles[row], lines[index], row)
        if stop != FINE:
            day.tally[STOP] = stop
            day.tally[STOP_ROW] = row
            break
    return sent
