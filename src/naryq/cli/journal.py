"""`naryq journal`: look after a journal file."""

import re
from contextlib import closing

import click

from naryq.journal.contract import damaged
from naryq.journal.sqlite import SqliteReader
from naryq.journal.verify import verify as verify_records
from naryq.units import grouped


class _HeadType(click.ParamType[str]):
    """A chain as `verify` prints it; an empty one, as from a variable that is not set, would check nothing."""

    name = "head"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the chain in small letters, or say what one looks like."""
        if re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
            self.fail(f"{value!r} is no head: give its 64 hexadecimal digits, as the bulletin has them", param, ctx)
        return value.lower()


@click.group()
def journal() -> None:
    """Look after a journal file."""


@journal.command()
@click.argument("path", type=click.Path())
@click.option(
    "--head",
    "known_chain",
    metavar="CHAIN",
    type=_HeadType(),
    help="A chain that the journal must hold, such as a published head.",
)
def verify(path: str, known_chain: str | None) -> None:
    """Check the journal PATH row by row and replay it twice; it is only read, and may be in use meanwhile.

    Ends with 0 when every row is sound and both replays give the same state hash, and with 2 otherwise.
    """
    with closing(SqliteReader.open(path)) as reader:
        found = verify_records(reader.read(), known_chain=known_chain or "")
    click.echo(f"rows:                    {grouped(found.rows)}")
    click.echo(f"head:                    {found.head_chain}")
    click.echo(f"state hash (events):     {found.hash_by_events}")
    click.echo(f"state hash (re-decided): {found.hash_by_decisions}")
    if found.taken_rows:
        click.echo(
            f"taken as written:        {grouped(found.taken_rows)} rows of an earlier version: they were evolved, not "
            "decided again, since this program decides otherwise"
        )
    if found.hash_by_events != found.hash_by_decisions:
        raise damaged("the two replays end in different states", where=path)
    click.echo("In order: the chain holds, no row is missing, and both replays end in the same state.")
