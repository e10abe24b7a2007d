"""A house with its doors open, over the rows of a desk, and a client at them: for the tests of all gateways."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import argon2
import httpx
from tests.venue_samples import Desk

from naryq.access import Access
from naryq.access.store import Store
from naryq.engine import Engine
from naryq.gateways import rest
from naryq.gateways.application import application
from naryq.gateways.house import House
from naryq.journal.contract import rows_after
from naryq.journal.memory import MemoryJournal
from naryq.messages import encode

QUICK = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""A hash that costs nothing, for tests that are not about its cost."""


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at_ns: int) -> None:
        self.at_ns = at_ns

    def __call__(self) -> int:
        return self.at_ns


class Guess:
    """Chance that can be guessed: another number each time."""

    def __init__(self) -> None:
        self.numbers = count(1)

    def __call__(self, size: int) -> bytes:
        return next(self.numbers).to_bytes(size, "big")


class Doors(NamedTuple):
    """The open doors: the house, its clock, a client, and the key of each participant."""

    house: House
    clock: Clock
    client: httpx.AsyncClient
    keys: Mapping[str, str]

    async def ask(self, person: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request as a participant, or as nobody; a name `if_none_match` becomes the header If-None-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if person:
            named.setdefault("authorization", f"Bearer {self.keys[person]}")
        content = body if isinstance(body, bytes | None) else None
        return await self.client.request(
            method, path, headers=named, content=content, json=None if content is not None else body
        )

    async def send(self, person: str, method: str, path: str, body: Any = None, *, key: str) -> httpx.Response:
        """Send a command under an idempotency key."""
        return await self.ask(person, method, path, body, idempotency_key=key)


def access_in(folder: Path, clock: Callable[[], int]) -> Access:
    """Return an empty file of secrets with a quick hash."""
    return Access(Store.open(folder / "access.db"), clock, Guess(), hasher=QUICK)


@asynccontextmanager
async def doors(desk: Desk, folder: Path, **options: Any) -> AsyncIterator[Doors]:
    """Open the doors of a venue that has a desk's rows and a key for each of its participants."""
    clock = Clock(desk.at_ns)
    access = access_in(folder, clock)
    journal = MemoryJournal(rows_after(None, [encode(row) for row in desk.rows]))
    house = House(
        lambda on_entry: Engine(journal, on_entry=on_entry, clock=clock),
        access,
        clock,
        open_reader=lambda: MemoryJournal(journal.rows),
        **options,
    )
    keys = {person: access.issue(person, f"{person}'s clerk").text for person, _ in house.state.participants.items()}
    house.enter()
    app = application(house, rest.routes(house))
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://venue") as client:
            yield Doors(house, clock, client, keys)
    finally:
        await house.leave()
        access.close()
