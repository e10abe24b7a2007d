"""The web application: the routes of all gateways over one house, and what runs beside them while it is open."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from naryq.gateways import problems
from naryq.gateways.house import House
from naryq.messages import Code, Refusal

Service: TypeAlias = Callable[[House], AbstractAsyncContextManager[object]]
"""What runs in the loop beside the web server while the house is open, such as a FIX acceptor or the keeper."""
API: Final = "/v1/"


def application(house: House, routes: Sequence[BaseRoute], services: Sequence[Service] = ()) -> Starlette:
    """Return the application; the house is entered when it starts, and left when it ends."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        house.enter()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(house.leave)
            for service in services:
                await stack.enter_async_context(service(house))
            yield

    return Starlette(
        routes=[*_health(house), *routes],
        lifespan=lifespan,
        middleware=[Middleware(RawPaths)],
        exception_handlers={HTTPException: _nothing_here},  # type: ignore[dict-item]  # Starlette's own handlers say less
    )


class RawPaths:
    """Lets the routes under `/v1/` see the path as it was sent: in an identifier a slash is spelled %2F."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["path"].startswith(API):
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self.app(scope, receive, send)


async def _nothing_here(request: Request, error: HTTPException) -> Response:
    """Answer under `/v1/` with problem details where there is no such path or method; elsewhere in plain words."""
    if not request.url.path.startswith(API):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, error.headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        what = f"nothing is done here by {request.method}"
        refusal = Refusal(Code.NOT_SUPPORTED, what, where="method", remedy="See /v1/openapi.json.")
    else:
        refusal = Refusal(Code.NOT_FOUND, "there is no such path", where="path", remedy="See /v1/openapi.json.")
    return problems.response(refusal, status=error.status_code, headers=error.headers)


def _health(house: House) -> list[Route]:
    async def health(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready\n") if house.is_ready else PlainTextResponse("not ready\n", 503)

    return [Route("/health", health), Route("/ready", ready)]
