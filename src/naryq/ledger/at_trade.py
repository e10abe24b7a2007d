"""Settlement at the trade: buyers pay, sellers, the carrier and the rent of full links receive, all at once."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from naryq.ledger.accounts import CARRIER, CONGESTION, FUND, participant_account, station_account
from naryq.ledger.double_entry import total
from naryq.messages import Fill, Flow, Link, Posting, Side
from naryq.units import amount_tiyn


class Deal(NamedTuple):
    """What one order traded: who, on which side, at which uniform price, how much."""

    participant_id: str
    side: Side
    price_tenge_per_tonne: int
    mass_kg: int


def settlement(deals: Iterable[Deal], tariffs_tiyn: int) -> tuple[Posting, ...]:
    """Return the postings that settle a cleared session.

    Buyers pay the price of their place, sellers receive the price of theirs, the carrier receives the tariffs; what
    remains is the rent of full links, which belongs to nobody and is held apart.
    """
    deals = tuple(deals)
    legs = [leg for deal in deals for leg in _deal_legs(deal)]
    legs.append(Posting(CARRIER, "tiyn", tariffs_tiyn))
    legs.append(Posting(CONGESTION, "tiyn", -total(legs, "tiyn")))
    return tuple(leg for leg in legs if leg.amount != 0)


def exchanged(buyer_id: str, seller_id: str, value_tiyn: int, mass_kg: int) -> tuple[Posting, ...]:
    """Return the postings that settle a trade at one place: money against gas, and nothing is carried.

    >>> [(leg.account, leg.unit, leg.amount) for leg in exchanged("b", "s", 500, 36_000)][:2]
    [('participant:b', 'tiyn', -500), ('participant:b', 'kg', 36000)]
    """
    buyer, seller = participant_account(buyer_id), participant_account(seller_id)
    gas = (Posting(buyer, "kg", mass_kg), Posting(seller, "kg", -mass_kg))
    if value_tiyn == 0:
        return gas
    return Posting(buyer, "tiyn", -value_tiyn), gas[0], Posting(seller, "tiyn", value_tiyn), gas[1]


def _deal_legs(deal: Deal) -> tuple[Posting, Posting]:
    sign = 1 if deal.side == "buy" else -1
    account = participant_account(deal.participant_id)
    amount = amount_tiyn(deal.price_tenge_per_tonne, deal.mass_kg)
    return Posting(account, "tiyn", -sign * amount), Posting(account, "kg", sign * deal.mass_kg)


def tariffs_tiyn(flows: Iterable[Flow], tariffs: Mapping[tuple[str, str], int], lot_kg: int) -> int:
    """Return what the carrier earns on a session's flows at the links' tariffs (tenge a tonne)."""
    return sum(
        amount_tiyn(tariffs[flow.source, flow.target], flow.quantity_lots * lot_kg)
        for flow in flows
        if flow.quantity_lots
    )


def tariff_table(links: Iterable[Link]) -> dict[tuple[str, str], int]:
    """Return each link's tariff in tenge a tonne by its two ends."""
    return {(link.source, link.target): link.tariff_tenge_per_tonne for link in links}


def traded(fills: Iterable[Fill]) -> dict[str, int]:
    """Return the lots that each order traded, leaving out orders that traded nothing."""
    return {fill.order_id: fill.quantity_lots for fill in fills if fill.quantity_lots}


def compensation(province: str, fund_tiyn: int) -> tuple[Posting, ...]:
    """Return the postings by which the fund pays a province's stations what a held pump price costs them."""
    assert fund_tiyn >= 0, "the fund pays; it does not collect"
    if fund_tiyn == 0:
        return ()
    return (Posting(FUND, "tiyn", -fund_tiyn), Posting(station_account(province), "tiyn", fund_tiyn))
