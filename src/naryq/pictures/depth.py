"""The depth of a book: how much it shows up to each price, to buy on the left and to sell on the right."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from naryq.market.book import Book
from naryq.market.book_rules import Depth
from naryq.market.sheets import price_cell
from naryq.market.words import say
from naryq.pictures.sheet import DEMAND, INK, LIMIT, SUPPLY, as_bytes, new_chart, our_settings, write_head, write_legend

ROOM: Final = 0.05
"""How far the sheet goes beyond the last price, as a part of the range of prices."""


def drawn(book: Book, levels: int, kind: str, language: str) -> bytes:
    """Draw the depth of a book."""
    depth = book.depth(levels)
    with our_settings():
        figure, axes = new_chart()
        title = _frame(axes, book, language)
        _fit(axes, depth)
        left, right = axes.get_xlim()
        handles = [
            *_side(axes, depth.bids, left, (DEMAND, say(language, "picture_demand"))),
            *_side(axes, depth.asks, right, (SUPPLY, say(language, "picture_supply"))),
            *_prices(axes, book, language),
        ]
        write_legend(figure, handles)
        return as_bytes(figure, kind, title)


def _frame(axes: Axes, book: Book, language: str) -> str:
    head = say(language, "picture_book" if book.phase == "continuous" else "picture_book_call")
    best = {"bid": price_cell(book.best_bid), "ask": price_cell(book.best_ask)}
    write_head(axes, head, say(language, "picture_book_best", **best))
    axes.set_xlabel(say(language, "picture_book_price"))
    axes.set_ylabel(say(language, "picture_book_depth"))
    return head


def _fit(axes: Axes, depth: Depth) -> None:
    """Show the prices that stand in the book, and somewhat more."""
    prices = [price for price, _ in (*depth.bids, *depth.asks)] or [0]
    most = max((sum(lots for _, lots in side) for side in depth), default=0)
    room = max(1.0, ROOM * (max(prices) - min(prices)))
    axes.set_xlim(min(prices) - room, max(prices) + room)
    axes.set_ylim(0, max(1, most) * 1.06)


def _side(axes: Axes, levels: Sequence[tuple[int, int]], edge: float, style: tuple[str, str]) -> list[Line2D]:
    """Draw one side as a staircase that rises from its best price to the edge of the sheet."""
    if not levels:
        return []
    colour, label = style
    sums = list(accumulate(lots for _, lots in levels))
    x, y = [float(levels[0][0])], [0.0]
    for (price, _), total, end in zip(levels, sums, [*(price for price, _ in levels[1:]), edge], strict=True):
        x += [price, end]
        y += [total, total]
    axes.fill_between(x, 0, y, color=colour, alpha=0.16, lw=0)
    axes.plot(x, y, color=colour, lw=1.8)
    return [Line2D([], [], color=colour, lw=1.8, label=label)]


def _prices(axes: Axes, book: Book, language: str) -> list[Line2D]:
    """Draw the last price and, in a call, the price at which it would end now."""
    indicative = book.indicative().price if book.phase == "call" else None
    found = []
    for key, price, colour, style in (
        ("picture_book_last", book.last_price, INK, (0, (4, 2))),
        ("picture_book_indicative", indicative, LIMIT, (0, (6, 1.5, 1, 1.5))),
    ):
        if price is not None:
            found.append(axes.axvline(price, color=colour, lw=1.1, ls=style, label=say(language, key, price=price)))
    return found
