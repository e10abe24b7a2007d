"""How a supply plan is made: opened, stated, applied for, reviewed, approved; and what follows for the months."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

import msgspec

from naryq import supply
from naryq.exchange import people, pump
from naryq.exchange.state import State
from naryq.exchange.supply_state import Allotted, Plan, Supply
from naryq.exchange.topic import Decision, Topic, check_correction, rules_for_month, rules_in_force
from naryq.maps import Map
from naryq.messages import (
    ApplicationCorrected,
    ApplicationsReviewed,
    ApplicationSubmitted,
    ApprovePlan,
    CapacityStated,
    Code,
    CorrectApplication,
    Day,
    Link,
    Month,
    OpenPlan,
    ParticipantAdmitted,
    PlanApproved,
    PlannedProvince,
    PlanOpened,
    Refusal,
    ReviewApplications,
    StateCapacity,
    SubmitApplication,
    SupplyPlanned,
)
from naryq.rulebook import UNCLASSED, InForce
from naryq.units import apportion, day_after, days_between, month_after

QUARTER_MONTHS: Final = 3
DEADLINES: Final = MappingProxyType(
    {
        "apply_for_platform_by": "plan_platform_application_days",
        "apply_for_outside_by": "plan_application_days",
        "review_by": "plan_review_days",
        "approve_by": "plan_notice_days",
    }
)
"""The last day of each step, and the rule that says how long before the month preceding the period it is."""


# --- What other topics ask --------------------------------------------------------------------------------------


def months_of(period: str) -> tuple[Month, ...]:
    """Return the months of a period.

    >>> months_of("2022-01"), months_of("2022-Q4")
    (('2022-01',), ('2022-10', '2022-11', '2022-12'))
    """
    year, part = period.split("-")
    if not part.startswith("Q"):
        return (period,)
    first = f"{year}-{QUARTER_MONTHS * int(part[1:]) - 2:02d}"
    return tuple(month_after(first, count) for count in range(QUARTER_MONTHS))


def approved_for(state: State, month: Month) -> PlanApproved | None:
    """Return the approved plan that covers a month, or None."""
    approved = (plan.approved for plan in state.supply.plans.values() if plan.approved is not None)
    return next((each for each in approved if month in each.months), None)


def is_planned(state: State, month: Month, province: str) -> bool:
    """Tell whether an approved plan covers a month of a province."""
    approved = approved_for(state, month)
    return approved is not None and any(each.province == province for each in approved.provinces)


# --- Opening ----------------------------------------------------------------------------------------------------


def _open_plan(state: State, command: OpenPlan) -> Decision:
    months = months_of(command.period)
    rules = rules_for_month(state, command.at_ns, months[0])
    _check_period(state, command.period, rules)
    _check_links(command.links, rules)
    deadlines = {step: _deadline(months[0], rules.integer(rule)) for step, rule in DEADLINES.items()}
    today = rules_in_force(state, command.at_ns).effective
    _check_in_time(today, deadlines["apply_for_outside_by"], "the applications of this period")
    correction_days = rules.integer("plan_correction_days")
    opened = PlanOpened(
        period=command.period,
        months=months,
        links=command.links,
        correction_days=correction_days,
        rulebook_version=rules.version,
        **deadlines,
    )
    return (opened,)


def _check_period(state: State, period: str, rules: InForce) -> None:
    months = months_of(period)
    kind = rules.word("plan_period") or "month"
    if kind != ("quarter" if len(months) > 1 else "month"):
        what = f"{period} is no {kind}, for which plans are made on {months[0]}-01"
        raise Refusal(Code.OUT_OF_RANGE, what, where="period", remedy=f"Open the plan of a {kind}.")
    for other in state.supply.plans.values():
        if any(month in other.opened.months for month in months):
            what = f"the plan of {other.opened.period} has months of {period}"
            raise Refusal(Code.ALREADY_EXISTS, what, where="period", remedy="Plan each month once.")


def _check_links(links: tuple[Link, ...], rules: InForce) -> None:
    for link in links:
        people.check_province(link.target, rules, "links")
    if len({(link.source, link.target): None for link in links}) < len(links):
        what = "two links join the same plant and province"
        raise Refusal(Code.DUPLICATE_ID, what, where="links", remedy="Join them into one.")
    if not links:
        raise Refusal(Code.EMPTY, "no plant serves any province", where="links", remedy="Name at least one link.")


def _deadline(first: Month, days: int | None) -> Day | None:
    """Return the last day of a step: so many days before the month that precedes the period begins."""
    return None if days is None else day_after(f"{month_after(first, -1)}-01", -days)


def _check_in_time(today: Day, last: Day | None, of_what: str) -> None:
    if last is not None and today > last:
        what = f"the time for {of_what} ended on {last}"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="at_ns", remedy="Take part in the plan of the next period.")


# --- What is stated and applied for -----------------------------------------------------------------------------


def _state_capacity(state: State, command: StateCapacity) -> Decision:
    plan = _plan_in_making(state, command.period)
    if all(link.source != command.plant for link in plan.opened.links):
        what = f"the plan of {command.period} has no plant {command.plant!r}"
        raise Refusal(Code.UNKNOWN_PLACE, what, where="plant", remedy="Name a plant from which a link leads.")
    before = plan.capacities.get((command.actor, command.plant))
    check_correction(before is not None, command.correction, f"the capacity of {command.plant}")
    stated = CapacityStated(
        period=command.period,
        seller_id=command.actor,
        plant=command.plant,
        lots=command.lots,
        maintenance=command.maintenance,
        correction=command.correction,
        previous_lots=None if before is None else before.lots,
    )
    return (stated,)


def _plan_in_making(state: State, period: str) -> Plan:
    """Return a plan that is not approved yet; refuses (NOT_FOUND, WRONG_PHASE) otherwise."""
    plan = state.supply.plans.get(period)
    if plan is None:
        what = f"no plan of {period} is open"
        raise Refusal(Code.NOT_FOUND, what, where="period", remedy="Let the regulator open it.")
    if plan.approved is not None:
        what = f"the plan of {period} is approved"
        raise Refusal(Code.WRONG_PHASE, what, where="period", remedy="Take part in the plan of another period.")
    return plan


def _submit_application(state: State, command: SubmitApplication) -> Decision:
    plan = _plan_in_making(state, command.period)
    rules = rules_for_month(state, command.at_ns, plan.opened.months[0])
    applicant = people.participant(state, command.applicant_id, "applicant_id")
    _check_may_apply(state, command)
    _check_recipient(applicant, command, plan, rules)
    _check_new(state, plan, command)
    last = plan.opened.apply_for_platform_by if command.part == "platform" else plan.opened.apply_for_outside_by
    _check_in_time(rules_in_force(state, command.at_ns).effective, last, "applications")
    submitted = ApplicationSubmitted(
        application_id=command.application_id,
        period=command.period,
        part=command.part,
        province=command.province,
        applicant_id=command.applicant_id,
        applicant_class=applicant.participant_class,
        submitted_by=command.actor,
        lots=command.lots,
    )
    return (submitted,)


def _check_may_apply(state: State, command: SubmitApplication) -> None:
    """Refuse whoever applies for another, but an akimat for a buyer of its province (Gas Law, article 27-1(2))."""
    actor = state.participants[command.actor]
    akimat = actor.participant_class == "akimat" and command.province in actor.provinces
    if command.actor != command.applicant_id and not akimat:
        what = f"{command.actor!r} may not apply for {command.applicant_id!r} in {command.province}"
        remedy = "A buyer applies for itself; the akimat of a province for its buyers."
        raise Refusal(Code.NOT_PERMITTED, what, where="applicant_id", remedy=remedy)


def _check_recipient(applicant: ParticipantAdmitted, command: SubmitApplication, plan: Plan, rules: InForce) -> None:
    own, recipients = applicant.participant_class or UNCLASSED, rules.listed("plan_recipients")
    if applicant.role != "buyer":
        what = f"{command.applicant_id!r} acts as {applicant.role}"
        raise Refusal(Code.NOT_PERMITTED, what, where="applicant_id", remedy="Apply for a buyer.")
    if command.part == "outside" and recipients is not None and own not in recipients:
        remedy = f"The rule plan_recipients admits {', '.join(recipients)}; apply for the platform's part."
        what = f"the class {own} receives no gas of the plan outside the platform"
        raise Refusal(Code.NOT_PERMITTED, what, where="applicant_id", remedy=remedy)
    if applicant.provinces and command.province not in applicant.provinces:
        what = f"{command.applicant_id!r} takes no delivery in {command.province}"
        raise Refusal(
            Code.NOT_PERMITTED, what, where="province", remedy=f"It does in {', '.join(applicant.provinces)}."
        )
    if all(link.target != command.province for link in plan.opened.links):
        what = f"no plant of the plan serves {command.province!r}"
        raise Refusal(Code.UNKNOWN_PLACE, what, where="province", remedy="Name a province to which a link leads.")


def _check_new(state: State, plan: Plan, command: SubmitApplication) -> None:
    if command.application_id in state.supply.periods:
        what = f"there is an application {command.application_id!r}"
        raise Refusal(Code.DUPLICATE_ID, what, where="application_id", remedy="Choose another identifier.")
    key = (command.part, command.province, command.applicant_id)
    for other in plan.applications.values():
        if (other.part, other.province, other.applicant_id) == key:
            what = (
                f"{command.applicant_id!r} has applied for this part in {command.province} by {other.application_id!r}"
            )
            raise Refusal(Code.ALREADY_EXISTS, what, where="applicant_id", remedy="Correct that application.")


def _correct_application(state: State, command: CorrectApplication) -> Decision:
    plan, application = _application(state, command.application_id)
    if command.actor not in (application.applicant_id, application.submitted_by):
        what = f"{command.application_id!r} is the application of others"
        raise Refusal(Code.NOT_PERMITTED, what, where="application_id", remedy="Correct your own applications.")
    today = rules_in_force(state, command.at_ns).effective
    _check_correction_in_time(plan, application, command.lots, today)
    return (ApplicationCorrected(command.application_id, command.lots, application.lots, command.reason),)


def _application(state: State, application_id: str) -> tuple[Plan, ApplicationSubmitted]:
    period = state.supply.periods.get(application_id)
    if period is None:
        what = f"there is no application {application_id!r}"
        raise Refusal(Code.NOT_FOUND, what, where="application_id", remedy="Name one that was submitted.")
    plan = _plan_in_making(state, period)
    return plan, plan.applications[application_id]


def _check_correction_in_time(plan: Plan, application: ApplicationSubmitted, lots: int, today: Day) -> None:
    """Refuse more than before once applications have ended, and any change once those reviewed may not be changed."""
    of_platform = application.part == "platform"
    last = plan.opened.apply_for_platform_by if of_platform else plan.opened.apply_for_outside_by
    review = None if of_platform else plan.reviews.get(application.province)
    if lots > application.lots:
        _check_in_time(today, last, "applications")
    if review is not None:
        _check_in_time(today, review.correct_by, "corrections")


# --- Review and approval ----------------------------------------------------------------------------------------


def _review_applications(state: State, command: ReviewApplications) -> Decision:
    plan = _plan_in_making(state, command.period)
    today = rules_in_force(state, command.at_ns).effective
    _check_applications_ended(plan, today)
    _check_in_time(today, plan.opened.review_by, "reviews")
    if command.province in plan.reviews:
        what = f"the applications of {command.province} are reviewed already"
        raise Refusal(Code.ALREADY_EXISTS, what, where="province", remedy="Wait for their correction.")
    applied = _applied(plan, command.province)
    if command.lots >= applied:
        what = f"{command.province} applies for {applied} lots outside the platform, no more than {command.lots}"
        raise Refusal(Code.OUT_OF_RANGE, what, where="lots", remedy="Accept fewer, or leave the review out.")
    days = plan.opened.correction_days
    correct_by = None if days is None else day_after(today, days)
    return (ApplicationsReviewed(command.period, command.province, command.lots, command.reason, correct_by),)


def _check_applications_ended(plan: Plan, today: Day) -> None:
    last = plan.opened.apply_for_outside_by
    if last is not None and today <= last:
        what = f"applications are taken until {last}"
        raise Refusal(Code.OUTSIDE_WINDOW, what, where="at_ns", remedy="Wait until they have ended.")


def _applied(plan: Plan, province: str) -> int:
    return sum(each.lots for each in _applications(plan, province, "outside"))


def _applications(plan: Plan, province: str, part: str) -> Iterator[ApplicationSubmitted]:
    for _, application in sorted(plan.applications.items()):
        if (application.province, application.part) == (province, part) and application.lots:
            yield application


def _approve_plan(state: State, command: ApprovePlan) -> Decision:
    plan = _plan_in_making(state, command.period)
    today = rules_in_force(state, command.at_ns).effective
    _check_applications_ended(plan, today)
    _check_corrections_ended(plan, today)
    rules = rules_for_month(state, command.at_ns, plan.opened.months[0])
    needs = tuple(_needs(plan, rules))
    _check_unplanned(state, plan, needs)
    shared = supply.share_out(_sources(plan), needs, _routes(plan), command.period)
    price = rules.required_integer("wholesale_cap") if shared.allotments else rules.integer("wholesale_cap")
    approved = PlanApproved(
        **shared._asdict(),
        period=command.period,
        months=plan.opened.months,
        outside_price_tenge_per_tonne=price,
        lot_kg=rules.required_integer("lot"),
        late_days=_late_days(plan.opened.approve_by, today),
        rulebook_version=rules.version,
    )
    return (approved,)


def _check_corrections_ended(plan: Plan, today: Day) -> None:
    for province, review in sorted(plan.reviews.items()):
        waiting = review.correct_by is not None and today <= review.correct_by
        if waiting and _applied(plan, province) > review.lots:
            what = f"the applications of {province} may be corrected until {review.correct_by}"
            raise Refusal(
                Code.OUTSIDE_WINDOW, what, where="at_ns", remedy="Wait until they are, or until that day is over."
            )


def _needs(plan: Plan, rules: InForce) -> Iterator[supply.Need]:
    for province in sorted({link.target: None for link in plan.opened.links}):
        outside = tuple((each.applicant_id, each.lots) for each in _applications(plan, province, "outside"))
        platform_lots = sum(each.lots for each in _applications(plan, province, "platform"))
        share = rules.required_integer("platform_share", province)
        review = plan.reviews.get(province)
        yield supply.Need(province, outside, platform_lots, share, None if review is None else review.lots)


def _check_unplanned(state: State, plan: Plan, needs: tuple[supply.Need, ...]) -> None:
    """Refuse a plan of what is planned by hand or already priced."""
    for month in plan.opened.months:
        for need in needs:
            if (month, need.province) in state.supplies or pump.is_published(state, month, need.province):
                what = f"{need.province} is planned by hand or priced for {month} already"
                raise Refusal(Code.ALREADY_EXISTS, what, where="period", remedy="Plan each month in one way.")


def _sources(plan: Plan) -> tuple[supply.Source, ...]:
    return tuple(supply.Source(plant, seller, stated.lots) for (seller, plant), stated in plan.capacities.items())


def _routes(plan: Plan) -> tuple[supply.Route, ...]:
    return tuple(supply.Route(*link) for link in map(msgspec.structs.astuple, plan.opened.links))


def _late_days(last: Day | None, today: Day) -> int:
    return 0 if last is None else max(0, days_between(last, today))


def _months_planned(_: State, event: PlanApproved) -> Decision:
    """Plan each month of the period for each province, as the pump prices need it: equal parts of the period's lots."""
    return tuple(each for province in event.provinces for each in _planned(event, province))


def _planned(event: PlanApproved, province: PlannedProvince) -> Iterator[SupplyPlanned]:
    equal = (1,) * len(event.months)
    parts = zip(apportion(province.outside_lots, equal), apportion(province.platform_lots, equal), strict=True)
    for month, (outside, platform) in zip(event.months, parts, strict=True):
        yield SupplyPlanned(
            delivery_month=month,
            province=province.province,
            outside_lots=outside,
            platform_lots=platform,
            outside_price_tenge_per_tonne=event.outside_price_tenge_per_tonne,
            transport_tenge_per_tonne=province.transport_tenge_per_tonne,
            platform_share_basis_points=province.platform_share_basis_points,
            rulebook_version=event.rulebook_version,
        )


# --- Folding ----------------------------------------------------------------------------------------------------


def _with_plan(state: State, plan: Plan, **changes: object) -> State:
    """Return the state with a plan in the place of its old self, and with other changes of what is known of supply."""
    plans = state.supply.plans.insert(plan.opened.period, plan)
    known: Supply = msgspec.structs.replace(state.supply, plans=plans, **changes)
    return msgspec.structs.replace(state, supply=known)


def _plan_opened(state: State, event: PlanOpened) -> State:
    return _with_plan(state, Plan(event, Map(), Map(), Map()))


def _capacity_stated(state: State, event: CapacityStated) -> State:
    plan = state.supply.plans[event.period]
    capacities = plan.capacities.insert((event.seller_id, event.plant), event)
    return _with_plan(state, msgspec.structs.replace(plan, capacities=capacities))


def _application_submitted(state: State, event: ApplicationSubmitted) -> State:
    plan = state.supply.plans[event.period]
    applications = plan.applications.insert(event.application_id, event)
    periods = state.supply.periods.insert(event.application_id, event.period)
    return _with_plan(state, msgspec.structs.replace(plan, applications=applications), periods=periods)


def _application_corrected(state: State, event: ApplicationCorrected) -> State:
    plan = state.supply.plans[state.supply.periods[event.application_id]]
    corrected = msgspec.structs.replace(plan.applications[event.application_id], lots=event.lots)
    applications = plan.applications.insert(event.application_id, corrected)
    return _with_plan(state, msgspec.structs.replace(plan, applications=applications))


def _applications_reviewed(state: State, event: ApplicationsReviewed) -> State:
    plan = state.supply.plans[event.period]
    return _with_plan(state, msgspec.structs.replace(plan, reviews=plan.reviews.insert(event.province, event)))


def _plan_approved(state: State, event: PlanApproved) -> State:
    plan = msgspec.structs.replace(state.supply.plans[event.period], approved=event)
    allotments = state.supply.allotments
    for each in event.allotments:
        allotments = allotments.insert(each.allotment_id, Allotted(each, event.period, event.lot_kg))
    return _with_plan(state, plan, allotments=allotments)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            OpenPlan: ("regulator",),
            StateCapacity: ("seller",),
            SubmitApplication: ("buyer", "observer"),
            CorrectApplication: ("buyer", "observer"),
            ReviewApplications: ("regulator",),
            ApprovePlan: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            OpenPlan: _open_plan,
            StateCapacity: _state_capacity,
            SubmitApplication: _submit_application,
            CorrectApplication: _correct_application,
            ReviewApplications: _review_applications,
            ApprovePlan: _approve_plan,
        }
    ),
    evolvers=MappingProxyType(
        {
            PlanOpened: _plan_opened,
            CapacityStated: _capacity_stated,
            ApplicationSubmitted: _application_submitted,
            ApplicationCorrected: _application_corrected,
            ApplicationsReviewed: _applications_reviewed,
            PlanApproved: _plan_approved,
        }
    ),
    followers=MappingProxyType({PlanApproved: (_months_planned,)}),
)
