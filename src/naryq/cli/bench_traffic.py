"""A country at work, made up from a seed: who is admitted, what is listed, and what traders send."""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from naryq.cli.files import read_rulebook
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AmendOrder,
    AnyCommand,
    CancelOrder,
    ListInstrument,
    OpenSession,
    SubmitOrder,
)
from naryq.units import instant_ns

DAY: Final = "2021-12-29"
MONTH: Final = "2022-01"
UTC_OFFSET_MINUTES: Final = 360
OPENS_NS: Final = instant_ns(DAY, "14:00", UTC_OFFSET_MINUTES)
OPERATOR, REGULATOR = "kmx", "ministry"
PROVINCE: Final = "KZ-47"
MIDDLE_TENGE_PER_TONNE: Final = 76_000  # Six sessions at 80,000 meet the threshold of `guarded`.
SPREAD_TENGE_PER_TONNE: Final = 1_000
TICK_TENGE_PER_TONNE: Final = 50
REMEMBERED_ORDERS: Final = 2_000
"""How many of its last orders the crowd may take back or change; older ones it has forgotten."""
CANCELS_IN_100, AMENDS_IN_100 = 30, 10


class Country(NamedTuple):
    """How many plants, sellers and buyers there are."""

    plants: int = 20
    sellers: int = 40
    buyers: int = 360

    def traders(self) -> list[str]:
        """Name everybody who trades."""
        return [
            *(f"seller-{number}" for number in range(self.sellers)),
            *(f"buyer-{number}" for number in range(self.buyers)),
        ]


class Sent(NamedTuple):
    """An order that the crowd remembers."""

    session_id: str
    order_id: str
    actor: str


def founding(country: Country, *, rules: str = "kazakhstan", day: str = DAY) -> Iterator[AnyCommand]:
    """Yield the commands after which sessions can be opened: people, a shipped rulebook, an instrument a plant."""
    at_ns = instant_ns(day, "09:00", UTC_OFFSET_MINUTES)
    people = [(OPERATOR, "operator"), (REGULATOR, "regulator")]
    people += [(trader, trader.partition("-")[0]) for trader in country.traders()]
    for person, role in people:
        yield AdmitParticipant(f"admit {person}", OPERATOR, at_ns, person, person, role)  # type: ignore[arg-type]
    yield AdoptRulebook("adopt", REGULATOR, at_ns, read_rulebook(rules))
    for plant in range(country.plants):
        yield ListInstrument(f"list {plant}", OPERATOR, at_ns, f"P{plant}-KZ", "LPG", f"P{plant}", "EXW", "KZ")


def openings(country: Country) -> Iterator[OpenSession]:
    """Yield a continuous session for the instrument of every plant, on one afternoon."""
    at_ns = instant_ns(DAY, "10:00", UTC_OFFSET_MINUTES)
    return (opening(f"{DAY} P{plant}", plant, DAY, "other", at_ns) for plant in range(country.plants))


def opening(session_id: str, plant: int, day: str, window: str, at_ns: int) -> OpenSession:
    """Return the command that opens a continuous session over a plant's instrument."""
    return OpenSession(
        f"open {session_id}",
        OPERATOR,
        at_ns,
        session_id,
        day,
        window,
        MONTH,
        kind="continuous",
        instrument=f"P{plant}-KZ",
    )


class Crowd:
    """Traders who send orders, change them and take them back, without end; equal seeds send equal commands.

    Every command has the number of its turn in its identifier, `c17`. About one order in four meets another at once.
    """

    def __init__(self, country: Country, seed: int = 1, *, day: str = DAY, first: int = 1) -> None:
        """Begin with a number."""
        self._random = Random(seed)  # noqa: S311 - a made-up crowd keeps no secret
        self._country, self._day = country, day
        self._number = first - 1
        self._remembered: list[Sent] = []

    def next(self, at_ns: int) -> AnyCommand:
        """Return what is sent next, at an instant of the venue's clock."""
        self._number += 1
        draw = self._random.randrange(100)
        if draw < CANCELS_IN_100 + AMENDS_IN_100 and self._remembered:
            return self._about(self._forgotten(), at_ns, cancels=draw < CANCELS_IN_100)
        return self.order(at_ns)

    def order(self, at_ns: int, plant: int | None = None, session_id: str = "") -> SubmitOrder:
        """Return an order of anybody's, at any plant, or at one in a session of its own."""
        self._number += bool(session_id)
        random, country = self._random, self._country
        plant = random.randrange(country.plants) if plant is None else plant
        selling = bool(random.randrange(2))
        number = random.randrange(country.sellers if selling else country.buyers)
        actor = f"{'seller' if selling else 'buyer'}-{number}"
        away = TICK_TENGE_PER_TONNE * random.randrange(-5, SPREAD_TENGE_PER_TONNE // TICK_TENGE_PER_TONNE)
        order = SubmitOrder(
            f"c{self._number}",
            actor,
            at_ns,
            session_id or f"{self._day} P{plant}",
            f"o{self._number}",
            f"P{plant}-KZ",
            "sell" if selling else "buy",
            MIDDLE_TENGE_PER_TONNE + (away if selling else -away),
            random.randint(1, 20),
            delivery=None if selling else PROVINCE,
        )
        self._remember(Sent(order.session_id, order.order_id, actor))
        return order

    def _about(self, sent: Sent, at_ns: int, *, cancels: bool) -> AnyCommand:
        stamp = (f"c{self._number}", sent.actor, at_ns, sent.session_id, sent.order_id)
        return CancelOrder(*stamp) if cancels else AmendOrder(*stamp, quantity_lots=1)

    def _remember(self, sent: Sent) -> None:
        if len(self._remembered) < REMEMBERED_ORDERS:
            self._remembered.append(sent)
        else:
            self._remembered[self._random.randrange(REMEMBERED_ORDERS)] = sent

    def _forgotten(self) -> Sent:
        """Take a remembered order out."""
        place = self._random.randrange(len(self._remembered))
        self._remembered[place], self._remembered[-1] = self._remembered[-1], self._remembered[place]
        return self._remembered.pop()
