"""What a counterparty is told of its orders, as the bodies of FIX messages."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq.gateways.fix import tags, times
from naryq.gateways.fix.wire import Field
from naryq.messages import Code, OrderAccepted, Refusal, Refused
from naryq.units import divide

NEW: Final = "0"
PARTLY: Final = "1"
FILLED: Final = "2"
CANCELLED: Final = "4"
REJECTED: Final = "8"
EXPIRED: Final = "C"
REPLACED: Final = "5"
RESTATED: Final = "D"
TRADE: Final = "F"
STATUS: Final = "I"
NO_ORDER: Final = "NONE"
"""The OrderID where there is no order."""
TEXT_LETTERS_MAX: Final = 500

SIDES: Final = MappingProxyType({"buy": "1", "sell": "2"})
TYPES: Final = MappingProxyType({"market": "1", "limit": "2"})
DURATIONS: Final = MappingProxyType({"session": "0", "immediate_or_cancel": "3", "fill_or_kill": "4"})

_OTHER: Final = "99"
_DUPLICATE_ORDER: Final = "6"
_TOO_LATE: Final = "0"
_ORDER_REASONS: Final[Mapping[Code, str]] = MappingProxyType(
    dict.fromkeys((Code.UNKNOWN_PLACE, Code.UNKNOWN_INSTRUMENT, Code.OUTSIDE_REGION), "1")
    | dict.fromkeys((Code.OUTSIDE_WINDOW, Code.WRONG_PHASE, Code.UNKNOWN_SESSION, Code.TRADING_STOPPED), "2")
    | dict.fromkeys((Code.TOO_MANY_LOTS, Code.TOO_MUCH_VALUE, Code.TOO_FAST, Code.INSUFFICIENT_GUARANTEE), "3")
    | dict.fromkeys((Code.PRICE_ABOVE_COLLAR, Code.PRICE_BELOW_COLLAR, Code.PRICE_ABOVE_HOLD), "3")
    | dict.fromkeys((Code.PRICE_ABOVE_PARITY, Code.OVERFLOW), "3")
    | dict.fromkeys((Code.DUPLICATE_ID, Code.COMMAND_ID_REUSED), _DUPLICATE_ORDER)
    | dict.fromkeys((Code.NOT_SUPPORTED,), "11")
    | dict.fromkeys((Code.BATCH_TOO_SMALL, Code.BATCH_TOO_LARGE), "13")
    | dict.fromkeys((Code.NOT_PERMITTED, Code.SUSPENDED, Code.EXCLUDED, Code.CREDENTIAL_MISSING), "0")
)
_CANCEL_REASONS: Final[Mapping[Code, str]] = MappingProxyType(
    dict.fromkeys((Code.OUTSIDE_WINDOW, Code.WRONG_PHASE, Code.TRADING_STOPPED), "0")
    | dict.fromkeys((Code.UNKNOWN_ORDER, Code.UNKNOWN_SESSION), "1")
    | dict.fromkeys((Code.DUPLICATE_ID, Code.COMMAND_ID_REUSED), "6")
    | dict.fromkeys((Code.NOT_SUPPORTED, Code.NOT_PERMITTED, Code.SUSPENDED, Code.EXCLUDED), "2")
)


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """An order as its owner's engine knows it: its last ClOrdID, its terms, what is open of it and what has traded."""

    owner: str
    order_id: str
    name: str
    """Its ClOrdID: the first, or that of the last replacement."""
    accepted: OrderAccepted
    price_tenge_per_tonne: int
    open_lots: int
    filled_lots: int = 0
    turnover: int = 0
    """The sum of price times lots over its trades."""
    status: str = NEW

    @property
    def is_open(self) -> bool:
        """Whether it stands."""
        return self.status in (NEW, PARTLY)

    @property
    def total_lots(self) -> int:
        """The OrderQty: what has traded and what was open when it last stood."""
        return self.filled_lots + self.open_lots


def text_of(refusal: Refusal | Refused) -> str:
    """Return a refusal in one line: its code, where, what is wrong and what to do."""
    place = f"{refusal.where}: " if refusal.where else ""
    line = f"{refusal.code}: {place}{refusal.what}. {refusal.remedy}".rstrip()[:TEXT_LETTERS_MAX]
    return line if line.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in line)


def execution(ticket: Ticket, kind: str, identifier: str, at_ns: int, more: Iterable[Field] = ()) -> tuple[Field, ...]:
    """Return an ExecutionReport about an order: ExecType, ExecID, and what is particular about it."""
    accepted = ticket.accepted
    price, delivery = ticket.price_tenge_per_tonne, accepted.delivery
    fields = [
        (tags.AVG_PX, average(ticket)),
        (tags.CL_ORD_ID, ticket.name),
        (tags.CUM_QTY, str(ticket.filled_lots)),
        (tags.EXEC_ID, identifier),
        (tags.ORDER_ID, ticket.order_id),
        (tags.ORDER_QTY, str(ticket.total_lots)),
        (tags.ORD_STATUS, ticket.status),
        (tags.ORD_TYPE, TYPES[accepted.order_type]),
        *([(tags.PRICE, str(price))] if accepted.order_type == "limit" else []),
        (tags.SIDE, SIDES[accepted.side]),
        (tags.SYMBOL, accepted.place),
        (tags.TIME_IN_FORCE, DURATIONS[accepted.time_in_force]),
        (tags.TRANSACT_TIME, times.written(at_ns)),
        (tags.EXEC_TYPE, kind),
        (tags.LEAVES_QTY, str(ticket.open_lots if ticket.is_open else 0)),
        (tags.TRADING_SESSION_ID, accepted.session_id),
        *([(tags.EXEC_INST, "6")] if accepted.post_only else []),
        *([(tags.DELIVERY_PROVINCE, delivery)] if delivery else []),
    ]
    return tuple(sorted([*fields, *more]))


def average(ticket: Ticket) -> str:
    """Return the average price of an order's trades, rounded half up to a hundredth of a tenge; 0 before the first."""
    if not ticket.filled_lots:
        return "0"
    hundredths = divide(ticket.turnover * 100, ticket.filled_lots)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def rejection(asked: Mapping[int, str], refusal: Refusal | Refused, identifier: str, at_ns: int) -> tuple[Field, ...]:
    """Return the ExecutionReport that an order was not taken.

    Args:
        asked: Fields of the order as far as they are known: 11, 38, 54 and 55 at least where it had them.
        refusal: Why.
        identifier: The ExecID.
        at_ns: When.
    """
    fields = {
        tags.AVG_PX: "0",
        tags.CUM_QTY: "0",
        tags.EXEC_ID: identifier,
        tags.ORDER_ID: NO_ORDER,
        tags.ORD_STATUS: REJECTED,
        tags.TEXT: text_of(refusal),
        tags.TRANSACT_TIME: times.written(at_ns),
        tags.ORD_REJ_REASON: _ORDER_REASONS.get(refusal.code, _OTHER),
        tags.EXEC_TYPE: REJECTED,
        tags.LEAVES_QTY: "0",
    }
    return tuple(sorted((fields | {tag: value for tag, value in asked.items() if value}).items()))


class Withheld(NamedTuple):
    """A request about an order that was not taken: its ClOrdID, its OrigClOrdID, its CxlRejResponseTo."""

    name: str
    of: str
    response_to: str


def cancel_rejection(
    asked: Withheld, ticket: Ticket | None, refusal: Refusal | Refused, at_ns: int
) -> tuple[Field, ...]:
    """Return the OrderCancelReject for a request about an order, which may be none that is known."""
    name, of, response_to = asked
    is_over = ticket is not None and not ticket.is_open and refusal.code is Code.UNKNOWN_ORDER
    reason = _TOO_LATE if is_over else _CANCEL_REASONS.get(refusal.code, _OTHER)
    return (
        (tags.CL_ORD_ID, name),
        (tags.ORDER_ID, ticket.order_id if ticket else NO_ORDER),
        (tags.ORD_STATUS, ticket.status if ticket else REJECTED),
        (tags.ORIG_CL_ORD_ID, of),
        (tags.TEXT, text_of(refusal)),
        (tags.TRANSACT_TIME, times.written(at_ns)),
        (tags.CXL_REJ_REASON, reason),
        (tags.CXL_REJ_RESPONSE_TO, response_to),
    )


def mass_cancel(
    name: str, kind: str, session_id: str, outcome: int | Refusal | Refused, at_ns: int
) -> tuple[Field, ...]:
    """Return the OrderMassCancelReport: how many orders were taken back, or why none."""
    refused = None if isinstance(outcome, int) else outcome
    reason = "6" if refused is not None and refused.code is Code.UNKNOWN_SESSION else _OTHER
    fields = [
        (tags.CL_ORD_ID, name),
        (tags.ORDER_ID, name),
        (tags.TRANSACT_TIME, times.written(at_ns)),
        (tags.MASS_CANCEL_REQUEST_TYPE, kind),
        (tags.MASS_CANCEL_RESPONSE, "0" if refused is not None else kind),
        *([(tags.TRADING_SESSION_ID, session_id)] if session_id else []),
        *([(tags.TEXT, text_of(refused)), (tags.MASS_CANCEL_REJECT_REASON, reason)] if refused is not None else []),
        *([(tags.TOTAL_AFFECTED_ORDERS, str(outcome))] if isinstance(outcome, int) else []),
    ]
    return tuple(sorted(fields))


def status_unknown(asked: Mapping[int, str], identifier: str) -> tuple[Field, ...]:
    """Return the ExecutionReport that answers a question about an order that is not known."""
    fields = {
        tags.AVG_PX: "0",
        tags.CUM_QTY: "0",
        tags.EXEC_ID: identifier,
        tags.ORDER_ID: NO_ORDER,
        tags.ORD_STATUS: REJECTED,
        tags.TEXT: "no order of this name is known",
        tags.ORD_REJ_REASON: "5",
        tags.EXEC_TYPE: STATUS,
        tags.LEAVES_QTY: "0",
    }
    return tuple(sorted((fields | {tag: value for tag, value in asked.items() if value}).items()))
