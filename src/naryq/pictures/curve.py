"""Supply and demand of one place as steps, and where they cross."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from naryq.market.curves import Curves, Step
from naryq.market.why import NAMED_ORDERS, Why
from naryq.market.words import listed, say
from naryq.pictures.sheet import (
    DEMAND,
    INK,
    LIMIT,
    RANGE,
    SUPPLY,
    as_bytes,
    legible,
    new_chart,
    our_settings,
    plain,
    write_head,
    write_legend,
)

DRAWN_STEPS: Final = 1_500
"""A curve of more steps is drawn by as many, each the sum of neighbours: a sheet has no more dots."""
BEYOND: Final = 1.7
"""How far the sheet goes beyond what changes hands, as a multiple of it."""
NAMED_SHARE: Final = 0.13
"""A step of a link is named where it takes at least this part of the sheet's width."""


class View(NamedTuple):
    """What part of the curves the sheet shows: up to how many lots, between which prices."""

    lots: float
    lowest: float
    highest: float


class Side(NamedTuple):
    """How one of the two curves is drawn: its colour, what its legend says of orders and of links, and its arrow."""

    colour: str
    key: str
    link_key: str
    arrow: str


SIDES: Final = (
    Side(SUPPLY, "picture_supply", "picture_imports", "←"),
    Side(DEMAND, "picture_demand", "picture_exports", "→"),
)


def drawn(curves: Curves, why: Why, kind: str, language: str) -> bytes:
    """Draw the curves of one place."""
    with our_settings():
        figure, axes = new_chart()
        view = _view(curves, why)
        _frame(axes, curves, why, language)
        axes.set_xlim(0, view.lots)
        axes.set_ylim(view.lowest, view.highest)
        handles: list[Line2D | Patch] = []
        for side, steps in zip(SIDES, (curves.supply, curves.demand), strict=True):
            handles += [_key(side, link=link, language=language) for link in _curve(axes, steps, side, view, language)]
        handles += [
            *_price(axes, curves, why, view, language),
            *_limits(axes, curves, language),
            *_range(axes, why, language),
        ]
        write_legend(figure, handles)
        return as_bytes(figure, kind, why.say(language))


def _key(side: Side, *, link: bool, language: str) -> Line2D:
    label = say(language, side.link_key if link else side.key)
    return Line2D([], [], color=side.colour, lw=1.8, ls=(0, (2.2, 1.0)) if link else "-", label=label)


def _view(curves: Curves, why: Why) -> View:
    """Show what changes hands and some way on; prices as far as the curves go there."""
    own = max(sum(step.lots for step in each if step.other is None) for each in (curves.supply, curves.demand))
    whole = max(sum(step.lots for step in each) for each in (curves.supply, curves.demand))
    lots = max(1, min(whole, max(int(curves.lots * BEYOND), min(own, curves.lots * 3) if curves.lots else own)))
    seen = [step.price for each in (curves.supply, curves.demand) for step, start in _starts(each) if start < lots]
    told = (why.price, why.lowest, why.highest, curves.floor, curves.cap)
    prices = [*seen, *(price for price in told if price is not None)] or [0]
    lowest, highest = min(prices), max(prices)
    if why.price:
        highest = min(highest, 3 * why.price)
    room = max(1.0, 0.07 * (highest - lowest))
    return View(lots * 1.04, max(lowest - room, -room), highest + room)


def _starts(steps: Sequence[Step]) -> list[tuple[Step, int]]:
    found, total = [], 0
    for step in steps:
        found.append((step, total))
        total += step.lots
    return found


def _frame(axes: Axes, curves: Curves, why: Why, language: str) -> None:
    """Write the head and the units of the axes."""
    key = "picture_no_price" if why.price is None else "picture_place"
    head = say(language, key, place=legible(why.place), price=why.price or 0)
    lots = {"bought": why.bought, "sold": why.sold, "imports": curves.imports, "exports": curves.exports}
    write_head(axes, head, say(language, "picture_traded", **lots))
    axes.set_xlabel(say(language, "picture_lots"))
    axes.set_ylabel(say(language, "picture_tenge"))


def _range(axes: Axes, why: Why, language: str) -> list[Patch]:
    """Shade the optimal prices where there are several."""
    if why.price is None or why.lowest == why.highest:
        return []
    bottom, top = axes.get_ylim()
    lowest, highest = why.lowest, why.highest
    axes.axhspan(bottom if lowest is None else lowest, top if highest is None else highest, color=RANGE, lw=0)
    shown = f"{'' if lowest is None else plain(lowest)} – {'' if highest is None else plain(highest)}".strip()  # noqa: RUF001 - a dash between numbers
    return [Patch(color=RANGE, label=say(language, "picture_range", range=shown))]


def _limits(axes: Axes, curves: Curves, language: str) -> list[Line2D]:
    """Draw the floor and the cap of the place's price."""
    found = []
    for key, price in (("picture_floor", curves.floor), ("picture_cap", curves.cap)):
        if price is not None:
            label = say(language, key, price=price)
            found.append(axes.axhline(price, color=LIMIT, lw=1.4, ls=(0, (6, 1.5, 1, 1.5)), label=label, zorder=1.8))
    return found


def _curve(axes: Axes, steps: Sequence[Step], side: Side, view: View, language: str) -> list[bool]:
    """Draw a curve: own orders in a full line, what links add in a dashed one; say which of the two there are."""
    shown = [(step, start) for step, start in _starts(_fewer(steps)) if start < view.lots]
    for step, start in shown:
        ends = start, min(start + step.lots, view.lots)
        style = (0, (2.2, 1.0)) if step.other is not None else "solid"
        axes.plot(ends, [step.price] * 2, color=side.colour, lw=1.8, ls=style, solid_capstyle="butt")
        if step.other is not None and ends[1] - ends[0] > NAMED_SHARE * view.lots:
            _name_link(axes, step, (ends[0] + ends[1]) / 2, side, language)
    corners: list[tuple[float, float, float]] = [
        (start, step.price, following.price) for (step, _), (following, start) in pairwise(shown)
    ]
    total = sum(step.lots for step in steps)
    if steps and total <= view.lots:  # Where nothing is left, supply goes up and demand down.
        corners.append((total, steps[-1].price, view.highest if side.colour == SUPPLY else view.lowest))
    for lots, before, after in corners:
        axes.plot([lots, lots], [before, after], color=side.colour, lw=1.8, solid_capstyle="projecting")
    return sorted({step.other is not None for step, _ in shown})


def _name_link(axes: Axes, step: Step, middle: float, side: Side, language: str) -> None:
    above = side.colour == DEMAND
    axes.annotate(
        f"{side.arrow} {legible(step.other or say(language, 'picture_outside'))}",
        (middle, step.price),
        (0, 2.5 if above else -2.5),
        textcoords="offset points",
        ha="center",
        va="bottom" if above else "top",
        color=side.colour,
        fontsize=7.5,
    )


def _fewer(steps: Sequence[Step]) -> list[Step]:
    """Join neighbouring steps of orders until a sheet can show them all."""
    width = -(-len(steps) // DRAWN_STEPS)
    if width <= 1:
        return list(steps)
    joined: list[Step] = []
    for number, step in enumerate(steps):
        last = joined[-1] if joined else None
        if number % width and last is not None and last.other is None and step.other is None:
            joined[-1] = Step(step.price, last.lots + step.lots, None)
        else:
            joined.append(step)
    return joined


def _price(axes: Axes, curves: Curves, why: Why, view: View, language: str) -> list[Line2D]:
    """Draw the price, the cross, and the orders at the margin."""
    if why.price is None:
        return []
    axes.axhline(why.price, color=INK, lw=0.9, ls=(0, (4, 2)))
    handles = [Line2D([], [], color=INK, lw=0.9, ls="--", label=say(language, "picture_price", price=why.price))]
    if why.set_at == why.place:
        for steps, colour in ((curves.supply, SUPPLY), (curves.demand, DEMAND)):
            for step, start in _starts(steps):
                if step.price == why.price and step.other is None:
                    ends = [start, min(start + step.lots, view.lots)]
                    axes.plot(ends, [step.price] * 2, color=colour, lw=6, alpha=0.35, solid_capstyle="butt")
        key = "picture_marginal_several" if len(why.marginal_orders) > 1 else "picture_marginal_one"
        orders = [legible(order) for order in why.marginal_orders]
        label = say(language, key, orders=listed(language, orders, NAMED_ORDERS))
        handles.append(Line2D([], [], color="#777777", lw=6, alpha=0.45, label=label))
    if curves.lots:
        cross = why.price if curves.price is None else curves.price
        axes.plot([curves.lots] * 2, [axes.get_ylim()[0], cross], color=INK, lw=0.7, ls=":", zorder=1.5)
        axes.plot([curves.lots], [cross], "o", color=INK, ms=5, zorder=5)
    return handles
