"""What both clients say and hear, without any connection: requests from commands, answers from responses."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote
from uuid import uuid4

import msgspec

from naryq.messages import AnyCommand, Code, Refusal
from naryq.messages.routes import ROUTES, STAMP, CommandRoute, Taken

T = TypeVar("T")
TRIES: Final = 6
"""How often a request is sent before we give up: with the pauses between, for about six seconds."""
FIRST_PAUSE_SECONDS: Final = 0.2
READ_SECONDS: Final = 30
SAFE_TO_REPEAT: Final = (Code.BUSY, Code.STOPPED, Code.OUTCOME_UNKNOWN)
"""What the venue refuses without a row of the journal: the same request may be taken a moment later."""
BETWEEN_US: Final = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
"""What is answered by whatever stands between us and the venue while the venue is away."""

_ROUTE_OF: Final[Mapping[type, CommandRoute]] = MappingProxyType({route.kind: route for route in ROUTES})


class Request(NamedTuple):
    """One request: method, path, headers and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


class _Problem(msgspec.Struct):
    """The part of RFC 9457's problem details that makes a refusal; members that we do not know are left out."""

    code: str
    detail: str = ""
    where: str = ""
    remedy: str = ""


_problem = msgspec.json.Decoder(_Problem)
_taken = msgspec.json.Decoder(Taken)


def new_command_id() -> str:
    """Return an identifier that nobody has used."""
    return uuid4().hex


def request_of(kind: type[AnyCommand], fields: Mapping[str, Any], command_id: str) -> Request:
    """Return the request that sends a command; what the venue adds by itself is not named.

    Raises:
        Refusal: WRONG_TYPE where the fields are not those of the command.
    """
    stamp = dict.fromkeys(STAMP[1:], 0) | {"command_id": command_id, "actor": "me"}
    try:
        msgspec.convert({**fields, **stamp, "type": kind.__name__}, kind)
    except msgspec.ValidationError as error:
        remedy = f"See the fields of naryq.messages.{kind.__name__}."
        raise Refusal(Code.WRONG_TYPE, f"{kind.__name__} is malformed ({error})", where="", remedy=remedy) from None
    route = _ROUTE_OF[kind]
    path = route.path.format(**{name: quote(str(fields[name]), safe="") for name in route.in_path})
    body = {name: value for name, value in fields.items() if name not in route.in_path}
    headers = {"Idempotency-Key": command_id, "Content-Type": "application/json"}
    return Request(route.method, path, headers, msgspec.json.encode(body) if body else None)


def taken(status: int, body: bytes) -> Taken:
    """Read the answer to a command; raises the `Refusal` that it holds."""
    return read(status, body, _taken)


def read(status: int, body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Read an answer.

    Raises:
        Refusal: the one that the answer holds; UNREADABLE where it is no answer of a venue.
    """
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal_in(status, body)
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise _unreadable(f"the answer cannot be read ({error})") from None


def refusal_in(status: int, body: bytes) -> Refusal:
    """Return the refusal that an answer with an error's status holds."""
    try:
        found = _problem.decode(body)
        return Refusal(Code(found.code), found.detail, where=found.where, remedy=found.remedy)
    except (msgspec.MsgspecError, ValueError):
        return _unreadable(f"the answer has the status {status} and no code that we know")


class Patience:
    """How often one request is sent, and whether it may have been taken although no answer said so."""

    def __init__(self, command_id: str | None) -> None:
        """Begin with the first try; a question has no command_id."""
        self._command_id = command_id
        self._tries = 0
        self._doubt = ""

    @property
    def pause_seconds(self) -> float:
        """How long to wait before the next try."""
        return FIRST_PAUSE_SECONDS * 2.0 ** (self._tries - 1)

    def is_over(self, status: int, body: bytes) -> bool:
        """Say whether an answer stands; false lets the same request be sent again.

        Raises:
            Refusal: OUTCOME_UNKNOWN where the last answer denies the command, but an earlier try may have been taken.
        """
        code = None if status < HTTPStatus.BAD_REQUEST else refusal_in(status, body).code
        is_between_us = code == Code.UNREADABLE and status in BETWEEN_US
        if code not in SAFE_TO_REPEAT and not is_between_us:
            return True
        if code == Code.OUTCOME_UNKNOWN or is_between_us:
            self._doubt = self._doubt or f"the status {status}"
        self._tries += 1
        if self._tries == TRIES and self._doubt and self._command_id is not None:
            raise self._refusal()
        return self._tries == TRIES

    def failed(self, error: Exception) -> None:
        """Let the request be sent again after it had no answer.

        Raises:
            Refusal: OUTCOME_UNKNOWN, or STOPPED for a question, when it has been sent often enough.
        """
        self._doubt = f"{type(error).__name__}: {error}"
        self._tries += 1
        if self._tries == TRIES:
            raise self._refusal()

    def _refusal(self) -> Refusal:
        what = f"the venue did not answer ({self._doubt})"
        if self._command_id is None:
            return Refusal(Code.STOPPED, what, where="", remedy="Ask again when it can be reached.")
        remedy = "Send the same command with the same command_id: it takes effect once."
        return Refusal(Code.OUTCOME_UNKNOWN, what, where=f"command_id {self._command_id}", remedy=remedy)


def _unreadable(what: str) -> Refusal:
    return Refusal(Code.UNREADABLE, what, where="", remedy="Check the address: is a venue there, of this version?")
