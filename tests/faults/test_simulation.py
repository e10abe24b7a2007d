"""A campaign of simulated venues under faults: nothing to find, and everything met that it is there to meet."""

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import get_args

import pytest
from tests.simulation import Simulation, simulate

from naryq import limits
from naryq.messages import AnyCommand, AnyEvent, Code

SEEDS = int(os.environ.get("NARYQ_SIMULATION_SEEDS", "200"))
COMMANDS = 1_000
LIMITS = (limits.RATE, limits.SUM, limits.TWO_KEY, limits.HALT, limits.HOLD, limits.ADMINISTERED)
"""The limits of which the venue tells when they act: `LimitReached`."""
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


def test_every_kind_of_command_is_drawn_and_taken() -> None:
    """A kind of command that the campaign never draws, or that the venue never takes, is a kind nobody watches."""
    kinds = [kind.__name__ for kind in get_args(AnyCommand)]
    met = campaign()[0]
    assert len(kinds) > 50, "the closed list of commands is another"
    assert [kind for kind in kinds if not met[f"{kind} drawn"]] == []
    assert [kind for kind in kinds if not met[f"{kind} taken"]] == []


def test_every_kind_of_event_happens() -> None:
    """Whatever can happen at the venue happens in the campaign."""
    met = campaign()[0]
    assert [kind.__name__ for kind in get_args(AnyEvent) if not met[kind.__name__]] == []


OF_FILES = "it is said of files and tables, which no command holds"
OF_THE_DOORS = "a door says it, before the engine is asked"
NEVER_ANSWERED = {
    Code.UNREADABLE: OF_FILES,
    Code.TOO_LARGE: OF_FILES,
    Code.COLUMN_MISSING: OF_FILES,
    Code.COLUMN_UNKNOWN: OF_FILES,
    Code.WRONG_TYPE: OF_FILES,
    Code.UNKNOWN_SIDE: OF_FILES,
    Code.UNKNOWN_OPTION: OF_FILES,
    Code.JOURNAL_DAMAGED: "the journal of the simulation is in memory; the fault suites turn its bits",
    Code.SNAPSHOT_DIFFERS: "it is said of a forged snapshot at a start, which no command makes",
    Code.OVERFLOW: "nine thousand orders of the largest size would have to stand in one session",
    Code.TIME_AHEAD: OF_THE_DOORS,
    Code.BATCH_REFUSED: OF_THE_DOORS,
    Code.NOT_AUTHENTICATED: OF_THE_DOORS,
    Code.LOCKED_OUT: OF_THE_DOORS,
    Code.TOO_MANY_REQUESTS: OF_THE_DOORS,
    Code.SECOND_PERSON: OF_THE_DOORS,
    Code.SWITCHED_OFF: OF_THE_DOORS,
}
"""The codes that no command of the simulation can be answered with, and why."""


def test_every_code_is_answered() -> None:
    """Each code of the closed list is answered to some command, but for those that no command can meet."""
    met = campaign()[0]
    assert [code for code in Code if not met[code] and code not in NEVER_ANSWERED] == []
    assert [code for code in NEVER_ANSWERED if met[code]] == [], "what is met is no exception"


@pytest.mark.parametrize("limit", LIMITS)
def test_every_limit_acts(limit: str) -> None:
    """Each limit that says when it acts has acted in the campaign."""
    assert campaign()[0][f"limit: {limit}"] > 0


SIGHTS = """
    partial fill; marginal tie; price_above_collar; halted and reopened; stopped and resumed; self-trade prevented
    one-sided session; insufficient_guarantee; default beyond the guarantee; unknown kept; unknown not kept
    restart from a snapshot inside an open session; rules changed between bid and close; busy; command_id_reused
    emergency expired; repeated; taken back; journal_locked; killed; restart: damaged; restart: foreign; restart: older
    unknown, and then known to be kept; PlanApproved; ReceiptConfirmed; PricesPublished; FlagRaised; LimitReached
    part came; nothing came
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
