"""The kill switch of each participant: while it is engaged, no order of his enters by any door."""

import msgspec

from naryq.access.principals import Clock
from naryq.access.store import Store
from naryq.messages import Code, Refused


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """An engaged switch: by which person, why and when."""

    participant_id: str
    engaged_by: str
    reason: str
    engaged_at_ns: int


class Switches:
    """All engaged switches; kept in the file, so that a restart does not let anybody in."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Know the switches of a file."""
        self._store, self._clock = store, clock
        columns = Switch.__struct_fields__
        found = store.rows(f"SELECT {', '.join(columns)} FROM switches")  # noqa: S608 - fixed words
        self.engaged: dict[str, Switch] = {row[0]: Switch(**dict(zip(columns, row, strict=True))) for row in found}

    def engage(self, participant_id: str, person: str, reason: str) -> Switch:
        """Engage a switch; one that is engaged stays as it is."""
        if participant_id not in self.engaged:
            switch = Switch(
                participant_id=participant_id, engaged_by=person, reason=reason, engaged_at_ns=self._clock()
            )
            values = (participant_id, person, reason, switch.engaged_at_ns)
            self._store.rows("INSERT INTO switches VALUES (?, ?, ?, ?)", *values)
            self._store.settle()
            self.engaged[participant_id] = switch
        return self.engaged[participant_id]

    def release(self, participant_id: str) -> bool:
        """Release a switch; return whether it was engaged."""
        self._store.rows("DELETE FROM switches WHERE participant_id = ?", participant_id)
        self._store.settle()
        return self.engaged.pop(participant_id, None) is not None


SWITCHED_OFF = Refused(
    code=Code.SWITCHED_OFF,
    what="the participant's kill switch is engaged",
    where="actor",
    remedy="Release the switch, and send the order again.",
)
"""The refusal of an order of somebody whose switch is engaged."""
