"""The web application: the routes of all gateways over one house, and what runs beside them while it is open."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final, TypeAlias

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from naryq.gateways import problems
from naryq.gateways.house import House
from naryq.messages import Code, Refusal

Service: TypeAlias = Callable[[House], AbstractAsyncContextManager[object]]
"""What runs in the loop beside the web server while the house is open, such as a FIX acceptor or the keeper."""
API: Final = "/v1/"
HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
"""What every answer says, unless its route says something else."""
HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


@asynccontextmanager
async def again_and_again(work: Callable[[], Awaitable[object]], seconds: float) -> AsyncIterator[None]:
    """Do a work, wait so many seconds, and do it again, while the house is open; a work that fails ends that."""

    async def run() -> None:
        while True:
            await work()
            await asyncio.sleep(seconds)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def application(
    house: House,
    routes: Sequence[BaseRoute],
    services: Sequence[Service] = (),
    *,
    names: Sequence[str] = ("*",),
    is_encrypted: bool = False,
) -> Starlette:
    """Return the application; the house is entered when it starts, and left when it ends.

    `names` are those under which it may be asked: a page of somebody else's that has made its own name lead to this
    machine gets nothing. `is_encrypted` tells browsers never to come without TLS again.
    """

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
        middleware=[
            Middleware(Guard, is_encrypted=is_encrypted),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(names), www_redirect=False),
        ],
        exception_handlers={HTTPException: _nothing_here},  # type: ignore[dict-item]  # Starlette's own handlers say less
    )


class Guard:
    """Adds the headers that tell a browser to be careful, and lets `/v1/` see paths as they were sent.

    Under `/v1/` a slash in an identifier is spelled %2F. A route that says something else of its own is left to it.
    """

    def __init__(self, app: ASGIApp, *, is_encrypted: bool) -> None:
        """Stand before an application."""
        self.app = app
        self._headers = [*HEADERS, HSTS] if is_encrypted else [*HEADERS]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["path"].startswith(API):
            scope["path"] = scope["raw_path"].decode("latin-1")

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in self._headers if each[0] not in said)]
            await send(message)

        await self.app(scope, receive, guarded)


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
