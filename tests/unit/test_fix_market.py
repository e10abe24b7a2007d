"""What the market shows over FIX: snapshots and changes, listings, the phases of sessions, and nothing sealed."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fix_venue import Open, player
from tests.trading_samples import bid, offer, trading

from naryq.gateways.fix import dictionary, tags, times
from naryq.messages import ChangePhase, SubmitOrder


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Play a scene before an open venue, by default with a continuous session over butane for KZ-47."""
    return player(tmp_path)


def entries(message: Any) -> list[tuple[str, ...]]:
    """Return the entries of market data: action, kind, price and size."""
    found = dictionary.load().entries(message, tags.NO_MD_ENTRIES)
    return [tuple(each.get(tag, "") for tag in (279, 269, 270, 271)) for each in found]


def test_market_data_comes_as_a_snapshot_and_then_as_changes(play: Callable[..., None]) -> None:
    """The book and what has traded are shown whole once, and then by what has changed, until nobody wants it."""

    async def scene(stage: Open) -> None:
        await stage.must(SubmitOrder, "zhanaozen", **offer("s1", 90_000, 5))
        await stage.must(SubmitOrder, "atyrau", **offer("s2", 90_000, 1))
        kinds = ["267=4", "269=0", "269=1", "269=2", "269=B"]
        async with stage.trader("press") as reader:
            await reader.send("V", "262=r", "263=1", "264=0", "265=1", *kinds, "146=1", "55=ZH-47")
            message = await reader.hear("W")
            assert message is not None
            assert (message.get(55), message.get(262), message.get(336)) == ("ZH-47", "r", "day")
            assert entries(message) == [("", "1", "90000", "6")]
            assert (message.get(290), message.get(346)) == ("1", "2")
            await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 6))
            message = await reader.hear("X")
            assert entries(message) == [("2", "1", "90000", ""), ("0", "2", "90000", ""), ("0", "B", "", "6")]
            await stage.must(SubmitOrder, "aktau", **bid("b2", 85_000, 2))
            assert entries(await reader.hear("X")) == [("0", "0", "85000", "2")]
            await stage.must(SubmitOrder, "dossor", **bid("b3", 85_000, 1))
            assert entries(await reader.hear("X")) == [("1", "0", "85000", "3")]
            await reader.send("V", "262=r", "263=2", "264=0", *kinds, "146=1", "55=ZH-47")
            await stage.must(SubmitOrder, "dossor", **bid("b4", 86_000, 1))
            await asyncio.sleep(0.2)
            await reader.nothing()

    play(scene)


def test_depth_and_whole_updates(play: Callable[..., None]) -> None:
    """Of a depth of one only the best prices are shown, and updates may come as whole snapshots."""

    async def scene(stage: Open) -> None:
        for number, price in enumerate((90_000, 91_000)):
            await stage.must(SubmitOrder, "zhanaozen", **offer(f"s{number}", price, 1))
        async with stage.trader("press") as reader:
            await reader.send("V", "262=r", "263=1", "264=1", "265=0", "267=1", "269=1", "146=1", "55=ZH-47")
            assert entries(await reader.hear("W")) == [("", "1", "90000", "1")]
            await stage.must(SubmitOrder, "zhanaozen", **offer("s9", 89_000, 1))
            assert entries(await reader.hear("W")) == [("", "1", "89000", "1")]
            await stage.must(SubmitOrder, "zhanaozen", **offer("s8", 99_000, 1))
            await asyncio.sleep(0.2)
            await reader.nothing()

    play(scene)


def test_requests_that_cannot_be_met_are_declined(play: Callable[..., None]) -> None:
    """An unknown symbol or session, a request of a name that is open, a wrong depth: each with FIX's own reason."""

    async def scene(stage: Open) -> None:
        tail = ["267=1", "269=1", "146=1"]
        async with stage.trader("press") as reader:
            await reader.send("V", "262=r", "263=1", "264=0", "265=1", *tail, "55=ZH-47")
            await reader.hear("W")
            for fields, reason in (
                (["262=r", "263=1", "264=0", "265=1", *tail, "55=ZH-47"], "1"),
                (["262=a", "263=0", "264=0", *tail, "55=NOWHERE"], "0"),
                (["262=a", "263=0", "264=0", *tail, "55=ZH-47", "386=1", "336=none"], "0"),
                (["262=a", "263=0", "264=-1", *tail, "55=ZH-47"], "5"),
                (["262=a", "263=1", "264=0", *tail, "55=ZH-47"], "6"),
            ):
                await reader.send("V", *fields)
                message = await reader.hear("Y")
                assert message is not None
                assert (message.get(262), message.get(281)) == (fields[0][4:], reason)

    play(scene)


CANARY_PRICE, CANARY_LOTS = 87_654, 4_321


@pytest.mark.parametrize("kind", ["call", "continuous"])
def test_a_sealed_order_is_nowhere(play: Callable[..., None], kind: str) -> None:
    """Of an order in a book that is not open nobody but its owner hears its price or its size, in any message."""
    desk = trading(kind) if kind == "call" else trading(opening_call=True)

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as owner, stage.trader("press") as reader, stage.trader("aktau") as other:
            for each in (reader, other):
                types = ["267=8", *(f"269={kind}" for kind in "0124789B")]
                await each.send("V", "262=r", "263=1", "264=0", "265=1", *types, "146=1", "55=ZH-47")
                await each.send("g", "335=s", "263=1")
            await owner.order("2", CANARY_PRICE, CANARY_LOTS if kind == "call" else 321)
            await owner.report(t150="0", t44=str(CANARY_PRICE))
            await asyncio.sleep(0.2)
            for each in (reader, other):
                await each.send("V", "262=q", "263=0", "264=0", *types, "146=1", "55=ZH-47")
                await each.send("x", "320=x", "559=4")
                await each.hear("W")
                await each.hear("h")
                await each.hear("W")
                await each.hear("y")
                await each.nothing()
                said = each.all_bytes.decode("latin-1")
                assert str(CANARY_PRICE) not in said
                assert f"={CANARY_LOTS}\x01" not in said
                assert "=321\x01" not in said
            assert str(CANARY_PRICE) in owner.all_bytes.decode("latin-1"), "the canary sings to its owner"

    play(scene, desk)


def test_what_is_traded_is_listed(play: Callable[..., None]) -> None:
    """Every instrument with its lot, once for each session that trades it, or one alone."""

    async def scene(stage: Open) -> None:
        async with stage.trader("press") as reader:
            await reader.send("x", "320=all", "559=4")
            message = await reader.hear("y")
            assert message is not None
            listed = dictionary.load().entries(message, tags.NO_RELATED_SYM)
            assert [(each[55], each[231], each.get(336)) for each in listed] == [
                ("ZH-47", "36.000", "day"),
                ("ZH-KZ", "36.000", None),
            ]
            assert (message.get(393), message.get(560), message.get(893)) == ("2", "0", "Y")
            for symbol, result in (("ZH-KZ", "0"), ("NONE", "2")):
                await reader.send("x", "320=one", "559=0", f"55={symbol}")
                message = await reader.hear("y")
                assert message is not None
                assert (message.get(560), message.get(146)) == (result, "1" if result == "0" else "0")

    play(scene)


def test_the_phases_of_sessions_are_told(play: Callable[..., None]) -> None:
    """Whoever asks hears of each session on, its phase and its hours, and of each change of phase if he wants to."""

    async def scene(stage: Open) -> None:
        async with stage.trader("press") as reader:
            await reader.send("g", "335=s", "263=1", "336=day")
            message = await reader.hear("h")
            assert message is not None
            shown = stage.house.state.sessions["day"].opened
            assert [message.get(tag) for tag in (335, 336, 340, 325, 58)] == ["s", "day", "2", "N", "continuous"]
            assert message.get(341) == times.written(shown.opens_at_ns)
            await stage.must(ChangePhase, "operator", session_id="day", phase="halted", reason="as the test says")
            message = await reader.hear("h")
            assert message is not None
            assert [message.get(tag) for tag in (336, 340, 325, 58)] == ["day", "1", "Y", "halted"]
            await reader.send("g", "335=n", "263=0", "336=none")
            message = await reader.hear("h")
            assert message is not None
            assert message.get(340) == "6"

    play(scene)
