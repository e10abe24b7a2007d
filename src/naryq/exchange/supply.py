"""What the plan of a month is, by hand or by an approved plan, and how it is fulfilled and reported."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq.exchange import people, plans, pump
from naryq.exchange.state import State
from naryq.exchange.supply_state import Allotted, Plan
from naryq.exchange.topic import Decision, Topic, check_correction, mass_kg, rules_for_month, rules_in_force
from naryq.messages import (
    AllotmentRefused,
    AllotmentShipped,
    Code,
    Day,
    Month,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OutputReported,
    Place,
    PlanApproved,
    PlanSupply,
    Refusal,
    RefuseAllotment,
    ReportOutput,
    ReportSales,
    SalesReported,
    ShipAllotment,
    SupplyPlanned,
)
from naryq.reform import part_plan
from naryq.rulebook import InForce
from naryq.units import Rounding, day_after, divide, is_day, month_after

# --- The plan of a month by hand --------------------------------------------------------------------------------


def _plan_supply(state: State, command: PlanSupply) -> Decision:
    rules = rules_for_month(state, command.at_ns, command.delivery_month)
    people.check_province(command.province, rules)
    before = state.supplies.get((command.delivery_month, command.province))
    check_correction(before is not None, command.correction, f"the plan of {command.province}")
    _check_open(state, command)
    share = rules.required_integer("platform_share", command.province)
    parts = part_plan(command.total_lots, share)
    planned = SupplyPlanned(
        delivery_month=command.delivery_month,
        province=command.province,
        outside_lots=parts.outside_lots,
        platform_lots=parts.platform_lots,
        outside_price_tenge_per_tonne=_outside_price(parts.outside_lots, rules),
        transport_tenge_per_tonne=command.transport_tenge_per_tonne,
        platform_share_basis_points=share,
        rulebook_version=rules.version,
        correction=command.correction,
        previous=None if before is None else _parts(before),
    )
    return (planned,)


def _parts(planned: SupplyPlanned) -> tuple[int, int, int]:
    return (planned.outside_lots, planned.platform_lots, planned.transport_tenge_per_tonne)


def _check_open(state: State, command: PlanSupply) -> None:
    """Refuse to change what an approved plan has settled, or what pump prices were computed from."""
    month, province = command.delivery_month, command.province
    if plans.is_planned(state, month, province):
        what = f"{province} is planned for {month} by an approved plan"
        raise Refusal(Code.ALREADY_EXISTS, what, where="province", remedy="Let allotments be refused instead.")
    pump.check_unpublished(state, month, province)


def _outside_price(outside_lots: int, rules: InForce) -> int | None:
    price = rules.integer("wholesale_cap")
    if outside_lots and price is None:
        what = "the plan has a part outside the platform and no regulated price is in force"
        raise Refusal(Code.RULE_MISSING, what, where="wholesale_cap", remedy="Adopt a rulebook that sets it.")
    return price


# --- How a plan is fulfilled ------------------------------------------------------------------------------------


def _refuse_allotment(state: State, command: RefuseAllotment) -> Decision:
    allotted = _allotted(state, command.allotment_id)
    allotment = allotted.allotment
    if command.actor != allotment.applicant_id:
        what = f"{command.allotment_id!r} is allotted to {allotment.applicant_id!r}"
        raise Refusal(Code.NOT_PERMITTED, what, where="allotment_id", remedy="Refuse what is allotted to you.")
    _check_within_period(state, command.at_ns, allotted.period)
    left = divide(allotted.due_kg, allotted.lot_kg, Rounding.DOWN)
    if command.lots > left:
        what = f"{left} whole lots of {command.allotment_id!r} are left"
        raise Refusal(Code.OUT_OF_RANGE, what, where="lots", remedy="Refuse at most these.")
    refused = AllotmentRefused(
        allotment_id=command.allotment_id,
        period=allotted.period,
        seller_id=allotment.seller_id,
        plant=allotment.plant,
        province=allotment.province,
        lots=command.lots,
        reason=command.reason,
    )
    return (refused,)


def _allotted(state: State, allotment_id: str) -> Allotted:
    allotted = state.supply.allotments.get(allotment_id)
    if allotted is None:
        what = f"there is no allotment {allotment_id!r}"
        raise Refusal(Code.NOT_FOUND, what, where="allotment_id", remedy="Name one of an approved plan.")
    return allotted


def _check_within_period(state: State, at_ns: int, period: str) -> None:
    """Refuse what comes when the last day of a period is over: nothing could be sold instead."""
    end = f"{month_after(plans.months_of(period)[-1])}-01"
    if rules_in_force(state, at_ns).effective >= end:
        what = f"the period {period} ended before {end}"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="at_ns", remedy="It can only be settled now.")


def _ship_allotment(state: State, command: ShipAllotment) -> Decision:
    allotted = _allotted(state, command.allotment_id)
    today = rules_in_force(state, command.at_ns).effective
    if command.actor != allotted.allotment.seller_id:
        what = f"{command.allotment_id!r} is to be delivered by {allotted.allotment.seller_id!r}"
        raise Refusal(Code.NOT_PERMITTED, what, where="allotment_id", remedy="Report your own deliveries.")
    counted_for = state.supply.documents.get(command.document)
    if command.document in state.money.shipments:
        counted_for = state.money.shipments[command.document].reported.obligation_id
    if counted_for is not None:
        what = f"{command.document!r} was reported for {counted_for!r}"
        raise Refusal(Code.DUPLICATE_ID, what, where="document", remedy="A loading document counts once.")
    first = f"{plans.months_of(allotted.period)[0]}-01"
    if not is_day(command.loaded_on) or not first <= command.loaded_on <= today:
        what = f"{command.loaded_on} is no day of the calendar from {first}, the first of the period, to {today}"
        remedy = "Report what has been loaded in the period of the plan, by the day on its document."
        raise Refusal(Code.OUT_OF_RANGE, what, where="loaded_on", remedy=remedy)
    if command.mass_kg > allotted.due_kg:
        what = f"{allotted.due_kg} kg of {command.allotment_id!r} are still to be loaded"
        raise Refusal(Code.OUT_OF_RANGE, what, where="mass_kg", remedy="Report the rest as gas outside the plan.")
    return (
        AllotmentShipped(command.allotment_id, command.document, command.mass_kg, command.loaded_on, command.wagons),
    )


class Duty(NamedTuple):
    """What a seller owes from a plant in a period, in lots and kilograms, and how much of it has come.

    Whatever was refused of allotments counts to the platform's part. Offered are the lots that the seller has asked to
    sell at that plant, in sessions for the period's months and since its plan was opened, and has not withdrawn. What
    goes by truck counts by its mass.
    """

    period: str
    seller_id: str
    plant: str
    outside_kg: int
    shipped_kg: int
    platform_lots: int
    offered_lots: int
    platform_loaded_kg: int
    """What was loaded for deals of the platform that are settled against delivery."""

    @property
    def short_kg(self) -> int:
        """What is missing of the part outside the platform."""
        return self.outside_kg - self.shipped_kg

    @property
    def withheld_lots(self) -> int:
        """What is missing of the offers on the platform."""
        return max(0, self.platform_lots - self.offered_lots)


def duties(state: State, period: str) -> tuple[Duty, ...]:
    """Return what the sellers of an approved plan owe, by plant and seller; empty while it is not approved."""
    plan = state.supply.plans.get(period)
    return () if plan is None or plan.approved is None else tuple(_duties(state, plan.approved))


def _duties(state: State, approved: PlanApproved) -> Iterator[Duty]:
    for source in approved.sources:
        mine = [
            allotted
            for _, allotted in sorted(state.supply.allotments.items())
            if allotted.period == approved.period
            and (allotted.allotment.seller_id, allotted.allotment.plant) == (source.seller_id, source.plant)
        ]
        refused = sum(each.refused_lots for each in mine)
        yield Duty(
            period=approved.period,
            seller_id=source.seller_id,
            plant=source.plant,
            outside_kg=(source.outside_lots - refused) * approved.lot_kg,
            shipped_kg=sum(each.shipped_kg for each in mine),
            platform_lots=source.platform_lots + refused,
            offered_lots=divide(
                _offered_kg(state, approved, source.seller_id, source.plant), approved.lot_kg, Rounding.DOWN
            ),
            platform_loaded_kg=_loaded(state, approved, source.seller_id, source.plant),
        )


def still_to_offer(state: State, approved: PlanApproved) -> Iterator[tuple[str, str, int]]:
    """Yield of each source of a plan its seller, its plant, and the kilograms that it owes and never offered.

    They are below zero where more was offered than is owed.
    """
    refused: dict[tuple[str, str], int] = {}
    for allotted in state.supply.allotments.values():
        if allotted.period == approved.period and allotted.refused_lots:
            key = (allotted.allotment.seller_id, allotted.allotment.plant)
            refused[key] = refused.get(key, 0) + allotted.refused_lots
    for source in approved.sources:
        owed = source.platform_lots + refused.get((source.seller_id, source.plant), 0)
        offered_kg = _offered_kg(state, approved, source.seller_id, source.plant)
        yield source.seller_id, source.plant, owed * approved.lot_kg - offered_kg


def _offered_kg(state: State, approved: PlanApproved, seller_id: str, plant: str) -> int:
    return sum(state.supply.offers.get((month, seller_id, plant), 0) for month in approved.months)


def _loaded(state: State, approved: PlanApproved, seller_id: str, plant: str) -> int:
    """Return what a seller has loaded at a plant for obligations of the period's months."""
    return sum(
        obligation.pending_kg + obligation.delivered_kg
        for obligation in state.money.obligations.values()
        if obligation.opened.seller_id == seller_id
        and obligation.opened.delivery_month in approved.months
        and plant_of(state, obligation.opened.sell_place) == plant
    )


def plant_of(state: State, place: str) -> str:
    """Return the plant of a place: of an instrument's code, or the place itself."""
    listed = state.market.instruments.get(place)
    return place if listed is None else listed.plant


class Reoffer(NamedTuple):
    """Refused lots that a seller is to offer on the platform, and for how many additional sessions are announced.

    The operator announces them with `ScheduleSessions` (Rules, point 36-1-1: five sessions, 14:00-16:00).
    """

    period: str
    seller_id: str
    plant: str
    province: str
    refused_lots: int
    scheduled_lots: int


def reoffers(state: State) -> tuple[Reoffer, ...]:
    """Return all that was refused of allotments, by period, seller, plant and province."""
    sums: dict[tuple[str, str, str, str, int], int] = {}
    for _, each in sorted(state.supply.allotments.items()):
        key = (each.period, each.allotment.seller_id, each.allotment.plant, each.allotment.province, each.lot_kg)
        sums[key] = sums.get(key, 0) + each.refused_lots
    return tuple(
        Reoffer(*key[:-1], lots, divide(_scheduled_kg(state, *key[:-1]), key[-1], Rounding.DOWN))
        for key, lots in sorted(sums.items())
        if lots
    )


def _scheduled_kg(state: State, period: str, seller_id: str, plant: str, province: str) -> int:
    """Return the mass of the series that a seller has asked for, at a plant for a province in a period."""
    mass = 0
    for series in state.market.series.values():
        opened = state.sessions[series.session_ids[0]].opened
        instrument = state.market.instruments[opened.instrument or ""]
        place = (series.requested_by, instrument.plant, instrument.delivery_region)
        if place == (seller_id, plant, province) and opened.delivery_month in plans.months_of(period):
            mass += series.quantity_lots * instrument.lot_kg
    return mass


# --- What the law has reported ----------------------------------------------------------------------------------


def _report_output(state: State, command: ReportOutput) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    _check_month_over(command.month, rules.effective)
    before = state.supply.outputs.get((command.month, command.actor, command.plant))
    check_correction(before is not None, command.correction, f"the output of {command.plant}")
    _check_plant(state, command.plant)
    reported = OutputReported(
        month=command.month,
        seller_id=command.actor,
        plant=command.plant,
        own_output_kg=command.own_output_kg,
        tolled_output_kg=command.tolled_output_kg,
        shipped_in_plan_kg=command.shipped_in_plan_kg,
        shipped_outside_plan_kg=command.shipped_outside_plan_kg,
        reported_on=rules.effective,
        due=_due(command.month, rules.integer("output_report_day")),
        correction=command.correction,
        previous=None if before is None else _figures(before),
    )
    return (reported,)


def _check_plant(state: State, plant: str) -> None:
    """Refuse (UNKNOWN_PLACE) a plant of which neither an instrument, nor a plan, nor a session has ever known."""
    is_known = (
        any(each.plant == plant for each in state.market.instruments.values())
        or any(link.source == plant for plan in state.supply.plans.values() for link in plan.opened.links)
        or any(Place(plant, "plant") in session.opened.places for session in state.sessions.values())
    )
    if not is_known:
        what = f"no instrument, plan or session has a plant {plant!r}"
        raise Refusal(Code.UNKNOWN_PLACE, what, where="plant", remedy="Name the plant as its plan or instrument does.")


def _report_sales(state: State, command: ReportSales) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    people.check_province(command.province, rules)
    actor = state.participants[command.actor]
    if actor.role == "observer" and not (actor.participant_class == "akimat" and command.province in actor.provinces):
        what = f"{command.actor!r} is not the akimat of {command.province}"
        raise Refusal(Code.NOT_PERMITTED, what, where="province", remedy="The akimat of a province reports its sales.")
    _check_month_over(command.month, rules.effective)
    before = state.supply.sales.get((command.month, command.province))
    check_correction(before is not None, command.correction, f"the month {command.month} of {command.province}")
    reported = SalesReported(
        month=command.month,
        province=command.province,
        sold_kg=command.sold_kg,
        used_kg=command.used_kg,
        wholesale_tenge_per_tonne=command.wholesale_tenge_per_tonne,
        retail_tiyn_per_litre=command.retail_tiyn_per_litre,
        reported_by=command.actor,
        reported_on=rules.effective,
        due=_due(command.month, rules.integer("sales_report_day")),
        correction=command.correction,
        previous=None if before is None else _sales_figures(before),
    )
    return (reported,)


def _figures(report: OutputReported) -> tuple[int, int, int, int]:
    output = (report.own_output_kg, report.tolled_output_kg)
    return (*output, report.shipped_in_plan_kg, report.shipped_outside_plan_kg)


def _sales_figures(report: SalesReported) -> tuple[int, int, int, int]:
    return (report.sold_kg, report.used_kg, report.wholesale_tenge_per_tonne, report.retail_tiyn_per_litre)


def _check_month_over(month: Month, today: Day) -> None:
    if today[: len(month)] <= month:
        what = f"the month {month} is not over"
        raise Refusal(Code.OUT_OF_RANGE, what, where="month", remedy="Report a month that has ended.")


def _due(month: Month, day: int | None) -> Day | None:
    """Return the last day in time for the report of a month: a day of the next one."""
    return None if day is None else f"{month_after(month)}-{day:02d}"


class Overdue(NamedTuple):
    """What should have come by a day and has not: a report, a plan, or gas; `who` is a participant or a province."""

    due: Day
    what: str
    who: str
    of: str


def overdue(state: State, day: Day) -> tuple[Overdue, ...]:
    """Return all that is missing after its last day, as seen on a day, in order of the last days.

    Outputs and shipments are due from the sources of an approved plan, sales from its provinces, month by month; a plan
    is due by its last day of approval.
    """
    if state.rulebook is None:
        return ()
    found = (each for _, plan in sorted(state.supply.plans.items()) for each in _overdue(state, plan, day))
    return tuple(sorted(each for each in found if each.due < day))


def _overdue(state: State, plan: Plan, day: Day) -> Iterator[Overdue]:
    approve_by = plan.opened.approve_by
    if plan.approved is None:
        if approve_by is not None:
            yield Overdue(approve_by, "plan", "regulator", plan.opened.period)
        return
    for month in plan.approved.months:
        yield from _reports_overdue(state, plan.approved, month, day)
    end = day_after(f"{month_after(plan.approved.months[-1])}-01", -1)
    for duty in duties(state, plan.approved.period):
        if duty.short_kg:
            yield Overdue(end, f"{duty.short_kg} kg of the plan", duty.seller_id, duty.plant)


def _reports_overdue(state: State, approved: PlanApproved, month: Month, day: Day) -> Iterator[Overdue]:
    assert state.rulebook is not None, "a plan was approved under a rulebook"
    rules = state.rulebook.in_force(day, day)
    output, sales = (_due(month, rules.integer(f"{kind}_report_day")) for kind in ("output", "sales"))
    for source in approved.sources if output else ():
        if (month, source.seller_id, source.plant) not in state.supply.outputs:
            yield Overdue(output or "", f"output of {month}", source.seller_id, source.plant)
    for province in approved.provinces if sales else ():
        if (month, province.province) not in state.supply.sales:
            yield Overdue(sales or "", f"sales of {month}", province.province, month)


def late_reports(state: State) -> tuple[OutputReported | SalesReported, ...]:
    """Return the reports whose last version came after their last day: outputs, then sales, in order of months."""
    outputs: list[OutputReported | SalesReported] = [each for _, each in sorted(state.supply.outputs.items())]
    sales: list[OutputReported | SalesReported] = [each for _, each in sorted(state.supply.sales.items())]
    return tuple(each for each in (*outputs, *sales) if each.due is not None and each.reported_on > each.due)


# --- Folding ----------------------------------------------------------------------------------------------------


def _supply_planned(state: State, event: SupplyPlanned) -> State:
    supplies = state.supplies.insert((event.delivery_month, event.province), event)
    return msgspec.structs.replace(state, supplies=supplies)


def _allotment_refused(state: State, event: AllotmentRefused) -> State:
    allotted = state.supply.allotments[event.allotment_id]
    return _with_allotment(state, msgspec.structs.replace(allotted, refused_lots=allotted.refused_lots + event.lots))


def _allotment_shipped(state: State, event: AllotmentShipped) -> State:
    allotted = state.supply.allotments[event.allotment_id]
    state = _with_allotment(state, msgspec.structs.replace(allotted, shipped_kg=allotted.shipped_kg + event.mass_kg))
    documents = state.supply.documents.insert(event.document, event.allotment_id)
    return _with_supply(state, documents=documents)


def _with_allotment(state: State, allotted: Allotted) -> State:
    allotments = state.supply.allotments.insert(allotted.allotment.allotment_id, allotted)
    return _with_supply(state, allotments=allotments)


def _output_reported(state: State, event: OutputReported) -> State:
    return _with_supply(state, outputs=state.supply.outputs.insert((event.month, event.seller_id, event.plant), event))


def _sales_reported(state: State, event: SalesReported) -> State:
    return _with_supply(state, sales=state.supply.sales.insert((event.month, event.province), event))


def _offer_made(state: State, event: OrderAccepted) -> State:
    return _with_offers(state, event, event.quantity_lots) if event.side == "sell" else state


def _offer_amended(state: State, event: OrderAmended) -> State:
    order = _standing(state, event)
    return _with_offers(state, order, event.quantity_lots - order.quantity_lots) if order.side == "sell" else state


def _offer_withdrawn(state: State, event: OrderCancelled) -> State:
    order = _standing(state, event)
    return _with_offers(state, order, -order.quantity_lots) if order.side == "sell" else state


def _standing(state: State, event: OrderAmended | OrderCancelled) -> OrderAccepted:
    """Return an order as it stands before an event: this topic folds before that of the orders."""
    session = state.sessions[event.session_id]
    return session.orders[session.numbers[event.order_id]]


def _with_offers(state: State, order: OrderAccepted, lots: int) -> State:
    """Count lots that a seller offers; nothing is counted before the first plan is opened, to cost nothing."""
    if not len(state.supply.plans):
        return state
    session, offers = state.sessions[order.session_id], state.supply.offers
    key = (session.opened.delivery_month, order.participant_id, plant_of(state, order.place))
    return _with_supply(state, offers=offers.insert(key, max(0, offers.get(key, 0) + mass_kg(session, lots))))


def _with_supply(state: State, **changes: object) -> State:
    return msgspec.structs.replace(state, supply=msgspec.structs.replace(state.supply, **changes))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            PlanSupply: ("regulator",),
            RefuseAllotment: ("buyer",),
            ShipAllotment: ("seller",),
            ReportOutput: ("seller",),
            ReportSales: ("regulator", "observer"),
        }
    ),
    deciders=MappingProxyType(
        {
            PlanSupply: _plan_supply,
            RefuseAllotment: _refuse_allotment,
            ShipAllotment: _ship_allotment,
            ReportOutput: _report_output,
            ReportSales: _report_sales,
        }
    ),
    evolvers=MappingProxyType(
        {
            SupplyPlanned: _supply_planned,
            AllotmentRefused: _allotment_refused,
            AllotmentShipped: _allotment_shipped,
            OutputReported: _output_reported,
            SalesReported: _sales_reported,
            OrderAccepted: _offer_made,
            OrderAmended: _offer_amended,
            OrderCancelled: _offer_withdrawn,
        }
    ),
    while_suspended=(RefuseAllotment, ShipAllotment, ReportOutput, ReportSales),
)
