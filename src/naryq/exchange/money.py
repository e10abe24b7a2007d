"""Money: what comes in and goes out, what is held, owed and settled. The parts stand in the modules beside this one."""

from types import MappingProxyType
from typing import Final

from naryq.exchange import defaults, guarantees, obligations
from naryq.exchange.debts import pay_debts
from naryq.exchange.money_events import EVOLVERS, Steps
from naryq.exchange.money_state import free_tiyn
from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic
from naryq.ledger import accounts, moved
from naryq.messages import (
    ClaimDecided,
    Code,
    ConfirmReceipt,
    DeclareDefault,
    Deposit,
    Deposited,
    EndowFund,
    FundEndowed,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PayObligation,
    RefundObligation,
    Refusal,
    ReportShipment,
    SessionCleared,
    SessionOpened,
    Traded,
    Withdraw,
    Withdrawn,
)


def _check_reference(state: State, reference: str) -> None:
    """Refuse a bank reference that has been booked: a statement that is read twice moves its money once."""
    if reference in state.money.references:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"bank reference {reference!r} is booked already",
            where="bank_reference",
            remedy="Give each line of the bank's statement once.",
        )


def _check_participant(state: State, participant_id: str) -> None:
    if participant_id not in state.participants:
        raise Refusal(
            Code.UNKNOWN_PARTICIPANT,
            f"nobody is admitted as {participant_id!r}",
            where="participant_id",
            remedy="Name somebody who is admitted.",
        )


def _deposit(state: State, command: Deposit) -> Decision:
    _check_participant(state, command.participant_id)
    _check_reference(state, command.bank_reference)
    steps, who = Steps(state), command.participant_id
    steps.add(Deposited(who, command.amount_tiyn, command.bank_reference))
    steps.post(f"deposit {command.bank_reference}", moved(accounts.BANK, accounts.cash(who), command.amount_tiyn))
    pay_debts(steps, who)
    return steps.done()


def _withdraw(state: State, command: Withdraw) -> Decision:
    _check_participant(state, command.participant_id)
    _check_reference(state, command.bank_reference)
    steps, who = Steps(state), command.participant_id
    has = max(0, free_tiyn(state.balances, who))
    if command.amount_tiyn > has:
        raise obligations.insufficient_funds(command.amount_tiyn, has)
    steps.add(Withdrawn(who, command.amount_tiyn, command.bank_reference))
    steps.post(f"withdrawal {command.bank_reference}", moved(accounts.cash(who), accounts.BANK, command.amount_tiyn))
    return steps.done()


def _endow(state: State, command: EndowFund) -> Decision:
    _check_reference(state, command.bank_reference)
    steps = Steps(state)
    steps.add(FundEndowed(command.fund, command.amount_tiyn, command.bank_reference))
    postings = moved(accounts.BANK, command.fund, command.amount_tiyn)
    steps.post(f"endowment {command.bank_reference} of the {command.fund.replace('_', ' ')}", postings)
    return steps.done()


def _grant(state: State, event: ClaimDecided) -> Decision:
    """Follow a decided claim: the fund of the reform pays what is granted."""
    steps = Steps(state)
    postings = moved(accounts.FUND, accounts.cash(event.participant_id), event.granted_tiyn)
    steps.post(f"compensation for claim {event.claim_id}", postings)
    pay_debts(steps, event.participant_id)
    return steps.done()


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            Deposit: ("operator",),
            Withdraw: ("operator",),
            EndowFund: ("operator",),
            PayObligation: ("operator", "seller", "buyer"),
            ReportShipment: ("operator", "seller"),
            ConfirmReceipt: ("operator", "seller", "buyer"),
            DeclareDefault: ("operator",),
            RefundObligation: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            Deposit: _deposit,
            Withdraw: _withdraw,
            EndowFund: _endow,
            PayObligation: obligations.pay,
            ReportShipment: obligations.ship,
            ConfirmReceipt: obligations.receive,
            DeclareDefault: defaults.declare,
            RefundObligation: obligations.refund,
        }
    ),
    evolvers=EVOLVERS,
    followers=MappingProxyType(
        {
            SessionOpened: (obligations.fix_terms,),
            OrderAccepted: (guarantees.secure,),
            OrderAmended: (guarantees.secure_again,),
            OrderCancelled: (guarantees.follow_gone,),
            OrderExpired: (guarantees.follow_gone,),
            Traded: (obligations.settle_trade,),
            ClaimDecided: (_grant,),
            SessionCleared: (obligations.settle_session,),
        }
    ),
    while_suspended=(PayObligation, ReportShipment, ConfirmReceipt),
)
