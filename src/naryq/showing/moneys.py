"""Money and deliveries: a participant's own accounts and obligations, and all of them for the operator."""

from collections.abc import Iterator
from typing import Final

import msgspec

from naryq.exchange import State, decide
from naryq.exchange.money_state import balance, free_tiyn
from naryq.ledger import accounts
from naryq.ledger.obligations import Obligation, buyer_value, seller_value
from naryq.messages import DeclareDefault, Party, Refused
from naryq.showing.viewer import Viewer

PARTIES: Final[tuple[Party, ...]] = ("buyer", "seller")
FUNDS: Final = (accounts.GUARANTEE_FUND, accounts.INSURANCE_FUND, accounts.FUND)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a participant has, in tiyn: free, held for orders and obligations, to pay, to receive, and its debts."""

    participant_id: str
    free_tiyn: int
    held_tiyn: int
    payable_tiyn: int
    receivable_tiyn: int
    debts_tiyn: int
    settled_at_trade_tiyn: int
    """The current account to which deals that are settled at the trade are booked."""


class ShownDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """One loading document."""

    document: str
    mass_kg: int
    counted_kg: int
    loaded_on: str
    wagons: tuple[str, ...]
    is_received: bool


class ShownObligation(msgspec.Struct, frozen=True, kw_only=True):
    """An obligation seen from one side; the other side is the clearing house, so the counterparty is not named.

    The operator sees each from both sides. `value_tiyn` is what this side pays or receives for all that is due.
    """

    obligation_id: str
    session_id: str
    party: Party
    participant_id: str
    product: str
    delivery_month: str
    lots: int
    mass_kg: int
    awaited_kg: int
    pending_kg: int
    delivered_kg: int
    price_tenge_per_tonne: int
    value_tiyn: int
    paid_tiyn: int
    unpaid_tiyn: int
    guarantee_tiyn: int
    pay_by: str | None
    deliver_by: str
    closing: str
    failed: tuple[str, ...]
    deliveries: tuple[ShownDelivery, ...]


def account(state: State, participant_id: str) -> Account:
    """Return a participant's own accounts."""
    balances = state.balances
    return Account(
        participant_id=participant_id,
        free_tiyn=free_tiyn(balances, participant_id),
        held_tiyn=balance(balances, accounts.held(participant_id)),
        payable_tiyn=-balance(balances, accounts.payable(participant_id)),
        receivable_tiyn=balance(balances, accounts.receivable(participant_id)),
        debts_tiyn=-balance(balances, accounts.owed(participant_id)),
        settled_at_trade_tiyn=balance(balances, accounts.participant_account(participant_id)),
    )


def own_obligations(state: State, viewer: Viewer) -> tuple[ShownObligation, ...]:
    """Return a viewer's obligations, the open ones first, of each the next to be performed first."""
    return _in_order(each for each in _all(state) if each.participant_id == viewer.participant_id)


def all_obligations(state: State, viewer: Viewer) -> tuple[ShownObligation, ...]:
    """Return every obligation from both sides, to those who watch; to others their own."""
    if not viewer.watches:
        return own_obligations(state, viewer)
    return _in_order(_all(state))


def defaults_due(state: State, viewer: Viewer, at_ns: int) -> tuple[ShownObligation, ...]:
    """Return what a default may be declared of now, for those who watch: the venue itself is asked, by trial.

    Only what is past a deadline is tried, since nothing else can be due.
    """
    if not viewer.watches or state.rulebook is None:
        return ()
    today = state.rulebook.day(at_ns)
    overdue = (
        _shown(obligation, party, ())
        for obligation in state.money.obligations.values()
        if not obligation.closing and min(obligation.opened.pay_by or "9", obligation.opened.deliver_by) < today
        for party in PARTIES
    )
    return _in_order(each for each in overdue if _deadline(each) < today and _is_due(state, each, at_ns))


def funds(state: State) -> dict[str, int]:
    """Return what each fund of the venue holds, in tiyn."""
    return {fund: balance(state.balances, fund) for fund in FUNDS}


def _deadline(obligation: ShownObligation) -> str:
    if obligation.party == "buyer" and obligation.pay_by is not None:
        return obligation.pay_by
    return obligation.deliver_by


def _is_due(state: State, obligation: ShownObligation, at_ns: int) -> bool:
    operator = next((name for name, who in sorted(state.participants.items()) if who.role == "operator"), "")
    trial = DeclareDefault(
        command_id="trial",
        actor=operator,
        at_ns=max(at_ns, state.at_ns),
        obligation_id=obligation.obligation_id,
        party=obligation.party,
        reason="trial",
    )
    return not isinstance(decide(state, trial)[0], Refused)


def _all(state: State) -> Iterator[ShownObligation]:
    shipments = _shipments(state)
    for obligation_id, obligation in sorted(state.money.obligations.items()):
        for party in PARTIES:
            yield _shown(obligation, party, shipments.get(obligation_id, ()))


def _shipments(state: State) -> dict[str, tuple[ShownDelivery, ...]]:
    found: dict[str, tuple[ShownDelivery, ...]] = {}
    for document, shipment in sorted(state.money.shipments.items()):
        reported = shipment.reported
        shown = ShownDelivery(
            document=document,
            mass_kg=reported.mass_kg,
            counted_kg=reported.counted_kg,
            loaded_on=reported.loaded_on,
            wagons=reported.wagons,
            is_received=shipment.is_received,
        )
        found[reported.obligation_id] = (*found.get(reported.obligation_id, ()), shown)
    return found


def _shown(obligation: Obligation, party: Party, deliveries: tuple[ShownDelivery, ...]) -> ShownObligation:
    opened, is_buyer = obligation.opened, party == "buyer"
    due_kg = obligation.due_kg
    return ShownObligation(
        obligation_id=opened.obligation_id,
        session_id=opened.session_id,
        party=party,
        participant_id=opened.buyer_id if is_buyer else opened.seller_id,
        product=opened.product,
        delivery_month=opened.delivery_month,
        lots=opened.lots,
        mass_kg=opened.mass_kg,
        awaited_kg=obligation.awaited_kg,
        pending_kg=obligation.pending_kg,
        delivered_kg=obligation.delivered_kg,
        price_tenge_per_tonne=opened.buy_price_tenge_per_tonne if is_buyer else opened.sell_price_tenge_per_tonne,
        value_tiyn=buyer_value(opened, due_kg) if is_buyer else seller_value(opened, due_kg),
        paid_tiyn=obligation.paid_tiyn if is_buyer else seller_value(opened, obligation.settled_kg),
        unpaid_tiyn=obligation.unpaid_tiyn if is_buyer else 0,
        guarantee_tiyn=obligation.buyer_guarantee_tiyn if is_buyer else obligation.seller_guarantee_tiyn,
        pay_by=opened.pay_by,
        deliver_by=opened.deliver_by,
        closing=obligation.closing,
        failed=obligation.failed,
        deliveries=deliveries,
    )


def _in_order(found: Iterator[ShownObligation]) -> tuple[ShownObligation, ...]:
    by_deadline = sorted(found, key=lambda each: (_deadline(each), each.obligation_id))
    return tuple(sorted(by_deadline, key=lambda each: each.closing != ""))
