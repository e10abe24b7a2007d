"""Orders over FIX, held against the venue: what every counterparty was told adds up to what the venue knows."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import uvloop
from tests.fix_venue import Open, Trader, venue
from tests.trading_samples import trading

from naryq.gateways.fix import acceptor, blotter, tags
from naryq.gateways.fix.blotter import Blotter
from naryq.gateways.fix.wire import Message
from naryq.messages import OrderAmended

STEPS = 120
TRADERS = {"zhanaozen": "2", "atyrau": "2", "aktau": "1", "dossor": "1"}
Planting = Callable[[pytest.MonkeyPatch], None]


class Told(NamedTuple):
    """What a counterparty knows of one order by its last report."""

    open_lots: int
    filled_lots: int
    price: str


def drawn(rng: random.Random, side: str, known: list[str]) -> tuple[str, list[str]]:
    """Draw a message: an order, a replacement, a cancel, a mass cancel or a question."""
    at, draw = "60=20211231-05:00:00", rng.random()
    price = 90_000 + (rng.randint(-3, 6) if side == "2" else rng.randint(-6, 3)) * 100
    lots = rng.randint(1, 9)
    head = [f"54={side}", "55=ZH-47", at]
    if draw < 0.6 or not known:
        wait = rng.choice(["59=0", "59=0", "59=3", "59=4"])
        where = ["9001=KZ-47"] if side == "1" else []
        return "D", [f"38={lots}", "40=2", f"44={price}", wait, "386=1", "336=day", *head, *where]
    if draw < 0.8:
        return "G", [f"41={rng.choice(known)}", f"38={lots}", "40=2", f"44={price}", *head]
    if draw < 0.97:
        return "F", [f"41={rng.choice(known)}", *head]
    return "q", ["530=7", at]


async def traded(stage: Open, seed: int) -> None:
    """Let four counterparties trade at random, one of them cut off now and then, and compare what all were told."""
    rng = random.Random(seed)
    people = {name: Trader(name, stage.sessions) for name in TRADERS}
    for name, trader in people.items():
        await trader.connect(stage.port)
        await trader.log_on(stage.keys[name])
    known: dict[str, list[str]] = {name: [] for name in TRADERS}
    heard: dict[str, list[Message]] = {name: [] for name in TRADERS}
    for step in range(STEPS):
        name = rng.choice(list(TRADERS))
        trader = people[name]
        kind, fields = drawn(rng, TRADERS[name], known[name])
        identifier = f"m{step}"
        await trader.send(kind, f"11={identifier}", *fields)
        if kind != "q":
            known[name].append(identifier)
        if rng.random() < 0.1:
            heard[name] += await reconnected(trader, stage)
    for name, trader in people.items():
        heard[name] += await rest(trader)
        await trader.cut()
    check(stage, heard)


async def reconnected(trader: Trader, stage: Open) -> list[Message]:
    """Tear the line once what was sent has arrived, and come back; return what was heard before."""
    await trader.send("1", "112=seen")
    heard = await until(trader, "seen")
    await trader.cut()
    await trader.connect(stage.port)
    await trader.send("A", "98=0", "108=30", f"553={trader.name}", f"554={stage.keys[trader.name]}")
    return heard


async def until(trader: Trader, sign: str) -> list[Message]:
    """Hear all up to the answer to a test request."""
    found = []
    while True:
        message = await trader.hear()
        assert message is not None, "the connection has ended"
        found.append(message)
        if message.get(tags.TEST_REQ_ID) == sign:
            return found


async def rest(trader: Trader) -> list[Message]:
    """Ask for everything from the first number on, and hear it all."""
    await asyncio.sleep(0.1)
    await trader.send("2", "7=1", "16=0")
    await trader.send("1", "112=end")
    return await until(trader, "end")


def check(stage: Open, heard: dict[str, list[Message]]) -> None:
    """Compare what all were told with the venue's own state."""
    orders = {order.order_id: order for _, order in stage.house.state.sessions["day"].orders.items()}
    everything = [message for messages in heard.values() for message in messages if message.kind == "8"]
    by_identifier: dict[tuple[str, str], Message] = {}
    for message in everything:
        key = (message.get(tags.ORDER_ID), message.get(tags.EXEC_ID))
        twin = by_identifier.setdefault(key, message)
        assert _told(twin) == _told(message), "an ExecID stands for one report"
        assert twin.get(tags.EXEC_TYPE) == message.get(tags.EXEC_TYPE)
    last = {m.get(tags.ORDER_ID): _told(m) for m in sorted(by_identifier.values(), key=_row) if _is_about_an_order(m)}
    standing = {order_id: each for order_id, each in last.items() if each.open_lots}
    assert {i: (each.open_lots, each.price) for i, each in standing.items()} == {
        i: (order.quantity_lots, str(order.price_tenge_per_tonne)) for i, order in orders.items()
    }, "what is told to be open is what stands in the book"
    fills = [m for m in by_identifier.values() if m.get(tags.EXEC_TYPE) == "F"]
    sold = sum(int(m.get(tags.LAST_QTY)) for m in fills if m.get(tags.SIDE) == "2")
    bought = sum(int(m.get(tags.LAST_QTY)) for m in fills if m.get(tags.SIDE) == "1")
    statistics = stage.house.state.sessions["day"].statistics
    assert sold == bought == statistics.volume_lots, "both sides of every trade are told"
    assert sum(int(m.get(tags.LAST_QTY)) * int(m.get(tags.LAST_PX)) for m in fills) == 2 * statistics.turnover
    for order_id, each in last.items():
        of_order = [m for m in fills if m.get(tags.ORDER_ID) == order_id]
        assert each.filled_lots == sum(int(m.get(tags.LAST_QTY)) for m in of_order), order_id


def _is_about_an_order(message: Message) -> bool:
    return message.get(tags.ORDER_ID) != "NONE" and message.get(tags.EXEC_TYPE) not in "I8"


def _row(message: Message) -> tuple[int, int]:
    sequence, _, number = message.get(tags.EXEC_ID).partition("-")
    return (int(sequence), int(number)) if sequence.isdigit() else (0, 0)


def _told(message: Message) -> Told:
    return Told(int(message.get(tags.LEAVES_QTY)), int(message.get(tags.CUM_QTY)), message.get(tags.PRICE))


def day(folder: Path, seed: int) -> None:
    """Play one day."""

    async def acted() -> None:
        async with venue(trading(), folder) as stage:
            await traded(stage, seed)

    uvloop.run(acted())


@pytest.mark.parametrize("seed", range(4))
def test_what_all_were_told_is_what_the_venue_knows(seed: int, tmp_path: Path) -> None:
    """After a random day with torn lines, all open and traded lots and all money are told, each once."""
    day(tmp_path, seed)


def loses_fills(patch: pytest.MonkeyPatch) -> None:
    """Do not tell of trades that leave something open."""
    tell = Blotter._tell
    patch.setattr(
        Blotter,
        "_tell",
        lambda self, ticket, kind, more=(): None if ticket.status == "1" else tell(self, ticket, kind, more),
    )


def one_side_only(patch: pytest.MonkeyPatch) -> None:
    """Tell the side that came last only."""
    fold = Blotter.fold
    patch.setattr(
        Blotter,
        "fold",
        lambda self, entry, told: [r for r in fold(self, entry, told) if r.owner == entry.command.actor],
    )


def old_price(patch: pytest.MonkeyPatch) -> None:
    """Forget the price of a replacement."""
    amended = Blotter.amended

    def kept(self: Blotter, event: OrderAmended, name: str) -> None:
        ticket = self.tickets.get(event.order_id)
        price = ticket.price_tenge_per_tonne if ticket else event.price_tenge_per_tonne
        amended(self, msgspec.structs.replace(event, price_tenge_per_tonne=price), name)

    patch.setattr(Blotter, "amended", kept)
    patch.setattr(blotter, "_FOLDS", {**blotter._FOLDS, OrderAmended: kept})


def keeps_nothing(patch: pytest.MonkeyPatch) -> None:
    """Keep no report for whoever is away."""
    patch.setattr(acceptor.Seat, "keep", lambda *_: None)


@pytest.mark.parametrize(
    "plant", [loses_fills, one_side_only, old_price, keeps_nothing], ids=lambda plant: plant.__name__
)
def test_the_comparison_sees_a_planted_bug(plant: Planting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the bug what all were told is not what the venue knows."""
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        _days(tmp_path)


def _days(folder: Path) -> None:
    for seed in range(4):
        day(folder / str(seed), seed)
