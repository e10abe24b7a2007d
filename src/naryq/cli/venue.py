"""The options of every command that speaks to a venue: where it is, and by which key it knows us."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from naryq.client import Client
from naryq.messages import Code, Refusal

ADDRESS: Final = "http://127.0.0.1:8780"
F = TypeVar("F", bound=Callable[..., Any])


def at_venue(command: F) -> F:
    """Give a command the options from which `connected` makes a client."""
    address = click.option(
        "--address",
        envvar="NARYQ_ADDRESS",
        default=ADDRESS,
        show_default=True,
        metavar="URL",
        help="Where the venue is.",
    )
    key = click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="The file that holds the key; without it the variable NARYQ_KEY does.",
    )
    return address(key(command))


def connected(address: str, key_file: Path | None) -> Client:
    """Return a client; refuses (NOT_AUTHENTICATED) where no key is given.

    A key is never an option: what stands on a command line can be seen by others.
    """
    text = key_file.read_text(encoding="utf-8") if key_file is not None else os.environ.get("NARYQ_KEY", "")
    if not text.strip():
        remedy = "Name its file with --key-file, or put it into the environment variable NARYQ_KEY."
        raise Refusal(Code.NOT_AUTHENTICATED, "no key is given", where="--key-file", remedy=remedy)
    return Client(address, text.strip())
