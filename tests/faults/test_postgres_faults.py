"""What befalls a PostgreSQL journal: a wire that breaks, a server that is killed, a standby that is down or takes over.

Nothing acknowledged may be lost, nothing may take effect twice, and what is unknown is told as unknown.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from urllib.parse import quote

import pytest
from tests import little_machine
from tests.faults import worker
from tests.faults.disk import seeded
from tests.faults.lives import all_of, judge
from tests.faults.processes import started
from tests.faults.wire import Break, Moment, Wire
from tests.little_machine import order
from tests.postgres import Cluster

from naryq.engine import Answer, Engine
from naryq.journal import postgres
from naryq.journal.contract import Journal
from naryq.journal.postgres import PostgresJournal, PostgresReader
from naryq.journal.postgres_server import Connection
from naryq.messages import Code, Entry, Refusal, Refused, encode

pytestmark = pytest.mark.postgres

KILLS = 10
PATIENCE_SECONDS = 1

# --- The wire -------------------------------------------------------------------------------------------------------

MESSAGES = "QQdcQ"
"""An append as the server gets it: begin and move the head, copy, the rows, their end, commit."""
COMMIT = MESSAGES.rindex("Q")
BREAKS = [Break(message, moment) for message in range(len(MESSAGES)) for moment in Moment]


@pytest.fixture
def wire(postgres: Cluster) -> Iterator[Wire]:
    with Wire(str(postgres.folder / ".s.PGSQL.5432")) as wire:
        yield wire


def through(wire: Wire, address: str) -> str:
    """Return an address that leads through the wire to a journal."""
    schema = address.rpartition("search_path%3D")[2]
    options = quote(f"-csearch_path={schema}")
    return f"postgresql://naryq@127.0.0.1:{wire.port}/postgres?sslmode=disable&gssencmode=disable&options={options}"


def codes(answers: list[Answer]) -> set[Code | None]:
    """Return the codes of the refusals among some answers, and None where a command was taken."""
    events = [answer.events[0] for answer in answers]
    return {event.code if isinstance(event, Refused) else None for event in events}


def opened(address: str) -> Engine[little_machine.State]:
    return Engine(worker.opened_at_last(address), machine=little_machine)


def test_an_append_is_five_messages(wire: Wire, new_schema: Callable[[], str]) -> None:
    """The breaks below are counted on an append of this form; were it another, they would break elsewhere."""
    address = through(wire, new_schema())
    with closing(PostgresJournal.create(address)) as journal:
        wire.seen = ""
        journal.append([b"one", b"two"])
        assert wire.seen == MESSAGES


@pytest.mark.parametrize("plan", BREAKS, ids=[f"{plan.message}-{plan.moment.name}" for plan in BREAKS])
def test_a_wire_that_breaks_leaves_it_unknown_until_asked_again(
    wire: Wire, new_schema: Callable[[], str], plan: Break
) -> None:
    """Wherever the wire breaks, all hear `unknown`; asked again, each command has taken effect exactly once."""
    address = new_schema()
    PostgresJournal.create(address).close()
    commands = [order(number) for number in range(1, 6)]
    with Engine(
        PostgresJournal.open(through(wire, address), patience_seconds=PATIENCE_SECONDS), machine=little_machine
    ) as engine:
        told = {answer.sequence for answer in engine.submit_many(commands[:2])}
        wire.break_at(plan)
        assert codes(engine.submit_many(commands[2:])) == {Code.OUTCOME_UNKNOWN}
        assert not engine.running
    landed = plan.message == COMMIT and plan.moment is not Moment.BEFORE
    with opened(address) as engine:
        assert engine.state.sequence == (5 if landed else 2)
        answers = engine.submit_many(commands)
    assert told == {1, 2}
    assert [answer.sequence for answer in answers] == [1, 2, 3, 4, 5]
    assert [answer.repeated for answer in answers] == [True, True, *[landed] * 3]
    assert judge(address, {f"c{number}": number for number in range(1, 6)}) == 5


class StubbornJournal:
    """A planted bug: when it is unknown whether rows were kept, it connects anew and simply writes them again."""

    def __init__(self, first: str, then: str) -> None:
        self._journal: Journal = PostgresJournal.open(first)
        self._then = then

    def append(self, payloads: list[bytes]) -> None:
        try:
            self._journal.append(payloads)
        except Refusal:
            self._journal = worker.opened_at_last(self._then)
            self._journal.append(payloads)


def test_who_writes_again_without_asking_writes_twice(wire: Wire, new_schema: Callable[[], str]) -> None:
    """The canary: a journal that repeats an append after a lost connection is found by its rows."""
    address = new_schema()
    PostgresJournal.create(address).close()
    stubborn = StubbornJournal(through(wire, address), address)
    wire.break_at(Break(COMMIT, Moment.AFTER))
    stubborn.append([b"row"])
    stubborn._journal.close()
    with closing(PostgresReader.open(address)) as reader:
        assert [row.payload for row in reader.read()] == [b"row", b"row"]


# --- The server -----------------------------------------------------------------------------------------------------


@contextmanager
def server(**settings: str) -> Iterator[Cluster]:
    cluster = Cluster.initialised(**settings).start()
    try:
        yield cluster
    finally:
        cluster.close()


def work_until(address: str, first: int, seed: int, disaster: Callable[[], object]) -> dict[str, int]:
    """Let a venue work in a process of its own until a disaster, and return what it acknowledged, by command_id."""
    with started(worker.work, address, first, None, seed) as (process, pipe):
        told = dict([pipe.recv()])
        time.sleep(seeded(seed).random() * 0.1)
        disaster()
        told |= dict(all_of(pipe))
        process.join()
        assert process.exitcode == 0
    return told


def test_a_killed_server_loses_nothing_acknowledged() -> None:
    """Killed with -9 at random instants and started again, the server has every row that anybody was told of."""
    with server() as cluster:
        address = cluster.new_schema("venue")
        PostgresJournal.create(address).close()
        told: dict[str, int] = {}
        rows = 0
        for seed in range(KILLS):
            told |= work_until(address, rows + 1, seed, cluster.kill)
            cluster.start()
            rows = judge(address, told)
        assert len(told) > 2 * KILLS


@pytest.mark.parametrize("moment", Moment)
def test_a_commit_whose_answer_is_lost_with_the_server_is_kept_once(moment: Moment) -> None:
    """The wire breaks at the commit and the server dies: all hear `unknown`, and asked again, each is there once."""
    commands = [order(number) for number in range(1, 6)]
    with server() as cluster, Wire(str(cluster.folder / ".s.PGSQL.5432")) as wire:
        address = cluster.new_schema("venue")
        PostgresJournal.create(address).close()
        journal = PostgresJournal.open(through(wire, address), patience_seconds=PATIENCE_SECONDS)
        with Engine(journal, machine=little_machine) as engine:
            told = {answer.sequence for answer in engine.submit_many(commands[:2])}
            wire.break_at(Break(COMMIT, moment))
            assert codes(engine.submit_many(commands[2:])) == {Code.OUTCOME_UNKNOWN}
            cluster.kill()
        cluster.start()
        with opened(address) as engine:
            assert engine.state.sequence == (2 if moment is Moment.BEFORE else 5)
            answers = engine.submit_many(commands)
        assert (told, [answer.sequence for answer in answers]) == ({1, 2}, [1, 2, 3, 4, 5])
        assert judge(address, {f"c{number}": number for number in range(1, 6)}) == 5


def test_a_server_that_does_not_wait_for_its_log_loses_what_it_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: with synchronous_commit=off, the same death loses acknowledged rows, and the judge finds them."""
    monkeypatch.setattr(postgres, "ALONE_SETTING", ("synchronous_commit", "off", "off"))
    with server(wal_writer_delay="10s", wal_writer_flush_after="0") as cluster:
        address = cluster.new_schema("venue")
        told = {}
        with Engine(PostgresJournal.create(address), machine=little_machine) as engine:
            told = {f"c{number}": engine.submit(order(number)).sequence for number in range(1, 21)}
            cluster.kill()
        cluster.start()
        with pytest.raises(AssertionError, match="lost"):
            judge(address, told)


# --- The standby ----------------------------------------------------------------------------------------------------


class Pair:
    """A server and its standby, which the server waits for where it is told the standby's name."""

    def __init__(self, primary: Cluster, standby: Cluster, address: str) -> None:
        self.primary, self.standby, self.address = primary, standby, address
        self.address_after = standby.address("venue")

    def opened(self) -> PostgresJournal:
        return PostgresJournal.open(self.address, patience_seconds=PATIENCE_SECONDS)


def rename_standby(primary: Cluster, name: str) -> None:
    """Let the server wait for the standby of a name from now on, or for none."""
    primary.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    primary.execute("SELECT pg_reload_conf()")
    primary.wait_for(lambda: primary.execute("SHOW synchronous_standby_names") == [(name,)])


@contextmanager
def pair(synchronous: str) -> Iterator[Pair]:
    """Make a journal on a server that waits for the standby of this name, or for none, and its standby."""
    with server(wal_keep_size="64MB") as primary:
        address = primary.new_schema("venue")
        PostgresJournal.create(address).close()
        standby = Cluster.standby_of(primary, "second").start()
        try:
            rename_standby(primary, synchronous)
            state = ("streaming", "sync" if synchronous else "async")
            primary.wait_for(lambda: primary.execute("SELECT state, sync_state FROM pg_stat_replication") == [state])
            yield Pair(primary, standby, address)
        finally:
            standby.close()


def test_a_standby_that_takes_over_has_everything_acknowledged() -> None:
    """When the server is killed, its standby has every row that anybody was told of, and the venue goes on there."""
    with pair(synchronous="second") as at_work:
        told = work_until(at_work.address, 1, 7, at_work.primary.kill)
        at_work.standby.promote()
        rows = judge(at_work.address_after, told)
        with opened(at_work.address_after) as engine:
            answers = engine.submit_many([order(number) for number in range(1, rows + 3)])
        assert [answer.repeated for answer in answers] == [*[True] * rows, False, False]
        judge(at_work.address_after, told | {f"c{rows + 2}": rows + 2})


def test_without_a_standby_named_what_was_acknowledged_is_lost() -> None:
    """The canary: where the server waits for nobody, a standby that lags takes over without rows, and that is seen."""
    with pair(synchronous="") as at_work:
        at_work.standby.kill()
        with Engine(at_work.opened(), machine=little_machine) as engine:
            told = {f"c{number}": engine.submit(order(number)).sequence for number in range(1, 4)}
            assert told == {"c1": 1, "c2": 2, "c3": 3}
            at_work.primary.kill()
        at_work.standby.start().promote()
        with pytest.raises(AssertionError, match="lost"):
            judge(at_work.address_after, told)


def test_while_the_standby_is_down_a_commit_waits_and_is_unknown() -> None:
    """The row is told as unknown, nobody else may write, and once the standby is back the row is there, once."""
    with pair(synchronous="second") as at_work:
        with Engine(at_work.opened(), machine=little_machine) as engine:
            at_work.standby.kill()
            assert codes([engine.submit(order(1))]) == {Code.OUTCOME_UNKNOWN}
        with pytest.raises(Refusal) as refusal:
            at_work.opened()
        assert refusal.value.code is Code.JOURNAL_LOCKED
        at_work.standby.start()
        with opened(at_work.address) as engine:
            again = engine.submit(order(1))
        assert (again.sequence, again.repeated) == (1, True)


def cancelled_wait(at_work: Pair) -> tuple[PostgresJournal, int | Code]:
    """Append a row while the standby is down, cancel the server's wait for it, and return what the writer hears."""
    journal = PostgresJournal.open(at_work.address)
    at_work.standby.kill()
    with ThreadPoolExecutor() as threads:
        heard = threads.submit(worker.told, journal, encode(Entry(1, order(1), ())))
        cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        at_work.primary.wait_for(lambda: at_work.primary.execute(cancel) == [(True,)])
        return journal, heard.result()


def test_who_cancels_the_wait_for_the_standby_leaves_it_unknown() -> None:
    """The server then reports success with a warning, which is told as unknown: one machine only may have the row."""
    with pair(synchronous="second") as at_work:
        journal, heard = cancelled_wait(at_work)
        journal.close()
    assert heard is Code.OUTCOME_UNKNOWN


def test_who_does_not_hear_the_warning_loses_what_it_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary: a writer that is deaf to warnings acknowledges the row, and the standby takes over without it."""
    monkeypatch.setattr(Connection, "add_notice_handler", lambda *_: None)
    monkeypatch.setattr(Connection, "remove_notice_handler", lambda *_: None)
    with pair(synchronous="second") as at_work:
        journal, heard = cancelled_wait(at_work)
        assert heard == 1
        at_work.primary.kill()
        journal.close()
        at_work.standby.start().promote()
        with pytest.raises(AssertionError, match="lost"):
            judge(at_work.address_after, {"c1": 1})


def test_whoever_stops_naming_the_standby_stops_the_venue() -> None:
    """A writer that has promised two machines does not go on with one in silence; opened anew, it does."""
    with pair(synchronous="second") as at_work:
        journal = at_work.opened()
        assert journal.append([b"on two machines"]).sequence == 1
        rename_standby(at_work.primary, "")
        with pytest.raises(Refusal, match="no longer waits for a standby") as refusal:
            journal.append([b"on one"])
        assert refusal.value.code is Code.STOPPED
        journal.close()
        with closing(worker.opened_at_last(at_work.address)) as anew:
            assert anew.append([b"on one"]).sequence == 2


def test_a_standby_that_is_named_meanwhile_is_waited_for() -> None:
    """A writer that was opened before there was a standby waits for it as soon as the server does."""
    with pair(synchronous="") as at_work:
        journal = at_work.opened()
        journal.append([b"on one machine"])
        rename_standby(at_work.primary, "second")
        at_work.standby.kill()
        assert worker.told(journal, b"unknown") is Code.OUTCOME_UNKNOWN


def test_a_standby_is_not_written() -> None:
    """Opening a standby to write is refused and says so; to read it is allowed."""
    with pair(synchronous="second") as at_work:
        with closing(PostgresJournal.open(at_work.address)) as journal:
            journal.append([b"row"])
        with pytest.raises(Refusal) as refusal:
            PostgresJournal.open(at_work.address_after)
        assert refusal.value.code is Code.UNREADABLE
        assert "standby" in refusal.value.what
        with closing(PostgresReader.open(at_work.address_after)) as reader:
            assert [row.payload for row in reader.read()] == [b"row"]
