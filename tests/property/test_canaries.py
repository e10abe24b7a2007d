"""Sealed is sealed: numbers that stand in no other place are looked for in all that the doors say to all others.

Every sealed order has a price, a quantity and a name of its own. Whatever REST answers, the stream tells and the logs
keep is searched for them, for every viewer but the owner, until the prices are found. Whole numbers are compared, so
that a canary is not found inside a time; sums that give it away (price times lots, and what is held) are canaries too.
"""

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from tests.stream_server import Doors, doors
from tests.trading_samples import REGIONAL, over
from tests.venue_samples import DAY, PEOPLE, opening, order, rulebook

from naryq.gateways import rest
from naryq.gateways.house import House
from naryq.gateways.stream_hub import Reader
from naryq.messages import (
    AmendOrder,
    ClearSession,
    CloseSession,
    Deposit,
    OpenSession,
    OrderAccepted,
    OrderSecured,
    StandardTerms,
    SubmitOrder,
)
from naryq.showing import Viewer, announcements, answers, books, distances, seals, sessions
from naryq.showing.announcements import RULES
from naryq.showing.board import Line

RULES_OF_THE_DAY: dict[str, Any] = {
    "settlement": "against_delivery",
    "guarantee_share": 1_000,
    "exchange_fee": 10,
    "payment_days": 5,
    "delivery_days": 10,
    "batch_highest": 999_983,
    "order_lots_highest": 999_979,
    "self_trade": "cancel_newest",
    "who_may_stop": ("operator", "regulator"),
}
SESSIONS = ("net", "calls", "sealed", "opening")
GROUPED = re.compile(r"(?<=\d)[ ,_\u00a0\u2009\u202f](?=\d{3}\b)")


class Canary(NamedTuple):
    """One sealed order, which nobody but its owner may see."""

    owner: str
    session_id: str
    order_id: str
    side: str
    price: int
    lots: int

    def marks(self) -> frozenset[str]:
        """Return what gives the order away: its name, its numbers, and what follows from them."""
        turnover = self.price * self.lots
        value_tiyn = turnover * 36 * 100
        amounts_tiyn = (value_tiyn, value_tiyn // 10, value_tiyn // 1_000)
        numbers = (self.price, self.lots, turnover, *amounts_tiyn, *(amount // 100 for amount in amounts_tiyn))
        return frozenset({self.order_id, *map(str, numbers)})

    def fields(self) -> dict[str, Any]:
        """Return the fields of its `SubmitOrder`."""
        places = {"sell": "ZH", "buy": "KZ-47"}
        place = places[self.side] if self.session_id == "net" else REGIONAL
        fields = order(self.order_id, place, self.side, price=self.price, lots=self.lots, session_id=self.session_id)
        over_instrument = self.side == "buy" and self.session_id != "net"
        return {**fields, "delivery": "KZ-47" if over_instrument else None}


def canaries() -> Iterator[Canary]:
    number = 0
    for session_id in SESSIONS:
        for owner, side in (("zhanaozen", "sell"), ("atyrau", "sell"), ("aktau", "buy"), ("dossor", "buy")):
            if (session_id == "sealed" and side == "sell") or (owner == "dossor" and session_id != "net"):
                continue  # Who has one order only is given away by every sum over his orders.
            number += 1
            yield Canary(owner, session_id, f"canary-{number:03d}", side, 83_011 + 37 * number, 5_003 + 13 * number)


CANARIES = tuple(canaries())
TERMS = StandardTerms(
    initiator_id="atyrau",
    initiator="seller",
    direction="up",
    format="sealed",
    payment="pay_as_bid",
    lots=100_000,
    start_price_tenge_per_tonne=80_000,
    reserve_price_tenge_per_tonne=81_973,
)
RESERVE = "81973"


def tokens(text: str) -> frozenset[str]:
    """Return the numbers and the names of a text."""
    return frozenset(re.findall(r"canary-\d+|\d+", GROUPED.sub("", text)))


def leaks(viewer: str, text: str, known: frozenset[str] = frozenset()) -> set[str]:
    """Return what a viewer is told of orders that are not his; what he has named himself does not count."""
    found = tokens(text) - known
    told = {f"{mark} of {each.order_id}" for each in CANARIES if each.owner != viewer for mark in each.marks() & found}
    return told | ({"the reserve"} if viewer != TERMS.initiator_id and RESERVE in found else set())


class Ears:
    """A reader of every channel that a viewer is given."""

    def __init__(self, opened: Doors, viewer: str) -> None:
        self.viewer = viewer
        self.readers = [self._reader(opened, form) for form in ("text", "event")]

    def _reader(self, opened: Doors, form: Any) -> Reader:
        reader = Reader(Viewer(self.viewer, PEOPLE[self.viewer]), form)  # type: ignore[arg-type]  # of the closed list
        assert opened.hub.join(reader)
        for channel in ("venue", "own", "operator", "regulator", *(f"market/{name}" for name in (*SESSIONS, "day"))):
            opened.hub.subscribe(reader, channel)
        return reader

    def heard(self) -> str:
        pieces = [piece for reader in self.readers for piece in reader.take()]
        return "\n".join(piece if isinstance(piece, str) else bytes(piece).decode() for piece in pieces)  # type: ignore[arg-type]


async def asked(opened: Doors, viewer: str) -> list[tuple[str, str, frozenset[str]]]:
    """Ask every question of REST as a viewer, about every session and every canary; return what was said."""
    found = []
    headers = opened.authorization(viewer) if viewer else {}
    transport = httpx.ASGITransport(opened.app)
    async with httpx.AsyncClient(base_url="http://venue", headers=headers, transport=transport) as client:
        for path in paths():
            answer = await client.get(path)
            found.append((path, f"{answer.headers!r}{answer.text}", tokens(path)))
    return found


def paths() -> list[str]:
    """Return every path that is asked for, with its names filled in."""
    values = {
        "session_id": (*SESSIONS, "day"),
        "order_id": tuple(each.order_id for each in CANARIES[::5]),
        "day": (DAY, *(f"{DAY}?participant={person}" for person in ("aktau", "zhanaozen"))),
    }
    found = ["/health", "/ready", "/metrics", "/v1/nowhere"]
    for operation in rest.OPERATIONS:
        if operation.method == "GET":
            names = re.findall(r"{(\w+)}", operation.path)
            assert len(names) <= 1, "a path has one name at most"
            filled = values.get(names[0], ("nobody",)) if names else ("",)
            found.extend(re.sub(r"{\w+}", value, operation.path) for value in filled)
    return found


async def prepared(opened: Doors) -> None:
    """Open every kind of sealed session, and give everybody money."""
    for number, person in enumerate(PEOPLE):
        if PEOPLE[person] in {"seller", "buyer"}:
            fields = {"participant_id": person, "amount_tiyn": 10**15, "bank_reference": f"bank-{number}"}
            await opened.must(Deposit, "operator", **fields)
    await opened.must(OpenSession, "operator", **opening("net"))
    await opened.must(OpenSession, "operator", **over("call", "calls"))
    await opened.must(OpenSession, "operator", **over("continuous", "opening", opening_call=True))
    await opened.must(OpenSession, "operator", **over("standard", "sealed", standard=TERMS))


async def sent(opened: Doors) -> None:
    """Send the canaries, and let one be amended to itself and a few commands be refused."""
    for each in CANARIES:
        await opened.must(SubmitOrder, each.owner, **each.fields())
    first = CANARIES[0]
    fields = {"session_id": first.session_id, "order_id": first.order_id, "quantity_lots": first.lots}
    await opened.must(AmendOrder, first.owner, **fields)


async def meddled(opened: Doors, viewers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Try to find out by commands: change and cancel others' orders, stop and suspend people; return the answers."""
    said: list[tuple[str, str]] = []
    for viewer in viewers:
        transport = httpx.ASGITransport(opened.app)
        headers = opened.authorization(viewer)
        async with httpx.AsyncClient(base_url="http://venue", headers=headers, transport=transport) as client:
            for number, (method, path, body) in enumerate(meddling(viewer)):
                key = {"Idempotency-Key": f"{viewer}-{number}"}
                answer = await client.request(method, path, headers=key, json=body)
                said.append((viewer, re.sub(path.rpartition("/")[2], "", answer.text)))
    return said


def meddling(viewer: str) -> Iterator[tuple[str, str, dict[str, Any] | None]]:
    for each in CANARIES[::2]:
        if viewer != each.owner:
            path = f"/v1/sessions/{each.session_id}/orders/{each.order_id}"
            yield "PATCH", path, {"quantity_lots": 1}
            yield "DELETE", path, None
    yield "POST", "/v1/orders/cancel-all", {"participant_id": "aktau", "session_id": "calls"}
    yield "POST", "/v1/stops", {"scope": "participant", "target": "atyrau", "reason": "a test"}
    yield "POST", "/v1/participants/zhanaozen/suspend", {"reason": "a test"}


async def swept(opened: Doors, ears: list[Ears]) -> set[str]:
    """Return every leak in what REST answers and the stream tells to everybody."""
    opened.hub.flush()
    found = {f"stream to {each.viewer}: {leak}" for each in ears for leak in leaks(each.viewer, each.heard())}
    for viewer in dict.fromkeys(("", *(each.viewer for each in ears))):
        for path, text, known in await asked(opened, viewer):
            found |= {f"{path} to {viewer or 'nobody'}: {leak}" for leak in leaks(viewer, text, known)}
    return found


async def searched(folder: Path, logged: Callable[[], str], viewers: tuple[str, ...]) -> set[str]:
    """Play sealed sessions up to their reveal, and return all leaks."""
    async with doors(folder, text=rulebook(**RULES_OF_THE_DAY)) as opened:
        opened.house.access.rates = Patient()  # type: ignore[assignment]  # We ask more than anybody may.
        await prepared(opened)
        ears = [Ears(opened, viewer) for viewer in viewers]
        await sent(opened)
        found = await swept(opened, ears)
        for viewer, text in await meddled(opened, viewers):
            found |= {f"an answer to {viewer}: {leak}" for leak in leaks(viewer, text)}
        found |= await swept(opened, [*ears, *(Ears(opened, viewer) for viewer in viewers)])
        opened.house.access.audit.keep()
        return found | {f"log: {leak}" for leak in leaks("", logged())}


class Patient:
    """Lets everybody ask as often as he likes."""

    def check(self, *_: object) -> None:
        pass


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    caplog.set_level(logging.DEBUG)
    ours = ("naryq", "uvicorn", "starlette", "asyncio")
    return lambda: "\n".join(each.getMessage() for each in caplog.records if each.name.startswith(ours))


def run(folder: Path, logged: Callable[[], str], viewers: tuple[str, ...] = tuple(PEOPLE)) -> set[str]:
    return asyncio.run(asyncio.wait_for(searched(folder, logged, viewers), 120))


def test_nothing_of_a_sealed_order_is_told_to_others(tmp_path: Path, logged: Callable[[], str]) -> None:
    """No door, answer, stream or log says a sealed order's price, lots, name or value to anybody but its owner."""
    assert run(tmp_path, logged) == set()


# --- The search sees what is there ----------------------------------------------------------------------------------


def test_owners_and_the_end_are_seen(tmp_path: Path) -> None:
    """The same search finds each order at its owner's, by REST and stream, and what has traded once it is found."""

    async def scenario() -> None:
        async with doors(tmp_path, text=rulebook(**RULES_OF_THE_DAY)) as opened:
            opened.house.access.rates = Patient()  # type: ignore[assignment]
            await prepared(opened)
            ears = {viewer: Ears(opened, viewer) for viewer in PEOPLE}
            await sent(opened)
            opened.hub.flush()
            for each in CANARIES:
                told = await asked(opened, each.owner)
                assert {each.order_id, str(each.price), str(each.lots)} <= {
                    x for _, text, _ in told for x in tokens(text)
                }
            for owner, one in ears.items():
                mine = {each.order_id for each in CANARIES if each.owner == owner}
                assert {token for token in tokens(one.heard()) if token.startswith("canary")} == mine
            opened.clock_ns = opened.house.state.sessions["calls"].opened.closes_at_ns
            for kind in (CloseSession, ClearSession):
                await opened.must(kind, "operator", session_id="calls")
            opened.hub.flush()
            heard = tokens(ears["press"].heard())
            assert any(str(each.lots) in heard for each in CANARIES if each.session_id == "calls")
            assert not any(token.startswith("canary") for token in heard)

    asyncio.run(asyncio.wait_for(scenario(), 120))


def _open_every_book(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Line, "is_open_book", property(lambda _: True))


def _tell_orders_to_all(plant: pytest.MonkeyPatch) -> None:
    everybody = {**RULES, OrderAccepted: lambda _, event: iter([("venue", event)])}
    plant.setattr(announcements, "RULES", everybody)


def _tell_orders_to_the_regulator(plant: pytest.MonkeyPatch) -> None:
    watchers = {**RULES, OrderSecured: lambda _, event: iter([("regulator", event)])}
    plant.setattr(announcements, "RULES", watchers)


def _publish_the_reserve(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(sessions, "public_terms", lambda opened: opened)


def _show_every_book(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(books, "shows_book", lambda session: session.book is not None)


def _count_sealed_bids(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(distances, "sealed_bids_kg", lambda _: Counter())


def _show_todays_statements(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(seals, "check_statement", lambda *_: None)


def _answer_with_everything(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(answers, "OF_ORDERS", ())


def _log_commands(plant: pytest.MonkeyPatch) -> None:
    whole = House.offer

    def offer(house: House, commands: Any, **more: Any) -> Any:
        logging.getLogger("naryq").info("offered %s", commands)
        return whole(house, commands, **more)

    plant.setattr(House, "offer", offer)


LEAKS = (
    _open_every_book,
    _tell_orders_to_all,
    _tell_orders_to_the_regulator,
    _publish_the_reserve,
    _show_every_book,
    _count_sealed_bids,
    _show_todays_statements,
    _answer_with_everything,
    _log_commands,
)


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_found(
    leak: Callable[[pytest.MonkeyPatch], None],
    tmp_path: Path,
    logged: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A book shown too early, an order told to one role too many, a sum, an answer, a log: each is found."""
    leak(monkeypatch)
    assert run(tmp_path, logged, ("operator", "regulator", "press")) != set()
