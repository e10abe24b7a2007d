"""The plan of a month."""

from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange.state import State
from naryq.exchange.topic import Decision, Topic, rules_for_month
from naryq.messages import Code, PlanSupply, Refusal, SupplyPlanned
from naryq.reform import part_plan


def _plan_supply(state: State, command: PlanSupply) -> Decision:
    rules = rules_for_month(state, command.at_ns, command.delivery_month)
    share = rules.required_integer("platform_share", command.province)
    parts = part_plan(command.total_lots, share)
    price = rules.integer("wholesale_cap")
    if parts.outside_lots and price is None:
        raise Refusal(
            Code.RULE_MISSING,
            "the plan has a part outside the platform and no regulated price is in force",
            where="wholesale_cap",
            remedy="Adopt a rulebook that sets it.",
        )
    planned = SupplyPlanned(
        delivery_month=command.delivery_month,
        province=command.province,
        outside_lots=parts.outside_lots,
        platform_lots=parts.platform_lots,
        outside_price_tenge_per_tonne=price,
        transport_tenge_per_tonne=command.transport_tenge_per_tonne,
        platform_share_basis_points=share,
        rulebook_version=rules.version,
    )
    return (planned,)


def _supply_planned(state: State, event: SupplyPlanned) -> State:
    supplies = state.supplies.insert((event.delivery_month, event.province), event)
    return msgspec.structs.replace(state, supplies=supplies)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            PlanSupply: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            PlanSupply: _plan_supply,
        }
    ),
    evolvers=MappingProxyType(
        {
            SupplyPlanned: _supply_planned,
        }
    ),
)
