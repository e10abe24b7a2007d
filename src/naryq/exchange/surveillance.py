"""The watch over the market: it listens while a session lasts, looks when it ends, and raises flags for the regulator.

What it costs is bounded: one look at what was sent and traded in the session, and a few numbers a group of the sessions
before. Where the rulebook sets no threshold of the watch, nothing is looked at.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from naryq import surveillance
from naryq.exchange import calendar, plans, supply
from naryq.exchange.people import group_of
from naryq.exchange.state import Flag, Session, State, Tape, Watch
from naryq.exchange.topic import Decision, Topic
from naryq.maps import Map
from naryq.messages import (
    CloseFlag,
    Code,
    Evidence,
    FlagClosed,
    FlagRaised,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    PhaseChanged,
    Refusal,
    SessionEnded,
    SessionOpened,
    SessionWatched,
    Traded,
    WatchedOrder,
)
from naryq.surveillance import Fill, Offer, Sheet, Trade
from naryq.units import Rounding, divide, month_after

REMEMBERED_SESSIONS: Final = 8
"""How many sessions of a market are remembered."""
NETWORK: Final = "network"
"""The market of the sessions over several places; all others are named by their instrument."""
_Heard: TypeAlias = OrderAccepted | OrderAmended | OrderCancelled | Traded


# --- Closing a flag ---------------------------------------------------------------------------------------------


def _close_flag(state: State, command: CloseFlag) -> Decision:
    flag = state.watch.flags.get(command.flag_id)
    if flag is None:
        raise Refusal(
            Code.UNKNOWN_FLAG,
            f"there is no flag {command.flag_id!r}",
            where="flag_id",
            remedy="Name a flag that was raised.",
        )
    if flag.closed is not None:
        raise Refusal(
            Code.WRONG_PHASE,
            f"flag {command.flag_id!r} is closed: {flag.closed.finding}",
            where="flag_id",
            remedy="Let it stand as it was found.",
        )
    return (FlagClosed(command.flag_id, command.finding, command.reason, command.actor),)


# --- Looking at a session ---------------------------------------------------------------------------------------


def _survey(state: State, event: SessionEnded) -> Decision:
    """Hold every screen that the rulebook has a threshold for against a session that has just ended."""
    tape = state.watch.tapes.get(event.session_id)
    if tape is None:
        return ()
    session = state.sessions[event.session_id]
    sheet = _sheet(state, session, tape)
    flags = (
        _raised(state, sheet, number, found)
        for number, found in enumerate(surveillance.screened(sheet, _thresholds(state, session)), start=1)
    )
    return (surveillance.digested(sheet), *flags)


def _thresholds(state: State, session: Session) -> dict[str, int]:
    """Return the thresholds in force on the session's day, by rule."""
    assert state.rulebook is not None, "a session is opened under a rulebook"
    rules = state.rulebook.in_force(session.opened.day, session.opened.day)
    found = ((screen.rule, rules.integer(screen.rule)) for screen in surveillance.SCREENS)
    return {rule: threshold for rule, threshold in found if threshold is not None}


def _raised(state: State, sheet: Sheet, number: int, found: surveillance.Screened) -> FlagRaised:
    named = dict.fromkeys(found.finding.order_ids)
    return FlagRaised(
        flag_id=f"flag-{state.sequence + 1}-{number}",
        screen=found.screen,
        session_id=sheet.session_id,
        subjects=found.finding.subjects,
        evidence=tuple(Evidence(*each) for each in found.finding.evidence),
        order_ids=found.finding.order_ids,
        threshold=found.threshold,
        rule=found.rule,
        orders=tuple(_watched(sheet, offer) for offer in sheet.offers if offer.order_id in named),
    )


def _watched(sheet: Sheet, offer: Offer) -> WatchedOrder:
    return WatchedOrder(
        order_id=offer.order_id,
        participant_id=offer.participant_id,
        side=offer.side,
        price_tenge_per_tonne=offer.price_tenge_per_tonne,
        quantity_lots=offer.quantity_lots,
        traded_lots=sum(fill.quantity_lots for fill in sheet.fills if fill.order_id == offer.order_id),
        at_ns=offer.at_ns,
        changes=len(offer.amended_at_ns),
        withdrawn=offer.withdrawn,
    )


def _market(session: Session) -> str:
    return session.opened.instrument or NETWORK


def _sheet(state: State, session: Session, tape: Tape) -> Sheet:
    """Return a session as the watch sees it, with what was remembered before it ended."""
    opened = session.opened
    heard = tuple(event for _, event in sorted(tape.items()))
    offers = tuple(_offers(state, session, heard))
    trades = tuple(_trades(state, heard))
    place_of = {event.order_id: event.place for event in heard if isinstance(event, OrderAccepted)}
    everywhere = (each for remembered in state.watch.history.values() for each in remembered)
    return Sheet(
        session_id=opened.session_id,
        opens_at_ns=opened.opens_at_ns,
        closes_at_ns=opened.closes_at_ns,
        ended_at_ns=opened.closes_at_ns if session.ended_at_ns is None else session.ended_at_ns,
        offers=offers,
        fills=tuple(_fills(session, offers, trades, place_of)),
        trades=trades,
        bounds_tenge_per_tonne=(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne),
        planned=_planned(state, session, offers),
        history=state.watch.history.get(_market(session), ()),
        elsewhere=tuple(sorted(everywhere, key=lambda each: (each.ended_at_ns, each.session_id))),
    )


def _planned(state: State, session: Session, offers: Iterable[Offer]) -> dict[str, int]:
    """Return what the plan of the session's month asks each group to offer in it, from the plants of the session.

    What a group offers in this very session is given back first: it is that which is held against the plan.
    """
    plan = plans.approved_for(state, session.opened.delivery_month)
    if plan is None:
        return {}
    plants = frozenset(supply.plant_of(state, place.place) for place in session.opened.places)
    left: dict[str, int] = {}
    for seller, plant, kg in supply.still_to_offer(state, plan):
        if plant in plants:
            group = group_of(state, seller)
            left[group] = left.get(group, 0) + kg
    now, lot_kg = surveillance.asked_lots(offers), session.opened.lot_kg
    days = calendar.trading_days_left(state, session.opened.day, f"{month_after(plan.months[-1])}-01")
    owed = ((group, divide(kg, lot_kg, Rounding.UP) + now.get(group, 0)) for group, kg in left.items())
    return {group: surveillance.evenly(lots, days) for group, lots in owed if lots > 0}


def _offers(state: State, session: Session, heard: tuple[_Heard, ...]) -> Iterator[Offer]:
    amended: dict[str, tuple[OrderAmended, ...]] = {}
    for event in heard:
        if isinstance(event, OrderAmended):
            amended[event.order_id] = (*amended.get(event.order_id, ()), event)
    withdrawn = frozenset(event.order_id for event in heard if isinstance(event, OrderCancelled) and not event.reason)
    lots = _lots_let_stand(heard)
    for event in heard:
        if isinstance(event, OrderAccepted):
            later = amended.get(event.order_id, ())
            price = later[-1].price_tenge_per_tonne if later else event.price_tenge_per_tonne
            yield Offer(
                order_id=event.order_id,
                participant_id=event.participant_id,
                group=group_of(state, event.participant_id),
                side=event.side,
                price_tenge_per_tonne=price - session.carriage.get(event.place, 0),
                quantity_lots=lots[event.order_id] or event.quantity_lots,
                at_ns=event.submitted_at_ns,
                withdrawn=event.order_id in withdrawn and not lots[event.order_id],
                amended_at_ns=tuple(each.at_ns for each in later),
            )


def _lots_let_stand(heard: Iterable[_Heard]) -> dict[str, int]:
    """Return the lots of each order that its sender let stand: what had traded when it was changed last, and the rest.

    Whoever offers much and takes most of it back, by a change or a withdrawal, has offered the rest alone; nothing, if
    it was all taken back.
    """
    lots: dict[str, int] = {}
    traded: dict[str, int] = {}
    for event in heard:
        if isinstance(event, OrderAccepted):
            lots[event.order_id] = event.quantity_lots
        elif isinstance(event, OrderAmended):
            lots[event.order_id] = traded.get(event.order_id, 0) + event.quantity_lots
        elif isinstance(event, OrderCancelled):
            if not event.reason:
                lots[event.order_id] = traded.get(event.order_id, 0)
        elif isinstance(event, Traded):
            for order_id in (event.sell_order_id, event.buy_order_id):
                traded[order_id] = traded.get(order_id, 0) + event.quantity_lots
    return lots


def _trades(state: State, heard: Iterable[_Heard]) -> Iterator[Trade]:
    for event in heard:
        if isinstance(event, Traded):
            yield Trade(
                seller=group_of(state, event.seller_id),
                buyer=group_of(state, event.buyer_id),
                price_tenge_per_tonne=event.price_tenge_per_tonne,
                quantity_lots=event.quantity_lots,
                aggressor=event.aggressor,
                at_ns=event.at_ns,
                sell_order_id=event.sell_order_id,
                buy_order_id=event.buy_order_id,
            )


def _fills(
    session: Session, offers: Iterable[Offer], trades: Iterable[Trade], place_of: Mapping[str, str]
) -> Iterator[Fill]:
    by_id = {offer.order_id: offer for offer in offers}
    for trade in trades:
        for order_id in (trade.sell_order_id, trade.buy_order_id):
            yield _fill(by_id[order_id], trade.price_tenge_per_tonne, trade.quantity_lots)
    if session.cleared is not None:
        price_of = {
            price.place: price.price_tenge_per_tonne - session.carriage.get(price.place, 0)
            for price in session.cleared.prices
        }
        for fill in session.cleared.fills:
            if fill.quantity_lots:
                yield _fill(by_id[fill.order_id], price_of[place_of[fill.order_id]], fill.quantity_lots)


def _fill(offer: Offer, price_tenge_per_tonne: int, quantity_lots: int) -> Fill:
    return Fill(offer.order_id, offer.participant_id, offer.group, offer.side, price_tenge_per_tonne, quantity_lots)


# --- What it hears and remembers --------------------------------------------------------------------------------


def _with_watch(state: State, watch: Watch) -> State:
    return msgspec.structs.replace(state, watch=watch)


def _with_tapes(state: State, tapes: Map[str, Tape]) -> State:
    return _with_watch(state, msgspec.structs.replace(state.watch, tapes=tapes))


def _session_opened(state: State, event: SessionOpened) -> State:
    """Begin to listen, where the rulebook holds any screen on the session's day."""
    if not _thresholds(state, state.sessions[event.session_id]):
        return state
    return _with_tapes(state, state.watch.tapes.insert(event.session_id, Map()))


def _heard(state: State, event: _Heard) -> State:
    tape = state.watch.tapes.get(event.session_id)
    if tape is None:
        return state
    return _with_tapes(state, state.watch.tapes.insert(event.session_id, tape.insert(len(tape), event)))


def _phase_changed(state: State, event: PhaseChanged) -> State:
    """Forget the tape of a session that is called off: it will never end."""
    return _with_tapes(state, state.watch.tapes.discard(event.session_id)) if event.phase == "cancelled" else state


def _session_watched(state: State, event: SessionWatched) -> State:
    """Keep a few numbers of the session, and let its tape go."""
    watch, market = state.watch, _market(state.sessions[event.session_id])
    remembered: tuple[SessionWatched, ...] = watch.history.get(market, ())
    history = watch.history.insert(market, (*remembered, event)[-REMEMBERED_SESSIONS:])
    tapes = watch.tapes.discard(event.session_id)
    return _with_watch(state, msgspec.structs.replace(watch, tapes=tapes, history=history))


def _flag_raised(state: State, event: FlagRaised) -> State:
    return _with_flag(state, Flag(event))


def _flag_closed(state: State, event: FlagClosed) -> State:
    return _with_flag(state, msgspec.structs.replace(state.watch.flags[event.flag_id], closed=event))


def _with_flag(state: State, flag: Flag) -> State:
    flags = state.watch.flags.insert(flag.raised.flag_id, flag)
    return _with_watch(state, msgspec.structs.replace(state.watch, flags=flags))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            CloseFlag: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            CloseFlag: _close_flag,
        }
    ),
    evolvers=MappingProxyType(
        {
            SessionOpened: _session_opened,
            OrderAccepted: _heard,
            OrderCancelled: _heard,
            OrderAmended: _heard,
            Traded: _heard,
            SessionWatched: _session_watched,
            PhaseChanged: _phase_changed,
            FlagRaised: _flag_raised,
            FlagClosed: _flag_closed,
        }
    ),
    followers=MappingProxyType(
        {
            SessionEnded: (_survey,),
        }
    ),
)
