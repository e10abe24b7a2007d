"""`naryq journal`: look after a journal file."""

from contextlib import closing

import click

from naryq.journal.contract import damaged
from naryq.journal.sqlite import SqliteReader
from naryq.journal.verify import verify as verify_records


@click.group()
def journal() -> None:
    """Look after a journal file."""


@journal.command()
@click.argument("path", type=click.Path())
@click.option("--head", "known_chain", default="", help="A chain that the journal must hold, such as a published head.")
def verify(path: str, known_chain: str) -> None:
    """Check the journal PATH row by row and replay it twice; it is only read, and may be in use meanwhile.

    Ends with 0 when every row is sound and both replays give the same state hash, and with 2 otherwise.
    """
    with closing(SqliteReader.open(path)) as reader:
        found = verify_records(reader.read(), known_chain=known_chain)
    click.echo(f"rows:                    {found.rows:,}")
    click.echo(f"head:                    {found.head_chain}")
    click.echo(f"state hash (events):     {found.hash_by_events}")
    click.echo(f"state hash (re-decided): {found.hash_by_decisions}")
    if found.hash_by_events != found.hash_by_decisions:
        raise damaged("the two replays end in different states", where=path)
