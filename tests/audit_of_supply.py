"""The auditor on supply, by a second author: reports and their corrections in full, and what a plan must keep."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from naryq import messages as m
from naryq.messages import Code

COMMANDS = (
    m.OpenPlan,
    m.StateCapacity,
    m.SubmitApplication,
    m.CorrectApplication,
    m.ReviewApplications,
    m.ApprovePlan,
    m.RefuseAllotment,
    m.ShipAllotment,
    m.ReportOutput,
    m.ReportSales,
)
"""The commands of which the auditor knows who may; `audit_of_plans` judges why they are refused, and what they say."""
PERMITTED: dict[type, set[str]] = {
    m.OpenPlan: {"regulator"},
    m.StateCapacity: {"seller"},
    m.SubmitApplication: {"buyer", "observer"},
    m.CorrectApplication: {"buyer", "observer"},
    m.ReviewApplications: {"regulator"},
    m.ApprovePlan: {"regulator"},
    m.RefuseAllotment: {"buyer"},
    m.ShipAllotment: {"seller"},
    m.ReportOutput: {"seller"},
    m.ReportSales: {"regulator", "observer"},
}
EVEN_ABSENT = {m.RefuseAllotment, m.ShipAllotment, m.ReportOutput, m.ReportSales}


def figures(report: Any, *names: str) -> Any:
    """Return what a correction replaces: some figures of the report that stood, or None where there was none."""
    return None if report is None else tuple(getattr(report, name) for name in names)


def wrong_report(books: Any, command: Any, stands: bool) -> Iterator[Code]:  # noqa: FBT001 - what stands is the question
    """Yield why a plan by hand or the terms of retail may not be reported: place, correction, publication."""
    month, today = f"{command.delivery_month}-01", books.day(command.at_ns)
    listed = books.rule("provinces", month, today)
    if listed is None:
        yield Code.RULE_MISSING
    elif command.province not in listed:
        yield Code.UNKNOWN_PLACE
    if stands and not command.correction:
        yield Code.ALREADY_EXISTS
    if command.correction and not stands:
        yield Code.NOT_FOUND
    if isinstance(command, m.PlanSupply) and (command.delivery_month, command.province) in books.settled:
        yield Code.ALREADY_EXISTS
    if books.published_until.get(command.province, "") >= command.delivery_month:
        yield Code.ALREADY_EXISTS


def judged(events: tuple[Any, ...]) -> Iterator[str]:
    """Say what is wrong with a plan: gas made or lost, somebody who gets more than he asked for, months that differ."""
    plan, *months = events
    if not isinstance(plan, m.PlanApproved):
        return
    yield from _by_source(plan)
    yield from _by_province(plan)
    yield from _by_month(plan, months)


def _by_source(plan: m.PlanApproved) -> Iterator[str]:
    outside: Counter[tuple[str, str]] = Counter()
    platform: Counter[tuple[str, str]] = Counter()
    for allotment in plan.allotments:
        outside[allotment.seller_id, allotment.plant] += allotment.lots
    for supply in plan.platform:
        platform[supply.seller_id, supply.plant] += supply.lots
    for source in plan.sources:
        key = (source.seller_id, source.plant)
        if (source.outside_lots, source.platform_lots) != (outside.pop(key, 0), platform.pop(key, 0)):
            yield f"{key} delivers other lots than are allotted and meant for the platform"
        if source.outside_lots + source.platform_lots + source.unplanned_lots != source.capacity_lots:
            yield f"{key} delivers more or less than it can"
    if outside or platform:
        yield "lots come from nobody"


def _by_province(plan: m.PlanApproved) -> Iterator[str]:
    for province in plan.provinces:
        allotted = sum(each.lots for each in plan.allotments if each.province == province.province)
        meant = sum(each.lots for each in plan.platform if each.province == province.province)
        if (allotted, meant) != (province.outside_lots, province.platform_lots):
            yield f"{province.province} receives other lots than are allotted and meant for it"
        if allotted > province.applied_outside_lots:
            yield f"{province.province} receives more outside the platform than it applied for"
        if allotted + meant > province.applied_outside_lots + province.applied_platform_lots:
            yield f"{province.province} receives more than it applied for"


def _by_month(plan: m.PlanApproved, months: list[Any]) -> Iterator[str]:
    sums: Counter[tuple[str, str]] = Counter()
    for planned in months:
        sums[planned.province, "outside"] += planned.outside_lots
        sums[planned.province, "platform"] += planned.platform_lots
    told = [(each.province, month) for each in plan.provinces for month in plan.months]
    if [(each.province, each.delivery_month) for each in months] != told:
        yield "the months of the plan are not planned one by one"
    for province in plan.provinces:
        found = (sums[province.province, "outside"], sums[province.province, "platform"])
        if found != (province.outside_lots, province.platform_lots):
            yield f"the months of {province.province} are not its period"
