"""What the auditor remembers of supply: each plan as its events tell it, what has come of it, what was reported."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from naryq import messages as m


@dataclass
class Plan:
    """One plan as its events tell it; an application asks for what it was corrected to."""

    opened: m.PlanOpened
    capacities: dict[tuple[str, str], m.CapacityStated] = field(default_factory=dict)
    applications: dict[str, m.ApplicationSubmitted] = field(default_factory=dict)
    reviews: dict[str, m.ApplicationsReviewed] = field(default_factory=dict)
    approved: m.PlanApproved | None = None


@dataclass
class Plans:
    """All plans, what they allot, what has come of it, and what was reported."""

    of: dict[str, Plan] = field(default_factory=dict)
    periods: dict[str, str] = field(default_factory=dict)
    allotted: dict[str, tuple[str, m.Allotment]] = field(default_factory=dict)
    """By allotment, the period of its plan and what it said."""
    refused_lots: Counter[str] = field(default_factory=Counter)
    shipped_kg: Counter[str] = field(default_factory=Counter)
    documents: set[str] = field(default_factory=set)
    reports: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def copy(self) -> "Plans":
        """Return plans that go their own way from here."""
        other = Plans(**{name: copy(value) for name, value in vars(self).items()})
        other.of = {
            name: Plan(plan.opened, dict(plan.capacities), dict(plan.applications), dict(plan.reviews), plan.approved)
            for name, plan in self.of.items()
        }
        return other

    def fold(self, event: Any) -> None:
        """Write down what an event says."""
        match event:
            case m.PlanOpened():
                self.of[event.period] = Plan(event)
            case m.CapacityStated():
                self.of[event.period].capacities[event.seller_id, event.plant] = event
            case m.ApplicationSubmitted():
                self.of[event.period].applications[event.application_id] = event
                self.periods[event.application_id] = event.period
            case m.ApplicationCorrected():
                applications = self.of[self.periods[event.application_id]].applications
                changed = msgspec.structs.replace(applications[event.application_id], lots=event.lots)
                applications[event.application_id] = changed
            case m.ApplicationsReviewed():
                self.of[event.period].reviews[event.province] = event
            case m.PlanApproved():
                self.of[event.period].approved = event
                self.allotted.update({each.allotment_id: (event.period, each) for each in event.allotments})
            case _:
                self._fold_what_came(event)

    def _fold_what_came(self, event: Any) -> None:
        match event:
            case m.AllotmentRefused():
                self.refused_lots[event.allotment_id] += event.lots
            case m.AllotmentShipped():
                self.shipped_kg[event.allotment_id] += event.mass_kg
                self.documents.add(event.document)
            case m.ShipmentReported():
                self.documents.add(event.document)
            case m.OutputReported():
                self.reports[event.month, event.seller_id, event.plant] = event
            case m.SalesReported():
                self.reports[event.month, event.province] = event

    def due_kg(self, allotment_id: str) -> int:
        """Return what is still to be loaded of an allotment."""
        period, allotment = self.allotted[allotment_id]
        approved = self.of[period].approved
        assert approved is not None
        lots = allotment.lots - self.refused_lots[allotment_id]
        return max(0, lots * approved.lot_kg - self.shipped_kg[allotment_id])
