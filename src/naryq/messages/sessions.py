"""Where and when gas is traded: places, links, sessions and their phases, and what a cleared session says."""

from typing import Annotated, Literal

import msgspec

from naryq.messages.basics import Command, Count, Day, Event, Known, Message, Month, Name, Reason, Side

PlaceKind = Literal["plant", "province", "outside"]
SessionKind = Literal["network", "call", "continuous", "standard"]
"""How a session finds its prices.

`network`: one optimal price a place, over links. `call`: one instrument, one price by a venue's rule. `continuous`: the
double counter auction, price then time. `standard`: the law's standard auction, one initiator against many.
"""
Phase = Literal[
    "announced", "collecting", "call", "continuous", "halted", "closed", "cleared", "published", "cancelled"
]
Price = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
"""Tenge a tonne, VAT excluded."""
Lots = Annotated[int, msgspec.Meta(ge=1, le=10**6)]


class Place(Message, frozen=True):
    """A place where gas is offered or wanted: a plant, a province, or a market outside the country."""

    place: Name
    kind: PlaceKind


class Link(Message, frozen=True):
    """A way from one place to another, its capacity in lots and its tariff in tenge a tonne (VAT excluded)."""

    source: Name
    target: Name
    capacity_lots: Count
    tariff_tenge_per_tonne: Count


class StandardTerms(Message, frozen=True):
    """What is agreed before a standard auction; `naryq.StandardAuction` says what each word means.

    A reserve that is not published stands in the journal, which is the operator's, and in nothing that others see.
    """

    initiator_id: Name
    initiator: Literal["seller", "buyer"]
    direction: Literal["up", "down"]
    format: Literal["open", "sealed"]
    payment: Literal["uniform", "pay_as_bid"]
    lots: Lots
    start_price_tenge_per_tonne: Price
    step_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1
    reserve_price_tenge_per_tonne: Price | None = None
    reserve_published: bool = False
    minimum_participants: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 3
    """With fewer the auction is void; the rulebook says it, whatever the command does."""


class OpenSession(Command, frozen=True, tag=True):
    """Open a session for one delivery month, on a day, in one of the rulebook's windows.

    A `network` session names its places and links. All other kinds name one listed instrument instead, whose code is
    then the session's only place. A session with a region takes orders of buyers there alone.
    """

    session_id: Name
    day: Day
    window: str
    delivery_month: Month
    places: tuple[Place, ...] = ()
    links: tuple[Link, ...] = ()
    kind: SessionKind = "network"
    instrument: Name | None = None
    region: Name | None = None
    opening_call: bool = False
    """Whether a continuous session begins with a call."""
    closing_call: bool = False
    """Whether a continuous session ends with a call."""
    standard: StandardTerms | None = None


class ChangePhase(Command, frozen=True, tag=True):
    """Take a session into another phase, as its kind allows, and say why."""

    session_id: Name
    phase: Phase
    reason: Reason


class NextRound(Command, frozen=True, tag=True):
    """End the round of an open standard auction, and call the next where there is one."""

    session_id: Name


class PublishSession(Command, frozen=True, tag=True):
    """Publish the statistics of an ended session over one instrument."""

    session_id: Name


class CloseSession(Command, frozen=True, tag=True):
    """End the collecting of orders."""

    session_id: Name


class ClearSession(Command, frozen=True, tag=True):
    """Find the uniform prices of a closed session and settle its fills."""

    session_id: Name


class SessionOpened(Event, frozen=True, tag=True):
    """Orders are taken from `opens_at_ns` until `closes_at_ns`, within the collar where the rules set one."""

    session_id: Known
    day: Day
    window: str
    delivery_month: Month
    places: tuple[Place, ...]
    links: tuple[Link, ...]
    opens_at_ns: int
    closes_at_ns: int
    lot_kg: int
    reference_tenge_per_tonne: int | None
    collar_lowest_tenge_per_tonne: int | None
    collar_highest_tenge_per_tonne: int | None
    rulebook_version: str
    kind: SessionKind = "network"
    instrument: Known | None = None
    region: Known | None = None
    opening_call: bool = False
    closing_call: bool = False
    standard: StandardTerms | None = None
    phase: Phase = "collecting"
    """The phase in which it begins."""
    tick_tenge_per_tonne: int = 1
    tie_rule: str = ""
    """The rules of ties, prices and self-trades in force when the session opened; empty in journals from before."""
    price_rule: str = ""
    self_trade: str = ""
    market_orders: bool = False
    """Whether market orders are taken."""
    series_id: Known | None = None
    """The series that it belongs to, where it was scheduled."""


class PhaseChanged(Event, frozen=True, tag=True):
    """A session is in another phase, for the reason given, from the instant given."""

    session_id: Known
    phase: Phase
    reason: str
    at_ns: int


class Traded(Event, frozen=True, tag=True):
    """Two orders over one instrument have traded.

    In a continuous phase the price is that of the order in the book, and `aggressor` the side that came to it; in a
    call and in an auction there is none.
    """

    trade_id: str
    session_id: Known
    price_tenge_per_tonne: int
    quantity_lots: int
    buy_order_id: Known
    buyer_id: Known
    sell_order_id: Known
    seller_id: Known
    aggressor: Side | None
    at_ns: int


class RoundCalled(Event, frozen=True, tag=True):
    """The next round of an open standard auction has a price; None when the auction waits to be cleared."""

    session_id: Known
    round_number: int
    price_tenge_per_tonne: int | None


class Statistics(Message, frozen=True):
    """What a session over one instrument came to: prices (tenge a tonne), volume and the number of trades."""

    trades: int = 0
    volume_lots: int = 0
    turnover: int = 0
    """The sum of price times lots."""
    first_tenge_per_tonne: int | None = None
    highest_tenge_per_tonne: int | None = None
    lowest_tenge_per_tonne: int | None = None
    last_tenge_per_tonne: int | None = None


class SessionEnded(Event, frozen=True, tag=True):
    """Nothing more trades in a session of any kind; its statistics where it is over one instrument."""

    session_id: Known
    at_ns: int
    statistics: Statistics | None = None
    weighted_average_tenge_per_tonne: int | None = None
    reference_moved: bool = False
    """Whether the average is the reference from now on: only enough volume moves it."""


class SessionPublished(Event, frozen=True, tag=True):
    """The statistics of a session over one instrument are public, with the limits that made them what they are."""

    session_id: Known
    day: Day
    instrument: Known
    statistics: Statistics
    weighted_average_tenge_per_tonne: int | None
    rulebook_version: str
    limits: tuple[str, ...] = ()
    """The limits that halted it or kept orders from trading, each once, in the order in which they first did."""
    uncapped_average_tenge_per_tonne: int | None = None
    """The average with what limits kept from trading, at the prices at which it would have; None where they kept none.
    """


class SessionClosed(Event, frozen=True, tag=True):
    """No further order is taken, for the reason given; before version 3 none was."""

    session_id: Known
    reason: str = ""


class PlacePrice(Message, frozen=True):
    """The uniform price of one place, and why: the marginal orders, the full links, the limits that bound.

    `set_at` names the place whose marginal orders set this price, over links that are not full; None when none does.
    """

    place: Name
    price_tenge_per_tonne: int
    traded_lots: int
    set_at: Name | None
    marginal_orders: tuple[str, ...]
    full_links: tuple[str, ...]
    limits: tuple[str, ...]
    uncapped_price_tenge_per_tonne: int | None = None
    """What the price would have been without an administered price, where one applied and gas would have traded."""


class Fill(Message, frozen=True):
    """What an order received: lots, at the uniform price of its place."""

    order_id: Name
    quantity_lots: int


class Flow(Message, frozen=True):
    """What moved along a link, in lots."""

    source: Name
    target: Name
    quantity_lots: int


class SessionCleared(Event, frozen=True, tag=True):
    """The prices, fills and flows of a session; `welfare` equals `dual_value`, which proves the optimum."""

    session_id: Known
    prices: tuple[PlacePrice, ...]
    fills: tuple[Fill, ...]
    flows: tuple[Flow, ...]
    welfare: int
    dual_value: int
    average_ex_works_tenge_per_tonne: int | None
    rulebook_version: str
    reference_moved: bool = True
    """Whether the average is the reference from now on: where the rules say so, only enough volume moves it."""


SessionCommand = OpenSession | ChangePhase | CloseSession | ClearSession | NextRound | PublishSession
SessionEvent = (
    SessionOpened
    | PhaseChanged
    | SessionClosed
    | SessionCleared
    | Traded
    | RoundCalled
    | SessionEnded
    | SessionPublished
)
