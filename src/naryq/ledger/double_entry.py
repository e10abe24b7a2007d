"""Balanced bookings: nothing is made, nothing is lost, and what may not owe never owes."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from naryq.ledger.accounts import may_be_below_zero
from naryq.maps import Map
from naryq.messages import Posting

Unit = Literal["tiyn", "kg"]
Balances: TypeAlias = Map[tuple[str, Unit], int]


def opened() -> Balances:
    """Return the balances of a venue on which nothing has happened."""
    return Map()


def total(postings: Iterable[Posting], unit: Unit) -> int:
    """Return the sum of all postings in one unit; zero for a balanced set."""
    return sum([posting.amount for posting in postings if posting.unit == unit])


def post(balances: Balances, postings: tuple[Posting, ...]) -> Balances:
    """Book a balanced set of postings; afterwards no account that may not owe is below zero.

    >>> legs = (Posting("buyer", "tiyn", -5), Posting("seller", "tiyn", 5))
    >>> post(opened(), legs)[("seller", "tiyn")]
    5
    """
    assert total(postings, "tiyn") == 0, "money is neither made nor lost"
    assert total(postings, "kg") == 0, "gas is neither made nor lost"
    after: dict[tuple[str, Unit], int] = {}
    for posting in postings:
        account = (posting.account, posting.unit)
        before = after[account] if account in after else balances.get(account, 0)
        after[account] = before + posting.amount
    for account, amount in after.items():
        assert amount >= 0 or may_be_below_zero(account[0]), f"{account[0]} may not be below zero"
        balances = balances.insert(account, amount)
    return balances


def moved(source: str, target: str, amount: int, unit: Unit = "tiyn") -> tuple[Posting, ...]:
    """Return the two legs by which an amount goes from one account to another; none for nothing.

    >>> [leg.amount for leg in moved("a", "b", 5)], moved("a", "b", 0)
    ([-5, 5], ())
    """
    return () if amount == 0 else (Posting(source, unit, -amount), Posting(target, unit, amount))
