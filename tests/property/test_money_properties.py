"""Whatever is done with money: sums are zero, nothing held is below zero, what is held covers, and gas adds up."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from struct import unpack
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.naive_deals import worth
from tests.random_money import RULEBOOKS, Draw, World

from naryq import exchange
from naryq.exchange import State
from naryq.ledger import pairing
from naryq.messages import Flow

FIXED = settings(
    derandomize=True,
    max_examples=200,
    phases=[Phase.generate],  # What fails is a long script, and shrinking one takes minutes.
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
STEPS = 70
BYTES_PER_STEP = 2 * len(Draw._fields)
scripts = st.binary(min_size=STEPS * BYTES_PER_STEP, max_size=STEPS * BYTES_PER_STEP)
met: Counter[str] = Counter()


# --- The promises -----------------------------------------------------------------------------------------------


def broken_promises(state: State) -> Iterator[str]:
    """Say which of the venue's promises about money do not hold in a state."""
    yield from _sums(state)
    yield from _registers(state)
    yield from _exposures(state)
    yield from _volumes(state)
    yield from _standing(state)


def _standing(state: State) -> Iterator[str]:
    """Something is held for every order that stands and for no other, and nobody who owes has money in hand."""
    standing = {
        order.order_id
        for session in state.sessions.values()
        if session.phase not in ("cleared", "published", "cancelled")
        for order in session.orders.values()
    }
    for name in sorted(set(state.money.holds) - standing):
        yield f"money is held for order {name}, which has left"
    for who in state.money.debts:
        if state.balances.get((f"cash:{who}", "tiyn"), 0):
            yield f"{who} owes, and has money in hand"


def _sums(state: State) -> Iterator[str]:
    """I1: all accounts sum to zero in each unit, and so does each pair of what is agreed and what is owed."""
    kinds: defaultdict[tuple[str, str], int] = defaultdict(int)
    for (account, unit), amount in state.balances.items():
        kinds[account.partition(":")[0], unit] += amount
        if amount < 0 and account.startswith(("held:", "cash:", "clearing", "guarantee_fund", "insurance_fund")):
            yield f"{account} is below zero"
    for unit in ("tiyn", "kg"):
        if sum(amount for (_, of), amount in kinds.items() if of == unit):
            yield f"{unit} were made or lost"
    if kinds["payable", "tiyn"] + kinds["receivable", "tiyn"] + kinds["commitments", "tiyn"]:
        yield "commitments are not the other side of payables and receivables"
    if kinds["owed", "tiyn"] + kinds["debts", "tiyn"]:
        yield "debts are not the other side of what is owed"


def _registers(state: State) -> Iterator[str]:
    """What is known of each order, deal and debt explains the accounts to the last tiyn."""
    wanted: defaultdict[str, int] = defaultdict(int)
    for hold in state.money.holds.values():
        wanted[f"held:{hold.participant_id}"] += hold.guarantee_tiyn + hold.reserve_tiyn
    for deal in state.money.obligations.values():
        wanted[f"held:{deal.opened.buyer_id}"] += deal.buyer_guarantee_tiyn
        wanted[f"held:{deal.opened.seller_id}"] += deal.seller_guarantee_tiyn
        if not deal.closing:
            price = deal.opened.buy_price_tenge_per_tonne
            wanted["clearing"] += deal.paid_tiyn - worth(price, deal.settled_kg)
            wanted[f"payable:{deal.opened.buyer_id}"] -= worth(price, deal.due_kg) - deal.paid_tiyn
    for who, debts in state.money.debts.items():
        wanted[f"owed:{who}"] -= sum(debt.amount_tiyn for debt in debts)
    kinds = ("held:", "clearing", "payable:", "owed:")
    found = {account: amount for (account, _), amount in state.balances.items() if account.startswith(kinds) and amount}
    if found != {account: amount for account, amount in wanted.items() if amount}:
        yield f"the accounts are {found}, where {dict(wanted)} is known"


def _exposures(state: State) -> Iterator[str]:
    """I7: no order stands, and no obligation, for which less is held than its share of what is still open."""
    for name, hold in state.money.holds.items():
        value = worth(hold.basis_tenge_per_tonne, hold.lots * hold.lot_kg)
        if hold.guarantee_tiyn < ceil(Fraction(value * hold.guarantee_basis_points, 10_000)):
            yield f"too little is held for order {name}"
    for name, deal in state.money.obligations.items():
        if deal.closing or deal.failed:
            continue
        rest = Fraction(deal.due_kg - deal.delivered_kg, deal.opened.mass_kg)
        if deal.seller_guarantee_tiyn < ceil(deal.opened.seller_guarantee_tiyn * rest):
            yield f"too little is held for the seller of {name}"
        whole = worth(deal.opened.buy_price_tenge_per_tonne, deal.opened.mass_kg)
        unpaid = Fraction(deal.unpaid_tiyn, whole) if whole else Fraction(0)
        if deal.buyer_guarantee_tiyn < ceil(deal.opened.buyer_guarantee_tiyn * unpaid):
            yield f"too little is held for the buyer of {name}"


def _volumes(state: State) -> Iterator[str]:
    """I2: what was bought is what was sold, and is delivered, still to come, or lapsed."""
    wanted: defaultdict[str, int] = defaultdict(int)
    for name, deal in state.money.obligations.items():
        if deal.closing == "refunded":
            continue
        coming = deal.awaited_kg + deal.pending_kg
        if deal.delivered_kg + coming + deal.lapsed_kg != deal.opened.mass_kg:
            yield f"the kilograms of {name} do not add up"
        parts = {"delivered": deal.delivered_kg, "undelivered": coming, "lapsed": deal.lapsed_kg}
        for kind, mass_kg in parts.items():
            wanted[f"{kind}:{deal.opened.buyer_id}#{deal.opened.product}"] += mass_kg
            wanted[f"{kind}:{deal.opened.seller_id}#{deal.opened.product}"] -= mass_kg
    found = {
        account: amount
        for (account, unit), amount in state.balances.items()
        if unit == "kg" and "#" in account and amount
    }
    if found != {account: amount for account, amount in wanted.items() if amount}:
        yield "the accounts of gas are not those of the deals"


def campaign() -> Counter[str]:
    if not met:
        test_random_money_keeps_every_promise()
    return met


@FIXED
@given(st.sampled_from(RULEBOOKS), scripts)
def test_random_money_keeps_every_promise(rules: dict[str, Any], script: bytes) -> None:
    """After every command the naive ledger agrees and all promises hold, and the journal leads to the same state."""
    world = World(rules)
    for start in range(0, len(script), BYTES_PER_STEP):
        answer = world.step(Draw(*unpack(">5H", script[start : start + BYTES_PER_STEP])))
        assert answer.findings == []
        assert list(broken_promises(world.desk.state)) == []
    met.update(world.seen)
    assert exchange.state_hash(world.desk.read_back()) == exchange.state_hash(world.desk.state)


SIGHTS = """
    Deposit; Deposit already_exists; Withdraw; Withdraw insufficient_funds; EndowFund
    SubmitOrder; SubmitOrder insufficient_guarantee; CancelOrder; AmendOrder; OrderSecured; OrderReleased; FeeCharged
    ObligationOpened; PayObligation; PayObligation insufficient_funds; PayObligation not_permitted
    ReportShipment; ReportShipment already_exists; ReportShipment not_paid; ReportShipment out_of_range
    ConfirmReceipt; ConfirmReceipt unknown_obligation; ObligationSettled; ObligationLapsed; Traded
    ConfirmReceipt not_permitted; ConfirmReceipt out_of_range; all came; part came; nothing came
    DeclareAffiliation; EndAffiliation; RulebookAdopted; ParticipantSuspended; ParticipantReinstated
    SubmitOrder suspended
    DeclareDefault; DeclareDefault not_due; RefundObligation; RefundObligation wrong_phase
    performed; defaulted; refunded; from guarantee; from free money; from guarantee fund; from insurance fund
    from share; DebtOpened; DebtPaid; SessionCleared
"""


@pytest.mark.parametrize(
    "sight", [sight.strip() for line in SIGHTS.split("\n") for sight in line.split(";") if sight.strip()]
)
def test_the_campaign_has_met(sight: str) -> None:
    """The random commands have met what they are there to meet: a generator that misses it proves nothing."""
    assert campaign()[sight] > 0


# --- Pairs ------------------------------------------------------------------------------------------------------

lots = st.lists(st.integers(0, 9), min_size=1, max_size=4)


@FIXED
@given(lots, lots, st.integers(0, 5), st.integers(0, 5))
def test_pairs_are_the_fills_and_use_the_flows(sold: list[int], bought: list[int], home: int, through: int) -> None:
    """Gas that serves its own place, goes on one link and goes on two: every lot is paired once, every flow used up."""
    total = min(sum(sold), sum(bought))
    sales = _cut("sell", "A", sold, total)
    at_home = min(home, total)
    at_middle = min(through, total - at_home)
    wanted = _cut("buy", "A", [at_home], at_home) + _cut("buy", "B", [at_middle], at_middle)
    wanted += _cut("buy", "C", bought, total - at_home - at_middle)
    flows = (Flow("A", "B", total - at_home), Flow("B", "C", total - at_home - at_middle))
    tariffs = {("A", "B"): 700, ("B", "C"): 50}
    found = pairing.pairs([*sales, *wanted], flows, tariffs)
    for fills, side in ((sales, "sell"), (wanted, "buy")):
        paired: Counter[str] = Counter()
        for pair in found:
            paired[getattr(pair, f"{side}_order_id")] += pair.lots
        assert dict(paired) == {fill.order_id: fill.lots for fill in fills if fill.lots}
    carried = sum(pair.lots * pair.carriage_tenge_per_tonne for pair in found)
    assert carried == sum(flow.quantity_lots * tariffs[flow.source, flow.target] for flow in flows)


def _cut(side: Any, place: str, wanted: list[int], total: int) -> list[pairing.Filled]:
    """Return fills at a place that sum to a total, as far as possible in the sizes wanted."""
    found, rest = [], total
    for number, size in enumerate([*wanted, total]):
        found.append(pairing.Filled(f"{side}-{place}-{number}", side, place, min(size, rest)))
        rest -= min(size, rest)
    return found
