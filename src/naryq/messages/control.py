"""The stop: trading is suspended in one command, effective before the next order, and resumed in another."""

from typing import Literal

from naryq.messages.basics import Command, Event, Known, LongReason, Name

Scope = Literal["venue", "session", "instrument", "region", "participant"]
"""How far a stop reaches: everything, one session, one instrument, the deliveries of one region, or one participant."""
Resting = Literal["keep", "cancel"]
"""What becomes of the orders that stand where trading stops."""


class StopTrading(Command, frozen=True, tag=True):
    """Suspend trading. `target` names the session, instrument, region or participant; of the venue it says `venue`.

    A regulator may stop again what an operator has stopped, and so make the stop its own.
    """

    scope: Scope
    reason: LongReason
    target: Name = "venue"


class ResumeTrading(Command, frozen=True, tag=True):
    """Lift a stop of the same scope and target, a regulator's only as a regulator.

    What was continuous reopens in a call.
    """

    scope: Scope
    reason: LongReason
    target: Name = "venue"


class TradingStopped(Event, frozen=True, tag=True):
    """From here on no order is taken that the stop reaches."""

    scope: Scope
    target: Known
    reason: str
    resting: Resting
    actor: Known
    at_ns: int
    rulebook_version: str


class TradingResumed(Event, frozen=True, tag=True):
    """A stop is lifted; another may still reach the same orders."""

    scope: Scope
    target: Known
    reason: str
    actor: Known
    at_ns: int


ControlCommand = StopTrading | ResumeTrading
ControlEvent = TradingStopped | TradingResumed
