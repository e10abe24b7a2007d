"""`naryq auction`: one seller or one buyer against many, by sealed bids, from a file to awards and reasons."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
from rich.console import Console

import naryq
from naryq.cli import options
from naryq.cli.clear_data import entries
from naryq.cli.pages import SHOWN_ROWS, new_page, print_sentences, print_table, shown
from naryq.cli.tables import Form, Table, in_lines, read_named
from naryq.messages import Code, Refusal
from naryq.units import tenge

if TYPE_CHECKING:
    from naryq import StandardResult
    from naryq.market.standard_awards import Award

BIDS: Final = Form(
    "bids",
    {"participant": "text", "price": "number", "quantity": "number", "submitted_at": "number"},
    optional=("submitted_at",),
)
SHOWN_TERMS: Final = (
    "initiator",
    "direction",
    "payment",
    "uniform_rule",
    "tie",
    "minimum_participants",
    "initiator_counts",
    "lot_kg",
)


@click.command("auction")
@click.argument("bids", metavar="BIDS.csv")
@click.option("--initiator", type=click.Choice(["seller", "buyer"]), required=True, help="Who asked for the auction.")
@click.option("--direction", type=click.Choice(["up", "down"]), required=True, help="Which way prices go.")
@click.option(
    "--payment",
    type=click.Choice(["pay_as_bid", "uniform"]),
    required=True,
    help="Each lot at the price of its bid, or all at one price.",
)
@click.option("--lots", type=int, required=True, metavar="NUMBER", help="How many lots are sold (bought).")
@click.option(
    "--start-price",
    type=int,
    required=True,
    metavar="PRICE",
    help="From here bids go in the direction (tenge a tonne).",
)
@click.option("--step", type=int, default=1, show_default=True, metavar="PRICE", help="Between two possible prices.")
@click.option("--reserve", "reserve_price", type=int, metavar="PRICE", help="The worst price that the initiator takes.")
@click.option("--reserve-published", is_flag=True, help="Refuse bids beyond the reserve, instead of passing them over.")
@click.option(
    "--minimum-participants",
    type=int,
    default=3,
    show_default=True,
    metavar="NUMBER",
    help="With fewer the auction is void.",
)
@click.option(
    "--initiator-counts/--initiator-apart",
    default=True,
    show_default=True,
    help="Whether the initiator is one of them.",
)
@click.option("--initiator-id", metavar="NAME", help="The initiator: neither he nor who belongs with him may bid.")
@click.option(
    "--affiliate",
    "affiliates",
    metavar="NAME=OTHER",
    multiple=True,
    help="Who belongs with whom; all that belong together count once. For several give it again.",
)
@options.tie
@click.option(
    "--uniform-rule",
    type=click.Choice(["last_accepted", "first_rejected"]),
    default="last_accepted",
    show_default=True,
    help="Whose price all pay under a uniform payment.",
)
@click.option("--lot-kg", type=int, default=36_000, show_default=True, metavar="KG", help="The mass of a lot.")
@options.language
@options.picture
@options.as_json
@options.largest
def auction_command(
    bids: str,
    affiliates: tuple[str, ...],
    language: str,
    picture: str | None,
    *,
    as_json: bool,
    largest_megabytes: int,
    **terms: Any,
) -> None:
    """Hold a sealed auction of one seller or one buyer: print who gets how many lots at which price, and why.

    BIDS.csv has the columns participant, price (whole tenge a tonne), quantity (whole lots) and, if you like,
    submitted_at (whole nanoseconds); one line a step of a bid. A dash reads it from standard input.
    """
    kind = None if picture is None else options.picture_kind(picture)
    table = read_named(bids, BIDS, largest_megabytes)
    terms["affiliates"] = affiliations(affiliates)
    result = in_lines({"bids": table}, lambda: naryq.standard_auction(table.columns, **terms))
    result.check()
    if picture is not None and kind is not None:
        options.save_picture(picture, result.picture(kind=kind, language=language))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(as_data(result, table, language)), indent=2))
    else:
        show(result, table, language)


def affiliations(given: Sequence[str]) -> dict[str, str]:
    """Read who belongs with whom.

    >>> affiliations(["North branch=North"])
    {'North branch': 'North'}
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, other = text.partition("=")
        if not equals or name in found:
            what = f"--affiliate is {text!r}" + (f", and {name!r} belongs with {found[name]!r}" if equals else "")
            raise Refusal(Code.UNKNOWN_OPTION, what, remedy="Write NAME=OTHER, each name once before the sign.")
        found[name] = other
    return found


def as_data(result: "StandardResult", bids: Table, language: str) -> dict[str, Any]:
    """Put everything into plain values, with the unit in the name."""
    why, terms = result.why(), result.terms
    return {
        **{name: getattr(terms, name) for name in SHOWN_TERMS},
        "lots": terms.lots,
        "start_price_tenge_per_tonne": terms.start_price,
        "step_tenge_per_tonne": terms.step,
        "reserve_tenge_per_tonne": terms.reserve_price,
        "status": result.status,
        "void_because": result.reason or None,
        "participants": result.participants,
        "clearing_price_tenge_per_tonne": result.clearing_price,
        "sold_lots" if terms.initiator == "seller" else "bought_lots": result.quantity,
        "amount_tiyn": result.amount_tiyn,
        "awards": [award_data(award) for award in result.awards],
        "bids": bid_data(result, bids),
        "last_accepted_tenge_per_tonne": why.last_accepted,
        "first_rejected_tenge_per_tonne": why.first_rejected,
        "marginal_participants": why.marginal_participants,
        "reason": why.say(language),
    }


def award_data(award: "Award") -> dict[str, Any]:
    """Give one award."""
    return dict(zip(("participant", "quantity_lots", "price_tenge_per_tonne", "amount_tiyn"), award, strict=True))


def bid_data(result: "StandardResult", bids: Table, most: int | None = None) -> list[dict[str, Any]]:
    """Give one entry a bid, in the order of the file; at most so many when that is said."""
    names = ("participant", "price_tenge_per_tonne", "quantity_lots", "won_lots")
    columns = [bids.columns[name] for name in ("participant", "price", "quantity")]
    return entries(names, [*columns, result.fills["quantity"]], most)


def show(result: "StandardResult", bids: Table, language: str) -> None:
    """Print the awards, what each bid won, and why."""
    page = new_page()
    print_awards(page, result)
    rows = [tuple(entry.values()) for entry in bid_data(result, bids, SHOWN_ROWS)]
    print_table(page, "Bids", ("participant", "price, tenge/t", "lots", "won, lots"), rows, bids.rows)
    print_sentences(page, "Reasons", [result.why().say(language)])
    page.print(f"In all {shown(result.quantity)} lots for {tenge(result.amount_tiyn)} tenge.")


def print_awards(page: Console, result: "StandardResult") -> None:
    """Print who gets how many lots at which price, if anybody does."""
    if result.awards:
        awards = [(name, lots, price, tenge(amount)) for name, lots, price, amount in result.awards[:SHOWN_ROWS]]
        headings = ("participant", "lots", "price, tenge/t", "amount, tenge")
        print_table(page, "Awards", headings, awards, len(result.awards))
