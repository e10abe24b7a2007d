"""A venue's session and the books of the library on one stream of messages: the same trades and queues after each."""

import random
from functools import cache
from typing import Any, NamedTuple

from tests.naive_book import NaiveBook
from tests.trading_samples import REGIONAL, over, venue
from tests.venue_samples import Desk, rulebook

from naryq import exchange
from naryq.exchange import trading
from naryq.exchange.book import queue
from naryq.market.book import Book
from naryq.messages import (
    AmendOrder,
    CancelOrder,
    ChangePhase,
    Entry,
    OpenSession,
    ParticipantAdmitted,
    Refusal,
    Refused,
    SubmitOrder,
    Traded,
)

SIDES = ("buy", "sell")
KINDS = ("limit", "market", "immediate_or_cancel", "fill_or_kill", "post_only")
BASE = 1_000
OWNERS = 3
PHASES = ("halt", "start_call", "start_call", "start_call", "uncross", "uncross", "uncross")
"""Fewer halts than ways out of them, or most of a stream would be refused."""


class Row(NamedTuple):
    """One message; no price or no quantity in an amendment leaves it as it is."""

    kind: str
    number: int
    side: str
    price: int | None
    quantity: int | None
    owner: int


def stream(seed: int, length: int) -> list[Row]:
    """Make messages of every kind around one price, now and then a halt, a call and its end, some of them wrong."""
    draw = random.Random(seed)
    weights = ("limit",) * 30 + KINDS * 4 + ("cancel", "amend", "amend") * 8 + PHASES
    return [_row(draw, number, draw.choice(weights)) for number in range(length)]


def _row(draw: random.Random, number: int, kind: str) -> Row:
    side, quantity = draw.choice(SIDES), draw.choice((1, 2, 3, 5, 8, 13))
    price = BASE + draw.randint(-4, 5) + (-1 if side == "buy" else 1) * draw.choice((0, 1, 1, 2))
    if kind in {"cancel", "amend"}:
        name = draw.randint(max(number - 25, 0), number)
        keeps = draw.random()
        return Row(kind, name, side, price if keeps < 0.7 else None, quantity if keeps > 0.3 else None, 0)
    name = number if draw.random() < 0.97 else draw.randint(0, number)
    return Row(kind, name, side, price, quantity, draw.randint(0, OWNERS + 3))


# --- The venue --------------------------------------------------------------------------------------------------


@cache
def _founded(self_trade: str) -> exchange.State:
    rules: dict[str, Any] = {"self_trade": self_trade, "who_may_sell": ("seller",), "who_may_buy": ("seller",)}
    desk: Desk = venue(rulebook(**rules, market_orders="taken", collar_rise=100_000))
    opened = desk.must(OpenSession, "operator", **over("continuous"))
    desk.at_ns = opened.opens_at_ns
    state = desk.state
    for owner in range(OWNERS):
        state = exchange.evolve(state, ParticipantAdmitted(f"p{owner}", f"p{owner}", "seller"))
    return state


class VenueBook:
    """One session behind the face of a book."""

    def __init__(self, self_trade: str) -> None:
        state = _founded(self_trade)
        session = state.sessions["day"]
        at_ns = session.opened.opens_at_ns
        # A market order needs a bound, and the twins' books have no reference: the bound is set by hand.
        wide = {"collar_highest_tenge_per_tonne": 10**9}
        opened = _changed(session.opened, **wide)
        self.state = _changed(
            state, sessions=state.sessions.insert("day", _changed(session, opened=opened)), at_ns=at_ns
        )
        self.at_ns = at_ns
        self.sent = 0
        self.trades: list[tuple[Any, ...]] = []

    @property
    def session(self) -> exchange.Session:
        found: exchange.Session = self.state.sessions["day"]
        return found

    def send(self, kind: Any, actor: str, **fields: Any) -> bool:
        """Send a command; say whether it was taken."""
        self.sent += 1
        command = kind(command_id=f"c-{self.sent}", actor=actor, at_ns=self.at_ns, session_id="day", **fields)
        events = exchange.decide(self.state, command)
        self.state = exchange.apply(self.state, Entry(self.state.sequence + 1, command, events))
        self.trades = [_told(event) for event in events if isinstance(event, Traded)]
        return not isinstance(events[0], Refused)

    def owner(self, row: Row) -> str:
        """Return whose an order is; whoever is not one of the owners comes once and never meets itself."""
        if row.owner < OWNERS:
            return f"p{row.owner}"
        name = f"once-{self.sent}"
        self.state = exchange.evolve(self.state, ParticipantAdmitted(name, name, "seller"))
        return name

    def answer(self, row: Row) -> bool | None:
        """Give a message to the venue; None when it does not belong to what a book can be asked."""
        if row.kind in {"halt", "start_call", "uncross"}:
            to = {"halt": "halted", "start_call": "call", "uncross": "continuous"}[row.kind]
            return self.send(ChangePhase, "operator", phase=to, reason="a test")
        order_id = f"o{row.number}"
        if row.kind in {"cancel", "amend"}:
            return self._known(row, order_id)
        at_once = row.kind in {"immediate_or_cancel", "fill_or_kill"}
        return self.send(
            SubmitOrder,
            self.owner(row),
            order_id=order_id,
            place=REGIONAL,
            side=row.side,
            price_tenge_per_tonne=0 if row.kind == "market" else row.price,
            quantity_lots=row.quantity,
            order_type="market" if row.kind == "market" else "limit",
            time_in_force=row.kind if at_once else "session",
            post_only=row.kind == "post_only",
            delivery="KZ-47",
        )

    def _known(self, row: Row, order_id: str) -> bool | None:
        number = self.session.numbers.get(order_id)
        order = None if number is None else self.session.orders[number]
        actor = "p0" if order is None else order.participant_id
        if row.kind == "cancel":
            return self.send(CancelOrder, actor, order_id=order_id)
        if order is not None and order.order_type == "market":
            return None
        return self.send(
            AmendOrder, actor, order_id=order_id, price_tenge_per_tonne=row.price, quantity_lots=row.quantity
        )

    def queues(self) -> list[list[tuple[int, int, int]]]:
        """Return both queues as price, order and open lots."""
        book = self.session.book
        assert book is not None
        orders = [[self.session.orders[number] for number in queue(book, side)] for side in ("buy", "sell")]
        return [[(trading.limit_of(o), int(o.order_id[1:]), o.quantity_lots) for o in side] for side in orders]


def _changed(struct: Any, **changes: Any) -> Any:
    return type(struct)(**{**{name: getattr(struct, name) for name in struct.__struct_fields__}, **changes})


def _told(event: Traded) -> tuple[Any, ...]:
    pair = (int(event.buy_order_id[1:]), int(event.sell_order_id[1:]))
    return (*pair, event.price_tenge_per_tonne, event.quantity_lots)


# --- The books --------------------------------------------------------------------------------------------------


def _told_by_book(trade: Any) -> tuple[Any, ...]:
    pair = (trade.taker_order_id, trade.maker_order_id)
    return (*(pair if trade.taker_side == "buy" else reversed(pair)), trade.price, trade.quantity)


def _book_answer(book: Any, row: Row) -> tuple[bool, list[tuple[Any, ...]]]:
    owner = row.owner if row.owner < OWNERS else None
    try:
        if row.kind == "cancel":
            book.cancel(row.number)
            trades = []
        elif row.kind == "amend":
            trades = book.amend(row.number, row.price, row.quantity)
        else:
            price = None if row.kind == "market" else row.price
            trades = book.submit(row.number, row.side, price, row.quantity, kind=row.kind, owner=owner)
    except Refusal:
        return False, []
    return True, [_told_by_book(trade) for trade in trades]


def _phase(book: Any, row: Row, phase: str) -> list[tuple[Any, ...]]:
    """Follow the venue into a phase: a halted book is one in a call that is given nothing."""
    if row.kind == "uncross":
        return [_told_by_book(trade) for trade in book.uncross()]
    if phase == "continuous":
        book.start_call()
    return []


def naive_queues(book: NaiveBook) -> list[list[tuple[int, int, int]]]:
    """Return both queues of the naive book."""
    return [[(order.price, order.order_id, order.shown) for order in book.queue(side)] for side in SIDES]


def differences(seed: int, length: int, self_trade: str) -> str:
    """Say where the venue leaves the books, or nothing."""
    desk = VenueBook(self_trade)
    fast: Any = Book(self_trade=self_trade)  # type: ignore[arg-type]  # a word of the rules
    naive: Any = NaiveBook(self_trade=self_trade)
    for row in stream(seed, length):
        before = desk.session.phase
        taken = desk.answer(row)
        if taken is None or (before == "halted" and row.kind not in {"cancel", "start_call"}):
            continue
        for name, book in (("the book", fast), ("the naive book", naive)):
            if row.kind in {"halt", "start_call", "uncross"}:
                told = (taken, _phase(book, row, before) if taken else [])
            else:
                told = _book_answer(book, row)
            if told != (taken, desk.trades):
                return f"{row} in {before}: {(taken, desk.trades)}, where {name} says {told}"
        if desk.queues() != naive_queues(naive):
            return f"after {row}: the queues are {desk.queues()}, not {naive_queues(naive)}"
        if desk.session.phase == "continuous" and fast.depth(99) != naive.depth(99):
            return "the twins differ from each other"
    return _invariants(desk)


def _invariants(desk: VenueBook) -> str:
    """Say what is left behind: a book whose chain and orders are not the same, or lots that do not add up."""
    session = desk.session
    book = session.book
    assert book is not None
    chained = sorted(number for side in ("buy", "sell") for number in queue(book, side))
    if not chained == sorted(session.orders.keys()) == sorted(book.links.keys()) == sorted(session.numbers.values()):
        return "the chain, the orders and their names are not the same"
    levels = sum(len(half.levels) for half in (book.bids, book.asks))
    if levels != len({(order.side, trading.limit_of(order)) for order in session.orders.values()}):
        return "a price is left behind at which nobody stands"
    if session.lots != sum(order.quantity_lots for order in session.orders.values()):
        return "the session's lots are not those of its orders"
    return ""
