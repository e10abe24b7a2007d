"""The live stream at `/v1/stream`: a WebSocket, or server-sent events for whoever asks with GET.

Every connection is read from while it is written to: else the server would not see that its reader has gone, and a
signal to stop would wait for ever. A connection that is dropped while a write to it is stuck is left after a moment.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from naryq.gateways import problems
from naryq.gateways.application import Service, again_and_again
from naryq.gateways.house import House
from naryq.gateways.rest import entered
from naryq.gateways.rest_operations import address_of
from naryq.gateways.stream_hub import BAD_MESSAGES, NOT_WANTED, Hub, Reader
from naryq.messages import Code, Refusal, encode
from naryq.messages.stream import Sequence as Row
from naryq.messages.stream import Subscribe, ToStream, Unsubscribe
from naryq.showing import Viewer
from naryq.showing.snapshots import audience_of
from naryq.showing.viewer import viewer_of

PATH: Final = "/v1/stream"
BEAT_SECONDS: Final = 15
"""How often every reader hears that the stream is alive, and is asked whether it may still listen."""
GOODBYE_SECONDS: Final = 5
"""How long a reader that is dropped may take to hear why."""
MESSAGE_BYTES_MAX: Final = 4_096
BAD_MESSAGES_MOST: Final = 20
"""After so many messages that could not be read a WebSocket is closed."""
PAUSE_SECONDS: Final = 0.002
"""The least time between two messages of one reader: nobody keeps the loop busy with subscriptions."""
RETRY: Final = b"retry: 2000\n\n"
"""How soon a browser comes again by itself, in milliseconds."""

_decoder = msgspec.json.Decoder(ToStream)


def routes(house: House, hub: Hub) -> Sequence[BaseRoute]:
    """Return the two doors of the stream over a house whose rows the hub sees."""
    stream = _Stream(house, hub)
    house.figures.append(hub.figures)
    return [WebSocketRoute(PATH, stream.websocket), Route(PATH, stream.events)]


def service(hub: Hub, beat_seconds: float = BEAT_SECONDS) -> Service:
    """Return what makes the hub belong to the loop, and its heart beat."""

    @asynccontextmanager
    async def beating(_: House) -> AsyncIterator[None]:
        hub.enter()
        async with again_and_again(partial(_beat, hub), beat_seconds):
            try:
                yield
            finally:
                hub.close()

    return beating


async def _beat(hub: Hub) -> None:
    hub.beat()
    for reader in tuple(hub.readers):
        await reader.recheck()


def heard(text: str | bytes) -> Subscribe | Unsubscribe:
    """Read what a reader says.

    Raises:
        Refusal: TOO_LARGE or WRONG_TYPE.
    """
    remedy = "Send Subscribe or Unsubscribe with a channel: docs/reference/stream.md."
    if len(text) > MESSAGE_BYTES_MAX:
        raise Refusal(Code.TOO_LARGE, f"a message has at most {MESSAGE_BYTES_MAX} bytes", where="", remedy=remedy)
    try:
        found: Subscribe | Unsubscribe = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Refusal(Code.WRONG_TYPE, f"the message cannot be read ({error})", where="", remedy=remedy) from None
    return found


class _Stream:
    """Both doors over one house and one hub."""

    def __init__(self, house: House, hub: Hub) -> None:
        self._house, self._hub = house, hub

    async def _admitted(self, connection: HTTPConnection) -> Viewer:
        """Return who asks; refuses also a page of somebody else's that borrows the reader's credential."""
        origin = connection.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
            what, remedy = f"the stream is not for pages of {origin}", "Open it from the venue's own pages."
            raise Refusal(Code.NOT_PERMITTED, what, where="Origin", remedy=remedy)
        _, viewer = await entered(self._house, connection)
        return viewer

    def _refused(self, connection: HTTPConnection, refusal: Refusal, participant_id: str = "") -> Response:
        """Answer with a refusal, and write it down in the door's log."""
        what = f"{PATH}: {refusal.what}"
        self._house.access.audit.note(refusal.code, participant_id, "", address_of(connection), what)
        return problems.response(refusal)

    def _reader(self, viewer: Viewer, connection: HTTPConnection, form: Any) -> Reader:
        """Return a reader that goes when its credential or its role does."""

        async def recheck() -> None:
            header, address = connection.headers.get("authorization", ""), address_of(connection)
            try:
                principal = await self._house.access.principal(header, address)
            except Refusal as refusal:
                reader.drop(NOT_WANTED, refusal.what)
                return
            if viewer_of(self._house.state, principal.participant_id) != viewer:
                reader.drop(NOT_WANTED, "the role has changed")

        reader = Reader(viewer, form, recheck=recheck)
        return reader

    # --- WebSocket --------------------------------------------------------------------------------------------------

    async def websocket(self, socket: WebSocket) -> None:
        """Serve one WebSocket from its handshake to its end."""
        try:
            reader = self._reader(await self._admitted(socket), socket, "text")
            asked = _asked(socket)
        except Refusal as refusal:
            await socket.send_denial_response(self._refused(socket, refusal))
            return
        await socket.accept()
        try:
            if self._hub.join(reader):
                for each in asked:
                    self._hub.subscribe(reader, each.channel, each.after)
                await _first_to_end(self._listen(socket, reader), _speak(socket, reader), reader.gone.wait())
        finally:
            self._hub.leave(reader)
        if reader.dropped is not None:
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await socket.close(reader.dropped.code, reader.dropped.reason)

    async def _listen(self, socket: WebSocket, reader: Reader) -> None:
        bad = 0
        while (message := await socket.receive())["type"] == "websocket.receive":
            text = message.get("text")
            try:
                self._obey(socket, reader, heard(message.get("bytes") or b"" if text is None else text))
            except Refusal as refusal:
                self._hub.decline(reader, refusal)
                self._refused(socket, refusal, reader.viewer.participant_id)
                bad += 1
                if bad > BAD_MESSAGES_MOST:
                    reader.drop(BAD_MESSAGES, "too many messages could not be read")
            await asyncio.sleep(PAUSE_SECONDS)

    def _obey(self, socket: WebSocket, reader: Reader, message: Subscribe | Unsubscribe) -> None:
        if isinstance(message, Subscribe):
            refusal = self._hub.subscribe(reader, message.channel, message.after)
            if refusal is not None:
                self._refused(socket, refusal, reader.viewer.participant_id)
        else:
            self._hub.unsubscribe(reader, message.channel)

    # --- Server-sent events -----------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """Answer with a stream of events, or with why there is none."""
        try:
            viewer = await self._admitted(request)
            asked = _asked(request, needed=True)
            for each in asked:
                audience_of(self._hub.board, viewer, each.channel)
        except Refusal as refusal:
            return self._refused(request, refusal)
        return _Events(self._hub, self._reader(viewer, request, "event"), asked)


class _Events(Response):
    """A response that goes on until its reader goes or is dropped."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, reader: Reader, asked: Sequence[Subscribe]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._reader, self._asked = hub, reader, asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send(_body(RETRY))
        reader = self._reader
        try:
            if self._hub.join(reader):
                for each in self._asked:
                    self._hub.subscribe(reader, each.channel, each.after)
                self._hub.mark(reader)
                await _first_to_end(_until_gone(receive), self._speak(send), reader.gone.wait())
        finally:
            self._hub.leave(reader)
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                last = b"" if reader.dropped is None else b"data: %b\n\n" % encode(reader.dropped)
                await send(_body(last, more=False))

    async def _speak(self, send: Send) -> None:
        while pieces := await self._reader.next():
            await send(_body(b"".join(pieces)))  # type: ignore[arg-type]  # A reader of events has bytes only.


def _body(piece: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _speak(socket: WebSocket, reader: Reader) -> None:
    # Where the server has closed the connection by itself, as after a ping without an answer, it raises RuntimeError.
    with suppress(WebSocketDisconnect, RuntimeError):
        while pieces := await reader.next():
            for piece in pieces:
                assert isinstance(piece, str), "a reader of texts has texts only"
                await socket.send_text(piece)


async def _first_to_end(*ways: Awaitable[object]) -> None:
    """Go until one of them has ended, end the others, and raise what has gone wrong in any."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def _asked(connection: HTTPConnection, *, needed: bool = False) -> list[Subscribe]:
    """Read the channels of the address, and after which row each: one `after` for all, or as many as channels.

    A browser that comes again by itself says in `Last-Event-ID` up to where it knows all of them.

    Raises:
        Refusal: WRONG_TYPE; EMPTY where a channel is needed and none is named.
    """
    channels = connection.query_params.getlist("channel")
    after = [given or None for given in connection.query_params.getlist("after")]
    if needed and not channels:
        remedy = "Name one or more channels: ?channel=venue."
        raise Refusal(Code.EMPTY, "no channel is named", where="channel", remedy=remedy)
    after = after * len(channels) if len(after) == 1 else after or [None] * len(channels)
    try:
        known = msgspec.convert(connection.headers.get("last-event-id") or 0, Row, strict=False)
        pairs = zip(channels, after, strict=True)
        found = [msgspec.convert({"channel": name, "after": row}, Subscribe, strict=False) for name, row in pairs]
    except (msgspec.ValidationError, ValueError) as error:
        remedy = "Give ?channel=venue&after=NUMBER, with one `after` for all channels or one for each."
        raise Refusal(Code.WRONG_TYPE, f"the address cannot be read ({error})", where="query", remedy=remedy) from None
    return [Subscribe(each.channel, max(each.after or 0, known) or each.after) for each in found]
