"""What is traded: instruments, the calendar of the venue, and sessions in series."""

from typing import Annotated, Literal

import msgspec

from naryq.messages.basics import Command, Day, Event, Known, Message, Month, Name, Reason
from naryq.messages.sessions import Lots, Price
from naryq.messages.words import said

REPUBLIC = "KZ"
"""The delivery region that covers every province."""


class Instrument(Message, frozen=True):
    """A product of a plant on a basis of delivery, for buyers of a region, in lots of one size.

    The region is a province's ISO 3166-2 code, `KZ` for the whole Republic, or a name for several provinces.
    """

    code: Name
    product: Name
    plant: Name
    delivery_basis: Name
    delivery_region: Name
    lot_kg: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    tick_tenge_per_tonne: Annotated[int, msgspec.Meta(ge=1, le=10**6)]
    provinces: tuple[Name, ...] = ()
    """The provinces of a region that is made of several."""


class ListInstrument(Command, frozen=True, tag=True):
    """Admit an instrument to trading; the rulebook says its lot by rail or by truck, and its tick."""

    code: Name
    product: Name
    plant: Name
    delivery_basis: Name
    delivery_region: Name
    carriage: Literal["rail", "truck"] = "rail"
    provinces: tuple[Name, ...] = ()


class DelistInstrument(Command, frozen=True, tag=True):
    """End the trading of an instrument, in which no session may be open."""

    code: Name
    reason: Reason


class InstrumentListed(Event, frozen=True, tag=True):
    """Sessions may be opened over an instrument."""

    instrument: Instrument
    rulebook_version: str


class InstrumentDelisted(Event, frozen=True, tag=True):
    """No further session may be opened over an instrument."""

    code: Known
    reason: str


class DeclareHolidays(Command, frozen=True, tag=True):
    """Say on which days of a year, besides Saturdays and Sundays, the venue does not trade, and where that stands."""

    year: Annotated[int, msgspec.Meta(ge=2000, le=2261)]
    days: tuple[Day, ...]
    source: Reason
    working: tuple[Day, ...] = ()
    """Saturdays and Sundays on which it trades."""


class HolidaysDeclared(Event, frozen=True, tag=True):
    """The days of a year on which the venue does not trade besides weekends, and the weekend days on which it does."""

    year: int
    days: tuple[Day, ...]
    working: tuple[Day, ...]
    source: str


class ScheduleSessions(Command, frozen=True, tag=True):
    """Announce additional sessions on a seller's request: some for a region, and if these sell nothing, the Republic.

    The base price is the instrument's last weighted average; without one the command states it with its source.
    """

    series_id: Name
    requested_by: Name
    instrument: Name
    fallback_instrument: Name
    first_day: Day
    window: str
    delivery_month: Month
    quantity_lots: Lots
    base_price_tenge_per_tonne: Price | None = None
    base_source: Annotated[str, said(may_be_empty=True)] = ""


class SessionsScheduled(Event, frozen=True, tag=True):
    """A series of sessions is announced, for a quantity, around a base price with its source."""

    series_id: Known
    requested_by: Known
    session_ids: tuple[Known, ...]
    fallback_from: int
    """The number of sessions, from the first, that are restricted to the region."""
    quantity_lots: int
    base_price_tenge_per_tonne: int
    base_source: str
    rulebook_version: str


class BasePriceSet(Event, frozen=True, tag=True):
    """An announced session of a series has another base price, the average of a later session, and another collar."""

    session_id: Known
    average_of: Known
    """The session whose weighted average it is."""
    reference_tenge_per_tonne: int
    collar_lowest_tenge_per_tonne: int | None
    collar_highest_tenge_per_tonne: int | None
    rulebook_version: str


InstrumentCommand = ListInstrument | DelistInstrument | DeclareHolidays | ScheduleSessions
InstrumentEvent = InstrumentListed | InstrumentDelisted | HolidaysDeclared | SessionsScheduled | BasePriceSet
