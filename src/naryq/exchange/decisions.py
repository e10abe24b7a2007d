"""How a command is judged: every check in a fixed order, then the events that must follow."""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Any, Final, TypeAlias

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
    Day,
    LedgerPosted,
    Link,
    Month,
    OpenSession,
    OrderAccepted,
    OrderCancelled,
    ParticipantAdmitted,
    Place,
    PlanSupply,
    PricesPublished,
    PublishPrices,
    PumpPrice,
    Refusal,
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
from naryq.units import INT64_MAX, instant_ns, utc_minute

Decision: TypeAlias = tuple[AnyEvent, ...]

SESSION_LOTS_MAX: Final = 9_000_000_000
"""What a session may hold in all: at the highest limit price, 10**9 tenge a tonne, its welfare still fits 64 bits."""


def decide(state: State, command: AnyCommand) -> Decision:
    """Judge a command: the events that follow from it, or the single event `Refused`.

    The checks run in this order: time, permission, rulebook, what is named exists, phase, values.
    """
    try:
        _check_time(state, command)
        _check_permission(state, command)
        return _DECIDERS[type(command)](state, command)
    except Refusal as refusal:
        return (Refused(code=refusal.code, what=refusal.what, where=refusal.where, remedy=refusal.remedy),)


def _check_time(state: State, command: AnyCommand) -> None:
    if command.at_ns < state.at_ns:
        raise Refusal(
            Code.TIME_BACKWARD,
            f"the command's time {command.at_ns} lies before the last one taken, {state.at_ns}",
            where="at_ns",
            remedy="Correct the sender's clock and send the command again.",
        )


def _check_permission(state: State, command: AnyCommand) -> None:
    if not len(state.participants) and isinstance(command, AdmitParticipant):
        return _check_founder(command)
    actor = state.participants.get(command.actor)
    if actor is None:
        raise Refusal(
            Code.UNKNOWN_PARTICIPANT,
            f"nobody is admitted as {command.actor!r}",
            where="actor",
            remedy="Ask the operator for admission.",
        )
    if actor.role not in _PERMITTED[type(command)]:
        permitted = " or ".join(_PERMITTED[type(command)])
        raise Refusal(
            Code.NOT_PERMITTED,
            f"{actor.participant_id!r} acts as {actor.role} and may not {type(command).__name__}",
            where="actor",
            remedy=f"Only {permitted} may.",
        )
    return None


def _check_founder(command: AdmitParticipant) -> None:
    if command.role != "operator" or command.actor != command.participant_id:
        raise Refusal(
            Code.NOT_PERMITTED,
            "the first participant of a venue is its operator and admits itself",
            where="role",
            remedy="Admit the operator first, as its own actor.",
        )


def _rules(state: State, at_ns: int, effective: Day | None = None) -> InForce:
    """Return the rules in force on the day of an instant, or on another day, as known on the day of the instant."""
    if state.rulebook is None:
        raise Refusal(Code.NO_RULEBOOK, "no rulebook is in force", remedy="Adopt a rulebook first.")
    today = state.rulebook.day(at_ns)
    return state.rulebook.in_force(effective or today, today)


def _rules_for_month(state: State, at_ns: int, month: Month) -> InForce:
    """Return the rules that a delivery month will begin under, as they are known today."""
    return _rules(state, at_ns, f"{month}-01")


def _session(state: State, session_id: str, *phases: Phase) -> Session:
    session = state.sessions.get(session_id)
    if session is None:
        raise Refusal(
            Code.UNKNOWN_SESSION,
            f"there is no session {session_id!r}",
            where="session_id",
            remedy="Name an open session.",
        )
    if session.phase not in phases:
        raise Refusal(
            Code.WRONG_PHASE,
            f"session {session_id!r} is {session.phase}",
            where="session_id",
            remedy=f"This needs a session that is {' or '.join(phases)}.",
        )
    return session


def _admit_participant(state: State, command: AdmitParticipant) -> Decision:
    if command.participant_id in state.participants:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"{command.participant_id!r} is admitted already",
            where="participant_id",
            remedy="Choose another identifier.",
        )
    return (ParticipantAdmitted(command.participant_id, command.name, command.role),)


def _adopt_rulebook(_: State, command: AdoptRulebook) -> Decision:
    return (RulebookAdopted(command.rulebook, Rulebook(command.rulebook).version),)


def _open_session(state: State, command: OpenSession) -> Decision:
    rules = _rules(state, command.at_ns, command.day)
    if command.session_id in state.sessions:
        raise Refusal(
            Code.ALREADY_EXISTS,
            f"session {command.session_id!r} exists already",
            where="session_id",
            remedy="Choose another identifier.",
        )
    _check_network(command.places, command.links)
    opens_at_ns, closes_at_ns = _window(rules, command)
    if command.at_ns >= closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the window of {command.day} has passed",
            where="day",
            remedy="Open the session before its window ends.",
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
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the rulebook has no window {command.window!r}",
            where="window",
            remedy="Use `plan` or `other`.",
        )
    opens, closes = clock.split("-")
    offset = rules.required_integer("utc_offset")
    try:
        opens_at_ns, closes_at_ns = (instant_ns(command.day, time, offset) for time in (opens, closes))
    except ValueError:
        raise _no_such_day(command.day) from None
    if closes_at_ns > INT64_MAX:
        raise _no_such_day(command.day)
    return opens_at_ns, closes_at_ns


def _no_such_day(day: Day) -> Refusal:
    return Refusal(
        Code.OUT_OF_RANGE,
        f"{day} is no day of the calendar before April 2262, where the venue's clock ends",
        where="day",
        remedy="Give the day of the session, such as 2022-01-31.",
    )


def _check_network(places: tuple[Place, ...], links: tuple[Link, ...]) -> None:
    names = [place.place for place in places]
    known = frozenset(names)
    if len(known) != len(names):
        raise Refusal(Code.DUPLICATE_ID, "a place is named twice", where="places", remedy="Name each place once.")
    pairs = frozenset((link.source, link.target) for link in links)
    if len(pairs) != len(links):
        raise Refusal(
            Code.DUPLICATE_ID,
            "two links join the same places in the same direction",
            where="links",
            remedy="Join them into one.",
        )
    for link in links:
        if link.source not in known or link.target not in known:
            raise Refusal(
                Code.UNKNOWN_PLACE,
                f"the link {link.source} to {link.target} leads to no place of the session",
                where="links",
                remedy="Name both ends among the places.",
            )
        if link.source == link.target:
            raise Refusal(
                Code.SELF_LOOP, f"the link at {link.source} leads nowhere", where="links", remedy="Leave it out."
            )


def _submit_order(state: State, command: SubmitOrder) -> Decision:
    rules = _rules(state, command.at_ns)
    session = _session(state, command.session_id, "collecting")
    opened = session.opened
    _check_may_trade(state, command, rules)
    if command.order_id in state.order_ids:
        raise Refusal(
            Code.DUPLICATE_ID,
            f"order {command.order_id!r} exists already",
            where="order_id",
            remedy="Choose another identifier.",
        )
    _check_window(opened, command)
    if command.place not in session.carriage:
        raise Refusal(
            Code.UNKNOWN_PLACE,
            f"session {command.session_id!r} has no place {command.place!r}",
            where="place",
            remedy="Name a place of the session.",
        )
    _check_collar(session, command)
    _check_room(session, command)
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


def _check_window(opened: SessionOpened, command: SubmitOrder | CancelOrder) -> None:
    """Refuse what comes outside the window: a late cancellation would be a last look at a market others have left."""
    if not opened.opens_at_ns <= command.at_ns < opened.closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            f"the {opened.window!r} window of {opened.day} is not open at this time",
            where="at_ns",
            remedy=f"Send it from {utc_minute(opened.opens_at_ns)} and before {utc_minute(opened.closes_at_ns)}.",
        )


def _check_may_trade(state: State, command: SubmitOrder, rules: InForce) -> None:
    role = state.participants[command.actor].role
    rule = "who_may_buy" if command.side == "buy" else "who_may_sell"
    if role not in rules.words(rule):
        raise Refusal(
            Code.NOT_PERMITTED,
            f"a {role} may not {command.side}",
            where="side",
            remedy=f"The rule {rule} admits {', '.join(rules.words(rule))}.",
        )


def _check_room(session: Session, command: SubmitOrder) -> None:
    """Refuse what would make the session too large to be cleared: that refusal would come too late for everybody."""
    if session.lots + command.quantity_lots > SESSION_LOTS_MAX:
        raise Refusal(
            Code.OVERFLOW,
            f"session {command.session_id!r} holds {session.lots} lots and takes at most {SESSION_LOTS_MAX}",
            where="quantity_lots",
            remedy="Send a smaller order, or wait for the next session.",
        )


def _check_collar(session: Session, command: SubmitOrder) -> None:
    opened = session.opened
    bounds = limits.Collar(opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
    refused = limits.judge_price(command.price_tenge_per_tonne, session.carriage[command.place], bounds)
    if refused is not None:
        raise refused


def _cancel_order(state: State, command: CancelOrder) -> Decision:
    session = _session(state, command.session_id, "collecting")
    number = session.numbers.get(command.order_id)
    if number is None:
        raise Refusal(
            Code.UNKNOWN_ORDER,
            f"session {command.session_id!r} holds no order {command.order_id!r}",
            where="order_id",
            remedy="Name an open order of your own.",
        )
    if session.orders[number].participant_id != command.actor:
        raise Refusal(
            Code.NOT_PERMITTED,
            f"order {command.order_id!r} belongs to another participant",
            where="order_id",
            remedy="Cancel your own orders.",
        )
    _check_window(session.opened, command)
    return (OrderCancelled(command.session_id, command.order_id),)


def _close_session(state: State, command: CloseSession) -> Decision:
    session = _session(state, command.session_id, "collecting")
    if command.at_ns < session.opened.closes_at_ns:
        raise Refusal(
            Code.OUTSIDE_WINDOW,
            "the session's window is still open",
            where="at_ns",
            remedy="Close it when its window has ended.",
        )
    return (SessionClosed(command.session_id),)


def _clear_session(state: State, command: ClearSession) -> Decision:
    rules = _rules(state, command.at_ns)
    session = _session(state, command.session_id, "closed")
    cleared = pricing.clear_session(session.opened, ordered(session.orders), rules)
    postings = pricing.settle(session.opened, ordered(session.orders), cleared)
    return (cleared, LedgerPosted(f"settlement of {command.session_id}", postings))


def _plan_supply(state: State, command: PlanSupply) -> Decision:
    rules = _rules_for_month(state, command.at_ns, command.delivery_month)
    share = rules.required_integer("platform_share", command.province)
    parts = part_plan(command.total_lots, share)
    price = rules.integer("wholesale_cap")
    if parts.outside_lots and price is None:
        raise Refusal(
            Code.RULE_MISSING,
            "the plan has a part outside the platform and no regulated price is in force",
            where="wholesale_cap",
            remedy="Adopt a rulebook that sets it.",
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
    session = _session(state, command.session_id, "cleared")
    _check_unpublished(state, session)
    rules = _rules_for_month(state, command.at_ns, session.opened.delivery_month)
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


def _check_unpublished(state: State, session: Session) -> None:
    """Refuse a province's second pump price for a month: the step would be taken, and the fund would pay, twice."""
    month, provinces = session.opened.delivery_month, _provinces(session)
    for other in state.sessions.values():
        if other.phase == "published" and other.opened.delivery_month >= month and _provinces(other) & provinces:
            raise Refusal(
                Code.ALREADY_EXISTS,
                f"pump prices of these provinces are published for {month} or for a later month already",
                where="session_id",
                remedy="Publish each month once, in the order of the months.",
            )


def _provinces(session: Session) -> frozenset[str]:
    return frozenset(place.place for place in session.opened.places if place.kind == "province")


def _pump_prices(state: State, session: Session, cleared: SessionCleared, rules: InForce) -> Iterable[PumpPrice]:
    opened = session.opened
    for place in opened.places:
        if place.kind != "province":
            continue
        key = (opened.delivery_month, place.place)
        terms = state.terms.get(key)
        if terms is None:
            raise Refusal(
                Code.NO_PRICE,
                f"no retail terms are reported for {place.place} in {opened.delivery_month}",
                where="session_id",
                remedy="Report them with ReportRetailTerms first.",
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
