"""The metrics of an engine, as Prometheus reads them."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests import little_machine
from tests.little_machine import order

from naryq.engine import Engine
from naryq.journal.memory import MemoryJournal

SAMPLE = re.compile(r'(naryq_[a-z_]+)(\{(?:le|code)="[^"]+"\})? (\S+)')
"""One line of the text format: a name, a label, a value."""


def read(text: str) -> dict[str, float]:
    """Read the text as Prometheus does, and refuse a line that it would not take."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def metrics_after(*quantities: int, **options: Any) -> dict[str, float]:
    with Engine(MemoryJournal(), machine=little_machine, **options) as engine:
        engine.submit_many(order(number, quantity_lots=lots) for number, lots in enumerate(quantities, 1))
        engine.submit(order(1, quantity_lots=quantities[0]))
        engine.offer(object())  # type: ignore[arg-type]
        engine.close()
        engine.submit(order(99))
        return read(engine.metrics())


def test_the_metrics_count_what_happened() -> None:
    """Commands taken, repeated and refused by code, rows, and one latency for each command that the writer answered."""
    found = metrics_after(1, 5_000, 3)
    assert found["naryq_commands_accepted_total"] == 3
    assert found["naryq_commands_repeated_total"] == 1
    assert found['naryq_commands_refused_total{code="out_of_range"}'] == 1
    assert found['naryq_commands_refused_total{code="wrong_type"}'] == 1
    assert found['naryq_commands_refused_total{code="stopped"}'] == 1
    assert found["naryq_journal_sequence"] == 3
    assert found["naryq_acknowledgement_seconds_count"] == found["naryq_group_rows_sum"] == 4
    assert (found["naryq_running"], found["naryq_queue_length"]) == (0, 0)


def test_a_histogram_counts_upward() -> None:
    """Each bucket holds the ones before it, the last holds all, and three groups of one, two and two commands show."""
    found = metrics_after(1, 2, 3, 4, batch_limit=2)
    buckets = [value for name, value in found.items() if name.startswith("naryq_group_rows_bucket")]
    assert buckets == sorted(buckets)
    assert (buckets[-1], found["naryq_group_rows_sum"]) == (found["naryq_group_rows_count"], 5)
    assert found['naryq_group_rows_bucket{le="1"}'] == 1


@pytest.mark.parametrize("name", ["acknowledgement_seconds", "recovery_seconds", "writer_busy_seconds_total"])
def test_seconds_are_seconds(name: str) -> None:
    """Times are kept in nanoseconds and written as seconds, as the name says."""
    found = metrics_after(1)
    assert 0 < found.get(f"naryq_{name}", found.get(f"naryq_{name}_sum", 0)) < 60


ALERTS = Path(__file__).parents[2] / "examples" / "serve" / "alerts.yml"


def unknown_to_alerts(text: str) -> set[str]:
    """Return the figures on which alerts are set and that no engine tells."""
    asked = {name for rule in re.findall(r"expr: (.*)", text) for name in re.findall(r"naryq_[a-z_]+", rule)}
    assert len(asked) >= 5
    return asked - {name.partition("{")[0] for name in metrics_after(1)}


def test_alerts_are_set_on_figures_that_there_are() -> None:
    """An alert on a figure that is misspelt would never come, and this test would say so."""
    text = ALERTS.read_text(encoding="utf-8")
    assert unknown_to_alerts(text) == set()
    misspelt = text.replace("naryq_snapshot_check", "naryq_snapshots_check")
    assert unknown_to_alerts(misspelt) == {"naryq_snapshots_check"}
