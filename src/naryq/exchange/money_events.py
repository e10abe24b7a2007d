"""How the events of money change what is known of it, and how the steps of one decision are written down."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import msgspec

from naryq import ledger
from naryq.exchange.money_state import Debt, Money, Shipment, Terms
from naryq.exchange.state import State
from naryq.exchange.topic import Folded
from naryq.ledger import obligations as performed
from naryq.ledger.guarantees import Hold, Part, after_deal
from naryq.ledger.obligations import Obligation
from naryq.messages import (
    AnyEvent,
    DebtOpened,
    DebtPaid,
    DebtWaived,
    DefaultCovered,
    DefaultDeclared,
    Deposited,
    FeeCharged,
    FundEndowed,
    LedgerPosted,
    ObligationClosed,
    ObligationLapsed,
    ObligationOpened,
    ObligationPaid,
    ObligationRefunded,
    ObligationSettled,
    OrderReleased,
    OrderSecured,
    Posting,
    ReceiptConfirmed,
    SettlementTermsFixed,
    ShipmentReported,
    Withdrawn,
)

Evolve: TypeAlias = Callable[[State, Any], State]
replace = msgspec.structs.replace


def _with_money(state: State, **changes: object) -> State:
    return replace(state, money=replace(state.money, **changes))


def _ledger_posted(state: State, event: LedgerPosted) -> State:
    return replace(state, balances=ledger.post(state.balances, event.postings))


def _referenced(state: State, reference: str, whose: str) -> State:
    return _with_money(state, references=state.money.references.insert(reference, whose))


def _came_or_went(state: State, event: Deposited | Withdrawn) -> State:
    return _referenced(state, event.bank_reference, event.participant_id)


def _fund_endowed(state: State, event: FundEndowed) -> State:
    return _referenced(state, event.bank_reference, event.fund)


def _terms_fixed(state: State, event: SettlementTermsFixed) -> State:
    return _with_money(state, terms=state.money.terms.insert(event.session_id, Terms(event)))


# --- What is held for orders ------------------------------------------------------------------------------------


def _secured(state: State, event: OrderSecured) -> State:
    before = state.money.holds.get(event.order_id)
    hold = Hold(
        participant_id=event.participant_id,
        session_id=event.session_id,
        lots=event.lots,
        lot_kg=event.lot_kg,
        basis_tenge_per_tonne=event.basis_tenge_per_tonne,
        guarantee_basis_points=event.guarantee_basis_points,
        fee_basis_points=event.fee_basis_points,
        fee_minimum_tiyn=event.fee_minimum_tiyn,
        guarantee_tiyn=event.guarantee_tiyn,
        reserve_tiyn=event.reserve_tiyn,
        traded_lots=0 if before is None else before.traded_lots,
        value_tiyn=0 if before is None else before.value_tiyn,
        charged_tiyn=0 if before is None else before.charged_tiyn,
    )
    return replace(state, money=replace(state.money, holds=state.money.holds.insert(event.order_id, hold)))


def _released(state: State, event: OrderReleased) -> State:
    return replace(state, money=replace(state.money, holds=state.money.holds.remove(event.order_id)))


def _traded(money: Money, order_id: str, part: Part) -> Money:
    hold = money.holds.get(order_id)
    if hold is None:
        return money
    return replace(money, holds=money.holds.insert(order_id, after_deal(hold, part)))


def _charged(state: State, event: FeeCharged) -> State:
    part = Part(event.lots, event.value_tiyn, event.guarantee_tiyn, event.fee_tiyn)
    return replace(state, money=_traded(state.money, event.order_id, part))


# --- Obligations ------------------------------------------------------------------------------------------------


def _opened(state: State, event: ObligationOpened) -> State:
    bought, sold = performed.buyer_value(event, event.mass_kg), performed.seller_value(event, event.mass_kg)
    buy_part = Part(event.lots, bought, event.buyer_guarantee_tiyn, event.buyer_fee_tiyn)
    sell_part = Part(event.lots, sold, event.seller_guarantee_tiyn, event.seller_fee_tiyn)
    money = _traded(state.money, event.buy_order_id, buy_part)
    money = _traded(money, event.sell_order_id, sell_part)
    terms = money.terms[event.session_id]
    money = replace(
        money,
        terms=money.terms.insert(event.session_id, replace(terms, obligations=terms.obligations + 1)),
        obligations=money.obligations.insert(event.obligation_id, performed.opened_obligation(event)),
    )
    return replace(state, money=money)


def _change(state: State, obligation_id: str, **changes: object) -> State:
    """Return the state with an obligation changed; what it says must still make sense."""
    before = state.money.obligations[obligation_id]
    assert not before.closing, "what is closed stays as it is"
    obligation: Obligation = replace(before, **changes)
    assert 0 <= obligation.settled_kg <= obligation.delivered_kg, "only what has come is settled"
    assert obligation.pending_kg >= 0, "what has come was on its way"
    assert obligation.awaited_kg >= 0, "no more comes than is due"
    assert obligation.paid_tiyn >= 0, "no more goes back than was paid"
    assert obligation.buyer_guarantee_tiyn >= 0, "no more is freed than is held"
    assert obligation.seller_guarantee_tiyn >= 0, "no more is freed than is held"
    return _with_money(state, obligations=state.money.obligations.insert(obligation_id, obligation))


def _paid(state: State, event: ObligationPaid) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(
        state,
        event.obligation_id,
        paid_tiyn=before.paid_tiyn + event.amount_tiyn,
        paid_on=event.paid_on,
        buyer_guarantee_tiyn=before.buyer_guarantee_tiyn - event.guarantee_tiyn,
    )


def _shipped(state: State, event: ShipmentReported) -> State:
    before = state.money.obligations[event.obligation_id]
    state = _change(state, event.obligation_id, pending_kg=before.pending_kg + event.counted_kg)
    return _with_money(state, shipments=state.money.shipments.insert(event.document, Shipment(event)))


def _received(state: State, event: ReceiptConfirmed) -> State:
    before, shipment = state.money.obligations[event.obligation_id], state.money.shipments[event.document]
    state = _change(
        state,
        event.obligation_id,
        pending_kg=before.pending_kg - shipment.reported.counted_kg,
        delivered_kg=before.delivered_kg + event.counted_kg,
        seller_guarantee_tiyn=before.seller_guarantee_tiyn - event.guarantee_tiyn,
    )
    received = Shipment(replace(shipment.reported, counted_kg=event.counted_kg), is_received=True)
    return _with_money(state, shipments=state.money.shipments.insert(event.document, received))


def _settled(state: State, event: ObligationSettled) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(state, event.obligation_id, settled_kg=before.settled_kg + event.mass_kg)


def _lapsed(state: State, event: ObligationLapsed) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(
        state,
        event.obligation_id,
        lapsed_kg=before.lapsed_kg + event.mass_kg,
        paid_tiyn=before.paid_tiyn - event.repaid_tiyn,
    )


def _closed(state: State, event: ObligationClosed) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(
        state,
        event.obligation_id,
        closing=event.closing,
        buyer_guarantee_tiyn=before.buyer_guarantee_tiyn - event.buyer_guarantee_tiyn,
        seller_guarantee_tiyn=before.seller_guarantee_tiyn - event.seller_guarantee_tiyn,
    )


def _refunded(state: State, event: ObligationRefunded) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(state, event.obligation_id, paid_tiyn=before.paid_tiyn - event.repaid_tiyn)


def _defaulted(state: State, event: DefaultDeclared) -> State:
    before = state.money.obligations[event.obligation_id]
    return _change(state, event.obligation_id, failed=(*before.failed, event.party))


def _covered(state: State, event: DefaultCovered) -> State:
    before = state.money.obligations[event.obligation_id]
    drawn = event.amount_tiyn if event.source == "guarantee" else 0
    guarantee = f"{event.party}_guarantee_tiyn"
    paid = event.amount_tiyn if event.need == "due" else 0
    changes = {guarantee: getattr(before, guarantee) - drawn, "paid_tiyn": before.paid_tiyn + paid}
    return _change(state, event.obligation_id, **changes)


# --- Debts ------------------------------------------------------------------------------------------------------


def _owes(state: State, event: DebtOpened) -> State:
    debts = state.money.debts.get(event.participant_id, ())
    debts = (*debts, Debt(event.debt_id, event.creditor, event.amount_tiyn))
    return _with_money(state, debts=state.money.debts.insert(event.participant_id, debts))


def _owes_less(state: State, event: DebtPaid | DebtWaived) -> State:
    rest = tuple(
        replace(debt, amount_tiyn=debt.amount_tiyn - event.amount_tiyn) if debt.debt_id == event.debt_id else debt
        for debt in state.money.debts[event.participant_id]
    )
    assert all(debt.amount_tiyn >= 0 for debt in rest), "no more is paid than is owed"
    rest = tuple(debt for debt in rest if debt.amount_tiyn)
    debts = state.money.debts
    debts = debts.insert(event.participant_id, rest) if rest else debts.remove(event.participant_id)
    return _with_money(state, debts=debts)


EVOLVERS: Final[Mapping[type, Evolve]] = MappingProxyType(
    {
        LedgerPosted: _ledger_posted,
        Deposited: _came_or_went,
        Withdrawn: _came_or_went,
        FundEndowed: _fund_endowed,
        SettlementTermsFixed: _terms_fixed,
        OrderSecured: _secured,
        OrderReleased: _released,
        FeeCharged: _charged,
        ObligationOpened: _opened,
        ObligationPaid: _paid,
        ShipmentReported: _shipped,
        ReceiptConfirmed: _received,
        ObligationSettled: _settled,
        ObligationLapsed: _lapsed,
        ObligationClosed: _closed,
        ObligationRefunded: _refunded,
        DefaultDeclared: _defaulted,
        DefaultCovered: _covered,
        DebtOpened: _owes,
        DebtPaid: _owes_less,
        DebtWaived: _owes_less,
    }
)


class Steps:
    """The steps of one decision, each judged on the state that the steps before it have led to.

    They are events of money, which no other topic folds or follows: the machine asserts it, and folds none again.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.events: list[AnyEvent] = []

    def add(self, event: AnyEvent) -> None:
        """Write an event down, and look at the state after it from now on."""
        self.state = EVOLVERS[type(event)](self.state, event)
        self.events.append(event)

    def post(self, reason: str, postings: tuple[Posting, ...]) -> None:
        """Write a booking down, unless there is nothing to steps."""
        if postings:
            self.add(LedgerPosted(reason, postings))

    def done(self) -> Folded:
        """Return all that was written down, with the state that it has led to."""
        return Folded.into(self.state, self.events)
