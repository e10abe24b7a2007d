"""Money and deliveries, step by step: what each command does to whose account, and what it refuses."""

from typing import Any

import pytest
from tests.money_samples import MONEY_RULES, VALUE, Money, agreed, owing_each_other
from tests.trading_samples import bid, instrument, offer, over, phase
from tests.venue_samples import rulebook

from naryq import exchange
from naryq.exchange.debts import owe
from naryq.exchange.money import _grant
from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt
from naryq.ledger import accounts
from naryq.messages import (
    AdoptRulebook,
    AmendOrder,
    CancelOrder,
    ClaimDecided,
    ClearSession,
    CloseSession,
    Code,
    DeclareAffiliation,
    Deposit,
    ExcludeParticipant,
    ListInstrument,
    OpenSession,
    OrderSecured,
    SessionCleared,
    StandardTerms,
    SubmitOrder,
    SuspendParticipant,
)

# --- In and out -------------------------------------------------------------------------------------------------


def test_a_bank_reference_counts_once() -> None:
    """The same line of a bank statement is booked once, whoever it is for."""
    money = Money()
    fields = {"amount_tiyn": 500, "bank_reference": "MT940-1"}
    money.must(Deposit, "operator", participant_id="aktau", **fields)
    answer = money.give(Deposit, "operator", participant_id="dossor", **fields)
    assert answer.code == Code.ALREADY_EXISTS
    assert (money.holds("cash:aktau"), money.holds("cash:dossor"), money.holds("bank")) == (500, 0, -500)


def test_only_free_money_is_withdrawn() -> None:
    """What is held for an order stays; the rest may go, to the last tiyn."""
    money = Money()
    money.deposit("aktau", 1_000_000)
    money.session()
    assert money.order("aktau", "bid buy KZ-47 100000 1").code is None
    assert money.tenge("held:aktau") == 360_000 + 3_600
    assert money.withdraw("aktau", 636_401).code == Code.INSUFFICIENT_FUNDS
    assert money.withdraw("aktau", 636_400).code is None
    assert money.holds("cash:aktau") == 0


def test_money_is_somebodys() -> None:
    """Nobody pays in for whom the venue does not know."""
    answer = Money().give(Deposit, "operator", participant_id="ghost", amount_tiyn=1, bank_reference="r")
    assert answer.code == Code.UNKNOWN_PARTICIPANT


# --- Guarantees -------------------------------------------------------------------------------------------------


def test_an_order_without_money_is_refused_and_told_what_is_missing() -> None:
    """The refusal names the missing amount, and paying it in is enough."""
    money = Money()
    money.deposit("aktau", 360_000)
    money.session()
    answer = money.order("aktau", "bid buy KZ-47 100000 1")
    assert answer.code == Code.INSUFFICIENT_GUARANTEE
    assert "3 600.00" in answer.events[0].remedy  # type: ignore[union-attr]  # a refusal has a remedy
    money.deposit("aktau", 3_600)
    assert money.order("aktau", "bid buy KZ-47 100000 1").code is None


def test_money_is_the_last_check() -> None:
    """An order that is wrong in another way is refused for that way, though there is no money either."""
    money = Money()
    money.session()
    assert money.order("aktau", "bid buy KZ-99 100000 1").code == Code.UNKNOWN_PLACE


def test_a_sale_is_judged_by_the_reference_where_it_is_higher() -> None:
    """Nobody offers for nothing to pay no guarantee."""
    money = agreed()
    money.deposit("atyrau", 5_000_000)
    money.session("second", window="other")
    (secured,) = (e for e in money.order("atyrau", "low sell AT 0 1", "second").events if isinstance(e, OrderSecured))
    assert secured.basis_tenge_per_tonne == 100_000
    assert money.tenge("held:atyrau") == 360_000 + 3_600


@pytest.mark.parametrize("rules", [{"settlement": None}, {}], ids=["at the trade", "against delivery"])
def test_what_does_not_trade_is_free_again(rules: dict[str, None]) -> None:
    """A cancelled order and one that finds nobody leave nothing held."""
    money = Money(**rules)
    money.deposit("aktau", 2_000_000)
    money.session()
    money.order("aktau", "one buy KZ-47 100000 1")
    money.order("aktau", "two buy KZ-47 90000 2")
    money.must(CancelOrder, "aktau", session_id="call", order_id="one")
    assert money.tenge("held:aktau") == 648_000 + 6_480
    money.clear()
    assert (money.holds("held:aktau"), money.tenge("cash:aktau")) == (0, 2_000_000)


def test_without_the_rules_nothing_is_held_or_charged() -> None:
    """As things were: no guarantee, no fee, and a session settles as it is cleared."""
    rules = ("settlement", "guarantee_share", "exchange_fee", "exchange_fee_minimum")
    money = Money(**dict.fromkeys(rules))
    money.session()
    assert len(money.order("zhanaozen", "ask sell ZH 100000 10").events) == 1
    assert len(money.order("aktau", "bid buy KZ-47 102000 10").events) == 1
    cleared, booked, _ = money.clear()
    assert isinstance(cleared, SessionCleared)
    assert booked.reason == "settlement of call"
    assert money.tenge("participant:aktau") == -VALUE


def test_the_fee_at_the_trade_comes_from_what_was_held_for_it() -> None:
    """Settled at once, both sides pay their fee and have their guarantees back."""
    money = agreed(settlement="at_trade")
    assert money.tenge("fees") == 36_720 + 36_000
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720
    assert money.tenge("participant:aktau") == -VALUE
    assert money.holds("held:aktau") == money.holds("held:zhanaozen") == 0


def test_an_auction_opens_with_its_initiators_guarantee() -> None:
    """Whoever calls an auction is held for its own order, and without the money there is no auction."""
    money = Money()
    money.must(ListInstrument, "operator", **instrument())
    terms = StandardTerms("zhanaozen", "seller", "up", "sealed", "uniform", 10, 80_000)
    fields = over("standard", standard=terms)
    assert money.give(OpenSession, "operator", **fields).code == Code.INSUFFICIENT_GUARANTEE
    money.deposit("zhanaozen", 2_880_000 + 28_800)
    assert money.give(OpenSession, "operator", **fields).code is None
    assert money.tenge("held:zhanaozen") == 2_880_000 + 28_800
    assert phase(money.desk, "cancelled").code is None
    assert money.holds("held:zhanaozen") == 0


def test_a_trade_over_an_instrument_opens_an_obligation() -> None:
    """One order that fills in two pieces has two deals; the guarantee of both is that of the whole."""
    money = Money()
    for who in ("aktau", "zhanaozen"):
        money.deposit(who, 5_000_000)
    money.must(ListInstrument, "operator", **instrument())
    (opened, *_) = money.must(OpenSession, "operator", **over("continuous"))
    money.desk.at_ns = opened.opens_at_ns
    money.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 3))
    money.must(SubmitOrder, "aktau", **bid("one", 90_000, 1))
    money.must(SubmitOrder, "aktau", **bid("two", 91_000, 2))
    deals = [deal for _, deal in sorted(money.desk.state.money.obligations.items())]
    assert [(deal.opened.lots, deal.opened.product) for deal in deals] == [(1, "LPG"), (2, "LPG")]
    assert sum(deal.seller_guarantee_tiyn for deal in deals) == 972_000_00
    assert money.holds("undelivered:aktau#LPG", "kg") == 108_000
    assert money.tenge("fees") == 2 * 9_720


# --- Default ----------------------------------------------------------------------------------------------------


def test_a_party_fails_after_its_deadline_only() -> None:
    """On the last day it is not due; on the next it is."""
    money = agreed()
    money.on("2022-01-05")
    assert money.fail("call/1", "buyer").code == Code.NOT_DUE
    money.on("2022-01-06")
    assert money.fail("call/1", "buyer").code is None
    assert money.fail("call/1", "buyer").code == Code.WRONG_PHASE


def test_the_penalty_comes_from_the_guarantee_and_goes_to_the_injured() -> None:
    """A buyer who never pays loses a twentieth of the value to the seller, and the deal is over."""
    money = agreed()
    money.on("2022-01-06")
    money.fail("call/1", "buyer")
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - VALUE // 20
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + VALUE // 20
    assert money.holds("lapsed:aktau#lpg", "kg") == 360_000
    assert money.holds("held:aktau") == money.holds("held:zhanaozen") == 0


def test_the_penalty_goes_to_the_venue_where_the_rule_says_so() -> None:
    """Then it stands on the account of penalties."""
    money = agreed(penalty_recipient="venue")
    money.on("2022-01-06")
    money.fail("call/1", "buyer")
    assert money.tenge("penalties") == VALUE // 20


def test_a_seller_who_loads_half_pays_for_the_other_half() -> None:
    """The buyer has its money for the rest back, and the penalty is on the rest alone."""
    money = agreed()
    money.pay("call/1", VALUE)
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 180_000, "2022-01-04")
    assert money.fail("call/1", "seller").code == Code.NOT_DUE
    money.receive("RW-1")
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code is None
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - VALUE // 2 + 18_000_000 // 20
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + 18_000_000 - 18_000_000 // 20


def test_a_seller_need_not_load_what_is_not_prepaid() -> None:
    """Where the buyer has not paid, the seller has not failed."""
    money = agreed()
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code == Code.NOT_DUE


def test_a_party_fails_once() -> None:
    """A seller who failed to load the rest is not declared again while the buyer owes for the first half."""
    money = agreed(prepayment_days=None)
    money.ship("call/1", "RW-1", 180_000, "2021-12-31")
    money.receive("RW-1")
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code is None
    own = money.tenge("cash:zhanaozen") + money.tenge("held:zhanaozen")
    assert own == 5_000_000 - 36_000 - 18_000_000 // 20
    assert money.fail("call/1", "seller").code == Code.NOT_DUE
    assert own == money.tenge("cash:zhanaozen") + money.tenge("held:zhanaozen")
    assert money.fail("call/1", "buyer").code is None
    assert money.tenge("cash:zhanaozen") == own + 18_000_000 + VALUE // 40


def test_without_a_day_to_pay_nobody_fails_to_pay() -> None:
    """Where no rule sets the day, the buyer is never in default; the seller may be, and paying is taken at any time."""
    money = agreed(payment_days=None, prepayment_days=None)
    money.on("2022-02-11")
    answer = money.fail("call/1", "buyer")
    assert answer.code == Code.NOT_DUE
    assert "payment_days" in answer.events[0].remedy  # type: ignore[union-attr]  # a refusal has a remedy
    assert money.pay("call/1", VALUE).code is None
    assert money.fail("call/1", "seller").code is None
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 + 36_000_000 // 20


def test_a_deal_for_which_nothing_is_held_is_performed_like_any_other() -> None:
    """Without guarantees and fees no order holds money, and what was agreed is paid, delivered and settled."""
    money = agreed(guarantee_share=None, exchange_fee=None, exchange_fee_minimum=None)
    assert len(money.desk.state.money.holds) == 0
    assert money.pay("call/1", VALUE).code is None
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 360_000, "2022-01-04")
    assert money.receive("RW-1").code is None
    assert (money.tenge("cash:aktau"), money.tenge("cash:zhanaozen")) == (50_000_000 - VALUE, 41_000_000)
    assert money.tenge("carrier") == 720_000


def test_the_waterfall_in_its_order() -> None:
    """Guarantee, own money, guarantee fund, insurance fund; the rest is owed to whom it is due, seller first."""
    money = agreed(prepayment_days=None, penalty_share=None)
    money.endow("guarantee_fund", 100_000)
    money.endow("insurance_fund", 50_000)
    money.ship("call/1", "RW-1", 300_000, "2021-12-31")
    money.receive("RW-1")
    money.withdraw("aktau", 46_000_000)
    own = money.tenge("held:aktau") + money.tenge("cash:aktau")
    money.on("2022-01-06")
    events = money.fail("call/1", "buyer").events
    sources = [event.source for event in events if hasattr(event, "source")]
    assert sources == ["guarantee", "free money", "guarantee fund", "insurance fund"]
    due = 30_600_000 - own - 150_000
    assert money.tenge("owed:aktau") == -(due + 150_000)
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + own + 150_000 - 0
    assert money.holds("carrier") == 0


def test_new_money_pays_debts_first() -> None:
    """Funds, seller and carrier have all that they bore or missed, in the order of the debts, before it is free."""
    money = agreed(prepayment_days=None)
    money.endow("guarantee_fund", 100_000)
    money.ship("call/1", "RW-1", 300_000, "2021-12-31")
    money.receive("RW-1")
    money.withdraw("aktau", 46_000_000)
    money.on("2022-01-06")
    money.fail("call/1", "buyer")
    owed = -money.tenge("owed:aktau")
    money.deposit("aktau", 60_000)
    assert (money.tenge("guarantee_fund"), money.tenge("owed:aktau")) == (60_000, 60_000 - owed)
    money.deposit("aktau", 100_000_000)
    assert (money.tenge("guarantee_fund"), money.holds("owed:aktau")) == (100_000, 0)
    assert money.tenge("carrier") == 600_000
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + 30_000_000 + VALUE // 20


def sharing_a_loss() -> Money:
    """Return a session of two deals whose others bear what a defaulter leaves open."""
    money = Money(prepayment_days=None, loss_sharing="pro_rata", penalty_share=10_000, guarantee_share=0)
    for who, tenge in (("aktau", 50_000), ("dossor", 800_000), ("zhanaozen", 50_000), ("atyrau", 1_000_000)):
        money.deposit(who, tenge)
    money.session()
    money.order("zhanaozen", "ask-1 sell ZH 100000 1")
    money.order("atyrau", "ask-2 sell AT 100000 3")
    money.order("aktau", "bid-1 buy KZ-47 102000 1")
    money.order("dossor", "bid-2 buy KZ-23 101000 3")
    money.clear()
    return money


def test_a_loss_is_shared_pro_rata_where_the_rule_says_so() -> None:
    """All others of the session bear it by their kilograms, as far as their money goes."""
    money = sharing_a_loss()
    mine = next(o for o in money.desk.state.money.obligations.values() if o.opened.buyer_id == "aktau")
    money.on("2022-01-06")
    before = {who: money.tenge(f"cash:{who}") for who in ("aktau", "dossor", "atyrau")}
    money.fail(mine.opened.obligation_id, "buyer")
    lost = 3_672_000 - before["aktau"]
    shared = sum(before[who] - money.tenge(f"cash:{who}") for who in ("dossor", "atyrau"))
    assert money.tenge("cash:dossor") == 0
    assert shared == before["dossor"] + before["atyrau"] - money.tenge("cash:atyrau")
    assert -money.tenge("owed:aktau") == lost


def test_debts_in_a_circle_are_set_off() -> None:
    """A tiyn between two who owe each other millions does not go round: the smaller debt is gone, and it pays on."""
    money = owing_each_other()
    owed = {who: -money.holds(f"owed:{who}") for who in ("aktau", "zhanaozen")}
    assert owed == {"aktau": 2 * 1_836_000_000, "zhanaozen": 1_800_000_000}
    fields = {"participant_id": "aktau", "amount_tiyn": 1, "bank_reference": "one"}
    assert len(money.must(Deposit, "operator", **fields)) < 10
    assert money.holds("owed:zhanaozen") == 0
    assert -money.holds("owed:aktau") == owed["aktau"] - owed["zhanaozen"] - 1
    assert money.holds("carrier") == 1


@pytest.mark.parametrize("related", [False, True], ids=["apart", "together"])
def test_no_fund_pays_those_who_belong_together(*, related: bool) -> None:
    """Where buyer and seller are affiliates, the failure of one of them costs nobody but themselves."""
    money = agreed(prepayment_days=None, loss_sharing="pro_rata")
    money.endow("guarantee_fund", 3_000_000)
    money.endow("insurance_fund", 2_000_000)
    if related:
        money.must(
            DeclareAffiliation, "operator", participant_id="aktau", affiliate_id="zhanaozen", evidence="one owner"
        )
    money.ship("call/1", "RW-1", 360_000, "2021-12-31")
    money.receive("RW-1")
    money.withdraw("aktau", money.tenge("cash:aktau"))
    money.on("2022-01-06")
    before = money.tenge("cash:zhanaozen")
    money.fail("call/1", "buyer")
    guarantee = VALUE // 10
    assert money.tenge("cash:zhanaozen") - before == guarantee + (0 if related else 5_000_000)
    assert (money.tenge("guarantee_fund"), money.tenge("insurance_fund")) == (
        (3_000_000, 2_000_000) if related else (0, 0)
    )


def test_a_void_deal_bears_no_loss() -> None:
    """Who dealt in the session only in a deal that was undone shares no loss of it."""
    money = sharing_a_loss()
    deals = {deal.opened.buyer_id: deal.opened.obligation_id for deal in money.desk.state.money.obligations.values()}
    money.undo(deals["dossor"])
    money.on("2022-01-06")
    before = [money.tenge(f"cash:{who}") for who in ("dossor", "atyrau")]
    money.fail(deals["aktau"], "buyer")
    assert [money.tenge(f"cash:{who}") for who in ("dossor", "atyrau")] == before


# --- Rules that change, people who may not act ------------------------------------------------------------------


def continuous(**rules: Any) -> Money:
    """Return a venue with an order of each of two sellers and money, in a session over an instrument."""
    money = Money(**rules)
    for who in ("aktau", "zhanaozen"):
        money.deposit(who, 10_000_000)
    money.must(ListInstrument, "operator", **instrument())
    (opened, *_) = money.must(OpenSession, "operator", **over("continuous"))
    money.desk.at_ns = opened.opens_at_ns
    return money


def test_an_order_is_held_and_freed_by_the_shares_of_its_time() -> None:
    """A share that rises or falls after an order came changes neither what its deals free nor its fee."""
    money = continuous()
    money.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 3))
    money.must(AdoptRulebook, "regulator", rulebook=rulebook(**{**MONEY_RULES, "guarantee_share": 9_000}))
    money.must(SubmitOrder, "aktau", **bid("one", 90_000, 1))
    assert money.tenge("held:zhanaozen") == 972_000 + 6_480
    rules = {name: value for name, value in MONEY_RULES.items() if not name.startswith(("guarantee", "exchange"))}
    money.must(AdoptRulebook, "regulator", rulebook=rulebook(**rules))
    money.must(SubmitOrder, "aktau", **bid("two", 90_000, 2))
    assert [deal.seller_guarantee_tiyn for _, deal in sorted(money.desk.state.money.obligations.items())] == [
        324_000_00,
        648_000_00,
    ]
    assert [deal.buyer_guarantee_tiyn for _, deal in sorted(money.desk.state.money.obligations.items())] == [
        2_916_000_00,
        0,
    ]
    assert money.tenge("held:zhanaozen") == 972_000
    assert money.tenge("fees") == 3 * 3_240 + 3_240


def test_an_order_that_loses_its_place_is_held_for_by_the_new_shares() -> None:
    """A smaller order keeps its share; another price is judged anew, and refused where the money is not there."""
    money = continuous()
    money.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 3))
    money.must(AdoptRulebook, "regulator", rulebook=rulebook(**{**MONEY_RULES, "guarantee_share": 10_000}))
    named = {"session_id": "day", "order_id": "ask"}
    money.must(AmendOrder, "zhanaozen", **named, quantity_lots=2)
    assert money.tenge("held:zhanaozen") == 648_000 + 6_480
    money.withdraw("zhanaozen", 4_000_000)
    assert (
        money.give(AmendOrder, "zhanaozen", **named, price_tenge_per_tonne=95_000).code == Code.INSUFFICIENT_GUARANTEE
    )
    assert money.tenge("held:zhanaozen") == 648_000 + 6_480
    money.deposit("zhanaozen", 4_000_000)
    money.must(AmendOrder, "zhanaozen", **named, price_tenge_per_tonne=95_000)
    assert money.tenge("held:zhanaozen") == 6_840_000 + 6_840
    money.must(CancelOrder, "zhanaozen", **named)
    assert (money.holds("held:zhanaozen"), money.tenge("cash:zhanaozen")) == (0, 10_000_000)


@pytest.mark.parametrize(("kind", "fields"), [(SuspendParticipant, {"until": None}), (ExcludeParticipant, {})])
def test_who_may_not_act_still_owes_and_is_owed(kind: type, fields: dict[str, None]) -> None:
    """Its orders leave and are free, its deal stays held for; it pays, confirms and is paid like everybody."""
    money = agreed()
    money.session("second", window="other")
    assert money.order("aktau", "more buy KZ-47 90000 1", "second").code is None
    assert money.tenge("held:aktau") == 3_672_000 + 324_000 + 3_240
    money.must(kind, "regulator", participant_id="aktau", reason="late", **fields)
    assert money.tenge("held:aktau") == 3_672_000
    assert money.order("aktau", "again buy KZ-47 90000 1", "second").code in {Code.SUSPENDED, Code.EXCLUDED}
    assert money.pay("call/1", VALUE, "aktau").code is None
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 180_000, "2022-01-04")
    assert money.receive("RW-1", "aktau").code is None
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code is None
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - VALUE // 2 + 18_000_000 // 20
    assert money.withdraw("aktau", money.tenge("cash:aktau")).code is None


def test_a_session_that_closed_before_a_suspension_still_binds() -> None:
    """What was bid is cleared: nobody gets out of a deal by being suspended between the close and the clearing."""
    money = Money()
    for who in ("aktau", "zhanaozen"):
        money.deposit(who, 50_000_000)
    money.session()
    money.order("zhanaozen", "ask sell ZH 100000 10")
    money.order("aktau", "bid buy KZ-47 102000 10")
    money.desk.at_ns = money.desk.state.sessions["call"].opened.closes_at_ns
    money.must(CloseSession, "operator", session_id="call")
    money.must(SuspendParticipant, "regulator", participant_id="aktau", reason="late", until=None)
    money.must(ClearSession, "operator", session_id="call")
    assert (money.tenge("held:aktau"), money.tenge("payable:aktau")) == (3_672_000, -VALUE)


# --- Undone -----------------------------------------------------------------------------------------------------


def test_a_void_deal_is_undone_to_the_last_tiyn() -> None:
    """After the refund every account is what it was before the session, the fees included."""
    money = agreed()
    money.pay("call/1", 5_000_000)
    assert money.undo("call/1").code is None
    rest = {key: amount for key, amount in money.desk.state.balances.items() if amount}
    assert rest == {
        ("bank", "tiyn"): -5_500_000_000,
        ("cash:aktau", "tiyn"): 5_000_000_000,
        ("cash:zhanaozen", "tiyn"): 500_000_000,
    }
    assert money.undo("call/1").code == Code.WRONG_PHASE


def test_a_void_deal_gives_back_its_own_fee_alone() -> None:
    """Where the deal that paid the minimum is void the sound one costs what it was charged; at the end all is back."""
    money = continuous(exchange_fee_minimum=100_000_00)
    money.must(SubmitOrder, "zhanaozen", **offer("ask", 90_000, 3))
    for name in ("one", "two", "three"):
        money.must(SubmitOrder, "aktau", **bid(name, 90_000, 1))
        if name == "two":
            money.undo("day/1")
            money.undo("day/2")
    deals = [deal for _, deal in sorted(money.desk.state.money.obligations.items())]
    assert [deal.opened.seller_fee_tiyn for deal in deals] == [100_000_00, 0, 0]
    assert [deal.opened.buyer_fee_tiyn for deal in deals] == [100_000_00] * 3
    assert money.tenge("fees") == 100_000
    money.undo("day/3")
    assert money.holds("fees") == 0
    assert [money.tenge(f"cash:{who}") for who in ("aktau", "zhanaozen")] == [10_000_000] * 2


def test_what_is_loaded_is_not_undone() -> None:
    """Gas does not flow back into the plant by a booking."""
    money = agreed(prepayment_days=None)
    money.ship("call/1", "RW-1", 36_000, "2021-12-31")
    assert money.undo("call/1").code == Code.WRONG_PHASE


def test_a_fee_that_is_not_covered_is_owed_and_paid_from_the_proceeds() -> None:
    """A sale that clears far above its limit owes its fee until money comes."""
    money = Money(guarantee_share=0, exchange_fee=1_000, exchange_fee_minimum=None)
    money.deposit("aktau", 50_000_000)
    money.session()
    money.order("zhanaozen", "ask sell ZH 0 1")
    money.order("aktau", "bid buy KZ-47 202000 1")
    money.clear()
    assert money.tenge("owed:zhanaozen") < 0
    money.pay("call/1", int(-money.tenge("payable:aktau")))
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 36_000, "2022-01-04")
    money.receive("RW-1")
    assert money.holds("owed:zhanaozen") == 0
    assert money.holds("cash:zhanaozen") > 0


def test_terms_stay_as_they_were_at_the_opening() -> None:
    """A rulebook that is adopted later does not change what was agreed."""
    money = agreed()
    changed = rulebook("harsh", **{**MONEY_RULES, "payment_days": 0, "penalty_share": 10_000})
    money.must(AdoptRulebook, "regulator", rulebook=changed)
    money.on("2022-01-05")
    assert money.fail("call/1", "buyer").code == Code.NOT_DUE


def test_the_journal_leads_to_the_same_state() -> None:
    """Written and read back, all of it gives the same hash."""
    money = agreed()
    money.pay("call/1", VALUE)
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 36_000, "2022-01-04")
    money.receive("RW-1")
    money.on("2022-02-11")
    money.fail("call/1", "seller")
    assert exchange.state_hash(money.desk.read_back()) == exchange.state_hash(money.desk.state)


def test_a_granted_claim_is_paid_by_the_fund_and_pays_debts_first() -> None:
    """What the regulator grants a seller comes from the fund of the reform, and what the seller owes goes from it."""
    money = Money()
    money.endow("fund", 1_000)
    owed = Debt("a debt", accounts.GUARANTEE_FUND, 30_000)
    steps = Steps(money.desk.state)
    owe(steps, "zhanaozen", owed, "a test")
    for event in _grant(steps.state, ClaimDecided("claim", "zhanaozen", 90_000, "below cost", 0)):
        steps.add(event)
    balances = {account: amount for (account, _), amount in steps.state.balances.items()}
    assert balances["fund"] == 10_000
    assert balances["cash:zhanaozen"] == 60_000
    assert balances["guarantee_fund"] == 30_000
    assert balances["owed:zhanaozen"] == 0
