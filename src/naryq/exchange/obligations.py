"""Deals that are settled against delivery: opened at the trade, paid, loaded, received, settled, closed or undone."""

from typing import Final

import msgspec

from naryq import pricing
from naryq.exchange.debts import pay_debts, waive
from naryq.exchange.guarantees import charge, charge_at_trade, due_fee, due_guarantee, free, release
from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Terms, free_tiyn
from naryq.exchange.state import Session, State, ordered
from naryq.exchange.topic import Decision
from naryq.ledger import accounts, exchanged, moved, pairing, tariff_table, traded
from naryq.ledger import obligations as performed
from naryq.ledger.obligations import Obligation, Settled
from naryq.messages import (
    AnyCommand,
    Code,
    ConfirmReceipt,
    LedgerPosted,
    ObligationClosed,
    ObligationLapsed,
    ObligationOpened,
    ObligationPaid,
    ObligationRefunded,
    ObligationSettled,
    OrderAccepted,
    PayObligation,
    ReceiptConfirmed,
    RefundObligation,
    Refusal,
    ReportShipment,
    SessionCleared,
    SessionOpened,
    SettlementTermsFixed,
    ShipmentReported,
    Traded,
)
from naryq.units import amount_tiyn, day_after, is_day, last_day_of, share, tenge

PRODUCT: Final = "lpg"
"""What a network session trades."""


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One side of a deal: whose order, and where the gas is handed over."""

    order_id: str
    participant_id: str
    place: str


# --- Opened at the trade ----------------------------------------------------------------------------------------


def fix_terms(state: State, event: SessionOpened) -> Decision:
    """Follow an opened session: the rules in force on its day settle how its deals are performed, whatever comes."""
    assert state.rulebook is not None, "a session has been opened under a rulebook"
    rules = state.rulebook.in_force(event.day, event.day)
    if rules.word("settlement") != "against_delivery":
        return ()
    terms = SettlementTermsFixed(
        session_id=event.session_id,
        settlement="against_delivery",
        payment_days=rules.integer("payment_days"),
        prepayment_days=rules.integer("prepayment_days"),
        delivery_days=rules.integer("delivery_days"),
        weight_tolerance_basis_points=rules.integer("weight_tolerance"),
        penalty_basis_points=rules.integer("penalty_share"),
        penalty_recipient=rules.word("penalty_recipient") or "injured",
        loss_sharing=rules.word("loss_sharing") or "creditor",
    )
    return (terms,)


def settle_session(state: State, event: SessionCleared) -> Decision:
    """Follow a cleared session: settle its fills, or open an obligation for each pair; free what other orders held."""
    steps, session = Steps(state), state.sessions[event.session_id]
    orders = ordered(session.orders)
    if event.session_id in state.money.terms:
        _open_obligations(steps, session, orders, event)
    else:
        _settle_at_trade(steps, session, orders, event)
    for order in orders:
        release(steps, order.order_id)
    return steps.done()


def _settle_at_trade(steps: Steps, session: Session, orders: tuple[OrderAccepted, ...], event: SessionCleared) -> None:
    postings = pricing.settle(session.opened, orders, event)
    steps.add(LedgerPosted(f"settlement of {event.session_id}", postings))
    price_of = {price.place: price.price_tenge_per_tonne for price in event.prices}
    lots_of = traded(event.fills)
    for order in orders:
        lots = lots_of.get(order.order_id, 0)
        if lots:
            value = amount_tiyn(price_of[order.place], lots * session.opened.lot_kg)
            charge_at_trade(steps, order.order_id, lots, value)


def _open_obligations(steps: Steps, session: Session, orders: tuple[OrderAccepted, ...], event: SessionCleared) -> None:
    by_id = {order.order_id: order for order in orders}
    price_of = {price.place: price.price_tenge_per_tonne for price in event.prices}
    lots_of = traded(event.fills)
    filled = [
        pairing.Filled(order.order_id, order.side, order.place, lots_of.get(order.order_id, 0)) for order in orders
    ]
    for pair in pairing.pairs(filled, event.flows, tariff_table(session.opened.links)):
        bought, sold = (
            Leg(order_id, by_id[order_id].participant_id, by_id[order_id].place)
            for order_id in (pair.buy_order_id, pair.sell_order_id)
        )
        deal = performed.Agreed(
            PRODUCT, pair.lots, price_of[bought.place], price_of[sold.place], pair.carriage_tenge_per_tonne
        )
        _open(steps, session.opened, bought, sold, deal)


def settle_trade(state: State, event: Traded) -> Decision:
    """Follow a trade over an instrument: settle it at once, or open an obligation for it."""
    steps, opened = Steps(state), state.sessions[event.session_id].opened
    assert opened.instrument is not None, "trades are over an instrument"
    bought = Leg(event.buy_order_id, event.buyer_id, opened.instrument)
    sold = Leg(event.sell_order_id, event.seller_id, opened.instrument)
    price, lots = event.price_tenge_per_tonne, event.quantity_lots
    if event.session_id in state.money.terms:
        product = state.market.instruments[opened.instrument].product
        _open(steps, opened, bought, sold, performed.Agreed(product, lots, price, price, 0))
    else:
        mass_kg, value = lots * opened.lot_kg, amount_tiyn(price, lots * opened.lot_kg)
        postings = exchanged(event.buyer_id, event.seller_id, value, mass_kg)
        steps.add(LedgerPosted(f"settlement of trade {event.trade_id}", postings))
        for leg in (bought, sold):
            charge_at_trade(steps, leg.order_id, lots, value)
    for leg in (bought, sold):
        hold = steps.state.money.holds.get(leg.order_id)
        if hold is not None and hold.lots == 0:
            release(steps, leg.order_id)
    return steps.done()


def _open(steps: Steps, opened: SessionOpened, bought: Leg, sold: Leg, deal: performed.Agreed) -> None:
    """Open one obligation: the guarantees of both orders go with it, and both sides are charged their fees."""
    terms, holds = steps.state.money.terms[opened.session_id], steps.state.money.holds
    mass_kg = deal.lots * opened.lot_kg
    buy_hold, sell_hold = holds.get(bought.order_id), holds.get(sold.order_id)
    paid = amount_tiyn(deal.buy_price_tenge_per_tonne, mass_kg)
    earned = amount_tiyn(deal.sell_price_tenge_per_tonne, mass_kg)
    event = ObligationOpened(
        obligation_id=f"{opened.session_id}/{terms.obligations + 1}",
        session_id=opened.session_id,
        product=deal.product,
        delivery_month=opened.delivery_month,
        lots=deal.lots,
        mass_kg=mass_kg,
        buyer_id=bought.participant_id,
        buy_order_id=bought.order_id,
        buy_place=bought.place,
        buy_price_tenge_per_tonne=deal.buy_price_tenge_per_tonne,
        seller_id=sold.participant_id,
        sell_order_id=sold.order_id,
        sell_place=sold.place,
        sell_price_tenge_per_tonne=deal.sell_price_tenge_per_tonne,
        carriage_tenge_per_tonne=deal.carriage_tenge_per_tonne,
        buyer_guarantee_tiyn=due_guarantee(buy_hold, deal.lots),
        seller_guarantee_tiyn=due_guarantee(sell_hold, deal.lots),
        buyer_fee_tiyn=due_fee(buy_hold, deal.lots, paid),
        seller_fee_tiyn=due_fee(sell_hold, deal.lots, earned),
        pay_by=_pay_by(terms, opened.day),
        deliver_by=day_after(last_day_of(opened.delivery_month), terms.fixed.delivery_days or 0),
    )
    steps.add(event)
    steps.post(f"obligation {event.obligation_id}", performed.opening_postings(event))
    for party, who, fee, hold in (
        ("buyer", event.buyer_id, event.buyer_fee_tiyn, buy_hold),
        ("seller", event.seller_id, event.seller_fee_tiyn, sell_hold),
    ):
        if fee and hold is not None:
            charge(steps, who, fee, min(fee, hold.reserve_tiyn), fee_debt(event.obligation_id, party))


def _pay_by(terms: Terms, day: str) -> str | None:
    return None if terms.fixed.payment_days is None else day_after(day, terms.fixed.payment_days)


def fee_debt(obligation_id: str, party: str) -> str:
    """Return the name of what a party owes for the fee of an obligation."""
    return f"{obligation_id}/{party}/fee"


# --- Named and open ---------------------------------------------------------------------------------------------


def open_obligation(state: State, obligation_id: str) -> Obligation:
    """Return an obligation that is open; refuses (UNKNOWN_OBLIGATION, WRONG_PHASE) otherwise."""
    obligation = state.money.obligations.get(obligation_id)
    if obligation is None:
        raise Refusal(
            Code.UNKNOWN_OBLIGATION,
            f"there is no obligation {obligation_id!r}",
            where="obligation_id",
            remedy="Name one as a statement names it: the session, a slash and a number.",
        )
    if obligation.closing:
        raise Refusal(
            Code.WRONG_PHASE,
            f"obligation {obligation_id!r} is {obligation.closing}",
            where="obligation_id",
            remedy="This needs an obligation that is open.",
        )
    return obligation


def _check_party(state: State, command: AnyCommand, party: str, participant_id: str) -> None:
    """Refuse whoever is neither the party that must act nor the operator, who may act for it."""
    if command.actor != participant_id and state.participants[command.actor].role != "operator":
        raise Refusal(
            Code.NOT_PERMITTED,
            f"{command.actor!r} is not the {party} of this obligation",
            where="obligation_id",
            remedy=f"Let its {party} or the operator send it.",
        )


def today(state: State, command: AnyCommand) -> str:
    """Return the day of a command by the venue's clock."""
    assert state.rulebook is not None, "obligations are opened under a rulebook"
    return state.rulebook.day(command.at_ns)


# --- Paid -------------------------------------------------------------------------------------------------------


def pay(state: State, command: PayObligation) -> Decision:
    """Decide `PayObligation`: the buyer's free money, and the guarantee that the payment frees, go to clearing."""
    obligation = open_obligation(state, command.obligation_id)
    buyer = obligation.opened.buyer_id
    _check_party(state, command, "buyer", buyer)
    if command.amount_tiyn > obligation.unpaid_tiyn:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"{tenge(obligation.unpaid_tiyn, 2)} tenge are unpaid",
            where="amount_tiyn",
            remedy="Pay at most that.",
        )
    freed = performed.freed_by_payment(obligation, command.amount_tiyn)
    has = max(0, free_tiyn(state.balances, buyer)) + freed
    if has < command.amount_tiyn:
        raise insufficient_funds(command.amount_tiyn, has)
    steps = Steps(state)
    steps.add(ObligationPaid(command.obligation_id, command.amount_tiyn, today(state, command), freed))
    free(steps, buyer, freed, f"paid for obligation {command.obligation_id}")
    postings = performed.payment_postings(obligation, accounts.cash(buyer), command.amount_tiyn)
    steps.post(f"payment for obligation {command.obligation_id}", postings)
    settle(steps, command.obligation_id)
    return steps.done()


def insufficient_funds(needed: int, has: int) -> Refusal:
    """Return the refusal of a payment that free money does not cover."""
    return Refusal(
        Code.INSUFFICIENT_FUNDS,
        f"{tenge(needed, 2)} tenge are asked for and {tenge(has, 2)} are free",
        where="amount_tiyn",
        remedy=f"Pay in {tenge(needed - has, 2)} tenge first, or give a smaller amount.",
    )


# --- Loaded and received ----------------------------------------------------------------------------------------


def ship(state: State, command: ReportShipment) -> Decision:
    """Decide `ReportShipment`: a document counts once, here or in a plan, and only up to what is still awaited."""
    obligation = open_obligation(state, command.obligation_id)
    terms = state.money.terms[obligation.opened.session_id]
    _check_party(state, command, "seller", obligation.opened.seller_id)
    _check_last_day(state, command, obligation.opened.deliver_by)
    if command.document in state.money.shipments or command.document in state.supply.documents:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"loading document {command.document!r} is reported already",
            where="document",
            remedy="Give each loading document once.",
        )
    _check_loading_day(
        command.loaded_on, state.sessions[obligation.opened.session_id].opened.day, today(state, command)
    )
    _check_prepaid(obligation, terms, command.loaded_on)
    highest = obligation.awaited_kg + tolerance_kg(obligation, terms) if obligation.awaited_kg else 0
    if command.mass_kg > highest:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"{obligation.awaited_kg} kg are awaited and at most {highest} kg are taken",
            where="mass_kg",
            remedy="Report the rest under another obligation.",
        )
    counted = min(command.mass_kg, obligation.awaited_kg)
    reported = ShipmentReported(
        command.obligation_id, command.document, command.mass_kg, counted, command.loaded_on, command.wagons
    )
    return (reported,)


def _check_last_day(state: State, command: ReportShipment, deliver_by: str) -> None:
    """Refuse (NOT_PERMITTED) a seller's report after its last day, on which only the operator may still take one.

    No default is due while anything is under way: one small document after another would put it off for ever.
    """
    if today(state, command) > deliver_by and state.participants[command.actor].role != "operator":
        raise Refusal(
            Code.NOT_PERMITTED,
            f"the seller had until {deliver_by} to load",
            where="obligation_id",
            remedy="Send the loading document to the operator, who may report it as long as no default is declared.",
        )


def _check_loading_day(day: str, earliest: str, latest: str) -> None:
    """Refuse a day that is none, one to come, and one before the deal: that gas was loaded for somebody else."""
    if is_day(day) and earliest <= day <= latest:
        return
    raise Refusal(
        Code.OUT_OF_RANGE,
        f"{day} is no day of the calendar from {earliest}, the day of the deal, to {latest}",
        where="loaded_on",
        remedy="Give the day on which the gas was loaded, as its document says.",
    )


def _check_prepaid(obligation: Obligation, terms: Terms, loaded_on: str) -> None:
    days = terms.fixed.prepayment_days
    if days is None or performed.buyer_value(obligation.opened, obligation.due_kg) == 0:
        return
    if obligation.unpaid_tiyn or day_after(obligation.paid_on, days) > loaded_on:
        raise Refusal(
            Code.NOT_PAID,
            f"the buyer has not paid in full {days} days before {loaded_on}",
            where="loaded_on",
            remedy="Load when the payment is in, and as many days later as the rule prepayment_days says.",
        )


def tolerance_kg(obligation: Obligation, terms: Terms) -> int:
    """Return by how much what is loaded may differ from what was agreed, in kg, rounded half up."""
    return share(obligation.opened.mass_kg, terms.fixed.weight_tolerance_basis_points or 0)


def receive(state: State, command: ConfirmReceipt) -> Decision:
    """Decide `ConfirmReceipt`: what came counts as delivered, and what is paid for is paid out.

    Where less came than was loaded, the rest is awaited again: the seller loads it, or fails at its deadline.
    """
    shipment = state.money.shipments.get(command.document)
    if shipment is None:
        raise Refusal(
            Code.UNKNOWN_OBLIGATION,
            f"no shipment is reported under document {command.document!r}",
            where="document",
            remedy="Name the loading document as the seller reported it.",
        )
    if shipment.is_received:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"the receipt of document {command.document!r} is confirmed already",
            where="document",
            remedy="Confirm each loading document once.",
        )
    obligation_id = shipment.reported.obligation_id
    obligation = open_obligation(state, obligation_id)
    _check_party(state, command, "buyer", obligation.opened.buyer_id)
    short_kg = _short_kg(state, command, shipment.reported.mass_kg)
    counted = shipment.reported.counted_kg if short_kg is None else min(short_kg, shipment.reported.counted_kg)
    steps, seller = Steps(state), obligation.opened.seller_id
    freed = performed.freed_by_receipt(obligation, counted)
    steps.add(ReceiptConfirmed(obligation_id, command.document, counted, freed, short_kg))
    steps.post(f"receipt of document {command.document}", performed.receipt_postings(obligation, counted))
    free(steps, seller, freed, f"document {command.document} has arrived")
    _lapse_small_rest(steps, obligation_id)
    settle(steps, obligation_id)
    return steps.done()


def _short_kg(state: State, command: ConfirmReceipt, loaded_kg: int) -> int | None:
    """Return what came where it is less than was loaded; None where all came.

    Refuses what is more (OUT_OF_RANGE), and less from anybody but the operator (NOT_PERMITTED): the buyer would pay
    less by its own word, and the seller be in default by it.
    """
    if command.received_kg is None or command.received_kg == loaded_kg:
        return None
    if command.received_kg > loaded_kg:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"{loaded_kg} kg were loaded under document {command.document!r}",
            where="received_kg",
            remedy="Give at most that; what was loaded besides has a document of its own.",
        )
    if state.participants[command.actor].role != "operator":
        raise Refusal(
            Code.NOT_PERMITTED,
            f"only the operator writes down that less came than the {loaded_kg} kg that were loaded",
            where="received_kg",
            remedy="Do not confirm the receipt, and send the operator the inspection act.",
        )
    return command.received_kg


def _lapse_small_rest(steps: Steps, obligation_id: str) -> None:
    """Let a rest within the tolerance go, once nothing is on its way: a tank car is never filled to the kilogram."""
    obligation = steps.state.money.obligations[obligation_id]
    rest = obligation.awaited_kg
    is_small = 0 < rest <= tolerance_kg(obligation, steps.state.money.terms[obligation.opened.session_id])
    if is_small and obligation.pending_kg == 0:
        lapse(steps, obligation_id, rest, "within the tolerance")


def lapse(steps: Steps, obligation_id: str, mass_kg: int, reason: str) -> None:
    """Write down that a mass will not come, and pay back what was paid for it."""
    obligation = steps.state.money.obligations[obligation_id]
    steps.add(ObligationLapsed(obligation_id, mass_kg, performed.repaid_by_lapse(obligation, mass_kg)))
    postings = performed.lapse_postings(obligation, mass_kg)
    steps.post(f"{mass_kg} kg of obligation {obligation_id} lapse: {reason}", postings)


# --- Settled and closed -----------------------------------------------------------------------------------------


def settle(steps: Steps, obligation_id: str) -> None:
    """Pay out what is received and paid for, and close the obligation once nothing is left of it."""
    obligation = steps.state.money.obligations[obligation_id]
    opened = obligation.opened
    mass_kg = obligation.delivered_kg - obligation.settled_kg
    if mass_kg and obligation.paid_tiyn >= performed.buyer_value(opened, obligation.delivered_kg):
        pay_out(steps, obligation_id, performed.settled(opened, obligation.settled_kg, obligation.delivered_kg))
    close_if_done(steps, obligation_id)
    pay_debts(steps, opened.seller_id, opened.buyer_id)


def pay_out(steps: Steps, obligation_id: str, payout: Settled) -> None:
    """Write down what the clearing house pays out for all that is received."""
    obligation = steps.state.money.obligations[obligation_id]
    mass_kg = obligation.delivered_kg - obligation.settled_kg
    steps.add(ObligationSettled(obligation_id, mass_kg, *payout))
    postings = performed.payout_postings(obligation, obligation.delivered_kg, payout)
    steps.post(f"settlement of {mass_kg} kg of obligation {obligation_id}", postings)


def close_if_done(steps: Steps, obligation_id: str) -> None:
    """Close an obligation of which all is settled or has lapsed."""
    obligation = steps.state.money.obligations[obligation_id]
    if not obligation.closing and obligation.settled_kg + obligation.lapsed_kg == obligation.opened.mass_kg:
        close(steps, obligation_id, "defaulted" if obligation.failed else "performed")


def close(steps: Steps, obligation_id: str, closing: str) -> None:
    """Close an obligation and free what is left of its guarantees."""
    obligation = steps.state.money.obligations[obligation_id]
    held = (obligation.buyer_guarantee_tiyn, obligation.seller_guarantee_tiyn)
    steps.add(ObligationClosed(obligation_id, closing, *held))  # type: ignore[arg-type]  # one of the closed list
    for who, amount in zip((obligation.opened.buyer_id, obligation.opened.seller_id), held, strict=True):
        free(steps, who, amount, f"obligation {obligation_id} is {closing}")


# --- Undone -----------------------------------------------------------------------------------------------------


def refund(state: State, command: RefundObligation) -> Decision:
    """Decide `RefundObligation`: a void deal of which nothing was loaded is turned round to the last tiyn."""
    obligation = open_obligation(state, command.obligation_id)
    if obligation.delivered_kg or obligation.pending_kg or obligation.failed:
        raise Refusal(
            Code.WRONG_PHASE,
            f"obligation {command.obligation_id!r} is partly performed or in default",
            where="obligation_id",
            remedy="Only one of which nothing has come or is on its way can be undone; let the rest be declared.",
        )
    steps, opened, paid = Steps(state), obligation.opened, obligation.paid_tiyn
    fees = (opened.buyer_fee_tiyn, opened.seller_fee_tiyn)
    steps.add(ObligationRefunded(command.obligation_id, command.reason, paid, *fees))
    steps.post(f"obligation {command.obligation_id} is undone", performed.annulment_postings(obligation))
    for party, who, fee in (("buyer", opened.buyer_id, fees[0]), ("seller", opened.seller_id, fees[1])):
        fee_paid = fee - waive(steps, fee_debt(command.obligation_id, party), who)
        steps.post(
            f"fee of obligation {command.obligation_id} goes back", moved(accounts.FEES, accounts.cash(who), fee_paid)
        )
    close(steps, command.obligation_id, "refunded")
    pay_debts(steps, opened.buyer_id, opened.seller_id)
    return steps.done()
