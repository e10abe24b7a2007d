"""What the clients of the simulation send: commands of every topic, sensible where the venue stands, some wrong.

One draw of chance, `random.Random(seed)`, makes a whole day's work. Each seed has its own rulebook and its own weights,
so that some campaigns are all trade, others all default, and what is rare in the mean is common in one of them.
"""

import random
from datetime import date, timedelta
from typing import Any

from tests import random_commands, random_money
from tests.property.test_trading_campaign import AWAY, Campaign
from tests.random_money import World
from tests.simulation_limits import Limiting
from tests.simulation_supply import Supplying
from tests.trading_samples import REGIONAL, REPUBLICAN, over
from tests.venue_samples import LINKS, instant, opening, order, terms

from naryq import exchange
from naryq.exchange.people import standing
from naryq.exchange.topic import rules_in_force
from naryq.messages import (
    AnyCommand,
    ChangePhase,
    ClearSession,
    CloseFlag,
    CloseSession,
    ConfirmReceipt,
    DeclareAffiliation,
    DeclareHolidays,
    DelistInstrument,
    EndAffiliation,
    ExcludeParticipant,
    ListInstrument,
    OpenSession,
    ParticipantExcluded,
    PayObligation,
    PlanSupply,
    PublishPrices,
    PublishSession,
    RefundObligation,
    ReinstateParticipant,
    ReportRetailTerms,
    ReportShipment,
    ResumeTrading,
    StandardTerms,
    StopTrading,
    SubmitOrder,
    SuspendParticipant,
)
from naryq.units import month_after

Made = tuple[Any, str, dict[str, Any]]
FIRST_DAY = date(2021, 12, 20)
SELLERS, BUYERS = ("zhanaozen", "atyrau", "tengiz"), ("aktau", "dossor", "taraz")
TRADERS = (*SELLERS, *BUYERS)
ALWAYS_THERE = ("zhanaozen", "aktau")
"""Who is never excluded: without a seller and a buyer nothing would happen any more."""
SATURDAY = 5
SECONDS_LATER = (0, 1, 10**9, 60 * 10**9, 240 * 10**9)

WEIGHTS = {
    "submit": 60,
    "amend": 8,
    "cancel": 4,
    "cancel_all": 1,
    "phase": 3,
    "end": 9,
    "round": 2,
    "open": 3,
    "stop": 0.5,
    "people": 4,
    "standing": 1.5,
    "series": 1,
    "money": 4,
    "perform": 14,
    "fail": 3,
    "publish": 3,
    "rules": 3,
    "emergency": 2,
    "supply": 8,
    "limits": 4,
    "instruments": 1,
    "watch": 0.5,
}


class Moves(Supplying, Limiting, Campaign, World):
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
        if self.desk.at_ns >= instant("15:00", self.day.isoformat()) or self._rests():
            self.pass_days(1)
        day = self.day.isoformat()
        window = "plan" if self.desk.at_ns < instant("12:00", day) else "other"
        month = day[:7] if self.draw.random() < 0.97 else month_after(day[:7], self.draw.choice((-1, 1)))
        fields = {"day": day, "window": window, "delivery_month": month}
        if kind == "network":
            links = LINKS if self.draw.random() < 0.5 else random_commands.NARROW
            wrong = self.draw.choice(random_commands.NETWORKS) if self.draw.random() < 0.05 else {}
            return OpenSession, "operator", opening(name, **{**fields, "links": links, **wrong})
        changes: dict[str, Any] = dict(fields)
        if kind == "standard":
            changes["standard"] = self._terms()
        if kind == "continuous":
            changes["opening_call"] = self.draw.random() < 0.3
            changes["closing_call"] = self.draw.random() < 0.2
        return OpenSession, "operator", over(kind, name, **changes)

    def _rests(self) -> bool:
        """Say whether it is a weekend or a holiday of a year whose calendar is declared."""
        declared = self.desk.state.market.holidays.get(self.day.year)
        return declared is not None and (self.day.weekday() >= SATURDAY or self.day.isoformat() in declared.days)

    def _series(self) -> Made:
        kind, actor, fields = super()._series()
        first = self.day + timedelta(self.draw.choice((0, 1, 1, 2)))
        return kind, actor, {**fields, "first_day": first.isoformat(), "delivery_month": first.isoformat()[:7]}

    def _phase(self) -> Made:
        """Change a phase: often ask for the call that reopens what is halted, before its time or after."""
        halted = [each for _, each in sorted(self.desk.state.sessions.items()) if each.phase == "halted"]
        halted = [each for each in halted if self._takes(each)]
        if not halted or self.draw.random() < 0.4:
            return super()._phase()
        opened = self.draw.choice(halted).opened
        phase = "call" if opened.kind == "continuous" else "collecting"
        return ChangePhase, "operator", {"session_id": opened.session_id, "phase": phase, "reason": "it goes on"}

    def _amend(self) -> Made:
        """Amend, now and then only if so many lots are still open."""
        kind, actor, fields = super()._amend()
        return kind, actor, {**fields, "open_lots": self.draw.choice((None, None, None, 1, 2, 4))}

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
        who = self.draw.choice(SELLERS if side == "sell" else BUYERS)
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
        chance = self.draw.random()
        if standing and chance < 0.8:
            scope, target = self.draw.choice(standing)
            who = "operator" if chance < 0.3 else "regulator"
            return ResumeTrading, who, {"scope": scope, "target": target, "reason": "chance"}
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
        maker = self.draw.choice((random_commands._affiliate, random_commands._admit, random_commands._classify))
        numbers = random_commands.Draw(*(self.draw.randrange(65_536) for _ in range(5)))
        return maker(self.desk, numbers)

    def _standing(self) -> Made:
        """Suspend, exclude or reinstate: mostly whoever is absent is asked for again, before its time and after it."""
        absences = dict(self.desk.state.people.absences.items())
        actor, chance = self.draw.choice(("operator", "regulator")), self.draw.random()
        if absences and chance < 0.7:
            who = self.draw.choice(sorted(absences))
            until = absences[who].until
            if isinstance(absences[who], ParticipantExcluded) and until is not None and chance < 0.15:
                self.pass_days((date.fromisoformat(until) - self.day).days + 1)
                if chance < 0.08:
                    kind, _, asked = self._submit()
                    return kind, who, asked
            return ReinstateParticipant, actor, {"participant_id": who, "reason": "heard"}
        who = self.draw.choice(TRADERS if self.draw.random() < 0.9 else ("operator", "press", "nobody"))
        fields = {"participant_id": who, "reason": "late"}
        if who not in ALWAYS_THERE and chance > 0.85:
            return ExcludeParticipant, actor, fields
        until_day = self.day + timedelta(self.draw.choice((-1, 0, 1, 1, 1)))
        return SuspendParticipant, actor, {**fields, "until": until_day.isoformat() if chance < 0.95 else None}

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
            return self._receipt()
        if deal.unpaid_tiyn and chance < 0.75:
            amount = self.draw.choice((deal.unpaid_tiyn, deal.unpaid_tiyn, max(1, deal.unpaid_tiyn // 2)))
            return PayObligation, deal.opened.buyer_id, {**name, "amount_tiyn": amount}
        mass_kg = max(1, self.draw.choice((deal.awaited_kg, deal.awaited_kg, deal.opened.mass_kg // 3)))
        shipped = {"document": self.name("d"), "mass_kg": mass_kg, "loaded_on": self.day.isoformat()}
        return ReportShipment, deal.opened.seller_id, {**name, **shipped}

    def _receipt(self) -> Made:
        """Confirm what came: mostly all, now and then a part or nothing of it, and now and then by the buyer itself."""
        document = self._document()
        known, chance = self.desk.state.money.shipments.get(document), self.draw.random()
        if known is None or chance < 0.7:
            return ConfirmReceipt, "operator", {"document": document}
        came = random_money.what_came(self._numbers(), known.reported.mass_kg)
        buyer = self.desk.state.money.obligations[known.reported.obligation_id].opened.buyer_id
        return ConfirmReceipt, "operator" if chance < 0.95 else buyer, {"document": document, "received_kg": came}

    def _document(self) -> str:
        """Name a loading document that waits for its receipt, or now and then any."""
        shipments = dict(self.desk.state.money.shipments.items())
        waiting = [each for each, known in shipments.items() if not known.is_received]
        return str(self._one(waiting if self.draw.random() < 0.85 else shipments))

    def _fail(self) -> Made:
        if not self.open_deals():
            return self._end()
        unpaid = sorted(self._with_unpaid_fees())
        if unpaid and self.draw.random() < 0.5:
            return RefundObligation, "operator", {"obligation_id": self.draw.choice(unpaid), "reason": "void"}
        maker = self.draw.choice((*(random_money._fail,) * 5, random_money._refund))
        return maker(self, self._numbers())

    def _with_unpaid_fees(self) -> set[str]:
        """Name the open obligations of which a fee is still owed: a refund must strike what is owed of it."""
        owed = {debt.debt_id for _, debts in self.desk.state.money.debts.items() for debt in debts}
        names = [deal.opened.obligation_id for deal in self.open_deals()]
        return {name for name in names if owed & {f"{name}/buyer/fee", f"{name}/seller/fee"}}

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

    # --- The rest -----------------------------------------------------------------------------------------------

    def _instruments(self) -> Made:
        code, chance = self.name("i"), self.draw.random()
        known = sorted(name for name, _ in self.desk.state.market.instruments.items())
        if chance < 0.5:
            code = self.draw.choice(known) if chance < 0.04 else code
            fields = {"product": "LPG", "plant": "AT", "delivery_basis": "EXW", "delivery_region": "KZ-23"}
            fields["delivery_region"] = self.draw.choice(("KZ-23", "KZ-23", "KZ", "KZ-99"))
            carriage = "rail" if self.draw.random() < 0.9 else "truck"
            return ListInstrument, "operator", {"code": code, **fields, "carriage": carriage}
        if chance < 0.75:
            year = self.draw.choice((2022, *range(2023, 2032)))
            days = (f"{year}-01-{self.draw.choice(('03', '04', '32')) if year == 2022 else '02'}",)
            working = days if self.draw.random() < 0.05 else ()
            said = year if self.draw.random() < 0.95 else 2021
            declared: dict[str, Any] = {"year": said, "days": days, "working": working}
            return DeclareHolidays, "operator", {**declared, "source": "a decree"}
        listed = [each for each in known if each not in {REGIONAL, REPUBLICAN}]
        return DelistInstrument, "operator", {"code": self._one(listed), "reason": "nobody trades it"}

    def _watch(self) -> Made:
        waiting = [name for name, each in self.desk.state.watch.flags.items() if each.closed is None]
        if not waiting and self.draw.random() < 0.8:
            return self._submit()
        flag = self._one(waiting)
        reason = "\u200b" if flag.endswith("-1") else "looked at"
        return CloseFlag, "regulator", {"flag_id": flag, "finding": "explained", "reason": reason}


def _as_order(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "order_id": fields["order_id"],
        "place": fields["place"],
        "side": fields["side"],
        "price": fields["price_tenge_per_tonne"],
        "lots": fields["quantity_lots"],
        "session_id": fields["session_id"],
    }
