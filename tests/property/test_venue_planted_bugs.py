"""Bugs planted in the venue's core, one at a time: the auditor, an assertion or the replay must catch each."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.planting import catalogue, fold_with, judge_with, wrap
from tests.venue_samples import PLACES, Desk, dated, founded, instant, opening, order, replaced, rulebook, terms

from naryq import exchange, ledger, limits, pricing, reform, retail
from naryq.exchange import machine, orders, pump, sessions, supply
from naryq.exchange.topic import rules_in_force
from naryq.ledger import at_trade
from naryq.limits import pump as pump_limits
from naryq.messages import (
    AdmitParticipant,
    AdoptRulebook,
    CancelOrder,
    ClearSession,
    CloseSession,
    Link,
    OpenSession,
    OrderCancelled,
    PlanSupply,
    PublishPrices,
    Refused,
    ReportRetailTerms,
    SubmitOrder,
)
from naryq.units import Rounding, divide

RULES: dict[str, Any] = {
    "collar_rise": 1_000,
    "collar_fall": 6_000,
    "pump_step_rise": 501,
    "retail_cap": {"KZ-23": 80, "default": 140},
    "platform_share": (
        dated("2021-10-01", "2021-10-01", {"default": 6_500, "KZ-47": 0}),
        dated("2022-01-01", "2021-10-22", {"default": 10_000}),
    ),
    "wholesale_cap": (dated("2021-01-01", "2021-01-01", 38_000, until="2021-12-31"),),
}
NARROW = (Link("ZH", "KZ-47", 6, 2_000), Link("AT", "KZ-47", 100, 6_001), Link("AT", "KZ-23", 100, 1_003))


# --- The tour: a short life of a venue that passes every rule ---------------------------------------------------


def tour() -> list[str]:
    """Take a venue through everything that can go right or wrong, and return what its watchers say."""
    desk = founded(rulebook(**RULES), "2021-11-30")
    for stage in (_december, _january, _wrong, _edges, _last_instant, _after):
        if not desk.findings:
            stage(desk)
    if not desk.findings and exchange.state_hash(desk.read_back()) != exchange.state_hash(desk.state):
        return ["replay ends in another state"]
    return desk.findings


def _december(desk: Desk) -> None:
    _month(desk, "2021-12", "2021-11-30")
    _orders(
        desk,
        "2021-12",
        "zhanaozen ZH sell 90011 10",
        "atyrau AT sell 80013 10",
        "aktau KZ-23 buy 96017 9",
        "dossor KZ-23 buy 95000 7",
    )
    _end(desk, "2021-12", "2021-11-30")


def _january(desk: Desk) -> None:
    _month(desk, "2022-01", "2021-12-31", links=NARROW)
    _orders(
        desk,
        "2022-01",
        "zhanaozen ZH sell 85000 9",
        "atyrau AT sell 88000 9",
        "dossor KZ-47 buy 95003 8",
        "aktau KZ-47 buy 95003 8",
        "aktau KZ-47 buy 95003 8",
        "aktau KZ-23 buy 90011 3",
        "aktau KZ-23 buy 96000 5",
        "zhanaozen ZH sell 40000 1",
        "aktau ZH sell 90000 1",
        "zhanaozen ZH buy 90000 1",
        "press ZH buy 90000 1",
        "nobody ZH buy 90000 1",
        "aktau XX buy 90000 1",
    )


def _month(desk: Desk, month: str, day: str, **changes: Any) -> None:
    desk.at_ns = instant("10:00", day)
    for number, place in enumerate(("KZ-47", "KZ-23")):
        desk.give(ReportRetailTerms, "operator", **terms(place, delivery_month=month, plan_pass_on_basis_points=3_333))
        plan = {"delivery_month": month, "province": place, "total_lots": 31 + number}
        desk.give(PlanSupply, "regulator", **plan, transport_tenge_per_tonne=4_321)
        desk.give(PlanSupply, "operator", **plan, transport_tenge_per_tonne=4_321)
    desk.give(OpenSession, "operator", **opening(month, day=day, delivery_month=month, **changes))
    desk.give(OpenSession, "operator", **opening(month, day=day, delivery_month=month, **changes))
    desk.at_ns = instant("11:00", day) - 1
    _orders(desk, month, "aktau KZ-23 buy 95000 1")
    desk.at_ns = instant("11:00", day)


def _orders(desk: Desk, session_id: str, *lines: str) -> None:
    for line in lines:
        person, place, side, price, lots = line.split()
        fields = order(f"o{999 - len(desk.rows)}", place, side, price=int(price), lots=int(lots), session_id=session_id)
        desk.give(SubmitOrder, person, **fields)
        desk.at_ns += 1


def _wrong(desk: Desk) -> None:
    """Send what must be refused, and what must be answered as before."""
    standing = list(desk.auditor.books.calls["2022-01"].orders.values())
    mine = next(each for each in standing if each.participant_id == "aktau" and each.price_tenge_per_tonne == 96_000)
    taken = {"session_id": "2022-01", "order_id": mine.order_id}
    desk.give(SubmitOrder, "aktau", **order(mine.order_id, "KZ-23", "buy", price=95_000, lots=1, session_id="2022-01"))
    desk.give(CancelOrder, "dossor", **taken)
    desk.give(CancelOrder, "aktau", **taken)
    desk.give(CancelOrder, "aktau", **taken)
    desk.give(AdmitParticipant, "aktau", participant_id="friend", name="Friend", role="operator")
    desk.give(CloseSession, "operator", session_id="2022-01")
    desk.give(ClearSession, "operator", session_id="2022-01")
    desk.give(SubmitOrder, "nobody", at_ns=2**63 - 1, **order("far", "ZH", "buy", price=1, lots=1, session_id="none"))
    desk.give(CloseSession, "operator", at_ns=desk.at_ns - 10**9, session_id="2022-01")
    accepted = next(row.command for row in reversed(desk.rows) if not isinstance(row.events[0], Refused))
    desk.send(accepted)
    desk.send(replaced(accepted, at_ns=desk.at_ns))
    desk.send(replaced(accepted, at_ns=desk.at_ns, actor="dossor"))
    desk.give(AdoptRulebook, "regulator", rulebook=rulebook("later", **{**RULES, "who_may_buy": ("seller",)}))
    _orders(desk, "2022-01", "aktau KZ-47 buy 95000 1", "zhanaozen KZ-47 buy 95002 2")


def _edges(desk: Desk) -> None:
    """Send orders at both bounds of the collar and one step beyond, and at both ends of the last instant."""
    call = desk.auditor.books.calls["2022-01"].opened
    highest, lowest = call.collar_highest_tenge_per_tonne, call.collar_lowest_tenge_per_tonne
    assert highest is not None
    assert lowest is not None
    for place, carriage in (("ZH", 0), ("KZ-47", 2_000), ("KZ-23", 1_003)):
        for price in (highest, highest + 1, lowest, lowest - 1):
            _orders(desk, "2022-01", f"atyrau {place} sell {price + carriage} 1")


def _last_instant(desk: Desk) -> None:
    """Send an order at the last instant of the window and one at the next, and end the session."""
    desk.at_ns = instant("13:00") - 1
    _orders(desk, "2022-01", "atyrau ZH sell 90000 1", "atyrau ZH sell 90000 1")
    last = list(desk.auditor.books.calls["2022-01"].orders)[-1]
    desk.give(CancelOrder, "atyrau", session_id="2022-01", order_id=last)
    _end(desk, "2022-01", "2021-12-31")


def _end(desk: Desk, month: str, day: str) -> None:
    desk.at_ns = instant("13:00", day)
    for kind in (CloseSession, ClearSession, PublishPrices, PublishPrices):
        desk.give(kind, "operator", session_id=month)


def _after(desk: Desk) -> None:
    """Hold a second session for a month that is published."""
    desk.give(OpenSession, "operator", **opening("again", window="other", places=PLACES))
    desk.at_ns = instant("14:00")
    _orders(desk, "again", "zhanaozen ZH sell 90000 5", "atyrau KZ-47 buy 99000 5")
    desk.at_ns = instant("16:00")
    for kind in (CloseSession, ClearSession, PublishPrices):
        desk.give(kind, "operator", session_id="again")


# --- The bugs ---------------------------------------------------------------------------------------------------

BUGS, bug = catalogue()


def cleared_as(patch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Change what clearing says."""
    wrap(patch, pricing, "clear_session", lambda original, *args, **named: change(original(*args, **named)))


@bug
def _carrier_unpaid(patch: pytest.MonkeyPatch) -> None:
    """The carrier's leg is dropped."""
    wrap(patch, ledger, "settlement", lambda original, deals, _: original(deals, 0))


@bug
def _leg_lost(patch: pytest.MonkeyPatch) -> None:
    """One leg of a settlement is lost."""
    wrap(patch, ledger, "settlement", lambda original, *args: original(*args)[1:])


@bug
def _signs_swapped(patch: pytest.MonkeyPatch) -> None:
    """Buyers receive and sellers pay."""
    wrap(
        patch,
        at_trade,
        "_deal_legs",
        lambda original, deal: tuple(replaced(leg, amount=-leg.amount) for leg in original(deal)),
    )


@bug
def _paid_as_bid(patch: pytest.MonkeyPatch) -> None:
    """Orders settle at one tenge above the price of their place."""
    wrap(
        patch,
        at_trade,
        "_deal_legs",
        lambda original, deal: original(deal._replace(price_tenge_per_tonne=deal.price_tenge_per_tonne + 1)),
    )


@bug
def _float_price(patch: pytest.MonkeyPatch) -> None:
    """A price is a fraction."""
    wrap(
        patch,
        pricing,
        "_place_price",
        lambda original, *args: replaced(
            original(*args), price_tenge_per_tonne=original(*args).price_tenge_per_tonne + 0.0
        ),
    )


@bug
def _cap_ignored(patch: pytest.MonkeyPatch) -> None:
    """The retail cap is ignored."""
    patch.setattr(pricing, "_cap_tiyn_per_litre", lambda *_: None)


@bug
def _cap_in_tenge(patch: pytest.MonkeyPatch) -> None:
    """The cap in tenge is compared with a price in tiyn."""
    patch.setattr(pricing, "_cap_tiyn_per_litre", lambda rules, province: rules.integer("retail_cap", province))


@bug
def _cap_of_elsewhere(patch: pytest.MonkeyPatch) -> None:
    """Every province has the cap of the rest of the country."""
    wrap(patch, pricing, "_cap_tiyn_per_litre", lambda original, rules, _: original(rules, "KZ-47"))


@bug
def _step_rounded_up(patch: pytest.MonkeyPatch) -> None:
    """The largest rise is rounded up."""
    wrap(patch, pump_limits, "moved", lambda original, price, rise, _: original(price, rise, Rounding.UP))


@bug
def _step_ignored(patch: pytest.MonkeyPatch) -> None:
    """The step is ignored."""
    wrap(patch, limits, "bound_pump", lambda original, formula, last, _, cap: original(formula, last, None, cap))


@bug
def _step_before_cap(patch: pytest.MonkeyPatch) -> None:
    """The fund pays for what the cap holds too."""

    def around(original: Any, formula: int, last: int | None, step: int | None, cap: int | None) -> Any:
        bounded = original(formula, last, step, cap)
        return bounded._replace(fund_tiyn_per_litre=formula - bounded.pump_tiyn_per_litre)

    wrap(patch, limits, "bound_pump", around)


@bug
def _vat_on_all(patch: pytest.MonkeyPatch) -> None:
    """VAT is laid on the depot a second time."""

    def around(original: Any, ex_works: int, transport: int, terms_: Any) -> Any:
        taxed = divide(terms_.depot_tenge_per_tonne * 11_200, 10_000)
        return original(ex_works, transport, terms_._replace(depot_tenge_per_tonne=taxed))

    wrap(patch, retail, "build_up", around)


@bug
def _no_vat_on_transport(patch: pytest.MonkeyPatch) -> None:
    """Transport is not taxed."""

    def around(original: Any, ex_works: int, transport: int, terms_: Any) -> Any:
        return original(ex_works, divide(transport * 10_000, 11_200), terms_)

    wrap(patch, retail, "build_up", around)


@bug
def _steps_rounded_each(patch: pytest.MonkeyPatch) -> None:
    """Each step is rounded by itself, so that the roundings pile up."""

    def around(original: Any, ex_works: int, transport: int, terms_: Any) -> Any:
        bare = terms_._replace(depot_tenge_per_tonne=0, station_margin_tiyn_per_litre=0)
        costs, carried = original(0, 0, terms_), original(0, transport, bare)
        return (*original(ex_works, 0, bare)[:2], carried[2], *costs[3:])

    wrap(patch, retail, "build_up", around)


@bug
def _fund_by_weight(patch: pytest.MonkeyPatch) -> None:
    """The fund pays for kilograms instead of litres."""
    patch.setattr(reform, "fund_cost", lambda gap, mass_kg, _: gap * mass_kg)


@bug
def _fund_unbooked(patch: pytest.MonkeyPatch) -> None:
    """The fund's payment is published and not booked."""
    patch.setattr(ledger, "compensation", lambda *_: ())


@bug
def _plan_at_market(patch: pytest.MonkeyPatch) -> None:
    """Plan gas that is passed on is priced as platform gas."""
    wrap(patch, pricing, "_gas", lambda original, platform, planned, _: original(platform, planned, 0))


@bug
def _plan_by_today(patch: pytest.MonkeyPatch) -> None:
    """The plan is parted by today's share, not by that of the delivery month."""
    patch.setattr(supply, "rules_for_month", lambda state, at_ns, _: rules_in_force(state, at_ns))


@bug
def _tie_by_id(patch: pytest.MonkeyPatch) -> None:
    """Equal orders are filled by identifier instead of time."""

    def around(original: Any, orders: Any) -> Any:
        ranks = sorted(order.order_id for order in orders)
        return {**original(orders), "submitted_at": [ranks.index(order.order_id) for order in orders]}

    wrap(patch, pricing, "_order_columns", around)


@bug
def _links_doubled(patch: pytest.MonkeyPatch) -> None:
    """A link carries twice what it can."""

    def around(original: Any, links: Any) -> Any:
        return original([replaced(link, capacity_lots=2 * link.capacity_lots) for link in links])

    wrap(patch, pricing, "_link_columns", around)


@bug
def _tariffs_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The auction sees links without their tariffs."""
    wrap(
        patch,
        pricing,
        "_link_columns",
        lambda original, links: original([replaced(link, tariff_tenge_per_tonne=0) for link in links]),
    )


@bug
def _one_lot_too_many(patch: pytest.MonkeyPatch) -> None:
    """The first order is filled beyond its volume."""
    cleared_as(
        patch,
        lambda event: replaced(
            event, fills=(replaced(event.fills[0], quantity_lots=event.fills[0].quantity_lots + 90), *event.fills[1:])
        ),
    )


@bug
def _prices_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Every price is one tenge too high."""
    cleared_as(
        patch,
        lambda event: replaced(
            event, prices=tuple(replaced(p, price_tenge_per_tonne=p.price_tenge_per_tonne + 1) for p in event.prices)
        ),
    )


@bug
def _plain_average(patch: pytest.MonkeyPatch) -> None:
    """The average price is not weighted by what was sold."""

    def change(event: Any) -> Any:
        prices = [price.price_tenge_per_tonne for price in event.prices]
        return replaced(event, average_ex_works_tenge_per_tonne=divide(sum(prices), len(prices)))

    cleared_as(patch, change)


@bug
def _role_unchecked(patch: pytest.MonkeyPatch) -> None:
    """Nobody's role is checked."""
    patch.setattr(machine, "_check_permission", lambda *_: None)


@bug
def _side_unchecked(patch: pytest.MonkeyPatch) -> None:
    """Sellers may buy, whatever the rulebook says."""
    checks = tuple(check for check in orders._CHECKS if check is not orders._check_may_trade)
    patch.setattr(orders, "_CHECKS", checks)


@bug
def _old_rules(patch: pytest.MonkeyPatch) -> None:
    """Orders are judged by the first rulebook instead of the one in force."""
    first = rulebook(**RULES)

    def around(original: Any, state: Any, *args: Any) -> Any:
        return original(state and msgspec.structs.replace(state, rulebook=type(state.rulebook)(first)), *args)

    wrap(patch, orders, "rules_in_force", around)


@bug
def _window_too_long(patch: pytest.MonkeyPatch) -> None:
    """An order is taken at the instant at which the window ends."""

    def around(original: Any, state: Any, command: Any) -> Any:
        session = state.sessions.get(command.session_id)
        at_the_end = session is not None and command.at_ns == session.opened.closes_at_ns
        (event,) = original(state, replaced(command, at_ns=command.at_ns - at_the_end))
        return (event if isinstance(event, Refused) else replaced(event, submitted_at_ns=command.at_ns),)

    judge_with(patch, SubmitOrder, around)


@bug
def _window_in_utc(patch: pytest.MonkeyPatch) -> None:
    """Windows are read as hours of UTC."""
    wrap(patch, sessions, "instant_ns", lambda original, day, clock, _: original(day, clock, 0))


@bug
def _early_close(patch: pytest.MonkeyPatch) -> None:
    """A session may be closed while its window is open."""
    judge_with(
        patch,
        CloseSession,
        lambda original, state, command: original(state, replaced(command, at_ns=command.at_ns + 10**15)),
    )


@bug
def _collar_without_carriage(patch: pytest.MonkeyPatch) -> None:
    """The collar is judged at the buyer's place instead of the gate."""
    wrap(patch, limits, "judge_price", lambda original, price, _, bounds: original(price, 0, bounds))


@bug
def _collar_one_off(patch: pytest.MonkeyPatch) -> None:
    """The collar is one tenge too wide."""
    wrap(
        patch,
        limits,
        "judge_price",
        lambda original, price, carriage, bounds: original(
            price,
            carriage,
            msgspec.structs.replace(bounds, highest_tenge_per_tonne=(bounds.highest_tenge_per_tonne or 10**9) + 1),
        ),
    )


@bug
def _double_orders(patch: pytest.MonkeyPatch) -> None:
    """An order identifier is taken twice."""
    empty = exchange.initial_state().order_ids
    judge_with(
        patch,
        SubmitOrder,
        lambda original, state, command: original(msgspec.structs.replace(state, order_ids=empty), command),
    )


@bug
def _cancelled_filled(patch: pytest.MonkeyPatch) -> None:
    """A cancelled order stays in the session."""
    fold_with(patch, OrderCancelled, lambda state, _: state)


@bug
def _cancel_anybody(patch: pytest.MonkeyPatch) -> None:
    """Anybody may cancel anybody's order."""

    def around(original: Any, state: Any, command: Any) -> Any:
        session = state.sessions.get(command.session_id)
        number = session and session.numbers.get(command.order_id)
        owner = session.orders[number].participant_id if number else command.actor
        return original(state, replaced(command, actor=owner))

    judge_with(patch, CancelOrder, around)


@bug
def _last_look(patch: pytest.MonkeyPatch) -> None:
    """An order is cancelled after the window has ended."""
    judge_with(
        patch,
        CancelOrder,
        lambda original, state, command: original(state, replaced(command, at_ns=command.at_ns - 2)),
    )


@bug
def _phase_unchecked(patch: pytest.MonkeyPatch) -> None:
    """A session is cleared before it is closed."""

    def around(original: Any, state: Any, session_id: str, *phases: str) -> Any:
        return original(state, session_id, *phases, "collecting")

    wrap(patch, sessions, "session_in", around)


@bug
def _published_twice(patch: pytest.MonkeyPatch) -> None:
    """A month is published twice, so that its step is taken twice."""
    patch.setattr(pump, "_check_unpublished", lambda *_: None)


@bug
def _time_runs_back(patch: pytest.MonkeyPatch) -> None:
    """A command from the past is taken."""
    patch.setattr(machine, "_check_time", lambda *_: None)


@bug
def _refused_moves_clock(patch: pytest.MonkeyPatch) -> None:
    """A refused command moves the venue's clock."""

    def around(original: Any, state: Any, entry: Any) -> Any:
        after = original(state, entry)
        return msgspec.structs.replace(after, at_ns=max(after.at_ns, entry.command.at_ns))

    wrap(patch, exchange, "apply", around)


@bug
def _forgets_commands(patch: pytest.MonkeyPatch) -> None:
    """A repeated command takes effect again."""
    patch.setattr(exchange, "sequence_of", lambda *_: None)


@bug
def _one_set_of_identifiers(patch: pytest.MonkeyPatch) -> None:
    """Whoever comes first under an identifier has it, whoever else meant to use it."""
    patch.setattr(machine, "identity", lambda _, command_id: command_id)


@bug
def _reference_forgotten(patch: pytest.MonkeyPatch) -> None:
    """The collar does not know the last average price."""
    judge_with(
        patch,
        OpenSession,
        lambda original, state, command: original(
            msgspec.structs.replace(state, reference_tenge_per_tonne=None), command
        ),
    )


@bug
def _booked_twice(patch: pytest.MonkeyPatch) -> None:
    """Every set of postings is booked twice."""
    wrap(patch, ledger, "post", lambda original, balances, legs: original(original(balances, legs), legs))


def test_a_sound_venue_passes_the_tour() -> None:
    """Without a planted bug nobody finds anything, and the tour is long enough to find something."""
    assert tour() == []


@pytest.mark.parametrize("name", BUGS)
def test_the_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tour with this bug planted ends with a finding, an assertion of the venue, or a row that cannot be read."""
    BUGS[name](monkeypatch)
    try:
        findings = tour()
    except (AssertionError, msgspec.ValidationError) as failure:
        findings = [f"the venue stops: {failure}"]
    assert findings, f"nobody noticed: {name}"
