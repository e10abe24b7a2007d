"""What is booked."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq import ledger
from naryq.exchange.state import State
from naryq.exchange.topic import Topic
from naryq.messages import LedgerPosted


def _ledger_posted(state: State, event: LedgerPosted) -> State:
    return msgspec.structs.replace(state, balances=ledger.post(state.balances, event.postings))


TOPIC: Final = Topic(
    permitted=MappingProxyType({}),
    deciders=MappingProxyType({}),
    evolvers=MappingProxyType(
        {
            LedgerPosted: _ledger_posted,
        }
    ),
)
