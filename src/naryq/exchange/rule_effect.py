"""What a change of rules would have done: the last network sessions, cleared again from the orders that stood in them.

Everything but the rules stays as it was: the orders, the reference that each session's collar was drawn around, the
plan's total, the retail terms. What people would have done otherwise under other rules is not in the record, and is
the business of a rehearsal. Only the path of the pump price runs on within each of the two sides, since a step is
taken from the price before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from naryq import limits, pricing
from naryq.exchange.orders import JUDGED_BY_RULES
from naryq.exchange.state import Session, State, ordered
from naryq.exchange.topic import Asked
from naryq.ledger import traded
from naryq.messages import (
    Amounts,
    Code,
    Day,
    OrderAccepted,
    ParticipantEffect,
    ProposalAssessed,
    ProvinceEffect,
    ProvinceOutcome,
    PumpPrice,
    Refusal,
    RefusedOrder,
    SessionCleared,
    SessionOpened,
    SubmitOrder,
    SupplyPlanned,
)
from naryq.reform import part_plan
from naryq.rulebook import InForce, Rulebook
from naryq.units import amount_tiyn

ORDERS_MAX: Final = 200_000
"""How many orders an assessment goes through: the venue waits for it, some seconds at most."""


class Side(NamedTuple):
    """The sessions under one set of rules: each session's outcome, and what everybody bought, sold, paid, received."""

    sessions: tuple["Outcome", ...]
    amounts: Mapping[str, Amounts]


class Outcome(NamedTuple):
    """One session under one set of rules."""

    session: Session
    refused: tuple[RefusedOrder, ...]
    cleared: SessionCleared
    provinces: Mapping[str, ProvinceOutcome]
    deals: tuple["Dealt", ...]


class Dealt(NamedTuple):
    """What one order bought or sold: whose, on which side, where, how much, for how much."""

    participant_id: str
    side: str
    place: str
    mass_kg: int
    amount_tiyn: int


def effect(
    state: State, proposed: Rulebook, *, proposal_id: str, effective: Day, known: Day, count: int
) -> ProposalAssessed:
    """Return the effect of a proposed rulebook on the last sessions, against the one in force.

    Raises:
        Refusal: OUT_OF_RANGE where the sessions hold more orders than an assessment goes through; RULE_MISSING where
            one of the rulebooks is silent on what a session needs on that day.
    """
    assert state.rulebook is not None, "a proposal is made to a rulebook in force"
    sessions, left_out = last_sessions(state, count)
    _check_size(sessions)
    today = side_of(state, sessions, state.rulebook.in_force(effective, known))
    then = side_of(state, sessions, proposed.in_force(effective, known))
    return ProposalAssessed(
        proposal_id=proposal_id,
        effective=effective,
        session_ids=tuple(session.opened.session_id for session in sessions),
        left_out=left_out,
        participants=tuple(participants_of(today.amounts, then.amounts)),
        provinces=tuple(_provinces(today, then)),
        refused_today=tuple(order for outcome in today.sessions for order in outcome.refused),
        refused_proposed=tuple(order for outcome in then.sessions for order in outcome.refused),
        rulebook_version=state.rulebook.version,
        proposed_version=proposed.version,
    )


def last_sessions(state: State, count: int) -> tuple[tuple[Session, ...], tuple[str, ...]]:
    """Return the last ended sessions in the order of their ends: those that can be cleared again, and the others.

    The others are over an instrument: `naryq.exchange.rule_replay` runs them again.
    """
    ended = [session for session in state.sessions.values() if _is_over(session)]
    ended.sort(key=lambda session: (session.opened.closes_at_ns, session.opened.session_id))
    last = ended[-count:]
    return tuple(session for session in last if session.cleared is not None), tuple(
        session.opened.session_id for session in last if session.cleared is None
    )


def _is_over(session: Session) -> bool:
    return session.cleared is not None or session.ended_at_ns is not None


def _check_size(sessions: Iterable[Session]) -> None:
    orders = sum(len(session.orders) for session in sessions)
    if orders > ORDERS_MAX:
        what = f"these sessions hold {orders} orders, and an assessment goes through {ORDERS_MAX}"
        raise Refusal(Code.OUT_OF_RANGE, what, where="sessions", remedy="Ask for fewer sessions.")


def side_of(state: State, sessions: Iterable[Session], rules: InForce) -> Side:
    """Clear the sessions again under one set of rules, the pump prices of one leading to those of the next."""
    outcomes: list[Outcome] = []
    pumps: dict[str, int] = {}
    amounts: dict[str, Amounts] = {}
    for session in sessions:
        outcome = _session_again(state, session, rules, pumps)
        outcomes.append(outcome)
        for deal in outcome.deals:
            amounts[deal.participant_id] = added(amounts.get(deal.participant_id, NOTHING), deal)
    return Side(tuple(outcomes), amounts)


NOTHING: Final = Amounts(0, 0, 0, 0)
"""Of who dealt nothing."""


def added(amounts: Amounts, deal: Dealt) -> Amounts:
    """Return what somebody bought, sold, paid and received with one more deal."""
    bought, sold, paid, received = msgspec.structs.astuple(amounts)
    if deal.side == "buy":
        return Amounts(bought + deal.mass_kg, sold, paid + deal.amount_tiyn, received)
    return Amounts(bought, sold + deal.mass_kg, paid, received + deal.amount_tiyn)


# --- One session ------------------------------------------------------------------------------------------------


class _Again(NamedTuple):
    """A session cleared again: as it is recorded, its terms and its prices under the rules, and these rules."""

    state: State
    recorded: Session
    opened: SessionOpened
    cleared: SessionCleared
    rules: InForce


def _session_again(state: State, session: Session, rules: InForce, pumps: dict[str, int]) -> Outcome:
    opened = _opened_under(session.opened, rules)
    taken, refused = _judged(state, msgspec.structs.replace(session, opened=opened), rules)
    cleared = pricing.clear_session(opened, taken, rules)
    deals = tuple(_deals(opened, taken, cleared))
    again = _Again(state, session, opened, cleared, rules)
    provinces = {
        place.place: _province(again, place.place, deals, pumps) for place in opened.places if place.kind == "province"
    }
    return Outcome(session, refused, cleared, provinces, deals)


def _opened_under(opened: SessionOpened, rules: InForce) -> SessionOpened:
    """Return a session's terms with the lot, collar, ties and price that the rules would have given it; no hours."""
    bounds = limits.collar(opened.reference_tenge_per_tonne, rules.integer("collar_rise"), rules.integer("collar_fall"))
    return msgspec.structs.replace(
        opened,
        lot_kg=rules.required_integer("lot"),
        collar_lowest_tenge_per_tonne=bounds.lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=bounds.highest_tenge_per_tonne,
        tie_rule=rules.text("tie_rule"),
        price_rule=rules.text("price_rule"),
    )


def _judged(
    state: State, session: Session, rules: InForce
) -> tuple[tuple[OrderAccepted, ...], tuple[RefusedOrder, ...]]:
    taken, refused = [], []
    for order in ordered(session.orders):
        code = _refused_with(Asked(state, _as_sent(order), session, rules))
        if code is None:
            taken.append(order)
        else:
            refused.append(_refused_order(order, code))
    return tuple(taken), tuple(refused)


def _refused_with(asked: Asked) -> Code | None:
    try:
        for check in JUDGED_BY_RULES:
            check(asked)
    except Refusal as refusal:
        return refusal.code
    return None


def _as_sent(order: OrderAccepted) -> SubmitOrder:
    return SubmitOrder(
        command_id=order.order_id,
        actor=order.participant_id,
        at_ns=order.submitted_at_ns,
        session_id=order.session_id,
        order_id=order.order_id,
        place=order.place,
        side=order.side,
        price_tenge_per_tonne=order.price_tenge_per_tonne,
        quantity_lots=order.quantity_lots,
    )


def _refused_order(order: OrderAccepted, code: Code) -> RefusedOrder:
    return RefusedOrder(
        session_id=order.session_id,
        order_id=order.order_id,
        participant_id=order.participant_id,
        place=order.place,
        side=order.side,
        price_tenge_per_tonne=order.price_tenge_per_tonne,
        quantity_lots=order.quantity_lots,
        code=code,
    )


def _deals(opened: SessionOpened, orders: Iterable[OrderAccepted], cleared: SessionCleared) -> Iterable[Dealt]:
    price_of = {price.place: price.price_tenge_per_tonne for price in cleared.prices}
    lots_of = traded(cleared.fills)
    for order in orders:
        if order.order_id in lots_of:
            mass_kg = lots_of[order.order_id] * opened.lot_kg
            amount = amount_tiyn(price_of[order.place], mass_kg)
            yield Dealt(order.participant_id, order.side, order.place, mass_kg, amount)


# --- A province -------------------------------------------------------------------------------------------------


def _province(again: _Again, province: str, deals: Iterable[Dealt], pumps: dict[str, int]) -> ProvinceOutcome:
    price = next((price for price in again.cleared.prices if price.place == province), None)
    pump = _pump(again, province, pumps)
    if pump is not None:
        pumps[province] = pump.pump_tiyn_per_litre
    return ProvinceOutcome(
        price_tenge_per_tonne=None if price is None else price.price_tenge_per_tonne,
        traded_lots=0 if price is None else price.traded_lots,
        paid_tiyn=sum(deal.amount_tiyn for deal in deals if deal.place == province and deal.side == "buy"),
        pump_tiyn_per_litre=None if pump is None else pump.pump_tiyn_per_litre,
        fund_tiyn=0 if pump is None else pump.fund_tiyn,
    )


def _pump(again: _Again, province: str, pumps: Mapping[str, int]) -> PumpPrice | None:
    """Return the pump price that would have been published; None where the session set none."""
    state, opened = again.state, again.opened
    published = () if again.recorded.published is None else again.recorded.published.pump_prices
    recorded = next((price for price in published if price.province == province), None)
    key = (opened.delivery_month, province)
    if recorded is None or key not in state.terms:
        return None
    previous = pumps.get(province, recorded.previous_tiyn_per_litre)
    return pricing.pump_price(
        province,
        opened=opened,
        cleared=again.cleared,
        rules=again.rules,
        planned=_planned_under(state.supplies.get(key), again.rules),
        terms=state.terms[key],
        previous=None if previous is None else msgspec.structs.replace(recorded, pump_tiyn_per_litre=previous),
    )


def _planned_under(planned: SupplyPlanned | None, rules: InForce) -> SupplyPlanned | None:
    """Return a month's plan as the rules' platform share would have parted it, at their regulated price."""
    if planned is None:
        return None
    share = rules.required_integer("platform_share", planned.province)
    parts = part_plan(planned.outside_lots + planned.platform_lots, share)
    price = rules.required_integer("wholesale_cap") if parts.outside_lots else rules.integer("wholesale_cap")
    return msgspec.structs.replace(
        planned,
        outside_lots=parts.outside_lots,
        platform_lots=parts.platform_lots,
        outside_price_tenge_per_tonne=price,
        platform_share_basis_points=share,
    )


# --- Both sides -------------------------------------------------------------------------------------------------


def participants_of(today: Mapping[str, Amounts], then: Mapping[str, Amounts]) -> Iterator[ParticipantEffect]:
    """Yield whoever has dealt on either side, by name."""
    for name in sorted({**today, **then}):
        yield ParticipantEffect(name, today.get(name, NOTHING), then.get(name, NOTHING))


def _provinces(today: Side, then: Side) -> Iterable[ProvinceEffect]:
    for before, after in zip(today.sessions, then.sessions, strict=True):
        opened = before.session.opened
        for province, outcome in before.provinces.items():
            yield ProvinceEffect(opened.session_id, opened.delivery_month, province, outcome, after.provinces[province])
