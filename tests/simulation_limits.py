"""What the clients of the simulation send about limits: parities, claims and their decisions, and changes of rules."""

import random
from datetime import date, timedelta
from typing import Any

from tests.venue_samples import SOURCE

from naryq.messages import (
    ApproveProposal,
    AssessProposal,
    ClaimCompensation,
    ConfirmEmergency,
    DecideClaim,
    DeclareEmergency,
    EmergencyValue,
    ProposeRuleChange,
    RejectProposal,
    ReportParity,
    RuleChange,
    WithdrawProposal,
)

Made = tuple[Any, str, dict[str, Any]]


class Limiting:
    """The moves about limits and rules, of whoever has a source of chance, a desk and names."""

    desk: Any
    draw: random.Random
    day: date

    # --- Parity and claims --------------------------------------------------------------------------------------

    def _limits(self) -> Made:
        """Report a parity, claim for what was sold under an administered price, or decide a claim."""
        chance, waiting = self.draw.random(), sorted(name for name, _ in self.desk.state.limits.claims.items())
        if waiting and chance < 0.4:
            return self._decision(waiting)
        if len(self.desk.state.limits.sales) and chance < 0.8:
            return self._claim()
        if chance > 0.97:
            return self._decision(["none", *sorted(self.desk.state.limits.claimed.values())])
        day = self.day + timedelta(self.draw.choice((0, 0, 0, 0, -1, 1)))
        fields = {"parity_tenge_per_tonne": self.draw.randint(78_000, 93_000), "source": SOURCE}
        return ReportParity, self.draw.choice(("operator", "regulator")), {"day": day.isoformat(), **fields}

    def _claim(self) -> Made:
        """Claim for a session, mostly for one that is not claimed for yet, at a cost that is mostly above the price."""
        known = self.desk.state.limits
        sold = sorted(key for key, _ in known.sales.items())
        fresh = [key for key in sold if key not in known.claimed]
        session_id, who = self.draw.choice(fresh if fresh and self.draw.random() < 0.8 else sold)
        claims = sorted(name for name, _ in known.claims.items())
        name = self.name("k") if not claims or self.draw.random() < 0.9 else self.draw.choice(claims)
        cost = self.draw.choice((99_000, 95_000, 80_000))
        claim = {"claim_id": name, "cost_tenge_per_tonne": cost, "statement": "books"}
        return ClaimCompensation, who, {**claim, "session_id": session_id}

    def _decision(self, names: list[str]) -> Made:
        """Grant a claim in full, in part, not at all, or more than was claimed."""
        name = self.draw.choice(names)
        claim = self.desk.state.limits.claims.get(name)
        most = 1 if claim is None else claim.claimed_tiyn
        granted = self.draw.choice((most, most // 2, 0, most + 1))
        return DecideClaim, "regulator", {"claim_id": name, "granted_tiyn": granted, "reason": "heard"}

    # --- Rules --------------------------------------------------------------------------------------------------

    def _rules(self) -> Made:
        changes = self.desk.state.rule_changes
        waiting = [name for name, each in sorted(changes.proposals.items()) if each.phase == "open"]
        if not waiting or self.draw.random() < 0.2:
            return self._proposal()
        if self.draw.random() < 0.03:
            return WithdrawProposal, "operator", {"proposal_id": "none"}
        name = self.draw.choice(waiting)
        found = changes.proposals[name]
        actor = self.draw.choice(("operator", "regulator"))
        if found.assessed_sequence is None or self.draw.random() < 0.2:
            return AssessProposal, actor, {"proposal_id": name, "sessions": self.draw.randint(1, 3)}
        if self.draw.random() < 0.7:
            return ApproveProposal, actor, {"proposal_id": name, "assessment_sequence": found.assessed_sequence}
        if self.draw.random() < 0.5:
            return WithdrawProposal, actor, {"proposal_id": name}
        return RejectProposal, actor, {"proposal_id": name, "reason": "not now"}

    def _proposal(self) -> Made:
        """Propose another value of a limit, from tomorrow or later on; now and then of a rule that nobody knows."""
        first = (self.day + timedelta(self.draw.choice((1, 2, 2, 3)))).isoformat()
        values = (("collar_rise", 900), ("collar_fall", 2_000), ("pump_step_rise", 700), ("two_key_level", 90_000))
        rule, value = self.draw.choice((*values, ("administered_price", 88_000), ("exclusion", 2)))
        rule = "moon" if self.draw.random() < 0.02 else rule
        fields = {"proposed": (RuleChange(rule, first, value, SOURCE),), "reason": "Prices jump."}
        return ProposeRuleChange, self.draw.choice(("operator", "regulator")), {"proposal_id": self.name("p"), **fields}

    def _emergency(self) -> Made:
        declared = sorted(name for name, _ in self.desk.state.rule_changes.emergencies.items())
        if declared and self.draw.random() < 0.5:
            who = self.draw.choice(("operator", "regulator"))
            return ConfirmEmergency, who, {"emergency_id": declared[-1]}
        values = (EmergencyValue("collar_rise", self.draw.choice((100, 9_000))),)
        fields = {"values": values, "days": self.draw.randint(1, 4), "reason": "A run.", "source": SOURCE}
        return DeclareEmergency, "regulator", {"emergency_id": self.name("e"), **fields}

    def name(self, prefix: str = "n") -> str:
        """Return a name that nothing has yet."""
        raise NotImplementedError
