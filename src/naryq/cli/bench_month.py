"""`naryq bench month`: a month of a national market, from the first command to everybody's statement."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Final

from naryq.cli.bench_traffic import OPERATOR, UTC_OFFSET_MINUTES, Country, Crowd, founding, opening
from naryq.cli.bench_venue import WINDOW_NS, Figure, flood
from naryq.cli.rules_effect import from_rulebook
from naryq.engine import Engine, collect_lightly
from naryq.journal.sqlite import SqliteJournal, SqliteReader
from naryq.journal.verify import checked
from naryq.messages import AnyCommand, CloseSession, Code, Deposit, Entry, PublishSession, Refused
from naryq.statements import Statement, statements
from naryq.units import instant_ns

Say = Callable[[str], None]

DAYS: Final = tuple(f"2021-12-{day:02}" for day in range(1, 29) if day not in {4, 5, 11, 12, 18, 19, 25, 26})
"""Twenty days of trading, weekends left out."""
WINDOWS: Final = (("plan", "11:00", "13:00"), ("other", "14:00", "16:00"))
DEPOSIT_TIYN: Final = 10**15
TARGET_SECONDS: Final = 60
RUN_AGAIN: Final = 2
"""Of how many sessions the effect of other rules is worked out."""


def commands(orders: int, country: Country) -> Iterator[AnyCommand]:
    """Yield a month: its founding, and two sessions a day, each of them opened, traded, closed and published."""
    yield from founding(country, rules="guarded", day="2021-11-30")
    at_ns = instant_ns("2021-11-30", "10:00", UTC_OFFSET_MINUTES)
    for person in country.traders():
        yield Deposit(f"deposit {person}", OPERATOR, at_ns, person, DEPOSIT_TIYN, f"bank {person}")
    sessions = [(day, window) for day in DAYS for window in WINDOWS]
    crowd = Crowd(country, day="")
    for number, (day, (window, opens, closes)) in enumerate(sessions):
        plant = number % country.plants
        session_id = f"{day} {window} P{plant}"
        opens_ns, closes_ns = (instant_ns(day, clock, UTC_OFFSET_MINUTES) for clock in (opens, closes))
        yield opening(session_id, plant, day, window, opens_ns)
        each = orders // len(sessions)
        for turn in range(each):
            yield crowd.order(opens_ns + turn * WINDOW_NS // each, plant, session_id)
        yield CloseSession(f"close {session_id}", OPERATOR, closes_ns, session_id)
        yield PublishSession(f"publish {session_id}", OPERATOR, closes_ns, session_id)


def run(folder: Path, orders: int, *, say: Say) -> list[Figure]:
    """Take a month through the engine into a journal, and write all statements of its last day from the journal."""
    path, country, begun = folder / "month.journal", Country(), time.perf_counter()
    say(f"a month of {len(DAYS) * len(WINDOWS)} sessions and {orders:,} orders")
    collect_lightly()
    with Engine(SqliteJournal.create(str(path))) as engine:
        flood(engine, commands(orders, country))
    taken = time.perf_counter()
    say("statements of the last day, from the journal")
    seen: Counter[str] = Counter()
    with closing(SqliteReader.open(str(path))) as reader:
        found = statements(_counted((entry for _, entry in checked(reader.read())), seen), DAYS[-1])
    ended = time.perf_counter()
    say(f"the last {RUN_AGAIN} sessions run again, as `naryq rules effect` does it")
    effect = from_rulebook(str(path), "kazakhstan", RUN_AGAIN, None).replayed
    changed = time.perf_counter()
    otherwise = seen["Refused"] - seen[Code.BATCH_TOO_LARGE]
    return [
        Figure("sessions, participants", f"{seen['SessionOpened']}, {seen['ParticipantAdmitted']}"),
        Figure("orders, trades", f"{seen['OrderAccepted']:,}, {seen['Traded']:,}"),
        Figure("refused for the largest batch of a month", f"{seen[Code.BATCH_TOO_LARGE]:,}"),
        Figure("refused otherwise", f"{otherwise:,}", "0", not otherwise),
        Figure("from command to journal", f"{taken - begun:.1f} s"),
        Figure("from journal to statements", f"{ended - taken:.1f} s, {len(found)} statements"),
        Figure("all", f"{ended - begun:.1f} s", f"{TARGET_SECONDS} s at most", ended - begun <= TARGET_SECONDS),
        Figure("lots bought and sold, all sessions", f"{seen['lots']:,}"),
        Figure("lines in the statements", f"{_lines(found):,}"),
        Figure(f"the last {RUN_AGAIN} sessions under other rules, from the journal", f"{changed - ended:.1f} s"),
        Figure("orders that these rules judge otherwise", f"{len(effect.orders):,}"),
    ]


def _counted(entries: Iterator[Entry], seen: Counter[str]) -> Iterator[Entry]:
    """Hand on the entries and count their events by name."""
    for entry in entries:
        for event in entry.events:
            name = type(event).__name__
            seen[name] += 1
            if name == "Traded":
                seen["lots"] += event.quantity_lots  # type: ignore[union-attr]
            if isinstance(event, Refused):
                seen[event.code] += 1
        yield entry


def _lines(found: tuple[Statement, ...]) -> int:
    parts = chain.from_iterable((each.accounts, each.movements, each.obligations, each.holds) for each in found)
    return sum(map(len, parts))
