"""The orders that came over FIX, folded from the journal's rows: what each row means for whoever sent one of them.

Nothing of it is kept elsewhere. The ClOrdID stands in the identifier of the command that a message has become, so that
a new process finds every order again by reading the rows, and tells of it what was not told yet.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from naryq.gateways.fix import reports, tags
from naryq.gateways.fix.reports import Ticket
from naryq.gateways.fix.wire import Field
from naryq.messages import (
    AmendOrder,
    AnyCommand,
    CancelAll,
    CancelOrder,
    Entry,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    Refused,
    SessionCleared,
    SubmitOrder,
)
from naryq.messages.stream import OrderFilled
from naryq.showing.announcements import Announcement

EXECUTION: Final = "8"
CANCEL_REJECT: Final = "9"
MASS_CANCEL_REPORT: Final = "r"
FINISHED_HELD: Final = 100_000
"""How many orders that are over can still be asked about."""


class Report(NamedTuple):
    """A message to be sent to a counterparty: its kind and its body."""

    owner: str
    kind: str
    body: tuple[Field, ...]


def command_id(kind: str, owner: str, name: str) -> str:
    """Return the identifier of the command that a message of a kind and a ClOrdID becomes."""
    return f"fix:{kind}:{owner}:{name}"


def name_of(command: AnyCommand) -> str:
    """Return the ClOrdID of the message that has become a command; empty when it did not come over FIX."""
    parts = command.command_id.split(":", 2)
    if parts[0] != "fix" or len(parts) < 3 or not parts[2].startswith(f"{command.actor}:"):  # noqa: PLR2004
        return ""
    return parts[2].removeprefix(f"{command.actor}:")


class Blotter:
    """All orders over FIX as their owners know them."""

    def __init__(self) -> None:
        """Know of none."""
        self.tickets: dict[str, Ticket] = {}
        """Order -> what is known of it."""
        self._names: dict[tuple[str, str], str] = {}
        """Owner and ClOrdID, of the order or of a replacement -> order."""
        self._open: dict[str, dict[str, None]] = {}
        """Session -> its open orders."""
        self._finished: deque[str] = deque()
        self._row: Entry | None = None
        self._reports: list[Report] = []

    def find(self, owner: str, name: str) -> Ticket | None:
        """Return an order by any of its ClOrdIDs; None when none is known."""
        return self.tickets.get(self._names.get((owner, name), ""))

    def fold(self, entry: Entry, announced: Iterable[Announcement]) -> list[Report]:
        """Fold one row, with what it means for whom, and return what is to be told."""
        self._row, self._reports = entry, []
        command = entry.command
        name = name_of(command)
        if name and isinstance(entry.events[0], Refused):
            self._refused(command, name, entry.events[0])
        elif name and isinstance(command, CancelAll):
            self._mass_cancelled(command, name, entry)
        for _, event in announced:
            fold = _FOLDS.get(type(event))
            if fold is not None:
                fold(self, event, name)
        for event in entry.events:
            if isinstance(event, SessionCleared):
                self._session_cleared(event.session_id)
        return self._reports

    # --- Answers to what was asked ----------------------------------------------------------------------------------

    def _refused(self, command: AnyCommand, name: str, refused: Refused) -> None:
        owner, at_ns = command.actor, command.at_ns
        if isinstance(command, SubmitOrder):
            body = reports.rejection(fields_of(command, name), refused, self._identifier(), at_ns)
            self._reports.append(Report(owner, EXECUTION, body))
        elif isinstance(command, AmendOrder | CancelOrder):
            ticket = self.tickets.get(command.order_id)
            to = "2" if isinstance(command, AmendOrder) else "1"
            of = ticket.name if ticket else name
            body = reports.cancel_rejection(reports.Withheld(name, of, to), ticket, refused, at_ns)
            self._reports.append(Report(owner, CANCEL_REJECT, body))
        elif isinstance(command, CancelAll):
            body = reports.mass_cancel(name, _scope(command), command.session_id or "", refused, at_ns)
            self._reports.append(Report(owner, MASS_CANCEL_REPORT, body))

    def _mass_cancelled(self, command: CancelAll, name: str, entry: Entry) -> None:
        count = sum(isinstance(event, OrderCancelled) for event in entry.events)
        body = reports.mass_cancel(name, _scope(command), command.session_id or "", count, command.at_ns)
        self._reports.append(Report(command.actor, MASS_CANCEL_REPORT, body))

    # --- What has become of orders ----------------------------------------------------------------------------------

    def accepted(self, event: OrderAccepted, name: str) -> None:
        """Note an order that was taken, if it came over FIX."""
        assert self._row is not None, "events stand in rows"
        command = self._row.command
        if not name or not isinstance(command, SubmitOrder) or command.order_id != event.order_id:
            return
        price, lots = event.price_tenge_per_tonne, event.quantity_lots
        ticket = Ticket(event.participant_id, event.order_id, name, event, price, lots)
        self._names[ticket.owner, name] = ticket.order_id
        self._open.setdefault(event.session_id, {})[ticket.order_id] = None
        self._tell(ticket, reports.NEW)

    def amended(self, event: OrderAmended, name: str) -> None:
        """Note an order with other terms: as its owner asked, or as the rules of its session made it."""
        ticket = self.tickets.get(event.order_id)
        if ticket is None:
            return
        assert self._row is not None, "events stand in rows"
        changed = replace(ticket, price_tenge_per_tonne=event.price_tenge_per_tonne, open_lots=event.quantity_lots)
        command = self._row.command
        if isinstance(command, AmendOrder) and command.order_id == event.order_id and not event.reason:
            former, name = ticket.name, name or ticket.name
            self._names[ticket.owner, name] = ticket.order_id
            more = [(tags.ORIG_CL_ORD_ID, former)] if name != former else []
            self._tell(replace(changed, name=name), reports.REPLACED, more)
        else:
            self._tell(changed, reports.RESTATED, [(tags.EXEC_RESTATEMENT_REASON, "8"), *_reason(event.reason)])

    def filled(self, event: OrderFilled, _: str) -> None:
        """Note a trade."""
        ticket = self.tickets.get(event.order_id)
        if ticket is None:
            return
        price, lots = event.price_tenge_per_tonne, event.quantity_lots
        ticket = replace(
            ticket,
            open_lots=event.open_lots,
            filled_lots=ticket.filled_lots + lots,
            turnover=ticket.turnover + price * lots,
            status=reports.PARTLY if event.open_lots else reports.FILLED,
        )
        self._tell(ticket, reports.TRADE, [(tags.LAST_PX, str(price)), (tags.LAST_QTY, str(lots))])

    def cancelled(self, event: OrderCancelled, name: str) -> None:
        """Note that an order was taken out."""
        ticket = self.tickets.get(event.order_id)
        if ticket is None:
            return
        assert self._row is not None, "events stand in rows"
        more = _reason(event.reason)
        command = self._row.command
        if name and isinstance(command, CancelOrder) and command.order_id == event.order_id:
            more = [(tags.ORIG_CL_ORD_ID, ticket.name), *more]
            ticket = replace(ticket, name=name)
            self._names[ticket.owner, name] = ticket.order_id
        self._tell(replace(ticket, status=reports.CANCELLED), reports.CANCELLED, more)

    def expired(self, event: OrderExpired, _: str) -> None:
        """Note that an order has ended with its session."""
        ticket = self.tickets.get(event.order_id)
        if ticket is not None:
            self._tell(replace(ticket, status=reports.EXPIRED), reports.EXPIRED)

    def _session_cleared(self, session_id: str) -> None:
        """Let what is left of a network session's orders end with it: no event of its own says so."""
        for order_id in tuple(self._open.get(session_id, ())):
            self._tell(replace(self.tickets[order_id], status=reports.EXPIRED), reports.EXPIRED)

    def _tell(self, ticket: Ticket, kind: str, more: Iterable[Field] = ()) -> None:
        assert self._row is not None, "events stand in rows"
        self.tickets[ticket.order_id] = ticket
        if not ticket.is_open:
            self._finish(ticket)
        body = reports.execution(ticket, kind, self._identifier(), self._row.command.at_ns, more)
        self._reports.append(Report(ticket.owner, EXECUTION, body))

    def _identifier(self) -> str:
        """Return an ExecID: the row, and which of its reports it is, the same however often the row is read."""
        assert self._row is not None, "reports are about rows"
        return f"{self._row.sequence}-{len(self._reports) + 1}"

    def _finish(self, ticket: Ticket) -> None:
        session = self._open.get(ticket.accepted.session_id, {})
        session.pop(ticket.order_id, None)
        if not session:
            self._open.pop(ticket.accepted.session_id, None)
        self._finished.append(ticket.order_id)
        if len(self._finished) > FINISHED_HELD:
            del self.tickets[self._finished.popleft()]


def fields_of(command: SubmitOrder, name: str) -> Mapping[int, str]:
    """Return the fields of an order that was refused."""
    is_limit = command.order_type == "limit"
    return {
        tags.CL_ORD_ID: name,
        tags.ORDER_QTY: str(command.quantity_lots),
        tags.ORD_TYPE: reports.TYPES[command.order_type],
        tags.PRICE: str(command.price_tenge_per_tonne) if is_limit else "",
        tags.SIDE: reports.SIDES[command.side],
        tags.SYMBOL: command.place,
        tags.TIME_IN_FORCE: reports.DURATIONS[command.time_in_force],
        tags.TRADING_SESSION_ID: command.session_id,
    }


def _scope(command: CancelAll) -> str:
    return "6" if command.session_id else "7"


def _reason(text: str) -> list[Field]:
    return [(tags.TEXT, text)] if text else []


_FOLDS: Final[Mapping[type, Callable[[Blotter, Any, str], None]]] = MappingProxyType(
    {
        OrderAccepted: Blotter.accepted,
        OrderAmended: Blotter.amended,
        OrderFilled: Blotter.filled,
        OrderCancelled: Blotter.cancelled,
        OrderExpired: Blotter.expired,
    }
)
