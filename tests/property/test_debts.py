"""Debts among people, in any tangle: what is paid is what tiyn that walk one by one would pay."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from naryq import exchange
from naryq.exchange import debts
from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt
from naryq.ledger import accounts, moved

PEOPLE = ("a", "b", "c", "d")
tangles = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from((*PEOPLE, "fees")), st.integers(1, 30)).filter(
        lambda debt: debt[0] != debt[1]
    ),
    max_size=12,
)
purses = st.tuples(st.sampled_from(PEOPLE), st.integers(1, 40))

Rest = tuple[dict[str, int], dict[str, list[tuple[str, int]]]]


def paid(tangle: list[tuple[str, str, int]], purse: tuple[str, int]) -> Rest:
    """Return what everybody has and owes once the venue has let one with new money pay."""
    steps = Steps(exchange.initial_state())
    for number, (debtor, creditor, amount) in enumerate(tangle):
        account = creditor if creditor == "fees" else accounts.cash(creditor)
        debts.owe(steps, debtor, Debt(f"{number}", account, amount), "a tangle")
    steps.post("new money", moved(accounts.BANK, accounts.cash(purse[0]), purse[1]))
    debts.pay_debts(steps, purse[0])
    has = {
        account: amount for (account, _), amount in steps.state.balances.items() if account.startswith(("cash", "fees"))
    }
    owed = {who: [(debt.creditor, debt.amount_tiyn) for debt in of] for who, of in steps.state.money.debts.items()}
    for who in PEOPLE:
        assert -steps.state.balances.get((accounts.owed(who), "tiyn"), 0) == sum(tiyn for _, tiyn in owed.get(who, []))
    return {account: amount for account, amount in has.items() if amount}, owed


def walked(tangle: list[tuple[str, str, int]], purse: tuple[str, int]) -> Rest:
    """Return the same by letting each tiyn walk on for as long as whoever has it owes something."""
    owed: dict[str, list[list[Any]]] = {}
    for debtor, creditor, amount in tangle:
        owed.setdefault(debtor, []).append([creditor if creditor == "fees" else accounts.cash(creditor), amount])
    has: dict[str, int] = {}
    for _ in range(purse[1]):
        account = accounts.cash(purse[0])
        while queue := owed.get(account.removeprefix("cash:")):
            debtor, account = account, queue[0][0]
            queue[0][1] -= 1
            if not queue[0][1]:
                del queue[0]
            if account == "fees":
                break
            assert debtor != account
        has[account] = has.get(account, 0) + 1
    return has, {who: [(creditor, amount) for creditor, amount in of] for who, of in owed.items() if of}


@settings(derandomize=True, max_examples=2_000, database=None)
@given(tangles, purses)
def test_debts_are_paid_as_if_tiyn_walked(tangle: list[tuple[str, str, int]], purse: tuple[str, int]) -> None:
    """Money and what is left of each debt are the same, circles or none."""
    assert paid(tangle, purse) == walked(tangle, purse)


def test_a_circle_of_three_takes_as_many_steps_as_it_has_debts() -> None:
    """However large the debts of a circle are, they are set off at once."""
    tangle = [("a", "b", 10**16), ("b", "c", 10**16 + 5), ("c", "a", 10**16 + 7)]
    assert paid(tangle, ("a", 2)) == ({"cash:a": 2}, {"b": [("cash:c", 5)], "c": [("cash:a", 7)]})
