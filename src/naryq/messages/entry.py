"""The journal's row: one command with all that followed from it, and its one spelling as JSON."""

from typing import Final

import msgspec

from naryq.messages.basics import Message, Refused
from naryq.messages.control import ControlCommand, ControlEvent
from naryq.messages.instruments import InstrumentCommand, InstrumentEvent
from naryq.messages.limits import LimitCommand, LimitEvent
from naryq.messages.money import MoneyCommand, MoneyEvent
from naryq.messages.orders import OrderCommand, OrderEvent
from naryq.messages.people import PeopleCommand, PeopleEvent
from naryq.messages.pump import PumpCommand, PumpEvent
from naryq.messages.rulebooks import RulebookCommand, RulebookEvent
from naryq.messages.sessions import SessionCommand, SessionEvent
from naryq.messages.supply import SupplyCommand, SupplyEvent
from naryq.messages.surveillance import SurveillanceCommand, SurveillanceEvent
from naryq.messages.upcasting import ENTRY_VERSION, Row, lifted

AnyCommand = (
    PeopleCommand
    | RulebookCommand
    | InstrumentCommand
    | SessionCommand
    | OrderCommand
    | ControlCommand
    | MoneyCommand
    | LimitCommand
    | SupplyCommand
    | PumpCommand
    | SurveillanceCommand
)
AnyEvent = (
    Refused
    | PeopleEvent
    | RulebookEvent
    | InstrumentEvent
    | SessionEvent
    | OrderEvent
    | ControlEvent
    | LimitEvent
    | MoneyEvent
    | SupplyEvent
    | PumpEvent
    | SurveillanceEvent
)


class Entry(Message, frozen=True, omit_defaults=True):
    """One command with all that followed from it, as the journal keeps it.

    `version` is the one in which the row was written; a row that names none is of version 1. Use `written_today` to
    make one.
    """

    sequence: int
    command: AnyCommand
    events: tuple[AnyEvent, ...]
    version: int = 1


def written_today(sequence: int, command: AnyCommand, events: tuple[AnyEvent, ...]) -> Entry:
    """Return a row as this version of the program writes it."""
    return Entry(sequence, command, events, ENTRY_VERSION)


_encoder = msgspec.json.Encoder(order="deterministic")
_entry_decoder = msgspec.json.Decoder(Entry)
_command_decoder = msgspec.json.Decoder(AnyCommand)
_events_decoder = msgspec.json.Decoder(tuple[AnyEvent, ...])


def encode(message: Message) -> bytes:
    """Write a message as JSON with its keys in a fixed order: equal messages give equal bytes."""
    return _encoder.encode(message)


def canonical(value: object) -> bytes:
    """Write lists, numbers, text and messages as JSON with its keys in a fixed order, for hashing."""
    return _encoder.encode(value)


def decode_entry(payload: bytes) -> Entry:
    """Read one journal row, of today or of an earlier version: see `naryq.messages.upcasting`.

    Raises:
        msgspec.ValidationError or msgspec.DecodeError: when it is no row.
        Refusal: NOT_SUPPORTED when a later version of the program wrote it.
    """
    if payload.endswith(_WRITTEN_TODAY):
        return _entry_decoder.decode(payload)
    return msgspec.convert(lifted(_row_decoder.decode(payload)), Entry)


def decode_command(spelling: bytes) -> AnyCommand:
    """Read a command by itself; raises as `decode_entry` does."""
    command: AnyCommand = _command_decoder.decode(spelling)
    return command


def decode_events(spelling: bytes) -> tuple[AnyEvent, ...]:
    """Read the events of a row by themselves; raises as `decode_entry` does."""
    return _events_decoder.decode(spelling)


def spelled(sequence: int, command: bytes, events: bytes) -> bytes:
    """Join the spellings of a row's parts: the bytes that `encode` writes for `written_today` of the same."""
    return b"".join((b'{"sequence":', b"%d" % sequence, b',"command":', command, b',"events":', events, _WRITTEN_TODAY))


_row_decoder = msgspec.json.Decoder(Row)
_WRITTEN_TODAY: Final = f',"version":{ENTRY_VERSION}}}'.encode()
"""How a row of today ends, since the version is its last field."""
