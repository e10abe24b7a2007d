"""From the wholesale price to the pump: the terms of retail and the published prices."""

from typing import Annotated

import msgspec

from naryq.messages.basics import Command, Correction, Count, Day, Event, Known, Message, Month, Name


class ReportRetailTerms(Command, frozen=True, tag=True):
    """Report what stands between the wholesale price and the pump of a province (VAT included, as consumers pay)."""

    delivery_month: Month
    province: Name
    depot_tenge_per_tonne: Count
    station_margin_tiyn_per_litre: Count
    plan_pass_on_basis_points: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    """What part of the plan gas reaches the pump at its regulated price where the platform sells gas as well."""
    correction: Correction = ""
    """Why what was reported before is reported anew; empty says that it is reported for the first time."""


class PublishPrices(Command, frozen=True, tag=True):
    """Compute and publish the pump price of every province from a cleared session."""

    session_id: Name


class RetailTermsReported(Event, frozen=True, tag=True):
    """What stands between the wholesale price and the pump of a province.

    `previous` is what a correction has replaced: the depot, the margin and the pass-on.
    """

    delivery_month: Month
    province: Known
    depot_tenge_per_tonne: int
    station_margin_tiyn_per_litre: int
    plan_pass_on_basis_points: int
    correction: str = ""
    previous: tuple[int, int, int] | None = None


class PriceStep(Message, frozen=True):
    """One step of the build-up of a pump price; the steps sum to the price exactly."""

    step: str
    tiyn_per_litre: int


class PumpPrice(Message, frozen=True):
    """The pump price of one province for one month, every step shown, and what bound it."""

    province: Name
    ex_works_tenge_per_tonne: int
    transport_tenge_per_tonne: int
    steps: tuple[PriceStep, ...]
    formula_tiyn_per_litre: int
    pump_tiyn_per_litre: int
    previous_tiyn_per_litre: int | None
    cap_tiyn_per_litre: int | None
    limits: tuple[str, ...]
    volume_kg: int
    fund_tiyn: int
    reason: str


class PricesPublished(Event, frozen=True, tag=True):
    """The pump price of every province for a month, under the rulebook named."""

    session_id: Known
    day: Day
    delivery_month: Month
    pump_prices: tuple[PumpPrice, ...]
    rulebook_version: str
    published_on: Day | None = None
    """The day of publication by the venue's clock; None in journals from before."""


PumpCommand = ReportRetailTerms | PublishPrices
PumpEvent = RetailTermsReported | PricesPublished
