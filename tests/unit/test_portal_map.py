"""The map: every province is on it, labels lie inside, neighbours share their border, and it can be made again."""

import math
import re

import pytest
from tests.portal_samples import PROVINCES
from tools import map as tool

from naryq.portal.atlas import CLASSES, EDGES, band
from naryq.portal.provinces import CITIES, CITY_LABELS, HEIGHT, LABELS, OBLASTS, WIDTH

BYTES_MAX = 12_000

Ring = list[tuple[int, int]]


def rings(path: str) -> list[Ring]:
    """Read the rings of a path of relative lines back into places."""
    found = []
    for part in re.findall(r"M[^z]+z", path):
        numbers = [int(number) for number in re.findall(r"-?\d+", part)]
        x, y = numbers[:2]
        ring = [(x, y)]
        for step_x, step_y in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + step_x, y + step_y
            ring.append((x, y))
        found.append(ring)
    return found


def misplaced(labels: dict[str, tuple[int, int]]) -> list[str]:
    """List the oblasts whose label does not lie inside their border with room around it."""
    return [
        code
        for code, place in labels.items()
        if not any(tool.inside(place, ring) and tool.clearance(place, ring) > 10 for ring in rings(OBLASTS[code]))
    ]


def test_every_province_of_january_2022_is_on_the_map() -> None:
    """Fourteen oblasts have an area and a label, three cities a dot: seventeen codes in all."""
    assert sorted((*OBLASTS, *CITIES)) == sorted(province.code for province in PROVINCES)
    assert OBLASTS.keys() == LABELS.keys()
    assert CITIES.keys() == CITY_LABELS.keys()


def test_the_map_is_small() -> None:
    """The paths of all oblasts together are under twelve kilobytes."""
    assert sum(map(len, OBLASTS.values())) < BYTES_MAX


def test_every_label_lies_inside_its_oblast() -> None:
    """Each label has its place inside the border that it names."""
    assert misplaced(LABELS) == []


def test_a_label_outside_is_seen() -> None:
    """The check of the labels catches one that stands in the neighbour's oblast."""
    assert misplaced({**LABELS, "KZ-47": LABELS["KZ-23"]}) == ["KZ-47"]


def test_every_path_lies_in_the_drawing() -> None:
    """No border leaves the drawing, and every ring encloses ground."""
    for path in OBLASTS.values():
        for ring in rings(path):
            assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in ring)
            assert tool.area(ring) >= tool.LEAST_RING


def test_each_city_lies_in_the_oblast_around_it() -> None:
    """Astana lies in Akmola, Almaty in its oblast, Shymkent in Turkistan."""
    for city, oblast in (("KZ-71", "KZ-11"), ("KZ-75", "KZ-19"), ("KZ-79", "KZ-61")):
        assert any(tool.inside(CITIES[city], ring) for ring in rings(OBLASTS[oblast]))


def test_no_gap_opens_between_neighbours() -> None:
    """The areas of the oblasts overlap nowhere: a place on a grid lies in one of them at most."""
    drawn = [ring for path in OBLASTS.values() for ring in rings(path)]
    for x in range(3, WIDTH, 23):
        for y in range(3, HEIGHT, 23):
            assert sum(tool.inside((x + 0.5, y + 0.5), ring) for ring in drawn) <= 1


@pytest.mark.parametrize("edge", EDGES)
def test_a_class_ends_with_its_edge(edge: int) -> None:
    """A change at the edge belongs to the lower class and one tenth above it to the next."""
    assert band(edge) + 1 == band(edge + 1)
    assert len(CLASSES) == len(EDGES) + 1


def little_country() -> dict[str, object]:
    """Two square oblasts that share one border, in the form of the source: steps between whole numbers."""
    return {
        "transform": {"scale": [1.0, 1.0], "translate": [60.0, 45.0]},
        "arcs": [
            [[4, 0], [0, 4]],
            [[4, 4], [-4, 0], [0, -4], [4, 0]],
            [[4, 0], [4, 0], [0, 4], [-4, 0]],
        ],
        "objects": {
            "kaz": {
                "geometries": [
                    {"type": "Polygon", "id": "KZ.MG", "arcs": [[0, 1]]},
                    {"type": "MultiPolygon", "id": "KZ.AT", "arcs": [[[2, -1]]]},
                    {"type": "Polygon", "id": "KZ.AS", "arcs": [[0, 1]]},
                ]
            }
        },
    }


def test_the_tool_draws_a_little_country() -> None:
    """Two oblasts with a shared border come out as two squares that meet, a label in the middle."""
    topology = little_country()
    lines = tool.arcs(topology)
    assert lines[0] == [(64.0, 45.0), (64.0, 49.0)]
    drawn = [[tool.rounded((x * 20, y * 20)) for x, y in line] for line in lines]
    west, east = sorted(tool.shapes(topology, drawn, []), reverse=True)
    assert (west.code, east.code) == ("KZ-47", "KZ-15")
    assert {tool.area(ring) for path in (west.path, east.path) for ring in rings(path)} == {6_400.0}
    assert set(rings(west.path)[0]) & set(rings(east.path)[0]) == {(1_280, 900), (1_280, 980)}
    assert abs(west.label[0] - 1_240) < 8
    assert tool.inside(west.label, rings(west.path)[0])


def test_a_label_makes_room_for_a_line() -> None:
    """A label moves away from the line that joins a city to its name."""
    square = [(0, 0), (200, 0), (200, 200), (0, 200)]
    free = tool.label(square)
    assert tool.inside(free, square)
    moved = tool.label(square, [((100, 0), (100, 200))])
    assert abs(moved[0] - 100) > 40


def test_simplification_keeps_the_ends_and_what_matters() -> None:
    """A straight line loses its middle, a corner stays, and the two ends stay whatever happens."""
    assert tool.simplify([(0, 0), (5, 0.1), (10, 0)]) == [(0, 0), (10, 0)]
    assert tool.simplify([(0, 0), (5, 9), (10, 0)]) == [(0, 0), (5, 9), (10, 0)]


def test_the_cone_keeps_areas() -> None:
    """A square degree in the south has the area of the sphere there, as Albers' projection promises."""
    corners = [tool.project(place) for place in ((70.0, 43.0), (71.0, 43.0), (71.0, 44.0), (70.0, 44.0))]
    flat = tool.triangle(*corners[:3]) + tool.triangle(corners[0], *corners[2:])
    on_the_sphere = math.radians(1) * (math.sin(math.radians(44)) - math.sin(math.radians(43)))
    assert flat == pytest.approx(on_the_sphere, rel=1e-3)


def test_the_tool_writes_a_module_that_reads_back() -> None:
    """The module that the tool prints holds the shapes and cities it was given."""
    made = [tool.Shape("KZ-47", "M0 0l10 0 0 10-10 0z", (5, 5))]
    text = tool.module(made, {"KZ-79": (3, 4)}, 500, "digest")
    read: dict[str, object] = {}
    exec(compile(text, "provinces", "exec"), read)  # noqa: S102 - the text that the line above made
    assert read["OBLASTS"] == {"KZ-47": "M0 0l10 0 0 10-10 0z"}
    assert read["LABELS"] == {"KZ-47": (5, 5)}
    assert read["CITIES"] == {"KZ-79": (3, 4)}
    assert read["HEIGHT"] == 500
