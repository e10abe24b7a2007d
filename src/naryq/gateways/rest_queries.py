"""The questions of REST: each takes what it shows from the room `showing`."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from naryq.exchange.rule_replay import RulesReplayed
from naryq.exchange.state import Emergency
from naryq.gateways.rest_operations import JSON, ROLES, Asked, Operation, Parameter
from naryq.gateways.rest_pages import LIMIT_MAX, Page, limit_of, page
from naryq.messages import (
    AffiliationDeclared,
    CapacityStated,
    Code,
    CompensationClaimed,
    HolidaysDeclared,
    Name,
    OutputReported,
    ProposalAssessed,
    Refusal,
    RetailTermsReported,
    Role,
    SalesReported,
    SessionsScheduled,
    SupplyPlanned,
    TradingStopped,
)
from naryq.showing import (
    books,
    changes,
    days,
    distances,
    history,
    instruments,
    members,
    moneys,
    orders,
    plans,
    prices,
    seals,
    sessions,
    stops,
    watching,
)
from naryq.statements import Statement, statements
from naryq.units import is_day

Limit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]
PAGING: Final = (
    Parameter("limit", Limit, "How many items a page has at most; 100 where nothing is said."),
    Parameter("cursor", str, "The `next_cursor` of the page before."),
)


class Listing(NamedTuple):
    """A question that is answered with a list in pages: the type of an item, its unique key, and all of them."""

    path: str
    name: str
    says: str
    item: Any
    key: Callable[[Any], str]
    find: Callable[[Asked], Any]
    roles: tuple[Role, ...] = ROLES
    parameters: tuple[Parameter, ...] = ()


class Question(NamedTuple):
    """A question that is answered with one thing; None is answered with NOT_FOUND."""

    path: str
    name: str
    says: str
    result: Any
    find: Callable[[Asked], Any]
    roles: tuple[Role, ...] = ROLES


WATCHERS: Final[tuple[Role, ...]] = ("operator", "regulator")


def _known_session(asked: Asked) -> str:
    session_id = asked.path["session_id"]
    if session_id not in asked.house.state.sessions:
        remedy = "See GET /v1/sessions."
        raise Refusal(Code.UNKNOWN_SESSION, f"there is no session {session_id!r}", where="session_id", remedy=remedy)
    return session_id


def _known_period(asked: Asked) -> str:
    period = asked.path["period"]
    if period not in asked.house.state.supply.plans:
        remedy = "See GET /v1/plans."
        raise Refusal(Code.NOT_FOUND, f"there is no plan of {period!r}", where="period", remedy=remedy)
    return period


def _trades(asked: Asked) -> Any:
    return asked.house.history.trades(_known_session(asked))


def _rounds(asked: Asked) -> Any:
    return sessions.rounds(asked.house.state, _known_session(asked))


def _fill_key(fill: history.ShownFill) -> str:
    return f"{fill.at_ns:020d} {fill.order_id} {fill.trade_id or ''}"


LISTINGS: Final = (
    Listing(
        "/v1/instruments",
        "ListInstruments",
        "Every instrument that was ever listed.",
        instruments.ShownInstrument,
        lambda item: item.instrument.code,
        lambda asked: instruments.instruments(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/sessions",
        "ListSessions",
        "All sessions: terms, phase, bounds, statistics, and the prices of those that are cleared.",
        sessions.ShownSession,
        lambda item: item.opened.session_id,
        lambda asked: sessions.sessions(asked.house.state, asked.at_ns),
    ),
    Listing(
        "/v1/sessions/{session_id}/trades",
        "ListTrades",
        f"The last {history.TRADES_KEPT} trades of a session, nobody named, the oldest first.",
        history.PublicTrade,
        lambda item: f"{item.at_ns:020d} {item.trade_id}",
        _trades,
    ),
    Listing(
        "/v1/orders",
        "ListOrders",
        "Your open orders, and what is held for each.",
        orders.ShownOrder,
        lambda item: item.order.order_id,
        lambda asked: orders.own_orders(asked.house.state, asked.viewer, asked.house.history.open_orders(asked.viewer)),
    ),
    Listing(
        "/v1/fills",
        "ListFills",
        f"Your last {history.FILLS_KEPT} fills, the oldest first.",
        history.ShownFill,
        _fill_key,
        lambda asked: asked.house.history.fills(asked.viewer),
    ),
    Listing(
        "/v1/payments",
        "ListPayments",
        f"Your last {history.PAYMENTS_KEPT} deposits and withdrawals, the oldest first.",
        history.Payment,
        lambda item: f"{item.at_ns:020d} {item.bank_reference}",
        lambda asked: asked.house.history.payments(asked.viewer),
    ),
    Listing(
        "/v1/obligations",
        "ListObligations",
        "Your obligations; to those who watch, all, from both sides.",
        moneys.ShownObligation,
        lambda item: f"{item.obligation_id} {item.party}",
        lambda asked: moneys.all_obligations(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/defaults-due",
        "ListDefaultsDue",
        "Obligations of which a default may be declared now.",
        moneys.ShownObligation,
        lambda item: f"{item.obligation_id} {item.party}",
        lambda asked: moneys.defaults_due(asked.house.state, asked.viewer, asked.at_ns),
        roles=WATCHERS,
    ),
    Listing(
        "/v1/participants",
        "ListParticipants",
        "Everybody who was ever admitted; standing and affiliates are for those who watch.",
        members.Member,
        lambda item: item.participant_id,
        lambda asked: members.members(asked.house.state, asked.viewer, asked.at_ns),
    ),
    Listing(
        "/v1/prices",
        "ListPrices",
        "The prices of every province: at the pump, wholesale, and of the last trade.",
        prices.ProvincePrice,
        lambda item: item.province,
        lambda asked: prices.provinces(asked.house.state),
    ),
    Listing(
        "/v1/stops",
        "ListStops",
        "What stands stopped, as far as you may see it.",
        TradingStopped,
        lambda item: f"{item.scope} {item.target}",
        lambda asked: stops.stops(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/limits",
        "ListLimits",
        "Every limit that the rules set now, and how close each is.",
        distances.Distance,
        lambda item: f"{item.limit} {item.subject} {item.lowest:d}",
        lambda asked: distances.distances(asked.house.state, asked.viewer, asked.at_ns),
        roles=WATCHERS,
    ),
    Listing(
        "/v1/two-keys",
        "ListTwoKeys",
        "Where the two keys of the network and of each instrument stand.",
        distances.Keys,
        lambda item: item.subject,
        lambda asked: distances.keys(asked.house.state, asked.viewer, asked.at_ns),
        roles=WATCHERS,
    ),
    Listing(
        "/v1/flags",
        "ListFlags",
        "What the watch over the market has raised, with its evidence.",
        watching.ShownFlag,
        lambda item: item.raised.flag_id,
        lambda asked: watching.flags(asked.house.state, asked.viewer),
        roles=("regulator",),
    ),
    Listing(
        "/v1/proposals",
        "ListProposals",
        "Proposed changes of rules, value by value.",
        changes.ShownProposal,
        lambda item: item.proposed.proposal_id,
        lambda asked: changes.proposals(asked.house.state, asked.viewer, asked.at_ns),
        roles=WATCHERS,
    ),
    Listing(
        "/v1/claims",
        "ListClaims",
        "Claims for compensation that wait: yours; to those who watch, all.",
        CompensationClaimed,
        lambda item: item.claim_id,
        lambda asked: distances.claims(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/affiliations",
        "ListAffiliations",
        "Declared affiliations: those in which you stand; to those who watch, all.",
        AffiliationDeclared,
        lambda item: f"{item.participant_id} {item.affiliate_id}",
        lambda asked: members.affiliations(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/holidays",
        "ListHolidays",
        "The declared years: days without trading, and weekend days with it.",
        HolidaysDeclared,
        lambda item: f"{item.year}",
        lambda asked: days.holidays(asked.house.state),
    ),
    Listing(
        "/v1/series",
        "ListSeries",
        "Announced series of additional sessions.",
        SessionsScheduled,
        lambda item: item.series_id,
        lambda asked: days.series(asked.house.state),
    ),
    Listing(
        "/v1/plans",
        "ListPlans",
        "Supply plans: steps, reviews and sums by province; by name what you are named in, to those who watch all.",
        plans.ShownPlan,
        lambda item: item.opened.period,
        lambda asked: plans.plans(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/plans/{period}/capacities",
        "ListCapacities",
        "What sellers can deliver in a period: your own; to the regulator, all.",
        CapacityStated,
        lambda item: f"{item.seller_id} {item.plant}",
        lambda asked: plans.capacities(asked.house.state, asked.viewer, _known_period(asked)),
    ),
    Listing(
        "/v1/plans/{period}/applications",
        "ListApplications",
        "Applications of a period and what each was allotted: yours and those you made; to the regulator, all.",
        plans.ShownApplication,
        lambda item: item.application.application_id,
        lambda asked: plans.applications(asked.house.state, asked.viewer, _known_period(asked)),
    ),
    Listing(
        "/v1/allotments",
        "ListAllotments",
        "Allotments, what was refused and what was loaded: those you are named in; to those who watch, all.",
        plans.ShownAllotment,
        lambda item: item.allotment.allotment_id,
        lambda asked: plans.allotments(asked.house.state, asked.viewer),
    ),
    Listing(
        "/v1/duties",
        "ListDuties",
        "What sellers owe under approved plans, and how much has come: yours; to those who watch, all.",
        plans.ShownDuty,
        lambda item: f"{item.period} {item.seller_id} {item.plant}",
        lambda asked: plans.duties(asked.house.state, asked.viewer),
        roles=("operator", "regulator", "seller"),
    ),
    Listing(
        "/v1/reoffers",
        "ListReoffers",
        "Refused lots that are to be offered on the platform: yours; to those who watch, all.",
        plans.ShownReoffer,
        lambda item: f"{item.period} {item.seller_id} {item.plant} {item.province}",
        lambda asked: plans.reoffers(asked.house.state, asked.viewer),
        roles=("operator", "regulator", "seller"),
    ),
    Listing(
        "/v1/supplies",
        "ListSupplies",
        "The plan of each month and province, by hand or by an approved plan.",
        SupplyPlanned,
        lambda item: f"{item.delivery_month} {item.province}",
        lambda asked: plans.supplies(asked.house.state),
    ),
    Listing(
        "/v1/outputs",
        "ListOutputs",
        "Reported months of plants: yours; to the regulator, all.",
        OutputReported,
        lambda item: f"{item.month} {item.seller_id} {item.plant}",
        lambda asked: plans.outputs(asked.house.state, asked.viewer),
        roles=("regulator", "seller"),
    ),
    Listing(
        "/v1/sales",
        "ListSales",
        "Reported months of provinces: those you reported; to the regulator, all.",
        SalesReported,
        lambda item: f"{item.month} {item.province}",
        lambda asked: plans.sales(asked.house.state, asked.viewer),
        roles=("regulator", "observer"),
    ),
    Listing(
        "/v1/retail-terms",
        "ListRetailTerms",
        "What stands between wholesale and pump in each month and province.",
        RetailTermsReported,
        lambda item: f"{item.delivery_month} {item.province}",
        lambda asked: plans.retail_terms(asked.house.state, asked.viewer),
        roles=WATCHERS,
    ),
    Listing(
        "/v1/overdue",
        "ListOverdue",
        "What should have come under the plans and has not: yours and your provinces'; to the regulator, all.",
        plans.ShownOverdue,
        lambda item: f"{item.due} {item.what} {item.who} {item.of}",
        lambda asked: plans.overdue(asked.house.state, asked.viewer, asked.at_ns),
    ),
)
QUESTIONS: Final = (
    Question(
        "/v1/sessions/{session_id}",
        "ShowSession",
        "One session.",
        sessions.ShownSession,
        lambda asked: sessions.session(asked.house.state, asked.path["session_id"], asked.at_ns),
    ),
    Question(
        "/v1/sessions/{session_id}/book",
        "ShowBook",
        f"The best {books.LEVELS_MAX} prices of each side, while the session trades in an open book.",
        books.Depth,
        lambda asked: books.depth(asked.house.state, asked.viewer, asked.path["session_id"]),
    ),
    Question(
        "/v1/sessions/{session_id}/rounds",
        "ShowRounds",
        "The rounds of an open standard auction so far, nobody named.",
        tuple[sessions.ShownRound, ...],
        _rounds,
    ),
    Question(
        "/v1/plans/{period}",
        "ShowPlan",
        "The plan of one period.",
        plans.ShownPlan,
        lambda asked: plans.plan(asked.house.state, asked.viewer, asked.path["period"]),
    ),
    Question(
        "/v1/orders/{order_id}",
        "ShowOrder",
        "One open order of yours.",
        orders.ShownOrder,
        lambda asked: orders.own_order(asked.house.state, asked.viewer, asked.path["order_id"]),
    ),
    Question(
        "/v1/account",
        "ShowAccount",
        "What you have: free, held, to pay, to receive, and owed.",
        moneys.Account,
        lambda asked: moneys.account(asked.house.state, asked.principal.participant_id),
    ),
    Question(
        "/v1/emergencies",
        "ListEmergencies",
        "Declared emergencies.",
        tuple[Emergency, ...],
        lambda asked: changes.emergencies(asked.house.state, asked.viewer),
        roles=WATCHERS,
    ),
    Question(
        "/v1/proposals/{proposal_id}/assessment",
        "ShowAssessment",
        "Who would have paid and received what under a proposal.",
        ProposalAssessed,
        lambda asked: asked.house.history.assessment(asked.viewer, asked.path["proposal_id"]),
        roles=WATCHERS,
    ),
)


def queries() -> Iterator[Operation]:
    """Yield the operations of all questions."""
    for listing in LISTINGS:
        paged: Any = Page
        result = paged[listing.item]
        yield _operation(listing, result, (*PAGING, *listing.parameters), _paged(listing))
    for question in QUESTIONS:
        yield _operation(question, question.result, (), _single(question))
    yield STATEMENT
    yield REPLAY


async def _statement(asked: Asked) -> Response:
    """Show a day of the asker, or of the participant whom the operator or the regulator names."""
    day, own = asked.path["day"], asked.principal.participant_id
    whose = asked.request.query_params.get("participant", own)
    if whose != own and not asked.viewer.watches:
        what = f"the statement of {whose!r} is not yours"
        raise Refusal(Code.NOT_PERMITTED, what, where="participant", remedy="Leave the parameter out.")
    if not is_day(day):
        raise Refusal(Code.OUT_OF_RANGE, f"{day!r} is no day", where="day", remedy="Write it as 2022-01-31.")
    seals.check_statement(asked.house.state, asked.viewer, whose, day, asked.at_ns)
    (found,) = await asked.house.folded(lambda entries: statements(entries, day, whose))
    return shown(asked.request, found)


STATEMENT: Final = Operation(
    "GET",
    "/v1/statements/{day}",
    "ShowStatement",
    "Your day: balances, every movement with its reason, and what is open. It is folded from the journal, in its time.",
    _statement,
    Statement,
    parameters=(Parameter("participant", Name, "Whose day, for those who watch."),),
)


async def _replay(asked: Asked) -> Response:
    """Run the sessions again that the last assessment of a proposal leaves out."""
    name = asked.path["proposal_id"]
    assessed = asked.house.history.assessment(asked.viewer, name)
    if assessed is None:
        raise _not_found(asked)
    return shown(asked.request, await asked.house.replays.of(asked.house.state, assessed, asked.at_ns))


REPLAY: Final = Operation(
    "GET",
    "/v1/proposals/{proposal_id}/replay",
    "ShowReplay",
    "Who would have paid and received what in sessions over instruments, run again from the journal, in its time.",
    _replay,
    RulesReplayed,
    roles=WATCHERS,
)


def _operation(
    asks: Listing | Question, result: Any, parameters: tuple[Parameter, ...], find: Callable[[Asked], object]
) -> Operation:
    async def act(asked: Asked) -> Response:
        return shown(asked.request, find(asked))

    return Operation("GET", asks.path, asks.name, asks.says, act, result, parameters=parameters, roles=asks.roles)


def _paged(listing: Listing) -> Callable[[Asked], object]:
    def find(asked: Asked) -> object:
        given: Mapping[str, str] = asked.request.query_params
        return page(listing.find(asked), listing.key, given.get("cursor"), limit_of(given.get("limit")))

    return find


def _single(question: Question) -> Callable[[Asked], object]:
    def find(asked: Asked) -> object:
        found = question.find(asked)
        if found is None:
            raise _not_found(asked)
        return found

    return find


def _not_found(asked: Asked) -> Refusal:
    where = ", ".join(f"{name} {value}" for name, value in asked.path.items())
    return Refusal(Code.NOT_FOUND, "there is no such thing, or it is not shown", where=where, remedy="Check the path.")


def shown(request: Request, value: object) -> Response:
    """Answer with a value, or with 304 where the reader has it already.

    The tag is of the bytes, not of the state's sequence: a hold widens by the clock alone, without any row.
    """
    spelled = msgspec.json.encode(value)
    tag = f'"{blake2b(spelled, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if tag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(spelled, headers=headers, media_type=JSON)


def _tags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]
