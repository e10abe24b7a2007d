"""NASDAQ TotalView-ITCH 5.0: the exchange's own binary feed, as in its published daily files.

The layout is that of the *Nasdaq TotalView-ITCH 5.0* specification (NQTVITCHspecification.pdf of nasdaqtrader.com, the
edition with the message *O*, direct listing with capital raise): big-endian integers, text padded with spaces, a time
of six bytes in nanoseconds since midnight, prices with four decimals (those of *V* with eight). In the daily files each
message stands behind its length in two bytes; a length of 0 ends a session. A type that is not in the specification is
skipped by its length and counted.
"""

# mypy: disable-error-code="assignment"
# To a kernel, the integers of NumPy and of Python are one; mypy keeps them apart.

from collections import Counter
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from naryq.datasets.order_events import (
    ADD,
    DELETE,
    EVENT_FIELDS,
    HANDLE,
    MATCH,
    NEW_HANDLE,
    PRICE,
    QUANTITY,
    REDUCE,
    REPLACE,
    SIDE,
    WHAT,
    ReplayMessages,
    handles_of,
    replay_messages,
)
from naryq.datasets.source import File, Source, first_wrong, opened
from naryq.market.kernels import Integers, compiled
from naryq.messages import Code, Refusal

Bytes = npt.NDArray[np.uint8]

BLOCK_BYTES: Final = 1 << 24
PRICE_UNITS_PER_DOLLAR: Final = 10_000
HEADER: Final = (("type", "S1"), ("stock_locate", ">u2"), ("tracking_number", ">u2"), ("high", ">u2"), ("low", ">u4"))
"""What every message begins with; `high` and `low` are the time."""
_ORDER: Final = ("order_id", ">u8")
_SHARES: Final = ("shares", ">u4")
_STOCK: Final = ("stock", "S8")
_PRICE: Final = ("price", ">u4")
_MATCH: Final = ("match_number", ">u8")
_SIDE: Final = ("side", "S1")
_ADDED: Final = (_ORDER, _SIDE, _SHARES, _STOCK, _PRICE)


def _fields(*names: str, kind: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name in names)


BODIES: Final = MappingProxyType(
    {
        "S": (("event_code", "S1"),),
        "R": (
            _STOCK,
            *_fields("market_category", "financial_status", kind="S1"),
            ("round_lot_size", ">u4"),
            *_fields("round_lots_only", "issue_classification", kind="S1"),
            ("issue_sub_type", "S2"),
            *_fields("authenticity", "short_sale_threshold", "ipo_flag", "luld_tier", "etp_flag", kind="S1"),
            ("etp_leverage_factor", ">u4"),
            ("inverse_indicator", "S1"),
        ),
        "H": (_STOCK, *_fields("trading_state", "reserved", kind="S1"), ("reason", "S4")),
        "Y": (_STOCK, ("reg_sho_action", "S1")),
        "L": (("mpid", "S4"), _STOCK, *_fields("primary_market_maker", "market_maker_mode", "state", kind="S1")),
        "V": _fields("level_1", "level_2", "level_3", kind=">u8"),
        "W": (("breached_level", "S1"),),
        "K": (_STOCK, ("release_time", ">u4"), ("release_qualifier", "S1"), _PRICE),
        "J": (_STOCK, *_fields("reference_price", "upper_price", "lower_price", "extension", kind=">u4")),
        "h": (_STOCK, *_fields("market_code", "halt_action", kind="S1")),
        "A": _ADDED,
        "F": (*_ADDED, ("attribution", "S4")),
        "E": (_ORDER, _SHARES, _MATCH),
        "C": (_ORDER, _SHARES, _MATCH, ("printable", "S1"), _PRICE),
        "X": (_ORDER, _SHARES),
        "D": (_ORDER,),
        "U": (_ORDER, ("new_order_id", ">u8"), _SHARES, _PRICE),
        "P": (*_ADDED, _MATCH),
        "Q": (("shares", ">u8"), _STOCK, _PRICE, _MATCH, ("cross_type", "S1")),
        "B": (_MATCH,),
        "I": (
            *_fields("paired_shares", "imbalance_shares", kind=">u8"),
            ("imbalance_direction", "S1"),
            _STOCK,
            *_fields("far_price", "near_price", "reference_price", kind=">u4"),
            *_fields("cross_type", "price_variation", kind="S1"),
        ),
        "N": (_STOCK, ("interest_flag", "S1")),
        "O": (
            _STOCK,
            ("open_eligibility", "S1"),
            *_fields("minimum_price", "maximum_price", "near_price", kind=">u4"),
            ("near_time", ">u8"),
            *_fields("lower_price", "upper_price", kind=">u4"),
        ),
    }
)
"""The fields of each type behind the header, in their order."""
LAYOUTS: Final = MappingProxyType({letter: np.dtype([*HEADER, *body]) for letter, body in BODIES.items()})
ORDER_TYPES: Final = "AFECXDU"
"""The messages that change the displayed book."""
SIDES: Final = (b"B", b"S")
FINE, WRONG_LENGTH = 0, 1


class Messages(NamedTuple):
    """The messages of a block: the number of the first (from 1), columns by type, and how many of unknown types.

    Each type has the columns of the specification, integers as int64 and text as bytes, padded as published, and before
    them `message` (its number in the file), `stock_locate`, `tracking_number` and `time_ns`.
    """

    first_message: int
    by_type: dict[str, dict[str, Any]]
    unknown: dict[str, int]


@compiled
def scan(text: Bytes, lengths: Integers, starts: Integers, state: Integers) -> int:
    """Find the messages of a block; return how many are whole.

    `state` takes the bytes that they fill, and what is wrong with the next one.
    """
    at, count = 0, 0
    while at + 2 <= text.shape[0]:
        length = 256 * np.int64(text[at]) + np.int64(text[at + 1])
        if at + 2 + length > text.shape[0]:
            break
        if length > 0:
            wanted = lengths[text[at + 2]]
            if wanted > 0 and wanted != length:
                state[1] = WRONG_LENGTH
                break
            starts[count] = at + 2
            count += 1
        at += 2 + length
    state[0] = at
    return count


@compiled
def gather(text: Bytes, starts: Integers, rows: Bytes) -> None:
    """Copy messages of one length into rows."""
    for row in range(starts.shape[0]):
        for at in range(rows.shape[1]):
            rows[row, at] = text[starts[row] + at]


def read_messages(source: Source, types: str = "", *, block_bytes: int = BLOCK_BYTES) -> Iterator[Messages]:
    """Read a daily file block by block.

    Args:
        source: A path or binary file, plain or gzip.
        types: The letters of the types wanted; empty for all of the specification.
        block_bytes: How much is held at a time; at least 64 KiB, which is more than a message can take.

    Raises:
        Refusal: `unknown_option` for a letter that is no type; `unreadable` where a message has another length than its
            type or the file ends within one, with its number and the byte where it begins; `out_of_range` for a number
            beyond 63 bits; `empty` for no message at all.
    """
    unknown = sorted(set(types) - set(LAYOUTS))
    if unknown:
        remedy = f"Choose among {''.join(LAYOUTS)}."
        raise Refusal(Code.UNKNOWN_OPTION, f"there is no message type {unknown[0]!r}", remedy=remedy)
    with opened(source) as file:
        yield from _blocks(file, types or "".join(LAYOUTS), max(block_bytes, 1 << 16))


def _blocks(file: File, types: str, block_bytes: int) -> Iterator[Messages]:
    lengths = np.zeros(256, np.int64)
    for letter, layout in LAYOUTS.items():
        lengths[ord(letter)] = layout.itemsize
    rest, message, offset = b"", 1, 0
    while block := file.read(block_bytes):
        content = rest + block
        text = np.frombuffer(content, np.uint8)
        starts, state = np.empty(len(content) // 3 + 1, np.int64), np.zeros(2, np.int64)
        starts = starts[: scan(text, lengths, starts, state)]
        filled = int(state[0])
        if state[1] != FINE:
            letter = chr(content[filled + 2])
            length = int.from_bytes(content[filled : filled + 2])
            what = f"a message {letter!r} has {length} bytes, not {lengths[ord(letter)]}"
            raise _unreadable(what, file.name, message + len(starts), offset + filled)
        if len(starts):
            yield _decoded(text, starts, types, message, file.name)
        message, offset, rest = message + len(starts), offset + filled, content[filled:]
    if rest:
        raise _unreadable("the file ends within a message", file.name, message, offset)
    if message == 1:
        raise Refusal(Code.EMPTY, "there is no message", where=file.name, remedy="Give a daily file of the feed.")


def _unreadable(what: str, name: str, message: int, offset: int) -> Refusal:
    where = f"{name}, message {message}, byte {offset}"
    return Refusal(Code.UNREADABLE, what, where=where, remedy="Check that it is an ITCH 5.0 file, and fetch it again.")


def _decoded(text: Bytes, starts: Integers, types: str, first: int, name: str) -> Messages:
    letters = text[starts]
    by_type = {}
    for letter in types:
        found = np.flatnonzero(letters == ord(letter))
        if len(found):
            rows = np.empty((len(found), LAYOUTS[letter].itemsize), np.uint8)
            gather(text, starts[found], rows)
            by_type[letter] = _columns(rows.view(LAYOUTS[letter])[:, 0], first + found, name)
    known = np.isin(letters, [ord(letter) for letter in LAYOUTS])
    unknown = Counter(chr(byte) for byte in letters[~known].tolist())
    return Messages(first, by_type, dict(unknown))


def _columns(records: Any, message: Integers, name: str) -> dict[str, Any]:
    """Turn the records of one type into columns of the machine's own integers."""
    columns: dict[str, Any] = {"message": message.astype(np.int64)}
    for field in records.dtype.names[1:]:
        column = records[field]
        if field == "low":
            columns["time_ns"] = (columns.pop("high") << 32) + column
        elif column.dtype.kind == "u":
            columns[field] = column.astype(np.int64)
            row = first_wrong(columns[field] < 0)
            if row >= 0:
                where = f"{name}, message {int(message[row])}"
                raise Refusal(Code.OUT_OF_RANGE, f"{field} is {column[row]}", where=where, remedy="Give 63 bits.")
        else:
            columns[field] = column.copy()
    return columns


# --- Orders of one stock --------------------------------------------------------------------------------------------


def read_orders(source: Source, stock: str | int, *, block_bytes: int = BLOCK_BYTES) -> dict[str, Any]:
    """Read what changes the displayed book of one stock: the messages A, F, E, C, X, D and U, in the order of the feed.

    Args:
        source: A daily file.
        stock: Its symbol, as the directory (R) has it, or its locate code of the day.
        block_bytes: How much is held at a time.

    Returns:
        Columns of one length: `message`, `time_ns`, `type` (a letter as S1), `order_id`, `new_order_id` (U, else 0),
        `side` (0 buy, 1 sell, for A and F, else -1), `shares` (0 for D), `price` (dollars times 10,000; 0 for E, X and
        D). All but `type` are int64.

    Raises:
        Refusal: as `read_messages`; `unknown_place` when the directory has no such symbol; `unknown_side`.
    """
    locate = stock if isinstance(stock, int) else -1
    parts: list[dict[str, Any]] = []
    for block in read_messages(source, "R" + ORDER_TYPES, block_bytes=block_bytes):
        if locate < 0:
            locate = _locate(block, str(stock))
        if locate >= 0:
            parts += [
                _order_columns(letter, block.by_type[letter], locate)
                for letter in ORDER_TYPES
                if letter in block.by_type
            ]
    if locate < 0:
        what = f"the directory has no stock {stock!r}"
        raise Refusal(Code.UNKNOWN_PLACE, what, where="stock", remedy="Give a symbol of the day, or its locate code.")
    return _in_order(parts)


def _locate(block: Messages, stock: str) -> int:
    directory = block.by_type.get("R")
    if directory is None:
        return -1
    found = np.flatnonzero(directory["stock"] == stock.ljust(8).encode("latin-1", "replace"))
    return int(directory["stock_locate"][found[0]]) if len(found) else -1


def _order_columns(letter: str, columns: dict[str, Any], locate: int) -> dict[str, Any]:
    """Cut the messages of one stock out, with the columns that all types share."""
    mine = np.flatnonzero(columns["stock_locate"] == locate)
    zero = np.zeros(len(mine), np.int64)
    cut = {name: columns[name][mine] for name in ("message", "time_ns", "order_id")}
    shared = {name: columns[name][mine] if name in columns else zero for name in ("new_order_id", "shares", "price")}
    side = _sides(columns["side"][mine], cut["message"]) if letter in "AF" else zero - 1
    return {**cut, "type": np.full(len(mine), letter.encode(), "S1"), "side": side, **shared}


def _sides(letters: Any, message: Integers) -> Integers:
    row = first_wrong(~np.isin(letters, SIDES))
    if row >= 0:
        what, where = f"the side is {letters[row]!r}", f"message {int(message[row])}"
        raise Refusal(Code.UNKNOWN_SIDE, what, where=where, remedy="The feed has B and S.")
    return np.where(letters == b"S", 1, 0)


def _in_order(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if not parts:
        return {name: np.empty(0, "S1" if name == "type" else np.int64) for name in _ORDER_COLUMNS}
    columns = {name: np.concatenate([part[name] for part in parts]) for name in _ORDER_COLUMNS}
    order = np.argsort(columns["message"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


_ORDER_COLUMNS: Final = ("message", "time_ns", "type", "order_id", "new_order_id", "side", "shares", "price")
_WHAT: Final = MappingProxyType({"A": ADD, "F": ADD, "E": REDUCE, "C": REDUCE, "X": REDUCE, "D": DELETE, "U": REPLACE})


def replay_orders(orders: dict[str, Any], *, match_executions: bool = False) -> ReplayMessages:
    """Turn the orders of one stock into messages for `Book.replay`, which then holds the displayed book.

    An execution takes its shares from the order; a replacement ends the order and brings the new one, behind all at its
    price. With `match_executions`, an execution at the displayed price (E) comes to the book as an order of the other
    side, and the trades of the replay say whether our book trades with the orders that the exchange has executed.

    A trade that the replay reports for a message of another type shows that the displayed book was crossed there, as in
    a halt: a continuous book would have traded.

    Raises:
        Refusal: `unknown_order`, `out_of_range` or `duplicate_id`, with the row, when the feed does not begin at the
            start of the day or has lost messages.
    """
    order_ids, (handles, new_handles) = handles_of(orders["order_id"], orders["new_order_id"])
    events = np.zeros((len(handles), EVENT_FIELDS), np.int64)
    for letter, what in _WHAT.items():
        matched = letter == "E" and match_executions
        events[orders["type"] == letter.encode(), WHAT] = MATCH if matched else what
    events[:, HANDLE] = handles
    events[:, NEW_HANDLE] = new_handles
    events[:, SIDE] = orders["side"]
    events[:, PRICE] = orders["price"]
    events[:, QUANTITY] = orders["shares"]
    return replay_messages(events, order_ids, np.arange(len(events)), "the orders", 1)
