"""One sheet to draw on: its size, letters and colours, and how it becomes bytes, the same ones on each run.

matplotlib keeps its settings in one table for the whole process. They are set for the time of a drawing and put back,
so that neither a caller's style changes a picture nor a picture the caller's style; two threads must not draw at once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from threading import Lock
from typing import Any, Final
from unicodedata import category

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image
from PIL.PngImagePlugin import PngInfo

SUPPLY: Final = "#0072B2"
DEMAND: Final = "#D55E00"
FULL: Final = "#D55E00"
OPEN: Final = "#56789A"
LIMIT: Final = "#7B3294"
UNUSED: Final = "#9A9A9A"
INK: Final = "#1A1A1A"
RANGE: Final = "#F1EAC8"
"""Blue and vermilion of M. Okabe and K. Ito's palette, grey, violet: told apart by every kind of colour vision."""

WIDTH_INCHES: Final = 5.0
"""At 72 points an inch the sheet is 360 points wide, so letters keep their size on a telephone 360 pixels wide."""
HEIGHT_INCHES: Final = 4.3
DOTS_PER_INCH: Final = 240
PNG_COLOURS: Final = 96
NAME_LETTERS: Final = 40
"""A longer name is cut: on this sheet nobody could read it."""

_DRAWING: Final = Lock()


@contextmanager
def our_settings() -> Iterator[None]:
    """Draw by settings of our own, whatever the caller has set."""
    with _DRAWING, mpl.rc_context():
        mpl.rcdefaults()
        settings = mpl.rcParams
        settings["font.family"] = "DejaVu Sans"  # It comes with matplotlib and has the letters of Kazakh.
        settings["font.size"] = 8.5
        settings["text.color"] = settings["axes.labelcolor"] = settings["axes.edgecolor"] = INK
        settings["text.parse_math"] = False  # A name may hold a dollar sign.
        settings["svg.hashsalt"] = "naryq"
        settings["svg.fonttype"] = "path"
        yield


def as_bytes(figure: Figure, kind: str, title: str) -> bytes:
    """Write the figure as SVG or PNG, with its title and without a date."""
    buffer = BytesIO()
    if kind == "svg":
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(buffer, metadata={"Title": printable(title), "Date": None, "Creator": None})
    else:
        _as_png(figure, title, buffer)
    return buffer.getvalue()


def _as_png(figure: Figure, title: str, buffer: BytesIO) -> None:
    """Write a PNG of few colours: a drawing of lines and letters has no more, and takes a quarter of the bytes."""
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    notes = PngInfo()
    notes.add_itxt("Title", printable(title))
    pixels = (
        Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(PNG_COLOURS, dither=Image.Dither.NONE)
    )
    pixels.save(buffer, "png", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH), pnginfo=notes)


def new_chart() -> tuple[Figure, Axes]:
    """Begin a sheet with one pair of axes, a light grid behind them and whole numbers along them."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.add_subplot()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=6, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: plain(round(value))))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def write_head(axes: Axes, head: str, line: str) -> None:
    """Write the title, and a line under it."""
    head, line = printable(head), printable(line)
    axes.set_title(head, loc="left", fontsize=min(11.0, 420 / len(head)), fontweight="bold", pad=17)
    axes.text(0, 1.02, line, transform=axes.transAxes, fontsize=min(8.0, 520 / len(line)), va="bottom")


def write_legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    """Explain the lines below the axes."""
    figure.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False, fontsize=8, handlelength=2.2)


def plain(number: int) -> str:
    """Write a whole number on an axis or beside an arrow, its thousands parted by narrow spaces."""
    return f"{number:,}".replace(",", "\u202f")


def printable(text: str) -> str:
    """Put a mark for each character that no letter shows and no SVG may hold: controls, halves of pairs, no characters.

    >>> printable("Astana" + chr(0)) == "Astana" + chr(0xFFFD)
    True
    """
    return "".join("\ufffd" if category(letter).startswith("C") else letter for letter in text)


def legible(name: object) -> str:
    """Write a name, of whatever kind and length, so that it can be drawn and read.

    >>> legible(7), len(legible("Astana " * 100))
    ('7', 40)
    """
    text = str(name)
    return printable(text if len(text) <= NAME_LETTERS else text[: NAME_LETTERS - 1] + "\u2026")
