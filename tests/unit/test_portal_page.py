"""The page as text: complete, equal for equal bulletins, without scripts, and deaf to hostile words."""

import gzip
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

import msgspec
import pytest
from tests.portal_samples import bulletin, with_line, with_step

from naryq.limits import CAP
from naryq.messages import PriceStep
from naryq.portal import page as portal_page
from naryq.portal.page import render
from naryq.portal.words import THIN
from naryq.views import Bulletin, Observed

COMPRESSED_BYTES_MAX: Final = 40_000
"""Ten seconds at 32 kbit/s, which is what was left when the networks were throttled."""
FORBIDDEN_TAGS: Final = frozenset(
    {"script", "iframe", "object", "embed", "img", "image", "audio", "video", "form", "input", "base", "foreignobject"}
)
LOADING_ATTRIBUTES: Final = frozenset(
    {"src", "srcset", "action", "formaction", "poster", "data", "background", "style"}
)
OWN_FILES: Final = frozenset({"bulletin.json", "bulletin.csv"})
VOID: Final = frozenset({"meta", "link", "br", "path", "rect", "circle"})


def page_of(sample: Bulletin) -> str:
    return render(sample)["index.html"]


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def breaches(page: str) -> list[str]:
    """List what a page must not hold: anything that runs or loads, and anchors that lead nowhere."""
    parsed = Elements(page)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    found = [f"id {one} twice" for one in sorted(set(ids)) if ids.count(one) > 1]
    found += [f"{tag} out of place" for tag in parsed.unbalanced + parsed.open]
    for tag, attributes in parsed.elements:
        found += _element_breaches(tag, attributes, frozenset(ids))
    return found


def _element_breaches(tag: str, attributes: dict[str, str], ids: frozenset[str]) -> Iterator[str]:
    if tag in FORBIDDEN_TAGS:
        yield f"the element {tag}"
    for name, value in attributes.items():
        if name in LOADING_ATTRIBUTES or name.startswith("on"):
            yield f"the attribute {name}"
        if name == "href" and not _leads_somewhere(tag, value, ids):
            yield f"a link to {value}"
        if name == "aria-labelledby" and not ids.issuperset(value.split()):
            yield f"a name by {value}, which is not there"
        if "url(" in value and not re.search(r"url\(#[\w-]+\)", value):
            yield f"a reference {value}"


def _leads_somewhere(tag: str, value: str, ids: frozenset[str]) -> bool:
    if tag == "link":
        return value.startswith("data:")
    if value.startswith("#"):
        return value[1:] in ids
    return value in OWN_FILES or value.startswith(("https://", "http://"))


def test_equal_bulletins_give_equal_bytes() -> None:
    """The page is a function of the bulletin: one file, equal text, whatever was rendered before."""
    first = render(bulletin())
    render(with_line(bulletin(), "KZ-47", name="Another"))
    portal_page._environment.cache_clear()
    assert list(first) == ["index.html"]
    assert render(bulletin()) == first


def test_nothing_runs_and_nothing_loads() -> None:
    """The page holds no script, no style attribute, no outside resource, and no anchor that leads nowhere."""
    assert breaches(page_of(bulletin())) == []


@pytest.mark.parametrize(
    "fault",
    [
        "<script>alert(1)</script>",
        '<p onclick="x()">a</p>',
        '<p style="color:red">a</p>',
        '<img alt="" src="https://example.org/a.png">',
        '<a href="#nowhere">a</a>',
        '<a href="javascript:x()">a</a>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<svg role="img" aria-labelledby="nowhere"></svg>',
        '<p id="main">a</p>',
        '<rect fill="url(https://example.org/a.svg)"/>',
        "<p>a</div>",
    ],
)
def test_a_planted_fault_is_seen(fault: str) -> None:
    """The check of the page catches each kind of fault that it is there for."""
    assert len(breaches(page_of(bulletin()).replace("</main>", f"{fault}</main>"))) >= 1


def test_hostile_words_stay_words() -> None:
    """Names, reasons, stories and sources that hold markup are shown as text, and only web addresses become links."""
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    sample = with_line(
        bulletin(),
        "KZ-47",
        name=hostile,
        reason=hostile,
        limits=(hostile,),
        observed=Observed(9_000, 9_500, hostile, "javascript:alert(1) data:text/html,x //example.org " + hostile),
    )
    sample = with_step(sample, PriceStep(hostile, 1))
    sample = msgspec.structs.replace(sample, title=hostile, story=(hostile,))
    results = tuple(
        msgspec.structs.replace(one, rulebook=f"a b/c:{index}", title=hostile, version=hostile, refusals={hostile: 1})
        for index, one in enumerate(sample.results)
    )
    page = page_of(msgspec.structs.replace(sample, results=results))
    assert breaches(page) == []
    assert "<script" not in page
    assert "<img" not in page


def decimal(tiyn: int) -> str:
    """Write a price to one decimal by another way than the page does."""
    tenths = (tiyn + 5) // 10
    return f"{tenths // 10}.{tenths % 10}"


def missing(page: str, sample: Bulletin) -> list[str]:
    """List what of each province is not in the page: its name, code, both prices, or a step of its build-up."""
    text = Elements(page).text
    wanted = []
    for line in [line for result in sample.results for line in result.provinces]:
        prices = decimal(line.pump_before_tiyn_per_litre), decimal(line.pump_after_tiyn_per_litre)
        wanted.append(" ".join((line.name, line.code, *prices)) + " ")
        wanted += [
            f"{step.tiyn_per_litre // 100}.{step.tiyn_per_litre % 100:02d}"
            for step in (*line.steps_before, *line.steps_after)
        ]
    return [one for one in wanted if one not in text]


def test_every_province_and_price_is_there_under_both_rulebooks() -> None:
    """Each province stands in the text with its code, both prices, its change, and every step of its build-up."""
    assert missing(page_of(bulletin()), bulletin()) == []


def test_a_missing_row_or_a_wrong_price_is_seen() -> None:
    """The check of the provinces catches a province that was left out, and a price that is one tenth off."""
    full = bulletin()
    results = tuple(msgspec.structs.replace(one, provinces=one.provinces[:-1]) for one in full.results)
    assert len(missing(page_of(msgspec.structs.replace(full, results=results)), full)) >= 2
    dearer = with_line(full, "KZ-47", pump_after_tiyn_per_litre=10_751)
    assert len(missing(page_of(dearer), full)) == 2


def test_the_headline_tells_both_rulebooks() -> None:
    """The first paragraph gives Mangystau's price before, as it was, as it could have been, and the fund's cost."""
    text = Elements(page_of(bulletin())).text
    assert "By this computation a litre in Mangystau went from 60.0 to 107.4 tenge ." in text
    assert "it would have come to 63.0 tenge , and a fund would have paid 3.45 billion tenge" in text


def test_the_policy_admits_the_style_sheet_by_its_hash() -> None:
    """The policy admits nothing but pictures inside the page and the one style sheet, whose hash it names."""
    page = page_of(bulletin())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    expected = (
        f"default-src 'none'; style-src '{portal_page._digest(style.group(1))}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert f'content="{expected}"' in page
    assert portal_page._digest(style.group(1) + " ") not in page


def test_the_page_is_small_enough_for_a_throttled_network() -> None:
    """Compressed, the page passes a line of 32 kbit/s in ten seconds."""
    assert len(gzip.compress(page_of(bulletin()).encode(), mtime=0)) < COMPRESSED_BYTES_MAX


def test_a_bulletin_without_mangystau_tells_of_the_largest_change() -> None:
    """Anybody's bulletin has a headline: the province whose price changed most."""
    sample = bulletin()
    results = tuple(
        msgspec.structs.replace(
            one,
            provinces=tuple(line for line in one.provinces if line.code != "KZ-47"),
            paths=tuple(path for path in one.paths if path.code != "KZ-47"),
        )
        for one in sample.results
    )
    page = page_of(msgspec.structs.replace(sample, results=results))
    assert "a litre in Atyrau went from" in Elements(page).text
    assert breaches(page) == []


def test_one_rulebook_without_limits_makes_a_whole_page() -> None:
    """A bulletin of one rulebook, without paths, swings, story or observations, is a page without holes."""
    sample = with_line(with_line(bulletin(), "KZ-47", observed=None), "KZ-23", observed=None)
    page = page_of(
        msgspec.structs.replace(sample, results=sample.results[:1], swings=(), story=(), facts=0, assumptions=0)
    )
    assert breaches(page) == []
    assert "No limit holds a price below its formula" in page
    assert "Seen at the pumps" not in page


def test_what_a_cap_holds_back_is_the_sellers_loss() -> None:
    """Where a cap holds the price and the fund pays nothing, the page says who bears it."""
    sample = with_line(
        bulletin(), "KZ-47", pump_after_tiyn_per_litre=5_000, cap_tiyn_per_litre=5_000, limits=(CAP,), fund_tiyn=0
    )
    text = Elements(page_of(sample)).text
    assert "Limit: retail cap. By the formula a litre would cost 107.4 tenge; the seller bears the difference." in text
    assert "Held back by a limit" in text


def test_an_unknown_place_stands_in_the_table() -> None:
    """A province that the map does not know is left off the map, and nothing else."""
    page = page_of(with_line(bulletin(), "KZ-47", code="XX-1", name="Elsewhere"))
    assert breaches(page) == []
    assert "Elsewhere XX-1" in Elements(page).text


def test_numbers_in_prose_are_grouped_like_all_others() -> None:
    """A story written with commas reads on the page as its tables do."""
    sample = msgspec.structs.replace(bulletin(), story=("Between 90,000 and 1,345,000 tenge in 2022.",))
    assert f"Between 90{THIN}000 and 1{THIN}345{THIN}000 tenge in 2022." in page_of(sample)


def test_a_broken_address_is_shown_whole() -> None:
    """An address whose host cannot be read is shown as it is and does not stop the page."""
    seen = Observed(9_000, 9_500, "2022-01-03", "see https://[broken/a")
    assert "https://[broken/a" in Elements(page_of(with_line(bulletin(), "KZ-47", observed=seen))).text
