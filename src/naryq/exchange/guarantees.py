"""What is held for an order before it is taken, and what becomes of it: traded, charged, or free again."""

from typing import Final

from naryq.exchange.debts import owe, pay_debts
from naryq.exchange.money_events import Steps
from naryq.exchange.money_state import Debt, balance, free_tiyn
from naryq.exchange.state import State
from naryq.exchange.topic import Asked, Decision, rules_in_force
from naryq.ledger import accounts, moved
from naryq.ledger.guarantees import Hold, fee_of, fee_tiyn, freed_by, guarantee_tiyn
from naryq.messages import (
    Code,
    FeeCharged,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReleased,
    OrderSecured,
    Refusal,
    SessionOpened,
    SubmitOrder,
)
from naryq.rulebook import InForce
from naryq.units import amount_tiyn, tenge

SHARE: Final = "guarantee_share"
FEE: Final = "exchange_fee"
FEE_MINIMUM: Final = "exchange_fee_minimum"


def _secured(
    rules: InForce, opened: SessionOpened, participant_id: str, order: SubmitOrder | OrderAccepted, before: Hold | None
) -> OrderSecured | None:
    """Return what an order's guarantee and fee will be; None where the rulebook has neither.

    What an order that is amended has traded and paid before counts for its fee.

    A purchase is valued at its limit price, the most it can cost. A sale has no such bound: it is valued at its limit
    or at the session's reference price, whichever is higher. The fee is held only where a guarantee is.
    """
    share, fee, minimum = rules.integer(SHARE), rules.integer(FEE), rules.integer(FEE_MINIMUM)
    if share is None and fee is None and minimum is None:
        return None
    basis, lots, lot_kg = order.price_tenge_per_tonne, order.quantity_lots, opened.lot_kg
    if order.side == "sell":
        basis = max(basis, opened.reference_tenge_per_tonne or 0)
    value, traded_lots, charged = amount_tiyn(basis, lots * lot_kg), 0, 0
    if before is not None:
        value, traded_lots, charged = value + before.value_tiyn, before.traded_lots, before.charged_tiyn
    whole = fee_tiyn(value, lots + traded_lots, fee or 0, minimum or 0)
    return OrderSecured(
        session_id=opened.session_id,
        order_id=order.order_id,
        participant_id=participant_id,
        guarantee_tiyn=guarantee_tiyn(basis, lots, lot_kg, share or 0),
        reserve_tiyn=0 if share is None else max(0, whole - charged),
        guarantee_basis_points=share or 0,
        fee_basis_points=fee or 0,
        fee_minimum_tiyn=minimum or 0,
        basis_tenge_per_tonne=basis,
        lots=lots,
        lot_kg=lot_kg,
    )


def check_guarantee(asked: Asked) -> None:
    """Refuse an order for which there is not enough free money, and say how much is missing (INSUFFICIENT_GUARANTEE).

    The last check of all: whoever is refused for money knows that the order was right in every other way.
    """
    command, state = asked.command, asked.state
    before = state.money.holds.get(command.order_id)
    secured = _secured(asked.rules, asked.session.opened, command.actor, command, before)
    _check_covered(state, secured, before)


def check_initiator(state: State, opened: SessionOpened, order: OrderAccepted) -> None:
    """Refuse to open an auction whose initiator has not the money for its own order (INSUFFICIENT_GUARANTEE)."""
    rules = rules_in_force(state, order.submitted_at_ns)
    _check_covered(state, _secured(rules, opened, order.participant_id, order, None), None)


def _check_covered(state: State, secured: OrderSecured | None, before: Hold | None) -> None:
    if secured is None:
        return
    needed = secured.guarantee_tiyn + secured.reserve_tiyn
    free = max(0, free_tiyn(state.balances, secured.participant_id)) + held_tiyn(before)
    if needed > free:
        raise Refusal(
            Code.INSUFFICIENT_GUARANTEE,
            f"the order needs {tenge(needed, 2)} tenge held and {tenge(free, 2)} are free",
            where="quantity_lots",
            remedy=f"Pay in {tenge(needed - free, 2)} tenge, cancel another order, or send a smaller one.",
        )


def held_tiyn(hold: Hold | None) -> int:
    """Return what is held for an order, in tiyn."""
    return 0 if hold is None else hold.guarantee_tiyn + hold.reserve_tiyn


def secure(state: State, event: OrderAccepted) -> Decision:
    """Follow an accepted order: hold its guarantee and its fee, by the rules in force when it came."""
    rules, opened = rules_in_force(state, event.submitted_at_ns), state.sessions[event.session_id].opened
    secured = _secured(rules, opened, event.participant_id, event, None)
    if secured is None:
        return ()
    steps = Steps(state)
    _hold(steps, event.order_id, secured)
    return steps.done()


def secure_again(state: State, event: OrderAmended) -> Decision:
    """Follow an amended order: what is held follows its price and lots.

    An order that keeps its place keeps the shares of its time as well. For one that goes to the end of the queue there
    is held what would be held if it came now.
    """
    hold, steps, session = state.money.holds.get(event.order_id), Steps(state), state.sessions[event.session_id]
    order = session.orders[session.numbers[event.order_id]]
    if not event.keeps_place:
        rules = rules_in_force(state, event.at_ns)
        secured = _secured(rules, session.opened, order.participant_id, order, hold)
        if secured is None:
            release(steps, event.order_id)
        else:
            _hold(steps, event.order_id, secured)
    elif hold is not None:
        _hold(steps, event.order_id, _reduced(hold, event))
    pay_debts(steps, order.participant_id)
    return steps.done()


def _reduced(hold: Hold, event: OrderAmended) -> OrderSecured:
    """Return what is held for fewer lots of an order, by the shares of its time; never more than was held."""
    basis, lots = hold.basis_tenge_per_tonne, event.quantity_lots
    value = hold.value_tiyn + amount_tiyn(basis, lots * hold.lot_kg)
    fee = fee_tiyn(value, hold.traded_lots + lots, hold.fee_basis_points, hold.fee_minimum_tiyn) - hold.charged_tiyn
    guarantee = guarantee_tiyn(basis, lots, hold.lot_kg, hold.guarantee_basis_points)
    return OrderSecured(
        session_id=event.session_id,
        order_id=event.order_id,
        participant_id=hold.participant_id,
        guarantee_tiyn=min(hold.guarantee_tiyn, guarantee),
        reserve_tiyn=max(0, min(hold.reserve_tiyn, fee)),
        guarantee_basis_points=hold.guarantee_basis_points,
        fee_basis_points=hold.fee_basis_points,
        fee_minimum_tiyn=hold.fee_minimum_tiyn,
        basis_tenge_per_tonne=basis,
        lots=lots,
        lot_kg=hold.lot_kg,
    )


def _hold(steps: Steps, order_id: str, secured: OrderSecured) -> None:
    """Write down what is held for an order from now on, and book the difference to what was held before."""
    before = held_tiyn(steps.state.money.holds.get(order_id))
    steps.add(secured)
    more = secured.guarantee_tiyn + secured.reserve_tiyn - before
    who = secured.participant_id
    steps.post(f"guarantee for order {order_id}", moved(accounts.cash(who), accounts.held(who), more))


def release(steps: Steps, order_id: str) -> None:
    """Free all that is still held for an order that has left."""
    hold = steps.state.money.holds.get(order_id)
    if hold is None:
        return
    steps.add(OrderReleased(order_id, hold.participant_id, hold.guarantee_tiyn, hold.reserve_tiyn))
    free(steps, hold.participant_id, hold.guarantee_tiyn + hold.reserve_tiyn, f"order {order_id} has left")
    pay_debts(steps, hold.participant_id)


def free(steps: Steps, participant_id: str, amount: int, reason: str) -> None:
    """Steps that what was held may be used again."""
    steps.post(reason, moved(accounts.held(participant_id), accounts.cash(participant_id), amount))


def follow_gone(state: State, event: OrderCancelled | OrderExpired) -> Decision:
    """Follow an order that was taken back or has expired: what was held for it is free again."""
    if event.order_id not in state.money.holds:
        return ()
    steps = Steps(state)
    release(steps, event.order_id)
    return steps.done()


# --- Deals ------------------------------------------------------------------------------------------------------


def due_fee(hold: Hold | None, lots: int, value_tiyn: int) -> int:
    """Return the fee that a deal adds, in tiyn; nothing where the order has no terms."""
    return 0 if hold is None else fee_of(hold, lots, value_tiyn)


def due_guarantee(hold: Hold | None, lots: int) -> int:
    """Return the part of an order's guarantee that goes with lots that trade."""
    return 0 if hold is None else freed_by(hold, lots)


def charge_at_trade(steps: Steps, order_id: str, lots: int, value_tiyn: int) -> None:
    """Charge the fee of a deal that is settled at the trade, and free the part of the guarantee that it has used.

    The fee comes from what is held for it, the rest is booked to the current account, as the deal itself is.
    """
    hold = steps.state.money.holds.get(order_id)
    if hold is None or lots == 0:
        return
    who, fee, guarantee = hold.participant_id, fee_of(hold, lots, value_tiyn), freed_by(hold, lots)
    reserved = min(fee, hold.reserve_tiyn)
    steps.add(FeeCharged(order_id, who, lots, value_tiyn, fee, guarantee))
    steps.post(
        f"fee of order {order_id}",
        (
            *moved(accounts.held(who), accounts.FEES, reserved),
            *moved(accounts.participant_account(who), accounts.FEES, fee - reserved),
        ),
    )
    free(steps, who, guarantee, f"order {order_id} is settled")


def charge(steps: Steps, participant_id: str, fee: int, reserved: int, source: str) -> None:
    """Take a fee from what is held for it, then from free money; what is missing is owed."""
    paid = min(fee - reserved, balance(steps.state.balances, accounts.cash(participant_id)))
    steps.post(
        f"fee of {source}",
        (
            *moved(accounts.held(participant_id), accounts.FEES, reserved),
            *moved(accounts.cash(participant_id), accounts.FEES, paid),
        ),
    )
    owe(steps, participant_id, Debt(source, accounts.FEES, fee - reserved - paid), "fee")
