"""The independent check of a standard auction: its rules over what was stated, and nothing that the auction uses.

The auction turns all formats into steps and serves them in one sweep. Here each format is judged as its own rule says:
in rounds with drop-outs, by the demand of the last two rounds; else, by the price at which the lots run out; and the
shares at that price by the definition of the tie rule.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from naryq.market.standard_terms import Bid, Round, Terms


class Published(NamedTuple):
    """What a result says, as `StandardResult` explains it; an award is participant, lots, price and amount."""

    status: str
    reason: str
    participants: int
    clearing_price: int | None
    awards: Sequence[tuple[str, int, int, int]]
    amount_tiyn: int


class _Won(NamedTuple):
    """Lots won at the price that their own holder stated."""

    participant: str
    price: int
    quantity: int


class _Judged(NamedTuple):
    """Who won what, and the best price that the initiator takes at which a lot was wanted and not won."""

    won: list[_Won]
    unserved: int | None


def check_standard(terms: Terms, admitted: Sequence[str], rounds: Sequence[Round], published: Published) -> None:
    """Check a result against its terms and the bids in force at the end of each round.

    Args:
        terms: What was agreed.
        admitted: Those who took part: the admitted of an open auction, the bidders of a sealed one.
        rounds: Every round, with the bids in force at its end.
        published: What the result says.

    Raises:
        AssertionError: The first rule that does not hold, in one sentence.
    """
    counted = _count(terms, admitted)
    assert published.participants == counted, f"{counted} took part, not {published.participants}"
    _check_bids(terms, admitted, rounds)
    is_short = counted < terms.minimum_participants
    if terms.format == "open":
        (_check_drop_outs if terms.is_towards else _check_takes)(terms, rounds, is_short=is_short)
    judged = _judge(terms, rounds)
    reason = _reason(rounds, judged, is_short=is_short)
    assert published.reason == reason, f"the reason is {reason or 'none'}, not {published.reason or 'none'}"
    if reason:
        nothing = Published("void", reason, counted, None, (), 0)
        assert published._replace(awards=tuple(published.awards)) == nothing, "a void auction awards nothing"
        return
    _check_awards(terms, judged, published.awards, published.clearing_price)
    _check_status(terms, published.status, sum(award[1] for award in published.awards))
    _check_money(terms, published.awards, published.amount_tiyn)


def _count(terms: Terms, admitted: Sequence[str]) -> int:
    """Count those who belong together once, by giving them one label until nothing changes, and the initiator."""
    label = {name: name for pair in terms.affiliates.items() for name in pair} | {name: name for name in admitted}
    changes = True
    while changes:
        changes = False
        for one, other in terms.affiliates.items():
            least = min(label[one], label[other])
            changes |= label[one] != least or label[other] != least
            label[one] = label[other] = least
    own = label.get(terms.initiator_id or "", terms.initiator_id)
    assert all(label[name] != own for name in admitted), "the initiator bids in an auction of his own"
    return len({label[name] for name in admitted}) + int(terms.initiator_counts)


def _check_bids(terms: Terms, admitted: Sequence[str], rounds: Sequence[Round]) -> None:
    known = frozenset(admitted)
    move = terms.step if terms.direction == "up" else -terms.step
    for number, each in enumerate(rounds, 1):
        called = terms.start_price + (number - 1) * move if terms.format == "open" else None
        assert (each.number, each.price) == (number, called), f"round {number} is not called at {called}"
        assert each.wanted == sum(bid.quantity for bid in each.bids), f"round {number} wants another number of lots"
        for bid in each.bids:
            assert bid.participant in known, f"{bid.participant} bids and does not take part"
            assert 1 <= bid.quantity <= terms.lots, f"{bid.participant} bids for {bid.quantity} lots"
            if called is None:
                steps, beyond = divmod(bid.price - terms.start_price, move)
                assert steps >= 0 == beyond, f"{bid.price} is no price of this auction"
            else:
                assert bid.price == called, f"{bid.participant} bids {bid.price} in a round at {called}"


def _taken(terms: Terms, price: int) -> bool:
    """Whether the initiator takes a price."""
    reserve = terms.reserve_price
    return reserve is None or (price >= reserve if terms.initiator == "seller" else price <= reserve)


def _check_drop_outs(terms: Terms, rounds: Sequence[Round], *, is_short: bool) -> None:
    """The price moves on while more is wanted than there is, and nobody ever wants more than before."""
    before: dict[str, int] = {}
    for each in rounds:
        stated = {bid.participant: bid.quantity for bid in each.bids}
        assert len(stated) == len(each.bids), f"somebody bids twice in round {each.number}"
        if each.number > 1:
            more = [name for name, quantity in stated.items() if quantity > before.get(name, 0)]
            assert not more, f"{more and more[0]} wants more in round {each.number} than before"
        before = stated
        assert each.price is not None, "a round has a price"
        goes_on = each.wanted > terms.lots or (each.wanted > 0 and not _taken(terms, each.price))
        if each.number < len(rounds):
            assert goes_on, f"round {each.number} was the last"
            assert not is_short, "too few took part, and the auction went on"
        else:
            assert is_short or not goes_on or not terms.is_possible(terms.price_of(each.number + 1)), "it ended early"


def _check_takes(terms: Terms, rounds: Sequence[Round], *, is_short: bool) -> None:
    """The price moves on while lots are left, and nobody takes more in a round than are left when it is called."""
    left = terms.lots
    for each in rounds:
        assert left > 0, f"round {each.number} was called with no lots left"
        assert each.number == 1 or not is_short, "too few took part, and the auction went on"
        taken: dict[str, int] = {}
        for bid in each.bids:
            taken[bid.participant] = taken.get(bid.participant, 0) + bid.quantity
        assert max(taken.values(), default=0) <= left, f"somebody takes more than {left} lots in round {each.number}"
        left -= each.wanted


# --- Who should have won ------------------------------------------------------------------------------------------


def _judge(terms: Terms, rounds: Sequence[Round]) -> _Judged:
    if terms.format == "open" and terms.is_towards:
        return _judge_drop_outs(terms, rounds)
    return _judge_bids(terms, [bid for each in rounds for bid in each.bids])


def _judge_drop_outs(terms: Terms, rounds: Sequence[Round]) -> _Judged:
    """Who still wants lots in the last round wins them; those who dropped out of it share the rest at their price."""
    last = rounds[-1]
    assert last.price is not None, "a round has a price"
    if not _taken(terms, last.price):
        return _Judged([], None)
    won = _share(terms, last.bids, terms.lots)
    if last.wanted > terms.lots:
        return _Judged(won, last.price)
    if len(rounds) == 1 or not _taken(terms, rounds[-2].price or 0):
        return _Judged(won, None)
    stays = {bid.participant: bid.quantity for bid in last.bids}
    fallen = [bid._replace(quantity=bid.quantity - stays.get(bid.participant, 0)) for bid in rounds[-2].bids]
    return _Judged(won + _share(terms, fallen, terms.lots - last.wanted), rounds[-2].price)


def _judge_bids(terms: Terms, bids: Sequence[Bid]) -> _Judged:
    """Bids better than the price at which the lots run out win in full, and those at it share the rest."""
    wanted: dict[int, int] = {}
    for bid in bids:
        if _taken(terms, bid.price):
            wanted[bid.price] = wanted.get(bid.price, 0) + bid.quantity
    left, margin, unserved = terms.lots, None, None
    for price in sorted(wanted, reverse=terms.initiator == "seller"):
        if wanted[price] > left:
            unserved = price
            margin = price if left else margin
            break
        left -= wanted[price]
    won = []
    for bid in bids:
        is_better = bid.price in wanted and (
            unserved is None or (bid.price > unserved if terms.initiator == "seller" else bid.price < unserved)
        )
        won += [_Won(bid.participant, bid.price, bid.quantity)] if is_better else []
    return _Judged(won + _share(terms, [bid for bid in bids if bid.price == margin], left), unserved)


def _share(terms: Terms, bids: Sequence[Bid], lots: int) -> list[_Won]:
    """Share lots among bids at one price by the tie rule; all in full where they suffice."""
    total = sum(bid.quantity for bid in bids)
    by_time = sorted(range(len(bids)), key=lambda row: (bids[row].at_ns, row))
    part = _pro_rata(bids, by_time, lots, total) if terms.tie == "pro_rata" else _in_turn(bids, by_time, lots)
    parts = ((bid, bid.quantity if total <= lots else part(row)) for row, bid in enumerate(bids))
    return [_Won(bid.participant, bid.price, quantity) for bid, quantity in parts if quantity]


def _in_turn(bids: Sequence[Bid], by_time: Sequence[int], lots: int) -> Callable[[int], int]:
    """Each gets what those before leave, up to what it asks for."""
    ahead, before = {}, 0
    for row in by_time:
        ahead[row] = before
        before += bids[row].quantity
    return lambda row: min(bids[row].quantity, max(0, lots - ahead[row]))


def _pro_rata(bids: Sequence[Bid], by_time: Sequence[int], lots: int, total: int) -> Callable[[int], int]:
    """Each gets its exact part rounded down; the lots left over go one each to the largest remainders, then by time."""
    total = max(total, 1)
    over = lots - sum(bid.quantity * lots // total for bid in bids)
    turn = {row: number for number, row in enumerate(by_time)}
    most = sorted(turn, key=lambda row: (-(bids[row].quantity * lots % total), turn[row]))
    lucky = frozenset(most[: max(over, 0)])
    return lambda row: bids[row].quantity * lots // total + (row in lucky)


# --- What was published -------------------------------------------------------------------------------------------


def _reason(rounds: Sequence[Round], judged: _Judged, *, is_short: bool) -> str:
    if is_short:
        return "too_few_participants"
    if not any(each.bids for each in rounds):
        return "no_bids"
    return "" if judged.won else "reserve_not_met"


def _check_awards(terms: Terms, judged: _Judged, awards: Sequence[Any], clearing_price: int | None) -> None:
    own = [won.price for won in judged.won]
    last = min(own) if terms.initiator == "seller" else max(own)
    uniform = terms.payment == "uniform"
    price = _first_rejected(terms, judged, last) if uniform and terms.uniform_rule == "first_rejected" else last
    assert clearing_price == price, f"the price is {price}, not {clearing_price}"
    expected: dict[tuple[str, int], int] = {}
    for won in judged.won:
        key = won.participant, price if uniform else won.price
        expected[key] = expected.get(key, 0) + won.quantity
    found = {(award[0], award[2]): award[1] for award in awards}
    assert len(found) == len(awards), "an award stands twice"
    for name, at in {**expected, **found}:
        lots, given = expected.get((name, at), 0), found.get((name, at), 0)
        assert given == lots, f"{name} wins {lots} lots at {at}, not {given}"
    for one, other in pairwise(awards):
        assert _no_worse(terms, one[2], other[2]), "the awards do not begin with the best price"


def _no_worse(terms: Terms, price: int, than: int) -> bool:
    return price >= than if terms.initiator == "seller" else price <= than


def _first_rejected(terms: Terms, judged: _Judged, last: int) -> int:
    if judged.unserved is not None:
        return judged.unserved
    start = terms.start_price if (terms.initiator == "seller") == (terms.direction == "up") else None
    bounds = [price for price in (start, terms.reserve_price) if price is not None] or [last]
    return max(bounds) if terms.initiator == "seller" else min(bounds)


def _check_status(terms: Terms, status: str, quantity: int) -> None:
    assert quantity <= terms.lots, f"{quantity} of {terms.lots} lots are awarded"
    expected = "sold" if quantity == terms.lots else "partly_sold"
    assert status == expected, f"the status is {expected}, not {status}"


def _check_money(terms: Terms, awards: Sequence[Any], amount_tiyn: int) -> None:
    for name, quantity, price, amount in awards:
        cost = price * quantity * terms.lot_kg  # In tenge a tonne times kilograms: ten of these make a tiyn.
        assert amount * 10 == cost, f"{name} pays {amount} tiyn for {quantity} lots at {price}"
    total = sum(award[3] for award in awards)
    assert amount_tiyn == total, f"all together pay {total} tiyn, not {amount_tiyn}"
