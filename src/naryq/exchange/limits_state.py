"""What the limits remember: who sent when, who takes how much in a month, what prices summed to, who claims what."""

from typing import Final

import msgspec

from naryq import limits
from naryq.maps import Map
from naryq.messages import CompensationClaimed, Day, ParityReported, Statistics
from naryq.units import divide


class Sale(msgspec.Struct, frozen=True):
    """What a seller sold in a session under an administered price: its price in tenge a tonne, and its mass."""

    price_tenge_per_tonne: int
    sold_kg: int


class Band(msgspec.Struct, frozen=True):
    """What bounds the trades of one session over an instrument; prices in tenge a tonne."""

    anchor: int | None = None
    """The price at which it reopened after its last halt; None before."""
    halted_until_ns: int | None = None
    hold: int | None = None
    """The hold before it last widened; None while it never did."""
    wider: int | None = None
    widens_at_ns: int | None = None
    met: limits.Met = ()
    """Who has traded at the edge of the band since it last widened."""
    kept_turnover: int = 0
    """The sum of price times lots of what a bound has kept from trading."""
    kept_lots: int = 0
    acted: tuple[str, ...] = ()
    """The limits that have acted on its trades, each once, in the order in which they first did."""


NO_BAND: Final = Band()


def uncapped_average(band: Band, found: Statistics) -> int | None:
    """Return the average of what traded and of what a bound kept from trading, weighted by lots; None of nothing."""
    lots = found.volume_lots + band.kept_lots
    return divide(found.turnover + band.kept_turnover, lots) if lots else None


class Limits(msgspec.Struct, frozen=True):
    """The memory of all limits; what a limit does not need any more is gone from it."""

    sent: Map[str, limits.Times]
    """When each participant sent orders within its last second."""
    batches: Map[tuple[str, str], int]
    """Kilograms that a buyer has bought or is bidding for, by participant and delivery month."""
    prices: Map[str, limits.Counted]
    """The last uncapped prices of each region."""
    administered: Map[str, int]
    """The regions under an administered price, with the sum that was above the threshold."""
    sales: Map[tuple[str, str], tuple[Sale, ...]]
    """What was sold under an administered price, by session and seller."""
    claims: Map[str, CompensationClaimed]
    """The claims that wait for a decision."""
    claimed: Map[tuple[str, str], str]
    """The claim of each session and seller: there is one at most."""
    parity: ParityReported | None
    locks: Map[str, limits.Lock]
    """Where the two keys stand: those of each instrument that has counted a session, the network's under no name."""
    bands: Map[str, Band]
    """What bounds the trades of each session over an instrument, once it has bound."""
    published: Map[str, Day]
    """The day on which each province's pump price was last published."""


def no_limits() -> Limits:
    """Return the memory of a venue on which nothing has happened."""
    return Limits(
        sent=Map(),
        batches=Map(),
        prices=Map(),
        administered=Map(),
        sales=Map(),
        claims=Map(),
        claimed=Map(),
        parity=None,
        locks=Map(),
        bands=Map(),
        published=Map(),
    )
