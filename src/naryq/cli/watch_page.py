"""What `naryq watch` shows: a venue as its stream tells it, folded into tables for a terminal."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from types import MappingProxyType
from typing import Any, Final

import msgspec
from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from naryq.cli.pages import shown
from naryq.messages import (
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PhaseChanged,
    SessionCleared,
    SessionClosed,
    SessionOpened,
    SessionPublished,
    Side,
    TradingResumed,
    TradingStopped,
)
from naryq.messages.stream import (
    BookHidden,
    FromStream,
    LevelChanged,
    Market,
    OrderFilled,
    Own,
    SessionShown,
    Snapshot,
    TradeReported,
    Update,
    Venue,
)

LEVELS: Final = 8
TRADES: Final = 8
OWN_ORDERS: Final = 10
BOOKS: Final = 6
"""So many sessions have a panel of their own; the others stand in the table alone."""


class Book:
    """One session: its levels, its last trades, and its prices once they are found."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.levels: dict[tuple[Side, int], int] = {}
        self.trades: deque[TradeReported] = deque(maxlen=TRADES)
        self.cleared: SessionCleared | None = None

    def best(self, side: Side) -> int | None:
        """Return the best price of a side."""
        return next(iter(self.prices(side)), None)

    def prices(self, side: Side) -> list[int]:
        """Return the prices of a side, the best first."""
        return sorted((price for of, price in self.levels if of == side), reverse=side == "buy")


class Screen:
    """All that is known, and its picture."""

    def __init__(self, sessions: Iterable[str] = ()) -> None:
        """Watch some sessions, or all that are on."""
        self.wanted: Final = frozenset(sessions)
        self.sequence = 0
        self.sessions: dict[str, SessionShown] = {}
        self.books: dict[str, Book] = {}
        self.own: dict[str, OrderAccepted] = {}
        self.stops: dict[tuple[str, str], str] = {}
        self.heard: set[str] = set()
        """The channels whose snapshot has come."""

    # --- Hearing ----------------------------------------------------------------------------------------------------

    def hear(self, message: FromStream) -> None:
        """Fold one message."""
        self.sequence = max(self.sequence, getattr(message, "sequence", 0))
        if isinstance(message, Snapshot):
            self.heard.add(message.channel)
            _BEGINNINGS.get(type(message.content), _nothing)(self, message.content)
        elif isinstance(message, Update):
            for event in message.events:
                _FOLDS.get(type(event), _nothing)(self, event)

    def book(self, session_id: str) -> Book:
        """Return the book of a session."""
        return self.books.setdefault(session_id, Book())

    # --- Showing ----------------------------------------------------------------------------------------------------

    def __rich__(self) -> RenderableType:
        """Return the picture of now."""
        return Group(*self._parts())

    def _parts(self) -> Iterator[RenderableType]:
        yield Text(f"row {self.sequence}", style="dim")
        for (scope, target), reason in self.stops.items():
            yield Text(f"trading of {scope} {target} is stopped: {reason}", style="bold red")
        yield self._overview()
        named = [name for name in self.sessions if name in self.books]
        panels = [_panel(self.sessions[name], self.books[name]) for name in named[:BOOKS]]
        if panels:
            yield Columns(panels)
        if self.own:
            yield self._orders()

    def _overview(self) -> Table:
        headings = ("session", "instrument", "kind", "phase", "bid", "ask", "last", "traded")
        grid = _grid("sessions", headings, right=headings[4:])
        for session_id, each in self.sessions.items():
            book = self.books.get(session_id, Book())
            found = each.statistics
            last, lots = found.last_tenge_per_tonne, found.volume_lots
            numbers = (book.best("buy"), book.best("sell"), last, lots)
            style = "bold" if each.phase == "continuous" else ""
            kind, instrument = each.opened.kind, each.opened.instrument or "-"
            grid.add_row(session_id, instrument, kind, each.phase, *map(shown, numbers), style=style)
        if not self.sessions:
            grid.add_row("none is on")
        return grid

    def _orders(self) -> Table:
        headings = ("order", "session", "side", "price", "open lots")
        title = (
            "own orders" if len(self.own) <= OWN_ORDERS else f"the newest {OWN_ORDERS} of {len(self.own)} own orders"
        )
        grid = _grid(title, headings, right=headings[3:])
        for each in list(self.own.values())[-OWN_ORDERS:]:
            price = "market" if each.order_type == "market" else shown(each.price_tenge_per_tonne)
            grid.add_row(each.order_id, each.session_id, each.side, price, shown(each.quantity_lots))
        return grid


def _grid(title: str, headings: Iterable[str], right: Iterable[str]) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", title_style="bold", pad_edge=False)
    numbers = tuple(right)
    for heading in headings:
        grid.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=heading in numbers)
    return grid


def _panel(session: SessionShown, book: Book) -> Panel:
    title = f"{session.opened.session_id} - {session.phase}"
    inside: list[RenderableType] = []
    if book.levels:
        inside.append(_ladder(book))
    elif book.cleared is None:
        inside.append(Text("sealed: nothing is shown before its end" if session.phase in SEALED else "no orders"))
    if book.cleared is not None:
        inside.append(_prices(book.cleared))
    if book.trades:
        inside.append(_tape(book))
    beside = Table.grid(padding=(0, 1))
    beside.add_row(*inside)
    return Panel(beside, title=title, title_align="left", box=box.ROUNDED, expand=False)


SEALED: Final = ("announced", "collecting", "call", "halted", "closed")


def _ladder(book: Book) -> Table:
    headings = ("lots bid", "bid", "ask", "lots asked")
    grid = _grid("", headings, right=headings)
    sides = (book.prices("buy")[:LEVELS], book.prices("sell")[:LEVELS])
    for bid, ask in zip_longest(*sides):
        bids, asks = (book.levels.get(("buy", bid)), book.levels.get(("sell", ask)))
        cells = (Text(_cell(bids)), Text(_cell(bid), "green"), Text(_cell(ask), "red"), Text(_cell(asks)))
        grid.add_row(*cells)
    return grid


def _cell(number: int | None) -> str:
    return "" if number is None else shown(number)


def _tape(book: Book) -> Table:
    grid = _grid("", ("traded at", "lots", ""), right=("traded at", "lots"))
    for trade in reversed(book.trades):
        style = {"buy": "green", "sell": "red"}.get(trade.aggressor or "", "")
        grid.add_row(shown(trade.price_tenge_per_tonne), shown(trade.quantity_lots), trade.aggressor or "", style=style)
    return grid


def _prices(cleared: SessionCleared) -> Table:
    grid = _grid("", ("place", "price", "lots"), right=("price", "lots"))
    for each in cleared.prices:
        grid.add_row(each.place, shown(each.price_tenge_per_tonne), shown(each.traded_lots))
    return grid


# --- Folding --------------------------------------------------------------------------------------------------------


def _nothing(_: Screen, event: Any) -> None:
    pass


def _venue(screen: Screen, content: Venue) -> None:
    screen.sessions = {each.opened.session_id: each for each in content.sessions if _is_wanted(screen, each)}
    screen.stops = {(each.scope, each.target): each.reason for each in content.stops}


def _is_wanted(screen: Screen, session: SessionShown) -> bool:
    return not screen.wanted or session.opened.session_id in screen.wanted


def _market(screen: Screen, content: Market) -> None:
    session_id = content.session.opened.session_id
    book = screen.books[session_id] = Book()
    screen.sessions[session_id] = content.session
    book.cleared = content.cleared
    for side, levels in (("buy", content.bids), ("sell", content.asks)):
        book.levels.update({(side, each.price_tenge_per_tonne): each.quantity_lots for each in levels})  # type: ignore[misc]


def _own(screen: Screen, content: Own) -> None:
    screen.own = {each.order_id: each for each in content.orders}


def _opened(screen: Screen, event: SessionOpened) -> None:
    session = SessionShown(event, event.phase)
    if _is_wanted(screen, session):
        screen.sessions.setdefault(event.session_id, session)


def _phase(screen: Screen, session_id: str, phase: Any) -> None:
    session = screen.sessions.get(session_id)
    if session is not None:
        screen.sessions[session_id] = msgspec.structs.replace(session, phase=phase)


def _level(screen: Screen, event: LevelChanged) -> None:
    levels, key = screen.book(event.session_id).levels, (event.side, event.price_tenge_per_tonne)
    if event.quantity_lots:
        levels[key] = event.quantity_lots
    else:
        levels.pop(key, None)


def _hidden(screen: Screen, event: BookHidden) -> None:
    screen.book(event.session_id).levels.clear()


def _trade(screen: Screen, event: TradeReported) -> None:
    screen.book(event.session_id).trades.append(event)
    session = screen.sessions[event.session_id]
    found = session.statistics
    found = msgspec.structs.replace(
        found,
        trades=found.trades + 1,
        volume_lots=found.volume_lots + event.quantity_lots,
        last_tenge_per_tonne=event.price_tenge_per_tonne,
    )
    screen.sessions[event.session_id] = msgspec.structs.replace(session, statistics=found)


def _cleared(screen: Screen, event: SessionCleared) -> None:
    _phase(screen, event.session_id, "cleared")
    if event.session_id in screen.books:
        screen.books[event.session_id].cleared = event


def _filled(screen: Screen, event: OrderFilled) -> None:
    _set_lots(screen, event.order_id, event.open_lots)


def _set_lots(screen: Screen, order_id: str, lots: int, **changes: Any) -> None:
    order = screen.own.get(order_id)
    if order is not None and lots:
        screen.own[order_id] = msgspec.structs.replace(order, quantity_lots=lots, **changes)
    else:
        screen.own.pop(order_id, None)


def _accepted(screen: Screen, event: OrderAccepted) -> None:
    screen.own[event.order_id] = event


def _stopped(screen: Screen, event: TradingStopped) -> None:
    screen.stops[event.scope, event.target] = event.reason


def _resumed(screen: Screen, event: TradingResumed) -> None:
    screen.stops.pop((event.scope, event.target), None)


_BEGINNINGS: Final[Mapping[type, Callable[[Screen, Any], None]]] = MappingProxyType(
    {Venue: _venue, Market: _market, Own: _own}
)
_FOLDS: Final[Mapping[type, Callable[[Screen, Any], None]]] = MappingProxyType(
    {
        SessionOpened: _opened,
        PhaseChanged: lambda screen, event: _phase(screen, event.session_id, event.phase),
        SessionClosed: lambda screen, event: _phase(screen, event.session_id, "closed"),
        SessionPublished: lambda screen, event: _phase(screen, event.session_id, "published"),
        SessionCleared: _cleared,
        LevelChanged: _level,
        BookHidden: _hidden,
        TradeReported: _trade,
        OrderAccepted: _accepted,
        OrderAmended: lambda screen, event: _set_lots(
            screen, event.order_id, event.quantity_lots, price_tenge_per_tonne=event.price_tenge_per_tonne
        ),
        OrderFilled: _filled,
        OrderCancelled: lambda screen, event: _set_lots(screen, event.order_id, 0),
        OrderExpired: lambda screen, event: _set_lots(screen, event.order_id, 0),
        TradingStopped: _stopped,
        TradingResumed: _resumed,
    }
)
