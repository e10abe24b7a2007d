"""A venue that settles against delivery, and its people with money: what the tests of money begin with."""

from typing import Any

from tests.venue_samples import Answer, Desk, founded, instant, opening, order, rulebook

from naryq.messages import (
    ClearSession,
    CloseSession,
    ConfirmReceipt,
    DeclareDefault,
    Deposit,
    EndowFund,
    OpenSession,
    PayObligation,
    RefundObligation,
    ReportShipment,
    SubmitOrder,
    Withdraw,
)

MONEY_RULES: dict[str, Any] = {
    "settlement": "against_delivery",
    "guarantee_share": 1_000,
    "exchange_fee": 10,
    "exchange_fee_minimum": 1_000,
    "payment_days": 5,
    "prepayment_days": 2,
    "delivery_days": 10,
    "weight_tolerance": 100,
    "penalty_share": 500,
}
"""A tenth is held, a thousandth is the fee, five days to pay, two before loading, a twentieth is the penalty."""
TENGE = 100
VALUE = 36_720_000
"""What ten tank cars cost in KZ-47 at 102,000 a tonne, in tenge."""


class Money:
    """A desk with short words for what people do about money."""

    def __init__(self, **rules: Any) -> None:
        chosen = {name: value for name, value in {**MONEY_RULES, **rules}.items() if value is not None}
        self.desk: Desk = founded(rulebook(**chosen))
        self.references = 0

    def give(self, kind: Any, actor: str, /, **fields: Any) -> Answer:
        """Send a command, which the auditor judges."""
        answer = self.desk.give(kind, actor, **fields)
        assert self.desk.findings == []
        return answer

    def must(self, kind: Any, actor: str, /, **fields: Any) -> tuple[Any, ...]:
        """Send a command that must be taken, and return its events."""
        answer = self.give(kind, actor, **fields)
        assert answer.code is None, answer.events[0]
        return answer.events

    def deposit(self, who: str, tenge: int) -> None:
        self.references += 1
        fields = {"amount_tiyn": tenge * TENGE, "bank_reference": f"bank-{self.references}"}
        self.must(Deposit, "operator", participant_id=who, **fields)

    def endow(self, fund: str, tenge: int) -> None:
        self.references += 1
        fields = {"amount_tiyn": tenge * TENGE, "bank_reference": f"bank-{self.references}"}
        self.must(EndowFund, "operator", fund=fund, **fields)

    def withdraw(self, who: str, tenge: int) -> Answer:
        self.references += 1
        fields = {"amount_tiyn": tenge * TENGE, "bank_reference": f"bank-{self.references}"}
        return self.give(Withdraw, "operator", participant_id=who, **fields)

    def session(self, session_id: str = "call", **changes: Any) -> None:
        """Open a session and wait for the first instant of its window."""
        (opened, *_) = self.must(OpenSession, "operator", **opening(session_id, **changes))
        self.desk.at_ns = max(self.desk.at_ns, opened.opens_at_ns)

    def order(self, who: str, words: str, session_id: str = "call") -> Answer:
        """Send an order: identifier, side, place, price, lots."""
        order_id, side, place, price, lots = words.split()
        fields = order(order_id, place, side, price=int(price), lots=int(lots), session_id=session_id)
        return self.give(SubmitOrder, who, **fields)

    def clear(self, session_id: str = "call") -> tuple[Any, ...]:
        """Close and clear a session."""
        self.desk.at_ns = max(self.desk.at_ns, self.desk.state.sessions[session_id].opened.closes_at_ns)
        self.must(CloseSession, "operator", session_id=session_id)
        return self.must(ClearSession, "operator", session_id=session_id)

    def on(self, day: str) -> None:
        """Wait until noon of a day."""
        self.desk.at_ns = instant("12:00", day)

    def pay(self, obligation_id: str, tenge: int, actor: str = "operator") -> Answer:
        return self.give(PayObligation, actor, obligation_id=obligation_id, amount_tiyn=tenge * TENGE)

    def ship(self, obligation_id: str, document: str, mass_kg: int, day: str, actor: str = "operator") -> Answer:
        fields = {"obligation_id": obligation_id, "document": document, "mass_kg": mass_kg, "loaded_on": day}
        return self.give(ReportShipment, actor, **fields)

    def receive(self, document: str, actor: str = "operator", received_kg: int | None = None) -> Answer:
        return self.give(ConfirmReceipt, actor, document=document, received_kg=received_kg)

    def fail(self, obligation_id: str, party: str) -> Answer:
        return self.give(DeclareDefault, "operator", obligation_id=obligation_id, party=party, reason="it failed")

    def undo(self, obligation_id: str) -> Answer:
        return self.give(RefundObligation, "operator", obligation_id=obligation_id, reason="the deal is void")

    def holds(self, account: str, unit: str = "tiyn") -> int:
        """Return what an account holds: tiyn or kilograms."""
        return sum(amount for key, amount in self.desk.state.balances.items() if key == (account, unit))

    def tenge(self, account: str) -> int:
        """Return what an account holds, which must be whole tenge."""
        whole, rest = divmod(self.holds(account), TENGE)
        assert not rest
        return whole


def agreed(**rules: Any) -> Money:
    """Return a venue with one deal: aktau buys 10 tank cars of zhanaozen at 100,000 and carriage 2,000 a tonne."""
    money = Money(**rules)
    money.deposit("aktau", 50_000_000)
    money.deposit("zhanaozen", 5_000_000)
    money.session()
    assert money.order("zhanaozen", "ask sell ZH 100000 10").code is None
    assert money.order("aktau", "bid buy KZ-47 102000 10").code is None
    money.clear()
    return money


def owing_each_other() -> Money:
    """Return a venue where the seller owes the buyer a penalty, and the buyer owes the seller the price."""
    money = Money(prepayment_days=None, penalty_share=10_000, guarantee_share=0, exchange_fee=None)
    money.deposit("aktau", 1_000)
    money.deposit("zhanaozen", 1_000)
    money.session()
    money.order("zhanaozen", "ask sell ZH 100000 10")
    money.order("aktau", "bid buy KZ-47 102000 10")
    money.clear()
    money.withdraw("aktau", money.tenge("cash:aktau"))
    money.withdraw("zhanaozen", money.tenge("cash:zhanaozen"))
    money.on("2022-02-11")
    money.ship("call/1", "RW-1", 180_000, "2022-02-11")
    money.receive("RW-1")
    money.fail("call/1", "seller")
    money.fail("call/1", "buyer")
    return money
