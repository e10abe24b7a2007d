"""The log of the door: every refusal that stands in no journal row, and everything done to credentials.

It says who, from where, and what, and never a secret. What is written down is gathered and kept once a second: a crowd
at the door must not slow the venue. Of a power cut it may lose the last second.
"""

from typing import Final

import msgspec

from naryq.access.principals import Clock
from naryq.access.store import Row, Store

KEPT: Final = 1_000_000
"""How many entries are kept; then the oldest goes."""
TEXT_MAX: Final = 300
GATHERED_MAX: Final = 1_000


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: when, what was done (a refusal's code, or an act of access), by whom, from where, and more words."""

    number: int
    at_ns: int
    act: str
    participant_id: str
    person: str
    address: str
    what: str


class Audit:
    """The log."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Go on with the log of a file."""
        self._store, self._clock = store, clock
        self._gathered: list[Row] = []

    def note(self, act: str, participant_id: str, person: str, address: str, what: str) -> None:
        """Write something down."""
        self._gathered.append((self._clock(), act, participant_id, person, address, what[:TEXT_MAX]))
        if len(self._gathered) >= GATHERED_MAX:
            self.keep()

    def keep(self) -> None:
        """Keep what was gathered."""
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            columns = "at_ns, act, participant_id, person, address, what"
            self._store.write_all(f"INSERT INTO audit ({columns}) VALUES (?, ?, ?, ?, ?, ?)", gathered)  # noqa: S608 - fixed words
            self._store.rows("DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", KEPT)

    def entries(self, after: int, limit: int) -> tuple[AuditEntry, ...]:
        """Return entries in order, from behind a number on."""
        self.keep()
        columns = AuditEntry.__struct_fields__
        statement = f"SELECT {', '.join(columns)} FROM audit WHERE number > ? ORDER BY number LIMIT ?"  # noqa: S608 - fixed words
        return tuple(
            AuditEntry(**dict(zip(columns, row, strict=True))) for row in self._store.rows(statement, after, limit)
        )
