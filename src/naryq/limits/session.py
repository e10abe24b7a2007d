"""What bounds the trades of a session: the limit that halts it, the hold that stops rises alone, the breadth of a band.

The halt and its call are those of Xetra's volatility interruption; the hold that leaves one direction free is ICE's
interval price limit; the breadth is that of the dynamic price bands of India's exchanges (SEBI, 24.05.2024).
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from naryq.limits.prices import moved
from naryq.messages import Code, Refusal
from naryq.units import Rounding

HALT: Final = "session_price_limit"
HOLD: Final = "hold_rise"
BAND: Final = "band_step"


class TradeBounds(msgspec.Struct, frozen=True, gc=False):
    """The lowest and highest price at which orders may trade now, and which rule draws each; None bounds nothing."""

    lowest_tenge_per_tonne: int | None = None
    highest_tenge_per_tonne: int | None = None
    lowest_limit: str = HALT
    highest_limit: str = HALT


def halting(anchor_tenge_per_tonne: int | None, limit: int | None) -> TradeBounds:
    """Return the prices within which trading goes on: the anchor, plus and minus the limit in basis points.

    The anchor is the session's reference, and after a reopening the price at which it reopened. Rounded inwards.

    >>> halting(100_001, 500).lowest_tenge_per_tonne, halting(100_001, 500).highest_tenge_per_tonne
    (95001, 105001)
    """
    if anchor_tenge_per_tonne is None or limit is None:
        return TradeBounds()
    return TradeBounds(
        moved(anchor_tenge_per_tonne, -limit, Rounding.UP), moved(anchor_tenge_per_tonne, limit, Rounding.DOWN)
    )


def held(reference_tenge_per_tonne: int | None, rise: int | None) -> int | None:
    """Return the hold: the price above which nothing trades, while falls go on; None without reference or rule.

    >>> held(100_001, 700)
    107001
    """
    if reference_tenge_per_tonne is None or rise is None:
        return None
    return moved(reference_tenge_per_tonne, rise, Rounding.DOWN)


def trade_bounds(halt: TradeBounds, hold_tenge_per_tonne: int | None, limit: str = HOLD) -> TradeBounds:
    """Return bounds with the narrower of their highest price and another; where they meet, the other.

    >>> trade_bounds(halting(100_000, 500), 104_000)
    TradeBounds(lowest_tenge_per_tonne=95000, highest_tenge_per_tonne=104000, lowest_limit='session_price_limit', \
highest_limit='hold_rise')
    """
    if hold_tenge_per_tonne is None:
        return halt
    highest = halt.highest_tenge_per_tonne
    if highest is not None and highest < hold_tenge_per_tonne:
        return halt
    return msgspec.structs.replace(halt, highest_tenge_per_tonne=hold_tenge_per_tonne, highest_limit=limit)


def judge_hold(price_tenge_per_tonne: int, bounds: TradeBounds) -> Refusal | None:
    """Return the refusal of a bid above the hold, or None: it would stand where nobody may sell to it.

    ICE's rule 8B.05(c) does the same. Offers above the hold may stand: the band may widen.
    """
    highest = bounds.highest_tenge_per_tonne
    if highest is None or price_tenge_per_tonne <= highest:
        return None
    return Refusal(
        Code.PRICE_ABOVE_HOLD,
        f"nothing trades above {highest} tenge a tonne in this session ({bounds.highest_limit})",
        where="price_tenge_per_tonne",
        remedy=f"Give at most {highest}.",
    )


# --- Breadth ----------------------------------------------------------------------------------------------------


class Breadth(NamedTuple):
    """How many must have traded at the edge of a band: trades, buyers and sellers, affiliates counted once."""

    trades: int
    buyers: int
    sellers: int


Met = tuple[tuple[str, str], ...]
"""The trades at the edge: buyer and seller of each, as the smallest identifiers of their groups."""


def edge(hold_tenge_per_tonne: int, reference_tenge_per_tonne: int, nearness: int) -> int:
    """Return the lowest price at the edge of the band: the hold less a rate of the reference in basis points.

    >>> edge(107_000, 100_000, 10)
    106900
    """
    return hold_tenge_per_tonne - moved(reference_tenge_per_tonne, nearness - 10_000, Rounding.DOWN)


def breadth_of(met: Met) -> Breadth:
    """Return how many trades, buyers and sellers have met at the edge; a group that trades with itself counts nothing.

    >>> breadth_of((("a", "s"), ("b", "s"), ("a", "a")))
    Breadth(trades=2, buyers=2, sellers=1)
    """
    strangers = tuple((buyer, seller) for buyer, seller in met if buyer != seller)
    return Breadth(len(strangers), _distinct(b for b, _ in strangers), _distinct(s for _, s in strangers))


def _distinct(names: Iterable[str]) -> int:
    return len(frozenset(names))


def is_broad(found: Breadth, wanted: Breadth) -> bool:
    """Say whether enough have traded, on either side and in all.

    >>> is_broad(Breadth(50, 9, 3), Breadth(50, 10, 3))
    False
    """
    return all(has >= needs for has, needs in zip(found, wanted, strict=True))


def widened(hold_tenge_per_tonne: int, reference_tenge_per_tonne: int, step: int) -> int:
    """Return the hold one step further out; the step is a rate of the session's reference in basis points.

    >>> widened(107_000, 100_000, 150)
    108500
    """
    return hold_tenge_per_tonne + moved(reference_tenge_per_tonne, step - 10_000, Rounding.DOWN)
