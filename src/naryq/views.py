"""Read models: what people look at, folded from events. The bulletin is the one that every door shows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from naryq import limits, pricing, reform
from naryq.exchange.limits import drawn_closer
from naryq.messages import (
    Code,
    CollarTightened,
    Entry,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    PhaseChanged,
    PlacePrice,
    PricesPublished,
    PriceStep,
    PumpPrice,
    Refused,
    RulebookAdopted,
    SessionCleared,
    SessionOpened,
    SessionPublished,
    Statistics,
    SubmitOrder,
    Traded,
)
from naryq.rulebook import InForce, Rulebook
from naryq.units import TIYN_PER_TENGE, grouped, month_after, percent_change_tenths

AT_KEYS: Final = "at the limit of the two keys"
TOO_HIGH: Final = MappingProxyType(
    {Code.PRICE_ABOVE_COLLAR: "the collar", Code.PRICE_ABOVE_PARITY: "the limit of the two keys"}
)
"""The refusals of an ask as too high, and what it lay above."""


class View(msgspec.Struct, frozen=True):
    """The common form of what is shown; prices are integers, with their unit last in the name."""


class PlantLine(View, frozen=True):
    """The ex-works price of one plant before and after, and why."""

    plant: str
    name: str
    before_tenge_per_tonne: int | None
    after_tenge_per_tonne: int | None
    sold_before_lots: int
    sold_after_lots: int
    reason: str


class Observed(View, frozen=True):
    """What was seen at the pumps of a province, with its source."""

    lowest_tiyn_per_litre: int
    highest_tiyn_per_litre: int
    day: str
    source: str
    second_source: str = ""
    """Where the highest price stands, if another source gives it."""


class ProvinceLine(View, frozen=True):
    """One province before and after: what gas costs at the plant, at the pump, and why."""

    code: str
    """ISO 3166-2."""
    name: str
    ex_works_before_tenge_per_tonne: int
    ex_works_after_tenge_per_tonne: int
    pump_before_tiyn_per_litre: int
    pump_after_tiyn_per_litre: int
    change_tenths_of_percent: int
    cap_tiyn_per_litre: int | None
    """The retail cap in force on the day of the second session; None when there was none."""
    next_cap_tiyn_per_litre: int | None
    next_cap_day: str | None
    formula_after_tiyn_per_litre: int
    """What the pump price would have been without any limit."""
    steps_before: tuple[PriceStep, ...]
    steps_after: tuple[PriceStep, ...]
    limits: tuple[str, ...]
    volume_before_kg: int
    volume_after_kg: int
    fund_tiyn: int
    """What the fund pays for the month so that the pump price keeps to its step."""
    reason: str
    observed: Observed | None
    unserved_lots: int = 0
    """What the province's buyers bid for at or above its price and did not receive."""


class PathPoint(View, frozen=True):
    """One month of a pump price on its way: what is paid, what the formula asks, what the fund pays."""

    month: str
    pump_tiyn_per_litre: int
    formula_tiyn_per_litre: int
    fund_tiyn: int


class Path(View, frozen=True):
    """The way of one province's pump price, month by month, if the market price stayed where it was found."""

    code: str
    name: str
    points: tuple[PathPoint, ...]


class RulebookResult(View, frozen=True):
    """All that came out under one rulebook."""

    rulebook: str
    version: str
    title: str
    orders_accepted: int
    orders_refused: int
    refusals: dict[str, int]
    average_ex_works_before_tenge_per_tonne: int | None
    average_ex_works_after_tenge_per_tonne: int | None
    plants: tuple[PlantLine, ...]
    provinces: tuple[ProvinceLine, ...]
    fund_tiyn: int
    unserved_lots: int
    """What buyers bid for at or above the uniform price and did not receive."""
    paths: tuple[Path, ...]
    journal_sequence: int
    journal_chain: str
    state_hash: str


class Swing(View, frozen=True):
    """How far one assumption, moved over its range alone, moves Mangystau's pump price after the step."""

    assumption: str
    unit: str
    lowest: str
    value: str
    highest: str
    pump_at_lowest_tiyn_per_litre: int
    pump_at_highest_tiyn_per_litre: int


class Bulletin(View, frozen=True):
    """The result of a session, for the terminal, the page, the JSON and the CSV alike."""

    title: str
    before_month: str
    after_month: str
    results: tuple[RulebookResult, ...]
    story: tuple[str, ...]
    """Paragraphs of plain text."""
    facts: int
    assumptions: int
    swings: tuple[Swing, ...]


# --- Folding ----------------------------------------------------------------------------------------------------


class TradeLine(View, frozen=True):
    """One trade as everybody may see it: when, at which price, how much, and nobody's name."""

    at_ns: int
    price_tenge_per_tonne: int
    quantity_lots: int


class SessionSheet(msgspec.Struct):
    """A session over one instrument as everybody may see it, gathered: no order, no bid, no name, no hidden reserve."""

    session_id: str
    kind: str
    instrument: str | None
    day: str
    delivery_month: str
    phase: str
    reason: str = ""
    """Why it is in this phase."""
    trades: list[TradeLine] = []
    statistics: Statistics | None = None
    """Once it is published."""
    weighted_average_tenge_per_tonne: int | None = None
    limits: tuple[str, ...] = ()
    """The limits that acted on its trades, and what the average would have been without them, once it is published."""
    uncapped_average_tenge_per_tonne: int | None = None

    @staticmethod
    def of(opened: SessionOpened) -> "SessionSheet":
        """Return the sheet of a session that has opened."""
        day, month = opened.day, opened.delivery_month
        return SessionSheet(opened.session_id, opened.kind, opened.instrument, day, month, opened.phase)

    def gather(self, event: "PhaseChanged | Traded | SessionPublished") -> None:
        """Write down an event about the session."""
        if isinstance(event, PhaseChanged):
            self.phase, self.reason = event.phase, event.reason
        elif isinstance(event, Traded):
            self.trades.append(TradeLine(event.at_ns, event.price_tenge_per_tonne, event.quantity_lots))
        else:
            self.phase, self.statistics = "published", event.statistics
            self.weighted_average_tenge_per_tonne = event.weighted_average_tenge_per_tonne
            self.limits = event.limits
            self.uncapped_average_tenge_per_tonne = event.uncapped_average_tenge_per_tonne


class MonthSeen(msgspec.Struct):
    """All that was written down about one session, gathered while its rows pass by."""

    opened: SessionOpened
    orders: dict[str, OrderAccepted]
    """The orders that stand: those taken and not taken back."""
    asks_refused: dict[str, tuple[int, str]] = {}
    """By plant, the lowest ask that was refused as too high, in tenge a tonne, and what it lay above."""
    cleared: SessionCleared | None = None
    published: PricesPublished | None = None


class Seen(msgspec.Struct):
    """What the rows of a journal say, gathered for people."""

    rulebook: Rulebook | None = None
    months: dict[str, MonthSeen] = {}
    sheets: dict[str, SessionSheet] = {}
    """Every session over one instrument, as everybody may see it."""
    refusals: Counter[str] = msgspec.field(default_factory=Counter)
    orders_accepted: int = 0
    sequence: int = 0


def look(entries: Iterable[Entry]) -> Seen:
    """Read the rows of a journal once and gather what they say."""
    seen = Seen()
    for entry in entries:
        seen.sequence = entry.sequence
        for event in entry.events:
            _gather(seen, event)
            if isinstance(event, Refused) and isinstance(entry.command, SubmitOrder):
                _gather_refused(seen, entry.command, event.code)
    return seen


def _gather(seen: Seen, event: object) -> None:
    match event:
        case RulebookAdopted():
            seen.rulebook = Rulebook(event.rulebook)
        case SessionOpened() if event.kind == "network":
            seen.months[event.session_id] = MonthSeen(event, {})
        case SessionOpened():
            seen.sheets[event.session_id] = SessionSheet.of(event)
        case OrderAccepted():
            seen.orders_accepted += 1
            _gather_order(seen, event)
        case OrderAmended() | OrderCancelled():
            _gather_order(seen, event)
        case PhaseChanged() | Traded() | SessionPublished() if event.session_id in seen.sheets:
            seen.sheets[event.session_id].gather(event)
        case CollarTightened() | SessionCleared() | PricesPublished() if event.session_id in seen.months:
            _gather_month(seen.months[event.session_id], event)
        case Refused():
            seen.refusals[event.code] += 1
        case _:
            pass


def _gather_order(seen: Seen, event: OrderAccepted | OrderAmended | OrderCancelled) -> None:
    """Follow the orders of network sessions; those over an instrument are nobody's business but their owners'."""
    month = seen.months.get(event.session_id)
    if month is None:
        return
    if isinstance(event, OrderAccepted):
        month.orders[event.order_id] = event
        return
    order = month.orders[event.order_id]
    if isinstance(event, OrderCancelled) or not event.keeps_place:
        del month.orders[event.order_id]
    if isinstance(event, OrderAmended):
        price, lots = event.price_tenge_per_tonne, event.quantity_lots
        month.orders[event.order_id] = msgspec.structs.replace(order, price_tenge_per_tonne=price, quantity_lots=lots)


def _gather_month(month: MonthSeen, event: CollarTightened | SessionCleared | PricesPublished) -> None:
    match event:
        case CollarTightened():
            month.opened = drawn_closer(month.opened, event)
        case SessionCleared():
            month.cleared = event
        case PricesPublished():
            month.published = event


def _gather_refused(seen: Seen, order: SubmitOrder, code: Code) -> None:
    if order.side == "sell" and code in TOO_HIGH and order.session_id in seen.months:
        asks, asked = seen.months[order.session_id].asks_refused, (order.price_tenge_per_tonne, TOO_HIGH[code])
        asks[order.place] = min(asked, asks.get(order.place, asked))


class Proof(NamedTuple):
    """What lets anybody check a result: the journal's last row, its chain, and the state it leads to."""

    sequence: int
    chain: str
    state_hash: str


def rulebook_result(
    seen: Seen, *, title: str, names: Mapping[str, str], observed: Mapping[str, Observed], proof: Proof
) -> RulebookResult:
    """Return the result of the first two published sessions of a journal."""
    assert seen.rulebook is not None, "a venue with prices has a rulebook"
    before, after = list(seen.months.values())[:2]
    assert before.cleared is not None, "both sessions are cleared"
    assert after.cleared is not None, "both sessions are cleared"
    rules = _rules(seen.rulebook, after)
    provinces = tuple(_province_lines(before, after, rules, names, observed))
    return RulebookResult(
        rulebook=seen.rulebook.name,
        version=seen.rulebook.version,
        title=title,
        orders_accepted=seen.orders_accepted,
        orders_refused=seen.refusals.total(),
        refusals=dict(sorted(seen.refusals.items())),
        average_ex_works_before_tenge_per_tonne=before.cleared.average_ex_works_tenge_per_tonne,
        average_ex_works_after_tenge_per_tonne=after.cleared.average_ex_works_tenge_per_tonne,
        plants=tuple(
            _plant_line(place.place, before, after, names) for place in after.opened.places if place.kind == "plant"
        ),
        provinces=provinces,
        fund_tiyn=sum(line.fund_tiyn for line in provinces),
        unserved_lots=_unserved_lots(after).total(),
        paths=tuple(_path(line, after, rules) for line in provinces if limits.STEP in line.limits),
        journal_sequence=proof.sequence,
        journal_chain=proof.chain,
        state_hash=proof.state_hash,
    )


def _rules(rulebook: Rulebook, month: MonthSeen) -> InForce:
    return rulebook.in_force(f"{month.opened.delivery_month}-01", month.opened.day)


def _pumps(month: MonthSeen) -> dict[str, PumpPrice]:
    assert month.published is not None, "the session's prices are published"
    return {price.province: price for price in month.published.pump_prices}


def _prices(month: MonthSeen) -> dict[str, PlacePrice]:
    assert month.cleared is not None, "the session is cleared"
    return {price.place: price for price in month.cleared.prices}


def _province_lines(
    before: MonthSeen, after: MonthSeen, rules: InForce, names: Mapping[str, str], observed: Mapping[str, Observed]
) -> Iterable[ProvinceLine]:
    pumps_before = _pumps(before)
    unserved = _unserved_lots(after)
    for code, pump in _pumps(after).items():
        line = _province_line(pumps_before.get(code, pump), pump, rules, names[code], observed.get(code))
        line = msgspec.structs.replace(line, unserved_lots=unserved[code])
        yield msgspec.structs.replace(line, reason=_province_reason(line, after, names))


def _province_reason(line: ProvinceLine, month: MonthSeen, names: Mapping[str, str]) -> str:
    price = _prices(month).get(line.code)
    setter = None if price is None else _set_by(price, month, names)
    parts = [line.reason]
    parts += ["at the collar"] if limits.COLLAR in line.limits else []
    parts += [AT_KEYS] if limits.TWO_KEY in line.limits else []
    parts += [f"{line.unserved_lots} lots short"] if line.unserved_lots else []
    parts += [] if setter is None else [setter]
    return "; ".join(parts)


def _set_by(price: PlacePrice, month: MonthSeen, names: Mapping[str, str]) -> str | None:
    """Say whose marginal order sets a price, wherever it stands; plants go by their short names."""
    marginal = [month.orders[order_id] for order_id in price.marginal_orders]
    if price.set_at is None or not marginal:
        return None
    kinds = {place.place: place.kind for place in month.opened.places}
    owner = names[price.set_at] if kinds[price.set_at] == "province" else price.set_at
    return f"set by {owner}'s marginal {'ask' if marginal[0].side == 'sell' else 'bid'}"


def _province_line(
    before: PumpPrice, after: PumpPrice, rules: InForce, name: str, observed: Observed | None
) -> ProvinceLine:
    following = rules.next_change("retail_cap", after.province)
    return ProvinceLine(
        code=after.province,
        name=name,
        ex_works_before_tenge_per_tonne=before.ex_works_tenge_per_tonne,
        ex_works_after_tenge_per_tonne=after.ex_works_tenge_per_tonne,
        pump_before_tiyn_per_litre=before.pump_tiyn_per_litre,
        pump_after_tiyn_per_litre=after.pump_tiyn_per_litre,
        change_tenths_of_percent=percent_change_tenths(before.pump_tiyn_per_litre, after.pump_tiyn_per_litre),
        cap_tiyn_per_litre=after.cap_tiyn_per_litre,
        next_cap_tiyn_per_litre=None if following is None else following[1] * TIYN_PER_TENGE,
        next_cap_day=None if following is None else following[0],
        formula_after_tiyn_per_litre=after.formula_tiyn_per_litre,
        steps_before=before.steps,
        steps_after=after.steps,
        limits=after.limits,
        volume_before_kg=before.volume_kg,
        volume_after_kg=after.volume_kg,
        fund_tiyn=after.fund_tiyn,
        reason=_changed(before, after),
        observed=observed,
    )


def _changed(before: PumpPrice, after: PumpPrice) -> str:
    """Say what a province burns, and what it burned before where no market had set that price."""
    return f"was {before.reason}, now {after.reason}" if before.reason == pricing.PLAN_GAS else after.reason


def _plant_line(plant: str, before: MonthSeen, after: MonthSeen, names: Mapping[str, str]) -> PlantLine:
    price_before, price_after = _prices(before).get(plant), _prices(after).get(plant)
    return PlantLine(
        plant=plant,
        name=names[plant],
        before_tenge_per_tonne=_traded_price(price_before),
        after_tenge_per_tonne=_traded_price(price_after),
        sold_before_lots=0 if price_before is None else price_before.traded_lots,
        sold_after_lots=0 if price_after is None else price_after.traded_lots,
        reason=_plant_reason(plant, price_after, after, names),
    )


def _traded_price(price: PlacePrice | None) -> int | None:
    """Return a price at which something was sold; a price that nobody paid misleads."""
    return None if price is None or price.traded_lots == 0 else price.price_tenge_per_tonne


def _plant_reason(plant: str, price: PlacePrice | None, month: MonthSeen, names: Mapping[str, str]) -> str:
    asks = [order for order in month.orders.values() if order.place == plant and order.side == "sell"]
    if not asks:
        refused = month.asks_refused.get(plant)
        return (
            "offers nothing on the platform"
            if refused is None
            else f"asks {grouped(refused[0])} or more: refused, above {refused[1]}"
        )
    lowest = min(order.price_tenge_per_tonne for order in asks)
    if price is None or price.traded_lots == 0:
        return f"asks {grouped(lowest)} or more and finds no buyer"
    if limits.COLLAR in price.limits:
        bound = "higher" if price.price_tenge_per_tonne == month.opened.collar_highest_tenge_per_tonne else "lower"
        return f"at the collar: without it the price might be {bound}"
    if limits.TWO_KEY in price.limits:
        return f"{AT_KEYS}: without it the price might be higher"
    setter = _set_by(price, month, names)
    sold_out = price.traded_lots == sum(order.quantity_lots for order in asks)
    supply = "all it offers is sold" if sold_out else "part of what it offers is sold"
    return supply if setter is None else f"{supply}; {setter}"


def _unserved_lots(month: MonthSeen) -> Counter[str]:
    """Return for each place what was bid for at or above its uniform price and not received, in lots."""
    assert month.cleared is not None, "the session is cleared"
    price_of = {price.place: price.price_tenge_per_tonne for price in month.cleared.prices}
    filled = {fill.order_id: fill.quantity_lots for fill in month.cleared.fills}
    unserved: Counter[str] = Counter()
    for order in month.orders.values():
        if order.side == "buy" and order.price_tenge_per_tonne >= price_of.get(order.place, 0):
            unserved[order.place] += order.quantity_lots - filled.get(order.order_id, 0)
    return unserved


def _path(line: ProvinceLine, month: MonthSeen, rules: InForce) -> Path:
    rise = rules.integer("pump_step_rise")
    assert rise is not None, "a step that bound has a rule"
    steps = reform.path(
        line.pump_before_tiyn_per_litre,
        line.formula_after_tiyn_per_litre,
        rise,
        line.volume_after_kg,
        rules.required_integer("density"),
    )
    points = tuple(
        PathPoint(month_after(month.opened.delivery_month, index), *step) for index, step in enumerate(steps)
    )
    return Path(line.code, line.name, points)
