"""A venue with its FIX door open on 127.0.0.1, and a counterparty that speaks FIX plainly: for tests of the door."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Self

import uvloop
from tests.doors import Clock, access_in
from tests.fix_rig import frame
from tests.trading_samples import trading
from tests.venue_samples import Desk

from naryq.access import Access
from naryq.engine import Answer, Engine
from naryq.gateways.fix import tags, times, wire
from naryq.gateways.fix.door import Door, Doorway, door_over
from naryq.gateways.fix.schedule import Schedule
from naryq.gateways.fix.store import MemoryStore, Store
from naryq.gateways.fix.wire import Message
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.journal.contract import Journal, rows_after
from naryq.journal.memory import MemoryJournal
from naryq.messages import Refused, encode

VENUE = "NARYQ"
PATIENCE_SECONDS = 5.0


def journal_of(desk: Desk) -> MemoryJournal:
    """Return a journal in memory with a desk's rows."""
    return MemoryJournal(rows_after(None, [encode(row) for row in desk.rows]))


def _access(folder: Path, clock: Clock) -> Access:
    folder.mkdir(exist_ok=True)
    return access_in(folder, clock)


class Open(NamedTuple):
    """The open venue: its house, its clock, the port and everybody's keys."""

    house: House
    door: Door
    clock: Clock
    sessions: Callable[[], int]
    """The clock of the FIX sessions."""
    port: int
    keys: dict[str, str]
    numbers: "count[int]"

    async def give(self, kind: Any, actor: str, /, **fields: Any) -> Answer:
        """Give a command to the house, by another door so to say."""
        stamp = {"command_id": f"d{next(self.numbers)}", "actor": actor, "at_ns": self.house.now_ns()}
        return await self.house.submit(kind(**{**stamp, **fields}))

    async def must(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        """Give a command that the venue takes."""
        answer = await self.give(kind, actor, **fields)
        assert not isinstance(answer.events[0], Refused), answer.events[0]
        return answer.events[0]

    @asynccontextmanager
    async def trader(self, name: str) -> AsyncIterator["Trader"]:
        """Let a participant log on, and log it out at the end."""
        trader = Trader(name, self.sessions)
        await trader.connect(self.port)
        await trader.log_on(self.keys[name])
        try:
            yield trader
        finally:
            await trader.cut()


@asynccontextmanager
async def venue(
    desk: Desk,
    folder: Path,
    *,
    journal: Journal | None = None,
    store: Store | None = None,
    clock: Callable[[], int] | None = None,
    schedule: Schedule | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Open]:
    """Open a venue with a desk's rows, its clock where the desk's stands.

    The sessions have a clock of their own, which stands too, or else `clock`: the venue's may be moved by hours.
    """
    stands = Clock(desk.at_ns)
    sessions = clock or Clock(desk.at_ns)
    hub = Hub(flush_seconds=0.001)
    door = door_over(store or MemoryStore(), VENUE, sessions, hub, schedule)
    access = _access(folder, stands)
    rows = journal or journal_of(desk)
    house = House(lambda on_entry: Engine(rows, on_entry=on_entry), access, stands, views=(hub.see,))
    people = [person for person, _ in house.state.participants.items()]
    keys = {person: access.issue(person, person).text for person in people}
    ports: list[int] = []
    doorway = Doorway("127.0.0.1", 0, tls, lambda line: ports.append(int(line.split(":")[2].split(",")[0])))
    house.enter()
    hub.enter()
    try:
        async with door.service(doorway)(house):
            yield Open(house, door, stands, sessions, ports[0], keys, count(1))
    finally:
        await house.leave()
        hub.flush()
        access.close()


class Trader:
    """A counterparty: it numbers what it sends, and hears what comes in order."""

    def __init__(self, name: str, clock: Callable[[], int]) -> None:
        self.name, self.clock = name, clock
        self.next = 1
        self.heard: list[Message] = []
        self.all_bytes = b""
        self._framer = wire.Framer()
        self._orders = count(1)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self, port: int, tls: ssl.SSLContext | None = None) -> Self:
        """Open a connection."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
        self._framer = wire.Framer()
        self.heard.clear()
        return self

    async def cut(self) -> None:
        """Tear the connection."""
        assert self._writer is not None
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def log_on(self, key: str) -> Message:
        """Log on with a key as password, and return the answer."""
        await self.send("A", "98=0", "108=30", f"553={self.name}", f"554={key}")
        answer = await self.hear("A")
        assert answer is not None, "the logon was not taken"
        return answer

    async def send(self, kind: str, *fields: str, number: int | None = None, header: tuple[str, ...] = ()) -> int:
        """Send a message, and return its number."""
        assert self._writer is not None
        used = self.next if number is None else number
        if number is None:
            self.next += 1
        now = times.written(self.clock())
        head = [f"35={kind}", f"34={used}", f"49={self.name}", f"52={now}", f"56={VENUE}", *header]
        self._writer.write(frame([*head, *fields]))
        await self._writer.drain()
        return used

    async def order(self, side: str, price: int, lots: int, *more: str, name: str = "") -> str:
        """Send an order over the regional instrument, and return its ClOrdID."""
        name = name or f"{self.name[0]}{next(self._orders)}"
        delivery = ["9001=KZ-47"] if side == "1" else []
        kind = ["40=2", f"44={price}"] if price else ["40=1"]
        session = [] if any(field.startswith("386=") for field in more) else ["386=1", "336=day"]
        fields = [f"11={name}", f"38={lots}", *kind, f"54={side}", *self._symbol(more), *session, *delivery]
        await self.send("D", *fields, f"60={times.written(self.clock())}", *more)
        return name

    def _symbol(self, more: tuple[str, ...]) -> list[str]:
        return [] if any(field.startswith("55=") for field in more) else ["55=ZH-47"]

    async def hear(self, kind: str = "") -> Message | None:
        """Return the next message, which must be of a kind where one is named; None when the connection ends."""
        assert self._reader is not None
        while not self.heard:
            data = await asyncio.wait_for(self._reader.read(65_536), PATIENCE_SECONDS)
            if not data:
                return None
            self.all_bytes += data
            self.heard.extend(wire.read(raw) for raw in self._framer.feed(data))
        message = self.heard.pop(0)
        assert not kind or message.kind == kind, f"{message.kind} came, not {kind}: {message.fields}"
        return message

    async def report(self, **expected: str) -> Message:
        """Return the next ExecutionReport, whose fields must be these: `t39="0"`."""
        message = await self.hear("8")
        assert message is not None, "the connection has ended"
        found = {name: message.get(int(name[1:])) for name in expected}
        assert found == expected, message.get(tags.TEXT) or message.fields
        return message

    async def nothing(self) -> None:
        """Check that nothing has come: the answer to a test request is the next message."""
        await self.send("1", "112=nothing")
        message = await self.hear()
        assert message is not None
        assert message.kind == "0", f"unexpected: {message.kind} {message.fields}"


Scene = Callable[[Open], Awaitable[None]]


def player(folder: Path) -> Callable[..., None]:
    """Return what plays a scene before an open venue, by default with a continuous session over butane for KZ-47."""

    def run(scene: Scene, desk: Desk | None = None, **options: Any) -> None:
        async def acted() -> None:
            async with venue(desk or trading(), folder, **options) as stage:
                await scene(stage)

        uvloop.run(acted())

    return run
