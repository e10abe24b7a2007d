"""A wire between a PostgreSQL client and its server that breaks at a chosen message of the client's.

The client's messages after the first are a letter, a length of four bytes that counts itself, and the rest
(postgresql.org/docs/current/protocol-message-formats.html).
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple, Self

CHUNK_BYTES = 1 << 16
LENGTH_BYTES = 4


class Moment(StrEnum):
    """When the wire breaks, as seen from one message of the client's."""

    BEFORE = "before the message has passed"
    AFTER = "when the server answers the message, and before the client hears it"
    SILENT = "never; but what the server answers to the message does not pass, nor anything else"


class Break(NamedTuple):
    """The place of a message among those to come, from 0, and when the wire breaks there."""

    message: int
    moment: Moment


class Wire:
    """A port of 127.0.0.1 that leads to a server's socket, for one client after another; `seen` are their letters."""

    def __init__(self, server: str) -> None:
        """Listen; `server` is the path of the server's socket."""
        self.server = server
        self.seen = ""
        self.plan: Break | None = None
        self._door = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._passages: list[_Passage] = []
        self._run(self._serve)

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    def break_at(self, plan: Break) -> None:
        """Break the wire at a message, counted from now on."""
        self.seen, self.plan = "", plan

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for passage in self._passages:
            passage.cut()
        for thread in self._threads:
            thread.join()

    def _run(self, work: object) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))  # type: ignore[arg-type]
        self._threads[-1].start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                passage = _Passage(self, self._door.accept()[0])
                self._passages.append(passage)
                self._run(passage.upward)
                self._run(passage.downward)


class _Passage:
    """One client's connection through the wire."""

    def __init__(self, wire: Wire, client: socket.socket) -> None:
        self._wire, self._client = wire, client
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(wire.server)
        self._deaf: Moment | None = None

    def upward(self) -> None:
        with suppress(OSError):
            for message in self._messages():
                if self._passes():
                    self._server.sendall(message)
        self.cut()

    def downward(self) -> None:
        with suppress(OSError):
            while chunk := self._server.recv(CHUNK_BYTES):
                if self._deaf is None:
                    self._client.sendall(chunk)
                elif self._deaf is Moment.AFTER:
                    break
        self.cut()

    def cut(self) -> None:
        """Close both ends, as a broken network would."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _passes(self) -> bool:
        """Say whether the message at hand may pass, and break what is to be broken at it."""
        plan = self._wire.plan
        if plan is None or len(self._wire.seen) - 1 != plan.message:
            return True
        if plan.moment is Moment.BEFORE:
            self.cut()
            return False
        self._deaf = plan.moment
        return True

    def _messages(self) -> Iterator[bytes]:
        yield self._exactly(b"")
        while letter := self._client.recv(1):
            self._wire.seen += letter.decode()
            yield self._exactly(letter)

    def _exactly(self, letter: bytes) -> bytes:
        """Read the length of a message and the rest of it."""
        length = self._client.recv(LENGTH_BYTES, socket.MSG_WAITALL)
        rest = int.from_bytes(length, "big") - LENGTH_BYTES
        if rest < 0:
            raise OSError("the client went away within a message")
        return letter + length + self._client.recv(rest, socket.MSG_WAITALL)
