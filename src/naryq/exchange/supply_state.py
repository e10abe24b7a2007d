"""What the venue knows of supply plans: those in the making, what they allot, and what was reported."""

from typing import Any, TypeAlias

import msgspec

from naryq.maps import Map
from naryq.messages import (
    Allotment,
    ApplicationsReviewed,
    ApplicationSubmitted,
    CapacityStated,
    OutputReported,
    PlanApproved,
    PlanOpened,
    SalesReported,
)

SellerAndPlant: TypeAlias = tuple[str, str]


class Plan(msgspec.Struct, frozen=True):
    """The plan of a period, from its opening to its approval; applications ask for what they were corrected to."""

    opened: PlanOpened
    capacities: Map[SellerAndPlant, CapacityStated]
    applications: Map[str, ApplicationSubmitted]
    reviews: Map[str, ApplicationsReviewed]
    approved: PlanApproved | None = None


class Allotted(msgspec.Struct, frozen=True):
    """An allotment, what its recipient has refused of it, and what was loaded for it."""

    allotment: Allotment
    period: str
    lot_kg: int
    refused_lots: int = 0
    shipped_kg: int = 0

    @property
    def due_kg(self) -> int:
        """What is still to be loaded."""
        return max(0, (self.allotment.lots - self.refused_lots) * self.lot_kg - self.shipped_kg)


class Supply(msgspec.Struct, frozen=True):
    """All plans and what has come of them."""

    plans: Map[str, Plan]
    periods: Map[str, str]
    """The period of each application."""
    allotments: Map[str, Allotted]
    documents: Map[str, str]
    """The allotment of each loading document."""
    outputs: Map[tuple[str, str, str], OutputReported]
    """By month, seller and plant."""
    sales: Map[tuple[str, str], SalesReported]
    """By month and province."""
    offers: Map[tuple[str, str, str], int]
    """The kilograms offered on the platform and not withdrawn, by delivery month, seller and plant."""


def no_supply() -> Supply:
    """Return what is known before anything is planned."""
    empty: Map[Any, Any] = Map()
    return Supply(empty, empty, empty, empty, empty, empty, empty)
