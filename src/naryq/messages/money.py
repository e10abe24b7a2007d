"""Money and deliveries: what is paid in and out, held, owed, loaded, received, and what is booked for each of these."""

from typing import Annotated, Literal

import msgspec

from naryq.messages.basics import Command, Day, Event, Known, Message, Month, Name, Reason

Tiyn = Annotated[int, msgspec.Meta(ge=1, le=10**16)]
"""An amount that is paid: at least one tiyn, at most a hundred trillion tenge."""
Settlement = Literal["at_trade", "against_delivery"]
"""When a deal is settled: at once and in full, or part by part as gas is received."""
Party = Literal["buyer", "seller"]
Fund = Literal["guarantee_fund", "insurance_fund", "fund"]
"""The guarantee and the insurance fund of the venue, and the fund of the reform."""
Closing = Literal["performed", "defaulted", "refunded"]
ObligationId = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""The session's identifier, a slash and a number."""


class Posting(Message, frozen=True):
    """One leg of a double entry: an account, its unit, and an amount that is positive when the account receives."""

    account: str
    unit: Literal["tiyn", "kg"]
    amount: int


class LedgerPosted(Event, frozen=True, tag=True):
    """A balanced set of postings: for each unit the amounts sum to zero."""

    reason: str
    postings: tuple[Posting, ...]


# --- Money in and out -------------------------------------------------------------------------------------------


class Deposit(Command, frozen=True, tag=True):
    """Confirm that a participant's money has reached the bank; a bank reference counts once."""

    participant_id: Name
    amount_tiyn: Tiyn
    bank_reference: Name


class Withdraw(Command, frozen=True, tag=True):
    """Confirm that free money of a participant has left the bank; a bank reference counts once."""

    participant_id: Name
    amount_tiyn: Tiyn
    bank_reference: Name


class EndowFund(Command, frozen=True, tag=True):
    """Confirm that money for a fund has reached the bank; a bank reference counts once."""

    fund: Fund
    amount_tiyn: Tiyn
    bank_reference: Name


class Deposited(Event, frozen=True, tag=True):
    """A participant's money has come in."""

    participant_id: Known
    amount_tiyn: int
    bank_reference: Known


class Withdrawn(Event, frozen=True, tag=True):
    """A participant's money has gone out."""

    participant_id: Known
    amount_tiyn: int
    bank_reference: Known


class FundEndowed(Event, frozen=True, tag=True):
    """A fund has received money."""

    fund: Fund
    amount_tiyn: int
    bank_reference: Known


# --- Terms and guarantees ---------------------------------------------------------------------------------------


class SettlementTermsFixed(Event, frozen=True, tag=True):
    """How the deals of a session are performed: the rules in force on its day, for all of its obligations.

    Shares are in basis points, spans in days; None where the rulebook has no such rule. A session that settles at the
    trade has no such event.
    """

    session_id: Known
    settlement: Settlement
    payment_days: int | None
    prepayment_days: int | None
    delivery_days: int | None
    weight_tolerance_basis_points: int | None
    penalty_basis_points: int | None
    penalty_recipient: str
    loss_sharing: str


class OrderSecured(Event, frozen=True, tag=True):
    """Money is held for an order: its guarantee, and its fee at the limit price."""

    session_id: Known
    order_id: Known
    participant_id: Known
    guarantee_tiyn: int
    reserve_tiyn: int
    guarantee_basis_points: int
    fee_basis_points: int
    fee_minimum_tiyn: int
    basis_tenge_per_tonne: int
    """The price at which the order is valued: its limit, or for a sale the session's reference if that is higher."""
    lots: int
    lot_kg: int


class OrderReleased(Event, frozen=True, tag=True):
    """An order has left; what is still held for it is free again."""

    order_id: Known
    participant_id: Known
    guarantee_tiyn: int
    reserve_tiyn: int


class FeeCharged(Event, frozen=True, tag=True):
    """An order traded and was settled at the trade: its fee, and the part of its guarantee that is free again."""

    order_id: Known
    participant_id: Known
    lots: int
    value_tiyn: int
    fee_tiyn: int
    guarantee_tiyn: int


# --- Obligations ------------------------------------------------------------------------------------------------


class ObligationOpened(Event, frozen=True, tag=True):
    """What one deal obliges to: the buyer to pay, the seller to load, each towards the clearing house alone.

    The guarantees are parts of what was held for the two orders. Each pays by `pay_by` and loads by `deliver_by`.
    """

    obligation_id: str
    session_id: Known
    product: str
    delivery_month: Month
    lots: int
    mass_kg: int
    buyer_id: Known
    buy_order_id: Known
    buy_place: Known
    buy_price_tenge_per_tonne: int
    seller_id: Known
    sell_order_id: Known
    sell_place: Known
    sell_price_tenge_per_tonne: int
    carriage_tenge_per_tonne: int
    buyer_guarantee_tiyn: int
    seller_guarantee_tiyn: int
    buyer_fee_tiyn: int
    seller_fee_tiyn: int
    pay_by: Day | None
    deliver_by: Day


class PayObligation(Command, frozen=True, tag=True):
    """Pay for an obligation, in full or in part, from the buyer's free money."""

    obligation_id: ObligationId
    amount_tiyn: Tiyn


class ReportShipment(Command, frozen=True, tag=True):
    """Report what was loaded for an obligation, by its loading document; a document counts once."""

    obligation_id: ObligationId
    document: Name
    mass_kg: Annotated[int, msgspec.Meta(ge=1, le=10**10)]
    loaded_on: Day
    wagons: tuple[Name, ...] = ()
    """The numbers of the tank cars or trucks."""


class ConfirmReceipt(Command, frozen=True, tag=True):
    """Confirm that what a loading document names has been received, or what of it: the seller is paid for that.

    `received_kg` is None where all came that was loaded. Less is for the operator alone to say, by an inspection act;
    zero says that nothing came. What did not come is awaited again, and the seller's default where it never comes.
    """

    document: Name
    received_kg: Annotated[int, msgspec.Meta(ge=0, le=10**10)] | None = None


class DeclareDefault(Command, frozen=True, tag=True):
    """State, after the deadline, that a party has failed to pay or to load."""

    obligation_id: ObligationId
    party: Party
    reason: Reason


class RefundObligation(Command, frozen=True, tag=True):
    """Undo an obligation of which nothing has been loaded, where its deal is void: everything goes back."""

    obligation_id: ObligationId
    reason: Reason


class ObligationPaid(Event, frozen=True, tag=True):
    """The buyer has paid a part; the guarantee for it is free again."""

    obligation_id: str
    amount_tiyn: int
    paid_on: Day
    guarantee_tiyn: int


class ShipmentReported(Event, frozen=True, tag=True):
    """Gas was loaded; `counted_kg` is what the obligation still takes of it."""

    obligation_id: str
    document: Known
    mass_kg: int
    counted_kg: int
    loaded_on: Day
    wagons: tuple[Known, ...]


class ReceiptConfirmed(Event, frozen=True, tag=True):
    """Gas was received; the seller's guarantee for it is free again.

    `counted_kg` is what the obligation takes of it; `received_kg` is what came where that is less than was loaded.
    """

    obligation_id: str
    document: Known
    counted_kg: int
    guarantee_tiyn: int
    received_kg: int | None = None


class ObligationSettled(Event, frozen=True, tag=True):
    """Gas that is received and paid for was settled: what the clearing house paid out, to whom."""

    obligation_id: str
    mass_kg: int
    seller_tiyn: int
    carrier_tiyn: int
    congestion_tiyn: int


class ObligationLapsed(Event, frozen=True, tag=True):
    """A part of what was agreed will not come, within the tolerance or by default; what was paid for it goes back."""

    obligation_id: str
    mass_kg: int
    repaid_tiyn: int


class ObligationClosed(Event, frozen=True, tag=True):
    """Nothing more is owed under an obligation; what is left of its guarantees is free again."""

    obligation_id: str
    closing: Closing
    buyer_guarantee_tiyn: int
    seller_guarantee_tiyn: int


class ObligationRefunded(Event, frozen=True, tag=True):
    """An obligation is undone: what was paid and what was charged goes back."""

    obligation_id: str
    reason: str
    repaid_tiyn: int
    buyer_fee_tiyn: int
    seller_fee_tiyn: int


class DefaultDeclared(Event, frozen=True, tag=True):
    """A party has failed: what is due for gas already received, and the penalty on what was not performed."""

    obligation_id: str
    party: Party
    participant_id: Known
    reason: str
    due_tiyn: int
    penalty_tiyn: int


class DefaultCovered(Event, frozen=True, tag=True):
    """One step of a default: how much one source gave for one need, `due` or `penalty`."""

    obligation_id: str
    party: Party
    source: str
    need: str
    amount_tiyn: int


class DebtOpened(Event, frozen=True, tag=True):
    """A participant owes what could not be had from it; the creditor is an account."""

    debt_id: str
    participant_id: Known
    creditor: str
    amount_tiyn: int
    reason: str


class DebtPaid(Event, frozen=True, tag=True):
    """A debt was paid, or a part of it."""

    debt_id: str
    participant_id: Known
    amount_tiyn: int


class DebtWaived(Event, frozen=True, tag=True):
    """A debt, or a part of it, is no longer owed: what it was for is undone."""

    debt_id: str
    participant_id: Known
    amount_tiyn: int


MoneyCommand = (
    Deposit | Withdraw | EndowFund | PayObligation | ReportShipment | ConfirmReceipt | DeclareDefault | RefundObligation
)
MoneyEvent = (
    LedgerPosted
    | Deposited
    | Withdrawn
    | FundEndowed
    | SettlementTermsFixed
    | OrderSecured
    | OrderReleased
    | FeeCharged
    | ObligationOpened
    | ObligationPaid
    | ShipmentReported
    | ReceiptConfirmed
    | ObligationSettled
    | ObligationLapsed
    | ObligationClosed
    | ObligationRefunded
    | DefaultDeclared
    | DefaultCovered
    | DebtOpened
    | DebtPaid
    | DebtWaived
)
