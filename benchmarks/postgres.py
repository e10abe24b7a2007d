"""What the journal in PostgreSQL makes durable in a second, beside the file: `python benchmarks/postgres.py`.

It starts a server and a standby of its own, on this machine. The three journals take turns and the best of the rounds
is shown, so that a neighbour on the machine disturbs all alike; the ratios say more than the figures.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from naryq.journal.contract import Journal
from naryq.journal.postgres import PostgresJournal
from naryq.journal.sqlite import SqliteJournal

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.postgres import Cluster

PAYLOAD = b'{"sequence":6,"command":{"type":"SubmitOrder"}' + b" " * 430 + b"}"
ROWS_A_COMMIT = (1, 10, 100, 1_000)
ROUNDS = 3
SECONDS = 1.0


def rate(journal: Journal, rows: int) -> float:
    """Return the rows a second that a journal takes in groups of a size."""
    payloads = [PAYLOAD] * rows
    begun, groups = time.perf_counter(), 0
    while time.perf_counter() - begun < SECONDS:
        journal.append(payloads)
        groups += 1
    return rows * groups / (time.perf_counter() - begun)


@contextmanager
def servers() -> Iterator[tuple[Cluster, Cluster]]:
    """Start a server that stands alone, and one that waits for its standby."""
    alone, paired = Cluster.initialised().start(), Cluster.initialised().start()
    standby = Cluster.standby_of(paired, "second").start()
    paired.execute("ALTER SYSTEM SET synchronous_standby_names = 'second'")
    paired.execute("SELECT pg_reload_conf()")
    paired.wait_for(lambda: paired.execute("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
    try:
        yield alone, paired
    finally:
        for cluster in (alone, paired, standby):
            cluster.close()


def main() -> None:
    """Print the table."""
    print("rows a commit   SQLite, rows/s   PostgreSQL   with standby   ratios")
    with (
        servers() as (alone, paired),
        TemporaryDirectory(dir=Path.cwd()) as folder,
        closing(SqliteJournal.create(str(Path(folder) / "journal"))) as file,
        closing(PostgresJournal.create(alone.address())) as database,
        closing(PostgresJournal.create(paired.address())) as pair,
    ):
        for rows in ROWS_A_COMMIT:
            rounds = [[rate(journal, rows) for journal in (file, database, pair)] for _ in range(ROUNDS)]
            first, second, third = (max(found) for found in zip(*rounds, strict=True))
            print(
                f"{rows:13,}   {first:14,.0f}   {second:10,.0f}   {third:12,.0f}   "
                f"{second / first:.2f}  {third / first:.2f}"
            )


if __name__ == "__main__":
    main()
