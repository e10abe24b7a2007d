"""Random commands about money from plain numbers: most of them sensible where the venue stands now, some not."""

from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NamedTuple

from tests.money_samples import MONEY_RULES, Money
from tests.trading_samples import REGIONAL, instrument
from tests.venue_samples import Answer, instant, opening, rulebook

from naryq.messages import (
    AdoptRulebook,
    AmendOrder,
    CancelOrder,
    ClearSession,
    CloseSession,
    ConfirmReceipt,
    DeclareAffiliation,
    DeclareDefault,
    DefaultCovered,
    Deposit,
    EndAffiliation,
    EndowFund,
    ListInstrument,
    ObligationClosed,
    ObligationOpened,
    OpenSession,
    PayObligation,
    ReceiptConfirmed,
    RefundObligation,
    Refused,
    ReinstateParticipant,
    ReportShipment,
    SubmitOrder,
    SuspendParticipant,
    Withdraw,
)

RULEBOOKS: tuple[dict[str, Any], ...] = (
    {},
    {"prepayment_days": None, "loss_sharing": "pro_rata", "penalty_share": 3_333, "lot": 7, "exchange_fee": 37},
    {"settlement": None, "guarantee_share": 333, "exchange_fee_minimum": 700},
    {"guarantee_share": None, "exchange_fee": 900, "penalty_recipient": "venue", "lot": 1_001},
    {
        "prepayment_days": None,
        "guarantee_share": 0,
        "weight_tolerance": 1_000,
        "exchange_fee_minimum": None,
        "loss_sharing": "pro_rata",
        "lot": 13,
    },
)
SELLERS, BUYERS = ("zhanaozen", "atyrau"), ("aktau", "dossor")
PEOPLE = (*SELLERS, *BUYERS)
ENOUGH_ORDERS = 7
FIRST_DAY = date(2021, 12, 31)


class Draw(NamedTuple):
    """The numbers that one command is made of."""

    kind: int
    a: int
    b: int
    c: int
    d: int


class World:
    """A venue, and what a random command needs to know to be sensible."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self.rules = rules
        self.money = Money(**rules)
        self.money.must(ListInstrument, "operator", **instrument())
        self.desk = self.money.desk
        for who, tenge in zip(PEOPLE, (9_000_000, 5_000_000, 20_000_000, 700_000), strict=True):
            self.money.deposit(who, tenge)
        self.day = FIRST_DAY
        self.count = 0
        self.seen: Counter[str] = Counter()

    def step(self, draw: Draw) -> Answer:
        """Send the command that the numbers say."""
        kind, actor, fields = _MAKERS[draw.kind % len(_MAKERS)](self, draw)
        answer = self.desk.give(kind, actor, **fields)
        self._see(kind, answer)
        return answer

    def _see(self, kind: Any, answer: Answer) -> None:
        self.seen[f"{kind.__name__} {answer.code or ''}".strip()] += 1
        for event in answer.events:
            if isinstance(event, DefaultCovered):
                self.seen[f"from {event.source.partition(' of ')[0]}"] += 1
            elif isinstance(event, ObligationClosed):
                self.seen[event.closing] += 1
            elif isinstance(event, ReceiptConfirmed):
                self.seen[{None: "all came", 0: "nothing came"}.get(event.received_kg, "part came")] += 1
            elif not isinstance(event, Refused):
                self.seen[type(event).__name__] += 1
                self.seen["partial fill"] += isinstance(event, ObligationOpened)

    def name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def pass_days(self, days: int) -> None:
        """Let days go by."""
        self.day += timedelta(days)
        self.desk.at_ns = max(self.desk.at_ns, instant("09:00", self.day.isoformat()))

    def sessions(self, *phases: str) -> list[str]:
        return [name for name, session in sorted(self.desk.state.sessions.items()) if session.phase in phases]

    def taking(self) -> list[str]:
        """Name the sessions whose window has not passed."""
        sessions = self.desk.state.sessions
        names = self.sessions("collecting", "continuous")
        return [name for name in names if self.desk.at_ns < sessions[name].opened.closes_at_ns]

    def open_deals(self) -> list[Any]:
        deals = [deal for _, deal in sorted(self.desk.state.money.obligations.items())]
        return [deal for deal in deals if not deal.closing]


Made = tuple[Any, str, dict[str, Any]]


def _deposit(world: World, draw: Draw) -> Made:
    amount = (1 + draw.a * draw.b, 10**9 + draw.a, 10**11)[draw.c % 3]
    reference = f"r{draw.d % 40}" if draw.d % 9 == 0 else world.name("r")
    fields = {"amount_tiyn": amount, "bank_reference": reference}
    return Deposit, "operator", {"participant_id": PEOPLE[draw.b % 4], **fields}


def _withdraw(world: World, draw: Draw) -> Made:
    who = PEOPLE[draw.b % 4]
    cash = world.money.holds(f"cash:{who}")
    amount = max(1, (cash, cash - draw.a, draw.a)[draw.c % 3] + (draw.d % 5 == 0))
    return Withdraw, "operator", {"participant_id": who, "amount_tiyn": amount, "bank_reference": world.name("r")}


def _endow(world: World, draw: Draw) -> Made:
    fund = ("guarantee_fund", "insurance_fund", "fund")[draw.a % 3]
    amount = 1 + (draw.b * draw.c if draw.d % 4 == 0 else draw.b % 1_000)
    return EndowFund, "operator", {"fund": fund, "amount_tiyn": amount, "bank_reference": world.name("r")}


def _open(world: World, draw: Draw) -> Made:
    world.pass_days(1)
    day = world.day.isoformat()
    fields = opening(world.name("s"), day=day, delivery_month=day[:7])
    if draw.a % 3 == 0:
        del fields["places"], fields["links"]
        fields |= {"kind": "continuous", "instrument": REGIONAL}
    return OpenSession, "operator", fields


def _order(world: World, draw: Draw) -> Made:
    collecting = world.taking()
    if not collecting:
        return _open(world, draw)
    session = world.desk.state.sessions[collecting[draw.d % len(collecting)]].opened
    world.desk.at_ns = max(world.desk.at_ns, session.opens_at_ns)
    side = ("sell", "buy")[draw.a % 2]
    place = {"sell": ("ZH", "AT"), "buy": ("KZ-47", "KZ-23")}[side][draw.b % 2]
    price = (90_000 if side == "sell" else 92_000) + draw.b % 7 * 1_000 if draw.c % 9 else draw.c % 300_000
    fields: dict[str, Any] = {
        "session_id": session.session_id,
        "order_id": world.name("o"),
        "place": place,
        "side": side,
    }
    fields |= {"price_tenge_per_tonne": price, "quantity_lots": 1 + draw.c % 5}
    if session.instrument is not None:
        fields |= {"place": REGIONAL, "delivery": "KZ-47" if side == "buy" else None}
        fields |= {"time_in_force": ("session", "immediate_or_cancel", "fill_or_kill")[draw.d % 5 % 3]}
    return SubmitOrder, (SELLERS if side == "sell" else BUYERS)[draw.d % 2], fields


def _standing(world: World, draw: Draw, *phases: str) -> Any:
    orders = [
        order for name in world.sessions(*phases) for _, order in sorted(world.desk.state.sessions[name].orders.items())
    ]
    return orders[draw.a % len(orders)] if orders else None


def _cancel(world: World, draw: Draw) -> Made:
    order = _standing(world, draw, "collecting", "continuous")
    if order is None:
        return _deposit(world, draw)
    return CancelOrder, order.participant_id, {"session_id": order.session_id, "order_id": order.order_id}


def _amend(world: World, draw: Draw) -> Made:
    order = _standing(world, draw, "continuous")
    if order is None:
        return _order(world, draw)
    changes: dict[str, Any] = {"quantity_lots": 1 + draw.b % 5}
    changes |= {"price_tenge_per_tonne": 88_000 + draw.c % 9 * 1_000} if draw.d % 2 else {}
    return AmendOrder, order.participant_id, {"session_id": order.session_id, "order_id": order.order_id, **changes}


def _end(world: World, draw: Draw) -> Made:
    """Take a session one phase further, once it has orders."""
    for name in world.sessions("closed"):
        if world.desk.state.sessions[name].opened.kind == "network":
            return ClearSession, "operator", {"session_id": name}
    standing = world.sessions("collecting", "continuous")
    waits = bool(standing) and standing[0] in world.taking()
    if not standing or (waits and len(world.desk.state.sessions[standing[0]].orders) < ENOUGH_ORDERS and draw.c % 6):
        return _order(world, draw)
    opened = world.desk.state.sessions[standing[0]].opened
    world.desk.at_ns = max(world.desk.at_ns, opened.closes_at_ns)
    return CloseSession, "operator", {"session_id": standing[0]}


def _deal(world: World, draw: Draw) -> Any:
    deals = world.open_deals()
    return deals[draw.a % len(deals)] if deals else None


def _pay(world: World, draw: Draw) -> Made:
    deal = _deal(world, draw)
    if deal is None:
        return _end(world, draw)
    amount = (deal.unpaid_tiyn, 1 + draw.b * draw.c % max(1, deal.unpaid_tiyn), deal.unpaid_tiyn // 2)[draw.d % 3]
    actor = (deal.opened.buyer_id, "operator", BUYERS[draw.b % 2])[draw.c % 3]
    return PayObligation, actor, {"obligation_id": deal.opened.obligation_id, "amount_tiyn": max(1, amount)}


def _ship(world: World, draw: Draw) -> Made:
    deal = _deal(world, draw)
    if deal is None:
        return _end(world, draw)
    if draw.b % 3 == 0:
        world.pass_days(draw.b % 4)
    whole = deal.opened.mass_kg
    mass = (deal.awaited_kg, whole // 3, deal.awaited_kg - whole // 150, 1 + draw.c % (2 * whole))[draw.d % 4]
    loaded_on = world.day if draw.c % 11 else FIRST_DAY + timedelta(draw.d % 3)
    fields = {"obligation_id": deal.opened.obligation_id, "mass_kg": max(1, mass), "loaded_on": loaded_on.isoformat()}
    known = sorted(name for name, _ in world.desk.state.money.shipments.items())
    document = known[draw.c % len(known)] if known and draw.c % 7 == 0 else world.name("d")
    return ReportShipment, (deal.opened.seller_id, "operator")[draw.b % 2], {**fields, "document": document}


def _receive(world: World, draw: Draw) -> Made:
    waiting = [name for name, known in sorted(world.desk.state.money.shipments.items()) if not known.is_received]
    if not waiting and draw.d % 5:
        return _ship(world, draw)
    if not waiting:
        return ConfirmReceipt, "operator", {"document": "none"}
    document = waiting[draw.a % len(waiting)]
    reported = world.desk.state.money.shipments[document].reported
    deal = world.desk.state.money.obligations[reported.obligation_id].opened
    actor = ("operator", "operator", "operator", deal.buyer_id, BUYERS[draw.c % 2])[draw.b % 5]
    return ConfirmReceipt, actor, {"document": document, "received_kg": what_came(draw, reported.mass_kg)}


def what_came(draw: Draw, loaded_kg: int) -> int | None:
    """Return how much to confirm: mostly all, else a part of it, nothing, a little less, or more than was loaded."""
    if draw.c % 3:
        return None
    short = (draw.d % (loaded_kg + 1), 0, loaded_kg, loaded_kg - 1, loaded_kg - loaded_kg // 200, loaded_kg + 1)
    return short[draw.d % len(short)]


def _fail(world: World, draw: Draw) -> Made:
    deal = _deal(world, draw)
    if deal is None:
        return _endow(world, draw)
    party = ("buyer", "seller")[draw.b % 3 // 2]
    who = deal.opened.buyer_id if party == "buyer" else deal.opened.seller_id
    free = world.money.holds(f"cash:{who}") + world.money.holds(f"owed:{who}")
    if draw.d % 2 and free > 0:  # Whoever means to fail takes its money away first.
        fields = {"participant_id": who, "amount_tiyn": free, "bank_reference": world.name("r")}
        return Withdraw, "operator", fields
    if draw.c % 2:
        world.pass_days(draw.c % 60)
    fields = {"obligation_id": deal.opened.obligation_id, "party": party, "reason": "failed"}
    return DeclareDefault, "operator", fields


def _refund(world: World, draw: Draw) -> Made:
    deal = _deal(world, draw)
    name = "none/1" if deal is None else deal.opened.obligation_id
    return RefundObligation, "operator", {"obligation_id": name, "reason": "void"}


def _relate(_: World, draw: Draw) -> Made:
    """Let a seller and a buyer belong together from now on, or no longer."""
    pair = {"participant_id": SELLERS[draw.a % 2], "affiliate_id": BUYERS[draw.b % 2]}
    kind = DeclareAffiliation if draw.c % 2 else EndAffiliation
    return kind, "operator", {**pair, "evidence": "a contract"}


def _rule(world: World, draw: Draw) -> Made:
    """Let other shares hold from now on: what is held already, and what was agreed, stays by those of its time."""
    changes = {
        "guarantee_share": (None, 0, 333, 1_000, 10_000)[draw.a % 5],
        "exchange_fee": (None, 0, 37, 900)[draw.b % 4],
        "exchange_fee_minimum": (None, 700, 50_000_001)[draw.c % 3],
        "settlement": "against_delivery" if draw.d % 7 else None,
    }
    chosen = {name: value for name, value in {**MONEY_RULES, **world.rules, **changes}.items() if value is not None}
    return AdoptRulebook, "regulator", {"rulebook": rulebook(**chosen)}


def _absence(world: World, draw: Draw) -> Made:
    """Suspend somebody, or let whoever is suspended act again: what is owed stays owed, and money stays somebody's."""
    absent = sorted(name for name, _ in world.desk.state.people.absences.items())
    if absent and draw.a % 3:
        return ReinstateParticipant, "operator", {"participant_id": absent[draw.b % len(absent)], "reason": "heard"}
    until = world.day + timedelta(draw.c % 3)
    fields = {"participant_id": PEOPLE[draw.b % 4], "reason": "late", "until": until.isoformat()}
    return SuspendParticipant, "operator", fields


_MAKERS: tuple[Callable[[World, Draw], Made], ...] = (
    *(_deposit,) * 4,
    _withdraw,
    _withdraw,
    _endow,
    *(_order,) * 14,
    _cancel,
    *(_amend,) * 2,
    *(_end,) * 6,
    *(_pay,) * 4,
    *(_ship,) * 5,
    *(_receive,) * 5,
    *(_fail,) * 4,
    _refund,
    *(_relate,) * 2,
    _rule,
    _absence,
)

__all__ = ["MONEY_RULES", "RULEBOOKS", "Draw", "World"]
