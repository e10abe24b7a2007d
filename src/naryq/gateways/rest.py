"""REST under `/v1`: every command of the venue and every question about it, in JSON."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from naryq.access import Principal
from naryq.engine import Answer
from naryq.gateways import problems
from naryq.gateways.house import House
from naryq.gateways.rest_routes import ROUTES, CommandRoute, Maker, Reader, reader
from naryq.messages import AnyEvent, Code, Refusal, Refused
from naryq.showing import Viewer, answers
from naryq.showing.instruments import instruments
from naryq.showing.viewer import viewer_of

BODY_BYTES_MAX: Final = 1_000_000
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Query: TypeAlias = Callable[[House, Viewer, Request], object]


class Taken(msgspec.Struct, frozen=True):
    """A command was taken: the journal row in which it stands, and what it has caused that is its sender's to see."""

    sequence: int
    repeated: bool
    events: tuple[AnyEvent, ...]


def routes(house: House) -> Sequence[BaseRoute]:
    """Return the routes of REST over a house."""
    return [
        *(Route(route.path, _handler(_command(house, route)), methods=[route.method]) for route in ROUTES),
        Route("/v1/instruments", _handler(_query(house, lambda house, viewer, _: instruments(house.state, viewer)))),
    ]


def _handler(act: Handler) -> Handler:
    """Answer with problem details what `act` refuses."""

    async def handle(request: Request) -> Response:
        try:
            return await act(request)
        except Refusal as refusal:
            return problems.response(refusal)

    return handle


def _command(house: House, route: CommandRoute) -> Handler:
    read = reader(route)

    async def act(request: Request) -> Response:
        principal, viewer = await entered(house, request)
        body = await _body(request)
        command_id = _idempotency_key(request)
        command = _read(read, body, request.path_params)(command_id, principal.participant_id, house.now_ns())
        return _answered(viewer, await house.submit(command))

    return act


def _query(house: House, query: Query) -> Handler:
    async def act(request: Request) -> Response:
        _, viewer = await entered(house, request)
        return json(query(house, viewer, request))

    return act


async def entered(house: House, request: Request) -> tuple[Principal, Viewer]:
    """Return who asks; refuses (NOT_AUTHENTICATED, UNKNOWN_PARTICIPANT) whom we do not know."""
    principal = await house.access.principal(request.headers.get("authorization", ""))
    viewer = viewer_of(house.state, principal.participant_id)
    if viewer is None:
        what = f"nobody is admitted as {principal.participant_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="Authorization", remedy="Ask the operator for admission.")
    return principal, viewer


def json(value: object, status: int = HTTPStatus.OK) -> Response:
    """Answer with a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _answered(viewer: Viewer, answer: Answer) -> Response:
    first = answer.events[0]
    if isinstance(first, Refused):
        return problems.response(first, answer.sequence)
    return json(Taken(answer.sequence, answer.repeated, answers.told(viewer, answer.events)))


async def _body(request: Request) -> bytes:
    """Read the body up to its limit, so that nobody fills our memory."""
    read = bytearray()
    async for piece in request.stream():
        read += piece
        if len(read) > BODY_BYTES_MAX:
            what = f"the body has more than {BODY_BYTES_MAX:,} bytes"
            raise Refusal(Code.TOO_LARGE, what, where="body", remedy="Send it in parts.")
    return bytes(read)


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("idempotency-key")
    if key is None:
        what = "the header Idempotency-Key is missing"
        remedy = "Send an identifier of your own, such as a UUID, and the same one again when you repeat the request."
        raise Refusal(Code.COLUMN_MISSING, what, where="Idempotency-Key", remedy=remedy)
    return key


def _read(read: Reader, body: bytes, in_path: Mapping[str, str]) -> Maker:
    try:
        return read(body, in_path)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        what = f"the body is malformed ({error})"
        remedy = "Send the fields, types and ranges of /v1/openapi.json."
        raise Refusal(Code.WRONG_TYPE, what, where="body", remedy=remedy) from None
