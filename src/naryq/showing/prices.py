"""Public prices by province: what was published for the pump, and the last wholesale price of each place."""

import msgspec

from naryq.exchange import State
from naryq.exchange.state import Session
from naryq.exchange.topic import region_of
from naryq.messages import PlacePrice, PumpPrice


class ProvincePrice(msgspec.Struct, frozen=True, kw_only=True):
    """One province: its pump price, its price in the last network session, and the last trade delivered there.

    Wholesale prices are tenge a tonne, VAT excluded; each stands beside the session that it comes from.
    """

    province: str
    pump: PumpPrice | None
    wholesale: PlacePrice | None
    session_id: str | None
    last_trade_tenge_per_tonne: int | None
    last_trade_session_id: str | None
    administered: bool


def provinces(state: State) -> tuple[ProvincePrice, ...]:
    """Return every province of the rulebook and every one that has a price, by its code."""
    cleared = _last_cleared(state)
    prices = () if cleared is None or cleared.cleared is None else cleared.cleared.prices
    priced = {each.place: msgspec.structs.replace(each, marginal_orders=()) for each in prices}
    traded = _last_trades(state)
    known = {*_of_rulebook(state), *(code for code, _ in state.pump_prices.items())}
    return tuple(
        ProvincePrice(
            province=code,
            pump=state.pump_prices.get(code),
            wholesale=priced.get(code),
            session_id=cleared.opened.session_id if cleared is not None and code in priced else None,
            last_trade_tenge_per_tonne=None if code not in traded else traded[code].statistics.last_tenge_per_tonne,
            last_trade_session_id=None if code not in traded else traded[code].opened.session_id,
            administered=code in state.limits.administered,
        )
        for code in sorted(known)
    )


def _of_rulebook(state: State) -> tuple[str, ...]:
    if state.rulebook is None:
        return ()
    return state.rulebook.rules_of_day(state.at_ns).words("provinces")


def _last_cleared(state: State) -> Session | None:
    """Return the network session that was cleared last, by the end of its window."""
    cleared = [session for _, session in sorted(state.sessions.items()) if session.cleared is not None]
    return max(cleared, key=lambda session: session.opened.closes_at_ns, default=None)


def _last_trades(state: State) -> dict[str, Session]:
    """Return of each province the session with a trade, over an instrument for it alone, that opened last."""
    found: dict[str, Session] = {}
    for _, session in sorted(state.sessions.items(), key=lambda item: (item[1].opened.opens_at_ns, item[0])):
        region = region_of(state, session)
        if region is not None and session.statistics.trades:
            found[region] = session
    return found
