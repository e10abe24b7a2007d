"""Double entry: what every account holds, in tiyn and in kilograms. Money and volume are conserved here.

An amount is positive when the account receives it. A set of postings is taken only when, for each unit, it sums to
zero, so the sum over all accounts is zero after every event.
"""

from naryq.ledger.accounts import (
    CARRIER,
    CONGESTION,
    FUND,
    participant_account,
    station_account,
)
from naryq.ledger.at_trade import (
    Deal,
    compensation,
    exchanged,
    settlement,
    tariff_table,
    tariffs_tiyn,
    traded,
)
from naryq.ledger.double_entry import (
    Balances,
    Unit,
    moved,
    opened,
    post,
    total,
)

__all__ = [
    "CARRIER",
    "CONGESTION",
    "FUND",
    "Balances",
    "Deal",
    "Unit",
    "compensation",
    "exchanged",
    "moved",
    "opened",
    "participant_account",
    "post",
    "settlement",
    "station_account",
    "tariff_table",
    "tariffs_tiyn",
    "total",
    "traded",
]
