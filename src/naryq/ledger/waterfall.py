"""Who bears a default: the defaulter first, then the funds, then the others or nobody; every tiyn is drawn once."""

from collections.abc import Sequence
from typing import NamedTuple


class Need(NamedTuple):
    """What a default costs somebody, and to which account it is due; `from_funds` says whether others may bear it."""

    name: str
    target: str
    amount_tiyn: int
    from_funds: bool


class Source(NamedTuple):
    """An account that may be drawn on, for how much at most, and whether it is the defaulter's own."""

    name: str
    account: str
    amount_tiyn: int
    is_own: bool


class Draw(NamedTuple):
    """An amount that a source gives for a need."""

    source: Source
    need: Need
    amount_tiyn: int


def draws(needs: Sequence[Need], sources: Sequence[Source]) -> tuple[tuple[Draw, ...], tuple[Need, ...]]:
    """Draw on sources in their order for needs in theirs; returns the draws, and the needs that are left.

    Everything drawn and everything left together is exactly what was needed.

    >>> debt = Need("due", "clearing", 10, from_funds=True)
    >>> sources = [Source("guarantee", "held:a", 4, is_own=True), Source("fund", "guarantee_fund", 3, is_own=False)]
    >>> drawn, left = draws([debt], sources)
    >>> [draw.amount_tiyn for draw in drawn], [need.amount_tiyn for need in left]
    ([4, 3], [3])
    """
    found: list[Draw] = []
    left = list(needs)
    for source in sources:
        rest = source.amount_tiyn
        assert rest >= 0, "a source gives; it does not take"
        for index, need in enumerate(left):
            amount = min(rest, need.amount_tiyn) if source.is_own or need.from_funds else 0
            if amount:
                found.append(Draw(source, need, amount))
                left[index] = need._replace(amount_tiyn=need.amount_tiyn - amount)
                rest -= amount
    return tuple(found), tuple(need for need in left if need.amount_tiyn)
