"""Misconduct planted in an honest market, one kind at a time: what the screens of the watch must see.

Each takes the market, the number of the session and the honest wishes, and returns what is sent instead. Nobody knows
the orders of others beforehand: who wants to meet a friend in a book sends both orders one after the other.
"""

from typing import Final, NamedTuple

from naryq.lab.honest import CLOSES_NS, TICK, Kind, Market, Misconduct, Wish
from naryq.messages import Screen, SessionWatched
from naryq.units import NS_PER_SECOND

BEGINS: Final = 4
"""The session in which misconduct begins that needs an honest past."""
NS_PER_MILLISECOND: Final = 10**6
EARLY_NS: Final = NS_PER_SECOND
"""One second after the opening, when a book is still empty and friends meet nobody else."""


def _average(now: Market) -> int:
    """Return the last average price, or the middle of the values where nothing has traded yet."""
    averages = [digest.average_tenge_per_tonne for digest in now.history if digest.average_tenge_per_tonne]
    return averages[-1] if averages else (now.habits.lowest_value + now.habits.highest_value) // 2


def _sellers(now: Market) -> list[str]:
    """Name the sellers, the largest first."""
    sellers = sorted((person for person in now.people if person.side == "sell"), key=lambda person: -person.lots)
    return [person.participant_id for person in sellers]


def _without(wishes: list[Wish], *people: str) -> list[Wish]:
    return [wish for wish in wishes if wish.participant_id not in people]


def _meet(seller: str, buyer: str, price: int, lots: int, at_ns: int) -> list[Wish]:
    """Return two orders that are to meet: the second follows at once."""
    return [
        Wish(seller, "sell", price, lots, at_ns),
        Wish(buyer, "buy", price, lots, at_ns + NS_PER_MILLISECOND),
    ]


def cartel(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """All sellers agree on a price, a few tenge apart, always in the same order."""
    rank = {name: number for number, name in enumerate(sorted(_sellers(now)))}
    price = round(_average(now) * 1.02)
    return [
        wish._replace(price_tenge_per_tonne=price + 40 * rank[wish.participant_id], withdrawn=False)
        if wish.participant_id in rank
        else wish
        for wish in wishes
    ]


def cover_bids(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """Five sellers only pretend to compete: they stand close together, far above what anybody pays."""
    pretenders = {name: number for number, name in enumerate(_sellers(now)[:5])}
    price = 2 * now.habits.highest_value
    return [
        wish._replace(price_tenge_per_tonne=price + TICK * pretenders[wish.participant_id], withdrawn=False)
        if wish.participant_id in pretenders
        else wish
        for wish in wishes
    ]


def one_price(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """Five of eight sellers send one and the same price."""
    agreed = _sellers(now)[:5]
    price = round(_average(now) * 1.01)
    return [wish._replace(price_tenge_per_tonne=price) if wish.participant_id in agreed else wish for wish in wishes]


def withholding(now: Market, number: int, wishes: list[Wish]) -> list[Wish]:
    """After an honest past a group of the three largest sellers offers one lot an order."""
    group = _sellers(now)[:3]
    now.groups.update(dict.fromkeys(group, group[0]))
    if number < BEGINS:
        return wishes
    return [wish._replace(quantity_lots=1) if wish.participant_id in group else wish for wish in wishes]


def short_of_plan(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """From the first session on the two largest sellers offer a third of what they can, so no habit betrays them."""
    short = _sellers(now)[:2]
    third = [wish._replace(quantity_lots=max(1, wish.quantity_lots // 3)) for wish in wishes]
    return [less if wish.participant_id in short else wish for wish, less in zip(wishes, third, strict=True)]


def robot(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """A program sends an order every four tenths of a second, far from the market, and takes it back."""
    price = _average(now) // 2
    begins = CLOSES_NS // 3
    orders = [
        Wish("buyer-05", "buy", price + number, 1, begins + number * 4 * NS_PER_SECOND // 10, withdrawn=True)
        for number in range(60)
    ]
    return _without(wishes, "buyer-05") + orders


def wash_trades(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """A seller and its own affiliate trade with each other, to show a volume and a price."""
    seller = _sellers(now)[0]
    now.groups.update({"buyer-05": seller})
    price, at_ns = _average(now), EARLY_NS
    pairs = [pair for turn in range(3) for pair in _meet(seller, "buyer-05", price, 8, at_ns + turn * NS_PER_SECOND)]
    return _without(wishes, seller, "buyer-05") + pairs


def circle(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """Three traders pass the same gas round, each to the next."""
    price, at_ns = _average(now), EARLY_NS
    names = ("buyer-05", "buyer-06", "buyer-07")
    steps = zip(names, (*names[1:], names[0]), strict=True)
    orders = [
        order
        for turn, (seller, buyer) in enumerate(steps)
        for order in _meet(seller, buyer, price, 6, at_ns + turn * NS_PER_SECOND)
    ]
    return _without(wishes, *names) + orders


def resale_ring(now: Market, number: int, wishes: list[Wish]) -> list[Wish]:
    """A ring buys at the market, sells among itself at four tenths more and more again, and last to a station."""
    names = ("buyer-05", "buyer-06", "buyer-07")
    price, at_ns = _average(now), EARLY_NS
    step = number % 4
    if step == 0:
        return [*_without(wishes, *names), Wish(names[0], "buy", round(price * 1.3), 12, CLOSES_NS // 2)]
    dearer = round(_bought_at(now.history, names[step - 1], price) * 1.4)
    buyer = names[step] if step < len(names) else "buyer-08"
    return _without(wishes, *names) + _meet(names[step - 1], buyer, dearer, 10, at_ns)


def _bought_at(history: tuple[SessionWatched, ...], name: str, otherwise: int) -> int:
    bought = [each for digest in history[-1:] for each in digest.positions if each.group == name and each.bought_lots]
    return bought[0].bought_turnover // bought[0].bought_lots if bought else otherwise


def marking(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """A buyer takes whatever is offered in the last tenth, so that the average ends higher."""
    price = round(_average(now) * 1.25)
    late = CLOSES_NS - CLOSES_NS // 20
    return _without(wishes, "buyer-05") + [
        Wish("buyer-05", "buy", price, 8, late + number * 10 * NS_PER_SECOND) for number in range(4)
    ]


def ramp(now: Market, number: int, wishes: list[Wish]) -> list[Wish]:
    """A program buys four tenths of everything and lifts its own price session by session; sellers follow it up."""
    lift = 1.05 ** max(0, number - BEGINS + 1)
    lots = max(1, sum(wish.quantity_lots for wish in wishes if wish.side == "sell") // 2)
    ceiling = round(now.habits.highest_value * lift)
    raised = [wish._replace(price_tenge_per_tonne=round(wish.price_tenge_per_tonne * lift)) for wish in wishes]
    return [*_without(raised, "buyer-05"), Wish("buyer-05", "buy", ceiling, lots, CLOSES_NS // 2)]


def corner(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """One buyer takes eight tenths of all that is offered, at any price."""
    lots = max(1, sum(wish.quantity_lots for wish in wishes if wish.side == "sell") * 8 // 10)
    price = 2 * now.habits.highest_value
    return [*_without(wishes, "buyer-05"), Wish("buyer-05", "buy", price, lots, CLOSES_NS // 2)]


def monopoly(now: Market, _: int, wishes: list[Wish]) -> list[Wish]:
    """Seven of eight sellers belong together."""
    sellers = _sellers(now)[:7]
    now.groups.update(dict.fromkeys(sellers, sellers[0]))
    return wishes


class Planted(NamedTuple):
    """A kind of misconduct, the kinds of session in which it is at home, and the screens that must see it."""

    name: str
    act: Misconduct
    kinds: tuple[Kind, ...]
    screens: tuple[Screen, ...]


BOTH: Final[tuple[Kind, ...]] = ("call", "book")
PLANTED: Final[tuple[Planted, ...]] = (
    Planted("a cartel agrees on a price", cartel, BOTH, ("clustered_bids", "same_order")),
    Planted("five sellers pretend to compete", cover_bids, BOTH, ("losing_bids",)),
    Planted("five sellers send one price", one_price, BOTH, ("identical_prices",)),
    Planted("three plants of one group hold back", withholding, BOTH, ("withheld_capacity", "pivotal_supplier")),
    Planted("two plants never offer what the plan asks", short_of_plan, BOTH, ("withheld_capacity",)),
    Planted("a robot floods and withdraws", robot, BOTH, ("message_rate", "regular_intervals", "order_to_trade")),
    Planted("a seller trades with its affiliate", wash_trades, BOTH, ("self_match",)),
    Planted("three traders pass gas round", circle, ("book",), ("circular_trades",)),
    Planted("a ring sells on at four tenths more", resale_ring, ("book",), ("resale_markup", "resale_chain")),
    Planted("a buyer makes the close", marking, ("book",), ("marking_the_close",)),
    Planted("a program lifts its own price", ramp, BOTH, ("momentum",)),
    Planted("a buyer corners the market", corner, BOTH, ("cornering",)),
    Planted("seven of eight sellers are one", monopoly, BOTH, ("concentration",)),
)
