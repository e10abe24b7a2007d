"""The keeper: what the clock decides is sent when it is due, and what is refused is not sent at once again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.doors import Doors, doors
from tests.venue_samples import Desk, founded, instant, opened, opening, rulebook

from naryq.gateways.keeper import Keeper
from naryq.messages import ClearSession, CloseSession, ListInstrument, OpenSession, StopTrading

Scenario = Callable[[Doors, Keeper], Awaitable[None]]
INSTRUMENT = {"code": "LPG", "product": "LPG", "plant": "ZH", "delivery_basis": "FCA", "delivery_region": "KZ-47"}


def play(folder: Path, desk: Desk, scenario: Scenario, call_seconds: int = 300) -> None:
    async def played() -> None:
        keeper = Keeper(call_seconds=call_seconds)
        async with doors(desk, folder, views=(keeper.see,)) as venue:
            await scenario(venue, keeper)

    asyncio.run(played())


def continuous(**terms: Any) -> Desk:
    desk = founded()
    desk.must(ListInstrument, "operator", **INSTRUMENT)
    fields = opening("call", kind="continuous", instrument="LPG", places=(), links=())
    desk.must(OpenSession, "operator", **{**fields, **terms})
    return desk


def phase(venue: Doors) -> str:
    return venue.house.state.sessions["call"].phase


def test_a_session_is_closed_and_cleared_when_its_window_ends(tmp_path: Path) -> None:
    """A nanosecond before the window's end nothing happens; at its end the session is closed, and then cleared."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        venue.clock.at_ns = instant("13:00") - 1
        assert await keeper.tick(venue.house) == 0
        venue.clock.at_ns += 1
        assert await keeper.tick(venue.house) == 1
        assert phase(venue) == "closed"
        assert await keeper.tick(venue.house) == 1
        assert phase(venue) == "cleared"
        assert await keeper.tick(venue.house) == 0
        sent = [event.json() for event in [await venue.ask("press", "GET", "/v1/sessions/call")]]
        assert sent[0]["phase"] == "cleared"

    play(tmp_path, opened(), scenario)


def test_calls_begin_and_end_by_the_clock(tmp_path: Path) -> None:
    """A continuous session goes from its opening call to its trading and into its closing call, and is then closed."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        seen = []
        for clock in ("10:59", "11:00", "11:04", "11:05", "12:54", "12:55", "12:59", "13:00", "13:01"):
            venue.clock.at_ns = instant(clock)
            await keeper.tick(venue.house)
            seen.append(phase(venue))
        assert seen == ["call"] * 3 + ["continuous"] * 2 + ["call"] * 2 + ["closed"] * 2

    play(tmp_path, continuous(opening_call=True, closing_call=True), scenario)


def test_what_is_refused_waits_a_minute(tmp_path: Path) -> None:
    """While trading is stopped a closed session cannot be cleared: the keeper asks once a minute, not once a second."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        before = venue.house.state.sequence
        for second in range(61):
            venue.clock.at_ns = instant("13:00") + second * 10**9
            assert await keeper.tick(venue.house) == 0
        assert venue.house.state.sequence == before + 2
        assert phase(venue) == "closed"

    desk = opened(rulebook(who_may_stop=("regulator",)))
    desk.at_ns = instant("13:00")
    desk.must(CloseSession, "operator", session_id="call")
    desk.must(StopTrading, "regulator", scope="venue", reason="a test")
    play(tmp_path, desk, scenario)


def test_a_keeper_knows_its_phases_after_a_restart(tmp_path: Path) -> None:
    """It folds the rows that were there before it, and sends nothing twice over what a person has done already."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        venue.clock.at_ns = instant("14:00")
        assert await keeper.tick(venue.house) == 0

    desk = opened()
    desk.at_ns = instant("13:00")
    for kind in (CloseSession, ClearSession):
        desk.must(kind, "operator", session_id="call")
    play(tmp_path, desk, scenario)


def test_an_empty_venue_has_nothing_to_keep(tmp_path: Path) -> None:
    """Where nobody is admitted yet there is no operator in whose name anything could be sent."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        assert await keeper.tick(venue.house) == 0

    play(tmp_path, Desk(), scenario)


def test_the_keeper_runs_while_the_house_is_open(tmp_path: Path) -> None:
    """As a service it looks by itself, and ends with the house."""

    async def scenario(venue: Doors, keeper: Keeper) -> None:
        venue.clock.at_ns = instant("13:00")
        async with keeper.service(venue.house):
            async with asyncio.timeout(10):
                while phase(venue) != "closed":  # noqa: ASYNC110 - the venue rings no bell of this test
                    await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) == 1

    play(tmp_path, opened(), scenario)
