"""A FIX engine that is not ours logs on, trades, is cut off in the middle, and finds its sequence again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import pytest
from fixcore.application import Application
from fixcore.message.field import Group
from fixcore.message.message import Message
from fixcore.session.session_id import SessionID
from fixcore.session.session_settings import SessionSettings
from fixcore.transport.initiator import SocketInitiator
from tests.fix_venue import VENUE, Open, venue
from tests.trading_samples import bid, trading

from naryq.messages import SubmitOrder

PATIENCE_SECONDS = 20.0
SETTINGS = """
[DEFAULT]
ConnectionType=initiator
ReconnectInterval=1
FileStorePath={folder}
FileLogPath={folder}
HeartBtInt=30
UseDataDictionary=Y
DataDictionary={dictionary}
ValidateFieldsOutOfRange=Y
ValidateUserDefinedFields=Y
CheckLatency=Y

[SESSION]
BeginString=FIX.4.4
SenderCompID={name}
TargetCompID={venue}
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
"""


class Peer(Application):  # type: ignore[misc]  # it has no types
    """The foreign engine's application: it says its password, and remembers what it hears."""

    def __init__(self, name: str, key: str) -> None:
        self.name, self.key = name, key
        self.reports: list[Message] = []
        self.rejects: list[Message] = []
        self.on = asyncio.Event()
        self.heard = asyncio.Event()

    def on_create(self, session_id: SessionID) -> None:
        """Do nothing."""

    def on_logon(self, session_id: SessionID) -> None:  # noqa: ARG002 - the engine's own form
        """Note that the session stands."""
        self.on.set()

    def on_logout(self, session_id: SessionID) -> None:  # noqa: ARG002 - as above
        """Note that it does not."""
        self.on.clear()

    def to_admin(self, message: Message, session_id: SessionID) -> None:  # noqa: ARG002 - as above
        """Say who we are at a logon."""
        if message.msg_type == "A":
            message.set_field(553, self.name)
            message.set_field(554, self.key)

    def from_admin(self, message: Message, session_id: SessionID) -> None:  # noqa: ARG002 - as above
        """Remember what was rejected."""
        if message.msg_type == "3":
            self.rejects.append(message)

    def to_app(self, message: Message, session_id: SessionID) -> None:
        """Do nothing."""

    def from_app(self, message: Message, session_id: SessionID) -> None:  # noqa: ARG002 - as above
        """Remember what was told."""
        self.reports.append(message)
        self.heard.set()

    async def told(self, count: int) -> list[str]:
        """Wait until so many reports have come, and return the ExecType of each, marked where it may be a repeat."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.reports) < count:
                self.heard.clear()
                await self.heard.wait()
        repeats = [report.header.get_or(43, "") for report in self.reports]
        return [report.get(150) + repeat for report, repeat in zip(self.reports, repeats, strict=True)]


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Keep the foreign engine's log out of the way."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@asynccontextmanager
async def engine(peer: Peer, port: int, folder: Path) -> AsyncIterator[SocketInitiator]:
    """Run the foreign engine, its store in a folder."""
    dictionary = files("naryq.gateways.fix") / "naryq-fix44.xml"
    text = SETTINGS.format(folder=folder, dictionary=dictionary, name=peer.name, venue=VENUE, port=port)
    settings = await asyncio.to_thread(_settings, folder / f"{peer.name}.cfg", text)
    initiator = SocketInitiator(settings, peer)
    await initiator.start()
    try:
        yield initiator
    finally:
        await initiator.stop()
        for session in initiator.sessions.values():
            session.close()


def _settings(path: Path, text: str) -> SessionSettings:
    path.write_text(text, encoding="utf-8")
    return SessionSettings.from_file(str(path))


def order(name: str, price: int, lots: int) -> Message:
    """Return a NewOrderSingle to sell, made by the foreign engine's own means."""
    message = Message()
    message.header.set(35, "D")
    for tag, value in ((11, name), (38, lots), (40, 2), (44, price), (54, 2), (55, "ZH-47")):
        message.set_field(tag, str(value))
    message.set_field(60, "20211231-06:00:00")
    session = Group()
    session.set_field(336, "day")
    message.add_group(386, session)
    return message


def test_a_foreign_engine_trades_is_cut_off_and_recovers(tmp_path: Path) -> None:
    """What happened while the line was cut, and what was sent into the cut, arrives afterwards, each once."""

    async def scene(stage: Open) -> None:
        peer = Peer("zhanaozen", stage.keys["zhanaozen"])
        async with relay(stage.port) as line, engine(peer, line.port, tmp_path) as initiator:
            (session,) = initiator.sessions.values()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await peer.on.wait()
            await session.send_app(order("one", 90_000, 5))
            assert await peer.told(1) == ["0"]
            await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 1))
            assert await peer.told(2) == ["0", "F"]

            line.is_deaf = True
            await session.send_app(order("two", 91_000, 3))
            await asyncio.sleep(0.05)
            line.cut()
            await stage.must(SubmitOrder, "aktau", **bid("b2", 90_000, 2))
            line.mend()
            told = await peer.told(4)
            assert told[:2] == ["0", "F"]
            assert sorted(each[0] for each in told[2:]) == ["0", "F"]
            assert sorted((each.get(11), each.get(150), each.get(14)) for each in peer.reports) == [
                ("one", "0", "0"),
                ("one", "F", "1"),
                ("one", "F", "3"),
                ("two", "0", "0"),
            ]
            assert len(stage.house.state.sessions["day"].orders) == 2
            assert peer.rejects == []
            await session.send_logout("done")

    async def acted() -> None:
        async with venue(trading(), tmp_path / "venue", clock=_now) as stage:
            await scene(stage)

    asyncio.run(acted())


def _now() -> int:
    import time  # noqa: PLC0415

    return time.time_ns()


class Line:
    """A line between the engine and the venue that can be cut: nothing that is under way arrives."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.is_cut = False
        self.is_deaf = False
        """Whether what is sent is lost on the way."""
        self.writers: list[asyncio.StreamWriter] = []

    def cut(self) -> None:
        """Tear the line."""
        self.is_cut = True
        for writer in self.writers:
            if not writer.transport.is_closing():
                writer.close()
        self.writers.clear()

    def mend(self) -> None:
        """Let new connections through."""
        self.is_cut = self.is_deaf = False

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry a connection, both ways, until either side ends it."""
        if self.is_cut:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        self.writers += [writer, back]
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if not self.is_deaf:
                    target.write(data)
                    await target.drain()
        target.close()
        with contextlib.suppress(OSError):
            await target.wait_closed()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Line]:
    """Open a line to a port."""
    line = Line(port)
    server = await asyncio.start_server(line.join, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await asyncio.sleep(0.05)
