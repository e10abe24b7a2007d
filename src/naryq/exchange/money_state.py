"""What the venue knows of money beside its accounts: what each amount is held, owed and paid for."""

from typing import Final

import msgspec

from naryq.ledger import Balances, accounts
from naryq.ledger.guarantees import Hold
from naryq.ledger.obligations import Obligation
from naryq.maps import Map
from naryq.messages import SettlementTermsFixed, ShipmentReported


class Terms(msgspec.Struct, frozen=True):
    """How the deals of one session are performed, and how many obligations have been opened for it."""

    fixed: SettlementTermsFixed
    obligations: int = 0


class Shipment(msgspec.Struct, frozen=True):
    """What one loading document stands for, and whether it has arrived."""

    reported: ShipmentReported
    """As it was reported; from the receipt on `counted_kg` is what was received of it."""
    is_received: bool = False


class Debt(msgspec.Struct, frozen=True):
    """What a participant owes, and the account that it is due to."""

    debt_id: str
    creditor: str
    amount_tiyn: int


class Money(msgspec.Struct, frozen=True):
    """All that is known of money and of deliveries. The accounts stand apart, as `State.balances`."""

    holds: Map[str, Hold]
    """By order."""
    terms: Map[str, Terms]
    """By session; a session that settles at the trade has none."""
    obligations: Map[str, Obligation]
    shipments: Map[str, Shipment]
    """By loading document."""
    references: Map[str, str]
    """By bank reference: whose money it was."""
    debts: Map[str, tuple[Debt, ...]]
    """By participant, the oldest first."""


NO_MONEY: Final = Money(Map(), Map(), Map(), Map(), Map(), Map())
"""What a venue knows on which nothing has happened."""


def balance(balances: Balances, account: str) -> int:
    """Return what an account holds in tiyn."""
    return balances.get((account, "tiyn"), 0)


def free_tiyn(balances: Balances, participant_id: str) -> int:
    """Return what a participant may use or withdraw: its money that is not held, less what it owes."""
    return balance(balances, accounts.cash(participant_id)) + balance(balances, accounts.owed(participant_id))
