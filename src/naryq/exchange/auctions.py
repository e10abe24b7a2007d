"""The standard auction as a session: one initiator against many, in open rounds or under seal, by the law's rules.

A bid is an order like any other, so that standing, stops, limits and guarantees are judged alike. The auction itself is
`naryq.StandardAuction` (docs/reference/standard-auction.md), played again from the session's bids whenever it is asked.
Under seal no answer to anybody but the bidder says anything of a bid: only the end of the auction reads them together.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from naryq.exchange import people, trading
from naryq.exchange.state import Session, State, ordered, with_session
from naryq.exchange.topic import Asked, Decision, Topic, session_in
from naryq.market.standard import StandardAuction
from naryq.market.standard_awards import StandardResult
from naryq.market.standard_terms import Bid, Options, Round, Terms
from naryq.messages import (
    Code,
    NextRound,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    PhaseChanged,
    Refusal,
    RoundCalled,
    SessionOpened,
    Side,
    StandardTerms,
    Traded,
)

REPLACED: Final = "replaced by a later bid of the round"
ROUNDS_ENDED: Final = "the last round is over"
ROUNDS_KEPT: Final = 2
"""In how many rounds, with the one that is on, a bid may still win: those who drop out share at the last price."""


def side_of_bids(terms: StandardTerms) -> Side:
    """Return on which side the participants stand."""
    return "buy" if terms.initiator == "seller" else "sell"


def checked_terms(state: State, opened: SessionOpened, given: StandardTerms, minimum: int) -> StandardTerms:
    """Return the terms of an auction with the least number of participants; refuses terms that make no auction."""
    terms = msgspec.structs.replace(given, minimum_participants=minimum)
    if terms.initiator_id not in state.participants:
        what = f"nobody is admitted as {terms.initiator_id!r}"
        raise Refusal(Code.UNKNOWN_PARTICIPANT, what, where="standard", remedy="Name the initiator of the auction.")
    if opened.session_id in state.order_ids:
        what = f"an order is called {opened.session_id!r}, as the initiator's would be"
        raise Refusal(Code.DUPLICATE_ID, what, where="session_id", remedy="Choose another identifier.")
    if (terms.initiator, terms.direction, terms.reserve_price_tenge_per_tonne) == ("buyer", "up", None):
        what = "a buyer's auction upwards has no price at which it must end"
        raise Refusal(Code.OUT_OF_RANGE, what, where="standard", remedy="Give a reserve: the most the buyer pays.")
    Terms(**_options(state, msgspec.structs.replace(opened, standard=terms), ()))
    return terms


def initiators_order(opened: SessionOpened, at_ns: int) -> OrderAccepted:
    """Return what the initiator offers or asks for, as an order with the session's own name."""
    terms = opened.standard
    assert terms is not None, "a standard auction has terms"
    assert opened.instrument is not None, "it is over an instrument"
    return OrderAccepted(
        session_id=opened.session_id,
        order_id=opened.session_id,
        participant_id=terms.initiator_id,
        place=opened.instrument,
        side="sell" if terms.initiator == "seller" else "buy",
        price_tenge_per_tonne=_worst_price(terms),
        quantity_lots=terms.lots,
        submitted_at_ns=at_ns,
        rulebook_version=opened.rulebook_version,
    )


def _worst_price(terms: StandardTerms) -> int:
    """Return the worst price that the initiator may be asked to take: the reserve, the start, or for a seller zero."""
    if terms.reserve_price_tenge_per_tonne is not None:
        return terms.reserve_price_tenge_per_tonne
    outbids = (terms.initiator, terms.direction) in {("seller", "up"), ("buyer", "down")}
    return terms.start_price_tenge_per_tonne if outbids else 0


def _options(state: State, opened: SessionOpened, bids: tuple[OrderAccepted, ...]) -> Options:
    terms = opened.standard
    assert terms is not None, "a standard auction has terms"
    people_in_it = (terms.initiator_id, *(bid.participant_id for bid in bids))
    groups = {name: people.group_of(state, name) for name in people_in_it}
    return Options(
        initiator=terms.initiator,
        direction=terms.direction,
        format=terms.format,
        payment=terms.payment,
        lots=terms.lots,
        start_price=terms.start_price_tenge_per_tonne,
        step=terms.step_tenge_per_tonne,
        reserve_price=terms.reserve_price_tenge_per_tonne,
        reserve_published=terms.reserve_published,
        minimum_participants=terms.minimum_participants,
        initiator_id=terms.initiator_id,
        affiliates={name: group for name, group in groups.items() if name != group},
        tie="pro_rata" if opened.tie_rule == "pro_rata" else "time",
        lot_kg=opened.lot_kg,
    )


def price_called(state: State, session: Session) -> int:
    """Return the price of the round that an open auction is in."""
    assert session.rounds, "no price is called under seal"
    return Terms(**_options(state, session.opened, ())).price_of(len(session.rounds))


# --- Bids ---------------------------------------------------------------------------------------------------------


def check_bid(asked: Asked) -> None:
    """Refuse what the auction does not take: the wrong side, the initiator, a price that is not called."""
    terms, command = asked.session.opened.standard, asked.command
    if terms is None:
        return
    side = side_of_bids(terms)
    if command.side != side:
        what = f"in an auction of a {terms.initiator} the participants {side}"
        raise Refusal(Code.NOT_SUPPORTED, what, where="side", remedy=f"Send an order to {side}.")
    bid = Bid(command.actor, command.price_tenge_per_tonne, command.quantity_lots, command.at_ns)
    if terms.format == "sealed":
        _check_sealed(asked, bid)
    else:
        bids = tuple(order for each in asked.session.rounds for order in each)
        auction = _played(asked.state, asked.session, (*bids, _as_bid(asked)))
        auction.bid(bid.participant, bid.quantity, bid.price, at_ns=bid.at_ns)


def _as_bid(asked: Asked) -> OrderAccepted:
    return msgspec.structs.replace(initiators_order(asked.session.opened, 0), participant_id=asked.command.actor)


def _check_sealed(asked: Asked, bid: Bid) -> None:
    terms = Terms(**_options(asked.state, asked.session.opened, (_as_bid(asked),)))
    terms.check_admissible(bid.participant)
    terms.check_price(bid.price)
    if bid.quantity > terms.lots:
        what = f"quantity is {bid.quantity}, and {terms.lots} lots are on offer"
        raise Refusal(Code.OUT_OF_RANGE, what, where="quantity_lots", remedy=f"Bid for at most {terms.lots}.")


def replaced(session: Session, order: OrderAccepted) -> Iterator[OrderCancelled]:
    """Say which bid of the round a later one of the same participant replaces, where participants drop out."""
    terms = session.opened.standard
    assert terms is not None, "a standard auction has terms"
    drops_out = terms.format == "open" and (terms.initiator, terms.direction) in {("seller", "up"), ("buyer", "down")}
    if drops_out:
        for bid in session.rounds[-1]:
            if bid.participant_id == order.participant_id and bid.order_id in session.numbers:
                yield OrderCancelled(bid.session_id, bid.order_id, REPLACED)


def check_may_leave(session: Session, order_id: str) -> None:
    """Refuse (NOT_SUPPORTED) to take back what stands: the initiator's order, and every bid of an open auction."""
    terms = session.opened.standard
    if terms is not None and (order_id == session.opened.session_id or terms.format == "open"):
        what = "what is said in an open auction stands" if terms.format == "open" else "the initiator's order stands"
        raise Refusal(Code.NOT_SUPPORTED, what, where="order_id", remedy="Who says nothing in a round drops out.")


# --- Rounds -------------------------------------------------------------------------------------------------------


def _played(state: State, session: Session, known: tuple[OrderAccepted, ...]) -> StandardAuction:
    """Play an open auction again up to where it stands; `known` are the orders whose owners' groups count.

    Who belongs together may have been declared since. What was said stands and each round was called, so they are
    played as if nobody belonged with the initiator and nobody were needed; all that follows is judged by what is known.
    """
    options = _options(state, session.opened, known)
    apart = _apart(options["affiliates"], people.group_of(state, options["initiator_id"] or ""))
    played: Options = {**options, "affiliates": apart, "minimum_participants": 1}
    auction = StandardAuction(**played)
    for number, bids in enumerate(session.rounds):
        if number:
            auction.next_round()
        for bid in bids:
            lots, price = bid.quantity_lots, bid.price_tenge_per_tonne
            auction.bid(bid.participant_id, lots, price, at_ns=bid.submitted_at_ns)
    auction.judge_by(Terms(**options))
    return auction


def _apart(affiliates: Mapping[str, str], group: str) -> dict[str, str]:
    """Return who belongs together but for one group, whose members stand alone."""
    return {name: of for name, of in affiliates.items() if of != group}


def _is_out(state: State, session: Session, bid: OrderAccepted) -> bool:
    """Say whether a bid wins nothing whatever it is: it is stopped, or its owner belongs with the initiator."""
    terms = session.opened.standard
    assert terms is not None, "a standard auction has terms"
    own = people.group_of(state, terms.initiator_id)
    return people.group_of(state, bid.participant_id) == own or trading.is_held(state, session, bid)


def _bids(session: Session) -> tuple[OrderAccepted, ...]:
    if session.rounds:
        return tuple(bid for each in session.rounds for bid in each)
    return tuple(order for order in ordered(session.orders) if order.order_id != session.opened.session_id)


def _next_round(state: State, command: NextRound) -> Decision:
    session = session_in(state, command.session_id, "collecting")
    if session.opened.standard is None:
        what = f"a {session.opened.kind} session has no rounds"
        raise Refusal(Code.NOT_SUPPORTED, what, where="session_id", remedy="Name an open standard auction.")
    if command.at_ns < session.opened.opens_at_ns:
        remedy = "Wait for the window."
        raise Refusal(Code.OUTSIDE_WINDOW, "the first round has not begun", where="at_ns", remedy=remedy)
    auction = _played(state, session, _bids(session))
    price = auction.next_round()
    called = RoundCalled(command.session_id, auction.round_number, price)
    if price is None:
        return (called, PhaseChanged(command.session_id, "closed", ROUNDS_ENDED, command.at_ns))
    too_old = session.rounds[-ROUNDS_KEPT] if len(session.rounds) >= ROUNDS_KEPT else ()
    standing = (bid for bid in too_old if bid.order_id in session.numbers and auction.terms.is_towards)
    return (*(OrderExpired(bid.session_id, bid.order_id) for bid in standing), called)


def check_may_close(state: State, session: Session) -> None:
    """Refuse (WRONG_PHASE) to end an open auction in which more is wanted than there is: another round is due."""
    if session.rounds:
        _played(state, session, _bids(session)).close()


# --- The end ------------------------------------------------------------------------------------------------------


def result_of(state: State, session: Session) -> StandardResult:
    """Return the result of an auction whose bids are all in."""
    bids = _bids(session)
    if session.rounds:
        return _played(state, session, bids).close()
    bids = tuple(bid for bid in bids if not _is_out(state, session, bid))
    terms = Terms(**_options(state, session.opened, bids))
    stated = tuple(map(_as_stated, bids))
    wanted = sum(bid.quantity for bid in stated)
    return StandardResult(terms, {bid.participant: None for bid in stated}, [Round(1, None, wanted, stated)])


def awarded(state: State, session: Session, result: StandardResult, at_ns: int) -> Iterator[Traded]:
    """Yield a trade with the initiator for each bid that has won, in the order of the bids.

    What a bid has won stays unsold where its owner was stopped since, or turned out to belong with the initiator.
    """
    initiator = session.orders[session.numbers[session.opened.session_id]]
    number, waiting = state.market.trades, _standing(session)
    for step, lots, price in zip(result.steps, result.filled, result.fills["price"], strict=True):
        stands = waiting.get((step.round_number, *_terms_of(step)), [])
        order = stands.pop(0) if stands else None
        if lots and order is not None and not _is_out(state, session, order):
            number += 1
            bid, ask = (order, initiator) if initiator.side == "sell" else (initiator, order)
            yield trading.traded(number, bid, ask, trading.Terms(int(price), lots, at_ns, None))


def _standing(session: Session) -> dict[tuple[int, str, int, int], list[OrderAccepted]]:
    """Return the orders behind the bids by round and terms; those alike stand in the order of their bids."""
    orders: dict[tuple[int, str, int, int], list[OrderAccepted]] = {}
    for number, bids in enumerate(session.rounds or (_bids(session),), 1):
        for bid in bids:
            if bid.order_id in session.numbers:
                orders.setdefault((number, *_terms_of(_as_stated(bid))), []).append(bid)
    return orders


def _terms_of(bid: Bid) -> tuple[str, int, int]:
    return bid.participant, bid.price, bid.at_ns


def _as_stated(bid: OrderAccepted) -> Bid:
    return Bid(bid.participant_id, bid.price_tenge_per_tonne, bid.quantity_lots, bid.submitted_at_ns)


def _round_called(state: State, event: RoundCalled) -> State:
    session = state.sessions[event.session_id]
    rounds = session.rounds if event.price_tenge_per_tonne is None else (*session.rounds, ())
    return with_session(state, msgspec.structs.replace(session, rounds=rounds))


TOPIC: Final = Topic(
    permitted=MappingProxyType(
        {
            NextRound: ("operator",),
        }
    ),
    deciders=MappingProxyType(
        {
            NextRound: _next_round,
        }
    ),
    evolvers=MappingProxyType(
        {
            RoundCalled: _round_called,
        }
    ),
)
