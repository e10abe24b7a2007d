"""Small tables for people: aligned text, and the same for a notebook."""

from collections.abc import Sequence
from html import escape

from naryq.units import grouped


def price_cell(price: int | None) -> str:
    """Write a price, or a dash where there is none."""
    return "-" if price is None else grouped(price)


def as_text(heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """Write a table whose first column stands left and whose others stand right, and notes under it.

    >>> print(as_text(("place", "price"), [("Astana", "110 000")], ["one place"]))
    place     price
    Astana  110 000
    one place
    """
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in (heads, *rows)
    ]
    return "\n".join([*lines, *notes])


def as_html(heads: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """Write the same for a notebook; whatever the names hold, it is text."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    foot = f"<p>{escape(' '.join(notes))}</p>" if notes else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"
