"""`naryq journal`: look after a journal, in a file or in PostgreSQL."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from typing import Final

import click

from naryq import exchange
from naryq.cli.files import lines_of, written_whole
from naryq.journal import named
from naryq.journal.contract import GENESIS, Record, damaged
from naryq.journal.transfer import LINE_BYTES_MAX, exported, imported
from naryq.journal.verify import KnownHead, Verification, verifying
from naryq.journal.verify import verify as verify_records
from naryq.messages import Refusal
from naryq.units import grouped

DIFFERENT: Final = "the two replays end in different states"


class _HeadType(click.ParamType[KnownHead]):
    """A head as `verify` prints it; an empty one, as from a variable that is not set, would check nothing."""

    name = "head"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> KnownHead:
        """Return the head, its chain in small letters, or say what one looks like."""
        found = re.fullmatch(r"(?:([0-9]{1,19}):)?([0-9a-fA-F]{64})", value)
        if found is None:
            what = "give its 64 hexadecimal digits, as the bulletin has them, or SEQUENCE:CHAIN, as verify prints it"
            self.fail(f"{value!r} is no head: {what}", param, ctx)
        return KnownHead(found[2].lower(), None if found[1] is None else int(found[1]))


named_journal = click.argument("name", metavar="JOURNAL", envvar="NARYQ_JOURNAL", type=click.Path())


@click.group()
def journal() -> None:
    """Look after a journal: the path of a file, or postgresql://host/database.

    Where JOURNAL is left out, the environment variable NARYQ_JOURNAL names it.
    """


@journal.command()
@named_journal
@click.option(
    "--head",
    "known",
    metavar="HEAD",
    type=_HeadType(),
    help="A row that the journal must hold: a published chain, or SEQUENCE:CHAIN.",
)
def verify(name: str, known: KnownHead | None) -> None:
    """Check JOURNAL row by row and replay it twice; it is only read, and may be in use meanwhile.

    Ends with 0 when every row is sound and both replays give the same state hash, and with 2 otherwise.
    """
    _verified(name, *(() if known is None else (known,)), *_floor(name))
    if known is None:
        click.echo("Whether rows are missing at the end shows only against a head that you know: give one with --head.")
    click.echo("In order: the chain holds, no row is missing up to the head, and both replays end in the same state.")


def _floor(name: str) -> tuple[KnownHead, ...]:
    """Return the row that the newest snapshot was taken after, and its state: the journal was at least as long."""
    found = named.newest_snapshot(name)
    if found is None:
        return ()
    state_hash = None
    with suppress(Refusal):  # One that is damaged or of another version is passed over at a start as well.
        state_hash = exchange.state_hash(exchange.restored(found.state))
    source = f"the newest snapshot, of row {found.sequence},"
    return (KnownHead(found.chain.hex(), found.sequence, source, state_hash),)


@journal.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@named_journal
def export_command(file: Path, name: str) -> None:
    """Write all rows of JOURNAL to FILE as lines of JSON; it is only read, and may be in use meanwhile.

    FILE appears when it is whole; nothing is overwritten.
    """
    with closing(named.reader(name)) as reader, written_whole(file) as out:
        rows = sum(bool(out.write(line)) for line in exported(reader)) - 1
    click.echo(f"In order: {grouped(rows)} rows of {named.shown(name)} are in {file}.")


@journal.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@named_journal
def import_command(file: Path, name: str) -> None:
    """Make JOURNAL, which must not be there yet, from FILE as export wrote it: all of its rows or nothing.

    Each row is verified on the way: whoever forges one can forge the chain after it, but not what is decided.
    """
    with lines_of(file, LINE_BYTES_MAX) as lines, _naming(file):
        rows = _sound(imported(lines))
        # What is no export is refused before anything is made: not even a lock is left beside it.
        begun = list(islice(rows, 1))
        with closing(named.create(name, chain(begun, rows))) as made:
            head = made.head()
    click.echo(f"In order: {named.shown(name)} holds {grouped(head.sequence if head else 0)} rows.")
    click.echo(f"head:     {head.sequence if head else 0}:{(head.chain if head else GENESIS).hex()}")


def _sound(records: Iterator[Record]) -> Iterator[Record]:
    """Pass rows on once each is verified, and say which were taken as written; refuses as `naryq journal verify`."""
    found = yield from verifying(records)
    _say_what_was_taken(found)
    if found.hash_by_events != found.hash_by_decisions:
        raise damaged(DIFFERENT, where="head")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Let a refusal that names a line name the file too."""
    try:
        yield
    except Refusal as refusal:
        if not refusal.where.startswith("line "):
            raise
        raise Refusal(refusal.code, refusal.what, where=f"{file}, {refusal.where}", remedy=refusal.remedy) from None


@journal.command()
@click.argument("source", metavar="FROM", type=click.Path())
@click.argument("target", metavar="TO", type=click.Path())
def migrate(source: str, target: str) -> None:
    """Copy the journal FROM to the journal TO, which must not be there yet, in a file or in PostgreSQL.

    FROM is locked meanwhile and stays as it is. Both are verified, and must agree in head and state.
    """
    with closing(named.writer(source)) as journal_from:
        before = verify_records(journal_from.read())
        named.create(target, journal_from.read()).close()
        after = _verified(target)
    if before != after:
        raise damaged("the copy differs from the journal that it was made of", where=named.shown(target))
    click.echo(f"In order: {named.shown(target)} is {named.shown(source)}, row by row. Put the old one away.")


def _verified(name: str, *known: KnownHead) -> Verification:
    """Check a journal and show what was found, also where the two replays differ."""
    with closing(named.reader(name)) as reader:
        found = verify_records(reader.read(), known=known)
    click.echo(f"rows:                    {grouped(found.rows)}")
    click.echo(f"head:                    {found.rows}:{found.head_chain}")
    click.echo(f"state hash (events):     {found.hash_by_events}")
    click.echo(f"state hash (re-decided): {found.hash_by_decisions}")
    _say_what_was_taken(found)
    if found.hash_by_events != found.hash_by_decisions:
        raise damaged(DIFFERENT, where=named.shown(name))
    return found


def _say_what_was_taken(found: Verification) -> None:
    if found.taken_rows:
        click.echo(
            f"taken as written:        {grouped(found.taken_rows)} rows of an earlier version: they were evolved, not "
            "decided again, since this program decides otherwise"
        )
