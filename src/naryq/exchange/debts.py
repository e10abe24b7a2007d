"""What participants owe: after a default, or for a fee that their free money did not cover. New money pays it first."""

from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt, balance
from naryq.ledger import accounts, moved
from naryq.messages import DebtOpened, DebtPaid, DebtWaived

_CASH = "cash:"


def owe(steps: Steps, participant_id: str, debt: Debt, reason: str) -> None:
    """Write down what a participant owes to an account, if it is anything."""
    if debt.amount_tiyn == 0:
        return
    steps.add(DebtOpened(debt.debt_id, participant_id, debt.creditor, debt.amount_tiyn, reason))
    steps.post(f"debt {debt.debt_id}: {reason}", moved(accounts.owed(participant_id), accounts.DEBTS, debt.amount_tiyn))


def pay_debts(steps: Steps, *participant_ids: str) -> None:
    """Pay what participants owe from the money that they have, the oldest debt first; who is paid pays in turn."""
    waiting = list(participant_ids)
    for participant_id in waiting:  # The list grows while it is walked: a creditor may owe as well.
        for debt in steps.state.money.debts.get(participant_id, ()):
            amount = min(debt.amount_tiyn, balance(steps.state.balances, accounts.cash(participant_id)))
            if amount:
                _pay(steps, participant_id, debt, amount)
                waiting += [debt.creditor.removeprefix(_CASH)] if debt.creditor.startswith(_CASH) else []


def _pay(steps: Steps, participant_id: str, debt: Debt, amount: int) -> None:
    steps.add(DebtPaid(debt.debt_id, participant_id, amount))
    postings = (
        *moved(accounts.cash(participant_id), debt.creditor, amount),
        *moved(accounts.DEBTS, accounts.owed(participant_id), amount),
    )
    steps.post(f"debt {debt.debt_id} is paid", postings)


def waive(steps: Steps, debt_id: str, participant_id: str) -> int:
    """Strike a debt whose reason is undone, and return what was still owed, in tiyn."""
    debts = [debt for debt in steps.state.money.debts.get(participant_id, ()) if debt.debt_id == debt_id]
    for debt in debts:
        steps.add(DebtWaived(debt_id, participant_id, debt.amount_tiyn))
        postings = moved(accounts.DEBTS, accounts.owed(participant_id), debt.amount_tiyn)
        steps.post(f"debt {debt_id} is struck", postings)
    return sum(debt.amount_tiyn for debt in debts)
