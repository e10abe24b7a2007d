"""What the live stream says: events as they are shown, snapshots and updates with their sequences, and subscriptions.

An event that everybody may see whole is shown as it stands in the journal. Where a part of it is nobody else's
business, one of the events here is shown in its place.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from naryq.messages.basics import Day, Event, Known, Message, Month, Refused, Side
from naryq.messages.control import TradingStopped
from naryq.messages.entry import AnyEvent
from naryq.messages.instruments import Instrument
from naryq.messages.money import Party
from naryq.messages.orders import OrderAccepted
from naryq.messages.pump import PumpPrice
from naryq.messages.sessions import Phase, SessionCleared, SessionOpened, Statistics
from naryq.messages.surveillance import FlagRaised

Channel = Annotated[
    str,
    msgspec.Meta(
        max_length=72, pattern=r"^(venue|own|operator|regulator|market/[A-Za-z0-9][A-Za-z0-9 ._:/@+-]{0,63})$(?!\n)"
    ),
]
"""`venue`, `market/` with a session's identifier, `own`, `operator` or `regulator`."""
MARKET = "market/"
"""How the name of a session's channel begins."""
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A row of the journal: the stream counts in nothing else, so that a number means the same after a restart."""


# --- Events as they are shown -------------------------------------------------------------------------------------


class LevelChanged(Event, frozen=True, tag=True):
    """So much stands at a price of a book now, all orders together; no lots say that the price is gone."""

    session_id: Known
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    orders: int


class BookHidden(Event, frozen=True, tag=True):
    """Nothing of a book is shown from here on: forget its levels."""

    session_id: Known


class TradeReported(Event, frozen=True, tag=True):
    """A trade over an instrument, without those who made it."""

    trade_id: str
    session_id: Known
    price_tenge_per_tonne: int
    quantity_lots: int
    aggressor: Side | None
    at_ns: int


class OrderFilled(Event, frozen=True, tag=True):
    """An order of one's own has traded: the other side is the clearing house.

    `open_lots` is what is left of it; a network session has no trade identifiers.
    """

    session_id: Known
    order_id: Known
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    open_lots: int
    trade_id: str | None


class ObligationTaken(Event, frozen=True, tag=True):
    """What a deal obliges one of its parties to, towards the clearing house: to pay by a day, or to load by one."""

    obligation_id: str
    session_id: Known
    party: Party
    product: str
    delivery_month: Month
    lots: int
    mass_kg: int
    order_id: Known
    place: Known
    price_tenge_per_tonne: int
    guarantee_tiyn: int
    fee_tiyn: int
    due_by: Day | None


class ObligationChanged(Event, frozen=True, tag=True):
    """What has become of an obligation of one's own: `change` is the name of the venue's event.

    `amount_tiyn` is what was paid by a buyer or given back to him, or paid out to a seller; `guarantee_tiyn` is free
    again.
    """

    obligation_id: str
    party: Party
    change: str
    mass_kg: int = 0
    amount_tiyn: int = 0
    guarantee_tiyn: int = 0


class RulebookInForce(Event, frozen=True, tag=True):
    """Another version of the rules holds."""

    name: Known
    version: str


ShownEvent: TypeAlias = (
    AnyEvent
    | LevelChanged
    | BookHidden
    | TradeReported
    | OrderFilled
    | ObligationTaken
    | ObligationChanged
    | RulebookInForce
)


# --- Snapshots ----------------------------------------------------------------------------------------------------


class BookLevel(Message, frozen=True):
    """What stands at one price of a book, all orders together."""

    price_tenge_per_tonne: int
    quantity_lots: int
    orders: int


class Venue(Message, frozen=True, tag=True):
    """What everybody sees of the venue: what is traded, which sessions are on, what is stopped, the pump prices."""

    instruments: tuple[Instrument, ...]
    sessions: tuple["SessionShown", ...]
    stops: tuple[TradingStopped, ...]
    pump_prices: tuple[PumpPrice, ...]
    rulebook_version: str


class SessionShown(Message, frozen=True, tag=True):
    """What everybody sees of a session: its terms and phase, and what has traded in it so far."""

    opened: SessionOpened
    phase: Phase
    statistics: Statistics = Statistics()
    round_number: int = 0
    round_price_tenge_per_tonne: int | None = None


class Market(Message, frozen=True, tag=True):
    """One session and its book, the best price first; no levels where the book is not shown."""

    session: SessionShown
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    cleared: SessionCleared | None = None


class Own(Message, frozen=True, tag=True):
    """One's own open orders, each with its open lots, in the order in which they came."""

    orders: tuple[OrderAccepted, ...]


class Feed(Message, frozen=True, tag=True):
    """Where the feed of a role stands; the regulator's has the flags that are open."""

    flags: tuple[FlagRaised, ...] = ()


Content: TypeAlias = Venue | Market | Own | Feed


# --- What passes over the stream ----------------------------------------------------------------------------------


class Subscribe(Message, frozen=True, tag=True):
    """Ask for a channel: from where one stopped if `after` is given and still held, else from a snapshot."""

    channel: Channel
    after: Sequence | None = None


class Unsubscribe(Message, frozen=True, tag=True):
    """Ask for no more of a channel."""

    channel: Channel


class Snapshot(Message, frozen=True, tag=True):
    """All of a channel as it stands after a row: forget what was known of it before."""

    channel: Channel
    sequence: Sequence
    content: Content


class Resumed(Message, frozen=True, tag=True):
    """What is missing on a channel after a row follows; nothing is left out."""

    channel: Channel
    sequence: Sequence


class Update(Message, frozen=True, tag=True):
    """What the rows after `previous`, up to `sequence`, mean for a channel.

    Whoever knows the channel up to a row from `previous` on can apply it; who knows less has missed something.
    """

    channel: Channel
    previous: Sequence
    sequence: Sequence
    events: tuple[ShownEvent, ...]


class Beat(Message, frozen=True, tag=True):
    """The stream is alive: every row up to this one was looked at, and what it means for the reader was sent."""

    sequence: Sequence


class Declined(Message, frozen=True, tag=True):
    """A subscription, or what was sent in the place of one, was not taken."""

    refused: Refused
    channel: str = ""


class Dropped(Message, frozen=True, tag=True):
    """The last that is said to a reader: why the stream ends, by a close code of docs/reference/stream.md."""

    code: int
    reason: str


ToStream: TypeAlias = Subscribe | Unsubscribe
FromStream: TypeAlias = Snapshot | Resumed | Update | Beat | Declined | Dropped
Audience: TypeAlias = str
"""A channel as the venue keeps it: `own/` with a participant's identifier in the place of `own`."""
OWN: Literal["own/"] = "own/"


def own(participant_id: str) -> Audience:
    """Return the audience that is one participant."""
    return OWN + participant_id


def market(session_id: str) -> Audience:
    """Return the audience that looks at one session."""
    return MARKET + session_id
