"""The house behind the doors: stamps, answers, and the order in which its loop hears of things."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.venue_samples import PEOPLE, instant, rulebook

from naryq.access import Access
from naryq.access.store import Store
from naryq.engine import Engine
from naryq.gateways.house import House, View
from naryq.journal.memory import MemoryJournal
from naryq.messages import AdmitParticipant, AdoptRulebook, ParticipantAdmitted, Refused
from naryq.units import NS_PER_SECOND

NOON_NS = instant("12:00")


def chance(size: int) -> bytes:
    return bytes(range(size))


@asynccontextmanager
async def house_at(
    folder: Path,
    clock: Callable[[], int] = lambda: NOON_NS,
    views: tuple[View, ...] = (),
    *,
    with_clock: bool = False,
) -> AsyncIterator[House]:
    access = Access(Store.open(folder / "access.db"), clock, chance)
    at_the_engine = clock if with_clock else None
    house = House(
        lambda on_entry: Engine(MemoryJournal(), on_entry=on_entry, clock=at_the_engine), access, clock, views=views
    )
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


class SetClock:
    """A clock that somebody sets."""

    def __init__(self) -> None:
        self.now_ns = NOON_NS

    def __call__(self) -> int:
        return self.now_ns


def codes_as_the_clock_is_set(folder: Path, *steps: tuple[int, bool]) -> list[str | None]:
    """Set the clock to so many seconds after noon, ask for the time and, where it is so said, give a command then.

    Return for each command the code of its refusal, or None where it was taken.
    """
    clock, codes = SetClock(), list[str | None]()

    async def scenario() -> None:
        async with house_at(folder, clock, with_clock=True) as house:
            for number, (seconds, asks) in enumerate(steps):
                clock.now_ns = NOON_NS + seconds * NS_PER_SECOND
                house.now_ns()
                if asks:
                    (event,) = (await house.submit(admission(house, number))).events
                    taken = isinstance(event, ParticipantAdmitted) or getattr(event, "code", "") == "already_exists"
                    codes.append(None if taken else getattr(event, "code", "?"))

    asyncio.run(scenario())
    return codes


HOUR = 3_600


def test_a_clock_that_was_wrong_while_nothing_was_taken_has_done_no_harm(tmp_path: Path) -> None:
    """The keeper asks for the time each second: an hour that nobody was told of must not be waited for."""
    assert codes_as_the_clock_is_set(tmp_path, (0, True), (HOUR, False), (1, True)) == [None, None]


def test_a_clock_that_is_set_back_is_told_and_waited_for(tmp_path: Path) -> None:
    """Up to a minute the venue goes on; beyond, every command is refused until the clock is there again."""
    steps = ((HOUR, True), (HOUR - 60, True), (HOUR - 61, True), (0, True), (HOUR - 1, True))
    assert codes_as_the_clock_is_set(tmp_path, *steps) == [None, None, "time_ahead", "time_ahead", None]


def test_a_door_that_never_forgets_what_it_stamped_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary: a house whose time only grows refuses for an hour, though no row has that time."""

    def grown_ns(house: House) -> int:
        house._latest_ns = max(house._latest_ns, house._clock())
        return house._latest_ns

    monkeypatch.setattr(House, "now_ns", grown_ns)
    with pytest.raises(AssertionError):
        test_a_clock_that_was_wrong_while_nothing_was_taken_has_done_no_harm(tmp_path)


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
