"""How orders at the price of their place share what trades there: in turn, or in proportion."""

from typing import NamedTuple

import numpy as np

from naryq.market import kernels
from naryq.market.kernels import Integers
from naryq.market.network import Trade
from naryq.market.passes import Market
from naryq.units import INT64_MAX


class Margin(NamedTuple):
    """What is offered at the margin by place and side (lots), what of it trades, and by which rule it is shared."""

    offered: Integers
    trade: Trade
    tie: str
    submitted_at: Integers | None


def fill_margins(market: Market, margin: Margin, fills: Integers, undecided: int) -> None:
    """Write the fills of the orders at the margin: all, none, or by the tie rule where the margin trades in part."""
    rows = np.empty(undecided, np.int64)
    kernels.undecided_rows(fills, rows)
    group = 2 * market.place_of[market.place[rows]] + market.side_of[market.side[rows]]
    offered = margin.offered.ravel()
    traded = np.stack([margin.trade.margin_bought, margin.trade.margin_sold], axis=1).ravel()
    fills[rows] = np.where((traded == offered)[group], market.quantity[rows], 0)
    for partial in np.flatnonzero((traded > 0) & (traded < offered)):
        members = rows[group == partial]
        if margin.submitted_at is not None:
            members = members[np.argsort(margin.submitted_at[members], kind="stable")]
        share = in_turn if margin.tie == "time" else pro_rata
        fills[members] = share(int(traded[partial]), market.quantity[members])


def in_turn(total: int, quantity: Integers) -> Integers:
    """Give each what it asks for, in the order given, until nothing is left.

    >>> in_turn(5, np.array([3, 3, 3])).tolist()
    [3, 2, 0]
    """
    before = np.cumsum(quantity) - quantity
    share: Integers = np.minimum(np.maximum(total - before, 0), quantity)
    return share


def pro_rata(total: int, quantity: Integers) -> Integers:
    """Share out in proportion by the largest remainder; equal remainders favour the earlier.

    >>> pro_rata(5, np.array([3, 3, 3])).tolist()
    [2, 2, 1]
    """
    weight = int(quantity.sum())
    exact = quantity if total * int(quantity.max()) <= INT64_MAX else quantity.astype(object)
    shares, remainders = exact * total // weight, exact * total % weight
    left = total - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:left]] += 1
    return shares.astype(np.int64)
