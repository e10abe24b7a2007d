"""How the auditor judges the breadth of a band: who has met at its edge, and when the hold must be wider."""

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from naryq import messages as m

MINUTE_NS = 60 * 10**9
RULES = ("band_trades", "band_buyers", "band_sellers")


class Band(NamedTuple):
    """What the auditor knows of a session's band: who met at its edge, and its last widening."""

    met: tuple[tuple[frozenset[str], frozenset[str]], ...] = ()
    last: m.BandWidened | None = None


def judged(books: Any, events: tuple[Any, ...]) -> Iterator[str]:
    """Count the trades at the edge of each band again, and compare what widens; this writes them down as well."""
    wanted = []
    for event in events:
        if isinstance(event, m.Traded):
            wider = _after(books, event)
            wanted += [] if wider is None else [wider]
    told = [event for event in events if isinstance(event, m.BandWidened)]
    if told != wanted:
        yield f"the band widens by {told}, by hand {wanted}"


def _after(books: Any, trade: m.Traded) -> m.BandWidened | None:
    """Write a trade down, and return the widening that must follow it."""
    day, reference = books.day(trade.at_ns), books.calls[trade.session_id].opened.reference_tenge_per_tonne
    rule = {name: books.rule(name, day, day) for name in ("hold_rise", "band_edge", "band_step", *RULES)}
    band = books.limits.bands.get(trade.session_id, Band())
    hold = _hold(band, reference, rule["hold_rise"], trade.at_ns)
    if _is_at_edge(band, trade, hold, reference, rule["band_edge"]):
        pair = tuple(frozenset(books.register.group(who)) for who in (trade.buyer_id, trade.seller_id))
        band = band._replace(met=(*band.met, pair))
    books.limits.bands[trade.session_id] = band
    found = [(buyer, seller) for buyer, seller in band.met if buyer != seller]
    counts = (len(found), len({buyer for buyer, _ in found}), len({seller for _, seller in found}))
    if hold is None or None in (rule["band_step"], *(rule[name] for name in RULES)):
        return None
    if not all(has >= rule[name] for has, name in zip(counts, RULES, strict=True)):
        return None
    wider = hold + floor(Fraction(reference * rule["band_step"], 10_000))
    effective_ns = trade.at_ns + (books.rule("band_cooling_off", day, day) or 0) * MINUTE_NS
    widened = m.BandWidened(trade.session_id, hold, wider, *counts, effective_ns)
    books.limits.bands[trade.session_id] = Band((), widened)
    return widened


def _is_at_edge(band: Band, trade: m.Traded, hold: int | None, reference: int | None, nearness: int | None) -> bool:
    if hold is None or reference is None or nearness is None or _is_cooling(band, trade.at_ns):
        return False
    return trade.price_tenge_per_tonne >= hold - floor(Fraction(reference * nearness, 10_000))


def _hold(band: Band, reference: int | None, rise: int | None, at_ns: int) -> int | None:
    if band.last is not None:
        last = band.last
        wider, before = last.highest_after_tenge_per_tonne, last.highest_before_tenge_per_tonne
        return before if _is_cooling(band, at_ns) else wider
    return None if reference is None or rise is None else floor(Fraction(reference * (10_000 + rise), 10_000))


def _is_cooling(band: Band, at_ns: int) -> bool:
    return band.last is not None and at_ns < band.last.effective_at_ns
