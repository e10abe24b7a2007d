"""The failures that the limits exist for, replayed through the venue: as it was, and with the limits of a rulebook.

Every replay is a few commands to the real machine under a real rulebook; what it is fed is an assumption and says so.
Prices are in tenge a tonne.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from naryq import exchange, reform
from naryq.exchange.parity import highest_bid
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyEvent,
    ChangePhase,
    ClearSession,
    CloseSession,
    Entry,
    LegalSource,
    LimitReached,
    Link,
    ListInstrument,
    OpenSession,
    Place,
    Refused,
    ReportParity,
    RulebookText,
    SessionCleared,
    StopTrading,
    SubmitOrder,
    Traded,
)
from naryq.rulebook import Rulebook
from naryq.units import NS_PER_MINUTE, NS_PER_SECOND, grouped, instant_ns, tenge

RAMP_FIRST: Final = 67_000
RAMP_LAST: Final = 100_000
"""The exchange price of early and of late 2021, as the antitrust agency gave them on 6 January 2022."""
CARRIAGE: Final = 2_000
REGION: Final = "KZ-47"
CODE: Final = "HBDEXLA"
DAYS: Final = tuple(f"2021-12-{day:02d}" for day in (1, 2, 3, 6, 7, 8, 9, 10, 13, 14, 15, 17))
"""Twelve working days that stand for the months of 2021: the limits count sessions, and older hours are not known."""


class Told(NamedTuple):
    """One failure under one rulebook: what happened, and the first limit that acted (empty where none did)."""

    outcome: str
    limit: str = ""


class Replay(NamedTuple):
    """One failure, what is assumed in it, and what became of it under each rulebook."""

    failure: str
    assumed: str
    told: tuple[Told, ...]


class _Venue:
    """A venue in memory: it stamps commands, decides them and keeps what they caused."""

    def __init__(self, rulebook: RulebookText, day: str) -> None:
        self.state, self.events = exchange.initial_state(), list[AnyEvent]()
        self.rules = Rulebook(rulebook)
        self.at_ns = self.clock(day, "09:00")
        people = [("operator", "operator"), ("regulator", "regulator")]
        people += [(f"seller-{number}", "seller") for number in range(1, 4)]
        people += [(f"buyer-{number}", "buyer") for number in range(1, 7)]
        for person, role in people:
            self.send(AdmitParticipant, "operator", participant_id=person, name=person, role=role)
        self.send(AdoptRulebook, "regulator", rulebook=rulebook)

    def clock(self, day: str, time: str) -> int:
        """Return an instant by the rulebook's clock."""
        return instant_ns(day, time, self.rules.in_force(day, day).required_integer("utc_offset"))

    def send(self, kind: Any, actor: str, /, **fields: Any) -> tuple[AnyEvent, ...]:
        """Decide one command, fold what it caused, and return it."""
        number = self.state.sequence + 1
        command = kind(command_id=f"c{number}", actor=actor, at_ns=self.at_ns, **fields)
        events = exchange.decide(self.state, command)
        self.state = exchange.apply(self.state, Entry(number, command, events))
        self.events += events
        return events

    def of(self, kind: type) -> list[Any]:
        """Return all events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def limit(self) -> str:
        """The first limit that acted, or the code of the first refusal."""
        return next((_named(event) for event in self.events if isinstance(event, LimitReached | Refused)), "")


def _named(event: LimitReached | Refused) -> str:
    return event.limit if isinstance(event, LimitReached) else str(event.code)


# --- Sessions ---------------------------------------------------------------------------------------------------


def _call(venue: _Venue, number: int, day: str, ask: int, bid: int) -> SessionCleared:
    """Hold one network session: a plant asks and a province bids 20 lots, each at its price or at the collar."""
    name = f"s{number}"
    places = (Place("KAZGPZ", "plant"), Place(REGION, "province"))
    venue.at_ns = venue.clock(day, "10:00")
    links = (Link("KAZGPZ", REGION, 1_000, CARRIAGE),)
    terms = {"session_id": name, "day": day, "window": "plan", "delivery_month": "2022-01"}
    venue.send(OpenSession, "operator", **terms, places=places, links=links)
    venue.at_ns = venue.clock(day, "11:00")
    highest = venue.state.sessions[name].opened.collar_highest_tenge_per_tonne
    ask, bid = (price if highest is None else min(price, highest) for price in (ask, bid))
    for actor, side, place, price in (
        ("seller-1", "sell", "KAZGPZ", ask),
        ("buyer-1", "buy", REGION, bid + CARRIAGE),
    ):
        venue.send(SubmitOrder, actor, **_order(name, f"{name}-{side}", place, side, price=price, lots=20))
    venue.at_ns = venue.clock(day, "13:00")
    venue.send(CloseSession, "operator", session_id=name)
    cleared, *_ = venue.send(ClearSession, "operator", session_id=name)
    assert isinstance(cleared, SessionCleared), f"the replay sent what the venue refuses: {cleared}"
    return cleared


def _order(session: str, order_id: str, place: str, side: str, *, price: int, lots: int) -> dict[str, Any]:
    return {
        "session_id": session,
        "order_id": order_id,
        "place": place,
        "side": side,
        "price_tenge_per_tonne": price,
        "quantity_lots": lots,
    }


def _book(rulebook: RulebookText) -> _Venue:
    """Open a continuous session whose reference is 100,000: the session of the day before traded there."""
    venue = _Venue(rulebook, "2021-12-29")
    fields = {"product": "LPG butane technical", "plant": "ANPZ", "delivery_basis": "EXW", "delivery_region": "KZ-27"}
    venue.send(ListInstrument, "operator", code=CODE, **fields)
    for day, name in (("2021-12-29", "before"), ("2021-12-30", "day")):
        venue.at_ns = venue.clock(day, "10:00")
        terms = {"day": day, "window": "plan", "delivery_month": "2022-01", "instrument": CODE, "kind": "continuous"}
        venue.send(OpenSession, "operator", session_id=name, **terms)
        venue.at_ns = venue.clock(day, "11:00")
        if name == "before":
            _trade(venue, name, ("seller-1", "buyer-1"), price=100_000, lots=20)
            venue.at_ns = venue.clock(day, "13:00")
            venue.send(CloseSession, "operator", session_id=name)
    return venue


def _trade(venue: _Venue, session: str, people: tuple[str, str], *, price: int, lots: int) -> None:
    """Let a seller offer and a buyer take it, two seconds apart."""
    for actor, side in zip(people, ("sell", "buy"), strict=True):
        number = venue.state.sequence + 1
        delivery = {"delivery": "KZ-27"} if side == "buy" else {}
        order = _order(session, f"o{number}", CODE, side, price=price, lots=lots)
        venue.send(SubmitOrder, actor, **order, **delivery)
        venue.at_ns += 2 * NS_PER_SECOND


# --- The failures -----------------------------------------------------------------------------------------------


def ramp() -> tuple[int, ...]:
    """Return the path of 2021: from 67,000 to 100,000 in twelve sessions, each dearer by the same rate.

    >>> ramp()[0], ramp()[5], ramp()[-1]
    (67000, 80376, 100000)
    """
    return tuple(_root_step(step) for step in range(len(DAYS)))


def _root_step(step: int) -> int:
    """Return the largest whole price p with `(p / first) ** 11 <= (last / first) ** step`, exactly."""
    last = len(DAYS) - 1
    low, high = RAMP_FIRST, RAMP_LAST
    while low < high:
        middle = (low + high + 1) // 2
        fits = middle**last <= RAMP_LAST**step * RAMP_FIRST ** (last - step)
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def slow_ramp(rulebook: RulebookText) -> Told:
    """Play the ramp of 2021, month by month; a seller who meets a limit comes down to it."""
    venue, since, price = _Venue(rulebook, DAYS[0]), 0, 0
    for number, (day, asked) in enumerate(zip(DAYS, ramp(), strict=True), 1):
        since = since or (number if REGION in venue.state.limits.administered else 0)
        price = _paid(_call(venue, number, day, _within(venue, day, asked), asked))
    held = f", administered from month {since} on" if since else ""
    return Told(f"month 12 at {grouped(price)}{held}", venue.limit)


def withheld(rulebook: RulebookText, parity: int) -> Told:
    """Let sellers hold gas back: six sessions rise by a tenth each, from 100,000, while export pays `parity`."""
    venue, asked, price = _Venue(rulebook, DAYS[0]), 100_000, 0
    for number, day in enumerate(DAYS[:6], 1):
        venue.at_ns = max(venue.at_ns, venue.clock(day, "09:30"))
        source = LegalSource("An assumption of this replay", "https://naryq.example/replay")
        venue.send(ReportParity, "operator", day=day, parity_tenge_per_tonne=parity, source=source)
        highest = _within(venue, day, asked)
        price = _paid(_call(venue, number, day, highest, highest))
        asked = asked * 11 // 10
    return Told(f"session 6 at {grouped(price)}", ", ".join(dict.fromkeys(e.limit for e in venue.of(LimitReached))))


def _paid(cleared: SessionCleared) -> int:
    """Return the price that the region paid, carriage taken off."""
    return next(price.price_tenge_per_tonne for price in cleared.prices if price.place == REGION) - CARRIAGE


def _within(venue: _Venue, day: str, price: int) -> int:
    """Return the price of somebody who comes down to the lowest limit that acts."""
    memory, rules = venue.state.limits, venue.rules.in_force(day, day)
    if REGION in memory.administered:
        price = min(price, rules.required_integer("administered_price"))
    highest = highest_bid(venue.state, None, rules)
    return price if highest is None else min(price, highest)


def thin_selling(rulebook: RulebookText) -> Told:
    """Let one seller carry the price up by a lot at a time, three per cent dearer each, for four trades."""
    venue = _book(rulebook)
    for step in range(1, 5):
        _trade(venue, "day", ("seller-1", f"buyer-{step}"), price=100_000 + 3_000 * step, lots=1)
    return _of_book(venue)


def robot(rulebook: RulebookText) -> Told:
    """Let a program offer and another lift its offers, ten orders of each within a second, each dearer by 100."""
    venue = _book(rulebook)
    for step in range(1, 11):
        for actor, side in (("seller-1", "sell"), ("buyer-1", "buy")):
            delivery = {"delivery": "KZ-27"} if side == "buy" else {}
            order = _order("day", f"{side}-{step}", CODE, side, price=100_000 + 100 * step, lots=1)
            venue.send(SubmitOrder, actor, **order, **delivery)
            venue.at_ns += NS_PER_SECOND // 25
    return _of_book(venue)


def _of_book(venue: _Venue) -> Told:
    trades = [event for event in venue.of(Traded) if event.session_id == "day"]
    last = trades[-1].price_tenge_per_tonne if trades else 0
    phase = venue.state.sessions["day"].phase
    return Told(f"{len(trades)} trades, the last at {grouped(last)}, session {phase}", venue.limit)


def stop(rulebook: RulebookText) -> Told:
    """Let the regulator stop trading, and a seller send an order in the same nanosecond behind it."""
    venue = _book(rulebook)
    venue.send(StopTrading, "regulator", scope="region", target="KZ-27", reason="prices have doubled")
    venue.send(SubmitOrder, "seller-1", **_order("day", "late", CODE, "sell", price=200_000, lots=1))
    taken = venue.state.sessions["day"].numbers.get("late") is not None
    what = "the order behind it is taken" if taken else "the order behind it is refused"
    stopped = "trading is stopped" if len(venue.state.stops) else "nobody may stop trading"
    return Told(f"{stopped}; {what}", venue.limit)


def overnight(rulebook: RulebookText) -> Told:
    """Return what becomes of a pump price whose formula goes from 60 to 120 tenge a litre overnight."""
    rise = Rulebook(rulebook).in_force("2022-01-01", "2022-01-01").integer("pump_step_rise")
    if rise is None:
        return Told("January at 120.00, the next month at 120.00")
    path = reform.path(6_000, 12_000, rise, 1, 540)
    first = tenge(path[0].pump_tiyn_per_litre, 2)
    return Told(f"January at {first}, 120.00 after {len(path)} months", "pump_step_rise")


def reopened(rulebook: RulebookText) -> Told:
    """Let two others come to the call in which the thinly sold session reopens, with gas at 101,000."""
    venue = _book(rulebook)
    for step in range(1, 5):
        _trade(venue, "day", ("seller-1", f"buyer-{step}"), price=100_000 + 3_000 * step, lots=1)
    venue.at_ns += 10 * NS_PER_MINUTE
    venue.send(ChangePhase, "operator", session_id="day", phase="call", reason="the halt is over")
    _trade(venue, "day", ("seller-2", "buyer-5"), price=101_000, lots=5)
    venue.at_ns += 5 * NS_PER_MINUTE
    venue.send(ChangePhase, "operator", session_id="day", phase="continuous", reason="the call is over")
    return _of_book(venue)


def replays(rulebooks: tuple[RulebookText, ...]) -> Iterator[Replay]:
    """Replay every failure under every rulebook."""
    cases: tuple[tuple[str, str, Any], ...] = (
        ("slow ramp of 2021", "the agency's 67 000 and 100 000, one session a month, an even rate between", slow_ramp),
        ("overnight step of January 2022", "the formula goes from 60 to 120 tenge a litre at once", overnight),
        ("nobody can stop it", "the regulator stops the region; an order follows at once", stop),
        ("thin selling", "one seller, one lot at a time, three per cent dearer each", thin_selling),
        ("thin selling, then a call", "two others come to the call with gas at 101 000", reopened),
        ("a robot lifts its own offers", "ten pairs of orders within a second", robot),
        (
            "capacity withheld, export at 80 000",
            "six sessions, a tenth dearer each",
            lambda rules: withheld(rules, 80_000),
        ),
        (
            "the same, export at 215 000",
            "about 500 dollars a tonne, January 2022",
            lambda rules: withheld(rules, 215_000),
        ),
    )
    for failure, assumed, play in cases:
        yield Replay(failure, assumed, tuple(play(rulebook) for rulebook in rulebooks))
