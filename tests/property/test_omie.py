"""OMIE's curves and offers: read in every layout and notation, exactly, and ready to be cleared."""

import io
import re
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from naryq import clear
from naryq.datasets.decimals import exact, notation_of
from naryq.datasets.omie import Curves, read_curves, read_offers
from naryq.messages import Code, Refusal

Step = tuple[int, str, str, int, int, str]
"""Period, country, side, tenths of energy, thousandths of price, status."""

HOURLY = "Hora;Fecha;Pais;Unidad;Tipo Oferta;Energía Compra/Venta;Precio Compra/Venta;Ofertada (O)/Casada (C);"
QUARTERLY = (
    "Periodo;Fecha;Pais;Unidad;Tipo Oferta;Potencia Compra/Venta;Precio Compra/Venta;Ofertada (O)/Casada (C);Tipología;"
)


def written(number: int, places: int, mark: str) -> str:
    """Write an integer as a decimal with its thousands parted."""
    whole, rest = divmod(abs(number), 10**places)
    text = f"{whole:,}.{rest:0{places}d}"
    sign = "-" if number < 0 else ""
    return sign + (text if mark == "." else text.translate(str.maketrans(",.", ".,")))


def curves(steps: list[Step], *, mark: str = ",", quarters: bool = False, end: str = ";;;;;;;;\n") -> bytes:
    lines = ["OMIE - Mercado de electricidad;Fecha Emisión :01/01/2025;;02/01/2025;Mercado diario;;;;", ""]
    lines.append(QUARTERLY if quarters else HOURLY)
    for period, country, side, quantity, price, status in steps:
        when = f"H{(period + 3) // 4}Q{(period - 1) % 4 + 1}" if quarters else str(period)
        cells = [when, "02/01/2025", country, "UNIT", side, written(quantity, 1, mark), written(price, 3, mark), status]
        lines.append(";".join([*cells, *(["C01"] if quarters else []), ""]))
    return ("\n".join(lines) + "\n" + end).encode("latin-1")


def table(read: Curves) -> list[Step]:
    letters = {"buy": "C", "sell": "V", "offered": "O", "matched": "C"}
    names = ("period", "country", "side", "quantity", "price", "status")
    rows = zip(*(read.columns[name].tolist() for name in names), strict=True)
    return [(p, country, letters[side], q, price, letters[status]) for p, country, side, q, price, status in rows]


steps = st.lists(
    st.tuples(
        st.integers(1, 25),
        st.sampled_from(["MI", "ES", "PT"]),
        st.sampled_from("CV"),
        st.integers(0, 10**7),
        st.integers(-500_000, 4_000_000),
        st.sampled_from("OC"),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=80)
@given(steps, st.sampled_from(",."), st.booleans(), st.sampled_from([";;;;;;;;\n", ""]))
def test_curves_are_read_as_they_were_written(rows: list[Step], mark: Any, quarters: bool, end: str) -> None:  # noqa: FBT001 - drawn
    """Every step comes back, hours or quarters, with a comma or a point, with the closing line or without."""
    found = read_curves(io.BytesIO(curves(rows, mark=mark, quarters=quarters, end=end)), decimal=mark)
    assert table(found) == rows
    assert (found.price_scale, found.quantity_scale) == (1_000, 10)
    assert set(found.columns["date"].tolist()) == {"2025-01-02"}
    assert set(found.columns["kind"].tolist()) == {"C01" if quarters else ""}


@pytest.mark.parametrize("mark", [",", "."])
def test_the_decimal_mark_is_found(mark: str) -> None:
    """One number that only one mark fits settles the notation of the file."""
    rows: list[Step] = [(1, "MI", "C", 39_220, 18_030, "O"), (1, "MI", "V", 25, 5_369, "C")]
    assert table(read_curves(io.BytesIO(curves(rows, mark=mark)))) == rows


def test_curves_are_cleared() -> None:
    """The steps of a period are orders: a market that a hand can clear gives its price and volume in units."""
    rows: list[Step] = [
        (1, "MI", "C", 1_000, 180_300, "O"),
        (1, "MI", "C", 500, 30_000, "O"),
        (1, "MI", "V", 700, 10_000, "O"),
        (1, "MI", "V", 600, 50_000, "O"),
        (2, "MI", "V", 9, 1, "O"),
        (1, "MI", "V", 9, 1, "C"),
    ]
    orders = read_curves(io.BytesIO(curves(rows))).orders(1)
    assert orders["order_id"].tolist() == [0, 1, 2, 3]
    result = clear(orders)
    assert result.prices == {"MI": 50_000}
    assert np.asarray(result.fills["quantity"]).tolist() == [1_000, 0, 700, 300]
    with pytest.raises(Refusal) as refused:
        read_curves(io.BytesIO(curves(rows))).orders(3)
    assert refused.value.code is Code.EMPTY


GOOD = "1;02/01/2025;MI;;C;1,5;18,030;O;"


@pytest.mark.parametrize(
    ("lines", "code", "where"),
    [
        ([], Code.UNREADABLE, ", line 3"),
        (["a", "", "b", HOURLY, GOOD], Code.UNREADABLE, ", line 3"),
        (["a", "", HOURLY], Code.EMPTY, ""),
        (["a", "", HOURLY, GOOD, GOOD + "x;"], Code.UNREADABLE, ", line 5"),
        (["a", "", HOURLY, GOOD, ";;;", GOOD], Code.UNREADABLE, ", line 6"),
        (["a", "", HOURLY, GOOD.replace("1;02", "26;02")], Code.WRONG_TYPE, ", line 4, column period"),
        (["a", "", HOURLY, GOOD.replace("1;02", "H1Q5;02")], Code.WRONG_TYPE, ", line 4, column period"),
        (["a", "", HOURLY, GOOD.replace("02/01", "31/02")], Code.WRONG_TYPE, ", line 4, column date"),
        (["a", "", HOURLY, GOOD.replace("/01/2025", "/01/" + 12 * "9")], Code.WRONG_TYPE, ", line 4, column date"),
        (["a", "", HOURLY, GOOD.replace("02/01", 20 * "9" + "/01")], Code.WRONG_TYPE, ", line 4, column date"),
        (["a", "", HOURLY, GOOD.replace("MI", "")], Code.WRONG_TYPE, ", line 4, column country"),
        (["a", "", HOURLY, GOOD.replace(";C;", ";B;")], Code.WRONG_TYPE, ", line 4, column side"),
        (["a", "", HOURLY, GOOD.replace(";O;", ";X;")], Code.WRONG_TYPE, ", line 4, column status"),
        (["a", "", HOURLY, GOOD.replace("1,5", "1,55")], Code.WRONG_TYPE, ", line 4, column quantity"),
        (["a", "", HOURLY, GOOD.replace("18,030", "18,0301")], Code.WRONG_TYPE, ", line 4, column price"),
        (["a", "", HOURLY, GOOD.replace("1,5", "x")], Code.WRONG_TYPE, ""),
        (["a", "", HOURLY, GOOD.replace("1,5", "1.500")], Code.WRONG_TYPE, ""),
    ],
)
def test_wrong_curves_are_refused(lines: list[str], code: Code, where: str) -> None:
    """What the layout does not have, and numbers whose notation is open, are refused with their place."""
    with pytest.raises(Refusal) as refused:
        read_curves(io.BytesIO("\n".join(lines).encode("latin-1")))
    assert (refused.value.code, refused.value.where) == (code, "the open file" + where)


# --- Offers ---------------------------------------------------------------------------------------------------------


def head_2025(offer: int, unit: str, side: str, fixed_term: str = "0.000") -> str:
    return f"{offer:10d}{1:5d}{unit:7s}{'A description':30s}{side}N{fixed_term:>17s}{'450.0':>7s} 020250319101500"


def detail_2025(offer: int, period: int, price: str, quantity: str, tranche: int = 1) -> str:
    return f"{offer:10d}{1:5d}{period:3d}{0:2d}{tranche:2d}{0:2d}{price:>17s}{quantity:>7s}{'0.0':>7s}{'0.000':>5s}"


def head_before(offer: int, unit: str, side: str, fixed_term: str = "0.000") -> str:
    ramps = f"{'0.0':>7s}{'0.0':>7s}"
    return (
        f"{offer:7d}{1:3d}{unit:7s}{'A description':30s}{side} N{'0.000':>17s}{'0.000':>17s}{ramps}"
        f"{fixed_term:>17s}{'0.000':>17s}{'450.0':>7s}{ramps} 020240319101500"
    )


def detail_before(offer: int, period: int, price: str, quantity: str, tranche: int = 1) -> str:
    return f"{offer:7d}{1:3d}{period:2d}{tranche:2d}{'0.000':>17s}{price:>17s}{quantity:>7s}NN"


LAYOUTS = {"2025": (head_2025, detail_2025), "before": (head_before, detail_before)}


def files(heads: list[str], details: list[str]) -> tuple[io.BytesIO, io.BytesIO]:
    return io.BytesIO("\r\n".join(heads).encode("latin-1")), io.BytesIO("\n".join(details).encode("latin-1"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_offers_are_read_in_both_layouts(layout: str) -> None:
    """A line of details takes unit, side and terms from its head, in the layout of either time."""
    head, detail = LAYOUTS[layout]
    heads = [head(11, "ABC1", "V", "35000.500"), head(12, "XYZ2", "C")]
    details = [detail(11, 1, "-50.120", "100.0"), detail(11, 25, "4000.000", "0.5"), detail(12, 1, "180.300", "3922.0")]
    assert [len(heads[0]), len(details[0])] == {"2025": [94, 60], "before": [169, 57]}[layout]
    offers = read_offers(*files(heads, details))
    columns = {name: column.tolist() for name, column in offers.columns.items()}
    assert columns["unit"] == ["ABC1", "ABC1", "XYZ2"]
    assert columns["side"] == ["sell", "sell", "buy"]
    assert columns["price"] == [-50_120, 4_000_000, 180_300]
    assert columns["quantity"] == [1_000, 5, 39_220]
    assert columns["fixed_term"] == [35_000_500, 35_000_500, 0]
    assert columns["period"] == [1, 25, 1]
    orders = offers.orders(1)
    assert orders["place"] == ["MI", "MI"]
    assert offers.price_origin == -50_120
    assert orders["price"].tolist() == [0, 230_420]
    assert clear(orders).prices == {"MI": 230_420}


@pytest.mark.parametrize(
    ("heads", "details", "code", "where"),
    [
        ([], [detail_2025(1, 1, "1.000", "1.0")], Code.EMPTY, "the open file"),
        ([head_2025(1, "A", "V")], [], Code.EMPTY, "the open file"),
        ([head_2025(1, "A", "V")], [detail_2025(1, 1, "1.0", "1.0")[:-1]], Code.UNREADABLE, "the open file, line 1"),
        (
            [head_2025(1, "A", "V"), head_before(2, "A", "V")],
            [detail_2025(1, 1, "1.0", "1.0")],
            Code.UNREADABLE,
            "the open file, line 2",
        ),
        (
            [head_2025(1, "A", "V"), head_2025(1, "A", "V")],
            [detail_2025(1, 1, "1.0", "1.0")],
            Code.DUPLICATE_ID,
            "the open file, line 2",
        ),
        (
            [head_2025(1, "A", "V")],
            [detail_2025(2, 1, "1.0", "1.0")],
            Code.UNKNOWN_ORDER,
            "the open file, line 1, column offer",
        ),
        (
            [head_2025(1, "A", "B")],
            [detail_2025(1, 1, "1.0", "1.0")],
            Code.WRONG_TYPE,
            "the open file, line 1, column side",
        ),
        (
            [head_2025(1, "A", "V")],
            [detail_2025(1, 1, "1,0", "1.0")],
            Code.WRONG_TYPE,
            "the open file, line 1, column price",
        ),
        (
            [head_2025(1, "A", "V")],
            [detail_2025(1, 101, "1.0", "1.0")],
            Code.WRONG_TYPE,
            "the open file, line 1, column offer",
        ),
    ],
)
def test_wrong_offers_are_refused(heads: list[str], details: list[str], code: Code, where: str) -> None:
    """A line of another length, a field that is none, and files that do not belong together are refused."""
    with pytest.raises(Refusal) as refused:
        read_offers(*files(heads, details))
    assert (refused.value.code, refused.value.where) == (code, where)


# --- Decimals and chance --------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.integers(-(10**15), 10**15), st.integers(1, 6), st.sampled_from(",."))
def test_decimals_are_exact(number: int, places: int, mark: Any) -> None:
    """A decimal with its thousands parted comes back as the integer of its digits, and never in the other notation."""
    text = written(number, places, mark)
    assert exact(text, 10**places, mark) == number
    assert notation_of([text]) in {mark, None}


@pytest.mark.parametrize("text", ["", "-", "1,2,3", "1.23.456", "٣", "1e3", "+1", " 1", "1" * 41, "9" * 20, "0,01"])
def test_what_is_no_decimal_is_none(text: str) -> None:
    """Text that is no number in plain digits, or more than the units hold, is refused."""
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        exact(text, 10, ",")


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.lists(st.text("0123456789,.;HQMICVO/- \n", max_size=60), max_size=6).map(
            lambda lines: "\n".join(["t", "", HOURLY, GOOD, *lines]).encode("latin-1")
        ),
    ),
    st.one_of(st.binary(max_size=200), st.text("0123456789. \n", max_size=130).map(str.encode)),
)
def test_bytes_of_chance_are_refused(content: bytes, other: bytes) -> None:
    """Whatever the files hold, they are read or refused."""
    with suppress(Refusal):
        read_curves(io.BytesIO(content)).orders(1)
    with suppress(Refusal):
        read_offers(io.BytesIO(content), io.BytesIO(other))
    with suppress(Refusal):
        read_offers(io.BytesIO(head_2025(1, "A", "V").encode()), io.BytesIO(other))
