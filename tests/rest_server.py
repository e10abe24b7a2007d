"""A small country behind REST on a real socket, for tools that want an address: its clock stands in an open window.

`python -m tests.rest_server` prints one line of JSON, the address and a key of each participant, and serves until its
standard input ends.
"""

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from tests.doors import QUICK, Clock, Guess
from tests.venue_samples import Desk, opened, opening, rulebook

from naryq.access import Access
from naryq.access.store import Store
from naryq.engine import Engine
from naryq.gateways import rest
from naryq.gateways.application import application
from naryq.gateways.house import House
from naryq.journal.contract import rows_after
from naryq.journal.memory import MemoryJournal
from naryq.messages import Deposit, ListInstrument, OpenSession, SubmitOrder, encode


def country() -> Desk:
    """Return a desk with something of everything: a network, a book, an auction, orders, money, a stop that may be."""
    desk = _with_sessions(opened(rulebook(who_may_stop=("regulator", "operator"))))
    for person in ("aktau", "zhanaozen"):
        desk.must(Deposit, "operator", participant_id=person, amount_tiyn=10**9, bank_reference=f"bank-{person}")
    return desk


def _with_sessions(desk: Desk) -> Desk:
    listing = {"product": "LPG", "plant": "ZH", "delivery_basis": "FCA", "delivery_region": "KZ-47"}
    desk.must(ListInstrument, "operator", code="LPG", **listing)
    terms = opening("book", kind="continuous", instrument="LPG", places=(), links=())
    desk.must(OpenSession, "operator", **terms)
    for person, side, name in (("zhanaozen", "sell", "ask"), ("aktau", "buy", "bid")):
        fields = {"order_id": name, "place": "LPG", "side": side, "quantity_lots": 2, "session_id": "book"}
        delivery = "KZ-47" if side == "buy" else None
        price = 90_000 if side == "buy" else 91_000
        desk.must(SubmitOrder, person, price_tenge_per_tonne=price, delivery=delivery, **fields)
    return desk


@contextmanager
def serving(folder: Path, desk: Desk) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve a desk's venue from a thread of its own; give the address and a key of each participant."""
    ready = threading.Event()
    found: dict[str, str] = {}
    loop = asyncio.new_event_loop()
    listening = socket.create_server(("127.0.0.1", 0))

    async def serve() -> None:
        clock = Clock(desk.at_ns)
        access = Access(Store.open(folder / "access.db"), clock, Guess(), hasher=QUICK, requests_per_second=100_000)
        access.attempts = access.rates  # The clock stands: a bucket that is empty stays so.
        journal = MemoryJournal(rows_after(None, [encode(row) for row in desk.rows]))
        house = House(
            lambda on_entry: Engine(journal, on_entry=on_entry, clock=clock),
            access,
            clock,
            open_reader=lambda: MemoryJournal(journal.rows),
        )
        found.update({person: access.issue(person, person).text for person, _ in house.state.participants.items()})
        config = uvicorn.Config(application(house, rest.routes(house)), log_level="error", lifespan="on")
        server = uvicorn.Server(config)
        stopping.append(server)
        ready.set()
        await server.serve(sockets=[listening])
        access.close()

    stopping: list[uvicorn.Server] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(60)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", found
    finally:
        stopping[0].should_exit = True
        thread.join()
        loop.close()
        listening.close()


def main() -> None:
    """Serve until the standard input ends."""
    with TemporaryDirectory() as folder, serving(Path(folder), country()) as (address, keys):
        sys.stdout.write(json.dumps({"address": address, "keys": keys}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
