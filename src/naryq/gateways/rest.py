"""REST under `/v1`: every command of the venue and every question about it, in JSON."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from naryq.access import Principal
from naryq.gateways import problems, rest_openapi
from naryq.gateways.house import House
from naryq.gateways.rest_access import access
from naryq.gateways.rest_batches import batches
from naryq.gateways.rest_commands import commands
from naryq.gateways.rest_operations import Asked, Operation, address_of
from naryq.gateways.rest_queries import queries
from naryq.messages import Code, Refusal, Role
from naryq.showing import Viewer
from naryq.showing.viewer import viewer_of

OPERATIONS: Final = (*commands(), *batches(), *queries(), *access())
"""All that REST can do, except for giving its own description."""
NOBODY: Final = Principal("", "", "")
PASSER_BY: Final = Viewer("", "observer")
"""Who asks what anybody may ask."""
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(house: House) -> Sequence[BaseRoute]:
    """Return the routes of REST over a house, one a path."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = _endpoint(house, operation)
    return [
        *(_route(path, methods) for path, methods in by_path.items()),
        Route(rest_openapi.PATH, rest_openapi.endpoint(OPERATIONS)),
        Route("/metrics", _metrics(house)),
    ]


async def entered(house: House, request: HTTPConnection) -> tuple[Principal, Viewer]:
    """Return who asks.

    Raises:
        Refusal: NOT_AUTHENTICATED, LOCKED_OUT or UNKNOWN_PARTICIPANT for whom we do not know, TOO_MANY_REQUESTS.
    """
    access = house.access
    principal = await access.principal(request.headers.get("authorization", ""), address_of(request))
    access.rates.check(principal.participant_id)
    viewer = viewer_of(house.state, principal.participant_id)
    if viewer is None:
        what = f"nobody is admitted as {principal.participant_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="Authorization", remedy="Ask the operator for admission.")
    return principal, viewer


def _endpoint(house: House, operation: Operation) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        principal = NOBODY
        try:
            if operation.is_public:
                return await operation.act(Asked(house, NOBODY, PASSER_BY, request))
            principal, viewer = await entered(house, request)
            _check_may(operation, principal, viewer)
            return await operation.act(Asked(house, principal, viewer, request))
        except Refusal as refusal:
            what = f"{request.method} {operation.path}: {refusal.what}"
            participant_id, person = principal.participant_id, principal.person
            house.access.audit.note(refusal.code, participant_id, person, address_of(request), what)
            return problems.response(refusal)

    return endpoint


def _metrics(house: House) -> Endpoint:
    """Return what gives the engine's figures, in the text format of Prometheus, to the operator's keys alone."""

    async def metrics(request: Request) -> Response:
        try:
            _, viewer = await entered(house, request)
            _check_role(("operator",), viewer)
        except Refusal as refusal:
            return problems.response(refusal)
        return Response(await house.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return metrics


def _check_may(operation: Operation, principal: Principal, viewer: Viewer) -> None:
    """Refuse (NOT_PERMITTED) who is in the wrong role, and a key that only reads where something is done."""
    if principal.reads_only and operation.method != "GET":
        what, remedy = "this key only reads", "Use a key that was not made with `reads_only`."
        raise Refusal(Code.NOT_PERMITTED, what, where="Authorization", remedy=remedy)
    _check_role(operation.roles, viewer)


def _check_role(roles: Sequence[Role], viewer: Viewer) -> None:
    if viewer.role not in roles:
        what = f"{viewer.participant_id!r} acts as {viewer.role} and may not ask for this"
        remedy = f"Only {' or '.join(roles)} may."
        raise Refusal(Code.NOT_PERMITTED, what, where="Authorization", remedy=remedy)


def _route(path: str, methods: dict[str, Endpoint]) -> Route:
    async def dispatch(request: Request) -> Response:
        return await methods["GET" if request.method == "HEAD" else request.method](request)

    return Route(_spelled(path), dispatch, methods=[*methods])


# --- Names in paths -----------------------------------------------------------------------------------------------


class _NameConvertor(Convertor[str]):
    """An identifier in a path, which may have a slash in it that is spelled %2F: the router sees the raw path."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """Return the identifier."""
        return unquote(value)

    def to_string(self, value: str) -> str:
        """Refuse: no path is made of names here."""
        raise NotImplementedError


register_url_convertor("name", _NameConvertor())


def _spelled(path: str) -> str:
    return path.replace("}", ":name}")
