"""What the watch over the market measures: concentration, bids, conduct, resale; integers in, integers out.

A measure says how unusual a session was. It never says that somebody did wrong: that is the regulator's to find. Each
is written down with its formula and its source in docs/reference/surveillance.md, and how often each speaks of an
honest market is measured by `naryq bench surveillance`.
"""

from naryq.surveillance.screens import SCREENS, Screened, screened
from naryq.surveillance.sheet import Fill, Finding, Offer, Sheet, Trade, asked_lots, digested
from naryq.surveillance.structure import evenly

__all__ = [
    "SCREENS",
    "Fill",
    "Finding",
    "Offer",
    "Screened",
    "Sheet",
    "Trade",
    "asked_lots",
    "digested",
    "evenly",
    "screened",
]
