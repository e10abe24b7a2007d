"""The sample venue: furnished at any hour of any day, by real places and made-up people, and again on another day."""

import asyncio
import csv
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.doors import Clock, access_in

from naryq.cli import main, sample
from naryq.cli.demo import read_inputs
from naryq.cli.files import read_rulebook, shipped
from naryq.engine import Engine
from naryq.exchange import State
from naryq.exchange.book import best
from naryq.exchange.rule_replay import case_of, replayed
from naryq.gateways.house import House
from naryq.journal.contract import rows_after
from naryq.journal.memory import MemoryJournal
from naryq.messages import (
    AnyCommand,
    AssessProposal,
    Code,
    Entry,
    ProposalAssessed,
    Refused,
    SuspendParticipant,
    encode,
)
from naryq.units import NS_PER_SECOND, instant_ns

GUARDED = read_rulebook("guarded")
INPUTS = read_inputs()
ASTANA = 300
NOON = instant_ns("2026-11-28", "12:00", ASTANA)
HOURS = (
    *((day, "12:00") for day in ("2026-11-28", "2027-01-01", "2028-02-29", "2027-03-31")),
    *(("2026-11-30", clock) for clock in ("00:00", "00:01", "11:00", "23:58")),
    ("2027-01-31", "23:59"),
)


def engine_after(commands: Iterable[AnyCommand]) -> Engine[State]:
    """Return an engine that has taken all of these commands."""
    engine: Engine[State] = Engine(MemoryJournal())
    assert not refusals(engine, commands)
    return engine


def refusals(engine: Engine[State], commands: Iterable[AnyCommand]) -> list[Refused]:
    firsts = (answer.events[0] for answer in engine.submit_many(commands))
    return [first for first in firsts if isinstance(first, Refused)]


@pytest.mark.parametrize(("day", "clock"), HOURS)
def test_it_is_open_at_any_hour(day: str, clock: str) -> None:
    """Whenever it is founded, a session is open within a minute, with a book of two sides, trades and a reference."""
    now_ns = instant_ns(day, clock, ASTANA)
    with engine_after(sample.founding(GUARDED, INPUTS, now_ns)) as engine:
        for plant in sample.TRADED_AT:
            (session,) = (
                each
                for _, each in engine.state.sessions.items()
                if each.opened.instrument == f"{plant}-LPG" and each.phase == "continuous"
            )
            assert session.opened.opens_at_ns <= now_ns + 60 * NS_PER_SECOND
            assert now_ns < session.opened.closes_at_ns
            assert session.statistics.trades == 3
            assert session.opened.collar_highest_tenge_per_tonne is not None
            sides = {order.side for _, order in session.orders.items()}
            assert sides == {"buy", "sell"}
        assert engine.state.at_ns <= now_ns + 120 * NS_PER_SECOND
        assert len(engine.state.pump_prices) == len(engine.state.supplies) == len(sample.PROVINCE_OF)
        (plan,) = engine.state.supply.plans.values()
        assert len(plan.capacities) == len(sample.PLANT_OF)
        assert len(plan.applications) == len(sample.PROVINCE_OF)


def test_orders_that_come_too_fast_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were today's orders not a second apart, a founding at midnight would be refused: the test above would see it."""
    midnight = instant_ns("2026-11-30", "00:00", ASTANA)
    commands = sample.founding(GUARDED, INPUTS, midnight)
    monkeypatch.setattr(sample._Calendar, "instants", lambda self: repeat(self.at(self.today, "00:00")))
    with Engine(MemoryJournal()) as engine:
        found = refusals(engine, sample.founding(GUARDED, INPUTS, midnight))
        assert {refused.code for refused in found} == {Code.TOO_FAST}
    with Engine(MemoryJournal()) as engine:
        assert not refusals(engine, commands)


def test_people_are_made_up_and_places_are_not() -> None:
    """Everybody's name says that he is made up, and each plant, province and way between them stands in the tables."""
    with engine_after(sample.founding(GUARDED, INPUTS, NOON)) as engine:
        state = engine.state
        assert all(one.name.startswith("Made-up ") for _, one in state.participants.items())
        assert {state.participants[login].role for login in sample.SIGNING_IN} == {
            *("operator", "regulator", "seller", "buyer", "observer")
        }
        network = state.sessions["network-2026-11-27"].opened
    places = {row[0] for file in ("plants.csv", "provinces.csv") for row in _rows(file)}
    ways = {(row[0], row[1]) for row in _rows("links.csv")}
    assert {place.place for place in network.places} <= places
    assert {(link.source, link.target) for link in network.links} <= ways


def _rows(file: str) -> list[list[str]]:
    with (shipped("data") / "kazakhstan" / file).open(encoding="utf-8", newline="") as text:
        return list(csv.reader(text))[1:]


def test_one_rule_is_made_up_and_says_so() -> None:
    """Its rulebook is the shipped one under another name, with other hours of one kind of session, and their source."""
    with engine_after(sample.founding(GUARDED, INPUTS, NOON)) as engine:
        assert engine.state.rulebook is not None
        found = engine.state.rulebook.text
    other = [rule for rule in found.rules if rule not in GUARDED.rules]
    assert [rule.rule for rule in other] == ["session_window_other"]
    assert found.name == "guarded-sample"
    (added,) = (value for value in other[0].values if value.value == sample.HOURS)
    assert "Made up" in added.source.act


def test_the_proposal_bites() -> None:
    """Its effect shows a newcomer prices, payments and refused orders that change, in the network and in the books."""
    rows: list[Entry] = []
    with Engine[State](MemoryJournal(), on_entry=rows.append) as engine:
        assert not refusals(engine, sample.founding(GUARDED, INPUTS, NOON))
        at_ns = NOON + 60 * NS_PER_SECOND
        answer = engine.submit(AssessProposal("a", "regulator", at_ns, proposal_id="smaller-orders", sessions=5))
        state = engine.state
    (assessed,) = answer.events
    assert isinstance(assessed, ProposalAssessed)
    both = [(line.today, line.proposed) for line in assessed.provinces]
    assert any(today.price_tenge_per_tonne != proposed.price_tenge_per_tonne for today, proposed in both)
    assert any(today.pump_tiyn_per_litre != proposed.pump_tiyn_per_litre for today, proposed in both)
    assert any(each.today.paid_tiyn != each.proposed.paid_tiyn for each in assessed.participants)
    assert [(each.participant_id, each.code) for each in assessed.refused_proposed] == [("seller-1", "too_many_lots")]
    assert state.rulebook is not None
    proposed = state.rule_changes.proposals["smaller-orders"].proposed.proposed
    found = replayed(rows, case_of(assessed, state.rulebook, proposed, "2026-11-28"))
    assert len(found.sessions) == len(sample.TRADED_AT)
    for each in found.sessions:
        assert each.today.statistics.volume_lots > each.proposed.statistics.volume_lots > 0
        assert each.today.weighted_average_tenge_per_tonne != each.proposed.weighted_average_tenge_per_tonne
    assert {each.proposed for each in found.orders} == {Code.TOO_MANY_LOTS}


def test_its_flags_have_orders_to_look_at() -> None:
    """Yesterday's books leave the regulator flags, each with the orders of whom it concerns and what became of them."""
    with engine_after(sample.founding(GUARDED, INPUTS, NOON)) as engine:
        flags = [flag.raised for _, flag in engine.state.watch.flags.items()]
    assert len(flags) >= len(sample.TRADED_AT)
    for flag in flags:
        assert [order.order_id for order in flag.orders] == [*flag.order_ids] != []
        assert {order.participant_id for order in flag.orders} == {*flag.subjects}
    watched = {order.order_id: (order.quantity_lots, order.traded_lots) for flag in flags for order in flag.orders}
    assert watched["K261127-2"] == (60, 6)


def renewed(folder: Path, days: int, *more: AnyCommand) -> tuple[State, State, int]:
    """Found a sample, let days pass over it, and return it before and after its next day, and how much was sent."""
    rows: list[Entry] = []
    clock = Clock(NOON)
    with Engine[State](MemoryJournal(), on_entry=rows.append) as engine:
        assert not refusals(engine, [*sample.founding(GUARDED, INPUTS, NOON), *more])
    access = access_in(folder, clock)
    journal = MemoryJournal(rows_after(None, [encode(row) for row in rows]))
    house = House(lambda on_entry: Engine(journal, on_entry=on_entry, clock=clock), access, clock)

    async def pause() -> None:
        clock.at_ns += sample.PAUSE_SECONDS * NS_PER_SECOND

    async def scenario() -> tuple[State, State, int]:
        house.enter()
        clock.at_ns += days * 86_400 * NS_PER_SECOND
        before = house.state
        count = await sample.renew(house, pause)
        assert await sample.renew(house, pause) == 0
        await house.leave()
        return before, house.state, count

    try:
        return asyncio.run(scenario())
    finally:
        access.close()


def test_another_day_has_a_session_of_its_own(tmp_path: Path) -> None:
    """On the same day nothing is added; a week later that day's books fill at a hand's pace, and all else stands."""
    assert renewed(tmp_path, 0)[2] == 0
    before, after, count = renewed(tmp_path, 7)
    assert after.sequence == before.sequence + count
    session = after.sessions["KAZGPZ-2026-12-05"]
    assert session.book is not None
    assert best(session.book, "buy") is not None
    assert best(session.book, "sell") is not None
    assert session.statistics.trades == 3
    assert after.sessions["KAZGPZ-2026-11-28"] == before.sessions["KAZGPZ-2026-11-28"]


def test_what_people_have_changed_does_not_keep_it_shut(tmp_path: Path) -> None:
    """Where a seller was suspended, his orders stay out of the next day's book, and everybody else's stand."""
    at_ns = NOON + NS_PER_SECOND
    suspend = SuspendParticipant("s", "regulator", at_ns, participant_id="seller-1", reason="to try it")
    after = renewed(tmp_path, 1, suspend)[1]
    owners = {order.participant_id for _, order in after.sessions["KAZGPZ-2026-11-29"].orders.items()}
    assert "seller-1" not in owners
    assert {"seller-2", "buyer-1"} <= owners


def test_a_code_for_who_has_no_app() -> None:
    """`naryq code` asks for a secret, with blanks or without, and prints six digits; what is no secret is refused."""
    for secret in ("TTVWUTNMZDHKPW2JFSBAJ7GAI7WX674Y", "ttvw utnm zdhk pw2j fsba j7ga i7wx 674y"):
        result = CliRunner().invoke(main, ["code"], input=secret + "\n", prog_name="naryq")
        assert result.exit_code == 0
        assert result.stdout.strip().isdigit()
        assert len(result.stdout.strip()) == 6
    refused = CliRunner().invoke(main, ["code"], input="1!\n", prog_name="naryq")
    assert refused.exit_code == 2
    assert "wrong_type" in refused.output
