"""Pictures without a browser: a place's curves, the network and its flows, a standard auction, the depth of a book.

`Clearing.picture`, `StandardResult.picture` and `Book.picture` are the ways to ask for one. matplotlib draws; it is the
optional extra `pictures`.
"""

from importlib import import_module
from typing import Any, Literal

from naryq.market.book import Book
from naryq.market.clearing import Clearing
from naryq.market.standard_awards import StandardResult
from naryq.market.words import check_language
from naryq.messages import Code, Refusal

Kind = Literal["svg", "png"]


def picture(result: Clearing, place: str | None = None, *, kind: str = "svg", language: str = "en") -> bytes:
    """Draw a place's supply and demand, or, without a place, the network; see `Clearing.picture`."""
    _check(kind, language)
    if place is None:
        return _drawn("flows", *result.network(), kind, language)
    return _drawn("curve", result.curves(place), result.why(place), kind, language)


def auction_picture(result: StandardResult, *, kind: str = "svg", language: str = "en") -> bytes:
    """Draw what was bid and won in a standard auction; see `StandardResult.picture`."""
    _check(kind, language)
    return _drawn("bids", result, kind, language)


def book_picture(book: Book, levels: int, *, kind: str = "svg", language: str = "en") -> bytes:
    """Draw how much a book shows up to each price; see `Book.picture`."""
    _check(kind, language)
    return _drawn("depth", book, levels, kind, language)


def _check(kind: str, language: str) -> None:
    if kind not in {"svg", "png"}:
        raise Refusal(Code.UNKNOWN_OPTION, f"kind is {kind!r}", remedy="Choose one of svg, png.")
    check_language(language)


def _drawn(subject: str, *what: Any) -> bytes:
    """Draw by the module of a subject, which is loaded late: matplotlib is an extra, and slow to load."""
    try:
        module = import_module(f"naryq.pictures.{subject}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] != "matplotlib":
            raise
        remedy = "Install it where Naryq runs: python -m pip install matplotlib."
        raise Refusal(Code.NOT_SUPPORTED, "pictures need matplotlib", remedy=remedy) from None
    drawn: bytes = module.drawn(*what)
    return drawn
