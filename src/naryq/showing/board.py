"""What the stream must know to say who sees an event, folded from the rows: a few facts, and no more state than that.

The venue's own state would say it all, but a row is told after its batch, when the state has gone on. This fold costs
a few microseconds an event, and a test holds it against the state after every row.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from naryq.exchange.limits import drawn_closer
from naryq.exchange.orders import counted
from naryq.exchange.series import rebased
from naryq.messages import (
    AnyEvent,
    ApplicationSubmitted,
    BasePriceSet,
    CollarTightened,
    Entry,
    FlagClosed,
    FlagRaised,
    Instrument,
    InstrumentDelisted,
    InstrumentListed,
    ObligationOpened,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PhaseChanged,
    PlanApproved,
    PricesPublished,
    PumpPrice,
    RoundCalled,
    RulebookAdopted,
    SessionCleared,
    SessionClosed,
    SessionOpened,
    SessionPublished,
    Side,
    Traded,
    TradingResumed,
    TradingStopped,
)
from naryq.messages.stream import BookLevel, SessionShown
from naryq.showing.sessions import public_terms
from naryq.showing.walls import seen_results

Level = tuple[Side, int]
"""A side and a price."""


class Parties(NamedTuple):
    """Who is obliged by a deal."""

    buyer_id: str
    seller_id: str


class Line:
    """One session as the stream knows it: what everybody may see, what stands in it, and which levels have changed."""

    __slots__ = ("changed", "cleared", "levels", "numbers", "opened", "shown")

    def __init__(self, opened: SessionOpened) -> None:
        """Begin with an empty session."""
        self.opened = opened
        self.shown = SessionShown(public_terms(opened), opened.phase)
        self.cleared: SessionCleared | None = None
        self.numbers: dict[str, None] = {}
        """Its open orders, in the order of their arrival."""
        self.levels: dict[Level, tuple[int, int]] = {}
        """The lots and the orders that stand at a price; an initiator's order and market orders stand at none."""
        self.changed: dict[Level, None] = {}
        """Which of them are not told yet."""
        self.set_phase(opened.phase)

    @property
    def is_open_book(self) -> bool:
        """Whether the session's rules let everybody see what stands in it, nobody named."""
        if self.opened.kind == "continuous":
            return self.shown.phase == "continuous"
        terms = self.opened.standard
        return terms is not None and terms.format == "open" and self.shown.phase == "collecting"

    def set_phase(self, phase: Any) -> None:
        """Go into a phase; where the book opens with it, all its levels are news."""
        self.shown = msgspec.structs.replace(self.shown, phase=phase)
        self.changed = dict.fromkeys(self.levels) if self.is_open_book else {}

    def add(self, order: OrderAccepted, lots: int, orders: int) -> None:
        """Let so many lots and orders more stand at an order's price."""
        if order.order_type == "market" or order.order_id == order.session_id:
            return
        level = (order.side, order.price_tenge_per_tonne)
        lots_before, orders_before = self.levels.get(level, (0, 0))
        if orders_before + orders:
            self.levels[level] = (lots_before + lots, orders_before + orders)
        else:
            del self.levels[level]
        if self.is_open_book:
            self.changed[level] = None

    def side(self, side: Side) -> tuple[BookLevel, ...]:
        """Return the levels of a side that are shown, the best first."""
        if not self.is_open_book:
            return ()
        prices = sorted((price for of, price in self.levels if of == side), reverse=side == "buy")
        return tuple(BookLevel(price, *self.levels[side, price]) for price in prices)


class Board:
    """What is known after the rows so far."""

    def __init__(self) -> None:
        """Begin with a venue on which nothing has happened."""
        self.sequence = 0
        self.orders: dict[str, OrderAccepted] = {}
        """Every open order, with its open lots."""
        self.own: dict[str, dict[str, None]] = {}
        """Whose they are."""
        self.sessions: dict[str, Line] = {}
        self.parties: dict[str, Parties] = {}
        """Those of each obligation, and of each allotment: who takes and who delivers."""
        self.applicants: dict[str, tuple[str, str]] = {}
        """For whom each application is, and who made it."""
        self.flags: dict[str, FlagRaised] = {}
        self.instruments: dict[str, Instrument] = {}
        self.stops: dict[tuple[str, str], TradingStopped] = {}
        self.pump_prices: dict[str, PumpPrice] = {}
        self.rulebook_version = ""
        self.touched: dict[str, None] = {}
        """The sessions whose books have changed since they were told."""

    def fold(self, event: AnyEvent) -> None:
        """Fold one event."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def seal(self, entry: Entry) -> None:
        """Finish a row whose events are folded."""
        assert entry.sequence == self.sequence + 1, "rows follow each other without a gap"
        self.sequence = entry.sequence

    # --- Orders -----------------------------------------------------------------------------------------------------

    def enter(self, order: OrderAccepted) -> None:
        """Let an order stand."""
        line = self.sessions[order.session_id]
        self.orders[order.order_id] = order
        self.own.setdefault(order.participant_id, {})[order.order_id] = None
        line.numbers[order.order_id] = None
        line.add(order, order.quantity_lots, 1)
        self.touched[order.session_id] = None

    def leave(self, order_id: str) -> OrderAccepted:
        """Take an order out."""
        order = self.orders.pop(order_id)
        line = self.sessions[order.session_id]
        mine = self.own[order.participant_id]
        del mine[order_id]
        if not mine:
            del self.own[order.participant_id]
        del line.numbers[order_id]
        line.add(order, -order.quantity_lots, -1)
        self.touched[order.session_id] = None
        return order

    def set_lots(self, order_id: str, lots: int) -> None:
        """Let so many lots of an order be open, in its old place; none of it where there are none."""
        order = self.orders[order_id]
        if not lots:
            self.leave(order_id)
            return
        self.orders[order_id] = msgspec.structs.replace(order, quantity_lots=lots)
        self.sessions[order.session_id].add(order, lots - order.quantity_lots, 0)
        self.touched[order.session_id] = None


def _order_accepted(board: Board, event: OrderAccepted) -> None:
    board.enter(event)


def _order_amended(board: Board, event: OrderAmended) -> None:
    if event.keeps_place:
        board.set_lots(event.order_id, event.quantity_lots)
        return
    order = board.leave(event.order_id)
    price, lots = event.price_tenge_per_tonne, event.quantity_lots
    board.enter(
        msgspec.structs.replace(order, price_tenge_per_tonne=price, quantity_lots=lots, submitted_at_ns=event.at_ns)
    )


def _order_gone(board: Board, event: OrderCancelled | OrderExpired) -> None:
    board.leave(event.order_id)


def _traded(board: Board, event: Traded) -> None:
    line = board.sessions[event.session_id]
    line.shown = msgspec.structs.replace(line.shown, statistics=counted(line.shown.statistics, event))
    for order_id in (event.buy_order_id, event.sell_order_id):
        board.set_lots(order_id, board.orders[order_id].quantity_lots - event.quantity_lots)


# --- Sessions -------------------------------------------------------------------------------------------------------


def _session_opened(board: Board, event: SessionOpened) -> None:
    line = Line(event)
    if event.standard is not None and event.standard.format == "open":
        terms = event.standard
        line.shown = msgspec.structs.replace(
            line.shown, round_number=1, round_price_tenge_per_tonne=terms.start_price_tenge_per_tonne
        )
    board.sessions[event.session_id] = line


def _base_price_set(board: Board, event: BasePriceSet) -> None:
    line = board.sessions[event.session_id]
    line.opened = rebased(line.opened, event)
    line.shown = msgspec.structs.replace(line.shown, opened=public_terms(line.opened))


def _collar_tightened(board: Board, event: CollarTightened) -> None:
    line = board.sessions[event.session_id]
    line.opened = drawn_closer(line.opened, event)
    line.shown = msgspec.structs.replace(line.shown, opened=public_terms(line.opened))


def _phase_changed(board: Board, event: PhaseChanged) -> None:
    board.sessions[event.session_id].set_phase(event.phase)
    board.touched[event.session_id] = None


def _session_closed(board: Board, event: SessionClosed) -> None:
    board.sessions[event.session_id].set_phase("closed")


def _session_cleared(board: Board, event: SessionCleared) -> None:
    """Let all orders leave: what of them has no fill ends with its session."""
    line = board.sessions[event.session_id]
    line.cleared = seen_results(event)
    line.set_phase("cleared")
    for order_id in tuple(line.numbers):
        board.leave(order_id)


def _round_called(board: Board, event: RoundCalled) -> None:
    line = board.sessions[event.session_id]
    number, price = event.round_number, event.price_tenge_per_tonne
    line.shown = msgspec.structs.replace(line.shown, round_number=number, round_price_tenge_per_tonne=price)


def _session_published(board: Board, event: SessionPublished) -> None:
    board.sessions[event.session_id].set_phase("published")


def _prices_published(board: Board, event: PricesPublished) -> None:
    board.sessions[event.session_id].set_phase("published")
    for price in event.pump_prices:
        board.pump_prices[price.province] = price


# --- The rest -------------------------------------------------------------------------------------------------------


def _instrument_listed(board: Board, event: InstrumentListed) -> None:
    board.instruments[event.instrument.code] = event.instrument


def _instrument_delisted(board: Board, event: InstrumentDelisted) -> None:
    del board.instruments[event.code]


def _trading_stopped(board: Board, event: TradingStopped) -> None:
    board.stops[event.scope, event.target] = event


def _trading_resumed(board: Board, event: TradingResumed) -> None:
    del board.stops[event.scope, event.target]


def _obligation_opened(board: Board, event: ObligationOpened) -> None:
    board.parties[event.obligation_id] = Parties(event.buyer_id, event.seller_id)


def _plan_approved(board: Board, event: PlanApproved) -> None:
    for each in event.allotments:
        board.parties[each.allotment_id] = Parties(each.applicant_id, each.seller_id)


def _application_submitted(board: Board, event: ApplicationSubmitted) -> None:
    board.applicants[event.application_id] = (event.applicant_id, event.submitted_by)


def _flag_raised(board: Board, event: FlagRaised) -> None:
    board.flags[event.flag_id] = event


def _flag_closed(board: Board, event: FlagClosed) -> None:
    del board.flags[event.flag_id]


def _rulebook_adopted(board: Board, event: RulebookAdopted) -> None:
    board.rulebook_version = event.version


_FOLDS: Final[Mapping[type, Callable[[Board, Any], None]]] = MappingProxyType(
    {
        OrderAccepted: _order_accepted,
        OrderAmended: _order_amended,
        OrderCancelled: _order_gone,
        OrderExpired: _order_gone,
        Traded: _traded,
        SessionOpened: _session_opened,
        BasePriceSet: _base_price_set,
        CollarTightened: _collar_tightened,
        PhaseChanged: _phase_changed,
        SessionClosed: _session_closed,
        SessionCleared: _session_cleared,
        RoundCalled: _round_called,
        SessionPublished: _session_published,
        PricesPublished: _prices_published,
        InstrumentListed: _instrument_listed,
        InstrumentDelisted: _instrument_delisted,
        TradingStopped: _trading_stopped,
        TradingResumed: _trading_resumed,
        ObligationOpened: _obligation_opened,
        PlanApproved: _plan_approved,
        ApplicationSubmitted: _application_submitted,
        FlagRaised: _flag_raised,
        FlagClosed: _flag_closed,
        RulebookAdopted: _rulebook_adopted,
    }
)
