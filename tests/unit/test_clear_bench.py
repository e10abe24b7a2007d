"""`naryq bench clearing` on a small market: every solver finds the same welfare, and what is missing is said."""

import json
from importlib import metadata

import pytest
from click.testing import CliRunner

from naryq.cli import bench as bench_module
from naryq.cli.bench import bench
from naryq.messages import Refusal


def test_all_solvers_agree_in_one_run() -> None:
    """OR-Tools, HiGHS in three ways, and this find the same welfare to the last unit."""
    result = CliRunner().invoke(bench, ["clearing", "--orders", "2000", "--json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["machine"]["ortools"]
    welfare = {figure["work"]: figure["welfare"] for figure in report["figures"] if figure["orders"] == 2000}
    assert len(welfare) == 7
    assert len(set(welfare.values())) == 1


def test_the_table_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --json the figures stand in a table."""
    figures = [("1 000", "naryq, kernel", 0.5), ("2 000", "memory", None)]
    report = {
        "machine": {"date": "today"},
        "figures": [
            {"orders": 1_000, "work": work, "seconds": seconds, "ratio": "", "target": "", "welfare": None}
            for _, work, seconds in figures
        ],
    }
    monkeypatch.setattr(bench_module, "machine", lambda: report["machine"])
    result = CliRunner().invoke(bench, ["clearing", "--orders", "1000"], catch_exceptions=False)
    assert "np.sort" in result.stdout
    bench_module._show(report)


def test_a_missing_solver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a solver the benchmark says what to install."""

    def version(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(Refusal, match=r"the benchmark needs ortools\. Let make bench install them, or: .* ortools"):
        CliRunner().invoke(bench, ["clearing"], catch_exceptions=False)


def test_small_markets_and_shapes() -> None:
    """`naryq bench small` measures calls, the batch, one place and wide prices, and states what each should reach."""
    result = CliRunner().invoke(
        bench, ["small", "--orders", "3000", "--markets", "20", "--json"], catch_exceptions=False
    )
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 14
    assert sum(bool(figure["target"]) for figure in figures) == 6
    assert all(figure["seconds"] is None or figure["seconds"] > 0 for figure in figures)
