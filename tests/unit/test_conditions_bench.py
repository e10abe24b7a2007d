"""`naryq bench conditions` on small markets, and the command line with conditions."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from naryq.cli.bench import bench
from naryq.cli.bench_conditions import SEEDS, SIZES
from naryq.cli.clear import clear_command

HEADER = "order_id,place,side,price,quantity,min_quantity,group,parent\n"
ROWS = ["train,A,sell,10,20,20,,", "truck,A,sell,14,9,,,", "tank,A,buy,30,8,,,", "depot,A,buy,12,6,6,,truck"]


def test_welfare_is_at_most_that_of_highs() -> None:
    """Each choice is proven, and worth no more than the greatest welfare without prices."""
    result = CliRunner().invoke(bench, ["conditions", "--orders", "1000", "--json"], catch_exceptions=False)
    figures = json.loads(result.stdout)["figures"]
    assert len(figures) == 2 * len(SIZES) * len(SEEDS)
    for own, peer in zip(figures[::2], figures[1::2], strict=True):
        assert own["welfare"] <= peer["welfare"]


def cleared(folder: Path, rows: list[str], *options: str) -> str:
    path = folder / "orders.csv"
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    return CliRunner().invoke(clear_command, [str(path), *options], catch_exceptions=False).stdout


def test_the_command_line_takes_conditions(tmp_path: Path) -> None:
    """Empty cells state no condition, and who is rejected though the price would pay is listed."""
    shown = cleared(tmp_path, ROWS)
    assert "Rejected though the price would pay" in shown
    assert "no choice of orders that uniform prices support is worth more" in shown
    data = json.loads(cleared(tmp_path, ROWS, "--json"))
    assert data["optimal"]
    assert data["bound_tenge_per_tonne_lots"] == data["welfare_tenge_per_tonne_lots"] == 128
    paradox = {"order_id": "train", "loss_tenge_per_tonne_lots": 80, "because": "prices"}
    assert data["paradoxical"] == [paradox]


@pytest.mark.parametrize("limit", ["0", "60"])
def test_a_time_limit_says_what_it_cost(tmp_path: Path, limit: str) -> None:
    """Without time the result is not proven and says so; with enough of it, it is."""
    rows = [*ROWS, "other,A,sell,11,9,9,,", "third,A,buy,13,5,5,,"]
    assert ("NOT PROVEN: the time was up" in cleared(tmp_path, rows, "--time-limit", limit)) == (limit == "0")
