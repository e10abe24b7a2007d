"""What only the PostgreSQL journal promises: its settings, its tables, its silence about secrets, and its patience."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest
from tests.postgres import Cluster

from naryq.journal import named, postgres
from naryq.journal.contract import rows_after
from naryq.journal.postgres import PostgresJournal, PostgresReader
from naryq.journal.postgres_server import SECRETS
from naryq.messages import Code, Refusal

pytestmark = pytest.mark.postgres
ROWS = rows_after(None, [b"one", b"two", b"\x00" * 100_000])


@pytest.fixture
def address(new_schema: Callable[[], str]) -> str:
    """Return the address of a journal of three rows."""
    address = new_schema()
    PostgresJournal.create(address, ROWS).close()
    return address


def execute(address: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(address, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def refusal_of(address: str) -> Refusal:
    """Return the one refusal that the writer and the reader both give to an address."""
    with pytest.raises(Refusal) as of_writer:
        PostgresJournal.open(address)
    with pytest.raises(Refusal) as of_reader, closing(PostgresReader.open(address)) as reader:
        reader.head()
    assert of_writer.value.code == of_reader.value.code
    return of_writer.value


# --- Settings -------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_force(address: str) -> None:
    """After opening, each setting reads as it was meant, and a commit waits until the server has synced it."""
    with closing(PostgresJournal.open(address)) as journal:
        for name, _, expected in (*postgres.SETTINGS, postgres.ALONE_SETTING):
            assert journal._connection.execute(f"SHOW {name}".encode()).fetchall() == [(expected,)]


@pytest.mark.parametrize("setting", [("synchronous_commit", "off", "on"), ("full_page_writes", None, "off")])
def test_a_setting_that_does_not_take_is_refused(address: str, setting: postgres.Setting) -> None:
    """A setting that reads back otherwise than it should ends the opening, and the lock is let go."""
    with pytest.raises(Refusal, match=f"the setting {setting[0]} reads"):
        PostgresJournal.open(address, settings=(setting,))
    PostgresJournal.open(address).close()


# --- Tables ---------------------------------------------------------------------------------------------------------


def test_creating_keeps_the_rows_given(address: str) -> None:
    """A journal that is made of rows holds them, and the next row follows on."""
    with closing(PostgresJournal.open(address)) as journal:
        assert list(journal.read()) == ROWS
        assert journal.append([b"four"]) == rows_after(ROWS[-1], [b"four"])[0]


def test_creating_never_replaces_a_journal(address: str) -> None:
    """A schema that holds a journal is left as it is; another schema of the same database is another place."""
    with pytest.raises(Refusal) as refusal:
        PostgresJournal.create(address)
    assert refusal.value.code is Code.ALREADY_EXISTS
    with closing(PostgresReader.open(address)) as reader:
        assert reader.head() == ROWS[-1]


def test_a_creation_that_fails_leaves_nothing(new_schema: Callable[[], str]) -> None:
    """Where the rows break off, there is no journal and no table."""
    address = new_schema()

    def broken() -> object:
        yield ROWS[0]
        raise Refusal(Code.EMPTY, "the rows broke off")

    with pytest.raises(Refusal, match="broke off"):
        PostgresJournal.create(address, broken())  # type: ignore[arg-type]
    assert refusal_of(address).code is Code.UNREADABLE
    PostgresJournal.create(address).close()


CHANGES = {
    "UNLOGGED": "ALTER TABLE naryq_entries SET UNLOGGED",
    "a trigger": "CREATE TRIGGER t BEFORE UPDATE ON naryq_entries FOR EACH ROW EXECUTE FUNCTION "
    "suppress_redundant_updates_trigger()",
    "a rule": "CREATE RULE r AS ON DELETE TO naryq_head DO INSTEAD NOTHING",
    "a column": "ALTER TABLE naryq_entries ADD COLUMN note text",
    "an index": "CREATE INDEX i ON naryq_entries (chain)",
    "a null": "ALTER TABLE naryq_entries ALTER COLUMN chain DROP NOT NULL",
    "row security": "ALTER TABLE naryq_entries ENABLE ROW LEVEL SECURITY",
    "one table": "DROP TABLE naryq_head",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_table_is_refused(address: str, change: str) -> None:
    """What somebody has added to the tables or taken away is found at opening; an unlogged one would forget all."""
    execute(address, change)
    refusal = refusal_of(address)
    assert refusal.code is Code.JOURNAL_DAMAGED
    assert "tables are not those of its format" in refusal.what


def test_another_format_is_refused(address: str) -> None:
    """A journal of a later program says which format it has."""
    execute(address, "UPDATE naryq_head SET format = 2")
    assert "this program reads format 1" in refusal_of(address).what


def test_an_end_that_was_cut_off_is_found(address: str) -> None:
    """The journal names its last row: where that is gone, or another follows, neither reader nor writer believes it."""
    execute(address, "DELETE FROM naryq_entries WHERE sequence = 3")
    assert "names row 3 as its last, and the last one there is 2" in refusal_of(address).what
    execute(address, "INSERT INTO naryq_entries VALUES (3, 'forged', '')")
    assert refusal_of(address).code is Code.JOURNAL_DAMAGED


# --- Readers --------------------------------------------------------------------------------------------------------


def test_a_reader_cannot_write(address: str) -> None:
    """The reader's session is read-only by the server's word."""
    with closing(PostgresReader.open(address)) as reader, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        reader._connection.execute("DELETE FROM naryq_entries")


def test_a_reader_follows_a_writer(address: str) -> None:
    """A reader that was opened before sees what has been appended since, whole groups only, and hinders nobody."""
    with closing(PostgresReader.open(address)) as reader, closing(PostgresJournal.open(address)) as journal:
        journal.append([b"four", b"five"])
        assert [row.payload for row in reader.read(after=3)] == [b"four", b"five"]


def test_rows_that_can_no_longer_be_read_are_refused(address: str) -> None:
    """A table that vanishes while it is read ends the reading with a refusal and not with a traceback."""
    with closing(PostgresReader.open(address)) as reader:
        execute(address, "DROP TABLE naryq_entries")
        with pytest.raises(Refusal, match="cannot be read") as refusal:
            list(reader.read())
    assert refusal.value.code is Code.JOURNAL_DAMAGED


def test_neither_writer_nor_reader_needs_more_than_its_rights(postgres: Cluster, new_schema: Callable[[], str]) -> None:
    """An ordinary user makes and writes a journal in a schema of their own; another, who may only read, reads it."""
    address = new_schema()
    schema = address.rpartition("%3D")[2]
    for statement in ("CREATE USER ordinary", "CREATE USER curious", f"ALTER SCHEMA {schema} OWNER TO ordinary"):
        postgres.execute(statement)
    with closing(PostgresJournal.create(address.replace("user=naryq", "user=ordinary"))) as journal:
        journal.append([b"one"])
    execute(address, f"GRANT USAGE ON SCHEMA {schema} TO curious")
    execute(address, f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO curious")
    with closing(PostgresReader.open(address.replace("user=naryq", "user=curious"))) as reader:
        assert [row.payload for row in reader.read()] == [b"one"]
    with pytest.raises(Refusal, match="permission denied") as refusal:
        PostgresJournal.open(address.replace("user=naryq", "user=curious"))
    assert refusal.value.code is Code.UNREADABLE


def test_a_server_that_is_gone_while_it_is_read_is_no_damage(address: str) -> None:
    """A lost connection says nothing about the rows, and the refusal says so."""
    with closing(PostgresReader.open(address)) as reader:
        execute(address, f"SELECT pg_terminate_backend({reader._connection.info.backend_pid}, 10000)")
        with pytest.raises(Refusal, match="can no longer be asked") as refusal:
            list(reader.read())
    assert refusal.value.code is Code.UNREADABLE


# --- Other writers --------------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_while_the_first_lives(address: str) -> None:
    """The lock holds until the first lets go, and a refused opening does not lift it."""
    with closing(PostgresJournal.open(address)) as journal:
        for _ in range(2):
            with pytest.raises(Refusal) as refusal:
                PostgresJournal.open(address)
            assert refusal.value.code is Code.JOURNAL_LOCKED
        assert journal.append([b"four"]).sequence == 4
    PostgresJournal.open(address).close()


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_an_append_that_meets_another_is_refused(address: str, isolation: str) -> None:
    """Where a rival moves the head in the same instant, the server's refusal to serialise is the end of it."""
    setting = ("default_transaction_isolation", isolation, isolation)
    with closing(PostgresJournal.open(address, settings=(setting,))) as journal:
        with psycopg.connect(address) as rival:
            rival.execute("UPDATE naryq_head SET epoch = epoch + 1")
            codes: list[Code] = []
            appending = threading.Thread(target=lambda: codes.append(_refused_append(journal)))
            appending.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
            while execute(address, waiting) == [(0,)]:
                time.sleep(0.01)
        appending.join()
    assert codes == [Code.JOURNAL_LOCKED]
    with closing(PostgresReader.open(address)) as reader:
        assert reader.head() == ROWS[-1]


def test_who_waits_too_long_for_the_head_is_refused(address: str) -> None:
    """A rival that is paused within its commit keeps out a writer's opening and its append; both say who it is."""
    hasty = (("lock_timeout", "50ms", "50ms"),)
    with closing(PostgresJournal.open(address, settings=hasty)) as journal, psycopg.connect(address) as rival:
        rival.execute("UPDATE naryq_head SET epoch = epoch + 1")
        assert _refused_append(journal) is Code.JOURNAL_LOCKED
        with pytest.raises(Refusal) as refusal:
            PostgresJournal.open(address, settings=hasty)
        assert refusal.value.code is Code.JOURNAL_LOCKED


def _refused_append(journal: PostgresJournal) -> Code:
    with pytest.raises(Refusal) as refusal:
        journal.append([b"lost"])
    return refusal.value.code


# --- Patience -------------------------------------------------------------------------------------------------------


def test_a_server_that_does_not_answer_leaves_it_unknown(address: str) -> None:
    """An answer that does not come in time counts as a lost connection, and nobody waits for ever."""
    with closing(PostgresJournal.open(address, patience_seconds=1)) as journal:
        backend = journal._connection.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            assert _refused_append(journal) is Code.OUTCOME_UNKNOWN
        finally:
            os.kill(backend, signal.SIGCONT)


def test_a_warning_at_a_commit_leaves_it_unknown(address: str) -> None:
    """A server may commit and warn that the row may be on no other machine: that is not what was promised."""
    execute(
        address,
        "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE WARNING 'might not have been replicated'; RETURN NULL; END$$",
    )
    with closing(PostgresJournal.open(address)) as journal:
        execute(
            address,
            "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON naryq_entries DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION warn()",
        )
        with pytest.raises(Refusal, match="might not have been replicated") as refusal:
            journal.append([b"four"])
    assert refusal.value.code is Code.OUTCOME_UNKNOWN


# --- Secrets --------------------------------------------------------------------------------------------------------

SECRET = "hunter2-canary"  # noqa: S105 - a canary, to be looked for in all that is said
ADDRESSES = {
    "a wrong password": "postgresql:///postgres?host={host}&user=guarded&password={secret}",
    "no such database": "postgresql:///none?host={host}&user=naryq&password={secret}",
    "no such host": "postgresql://naryq:{secret}@host.invalid/venue",
    "nobody listens": "postgresql://naryq:{secret}@127.0.0.1:1/venue",
    "a bad escape": "postgresql://naryq:{secret}%zz@host/venue",
    "a slip of the pen": "postgresql://host/venue?{secret}=password",
    "a bad option": "postgresql:///postgres?host={host}&user=naryq&password={secret}&sslmode={secret}",
    "no journal": "postgresql:///postgres?host={host}&user=naryq&password={secret}&options=-csearch_path%3Dempty",
}


@pytest.fixture(scope="module")
def guarded(postgres: Cluster) -> Cluster:
    """Return a server with a user who needs a password."""
    rules = postgres.data / "pg_hba.conf"
    rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text('utf-8')}", encoding="utf-8")
    postgres.execute("CREATE USER guarded PASSWORD 'another'")
    postgres.execute("SELECT pg_reload_conf()")
    return postgres


@pytest.mark.parametrize("template", ADDRESSES.values(), ids=ADDRESSES)
def test_no_secret_is_told(guarded: Cluster, template: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is wrong with an address, the password stands in no refusal, in no traceback and in no log."""
    address = template.format(host=guarded.folder, secret=SECRET)
    for use in (PostgresReader.open, PostgresJournal.open):
        with pytest.raises(Refusal) as refusal:
            use(address)
        assert refusal.value.code is Code.UNREADABLE
        assert SECRET not in "".join(traceback.format_exception(refusal.value))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("name", ["postgresql:naryq:{}@host/venue", "POSTGRES://naryq:{}@host", "host=x password={}"])
def test_a_misspelt_address_is_not_taken_for_a_path(name: str) -> None:
    """The refusal of a path would repeat it, and with it the password."""
    for use in (named.reader, named.writer, named.create):
        with pytest.raises(Refusal) as refusal:
            use(name.format(SECRET))
        assert SECRET not in "".join(traceback.format_exception(refusal.value))


def test_every_secret_of_libpq_is_known() -> None:
    """Each parameter that libpq itself would hide in a form is one that we hide."""
    hidden = [option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.dispchar == b"*"]
    assert set(hidden) <= set(SECRETS)
