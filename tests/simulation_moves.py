"""What the clients of the simulation send: commands of every topic, sensible where the venue stands, some wrong.

One draw of chance, `random.Random(seed)`, makes a whole day's work. Each seed has its own rulebook and its own weights,
so that some campaigns are all trade, others all default, and what is rare in the mean is common in one of them.
"""

import random
from datetime import date, timedelta
from typing import Any

from tests import random_commands, random_money
from tests.property.test_trading_campaign import AWAY, RULES, Campaign
from tests.random_money import World
from tests.trading_samples import REGIONAL, REPUBLICAN, over
from tests.venue_samples import LINKS, SOURCE, instant, opening, order, rulebook, terms

from naryq import exchange
from naryq.exchange.people import standing
from naryq.exchange.topic import rules_in_force
from naryq.messages import (
    AnyCommand,
    ApprovePlan,
    ApproveProposal,
    AssessProposal,
    ChangePhase,
    ClaimCompensation,
    ClearSession,
    CloseFlag,
    CloseSession,
    ConfirmEmergency,
    ConfirmReceipt,
    CorrectApplication,
    DecideClaim,
    DeclareAffiliation,
    DeclareEmergency,
    DeclareHolidays,
    DelistInstrument,
    EmergencyValue,
    EndAffiliation,
    ExcludeParticipant,
    ListInstrument,
    OpenPlan,
    OpenSession,
    PayObligation,
    PlanSupply,
    ProposeRuleChange,
    PublishPrices,
    PublishSession,
    RefuseAllotment,
    ReinstateParticipant,
    RejectProposal,
    ReportOutput,
    ReportParity,
    ReportRetailTerms,
    ReportSales,
    ReportShipment,
    ResumeTrading,
    ReviewApplications,
    RulebookText,
    RuleChange,
    ShipAllotment,
    StandardTerms,
    StateCapacity,
    StopTrading,
    SubmitApplication,
    SubmitOrder,
    SuspendParticipant,
    WithdrawProposal,
)

Made = tuple[Any, str, dict[str, Any]]
FIRST_DAY = date(2021, 12, 20)
TRADERS = ("zhanaozen", "atyrau", "aktau", "dossor")
SECONDS_LATER = (0, 1, 10**9, 60 * 10**9, 240 * 10**9)

MONEY: tuple[dict[str, Any], ...] = (
    {},
    *({**random_money.MONEY_RULES, **changes} for changes in random_money.RULEBOOKS if changes.get("lot") is None),
    {**random_money.MONEY_RULES, "prepayment_days": None, "penalty_share": 3_333, "loss_sharing": "pro_rata"},
)
"""Money at the trade or against delivery; under the last, a penalty is more than any guarantee."""
SOMETIMES: dict[str, tuple[Any, ...]] = {
    "self_trade": ("allow", "cancel_newest", "cancel_resting", "cancel_both"),
    "stop_orders": ("keep", "keep", "cancel"),
    "tie_rule": ("time", "pro_rata"),
    "price_rule": ("middle", "lowest", "highest"),
    "who_may_sell": (("seller", "buyer"), ("seller", "buyer"), ("seller",)),
    "who_may_buy": (("seller", "buyer"), ("seller", "buyer"), ("buyer",)),
    "platform_sellers": (None, None, ("producer", "unclassed")),
    "batch_lowest": (None, None, 3),
    "batch_highest": (None, None, 40),
    "collar_rise": (3_000, 700),
    "session_price_limit": (None, 500),
    "session_halt": (None, 5),
    "orders_per_second": (None, 2),
    "order_lots_highest": (None, 8),
    "rule_change_notice_days": (None, 2),
    "pump_step_rise": (None, 500),
    "platform_share": ({"default": 10_000}, {"default": 6_000}),
    "watch_order_to_trade": (None, 3),
    "watch_identical_prices": (None, 3),
}
"""Rules of which each seed draws one value; None is no rule."""
ALWAYS: dict[str, Any] = {
    **RULES,
    "who_may_stop": ("regulator", "operator"),
    "emergency_days_max": 3,
    "wholesale_cap": 38_000,
    "plan_platform_application_days": 5,
    "plan_application_days": 4,
    "plan_review_days": 3,
    "plan_correction_days": 1,
    "plan_notice_days": 1,
    "output_report_day": 5,
    "sales_report_day": 15,
}
WEIGHTS = {
    "submit": 60,
    "amend": 8,
    "cancel": 4,
    "cancel_all": 1,
    "phase": 2,
    "end": 9,
    "round": 2,
    "open": 3,
    "stop": 0.5,
    "people": 4,
    "series": 1,
    "money": 4,
    "perform": 14,
    "fail": 3,
    "publish": 3,
    "rules": 3,
    "emergency": 2,
    "supply": 8,
    "limits": 1,
    "instruments": 1,
    "watch": 0.5,
}


def drawn_rulebook(draw: random.Random) -> RulebookText:
    """Return the rulebook of a seed."""
    chosen = {name: draw.choice(values) for name, values in SOMETIMES.items()}
    rules = {**ALWAYS, **draw.choice(MONEY), **chosen}
    return rulebook("drawn", **{name: value for name, value in rules.items() if value is not None})


class Moves(Campaign, World):
    """One source of chance and the next command; what the venue knows comes from its last durable state."""

    def __init__(self, desk: Any, draw: random.Random) -> None:
        self.desk, self.draw = desk, draw
        self.money = self  # type: ignore[assignment]  # the makers of money ask their venue's accounts of it
        self.count = self.made = 0
        names = list(WEIGHTS)
        self.moves = names
        self.weights = [WEIGHTS[name] * draw.choice((0.2, 1, 1, 3)) for name in names]
        desk.at_ns = instant("09:00", FIRST_DAY.isoformat())

    def next(self) -> AnyCommand:
        """Return the next command of somebody, and let the clock run."""
        (move,) = self.draw.choices(self.moves, self.weights)
        if len(self.desk.state.stops) and self.draw.random() < 0.2:
            move = "stop"
        kind, actor, fields = getattr(self, f"_{move}")()
        desk, chance = self.desk, self.draw.random()
        if chance < 0.01:
            actor = self.draw.choice((*TRADERS, "operator", "regulator", "press", "nobody"))
        at_ns = desk.at_ns - 10**9 if 0.01 < chance < 0.02 else desk.at_ns
        made: AnyCommand = kind(command_id=self.name("c"), actor=actor, at_ns=at_ns, **fields)
        desk.at_ns += self.draw.choice(SECONDS_LATER)
        self.made += 1
        return made

    # --- What the borrowed makers ask ---------------------------------------------------------------------------

    def name(self, prefix: str = "n") -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def holds(self, account: str) -> int:
        """Return what an account holds, tiyn."""
        amount: int = self.desk.state.balances.get((account, "tiyn")) or 0
        return amount

    @property
    def day(self) -> date:  # type: ignore[override]  # here the day is that of the clock
        """The day by the venue's clock."""
        return date(1970, 1, 1) + timedelta(seconds=self.desk.at_ns // 10**9 + 6 * 3600)

    def pass_days(self, days: int) -> None:
        """Let days go by."""
        day = self.day + timedelta(days)
        self.desk.at_ns = max(self.desk.at_ns, instant("09:00", day.isoformat()))

    def _numbers(self) -> random_money.Draw:
        return random_money.Draw(*(self.draw.randrange(65_536) for _ in range(5)))

    def _one(self, found: Any) -> Any:
        names = sorted(found)
        return self.draw.choice(names) if names else "none"

    # --- Sessions and orders ------------------------------------------------------------------------------------

    def session(self) -> exchange.Session | None:
        """Return a session: mostly one that takes orders now or later, else one that waits to be ended, else any."""
        sessions = [each for _, each in sorted(self.desk.state.sessions.items())]
        waiting = [each for each in sessions if each.phase not in {"published", "cancelled"}]
        taking = [each for each in waiting if self._takes(each)]
        ready = [each for each in taking if each.phase in {"collecting", "call", "continuous"}]
        chance = self.draw.random()
        chosen = (
            ready if chance < 0.8 and ready else taking if chance < 0.92 else waiting if chance < 0.98 else sessions
        )
        return self.draw.choice(chosen) if chosen else None

    def _takes(self, session: exchange.Session) -> bool:
        taking = session.phase in {"announced", "collecting", "call", "continuous", "halted"}
        return taking and self.desk.at_ns < session.opened.closes_at_ns

    def _to_end(self) -> exchange.Session | None:
        """Return the session that has waited longest for its next step: the end of its window, or what follows it."""
        over = [each for _, each in sorted(self.desk.state.sessions.items()) if not self._takes(each)]
        over = [each for each in over if each.phase not in {"published", "cancelled"} and not self._is_done(each)]
        return min(over, key=lambda each: each.opened.closes_at_ns) if over else self.session()

    def _is_done(self, session: exchange.Session) -> bool:
        """Say whether a network session is cleared, after which only its prices can be published."""
        return session.opened.kind == "network" and session.phase == "cleared"

    def _open(self) -> Made:
        if sum(self._takes(each) for each in self.desk.state.sessions.values()) >= 3:
            return self._submit()
        kind, name = (
            self.draw.choice(("call", "continuous", "continuous", "standard", "network", "network")),
            self.name(),
        )
        if self.desk.at_ns >= instant("15:00", self.day.isoformat()):
            self.pass_days(1)
        day = self.day.isoformat()
        window = "plan" if self.desk.at_ns < instant("12:00", day) else "other"
        fields = {"day": day, "window": window, "delivery_month": day[:7]}
        if kind == "network":
            links = LINKS if self.draw.random() < 0.5 else random_commands.NARROW
            return OpenSession, "operator", opening(name, **fields, links=links)
        changes: dict[str, Any] = dict(fields)
        if kind == "standard":
            changes["standard"] = self._terms()
        if kind == "continuous":
            changes["opening_call"] = self.draw.random() < 0.3
            changes["closing_call"] = self.draw.random() < 0.2
        return OpenSession, "operator", over(kind, name, **changes)

    def _terms(self) -> StandardTerms:
        made = super()._terms()
        assert (made.initiator, made.direction) in {*AWAY, ("seller", "up"), ("buyer", "down")}
        return made

    def _submit(self) -> Made:
        kind, actor, fields = super()._submit()
        if kind is SubmitOrder and len(self.desk.state.order_ids) and self.draw.random() < 0.02:
            fields = {**fields, "order_id": self._one(dict(self.desk.state.order_ids.items()))}
        if kind is SubmitOrder and self.draw.random() < 0.9:
            actor = self.draw.choice(self._who_may(fields["side"]) or [actor])
            if self.desk.state.sessions[fields["session_id"]].phase == "call":
                fields = {**fields, "time_in_force": "session", "post_only": False}
        if kind is SubmitOrder and fields["place"] in {"ZH", "AT", "KZ-47", "KZ-23"}:
            return self._in_network(fields)
        return kind, actor, fields

    def _who_may(self, side: str) -> list[str]:
        """Name those who may trade on a side by the rules in force, and are not suspended."""
        state, roles = self.desk.state, rules_in_force(self.desk.state, self.desk.at_ns)
        known = [who for who in TRADERS if standing(state, who, self.desk.at_ns) == "active"]
        return [who for who in known if state.participants[who].role in roles.words(f"who_may_{side}")]

    def _in_network(self, fields: dict[str, Any]) -> Made:
        """Let plants sell and provinces buy, mostly, and some bids be far beyond a collar."""
        side = self.draw.choice(("sell", "buy"))
        place = self.draw.choice({"sell": ("ZH", "AT"), "buy": ("KZ-47", "KZ-23")}[side])
        price = (88_000 if side == "sell" else 92_000) + 1_000 * self.draw.randint(0, 6)
        price *= 3 if self.draw.random() < 0.03 else 1
        changes = {"side": side, "place": place, "price_tenge_per_tonne": price}
        who = self.draw.choice(TRADERS[:2] if side == "sell" else TRADERS[2:])
        return SubmitOrder, who, order(**{**_as_order(fields), **_as_order({**fields, **changes})})

    def _end(self) -> Made:
        session = self._to_end()
        if session is None:
            return self._open()
        if session.phase not in {"closed", "cleared", "published", "cancelled"}:
            if len(session.orders) < 8 and self._takes(session) and self.draw.random() < 0.8:
                return self._submit()
            self.desk.at_ns = max(self.desk.at_ns, session.opened.closes_at_ns)
        if session.phase == "announced":
            fields = {"session_id": session.opened.session_id, "phase": "cancelled", "reason": "nobody came"}
            return ChangePhase, "operator", fields
        closed = PublishSession if session.opened.kind == "continuous" else ClearSession
        due = {"closed": closed, "cleared": PublishSession}.get(session.phase, CloseSession)
        return due, "operator", {"session_id": session.opened.session_id}

    def _stop(self) -> Made:
        scopes = (("region", "KZ-47"), ("participant", "aktau"), ("instrument", REGIONAL), ("venue", "venue"))
        standing = sorted(key for key, _ in self.desk.state.stops.items())
        if standing and self.draw.random() < 0.8:
            scope, target = self.draw.choice(standing)
            return ResumeTrading, "regulator", {"scope": scope, "target": target, "reason": "chance"}
        scope, target = self.draw.choice(scopes)
        return StopTrading, self.draw.choice(("regulator", "operator")), {
            "scope": scope,
            "target": target,
            "reason": "chance",
        }  # fmt: skip

    def _people(self) -> Made:
        declared = sorted(self.desk.state.people.affiliations.keys())
        if self.draw.random() < 0.4:
            ends = len(declared) > 1
            one, other = self.draw.choice(declared) if ends else self.draw.sample(TRADERS, 2)
            fields = {"participant_id": one, "affiliate_id": other, "evidence": "one owner"}
            return EndAffiliation if ends else DeclareAffiliation, "operator", fields
        maker = self.draw.choice(
            (random_commands._stand, random_commands._affiliate, random_commands._admit, random_commands._classify)
        )
        numbers = random_commands.Draw(*(self.draw.randrange(65_536) for _ in range(5)))
        kind, actor, fields = maker(self.desk, numbers)
        if fields.get("participant_id") in {"operator", "regulator", "zhanaozen"} and "reason" in fields:
            fields = {**fields, "participant_id": "dossor"}
        if kind is ExcludeParticipant and self.draw.random() < 0.8:
            kind = ReinstateParticipant
        if kind is SuspendParticipant and self.draw.random() < 0.8:
            fields = {**fields, "until": (self.day + timedelta(1)).isoformat()}
        return kind, actor, fields

    # --- Money --------------------------------------------------------------------------------------------------

    def _money(self) -> Made:
        maker = self.draw.choice(
            (random_money._deposit, random_money._deposit, random_money._withdraw, random_money._endow)
        )
        return maker(self, self._numbers())

    def _perform(self) -> Made:
        """Pay, load or confirm: mostly what is due next of an obligation, sometimes whatever chance says."""
        deals = self.open_deals()
        if not deals:
            return self._end()
        deal, chance = self.draw.choice(deals), self.draw.random()
        name = {"obligation_id": deal.opened.obligation_id}
        if chance < 0.2:
            maker = self.draw.choice((random_money._pay, random_money._ship, random_money._receive))
            return maker(self, self._numbers())
        if deal.pending_kg and chance < 0.6:
            return ConfirmReceipt, "operator", {"document": self._document()}
        if deal.unpaid_tiyn and chance < 0.75:
            amount = self.draw.choice((deal.unpaid_tiyn, deal.unpaid_tiyn, max(1, deal.unpaid_tiyn // 2)))
            return PayObligation, deal.opened.buyer_id, {**name, "amount_tiyn": amount}
        mass_kg = max(1, self.draw.choice((deal.awaited_kg, deal.awaited_kg, deal.opened.mass_kg // 3)))
        shipped = {"document": self.name("d"), "mass_kg": mass_kg, "loaded_on": self.day.isoformat()}
        return ReportShipment, deal.opened.seller_id, {**name, **shipped}

    def _document(self) -> str:
        """Name a loading document that waits for its receipt, or now and then any."""
        shipments = dict(self.desk.state.money.shipments.items())
        waiting = [each for each, known in shipments.items() if not known.is_received]
        return str(self._one(waiting if self.draw.random() < 0.85 else shipments))

    def _fail(self) -> Made:
        if not self.open_deals():
            return self._end()
        maker = self.draw.choice((*(random_money._fail,) * 5, random_money._refund))
        return maker(self, self._numbers())

    # --- Reports and publication --------------------------------------------------------------------------------

    def _publish(self) -> Made:
        month = self.day.isoformat()[:7]
        for province in ("KZ-47", "KZ-23"):
            if (month, province) not in self.desk.state.terms:
                return ReportRetailTerms, "operator", terms(province, delivery_month=month)
        cleared = [s for _, s in sorted(self.desk.state.sessions.items()) if s.phase == "cleared"]
        names = [s.opened.session_id for s in cleared if s.opened.kind == "network"]
        if names and self.draw.random() < 0.8:
            return PublishPrices, "operator", {"session_id": names[-1]}
        fields = {"delivery_month": month, "province": "KZ-47", "total_lots": self.draw.randint(0, 40)}
        why = {"correction": self.draw.choice(("", "counted twice"))}
        return PlanSupply, "regulator", {**fields, **why, "transport_tenge_per_tonne": 4_000}

    # --- Rules --------------------------------------------------------------------------------------------------

    def _rules(self) -> Made:
        changes = self.desk.state.rule_changes
        waiting = [name for name, each in sorted(changes.proposals.items()) if each.phase == "open"]
        if not waiting or self.draw.random() < 0.2:
            return self._proposal()
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
        first = (self.day + timedelta(self.draw.choice((1, 2, 2, 3)))).isoformat()
        rule, value = self.draw.choice((("collar_rise", 900), ("collar_fall", 2_000), ("pump_step_rise", 700)))
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

    # --- Supply -------------------------------------------------------------------------------------------------

    def _supply(self) -> Made:
        """Take the plan of a coming month one step further, whichever step chance names."""
        period = "2022-02" if self.day.isoformat() <= "2022-01-01" else "2022-03"
        plan = self.desk.state.supply.plans.get(period)
        if plan is None:
            return OpenPlan, "regulator", {"period": period, "links": LINKS}
        if plan.approved is not None and self.draw.random() < 0.7:
            return self._allotted(plan)
        steps = (self._capacity, self._application, self._application, self._review, self._approval, self._report)
        wanting = [steps[0]] * (len(plan.capacities) < 2) + [steps[1]] * (len(plan.applications) < 3)
        return self.draw.choice(wanting if wanting and self.draw.random() < 0.8 else steps)(period)

    def _capacity(self, period: str) -> Made:
        who, plant = self.draw.choice((("zhanaozen", "ZH"), ("atyrau", "AT")))
        stated = {"plant": plant, "lots": self.draw.randint(5, 60), "correction": self.draw.choice(("", "repaired"))}
        return StateCapacity, who, {"period": period, **stated}

    def _application(self, period: str) -> Made:
        who, part = self.draw.choice(("aktau", "dossor")), self.draw.choice(("outside", "platform"))
        known = sorted(name for name, of in self.desk.state.supply.periods.items() if of == period)
        if known and self.draw.random() < 0.3:
            fields = {"application_id": self.draw.choice(known), "lots": self.draw.randint(0, 20)}
            return CorrectApplication, who, {**fields, "reason": "we need less"}
        fields = {"application_id": self.name("a"), "part": part, "province": self.draw.choice(("KZ-47", "KZ-23"))}
        return (
            SubmitApplication,
            who,
            {**fields, "period": period, "lots": self.draw.randint(1, 30), "applicant_id": who},
        )

    def _review(self, period: str) -> Made:
        fields = {"province": self.draw.choice(("KZ-47", "KZ-23")), "lots": self.draw.randint(0, 40)}
        return ReviewApplications, "regulator", {"period": period, **fields, "reason": "less is to be had"}

    def _approval(self, period: str) -> Made:
        last = self.desk.state.supply.plans[period].opened.apply_for_outside_by
        if last is not None and self.draw.random() < 0.3:
            self.pass_days(max(0, (date.fromisoformat(last) - self.day).days + 1))
        return ApprovePlan, "regulator", {"period": period}

    def _report(self, _: str) -> Made:
        month = (self.day.replace(day=1) - timedelta(1)).isoformat()[:7]
        why = {"month": month, "correction": self.draw.choice(("", "counted twice"))}
        if self.draw.random() < 0.5:
            kg = dict.fromkeys(
                ("own_output_kg", "tolled_output_kg", "shipped_in_plan_kg", "shipped_outside_plan_kg"), 9
            )
            return ReportOutput, "zhanaozen", {**why, "plant": "ZH", **kg}
        figures = {"sold_kg": 9, "used_kg": 9, "wholesale_tenge_per_tonne": 90_000, "retail_tiyn_per_litre": 8_900}
        return ReportSales, "regulator", {**why, "province": "KZ-47", **figures}

    def _allotted(self, plan: Any) -> Made:
        if not plan.approved.allotments:
            return self._report("")
        one = self.draw.choice(plan.approved.allotments)
        fields = {"allotment_id": one.allotment_id}
        if self.draw.random() < 0.3:
            return RefuseAllotment, one.applicant_id, {**fields, "lots": self.draw.randint(1, 9), "reason": "full"}
        document = self.name("b") if self.draw.random() < 0.8 else "bill"
        shipped = {"document": document, "mass_kg": self.draw.randint(1, 99_000), "loaded_on": self.day.isoformat()}
        return ShipAllotment, one.seller_id, {**fields, **shipped}

    # --- The rest -----------------------------------------------------------------------------------------------

    def _limits(self) -> Made:
        if self.draw.random() < 0.5:
            fields = {"parity_tenge_per_tonne": self.draw.randint(60_000, 99_000), "source": SOURCE}
            return ReportParity, "operator", {"day": self.day.isoformat(), **fields}
        claim = {"claim_id": self.name("k"), "cost_tenge_per_tonne": 99_000, "statement": "books"}
        if self.draw.random() < 0.5:
            return (
                ClaimCompensation,
                "zhanaozen",
                {**claim, "session_id": self._one(dict(self.desk.state.sessions.items()))},
            )
        return DecideClaim, "regulator", {"claim_id": "none", "granted_tiyn": 1, "reason": "heard"}

    def _instruments(self) -> Made:
        code = self.name("i")
        if self.draw.random() < 0.5:
            fields = {"product": "LPG", "plant": "AT", "delivery_basis": "EXW", "delivery_region": "KZ-23"}
            return ListInstrument, "operator", {"code": code, **fields}
        if self.draw.random() < 0.5:
            days = (f"{2023 + self.count % 9}-01-02",)
            return DeclareHolidays, "operator", {"year": int(days[0][:4]), "days": days, "source": "a decree"}
        listed = [each for each, _ in self.desk.state.market.instruments.items() if each not in {REGIONAL, REPUBLICAN}]
        return DelistInstrument, "operator", {"code": self._one(listed), "reason": "nobody trades it"}

    def _watch(self) -> Made:
        waiting = [name for name, each in self.desk.state.watch.flags.items() if each.closed is None]
        if not waiting and self.draw.random() < 0.8:
            return self._submit()
        flag = self._one(waiting)
        return CloseFlag, "regulator", {"flag_id": flag, "finding": "explained", "reason": "looked at"}


def _as_order(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "order_id": fields["order_id"],
        "place": fields["place"],
        "side": fields["side"],
        "price": fields["price_tenge_per_tonne"],
        "lots": fields["quantity_lots"],
        "session_id": fields["session_id"],
    }
