"""GME, the Italian markets of electricity: the public offers (*offerte pubbliche*) as XML, usually in a zip archive.

The layout is GME's own: a `NewDataSet` with an inline schema, which is passed over, and one `OfferteOperatori` element
for each offer. The fields are those that GME lists under its downloads (mercatoelettrico.org, Results, Electricity,
Download; edition of 2025): PURPOSE_CD (BID buys, OFF sells), STATUS_CD (ACC accepted, REJ rejected, PREJ paradoxically
rejected, REP replaced, REV revoked, INC not valid and others), MARKET_CD, UNIT_REFERENCE_NO, INTERVAL_NO (the hour) or,
since October 2025, PERIOD with GRANULARITY (PT15, PT30, PT60), QUANTITY_NO (MW), ENERGY_PRICE_NO (EUR/MWh; a buyer need
not name one), ZONE_CD and others.
A field that has no value is left out of its element.

The parser refuses a document type declaration, so that no entity is ever declared or expanded.
"""

import struct
import zipfile
from array import array
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, BinaryIO, Final, cast
from xml.parsers import expat

import numpy as np

from naryq.datasets.bids import MISSING, Bids, rows_of
from naryq.datasets.decimals import exact
from naryq.datasets.numbers import shown
from naryq.datasets.source import BLOCK_BYTES, File, Source, at_line, opened
from naryq.messages import Code, Refusal

OFFER: Final = "OfferteOperatori"
DEPTH_OF_OFFER, DEPTH_OF_FIELD = 2, 3
CHARACTERS_MAX: Final = 1_000
"""No field of an offer is longer."""
ZIP: Final = b"PK\x03\x04"
PRICE_UNITS: Final = 1_000
AWARDED_PRICE_UNITS: Final = 10**6
QUANTITY_UNITS: Final = 1_000
SIDES: Final = MappingProxyType({"BID": "buy", "OFF": "sell"})
IN_AUCTION: Final = ("ACC", "REJ", "PREJ")
"""The statuses of offers that took part; the others were replaced, revoked or not valid."""
NUMBERS: Final = MappingProxyType(
    {
        **dict.fromkeys(("QUANTITY_NO", "AWARDED_QUANTITY_NO", "ADJ_QUANTITY_NO"), QUANTITY_UNITS),
        **dict.fromkeys(("ENERGY_PRICE_NO", "ADJ_ENERGY_PRICE_NO"), PRICE_UNITS),
        "AWARDED_PRICE_NO": AWARDED_PRICE_UNITS,
        **dict.fromkeys(("INTERVAL_NO", "PERIOD", "QUARTER_NO", "BID_OFFER_DATE_DT"), 1),
    }
)
"""The fields that are numbers, and how many units make one; all others stay text."""
REQUIRED: Final = ("PURPOSE_CD", "STATUS_CD", "QUANTITY_NO", "ZONE_CD")


class PublicOffers(Bids):
    """The offers as columns by GME's own names, and the scale of their numbers.

    Numbers are int64: prices in `1 / price_scale` EUR/MWh (AWARDED_PRICE_NO in 10**-6), quantities in
    `1 / quantity_scale` MW, MISSING where an offer has no such field; all others are text, empty where it has none.
    """

    price_column = "ENERGY_PRICE_NO"

    def orders(self, period: int, granularity: str = "PT60", statuses: tuple[str, ...] = IN_AUCTION) -> dict[str, Any]:
        """Give the offers of one period as orders for `naryq.clear`: a place for each zone, the row names the order.

        Prices count from `price_origin`, for `clear` takes none below zero: add it to the prices that come out. An
        offer without a price is an order at any price (None). An offer of an hour is listed under PT60 alone.

        Raises:
            Refusal: `empty` when there is no such offer; `unknown_side` for a purpose that is neither BID nor OFF.
        """
        columns = self.columns
        period_column = "PERIOD" if (columns.get("PERIOD", np.array([MISSING])) != MISSING).any() else "INTERVAL_NO"
        wanted = columns.get(period_column, np.zeros(0)) == period
        if "GRANULARITY" in columns:
            wanted = wanted & (columns["GRANULARITY"] == granularity)
        wanted = wanted & np.isin(columns["STATUS_CD"], statuses) & (columns["QUANTITY_NO"] > 0)
        rows = rows_of(wanted, f"period {period} of {granularity}")
        return _orders(columns, rows, self._priced(rows))


def _orders(columns: dict[str, Any], rows: Any, prices: Any) -> dict[str, Any]:
    purposes = columns["PURPOSE_CD"][rows].tolist()
    for row, purpose in zip(rows.tolist(), purposes, strict=True):
        if purpose not in SIDES:
            where = f"offer {row + 1}"
            raise Refusal(Code.UNKNOWN_SIDE, f"the purpose is {purpose!a}", where=where, remedy="GME has BID and OFF.")
    return {
        "order_id": rows,
        "place": columns["ZONE_CD"][rows].tolist(),
        "side": [SIDES[purpose] for purpose in purposes],
        "price": prices,
        "quantity": columns["QUANTITY_NO"][rows],
    }


def read_offers(source: Source) -> PublicOffers:
    """Read a file of public offers, an XML document or a zip archive of them.

    Raises:
        Refusal: `unreadable` for a damaged archive, or a document that is no well-formed XML, has a document type
            declaration or another structure; `wrong_type` for a number that is none, with the line; `column_missing`
            for an offer without a field that all have; `empty` for no offer.
    """
    columns = _Columns()
    with opened(source) as file:
        for document in _documents(file):
            _Reader(document, columns).read()
    if columns.count == 0:
        raise Refusal(Code.EMPTY, "there is no offer", where=file.name, remedy="Give a file of public offers.")
    return PublicOffers(columns.arrays(), PRICE_UNITS, QUANTITY_UNITS)


# --- Documents ------------------------------------------------------------------------------------------------------


def _documents(file: File) -> Iterator[File]:
    """Yield the XML documents of a source: itself, or each of its archive, by name."""
    if not file.begins_with(ZIP):
        yield file
        return
    try:
        with zipfile.ZipFile(file.stream) as archive:
            for member in sorted(archive.infolist(), key=lambda member: member.filename):
                if member.filename.lower().endswith(".xml"):
                    with archive.open(_plain(member)) as document:
                        name = shown(member.filename.encode("latin-1", "replace"))
                        yield File(f"{file.name}, {name}", cast("BinaryIO", document))
    except (zipfile.BadZipFile, struct.error, NotImplementedError, RuntimeError, OverflowError, ValueError) as problem:
        # What zipfile raises for a damaged archive depends on where the damage is.
        if isinstance(problem, Refusal):
            raise
        what = f"the zip archive is damaged or locked: {shown(str(problem).encode('latin-1', 'replace'))}"
        raise Refusal(Code.UNREADABLE, what, where=file.name, remedy="Fetch the file again.") from None


def _plain(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Refuse what is packed in another way than every zip program can."""
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise NotImplementedError(f"method {member.compress_type}")
    return member


class _Columns:
    """Columns that grow: numbers as integers, words as numbers of a list of words."""

    def __init__(self) -> None:
        self.count = 0
        self._numbers: dict[str, array[int]] = {}
        self._words: dict[str, array[int]] = {}
        self._known: dict[str, dict[str, int]] = {}

    def add(self, fields: dict[str, str | int]) -> None:
        """Add an offer; a field that comes up late was missing before."""
        for name, value in fields.items():
            if isinstance(value, int):
                column = self._numbers.setdefault(name, array("q"))
                column.extend([MISSING] * (self.count - len(column)))
                column.append(value)
            else:
                self._add_word(name, value)
        self.count += 1

    def _add_word(self, name: str, word: str) -> None:
        known = self._known.setdefault(name, {"": 0})
        column = self._words.setdefault(name, array("q"))
        column.extend([0] * (self.count - len(column)))
        column.append(known.setdefault(word, len(known)))

    def arrays(self) -> dict[str, Any]:
        """Return all columns, of one length."""
        return {
            **{name: np.array(self._full(column, MISSING)) for name, column in self._numbers.items()},
            **{name: np.array(list(self._known[name]))[self._full(word, 0)] for name, word in self._words.items()},
        }

    def _full(self, column: "array[int]", missing: int) -> "array[int]":
        column.extend([missing] * (self.count - len(column)))
        return column


class _Reader:
    """Reads one document event by event; nothing of it is held but the offer that is open."""

    def __init__(self, document: File, columns: _Columns) -> None:
        self._document = document
        self._columns = columns
        self._path: list[str] = []
        self._fields: dict[str, str | int] = {}
        self._text: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.buffer_text = True

    def read(self) -> None:
        """Read the document to its end."""
        try:
            while block := self._document.read(BLOCK_BYTES):
                self._parser.Parse(block)
            self._parser.Parse(b"", True)  # noqa: FBT003 - expat's own way to say that it was the last
        except expat.ExpatError as problem:
            what = f"it is no well-formed XML: {expat.ErrorString(problem.code)}"
            where = at_line(self._document.name, problem.lineno)
            raise Refusal(Code.UNREADABLE, what, where=where, remedy="Fetch the file again.") from None
        except (LookupError, ValueError) as problem:
            # So Python answers expat where a document declares an encoding that is none, or one of several bytes.
            if type(problem) not in {LookupError, ValueError}:
                raise
            what = f"its encoding cannot be read: {shown(str(problem).encode('latin-1', 'replace'))}"
            where = at_line(self._document.name, 1)
            raise Refusal(Code.UNREADABLE, what, where=where, remedy="Fetch the file again.") from None

    def _where(self, field: str = "") -> str:
        return at_line(self._document.name, self._parser.CurrentLineNumber, field)

    def _doctype(self, *_: Any) -> None:
        what = "it declares a document type"
        raise Refusal(Code.UNREADABLE, what, where=self._where(), remedy="GME's files have none: fetch it from GME.")

    def _start(self, tag: str, _: Any) -> None:
        self._path.append(tag)
        if len(self._path) == DEPTH_OF_OFFER:
            self._fields = {}
        if self._in_offer() and len(self._path) > DEPTH_OF_FIELD:
            what = f"{shown(self._path[-2].encode())} holds another element"
            raise Refusal(Code.UNREADABLE, what, where=self._where(), remedy="Give a file of public offers.")
        self._text = []

    def _in_offer(self) -> bool:
        return len(self._path) >= DEPTH_OF_OFFER and self._path[1] == OFFER

    def _characters(self, text: str) -> None:
        if self._in_offer() and len(self._path) == DEPTH_OF_FIELD:
            self._text.append(text)

    def _end(self, tag: str) -> None:
        if self._in_offer() and len(self._path) == DEPTH_OF_FIELD:
            self._field(tag, "".join(self._text).strip())
        elif self._in_offer():
            self._offer()
        self._path.pop()

    def _field(self, tag: str, text: str) -> None:
        if tag in self._fields or len(text) > CHARACTERS_MAX:
            what = "the field stands twice" if tag in self._fields else "the field is too long"
            raise Refusal(Code.UNREADABLE, what, where=self._where(tag), remedy="Fetch the file again.")
        if tag not in NUMBERS:
            self._fields[tag] = text
        elif text:
            self._fields[tag] = self._number(tag, text)

    def _number(self, tag: str, text: str) -> int:
        try:
            return exact(text, NUMBERS[tag], ".")
        except ValueError:
            what = f"it is {shown(text.encode('utf-8'))}"
            remedy = f"Give a decimal with a point; a unit has {NUMBERS[tag]} parts."
            raise Refusal(Code.WRONG_TYPE, what, where=self._where(tag), remedy=remedy) from None

    def _offer(self) -> None:
        for name in REQUIRED:
            if name not in self._fields:
                remedy = f"Every offer has {', '.join(REQUIRED)}."
                raise Refusal(Code.COLUMN_MISSING, f"the offer has no {name}", where=self._where(), remedy=remedy)
        self._columns.add(self._fields)
