"""The network: a box for each place with its price, an arrow for each link with what it carries."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.textpath import TextPath

from naryq.market.curves import Arc, Node
from naryq.market.sheets import price_cell
from naryq.market.words import say
from naryq.pictures.layout import MOST_COLUMNS, Layout, laid_out
from naryq.pictures.sheet import (
    DEMAND,
    DOTS_PER_INCH,
    FULL,
    INK,
    OPEN,
    SUPPLY,
    UNUSED,
    WIDTH_INCHES,
    as_bytes,
    legible,
    our_settings,
    plain,
)

SHOWN_PLACES: Final = 30
UNUSED_LINKS: Final = 12
"""More unused links than these are left out: they would hide the others."""
BOX: Final = (68.0, 28.0)
"""Width and height of a place, in points."""
NAME_SIZE: Final = 8.5
NARROWEST_GAP: Final = 52.0
ROW: Final = 44.0
HEAD: Final = 48.0
LINE: Final = 13.0
EDGE: Final = 6.0
LETTER: Final = 5.0
"""About how wide a letter of an arrow's label is, in points."""
PORTS: Final = 20.0
"""Arrows meet a box along this much of its side."""
ALONG_ARROW: Final = (0.5, 0.4, 0.6, 0.3, 0.7, 0.22, 0.78, 0.15, 0.85)
BESIDE_ARROW: Final = (0.0, 13.0, -13.0)
"""Where along an arrow, and how many points above it, its label may stand, the best first."""

Point = tuple[float, float]


class Rectangle(NamedTuple):
    """A rectangle on the sheet, in points: its middle, and half its width and height."""

    x: float
    y: float
    half_width: float
    half_height: float

    def meets(self, other: "Rectangle") -> bool:
        """Tell whether two rectangles overlap."""
        return (
            abs(self.x - other.x) < self.half_width + other.half_width
            and abs(self.y - other.y) < self.half_height + other.half_height
        )


class Arrow(NamedTuple):
    """A way as it is drawn: from where to where, and how far it bends to the right of the straight line."""

    arc: Arc
    tail: Point
    head: Point
    bend: float

    def at(self, part: float) -> Point:
        """Return a point on it, from 0 to 1: on the parabola that matplotlib's `arc3` draws."""
        (x0, y0), (x2, y2), rest = self.tail, self.head, 1 - part
        x1, y1 = (x0 + x2) / 2 + self.bend * (y2 - y0), (y0 + y2) / 2 - self.bend * (x2 - x0)
        weights = rest * rest, 2 * rest * part, part * part
        return (
            weights[0] * x0 + weights[1] * x1 + weights[2] * x2,
            weights[0] * y0 + weights[1] * y1 + weights[2] * y2,
        )


def drawn(nodes: Sequence[Node], arcs: Sequence[Arc], kind: str, language: str) -> bytes:
    """Draw the network; of very many places those that move the most."""
    shown, ways = _busiest(nodes, arcs)
    plan = laid_out([node.name for node in shown], ways)
    with our_settings():
        entries = _legend(ways, language)
        foot = LINE * len(entries) + 2 * EDGE
        boxes, width, height = _boxes(plan, foot)
        figure = Figure(figsize=(width / 72, height / 72), dpi=DOTS_PER_INCH)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(0, height)
        _arrows(axes, ways, boxes)
        for node in shown:
            _place(axes, node, boxes[node.name], language)
        _heading(axes, (len(shown), len(nodes)), height, language)
        axes.legend(handles=entries, loc="lower left", frameon=False, fontsize=8, borderaxespad=0, labelspacing=0.3)
        return as_bytes(figure, kind, say(language, "picture_network"))


def _busiest(nodes: Sequence[Node], arcs: Sequence[Arc]) -> tuple[list[Node], list[Arc]]:
    """Keep the places that move the most, in their order, and the ways between them that are worth showing."""
    moved = {node.name: node.sold + node.bought for node in nodes}
    for arc in arcs:
        moved[arc.source] += arc.flow
        moved[arc.target] += arc.flow
    kept = sorted(moved, key=lambda name: -moved[name])[:SHOWN_PLACES]
    ways = [arc for arc in arcs if arc.source in kept and arc.target in kept and arc.capacity]
    used = {(arc.source, arc.target) for arc in ways if arc.flow}
    unused = [arc for arc in ways if not arc.flow and not {(arc.source, arc.target), (arc.target, arc.source)} & used]
    carrying = [arc for arc in ways if arc.flow]
    return [node for node in nodes if node.name in kept], [*(unused if len(unused) <= UNUSED_LINKS else ()), *carrying]


def _boxes(plan: Layout, foot: float) -> tuple[dict[str, Rectangle], float, float]:
    """Put the places on a sheet; also its width and height."""
    columns = max(plan.columns, 1)
    width = max(WIDTH_INCHES * 72, columns * (BOX[0] + NARROWEST_GAP) - NARROWEST_GAP + 2 * EDGE)
    rows = plan.rows + -(-len(plan.idle) // MOST_COLUMNS)
    height = HEAD + max(rows, 1) * ROW + foot
    spots = {name: (_across(column, plan.columns), row) for name, (column, row) in plan.spots.items()}
    for number, name in enumerate(plan.idle):
        row, column = divmod(number, MOST_COLUMNS)
        spots[name] = _across(column, min(len(plan.idle), MOST_COLUMNS)), plan.rows + row
    inner = width - BOX[0] - 2 * EDGE
    boxes = {
        name: Rectangle(EDGE + BOX[0] / 2 + across * inner, height - HEAD - (row + 0.5) * ROW, BOX[0] / 2, BOX[1] / 2)
        for name, (across, row) in spots.items()
    }
    return boxes, width, height


def _across(column: int, columns: int) -> float:
    return column / (columns - 1) if columns > 1 else 0.5


def _place(axes: Axes, node: Node, box: Rectangle, language: str) -> None:
    """Draw a place: blue where it sells more than it buys, vermilion where it buys more, and its price."""
    colour = SUPPLY if node.sold > node.bought else DEMAND if node.bought > node.sold else UNUSED
    frame = FancyBboxPatch(
        (box.x - box.half_width + 2, box.y - box.half_height + 2),
        2 * box.half_width - 4,
        2 * box.half_height - 4,
        boxstyle="round,pad=2,rounding_size=4",
        facecolor="white",
        edgecolor=colour,
        linewidth=1.5,
        zorder=3,
    )
    axes.add_patch(frame)
    name = legible(node.name)
    size = min(NAME_SIZE, NAME_SIZE * (BOX[0] - 8) / _width(name))
    axes.text(box.x, box.y + 5.5, name, ha="center", va="center", fontsize=size, fontweight="bold", zorder=4)
    axes.text(box.x, box.y - 6, price_cell(node.price), ha="center", va="center", fontsize=8.5, zorder=4)
    if node.brought:
        outside = say(
            language, "picture_from_outside" if node.brought > 0 else "picture_to_outside", lots=abs(node.brought)
        )
        axes.text(box.x, box.y - box.half_height - 5, outside, ha="center", va="center", fontsize=7.5, zorder=4)


def _width(name: str) -> float:
    """Return how wide a place's name is at `NAME_SIZE`, in points."""
    if not name.strip():
        return 1.0  # Blanks have no outline to measure.
    return max(1.0, TextPath((0, 0), name, size=NAME_SIZE, prop=FontProperties(weight="bold")).get_extents().width)


def _arrows(axes: Axes, ways: Sequence[Arc], boxes: dict[str, Rectangle]) -> None:
    """Draw the ways, the unused ones under the others, and then the labels where they hide nothing."""
    most = max([arc.flow for arc in ways], default=0) or 1
    arrows = _placed(ways, boxes)
    for arrow in arrows:
        _arrow(axes, arrow, most)
    taken = list(boxes.values())
    for arrow in sorted(arrows, key=lambda arrow: -arrow.arc.flow):
        if arrow.arc.flow:
            _label(axes, arrow, taken)


def _placed(ways: Sequence[Arc], boxes: dict[str, Rectangle]) -> list[Arrow]:
    """Find where each arrow leaves and enters; at one side of a box they keep apart, in the order of their far ends."""
    right = max((box.x for box in boxes.values()), default=0)
    ends: dict[tuple[str, int], list[tuple[float, int]]] = {}
    sides: list[tuple[int, int]] = []
    for number, arc in enumerate(ways):
        start, end = boxes[arc.source], boxes[arc.target]
        towards = (end.x > start.x) - (end.x < start.x)
        inward = -1 if start.x == right else 1
        sides.append((towards, -towards) if towards else (inward, inward))
        ends.setdefault((arc.source, sides[-1][0]), []).append((-end.y, 2 * number))
        ends.setdefault((arc.target, sides[-1][1]), []).append((-start.y, 2 * number + 1))
    shift = {}
    for members in ends.values():
        step = min(5.0, PORTS / len(members))
        for rank, (_, end_number) in enumerate(sorted(members)):
            shift[end_number] = ((len(members) - 1) / 2 - rank) * step
    arrows = []
    for number, arc in enumerate(ways):
        start, end, (out, into) = boxes[arc.source], boxes[arc.target], sides[number]
        tail = start.x + out * start.half_width, start.y + shift[2 * number]
        head = end.x + into * end.half_width, end.y + shift[2 * number + 1]
        arrows.append(Arrow(arc, tail, head, 0.3 * out * (1 if end.y > start.y else -1) if out == into else 0.0))
    return arrows


def _arrow(axes: Axes, arrow: Arrow, most: int) -> None:
    flow = arrow.arc.flow
    patch = FancyArrowPatch(
        arrow.tail,
        arrow.head,
        connectionstyle=f"arc3,rad={arrow.bend}",
        arrowstyle="-|>" if flow else "->",
        mutation_scale=8 if flow else 5,
        linewidth=0.9 + 2.1 * flow / most if flow else 0.6,
        linestyle="solid" if flow else (0, (2, 2)),
        color=FULL if arrow.arc.gap > 0 else OPEN if flow else UNUSED,
        shrinkA=0,
        shrinkB=0,
        zorder=2 if flow else 1,
    )
    axes.add_patch(patch)


def _label(axes: Axes, arrow: Arrow, taken: list[Rectangle]) -> None:
    """Write what a link carries on its arrow, where nothing else stands, and the rent where it is full."""
    arc = arrow.arc
    text = f"{plain(arc.flow)} | {plain(arc.gap)}" if arc.gap else plain(arc.flow)
    half = len(text) * LETTER / 2 + 2
    points = [arrow.at(part) for part in ALONG_ARROW]
    spots = [Rectangle(x, y + beside, half, 6.5) for beside in BESIDE_ARROW for x, y in points]
    spot = next((spot for spot in spots if not any(spot.meets(other) for other in taken)), spots[0])
    taken.append(spot)
    white = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
    colour = FULL if arc.gap else INK
    axes.text(spot.x, spot.y, text, ha="center", va="center", fontsize=8, color=colour, bbox=white, zorder=2.5)


def _heading(axes: Axes, counts: tuple[int, int], height: float, language: str) -> None:
    axes.text(EDGE, height - 14, say(language, "picture_network"), fontsize=11, fontweight="bold", va="center")
    units = say(language, "picture_units")
    if counts[0] < counts[1]:
        units = f"{units} {say(language, 'picture_busiest', shown=counts[0], places=counts[1])}"
    axes.text(EDGE, height - 31, units, fontsize=8, va="center")


def _legend(ways: Sequence[Arc], language: str) -> list[Line2D | Patch]:
    """Explain the boxes, and the kinds of arrows that are there."""
    boxes = [
        Patch(facecolor="white", edgecolor=colour, linewidth=1.5, label=say(language, key))
        for colour, key in ((SUPPLY, "picture_seller"), (DEMAND, "picture_buyer"))
    ]
    kinds = (
        (FULL, "-", "picture_full", any(arc.gap for arc in ways)),
        (OPEN, "-", "picture_open", any(arc.flow and not arc.gap for arc in ways)),
        (UNUSED, "--", "picture_unused", any(not arc.flow for arc in ways)),
    )
    lines = [
        Line2D([], [], color=colour, ls=style, label=say(language, key)) for colour, style, key, used in kinds if used
    ]
    return [*boxes, *lines]
