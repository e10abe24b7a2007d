"""OMIE, the Iberian day-ahead market of electricity: the curves of offers, and the offers themselves.

Layouts, after OMIE's *Modelo de ficheros para la distribución pública de información del mercado de electricidad* and
the files it has published since 2004:

- *Curves* (`curva_pbc_YYYYMMDD.v`, with units `curva_pbc_uof_...`, one hour at a time `INT_CURVA_ACUM_...`): latin-1,
  semicolons, a title line, an empty one and a header. Columns: hour (`Hora`, 1 to 25) or, since October 2025, period
  (`Periodo`, H1Q1 to H25Q4); date; country (MI the whole market, ES, PT); unit; C (buy) or V (sell); energy or power;
  price; O (offered) or C (matched); since then the kind of order. Numbers have a decimal comma and a point between
  thousands, or the reverse. A line of semicolons ends the file.
- *Offers* (`CAB_YYYYMMDD.v` and `DET_YYYYMMDD.v`, sections 5.1.4.1 and 5.1.4.2): fixed widths, a decimal point. A
  line of a DET file has 60 characters since the session of 19 March 2025, and 57 before; of a CAB file 94, and 169.

Integers: prices in thousandths of the file's own unit of price, energies and powers in tenths of MWh or MW. Both scales
lose nothing that the layouts can hold. The unit of price is EUR/MWh, and was cent/kWh in early years: no file says so.
"""

import re
from collections.abc import Iterator
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from naryq.datasets.bids import Bids, rows_of
from naryq.datasets.decimals import Notation, exact, notation_of
from naryq.datasets.numbers import shown
from naryq.datasets.source import File, Source, at_line, line_blocks, opened
from naryq.messages import Code, Refusal

PRICE_UNITS: Final = 1_000
QUANTITY_UNITS: Final = 10
RATIO_UNITS: Final = 1_000
SIDES: Final = MappingProxyType({"C": "buy", "V": "sell"})
STATUSES: Final = MappingProxyType({"O": "offered", "C": "matched"})
PERIOD: Final = re.compile(r"H([1-9]|1[0-9]|2[0-5])Q([1-4])")
QUARTERS: Final = 4
HOURS_MAX: Final = 25
PERIODS_MAX: Final = 100
_HEADERS: Final = ("hora", "periodo")
_CURVE_FIELDS: Final = (8, 9)


class _Steps(Bids):
    """Steps or tranches with a side, a price and a quantity."""

    def _orders(self, wanted: Any, what: str) -> dict[str, Any]:
        """Cut the rows wanted out as orders; each is named by its row in the columns."""
        rows = rows_of(wanted & (self.columns["quantity"] > 0), what)
        side, quantity = (self.columns[name][rows] for name in ("side", "quantity"))
        return {"order_id": rows, "side": side.tolist(), "price": self._priced(rows), "quantity": quantity}


class Curves(_Steps):
    """The steps of the curves as columns, and the scale of their numbers.

    `columns`: `period` (1 to 25, or 1 to 100 where periods are quarters), `date` (YYYY-MM-DD), `country`, `unit`,
    `side` (buy, sell), `status` (offered, matched), `kind` (of the order, empty in older files), `price`, `quantity`.
    """

    def orders(self, period: int, status: str = "offered") -> dict[str, Any]:
        """Give the steps of one period as orders for `naryq.clear`: the place is the country, the row names the order.

        Prices count from `price_origin`, for `clear` takes none below zero: add it to the prices that come out.

        Raises:
            Refusal: `empty` when there is no such step.
        """
        wanted = (self.columns["period"] == period) & (self.columns["status"] == status)
        orders = self._orders(wanted, f"period {period}, {status}")
        return {**orders, "place": self.columns["country"][orders["order_id"]].tolist()}


# --- Curves ---------------------------------------------------------------------------------------------------------


class _Line(NamedTuple):
    number: int
    cells: list[str]


def read_curves(source: Source, *, decimal: Literal[",", "."] | None = None) -> Curves:
    """Read a file of curves.

    Args:
        source: A path or binary file.
        decimal: The decimal mark; None to take the one that fits every number of the file.

    Raises:
        Refusal: with the line and column, for anything that the layout does not have; `wrong_type` when no decimal mark
            fits, or both do.
    """
    with opened(source) as file:
        lines = _lines(file)
        fields = _header(lines, file.name)
        rows = list(_rows(lines, file.name, fields))
    if not rows:
        raise Refusal(Code.EMPTY, "there is no step of a curve", where=file.name, remedy="Give a file of curves.")
    mark = decimal or _mark(rows, file.name)
    return Curves(_curve_columns(rows, file.name, mark), PRICE_UNITS, QUANTITY_UNITS)


def _lines(file: File) -> Iterator[_Line]:
    for block in line_blocks(file):
        for at, line in enumerate(block.content.decode("latin-1").split("\n")[:-1]):
            yield _Line(block.first_line + at, line.rstrip("\r").split(";"))


def _header(lines: Iterator[_Line], name: str) -> int:
    """Find the header among the first three lines and return how many fields a row has."""
    for line in lines:
        cells = _without_end(line.cells)
        if cells[0].strip().lower() in _HEADERS and len(cells) in _CURVE_FIELDS:
            return len(cells)
        if line.number > 2:  # noqa: PLR2004 - a title and an empty line stand before it
            break
    remedy = "A file of curves has a title, an empty line, and a header that begins with Hora or Periodo."
    raise Refusal(Code.UNREADABLE, "there is no header of curves", where=at_line(name, 3), remedy=remedy)


def _without_end(cells: list[str]) -> list[str]:
    """Drop the empty field behind the last semicolon."""
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _rows(lines: Iterator[_Line], name: str, fields: int) -> Iterator[_Line]:
    """Yield the steps, up to the line of semicolons that ends the file."""
    ended = False
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            ended = True
            continue
        cells = _without_end(cells)  # noqa: PLW2901 - the same line, less its end
        if ended or len(cells) != fields:
            what = "a step stands behind the end" if ended else f"it has {len(cells)} fields, not {fields}"
            remedy = "Check that the file is whole."
            raise Refusal(Code.UNREADABLE, what, where=at_line(name, number), remedy=remedy)
        yield _Line(number, [cell.strip() for cell in cells])


def _mark(rows: list[_Line], name: str) -> Notation:
    """Return the decimal mark that fits every number of the file."""
    fitting = notation_of(cell for row in rows for cell in row.cells[5:7])
    if fitting is None:
        remedy = 'Say which mark parts the decimals: decimal="," or decimal=".".'
        raise Refusal(Code.WRONG_TYPE, "no decimal mark fits, or both do", where=name, remedy=remedy)
    return fitting


def _curve_columns(rows: list[_Line], name: str, mark: Notation) -> dict[str, Any]:
    columns = list(zip(*(row.cells for row in rows), strict=True))
    numbers = [row.number for row in rows]

    def read(column: int, title: str, convert: Any) -> list[Any]:
        return [
            _read(convert, cell, at_line(name, number, title))
            for cell, number in zip(columns[column], numbers, strict=True)
        ]

    return {
        "period": np.array(read(0, "period", _period), np.int64),
        "date": np.array(read(1, "date", _day)),
        "country": np.array(read(2, "country", _named)),
        "unit": np.array(columns[3]),
        "side": np.array(read(4, "side", SIDES.__getitem__)),
        "quantity": np.array(read(5, "quantity", lambda cell: exact(cell, QUANTITY_UNITS, mark)), np.int64),
        "price": np.array(read(6, "price", lambda cell: exact(cell, PRICE_UNITS, mark)), np.int64),
        "status": np.array(read(7, "status", STATUSES.__getitem__)),
        "kind": np.array(columns[8] if len(columns) > _CURVE_FIELDS[0] else [""] * len(rows)),
    }


def _read(convert: Any, cell: str, where: str) -> Any:
    """Convert a cell, or refuse it where it stands."""
    try:
        return convert(cell)
    except (ValueError, KeyError):
        what = f"it is {shown(str(cell).encode('latin-1', 'replace'))}"
        raise Refusal(Code.WRONG_TYPE, what, where=where, remedy="Write it as the format has it.") from None


def _period(cell: str) -> int:
    """Return the hour, or the number of the quarter of an hour."""
    quarter = PERIOD.fullmatch(cell)
    if quarter is not None:
        return (int(quarter[1]) - 1) * QUARTERS + int(quarter[2])
    return _between(_whole(cell), 1, HOURS_MAX)


def _whole(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError(cell)
    return int(cell)


def _between(number: int, lowest: int, highest: int) -> int:
    if not lowest <= number <= highest:
        raise ValueError(number)
    return number


def _day(cell: str) -> str:
    day, month, year = (_whole(part) for part in cell.split("/"))
    return date(_between(year, 1, 9999), _between(month, 1, 12), _between(day, 1, 31)).isoformat()


def _named(cell: str) -> str:
    if not cell:
        raise ValueError(cell)
    return cell


# --- Offers ---------------------------------------------------------------------------------------------------------

_Field = tuple[str, int, int]
"""The name of a field, where it begins, counted from 0, and how many units make one: 0 for text."""

DETAILS: Final = MappingProxyType(
    {
        60: (
            *(("offer", 0, 1), ("version", 10, 1), ("period", 15, 1), ("block", 18, 1), ("tranche", 20, 1)),
            *(("exclusive_group", 22, 1), ("price", 24, PRICE_UNITS), ("quantity", 41, QUANTITY_UNITS)),
            *(("minimum_quantity", 48, QUANTITY_UNITS), ("minimum_ratio", 55, RATIO_UNITS)),
        ),
        57: (
            *(("offer", 0, 1), ("version", 7, 1), ("period", 10, 1), ("block", 12, 1), ("unused", 14, 0)),
            *(("price", 31, PRICE_UNITS), ("quantity", 48, QUANTITY_UNITS)),
            *(("indivisible", 55, 0), ("withdrawable", 56, 0)),
        ),
    }
)
"""The fields of a DET file by the length of its lines."""
HEADS: Final = MappingProxyType(
    {
        94: (
            *(("offer", 0, 1), ("version", 10, 1), ("unit", 15, 0), ("description", 22, 0), ("side", 52, 0)),
            *(("in_term", 53, 0), ("fixed_term", 54, PRICE_UNITS), ("maximum_power", 71, QUANTITY_UNITS)),
            *(("interconnection", 78, 0), ("inserted_at", 80, 0)),
        ),
        169: (
            *(("offer", 0, 1), ("version", 7, 1), ("unit", 10, 0), ("description", 17, 0), ("side", 47, 0)),
            *(("unused", 48, 0), ("in_term", 49, 0), ("unused_terms", 50, 0)),
            *(("ramp_up", 84, QUANTITY_UNITS), ("ramp_down", 91, QUANTITY_UNITS), ("fixed_term", 98, PRICE_UNITS)),
            *(("variable_term", 115, PRICE_UNITS), ("maximum_power", 132, QUANTITY_UNITS)),
            *(("ramp_start", 139, QUANTITY_UNITS), ("ramp_stop", 146, QUANTITY_UNITS)),
            *(("interconnection", 153, 0), ("inserted_at", 155, 0)),
        ),
    }
)
"""The fields of a CAB file by the length of its lines."""


class Offers(_Steps):
    """The offers of a session, head and detail joined: a row a tranche, with the scale of the numbers."""

    def orders(self, period: int) -> dict[str, Any]:
        """Give the tranches of one period as orders for `naryq.clear`, all at one place; prices from `price_origin`.

        Conditions over several periods (minimum income, gradients, blocks) are columns of the file and not of an order.

        Raises:
            Refusal: `empty` when there is no tranche of the period.
        """
        orders = self._orders(self.columns["period"] == period, f"period {period}")
        return {**orders, "place": ["MI"] * len(orders["order_id"])}


def read_offers(heads: Source, details: Source) -> Offers:
    """Read the CAB and the DET file of a session.

    Returns:
        A row for each line of the DET file: its fields, and `unit`, `side` (buy, sell), `fixed_term` (the minimum
        income) and `maximum_power` of its offer. Columns that a layout does not have are left out.

    Raises:
        Refusal: with the line and column, for anything that the layouts do not have; `unknown_order` for a detail
            without a head, `duplicate_id` for two heads of one offer and version.
    """
    head_rows, head_name = _fixed(heads, HEADS)
    detail_rows, detail_name = _fixed(details, DETAILS)
    of_offer: dict[tuple[int, int], dict[str, Any]] = {}
    for row in head_rows:
        key = (row["offer"], row["version"])
        row["side"] = _read(SIDES.__getitem__, row["side"], at_line(head_name, row["line"], "side"))
        if of_offer.setdefault(key, row) is not row:
            where = at_line(head_name, row["line"])
            what = f"offer {key[0]} of version {key[1]} stands twice"
            raise Refusal(Code.DUPLICATE_ID, what, where=where, remedy="Give the file of one session.")
    return Offers(_joined(detail_rows, of_offer, detail_name), PRICE_UNITS, QUANTITY_UNITS)


_OF_HEAD: Final = ("unit", "side", "fixed_term", "maximum_power")


def _joined(
    details: list[dict[str, Any]], of_offer: dict[tuple[int, int], dict[str, Any]], name: str
) -> dict[str, Any]:
    for row in details:
        where = at_line(name, row.pop("line"), "offer")
        head = of_offer.get((row["offer"], row["version"]))
        if head is None:
            what = f"offer {row['offer']} of version {row['version']} has no head"
            raise Refusal(Code.UNKNOWN_ORDER, what, where=where, remedy="Give the two files of one session.")
        _read(lambda period: _between(period, 1, PERIODS_MAX), row["period"], where)
        row.update({field: head[field] for field in _OF_HEAD})
    return {field: np.array([row[field] for row in details]) for field in details[0] if field != "unused"}


def _fixed(source: Source, layouts: Any) -> tuple[list[dict[str, Any]], str]:
    """Read the lines of a file of fixed widths; all have the length of the first."""
    fields: tuple[_Field, ...] = ()
    length, rows = 0, []
    with opened(source) as file:
        for block in line_blocks(file):
            for at, raw in enumerate(block.content.decode("latin-1").split("\n")[:-1]):
                number, line = block.first_line + at, raw.rstrip("\r")
                length = length or len(line)
                fields = layouts.get(length, ())
                if not fields or len(line) != length:
                    raise _wrong_length(len(line), layouts, at_line(file.name, number))
                rows.append(_cut(line, fields, file.name, number))
    if not rows:
        raise Refusal(Code.EMPTY, "there is no line", where=file.name, remedy="Give a file of offers.")
    return rows, file.name


def _wrong_length(length: int, layouts: Any, where: str) -> Refusal:
    what = f"the line has {length} characters"
    known = " or ".join(map(str, layouts))
    return Refusal(Code.UNREADABLE, what, where=where, remedy=f"Every line has {known}, as the first has.")


def _cut(line: str, fields: tuple[_Field, ...], name: str, number: int) -> dict[str, Any]:
    """Cut a line into its fields."""
    row: dict[str, Any] = {"line": number}
    ends = [start for _, start, _ in fields[1:]] + [len(line)]
    for (field, start, units), end in zip(fields, ends, strict=True):
        cell = line[start:end].strip()
        row[field] = cell if not units else _read(_number(units), cell, at_line(name, number, field))
    return row


def _number(units: int) -> Any:
    return _whole if units == 1 else lambda cell: exact(cell, units, ".")
