"""What is traded, and which sessions are on, over FIX: public to every counterparty."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from naryq.gateways.fix import tags, times
from naryq.gateways.fix.market_data import sessions_on, symbols_of
from naryq.gateways.fix.wire import Field, Message
from naryq.messages import Instrument, Phase
from naryq.messages.stream import SessionShown
from naryq.showing.board import Board

SECURITY_LIST: Final = "y"
SESSION_STATUS: Final = "h"
LISTED_AT_ONCE: Final = 100
"""How many securities one message lists."""
REQUEST_REJECTED: Final = "6"
ALL_SECURITIES: Final = "4"

_STATUSES: Final[Mapping[Phase, str]] = MappingProxyType(
    {
        "announced": "4",
        "collecting": "2",
        "call": "2",
        "continuous": "2",
        "halted": "1",
        "closed": "3",
        "cleared": "3",
        "published": "3",
        "cancelled": "3",
    }
)
"""TradSesStatus (340) of each phase."""


def security_list(board: Board, message: Message) -> Iterator[tuple[Field, ...]]:
    """Yield the bodies of SecurityList messages that answer a request."""
    listed = [*_securities(board)]
    if message.get(tags.SECURITY_LIST_REQUEST_TYPE) != ALL_SECURITIES:
        listed = [each for each in listed if each[0] == (tags.SYMBOL, message.get(tags.SYMBOL))]
    request_id = message.get(tags.SECURITY_REQ_ID)
    for number, start in enumerate(range(0, max(len(listed), 1), LISTED_AT_ONCE), 1):
        part = listed[start : start + LISTED_AT_ONCE]
        yield (
            (tags.SECURITY_REQ_ID, request_id),
            (tags.SECURITY_RESPONSE_ID, f"{request_id}-{number}"),
            (tags.TOT_NO_RELATED_SYM, str(len(listed))),
            (tags.SECURITY_REQUEST_RESULT, "0" if listed else "2"),
            (tags.LAST_FRAGMENT, "Y" if start + LISTED_AT_ONCE >= len(listed) else "N"),
            (tags.NO_RELATED_SYM, str(len(part))),
            *(field for security in part for field in security),
        )


def _securities(board: Board) -> Iterator[tuple[Field, ...]]:
    """Yield every listed instrument, once for each session that trades it, and every place of a network session."""
    traded = [(symbol, session_id) for session_id in sessions_on(board) for symbol in symbols_of(board, session_id)]
    for code, instrument in sorted(board.instruments.items()):
        sessions = [session_id for symbol, session_id in traded if symbol == code]
        for session_id in sessions or [""]:
            yield _security(code, session_id, instrument)
    for symbol, session_id in traded:
        if symbol not in board.instruments:
            yield _security(symbol, session_id, None)


def _security(symbol: str, session_id: str, instrument: Instrument | None) -> tuple[Field, ...]:
    about = [] if instrument is None else _about(instrument)
    session = [(tags.TRADING_SESSION_ID, session_id)] if session_id else []
    return ((tags.SYMBOL, symbol), *about, (tags.ROUND_LOT, "1"), *session)


def _about(instrument: Instrument) -> list[Field]:
    description = f"{instrument.product}, {instrument.delivery_basis} {instrument.plant}, {instrument.delivery_region}"
    tonnes = f"{instrument.lot_kg // 1000}.{instrument.lot_kg % 1000:03d}"
    return [(tags.SECURITY_DESC, description), (tags.ISSUER, instrument.plant), (tags.CONTRACT_MULTIPLIER, tonnes)]


def session_status(board: Board, message: Message) -> Iterator[tuple[Field, ...]]:
    """Yield the bodies of TradingSessionStatus messages that answer a request: one session, or all that are on."""
    request_id, named = message.get(tags.TRAD_SES_REQ_ID), message.get(tags.TRADING_SESSION_ID)
    if named and named not in board.sessions:
        yield (
            (tags.TEXT, "there is no such session"),
            (tags.TRAD_SES_REQ_ID, request_id),
            (tags.TRADING_SESSION_ID, named),
            (tags.TRAD_SES_STATUS, REQUEST_REJECTED),
        )
        return
    for session_id in (named,) if named else sessions_on(board):
        yield status(board.sessions[session_id].shown, request_id, unsolicited=False)


def status(shown: SessionShown, request_id: str, *, unsolicited: bool) -> tuple[Field, ...]:
    """Return the body of a TradingSessionStatus: the phase in FIX's own number and, as Text, in the venue's word."""
    return (
        (tags.TEXT, shown.phase),
        (tags.UNSOLICITED_INDICATOR, "Y" if unsolicited else "N"),
        (tags.TRAD_SES_REQ_ID, request_id),
        (tags.TRADING_SESSION_ID, shown.opened.session_id),
        (tags.TRAD_SES_METHOD, "1"),
        (tags.TRAD_SES_STATUS, _STATUSES[shown.phase]),
        (tags.TRAD_SES_START_TIME, times.written(shown.opened.opens_at_ns)),
        (tags.TRAD_SES_END_TIME, times.written(shown.opened.closes_at_ns)),
    )
