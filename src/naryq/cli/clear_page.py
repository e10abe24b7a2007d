"""A cleared market for people: its prices, reasons, fills and flows as tables and sentences."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console

from naryq.cli.clear_data import fill_data, flow_data
from naryq.cli.pages import SHOWN_ROWS, filled, print_sentences, print_table, shown
from naryq.cli.tables import Table

if TYPE_CHECKING:
    from naryq import Clearing
    from naryq.market.pivotal import Pivot
    from naryq.market.why import Why

BECAUSE: Final = {
    "prices": "no price pays all with it, or welfare is lower",
    "group": "another of its group executes",
    "parent": "its parent does not execute",
}
CONDITIONS: Final = ("min_quantity", "group", "parent")


def print_clearing(
    page: Console, result: "Clearing", tables: dict[str, Table], reasons: Sequence["Why"], language: str
) -> None:
    """Print prices, reasons, fills and flows; `reasons` are those of the places that are shown."""
    rows = [(why.place, why.price, why.bought, why.sold) for why in reasons]
    print_table(page, "Prices", ("place", "price, tenge/t", "bought, lots", "sold, lots"), rows, len(result.prices))
    if limits := limit_rows(result):
        what = ("place", "caps, floors and borders", "lots")
        print_table(page, "Limits", what, limits[:SHOWN_ROWS], len(limits))
    print_reasons(page, reasons, language)
    print_fills(page, result, tables["orders"])
    if "links" in tables and tables["links"].rows:
        print_flows(page, result, tables["links"])
    print_paradoxes(page, result)


def limit_rows(result: "Clearing") -> list[tuple[str, str, int]]:
    """Say what each cap leaves unserved and each floor unsold, and what crosses each border."""
    told = (
        (result.shortage, "unserved at the cap"),
        (result.surplus, "unsold at the floor"),
        (result.imports, "imported"),
        (result.exports, "exported"),
    )
    return [(place, what, count) for lots, what in told for place, count in lots.items()]


def print_reasons(page: Console, reasons: Sequence["Why"], language: str) -> None:
    """Print why each price is what it is, a sentence a line."""
    print_sentences(page, "Reasons", [why.say(language) for why in reasons])


def print_fills(page: Console, result: "Clearing", orders: Table) -> None:
    """Print what each order asked for and got."""
    fills = [tuple(entry.values()) for entry in fill_data(result, orders, SHOWN_ROWS)]
    print_table(page, "Fills", ("order", "place", "side", "limit, tenge/t", "lots", "filled, lots"), fills, orders.rows)


def print_flows(page: Console, result: "Clearing", links: Table) -> None:
    """Print what each link can carry and carries."""
    flows = [tuple(entry.values()) for entry in flow_data(result, links, SHOWN_ROWS)]
    back = ("back, lots",) if "capacity_back" in links.columns else ()
    headings = ("from", "to", "tariff, tenge/t", "capacity, lots", *back, "flow, lots")
    print_table(page, "Flows", headings, flows, links.rows)


def print_paradoxes(page: Console, result: "Clearing") -> None:
    """Print the conditional orders that are rejected although the prices would have paid them, if there are any."""
    if result.paradoxical:
        rows = [(one.order_id, one.loss, BECAUSE[one.because]) for one in result.paradoxical[:SHOWN_ROWS]]
        headings = ("order", "loss, tenge/t x lots", "because")
        print_table(page, "Rejected though the price would pay", headings, rows, len(result.paradoxical))


def print_pivots(page: Console, pivots: Sequence["Pivot"]) -> None:
    """Print what each participant trades, what would be short or unsold without him, and the prices without him."""
    lots = [(each.participant, each.sold, each.bought, each.shortage, each.surplus) for each in pivots]
    headings = ("who", "sold, lots", "bought, lots", "short, lots", "unsold, lots")
    print_table(page, "Participants, and what is short or unsold without each", headings, lots[:SHOWN_ROWS], len(lots))
    if prices := [row for each in pivots for row in moved_prices(each)]:
        what = ("who", "place", "price, tenge/t", "without, tenge/t")
        print_table(page, "Prices without each, where they differ", what, prices[:SHOWN_ROWS], len(prices))


def moved_prices(pivot: "Pivot") -> list[tuple[int | str, str, int | None, int | None]]:
    """Give the prices that would differ without a participant."""
    without = pivot.prices_without
    return [(pivot.participant, at, price, without[at]) for at, price in pivot.prices.items() if price != without[at]]


def print_verdict(page: Console, result: "Clearing", orders: Table) -> None:
    """Print what the clearing is worth, and what is proven of it."""
    page.print(filled(page, f"Welfare {shown(result.welfare)} (tenge/t x lots){proof(result, orders)}"), soft_wrap=True)


def proof(result: "Clearing", orders: Table) -> str:
    """Say whether a better clearing may exist."""
    if not result.proven:
        return (
            f", NOT PROVEN: the time was up; another choice of orders could be worth {shown(result.gap)} more at most."
        )
    if any(name in orders.columns for name in CONDITIONS):
        return ": no choice of orders that uniform prices support is worth more."
    return ", equal to the dual value: no better clearing exists."
