"""`naryq watch`: a venue live in the terminal."""

import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

import click
import msgspec
from rich.console import RenderableType
from rich.live import Live

from naryq.cli.pages import new_page
from naryq.cli.venue import at_venue, connected
from naryq.cli.watch_page import BOOKS, Screen
from naryq.client import Client
from naryq.messages.stream import FromStream, Venue, market

PICTURES_A_SECOND: Final = 4


@click.command("watch")
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option("--once", is_flag=True, help="Show how it stands, and end; so it is where the output is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print each message of the stream as a line of JSON.")
@at_venue
def watch(sessions: tuple[str, ...], address: str, key_file: Path | None, *, once: bool, as_json: bool) -> None:
    """Watch SESSIONS, or all that are on: books, trades, prices, and one's own orders; Ctrl-C ends it."""
    with connected(address, key_file) as venue, suppress(KeyboardInterrupt):
        if as_json:
            _print_messages(venue, sessions)
        elif once or not sys.stdout.isatty():
            _show_once(venue, sessions)
        else:
            _show(venue, sessions)


def _channels(venue: Client, sessions: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is listened to: everything about the sessions named, or about the first that are on."""
    found = venue.snapshot("venue")  # Also to learn whether there is a venue at all.
    assert isinstance(found, Venue), "the channel venue holds the venue"
    if not sessions:
        sessions = tuple(each.opened.session_id for each in found.sessions[:BOOKS])
    return ("venue", "own", *map(market, sessions))


def _print_messages(venue: Client, sessions: tuple[str, ...]) -> None:
    for message in venue.stream(*_channels(venue, sessions)):
        click.echo(msgspec.json.encode(message))


def _show_once(venue: Client, sessions: tuple[str, ...]) -> None:
    screen = Screen(sessions)
    channels = _channels(venue, sessions)
    for message in venue.stream(*channels):
        screen.hear(message)
        if screen.heard.issuperset(channels):
            break
    new_page().print(screen)


class _Shared:
    """A screen that one thread folds and another paints."""

    def __init__(self, sessions: tuple[str, ...]) -> None:
        self.screen = Screen(sessions)
        self._lock = Lock()

    def hear(self, message: FromStream) -> None:
        with self._lock:
            self.screen.hear(message)

    def __rich__(self) -> RenderableType:
        with self._lock:
            return self.screen.__rich__()

    def lacks(self, channels: tuple[str, ...]) -> bool:
        """Say whether a session has come that nobody listens to yet, and may have a panel."""
        on = [name for name in self.screen.sessions if market(name) not in channels]
        return bool(on) and len(channels) - 2 < BOOKS


def _show(venue: Client, sessions: tuple[str, ...]) -> None:
    shared = _Shared(sessions)
    with Live(shared, console=new_page(), screen=True, refresh_per_second=PICTURES_A_SECOND):
        while True:
            channels = _channels(venue, sessions)
            for message in venue.stream(*channels):
                shared.hear(message)
                if not sessions and shared.lacks(channels):
                    break
