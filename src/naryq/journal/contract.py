"""What every journal promises: rows in one gapless order, chained by SHA-256, durable when `append` returns.

A row's payload is one `naryq.messages.Entry` in its canonical JSON. The chain makes a row depend on all rows before
it, so whoever knows the chain of the last row knows the whole history.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from naryq.messages import Code, Refusal

GENESIS: Final = sha256(b"naryq journal, format 1").digest()
"""What stands before the first row: 32 bytes that name the format, so that two formats never share a chain."""

SEQUENCE_BYTES: Final = 8


class Record(NamedTuple):
    """One row: its number (from 1), what was written, and SHA-256(previous chain, number as 8 bytes, payload)."""

    sequence: int
    payload: bytes
    chain: bytes


class Step(StrEnum):
    """The instants at which a fault test may stop the program, in the order in which a command passes them.

    The last two are not of a command: a snapshot is written now and then, beside it.
    """

    RECEIVED = "received"
    DECIDED = "decided"
    APPENDED = "appended"
    SYNCED = "synced"
    EVOLVED = "evolved"
    ACKNOWLEDGED = "acknowledged"
    PUBLISHED = "published"
    SNAPSHOT_HALF_WRITTEN = "snapshot half written"
    SNAPSHOT_WRITTEN = "snapshot written"


AtStep = Callable[[Step], None]


def pass_by(step: Step) -> None:
    """Do nothing at a step: what every program does that is not a fault test."""


class Reader(Protocol):
    """A journal that is only read."""

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the durable rows with a number above `after`, in order, up to the head at the time of the call."""

    def head(self) -> Record | None:
        """Return the last durable row, or None where the journal is empty."""

    def close(self) -> None:
        """Let go of the journal, so that another writer may open it; a second call does nothing."""


class Journal(Reader, Protocol):
    """An append-only log with one writer.

    All implementations pass tests/contract/test_journal_contract.py. A refusal of any kind from `append` ends the
    use of the object: reopening the journal is the only way to learn what it holds.
    """

    def append(self, payloads: Sequence[bytes]) -> Record:
        """Write one or more rows, all or none, and return the last once all are durable.

        Raises:
            Refusal: OUTCOME_UNKNOWN when the rows may or may not be kept; JOURNAL_LOCKED when another writer has
                taken the journal or appended since this one read the head, and nothing was written; JOURNAL_DAMAGED
                when rows that were kept are no longer there, and nothing was written; STOPPED after any of these, or
                when the server no longer waits for its standby, and nothing was written.
        """


def link(previous: bytes, sequence: int, payload: bytes) -> bytes:
    """Return the chain of a row: 32 bytes.

    >>> link(GENESIS, 1, b"{}").hex()[:16]
    '92c76835395d2e68'
    """
    assert len(previous) == len(GENESIS)
    assert sequence >= 1
    return sha256(previous + sequence.to_bytes(SEQUENCE_BYTES, "big") + payload).digest()


def rows_after(head: Record | None, payloads: Sequence[bytes]) -> list[Record]:
    """Return the rows that follow the head when the payloads are appended."""
    sequence, chain = (head.sequence, head.chain) if head else (0, GENESIS)
    rows = []
    for payload in payloads:
        sequence += 1
        chain = link(chain, sequence, payload)
        rows.append(Record(sequence, payload, chain))
    return rows


def locked(where: str) -> Refusal:
    """Return the refusal of a second writer."""
    return Refusal(
        Code.JOURNAL_LOCKED,
        "another writer holds this journal",
        where=where,
        remedy="Stop the other program first; reading and verifying need no lock.",
    )


def damaged(what: str, *, where: str) -> Refusal:
    """Return the refusal of a journal that cannot be trusted."""
    return Refusal(
        Code.JOURNAL_DAMAGED,
        what,
        where=where,
        remedy="Write nothing to it; keep it as evidence, restore the last good copy, and compare its head with the "
        "published one.",
    )


def outcome_unknown(where: str, cause: str) -> Refusal:
    """Return the refusal of an append that may or may not have been kept."""
    return Refusal(
        Code.OUTCOME_UNKNOWN,
        f"it is unknown whether the rows were kept ({cause})",
        where=where,
        remedy="Reopen the journal and send the same command with the same command_id again: it takes effect once.",
    )


def stopped(where: str) -> Refusal:
    """Return the refusal of a journal that is closed or has failed before."""
    return Refusal(Code.STOPPED, "the journal is closed or has failed", where=where, remedy="Reopen it.")
