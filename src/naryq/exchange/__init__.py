"""The whole venue as a pure machine: `decide` judges a command, `evolve` folds an event into the state.

Neither does I/O or reads a clock: time and identifiers arrive in the command. The state is a persistent value, so an
old state stays valid after a new one is made, and a batch can be decided ahead of its commit and dropped if that fails.
"""

from naryq.exchange.machine import apply, decide, decide_and_fold, evolve, identity, seal, sequence_of
from naryq.exchange.snapshots import restored, snapshot
from naryq.exchange.state import (
    Session,
    State,
    initial_state,
    ordered,
    state_hash,
)
from naryq.exchange.topic import Decision

__all__ = [
    "Decision",
    "Session",
    "State",
    "apply",
    "decide",
    "decide_and_fold",
    "evolve",
    "identity",
    "initial_state",
    "ordered",
    "restored",
    "seal",
    "sequence_of",
    "snapshot",
    "state_hash",
]
