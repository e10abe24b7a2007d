"""The house behind the doors: stamps, answers, and the order in which its loop hears of things."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from tests.venue_samples import PEOPLE, instant, rulebook

from naryq.access import Access
from naryq.access.store import Store
from naryq.engine import Engine
from naryq.gateways.house import House, View
from naryq.journal.memory import MemoryJournal
from naryq.messages import AdmitParticipant, AdoptRulebook, Refused

NOON_NS = instant("12:00")


def chance(size: int) -> bytes:
    return bytes(range(size))


@asynccontextmanager
async def house_at(
    folder: Path, clock: Callable[[], int] = lambda: NOON_NS, views: tuple[View, ...] = ()
) -> AsyncIterator[House]:
    access = Access(Store.open(folder / "access.db"), clock, chance)
    house = House(lambda on_entry: Engine(MemoryJournal(), on_entry=on_entry), access, clock, views=views)
    house.enter()
    yield house
    await house.leave()
    access.close()


def admission(house: House, number: int, person: str = "operator") -> AdmitParticipant:
    return AdmitParticipant(f"c{number}", "operator", house.now_ns(), person, person, PEOPLE[person])  # type: ignore[arg-type]  # of the closed list


def test_whoever_is_answered_finds_what_he_caused(tmp_path: Path) -> None:
    """When an answer is given, every view was told its row, once and in order."""
    told: list[int] = []

    async def scenario() -> None:
        async with house_at(tmp_path, views=(lambda entry: told.append(entry.sequence),)) as house:
            for number, person in enumerate(PEOPLE, 1):
                answer = await house.submit(admission(house, number, person))
                assert answer.sequence == number == house.state.sequence == told[-1]
                assert person in house.state.participants
            batch = [AdoptRulebook(f"r{n}", "regulator", house.now_ns(), rulebook(f"sample{n}")) for n in range(3)]
            answers = await house.submit_many([*batch])
            assert [answer.sequence for answer in answers] == [len(PEOPLE) + n for n in (1, 2, 3)]
            assert told == list(range(1, len(PEOPLE) + 4))

    asyncio.run(scenario())


def test_a_retry_with_a_later_time_has_the_first_answer(tmp_path: Path) -> None:
    """The same command sent again when time has passed gets its first answer; another one under its name does not."""
    times = iter(range(NOON_NS, NOON_NS + 100))

    async def scenario() -> None:
        async with house_at(tmp_path, lambda: next(times)) as house:
            first = await house.submit(admission(house, 1))
            again = await house.submit(admission(house, 1))
            assert again == msgspec.structs.replace(first, repeated=True)
            other = await house.submit(admission(house, 1, "press"))
            assert isinstance(other.events[0], Refused)
            assert other.sequence == 0

    asyncio.run(scenario())


def test_time_never_runs_backward(tmp_path: Path) -> None:
    """A clock that is set back stands still at the door."""
    times = iter([NOON_NS, NOON_NS - 5, NOON_NS + 1])

    async def scenario() -> None:
        async with house_at(tmp_path, lambda: next(times)) as house:
            assert [house.now_ns() for _ in range(3)] == [NOON_NS, NOON_NS, NOON_NS + 1]

    asyncio.run(scenario())


def test_who_asks_after_the_end_is_told_so(tmp_path: Path) -> None:
    """A command that comes when the engine has stopped is refused, and nobody waits for ever."""

    async def scenario() -> None:
        async with house_at(tmp_path) as house:
            house.engine.close()
            answer = await asyncio.wait_for(house.submit(admission(house, 1)), 5)
            assert isinstance(answer.events[0], Refused)
            assert answer.events[0].code == "stopped"
            assert not house.is_ready

    asyncio.run(scenario())


def test_one_bell_for_a_batch(tmp_path: Path) -> None:
    """However many commands are asked in one step, the loop is woken for batches of them, not for each."""
    count = 200

    async def scenario() -> None:
        async with house_at(tmp_path) as house:
            await house.submit(admission(house, 0))
            rung = 0
            drain = house._drain

            def counted() -> None:
                nonlocal rung
                rung += 1
                drain()

            house._drain = counted  # type: ignore[method-assign]
            asked = [house.submit(admission(house, number, "press")) for number in range(1, count + 1)]
            await asyncio.gather(*asked)
            assert 1 <= rung < count

    asyncio.run(scenario())
