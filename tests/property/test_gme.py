"""GME's public offers: read from XML or an archive, exactly, by a parser that expands nothing."""

import io
import zipfile
from contextlib import suppress
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naryq import clear
from naryq.datasets.bids import MISSING
from naryq.datasets.gme import read_offers
from naryq.messages import Code, Refusal

Offer = dict[str, str]

SCHEMA = (
    '<xs:schema id="NewDataSet" xmlns="" xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    '<xs:element name="OfferteOperatori"><xs:complexType>'
    '<xs:element name="PURPOSE_CD" type="xs:string"/></xs:complexType></xs:element></xs:schema>'
)


def offer(purpose: str, zone: str, quantity: str, price: str, **more: str) -> Offer:
    fields = {
        "PURPOSE_CD": purpose,
        "TYPE_CD": "REG",
        "STATUS_CD": "ACC",
        "MARKET_CD": "MGP",
        "UNIT_REFERENCE_NO": "UP_1",
        "INTERVAL_NO": "1",
        "BID_OFFER_DATE_DT": "20240401",
        "QUANTITY_NO": quantity,
        "ENERGY_PRICE_NO": price,
        "ZONE_CD": zone,
        "OPERATORE": "ACQUA & LUCE S.P.A.",
        "BILATERAL_IN": "false",
    }
    return {name: value for name, value in {**fields, **more}.items() if value}


def document(offers: list[Offer], head: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    rows = "".join(
        "\n  <OfferteOperatori>"
        + "".join(f"\n    <{name}>{escape(value)}</{name}>" for name, value in row.items())
        + "\n  </OfferteOperatori>"
        for row in offers
    )
    return f"{head}\n<NewDataSet>\n  {SCHEMA}{rows}\n</NewDataSet>".encode()


def archive(*documents: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("Legend.txt", "not an offer")
        for number, content in enumerate(documents):
            members.writestr(f"2024040{number}MGPOffertePubbliche.xml", content)
    return packed.getvalue()


def read(content: bytes) -> Any:
    return read_offers(io.BytesIO(content))


MARKET = [
    offer("BID", "NORD", "100.5", "4000"),
    offer("OFF", "NORD", "60.25", "55.25"),
    offer("OFF", "NORD", "80", "70.1"),
    offer("OFF", "SUD", "10", "-3.5"),
    offer("BID", "SUD", "4.125", "90"),
    offer("OFF", "NORD", "999", "1", STATUS_CD="REP"),
    offer("OFF", "NORD", "999", "1", INTERVAL_NO="2"),
]


@pytest.mark.parametrize("packed", [False, True])
def test_offers_are_read_and_cleared_by_zone(packed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """The offers of an hour clear by zone, in thousandths; replaced offers and other hours are left out."""
    content = document(MARKET)
    found = read(archive(content) if packed else content)
    assert (found.price_scale, found.quantity_scale) == (1_000, 1_000)
    assert set(found.columns["OPERATORE"].tolist()) == {"ACQUA & LUCE S.P.A."}
    orders = found.orders(1)
    assert orders["order_id"].tolist() == [0, 1, 2, 3, 4]
    assert orders["quantity"].tolist() == [100_500, 60_250, 80_000, 10_000, 4_125]
    result = clear(orders)
    assert found.price_origin == -3_500
    assert result.prices == {"NORD": 70_100 + 3_500, "SUD": 0}
    assert np.asarray(result.fills["quantity"]).tolist() == [100_500, 60_250, 40_250, 4_125, 4_125]


def test_documents_of_an_archive_follow_by_name() -> None:
    """An archive of several days gives the offers of all; a file that is no XML is passed over."""
    found = read(archive(document(MARKET[:2]), document(MARKET[3:5])))
    assert found.columns["ZONE_CD"].tolist() == ["NORD", "NORD", "SUD", "SUD"]


def test_periods_of_a_quarter_are_told_from_hours() -> None:
    """Since October 2025 an offer has a period and a granularity: each is asked for by its own."""
    quarters = [
        offer("OFF", "NORD", "1", "1", INTERVAL_NO="", PERIOD="3", GRANULARITY="PT15"),
        offer("OFF", "NORD", "2", "1", INTERVAL_NO="", PERIOD="3", GRANULARITY="PT60"),
    ]
    found = read(document(quarters))
    assert found.orders(3, "PT15")["quantity"].tolist() == [1_000]
    assert found.orders(3)["quantity"].tolist() == [2_000]
    with pytest.raises(Refusal) as refused:
        found.orders(3, "PT30")
    assert refused.value.code is Code.EMPTY


def test_fields_that_some_offers_do_not_have_are_missing() -> None:
    """A field that comes late, or not at all, is missing where it is not; a price that is not named is no price."""
    rows = [
        offer("BID", "NORD", "1", ""),
        offer("OFF", "NORD", "1", "5", AWARDED_PRICE_NO="12.345678", BLOCK_ID="B1"),
        offer("OFF", "NORD", "1", "6"),
    ]
    found = read(document(rows).replace(b"<TYPE_CD>", b"<ENERGY_PRICE_NO/><TYPE_CD>", 1))
    assert found.columns["AWARDED_PRICE_NO"].tolist() == [MISSING, 12_345_678, MISSING]
    assert found.columns["BLOCK_ID"].tolist() == ["", "B1", ""]
    assert found.columns["ENERGY_PRICE_NO"].tolist() == [MISSING, 5_000, 6_000]
    assert found.orders(1)["price"] == [None, 5_000, 6_000]
    assert found.price_origin == 0


def thousandths(number: int) -> str:
    """Write an integer of thousandths as a decimal."""
    return f"{'-' * (number < 0)}{abs(number) // 1000}.{abs(number) % 1000:03d}"


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12)


@settings(max_examples=60)
@given(st.lists(st.tuples(words, st.integers(0, 10**9), st.integers(-(10**9), 10**9)), min_size=1, max_size=6))
def test_words_and_numbers_come_back(rows: list[tuple[str, int, int]]) -> None:
    """Any text and any decimal of three places comes back as it was written."""
    offers = [offer("OFF", zone, thousandths(quantity), thousandths(price)) for zone, quantity, price in rows]
    columns = read(document(offers)).columns
    found = zip(*(columns[name].tolist() for name in ("ZONE_CD", "QUANTITY_NO", "ENERGY_PRICE_NO")), strict=True)
    assert list(found) == rows


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/hostname">'


@pytest.mark.parametrize("declaration", [BOMB, OUTSIDE])
def test_a_document_type_is_refused(declaration: str) -> None:
    """No entity is declared, expanded or fetched: the declaration itself is refused, where it stands."""
    with pytest.raises(Refusal) as refused:
        read(document(MARKET, declaration))
    assert (refused.value.code, refused.value.what) == (Code.UNREADABLE, "it declares a document type")
    assert refused.value.where == "the open file, line 1"


@pytest.mark.parametrize(
    ("before", "after", "code", "what"),
    [
        ("</NewDataSet>", "", Code.UNREADABLE, "no well-formed XML"),
        ('"utf-8"', '"utf-9"', Code.UNREADABLE, "its encoding cannot be read"),
        ('"utf-8"', '"shift_jis"', Code.UNREADABLE, "its encoding cannot be read"),
        ("100.5", "100,5", Code.WRONG_TYPE, "it is '100,5'"),
        ("100.5", "1E2", Code.WRONG_TYPE, "it is '1E2'"),
        ("100.5", "100.1234", Code.WRONG_TYPE, "it is '100.1234'"),
        ("<ZONE_CD>NORD</ZONE_CD>", "", Code.COLUMN_MISSING, "the offer has no ZONE_CD"),
        ("<TYPE_CD>REG</TYPE_CD>", "<TYPE_CD><B/></TYPE_CD>", Code.UNREADABLE, "holds another element"),
        ("<TYPE_CD>REG</TYPE_CD>", "<MARKET_CD>MGP</MARKET_CD>", Code.UNREADABLE, "stands twice"),
        ("REG", "x" * 1_001, Code.UNREADABLE, "too long"),
    ],
)
def test_a_wrong_document_is_refused(before: str, after: str, code: Code, what: str) -> None:
    """A document that is cut, another structure or a number that is none is refused with its line."""
    content = document(MARKET).decode()
    assert before in content
    with pytest.raises(Refusal) as refused:
        read(content.replace(before, after, 1).encode())
    assert refused.value.code is code
    assert what in refused.value.what
    assert ", line " in refused.value.where


def test_a_damaged_archive_is_refused() -> None:
    """An archive that is cut, changed, locked or empty of offers is refused."""
    good = archive(document(MARKET))
    middle = len(good) // 2
    changed = good[:middle] + bytes([good[middle] ^ 255]) + good[middle + 1 :]
    for content in (good[:-30], changed, archive()):
        with pytest.raises(Refusal):
            read(content)


def test_a_purpose_that_is_neither_is_refused() -> None:
    """An offer neither to buy nor to sell cannot be an order."""
    with pytest.raises(Refusal) as refused:
        read(document([offer("BUY", "NORD", "1", "1")])).orders(1)
    assert (refused.value.code, refused.value.where) == (Code.UNKNOWN_SIDE, "offer 1")


GOOD_ARCHIVE = archive(document(MARKET))


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=200).map(lambda tail: b"PK\x03\x04" + tail),
        st.text("<>/&;ab!-[]'\" \n", max_size=80).map(lambda text: f"<NewDataSet>{text}".encode()),
        st.tuples(st.integers(0, len(GOOD_ARCHIVE) - 1), st.integers(0, 255)).map(
            lambda change: GOOD_ARCHIVE[: change[0]] + bytes([change[1]]) + GOOD_ARCHIVE[change[0] + 1 :]
        ),
    )
)
def test_bytes_of_chance_are_refused(content: bytes) -> None:
    """Whatever a file holds, its offers are read or it is refused."""
    with suppress(Refusal):
        read(content).orders(1)
