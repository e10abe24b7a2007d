"""What has happened lately, folded from the rows: the state keeps what stands, and forgets what is done.

A view of the house: it is told every row from the first on, so it is the same after a restart. What it keeps is
bounded by what its constants say; the journal has the rest.
"""

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final, TypeVar

import msgspec

from naryq.messages import (
    AnyEvent,
    Deposited,
    Entry,
    LimitLifted,
    LimitReached,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    ProposalAssessed,
    SessionCleared,
    Side,
    Traded,
    Withdrawn,
)
from naryq.showing.viewer import Viewer

FILLS_KEPT: Final = 500
"""Of each participant."""
TRADES_KEPT: Final = 200
"""Of each session."""
PAYMENTS_KEPT: Final = 200
LIMITS_KEPT: Final = 200
T = TypeVar("T")


class ShownFill(msgspec.Struct, frozen=True, kw_only=True):
    """One side of what was dealt, as its owner sees it: the other side is not named."""

    at_ns: int
    session_id: str
    order_id: str
    side: Side
    place: str
    price_tenge_per_tonne: int
    quantity_lots: int
    trade_id: str | None


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as everybody sees it: without names and orders."""

    at_ns: int
    trade_id: str
    price_tenge_per_tonne: int
    quantity_lots: int
    aggressor: Side | None


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """Money that came in (above zero) or went out, by a bank reference."""

    at_ns: int
    amount_tiyn: int
    bank_reference: str


class History:
    """The last fills of each participant, trades of each session, payments, acts of limits, and assessments."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self._open: dict[str, OrderAccepted] = {}
        self._own: dict[str, dict[str, None]] = {}
        """The open orders of each participant, the oldest first."""
        self._standing: dict[str, dict[str, None]] = {}
        """Those of each session."""
        self._fills: dict[str, deque[ShownFill]] = {}
        self._trades: dict[str, deque[PublicTrade]] = {}
        self._payments: dict[str, deque[Payment]] = {}
        self._limits: deque[LimitReached | LimitLifted] = deque(maxlen=LIMITS_KEPT)
        self._assessments: dict[str, ProposalAssessed] = {}

    def see(self, entry: Entry) -> None:
        """Fold one row."""
        for event in entry.events:
            self._fold(event, entry.command.at_ns)

    def fills(self, viewer: Viewer, session_id: str | None = None) -> tuple[ShownFill, ...]:
        """Return a viewer's last fills in one session or in all, the newest first."""
        found = tuple(reversed(self._fills.get(viewer.participant_id, ())))
        return tuple(fill for fill in found if session_id in {None, fill.session_id})

    def open_orders(self, viewer: Viewer) -> tuple[str, ...]:
        """Return the identifiers of a viewer's open orders: without them each order of the venue would be looked at."""
        return tuple(self._own.get(viewer.participant_id, ()))

    def trades(self, session_id: str, count: int = TRADES_KEPT) -> tuple[PublicTrade, ...]:
        """Return the last trades of a session, the newest first."""
        return tuple(islice(reversed(self._trades.get(session_id, ())), count))

    def payments(self, viewer: Viewer) -> tuple[Payment, ...]:
        """Return a viewer's last deposits and withdrawals, the newest first."""
        return tuple(reversed(self._payments.get(viewer.participant_id, ())))

    def limit_acts(self, viewer: Viewer) -> tuple[LimitReached | LimitLifted, ...]:
        """Return when limits acted lately, the newest first; for those who watch."""
        return tuple(reversed(self._limits)) if viewer.watches else ()

    def assessment(self, viewer: Viewer, proposal_id: str) -> ProposalAssessed | None:
        """Return the last assessment of a proposal; for those who have a say in it."""
        return self._assessments.get(proposal_id) if viewer.watches else None

    # --- Folding ----------------------------------------------------------------------------------------------------

    def _fold(self, event: AnyEvent, at_ns: int) -> None:
        if isinstance(event, OrderAccepted):
            self._enter(event)
        elif isinstance(event, OrderCancelled | OrderExpired):
            self._leave(event.order_id)
        elif isinstance(event, OrderAmended):
            order = self._open[event.order_id]
            self._open[event.order_id] = msgspec.structs.replace(order, quantity_lots=event.quantity_lots)
        elif isinstance(event, Traded):
            self._traded(event)
        elif isinstance(event, SessionCleared):
            self._cleared(event, at_ns)
        else:
            self._told(event, at_ns)

    def _told(self, event: AnyEvent, at_ns: int) -> None:
        if isinstance(event, Deposited | Withdrawn):
            amount = event.amount_tiyn if isinstance(event, Deposited) else -event.amount_tiyn
            paid = Payment(at_ns=at_ns, amount_tiyn=amount, bank_reference=event.bank_reference)
            _keep(self._payments, event.participant_id, paid, PAYMENTS_KEPT)
        elif isinstance(event, LimitReached | LimitLifted):
            self._limits.append(event)
        elif isinstance(event, ProposalAssessed):
            self._assessments[event.proposal_id] = event

    def _enter(self, order: OrderAccepted) -> None:
        self._open[order.order_id] = order
        self._own.setdefault(order.participant_id, {})[order.order_id] = None
        self._standing.setdefault(order.session_id, {})[order.order_id] = None

    def _leave(self, order_id: str) -> None:
        order = self._open.pop(order_id)
        del self._own[order.participant_id][order_id]
        del self._standing[order.session_id][order_id]

    def _cleared(self, event: SessionCleared, at_ns: int) -> None:
        """Keep what each order of a network session has bought or sold; nothing of it stands any more."""
        price_of = {price.place: price.price_tenge_per_tonne for price in event.prices}
        for fill in event.fills:
            order = self._open[fill.order_id]
            if fill.quantity_lots:
                shown = _network_fill(order, price_of[order.place], fill.quantity_lots, at_ns)
                _keep(self._fills, order.participant_id, shown, FILLS_KEPT)
        for order_id in tuple(self._standing.get(event.session_id, ())):
            self._leave(order_id)

    def _traded(self, event: Traded) -> None:
        public = PublicTrade(
            at_ns=event.at_ns,
            trade_id=event.trade_id,
            price_tenge_per_tonne=event.price_tenge_per_tonne,
            quantity_lots=event.quantity_lots,
            aggressor=event.aggressor,
        )
        _keep(self._trades, event.session_id, public, TRADES_KEPT)
        for whose, fill in _fills_of(event):
            _keep(self._fills, whose, fill, FILLS_KEPT)
            order = self._open[fill.order_id]
            left = order.quantity_lots - event.quantity_lots
            if left:
                self._open[fill.order_id] = msgspec.structs.replace(order, quantity_lots=left)
            else:
                self._leave(fill.order_id)


def _keep(kept: dict[str, deque[T]], key: str, item: T, most: int) -> None:
    kept.setdefault(key, deque(maxlen=most)).append(item)


def _fills_of(event: Traded) -> Iterable[tuple[str, ShownFill]]:
    sides: tuple[tuple[str, Side, str], ...] = (
        (event.buyer_id, "buy", event.buy_order_id),
        (event.seller_id, "sell", event.sell_order_id),
    )
    for whose, side, order_id in sides:
        yield (
            whose,
            ShownFill(
                at_ns=event.at_ns,
                session_id=event.session_id,
                order_id=order_id,
                side=side,
                place="",
                price_tenge_per_tonne=event.price_tenge_per_tonne,
                quantity_lots=event.quantity_lots,
                trade_id=event.trade_id,
            ),
        )


def _network_fill(order: OrderAccepted, price: int, lots: int, at_ns: int) -> ShownFill:
    """Return what an order has bought or sold in a network session, at the uniform price of its place."""
    return ShownFill(
        at_ns=at_ns,
        session_id=order.session_id,
        order_id=order.order_id,
        side=order.side,
        place=order.place,
        price_tenge_per_tonne=price,
        quantity_lots=lots,
        trade_id=None,
    )
