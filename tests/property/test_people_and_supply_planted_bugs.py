"""Bugs planted in the topics of people and supply, one at a time: a script, a finding or an assertion catches each."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.scenarios.test_supply_plan import SCRIPTS
from tests.supply_script import SupplyScript
from tests.venue_samples import Desk, founded, instant, opened, order, rulebook

from naryq.exchange import people, plans, supply
from naryq.messages import (
    AdmitParticipant,
    CancelOrder,
    ClassifyParticipant,
    DeclareAffiliation,
    EndAffiliation,
    ExcludeParticipant,
    PlanSupply,
    ReinstateParticipant,
    ReportRetailTerms,
    Shown,
    SubmitOrder,
    SuspendParticipant,
)
from naryq.units import day_after

RULES: dict[str, Any] = {
    "admission": {"station_owner.station": 0, "station_owner.experience": 2},
    "platform_buyers": ("station_owner", "unclassed"),
    "exchange_affiliates": "forbidden",
    "exclusion": 2,
}
STATION, YEARS = Shown("station", "deed", "2021-01-01"), Shown("experience", "books", "2019-12-31")


def tour_of_people() -> list[str]:
    """Take people through all that is taken and all that is refused, and return what the auditor says."""
    desk = opened(rulebook(**RULES))
    _admissions(desk)
    for name, person in (("one", "aktau"), ("two", "dossor"), ("three", "guest")):
        desk.give(SubmitOrder, person, **order(name, "KZ-47", "buy", price=90_000, lots=1))
    _affiliations(desk)
    desk.give(SuspendParticipant, "operator", participant_id="aktau", reason="late", until="2021-12-31")
    desk.give(CancelOrder, "aktau", session_id="call", order_id="one")
    _nights(desk)
    return desk.findings


def _admissions(desk: Desk) -> None:
    for number, shown in enumerate(((), (STATION,), (STATION, YEARS), (YEARS,))):
        name = "guest" if len(shown) == 2 else f"guest-{number}"
        fields = {"participant_class": "station_owner", "provinces": ("KZ-47",), "shown": shown}
        desk.give(AdmitParticipant, "operator", participant_id=name, name="", role="buyer", **fields)
        desk.give(ClassifyParticipant, "operator", participant_id="press", **fields)
    fields = {"participant_class": "industrial_consumer", "provinces": ("KZ-99",), "shown": ()}
    desk.give(AdmitParticipant, "operator", participant_id="far", name="", role="buyer", **fields)


def _affiliations(desk: Desk) -> None:
    pairs = (("zhanaozen", "atyrau"), ("atyrau", "dossor"), ("dossor", "operator"))
    for first, second in pairs:
        fields = {"participant_id": second, "affiliate_id": first, "evidence": "one owner"}
        desk.give(DeclareAffiliation, "zhanaozen", **fields)
        desk.give(DeclareAffiliation, "regulator", **fields)
    back = {"participant_id": "dossor", "reason": "please"}
    desk.give(ReinstateParticipant, "operator", **back)
    desk.give(EndAffiliation, "operator", **fields)
    desk.give(ReinstateParticipant, "operator", **back)
    desk.give(EndAffiliation, "operator", participant_id="zhanaozen", affiliate_id="atyrau", evidence="sold")


def _nights(desk: Desk) -> None:
    """Try an order just before and after a suspension ends, and a return before and after two years."""
    midnight = instant("00:00", "2022-01-01")
    for at_ns, name in ((midnight - 1, "late"), (midnight, "early")):
        desk.at_ns = at_ns
        desk.give(SubmitOrder, "aktau", **order(name, "KZ-47", "buy", price=90_000, lots=1))
    desk.give(ExcludeParticipant, "operator", participant_id="aktau", reason="false papers")
    desk.give(SuspendParticipant, "operator", participant_id="aktau", reason="false papers")
    for day in ("2024-01-01", "2024-01-02"):
        desk.at_ns = instant("00:00", day)
        desk.give(ReinstateParticipant, "operator", participant_id="aktau", reason="time served")


def tour_of_reports() -> list[str]:
    """Report a plan and the terms of retail, again, elsewhere, and corrected."""
    desk = founded()
    terms = {"depot_tenge_per_tonne": 1, "station_margin_tiyn_per_litre": 1, "plan_pass_on_basis_points": 1}
    plan = {"total_lots": 7, "transport_tenge_per_tonne": 1}
    for kind, actor, fields in ((PlanSupply, "regulator", plan), (ReportRetailTerms, "operator", terms)):
        for province, *corrections in (("KZ-99", ""), ("KZ-47", "a slip", "", "", "a slip")):
            for correction in corrections:
                report = {"delivery_month": "2022-01", "province": province, "correction": correction}
                desk.give(kind, actor, **report, **fields)
    return desk.findings


def tour_of_plans() -> list[str]:
    """Play every script of a plan; a line that does not come true raises."""
    return [finding for text, rules in SCRIPTS.values() for finding in SupplyScript(text, **rules).desk.findings]


TOURS = (tour_of_people, tour_of_reports, tour_of_plans)


def caught(tour: Callable[[], list[str]]) -> bool:
    """Tell whether a tour finds something, or stops by itself."""
    try:
        return tour() != []
    except (AssertionError, KeyError):
        return True


@pytest.mark.parametrize("tour", TOURS)
def test_the_tours_find_nothing_by_themselves(tour: Callable[[], list[str]]) -> None:
    """Without a bug the tours end without a finding."""
    assert tour() == []


# --- The bugs ---------------------------------------------------------------------------------------------------

OVER, MISSING = people._is_over, people._missing
IN_TIME, NEEDS = plans._check_in_time, plans._needs


def _only_pairs(pairs: Any) -> dict[str, str]:
    """Take affiliates of affiliates for strangers."""
    return {who: min(pair) for pair in sorted(pairs) for who in pair}


def _unreviewed(plan: Any, rules: Any) -> Any:
    """Forget what the commission has accepted."""
    return (need._replace(accepted_lots=None) for need in NEEDS(plan, rules))


BUGS: dict[str, tuple[Any, str, Any, Callable[[], list[str]]]] = {
    "a suspension lasts a moment too long": (people, "_is_over", lambda a, at: OVER(a, at - 1), tour_of_people),
    "a suspension ends a moment too early": (people, "_is_over", lambda a, at: OVER(a, at + 1), tour_of_people),
    "only one lack is enough": (people, "_missing", lambda *a: list(MISSING(*a))[1:], tour_of_people),
    "affiliates of affiliates are strangers": (people, "groups", _only_pairs, tour_of_people),
    "the exchange trades with itself": (people, "_barred", lambda *_: (), tour_of_people),
    "nothing need be shown": (people, "_missing", lambda *_: [], tour_of_people),
    "any province will do": (people, "check_province", lambda *_: None, tour_of_people),
    "whoever may not come back comes back": (people, "_check_may_return", lambda *_: None, tour_of_people),
    "the venue's own hands are suspended": (people, "_check_removable", lambda *_: None, tour_of_people),
    "what was reported is replaced in silence": (supply, "check_correction", lambda *_: None, tour_of_reports),
    "a correction forgets what stood": (supply, "_parts", lambda _: (0, 0, 0), tour_of_reports),
    "whoever is late is heard": (plans, "_check_in_time", lambda *_: None, tour_of_plans),
    "the last day is a day too early": (
        plans,
        "_check_in_time",
        lambda today, last, what: IN_TIME(today, last and day_after(last, -1), what),
        tour_of_plans,
    ),
    "nobody waits for corrections": (plans, "_check_corrections_ended", lambda *_: None, tour_of_plans),
    "the review is forgotten": (plans, "_needs", _unreviewed, tour_of_plans),
    "the month itself is counted from": (
        plans,
        "_deadline",
        lambda first, days: None if days is None else day_after(f"{first}-01", -days),
        tour_of_plans,
    ),
    "a late plan is in time": (plans, "_late_days", lambda *_: 0, tour_of_plans),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tour that passes without the bug does not pass with it."""
    module, name, wrong, tour = BUGS[bug]
    monkeypatch.setattr(module, name, wrong)
    assert caught(tour)
