"""Every command has a place at the desk for each role that may send it, or a reason why it has none."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest
from tests.desk_venue import PERIODS, Venue, addresses, opened, order
from tests.venue_samples import DAY, MONTH

from naryq.access.switches import Switch
from naryq.desk import rendering
from naryq.desk.actions import ACTIONS
from naryq.desk.forms import PERMITTED
from naryq.desk.look import Look
from naryq.desk.pages import PAGES, Page, page_at
from naryq.desk.rendering import Visit
from naryq.gateways.switching import SWITCHING
from naryq.messages import (
    AnyCommand,
    AssessProposal,
    CancelOrder,
    CloseSession,
    CompensationClaimed,
    DeclareAffiliation,
    DeclareEmergency,
    EmergencyValue,
    LegalSource,
    OpenSession,
    PayObligation,
    ProposeRuleChange,
    ReportShipment,
    RuleChange,
    StandardTerms,
    StopTrading,
    SubmitApplication,
    SubmitOrder,
    SuspendParticipant,
)
from naryq.showing.viewer import viewer_of

REFERENCE: Final = Path(__file__).parents[2] / "docs" / "reference" / "desk.md"
LOGINS: Final = ("operator", "regulator", "zhanaozen", "aktau", "mangystau")
SOURCE: Final = LegalSource(act="Order 1", url="https://law.example/1")
CLAIM: Final = CompensationClaimed("c-1", "net-1", "zhanaozen", 90_000, "a page", 36_000, 5_000_000, 1)
FORM: Final = re.compile(r'action="/desk/do/([\w-]+)"')


def test_every_command_has_an_action_or_a_reason() -> None:
    """The two lists are compared: what the desk has no form for stands on its page, with the reason."""
    reasons = dict(re.findall(r"^\| `(\w+)` \| (.{40,}) \|$", REFERENCE.read_text("utf-8"), re.MULTILINE))
    at_the_desk = {action.command for action in ACTIONS.values()} - {*SWITCHING}
    commands = {kind.__name__ for kind in get_args(AnyCommand)}
    assert commands == {kind.__name__ for kind in at_the_desk} | reasons.keys()
    assert {*reasons} == {"AdoptRulebook"}


def furnish(venue: Venue) -> None:
    """Let there be something of everything that a form is about; a seller has bought as well."""
    value = (EmergencyValue("collar_rise", 2_400),)
    declared = {"emergency_id": "e-1", "values": value, "days": 9, "reason": "a pipe has burst", "source": SOURCE}
    venue.must(DeclareEmergency, "regulator", **declared)
    venue.must(
        DeclareAffiliation, "aktau", participant_id="aktau", affiliate_id="dossor", evidence="They have one owner"
    )
    change = RuleChange("collar_fall", "2022-01-20", 2_500, SOURCE)
    venue.must(ProposeRuleChange, "regulator", proposal_id="lower", proposed=(change,), reason="fewer are refused")
    for proposal_id in ("lower", "wider-collar"):
        venue.must(AssessProposal, "operator", proposal_id=proposal_id, sessions=1)
    venue.must(StopTrading, "regulator", scope="region", target="KZ-23", reason="a leak")
    venue.must(StopTrading, "operator", scope="participant", target="press", reason="its keys are lost")
    terms = {"initiator_id": "zhanaozen", "initiator": "seller", "direction": "up", "format": "open"}
    standard: Any = {**terms, "payment": "uniform", "lots": 5, "start_price_tenge_per_tonne": 80_000}
    auction = {"kind": "standard", "instrument": "ZH-KZ", "standard": StandardTerms(**standard)}
    when = {"day": DAY, "window": "other", "delivery_month": MONTH}
    venue.must(OpenSession, "operator", session_id="rounds", **auction, **when)
    asked = {"application_id": "akimat-1", "period": PERIODS[1], "part": "outside", "province": "KZ-47"}
    venue.must(SubmitApplication, "mangystau", **asked, applicant_id="dossor", lots=5)
    venue.must(CancelOrder, "zhanaozen", session_id="day", order_id="a-1")
    venue.must(SubmitOrder, "zhanaozen", **order("z-1", "buy", 82_500, 2))


def dealt(venue: Venue) -> dict[str, str]:
    """Return an obligation that a buyer has from the day before, and one of a seller that has bought: who has which."""
    found = sorted(venue.house.state.money.obligations.items())
    named = [(name, each.opened.buyer_id) for name, each in found if not name.startswith("net-1")]
    return {who: name for name, who in named if who in {"aktau", "zhanaozen"}}


def moments(venue: Venue) -> Iterator[None]:
    """Let the day pass: as it trades, when its windows end, when sessions are closed, and a week later."""
    furnish(venue)
    yield
    venue.clock.set("16:00")
    yield
    for session_id in ("day", "rounds"):
        venue.must(CloseSession, "operator", session_id=session_id)
    yield
    for buyer, name in dealt(venue).items():
        unpaid = venue.house.state.money.obligations[name].unpaid_tiyn
        venue.must(PayObligation, buyer, obligation_id=name, amount_tiyn=unpaid)
    venue.clock.set("10:00", "2022-01-03")
    loaded = {"mass_kg": 36_000, "loaded_on": "2022-01-03"}
    for seller, (buyer, name) in zip(("zhanaozen", "atyrau"), sorted(dealt(venue).items()), strict=True):
        venue.must(ReportShipment, seller, obligation_id=name, document=f"to-{buyer}", **loaded)
    venue.must(SuspendParticipant, "regulator", participant_id="atyrau", reason="a debt")
    venue.clock.set("10:00", "2022-01-06")
    yield


def visits(venue: Venue, page: Page, person: str) -> Iterator[str]:
    """Yield the addresses of a page, and those at which it has something chosen."""
    state = venue.house.state
    chosen: dict[str, list[str]] = {
        "orders": [f"amend={name}" for name in venue.house.history.open_orders(_viewer(venue, person))],
        "obligations": [f"one={name}" for name, _ in state.money.obligations.items()],
        "settlements": [f"one={name}" for name, _ in state.money.obligations.items()],
        "participants": [f"one={name}" for name, _ in state.participants.items()],
        "plan": [f"allotment={name}" for name, _ in state.supply.allotments.items()],
    }
    chosen["plan"] += [f"application={name}" for name, _ in state.supply.periods.items()]
    for address in addresses(page, ("day", "net-1", "rounds")):
        yield address
        yield from (f"{address}?{query}" for query in chosen.get(page.key, ()))


def _viewer(venue: Venue, person: str) -> Any:
    return viewer_of(venue.house.state, person)


def forms(venue: Venue, person: str, switches: tuple[Switch, ...]) -> Iterator[str]:
    """Yield the actions of all forms that somebody finds on his pages; a claim waits, which only a shortage brings."""
    state, viewer = venue.house.state, _viewer(venue, person)
    limits = msgspec.structs.replace(state.limits, claims=state.limits.claims.insert("c-1", CLAIM))
    for page in PAGES:
        if viewer.role not in page.roles:
            continue
        for address in visits(venue, page, person):
            path, _, query = address.partition("?")
            look = Look(
                state=msgspec.structs.replace(state, limits=limits),
                history=venue.house.history,
                viewer=viewer,
                at_ns=venue.house.now_ns(),
                language="en",
                query=dict([query.split("=")]) if query else {},
                named=page_at(path)[1],
                person=person,
                switches=switches,
            )
            yield from FORM.findall(rendering.render(look, page, Visit(person, "csrf", "salt", "", address)))


def test_every_role_finds_a_form_for_all_that_it_may_send(tmp_path: Path) -> None:
    """At some moment of a day a role has a form for each command that is its own, and none that is another's."""
    with opened(tmp_path, who_may_buy=("buyer", "seller")) as venue:
        found: set[tuple[str, str]] = set()
        for number, _ in enumerate(moments(venue)):
            for person in LOGINS:
                made = Switch(participant_id=person, engaged_by=person, reason="lost", engaged_at_ns=1)
                role = venue.house.state.participants[person].role
                found |= {(action, role) for action in forms(venue, person, (made,) if number % 2 else ())}
    may = {(action.name, role) for action in ACTIONS.values() for role in action.roles}
    assert {(ACTIONS[name].command.__name__, role) for name, role in may - found} == set()
    assert found - may == set()
    assert {kind for kind in PERMITTED if kind not in {ACTIONS[name].command for name, _ in found}} == {
        kind for kind in PERMITTED if kind.__name__ == "AdoptRulebook"
    }


def test_a_form_that_is_gone_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a page taken from a role, the forms that stand nowhere else would be missed."""
    monkeypatch.setattr("tests.unit.test_desk_places.PAGES", tuple(page for page in PAGES if page.key != "reports"))
    with pytest.raises(AssertionError, match="ReportOutput"):
        test_every_role_finds_a_form_for_all_that_it_may_send(tmp_path)
