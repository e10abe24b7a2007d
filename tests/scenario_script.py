"""Sessions as scripts that a trader can read: one line an order, the outcome at the end.

    rules    pump_step_rise 500                  a rule of the sample rulebook, changed before the session
    session  2022-01 on 2021-12-31               delivery month, and the day on which orders are taken
    plan     KZ-47 40 lots at carriage 2000      a province's plan for the month
    11:00    zhanaozen  sell ZH     90000 5   as a     [-> refusal code]
    12:00    aktau      cancel a              [-> refusal code]
    adopt    collar_rise 1000                    the rulebook with a rule changed, from now on
    13:00    clear
    price    KZ-47 100000                        what must come out; `-` for no price
    fill     a 5
    flow     ZH -> KZ-47 5
    account  participant:aktau -360000 tenge     or `tiyn`, or `kg`
    full     KZ-47 ZH -> KZ-47                   the full link that is named as a reason
    pump     KZ-47 94.72                         published pump price, tenge a litre
    formula  KZ-47 94.72                         what it would be without any limit
    bound    KZ-47 pump_step_rise
    fund     KZ-47 1000000 tenge
    average  96000

The links are those of the small country of `tests.venue_samples` unless `link` lines replace them.
"""

from collections.abc import Callable
from typing import Any

from tests.venue_samples import (
    DAY,
    LINKS,
    MONTH,
    PLACES,
    Answer,
    Desk,
    founded,
    instant,
    opening,
    order,
    rulebook,
    terms,
)

from naryq.messages import (
    AdoptRulebook,
    CancelOrder,
    ClearSession,
    CloseSession,
    Link,
    OpenSession,
    Place,
    PlanSupply,
    PricesPublished,
    PublishPrices,
    ReportRetailTerms,
    RulebookText,
    SessionCleared,
    SubmitOrder,
)


class Script:
    """Plays a script line by line; a line that does not come true fails with itself as the message."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, Any] = {}
        self.links: list[Link] = []
        self.places: list[Place] = []
        self.desk: Desk | None = None
        self.session_id, self.day, self.month = "", DAY, MONTH
        self.cleared: SessionCleared | None = None
        self.published: PricesPublished | None = None
        self.line = ""
        for line in text.strip().split("\n"):
            self.line = line.strip()
            if self.line and not self.line.startswith("#"):
                self.play(*self.line.split())
        assert self.at_work.findings == []

    @property
    def at_work(self) -> Desk:
        """The venue, which opens with the first line that is not about rules, places or links."""
        if self.desk is None:
            self.desk = founded(self.text(), self.day)
        return self.desk

    def text(self) -> RulebookText:
        return rulebook(**self.rules)

    def play(self, first: str, *words: str) -> None:
        """Play one line."""
        if ":" in first:
            self.at_work.at_ns = max(self.at_work.at_ns + 1, instant(first, self.day))
            if words == ("clear",):
                return self._clear()
            return self._order(*words)
        step: Callable[..., None] = getattr(self, f"_{first}")
        return step(*words)

    # --- What is set up -----------------------------------------------------------------------------------------

    def _rules(self, name: str, *value: str) -> None:
        words = [int(word) if word.isdigit() else word for word in value]
        by_place = len(words) > 1 and isinstance(words[1], int)
        self.rules[name] = dict(zip(words[::2], words[1::2], strict=True)) if by_place else words[0]
        if name.startswith("who_may"):
            self.rules[name] = tuple(value)

    def _place(self, name: str, kind: str) -> None:
        self.places.append(Place(name, kind))  # type: ignore[arg-type]  # a script names a kind that exists

    def _link(self, source: str, _: str, target: str, capacity: str, tariff: str) -> None:
        self.links.append(Link(source, target, int(capacity), int(tariff)))

    def _session(self, month: str, _: str, day: str) -> None:
        self.month, self.day, self.session_id = month, day, f"call-{month}"
        desk = self.at_work
        desk.at_ns = max(desk.at_ns, instant("09:00", day))
        fields = {
            "day": day,
            "delivery_month": month,
            "places": tuple(self.places) or PLACES,
            "links": tuple(self.links) or (() if self.places else LINKS),
        }
        desk.must(OpenSession, "operator", **opening(self.session_id, **fields))

    def _plan(self, province: str, lots: str, *words: str) -> None:
        fields = {"delivery_month": self.month, "province": province, "total_lots": int(lots)}
        carriage = int(words[-1])
        self.at_work.must(PlanSupply, "regulator", **fields, transport_tenge_per_tonne=carriage)

    def _adopt(self, *words: str) -> None:
        self._rules(*words)
        self.at_work.must(AdoptRulebook, "regulator", rulebook=self.text())

    # --- What people do -----------------------------------------------------------------------------------------

    def _order(self, person: str, what: str, *words: str) -> None:
        words, refusal = (words[:-2], words[-1]) if "->" in words else (words, None)
        answer = self._cancel(person, *words) if what == "cancel" else self._submit(person, what, *words)
        assert answer.code == refusal, f"{self.line}: {answer.events[0]}"

    def _cancel(self, person: str, order_id: str) -> Answer:
        return self.at_work.give(CancelOrder, person, session_id=self.session_id, order_id=order_id)

    def _submit(self, person: str, side: str, place: str, price: str, lots: str, *words: str) -> Answer:
        order_id = words[-1] if words else person
        fields = order(order_id, place, side, price=int(price), lots=int(lots), session_id=self.session_id)
        return self.at_work.give(SubmitOrder, person, **fields)

    def _clear(self) -> None:
        """Close, clear and publish, with the same retail terms everywhere."""
        desk = self.at_work
        desk.must(CloseSession, "operator", session_id=self.session_id)
        self.cleared = desk.must(ClearSession, "operator", session_id=self.session_id)
        for place in self.places or PLACES:
            if place.kind == "province":
                desk.must(ReportRetailTerms, "operator", **terms(place.place, delivery_month=self.month))
        self.published = desk.must(PublishPrices, "operator", session_id=self.session_id)

    # --- What must come out -------------------------------------------------------------------------------------

    def expect(self, found: object, told: object) -> None:
        """Compare one outcome with what the line says."""
        assert found == told, f"{self.line}: found {found}"

    def _price(self, place: str, price: str) -> None:
        assert self.cleared is not None
        found = {p.place: p.price_tenge_per_tonne for p in self.cleared.prices}
        self.expect(found.get(place), None if price == "-" else int(price))

    def _average(self, price: str) -> None:
        assert self.cleared is not None
        self.expect(self.cleared.average_ex_works_tenge_per_tonne, None if price == "-" else int(price))

    def _fill(self, order_id: str, lots: str) -> None:
        assert self.cleared is not None
        found = {fill.order_id: fill.quantity_lots for fill in self.cleared.fills}
        self.expect(found.get(order_id), None if lots == "-" else int(lots))

    def _flow(self, source: str, _: str, target: str, lots: str) -> None:
        assert self.cleared is not None
        found = {(flow.source, flow.target): flow.quantity_lots for flow in self.cleared.flows}
        self.expect(found.get((source, target), 0), int(lots))

    def _full(self, place: str, source: str, arrow: str, target: str) -> None:
        assert self.cleared is not None
        found = next(price.full_links for price in self.cleared.prices if price.place == place)
        self.expect(found, (f"{source} {arrow} {target}",))

    def _account(self, name: str, amount: str, unit: str) -> None:
        of, amount_in_unit = ("kg", int(amount)) if unit == "kg" else ("tiyn", tiyn(amount, unit))
        held = sum(amount for key, amount in self.at_work.state.balances.items() if key == (name, of))
        self.expect(held, amount_in_unit)

    def _pumped(self, province: str) -> Any:
        assert self.published is not None
        return next((pump for pump in self.published.pump_prices if pump.province == province), None)

    def _pump(self, province: str, price: str) -> None:
        found = self._pumped(province)
        self.expect(found and f"{found.pump_tiyn_per_litre / 100:.2f}", None if price == "-" else price)

    def _formula(self, province: str, price: str) -> None:
        self.expect(f"{self._pumped(province).formula_tiyn_per_litre / 100:.2f}", price)

    def _bound(self, province: str, *limits: str) -> None:
        self.expect(self._pumped(province).limits, limits)

    def _fund(self, province: str, amount: str, unit: str) -> None:
        self.expect(self._pumped(province).fund_tiyn, tiyn(amount, unit))


def tiyn(amount: str, unit: str) -> int:
    """Read an amount of money."""
    return int(amount) * {"tiyn": 1, "tenge": 100}[unit]
