"""The whole venue as a pure machine: `decide` judges a command, `evolve` folds an event into the state.

Neither does I/O or reads a clock: time and identifiers arrive in the command. The state is a persistent value, so an
old state stays valid after a new one is made, and a batch can be decided ahead of its commit and dropped if that fails.
"""

from naryq.exchange.decisions import Decision, decide
from naryq.exchange.state import (
    Session,
    State,
    apply,
    evolve,
    initial_state,
    ordered,
    sequence_of,
    state_hash,
)

__all__ = [
    "Decision",
    "Session",
    "State",
    "apply",
    "decide",
    "evolve",
    "initial_state",
    "ordered",
    "sequence_of",
    "state_hash",
]
