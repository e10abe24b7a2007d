"""`naryq order` and `naryq watch` against a real venue, and the table against what the stream says."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result
from rich.console import Console
from tests.stream_samples import Stage, book_of, messages, reader, trading_stage
from tests.stream_server import Doors, doors
from tests.trading_samples import REGIONAL, bid, offer, phase
from tests.venue_samples import opening, order

from naryq.cli import main
from naryq.cli.watch_page import Screen
from naryq.messages import CancelAll, ClearSession, CloseSession, OpenSession, SubmitOrder


def played(scenario: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scenario(), 60)

    asyncio.run(limited())


async def run(opened: Doors, person: str, *arguments: str) -> Result:
    """Run a command as somebody, in a thread beside the venue."""
    known = {"NARYQ_ADDRESS": opened.address, "NARYQ_KEY": opened.keys[person]}
    return await asyncio.to_thread(CliRunner().invoke, main, arguments, env=known)


SUBMIT = ("order", "submit", "day", "mine", "--sell", "--place", REGIONAL, "--price", "90000", "--lots", "5")


def test_an_order_lives_from_the_command_line(tmp_path: Path) -> None:
    """An order is sent, repeated, amended, listed and taken back, and each command says what has become of it."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            for again in ("", ", as an earlier try had it"):
                sent = await run(opened, "zhanaozen", *SUBMIT, "--command-id", "once")
                assert f"{again}.\n" in sent.output
                assert "mine stands: sell 5 lots at 90 000" in sent.output
            amended = await run(opened, "zhanaozen", "order", "amend", "day", "mine", "--price", "91000")
            assert "mine is now 5 lots at 91 000, and goes behind all others at its price" in amended.output
            listed = await run(opened, "zhanaozen", "order", "list", "--json")
            assert [each["order_id"] for each in json.loads(listed.output)] == ["mine"]
            assert "91 000" in (await run(opened, "zhanaozen", "order", "list")).output
            assert "mine is out" in (await run(opened, "zhanaozen", "order", "cancel", "--all")).output
            refused = await run(opened, "zhanaozen", "order", "cancel", "day", "mine")
            assert (refused.exit_code, "unknown_order" in refused.output) == (2, True)
            assert "No order is open." in (await run(opened, "zhanaozen", "order", "list")).output

    played(scenario)


def test_what_is_said_in_part_is_asked_for(tmp_path: Path) -> None:
    """A side, lots, and one of a price and the market are needed; so is a key, and it is read from a file as well."""
    runner = CliRunner()
    halves = (
        (*SUBMIT[:5], *SUBMIT[5:7]),
        (*SUBMIT, "--market"),
        ("order", "cancel"),
        ("order", "cancel", "a", "b", "--all"),
    )
    assert [runner.invoke(main, half).exit_code for half in halves] == [2] * len(halves)
    keyless = runner.invoke(main, ["order", "list"], env={"NARYQ_KEY": ""})
    assert (keyless.exit_code, "not_authenticated" in keyless.output) == (2, True)

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            (tmp_path / "key").write_text(opened.keys["aktau"] + "\n", encoding="utf-8")
            named = ("--address", opened.address, "--key-file", str(tmp_path / "key"))
            found = await asyncio.to_thread(runner.invoke, main, ["order", "list", *named], env={"NARYQ_KEY": ""})
            assert (found.exit_code, found.output) == (0, "No order is open.\n\n")

    played(scenario)


def test_the_watch_shows_how_it_stands(tmp_path: Path) -> None:
    """Where the output is no terminal, the sessions, the book and one's own orders are shown once."""

    async def scenario() -> None:
        async with doors(tmp_path) as opened:
            await opened.must(SubmitOrder, "zhanaozen", **offer("mine", 90_000, 5))
            await opened.must(SubmitOrder, "aktau", **bid("his", 80_000, 3))
            for arguments in ((), ("day",)):
                shown = await run(opened, "zhanaozen", "watch", *arguments)
                assert shown.exit_code == 0
                assert all(text in shown.output for text in ("continuous", "80 000", "90 000", "mine"))
                assert "his" not in shown.output
            unknown = await run(opened, "zhanaozen", "watch", "night")
            assert (unknown.exit_code, "unknown_session" in unknown.output) == (2, True)

    played(scenario)


# --- The picture ----------------------------------------------------------------------------------------------------


def watched(stage: Stage, person: str = "zhanaozen", role: str = "seller") -> tuple[Screen, Callable[[], str]]:
    """Return a screen before a stage, and what brings it up to date and paints it."""
    screen, of = Screen(), reader(stage.hub, person, role)
    for channel in ("venue", "own", *(f"market/{name}" for name in stage.hub.board.sessions)):
        stage.hub.subscribe(of, channel)

    def painted() -> str:
        for message in messages(of):
            screen.hear(message)
        page = Console(width=120, file=StringIO())
        with page.capture() as picture:
            page.print(screen)
        return picture.get()

    return screen, painted


def test_the_screen_is_the_book() -> None:
    """What the screen knows of a book, of trades and of own orders is what the venue's state says."""
    stage = trading_stage()
    screen, painted = watched(stage)
    stage.must(SubmitOrder, "zhanaozen", **offer("mine", 90_000, 5))
    stage.must(SubmitOrder, "aktau", **bid("his", 80_000, 3))
    stage.must(SubmitOrder, "aktau", **bid("more", 90_000, 2))
    assert "90 000      2   buy" in painted()
    assert screen.books["day"].levels == {key: lots for key, (lots, _) in book_of(stage.state).items()}
    assert {name: each.quantity_lots for name, each in screen.own.items()} == {"mine": 3}
    assert phase(stage, "halted").code is None
    text = painted()
    assert "day - halted" in text
    assert "sealed" in text
    assert not screen.books["day"].levels
    stage.must(CancelAll, "zhanaozen")
    painted()
    assert not screen.own


def test_the_screen_shows_prices_once_they_are_found() -> None:
    """A network session is sealed until it is cleared, and then has a price for each place."""
    stage = trading_stage()
    stage.must(OpenSession, "operator", **opening("plan"))
    _, painted = watched(stage)
    stage.must(SubmitOrder, "zhanaozen", **order("sell", "ZH", "sell", price=61_237, lots=9, session_id="plan"))
    stage.must(SubmitOrder, "aktau", **order("buy", "KZ-47", "buy", price=71_239, lots=7, session_id="plan"))
    assert "sealed: nothing is shown before its end" in painted()
    stage.at_ns = stage.state.sessions["plan"].opened.closes_at_ns
    stage.must(CloseSession, "operator", session_id="plan")
    cleared = stage.must(ClearSession, "operator", session_id="plan")
    text = painted()
    assert all(f"{each.price_tenge_per_tonne:,}".replace(",", " ") in text for each in cleared.prices)
    assert msgspec.to_builtins(cleared)["fills"], "something has traded"
