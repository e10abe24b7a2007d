"""`naryq clear`: anybody's market, from a file of orders to prices, fills, flows and reasons."""

import difflib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

import naryq
from naryq.cli.tables import LARGEST_MEGABYTES, STANDARD_INPUT, Form, Table, read_table
from naryq.messages import Code, Refusal
from naryq.units import grouped

if TYPE_CHECKING:
    from naryq import Clearing
    from naryq.market.why import Why

ORDERS: Final = Form(
    "orders",
    {
        "order_id": "text",
        "place": "text",
        "side": "text",
        "price": "number",
        "quantity": "number",
        "submitted_at": "number",
        "min_quantity": "number",
        "group": "text",
        "parent": "text",
    },
    optional=("submitted_at", "min_quantity", "group", "parent"),
    gaps=("price", "min_quantity", "group", "parent"),
)
LINKS: Final = Form(
    "links",
    {"source": "text", "target": "text", "capacity": "number", "tariff": "number", "capacity_back": "number"},
    optional=("capacity_back",),
    gaps=("capacity_back",),
    may_be_empty=True,
)
TERMS: Final = ("floor", "cap", "import_price", "export_price")
PLACES: Final = Form(
    "places", {"place": "text", **dict.fromkeys(TERMS, "number")}, optional=TERMS, gaps=TERMS, may_be_empty=True
)
FORMS: Final = {"orders": ORDERS, "links": LINKS, "places": PLACES}

SHOWN_ROWS: Final = 100
"""A table for people ends here and says how many rows more there are; `--json` gives all."""
PIPED_COLUMNS: Final = 10_000
"""The width of a page that is no terminal: nothing is folded or cut for it."""
LIBRARY_ROW: Final = re.compile(r"(orders|links|places)(?:, row (\d+))?")
"""How the library names a place in its tables: it counts rows from 1 and knows no header."""


@click.command("clear")
@click.argument("orders", metavar="ORDERS.csv")
@click.option(
    "--links", metavar="LINKS.csv", help="Transport: source, target, capacity (lots), tariff (tenge a tonne)."
)
@click.option(
    "--places",
    metavar="PLACES.csv",
    help="Terms of places: place, floor, cap, import_price, export_price (tenge a tonne).",
)
@click.option(
    "--tie",
    type=click.Choice(["time", "pro_rata"]),
    default="time",
    show_default=True,
    help="How orders at the price of their place share what is left.",
)
@click.option(
    "--price-rule",
    type=click.Choice(["lowest", "middle", "highest"]),
    default="middle",
    show_default=True,
    help="Which of several optimal prices holds.",
)
@click.option(
    "--time-limit",
    "time_limit_seconds",
    metavar="SECONDS",
    type=click.IntRange(min=0),
    help="Stop looking for a better choice among orders with conditions after so long; the result says how far it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, for programs.")
@click.option(
    "--largest",
    "largest_megabytes",
    metavar="MB",
    type=click.IntRange(min=1),
    default=LARGEST_MEGABYTES,
    show_default=True,
    help="Refuse a larger file before reading it.",
)
def clear_command(
    orders: str,
    links: str | None,
    places: str | None,
    tie: str,
    price_rule: str,
    *,
    time_limit_seconds: int | None,
    as_json: bool,
    largest_megabytes: int,
) -> None:
    """Clear your own market: print the price of every place, every fill, every flow, and why.

    ORDERS.csv has the columns order_id, place, side (buy or sell), price (whole tenge a tonne, or empty for an order
    without a limit), quantity (whole lots) and, if you like, submitted_at (whole nanoseconds) and conditions:
    min_quantity (at least so many lots or nothing), group (at most one order of it executes) and parent (the order_id
    of the order without which this one does not execute). A dash reads it from standard input.
    """
    paths = {"orders": orders, "links": links, "places": places}
    if list(paths.values()).count(STANDARD_INPUT) > 1:
        raise Refusal(Code.UNREADABLE, "more than one file is standard input", remedy="Name a file for the others.")
    tables = {what: read(path, FORMS[what], largest_megabytes) for what, path in paths.items() if path is not None}
    refuse_dead_ends(tables)
    result = cleared(tables, tie, price_rule, time_limit_seconds)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(as_data(result, tables, tie, price_rule)), indent=2))
    else:
        show(result, tables)


def read(path: str, form: Form, largest_megabytes: int) -> Table:
    """Read one of the files, named in refusals as it was named by the caller."""
    name = "" if path == STANDARD_INPUT else click.format_filename(path)
    return read_table(path, form, name=name, largest_megabytes=largest_megabytes)


def refuse_dead_ends(tables: dict[str, Table]) -> None:
    """Refuse a link to or from a place that nothing else names, unless gas passes through: a misspelt name looks so."""
    if "links" not in tables:
        return
    links = tables["links"]
    named = [str(name) for what in ("orders", "places") if what in tables for name in tables[what].columns["place"]]
    known = {*named, *passed(links)}
    ends = ("source", "target")
    for row, pair in enumerate(zip(*(links.columns[end] for end in ends), strict=True)):
        for end, place in zip(ends, pair, strict=True):
            if place not in known:
                raise dead_end(links.where(row, end), str(place), list(dict.fromkeys(named)))


def passed(links: Table) -> set[str]:
    """Return the places that gas can reach by one link and leave by another."""
    rows = zip(*(links.columns[column] for column in ("source", "target")), strict=True)
    back = listed(links.columns.get("capacity_back", [0] * links.rows))
    entered, left, touched = set(), set(), Counter[str]()
    for (source, target), lots in zip(((str(one), str(other)) for one, other in rows), back, strict=True):
        entered |= {target, source} if lots else {target}
        left |= {target, source} if lots else {source}
        touched.update((source, target))
    return {name for name in entered & left if touched[name] > 1}


def dead_end(where: str, place: str, known: Sequence[str]) -> Refusal:
    """Say that a place is unknown, and which one may have been meant."""
    likely = difflib.get_close_matches(place, known, 1)
    remedy = f"Did you mean {likely[0]!r}?" if likely else "Correct its name, or remove the link."
    return Refusal(Code.UNKNOWN_PLACE, f"no order names {place!r}, and it leads nowhere", where=where, remedy=remedy)


def cleared(tables: dict[str, Table], tie: str, price_rule: str, seconds: int | None = None) -> "Clearing":
    """Clear the market and check the result by code of its own; a refusal names the line of the file, not the row."""
    links, places = (tables[what].columns if what in tables else None for what in ("links", "places"))
    try:
        result = naryq.clear(
            tables["orders"].columns,
            links,
            places=places,
            tie=tie,
            price_rule=price_rule,
            time_limit_seconds=seconds,
        )
    except Refusal as refusal:
        raise in_lines(refusal, tables) from None
    result.check()
    return result


def in_lines(refusal: Refusal, tables: dict[str, Table]) -> Refusal:
    """Tell a refusal of the library by the file and the line instead of the table and the row."""
    found = LIBRARY_ROW.fullmatch(refusal.where)
    if found is None:
        return refusal
    table = tables[found[1]]
    where = table.where(int(found[2]) - 1) if found[2] else table.name
    return Refusal(refusal.code, refusal.what, where=where, remedy=refusal.remedy)


# --- For programs -----------------------------------------------------------------------------------------------


def listed(column: Any) -> list[Any]:
    """Return a column as a list of plain Python values."""
    values: list[Any] = column if isinstance(column, list) else column.tolist()
    return values


def as_data(result: "Clearing", tables: dict[str, Table], tie: str, price_rule: str) -> dict[str, Any]:
    """Put everything into plain values, with the unit in the name: prices in tenge a tonne, quantities in lots."""
    return {
        "tie": tie,
        "price_rule": price_rule,
        "prices": [price_data(result.why(place)) for place in result.prices],
        "fills": fill_data(result, tables["orders"]),
        "flows": flow_data(result, tables["links"]) if "links" in tables else [],
        "welfare_tenge_per_tonne_lots": result.welfare,
        "dual_value_tenge_per_tonne_lots": result.dual_value,
        "optimal": result.proven,
        "bound_tenge_per_tonne_lots": result.bound,
        "paradoxical": [
            {"order_id": paradox.order_id, "loss_tenge_per_tonne_lots": paradox.loss, "because": paradox.because}
            for paradox in result.paradoxical
        ],
    }


def price_data(why: "Why") -> dict[str, Any]:
    """Give one place: its price, the range of optimal prices, what traded, and why."""
    return {
        "place": why.place,
        "price_tenge_per_tonne": why.price,
        "lowest_price_tenge_per_tonne": why.lowest,
        "highest_price_tenge_per_tonne": why.highest,
        "bought_lots": why.bought,
        "sold_lots": why.sold,
        "shadow_price_tenge_per_tonne": why.shadow_price,
        "price_without_limits_tenge_per_tonne": why.price_without_limits,
        "limits": why.limits,
        "shortage_lots": why.shortage,
        "surplus_lots": why.surplus,
        "imported_lots": why.imported,
        "exported_lots": why.exported,
        "marginal_orders": why.marginal_orders,
        "set_at": why.set_at,
        "full_links": [
            {"source": link.source, "target": link.target, "gain_tenge_per_tonne": link.gap} for link in why.full_links
        ],
        "reason": why.text,
    }


def fill_data(result: "Clearing", orders: Table, most: int | None = None) -> list[dict[str, Any]]:
    """Give one entry an order, in the order of the file; at most so many when that is said."""
    names = ("order_id", "place", "side", "limit_price_tenge_per_tonne", "quantity_lots", "filled_lots")
    columns = [orders.columns[column] for column in ("order_id", "place", "side", "price", "quantity")]
    return entries(names, [*columns, result.fills["quantity"]], most)


def flow_data(result: "Clearing", links: Table, most: int | None = None) -> list[dict[str, Any]]:
    """Give one entry a link, in the order of the file; at most so many when that is said."""
    units = {"tariff": "tariff_tenge_per_tonne", "capacity": "capacity_lots", "capacity_back": "capacity_back_lots"}
    known = [column for column in ("source", "target", *units) if column in links.columns]
    names = (*(units.get(column, column) for column in known), "flow_lots")
    return entries(names, [*(links.columns[column] for column in known), result.flows["quantity"]], most)


def entries(names: tuple[str, ...], columns: list[Any], most: int | None) -> list[dict[str, Any]]:
    """Turn the beginning of columns, or all of them, into named rows."""
    rows = zip(*(listed(column[:most]) for column in columns), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


# --- For people -------------------------------------------------------------------------------------------------


def show(result: "Clearing", tables: dict[str, Table]) -> None:
    """Print tables for people; written to a file or a pipe they are as wide as they need, and without colour."""
    terminal = sys.stdout.isatty()
    width = None if terminal else PIPED_COLUMNS
    page = Console(force_terminal=terminal, width=width, soft_wrap=True, highlight=False, markup=False, emoji=False)
    places = [result.why(place) for place in islice(result.prices, SHOWN_ROWS)]
    rows = [(why.place, why.price, why.bought, why.sold) for why in places]
    print_table(page, "Prices", ("place", "price, tenge/t", "bought, lots", "sold, lots"), rows, len(result.prices))
    if limits := limit_rows(result):
        what = ("place", "caps, floors and borders", "lots")
        print_table(page, "Limits", what, limits[:SHOWN_ROWS], len(limits))
    print_reasons(page, places)
    fills = [tuple(entry.values()) for entry in fill_data(result, tables["orders"], SHOWN_ROWS)]
    headings = ("order", "place", "side", "limit, tenge/t", "lots", "filled, lots")
    print_table(page, "Fills", headings, fills, tables["orders"].rows)
    if "links" in tables and tables["links"].rows:
        flows = [tuple(entry.values()) for entry in flow_data(result, tables["links"], SHOWN_ROWS)]
        back = ("back, lots",) if "capacity_back" in tables["links"].columns else ()
        ends = ("from", "to", "tariff, tenge/t", "capacity, lots", *back, "flow, lots")
        print_table(page, "Flows", ends, flows, tables["links"].rows)
    if result.paradoxical:
        what = ("order", "loss, tenge/t x lots", "because of")
        shown_ones = result.paradoxical[:SHOWN_ROWS]
        print_table(page, "Rejected though the price would pay", what, shown_ones, len(result.paradoxical))
    page.print(f"Welfare {shown(result.welfare)} (tenge/t x lots), {proof_of(result)}")


def proof_of(result: "Clearing") -> str:
    """Say whether a better clearing may exist."""
    if result.proven:
        return "equal to the dual value: no better clearing exists."
    gap = shown(result.gap)
    return f"NOT PROVEN: the time was up; another choice of orders could be worth {gap} more at most."


def limit_rows(result: "Clearing") -> list[tuple[str, str, int]]:
    """Say what each cap leaves unserved and each floor unsold, and what crosses each border."""
    told = (
        (result.shortage, "unserved at the cap"),
        (result.surplus, "unsold at the floor"),
        (result.imports, "imported"),
        (result.exports, "exported"),
    )
    return [(place, what, count) for lots, what in told for place, count in lots.items()]


def print_table(
    page: Console, title: str, headings: tuple[str, ...], rows: Sequence[Iterable[Any]], total: int
) -> None:
    """Print the first rows of a table of so many in all."""
    grid = Grid(*headings, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in grid.columns:
        column.overflow = "fold"
        column.justify = "right" if "lots" in str(column.header) or "tenge" in str(column.header) else "left"
    for row in rows:
        grid.add_row(*(Text(cell if isinstance(cell, str) else shown(cell)) for cell in row))
    page.print(grid)
    if total > len(rows):
        page.print(f"... and {shown(total - len(rows))} more; --json prints all of them.\n")


def print_reasons(page: Console, places: Sequence["Why"]) -> None:
    """Print why each price is what it is, a sentence a line."""
    page.print("Reasons", style="bold")
    for why in places:
        page.print(f"  {why.text}")
    page.print()


def shown(number: int | None) -> str:
    """Write a number in groups of three digits; a dash where there is none."""
    return "-" if number is None else grouped(number)
