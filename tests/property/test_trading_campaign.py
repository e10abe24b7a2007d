"""Random days over instruments, all kinds of sessions and commands mixed, under the eyes of the auditor."""

import random
from collections import Counter
from functools import cache
from typing import Any

import pytest
from tests.trading_samples import REGIONAL, REPUBLICAN, SERIES, over, venue
from tests.venue_samples import Desk, opening, order, rulebook

from naryq import exchange
from naryq.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ChangePhase,
    ClearSession,
    CloseSession,
    DeclareAffiliation,
    EndAffiliation,
    NextRound,
    OpenSession,
    PublishSession,
    Refused,
    ResumeTrading,
    ScheduleSessions,
    StandardTerms,
    StopTrading,
    SubmitOrder,
    SuspendParticipant,
)

SEEDS = range(30)
COMMANDS = 260
PEOPLE = ("zhanaozen", "atyrau", "aktau", "dossor")
KINDS = ("call", "continuous", "continuous", "standard", "network")
PHASES = ("announced", "collecting", "call", "continuous", "continuous", "halted", "cancelled")
RULES: dict[str, Any] = {
    "who_may_sell": ("seller", "buyer"),
    "who_may_buy": ("seller", "buyer"),
    "who_may_stop": ("regulator",),
    "market_orders": "taken",
    "collar_rise": 3_000,
    "collar_fall": 3_000,
    "reference_minimum_lots": 3,
}


class Campaign:
    """A desk, a source of chance, and what was sent and how it was answered."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        rules = {**RULES, "self_trade": self.draw.choice(("allow", "cancel_newest", "cancel_resting", "cancel_both"))}
        self.desk: Desk = venue(rulebook(**rules))
        self.sent = Counter[str]()
        self.names = 0

    def play(self) -> "Campaign":
        """Send one command after another, and let the clock run."""
        for _ in range(COMMANDS):
            if self.desk.findings:
                break
            kind, actor, fields = getattr(self, f"_{self.draw.choice(MOVES)}")()
            answer = self.desk.give(kind, actor, **fields)
            first = answer.events[0]
            self.sent[f"{kind.__name__} {first.code if isinstance(first, Refused) else ''}".strip()] += 1
            for event in answer.events:
                self.sent[type(event).__name__] += 1
            self.desk.at_ns += self.draw.choice((0, 1, 10**9, 240 * 10**9))
        return self

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def session(self) -> exchange.Session | None:
        """Return a session, mostly one that is not over."""
        sessions = [each for _, each in sorted(self.desk.state.sessions.items())]
        going = [each for each in sessions if each.phase not in {"published", "cancelled"}]
        chosen = going if going and self.draw.random() < 0.9 else sessions
        return self.draw.choice(chosen) if chosen else None

    def within(self, session: exchange.Session) -> None:
        """Let the window of a session begin, most of the time."""
        if self.draw.random() < 0.9:
            self.desk.at_ns = max(self.desk.at_ns, session.opened.opens_at_ns)

    def _open(self) -> tuple[Any, str, dict[str, Any]]:
        kind, name, window = self.draw.choice(KINDS), self.name(), self.draw.choice(("plan", "other"))
        day = self.draw.choice(("2021-12-31", "2022-01-03", "2022-01-04"))
        if kind == "network":
            return OpenSession, "operator", opening(name, day=day, window=window)
        changes: dict[str, Any] = {"day": day, "window": window}
        if kind == "standard":
            changes["standard"] = self._terms()
        if kind == "continuous":
            changes["opening_call"] = self.draw.random() < 0.5
        return OpenSession, "operator", over(kind, name, **changes)

    def _terms(self) -> StandardTerms:
        initiator, direction = self.draw.choice(
            (("seller", "up"), ("seller", "down"), ("buyer", "down"), ("buyer", "up"))
        )
        form, payment = self.draw.choice(("open", "sealed")), self.draw.choice(("uniform", "pay_as_bid"))
        reserve = {"up": 93_000, "down": 87_000}[direction] if (initiator, direction) in AWAY else None
        who = "zhanaozen" if initiator == "seller" else "aktau"
        return StandardTerms(who, initiator, direction, form, payment, 6, 90_000, 1_000, reserve)  # type: ignore[arg-type]

    def _submit(self) -> tuple[Any, str, dict[str, Any]]:
        session, who, side = self.session(), self.draw.choice(PEOPLE), self.draw.choice(("buy", "sell"))
        if session is None:
            return self._open()
        self.within(session)
        opened, price, lots = session.opened, 86_000 + 1_000 * self.draw.randint(0, 8), self.draw.randint(1, 6)
        place = self.draw.choice(opened.places).place
        fields = order(self.name(), place, side, price=price, lots=lots, session_id=opened.session_id)
        if opened.kind == "network":
            return SubmitOrder, who, fields
        changes: dict[str, Any] = {"delivery": self.draw.choice(("KZ-47", "KZ-47", "KZ-47", "KZ-23"))}
        if opened.kind == "continuous":
            changes["time_in_force"] = self.draw.choice(("session", "session", "immediate_or_cancel", "fill_or_kill"))
            changes["post_only"] = self.draw.random() < 0.1
            changes["order_type"] = self.draw.choice(("limit", "limit", "limit", "market"))
        return SubmitOrder, who, {**fields, **changes}

    def _known(self) -> tuple[str, dict[str, Any]]:
        session = self.session()
        orders = exchange.ordered(session.orders) if session is not None else ()
        if session is None or not orders:
            return "aktau", {"session_id": "none" if session is None else session.opened.session_id, "order_id": "none"}
        chosen = self.draw.choice(orders)
        owner = chosen.participant_id if self.draw.random() < 0.9 else "dossor"
        return owner, {"session_id": chosen.session_id, "order_id": chosen.order_id}

    def _amend(self) -> tuple[Any, str, dict[str, Any]]:
        who, fields = self._known()
        price = self.draw.choice((None, 86_000 + 1_000 * self.draw.randint(0, 8)))
        return (
            AmendOrder,
            who,
            {**fields, "price_tenge_per_tonne": price, "quantity_lots": self.draw.choice((None, 1, 4))},
        )

    def _cancel(self) -> tuple[Any, str, dict[str, Any]]:
        who, fields = self._known()
        return CancelOrder, who, fields

    def _cancel_all(self) -> tuple[Any, str, dict[str, Any]]:
        who = self.draw.choice(PEOPLE)
        return self.draw.choice(((CancelAll, who, {}), (CancelAll, "operator", {"participant_id": who})))

    def _phase(self) -> tuple[Any, str, dict[str, Any]]:
        session = self.session()
        if session is None:
            return self._open()
        self.within(session)
        fields = {"session_id": session.opened.session_id, "phase": self.draw.choice(PHASES), "reason": "chance"}
        return ChangePhase, "operator", fields

    def _end(self) -> tuple[Any, str, dict[str, Any]]:
        session = self.session()
        if session is None:
            return self._open()
        if session.phase not in {"closed", "cleared"}:
            self.desk.at_ns = max(self.desk.at_ns, session.opened.closes_at_ns)
        due = {"closed": (ClearSession, PublishSession), "cleared": (PublishSession,)}.get(
            session.phase, (CloseSession,)
        )
        return self.draw.choice(due), "operator", {"session_id": session.opened.session_id}

    def _round(self) -> tuple[Any, str, dict[str, Any]]:
        session = self.session()
        return NextRound, "operator", {"session_id": "none" if session is None else session.opened.session_id}

    def _stop(self) -> tuple[Any, str, dict[str, Any]]:
        scope, target = self.draw.choice((("region", "KZ-47"), ("participant", "aktau"), ("instrument", REGIONAL)))
        kind = self.draw.choice((StopTrading, ResumeTrading, ResumeTrading))
        return kind, "regulator", {"scope": scope, "target": target, "reason": "chance"}

    def _people(self) -> tuple[Any, str, dict[str, Any]]:
        pair = {"participant_id": "aktau", "affiliate_id": self.draw.choice(("dossor", "atyrau"))}
        if self.draw.random() < 0.1:
            return SuspendParticipant, "operator", {"participant_id": "atyrau", "reason": "chance"}
        if self.draw.random() < 0.5:
            return EndAffiliation, "operator", {**pair, "evidence": "chance"}
        return DeclareAffiliation, "operator", {**pair, "evidence": "chance"}

    def _series(self) -> tuple[Any, str, dict[str, Any]]:
        fields = {
            **SERIES,
            "series_id": self.name(),
            "fallback_instrument": REPUBLICAN,
            "base_price_tenge_per_tonne": 90_000,
        }
        return ScheduleSessions, "operator", {**fields, "first_day": "2022-01-03"}


AWAY = (("seller", "down"), ("buyer", "up"))
MOVES = (
    *("submit",) * 40,
    *("amend",) * 5,
    *("cancel",) * 2,
    "cancel_all",
    *("phase",) * 6,
    *("end",) * 4,
    *("round",) * 4,
    *("open",) * 3,
    "stop",
    "people",
    "series",
)


@cache
def campaign(seed: int) -> Campaign:
    return Campaign(seed).play()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_days_leave_nothing_to_find(seed: int) -> None:
    """The auditor finds nothing wrong in any answer, and the rows, or a snapshot, lead to the same state."""
    played = campaign(seed)
    assert played.desk.findings == []
    told = exchange.state_hash(played.desk.state)
    assert exchange.state_hash(played.desk.read_back()) == told
    assert exchange.state_hash(exchange.restored(exchange.snapshot(played.desk.state))) == told


SIGHTS = """
    Traded; OrderAmended; OrderExpired; RoundCalled; SessionEnded; SessionPublished; SessionsScheduled; PhaseChanged
    SubmitOrder outside_region; SubmitOrder wrong_phase; SubmitOrder not_supported; SubmitOrder outside_window
    AmendOrder unknown_order; AmendOrder not_permitted; ChangePhase wrong_phase; ClearSession; NextRound; CancelAll
    TradingStopped; SubmitOrder trading_stopped
"""


@pytest.mark.parametrize(
    "sight", [each.strip() for line in SIGHTS.split("\n") for each in line.split(";") if each.strip()]
)
def test_the_days_have_met(sight: str) -> None:
    """The random days have met what they are there to meet."""
    assert sum(campaign(seed).sent[sight] for seed in SEEDS)
