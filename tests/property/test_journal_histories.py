"""Random histories of appending, closing, reopening, reading and rivals, against a plain list, for each journal."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from naryq.journal.contract import GENESIS, Journal, Record, link
from naryq.journal.memory import MemoryJournal
from naryq.journal.postgres import PostgresJournal
from naryq.journal.sqlite import SqliteJournal
from naryq.messages import Code, Refusal

PAYLOADS = st.lists(st.binary(max_size=5_000), min_size=1, max_size=20)


class Histories(RuleBasedStateMachine):
    """A journal, and beside it the list of everything that was acknowledged."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Record] = []
        self.journal = self.opened()

    def opened(self) -> Journal:
        raise NotImplementedError

    def rival(self) -> Journal:
        raise NotImplementedError

    def acknowledge(self, payloads: list[bytes]) -> None:
        for payload in payloads:
            sequence, chain = len(self.rows) + 1, self.rows[-1].chain if self.rows else GENESIS
            self.rows.append(Record(sequence, payload, link(chain, sequence, payload)))

    @rule(payloads=PAYLOADS)
    def append(self, payloads: list[bytes]) -> None:
        head = self.journal.append(payloads)
        self.acknowledge(payloads)
        assert head == self.rows[-1]

    @rule()
    def reopen(self) -> None:
        self.journal.close()
        self.journal = self.opened()

    @rule(payloads=PAYLOADS, lost=PAYLOADS)
    def a_rival_appends_first(self, payloads: list[bytes], lost: list[bytes]) -> None:
        rival = self.rival()
        rival.append(payloads)
        rival.close()
        self.acknowledge(payloads)
        with pytest.raises(Refusal) as refusal:
            self.journal.append(lost)
        assert refusal.value.code is Code.JOURNAL_LOCKED
        self.reopen()

    @rule(after=st.integers(min_value=0, max_value=100))
    def read_a_part(self, after: int) -> None:
        assert list(self.journal.read(after)) == self.rows[after:]

    @invariant()
    def everything_acknowledged_is_there(self) -> None:
        assert self.journal.head() == (self.rows[-1] if self.rows else None)
        assert list(self.journal.read()) == self.rows

    def teardown(self) -> None:
        self.journal.close()


class MemoryHistories(Histories):
    def __init__(self) -> None:
        self.kept: list[Record] = []
        super().__init__()

    def opened(self) -> Journal:
        return MemoryJournal(self.kept)

    rival = opened


class SqliteHistories(Histories):
    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = str(Path(self.folder.name) / "venue.journal")
        SqliteJournal.create(self.path).close()
        super().__init__()

    def opened(self) -> Journal:
        return SqliteJournal.open(self.path)

    def rival(self) -> Journal:
        Path(f"{self.path}-lock").unlink()  # As on a network drive that ignores locks.
        return SqliteJournal.open(self.path)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


class PostgresHistories(Histories):
    def __init__(self, address: str) -> None:
        self.address = address
        PostgresJournal.create(address).close()
        super().__init__()

    def opened(self) -> Journal:
        return PostgresJournal.open(self.address)

    def rival(self) -> Journal:
        assert isinstance(self.journal, PostgresJournal)
        self.journal._connection.execute("SELECT pg_advisory_unlock_all()")  # As behind a pooler.
        return PostgresJournal.open(self.address)


FIXED = settings(derandomize=True, suppress_health_check=[HealthCheck.too_slow])
TestMemoryHistories = MemoryHistories.TestCase
TestMemoryHistories.settings = settings(FIXED, max_examples=100, stateful_step_count=40)
TestSqliteHistories = SqliteHistories.TestCase
TestSqliteHistories.settings = settings(FIXED, max_examples=60, stateful_step_count=30)


@pytest.mark.postgres
def test_postgres_histories(new_schema: Callable[[], str]) -> None:
    """The journal in PostgreSQL keeps what the plain list keeps."""
    steps = settings(FIXED, max_examples=20, stateful_step_count=20)
    run_state_machine_as_test(lambda: PostgresHistories(new_schema()), settings=steps)  # type: ignore[arg-type]


class ForgetfulJournal(MemoryJournal):
    """A planted bug: a group of more than three rows loses its last."""

    def append(self, payloads: Sequence[bytes]) -> Record:
        kept = payloads[:-1] if len(payloads) > 3 else payloads
        return super().append(kept)


class ForgetfulHistories(MemoryHistories):
    def opened(self) -> Journal:
        return ForgetfulJournal(self.kept)


def test_the_suite_finds_a_forgetful_journal() -> None:
    """The canary: a journal that loses one row in a large group fails the same histories."""
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ForgetfulHistories, settings=settings(FIXED, max_examples=50))
