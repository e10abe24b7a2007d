"""The pass that brings orders within the limits of their places; see naryq.market.kernels for how kernels are kept."""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Codes, Integers, compiled


@compiled
def clip(
    place: Codes,
    side: Codes,
    price: Integers,
    quantity: Integers,
    place_of: Integers,
    side_of: Integers,
    floor: Integers,
    cap: Integers,
    beyond: int,
    clipped: Integers,
    lots: Integers,
) -> tuple[np.int64, np.int64]:
    """Write for each order what it counts at, and its lots: none, at a price beyond all, if it stands outside.

    Returns the lowest and the highest price of those that stand, or the highest and the lowest whole number where none
    does.
    """
    lowest, highest = np.int64(2**63 - 1), np.int64(-(2**63 - 1))
    for row in range(price.shape[0]):
        here, limit = place_of[place[row]], price[row]
        if side_of[side[row]] == 0:
            stands = limit >= floor[here]
            limit = min(limit, cap[here]) if stands else np.int64(-1)
        else:
            stands = limit <= cap[here]
            limit = max(limit, floor[here]) if stands else np.int64(beyond)
        clipped[row] = limit
        lots[row] = quantity[row] if stands else 0
        if stands:
            lowest, highest = min(lowest, limit), max(highest, limit)
    return lowest, highest
