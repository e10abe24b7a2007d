"""The desk's door without a browser: who gets which page, what a form becomes, and what is turned away."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.desk_venue import PEOPLE, Venue, Visitor, addresses, forms_of, opened, order, visited

from naryq.desk.actions import ACTIONS
from naryq.desk.doors import FORM_BYTES_MAX, HEADERS, _inside
from naryq.desk.pages import PAGES, Page
from naryq.desk.rendering import is_address
from naryq.messages import Deposit, SubmitOrder, SuspendParticipant

ROLES = {"operator": "operator", "regulator": "regulator", "seller": "zhanaozen", "buyer": "aktau", "observer": "press"}
EVIL = "<script>alert(1)</script>'\"><img src=x onerror=alert(1)>&amp;"
Doors = tuple[Venue, Callable[..., Visitor]]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A furnished venue that tests may trade in, as long as they do not count on what others left."""
    with opened(tmp_path_factory.mktemp("desk")) as venue, visited(venue) as visitor:
        yield venue, visitor


def address_of(page: Page) -> str:
    return addresses(page)[0]


# --- The door -------------------------------------------------------------------------------------------------------


def test_nobody_gets_in_without_signing_in(doors: Doors) -> None:
    """Every page, the live stream and every form lead to the door, which remembers the page and nothing else."""
    visitor = doors[1]()
    for page in PAGES:
        answer = visitor.get(address_of(page))
        assert answer.url.path == "/desk/sign-in"
        assert answer.url.params.get("back", "/desk") == address_of(page)
    assert visitor.get("/desk/live?page=/desk").url.path == "/desk/sign-in"
    assert visitor.post("/desk/do/submit-order", csrf="").url.path == "/desk/sign-in"
    assert visitor.get("/").url.path == "/desk/sign-in"


@pytest.mark.parametrize("wrong", ["login", "password", "code"])
def test_a_wrong_login_password_or_code_is_refused_alike(doors: Doors, wrong: str) -> None:
    """Whatever is wrong, the answer is the same, the login stays in its field, and the password does not."""
    venue, make = doors
    right = {"login": "dossor", "password": "correct horse battery", "code": venue.code("dossor")}
    answer = make().post("/desk/sign-in", {**right, wrong: "999999"}, back="/desk")
    assert answer.status_code == 401
    assert "The login, the password or the one-time code is wrong" in answer.text
    assert "correct horse" not in answer.text


def test_a_session_ends_when_it_is_ended(doors: Doors) -> None:
    """Who signs out is out, also with the cookie that he had."""
    visitor = doors[1]("press")
    cookie = visitor.client.cookies["naryq_desk"]
    (form,) = (form for form in forms_of(visitor.get("/desk").text) if form.action == "/desk/sign-out")
    assert visitor.post("/desk/sign-out", form.values).url.path == "/desk/sign-in"
    visitor.client.cookies.set("naryq_desk", cookie, path="/desk")
    assert visitor.get("/desk").url.path == "/desk/sign-in"


def test_the_way_back_stays_on_the_desk() -> None:
    """No address of another site, no other scheme and no split header is ever a way back."""
    outside = ("https://evil.example/", "//evil.example/desk", "/\\evil.example", "javascript:alert(1)", "/v1/orders")
    assert [_inside(address) for address in (*outside, "/desk\r\nX: y", "http://[", "/deskx")] == ["/desk"] * 8
    assert _inside("/desk/sessions/a%2Fb?x=1&y=%3Cb%3E") == "/desk/sessions/a/b?x=1&y=%3Cb%3E"


def test_every_answer_has_the_headers_that_keep_a_page_safe(doors: Doors) -> None:
    """Pages, refusals, redirects and the door have a policy that admits our own files alone; nothing is kept."""
    visitor = doors[1]("aktau")
    visitor.client.follow_redirects = False
    for path in ("/desk", "/desk/nowhere", "/desk/rules", "/", "/desk/sign-in"):
        answer = visitor.get(path)
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, path
        assert " style=" not in answer.text
        assert "onclick" not in answer.text


def test_files_may_be_kept_for_ever(doors: Doors) -> None:
    """The style sheet and the script have a digest in their address; what is no file of the pages is not there."""
    visitor = doors[1]()
    page = visitor.get("/desk/sign-in").text
    path = next(part for part in page.split('"') if part.endswith("desk.css"))
    answer = visitor.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in answer.headers["cache-control"]
    assert visitor.get("/desk/static/0/doors.py").status_code == 404


# --- Who may what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_its_pages(doors: Doors, role: str) -> None:
    """A page opens to the roles whose it is and is refused to all others, and the navigation shows only one's own."""
    visitor = doors[1](ROLES[role])
    home = visitor.get("/desk").text
    for page in PAGES:
        answer = visitor.get(address_of(page))
        assert answer.status_code == (200 if role in page.roles else 403), page.address
        assert (f'href="{page.address}"' in home) == (role in page.roles and page.is_listed)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_its_actions(doors: Doors, role: str) -> None:
    """Whatever the venue does not permit to a role is refused at the door, and the rest is heard."""
    venue, make = doors
    visitor = make(ROLES[role])
    csrf = next(form for form in forms_of(visitor.get("/desk").text) if form.action == "/desk/sign-out").values["csrf"]
    for number, action in enumerate(ACTIONS.values()):
        row = venue.house.state.sequence
        answer = visitor.post(
            f"/desk/do/{action.name}", csrf=csrf, command_id=f"m{role}{number}", form="", back="/desk"
        )
        assert (answer.status_code == 403) == (role not in action.roles), action.name
        if role not in action.roles:
            assert venue.house.state.sequence == row


def test_what_nobody_knows_is_not_there(doors: Doors) -> None:
    """A page, a session and an action that there are not are answered with a page that says so."""
    visitor = doors[1]("aktau")
    assert {visitor.get(path).status_code for path in ("/desk/nowhere", "/desk/sessions/none")} == {404}
    form = visitor.form("/desk/sessions/day", "submit-order")
    assert visitor.post("/desk/do/no-such-action", form.values).status_code == 404


# --- Forms ----------------------------------------------------------------------------------------------------------


def test_an_order_is_taken_and_said_so(doors: Doors) -> None:
    """A filled-in ticket becomes an order of whoever is signed in, and the next page says what came of it."""
    venue, make = doors
    visitor = make("aktau")
    answer = visitor.send("/desk/sessions/day", "submit-order", quantity_lots="3", price_tenge_per_tonne="79 000")
    assert (answer.status_code, answer.url.path) == (200, "/desk/sessions/day")
    assert "0 of 3 lots traded at once" in answer.text
    (stands,) = (
        order
        for _, order in venue.house.state.sessions["day"].orders.items()
        if order.participant_id == "aktau" and order.price_tenge_per_tonne == 79_000
    )
    assert (stands.side, stands.delivery, stands.quantity_lots) == ("buy", "KZ-47", 3)
    assert "lots traded at once" not in visitor.get("/desk/sessions/day").text


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        ("price_tenge_per_tonne", "300000", "The price lies above the collar"),
        ("price_tenge_per_tonne", "86900", "The price lies above the hold"),
        ("quantity_lots", "201", "Too many lots"),
        ("quantity_lots", "many", "This is not of the right kind"),
        ("quantity_lots", "", "Something is missing"),
        ("quantity_lots", "-4", "This value is not allowed"),
        ("delivery", "KZ-99", "Outside the region"),
        ("side", "sell", "You may not do this"),
        ("side", "both", "This value is not allowed"),
    ],
)
def test_a_refusal_stands_at_its_field(doors: Doors, field: str, typed: str, code: str) -> None:
    """What is refused is said at the field that the refusal names, and what was typed stays."""
    visitor = doors[1]("aktau")
    given = {"quantity_lots": "2", "price_tenge_per_tonne": "80100", field: typed}
    answer = visitor.send("/desk/sessions/day", "submit-order", **given)
    assert answer.status_code == 422
    ticket = answer.text[answer.text.index("data-ticket") :]
    error = ticket.index('class="error"')
    assert f'-{field}-error"' in ticket[error : error + 120]
    assert code in ticket[error : error + 400]
    form = next(form for form in forms_of(answer.text) if form.action == "/desk/do/submit-order")
    assert field == "side" or form.values["price_tenge_per_tonne"] == given["price_tenge_per_tonne"]
    assert form.values["quantity_lots"] == given["quantity_lots"]


def test_a_refusal_of_no_field_stands_above_the_form(doors: Doors) -> None:
    """A refusal that names no field of the form, such as of a stop, is said above it."""
    venue, make = doors
    regulator, buyer = make("regulator"), make("aktau")
    ticket = buyer.form("/desk/sessions/day", "submit-order")
    first = regulator.send("/desk/stop", "stop", scope="session", target="day", reason="a leak")
    assert "Please confirm" in first.text
    assert not len(venue.house.state.stops)
    (form,) = (form for form in forms_of(first.text) if form.action == "/desk/do/stop")
    assert "a leak" in regulator.post(form.action, form.values).text
    answer = buyer.post(ticket.action, {**ticket.values, "quantity_lots": "1", "price_tenge_per_tonne": "80000"})
    assert "data-refused" in answer.text
    assert "This session takes no orders now" in answer.text
    operators = make("operator").get("/desk/stop").text
    assert "Stopped by the regulator, who alone resumes it." in operators
    assert "/desk/do/resume" not in operators
    again = regulator.send("/desk/stop", "resume", reason="mended")
    (form,) = (form for form in forms_of(again.text) if form.action == "/desk/do/resume")
    regulator.post(form.action, form.values)
    assert not len(venue.house.state.stops)
    venue.must_reopen("day")


def test_a_form_sent_twice_is_done_once(doors: Doors) -> None:
    """The same form sent again, by a second press or a reload, makes no second order and says the same."""
    venue, make = doors
    visitor = make("aktau")
    form = visitor.form("/desk/sessions/day", "submit-order")
    filled = {**form.values, "quantity_lots": "4", "price_tenge_per_tonne": "78000"}
    before = len(venue.house.state.sessions["day"].orders)
    answers = [visitor.post(form.action, filled) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(venue.house.state.sessions["day"].orders) == before + 1
    third = visitor.post(form.action, {**filled, "quantity_lots": "5"})
    assert "This form was sent before with other values" in third.text


def test_a_form_of_another_session_or_site_is_turned_away(doors: Doors) -> None:
    """Without the session's own token, with another's, or from another site nothing is done, and the log says so."""
    venue, make = doors
    visitor, other = make("aktau"), make("dossor")
    form = visitor.form("/desk/sessions/day", "submit-order")
    filled = {**form.values, "quantity_lots": "4", "price_tenge_per_tonne": "78000"}
    row = venue.house.state.sequence
    for csrf in ("", "0" * 64, other.form("/desk/sessions/day", "submit-order").values["csrf"]):
        assert visitor.post(form.action, {**filled, "csrf": csrf}).status_code == 403
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert visitor.post(form.action, filled, headers).status_code == 403
    assert visitor.post("/desk/sign-out", csrf="").status_code == 403
    assert venue.house.state.sequence == row
    acts = venue.access.audit.entries(0, 1_000)
    assert sum(entry.act == "not_permitted" and entry.person == "aktau" for entry in acts) >= 7


def test_a_form_that_is_no_form_is_turned_away(doors: Doors) -> None:
    """JSON, bytes that are no UTF-8, too many fields and too much text are refused without an error of the program."""
    visitor = doors[1]("aktau")
    client, loop = visitor.client, visitor._loop
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for content, headers, status in (
        (b"{}", {"Content-Type": "application/json"}, 403),
        (b"csrf=%ff", kind, 403),
        (b"csrf=\xff", kind, 403),
        (b"&".join(b"a=1" for _ in range(100)), kind, 403),
        (b"a=" + b"x" * FORM_BYTES_MAX, kind, 413),
    ):
        answer = loop.run_until_complete(client.post("/desk/do/submit-order", content=content, headers=headers))
        assert answer.status_code == status


def test_what_needs_a_second_person_waits_for_one(doors: Doors) -> None:
    """A withdrawal waits, cannot be approved by who asked for it, and is carried out once when another approves."""
    venue, make = doors
    first, second = make("operator"), make("cashier")
    asked = {"participant_id": "zhanaozen", "amount_tiyn": "1 000,50", "bank_reference": "out-1"}
    answer = first.send("/desk/settlements", "withdraw", **asked)
    assert "It waits for a second person" in answer.text
    first.send("/desk/settlements", "withdraw", **{**asked, "bank_reference": "out-2"})
    assert "out-1" not in venue.house.state.money.references
    page = first.get("/desk/second").text
    assert "another person must approve it" in page
    assert "1\u202f000.50" in page
    (own, *_) = (form for form in forms_of(page) if form.action == "/desk/second")
    assert first.post("/desk/second", {**own.values, "decision": "approve"}).status_code == 403
    forms = [form for form in forms_of(second.get("/desk/second").text) if form.action == "/desk/second"]
    assert second.post("/desk/second", {**forms[0].values, "csrf": "", "decision": "approve"}).status_code == 403
    assert second.post("/desk/second", {**forms[0].values, "decision": "approve"}).status_code == 200
    assert second.post("/desk/second", {**forms[0].values, "decision": "approve"}).status_code == 403
    assert second.post("/desk/second", {**forms[-1].values, "decision": "reject"}).status_code == 200
    assert venue.house.state.money.references["out-1"] == "zhanaozen"
    assert "out-2" not in venue.house.state.money.references
    assert "Nothing waits" in second.get("/desk/second").text


def test_a_suspended_trader_is_told_why(doors: Doors) -> None:
    """Somebody who may not act gets his pages, and the reason where he tries."""
    venue, make = doors
    venue.must(SuspendParticipant, "operator", participant_id="atyrau", reason="a debt")
    answer = make("atyrau").send("/desk/sessions/day", "submit-order", quantity_lots="1", price_tenge_per_tonne="83000")
    assert "The participant is suspended" in answer.text
    assert "a debt" in answer.text


# --- What people write ----------------------------------------------------------------------------------------------


def test_no_text_becomes_markup(doors: Doors) -> None:
    """Whatever somebody may enter is shown as text on every page of every role, and refused text as well."""
    venue, make = doors
    operator, regulator, seller = make("operator"), make("regulator"), make("zhanaozen")
    operator.send("/desk/participants", "admit", participant_id="evil", name=EVIL, role="buyer")
    rule = {"proposal_id": "evil", "rule": "collar_fall", "value": "2100", "effective": "2022-01-20"}
    operator.send("/desk/rules", "propose", **rule, act=EVIL, url="https://law.example/1", reason=EVIL)
    operator.post(
        "/desk/do/suspend",
        {**operator.form("/desk/participants?one=dossor", "suspend").values, "reason": EVIL},
    )
    regulator.send("/desk/surveillance", "close-flag", finding="explained", reason=EVIL)
    first = regulator.send("/desk/stop", "stop", scope="region", target="KZ-23", reason=EVIL)
    (form,) = (form for form in forms_of(first.text) if form.action == "/desk/do/stop")
    regulator.post(form.action, form.values)
    assert {stop.reason for _, stop in venue.house.state.stops.items()} == {EVIL}
    seen = 0
    for visitor, role in ((operator, "operator"), (regulator, "regulator"), (seller, "seller")):
        for page in PAGES:
            if role in page.roles:
                text = visitor.get(address_of(page)).text
                assert "<script>alert" not in text
                assert "<img" not in text
                seen += text.count("&lt;script&gt;alert(1)")
    assert seen >= 25, "what was entered is shown somewhere"
    refused = seller.send("/desk/sessions/day", "submit-order", quantity_lots=EVIL, price_tenge_per_tonne=EVIL)
    assert "<script>alert" not in refused.text
    assert "&lt;script&gt;alert(1)" in refused.text
    for path in (f"/desk/{EVIL}", f"/desk/sessions/{EVIL}", f"/desk/orders?amend={EVIL}", f"/desk/stop?target={EVIL}"):
        assert "<script>alert" not in regulator.get(path).text
    assert "<script>alert" not in seller.post("/desk/sign-in", login=EVIL, password="x" * 20, code="1").text


def test_an_address_that_is_no_web_address_is_no_link() -> None:
    """A source's address becomes a link where it is one of the web, and is left out otherwise."""
    assert is_address("https://law.example/1")
    assert not any(
        map(is_address, ("javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "http://["))
    )


# --- Languages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_every_page_is_in_the_language_of_the_cookie(doors: Doors, language: str) -> None:
    """Each page of each role says its language, and keeps it when another is chosen."""
    venue, make = doors
    for role, login in ROLES.items():
        visitor = make(login, language)
        for page in PAGES:
            if role in page.roles:
                assert f'<html lang="{language}"' in visitor.get(address_of(page)).text
    answer = visitor.post("/desk/language", language="ru", back="/desk/prices")
    assert answer.url.path == "/desk/prices"
    assert '<html lang="ru"' in answer.text
    assert '<html lang="ru" data-theme="dark"' in visitor.post("/desk/theme", theme="dark", back="/desk").text
    assert '<html lang="ru"' in visitor.post("/desk/language", language="xx", back="/desk").text
    assert venue.house.is_ready


def test_the_samples_are_everybody() -> None:
    """Every role of the venue is among the people of these tests."""
    assert set(ROLES) == {role for role, _ in PEOPLE.values()}
    assert {SubmitOrder, Deposit} <= {action.command for action in ACTIONS.values()}


def test_a_forgotten_screen_is_signed_out(doors: Doors) -> None:
    """After half an hour without a request the session is over."""
    venue, make = doors
    visitor = make("press")
    venue.clock.pass_seconds(29 * 60)
    assert visitor.get("/desk").url.path == "/desk"
    venue.clock.pass_seconds(31 * 60)
    assert visitor.get("/desk").url.path == "/desk/sign-in"


def test_a_trader_with_many_orders_still_has_a_page(tmp_path: Path) -> None:
    """Of a hundred and fifty open orders the newest hundred are shown, and the page says how many there are."""
    with opened(tmp_path) as venue, visited(venue) as make:
        for number in range(150):
            venue.must(SubmitOrder, "aktau", **order(f"m-{number}", "buy", 70_000 + number, 1))
        text = make("aktau").get("/desk/sessions/day").text
        assert "The newest 100 of 151." in text
        assert text.count("/desk/do/cancel-order") == 100
        assert "m-149" in text
