"""What participants owe: after a default, or for a fee that their free money did not cover. New money pays it first."""

from typing import Final

from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt, balance
from naryq.ledger import accounts, moved
from naryq.messages import DebtOpened, DebtPaid, DebtWaived

_CASH: Final = "cash:"


def owe(steps: Steps, participant_id: str, debt: Debt, reason: str) -> None:
    """Write down what a participant owes to an account, if it is anything."""
    if debt.amount_tiyn == 0:
        return
    steps.add(DebtOpened(debt.debt_id, participant_id, debt.creditor, debt.amount_tiyn, reason))
    steps.post(f"debt {debt.debt_id}: {reason}", moved(accounts.owed(participant_id), accounts.DEBTS, debt.amount_tiyn))


def pay_debts(steps: Steps, *participant_ids: str) -> None:
    """Pay what participants owe from the money that they have, the oldest debt first; who is paid pays in turn.

    Where money would come back to its payer it would go round until a debt of the circle is paid, a tiyn at a time if
    it is no more than a tiyn. The same comes of it at once when the debts are set off against each other.
    """
    waiting = list(participant_ids)
    for participant_id in waiting:  # The list grows while it is walked: a creditor may owe as well.
        while (debt := _next(steps, participant_id)) is not None:
            circle = _circle(steps, participant_id)
            if circle:
                _set_off(steps, circle)
            else:
                _pay(steps, participant_id, debt)
                waiting += [debt.creditor.removeprefix(_CASH)] if debt.creditor.startswith(_CASH) else []


def _next(steps: Steps, participant_id: str) -> Debt | None:
    """Return the debt that a participant pays now; None where it has nothing or owes nothing."""
    has = balance(steps.state.balances, accounts.cash(participant_id))
    return _oldest(steps, participant_id) if has else None


def _oldest(steps: Steps, participant_id: str) -> Debt | None:
    return next(iter(steps.state.money.debts.get(participant_id, ())), None)


def _circle(steps: Steps, participant_id: str) -> dict[str, Debt]:
    """Return the oldest debts on which a participant's money would come back to it, by debtor; none if it would not."""
    circle: dict[str, Debt] = {}
    who = participant_id
    while who not in circle:
        debt = _oldest(steps, who)
        if debt is None or not debt.creditor.startswith(_CASH):
            return {}
        circle[who] = debt
        who = debt.creditor.removeprefix(_CASH)
    return circle if who == participant_id else {}


def _set_off(steps: Steps, circle: dict[str, Debt]) -> None:
    """Take the smallest debt of a circle from each of them: everybody has as much less to pay and to receive."""
    amount = min(debt.amount_tiyn for debt in circle.values())
    for who, debt in circle.items():
        steps.add(DebtPaid(debt.debt_id, who, amount))
        steps.post(f"debt {debt.debt_id} is set off", moved(accounts.DEBTS, accounts.owed(who), amount))


def _pay(steps: Steps, participant_id: str, debt: Debt) -> None:
    amount = min(debt.amount_tiyn, balance(steps.state.balances, accounts.cash(participant_id)))
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
