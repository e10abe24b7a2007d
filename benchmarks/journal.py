"""What the journal and the engine make durable in a second, by the rows of a commit: `python benchmarks/journal.py`.

The rows are orders in an open session under the shipped rulebook. The raw append writes ready payloads; the engine
checks, decides, encodes, decodes and applies each of its ready commands as well, while the next group waits in its
queue. The rows of a commit are taken in turn and the best of three rounds is shown, so that a neighbour on the machine
disturbs all alike. A second table shows where the time of one order goes, in one thread and without the journal: what
stands in it beside the row of judging has to be paid by any engine that reads back what it writes.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from naryq import exchange, rulebook
from naryq.engine import Engine, collect_lightly
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    AnyEvent,
    Entry,
    OpenSession,
    OrderAccepted,
    Place,
    SubmitOrder,
    canonical,
    decode_command,
    decode_events,
    encode,
    spelled,
    written_today,
)
from naryq.units import instant_ns

RULES = Path(__file__).parents[1] / "rulebooks" / "kazakhstan"
DAY = "2021-12-31"
BEFORE_NS, AT_NS = instant_ns(DAY, "09:00", 360), instant_ns(DAY, "11:00", 360)
ROWS_A_COMMIT = (1, 10, 100, 1_000)
ROUNDS = 3
SECONDS = 1.5
READY = 100_000
"""Orders that are made beforehand: more than any engine takes in that time."""
PARTS = 20_000
"""Orders whose parts are measured."""


def founding() -> list[AnyCommand]:
    """Return the commands after which a buyer may send orders."""
    rules = rulebook.load({path.name: path.read_text(encoding="utf-8") for path in sorted(RULES.glob("*.yaml"))})
    return [
        AdmitParticipant("f1", "kmx", BEFORE_NS, "kmx", "Exchange", "operator"),
        AdmitParticipant("f2", "kmx", BEFORE_NS, "ministry", "Ministry", "regulator"),
        AdmitParticipant("f3", "kmx", BEFORE_NS, "gasnet", "Gas network", "buyer"),
        AdoptRulebook("f4", "ministry", BEFORE_NS, rules),
        OpenSession("f5", "kmx", BEFORE_NS, "jan", DAY, "plan", "2022-01", (Place("KZ-47", "province"),), ()),
    ]


def orders() -> Iterator[SubmitOrder]:
    """Yield orders that the venue takes, without end."""
    for number in count(1):
        price, lots = 20_000 + number % 997, 1 + number % 40
        yield SubmitOrder(f"c{number}", "gasnet", AT_NS, "jan", f"o{number}", "KZ-47", "buy", price, lots)


def rate(rows: int, work: Callable[[], object]) -> float:
    """Return the rows a second when `work` makes some durable at each call."""
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < SECONDS:
        work()
        calls += 1
    return rows * calls / (time.perf_counter() - begun)


def founded() -> exchange.State:
    """Return the state in which the orders are sent."""
    state = exchange.initial_state()
    for sequence, command in enumerate(founding(), start=1):
        state = exchange.apply(state, Entry(sequence, command, exchange.decide(state, command)))
    return state


def raw(path: str, rows: int) -> float:
    """Append ready rows of the usual size."""
    state, first = founded(), next(orders())
    events = exchange.decide(state, first)
    assert isinstance(events[0], OrderAccepted), events
    payloads = [encode(Entry(6, first, events))] * rows
    with closing(SqliteJournal.create(path)) as journal:
        return rate(rows, lambda: journal.append(payloads))


def engine(path: str, rows: int) -> float:
    """Give the engine groups of new orders, each of which becomes one commit; one group is always ahead."""
    with Engine(SqliteJournal.create(path), batch_limit=rows, queue_limit=4 * rows) as venue:
        venue.submit_many(founding())
        stream = iter(list(islice(orders(), READY)))
        ahead = deque([venue.offer_many(list(islice(stream, rows)))])

        def turn() -> None:
            ahead.append(venue.offer_many(list(islice(stream, rows))))
            ahead.popleft()[-1].result()

        result = rate(rows, turn)
        (event,) = ahead.pop()[-1].result().events
        assert isinstance(event, OrderAccepted), event
        return result


def best(measure: Callable[[str, int], float], rows: int) -> float:
    """Return the best of the rounds, each over a new journal."""
    found = []
    for _ in range(ROUNDS):
        with TemporaryDirectory(dir=Path.cwd()) as folder:
            found.append(measure(str(Path(folder) / "venue.journal"), rows))
    return max(found)


def judged(commands: list[SubmitOrder]) -> list[tuple[AnyEvent, ...]]:
    """Judge orders one after the other, each on the state that the last one has left."""
    state, found = founded(), []
    for command in commands:
        events, folded = exchange.decide_and_fold(state, command)
        state = exchange.seal(folded, written_today(state.sequence + 1, command, events))
        found.append(events)
    return found


def microseconds(work: Callable[[], object]) -> float:
    """Return what an order's part of some work on all of them takes, the best of some rounds."""
    found = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return 1e6 * min(found) / PARTS


def parts() -> Iterator[tuple[str, float]]:
    """Yield each part of an order's way through the engine, and what it takes."""
    commands = list(islice(orders(), PARTS))
    spellings = [encode(command) for command in commands]
    events = judged(commands)
    answers = [canonical(each) for each in events]
    yield "spell the command", microseconds(lambda: [encode(command) for command in commands])
    yield "read it back", microseconds(lambda: [decode_command(spelling) for spelling in spellings])
    yield "judge it, fold what follows", microseconds(lambda: judged(commands))
    yield "spell the events", microseconds(lambda: [canonical(each) for each in events])
    yield "read them back", microseconds(lambda: [decode_events(spelling) for spelling in answers])
    joined = partial(spelled, 1)
    yield "join the row", microseconds(lambda: list(map(joined, spellings, answers)))


def main() -> None:
    """Print the tables."""
    collect_lightly()
    print("rows a commit   raw append, rows/s   engine, commands/s   engine / raw")
    for rows in ROWS_A_COMMIT:
        appended, decided = best(raw, rows), best(engine, rows)
        print(f"{rows:13,}   {appended:18,.0f}   {decided:18,.0f}   {decided / appended:12.2f}")
    print(f"\npart of an order              microseconds\nappend its ready row          {1e6 / appended:12.1f}")
    for part, spent in parts():
        print(f"{part:27}   {spent:12.1f}")


if __name__ == "__main__":
    main()
