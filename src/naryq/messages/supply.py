"""The supply plan: who can deliver and who applies, what is shared out at the regulated price, what is reported."""

from typing import Annotated, Literal

import msgspec

from naryq.messages.basics import Command, Correction, Count, Day, Event, Known, Message, Month, Name, Reason
from naryq.messages.people import ParticipantClass
from naryq.messages.sessions import Link
from naryq.messages.words import said

Period = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2]|Q[1-4])$(?!\n)")]
"""What a plan is made for: a month, `2022-01`, or a quarter, `2022-Q1`."""
Part = Literal["outside", "platform"]
"""The two parts of a plan: outside the platform at the regulated price, and through the platform."""
Lots = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
SomeLots = Annotated[int, msgspec.Meta(ge=1, le=10**6)]


class PlanSupply(Command, frozen=True, tag=True):
    """Plan a month's supply of a province; the rulebook's share says how much of it is sold on the platform.

    The part shared out outside the platform comes at the regulated price and the carriage given here. A plan that
    stands is replaced only by one that says why.
    """

    delivery_month: Month
    province: Name
    total_lots: Count
    transport_tenge_per_tonne: Count
    correction: Correction = ""


class SupplyPlanned(Event, frozen=True, tag=True):
    """A month's plan of a province, parted: outside the platform at the regulated price, the rest through it.

    `previous` is what a correction has replaced: the lots outside and on the platform, and the carriage.
    """

    delivery_month: Month
    province: Known
    outside_lots: int
    platform_lots: int
    outside_price_tenge_per_tonne: int | None
    transport_tenge_per_tonne: int
    platform_share_basis_points: int
    rulebook_version: str
    correction: str = ""
    previous: tuple[int, int, int] | None = None


# --- How a plan is made -----------------------------------------------------------------------------------------


class OpenPlan(Command, frozen=True, tag=True):
    """Begin the plan of a period; the links say which plant can serve which province, how much of it, and for what."""

    period: Period
    links: tuple[Link, ...]


class StateCapacity(Command, frozen=True, tag=True):
    """State what a seller can deliver from a plant in a period, and when the plant stands still."""

    period: Period
    plant: Name
    lots: Lots
    maintenance: Annotated[str, said(may_be_empty=True, max_length=500)] = ""
    correction: Correction = ""


class SubmitApplication(Command, frozen=True, tag=True):
    """Apply for gas in a part of the plan: a buyer for itself, an akimat for a buyer of its province."""

    application_id: Name
    period: Period
    part: Part
    province: Name
    applicant_id: Name
    lots: SomeLots


class CorrectApplication(Command, frozen=True, tag=True):
    """Ask for less or for nothing; for more only while applications are taken."""

    application_id: Name
    lots: Lots
    reason: Reason


class ReviewApplications(Command, frozen=True, tag=True):
    """Accept only so many lots of what a province's applicants ask for outside the platform, and say why."""

    period: Period
    province: Name
    lots: Lots
    reason: Reason


class ApprovePlan(Command, frozen=True, tag=True):
    """Share the stated supply out among the applications, and oblige the sellers to it."""

    period: Period


class PlanOpened(Event, frozen=True, tag=True):
    """A plan is in the making; each step has its last day, None where the rulebook sets none."""

    period: Period
    months: tuple[Month, ...]
    links: tuple[Link, ...]
    apply_for_platform_by: Day | None
    apply_for_outside_by: Day | None
    review_by: Day | None
    approve_by: Day | None
    correction_days: int | None
    rulebook_version: str


class CapacityStated(Event, frozen=True, tag=True):
    """What a seller can deliver from a plant; `previous_lots` is what a correction has replaced."""

    period: Period
    seller_id: Known
    plant: Known
    lots: int
    maintenance: str
    correction: str
    previous_lots: int | None


class ApplicationSubmitted(Event, frozen=True, tag=True):
    """Gas was applied for; `submitted_by` is the applicant or the akimat of the province."""

    application_id: Known
    period: Period
    part: Part
    province: Known
    applicant_id: Known
    applicant_class: ParticipantClass | None
    submitted_by: Known
    lots: int


class ApplicationCorrected(Event, frozen=True, tag=True):
    """An application asks for another number of lots."""

    application_id: Known
    lots: int
    previous_lots: int
    reason: str


class ApplicationsReviewed(Event, frozen=True, tag=True):
    """A province's applications outside the platform count for so many lots in all.

    Until the day `correct_by` they may be corrected; what then exceeds the lots is cut pro rata.
    """

    period: Period
    province: Known
    lots: int
    reason: str
    correct_by: Day | None


class PlannedSource(Message, frozen=True):
    """What one seller delivers from one plant: outside the platform, through it, and what no one applied for."""

    seller_id: Name
    plant: Name
    capacity_lots: int
    outside_lots: int
    platform_lots: int
    unplanned_lots: int


class PlannedProvince(Message, frozen=True):
    """What one province receives of what it applied for, and how it is parted; the carriage is that of both parts."""

    province: Name
    applied_outside_lots: int
    applied_platform_lots: int
    outside_lots: int
    platform_lots: int
    platform_share_basis_points: int
    transport_tenge_per_tonne: int


class Allotment(Message, frozen=True):
    """What one applicant may take from one seller at one plant, outside the platform at the regulated price."""

    allotment_id: Name
    seller_id: Name
    plant: Name
    province: Name
    applicant_id: Name
    lots: int


class PlatformSupply(Message, frozen=True):
    """What one seller is to offer on the platform from one plant, meant for one province."""

    seller_id: Name
    plant: Name
    province: Name
    lots: int


class PlanApproved(Event, frozen=True, tag=True):
    """The plan of a period: by source, by province, and as a matrix of both for each part.

    Allotted and platform lots together are the planned lots, of each source and of each province.
    """

    period: Period
    months: tuple[Month, ...]
    sources: tuple[PlannedSource, ...]
    provinces: tuple[PlannedProvince, ...]
    allotments: tuple[Allotment, ...]
    platform: tuple[PlatformSupply, ...]
    outside_price_tenge_per_tonne: int | None
    lot_kg: int
    late_days: int
    rulebook_version: str


# --- How a plan is fulfilled ------------------------------------------------------------------------------------


class RefuseAllotment(Command, frozen=True, tag=True):
    """Give up lots of an allotment that are not loaded yet: they are offered on the platform instead."""

    allotment_id: Name
    lots: SomeLots
    reason: Reason


class ShipAllotment(Command, frozen=True, tag=True):
    """Report what a seller has loaded for an allotment, by its loading document; a document counts once."""

    allotment_id: Name
    document: Name
    mass_kg: Annotated[int, msgspec.Meta(ge=1, le=10**10)]
    loaded_on: Day
    wagons: tuple[Name, ...] = ()


class AllotmentRefused(Event, frozen=True, tag=True):
    """Allotted lots were given up; the seller now owes them to the platform."""

    allotment_id: Known
    period: Period
    seller_id: Known
    plant: Known
    province: Known
    lots: int
    reason: str


class AllotmentShipped(Event, frozen=True, tag=True):
    """Gas was loaded for an allotment."""

    allotment_id: Known
    document: Known
    mass_kg: int
    loaded_on: Day
    wagons: tuple[Known, ...]


# --- What the law has reported ----------------------------------------------------------------------------------


class ReportOutput(Command, frozen=True, tag=True):
    """Report a month at a plant: what a seller made and had made there, and what left inside and outside the plan."""

    month: Month
    plant: Name
    own_output_kg: Count
    tolled_output_kg: Count
    shipped_in_plan_kg: Count
    shipped_outside_plan_kg: Count
    correction: Correction = ""


class ReportSales(Command, frozen=True, tag=True):
    """Report a month of a province: what was sold and used, and the prices paid, VAT included at the pump only."""

    month: Month
    province: Name
    sold_kg: Count
    used_kg: Count
    wholesale_tenge_per_tonne: Count
    retail_tiyn_per_litre: Count
    correction: Correction = ""


class OutputReported(Event, frozen=True, tag=True):
    """A seller's month at a plant; `due` is the last day on which it is in time, None where no rule says so."""

    month: Month
    seller_id: Known
    plant: Known
    own_output_kg: int
    tolled_output_kg: int
    shipped_in_plan_kg: int
    shipped_outside_plan_kg: int
    reported_on: Day
    due: Day | None
    correction: str
    previous: tuple[int, int, int, int] | None


class SalesReported(Event, frozen=True, tag=True):
    """A province's month; `due` is the last day on which it is in time, None where no rule says so."""

    month: Month
    province: Known
    sold_kg: int
    used_kg: int
    wholesale_tenge_per_tonne: int
    retail_tiyn_per_litre: int
    reported_by: Known
    reported_on: Day
    due: Day | None
    correction: str
    previous: tuple[int, int, int, int] | None


SupplyCommand = (
    PlanSupply
    | OpenPlan
    | StateCapacity
    | SubmitApplication
    | CorrectApplication
    | ReviewApplications
    | ApprovePlan
    | RefuseAllotment
    | ShipAllotment
    | ReportOutput
    | ReportSales
)
SupplyEvent = (
    SupplyPlanned
    | PlanOpened
    | CapacityStated
    | ApplicationSubmitted
    | ApplicationCorrected
    | ApplicationsReviewed
    | PlanApproved
    | AllotmentRefused
    | AllotmentShipped
    | OutputReported
    | SalesReported
)
