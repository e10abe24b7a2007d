"""`naryq bench fix`: orders over FIX at a rate, from the instant at which each was due to its first answer.

The venue, its journal and its FIX sessions in files of the current folder, is a process of its own; the traders are
another, each with a connection. The loop is open: what is due is sent, whatever became of what was sent before.
"""

import asyncio
import multiprocessing
import re
import secrets
import time
from collections.abc import Sequence
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

import argon2
import numpy as np
import uvloop

from naryq.access import Access
from naryq.access.store import Store
from naryq.cli.bench_traffic import OPENS_NS, Country, Crowd, founding, openings
from naryq.cli.bench_venue import BREATH_SECONDS, PATIENCE_SECONDS, Figure, Say, steady
from naryq.engine import Engine
from naryq.gateways.fix import times, wire
from naryq.gateways.fix.door import Doorway, door_over
from naryq.gateways.fix.store import FileStore
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import checked
from naryq.messages import AmendOrder, AnyCommand, CancelOrder, SubmitOrder

VENUE: Final = "NARYQ"
COUNTRY: Final = Country(plants=20, sellers=5, buyers=15)
WARM_SECONDS: Final = 2.0
"""How long orders are sent before any is counted."""
P99_TARGET_MS: Final = 50
HASHER: Final = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash that costs nothing: how long twenty logons take is not what is measured."""
RATE_MAX: Final = 100_000
_ANSWERED: Final = re.compile(rb"\x0135=([89r3j])\x01[^\n]*?\x0111=([^\x01]*)\x01")


class Opened(NamedTuple):
    """What the venue's process says once it is open."""

    port: int
    keys: dict[str, str]
    founding_seconds: float
    """How much of a processor it had taken by then."""


# --- The venue's process --------------------------------------------------------------------------------------------


def serve(folder: str, line: Connection) -> None:
    """Open a venue in a folder, say where, and close it when told to."""
    uvloop.run(_serve(Path(folder), line))


async def _serve(folder: Path, line: Connection) -> None:
    begun_ns = time.time_ns()

    def clock() -> int:
        return OPENS_NS + time.time_ns() - begun_ns

    hub = Hub()
    sessions = FileStore.open(folder / "fix.db")
    door = door_over(sessions, VENUE, time.time_ns, hub)
    store = Store.open(folder / "access.db")
    access = Access(store, clock, secrets.token_bytes, hasher=HASHER, requests_per_second=RATE_MAX)
    journal = SqliteJournal.create(str(folder / "venue.journal"))
    house = House(lambda on_entry: Engine(journal, on_entry=on_entry), access, clock, views=(hub.see,))
    for command in (*founding(COUNTRY), *openings(COUNTRY)):
        house.engine.submit(command)
    keys = {trader: access.issue(trader, trader).text for trader in COUNTRY.traders()}
    house.enter()
    hub.enter()
    ports: list[int] = []
    doorway = Doorway("127.0.0.1", 0, None, lambda said: ports.append(int(said.split(":")[2].split(",")[0])))
    async with door.service(doorway)(house):
        line.send(Opened(ports[0], keys, time.process_time()))
        await asyncio.to_thread(line.recv)
        line.send(time.process_time())
    await house.leave()
    access.close()
    sessions.close()


# --- The traders' process -------------------------------------------------------------------------------------------


class Trader(asyncio.Protocol):
    """A counterparty as plain as can be: it numbers what it sends, and notes when it is answered."""

    def __init__(self, name: str, waiting: dict[bytes, int], waited_ns: list[int]) -> None:
        """Share with all others what waits for an answer, and how long answers took."""
        self.name = name
        self.joined = asyncio.get_running_loop().create_future()
        self._waiting, self._waited_ns = waiting, waited_ns
        self._transport: asyncio.WriteTransport | None = None
        self._numbers = count(1)
        self._framer = wire.Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment]  # a stream, as was asked for

    def send(self, kind: str, body: Sequence[tuple[int, str]]) -> None:
        """Send a message."""
        now = times.written(time.time_ns())
        header = ((34, str(next(self._numbers))), (49, self.name), (52, now), (56, VENUE))
        assert self._transport is not None, "who sends is connected"
        self._transport.write(wire.written(wire.of(kind, (*header, *body))))

    def data_received(self, data: bytes) -> None:
        """Note answers."""
        now_ns = time.perf_counter_ns()
        for frame in self._framer.feed(data):
            if b"\x0135=A\x01" in frame:
                self.joined.set_result(None)
            found = _ANSWERED.search(frame)
            due_ns = self._waiting.pop(self.name.encode() + b" " + found[2], None) if found else None
            if due_ns is not None:
                self._waited_ns.append(now_ns - due_ns)


def as_message(command: AnyCommand) -> tuple[str, list[tuple[int, str]]]:
    """Return an order, its change or its end as a FIX message: kind and body; the names are those of the crowd."""
    name = command.command_id
    at = (60, times.written(command.at_ns))
    if isinstance(command, SubmitOrder):
        body = [(11, command.order_id), (38, str(command.quantity_lots)), (40, "2")]
        body += [(44, str(command.price_tenge_per_tonne)), (54, "1" if command.side == "buy" else "2")]
        body += [(55, command.place), at, (386, "1"), (336, command.session_id)]
        return "D", body + ([(9001, command.delivery)] if command.delivery else [])
    assert isinstance(command, AmendOrder | CancelOrder), "a crowd sends nothing else"
    body = [(11, name), (41, command.order_id), (54, "1" if command.actor.startswith("buyer") else "2")]
    plant = command.session_id.partition(" ")[2]
    body += [(55, f"{plant}-KZ"), at]
    if isinstance(command, CancelOrder):
        return "F", body
    return "G", [*body, (38, "1"), (40, "2"), (44, "80000")]


async def _trade(opened: Opened, rate: int, seconds: float, say: Say) -> list[Figure]:
    loop = asyncio.get_running_loop()
    waiting, waited_ns = dict[bytes, int](), list[int]()
    traders = {name: Trader(name, waiting, waited_ns) for name in opened.keys}
    for name, trader in traders.items():
        await loop.create_connection(lambda trader=trader: trader, "127.0.0.1", opened.port)  # type: ignore[misc]
        trader.send("A", [(98, "0"), (108, "30"), (553, name), (554, opened.keys[name])])
        await trader.joined
    crowd = Crowd(COUNTRY)
    say(f"{rate:,} messages a second over {len(traders)} sessions for {seconds:,.0f} seconds")
    await _send(crowd, traders, waiting, steady(rate, WARM_SECONDS))
    warm = len(waited_ns)
    late_ns = await _send(crowd, traders, waiting, steady(rate, seconds))
    given_up = time.perf_counter() + PATIENCE_SECONDS
    while waiting and time.perf_counter() < given_up:  # noqa: ASYNC110 - answers come by the thousand
        await asyncio.sleep(BREATH_SECONDS)
    return _figures(waited_ns[warm:], int(rate * seconds), len(waiting), late_ns)


async def _send(crowd: Crowd, traders: dict[str, Trader], waiting: dict[bytes, int], timetable: object) -> int:
    """Send by a timetable; return by how much the sender itself was late at worst."""
    begun_ns, late_ns = time.perf_counter_ns(), 0
    for offset_ns in timetable:  # type: ignore[attr-defined]
        while time.perf_counter_ns() - begun_ns < offset_ns:  # noqa: ASYNC110 - a timetable rings no bell
            await asyncio.sleep(BREATH_SECONDS)
        command = crowd.next(time.time_ns())
        kind, body = as_message(command)
        waiting[f"{command.actor} {body[0][1]}".encode()] = begun_ns + offset_ns
        traders[command.actor].send(kind, body)
        late_ns = max(late_ns, time.perf_counter_ns() - begun_ns - offset_ns)
    return late_ns


def _figures(waited_ns: list[int], sent: int, unanswered: int, late_ns: int) -> list[Figure]:
    p50, p99, worst = (float(np.percentile(waited_ns, percent)) / 10**6 for percent in (50, 99, 100))
    return [
        Figure("messages sent", f"{sent:,}"),
        Figure("unanswered", f"{unanswered:,}", "0", unanswered == 0),
        Figure("first answer, p50", f"{p50:.1f} ms"),
        Figure("first answer, p99", f"{p99:.1f} ms", f"{P99_TARGET_MS} ms at most", p99 <= P99_TARGET_MS),
        Figure("first answer, longest", f"{worst:.1f} ms"),
        Figure("the traders late by at most", f"{late_ns / 10**6:.1f} ms, which is in the times above"),
    ]


def _of_processor(seconds: float, sent: int) -> Figure:
    """Say how much of a processor the venue took for a message: a figure that a busy machine leaves nearly as it is."""
    return Figure("the venue's processor time a message", f"{seconds * 1_000 / max(sent, 1):.2f} ms")


def run(folder: Path, rate: int, seconds: float, *, say: Say) -> list[Figure]:
    """Open a venue, trade, close it, and read its journal."""
    ours, theirs = multiprocessing.Pipe()
    venue = multiprocessing.get_context("spawn").Process(target=serve, args=(str(folder), theirs))
    venue.start()
    try:
        opened = ours.recv()
        figures = uvloop.run(_trade(opened, rate, seconds, say))
        ours.send("close")
        used = ours.recv() - opened.founding_seconds
    finally:
        venue.join(PATIENCE_SECONDS)
        venue.kill()
    sent = int(rate * (seconds + WARM_SECONDS))
    return [*figures, _of_processor(used, sent), *_of_journal(folder / "venue.journal")]


def _of_journal(path: Path) -> list[Figure]:
    reader = SqliteReader.open(str(path))
    orders = sum(entry.command.command_id.startswith("fix:") for _, entry in checked(reader.read()))
    reader.close()
    return [Figure("rows of the journal that came over FIX", f"{orders:,}")]
