"""Options that several commands share, and what must hold of their values."""

import re
from datetime import date
from pathlib import Path, PurePath
from typing import Final

import click

from naryq.cli.tables import LARGEST_MEGABYTES
from naryq.messages import Code, Refusal

LANGUAGES: Final = ("en", "kk", "ru")
PICTURE_KINDS: Final = ("svg", "png")


class DayType(click.ParamType[str]):
    """A calendar day, 2022-01-31."""

    name = "day"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the day as it was written, or say how to write one."""
        if not is_day(value):
            self.fail(f"{value!r} is no calendar day: write it as 2022-01-31", param, ctx)
        return value


def is_day(text: str) -> bool:
    """Say whether a text is a day that the calendar has, in the one form that is taken."""
    try:
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


as_json = click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, for programs.")
language = click.option(
    "--language",
    type=click.Choice(LANGUAGES),
    default="en",
    show_default=True,
    help="The language of the reasons and of the picture.",
)
picture = click.option("--picture", metavar="FILE", help="Draw a picture: FILE ends with .svg or .png.")
largest = click.option(
    "--largest",
    "largest_megabytes",
    metavar="MB",
    type=click.IntRange(min=1),
    default=LARGEST_MEGABYTES,
    show_default=True,
    help="Refuse a larger file before reading it.",
)
tie = click.option(
    "--tie",
    type=click.Choice(["time", "pro_rata"]),
    default="time",
    show_default=True,
    help="How orders at the price where the lots run out share what is left.",
)


def picture_kind(path: str) -> str:
    """Return the kind of picture that a file's name asks for.

    Raises:
        Refusal: UNKNOWN_OPTION when the name ends with neither.
    """
    kind = PurePath(path).suffix.lower().removeprefix(".")
    if kind not in PICTURE_KINDS:
        what = f"--picture is {click.format_filename(path)!r}"
        raise Refusal(Code.UNKNOWN_OPTION, what, remedy="Give a name that ends with .svg or .png.")
    return kind


def save_picture(path: str, drawn: bytes) -> None:
    """Write a picture to its file.

    Raises:
        Refusal: UNREADABLE when there is no such folder, or it may not be written to.
    """
    try:
        Path(path).write_bytes(drawn)
    except OSError as error:
        what, where = f"the picture cannot be written: {error.strerror}", click.format_filename(path)
        raise Refusal(Code.UNREADABLE, what, where=where, remedy="Name a file in a folder of yours.") from None
