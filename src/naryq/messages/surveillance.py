"""What the watch over the market says: flags with their evidence, and what the regulator finds of them."""

from typing import Literal

from naryq.messages.basics import Command, Event, Known, Message, Name, Reason

Screen = Literal[
    "concentration",
    "pivotal_supplier",
    "withheld_capacity",
    "clustered_bids",
    "losing_bids",
    "identical_prices",
    "same_order",
    "order_to_trade",
    "self_match",
    "circular_trades",
    "message_rate",
    "regular_intervals",
    "resale_markup",
    "resale_chain",
    "marking_the_close",
    "momentum",
    "cornering",
]
"""The closed list of screens; docs/reference/surveillance.md gives the formula and the source of each."""


class Evidence(Message, frozen=True):
    """One number that a flag rests on: what was measured, its value and its unit."""

    measure: str
    value: int
    unit: str


class GroupPosition(Message, frozen=True):
    """What a group of affiliates bought and sold in a session: lots, and the sum of price times lots."""

    group: str
    bought_lots: int = 0
    bought_turnover: int = 0
    sold_lots: int = 0
    sold_turnover: int = 0


class GroupTrade(Message, frozen=True):
    """What one group sold to another in a session: lots, and the sum of price times lots."""

    seller: str
    buyer: str
    quantity_lots: int
    turnover: int


class SessionWatched(Event, frozen=True, tag=True):
    """The watch has looked at a session that ended; this is what it keeps of it, a few numbers a group.

    It is for the regulator alone, as the flags are.
    """

    session_id: Known
    ended_at_ns: int
    average_tenge_per_tonne: int | None
    offered: tuple[tuple[str, int], ...]
    """Group -> lots that it offered for sale and did not take back."""
    ranking: tuple[str, ...]
    """The sellers' groups from the cheapest average offer to the dearest."""
    positions: tuple[GroupPosition, ...]
    trades: tuple[GroupTrade, ...]
    """What each group sold to each other, in the order in which they first traded; none where sides are not known."""


class FlagRaised(Event, frozen=True, tag=True):
    """A measure passed its threshold: a reason to look, never a finding.

    It is for the regulator alone: a door that shows events to traders leaves it out.
    """

    flag_id: Known
    screen: Screen
    session_id: Known
    subjects: tuple[str, ...]
    """The groups of participants concerned, each by its smallest identifier."""
    evidence: tuple[Evidence, ...]
    order_ids: tuple[str, ...]
    """Orders to look at first; at most twenty."""
    threshold: int
    rule: str
    """The rule that sets the threshold."""


class CloseFlag(Command, frozen=True, tag=True):
    """Close a flag with what was found."""

    flag_id: Name
    finding: Literal["unfounded", "explained", "referred", "violation"]
    reason: Reason


class FlagClosed(Event, frozen=True, tag=True):
    """The regulator has looked at a flag and says what was found."""

    flag_id: Known
    finding: str
    reason: str
    closed_by: Known


SurveillanceCommand = CloseFlag
SurveillanceEvent = SessionWatched | FlagRaised | FlagClosed
