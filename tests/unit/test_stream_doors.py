"""The stream's two doors over a real server: who may enter, what is said, and how it ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, get_args

import httpx
import msgspec
import pytest
from tests.stream_server import SMALL, Doors, doors
from tests.trading_samples import bid, offer
from tests.venue_samples import PEOPLE
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from naryq.gateways import stream
from naryq.gateways.stream_hub import BAD_MESSAGES, NOT_WANTED, TOO_MANY, TOO_SLOW, Hub
from naryq.journal.memory import MemoryJournal
from naryq.messages import Code, OrderAccepted, Refusal, Role, SubmitOrder
from naryq.messages.stream import Beat, Declined, FromStream, LevelChanged, Resumed, Snapshot, Update

_heard = msgspec.json.Decoder(FromStream)
ROLES: tuple[str, ...] = get_args(Role)
SOMEONE = {role: person for person, role in reversed(PEOPLE.items())}
CHANNELS = ("venue", "market/day", "own", "operator", "regulator")
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "stream.md"
ROWS = [line.split("|")[1:-1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
HEAD = next(row for row in ROWS if row[0].strip() == "channel")
MATRIX = {
    (row[0].strip(" `").replace("SESSION", "day"), role.strip())
    for row in ROWS[ROWS.index(HEAD) + 1 :][: len(CHANNELS)]
    for role, mark in zip(HEAD[2:], row[2:], strict=True)
    if mark.strip() == "x"
}
"""Who may look where, as the page says it."""
T = TypeVar("T")


def played(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 60))


@asynccontextmanager
async def listening(opened: Doors, person: str, query: str = "") -> AsyncIterator[ClientConnection]:
    address = opened.socket_address + query
    async with connect(address, additional_headers=opened.authorization(person), compression=None) as line:
        yield line


async def slow_one(opened: Doors) -> ClientConnection:
    """Connect over a socket that holds next to nothing, subscribe, and read no more."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    plain.setblocking(False)  # noqa: FBT003 - the name of the method says what it sets
    await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", opened.port))
    headers = opened.authorization("aktau")
    slow = await connect(opened.socket_address, sock=plain, additional_headers=headers, compression=None)
    assert isinstance(await subscribe(slow, "market/day"), Snapshot)
    slow.transport.pause_reading()
    return slow


async def until_dropped(opened: Doors) -> int:
    """Send orders until the reader of aktau is dropped, and return the last row."""
    (stuck,) = (each for each in opened.hub.readers if each.viewer.participant_id == "aktau")
    stuck._most = 10_000
    last = sent = 0
    while stuck in opened.hub.readers:
        sent += 1
        answer = await opened.give(SubmitOrder, "zhanaozen", **offer(f"o{sent}", 90_000 + sent % 50, 1))
        last = answer.sequence
    return last


async def hear(line: ClientConnection) -> FromStream:
    return _heard.decode(await asyncio.wait_for(line.recv(), 10))  # type: ignore[no-any-return]


async def close_code(line: ClientConnection, saying: str | None = None) -> int:
    """Hear all until the connection is closed, saying the same thing again and again if anything; return its code."""
    with suppress(ConnectionClosed):
        while True:
            if saying is not None:
                await line.send(saying)
            await hear(line)
    assert line.close_code is not None
    return line.close_code


async def subscribe(line: ClientConnection, channel: str, after: int | None = None) -> FromStream:
    await line.send(msgspec.json.encode({"type": "Subscribe", "channel": channel, "after": after}).decode())
    return await hear(line)


def test_the_page_has_every_channel_and_every_role() -> None:
    """The page names each channel and each role, and lets every channel be seen by somebody."""
    assert {channel for channel, _ in MATRIX} == set(CHANNELS)
    assert [role.strip() for role in HEAD[2:]] == list(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_its_channels(tmp_path: Path, role: str) -> None:
    """Each role is given the channels that the page marks, at both doors, and no other."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened, listening(opened, SOMEONE[role]) as line:
            for channel in CHANNELS:
                answer = await subscribe(line, channel)
                status = await event_status(opened, SOMEONE[role], channel)
                if (channel, role) in MATRIX:
                    assert isinstance(answer, Snapshot)
                    assert (answer.channel, status) == (channel, 200)
                else:
                    assert isinstance(answer, Declined)
                    assert (answer.refused.code, status) == (Code.NOT_PERMITTED, 403)

    played(scenario)


async def event_status(opened: Doors, person: str, channel: str) -> int:
    headers = opened.authorization(person)
    async with (
        httpx.AsyncClient(headers=headers) as client,
        client.stream("GET", opened.address + stream.PATH, params={"channel": channel}) as response,
    ):
        return response.status_code


def test_nobody_enters_without_a_credential(tmp_path: Path) -> None:
    """Without a key, with a wrong one, or from a page of somebody else, neither door opens."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            foreign = opened.authorization("press") | {"Origin": "https://elsewhere.example"}
            for headers, status in (({}, 401), ({"Authorization": "Bearer naryq_no"}, 401), (foreign, 403)):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(opened.socket_address, additional_headers=headers)
                assert refused.value.response.status_code == status
                async with httpx.AsyncClient(headers=headers) as client:
                    answer = await client.get(opened.address + stream.PATH, params={"channel": "venue"})
                assert answer.status_code == status
                assert answer.headers["content-type"] == "application/problem+json"

    played(scenario)


def test_an_order_is_heard_by_its_owner_and_as_a_level_by_all(tmp_path: Path) -> None:
    """The owner is told of the order; everybody else of the level only."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            query = "?channel=own&channel=market/day"
            async with listening(opened, "zhanaozen", query) as owner, listening(opened, "press", query) as other:
                for line in (owner, other):
                    assert [type(await hear(line)) for _ in range(2)] == [Snapshot, Snapshot]
                await opened.must(SubmitOrder, "zhanaozen", **offer("mine", 90_000, 5))
                heard = [await hear(owner) for _ in range(2)]
                assert {each.channel for each in heard if isinstance(each, Update)} == {"own", "market/day"}
                (own,) = (each for each in heard if isinstance(each, Update) and each.channel == "own")
                assert isinstance(own.events[0], OrderAccepted)
                level = await hear(other)
                assert isinstance(level, Update)
                assert level.events == (LevelChanged("day", "sell", 90_000, 5, 1),)

    played(scenario)


async def events_of(opened: Doors, person: str, count: int, **more: Any) -> tuple[list[FromStream], str]:
    """Read so many messages of server-sent events; return them, and the last identifier that was given."""
    found: list[FromStream] = []
    last = ""
    async with (
        httpx.AsyncClient(headers=opened.authorization(person) | more.pop("headers", {})) as client,
        client.stream("GET", opened.address + stream.PATH, params=more) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                found.append(_heard.decode(line.removeprefix("data: ")))
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
                if len(found) >= count:
                    break
    return found, last


def test_server_sent_events_resume_from_the_last_identifier(tmp_path: Path) -> None:
    """What a browser has missed comes when it comes again, also from a server that was started anew in between."""

    async def scenario() -> None:
        journal = MemoryJournal()
        async with doors(tmp_path, journal=Kept(journal)) as opened:
            heard, last = await events_of(opened, "press", 2, channel=["venue", "market/day"])
            assert [type(each) for each in heard] == [Snapshot, Snapshot]
            await opened.must(SubmitOrder, "zhanaozen", **offer("mine", 90_000, 5))
        (tmp_path / "access.db").unlink()
        async with doors(tmp_path, journal=Kept(journal)) as again:
            again.clock_ns = opened.clock_ns
            resumed = {"Last-Event-ID": last}
            heard, newest = await events_of(again, "press", 3, channel=["venue", "market/day"], headers=resumed)
            assert [type(each) for each in heard] == [Resumed, Resumed, Update]
            assert int(newest) == again.house.state.sequence == int(last) + 1
            heard, _ = await events_of(again, "press", 1, channel="market/day", after=10**9)
            assert isinstance(heard[0], Snapshot)

    played(scenario)


class Kept:
    """A journal that outlives its engine."""

    def __init__(self, journal: MemoryJournal) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def close(self) -> None:
        pass


def test_a_slow_reader_is_dropped_with_a_code_and_harms_nobody(tmp_path: Path) -> None:
    """A reader that takes nothing is dropped with its code, while another hears everything and orders go on."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened, listening(opened, "press") as quick:
            assert isinstance(await subscribe(quick, "market/day"), Snapshot)
            slow = await slow_one(opened)
            last = await until_dropped(opened)
            assert opened.hub.dropped_slow == 1
            assert "naryq_stream_readers_dropped_total 1\n" in await opened.house.metrics()
            heard = await hear(quick)
            while not isinstance(heard, Update) or heard.sequence < last:
                heard = await hear(quick)
            slow.transport.resume_reading()
            assert await close_code(slow) == TOO_SLOW

    played(scenario)


def test_a_reader_that_never_reads_again_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped reader that does not even take its code is left after a moment, and the server ends in time."""
    monkeypatch.setattr(stream, "GOODBYE_SECONDS", 0.2)

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            slow = await slow_one(opened)
            await until_dropped(opened)
            await asyncio.sleep(0.5)
            slow.transport.abort()

    played(scenario)


def test_what_cannot_be_read_is_declined_and_too_much_of_it_ends_the_stream(tmp_path: Path) -> None:
    """A bad message has an answer; a reader that sends nothing else is sent away."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened, listening(opened, "press") as line:
            for text in (
                "",
                "{",
                "[]",
                '{"type":"Subscribe"}',
                '{"type":"Subscribe","channel":"own/aktau"}',
                "x" * 5_000,
            ):
                await line.send(text)
                answer = await hear(line)
                assert isinstance(answer, Declined)
                assert answer.refused.code in {Code.WRONG_TYPE, Code.TOO_LARGE}
            await line.send(b"\xff\x00")
            assert isinstance(await hear(line), Declined)
            answer = await subscribe(line, "market/none")
            assert isinstance(answer, Declined)
            assert (answer.refused.code, answer.channel) == (Code.UNKNOWN_SESSION, "market/none")
            assert await close_code(line, saying="{") == BAD_MESSAGES

    played(scenario)


def test_the_heart_beats_and_asks_who_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every reader hears the beat; whose credential is gone by then is sent away with its code."""

    async def scenario() -> None:
        async with doors(tmp_path, beat_seconds=0.1) as opened, listening(opened, "press") as line:
            beat = await hear(line)
            assert beat == Beat(opened.house.state.sequence)

            async def unknown(*_: str) -> None:
                raise Refusal(Code.NOT_AUTHENTICATED, "revoked")

            monkeypatch.setattr(opened.house.access, "principal", unknown)
            assert await close_code(line) == NOT_WANTED

    played(scenario)


def test_one_participant_has_only_so_many_readers(tmp_path: Path) -> None:
    """One more reader than a participant may have is told so; another participant is not harmed."""

    async def scenario() -> None:
        hub = Hub(flush_seconds=0.001, readers_of_one=2)
        async with doors(tmp_path, hub=hub) as opened:
            async with listening(opened, "press"), listening(opened, "press"), listening(opened, "press") as third:
                assert await close_code(third) == TOO_MANY
                async with listening(opened, "aktau") as other:
                    assert isinstance(await subscribe(other, "venue"), Snapshot)
            async with listening(opened, "press") as again:
                assert isinstance(await subscribe(again, "venue"), Snapshot)

    played(scenario)


def test_who_has_gone_is_forgotten(tmp_path: Path) -> None:
    """A reader that goes away, in whatever way, leaves nothing behind, and what it unsubscribed is not told."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            async with listening(opened, "press") as line:
                await subscribe(line, "market/day")
                await line.send('{"type":"Unsubscribe","channel":"market/day"}')
                assert isinstance(await subscribe(line, "venue"), Snapshot)
                await opened.must(SubmitOrder, "aktau", **bid("his", 80_000, 5))
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(line.recv(), 0.1)
                line.transport.abort()
            await events_of(opened, "press", 1, channel="venue")
            for _ in range(200):
                if not opened.hub.readers:
                    break
                await asyncio.sleep(0.01)
            assert not opened.hub.readers
            assert not any(track.readers for track in opened.hub._tracks.values())

    played(scenario)
