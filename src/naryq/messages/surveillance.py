"""What the watch over the market says: flags with their evidence, and what the regulator finds of them."""

from typing import Literal

from naryq.messages.basics import Command, Event, Known, Message, Name, Reason, Side

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


Measure = Literal[
    "asked_for_by_the_plan",
    "average_before",
    "average_late",
    "average_now",
    "average_then",
    "bought",
    "bought_at",
    "bought_of_all",
    "carried_round",
    "could_offer",
    "first_sold_at",
    "gap",
    "gap_in_spreads_of_the_losers",
    "groups",
    "held_back_of_all_that_was_offered",
    "hhi_of_purchases",
    "hhi_of_sales",
    "highest",
    "largest_share_of_purchases",
    "largest_share_of_sales",
    "losers",
    "lots",
    "lots_with_itself",
    "lowest",
    "markup_on_resale",
    "mean_pause",
    "messages",
    "messages_for_an_order_that_traded",
    "messages_within_one_second",
    "moved_at_the_close",
    "now_sold_at",
    "of_the_groups_with_one_price_to_buy",
    "of_the_groups_with_one_price_to_sell",
    "offered",
    "offered_by_all",
    "offered_by_the_largest",
    "on_both_sides_of_all_that_traded",
    "pauses",
    "price",
    "residual_supply_index",
    "risen",
    "sessions",
    "sessions_with_the_same_order_of_sellers",
    "share_of_the_late_trades",
    "sold",
    "sold_at",
    "sold_on",
    "times_sold",
    "traded",
    "traded_with_itself_of_all_that_traded",
    "variation_of_the_pauses",
    "variation_of_the_prices_to_buy",
    "variation_of_the_prices_to_sell",
    "with_that_price",
    "withdrawn",
]
"""The closed list of what evidence is of; a page words each in its language."""


class Evidence(Message, frozen=True):
    """One number that a flag rests on: what was measured, its value and its unit.

    Since version 4 the measure is one of `Measure`; before, it was the same in words: `measured` returns the code.
    """

    measure: str
    value: int
    unit: str


def measured(evidence: Evidence) -> str:
    """Return the code of what was measured, also of evidence from before version 4.

    >>> measured(Evidence("held back, of all that was offered", 1, "lots")), measured(Evidence("gap", 1, "lots"))
    ('held_back_of_all_that_was_offered', 'gap')
    """
    return evidence.measure.lower().replace(",", "").replace("-", "").replace(" ", "_")


class WatchedOrder(Message, frozen=True):
    """An order that a flag names, as the watch saw it when its session had ended.

    The price (tenge a tonne, at the plant's gate) is its last one, the lots are those that its sender let stand, or all
    where he took it back whole.
    """

    order_id: str
    participant_id: str
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    traded_lots: int
    at_ns: int
    changes: int
    withdrawn: bool


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


class FlagRaised(Event, frozen=True, tag=True, omit_defaults=True):
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
    orders: tuple[WatchedOrder, ...] = ()
    """The same orders, with what became of each; none before version 4, whose flags are spelled as they were."""


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
