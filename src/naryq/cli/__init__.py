"""The command line: each command is loaded only when it is called for, and every refusal is one clear line.

The wiring and the settings live here: below this room nothing opens a file by itself or reads the environment.
"""

import io
import os
import sys
from importlib import import_module
from typing import Any, Final, NamedTuple

import click

from naryq import __version__


class _Door(NamedTuple):
    """Where a command lives, and what `naryq --help` says of it without loading it."""

    module: str
    attribute: str
    help: str


COMMANDS: Final = {
    "demo": _Door("naryq.cli.demo", "demo", "1 January 2022, before and after: prices, reasons, and a page."),
    "clear": _Door("naryq.cli.clear", "clear_command", "Clear your own market from a file of orders."),
    "auction": _Door("naryq.cli.auction", "auction_command", "Hold an auction of one seller or one buyer."),
    "limits": _Door(
        "naryq.cli.limits", "limits_command", "Replay what each limit is made for, without it and with it."
    ),
    "serve": _Door("naryq.cli.serve", "serve", "Open a venue's doors: REST, stream, FIX and desk."),
    "code": _Door("naryq.cli.code", "code", "The one-time code of the moment, to sign in with."),
    "order": _Door("naryq.cli.order", "order", "Send orders to a venue, change, list and take them back."),
    "watch": _Door("naryq.cli.watch", "watch", "A venue live in the terminal: books, trades, one's own orders."),
    "rules": _Door("naryq.cli.rules", "rules", "Show, compare and check the rulebooks."),
    "journal": _Door("naryq.cli.journal", "journal", "Replay and verify a venue's journal."),
    "statements": _Door(
        "naryq.cli.statements", "statements_command", "Every participant's day, from a venue's journal."
    ),
    "check": _Door("naryq.cli.check", "check", "Hold the book against a published day."),
    "fix": _Door("naryq.cli.fix", "fix", "Serve the FIX session layer alone, to be tried from outside."),
    "bench": _Door("naryq.cli.bench", "bench", "Measure against the best public solvers, as ratios."),
}

INTERRUPTED: Final = 128 + 2
"""The exit code of a program that was told to stop by SIGINT, as shells count it."""
PIPE_CLOSED: Final = 128 + 13
"""The exit code of a program whose reader went away, as shells count it."""


class _Failure(click.ClickException):
    """What a person reads in place of a traceback: one line, with nothing in it that could steer a terminal."""

    def show(self, file: Any = None) -> None:
        """Write the line to standard error."""
        line = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in self.message)
        click.echo(f"naryq: {line}", file=file, err=True)


class _Refused(_Failure):
    """The one line of a refusal."""

    exit_code = 2


class _Naryq(click.Group):
    """The group of all commands; it imports a command when it runs and turns what goes wrong into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """Name the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Load one command; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        door = COMMANDS[cmd_name]
        command = getattr(import_module(door.module), door.attribute)
        assert isinstance(command, click.Command), "every door leads to a command"
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """List the commands from the table, so that help loads none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, door.help) for name, door in COMMANDS.items()])

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the program's own options; what it cannot read is one line."""
        try:
            return super().make_context(*args, **extra)
        except click.UsageError as error:
            raise _misused(error) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a refusal ends with code 2, Ctrl-C with 130, and a reader that went away in silence."""
        _write_every_letter()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except click.UsageError as error:
            raise _misused(error) from None
        except ValueError as failure:
            from naryq.messages import Refusal  # noqa: PLC0415 - late, so that help does not pay for it

            if not isinstance(failure, Refusal):
                raise
            raise _Refused(str(failure)) from None
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _silence_standard_output()
            raise click.exceptions.Exit(PIPE_CLOSED) from None
        except OSError as failure:
            raise _Failure(f"the system refused: {failure}") from None
        return result


def _misused(error: click.UsageError) -> click.ClickException:
    """Return the one line for words that no command reads; whoever only asks what there is gets the help."""
    if error.ctx is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error
    path = error.ctx.command_path
    what = " ".join(error.format_message().split())
    return _Refused(f"unknown_option: {path}: {what} See `{path} --help`.")


def _write_every_letter() -> None:
    """Write a letter that the reader's encoding lacks by its number: a Kazakh name must not end a program."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # Not so in a notebook, nor where there is no standard output.
        sys.stdout.reconfigure(errors="backslashreplace")


def _silence_standard_output() -> None:
    """Let the interpreter's last flush go nowhere: nobody reads any more, and it would complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_Naryq, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="naryq", message="%(prog)s %(version)s")
def main() -> None:
    """An open electronic pricing system for a fuel that is leaving price regulation."""
