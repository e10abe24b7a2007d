"""`naryq check`: hold our mechanisms against what others have published."""

import sys
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from naryq.datasets.lobster import EVENT_TYPES, PRICE_UNITS_PER_DOLLAR
from naryq.datasets.lobster_check import Counts, Difference, LobsterCheck, check_lobster
from naryq.units import grouped

DIFFERENT: Final = 1
"""The exit code when the books differ."""
LEVELS_SHOWN: Final = 5
BYTES_A_LINE: Final = 42
"""About what a line of a message file takes: the bar needs no more."""


@click.group()
def check() -> None:
    """Hold our mechanisms against what others have published."""


@check.command()
@click.argument("messages", type=click.Path())
@click.argument("orderbook", type=click.Path())
@click.option(
    "--strict-priority",
    is_flag=True,
    help="Take an execution out of price-time priority as a difference, instead of counting it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON, for programs.")
def lobster(messages: str, orderbook: str, *, strict_priority: bool, as_json: bool) -> None:
    """Replay a LOBSTER day through the book and compare the two after every event.

    MESSAGES and ORDERBOOK are the two files of one day, plain or gzip. Ends with 0 when the books are equal, with 1 at
    the first difference, and with 2 when a file is refused.
    """
    with _progress(messages) as progress:
        outcome = check_lobster(
            messages,
            orderbook,
            strict_priority=strict_priority,
            progress=lambda line: progress.update(line - progress.pos),
        )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(outcome)).decode())
    else:
        _tell(outcome)
    if outcome.difference is not None:
        raise click.exceptions.Exit(DIFFERENT)


def _progress(messages: str) -> Any:
    """Show a bar on standard error while somebody watches."""
    path = Path(messages)
    lines = path.stat().st_size // BYTES_A_LINE if path.is_file() else 0
    return click.progressbar(length=lines, label="lines", file=sys.stderr, hidden=not sys.stderr.isatty())


def _tell(outcome: LobsterCheck) -> None:
    for label, value in _rows(outcome.counts):
        click.echo(f"{label + ':':<42}{value:>14}")
    if outcome.difference is None:
        levels = "1 level" if outcome.levels == 1 else f"{outcome.levels} levels"
        click.echo(f"Equal: {levels} a side, no difference from the published book.")
        return
    _tell_difference(outcome.difference)


def _rows(counts: Counts) -> list[tuple[str, str]]:
    """Name what was counted; what did not occur is left out."""
    rows = (
        ("lines", counts.lines, 0),
        ("lines compared", counts.lines_compared, 0),
        ("visible levels compared", counts.levels_compared, 0),
        ("levels learned from the published book", counts.levels_learned, 0),
        ("levels that left the view", counts.levels_out_of_view, 0),
        ("messages replayed through our book", counts.messages_replayed, 0),
        ("executions that our book matched alike", counts.executions_matched, 0),
        ("events of orders from before", counts.from_unnamed_orders, 0),
        ("hidden executions", counts.hidden_executions, 0),
        ("crosses", counts.crosses, 0),
        ("halts and resumptions", counts.halts, 0),
        ("events beyond the view", counts.beyond_view, 0),
        ("not matched: executed out of turn", counts.out_of_turn, counts.first_out_of_turn),
        ("not matched: at another price", counts.off_price, counts.first_off_price),
        ("not matched: in an auction", counts.in_auction, 0),
        ("not compared: the published book is crossed", counts.lines_crossed, counts.first_crossed),
        ("lines with a time before the one above", counts.time_backward, counts.first_time_backward),
    )
    return [
        (label, grouped(value) + (f", first at line {grouped(first)}" if first else ""))
        for label, value, first in rows
        if value or label.startswith(("lines", "executions"))
    ]


def _tell_difference(difference: Difference) -> None:
    click.echo(f"Different at line {grouped(difference.line)}: {difference.what}.")
    kind, name, size, price, direction = difference.event[1:]
    side = "buy" if direction == 1 else "sell"
    click.echo(f"the event: {EVENT_TYPES[kind - 1]} of {side} order {name}, {size} at {_dollars(price)}")
    for label, published, ours in (
        ("bids", difference.published_bids, difference.bids),
        ("asks", difference.published_asks, difference.asks),
    ):
        if published or ours:
            click.echo(f"{label}, published: {_levels(published, ours)}")
            click.echo(f"{label}, ours:      {_levels(ours, published)}")


def _levels(levels: tuple[tuple[int, int], ...], other: tuple[tuple[int, int], ...]) -> str:
    """Write the best levels, and on until the first that the other side does not have."""
    parted = next((at for at, level in enumerate(levels) if level not in other), 0)
    shown = levels[: max(LEVELS_SHOWN, parted + 1)]
    return "  ".join(f"{size} at {_dollars(price)}" for price, size in shown) or "nobody"


def _dollars(price: int) -> str:
    sign = "-" if price < 0 else ""
    whole, rest = divmod(abs(price), PRICE_UNITS_PER_DOLLAR)
    return f"{sign}{whole}.{rest:04d}"
