"""The supply plan as each may see it: its steps and its sums are public, what one states, applies for or owes is not.

What sellers can deliver and what is applied for is seen by whoever has said it and by the regulator, who plans. What is
approved is seen by province by everybody, by name by those who are named and those who watch.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from naryq.exchange import State, supply
from naryq.exchange.supply_state import Allotted, Plan
from naryq.messages import (
    Allotment,
    ApplicationsReviewed,
    ApplicationSubmitted,
    CapacityStated,
    OutputReported,
    PlanApproved,
    PlanOpened,
    RetailTermsReported,
    SalesReported,
    SupplyPlanned,
)
from naryq.showing import walls
from naryq.showing.seals import sealed_orders
from naryq.showing.viewer import Viewer
from naryq.units import Rounding, divide


class ShownPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plan of a period: its steps, what was accepted of each province's applications, and what was approved.

    Of what was approved the sources, allotments and offers are those that a viewer may see; the provinces are whole.
    """

    opened: PlanOpened
    reviews: tuple[ApplicationsReviewed, ...]
    approved: PlanApproved | None


class ShownApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An application, and the lots allotted to it; None before the approval, and of the platform's part."""

    application: ApplicationSubmitted
    allotted_lots: int | None


class ShownAllotment(msgspec.Struct, frozen=True, kw_only=True):
    """What an applicant may take from a seller at the regulated price, and what has come of it."""

    allotment: Allotment
    period: str
    refused_lots: int
    shipped_kg: int
    due_kg: int
    """What is still to be loaded."""
    documents: tuple[str, ...]


class ShownDuty(msgspec.Struct, frozen=True, kw_only=True):
    """What a seller owes from a plant in a period, and how much of it has come.

    What is offered in a session that is sealed is known to the seller alone, and withheld to all others until then.
    """

    period: str
    seller_id: str
    plant: str
    outside_kg: int
    shipped_kg: int
    short_kg: int
    """What is missing of the part outside the platform."""
    platform_lots: int
    offered_lots: int
    withheld_lots: int
    """What is missing of the offers on the platform."""
    platform_loaded_kg: int


class ShownReoffer(msgspec.Struct, frozen=True, kw_only=True):
    """Lots that were refused and are to be offered on the platform, and for how many sessions are announced."""

    period: str
    seller_id: str
    plant: str
    province: str
    refused_lots: int
    scheduled_lots: int


class ShownOverdue(msgspec.Struct, frozen=True, kw_only=True):
    """What should have come by a day and has not; `who` is a participant, a province or the regulator."""

    due: str
    what: str
    who: str
    of: str


# --- How a plan is made -----------------------------------------------------------------------------------------


def plans(state: State, viewer: Viewer) -> tuple[ShownPlan, ...]:
    """Return all plans, the latest period first."""
    return tuple(_plan(viewer, plan) for _, plan in sorted(state.supply.plans.items(), reverse=True))


def plan(state: State, viewer: Viewer, period: str) -> ShownPlan | None:
    """Return the plan of a period; None where there is none."""
    found = state.supply.plans.get(period)
    return None if found is None else _plan(viewer, found)


def _plan(viewer: Viewer, found: Plan) -> ShownPlan:
    approved = found.approved
    if approved is not None and not viewer.watches:
        approved = walls.seen_plan(approved, viewer.participant_id)
    reviews = tuple(review for _, review in sorted(found.reviews.items()))
    return ShownPlan(opened=found.opened, reviews=reviews, approved=approved)


def capacities(state: State, viewer: Viewer, period: str) -> tuple[CapacityStated, ...]:
    """Return what sellers can deliver in a period, by seller and plant: all to the regulator, to others their own."""
    found = state.supply.plans.get(period)
    stated = () if found is None else sorted(found.capacities.items())
    return tuple(each for _, each in stated if _is_own(viewer, each.seller_id))


def applications(state: State, viewer: Viewer, period: str) -> tuple[ShownApplication, ...]:
    """Return the applications of a period: all to the regulator, to others those that they or theirs have made."""
    found = state.supply.plans.get(period)
    submitted = () if found is None else sorted(found.applications.items())
    allotted = None if found is None else _allotted_lots(found)
    return tuple(
        ShownApplication(application=each, allotted_lots=_of(allotted, each))
        for _, each in submitted
        if _is_own(viewer, each.applicant_id, each.submitted_by)
    )


def _is_own(viewer: Viewer, *whose: str) -> bool:
    """Say whether something is a viewer's own, or he is the regulator, to whom all of it is reported."""
    return viewer.role == "regulator" or viewer.participant_id in whose


def _allotted_lots(found: Plan) -> Counter[tuple[str, str]] | None:
    """Return the lots allotted to each applicant in each province; None before the approval."""
    if found.approved is None:
        return None
    lots = Counter[tuple[str, str]]()
    for each in found.approved.allotments:
        lots[each.applicant_id, each.province] += each.lots
    return lots


def _of(allotted: Counter[tuple[str, str]] | None, application: ApplicationSubmitted) -> int | None:
    if allotted is None or application.part == "platform":
        return None
    return allotted[application.applicant_id, application.province]


def supplies(state: State) -> tuple[SupplyPlanned, ...]:
    """Return the plan of each month and province, by hand or by an approved plan: it is public."""
    return tuple(planned for _, planned in sorted(state.supplies.items()))


# --- How a plan is fulfilled ------------------------------------------------------------------------------------


def allotments(state: State, viewer: Viewer) -> tuple[ShownAllotment, ...]:
    """Return the allotments of all periods: all to those who watch, to others those in which they are named."""
    documents: dict[str, tuple[str, ...]] = {}
    for document, allotment_id in sorted(state.supply.documents.items()):
        documents[allotment_id] = (*documents.get(allotment_id, ()), document)
    return tuple(
        _allotment(each, documents.get(allotment_id, ()))
        for allotment_id, each in sorted(state.supply.allotments.items())
        if viewer.watches or viewer.participant_id in {each.allotment.seller_id, each.allotment.applicant_id}
    )


def _allotment(found: Allotted, documents: tuple[str, ...]) -> ShownAllotment:
    return ShownAllotment(
        allotment=found.allotment,
        period=found.period,
        refused_lots=found.refused_lots,
        shipped_kg=found.shipped_kg,
        due_kg=found.due_kg,
        documents=documents,
    )


def duties(state: State, viewer: Viewer) -> tuple[ShownDuty, ...]:
    """Return what sellers owe under the approved plans: all to those who watch, to a seller its own."""
    if not (viewer.watches or viewer.role == "seller"):
        return ()
    sealed = _sealed_offers(state, viewer)
    return tuple(
        _duty(state, duty, sealed)
        for period, _ in sorted(state.supply.plans.items())
        for duty in supply.duties(state, period)
        if viewer.watches or viewer.participant_id == duty.seller_id
    )


def _sealed_offers(state: State, viewer: Viewer) -> Counter[tuple[str, str, str]]:
    """Return the mass that is offered under seal by others than the viewer, by month, seller and plant."""
    masses = Counter[tuple[str, str, str]]()
    for order in sealed_orders(state):
        if order.side == "sell" and order.participant_id != viewer.participant_id:
            opened = state.sessions[order.session_id].opened
            key = (opened.delivery_month, order.participant_id, supply.plant_of(state, order.place))
            masses[key] += order.quantity_lots * opened.lot_kg
    return masses


def _duty(state: State, duty: supply.Duty, sealed: Counter[tuple[str, str, str]]) -> ShownDuty:
    approved = state.supply.plans[duty.period].approved
    assert approved is not None, "only an approved plan obliges"
    hidden_kg = sum(sealed[month, duty.seller_id, duty.plant] for month in approved.months)
    hidden_lots = divide(hidden_kg, approved.lot_kg, Rounding.UP)
    seen = duty._replace(offered_lots=max(0, duty.offered_lots - hidden_lots))
    return ShownDuty(**seen._asdict(), short_kg=seen.short_kg, withheld_lots=seen.withheld_lots)


def reoffers(state: State, viewer: Viewer) -> tuple[ShownReoffer, ...]:
    """Return what was refused of allotments: all to those who watch, to a seller what it is to offer again."""
    return tuple(
        ShownReoffer(**each._asdict())
        for each in supply.reoffers(state)
        if viewer.watches or viewer.participant_id == each.seller_id
    )


# --- What is reported -------------------------------------------------------------------------------------------


def outputs(state: State, viewer: Viewer) -> tuple[OutputReported, ...]:
    """Return the reported months of plants, the latest first: all to the regulator, to a seller its own."""
    found = sorted(state.supply.outputs.items(), reverse=True)
    return tuple(each for _, each in found if _is_own(viewer, each.seller_id))


def sales(state: State, viewer: Viewer) -> tuple[SalesReported, ...]:
    """Return the reported months of provinces, the latest first: all to the regulator, to others what they reported."""
    found = sorted(state.supply.sales.items(), reverse=True)
    return tuple(each for _, each in found if _is_own(viewer, each.reported_by))


def retail_terms(state: State, viewer: Viewer) -> tuple[RetailTermsReported, ...]:
    """Return what stands between wholesale and pump, the latest month first; for those who watch."""
    return tuple(each for _, each in sorted(state.terms.items(), reverse=True)) if viewer.watches else ()


def overdue(state: State, viewer: Viewer, at_ns: int) -> tuple[ShownOverdue, ...]:
    """Return what is missing after its last day: all to the regulator, to others what they or their provinces owe."""
    return tuple(ShownOverdue(**each._asdict()) for each in _overdue(state, viewer, at_ns))


def _overdue(state: State, viewer: Viewer, at_ns: int) -> Iterator[supply.Overdue]:
    if state.rulebook is None:
        return
    admitted = state.participants[viewer.participant_id]
    provinces = admitted.provinces if admitted.participant_class == "akimat" else ()
    for each in supply.overdue(state, state.rulebook.day(at_ns)):
        if _is_own(viewer, each.who) or each.who in provinces:
            yield each
