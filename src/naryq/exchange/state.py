"""The venue's state, as a persistent value, and its hash."""

from hashlib import sha256
from typing import Literal, TypeAlias

import msgspec

from naryq import ledger, messages
from naryq.exchange.book import Book
from naryq.exchange.limits_state import Limits, no_limits
from naryq.exchange.money_state import NO_MONEY, Money
from naryq.exchange.supply_state import Supply, no_supply
from naryq.maps import Map
from naryq.messages import (
    AffiliationDeclared,
    EmergencyDeclared,
    FlagClosed,
    FlagRaised,
    HolidaysDeclared,
    Instrument,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    ParticipantAdmitted,
    ParticipantExcluded,
    ParticipantSuspended,
    Phase,
    PricesPublished,
    PumpPrice,
    RetailTermsReported,
    RuleChangeProposed,
    SessionCleared,
    SessionOpened,
    SessionsScheduled,
    SessionWatched,
    Statistics,
    SupplyPlanned,
    Traded,
    TradingStopped,
)
from naryq.rulebook import Rulebook

Orders: TypeAlias = Map[int, OrderAccepted]
MonthAndProvince: TypeAlias = tuple[str, str]
Pair: TypeAlias = tuple[str, str]
Absence: TypeAlias = ParticipantSuspended | ParticipantExcluded


class Session(msgspec.Struct, frozen=True, gc=False):
    """One session: its terms, its phase, and its open orders by their number of arrival, each with its open lots."""

    opened: SessionOpened
    phase: Phase
    orders: Orders
    numbers: Map[str, int]
    carriage: Map[str, int]
    """The cheapest carriage to each place, in tenge a tonne."""
    lots: int = 0
    """All orders' lots together."""
    cleared: SessionCleared | None = None
    published: PricesPublished | None = None
    book: Book | None = None
    """Who comes before whom, where one instrument trades in a book."""
    statistics: Statistics = Statistics()
    """What has traded so far, over one instrument."""
    rounds: tuple[tuple[OrderAccepted, ...], ...] = ()
    """The bids of each round that is over, in an open standard auction."""
    ended_at_ns: int | None = None
    """When nothing more was to trade."""


class Proposal(msgspec.Struct, frozen=True):
    """A proposed change of rules, whether it is decided, and the row and rulebook of its last assessment."""

    proposed: RuleChangeProposed
    phase: Literal["open", "approved", "rejected", "withdrawn"] = "open"
    assessed_sequence: int | None = None
    assessed_version: str | None = None


class Emergency(msgspec.Struct, frozen=True):
    """An emergency, and who has confirmed it."""

    declared: EmergencyDeclared
    confirmed_by: str | None = None


class RuleChanges(msgspec.Struct, frozen=True):
    """What was proposed to change the rules, and what was declared in an emergency."""

    proposals: Map[str, Proposal]
    emergencies: Map[str, Emergency]


Tape: TypeAlias = Map[int, OrderAccepted | OrderAmended | OrderCancelled | Traded]


class Flag(msgspec.Struct, frozen=True):
    """What the watch has raised, and what the regulator found of it."""

    raised: FlagRaised
    closed: FlagClosed | None = None


class Watch(msgspec.Struct, frozen=True):
    """What the watch over the market knows: its flags, what it has heard of open sessions, and what it remembers."""

    flags: Map[str, Flag]
    tapes: Map[str, Tape]
    """Session that is watched -> what was sent and traded in it, in order, until it has been looked at."""
    history: Map[str, tuple[SessionWatched, ...]]
    """Market -> a few numbers of each of its last sessions, the oldest first."""


class People(msgspec.Struct, frozen=True):
    """Who may not act at present, and who belongs together."""

    absences: Map[str, Absence]
    """The last suspension or exclusion of each participant, until it is reinstated."""
    affiliations: Map[Pair, AffiliationDeclared]
    """The declared pairs, the smaller identifier first."""
    groups: Map[str, str]
    """The smallest identifier of each affiliated participant's group; who is in no group is not here."""


class Market(msgspec.Struct, frozen=True, gc=False):
    """What is traded and when: the instruments, their references, the holidays of each year and the series."""

    instruments: Map[str, Instrument]
    """Every instrument ever listed, by its code."""
    delisted: Map[str, str]
    """Those that are not listed any more, and why."""
    references: Map[str, int]
    """The last weighted average of each instrument, tenge a tonne."""
    holidays: Map[int, HolidaysDeclared]
    series: Map[str, SessionsScheduled]
    trades: int = 0
    """How many trades over instruments there have been."""


class State(msgspec.Struct, frozen=True, gc=False):
    """All that the venue knows: a value; `evolve` makes the next one and leaves this one as it was."""

    sequence: int
    at_ns: int
    commands: Map[str, int]
    """Who has sent which command, in one text (`machine.identity`), and the row that answered it."""
    rulebook: Rulebook | None
    participants: Map[str, ParticipantAdmitted]
    sessions: Map[str, Session]
    order_ids: Map[str, str]
    supplies: Map[MonthAndProvince, SupplyPlanned]
    terms: Map[MonthAndProvince, RetailTermsReported]
    pump_prices: Map[str, PumpPrice]
    reference_tenge_per_tonne: int | None
    balances: ledger.Balances
    stops: Map[tuple[str, str], TradingStopped]
    """What stands stopped, by scope and target."""
    rule_changes: RuleChanges
    watch: Watch
    people: People
    market: Market
    money: Money
    supply: Supply
    limits: Limits


def initial_state() -> State:
    """Return the state of a venue on which nothing has happened."""
    return State(
        sequence=0,
        at_ns=0,
        commands=Map(),
        rulebook=None,
        participants=Map(),
        sessions=Map(),
        order_ids=Map(),
        supplies=Map(),
        terms=Map(),
        pump_prices=Map(),
        reference_tenge_per_tonne=None,
        balances=ledger.opened(),
        stops=Map(),
        rule_changes=RuleChanges(Map(), Map()),
        people=People(Map(), Map(), Map()),
        market=Market(Map(), Map(), Map(), Map(), Map()),
        money=NO_MONEY,
        supply=no_supply(),
        watch=Watch(Map(), Map(), Map()),
        limits=no_limits(),
    )


def ordered(orders: Orders) -> tuple[OrderAccepted, ...]:
    """Return a session's orders in the order of their arrival; a map alone has none."""
    return tuple(order for _, order in sorted(orders.items()))


def with_session(state: State, session: Session) -> State:
    """Return the state with a session put in the place of its old self."""
    sessions = state.sessions.insert(session.opened.session_id, session)
    return msgspec.structs.replace(state, sessions=sessions)


def in_phase(state: State, session_id: str, phase: Phase) -> State:
    """Return the state with a session in another phase."""
    return with_session(state, msgspec.structs.replace(state.sessions[session_id], phase=phase))


def state_hash(state: State) -> str:
    """Return the SHA-256 of the whole state in a canonical form, as 64 hexadecimal digits."""
    return sha256(messages.canonical(_plain(state))).hexdigest()


def _plain(value: object) -> object:
    """Return a value as lists, numbers and text only, maps as lists sorted by key."""
    if isinstance(value, Rulebook):
        return _plain(value.text)
    if isinstance(value, Map):
        return [[_plain(key), _plain(item)] for key, item in sorted(value.items())]
    if isinstance(value, msgspec.Struct) and not isinstance(value, messages.Message):
        return [_plain(getattr(value, field)) for field in value.__struct_fields__]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
