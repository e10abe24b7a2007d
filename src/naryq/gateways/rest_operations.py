"""What an operation of REST is: its path, what it takes and gives, who may ask it, and what answers it."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from naryq.access import Principal
from naryq.engine import NOT_KEPT, Answer
from naryq.gateways import problems
from naryq.gateways.house import House
from naryq.messages import Code, Name, Refusal, Refused, Role
from naryq.messages.routes import Taken
from naryq.showing import Viewer, answers

BODY_BYTES_MAX: Final = 1_000_000
JSON: Final = "application/json"
CSV: Final = "text/csv"
ROLES: Final[tuple[Role, ...]] = get_args(Role)


class Asked(NamedTuple):
    """A request of somebody whom we know."""

    house: House
    principal: Principal
    viewer: Viewer
    request: Request

    @property
    def path(self) -> Mapping[str, str]:
        """What the path names."""
        return self.request.path_params

    @property
    def at_ns(self) -> int:
        """The time of the venue."""
        return self.house.now_ns()


Act: TypeAlias = Callable[[Asked], Awaitable[Response]]


class Parameter(NamedTuple):
    """A parameter of the query: its name, type, and what it does."""

    name: str
    type: Any
    says: str


class Operation(NamedTuple):
    """One method on one path."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    name: str
    says: str
    act: Act
    result: Any
    body: Any = None
    media: str = JSON
    status: int = HTTPStatus.OK
    parameters: tuple[Parameter, ...] = ()
    is_keyed: bool = False
    """Whether it wants an idempotency key."""
    roles: tuple[Role, ...] = ROLES
    """Who may ask; of commands the venue itself decides, and says so in its refusal."""
    is_public: bool = False
    """Whether anybody may ask, known or not."""


def json(value: object, status: int = HTTPStatus.OK) -> Response:
    """Answer with a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def answered(viewer: Viewer, answer: Answer) -> Response:
    """Answer with what became of a command; raises the refusal that stands in no journal row, as the door's own."""
    first = answer.events[0]
    if not isinstance(first, Refused):
        return json(Taken(answer.sequence, answer.repeated, answers.told(viewer, answer.events)))
    if answer.sequence == NOT_KEPT:
        raise Refusal(first.code, first.what, where=first.where, remedy=first.remedy)
    return problems.response(first, answer.sequence)


def address_of(request: HTTPConnection) -> str:
    """Return from where a request comes, as far as we see."""
    return request.client.host if request.client else ""


async def body_of(request: Request) -> bytes:
    """Read the body up to its limit (TOO_LARGE), so that nobody fills our memory."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > BODY_BYTES_MAX:
            what = f"the body has more than {BODY_BYTES_MAX:,} bytes"
            raise Refusal(Code.TOO_LARGE, what, where="body", remedy="Send it in parts.")
    return bytes(read)


def idempotency_key(request: Request) -> str:
    """Return the request's identifier of its sender's choosing; refuses (COLUMN_MISSING, WRONG_TYPE) what is none."""
    key = request.headers.get("idempotency-key")
    remedy = "Send an identifier of your own, such as a UUID, and the same one again when you repeat the request."
    if key is None:
        what = "the header Idempotency-Key is missing"
        raise Refusal(Code.COLUMN_MISSING, what, where="Idempotency-Key", remedy=remedy)
    try:
        return msgspec.convert(key, Name)
    except msgspec.ValidationError as error:
        what = f"the header Idempotency-Key is no identifier ({error})"
        raise Refusal(Code.WRONG_TYPE, what, where="Idempotency-Key", remedy=remedy) from None


def malformed(error: Exception) -> Refusal:
    """Return the refusal of a body that is not what the operation takes."""
    remedy = "Send the fields, types and ranges of /v1/openapi.json."
    return Refusal(Code.WRONG_TYPE, f"the body is malformed ({error})", where="body", remedy=remedy)


MALFORMED: Final = (msgspec.MsgspecError, RecursionError, UnicodeError)
"""What reading a body may end in."""
