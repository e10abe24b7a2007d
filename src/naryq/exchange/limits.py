"""What bounds orders, months and prices at the venue: it reads the rules and the memory, and says what they refuse.

The arithmetic stands in `naryq.limits`; which limit is made for what, in docs/reference/limits.md. The two keys have a
topic of their own, `naryq.exchange.parity`.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from naryq import ledger, limits
from naryq.exchange import control, people
from naryq.exchange.limits_state import NO_BAND, Sale, uncapped_average
from naryq.exchange.state import Session, State, with_session
from naryq.exchange.topic import Asked, Decision, Topic, counting_region_of, mass_kg, rules_in_force
from naryq.maps import Map
from naryq.messages import (
    ClaimCompensation,
    ClaimDecided,
    Code,
    CollarTightened,
    CompensationClaimed,
    DecideClaim,
    EmergencyDeclared,
    LimitLifted,
    LimitReached,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    PriceCounted,
    PricesPublished,
    Refusal,
    SessionCleared,
    SessionEnded,
    SessionOpened,
    SubmitOrder,
    Traded,
)
from naryq.rulebook import InForce, Rulebook
from naryq.units import NS_PER_DAY

PER_TONNE: Final = "tenge_per_tonne"
replace = msgspec.structs.replace


# --- Checks of an order -----------------------------------------------------------------------------------------


def check_collar(asked: Asked) -> None:
    """Refuse a price outside the session's collar (PRICE_ABOVE_COLLAR, PRICE_BELOW_COLLAR)."""
    opened = asked.session.opened
    if asked.command.order_type == "market":
        return
    bounds = limits.Collar(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    _raise(limits.judge_price(asked.command.price_tenge_per_tonne, _carriage(asked), bounds))


def check_size(asked: Asked) -> None:
    """Refuse an order that is too large (TOO_MANY_LOTS, TOO_MUCH_VALUE)."""
    command, rules = asked.command, asked.rules
    price, lots, lot_kg = command.price_tenge_per_tonne, command.quantity_lots, asked.session.opened.lot_kg
    most = rules.integer(limits.LOTS)
    most_kg = None if most is None else most * rules.required_integer("lot")
    _raise(limits.judge_size(price, lots, lot_kg, most_kg, rules.integer(limits.VALUE)))


def check_rate(asked: Asked) -> None:
    """Refuse an order that follows the last ones of its sender and its affiliates too fast (TOO_FAST)."""
    highest = asked.rules.integer(limits.RATE)
    if highest is not None:
        times = _sent_by_group(asked.state, asked.command.actor)
        _raise(limits.judge_rate(times, asked.command.at_ns, highest))


def check_batch(asked: Asked) -> None:
    """Refuse a bid outside the batch of its month, affiliates counted as one (BATCH_TOO_SMALL, BATCH_TOO_LARGE)."""
    command, rules = asked.command, asked.rules
    least, most = rules.integer(limits.LEAST), rules.integer(limits.MOST)
    if command.side == "sell" or (least is None and most is None):
        return
    _judge_batch(asked, 0 if asked.replaces is None else asked.replaces.quantity_lots, least, most)


def check_reduced(asked: Asked) -> None:
    """Refuse to reduce a bid until its month's batch is too small (BATCH_TOO_SMALL): it would not be taken as it is.

    No other limit is tighter for fewer lots. The largest batch is not asked: whoever is above a new one may come down.
    """
    command, least = asked.command, asked.rules.integer(limits.LEAST)
    assert asked.replaces is not None, "what is reduced stands"
    if command.side == "buy":
        _judge_batch(asked, asked.replaces.quantity_lots, least, None)


def _judge_batch(asked: Asked, replaced_lots: int, least: int | None, most: int | None) -> None:
    session = asked.session
    standing_kg = _taken_by_group(asked.state, asked.command.actor, session.opened.delivery_month)
    standing_kg -= mass_kg(session, replaced_lots)
    order_kg = mass_kg(session, asked.command.quantity_lots)
    _raise(limits.judge_batch(standing_kg, order_kg, asked.rules.required_integer("lot"), least, most))


def _raise(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise refusal


def _carriage(asked: Asked) -> int:
    return asked.session.carriage[asked.command.place]


def _taken_by_group(state: State, participant_id: str, month: str) -> int:
    """Return the kilograms that a participant and its affiliates have bought or are bidding for in a month."""
    return sum(state.limits.batches.get((member, month), 0) for member in people.members_of(state, participant_id))


def _sent_by_group(state: State, participant_id: str) -> limits.Times:
    """Return when a participant and its affiliates sent their last orders."""
    return limits.together(state.limits.sent.get(member, ()) for member in people.members_of(state, participant_id))


def _a_robot(state: State, command: SubmitOrder) -> Decision:
    """Write a breach of the message rate down for the regulator, beside the refusal."""
    highest = rules_in_force(state, command.at_ns).integer(limits.RATE)
    assert highest is not None, "what was refused by a rule has the rule"
    times = limits.remembered(_sent_by_group(state, command.actor), command.at_ns)
    found = limits.within_second(times, command.at_ns)
    return (
        LimitReached(
            limit=limits.RATE,
            subject=command.actor,
            value=found,
            threshold=highest,
            unit=limits.RATE,
            what=f"{found} orders within a second: order {command.order_id!r} was refused as a robot's",
            at_ns=command.at_ns,
            session_id=command.session_id,
        ),
    )


# --- The collar of an emergency ---------------------------------------------------------------------------------

LIVE: Final = ("announced", *control.STANDING)
"""The phases of a session into which orders may still come."""


def tightened(state: State, rulebook: Rulebook, declared: EmergencyDeclared) -> Iterator[CollarTightened]:
    """Draw the collars of the sessions on an emergency's days closer, where it has a narrower rule of collars.

    It never widens one: who has sent an order knew what the others may send.
    """
    for _, session in sorted(state.sessions.items()):
        opened = session.opened
        if session.phase in LIVE and declared.effective <= opened.day <= declared.until:
            rules = rulebook.in_force(opened.day, declared.effective)
            rise, fall = (
                rules.integer(rule) if rule in declared.rules else None for rule in ("collar_rise", "collar_fall")
            )
            now = limits.Collar(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
            closer = limits.narrower(now, limits.collar(opened.reference_tenge_per_tonne, rise, fall))
            if closer != now:
                yield CollarTightened(
                    session_id=opened.session_id,
                    emergency_id=declared.emergency_id,
                    collar_lowest_tenge_per_tonne=closer.lowest_tenge_per_tonne,
                    collar_highest_tenge_per_tonne=closer.highest_tenge_per_tonne,
                    rulebook_version=rulebook.version,
                )


def drawn_closer(opened: SessionOpened, event: CollarTightened) -> SessionOpened:
    """Return the terms of a session with the collar of an emergency."""
    return replace(
        opened,
        collar_lowest_tenge_per_tonne=event.collar_lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=event.collar_highest_tenge_per_tonne,
    )


# --- The cumulative counter -------------------------------------------------------------------------------------


def caps(state: State, session: Session, rules: InForce) -> Mapping[str, int]:
    """Return the administered price of each region of a session that is under one, its carriage included."""
    price = rules.integer(limits.ADMINISTERED)
    regions = (place.place for place in session.opened.places if place.place in state.limits.administered)
    return {} if price is None else {region: price + session.carriage[region] for region in regions}


def _session_cleared(state: State, event: SessionCleared) -> Decision:
    """Count each region's uncapped price after a session over the network."""
    session = state.sessions[event.session_id]
    rules = rules_in_force(state, session.opened.closes_at_ns)
    return tuple(_counted(state, session, event, rules))


def _session_ended(state: State, event: SessionEnded) -> Decision:
    """Count the price of a session over one instrument in its region, as it would have been without its bounds.

    That is the average of what traded and of what a bound kept from trading, weighted by lots.
    """
    session = state.sessions[event.session_id]
    region, found = counting_region_of(state, session), event.statistics
    if region is None or found is None:
        return ()
    band = state.limits.bands.get(event.session_id, NO_BAND)
    price = uncapped_average(band, found)
    if price is None:
        return ()
    return tuple(_counting(state, session, region, price, rules_in_force(state, event.at_ns)))


def _counted(
    state: State, session: Session, event: SessionCleared, rules: InForce
) -> Iterator[PriceCounted | LimitReached | LimitLifted]:
    for region, price in _uncapped(session, event):
        yield from _counting(state, session, region, price - session.carriage[region], rules)


def _counting(
    state: State, session: Session, region: str, price: int, rules: InForce
) -> Iterator[PriceCounted | LimitReached | LimitLifted]:
    """Count one price of a region, carriage taken off, and say whether the administered price begins or ends."""
    sessions, threshold = rules.integer("cumulative_sessions"), rules.integer(limits.SUM)
    if sessions is None or threshold is None:
        return
    reading = limits.counted(state.limits.prices.get(region, ()), price, sessions, threshold)
    counted = PriceCounted(
        session_id=session.opened.session_id,
        region=region,
        uncapped_price_tenge_per_tonne=price,
        sessions=len(reading.prices),
        sum_tenge_per_tonne=reading.sum_tenge_per_tonne,
        at_ns=session.opened.closes_at_ns,
    )
    yield counted
    acts = region in state.limits.administered
    if reading.administered and not acts:
        yield _administered(counted, threshold, rules.integer(limits.ADMINISTERED))
    if acts and not reading.administered:
        yield _freed(counted, threshold)


def _uncapped(session: Session, event: SessionCleared) -> Iterator[tuple[str, int]]:
    """Return each region's price as it would have been without an administered price, where gas would have traded."""
    regions = frozenset(place.place for place in session.opened.places if place.kind == "province")
    for price in event.prices:
        uncapped = price.uncapped_price_tenge_per_tonne
        if uncapped is None and price.traded_lots:
            uncapped = price.price_tenge_per_tonne
        if price.place in regions and uncapped is not None:
            yield price.place, uncapped


def _administered(counted: PriceCounted, threshold: int, price: int | None) -> LimitReached:
    then = "no administered price is set" if price is None else f"from the next session on {price}, carriage apart"
    return LimitReached(
        limit=limits.SUM,
        subject=counted.region,
        value=counted.sum_tenge_per_tonne,
        threshold=threshold,
        unit=PER_TONNE,
        what=f"the sum of {counted.sessions} uncapped prices is above the threshold: {then}",
        at_ns=counted.at_ns,
        session_id=counted.session_id,
    )


def _freed(counted: PriceCounted, threshold: int) -> LimitLifted:
    return LimitLifted(
        limit=limits.SUM,
        subject=counted.region,
        value=counted.sum_tenge_per_tonne,
        threshold=threshold,
        unit=PER_TONNE,
        what="the sum is no longer above the threshold: prices are free again",
        at_ns=counted.at_ns,
    )


# --- Claims -----------------------------------------------------------------------------------------------------


def _claim_compensation(state: State, command: ClaimCompensation) -> Decision:
    rules = rules_in_force(state, command.at_ns)
    claimed_by = state.limits.claimed.get((command.session_id, command.actor))
    if claimed_by is not None or command.claim_id in state.limits.claims:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"there is a claim {claimed_by or command.claim_id!r} already",
            where="claim_id",
            remedy="Claim once for a session, under an identifier of its own.",
        )
    sales = state.limits.sales.get((command.session_id, command.actor), ())
    gaps = tuple(
        limits.below_cost_tiyn(command.cost_tenge_per_tonne, sale.price_tenge_per_tonne, sale.sold_kg) for sale in sales
    )
    if not sum(gaps):
        raise Refusal(
            Code.NOTHING_TO_CLAIM,
            "nothing was sold in this session below that cost under an administered price",
            where="session_id",
            remedy="Claim for a session in which an administered price bound, and state the cost of a tonne.",
        )
    _check_in_time(state, command, rules)
    claim = CompensationClaimed(
        claim_id=command.claim_id,
        session_id=command.session_id,
        participant_id=command.actor,
        cost_tenge_per_tonne=command.cost_tenge_per_tonne,
        statement=command.statement,
        sold_kg=sum(sale.sold_kg for sale, gap in zip(sales, gaps, strict=True) if gap),
        claimed_tiyn=sum(gaps),
        at_ns=command.at_ns,
    )
    return (claim,)


def _check_in_time(state: State, command: ClaimCompensation, rules: InForce) -> None:
    days = rules.integer("claim_days")
    closed = state.sessions[command.session_id].opened.closes_at_ns
    if days is not None and command.at_ns > closed + days * NS_PER_DAY:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the {days} days for a claim are over",
            where="at_ns",
            remedy="Claim in time: the rule claim_days says how long.",
        )


def _decide_claim(state: State, command: DecideClaim) -> Decision:
    claim = state.limits.claims.get(command.claim_id)
    if claim is None:
        raise Refusal(
            Code.UNKNOWN_CLAIM,
            f"no claim {command.claim_id!r} waits for a decision",
            where="claim_id",
            remedy="Name a claim that has been made and not decided.",
        )
    if command.granted_tiyn > claim.claimed_tiyn:
        raise Refusal(
            Code.OUT_OF_RANGE,
            f"{command.granted_tiyn} tiyn are more than was claimed",
            where="granted_tiyn",
            remedy=f"Grant at most {claim.claimed_tiyn}.",
        )
    _check_fund(state, command)
    granted = command.granted_tiyn
    return (ClaimDecided(command.claim_id, claim.participant_id, granted, command.reason, command.at_ns),)


def _check_fund(state: State, command: DecideClaim) -> None:
    floor = rules_in_force(state, command.at_ns).integer(limits.FLOOR)
    balance = fund_balance(state)
    if floor is not None and balance - command.granted_tiyn < floor:
        raise Refusal(
            Code.FUND_EXHAUSTED,
            f"the fund holds {balance} tiyn and may not fall below {floor}",
            where="granted_tiyn",
            remedy=f"Grant at most {max(0, balance - floor)}, or endow the fund.",
        )


def fund_balance(state: State) -> int:
    """Return what the fund holds, in tiyn; below zero it owes."""
    return state.balances.get((ledger.FUND, "tiyn"), 0)


# --- Folding ----------------------------------------------------------------------------------------------------


def _with(state: State, **changes: object) -> State:
    return replace(state, limits=replace(state.limits, **changes))


def _order_accepted(state: State, event: OrderAccepted) -> State:
    memory = state.limits
    times = limits.remembered(memory.sent.get(event.participant_id, ()), event.submitted_at_ns)
    sent = memory.sent.insert(event.participant_id, times)
    batches = memory.batches if event.side == "sell" else _batches(state, event, event.quantity_lots)
    return replace(state, limits=replace(memory, sent=sent, batches=batches))


def _taken(state: State, order: OrderAccepted, lots: int) -> State:
    return replace(state, limits=replace(state.limits, batches=_batches(state, order, lots)))


def _batches(state: State, order: OrderAccepted, lots: int) -> Map[tuple[str, str], int]:
    """Return the batches of all months with so many lots more in that of an order."""
    session, batches = state.sessions[order.session_id], state.limits.batches
    key = (order.participant_id, session.opened.delivery_month)
    return batches.insert(key, batches.get(key, 0) + mass_kg(session, lots))


def _order_left(state: State, event: OrderCancelled | OrderExpired) -> State:
    """Give back what an order that leaves had not bought. This fold sees the session as it was before."""
    session = state.sessions[event.session_id]
    order = session.orders[session.numbers[event.order_id]]
    return _taken(state, order, -order.quantity_lots) if order.side == "buy" else state


def _order_amended(state: State, event: OrderAmended) -> State:
    """Count an amendment as an order of its sender, unless it only makes less of what stands."""
    session = state.sessions[event.session_id]
    order = session.orders[session.numbers[event.order_id]]
    if not event.keeps_place:
        times = limits.remembered(state.limits.sent.get(order.participant_id, ()), event.at_ns)
        state = _with(state, sent=state.limits.sent.insert(order.participant_id, times))
    return _taken(state, order, event.quantity_lots - order.quantity_lots) if order.side == "buy" else state


def _cleared(state: State, event: SessionCleared) -> State:
    """Give back what bids did not buy, and remember who sold under an administered price."""
    session = state.sessions[event.session_id]
    orders = {order.order_id: order for _, order in session.orders.items()}
    for fill in event.fills:
        order = orders[fill.order_id]
        if order.side == "buy" and fill.quantity_lots < order.quantity_lots:
            state = _taken(state, order, fill.quantity_lots - order.quantity_lots)
    if any(limits.ADMINISTERED in price.limits for price in event.prices):
        price_of = {price.place: price.price_tenge_per_tonne for price in event.prices}
        for fill in event.fills:
            order = orders[fill.order_id]
            if order.side == "sell" and fill.quantity_lots:
                sale = Sale(price_of[order.place], fill.quantity_lots * session.opened.lot_kg)
                state = _sold(state, order.session_id, order.participant_id, sale)
    return state


def _traded(state: State, event: Traded) -> State:
    """Remember what was sold in a region under an administered price: its seller may claim."""
    session = state.sessions[event.session_id]
    if counting_region_of(state, session) not in state.limits.administered:
        return state
    sale = Sale(event.price_tenge_per_tonne, event.quantity_lots * session.opened.lot_kg)
    return _sold(state, event.session_id, event.seller_id, sale)


def _sold(state: State, session_id: str, seller_id: str, sale: Sale) -> State:
    key = (session_id, seller_id)
    return _with(state, sales=state.limits.sales.insert(key, (*state.limits.sales.get(key, ()), sale)))


def _price_counted(state: State, event: PriceCounted) -> State:
    before = state.limits.prices.get(event.region, ())
    kept = (*before, event.uncapped_price_tenge_per_tonne)[-event.sessions :]
    return _with(state, prices=state.limits.prices.insert(event.region, kept))


def _limit_reached(state: State, event: LimitReached) -> State:
    memory = state.limits
    if event.limit == limits.SUM:
        return _with(state, administered=memory.administered.insert(event.subject, event.value))
    if event.limit == limits.RATE:
        times = limits.remembered(memory.sent.get(event.subject, ()), event.at_ns)
        return _with(state, sent=memory.sent.insert(event.subject, times))
    return state


def _limit_lifted(state: State, event: LimitLifted) -> State:
    if event.limit == limits.SUM:
        return _with(state, administered=state.limits.administered.remove(event.subject))
    return state


def _collar_tightened(state: State, event: CollarTightened) -> State:
    session = state.sessions[event.session_id]
    return with_session(state, replace(session, opened=drawn_closer(session.opened, event)))


def _compensation_claimed(state: State, event: CompensationClaimed) -> State:
    claims = state.limits.claims.insert(event.claim_id, event)
    claimed = state.limits.claimed.insert((event.session_id, event.participant_id), event.claim_id)
    return _with(state, claims=claims, claimed=claimed)


def _claim_decided(state: State, event: ClaimDecided) -> State:
    return _with(state, claims=state.limits.claims.remove(event.claim_id))


def _prices_published(state: State, event: PricesPublished) -> State:
    if event.published_on is None:
        return state
    published = state.limits.published
    for price in event.pump_prices:
        published = published.insert(price.province, event.published_on)
    return _with(state, published=published)


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            ClaimCompensation: ("seller",),
            DecideClaim: ("regulator",),
        }
    ),
    deciders=MappingProxyType(
        {
            ClaimCompensation: _claim_compensation,
            DecideClaim: _decide_claim,
        }
    ),
    evolvers=MappingProxyType(
        {
            OrderAccepted: _order_accepted,
            OrderAmended: _order_amended,
            OrderCancelled: _order_left,
            OrderExpired: _order_left,
            SessionCleared: _cleared,
            Traded: _traded,
            PricesPublished: _prices_published,
            PriceCounted: _price_counted,
            LimitReached: _limit_reached,
            LimitLifted: _limit_lifted,
            CollarTightened: _collar_tightened,
            CompensationClaimed: _compensation_claimed,
            ClaimDecided: _claim_decided,
        }
    ),
    followers=MappingProxyType(
        {
            SessionCleared: (_session_cleared,),
            SessionEnded: (_session_ended,),
        }
    ),
    while_suspended=(ClaimCompensation,),
    witnesses=MappingProxyType(
        {
            Code.TOO_FAST: _a_robot,
        }
    ),
)
