"""The public page of a bulletin: one file, no script, nothing fetched from anywhere.

A household finds the price of its province and why; a journalist what happened and where; a ministry what a limit would
have cost. The page's policy (CSP) admits one inline style sheet by its hash and nothing else.
"""

import hashlib
from base64 import b64encode
from functools import cache
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from naryq.portal.atlas import CLASSES, Atlas, atlas, band
from naryq.portal.charts import (
    COURSE_LEFT,
    WIDTH,
    BuildUp,
    Course,
    Headline,
    Reach,
    build_up,
    courses,
    headline,
    highest_total,
    reaches,
)
from naryq.portal.words import FILTERS, anchor, name
from naryq.views import Bulletin, ProvinceLine, RulebookResult

FOCUS: Final = "KZ-47"
"""Mangystau, where it began; a bulletin without it puts the province with the largest change first."""


class Chapter(NamedTuple):
    """What the page shows of one rulebook's result; `key` begins its anchors, and no two chapters share it."""

    key: str
    name: str
    result: RulebookResult
    focus: ProvinceLine
    atlas: Atlas
    build_up: BuildUp
    details: dict[str, BuildUp]
    courses: tuple[Course, ...]


class Spread(NamedTuple):
    """All that the template lays out."""

    bulletin: Bulletin
    chapters: tuple[Chapter, ...]
    headline: Headline
    observed: tuple[ProvinceLine, ...]
    reaches: tuple[Reach, ...]
    classes: tuple[str, ...]


def render(bulletin: Bulletin) -> dict[str, str]:
    """Return the page's files, name to text: `index.html` alone. Equal bulletins give equal text.

    The bulletin has one result or more, and each the same provinces, one or more.
    """
    assert bulletin.results, "a bulletin tells the result under one rulebook at least"
    assert all(result.provinces for result in bulletin.results), "a result has a price for one province at least"
    return {"index.html": _environment().get_template("index.html").render(page=_spread(bulletin))}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("naryq.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    environment.filters.update(digest=_digest, band=band)
    environment.globals.update(width=WIDTH, left=COURSE_LEFT)
    return environment


def _digest(text: str) -> str:
    """Return the hash by which a content security policy admits an inline style sheet."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _spread(bulletin: Bulletin) -> Spread:
    code = _focus(bulletin.results[0])
    chapters = _chapters(bulletin, code)
    return Spread(
        bulletin=bulletin,
        chapters=chapters,
        headline=headline(bulletin.results, tuple(chapter.focus for chapter in chapters)),
        observed=tuple(line for line in bulletin.results[0].provinces if line.observed is not None),
        reaches=reaches(bulletin.swings, chapters[0].focus.pump_after_tiyn_per_litre),
        classes=CLASSES,
    )


def _focus(result: RulebookResult) -> str:
    lines = {line.code: line for line in result.provinces}
    if FOCUS in lines:
        return FOCUS
    return max(result.provinces, key=lambda line: line.change_tenths_of_percent).code


def _line(result: RulebookResult, code: str) -> ProvinceLine:
    return next(line for line in result.provinces if line.code == code)


def _chapters(bulletin: Bulletin, code: str) -> tuple[Chapter, ...]:
    focuses = [_line(result, code) for result in bulletin.results]
    highest = max(highest_total(line) for line in focuses)
    return tuple(
        Chapter(
            key=f"{anchor(result.rulebook)}-{number}",
            name=name(result.title),
            result=result,
            focus=line,
            atlas=atlas(result.provinces),
            build_up=build_up(line, highest),
            details={line.code: build_up(line, highest_total(line)) for line in result.provinces},
            courses=_first(courses(result, bulletin.before_month), code),
        )
        for number, (result, line) in enumerate(zip(bulletin.results, focuses, strict=True), start=1)
    )


def _first(drawn: tuple[Course, ...], code: str) -> tuple[Course, ...]:
    """Put the province that the page tells of first; the others keep their order."""
    return tuple(sorted(drawn, key=lambda one: one.code != code))
