"""Scripts of a supply plan that an official can read: one line a step, with what must come of it.

    open 2022-01 on 2021-10-20                 the regulator opens the plan of a period
    P -> KZ-47 30 lots 2000 tenge              a plant can serve a province (before `open`)
    2021-10-25 zhanaozen can P 40              what a seller can deliver from a plant
    2021-10-26 aktau applies a1 outside KZ-47 30
    2021-11-10 accept KZ-47 20                 the commission accepts fewer lots
    2021-11-12 aktau corrects a1 18
    2021-11-25 approve
    2022-01-05 aktau refuses 1 2               two lots of the first allotment
    2022-01-20 zhanaozen loads 1 36            tonnes
    allot zhanaozen P KZ-47 aktau 12           what must have come out, and so must these:
    part KZ-47 outside 12 platform 18
    owes zhanaozen P 432 t 20 lots short 396 t

A line that ends in `-> code` is refused so.
"""

from typing import Any

from tests.venue_samples import Desk, founded, instant, rulebook

from naryq.exchange.supply import duties
from naryq.messages import (
    ApprovePlan,
    CorrectApplication,
    Link,
    OpenPlan,
    PlanApproved,
    RefuseAllotment,
    ReviewApplications,
    ShipAllotment,
    StateCapacity,
    SubmitApplication,
)

Step = tuple[Any, dict[str, Any]]
"""A command's kind and its fields."""
RULES: dict[str, Any] = {
    "wholesale_cap": 38_000,
    "plan_platform_application_days": 35,
    "plan_application_days": 25,
    "plan_review_days": 15,
    "plan_correction_days": 5,
    "plan_notice_days": 5,
    "output_report_day": 5,
    "sales_report_day": 15,
}
"""The days of the Gas Law, articles 21 and 27-1."""


class SupplyScript:
    """Plays a script of a plan line by line; a line that does not come true fails with itself as the message."""

    def __init__(self, text: str, **rules: Any) -> None:
        self.links: list[Link] = []
        self.period, self.line = "", ""
        self.desk: Desk = founded(rulebook(**{**RULES, **rules}), "2021-10-01")
        for line in text.strip().split("\n"):
            self.line = line.strip()
            if self.line and not self.line.startswith("#"):
                self._play(*self.line.split())
        assert self.desk.findings == []

    @property
    def approved(self) -> PlanApproved:
        """The plan as it was approved."""
        approved = self.desk.state.supply.plans[self.period].approved
        assert approved is not None, f"{self.line}: the plan is not approved"
        return approved

    def _play(self, first: str, *words: str) -> None:
        if words[:1] == ("->",):
            self.links.append(Link(first, words[1], int(words[2]), int(words[4])))
        elif first[:1].isdigit():
            self._on(first, *words)
        else:
            getattr(self, f"_{first}")(*words)

    def _open(self, period: str, _: str, day: str, *words: str) -> None:
        self.period = period
        self._send(day, words, OpenPlan, "regulator", period=period, links=tuple(self.links))

    def _on(self, day: str, *words: str) -> None:
        """Play a step of a day: who does what, or what the regulator does."""
        tail = words[words.index("->") :] if "->" in words else ()
        kind, actor, fields = self._step(*words[: len(words) - len(tail)])
        self._send(day, tail, kind, actor, **fields)

    def _step(self, *words: str) -> tuple[Any, str, dict[str, Any]]:
        period = {"period": self.period}
        if words == ("approve",):
            return ApprovePlan, "regulator", period
        if words[0] == "accept":
            fields = {"province": words[1], "lots": int(words[2]), "reason": "less is to be had"}
            return ReviewApplications, "regulator", {**period, **fields}
        who, what, *rest = words
        kind, fields = getattr(self, f"_{what}")(who, *rest)
        return kind, who, fields

    def _can(self, _: str, plant: str, lots: str, *again: str) -> Step:
        stated = {"plant": plant, "lots": int(lots), "correction": " ".join(again)}
        return StateCapacity, {"period": self.period, **stated}

    def _applies(self, who: str, name: str, part: str, province: str, lots: str, *of: str) -> Step:
        fields = {"application_id": name, "part": part, "province": province, "lots": int(lots)}
        return SubmitApplication, {"period": self.period, **fields, "applicant_id": of[-1] if of else who}

    def _corrects(self, _: str, name: str, lots: str) -> Step:
        return CorrectApplication, {"application_id": name, "lots": int(lots), "reason": "we need less"}

    def _refuses(self, _: str, number: str, lots: str) -> Step:
        return RefuseAllotment, {**self._numbered(number), "lots": int(lots), "reason": "a full depot"}

    def _loads(self, _: str, number: str, tonnes: str) -> Step:
        document = f"doc-{len(self.desk.rows)}"
        loaded = {"document": document, "mass_kg": int(tonnes) * 1000, "loaded_on": "2022-01-10"}
        return ShipAllotment, {**self._numbered(number), **loaded}

    def _numbered(self, number: str) -> dict[str, Any]:
        return {"allotment_id": f"{self.period}/{number}"}

    def _send(self, day: str, tail: tuple[str, ...], kind: Any, actor: str, **fields: Any) -> None:
        self.desk.at_ns = max(self.desk.at_ns + 1, instant("10:00", day))
        answer = self.desk.give(kind, actor, **fields)
        assert answer.code == (tail[1] if tail else None), f"{self.line}: {answer.events[0]}"

    # --- What must come out -------------------------------------------------------------------------------------

    def _expect(self, found: object, told: object) -> None:
        assert found == told, f"{self.line}: found {found}"

    def _allot(self, seller: str, plant: str, province: str, applicant: str, lots: str) -> None:
        key = (seller, plant, province, applicant)
        found = [a for a in self.approved.allotments if (a.seller_id, a.plant, a.province, a.applicant_id) == key]
        self._expect(sum(each.lots for each in found), int(lots))

    def _part(self, province: str, _: str, outside: str, __: str, platform: str) -> None:
        found = next(each for each in self.approved.provinces if each.province == province)
        self._expect((found.outside_lots, found.platform_lots), (int(outside), int(platform)))

    def _spare(self, seller: str, plant: str, lots: str) -> None:
        source = next(s for s in self.approved.sources if (s.seller_id, s.plant) == (seller, plant))
        self._expect(source.unplanned_lots, int(lots))

    def _late(self, days: str) -> None:
        self._expect(self.approved.late_days, int(days))

    def _owes(self, seller: str, plant: str, *words: str) -> None:
        duty = next(d for d in duties(self.desk.state, self.period) if (d.seller_id, d.plant) == (seller, plant))
        outside, _, lots, __, ___, short, ____ = words
        told = (int(outside) * 1000, int(lots), int(short) * 1000)
        self._expect((duty.outside_kg, duty.platform_lots, duty.short_kg), told)
