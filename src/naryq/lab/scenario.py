"""December 2021 and January 2022, played through the venue: who is admitted, what is planned, who sends which order.

The scenario knows the venue only by its commands and answers, as any participant does. What a rulebook changes, it
changes through the venue's refusals and prices, never by another script.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from naryq import retail
from naryq.lab import agents
from naryq.lab.agents import Offer
from naryq.lab.inputs import Inputs
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    AnyCommand,
    AnyEvent,
    ClearSession,
    CloseSession,
    Code,
    OpenSession,
    OrderAccepted,
    Place,
    PlanSupply,
    PricesPublished,
    PublishPrices,
    Refused,
    ReportRetailTerms,
    RulebookText,
    SessionOpened,
    SubmitOrder,
    SupplyPlanned,
)
from naryq.pricing import cheapest_carriage
from naryq.rulebook import InForce, Rulebook
from naryq.units import BASIS_POINTS, NS_PER_SECOND, TIYN_PER_TENGE, Rounding, apportion, instant_ns, share

OPERATOR = "operator"
REGULATOR = "regulator"
MANGYSTAU = "KZ-47"
MANGYSTAU_PLANT = "KAZGPZ"
ORDER_GAP_NS = NS_PER_SECOND
"""Between any two orders: whoever sent two within a second would be a robot under `guarded`."""

Venue: TypeAlias = Callable[[Sequence[AnyCommand]], list[tuple[AnyEvent, ...]]]
"""A door of the venue: commands in, the events that answer each out."""


class Month(NamedTuple):
    """One month of the scenario: what is delivered, and the day its session is held."""

    delivery_month: str
    session_day: str

    @property
    def session_id(self) -> str:
        """Return the name of the month's session."""
        return f"call-{self.delivery_month}"


MONTHS = (Month("2021-12", "2021-11-30"), Month("2022-01", "2021-12-31"))


class _Desk:
    """The one who sends: it numbers commands, stamps them with the scenario's time, and reads the answers."""

    def __init__(self, venue: Venue, scenario_id: str) -> None:
        self._venue = venue
        self._scenario_id = scenario_id
        self._count = 0
        self.at_ns = 0

    def stamp(self) -> tuple[str, int]:
        """Return the next command's identifier and its time."""
        self._count += 1
        return f"{self._scenario_id}-{self._count}", self.at_ns

    def send(self, commands: Iterable[AnyCommand]) -> list[tuple[AnyEvent, ...]]:
        """Send commands and return their answers; a refusal is the sender's business."""
        return self._venue(tuple(commands))

    def must(self, commands: Iterable[AnyCommand]) -> list[AnyEvent]:
        """Send commands that the venue has no reason to refuse, and return the first event of each answer."""
        answers = [events[0] for events in self.send(commands)]
        refused = [event for event in answers if isinstance(event, Refused)]
        assert not refused, f"the scenario sent what the venue refuses: {refused[0]}"
        return answers


def play(venue: Venue, inputs: Inputs, rulebook: RulebookText) -> None:
    """Play both months through a venue on which nothing has happened yet."""
    rules = Rulebook(rulebook)
    desk = _Desk(venue, rulebook.name)
    desk.at_ns = _clock(rules, MONTHS[0].session_day, "09:00")
    _found(desk, inputs, rulebook)
    last_pump: dict[str, int] = {}
    for month in MONTHS:
        last_pump = _play_month(desk, inputs, rules, month, last_pump)


def _clock(rules: Rulebook, day: str, clock: str) -> int:
    return instant_ns(day, clock, rules.in_force(day, day).required_integer("utc_offset"))


def provinces(inputs: Inputs) -> tuple[str, ...]:
    """Return the codes of all provinces of the model."""
    return inputs.subjects("demand")


def plants(inputs: Inputs) -> tuple[str, ...]:
    """Return the names of all plants of the model."""
    return inputs.subjects("capacity")


def _found(desk: _Desk, inputs: Inputs, rulebook: RulebookText) -> None:
    def admit(participant_id: str, role: str) -> AdmitParticipant:
        command_id, at_ns = desk.stamp()
        return AdmitParticipant(command_id, OPERATOR, at_ns, participant_id, participant_id, role)  # type: ignore[arg-type]  # the four roles below are all of the closed list

    people = [(OPERATOR, "operator"), (REGULATOR, "regulator")]
    people += [(plant, "seller") for plant in plants(inputs)]
    people += [
        (agents.buyer(province, number), "buyer")
        for province in provinces(inputs)
        for number in range(inputs.value("buyers"))
    ]
    desk.must(admit(*person) for person in people)
    command_id, at_ns = desk.stamp()
    desk.must([AdoptRulebook(command_id, REGULATOR, at_ns, rulebook)])


def _play_month(
    desk: _Desk, inputs: Inputs, rules: Rulebook, month: Month, last_pump: dict[str, int]
) -> dict[str, int]:
    """Plan, open, collect, close, clear and publish one month; return the pump price of each province."""
    in_force = rules.in_force(f"{month.delivery_month}-01", month.session_day)
    desk.at_ns = _clock(rules, month.session_day, "10:00")
    desk.must(_retail_terms(desk, inputs, month))
    planned = _plan(desk, inputs, month, in_force)
    opened = _open(desk, inputs, month, in_force)
    desk.at_ns = opened.opens_at_ns
    _collect(desk, opened, _all_asks(inputs, planned, opened.lot_kg))
    _collect(desk, opened, _all_bids(inputs, in_force, planned, last_pump))
    desk.at_ns = opened.closes_at_ns
    return _finish(desk, month)


def _retail_terms(desk: _Desk, inputs: Inputs, month: Month) -> Iterator[ReportRetailTerms]:
    for province in provinces(inputs):
        command_id, at_ns = desk.stamp()
        yield ReportRetailTerms(
            command_id,
            OPERATOR,
            at_ns,
            month.delivery_month,
            province,
            inputs.value("depot"),
            inputs.value("station_margin") * TIYN_PER_TENGE,
            inputs.value("plan_pass_on") * BASIS_POINTS // agents.PERCENT,
        )


# --- The plan ---------------------------------------------------------------------------------------------------


def planned_lots(inputs: Inputs, lot_kg: int) -> dict[str, int]:
    """Return each province's plan: Mangystau what it burns, the others the rest, pro rata of what they burn.

    The law cuts all applications pro rata where they exceed the supply (Gas Law, article 27-1(8)); Mangystau's
    regulated gas was allotted in full.
    """
    wanted = {province: agents.demand(inputs, province, lot_kg).base_lots for province in provinces(inputs)}
    supply = sum(_capacity_lots(inputs, plant, lot_kg) for plant in _home_plants(inputs))
    own = min(wanted.pop(MANGYSTAU), supply)
    others = apportion(min(supply - own, sum(wanted.values())), tuple(wanted.values()))
    return {MANGYSTAU: own, **dict(zip(wanted, others, strict=True))}


def _home_plants(inputs: Inputs) -> tuple[str, ...]:
    """Return the plants that serve the home plan: those that may not export instead."""
    return tuple(plant for plant in plants(inputs) if not inputs.get("export_open", plant))


def _capacity_lots(inputs: Inputs, plant: str, lot_kg: int) -> int:
    return agents.lots(inputs.value("capacity", plant), lot_kg)


def _plan(desk: _Desk, inputs: Inputs, month: Month, in_force: InForce) -> dict[str, SupplyPlanned]:
    cheapest = {
        province: min(
            agents.tariff_tenge_per_tonne(inputs, way)
            for way in inputs.subjects("distance")
            if way.endswith(f">{province}")
        )
        for province in provinces(inputs)
    }
    commands = []
    for province, total in planned_lots(inputs, in_force.required_integer("lot")).items():
        command_id, at_ns = desk.stamp()
        commands.append(
            PlanSupply(command_id, REGULATOR, at_ns, month.delivery_month, province, total, cheapest[province])
        )
    answers = desk.must(commands)
    return {event.province: event for event in answers if isinstance(event, SupplyPlanned)}


def _owed_lots(inputs: Inputs, planned: dict[str, SupplyPlanned], lot_kg: int) -> dict[str, int]:
    """Return what each plant owes the plan outside the platform: its own region first, the rest pro rata."""
    capacity = {plant: _capacity_lots(inputs, plant, lot_kg) for plant in _home_plants(inputs)}
    own = min(capacity.pop(MANGYSTAU_PLANT), planned[MANGYSTAU].outside_lots)
    rest = sum(plan.outside_lots for plan in planned.values()) - own
    return {MANGYSTAU_PLANT: own, **dict(zip(capacity, apportion(rest, tuple(capacity.values())), strict=True))}


# --- The session ------------------------------------------------------------------------------------------------


def _open(desk: _Desk, inputs: Inputs, month: Month, in_force: InForce) -> SessionOpened:
    places = tuple(Place(plant, "plant") for plant in plants(inputs))
    places += tuple(Place(province, "province") for province in provinces(inputs))
    command_id, at_ns = desk.stamp()
    command = OpenSession(
        command_id,
        OPERATOR,
        at_ns,
        month.session_id,
        month.session_day,
        "plan",
        month.delivery_month,
        places,
        agents.links(inputs, in_force.required_integer("lot")),
    )
    (opened,) = desk.must([command])
    assert isinstance(opened, SessionOpened), "an opened session says so"
    return opened


def _all_asks(inputs: Inputs, planned: dict[str, SupplyPlanned], lot_kg: int) -> Iterator[Offer]:
    owed = _owed_lots(inputs, planned, lot_kg)
    for plant in plants(inputs):
        yield from agents.asks(inputs, plant, _capacity_lots(inputs, plant, lot_kg) - owed.get(plant, 0))


def _all_bids(
    inputs: Inputs, in_force: InForce, planned: dict[str, SupplyPlanned], last_pump: dict[str, int]
) -> Iterator[Offer]:
    lot_kg = in_force.required_integer("lot")
    for province in provinces(inputs):
        if planned[province].platform_share_basis_points == 0:
            continue
        yield from agents.bids(
            agents.demand(inputs, province, lot_kg),
            _terms(inputs, in_force),
            planned_lots=planned[province].outside_lots,
            highest_pump_tiyn_per_litre=_highest_pump(in_force, last_pump.get(province)),
            buyers=inputs.value("buyers"),
        )


def _terms(inputs: Inputs, in_force: InForce) -> retail.Terms:
    return retail.Terms(
        in_force.required_integer("vat"),
        in_force.required_integer("density"),
        inputs.value("depot"),
        inputs.value("station_margin") * TIYN_PER_TENGE,
    )


def _highest_pump(in_force: InForce, last_tiyn_per_litre: int | None) -> int | None:
    """Return the pump price that drivers of a province will not have to pass this month."""
    rise = in_force.integer("pump_step_rise")
    if rise is None or last_tiyn_per_litre is None:
        return None
    return last_tiyn_per_litre + share(last_tiyn_per_litre, rise, Rounding.DOWN)


def _collect(desk: _Desk, opened: SessionOpened, offers: Iterable[Offer]) -> None:
    """Send orders; whoever is refused for the collar comes to its bound, if that is better for him than nothing."""
    offers = tuple(offers)
    answers = desk.send(tuple(_order(desk, opened.session_id, offer) for offer in offers))
    carriage = cheapest_carriage(opened.places, opened.links)
    retries = [
        _at_the_bound(opened, offer, carriage[offer.place])
        for offer, events in zip(offers, answers, strict=True)
        if _hit_collar(events)
    ]
    desk.must(tuple(_order(desk, opened.session_id, offer) for offer in retries if offer is not None))


def _hit_collar(events: tuple[AnyEvent, ...]) -> bool:
    event = events[0]
    if isinstance(event, OrderAccepted):
        return False
    assert isinstance(event, Refused), "an order is accepted or refused"
    assert event.code in {Code.PRICE_ABOVE_COLLAR, Code.PRICE_BELOW_COLLAR}, f"the scenario's own mistake: {event}"
    return True


def _at_the_bound(opened: SessionOpened, offer: Offer, carriage: int) -> Offer | None:
    lowest, highest = opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne
    return offer.within(
        None if lowest is None else lowest + carriage,
        None if highest is None else highest + carriage,
    )


def _order(desk: _Desk, session_id: str, offer: Offer) -> SubmitOrder:
    desk.at_ns += ORDER_GAP_NS
    command_id, at_ns = desk.stamp()
    return SubmitOrder(
        command_id,
        offer.participant_id,
        at_ns,
        session_id,
        command_id,
        offer.place,
        offer.side,
        offer.price_tenge_per_tonne,
        offer.quantity_lots,
    )


def _finish(desk: _Desk, month: Month) -> dict[str, int]:
    """Close, clear and publish; return the pump price of each province, in tiyn a litre."""
    kinds = (CloseSession, ClearSession, PublishPrices)
    commands = [
        kind(command_id, OPERATOR, at_ns, month.session_id) for kind in kinds for command_id, at_ns in [desk.stamp()]
    ]
    published = desk.must(commands)[-1]
    assert isinstance(published, PricesPublished), "published prices say so"
    return {price.province: price.pump_tiyn_per_litre for price in published.pump_prices}
