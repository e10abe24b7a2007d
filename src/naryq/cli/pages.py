"""Tables and sentences for people: on a terminal as wide as it is, in a file or a pipe as wide as they need."""

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from naryq.units import grouped

SHOWN_ROWS: Final = 100
"""A table for people ends here and says how many rows more there are; `--json` gives all."""
PIPED_COLUMNS: Final = 10_000
"""The width of a page that is no terminal: nothing is folded or cut for it."""

GROUP_GAP: Final = re.compile(r"(?<=\d) (?=\d{3}\b)")
"""The space between two groups of a number's digits."""


def new_page() -> Console:
    """Begin a page on standard output; without colour where that is no terminal."""
    terminal = sys.stdout.isatty()
    width = None if terminal else PIPED_COLUMNS
    return Console(force_terminal=terminal, width=width, highlight=False, markup=False, emoji=False)


def print_table(
    page: Console, title: str, headings: tuple[str, ...], rows: Sequence[Iterable[Any]], total: int | None = None
) -> None:
    """Print a table, or the first rows of one of so many in all; a column whose heading names a unit stands right."""
    grid = Grid(*headings, box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for column in grid.columns:
        column.overflow = "fold"
        column.justify = "right" if any(unit in str(column.header) for unit in ("lots", "tenge", "tiyn")) else "left"
    for row in rows:
        grid.add_row(*(Text(cell if isinstance(cell, str) else shown(cell)) for cell in row))
    page.print(grid)
    if total is not None and total > len(rows):
        page.print(f"... and {shown(total - len(rows))} more; --json prints all of them.\n")


def print_sentences(page: Console, title: str, sentences: Iterable[str]) -> None:
    """Print sentences under a title, each from a line of its own on."""
    page.print(Text(title, style="bold"))
    for sentence in sentences:
        page.print(filled(page, sentence, indent="  "), soft_wrap=True)
    page.print()


def print_paragraph(page: Console, text: str) -> None:
    """Print a paragraph and an empty line."""
    page.print(filled(page, text) + "\n", soft_wrap=True)


def filled(page: Console, text: str, *, indent: str = "") -> str:
    """Break a text at a terminal's edge, which never parts the groups of a number; elsewhere it stays one line."""
    if not page.is_terminal:
        return indent + text
    unbroken = GROUP_GAP.sub("\N{NO-BREAK SPACE}", text)
    lines = textwrap.fill(unbroken, page.width, initial_indent=indent, subsequent_indent=indent)
    return lines.replace("\N{NO-BREAK SPACE}", " ")


def shown(number: int | None) -> str:
    """Write a number in groups of three digits; a dash where there is none."""
    return "-" if number is None else grouped(number)
