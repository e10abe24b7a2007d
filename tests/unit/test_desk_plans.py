"""The supply at the desk: a plan made by its forms, what each sees of it, and the reports of the law."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.desk_venue import Venue, Visitor, forms_of, opened, visited

Doors = tuple[Venue, Callable[..., Visitor]]
LINKS = "ZH; KZ-47; 1 00; 2 000\nAT; KZ-47; 50; 6000\nAT; KZ-23; 50; 1000"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with opened(tmp_path_factory.mktemp("desk")) as venue, visited(venue) as visitor:
        yield venue, visitor


def confirmed(visitor: Visitor, path: str, action: str, **fields: str) -> httpx.Response:
    """Send a form that is asked back, and say yes."""
    asked = visitor.send(path, action, **fields)
    assert "Please confirm" in asked.text, asked.text
    (form,) = (form for form in forms_of(asked.text) if form.action == f"/desk/do/{action}")
    return visitor.post(form.action, form.values)


def sent(visitor: Visitor, path: str, action: str, **fields: str) -> httpx.Response:
    """Send a form that must be taken."""
    answer = visitor.send(path, action, **fields)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_plan_from_its_opening_to_what_is_owed(tmp_path: Path) -> None:
    """By forms alone a plan is opened, stated, applied for, corrected, reviewed, shared out, refused and loaded."""
    with opened(tmp_path) as venue, visited(venue) as make:
        _plan_to_its_end(venue, make)


def _plan_to_its_end(venue: Venue, make: Callable[..., Visitor]) -> None:
    regulator, akimat = make("regulator"), make("mangystau")
    seller, buyer = make("zhanaozen"), make("aktau")
    sent(regulator, "/desk/plans", "open-plan", period="2022-03", links=LINKS)
    page = "/desk/plans/2022-03"
    sent(seller, page, "state-capacity", plant="ZH", lots="40", maintenance="none")
    sent(buyer, page, "apply", application_id="m1", part="outside", province="KZ-47", lots="60")
    forms = {"application_id": "m2", "part": "outside", "province": "KZ-47", "lots": "20"}
    sent(akimat, page, "apply", **forms, applicant_id="dossor")
    sent(buyer, f"{page}?application=m1", "correct-application", lots="50", reason="a smaller depot")
    sent(regulator, page, "review", province="KZ-47", lots="60", reason="as last year")
    assert "shared out among the applications" in regulator.send(page, "approve-plan").text
    text = confirmed(regulator, page, "approve-plan").text
    plan = venue.house.state.supply.plans["2022-03"]
    assert plan.approved is not None
    lots = {each.applicant_id: each.lots for each in plan.approved.allotments}
    assert lots == {"aktau": 10, "dossor": 4}
    assert "Approved" in text
    first = "2022-03/1"
    confirmed(buyer, f"{page}?allotment={first}", "refuse-allotment", lots="2", reason="full")
    venue.clock.set("10:00", "2022-03-10")  # What was loaded before the period counts for no plan of it.
    seller = make("zhanaozen")
    loaded = {"document": "w-1", "mass_kg": "36 000", "loaded_on": "2022-03-09", "wagons": "53 001"}
    sent(seller, f"{page}?allotment={first}", "ship-allotment", **loaded)
    allotted = venue.house.state.supply.allotments[first]
    assert (allotted.refused_lots, allotted.shipped_kg) == (2, 36_000)
    assert "Refused, to be offered again" in seller.get("/desk/plans").text


@pytest.mark.parametrize(
    ("who", "path", "action", "fields", "where", "said"),
    [
        ("regulator", "/desk/plans", "open-plan", {"period": "2022-04", "links": "ZH; KZ-47"}, "links", "has 2 parts"),
        ("regulator", "/desk/plans", "open-plan", {"period": "2022-04", "links": "ZH; KZ-47; x; 1"}, "links", ""),
        ("regulator", "/desk/plans", "open-plan", {"period": "2022-04", "links": "ZH; KZ-99; 1; 1"}, "links", "KZ-99"),
        ("regulator", "/desk/plans", "open-plan", {"period": "April", "links": "ZH; KZ-47; 1; 1"}, "period", ""),
        ("regulator", "/desk/plans/2022-02", "review", {"province": "KZ-23", "lots": "99", "reason": "x"}, "lots", ""),
        ("aktau", "/desk/plans/2022-02", "apply", {"application_id": "x", "part": "outside", "province": "KZ-47",
         "lots": "5"}, "applicant_id", "has applied for this part"),
        ("zhanaozen", "/desk/plans/2022-02", "state-capacity", {"plant": "ZH", "lots": "7"}, "correction", ""),
        ("aktau", "/desk/plans/2022-01?allotment=2022-01/2", "refuse-allotment", {"lots": "", "reason": "x"}, "lots",
         "Something is missing"),
        ("zhanaozen", "/desk/reports", "report-output", {"month": "2022-01", "plant": "ZH", "own_output_kg": "1",
         "tolled_output_kg": "0", "shipped_in_plan_kg": "0", "shipped_outside_plan_kg": "0"}, "month", "is not over"),
        ("mangystau", "/desk/reports", "report-sales", {"month": "2021-11", "province": "KZ-47", "sold_kg": "1",
         "used_kg": "1", "wholesale_tenge_per_tonne": "1", "retail_tiyn_per_litre": "5,001"}, "retail_tiyn_per_litre",
         "no amount of tenge"),
        ("operator", "/desk/reports", "report-terms", {"province": "KZ-47", "delivery_month": "2022-01",
         "depot_tenge_per_tonne": "1", "station_margin_tiyn_per_litre": "31", "plan_pass_on_basis_points": "10 001"},
         "plan_pass_on_basis_points", ""),
    ],
)  # fmt: skip
def test_a_refusal_stands_at_its_field(  # noqa: PLR0917 - a row of the table
    doors: Doors, who: str, path: str, action: str, fields: dict[str, str], where: str, said: str
) -> None:
    """What is refused of a plan or a report is said at the field that it names, and what was typed stays."""
    answer = doors[1](who).send(path, action, **fields)
    assert answer.status_code == 422
    error = answer.text.index('class="error"')
    assert f'-{where}-error"' in answer.text[error : error + 120]
    assert said in answer.text[error : error + 400]
    form = next(form for form in forms_of(answer.text) if form.action == f"/desk/do/{action}")
    assert {name: form.values[name].replace("\r", "") for name in fields} == fields


def test_each_sees_what_concerns_him(doors: Doors) -> None:
    """Competitors' applications, capacities and allotments stand on no page of a trader; sums stand on everybody's."""
    make = doors[1]
    pages = {who: make(who).get("/desk/plans/2022-01").text for who in ("press", "aktau", "zhanaozen", "operator")}
    assert all("What each province receives" in text for text in pages.values())
    for who, absent in (
        ("press", ("aktau", "dossor", "zhanaozen", "atyrau", "What producers owe", "Applications")),
        ("aktau", ("dossor", "What producers owe")),
        ("zhanaozen", ("dossor", "Applications")),
        ("operator", ("aktau-outside-0",)),
    ):
        main = pages[who].partition("<main")[2]
        assert [word for word in absent if word in main] == []
    assert 'Supply plans <span class="count">' in pages["operator"], "sessions are to be announced for refused lots"
    assert 'Supply plans <span class="count">' not in pages["zhanaozen"]
    assert "aktau-outside-0" in pages["aktau"]
    assert "2022-01/3" in pages["zhanaozen"]
    assert make("press").get("/desk/plans/2023-01").status_code == 404


def test_a_report_is_seen_by_the_regulator_and_a_correction_says_why(doors: Doors) -> None:
    """A plant's month is reported once; again it wants a reason, and stands on the regulator's page with it."""
    make = doors[1]
    seller, regulator, operator = make("zhanaozen"), make("regulator"), make("operator")
    month: dict[str, Any] = {"month": "2021-11", "plant": "ZH", "own_output_kg": "900 000", "tolled_output_kg": "0"}
    month |= {"shipped_in_plan_kg": "0", "shipped_outside_plan_kg": "800 000"}
    sent(seller, "/desk/reports", "report-output", **month)
    assert seller.send("/desk/reports", "report-output", **month).status_code == 422
    sent(seller, "/desk/reports", "report-output", **month, correction="a scale was wrong")
    assert "a scale was wrong" in regulator.get("/desk/reports").text
    assert "a scale was wrong" not in operator.get("/desk/reports").text
    sold = {"sold_kg": "5", "used_kg": "4", "wholesale_tenge_per_tonne": "38 000", "retail_tiyn_per_litre": "59,60"}
    sent(make("mangystau"), "/desk/reports", "report-sales", month="2021-11", province="KZ-47", **sold)
    assert "59.60" in regulator.get("/desk/reports").text
    assert "report-sales" not in make("press").get("/desk/reports").text


def test_nothing_is_shared_out_while_applications_are_taken(tmp_path: Path) -> None:
    """Where the rules set a last day the form of the approval is not there before it is over, and the page says why."""
    venue = Venue(tmp_path).found(plan_application_days=25)
    with closing(venue), visited(venue) as make:
        regulator = make("regulator")
        sent(regulator, "/desk/plans", "open-plan", period="2022-06", links=LINKS)
        text = regulator.get("/desk/plans/2022-06").text
        assert "Applications are taken until 2022-04-06" in text
        assert "/desk/do/approve-plan" not in text
        venue.clock.set("09:00", "2022-04-07")
        assert "/desk/do/approve-plan" in make("regulator").get("/desk/plans/2022-06").text
