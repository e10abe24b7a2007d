"""A venue small enough to see through, of the same shape as `naryq.exchange`: it takes orders and sums their lots."""

from hashlib import sha256
from typing import NamedTuple

import msgspec

from naryq.maps import Map
from naryq.messages import AnyCommand, AnyEvent, Code, Entry, OrderAccepted, Refusal, Refused, SubmitOrder

LARGEST_LOTS = 1_000


class State(NamedTuple):
    """How many rows there were, the lots taken, a chain over all that happened, and the row of each command."""

    sequence: int
    lots: int
    digest: str
    commands: Map[str, int]


def initial_state() -> State:
    return State(0, 0, "", Map())


def decide(state: State, command: AnyCommand) -> tuple[AnyEvent, ...]:
    assert isinstance(command, SubmitOrder)
    assert command.price_tenge_per_tonne != BUG_PRICE, "a planted bug"
    if command.quantity_lots > LARGEST_LOTS:
        return (Refused(code=Code.OUT_OF_RANGE, what=f"more than {LARGEST_LOTS} lots"),)
    return (
        OrderAccepted(
            session_id=command.session_id,
            order_id=command.order_id,
            participant_id=command.actor,
            place=command.place,
            side=command.side,
            price_tenge_per_tonne=command.price_tenge_per_tonne,
            quantity_lots=command.quantity_lots,
            submitted_at_ns=command.at_ns,
            rulebook_version=f"lots so far {state.lots}",
        ),
    )


def decide_and_fold(state: State, command: AnyCommand) -> tuple[tuple[AnyEvent, ...], State]:
    events = decide(state, command)
    return events, fold(state, events)


def fold(state: State, events: tuple[AnyEvent, ...]) -> State:
    lots = state.lots + sum(event.quantity_lots for event in events if isinstance(event, OrderAccepted))
    return state._replace(lots=lots)


def apply(state: State, entry: Entry) -> State:
    return seal(fold(state, entry.events), entry)


def seal(state: State, entry: Entry) -> State:
    assert entry.sequence == state.sequence + 1
    digest = sha256(f"{state.digest} {entry.command.command_id} {state.lots}".encode()).hexdigest()
    return State(
        entry.sequence,
        state.lots,
        digest,
        state.commands.insert(_sent(entry.command.actor, entry.command.command_id), entry.sequence),
    )


def sequence_of(state: State, actor: str, command_id: str) -> int | None:
    return state.commands.get(_sent(actor, command_id))


def _sent(actor: str, command_id: str) -> str:
    return f"{actor} sent {command_id}"


def state_hash(state: State) -> str:
    return sha256(f"{state.sequence} {state.lots} {state.digest}".encode()).hexdigest()


def snapshot(state: State) -> bytes:
    return msgspec.json.encode((state.sequence, state.lots, state.digest, dict(state.commands.items())))


def restored(data: bytes) -> State:
    try:
        sequence, lots, digest, commands = msgspec.json.decode(data, type=tuple[int, int, str, dict[str, int]])
    except msgspec.MsgspecError as error:
        raise Refusal(Code.UNREADABLE, "this is no snapshot") from error
    return State(sequence, lots, digest, Map(commands))


BUG_PRICE = 666
"""An order at this price makes `decide` fail, as a bug of the program would."""


def order(number: int, *, quantity_lots: int = 1, price_tenge_per_tonne: int = 50_000) -> SubmitOrder:
    """Return the order of a number; the same number gives the same command_id."""
    return SubmitOrder(
        command_id=f"c{number}",
        actor="buyer",
        at_ns=number,
        session_id="s1",
        order_id=f"o{number}",
        place="P1",
        side="buy",
        price_tenge_per_tonne=price_tenge_per_tonne,
        quantity_lots=quantity_lots,
    )
