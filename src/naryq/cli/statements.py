"""`naryq statements`: every participant's day, from a venue's journal."""

from contextlib import closing

import click
from rich.console import Console

from naryq.cli.journal import named_journal
from naryq.cli.options import DayType
from naryq.cli.pages import new_page, print_paragraph, print_table
from naryq.journal import named
from naryq.messages import Code, Refusal, decode_entry
from naryq.statements import Statement, shown, statements, to_csv, to_json


@click.command("statements")
@named_journal
@click.option("--day", required=True, metavar="DAY", type=DayType(), help="The day, as 2022-01-31.")
@click.option("--participant", metavar="ID", help="This participant's statement alone.")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON, for programs.")
@click.option("--csv", "as_csv", is_flag=True, help="One row for each balance and movement.")
def statements_command(name: str, day: str, participant: str | None, *, as_json: bool, as_csv: bool) -> None:
    """Fold JOURNAL into the end-of-day statements of all participants or of one; it is only read."""
    if as_json and as_csv:
        what = "the statements are written in one form"
        raise Refusal(Code.UNKNOWN_OPTION, what, where="--csv", remedy="Give --json or --csv, and not both.")
    with closing(named.reader(name)) as reader:
        found = statements((decode_entry(record.payload) for record in reader.read()), day, participant)
    if as_json:
        click.echo(to_json(found), nl=False)
    elif as_csv:
        click.echo(to_csv(found), nl=False)
    else:
        _print_all(new_page(), found, participant, day)


def _print_all(page: Console, found: tuple[Statement, ...], participant: str | None, day: str) -> None:
    """Print each statement that has something to say, or one sentence where none has."""
    told = [each for each in found if participant is not None or each.accounts or each.holds]
    if not told:
        print_paragraph(page, f"By the end of {day} nobody had an account or an order for which money was held.")
    for statement in told:
        _print(page, statement)


def _print(page: Console, statement: Statement) -> None:
    """Print one statement; a part without lines is left out, but for the balances."""
    print_table(
        page,
        f"{statement.participant_id} - {statement.name} - {statement.day}",
        ("account", "opening (tenge, kg)", "closing (tenge, kg)"),
        [(line.account, shown(line.opening, line.unit), shown(line.closing, line.unit)) for line in statement.accounts],
    )
    parts = (
        ("movements", ("row", "account", "amount (tenge, kg)", "balance (tenge, kg)", "reason"), _movements(statement)),
        (
            "open obligations",
            ("obligation", "as", "until", "value (tenge)", "settled (tenge)"),
            _obligations(statement),
        ),
        ("held for orders", ("order", "session", "lots", "guarantee (tenge)", "fee (tenge)"), _holds(statement)),
        ("deliveries", ("document", "obligation", "loaded on", "mass", "received"), _deliveries(statement)),
    )
    for title, headings, rows in parts:
        if rows:
            print_table(page, title, headings, rows)


def _movements(statement: Statement) -> list[tuple[object, ...]]:
    return [
        (
            str(moved.sequence),
            moved.account,
            shown(moved.amount, moved.unit),
            shown(moved.balance, moved.unit),
            moved.reason,
        )
        for moved in statement.movements
    ]


def _obligations(statement: Statement) -> list[tuple[object, ...]]:
    return [
        (
            line.obligation_id,
            line.party,
            (line.pay_by or "-") if line.party == "buyer" else line.deliver_by,
            shown(line.value_tiyn, "tiyn"),
            shown(line.settled_tiyn, "tiyn"),
        )
        for line in statement.obligations
    ]


def _holds(statement: Statement) -> list[tuple[object, ...]]:
    return [
        (line.order_id, line.session_id, line.lots, shown(line.guarantee_tiyn, "tiyn"), shown(line.fee_tiyn, "tiyn"))
        for line in statement.holds
    ]


def _deliveries(statement: Statement) -> list[tuple[object, ...]]:
    return [
        (
            line.document,
            line.obligation_id,
            line.loaded_on,
            shown(line.mass_kg, "kg"),
            shown(line.counted_kg, "kg") if line.is_received else "no",
        )
        for line in statement.deliveries
    ]
