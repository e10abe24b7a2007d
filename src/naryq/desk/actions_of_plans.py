"""What can be asked about the supply: how a plan is made and fulfilled, and what the law has reported."""

from typing import Final

from naryq.desk import lines
from naryq.desk.forms import Action, Built, Field, Values, choices_of
from naryq.messages import (
    ApprovePlan,
    CorrectApplication,
    OpenPlan,
    Part,
    PlanSupply,
    RefuseAllotment,
    ReportOutput,
    ReportRetailTerms,
    ReportSales,
    ReviewApplications,
    ShipAllotment,
    StateCapacity,
    SubmitApplication,
)

_REASON: Final = Field("reason", "long")
_CORRECTION: Final = Field("correction", "long", required=False, hint="hint.correction")
_PERIOD: Final = Field("period", "hidden")
_PROVINCE: Final = Field("province", "choice")
_LOTS: Final = Field("lots", "number")


def _open_plan(values: Values) -> Built:
    return {**values, "links": lines.links(values)}


def _loaded(values: Values) -> Built:
    return {**values, "wagons": lines.words(values, "wagons")}


PLAN_ACTIONS: Final = (
    Action(
        "open-plan",
        OpenPlan,
        (Field("period", hint="hint.period"), Field("links", "lines", hint="hint.links")),
        build=_open_plan,
    ),
    Action(
        "state-capacity",
        StateCapacity,
        (_PERIOD, Field("plant", "choice"), _LOTS, Field("maintenance", "long", required=False), _CORRECTION),
    ),
    Action(
        "apply",
        SubmitApplication,
        (
            _PERIOD,
            Field("application_id", hint="hint.identifier"),
            Field("part", "choice", choices_of(Part), "part"),
            _PROVINCE,
            Field("applicant_id", "choice"),
            _LOTS,
        ),
    ),
    Action("correct-application", CorrectApplication, (Field("application_id", "hidden"), _LOTS, _REASON)),
    Action("review", ReviewApplications, (_PERIOD, _PROVINCE, _LOTS, _REASON)),
    Action("approve-plan", ApprovePlan, (_PERIOD,), confirm=True),
    Action("refuse-allotment", RefuseAllotment, (Field("allotment_id", "hidden"), _LOTS, _REASON), confirm=True),
    Action(
        "ship-allotment",
        ShipAllotment,
        (
            Field("allotment_id", "hidden"),
            Field("document"),
            Field("mass_kg", "number"),
            Field("loaded_on", "day"),
            Field("wagons", required=False, hint="hint.wagons"),
        ),
        build=_loaded,
    ),
    Action(
        "plan-supply",
        PlanSupply,
        (
            Field("delivery_month", "month"),
            _PROVINCE,
            Field("total_lots", "number"),
            Field("transport_tenge_per_tonne", "number"),
            _CORRECTION,
        ),
    ),
    Action(
        "report-output",
        ReportOutput,
        (
            Field("month", "month"),
            Field("plant"),
            Field("own_output_kg", "number"),
            Field("tolled_output_kg", "number"),
            Field("shipped_in_plan_kg", "number"),
            Field("shipped_outside_plan_kg", "number"),
            _CORRECTION,
        ),
    ),
    Action(
        "report-sales",
        ReportSales,
        (
            Field("month", "month"),
            _PROVINCE,
            Field("sold_kg", "number"),
            Field("used_kg", "number"),
            Field("wholesale_tenge_per_tonne", "number"),
            Field("retail_tiyn_per_litre", "money"),
            _CORRECTION,
        ),
    ),
    Action(
        "report-terms",
        ReportRetailTerms,
        (
            Field("delivery_month", "month"),
            _PROVINCE,
            Field("depot_tenge_per_tonne", "number"),
            Field("station_margin_tiyn_per_litre", "money"),
            Field("plan_pass_on_basis_points", "number", hint="hint.pass_on"),
            _CORRECTION,
        ),
    ),
)
"""In the order of a plan's life, then the reports."""
