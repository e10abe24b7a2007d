"""The supply plan as each is shown it: steps and sums to everybody, what one says and owes to those it concerns."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.doors import doors
from tests.supply_script import SupplyScript
from tests.venue_samples import LINKS, PLACES, Desk, instant, order

from naryq.messages import (
    CancelOrder,
    DeclareAffiliation,
    DeclareHolidays,
    OpenSession,
    ReportOutput,
    ReportSales,
    SubmitOrder,
)
from naryq.showing import Viewer, days, members, plans, seals

OPERATOR, REGULATOR = Viewer("operator", "operator"), Viewer("regulator", "regulator")
SELLER, OTHER_SELLER = Viewer("zhanaozen", "seller"), Viewer("atyrau", "seller")
BUYER, OTHER_BUYER, PRESS = Viewer("aktau", "buyer"), Viewer("dossor", "buyer"), Viewer("press", "observer")
EVERYBODY = (OPERATOR, REGULATOR, SELLER, OTHER_SELLER, BUYER, OTHER_BUYER, PRESS)
MAKING = """
    ZH -> KZ-47 100 lots 2000 tenge
    AT -> KZ-23 100 lots 1000 tenge
    open 2022-01 on 2021-10-20
    2021-10-25 zhanaozen can ZH 30
    2021-10-25 atyrau can AT 20
    2021-10-26 aktau applies a2 platform KZ-47 6
    2021-11-01 aktau applies a1 outside KZ-47 30
    2021-11-01 dossor applies d1 outside KZ-47 20
    2021-11-02 dossor applies d2 outside KZ-23 10
"""
FULFILLED = (
    MAKING
    + """
    2021-11-25 approve
    2022-01-05 aktau refuses 2 3
    2022-01-20 zhanaozen loads 2 36
"""
)


def desk_of(text: str = FULFILLED) -> Desk:
    return SupplyScript(text, platform_share={"default": 5_000}).desk


def seen(query: Any, desk: Desk, *more: Any) -> dict[str, int]:
    """Return how many things each viewer is shown."""
    return {viewer.participant_id: len(query(desk.state, viewer, *more)) for viewer in EVERYBODY}


def names(*counts: int) -> dict[str, int]:
    return {viewer.participant_id: count for viewer, count in zip(EVERYBODY, counts, strict=True)}


def test_what_is_stated_and_applied_for_is_seen_by_who_said_it_and_the_regulator() -> None:
    """The operator and competitors see neither capacities nor applications, before the approval and after it."""
    for text in (MAKING, FULFILLED):
        desk = desk_of(text)
        assert seen(plans.capacities, desk, "2022-01") == names(0, 2, 1, 1, 0, 0, 0)
        assert seen(plans.applications, desk, "2022-01") == names(0, 4, 0, 0, 2, 2, 0)


def test_the_cut_is_shown_beside_what_was_applied_for() -> None:
    """Half of the thirty lots for Mangystau go outside, pro rata to 30 and 20: nine lots and six."""
    making, desk = desk_of(MAKING), desk_of()
    before = plans.applications(making.state, BUYER, "2022-01")
    assert [(each.application.application_id, each.allotted_lots) for each in before] == [("a1", None), ("a2", None)]
    found = {
        each.application.application_id: (each.application.lots, each.allotted_lots)
        for each in plans.applications(desk.state, REGULATOR, "2022-01")
    }
    allotted = [
        sum(each.allotment.lots for each in plans.allotments(desk.state, viewer) if each.allotment.province == "KZ-47")
        for viewer in (BUYER, OTHER_BUYER)
    ]
    assert allotted == [9, 6]
    assert (found["a1"], found["d1"], found["a2"]) == ((30, 9), (20, 6), (6, None))


def test_an_approved_plan_names_only_those_who_look() -> None:
    """Everybody sees what each province receives; sources, offers and allotments only those named, and who watches."""
    desk = desk_of()
    shown = {}
    for viewer in EVERYBODY:
        (found,) = plans.plans(desk.state, viewer)
        assert found == plans.plan(desk.state, viewer, "2022-01")
        assert found.approved is not None
        assert [each.province for each in found.approved.provinces] == ["KZ-23", "KZ-47"]
        shown[viewer.participant_id] = len(found.approved.sources), len(found.approved.allotments)
    assert shown == {
        "operator": (2, 3),
        "regulator": (2, 3),
        "zhanaozen": (1, 2),
        "atyrau": (1, 1),
        "aktau": (0, 1),
        "dossor": (0, 2),
        "press": (0, 0),
    }
    assert plans.plan(desk.state, PRESS, "2022-02") is None


def test_an_allotment_says_what_has_come_of_it() -> None:
    """Three lots of nine were refused and 36 tonnes loaded: what is left is seen by its two sides and who watches."""
    desk = desk_of()
    assert seen(plans.allotments, desk) == names(3, 3, 2, 1, 1, 2, 0)
    (own,) = plans.allotments(desk.state, BUYER)
    assert (own.allotment.lots, own.refused_lots, own.shipped_kg) == (9, 3, 36_000)
    assert own.due_kg == 6 * 36_000 - 36_000
    assert len(own.documents) == 1


def test_a_duty_is_the_sellers_and_theirs_who_watch() -> None:
    """What a seller owes and what it is to offer again are shown to it, the operator and the regulator."""
    desk = desk_of()
    assert seen(plans.duties, desk) == names(2, 2, 1, 1, 0, 0, 0)
    (duty,) = plans.duties(desk.state, SELLER)
    assert (duty.short_kg, duty.offered_lots) == (duty.outside_kg - 36_000, 0)
    assert duty.withheld_lots == duty.platform_lots
    assert seen(plans.reoffers, desk) == names(1, 1, 1, 0, 0, 0, 0)
    (again,) = plans.reoffers(desk.state, SELLER)
    assert (again.province, again.refused_lots, again.scheduled_lots) == ("KZ-47", 3, 0)


def offering() -> Desk:
    """Return a desk with a sealed network session for the month of the plan."""
    desk = desk_of(MAKING + "2021-11-25 approve")
    desk.at_ns = instant("09:00", "2021-12-31")
    terms = {"day": "2021-12-31", "window": "plan", "delivery_month": "2022-01", "places": PLACES, "links": LINKS}
    desk.at_ns = desk.must(OpenSession, "operator", session_id="net", **terms).opens_at_ns
    return desk


def told(desk: Desk) -> dict[str, bytes]:
    return {who.participant_id: msgspec.json.encode(plans.duties(desk.state, who)) for who in EVERYBODY}


def test_an_offer_under_seal_changes_nobody_elses_duty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealed offer counts for the seller at once and for all others not before it is open; a planted leak is seen."""
    desk = offering()
    before = told(desk)
    fields = order("s1", "ZH", "sell", price=88_000, lots=4, session_id="net")
    desk.must(SubmitOrder, "zhanaozen", **fields)
    during = told(desk)
    assert {who for who, text in during.items() if text != before[who]} == {"zhanaozen"}
    assert plans.duties(desk.state, SELLER)[0].offered_lots == 4
    monkeypatch.setattr(seals, "is_sealed", lambda _: False)
    assert {who for who, text in told(desk).items() if text != before[who]} == {"zhanaozen", "operator", "regulator"}
    monkeypatch.undo()
    desk.must(CancelOrder, "zhanaozen", session_id="net", order_id="s1")
    assert told(desk) == before


def test_reports_and_what_is_missing_are_seen_by_whom_they_concern() -> None:
    """In February a seller sees what it owes, the regulator everything, and nobody else anything."""
    desk = desk_of()
    desk.at_ns = instant("10:00", "2022-02-20")
    assert seen(plans.overdue, desk, desk.at_ns) == names(0, 6, 2, 2, 0, 0, 0)
    figures = {"own_output_kg": 900_000, "tolled_output_kg": 0, "shipped_in_plan_kg": 0, "shipped_outside_plan_kg": 0}
    desk.must(ReportOutput, "zhanaozen", month="2022-01", plant="ZH", **figures)
    sold = {"sold_kg": 1, "used_kg": 1, "wholesale_tenge_per_tonne": 38_000, "retail_tiyn_per_litre": 5_000}
    desk.must(ReportSales, "regulator", month="2022-01", province="KZ-47", **sold)
    assert seen(plans.overdue, desk, desk.at_ns) == names(0, 4, 1, 2, 0, 0, 0)
    assert seen(plans.outputs, desk) == names(0, 1, 1, 0, 0, 0, 0)
    assert seen(plans.sales, desk) == names(0, 1, 0, 0, 0, 0, 0)


def test_affiliates_are_seen_by_the_two_and_by_who_watches() -> None:
    """A declared pair is shown to both, the operator and the regulator; days without trading to everybody."""
    desk = desk_of(MAKING)
    desk.must(DeclareAffiliation, "aktau", participant_id="aktau", affiliate_id="atyrau", evidence="one owner")
    assert seen(members.affiliations, desk) == names(1, 1, 0, 1, 1, 0, 0)
    desk.must(DeclareHolidays, "operator", year=2022, days=("2022-01-03",), source="Resolution 1")
    assert [each.days for each in days.holidays(desk.state)] == [("2022-01-03",)]
    assert days.series(desk.state) == ()


# --- Over REST ------------------------------------------------------------------------------------------------------


def test_rest_shows_the_plan_in_pages_and_not_twice(tmp_path: Path) -> None:
    """Allotments come in pages that join, with a tag that is answered with 304; another's plan is not told."""

    async def scenario() -> None:
        async with doors(desk_of(), tmp_path) as venue:
            items: list[Any] = []
            more = "?limit=1"
            while more:
                part = (await venue.ask("regulator", "GET", f"/v1/allotments{more}")).json()
                items += part["items"]
                more = f"?limit=1&cursor={part['next_cursor']}" if part["next_cursor"] else ""
            assert [item["allotment"]["allotment_id"] for item in items] == [f"2022-01/{each}" for each in (1, 2, 3)]
            first = await venue.ask("aktau", "GET", "/v1/plans/2022-01")
            again = await venue.ask("aktau", "GET", "/v1/plans/2022-01", if_none_match=first.headers["etag"])
            assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
            assert b"dossor" not in first.content
            missing = await venue.ask("aktau", "GET", "/v1/plans/2022-02/applications")
            assert (missing.status_code, missing.json()["where"]) == (404, "period")
            for path in ("duties", "reoffers"):
                assert len((await venue.ask("zhanaozen", "GET", f"/v1/{path}")).json()["items"]) == 1
                assert (await venue.ask("aktau", "GET", f"/v1/{path}")).status_code == 403

    asyncio.run(scenario())


def test_a_plan_is_made_over_rest_and_read_back(tmp_path: Path) -> None:
    """From the opening to a refused lot every step is sent and read over REST, by the one whose step it is."""
    desk = SupplyScript("", platform_share={"default": 5_000}).desk
    link = {"source": "ZH", "target": "KZ-47", "capacity_lots": 50, "tariff_tenge_per_tonne": 2_000}

    async def scenario() -> None:
        async with doors(desk, tmp_path) as venue:

            async def send(day: str, who: str, method: str, path: str, **body: Any) -> None:
                venue.clock.at_ns = max(venue.clock.at_ns + 1, instant("10:00", day))
                answer = await venue.send(who, method, path, body, key=f"k{venue.clock.at_ns}")
                assert answer.status_code == 200, answer.text

            async def read(who: str, path: str) -> Any:
                return (await venue.ask(who, "GET", path)).json()["items"]

            await send("2021-10-20", "regulator", "POST", "/v1/plans", period="2022-01", links=[link])
            await send("2021-10-25", "zhanaozen", "PUT", "/v1/plans/2022-01/capacities", plant="ZH", lots=20)
            application = {"part": "outside", "province": "KZ-47", "lots": 30}
            path = "/v1/plans/2022-01/applications"
            await send("2021-11-01", "aktau", "POST", path, application_id="a1", applicant_id="aktau", **application)
            assert [item["allotted_lots"] for item in await read("aktau", path)] == [None]
            await send("2021-11-20", "regulator", "POST", "/v1/plans/2022-01/approve")
            (allotted,) = await read("aktau", "/v1/allotments")
            assert [item["allotted_lots"] for item in await read("aktau", path)] == [allotted["allotment"]["lots"]]
            refuse = "/v1/allotments/2022-01/1/refuse"
            await send("2022-01-05", "aktau", "POST", refuse.replace("2022-01/1", "2022-01%2F1"), lots=2, reason="full")
            assert [item["refused_lots"] for item in await read("zhanaozen", "/v1/reoffers")] == [2]
            assert [item["outside_lots"] for item in await read("press", "/v1/supplies")] == [10]

    asyncio.run(scenario())
