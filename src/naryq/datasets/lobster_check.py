"""Replay a published day through `naryq.Book` and find the first difference from the published book.

The rule, and why it is sound, stands in docs/reference/datasets.md. In short: every event that the files show becomes a
message of our book, and what the book answers must be what was published.

- An execution becomes an immediate-or-cancel order of the other side, at the order's price and of its size. Our book
  must trade it, whole, with the very order that the event names: price priority, then time priority.
- What the files cannot tell is learned, and counted: the levels of the first line, and each level that comes into view
  from beyond the last one shown. Its orders have no names; together they are one *pool*, older than all that follow.
- After each event, every visible level whose content is known must equal the published line, on both sides.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from naryq.datasets import lobster_kernels as kernels
from naryq.datasets.lobster import ORDER, TIME, TYPE, book_rows, message_table
from naryq.datasets.source import BLOCK_BYTES, File, Source, at_line, opened
from naryq.market.book import Book
from naryq.market.book_replay import Replay
from naryq.market.book_rules import STATUSES
from naryq.market.kernels import Integers
from naryq.messages import Code, Refusal

SENT_AT_FIRST: Final = 1 << 16
REASONS: Final = {
    kernels.LEVELS_DIFFER: "the visible levels differ",
    kernels.TWICE: "an order is submitted a second time under the same identifier",
    kernels.ENDED: "an order is named that has been executed or deleted in full",
    kernels.TOO_MUCH: "more is taken than the orders that were there before have left at this price",
    kernels.WRONG_PRICE: "an order is named at another price than its own",
    kernels.NOTHING_THERE: "quantity is taken at a visible price where nothing stands",
    kernels.DISORDER: "the published levels are not in order from the best to the worst",
    kernels.NOT_NEXT: "an order is executed out of its turn in price and time",
    kernels.WRONG_SIZE: "the size is not what is left of the order",
}


class Difference(msgspec.Struct, frozen=True):
    """Where the two books part: the line of both files, what differs, and both books as (price, size), best first."""

    line: int
    what: str
    event: tuple[int, ...]
    published_bids: tuple[tuple[int, int], ...]
    published_asks: tuple[tuple[int, int], ...]
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


class Counts(msgspec.Struct, frozen=True):
    """How much was checked, and on what terms; a `first_` line is 0 when there was none.

    Lines, visible levels compared and levels learned; executions that our book matched; events that took from orders
    without a name; executions that no continuous book would match so, which left our book without a match: out of turn
    in price and time, at another price than the order's own, in an auction during a halt; events beyond the view; lines
    on which the published book was crossed, so that no continuous book could be compared with it; and lines whose time
    lies before that of the line above.
    """

    lines: int
    lines_compared: int
    levels_compared: int
    levels_learned: int
    levels_out_of_view: int
    messages_replayed: int
    executions_matched: int
    from_unnamed_orders: int
    out_of_turn: int
    first_out_of_turn: int
    off_price: int
    first_off_price: int
    in_auction: int
    hidden_executions: int
    crosses: int
    halts: int
    beyond_view: int
    lines_crossed: int
    first_crossed: int
    time_backward: int
    first_time_backward: int


class LobsterCheck(msgspec.Struct, frozen=True):
    """The outcome: the first difference, None when the books are equal, and what was counted on the way."""

    levels: int
    counts: Counts
    difference: Difference | None

    @property
    def equal(self) -> bool:
        """Say whether no difference was found."""
        return self.difference is None


def check_lobster(
    messages: Source,
    book: Source,
    *,
    strict_priority: bool = False,
    progress: Callable[[int], None] | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> LobsterCheck:
    """Replay a LOBSTER day through our book and compare the two after every event.

    Args:
        messages: The message file.
        book: The order book file of the same day and the same requested number of levels.
        strict_priority: Count an execution out of price-time priority as a difference. Without it, such executions are
            counted and leave the book unmatched: the exchange ranks some orders at a price that it does not show.
        progress: Called with the number of lines that are behind, after each block.
        block_bytes: How much of the book file is held at a time.

    Raises:
        Refusal: for files that are not in the published layout, or of different lengths.
    """
    with opened(messages) as file:
        events = message_table(file)
    with opened(book) as file:
        walk = _walked(events, file, int(strict_priority), progress, block_bytes)
    replay = Book.replay(_messages(walk.sent))
    counts = _counts(walk, events)
    return LobsterCheck(walk.levels, counts, _first_difference(walk, replay, events))


class _Walk(NamedTuple):
    """What the pass over the files has left: its state, the messages for the book, and the line where it stopped."""

    day: kernels.Day
    sent: Integers
    levels: int
    line: Integers


def _walked(
    events: Integers, file: File, strict: int, progress: Callable[[int], None] | None, block_bytes: int
) -> _Walk:
    """Follow both files to their end, or to the first line that differs."""
    handles, names = _handles(events)
    day: kernels.Day | None = None
    sent = np.empty((kernels.SENT_FIELDS, SENT_AT_FIRST), np.int64)
    row, rows = 0, np.empty((0, 0), np.int64)
    for block in book_rows(file, block_bytes):
        row, rows = block.first_line - 1, block.rows
        day = day or _start(rows.shape[1] // 4, names, strict)
        _same_length(file.name, len(events), row + len(rows))
        sent = kernels.follow(day, sent, events, handles, rows, row)
        if day.tally[kernels.STOP] != kernels.FINE:
            line = rows[int(day.tally[kernels.STOP_ROW]) - row]
            return _Walk(day, sent[:, : day.tally[kernels.COUNT]], len(line) // 4, line)
        if progress is not None:
            progress(row + len(rows))
    assert day is not None, "a book file without a line was refused"
    _same_length(file.name, len(events), row + len(rows), ended=True)
    return _Walk(day, sent[:, : day.tally[kernels.COUNT]], rows.shape[1] // 4, rows[-1])


def _same_length(name: str, messages: int, lines: int, *, ended: bool = False) -> None:
    """Refuse a book file that has more lines than the message file, or fewer at its end."""
    if lines > messages or (ended and lines < messages):
        what = f"the message file has {messages} lines, and this one {lines if ended else 'more'}"
        where = at_line(name, min(lines, messages) + 1)
        raise Refusal(Code.UNREADABLE, what, where=where, remedy="Give the two files of one request.")


def _handles(events: Integers) -> tuple[Integers, int]:
    """Number the orders that the visible events name."""
    visible = events[:, TYPE] <= kernels.EXECUTION
    names, inverse = np.unique(events[visible, ORDER], return_inverse=True)
    handles = np.zeros(len(events), np.int64)
    handles[visible] = inverse
    return handles, len(names)


def _start(levels: int, names: int, strict: int) -> kernels.Day:
    orders = np.zeros((max(names, 1), kernels.ORDER_FIELDS), np.int64)
    table = np.zeros((2, levels + 2, kernels.LEVEL_FIELDS), np.int64)
    return kernels.Day(table, np.zeros(2, np.int64), orders, np.zeros(kernels.TALLY_FIELDS, np.int64), strict)


def _messages(sent: Integers) -> dict[str, Any]:
    """Give the messages the columns of `Book.replay`."""
    kind, side = (sent[field].astype(np.uint8) for field in (kernels.KIND, kernels.SIDE))
    name, price, quantity = (sent[field] for field in (kernels.ID, kernels.PRICE, kernels.QUANTITY))
    return {"kind": kind, "order_id": name, "side": side, "price": price, "quantity": quantity}


def _counts(walk: _Walk, events: Integers) -> Counts:
    tally = walk.day.tally
    backward = np.flatnonzero(np.diff(events[:, TIME]) < 0) + 2

    def first(field: int) -> int:
        return int(tally[field + 1]) + 1 if tally[field] else 0

    return Counts(
        lines=len(events),
        lines_compared=int(tally[kernels.COMPARED_ROWS]),
        levels_compared=int(tally[kernels.COMPARED_LEVELS]),
        levels_learned=int(tally[kernels.LEARNED]),
        levels_out_of_view=int(tally[kernels.LEFT_VIEW]),
        messages_replayed=walk.sent.shape[1],
        executions_matched=int(tally[kernels.MATCHED]),
        from_unnamed_orders=int(tally[kernels.FROM_POOL]),
        out_of_turn=int(tally[kernels.OUT_OF_TURN]),
        first_out_of_turn=first(kernels.OUT_OF_TURN),
        off_price=int(tally[kernels.OFF_PRICE]),
        first_off_price=first(kernels.OFF_PRICE),
        in_auction=int(tally[kernels.IN_AUCTION]),
        hidden_executions=int(tally[kernels.HIDDEN]),
        crosses=int(tally[kernels.CROSSES]),
        halts=int(tally[kernels.HALTS]),
        beyond_view=int(tally[kernels.OUTSIDE]),
        lines_crossed=int(tally[kernels.UNCOMPARED]),
        first_crossed=first(kernels.UNCOMPARED),
        time_backward=backward.size,
        first_time_backward=int(backward[0]) if backward.size else 0,
    )


# --- What the book answered -----------------------------------------------------------------------------------------


def _first_difference(walk: _Walk, replay: Replay, events: Integers) -> Difference | None:
    """Return the earlier of the two: where our book answered otherwise, or where the levels part."""
    stop, stopped_at = int(walk.day.tally[kernels.STOP]), int(walk.day.tally[kernels.STOP_ROW])
    answer = _wrong_answer(walk.sent, replay)
    if answer is not None and (stop == kernels.FINE or answer[0] < stopped_at):
        row, what = answer
        return Difference(row + 1, what, tuple(events[row].tolist()), (), (), (), ())
    if stop != kernels.FINE:
        return _difference(walk, stopped_at, REASONS[stop], events[stopped_at])
    bids, asks = (_known(walk.day, side) for side in (kernels.BUY, kernels.SELL))
    depth = replay.depth(walk.levels + 1)
    if (tuple(depth.bids), tuple(depth.asks)) != (bids, asks):
        return Difference(
            len(events),
            "the depth of our book at the end is not the sum of what it answered",
            tuple(events[-1].tolist()),
            bids,
            asks,
            tuple(depth.bids),
            tuple(depth.asks),
        )
    return None


def _wrong_answer(sent: Integers, replay: Replay) -> tuple[int, str] | None:
    """Find the first message that our book answered otherwise than was published, as its row and what is wrong."""
    refused = np.flatnonzero(replay.statuses != 0)
    expected = np.flatnonzero(sent[kernels.MAKER] >= 0)
    trades = replay.trades
    found = np.stack([trades.message, trades.maker_order_id, trades.price, trades.quantity])
    wanted = np.stack(
        [expected, *(sent[field, expected] for field in (kernels.MAKER, kernels.PRICE, kernels.QUANTITY))]
    )
    both = min(found.shape[1], wanted.shape[1])
    parted = np.flatnonzero((found[:, :both] != wanted[:, :both]).any(axis=0))
    first: list[tuple[int, str]] = []
    if parted.size:
        first.append(_wrong_trade(found[:, parted[0]], wanted[:, parted[0]], sent))
    elif found.shape[1] != wanted.shape[1]:
        nothing = np.array([sent.shape[1], -1, 0, 0])
        pair = [table[:, both] if table.shape[1] > both else nothing for table in (found, wanted)]
        first.append(_wrong_trade(pair[0], pair[1], sent))
    if refused.size:
        message = int(refused[0])
        first.append((message, f"our book answers {STATUSES[int(replay.statuses[message])]}"))
    if not first:
        return None
    message, what = min(first)
    return int(sent[kernels.ROW, message]), what


def _wrong_trade(found: Integers, wanted: Integers, sent: Integers) -> tuple[int, str]:
    """Say which of two trades comes first, ours or the published one, and what the other side has instead."""
    message = int(min(found[0], wanted[0]))
    ours = _told(found, sent) if found[0] == message else "nothing"
    theirs = _told(wanted, sent) if wanted[0] == message else "nothing"
    return message, f"our book trades {ours}, the published day {theirs}"


def _told(trade: Integers, sent: Integers) -> str:
    _, maker, price, size = trade.tolist()
    arrived = int(sent[kernels.ROW, maker]) + 1
    return f"{size} at {price} with the order of line {arrived}"


def _difference(walk: _Walk, row: int, what: str, event: Integers) -> Difference:
    line = walk.line
    return Difference(
        row + 1,
        what,
        tuple(event.tolist()),
        _published(line[2::4], line[3::4]),
        _published(line[0::4], line[1::4]),
        _known(walk.day, kernels.BUY),
        _known(walk.day, kernels.SELL),
    )


def _published(prices: Integers, sizes: Integers) -> tuple[tuple[int, int], ...]:
    pairs = zip(prices.tolist(), sizes.tolist(), strict=True)
    return tuple((price, size) for price, size in pairs if size > 0)


def _known(day: kernels.Day, side: int) -> tuple[tuple[int, int], ...]:
    levels = day.levels[side, : day.counts[side]]
    prices = levels[:, kernels.RANK] * (1 if side == kernels.SELL else -1)
    return tuple(zip(prices.tolist(), levels[:, kernels.TOTAL].tolist(), strict=True))
