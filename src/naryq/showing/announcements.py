"""Who is told of an event, and in which form: one rule for each type of event, and silence where there is none.

A rule sees what is known before the event and names audiences: everybody (`venue`, or one session's `market/`), one
participant (`own/`), the `operator`, the `regulator`. What stands in a book is not told by these rules but by its
levels, nobody named, and only while the session's rules open the book (`Line.is_open_book`).
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from naryq import limits
from naryq.messages import (
    AffiliationDeclared,
    AffiliationEnded,
    AllotmentRefused,
    AllotmentShipped,
    ApplicationCorrected,
    ApplicationsReviewed,
    ApplicationSubmitted,
    BandWidened,
    BasePriceSet,
    CapacityStated,
    ClaimDecided,
    CollarTightened,
    CompensationClaimed,
    DebtOpened,
    DebtPaid,
    DebtWaived,
    DefaultCovered,
    DefaultDeclared,
    Deposited,
    EmergencyConfirmed,
    EmergencyDeclared,
    Entry,
    FeeCharged,
    FlagClosed,
    FlagRaised,
    FundEndowed,
    HolidaysDeclared,
    InstrumentDelisted,
    InstrumentListed,
    KeysCounted,
    LedgerPosted,
    LimitLifted,
    LimitReached,
    ObligationClosed,
    ObligationLapsed,
    ObligationOpened,
    ObligationPaid,
    ObligationRefunded,
    ObligationSettled,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderReleased,
    OrderSecured,
    OutputReported,
    ParityReported,
    ParticipantAdmitted,
    ParticipantClassified,
    ParticipantExcluded,
    ParticipantReinstated,
    ParticipantSuspended,
    PhaseChanged,
    PlanApproved,
    PlanOpened,
    PriceCounted,
    PricesPublished,
    ProposalApproved,
    ProposalAssessed,
    ProposalRejected,
    ProposalWithdrawn,
    ReceiptConfirmed,
    Refused,
    RetailTermsReported,
    RoundCalled,
    RulebookAdopted,
    RuleChangeProposed,
    SalesReported,
    SessionCleared,
    SessionClosed,
    SessionEnded,
    SessionOpened,
    SessionPublished,
    SessionsScheduled,
    SessionWatched,
    SettlementTermsFixed,
    ShipmentReported,
    SupplyPlanned,
    Traded,
    TradingResumed,
    TradingStopped,
    Withdrawn,
)
from naryq.messages.stream import (
    Audience,
    BookHidden,
    LevelChanged,
    ObligationChanged,
    RulebookInForce,
    ShownEvent,
    market,
    own,
)
from naryq.showing import walls
from naryq.showing.board import Board, Line
from naryq.showing.sessions import public_terms

Announcement: TypeAlias = tuple[Audience, ShownEvent]
Rule: TypeAlias = Callable[[Board, Any], Iterator[Announcement]]

VENUE: Final = "venue"
OPERATOR: Final = "operator"
REGULATOR: Final = "regulator"
WATCHERS: Final = (OPERATOR, REGULATOR)
PUBLIC_LIMITS: Final = (limits.HALT, limits.HOLD, limits.BAND, limits.SUM, limits.ADMINISTERED, limits.TWO_KEY)
"""The limits that bind everybody alike; what has bound one person is for the regulator."""


def told(board: Board, entry: Entry) -> list[Announcement]:
    """Fold one row, and return what it means for whom, in the order in which it happened, but for the books."""
    found: list[Announcement] = []
    for event in entry.events:
        rule = RULES.get(type(event), nobody)
        found.extend(rule(board, event))
        board.fold(event)
    board.seal(entry)
    return found


def books(board: Board) -> Iterator[Announcement]:
    """Yield what has changed in the books since the last time, as far as it is shown."""
    for session_id in board.touched:
        line = board.sessions[session_id]
        yield from ((market(session_id), event) for event in _levels(session_id, line))
        line.changed = {}
    board.touched = {}


def _levels(session_id: str, line: Line) -> Iterator[LevelChanged]:
    for side, price in line.changed:
        lots, orders = line.levels.get((side, price), (0, 0))
        yield LevelChanged(session_id, side, price, lots, orders)


# --- Audiences ----------------------------------------------------------------------------------------------------


def nobody(_: Board, event: Any) -> Iterator[Announcement]:  # noqa: ARG001 - a rule has this form
    """Tell nobody: whoever asked has his answer, and accounts are told by statements."""
    return iter(())


def everybody(_: Board, event: Any) -> Iterator[Announcement]:
    """Tell everybody, whole."""
    yield VENUE, event


def watchers(_: Board, event: Any) -> Iterator[Announcement]:
    """Tell the operator and the regulator."""
    yield from ((role, event) for role in WATCHERS)


def the_regulator(_: Board, event: Any) -> Iterator[Announcement]:
    """Tell the regulator alone."""
    yield REGULATOR, event


def in_the_session(_: Board, event: Any) -> Iterator[Announcement]:
    """Tell everybody who looks at the session."""
    yield market(event.session_id), event


def of_the_session(_: Board, event: Any) -> Iterator[Announcement]:
    """Tell everybody, and those who look at the session."""
    yield VENUE, event
    yield market(event.session_id), event


def to(*fields: str, roles: tuple[str, ...] = ()) -> Rule:
    """Return the rule that tells the participants whom fields of the event name, each once, and some roles."""

    def rule(_: Board, event: Any) -> Iterator[Announcement]:
        for participant_id in dict.fromkeys(getattr(event, field) for field in fields):
            yield own(participant_id), event
        yield from ((role, event) for role in roles)

    return rule


# --- Orders and sessions ------------------------------------------------------------------------------------------


def _owner(board: Board, event: Any) -> Iterator[Announcement]:
    yield own(board.orders[event.order_id].participant_id), event


def _traded(board: Board, event: Traded) -> Iterator[Announcement]:
    yield market(event.session_id), walls.seen_trade(event)
    for order_id in (event.buy_order_id, event.sell_order_id):
        order = board.orders[order_id]
        price, lots = event.price_tenge_per_tonne, event.quantity_lots
        yield own(order.participant_id), walls.filled(order, price, lots, event.trade_id)


def _session_opened(_: Board, event: SessionOpened) -> Iterator[Announcement]:
    seen = public_terms(event)
    yield VENUE, seen
    yield market(event.session_id), seen


def _phase_changed(board: Board, event: PhaseChanged) -> Iterator[Announcement]:
    line = board.sessions[event.session_id]
    seen = walls.seen_phase(event, auction=line.opened.kind == "standard")
    yield VENUE, seen
    yield market(event.session_id), seen
    if line.is_open_book:
        yield market(event.session_id), BookHidden(event.session_id)
    if seen is not event:
        yield from ((role, event) for role in WATCHERS)


def _session_cleared(board: Board, event: SessionCleared) -> Iterator[Announcement]:
    seen = walls.seen_results(event)
    yield VENUE, seen
    yield market(event.session_id), seen
    prices = {price.place: price.price_tenge_per_tonne for price in event.prices}
    for fill in event.fills:
        order = board.orders[fill.order_id]
        if fill.quantity_lots:
            yield own(order.participant_id), walls.filled(order, prices[order.place], fill.quantity_lots, None)
    yield from ((role, event) for role in WATCHERS)


def _limit_reached(board: Board, event: LimitReached) -> Iterator[Announcement]:
    if event.limit not in PUBLIC_LIMITS:
        yield REGULATOR, event
        return
    yield VENUE, event
    if event.session_id in board.sessions:
        yield market(event.session_id), event


def _stop(_: Board, event: TradingStopped | TradingResumed) -> Iterator[Announcement]:
    """Tell everybody of a stop, but of one participant's only those whom it concerns."""
    if event.scope == "participant":
        yield own(event.target), event
        yield from ((role, event) for role in WATCHERS)
    else:
        yield VENUE, event


def _rulebook(_: Board, event: RulebookAdopted) -> Iterator[Announcement]:
    yield VENUE, RulebookInForce(event.rulebook.name, event.version)


# --- Obligations and plans ----------------------------------------------------------------------------------------


def _obligation_opened(_: Board, event: ObligationOpened) -> Iterator[Announcement]:
    yield own(event.buyer_id), walls.taken(event, "buyer")
    yield own(event.seller_id), walls.taken(event, "seller")
    yield OPERATOR, event


def _change(board: Board, event: Any, party: Any, **found: int) -> Announcement:
    parties = board.parties[event.obligation_id]
    whose = parties.buyer_id if party == "buyer" else parties.seller_id
    return own(whose), ObligationChanged(event.obligation_id, party, type(event).__name__, **found)


def _obligation_paid(board: Board, event: ObligationPaid) -> Iterator[Announcement]:
    paid, freed = event.amount_tiyn, event.guarantee_tiyn
    yield _change(board, event, "buyer", amount_tiyn=paid, guarantee_tiyn=freed)
    yield OPERATOR, event


def _shipment_reported(board: Board, event: ShipmentReported) -> Iterator[Announcement]:
    for whose in dict.fromkeys(board.parties[event.obligation_id]):
        yield own(whose), event
    yield OPERATOR, event


def _receipt_confirmed(board: Board, event: ReceiptConfirmed) -> Iterator[Announcement]:
    yield _change(board, event, "buyer", mass_kg=event.counted_kg)
    yield _change(board, event, "seller", mass_kg=event.counted_kg, guarantee_tiyn=event.guarantee_tiyn)
    yield OPERATOR, event


def _obligation_settled(board: Board, event: ObligationSettled) -> Iterator[Announcement]:
    yield _change(board, event, "seller", mass_kg=event.mass_kg, amount_tiyn=event.seller_tiyn)
    yield OPERATOR, event


def _obligation_lapsed(board: Board, event: ObligationLapsed) -> Iterator[Announcement]:
    yield _change(board, event, "buyer", mass_kg=event.mass_kg, amount_tiyn=event.repaid_tiyn)
    yield _change(board, event, "seller", mass_kg=event.mass_kg)
    yield OPERATOR, event


def _obligation_closed(board: Board, event: ObligationClosed) -> Iterator[Announcement]:
    yield _change(board, event, "buyer", guarantee_tiyn=event.buyer_guarantee_tiyn)
    yield _change(board, event, "seller", guarantee_tiyn=event.seller_guarantee_tiyn)
    yield OPERATOR, event


def _obligation_refunded(board: Board, event: ObligationRefunded) -> Iterator[Announcement]:
    yield _change(board, event, "buyer", amount_tiyn=event.repaid_tiyn + event.buyer_fee_tiyn)
    yield _change(board, event, "seller", amount_tiyn=event.seller_fee_tiyn)
    yield OPERATOR, event


def _plan_approved(_: Board, event: PlanApproved) -> Iterator[Announcement]:
    yield VENUE, walls.seen_plan(event, None)
    named = (*(each.seller_id for each in event.sources), *(each.applicant_id for each in event.allotments))
    for participant_id in dict.fromkeys(named):
        yield own(participant_id), walls.seen_plan(event, participant_id)
    yield from ((role, event) for role in WATCHERS)


def _of_allotment(board: Board, event: AllotmentRefused | AllotmentShipped) -> Iterator[Announcement]:
    for whose in dict.fromkeys(board.parties[event.allotment_id]):
        yield own(whose), event
    yield from ((role, event) for role in WATCHERS)


def _application_corrected(board: Board, event: ApplicationCorrected) -> Iterator[Announcement]:
    for whose in dict.fromkeys(board.applicants[event.application_id]):
        yield own(whose), event
    yield REGULATOR, event


RULES: Final[Mapping[type, Rule]] = MappingProxyType(
    {
        Refused: nobody,
        LedgerPosted: nobody,
        # Who takes part.
        ParticipantAdmitted: to("participant_id", roles=WATCHERS),
        ParticipantClassified: to("participant_id", roles=WATCHERS),
        ParticipantSuspended: to("participant_id", roles=WATCHERS),
        ParticipantExcluded: to("participant_id", roles=WATCHERS),
        ParticipantReinstated: to("participant_id", roles=WATCHERS),
        AffiliationDeclared: to("participant_id", "affiliate_id", roles=WATCHERS),
        AffiliationEnded: to("participant_id", "affiliate_id", roles=WATCHERS),
        # Rules.
        RulebookAdopted: _rulebook,
        RuleChangeProposed: watchers,
        ProposalWithdrawn: watchers,
        ProposalAssessed: watchers,
        ProposalApproved: watchers,
        ProposalRejected: watchers,
        EmergencyDeclared: everybody,
        EmergencyConfirmed: everybody,
        # What is traded, and when.
        InstrumentListed: everybody,
        InstrumentDelisted: everybody,
        HolidaysDeclared: everybody,
        SessionsScheduled: everybody,
        SessionOpened: _session_opened,
        BasePriceSet: of_the_session,
        CollarTightened: of_the_session,
        PhaseChanged: _phase_changed,
        SessionClosed: of_the_session,
        SessionCleared: _session_cleared,
        Traded: _traded,
        RoundCalled: in_the_session,
        SessionEnded: in_the_session,
        SessionPublished: of_the_session,
        TradingStopped: _stop,
        TradingResumed: _stop,
        # Orders.
        OrderAccepted: to("participant_id"),
        OrderAmended: _owner,
        OrderCancelled: _owner,
        OrderExpired: _owner,
        OrderSecured: to("participant_id"),
        OrderReleased: to("participant_id"),
        FeeCharged: to("participant_id"),
        # Limits.
        LimitReached: _limit_reached,
        LimitLifted: everybody,
        BandWidened: in_the_session,
        PriceCounted: everybody,
        KeysCounted: everybody,
        ParityReported: everybody,
        CompensationClaimed: to("participant_id", roles=(REGULATOR,)),
        ClaimDecided: to("participant_id", roles=WATCHERS),
        # Money and deliveries.
        Deposited: to("participant_id", roles=(OPERATOR,)),
        Withdrawn: to("participant_id", roles=(OPERATOR,)),
        FundEndowed: watchers,
        SettlementTermsFixed: in_the_session,
        ObligationOpened: _obligation_opened,
        ObligationPaid: _obligation_paid,
        ShipmentReported: _shipment_reported,
        ReceiptConfirmed: _receipt_confirmed,
        ObligationSettled: _obligation_settled,
        ObligationLapsed: _obligation_lapsed,
        ObligationClosed: _obligation_closed,
        ObligationRefunded: _obligation_refunded,
        DefaultDeclared: to("participant_id", roles=WATCHERS),
        DefaultCovered: watchers,
        DebtOpened: to("participant_id", roles=(OPERATOR,)),
        DebtPaid: to("participant_id", roles=(OPERATOR,)),
        DebtWaived: to("participant_id", roles=(OPERATOR,)),
        # Supply.
        SupplyPlanned: everybody,
        PlanOpened: everybody,
        CapacityStated: to("seller_id", roles=(REGULATOR,)),
        ApplicationSubmitted: to("applicant_id", "submitted_by", roles=(REGULATOR,)),
        ApplicationCorrected: _application_corrected,
        ApplicationsReviewed: everybody,
        PlanApproved: _plan_approved,
        AllotmentRefused: _of_allotment,
        AllotmentShipped: _of_allotment,
        OutputReported: to("seller_id", roles=(REGULATOR,)),
        SalesReported: to("reported_by", roles=(REGULATOR,)),
        # From the session to the pump.
        RetailTermsReported: watchers,
        PricesPublished: of_the_session,
        # The watch.
        SessionWatched: the_regulator,
        FlagRaised: the_regulator,
        FlagClosed: the_regulator,
    }
)
"""Every type of event there is; a test compares the list with `AnyEvent`."""
