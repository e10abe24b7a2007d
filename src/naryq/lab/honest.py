"""Honest markets by the thousand, to learn how often a screen of the watch speaks where nobody did wrong.

Every market is drawn from a seed: eight sellers with costs and capacities of their own, thirty buyers with values and
appetites, two of them busy desks that send many small orders, and in three markets of ten a large one. All follow the
season and their own luck. In a call they bid what a lot costs or is worth to them, and a little better for themselves;
in a book they keep to the last average price where that is better for them. They type by hand, take back a few orders,
and now and then sell on what they cannot use. A supply plan counts on most of what each seller can deliver. What is
assumed here is assumed: the ranges stand in `Habits`.
"""

from collections.abc import Callable, Iterator
from random import Random
from typing import Final, Literal, NamedTuple

from naryq.market.book import Book
from naryq.market.clearing import clear
from naryq.messages import SessionWatched, Side
from naryq.surveillance import Fill, Offer, Sheet, Trade, digested, evenly
from naryq.units import NS_PER_SECOND

Kind = Literal["call", "book"]
REMEMBERED: Final = 8
OPENS_NS: Final = 0
CLOSES_NS: Final = 7_200 * NS_PER_SECOND
"""Two hours, as the sessions of the electronic platforms had."""
TICK: Final = 100
"""People write prices in hundreds of tenge a tonne."""


class Habits(NamedTuple):
    """What is assumed of honest people; prices in tenge a tonne, shares as fractions of one."""

    sellers: int = 8
    buyers: int = 30
    lowest_cost: int = 60_000
    highest_cost: int = 95_000
    lowest_value: int = 75_000
    highest_value: int = 140_000
    season: float = 0.02
    """Standard deviation of what moves all costs and values from session to session."""
    luck: float = 0.03
    """Standard deviation of what moves one person's cost or value."""
    mark_up: float = 0.06
    """The most that a seller asks above cost, and a buyer bids below value."""
    planned: float = 0.85
    """What part of its lots the plan counts on in every session; the rest is a seller's reserve."""
    repair: float = 0.03
    """How often a seller's plant stands still in part."""
    second_thoughts: float = 0.05
    """How many orders are taken back."""
    sells_on: float = 0.05
    """How often a buyer offers a part of what it bought last, for what it paid or a little more."""
    desks: int = 2
    """How many buyers send their lots one by one."""
    large_buyer: float = 0.3
    """How often a market has a buyer that wants a third of it."""
    anchor: float = 0.03
    """Standard deviation of a price in a book around the last average."""
    pause_seconds: float = 60.0
    """The mean pause of a hand between two orders, beside the five seconds that typing takes."""


class Wish(NamedTuple):
    """An order that somebody wants to send, before the market has met it."""

    participant_id: str
    side: Side
    price_tenge_per_tonne: int
    quantity_lots: int
    at_ns: int
    withdrawn: bool = False


class Person(NamedTuple):
    """A trader: what a tonne costs or is worth to it in an ordinary season, and how many lots it can sell or wants."""

    participant_id: str
    side: Side
    price_tenge_per_tonne: int
    lots: int
    desk: bool = False
    """Whether it sends its lots one by one."""


class Market(NamedTuple):
    """One market of the laboratory: its people, its chance, how far the season has gone, and what is remembered."""

    people: tuple[Person, ...]
    chance: Random
    habits: Habits
    season: float
    groups: dict[str, str]
    """Participant -> its group, where it has affiliates."""
    history: tuple[SessionWatched, ...] = ()
    owed: tuple[tuple[str, int], ...] = ()
    """What the plan still asks each seller to offer in the sessions that are left, in lots."""


Misconduct = Callable[[Market, int, list[Wish]], list[Wish]]
"""What somebody does to a session: the market, the session's number, and the honest wishes; what is sent instead."""


def honest(_: Market, __: int, wishes: list[Wish]) -> list[Wish]:
    """Send what one wishes."""
    return wishes


def market(seed: int, habits: Habits = Habits()) -> Market:  # noqa: B008 - a tuple of numbers never changes
    """Draw a market from a seed."""
    chance = Random(seed)  # noqa: S311 - a market of the laboratory is drawn from its seed; nothing secret depends on it
    sellers = tuple(_seller(chance, habits, number) for number in range(habits.sellers))
    return Market(sellers + tuple(_buyers(chance, habits)), chance, habits, 1.0, {})


def _seller(chance: Random, habits: Habits, number: int) -> Person:
    cost = chance.randint(habits.lowest_cost, habits.highest_cost)
    return Person(f"seller-{number}", "sell", cost, chance.randint(10, 60))


def _buyers(chance: Random, habits: Habits) -> Iterator[Person]:
    large = chance.random() < habits.large_buyer
    for number in range(habits.buyers):
        value = chance.randint(habits.lowest_value, habits.highest_value)
        desk = number < habits.desks
        lots = chance.randint(12, 25) if desk else chance.randint(2, 14)
        if large and number == habits.desks:
            lots, value = chance.randint(60, 110), max(value, (habits.lowest_value + habits.highest_value) // 2)
        yield Person(f"buyer-{number:02d}", "buy", value, lots, desk)


def sessions(start: Market, kind: Kind, count: int, misconduct: Misconduct = honest) -> Iterator[Sheet]:
    """Play a number of sessions one after the other and yield each as the watch sees it."""
    now = start._replace(owed=tuple(_owed(start, count)))
    for number in range(count):
        season = now.season * (1 + now.chance.gauss(0, now.habits.season))
        now = now._replace(season=min(max(season, 0.7), 1.4))
        wishes = misconduct(now, number, list(_wishes(now, kind)))
        sheet = _met(now, kind, number, sorted(wishes, key=lambda wish: wish.at_ns))
        sheet = sheet._replace(planned=_planned(now, count - number))
        yield sheet
        now = now._replace(history=(*now.history, digested(sheet))[-REMEMBERED:], owed=tuple(_left(now, sheet)))


# --- What the plan asks for -------------------------------------------------------------------------------------


def _owed(start: Market, count: int) -> Iterator[tuple[str, int]]:
    """Yield what the plan of so many sessions asks of each seller, who has said what it can deliver."""
    for person in start.people:
        if person.side == "sell":
            yield person.participant_id, round(person.lots * start.habits.planned * count)


def _planned(now: Market, days: int) -> dict[str, int]:
    owed: dict[str, int] = {}
    for seller, lots in now.owed:
        group = now.groups.get(seller, seller)
        owed[group] = owed.get(group, 0) + lots
    return {group: evenly(lots, days) for group, lots in owed.items() if lots > 0}


def _left(now: Market, sheet: Sheet) -> Iterator[tuple[str, int]]:
    for seller, lots in now.owed:
        own = (offer for offer in sheet.offers if offer.participant_id == seller and not offer.withdrawn)
        yield seller, lots - sum(offer.quantity_lots for offer in own)


# --- What people wish -------------------------------------------------------------------------------------------


def _wishes(now: Market, kind: Kind) -> Iterator[Wish]:
    for person in now.people:
        yield from _orders(now, person, _last_average(now) if kind == "book" else None)
    for person in now.people:
        if person.side == "buy" and now.chance.random() < now.habits.sells_on:
            yield from _sold_on(now, person.participant_id)


def _last_average(now: Market) -> int | None:
    return now.history[-1].average_tenge_per_tonne if now.history else None


def _orders(now: Market, person: Person, average: int | None) -> Iterator[Wish]:
    """Yield the orders of a person: one to three, or one for each lot of a desk."""
    chance, habits = now.chance, now.habits
    worth = person.price_tenge_per_tonne * now.season * (1 + chance.gauss(0, habits.luck))
    lots = _lots_now(now, person)
    parts = lots if person.desk else min(chance.randint(1, 3), lots)
    at_ns = chance.randint(OPENS_NS, CLOSES_NS // 2 if person.desk else CLOSES_NS - CLOSES_NS // 10)
    for part in range(parts):
        price = _price(now, person.side, worth, average)
        yield Wish(
            person.participant_id,
            person.side,
            max(TICK, round(price / TICK) * TICK),
            lots // parts + (part < lots % parts),
            min(at_ns, CLOSES_NS - 1),
            chance.random() < habits.second_thoughts,
        )
        at_ns += round((5 + chance.expovariate(1 / habits.pause_seconds)) * NS_PER_SECOND)


def _price(now: Market, side: Side, worth: float, average: int | None) -> float:
    """Return a price that suits its sender: a little better than what a tonne is worth, or near the last average."""
    better = now.chance.uniform(0, now.habits.mark_up)
    own = worth * (1 + better) if side == "sell" else worth * (1 - better)
    if average is None:
        return own
    usual = average * (1 + now.chance.gauss(0, now.habits.anchor))
    return max(own, usual) if side == "sell" else min(own, usual)


def _lots_now(now: Market, person: Person) -> int:
    part = now.chance.uniform(0.85, 1.0)
    if person.side == "sell" and now.chance.random() < now.habits.repair:
        part *= now.chance.uniform(0.4, 0.8)
    return max(1, round(person.lots * part))


def _sold_on(now: Market, participant_id: str) -> Iterator[Wish]:
    """Offer a fifth of what was bought in the last session, at what it cost or up to three per cent more."""
    bought = [each for digest in now.history[-1:] for each in digest.positions if each.group == participant_id]
    for each in bought:
        lots = each.bought_lots // 5
        if lots:
            price = each.bought_turnover / each.bought_lots * now.chance.uniform(1.0, 1.03)
            at_ns = now.chance.randint(OPENS_NS, CLOSES_NS - 1)
            yield Wish(participant_id, "sell", round(price / TICK) * TICK, lots, at_ns)


# --- How the market meets it ------------------------------------------------------------------------------------


def _met(now: Market, kind: Kind, number: int, wishes: list[Wish]) -> Sheet:
    offers = tuple(
        Offer(
            f"{number}-{position}",
            wish.participant_id,
            now.groups.get(wish.participant_id, wish.participant_id),
            wish.side,
            wish.price_tenge_per_tonne,
            wish.quantity_lots,
            wish.at_ns,
            wish.withdrawn,
        )
        for position, wish in enumerate(wishes)
    )
    trades = tuple(_traded(offers)) if kind == "book" else ()
    fills = tuple(_filled(offers, trades)) if kind == "book" else tuple(_cleared(offers))
    ended = number * 10 * CLOSES_NS
    return Sheet(
        session_id=f"session-{number}",
        opens_at_ns=OPENS_NS,
        closes_at_ns=CLOSES_NS,
        ended_at_ns=ended,
        offers=offers,
        fills=fills,
        trades=trades,
        history=now.history,
        elsewhere=now.history,
    )


def _cleared(offers: tuple[Offer, ...]) -> Iterator[Fill]:
    standing = [offer for offer in offers if not offer.withdrawn]
    result = clear(
        {
            "order_id": [offer.order_id for offer in standing],
            "place": ["market" for _ in standing],
            "side": [offer.side for offer in standing],
            "price": [offer.price_tenge_per_tonne for offer in standing],
            "quantity": [offer.quantity_lots for offer in standing],
        }
    )
    price = result.prices.get("market")
    for offer, lots in zip(standing, result.fills["quantity"], strict=True):
        if lots and price is not None:
            yield Fill(offer.order_id, offer.participant_id, offer.group, offer.side, price, int(lots))


def _traded(offers: tuple[Offer, ...]) -> Iterator[Trade]:
    """Send the orders to a book in the order of their times; what will be taken back is not sent at all."""
    book = Book()
    for position, offer in enumerate(offers):
        if offer.withdrawn:
            continue
        for made in book.submit(position, offer.side, offer.price_tenge_per_tonne, offer.quantity_lots):
            maker = offers[made.maker_order_id]
            sell, buy = (offer, maker) if offer.side == "sell" else (maker, offer)
            yield Trade(
                sell.group, buy.group, made.price, made.quantity, offer.side, offer.at_ns, sell.order_id, buy.order_id
            )


def _filled(offers: tuple[Offer, ...], trades: tuple[Trade, ...]) -> Iterator[Fill]:
    by_id = {offer.order_id: offer for offer in offers}
    for trade in trades:
        for offer in (by_id[trade.sell_order_id], by_id[trade.buy_order_id]):
            yield Fill(
                offer.order_id,
                offer.participant_id,
                offer.group,
                offer.side,
                trade.price_tenge_per_tonne,
                trade.quantity_lots,
            )
