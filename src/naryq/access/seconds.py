"""What waits for a second person: a command that one person of a participant has asked for and another must confirm."""

import msgspec

from naryq.access.principals import Chance, Clock, Principal
from naryq.access.store import Store
from naryq.messages import AnyCommand, Code, Refusal, decode_command, encode

IDENTIFIER_BYTES = 8


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A command that waits; `command` is as it was asked, and gets the time at which it is confirmed."""

    pending_id: str
    participant_id: str
    person: str
    command: AnyCommand
    asked_at_ns: int


class Seconds:
    """All that waits. It is kept in the file: a restart does not forget it."""

    def __init__(self, store: Store, clock: Clock, chance: Chance) -> None:
        """Know what waits in a file."""
        self._store, self._clock, self._chance = store, clock, chance

    def ask(self, principal: Principal, command: AnyCommand) -> str:
        """Let a command wait for a second person; the same one asked again waits once. Return its identifier."""
        for waiting in self.of(principal.participant_id):
            if waiting.command.command_id == command.command_id:
                return waiting.pending_id
        pending_id = self._chance(IDENTIFIER_BYTES).hex()
        values = (pending_id, principal.participant_id, principal.person, encode(command), self._clock())
        self._store.rows("INSERT INTO pending VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)", *values)
        self._store.settle()
        return pending_id

    def of(self, participant_id: str) -> tuple[Pending, ...]:
        """Return what waits for somebody of a participant, the oldest first."""
        statement = (
            "SELECT pending_id, participant_id, person, command, asked_at_ns FROM pending"
            " WHERE participant_id = ? AND decision IS NULL ORDER BY asked_at_ns, pending_id"
        )
        return tuple(
            Pending(
                pending_id=row[0],
                participant_id=row[1],
                person=row[2],
                command=decode_command(row[3]),
                asked_at_ns=row[4],
            )
            for row in self._store.rows(statement, participant_id)
        )

    def waiting(self, principal: Principal, pending_id: str) -> Pending:
        """Return what waits for a principal's participant under an identifier; refuses (NOT_FOUND) otherwise."""
        found = next((each for each in self.of(principal.participant_id) if each.pending_id == pending_id), None)
        if found is None:
            what = f"nothing of yours waits as {pending_id!r}"
            raise Refusal(Code.NOT_FOUND, what, where="pending_id", remedy="See what waits with GET /v1/pending.")
        return found

    def approvable(self, principal: Principal, pending_id: str) -> Pending:
        """Return what waits and may be approved by a principal.

        Raises:
            Refusal: NOT_FOUND when nothing waits under the identifier, FOUR_EYES when who asked would approve.
        """
        found = self.waiting(principal, pending_id)
        if found.person == principal.person:
            what = f"{principal.person!r} has asked for this and may not approve it"
            raise Refusal(Code.FOUR_EYES, what, where="pending_id", remedy="Ask another person of yours.")
        return found

    def decided(self, pending_id: str, principal: Principal, decision: str) -> None:
        """Let something wait no more: it is approved or rejected."""
        values = (decision, principal.person, self._clock(), pending_id)
        statement = "UPDATE pending SET decision = ?, decided_by = ?, decided_at_ns = ? WHERE pending_id = ?"
        self._store.rows(statement, *values)
        self._store.settle()
