"""The journal's row: one command with all that followed from it, and its one spelling as JSON."""

import msgspec

from naryq.messages.basics import Message, Refused
from naryq.messages.control import ControlCommand, ControlEvent
from naryq.messages.money import MoneyEvent
from naryq.messages.orders import OrderCommand, OrderEvent
from naryq.messages.people import PeopleCommand, PeopleEvent
from naryq.messages.pump import PumpCommand, PumpEvent
from naryq.messages.rulebooks import RulebookCommand, RulebookEvent
from naryq.messages.sessions import SessionCommand, SessionEvent
from naryq.messages.supply import SupplyCommand, SupplyEvent
from naryq.messages.surveillance import SurveillanceCommand, SurveillanceEvent

AnyCommand = (
    PeopleCommand
    | RulebookCommand
    | SessionCommand
    | OrderCommand
    | ControlCommand
    | SupplyCommand
    | PumpCommand
    | SurveillanceCommand
)
AnyEvent = (
    Refused
    | PeopleEvent
    | RulebookEvent
    | SessionEvent
    | OrderEvent
    | ControlEvent
    | MoneyEvent
    | SupplyEvent
    | PumpEvent
    | SurveillanceEvent
)


class Entry(Message, frozen=True):
    """One command with all that followed from it, as the journal keeps it."""

    sequence: int
    command: AnyCommand
    events: tuple[AnyEvent, ...]


_encoder = msgspec.json.Encoder(order="deterministic")
_entry_decoder = msgspec.json.Decoder(Entry)


def encode(message: Message) -> bytes:
    """Write a message as JSON with its keys in a fixed order: equal messages give equal bytes."""
    return _encoder.encode(message)


def canonical(value: object) -> bytes:
    """Write lists, numbers, text and messages as JSON with its keys in a fixed order, for hashing."""
    return _encoder.encode(value)


def decode_entry(payload: bytes) -> Entry:
    """Read one journal row; raises `msgspec.ValidationError` or `msgspec.DecodeError` when it is none."""
    return _entry_decoder.decode(payload)
