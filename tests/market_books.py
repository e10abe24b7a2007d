"""What the auditor remembers of what is traded: instruments, the averages of their last sessions, and their series."""

from copy import copy
from dataclasses import dataclass, field
from typing import Any

from naryq import messages as m


@dataclass
class Market:
    """What the events have told of instruments, their references and their series."""

    instruments: dict[str, m.Instrument] = field(default_factory=dict)
    delisted: set[str] = field(default_factory=set)
    series: dict[str, m.SessionsScheduled] = field(default_factory=dict)
    references: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Market":
        """Return what goes its own way from here."""
        return Market(**{name: copy(value) for name, value in vars(self).items()})

    def fold(self, event: Any, calls: dict[str, Any]) -> None:
        """Write down what an event says."""
        match event:
            case m.InstrumentListed():
                self.instruments[event.instrument.code] = event.instrument
            case m.InstrumentDelisted():
                self.delisted.add(event.code)
            case m.SessionsScheduled():
                self.series[event.series_id] = event
            case m.SessionEnded() if event.reference_moved and event.weighted_average_tenge_per_tonne is not None:
                self.references[calls[event.session_id].opened.instrument] = event.weighted_average_tenge_per_tonne

    def is_listed(self, code: str | None) -> bool:
        """Say whether sessions may be opened over an instrument."""
        return code in self.instruments and code not in self.delisted
