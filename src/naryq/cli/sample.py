"""A sample venue, to look around in: at real plants, for real provinces, made-up people trade yesterday and now.

It comes about by the commands that anyone in these roles could send, each with a time of its own, and knows the venue
by nothing else. Plants, provinces, ways and a month's need are the model's facts and assumptions
(`data/kazakhstan`). Everybody who takes part, every order and every tenge is made up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta
from functools import partial
from itertools import repeat
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from naryq.exchange import State
from naryq.exchange.calendar import SATURDAY
from naryq.gateways.application import again_and_again
from naryq.gateways.house import House
from naryq.lab import agents
from naryq.lab.inputs import Inputs
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    ClassifyParticipant,
    ClearSession,
    CloseSession,
    Credential,
    Day,
    DeclareHolidays,
    Deposit,
    LegalSource,
    Link,
    ListInstrument,
    OpenPlan,
    OpenSession,
    PayObligation,
    Place,
    PlanSupply,
    ProposeRuleChange,
    PublishPrices,
    PublishSession,
    ReportRetailTerms,
    Role,
    RulebookText,
    RuleChange,
    Shown,
    Side,
    StateCapacity,
    SubmitApplication,
    SubmitOrder,
)
from naryq.rulebook import Rulebook, proposed_text
from naryq.units import NS_PER_SECOND, TIYN_PER_TENGE, day_after, instant_ns, month_after

OPERATOR: Final = "operator"
PEOPLE: Final = MappingProxyType[str, tuple[Role, str]](
    {
        OPERATOR: ("operator", "Made-up operator"),
        "regulator": ("regulator", "Made-up regulator"),
        "observer": ("observer", "Made-up observer"),
        "seller-1": ("seller", "Made-up seller at KAZGPZ"),
        "seller-2": ("seller", "Made-up seller at CNPC-AMG"),
        "seller-3": ("seller", "Made-up seller at ANPZ"),
        "buyer-1": ("buyer", "Made-up buyer in Mangystau"),
        "buyer-2": ("buyer", "Made-up buyer in Aktobe"),
        "buyer-3": ("buyer", "Made-up buyer in Atyrau"),
        "buyer-4": ("buyer", "Made-up buyer in Astana"),
    }
)
SIGNING_IN: Final = (OPERATOR, "regulator", "seller-1", "buyer-1", "observer")
"""One person of each role."""
PLANT_OF: Final = MappingProxyType({"seller-1": "KAZGPZ", "seller-2": "CNPC-AMG", "seller-3": "ANPZ"})
PROVINCE_OF: Final = MappingProxyType({"buyer-1": "KZ-47", "buyer-2": "KZ-15", "buyer-3": "KZ-23", "buyer-4": "KZ-71"})
TRADED_AT: Final = ("KAZGPZ", "CNPC-AMG")
"""The plants with a book of their own."""
DEPOSIT_TENGE: Final = 2_000_000_000
PAID_TENGE: Final = 10_000_000
MIDDLE_TENGE_PER_TONNE: Final = 76_000
"""Made up, between the 70 000 and 80 000 that a tonne was said to cost plants in August 2025."""
STEP_TENGE_PER_TONNE: Final = 500
HOURS: Final = "00:00-23:59"
SHOWN: Final[tuple[Credential, ...]] = ("station", "register", "experience", "vat_registration")
"""What the owner of stations shows at admission, each held long enough."""
SHOWN_SINCE: Final = "2020-01-01"
QUARTER_MONTHS: Final = 3
MONTHS_AHEAD: Final = 3
"""A quarter that begins so many months later still takes applications: they end 25 days before the month before it."""
MINUTE_NS: Final = 60 * NS_PER_SECOND
PAUSE_SECONDS: Final = 2
"""Between two orders of a later day: `orders_per_second` takes no two of one participant within a second."""
LOOK_SECONDS: Final = 10
"""How long it takes at most until a new day's session is opened."""
SUFFIX: Final = "-sample"
MADE_UP: Final = LegalSource("Made up for the sample venue: no act says so", "https://naryq.example/sample")

Line: TypeAlias = tuple[str, Side, int, int]
"""Of an order: who sends it, the side, how many steps above the middle, how many lots."""
LOTS_PROPOSED: Final = 50
"""The most lots of an order under the rule that is proposed: seller 1 sent more there, and seller 2 to the books."""
NETWORK_LOTS: Final = MappingProxyType({"seller-1": 60, "seller-2": 50, "seller-3": 50})
BUYERS_LOTS: Final = 40
YESTERDAYS: Final[tuple[Line, ...]] = (
    ("seller-1", "sell", 0, 8),
    ("seller-2", "sell", 1, 60),
    ("buyer-1", "buy", 0, 8),
    ("buyer-2", "buy", 1, 6),
)
TODAYS: Final[tuple[Line, ...]] = (
    ("seller-1", "sell", 1, 10),
    ("buyer-1", "buy", -1, 12),
    ("seller-2", "sell", 2, 15),
    ("buyer-2", "buy", -2, 10),
    ("seller-3", "sell", 4, 20),
    ("buyer-3", "buy", -3, 18),
    ("buyer-4", "buy", 1, 4),
    ("seller-3", "sell", -1, 3),
    ("seller-1", "sell", 3, 8),
    ("buyer-4", "buy", -5, 25),
    ("buyer-3", "buy", 1, 2),
)
"""What stands and what trades: two buyers come to the best ask, and one seller to the best bid."""
SINCE_SECONDS: Final = 1_800
"""For how long the session that is open has traded, where its day is that old."""


class _Calendar(NamedTuple):
    """The days of a sample: yesterday, today, the month that is traded, and the clock that says so."""

    rulebook: Rulebook
    now_ns: int
    today: Day

    @property
    def yesterday(self) -> Day:
        return day_after(self.today, -1)

    @property
    def month(self) -> str:
        return month_after(self.yesterday[:7], 1)

    def at(self, day: Day, clock: str) -> int:
        return instant_ns(day, clock, self.rulebook.in_force(day, day).required_integer("utc_offset"))

    def instants(self) -> Iterator[int]:
        """Yield when today's orders come: all up to now, each a second at least after the last.

        Nobody sends two within a second: that is the most that `orders_per_second` lets a participant send.
        """
        first = max(self.at(self.today, "00:00"), self.now_ns - SINCE_SECONDS * NS_PER_SECOND)
        orders = len(TRADED_AT) * len(TODAYS) + 1
        step = max(NS_PER_SECOND, (self.now_ns - first) // orders)
        return (first + step * number for number in range(1, orders + 1))


class _Script:
    """Commands in the making, each with an identifier and a time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.commands: list[AnyCommand] = []
        self.at_ns = 0

    def say(self, kind: Any, actor: str, /, **fields: Any) -> None:
        """Add a command; the fields are its kind's."""
        command_id = f"sample {self._name} {len(self.commands) + 1}"
        self.commands.append(kind(command_id=command_id, actor=actor, at_ns=self.at_ns, **fields))


def is_sample(state: State) -> bool:
    """Tell whether a venue was founded as a sample."""
    return state.rulebook is not None and state.rulebook.name.endswith(SUFFIX)


def founding(rulebook: RulebookText, inputs: Inputs, now_ns: int) -> list[AnyCommand]:
    """Return the commands by which a new venue becomes a sample: a day that is over, and a session that is open now."""
    # In the last minute of a day no session is open: the day is then the one that comes.
    today = Rulebook(rulebook).day(now_ns + MINUTE_NS)
    rules = Rulebook(_open_all_day(rulebook, day_after(today, -2)))
    calendar = _Calendar(rules, now_ns, today)
    script = _Script("founding")
    script.at_ns = calendar.at(calendar.yesterday, "09:00")
    _people(script, rules.text, calendar)
    _plan(script, inputs, calendar)
    _next_plan(script, inputs, calendar)
    _yesterday(script, inputs, calendar)
    script.at_ns = calendar.at(calendar.today, "00:00")
    _follow_up(script, calendar)
    for plant in TRADED_AT:
        _open(script, plant, calendar.today, calendar.month)
    _orders(script, today, dict.fromkeys(TRADED_AT, MIDDLE_TENGE_PER_TONNE), calendar.instants())
    return script.commands


def renewal(state: State, now_ns: int) -> list[AnyCommand]:
    """Return the commands by which a sample that was founded on another day trades today; none where it does."""
    assert state.rulebook is not None, "a sample has a rulebook"
    today = state.rulebook.day(now_ns)
    if session_of(TRADED_AT[0], today) in state.sessions:
        return []
    script = _Script(today)
    script.at_ns = now_ns
    for plant in TRADED_AT:
        _open(script, plant, today, month_after(today[:7], 1))
    _orders(script, today, {plant: _middle(state, plant) for plant in TRADED_AT}, repeat(now_ns))
    return script.commands


async def renew(house: House, pause: Callable[[], Awaitable[None]]) -> int:
    """Send what today lacks of a day of trading, with a pause after each command; return how many there were.

    Each is stamped as it is sent, as whoever trades by hand would be. People may have changed what was there: what is
    refused of it stays out, and the rest stands.
    """
    commands = renewal(house.state, house.now_ns())
    for command in commands:
        await house.submit(msgspec.structs.replace(command, at_ns=house.now_ns()))
        await pause()
    return len(commands)


def service(house: House) -> AbstractAsyncContextManager[None]:
    """Let a sample trade on every day on which its house is open."""
    return again_and_again(partial(renew, house, partial(asyncio.sleep, PAUSE_SECONDS)), LOOK_SECONDS)


def session_of(plant: str, day: Day) -> str:
    """Return the identifier of a plant's session on a day."""
    return f"{plant}-{day}"


def _middle(state: State, plant: str) -> int:
    last = state.market.references.get(_instrument(plant), MIDDLE_TENGE_PER_TONNE)
    return last // STEP_TENGE_PER_TONNE * STEP_TENGE_PER_TONNE


def _instrument(plant: str) -> str:
    return f"{plant}-LPG"


def _order_id(place: str, day: Day, number: int) -> str:
    """Return an order's identifier, as short as a person writes one: `K261128-1`."""
    return f"{place[0]}{day[2:].replace('-', '')}-{number}"


def _open_all_day(rulebook: RulebookText, known: Day) -> RulebookText:
    """Return a rulebook under another name whose sessions outside the plan last the whole day."""
    note = "A newcomer comes at any hour; the hours of the announcements stand in the rulebook that this one changes."
    change = RuleChange("session_window_other", known, HOURS, MADE_UP, note=note)
    return msgspec.structs.replace(proposed_text(rulebook, (change,), known), name=rulebook.name + SUFFIX)


# --- The day before -------------------------------------------------------------------------------------------------


def _people(script: _Script, rulebook: RulebookText, calendar: _Calendar) -> None:
    """Admit everybody, adopt the rulebook, trade on weekends too, take deposits and list what is traded."""
    for person, (role, name) in PEOPLE.items():
        script.say(AdmitParticipant, OPERATOR, participant_id=person, name=name, role=role)
    script.say(AdoptRulebook, "regulator", rulebook=rulebook)
    for person, province in PROVINCE_OF.items():
        shown = tuple(Shown(credential, "Made up", SHOWN_SINCE) for credential in SHOWN)
        own = {"participant_class": "station_owner", "provinces": (province,), "shown": shown}
        script.say(ClassifyParticipant, OPERATOR, participant_id=person, **own)
    for year in dict.fromkeys((calendar.yesterday[:4], calendar.today[:4])):
        script.say(DeclareHolidays, OPERATOR, year=int(year), days=(), working=_weekends(int(year)), source=MADE_UP.act)
    for person in (*PLANT_OF, *PROVINCE_OF):
        money = {"amount_tiyn": DEPOSIT_TENGE * TIYN_PER_TENGE, "bank_reference": f"made-up-{person}"}
        script.say(Deposit, OPERATOR, participant_id=person, **money)
    for plant in TRADED_AT:
        fields = {"product": "LPG", "plant": plant, "delivery_basis": "EXW", "delivery_region": "KZ"}
        script.say(ListInstrument, OPERATOR, code=_instrument(plant), **fields)


def _weekends(year: int) -> tuple[Day, ...]:
    """Return the Saturdays and Sundays of a year: a newcomer comes on any day."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    return tuple(day.isoformat() for day in days if day.year == year and day.weekday() >= SATURDAY)


def _plan(script: _Script, inputs: Inputs, calendar: _Calendar) -> None:
    """Plan the month: for each province what the model says it burns, and what stands between price and pump."""
    lot_kg, links = _network(inputs, calendar)
    for province in PROVINCE_OF.values():
        script.say(
            PlanSupply,
            "regulator",
            delivery_month=calendar.month,
            province=province,
            total_lots=agents.lots(inputs.value("demand", province), lot_kg),
            transport_tenge_per_tonne=min(link.tariff_tenge_per_tonne for link in links if link.target == province),
        )
        script.say(
            ReportRetailTerms,
            OPERATOR,
            delivery_month=calendar.month,
            province=province,
            depot_tenge_per_tonne=inputs.value("depot"),
            station_margin_tiyn_per_litre=inputs.value("station_margin") * TIYN_PER_TENGE,
            plan_pass_on_basis_points=inputs.value("plan_pass_on") * 100,
        )


def _next_plan(script: _Script, inputs: Inputs, calendar: _Calendar) -> None:
    """Open the plan of the first quarter for which there is time to apply; sellers state, and buyers apply."""
    lot_kg, links = _network(inputs, calendar)
    first = month_after(calendar.yesterday[:7], MONTHS_AHEAD)
    while int(first[5:]) % QUARTER_MONTHS != 1:
        first = month_after(first, 1)
    period = f"{first[:4]}-Q{1 + int(first[5:]) // QUARTER_MONTHS}"
    script.say(OpenPlan, "regulator", period=period, links=links)
    for seller, plant in PLANT_OF.items():
        lots = QUARTER_MONTHS * agents.lots(inputs.value("capacity", plant), lot_kg)
        script.say(StateCapacity, seller, period=period, plant=plant, lots=lots)
    for buyer, province in PROVINCE_OF.items():
        lots = QUARTER_MONTHS * agents.lots(inputs.value("demand", province), lot_kg)
        asked = {"application_id": f"{period}-{buyer}", "period": period, "part": "outside", "province": province}
        script.say(SubmitApplication, buyer, **asked, applicant_id=buyer, lots=lots)


def _network(inputs: Inputs, calendar: _Calendar) -> tuple[int, tuple[Link, ...]]:
    """Return the size of a lot, and the ways between the sample's plants and provinces that a source reports."""
    rules = calendar.rulebook.in_force(calendar.yesterday, calendar.yesterday)
    lot_kg = rules.required_integer("lot")
    served = [agents.pair(plant, province) for plant in PLANT_OF.values() for province in PROVINCE_OF.values()]
    reported = {way for way in served if ("served", way) in inputs.facts}
    ways = agents.links(inputs, lot_kg)
    return lot_kg, tuple(way for way in ways if agents.pair(way.source, way.target) in reported)


def _yesterday(script: _Script, inputs: Inputs, calendar: _Calendar) -> None:
    """Hold a network session in the plan's hours and a book for the whole day; publish what both came to."""
    day = calendar.yesterday
    network = f"network-{day}"
    places = [Place(plant, "plant") for plant in PLANT_OF.values()]
    places += [Place(province, "province") for province in PROVINCE_OF.values()]
    net = {"places": tuple(places), "links": _network(inputs, calendar)[1]}
    terms = {"day": day, "window": "plan", "delivery_month": calendar.month}
    script.say(OpenSession, OPERATOR, session_id=network, **terms, **net)
    for plant in TRADED_AT:
        _open(script, plant, day, calendar.month)
    script.at_ns = calendar.at(day, "11:00")
    for number, (person, place) in enumerate({**PLANT_OF, **PROVINCE_OF}.items(), 1):
        sells: Line = (person, "sell", number - 5, NETWORK_LOTS.get(person, 0))
        line = sells if person in PLANT_OF else (person, "buy", 20 + number, BUYERS_LOTS)
        _order(script, network, _order_id("N", day, number), place, line, delivers=False)
    script.at_ns = calendar.at(day, "13:00")
    for kind in (CloseSession, ClearSession, PublishPrices):
        script.say(kind, OPERATOR, session_id=network)
    script.at_ns = calendar.at(day, "15:00")
    for plant in TRADED_AT:
        session_id = session_of(plant, day)
        for number, line in enumerate(YESTERDAYS, 1):
            script.at_ns += NS_PER_SECOND
            _order(script, session_id, _order_id(plant, day, number), _instrument(plant), line)
    script.at_ns = calendar.at(day, "23:59")
    for plant in TRADED_AT:
        script.say(CloseSession, OPERATOR, session_id=session_of(plant, day))
        script.say(PublishSession, OPERATOR, session_id=session_of(plant, day))


def _follow_up(script: _Script, calendar: _Calendar) -> None:
    """Let a part of one deal of yesterday be paid, and propose a change of a rule."""
    deal = f"{session_of(TRADED_AT[0], calendar.yesterday)}/1"
    script.say(PayObligation, "buyer-1", obligation_id=deal, amount_tiyn=PAID_TENGE * TIYN_PER_TENGE)
    smaller = RuleChange("order_lots_highest", day_after(calendar.today, 30), LOTS_PROPOSED, MADE_UP)
    reason = f"Made up, to be looked at: no order above {LOTS_PROPOSED} lots, so that no seller alone makes the price."
    script.say(ProposeRuleChange, OPERATOR, proposal_id="smaller-orders", proposed=(smaller,), reason=reason)


# --- The day itself -------------------------------------------------------------------------------------------------


def _open(script: _Script, plant: str, day: Day, month: str) -> None:
    book = {"window": "other", "kind": "continuous", "instrument": _instrument(plant)}
    script.say(OpenSession, OPERATOR, session_id=session_of(plant, day), day=day, delivery_month=month, **book)


def _orders(script: _Script, day: Day, middles: dict[str, int], instants: Iterator[int]) -> None:
    for number, line in enumerate(TODAYS, 1):
        for plant in TRADED_AT:
            script.at_ns = next(instants)
            session_id, order_id = session_of(plant, day), _order_id(plant, day, number)
            _order(script, session_id, order_id, _instrument(plant), line, middle=middles[plant])


def _order(
    script: _Script,
    session_id: str,
    order_id: str,
    place: str,
    line: Line,
    *,
    middle: int = MIDDLE_TENGE_PER_TONNE,
    delivers: bool = True,
) -> None:
    person, side, away, lots = line
    script.say(
        SubmitOrder,
        person,
        session_id=session_id,
        order_id=order_id,
        place=place,
        side=side,
        price_tenge_per_tonne=middle + STEP_TENGE_PER_TONNE * away,
        quantity_lots=lots,
        delivery=PROVINCE_OF[person] if side == "buy" and delivers else None,
    )
