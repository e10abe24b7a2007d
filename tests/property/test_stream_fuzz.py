"""Whatever a reader sends: it is read or declined, and nobody else hears of it.

`NARYQ_STREAM_FUZZ` says how many inputs are tried; 200,000 take half a minute.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from starlette.requests import HTTPConnection
from tests.stream_samples import reader, trading_stage
from tests.stream_server import Doors, doors
from websockets.asyncio.client import connect

from naryq.gateways import stream
from naryq.messages import Code, DeclareHolidays, Refusal
from naryq.messages.stream import Declined, FromStream, Resumed, Snapshot, Subscribe, Unsubscribe

INPUTS = int(os.environ.get("NARYQ_STREAM_FUZZ", "20000"))
CHANNELS = ("venue", "own", "operator", "regulator", "market/day", "market/none", "own/aktau", "market/", "", "venue\n")
GOOD = (
    b'{"type":"Subscribe","channel":"market/day","after":12}',
    b'{"type":"Subscribe","channel":"venue"}',
    b'{"type":"Unsubscribe","channel":"own"}',
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    2**63,
    2**64,
    10**400,
    "",
    "venue",
    "\ud800",
    [],
    {},
    [[]],
    "a" * 5_000,
)
T = TypeVar("T")
_heard = msgspec.json.Decoder(FromStream)


def noise(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randint(0, 60))


def bent(draw: random.Random) -> bytes:
    """A good message with a few bytes changed, left out, doubled or put in."""
    text = bytearray(draw.choice(GOOD))
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(text) + 1)
        text[at : at + draw.randint(0, 3)] = draw.choice(
            (b"", b'"', b"{", b"}", b"\\u0000", b"\xff", draw.randbytes(2))
        )
    return bytes(text)


def made(draw: random.Random) -> bytes:
    """A message of the right form, with whatever values."""
    fields = {
        "type": draw.choice(("Subscribe", "Unsubscribe", "Snapshot", "", 5)),
        "channel": draw.choice((*CHANNELS, *CHANNELS, *VALUES)),
        "after": draw.choice((*VALUES, *range(20))),
        "more": 1,
    }
    kept = {name: value for name, value in fields.items() if draw.random() < (0.9 if name != "more" else 0.1)}
    try:
        return msgspec.json.encode(kept)
    except (OverflowError, UnicodeEncodeError):
        return repr(kept).encode("utf-8", "surrogatepass")


def deep(draw: random.Random) -> bytes:
    """Brackets within brackets, as deep as a message may be long."""
    return b'{"type":"Subscribe","channel":' + draw.choice((b"[", b'{"a":')) * draw.randint(1, 1_300)


MAKERS: tuple[Callable[[random.Random], bytes], ...] = (noise, bent, bent, made, made, made, deep)


def inputs(seed: int, count: int) -> Iterator[bytes | str]:
    draw = random.Random(seed)
    for _ in range(count):
        text = draw.choice(MAKERS)(draw)
        yield text if draw.random() < 0.5 else text.decode("utf-8", "replace")


def read(reading: Callable[[], T]) -> T | Refusal:
    """Return what is read, or why it is not."""
    try:
        return reading()
    except Refusal as refusal:
        return refusal


def test_every_input_is_read_or_declined() -> None:
    """Each input is a message or a refusal of two codes, and what a seller asks for is what a seller may see."""
    stage, found = trading_stage(), Counter[str]()
    bystander = reader(stage.hub, "press")
    for text in inputs(1, INPUTS):
        message = read(lambda: stream.heard(text))  # noqa: B023 - it is called at once
        if isinstance(message, Refusal):
            assert message.code in {Code.WRONG_TYPE, Code.TOO_LARGE}
            found["refused"] += 1
            continue
        one = reader(stage.hub, "zhanaozen", "seller")
        if isinstance(message, Subscribe):
            stage.hub.subscribe(one, message.channel, message.after)
            found[_kinds(one, message)] += 1
        else:
            assert isinstance(message, Unsubscribe)
            stage.hub.unsubscribe(one, message.channel)
            found["unsubscribed"] += 1
        stage.hub.leave(one)
        assert not one.audiences
    assert not bystander.take()
    assert list(stage.hub.readers) == [bystander]
    assert set(found) == {"refused", "unsubscribed", "Snapshot", "Resumed", "Declined"}, found


def _kinds(one: Any, asked: Subscribe) -> str:
    first, *_ = (_heard.decode(piece) for piece in one.take())
    assert isinstance(first, Snapshot | Resumed | Declined)
    is_his = asked.channel in {"venue", "own", "market/day"}
    assert isinstance(first, Snapshot | Resumed) == is_his
    return type(first).__name__


def test_every_address_is_read_or_refused() -> None:
    """Whatever stands behind the question mark and in the header, it is a list of subscriptions or a refusal."""
    draw, found = random.Random(2), Counter[str]()
    for _ in range(INPUTS // 4):
        names = draw.choices((b"channel", b"after", b"x", b""), k=draw.randint(0, 5))
        values = [draw.choice((b"venue", b"market%2Fday", b"12", b"", b"%ff", b"9" * 400, noise(draw))) for _ in names]
        query = b"&".join(name + b"=" + value for name, value in zip(names, values, strict=True))
        last = draw.choice((b"", b"", b"7", b"-1", b"9" * 30, noise(draw)))
        headers = [(b"last-event-id", last)] if draw.random() < 0.5 else []
        scope = {"type": "http", "query_string": query, "headers": headers, "path": stream.PATH}
        needed = draw.random() < 0.5
        asked = read(lambda: stream._asked(HTTPConnection(scope), needed=needed))  # noqa: B023 - as above
        if isinstance(asked, Refusal):
            assert asked.code in {Code.WRONG_TYPE, Code.EMPTY}
        else:
            assert all(each.after is None or 0 <= each.after < 2**63 for each in asked)
        found["refused" if isinstance(asked, Refusal) else "read"] += 1
    assert set(found) == {"refused", "read"}


def test_bytes_that_are_no_frames_end_their_connection_alone(tmp_path: Path) -> None:
    """Whoever speaks anything but WebSocket after the handshake is cut off; another reader hears on."""

    async def scenario() -> None:
        draw = random.Random(3)
        async with doors(tmp_path) as opened:
            headers = opened.authorization("press")
            async with connect(opened.socket_address + "?channel=venue", additional_headers=headers) as other:
                await other.recv()
                for _ in range(max(20, INPUTS // 1_000)):
                    await spoil(opened, draw)
                await opened.must(DeclareHolidays, "operator", year=2022, days=("2022-01-03",), source="a decree")
                assert "HolidaysDeclared" in str(await asyncio.wait_for(other.recv(), 10))

    asyncio.run(asyncio.wait_for(scenario(), 600))


async def spoil(opened: Doors, draw: random.Random) -> None:
    """Shake hands as a WebSocket, send noise, and wait until the venue has closed, or close where it waits for more."""
    listening, speaking = await asyncio.open_connection("127.0.0.1", opened.port)
    (key,) = opened.authorization("aktau").values()
    head = (
        f"GET {stream.PATH} HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Authorization: {key}\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    speaking.write(head.encode())
    assert b" 101 " in await listening.readuntil(b"\r\n\r\n")
    for _ in range(draw.randint(1, 5)):
        speaking.write(draw.randbytes(draw.randint(1, 200)))
    with suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(listening.read(), 0.05)
    speaking.close()
    with suppress(ConnectionError):
        await speaking.wait_closed()


def test_a_reader_that_trusts_its_input_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that lets other errors through is caught within the inputs tried by default."""

    class Trusting:
        def decode(self, text: Any) -> Any:
            fields = msgspec.json.decode(text)
            return Subscribe(fields["channel"], fields.get("after"))

    monkeypatch.setattr(stream, "_decoder", Trusting())
    with pytest.raises((KeyError, TypeError, AttributeError, AssertionError)):
        test_every_input_is_read_or_declined()
