"""What the clients of the simulation send about supply: plans from their opening to what is owed, and the reports."""

import random
from datetime import date, timedelta
from typing import Any

from tests.venue_samples import LINKS

from naryq.exchange.supply_state import Plan
from naryq.messages import (
    ApprovePlan,
    CorrectApplication,
    OpenPlan,
    RefuseAllotment,
    ReportOutput,
    ReportSales,
    ReviewApplications,
    ShipAllotment,
    StateCapacity,
    SubmitApplication,
)
from naryq.units import month_after

Made = tuple[Any, str, dict[str, Any]]
SELLERS = {"zhanaozen": "ZH", "atyrau": "AT", "tengiz": "ZH"}
"""Which seller states the capacity of which plant; two of them deliver from one."""
BUYERS = ("aktau", "dossor", "taraz")
ENOUGH_APPLICATIONS = 4
AHEAD_DAYS = 6
"""So many days before a month begins, applications for the month after it may still be taken."""


class Supplying:
    """The moves about supply, of whoever has a source of chance, a desk and names."""

    desk: Any
    draw: random.Random
    day: date

    def _supply(self) -> Made:
        """Take a plan one step further: the one in the making, else a new one, or look at what one has allotted."""
        plans = [each for _, each in sorted(self.desk.state.supply.plans.items())]
        making = [each for each in plans if each.approved is None]
        done = [each for each in plans if each.approved is not None]
        chance = self.draw.random()
        if chance < 0.12:
            return self._report()
        if done and chance < 0.35:
            return self._allotted(self.draw.choice(done))
        if not making or chance > 0.99:
            return self._opening()
        return self._step(self.draw.choice(making))

    def _opening(self) -> Made:
        """Open the plan of the next month that can still be applied for, rarely one without any route."""
        period = month_after((self.day + timedelta(AHEAD_DAYS)).isoformat()[:7], self.draw.choice((1, 2, 2, 2, 2)))
        links = self.draw.choice((LINKS, LINKS, LINKS, (LINKS[0], LINKS[2]), ()))
        return OpenPlan, "regulator", {"period": period, "links": links}

    def _step(self, plan: Plan) -> Made:
        """State, apply, correct, review or approve: mostly what is due by the calendar."""
        last, today = plan.opened.apply_for_outside_by or "", self.day.isoformat()
        early = (self._capacity, self._capacity, self._application, self._application, self._correction)
        late = (self._capacity, self._correction, self._review, self._review, self._approval)
        if today <= last and len(plan.applications) >= ENOUGH_APPLICATIONS and self.draw.random() < 0.4:
            self.pass_days((date.fromisoformat(last) - self.day).days + 1)
            return self._review(plan)
        steps = early if today <= last else late
        return self.draw.choice(steps if self.draw.random() < 0.95 else early + late)(plan)

    def _capacity(self, plan: Plan) -> Made:
        who = self.draw.choice(tuple(SELLERS))
        plant = SELLERS[who] if self.draw.random() < 0.95 else "PAVLODAR"
        stated = {"plant": plant, "lots": self.draw.randint(5, 40), "correction": self.draw.choice(("", "repaired"))}
        return StateCapacity, who, {"period": plan.opened.period, **stated}

    def _application(self, plan: Plan) -> Made:
        who = applicant = self.draw.choice(BUYERS)
        if self.draw.random() < 0.05:
            applicant = self.draw.choice((*BUYERS, "press", "nobody", "zhanaozen"))
        known = sorted(name for name, _ in self.desk.state.supply.periods.items())
        name = self.name("a") if self.draw.random() < 0.95 or not known else self.draw.choice(known)
        fields = {"application_id": name, "period": plan.opened.period, "applicant_id": applicant}
        where = self.draw.choice(("KZ-47", "KZ-47", "KZ-23", "KZ-23", "KZ-99"))
        part, lots = self.draw.choice(("outside", "outside", "platform")), self.draw.randint(1, 30)
        return SubmitApplication, who, {**fields, "province": where, "part": part, "lots": lots}

    def _correction(self, plan: Plan) -> Made:
        known = [each for _, each in sorted(plan.applications.items())]
        if not known:
            return self._application(plan)
        one = self.draw.choice(known)
        who = one.applicant_id if self.draw.random() < 0.9 else self.draw.choice(BUYERS)
        name = one.application_id if self.draw.random() < 0.95 else "none"
        fields = {"application_id": name, "lots": max(0, one.lots + self.draw.randint(-6, 2))}
        return CorrectApplication, who, {**fields, "reason": "we need less"}

    def _review(self, plan: Plan) -> Made:
        """Accept fewer lots than a province applies for, and now and then as many."""
        province = self.draw.choice(("KZ-47", "KZ-23"))
        applied = [each.lots for _, each in plan.applications.items() if each.province == province]
        fields = {"province": province, "lots": self.draw.randint(0, max(0, sum(applied) - 1))}
        return ReviewApplications, "regulator", {"period": plan.opened.period, **fields, "reason": "less is to be had"}

    def _approval(self, plan: Plan) -> Made:
        """Approve, mostly when nothing can be corrected any more."""
        days = [each.correct_by for _, each in plan.reviews.items() if each.correct_by]
        if days and self.draw.random() < 0.6:
            self.pass_days(max(0, (date.fromisoformat(max(days)) - self.day).days + 1))
        return ApprovePlan, "regulator", {"period": plan.opened.period}

    def _allotted(self, plan: Plan) -> Made:
        assert plan.approved is not None
        if not plan.approved.allotments:
            return self._report()
        one = self.draw.choice(plan.approved.allotments)
        name = one.allotment_id if self.draw.random() < 0.97 else "none/1"
        if self.draw.random() < 0.35:
            who = one.applicant_id if self.draw.random() < 0.9 else self.draw.choice(BUYERS)
            return RefuseAllotment, who, {"allotment_id": name, "lots": self.draw.randint(1, 4), "reason": "full"}
        if self.draw.random() < 0.9:
            self.pass_days(max(0, (date.fromisoformat(f"{plan.approved.months[0]}-01") - self.day).days))
        document = self.name("b") if self.draw.random() < 0.9 else "bill"
        loaded_on = (self.day + timedelta(self.draw.random() < 0.05)).isoformat()
        shipped = {"document": document, "mass_kg": self.draw.randint(1, 99_000), "loaded_on": loaded_on}
        who = one.seller_id if self.draw.random() < 0.95 else self.draw.choice(tuple(SELLERS))
        return ShipAllotment, who, {"allotment_id": name, **shipped}

    def _report(self) -> Made:
        """Report the last month, now and then one that is not over."""
        month = month_after(self.day.isoformat()[:7], self.draw.choice((-1, -1, -1, -2, 0)))
        why = {"month": month, "correction": self.draw.choice(("", "counted twice"))}
        if self.draw.random() < 0.5:
            kg = ("own_output_kg", "tolled_output_kg", "shipped_in_plan_kg", "shipped_outside_plan_kg")
            who = self.draw.choice(tuple(SELLERS))
            plant = SELLERS[who] if self.draw.random() < 0.95 else "KZ-47"
            return ReportOutput, who, {**why, "plant": plant, **{each: self.draw.randint(0, 99) for each in kg}}
        figures = {"sold_kg": 9, "used_kg": self.draw.randint(0, 9), "wholesale_tenge_per_tonne": 90_000}
        who = self.draw.choice(("regulator", "regulator", "press"))
        return ReportSales, who, {**why, "province": "KZ-47", **figures, "retail_tiyn_per_litre": 8_900}

    def name(self, prefix: str = "n") -> str:
        """Return a name that nothing has yet."""
        raise NotImplementedError

    def pass_days(self, days: int) -> None:
        """Let days go by."""
        raise NotImplementedError
