"""The client for programs that do one thing at a time."""

import time
from collections.abc import Iterator
from contextlib import closing
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


class Client(Calls[Taken]):
    """A venue at an address, as the holder of a key knows it; a context manager.

    A command is sent again under the same identifier when no answer came or the venue was busy, so that it takes
    effect once. `naryq.Refusal` is raised for whatever is refused.
    """

    def __init__(self, address: str, key: str, *, transport: httpx.BaseTransport | None = None) -> None:
        """Know a venue, such as `http://127.0.0.1:8780`; nothing is sent yet."""
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=address, headers=headers, timeout=wire.READ_SECONDS, transport=transport)

    def send(self, kind: type[AnyCommand], /, *, command_id: str | None = None, **fields: Any) -> Taken:
        """Send a command of `naryq.messages` with its fields; without `command_id` it gets one of its own.

        Raises:
            Refusal: why it was not taken; OUTCOME_UNKNOWN when no answer came, with the command_id to repeat it.
        """
        command_id = command_id or wire.new_command_id()
        return wire.taken(*self._answer(wire.request_of(kind, fields, command_id), command_id))

    def get(self, path: str, answer: Any = Any, **parameters: Any) -> Any:
        """Ask a question of REST, and return the answer as the type given."""
        return wire.read(*self._answer(Request("GET", path, {}, None), None, parameters), msgspec.json.Decoder(answer))

    def pages(self, path: str, item: Any = Any, **parameters: Any) -> Iterator[Any]:
        """Yield all items of a list that REST gives in pages."""
        cursor: str | None = ""
        while cursor is not None:
            found = self.get(path, **parameters, **({"cursor": cursor} if cursor else {}))
            yield from msgspec.convert(found["items"], list[item])
            cursor = found["next_cursor"]

    def stream(self, *channels: str, after: int | None = None, tries: int | None = None) -> Iterator[FromStream]:
        """Yield what happens on channels, from snapshots on or behind a row; a connection that fails is made anew.

        Each message comes once and with nothing missing before it. The iteration ends only with a refusal, which says
        with `tries` also that so many connections in a row have brought nothing.
        """
        following = Following(channels, after, tries)
        while True:
            yield from self._connection(following)
            time.sleep(following.pause_seconds())

    def snapshot(self, channel: str) -> Content:
        """Return what a channel holds now."""
        with closing(self.stream(channel, tries=wire.TRIES)) as messages:  # type: ignore[type-var]  # It is a generator.
            return next(message.content for message in messages if isinstance(message, Snapshot))

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- One request, and one connection ----------------------------------------------------------------------------

    def _answer(
        self, request: Request, command_id: str | None, parameters: dict[str, Any] | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer, after as many tries as it takes."""
        patience = wire.Patience(command_id)
        while True:
            try:
                found = self._http.request(
                    request.method, request.path, headers=request.headers, content=request.body, params=parameters
                )
            except httpx.TransportError as error:
                patience.failed(error)
            else:
                if patience.is_over(found.status_code, found.content):
                    return found.status_code, found.content
            time.sleep(patience.pause_seconds)

    def _connection(self, following: Following) -> Iterator[FromStream]:
        timeout = httpx.Timeout(wire.READ_SECONDS, read=SILENCE_SECONDS)
        try:
            with self._http.stream("GET", PATH, params=following.query(), timeout=timeout) as response:
                if response.status_code in wire.BETWEEN_US:
                    return
                if response.status_code != httpx.codes.OK:
                    raise wire.refusal_in(response.status_code, response.read())
                for piece in response.iter_bytes():
                    yield from following.hear(piece)
                    if following.is_behind:
                        return
        except httpx.TransportError:
            return
