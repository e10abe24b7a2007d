"""`naryq order`: orders sent, changed, listed and taken back, from a terminal or a script."""

from typing import Any

import click
import msgspec

from naryq.cli.options import as_json
from naryq.cli.pages import new_page, print_paragraph, print_table, shown
from naryq.cli.venue import at_venue, connected
from naryq.client import Client
from naryq.messages import AnyEvent, OrderAccepted, OrderAmended, OrderCancelled
from naryq.messages.routes import Taken
from naryq.messages.stream import Own

price = click.option("--price", type=click.IntRange(min=0), metavar="TENGE", help="Tenge a tonne, without VAT.")
lots = click.option("--lots", type=click.IntRange(min=1), metavar="LOTS", help="Whole lots.")
command_id = click.option(
    "--command-id", metavar="ID", help="An identifier of this command: sent again under it, it takes effect once."
)


@click.group("order")
def order() -> None:
    """Send orders to a venue, change them, list them and take them back."""


@order.command("submit")
@click.argument("session")
@click.argument("identifier", metavar="ORDER")
@click.option("--buy", "side", flag_value="buy", help="Buy.")
@click.option("--sell", "side", flag_value="sell", help="Sell.")
@click.option("--place", required=True, metavar="PLACE", help="The place, or the instrument of the session.")
@price
@lots
@click.option("--delivery", metavar="PROVINCE", help="Where what is bought goes.")
@click.option("--market", is_flag=True, help="At any price that the session allows.")
@click.option(
    "--at-once", "time_in_force", flag_value="immediate_or_cancel", help="What does not trade at once lapses."
)
@click.option("--all-at-once", "time_in_force", flag_value="fill_or_kill", help="All of it at once, or nothing.")
@click.option("--post-only", is_flag=True, help="Only if it waits in the book.")
@command_id
@at_venue
def submit(
    session: str,
    identifier: str,
    *,
    side: Any,
    place: str,
    price: int | None,
    lots: int | None,
    delivery: str | None,
    time_in_force: Any,
    command_id: str | None,
    market: bool,
    post_only: bool,
    **where: Any,
) -> None:
    """Send an ORDER, under an identifier of your own, to a SESSION."""
    if side is None or lots is None or (price is None) != market:
        raise click.UsageError("Say --buy or --sell, --lots, and either --price or --market.")
    with _venue(where) as venue:
        taken = venue.submit_order(
            session_id=session,
            order_id=identifier,
            place=place,
            side=side,
            price=price or 0,
            lots=lots,
            delivery=delivery,
            order_type="market" if market else "limit",
            time_in_force=time_in_force or "session",
            post_only=post_only,
            command_id=command_id,
        )
    _tell(taken)


@order.command("amend")
@click.argument("session")
@click.argument("identifier", metavar="ORDER")
@price
@lots
@command_id
@at_venue
def amend(
    session: str, identifier: str, price: int | None, lots: int | None, command_id: str | None, **where: Any
) -> None:
    """Give an open ORDER another price, another quantity, or both; less of it keeps its place in the queue."""
    with _venue(where) as venue:
        taken = venue.amend_order(
            session_id=session, order_id=identifier, price=price, lots=lots, command_id=command_id
        )
    _tell(taken)


@order.command("cancel")
@click.argument("session", required=False)
@click.argument("identifier", metavar="ORDER", required=False)
@click.option("--all", "all_of_them", is_flag=True, help="Every order of one's own, of one session or of all.")
@command_id
@at_venue
def cancel(
    session: str | None, identifier: str | None, command_id: str | None, *, all_of_them: bool, **where: Any
) -> None:
    """Take an ORDER of a SESSION back, or all with --all."""
    if all_of_them == (identifier is not None):
        raise click.UsageError("Name a session and an order, or say --all with a session or without one.")
    with _venue(where) as venue:
        if identifier is None or session is None:
            taken = venue.cancel_all(session_id=session, command_id=command_id)
        else:
            taken = venue.cancel_order(session_id=session, order_id=identifier, command_id=command_id)
    _tell(taken)


@order.command("list")
@as_json
@at_venue
def list_orders(*, as_json: bool, **where: Any) -> None:
    """List one's own open orders."""
    with _venue(where) as venue:
        found = venue.snapshot("own")
    assert isinstance(found, Own), "the channel own holds one's own orders"
    if as_json:
        click.echo(msgspec.json.encode(found.orders))
        return
    if not found.orders:
        print_paragraph(new_page(), "No order is open.")
        return
    headings = ("session", "order", "side", "price (tenge a tonne)", "open (lots)", "place", "delivery")
    rows = [
        (each.session_id, each.order_id, each.side, _priced(each), each.quantity_lots, each.place, each.delivery or "-")
        for each in found.orders
    ]
    print_table(new_page(), "open orders", headings, rows)


def _priced(order: OrderAccepted) -> str:
    return "market" if order.order_type == "market" else shown(order.price_tenge_per_tonne)


def _venue(where: dict[str, Any]) -> Client:
    return connected(where["address"], where["key_file"])


def _tell(taken: Taken) -> None:
    """Say in which row a command stands, and what has become of one's own orders by it."""
    page = new_page()
    again = ", as an earlier try had it" if taken.repeated else ""
    print_paragraph(page, f"Taken as row {taken.sequence}{again}.")
    for event in taken.events:
        if line := _line(event):
            page.print("  " + line, soft_wrap=True)


def _line(event: AnyEvent) -> str:
    if isinstance(event, OrderAccepted):
        return f"{event.order_id} stands: {event.side} {shown(event.quantity_lots)} lots at {_priced(event)}"
    if isinstance(event, OrderAmended):
        kept = "keeps its place" if event.keeps_place else "goes behind all others at its price"
        lots_and_price = f"{shown(event.quantity_lots)} lots at {shown(event.price_tenge_per_tonne)}"
        return f"{event.order_id} is now {lots_and_price}, and {kept}"
    if isinstance(event, OrderCancelled):
        return f"{event.order_id} is out" + (f": {event.reason}" if event.reason else "")
    return ""
