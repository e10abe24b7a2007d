"""Each compiled kernel against its twin in plain Python."""

import itertools
from typing import Any

import numba
import numpy as np
import pytest
from tests import twins

from naryq.market import kernels, limit_kernels, one_place_kernels
from naryq.market.kernels import Problem, Slack

SEEDS = range(40)
NOT_TWINNED_BY_NAME = {"move_best": "best_move"}


def draw(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def orders(seed: int, kind: type[np.uint8 | np.int32] = np.uint8) -> tuple[Any, ...]:
    chance = draw(seed)
    count = int(chance.integers(0, 50))
    places: Any = chance.integers(0, 5, count).astype(kind)
    side = chance.integers(0, 3, count).astype(np.uint8)
    return places, side, chance.integers(0, 400, count), chance.integers(1, 9, count)


def maps(seed: int) -> tuple[Any, Any]:
    """Number five place codes as four places, and three side codes as two sides."""
    return draw(seed).integers(0, 4, 5), np.array([1, 0, 1])


def same(kernel: Any, twin: Any, given: tuple[Any, ...], changed: tuple[Any, ...]) -> None:
    """Call both with copies of what they change, and compare what they return and what they left."""
    left = [tuple(each.copy() for each in changed) for _ in range(2)]
    answers = [call(*given, *copies) for call, copies in zip((kernel, twin), left, strict=True)]
    assert answers[0] == answers[1]
    for one, other in zip(*left, strict=True):
        np.testing.assert_array_equal(one, other)


def compiled_names() -> list[str]:
    return [name for name, value in vars(kernels).items() if hasattr(value, "py_func")]


def test_every_kernel_has_a_twin() -> None:
    """A kernel without a plain twin would stand unproven."""
    missing = [name for name in compiled_names() if not hasattr(twins, NOT_TWINNED_BY_NAME.get(name, name))]
    assert compiled_names()
    assert not missing


@pytest.mark.parametrize("seed", SEEDS)
def test_passes_over_the_orders(seed: int) -> None:
    """The passes that read every order do what their twins do, for narrow and for wide place codes."""
    place_of, side_of = maps(seed)
    low, at = draw(seed).integers(-50, 300, 5), draw(seed).integers(0, 400, 4)
    for kind in (np.uint8, np.int32):
        columns = orders(seed, kind)
        extremes = np.array([10**9, -(10**9)] * 2)
        same(kernels.survey, twins.survey, columns, (np.zeros(5, np.int64), np.zeros(3, np.int64), extremes))
        for shift in (0, 3):
            given = (*columns, place_of, side_of, low, shift)
            same(kernels.histogram, twins.histogram, given, (np.zeros((4, 2, 32), np.int64),))
        same(kernels.lots_below, twins.lots_below, (*columns, place_of, side_of, low), (np.zeros((4, 2), np.int64),))
        fills = np.empty(columns[2].size, np.int64)
        same(kernels.fill_inside, twins.fill_inside, (*columns, 1 - 2 * side_of, low), (fills,))
        near = np.full(4, -1), np.full(4, 401)
        same(kernels.neighbours, twins.neighbours, (columns[0], columns[2], place_of, at), near)


@pytest.mark.parametrize("seed", SEEDS)
def test_passes_over_one_place(seed: int) -> None:
    """The passes for one place do what their twins, and so those for many, do: with two codes of sides, or one."""
    chance = draw(seed)
    count = int(chance.integers(0, 50))
    side_of = np.array([[0, 1], [1, 0], [0], [1]][seed % 4])
    side: Any = chance.integers(0, side_of.size, count).astype((np.uint8, np.int32)[seed % 2])
    columns: Any = side, chance.integers(0, 400, count), chance.integers(1, 9, count)
    low = int(chance.integers(-50, 300))
    for shift in (0, 3):
        given, table = (*columns, side_of, low, shift), np.zeros((2, 32), np.int64)
        same(one_place_kernels.histogram_of_one, twins.histogram_of_one, given, (table,))


def place_of_one(seed: int, count: int) -> tuple[Any, ...]:
    chance = draw(seed)
    kind = (np.uint8, np.int32)[seed // 4 % 2]
    side: Any = chance.integers(0, 2, count).astype(kind)
    return side, chance.integers(0, 400, count), chance.integers(1, 9, count), kind(seed // 2 % 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_place_is_sampled(seed: int) -> None:
    """A sample says where its rows cross as the twin does, by all rows or by some, in buckets wide or of one price."""
    side, price, quantity, offer = place_of_one(seed, 64 + seed)
    columns = side, price, quantity * 10 ** (seed % 3 * 5), offer
    for stretch, sampled, buckets in ((1, 1, 512), (16, 5, 16), (7, 7, 64)):
        left = np.zeros(9, np.int64), np.zeros((2, buckets), np.int64)
        same(one_place_kernels.sample, twins.sample, (*columns, stretch, sampled), left)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_place_is_sifted_and_narrowed(seed: int) -> None:
    """The orders near the crossing are listed, and the rest filled, as the twins do it: in one block or more."""
    runs = 1 + seed % 3
    count = (1, 2 * one_place_kernels.BLOCK)[seed % 2] + seed
    low = int(draw(seed).integers(100, 250))
    window = low, low + int(draw(seed + 1).integers(1, 150)), 1 + seed % 4
    kernel, twin = (sifted(each, seed, (runs, count), window) for each in (one_place_kernels, twins))
    assert kernel == twin


def sifted(kernels: Any, seed: int, size: tuple[int, int], window: tuple[int, int, int]) -> list[Any]:
    """Sift some runs of rows and narrow what they list; all that came of it."""
    runs, count = size
    fills, sums = np.zeros(runs * count, np.int64), np.array([[10**9, -(10**9), 10**9, -(10**9), *[0] * 5]] * runs)
    space = count + one_place_kernels.BLOCK
    listed, tables = np.zeros((runs * space, 3), np.int64), np.zeros((runs, 2, 128), np.int64)
    room = draw(seed).integers(-9, 9, one_place_kernels.ROOM)  # What an earlier block has left.
    for run in range(runs):
        here, there = slice(run * count, run * count + count), slice(run * space, run * space + space)
        *columns, offer = place_of_one(seed + run, count)
        given = offer, here.start, window, fills[here], sums[run], listed[there], tables[run], room
        kernels.sift(*columns, *given)
    seen = [each.tolist() for each in (fills, sums, listed, tables)]
    orders, codes = np.zeros((4, runs * space), np.int64), np.zeros((2, runs * space), np.uint8)
    starts = np.arange(runs) * space
    left = kernels.narrow(fills, sums, tables, listed, starts, window, offer, orders, codes)
    found = slice(0, max(0, left + 2))
    return [seen, left, fills.tolist(), sums.tolist(), orders[:3, found].tolist(), codes[:, found].tolist()]


def test_narrow_windows_are_found() -> None:
    """Many of the windows above hold a crossing, and many do not: the comparison sees both."""
    window = 180, 230, 2
    left = [sifted(one_place_kernels, seed, (1, 600), window)[1] for seed in SEEDS]
    assert sum(each < 0 for each in left) < len(left) // 2 < sum(each > 0 for each in left)


def test_without_room_to_spare_it_is_said() -> None:
    """A block is sifted only if all its orders could be listed; else nothing is written beyond the room."""
    for room, fits in ((one_place_kernels.BLOCK, True), (one_place_kernels.BLOCK - 1, False)):
        *columns, offer = place_of_one(1, 500)
        sums, listed = np.zeros(9, np.int64), np.zeros((room, 3), np.int64)
        rest = np.zeros((2, 512), np.int64), np.zeros(one_place_kernels.ROOM, np.int64)
        kernel: Any = one_place_kernels.sift
        kernel(*columns, offer, 0, (0, 400, 0), np.zeros(500, np.int64), sums, listed, *rest)
        assert [int(sums[8]), bool(listed.any())] == ([500, True] if fits else [-1, False])


@pytest.mark.parametrize("seed", SEEDS)
def test_codes_are_marked(seed: int) -> None:
    """Every code in use is marked, and no other, however few or many there are."""
    for most in (1, 2, 5):
        codes: Any = draw(seed).integers(0, most, seed).astype((np.uint8, np.int32)[seed % 2])
        same(kernels.mark, twins.mark, (codes,), (np.zeros(5, np.int64),))
        same(kernels.mark, twins.mark, (codes // 2 * 4,), (np.zeros(9, np.int64),))


@pytest.mark.parametrize("seed", SEEDS)
def test_limits_of_places(seed: int) -> None:
    """Orders are brought within floors and caps as their twin does it, for narrow and for wide place codes."""
    place_of, side_of = maps(seed)
    floor, width = draw(seed).integers(-2, 300, 4), draw(seed + 1).integers(0, 200, 4)
    for kind in (np.uint8, np.int32):
        columns = orders(seed, kind)
        left = np.empty(columns[2].size, np.int64), np.empty(columns[2].size, np.int64)
        same(limit_kernels.clip, twins.clip, (*columns, place_of, side_of, floor, floor + width, 10**12), left)


@pytest.mark.parametrize("seed", SEEDS)
def test_looking_along_a_column(seed: int) -> None:
    """Undecided rows, rising columns and repeats are found where the twins find them."""
    values = draw(seed).integers(-1, [4, 60, 10**6][seed % 3], 30)
    rows = np.empty(int((values == -1).sum()), np.int64)
    same(kernels.undecided_rows, twins.undecided_rows, (values,), (rows,))
    same(kernels.first_not_increasing, twins.first_not_increasing, (values,), ())
    same(kernels.first_not_increasing, twins.first_not_increasing, (np.unique(values),), ())
    lowest, span = int(values.min()), int(values.max() - values.min())
    assert kernels.first_repeat(values, lowest, np.zeros(span // 8 + 1, np.uint8)) == twins.first_repeat(
        values, lowest, np.zeros(span // 8 + 1, np.uint8)
    )


def random_ends(chance: np.random.Generator, nodes: int, edges: int) -> tuple[Any, Any]:
    tail = chance.integers(0, nodes, edges)
    return tail, (tail + chance.integers(1, nodes, edges)) % nodes


@pytest.mark.parametrize("seed", SEEDS)
def test_maximum_flow(seed: int) -> None:
    """The flow, the smallest cut and every path are those of the twin, which sends one lot at a time."""
    chance = draw(seed)
    tail, head = random_ends(chance, 6, 14)
    one, other = kernels.graph_of(tail, head, 6), twins.graph_of(tail, head, 6)
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert [kernels.end_of(one, arc) for arc in range(28)] == [twins.end_of(other, arc) for arc in range(28)]
    one.residual[::2] = other.residual[::2] = chance.integers(0, 8, 14)
    kernels.number_levels(one, 0)
    one.queue[:] = one.start[:-1]
    depth = kernels.shortest_path(one, 0, 5)
    assert depth == twins.shortest_path(other, 0, 5)
    assert (one.residual[one.path[:depth]] > 0).all()
    assert kernels.maximum_flow(one, 0, 5) == twins.maximum_flow(other, 0, 5)
    kernels.number_levels(one, 0)
    twins.number_levels(other, 0)
    np.testing.assert_array_equal(one.level >= 0, other.level >= 0)


def problem(seed: int) -> Problem:
    """Draw a small dual problem with convex values."""
    chance = draw(seed)
    places, buckets, links = int(chance.integers(2, 5)), 5, int(chance.integers(0, 7))
    table, below = chance.integers(0, 4, (places, 2, buckets)), chance.integers(0, 4, (places, 2))
    bought = table[:, 0].sum(axis=1) + below[:, 0] + chance.integers(0, 9, places)
    lowest, highest = chance.integers(0, 2, places), chance.integers(2, buckets, places)
    values = [np.zeros((places, buckets), np.int64) for _ in range(2)]
    for call, value in zip((kernels.values_of, twins.values_of), values, strict=True):
        call(table, below, bought, lowest, highest, value)
    np.testing.assert_array_equal(values[0], values[1])
    source, target = random_ends(chance, places, links)
    return Problem(
        values[0], lowest, highest, source, target, chance.integers(0, 6, links), chance.integers(-3, 4, links)
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_one_step_of_the_descent(seed: int) -> None:
    """The weights mean what they say, and the cut finds the set of places that gains most."""
    drawn = problem(seed)
    graph = kernels.cut_graph(drawn.source, drawn.target, drawn.lowest.size)
    edges = list(zip(graph.tail.tolist(), graph.head.tolist(), strict=True))
    assert edges == twins.cut_graph(drawn.source, drawn.target, drawn.lowest.size)
    for at, move in itertools.product((drawn.lowest, drawn.highest), (-2, -1, 1, 2)):
        weight, plain = np.empty_like(at), np.empty_like(at)
        gainful = kernels.weigh(drawn, at, move, weight, graph.residual)
        assert gainful == twins.weigh(drawn, at, move, plain, graph.residual)
        np.testing.assert_array_equal(weight, plain)
        moved = at.copy()
        assert kernels.move_best(graph, weight, move, moved) == (twins.energy(drawn, moved) < twins.energy(drawn, at))
        assert twins.energy(drawn, moved) == twins.best_move(drawn, at, move)


@pytest.mark.parametrize("seed", SEEDS)
def test_descent_ends_at_a_minimum(seed: int) -> None:
    """The descent ends where no vector of the window is better, from either end of it."""
    drawn = problem(seed)
    for start in (drawn.lowest, drawn.highest):
        at = start.copy()
        kernels.descend(drawn, 2, True, at)  # noqa: FBT003 - kernels take their arguments by position
        assert twins.energy(drawn, at) == twins.descend(drawn)


@pytest.mark.parametrize("seed", SEEDS)
def test_standing_at_given_prices(seed: int) -> None:
    """What is outside, at and inside the price, and what is near it, is read from the buckets as the twin reads it."""
    chance = draw(seed)
    table = chance.integers(0, 5, (3, 2, 9)) * chance.integers(0, 2, (3, 2, 9))
    below = chance.integers(0, 2, (3, 2))
    whole = below + table.sum(axis=2) + chance.integers(0, 2, (3, 2))
    near = np.repeat([[-1], [10**6]], 3, axis=1)
    given = (table, below, whole, chance.integers(0, 9, 3), chance.integers(0, 99, 3))
    same(kernels.stand, twins.stand, given, (np.empty((3, 2, 3), np.int64), near))


@pytest.mark.parametrize("seed", range(80))
def test_balance(seed: int) -> None:
    """A feasible flow is found when there is one, balances every place, and trades as much as any."""
    places, links = 2 + seed % 2, seed % 4
    source, target = random_ends(draw(seed), places, links)
    excess, room = draw(seed).integers(-2, 3, places), draw(seed).integers(0, 4, links)
    slack = Slack(
        excess, draw(seed + 1).integers(0, 3, places), draw(seed + 2).integers(0, 3, places), source, target, room
    )
    assert kernels.balance_graph(slack).tail.size == twins.balance_graph(slack)
    sold, bought, flow = np.zeros_like(excess), np.zeros_like(excess), np.zeros_like(room)
    feasible, most = twins.balance(slack)
    assert kernels.balance(slack, sold, bought, flow) == feasible
    if feasible:
        left = excess + sold - bought
        np.subtract.at(left, source, flow)
        np.add.at(left, target, flow)
        assert not left.any()
        assert int(sold.sum()) == most


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_along_links(seed: int) -> None:
    """Bounds spread over differences as far as they reach."""
    chance = draw(seed)
    before, after = random_ends(chance, 5, 8)
    distance = chance.integers(0, 9, 8)
    bound = chance.integers(0, 30, 5)
    same(kernels.lower_to, twins.lower_to, (), (bound, before, after, distance))
    same(kernels.raise_to, twins.raise_to, (), (bound, before, after, distance))


def test_a_compiled_kernel_without_any_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a read-only tree without a home a kernel compiles for the process alone."""

    def no_cache(*, nogil: bool, cache: bool = False) -> Any:
        assert nogil
        if cache:
            raise RuntimeError("cannot cache function: no locator available for file")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", no_cache)
    assert kernels.compiled(abs) is abs


def test_other_troubles_of_the_compiler_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a missing cache is forgiven."""

    def broken(**_options: bool) -> Any:
        raise RuntimeError("the compiler is broken")

    monkeypatch.setattr(numba, "njit", broken)
    with pytest.raises(RuntimeError, match="broken"):
        kernels.compiled(abs)
