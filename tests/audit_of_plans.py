"""How the auditor judges supply plans, by a second author: what each step of one must be refused for, and must say.

How a plan shares out is worked out by an oracle of its own, tests/supply_oracle.py; here it is held to what nobody may
doubt: no gas made or lost, no route overfilled, no more than was applied for or reviewed, and a cut that is pro rata.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from tests.audit_of_people import is_day
from tests.audit_of_sessions import lacking
from tests.supply_books import Plan
from tests.verdicts import misjudged

from naryq import messages as m
from naryq.messages import Code

STEPS = {
    "apply_for_platform_by": "plan_platform_application_days",
    "apply_for_outside_by": "plan_application_days",
    "review_by": "plan_review_days",
    "approve_by": "plan_notice_days",
}


def judged(books: Any, command: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """Say where the answer to a command about supply is not what the rules allow."""
    must, may, head = set(_wrong(books, command)), set(_left_open(books, command)), events[0]
    yield from misjudged(must, may, head)
    if must or isinstance(head, m.Refused):
        return
    if isinstance(command, m.ApprovePlan):
        yield from _shared_out(books, command, head)
    elif events != (_expected(books, command),):
        yield f"says {events}, where the command and the rules say {_expected(books, command)}"


def _left_open(books: Any, command: Any) -> Iterator[Code]:
    """Without a regulated price a plan may not allot anything; whether it would is for the oracle to say."""
    plan = books.supply.of.get(command.period) if isinstance(command, m.ApprovePlan) else None
    if plan is not None:
        first, today = f"{plan.opened.months[0]}-01", books.day(command.at_ns)
        if any(books.value(rule, first, today) is None for rule in ("wholesale_cap", "platform_share", "lot")):
            yield Code.RULE_MISSING


def _wrong(books: Any, command: Any) -> Iterator[Code]:
    judge: dict[type, Any] = {
        m.OpenPlan: _wrong_opening,
        m.StateCapacity: _wrong_capacity,
        m.SubmitApplication: _wrong_application,
        m.CorrectApplication: _wrong_correction,
        m.ReviewApplications: _wrong_review,
        m.ApprovePlan: _wrong_approval,
        m.RefuseAllotment: _wrong_refusal,
        m.ShipAllotment: _wrong_shipment,
        m.ReportOutput: _wrong_output,
        m.ReportSales: _wrong_sales,
    }
    yield from judge[type(command)](books, command)


# --- The calendar of a plan -------------------------------------------------------------------------------------


def months_of(period: str) -> list[str]:
    """Return the months of a month or a quarter."""
    year, part = period.split("-")
    if part[0] != "Q":
        return [period]
    return [f"{year}-{3 * int(part[1]) - back:02d}" for back in (2, 1, 0)]


def _last_day(month: str, days: int | None) -> str | None:
    """Return the day that lies so many days before the month that precedes a month begins."""
    if days is None:
        return None
    before = date.fromisoformat(f"{month}-01") - timedelta(1)
    return (before.replace(day=1) - timedelta(days)).isoformat()


def _deadlines(books: Any, command: m.OpenPlan) -> dict[str, str | None]:
    month, today = months_of(command.period)[0], books.day(command.at_ns)
    return {step: _last_day(month, books.rule(rule, f"{month}-01", today)) for step, rule in STEPS.items()}


def _is_late(today: str, last: str | None) -> bool:
    return last is not None and today > last


# --- Why a step is refused --------------------------------------------------------------------------------------


def _wrong_opening(books: Any, command: m.OpenPlan) -> Iterator[Code]:
    months, today = months_of(command.period), books.rulebook and books.day(command.at_ns)
    lacks = list(lacking(books, command.at_ns, f"{months[0]}-01"))
    yield from lacks
    if not command.links:
        yield Code.EMPTY
    if len({(link.source, link.target) for link in command.links}) < len(command.links):
        yield Code.DUPLICATE_ID
    if any(set(months) & set(plan.opened.months) for plan in books.supply.of.values()):
        yield Code.ALREADY_EXISTS
    if lacks:
        return
    kind = books.rule("plan_period", f"{months[0]}-01", today) or "month"
    if (kind == "quarter") != (len(months) > 1):
        yield Code.OUT_OF_RANGE
    if not {link.target for link in command.links} <= set(books.rule("provinces", f"{months[0]}-01", today)):
        yield Code.UNKNOWN_PLACE
    if _is_late(today, _deadlines(books, command)["apply_for_outside_by"]):
        yield Code.OUTSIDE_WINDOW


def _in_making(books: Any, period: str | None) -> list[Code]:
    plan = books.supply.of.get(period)
    if plan is None:
        return [Code.NOT_FOUND]
    return [] if plan.approved is None else [Code.WRONG_PHASE]


def _again(*, stands: bool, correction: str) -> Iterator[Code]:
    if stands and not correction:
        yield Code.ALREADY_EXISTS
    if correction and not stands:
        yield Code.NOT_FOUND


def _wrong_capacity(books: Any, command: m.StateCapacity) -> Iterator[Code]:
    making = _in_making(books, command.period)
    yield from making
    if not making:
        plan = books.supply.of[command.period]
        if command.plant not in {link.source for link in plan.opened.links}:
            yield Code.UNKNOWN_PLACE
        stands = (command.actor, command.plant) in plan.capacities
        yield from _again(stands=stands, correction=command.correction)


def _wrong_application(books: Any, command: m.SubmitApplication) -> Iterator[Code]:
    making = _in_making(books, command.period)
    yield from making or _wrong_applicant(books, command)
    if command.application_id in books.supply.periods:
        yield Code.DUPLICATE_ID
    if making:
        return
    plan, today = books.supply.of[command.period], books.day(command.at_ns)
    key = (command.part, command.province, command.applicant_id)
    if key in {(each.part, each.province, each.applicant_id) for each in plan.applications.values()}:
        yield Code.ALREADY_EXISTS
    if _is_late(today, _apply_by(plan, command.part)):
        yield Code.OUTSIDE_WINDOW


def _apply_by(plan: Plan, part: str) -> str | None:
    return plan.opened.apply_for_platform_by if part == "platform" else plan.opened.apply_for_outside_by


def _wrong_applicant(books: Any, command: m.SubmitApplication) -> Iterator[Code]:
    plan, who, register = books.supply.of[command.period], command.applicant_id, books.register
    month, today = f"{plan.opened.months[0]}-01", books.day(command.at_ns)
    is_akimat = register.classes[command.actor] == "akimat" and command.province in register.provinces[command.actor]
    if command.actor != who and not is_akimat:
        yield Code.NOT_PERMITTED
    if command.province not in {link.target for link in plan.opened.links}:
        yield Code.UNKNOWN_PLACE
    if who not in books.people:
        yield Code.UNKNOWN_PARTICIPANT
        return
    recipients = books.rule("plan_recipients", month, today)
    outside_for_others = command.part == "outside" and recipients and register.classes[who] not in recipients
    elsewhere = register.provinces[who] and command.province not in register.provinces[who]
    if books.people[who] != "buyer" or outside_for_others or elsewhere:
        yield Code.NOT_PERMITTED


def _wrong_correction(books: Any, command: m.CorrectApplication) -> Iterator[Code]:
    period = books.supply.periods.get(command.application_id)
    making = _in_making(books, period)
    yield from making
    if making:
        return
    plan, today = books.supply.of[period], books.day(command.at_ns)
    application = plan.applications[command.application_id]
    if command.actor not in {application.applicant_id, application.submitted_by}:
        yield Code.NOT_PERMITTED
    if command.lots > application.lots and _is_late(today, _apply_by(plan, application.part)):
        yield Code.OUTSIDE_WINDOW
    review = plan.reviews.get(application.province)
    if application.part == "outside" and review is not None and _is_late(today, review.correct_by):
        yield Code.OUTSIDE_WINDOW


def _applied(plan: Plan, province: str, part: str) -> dict[str, int]:
    """Return what each applicant asks for in a part of a province, where it still asks for anything."""
    lots: Counter[str] = Counter()
    for each in plan.applications.values():
        if (each.province, each.part) == (province, part) and each.lots:
            lots[each.applicant_id] += each.lots
    return dict(lots)


def _wrong_review(books: Any, command: m.ReviewApplications) -> Iterator[Code]:
    making = _in_making(books, command.period)
    yield from making
    if making:
        return
    plan, today = books.supply.of[command.period], books.day(command.at_ns)
    last = plan.opened.apply_for_outside_by
    if (last is not None and today <= last) or _is_late(today, plan.opened.review_by):
        yield Code.OUTSIDE_WINDOW
    if command.province in plan.reviews:
        yield Code.ALREADY_EXISTS
    if command.lots >= sum(_applied(plan, command.province, "outside").values()):
        yield Code.OUT_OF_RANGE


def _wrong_approval(books: Any, command: m.ApprovePlan) -> Iterator[Code]:
    making = _in_making(books, command.period)
    yield from making
    if making:
        return
    plan, today = books.supply.of[command.period], books.day(command.at_ns)
    last = plan.opened.apply_for_outside_by
    if (last is not None and today <= last) or any(_may_correct(plan, each, today) for each in plan.reviews):
        yield Code.OUTSIDE_WINDOW
    for month in plan.opened.months:
        for province in {link.target for link in plan.opened.links}:
            priced = books.published_until.get(province, "") >= month
            if priced or (month, province) in books.plans:
                yield Code.ALREADY_EXISTS


def _may_correct(plan: Plan, province: str, today: str) -> bool:
    """Say whether what exceeds a review may still be corrected, so that a plan has to wait for it."""
    review = plan.reviews[province]
    exceeds = sum(_applied(plan, province, "outside").values()) > review.lots
    return exceeds and review.correct_by is not None and today <= review.correct_by


def _wrong_refusal(books: Any, command: m.RefuseAllotment) -> Iterator[Code]:
    if command.allotment_id not in books.supply.allotted:
        yield Code.NOT_FOUND
        return
    period, allotment = books.supply.allotted[command.allotment_id]
    approved = books.supply.of[period].approved
    if command.actor != allotment.applicant_id:
        yield Code.NOT_PERMITTED
    if books.day(command.at_ns)[:7] > months_of(period)[-1]:
        yield Code.OUTSIDE_WINDOW
    if command.lots * approved.lot_kg > books.supply.due_kg(command.allotment_id):
        yield Code.OUT_OF_RANGE


def _wrong_shipment(books: Any, command: m.ShipAllotment) -> Iterator[Code]:
    if command.allotment_id not in books.supply.allotted:
        yield Code.NOT_FOUND
        return
    if command.actor != books.supply.allotted[command.allotment_id][1].seller_id:
        yield Code.NOT_PERMITTED
    if command.document in books.supply.documents:
        yield Code.DUPLICATE_ID
    first = f"{months_of(books.supply.allotted[command.allotment_id][0])[0]}-01"
    in_period = is_day(command.loaded_on) and first <= command.loaded_on <= books.day(command.at_ns)
    if not in_period or command.mass_kg > books.supply.due_kg(command.allotment_id):
        yield Code.OUT_OF_RANGE


def _wrong_output(books: Any, command: m.ReportOutput) -> Iterator[Code]:
    yield from _wrong_month(books, command, (command.month, command.actor, command.plant))
    plants = {each.plant for each in books.market.instruments.values()}
    plants |= {link.source for plan in books.supply.of.values() for link in plan.opened.links}
    plants |= {each.place for call in books.calls.values() for each in call.opened.places if each.kind == "plant"}
    if command.plant not in plants:
        yield Code.UNKNOWN_PLACE


def _wrong_month(books: Any, command: Any, key: tuple[str, ...]) -> Iterator[Code]:
    lacks = list(lacking(books, command.at_ns, None))
    yield from lacks
    if not lacks and books.day(command.at_ns)[:7] <= command.month:
        yield Code.OUT_OF_RANGE
    yield from _again(stands=key in books.supply.reports, correction=command.correction)


def _wrong_sales(books: Any, command: m.ReportSales) -> Iterator[Code]:
    yield from _wrong_month(books, command, (command.month, command.province))
    if books.rulebook is None:
        return
    today, register = books.day(command.at_ns), books.register
    if command.province not in books.rule("provinces", today, today):
        yield Code.UNKNOWN_PLACE
    akimat = register.classes[command.actor] == "akimat" and command.province in register.provinces[command.actor]
    if books.people[command.actor] == "observer" and not akimat:
        yield Code.NOT_PERMITTED


# --- What a step must say ---------------------------------------------------------------------------------------


def _expected(books: Any, command: Any) -> Any:
    make: dict[type, tuple[Any, Any]] = {
        m.OpenPlan: (m.PlanOpened, _of_opening),
        m.StateCapacity: (m.CapacityStated, _of_capacity),
        m.SubmitApplication: (m.ApplicationSubmitted, _of_application),
        m.CorrectApplication: (m.ApplicationCorrected, _of_correction),
        m.ReviewApplications: (m.ApplicationsReviewed, _of_review),
        m.RefuseAllotment: (m.AllotmentRefused, _of_refusal),
        m.ShipAllotment: (m.AllotmentShipped, lambda *_: {}),
        m.ReportOutput: (m.OutputReported, _of_output),
        m.ReportSales: (m.SalesReported, _of_sales),
    }
    kind, told = make[type(command)]
    shared = {name: getattr(command, name) for name in kind.__struct_fields__ if hasattr(command, name)}
    return kind(**{**shared, **told(books, command)})


def _of_opening(books: Any, command: m.OpenPlan) -> dict[str, Any]:
    months, today = months_of(command.period), books.day(command.at_ns)
    days = books.rule("plan_correction_days", f"{months[0]}-01", today)
    version = {"correction_days": days, "rulebook_version": books.version}
    return {"months": tuple(months), **_deadlines(books, command), **version}


def _of_capacity(books: Any, command: m.StateCapacity) -> dict[str, Any]:
    before = books.supply.of[command.period].capacities.get((command.actor, command.plant))
    return {"seller_id": command.actor, "previous_lots": None if before is None else before.lots}


def _of_application(books: Any, command: m.SubmitApplication) -> dict[str, Any]:
    own = books.register.classes[command.applicant_id]
    return {"applicant_class": None if own == "unclassed" else own, "submitted_by": command.actor}


def _of_correction(books: Any, command: m.CorrectApplication) -> dict[str, Any]:
    plan = books.supply.of[books.supply.periods[command.application_id]]
    return {"previous_lots": plan.applications[command.application_id].lots}


def _of_review(books: Any, command: m.ReviewApplications) -> dict[str, Any]:
    days = books.supply.of[command.period].opened.correction_days
    by = None if days is None else date.fromisoformat(books.day(command.at_ns)) + timedelta(days)
    return {"correct_by": None if by is None else by.isoformat()}


def _of_refusal(books: Any, command: m.RefuseAllotment) -> dict[str, Any]:
    period, allotment = books.supply.allotted[command.allotment_id]
    where = {name: getattr(allotment, name) for name in ("seller_id", "plant", "province")}
    return {"period": period, **where}


def _of_report(books: Any, command: Any, rule: str) -> dict[str, Any]:
    today = books.day(command.at_ns)
    day = books.rule(rule, today, today)
    following = (date.fromisoformat(f"{command.month}-28") + timedelta(4)).isoformat()[:7]
    return {"reported_on": today, "due": None if day is None else f"{following}-{day:02d}"}


def _of_output(books: Any, command: m.ReportOutput) -> dict[str, Any]:
    before = books.supply.reports.get((command.month, command.actor, command.plant))
    names = ("own_output_kg", "tolled_output_kg", "shipped_in_plan_kg", "shipped_outside_plan_kg")
    previous = None if before is None else tuple(getattr(before, name) for name in names)
    return {"seller_id": command.actor, "previous": previous, **_of_report(books, command, "output_report_day")}


def _of_sales(books: Any, command: m.ReportSales) -> dict[str, Any]:
    before = books.supply.reports.get((command.month, command.province))
    names = ("sold_kg", "used_kg", "wholesale_tenge_per_tonne", "retail_tiyn_per_litre")
    previous = None if before is None else tuple(getattr(before, name) for name in names)
    return {"reported_by": command.actor, "previous": previous, **_of_report(books, command, "sales_report_day")}


# --- What an approved plan must keep ----------------------------------------------------------------------------


def _shared_out(books: Any, command: m.ApprovePlan, approved: m.PlanApproved) -> Iterator[str]:
    plan, today = books.supply.of[command.period], books.day(command.at_ns)
    month, late = f"{plan.opened.months[0]}-01", plan.opened.approve_by
    late_days = 0 if late is None else max(0, (date.fromisoformat(today) - date.fromisoformat(late)).days)
    told = (approved.period, approved.months, approved.lot_kg, approved.late_days, approved.rulebook_version)
    lot_kg = books.rule("lot", month, today)
    if told != (command.period, plan.opened.months, lot_kg, late_days, books.version):
        yield f"says {told} of the plan of {command.period}"
    capacities = {key: stated.lots for key, stated in plan.capacities.items()}
    if {(each.seller_id, each.plant): each.capacity_lots for each in approved.sources} != capacities:
        yield "the sources of the plan are not what the sellers have stated"
    yield from _along_routes(plan, approved)
    for province in approved.provinces:
        yield from _of_province(plan, approved, province)
        share = books.rule("platform_share", month, today, province.province)
        parted = books.parted(province.outside_lots + province.platform_lots, share)[0]
        if province.outside_lots > parted:
            yield f"{province.province} is allotted {province.outside_lots} lots outside, whose part is {parted}"


def _along_routes(plan: Plan, approved: m.PlanApproved) -> Iterator[str]:
    carried: Counter[tuple[str, str]] = Counter()
    both: tuple[m.Allotment | m.PlatformSupply, ...] = (*approved.allotments, *approved.platform)
    for each in both:
        carried[each.plant, each.province] += each.lots
    room = {(link.source, link.target): link.capacity_lots for link in plan.opened.links}
    for way, lots in carried.items():
        if lots > room.get(way, 0):
            yield f"{lots} lots go along {way}, which carries {room.get(way, 0)}"


def _of_province(plan: Plan, approved: m.PlanApproved, province: m.PlannedProvince) -> Iterator[str]:
    """What was applied for is told as it stands; no more than was reviewed is allotted, and pro rata."""
    name = province.province
    outside, platform = _applied(plan, name, "outside"), _applied(plan, name, "platform")
    told = (province.applied_outside_lots, province.applied_platform_lots)
    if told != (sum(outside.values()), sum(platform.values())):
        yield f"{name} is said to apply for {told} lots, which is not what was applied for"
    review = plan.reviews.get(name)
    if review is not None and province.outside_lots > review.lots:
        yield f"{name} is allotted {province.outside_lots} lots, and {review.lots} were accepted"
    got: Counter[str] = Counter()
    for allotment in approved.allotments:
        if allotment.province == name:
            got[allotment.applicant_id] += allotment.lots
    if not set(got) <= set(outside):
        yield f"{name} allots to somebody who did not apply: {sorted(set(got) - set(outside))}"
    for who, lots in outside.items():
        if abs(got[who] - Fraction(province.outside_lots * lots, sum(outside.values()))) >= 1:
            yield f"{who} is allotted {got[who]} of {province.outside_lots} lots in {name}, out of proportion"
