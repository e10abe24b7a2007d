"""The journal's independent check: rows without gaps, the chain, the clock, and two replays that must agree.

The first replay evolves the state by the events as they are written. The second takes only the commands, decides each
one again, and evolves by its own events. Equal state hashes say that nobody has changed a row, that the program reads
back what it wrote, and that every decision can be repeated.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from naryq import exchange
from naryq.journal.contract import GENESIS, Record, damaged, link
from naryq.messages import AnyCommand, AnyEvent, Entry, Refused, decode_entry, encode
from naryq.messages.upcasting import DECIDED_ALIKE_SINCE, ENTRY_VERSION

if TYPE_CHECKING:
    from typing_extensions import TypeVar  # Python 3.13's default for a type variable, which only mypy needs here.

    S = TypeVar("S", default=exchange.State)
else:
    from typing import TypeVar

    S = TypeVar("S")


class Machine(Protocol[S]):
    """The venue as the engine and the verifier see it: `naryq.exchange`, or a small one of a test's own.

    States are values: `apply` returns a new one and leaves the old one as it was.
    """

    def initial_state(self) -> S:
        """Return the state before the first row."""

    def decide(self, state: S, command: AnyCommand) -> tuple[AnyEvent, ...]:
        """Return what the command causes; a refusal is the single event `Refused`."""

    def decide_and_fold(self, state: S, command: AnyCommand) -> tuple[tuple[AnyEvent, ...], S]:
        """Return what the command causes, and the state with these events folded, to which `seal` gives the row."""

    def seal(self, state: S, entry: Entry) -> S:
        """Return the state after a row whose events are folded: `apply` is this after the fold of the events."""

    def apply(self, state: S, entry: Entry) -> S:
        """Return the state after a row, which also remembers who has sent its command under which command_id."""

    def sequence_of(self, state: S, actor: str, command_id: str) -> int | None:
        """Return the number of the row that holds a sender's command, or None."""

    def state_hash(self, state: S) -> str:
        """Return the hash of everything the state holds: 64 hexadecimal digits."""

    def snapshot(self, state: S) -> bytes:
        """Return the whole state as bytes."""

    def restored(self, data: bytes) -> S:
        """Return the state of a snapshot; raises `Refusal` when it is damaged or of another shape."""


class Verification(NamedTuple):
    """What a sound journal holds: its rows, the chain of its last row, and the state hash of each replay.

    The first `taken_rows` were not decided again: an earlier version of the program wrote them, and today's decides
    otherwise. The second replay takes their events as they are written.
    """

    rows: int
    head_chain: str
    hash_by_events: str
    hash_by_decisions: str
    taken_rows: int = 0


class KnownHead(NamedTuple):
    """A row that a journal must hold: its chain (64 hexadecimal digits), its number if known, and from where.

    Where a state hash is given too, the rows up to it must lead to that state.
    """

    chain: str
    sequence: int | None = None
    source: str = "the known head"
    state_hash: str | None = None

    def is_of(self, sequence: int, chain: str) -> bool:
        """Say whether a row is the one that is known."""
        return chain == self.chain and self.sequence in {None, sequence}


def checked(records: Iterable[Record], after: int = 0, chain: bytes = GENESIS) -> Iterator[tuple[Record, Entry]]:
    """Yield the rows of a journal with their entries; recovery and verification both read through here.

    The rows are those after a number, whose row has a chain: by default all.

    Raises:
        Refusal: JOURNAL_DAMAGED at the first row that is missing, breaks the chain, or is no entry.
    """
    for expected, record in enumerate(records, start=after + 1):
        where = f"sequence {expected}"
        if record.sequence != expected:
            raise damaged(f"the row is missing; the next is {record.sequence}", where=where)
        chain = link(chain, expected, record.payload)
        if record.chain != chain:
            raise damaged("the row or one of its neighbours was changed: the chain does not fit", where=where)
        yield record, _entry(record, where)


def verify(
    records: Iterable[Record],
    machine: Machine[S] = exchange,  # type: ignore[assignment]  # S then has its default
    *,
    known: Sequence[KnownHead] = (),
) -> Verification:
    """Check a whole journal and replay it twice, holding one row at a time; see `verifying`."""
    rows = verifying(records, machine, known=known)
    while True:
        try:
            next(rows)
        except StopIteration as end:
            found: Verification = end.value
            return found


def verifying(
    records: Iterable[Record],
    machine: Machine[S] = exchange,  # type: ignore[assignment]  # as above
    *,
    known: Sequence[KnownHead] = (),
) -> Generator[Record, None, Verification]:
    """Yield each row once it is checked and replayed twice, and return what the journal holds.

    A journal cannot know that its own end was cut off. Whoever knows a later head, such as the published one, gives
    it as `known`, and the journal must hold it.

    Raises:
        Refusal: JOURNAL_DAMAGED at the first row that is missing, changed, repeated, out of time, or decided otherwise,
            or when a known head is not that of any row.
    """
    evolved = decided = machine.initial_state()
    at_ns, rows, chain, taken = 0, 0, GENESIS, 0
    missing = list(known)
    version = 1
    for record, entry in checked(records):
        rows, chain = entry.sequence, record.chain
        at_ns, version = _time_after(entry, at_ns), _version_after(entry, version)
        if machine.sequence_of(decided, entry.command.actor, entry.command.command_id) is not None:
            raise damaged(
                "its sender's command_id stands in an earlier row: the venue answers one once", where=f"sequence {rows}"
            )
        again, decided = _decided_again(machine, decided, entry, record.payload)
        taken += again is entry
        evolved = machine.apply(evolved, entry)
        if missing:
            missing = list(_not_here(missing, record, evolved, machine))
        yield record
    if missing:
        what = (
            f"{missing[0].source} is not in the journal, which ends at row {rows}: its end was lost, or it is another"
        )
        raise damaged(what, where="head")
    return Verification(rows, chain.hex(), machine.state_hash(evolved), machine.state_hash(decided), taken)


def _not_here(missing: list[KnownHead], record: Record, state: S, machine: Machine[S]) -> Iterator[KnownHead]:
    """Yield the heads that a row is not; refuses where the state after it is another than a head knows."""
    for head in missing:
        if not head.is_of(record.sequence, record.chain.hex()):
            yield head
        elif head.state_hash not in {None, machine.state_hash(state)}:
            raise damaged(f"{head.source} tells of another state than the rows lead to", where="head")


def _decided_again(machine: Machine[S], state: S, entry: Entry, payload: bytes) -> tuple[Entry, S]:
    """Return the row as today's program decides it, or the row itself where it is known to decide otherwise.

    The state after it is that of today's program, too: `decide_and_fold` is what the engine runs.
    """
    where = f"sequence {entry.sequence}"
    if entry.version < ENTRY_VERSION and msgspec.json.encode(msgspec.json.decode(payload)) != payload:
        raise damaged("the row is spelled as no version of the program spells it", where=where)
    if entry.version < DECIDED_ALIKE_SINCE:
        return entry, machine.apply(state, entry)
    events, folded = machine.decide_and_fold(state, entry.command)
    again = Entry(entry.sequence, entry.command, events, entry.version)
    # A row of today is compared by its bytes, which also says that it is spelled as it should be.
    if encode(again) != payload if entry.version == ENTRY_VERSION else again != entry:
        raise damaged(
            "the command, decided again, gives other events: a forged row, or another version of the program",
            where=where,
        )
    return again, machine.seal(folded, again)


def _entry(record: Record, where: str) -> Entry:
    try:
        entry = decode_entry(record.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise damaged(f"the row is not an entry of this version ({error})", where=where) from error
    if entry.sequence != record.sequence:
        raise damaged(f"the entry says that it is number {entry.sequence}", where=where)
    return entry


def _version_after(entry: Entry, version: int) -> int:
    """Return the version of a row, which is never below that of the row before it."""
    if entry.version < version:
        where = f"sequence {entry.sequence}"
        raise damaged(f"the row has version {entry.version}, after one of version {version}", where=where)
    return entry.version


def _time_after(entry: Entry, at_ns: int) -> int:
    """Return the venue's time after a row; a refused command may carry any time, since it has changed nothing."""
    if any(isinstance(event, Refused) for event in entry.events):
        return at_ns
    if entry.command.at_ns < at_ns:
        raise damaged("time goes backward", where=f"sequence {entry.sequence}")
    return entry.command.at_ns
