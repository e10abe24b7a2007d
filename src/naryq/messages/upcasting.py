"""Rows of earlier versions: kept as they were written, for ever, and lifted to today's messages when they are read.

A row names its version; one that names none is of version 1. Each function of `LIFTS` lifts the decoded JSON object of
a row by one version. It is pure, and it loses nothing: whatever value the old row holds stands in the new one.

To change the form of a message: write the function that lifts what was written before, and put it at the end of
`LIFTS`. A new field with a default needs no function of its own, but it does need a version, since a row that is
decided again must be spelled as it was. To change a decision: if old commands, decided by today's program, have other
events, set `DECIDED_ALIKE_SINCE` to the version of today. Then keep a journal of the version that ends in
`tests/samples`, where it must verify for ever.
"""

from collections.abc import Callable
from typing import Any, Final

from naryq.messages.basics import Code, Refusal

Row = dict[str, Any]
Lift = Callable[[Row], Row]


def _from_version_1(row: Row) -> Row:
    """Lift a row from before November 2026: all that version 2 adds to a message has a default."""
    return row


def _from_version_2(row: Row) -> Row:
    """Lift a row from before 28 November 2026: all that version 3 adds to a message has a default."""
    return row


def _from_version_3(row: Row) -> Row:
    """Lift a row from the morning of 28 November 2026: all that version 4 adds to a message has a default."""
    return row


LIFTS: Final[tuple[Lift, ...]] = (_from_version_1, _from_version_2, _from_version_3)
"""The n-th function lifts a row of version n to version n + 1."""
ENTRY_VERSION: Final = len(LIFTS) + 1
"""The version in which rows are written today."""
DECIDED_ALIKE_SINCE: Final = 4  # Since version 4 a receipt counts what came, and each instrument has its two keys.
"""The first version whose commands, decided again by today's program, have the events that were written."""


def version_of(row: Row) -> int:
    """Return the version of a row that this program can read.

    Raises:
        Refusal: NOT_SUPPORTED when a later program wrote it, or it names no version that can be.
    """
    version = row.get("version", 1)
    if type(version) is int and 1 <= version <= ENTRY_VERSION:
        return version
    raise Refusal(
        Code.NOT_SUPPORTED,
        f"the row has version {version!r}, and this program reads versions 1 to {ENTRY_VERSION}",
        where=f"sequence {row.get('sequence')}",
        remedy="Use the version of Naryq that wrote the journal, or a later one; the journal itself may be sound.",
    )


def lifted(row: Row, lifts: tuple[Lift, ...] = LIFTS) -> Row:
    """Return a row in the form of today; its `version` remains the one in which it was written.

    >>> lifted({"sequence": 1, "old": 2}, (lambda row: {"sequence": row["sequence"], "new": row["old"]},))
    {'sequence': 1, 'new': 2}
    """
    for lift in lifts[version_of(row) - 1 :]:
        row = lift(row)
    return row
