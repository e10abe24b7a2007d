"""The venue's state, as a persistent value, and how an event changes it."""

from collections.abc import Callable
from hashlib import sha256
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import msgspec
from rpds import HashTrieMap

from naryq import ledger, messages, pricing
from naryq.messages import (
    AnyEvent,
    Entry,
    LedgerPosted,
    OrderAccepted,
    OrderCancelled,
    ParticipantAdmitted,
    PricesPublished,
    PumpPrice,
    Refused,
    RetailTermsReported,
    RulebookAdopted,
    SessionCleared,
    SessionClosed,
    SessionOpened,
    SupplyPlanned,
)
from naryq.rulebook import Rulebook

Phase = Literal["collecting", "closed", "cleared", "published"]
Orders: TypeAlias = "HashTrieMap[int, OrderAccepted]"
MonthAndProvince: TypeAlias = tuple[str, str]


class Session(msgspec.Struct, frozen=True):
    """One call session: its terms, its phase, and its orders by their number of arrival."""

    opened: SessionOpened
    phase: Phase
    orders: Orders
    numbers: "HashTrieMap[str, int]"
    carriage: "HashTrieMap[str, int]"
    """The cheapest carriage to each place, in tenge a tonne."""
    lots: int = 0
    """All orders' lots together."""
    cleared: SessionCleared | None = None


class State(msgspec.Struct, frozen=True):
    """All that the venue knows: a value; `evolve` makes the next one and leaves this one as it was."""

    sequence: int
    at_ns: int
    commands: "HashTrieMap[str, int]"
    rulebook: Rulebook | None
    participants: "HashTrieMap[str, ParticipantAdmitted]"
    sessions: "HashTrieMap[str, Session]"
    order_ids: "HashTrieMap[str, str]"
    supplies: "HashTrieMap[MonthAndProvince, SupplyPlanned]"
    terms: "HashTrieMap[MonthAndProvince, RetailTermsReported]"
    pump_prices: "HashTrieMap[str, PumpPrice]"
    reference_tenge_per_tonne: int | None
    balances: ledger.Balances


def initial_state() -> State:
    """Return the state of a venue on which nothing has happened."""
    return State(
        sequence=0,
        at_ns=0,
        commands=HashTrieMap(),
        rulebook=None,
        participants=HashTrieMap(),
        sessions=HashTrieMap(),
        order_ids=HashTrieMap(),
        supplies=HashTrieMap(),
        terms=HashTrieMap(),
        pump_prices=HashTrieMap(),
        reference_tenge_per_tonne=None,
        balances=ledger.opened(),
    )


def evolve(state: State, event: AnyEvent) -> State:
    """Fold one event into the state; every event that `decide` made can be folded."""
    return _EVOLVERS[type(event)](state, event)


def apply(state: State, entry: Entry) -> State:
    """Fold one journal row: its events, its time, and its command's identifier, so that a retry finds its answer.

    A refused command leaves the venue's clock alone: else one with a time far ahead would stop everybody else.
    """
    assert entry.sequence == state.sequence + 1, "rows follow each other without a gap"
    for event in entry.events:
        state = evolve(state, event)
    return msgspec.structs.replace(
        state,
        sequence=entry.sequence,
        at_ns=state.at_ns if isinstance(entry.events[0], Refused) else entry.command.at_ns,
        commands=state.commands.insert(entry.command.command_id, entry.sequence),
    )


def sequence_of(state: State, command_id: str) -> int | None:
    """Return the journal row that answered a command, or None when it is new."""
    return state.commands.get(command_id)


def ordered(orders: Orders) -> tuple[OrderAccepted, ...]:
    """Return a session's orders in the order of their arrival; a map alone has none."""
    return tuple(order for _, order in sorted(orders.items()))


def _with_session(state: State, session: Session) -> State:
    sessions = state.sessions.insert(session.opened.session_id, session)
    return msgspec.structs.replace(state, sessions=sessions)


def _in_phase(state: State, session_id: str, phase: Phase) -> State:
    return _with_session(state, msgspec.structs.replace(state.sessions[session_id], phase=phase))


def _refused(state: State, _: Refused) -> State:
    return state


def _participant_admitted(state: State, event: ParticipantAdmitted) -> State:
    return msgspec.structs.replace(state, participants=state.participants.insert(event.participant_id, event))


def _rulebook_adopted(state: State, event: RulebookAdopted) -> State:
    return msgspec.structs.replace(state, rulebook=Rulebook(event.rulebook))


def _session_opened(state: State, event: SessionOpened) -> State:
    carriage = HashTrieMap(pricing.cheapest_carriage(event.places, event.links))
    return _with_session(state, Session(event, "collecting", HashTrieMap(), HashTrieMap(), carriage))


def _order_accepted(state: State, event: OrderAccepted) -> State:
    session = state.sessions[event.session_id]
    number = state.sequence + 1
    session = msgspec.structs.replace(
        session,
        orders=session.orders.insert(number, event),
        numbers=session.numbers.insert(event.order_id, number),
        lots=session.lots + event.quantity_lots,
    )
    state = _with_session(state, session)
    return msgspec.structs.replace(state, order_ids=state.order_ids.insert(event.order_id, event.session_id))


def _order_cancelled(state: State, event: OrderCancelled) -> State:
    session = state.sessions[event.session_id]
    number = session.numbers[event.order_id]
    session = msgspec.structs.replace(
        session,
        orders=session.orders.remove(number),
        numbers=session.numbers.remove(event.order_id),
        lots=session.lots - session.orders[number].quantity_lots,
    )
    return _with_session(state, session)


def _session_closed(state: State, event: SessionClosed) -> State:
    return _in_phase(state, event.session_id, "closed")


def _session_cleared(state: State, event: SessionCleared) -> State:
    session = state.sessions[event.session_id]
    state = _with_session(state, msgspec.structs.replace(session, phase="cleared", cleared=event))
    if event.average_ex_works_tenge_per_tonne is None:
        return state
    return msgspec.structs.replace(state, reference_tenge_per_tonne=event.average_ex_works_tenge_per_tonne)


def _ledger_posted(state: State, event: LedgerPosted) -> State:
    return msgspec.structs.replace(state, balances=ledger.post(state.balances, event.postings))


def _supply_planned(state: State, event: SupplyPlanned) -> State:
    supplies = state.supplies.insert((event.delivery_month, event.province), event)
    return msgspec.structs.replace(state, supplies=supplies)


def _retail_terms_reported(state: State, event: RetailTermsReported) -> State:
    terms = state.terms.insert((event.delivery_month, event.province), event)
    return msgspec.structs.replace(state, terms=terms)


def _prices_published(state: State, event: PricesPublished) -> State:
    prices = state.pump_prices
    for price in event.pump_prices:
        prices = prices.insert(price.province, price)
    return _in_phase(msgspec.structs.replace(state, pump_prices=prices), event.session_id, "published")


_EVOLVERS: MappingProxyType[type, Callable[[State, Any], State]] = MappingProxyType({
    Refused: _refused,
    ParticipantAdmitted: _participant_admitted,
    RulebookAdopted: _rulebook_adopted,
    SessionOpened: _session_opened,
    OrderAccepted: _order_accepted,
    OrderCancelled: _order_cancelled,
    SessionClosed: _session_closed,
    SessionCleared: _session_cleared,
    LedgerPosted: _ledger_posted,
    SupplyPlanned: _supply_planned,
    RetailTermsReported: _retail_terms_reported,
    PricesPublished: _prices_published,
})  # fmt: skip


def state_hash(state: State) -> str:
    """Return the SHA-256 of the whole state in a canonical form, as 64 hexadecimal digits."""
    return sha256(messages.canonical(_plain(state))).hexdigest()


def _plain(value: object) -> object:
    """Return a value as lists, numbers and text only, maps as lists sorted by key."""
    if isinstance(value, Rulebook):
        return _plain(value.text)
    if isinstance(value, HashTrieMap):
        return [[_plain(key), _plain(item)] for key, item in sorted(value.items())]
    if isinstance(value, State | Session):
        return [_plain(getattr(value, field)) for field in value.__struct_fields__]
    return value
