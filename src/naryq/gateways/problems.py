"""Refusals as problem details (RFC 9457), and the one table that says which status each code has."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import msgspec
from starlette.responses import Response

from naryq.messages import Code, Refusal, Refused

MEDIA_TYPE: Final = "application/problem+json"
TYPES: Final = "https://naryq.example/problems/"
"""Where each code has its page; the page of refusals in the documentation says the same."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal as every client reads it: RFC 9457's members, and beside them the parts of a refusal of the venue."""

    type: str
    title: str
    status: int
    detail: str
    code: Code
    where: str
    remedy: str
    sequence: int | None = None
    """The journal row in which the refusal stands; null where it stands in none."""


_GROUPS: Final[Mapping[HTTPStatus, tuple[Code, ...]]] = MappingProxyType({
    HTTPStatus.BAD_REQUEST: (
        Code.UNREADABLE, Code.EMPTY, Code.COLUMN_MISSING, Code.COLUMN_UNKNOWN, Code.WRONG_TYPE, Code.UNKNOWN_OPTION,
        Code.TIME_AHEAD, Code.DUPLICATE_ID,
    ),
    HTTPStatus.UNAUTHORIZED: (Code.NOT_AUTHENTICATED,),
    HTTPStatus.FORBIDDEN: (
        Code.NOT_PERMITTED, Code.UNKNOWN_PARTICIPANT, Code.SUSPENDED, Code.EXCLUDED, Code.FOUR_EYES,
    ),
    HTTPStatus.NOT_FOUND: (
        Code.NOT_FOUND, Code.UNKNOWN_SESSION, Code.UNKNOWN_ORDER, Code.UNKNOWN_INSTRUMENT, Code.UNKNOWN_OBLIGATION,
        Code.UNKNOWN_PROPOSAL, Code.UNKNOWN_FLAG, Code.UNKNOWN_CLAIM,
    ),
    HTTPStatus.CONFLICT: (
        Code.ALREADY_EXISTS, Code.COMMAND_ID_REUSED, Code.WRONG_PHASE, Code.TIME_BACKWARD, Code.TRADING_STOPPED,
        Code.NOT_STOPPED, Code.STILL_HALTED, Code.NOT_ASSESSED, Code.NOT_PAID, Code.NOT_DUE, Code.OUTSIDE_WINDOW,
        Code.NO_RULEBOOK, Code.NO_PRICE, Code.INSUFFICIENT_FUNDS, Code.INSUFFICIENT_GUARANTEE, Code.FUND_EXHAUSTED,
        Code.NOTHING_TO_CLAIM, Code.BATCH_REFUSED,
        Code.SECOND_PERSON, Code.SWITCHED_OFF,
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (Code.TOO_LARGE,),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        Code.OUT_OF_RANGE, Code.UNKNOWN_PLACE, Code.UNKNOWN_SIDE, Code.SELF_LOOP, Code.OVERFLOW, Code.NOT_SUPPORTED,
        Code.RULE_INVALID, Code.RULE_UNKNOWN, Code.RULE_MISSING, Code.CREDENTIAL_MISSING, Code.OUTSIDE_REGION,
        Code.PRICE_ABOVE_COLLAR, Code.PRICE_BELOW_COLLAR, Code.PRICE_ABOVE_HOLD, Code.PRICE_ABOVE_PARITY,
        Code.TOO_MANY_LOTS, Code.TOO_MUCH_VALUE, Code.BATCH_TOO_SMALL, Code.BATCH_TOO_LARGE, Code.OUTSIDE_CALENDAR,
        Code.WORDS_MISSING,
    ),
    HTTPStatus.TOO_MANY_REQUESTS: (Code.TOO_FAST, Code.TOO_MANY_REQUESTS, Code.LOCKED_OUT),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        Code.JOURNAL_DAMAGED, Code.JOURNAL_LOCKED, Code.SNAPSHOT_DIFFERS, Code.BUSY, Code.STOPPED, Code.OUTCOME_UNKNOWN,
    ),
})  # fmt: skip
STATUS: Final = MappingProxyType({code: status for status, codes in _GROUPS.items() for code in codes})
"""The status of each code of the closed list."""


def problem(refused: Refused | Refusal, sequence: int | None = None, status: int | None = None) -> Problem:
    """Return a refusal as problem details; the table says the status where nothing else is given."""
    return Problem(
        type=f"{TYPES}{refused.code}",
        title=refused.code.replace("_", " "),
        status=STATUS[refused.code] if status is None else status,
        detail=refused.what,
        code=refused.code,
        where=refused.where,
        remedy=refused.remedy,
        sequence=sequence or None,
    )


def response(
    refused: Refused | Refusal,
    sequence: int | None = None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer a request with a refusal."""
    told = problem(refused, sequence, status)
    challenge = {"WWW-Authenticate": "Bearer"} if told.status == HTTPStatus.UNAUTHORIZED else {}
    return Response(msgspec.json.encode(told), told.status, {**challenge, **(headers or {})}, MEDIA_TYPE)
