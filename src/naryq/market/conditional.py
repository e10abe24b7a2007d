"""A clearing with conditional orders: choose which to accept, clear with those, and say who was passed over."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.acceptance import Acceptance, Stop, choose
from naryq.market.auction import Answer, Rules, solve
from naryq.market.conditions import GONE, NONE, Conditions
from naryq.market.intake import Table, frozen, plain_list
from naryq.market.kernels import Integers
from naryq.market.passes import Market, Passes, Survey, passes_over
from naryq.market.places import UNBOUNDED
from naryq.market.relaxation import ROOM, Flags
from naryq.messages import Code
from naryq.units import INT64_MAX

Clock = Callable[[], int]
"""Counts nanoseconds from some start."""
NANOSECONDS: Final = 10**9


class Patience(NamedTuple):
    """How many seconds a search may take, None for as long as it needs, and what counts the time."""

    seconds: int | None
    clock: Clock | None


class Paradox(NamedTuple):
    """A conditional order that is rejected although the price of its place would have paid it.

    Attributes:
        order_id: The order.
        loss: What it would have gained at the published price: the gain of one lot times its quantity.
        because: `group` when another order of its group executes, `parent` when its parent does not, else `prices`:
            with it, no uniform prices pay all who execute, or welfare is lower.
    """

    order_id: int | str
    loss: int
    because: str


class Chosen(NamedTuple):
    """A cleared market of the ordinary and the accepted orders, and what became of the others.

    Attributes:
        whole: All orders.
        rows: The rows of the ordinary and the accepted orders among them; `kept` and `answer` are over these.
        kept: These orders.
        answer: The clearing.
        fills: The lots that execute of every order, the rejected included.
        bound: No choice of conditional orders is worth more.
        passed_over: Row, loss and reason of each paradoxically rejected order.
    """

    whole: Market
    rows: Integers
    kept: Market
    answer: Answer
    fills: Integers
    bound: int
    passed_over: list[tuple[int, int, str]]

    def identifiers(self, order_id: Any) -> list[Any]:
        """Return the identifiers of the ordinary and the accepted orders."""
        known = plain_list(order_id)
        return [known[row] for row in self.rows.tolist()]

    def paradoxes(self, order_id: Any) -> tuple[Paradox, ...]:
        """Name the paradoxically rejected orders."""
        known = plain_list(order_id) if self.passed_over else []
        return tuple(Paradox(known[row], loss, because) for row, loss, because in self.passed_over)


def never() -> bool:
    """Do not stop."""
    return False


def stop_after(patience: Patience) -> Stop:
    """Return what tells whether the time is up, counted from now; a limit needs a clock."""
    seconds, clock = patience
    if seconds is None:
        return never
    assert clock is not None, "naryq.clear brings the machine's clock; whoever calls this room directly gives one"
    end = clock() + int(seconds) * NANOSECONDS
    return lambda: clock() >= end


def refuse_overflow(table: Table, market: Market, survey: Survey) -> None:
    """Refuse a market in which what is sought beyond all limits might not fit 64 bits."""
    lots = max(survey.lots, int(market.capacity.max(initial=0)))
    if lots * (survey.highest_price + ROOM) > INT64_MAX:
        what = f"{lots} lots at prices up to {survey.highest_price}, with conditions, do not fit 64 bits"
        raise table.refusal(Code.OVERFLOW, None, what, "Use a larger unit of quantity, or clear fewer orders at once.")


def clear_conditional(market: Market, conditions: Conditions, rules: Rules, stop: Stop) -> Chosen:
    """Choose the conditional orders to accept, and clear the market of these and the ordinary orders."""
    found = choose(market, conditions, stop)
    rows = _kept(market, conditions, found)
    held = np.zeros(market.price.size, np.int64)
    held[conditions.rows] = conditions.least
    kept = market._replace(
        place=frozen(market.place[rows]),
        side=frozen(market.side[rows]),
        price=frozen(market.price[rows]),
        quantity=frozen(market.quantity[rows]),
    )
    if rules.submitted_at is not None:
        rules = rules._replace(submitted_at=rules.submitted_at[rows])
    with passes_over(kept) as passes:
        answer = solve(passes, _surveyed(passes), rules, held[rows])
    assert answer.welfare == answer.dual_value == found.welfare, "the choice is worth what the search says, and proven"
    passed_over, told = _passed_over(market, conditions, found.accepted, answer)
    bound = min(found.bound, answer.welfare + sum(loss for _, loss, _ in passed_over)) if told else found.bound
    fills = np.zeros(market.price.size, np.int64)
    fills[rows] = answer.fills
    return Chosen(market, rows, kept, answer, fills, bound, passed_over)


def _surveyed(passes: Passes) -> Survey:
    """Survey the market of the kept orders; the prices of the outside count as limits too."""
    survey, market = passes.survey(), passes.market
    if market.outside is None:
        return survey
    ends = [int(end) for end in np.concatenate(market.outside) if abs(int(end)) < UNBOUNDED]
    top = max([int(market.price.max(initial=0)), *ends])
    low = min([int(market.price.min(initial=top)), *ends])
    return survey._replace(lowest_price=low, highest_price=top)


def _kept(market: Market, conditions: Conditions, found: Acceptance) -> Integers:
    kept = np.ones(market.price.size, np.bool_)
    kept[conditions.rows] = found.accepted
    return np.flatnonzero(kept)


def _passed_over(
    market: Market, conditions: Conditions, accepted: Flags, answer: Answer
) -> tuple[list[tuple[int, int, str]], bool]:
    """List the rejected orders that gain at the prices, and tell whether every rejected order has a price."""
    rows = conditions.rows
    place, side = market.place_of[market.place[rows]], market.side_of[market.side[rows]]
    gain = (1 - 2 * side) * (market.price[rows] - answer.prices[place])
    told = answer.determined[place]
    rejected = np.flatnonzero(~accepted & told & (gain > 0)).tolist()
    loss = gain * market.quantity[rows]
    found = [(int(rows[number]), int(loss[number]), _reason(conditions, accepted, number)) for number in rejected]
    return sorted(found), bool((accepted | told).all())


def _reason(conditions: Conditions, accepted: Flags, number: int) -> str:
    group, parent = conditions.group, conditions.parent
    if group[number] != NONE and accepted[group == group[number]].any():
        return "group"
    if parent[number] == GONE or (parent[number] != NONE and not accepted[parent[number]]):
        return "parent"
    return "prices"
