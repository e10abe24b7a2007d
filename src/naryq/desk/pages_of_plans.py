"""The pages of the supply: all plans, one plan from its opening to what is owed, and the reports of the law."""

from typing import Final, NamedTuple

from naryq.desk.look import Choices, Look, NoSuchPage, Shown
from naryq.desk.words import name_of
from naryq.messages import Link
from naryq.showing import plans
from naryq.showing.plans import ShownPlan

MONTHS_SHOWN: Final = 200


class Step(NamedTuple):
    """A step of a plan, its last day where it has one, and whether that day is over."""

    name: str
    last_day: str | None
    is_over: bool


def plans_page(look: Look) -> Shown:
    """Show all plans, the months of provinces, what is to be offered again and what is overdue."""
    return {
        "plans": plans.plans(look.state, look.viewer),
        "supplies": tuple(reversed(plans.supplies(look.state)))[:MONTHS_SHOWN],
        "reoffers": plans.reoffers(look.state, look.viewer),
        "overdue": plans.overdue(look.state, look.viewer, look.at_ns),
        "provinces": province_choices(look),
        "last_links": _last_links(look),
        "month": look.today[:7],
    }


def _last_links(look: Look) -> str:
    """Return the links of the last plan as they are typed into a form: a new one has mostly the same."""
    found = plans.plans(look.state, look.viewer)
    return typed_links(found[0].opened.links) if found else ""


def typed_links(links: tuple[Link, ...]) -> str:
    """Return links as lines of a form."""
    return "\n".join(
        f"{each.source}; {each.target}; {each.capacity_lots}; {each.tariff_tenge_per_tonne}" for each in links
    )


def plan_page(look: Look) -> Shown:
    """Show one plan; `application` names one to be corrected, `allotment` one to be refused or loaded."""
    period = look.named["period"]
    shown = plans.plan(look.state, look.viewer, period)
    if shown is None:
        raise NoSuchPage
    applications = plans.applications(look.state, look.viewer, period)
    allotments = tuple(each for each in plans.allotments(look.state, look.viewer) if each.period == period)
    correcting, allotment = look.query.get("application", ""), look.query.get("allotment", "")
    return {
        "shown": shown,
        "steps": _steps(shown, look.today),
        "taken_until": _taken_until(shown, look.today),
        "capacities": plans.capacities(look.state, look.viewer, period),
        "applications": applications,
        "correcting": next((a for a in applications if a.application.application_id == correcting), None),
        "allotments": allotments,
        "chosen": next((a for a in allotments if a.allotment.allotment_id == allotment), None),
        "duties": tuple(each for each in plans.duties(look.state, look.viewer) if each.period == period),
        "applicants": _applicants(look),
        "served": _served(look, shown),
        "plants": _plants(shown),
        "today": look.today,
    }


def _steps(shown: ShownPlan, today: str) -> tuple[Step, ...]:
    opened = shown.opened
    days = (
        ("platform", opened.apply_for_platform_by),
        ("outside", opened.apply_for_outside_by),
        ("review", opened.review_by),
        ("approve", opened.approve_by),
    )
    return tuple(Step(name, day, day is not None and day < today) for name, day in days)


def _taken_until(shown: ShownPlan, today: str) -> str:
    """Return the last day of applications, before whose end nothing is shared out; empty once it is over."""
    last = shown.opened.apply_for_outside_by
    return last if last is not None and today <= last else ""


def _plants(shown: ShownPlan) -> Choices:
    return [(plant, plant) for plant in sorted({link.source: None for link in shown.opened.links})]


def is_akimat(look: Look) -> bool:
    """Say whether a viewer is the akimat of some province."""
    return look.state.participants[look.viewer.participant_id].participant_class == "akimat"


def _applicants(look: Look) -> Choices:
    """Return for whom a viewer may apply: a buyer for itself, an akimat for the buyers, and nobody else for anybody."""
    people, own = look.state.participants, look.viewer.participant_id
    if look.viewer.role == "buyer":
        return [(own, own)]
    if not is_akimat(look):
        return []
    return [(name, f"{name} · {each.name}") for name, each in sorted(people.items()) if each.role == "buyer"]


def _served(look: Look, shown: ShownPlan) -> Choices:
    """Return the provinces that the plan serves; to whoever takes delivery in some alone, these."""
    own = look.state.participants[look.viewer.participant_id].provinces
    targets = sorted({link.target: None for link in shown.opened.links})
    return [(code, _named(look, code)) for code in targets if not own or code in own]


def province_choices(look: Look) -> Choices:
    """Return the provinces of the rulebook; to an akimat its own."""
    if look.state.rulebook is None:
        return []
    own = look.state.participants[look.viewer.participant_id].provinces if is_akimat(look) else ()
    codes = look.state.rulebook.rules_of_day(look.at_ns).words("provinces")
    return [(code, _named(look, code)) for code in codes if not own or code in own]


def _named(look: Look, code: str) -> str:
    return f"{name_of(look.language, 'province', code)} ({code})"


def reports_page(look: Look) -> Shown:
    """Show the reported months of plants and provinces, the terms of retail, and what is overdue."""
    return {
        "outputs": plans.outputs(look.state, look.viewer),
        "sales": plans.sales(look.state, look.viewer),
        "terms": plans.retail_terms(look.state, look.viewer),
        "overdue": plans.overdue(look.state, look.viewer, look.at_ns),
        "provinces": province_choices(look),
        "may_report_sales": look.viewer.role == "regulator" or is_akimat(look),
        "month": look.today[:7],
    }
