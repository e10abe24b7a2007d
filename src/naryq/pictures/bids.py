"""A standard auction: what was bid, the best first, what of it won, and at which price."""

from itertools import groupby
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from naryq.market.standard_awards import StandardResult
from naryq.market.words import listed, say
from naryq.pictures.sheet import (
    DEMAND,
    INK,
    LIMIT,
    SUPPLY,
    as_bytes,
    legible,
    new_chart,
    our_settings,
    write_head,
    write_legend,
)
from naryq.units import tenge

BEYOND: Final = 1.7
"""How far the sheet goes beyond the lots of the auction."""
LETTER_SHARE: Final = 0.0145
"""About what part of the sheet's width a letter takes."""
ROOM_SHARE: Final = 0.05
"""What part of the sheet's height a name takes."""
DRAWN_LEVELS: Final = 600
NAMED: Final = 2


class Level(NamedTuple):
    """All bids at one price: their lots, how many of these won, who made them, and where the level starts and ends."""

    price: int
    lots: int
    won: int
    names: tuple[str, ...]
    start: int

    @property
    def end(self) -> int:
        """Where the level ends."""
        return self.start + self.lots


def drawn(result: StandardResult, kind: str, language: str) -> bytes:
    """Draw the bids of an auction."""
    levels = levels_of(result)
    with our_settings():
        figure, axes = new_chart()
        _frame(axes, result, language)
        _fit(axes, result, levels)
        handles = [*_bids(axes, result, levels, language), *_won(axes, result, levels, language)]
        handles += _bounds(axes, result, language)
        write_legend(figure, handles)
        return as_bytes(figure, kind, result.why().say(language))


def levels_of(result: StandardResult) -> list[Level]:
    """Join the bids at each price, the best price for the initiator first."""
    sign, found, start = result.terms.sign, [], 0
    steps = sorted(zip(result.steps, result.filled, strict=True), key=lambda each: -sign * each[0].price)
    for price, group in groupby(steps, key=lambda each: each[0].price):
        bids = list(group)
        names = tuple(dict.fromkeys(bid.participant for bid, _ in bids))
        lots = sum(bid.quantity for bid, _ in bids)
        found.append(Level(price, lots, sum(won for _, won in bids), names, start))
        start += lots
    return found


def _frame(axes: Axes, result: StandardResult, language: str) -> None:
    verb = "void" if result.status == "void" else "sold" if result.terms.initiator == "seller" else "bought"
    head = say(language, f"picture_auction_{verb}", quantity=result.quantity, lots=result.terms.lots)
    write_head(axes, head, result.why().say(language) if verb == "void" else _paid(result, language))
    axes.set_xlabel(say(language, "picture_lots"))
    axes.set_ylabel(say(language, "picture_tenge"))


def _paid(result: StandardResult, language: str) -> str:
    amount = tenge(result.amount_tiyn)
    return say(language, "picture_auction_paid", participants=result.participants, tenge=amount)


def _fit(axes: Axes, result: StandardResult, levels: list[Level]) -> None:
    """Show the lots of the auction and some way on, and the prices that are bid there."""
    total = levels[-1].end if levels else 0
    lots = max(result.terms.lots, min(total, int(result.terms.lots * BEYOND)))
    prices = [level.price for level in levels if level.start < lots] or [result.terms.start_price]
    told = (result.terms.reserve_price, result.clearing_price)
    prices += [price for price in told if price is not None]
    room = max(1.0, 0.12 * (max(prices) - min(prices)))
    axes.set_xlim(0, 1.04 * lots)
    axes.set_ylim(min(prices) - room, max(prices) + room)


def _bids(axes: Axes, result: StandardResult, levels: list[Level], language: str) -> list[Line2D]:
    """Draw the bids as a staircase, and name who stands on a step where there is room."""
    if not levels:
        return []
    colour = DEMAND if result.terms.initiator == "seller" else SUPPLY
    right = axes.get_xlim()[1]
    shown = [level for level in levels if level.start < right][:DRAWN_LEVELS]
    edges = [level.start for level in shown] + [shown[-1].end]
    axes.stairs([level.price for level in shown], edges, baseline=None, color=colour, lw=1.8)
    for level, following in zip(shown, [*shown[1:], None], strict=True):
        _name(axes, result, level, following, language)
    return [Line2D([], [], color=colour, lw=1.8, label=say(language, "picture_auction_bids"))]


def _name(axes: Axes, result: StandardResult, level: Level, following: Level | None, language: str) -> None:
    """Write who stands on a step, where there is room."""
    text = listed(language, [legible(name) for name in level.names], NAMED)
    if _has_room(axes, level, following, len(text)):
        above = result.terms.initiator == "seller"
        axes.annotate(
            text,
            (level.start, level.price),
            (3.0, 2.5 if above else -3.0),
            textcoords="offset points",
            ha="left",
            va="bottom" if above else "top",
            fontsize=7.5,
            color=DEMAND if above else SUPPLY,
        )


def _has_room(axes: Axes, level: Level, following: Level | None, letters: int) -> bool:
    """Whether a name has room along its step, or beyond where the next step is far enough below (above) it."""
    right, (bottom, top) = axes.get_xlim()[1], axes.get_ylim()
    width = LETTER_SHARE * letters * right
    beyond = following is None or abs(following.price - level.price) > ROOM_SHARE * (top - bottom)
    return level.start + width < right and (beyond or width < level.lots)


def _won(axes: Axes, result: StandardResult, levels: list[Level], language: str) -> list[Line2D | Patch]:
    """Draw the price, and shade what won under it."""
    price = result.clearing_price
    if price is None:
        return []
    shade = _shade(axes, result, [level for level in levels if level.won])
    shade.set_label(say(language, "picture_auction_won"))
    line = axes.axhline(price, color=INK, lw=0.9, ls=(0, (4, 2)), label=say(language, "picture_price", price=price))
    return [shade, line]


def _shade(axes: Axes, result: StandardResult, won: list[Level]) -> Patch:
    """Shade the lots that won, up to the price that is paid for them."""
    colour, bottom = DEMAND if result.terms.initiator == "seller" else SUPPLY, axes.get_ylim()[0]
    for level in won:
        paid = level.price if result.terms.payment == "pay_as_bid" else result.clearing_price
        axes.fill_between([level.start, level.start + level.won], bottom, paid or 0, color=colour, alpha=0.16, lw=0)
    return Patch(color=colour, alpha=0.16, lw=0)


def _bounds(axes: Axes, result: StandardResult, language: str) -> list[Line2D]:
    """Draw how many lots there are, and the reserve price."""
    terms = result.terms
    lots = say(language, f"picture_auction_{'offered' if terms.initiator == 'seller' else 'asked'}", lots=terms.lots)
    found = [axes.axvline(terms.lots, color=INK, lw=1.2, ls=":", label=lots)]
    if terms.reserve_price is not None:
        label = say(language, "picture_auction_reserve", price=terms.reserve_price)
        found.append(axes.axhline(terms.reserve_price, color=LIMIT, lw=1.4, ls=(0, (6, 1.5, 1, 1.5)), label=label))
    return found
