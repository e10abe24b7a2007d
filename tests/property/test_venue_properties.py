"""Random commands, right and wrong, through the venue with an auditor at its side; hash seeds."""

import os
import subprocess
import sys
from collections import Counter
from struct import unpack

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.random_commands import RULEBOOKS, Draw, command, ready

from naryq import exchange
from naryq.messages import Entry, RulebookText, canonical, decode_entry, encode, spelled, written_today

FIXED = settings(
    derandomize=True,
    max_examples=300,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
STEPS = 50
BYTES_PER_STEP = 2 * len(Draw._fields)
scripts = st.binary(min_size=STEPS * BYTES_PER_STEP, max_size=STEPS * BYTES_PER_STEP)
"""A script as bytes: they come evenly, where drawn numbers crowd at the ends and rarely lead far into a session."""
met: Counter[str] = Counter()
"""What the campaign has met, so that a test can tell whether it was worth anything."""


def campaign() -> Counter[str]:
    if not met:
        test_random_commands_keep_every_promise()
    return met


@FIXED
@given(st.sampled_from(RULEBOOKS), scripts)
def test_random_commands_keep_every_promise(text: RulebookText, script: bytes) -> None:
    """Whatever is sent, nothing raises, changes an old state or escapes the auditor, and replay gives the same hash."""
    desk = ready(text)
    for start in range(0, len(script), BYTES_PER_STEP):
        if start == len(script) // 2 // BYTES_PER_STEP * BYTES_PER_STEP:
            half = (exchange.snapshot(desk.state), len(desk.rows))
        asked = command(desk, Draw(*unpack(">5H", script[start : start + BYTES_PER_STEP])))
        before, state = exchange.state_hash(desk.state), desk.state
        answer = desk.send(asked)
        row = desk.rows[-1]
        if row.sequence > state.sequence:
            events, folded = exchange.decide_and_fold(state, row.command)
            assert (events, exchange.seal(folded, row)) == (row.events, desk.state)
        whole = written_today(row.sequence, row.command, row.events)
        assert spelled(row.sequence, encode(row.command), canonical(row.events)) == encode(whole)
        assert answer.findings == []
        assert exchange.state_hash(state) == before
    met.update(desk.auditor.seen)
    assert exchange.state_hash(desk.read_back()) == exchange.state_hash(desk.state)
    assert went_on(*half, desk.rows) == desk.state, "a snapshot and its tail are the whole replay"


def went_on(data: bytes, rows_before: int, rows: list[Entry]) -> exchange.State:
    """Return the state that a snapshot and the rows after it lead to."""
    state = exchange.restored(data)
    for row in rows[rows_before:]:
        state = exchange.apply(state, decode_entry(encode(row)))
    return state


SIGHTS = """
    SubmitOrder; SubmitOrder duplicate_id; SubmitOrder outside_window; SubmitOrder unknown_place
    SubmitOrder unknown_session; SubmitOrder wrong_phase; SubmitOrder price_above_collar
    SubmitOrder price_below_collar; SubmitOrder time_backward; SubmitOrder unknown_participant
    CancelOrder; CancelOrder not_permitted; CancelOrder unknown_order
    OpenSession already_exists; OpenSession duplicate_id; OpenSession out_of_range; OpenSession rule_missing
    CloseSession outside_window; ClearSession wrong_phase; PlanSupply; PlanSupply rule_missing
    ClassifyParticipant; ClassifyParticipant credential_missing; ClassifyParticipant unknown_place
    SuspendParticipant; ExcludeParticipant; ReinstateParticipant; ReinstateParticipant excluded
    DeclareAffiliation; EndAffiliation; EndAffiliation not_found; SubmitOrder suspended; SubmitOrder excluded
    OpenPlan; StateCapacity; SubmitApplication; ApprovePlan; OpenPlan empty
    PublishPrices; PublishPrices already_exists; PublishPrices no_price
    partial fill; marginal tie; full link; empty session; one-sided session; bound by pump_step_rise
    bound by retail_cap; bound by collar; fund pays; rulebook changed between order and clearing
"""


@pytest.mark.parametrize(
    "sight", [sight.strip() for line in SIGHTS.split("\n") for sight in line.split(";") if sight.strip()]
)
def test_the_campaign_has_met(sight: str) -> None:
    """The random commands have met what they are there to meet: a generator that misses it proves nothing."""
    assert campaign()[sight] > 0


# --- The same hash everywhere -----------------------------------------------------------------------------------

PLAYED = """
from naryq import exchange
from naryq.cli.demo import read_inputs
from naryq.cli.files import read_rulebook
from naryq.lab import report, scenario
venue, rows = report.in_memory()
scenario.play(venue, read_inputs(), read_rulebook("guarded"))
state = exchange.initial_state()
for row in rows:
    state = exchange.apply(state, row)
print(exchange.state_hash(state))
"""


def played_with(hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", PLAYED], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_hash_does_not_hang_on_the_interpreter() -> None:
    """Two interpreters with different hash seeds play the January scenario to the same state hash."""
    hashes = {played_with(seed) for seed in ("1", "2022")}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64
