"""The kernel of an uncrossing: two queues that are willing at one price meet, the best and oldest first."""

# ruff: noqa: PLR0917 - kernels take their arguments by position

import numpy as np

from naryq.market.kernels import Integers, compiled

CANCEL_NEWEST, CANCEL_RESTING = 1, 2
"""The self-trade rules by number: 0 allows all, and from 3 on both are cancelled."""


@compiled
def meet(
    lots: tuple[Integers, Integers],
    owners: tuple[Integers, Integers],
    ages: tuple[Integers, Integers],
    rule: int,
    pairs: Integers,
    cancelled: tuple[Integers, Integers],
) -> int:
    """Write who trades how much with whom and what is cancelled instead; return how many pairs there are.

    Of each tuple the first part has a row for each order to buy, best and oldest first, and the second for each to
    sell. `lots` is used up. A pair is the row of the buyer, the row of the seller and the quantity. Owners below 0 are
    nobody. Of two orders the older has the lower age.
    """
    buyer, seller, count = np.int64(0), np.int64(0), 0
    while buyer < lots[0].shape[0] and seller < lots[1].shape[0]:
        if rule != 0 and owners[0][buyer] >= 0 and owners[0][buyer] == owners[1][seller]:
            bid_is_older = ages[0][buyer] < ages[1][seller]
            if rule > CANCEL_RESTING or (rule == CANCEL_RESTING) == bid_is_older:
                cancelled[0][buyer] = lots[0][buyer]
                lots[0][buyer] = 0
            if rule > CANCEL_RESTING or (rule == CANCEL_NEWEST) == bid_is_older:
                cancelled[1][seller] = lots[1][seller]
                lots[1][seller] = 0
        else:
            traded = min(lots[0][buyer], lots[1][seller])
            pairs[count, 0], pairs[count, 1], pairs[count, 2] = buyer, seller, traded
            count += 1
            lots[0][buyer] -= traded
            lots[1][seller] -= traded
        buyer += np.int64(lots[0][buyer] == 0)
        seller += np.int64(lots[1][seller] == 0)
    return count
