"""End-of-day statements: for each participant the balances, every movement with its reason, and what is still open.

A statement is a fold of the journal and nothing else: whoever has the rows has the statements. All of them together,
with the house's own accounts, are the ledger, so they sum to zero.
"""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Final

import msgspec

from naryq import exchange
from naryq.exchange import State
from naryq.ledger import Unit, accounts
from naryq.ledger.obligations import Obligation, buyer_value, seller_value
from naryq.messages import Code, Entry, LedgerPosted, Posting, Refusal, Refused
from naryq.units import day_of, grouped, tenge


class Movement(msgspec.Struct, frozen=True):
    """One leg of one booking on an account of the participant, and what the account held after it."""

    sequence: int
    """The journal's row."""
    account: str
    unit: str
    amount: int
    balance: int
    reason: str


class AccountLine(msgspec.Struct, frozen=True):
    """One account of a participant over a day."""

    account: str
    unit: str
    opening: int
    closing: int


class HoldLine(msgspec.Struct, frozen=True):
    """What is held for one order that stands at the end of the day."""

    order_id: str
    session_id: str
    lots: int
    guarantee_tiyn: int
    fee_tiyn: int


class ObligationLine(msgspec.Struct, frozen=True):
    """One obligation that is open at the end of the day, seen from one side; the other side is the clearing house."""

    obligation_id: str
    party: str
    product: str
    delivery_month: str
    place: str
    price_tenge_per_tonne: int
    mass_kg: int
    delivered_kg: int
    lapsed_kg: int
    value_tiyn: int
    settled_tiyn: int
    """Paid by the buyer, or received by the seller."""
    pay_by: str | None
    deliver_by: str
    guarantee_tiyn: int


class DeliveryLine(msgspec.Struct, frozen=True):
    """One loading document of an obligation of the participant, as it stands at the end of the day."""

    document: str
    obligation_id: str
    mass_kg: int
    counted_kg: int
    loaded_on: str
    wagons: tuple[str, ...]
    is_received: bool


class Statement(msgspec.Struct, frozen=True):
    """One participant's day."""

    participant_id: str
    name: str
    day: str
    accounts: tuple[AccountLine, ...]
    movements: tuple[Movement, ...]
    obligations: tuple[ObligationLine, ...]
    holds: tuple[HoldLine, ...]
    deliveries: tuple[DeliveryLine, ...]


def statements(entries: Iterable[Entry], day: str, participant_id: str | None = None) -> tuple[Statement, ...]:
    """Return the statements of a day, of all participants in order of their identifiers or of one.

    Args:
        entries: All rows of a journal up to that day at least, from the first.
        day: The day, by the clock of the rulebook in force.
        participant_id: Whose statement alone.

    Raises:
        Refusal: UNKNOWN_PARTICIPANT where nobody of that name is admitted by the end of the day.
    """
    opening, closing, booked = _folded(entries, day)
    known = sorted(person for person, _ in closing.participants.items())
    if participant_id is not None and participant_id not in known:
        raise Refusal(
            Code.UNKNOWN_PARTICIPANT,
            f"nobody is admitted as {participant_id!r} by the end of {day}",
            where="participant",
            remedy="Name somebody who is admitted, or leave the participant out.",
        )
    of_owner = _by_owner(opening, closing, booked)
    chosen = known if participant_id is None else [participant_id]
    return tuple(_statement(closing, person, day, of_owner.get(person, _Booked())) for person in chosen)


class _Booked(msgspec.Struct):
    """What concerns one participant's accounts."""

    accounts: list[AccountLine] = []
    movements: list[Movement] = []


def _folded(entries: Iterable[Entry], day: str) -> tuple[State, State, list[tuple[int, LedgerPosted]]]:
    """Return the states at the beginning and at the end of a day, and the day's bookings with their rows."""
    state = opening = exchange.initial_state()
    booked: list[tuple[int, LedgerPosted]] = []
    for entry in entries:
        if isinstance(entry.events[0], Refused):
            state = exchange.apply(state, entry)
            continue
        today = day_of(entry.command.at_ns, 0) if state.rulebook is None else state.rulebook.day(entry.command.at_ns)
        if today > day:
            break
        state = exchange.apply(state, entry)
        if today < day:
            opening = state
        else:
            booked += [(entry.sequence, event) for event in entry.events if isinstance(event, LedgerPosted)]
    return opening, state, booked


def _by_owner(opening: State, closing: State, booked: list[tuple[int, LedgerPosted]]) -> dict[str, _Booked]:
    found: dict[str, _Booked] = {}
    balances = {key: amount for key, amount in opening.balances.items() if accounts.owner(key[0]) is not None}
    for sequence, event in booked:
        for leg in event.postings:
            who = accounts.owner(leg.account)
            if who is not None:
                movement = _movement(balances, sequence, leg, event.reason)
                found.setdefault(who, _Booked()).movements.append(movement)
    for (account, unit), amount in sorted(closing.balances.items()):
        who = accounts.owner(account)
        if who is None:
            continue
        assert balances.get((account, unit), 0) == amount, "the movements lead from the opening to the closing balance"
        line = AccountLine(account, unit, opening.balances.get((account, unit), 0), amount)
        found.setdefault(who, _Booked()).accounts.append(line)
    return found


def _movement(balances: dict[tuple[str, Unit], int], sequence: int, leg: Posting, reason: str) -> Movement:
    key = (leg.account, leg.unit)
    balances[key] = balances.get(key, 0) + leg.amount
    return Movement(sequence, leg.account, leg.unit, leg.amount, balances[key], reason)


def _statement(closing: State, participant_id: str, day: str, booked: _Booked) -> Statement:
    money = closing.money
    return Statement(
        participant_id=participant_id,
        name=closing.participants[participant_id].name,
        day=day,
        accounts=tuple(line for line in booked.accounts if line.opening or line.closing or _moves(booked, line)),
        movements=tuple(booked.movements),
        obligations=tuple(
            line for _, obligation in sorted(money.obligations.items()) for line in _sides(obligation, participant_id)
        ),
        holds=tuple(
            HoldLine(order_id, hold.session_id, hold.lots, hold.guarantee_tiyn, hold.reserve_tiyn)
            for order_id, hold in sorted(money.holds.items())
            if hold.participant_id == participant_id
        ),
        deliveries=tuple(_deliveries(closing, participant_id)),
    )


def _moves(booked: _Booked, line: AccountLine) -> bool:
    return any((movement.account, movement.unit) == (line.account, line.unit) for movement in booked.movements)


def _sides(obligation: Obligation, participant_id: str) -> Iterator[ObligationLine]:
    """Give an open obligation's lines for a participant: none, one, or both where it deals with itself."""
    opened = obligation.opened
    if obligation.closing:
        return
    if opened.buyer_id == participant_id:
        value = buyer_value(opened, obligation.due_kg)
        yield _line(obligation, "buyer", value, obligation.paid_tiyn, obligation.buyer_guarantee_tiyn)
    if opened.seller_id == participant_id:
        value, received = (seller_value(opened, mass) for mass in (obligation.due_kg, obligation.settled_kg))
        yield _line(obligation, "seller", value, received, obligation.seller_guarantee_tiyn)


def _line(obligation: Obligation, party: str, value: int, settled: int, guarantee: int) -> ObligationLine:
    opened, is_buyer = obligation.opened, party == "buyer"
    return ObligationLine(
        obligation_id=opened.obligation_id,
        party=party,
        product=opened.product,
        delivery_month=opened.delivery_month,
        place=opened.buy_place if is_buyer else opened.sell_place,
        price_tenge_per_tonne=opened.buy_price_tenge_per_tonne if is_buyer else opened.sell_price_tenge_per_tonne,
        mass_kg=opened.mass_kg,
        delivered_kg=obligation.delivered_kg,
        lapsed_kg=obligation.lapsed_kg,
        value_tiyn=value,
        settled_tiyn=settled,
        pay_by=opened.pay_by,
        deliver_by=opened.deliver_by,
        guarantee_tiyn=guarantee,
    )


def _deliveries(closing: State, participant_id: str) -> Iterator[DeliveryLine]:
    for document, shipment in sorted(closing.money.shipments.items()):
        reported = shipment.reported
        opened = closing.money.obligations[reported.obligation_id].opened
        if participant_id in {opened.buyer_id, opened.seller_id}:
            yield DeliveryLine(
                document=document,
                obligation_id=reported.obligation_id,
                mass_kg=reported.mass_kg,
                counted_kg=reported.counted_kg,
                loaded_on=reported.loaded_on,
                wagons=reported.wagons,
                is_received=shipment.is_received,
            )


# --- As text ----------------------------------------------------------------------------------------------------

CSV_COLUMNS: Final = ("participant_id", "day", "line", "sequence", "account", "unit", "amount", "balance", "reason")


def to_json(found: tuple[Statement, ...]) -> bytes:
    """Return statements as indented JSON; every number is an integer with its unit in the name or beside it."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def to_csv(found: tuple[Statement, ...]) -> str:
    """Return one row for each opening balance, movement and closing balance; `line` says which of them."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for statement in found:
        writer.writerows(_csv_rows(statement))
    return text.getvalue()


def _csv_rows(statement: Statement) -> Iterator[tuple[str | int, ...]]:
    head = (statement.participant_id, statement.day)
    for line in statement.accounts:
        yield (*head, "opening", "", line.account, line.unit, "", line.opening, "")
    for moved in statement.movements:
        yield (*head, "movement", moved.sequence, moved.account, moved.unit, moved.amount, moved.balance, moved.reason)
    for line in statement.accounts:
        yield (*head, "closing", "", line.account, line.unit, "", line.closing, "")


def shown(amount: int, unit: str) -> str:
    """Write an amount for people: money in tenge with two decimals, mass in kilograms.

    >>> shown(-150, "tiyn"), shown(36_000, "kg")
    ('-1.50 tenge', '36 000 kg')
    """
    return f"{tenge(amount, 2)} tenge" if unit == "tiyn" else f"{grouped(amount)} kg"
