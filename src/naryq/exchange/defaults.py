"""A party has failed: what is due and the penalty are drawn from the defaulter, then the funds, then the others."""

from collections.abc import Sequence
from typing import Final

from naryq.exchange.debts import owe, pay_debts
from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt, Terms, balance
from naryq.exchange.obligations import close_if_done, lapse, open_obligation, pay_out, settle, today
from naryq.exchange.people import group_of
from naryq.exchange.state import State
from naryq.exchange.topic import Decision
from naryq.ledger import accounts, moved
from naryq.ledger import obligations as performed
from naryq.ledger.obligations import Obligation
from naryq.ledger.waterfall import Draw, Need, Source, draws
from naryq.messages import Code, DeclareDefault, DefaultCovered, DefaultDeclared, Party, Refusal
from naryq.units import apportion, share

GUARANTEE: Final = "guarantee"
DUE: Final = "due"
PENALTY: Final = "penalty"


def declare(state: State, command: DeclareDefault) -> Decision:
    """Decide `DeclareDefault`: after the deadline, what is not performed lapses, and the waterfall bears the cost."""
    obligation = open_obligation(state, command.obligation_id)
    terms = state.money.terms[obligation.opened.session_id]
    _check_due(obligation, terms, command.party, today(state, command))
    steps, party = Steps(state), command.party
    penalty = share(_unperformed_tiyn(obligation, party), terms.fixed.penalty_basis_points or 0)
    due = _due_tiyn(obligation) if party == "buyer" else 0
    steps.add(DefaultDeclared(command.obligation_id, party, _of(obligation, party), command.reason, due, penalty))
    if obligation.awaited_kg:
        lapse(steps, command.obligation_id, obligation.awaited_kg, f"the {party} has failed")
    _bear(steps, command.obligation_id, party, due, penalty)
    close_if_done(steps, command.obligation_id)
    pay_debts(steps, obligation.opened.buyer_id, obligation.opened.seller_id)
    return steps.done()


def _of(obligation: Obligation, party: Party) -> str:
    return obligation.opened.buyer_id if party == "buyer" else obligation.opened.seller_id


def _unperformed_tiyn(obligation: Obligation, party: Party) -> int:
    """Return the value of what a party has not performed: not paid, or not loaded."""
    if party == "buyer":
        return obligation.unpaid_tiyn
    due = performed.seller_value(obligation.opened, obligation.due_kg)
    return due - performed.seller_value(obligation.opened, obligation.delivered_kg)


def _due_tiyn(obligation: Obligation) -> int:
    """Return what the buyer owes for gas that it has received, in tiyn."""
    return max(0, performed.buyer_value(obligation.opened, obligation.delivered_kg) - obligation.paid_tiyn)


# --- May it be declared -----------------------------------------------------------------------------------------


def _check_due(obligation: Obligation, terms: Terms, party: Party, day: str) -> None:
    """Refuse (NOT_DUE) to declare a failure before its deadline, or where there is none."""
    if party in obligation.failed:
        raise _not_due(f"the {party} has been declared in default already", "A party fails once.")
    if obligation.pending_kg:
        raise _not_due(f"{obligation.pending_kg} kg are loaded and not received", "Confirm the receipt first.")
    deadline = obligation.opened.pay_by if party == "buyer" else obligation.opened.deliver_by
    if deadline is None:
        raise _not_due("no day for the payment is agreed", "Set the rule payment_days for later sessions.")
    if day <= deadline:
        raise _not_due(f"the {party} has until {deadline}", "Declare it on a later day.")
    if party == "buyer" and not obligation.unpaid_tiyn:
        raise _not_due("everything that is due is paid", "Declare the party that has failed.")
    if party == "seller":
        _check_seller_due(obligation, terms)


def _check_seller_due(obligation: Obligation, terms: Terms) -> None:
    if not obligation.awaited_kg:
        raise _not_due("everything that is due is loaded", "Declare the party that has failed.")
    if obligation.unpaid_tiyn and terms.fixed.prepayment_days is not None:
        raise _not_due("the buyer has not prepaid, so the seller need not load", "Declare the buyer in default.")


def _not_due(what: str, remedy: str) -> Refusal:
    return Refusal(Code.NOT_DUE, what, where="obligation_id", remedy=remedy)


# --- Who bears it -----------------------------------------------------------------------------------------------


def _bear(steps: Steps, obligation_id: str, party: Party, due: int, penalty: int) -> None:
    """Draw on the sources in their order; what nobody bears stays a debt of the defaulter to whom it is due.

    Where the parties belong together nobody else bears anything: else one of a group would fail, and the funds pay the
    other.
    """
    obligation = steps.state.money.obligations[obligation_id]
    terms = steps.state.money.terms[obligation.opened.session_id].fixed
    injured = obligation.opened.seller_id if party == "buyer" else obligation.opened.buyer_id
    to_venue = terms.penalty_recipient == "venue"
    penalty_to = accounts.PENALTIES if to_venue else accounts.cash(injured)
    apart = group_of(steps.state, obligation.opened.buyer_id) != group_of(steps.state, obligation.opened.seller_id)
    needs = [
        Need(DUE, accounts.CLEARING, due, from_funds=apart),
        Need(PENALTY, penalty_to, penalty, from_funds=apart and not to_venue),
    ]
    drawn, left = draws(needs, _sources(steps, obligation, party))
    _draw_all(steps, obligation, party, drawn)
    if terms.loss_sharing == "pro_rata":
        drawn, left = draws(left, _sharers(steps, obligation, left))
        _draw_all(steps, obligation, party, drawn)
    if party == "buyer":
        _settle_short(steps, obligation_id, {need.name: need.amount_tiyn for need in left}.get(DUE, 0))
    for need in left:
        if need.name == PENALTY:
            debt = Debt(f"{obligation_id}/{party}/penalty", need.target, need.amount_tiyn)
            owe(steps, _of(obligation, party), debt, PENALTY)


def _sources(steps: Steps, obligation: Obligation, party: Party) -> list[Source]:
    """Return the waterfall: the defaulter's guarantee for this deal, its free money, and the funds."""
    who, balances = _of(obligation, party), steps.state.balances
    guarantee = obligation.buyer_guarantee_tiyn if party == "buyer" else obligation.seller_guarantee_tiyn
    return [
        Source(GUARANTEE, accounts.held(who), guarantee, is_own=True),
        Source("free money", accounts.cash(who), balance(balances, accounts.cash(who)), is_own=True),
        *(
            Source(fund.replace("_", " "), fund, balance(balances, fund), is_own=False)
            for fund in (accounts.GUARANTEE_FUND, accounts.INSURANCE_FUND)
        ),
    ]


def _sharers(steps: Steps, obligation: Obligation, left: Sequence[Need]) -> list[Source]:
    """Return what the others of the session bear: the loss pro rata of their masses, as far as their money goes."""
    parties = (obligation.opened.buyer_id, obligation.opened.seller_id)
    weights: dict[str, int] = {}
    for _, other in sorted(steps.state.money.obligations.items()):
        if other.opened.session_id == obligation.opened.session_id and other.closing != "refunded":
            for who in (other.opened.buyer_id, other.opened.seller_id):
                if who not in parties:
                    weights[who] = weights.get(who, 0) + other.opened.mass_kg
    loss = sum(need.amount_tiyn for need in left if need.from_funds)
    if not weights:
        return []
    shares = apportion(loss, tuple(weights.values()))
    accounts_of = [accounts.cash(who) for who in weights]
    return [
        Source(
            f"share of {account.removeprefix('cash:')}",
            account,
            min(part, balance(steps.state.balances, account)),
            is_own=False,
        )
        for account, part in zip(accounts_of, shares, strict=True)
    ]


def _draw_all(steps: Steps, obligation: Obligation, party: Party, drawn: Sequence[Draw]) -> None:
    obligation_id, who = obligation.opened.obligation_id, _of(obligation, party)
    for draw in drawn:
        steps.add(DefaultCovered(obligation_id, party, draw.source.name, draw.need.name, draw.amount_tiyn))
        reason = f"default on {obligation_id}: {draw.need.name} from {draw.source.name}"
        if draw.need.name == DUE:
            steps.post(reason, performed.payment_postings(obligation, draw.source.account, draw.amount_tiyn))
        else:
            steps.post(reason, moved(draw.source.account, draw.need.target, draw.amount_tiyn))
        if not draw.source.is_own:
            name = f"{obligation_id}/{party}/{draw.need.name}/{draw.source.account}"
            debt = Debt(name, draw.source.account, draw.amount_tiyn)
            owe(steps, who, debt, f"{draw.need.name} borne by {draw.source.name}")


def _settle_short(steps: Steps, obligation_id: str, short_tiyn: int) -> None:
    """Settle what the buyer has received; what nobody could pay for, it owes to those who should have had it."""
    if short_tiyn == 0:
        return settle(steps, obligation_id)
    obligation = steps.state.money.obligations[obligation_id]
    opened = obligation.opened
    whole = performed.settled(opened, obligation.settled_kg, obligation.delivered_kg)
    available = obligation.paid_tiyn - performed.buyer_value(opened, obligation.settled_kg)
    payout = performed.part_paid_out(whole, available)
    pay_out(steps, obligation_id, payout)
    steps.post(
        f"{short_tiyn} tiyn of obligation {obligation_id} become a debt",
        moved(accounts.COMMITMENTS, accounts.payable(opened.buyer_id), short_tiyn),
    )
    creditors = (accounts.cash(opened.seller_id), accounts.CARRIER, accounts.CONGESTION)
    for creditor, full, part in zip(creditors, whole, payout, strict=True):
        owe(steps, opened.buyer_id, Debt(f"{obligation_id}/buyer/due/{creditor}", creditor, full - part), DUE)
    return None
