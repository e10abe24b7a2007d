"""How a command is judged: every check in a fixed order, then the events that must follow."""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, TypeAlias

from naryq import ledger, limits, pricing
from naryq.exchange.state import Phase, Session, State, ordered
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    AnyEvent,
    CancelOrder,
    ClearSession,
    CloseSession,
    Code,
    LedgerPosted,
    Link,
    OpenSession,
    OrderAccepted,
    OrderCancelled,
    ParticipantAdmitted,
    Place,
    PlanSupply,
    PricesPublished,
    PublishPrices,
    PumpPrice,
    Refused,
    ReportRetailTerms,
    RetailTermsReported,
    Role,
    RulebookAdopted,
    SessionCleared,
    SessionClosed,
    SessionOpened,
    SubmitOrder,
    SupplyPlanned,
)
from naryq.reform import part_plan
from naryq.rulebook import InForce, Rulebook
from naryq.units import day_of, instant_ns

Decision: TypeAlias = tuple[AnyEvent, ...]


class _Stop(Exception):  # noqa: N818 - control flow inside one decision, never seen outside
    """Carry a refusal from the check that found it to `decide`."""

    def __init__(self, refused: Refused) -> None:
        self.refused = refused


def _refuse(code: Code, what: str, where: str = "", remedy: str = "") -> _Stop:
    return _Stop(Refused(code=code, what=what, where=where, remedy=remedy))


def decide(state: State, command: AnyCommand) -> Decision:
    """Judge a command: the events that follow from it, or the single event `Refused`.

    The checks run in this order: time, permission, rulebook, what is named exists, phase, values.
    """
    try:
        _check_time(state, command)
        _check_permission(state, command)
        return _DECIDERS[type(command)](state, command)
    except _Stop as stop:
        return (stop.refused,)


def _check_time(state: State, command: AnyCommand) -> None:
    if command.at_ns < state.at_ns:
        raise _refuse(
            Code.TIME_BACKWARD,
            f"the command's time {command.at_ns} lies before the last one taken, {state.at_ns}",
            "at_ns",
            "Correct the sender's clock and send the command again.",
        )


def _check_permission(state: State, command: AnyCommand) -> None:
    if not len(state.participants) and isinstance(command, AdmitParticipant):
        return _check_founder(command)
    actor = state.participants.get(command.actor)
    if actor is None:
        raise _refuse(
            Code.UNKNOWN_PARTICIPANT,
            f"nobody is admitted as {command.actor!r}",
            "actor",
            "Ask the operator for admission.",
        )
    if actor.role not in _PERMITTED[type(command)]:
        permitted = " or ".join(_PERMITTED[type(command)])
        raise _refuse(
            Code.NOT_PERMITTED,
            f"{actor.participant_id!r} acts as {actor.role} and may not {type(command).__name__}",
            "actor",
            f"Only {permitted} may.",
        )
    return None


def _check_founder(command: AdmitParticipant) -> None:
    if command.role != "operator" or command.actor != command.participant_id:
        raise _refuse(
            Code.NOT_PERMITTED,
            "the first participant of a venue is its operator and admits itself",
            "role",
            "Admit the operator first, as its own actor.",
        )


def _rules(state: State, at_ns: int) -> InForce:
    """Return the rules in force at an instant, as known at that instant."""
    if state.rulebook is None:
        raise _refuse(Code.NO_RULEBOOK, "no rulebook is in force", "", "Adopt a rulebook first.")
    offset = state.rulebook.utc_offset_minutes
    day = day_of(at_ns, offset)
    return state.rulebook.in_force(day, day)


def _session(state: State, session_id: str, *phases: Phase) -> Session:
    session = state.sessions.get(session_id)
    if session is None:
        raise _refuse(
            Code.UNKNOWN_SESSION, f"there is no session {session_id!r}", "session_id", "Name an open session."
        )
    if session.phase not in phases:
        raise _refuse(
            Code.WRONG_PHASE,
            f"session {session_id!r} is {session.phase}",
            "session_id",
            f"This needs a session that is {' or '.join(phases)}.",
        )
    return session


def _admit_participant(state: State, command: AdmitParticipant) -> Decision:
    if command.participant_id in state.participants:
        raise _refuse(
            Code.ALREADY_EXISTS,
            f"{command.participant_id!r} is admitted already",
            "participant_id",
            "Choose another identifier.",
        )
    return (ParticipantAdmitted(command.participant_id, command.name, command.role),)


def _adopt_rulebook(_: State, command: AdoptRulebook) -> Decision:
    return (RulebookAdopted(command.rulebook, Rulebook(command.rulebook).version),)


def _open_session(state: State, command: OpenSession) -> Decision:
    rules = _rules(state, command.at_ns)
    if command.session_id in state.sessions:
        raise _refuse(
            Code.ALREADY_EXISTS,
            f"session {command.session_id!r} exists already",
            "session_id",
            "Choose another identifier.",
        )
    _check_network(command.places, command.links)
    opens_at_ns, closes_at_ns = _window(rules, command)
    if command.at_ns >= closes_at_ns:
        raise _refuse(
            Code.OUTSIDE_WINDOW,
            f"the window of {command.day} has passed",
            "day",
            "Open the session before its window ends.",
        )
    bounds = limits.collar(state.reference_tenge_per_tonne, rules.integer("collar_rise"), rules.integer("collar_fall"))
    opened = SessionOpened(
        session_id=command.session_id,
        day=command.day,
        window=command.window,
        delivery_month=command.delivery_month,
        places=command.places,
        links=command.links,
        opens_at_ns=opens_at_ns,
        closes_at_ns=closes_at_ns,
        lot_kg=rules.required_integer("lot"),
        reference_tenge_per_tonne=state.reference_tenge_per_tonne,
        collar_lowest_tenge_per_tonne=bounds.lowest_tenge_per_tonne,
        collar_highest_tenge_per_tonne=bounds.highest_tenge_per_tonne,
        rulebook_version=rules.version,
    )
    return (opened,)


def _window(rules: InForce, command: OpenSession) -> tuple[int, int]:
    rule = f"session_window_{command.window}"
    clock = rules.text(rule) if command.window in {"plan", "other"} else None
    if clock is None:
        raise _refuse(
            Code.OUTSIDE_WINDOW, f"the rulebook has no window {command.window!r}", "window", "Use `plan` or `other`."
        )
    opens, closes = clock.split("-")
    offset = rules.required_integer("utc_offset")
    return instant_ns(command.day, opens, offset), instant_ns(command.day, closes, offset)


def _check_network(places: tuple[Place, ...], links: tuple[Link, ...]) -> None:
    names = [place.place for place in places]
    known = frozenset(names)
    if len(known) != len(names):
        raise _refuse(Code.DUPLICATE_ID, "a place is named twice", "places", "Name each place once.")
    pairs = frozenset((link.source, link.target) for link in links)
    if len(pairs) != len(links):
        raise _refuse(
            Code.DUPLICATE_ID, "two links join the same places in the same direction", "links", "Join them into one."
        )
    for link in links:
        if link.source not in known or link.target not in known:
            raise _refuse(
                Code.UNKNOWN_PLACE,
                f"the link {link.source} to {link.target} leads to no place of the session",
                "links",
                "Name both ends among the places.",
            )
        if link.source == link.target:
            raise _refuse(Code.SELF_LOOP, f"the link at {link.source} leads nowhere", "links", "Leave it out.")


def _submit_order(state: State, command: SubmitOrder) -> Decision:
    rules = _rules(state, command.at_ns)
    session = _session(state, command.session_id, "collecting")
    opened = session.opened
    _check_may_trade(state, command, rules)
    if command.order_id in state.order_ids:
        raise _refuse(
            Code.DUPLICATE_ID, f"order {command.order_id!r} exists already", "order_id", "Choose another identifier."
        )
    if not opened.opens_at_ns <= command.at_ns < opened.closes_at_ns:
        raise _refuse(
            Code.OUTSIDE_WINDOW,
            "the session's window is not open at this time",
            "at_ns",
            f"Send orders between {opened.window} hours of {opened.day}.",
        )
    if command.place not in session.carriage:
        raise _refuse(
            Code.UNKNOWN_PLACE,
            f"session {command.session_id!r} has no place {command.place!r}",
            "place",
            "Name a place of the session.",
        )
    _check_collar(session, command)
    accepted = OrderAccepted(
        session_id=command.session_id,
        order_id=command.order_id,
        participant_id=command.actor,
        place=command.place,
        side=command.side,
        price_tenge_per_tonne=command.price_tenge_per_tonne,
        quantity_lots=command.quantity_lots,
        submitted_at_ns=command.at_ns,
        rulebook_version=rules.version,
    )
    return (accepted,)


def _check_may_trade(state: State, command: SubmitOrder, rules: InForce) -> None:
    role = state.participants[command.actor].role
    rule = "who_may_buy" if command.side == "buy" else "who_may_sell"
    if role not in rules.words(rule):
        raise _refuse(
            Code.NOT_PERMITTED,
            f"a {role} may not {command.side}",
            "side",
            f"The rule {rule} admits {', '.join(rules.words(rule))}.",
        )


def _check_collar(session: Session, command: SubmitOrder) -> None:
    opened = session.opened
    bounds = limits.Collar(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    refused = limits.judge_price(command.price_tenge_per_tonne, session.carriage[command.place], bounds)
    if refused is not None:
        raise _Stop(refused)


def _cancel_order(state: State, command: CancelOrder) -> Decision:
    session = _session(state, command.session_id, "collecting")
    number = session.numbers.get(command.order_id)
    if number is None:
        raise _refuse(
            Code.UNKNOWN_ORDER,
            f"session {command.session_id!r} holds no order {command.order_id!r}",
            "order_id",
            "Name an open order of your own.",
        )
    if session.orders[number].participant_id != command.actor:
        raise _refuse(
            Code.NOT_PERMITTED,
            f"order {command.order_id!r} belongs to another participant",
            "order_id",
            "Cancel your own orders.",
        )
    return (OrderCancelled(command.session_id, command.order_id),)


def _close_session(state: State, command: CloseSession) -> Decision:
    session = _session(state, command.session_id, "collecting")
    if command.at_ns < session.opened.closes_at_ns:
        raise _refuse(
            Code.OUTSIDE_WINDOW, "the session's window is still open", "at_ns", "Close it when its window has ended."
        )
    return (SessionClosed(command.session_id),)


def _clear_session(state: State, command: ClearSession) -> Decision:
    rules = _rules(state, command.at_ns)
    session = _session(state, command.session_id, "closed")
    cleared = pricing.clear_session(session.opened, ordered(session.orders), rules)
    postings = pricing.settle(session.opened, ordered(session.orders), cleared)
    return (cleared, LedgerPosted(f"settlement of {command.session_id}", postings))


def _plan_supply(state: State, command: PlanSupply) -> Decision:
    rules = _rules(state, command.at_ns)
    share = rules.required_integer("platform_share", command.province)
    parts = part_plan(command.total_lots, share)
    price = rules.integer("wholesale_cap")
    if parts.outside_lots and price is None:
        raise _refuse(
            Code.RULE_MISSING,
            "the plan has a part outside the platform and no regulated price is in force",
            "wholesale_cap",
            "Adopt a rulebook that sets it.",
        )
    planned = SupplyPlanned(
        delivery_month=command.delivery_month,
        province=command.province,
        outside_lots=parts.outside_lots,
        platform_lots=parts.platform_lots,
        outside_price_tenge_per_tonne=price,
        transport_tenge_per_tonne=command.transport_tenge_per_tonne,
        platform_share_basis_points=share,
        rulebook_version=rules.version,
    )
    return (planned,)


def _report_retail_terms(_: State, command: ReportRetailTerms) -> Decision:
    return (
        RetailTermsReported(
            command.delivery_month,
            command.province,
            command.depot_tenge_per_tonne,
            command.station_margin_tiyn_per_litre,
            command.plan_pass_on_basis_points,
        ),
    )


def _publish_prices(state: State, command: PublishPrices) -> Decision:
    rules = _rules(state, command.at_ns)
    session = _session(state, command.session_id, "cleared")
    assert session.cleared is not None, "a cleared session has its prices"
    prices = tuple(_pump_prices(state, session, session.cleared, rules))
    postings = tuple(leg for price in prices for leg in ledger.compensation(price.province, price.fund_tiyn))
    published = PricesPublished(
        session_id=command.session_id,
        day=session.opened.day,
        delivery_month=session.opened.delivery_month,
        pump_prices=prices,
        rulebook_version=rules.version,
    )
    return (
        (published, LedgerPosted(f"compensation for {session.opened.delivery_month}", postings))
        if postings
        else (published,)
    )


def _pump_prices(state: State, session: Session, cleared: SessionCleared, rules: InForce) -> Iterable[PumpPrice]:
    opened = session.opened
    for place in opened.places:
        if place.kind != "province":
            continue
        key = (opened.delivery_month, place.place)
        terms = state.terms.get(key)
        if terms is None:
            raise _refuse(
                Code.NO_PRICE,
                f"no retail terms are reported for {place.place} in {opened.delivery_month}",
                "session_id",
                "Report them with ReportRetailTerms first.",
            )
        price = pricing.pump_price(
            place.place,
            opened=opened,
            cleared=cleared,
            rules=rules,
            planned=state.supplies.get(key),
            terms=terms,
            previous=state.pump_prices.get(place.place),
        )
        if price is not None:
            yield price


_PERMITTED: MappingProxyType[type, tuple[Role, ...]] = MappingProxyType({
    AdmitParticipant: ("operator",),
    AdoptRulebook: ("regulator",),
    OpenSession: ("operator",),
    SubmitOrder: ("seller", "buyer"),
    CancelOrder: ("seller", "buyer"),
    CloseSession: ("operator",),
    ClearSession: ("operator",),
    PlanSupply: ("regulator",),
    ReportRetailTerms: ("operator", "regulator"),
    PublishPrices: ("operator",),
})  # fmt: skip

_DECIDERS: MappingProxyType[type, Callable[[State, Any], Decision]] = MappingProxyType({
    AdmitParticipant: _admit_participant,
    AdoptRulebook: _adopt_rulebook,
    OpenSession: _open_session,
    SubmitOrder: _submit_order,
    CancelOrder: _cancel_order,
    CloseSession: _close_session,
    ClearSession: _clear_session,
    PlanSupply: _plan_supply,
    ReportRetailTerms: _report_retail_terms,
    PublishPrices: _publish_prices,
})  # fmt: skip
