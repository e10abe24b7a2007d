"""The web application: the routes of all gateways over one house, and what runs beside them while it is open."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from naryq.gateways.house import House

Service: TypeAlias = Callable[[House], AbstractAsyncContextManager[object]]
"""What runs in the loop beside the web server while the house is open, such as a FIX acceptor or the keeper."""


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

    return Starlette(routes=[*_health(house), *routes], lifespan=lifespan)


def _health(house: House) -> list[Route]:
    async def health(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready\n") if house.is_ready else PlainTextResponse("not ready\n", 503)

    return [Route("/health", health), Route("/ready", ready)]
