"""The compiled kernels of the continuous book: a whole array of messages in one pass, integers only.

Every kernel of the book and all that it calls stand in this file, with the constants they use, so that Numba's cache
notices each change. The orders of a price hang together as a doubly linked list, so that nothing depends on how long a
queue is; a price is a row of an array, and a pyramid of bits finds the next price that has orders.
"""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917, PLR0911, PLR1714 - kernels take arguments by position; checks stand in one row

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import Integers, compiled

Bytes = npt.NDArray[np.uint8]

BUY, SELL = 0, 1
LIMIT, MARKET, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, POST_ONLY, CANCEL, AMEND = 0, 1, 2, 3, 4, 5, 6
RESTING, UNPRICED = (LIMIT, POST_ONLY), (MARKET, CANCEL)
DONE, LAPSED, DUPLICATE_ID, UNKNOWN_ORDER, OUT_OF_RANGE, OVERFLOW, UNKNOWN_SIDE, UNKNOWN_OPTION = 0, 1, 2, 3, 4, 5, 6, 7
ALLOW, CANCEL_NEWEST, CANCEL_RESTING, CANCEL_BOTH = 0, 1, 2, 3

PRICE_MAX = 10**12
"""The furthest a price may be from zero, on either side."""
QUANTITY_MAX = 10**9
"""The largest quantity of an order."""
REFILLS_MAX = 1_000
"""The most showings into which an iceberg may part its quantity: one order cannot become a flood of trades."""
NO_PRICE = -(2**63)
"""In a column of prices: no price here, or for an amendment the price as it is."""
INT64_MAX = 2**63 - 1

HANDLE, OWNER, SHOWN, HIDDEN, DISPLAY, TERMS, NEXT, PREVIOUS = 0, 1, 2, 3, 4, 5, 6, 7
"""The fields of an order: eight integers, one line of the processor's cache. Order 0 stands for no order.

TERMS holds 4 x level + 2 x post-only + side. HANDLE is the row of the order in `slots`, -1 for an order that is gone.
"""
HEAD, TAIL, SHOWN_HERE, ALL_HERE = 0, 1, 2, 3
"""The fields of a price: first and last order, the quantity shown, and the quantity with what icebergs hide."""
FREE, UNTOUCHED, TRADES = 2, 3, 4
"""The fields of the state behind the best level to buy (0) and to sell (1)."""
STATE_FIELDS = 5
SIDE, RUNG, QUANTITY, HOLDER, SHOWING, STAYS_PASSIVE = 0, 1, 2, 3, 4, 5
"""The fields of an amended order on its way back into the book."""
ENTRY_FIELDS = 6
ENTERS = 255
"""In place of a status: the amended order goes on to be matched as a new one."""
MAKER, MESSAGE, LEVEL, LOTS = 0, 1, 2, 3
"""The rows of the trades as the run writes them; MESSAGE holds 2 x row + side of the taker."""
WORD_BITS = 5
"""A word of the pyramid holds 2**5 bits: no shift ever touches the sign."""


class Messages(NamedTuple):
    """The columns of the messages, a row each; `owner` and `display` may be empty arrays: none has any.

    `name` less its lowest value is the handle of an order; `rung` less its lowest value, by steps of `step`, its level.
    """

    kind: Bytes
    name: Integers
    side: Bytes
    price: Integers
    quantity: Integers
    owner: Integers
    display: Integers
    rung: Integers


class Scale(NamedTuple):
    """How names become handles and prices levels, the tick, and the number of the self-trade rule.

    `ladder` holds the price of each level; where it is empty, level k stands at `first_rung + k * step`.
    """

    first_name: int
    first_rung: int
    step: int
    ladder: Integers
    tick: int
    rule: int


class Tables(NamedTuple):
    """The book: orders, prices, the pyramid of bits with the start of each of its tiers, the slots and the state."""

    nodes: Integers
    levels: Integers
    bits: Integers
    tiers: Integers
    slots: npt.NDArray[np.int32]
    state: Integers


# --- The pyramid of bits --------------------------------------------------------------------------------------------


@compiled
def ones(word: int) -> int:
    """Count the bits set in a word of 32."""
    word -= (word >> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >> 2) & 0x33333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F
    return ((word * 0x01010101) & 0xFFFFFFFF) >> 24


@compiled
def lowest(word: int) -> int:
    """Return the place of the lowest bit set in a word that has one."""
    return ones((word & -word) - 1)


@compiled
def highest(word: int) -> int:
    """Return the place of the highest bit set in a word that has one."""
    word |= word >> 1
    word |= word >> 2
    word |= word >> 4
    word |= word >> 8
    word |= word >> 16
    return ones(word) - 1


@compiled
def mark(bits: Integers, tiers: Integers, level: int) -> None:
    """Note that a level has orders."""
    index = level
    for tier in range(tiers.shape[0] - 1):
        word = tiers[tier] + (index >> WORD_BITS)
        before = bits[word]
        bits[word] = before | (1 << (index & 31))
        if before != 0:
            return
        index >>= WORD_BITS


@compiled
def unmark(bits: Integers, tiers: Integers, level: int) -> None:
    """Note that a level has no orders any more."""
    index = level
    for tier in range(tiers.shape[0] - 1):
        word = tiers[tier] + (index >> WORD_BITS)
        bits[word] &= ~(1 << (index & 31))
        if bits[word] != 0:
            return
        index >>= WORD_BITS


@compiled
def next_above(bits: Integers, tiers: Integers, level: int) -> int:
    """Return the nearest level above one that has orders; -1 for none."""
    index = level
    for tier in range(tiers.shape[0] - 1):
        word = bits[tiers[tier] + (index >> WORD_BITS)] >> (index & 31) >> 1
        if word != 0:
            index += 1 + lowest(word)
            for below in range(tier - 1, -1, -1):
                index = (index << WORD_BITS) + lowest(bits[tiers[below] + index])
            return index
        index >>= WORD_BITS
    return -1


@compiled
def next_below(bits: Integers, tiers: Integers, level: int) -> int:
    """Return the nearest level below one that has orders; -1 for none."""
    index = level
    for tier in range(tiers.shape[0] - 1):
        word = bits[tiers[tier] + (index >> WORD_BITS)] & ((1 << (index & 31)) - 1)
        if word != 0:
            index = (index & ~31) + highest(word)
            for below in range(tier - 1, -1, -1):
                index = (index << WORD_BITS) + highest(bits[tiers[below] + index])
            return index
        index >>= WORD_BITS
    return -1


@compiled
def worse(tables: Tables, side: int, level: int) -> int:
    """Return the next worse level of a side that has orders; past the last level of all when there is none.

    Both sides share one pyramid: below the best price to sell nobody sells, and above the best to buy nobody buys.
    """
    if side == BUY:
        return next_below(tables.bits, tables.tiers, level)
    found = next_above(tables.bits, tables.tiers, level)
    return found if found >= 0 else tables.levels.shape[0]


# --- Orders in their queues -----------------------------------------------------------------------------------------


@compiled
def append(tables: Tables, node: int, level: int) -> None:
    """Put an order at the back of the queue of its price."""
    last = tables.levels[level, TAIL]
    tables.nodes[node, PREVIOUS] = last
    tables.nodes[node, NEXT] = 0
    if last == 0:
        tables.levels[level, HEAD] = node
    else:
        tables.nodes[last, NEXT] = node
    tables.levels[level, TAIL] = node


@compiled
def unlink(tables: Tables, node: int, level: int) -> None:
    """Take an order out of the queue of its price, wherever it stands."""
    before = tables.nodes[node, PREVIOUS]
    after = tables.nodes[node, NEXT]
    if before == 0:
        tables.levels[level, HEAD] = after
    else:
        tables.nodes[before, NEXT] = after
    if after == 0:
        tables.levels[level, TAIL] = before
    else:
        tables.nodes[after, PREVIOUS] = before


@compiled
def rest(
    tables: Tables, handle: int, owner: int, side: int, level: int, quantity: int, display: int, post_only: int
) -> int:
    """Put a new order at the back of its price and return its node."""
    nodes, levels, state = tables.nodes, tables.levels, tables.state
    node = state[FREE]
    if node != 0:
        state[FREE] = nodes[node, NEXT]
    else:
        node = state[UNTOUCHED]
        state[UNTOUCHED] = node + 1
    shown = min(display, quantity) if display > 0 else quantity
    nodes[node, HANDLE] = handle
    nodes[node, OWNER] = owner
    nodes[node, SHOWN] = shown
    nodes[node, HIDDEN] = quantity - shown
    nodes[node, DISPLAY] = display
    nodes[node, TERMS] = 4 * level + 2 * post_only + side
    if levels[level, HEAD] == 0:
        mark(tables.bits, tables.tiers, level)
        if side == BUY:
            state[BUY] = max(state[BUY], level)
        else:
            state[SELL] = min(state[SELL], level)
    append(tables, node, level)
    levels[level, SHOWN_HERE] += shown
    levels[level, ALL_HERE] += quantity
    return node


@compiled
def remove(tables: Tables, node: int) -> None:
    """Take an order out of the book, with all that is left of it."""
    nodes, levels, state = tables.nodes, tables.levels, tables.state
    terms = nodes[node, TERMS]
    level = terms >> 2
    unlink(tables, node, level)
    levels[level, SHOWN_HERE] -= nodes[node, SHOWN]
    levels[level, ALL_HERE] -= nodes[node, SHOWN] + nodes[node, HIDDEN]
    nodes[node, HANDLE] = -1
    nodes[node, NEXT] = state[FREE]
    state[FREE] = node
    if levels[level, HEAD] == 0:
        unmark(tables.bits, tables.tiers, level)
        if state[terms & 1] == level:
            state[terms & 1] = worse(tables, terms & 1, level)


@compiled
def reduce(tables: Tables, node: int, less: int) -> None:
    """Take quantity from an order, first from what it hides; it keeps its place in the queue."""
    nodes, level = tables.nodes, tables.nodes[node, TERMS] >> 2
    from_hidden = min(less, nodes[node, HIDDEN])
    nodes[node, HIDDEN] -= from_hidden
    nodes[node, SHOWN] -= less - from_hidden
    tables.levels[level, SHOWN_HERE] -= less - from_hidden
    tables.levels[level, ALL_HERE] -= less


@compiled
def take(tables: Tables, node: int, level: int, lots: int) -> None:
    """Take traded lots from the order at the front; what it shows next goes to the back of the queue."""
    nodes, levels = tables.nodes, tables.levels
    if lots == nodes[node, SHOWN] and nodes[node, HIDDEN] == 0:
        remove(tables, node)
        return
    levels[level, SHOWN_HERE] -= lots
    levels[level, ALL_HERE] -= lots
    nodes[node, SHOWN] -= lots
    if nodes[node, SHOWN] == 0:
        shown = min(nodes[node, DISPLAY], nodes[node, HIDDEN])
        nodes[node, SHOWN] = shown
        nodes[node, HIDDEN] -= shown
        levels[level, SHOWN_HERE] += shown
        unlink(tables, node, level)
        append(tables, node, level)


# --- Matching -------------------------------------------------------------------------------------------------------


@compiled
def match(
    tables: Tables, trades: Integers, message: int, side: int, limit: int, quantity: int, owner: int, rule: int
) -> int:
    """Trade an incoming order while it crosses and `trades` has room; return what is left of it.

    What is left is negative when the self-trade rule has ended the order. `message` is 2 x row + side.
    """
    nodes, levels, state = tables.nodes, tables.levels, tables.state
    sign = 1 - 2 * side
    count = state[TRADES]
    best = state[1 - side]
    while quantity > 0 and (best - limit) * sign <= 0 and count < trades.shape[1]:
        node = levels[best, HEAD]
        if rule != ALLOW and owner >= 0 and nodes[node, OWNER] == owner:
            if rule != CANCEL_NEWEST:
                remove(tables, node)
            if rule != CANCEL_RESTING:
                quantity = -quantity
        else:
            lots = min(quantity, nodes[node, SHOWN])
            trades[MAKER, count] = nodes[node, HANDLE]
            trades[MESSAGE, count] = message
            trades[LEVEL, count] = best
            trades[LOTS, count] = lots
            count += 1
            quantity -= lots
            take(tables, node, best, lots)
        best = state[1 - side]
    state[TRADES] = count
    return quantity


@compiled
def fillable(tables: Tables, side: int, limit: int, quantity: int, owner: int, rule: int) -> bool:
    """Say whether an order would trade in full, hidden quantity and the self-trade rule included."""
    sign = 1 - 2 * side
    best = tables.state[1 - side]
    while quantity > 0 and 0 <= best < tables.levels.shape[0] and (best - limit) * sign <= 0:
        available = tables.levels[best, ALL_HERE]
        if rule != ALLOW and owner >= 0:
            available, ended = others(tables, best, owner, rule)
            if ended:
                return quantity <= available
        quantity -= available
        best = worse(tables, 1 - side, best)
    return quantity <= 0


@compiled
def others(tables: Tables, level: int, owner: int, rule: int) -> tuple[int, bool]:
    """Return what an owner could trade at a price, and whether an order of its own would end it there.

    An order that ends the newest is met before any refill, which goes behind it: only what is shown ahead counts.
    """
    nodes = tables.nodes
    shown, whole = np.int64(0), np.int64(0)
    node = tables.levels[level, HEAD]
    while node != 0:
        if nodes[node, OWNER] != owner:
            shown += nodes[node, SHOWN]
            whole += nodes[node, SHOWN] + nodes[node, HIDDEN]
        elif rule != CANCEL_RESTING:
            return shown, True
        node = nodes[node, NEXT]
    return whole, False


# --- Messages -------------------------------------------------------------------------------------------------------


@compiled
def terms_status(price: int, quantity: int, tick: int) -> int:
    """Judge a quantity and a price; NO_PRICE, the price of a market order, is not judged."""
    if quantity < 1 or quantity > QUANTITY_MAX:
        return OUT_OF_RANGE
    if price == NO_PRICE:
        return DONE
    if price < -PRICE_MAX or price > PRICE_MAX or (tick != 1 and price % tick != 0):
        return OUT_OF_RANGE
    # Below 2**32 no product of a price and a quantity leaves 64 bits, and the slow division is spared.
    if abs(price) >= 2**32 and quantity > INT64_MAX // abs(price):
        return OVERFLOW
    return DONE


@compiled
def submit_status(messages: Messages, row: int, used: int, tick: int) -> int:
    """Judge a new order; the checks stand in the order in which the reference page lists them."""
    kind = messages.kind[row]
    if used != 0:
        return DUPLICATE_ID
    if messages.side[row] > SELL:
        return UNKNOWN_SIDE
    price = messages.price[row]
    if kind == MARKET:
        price = NO_PRICE
    elif price == NO_PRICE:
        return OUT_OF_RANGE
    quantity = messages.quantity[row]
    status = terms_status(price, quantity, tick)
    if status != DONE:
        return status
    if messages.owner.shape[0] > 0 and messages.owner[row] < -1:
        return OUT_OF_RANGE
    if messages.display.shape[0] > 0 and messages.display[row] != 0:
        display = messages.display[row]
        if kind not in RESTING:
            return UNKNOWN_OPTION
        if display < 1 or display > quantity or display * REFILLS_MAX < quantity:
            return OUT_OF_RANGE
    return DONE


@compiled
def cancel(tables: Tables, node: int, quantity: int) -> int:
    """Cancel an order, in whole when the quantity is 0 or all of it."""
    left = tables.nodes[node, SHOWN] + tables.nodes[node, HIDDEN]
    if quantity < 0 or quantity > left:
        return OUT_OF_RANGE
    if quantity == 0 or quantity == left:
        remove(tables, node)
    else:
        reduce(tables, node, quantity)
    return DONE


@compiled
def level_of(messages: Messages, scale: Scale, row: int) -> int:
    """Return the level of the price of a message."""
    offset = messages.rung[row] - scale.first_rung
    return offset if scale.step == 1 else offset // scale.step


@compiled
def price_at(scale: Scale, level: int) -> int:
    """Return the price of a level."""
    return scale.ladder[level] if scale.ladder.shape[0] > 0 else scale.first_rung + level * scale.step


@compiled
def amend(messages: Messages, tables: Tables, scale: Scale, row: int, node: int, entry: Integers) -> int:
    """Amend an order in its place when that only takes quantity away; else take it out and let it enter anew."""
    nodes = tables.nodes
    level = nodes[node, TERMS] >> 2
    left = nodes[node, SHOWN] + nodes[node, HIDDEN]
    display = nodes[node, DISPLAY]
    same_price = messages.price[row] == NO_PRICE
    price = price_at(scale, level) if same_price else messages.price[row]
    quantity = messages.quantity[row] if messages.quantity[row] != 0 else left
    status = OUT_OF_RANGE if same_price and messages.quantity[row] == 0 else terms_status(price, quantity, scale.tick)
    if status == DONE and display > 0 and quantity > display * REFILLS_MAX:
        status = OUT_OF_RANGE
    if status != DONE:
        return status
    target = level if same_price else level_of(messages, scale, row)
    if target == level and quantity <= left:
        reduce(tables, node, left - quantity)
        return DONE
    entry[SIDE] = nodes[node, TERMS] & 1
    entry[RUNG] = target
    entry[QUANTITY] = quantity
    entry[HOLDER] = nodes[node, OWNER]
    entry[SHOWING] = display
    entry[STAYS_PASSIVE] = (nodes[node, TERMS] >> 1) & 1
    remove(tables, node)
    return ENTERS


@compiled
def change(messages: Messages, tables: Tables, scale: Scale, row: int, handle: int, entry: Integers) -> int:
    """Cancel or amend an order; what is left to do with an amended one stands in `entry`."""
    kind = messages.kind[row]
    if kind > AMEND:
        return UNKNOWN_OPTION
    node = tables.slots[handle] if handle >= 0 else 0
    if node <= 0 or tables.nodes[node, HANDLE] != handle:
        return UNKNOWN_ORDER
    if kind == CANCEL:
        return cancel(tables, node, messages.quantity[row])
    return amend(messages, tables, scale, row, node, entry)


@compiled
def grown(trades: Integers) -> Integers:
    """Return the trades with twice the room."""
    wider = np.empty((trades.shape[0], 2 * trades.shape[1]), np.int64)
    wider[:, : trades.shape[1]] = trades
    return wider


@compiled
def run(messages: Messages, tables: Tables, scale: Scale, trades: Integers, statuses: Bytes) -> Integers:
    """Put every message through the book, in the order of the rows; return the trades, with room to spare behind."""
    state, slots, rule = tables.state, tables.slots, scale.rule
    entry = np.zeros(ENTRY_FIELDS, np.int64)
    for row in range(messages.kind.shape[0]):
        kind = np.int64(messages.kind[row])
        handle = messages.name[row] - scale.first_name
        if kind <= POST_ONLY:
            status = submit_status(messages, row, slots[handle], scale.tick) if handle >= 0 else OUT_OF_RANGE
            if status != DONE:
                statuses[row] = status
                continue
            side = np.int64(messages.side[row])
            quantity = messages.quantity[row]
            owner = messages.owner[row] if messages.owner.shape[0] > 0 else -1
            display = messages.display[row] if messages.display.shape[0] > 0 else 0
            any_level = (tables.levels.shape[0] - 1) * (1 - side)
            limit = any_level if kind == MARKET else level_of(messages, scale, row)
        else:
            status = change(messages, tables, scale, row, handle, entry)
            if status != ENTERS:
                statuses[row] = status
                continue
            side, limit, quantity, owner, display = (
                entry[SIDE],
                entry[RUNG],
                entry[QUANTITY],
                entry[HOLDER],
                entry[SHOWING],
            )
            kind = POST_ONLY * entry[STAYS_PASSIVE]
        slots[handle] = -1
        status = DONE
        if (state[1 - side] - limit) * (1 - 2 * side) <= 0:
            if kind == POST_ONLY or (kind == FILL_OR_KILL and not fillable(tables, side, limit, quantity, owner, rule)):
                statuses[row] = LAPSED
                continue
            quantity = match(tables, trades, 2 * row + side, side, limit, quantity, owner, rule)
            while quantity > 0 and state[TRADES] == trades.shape[1]:
                trades = grown(trades)
                quantity = match(tables, trades, 2 * row + side, side, limit, quantity, owner, rule)
        if quantity > 0 and kind in RESTING:
            slots[handle] = rest(tables, handle, owner, side, limit, quantity, display, np.int64(kind == POST_ONLY))
        elif quantity != 0:
            status = LAPSED
        statuses[row] = status
    return trades


# --- Before and after the run ---------------------------------------------------------------------------------------


@compiled
def survey(messages: Messages, tick: int, extremes: Integers) -> None:
    """Find the lowest and highest name from 0 up, the lowest and highest price an order may get, and count the rests.

    `extremes` comes in with the highest integer at 0 and 2, the lowest at 1 and 3, and 0 at 4.
    """
    for row in range(messages.kind.shape[0]):
        name, price, kind = messages.name[row], messages.price[row], messages.kind[row]
        if name >= 0:
            extremes[0] = min(extremes[0], name)
            extremes[1] = max(extremes[1], name)
        extremes[4] += np.int64(kind in RESTING)
        if kind not in UNPRICED and price != NO_PRICE and terms_status(price, 1, tick) == DONE:
            extremes[2] = min(extremes[2], price)
            extremes[3] = max(extremes[3], price)


@compiled
def collect(tables: Tables, side: int, rows: Integers) -> int:
    """Write the orders of a side, best price and oldest first, field by field as they stand; return how many."""
    count = 0
    level = tables.state[side]
    while 0 <= level < tables.levels.shape[0]:
        node = tables.levels[level, HEAD]
        while node != 0:
            rows[count, :] = tables.nodes[node, :NEXT]
            count += 1
            node = tables.nodes[node, NEXT]
        level = worse(tables, side, level)
    return count
