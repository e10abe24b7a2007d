"""Why a price is what it is: the orders at the margin, the links that are full, and the range that was open."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Final, NamedTuple

import numpy as np

from naryq.market.auction import Answer, Rules
from naryq.market.call import VENUE_RULES, Decision, Ladder, Uncrossing, uncrossing
from naryq.market.conditional import Chosen, Paradox
from naryq.market.kernels import BUY, SELL, Integers
from naryq.market.passes import Market
from naryq.market.pivotal import Pivot
from naryq.market.price_limits import Limited
from naryq.market.words import LANGUAGES, SENTENCES, listed, say
from naryq.units import INT64_MAX

NAMED_ORDERS: Final = 3
"""How many orders a sentence names before it counts the rest."""
NAMED_PIVOTS: Final = 2
"""How many participants, and how many rejected orders, a sentence tells of."""


@dataclass(frozen=True)
class Outcome:
    """What an explanation reads: the places by number, the market, what was found, the orders' names, and the rules.

    Where orders have conditions, the market is that of the ordinary and the accepted orders, and `chosen` knows of the
    rejected too.
    """

    names: list[str]
    market: Market
    answer: Answer
    order_id: Any
    rules: Rules
    limits: Limited | None = None
    chosen: Chosen | None = None

    @cached_property
    def published(self) -> Integers:
        """The prices of all places, within their limits."""
        prices = self.answer.prices
        return prices if self.limits is None else self.limits.published(prices)

    @property
    def whole(self) -> Market:
        """The market of all orders, the rejected included."""
        return self.market if self.chosen is None else self.chosen.whole

    @property
    def fills(self) -> Integers:
        """The lots that execute of all orders, the rejected included."""
        return self.answer.fills if self.chosen is None else self.chosen.fills

    @cached_property
    def marginal_rows(self) -> dict[int, list[int]]:
        """The rows of the orders whose limit is the price of their place, by place."""
        market = self.market
        place = market.place_of[market.place]
        rows = np.flatnonzero(market.price == self.answer.prices[place])
        found: dict[int, list[int]] = {}
        for row, number in zip(rows.tolist(), place[rows].tolist(), strict=True):
            found.setdefault(number, []).append(row)
        return found

    def crosses(self, place: int) -> bool:
        """Whether gas comes to a place from outside, or leaves it there."""
        brought = self.answer.brought
        return brought is not None and bool(brought[place])

    @cached_property
    def neighbours(self) -> dict[int, list[int]]:
        """The places whose price differs from that of a place by just the tariff of a link between them."""
        market, prices = self.market, self.answer.prices
        source, target = market.link_source, market.link_target
        binds = (market.capacity > 0) & (prices[target] - prices[source] == market.tariff)
        found: dict[int, list[int]] = {}
        for start, end in zip(source[binds].tolist(), target[binds].tolist(), strict=True):
            found.setdefault(start, []).append(end)
            found.setdefault(end, []).append(start)
        return found


class FullLink(NamedTuple):
    """A link at its capacity (lots), with what one lot more would gain (tenge a tonne) and all its lots together."""

    source: str
    target: str
    capacity: int
    tariff: int
    gap: int
    congestion_rent: int


class Why(NamedTuple):
    """The reasons of one price, as data; `say` gives them as one sentence in Kazakh, Russian or English.

    Attributes:
        place: The place.
        price: Its uniform price (tenge a tonne), or None.
        marginal_orders: Identifiers of the orders whose limit is the price: at this place or, where none stands
            there, at the place named by `set_at`.
        set_at: The place whose marginal orders set this price; None when no order does.
        set_price: The price there; None when no order sets this price.
        full_links: Links of this place that carry all they can while the prices at their ends would ask for more.
        bought: Lots bought at this place.
        sold: Lots sold at this place.
        lowest: The lowest optimal price; None when nobody would pay anything for one lot more.
        highest: The highest optimal price; None when no bid could buy one lot more.
        limits: Names of the limits that the price stands at: `cap` or `floor` of its place, or both; a venue may name
            others.
        uncrossing: Under a venue's price rule, what trades at the price, what is left over, and which step decided.
        pivotal: One `Pivot` a participant, when that was asked for.
        shadow_price: What one lot more is worth here: the price, unless a floor or cap cuts it.
        imported: Lots that come from outside here.
        exported: Lots that go outside from here.
        shortage: Lots of bids at or above the cap that go unserved, where the price stands at it.
        surplus: Lots of offers at or below the floor that stay unsold, where the price stands at it.
        price_without_limits: The price if no place had a floor or cap; None where none has, or where there is no such
            price.
        paradoxical: The conditional orders of this place that are rejected although the price would have paid them.
    """

    place: str
    price: int | None
    marginal_orders: tuple[int | str, ...]
    set_at: str | None
    set_price: int | None
    full_links: tuple[FullLink, ...]
    bought: int
    sold: int
    lowest: int | None
    highest: int | None
    limits: tuple[str, ...]
    uncrossing: Uncrossing | None = None
    pivotal: Sequence[Pivot] = ()
    shadow_price: int | None = None
    imported: int = 0
    exported: int = 0
    shortage: int = 0
    surplus: int = 0
    price_without_limits: int | None = None
    paradoxical: tuple[Paradox, ...] = ()

    @property
    def text(self) -> str:
        """One plain sentence in English."""
        return self.say("en")

    def say(self, language: str) -> str:
        """Give the reasons as one plain sentence in a language: `kk`, `ru` or `en`.

        Raises:
            Refusal: UNKNOWN_OPTION when there is no such language.
        """
        if self.price is None:
            return say(language, "no_price" if self.uncrossing is None else "call_no_price", place=self.place)
        clauses = (_limits, _crossing, _call, _congestion, _paradoxes, _pivots)
        reasons = "; ".join([_reason(self, language), *(said for clause in clauses for said in clause(self, language))])
        return say(language, "price", place=self.place, price=self.price, reasons=reasons)

    def as_data(self) -> dict[str, Any]:
        """Give the reasons as a dictionary of plain values, ready for JSON, the sentence in each language with them."""
        links = [link._asdict() for link in self.full_links]
        call = None if self.uncrossing is None else self.uncrossing._asdict()
        text = {language: self.say(language) for language in LANGUAGES}
        pivotal = [one._asdict() for one in self.pivotal]
        rejected = [one._asdict() for one in self.paradoxical]
        more = {"full_links": links, "uncrossing": call, "pivotal": pivotal, "paradoxical": rejected, "text": text}
        return self._asdict() | more

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.text)}</p>"

    def __str__(self) -> str:
        return self.text


def explain(outcome: Outcome, number: int) -> Why:
    """Collect the reasons of the price of one place."""
    names, answer = outcome.names, outcome.answer
    known = bool(answer.determined[number])
    price, shadow_price = int(outcome.published[number]), int(answer.prices[number])
    top = int(outcome.market.price.max(initial=0)) if outcome.limits is None else outcome.limits.survey.highest_price
    lowest, highest = int(answer.lowest[number]), int(answer.highest[number])
    set_at = _origin(outcome, number) if known and price == shadow_price else None
    links = _full_links(outcome, number)
    why = Why(
        place=names[number],
        price=price if known else None,
        marginal_orders=() if set_at is None else _orders_at(outcome, set_at),
        set_at=None if set_at is None else names[set_at],
        set_price=None if set_at is None else int(answer.prices[set_at]),
        full_links=links,
        bought=int(answer.bought[number]),
        sold=int(answer.sold[number]),
        lowest=lowest if lowest >= 0 else None,
        highest=highest if highest <= top else None,
        limits=(),
        uncrossing=_uncrossing(outcome, number) if outcome.rules.price_rule in VENUE_RULES else None,
        shadow_price=shadow_price if known else None,
    )
    return why if outcome.limits is None else _limited(why, outcome, outcome.limits)


def _limited(why: Why, outcome: Outcome, limits: Limited) -> Why:
    """Add what the limits of the place and the outside do there."""
    number, answer = limits.places.names.index(why.place), outcome.answer
    within = limits.places.floor[number], limits.places.cap[number]
    if why.price not in {None, why.shadow_price, *within}:
        # Orders without a limit are left over: the last limit before them sets the price.
        place, market = outcome.market.place_of[outcome.market.place], outcome.market
        rows = np.flatnonzero((place == number) & (market.price == why.price) & (market.quantity > 0))
        orders = tuple(_plain(outcome.order_id[row]) for row in rows.tolist())
        why = why._replace(marginal_orders=orders, set_at=why.place, set_price=why.price)
        why = why._replace(lowest=why.price, highest=why.price)  # What they would pay or take is no price to publish.
    imports, exports = limits.crossed(answer.brought)
    published = outcome.published
    bounds = (None if bound is None else int(np.clip(bound, *within)) for bound in (why.lowest, why.highest))
    lowest, highest = bounds
    return why._replace(
        lowest=lowest,
        highest=highest,
        limits=tuple(name for name, bound in zip(("floor", "cap"), within, strict=True) if why.price == bound),
        imported=imports.get(why.place, 0),
        exported=exports.get(why.place, 0),
        shortage=limits.shortage(answer.fills, published).get(why.place, 0),
        surplus=limits.surplus(answer.fills, published).get(why.place, 0),
    )


def _uncrossing(outcome: Outcome, number: int) -> Uncrossing:
    """Find the price of a place anew, step by step, by the rule of its venue."""
    market, rules = outcome.market, outcome.rules
    here = market.place_of[market.place] == number
    sides = (here & (market.side_of[market.side] == side) for side in (BUY, SELL))
    free = here & False if outcome.limits is None else outcome.limits.unlimited
    bids, asks = (
        Ladder(market.price[rows & ~free], market.quantity[rows & ~free], int(market.quantity[rows & free].sum()))
        for rows in sides
    )
    reference = int(rules.reference[number])
    return uncrossing(bids, asks, rules.price_rule, None if reference < 0 else reference)


def _orders_at(outcome: Outcome, number: int) -> tuple[int | str, ...]:
    found = [outcome.order_id[row] for row in outcome.marginal_rows.get(number, [])]
    return tuple(_plain(each) for each in found)


def _plain(identifier: Any) -> int | str:
    """Turn what a NumPy or Arrow column holds into Python's own kind."""
    for name in ("item", "as_py"):
        if hasattr(identifier, name):
            identifier = getattr(identifier, name)()
    assert isinstance(identifier, (int, str)), "an identifier is a whole number or text"
    return identifier


def _origin(outcome: Outcome, start: int) -> int | None:
    """Find the nearest place with an order at its price, or with gas that crosses the border at it.

    The way there runs over links along which prices differ by just the tariff.
    """
    reached = {start: None}
    waiting = [start]
    for place in waiting:
        if place in outcome.marginal_rows or outcome.crosses(place):
            return place
        for other in outcome.neighbours.get(place, []):
            if other not in reached:
                reached[other] = None
                waiting.append(other)
    return None


def _full_links(outcome: Outcome, number: int) -> tuple[FullLink, ...]:
    market, names = outcome.market, outcome.names
    source, target = market.link_source, market.link_target
    gap = outcome.answer.prices[target] - outcome.answer.prices[source] - market.tariff
    full = ((source == number) | (target == number)) & (gap > 0) & (market.capacity > 0)
    found = []
    for row in np.flatnonzero(full):
        ends = names[source[row]], names[target[row]]
        capacity, tariff, gain = int(market.capacity[row]), int(market.tariff[row]), int(gap[row])
        found.append(FullLink(*ends, capacity, tariff, gain, capacity * gain))
    return tuple(found)


def _reason(why: Why, language: str) -> str:
    """Say who sets the price, or how far it is open."""
    if why.limits and why.shadow_price is not None and why.price != why.shadow_price:
        return say(language, "worth", price=why.shadow_price)
    if why.set_at is None or why.set_price is None:
        return _range(why, language)
    count = "several" if len(why.marginal_orders) > 1 else "one" if why.marginal_orders else "outside"
    orders = listed(language, why.marginal_orders, NAMED_ORDERS)
    if why.set_at == why.place:
        return say(language, f"set_by_{count}", orders=orders)
    assert why.price is not None, "a price that comes from elsewhere is one"
    difference = why.price - why.set_price
    return say(
        language,
        "from_elsewhere_plus" if difference >= 0 else "from_elsewhere_less",
        place=why.set_at,
        orders=say(language, "several_orders" if count == "several" else f"{count}_order", orders=orders),
        price=why.set_price,
        difference=abs(difference),
    )


def _range(why: Why, language: str) -> str:
    if why.lowest is None or why.highest is None:
        bound = {"lowest": why.lowest} if why.highest is None else {"highest": why.highest}
        key = "open_above" if why.highest is None else "open_below"
        return say(language, key, **{name: price for name, price in bound.items() if price is not None})
    return say(language, "open_between", lowest=why.lowest, highest=why.highest)


def _limits(why: Why, language: str) -> list[str]:
    """Say which limits the price stands at, whom they leave out, and what it would be without any."""
    said = []
    for limit in why.limits:
        key = f"limit_{limit}"
        said.append(say(language, key) if key in SENTENCES else say(language, "limit_other", limit=limit))
    said += [say(language, key, lots=lots) for key, lots in _lots(why, "shortage", "surplus")]
    if why.price_without_limits not in {None, why.price}:
        said.append(say(language, "without_limits", price=why.price_without_limits or 0))
    return said


def _crossing(why: Why, language: str) -> list[str]:
    return [say(language, key, lots=lots) for key, lots in _lots(why, "imported", "exported")]


def _lots(why: Why, *names: str) -> list[tuple[str, int]]:
    return [(name, getattr(why, name)) for name in names if getattr(why, name)]


def _call(why: Why, language: str) -> list[str]:
    if why.uncrossing is None:
        return []
    decided, surplus = why.uncrossing.decided_by, why.uncrossing.surplus
    side = ("_bids" if surplus > 0 else "_offers") if decided is Decision.PRESSURE else ""
    return [say(language, f"call_{decided}{side}", volume=why.uncrossing.volume)]


def _congestion(why: Why, language: str) -> list[str]:
    """Say which links of the place are full, in one clause, or in none."""
    links = [
        say(language, "link", source=link.source, target=link.target, capacity=link.capacity, gap=link.gap)
        for link in why.full_links
    ]
    return [say(language, "full_links" if len(links) > 1 else "full_link", links=", ".join(links))] if links else []


def _paradoxes(why: Why, language: str) -> list[str]:
    """Say which orders lose the most by being rejected, and why they are."""
    worst = sorted(why.paradoxical, key=lambda one: -one.loss)[:NAMED_PIVOTS]
    return [say(language, f"paradox_{one.because}", order=str(one.order_id), loss=one.loss) for one in worst]


def _pivots(why: Why, language: str) -> list[str]:
    """Say of those that matter most at the place what would be without them: who moves its price comes first."""
    told = [one for one in why.pivotal if one.is_pivotal or one.prices_without[why.place] != why.price]
    told.sort(key=lambda one: (-_moved(why, one), -one.shortage - one.surplus))
    return [clause for one in told[:NAMED_PIVOTS] for clause in _pivot(one, why, language)]


def _moved(why: Why, pivot: Pivot) -> int:
    """Return by how much the price would move without a participant: more than by any price where it would be gone."""
    without = pivot.prices_without[why.place]
    if without is None or why.price is None:
        return 0 if without is why.price else INT64_MAX
    return abs(without - why.price)


def _pivot(pivot: Pivot, why: Why, language: str) -> list[str]:
    name, price = str(pivot.participant), pivot.prices_without[why.place]
    clauses = []
    if price is None:
        clauses.append(say(language, "pivot_no_price", participant=name))
    elif price != why.price:
        clauses.append(say(language, "pivot_price", participant=name, price=price))
    if pivot.shortage:
        clauses.append(say(language, "pivot_shortage", participant=name, lots=pivot.shortage))
    if pivot.surplus:
        clauses.append(say(language, "pivot_surplus", participant=name, lots=pivot.surplus))
    return clauses
