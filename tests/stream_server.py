"""A real web server with the stream's doors on 127.0.0.1, in this process, over a stage or over a house."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import argon2
import uvicorn
from tests.trading_samples import instrument, over
from tests.venue_samples import PEOPLE, instant, rulebook

from naryq.access import Access
from naryq.access.store import Store
from naryq.engine import Answer, Engine
from naryq.gateways import rest, stream
from naryq.gateways.application import application
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Hub
from naryq.journal.contract import Journal
from naryq.journal.memory import MemoryJournal
from naryq.messages import AdmitParticipant, AdoptRulebook, ListInstrument, OpenSession, Refused, RulebookText

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""How a key is hashed takes no time worth mentioning here."""


SMALL = 4_096
"""What the kernel may hold for a connection: else a slow reader is not seen to be slow before it has megabytes."""


class Doors:
    """A venue with its people, their keys, and one open session, behind a web server."""

    def __init__(self, house: House, hub: Hub, keys: dict[str, str]) -> None:
        self.house, self.hub, self.keys = house, hub, keys
        self.port = 0
        self.app: Any = None
        self._numbers = count(1)
        self.clock_ns = instant("10:00")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_address(self) -> str:
        return f"ws://127.0.0.1:{self.port}{stream.PATH}"

    def authorization(self, person: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[person]}"}

    async def give(self, kind: Any, actor: str, /, **fields: Any) -> Answer:
        """Send a command through the house."""
        stamp = {"command_id": f"s{next(self._numbers)}", "actor": actor, "at_ns": self.house.now_ns()}
        return await self.house.submit(kind(**{**stamp, **fields}))

    async def must(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        """Send a command that the venue has no reason to refuse."""
        answer = await self.give(kind, actor, **fields)
        assert not isinstance(answer.events[0], Refused), answer.events[0]
        return answer.events[0]


@asynccontextmanager
async def doors(
    folder: Path,
    *,
    journal: Journal | None = None,
    hub: Hub | None = None,
    beat_seconds: float = 60,
    text: RulebookText | None = None,
) -> AsyncIterator[Doors]:
    """Open the doors over a journal, founding the venue where nothing has happened yet; close all of it at the end."""
    hub = hub or Hub(flush_seconds=0.001)
    found: list[Doors] = []
    access = Access(Store.open(folder / "access.db"), lambda: 0, _chance(), hasher=CHEAP)

    def clock() -> int:
        return found[0].clock_ns if found else 0

    kept = journal or MemoryJournal()
    house = House(
        lambda on_entry: Engine(kept, on_entry=on_entry),
        access,
        clock,
        views=(hub.see,),
        open_reader=lambda: MemoryJournal(kept.rows),  # type: ignore[attr-defined]  # A journal in memory has rows.
    )
    opened = Doors(house, hub, {person: access.issue(person, person).text for person in PEOPLE})
    found.append(opened)
    app = application(house, [*rest.routes(house), *stream.routes(house, hub)], (stream.service(hub, beat_seconds),))
    try:
        opened.app = app
        async with _served(app, opened):
            if house.state.rulebook is None:
                await _found(opened, text)
            yield opened
    finally:
        access.close()


def _chance() -> Callable[[int], bytes]:
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


async def _found(opened: Doors, text: RulebookText | None) -> None:
    for person, role in PEOPLE.items():
        await opened.must(AdmitParticipant, "operator", participant_id=person, name=person.title(), role=role)
    await opened.must(AdoptRulebook, "regulator", rulebook=text or rulebook(self_trade="cancel_newest"))
    await opened.must(ListInstrument, "operator", **instrument())
    await opened.must(OpenSession, "operator", **over("continuous"))
    opened.clock_ns = instant("11:00")


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals of the test's process alone."""
        yield


@asynccontextmanager
async def _served(app: Any, opened: Doors) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws_per_message_deflate=False, timeout_graceful_shutdown=5
    )
    server = _Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
    opened.port = listener.getsockname()[1]
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:
        assert not running.done(), "the server did not start"
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        opened.hub.close()
        server.should_exit = True
        await running
        listener.close()
