"""The venue over FIX: orders and what becomes of them, market data, listings, and who may ask for what."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from tests.fix_venue import Open, Trader, journal_of, player, venue
from tests.trading_samples import bid, trading
from tests.venue_samples import Desk, opened, rulebook

from naryq.engine import Engine
from naryq.gateways.fix import store, tags, wire
from naryq.gateways.fix.blotter import name_of
from naryq.gateways.fix.schedule import Schedule
from naryq.messages import (
    AmendOrder,
    CancelAll,
    ClearSession,
    CloseSession,
    StopTrading,
    SubmitOrder,
)


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Play a scene before an open venue, by default with a continuous session over butane for KZ-47."""
    return player(tmp_path)


def test_an_order_is_told_of_from_its_first_to_its_last_step(play: Callable[..., None]) -> None:
    """New, partly filled, replaced, filled: each step is one ExecutionReport with all quantities and the price."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller, stage.trader("aktau") as buyer:
            ask = await seller.order("2", 90_000, 5)
            await seller.report(
                t11=ask, t37=f"zhanaozen:{ask}", t150="0", t39="0", t38="5", t151="5", t14="0", t44="90000", t6="0"
            )
            await buyer.order("1", 91_000, 2)
            await buyer.report(t150="0", t39="0", t9001="KZ-47", t336="day")
            await buyer.report(t150="F", t39="2", t31="90000", t32="2", t14="2", t151="0", t6="90000.00")
            await seller.report(t150="F", t39="1", t31="90000", t32="2", t14="2", t151="3", t38="5")
            await seller.send(
                "G", "11=z9", f"41={ask}", "38=6", "40=2", "44=90001", "54=2", "55=ZH-47", "60=20211231-06:00:00"
            )
            await seller.report(t11="z9", t41=ask, t150="5", t39="1", t38="6", t151="4", t14="2", t44="90001")
            await buyer.order("1", 95_000, 4, "59=3")
            await buyer.report(t150="0")
            await buyer.report(t150="F", t31="90001", t32="4", t39="2")
            await seller.report(t11="z9", t150="F", t39="2", t14="6", t151="0", t6="90000.67")
            await seller.nothing()
            await buyer.nothing()

    play(scene)


def test_what_the_venue_refuses_says_why(play: Callable[..., None]) -> None:
    """A refused order comes back with FIX's reason, and with the code, the place and the remedy as text."""

    async def scene(stage: Open) -> None:
        async with stage.trader("aktau") as buyer:
            await buyer.order("1", 90_000, 1, "336=other", "386=1", name="a")
            await buyer.hear("3")
            await buyer.order("1", 90_000, 1, "386=1", "336=other", name="b")
            report = await buyer.report(t11="b", t150="8", t39="8", t103="2", t37="NONE")
            assert report.get(tags.TEXT).startswith("unknown_session: session_id: ")
            await buyer.order("1", 90_000, 1, "55=NOWHERE", name="c")
            assert (await buyer.report(t11="c", t39="8", t103="1", t55="NOWHERE")).get(tags.TEXT).endswith(".")
            await buyer.order("2", 90_000, 1, name="d")
            report = await buyer.report(t11="d", t39="8", t103="0")
            assert report.get(tags.TEXT).startswith("not_permitted: side: a buyer may not sell")
            await buyer.order("1", 90_000, 1, "38=x", name="e")
            await buyer.hear("3")

    play(scene)


def test_what_an_order_needs_is_asked_for(play: Callable[..., None]) -> None:
    """A session that is not named, a price or a quantity that is not there: the business reject names the field."""

    async def scene(stage: Open) -> None:
        head = ["11=a", "54=1", "55=ZH-47", "60=20211231-06:00:00"]
        async with stage.trader("aktau") as buyer:
            for fields, name in (
                (["40=2", "38=1", "44=5"], "NoTradingSessions"),
                (["40=2", "38=1", "386=1", "336=day"], "Price"),
                (["40=2", "44=1", "386=1", "336=day"], "OrderQty"),
                (["40=2", "44=1", "386=2", "336=day", "336=day2"], "NoTradingSessions"),
            ):
                number = await buyer.send("D", *head, *fields)
                message = await buyer.hear("j")
                assert message is not None
                assert (message.get(380), message.get(45), message.get(379)) == ("5", str(number), "a")
                assert f"{name} is missing" in message.get(tags.TEXT)

    play(scene)


def test_numbers_are_whole(play: Callable[..., None]) -> None:
    """A fraction of zeros is none; any other is refused, and nothing is rounded."""

    async def scene(stage: Open) -> None:
        tail = ["54=2", "55=ZH-47", "60=20211231-06:00:00", "386=1", "336=day"]
        async with stage.trader("zhanaozen") as seller:
            await seller.send("D", "11=a", "38=002.00", "40=2", "44=90000.0", *tail)
            await seller.report(t11="a", t150="0", t38="2", t44="90000")
            for quantity, price in (("2.5", "90000"), ("2", "90000.01"), ("-2", "90000"), ("2", "-1")):
                await seller.send("D", f"11=q{quantity}{price}", f"38={quantity}", "40=2", f"44={price}", *tail)
                report = await seller.report(t39="8", t103="99")
                assert report.get(tags.TEXT).startswith("out_of_range")
            await seller.send("D", "11=big", "38=1000001", "40=2", "44=90000", *tail)
            assert (await seller.report(t39="8")).get(tags.TEXT).startswith("wrong_type")
            await seller.send("D", f"11={'x' * 60}", "38=1", "40=2", "44=90000", *tail)
            assert (await seller.report(t39="8")).get(tags.TEXT).startswith("wrong_type")

    play(scene)


def test_orders_that_do_not_wait(play: Callable[..., None]) -> None:
    """What of an immediate order finds nothing is cancelled at once, with the reason; so is one that would not post."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            await seller.order("2", 90_000, 2, "59=3")
            await seller.report(t150="0", t59="3")
            report = await seller.report(t150="4", t39="4", t151="0", t14="0", t38="2")
            assert report.get(tags.TEXT).startswith("immediate_or_cancel")
            await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 1))
            await seller.order("2", 90_000, 2, "18=6")
            await seller.report(t150="0", t18="6")
            assert (await seller.report(t150="4")).get(tags.TEXT).startswith("post_only")
            await seller.order("2", 90_000, 2, "59=4")
            await seller.report(t150="0", t59="4")
            assert (await seller.report(t150="4")).get(tags.TEXT).startswith("fill_or_kill")

    play(scene)


def test_cancelling_one_and_all(play: Callable[..., None]) -> None:
    """A cancel names the order; a mass cancel takes all of a session, or all, and says how many."""

    async def scene(stage: Open) -> None:
        at = "60=20211231-06:00:00"
        async with stage.trader("zhanaozen") as seller:
            names = [await seller.order("2", 90_000 + n, 1) for n in range(4)]
            for name in names:
                await seller.report(t11=name, t150="0")
            await seller.send("F", "11=x", f"41={names[0]}", "54=2", "55=ZH-47", at)
            await seller.report(t11="x", t41=names[0], t150="4", t39="4", t151="0")
            await seller.send("F", "11=y", "41=x", "54=2", "55=ZH-47", at)
            message = await seller.hear("9")
            assert message is not None
            assert [message.get(tag) for tag in (11, 41, 39, 102, 434)] == ["y", "x", "4", "0", "1"]
            await seller.send("q", "11=m", "530=6", at)
            message = await seller.hear("j")
            await seller.send("q", "11=m", "530=6", "336=day", at)
            message = await seller.hear("r")
            assert message is not None
            assert [message.get(tag) for tag in (11, 530, 531, 533, 336)] == ["m", "6", "6", "3", "day"]
            for name in names[1:]:
                await seller.report(t11=name, t150="4")
            await seller.send("q", "11=n", "530=7", at)
            message = await seller.hear("r")
            assert message is not None
            assert (message.get(531), message.get(532), message.get(58)[:13]) == ("0", "99", "unknown_order")

    play(scene)


def test_a_replacement_changes_price_and_quantity_only(play: Callable[..., None]) -> None:
    """An unknown order, another side or symbol, or no more than has traded: the OrderCancelReject says which."""

    async def scene(stage: Open) -> None:
        at = "60=20211231-06:00:00"
        async with stage.trader("zhanaozen") as seller:
            name = await seller.order("2", 90_000, 5)
            await seller.report(t150="0")
            await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 2))
            await seller.report(t150="F", t14="2")
            for more, reason in (
                (["41=none", "38=9", "40=2", "44=1", "54=2", "55=ZH-47"], "1"),
                ([f"41={name}", "38=9", "40=2", "44=90000", "54=1", "55=ZH-47"], "2"),
                ([f"41={name}", "38=9", "40=2", "44=90000", "54=2", "55=ZH-KZ"], "2"),
                ([f"41={name}", "38=9", "40=1", "54=2", "55=ZH-47"], "2"),
                ([f"41={name}", "38=2", "40=2", "44=90000", "54=2", "55=ZH-47"], "99"),
            ):
                await seller.send("G", f"11=r{more}"[:9], *more, at)
                message = await seller.hear("9")
                assert message is not None
                assert (message.get(102), message.get(434)) == (reason, "2"), message.fields
                if reason != "1":
                    assert (message.get(37), message.get(39)) == (f"zhanaozen:{name}", "1")
            await seller.send("H", f"11={name}", "54=2", "55=ZH-47")
            await seller.report(t11=name, t150="I", t39="1", t38="5", t151="3")

    play(scene)


def test_a_trade_that_crosses_a_replacement_makes_no_order_larger(play: Callable[..., None]) -> None:
    """Where an order trades while its replacement is on the way, it stays as it is, and its owner is told so."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            name = await seller.order("2", 90_000, 5)
            await seller.report(t150="0")
            terms = ["38=8", "40=2", "44=90000", "54=2", "55=ZH-47", "60=20211231-06:00:00"]
            crossing = SubmitOrder("crossing", "aktau", stage.house.now_ns(), **bid("b1", 90_000, 2))
            offered = stage.house.offer([crossing])  # It is in the queue, and not told yet.
            message = wire.of("G", [(34, "9"), (11, "r"), (41, name), *((int(f[:2]), f[3:]) for f in terms)])
            seat = stage.door.find("zhanaozen")
            assert seat is not None
            stage.door.deliver(seat, message)
            await offered
            await seller.report(t11=name, t150="F", t32="2", t38="5", t151="3")
            reject = await seller.hear("9")
            assert reject is not None
            assert (reject.get(11), reject.get(102)) == ("r", "99")
            assert "3 lots of order 'zhanaozen:z1' are open, not 5" in reject.get(58)
            await seller.send("G", "11=s", f"41={name}", *terms)
            await seller.report(t11="s", t150="5", t38="8", t151="6", t14="2")

    play(scene)


def test_what_others_do_to_an_order_is_told(play: Callable[..., None]) -> None:
    """An order that is amended, taken back or stopped by another door is told of, unasked."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            name = await seller.order("2", 90_000, 5)
            await seller.report(t150="0")
            terms = {"session_id": "day", "order_id": f"zhanaozen:{name}"}
            await stage.must(AmendOrder, "zhanaozen", **terms, quantity_lots=3)
            await seller.report(t11=name, t150="5", t38="3", t151="3")
            await stage.must(CancelAll, "operator", participant_id="zhanaozen")
            assert (await seller.report(t11=name, t150="4")).get(tags.TEXT) == "cancelled by the operator"

    play(scene)


def test_the_end_of_a_session_is_the_end_of_its_orders(play: Callable[..., None]) -> None:
    """What is left of an order when its session closes has expired."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            await seller.order("2", 90_000, 5)
            await seller.report(t150="0")
            stage.clock.at_ns = stage.house.state.sessions["day"].opened.closes_at_ns
            await stage.must(CloseSession, "operator", session_id="day")
            await seller.report(t150="C", t39="C", t151="0", t38="5")

    play(scene)


def test_a_network_session_tells_at_its_clearing(play: Callable[..., None]) -> None:
    """Orders of a network session are filled at the price of their place when it is cleared, and the rest expires."""
    desk = opened()
    desk.at_ns = desk.state.sessions["call"].opened.opens_at_ns

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller, stage.trader("aktau") as buyer:
            await seller.order("2", 80_000, 5, "55=ZH", "386=1", "336=call")
            await seller.report(t150="0", t55="ZH")
            await buyer.order("1", 90_000, 3, "55=KZ-47", "386=1", "336=call")
            await buyer.report(t150="0", t55="KZ-47")
            stage.clock.at_ns = stage.house.state.sessions["call"].opened.closes_at_ns
            await stage.must(CloseSession, "operator", session_id="call")
            cleared = await stage.must(ClearSession, "operator", session_id="call")
            prices = {each.place: str(each.price_tenge_per_tonne) for each in cleared.prices}
            await seller.report(t150="F", t31=prices["ZH"], t32="3", t39="1", t151="2")
            await seller.report(t150="C", t39="C", t14="3", t151="0", t38="5")
            await buyer.report(t150="F", t31=prices["KZ-47"], t32="3", t39="2")
            await buyer.nothing()

    play(scene, desk)


def test_an_order_that_comes_twice_is_taken_once(play: Callable[..., None]) -> None:
    """A used ClOrdID is refused as a duplicate; marked as a possible resend it is answered by how the order stands."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            name = await seller.order("2", 90_000, 5)
            await seller.report(t150="0")
            await seller.order("2", 90_000, 5, name=name)
            await seller.report(t11=name, t150="8", t103="6")
            fields = [f"11={name}", "38=5", "40=2", "44=90000", "54=2", "55=ZH-47", "386=1", "336=day"]
            await seller.send("D", *fields, "60=20211231-06:00:00", header=("97=Y",))
            await seller.report(t11=name, t150="I", t39="0", t151="5")
            await seller.send("F", "11=c", f"41={name}", "54=2", "55=ZH-47", "60=20211231-06:00:00")
            await seller.report(t150="4")
            await seller.send("F", "11=c", f"41={name}", "54=2", "55=ZH-47", "60=20211231-06:00:00")
            message = await seller.hear("9")
            assert message is not None
            assert message.get(102) == "6"
            assert len([row for row in stage.house.state.order_ids.items() if row[0].startswith("zhanaozen:")]) == 1

    play(scene)


def test_a_question_about_no_order_is_answered(play: Callable[..., None]) -> None:
    """Whoever asks how an unknown order stands hears that it is unknown."""

    async def scene(stage: Open) -> None:
        async with stage.trader("aktau") as buyer:
            await buyer.send("H", "11=none", "54=1", "55=ZH-47")
            await buyer.report(t11="none", t150="I", t39="8", t103="5", t37="NONE")

    play(scene)


# --- Over a cut and a restart ---------------------------------------------------------------------------------------


def test_what_happened_meanwhile_is_told_when_it_is_asked_for(play: Callable[..., None]) -> None:
    """A trade while the line is cut is resent at the next logon, as a possible duplicate, under its own number."""

    async def scene(stage: Open) -> None:
        async with stage.trader("zhanaozen") as seller:
            await seller.order("2", 90_000, 5)
            await seller.report(t150="0", t34="2")
            await seller.cut()
            await stage.must(SubmitOrder, "aktau", **bid("b1", 90_000, 2))
            await seller.connect(stage.port)
            logon = await seller.log_on(stage.keys["zhanaozen"])
            assert logon.get(34) == "4"
            await seller.send("2", "7=3", "16=0")
            await seller.report(t150="F", t32="2", t34="3", t43="Y")
            message = await seller.hear("4")
            assert message is not None
            assert (message.get(34), message.get(36)) == ("4", "5")

    play(scene)


def test_reports_outlive_the_venues_process(tmp_path: Path) -> None:
    """What was done by the journal and not yet told when the process ended is told by the next one, once."""
    desk, path = trading(), tmp_path / "fix.db"

    async def scenes() -> None:
        journal, first = journal_of(desk), store.FileStore.open(path)
        opened_venue = venue(desk, tmp_path / "first", journal=journal, store=first)
        async with opened_venue as stage, stage.trader("zhanaozen") as seller:
            await seller.order("2", 90_000, 5)
            await seller.report(t150="0", t34="2")
            rows = [record.payload for record in journal.read()]
        first.close()
        # Another process took an order while no FIX door was open.
        between = journal_of(Desk())
        between.append(rows)
        with Engine(between) as engine:
            assert engine.submit(SubmitOrder("rest-1", "aktau", desk.at_ns, **bid("b1", 90_000, 2))).sequence
            rows = [record.payload for record in between.read()]
        for number in range(2):
            again = journal_of(Desk())
            again.append(rows)
            second = store.FileStore.open(path)
            async with venue(desk, tmp_path / f"second{number}", journal=again, store=second) as stage:
                await asyncio.sleep(0.05)
                assert second.numbers("zhanaozen").outgoing == 5  # Logon, New, Logout, Trade.
            second.close()
        third = journal_of(Desk())
        third.append(rows)
        kept = store.FileStore.open(path)
        async with venue(desk, tmp_path / "third", journal=third, store=kept) as stage:
            seller = Trader("zhanaozen", stage.sessions)
            seller.next = 3
            await seller.connect(stage.port)
            await seller.log_on(stage.keys["zhanaozen"])
            await seller.send("2", "7=4", "16=0")
            await seller.report(t150="F", t32="2", t34="4", t43="Y")
            await seller.hear("4")
            await seller.order("2", 95_000, 1, name="later")
            await seller.report(t150="0", t11="later")
            await seller.cut()
        kept.close()

    uvloop.run(scenes())


def test_an_order_that_was_not_answered_is_asked_for_again(tmp_path: Path) -> None:
    """An order whose answer was not kept is asked for after a crash, and has taken effect once when it comes again."""
    desk = trading()

    async def scenes() -> None:
        journal, memory = journal_of(desk), store.MemoryStore()
        opened_venue = venue(desk, tmp_path / "first", journal=journal, store=memory)
        async with opened_venue as stage, stage.trader("zhanaozen") as seller:
            await seller.order("2", 90_000, 5, name="once")
            await seller.report(t150="0")
            rows = [record.payload for record in journal.read()]
        # As if the process had died between the row of the order and the commit of its report.
        memory.keep([store.Change("zhanaozen", store.Numbers(2, 2, desk.at_ns, len(desk.rows)), forgets=True)])
        again = journal_of(Desk())
        again.append(rows)
        async with venue(desk, tmp_path / "second", journal=again, store=memory) as stage:
            seller = Trader("zhanaozen", stage.sessions)
            seller.next = 3
            await seller.connect(stage.port)
            await seller.log_on(stage.keys["zhanaozen"])
            request = await seller.hear("2")
            assert request is not None
            assert (request.get(7), request.get(16)) == ("2", "0")
            fields = ["11=once", "38=5", "40=2", "44=90000", "54=2", "55=ZH-47", "386=1", "336=day"]
            repeat = ("43=Y", "122=20211231-04:59:00")
            await seller.send("D", *fields, "60=20211231-06:00:00", number=2, header=repeat)
            await seller.send("2", "7=2", "16=2")
            await seller.report(t11="once", t150="0", t43="Y", t34="2")
            await seller.nothing()
            assert len(stage.house.state.sessions["day"].orders) == 1
            await seller.cut()

    uvloop.run(scenes())


def test_outside_its_hours_the_door_is_shut(play: Callable[..., None]) -> None:
    """A venue with hours for FIX lets nobody log on outside them."""

    async def scene(stage: Open) -> None:
        trader = await Trader("aktau", stage.sessions).connect(stage.port)
        await trader.send("A", "98=0", "108=30", "553=aktau", f"554={stage.keys['aktau']}")
        message = await trader.hear("5")
        assert message is not None
        assert message.get(58) == "Outside the session's hours"
        await trader.cut()

    play(scene, schedule=Schedule(0, 60))


def test_a_stopped_market_says_so(play: Callable[..., None]) -> None:
    """While trading is stopped an order is refused with the stop's own code."""

    async def scene(stage: Open) -> None:
        await stage.must(StopTrading, "regulator", scope="venue", reason="as the test says")
        async with stage.trader("aktau") as buyer:
            await buyer.order("1", 90_000, 1)
            assert (await buyer.report(t39="8", t103="2")).get(58).startswith("trading_stopped")

    play(scene, trading(text=rulebook(who_may_stop=("regulator",))))


def test_the_name_of_a_message_is_found_in_its_command() -> None:
    """A ClOrdID is read out of the command that a message has become, whatever letters it and its sender have."""
    assert name_of(AmendOrder("fix:G:a:b:c:d", "a:b", 0, "s", "o")) == "c:d"
    assert name_of(AmendOrder("fix:G:other:x", "a", 0, "s", "o")) == ""
    assert name_of(AmendOrder("mine", "a", 0, "s", "o")) == ""
