"""A throwaway PostgreSQL server: made in a second, reached through a socket in its own folder, and gone with us.

`initdb` and `postgres` refuse to run as root, so root runs them as the user that the Debian package makes.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Self

import psycopg

START_SECONDS = 30
KEEPER = '"$@" </dev/null & read -r word; kill -QUIT $!; wait; [ "$word" ] || rm -rf "$FOLDER"'
"""Waits for a word from us or, however we end, for the end of the pipe: then the server's folder goes with it."""


def programs() -> Path:
    """Return the folder of PostgreSQL's programs: the one named, or the newest that Debian keeps, or on the path."""
    if named := os.environ.get("NARYQ_POSTGRES"):
        return Path(named)
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(kept[-1]) if kept else shutil.which("initdb")
    assert found, "the tests of the PostgreSQL journal need its server: apt-get install postgresql"
    return Path(found).resolve().parent


def _as_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Cluster:
    """One server and its folder; `settings` go to its command line, and may be changed before each start."""

    def __init__(self, **settings: str) -> None:
        """Make the folder; `initialised` or a base backup fills it."""
        self.folder = Path(mkdtemp(prefix="naryq-"))
        self.settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **settings}
        if user := _as_user():
            os.chown(self.folder, user["user"], user["group"])
        self._keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def initialised(cls, **settings: str) -> Self:
        """Make a new, empty server, not yet started."""
        cluster = cls(**settings)
        cluster.run(
            "initdb", "-D", str(cluster.data), "-A", "trust", "-U", "naryq", "-k", "-N", "--no-locale", "-E", "UTF8"
        )
        return cluster

    @classmethod
    def standby_of(cls, primary: "Cluster", name: str) -> Self:
        """Make a copy of a running server that follows it under a name, not yet started."""
        standby = cls()
        source = f"host={primary.folder} user=naryq application_name={name}"
        standby.run("pg_basebackup", "-d", source, "-c", "fast", "-R", "-N", "-D", str(standby.data))
        return standby

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def address(self, schema: str = "public") -> str:
        return f"postgresql:///postgres?host={self.folder}&user=naryq&options=-csearch_path%3D{schema}"

    def new_schema(self, name: str) -> str:
        """Make a schema and return its address: a place for one journal."""
        self.execute(f"CREATE SCHEMA {name}")
        return self.address(name)

    def run(self, program: str, *arguments: str) -> None:
        command = [str(programs() / program), *arguments]
        done = subprocess.run(command, **_as_user(), cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def start(self) -> Self:
        """Start, and return when the server answers."""
        options = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(programs() / "postgres"), "-D", str(self.data), *options]
        with (self.folder / "log").open("ab") as log:
            self._keeper = subprocess.Popen(
                ["/bin/sh", "-c", KEEPER, "sh", *command],
                **_as_user(),
                cwd=self.folder,
                env={**os.environ, "FOLDER": str(self.folder)},
                stdin=subprocess.PIPE,
                start_new_session=True,  # A signal to our group must not take the keeper before it has tidied up.
                stdout=log,
                stderr=log,
            )
        self.wait_for(self._answers)
        return self

    def kill(self) -> None:
        """Kill the server's first process with -9, and return when all of its processes are gone."""
        processes = [pid for (pid,) in self.execute("SELECT pid FROM pg_stat_activity")]
        postmaster = int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        os.kill(postmaster, signal.SIGKILL)
        self._end_keeper()
        self.wait_for(lambda: not any(_lives(process) for process in [postmaster, *processes]))

    def promote(self) -> None:
        """Make a standby take commands of its own, and return when it does."""
        assert self.execute("SELECT pg_promote()") == [(True,)]

    def _end_keeper(self) -> None:
        assert self._keeper is not None
        self._keeper.communicate(b"leave the folder\n")
        self._keeper = None

    def close(self) -> None:
        """End the server and remove its folder."""
        if self._keeper:
            self._keeper.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the server's owner and return its rows."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so; the server's log says what it was doing if it never is."""
        end = time.monotonic() + START_SECONDS
        while not condition():
            assert time.monotonic() < end, (self.folder / "log").read_text(encoding="utf-8")
            time.sleep(0.02)


def _lives(process: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
