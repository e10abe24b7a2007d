"""The client for programs in an asyncio loop; it says and hears what `Client` does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from naryq.client import wire
from naryq.client.calls import Calls
from naryq.client.following import PATH, SILENCE_SECONDS, Following
from naryq.client.wire import Request
from naryq.messages import AnyCommand
from naryq.messages.routes import Taken
from naryq.messages.stream import Content, FromStream, Snapshot


class AsyncClient(Calls[Awaitable[Taken]]):
    """A venue at an address, as the holder of a key knows it; an asynchronous context manager.

    All that `Client` does, awaited; see there.
    """

    def __init__(self, address: str, key: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Know a venue, such as `http://127.0.0.1:8780`; nothing is sent yet."""
        headers = {"Authorization": f"Bearer {key}"}
        timeout = wire.READ_SECONDS
        self._http = httpx.AsyncClient(base_url=address, headers=headers, timeout=timeout, transport=transport)

    async def send(self, kind: type[AnyCommand], /, *, command_id: str | None = None, **fields: Any) -> Taken:
        """Send a command of `naryq.messages` with its fields; see `Client.send`."""
        command_id = command_id or wire.new_command_id()
        return wire.taken(*await self._answer(wire.request_of(kind, fields, command_id), command_id))

    async def get(self, path: str, answer: Any = Any, **parameters: Any) -> Any:
        """Ask a question of REST, and return the answer as the type given."""
        found = await self._answer(Request("GET", path, {}, None), None, parameters)
        return wire.read(*found, msgspec.json.Decoder(answer))

    async def pages(self, path: str, item: Any = Any, **parameters: Any) -> AsyncIterator[Any]:
        """Yield all items of a list that REST gives in pages."""
        cursor: str | None = ""
        while cursor is not None:
            found = await self.get(path, **parameters, **({"cursor": cursor} if cursor else {}))
            for each in msgspec.convert(found["items"], list[item]):
                yield each
            cursor = found["next_cursor"]

    async def stream(
        self, *channels: str, after: int | None = None, tries: int | None = None
    ) -> AsyncIterator[FromStream]:
        """Yield what happens on channels; see `Client.stream`."""
        following = Following(channels, after, tries)
        while True:
            async with aclosing(self._connection(following)) as messages:  # type: ignore[type-var]  # A generator.
                async for message in messages:
                    yield message
            await asyncio.sleep(following.pause_seconds())

    async def snapshot(self, channel: str) -> Content:
        """Return what a channel holds now."""
        async with aclosing(self.stream(channel, tries=wire.TRIES)) as messages:  # type: ignore[type-var]  # It is a generator.
            async for message in messages:
                if isinstance(message, Snapshot):
                    return message.content
        raise AssertionError("a stream ends only with a refusal")

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    # --- One request, and one connection ----------------------------------------------------------------------------

    async def _answer(
        self, request: Request, command_id: str | None, parameters: dict[str, Any] | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer, after as many tries as it takes."""
        patience = wire.Patience(command_id)
        while True:
            try:
                found = await self._http.request(
                    request.method, request.path, headers=request.headers, content=request.body, params=parameters
                )
            except httpx.TransportError as error:
                patience.failed(error)
            else:
                if patience.is_over(found.status_code, found.content):
                    return found.status_code, found.content
            await asyncio.sleep(patience.pause_seconds)

    async def _connection(self, following: Following) -> AsyncIterator[FromStream]:
        timeout = httpx.Timeout(wire.READ_SECONDS, read=SILENCE_SECONDS)
        try:
            async with self._http.stream("GET", PATH, params=following.query(), timeout=timeout) as response:
                if response.status_code in wire.BETWEEN_US:
                    return
                if response.status_code != httpx.codes.OK:
                    raise wire.refusal_in(response.status_code, await response.aread())
                async for piece in response.aiter_bytes():
                    for message in following.hear(piece):
                        yield message
                    if following.is_behind:
                        return
        except httpx.TransportError:
            return
