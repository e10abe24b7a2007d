"""The way to a PostgreSQL server: a connection that does not wait for ever, and words that tell no secret.

A connection string may hold a password. It is never repeated: refusals name the host and the database only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.waiting import Ready

from naryq.messages import Code, Refusal

PATIENCE_SECONDS: Final = 30
"""How long an answer may take; a commit waits as long as that for a standby that is down."""
SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")

R = TypeVar("R")


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection in which each step of an answer comes in time, or ends in `psycopg.OperationalError`.

    The server's own `statement_timeout` does not bound a commit, and nothing of the server's bounds a lost network.
    """

    patience_seconds = PATIENCE_SECONDS

    def wait(self, gen: PQGen[R], *args: Any, **options: Any) -> R:
        """Wait as psycopg does, but not for ever."""
        return super().wait(_in_time(gen, self.patience_seconds), *args, **options)


def _in_time(gen: PQGen[R], seconds: int) -> PQGen[R]:
    # psycopg resumes the generator with NONE some times a second while nothing comes.
    end = monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready == Ready.NONE and monotonic() > end:
                raise psycopg.OperationalError(f"the server gave no answer in {seconds} seconds")
            wanted = gen.send(ready)
    except StopIteration as finished:
        answer: R = finished.value
        return answer


def connected(address: str, patience_seconds: int) -> Connection:
    """Return a new connection, each statement of which is its own transaction unless it begins one."""
    usual: dict[str, Any] = {
        "application_name": "naryq",
        "connect_timeout": patience_seconds,
        "tcp_user_timeout": patience_seconds * 1_000,
    }
    given = {**usual, **_parts(address), "client_encoding": "utf8"}
    # Nothing is prepared on the server: a pooler may give the next statement to another session.
    connection = Connection.connect(autocommit=True, prepare_threshold=None, **given)
    connection.patience_seconds = patience_seconds
    return connection


def shown(address: str) -> str:
    """Return what may be said of a connection string: where the database is.

    >>> shown("postgresql://naryq:secret@db.example:5433/venue?sslmode=require")
    'postgresql://db.example:5433/venue'
    >>> shown("postgresql:///venue?host=/run/postgresql&password=secret")
    'postgresql:///venue at /run/postgresql'

    Raises:
        Refusal: UNREADABLE when it is no connection string; what it holds is not repeated.
    """
    parts = _parts(address)
    host, database = str(parts.get("host", "")), parts.get("dbname", "")
    if host.startswith("/"):
        return f"postgresql:///{database} at {host}"
    port = f":{parts['port']}" if "port" in parts else ""
    return f"postgresql://{host}{port}/{database}"


def text_of(error: psycopg.Error) -> str:
    """Return an error's words on one line."""
    return " ".join(str(error).split()) or type(error).__name__


@contextmanager
def refusing(address: str) -> Iterator[None]:
    """Turn the server's errors during an opening into a refusal that repeats no secret."""
    try:
        yield
    except psycopg.Error as error:
        raise Refusal(
            Code.UNREADABLE,
            f"the journal cannot be opened ({_without_secrets(text_of(error), address)})",
            where=shown(address),
            remedy="Check the address, the server, the user's rights, and that its synchronous standby is up.",
        ) from None


def _parts(address: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(address))
    except psycopg.ProgrammingError:
        # libpq's own words would repeat what it did not understand, which may be a part of the password.
        raise Refusal(
            Code.UNREADABLE,
            "the connection string is not understood",
            where="postgresql://...",
            remedy="Write postgresql://user@host:port/database, with what is not a letter or a digit percent-encoded.",
        ) from None


def _without_secrets(text: str, address: str) -> str:
    parts = _parts(address)
    for name in SECRETS:
        if parts.get(name):
            text = text.replace(str(parts[name]), "***")
    return text
