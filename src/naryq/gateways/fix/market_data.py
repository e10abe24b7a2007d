"""What the market shows over FIX: snapshots, and what has changed since, of what everybody may see and no more.

Increments are the difference of two snapshots: so they can tell nothing that a snapshot would not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from naryq.gateways.fix import dictionary, tags
from naryq.gateways.fix.incoming import NO_TRADING_SESSIONS
from naryq.gateways.fix.wire import Field, Message
from naryq.messages.stream import Market, market
from naryq.showing.board import Board
from naryq.showing.snapshots import OVER, content
from naryq.units import divide

SNAPSHOT: Final = "W"
INCREMENTS: Final = "X"
REJECT: Final = "Y"
SUBSCRIPTIONS_MAX: Final = 50
MARKETS_MAX: Final = 100
"""How many markets one request may name, and how many requests a counterparty may have open."""

BID: Final = "0"
OFFER: Final = "1"
TRADE: Final = "2"
OPENING: Final = "4"
HIGHEST: Final = "7"
LOWEST: Final = "8"
AVERAGE: Final = "9"
VOLUME: Final = "B"


class Key(NamedTuple):
    """What an entry is about: its kind, and for one of the book its price (tenge a tonne)."""

    kind: str
    price: int | None = None


class Shown(NamedTuple):
    """An entry as it is shown; the price in tenge a tonne, the size in lots, and how many orders stand there."""

    price: int | None
    lots: int | None
    orders: int | None = None


Entries = Mapping[Key, Shown]


class Subject(NamedTuple):
    """What is looked at: a symbol in a session."""

    session_id: str
    symbol: str


class Request(NamedTuple):
    """What was asked for, and what was last shown of it."""

    identifier: str
    subjects: tuple[Subject, ...]
    depth: int
    kinds: frozenset[str]
    incremental: bool
    last: dict[Subject, Entries]


class Declined(Exception):  # noqa: N818 - an answer to a request, not an error of the program
    """A request that is not taken: MDReqRejReason, empty where FIX has none for it, and why."""

    def __init__(self, reason: str, text: str) -> None:
        """Keep both."""
        super().__init__(text)
        self.reason = reason
        self.text = text


def request(board: Board, message: Message, known: Mapping[str, Request]) -> Request:
    """Read a MarketDataRequest for a snapshot or for a subscription.

    Args:
        board: What may be shown.
        message: The request.
        known: The requests of this counterparty that stand open.

    Raises:
        Declined: When it cannot be taken.
    """
    rules = dictionary.load()
    identifier, subscribes = message.get(tags.MD_REQ_ID), message.get(tags.SUBSCRIPTION_REQUEST_TYPE) == "1"
    if identifier in known:
        raise Declined("1", f"the request {identifier} stands open")
    if subscribes and len(known) >= SUBSCRIPTIONS_MAX:
        raise Declined("", f"{SUBSCRIPTIONS_MAX} requests stand open")
    depth = int(message.get(tags.MARKET_DEPTH))
    if depth < 0:
        raise Declined("5", "MarketDepth is 0 for the whole book, or how many prices of each side")
    if subscribes and tags.MD_UPDATE_TYPE not in message.first:
        raise Declined("6", "MDUpdateType says how updates are to come: 0 whole, 1 as increments")
    symbols = [entry[tags.SYMBOL] for entry in rules.entries(message, tags.NO_RELATED_SYM)]
    sessions = [entry[tags.TRADING_SESSION_ID] for entry in rules.entries(message, NO_TRADING_SESSIONS)]
    kinds = frozenset(entry[tags.MD_ENTRY_TYPE] for entry in rules.entries(message, tags.NO_MD_ENTRY_TYPES))
    incremental = message.get(tags.MD_UPDATE_TYPE) == "1"
    return Request(identifier, _subjects(board, symbols, sessions), depth, kinds, incremental, {})


def _subjects(board: Board, symbols: list[str], sessions: list[str]) -> tuple[Subject, ...]:
    found = []
    for symbol in symbols:
        of_symbol = [Subject(each, symbol) for each in _sessions(board, sessions) if symbol in symbols_of(board, each)]
        if not of_symbol:
            raise Declined("0", f"no session that is on trades {symbol}")
        found += of_symbol
    if len(found) > MARKETS_MAX:
        raise Declined("", f"more than {MARKETS_MAX} markets are named")
    return tuple(dict.fromkeys(found))


def _sessions(board: Board, named: list[str]) -> Iterator[str]:
    if named:
        yield from (each for each in named if each in board.sessions)
    else:
        yield from sessions_on(board)


def sessions_on(board: Board) -> Iterator[str]:
    """Yield the sessions that are not over for good, in the order in which they were opened."""
    return (session_id for session_id, line in board.sessions.items() if line.shown.phase not in OVER)


def symbols_of(board: Board, session_id: str) -> tuple[str, ...]:
    """Return what is traded in a session: its instrument, or its places."""
    opened = board.sessions[session_id].shown.opened
    return (opened.instrument,) if opened.instrument else tuple(each.place for each in opened.places)


def entries(board: Board, asked: Request, subject: Subject) -> Entries:
    """Return what a request shows of one market now, the book's best prices first."""
    shown = content(board, market(subject.session_id))
    assert isinstance(shown, Market), "a session's channel shows a market"
    found = dict[Key, Shown]()
    for kind, levels in ((BID, shown.bids), (OFFER, shown.asks)):
        for level in levels[: asked.depth or None]:
            price = level.price_tenge_per_tonne
            found[Key(kind, price)] = Shown(price, level.quantity_lots, level.orders)
    found.update(_statistics(shown))
    found.update(_cleared(shown, subject.symbol))
    return {key: value for key, value in found.items() if key.kind in asked.kinds}


def _statistics(shown: Market) -> Iterator[tuple[Key, Shown]]:
    statistics = shown.session.statistics
    if not statistics.trades:
        return
    yield Key(TRADE), Shown(statistics.last_tenge_per_tonne, None)
    yield Key(OPENING), Shown(statistics.first_tenge_per_tonne, None)
    yield Key(HIGHEST), Shown(statistics.highest_tenge_per_tonne, None)
    yield Key(LOWEST), Shown(statistics.lowest_tenge_per_tonne, None)
    yield Key(AVERAGE), Shown(divide(statistics.turnover, statistics.volume_lots), None)
    yield Key(VOLUME), Shown(None, statistics.volume_lots)


def _cleared(shown: Market, symbol: str) -> Iterator[tuple[Key, Shown]]:
    for price in shown.cleared.prices if shown.cleared else ():
        if price.place == symbol:
            yield Key(TRADE), Shown(price.price_tenge_per_tonne, price.traded_lots)
            yield Key(VOLUME), Shown(None, price.traded_lots)


def snapshots(board: Board, asked: Request, subjects: Iterable[Subject]) -> Iterator[tuple[Field, ...]]:
    """Yield the bodies of full snapshots, and remember in the request what they have shown."""
    for subject in subjects:
        found = asked.last[subject] = entries(board, asked, subject)
        yield (
            (tags.SYMBOL, subject.symbol),
            (tags.MD_REQ_ID, asked.identifier),
            (tags.TRADING_SESSION_ID, subject.session_id),
            (tags.NO_MD_ENTRIES, str(len(found))),
            *(field for key, shown in found.items() for field in _entry(key, shown, position=_position(found, key))),
        )


def _position(found: Entries, key: Key) -> int:
    return [each for each in found if each.kind == key.kind].index(key) + 1


def _entry(key: Key, shown: Shown, position: int) -> Iterator[Field]:
    yield tags.MD_ENTRY_TYPE, key.kind
    yield from _price_and_size(shown)
    if key.price is not None:
        yield tags.MD_ENTRY_POSITION_NO, str(position)
    if shown.orders is not None:
        yield tags.NUMBER_OF_ORDERS, str(shown.orders)


def _price_and_size(shown: Shown) -> Iterator[Field]:
    if shown.price is not None:
        yield tags.MD_ENTRY_PX, str(shown.price)
    if shown.lots is not None:
        yield tags.MD_ENTRY_SIZE, str(shown.lots)


def changes(board: Board, asked: Request, subjects: Iterable[Subject]) -> tuple[Field, ...]:
    """Return the body of the increments since the request was last told of these markets; empty without any."""
    found: list[Field] = []
    count = 0
    for subject in subjects:
        before, now = asked.last.get(subject, {}), entries(board, asked, subject)
        asked.last[subject] = now
        for action, key, shown in _difference(before, now):
            count += 1
            found += _increment(action, key, shown, subject)
    return ((tags.MD_REQ_ID, asked.identifier), (tags.NO_MD_ENTRIES, str(count)), *found) if count else ()


def _difference(before: Entries, now: Entries) -> Iterator[tuple[str, Key, Shown]]:
    for key, shown in before.items():
        if key not in now:
            yield "2", key, shown._replace(lots=None, orders=None)
    for key, shown in now.items():
        if key not in before:
            yield "0", key, shown
        elif before[key] != shown:
            yield "1", key, shown


def _increment(action: str, key: Key, shown: Shown, subject: Subject) -> Iterator[Field]:
    yield tags.MD_UPDATE_ACTION, action
    yield tags.MD_ENTRY_TYPE, key.kind
    yield tags.SYMBOL, subject.symbol
    yield from _price_and_size(shown)
    if shown.orders is not None:
        yield tags.NUMBER_OF_ORDERS, str(shown.orders)
    yield tags.TRADING_SESSION_ID, subject.session_id


def declined(message: Message, why: Declined) -> tuple[Field, ...]:
    """Return the body of a MarketDataRequestReject."""
    reason = [(tags.MD_REQ_REJ_REASON, why.reason)] if why.reason else []
    return ((tags.TEXT, why.text), (tags.MD_REQ_ID, message.get(tags.MD_REQ_ID)), *reason)
