"""The desk in a real browser: a day of trading by four roles, and every page as everybody must be able to use it.

Screenshots go to the folder that NARYQ_SCREENSHOTS names, and nowhere where it names none.
"""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.browser.chromium import TOO_WIDE, findings, launched
from tests.desk_venue import PASSWORD, Venue, addresses, opened, served

from naryq.desk.pages import PAGES
from naryq.desk.words import LANGUAGES
from naryq.messages import AssessProposal

LOGINS: Final = {"operator": "operator", "regulator": "regulator", "seller": "zhanaozen", "buyer": "aktau"}
LOGIN_OF: Final = {"observer": "press", **LOGINS}
ADDRESSES: Final = tuple(
    (role, address)
    for role in LOGIN_OF
    for page in PAGES
    if role in page.roles
    for address in addresses(page, ("day", "net-1"))
)
"""Every page of every role; of the sessions one that trades and one that is cleared."""
WIDTHS: Final = (360, 768, 1280, 1920)
FULL: Final = os.environ.get("NARYQ_BROWSER") == "full"
"""Whether each page of each role is looked at in every language; by default each page once, in one, in turn."""
LOOKED_AT: Final = ADDRESSES if FULL else tuple({path: (role, path) for role, path in ADDRESSES}.values())
"""What the checks of every page go through; by default each page as the last of the roles that have it sees it."""
ROLES: Final = tuple(dict.fromkeys(role for role, _ in LOOKED_AT))
RULES: Final = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SMALL_TARGETS: Final = """() => [...document.querySelectorAll('button, nav a, summary, input, select, .act, .mark')]
    .filter(one => one.checkVisibility() && one.type !== 'hidden' && !one.closest('.choice, .check'))
    .filter(one => one.getBoundingClientRect().height < 24)
    .map(one => `${one.tagName} ${one.className} ${one.textContent.trim()}`)"""
"""Lists targets lower than 24 pixels (WCAG 2.2, 2.5.8)."""

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    with opened(tmp_path_factory.mktemp("desk")) as made:
        made.must(AssessProposal, "operator", proposal_id="wider-collar", sessions=5)
        yield made


@pytest.fixture(scope="module")
def address(venue: Venue) -> Iterator[str]:
    with served(venue) as found:
        yield found


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        made.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def desk(venue: Venue, address: str, contexts: Callable[..., BrowserContext]) -> Opener:
    """Return what signs somebody in, in a window of his own."""

    def open_desk(login: str, language: str = "en", **options: Any) -> Page:
        context = contexts(**options)
        page = context.new_page()
        speaking(page, address, language)
        page.goto(f"{address}/desk/sign-in")
        signed_in(page, venue, login)
        return page

    return open_desk


def signed_in(page: Page, venue: Venue, login: str) -> None:
    """Sign in by the keyboard alone: the first field is reached by tabbing, the form is sent by Enter."""
    page.locator("#login").focus()
    page.keyboard.type(login)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(venue.code(login))
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk")


def shot(page: Page, name: str) -> None:
    folder = os.environ.get("NARYQ_SCREENSHOTS")
    if folder:
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def pressed(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name, exact=isinstance(name, str)).first.click()


# --- Everybody can use every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_axe_finds_nothing_serious(desk: Opener, address: str, role: str) -> None:
    """On every page of a role, by day and by night, in one language in turn or in all, axe finds nothing serious."""
    page = desk(LOGIN_OF[role])
    found: list[str] = []
    for number, path in enumerate(path for of, path in LOOKED_AT if of == role):
        for language in LANGUAGES if FULL else (LANGUAGES[number % len(LANGUAGES)],):
            speaking(page, address, language)
            page.emulate_media(color_scheme="dark" if number % 2 else "light")
            page.goto(address + path)
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            found += [f"{language} {path}: {each}" for each in judged(page)]
    assert found == []


def speaking(page: Page, address: str, language: str) -> None:
    """Let a visitor have chosen a language."""
    host = address.removeprefix("http://").partition(":")[0]
    page.context.add_cookies([{"name": "naryq_language", "value": language, "domain": host, "path": "/desk"}])


def judged(page: Page) -> list[str]:
    """Return what axe finds serious or critical, as short lines."""
    violations = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:160]}"
        for each in violations
        if each["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("document.querySelector('label').remove()", "label"),
        ("document.querySelector('.field label').style.color = '#c9c5bb'", "color-contrast"),
        ("document.documentElement.removeAttribute('lang')", "html-has-lang"),
    ],
)
def test_axe_sees_a_planted_fault(contexts: Callable[..., BrowserContext], address: str, fault: str, rule: str) -> None:
    """A field without a label, a faint text and a page without a language are seen at the door."""
    page = contexts().new_page()
    page.goto(f"{address}/desk/sign-in")
    assert judged(page) == []
    page.evaluate(fault)
    assert [each.partition(":")[0] for each in judged(page)] == [rule]


@pytest.mark.parametrize("role", ROLES)
def test_no_page_scrolls_sideways(desk: Opener, address: str, role: str) -> None:
    """From 360 to 1920 pixels no page of a role is wider than its window, and every target is 24 pixels high."""
    page = desk(LOGIN_OF[role])
    found: list[str] = []
    for language in LANGUAGES if FULL else ("ru",):
        speaking(page, address, language)
        for path in (path for of, path in LOOKED_AT if of == role):
            page.goto(address + path)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                checks = (*findings(page, TOO_WIDE), *findings(page, SMALL_TARGETS))
                found += [f"{language} {path} at {width}: {each}" for each in checks]
    assert found == []


def test_a_page_that_is_too_wide_is_seen(desk: Opener) -> None:
    """The check of the width catches a planted element, and that of the targets a button of nine pixels."""
    page = desk("press")
    page.evaluate("document.querySelector('h1').style.minWidth = '3000px'")
    assert findings(page, TOO_WIDE) != []
    page.evaluate("document.querySelector('.pick button').style.cssText = 'height:9px;min-height:0;padding:0'")
    assert len(findings(page, SMALL_TARGETS)) == 1


def test_nothing_is_fetched_from_elsewhere_and_nothing_complains(desk: Opener, address: str) -> None:
    """A page asks the venue alone for anything, within its own policy, and the console stays silent."""
    page = desk("aktau")
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/desk/sessions/day")
    expect(page.locator(".live")).to_have_text("Live")
    assert asked
    assert all(each.startswith(f"{address}/desk") for each in asked)
    assert complaints == []
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<script>window.evil = 1</script>')")
    page.evaluate("document.body.appendChild(document.createElement('script')).textContent = 'window.evil = 1'")
    assert page.evaluate("window.evil") is None
    assert any("Content Security Policy" in each for each in complaints)


# --- By the keyboard, and without scripts ---------------------------------------------------------------------------


def test_an_order_by_the_keyboard_alone(desk: Opener, address: str) -> None:
    """From the skip link over the ticket to the order that stands, no pointer is needed and the focus can be seen."""
    page = desk("aktau")
    page.goto(f"{address}/desk/sessions/day")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    tabbed(page, "side")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Tab")
    page.keyboard.type("7")
    page.keyboard.press("Tab")
    page.keyboard.type("79200")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="0 of 7 lots traded at once")).to_be_visible()
    expect(page.locator("#part-own")).to_contain_text("79\u202f200")


def tabbed(page: Page, name: str) -> None:
    """Press Tab until a field has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"the field {name} is not reached by the keyboard")


def test_a_refused_field_has_the_focus(desk: Opener, address: str) -> None:
    """After a refusal the focus is in the field that it names, which says so to a reader; what was typed stays."""
    page = desk("aktau")
    page.goto(f"{address}/desk/sessions/day")
    page.get_by_label("Lots", exact=True).fill("2")
    page.get_by_label("Price, tenge/t").fill("300 000")
    pressed(page, "Send the order")
    field = page.get_by_label("Price, tenge/t")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("300 000")
    expect(field).to_have_accessible_description(re.compile("above the collar.*Give at most", re.DOTALL))


def test_everything_works_without_scripts(desk: Opener, address: str) -> None:
    """With scripts off an order is sent, amended and taken back, and the language is changed."""
    page = desk("aktau", java_script_enabled=False)
    page.goto(f"{address}/desk/sessions/day")
    page.get_by_label("Lots", exact=True).fill("3")
    page.get_by_label("Price, tenge/t").fill("78500")
    pressed(page, "Send the order")
    row = page.locator("#part-own tr", has_text="78\u202f500")
    row.get_by_role("link", name=re.compile("Amend")).click()
    page.get_by_label(re.compile("^Lots")).fill("2")
    pressed(page, "Amend")
    row = page.locator("#part-own tr", has_text="78\u202f500")
    expect(row.locator("td.n").nth(1)).to_have_text("2")
    row.get_by_role("button", name=re.compile("Cancel")).click()
    expect(page.locator("#part-own tr", has_text="78\u202f500")).to_have_count(0)
    page.get_by_role("button", name="KK Қазақша").click()
    expect(page.locator("h1")).to_have_text("Өтінімдер")


def test_a_page_stays_fresh_and_keeps_what_is_typed(desk: Opener, address: str) -> None:
    """Another's order appears in the open book by itself, and a half-filled ticket is left as it is."""
    buyer, seller = desk("aktau"), desk("zhanaozen")
    for page in (buyer, seller):
        page.goto(f"{address}/desk/sessions/day")
    expect(buyer.locator(".live")).to_have_text("Live")
    buyer.get_by_label("Lots", exact=True).fill("11")
    seller.get_by_label("Lots", exact=True).fill("9")
    seller.get_by_label("Price, tenge/t").fill("84700")
    pressed(seller, "Send the order")
    expect(buyer.locator("#part-book")).to_contain_text("84\u202f700")
    expect(buyer.get_by_label("Lots", exact=True)).to_have_value("11")
    buyer.get_by_role("button", name="Put the price 84\u202f700 into the ticket").click()
    expect(buyer.get_by_label("Price, tenge/t")).to_have_value("84700")


# --- A plan -------------------------------------------------------------------------------------------------------


def test_a_plan_is_made_by_three_roles(desk: Opener, address: str) -> None:
    """The regulator opens a plan, a seller and a buyer take part by the keyboard, and see how it is shared out."""
    regulator, seller, buyer = desk("regulator"), desk("zhanaozen"), desk("aktau")
    regulator.goto(f"{address}/desk/plans")
    regulator.get_by_label("Period").fill("2022-03")
    ways = regulator.get_by_label("Ways from plants to provinces")
    ways.fill("ZH; KZ-47; 100")
    pressed(regulator, "Open a plan")
    expect(ways).to_be_focused()
    expect(ways).to_have_accessible_description(re.compile("has 3 parts and not 4.*A line each", re.DOTALL))
    ways.fill("ZH; KZ-47; 100; 2000")
    pressed(regulator, "Open a plan")
    expect(regulator.locator("#part-plans")).to_contain_text("2022-03")
    for page, label, typed in ((seller, "Plant", ["40"]), (buyer, "Application", ["plan-1", "outside", "", "", "60"])):
        page.goto(f"{address}/desk/plans/2022-03")
        page.get_by_label(label, exact=True).focus()
        for key in typed if page is buyer else ["", *typed]:
            page.keyboard.type(key)
            page.keyboard.press("Tab")
        pressed(page, "Apply for gas" if page is buyer else "State the capacity")
        expect(page.locator(".banner.good")).to_be_visible()
    regulator.goto(f"{address}/desk/plans/2022-03")
    expect(regulator.locator("#part-applications")).to_contain_text("plan-1")
    pressed(regulator, "Share out and approve")
    pressed(regulator, "Share out and approve")
    expect(regulator.locator("#part-state")).to_contain_text("Approved")
    shot(regulator, "regulator-plan")
    expect(buyer.locator("#part-applications tr", has_text="plan-1")).to_contain_text("23.3")
    shot(buyer, "buyer-plan")


# --- A day ----------------------------------------------------------------------------------------------------------


def test_a_day_of_trading_by_four_roles(tmp_path: Path, browser: Browser) -> None:
    """The operator opens a session, two trade in it, the regulator stops and resumes it, and all is settled."""
    with opened(tmp_path) as venue, served(venue) as address:
        contexts = {role: browser.new_context(viewport={"width": 1280, "height": 900}) for role in LOGINS}
        pages = {}
        for role, context in contexts.items():
            pages[role] = context.new_page()
            speaking(pages[role], address, "en")
            pages[role].goto(f"{address}/desk/sign-in")
            signed_in(pages[role], venue, LOGINS[role])
        _the_operator_opens(pages["operator"], venue, address)
        _they_trade(pages["seller"], pages["buyer"], address)
        _the_regulator_stops(pages["regulator"], pages["buyer"], address)
        _the_operator_closes(pages["operator"], venue, address)
        _they_settle(pages["seller"], pages["buyer"], venue, address)
        _the_default_is_declared(pages["operator"], venue, address)
        _the_effect_is_assessed(pages["operator"], address)
        _the_flag_is_closed(pages["regulator"], venue, address)
        for context in contexts.values():
            context.close()


def _the_operator_opens(page: Page, venue: Venue, address: str) -> None:
    """Admit a buyer, take its money, and open a book over the instrument for the Republic."""
    page.goto(f"{address}/desk/participants")
    page.get_by_label(re.compile("^Participant")).fill("beyneu")
    page.get_by_label("Name", exact=True).fill("Beyneu Stations")
    page.get_by_label("Role").select_option("buyer")
    shot(page, "operator-participants")
    pressed(page, "Admit a participant")
    expect(page.locator("#part-members")).to_contain_text("Beyneu Stations")
    page.goto(f"{address}/desk/calendar")
    form = page.locator("#open-session")
    form.get_by_label("Session", exact=True).fill("afternoon")
    form.get_by_label("Instrument").select_option("ZH-KZ")
    form.get_by_label("Window").select_option("other")
    form.get_by_label("Delivery month").fill("2022-01")
    shot(page, "operator-calendar")
    pressed(page, "Open a session")
    expect(page.locator("#part-steps")).to_contain_text("afternoon")
    assert venue.house.state.sessions["afternoon"].phase == "continuous"


def _they_trade(seller: Page, buyer: Page, address: str) -> None:
    """Offer twenty lots, and buy twelve of them."""
    for page, lots, price in ((seller, "20", "83000"), (buyer, "12", "83 500")):
        page.goto(f"{address}/desk/sessions/afternoon")
        page.get_by_label("Lots", exact=True).fill(lots)
        page.get_by_label("Price, tenge/t").fill(price)
        if page is buyer:
            page.get_by_label("Delivered to").select_option("KZ-23")
        pressed(page, "Send the order")
    expect(buyer.get_by_role("status").filter(has_text="12 of 12 lots traded at once")).to_be_visible()
    expect(buyer.locator("#part-fills")).to_contain_text("83\u202f000")
    expect(seller.locator("#part-own")).to_contain_text("8")
    shot(buyer, "buyer-session")
    shot(seller, "seller-session")


def _the_regulator_stops(regulator: Page, buyer: Page, address: str) -> None:
    """Stop the session after a confirmation; the buyer sees it at once and is refused; then resume."""
    regulator.goto(f"{address}/desk/sessions/afternoon")
    regulator.get_by_role("link", name="Stop this session").click()
    regulator.get_by_label("Reason").first.fill("The price has moved without a reason")
    pressed(regulator, "Stop trading")
    expect(regulator.get_by_role("heading", name="Please confirm")).to_be_visible()
    shot(regulator, "regulator-confirm")
    pressed(regulator, "Stop trading")
    expect(regulator.locator("#part-stops")).to_contain_text("The price has moved without a reason")
    shot(regulator, "regulator-stop")
    expect(buyer.locator("#part-stops")).to_contain_text("Trading is stopped")
    buyer.get_by_label("Lots", exact=True).fill("1")
    buyer.get_by_label("Price, tenge/t").fill("83000")
    pressed(buyer, "Send the order")
    expect(buyer.get_by_role("alert")).to_contain_text("Trading is stopped")
    regulator.locator("section", has_text="What stands stopped").get_by_label("Reason").fill("It has been explained")
    pressed(regulator, "Resume trading")
    pressed(regulator, "Resume trading")
    expect(regulator.locator("#part-stops")).to_be_empty()


def _the_operator_closes(page: Page, venue: Venue, address: str) -> None:
    """Take the session back into its continuous phase, close it at the end of its window, and publish it."""
    page.goto(f"{address}/desk/sessions/afternoon")
    page.get_by_label("Phase", exact=True).select_option("continuous")
    page.get_by_label("Reason").fill("The stop is lifted")
    pressed(page, "Change the phase")
    expect(page.locator("#part-phase")).to_contain_text("Continuous")
    venue.clock.set("16:00")
    signed_in_again(page, venue, "operator", address)
    page.goto(f"{address}/desk/sessions/afternoon")
    pressed(page, "Close")
    expect(page.locator("#part-phase")).to_contain_text("Closed")
    pressed(page, "Publish")
    expect(page.locator("#part-phase")).to_contain_text("Published")
    shot(page, "operator-session")


def _they_settle(seller: Page, buyer: Page, venue: Venue, address: str) -> None:
    """Pay, and two days later load and receive what was dealt in the afternoon."""
    (obligation,) = (name for name, _ in venue.house.state.money.obligations.items() if name.startswith("afternoon"))
    for page, login in ((buyer, "aktau"), (seller, "zhanaozen")):
        signed_in_again(page, venue, login, address)
    buyer.goto(f"{address}/desk/obligations")
    buyer.get_by_role("link", name=obligation).click()
    pressed(buyer, "Pay")
    expect(buyer.locator(".banner.good")).to_be_visible()
    # Gas is loaded two days after it was paid for, and not before.
    venue.clock.set("10:00", "2022-01-02")
    for page, login in ((buyer, "aktau"), (seller, "zhanaozen")):
        signed_in_again(page, venue, login, address)
    seller.goto(f"{address}/desk/obligations?one={obligation}")
    seller.get_by_label("Loading document").fill("waybill-1")
    seller.get_by_label("Tank cars or trucks").fill("53 001, 53002")
    pressed(seller, "Report the loading")
    expect(seller.get_by_role("region", name="Loading documents")).to_contain_text("waybill-1")
    buyer.goto(f"{address}/desk/obligations?one={obligation}")
    pressed(buyer, "Confirm the receipt")
    expect(buyer.locator("#part-obligations tr", has_text=obligation)).to_contain_text("Performed")
    shot(buyer, "buyer-obligations")
    assert venue.house.state.money.obligations[obligation].closing == "performed"
    buyer.goto(f"{address}/desk/account")
    shot(buyer, "buyer-account")


def _the_default_is_declared(page: Page, venue: Venue, address: str) -> None:
    """After a deadline the queue has who has not paid; the default is declared after a confirmation."""
    venue.clock.set("10:00", "2022-01-06")
    signed_in_again(page, venue, "operator", address)
    page.goto(f"{address}/desk/settlements")
    item = page.locator("#part-due li").first
    item.get_by_label("Reason").fill("It has not paid")
    shot(page, "operator-settlements")
    item.get_by_role("button").click()
    page.get_by_role("button", name="Declare the default").click()
    expect(page.locator("#part-all")).to_contain_text("Defaulted")
    assert any(each.failed for _, each in venue.house.state.money.obligations.items())


def signed_in_again(page: Page, venue: Venue, login: str, address: str) -> None:
    """Sign in after the session was over."""
    page.goto(f"{address}/desk/sign-in")
    signed_in(page, venue, login)


def _the_effect_is_assessed(operator: Page, address: str) -> None:
    """The operator has proposed a change, and lets its effect be worked out."""
    operator.goto(f"{address}/desk/rules")
    pressed(operator, "Assess the effect")
    expect(operator.get_by_text("Its effect").first).to_be_visible()
    shot(operator, "operator-rules")
    operator.get_by_role("link", name="Run them again").click()
    expect(operator.get_by_role("table", name="Effect by session")).to_contain_text("day-before")
    expect(operator.get_by_role("table", name="Orders judged otherwise")).to_contain_text("too_many_lots")
    shot(operator, "operator-replay")


def _the_flag_is_closed(page: Page, venue: Venue, address: str) -> None:
    """The regulator signs in anew, approves the proposal, looks at a flag and closes it with what was found."""
    signed_in_again(page, venue, "regulator", address)
    page.goto(f"{address}/desk/rules")
    pressed(page, "Approve")
    pressed(page, "Approve")
    expect(page.get_by_role("article").first).to_contain_text("Approved")
    for name in ("limits", "prices", "surveillance"):
        page.goto(f"{address}/desk/{name}")
        shot(page, f"regulator-{name}")
    before = sum(flag.closed is None for _, flag in venue.house.state.watch.flags.items())
    first = page.get_by_role("article").first
    first.get_by_label("Explained").check()
    first.get_by_label("Reason").fill("There are only two sellers")
    first.get_by_role("button", name="Close the flag").click()
    expect(page.locator("#part-closed")).to_contain_text("There are only two sellers")
    assert sum(flag.closed is None for _, flag in venue.house.state.watch.flags.items()) == before - 1
