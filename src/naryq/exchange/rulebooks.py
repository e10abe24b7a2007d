"""How rules come into force."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic
from naryq.messages import AdoptRulebook, RulebookAdopted
from naryq.rulebook import Rulebook


def _adopt_rulebook(_: State, command: AdoptRulebook) -> Decision:
    return (RulebookAdopted(command.rulebook, Rulebook(command.rulebook).version),)


def _rulebook_adopted(state: State, event: RulebookAdopted) -> State:
    return msgspec.structs.replace(state, rulebook=Rulebook(event.rulebook))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            AdoptRulebook: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            AdoptRulebook: _adopt_rulebook,
        }
    ),
    evolvers=MappingProxyType(
        {
            RulebookAdopted: _rulebook_adopted,
        }
    ),
)
