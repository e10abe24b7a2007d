"""The plan: how much gas a province receives in a month, outside the platform and through it."""

from naryq.messages.basics import Command, Count, Event, Month, Name


class PlanSupply(Command, frozen=True, tag=True):
    """State a province's supply for a month; the rulebook's platform share says how much of it stays outside."""

    delivery_month: Month
    province: Name
    total_lots: Count
    transport_tenge_per_tonne: Count


class SupplyPlanned(Event, frozen=True, tag=True):
    """A province's supply for a month, parted by the platform share in force."""

    delivery_month: Month
    province: Name
    outside_lots: int
    platform_lots: int
    outside_price_tenge_per_tonne: int | None
    transport_tenge_per_tonne: int
    platform_share_basis_points: int
    rulebook_version: str


SupplyCommand = PlanSupply
SupplyEvent = SupplyPlanned
