"""What the watch over the market says: flags with their evidence, and what the regulator finds of them."""

from typing import Literal

from naryq.messages.basics import Command, Event, Message, Name, Reason

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


class FlagRaised(Event, frozen=True, tag=True):
    """A measure passed its threshold: a reason to look, never a finding.

    It is for the regulator alone: a door that shows events to traders leaves it out.
    """

    flag_id: Name
    screen: Screen
    session_id: Name
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

    flag_id: Name
    finding: str
    reason: str
    closed_by: Name


SurveillanceCommand = CloseFlag
SurveillanceEvent = FlagRaised | FlagClosed
