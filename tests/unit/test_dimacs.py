"""DIMACS minimum-cost flow instances: read as published, cleared as orders and links, refused by the line."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from tests.dimacs_files import drawn, is_feasible, least_cost, written

import naryq
from naryq.datasets.dimacs import Instance, Solution, read_instance
from naryq.datasets.source import Source
from naryq.messages import Code, Refusal

SEEDS = range(250)
EXAMPLE = b"""c An example: four nodes, five arcs.
p min 4 5
n 1 4
n 4 -4
a 1 2 0 4 2
a 1 3 0 2 2
a 2 3 0 2 1
a 2 4 0 3 3
a 3 4 0 5 1
"""


def solved(instance: Instance) -> Solution:
    market = instance.as_market()
    result = naryq.clear(market.orders, market.links)
    result.check()
    return market.solution(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_least_cost_is_that_of_highs(seed: int) -> None:
    """With lower bounds, negative costs and parallel arcs, cost and feasibility are those of HiGHS."""
    instance = drawn(seed)
    solution = solved(instance)
    assert solution.cost == least_cost(instance)
    assert (solution.cost is None) == bool(solution.unserved)
    if solution.cost is not None:
        assert is_feasible(instance, solution.flow)
        assert solution.cost == int((solution.flow * instance.cost).sum())


def test_both_kinds_are_met() -> None:
    """Among the drawn instances are many that are feasible and many that are not."""
    costs = [least_cost(drawn(seed)) for seed in SEEDS]
    assert 40 < costs.count(None) < len(costs) - 40
    assert sum(cost is not None and cost < 0 for cost in costs) > 10


def test_a_planted_bug_is_seen() -> None:
    """Reading negative costs as positive, or leaving lower bounds out, does not go unseen."""
    missed = 0
    for seed in SEEDS:
        instance = drawn(seed)
        wrong = instance._replace(cost=np.abs(instance.cost)) if seed % 2 else instance._replace(low=instance.low * 0)
        missed += solved(wrong).cost == least_cost(instance)
    assert missed < len(SEEDS) - 40


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_read(seed: int, tmp_path: Path) -> None:
    """An instance comes back as it was, from a path, from an open file, and from an archive."""
    instance = drawn(seed)
    text = written(instance)
    path = tmp_path / "instance.min"
    path.write_bytes(text)
    sources: tuple[Source, ...] = (
        path,
        str(path),
        io.BytesIO(text),
        io.BytesIO(gzip.compress(text.replace(b"\n", b" \r\n"))),
    )
    for read in map(read_instance, sources):  # A path as text and as such, plain and packed.
        for mine, theirs in zip(read[1:], instance[1:], strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_the_example() -> None:
    """The example has a least cost of 14."""
    assert solved(read_instance(io.BytesIO(EXAMPLE))).cost == 14


def test_unserved_demand_says_that_nothing_is_feasible() -> None:
    """Where too little can be brought, there is no cost, and the node that goes short is named with the units."""
    solution = solved(read_instance(io.BytesIO(EXAMPLE.replace(b"a 1 2 0 4 2", b"a 1 2 0 1 2"))))
    assert solution.cost is None
    assert solution.unserved == {4: 1}


def test_an_instance_without_arcs_or_supply() -> None:
    """A node alone costs nothing."""
    solution = solved(read_instance(io.BytesIO(b"p min 1 0\n")))
    assert (solution.cost, solution.flow.tolist(), solution.unserved) == (0, [], {})


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (b"", Code.EMPTY, "there is no problem line"),
        (b"c nothing\n\n", Code.EMPTY, "there is no problem line"),
        (b"x 1\n", Code.UNREADABLE, "line 1: it begins with neither c, p, n nor a: 'x 1'"),
        (b"n 1 4\n", Code.UNREADABLE, "line 1: no problem line stands before it"),
        (b"p min 2 0\np min 2 0\n", Code.UNREADABLE, "line 2: there is a problem line already"),
        (b"p max 2 0\n", Code.NOT_SUPPORTED, "the problem is not min"),
        (b"p min 2\n", Code.UNREADABLE, "a line p has 3 fields after it"),
        (b"p min 0 0\n", Code.OUT_OF_RANGE, "1 to 4,000,000 nodes"),
        (b"p min 2 -1\n", Code.OUT_OF_RANGE, "1 to 4,000,000 nodes"),
        (b"p min 2 1.0\n", Code.WRONG_TYPE, "'1.0' is no whole number"),
        (b"p min 2 0\nn 3 1\n", Code.OUT_OF_RANGE, "line 2: nodes have the numbers 1 to 2: 'n 3 1'"),
        (b"p min 2 0\nn 0 1\n", Code.OUT_OF_RANGE, "nodes have the numbers 1 to 2"),
        (b"p min 2 0\nn 1 1\nn 1 2\n", Code.DUPLICATE_ID, "line 3: node 1 has a line already"),
        (b"p min 2 0\nn 1 1_0\n", Code.WRONG_TYPE, "'1_0' is no whole number"),
        (b"p min 2 0\nn 1 2000000000000\n", Code.OUT_OF_RANGE, "FLOW is from -1000000000000 to 1000000000000"),
        (b"p min 2 1\na 1 2 0 5 1\nn 1 1\n", Code.UNREADABLE, "nodes stand before all arcs"),
        (b"p min 2 1\na 1 1 0 5 1\n", Code.SELF_LOOP, "the arc runs from node 1 to itself"),
        (b"p min 2 1\na 1 3 0 5 1\n", Code.OUT_OF_RANGE, "nodes have the numbers 1 to 2"),
        (b"p min 2 1\na 1 2 6 5 1\n", Code.OUT_OF_RANGE, "CAP is from 6 to 1000000000000"),
        (b"p min 2 1\na 1 2 0 -1 1\n", Code.OUT_OF_RANGE, "CAP is from 0"),
        (b"p min 2 1\na 1 2 -1 5 1\n", Code.OUT_OF_RANGE, "LOW is from 0"),
        (b"p min 2 1\na 1 2 0 5 99999999999999\n", Code.OUT_OF_RANGE, "COST is from"),
        (b"p min 2 1\na 1 2 0 5\n", Code.UNREADABLE, "line 2: a line a has 5 fields after it: 'a 1 2 0 5'"),
        (b"p min 2 2\na 1 2 0 5 1\n", Code.UNREADABLE, "says 2 arcs, and 1 are there"),
    ],
)
def test_what_is_refused(text: bytes, code: Code, words: str) -> None:
    """Each wrong line is refused with its code, its line and what is wrong."""
    with pytest.raises(Refusal) as refused:
        read_instance(io.BytesIO(text))
    assert refused.value.code == code
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"p min 2 0\nn 1 3\nn 2 -1\n", "supply exceeds demand by 2"),
        (b"p min 2 0\nn 1 1\nn 2 -4\n", "demand exceeds supply by 3"),
        (b"p min 2 1\na 1 2 0 5 1000000000000\n", "a path can cost 1 000 000 000 000"),
        (b"p min 3 2\na 1 2 0 1000000000000 -1\na 1 3 0 1 -1\n", "node 1 sends on or takes in 1 000 000 000 001"),
    ],
)
def test_what_no_market_can_be_made_of(text: bytes, words: str) -> None:
    """An instance out of balance or beyond the limits of a market is refused when it is put as one."""
    with pytest.raises(Refusal) as refused:
        read_instance(io.BytesIO(text)).as_market()
    assert refused.value.code == Code.OUT_OF_RANGE
    assert words in str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
