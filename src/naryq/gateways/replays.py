"""Sessions over instruments run again under a proposal, for those who decide on it: beside the writer, and once.

What comes out hangs on the row of the assessment and the day alone, so the last ones are kept for whoever asks next.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeAlias

from naryq.exchange import State
from naryq.exchange.rule_replay import RulesReplayed, case_of, replayed
from naryq.exchange.topic import rules_in_force
from naryq.messages import Code, Day, Entry, ProposalAssessed, Refusal
from naryq.rulebook import InForce

Folding: TypeAlias = Callable[[Callable[[Iterator[Entry]], RulesReplayed]], Awaitable[RulesReplayed]]
"""Folds all rows of the journal in a thread."""
KEPT: Final = 8
"""Of how many assessments the effect is kept."""


class Replays:
    """The effects that were worked out last, by the row of the assessment and the day."""

    def __init__(self, folded: Folding) -> None:
        """Keep nothing yet."""
        self._folded = folded
        self._lock = asyncio.Lock()
        self._kept: dict[tuple[int | None, Day], RulesReplayed] = {}

    async def of(self, state: State, assessed: ProposalAssessed, at_ns: int) -> RulesReplayed:
        """Return what the sessions come to that an assessment leaves out; who asks first waits for it.

        Raises:
            Refusal: NOT_ASSESSED where the rules have changed since.
        """
        rules, proposal = _rules(state, assessed, at_ns), state.rule_changes.proposals[assessed.proposal_id]
        case = case_of(assessed, rules.rulebook, proposal.proposed.proposed, rules.known)
        key = proposal.assessed_sequence, rules.known
        async with self._lock:
            if key not in self._kept:
                found = await self._folded(lambda entries: replayed(entries, case))
                self._kept = dict([*self._kept.items(), (key, found)][-KEPT:])
            return self._kept[key]

    def kept(self, state: State, assessed: ProposalAssessed, at_ns: int) -> RulesReplayed | None:
        """Return the same where it is known already; refuses as `of`."""
        known = _rules(state, assessed, at_ns).known
        return self._kept.get((state.rule_changes.proposals[assessed.proposal_id].assessed_sequence, known))


def _rules(state: State, assessed: ProposalAssessed, at_ns: int) -> InForce:
    """Return the rules in force where they are those that a proposal was assessed against."""
    rules = rules_in_force(state, at_ns)
    if assessed.rulebook_version != rules.version:
        what = f"the proposal was assessed against {assessed.rulebook_version}; in force is {rules.version}"
        remedy = "Assess it again; after it was decided, `naryq rules effect JOURNAL --proposal NAME` shows its effect."
        raise Refusal(Code.NOT_ASSESSED, what, where="proposal_id", remedy=remedy)
    return rules
