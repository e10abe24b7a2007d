"""What is held for an order and what a deal costs: formulas that lose no tiyn however an order is filled.

Each amount is a difference of two values of one formula. So the parts of an order that fills in pieces sum to what the
whole would have been, and the last piece takes the last tiyn.
"""

import msgspec

from naryq.units import Rounding, amount_tiyn, divide, share


class Hold(msgspec.Struct, frozen=True):
    """What is held for an order that stands, and what it has traded and paid so far. The shares are those of its time.

    A rule may have changed since: an order is judged by the rules in force when it was taken.
    """

    participant_id: str
    session_id: str
    lots: int
    """What may still trade."""
    lot_kg: int
    basis_tenge_per_tonne: int
    guarantee_basis_points: int
    fee_basis_points: int
    fee_minimum_tiyn: int
    guarantee_tiyn: int
    reserve_tiyn: int
    """What is held for the fee and not yet charged."""
    traded_lots: int = 0
    value_tiyn: int = 0
    charged_tiyn: int = 0


def guarantee_tiyn(basis_tenge_per_tonne: int, lots: int, lot_kg: int, basis_points: int) -> int:
    """Return what is held for lots at a price: a share of their value, rounded up so that it is never less.

    >>> guarantee_tiyn(100_000, 2, 36_000, 1_000)
    72000000
    """
    return share(amount_tiyn(basis_tenge_per_tonne, lots * lot_kg), basis_points, Rounding.UP)


def fee_tiyn(value_tiyn: int, lots: int, basis_points: int, minimum_tiyn: int) -> int:
    """Return the fee of an order that has traded lots for a value in all: a share of it, at least the minimum.

    >>> fee_tiyn(72_000_000, 2, 10, 0), fee_tiyn(0, 2, 10, 500), fee_tiyn(0, 0, 10, 500)
    (72000, 500, 0)
    """
    return max(minimum_tiyn, share(value_tiyn, basis_points)) if lots else 0


def freed_by(hold: Hold, lots: int) -> int:
    """Return the part of an order's guarantee that belongs to lots that trade now."""
    assert 0 <= lots <= hold.lots, "an order trades no more than is left of it"
    rest = guarantee_tiyn(hold.basis_tenge_per_tonne, hold.lots - lots, hold.lot_kg, hold.guarantee_basis_points)
    return hold.guarantee_tiyn - min(rest, hold.guarantee_tiyn)


def fee_of(hold: Hold, lots: int, value_tiyn: int) -> int:
    """Return what a deal adds to an order's fee: the fee of all it has traded, less what was charged before.

    An order that was amended under a lower fee may have paid more already; nothing goes back.
    """
    so_far = fee_tiyn(
        hold.value_tiyn + value_tiyn, hold.traded_lots + lots, hold.fee_basis_points, hold.fee_minimum_tiyn
    )
    return max(0, so_far - hold.charged_tiyn)


class Part(msgspec.Struct, frozen=True, gc=False):
    """What one deal does to an order: lots and their value, the guarantee that goes with them, the fee."""

    lots: int
    value_tiyn: int
    guarantee_tiyn: int
    fee_tiyn: int


def after_deal(hold: Hold, part: Part) -> Hold:
    """Return an order's hold after a deal."""
    assert 0 <= part.guarantee_tiyn <= hold.guarantee_tiyn, "only what is held can be freed"
    return msgspec.structs.replace(
        hold,
        lots=hold.lots - part.lots,
        guarantee_tiyn=hold.guarantee_tiyn - part.guarantee_tiyn,
        reserve_tiyn=hold.reserve_tiyn - min(hold.reserve_tiyn, part.fee_tiyn),
        traded_lots=hold.traded_lots + part.lots,
        value_tiyn=hold.value_tiyn + part.value_tiyn,
        charged_tiyn=hold.charged_tiyn + part.fee_tiyn,
    )


def still_needed(guarantee: int, rest: int, whole: int) -> int:
    """Return what of a guarantee is still needed when a part of the whole is performed: pro rata, rounded up.

    >>> still_needed(1_000, 1, 3), still_needed(1_000, 0, 3), still_needed(1_000, 0, 0)
    (334, 0, 0)
    """
    assert 0 <= rest <= whole, "the rest is a part of the whole"
    return divide(guarantee * rest, whole, Rounding.UP) if whole else 0
