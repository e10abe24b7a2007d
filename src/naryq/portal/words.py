"""How integers, months and sources become words for people: the filters of the page's templates."""

import re
from collections.abc import Callable
from textwrap import shorten
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from naryq.limits import ADMINISTERED, CAP, COLLAR, FLOOR, STEP, TWO_KEY
from naryq.units import KG_PER_TONNE, TIYN_PER_TENGE, divide, tenge

MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
THIN: Final = "\u202f"
"""A narrow space that never breaks a line: between groups of digits, and before the sign for per cent."""
MINUS: Final = "\u2212"

MILLION: Final = 10**6
BILLION: Final = 10**9

LIMITS: Final = {
    STEP: "largest monthly step",
    CAP: "retail cap",
    COLLAR: "collar on orders",
    ADMINISTERED: "administered price",
    TWO_KEY: "two keys, held against export parity",
    FLOOR: "floor of the fund",
}

NAME_LETTERS: Final = 40

_DATE: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?")
_GROUPS: Final = re.compile(r"(?<![\d,.])\d{1,3}(?:[, ]\d{3})+(?!\d)")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:)]")


class Piece(NamedTuple):
    """A stretch of a source's text: a link when it has an address."""

    text: str
    address: str


def price(tiyn: int, decimals: int = 1) -> str:
    """Write a price in tiyn as tenge.

    >>> price(10_741), price(5_999, 2), price(-150).replace(MINUS, "-")
    ('107.4', '59.99', '-1.5')
    """
    return tenge(tiyn, decimals).replace(" ", THIN).replace("-", MINUS)


def whole(number: int) -> str:
    """Write a whole number, such as tenge a tonne, in groups of three digits.

    >>> whole(116_400).replace(THIN, "_")
    '116_400'
    """
    return price(number * TIYN_PER_TENGE, 0)


def grouped(text: str) -> str:
    """Write the digits' groups inside a text as the rest of the page does, whatever parted them.

    >>> grouped("asks 102,400 or more in 2022").replace(THIN, "_")
    'asks 102_400 or more in 2022'
    """
    return _GROUPS.sub(lambda found: THIN.join(re.split("[, ]", found.group())), text)


def percent(tenths: int) -> str:
    """Write a change in tenths of a per cent, with its sign.

    >>> [percent(tenths).replace(THIN, " ").replace(MINUS, "-") for tenths in (790, -18, 0)]
    ['+79.0 %', '-1.8 %', '0.0 %']
    """
    sign = "+" if tenths > 0 else ""
    return f"{sign}{price(tenths * 10, 1)}{THIN}%"


def whole_percent(tenths: int) -> str:
    """Write a change as a short label: whole per cent, with its sign and without the word.

    >>> whole_percent(794), whole_percent(-18).replace(MINUS, "-"), whole_percent(4)
    ('+79', '-2', '0')
    """
    rounded = divide(tenths, 10)
    return ("+" if rounded > 0 else "") + whole(rounded)


def money(amount_tiyn: int) -> str:
    """Write a large amount in words that can be read aloud.

    >>> [money(tiyn).replace(THIN, " ") for tiyn in (134_500_000_000_000, 83_000_000_000, 1_234_500)]
    ['1 345.0 billion tenge', '830.0 million tenge', '12 345 tenge']
    """
    amount = abs(amount_tiyn)
    if amount >= BILLION * TIYN_PER_TENGE:
        decimals = 1 if amount >= 10 * BILLION * TIYN_PER_TENGE else 2
        return f"{price(divide(amount_tiyn, BILLION), decimals)} billion tenge"
    if amount >= MILLION * TIYN_PER_TENGE:
        return f"{millions(amount_tiyn)} million tenge"
    return f"{price(amount_tiyn, 0)} tenge"


def millions(amount_tiyn: int) -> str:
    """Write an amount in millions of tenge, for a column that says so.

    >>> millions(83_250_000_000)
    '832.5'
    """
    return price(divide(amount_tiyn, MILLION), 1)


def tonnes(mass_kg: int) -> str:
    """Write a mass in whole tonnes.

    >>> tonnes(900_600)
    '901'
    """
    return whole(divide(mass_kg, KG_PER_TONNE))


def date(text: str, letters: int | None = None) -> str:
    """Write an ISO day or month as people say it; anything else stays as it is. `letters` shortens the month's name.

    >>> date("2022-01-06"), date("2021-12"), date("2021-12", 3), date("about new year")
    ('6 January 2022', 'December 2021', 'Dec 2021', 'about new year')
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    year, month, day = found.groups()
    named = f"{MONTHS[int(month) - 1][:letters]} {year}"
    return f"{int(day)} {named}" if day else named


def when(text: str) -> str:
    """Write a day or month with the word that goes before it.

    >>> when("2022-01-03"), when("2022-01"), when("after new year")
    ('on 3 January 2022', 'in January 2022', 'after new year')
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    return f"{'on' if found.group(3) else 'in'} {date(text)}"


def sentence(text: str) -> str:
    """Begin a text with a capital letter; the rest stays as it is.

    >>> sentence("station margin"), sentence("")
    ('Station margin', '')
    """
    return text[:1].upper() + text[1:]


def ended(text: str) -> str:
    """Write a text as a sentence: a capital letter first, a full stop last.

    >>> ended("one plant serves it"), ended("Why?")
    ('One plant serves it.', 'Why?')
    """
    return sentence(text) + ("" if text.endswith((".", "!", "?")) else ".")


def name(title: str) -> str:
    """Return what a title calls a thing, before the colon that explains it; short enough for one line of a drawing.

    >>> name("As it was: no limit on the price")
    'As it was'
    """
    return shorten(title.partition(":")[0].strip(), NAME_LETTERS, placeholder="\u2026")


def gist(title: str) -> str:
    """Return how a title explains itself, after the colon; empty when it does not.

    >>> gist("As it was: no limit on the price"), gist("Guarded")
    ('No limit on the price', '')
    """
    return sentence(title.partition(":")[2].strip())


def plain(identifier: str) -> str:
    """Write an identifier of the data as words.

    >>> plain("tonne_per_month")
    'tonne per month'
    """
    return identifier.replace("_", " ")


def anchor(text: str) -> str:
    """Write a name as part of an anchor in the page.

    >>> anchor("KZ-47"), anchor("a b/c")
    ('KZ-47', 'a-b-c')
    """
    return re.sub(r"[^A-Za-z0-9-]", "-", text)


def limit(code: str) -> str:
    """Name a limit in words.

    >>> limit("pump_step_rise"), limit("a_new_one")
    ('largest monthly step', 'a new one')
    """
    return LIMITS.get(code, plain(code))


def pieces(text: str) -> tuple[Piece, ...]:
    """Part a source's text into plain stretches and links; only http and https addresses become links.

    >>> [piece.address for piece in pieces("Reported by https://example.org/a?b=1.")]
    ['', 'https://example.org/a?b=1', '']
    >>> pieces("javascript:alert(1)")
    (Piece(text='javascript:alert(1)', address=''),)
    """
    found: list[Piece] = []
    end = 0
    for match in _ADDRESS.finditer(text):
        if match.start() > end:
            found.append(Piece(text[end : match.start()], ""))
        found.append(Piece(_host(match.group()), match.group()))
        end = match.end()
    if end < len(text):
        found.append(Piece(text[end:], ""))
    return tuple(found)


def _host(address: str) -> str:
    try:
        return urlsplit(address).netloc.removeprefix("www.")
    except ValueError:
        return address


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "price": price,
    "whole": whole,
    "grouped": grouped,
    "percent": percent,
    "whole_percent": whole_percent,
    "money": money,
    "millions": millions,
    "tonnes": tonnes,
    "date": date,
    "when": when,
    "sentence": sentence,
    "ended": ended,
    "name": name,
    "gist": gist,
    "plain": plain,
    "anchor": anchor,
    "limit": limit,
    "pieces": pieces,
}
