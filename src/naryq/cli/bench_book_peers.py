"""Every engine for Python that installs, each given the messages in the form that suits it best.

All are optional, and imported only where they run: the extra `peers`. The package `orderbook` 0.1.2
installs, too, but is written for Python 2 and cannot be imported.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Final, NamedTuple

from naryq.market.book import Book
from naryq.market.book_kernels import BUY, CANCEL, Bytes
from naryq.market.kernels import Integers

DAY: Final = datetime(2022, 1, 1)  # noqa: DTZ001 - the engine wants a date without a zone
NAME: Final = "LPG"


class Missing(Exception):  # noqa: N818 - it says what is missing
    """An engine is not installed."""


class Trade(NamedTuple):
    """A trade as every engine that matches can tell it."""

    maker_order_id: int
    price: int
    quantity: int


class Stream(NamedTuple):
    """Messages as columns, as `Book.replay` takes them."""

    kind: Bytes
    order_id: Integers
    side: Bytes
    price: Integers
    quantity: Integers

    def first(self, count: int) -> "Stream":
        """Return the first messages."""
        return self.only(slice(count))

    def only(self, rows: Any) -> "Stream":
        """Return the messages of a slice, or where a mask holds."""
        kind, order_id, side, price, quantity = (column[rows] for column in self)
        return Stream(kind, order_id, side, price, quantity)

    def rows(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Go through the messages as plain numbers."""
        return zip(*(column.tolist() for column in self), strict=True)


Work = Callable[[], list[Trade] | None]


class Peer(NamedTuple):
    """An engine: its name, how many messages it gets and how often, and how to make them ready for it."""

    name: str
    messages: int
    runs: int
    ready: Callable[[Stream], Work]


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise Missing(name) from None


def nautilus(stream: Stream) -> Work:
    """Make nautilus_trader's order book ready: all changes in one call.

    It keeps a book but does not match: what a trade does to the orders in the book is told to it as changes.
    """
    data, enums = _module("nautilus_trader.model.data"), _module("nautilus_trader.model.enums")
    objects, book = _module("nautilus_trader.model.objects"), _module("nautilus_trader.model.book")
    instrument = _module("nautilus_trader.model.identifiers").InstrumentId.from_str(f"{NAME}.KZ")
    actions = {"add": enums.BookAction.ADD, "update": enums.BookAction.UPDATE, "delete": enums.BookAction.DELETE}
    sides = (enums.OrderSide.BUY, enums.OrderSide.SELL)

    def delta(action: str, name: int, side: int, price: int, quantity: int) -> Any:
        order = data.BookOrder(sides[side], objects.Price(price, 0), objects.Quantity(quantity, 0), name)
        return data.OrderBookDelta(instrument, actions[action], order, 0, 0, 0, 0)

    deltas = data.OrderBookDeltas(instrument, [delta(*change) for change in changes(stream)])
    own = book.OrderBook(instrument, enums.BookType.L3_MBO)

    def work() -> None:
        own.apply_deltas(deltas)

    return work


def changes(stream: Stream) -> list[tuple[str, int, int, int, int]]:
    """Tell what the messages do to the orders in the book: action, name, side, price and quantity left."""
    book, found = Book(), []
    for kind, name, side, price, quantity in stream.rows():
        if kind == CANCEL:
            order = book.order(name)
            assert order is not None, "the messages were all taken"
            found.append(("delete", name, int(order.side == "sell"), order.price, order.shown))
            book.cancel(name)
            continue
        for trade in book.submit(name, "buy" if side == BUY else "sell", price, quantity):
            maker = book.order(trade.maker_order_id)
            left = maker.shown if maker else 0
            found.append(("update" if left else "delete", trade.maker_order_id, 1 - side, trade.price, left))
        if order := book.order(name):
            found.append(("add", name, side, price, order.shown))
    return found


def light(stream: Stream) -> Work:
    """Make lightmatchingengine ready; it numbers the orders itself, from 1."""
    engine = _module("lightmatchingengine.lightmatchingengine").LightMatchingEngine()
    orders = stream.kind != CANCEL
    numbers = dict(zip(stream.order_id[orders].tolist(), range(1, int(orders.sum()) + 1), strict=True))
    names = {number: name for name, number in numbers.items()}
    calls = [
        (engine.cancel_order, (numbers[name], NAME))
        if kind == CANCEL
        else (engine.add_order, (NAME, price, quantity, side + 1))
        for kind, name, side, price, quantity in stream.rows()
    ]

    def work() -> list[Trade]:
        answers = [call(*arguments) for call, arguments in calls]
        taken = [answer for answer in answers if isinstance(answer, tuple)]
        return [
            Trade(names[trade.order_id], trade.trade_price, trade.trade_qty)
            for order, trades in taken
            for trade in trades
            if trade.order_id != order.order_id
        ]

    return work


def liquibook(stream: Stream) -> Work:
    """Make Liquibook ready by its Python package: compiled, called and calling back message by message."""
    module = _module("liquibook")
    book = module.liquibook_book_OrderBook()
    found: list[tuple[int, int, int]] = []

    class Listener(module.OrderListener):  # type: ignore[misc, name-defined]  # a class of a package that may be missing
        def on_fill(self, _: Any, matched: Any, quantity: int, price: int) -> None:
            found.append((matched.order_id_, price, quantity))

        def on_accept(self, _: Any) -> None:
            pass

        def on_cancel(self, _: Any) -> None:
            pass

    listener = Listener()
    book.set_order_listener(listener)
    orders = {
        name: module.SimpleOrder(side == BUY, price, quantity)
        for kind, name, side, price, quantity in stream.rows()
        if kind != CANCEL
    }
    names = {order.order_id_: name for name, order in orders.items()}
    calls = [(book.cancel if kind == CANCEL else book.add, orders[name]) for kind, name, *_ in stream.rows()]

    def work() -> list[Trade]:
        for call, order in calls:
            call(order)
        assert listener is not None, "the book does not keep its listener alive"
        return [Trade(names[maker], price, quantity) for maker, price, quantity in found]

    return work


def pyorderbook(stream: Stream) -> Work:
    """Make pyorderbook ready; its orders are objects that it names itself."""
    module = _module("pyorderbook")
    book, makers = module.Book(), (module.bid, module.ask)
    orders: dict[int, Any] = {}
    calls: list[tuple[Callable[[Any], Any], Any]] = []
    for kind, name, side, price, quantity in stream.rows():
        if kind != CANCEL:
            orders[name] = makers[side](NAME, price, quantity)
        calls.append((book.cancel if kind == CANCEL else book.match, orders[name]))
    names = {order.id: name for name, order in orders.items()}

    def work() -> list[Trade]:
        answers = [call(order) for call, order in calls]
        found = [trade for answer in answers if answer is not None for trade in answer.trades]
        return [Trade(names[trade.standing_order_id], int(trade.fill_price), trade.fill_quantity) for trade in found]

    return work


def order_matching(stream: Stream) -> Work:
    """Make order-matching ready; it matches what was placed when told the time."""
    _module("loguru").logger.disable("order_matching")
    engine = _module("order_matching.matching_engine").MatchingEngine(seed=1)
    order, several = _module("order_matching.order").LimitOrder, _module("order_matching.orders").Orders
    side_type = _module("order_matching.enums").Side
    sides = (side_type.BUY, side_type.SELL)
    messages = [
        (str(name), None)
        if kind == CANCEL
        else (
            str(name),
            several(
                [
                    order(
                        side=sides[side],
                        price=price,
                        size=quantity,
                        timestamp=DAY + timedelta(microseconds=name),
                        order_id=str(name),
                        trader_id="",
                    )
                ]
            ),
        )
        for kind, name, side, price, quantity in stream.rows()
    ]

    def work() -> list[Trade]:
        found: list[Any] = []
        for name, placed in messages:
            if placed is None:
                engine.cancel_order(name)
            else:
                engine.place(placed)
                found += engine.match(DAY).trades
        return [Trade(int(trade.book_order_id), int(trade.price), int(trade.size)) for trade in found]

    return work


PEERS: Final = (
    Peer("nautilus_trader, OrderBook.apply_deltas", 100_000, 5, nautilus),
    Peer("liquibook, its Python package", 100_000, 3, liquibook),
    Peer("lightmatchingengine", 100_000, 3, light),
    Peer("pyorderbook", 50_000, 3, pyorderbook),
    Peer("order-matching", 3_000, 1, order_matching),
)
