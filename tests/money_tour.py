"""A short life of a venue's money, in stages, that passes every rule: what planted bugs are looked for in."""

from collections.abc import Iterator
from typing import Any

from tests.money_samples import Money, owing_each_other
from tests.property.test_money_properties import broken_promises
from tests.trading_samples import bid, instrument, offer, over

from naryq import exchange
from naryq.messages import (
    AmendOrder,
    CancelOrder,
    CloseSession,
    DeclareAffiliation,
    Deposit,
    ListInstrument,
    OpenSession,
    PayObligation,
    SubmitOrder,
)


def tour() -> list[str]:
    """Take money through everything that can go right or wrong, and return what its watchers say."""
    found: list[str] = []
    for stage in STAGES:
        money = stage()
        found += money.desk.findings
        found += broken_promises(money.desk.state)
        if exchange.state_hash(money.desk.read_back()) != exchange.state_hash(money.desk.state):
            found.append("replay ends in another state")
        if found:
            return found
    return found


class Watched(Money):
    """A venue whose watchers are asked at the end."""

    def give(self, kind: Any, actor: str, /, **fields: Any) -> Any:
        return self.desk.give(kind, actor, **fields)


def _watched(**rules: Any) -> Money:
    money = Watched(**rules)
    for who, tenge in (("aktau", 40_000_000), ("dossor", 9_000_001), ("zhanaozen", 5_000_000), ("atyrau", 5_000_000)):
        money.deposit(who, tenge)
    money.session()
    return money


def _dealt(**rules: Any) -> Money:
    """Two sales and three purchases, of which one in part and one not at all; one order is taken back."""
    money = _watched(**rules)
    money.order("zhanaozen", "a sell ZH 90011 7")
    money.order("atyrau", "b sell AT 91003 3")
    money.order("aktau", "c buy KZ-47 99007 5")
    money.order("dossor", "d buy KZ-23 98001 4")
    money.order("aktau", "e buy KZ-47 97007 3")
    money.order("aktau", "f buy KZ-47 50000 1")
    money.order("dossor", "g buy KZ-23 60000 1")
    money.give(CancelOrder, "dossor", session_id="call", order_id="g")
    money.order("dossor", "poor buy KZ-23 900000 90")
    money.clear()
    return money


def _deals(money: Money) -> Iterator[Any]:
    return (deal for _, deal in sorted(money.desk.state.money.obligations.items()))


def _delivered() -> Money:
    money = _dealt()
    money.give(Deposit, "operator", participant_id="aktau", amount_tiyn=5, bank_reference="bank-1")
    for deal in list(_deals(money)):
        name, mass = deal.opened.obligation_id, deal.opened.mass_kg
        money.ship(name, f"early-{name}", mass, "2021-12-31")
        money.pay(name, deal.unpaid_tiyn // 100)
        money.give(PayObligation, "operator", obligation_id=name, amount_tiyn=1)
    money.on("2022-01-02")
    for deal in list(_deals(money)):
        name, mass = deal.opened.obligation_id, deal.opened.mass_kg
        money.ship(name, f"one-{name}", mass // 2 + 1, "2022-01-02")
        money.ship(name, f"one-{name}", 5, "2022-01-02")
        money.receive(f"one-{name}")
        money.receive(f"one-{name}")
        money.ship(name, f"two-{name}", mass // 2 - 101, "2022-01-02")
        money.receive(f"two-{name}")
    for who in ("aktau", "zhanaozen"):
        money.withdraw(who, money.holds(f"cash:{who}") // 100 + 1)
        money.withdraw(who, money.holds(f"cash:{who}") // 100)
    return money


def _in_pieces() -> Money:
    money = _dealt(
        lot=7,
        price_rule="lowest",
        prepayment_days=None,
        exchange_fee=37,
        exchange_fee_minimum=2_003,
        guarantee_share=333,
    )
    for number in range(7):
        for deal in list(_deals(money)):
            name = deal.opened.obligation_id
            if not deal.closing and deal.awaited_kg:
                money.ship(name, f"old-{number}-{name}", 1, "2021-12-30")
                money.ship(name, f"{number}-{name}", 1 + deal.awaited_kg // 3, "2021-12-31")
                money.receive(f"{number}-{name}")
                amount = max(1, deal.unpaid_tiyn // 2)
                money.give(PayObligation, "operator", obligation_id=name, amount_tiyn=amount)
    return money


def _buyer_fails() -> Money:
    money = _dealt(prepayment_days=None, loss_sharing="pro_rata", penalty_share=9_000)
    money.endow("guarantee_fund", 100_001)
    money.endow("insurance_fund", 50_003)
    for deal in list(_deals(money)):
        name = deal.opened.obligation_id
        money.ship(name, f"d-{name}", deal.opened.mass_kg // 3, "2021-12-31")
        money.fail(name, "buyer")
        money.receive(f"d-{name}")
    money.withdraw("aktau", money.holds("cash:aktau") // 100)
    money.on("2022-01-05")
    for deal in list(_deals(money)):
        money.fail(deal.opened.obligation_id, "buyer")
    money.on("2022-01-06")
    for deal in list(_deals(money)):
        money.fail(deal.opened.obligation_id, "buyer")
    money.deposit("aktau", 700_000)
    money.deposit("aktau", 90_000_000)
    return money


def _seller_fails() -> Money:
    money = _dealt(penalty_recipient="venue")
    for deal in list(_deals(money)):
        money.give(
            PayObligation,
            "operator",
            obligation_id=deal.opened.obligation_id,
            amount_tiyn=max(1, deal.unpaid_tiyn),
        )
    money.on("2022-02-10")
    for deal in list(_deals(money)):
        money.fail(deal.opened.obligation_id, "seller")
    money.on("2022-02-11")
    for deal in list(_deals(money)):
        money.fail(deal.opened.obligation_id, "seller")
    return money


def _fails_in_part() -> Money:
    """Parties that have performed a part; the funds hold more than they need to bear."""
    money = _dealt(prepayment_days=None)
    money.endow("guarantee_fund", 30_000_000)
    money.endow("insurance_fund", 30_000_000)
    first, second, third = (deal.opened.obligation_id for deal in _deals(money))
    money.pay(first, 1_000_003)
    for name in (first, second):
        money.ship(name, f"d-{name}", 30_001, "2021-12-31")
        money.receive(f"d-{name}")
    money.on("2022-01-06")
    money.fail(first, "buyer")
    for who in ("aktau", "dossor"):
        money.withdraw(who, money.holds(f"cash:{who}") // 100)
    money.fail(second, "buyer")
    money.on("2022-02-11")
    money.fail(third, "seller")
    return money


def _came_short() -> Money:
    """Documents that say more than came: a part came, nothing came, and nearly all came; then the sellers fail."""
    money = _dealt(weight_tolerance=10)
    for deal in list(_deals(money)):
        name = deal.opened.obligation_id
        money.give(PayObligation, "operator", obligation_id=name, amount_tiyn=max(1, deal.unpaid_tiyn))
    money.on("2022-01-02")
    for number, deal in enumerate(list(_deals(money))):
        name, mass = deal.opened.obligation_id, deal.opened.mass_kg
        money.ship(name, f"a-{name}", mass // 2, "2022-01-02")
        money.ship(name, f"b-{name}", mass - mass // 2 + 5, "2022-01-02")
        money.receive(f"a-{name}", deal.opened.buyer_id, mass // 3)
        money.receive(f"a-{name}", received_kg=mass)
        money.receive(f"a-{name}", received_kg=(mass // 3 + 1, 0, mass // 2)[number % 3])
        money.receive(f"b-{name}", received_kg=(0, mass // 7, mass - mass // 2 - 3)[number % 3])
    money.on("2022-02-11")
    for deal in list(_deals(money)):
        money.ship(deal.opened.obligation_id, f"late-{deal.opened.seller_id}", 1, "2022-02-10", deal.opened.seller_id)
        money.fail(deal.opened.obligation_id, "seller")
    return money


def _at_trade() -> Money:
    return _dealt(settlement=None)


def _undone() -> Money:
    money = _dealt(guarantee_share=0, exchange_fee=1_000)
    for deal in list(_deals(money)):
        money.give(PayObligation, "operator", obligation_id=deal.opened.obligation_id, amount_tiyn=777)
        money.undo(deal.opened.obligation_id)
    return money


def _continuous() -> Money:
    money = _watched()
    money.desk.must(ListInstrument, "operator", **instrument())
    fields = over("continuous", window="other")
    opened = money.desk.must(OpenSession, "operator", **fields)
    money.desk.at_ns = opened.opens_at_ns
    give = money.desk.give
    give(SubmitOrder, "zhanaozen", **offer("x", 90_000, 5))
    give(SubmitOrder, "aktau", **bid("y", 91_000, 2))
    give(AmendOrder, "zhanaozen", session_id="day", order_id="x", quantity_lots=2)
    give(AmendOrder, "zhanaozen", session_id="day", order_id="x", price_tenge_per_tonne=92_000)
    give(SubmitOrder, "dossor", **bid("z", 92_000, 1))
    give(SubmitOrder, "aktau", **bid("w", 80_000, 1))
    money.desk.at_ns = opened.closes_at_ns
    give(CloseSession, "operator", session_id="day")
    return money


def _two_pairs() -> tuple[Money, str, str]:
    """Two deals of four people, whose buyers have little: the one of aktau and zhanaozen, and that of the others."""
    money = Watched(prepayment_days=None, loss_sharing="pro_rata", penalty_share=9_000, guarantee_share=0)
    for who in ("aktau", "dossor", "zhanaozen", "atyrau"):
        money.deposit(who, 50_000)
    money.endow("guarantee_fund", 10_001)
    money.session()
    money.order("zhanaozen", "a sell ZH 100000 1")
    money.order("atyrau", "b sell AT 100000 3")
    money.order("aktau", "c buy KZ-47 102000 1")
    money.order("dossor", "d buy KZ-23 101000 3")
    money.clear()
    named = {deal.opened.buyer_id: deal.opened.obligation_id for deal in _deals(money)}
    return money, named["aktau"], named["dossor"]


def _related() -> Money:
    """A buyer fails towards a seller of its own group."""
    money, failing, _ = _two_pairs()
    pair = {"participant_id": "aktau", "affiliate_id": "zhanaozen"}
    money.give(DeclareAffiliation, "operator", **pair, evidence="one owner")
    money.on("2022-01-06")
    money.fail(failing, "buyer")
    return money


def _beside_a_void_deal() -> Money:
    """A buyer fails in a session of which the other deal is void."""
    money, failing, void = _two_pairs()
    money.undo(void)
    money.on("2022-01-06")
    money.fail(failing, "buyer")
    return money


def _in_a_circle() -> Money:
    """A tiyn comes to one of two who owe each other millions."""
    money = owing_each_other()
    money.desk.give(Deposit, "operator", participant_id="aktau", amount_tiyn=1, bank_reference="one")
    return money


STAGES = (
    *(_delivered, _in_pieces, _buyer_fails, _fails_in_part, _seller_fails, _came_short, _at_trade, _undone),
    *(_continuous, _related, _beside_a_void_deal, _in_a_circle),
)
