"""`naryq limits`: the failures that the limits exist for, replayed as it was and with limits."""

import click

from naryq.cli.files import read_rulebook
from naryq.lab.replays import replays

RULEBOOKS = ("kazakhstan", "guarded")


@click.command("limits")
def limits_command() -> None:
    """Replay what each limit is made for: as it was, and with the limits of `guarded`."""
    for replay in replays(tuple(read_rulebook(name) for name in RULEBOOKS)):
        click.echo(f"{replay.failure} (assumed: {replay.assumed})")
        for name, told in zip(RULEBOOKS, replay.told, strict=True):
            by = f"   [{told.limit}]" if told.limit else ""
            click.echo(f"  {name:<11}{told.outcome}{by}")
