"""What the doors bear: `python benchmarks/doors.py [seconds]`.

An open loop, on one machine with the venue: 2,000 orders a second in batches of 20 and 500 a second one by one, each
due at an instant whatever became of those before it and timed from that instant, while 200 readers hold the stream, 10
of which never take anything. Beside it, in the same run and by the same client, the bare web server, uvicorn with the
same settings, answering a constant to the same requests. The venue is on disk, durable, with its real hashes skipped:
the keys' hashes are weak here, since 400 of them would take a minute before anything begins.
"""

import asyncio
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import argon2
import uvicorn
import uvloop

from naryq.access import Access
from naryq.access.store import Store
from naryq.cli.bench_traffic import DAY, OPENS_NS, PROVINCE, Country, founding, openings
from naryq.engine import Engine, EngineApart, collect_lightly
from naryq.gateways import rest, stream
from naryq.gateways.application import application
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.journal.sqlite import SqliteJournal, SqliteReader

COUNTRY = Country(plants=20, sellers=40, buyers=360)
BATCH_ORDERS, BATCHED_A_SECOND, SINGLE_A_SECOND = 20, 2_000, 500
READERS, SLOW_READERS = 200, 10
CONNECTIONS = 32
SECONDS = 20
WARM_SECONDS = 3
NS = 10**9


# --- The servers, each a process of its own -------------------------------------------------------------------------


def serve_venue(folder: Path) -> None:
    """Serve a venue whose clock stands at the opening of its sessions when it begins."""
    path = folder / "venue.journal"
    with Engine(SqliteJournal.create(str(path))) as engine:
        engine.submit_many(chain(founding(COUNTRY), openings(COUNTRY)))
    begun_ns = time.time_ns()

    def clock() -> int:
        return OPENS_NS + time.time_ns() - begun_ns

    quick = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    secrets_file = Store.open(folder / "access.db")
    access = Access(secrets_file, clock, secrets.token_bytes, hasher=quick, requests_per_second=100_000)
    access.attempts = access.rates
    hub = Hub()
    house = House(
        lambda on_entry: EngineApart(
            lambda: SqliteJournal.open(str(path)),
            lambda journal: Engine(journal, clock=clock),
            lambda: SqliteReader.open(str(path)),
            on_entry=on_entry,
            clock=clock,
        ),
        access,
        clock,
        views=(hub.see,),
    )
    keys = {trader: access.issue(trader, trader).text for trader in COUNTRY.traders()}
    app = application(house, [*rest.routes(house), *stream.routes(house, hub)], (stream.service(hub),))
    collect_lightly()
    serve(app, keys)
    access.close()


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Answer any request with a constant, having read it."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": message["type"] + ".complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def serve(app: Any, keys: dict[str, str]) -> None:
    """Serve an application on any port; say which, and the keys, and end on SIGTERM."""
    config = uvicorn.Config(
        app,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        ws_per_message_deflate=False,
    )
    listening = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    print(json.dumps({"port": listening.getsockname()[1], "keys": keys}), flush=True)
    uvloop.run(uvicorn.Server(config).serve(sockets=[listening]))


class Serving(NamedTuple):
    """A server process, and where it is."""

    process: "subprocess.Popen[str]"
    port: int
    keys: dict[str, str]

    def seconds_of_processor(self) -> tuple[float, float]:
        """Return what the doors' process and the writer's have used of the processors so far."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return _seconds(self.process.pid), sum(map(_seconds, map(int, children)))


def _seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[Serving]:
    """Start a server of a kind, and end it."""
    command = [sys.executable, __file__, kind, str(folder)]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:  # noqa: S603 - this very file
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Serving(process, told["port"], told["keys"])
        process.terminate()


# --- The requests -----------------------------------------------------------------------------------------------------


class Request(NamedTuple):
    """A request as bytes, and when it is due, in ns after the beginning."""

    due_ns: int
    content: bytes


def timetable(keys: dict[str, str], seconds: float, seed: int) -> tuple[list[Request], list[Request]]:
    """Return the batches and the single orders of so many seconds, each evenly spread."""
    random, traders = Random(seed), COUNTRY.traders()  # noqa: S311 - a made-up crowd keeps no secret
    batches, singles = BATCHED_A_SECOND // BATCH_ORDERS, SINGLE_A_SECOND
    numbers = iter(range(10**9))

    def request(path: str, orders: int, due_ns: int) -> Request:
        trader = traders[random.randrange(len(traders))] if random.randrange(2) else f"seller-{random.randrange(40)}"
        bodies = [_order(random, trader, f"{seed}-{next(numbers)}") for _ in range(orders)]
        body = json.dumps({"orders": bodies} if path.endswith("batch") else bodies[0]).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {keys.get(trader, 'x' * 80)}\r\n"
        head += f"Idempotency-Key: {seed}-{next(numbers)}\r\nContent-Length: {len(body)}\r\n\r\n"
        return Request(due_ns, head.encode() + body)

    return (
        [request("/v1/orders/batch", BATCH_ORDERS, number * NS // batches) for number in range(int(batches * seconds))],
        [request("/v1/orders", 1, number * NS // singles) for number in range(int(singles * seconds))],
    )


def _order(random: Random, trader: str, order_id: str) -> dict[str, Any]:
    plant, selling = random.randrange(COUNTRY.plants), trader.startswith("seller")
    away = 50 * random.randrange(-5, 20)
    return {
        "session_id": f"{DAY} P{plant}",
        "order_id": order_id,
        "place": f"P{plant}-KZ",
        "side": "sell" if selling else "buy",
        "price_tenge_per_tonne": 80_000 + (away if selling else -away),
        "quantity_lots": random.randint(1, 20),
        "delivery": None if selling else PROVINCE,
    }


# --- The client -------------------------------------------------------------------------------------------------------


class Connection(asyncio.Protocol):
    """One kept connection: a request at a time, and the time from its instant to the last byte of its answer."""

    def __init__(self, load: "Load") -> None:
        """Belong to a load."""
        self.load = load
        self.transport: Any = None
        self.due_ns = 0
        self.read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for work."""
        self.transport = transport
        self.load.idle.append(self)

    def send(self, request: Request) -> None:
        """Send a request."""
        self.due_ns = self.load.begun_ns + request.due_ns
        self.read.clear()
        self.transport.write(request.content)

    def data_received(self, data: bytes) -> None:
        """Read an answer, and go on with what waits."""
        self.read += data
        head, separator, body = self.read.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.load.waited_ns.append(time.perf_counter_ns() - self.due_ns)
        self.load.count(bytes(head[9:12]), bytes(body))
        if self.load.waiting:
            self.send(self.load.waiting.popleft())
        else:
            self.load.idle.append(self)


class Load:
    """Requests by a timetable over some connections."""

    def __init__(self, requests: list[Request]) -> None:
        """Send these."""
        self.requests = requests
        self.idle: deque[Connection] = deque()
        self.waiting: deque[Request] = deque()
        self.waited_ns: list[int] = []
        self.statuses: dict[str, int] = {}
        self.accepted = 0
        self.begun_ns = 0
        self.late_ns = 0

    def count(self, status: bytes, body: bytes) -> None:
        """Count an answer by its status, and the orders in it that were taken."""
        self.statuses[status.decode()] = self.statuses.get(status.decode(), 0) + 1
        if status == b"200" and len(body) > len(b"{}"):
            told = json.loads(body)
            self.accepted += told.get("accepted", 1)

    async def run(self, port: int, begun_ns: int) -> None:
        """Send all, each when it is due, and wait for the answers."""
        loop = asyncio.get_running_loop()
        self.begun_ns = begun_ns
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", port)
        for request in self.requests:
            early_ns = begun_ns + request.due_ns - time.perf_counter_ns()
            if early_ns > 0:
                await asyncio.sleep(early_ns / NS)
                early_ns = begun_ns + request.due_ns - time.perf_counter_ns()
            self.late_ns = max(self.late_ns, -early_ns)
            if self.idle:
                self.idle.popleft().send(request)
            else:
                self.waiting.append(request)
        given_up_ns = time.perf_counter_ns() + 60 * NS
        while len(self.waited_ns) < len(self.requests) and time.perf_counter_ns() < given_up_ns:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def told(self, what: str) -> str:
        """Say what became of them."""
        waited = sorted(self.waited_ns)
        p50, p99, most = (waited[min(len(waited) - 1, len(waited) * part // 1000)] / 10**6 for part in (500, 990, 1000))
        answers = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.statuses.items()))
        return (
            f"{what}: {len(waited):,} of {len(self.requests):,} answered ({answers}; {self.accepted:,} orders taken), "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.1f} ms; "
            f"the client late by {self.late_ns / 10**6:.1f} ms"
        )


class Reader(asyncio.Protocol):
    """A reader of the stream, which takes what comes and looks at none of it; a slow one never takes anything."""

    def __init__(self, key: str, number: int, *, is_slow: bool) -> None:
        """Read with a key."""
        self.key, self.number, self.is_slow = key, number, is_slow
        self.bytes = 0
        self.ended = False

    def connection_made(self, transport: Any) -> None:
        """Ask for the venue, one's own, and one session."""
        channels = ["venue", "own", f"market/{DAY}%20P{self.number % COUNTRY.plants}"]
        query = "&".join(f"channel={channel}" for channel in channels)
        transport.write(
            f"GET /v1/stream?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        if self.is_slow:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        """Count."""
        self.bytes += len(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Remember that it was dropped."""
        self.ended = True


async def attached(serving: Serving) -> list[Reader]:
    """Attach the readers, every twentieth of which is slow."""
    loop = asyncio.get_running_loop()
    traders = COUNTRY.traders()
    found = []
    for number in range(READERS):
        reader = Reader(serving.keys[traders[number]], number, is_slow=number % (READERS // SLOW_READERS) == 0)
        await loop.create_connection(lambda reader=reader: reader, "127.0.0.1", serving.port)  # type: ignore[misc]
        found.append(reader)
    return found


async def loaded(serving: Serving, seconds: float, *, with_readers: bool) -> None:
    """Warm up, and put the load on a server."""
    readers = await attached(serving) if with_readers else []
    for seed, lasts in ((1, WARM_SECONDS), (2, seconds)):
        loads = [Load(requests) for requests in timetable(serving.keys, lasts, seed)]
        before, begun_ns = serving.seconds_of_processor(), time.perf_counter_ns() + NS // 2
        await asyncio.gather(*(load.run(serving.port, begun_ns) for load in loads))
    for load, what in zip(loads, (f"batches of {BATCH_ORDERS}", "single orders"), strict=True):
        print(f"  {load.told(what)}")
    doors, writer = (now - then for now, then in zip(serving.seconds_of_processor(), before, strict=True))
    print(f"  processor: doors {doors:.1f} s, writer {writer:.1f} s, in {lasts:.0f} s")
    if readers:
        quick = [reader.bytes for reader in readers if not reader.is_slow]
        gone = sum(reader.ended for reader in readers if not reader.is_slow)
        print(
            f"  readers: {len(quick)} took {sum(quick) / len(quick) / 10**6:.1f} MB each, {gone} of them were dropped"
        )


def main() -> None:
    """Measure both servers in one run."""
    if sys.argv[1:2] == ["venue"]:
        serve_venue(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["bare"]:
        serve(bare, {})
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print(f"{BATCHED_A_SECOND:,} orders a second in batches and {SINGLE_A_SECOND} alone, for {seconds:.0f} s")
    for kind, title, with_readers in (
        ("bare", "the bare web server", False),
        ("venue", "the venue, nobody reads", False),
        ("venue", f"the venue, {READERS} readers, {SLOW_READERS} of them slow", True),
    ):
        with TemporaryDirectory() as folder, serving(kind, Path(folder)) as found:
            print(f"{title} (load of the machine {os.getloadavg()[0]:.1f})")
            uvloop.run(loaded(found, seconds, with_readers=with_readers))


if __name__ == "__main__":
    main()
