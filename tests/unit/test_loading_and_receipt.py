"""A delivery, step by step: paid, loaded, received in whole or in part, and settled; and what each step refuses."""

import pytest
from tests.money_samples import VALUE, Money, agreed

from naryq.messages import Code, ReceiptConfirmed

# --- A delivery -------------------------------------------------------------------------------------------------


def test_a_deal_opens_an_obligation_towards_the_clearing_house() -> None:
    """Payable, receivable and kilograms stand, the guarantees stay held, and the fees are taken."""
    money = agreed()
    assert money.tenge("payable:aktau") == -VALUE
    assert money.tenge("receivable:zhanaozen") == 36_000_000
    assert money.holds("undelivered:aktau#lpg", "kg") == 360_000
    assert (money.tenge("held:aktau"), money.tenge("held:zhanaozen")) == (3_672_000, 3_600_000)
    assert money.tenge("fees") == 36_720 + 36_000


def test_a_delivery_is_paid_loaded_received_and_settled() -> None:
    """The whole way of ten tank cars, the last of them 100 kg light within the tolerance."""
    money = agreed()
    assert money.pay("call/1", VALUE, "aktau").code is None
    assert (money.tenge("clearing"), money.holds("held:aktau")) == (VALUE, 0)
    money.on("2022-01-04")
    for number in range(10):
        mass_kg = 36_000 if number < 9 else 35_900
        assert money.ship("call/1", f"RW-{number}", mass_kg, "2022-01-03", "zhanaozen").code is None
        assert money.receive(f"RW-{number}", "aktau").code is None
    assert money.holds("delivered:aktau#lpg", "kg") == 359_900
    assert money.holds("lapsed:aktau#lpg", "kg") == 100
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + 35_990_000
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - 36_709_800
    assert money.tenge("carrier") == 719_800
    assert money.desk.state.money.obligations["call/1"].closing == "performed"
    assert [money.holds(account) for account in ("clearing", "commitments", "payable:aktau")] == [0, 0, 0]


def test_a_part_is_settled_pro_rata() -> None:
    """One received tank car of ten pays a tenth and frees a tenth of the seller's guarantee."""
    money = agreed()
    money.pay("call/1", VALUE)
    money.on("2022-01-04")
    money.ship("call/1", "RW-1", 36_000, "2022-01-04")
    money.receive("RW-1")
    assert money.tenge("clearing") == VALUE * 9 // 10
    assert money.tenge("held:zhanaozen") == 3_240_000


def test_a_payment_may_use_the_guarantee_that_it_frees() -> None:
    """With all of the value held, the buyer pays out of what is held."""
    money = agreed()
    assert money.withdraw("aktau", 50_000_000 - 36_720 - VALUE).code is None
    assert money.tenge("cash:aktau") == VALUE - 3_672_000
    assert money.pay("call/1", VALUE).code is None
    assert money.tenge("clearing") == VALUE


def test_nothing_is_loaded_before_it_is_prepaid() -> None:
    """The whole price must be in two days before the loading day."""
    money = agreed()
    money.on("2022-01-04")
    assert money.ship("call/1", "RW-1", 36_000, "2022-01-04").code == Code.NOT_PAID
    money.pay("call/1", VALUE - 1)
    assert money.ship("call/1", "RW-1", 36_000, "2022-01-04").code == Code.NOT_PAID
    money.pay("call/1", 1)
    assert money.ship("call/1", "RW-1", 36_000, "2022-01-04").code == Code.NOT_PAID
    money.on("2022-01-06")
    assert money.ship("call/1", "RW-1", 36_000, "2022-01-06").code is None


def test_a_document_counts_once() -> None:
    """Neither loading nor receipt is taken a second time under one document, under whatever obligation."""
    money = agreed(prepayment_days=None)
    assert money.ship("call/1", "RW-1", 36_000, "2021-12-31").code is None
    assert money.ship("call/1", "RW-1", 36_000, "2021-12-31").code == Code.ALREADY_EXISTS
    assert money.receive("RW-1").code is None
    assert money.receive("RW-1").code == Code.ALREADY_EXISTS
    assert money.receive("RW-2").code == Code.UNKNOWN_OBLIGATION
    assert money.holds("delivered:zhanaozen#lpg", "kg") == -36_000


def test_too_much_is_not_loaded() -> None:
    """Up to the tolerance more may be loaded and is not counted; beyond it the report is refused."""
    money = agreed(prepayment_days=None)
    assert money.ship("call/1", "RW-1", 363_601, "2021-12-31").code == Code.OUT_OF_RANGE
    (reported,) = money.ship("call/1", "RW-1", 363_600, "2021-12-31").events
    assert reported.counted_kg == 360_000  # type: ignore[union-attr]  # a shipment counts kilograms


@pytest.mark.parametrize("day", ["2022-01-01", "2021-02-30", "2021-12-30", "1999-01-01"])
def test_loading_is_on_a_day_from_the_deal_to_today(day: str) -> None:
    """A day to come, one that no calendar has, and one on which the deal was not made yet are refused."""
    money = agreed(prepayment_days=None)
    answer = money.ship("call/1", "RW-1", 36_000, day)
    assert (answer.code, answer.events[0].where) == (Code.OUT_OF_RANGE, "loaded_on")  # type: ignore[union-attr]  # a refusal
    assert money.ship("call/1", "RW-1", 36_000, "2021-12-31").code is None


def test_after_the_last_day_only_the_operator_reports_a_loading() -> None:
    """A seller puts off its default no longer by one document after another; what it did load is still taken."""
    money = agreed(prepayment_days=None)
    money.on("2022-02-10")
    assert money.ship("call/1", "RW-1", 1, "2022-02-10", "zhanaozen").code is None
    money.on("2022-02-11")
    assert money.receive("RW-1", received_kg=0).code is None
    assert money.ship("call/1", "RW-2", 1, "2022-02-10", "zhanaozen").code == Code.NOT_PERMITTED
    assert money.ship("call/1", "RW-2", 180_000, "2022-02-10").code is None
    assert money.receive("RW-2").code is None
    assert money.fail("call/1", "seller").code is None


def test_gas_that_is_received_first_is_settled_when_it_is_paid() -> None:
    """Without prepayment the seller waits for the buyer's money, and has it the moment it comes."""
    money = agreed(prepayment_days=None)
    money.ship("call/1", "RW-1", 36_000, "2021-12-31")
    money.receive("RW-1")
    before = money.tenge("cash:zhanaozen")
    money.pay("call/1", 3_671_999)
    assert money.tenge("cash:zhanaozen") == before
    money.pay("call/1", 1)
    assert money.tenge("cash:zhanaozen") == before + 3_600_000


def test_only_the_parties_and_the_operator_act() -> None:
    """Another buyer does not pay or confirm, another seller does not load."""
    money = agreed(prepayment_days=None)
    assert money.pay("call/1", 5, "dossor").code == Code.NOT_PERMITTED
    assert money.ship("call/1", "RW-1", 36_000, "2021-12-31", "atyrau").code == Code.NOT_PERMITTED
    money.ship("call/1", "RW-1", 36_000, "2021-12-31")
    assert money.receive("RW-1", "dossor").code == Code.NOT_PERMITTED


def test_no_more_is_paid_than_is_due_or_there() -> None:
    """The refusals name the unpaid and the missing amount."""
    money = agreed()
    assert money.pay("call/2", 1).code == Code.UNKNOWN_OBLIGATION
    assert money.pay("call/1", VALUE + 1).code == Code.OUT_OF_RANGE
    money.withdraw("aktau", 46_000_000)
    assert money.pay("call/1", VALUE).code == Code.INSUFFICIENT_FUNDS


# --- Less came than was loaded ----------------------------------------------------------------------------------


def paid_and_loaded(mass_kg: int) -> Money:
    """Return a venue with one deal of 360 t that is prepaid, and a loading document that says so many kilograms."""
    money = agreed()
    money.pay("call/1", VALUE)
    money.on("2022-01-04")
    assert money.ship("call/1", "RW-1", mass_kg, "2022-01-04", "zhanaozen").code is None
    return money


def test_what_came_is_settled_and_the_rest_is_awaited_again() -> None:
    """Of 20 t on paper 12 t came: 12 t are paid for, and the missing 8 t can still be loaded and settled."""
    money = paid_and_loaded(20_000)
    (confirmed, *_) = money.receive("RW-1", received_kg=12_000).events
    assert isinstance(confirmed, ReceiptConfirmed)
    assert (confirmed.counted_kg, confirmed.received_kg) == (12_000, 12_000)
    deal = money.desk.state.money.obligations["call/1"]
    assert (deal.pending_kg, deal.delivered_kg, deal.settled_kg, deal.awaited_kg) == (0, 12_000, 12_000, 348_000)
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 - 3_600_000 + 1_200_000 + 120_000
    assert money.holds("delivered:aktau#lpg", "kg") == 12_000
    assert money.ship("call/1", "RW-2", 348_000, "2022-01-04").code is None
    assert money.receive("RW-2", "aktau").code is None
    assert money.desk.state.money.obligations["call/1"].closing == "performed"
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + 36_000_000


@pytest.mark.parametrize("came", [0, 120_000])
def test_a_seller_whose_document_is_false_is_in_default(came: int) -> None:
    """The document says 360 t: what did not come lapses, the payment for it goes back, and the penalty is due."""
    money = paid_and_loaded(360_000)
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code == Code.NOT_DUE
    assert money.receive("RW-1", received_kg=came).code is None
    assert money.fail("call/1", "seller").code is None
    missing = 360_000 - came
    penalty = missing * 100 // 20
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - came * 102 + penalty
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + came * 100 - penalty
    assert money.holds("lapsed:aktau#lpg", "kg") == missing
    accounts_of_the_deal = ("clearing", "commitments", "payable:aktau", "receivable:zhanaozen", "held:zhanaozen")
    assert [money.holds(account) for account in accounts_of_the_deal] == [0] * 5
    for unit in ("tiyn", "kg"):
        assert sum(amount for key, amount in money.desk.state.balances.items() if key[1] == unit) == 0
    deal = money.desk.state.money.obligations["call/1"]
    assert (deal.closing, deal.failed, deal.paid_tiyn) == ("defaulted", ("seller",), came * 102 * 100)


def test_the_funds_bear_a_false_document_like_any_default() -> None:
    """A seller who has nothing left owes the funds what they paid the buyer for it."""
    money = agreed(penalty_share=10_000)
    money.endow("guarantee_fund", 1_000_000)
    money.pay("call/1", VALUE)
    money.on("2022-02-11")
    money.ship("call/1", "RW-1", 360_000, "2022-02-11")
    money.withdraw("zhanaozen", money.tenge("cash:zhanaozen"))
    money.receive("RW-1", received_kg=0)
    events = money.fail("call/1", "seller").events
    assert [event.source for event in events if hasattr(event, "source")] == ["guarantee", "guarantee fund"]
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 + 3_600_000 + 1_000_000
    assert money.tenge("owed:zhanaozen") == -(36_000_000 - 3_600_000)


def test_a_buyer_pays_only_for_what_came() -> None:
    """Without prepayment the buyer of a short delivery owes for what came, and fails for that and no more."""
    money = agreed(prepayment_days=None, payment_days=0, penalty_share=None)
    money.ship("call/1", "RW-1", 360_000, "2021-12-31")
    money.receive("RW-1", received_kg=100_000)
    money.on("2022-02-11")
    assert money.fail("call/1", "seller").code is None
    assert money.fail("call/1", "buyer").code is None
    assert money.tenge("cash:aktau") == 50_000_000 - 36_720 - 10_200_000
    assert money.tenge("cash:zhanaozen") == 5_000_000 - 36_000 + 10_000_000


def test_a_deal_of_which_nothing_came_can_be_undone() -> None:
    """A document that stood for nothing does not keep a void deal from going back to the last tiyn."""
    money = paid_and_loaded(360_000)
    assert money.undo("call/1").code == Code.WRONG_PHASE
    money.receive("RW-1", received_kg=0)
    assert money.undo("call/1").code is None
    assert (money.tenge("cash:aktau"), money.tenge("cash:zhanaozen")) == (50_000_000, 5_000_000)


def test_a_small_rest_of_a_receipt_lapses() -> None:
    """What is missing within the tolerance is not awaited again, whether it was not loaded or did not come."""
    money = paid_and_loaded(360_000)
    money.receive("RW-1", received_kg=356_400)
    assert money.desk.state.money.obligations["call/1"].closing == "performed"
    assert money.holds("lapsed:aktau#lpg", "kg") == 3_600


def test_what_is_loaded_beyond_the_deal_is_missing_first() -> None:
    """Of a document that says more than is awaited, what came counts up to what was awaited."""
    money = paid_and_loaded(363_000)
    (confirmed, *_) = money.receive("RW-1", received_kg=361_000).events
    assert isinstance(confirmed, ReceiptConfirmed)
    assert (confirmed.counted_kg, confirmed.received_kg) == (360_000, 361_000)
    assert money.desk.state.money.obligations["call/1"].closing == "performed"


def test_only_the_operator_says_that_less_came() -> None:
    """The buyer confirms all or nothing, nobody confirms more than was loaded, and a refusal leaves all as it was."""
    money = paid_and_loaded(20_000)
    before = money.desk.state.money
    short = money.receive("RW-1", "aktau", received_kg=19_999)
    assert (short.code, short.events[0].where) == (Code.NOT_PERMITTED, "received_kg")  # type: ignore[union-attr]  # a refusal
    assert "inspection act" in short.events[0].remedy  # type: ignore[union-attr]  # a refusal has a remedy
    more = money.receive("RW-1", received_kg=20_001)
    assert (more.code, more.events[0].where) == (Code.OUT_OF_RANGE, "received_kg")  # type: ignore[union-attr]  # a refusal
    assert money.receive("RW-1", "dossor", received_kg=20_000).code == Code.NOT_PERMITTED
    assert money.desk.state.money == before
    (confirmed, *_) = money.receive("RW-1", "aktau", received_kg=20_000).events
    assert isinstance(confirmed, ReceiptConfirmed)
    assert (confirmed.counted_kg, confirmed.received_kg) == (20_000, None)
    assert money.receive("RW-1", received_kg=1).code == Code.ALREADY_EXISTS
