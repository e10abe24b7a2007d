"""`naryq journal`: look after a journal file."""

import sys
from contextlib import closing

import click

from naryq.journal.sqlite import SqliteReader
from naryq.journal.verify import verify as verify_records
from naryq.messages import Refusal


@click.group()
def journal() -> None:
    """Look after a journal file."""


@journal.command()
@click.argument("path", type=click.Path())
@click.option("--head", "known_chain", default="", help="A chain that the journal must hold, such as a published head.")
def verify(path: str, known_chain: str) -> None:
    """Check PATH row by row and replay it twice; it is only read, and may be in use meanwhile.

    Ends with 0 when every row is sound and both replays give the same state, and with 2 otherwise.
    """
    try:
        with closing(SqliteReader.open(path)) as reader:
            found = verify_records(reader.read(), known_chain=known_chain)
    except Refusal as refusal:
        click.echo(refusal, err=True)
        sys.exit(2)
    click.echo(f"rows:                    {found.rows:,}")
    click.echo(f"head:                    {found.head_chain}")
    click.echo(f"state hash (events):     {found.hash_by_events}")
    click.echo(f"state hash (re-decided): {found.hash_by_decisions}")
    if found.hash_by_events != found.hash_by_decisions:
        click.echo("journal_damaged: the two replays end in different states", err=True)
        sys.exit(2)
