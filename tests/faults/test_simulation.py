"""A campaign of simulated venues under faults: nothing to find, and everything met that it is there to meet."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context

import pytest
from tests.simulation import Simulation, simulate

SEEDS = int(os.environ.get("NARYQ_SIMULATION_SEEDS", "200"))
COMMANDS = 1_000
PROCESSES = min(2, os.cpu_count() or 1)


def played(seed: int) -> tuple[Counter[str], list[str]]:
    """Run one seed, and keep only what it met and what it found."""
    run = simulate(seed, COMMANDS)
    return run.met, [f"seed {seed}: {finding}" for finding in run.findings]


@cache
def campaign() -> tuple[Counter[str], tuple[str, ...]]:
    """Run every seed once, two at a time: a seed knows of no other."""
    met, findings = Counter[str](), list[str]()
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as processes:
        for sights, found in processes.map(played, range(SEEDS), chunksize=5):
            met.update(sights)
            findings += found
    return met, tuple(findings)


def test_a_campaign_finds_nothing() -> None:
    """Whatever fails, repeats or comes late: no row, no answer and no recovery is otherwise than it must be."""
    assert campaign()[1] == ()


SIGHTS = """
    partial fill; marginal tie; price_above_collar; halted and reopened; stopped and resumed; self-trade prevented
    one-sided session; insufficient_guarantee; default beyond the guarantee; unknown kept; unknown not kept
    restart from a snapshot inside an open session; rules changed between bid and close; busy; command_id_reused
    emergency expired; repeated; taken back; journal_locked; killed; restart: damaged; restart: foreign; restart: older
    unknown, and then known to be kept; PlanApproved; ReceiptConfirmed; PricesPublished; FlagRaised; LimitReached
"""


@pytest.mark.parametrize(
    "sight", [each.strip() for line in SIGHTS.split("\n") for each in line.split(";") if each.strip()]
)
def test_the_campaign_has_met(sight: str) -> None:
    """The campaign has met what it is there to meet: one that misses it proves nothing."""
    assert campaign()[0][sight] > 0


def as_told(run: Simulation) -> tuple[bytes, Counter[str]]:
    return run.rows[-1].chain, run.met


def test_the_same_seed_is_the_same_run() -> None:
    """Two runs of a seed write the same journal to the last byte and meet the same."""
    assert as_told(simulate(1, 200)) == as_told(simulate(1, 200))
