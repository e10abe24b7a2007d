"""Where and when gas is traded: places, links, sessions and their phases, and what a cleared session says."""

from typing import Literal

from naryq.messages.basics import Command, Count, Day, Event, Message, Month, Name

PlaceKind = Literal["plant", "province", "outside"]


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


class OpenSession(Command, frozen=True, tag=True):
    """Open a call session for one delivery month, on a day, in one of the rulebook's windows."""

    session_id: Name
    day: Day
    window: str
    delivery_month: Month
    places: tuple[Place, ...]
    links: tuple[Link, ...]


class CloseSession(Command, frozen=True, tag=True):
    """End the collecting of orders."""

    session_id: Name


class ClearSession(Command, frozen=True, tag=True):
    """Find the uniform prices of a closed session and settle its fills."""

    session_id: Name


class SessionOpened(Event, frozen=True, tag=True):
    """Orders are taken from `opens_at_ns` until `closes_at_ns`, within the collar where the rules set one."""

    session_id: Name
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


class SessionClosed(Event, frozen=True, tag=True):
    """No further order is taken."""

    session_id: Name


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

    session_id: Name
    prices: tuple[PlacePrice, ...]
    fills: tuple[Fill, ...]
    flows: tuple[Flow, ...]
    welfare: int
    dual_value: int
    average_ex_works_tenge_per_tonne: int | None
    rulebook_version: str


SessionCommand = OpenSession | CloseSession | ClearSession
SessionEvent = SessionOpened | SessionClosed | SessionCleared
