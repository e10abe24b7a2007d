"""`naryq clear`: anybody's market, from a file of orders to prices, fills, flows and reasons."""

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

import naryq
from naryq.cli import options
from naryq.cli.clear_data import as_data, listed, pivot_data, price_data
from naryq.cli.clear_page import print_clearing, print_pivots, print_reasons, print_verdict
from naryq.cli.pages import SHOWN_ROWS, new_page
from naryq.cli.tables import STANDARD_INPUT, Form, Table, in_lines, number_problem, read_named
from naryq.messages import Code, Refusal

if TYPE_CHECKING:
    from naryq import Clearing
    from naryq.market.pivotal import Pivot
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
        "participant": "text",
        "min_quantity": "number",
        "group": "text",
        "parent": "text",
    },
    optional=("submitted_at", "participant", "min_quantity", "group", "parent"),
    gaps=("price", "participant", "min_quantity", "group", "parent"),
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
PRICE_RULES: Final = ("lowest", "middle", "highest", "reference", "xetra", "euronext", "last_accepted_sell")

EVERY_PLACE: Final = ""
"""What `--why` without a place asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks of the command: his files, the rules to clear by, and what he wants to see."""

    orders: str
    links: str | None
    places: str | None
    tie: str
    price_rule: str
    reference: tuple[str, ...]
    time_limit: int | None
    why: str | None
    pivotal: bool
    language: str
    picture: str | None
    picture_of: str | None
    as_json: bool
    largest_megabytes: int


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
@options.tie
@click.option(
    "--price-rule",
    metavar="RULE",
    type=click.Choice(PRICE_RULES),
    default="middle",
    show_default=True,
    help="Which of several optimal prices holds: lowest, middle, highest, reference, or the rule of a venue: xetra, "
    "euronext, last_accepted_sell.",
)
@click.option(
    "--reference",
    metavar="[PLACE=]PRICE",
    multiple=True,
    help="The reference price of all places, or of one; for one after the other give it again.",
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.IntRange(min=0),
    help="How long to search for the best choice of orders with conditions.",
)
@click.option(
    "--why",
    metavar="[PLACE]",
    is_flag=False,
    flag_value=EVERY_PLACE,
    help="Print the reasons alone, of every place or of one.",
)
@click.option("--pivotal", is_flag=True, help="Tell what the market would be without each participant.")
@options.language
@options.picture
@click.option("--picture-of", metavar="PLACE", help="Draw the supply and demand of a place instead of the network.")
@options.as_json
@options.largest
def clear_command(**given: Any) -> None:
    """Clear your own market: print the price of every place, every fill, every flow, and why.

    ORDERS.csv has the columns order_id, place, side (buy or sell), price (whole tenge a tonne, or empty for an order
    without a limit), quantity (whole lots) and, if you like, submitted_at (whole nanoseconds), participant, and
    conditions: min_quantity (lots), group, parent (an order_id). A dash reads it from standard input.
    """
    asked = Asked(**given)
    kind = checked_picture(asked)
    reference = references(asked.reference)
    tables = read_tables(asked)
    result = cleared(asked, tables, reference)
    if asked.picture is not None:
        drawn = in_lines(tables, lambda: result.picture(asked.picture_of, kind=kind, language=asked.language))
        options.save_picture(asked.picture, drawn)
    (tell_data if asked.as_json else tell)(asked, tables, result)


# --- What is asked ----------------------------------------------------------------------------------------------


def checked_picture(asked: Asked) -> str:
    """Return the kind of the picture; refuse a place to draw without a file to draw it to."""
    if asked.picture is None and asked.picture_of is not None:
        what = "--picture-of is given and --picture is not"
        raise Refusal(Code.UNKNOWN_OPTION, what, remedy="Name the file to draw to: --picture FILE.svg.")
    return "" if asked.picture is None else options.picture_kind(asked.picture)


def references(given: Sequence[str]) -> int | dict[str, int] | None:
    """Read the reference prices: one for all places, or one for each that is named.

    >>> references(["200"]), references(["Astana=200", "Pavlodar=180"]), references([])
    (200, {'Astana': 200, 'Pavlodar': 180}, None)
    """
    found: dict[str, int] = {}
    for text in given:
        place, _, price = text.rpartition("=")
        if problem := number_problem(price):
            raise Refusal(problem.code, problem.what, where=f"--reference {text}", remedy=problem.remedy)
        if place in found or "" in found or (found and not place):
            what = f"--reference {text} says it once more"
            raise Refusal(Code.DUPLICATE_ID, what, remedy="Give one price for all places, or one for each.")
        found[place] = int(price)
    return found.get("", found or None)


def read_tables(asked: Asked) -> dict[str, Table]:
    """Read the files that are named."""
    paths = {"orders": asked.orders, "links": asked.links, "places": asked.places}
    if list(paths.values()).count(STANDARD_INPUT) > 1:
        raise Refusal(Code.UNREADABLE, "more than one file is standard input", remedy="Name a file for the others.")
    tables = {
        what: read_named(path, FORMS[what], asked.largest_megabytes) for what, path in paths.items() if path is not None
    }
    refuse_dead_ends(tables)
    return tables


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


def cleared(asked: Asked, tables: dict[str, Table], reference: int | dict[str, int] | None) -> "Clearing":
    """Clear the market and check the result by code of its own; a refusal names the line of the file, not the row."""
    links, places = (tables[what].columns if what in tables else None for what in ("links", "places"))
    result = in_lines(
        tables,
        lambda: naryq.clear(
            tables["orders"].columns,
            links,
            places=places,
            tie=asked.tie,
            price_rule=asked.price_rule,
            reference=reference,
            time_limit_seconds=asked.time_limit,
        ),
    )
    result.check()
    return result


# --- What is told -----------------------------------------------------------------------------------------------


def tell_data(asked: Asked, tables: dict[str, Table], result: "Clearing") -> None:
    """Print everything, or the reasons alone, as JSON."""
    pivots = pivots_asked(asked, tables, result)
    reasons = explained(asked, result, None)
    if asked.why is not None:
        data: dict[str, Any] = {"prices": [price_data(why, asked.language) for why in reasons]}
    else:
        rules = {"tie": asked.tie, "price_rule": asked.price_rule}
        data = rules | as_data(result, tables, reasons, asked.language)
    if pivots is not None:
        data["participants"] = [pivot_data(pivot) for pivot in pivots]
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2))


def tell(asked: Asked, tables: dict[str, Table], result: "Clearing") -> None:
    """Print everything, or the reasons alone, for people."""
    pivots = pivots_asked(asked, tables, result)
    reasons = explained(asked, result, SHOWN_ROWS)
    page = new_page()
    if asked.why is not None:
        print_reasons(page, reasons, asked.language)
    else:
        print_clearing(page, result, tables, reasons, asked.language)
    if pivots is not None:
        print_pivots(page, pivots)
    if asked.why is None:
        print_verdict(page, result, tables["orders"])


def pivots_asked(asked: Asked, tables: dict[str, Table], result: "Clearing") -> Sequence["Pivot"] | None:
    """Look at the market without each participant, if that is asked for."""
    return in_lines(tables, lambda: result.pivotal(asked.why or None)) if asked.pivotal else None


def explained(asked: Asked, result: "Clearing", most: int | None) -> list["Why"]:
    """Explain the place that is asked for, or every place, at most so many."""
    places = [asked.why] if asked.why else islice(result.prices, most)
    return [result.why(place, pivotal=asked.pivotal) for place in places]
