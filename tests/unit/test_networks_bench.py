"""`naryq bench networks` on small networks: the peer finds the same least cost, and instances are as claimed."""

import json
from importlib import metadata

import numpy as np
import pytest
from click.testing import CliRunner
from tests.dimacs_files import least_cost

import naryq
from naryq.cli import bench_networks
from naryq.cli.bench import bench
from naryq.messages import Refusal


def test_all_rows_in_one_run() -> None:
    """Both sizes of market and all kinds of instances are measured, with OR-Tools' least cost found again in each."""
    asked = ["networks", "--orders", "2000", "--nodes", "200", "--json"]
    result = CliRunner().invoke(bench, asked, catch_exceptions=False)
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 4 + 3 * len(bench_networks.KINDS)
    assert [figure["target"] for figure in figures if figure["target"]] == ["at most 5x", *["at most 3x"] * 4]
    assert all(figure["seconds"] > 0 for figure in figures)
    for one, other in ((0, 1), (2, 3), (5, 6), (8, 9), (11, 12), (14, 15)):
        assert figures[one]["welfare"] == figures[other]["welfare"]


@pytest.mark.parametrize("kind", bench_networks.KINDS, ids=lambda kind: kind.name)
def test_the_instances(kind: bench_networks.Kind) -> None:
    """Each kind is in balance and feasible, has six arcs a node and no arc to itself, and its cost is that of HiGHS."""
    instance = kind.drawn(300)
    assert instance.cost.size == 6 * instance.supply.size
    assert instance.supply.sum() == 0
    assert (instance.source != instance.target).all()
    assert int(instance.cost.max()) <= bench_networks.HIGHEST_COST
    market = instance.as_market()
    cost = market.solution(naryq.clear(market.orders, market.links)).cost
    assert cost is not None
    assert cost == least_cost(instance)
    for mine, again in zip(instance[1:], kind.drawn(300)[1:], strict=True):
        np.testing.assert_array_equal(mine, again)


def test_a_missing_solver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OR-Tools the benchmark says what to install."""

    def version(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(Refusal, match="the benchmark needs ortools"):
        CliRunner().invoke(bench, ["networks"], catch_exceptions=False)
