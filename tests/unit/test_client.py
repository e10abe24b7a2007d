"""The clients against a real venue: what is sent once takes effect once, and a stream that is cut loses nothing."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, get_args

import httpx
import msgspec
import pytest
from tests.message_samples import sample
from tests.stream_samples import NaiveReader, book_of
from tests.stream_server import Doors, doors
from tests.trading_samples import REGIONAL, offer

from naryq.client import AsyncClient, Client, following, wire
from naryq.client.following import Following
from naryq.gateways.rest_routes import reader
from naryq.messages import AnyCommand, Code, OrderAccepted, Refusal, SubmitOrder
from naryq.messages.routes import ROUTES, STAMP, Taken
from naryq.messages.stream import Beat, Own, Resumed, Snapshot, Update

KINDS: tuple[Any, ...] = get_args(AnyCommand)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(following, "LONGEST_PAUSE_SECONDS", 0.001)


def played(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 60)

    asyncio.run(limited())


# --- Requests -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_sent_is_what_is_read(kind: Any) -> None:
    """For every command the venue reads from the client's request the very command that was meant."""
    meant = sample(kind)
    route = next(route for route in ROUTES if route.kind is kind)
    fields = {name: getattr(meant, name) for name in meant.__struct_fields__ if name not in STAMP}
    request = wire.request_of(kind, fields, "sample")
    in_path = {name: str(getattr(meant, name)) for name in route.in_path}
    assert (request.method, request.path) == (route.method, route.path.format(**in_path))
    found = reader(route)(request.body or b"", in_path)(command_id="sample", actor="nobody", at_ns=0)
    assert found == meant


def test_names_with_a_slash_go_into_a_path() -> None:
    """An obligation's identifier has a slash, and stands in the path as one name."""
    request = wire.request_of(SubmitOrder, offer("a", 1, 1), "x")
    assert request.path == "/v1/orders"
    kind = next(kind for kind in KINDS if kind.__name__ == "PayObligation")
    assert (
        wire.request_of(kind, {"obligation_id": "day/1", "amount_tiyn": 5}, "x").path
        == "/v1/obligations/day%2F1/payments"
    )


def test_what_is_no_command_is_refused_before_it_is_sent() -> None:
    """A field that is missing, unknown or of a wrong type is refused here."""
    for fields in ({}, {**offer("a", 1, 1), "more": 1}, offer("a", "dear", 1)):  # type: ignore[arg-type]
        with pytest.raises(Refusal) as refused:
            wire.request_of(SubmitOrder, fields, "x")
        assert refused.value.code == Code.WRONG_TYPE


# --- Commands -------------------------------------------------------------------------------------------------------


def test_both_clients_trade(tmp_path: Path) -> None:
    """Orders are sent, amended, listed and taken back by either client, and a refusal is raised with its code."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            await asyncio.to_thread(_trade, opened)
            async with AsyncClient(opened.address, opened.keys["zhanaozen"]) as venue:
                named: Any = {"session_id": "day", "order_id": "hers"}
                taken = await venue.submit_order(**named, place=REGIONAL, side="sell", price=90_000, lots=5)
                assert isinstance(taken.events[0], OrderAccepted)
                await venue.amend_order(**named, price=91_000)
                mine = await venue.snapshot("own")
                assert isinstance(mine, Own)
                assert [order.price_tenge_per_tonne for order in mine.orders] == [91_000]
                await venue.cancel_all()
                with pytest.raises(Refusal) as refused:
                    await venue.cancel_order(**named)
                assert refused.value.code == Code.UNKNOWN_ORDER
                assert [each["instrument"]["code"] async for each in venue.pages("/v1/instruments", limit=1)] == [
                    REGIONAL
                ]

    played(scenario)


def _trade(opened: Doors) -> None:
    with Client(opened.address, opened.keys["zhanaozen"]) as venue:
        named: Any = {"session_id": "day", "order_id": "mine"}
        taken = venue.submit_order(**named, place=REGIONAL, side="sell", price=90_000, lots=5)
        assert isinstance(taken.events[0], OrderAccepted)
        venue.amend_order(**named, lots=3)
        mine = venue.snapshot("own")
        assert isinstance(mine, Own)
        assert [order.quantity_lots for order in mine.orders] == [3]
        venue.cancel_order(**named)
        with pytest.raises(Refusal) as refused:
            venue.cancel_all()
        assert refused.value.code == Code.UNKNOWN_ORDER
        assert [each["instrument"]["code"] for each in venue.pages("/v1/instruments", limit=1)] == [REGIONAL]
    with Client(opened.address, "naryq_no") as venue, pytest.raises(Refusal) as refused:
        venue.get("/v1/instruments")
    assert refused.value.code == Code.NOT_AUTHENTICATED


class Losing(httpx.AsyncBaseTransport):
    """Carries every request, and loses the answers of the first few."""

    def __init__(self, lost: int, answer: httpx.Response | None = None) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.lost, self.answer = lost, answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if self.lost:
            self.lost -= 1
            await response.aclose()
            if self.answer is not None:
                return self.answer
            raise httpx.ReadError("lost", request=request)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize("answer", [None, httpx.Response(502), httpx.Response(503, json={"code": "outcome_unknown"})])
def test_a_lost_answer_is_had_by_the_same_command_again(tmp_path: Path, answer: httpx.Response | None) -> None:
    """A command whose answer is lost is sent again under its identifier, and takes effect once."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            before = opened.house.state.sequence
            transport = Losing(2, answer)
            async with AsyncClient(opened.address, opened.keys["zhanaozen"], transport=transport) as venue:
                taken = await venue.send(SubmitOrder, **offer("mine", 90_000, 5))
            assert taken.repeated
            assert taken.sequence == opened.house.state.sequence == before + 1

    played(scenario)


def test_another_identifier_for_a_repeat_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that gave each try an identifier of its own is caught: the order would be sent twice."""
    plain = httpx.AsyncClient.request

    async def careless(client: httpx.AsyncClient, *given: Any, **named: Any) -> httpx.Response:
        named["headers"]["Idempotency-Key"] = wire.new_command_id()
        return await plain(client, *given, **named)

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            monkeypatch.setattr(httpx.AsyncClient, "request", careless)
            async with AsyncClient(opened.address, opened.keys["zhanaozen"], transport=Losing(1)) as venue:
                with pytest.raises(Refusal) as refused:
                    await venue.send(SubmitOrder, **offer("mine", 90_000, 5))
            assert refused.value.code == Code.DUPLICATE_ID

    played(scenario)


@pytest.mark.parametrize("last", [b'{"code":"stopped"}', b'{"code":"busy"}', b"<html>"])
def test_who_does_not_know_says_so(last: bytes) -> None:
    """Where an earlier try may have been taken, no later `stopped` or `busy` is passed off as `not kept`."""
    patience = wire.Patience("mine")
    patience.failed(OSError("lost"))
    for _ in range(wire.TRIES - 2):
        assert not patience.is_over(503, last)
    with pytest.raises(Refusal) as refused:
        patience.is_over(503, last)
    assert (refused.value.code, refused.value.where) == (Code.OUTCOME_UNKNOWN, "command_id mine")


def test_what_was_never_taken_is_refused_as_the_venue_says() -> None:
    """A venue that was busy at every try is busy; what is final is not asked again."""
    patience = wire.Patience("mine")
    asked = 1
    while not patience.is_over(503, b'{"code":"busy"}'):
        asked += 1
    assert asked == wire.TRIES
    assert wire.refusal_in(503, b'{"code":"busy"}').code == Code.BUSY
    assert wire.Patience("mine").is_over(409, b'{"code":"wrong_phase"}')
    assert wire.Patience("mine").is_over(500, b"<html>")
    assert wire.Patience("mine").is_over(200, b"")


def test_nobody_there_is_told(tmp_path: Path) -> None:  # noqa: ARG001 - as the others
    """A venue that cannot be reached ends a command in `outcome_unknown`, and a question in `stopped`."""
    with Client("http://127.0.0.1:9", "naryq_no") as venue:
        with pytest.raises(Refusal) as refused:
            venue.cancel_all(command_id="mine")
        assert (refused.value.code, refused.value.where) == (Code.OUTCOME_UNKNOWN, "command_id mine")
        with pytest.raises(Refusal) as refused:
            venue.get("/v1/instruments")
        assert refused.value.code == Code.STOPPED
        with pytest.raises(Refusal) as refused:
            venue.snapshot("venue")
        assert refused.value.code == Code.STOPPED


# --- Streams --------------------------------------------------------------------------------------------------------


class Cutting(httpx.AsyncBaseTransport):
    """Cuts every stream after some bytes, in the middle of a message as often as not."""

    def __init__(self, draw: random.Random) -> None:
        self.inner, self.draw, self.cuts = httpx.AsyncHTTPTransport(), draw, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        if request.url.path != following.PATH:
            return response
        return httpx.Response(response.status_code, headers=response.headers, stream=self.cut(response))

    def cut(self, response: httpx.Response) -> httpx.AsyncByteStream:
        transport = self

        class Cut(httpx.AsyncByteStream):
            async def __aiter__(self) -> AsyncIterator[bytes]:
                left = transport.draw.randint(1, 3_000)
                async for piece in response.stream:  # type: ignore[union-attr]
                    yield piece[:left]
                    left -= len(piece)
                    if left <= 0:
                        transport.cuts += 1
                        raise httpx.ReadError("cut")

            async def aclose(self) -> None:
                await response.aclose()

        return Cut()

    async def aclose(self) -> None:
        await self.inner.aclose()


async def listened(opened: Doors, draw: random.Random, until: int) -> tuple[list[Any], int]:
    """Hear one's own orders and the market over a connection that is cut again and again."""
    transport = Cutting(draw)
    found: list[Any] = []
    async with (
        AsyncClient(opened.address, opened.keys["zhanaozen"], transport=transport) as venue,
        aclosing(venue.stream("own", "market/day", after=opened.house.state.sequence)) as messages,  # type: ignore[type-var]
    ):
        async for message in messages:
            found.append(message)
            known = {each.channel: each.sequence for each in found if isinstance(each, Update)}
            if len(known) == 2 and min(known.values()) >= until:
                break
    return found, transport.cuts


@pytest.mark.parametrize("seed", range(3))
def test_a_stream_that_is_cut_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    """Every own order is heard once, in order, and the book is right, however often the connection is cut."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            until = opened.house.state.sequence + 150
            listening = asyncio.create_task(listened(opened, random.Random(seed), until))
            await asyncio.sleep(0.05)
            for number in range(150):
                await opened.must(SubmitOrder, "zhanaozen", **offer(f"o{number}", 90_000 + number % 7, 1 + number % 3))
                await asyncio.sleep(0.002)
            found, cuts = await listening
            assert cuts >= 3
            own = [each for each in found if isinstance(each, Update) and each.channel == "own"]
            heard = [event.order_id for each in own for event in each.events if isinstance(event, OrderAccepted)]
            assert heard == [f"o{number}" for number in range(150)]
            naive = NaiveReader()
            naive.sequence = 0
            for each in found:
                if isinstance(each, Update) and each.channel == "market/day":
                    naive.hear(each)
            assert naive.levels == book_of(opened.house.state)

    played(scenario)


def test_a_stream_ends_with_the_refusal_of_its_channel(tmp_path: Path) -> None:
    """Who may not listen is told so and does not come again."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened, AsyncClient(opened.address, opened.keys["aktau"]) as venue:
            for channel, code in (
                ("regulator", Code.NOT_PERMITTED),
                ("market/no", Code.UNKNOWN_SESSION),
                ("x", Code.WRONG_TYPE),
            ):
                with pytest.raises(Refusal) as refused:
                    await venue.snapshot(channel)
                assert refused.value.code == code
            with pytest.raises(Refusal) as refused:
                async for _ in venue.stream():
                    pass
            assert refused.value.code == Code.EMPTY

    played(scenario)


def events(*messages: Any, mark: int | None = None) -> bytes:
    spelled = b"".join(b"data: %b\n\n" % msgspec.json.encode(message) for message in messages)
    return spelled if mark is None else spelled + b"id: %d\n\n" % mark


def test_what_is_known_decides_what_is_news() -> None:
    """A repeated update is dropped, one behind a gap begins anew with a snapshot, and a mark is what is asked for."""
    known = Following(("venue",))
    assert known.query() == (("channel", "venue"), ("after", ""))
    content = Own(())
    first = events(Snapshot("venue", 5, content), mark=5)
    assert [each for piece in (first[:20], first[20:]) for each in known.hear(piece)] == [Snapshot("venue", 5, content)]
    assert known.query() == (("channel", "venue"), ("after", 5))
    update = Update("venue", 4, 7, ())
    assert list(known.hear(events(Resumed("venue", 5), update, update, mark=7))) == [Resumed("venue", 5), update]
    assert list(known.hear(events(Beat(9), mark=9))) == [Beat(9)]
    assert list(known.hear(events(Update("venue", 10, 12, ())))) == []
    assert known.is_behind
    assert known.query() == (("channel", "venue"), ("after", ""))


def test_a_dropped_reader_comes_again_unless_it_is_not_wanted() -> None:
    """Who was too slow resumes; whose key is gone is refused."""
    known = Following(("venue",), after=3)
    assert list(known.hear(b'data: {"type":"Dropped","code":4008,"reason":"slow"}\n\n')) == []
    assert known.is_behind
    assert known.query()[-1] == ("after", 3)
    with pytest.raises(Refusal) as refused:
        list(known.hear(b'data: {"type":"Dropped","code":4001,"reason":"gone"}\n\n'))
    assert refused.value.code == Code.NOT_AUTHENTICATED


def test_an_answer_of_somebody_else_is_refused() -> None:
    """What is no answer of a venue is unreadable, not a traceback."""
    for status, body in ((200, b"<html>"), (404, b"<html>"), (500, b""), (400, b'{"code":"of_tomorrow"}'), (302, b"")):
        with pytest.raises(Refusal) as refused:
            wire.taken(status, body)
        assert refused.value.code == Code.UNREADABLE
    assert wire.taken(200, b'{"sequence":1,"repeated":false,"events":[]}') == Taken(1, False, ())  # noqa: FBT003
