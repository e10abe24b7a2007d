"""What is booked: balanced sets of postings."""

from typing import Literal

from naryq.messages.basics import Event, Message


class Posting(Message, frozen=True):
    """One leg of a double entry: an account, its unit, and an amount that is positive when the account receives."""

    account: str
    unit: Literal["tiyn", "kg"]
    amount: int


class LedgerPosted(Event, frozen=True, tag=True):
    """A balanced set of postings: for each unit the amounts sum to zero."""

    reason: str
    postings: tuple[Posting, ...]


MoneyEvent = LedgerPosted
