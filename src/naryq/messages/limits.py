"""What the limits need to be told, and what they say when they act: counters, bands, parity, claims."""

from typing import Annotated

import msgspec

from naryq.messages.basics import Command, Count, Day, Event, Known, LongReason, Name
from naryq.messages.rulebooks import LegalSource
from naryq.messages.words import said

Price = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
"""Tenge a tonne, VAT excluded."""
Statement = Annotated[str, said(min_length=1, max_length=10_000)]


class ReportParity(Command, frozen=True, tag=True):
    """Report what a tonne would earn as export on a day, ex-works, with the source that says so."""

    day: Day
    parity_tenge_per_tonne: Price
    source: LegalSource


class ParityReported(Event, frozen=True, tag=True):
    """What a tonne would earn as export on a day, ex-works."""

    day: Day
    parity_tenge_per_tonne: int
    source: LegalSource
    actor: str = ""
    """Who reported it; before version 4 nobody is named."""


class LimitReached(Event, frozen=True, tag=True):
    """A limit acts from now on: `limit` is the rule's name, `subject` whom or what it binds (session, region, person).

    `value` has passed `threshold`, both in `unit`; `what` says it in words. `until_ns` is when it ends by itself.
    """

    limit: str
    subject: str
    value: int
    threshold: int
    unit: str
    what: str
    at_ns: int
    session_id: Known | None = None
    until_ns: int | None = None
    lots: int = 0
    """What it kept from trading, where it did, as far as it stood on the other side and was not counted before."""


class LimitLifted(Event, frozen=True, tag=True):
    """A limit no longer acts on its subject."""

    limit: str
    subject: str
    value: int
    threshold: int
    unit: str
    what: str
    at_ns: int


class BandWidened(Event, frozen=True, tag=True):
    """Enough trades by enough people at the edge of a session's band: it is wider from `effective_at_ns` on."""

    session_id: Known
    highest_before_tenge_per_tonne: int
    highest_after_tenge_per_tonne: int
    trades: int
    buyers: int
    sellers: int
    effective_at_ns: int


class PriceCounted(Event, frozen=True, tag=True):
    """What a session's price in a region would have been without limits joins the region's rolling sum."""

    session_id: Known
    region: Known
    uncapped_price_tenge_per_tonne: int
    sessions: int
    """How many prices the sum has."""
    sum_tenge_per_tonne: int
    at_ns: int


class KeysCounted(Event, frozen=True, tag=True):
    """How the two keys stand after a session: its average ex-works price, the parity it is held against, sessions.

    `acting` is for how many sessions the limit has acted; None while it does not. The keys are those of an
    instrument, or of the network (None), which bind the whole venue.
    """

    session_id: Known
    average_tenge_per_tonne: int
    parity_tenge_per_tonne: int | None
    turned: int
    failed: int
    acting: int | None
    instrument: Known | None = None


class CollarTightened(Event, frozen=True, tag=True):
    """An emergency has drawn a session's collar closer: new orders meet it, and those that stand keep standing."""

    session_id: Known
    emergency_id: Known
    collar_lowest_tenge_per_tonne: int | None
    collar_highest_tenge_per_tonne: int | None
    rulebook_version: str


class ClaimCompensation(Command, frozen=True, tag=True):
    """Claim what a sale at an administered price left below cost, with a statement of the cost a tonne."""

    claim_id: Name
    session_id: Name
    cost_tenge_per_tonne: Price
    statement: Statement


class CompensationClaimed(Event, frozen=True, tag=True):
    """A claim waits for the regulator: it is due at most `claimed_tiyn` = (cost - price) * mass, over all sales."""

    claim_id: Known
    session_id: Known
    participant_id: Known
    cost_tenge_per_tonne: int
    statement: str
    sold_kg: int
    claimed_tiyn: int
    at_ns: int


class DecideClaim(Command, frozen=True, tag=True):
    """Grant a claim in full or in part, or nothing of it, with a reason."""

    claim_id: Name
    granted_tiyn: Count
    reason: LongReason


class ClaimDecided(Event, frozen=True, tag=True):
    """A claim is decided; what is granted is booked from the fund to the seller."""

    claim_id: Known
    participant_id: Known
    granted_tiyn: int
    reason: str
    at_ns: int


LimitCommand = ReportParity | ClaimCompensation | DecideClaim
LimitEvent = (
    ParityReported
    | LimitReached
    | LimitLifted
    | BandWidened
    | PriceCounted
    | KeysCounted
    | CollarTightened
    | CompensationClaimed
    | ClaimDecided
)
