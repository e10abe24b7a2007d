"""What a counterparty asks for, read out of FIX messages into the venue's commands."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from naryq.gateways.fix import dictionary, reports, tags
from naryq.gateways.fix.blotter import command_id
from naryq.gateways.fix.reports import Ticket
from naryq.gateways.fix.wire import Message
from naryq.messages import AmendOrder, CancelAll, CancelOrder, Code, Refusal, SubmitOrder
from naryq.units import INT64_MAX

NEW_ORDER: Final = "D"
CANCEL: Final = "F"
CANCEL_REPLACE: Final = "G"
STATUS: Final = "H"
MASS_CANCEL: Final = "q"
MARKET_DATA: Final = "V"
SECURITY_LIST: Final = "x"
SESSION_STATUS: Final = "g"
TAKEN: Final = frozenset(
    (NEW_ORDER, CANCEL, CANCEL_REPLACE, STATUS, MASS_CANCEL, MARKET_DATA, SECURITY_LIST, SESSION_STATUS)
)
"""The kinds of application messages that the venue takes."""
NO_TRADING_SESSIONS: Final = 386
POST_ONLY: Final = "6"

_WHOLE: Final = re.compile(r"0*(\d{1,18})(\.0*)?", re.ASCII)


def _inverse(table: Mapping[str, str]) -> Mapping[str, Any]:
    return MappingProxyType({value: name for name, value in table.items()})


_SIDES, _TYPES, _DURATIONS = _inverse(reports.SIDES), _inverse(reports.TYPES), _inverse(reports.DURATIONS)


def submit(message: Message, owner: str, at_ns: int) -> SubmitOrder:
    """Read a NewOrderSingle.

    Raises:
        Refusal: COLUMN_MISSING where a field is not there that this order needs; OUT_OF_RANGE where a number is not
            whole.
    """
    name, order_type = message.get(tags.CL_ORD_ID), _TYPES[message.get(tags.ORD_TYPE)]
    return SubmitOrder(
        command_id=command_id(NEW_ORDER, owner, name),
        actor=owner,
        at_ns=at_ns,
        session_id=session_of(message),
        order_id=f"{owner}:{name}",
        place=message.get(tags.SYMBOL),
        side=_SIDES[message.get(tags.SIDE)],
        price_tenge_per_tonne=whole(message, tags.PRICE, "Price") if order_type == "limit" else 0,
        quantity_lots=whole(message, tags.ORDER_QTY, "OrderQty"),
        order_type=order_type,
        time_in_force=_DURATIONS[message.get(tags.TIME_IN_FORCE, "0")],
        post_only=POST_ONLY in message.get(tags.EXEC_INST),
        delivery=message.get(tags.DELIVERY_PROVINCE) or None,
    )


def amend(message: Message, ticket: Ticket, owner: str, at_ns: int) -> AmendOrder:
    """Read an OrderCancelReplaceRequest. OrderQty is what the order is to be in all, with what has traded of it.

    The command names what is taken to be open: a trade that crosses it on its way must not make the order larger.

    Raises:
        Refusal: As `submit` does; NOT_SUPPORTED where it would change what cannot be changed; OUT_OF_RANGE where the
            order has traded so much already.
    """
    _check_same(message, ticket)
    lots = whole(message, tags.ORDER_QTY, "OrderQty") - ticket.filled_lots
    if lots <= 0:
        what = f"{ticket.filled_lots} lots of the order have traded"
        raise Refusal(Code.OUT_OF_RANGE, what, where="OrderQty", remedy="Ask for more than that, or cancel the order.")
    is_limit = ticket.accepted.order_type == "limit"
    return AmendOrder(
        command_id=command_id(CANCEL_REPLACE, owner, message.get(tags.CL_ORD_ID)),
        actor=owner,
        at_ns=at_ns,
        session_id=ticket.accepted.session_id,
        order_id=ticket.order_id,
        price_tenge_per_tonne=whole(message, tags.PRICE, "Price") if is_limit else None,
        quantity_lots=lots,
        open_lots=ticket.open_lots,
    )


def _check_same(message: Message, ticket: Ticket) -> None:
    accepted = ticket.accepted
    same = {
        tags.SYMBOL: accepted.place,
        tags.SIDE: reports.SIDES[accepted.side],
        tags.ORD_TYPE: reports.TYPES[accepted.order_type],
        tags.TIME_IN_FORCE: reports.DURATIONS[accepted.time_in_force],
    }
    for tag, value in same.items():
        if message.get(tag, value) != value:
            name = dictionary.load().fields[tag].name
            what = f"the order's {name} is {value}, and a replacement does not change it"
            raise Refusal(Code.NOT_SUPPORTED, what, where=name, remedy="Cancel the order and send another.")


def cancel(message: Message, ticket: Ticket, owner: str, at_ns: int) -> CancelOrder:
    """Read an OrderCancelRequest about an order."""
    return CancelOrder(
        command_id=command_id(CANCEL, owner, message.get(tags.CL_ORD_ID)),
        actor=owner,
        at_ns=at_ns,
        session_id=ticket.accepted.session_id,
        order_id=ticket.order_id,
    )


def cancel_all(message: Message, owner: str, at_ns: int) -> CancelAll:
    """Read an OrderMassCancelRequest: all orders of one trading session, or all.

    Raises:
        Refusal: COLUMN_MISSING where the session is not named.
    """
    session_id = message.get(tags.TRADING_SESSION_ID) or None
    of_one = message.get(tags.MASS_CANCEL_REQUEST_TYPE) == "6"
    if of_one and session_id is None:
        raise missing("TradingSessionID", "Name the session, or cancel all (MassCancelRequestType 7).")
    return CancelAll(
        command_id=command_id(MASS_CANCEL, owner, message.get(tags.CL_ORD_ID)),
        actor=owner,
        at_ns=at_ns,
        session_id=session_id if of_one else None,
    )


def session_of(message: Message) -> str:
    """Return the one trading session that a message names.

    Raises:
        Refusal: COLUMN_MISSING when it names none or several.
    """
    named = dictionary.load().entries(message, NO_TRADING_SESSIONS)
    if len(named) != 1:
        raise missing("NoTradingSessions", "Name one session: 386=1, and its identifier in 336.")
    return named[0][tags.TRADING_SESSION_ID]


def whole(message: Message, tag: int, name: str) -> int:
    """Return the whole number in a field; a fraction of nothing but zeros is none.

    Raises:
        Refusal: COLUMN_MISSING when the field is not there; OUT_OF_RANGE when it is no whole number from zero.
    """
    if tag not in message.first:
        raise missing(name, f"Send field {tag}.")
    found = _WHOLE.fullmatch(message.get(tag))
    if found is None or int(found[1]) > INT64_MAX:
        what = f"{name} is {message.get(tag)}"
        raise Refusal(Code.OUT_OF_RANGE, what, where=name, remedy="Give a whole number of lots, or of tenge a tonne.")
    return int(found[1])


def missing(name: str, remedy: str) -> Refusal:
    """Return the refusal of a message without a field that it needs."""
    return Refusal(Code.COLUMN_MISSING, f"the field {name} is missing", where=name, remedy=remedy)
