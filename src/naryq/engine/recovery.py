"""The state as the rows lead to it: what a start begins with, whoever starts."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple

from naryq.engine import collector
from naryq.engine.snapshots import start
from naryq.journal.contract import Reader
from naryq.journal.snapshots import Snapshot, SnapshotStore
from naryq.journal.verify import Machine, S, checked
from naryq.messages import Entry

OnEntry = Callable[[Entry], None]


def ignore(entry: Entry) -> None:
    """Do nothing with an entry: what an engine without views does."""


class Recovered(NamedTuple, Generic[S]):
    """A state, the row up to which it goes, which snapshots could not be used and why, and the one that was."""

    state: S
    sequence: int
    passed_over: tuple[str, ...]
    begun_with: Snapshot | None


def recovered(
    journal: Reader, machine: Machine[S], store: SnapshotStore | None, on_entry: OnEntry = ignore
) -> Recovered[S]:
    """Fold a journal from its newest snapshot on, and tell `on_entry` each row from the first on.

    Raises:
        Refusal: JOURNAL_DAMAGED when the journal cannot be replayed.
    """
    with collector.at_rest():
        state, sequence, chain, passed_over, begun_with = start(journal, machine, store)
        # Nobody holds the first state while the replay goes on: it would remember all changes since.
        for entry in _entries_after(journal, sequence, chain, on_entry):
            state = machine.apply(state, entry)
            sequence = entry.sequence
            on_entry(entry)
    return Recovered(state, sequence, passed_over, begun_with)


def _entries_after(journal: Reader, sequence: int, chain: bytes, on_entry: OnEntry) -> Iterator[Entry]:
    """Yield the entries after a start; views have no snapshot, so they are told all that came before it as well."""
    rows = checked(journal.read(sequence), sequence, chain) if on_entry is ignore else checked(journal.read())
    for _, entry in rows:
        if entry.sequence > sequence:
            yield entry
        else:
            on_entry(entry)
