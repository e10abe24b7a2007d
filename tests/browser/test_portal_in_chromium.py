"""The page in a real browser: it fits, it can be read, it works without scripts, and it asks nobody for anything.

Each check is a small program that runs in the page and lists what is wrong; a planted fault shows that it would see it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from tests.browser.chromium import TOO_WIDE, chromium, findings, launched, must_run
from tests.portal_samples import PROVINCES, bulletin

from naryq.portal.page import render

WIDTHS: Final = (360, 768, 1280, 1920)
SCHEMES: Final = ("light", "dark")

OPEN_ALL: Final = "document.querySelectorAll('details').forEach(details => { details.open = true })"

TEXTS: Final = """
    const shown = element => element.checkVisibility() && !element.closest('.unseen, .skip, title, desc')
    const texts = [...document.body.querySelectorAll('*')].filter(element => shown(element) &&
        [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
"""

LOW_CONTRAST: Final = f"""() => {{
    {TEXTS}
    const channels = color => color.match(/[\\d.]+/g).map(Number)
    const light = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    const luminance = color => {{
        const [red, green, blue] = channels(color).map(value => light(value / 255))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    }}
    const ground = element => {{
        for (let one = element; one; one = one.parentElement) {{
            const color = getComputedStyle(one).backgroundColor
            if ((channels(color)[3] ?? 1) > 0) return color
        }}
        return 'rgb(255, 255, 255)'
    }}
    const under = text => {{
        const band = /^t(\\d)$/.exec(text.getAttribute('class') ?? '')
        const area = band && text.ownerSVGElement.querySelector(`path.k${{band[1]}}`)
        return area ? getComputedStyle(area).fill : ground(text)
    }}
    const ratio = element => {{
        const drawn = element instanceof SVGElement
        const style = getComputedStyle(element)
        const pair = [drawn ? style.fill : style.color, drawn ? under(element) : ground(element)].map(luminance)
        return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05)
    }}
    return texts.filter(element => ratio(element) < 4.5)
        .map(element => `${{ratio(element).toFixed(2)}}: ${{element.textContent.trim().slice(0, 60)}}`)
}}"""
"""Lists every visible text whose contrast with its ground is under 4.5 to 1 (WCAG 2.2, 1.4.3)."""

TOO_SMALL: Final = f"""() => {{
    {TEXTS}
    const scale = element => element.ownerSVGElement ? element.getScreenCTM().a : 1
    const size = element => parseFloat(getComputedStyle(element).fontSize) * scale(element)
    return texts.filter(element => size(element) < 10.9)
        .map(element => `${{size(element).toFixed(1)}} px: ${{element.textContent.trim().slice(0, 60)}}`)
}}"""
"""Lists every visible text smaller than eleven pixels, drawings included."""

COLLIDING: Final = """() => {
    const found = []
    for (const svg of document.querySelectorAll('svg[role=img]')) {
        if (!svg.checkVisibility()) continue
        const frame = svg.getBoundingClientRect()
        const boxes = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()])
        for (const [word, box] of boxes)
            if (box.left < frame.left - 8 || box.right > frame.right + 8) found.push(`${word} leaves its drawing`)
        boxes.forEach(([word, box], index) => boxes.slice(index + 1).forEach(([other, next]) => {
            const across = Math.min(box.right, next.right) - Math.max(box.left, next.left)
            const down = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top)
            if (across > 1 && down > 3) found.push(`${word} and ${other} overlap`)
        }))
    }
    return found
}"""
"""Lists the words of drawings that overlap or leave their drawing."""

UNNAMED: Final = """() => {
    const found = []
    const named = (element, what) => {
        const ids = (element.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean)
        const text = ids.map(id => document.getElementById(id)?.textContent ?? '').join('') ||
            element.getAttribute('aria-label') || element.querySelector('caption')?.textContent || ''
        if (!text.trim()) found.push(`${what} without a name`)
    }
    document.querySelectorAll('section').forEach(one => named(one, 'section'))
    document.querySelectorAll('nav').forEach(one => named(one, 'nav'))
    document.querySelectorAll('table').forEach(one => named(one, 'table'))
    document.querySelectorAll('svg:not([aria-hidden])').forEach(one => named(one, 'drawing'))
    document.querySelectorAll('a, summary').forEach(one => { if (!one.textContent.trim()) found.push('empty link') })
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))
    levels.forEach((level, index) => { if (level > (levels[index - 1] ?? 0) + 1) found.push(`heading ${level} skips`) })
    for (const [selector, count] of [['h1', 1], ['main', 1], ['header', 1], ['footer', 1], ['html[lang=en]', 1]])
        if (document.querySelectorAll(selector).length !== count) found.push(`not ${count} of ${selector}`)
    const names = [...document.querySelectorAll('nav')].map(one => one.getAttribute('aria-label'))
    if (new Set(names).size !== names.length) found.push('two navs of one name')
    return found
}"""
"""Lists headings out of order, landmarks that are missing, and parts that a screen reader could not name."""

SMALL_TARGETS: Final = """() => [...document.querySelectorAll('nav a, summary, .downloads a')]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 24)
    .map(one => one.textContent)"""
"""Lists the targets lower than 24 pixels (WCAG 2.2, 2.5.8); links inside a sentence are exempt."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("portal")
    for name, text in render(bulletin()).items():
        (folder / name).write_text(text, encoding="utf-8")
    return (folder / "index.html").as_uri()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 360, "height": 800})
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, address: str) -> Page:
    opened = context.new_page()
    opened.goto(address)
    return opened


def laid_out(page: Page, width: int, scheme: Any = "light") -> Page:
    """Show the page at a width and in a colour scheme, with everything that can be opened open."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.evaluate(OPEN_ALL)
    return page


@pytest.mark.parametrize("width", [320, *WIDTHS])
def test_the_page_never_scrolls_sideways(page: Page, width: int) -> None:
    """From 320 to 1920 pixels nothing is wider than the window, opened parts included."""
    assert findings(laid_out(page, width), TOO_WIDE) == []


def test_a_too_wide_element_is_seen(page: Page) -> None:
    """The check of the width catches a planted element that is too wide."""
    page.evaluate("document.querySelector('.lede').style.width = '700px'")
    assert findings(laid_out(page, 360), TOO_WIDE) != []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1280])
def test_every_text_stands_out_from_its_ground(page: Page, width: int, scheme: str) -> None:
    """Every visible text has a contrast of 4.5 to 1 at least, on paper, card and map, by day and by night."""
    assert findings(laid_out(page, width, scheme), LOW_CONTRAST) == []


@pytest.mark.parametrize(
    ("selector", "style"), [(".kicker", "color"), (".map text.t6", "fill"), (".chart .axis", "fill")]
)
def test_a_faint_text_is_seen(page: Page, selector: str, style: str) -> None:
    """The check of the contrast catches a planted faint grey in a line, on the map and in a chart."""
    page.evaluate(f"document.querySelector('{selector}').style.{style} = '#9a8f90'")
    assert len(findings(laid_out(page, 360), LOW_CONTRAST)) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_every_text_is_large_enough(page: Page, width: int) -> None:
    """No text is smaller than eleven pixels, in drawings too."""
    assert findings(laid_out(page, width), TOO_SMALL) == []


def test_a_tiny_text_is_seen(page: Page) -> None:
    """The check of the size catches a planted tiny label in a drawing."""
    page.evaluate("document.querySelector('.map text').style.fontSize = '12px'")
    assert len(findings(laid_out(page, 360), TOO_SMALL)) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_no_two_words_of_a_drawing_collide(page: Page, width: int) -> None:
    """In the maps and charts no word covers another or leaves its drawing."""
    assert findings(laid_out(page, width), COLLIDING) == []


def test_a_word_out_of_place_is_seen(page: Page) -> None:
    """The check of the drawings catches a label that was moved onto another, and one that was moved out."""
    page.evaluate("document.querySelectorAll('.map text')[1].setAttribute('y', 391)")
    page.evaluate("document.querySelectorAll('.map text')[1].setAttribute('x', 146)")
    page.evaluate("document.querySelector('.chart text').setAttribute('x', 400)")
    found = findings(laid_out(page, 360), COLLIDING)
    assert any("overlap" in one for one in found)
    assert any("leaves" in one for one in found)


def test_every_part_has_a_name_and_a_place(page: Page) -> None:
    """Headings go in order, the landmarks are there once, and every section, table and drawing has a name."""
    assert findings(page, UNNAMED) == []


@pytest.mark.parametrize(
    "fault",
    [
        "document.querySelector('h2').outerHTML = '<h4>deep</h4>'",
        "document.querySelector('caption').remove()",
        "document.querySelector('svg[role=img]').removeAttribute('aria-labelledby')",
        "document.documentElement.removeAttribute('lang')",
        "document.querySelector('nav').removeAttribute('aria-label')",
    ],
)
def test_a_part_without_a_name_is_seen(page: Page, fault: str) -> None:
    """The check of the names catches a skipped heading, a table, a drawing or a nav without a name, and no language."""
    page.evaluate(fault)
    assert findings(page, UNNAMED) != []


@pytest.mark.parametrize("width", [360, 1280])
def test_fingers_can_hit_the_links(page: Page, width: int) -> None:
    """Every link that stands alone, and every part that opens, is 24 pixels high at least."""
    assert findings(laid_out(page, width), SMALL_TARGETS) == []


def test_a_low_target_is_seen(page: Page) -> None:
    """The check of the targets catches a planted link of nine pixels."""
    page.evaluate(
        "document.querySelector('nav a').style.cssText = 'display:block;height:9px;padding:0;overflow:hidden'"
    )
    assert len(findings(page, SMALL_TARGETS)) == 1


def test_nothing_is_fetched_and_nothing_complains(context: BrowserContext, address: str) -> None:
    """The page asks for itself alone and the browser's console stays silent."""
    opened = context.new_page()
    requests: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(address, wait_until="networkidle")
    assert [one for one in requests if not one.startswith("data:")] == [address]
    assert complaints == []


def test_the_policy_refuses_a_script_and_a_picture(page: Page) -> None:
    """The page's own policy stops an injected script and a picture from elsewhere before they leave the machine."""
    complaints: list[str] = []
    failures: list[str | None] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: failures.append(request.failure))
    page.evaluate(
        """() => {
            const script = document.createElement('script')
            script.textContent = 'document.title = "taken"'
            const picture = document.createElement('img')
            picture.src = 'http://127.0.0.1:9/spy.png'
            document.body.append(script, picture)
        }"""
    )
    page.wait_for_timeout(100)
    assert page.title() != "taken"
    assert failures == ["csp"]
    assert len([one for one in complaints if "Content Security Policy" in one]) == 2


def test_the_page_works_without_scripts(browser: Browser, address: str) -> None:
    """With scripts off a household goes from the list to its province and opens every step of its price."""
    with browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 800}) as context:
        page = context.new_page()
        page.goto(address)
        page.get_by_role("navigation", name="Find your province: As it was").get_by_text("Mangystau").click()
        row = page.locator("[id='kazakhstan-1-KZ-47']")
        assert row.is_visible()
        assert not row.get_by_text("Station margin").is_visible()
        row.locator("summary").click()
        assert row.get_by_text("Station margin").is_visible()
        assert row.get_by_text("107.41").is_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_every_province_is_there_under_both_rulebooks(page: Page, width: int) -> None:
    """At both widths the tables show all seventeen provinces with their names, to the eye and by their roles."""
    page.set_viewport_size({"width": width, "height": 800})
    for rulebook in ("As it was", "As it could have been"):
        table = page.get_by_role("region", name=f"{rulebook}: every province").get_by_role("table", name="At the pump")
        for province in PROVINCES:
            header = table.get_by_role("rowheader", name=f"{province.name} {province.code}", exact=True)
            assert header.is_visible(), f"{province.name} is missing under {rulebook}"


def test_the_skip_link_comes_first(page: Page) -> None:
    """The first stop of the keyboard leads past the navigation and shows itself."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    box = page.locator(".skip").bounding_box()
    assert box is not None
    assert box["x"] >= 0


def test_the_printed_page_tells_everything(page: Page) -> None:
    """In print the steps of every price stand open and the navigation is gone."""
    page.emulate_media(media="print")
    assert page.locator("[id='kazakhstan-1-KZ-47']").get_by_text("Station margin").is_visible()
    assert not page.get_by_role("navigation", name="On this page").is_visible()
    assert page.locator(".charts figure").first.is_visible()


def test_a_missing_chromium_is_never_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Chromium the tests fail where it could be installed or where everybody relies on them."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium() is None
    monkeypatch.setenv("CI", "true")
    assert must_run()
    monkeypatch.setenv("CI", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not must_run()
