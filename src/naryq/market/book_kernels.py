"""The compiled kernels of the continuous book: a whole array of messages in one pass, integers only.

Every kernel of the book and all that it calls stand in this file, with the constants they use, so that Numba's cache
notices each change. A price is a row of an array, its level; the orders of a price hang in a ring that begins and ends
at the level, so that nothing depends on how long a queue is and no end of a queue is a special case; a pyramid of bits
finds the next price that has orders.

Three things make it fast, each measured: no reference counts (see `bare`), half a line of the processor's cache for an
order, and as few branches as can be that a processor cannot foresee.
"""

# mypy: disable-error-code="arg-type,return-value,assignment,no-any-return"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.
# ruff: noqa: PLR0917, PLR0911, PLR1714, SIM109 - kernels take arguments by position; checks stand in one row

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.market.kernels import Integers, bare, part

Bytes = npt.NDArray[np.uint8]
Narrow = npt.NDArray[np.int32]
Span = tuple[int, int]

BUY, SELL = 0, 1
LIMIT, MARKET, IMMEDIATE_OR_CANCEL, FILL_OR_KILL, POST_ONLY, CANCEL, AMEND = 0, 1, 2, 3, 4, 5, 6
DONE, LAPSED, DUPLICATE_ID, UNKNOWN_ORDER, OUT_OF_RANGE, OVERFLOW, UNKNOWN_SIDE, UNKNOWN_OPTION = 0, 1, 2, 3, 4, 5, 6, 7
WRONG_PHASE = 8
ENTERS = 255
"""In place of a status: the order is judged and goes on to be matched."""
ALLOW, CANCEL_NEWEST, CANCEL_RESTING, CANCEL_BOTH = 0, 1, 2, 3

PRICE_MAX = 10**12
"""The furthest a price may be from zero, on either side."""
QUANTITY_MAX = 10**9
"""The largest quantity of an order."""
SAFE_PRICE = 2**32
"""Below it no product of a price and a quantity leaves 64 bits."""
REFILLS_MAX = 1_000
"""The most showings into which an iceberg may part its quantity: one order cannot become a flood of trades."""
NO_PRICE = -(2**63)
"""In a column of prices: no price here, or for an amendment the price as it is."""
INT64_MAX = 2**63 - 1

NEXT, PREVIOUS, LEVEL, SHOWN, HIDDEN, HANDLE, ORIGIN, TERMS = 0, 1, 2, 3, 4, 5, 6, 7
"""The fields of a node, eight short integers. The first nodes are the levels, which use only NEXT and PREVIOUS.

ORIGIN is the row of the message that brought the order, where its name, owner and display stand; HANDLE is its row in
`slots`, -1 for an order that is gone; TERMS holds 2 x post-only + side.
"""
NODE_FIELDS = 8
FREE, UNTOUCHED, TRADES = 2, 3, 4
"""The fields of the state behind the best level to buy (0) and to sell (1): first free node, next new one, trades."""
STATE_FIELDS = 5
MAKER, MESSAGE, RUNG, LOTS = 0, 1, 2, 3
"""The fields of a trade as the run writes it: the maker's ORIGIN, 2 x row + side of the taker, level and quantity."""
TRADE_FIELDS = 4
GONE = -1
"""In `slots`: the name was taken, and its order is not in the book."""
WORD_BITS = 5
"""A word of the pyramid holds 2**5 bits: no shift ever touches the sign."""


class Messages(NamedTuple):
    """The columns of the messages, a row each; `owner` and `display` may be empty arrays: none has any.

    `tag` less its lowest value is the handle of an order, `rung` less its lowest value, by steps of `step`, its level.
    They are the names and prices themselves, unless those lie too far apart to index an array by.
    """

    kind: Bytes
    name: Integers
    side: Bytes
    price: Integers
    quantity: Integers
    owner: Integers
    display: Integers
    tag: Integers
    rung: Integers


class Scale(NamedTuple):
    """How tags become handles and rungs levels, whether products may leave 64 bits, and the self-trade rule.

    Level k stands at `first_rung + k * step`. Where `ladder` is not empty, that is a row of the ladder, else a price.
    In a call, orders to sell stand `gap` levels above their price, and market orders on the two levels below the gap.
    """

    first_tag: int
    first_rung: int
    step: int
    ladder: Integers
    products_fit: bool
    rule: int
    gap: int


class Tables(NamedTuple):
    """The book: levels and orders, the quantity at each level, the pyramid and the start of its tiers, slots, state.

    `waiting` counts what icebergs hide, too. `slots` holds the node of each handle; 0: no order has had the name yet.
    """

    nodes: Narrow
    waiting: Integers
    bits: Integers
    tiers: Integers
    slots: Narrow
    state: Integers


class Entry(NamedTuple):
    """A message as judged: a status and, where that is ENTERS, the order on its way into the book."""

    status: int
    kind: int
    origin: int
    handle: int
    side: int
    level: int
    quantity: int


# --- The pyramid of bits --------------------------------------------------------------------------------------------


@part
def ones(word: int) -> int:
    """Count the bits set in a word of 32."""
    word -= (word >> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >> 2) & 0x33333333)
    word = (word + (word >> 4)) & 0x0F0F0F0F
    return ((word * 0x01010101) & 0xFFFFFFFF) >> 24


@part
def lowest(word: int) -> int:
    """Return the place of the lowest bit set in a word that has one."""
    return ones((word & -word) - 1)


@part
def highest(word: int) -> int:
    """Return the place of the highest bit set in a word that has one."""
    word |= word >> 1
    word |= word >> 2
    word |= word >> 4
    word |= word >> 8
    word |= word >> 16
    return ones(word) - 1


@part
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


@part
def unmark(bits: Integers, tiers: Integers, level: int) -> None:
    """Note that a level has no orders any more."""
    index = level
    for tier in range(tiers.shape[0] - 1):
        word = tiers[tier] + (index >> WORD_BITS)
        bits[word] &= ~(1 << (index & 31))
        if bits[word] != 0:
            return
        index >>= WORD_BITS


@part
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


@part
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


@part
def worse(tables: Tables, side: int, level: int) -> int:
    """Return the next worse level of a side that has orders; past the last level of all when there is none.

    Both sides share one pyramid: below the best price to sell nobody sells, and above the best to buy nobody buys.
    """
    if side == BUY:
        return next_below(tables.bits, tables.tiers, level)
    found = next_above(tables.bits, tables.tiers, level)
    return found if found >= 0 else tables.waiting.shape[0]


# --- Orders in their queues -----------------------------------------------------------------------------------------


@part
def append(nodes: Narrow, node: int, level: int) -> None:
    """Put an order at the back of the queue of its price."""
    last = nodes[level, PREVIOUS]
    nodes[node, PREVIOUS] = last
    nodes[node, NEXT] = level
    nodes[last, NEXT] = node
    nodes[level, PREVIOUS] = node


@part
def unlink(nodes: Narrow, node: int) -> None:
    """Take an order out of the queue of its price, wherever it stands."""
    before, after = nodes[node, PREVIOUS], nodes[node, NEXT]
    nodes[before, NEXT] = after
    nodes[after, PREVIOUS] = before


@part
def new_node(tables: Tables) -> int:
    """Return a node for an order: the one freed last, else the next that was never touched."""
    state = tables.state
    node = state[FREE]
    if node != 0:
        state[FREE] = tables.nodes[node, NEXT]
    else:
        node = state[UNTOUCHED]
        state[UNTOUCHED] = node + 1
    return node


@part
def occupy(tables: Tables, side: int, level: int) -> None:
    """Close the ring of a level that had no orders, and note that it has some now."""
    nodes, state = tables.nodes, tables.state
    nodes[level, NEXT] = level
    nodes[level, PREVIOUS] = level
    mark(tables.bits, tables.tiers, level)
    state[side] = max(state[side], level) if side == BUY else min(state[side], level)


@part
def rest(tables: Tables, entry: Entry, quantity: int, display: int) -> None:
    """Put what is left of an order at the back of its price."""
    nodes, level = tables.nodes, entry.level
    shown = min(display, quantity) if display > 0 else quantity
    if tables.waiting[level] == 0:
        occupy(tables, entry.side, level)
    tables.waiting[level] += quantity
    node = new_node(tables)
    append(nodes, node, level)
    nodes[node, LEVEL] = level
    nodes[node, SHOWN] = shown
    nodes[node, HIDDEN] = quantity - shown
    nodes[node, HANDLE] = entry.handle
    nodes[node, ORIGIN] = entry.origin
    nodes[node, TERMS] = 2 * (entry.kind == POST_ONLY) + entry.side
    tables.slots[entry.handle] = node


@part
def remove(tables: Tables, node: int) -> None:
    """Take an order out of the book, with all that is left of it."""
    nodes, state = tables.nodes, tables.state
    level, side = nodes[node, LEVEL], nodes[node, TERMS] & 1
    left = tables.waiting[level] - nodes[node, SHOWN] - nodes[node, HIDDEN]
    tables.waiting[level] = left
    unlink(nodes, node)
    nodes[node, HANDLE] = -1
    nodes[node, NEXT] = state[FREE]
    state[FREE] = node
    if left == 0:
        unmark(tables.bits, tables.tiers, level)
        if state[side] == level:
            state[side] = worse(tables, side, level)


@part
def reduce(tables: Tables, node: int, less: int) -> None:
    """Take quantity from an order, first from what it hides; it keeps its place in the queue."""
    nodes = tables.nodes
    from_hidden = min(less, nodes[node, HIDDEN])
    nodes[node, HIDDEN] -= from_hidden
    nodes[node, SHOWN] -= less - from_hidden
    tables.waiting[nodes[node, LEVEL]] -= less


@part
def take(messages: Messages, tables: Tables, node: int, level: int, lots: int) -> None:
    """Take traded lots from the order at the front; what it shows next goes to the back of the queue."""
    nodes = tables.nodes
    if lots == nodes[node, SHOWN] and nodes[node, HIDDEN] == 0:
        remove(tables, node)
        return
    tables.waiting[level] -= lots
    nodes[node, SHOWN] -= lots
    if nodes[node, SHOWN] == 0:
        shown = min(messages.display[nodes[node, ORIGIN]], nodes[node, HIDDEN])
        nodes[node, SHOWN] = shown
        nodes[node, HIDDEN] -= shown
        unlink(nodes, node)
        append(nodes, node, level)


# --- Matching -------------------------------------------------------------------------------------------------------


@part
def crosses(side: int, limit: int, best: int) -> bool:
    """Say whether an order of a side faces the best level of the other; past the ends of the levels, none does."""
    return (best - limit) * (1 - 2 * side) <= 0


@part
def owner_of(messages: Messages, origin: int) -> int:
    """Return the owner of an order by the row that brought it; -1 for none."""
    return messages.owner[origin] if messages.owner.shape[0] > 0 else -1


@part
def match(messages: Messages, tables: Tables, trades: Narrow, row: int, entry: Entry, rule: int) -> int:
    """Trade an incoming order while it crosses; return what is left of it.

    What is left is negative when the self-trade rule has ended the order. Trades beyond the room are only counted.
    """
    nodes, state, side = tables.nodes, tables.state, entry.side
    owner = owner_of(messages, entry.origin) if rule != ALLOW else -1
    quantity = entry.quantity
    count = state[TRADES]
    best = state[1 - side]
    while quantity > 0 and crosses(side, entry.level, best):
        node = nodes[best, NEXT]
        if owner >= 0 and owner_of(messages, nodes[node, ORIGIN]) == owner:
            if rule != CANCEL_NEWEST:
                remove(tables, node)
            if rule != CANCEL_RESTING:
                quantity = -quantity
        else:
            lots = min(quantity, nodes[node, SHOWN])
            if count < trades.shape[0]:
                trades[count, MAKER] = nodes[node, ORIGIN]
                trades[count, MESSAGE] = 2 * row + side
                trades[count, RUNG] = best
                trades[count, LOTS] = lots
            count += 1
            quantity -= lots
            take(messages, tables, node, best, lots)
        best = state[1 - side]
    state[TRADES] = count
    return quantity


@part
def fillable(messages: Messages, tables: Tables, entry: Entry, rule: int) -> bool:
    """Say whether an order would trade in full, hidden quantity and the self-trade rule included."""
    side, quantity = entry.side, entry.quantity
    owner = owner_of(messages, entry.origin) if rule != ALLOW else -1
    best = tables.state[1 - side]
    while quantity > 0 and 0 <= best < tables.waiting.shape[0] and crosses(side, entry.level, best):
        available = tables.waiting[best]
        if owner >= 0:
            available, ended = others(messages, tables, best, owner, rule)
            if ended:
                return quantity <= available
        quantity -= available
        best = worse(tables, 1 - side, best)
    return quantity <= 0


@part
def others(messages: Messages, tables: Tables, level: int, owner: int, rule: int) -> tuple[int, bool]:
    """Return what an owner could trade at a price, and whether an order of its own would end it there.

    An order that ends the newest is met before any refill, which goes behind it: only what is shown ahead counts.
    """
    nodes = tables.nodes
    shown, whole = np.int64(0), np.int64(0)
    node = nodes[level, NEXT]
    while node != level:
        if owner_of(messages, nodes[node, ORIGIN]) != owner:
            shown += nodes[node, SHOWN]
            whole += nodes[node, SHOWN] + nodes[node, HIDDEN]
        elif rule != CANCEL_RESTING:
            return shown, True
        node = nodes[node, NEXT]
    return whole, False


@part
def enter(messages: Messages, tables: Tables, trades: Narrow, row: int, entry: Entry, rule: int) -> int:
    """Match an order that has been judged and let rest what may rest of it; return its status."""
    kind, quantity = entry.kind, entry.quantity
    tables.slots[entry.handle] = GONE
    if crosses(entry.side, entry.level, tables.state[1 - entry.side]):
        if kind == POST_ONLY or (kind == FILL_OR_KILL and not fillable(messages, tables, entry, rule)):
            return LAPSED
        quantity = match(messages, tables, trades, row, entry, rule)
    if quantity > 0 and (kind == LIMIT or kind == POST_ONLY):
        rest(tables, entry, quantity, messages.display[entry.origin] if messages.display.shape[0] > 0 else 0)
        return DONE
    return DONE if quantity == 0 else LAPSED


# --- Messages -------------------------------------------------------------------------------------------------------


@part
def refused(status: int) -> Entry:
    """Return a status alone: nothing enters."""
    return Entry(status, 0, 0, 0, 0, 0, 0)


@part
def level_of(messages: Messages, tables: Tables, scale: Scale, row: int) -> int:
    """Return the level of the price of a message; -1 for a price out of range or off the tick."""
    level = messages.rung[row] - scale.first_rung
    if scale.step != 1:
        offset = level
        level = offset // scale.step
        if level * scale.step != offset:
            return -1
    return level if 0 <= level < tables.waiting.shape[0] else -1


@part
def product_fits(scale: Scale, level: int, quantity: int) -> bool:
    """Say whether a price times a quantity stays below 2**63; where all prices are small, nothing is divided."""
    if scale.products_fit:
        return True
    rung = scale.first_rung + level * scale.step
    price = scale.ladder[rung] if scale.ladder.shape[0] > 0 else rung
    return quantity <= INT64_MAX // max(abs(price), 1)


@part
def display_status(messages: Messages, row: int, kind: int, quantity: int) -> int:
    """Judge what an iceberg shows."""
    display = messages.display[row] if messages.display.shape[0] > 0 else 0
    if display == 0:
        return DONE
    if kind != LIMIT and kind != POST_ONLY:
        return UNKNOWN_OPTION
    if display < 1 or display > quantity or display * REFILLS_MAX < quantity:
        return OUT_OF_RANGE
    return DONE


@part
def submitted(messages: Messages, tables: Tables, scale: Scale, row: int) -> Entry:
    """Judge a new order; the checks stand in the order in which the reference page lists them."""
    kind, side, quantity = np.int64(messages.kind[row]), np.int64(messages.side[row]), messages.quantity[row]
    handle = messages.tag[row] - scale.first_tag
    if handle < 0 or handle >= tables.slots.shape[0]:
        return refused(OUT_OF_RANGE)
    if tables.slots[handle] != 0:
        return refused(DUPLICATE_ID)
    if side > SELL:
        return refused(UNKNOWN_SIDE)
    if quantity < 1 or quantity > QUANTITY_MAX:
        return refused(OUT_OF_RANGE)
    if kind == MARKET:
        level = (tables.waiting.shape[0] - 1) * (1 - side)
    else:
        level = level_of(messages, tables, scale, row)
        if level < 0:
            return refused(OUT_OF_RANGE)
        if not product_fits(scale, level, quantity):
            return refused(OVERFLOW)
    if messages.owner.shape[0] > 0 and messages.owner[row] < -1:
        return refused(OUT_OF_RANGE)
    status = display_status(messages, row, kind, quantity)
    if status != DONE:
        return refused(status)
    return Entry(ENTERS, kind, row, handle, side, level, quantity)


@part
def changed(messages: Messages, tables: Tables, scale: Scale, row: int) -> Entry:
    """Cancel or amend an order."""
    kind = messages.kind[row]
    if kind > AMEND:
        return refused(UNKNOWN_OPTION)
    handle = messages.tag[row] - scale.first_tag
    node = tables.slots[handle] if 0 <= handle < tables.slots.shape[0] else 0
    if node <= 0 or tables.nodes[node, HANDLE] != handle:
        return refused(UNKNOWN_ORDER)
    if kind == CANCEL:
        return refused(cancel(tables, node, messages.quantity[row]))
    return amend(messages, tables, scale, row, node)


@part
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


@part
def amend(messages: Messages, tables: Tables, scale: Scale, row: int, node: int) -> Entry:
    """Amend an order in its place when that only takes quantity away; else take it out and let it enter anew."""
    nodes = tables.nodes
    before, left = nodes[node, LEVEL], nodes[node, SHOWN] + nodes[node, HIDDEN]
    origin, handle, terms = nodes[node, ORIGIN], nodes[node, HANDLE], nodes[node, TERMS]
    same_price, same_quantity = messages.price[row] == NO_PRICE, messages.quantity[row] == 0
    level = before if same_price else level_of(messages, tables, scale, row)
    quantity = left if same_quantity else messages.quantity[row]
    if (same_price and same_quantity) or level < 0 or quantity < 1 or quantity > QUANTITY_MAX:
        return refused(OUT_OF_RANGE)
    if not product_fits(scale, level, quantity):
        return refused(OVERFLOW)
    display = messages.display[origin] if messages.display.shape[0] > 0 else 0
    if display > 0 and quantity > display * REFILLS_MAX:
        return refused(OUT_OF_RANGE)
    level += 0 if same_price else scale.gap * (terms & 1)
    if level == before and quantity <= left:
        reduce(tables, node, left - quantity)
        return refused(DONE)
    remove(tables, node)
    kind = POST_ONLY * (terms >> 1)
    return Entry(ENTERS, kind, np.int64(origin), np.int64(handle), terms & 1, np.int64(level), np.int64(quantity))


@bare
def run(messages: Messages, tables: Tables, scale: Scale, span: Span, trades: Narrow, statuses: Bytes) -> None:
    """Put the messages of a span of rows through the book, one after another."""
    for row in range(span[0], span[1]):
        new = messages.kind[row] <= POST_ONLY
        entry = submitted(messages, tables, scale, row) if new else changed(messages, tables, scale, row)
        entered = entry.status == ENTERS
        statuses[row] = enter(messages, tables, trades, row, entry, scale.rule) if entered else entry.status


@bare
def wait(messages: Messages, tables: Tables, scale: Scale, span: Span, arrived: Narrow, statuses: Bytes) -> None:
    """Let the orders of a call wait; `arrived` takes the row of each arrival, by the row that brought the order."""
    for row in range(span[0], span[1]):
        kind = messages.kind[row]
        if kind > POST_ONLY:
            entry = changed(messages, tables, scale, row)
            level = entry.level
        elif kind == LIMIT or kind == MARKET:
            entry = submitted(messages, tables, scale, row)
            level = entry.level + scale.gap * entry.side if kind == LIMIT else scale.gap - 2 + entry.side
        else:
            entry, level = refused(WRONG_PHASE), 0
        statuses[row] = DONE if entry.status == ENTERS else entry.status
        if entry.status == ENTERS:
            moved = Entry(ENTERS, entry.kind, entry.origin, entry.handle, entry.side, level, entry.quantity)
            rest(tables, moved, entry.quantity, messages.display[entry.origin] if messages.display.shape[0] > 0 else 0)
            arrived[entry.origin] = row


# --- After the run --------------------------------------------------------------------------------------------------


@bare
def collect(tables: Tables, side: int, found: Narrow) -> int:
    """Write the nodes of the orders of a side, best price and oldest first; return how many."""
    count = 0
    level = tables.state[side]
    while 0 <= level < tables.waiting.shape[0]:
        node = tables.nodes[level, NEXT]
        while node != level:
            found[count] = node
            count += 1
            node = tables.nodes[node, NEXT]
        level = worse(tables, side, level)
    return count
