"""The chart of accounts: what each account is called, and which may never be below zero.

An account's name begins with its kind. Names of participants hold no `#`, so no two accounts share a name.
"""

from typing import Final

BANK: Final = "bank"
"""What the venue's bank holds for everybody: below zero by as much as the other accounts of money are above."""
CLEARING: Final = "clearing"
"""What buyers have paid in for gas that is not settled yet."""
COMMITMENTS: Final = "commitments"
"""The other side of all payables and receivables."""
DEBTS: Final = "debts"
"""The other side of all that participants owe after a default or for a fee."""
FEES: Final = "fees"
PENALTIES: Final = "penalties"
GUARANTEE_FUND: Final = "guarantee_fund"
INSURANCE_FUND: Final = "insurance_fund"
CARRIER: Final = "carrier"
CONGESTION: Final = "congestion"
FUND: Final = "fund"
"""The fund of the reform: it pays stations for held pump prices and sellers for losses that were granted."""

NEVER_BELOW_ZERO: Final = frozenset({CLEARING, FEES, PENALTIES, GUARANTEE_FUND, INSURANCE_FUND})
_NEVER_BELOW_ZERO_KINDS: Final = ("cash:", "held:")


def participant_account(participant_id: str) -> str:
    """Return the current account of a participant: deals that are settled at the trade are booked to it."""
    return f"participant:{participant_id}"


def cash(participant_id: str) -> str:
    """Return the account of what a participant has paid in and may use."""
    return f"cash:{participant_id}"


def held(participant_id: str) -> str:
    """Return the account of what is held for a participant's orders and obligations."""
    return f"held:{participant_id}"


def payable(participant_id: str) -> str:
    """Return the account of what a participant has still to pay the clearing house; zero or less."""
    return f"payable:{participant_id}"


def receivable(participant_id: str) -> str:
    """Return the account of what a participant will have from the clearing house for gas still to come."""
    return f"receivable:{participant_id}"


def owed(participant_id: str) -> str:
    """Return the account of a participant's debts; zero or less."""
    return f"owed:{participant_id}"


def undelivered(participant_id: str, product: str) -> str:
    """Return the account of the kilograms that a participant will receive (above zero) or must load (below)."""
    return f"undelivered:{participant_id}#{product}"


def delivered(participant_id: str, product: str) -> str:
    """Return the account of the kilograms that a participant has received (above zero) or loaded (below)."""
    return f"delivered:{participant_id}#{product}"


def lapsed(participant_id: str, product: str) -> str:
    """Return the account of the kilograms that were agreed and will not come: within the tolerance, or by default."""
    return f"lapsed:{participant_id}#{product}"


def station_account(province: str) -> str:
    """Return the account of a province's stations, which the fund pays when it holds their pump price down."""
    return f"stations:{province}"


_OF_PARTICIPANTS: Final = frozenset(
    {"participant", "cash", "held", "payable", "receivable", "owed", "undelivered", "delivered", "lapsed"}
)


def owner(account: str) -> str | None:
    """Return the participant whose account it is; None where it is the house's, or a province's stations'.

    >>> owner("cash:aktau"), owner("undelivered:a:b#lpg"), owner("fees"), owner("stations:KZ-47")
    ('aktau', 'a:b', None, None)
    """
    kind, _, name = account.partition(":")
    return name.partition("#")[0] if kind in _OF_PARTICIPANTS else None


def may_be_below_zero(account: str) -> bool:
    """Tell whether an account may owe.

    >>> may_be_below_zero("cash:aktau"), may_be_below_zero("participant:aktau")
    (False, True)
    """
    return account not in NEVER_BELOW_ZERO and not account.startswith(_NEVER_BELOW_ZERO_KINDS)
