"""One commit: commands decided one after the other on a state that is not yet durable."""

from collections.abc import Sequence
from typing import Generic

from naryq.engine.answers import NOT_ALONE, Answer, again, refused
from naryq.journal.contract import Journal
from naryq.journal.verify import Machine, S
from naryq.messages import AnyCommand, Entry, Refused, canonical, decode_entry, decode_events, spelled, written_today


class Group(Generic[S]):
    """The commands of one commit. Its state is a value: when the commit fails, the group is simply dropped."""

    def __init__(self, journal: Journal, machine: Machine[S], state: S) -> None:
        """Begin after the journal's head, on the state that it leads to."""
        self.state = state
        self.entries: list[Entry] = []
        self._journal, self._machine = journal, machine
        self.head = journal.head()
        """The journal's last row: once the group is durable, that of the group."""
        self._first = self.head.sequence + 1 if self.head else 1
        self._payloads: list[bytes] = []

    def decide(self, command: AnyCommand, spelling: bytes) -> Answer:
        """Return what will be true once the group is durable; whether it is a repeat comes before any other check.

        `spelling` is the command as it was read. The row is joined from spellings that were read back, each part by
        itself, and what was folded equals what was read: a row that could not be read back, or would be read
        otherwise, stops us here, unwritten, and not at the next start.
        """
        known = self._machine.sequence_of(self.state, command.actor, command.command_id)
        if known is not None:
            return again(command, self._entry(known))
        sequence = self._first + len(self.entries)
        events, folded = self._machine.decide_and_fold(self.state, command)
        events_spelling = canonical(events)
        assert decode_events(events_spelling) == events, "what was folded is what will be read"
        entry = written_today(sequence, command, events)
        self.state = self._machine.seal(folded, entry)
        self.entries.append(entry)
        self._payloads.append(spelled(sequence, spelling, events_spelling))
        return Answer(sequence, events)

    def decide_whole(self, commands: Sequence[tuple[AnyCommand, bytes]]) -> list[Answer]:
        """Decide commands of which all are taken or none: where one is refused, nothing of them is written down."""
        state, count = self.state, len(self.entries)
        answers = [self.decide(command, spelling) for command, spelling in commands]
        if not any(isinstance(answer.events[0], Refused) for answer in answers):
            return answers
        self.state = state
        del self.entries[count:], self._payloads[count:]
        return [refused(first if isinstance(first := answer.events[0], Refused) else NOT_ALONE) for answer in answers]

    def append(self) -> None:
        """Make the new rows durable, all in one commit."""
        if self._payloads:
            self.head = self._journal.append(self._payloads)
            assert self.head.sequence == self.entries[-1].sequence, "the journal numbers rows as the engine does"

    def _entry(self, sequence: int) -> Entry:
        if sequence >= self._first:
            return self.entries[sequence - self._first]
        return decode_entry(next(self._journal.read(after=sequence - 1)).payload)
