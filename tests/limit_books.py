"""What the auditor remembers about limits: every order's time, every counted price, every look at the two keys."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from naryq import messages as m

ON_TRADES = ("session_price_limit", "hold_rise", "administered_price")
"""The limits that stop trades of a session."""


@dataclass
class LimitBooks:
    """The whole history, where the venue keeps only what it needs."""

    sent: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    counts: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    keys: defaultdict[str | None, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """By instrument, and for the network, whether both keys were turned, session by session."""
    acting: defaultdict[str | None, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """By instrument, and for the network, whether the limit of the two keys acted after each session."""
    parity: m.ParityReported | None = None
    administered: set[str] = field(default_factory=set)
    kept: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By session, the turnover and the lots that a bound has kept from trading."""
    sales: defaultdict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """By session and seller, the price and the mass of each sale under an administered price."""
    claims: dict[str, m.CompensationClaimed] = field(default_factory=dict)
    decided: set[str] = field(default_factory=set)
    published_on: dict[str, str] = field(default_factory=dict)
    regions: dict[str, str | None] = field(default_factory=dict)
    """The one region that each instrument delivers to; None where it is the whole Republic."""
    provinces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The provinces that an instrument delivers to besides."""
    halted_until: dict[str, int] = field(default_factory=dict)
    holidays: dict[int, m.HolidaysDeclared] = field(default_factory=dict)
    acted: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By session, the limits that acted on its trades, each time."""
    bands: dict[str, Any] = field(default_factory=dict)
    """By session, who has met at the edge of its band, as `audit_of_bands` writes it down."""

    def copy(self) -> "LimitBooks":
        """Return books that go their own way from here."""
        return LimitBooks(
            defaultdict(list, {key: list(value) for key, value in self.sent.items()}),
            defaultdict(list, {key: list(value) for key, value in self.counts.items()}),
            defaultdict(list, {key: list(value) for key, value in self.keys.items()}),
            defaultdict(list, {key: list(value) for key, value in self.acting.items()}),
            self.parity,
            set(self.administered),
            dict(self.kept),
            defaultdict(list, {key: list(value) for key, value in self.sales.items()}),
            dict(self.claims),
            set(self.decided),
            dict(self.published_on),
            dict(self.regions),
            dict(self.provinces),
            dict(self.halted_until),
            dict(self.holidays),
            defaultdict(list, {key: list(value) for key, value in self.acted.items()}),
            dict(self.bands),
        )

    def acts(self, instrument: str | None) -> bool:
        """Say whether the keys of the network or of an instrument bind the orders of a session over it."""
        return any(self.acting[whose][-1:] == [True] for whose in (None, instrument))

    def fold(self, event: Any) -> None:
        """Write down what an event says."""
        if isinstance(event, m.LimitReached) and event.limit in ON_TRADES and event.session_id is not None:
            self.acted[event.session_id].append(event.limit)
        match event:
            case m.OrderAccepted():
                self.sent[event.participant_id].append(event.submitted_at_ns)
            case m.LimitReached() if event.limit == "orders_per_second":
                self.sent[event.subject].append(event.at_ns)
            case m.LimitReached() if event.limit == "cumulative_threshold":
                self.administered.add(event.subject)
            case m.LimitLifted() if event.limit == "cumulative_threshold":
                self.administered.remove(event.subject)
            case m.PriceCounted():
                self.counts[event.region].append(event.uncapped_price_tenge_per_tonne)
            case m.KeysCounted():
                self.acting[event.instrument].append(event.acting is not None)
            case _:
                self._fold_reports(event)

    def _fold_reports(self, event: Any) -> None:
        match event:
            case m.InstrumentListed():
                region = event.instrument.delivery_region
                self.regions[event.instrument.code] = None if region == m.REPUBLIC else region
                self.provinces[event.instrument.code] = event.instrument.provinces
            case m.LimitReached() if event.session_id is not None and event.until_ns is not None:
                self.halted_until[event.session_id] = event.until_ns
            case m.LimitReached() if event.limit in {"hold_rise", "administered_price"}:
                turnover, lots = self.kept.get(event.subject, (0, 0))
                self.kept[event.subject] = (turnover + event.value * event.lots, lots + event.lots)
            case m.HolidaysDeclared():
                self.holidays[event.year] = event
            case m.ParityReported():
                self.parity = event
            case m.CompensationClaimed():
                self.claims[event.claim_id] = event
            case m.ClaimDecided():
                self.decided.add(event.claim_id)
            case m.PricesPublished() if event.published_on:
                self.published_on.update(dict.fromkeys((p.province for p in event.pump_prices), event.published_on))
