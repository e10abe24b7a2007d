"""What a deal obliges to, settled part by part as gas is received: amounts, and the postings of every step.

A value is a function of the kilograms so far, rounded once; a part is worth the difference. So parts sum to the whole.
"""

from typing import NamedTuple

import msgspec

from naryq.ledger import accounts
from naryq.ledger.double_entry import moved
from naryq.ledger.guarantees import still_needed
from naryq.messages import ObligationOpened, Posting
from naryq.units import amount_tiyn


class Agreed(NamedTuple):
    """What one deal agrees on: the product, lots, and the prices of both sides with the carriage between them."""

    product: str
    lots: int
    buy_price_tenge_per_tonne: int
    sell_price_tenge_per_tonne: int
    carriage_tenge_per_tonne: int


class Obligation(msgspec.Struct, frozen=True):
    """One obligation as it stands: what was agreed, and how far it is performed."""

    opened: ObligationOpened
    paid_tiyn: int
    paid_on: str
    """The day of the last payment; empty before the first."""
    pending_kg: int
    """Loaded and not yet received."""
    delivered_kg: int
    settled_kg: int
    """Received, paid for, and paid out."""
    lapsed_kg: int
    buyer_guarantee_tiyn: int
    seller_guarantee_tiyn: int
    failed: tuple[str, ...] = ()
    """The parties that have been declared in default."""
    closing: str = ""
    """How it ended; empty while it is open."""

    @property
    def due_kg(self) -> int:
        """What is agreed and has not lapsed."""
        return self.opened.mass_kg - self.lapsed_kg

    @property
    def awaited_kg(self) -> int:
        """What has still to be loaded."""
        return self.due_kg - self.delivered_kg - self.pending_kg

    @property
    def unpaid_tiyn(self) -> int:
        """What the buyer has still to pay for all that is due."""
        return buyer_value(self.opened, self.due_kg) - self.paid_tiyn


def opened_obligation(event: ObligationOpened) -> Obligation:
    """Return an obligation of which nothing has been performed."""
    return Obligation(event, 0, "", 0, 0, 0, 0, event.buyer_guarantee_tiyn, event.seller_guarantee_tiyn)


def buyer_value(opened: ObligationOpened, mass_kg: int) -> int:
    """Return what the buyer pays for a mass, in tiyn: the price of its place, carriage included."""
    return amount_tiyn(opened.buy_price_tenge_per_tonne, mass_kg)


def seller_value(opened: ObligationOpened, mass_kg: int) -> int:
    """Return what the seller receives for a mass, in tiyn."""
    return amount_tiyn(opened.sell_price_tenge_per_tonne, mass_kg)


class Settled(NamedTuple):
    """What gas that is received and paid for brings to whom, in tiyn; together what the buyer paid for it."""

    seller_tiyn: int
    carrier_tiyn: int
    congestion_tiyn: int


def settled(opened: ObligationOpened, before_kg: int, after_kg: int) -> Settled:
    """Return what is paid out when the settled mass grows; the rent of full links is what remains."""
    seller = seller_value(opened, after_kg) - seller_value(opened, before_kg)
    tariff = opened.carriage_tenge_per_tonne
    carrier = amount_tiyn(tariff, after_kg) - amount_tiyn(tariff, before_kg)
    paid = buyer_value(opened, after_kg) - buyer_value(opened, before_kg)
    return Settled(seller, carrier, paid - seller - carrier)


def part_paid_out(whole: Settled, available_tiyn: int) -> Settled:
    """Return what is paid out where the buyer's money and all cover do not suffice: seller, carrier, then the rent.

    >>> part_paid_out(Settled(100, 20, 5), 110)
    Settled(seller_tiyn=100, carrier_tiyn=10, congestion_tiyn=0)
    """
    rent = min(whole.congestion_tiyn, 0)  # A rounding may cost the rent a tiyn: it pays it first.
    available = available_tiyn - rent
    seller = min(whole.seller_tiyn, available)
    carrier = min(whole.carrier_tiyn, available - seller)
    return Settled(seller, carrier, min(whole.congestion_tiyn, available - seller - carrier) if rent == 0 else rent)


def freed_by_payment(obligation: Obligation, amount_tiyn: int) -> int:
    """Return the part of the buyer's guarantee that a payment frees."""
    whole = buyer_value(obligation.opened, obligation.opened.mass_kg)
    rest = still_needed(obligation.opened.buyer_guarantee_tiyn, obligation.unpaid_tiyn - amount_tiyn, whole)
    return obligation.buyer_guarantee_tiyn - min(rest, obligation.buyer_guarantee_tiyn)


def freed_by_receipt(obligation: Obligation, mass_kg: int) -> int:
    """Return the part of the seller's guarantee that a receipt frees."""
    rest_kg = obligation.due_kg - obligation.delivered_kg - mass_kg
    rest = still_needed(obligation.opened.seller_guarantee_tiyn, rest_kg, obligation.opened.mass_kg)
    return obligation.seller_guarantee_tiyn - min(rest, obligation.seller_guarantee_tiyn)


# --- The postings of each step ----------------------------------------------------------------------------------


def opening_postings(opened: ObligationOpened) -> tuple[Posting, ...]:
    """Return the postings that open an obligation: what each owes to, or will have from, the clearing house."""
    return (
        *moved(accounts.payable(opened.buyer_id), accounts.COMMITMENTS, buyer_value(opened, opened.mass_kg)),
        *moved(accounts.COMMITMENTS, accounts.receivable(opened.seller_id), seller_value(opened, opened.mass_kg)),
        *moved(
            accounts.undelivered(opened.seller_id, opened.product),
            accounts.undelivered(opened.buyer_id, opened.product),
            opened.mass_kg,
            "kg",
        ),
    )


def payment_postings(obligation: Obligation, source: str, amount: int) -> tuple[Posting, ...]:
    """Return the postings by which money from an account pays for an obligation."""
    return (
        *moved(source, accounts.CLEARING, amount),
        *moved(accounts.COMMITMENTS, accounts.payable(obligation.opened.buyer_id), amount),
    )


def receipt_postings(obligation: Obligation, mass_kg: int) -> tuple[Posting, ...]:
    """Return the postings by which a mass is no longer to come but has come."""
    buyer, seller, product = obligation.opened.buyer_id, obligation.opened.seller_id, obligation.opened.product
    return (
        *moved(accounts.undelivered(buyer, product), accounts.delivered(buyer, product), mass_kg, "kg"),
        *moved(accounts.delivered(seller, product), accounts.undelivered(seller, product), mass_kg, "kg"),
    )


def payout_postings(obligation: Obligation, after_kg: int, payout: Settled) -> tuple[Posting, ...]:
    """Return the postings by which the clearing house pays out for gas that is received and paid for."""
    seller = obligation.opened.seller_id
    earned = seller_value(obligation.opened, after_kg) - seller_value(obligation.opened, obligation.settled_kg)
    return (
        *moved(accounts.CLEARING, accounts.cash(seller), payout.seller_tiyn),
        *moved(accounts.CLEARING, accounts.CARRIER, payout.carrier_tiyn),
        *moved(accounts.CLEARING, accounts.CONGESTION, payout.congestion_tiyn),
        *moved(accounts.receivable(seller), accounts.COMMITMENTS, earned),
    )


def repaid_by_lapse(obligation: Obligation, mass_kg: int) -> int:
    """Return what of the buyer's payments goes back when a mass lapses."""
    return max(0, obligation.paid_tiyn - buyer_value(obligation.opened, obligation.due_kg - mass_kg))


def lapse_postings(obligation: Obligation, mass_kg: int) -> tuple[Posting, ...]:
    """Return the postings by which a mass will not come: no longer owed, to be had or to be paid; overpayment back."""
    opened, due_kg = obligation.opened, obligation.due_kg
    buyer, seller, product = opened.buyer_id, opened.seller_id, opened.product
    spared = buyer_value(opened, due_kg) - buyer_value(opened, due_kg - mass_kg)
    unearned = seller_value(opened, due_kg) - seller_value(opened, due_kg - mass_kg)
    repaid = repaid_by_lapse(obligation, mass_kg)
    return (
        *moved(accounts.CLEARING, accounts.cash(buyer), repaid),
        *moved(accounts.COMMITMENTS, accounts.payable(buyer), spared - repaid),
        *moved(accounts.receivable(seller), accounts.COMMITMENTS, unearned),
        *moved(accounts.undelivered(buyer, product), accounts.lapsed(buyer, product), mass_kg, "kg"),
        *moved(accounts.lapsed(seller, product), accounts.undelivered(seller, product), mass_kg, "kg"),
    )


def annulment_postings(obligation: Obligation) -> tuple[Posting, ...]:
    """Return the postings that undo an obligation of which nothing is loaded: its opening turned, payments back."""
    undone = tuple(msgspec.structs.replace(leg, amount=-leg.amount) for leg in opening_postings(obligation.opened))
    buyer = obligation.opened.buyer_id
    return (
        *undone,
        *moved(accounts.CLEARING, accounts.cash(buyer), obligation.paid_tiyn),
        *moved(accounts.payable(buyer), accounts.COMMITMENTS, obligation.paid_tiyn),
    )
