"""The auditor's books, and how it judges what a session and its publication found: prices, fills, bookings, pumps."""

from collections import defaultdict
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
from tests import audit_of_trading, fund_twins
from tests import pricing_twins as twins
from tests.audit_of_people import Register
from tests.audit_of_rules import Changes
from tests.limit_books import LimitBooks
from tests.market_books import Market
from tests.supply_books import Plans

from naryq import messages as m


@dataclass
class Call:
    """One session as its events tell it."""

    opened: m.SessionOpened
    phase: str = "collecting"
    orders: dict[str, m.OrderAccepted] = field(default_factory=dict)
    cleared: m.SessionCleared | None = None
    trades: list[m.Traded] = field(default_factory=list)
    has_ended: bool = False
    wider: tuple[int | None, int | None] | None = None
    """The collar before an emergency drew it closer: orders that stood since then may trade beyond the closer one."""

    @property
    def carriage(self) -> Any:
        """The cheapest carriage to each place."""
        ways = [(link.source, link.target, link.tariff_tenge_per_tonne) for link in self.opened.links]
        return twins.cheapest_carriage([place.place for place in self.opened.places], ways)


@dataclass
class Books:
    """What is known from the events alone."""

    people: dict[str, str] = field(default_factory=dict)
    register: Register = field(default_factory=Register)
    rulebook: m.RulebookText | None = None
    rules_of: m.RulebookText | None = None
    values: dict[str, tuple[m.DatedValue, ...]] = field(default_factory=dict)
    """The dated values by rule, of the rulebook `rules_of`."""
    calls: dict[str, Call] = field(default_factory=dict)
    order_ids: set[str] = field(default_factory=set)
    plans: dict[tuple[str, str], m.SupplyPlanned] = field(default_factory=dict)
    settled: set[tuple[str, str]] = field(default_factory=set)
    """The months of provinces that an approved plan has planned."""
    terms: dict[tuple[str, str], m.RetailTermsReported] = field(default_factory=dict)
    pumps: dict[str, int] = field(default_factory=dict)
    published_until: dict[str, str] = field(default_factory=dict)
    reference: int | None = None
    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)

    stops: dict[tuple[str, str], m.TradingStopped] = field(default_factory=dict)
    limits: LimitBooks = field(default_factory=LimitBooks)
    market: Market = field(default_factory=Market)
    supply: Plans = field(default_factory=Plans)

    parted = staticmethod(twins.parted)

    def copy(self) -> "Books":
        """Return books that go their own way from here."""
        other = Books(**{name: copy(value) for name, value in vars(self).items()})
        other.register = self.register.copy()
        other.changes = self.changes.copy()
        other.limits = self.limits.copy()
        other.market = self.market.copy()
        other.supply = self.supply.copy()
        other.calls = {
            name: Call(c.opened, c.phase, dict(c.orders), c.cleared, list(c.trades), c.has_ended, c.wider)
            for name, c in self.calls.items()
        }
        return other

    def value(self, name: str, effective: str, known: str) -> Any:
        """Return the whole value of a rule in force on a day as known on a day, or None."""
        assert self.rulebook is not None
        if self.rules_of is not self.rulebook:
            self.rules_of, self.values = self.rulebook, {rule.rule: rule.values for rule in self.rulebook.rules}
        apply = [
            v
            for v in self.values.get(name, ())
            if v.known <= known and v.effective <= effective <= (v.until or "9999-12-31")
        ]
        return max(apply, key=lambda dated: (dated.effective, dated.known)).value if apply else None

    def rule(self, name: str, effective: str, known: str, place: str = "") -> Any:
        """Return the value of a rule for a place, or None."""
        value = self.value(name, effective, known)
        return value.get(place, value.get("default")) if isinstance(value, dict) else value

    def midnight_after(self, day: str, at_ns: int) -> int:
        """Return the first instant after a day by the rulebook's clock."""
        today = self.day(at_ns)
        since = date.fromisoformat(day) - date(1970, 1, 1)
        offset: int = self.rule("utc_offset", today, today)
        return ((since.days + 1) * 86_400 - offset * 60) * 10**9

    def day(self, at_ns: int) -> str:
        """Return the calendar day of an instant by the rulebook's clock."""
        utc = datetime.fromtimestamp(at_ns // 10**9, UTC)
        offset = self.rule("utc_offset", utc.date().isoformat(), utc.date().isoformat()) or 0
        return (utc + timedelta(minutes=offset)).date().isoformat()

    def stopped(self, session_id: str, participant_id: str, place: str) -> bool:
        """Say whether a stop reaches an order of a participant at a place of a session."""
        reached = {"venue": "venue", "session": session_id, "participant": participant_id, "region": place}
        return any(reached.get(scope) == target for scope, target in self.stops)

    @property
    def version(self) -> str:
        """The name and digest of the rulebook adopted last."""
        assert self.rulebook is not None
        return f"{self.rulebook.name}@{self.rulebook.digest[:12]}"

    def unbalanced(self) -> Iterator[str]:
        """Say in which unit the accounts do not sum to zero."""
        for unit in ("tiyn", "kg"):
            total = sum(amount for (_, of), amount in self.balances.items() if of == unit)
            if total:
                yield f"{total} {unit} were made or lost"

    def fold(self, event: m.AnyEvent, at_ns: int) -> None:
        """Write down what an event says."""
        self.register.fold(event)
        self.limits.fold(event)
        self.market.fold(event, self.calls)
        self.supply.fold(event)
        match event:
            case m.ParticipantAdmitted():
                self.people[event.participant_id] = event.role
            case m.RulebookAdopted():
                self.rulebook = event.rulebook
            case m.LedgerPosted():
                for leg in event.postings:
                    self.balances[leg.account, leg.unit] = self.balances.get((leg.account, leg.unit), 0) + leg.amount
            case m.TradingStopped():
                self.stops[event.scope, event.target] = event
            case m.TradingResumed():
                del self.stops[event.scope, event.target]
            case m.PlanApproved():
                self.settled |= {(month, each.province) for month in event.months for each in event.provinces}
            case m.SupplyPlanned():
                self.plans[event.delivery_month, event.province] = event
            case m.RetailTermsReported():
                self.terms[event.delivery_month, event.province] = event
            case _:
                self._fold_call(event, at_ns)

    def _fold_call(self, event: Any, at_ns: int) -> None:
        match event:
            case m.SessionOpened():
                self.calls[event.session_id] = Call(event, event.phase)
            case m.OrderAccepted():
                assert event.submitted_at_ns == at_ns
                self.order_ids.add(event.order_id)
                self.calls[event.session_id].orders[event.order_id] = event
            case m.OrderCancelled():
                del self.calls[event.session_id].orders[event.order_id]
            case m.SessionClosed():
                self.calls[event.session_id].phase = "closed"
            case m.SessionCleared():
                call = self.calls[event.session_id]
                call.phase, call.cleared = "cleared", event
                if event.average_ex_works_tenge_per_tonne is not None and event.reference_moved:
                    self.reference = event.average_ex_works_tenge_per_tonne
                self._fold_sales(call, event)
            case m.PricesPublished():
                self._fold_prices(event)
            case _ if getattr(event, "session_id", None) in self.calls:
                self._fold_trade(self.calls[event.session_id], event)
                audit_of_trading.fold(self.calls[event.session_id], event)

    def _fold_trade(self, call: Call, event: Any) -> None:
        """Remember when an amendment was sent as an order, and who sold what where an administered price acts."""
        if isinstance(event, m.OrderAmended) and not event.keeps_place:
            self.limits.sent[call.orders[event.order_id].participant_id].append(event.at_ns)
        if isinstance(event, m.Traded) and self.region_of(call) in self.limits.administered:
            self._sold(event.session_id, event.seller_id, event.price_tenge_per_tonne, event.quantity_lots)

    def region_of(self, call: Call) -> str | None:
        """Return where the price of a session over an instrument counts: its region, or the whole Republic."""
        code = call.opened.instrument
        return None if code is None else call.opened.region or self.market.instruments[code].delivery_region

    def _fold_sales(self, call: Call, cleared: m.SessionCleared) -> None:
        """Remember who sold what in a session where an administered price has bound."""
        prices = {price.place: price.price_tenge_per_tonne for price in cleared.prices}
        bound = any("administered_price" in price.limits for price in cleared.prices)
        for fill in cleared.fills if bound else ():
            order = call.orders[fill.order_id]
            if order.side == "sell" and fill.quantity_lots:
                self._sold(order.session_id, order.participant_id, prices[order.place], fill.quantity_lots)

    def _sold(self, session_id: str, seller_id: str, price: int, lots: int) -> None:
        mass_kg = lots * self.calls[session_id].opened.lot_kg
        self.limits.sales[session_id, seller_id].append((price, mass_kg))

    def _fold_prices(self, event: m.PricesPublished) -> None:
        call = self.calls[event.session_id]
        call.phase = "published"
        self.pumps.update({pump.province: pump.pump_tiyn_per_litre for pump in event.pump_prices})
        provinces = [place.place for place in call.opened.places if place.kind == "province"]
        self.published_until.update(dict.fromkeys(provinces, event.delivery_month))


def moves_reference(books: Books, opened: m.SessionOpened, lots: int, day: str) -> bool:
    """Say whether so many lots are as many tank cars as the rules ask for, or one lot where they ask for nothing."""
    least = books.rule("reference_minimum_lots", day, day)
    return lots > 0 if least is None else Fraction(lots * opened.lot_kg, books.rule("lot", day, day)) >= least


def bid_limit(books: Books, instrument: str | None, day: str) -> int | None:
    """Return the most that the two keys leave to an order of a session, carriage apart; None while none acts."""
    level, spread = (books.rule(name, day, day) for name in ("two_key_level", "two_key_spread"))
    if books.limits.parity is None or level is None or not books.limits.acts(instrument):
        return None
    return int(max(level, books.limits.parity.parity_tenge_per_tonne + spread))


# --- The session ------------------------------------------------------------------------------------------------


def cleared(
    books: Books, command: m.ClearSession, events: tuple[m.AnyEvent, ...], *, against_delivery: bool
) -> Iterator[str]:
    """Judge the prices, fills and flows of a session, and its bookings where it settles at the trade."""
    call, event = books.calls[command.session_id], events[0]
    assert isinstance(event, m.SessionCleared)
    if event.session_id != command.session_id or event.rulebook_version != books.version:
        yield "names another session, or another rulebook than the one in force"
    if [fill.order_id for fill in event.fills] != list(call.orders):
        yield "the fills are not one for each standing order, in order of arrival"
        return
    plants = {place.place for place in call.opened.places if place.kind == "plant"}
    sellers = {order.order_id for order in call.orders.values() if order.side == "sell" and order.place in plants}
    sold = sum(fill.quantity_lots for fill in event.fills if fill.order_id in sellers)
    if event.reference_moved != moves_reference(books, call.opened, sold, books.day(command.at_ns)):
        yield "the reference moves on less volume than the rules ask for, or stays on enough"
    price = books.rule("administered_price", books.day(command.at_ns), books.day(command.at_ns))
    capped = (
        {} if price is None else {region: price + call.carriage.get(region, 0) for region in books.limits.administered}
    )
    judge = _Clearing(call, event, books, capped)
    yield from judge.stopped()
    yield from judge.administered()
    yield from judge.keyed(bid_limit(books, None, books.day(command.at_ns)))
    yield from judge.fills()
    yield from judge.flows()
    yield from judge.prices()
    yield from judge.ties(books.calls[command.session_id].opened.tie_rule)
    postings = next((told.postings for told in events if isinstance(told, m.LedgerPosted)), ())
    if not against_delivery:
        yield from judge.bookings(postings)


class _Clearing:
    """A session's orders beside what it found; each method judges one thing."""

    def __init__(self, call: Call, event: m.SessionCleared, books: Books, capped: dict[str, int]) -> None:
        self.call, self.event = call, event
        self.price = {price.place: price.price_tenge_per_tonne for price in event.prices}
        self.fill = {fill.order_id: fill.quantity_lots for fill in event.fills}
        self.flow = {(flow.source, flow.target): flow.quantity_lots for flow in event.flows}
        of_stopped = {
            order.order_id
            for order in call.orders.values()
            if books.stopped(order.session_id, order.participant_id, order.place)
        }
        self.left_out = [self.fill[order_id] for order_id in call.orders if order_id in of_stopped]
        self.capped = {place.place: capped[place.place] for place in call.opened.places if place.place in capped}
        self.deals = [
            (self._counting(order), self.fill[order.order_id])
            for order in call.orders.values()
            if order.order_id not in of_stopped
        ]

    def _counting(self, order: m.OrderAccepted) -> m.OrderAccepted:
        """A bid above an administered price counts at it: all such bids stand at the margin alike."""
        cap = self.capped.get(order.place)
        if order.side == "sell" or cap is None or order.price_tenge_per_tonne <= cap:
            return order
        return msgspec.structs.replace(order, price_tenge_per_tonne=cap)

    def administered(self) -> Iterator[str]:
        """No price is above an administered one, and each says whether it stands at it and what it would be without."""
        for price in self.event.prices:
            cap = self.capped.get(price.place)
            if cap is not None and price.price_tenge_per_tonne > cap:
                yield f"{price.place} is above the administered price {cap}"
            if ("administered_price" in price.limits) != (price.price_tenge_per_tonne == cap):
                yield f"{price.place} is wrong about the administered price"
            if not self.capped and price.uncapped_price_tenge_per_tonne is not None:
                yield f"{price.place} tells what it would be without a limit that it does not have"

    def keyed(self, highest: int | None) -> Iterator[str]:
        """Each price says whether it stands, carriage apart, at the most that the two keys leave to an order."""
        for price in self.event.prices:
            gate = price.price_tenge_per_tonne - self.call.carriage[price.place]
            if ("two_key_level" in price.limits) != (gate == highest):
                yield f"{price.place} is wrong about the two keys, whose limit is {highest}"

    def stopped(self) -> Iterator[str]:
        """What a stop reaches trades nothing; the other judgements are made as if it were not there."""
        if any(self.left_out):
            yield "an order trades that a stop reaches"

    def fills(self) -> Iterator[str]:
        """No order beyond its volume or its limit, and none left out that is better than the price."""
        for order, filled in self.deals:
            if not 0 <= filled <= order.quantity_lots:
                yield f"order {order.order_id} of {order.quantity_lots} lots is filled with {filled}"
            price = self.price.get(order.place)
            if price is None:
                if filled:
                    yield f"order {order.order_id} trades at a place without a price"
                continue
            gain = order.price_tenge_per_tonne - price if order.side == "buy" else price - order.price_tenge_per_tonne
            if gain < 0 and filled:
                yield f"order {order.order_id} trades at {price}, beyond its limit {order.price_tenge_per_tonne}"
            if gain > 0 and filled < order.quantity_lots:
                yield f"order {order.order_id} is better than {price} and is left out"

    def flows(self) -> Iterator[str]:
        """Gas moves along links, within their capacity, only where it pays, and nothing is lost on the way."""
        surplus = self._surplus()
        for link in self.call.opened.links:
            lots = self.flow.pop((link.source, link.target), 0)
            if not 0 <= lots <= link.capacity_lots:
                yield f"{lots} lots on {link.source} -> {link.target} of capacity {link.capacity_lots}"
            surplus[link.source] -= lots
            surplus[link.target] += lots
            rent = self._rent(link)
            if (rent < 0 and lots) or (rent > 0 and lots < link.capacity_lots):
                yield f"{link.source} -> {link.target} carries {lots} lots at a rent of {rent}"
        yield from (f"a flow on no link: {way}" for way in self.flow)
        yield from (f"{lots} lots are left over at {place}" for place, lots in surplus.items() if lots)

    def _surplus(self) -> defaultdict[str, int]:
        """Return what was sold less what was bought at each place."""
        surplus: defaultdict[str, int] = defaultdict(int)
        for order, filled in self.deals:
            surplus[order.place] += filled if order.side == "sell" else -filled
        return surplus

    def _rent(self, link: m.Link) -> int:
        if link.source not in self.price or link.target not in self.price:
            return 0
        return self.price[link.target] - self.price[link.source] - link.tariff_tenge_per_tonne

    def prices(self) -> Iterator[str]:
        """One price a place, welfare equal to its dual, averages and volumes as traded."""
        places = {place.place: place.kind for place in self.call.opened.places}
        if min(self.price.values(), default=0) < 0:
            yield "a price lies below zero"
        if len(self.price) != len(self.event.prices) or not set(self.price) <= set(places):
            yield "a place has two prices, or a price has no place"
        yield from self._welfare()
        for price in self.event.prices:
            side = "sell" if places[price.place] == "plant" else "buy"
            traded = sum(lots for order, lots in self.deals if order.place == price.place and order.side == side)
            if price.traded_lots != traded:
                yield f"{price.place} says {price.traded_lots} lots, its orders {traded}"
            yield from self._collar(price)
            yield from self._reason(price)
        sold = [
            (self.price[order.place], lots)
            for order, lots in self.deals
            if lots and order.side == "sell" and places[order.place] == "plant"
        ]
        if self.event.average_ex_works_tenge_per_tonne != twins.average(sold):
            yield f"the average is {self.event.average_ex_works_tenge_per_tonne}, not {twins.average(sold)}"

    def _welfare(self) -> Iterator[str]:
        sign = {"buy": 1, "sell": -1}
        primal = sum(sign[order.side] * order.price_tenge_per_tonne * lots for order, lots in self.deals)
        ways = {(link.source, link.target): link.tariff_tenge_per_tonne for link in self.call.opened.links}
        primal -= sum(ways[flow.source, flow.target] * flow.quantity_lots for flow in self.event.flows)
        dual = sum(link.capacity_lots * max(0, self._rent(link)) for link in self.call.opened.links)
        for order, _ in self.deals:
            if order.place in self.price:
                gain = sign[order.side] * (order.price_tenge_per_tonne - self.price[order.place])
                dual += max(0, gain) * order.quantity_lots
        if not self.event.welfare == self.event.dual_value == primal == dual:
            yield f"welfare {self.event.welfare}, dual {self.event.dual_value}; by hand {primal} and {dual}"

    def _collar(self, price: m.PlacePrice) -> Iterator[str]:
        opened = self.call.opened
        bounds = (opened.collar_lowest_tenge_per_tonne, opened.collar_highest_tenge_per_tonne)
        gate = price.price_tenge_per_tonne - self.call.carriage[price.place]
        if (gate in bounds) != ("collar" in price.limits):
            yield f"{price.place} is wrong about the collar"
        bounds = self.call.wider or bounds
        if price.traded_lots and bounds[1] is not None and gate > bounds[1]:
            yield f"{price.place} trades above the collar"
        if price.traded_lots and bounds[0] is not None and gate < bounds[0] and price.place in self._plants():
            yield f"{price.place} trades below the collar"

    def _reason(self, price: m.PlacePrice) -> Iterator[str]:
        """The orders and links that are named as reasons must be reasons."""
        standing = {
            order.order_id
            for order, _ in self.deals
            if order.place == price.set_at and order.price_tenge_per_tonne == self.price[order.place]
        }
        if set(price.marginal_orders) != standing:
            yield f"{price.place} names {price.marginal_orders} at {price.set_at}, by hand {sorted(standing)}"
        links = [link for link in self.call.opened.links if price.place in (link.source, link.target)]
        full = {f"{link.source} -> {link.target}" for link in links if link.capacity_lots and self._rent(link) > 0}
        if set(price.full_links) != full:
            yield f"{price.place} names the full links {price.full_links}, by hand {sorted(full)}"

    def _plants(self) -> set[str]:
        return {place.place for place in self.call.opened.places if place.kind == "plant"}

    def ties(self, tie_rule: str) -> Iterator[str]:
        """Equal orders at the margin: the earlier first, or pro rata to within one lot."""
        groups: defaultdict[tuple[str, str, int], list[tuple[m.OrderAccepted, int]]] = defaultdict(list)
        for order, filled in self.deals:
            groups[order.place, order.side, order.price_tenge_per_tonne].append((order, filled))
        for equals in groups.values():
            yield from _late_before_early(equals) if tie_rule == "time" else _out_of_proportion(equals)

    def bookings(self, postings: tuple[m.Posting, ...]) -> Iterator[str]:
        """Buyers pay, sellers and the carrier receive; what remains is the rent of full links."""
        booked: defaultdict[tuple[str, str], int] = defaultdict(int)
        for leg in postings:
            booked[leg.account, leg.unit] += leg.amount
        rent = booked.pop(("congestion", "tiyn"), 0)
        expected = {key: amount for key, amount in self._legs().items() if amount}
        if {key: amount for key, amount in booked.items() if amount} != expected:
            yield f"booked {dict(booked)}, where the deals make {expected}"
        exact = Fraction(0)
        for link in self.call.opened.links:
            lots = sum(f.quantity_lots for f in self.event.flows if (f.source, f.target) == (link.source, link.target))
            exact += Fraction(max(0, self._rent(link)) * lots * self.call.opened.lot_kg, 10)
        if abs(rent - exact) > len(postings):
            yield f"the rent of full links is {rent} tiyn, by hand {exact}"

    def _legs(self) -> dict[tuple[str, str], int]:
        legs: defaultdict[tuple[str, str], int] = defaultdict(int)
        kg = self.call.opened.lot_kg
        for order, lots in self.deals:
            if lots:
                sign = 1 if order.side == "buy" else -1
                account = f"participant:{order.participant_id}"
                legs[account, "tiyn"] -= sign * twins.amount_tiyn(self.price[order.place], lots * kg)
                legs[account, "kg"] += sign * lots * kg
        tariff = {(link.source, link.target): link.tariff_tenge_per_tonne for link in self.call.opened.links}
        for flow in self.event.flows:
            legs["carrier", "tiyn"] += twins.amount_tiyn(tariff[flow.source, flow.target], flow.quantity_lots * kg)
        return legs


def _late_before_early(equals: list[tuple[m.OrderAccepted, int]]) -> Iterator[str]:
    by_time = sorted(equals, key=lambda deal: deal[0].submitted_at_ns)
    for (early, got), (late, more) in pairwise(by_time):
        if got < early.quantity_lots and more and early.submitted_at_ns < late.submitted_at_ns:
            yield f"order {late.order_id} trades before the earlier {early.order_id} at the same price"


def _out_of_proportion(equals: list[tuple[m.OrderAccepted, int]]) -> Iterator[str]:
    filled, whole = sum(got for _, got in equals), sum(order.quantity_lots for order, _ in equals)
    for order, got in equals:
        if abs(got - Fraction(filled * order.quantity_lots, whole)) >= 1:
            yield f"order {order.order_id} got {got} of {filled} lots, out of proportion"


# --- The pump ---------------------------------------------------------------------------------------------------


def published(books: Books, command: m.PublishPrices, events: tuple[m.AnyEvent, ...]) -> Iterator[str]:
    """Compute every pump price again, in fractions, and compare; then the fund's bookings."""
    call, event = books.calls[command.session_id], events[0]
    assert isinstance(event, m.PricesPublished)
    expected = list(_pumps(books, call, books.day(command.at_ns)))
    expected = fund_twins.within_the_fund(books, call, expected, books.day(command.at_ns))
    if [pump.province for pump in event.pump_prices] != [wanted["province"] for wanted in expected]:
        yield "prices are published for other provinces than those that gas reaches"
        return
    for pump, wanted in zip(event.pump_prices, expected, strict=True):
        yield from _differences(pump, wanted)
    yield from _promises(event)
    booked = {(leg.account, leg.unit): leg.amount for e in events[1:] for leg in getattr(e, "postings", ())}
    owed = {(f"stations:{pump.province}", "tiyn"): pump.fund_tiyn for pump in event.pump_prices if pump.fund_tiyn}
    if owed:
        owed["fund", "tiyn"] = -sum(owed.values())
    fund = sum(leg.amount for e in events[1:] for leg in getattr(e, "postings", ()) if leg.account == "fund")
    if {**booked, **({("fund", "tiyn"): fund} if fund else {})} != owed:
        yield f"booked {booked} for the fund, owed {owed}"


def _differences(pump: m.PumpPrice, wanted: dict[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        if getattr(pump, name) != value:
            yield f"{pump.province}: {name} is {getattr(pump, name)}, by hand {value}"
    if not pump.reason:
        yield f"{pump.province} gives no reason"


def _promises(event: m.PricesPublished) -> Iterator[str]:
    """What anybody can check on a published price without knowing how it was made."""
    for pump in event.pump_prices:
        if sum(step.tiyn_per_litre for step in pump.steps) != pump.pump_tiyn_per_litre:
            yield f"{pump.province}: the steps do not sum to the price"
        if pump.cap_tiyn_per_litre is not None and pump.pump_tiyn_per_litre > pump.cap_tiyn_per_litre:
            yield f"{pump.province}: above the cap"


def _pumps(books: Books, call: Call, today: str) -> Iterator[dict[str, Any]]:
    month = call.opened.delivery_month
    rules = {name: books.rule(name, f"{month}-01", today) for name in ("vat", "density", "pump_step_rise")}
    for place in call.opened.places:
        if place.kind == "province":
            terms = books.terms[month, place.place]
            gas = twins.at_the_pump(
                _platform(call, place.place), _planned(books, month, place.place), terms.plan_pass_on_basis_points
            )
            if gas is not None:
                cap = books.rule("retail_cap", f"{month}-01", today, place.place)
                tiyn = None if cap is None else cap * 100
                last = books.pumps.get(place.place)
                yield _pump(call, place.place, gas, terms=terms, rules=rules, cap=tiyn, previous=last)


def _platform(call: Call, province: str) -> twins.Stream | None:
    assert call.cleared is not None
    found = [price for price in call.cleared.prices if price.place == province and price.traded_lots]
    if not found:
        return None
    tariff = {(link.source, link.target): link.tariff_tenge_per_tonne for link in call.opened.links}
    ways = [f for f in call.cleared.flows if f.target == province]
    transport = twins.average([(tariff[f.source, f.target], f.quantity_lots) for f in ways]) or 0
    return twins.Stream(found[0].traded_lots, found[0].price_tenge_per_tonne - transport, transport)


def _planned(books: Books, month: str, province: str) -> twins.Stream | None:
    plan = books.plans.get((month, province))
    if plan is None or not plan.outside_lots:
        return None
    assert plan.outside_price_tenge_per_tonne is not None
    return twins.Stream(plan.outside_lots, plan.outside_price_tenge_per_tonne, plan.transport_tenge_per_tonne)


def _pump(
    call: Call,
    province: str,
    gas: twins.Gas,
    *,
    terms: m.RetailTermsReported,
    rules: dict[str, Any],
    cap: int | None,
    previous: int | None,
) -> dict[str, Any]:
    costs = (rules["vat"], rules["density"], terms.depot_tenge_per_tonne, terms.station_margin_tiyn_per_litre)
    steps = twins.build_up(gas.ex_works, gas.transport, costs)
    bounded = twins.bound_pump(sum(steps), previous, rules["pump_step_rise"], cap)
    kg = gas.lots * call.opened.lot_kg
    assert call.cleared is not None
    of_session = [price.limits for price in call.cleared.prices if price.place == province]
    return {
        "province": province,
        "ex_works_tenge_per_tonne": gas.ex_works,
        "transport_tenge_per_tonne": gas.transport,
        "formula_tiyn_per_litre": sum(steps),
        "pump_tiyn_per_litre": bounded.pump,
        "previous_tiyn_per_litre": previous,
        "cap_tiyn_per_litre": cap,
        "limits": bounded.limits + (of_session[0] if of_session else ()),
        "volume_kg": kg,
        "fund_tiyn": bounded.fund * twins.half_up(Fraction(kg * 1000, rules["density"])),
        "steps": tuple(_named(steps, sum(steps) - bounded.pump - bounded.fund, bounded.fund)),
    }


def _named(steps: list[int], by_cap: int, by_fund: int) -> Iterator[m.PriceStep]:
    names = ("ex-works", "VAT", "transport", "depot", "station margin")
    yield from (m.PriceStep(name, tiyn) for name, tiyn in zip(names, steps, strict=True))
    if by_cap:
        yield m.PriceStep("held by the cap", -by_cap)
    if by_fund:
        yield m.PriceStep("paid by the fund", -by_fund)
