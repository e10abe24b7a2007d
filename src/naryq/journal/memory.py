"""A journal in memory: for rehearsals, tests and teaching. It keeps every promise but the one about power cuts."""

from collections.abc import Iterator, Sequence

from naryq.journal.contract import AtStep, Record, Step, locked, pass_by, rows_after, stopped

WHERE = "journal in memory"


class MemoryJournal:
    """A journal over a list of rows; two journals over the same list are two writers of one journal.

    >>> journal = MemoryJournal()
    >>> journal.append([b"one", b"two"]).sequence
    2
    >>> [row.payload for row in MemoryJournal(journal.rows).read(after=1)]
    [b'two']
    """

    def __init__(self, rows: list[Record] | None = None, *, at_step: AtStep = pass_by) -> None:
        """Open the rows given, or none."""
        self.rows = [] if rows is None else rows
        self._head = self.rows[-1] if self.rows else None
        self._usable = True
        self._at_step = at_step

    def append(self, payloads: Sequence[bytes]) -> Record:
        """Write one or more rows, all or none: see `Journal.append`."""
        assert payloads, "an append without rows is a bug of the caller"
        self._refuse_unless_usable()
        if self._head != (self.rows[-1] if self.rows else None):
            self._usable = False
            raise locked(WHERE)
        rows = rows_after(self._head, payloads)
        self._at_step(Step.APPENDED)
        self.rows.extend(rows)
        self._head = rows[-1]
        return self._head

    def read(self, after: int = 0) -> Iterator[Record]:
        """Yield the rows above `after`, up to the head at the time of the call."""
        self._refuse_unless_usable()
        last = self._head.sequence if self._head else 0
        return (self.rows[index] for index in range(after, last))

    def head(self) -> Record | None:
        """Return the last row, or None."""
        self._refuse_unless_usable()
        return self._head

    def close(self) -> None:
        """Refuse all further use; the rows remain."""
        self._usable = False

    def _refuse_unless_usable(self) -> None:
        if not self._usable:
            raise stopped(WHERE)
